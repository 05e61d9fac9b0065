#include "base/hash.h"

static uint32_t rotate(uint32_t v, int by)
{
    return v << by | v >> (32 - by);
}

static uint32_t scramble(uint32_t k)
{
    return rotate(k * 0xcc9e2d51u, 15) * 0x1b873593u;
}

int32_t dsi_murmur3(const void *bytes, size_t size)
{
    const uint8_t *b = bytes;
    size_t whole = size / 4 * 4;
    uint32_t h = 0;

    for (size_t i = 0; i < whole; i += 4) {
        uint32_t k = (uint32_t)b[i] | (uint32_t)b[i + 1] << 8 | (uint32_t)b[i + 2] << 16 |
                     (uint32_t)b[i + 3] << 24;
        h = rotate(h ^ scramble(k), 13) * 5 + 0xe6546b64u;
    }
    uint32_t tail = 0;
    for (size_t i = size; i > whole; i--) {
        tail = tail << 8 | b[i - 1];
    }
    if (size > whole) {
        h ^= scramble(tail);
    }
    h ^= (uint32_t)size;
    h = (h ^ h >> 16) * 0x85ebca6bu;
    h = (h ^ h >> 13) * 0xc2b2ae35u;
    h ^= h >> 16;
    return (int32_t)h;
}

uint64_t dsi_hash(const void *bytes, size_t size)
{
    const uint8_t *b = bytes;
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++) {
        h = (h ^ b[i]) * 0x100000001b3u;
    }
    return h;
}
