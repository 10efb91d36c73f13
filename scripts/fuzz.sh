#!/usr/bin/env bash
# Hostile bytes for everything that reads files of strangers. Exit codes: 0 nothing found, 1 something found, 2 usage.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

FUZZ=tests/fuzz
WORK=$ROOT/target/fuzz
MERGE=
SECONDS_EACH=600

usage() {
    say "Usage: scripts/fuzz.sh [--merge] [SECONDS] [TARGET...]"
    say "Tries new inputs on each target, for 600 seconds or so many, and names those that crash, hang or take too much memory;"
    say "they lie in $FUZZ/artifacts. --merge adds the inputs that reach new code to the corpus, which the tests replay."
    say "It wants a nightly compiler (rustup toolchain install nightly) and cargo-fuzz (cargo install cargo-fuzz)."
    say "Targets: ${ALL[*]}"
}

mapfile -t ALL < <(sed -n 's/^    ("\([a-z]*\)", .*/\1/p' "$FUZZ/targets.rs")
while [ $# -gt 0 ]; do
    case $1 in
    --merge) MERGE=1 ;;
    -h | --help)
        usage
        exit 0
        ;;
    *[!0-9]*) break ;;
    *) SECONDS_EACH=$1 ;;
    esac
    shift
done
TARGETS=("$@")
[ "${#TARGETS[@]}" -gt 0 ] || TARGETS=("${ALL[@]}")
for target in "${TARGETS[@]}"; do
    case " ${ALL[*]} " in
    *" $target "*) ;;
    *)
        note "there is no target \`$target\`; there are: ${ALL[*]}"
        exit 2
        ;;
    esac
done

need_cargo
cargo +nightly fuzz --version >/dev/null 2>&1 || die "cargo-fuzz is missing: cargo install cargo-fuzz"
# The versions that the program itself is built with.
cp Cargo.lock "$FUZZ/Cargo.lock"
cargo +nightly fuzz build --fuzz-dir "$FUZZ" --target-dir "$WORK" hostile
host=$(rustc +nightly -vV | sed -n 's/^host: //p')
program=$WORK/$host/release/hostile
export ASAN_OPTIONS=detect_odr_violation=0

found=()
for target in "${TARGETS[@]}"; do
    mkdir -p "$WORK/corpus/$target" "$FUZZ/corpus/$target" "$FUZZ/artifacts/$target"
    export DAMFS_FUZZ=$target
    say "== $target"
    # An input of 4 KB that takes more than ten seconds, or more memory than a decode of these limits may, is a finding.
    "$program" "$WORK/corpus/$target" "$FUZZ/corpus/$target" -artifact_prefix="$FUZZ/artifacts/$target/" \
        -max_len=4096 -timeout=10 -rss_limit_mb=1024 -max_total_time="$SECONDS_EACH" -print_final_stats=1 \
        >"$WORK/$target.log" 2>&1 || found+=("$target")
    grep -E '^stat::(number_of_executed_units|peak_rss_mb)|^SUMMARY|Test unit written' "$WORK/$target.log" || true
    [ -z "$MERGE" ] || "$program" -merge=1 -use_counters=0 -max_len=4096 -rss_limit_mb=1024 \
        "$FUZZ/corpus/$target" "$WORK/corpus/$target" >"$WORK/$target.merge.log" 2>&1
done
[ "${#found[@]}" -eq 0 ] || die "found something: ${found[*]}; see $WORK/TARGET.log"
say "nothing found"
