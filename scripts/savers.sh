#!/usr/bin/env bash
# Real programs save over an asset, in library/ and through a view, and once more over that: each on a plain folder first, and
# what it writes and leaves there is what must be written and left on the mount, with the asset's id and tag kept, one version more
# for each time and no second asset.
# savers.sh [--quick]: those that are at once done alone.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
QUICK=
case ${1:-} in
'') ;;
--quick) QUICK=1 ;;
*)
    say "Usage: scripts/savers.sh [--quick]"
    case $1 in -h | --help) exit 0 ;; esac
    exit 2
    ;;
esac
need_packages "${APT_MOUNT[@]}" "${APT_SAVERS[@]}"
[ -n "$QUICK" ] || need_packages "${APT_SAVERS_FULL[@]}"
need_fuse
[ -n "${DAM_BIN_DIR:-}" ] || need_cargo
build_programs
PATH=$BIN:$PATH
# Not below /tmp: vim and emacs keep no backup there.
WORK=$(mktemp -d /var/tmp/damfs-savers.XXXXXX)
M=$WORK/mount
export DAM_LIBRARY=$WORK/library HOME=$WORK/home XDG_CONFIG_HOME=$WORK/config XDG_CACHE_HOME=$WORK/cache
export LC_ALL=C.UTF-8 TERM=xterm GIO_USE_VFS=local GSETTINGS_BACKEND=memory GIT_CONFIG_GLOBAL=/dev/null
unset DISPLAY WAYLAND_DISPLAY
SMBD=
# shellcheck disable=SC2317,SC2329 # called by the trap
finish() {
    [ -z "$SMBD" ] || kill "$SMBD" 2>/dev/null || true
    ! mounted "$M" || dam unmount --force "$M" >/dev/null 2>&1 || umount -l "$M" || true
    rm -rf --one-file-system -- "$WORK" || true
}
trap finish EXIT
mkdir "$HOME" "$M" "$WORK/in" "$WORK/new" "$WORK/plain"

# --- what is saved ------------------------------------------------------------------------------------------------------
# make KIND FILE: a file like no other; two of the same bytes would be one asset.
make() {
    local name=${2##*/}
    case $1 in
    txt) printf 'the first line of %s, %s\nthe last line\n' "$2" "$RANDOM" >"$2" ;;
    png | jpg) convert -size $((40 + RANDOM % 40))x48 gradient:red-blue -set comment "$2 $RANDOM$RANDOM" "$2" ;;
    mp4) ffmpeg -v error -f lavfi -i testsrc=duration=1:size=64x48:rate=10 -metadata title="$2 $RANDOM" -y "$2" ;;
    zip) (cd "${2%/*}" && say "$2 $RANDOM" >"$name.txt" && zip -q -m "$name" "$name.txt") ;;
    odt)
        say "$2 $RANDOM" >"$2.txt"
        office --convert-to odt:writer8 --outdir "$WORK/office" "$2.txt" >/dev/null 2>&1
        mv "$WORK/office/$name.odt" "$2"
        rm "$2.txt"
        ;;
    esac
}

# Whether two files say the same: to the byte, or without the times and numbers that a program writes into each.
same() {
    case $1 in
    bytes) cmp -s -- "$2" "$3" ;;
    pixels) [ "$(convert -quiet "$2" rgba:- | md5sum)" = "$(convert -quiet "$3" rgba:- | md5sum)" ] ;;
    text) [ "$(unzip -p "$2" content.xml | sed 's/<[^>]*>//g')" = "$(unzip -p "$3" content.xml | sed 's/<[^>]*>//g')" ] ;;
    esac
}

# --- programs that a line cannot drive -----------------------------------------------------------------------------------
# Each step's failure is the function's: the caller looks at it, so that "set -e" is off in them.
vim_with() { timeout 60 vim -N -u NONE -i NONE -es --cmd "set swapfile ${2:-}" -c 'normal Gosaved by vim' -c wq -- "$1" </dev/null; }
emacs_with() {
    timeout 60 emacs -Q --batch --eval "(setq ${2:-make-backup-files t})" "$1" \
        --eval '(progn (goto-char (point-max)) (insert "saved by emacs\n") (save-buffer))'
}

