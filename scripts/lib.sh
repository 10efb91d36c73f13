# Common to the scripts here; sourced, never run.
# shellcheck shell=bash
# shellcheck disable=SC2034 # the lists are for the scripts that source this

ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

# The Debian packages, in one place. What a visitor needs to build and to mount:
APT_BUILD=(gcc libc6-dev nasm)
APT_MOUNT=(fuse3)
# What the tests use beside that; the first two lines of test.sh's own, the rest of the real-mount tests.
APT_TEST=(attr rsync libglib2.0-bin libimage-exiftool-perl exiv2 python3 python3-pil ffmpeg procps util-linux passwd
    imagemagick jpeginfo pngcheck webp libvips-tools libheif-examples libavif-bin)
APT_DESKTOP=(
    xvfb dbus dbus-bin xdotool xclip thunar tumbler libglib2.0-bin gedit vim gimp libimage-exiftool-perl attr
    # Loaders that tumbler's and gdk-pixbuf's thumbnails come from.
    librsvg2-common webp-pixbuf-loader
)
APT_BENCH=(gocryptfs bindfs libvips-tools webp libimage-exiftool-perl rsync python3 python3-pip imagemagick coreutils findutils)
APT_WORKLOADS=(git sqlite3 tar restic borgbackup stress-ng)
APT_SAVERS=(vim nano sed perl libimage-exiftool-perl imagemagick rsync tar zip unzip git attr python3)
APT_SAVERS_FULL=(
    emacs-nox libglib2.0-bin jhead jpegoptim exiv2 ffmpeg curl gimp samba samba-vfs-modules smbclient
    # The second lets a script press its Ctrl+S.
    libreoffice-writer-nogui python3-uno
)
APT_WHOLE=(rsync tar python3 dbus tracker tracker-miner-fs tracker-extract)
APT_UPLOADS=(python3 rsync tar zip unzip curl jpeginfo pngcheck webp chromium chromium-driver python3-selenium)
APT_C2PA=(python3 python3-pip python3-pil openssl)
# systemd's own check of a unit is done where it is installed.
APT_HOST=(samba samba-vfs-modules smbclient util-linux passwd python3)
# Disk images that are filled, cut off and repaired.
APT_DISKS=(e2fsprogs mount)
APT_CHECK=(shellcheck)

say() { printf '%s\n' "$*"; }
note() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() {
    note "$*"
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
is_root() { [ "$(id -u)" -eq 0 ]; }

# The packages of the given ones that are not installed, one a line.
missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || say "$package"
    done
}

# Whether packages can be installed from here: as root, or by sudo that may ask on a terminal.
can_install() {
    have apt-get || return 1
    is_root && return 0
    have sudo || return 1
    sudo -n true 2>/dev/null || [ -t 0 ]
}

# Installs packages with apt; sudo is used for this and for nothing else.
install_packages() {
    local sudo=()
    is_root || sudo=(sudo)
    local options=(-y -q -o Dpkg::Use-Pty=0 --no-install-recommends)
    # Lists of yesterday mostly do; they are fetched anew when they do not.
    if ! "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@" >/dev/null 2>&1; then
        "${sudo[@]}" apt-get update -q >/dev/null || return 1
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@" >/dev/null
    fi
}

# Makes sure of packages; says the exact line and fails when they cannot be installed.
need_packages() {
    have dpkg-query || return 0
    local missing
    mapfile -t missing < <(missing_packages "$@")
    [ "${#missing[@]}" -eq 0 ] && return 0
    if ! can_install; then
        note "these packages are missing and only root can install them:"
        note "    apt-get install -y ${missing[*]}"
        return 1
    fi
    say "installing ${missing[*]}"
    install_packages "${missing[@]}" || {
        note "apt could not install them; try: apt-get update && apt-get install -y ${missing[*]}"
        return 1
    }
}

