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

#define XXH_1 0x9e3779b185ebca87u
#define XXH_2 0xc2b2ae3d27d4eb4fu
#define XXH_3 0x165667b19e3779f9u
#define XXH_4 0x85ebca77c2b2ae63u
#define XXH_5 0x27d4eb2f165667c5u

static uint64_t rotate64(uint64_t v, int by)
{
    return v << by | v >> (64 - by);
}

static uint64_t little32(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
           (uint32_t)b[3] << 24;
}

static uint64_t little64(const uint8_t *b)
{
    return little32(b) | little32(b + 4) << 32;
}

static uint64_t xxh_round(uint64_t lane, uint64_t word)
{
    return rotate64(lane + word * XXH_2, 31) * XXH_1;
}

// Four lanes over stripes of 32 bytes, folded into one; `*b` moves past them.
static uint64_t xxh_stripes(const uint8_t **b, const uint8_t *end)
{
    uint64_t lane[4] = {XXH_1 + XXH_2, XXH_2, 0, 0 - XXH_1};

    for (; end - *b >= 32; *b += 32) {
        for (int i = 0; i < 4; i++) {
            lane[i] = xxh_round(lane[i], little64(*b + 8 * i));
        }
    }
    uint64_t h = rotate64(lane[0], 1) + rotate64(lane[1], 7) + rotate64(lane[2], 12) +
                 rotate64(lane[3], 18);
    for (int i = 0; i < 4; i++) {
        h = (h ^ xxh_round(0, lane[i])) * XXH_1 + XXH_4;
    }
    return h;
}

uint64_t dsi_xxh64(const void *bytes, size_t size)
{
    const uint8_t *b = bytes;
    const uint8_t *end = size > 0 ? b + size : b;
    uint64_t h = size < 32 ? XXH_5 : xxh_stripes(&b, end);

    h += size;
    for (; end - b >= 8; b += 8) {
        h = rotate64(h ^ xxh_round(0, little64(b)), 27) * XXH_1 + XXH_4;
    }
    if (end - b >= 4) {
        h = rotate64(h ^ little32(b) * XXH_1, 23) * XXH_2 + XXH_3;
        b += 4;
    }
    for (; b < end; b++) {
        h = rotate64(h ^ *b * XXH_5, 11) * XXH_1;
    }
    h = (h ^ h >> 33) * XXH_2;
    h = (h ^ h >> 29) * XXH_3;
    return h ^ h >> 32;
}
