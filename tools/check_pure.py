#!/usr/bin/env python3
"""Fails when what must be pure can reach the world.

usage: check_pure.py ARCHIVE FILE.c...

Follows every call from the given files through the archive, file by file, and fails if it
arrives at one that does I/O, looks at the clock, draws randomness, or waits.
"""
import re
import subprocess
import sys

WORLD = re.compile(r"(clock|random|thread|log|table|commit|attempt)\.c|"
                   r"(storage|catalog|scan|data|api)_.*\.c|(storage|catalog)\.c")
PURE = {"dsi_uuid_format", "dsi_uuid_parse"}  # Arithmetic that shares a file with more.

defines, needs = {}, {}
member = None
listing = subprocess.run(["nm", "-A", "-g", sys.argv[1]], check=True, text=True,
                         capture_output=True).stdout
for line in listing.splitlines():
    match = re.match(r"[^:]*:(?P<file>[^:]+\.c)\.o:\s*\w*\s+(?P<kind>\w) (?P<name>\S+)$",
                     line)
    if not match:
        continue
    if match["kind"] in "UwW":
        needs.setdefault(match["file"], set()).add(match["name"])
    else:
        defines[match["name"]] = match["file"]
        needs.setdefault(match["file"], set())

came_from = {}
queue = list(sys.argv[2:])
for root in queue:
    if root not in needs:
        sys.exit(f"{root}: not in {sys.argv[1]}")
    came_from[root] = None
bad = []
while queue:
    file = queue.pop(0)
    for name in sorted(needs[file]):
        target = defines.get(name)
        if target is None or target in came_from or name in PURE:
            continue
        came_from[target] = (file, name)
        if WORLD.fullmatch(target):
            path, at = [], target
            while came_from[at]:
                path.append(f"{came_from[at][0]} -> {came_from[at][1]}")
                at = came_from[at][0]
            bad.append(f"reaches {target}: " + ", ".join(reversed(path)))
        else:
            queue.append(target)
for line in bad:
    print(line)
print(f"{len(came_from)} files looked at, {len(bad)} ways out")
sys.exit(bool(bad))
