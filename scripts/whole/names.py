#!/usr/bin/env python3
"""Whether a mount has as many names below by/ as mountd/SEMANTICS.md says.

    names.py LIST    LIST is of `find MOUNT -printf '%y\\t%P\\n'`

The files of each value are asked of `dam find`; which names stand below `+and` follows from them alone.
"""

import collections
import json
import re
import subprocess
import sys

AND = "+and"
DATES = {"created", "imported", "expires"}
MARKS = {".nomedia", ".trackerignore"}


def term(facet, value):
    """A directory's facet and value as a query writes them; None for what no plain term says."""
    escaped = re.sub(r"[,+;()]", lambda m: "%%%02X" % ord(m[0]), value)
    if facet == "tag":
        return "tag=" + escaped.replace(".", "%2E").replace("/", ".")
    if facet == "prompt":
        return "family=" + value.rpartition("~")[2]
    if facet in ("similar", "too-small"):
        return ""
    if facet in DATES:
        return f"{facet}=" + value.replace("/", "-")
    if facet == "status":
        platform, _, verdict = value.partition("/")
        return f"status.{platform}={verdict}" if verdict else None
    return f"{facet}={escaped}"


def found(query):
    asked = subprocess.run(["dam", "find", "--json", query], capture_output=True, text=True, check=True)
    return frozenset(asset["view_name"] for asset in json.loads(asked.stdout)["assets"])


def main():
    kinds = {}
    for line in open(sys.argv[1], encoding="utf-8", errors="surrogateescape"):
        kind, _, path = line.rstrip("\n").partition("\t")
        if path:
            kinds[path] = kind
    files, folders = collections.defaultdict(set), collections.defaultdict(set)
    for path, kind in kinds.items():
        above, _, name = path.rpartition("/")
        (folders if kind == "d" else files)[above].add(name)

    faults = []
    # Every directory of a value: its files are those that `dam find` finds.
    values = {}
    for path, kind in kinds.items():
        parts = path.split("/")
        if kind != "d" or parts[0] != "by" or AND in parts or len(parts) < 3:
            continue
        query = term(parts[1], "/".join(parts[2:]))
        if query is None or parts[1] in DATES and len(parts) == 3 and parts[2] != "none":
            continue
        # What looks alike, or is too small, no query asks for; what it narrows to follows from its files all the same.
        values[parts[1], "/".join(parts[2:])] = found(query) if query else frozenset(files[path])
        if values[parts[1], "/".join(parts[2:])] != files[path]:
            faults.append(f"{path} lists other files than dam find {query}")

    # The facets that narrow: those that do so anywhere.
    facets = {name for path in kinds if path.endswith("/" + AND) for name in folders[path]}

    def split(query):
        """The values that some of the files have and some have not, by facet."""
        told = collections.defaultdict(dict)
        for (facet, value), having in values.items():
            if facet in facets and value.rpartition("/")[2] != "none" and 0 < len(query & having) < len(query):
                told[facet][value] = len(query & having)
        return told

    expected, listed = 0, 0
    for (facet, value), query in values.items():
        path = f"by/{facet}/{value}"
        # What has no value is listed, and not narrowed.
        told = split(query) if value.rpartition("/")[2] != "none" else {}
        platforms = len({value.partition("/")[0] for value in told.get("status", {})})
        sums = sum(len(counts) for counts in told.values())
        below = sum(sum(counts.values()) for counts in told.values())
        names = len(query) + (1 + len(told) + platforms + sums + below if told else 0)
        most = len(query) + 1 + len(facets) + platforms + sums + len(query) * sums
        there = len(files[path]) + sum(1 for other in kinds if other.startswith(f"{path}/{AND}"))
        if there != names:
            faults.append(f"below {path} are {there} names, not {names}")
        if names > most:
            faults.append(f"below {path} are {names} names, more than {most}")
        expected += names
        listed += there

    for top in folders[""] - {"library", "inbox"}:
        if not MARKS <= files[top]:
            faults.append(f"{top}/ does not carry its marks")
    for top in ("library", "inbox"):
        if MARKS & files[top]:
            faults.append(f"{top}/ carries marks that keep indexers out")
    for fault in faults[:20]:
        print(fault, file=sys.stderr)
    print(f"   {len(values)} values, {listed} names in them and below, {expected} by the formula; all names:", end="")
    tops = collections.Counter(path.partition("/")[0] for path in kinds)
    print("", ", ".join(f"{top} {count}" for top, count in sorted(tops.items())))
    sys.exit(bool(faults))


main()
