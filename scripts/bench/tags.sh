# shellcheck shell=bash disable=SC2154 # sourced by ../bench.sh, which has what this uses
# The set that tag filesystems were measured with: 100,000 files, 10 of 200 tags each. The peers are their published figures of that set, from
# a busy machine of two processors: what they say is whether a row ends, and in which order of magnitude.

assets=$(scaled 100000 1000)
[ "$SCALE" -eq 100 ] || say "   the peers' figures are of 100000 files: with $assets the ratios say nothing"
one_asset lib.tags
"$BIN/examples/crowd" lib.tags "$assets" 200 >/dev/null
mkdir -p mnt.dam
dam mount lib.tags mnt.dam >/dev/null
at_first=$(memory lib.tags VmRSS)
# The index of queries is built before the first answer.
ls -U mnt.dam/by/tag/t000/+and >/dev/null

# row NAME TMSU_S SUPERTAG_S COMMAND...: 0 for none; what was stopped by then is marked >.
row() {
    local name=$1 tmsu=$2 supertag=$3 peer seconds ours
    shift 3
    ours=$(median warm "$@")
    lines=$("$@" | wc -l)
    for peer in "TMSU $tmsu" "supertag $supertag"; do
        seconds=${peer##*[ >]}
        [ "$seconds" = 0 ] || figure "$name" "${peer% *} ${peer#* } s" "$ours" "$(say "$seconds" | awk '{ print $1 * 1000 }')" rows/s "$lines" ""
    done
    say "      $lines rows in $ours ms"
}
# In theirs the tags that go with one are listed beside its files.
with_tags() { ls -U "$1" "$1/+and/tag"; }
by=mnt.dam/by/tag
row "all tags" 0.18 0.11 ls -U "$by"
row "all tags: ls -l" 0.18 0.11 ls -lU "$by"
row "a rare tag" ">150" 2.7 with_tags "$by/t150"
row "a common tag" ">250" 3.7 with_tags "$by/t000"
row "files of a rare tag" 0.70 0.75 ls -U "$by/t150"
row "two tags, co-tags" 6.9 1.6 with_tags mnt.dam/find/tag=t050,tag=t150
row "two tags, files" 0.22 1.3 ls -U mnt.dam/find/tag=t050,tag=t150
row "common and common" 1.24 6.9 ls -U mnt.dam/find/tag=t000,tag=t010
row "one or another" 6.5 0 ls -U mnt.dam/find/tag=t000+t010
row "not a common tag" 8.8 0 ls -U mnt.dam/find/not.tag=t000
row "both, ls -l" 2.6 ">40" ls -lU mnt.dam/find/tag=t000,tag=t010
row "find -maxdepth 2" ">60" ">40" find "$by" -maxdepth 2
say "   the daemon has taken $at_first MiB at first, $(memory lib.tags VmHWM) at most (TMSU 7 and 153, supertag 7 and 57)"
dam unmount mnt.dam >/dev/null
rm -rf lib.tags
