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
# In turn, for what a machine does beside it passes: the middle of five each.
restricted() { # NAME LS-OPTION
    local _
    for _ in 1 2 3 4 5; do
        clock ls "$2" "mnt.nora/$view" >>times.nora
        clock ls "$2" "mnt.dam/$view" >>times.dam
    done
    figure "$1, restricted" "an admin" "$(awk "BEGIN { print $(sort -n times.nora | sed -n 3p) / $count * $admin }")" \
        "$(sort -n times.dam | sed -n 3p)" files/s "$admin" 0.77
    rm times.nora times.dam
}
restricted names -U
restricted "ls -l" -lU
dam unmount mnt.nora >/dev/null
dam unmount mnt.dam >/dev/null
rm -rf lib.gate
