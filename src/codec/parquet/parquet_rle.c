#include "codec/parquet/parquet_rle.h"

#include <assert.h>
#include <string.h>

#include "codec/parquet/parquet_bytes.h"

enum { GROUP = 8 }; // Bit-packed values come in eights.

// Values whose bits lie in the first `safe` bytes are loaded with 8 bytes at once.
static size_t fast_count(size_t size, int width, size_t count)
{
    if (size < 8) {
        return 0;
    }
    size_t values = (size - 8) * 8 / (size_t)width + 1; // The last starts in a safe byte.
    return values < count ? values : count;
}

static uint64_t slow_value(struct ds_slice in, size_t bit, int width)
{
    uint8_t bytes[16] = {0};
    size_t first = bit / 8;
    size_t size = in.size - first < 9 ? in.size - first : 9;
    int shift = (int)(bit % 8);

    memcpy(bytes, in.data + first, size);
    uint64_t v = dsi_le64(bytes) >> shift;
    if (shift + width > 64) {
        v |= (uint64_t)bytes[8] << (64 - shift);
    }
    return width == 64 ? v : v & (((uint64_t)1 << width) - 1);
}

// With the width a constant, the compiler unrolls this into shifts and masks.
static inline void unpack_fast(const uint8_t *in, int width, uint32_t *out, size_t count)
{
    uint64_t mask = ((uint64_t)1 << width) - 1;

    for (size_t i = 0; i < count; i++) {
        size_t bit = i * (size_t)width;
        out[i] = (uint32_t)(dsi_le64(in + bit / 8) >> bit % 8 & mask);
    }
}

// Eight values of up to eight bits are one load.
static inline void unpack_small(const uint8_t *in, int width, uint32_t *out, size_t count)
{
    uint32_t mask = ((uint32_t)1 << width) - 1;

    for (size_t i = 0; i + GROUP <= count; i += GROUP, in += width) {
        uint64_t bits = dsi_le64(in);
        for (int j = 0; j < GROUP; j++) {
            out[i + (size_t)j] = (uint32_t)(bits >> (j * width)) & mask;
        }
    }
}

void dsi_parquet_unpack32(struct ds_slice in, int width, uint32_t *out, size_t count)
{
    assert(width >= 0 && width <= 32);
    if (width == 0) {
        memset(out, 0, count * sizeof *out);
        return;
    }
    assert(in.size >= (count * (size_t)width + 7) / 8);
    size_t fast = fast_count(in.size, width, count);
    if (width <= 8) {
        fast -= fast % GROUP;
        unpack_small(in.data, width, out, fast);
    } else {
        unpack_fast(in.data, width, out, fast);
    }
    for (size_t i = fast; i < count; i++) {
        out[i] = (uint32_t)slow_value(in, i * (size_t)width, width);
    }
}

void dsi_parquet_unpack64(struct ds_slice in, int width, uint64_t *out, size_t count)
{
    assert(width >= 0 && width <= 64);
    for (size_t i = 0; i < count; i++) {
        out[i] = width == 0 ? 0 : slow_value(in, i * (size_t)width, width);
    }
}

int dsi_parquet_bit_width(uint32_t max)
{
    int width = 0;
    while (max > 0) {
        width++;
        max >>= 1;
    }
    return width;
}

void dsi_parquet_rle_init(struct dsi_parquet_rle *d, struct ds_slice in, int width)
{
    assert(width >= 0 && width <= 32);
    *d = (struct dsi_parquet_rle){.at = in.data, .width = width};
    d->end = in.size > 0 ? in.data + in.size : in.data;
}

static bool take_varint(struct dsi_parquet_rle *d, uint64_t *out)
{
    uint64_t v = 0;

    for (int shift = 0; shift < 35 && d->at < d->end; shift += 7) {
        uint8_t byte = *d->at++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = v;
            return v <= UINT32_MAX;
        }
    }
    return false;
}