# The oldest Rust that builds this, from Cargo.toml.
rust_version() { sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' "$ROOT/Cargo.toml" | head -n 1; }

# Whether version $1 is at least $2.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# Whether the cargo that would run is new enough.
cargo_fits() {
    local version
    version=$(cargo --version 2>/dev/null | awk '{ print $2 }') || return 1
    [ -n "$version" ] && at_least "$version" "$(rust_version)"
}

# Finds cargo where rustup puts it, when PATH does not have it.
find_cargo() {
    local home=${CARGO_HOME:-$HOME/.cargo}
    have cargo || [ ! -x "$home/bin/cargo" ] || PATH=$home/bin:$PATH
    export PATH
    have cargo
}

need_cargo() {
    find_cargo || die "there is no cargo; $(rust_version) or newer is needed, see https://rustup.rs"
    cargo_fits || die "$(cargo --version) is too old; $(rust_version) or newer is needed, see https://rustup.rs"
}

# The cargo profile's options and the folder its programs come to: DAM_PROFILE is release or debug.
profile_options() { [ "${DAM_PROFILE:-release}" = debug ] || say --release; }
profile_dir() { say "${CARGO_TARGET_DIR:-$ROOT/target}/${DAM_PROFILE:-release}"; }

# Builds dam, dam-mountd and the roster, unless DAM_BIN_DIR names a folder that has them; sets BIN.
build_programs() {
    if [ -n "${DAM_BIN_DIR:-}" ]; then
        BIN=$(cd -- "$DAM_BIN_DIR" && pwd)
    else
        local options
        mapfile -t options < <(profile_options)
        (cd "$ROOT" && cargo build --quiet --locked --workspace --bins --example roster "${options[@]}")
        BIN=$(profile_dir)
    fi
    local program
    for program in dam dam-mountd examples/roster; do
        [ -x "$BIN/$program" ] || die "$BIN/$program is not there; build it, or leave DAM_BIN_DIR unset"
    done
}

# The path of a program that cargo installs, at one version, kept below the target folder: cargo_tool NAME VERSION.
cargo_tool() {
    local root=${CARGO_TARGET_DIR:-$ROOT/target}/tools
    if [ ! -x "$root/bin/$1" ] || ! "$root/bin/$1" --version 2>/dev/null | grep -qF "$2"; then
        note "installing $1 $2"
        cargo install --quiet --locked --root "$root" --version "$2" "$1" >&2 || return 1
    fi
    say "$root/bin/$1"
}

# Whether something is mounted exactly here; true for a mount whose daemon died, too.
mounted() {
    local path point
    path=$(readlink -m -- "$1")
    while read -r _ _ _ _ point _; do
        [ "$(printf '%b' "${point//\\/\\0}")" = "$path" ] && return 0
    done </proc/self/mountinfo
    return 1
}

# Waits until a command succeeds; $1 is the number of seconds at most.
wait_for() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.2
    done
}

# One string field of the JSON on stdin; for the flat parts of `dam show --json`, without a JSON program.
json_field() { tr -d '\n' | grep -o "\"$1\" *: *\"[^\"]*\"" | head -n 1 | sed 's/^[^:]*: *"//; s/"$//'; }

# Whether a list of the JSON on stdin holds a string: json_has tag favourite.
json_has() { tr -d '\n' | grep -o "\"$1\" *: *\[[^]]*\]" | head -n 1 | grep -qF "\"$2\""; }

# A sentence when FUSE is not to be had. Who is not root mounts through fusermount3, which opens the device with his rights.
need_fuse() {
    [ -c /dev/fuse ] || die "/dev/fuse is missing: load the module with 'modprobe fuse', or give the container --device /dev/fuse --cap-add SYS_ADMIN"
    is_root || have fusermount3 || die "fusermount3 is missing: apt-get install -y ${APT_MOUNT[*]}"
    { : <>/dev/fuse; } 2>/dev/null && return
    ! is_root || die "/dev/fuse is there but cannot be opened: the container needs --device /dev/fuse"
    die "this user may not open /dev/fuse ($(stat -c 'mode %a, owner %U:%G' /dev/fuse)): join its group, or as root: chmod 666 /dev/fuse"
}

# What a script needs that tries a mounted library: need_mounts PACKAGE...; the programs are on PATH then.
need_mounts() {
    need_packages "${APT_MOUNT[@]}" "$@"
    need_fuse
    [ -n "${DAM_BIN_DIR:-}" ] || need_cargo
    build_programs
    PATH=$BIN:$PATH
}

# A new library in a folder that goes when the script ends: new_library NAME. $WORK is the folder, $M where to mount it.
new_library() {
    WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/damfs-$1.XXXXXX")
    M=$WORK/mount
    export XDG_CONFIG_HOME=$WORK/config XDG_CACHE_HOME=$WORK/cache DAM_LIBRARY=$WORK/library
    trap leave_library EXIT
    mkdir "$M"
    dam init "$DAM_LIBRARY" >/dev/null
}
leave_library() {
    ! mounted "$M" || dam unmount --force "$M" >/dev/null 2>&1 || umount -l "$M" || true
    rm -rf --one-file-system -- "$WORK" || true
}

# Ends it: every version is made, it is unmounted, and every byte is read.
end_library() {
    dam settle >/dev/null
    dam unmount "$M" >/dev/null
    dam fsck --deep >"$WORK/out" && return
    cat "$WORK/out" >&2
    die "fsck is not clean"
}
