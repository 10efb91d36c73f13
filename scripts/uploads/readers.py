"""Reads exports that nobody has asked for before, each in another way and after a stat by path, as programs do that copy and upload.

readers.py FOLDER OUT URL: the first reader has the first export of the folder, and so on; what each got comes to OUT under the file's name.
URL is a server's that keeps there what is sent to it. Prints the readers' names with their files, a line each.
"""

import mmap
import os
import shutil
import socket
import subprocess
import sys
import threading

FOLDER, OUT, URL = sys.argv[1:]


def run(*command, **more):
    subprocess.run(command, check=True, **more)


def opened(path):
    return open(path, "rb", buffering=0)


def exactly(f, size):
    """As many bytes, and none beyond: what a program sends that has told the size before."""
    parts = []
    while size and (part := f.read(min(size, 1 << 16))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def read_to_end(path):
    with opened(path) as f:
        return f.read()


def size_by_stat(path):
    size = os.stat(path).st_size
    with opened(path) as f:
        return exactly(f, size)


def size_by_fstat(path):
    with opened(path) as f:
        return exactly(f, os.fstat(f.fileno()).st_size)


def size_by_seek(path):
    with opened(path) as f:
        size = f.seek(0, os.SEEK_END)
        f.seek(0)
        return exactly(f, size)


def far_end_first(path):
    with opened(path) as f:
        far = os.pread(f.fileno(), 4096, 1 << 30)
        return f.read() + far


def backwards(path):
    size, step = os.stat(path).st_size, 10_000
    with opened(path) as f:
        at = range(0, size, step)
        return b"".join(reversed([os.pread(f.fileno(), step, start) for start in reversed(at)]))


def mapped(path, size):
    with opened(path) as f, mmap.mmap(f.fileno(), size or os.fstat(f.fileno()).st_size, prot=mmap.PROT_READ) as m:
        return bytes(m)


def mapped_by_stat(path):
    return mapped(path, os.stat(path).st_size)


def mapped_by_fstat(path):
    return mapped(path, None)


def direct(path):
    f = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        buffer, parts = mmap.mmap(-1, 1 << 16), []
        while n := os.readv(f, [buffer]):
            parts.append(buffer[:n])
        return b"".join(parts)
    finally:
        os.close(f)


def sent(path, size):
    """By sendfile into a socket, as web servers and Samba do."""
    here, there = socket.socketpair()
    parts = []

    def receive():
        while part := there.recv(1 << 16):
            parts.append(part)

    receiver = threading.Thread(target=receive)
    receiver.start()
    with here, opened(path) as f:
        size = size or os.fstat(f.fileno()).st_size
        at = 0
        while at < size and (n := os.sendfile(here.fileno(), f.fileno(), at, size - at)):
            at += n
    receiver.join()
    there.close()
    return b"".join(parts)


def sent_by_stat(path):
    return sent(path, os.stat(path).st_size)


def sent_by_fstat(path):
    return sent(path, None)


def sent_to_end(path):
    return sent(path, 1 << 30)


def two_at_once(path):
    got = [b"", b""]

    def read(i):
        got[i] = size_by_stat(path)

    readers = [threading.Thread(target=read, args=(i,)) for i in range(2)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    return got[0] if got[0] == got[1] else b"two readers got different bytes"


def program(*command):
    """A program that copies {} to the file of its own below OUT."""

    def copy(path):
        to = os.path.join(OUT, os.path.basename(path))
        run(*[word.replace("{from}", path).replace("{to}", to) for word in command])

    return copy


def shutil_copy(path):
    shutil.copy2(path, os.path.join(OUT, os.path.basename(path)))


def cat(path):
    return subprocess.run(["cat", path], check=True, capture_output=True).stdout


def tar(path):
    folder, name = os.path.split(path)
    made = subprocess.run(["tar", "-cf-", "-C", folder, name], check=True, capture_output=True).stdout
    run("tar", "-xf-", "-C", OUT, input=made)


def zipped(path):
    archive = os.path.join(OUT, "a.zip")
    run("zip", "-q", "-j", archive, path)
    run("unzip", "-q", "-d", OUT, archive)
    os.remove(archive)


def curl(path):
    run("curl", "-sS", "--fail", "-o", "/dev/null", "-T", path, URL + "/")


READERS = {
    "read": read_to_end,
    "stat": size_by_stat,
    "fstat": size_by_fstat,
    "seek": size_by_seek,
    "pread-past-the-end": far_end_first,
    "pread-backwards": backwards,
    "mmap-stat": mapped_by_stat,
    "mmap-fstat": mapped_by_fstat,
    "o-direct": direct,
    "sendfile-stat": sent_by_stat,
    "sendfile-fstat": sent_by_fstat,
    "sendfile-to-the-end": sent_to_end,
    "two-at-once": two_at_once,
    "cp": program("cp", "{from}", "{to}"),
    "cp-sparse": program("cp", "--sparse=always", "{from}", "{to}"),
    "cp-reflink-auto": program("cp", "--reflink=auto", "--preserve=all", "{from}", "{to}"),
    "install": program("install", "-m600", "{from}", "{to}"),
    "dd": program("dd", "if={from}", "of={to}", "bs=4000", "status=none"),
    "rsync": program("rsync", "-a", "{from}", "{to}"),
    "rsync-inplace": program("rsync", "-a", "--inplace", "--whole-file", "{from}", "{to}"),
    "shutil": shutil_copy,
    "cat": cat,
    "tar": tar,
    "zip": zipped,
    "curl": curl,
}

names = sorted(name for name in os.listdir(FOLDER) if name.endswith((".jpg", ".png", ".webp")))
if len(names) < len(READERS):
    raise SystemExit(f"{FOLDER} has {len(names)} exports for {len(READERS)} readers")
for (reader, read), name in zip(READERS.items(), names):
    path = os.path.join(FOLDER, name)
    os.stat(path)
    got = read(path)
    if got is not None:
        with open(os.path.join(OUT, name), "wb") as f:
            f.write(got)
    print(reader, name)
