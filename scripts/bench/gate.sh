# shellcheck shell=bash disable=SC2154 # sourced by ../bench.sh, which has what this uses
# What it costs to be asked who one is: one decision, and a large folder as a member sees it who is not to see all.

if [ -z "${DAM_BIN_DIR:-}" ]; then
    mapfile -t options < <(profile_options)
    (cd "$ROOT" && cargo build --quiet --locked --example gate "${options[@]}")
fi
read -r middle late < <("$BIN/examples/gate" 200)
say "   a decision by 50 rules: $middle ns, 99 of 100 within $late ns"
# In milliseconds.
figure "a decision" "its limit" "$(awk "BEGIN { print $middle / 1e6 }")" 0.002 decisions/s 1 1
assets=$(scaled 100000 1000)
one_asset lib.gate
"$BIN/examples/crowd" lib.gate "$assets" >/dev/null
dam --library lib.gate member add nora --role content-creator --scope not.tag=t0009 >/dev/null
mkdir -p mnt.dam mnt.nora
dam mount lib.gate mnt.dam >/dev/null
dam mount --as nora lib.gate mnt.nora >/dev/null
view=by/kind/image
count=$(find "mnt.nora/$view" -maxdepth 1 -type f ! -name '.*' -printf x | wc -c)
[ "$count" -gt 0 ] || die "nora sees nothing"
admin=$(find "mnt.dam/$view" -maxdepth 1 -type f ! -name '.*' -printf x | wc -c)
say "   nora sees $count of $admin files"
ours=$(median warm ls -U "mnt.nora/$view")
figure "names, restricted" "an admin" "$(awk "BEGIN { print $ours / $count * $admin }")" "$(median warm ls -U "mnt.dam/$view")" files/s "$admin" 0.77
ours=$(median warm ls -lU "mnt.nora/$view")
figure "ls -l, restricted" "an admin" "$(awk "BEGIN { print $ours / $count * $admin }")" "$(median warm ls -lU "mnt.dam/$view")" files/s "$admin" 0.77
dam unmount mnt.nora >/dev/null
dam unmount mnt.dam >/dev/null
rm -rf lib.gate
