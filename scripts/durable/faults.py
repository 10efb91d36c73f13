#!/usr/bin/env python3
"""A save on a mount while one call of the daemon fails, for each call in turn. Called by faults.sh.

faults.py MOUNT CONTROL [--quick]

CONTROL is shared with faults.c in the daemon. After each fault: the program got an error or the save is whole, the file has the bytes that
were acknowledged, every earlier version opens, and the next save works; after a restart the same, and fsck is clean.
"""
import ctypes
import errno
import hashlib
import json
import mmap
import os
import subprocess
import sys

ERRORS = ["EIO", "ENOSPC", "EDQUOT", "EROFS"]
SIZE = 90_000
CHUNK = 30_000
MOST = 400


class Control(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int) for name in ("armed", "error", "passes", "lasting", "hits")] + [("last", ctypes.c_char * 200)]


def dam(*args, check=True):
    done = subprocess.run(["dam", *args], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"dam {' '.join(args)}: {done.stdout}{done.stderr}")
    return done


def body(seed):
    return hashlib.shake_128(seed.encode()).digest(SIZE)


def put(fd, data, have):
    """Writes in pieces; `have` is what was acknowledged."""
    at = 0
    while at < len(data):
        n = os.write(fd, data[at : at + CHUNK])
        have += data[at : at + n]
        at += n


class Save:
    """A way to save; `states` are what the file may hold afterwards, None for no file."""

    def __init__(self, folder):
        self.folder, self.path = folder, os.path.join(folder, "f.bin")

    def run(self, data, old):
        self.states = [old]
        try:
            self.save(data, old)
        except OSError as e:
            return e
        self.states = [data]
        return None

    def clean(self):
        for name in os.listdir(self.folder):
            if name.startswith("."):
                os.unlink(os.path.join(self.folder, name))


class InPlace(Save):
    def save(self, data, old):
        fd = os.open(self.path, os.O_WRONLY | os.O_TRUNC)
        have = bytearray()
        try:
            put(fd, data, have)
            os.fsync(fd)
        finally:
            self.states = [bytes(have)]
            os.close(fd)


class Rename(Save):
    def save(self, data, old):
        temp = os.path.join(self.folder, ".goutputstream-A1B2C3")
        fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        try:
            put(fd, data, bytearray())
            os.fsync(fd)
        finally:
            os.close(fd)
        self.states = [old, data]
        os.rename(temp, self.path)
        self.states = [data]
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


class Anew(Save):
    def save(self, data, old):
        os.unlink(self.path)
        self.states = [None]
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        have = bytearray()
        try:
            put(fd, data, have)
        finally:
            self.states = [bytes(have)]
            os.close(fd)


class Settle(Rename):
    """The fault comes while the version is made."""


SAVES = {"in place": InPlace, "by rename": Rename, "anew": Anew, "while settling": Settle}


