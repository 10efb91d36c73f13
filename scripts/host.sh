#!/usr/bin/env bash
# A host as README sets it up: the daemon runs as mountd/units/damfs@.service has it, with no capability beside those, and tells its service
# manager when it serves; a real smbd serves mountd/units/smb.conf, and each of two members finds through it what is his.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
is_root || die "this test needs root: it makes users and serves a shared mount"
need_mounts "${APT_HOST[@]}"
UNIT=$ROOT/mountd/units/damfs@.service
EDDY=damfs-eddy
MIRA=damfs-mira
SMBD=
DAEMON=
# shellcheck disable=SC2317,SC2329 # called by the trap
finish() {
    [ -z "$SMBD" ] || kill "$SMBD" 2>/dev/null || true
    [ -z "$DAEMON" ] || kill "$DAEMON" 2>/dev/null || true
    [ -z "$DAEMON" ] || wait "$DAEMON" || true
    leave_library
    local user
    for user in "$EDDY" "$MIRA"; do userdel "$user" 2>/dev/null || true; done
}
fine() { say "   $1"; }

# --- the unit ---------------------------------------------------------------------------------------------------------
new_library host
trap finish EXIT
# Users of the machine come to the mount below it.
chmod 755 "$WORK"
# What the unit says, for this library and these programs.
mkdir "$WORK/units"
sed -e "s|/usr/local/bin/|$BIN/|g; s|/var/lib/damfs/%i|$DAM_LIBRARY|g; s|/etc/damfs/%i.key|$WORK/key|g; s|/srv/damfs/%i|$M|g; s|/srv/damfs\$|$WORK|" \
    "$UNIT" >"$WORK/units/damfs@.service"
if have systemd-analyze; then
    systemd-analyze verify "$WORK/units/damfs@.service" >"$WORK/verify" 2>&1 || true
    ! grep -F 'damfs@' "$WORK/verify" || die "systemd-analyze finds fault with the unit"
    fine "systemd-analyze verify: no fault"
fi
mv "$(find "$WORK/config/damfs" -name '*.key')" "$WORK/key"
of_unit() { sed -n "s/^$1=//p" "$WORK/units/damfs@.service"; }
mapfile -t capabilities < <(of_unit CapabilityBoundingSet | tr ' ' '\n' | sed 's/^CAP_/+/' | tr '[:upper:]' '[:lower:]')
bounded=-all$(printf ',%s' "${capabilities[@]}")
# As the service manager starts it; back when it was told that the library is served.
start() {
    local command listener
    read -ra command < <(of_unit ExecStart)
    rm -f "$WORK/notify"
    python3 "$ROOT/scripts/host/notify.py" "$WORK/notify" >"$WORK/told" &
    listener=$!
    wait_for 10 test -S "$WORK/notify" || die "no socket for the daemon to tell"
    NOTIFY_SOCKET=$WORK/notify setpriv --no-new-privs --bounding-set "$bounded" --inh-caps=-all "${command[@]}" 2>>"$WORK/log" &
    DAEMON=$!
    wait_for 30 grep -qx READY=1 "$WORK/told" || die "the service manager was not told: $(tail -n 5 "$WORK/log")"
    wait "$listener"
    mounted "$M" || die "it says that it serves, and nothing is mounted"
}
# Waits for its end, as an exit code.
ended() {
    local code=0
    wait "$DAEMON" || code=$?
    DAEMON=
    return "$code"
}
say "starting: $(of_unit ExecStart)"
start
fine "started with $(of_unit CapabilityBoundingSet | wc -w) capabilities; READY=1 came with the mount"

# --- two members ------------------------------------------------------------------------------------------------------
for user in "$EDDY" "$MIRA"; do
    ! id "$user" >/dev/null 2>&1 || userdel "$user"
    useradd --no-create-home --home-dir "$WORK" --shell /usr/sbin/nologin "$user"
done
mkdir "$WORK/acme" "$WORK/globex"
for client in acme globex; do
    say "a file of $client" >"$WORK/$client/$client.txt"
    dam import --any "$WORK/$client" --into "$client" --set "client=$client" >/dev/null
done
# What mira makes has no client at first.
dam member add eddy --uid "$(id -u "$EDDY")" --role editor --scope client=acme >/dev/null
dam member add mira --uid "$(id -u "$MIRA")" --role editor --scope not.client=acme >/dev/null

# --- Samba ------------------------------------------------------------------------------------------------------------
# The example itself, but for where it is mounted; a port and a state of its own come with the command line.
mkdir -p "$WORK/samba/run"
sed "s|^path = .*|path = $M|" "$ROOT/mountd/units/smb.conf" >"$WORK/smb.conf"
PORT=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
OPTIONS=("--option=interfaces=127.0.0.1/8" "--option=bind interfaces only=yes" "--option=smb ports=$PORT" "--option=disable netbios=yes"
    "--option=load printers=no" "--option=pid directory=$WORK/samba/run" "--option=ncalrpc dir=$WORK/samba/run" "--option=log file=$WORK/samba/log")