# nano wants a terminal: types, saves and leaves, each when the screen says that it may.
nano_with() {
    LINES=24 COLUMNS=80 timeout 60 python3 - "$@" <<'END'
import os, pty, sys

pid, terminal = pty.fork()
if pid == 0:
    os.execvp("nano", ["nano", "-I", *sys.argv[1:]])


def after(word, keys):
    seen = b""
    while word not in seen:
        seen += os.read(terminal, 4096)
    os.write(terminal, keys)


after(b"Exit", b"saved by nano \x13")
after(b"Wrote", b"\x18")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
}

tar_over() { tar -C "$WORK/new" -c "${1##*/}" | tar -C "${1%/*}" -x; }
unzip_over() {
    rm -f "$WORK/archive.zip"
    (cd "$WORK/new" && zip -q "$WORK/archive.zip" "${1##*/}") && unzip -q -o "$WORK/archive.zip" -d "${1%/*}"
}
jpegoptim_harder() { jpegoptim -q -f -m$((40 - 10 * $2)) "$1"; }
curl_over() { curl -sS -R -o "$1" "file://$2"; }
gio_save() { gio save "${@:3}" "$1" <"$2"; }
mv_over() { cp -p "$2" "$WORK/other disk" && mv -f "$WORK/other disk" "$1"; }

