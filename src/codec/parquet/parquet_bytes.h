// Little-endian numbers in bytes, on any host. Compilers make one load of each.
#ifndef DSI_CODEC_PARQUET_BYTES_H
#define DSI_CODEC_PARQUET_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t dsi_le32(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
           (uint32_t)b[3] << 24;
}

static inline uint64_t dsi_le64(const uint8_t *b)
{
    return (uint64_t)dsi_le32(b) | (uint64_t)dsi_le32(b + 4) << 32;
}

static inline void dsi_put_le32(uint8_t *b, uint32_t v)
{
    for (int i = 0; i < 4; i++) {
        b[i] = (uint8_t)(v >> (8 * i));
    }
}

static inline void dsi_put_le64(uint8_t *b, uint64_t v)
{
    dsi_put_le32(b, (uint32_t)v);
    dsi_put_le32(b + 4, (uint32_t)(v >> 32));
}

static inline bool dsi_host_is_little(void)
{
    const uint16_t one = 1;
    uint8_t first = 0;
    memcpy(&first, &one, 1);
    return first == 1;
}

/// Copies `count` numbers of `width` (4 or 8) bytes between the file's order and ours.
static inline void dsi_le_copy(uint8_t *to, const uint8_t *from, size_t count,
                               size_t width)
{
    if (dsi_host_is_little()) {
        if (count > 0) {
            memcpy(to, from, count * width);
        }
        return;
    }
    for (size_t i = 0; i < count; i++, to += width, from += width) {
        for (size_t b = 0; b < width; b++) {
            to[b] = from[width - 1 - b];
        }
    }
}

#endif