for kind in private state cache lock; do OPTIONS+=("--option=$kind directory=$WORK/samba"); done
# smbpasswd takes no options of that kind: the same, as a file.
{
    say "[global]"
    printf '%s\n' "${OPTIONS[@]#--option=}"
} >"$WORK/passwd.conf"
for user in "$EDDY" "$MIRA"; do
    printf '%s\n' "$user-word" "$user-word" | smbpasswd -c "$WORK/passwd.conf" -s -a "$user" >/dev/null
done
smbd -F -s "$WORK/smb.conf" "${OPTIONS[@]}" >/dev/null 2>&1 &
SMBD=$!
# smb USER COMMANDS: what smbclient says to them, and whether all of them went well.
smb() { smbclient -U "$1%$1-word" "//127.0.0.1/studio" -s "$WORK/smb.conf" -p "$PORT" -c "$2" 2>&1; }
wait_for 20 smb "$EDDY" ls >/dev/null || die "smbd did not start: $(tail -n 5 "$WORK/samba/log"*)"

smb_sees() {
    local user=$1 his=$2 others=$3 listed
    listed=$(smb "$user" 'recurse ON; ls')
    grep -q "$his\.txt" <<<"$listed" || die "$user does not find $his.txt: $listed"
    ! grep -q "$others" <<<"$listed" || die "$user is told of $others: $(grep "$others" <<<"$listed")"
    smb "$user" "get library\\$his\\$his.txt $WORK/got" >/dev/null || die "$user cannot read $his.txt"
    cmp "$WORK/got" "$WORK/$his/$his.txt"
    listed=$(smb "$user" "get library\\$others\\$others.txt $WORK/none") && die "$user reads $others.txt"
    grep -Eq 'NT_STATUS_OBJECT_(NAME|PATH)_NOT_FOUND' <<<"$listed" || die "what is hidden from $user answers: $listed"
}
smb_sees "$EDDY" acme globex
smb_sees "$MIRA" globex acme
fine "each sees his own; what is hidden is not found"
! smbclient -N "//127.0.0.1/studio" -s "$WORK/smb.conf" -p "$PORT" -c ls >/dev/null 2>&1 || die "a guest comes in"
fine "nobody comes in without a name"
# With change notifications Samba would tell it what mira makes.
timeout 10 smbclient -U "$EDDY%$EDDY-word" //127.0.0.1/studio -s "$WORK/smb.conf" -p "$PORT" -c "notify library" >"$WORK/out" 2>&1 &&
    die "who watches is told"
grep -q NT_STATUS_NOT_IMPLEMENTED "$WORK/out" || die "who watches is not refused: $(cat "$WORK/out")"
fine "nobody is told of what others do"

# --- a save -----------------------------------------------------------------------------------------------------------
id_of() { dam show --json "$1" | json_field id; }
was=$(id_of library/acme/acme.txt)
say "saved by eddy" >"$WORK/new.txt"
smb "$EDDY" "put $WORK/new.txt library\\acme\\acme.txt" >"$WORK/out" || die "eddy cannot save: $(cat "$WORK/out")"
dam settle >/dev/null
cmp "$WORK/new.txt" "$M/library/acme/acme.txt"
[ "$(id_of library/acme/acme.txt)" = "$was" ] || die "the save made another asset"
dam versions library/acme/acme.txt >"$WORK/versions"
grep -E '^ *2 .* eddy ' "$WORK/versions" >/dev/null || die "the second version is not eddy's: $(cat "$WORK/versions")"
fine "a save through Samba is the asset's second version, made by eddy"
# As Explorer and Word do: a new file, renamed over the old one.
smb "$MIRA" "put $WORK/new.txt library\\globex\\~tmp.tmp; rename library\\globex\\~tmp.tmp library\\globex\\globex.txt -f" >"$WORK/out" ||
    die "mira cannot save: $(cat "$WORK/out")"
dam settle >/dev/null
dam versions library/globex/globex.txt | grep -E '^ *2 .* mira ' >/dev/null || die "the rename over it is no version of mira's"
fine "a rename over it through Samba is a version, too"

# --- a right that ends ------------------------------------------------------------------------------------------------
dam member set eddy --active false >/dev/null
! smb "$EDDY" "get library\\acme\\acme.txt $WORK/none" >/dev/null || die "who is shut out reads"
fine "who is shut out finds nothing"
kill "$SMBD"
wait "$SMBD" || true
SMBD=

# --- the end ----------------------------------------------------------------------------------------------------------
# Killed, it is started again: what it left is taken away first, as systemd does it.
kill -KILL "$DAEMON"
ended 2>/dev/null && die "it was killed and ended well"
read -ra command < <(of_unit ExecStopPost | sed 's/^-//')
"${command[@]}" >/dev/null 2>&1 || true
! mounted "$M" || die "what a killed daemon left stays"
start
[ -s "$M/library/acme/acme.txt" ] || die "the second daemon serves nothing"
fine "killed, it is started again and serves"
dam unmount "$M" >/dev/null
ended || die "without its mount it has not ended well"
fine "without its mount the service has ended"
start
kill -TERM "$DAEMON"
ended || die "SIGTERM did not end it in order: $(tail -n 5 "$WORK/log")"
! mounted "$M" || die "the mount outlives its service"
dam --key-file "$WORK/key" fsck >/dev/null || die "fsck is not clean"
fine "SIGTERM ended it in order"
say "host: all fine"
