#include "codec/parquet/parquet_levels_write.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "codec/parquet/parquet_bits.h"
#include "codec/parquet/parquet_bytes.h"
#include "codec/parquet/parquet_rle.h"

enum {
    GROUP = 8,
    PACKED_MAX = 63, // Groups in a packed run: its header is one byte, made up for later.
    REPEATED_BYTES = 3 // A run that takes no more when packed is packed.
};

// A byte's lowest bit eight times over.
#define EACH_BYTE UINT64_C(0x0101010101010101)

static void clear_histogram(struct dsi_parquet_levels *l)
{
    memset(l->histogram, 0, (l->max + 1) * sizeof *l->histogram);
}

void dsi_parquet_levels_init(struct dsi_parquet_levels *l, uint32_t max)
{
    assert(max <= DSI_PARQUET_DEPTH_MAX);
    memset(l, 0, offsetof(struct dsi_parquet_levels, histogram));
    l->max = max;
    l->width = dsi_parquet_bit_width(max);
    for (int i = 0; i < GROUP; i++) {
        l->ones |= (uint64_t)1 << (i * l->width);
    }
    clear_histogram(l);
}

void dsi_parquet_levels_release(struct dsi_parquet_levels *l)
{
    dsi_buf_release(&l->bytes);
}

static void close_packed(struct dsi_parquet_levels *l)
{
    if (l->packed > 0) {
        l->bytes.data[l->packed_at] = (uint8_t)(l->packed << 1 | 1);
        l->packed = 0;
    }
}

static int put_packed(struct dsi_parquet_levels *l, uint64_t group, struct ds_error *err)
{
    int rc = DS_OK;

    if (l->packed == PACKED_MAX) {
        close_packed(l);
    }
    if (l->bytes.capacity - l->bytes.size < 1 + GROUP) {
        DSI_TRY(dsi_buf_reserve(&l->bytes, 1 + GROUP, err));
    }
    if (l->packed == 0) {
        l->packed_at = l->bytes.size++;
    }
    dsi_put_le64(l->bytes.data + l->bytes.size, group);
    l->bytes.size += (size_t)l->width;
    l->packed++;
done:
    return rc;
}

static int put_repeated(struct dsi_parquet_levels *l, uint32_t level, uint64_t count,
                        struct ds_error *err)
{
    uint64_t header = count << 1;
    int rc = DS_OK;

    close_packed(l);
    for (; header >= 0x80; header >>= 7) {
        DSI_TRY(dsi_buf_append_byte(&l->bytes, (uint8_t)(header | 0x80), err));
    }
    DSI_TRY(dsi_buf_append_byte(&l->bytes, (uint8_t)header, err));
    DSI_TRY(dsi_buf_append_byte(&l->bytes, (uint8_t)level, err));
done:
    return rc;
}

static uint32_t first_of(const struct dsi_parquet_levels *l, uint64_t group)
{
    return (uint32_t)(group & ((1u << l->width) - 1));
}

// Writes the groups that repeat, and `more` levels like theirs.
static int flush_repeats(struct dsi_parquet_levels *l, size_t more, struct ds_error *err)
{
    int rc = DS_OK;

    if (l->repeats * (size_t)l->width > REPEATED_BYTES) {
        DSI_TRY(put_repeated(l, first_of(l, l->repeated),
                             (uint64_t)l->repeats * GROUP + more, err));
    } else {
        for (size_t i = 0; i < l->repeats; i++) {
            DSI_TRY(put_packed(l, l->repeated, err));
        }
        if (more > 0) {
            DSI_TRY(put_packed(l, l->group, err));
        }
    }
    l->repeats = 0;
done:
    return rc;
}

// Whole groups, when none is begun.
static int put_groups(struct dsi_parquet_levels *l, uint64_t group, size_t times,
                      struct ds_error *err)
{
    int rc = DS_OK;

    assert(l->group_count == 0);
    if (l->repeats > 0 && l->repeated == group) {
        l->repeats += times;
        return DS_OK;
    }
    if (l->repeats > 0) {
        DSI_TRY(flush_repeats(l, 0, err));
    }
    if (group == l->ones * first_of(l, group)) {
        l->repeated = group;
        l->repeats = times;
    } else {
        assert(times == 1);
        DSI_TRY(put_packed(l, group, err));
    }
done:
    return rc;
}

static int put_one(struct dsi_parquet_levels *l, uint32_t level, struct ds_error *err)
{
    l->group |= (uint64_t)level << (l->group_count * l->width);
    l->group_count++;
    if (l->group_count < GROUP) {
        return DS_OK;
    }
    uint64_t group = l->group;
    l->group = 0;
    l->group_count = 0;
    return put_groups(l, group, 1, err);
}

int dsi_parquet_levels_repeat(struct dsi_parquet_levels *l, uint32_t level, size_t count,
                              struct ds_error *err)
{
    int rc = DS_OK;

    assert(level <= l->max);
    l->histogram[level] += (int64_t)count;
    l->count += count;
    if (l->width == 0) {
        return DS_OK;
    }
    for (; count > 0 && l->group_count > 0; count--) {
        DSI_TRY(put_one(l, level, err));
    }
    if (count >= GROUP) {
        DSI_TRY(put_groups(l, l->ones * level, count / GROUP, err));
        count %= GROUP;
    }
    for (; count > 0; count--) {
        DSI_TRY(put_one(l, level, err));
    }
done:
    return rc;
}