class Trial:
    def __init__(self, mount, control):
        self.mount = mount
        self.folder = os.path.join(mount, "library", "saves")
        with open(control, "r+b") as file:
            self.map = mmap.mmap(file.fileno(), ctypes.sizeof(Control))
        self.control = Control.from_buffer(self.map)
        self.count = self.faults = self.whole = self.next_seed = 0
        self.known = set()

    def arm(self, error, passes, lasting):
        c = self.control
        c.armed, c.error, c.passes, c.lasting, c.hits, c.last = 0, getattr(errno, error), passes, int(lasting), 0, b""
        c.armed = 1

    def disarm(self):
        self.control.armed = 0
        return self.control.hits, self.control.last.decode(errors="replace")

    def fresh(self):
        self.next_seed += 1
        return body(f"{self.next_seed}")

    def read(self):
        try:
            with open(os.path.join(self.folder, "f.bin"), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def versions_open(self, old):
        """Every version reads, and the old bytes are one of them."""
        below = os.path.join(self.mount, "versions", "saves", "f.bin")
        names = sorted(os.listdir(below), key=lambda name: int(name.split(".")[0]))
        for name in names[-3:]:
            with open(os.path.join(below, name), "rb") as file:
                self.known.add(hashlib.sha1(file.read()).digest())
        assert hashlib.sha1(old).digest() in self.known, "the old version is gone"

    def begin(self):
        os.makedirs(self.folder, exist_ok=True)
        with open(os.path.join(self.folder, "f.bin"), "wb") as file:
            self.old = self.fresh()
            file.write(self.old)
        dam("settle")
        self.versions_open(self.old)

    def one(self, kind, error, passes, lasting):
        """One fault. Whether any call was hit."""
        save, data = SAVES[kind](self.folder), self.fresh()
        if kind == "while settling":
            assert save.run(data, self.old) is None
            self.arm(error, passes, lasting)
            settled = dam("settle", check=False)
            hits, where = self.disarm()
            failed = None if settled.returncode == 0 else settled.stderr
        else:
            self.arm(error, passes, lasting)
            failed = save.run(data, self.old)
            hits, where = self.disarm()
        what = f"{kind}, {error} at call {passes + 1}{' and later' if lasting else ''} ({where}): {failed!r}"
        found = self.read()
        assert found in save.states, f"{what}: the file holds {describe(found)}, not {[describe(s) for s in save.states]}"
        if lasting and hits and failed is None and kind != "while settling":
            raise AssertionError(f"{what}: nothing was said of it")
        # A name that is gone has no versions until it comes back.
        if found is not None:
            self.versions_open(self.old)
        save.clean()
        # The fault is over: everything goes on without a restart.
        after = self.fresh()
        if found is None:
            with open(save.path, "wb") as file:
                file.write(after)
        else:
            again = save.run(after, found)
            assert again is None, f"{what}: the next save: {again!r}"
        made = dam("settle", check=False)
        assert made.returncode == 0, f"{what}: the next settle: {made.stderr}"
        assert self.read() == after, f"{what}: the next save is not there"
        self.versions_open(self.old)
        self.old = after
        self.versions_open(after)
        self.count += 1
        self.faults += hits > 0
        self.whole += hits > 0 and failed is None
        return hits > 0

    def restarted(self, what):
        """Unmounted, checked, mounted: the same."""
        dam("unmount", self.mount)
        report = dam("fsck", check=False)
        assert report.returncode == 0, f"{what}: {report.stdout}{report.stderr}"
        subprocess.run(["dam", "mount", os.environ["DAM_LIBRARY"], self.mount], check=True, capture_output=True, env={**os.environ, "LD_PRELOAD": os.environ["FAULTS_PRELOAD"]})
        assert self.read() == self.old, f"{what}: after a restart the file is another"
        self.versions_open(self.old)


def describe(data):
    return "no file" if data is None else f"{len(data)} bytes {hashlib.sha1(data).hexdigest()[:8]}"


def main(mount, control, quick):
    trial = Trial(mount, control)
    subprocess.run(["dam", "mount", os.environ["DAM_LIBRARY"], mount], check=True, capture_output=True, env={**os.environ, "LD_PRELOAD": os.environ["FAULTS_PRELOAD"]})
    trial.begin()
    bad = []
    for kind in SAVES:
        for error in ["EIO", "ENOSPC"] if quick else ERRORS:
            for lasting in [False] if quick else [False, True]:
                passes = 0
                while passes < MOST:
                    try:
                        if not trial.one(kind, error, passes, lasting):
                            break
                    except (AssertionError, OSError) as e:
                        trial.disarm()
                        bad.append(f"{kind}, {error}, {passes}{', lasting' if lasting else ''}: {e}")
                        print("FAILED", bad[-1], flush=True)
                        if len(bad) > int(os.environ.get("FAULTS_MOST", "5")):
                            return 1
                        try:
                            trial.begin()
                        except (AssertionError, OSError) as e:
                            print("cannot go on:", e, flush=True)
                            return 1
                    passes += 3 if quick else 1
                else:
                    print(f"FAILED {kind}, {error}: after {MOST} calls there are still more", flush=True)
                    return 1
                trial.restarted(f"{kind}, {error}")
    print(json.dumps({"trials": trial.count, "faults": trial.faults, "saves whole all the same": trial.whole}))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], "--quick" in sys.argv[3:]))
