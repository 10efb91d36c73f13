#!/usr/bin/env bash
# Each step of a save fails, one after the other: the program hears of it or the save is whole, the old version stays, and the next save works.
# Then a disk that is really full and one that the kernel makes read-only. faults.sh [--quick]: fewer errors, every third call.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
case ${1:-} in
'' | --quick) ;;
*)
    say "Usage: scripts/faults.sh [--quick]"
    exit 2
    ;;
esac
is_root || die "faults.sh mounts disk images: run it as root"
need_fuse
need_packages "${APT_MOUNT[@]}" "${APT_BUILD[@]}" "${APT_DISKS[@]}" python3
[ -n "${DAM_BIN_DIR:-}" ] || need_cargo
build_programs
PATH=$BIN:$PATH
WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/damfs-faults.XXXXXX")
export XDG_CONFIG_HOME=$WORK/config
M=$WORK/mount
# shellcheck disable=SC2317,SC2329 # called by the trap
finish() {
    ! mounted "$M" || dam unmount --force "$M" >/dev/null 2>&1 || umount -l "$M" || true
    ! mounted "$WORK/disk" || umount "$WORK/disk" || umount -l "$WORK/disk" || true
    rm -rf --one-file-system -- "$WORK" || true
}
trap finish EXIT
mkdir "$M" "$WORK/disk"

gcc -O1 -shared -fPIC -Wall -Wextra -o "$WORK/faults.so" "$ROOT/scripts/durable/faults.c"
export DAM_LIBRARY=$WORK/library FAULTS_CONTROL=$WORK/control FAULTS_BELOW=$WORK/library FAULTS_PRELOAD=$WORK/faults.so
truncate -s 4096 "$FAULTS_CONTROL"
dam init "$DAM_LIBRARY" >/dev/null
python3 "$ROOT/scripts/durable/faults.py" "$M" "$FAULTS_CONTROL" "$@" || die "a fault was not borne"
dam unmount "$M" >/dev/null
dam fsck --deep >"$WORK/out" || die "fsck is not clean: $(cat "$WORK/out")"
unset FAULTS_CONTROL FAULTS_BELOW

# A library on a small disk of its own, mounted at $M.
disk() {
    truncate -s 96M "$WORK/image"
    mkfs.ext4 -q -F -m 0 "$WORK/image"
    mount -o loop,errors=remount-ro "$WORK/image" "$WORK/disk"
    export DAM_LIBRARY=$WORK/disk/library
    dam init "$DAM_LIBRARY" >/dev/null
    dam mount "$DAM_LIBRARY" "$M" >/dev/null
    head -c 3000000 /dev/urandom >"$WORK/old"
    head -c 3000000 /dev/urandom >"$WORK/new"
    cp "$WORK/old" "$M/library/f.bin"
    cp "$WORK/new" "$M/library/goes.bin"
    dam settle >/dev/null
    wait_for 60 [ -e "$DAM_LIBRARY/run/reserve" ] || die "no space is kept back for removals"
}
save() { cp -- "$1" "$M/library/.f.bin.Xk3f9Q" && sync "$M/library/.f.bin.Xk3f9Q" && mv -- "$M/library/.f.bin.Xk3f9Q" "$M/library/f.bin"; }
check() {
    dam unmount "$M" >/dev/null
    dam fsck --deep >"$WORK/out" || die "$1: fsck is not clean: $(cat "$WORK/out")"
}

disk
# Nothing is left, not even what damfs keeps back for removals.
dd if=/dev/zero of="$WORK/disk/ballast" bs=1M 2>/dev/null || true
dd if=/dev/zero of="$WORK/disk/ballast2" bs=4k 2>/dev/null || true
! save "$WORK/new" 2>"$WORK/said" || die "a full disk: the save said nothing"
grep -q "No space left" "$WORK/said" || die "a full disk: $(cat "$WORK/said")"
cmp "$M/library/f.bin" "$WORK/old" || die "a full disk: the old file is gone"
rm -f "$M/library/.f.bin.Xk3f9Q"
rm "$M/library/goes.bin" || die "a full disk: nothing can be removed"
dam settle >/dev/null 2>&1 || true
rm "$WORK"/disk/ballast*
save "$WORK/new" || die "room was made, and the next save does not work"
dam settle >/dev/null || die "room was made, and no version can be made"
cmp "$M/library/f.bin" "$WORK/new"
cmp "$M/versions/f.bin/1.bin" "$WORK/old" || die "a full disk: the old version is gone"
check "a full disk"
dam mount "$DAM_LIBRARY" "$M" >/dev/null
cmp "$M/library/f.bin" "$WORK/new"
dam unmount "$M" >/dev/null
umount "$WORK/disk"
say "faults: a full disk refuses the save, keeps the old file and goes on when there is room"

disk
device=$(basename "$(findmnt -no SOURCE "$WORK/disk")")
echo 1 >"/sys/fs/ext4/$device/trigger_fs_error"
! touch "$WORK/disk/probe" 2>/dev/null || die "the kernel did not make the disk read-only"
! save "$WORK/new" 2>"$WORK/said" || die "a read-only disk: the save said nothing"
cmp "$M/library/f.bin" "$WORK/old" || die "a read-only disk: the old file does not read"
cmp "$M/versions/f.bin/1.bin" "$WORK/old" || die "a read-only disk: the old version does not read"
dam settle >/dev/null 2>&1 || true
dam unmount "$M" >/dev/null || die "a read-only disk: it does not unmount"
umount "$WORK/disk"
e2fsck -fy "$WORK/image" >/dev/null 2>&1 || [ $? -le 2 ] || die "the disk cannot be repaired"
mount -o loop "$WORK/image" "$WORK/disk"
dam mount "$DAM_LIBRARY" "$M" >/dev/null || die "after the repair the library does not mount"
cmp "$M/library/f.bin" "$WORK/old"
save "$WORK/new" || die "after the repair the next save does not work"
dam settle >/dev/null
cmp "$M/library/f.bin" "$WORK/new"
check "a read-only disk"
say "faults: a disk that the kernel made read-only refuses the save, is read on, and goes on after its repair"
