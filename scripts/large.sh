#!/usr/bin/env bash
# Large files: how much a small change stores, what sparse and long files and many small writes take of the daemon's memory.
# large.sh [--quick]: quick is a sixteenth of the sizes.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
PART=1
case ${1:-} in
'') ;;
--quick) PART=16 ;;
*)
    say "Usage: scripts/large.sh [--quick]"
    case $1 in -h | --help) exit 0 ;; esac
    exit 2
    ;;
esac
need_mounts python3 procps
new_library large
# The most that the daemon may ever have taken, in MiB.
MEMORY=512
dam mount "$DAM_LIBRARY" "$M" >/dev/null
L=$M/library
begun=$SECONDS
fine() {
    say "   $1 ($((SECONDS - begun)) s; the daemon has taken $(peak) MiB at most)"
    begun=$SECONDS
    [ "$(peak)" -le "$MEMORY" ] || die "the daemon took $(peak) MiB of memory; $MEMORY are what it may take"
}
peak() {
    local pid
    pid=$(dam status --json | python3 -c 'import json, sys; print(next(m["pid"] for m in json.load(sys.stdin)["mounts"] if m["mountpoint"] == sys.argv[1]))' "$M")
    awk '/^VmHWM/ { print int($2 / 1024) }' "/proc/$pid/status"
}
# KiB of the store, once every version is made.
store() {
    dam settle >/dev/null
    du -sk "$DAM_LIBRARY/store" | cut -f1
}
# So many MiB of noise, the same for the same seed: how much a change stores hangs on where the noise happens to be cut.
random() {
    python3 -c '
import random, sys
noise = random.Random(sys.argv[2])
for _ in range(int(sys.argv[1])):
    sys.stdout.buffer.write(noise.randbytes(1 << 20))' "$1" "$2"
}

mib=$((2048 / PART))
random "$mib" source >"$WORK/source"
cp "$WORK/source" "$L/film.mov"
before=$(store)
fine "a file of $mib MiB"
random 1 change >"$WORK/change"
dd if="$WORK/change" of="$L/film.mov" bs=1M seek=$((mib / 2)) conv=notrunc status=none
after=$(store)
[ $((after - before)) -lt $((24 * 1024)) ] || die "1 MiB changed in place stored $(((after - before) / 1024)) MiB"
fine "1 MiB changed in its middle, in place: $(((after - before) / 1024)) MiB more in the store"
{
    head -c "$((mib / 2))M" "$WORK/source"
    random 1 put-in
    tail -c "+$((mib * 524288 + 1))" "$WORK/source"
} >"$L/.goutputstream-A1B2C3"
mv "$L/.goutputstream-A1B2C3" "$L/film.mov"
saved=$(store)
[ $((saved - after)) -lt $((24 * 1024)) ] || die "1 MiB put in by a save stored $(((saved - after) / 1024)) MiB"
fine "1 MiB put into its middle, by a save: $(((saved - after) / 1024)) MiB more"
[ "$(find "$M/versions/film.mov" -name '[0-9]*' | wc -l)" -eq 3 ] || die "there are not three versions"
cmp -s "$WORK/source" "$M/versions/film.mov/1.mov" || die "the first version is not what was written"
rm "$WORK/source"

mkdir "$L/copies"
random 4 copies | split -b 64K - "$L/copies/part-"
before=$(store)
cp "$L/film.mov" "$L/copies/film.mov"
cp -r "$L/copies" "$L/again"
after=$(store)
[ $(((after - before) * 100)) -lt "$before" ] || die "a copy of the library in itself stored $((after - before)) KiB more than $before KiB"
fine "the library copied into itself: $((after - before)) KiB more than $before KiB"

gib=$((20 / PART > 1 ? 20 / PART : 1))
truncate -s "${gib}G" "$L/sparse.bin"
for at in 1 $((gib * 512)) $((gib * 1024 - 2)); do
    dd if="$WORK/change" of="$L/sparse.bin" bs=1M seek="$at" conv=notrunc status=none
done
before=$after
after=$(store)
[ $((after - before)) -lt $((64 * 1024)) ] || die "a sparse file with 3 MiB in it stored $(((after - before) / 1024)) MiB"
[ "$(stat -c %s "$L/sparse.bin")" -eq $((gib << 30)) ] || die "the sparse file is not $gib GiB long"
dd if="$L/sparse.bin" bs=1M skip=$((gib * 512)) count=1 status=none | cmp -s - "$WORK/change" || die "the sparse file has lost its bytes"
fine "a sparse file of $gib GiB: $(((after - before) / 1024)) MiB more"

mib=$((4096 / PART))
dd if=<(random "$mib" clip) of="$L/clip.mp4" bs=1M iflag=fullblock status=none
fine "a file of $mib MiB written"
dam settle >/dev/null
dd if="$L/clip.mp4" of=/dev/null bs=1M status=none
fine "and made a version, and read"

writes=$((65536 / PART))
python3 - "$L/scattered.bin" "$writes" <<'TEXT'
import os, random, sys
path, count = sys.argv[1], int(sys.argv[2])
random.seed(7)
model = bytearray(count * 4096)
file = os.open(path, os.O_RDWR | os.O_CREAT)
for n in range(count // 2):
    block = os.urandom(4096)
    os.write(file, block)
    model[n * 4096:(n + 1) * 4096] = block
for _ in range(count):
    at, size = random.randrange(len(model) - 4096), random.choice((1, 100, 4096))
    block = os.urandom(size)
    os.pwrite(file, block, at)
    model[at:at + size] = block
size = os.fstat(file).st_size
os.close(file)
assert open(path, "rb").read() == bytes(model[:size]), "the bytes are not those that were written"
TEXT
dam settle >/dev/null
fine "$((writes / 2)) appends of 4 KiB and $writes writes anywhere"

end_library
say "large: all fine"
