# shellcheck shell=bash disable=SC2154 # sourced by ../bench.sh, which has what this uses
# Views of a large library: values that nearly half, an eighth or hardly any of its assets have, several at once, and words of prompts.
# The peer is an ordinary folder with as many files. --scale 1000 is a million assets.

assets=$(scaled 100000 1000)
one_asset lib.views
made=$(clock "$BIN/examples/crowd" lib.views "$assets")
size=$(stat -c %s lib.views/catalog.db)
say "   $assets assets: $(say "$assets $made" | awk '{ printf "%.0f", $1 * 1000 / $2 }') a second into the catalogue, $((size / assets)) bytes each"
mkdir -p mnt.dam
first_answer() { # from the start of the daemon
    dam mount lib.views mnt.dam >/dev/null
    ls -U mnt.dam/by/tag/t0000/+and >/dev/null
}
# The index of queries is built before the first answer, or is what the daemon before has left.
built=$(clock first_answer)
dam unmount mnt.dam >/dev/null
flock lib.views/run/lock true # until that daemon has ended
say "   first answer after $built ms, of a daemon that was stopped and started again after $(clock first_answer) ms"
views() { # LABEL VIEW: listed by names, and with attributes
    local view=mnt.dam/$2 count ours
    count=$(find "$view" -maxdepth 1 -type f ! -name '.*' -printf x | wc -c)
    rm -rf plain
    mkdir plain
    (cd plain && seq -f 'crowd%07.0f.jpg' "$count" | xargs -r touch)
    ours=$(median warm ls -U "$view")
    figure "$1: names" native "$ours" "$(median warm ls -U plain)" files/s "$count" ""
    ours=$(median warm ls -lU "$view")
    figure "$1: ls -l" native "$ours" "$(median warm ls -lU plain)" files/s "$count" ""
}
views "tag of 45 %" by/tag/t0000
views "tag of 13 %" by/tag/t0002
views "two tags" find/tag=t0000,tag=t0002
views "one or another" find/tag=t0001+t0002
views "not a tag" find/not.tag=t0000
views "two words" "find/prompt=ralu mita"
say "   the daemon has taken $(memory lib.views VmHWM) MiB at most"
dam unmount mnt.dam >/dev/null
rm -rf lib.views plain
