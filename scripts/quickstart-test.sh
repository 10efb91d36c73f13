#!/usr/bin/env bash
# scripts/quickstart.sh from end to end: as root without Rust, as an ordinary user, without packages, and its refusals.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

is_root || die "this test needs root: it makes a user and hides programs from him"
need_fuse
need_packages "${APT_BUILD[@]}" "${APT_MOUNT[@]}" "${APT_TEST[@]}"
need_cargo
export DAM_PROFILE=${DAM_PROFILE:-debug}
build_programs

# Programs of the debug profile paint slowly.
MAX_SIDE=$([ "$DAM_PROFILE" != debug ] || say 768)
TESTER=damfs-tester
# As udev has it on a desktop or a server; bare containers and virtual machines leave the device to root.
DEVICE_MODE=$(stat -c %a /dev/fuse)
WORK=$(mktemp -d /var/tmp/damfs-quickstart-test.XXXXXX)
chmod 755 "$WORK"
# shellcheck disable=SC2317,SC2329 # called by the trap
finish() {
    local point
    for point in "$WORK"/*/damfs-quickstart/{reviewer,mount}; do
        ! mounted "$point" || umount -l "$point" || true
    done
    userdel "$TESTER" 2>/dev/null || true
    chmod "$DEVICE_MODE" /dev/fuse
    rm -rf --one-file-system -- "$WORK" || true
}
trap finish EXIT

# expect CODE TEXT COMMAND...: the command ends with this code and says this text.
expect() {
    local code=0 wanted=$1 text=$2
    shift 2
    "$@" </dev/null >"$WORK/out" 2>&1 || code=$?
    if [ "$code" -ne "$wanted" ] || ! grep -qF -- "$text" "$WORK/out"; then
        cat "$WORK/out" >&2
        die "WRONG: wanted exit $wanted and '$text', got exit $code, from: $*"
    fi
}
fine() { say "   $1"; }

# A copy that the ordinary user can read, wherever this clone lies.
mkdir -p "$WORK/clone" "$WORK/bin/examples" "$WORK/home-root" "$WORK/home-user"
cp -r "$ROOT/scripts" "$ROOT/Cargo.toml" "$WORK/clone/"
cp "$BIN/dam" "$BIN/dam-mountd" "$WORK/bin/"
cp "$BIN/examples/roster" "$WORK/bin/examples/"
chmod -R a+rX "$WORK/clone" "$WORK/bin"
! id "$TESTER" >/dev/null 2>&1 || userdel "$TESTER"
useradd --no-create-home --home-dir "$WORK/home-user" --shell /bin/bash "$TESTER"
chown "$TESTER" "$WORK/home-user"
SYSTEM_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
as_tester() {
    local path=$1
    shift
    (cd / && runuser -u "$TESTER" -- env -i DAM_ROSTER_MAX_SIDE="$MAX_SIDE" HOME="$WORK/home-user" PATH="$path" LC_ALL=C.UTF-8 "$@")
}

# --- what is typed wrong --------------------------------------------------------------------------------------------
quickstart=$ROOT/scripts/quickstart.sh
expect 2 "Usage:" "$quickstart" --bogus
expect 2 "Usage:" "$quickstart" one two
expect 0 "Usage:" "$quickstart" --help
expect 1 "is no folder" env HOME="$WORK/home-root" "$quickstart" "$WORK/nothing-here"
mkdir "$WORK/precious"
touch "$WORK/precious/file"
expect 1 "was not made by this script" env DAM_QUICKSTART_DIR="$WORK/precious" "$quickstart"
[ -f "$WORK/precious/file" ] || die "WRONG: the quickstart removed what is not its own"
fine "wrong arguments and a foreign folder are refused"

# --- without packages and without the means to install them ---------------------------------------------------------
cp -rs /usr/bin "$WORK/bare"
for program in cc gcc nasm fusermount3 sudo cargo; do rm -f "$WORK/bare/$program"; done
expect 1 "apt-get install -y ${APT_BUILD[*]} ${APT_MOUNT[*]}" \
    as_tester "$WORK/bare" DAM_BIN_DIR="$WORK/bin" "$WORK/clone/scripts/quickstart.sh"
fine "without sudo it prints the apt line and stops"

chmod a+rw /dev/fuse
# --- an ordinary user, to whom nothing is missing -------------------------------------------------------------------
base=$WORK/home-user/damfs-quickstart
expect 0 "Done." as_tester "$SYSTEM_PATH" DAM_BIN_DIR="$WORK/bin" "$WORK/clone/scripts/quickstart.sh"
for point in mount reviewer; do mounted "$base/$point" || die "WRONG: the quickstart did not leave $base/$point"; done
as_tester "$SYSTEM_PATH" ls "$base/mount/library" >/dev/null || die "WRONG: its user cannot list the mount"
if ls "$base/mount/library" >/dev/null 2>&1; then die "WRONG: another user id reaches a personal mount"; fi
# The transcript in README.md: its headings and command lines are the ones that were just printed; sizes and ids differ.
shown() { grep -E '^(\$ |[0-9]+\. )' || true; }
sed -n '/^<!-- transcript/,/^<!-- end of transcript/p' "$ROOT/README.md" | shown >"$WORK/promised"
sed -n '/^4\. /,$p' "$WORK/out" | shown >"$WORK/printed"
[ -s "$WORK/promised" ] || die "WRONG: README.md has no transcript between its marks"
diff -u "$WORK/promised" "$WORK/printed" >&2 ||
    die "WRONG: README.md shows another walk than scripts/quickstart.sh takes; paste its output from step 4 on"
expect 0 "unmounted" as_tester "$SYSTEM_PATH" "$WORK/clone/scripts/quickstart.sh" --stop
if mounted "$base/mount" || mounted "$base/reviewer"; then die "WRONG: --stop left a mount"; fi
fine "an ordinary user gets through, and --stop takes it down"

# --- root, a cargo that is too old, and a stand-in for the Rust installer --------------------------------------------
mkdir "$WORK/old"
printf '#!/bin/sh\necho "cargo 1.0.0 (old)"\n' >"$WORK/old/cargo"
chmod +x "$WORK/old/cargo"
real=$(command -v cargo)
cat >"$WORK/installer" <<TEXT
#!/bin/sh
# Stands in for the official installer: puts a cargo where that one does.
printf '%s\n' "\$*" > "$WORK/installer.arguments"
mkdir -p "\$HOME/.cargo/bin"
printf '#!/bin/sh\nexport CARGO_HOME="%s" RUSTUP_HOME="%s" PATH="%s:\$PATH"\nexec "%s" "\$@"\n' \
    "${CARGO_HOME:-$HOME/.cargo}" "${RUSTUP_HOME:-$HOME/.rustup}" "$(dirname -- "$real")" "$real" > "\$HOME/.cargo/bin/cargo"
chmod +x "\$HOME/.cargo/bin/cargo"
TEXT
base=$WORK/home-root/damfs-quickstart
as_root() {
    env -i DAM_ROSTER_MAX_SIDE="$MAX_SIDE" HOME="$WORK/home-root" PATH="$WORK/old:$SYSTEM_PATH" LC_ALL=C.UTF-8 DAM_PROFILE="$DAM_PROFILE" \
        CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$ROOT/target}" RUSTUP_INSTALLER="$WORK/installer" "$@"
}
expect 1 "run again with --yes" as_root "$quickstart"
[ ! -e "$WORK/installer.arguments" ] || die "WRONG: the installer ran without leave"
expect 0 "Done." as_root "$quickstart" --yes
grep -q -- '-y' "$WORK/installer.arguments" || die "WRONG: the installer was not told to ask nothing"
fine "without a new cargo it asks, and with --yes it installs one and goes on"

# --- again, with a folder of one's own ------------------------------------------------------------------------------
mkdir "$WORK/My Pictures"
find "$base/roster/mira" -name '*.jpg' -exec cp {} "$WORK/My Pictures/" \;
echo "no picture" >"$WORK/My Pictures/broken.png"
mkdir "$WORK/none"
find "$base/roster/luna" -name '*.webp' -exec cp {} "$WORK/none/" \;
expect 0 "Done." env HOME="$WORK/home-root" DAM_BIN_DIR="$WORK/bin" "$quickstart" "$WORK/My Pictures"
grep -q "broken.png" "$WORK/out" || die "WRONG: the file that is no picture was not named"
mounted "$base/mount" || die "WRONG: the second run left no mount"
expect 0 "Done." env HOME="$WORK/home-root" DAM_BIN_DIR="$WORK/bin" "$quickstart" "$WORK/none"
expect 0 "unmounted" env HOME="$WORK/home-root" "$quickstart" --stop
expect 0 "nothing of the quickstart is mounted" env HOME="$WORK/home-root" "$quickstart" --stop
if mounted "$base/mount" || mounted "$base/reviewer"; then die "WRONG: --stop left a mount"; fi
[ "$(find "$WORK/home-root/.config/damfs" -name '*.key' | wc -l)" -eq 1 ] || die "WRONG: keys of removed libraries are left"
fine "another run replaces the one before; it takes a folder with spaces, and one named none that has nothing but WebP"
say "quickstart: all fine"