// Reads a run's header; false at the end and when there is no whole run.
static bool next_run(struct dsi_parquet_rle *d)
{
    size_t value_size = ((size_t)d->width + 7) / 8;
    uint64_t header = 0;

    if (d->at == d->end || !take_varint(d, &header) || header < 2) {
        return false; // An empty run would be read for ever.
    }
    size_t left = (size_t)(d->end - d->at);
    if (header & 1) {
        uint64_t groups = header >> 1;
        // Some writers cut the padding of the last group off.
        d->packed_left = d->width == 0 || groups <= left / (size_t)d->width
                             ? groups * GROUP
                             : (uint64_t)left * 8 / (uint64_t)d->width;
        d->packed_skip = 0;
        return d->packed_left > 0;
    }
    if (value_size > left) {
        return false;
    }
    d->value = 0;
    for (size_t i = 0; i < value_size; i++) {
        d->value |= (uint32_t)d->at[i] << (8 * i);
    }
    if (d->width < 32 && d->value >> d->width) {
        return false;
    }
    d->at += value_size;
    d->repeat_left = header >> 1;
    return true;
}

static size_t take_packed(struct dsi_parquet_rle *d, uint32_t *out, size_t max)
{
    size_t width = (size_t)d->width;
    size_t count = d->packed_left < max ? (size_t)d->packed_left : max;
    struct ds_slice in = {d->at, (size_t)(d->end - d->at)};

    if (d->packed_skip > 0 || count < GROUP) { // One group, some of it.
        uint32_t group[GROUP] = {0};
        size_t skip = (size_t)d->packed_skip;
        size_t there =
            d->packed_left + skip < GROUP ? (size_t)d->packed_left + skip : GROUP;
        dsi_parquet_unpack32(in, d->width, group, there);
        count = count < there - skip ? count : there - skip;
        memcpy(out, group + skip, count * sizeof *out);
        d->packed_skip = (int)(skip + count);
        if (d->packed_skip == GROUP) {
            d->packed_skip = 0;
            d->at += width;
        }
    } else {
        count -= count % GROUP;
        dsi_parquet_unpack32(in, d->width, out, count);
        d->at += count / GROUP * width;
    }
    d->packed_left -= count;
    if (d->packed_left == 0 && d->packed_skip > 0) { // A cut group: the end.
        d->packed_skip = 0;
        d->at = d->end;
    }
    return count;
}

size_t dsi_parquet_rle_some(struct dsi_parquet_rle *d, uint32_t *out, size_t max)
{
    if (max == 0 || (d->repeat_left == 0 && d->packed_left == 0 && !next_run(d))) {
        return 0;
    }
    if (d->packed_left > 0) {
        return take_packed(d, out, max);
    }
    size_t count = d->repeat_left < max ? (size_t)d->repeat_left : max;
    for (size_t i = 0; i < count; i++) {
        out[i] = d->value;
    }
    d->repeat_left -= count;
    return count;
}

uint64_t dsi_parquet_rle_repeats(struct dsi_parquet_rle *d, uint32_t *value)
{
    if (d->repeat_left == 0 && d->packed_left == 0 && !next_run(d)) {
        return 0;
    }
    *value = d->value;
    return d->repeat_left;
}

void dsi_parquet_rle_pass(struct dsi_parquet_rle *d, uint64_t count)
{
    assert(count <= d->repeat_left);
    d->repeat_left -= count;
}

// Passes over values of a bit-packed run without unpacking them.
static void pass_packed(struct dsi_parquet_rle *d, uint64_t count)
{
    uint64_t behind = (uint64_t)d->packed_skip + count; // Of the group at `at`.

    assert(count <= d->packed_left);
    d->at += (size_t)(behind / GROUP) * (size_t)d->width;
    d->packed_skip = (int)(behind % GROUP);
    d->packed_left -= count;
    if (d->packed_left == 0 && d->packed_skip > 0) { // A cut group: the end.
        d->packed_skip = 0;
        d->at = d->end;
    }
}

uint64_t dsi_parquet_rle_skip(struct dsi_parquet_rle *d, uint64_t count)
{
    uint64_t left = count;

    while (left > 0 && (d->repeat_left > 0 || d->packed_left > 0 || next_run(d))) {
        uint64_t there = d->repeat_left > 0 ? d->repeat_left : d->packed_left;
        uint64_t n = there < left ? there : left;
        if (d->repeat_left > 0) {
            d->repeat_left -= n;
        } else {
            pass_packed(d, n);
        }
        left -= n;
    }
    return count - left;
}
