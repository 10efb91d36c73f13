#!/usr/bin/env bash
# From a fresh Debian or Ubuntu to a mounted library, with a walk through it.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

usage() {
    cat <<'TEXT'
Usage: scripts/quickstart.sh [FOLDER] [--yes]
       scripts/quickstart.sh --stop

Builds damfs, makes a library, imports FOLDER (or a sample roster made on the spot), mounts it and shows what it does.
It stays mounted until --stop. Each run begins with a new library and leaves FOLDER as it is.

  --yes   accept the official Rust installer, should there be no Rust that is new enough
  --stop  take the mounts down; the library stays until the next run

Environment:
  DAM_QUICKSTART_DIR  where everything goes (~/damfs-quickstart)
  DAM_PROFILE         release or debug (release)
  DAM_BIN_DIR         use the programs in this folder and build nothing
  DAM_ROSTER_MAX_SIDE longest side of the sample pictures in pixels (2048); smaller ones are made faster
  RUSTUP_INSTALLER    run this script in place of the one from https://sh.rustup.rs
TEXT
}

FOLDER=
YES=
STOP=
while [ $# -gt 0 ]; do
    case $1 in
    --yes | -y) YES=1 ;;
    --stop) STOP=1 ;;
    -h | --help)
        usage
        exit 0
        ;;
    -*)
        usage >&2
        exit 2
        ;;
    *)
        [ -z "$FOLDER" ] || {
            usage >&2
            exit 2
        }
        FOLDER=$1
        ;;
    esac
    shift
done

BASE=$(readlink -m -- "${DAM_QUICKSTART_DIR:-$HOME/damfs-quickstart}")
MARKER=$BASE/.damfs-quickstart

# Takes both mounts down; the marker file says where the programs are.
stop() {
    local point bin=
    [ ! -f "$MARKER" ] || bin=$(sed -n 's/^bin=//p' "$MARKER")
    for point in "$BASE/reviewer" "$BASE/mount"; do
        mounted "$point" || continue
        if [ -x "$bin/dam" ] && "$bin/dam" unmount "$point" >/dev/null; then
            say "unmounted $point"
        elif fusermount3 -u "$point" 2>/dev/null || umount "$point" 2>/dev/null; then
            say "unmounted $point"
        else
            die "cannot unmount $point: something still uses it; close what has it open and run this again"
        fi
    done
}

if [ -n "$STOP" ]; then
    stop
    say "nothing of the quickstart is mounted now; the library is still in $BASE/library"
    exit 0
fi

