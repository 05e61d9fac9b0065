"""What a changed byte in a file of ours does.

Promised: (1) a byte changed anywhere in the body of a page, which its CRC covers, makes
reading fail. (2) One bit changed in a page header makes reading fail or changes nothing:
what counts there is said twice, or needed. (3) A byte changed in the page index or a Bloom
filter changes nothing in a full read. (4) A byte changed in the footer (names, types and
counts have no checksum there) makes reading fail or not, but never crash, and what is read
is valid Arrow.
"""
import os

import footer
import ours
import same
import thrift

BODIES, OTHERS = 12, 12


def regions(data):
    """(bodies of pages, their headers, indexes and Bloom filters): ranges of bytes."""
    size = int.from_bytes(data[-8:-4], "little")
    meta, _ = thrift.struct(data, len(data) - 8 - size)
    bodies, headers, indexes = [], [], []
    for group in meta.get(4, []):
        for chunk in group[1]:
            for page in footer.pages_of(data, chunk[3], "flips:"):
                bodies.append((page.body, page.offset + page.size))
                headers.append((page.offset, page.body))
            for offset, length in ((4, 5), (6, 7)):
                if chunk.get(offset):
                    indexes.append((chunk[offset], chunk[offset] + chunk[length]))
            if chunk[3].get(14) and chunk[3].get(15):
                indexes.append((chunk[3][14], chunk[3][14] + chunk[3][15]))
    return [(a, b) for a, b in bodies if a < b], headers, indexes


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


def expect_same(what, table, got, failure):
    try:
        same.compare_tables(table, got)
    except same.Mismatch as e:
        raise failure(f"{what}: {e}") from None


def check(rng, path, table, failure):
    with open(path, "rb") as f:
        data = f.read()
    bodies, headers, indexes = regions(data)
    flipped = path + ".flipped"
    for _ in range(BODIES if bodies else 0):
        a, b = bodies[rng.integers(len(bodies))]
        at, flip = int(rng.integers(a, b)), int(rng.integers(1, 256))
        if read_with(flipped, data, at, flip) is not None:
            raise failure(f"byte {at} ^ {flip:#x} of a page, and nobody noticed")
    for kind, places in (("a page header", headers), ("an index", indexes)):
        for _ in range(OTHERS if places else 0):
            a, b = places[rng.integers(len(places))]
            at, flip = int(rng.integers(a, b)), 1 << int(rng.integers(8))
            got = read_with(flipped, data, at, flip)
            if got is not None:
                expect_same(f"byte {at} ^ {flip:#x} of {kind}", table, got, failure)
    for _ in range(OTHERS):
        at, flip = int(rng.integers(4, len(data))), int(rng.integers(1, 256))
        read_with(flipped, data, at, flip)
    os.remove(flipped)
