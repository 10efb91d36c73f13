# shellcheck shell=bash disable=SC2154 # sourced by ../bench.sh, which has what this uses
# Many small files made at once, and how long one save takes: temporary, fsync, rename.

files=$(scaled 10000 100)
saves=$(scaled 500 50)
library lib.small mnt.dam
mkdir -p native cipher mnt.gocryptfs
say secret >"$FAST/password"
gocryptfs -q -init -scryptn 10 -passfile "$FAST/password" cipher
gocryptfs -q -passfile "$FAST/password" cipher mnt.gocryptfs
declare -A made p50 p99
for place in mnt.dam/library mnt.gocryptfs native; do
    round=0
    settled() {
        round=$((round + 1))
        [ "$place" != mnt.dam/library ] || dam --library lib.small settle >/dev/null
        sync
    }
    create() { python3 "$ROOT/scripts/bench/small.py" create "$place/round$round" "$files"; }
    made[$place]=$(median settled create)
    settled
    read -r "p50[$place]" "p99[$place]" < <(python3 "$ROOT/scripts/bench/small.py" save "$place/saves" "$saves")
done
ours=mnt.dam/library
figure "10,000 small files" gocryptfs "${made[$ours]}" "${made[mnt.gocryptfs]}" files/s "$files" 1
figure "10,000 small files" native "${made[$ours]}" "${made[native]}" files/s "$files" ""
figure "save, p50" gocryptfs "${p50[$ours]}" "${p50[mnt.gocryptfs]}" saves/s 1 ""
figure "save, p50" native "${p50[$ours]}" "${p50[native]}" saves/s 1 ""
figure "save, p99" gocryptfs "${p99[$ours]}" "${p99[mnt.gocryptfs]}" saves/s 1 ""
figure "save, p99" native "${p99[$ours]}" "${p99[native]}" saves/s 1 ""
dam unmount mnt.dam >/dev/null
fusermount3 -u mnt.gocryptfs
rm -rf lib.small native cipher
