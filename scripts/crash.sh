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
is_root || need_fuse
need_fuse
need_packages "${APT_MOUNT[@]}" python3 procps
[ -n "${DAM_BIN_DIR:-}" ] || need_cargo
build_programs
PATH=$BIN:$PATH
WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/damfs-crash.XXXXXX")
export XDG_CONFIG_HOME=$WORK/config DAM_LIBRARY=$WORK/library
M=$WORK/mount
WORKERS=3
# shellcheck disable=SC2317,SC2329 # called by the trap
finish() {
    ! mounted "$M" || dam unmount --force "$M" >/dev/null 2>&1 || umount -l "$M" || true
    rm -rf --one-file-system -- "$WORK" || true
}
trap finish EXIT
dam init "$DAM_LIBRARY" >/dev/null
mkdir "$M"
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
dam settle >/dev/null
dam unmount "$M" >/dev/null
dam fsck --deep >"$WORK/out" || {
    cat "$WORK/out" >&2
    die "fsck is not clean"
}
say "crash: $ROUNDS rounds of kill -9 amid a mixed load, every answered call is there and fsck is clean"
