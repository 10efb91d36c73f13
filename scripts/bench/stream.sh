# shellcheck shell=bash disable=SC2154 # sourced by ../bench.sh, which has what this uses
# Reading and writing one large file.

size=$(scaled 1024 16)
head -c "${size}M" /dev/urandom >"$FAST/source"
library lib.stream mnt.dam
mkdir -p native cipher mnt.gocryptfs
say secret >"$FAST/password"
gocryptfs -q -init -scryptn 10 -passfile "$FAST/password" cipher
gocryptfs -q -passfile "$FAST/password" cipher mnt.gocryptfs
write() { dd if="$FAST/source" of="$1" bs=1M conv=fsync; }
read_all() { dd if="$1" of=/dev/null bs=1M; }
declare -A written cold_read again
for place in mnt.dam/library mnt.gocryptfs native; do
    remove() {
        rm -f "$place/big.bin"
        sync
    }
    written[$place]=$(median remove write "$place/big.bin")
    [ "$place" != mnt.dam/library ] || dam --library lib.stream settle >/dev/null
    cold_read[$place]=$(median cold read_all "$place/big.bin")
    again[$place]=$(median warm read_all "$place/big.bin")
    cmp -s "$FAST/source" "$place/big.bin" || die "$place gave other bytes back than were written"
done
ours=mnt.dam/library
figure "write, fsync" gocryptfs "${written[$ours]}" "${written[mnt.gocryptfs]}" MiB/s "$size" 1
figure "write, fsync" native "${written[$ours]}" "${written[native]}" MiB/s "$size" ""
figure "read, cold" gocryptfs "${cold_read[$ours]}" "${cold_read[mnt.gocryptfs]}" MiB/s "$size" 0.5
figure "read, cold" native "${cold_read[$ours]}" "${cold_read[native]}" MiB/s "$size" ""
figure "read, again" gocryptfs "${again[$ours]}" "${again[mnt.gocryptfs]}" MiB/s "$size" 0.5
figure "read, again" native "${again[$ours]}" "${again[native]}" MiB/s "$size" ""
dam unmount mnt.dam >/dev/null
fusermount3 -u mnt.gocryptfs
rm -rf lib.stream native cipher "$FAST/source"
