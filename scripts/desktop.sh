#!/usr/bin/env bash
# Desktop programs on a real mount: Thunar shows a thumbnail of every image of a view, and a file that the mouse drags from one value to another
# has the other tag; gedit, vim, GIMP and exiftool save through library/ and through a view, and the asset's id, its tags and its history stay.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
'') PLAIN= ;;
--plain) PLAIN=1 ;;
*)
    say "Usage: scripts/desktop.sh [--plain]"
    say "  --plain  on a plain folder: tries the driving of the programs alone, without damfs"
    case $1 in -h | --help) exit 0 ;; esac
    exit 2
    ;;
esac

# Everything runs below one private X server, session bus and home, which end with this script.
if [ -z "${DAM_DESKTOP_INSIDE:-}" ]; then
    need_packages "${APT_DESKTOP[@]}" ${PLAIN:+libvips-tools}
    [ -n "$PLAIN" ] || need_fuse
    if [ -z "$PLAIN" ]; then
        [ -n "${DAM_BIN_DIR:-}" ] || need_cargo
        build_programs
        export DAM_BIN_DIR=$BIN
    fi
    WORK=$(mktemp -d /var/tmp/damfs-desktop.XXXXXX)
    SERVER=
    # shellcheck disable=SC2317,SC2329 # called by the trap
    finish() {
        ! mounted "$WORK/mount" || "${BIN:-}/dam" unmount "$WORK/mount" || umount -l "$WORK/mount" || true
        [ -z "$SERVER" ] || kill "$SERVER" 2>/dev/null || true
        rm -rf --one-file-system -- "$WORK" || true
    }
    trap finish EXIT
    mkdir -p "$WORK/home" "$WORK/cache" "$WORK/config" "$WORK/data" "$WORK/run"
    chmod 700 "$WORK/run"
    # The server chooses a free display and says which.
    Xvfb -displayfd 3 -screen 0 1600x1200x24 -nolisten tcp 3>"$WORK/display" >/dev/null 2>&1 &
    SERVER=$!
    wait_for 20 [ -s "$WORK/display" ] || die "Xvfb did not start"
    DISPLAY=:$(cat "$WORK/display")
    export DISPLAY
    export DAM_DESKTOP_INSIDE=$WORK HOME=$WORK/home XDG_CACHE_HOME=$WORK/cache XDG_CONFIG_HOME=$WORK/config
    export XDG_DATA_HOME=$WORK/data XDG_RUNTIME_DIR=$WORK/run GSETTINGS_BACKEND=memory NO_AT_BRIDGE=1 GTK_A11Y=none LC_ALL=C.UTF-8
    unset WAYLAND_DISPLAY
    # What the bus and its services log about starting and ending is of no use here.
    dbus-run-session -- "$0" "$@" 2> >(grep -Ev '^$|dbus-daemon\[|-CRITICAL \*\*' >&2)
    exit
fi

WORK=$DAM_DESKTOP_INSIDE
M=$WORK/mount
BIN=${DAM_BIN_DIR:-}
PATH=$BIN:$PATH
begun=$(date +%s%N)
lap() {
    local now
    now=$(date +%s%N)
    say "   $* ($(((now - begun) / 1000000)) ms)"
    begun=$now
}
check() {
    local sentence=$1
    shift
    "$@" || die "WRONG: $sentence"
}

# --- a library with one asset per program and place -----------------------------------------------------------------
IMAGES=16
mkdir -p "$WORK/in" "$M"
make_input() {
    local place
    if [ -n "$BIN" ]; then
        "$BIN/examples/roster" "$WORK/roster" --count $((IMAGES * 4)) --max-side 512
    else
        local i
        mkdir -p "$WORK/roster/luna"
        for i in $(seq "$IMAGES"); do vips black "$WORK/roster/luna/picture $i.png" $((200 + i)) 300; done
    fi
    local pictures
    mapfile -t pictures < <(find "$WORK/roster/luna" -name '*.png' | sort)
    for place in library view; do
        say "a note for gedit in the $place" >"$WORK/in/gedit-$place.txt"
        say "a note for vim in the $place" >"$WORK/in/vim-$place.txt"
        cp "${pictures[0]}" "$WORK/in/gimp-$place.png"
        cp "${pictures[1]}" "$WORK/in/exiftool-$place.png"
        # No two files may be the same bytes: they would be one asset.
        exiftool -q -overwrite_original -Title="gimp $place" "$WORK/in/gimp-$place.png"
        exiftool -q -overwrite_original -Title="exiftool $place" "$WORK/in/exiftool-$place.png"
    done
}
make_input
if [ -n "$PLAIN" ]; then
    mkdir -p "$M/library" "$M/by/persona/desk"
    cp -r "$WORK/roster/luna" "$M/by/persona/luna"
    cp -r "$WORK/in" "$M/library/desk"
    cp -r "$WORK/in/." "$M/by/persona/desk"
