# shellcheck shell=bash disable=SC2154 # sourced by ../bench.sh, which has what this uses
# One still export, from the approval to its last byte.

"$BIN/examples/roster" masters --count 12
library lib.export mnt.dam
mapfile -t masters < <(find masters -name '*.png' -size +100k | sort | head -n 3)
[ "${#masters[@]}" -eq 3 ] || die "the roster has no three large PNG images"
posts=mnt.dam/platforms/instagram/post_portrait_4x5
# The peer enlarges what is too small, and so do we here.
sed -i 's/^\(instagram,post_portrait_4x5,image,1080,1350,crop,\),,/\1,yes,/' lib.export/platforms.csv
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