if [ -n "$FOLDER" ]; then
    [ -d "$FOLDER" ] || die "$FOLDER is no folder; name one with images in it, or none for the sample roster"
    FOLDER=$(cd -- "$FOLDER" && pwd)
    case $BASE/ in "$FOLDER"/*) die "$FOLDER holds the quickstart's own folder $BASE; name a folder with images alone" ;; esac
fi
[ ! -e "$BASE" ] || [ -f "$MARKER" ] || [ -z "$(ls -A "$BASE")" ] ||
    die "$BASE is not empty and was not made by this script; set DAM_QUICKSTART_DIR to another folder"

# --- what is needed -------------------------------------------------------------------------------------------------
wanted=()
{ have cc && have nasm; } || wanted+=("${APT_BUILD[@]}")
have fusermount3 || wanted+=("${APT_MOUNT[@]}")
find_cargo && cargo_fits || [ -n "${DAM_BIN_DIR:-}" ] || [ -n "${RUSTUP_INSTALLER:-}" ] || have curl || wanted+=(curl ca-certificates)
if [ "${#wanted[@]}" -gt 0 ]; then
    can_install || {
        note "these packages are missing and this user can install none:"
        note "    sudo apt-get install -y ${wanted[*]}"
        exit 1
    }
    say "installing ${wanted[*]}"
    install_packages "${wanted[@]}" || die "apt failed; try: apt-get update && apt-get install -y ${wanted[*]}"
fi
need_fuse

# Asks for leave to run the official installer, and runs it.
install_rust() {
    local answer installer=${RUSTUP_INSTALLER:-}
    say "This needs Rust $(rust_version) or newer$(have cargo && say "; here is $(cargo --version)")."
    say "The official installer (https://rustup.rs) puts it below ~/.rustup and ~/.cargo of this user."
    if [ -z "$YES" ]; then
        [ -t 0 ] || die "run again with --yes to let the official Rust installer do that, or install Rust yourself"
        read -r -p "Run it now? [y/N] " answer
        case $answer in y | Y | yes) ;; *) die "nothing was installed; Rust $(rust_version) or newer is needed to go on" ;; esac
    fi
    if [ -z "$installer" ]; then
        installer=$(mktemp)
        curl --proto '=https' --tlsv1.2 -sSfL https://sh.rustup.rs -o "$installer" ||
            die "cannot fetch the installer from https://sh.rustup.rs; is this machine online?"
    fi
    sh "$installer" -y --profile minimal --default-toolchain stable || die "the Rust installer failed; see above"
    [ "$installer" = "${RUSTUP_INSTALLER:-}" ] || rm -f "$installer"
    # What was just installed comes before an older one of the distribution.
    PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
    hash -r
    cargo_fits || die "the installer ended well, yet there is no cargo $(rust_version) or newer in ${CARGO_HOME:-$HOME/.cargo}/bin"
}

if [ -z "${DAM_BIN_DIR:-}" ]; then
    cargo_fits || install_rust
    say "building damfs (a few minutes the first time)"
fi
build_programs
export PATH=$BIN:$PATH

# --- a fresh folder -------------------------------------------------------------------------------------------------
stop
if [ -f "$MARKER" ]; then
    key=$(sed -n 's/^key=//p' "$MARKER")
    [ -z "$key" ] || rm -f -- "$key"
    rm -rf --one-file-system -- "$BASE"
fi
mkdir -p -- "$BASE"
say "bin=$BIN" >"$MARKER"
cd -- "$BASE"

step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || step() { printf '\n%s\n' "$*"; }
# Prints a command line and runs it, here in the quickstart's folder. A reader like head may end before the writer.
run() {
    printf '$ %s\n' "$1"
    (
        set +o pipefail
        eval "$1"
    )
}
# Stops with a sentence unless a command succeeds.
check() {
    local sentence=$1
    shift
    "$@" || die "WRONG: $sentence"
}
count() { find "$1" -mindepth 1 -maxdepth 1 -type f ! -name '.*' | wc -l; }
found() { dam find "$1" | wc -l; }
quote() { printf '%q' "$1"; }

step "1. A library. Its files are sealed; the key stays outside of it."
say "$ cd $BASE"
run "export DAM_LIBRARY=\$PWD/library"
export DAM_LIBRARY=$BASE/library
run "dam init library" | tee init.out || die "WRONG: dam init failed"
say "key=$(grep -o '/[^ ]*\.key' init.out | head -n 1 || true)" >>"$MARKER"
rm -f init.out

step "2. Import: files are copied, hashed, read (size, prompt, model, keywords) and filed."
if [ -n "$FOLDER" ]; then
    name=$(basename -- "$FOLDER" | tr '[:upper:]' '[:lower:]' | tr -c 'a-z0-9\n' '-' | sed 's/--*/-/g; s/^-//; s/-$//')
    # `none` means no value in a query.
    case $name in '' | none) name=visitor ;; esac
    run "dam import $(quote "$FOLDER") --into $name --set persona=$name" || say "(what could not be read is listed above; the rest is in)"
    PERSONA=$name
    NARROW=kind/image
    QUERY=persona=$name,kind=image,not.rating=adult
    check "nothing in $FOLDER was recognised as an image" [ "$(found "persona=$PERSONA,kind=image")" -ge 1 ]
else
    run "$(quote "$BIN/examples/roster") roster${DAM_ROSTER_MAX_SIDE:+ --max-side $(quote "$DAM_ROSTER_MAX_SIDE")}"
    for PERSONA in luna mira kai nova; do
        run "dam import roster/$PERSONA --into $PERSONA --set persona=$PERSONA"
        check "not every picture of $PERSONA was imported" [ "$(found "persona=$PERSONA")" -eq "$(count "roster/$PERSONA")" ]
    done
    PERSONA=luna
    NARROW=tag/beach
    QUERY=persona=luna+mira,tag=beach+city,not.format=png
fi

step "3. Mount it: from here on every program can use it."
mkdir -p mount reviewer
run "dam mount library mount"
check "nothing is mounted at $BASE/mount" mounted mount
run "ls mount"

step "4. A persona's folder. The files are the very files of library/, not copies."
all=mount/by/persona/$PERSONA
run "ls $all | head -n 5"
check "$all does not list what 'dam find persona=$PERSONA' finds" [ "$(count "$all")" -eq "$(found "persona=$PERSONA")" ]

step "5. Narrower: folders add up, and find/ takes whole queries."
narrow=$all/+and/$NARROW
run "ls $narrow | head -n 5"
expr="persona=$PERSONA,$(say "$NARROW" | tr / =)"
check "$narrow does not list what 'dam find $expr' finds" [ "$(count "$narrow")" -eq "$(found "$expr")" ]
check "$narrow is empty" [ "$(count "$narrow")" -ge 1 ]
run "ls 'mount/find/$QUERY' | head -n 5"
check "find/$QUERY does not list what 'dam find' finds" [ "$(count "mount/find/$QUERY")" -eq "$(found "$QUERY")" ]

