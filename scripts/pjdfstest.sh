#!/usr/bin/env bash
# The POSIX test suite pjdfstest on library/ of a shared mount with --posix: every test passes, or stands in
# scripts/pjdfstest-expected.txt with the reason why it is refused by design. One that stands there and passes fails the run, too.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
'') PLAIN= ;;
--plain) PLAIN=1 ;;
*)
    say "Usage: scripts/pjdfstest.sh [--plain]"
    say "  --plain  on a plain folder of the disk, for comparison"
    case $1 in -h | --help) exit 0 ;; esac
    exit 2
    ;;
esac
is_root || die "the suite changes user ids: run it as root"
need_fuse
need_cargo
need_packages acl libacl1-dev gcc libc6-dev passwd
suite=$(cargo_tool pjdfstest 0.2.2)
build_programs
PATH=$BIN:$PATH

WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/pjd.XXXX")
chmod 755 "$WORK"
export XDG_CONFIG_HOME=$WORK/config DAM_LIBRARY=$WORK/library
made=()
# shellcheck disable=SC2317,SC2329 # called by the trap
finish() {
    ! mounted "$WORK/m" || dam unmount "$WORK/m" >/dev/null 2>&1 || umount -l "$WORK/m" || true
    local user
    for user in "${made[@]}"; do userdel "$user" 2>/dev/null || true; done
    rm -rf --one-file-system -- "$WORK" || true
}
trap finish EXIT

# The suite switches between two users; both are admins here, so that mode bits alone decide.
if ! id -u tests >/dev/null 2>&1; then
    useradd --no-create-home tests
    made+=(tests)
fi
place=$WORK/plain
if [ -z "$PLAIN" ]; then
    dam init "$DAM_LIBRARY" >/dev/null
    mkdir "$WORK/m"
    dam mount --shared --posix "$DAM_LIBRARY" "$WORK/m"
    dam member add nobody --uid "$(id -u nobody)" --role admin >/dev/null
    dam member add tests --uid "$(id -u tests)" --role admin >/dev/null
    place=$WORK/m/library/s
fi
mkdir "$place"
chmod 777 "$place"
cat >"$WORK/suite.toml" <<TEXT
[features]
posix_fallocate = {}
rename_ctime = {}
utimensat = {}
utime_now = {}
[settings]
naptime = 0.01
allow_remount = false
[dummy_auth]
entries = [["nobody", "$(id -gn nobody)"], ["tests", "$(id -gn tests)"]]
TEXT
(cd "$WORK" && "$suite" -c "$WORK/suite.toml" -p "$place") >"$WORK/log" 2>&1 || true
grep -aE '^[a-z_0-9:]+ +(ok|success|FAILED|skipped)$' "$WORK/log" | sort -u >"$WORK/results" || true
count() { grep -acE " +($1)\$" "$WORK/results" || true; }
say "$(count 'ok|success') passed, $(count FAILED) failed, $(count skipped) skipped"
[ "$(count 'ok|success')" -gt 200 ] || {
    tail -n 20 "$WORK/log" >&2
    die "the suite did not run"
}
[ -z "$PLAIN" ] || exit 0

awk '$NF == "FAILED" { print $1 }' "$WORK/results" | sort >"$WORK/failed"
# A line of the list: a pattern of names, a tab, the reason.
expected=$ROOT/scripts/pjdfstest-expected.txt
grep -v '^#' "$expected" | cut -f 1 | sed 's/^/^/; s/$/$/' >"$WORK/patterns"
wrong=$(grep -avEf "$WORK/patterns" "$WORK/failed" || true)
stale=$(while IFS= read -r pattern; do grep -qE "$pattern" "$WORK/failed" || say "$pattern"; done <"$WORK/patterns")
if [ -n "$wrong" ]; then
    say "failed, and not refused by design:"
    while IFS= read -r name; do
        say "   $name: $(grep -aA 3 "^$name .*FAILED" "$WORK/log" | sed -n 2p | tr -d '\t')"
    done <<<"$wrong"
fi
[ -z "$stale" ] || say "listed in ${expected#"$ROOT/"} but not failing any more: $stale"
[ -z "$wrong$stale" ] || exit 1
say "pjdfstest: every test passes or is refused by design ($(wc -l <"$WORK/failed") of $(wc -l <"$WORK/results"))"
