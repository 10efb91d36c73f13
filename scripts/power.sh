#!/usr/bin/env bash
# Power cuts: every write and flush of the library's disk is noted, and what a disk may have kept of them at some moment is mounted: all up to
# the last flush, and of the rest some whole, some torn, some not at all. What fsync of a file or of its folder had answered by then is there,
# versions open, fsck is clean. power.sh [CUTS [SECONDS]]: 100 cuts of a load of 30 seconds by default.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
CUTS=${1:-100}
LOAD=${2:-30}
case $CUTS$LOAD in *[!0-9]*)
    say "Usage: scripts/power.sh [CUTS [SECONDS]]"
    exit 2
    ;;
esac
is_root || die "power.sh mounts disk images: run it as root"
need_fuse
need_packages "${APT_MOUNT[@]}" "${APT_DISKS[@]}" python3 procps
[ -n "${DAM_BIN_DIR:-}" ] || need_cargo
build_programs
PATH=$BIN:$PATH
WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/damfs-power.XXXXXX")
export XDG_CONFIG_HOME=$WORK/config DAM_LIBRARY=$WORK/disk/library
M=$WORK/mount
LOOP=
# shellcheck disable=SC2317,SC2329 # called by the trap
finish() {
    ! mounted "$M" || dam unmount --force "$M" >/dev/null 2>&1 || umount -l "$M" || true
    ! mounted "$WORK/disk" || umount "$WORK/disk" || umount -l "$WORK/disk" || true
    [ -z "$LOOP" ] || losetup -d "$LOOP" || true
    ! mounted "$WORK/below" || umount "$WORK/below" || umount -l "$WORK/below" || true
    rm -rf --one-file-system -- "$WORK" || true
}
trap finish EXIT
mkdir "$M" "$WORK/disk" "$WORK/below"

truncate -s 512M "$WORK/image"
mkfs.ext4 -q -F -m 0 "$WORK/image"
cp --sparse=always "$WORK/image" "$WORK/base"
: >"$WORK/log"
python3 "$ROOT/scripts/durable/disk.py" serve "$WORK/below" "$WORK/image" "$WORK/log" &
wait_for 60 [ -e "$WORK/below/disk" ] || die "the noted disk did not come up"
LOOP=$(losetup --show -f "$WORK/below/disk")
mount "$LOOP" "$WORK/disk"
dam init "$DAM_LIBRARY" >/dev/null
dam mount "$DAM_LIBRARY" "$M" >/dev/null
sync -f "$WORK/disk"
from=$(stat -c %s "$WORK/log")
python3 "$ROOT/scripts/durable/power.py" run "$M" "$WORK/log" "$WORK/notes" "$LOAD" "${POWER_SEED:-1}"
dam unmount "$M" >/dev/null
umount "$WORK/disk"
losetup -d "$LOOP"
LOOP=
to=$(stat -c %s "$WORK/log")
umount "$WORK/below"
wait
say "$(wc -l <"$WORK/notes") notes, $(((to - from) / 1048576)) MiB of writes"

RANDOM=${POWER_SEED:-1}
for cut in $(seq "$CUTS"); do
    at=$((from + (to - from) * (RANDOM * 32768 + RANDOM) / 1073741824))
    python3 "$ROOT/scripts/durable/disk.py" cut "$WORK/base" "$WORK/log" "$at" "$cut" "$WORK/image" >"$WORK/said"
    mount -o loop "$WORK/image" "$WORK/disk"
    dam mount "$DAM_LIBRARY" "$M" >/dev/null || die "cut $cut: the library does not mount ($(cat "$WORK/said"))"
    python3 "$ROOT/scripts/durable/power.py" check "$M" "$WORK/notes" "$at" || die "cut $cut at $at: $(cat "$WORK/said")"
    dam unmount "$M" >/dev/null
    dam fsck --deep >"$WORK/out" || {
        cat "$WORK/out" >&2
        die "cut $cut at $at: fsck is not clean ($(cat "$WORK/said"))"
    }
    umount "$WORK/disk"
done
say "power: $CUTS cuts, everything that was synced is there and fsck is clean"