# Two still images to play with, by their paths: mount/library/...
mapfile -t stills < <(dam find "persona=$PERSONA,kind=image" | grep -iE '\.(png|jpe?g)$')
[ "${#stills[@]}" -ge 1 ] || mapfile -t stills < <(dam find "persona=$PERSONA,kind=image" | grep -iE '\.webp$')
[ "${#stills[@]}" -ge 1 ] || die "$FOLDER has no PNG, JPEG or WebP to show the rest with; it stays mounted until scripts/quickstart.sh --stop"
path=${stills[0]}
file=${path##*/}
hidden=${stills[1]:-}
view=$(dam show --json "$path" | json_field view_name)

step "6. Tag by copying. The bytes are there already, so nothing is stored twice."
before=$(found "persona=$PERSONA")
run "mkdir mount/by/tag/favourite"
run "cp $(quote "$all/$view") mount/by/tag/favourite/"
tagged() { [ "$(dam find tag=favourite)" = "$path" ]; }
check "tag=favourite does not find $path" wait_for 60 tagged
run "dam find tag=favourite"
check "the copy became a second asset" [ "$(found "persona=$PERSONA")" -eq "$before" ]

step "7. Save as editors do: write a scratch file, rename it over the old one. The asset stays the same asset."
id=$(dam show --json "$path" | json_field id)
say "before: id $id"
scratch="mount/${path%/*}/.goutputstream-Q1W2E3"
run "{ cat $(quote "mount/$path"); echo edited; } > $(quote "$scratch")"
run "mv $(quote "$scratch") $(quote "mount/$path")"
run "dam settle"
say "after:  id $(dam show --json "$path" | json_field id)"
check "the save changed the asset's id" [ "$(dam show --json "$path" | json_field id)" = "$id" ]
check "the save lost the tag" tagged
check "the saved bytes are not the ones that were written" [ "$(tail -c 7 "mount/$path")" = edited ]
run "ls $(quote "mount/versions/${path#library/}")"
check "versions/ does not show two versions of $file" [ "$(count "mount/versions/${path#library/}")" -eq 2 ]

step "8. An export for Threads: rendered when it is read, with its true size before that. Beside it what to post with it."
posts=mount/platforms/threads/post_image
run "dam set $(quote "mount/$path") status.threads=approved"
export_of() { find "$posts" -mindepth 1 -maxdepth 1 -type f -name '*.jpg' -print -quit; }
exported() { [ -n "$(export_of)" ]; }
check "$posts does not show what was approved" wait_for 60 exported
post=$(export_of)
run "ls $posts"
run "stat -c %s $(quote "$post")"
run "wc -c < $(quote "$post")"
check "stat's size of $post is not what reading it gives" [ "$(stat -c %s "$post")" -eq "$(wc -c <"$post")" ]
check "$post is no JPEG" [ "$(head -c 3 "$post" | od -An -tx1 | tr -d ' \n')" = ffd8ff ]

caption=${post%.jpg}.caption.txt
run "cat $(quote "$caption")"
check "$caption does not say that the picture was generated" grep -qF 'Made with AI.' "$caption"

step "9. Somebody else: rita reviews for a client. She sees what is approved, and no original."
run "dam member add rita --role client-reviewer"
run "dam mount --as rita library reviewer"
check "nothing is mounted at $BASE/reviewer" mounted reviewer
run "ls reviewer/by/persona/$PERSONA"
seen=$(find "reviewer/by/persona/$PERSONA" -mindepth 1 -maxdepth 1 -type f ! -name '.*' -printf '%f\n')
check "rita does not see the one approved picture and nothing else" [ "$seen" = "$view" ]
refused() {
    printf '$ %s\n' "cat $(quote "reviewer/$1") > /dev/null"
    if (cat "reviewer/$1" >/dev/null) 2>refusal.out; then
        # Who may view without downloading reads a marked proxy, never the original.
        say "(that was a marked proxy)"
        if cmp -s "reviewer/$1" "mount/$1"; then die "WRONG: rita read the original of $1"; fi
    else
        cat refusal.out
    fi
    rm -f refusal.out
}
refused "$path"
if [ -n "$hidden" ]; then
    refused "$hidden"
    check "rita can see $hidden" [ ! -e "reviewer/$hidden" ]
fi
run "dam why $(quote "${hidden:-$path}") --as rita" | tee why.out || true
check "dam why gave no reason" [ -s why.out ]
rm -f why.out

step "Done. Everything shown was checked. It stays mounted:"
cat <<TEXT
  $BASE/mount      the library, for you
  $BASE/reviewer   the same library, as rita sees it

  export PATH=$BIN:\$PATH DAM_LIBRARY=$BASE/library
  dam --help

Take it down with: scripts/quickstart.sh --stop
TEXT
