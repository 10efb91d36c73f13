# shellcheck shell=bash disable=SC2154 # sourced by ../bench.sh, which has what this uses
# Listing many files of one value.

assets=$(scaled 10000 100)
"$BIN/examples/roster" small --count "$assets" --max-side 24
mkdir -p flat mnt.bindfs cipher mnt.gocryptfs
for persona in small/*/; do
    persona=${persona%/}
    find "$persona" -type f -printf '%f\n' | while IFS= read -r name; do mv "$persona/$name" "flat/${persona##*/}-$name"; done
done
dam init lib.list >/dev/null
say "   importing $assets small images"
ours=$(clock dam --library lib.list import flat --into flat --set persona=bench)
say "   $(say "$assets $ours" | awk '{ printf "%.0f", $1 * 1000 / $2 }') a second"
mkdir -p mnt.dam
dam mount lib.list mnt.dam >/dev/null
bindfs flat mnt.bindfs
say secret >"$FAST/password"
gocryptfs -q -init -scryptn 10 -passfile "$FAST/password" cipher
gocryptfs -q -passfile "$FAST/password" cipher mnt.gocryptfs
cp -r flat/. mnt.gocryptfs/
view=mnt.dam/by/persona/bench
[ "$(find "$view" -mindepth 1 -maxdepth 1 -type f ! -name '.*' | wc -l)" -eq "$assets" ] || die "the view does not list $assets assets"
list() { ls -lU "$1"; }
walk() { find "$1" -maxdepth 1 -type f -printf '%s %T@ %p\n'; }
compare() { # LABEL PREPARE PROGRAM
    local ours
    ours=$(median "$2" "$3" "$view")
    figure "$1" bindfs "$ours" "$(median "$2" "$3" mnt.bindfs)" files/s "$assets" 1
    figure "$1" gocryptfs "$ours" "$(median "$2" "$3" mnt.gocryptfs)" files/s "$assets" 1
    figure "$1" native "$ours" "$(median "$2" "$3" flat)" files/s "$assets" ""
}
compare "ls -lU, cold" cold list
compare "find -printf, cold" cold walk
compare "ls -lU, again" warm list
compare "find -printf, again" warm walk
dam unmount mnt.dam >/dev/null
fusermount3 -u mnt.bindfs
fusermount3 -u mnt.gocryptfs
rm -rf lib.list flat small cipher
