#!/usr/bin/env bash
# The sample roster, as an independent program (exiftool) reads it: every picture carries genuine generation metadata.
# shellcheck disable=SC2016 # the dollars in single quotes are exiftool's variables
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

need_packages libimage-exiftool-perl
if [ -n "${DAM_BIN_DIR:-}" ]; then
    roster=$DAM_BIN_DIR/examples/roster
else
    need_cargo
    export DAM_PROFILE=${DAM_PROFILE:-debug}
    build_programs
    roster=$BIN/examples/roster
fi
WORK=$(mktemp -d)
trap 'rm -rf -- "$WORK"' EXIT
cd "$WORK"
# A count must be at least so many: many WHAT LEAST COUNT.
many() {
    [ "$3" -ge "$2" ] || die "WRONG: $3 $1, wanted at least $2"
    say "   $3 $1"
}
# The files for which an exiftool condition holds.
with() { exiftool -q -q -r -if "$1" -p '$filepath' one 2>/dev/null | wc -l; }

"$roster" one --max-side 160 >/dev/null
"$roster" two --max-side 160 >/dev/null
"$roster" other --max-side 160 --seed 7 >/dev/null
diff -r one two >/dev/null || die "WRONG: the same arguments made another roster"
! diff -r one other >/dev/null || die "WRONG: another seed made the same roster"
total=$(find one -type f | wc -l)
many images 60 "$total"
many personas 4 "$(find one -mindepth 1 -maxdepth 1 -type d | wc -l)"
for kind in PNG JPEG WEBP; do
    many "$kind files" 15 "$(with '$FileType eq "'$kind'" or $FileType eq "Extended '$kind'"')"
done
[ "$(find one -type f -exec md5sum {} + | cut -d' ' -f1 | sort -u | wc -l)" -eq "$total" ] || die "WRONG: two pictures are the same"
[ -z "$(exiftool -q -q -r -if '$Warning or $Error' -p '$filepath $Warning $Error' one 2>/dev/null)" ] || die "WRONG: exiftool complains"
{
    a1111=$(with '($Parameters // $UserComment) =~ /\nNegative prompt: .*\nSteps: \d+, Sampler: .*, Seed: \d+, Size: \d+x\d+, Model hash: /s or ($Parameters // $UserComment) =~ /Negative prompt: .*Steps: \d+, Sampler: .*, Seed: \d+/s')
    comfy=$(with '($Prompt // $Model) =~ /^(prompt:)?\{"3": \{"inputs": \{"seed": \d+, / and ($Workflow // $Make) =~ /"nodes": \[/')
    many "with A1111 parameters" 20 "$a1111"
    many "with ComfyUI graphs" 10 "$comfy"
    many "with keywords" 20 "$(with '$XMP:Subject')"
    many "to be turned" 4 "$(with '$FileType eq "JPEG" and $Orientation and $Orientation ne "Horizontal (normal)"')"
    many "prompts beyond Latin-1" 4 "$(with '($Parameters // $UserComment // "") =~ /[^\x00-\xff]/ or ($Parameters // $UserComment // "") =~ /[\xc3-\xef][\x80-\xbf][\x80-\xbf]?/')"
}
[ $((a1111 + comfy)) -eq "$total" ] || die "WRONG: $total pictures, $a1111 with parameters and $comfy with graphs"
many "PNG files with iTXt parameters" 1 "$(find one -name '*.png' -exec grep -laF 'iTXtparameters' {} + | wc -l)"
many "PNG files with tEXt parameters" 1 "$(find one -name '*.png' -exec grep -laF 'tEXtparameters' {} + | wc -l)"
"$roster" large --count 8 >/dev/null
longest=$(exiftool -q -q -r -p '$ImageWidth $ImageHeight' large | tr ' ' '\n' | sort -n | tail -n 1)
many "pixels on the longest side" 1536 "$longest"
[ "$longest" -le 2048 ] || die "WRONG: a side of $longest pixels"
say "roster: all fine"
