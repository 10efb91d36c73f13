#!/usr/bin/env bash
# Programs read and upload exports that nobody has asked for before, while the background renders them: each has a file of its own, asks for
# its size by path first, and must get what the file is ever after, whole. rsync of all of platforms/ is done twice: the second time moves nothing, and the first copy is right.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
case ${1:-} in
'') ;;
*)
    say "Usage: scripts/uploads.sh"
    case $1 in -h | --help) exit 0 ;; esac
    exit 2
    ;;
esac
need_mounts "${APT_UPLOADS[@]}"
SERVER=
# shellcheck disable=SC2317,SC2329 # called by the trap
finish() {
    [ -z "$SERVER" ] || kill "$SERVER" 2>/dev/null || true
    leave_library
}
new_library uploads
trap finish EXIT
OUT=$WORK/got
mkdir "$OUT" "$WORK/copy" "$WORK/again"

# Approved while nothing is mounted: nothing was rendered when the first one reads.
"$BIN/examples/roster" "$WORK/roster" --count 40 --max-side 1200 >/dev/null
for persona in luna mira kai nova; do
    dam import "$WORK/roster/$persona" --into "$persona" --set "persona=$persona" --set rating=safe >/dev/null
done
dam set -q kind=image status.telegram=approved >/dev/null
dam mount "$DAM_LIBRARY" "$M" >/dev/null

python3 "$ROOT/scripts/uploads/server.py" "$OUT" "$WORK/port" &
SERVER=$!
wait_for 20 [ -s "$WORK/port" ] || die "the server of this test did not start"
URL=http://127.0.0.1:$(cat "$WORK/port")
FOLDER=$M/platforms/telegram/photo

# --- everything reads its own -------------------------------------------------------------------------------------------
python3 "$ROOT/scripts/uploads/readers.py" "$FOLDER" "$OUT" "$URL" >"$WORK/read"
# The system's Python: the package belongs to that one.
/usr/bin/python3 "$ROOT/scripts/uploads/browser.py" "$FOLDER" "$URL" "$WORK/chromium" "$(wc -l <"$WORK/read")" >"$WORK/uploaded"
cat "$WORK/uploaded" >>"$WORK/read"

# --- and has what it is --------------------------------------------------------------------------------------------------
whole() {
    case $1 in
    *.jpg) jpeginfo -c "$1" ;;
    *.png) pngcheck -q "$1" ;;
    *.webp) webpinfo -quiet "$1" ;;
    *) false ;;
    esac >/dev/null
}
wrong=0
while read -r reader name; do
    if ! cmp "$OUT/$name" "$FOLDER/$name" >&2; then
        note "WRONG: $reader got other bytes of $name"
        wrong=$((wrong + 1))
    elif [ "$(stat -c %s "$FOLDER/$name")" -ne "$(stat -c %s "$OUT/$name")" ]; then
        note "WRONG: $name has another size than the bytes that $reader got"
        wrong=$((wrong + 1))
    elif ! whole "$OUT/$name"; then
        note "WRONG: what $reader got of $name is no whole picture"
        wrong=$((wrong + 1))
    fi
done <"$WORK/read"
[ "$wrong" -eq 0 ] || die "$wrong of $(wc -l <"$WORK/read") readers got something else than the export"
say "$(wc -l <"$WORK/read") ways of reading: $(cut -d' ' -f1 "$WORK/read" | paste -sd' ')"

# --- rsync, cold and again ----------------------------------------------------------------------------------------------
dam set -q persona=luna status.bluesky=approved status.instagram=approved >/dev/null
# What the kernel knows of a view's time is a second old at most.
sleep 1.1
rsync -a "$M/platforms/" "$WORK/copy/"
moved=$(rsync -a --out-format='%o %n' "$M/platforms/" "$WORK/copy/")
[ -z "$moved" ] || die "WRONG: the second rsync of platforms/ moved: $moved"
differs=$(rsync -a --checksum --dry-run --out-format='%o %n' "$M/platforms/" "$WORK/copy/")
[ -z "$differs" ] || die "WRONG: the first rsync copied other bytes: $differs"
say "rsync of $(find "$WORK/copy" -type f | wc -l) files below platforms/: nothing moved the second time, and the copy is right"
end_library
