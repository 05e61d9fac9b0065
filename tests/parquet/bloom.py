"""Parquet's split block Bloom filter, and XXH64 with seed 0, as their texts define them."""
import struct

P = [11400714785074694791, 14029467366897019727, 1609587929392839161,
     9650029242287828579, 2870177450012600261]
M = 2**64 - 1
SALT = [0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
        0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31]


def rotate(x, r):
    return (x << r | x >> (64 - r)) & M


def mix(acc, lane):
    return rotate((acc + lane * P[1]) & M, 31) * P[0] & M


def xxh64(data):
    n, at = len(data), 0
    if n >= 32:
        v = [(P[0] + P[1]) & M, P[1], 0, -P[0] & M]
        while at + 32 <= n:
            for i, lane in enumerate(struct.unpack_from("<4Q", data, at)):
                v[i] = mix(v[i], lane)
            at += 32
        h = sum(rotate(x, r) for x, r in zip(v, (1, 7, 12, 18))) & M
        for x in v:
            h = ((h ^ mix(0, x)) * P[0] + P[3]) & M
    else:
        h = P[4]
    h = (h + n) & M
    while at + 8 <= n:
        h = (rotate(h ^ mix(0, struct.unpack_from("<Q", data, at)[0]), 27) * P[0] + P[3]) & M
        at += 8
    if at + 4 <= n:
        h ^= struct.unpack_from("<I", data, at)[0] * P[0] & M
        h = (rotate(h, 23) * P[1] + P[2]) & M
        at += 4
    for byte in data[at:]:
        h = rotate(h ^ (byte * P[4] & M), 11) * P[0] & M
    for shift, k in ((33, 1), (29, 2)):
        h = (h ^ h >> shift) * P[k] & M
    return h ^ h >> 32


def contains(bits, raw):
    h = xxh64(raw)
    blocks = len(bits) // 32
    words = struct.unpack_from("<8I", bits, ((h >> 32) * blocks >> 32) * 32)
    low = h & 0xffffffff
    return all(w >> ((low * s & 0xffffffff) >> 27) & 1 for w, s in zip(words, SALT))


def plain(v, physical, kind, width):
    """A value in the PLAIN encoding, without a length."""
    if kind == "float":
        return struct.pack("<f", v)
    if kind == "double":
        return struct.pack("<d", v)
    if physical == 1:
        return int(v).to_bytes(4, "little", signed=True)
    if physical == 2:
        return int(v).to_bytes(8, "little", signed=True)
    if kind == "decimal":
        return int(v).to_bytes(width, "big", signed=True)
    return v
