# shellcheck shell=bash disable=SC2154 # sourced by ../bench.sh, which has what this uses
# What it costs that every opening is on record, how much of the disk that takes, and how long a log is verified.

if [ -z "${DAM_BIN_DIR:-}" ]; then
    mapfile -t options < <(profile_options)
    (cd "$ROOT" && cargo build --quiet --locked --example trail "${options[@]}")
fi
files=$(scaled 1000 100)
for which in on off; do
    rm -rf "lib.$which"
    dam init "lib.$which" >/dev/null
    [ "$which" = on ] || say 'audit_reads = false' >>lib.off/damfs.toml
    mkdir -p "mnt.$which"
    dam mount "lib.$which" "mnt.$which" >/dev/null
    python3 "$ROOT/scripts/bench/small.py" create "mnt.$which/library/small" "$files"
    dam --library "lib.$which" settle >/dev/null
done
opens() { python3 "$ROOT/scripts/bench/small.py" open "mnt.$1/library/small" "$2"; }
# Turn by turn, so that what else the machine does falls on both.
rounds=10
for _ in 1 2 3 4 5; do
    for which in on off; do
        say "$which $(clock opens "$which" "$rounds")"
    done
done >turns
middle() { awk -v which="$1" '$1 == which { print $2 }' turns | sort -n | sed -n 3p; }
figure "open, read, close" "nothing on record" "$(middle on)" "$(middle off)" opens/s $((files * rounds)) 0.87

# As one who reads very much leaves it: another file each time, so that no two openings are one row.
size() { stat -c %s lib.on/catalog.db; }
dam unmount mnt.off >/dev/null
dam unmount mnt.on >/dev/null
rows_before=$(dam --library lib.on log verify --json | python3 -c 'import json, sys; print(sum(chain["rows"] for chain in json.load(sys.stdin)["chains"]))')
size_before=$(size)
dam mount lib.on mnt.on >/dev/null
opens on 1
dam unmount mnt.on >/dev/null
rows_after=$(dam --library lib.on log verify --json | python3 -c 'import json, sys; print(sum(chain["rows"] for chain in json.load(sys.stdin)["chains"]))')
say "   $files openings left $((rows_after - rows_before)) rows and $(($(size) - size_before)) bytes"

rows=$(scaled 10000000 10000)
size_before=$(size)
"$BIN/examples/trail" lib.on "$rows" >/dev/null
say "   a million rows take $((($(size) - size_before) * 1000000 / rows / 1048576)) MiB"
verified=$(clock dam --library lib.on log verify)
say "   $rows rows were verified in $(awk "BEGIN { printf \"%.1f\", $verified / 1000 }") s"
figure "log verify" "10 million in a minute" "$verified" "$(awk "BEGIN { print 60000 * $rows / 10000000 }")" rows/s "$rows" 1
rm -rf lib.on lib.off turns
