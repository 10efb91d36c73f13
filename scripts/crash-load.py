#!/usr/bin/env python3
"""A mixed load on a folder, and what must be left of it after a crash. Called by crash.sh.

crash-load.py run FOLDER LOG SEED     works until the filesystem is gone; LOG has a line before each call and one behind it
crash-load.py check FOLDER LOG        whether FOLDER is what the answered calls of all logs so far made, with or without the last one
"""
import errno
import hashlib
import json
import os
import random
import sys

GONE = {errno.ENOTCONN, errno.ECONNABORTED, errno.EIO, errno.ENODEV, errno.ESTALE}
NAMES = ["a.png", "b.png", "c.txt", "notes.md", "d.psd", "e.bin"]
FOLDERS = ["", "one", "two"]


def body(seed, size):
    """Bytes that any run makes again."""
    return hashlib.shake_128(seed.encode()).digest(size)


def step(rng, number):
    """One thing that a program does, as plain data."""
    at = lambda: os.path.join(rng.choice(FOLDERS), rng.choice(NAMES))
    what = rng.choice(["write", "write", "save", "save", "backup", "append", "append", "cut", "move", "remove", "mkdir", "rmdir"])
    made = {"what": what, "at": at(), "to": at(), "seed": f"{rng.random()}-{number}", "size": rng.choice([0, 1, 700, 5_000, 70_000, 300_000])}
    if what in ("mkdir", "rmdir"):
        made["at"] = rng.choice(FOLDERS[1:])
    return made


def calls(op):
    """The calls of a step: each is answered by itself, and each changes the model by itself."""
    at, to, seed, size = op["at"], op["to"], op["seed"], op["size"]
    temp = os.path.join(os.path.dirname(at), ".goutputstream-" + hashlib.sha1(seed.encode()).hexdigest()[:6].upper())
    return {
        "write": [["open", at], ["put", at, seed, size]],
        "save": [["open", temp], ["put", temp, seed, size], ["rename", temp, at]],
        "backup": [["rename", at, at + "~"], ["open", at], ["put", at, seed, size], ["unlink", at + "~"]],
        "append": [["append", at, seed, size]],
        "cut": [["truncate", at, size // 2]],
        "move": [["rename", at, to]],
        "remove": [["unlink", at]],
        "mkdir": [["mkdir", at]],
        "rmdir": [["rmdir", at]],
    }[op["what"]]


def do(root, call):
    what, path = call[0], os.path.join(root, call[1])
    if what == "open":
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644))
    elif what in ("put", "append"):
        data = body(call[2], call[3])
        fd = os.open(path, os.O_WRONLY | (os.O_APPEND if what == "append" else 0))
        try:
            # One call to the kernel may be several to the filesystem.
            written = 0
            while written < len(data):
                written += os.write(fd, data[written : written + 4096])
        finally:
            os.close(fd)
    elif what == "truncate":
        os.truncate(path, call[2])
    elif what == "rename":
        os.rename(path, os.path.join(root, call[2]))
    elif what == "unlink":
        os.unlink(path)
    elif what == "mkdir":
        os.mkdir(path)
    elif what == "rmdir":
        os.rmdir(path)


def model(tree, call, much=None):
    """What the call makes of a tree: path to bytes, or to None for a folder. `much`: how much of the write was done."""
    what, path = call[0], call[1]
    if what == "open":
        tree[path] = b""
    elif what in ("put", "append"):
        data = body(call[2], call[3])[:much]
        tree[path] = data + tree[path][len(data) :] if what == "put" else tree[path] + data
    elif what == "truncate":
        tree[path] = tree[path][: call[2]].ljust(call[2], b"\0")
    elif what == "rename":
        tree[call[2]] = tree.pop(path)
    elif what in ("unlink", "rmdir"):
        del tree[path]
    elif what == "mkdir":
        tree[path] = None


def outcomes(tree, call, found):
    """The trees that may be there when the last call was not answered: with it, without it, with any beginning of its write."""
    yield tree
    if call is None:
        return
    much = None
    if call[0] in ("put", "append"):
        # The kernel may cut a write anywhere: what was found says where.
        there, skip = found.get(call[1]) or b"", len(tree.get(call[1], b"")) if call[0] == "append" else 0
        much = len(os.path.commonprefix([there[skip:], body(call[2], call[3])]))
    after = dict(tree)
    try:
        model(after, call, much)
    except KeyError:
        return
    yield after


def run(root, log, seed):
    rng = random.Random(seed)
    with open(log, "a", buffering=1, encoding="utf-8") as out:
        for number in range(1_000_000):
            for call in calls(step(rng, number)):
                out.write(f"call {json.dumps(call)}\n")
                try:
                    do(root, call)
                except OSError as e:
                    if e.errno in GONE:
                        return
                    out.write(f"no {e.errno}\n")
                    break
                out.write("ok\n")


def found_in(root):
    found = {}
    for at, folders, files in os.walk(root):
        for name in folders:
            found[os.path.relpath(os.path.join(at, name), root)] = None
        for name in files:
            path = os.path.join(at, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, root)] = file.read()
    return found


def check(root, log):
    tree, pending = {}, None
    with open(log, encoding="utf-8") as lines:
        for line in lines:
            word, _, rest = line.partition(" ")
            if word == "is":
                tree = {path: None if data is None else bytes.fromhex(data) for path, data in json.loads(rest).items()}
            elif word == "call":
                pending = json.loads(rest)
                continue
            elif word == "ok\n":
                model(tree, pending)
            pending = None
    found = found_in(root)
    if found not in outcomes(tree, pending, found):
        brief = lambda kept: kept if kept in (None, "nothing") else (len(kept), hashlib.sha1(kept).hexdigest()[:8])
        for path in sorted(set(tree) | set(found)):
            should, there = tree.get(path, "nothing"), found.get(path, "nothing")
            if should != there:
                print(f"{path}: should be {brief(should)}, is {brief(there)}")
        print(f"not answered: {pending}")
        return 1
    # The next round begins with this.
    with open(log, "w", encoding="utf-8") as out:
        out.write("is " + json.dumps({path: None if data is None else data.hex() for path, data in found.items()}) + "\n")
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "run":
        run(sys.argv[2], sys.argv[3], sys.argv[4])
    else:
        sys.exit(check(sys.argv[2], sys.argv[3]))
