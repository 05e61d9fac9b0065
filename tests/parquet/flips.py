"""What a changed byte in a file of ours does.

Promised: (1) a byte changed anywhere in the body of a page, which its CRC covers, makes
reading fail. (2) A byte changed elsewhere (a page header, an index, the footer: the format
has no checksum for them) never crashes the reader, and what it reads, if it reads, is
valid Arrow; (3) if that byte is in the page index or a Bloom filter, a full read does not
even look, and the rows are the same.
"""
import os

import footer
import ours
import same
import thrift

BODIES, OTHERS = 12, 12


def regions(data):
    """(bodies of pages, indexes and Bloom filters): ranges of bytes."""
    size = int.from_bytes(data[-8:-4], "little")
    meta, _ = thrift.struct(data, len(data) - 8 - size)
    bodies, indexes = [], []
    for group in meta.get(4, []):
        for chunk in group[1]:
            for page in footer.pages_of(data, chunk[3], "flips:"):
                bodies.append((page.body, page.offset + page.size))
            for offset, length in ((4, 5), (6, 7)):
                if chunk.get(offset):
                    indexes.append((chunk[offset], chunk[offset] + chunk[length]))
            if chunk[3].get(14) and chunk[3].get(15):
                indexes.append((chunk[3][14], chunk[3][14] + chunk[3][15]))
    return ([(a, b) for a, b in bodies if a < b], indexes)


def read_with(path, data, at, flip):
    """The rows of the file with one byte changed; None when it was refused."""
    changed = bytearray(data)
    changed[at] ^= flip
    with open(path, "wb") as f:
        f.write(changed)
    try:
        return ours.scan_file(path)
    except ours.Refused as e:
        if not str(e):
            raise AssertionError(f"byte {at}: an error without words") from None
        return None


def check(rng, path, table, failure):
    with open(path, "rb") as f:
        data = f.read()
    bodies, indexes = regions(data)
    flipped = path + ".flipped"
    for _ in range(BODIES if bodies else 0):
        a, b = bodies[rng.integers(len(bodies))]
        at, flip = int(rng.integers(a, b)), int(rng.integers(1, 256))
        if read_with(flipped, data, at, flip) is not None:
            raise failure(f"byte {at} ^ {flip:#x} of a page, and nobody noticed")
    for _ in range(OTHERS):
        at, flip = int(rng.integers(4, len(data))), int(rng.integers(1, 256))
        got = read_with(flipped, data, at, flip)
        if got is not None and any(a <= at < b for a, b in indexes):
            try:
                same.compare_tables(table, got)
            except same.Mismatch as e:
                raise failure(f"byte {at} ^ {flip:#x} of an index: {e}") from None
    os.remove(flipped)
