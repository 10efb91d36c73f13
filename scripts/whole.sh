#!/usr/bin/env bash
# The whole of a mount, walked by what walks whole trees: find, du, tar, grep, rsync, and a desktop's indexer. Each comes to an end; there are as
# many names as the page says; the indexer leaves out what its marks say. Times are printed, none is judged.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
ASSETS=1000
LARGE=
usage() {
    say "Usage: scripts/whole.sh [--quick] [--large N]"
    say "  --quick    60 assets, not 1000"
    say "  --large N  also walks library/ and records/ of a library of N assets"
}
while [ $# -gt 0 ]; do
    case $1:${2:-} in
    --quick:*) ASSETS=60 ;;
    --large:[1-9]*)
        LARGE=$2
        shift
        ;;
    *)
        usage
        case $1 in -h | --help) exit 0 ;; esac
        exit 2
        ;;
    esac
    shift
done
need_mounts "${APT_WHOLE[@]}"
new_library whole

# timed COMMAND...: runs it, and leaves the seconds in $took.
timed() {
    local begun=$EPOCHREALTIME
    "$@"
    took=$(say "$begun $EPOCHREALTIME" | awk '{ printf "%.1f", $2 - $1 }')
}
bytes() { numfmt --to=iec-i --suffix=B "$1"; }

"$BIN/examples/roster" "$WORK/roster" --count "$ASSETS" --max-side 48 >/dev/null
dam import "$WORK/roster" --into roster >/dev/null
rm -rf "$WORK/roster"
# Some that are exported, some with words of a person's own.
dam find -0 --limit 3 kind=image | xargs -0 -I{} dam set {} status.instagram=approved rating=safe >/dev/null
dam mount "$DAM_LIBRARY" "$M" >/dev/null
wait_for 300 grep -q "^looks *all " "$M/.dam/status"
dam find -0 kind=image | tail -z -n 20 | xargs -0 dam tag add "album/summer holidays" >/dev/null
[ "$(find "$M/library" -type f | wc -l)" -eq "$ASSETS" ] || die "library/ does not list $ASSETS assets"

# --- names ----------------------------------------------------------------------------------------------------------
timed find "$M" -printf '%y\t%P\n' >"$WORK/names"
say "   find: $(wc -l <"$WORK/names") names of $ASSETS assets ($took s)"
timed python3 "$ROOT/scripts/whole/names.py" "$WORK/names"
say "   their number is what the page says ($took s)"

# --- programs that read all of it -------------------------------------------------------------------------------------
timed du -sb "$M" >"$WORK/du"
say "   du: $(bytes "$(cut -f1 "$WORK/du")") ($took s)"
files=$(grep -c ^f "$WORK/names")
archive() { tar -c -C "$M" --exclude=./.dam . | tee >(tar -t | grep -vc '/$' >"$WORK/in.tar") | wc -c >"$WORK/tar"; }
timed archive
wait_for 60 [ -s "$WORK/in.tar" ]
kept=$(grep ^f "$WORK/names" | grep -vc $'\t\.dam/')
[ "$(cat "$WORK/in.tar")" -eq "$kept" ] || die "tar packed $(cat "$WORK/in.tar") files of $kept"
say "   tar: $kept files, $(bytes "$(cat "$WORK/tar")") ($took s)"
found() { grep -r --binary-files=without-match -F 'what no file here says' "$M" >"$WORK/found" || [ $? -eq 1 ]; }
timed found
[ ! -s "$WORK/found" ] || die "grep found '$(head -n 1 "$WORK/found")'"
say "   grep -r: $files files ($took s)"
# The status and the errors are other ones each time that they are read.
copy() { rsync -a --exclude=/.dam --stats "$M/" "$WORK/copy/" >"$WORK/rsync"; }
stat_of() { sed -n "s/^$1: \([0-9,]*\).*/\1/p" "$WORK/rsync" | tr -d ,; }
timed copy
say "   rsync -a: $(stat_of 'Number of regular files transferred') files, $(bytes "$(stat_of 'Total transferred file size')") ($took s)"
[ "$(find "$WORK/copy" -type f | wc -l)" -eq "$kept" ] || die "rsync copied $(find "$WORK/copy" -type f | wc -l) files of $kept"
timed copy
[ "$(stat_of 'Number of regular files transferred')" -eq 0 ] || die "a second rsync copied $(stat_of 'Number of regular files transferred') files again"
say "   rsync -a again: nothing to copy ($took s)"
rm -rf "$WORK/copy"

# --- an indexer -------------------------------------------------------------------------------------------------------
# shellcheck source=scripts/whole/indexer.sh
. "$ROOT/scripts/whole/indexer.sh"
end_library

# --- a large library --------------------------------------------------------------------------------------------------
if [ -n "$LARGE" ]; then
    leave_library
    new_library whole-large
    if [ -z "${DAM_BIN_DIR:-}" ]; then
        mapfile -t options < <(profile_options)
        (cd "$ROOT" && cargo build --quiet --locked --example crowd "${options[@]}")
    fi
    "$BIN/examples/roster" "$WORK/one" --count 1 --max-side 24 >/dev/null
    dam import "$WORK/one" >/dev/null
    timed "$BIN/examples/crowd" "$DAM_LIBRARY" "$LARGE" >/dev/null
    say "   a library of $LARGE assets ($took s)"
    dam mount "$DAM_LIBRARY" "$M" >/dev/null
    for place in library records; do
        timed find "$M/$place" -type f ! -name '.*' -printf x >"$WORK/marks"
        [ "$(wc -c <"$WORK/marks")" -eq $((LARGE + 1)) ] || die "$place/ lists $(wc -c <"$WORK/marks") files, not $((LARGE + 1))"
        say "   find in $place/: $((LARGE + 1)) files ($took s)"
    done
    dam unmount "$M" >/dev/null
fi
say "whole mounts: all fine"
