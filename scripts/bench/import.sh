# shellcheck shell=bash disable=SC2154 # sourced by ../bench.sh, which has what this uses
# Import, beside copying and reading the metadata.

images=$(scaled 160 8)
"$BIN/examples/roster" roster --count "$images"
fresh_library() {
    rm -rf lib.import && dam init lib.import >/dev/null
    cold
}
import() { dam --library lib.import import roster; }
fresh_copy() {
    rm -rf copied
    cold
}
copy_and_read() { cp -r roster copied && exiftool -json -r copied; }
ours=$(median fresh_library import)
peer=$(median fresh_copy copy_and_read)
figure "import" "cp -r + exiftool" "$ours" "$peer" "files/s" "$images" ""
rm -rf lib.import copied
