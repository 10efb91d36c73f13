#!/usr/bin/env bash
# kill -9 of the daemon at random moments of a mixed load, again and again: after each the library mounts, every call that was
# answered is there, fsck is clean. crash.sh [ROUNDS]: 200 rounds by default.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
ROUNDS=${1:-200}
case $ROUNDS in *[!0-9]*)
    say "Usage: scripts/crash.sh [ROUNDS]"
    exit 2
    ;;
esac
need_mounts python3 procps
new_library crash
WORKERS=3
RANDOM=${CRASH_SEED:-$$}
say "seed $RANDOM"
for round in $(seq "$ROUNDS"); do
    dam mount "$DAM_LIBRARY" "$M" >/dev/null || die "round $round: the library does not mount"
    workers=()
    for n in $(seq "$WORKERS"); do
        mkdir -p "$M/library/$n"
        touch "$WORK/log.$n"
        if [ "$round" -gt 1 ]; then
            python3 "$ROOT/scripts/crash-load.py" check "$M/library/$n" "$WORK/log.$n" ||
                die "round $round: what was answered before the crash is not there"
        fi
        python3 "$ROOT/scripts/crash-load.py" run "$M/library/$n" "$WORK/log.$n" "$RANDOM" &
        workers+=($!)
    done
    sleep "$((RANDOM % 2)).$((RANDOM % 900 + 100))"
    pid=$(dam status --json | python3 -c 'import json, sys; print(next(m["pid"] for m in json.load(sys.stdin)["mounts"] if m["mountpoint"] == sys.argv[1]))' "$M")
    kill -9 "$pid"
    wait "${workers[@]}" || true
done
dam mount "$DAM_LIBRARY" "$M" >/dev/null
for n in $(seq "$WORKERS"); do
    python3 "$ROOT/scripts/crash-load.py" check "$M/library/$n" "$WORK/log.$n" || die "after the last crash something is not there"
done
end_library
say "crash: $ROUNDS rounds of kill -9 amid a mixed load, every answered call is there and fsck is clean"
