# shellcheck shell=bash disable=SC2154 # sourced by ../bench.sh, which has what this uses
# What a still costs the processor, in one process with nothing beside it, and how good it is.

if [ -z "${DAM_BIN_DIR:-}" ]; then
    mapfile -t options < <(profile_options)
    (cd "$ROOT" && cargo build --quiet --locked --example stills "${options[@]}")
fi
# Of the versions that the figures in the notes were measured with.
pip install --quiet --disable-pip-version-check --root-user-action=ignore --target "$WORK/py" \
    'pyvips[binary]==3.2.0' 'pyvips-binary==8.18.7' 'scikit-image==0.26.0' ||
    die "pip could not install pyvips and scikit-image"
mkdir "$FAST/stills"
PYTHONPATH=$WORK/py VIPS_CONCURRENCY=1 python3 "$ROOT/scripts/bench/stills.py" \
    "$BIN/examples/stills" "$FAST/stills" "$(scaled 5)" "$BIN/dam-mountd" "$(command -v dwebp)" >"$WORK/stills.txt" || die "the stills could not be measured"
while IFS='|' read -r name peer ours peers unit amount target; do
    figure "$name" "$peer" "$ours" "$peers" "$unit" "$amount" "$target"
done <"$WORK/stills.txt"
rm -rf "${FAST:?}/stills" "$WORK/py"