else
    export DAM_LIBRARY=$WORK/library
    dam init "$DAM_LIBRARY" >/dev/null
    dam import "$WORK/roster/luna" --into luna --set persona=luna
    dam import --any "$WORK/in" --into desk --set persona=desk --set tag=keepme
    dam mount "$DAM_LIBRARY" "$M"
fi
lap "a library with $IMAGES images and 8 files to edit"

# --- thumbnails -----------------------------------------------------------------------------------------------------
# Where a program that follows the thumbnail standard puts the one of this file: the MD5 of its URI.
uri_of() { gio info -a standard::name -- "$1" | sed -n 's/^uri: //p'; }
thumbnail_of() {
    local sum size
    sum=$(uri_of "$1" | tr -d '\n' | md5sum | cut -d' ' -f1)
    for size in normal large x-large xx-large; do
        [ ! -s "$XDG_CACHE_HOME/thumbnails/$size/$sum.png" ] || return 0
    done
    return 1
}
without_thumbnail() {
    find "$1" -mindepth 1 -maxdepth 1 -type f ! -name '.*' | sort | while IFS= read -r image; do
        thumbnail_of "$image" || say "$image"
    done
}
all_thumbnails() { [ -z "$(without_thumbnail "$1")" ]; }

view=$M/by/persona/luna
[ "$(find "$view" -mindepth 1 -maxdepth 1 -type f ! -name '.*' | wc -l)" -eq "$IMAGES" ] || die "WRONG: $view does not list $IMAGES images"
Thunar "$view" >"$WORK/thunar.log" 2>&1 &
thunar=$!
window=$(timeout 60 xdotool search --sync --onlyvisible --class thunar | head -n 1) || die "Thunar opened no window: $(cat "$WORK/thunar.log")"
# It asks for thumbnails of what is in sight alone: let all be. It sometimes forgets the rows that came into sight while it was busy with the
# others, until it is told to look again.
xdotool windowmove "$window" 0 0 windowsize "$window" 1600 1200
shows_all() {
    local _
    for _ in 1 2 3 4 5 6; do
        ! wait_for 15 all_thumbnails "$view" || return 0
        xdotool windowfocus "$window" key --window "$window" F5
    done
    return 1
}
if ! shows_all; then
    note "no thumbnail came for:"
    without_thumbnail "$view" >&2
    cat "$WORK/thunar.log" >&2
    exit 1
fi
kill "$thunar" 2>/dev/null || true
wait "$thunar" 2>/dev/null || true
lap "Thunar: a thumbnail file for each of $IMAGES images"

# --- editors --------------------------------------------------------------------------------------------------------
edit_gedit() {
    local file=$1 window editor
    gedit --standalone -- "$file" >"$WORK/gedit.log" 2>&1 &
    editor=$!
    window=$(timeout 60 xdotool search --sync --onlyvisible --class gedit | tail -n 1) || die "gedit opened no window: $(cat "$WORK/gedit.log")"
    xdotool windowfocus "$window"
    # The text view takes keys only once the file is loaded; what arrives too early is lost, so that it is typed again.
    local try
    for try in 1 2 3 4 5 6; do
        sleep 2
        xdotool key --window "$window" ctrl+Home
        xdotool type --window "$window" --delay 20 "edited by gedit "
        xdotool key --window "$window" ctrl+s
        ! wait_for 20 grep -q "edited by gedit" "$file" || break
        [ "$try" -lt 6 ] || note "gedit: $(cat "$WORK/gedit.log")"
    done
    kill "$editor" 2>/dev/null || true
    wait "$editor" 2>/dev/null || true
}
edited_gedit() { grep -q "edited by gedit" "$1"; }

