# shellcheck shell=bash disable=SC2154 # sourced by ../whole.sh, which has what this uses
# Tracker, the indexer of GNOME, on the whole mount below a session bus and settings of its own: it ends, knows every file of library/, and
# nothing below a directory that carries its mark.

case $M in /dev/* | /proc/* | /sys/*)
    say "   tracker: left out, it never looks below /dev"
    return
    ;;
esac
miner=/usr/libexec/tracker-miner-fs-3
index=$WORK/index
mkdir -p "$index"/{home,cache,config/glib-2.0/settings,data,run}
chmod 700 "$index/run"
cat >"$index/config/glib-2.0/settings/keyfile" <<END
[org/freedesktop/tracker/miner/files]
index-recursive-directories=['$M']
index-single-directories=@as []
index-removable-devices=true
enable-monitors=false
END
# Inside the session; what it prints is what the index knows.
# shellcheck disable=SC2016 # expanded there
session='
    "$1" & miner=$!
    trap "kill $miner 2>/dev/null || true" EXIT
    for _ in $(seq 600); do
        sleep 1
        kill -0 $miner || exit 1
        ! tracker3 daemon | grep -q "File System *- Idle" || break
    done
    tracker3 sparql --dbus-service=org.freedesktop.Tracker3.Miner.Files \
        -q "SELECT DISTINCT ?u WHERE { ?f a nfo:FileDataObject ; nie:url ?u }"
'
indexed() {
    env HOME="$index/home" XDG_CACHE_HOME="$index/cache" XDG_CONFIG_HOME="$index/config" XDG_DATA_HOME="$index/data" \
        XDG_RUNTIME_DIR="$index/run" GSETTINGS_BACKEND=keyfile LC_ALL=C.UTF-8 \
        dbus-run-session -- bash -euc "$session" indexer "$miner" >"$WORK/indexed" 2>"$WORK/indexer.log"
}
timed indexed || die "the indexer failed: $(tail -n 5 "$WORK/indexer.log")"
known() { sed -n "s|^ *file://$M/||p" "$WORK/indexed"; }
[ "$(known | grep -c '^library/.*\.[a-z]*$')" -eq "$ASSETS" ] || die "the indexer knows $(known | grep -c ^library/) files of library/, not $ASSETS"
# A marked directory may be known, nothing in it may.
marked() { known | grep / | grep -vE '^(library|inbox)/' || true; }
[ -z "$(marked)" ] || die "the indexer knows what is marked: $(marked | head -n 3)"
say "   tracker: $ASSETS files of library/, nothing of what is marked ($took s)"
# The services of the session end a little later than it, and write until then.
ended() { ! grep -qsF "HOME=$index/home" /proc/[0-9]*/environ; }
wait_for 30 ended || note "services of the indexer's session are still there"
