#!/usr/bin/env bash
# The file system exerciser on one file in library/: random reads, writes, truncates, maps, syncs and reopens against a model in
# memory. fsx.sh [SEEDS [OPERATIONS]]: 20 seeds of 100,000 operations by default.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
SEEDS=${1:-20}
OPERATIONS=${2:-100000}
case $SEEDS$OPERATIONS in *[!0-9]*)
    say "Usage: scripts/fsx.sh [SEEDS [OPERATIONS]]"
    exit 2
    ;;
esac
need_mounts "${APT_BUILD[@]}"
need_cargo
exerciser=$(cargo_tool fsx 0.3.2)
new_library fsx
mkdir "$WORK/artifacts"
dam mount "$DAM_LIBRARY" "$M" >/dev/null
cat >"$WORK/fsx.toml" <<'TEXT'
[weights]
truncate = 1
fsync = 1
fdatasync = 1
close_open = 1
invalidate = 1
mapread = 5
mapwrite = 5
read = 10
write = 10
punch_hole = 1
posix_fallocate = 1
TEXT
for seed in $(seq "$SEEDS"); do
    "$exerciser" -q -f "$WORK/fsx.toml" -P "$WORK/artifacts" -N "$OPERATIONS" -S "$seed" "$M/library/seed$seed" >"$WORK/log" 2>&1 || {
        tail -n 40 "$WORK/log" >&2
        die "seed $seed failed"
    }
done
end_library
say "fsx: $SEEDS seeds of $OPERATIONS operations, and fsck is clean"