# The folder is the work tree of a repository elsewhere, at its first commit; the second is checked out.
git_checkout() {
    local name=${1##*/} tree=$WORK/tree
    local git=(git --git-dir="$tree/.git" -c user.name=tester -c user.email=tester@example.invalid)
    rm -rf "$tree"
    git init -q -b main "$tree" &&
        cp "$1" "$tree/" &&
        "${git[@]}" --work-tree="$tree" add "$name" &&
        "${git[@]}" commit -qm first &&
        cp "$2" "$tree/$name" &&
        "${git[@]}" --work-tree="$tree" commit -qam second &&
        "${git[@]}" --work-tree="$tree" checkout -q --detach main~ &&
        "${git[@]}" --work-tree="${1%/*}" checkout -q main &&
        [ -z "$("${git[@]}" --work-tree="${1%/*}" status --porcelain --untracked-files=no)" ]
}

gimp_crop() {
    timeout 240 gimp -n -i -d -f -b "(let* ((image (car (gimp-file-load RUN-NONINTERACTIVE \"$1\" \"$1\"))))
        (gimp-image-crop image 23 $((50 - $2)) 0 0)
        (gimp-file-save RUN-NONINTERACTIVE image (car (gimp-image-get-active-layer image)) \"$1\" \"$1\"))" -b '(gimp-quit 0)'
}

# In the background it ends with its time at the latest, and so does what it started.
office() { timeout 120 soffice -env:UserInstallation="file://$WORK/office" --headless --norestore "$@"; }
# Opens, types and saves as Ctrl+S does; the module uno is the system's Python's alone.
office_save() {
    local pipe=damfs$$
    office --accept="pipe,name=$pipe;urp;" &
    local server=$! code=0
    timeout 60 /usr/bin/python3 - "$pipe" "$1" <<'END' || code=$?
import os, sys, time, uno

context = uno.getComponentContext()
resolver = context.ServiceManager.createInstance("com.sun.star.bridge.UnoUrlResolver")
while True:
    try:
        office = resolver.resolve(f"uno:pipe,name={sys.argv[1]};urp;StarOffice.ComponentContext")
        break
    except Exception:
        time.sleep(0.2)
desktop = office.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", office)
document = desktop.loadComponentFromURL(uno.systemPathToFileUrl(sys.argv[2]), "_blank", 0, ())
document.Text.End.String = "saved by LibreOffice"
document.store()
document.close(True)
desktop.terminate()
# Taking down what spoke with an office that is gone crashes at times.
os._exit(0)
END
    wait "$server" || code=$?
    return "$code"
}
office_convert() { office --convert-to odt:writer8 --outdir "${1%/*}" "$2"; }

# An smbd of our own: loopback, its own port and state, one share of the working folder, ended by the trap.
smb_start() {
    mkdir -p "$WORK/samba/run"
    PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    cat >"$WORK/samba/smb.conf" <<END
[global]
interfaces = 127.0.0.1/8
bind interfaces only = yes
smb ports = $PORT
disable netbios = yes
server role = standalone server
map to guest = Bad User
load printers = no
usershare path =
private dir = $WORK/samba
state directory = $WORK/samba
cache directory = $WORK/samba
lock directory = $WORK/samba
pid directory = $WORK/samba/run
ncalrpc dir = $WORK/samba/run
log file = $WORK/samba/log
[work]
path = $WORK
guest ok = yes
read only = no
force user = $(id -un)
store dos attributes = yes
[mac]
path = $WORK
guest ok = yes
read only = no
force user = $(id -un)
store dos attributes = yes
vfs objects = catia fruit streams_xattr
fruit:resource = file
fruit:metadata = stream
END
    # In a process group of its own, which it ends with itself.
    smbd -F -s "$WORK/samba/smb.conf" >/dev/null 2>&1 &
    SMBD=$!
    wait_for 20 smb "" ls >/dev/null 2>&1 || die "smbd did not start: $(tail -n 5 "$WORK/samba/log")"
}
# smb FOLDER COMMANDS, in that folder of the share.
smb() { smbclient -N "//127.0.0.1/work" -s "$WORK/samba/smb.conf" -p "$PORT" -D "$1" -c "$2"; }
smb_put() { smb "$(below "$1")" "put $2 ${1##*/}"; }
smb_rename_over() { smb "$(below "$1")" "put $2 upload.tmp; rename upload.tmp ${1##*/} -f"; }
# As a Mac does: a stream, and a resource fork, which lies beside the file as ._NAME. Both are read back.
mac() { smbclient -N "//127.0.0.1/mac" -s "$WORK/samba/smb.conf" -p "$PORT" -D "$(below "$1")" -c "$2"; }
smb_streams() {
    local name=${1##*/} back=$WORK/stream
    mac "$1" "put $2 $name; put $WORK/samba/smb.conf $name:Zone; put $WORK/samba/smb.conf $name:AFP_Resource"
    mac "$1" "get $name:Zone $back.zone; get $name:AFP_Resource $back.fork"
    cmp "$back.zone" "$WORK/samba/smb.conf" && cmp "$back.fork" "$WORK/samba/smb.conf"
}
# Where another file is renamed over it, a plain folder has lost the stream.
stream_stays() {
    local file=$1 name=${1##*/}
    mac "$file" "put $WORK/new/$name upload.tmp; rename upload.tmp $name -f; get $name:Zone $WORK/stream.zone" >/dev/null 2>&1
    cmp -s "$WORK/stream.zone" "$WORK/samba/smb.conf"
}
smb_word() {
    smb "$(below "$1")" "put $2 ~WRD0001.tmp; rename ${1##*/} ~WRL0002.tmp; rename ~WRD0001.tmp ${1##*/}; del ~WRL0002.tmp"
}
below() {
    local folder=${1%/*}
    say "${folder#"$WORK/"}"
}

# --- the check ----------------------------------------------------------------------------------------------------------
wrong=0
check() {
    local sentence=$1
    shift
    "$@" && return
    note "WRONG: $sentence"
    wrong=$((wrong + 1))
}
is() { check "$1 is '$2', not '$3'" [ "$2" = "$3" ]; }
attribute() { getfattr --absolute-names --only-values -n "$1" -- "$2" 2>&1; }
names_in() { (cd "$1" && find . -mindepth 1 ! -name .nomedia ! -name .trackerignore -printf '%P\n' | sort | paste -sd' '); }
folder_of() {
    case $2 in
    plain) say "$WORK/plain/$1" ;;
    library) say "$M/library/$1" ;;
    view) say "$M/by/tag/$1" ;;
    esac
}

# run_on FILE ROUND COMMAND...; FILE, NEW, FOLDER and ROUND in it are the file, what another program made of it, where it lies, and 1 or 2.
run_on() {
    local folder=${1%/*} name=${1##*/} round=$2 word command=()
    shift 2
    for word in "$@"; do
        case $word in
        FILE) word=$folder/$name ;;
        NEW) word=$WORK/new/$name ;;
        FOLDER) word=$folder ;;
        esac
        command+=("${word//ROUND/"$round"}")
    done
    (cd "$WORK" && "${command[@]}") >"$WORK/out" 2>&1
}

# The two files, and what the program leaves beside the one that it saved here.
expected_names() {
    {
        say "$1-library.$2"
        say "$1-view.$2"
        find "$WORK/plain/$1" -mindepth 1 -name "*$1-$3.*" -printf '%P\n'
    } | sort -u | paste -sd' '
}

# What must hold of an asset that was saved so many times: right behind it, and when nothing is held back any more.
check_saved() {
    local title=$1 slug=$2 kind=$3 like=$4 place=$5 id=$6 saves=$7
    local name=$slug-$place.$kind record numbers
    local plain=$WORK/plain/$slug/$name kept=$M/library/$slug/$name seen versions=$M/versions/$slug/$slug-$place.$kind
    seen=$(folder_of "$slug" "$place")/$name
    local who="$title in the $place"
    check "$who: $seen is not what the program writes" same "$like" "$plain" "$seen"
    check "$who: library/ shows other bytes" cmp -s "$seen" "$kept"
    is "$who: the id" "$(attribute user.dam.id "$seen")" "$id"
    is "$who: the id in library/" "$(attribute user.dam.id "$kept")" "$id"
    is "$who: the tags" "$(attribute user.xdg.tags "$seen")" "$slug"
    record=$(dam show --json "$kept" 2>&1) || true
    check "$who: the record has lost the tag" json_has tag "$slug" <<<"$record"
    numbers=$(seq -f "%g.$kind" $((saves + 1)) | paste -sd' ')
    is "$who: the versions" "$(names_in "$versions")" "$numbers"
    check "$who: version 1 is not what was imported" cmp -s "$versions/1.$kind" "$WORK/in/$slug/$name"
    check "$who: the last version is not what was saved" cmp -s "$versions/$((saves + 1)).$kind" "$seen"
    # A time of long ago is one that the program has set.
    [ "$(stat -c %Y "$plain")" -gt $((begun - 3600)) ] || is "$who: the time" "$(stat -c %y "$seen")" "$(stat -c %y "$plain")"
    is "$who: the assets" "$(dam find "tag=$slug" | paste -sd' ')" "library/$slug/$slug-library.$kind library/$slug/$slug-view.$kind"
    is "$who: the names there" "$(names_in "${seen%/*}")" "$(expected_names "$slug" "$kind" "$place")"
}

saved=()
assets=0
# saver TITLE KIND LIKE COMMAND...: a row.
saver() {
    local title=$1 kind=$2 like=$3 slug place name id round plain start=${EPOCHREALTIME/./}
    shift 3
    slug=$(tr -cs 'a-z0-9' - <<<"${title,,}")
    slug=${slug%-}
    mkdir "$WORK/in/$slug" "$WORK/plain/$slug"
    for place in library view; do make "$kind" "$WORK/in/$slug/$slug-$place.$kind"; done
    dam import --any "$WORK/in/$slug" --into "$slug" --set "tag=$slug" >"$WORK/out" 2>&1 || die "$title: $(cat "$WORK/out")"
    assets=$((assets + 2))
    for place in library view; do
        name=$slug-$place.$kind
        plain=$WORK/plain/$slug/$name
        id=$(attribute user.dam.id "$M/library/$slug/$name")
        cp "$WORK/in/$slug/$name" "$plain"
        for round in 1 2; do
            rm -f "$WORK/new/$name"
            make "$kind" "$WORK/new/$name"
            touch -d "2020-02-0$round 02:02:02.123456789" "$WORK/new/$name"
            cp "$plain" "$WORK/before"
            run_on "$plain" "$round" "$@" || die "$title fails on a plain folder: $(cat "$WORK/out")"
            ! same "$like" "$plain" "$WORK/before" || die "$title saves nothing on a plain folder: $(cat "$WORK/out")"
            run_on "$(folder_of "$slug" "$place")/$name" "$round" "$@" || check "$title fails in the $place: $(cat "$WORK/out")" false
            dam settle >/dev/null
            check_saved "$title" "$slug" "$kind" "$like" "$place" "$id" "$round"
        done
        saved+=("$title|$slug|$kind|$like|$place|$id")
    done
    say "   $title ($(((${EPOCHREALTIME/./} - start) / 1000)) ms)"
}

# --- the programs -------------------------------------------------------------------------------------------------------
quick() {
    saver "vim" txt bytes vim_with FILE
    saver "vim, backup kept" txt bytes vim_with FILE backup
    saver "vim, backupcopy=yes" txt bytes vim_with FILE "backup backupcopy=yes"
    saver "nano" txt bytes nano_with FILE
    saver "nano -B" txt bytes nano_with -B FILE
    saver "sed -i" txt bytes sed -i 's/last/very last/' FILE
    saver "sed -i.bak" txt bytes sed -i.bak 's/last/very last/' FILE
    saver "perl -pi" txt bytes perl -pi -e 's/last/very last/' FILE
    saver "perl -pi.bak" txt bytes perl -pi.bak -e 's/last/very last/' FILE
    saver "exiftool" jpg bytes exiftool -q -Artist=ROUND FILE
    saver "exiftool -P" jpg bytes exiftool -q -P -Artist=ROUND FILE
    saver "exiftool -overwrite_original" jpg bytes exiftool -q -overwrite_original -Artist=ROUND FILE
    saver "exiftool -overwrite_original_in_place" jpg bytes exiftool -q -overwrite_original_in_place -Artist=ROUND FILE
    saver "mogrify" jpg bytes mogrify -resize 2ROUNDx20 FILE
    saver "convert" jpg bytes convert NEW -flip FILE
    saver "rsync" png bytes rsync -a NEW FILE
    saver "rsync --inplace" png bytes rsync -a --inplace NEW FILE
    saver "rsync --delay-updates" png bytes rsync -a --delay-updates NEW FOLDER
    saver "rsync --partial-dir" png bytes rsync -a --partial-dir=.rsync-partial NEW FILE
    saver "rsync --backup" png bytes rsync -a --backup NEW FILE
    saver "cp" png bytes cp NEW FILE
    saver "cp -a" png bytes cp -a NEW FILE
    saver "cp --remove-destination" png bytes cp --remove-destination NEW FILE
    saver "cp --backup=numbered" png bytes cp --backup=numbered NEW FILE
    saver "install" png bytes install -m 644 NEW FILE
    saver "mv from another disk" png bytes mv_over FILE NEW
    saver "tar x" png bytes tar_over FILE
    saver "unzip -o" png bytes unzip_over FILE
    saver "zip -u" zip bytes zip -q -X -j -u FILE NEW
    saver "git checkout" txt bytes git_checkout FILE NEW
}
full() {
    saver "emacs" txt bytes emacs_with FILE
    saver "emacs, backup by copying" txt bytes emacs_with FILE "backup-by-copying t"
    saver "emacs, file-precious" txt bytes emacs_with FILE "make-backup-files nil file-precious-flag t"
    saver "gio save" txt bytes gio_save FILE NEW
    saver "gio save -b" txt bytes gio_save FILE NEW -b
    saver "gio copy" png bytes gio copy NEW FILE
    saver "jhead" jpg bytes jhead -cl "saved by jhead ROUND" FILE
    saver "jpegoptim" jpg bytes jpegoptim_harder FILE ROUND
    saver "exiv2" jpg bytes exiv2 -M 'set Exif.Image.Artist ROUND' FILE
    saver "ffmpeg -y" mp4 bytes ffmpeg -v error -nostdin -y -i NEW -c copy -movflags +faststart -fflags +bitexact FILE
    saver "curl -o" png bytes curl_over FILE NEW
    saver "GIMP, jpg" jpg pixels gimp_crop FILE 3ROUND
    saver "GIMP, png" png pixels gimp_crop FILE 3ROUND
    saver "LibreOffice" odt text office_save FILE
    saver "LibreOffice, convert" odt text office_convert FILE NEW
    smb_start
    saver "smbd, put over" png bytes smb_put FILE NEW
    saver "smbd, rename over" png bytes smb_rename_over FILE NEW
    saver "smbd, Word" png bytes smb_word FILE NEW
    saver "smbd, streams" png bytes smb_streams FILE NEW
    for place in library view; do
        rm -f "$WORK/stream.zone"
        check "smbd, streams in the $place: a save by rename has lost the stream" \
            stream_stays "$(folder_of smbd-streams "$place")/smbd-streams-$place.png"
    done
}

dam init "$DAM_LIBRARY" >/dev/null
dam mount "$DAM_LIBRARY" "$M" >/dev/null
begun=$(date +%s)
quick
[ -n "$QUICK" ] || full
# A name is held for its asset for 15 seconds: what is there then stays.
sleep 17
dam settle >/dev/null
for row in "${saved[@]}"; do
    IFS='|' read -r title slug kind like place id <<<"$row"
    check_saved "$title, later" "$slug" "$kind" "$like" "$place" "$id" 2
done
is "the number of assets" "$(dam find not.state=trashed | wc -l)" "$assets"
is "the trash" "$(names_in "$M/trash")" ""
[ -z "$SMBD" ] || kill "$SMBD"
dam unmount "$M" >/dev/null
dam fsck --deep >"$WORK/out" 2>&1 || check "fsck finds faults: $(cat "$WORK/out")" false
[ "$wrong" -eq 0 ] || die "$wrong checks failed"
say "savers: all fine, $((2 * ${#saved[@]})) saves"
