#!/usr/bin/env bash
# Signed exports: the tests that want the feature, and what another program (c2pa-python) says of JPEG, PNG and WebP that `dam export` wrote.
# Exit codes: 0 all is well, 1 something is not, 2 usage, 3 the tests passed and the other program is not to be had.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
QUICK=
case ${1:-} in
'') ;;
--quick) QUICK=1 ;;
*)
    say "Usage: scripts/c2pa.sh [--quick]     --quick: the tests alone, without the other program"
    case $1 in -h | --help) exit 0 ;; esac
    exit 2
    ;;
esac
need_cargo
! is_root || need_packages "${APT_BUILD[@]}" "${APT_C2PA[@]}"
cd "$ROOT"
export DAM_PROFILE=debug
# The system's: the packages belong to that one.
PYTHON=/usr/bin/python3
WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/damfs-c2pa.XXXXXX")
LEFT_OUT=
end() {
    local code=$?
    rm -rf -- "$WORK"
    # A program that failed has any code.
    [ "$code" -ne 3 ] || [ -n "$LEFT_OUT" ] || code=1
    # Where these tests built it goes the program without the feature again, for whatever is tested next.
    cargo build --quiet --locked --package damfs --bin dam || code=1
    exit "$code"
}
trap end EXIT
cargo test --quiet --locked --package damfs --features c2pa --lib -- c2pa::
cargo test --quiet --locked --package damfs --features c2pa --test access -- signed::
[ -z "$QUICK" ] || exit 0
# The program that these tests built.
cp "$(profile_dir)/dam" "$WORK/dam"
dam() { "$WORK/dam" "$@"; }

# The module, at one version, kept beside the other tools; or none where it is not to be had.
VERSION=0.38.1
TOOL=${CARGO_TARGET_DIR:-$ROOT/target}/tools/c2pa-python-$VERSION
export PYTHONPATH=$TOOL
if ! $PYTHON -c 'import c2pa' 2>/dev/null; then
    rm -rf -- "$TOOL"
    if ! $PYTHON -m pip install --quiet --disable-pip-version-check --target "$TOOL" "c2pa-python==$VERSION" 2>/dev/null; then
        note "c2pa-python $VERSION is not to be had; what another program says of signed exports was left out"
        LEFT_OUT=1
        exit 3
    fi
fi

export XDG_CONFIG_HOME=$WORK/config XDG_CACHE_HOME=$WORK/cache DAM_LIBRARY=$WORK/library
scripts/c2pa/certificates.sh "$WORK/certificates"
$PYTHON - "$WORK" <<'END'
import sys
from PIL import Image, PngImagePlugin

for name, sigma in (("one", 60), ("two", 90)):
    said = PngImagePlugin.PngInfo()
    said.add_text("parameters", "a secret garden\nSteps: 20, Sampler: Euler, Seed: 7, Size: 640x480")
    Image.effect_noise((640, 480), sigma).convert("RGB").save(f"{sys.argv[1]}/{name}.png", pnginfo=said)
END
dam init "$DAM_LIBRARY" >/dev/null
printf '\n[c2pa]\ncertificate = "%s"\nkey = "%s"\n' "$WORK/certificates/chain.pem" "$WORK/certificates/leaf.key" >>"$DAM_LIBRARY/damfs.toml"
cat >"$DAM_LIBRARY/platforms.csv" <<'END'
platform,placement,kind,width,height,fit,metadata,formats,max_bytes,adult_allowed
x,card,image,320,320,crop,ai-fields,jpeg,60000,
x,small,image,300,200,pad,,webp,,
x,sheet,image,400,400,any,bare,png,,
END
dam import "$WORK/one.png" "$WORK/two.png" --into desk --set rating=safe >/dev/null
dam set -q kind=image status.x=approved >/dev/null
for place in card small sheet; do
    dam export kind=image "x/$place" "$WORK/out" >/dev/null
done
# Rendered once more, they are the same.
find "$DAM_LIBRARY/store" -type f -path '*rendition*' -print -delete | grep -q . || die "WRONG: no export was kept"
for place in card small sheet; do
    dam export kind=image "x/$place" "$WORK/again" >/dev/null
done
diff -r "$WORK/out" "$WORK/again" >/dev/null || die "WRONG: an export is signed otherwise when it is rendered again"
[ "$(stat -c %s "$WORK/out/one.jpg")" -le 60000 ] || die "WRONG: the manifest is beyond the limit of bytes"
$PYTHON scripts/c2pa/read.py "$WORK/certificates/root.pem" "$WORK"/out/*.{jpg,webp,png}
say "signed exports are what another program takes them for"
