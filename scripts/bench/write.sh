# shellcheck shell=bash disable=SC2154 # sourced by ../bench.sh, which has what this uses
# Small writes, one after the other: what each costs beyond the kernel's round trip.

writes=$(scaled 200000 2000)
library lib.write mnt.dam
mkdir -p native mnt.bindfs
bindfs native mnt.bindfs
write_small() { dd if=/dev/zero of="$1" bs=4k count="$writes"; }
declare -A took
for place in mnt.dam/library mnt.bindfs native; do
    remove() { rm -f "$place/small.bin"; }
    took[$place]=$(median remove write_small "$place/small.bin")
done
figure "4 KiB writes" bindfs "${took[mnt.dam/library]}" "${took[mnt.bindfs]}" writes/s "$writes" 1
figure "4 KiB writes" native "${took[mnt.dam/library]}" "${took[native]}" writes/s "$writes" ""
dam unmount mnt.dam >/dev/null
fusermount3 -u mnt.bindfs
rm -rf lib.write native
