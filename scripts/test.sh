#!/usr/bin/env bash
# Every test, real mounts included. Exit codes: 0 all passed, 1 something failed, 2 usage, 3 passed but parts were left out.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

FULL=
case ${1:-} in
'') ;;
--full) FULL=1 ;;
-h | --help)
    say "Usage: scripts/test.sh [--full]"
    say "Installs what the tests need (as root) and runs them; --full adds the long suites and the figures."
    say "Without root it runs what it can, names what it left out and exits with 3."
    exit 0
    ;;
*)
    note "usage: scripts/test.sh [--full]"
    exit 2
    ;;
esac

# The test programs that mount, act as other users and kill daemons, as root.
ROOT_TESTS=(fuse)

passed=()
failed=()
left_out=()
begun=$SECONDS
step() {
    local name=$1 start=$SECONDS
    shift
    say ""
    say "== $name"
    local code=0
    "$@" || code=$?
    case $code:$name in
    0:*) passed+=("$name ($((SECONDS - start)) s)") ;;
    # The only one that says so by its exit code; others have it from a program that failed.
    3:c2pa) left_out+=("a part of $name (it says above which)") ;;
    *) failed+=("$name ($((SECONDS - start)) s)") ;;
    esac
}

need_cargo
[ -c /dev/fuse ] || need_fuse
if is_root; then
    need_packages "${APT_BUILD[@]}" "${APT_MOUNT[@]}" "${APT_TEST[@]}"
    need_fuse
else
    mapfile -t missing < <(missing_packages "${APT_MOUNT[@]}" "${APT_TEST[@]}")
    [ "${#missing[@]}" -eq 0 ] || note "not installed: ${missing[*]}; tests that use them may fail"
fi

# One profile for everything below but the figures: nothing is built twice.
export DAM_PROFILE=debug
build() {
    cargo build --quiet --locked --workspace --bins --example roster &&
        cargo test --quiet --locked --workspace --no-run
}
step build build
[ "${#failed[@]}" -eq 0 ] || die "the build failed; nothing was tested"
BIN=$(profile_dir)

# The names of this workspace's test programs.
test_programs() {
    local path
    for path in tests/*.rs tests/*/main.rs mountd/tests/*.rs policy/tests/*.rs; do
        [ -e "$path" ] || continue
        path=${path%/main.rs}
        path=${path##*/}
        say "${path%.rs}"
    done
}

tests() {
    local selection=() program
    if ! is_root; then
        selection=(--lib --bins)
        for program in $(test_programs); do
            case " ${ROOT_TESTS[*]} " in *" $program "*) ;; *) selection+=(--test "$program") ;; esac
        done
    fi
    if cargo nextest --version >/dev/null 2>&1; then
        local ignored=()
        [ -z "$FULL" ] || ignored=(--run-ignored all)
        cargo nextest run --locked --workspace --no-fail-fast "${ignored[@]}" "${selection[@]}" </dev/null
    else
        local ignored=()
        [ -z "$FULL" ] || ignored=(--include-ignored)
        cargo test --quiet --locked --workspace --no-fail-fast "${selection[@]}" -- "${ignored[@]}" </dev/null
    fi
}
# What is drawn is the same each time, so that a change is judged by itself; --full looks further.
if [ -n "$FULL" ]; then export PROPTEST_CASES=${PROPTEST_CASES:-4096}; else export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-1}; fi
export DAM_BIN_DIR=$BIN
step tests tests
is_root || left_out+=("the test programs ${ROOT_TESTS[*]} (they mount and act as other users, as root)")

if is_root || have exiftool; then
    step roster scripts/roster-test.sh
else
    left_out+=("scripts/roster-test.sh (exiftool is not installed)")
fi
if is_root; then
    step desktop scripts/desktop.sh
    step quickstart scripts/quickstart-test.sh
    if [ -n "$FULL" ]; then step savers scripts/savers.sh; else step savers scripts/savers.sh --quick; fi
    # Figures of unoptimised programs would say nothing.
    [ -z "$FULL" ] || step pjdfstest scripts/pjdfstest.sh
    [ -z "$FULL" ] || step fsx scripts/fsx.sh
    [ -z "$FULL" ] || step crash scripts/crash.sh
    if [ -n "$FULL" ]; then step faults scripts/faults.sh; else step faults scripts/faults.sh --quick; fi
    if [ -n "$FULL" ]; then step power scripts/power.sh; else step power scripts/power.sh 5 5; fi
    if [ -n "$FULL" ]; then step large scripts/large.sh; else step large scripts/large.sh --quick; fi
    step uploads scripts/uploads.sh
    [ -z "$FULL" ] || step host scripts/host.sh
    step whole scripts/whole.sh --quick
    [ -z "$FULL" ] || step whole-large env -u DAM_BIN_DIR DAM_PROFILE=release scripts/whole.sh --large 1000000
    [ -z "$FULL" ] || step workloads scripts/workloads.sh --seconds 600 --together 7
    if [ -n "$FULL" ]; then step c2pa scripts/c2pa.sh; else step c2pa scripts/c2pa.sh --quick; fi
    [ -z "$FULL" ] || step figures env -u DAM_BIN_DIR DAM_PROFILE=release scripts/bench.sh --check
else
    left_out+=("scripts/{desktop,savers,quickstart-test,faults,power,large,uploads,whole,c2pa}.sh (they install programs, make a user and mount disk images)")
    [ -z "$FULL" ] || left_out+=("scripts/bench.sh (it empties the kernel's caches)")
fi

say ""
say "== summary after $((SECONDS - begun)) s"
for line in "${passed[@]}"; do say "   passed    $line"; done
for line in "${failed[@]}"; do say "   FAILED    $line"; done
for line in "${left_out[@]}"; do say "   left out  $line"; done
[ "${#failed[@]}" -eq 0 ] || exit 1
[ "${#left_out[@]}" -eq 0 ] || exit 3
