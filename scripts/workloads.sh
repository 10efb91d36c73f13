#!/usr/bin/env bash
# Programs that others wrote, at work inside library/: git, SQLite, tar, restic, borg, and stress-ng's filesystem stressors.
# workloads.sh [--seconds N] [--together N]: how long each stressor runs (10; the long suite takes 600), and how many at a time (1).
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
SECONDS_EACH=10
TOGETHER=1
while [ $# -gt 0 ]; do
    case $1:${2:-} in
    --seconds:[1-9]*) SECONDS_EACH=$2 ;;
    --together:[1-9]*) TOGETHER=$2 ;;
    *)
        say "Usage: scripts/workloads.sh [--seconds N] [--together N]"
        case $1 in -h | --help) exit 0 ;; esac
        exit 2
        ;;
    esac
    shift 2
done
need_mounts "${APT_WORKLOADS[@]}"
new_library workloads
# The kernel checks mode bits too: one stressor asks whether they are honoured.
dam mount --posix "$DAM_LIBRARY" "$M" >/dev/null
L=$M/library
begun=$SECONDS
fine() {
    say "   $1 ($((SECONDS - begun)) s)"
    begun=$SECONDS
}
quiet() {
    "$@" >"$WORK/out" 2>&1 || {
        tail -n 30 "$WORK/out" >&2
        die "failed: $*"
    }
}

# A source tree of its own making: this one.
mkdir "$WORK/source"
git -C "$ROOT" archive HEAD 2>/dev/null | tar -x -C "$WORK/source" || cp -r "$ROOT/src" "$ROOT/tests" "$WORK/source/"
tar -C "$WORK" -cf "$WORK/source.tar" source
quiet tar -C "$L" -xf "$WORK/source.tar"
quiet diff -r "$WORK/source" "$L/source"
fine "tar: a source tree is the same after unpacking"

export GIT_AUTHOR_NAME=tester GIT_AUTHOR_EMAIL=tester@example.invalid GIT_COMMITTER_NAME=tester GIT_COMMITTER_EMAIL=tester@example.invalid
export GIT_CONFIG_GLOBAL=/dev/null
quiet git -C "$L/source" init -q -b main
quiet git -C "$L/source" add -A
quiet git -C "$L/source" commit -qm first
quiet git clone -q --no-hardlinks "$L/source" "$L/clone"
printf 'changed\n' >>"$L/clone/Cargo.toml"
quiet git -C "$L/clone" commit -qam second
quiet git -C "$L/clone" gc -q
quiet git -C "$L/clone" fsck --strict
[ -z "$(git -C "$L/clone" status --porcelain)" ] || die "git sees changes that nobody made"
fine "git: clone, commit, gc, fsck"

for mode in delete wal; do
    db=$L/$mode.db
    quiet sqlite3 "$db" "pragma journal_mode=$mode; create table t(id integer primary key, v text);"
    for _ in 1 2 3 4; do
        sqlite3 -cmd '.timeout 20000' "$db" "with recursive n(i) as (select 1 union all select i+1 from n where i<2000)
            insert into t(v) select hex(randomblob(40)) from n; update t set v='x' where id%7=0; delete from t where id%11=0;" &
    done
    wait
    [ "$(sqlite3 "$db" 'pragma integrity_check; select count(*)>7000 from t;' | paste -sd,)" = ok,1 ] || die "SQLite ($mode): $(sqlite3 "$db" 'pragma integrity_check')"
done
fine "SQLite: four writers at once, rollback journal and WAL"

# A backup's second run must read nothing: the files are those that it knows.
cp -r "$ROOT/src" "$L/images"
# Borg never trusts what is as new as the newest file that it saw: that is this one, and it may be read again.
dam settle >/dev/null
echo newest >"$L/images/newest"
dam settle >/dev/null
export RESTIC_PASSWORD=x RESTIC_REPOSITORY=$WORK/restic BORG_REPO=$WORK/borg BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes BORG_BASE_DIR=$WORK/borgbase
quiet restic init
quiet borg init -e none
for run in 1 2; do
    quiet restic backup --json "$L/images"
    grep -o '"files_\(new\|changed\|unmodified\)":[0-9]*' "$WORK/out" | tail -n 3 | paste -sd' ' >"$WORK/restic.$run"
    quiet borg create --files-cache=ctime,size,inode --list --filter=AMCE "::run$run" "$L/images"
    grep -E '^[AMC] ' "$WORK/out" | grep -cv '/newest$' >"$WORK/borg.$run" || true
    dam unmount "$M" >/dev/null
    dam mount --posix "$DAM_LIBRARY" "$M" >/dev/null
done
grep -q '"files_new":0 "files_changed":0' "$WORK/restic.2" || die "restic read again: $(cat "$WORK/restic.2")"
[ "$(cat "$WORK/borg.2")" -eq 0 ] || die "borg read again: $(grep -E "^[AMC] " "$WORK/out")"
fine "restic and borg: nothing is read again after a remount"

stressors=(access chdir chmod chown copy-file dentry dir dirdeep fallocate fcntl fiemap flock fstat getdent hdd io link lockf mmap open rename seek symlink sync-file touch utime)
stress() {
    # Hard links and the like are refused by design: stress-ng says so and goes on (exit 4: not to be had here).
    local code=0
    mkdir -p "$L/stress/$1"
    timeout $((SECONDS_EACH + 120)) stress-ng --temp-path "$L/stress/$1" "--$1" 2 --timeout "$SECONDS_EACH" --verify --quiet >"$WORK/out.$1" 2>&1 || code=$?
    case $code in 0 | 3 | 4) return 0 ;; esac
    tail -n 20 "$WORK/out.$1" >&2
    note "stress-ng --$1 ended with $code"
    return 1
}
for ((first = 0; first < ${#stressors[@]}; first += TOGETHER)); do
    running=()
    for stressor in "${stressors[@]:first:TOGETHER}"; do
        stress "$stressor" &
        running+=($!)
    done
    for pid in "${running[@]}"; do
        wait "$pid" || die "a stressor failed"
    done
    ls "$M/.dam" >/dev/null || die "the mount is gone after stress-ng ${stressors[*]:first:TOGETHER}"
done
fine "stress-ng: ${#stressors[@]} stressors of $SECONDS_EACH s, $TOGETHER at a time"

rm -rf "$L/stress"
end_library
fine "unmounted, and fsck --deep is clean"
say "workloads: all fine"