edit_vim() { timeout 60 vim -N -u NONE -i NONE -es -c 'normal Goedited by vim' -c 'wq' -- "$1" </dev/null; }
edited_vim() { grep -qx "edited by vim" "$1"; }

# Crops to a size that no picture has.
edit_gimp() {
    local name
    name=$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')
    timeout 240 gimp -n -i -d -f -b "(let* ((image (car (gimp-file-load RUN-NONINTERACTIVE \"$name\" \"$name\"))))
        (gimp-image-crop image 123 77 0 0)
        (gimp-file-save RUN-NONINTERACTIVE image (car (gimp-image-get-active-layer image)) \"$name\" \"$name\"))" \
        -b '(gimp-quit 0)' >"$WORK/gimp.log" 2>&1 || die "GIMP failed: $(cat "$WORK/gimp.log")"
}
edited_gimp() { [ "$(exiftool -s3 -ImageSize "$1")" = 123x77 ]; }

edit_exiftool() { exiftool -q -overwrite_original -Artist="edited by exiftool" -- "$1"; }
edited_exiftool() { [ "$(exiftool -s3 -Artist "$1")" = "edited by exiftool" ]; }

id_of() { getfattr --only-values -n user.dam.id -- "$1" 2>/dev/null; }
version_like() { find "$M/versions/desk/$1" -type f -exec cmp -s "$WORK/in/$1" {} \; -print -quit | grep -q .; }
versions_of() { find "$M/versions/desk/$1" -mindepth 1 -maxdepth 1 -type f ! -name '.*' | wc -l; }

try() {
    local program=$1 place=$2 extension=$3 name file kept id
    name=$program-$place.$extension
    kept=$M/library/desk/$name
    case $place in
    library) file=$kept ;;
    view) file=$M/by/persona/desk/$name ;;
    esac
    check "$file is not there" [ -f "$file" ]
    if [ -z "$PLAIN" ]; then
        id=$(id_of "$file")
        check "$file has no id" [ -n "$id" ]
        check "library/ and the view give $name two ids" [ "$(id_of "$kept")" = "$id" ]
    fi
    "edit_$program" "$file"
    check "$program did not save $file" "edited_$program" "$file"
    if [ -z "$PLAIN" ]; then
        dam settle >/dev/null
        check "$program saved $file and library/ shows the old bytes" "edited_$program" "$kept"
        check "$program changed the id of $file" [ "$(id_of "$file")" = "$id" ]
        check "$program changed the id of $kept" [ "$(id_of "$kept")" = "$id" ]
        local record
        record=$(dam show --json "$kept")
        check "$program lost the tag of $file" json_has tag keepme <<<"$record"
        check "$program lost the persona of $file" json_has persona desk <<<"$record"
        check "$program left $(versions_of "$name") versions of $file in versions/, not 2" [ "$(versions_of "$name")" -eq 2 ]
        check "no version of $file is what was imported" version_like "$name"
    fi
    lap "$program saved through the $place"
}
for place in library view; do
    try gedit "$place" txt
    try vim "$place" txt
    try gimp "$place" png
    try exiftool "$place" png
done
# --- dragging -------------------------------------------------------------------------------------------------------
# shellcheck source=scripts/desktop/drag.sh
. "$ROOT/scripts/desktop/drag.sh"

if [ -z "$PLAIN" ]; then
    for folder in "$M/library/desk" "$M/by/persona/desk"; do
        check "the editors left scratch files in $folder: $(ls -A "$folder")" \
            [ "$(find "$folder" -mindepth 1 -maxdepth 1 -type f ! -name '.trackerignore' ! -name '.nomedia' | wc -l)" -eq 8 ]
    done
    dam fsck >/dev/null || die "WRONG: dam fsck found faults after the edits"
fi
say "desktop programs: all fine"
