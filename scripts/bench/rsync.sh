# shellcheck shell=bash disable=SC2154 # sourced by ../bench.sh, which has what this uses
# A backup that finds nothing to do: rsync -an of many assets on a personal mount, beside the same from folder to folder.

assets=$(scaled 100000 1000)
python3 - "$assets" <<'TEXT'
import os, sys
for n in range(int(sys.argv[1])):
    folder = f"many/{n // 1000:03}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{n:06}.txt", "w") as file:
        file.write(f"{n}\n")
TEXT
dam init lib.rsync >/dev/null
say "   importing $assets small files"
ours=$(clock dam --library lib.rsync import --any many --into many)
say "   $(say "$assets $ours" | awk '{ printf "%.0f", $1 * 1000 / $2 }') a second"
mkdir -p mnt.dam backup
dam mount lib.rsync mnt.dam >/dev/null
rsync -a mnt.dam/library/many/ backup/
dam unmount mnt.dam >/dev/null
dam mount lib.rsync mnt.dam >/dev/null
backup() { [ -z "$(rsync -ani "$1/" backup/)" ]; }
cold
first=$(clock backup mnt.dam/library/many)
again=$(median warm backup mnt.dam/library/many)
rsync -a backup/ native/
cold
native_first=$(clock backup native)
native_again=$(median warm backup native)
figure "rsync -an, first" native "$first" "$native_first" files/s "$assets" ""
figure "rsync -an, again" native "$again" "$native_again" files/s "$assets" 0.67
dam unmount mnt.dam >/dev/null
rm -rf lib.rsync many backup native
