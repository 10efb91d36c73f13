#!/usr/bin/env bash
# The figures: damfs beside programs that people use for the same, in one run on one machine, so that the ratios mean
# something wherever it runs. Every time is the median of three.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    say "Usage: scripts/bench.sh [--scale PERCENT] [--json FILE] [--check] [--only NAME]"
    say "  --scale PERCENT  size of the work (100: about five minutes)"
    say "  --json FILE      write the figures as JSON to a file, too; they are printed after the table anyhow"
    say "  --check          exit with 1 when a figure misses its target"
    say "  --only NAME      one of import, stream, list, export"
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
case $ONLY in '' | import | stream | list | export) ;; *)
    note "--only takes import, stream, list or export, not '$ONLY'"
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
section() { [ -z "$ONLY" ] || [ "$ONLY" = "$1" ]; }
library() { # NAME MOUNT: a new library, mounted
    rm -rf "$1"
    dam init "$1" >/dev/null
    mkdir -p "$2"
    dam mount "$1" "$2" >/dev/null
}

# --- import ---------------------------------------------------------------------------------------------------------
if section import; then
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
fi

# --- reading and writing one large file -----------------------------------------------------------------------------
if section stream; then
    size=$(scaled 256 16)
    head -c "${size}M" /dev/urandom >"$FAST/source"
    library lib.stream mnt.dam
    mkdir -p native cipher mnt.gocryptfs
    say secret >"$FAST/password"
    gocryptfs -q -init -scryptn 10 -passfile "$FAST/password" cipher
    gocryptfs -q -passfile "$FAST/password" cipher mnt.gocryptfs
    write() { dd if="$FAST/source" of="$1" bs=1M conv=fsync; }
    read_all() { dd if="$1" of=/dev/null bs=1M; }
    declare -A written cold_read again
    for place in mnt.dam/library mnt.gocryptfs native; do
        remove() {
            rm -f "$place/big.bin"
            sync
        }
        written[$place]=$(median remove write "$place/big.bin")
        [ "$place" != mnt.dam/library ] || dam --library lib.stream settle >/dev/null
        cold_read[$place]=$(median cold read_all "$place/big.bin")
        again[$place]=$(median warm read_all "$place/big.bin")
        cmp -s "$FAST/source" "$place/big.bin" || die "$place gave other bytes back than were written"
    done
    ours=mnt.dam/library
    figure "write, fsync" gocryptfs "${written[$ours]}" "${written[mnt.gocryptfs]}" MiB/s "$size" 0.5
    figure "write, fsync" native "${written[$ours]}" "${written[native]}" MiB/s "$size" ""
    figure "read, cold" gocryptfs "${cold_read[$ours]}" "${cold_read[mnt.gocryptfs]}" MiB/s "$size" 0.5
    figure "read, cold" native "${cold_read[$ours]}" "${cold_read[native]}" MiB/s "$size" ""
    figure "read, again" gocryptfs "${again[$ours]}" "${again[mnt.gocryptfs]}" MiB/s "$size" 0.5
    figure "read, again" native "${again[$ours]}" "${again[native]}" MiB/s "$size" ""
    dam unmount mnt.dam >/dev/null
    fusermount3 -u mnt.gocryptfs
    rm -rf lib.stream native cipher "$FAST/source"
fi

# --- listing many ---------------------------------------------------------------------------------------------------
if section list; then
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
fi

# --- one still export -----------------------------------------------------------------------------------------------
if section export; then
    "$BIN/examples/roster" masters --count 12
    library lib.export mnt.dam
    mapfile -t masters < <(find masters -name '*.png' -size +100k | sort | head -n 3)
    [ "${#masters[@]}" -eq 3 ] || die "the roster has no three large PNG images"
    posts=mnt.dam/platforms/instagram/post_portrait_4x5
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
fi

# --- the table ------------------------------------------------------------------------------------------------------
say ""
{
    say "figure|peer|damfs|peer's|unit|ratio|target|verdict"
    printf '%s\n' "${ROWS[@]}"
} | awk -F'|' '{ printf "%-20s %-18s %10s %10s  %-10s %7s %7s  %s\n", $1, $2, $3, $4, $5, $6, $7, $8 }'
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
