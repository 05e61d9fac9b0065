#include "codec/parquet/parquet_rle.h"

#include <assert.h>
#include <string.h>

#include "codec/parquet/parquet_bytes.h"

enum { GROUP = 8 }; // Bit-packed values come in eights.

void dsi_parquet_unpack32(struct ds_slice in, int width, uint32_t *out, size_t count)
{
    assert(width >= 0 && width <= 32);
    assert(in.size >= (count * (size_t)width + 7) / 8);
    dsi_kernels()->unpack32(in.data, in.size, width, out, count);
}

void dsi_parquet_unpack64(struct ds_slice in, int width, uint64_t *out, size_t count)
{
    assert(width >= 0 && width <= 64);
    assert(in.size >= (count * (size_t)width + 7) / 8);
    dsi_kernels()->unpack64(in.data, in.size, width, out, count);
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
    *d =
        (struct dsi_parquet_rle){.at = in.data, .width = width, .kernels = dsi_kernels()};
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

// Values go to one of two arrays, by what they are wanted as.
struct target {
    uint32_t *words;
    uint8_t *bytes;
};

static void unpack(const struct dsi_parquet_rle *d, struct target out, size_t count)
{
    size_t size = (size_t)(d->end - d->at);

    if (out.bytes) {
        d->kernels->unpack8(d->at, size, d->width, out.bytes, count);
    } else {
        d->kernels->unpack32(d->at, size, d->width, out.words, count);
    }
}

// Some values of the group at hand, which was begun before or is wanted in part.
static size_t take_part(struct dsi_parquet_rle *d, struct target out, size_t count)
{
    uint32_t words[GROUP] = {0};
    uint8_t bytes[GROUP] = {0};
    size_t skip = (size_t)d->packed_skip;
    size_t there = d->packed_left + skip < GROUP ? (size_t)d->packed_left + skip : GROUP;
    struct target group = {words, out.bytes ? bytes : NULL};

    unpack(d, group, there);
    count = count < there - skip ? count : there - skip;
    if (out.bytes) {
        memcpy(out.bytes, bytes + skip, count);
    } else {
        memcpy(out.words, words + skip, count * sizeof *words);
    }
    d->packed_skip = (int)(skip + count);
    if (d->packed_skip == GROUP) {
        d->packed_skip = 0;
        d->at += d->width;
    }
    return count;
}

static size_t take_packed(struct dsi_parquet_rle *d, struct target out, size_t max)
{
    size_t count = d->packed_left < max ? (size_t)d->packed_left : max;

    if (d->packed_skip > 0 || count < GROUP) {
        count = take_part(d, out, count);
    } else {
        count -= count % GROUP;
        unpack(d, out, count);
        d->at += count / GROUP * (size_t)d->width;
    }
    d->packed_left -= count;
    if (d->packed_left == 0 && d->packed_skip > 0) { // A cut group: the end.
        d->packed_skip = 0;
        d->at = d->end;
    }
    return count;
}

static bool has_run(struct dsi_parquet_rle *d)
{
    return d->repeat_left > 0 || d->packed_left > 0 || next_run(d);
}

size_t dsi_parquet_rle_some(struct dsi_parquet_rle *d, uint32_t *out, size_t max)
{
    if (max == 0 || !has_run(d)) {
        return 0;
    }
    if (d->packed_left > 0) {
        return take_packed(d, (struct target){.words = out}, max);
    }
    size_t count = d->repeat_left < max ? (size_t)d->repeat_left : max;
    for (size_t i = 0; i < count; i++) {
        out[i] = d->value;
    }
    d->repeat_left -= count;
    return count;
}

size_t dsi_parquet_rle_bytes(struct dsi_parquet_rle *d, uint8_t *out, size_t max)
{
    assert(d->width <= 8);
    if (max == 0 || !has_run(d)) {
        return 0;
    }
    if (d->packed_left > 0) {
        return take_packed(d, (struct target){.bytes = out}, max);
    }
    size_t count = d->repeat_left < max ? (size_t)d->repeat_left : max;
    memset(out, (int)d->value, count);
    d->repeat_left -= count;
    return count;
}

uint64_t dsi_parquet_rle_repeats(struct dsi_parquet_rle *d, uint32_t *value)
{
    if (!has_run(d)) {
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

    while (left > 0 && has_run(d)) {
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
