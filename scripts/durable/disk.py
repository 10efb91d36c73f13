#!/usr/bin/env python3
"""A disk whose every write and flush is noted, and what a power cut leaves of it. Called by power.sh.

disk.py serve FOLDER IMAGE LOG       FOLDER/disk is a file for a loop device: a FUSE filesystem of one file. IMAGE has its bytes, LOG all writes
                                     and flushes in order. Ends when FOLDER is unmounted.
disk.py cut BASE LOG AT SEED IMAGE   IMAGE is what is on the disk after a power cut when LOG was AT bytes long: BASE, all that came before the
                                     last flush, and of what came behind it some writes whole, some torn in the middle, some not at all
"""
import ctypes
import os
import random
import shutil
import struct
import sys

ENTRY = struct.Struct("<cQI")
SECTOR = 512
LOOKUP, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH, INIT, FORGET, BATCH_FORGET = (
    1, 3, 4, 14, 15, 16, 17, 18, 20, 25, 26, 2, 42,
)
ENOENT, ENOSYS, EINTR, ENODEV = 2, 38, 4, 19


def attr(ino, size):
    mode = 0o100600 if ino == 2 else 0o40700
    return struct.pack("<QQQQQQIIIIIIIIII", ino, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


class Disk:
    def __init__(self, folder, image, log):
        self.image = os.open(image, os.O_RDWR)
        self.size = os.fstat(self.image).st_size
        self.log = open(log, "ab", buffering=0)
        self.fd = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.fd},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"disk", folder.encode(), b"fuse", 6, options) != 0:
            raise OSError(ctypes.get_errno(), "mount")

    def answer(self, op, node, body):
        """The reply's bytes, or an error's number."""
        if op == INIT:
            major, minor, readahead, flags = struct.unpack_from("<IIII", body)
            return struct.pack("<IIIIHHIIHHI28x", 7, 31, readahead, flags & (1 << 5), 16, 12, 1 << 17, 1, 0, 0, 0)
        if op == LOOKUP:
            if node != 1 or body.rstrip(b"\0") != b"disk":
                return ENOENT
            return struct.pack("<QQQQII", 2, 0, 3600, 3600, 0, 0) + attr(2, self.size)
        if op in (GETATTR, SETATTR):
            return struct.pack("<QII", 3600, 0, 0) + attr(node, self.size)
        if op == OPEN:
            return struct.pack("<QII", 1, 2, 0)
        if op == READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            return os.pread(self.image, size, offset)
        if op == WRITE:
            _, offset, size = struct.unpack_from("<QQI", body)
            data = body[40 : 40 + size]
            os.pwrite(self.image, data, offset)
            self.log.write(ENTRY.pack(b"w", offset, size) + data)
            return struct.pack("<II", size, 0)
        if op == FSYNC:
            self.log.write(ENTRY.pack(b"f", 0, 0))
            return b""
        if op == STATFS:
            return struct.pack("<QQQQQIII28x", 1 << 20, 1 << 20, 1 << 20, 10, 10, 4096, 255, 4096)
        if op in (RELEASE, FLUSH):
            return b""
        return ENOSYS

    def serve(self):
        while True:
            try:
                request = os.read(self.fd, (1 << 17) + 4096)
            except OSError as e:
                if e.errno in (EINTR, ENOENT):
                    continue
                if e.errno == ENODEV:
                    return
                raise
            length, op, unique, node = struct.unpack_from("<IIQQ", request)
            if op in (FORGET, BATCH_FORGET):
                continue
            reply = self.answer(op, node, request[40:length])
            error, reply = (-reply, b"") if isinstance(reply, int) else (0, reply)
            os.write(self.fd, struct.pack("<IiQ", 16 + len(reply), error, unique) + reply)


def entries(log, at):
    """The entries that were whole when the log was so long."""
    with open(log, "rb") as file:
        done = 0
        while head := file.read(ENTRY.size):
            kind, offset, size = ENTRY.unpack(head)
            data = file.read(size)
            done += ENTRY.size + size
            if done > at:
                return
            yield kind, offset, data


def cut(base, log, at, seed, image):
    rng = random.Random(seed)
    shutil.copyfile(base, image)
    noted = list(entries(log, at))
    flushed = max((n for n, (kind, _, _) in enumerate(noted) if kind == b"f"), default=0)
    # A disk may have written all of the rest, none of it, or any of it.
    kept = rng.choice([0.0, 0.5, 0.9, 1.0])
    torn = lost = 0
    with open(image, "r+b") as file:
        for n, (kind, offset, data) in enumerate(noted):
            if kind == b"f":
                continue
            if n > flushed:
                chance = rng.random()
                if chance >= kept:
                    lost += 1
                    continue
                if rng.random() < 0.2:
                    torn += 1
                    data = data[: rng.randrange(0, len(data), SECTOR)]
            file.seek(offset)
            file.write(data)
    print(f"{len(noted)} writes and flushes, behind the last flush {len(noted) - flushed - 1}: {lost} lost, {torn} torn")


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        Disk(*sys.argv[2:5]).serve()
    else:
        base, log, at, seed, image = sys.argv[2:7]
        cut(base, log, int(at), seed, image)
