#!/usr/bin/env python3
"""What a power cut must leave. Called by power.sh.

power.py run MOUNT LOG NOTES SECONDS SEED   saves, writes in place, removes and sets attributes below MOUNT/library, and notes for each state of a name
                                            how long the disk's LOG was when it was begun and when it was acknowledged by fsync
power.py check MOUNT NOTES AT               MOUNT is what was there when LOG was AT bytes long: each name has what was acknowledged by then, or
                                            something begun later; each version has bytes that somebody wrote
"""
import hashlib
import json
import os
import random
import sys
import time

NAMES = [f"f{n}.bin" for n in range(12)]


def body(seed, size):
    return hashlib.shake_128(str(seed).encode()).digest(size)


class Run:
    def __init__(self, mount, log, notes, seed):
        self.folder, self.log = os.path.join(mount, "library", "cut"), log
        self.notes = open(notes, "w", encoding="ascii")
        self.rng, self.next = random.Random(seed), 0
        os.makedirs(self.folder, exist_ok=True)

    def at(self):
        return os.stat(self.log).st_size

    def note(self, name, kind, state, begun):
        print(json.dumps([name, kind, state, begun, self.at()]), file=self.notes, flush=True)

    def sync_folder(self):
        fd = os.open(self.folder, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)

    def write(self, path, flags):
        self.next += 1
        state = [self.next, self.rng.choice([10, 5_000, 70_000, 300_000])]
        fd = os.open(path, os.O_WRONLY | flags, 0o644)
        os.write(fd, body(*state))
        return fd, state

    def step(self):
        name, begun = self.rng.choice(NAMES), self.at()
        path, kind = os.path.join(self.folder, name), self.rng.choice(["save"] * 5 + ["write"] * 3 + ["remove", "xattr"])
        if kind == "save":
            temp = os.path.join(self.folder, f".goutputstream-{self.rng.randrange(10**6):06}")
            fd, state = self.write(temp, os.O_CREAT | os.O_EXCL)
            os.fsync(fd)
            os.close(fd)
            # Told before, since the disk may have it before we hear of it.
            print(json.dumps([name, "begun", state, begun, None]), file=self.notes, flush=True)
            os.rename(temp, path)
            self.sync_folder()
            self.note(name, kind, state, begun)
        elif kind == "write":
            # It may not have been there: its name is the folder's.
            self.next += 1
            print(json.dumps([name, "part", [self.next, 300_000], begun, None]), file=self.notes, flush=True)
            self.next -= 1
            fd, state = self.write(path, os.O_CREAT | os.O_TRUNC)
            os.fsync(fd)
            os.close(fd)
            self.sync_folder()
            self.note(name, kind, state, begun)
        elif os.path.exists(path) and kind == "remove":
            print(json.dumps([name, "begun", None, begun, None]), file=self.notes, flush=True)
            os.unlink(path)
            self.sync_folder()
            self.note(name, kind, None, begun)
        elif os.path.exists(path):
            self.next += 1
            os.setxattr(path, "user.note", str(self.next).encode())
            self.sync_folder()
            self.note(name, kind, self.next, begun)


def run(mount, log, notes, seconds, seed):
    load, end = Run(mount, log, notes, seed), time.monotonic() + float(seconds)
    while time.monotonic() < end:
        load.step()


def allowed(notes, at):
    """By name: whole states, beginnings of states, and the attribute, that may be there."""
    may = {name: ([None], [], [None]) for name in NAMES}
    for name, kind, state, begun, acked in notes:
        if begun > at:
            continue
        done = acked is not None and acked <= at
        if kind == "xattr":
            may[name] = (*may[name][:2], [state] if done else [*may[name][2], state])
        elif kind == "part":
            may[name][1].append(state)
        elif done:
            # What was there before is gone for good; another file of the name may have the asset's attribute or none.
            may[name] = ([state], [], may[name][2] if state else [None])
        else:
            may[name][0].append(state)
    return may


def check(mount, path, at):
    with open(path, encoding="ascii") as file:
        notes = [json.loads(line) for line in file]
    written = {hashlib.sha1(body(*n[2])).digest() for n in notes if n[1] in ("save", "write", "begun") and n[2]}
    folder = os.path.join(mount, "library", "cut")
    for name, (states, parts, notes_of) in allowed(notes, int(at)).items():
        try:
            with open(os.path.join(folder, name), "rb") as file:
                found = file.read()
        except FileNotFoundError:
            found = None
        whole = any(found == (None if s is None else body(*s)) for s in states)
        part = found is not None and any(body(*s).startswith(found) for s in parts)
        assert whole or part, f"{name}: {None if found is None else len(found)} bytes are none of {states}, no beginning of {parts}"
        if found is not None and whole and not parts and len(states) == 1 and len(notes_of) == 1 and notes_of[0]:
            assert os.getxattr(os.path.join(folder, name), "user.note") == str(notes_of[0]).encode(), f"{name}: its attribute is lost"
        versions = os.path.join(mount, "versions", "cut", name)
        for version in os.listdir(versions) if os.path.isdir(versions) else []:
            with open(os.path.join(versions, version), "rb") as file:
                data = file.read()
            fine = hashlib.sha1(data).digest() in written or any(body(*n[2]).startswith(data) for n in notes if n[1] == "part" and n[0] == name)
            assert fine, f"{name}: version {version} has {len(data)} bytes that nobody wrote"


if __name__ == "__main__":
    {"run": run, "check": check}[sys.argv[1]](*sys.argv[2:])