// How many of the words from `at` on repeat the byte that its first is made of.
static size_t words_like(const uint8_t *at, size_t count)
{
    uint64_t word = EACH_BYTE * at[0];
    size_t n = 0;

    while (count - n * GROUP >= GROUP && dsi_le64(at + n * GROUP) == word) {
        n++;
    }
    return n;
}

// Eight levels of a byte each as a group: neighbours move together, three times.
static uint64_t pack(uint64_t word, int width)
{
    const uint64_t one = UINT64_C(0x00ff00ff00ff00ff);
    const uint64_t two = UINT64_C(0x0000ffff0000ffff);

    word = (word & one) | (word & ~one) >> (8 - width);
    word = (word & two) | (word & ~two) >> (16 - 2 * width);
    return (word & UINT32_MAX) | word >> 32 << 4 * width;
}

int dsi_parquet_levels_append(struct dsi_parquet_levels *l, const uint8_t *levels,
                              size_t count, struct ds_error *err)
{
    size_t i = 0;
    int rc = DS_OK;

    if (l->width == 0) {
        return dsi_parquet_levels_repeat(l, 0, count, err);
    }
    for (; i < count && l->group_count > 0; i++) {
        DSI_TRY(dsi_parquet_levels_repeat(l, levels[i], 1, err));
    }
    while (count - i >= GROUP) {
        size_t words = words_like(levels + i, count - i);
        if (words > 0) {
            DSI_TRY(dsi_parquet_levels_repeat(l, levels[i], words * GROUP, err));
            i += words * GROUP;
            continue;
        }
        for (int k = 0; k < GROUP; k++) {
            assert(levels[i + (size_t)k] <= l->max);
            l->histogram[levels[i + (size_t)k]]++;
        }
        l->count += GROUP;
        DSI_TRY(put_groups(l, pack(dsi_le64(levels + i), l->width), 1, err));
        i += GROUP;
    }
    for (; i < count; i++) {
        DSI_TRY(dsi_parquet_levels_repeat(l, levels[i], 1, err));
    }
done:
    return rc;
}

// Eight bits from any place on.
static unsigned bits_at(const uint8_t *bits, size_t at)
{
    unsigned shift = at % 8;
    unsigned low = bits[at / 8];
    unsigned high = shift > 0 ? bits[at / 8 + 1] : 0u;
    return (low | high << 8) >> shift & 0xff;
}

static unsigned count_bits(unsigned byte)
{
    byte -= byte >> 1 & 0x55;
    byte = (byte & 0x33) + (byte >> 2 & 0x33);
    return (byte + (byte >> 4)) & 0xf;
}

int dsi_parquet_levels_append_bits(struct dsi_parquet_levels *l, const uint8_t *bits,
                                   size_t first, size_t count, struct ds_error *err)
{
    int rc = DS_OK;

    assert(l->max > 0);
    for (; count > 0 && l->group_count > 0; first++, count--) {
        uint32_t level = l->max - !dsi_bit_get(bits, first);
        DSI_TRY(dsi_parquet_levels_repeat(l, level, 1, err));
    }
    while (count >= GROUP) {
        unsigned byte = bits_at(bits, first);
        unsigned set = count_bits(byte);
        uint64_t group = byte;
        if (l->width > 1) {
            group = l->ones * (l->max - 1);
            for (int k = 0; k < GROUP; k++) { // No place overflows: `max` fits in it.
                group += (uint64_t)(byte >> k & 1) << (k * l->width);
            }
        }
        l->histogram[l->max] += set;
        l->histogram[l->max - 1] += GROUP - set;
        l->count += GROUP;
        DSI_TRY(put_groups(l, group, 1, err));
        first += GROUP;
        count -= GROUP;
    }
    for (; count > 0; first++, count--) {
        uint32_t level = l->max - !dsi_bit_get(bits, first);
        DSI_TRY(dsi_parquet_levels_repeat(l, level, 1, err));
    }
done:
    return rc;
}

int dsi_parquet_levels_end(struct dsi_parquet_levels *l, struct dsi_buf *out,
                           struct ds_error *err)
{
    uint64_t mask = ((uint64_t)1 << (l->group_count * l->width)) - 1;
    size_t more = (size_t)l->group_count;
    uint8_t size[4];
    int rc = DS_OK;

    if (l->repeats > 0) {
        if (more > 0 && l->group == (l->repeated & mask)) {
            DSI_TRY(flush_repeats(l, more, err));
            more = 0;
        } else {
            DSI_TRY(flush_repeats(l, 0, err));
        }
    }
    if (more > 0) {
        DSI_TRY(put_packed(l, l->group, err));
    }
    close_packed(l);
    if (l->width > 0) {
        dsi_put_le32(size, (uint32_t)l->bytes.size);
        DSI_TRY(dsi_buf_append(out, size, sizeof size, err));
        DSI_TRY(dsi_buf_append(out, l->bytes.data, l->bytes.size, err));
    }
    l->bytes.size = 0;
    l->count = 0;
    l->group = 0;
    l->group_count = 0;
    clear_histogram(l);
done:
    return rc;
}
