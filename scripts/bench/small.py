"""small.py create DIR N: makes N files of 4 KiB.  small.py save DIR N: saves one file of 64 KiB N times as editors do (temporary,
fsync, rename) and prints the median and the 99th percentile of one save, in milliseconds.  small.py open DIR N: opens, reads and closes every
file of DIR N times."""

import os
import sys
import time

what, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.makedirs(folder, exist_ok=True)


def write(name, size, sync):
    file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(file, os.urandom(size))
    if sync:
        os.fsync(file)
    os.close(file)


if what == "create":
    for n in range(count):
        write(f"{folder}/{n}.bin", 4096, False)
elif what == "open":
    names = [entry.path for entry in os.scandir(folder) if entry.is_file()]
    for _ in range(count):
        for name in names:
            file = os.open(name, os.O_RDONLY)
            os.read(file, 4096)
            os.close(file)
else:
    took = []
    write(f"{folder}/saved.png", 65536, True)
    for n in range(count):
        begun = time.perf_counter()
        scratch = f"{folder}/.goutputstream-{n:06}"
        write(scratch, 65536, True)
        os.rename(scratch, f"{folder}/saved.png")
        took.append((time.perf_counter() - begun) * 1000)
    took.sort()
    print(f"{took[len(took) // 2]:.3f} {took[len(took) * 99 // 100]:.3f}")
