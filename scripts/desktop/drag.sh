# shellcheck shell=bash disable=SC2154 # sourced by ../desktop.sh, which has what this uses
# Thunar shows two values side by side, and the mouse drags a file from the one to the other: a plain drag moves, one with Ctrl copies. Both
# ask what the menu's Cut, Copy and Paste ask.

dragged=swimsuit.txt
mkdir -p "$WORK/drag"
say "dragged by the mouse" >"$WORK/drag/$dragged"
say "tagged by a command" >"$WORK/drag/towel.txt"
if [ -n "$PLAIN" ]; then
    mkdir -p "$M/library/drag" "$M/by/tag/poolside" "$M/by/tag/boardwalk"
    cp "$WORK/drag/$dragged" "$M/by/tag/poolside/"
else
    dam import --any "$WORK/drag" --into drag >/dev/null
    dam tag add poolside "$M/library/drag/$dragged" >/dev/null
    mkdir "$M/by/tag/boardwalk"
fi

# What is in a value's folder now; of damfs, also what `dam find` says of it.
holds() {
    local wanted=$2 found
    [ "$(find "$M/by/tag/$1" -mindepth 1 -maxdepth 1 -type f ! -name '.*' -printf '%f\n' | sort | paste -sd ' ')" = "$wanted" ] || return 1
    [ -z "$PLAIN" ] || return 0
    found=$(dam find "tag=$1" | sort | sed 's|.*library/drag/||' | paste -sd ' ')
    [ "$found" = "$wanted" ]
}
# The record without what a move between values may change.
record() { dam show --json "$M/library/drag/$dragged" | tr -d '\n' | sed -E 's/"(tag)" *: *\[[^]]*\]//; s/"(changed|ctime)" *: *"?[^",}]*"?//g'; }
assets() { find "$M/library" -type f | wc -l; }

# The files that a window shows, as it gives them to the clipboard.
shown() {
    printf '' | xclip -selection clipboard
    xdotool windowfocus "$1" key --window "$1" ctrl+a
    xdotool key --window "$1" ctrl+c
    sleep 0.3
    timeout 5 xclip -o -selection clipboard -t x-special/gnome-copied-files 2>/dev/null | sed -n 's|^file://.*/||p' | grep -vx '+and' | sort | paste -sd ' '
}
shows() { [ "$(shown "$1")" = "$2" ]; }

# drag X Y X Y [KEY]: as a hand does it, by little steps, with a key held down from when it has begun.
drag() {
    local step
    xdotool mousemove "$1" "$2" sleep 0.2 mousedown 1 sleep 0.2
    for step in 4 8 12 16 20; do xdotool mousemove $(($1 + step)) $(($2 + step)) sleep 0.05; done
    [ -z "${5:-}" ] || xdotool keydown "$5"
    for step in 1 2 3 4 5 6 7 8 9 10; do
        xdotool mousemove $(($1 + ($3 - $1) * step / 10)) $(($2 + ($4 - $2) * step / 10)) sleep 0.05
    done
    xdotool sleep 0.3 mousemove $(($3 + 3)) "$4" sleep 0.3 mouseup 1 sleep 0.2
    [ -z "${5:-}" ] || xdotool keyup "$5"
}
# The first file of a window lies below its bars, of which root has one more: the height that answers is kept.
heights=(142 112)
# drag_first FROM_X TO_X KEY CONDITION...: repeated until the condition comes true.
drag_first() {
    local from=$1 to=$2 key=$3 height try
    shift 3
    for try in 1 2 3; do
        for height in "${heights[@]}"; do
            drag $((from + 211)) "$height" $((to + 500)) 600 "$key"
            if wait_for 5 "$@"; then
                heights=("$height")
                return 0
            fi
        done
    done
    note "after $try drags the folders hold: $(ls -R "$M/by/tag")"
    return 1
}

Thunar "$M/by/tag/poolside" "$M/by/tag/boardwalk" >"$WORK/thunar.log" 2>&1 &
thunar=$!
window_of() { timeout 60 xdotool search --sync --onlyvisible --name "^$1 - Thunar" | head -n 1; }
left=$(window_of poolside) || die "Thunar opened no window: $(cat "$WORK/thunar.log")"
right=$(window_of boardwalk) || die "Thunar opened one window of two: $(cat "$WORK/thunar.log")"
xdotool windowmove "$left" 0 0 windowsize "$left" 800 800 windowmove "$right" 800 0 windowsize "$right" 800 800
wait_for 30 shows "$left" "$dragged" || die "Thunar shows '$(shown "$left")' in by/tag/poolside"
if [ -z "$PLAIN" ]; then
    id=$(id_of "$M/library/drag/$dragged")
    before=$(record)
    count=$(assets)
fi
same() {
    [ -z "$PLAIN" ] || return 0
    check "$1 changed the id" [ "$(id_of "$M/library/drag/$dragged")" = "$id" ]
    check "$1 changed more than the tags: $(record), not $before" [ "$(record)" = "$before" ]
    check "$1 changed the bytes" cmp -s "$WORK/drag/$dragged" "$M/library/drag/$dragged"
    check "$1 made an asset: $(assets), not $count" [ "$(assets)" = "$count" ]
}

moved() { holds poolside '' && holds boardwalk "$dragged"; }
drag_first 0 800 '' moved || die "WRONG: a drag from one value to another does not change the tag"
wait_for 10 shows "$right" "$dragged" || die "WRONG: Thunar does not show what was dragged: '$(shown "$right")'"
same "a drag"
lap "Thunar: a file dragged to another value has that tag, and the first no more"

copied() { holds poolside "$dragged" && holds boardwalk "$dragged"; }
drag_first 800 0 ctrl copied || die "WRONG: a drag with Ctrl to another value does not add the tag"
[ -n "$PLAIN" ] || dam settle >/dev/null
check "a drag with Ctrl left something else" copied
same "a drag with Ctrl"
lap "Thunar: a file dragged with Ctrl to another value has both tags, and there is one file"

if [ -n "$PLAIN" ]; then cp "$WORK/drag/towel.txt" "$M/by/tag/boardwalk/"; else dam tag add boardwalk "$M/library/drag/towel.txt" >/dev/null; fi
seen() {
    xdotool windowfocus "$right" key --window "$right" F5
    sleep 0.5
    shows "$right" "$dragged towel.txt"
}
wait_for 20 seen || die "WRONG: a refreshed window does not show a file tagged meanwhile: '$(shown "$right")'"
lap "Thunar: a refreshed window shows a file that a command has tagged"
kill "$thunar" 2>/dev/null || true
wait "$thunar" 2>/dev/null || true
