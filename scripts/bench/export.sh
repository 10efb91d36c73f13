# shellcheck shell=bash disable=SC2154 # sourced by ../bench.sh, which has what this uses
# One still export, from the approval to its last byte; then a folder of exports that nobody has asked for yet, and reading it again.

"$BIN/examples/roster" masters --count 12
library lib.export mnt.dam
mapfile -t masters < <(find masters -name '*.png' -size +100k | sort | head -n 3)
[ "${#masters[@]}" -eq 3 ] || die "the roster has no three large PNG images"
posts=mnt.dam/platforms/instagram/post_portrait_4x5
# The peer enlarges what is too small, and so do we here.
enlarge() {
    sed -i 's/^\(instagram,post_portrait_4x5,image,1080,1350,crop,,,\),/\1yes,/' lib.export/platforms.csv
    grep -q '^instagram,post_portrait_4x5,.*,yes,' lib.export/platforms.csv || die "the table of platforms has other columns"
}
enlarge
ours=()
peers=()
# From the approval to the last byte, as a visitor waits for it.
approve_and_read() {
    dam --library lib.export set "$1" status.instagram=approved || return 1
    local post
    wait_for 20 [ -e "$posts/$2" ] || return 1
    post=$posts/$2
    cat "$post"
}
for n in 0 1 2; do
    cp "${masters[$n]}" "master$n.png"
    dam --library lib.export import "master$n.png" --into masters >/dev/null
    cold
    ours+=("$(clock approve_and_read "mnt.dam/library/masters/master$n.png" "master$n.jpg")")
    cold
    peers+=("$(clock vipsthumbnail "master$n.png" --size 1080x1350 --smartcrop centre --output "$WORK/peer$n.jpg[Q=90]")")
done
middle() { printf '%s\n' "$@" | sort -n | sed -n 2p; }
figure "one still export" vipsthumbnail "$(middle "${ours[@]}")" "$(middle "${peers[@]}")" exports/s 1 ""
dam unmount mnt.dam >/dev/null
rm -rf lib.export masters

folder=$(scaled 1000 10)
"$BIN/examples/roster" many --count "$folder" --max-side 1600 >/dev/null
# Each with a name of its own, which is what the peer's file is called by, too.
mkdir masters
n=0
while IFS= read -r master; do
    n=$((n + 1))
    mv -- "$master" "masters/$(printf '%05d' "$n").${master##*.}"
done < <(find many -type f | sort)
rm -rf many
library lib.export mnt.dam
enlarge
dam --library lib.export import masters --into masters --set rating=safe >/dev/null
approve_all() { dam --library lib.export find -0 kind=image | dam --library lib.export set -0 status.instagram=approved; }
# What a file manager asks of each name, and then all bytes, by as many readers as there are processors.
looked() { ls --color=always -l "$posts"; }
all_read() { find "$1" -name '*.jpg' -print0 | xargs -0 -n 16 -P "$(nproc)" cat; }
peers_all() {
    find masters -type f -print0 |
        xargs -0 -n 16 -P "$(nproc)" vipsthumbnail --size 1080x1350 --smartcrop centre --output "$WORK/peers/%s.jpg[Q=90]"
}
# The table names this placement alone, so that nothing else is rendered meanwhile.
{ head -n 1 lib.export/platforms.csv && grep '^instagram,post_portrait_4x5,' lib.export/platforms.csv; } >platforms.new
cp platforms.new lib.export/platforms.csv
cold
approve_all >/dev/null
approved=$EPOCHREALTIME
looked=$(clock looked)
read=$(clock all_read "$posts")
since=$(say "$approved $EPOCHREALTIME" | awk '{ print ($2 - $1) * 1000 }')
count=$(find "$posts" -name '*.jpg' | wc -l)
[ "$count" -eq "$folder" ] || die "$count exports of $folder masters"
mkdir peers
cold
peers_took=$(clock peers_all)
[ "$(find peers -type f | wc -l)" -eq "$count" ] || die "the peer made another number of exports"
say "   ls --color of $count cold exports $looked ms, then reading them $read ms"
figure "cold folder" vipsthumbnail "$since" "$peers_took" exports/s "$count" ""
cp -r "$posts" native
all_read native >/dev/null
figure "exports read again" native "$(median warm all_read "$posts")" "$(median warm all_read native)" exports/s "$count" 0.83
dam unmount mnt.dam >/dev/null
rm -rf lib.export masters native peers platforms.new
