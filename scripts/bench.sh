#!/usr/bin/env bash
# The figures: damfs beside programs that people use for the same, in one run on one machine, so that the ratios mean
# something wherever it runs. Every time is the median of three.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# What each measures stands in scripts/bench/NAME.sh.
SECTIONS=(import stream write small list views gate trail tags rsync export stills)
usage() {
    say "Usage: scripts/bench.sh [--scale PERCENT] [--json FILE] [--check] [--only NAME]"
    say "  --scale PERCENT  size of the work (100: about twenty minutes)"
    say "  --json FILE      write the figures as JSON to a file, too; they are printed after the table anyhow"
    say "  --check          exit with 1 when a figure misses its target"
    say "  --only NAME      one of ${SECTIONS[*]}"
    say "As root: the kernel's caches are emptied between the runs. DAM_BENCH_DIR names the disk (/var/tmp)."
}
SCALE=100
JSON=
CHECK=
ONLY=
while [ $# -gt 0 ]; do
    case $1 in
    --scale | --json | --only)
        [ $# -ge 2 ] || {
            usage >&2
            exit 2
        }
        case $1 in
        --scale) SCALE=$2 ;;
        --json) JSON=$(readlink -m -- "$2") ;;
        --only) ONLY=$2 ;;
        esac
        shift
        ;;
    --check) CHECK=1 ;;
    -h | --help)
        usage
        exit 0
        ;;
    *)
        usage >&2
        exit 2
        ;;
    esac
    shift
done
case $SCALE in '' | *[!0-9]* | 0*)
    note "--scale takes a number of percent, not '$SCALE'"
    exit 2
    ;;
esac
case " ${SECTIONS[*]} " in *" ${ONLY:-import} "*) ;; *)
    note "--only takes one of ${SECTIONS[*]}, not '$ONLY'"
    exit 2
    ;;
esac

is_root || die "the figures need root, to empty the kernel's caches between the runs"
need_packages "${APT_MOUNT[@]}" "${APT_BENCH[@]}"
need_fuse
[ -n "${DAM_BIN_DIR:-}" ] || need_cargo
build_programs
PATH=$BIN:$PATH

WORK=$(mktemp -d "${DAM_BENCH_DIR:-/var/tmp}/damfs-bench.XXXXXX")
FAST=$(mktemp -d /dev/shm/damfs-bench.XXXXXX)
export XDG_CONFIG_HOME=$WORK/config
# shellcheck disable=SC2317,SC2329 # called by the trap
finish() {
    local point
    for point in "$WORK"/mnt.*; do
        ! mounted "$point" || dam unmount "$point" >/dev/null 2>&1 || fusermount3 -u "$point" 2>/dev/null || umount -l "$point" || true
    done
    rm -rf --one-file-system -- "$WORK" "$FAST" || true
}
trap finish EXIT
cd "$WORK"

scaled() { say $(($1 * SCALE / 100 > ${2:-1} ? $1 * SCALE / 100 : ${2:-1})); }
cold() {
    sync
    echo 3 >/proc/sys/vm/drop_caches
}
# Milliseconds, with fractions, that a command takes; its output goes away.
clock() {
    local begun=$EPOCHREALTIME
    "$@" >/dev/null 2>"$WORK/stderr" || {
        note "this failed: $*"
        cat "$WORK/stderr" >&2
        exit 1
    }
    local ended=$EPOCHREALTIME
    say "$begun $ended" | awk '{ printf "%.3f\n", ($2 - $1) * 1000 }'
}
# Median of three runs: median PREPARE COMMAND...; PREPARE is called before each, outside of the time.
median() {
    local prepare=$1
    shift
    for _ in 1 2 3; do
        "$prepare"
        clock "$@"
    done | sort -n | sed -n 2p
}
warm() { :; }

# figure NAME PEER OURS_MS PEER_MS UNIT AMOUNT TARGET: a rate is AMOUNT per second; the ratio says how many times the
# peer's rate ours is, and TARGET how many it must be (empty: none).
ROWS=()
figure() {
    ROWS+=("$(printf '%s|' "$@" | awk -F'|' '{
        ours = $6 * 1000 / $3; peer = $6 * 1000 / $4; ratio = $4 / $3
        met = $7 == "" ? "" : (ratio >= $7 ? "met" : "missed")
        printf "%s|%s|%.1f|%.1f|%s|%.2f|%s|%s\n", $1, $2, ours, peer, $5, ratio, $7, met
    }')")
    say "   $1 against $2: done"
}
library() { # NAME MOUNT: a new library, mounted
    rm -rf "$1"
    dam init "$1" >/dev/null
    mkdir -p "$2"
    dam mount "$1" "$2" >/dev/null
}

memory() { # LIBRARY KEY: MiB of its daemon, as /proc/PID/status says
    local daemon
    daemon=$(dam --library "$1" status --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["mounts"][0]["pid"])')
    awk -v key="$2:" '$1 == key { print int($2 / 1024) }' "/proc/$daemon/status"
}
one_asset() { # NAME: a new library with one asset, which scripts/crowd makes many of
    "$BIN/examples/roster" one --count 1 --max-side 24 >/dev/null
    if [ -z "${DAM_BIN_DIR:-}" ]; then
        local options
        mapfile -t options < <(profile_options)
        (cd "$ROOT" && cargo build --quiet --locked --example crowd "${options[@]}")
    fi
    rm -rf "$1"
    dam init "$1" >/dev/null
    dam --library "$1" import one >/dev/null
    rm -rf one
}

for section in "${SECTIONS[@]}"; do
    if [ -z "$ONLY" ] || [ "$ONLY" = "$section" ]; then
        # shellcheck source=/dev/null
        . "$ROOT/scripts/bench/$section.sh"
    fi
done

say ""
{
    say "figure|peer|damfs|peer's|unit|ratio|target|verdict"
    printf '%s\n' "${ROWS[@]}"
} | awk -F'|' '{ printf "%-20s %-24s %10s %10s  %-10s %7s %7s  %s\n", $1, $2, $3, $4, $5, $6, $7, $8 }'
say ""
say "ratio: how many times the peer's rate; $(nproc) processors, $(uname -sr), scale $SCALE %"

figures_json() {
    printf '{"processors":%s,"kernel":"%s","scale":%s,"profile":"%s","figures":[' "$(nproc)" "$(uname -r)" "$SCALE" "${DAM_BIN_DIR:-${DAM_PROFILE:-release}}"
    printf '%s\n' "${ROWS[@]}" | awk -F'|' '{
        printf "%s{\"figure\":\"%s\",\"peer\":\"%s\",\"damfs\":%s,\"peer_rate\":%s,\"unit\":\"%s\",\"ratio\":%s,\"target\":%s,\"met\":%s}",
            (NR > 1 ? "," : ""), $1, $2, $3, $4, $5, $6, ($7 == "" ? "null" : $7), ($8 == "" ? "null" : ($8 == "met" ? "true" : "false"))
    }'
    printf ']}\n'
}
say ""
figures_json
[ -z "$JSON" ] || figures_json >"$JSON"
if [ -n "$CHECK" ] && printf '%s\n' "${ROWS[@]}" | grep -q '|missed$'; then
    die "a figure misses its target; see the table"
fi
