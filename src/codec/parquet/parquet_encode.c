#include "codec/parquet/parquet_encode.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "codec/kernel/kernel.h"
#include "codec/parquet/parquet_bits.h"
#include "codec/parquet/parquet_bytes.h"
#include "codec/parquet/parquet_pack.h"
#include "codec/parquet/parquet_page.h"
#include "codec/parquet/parquet_rle.h"

// The shape of blocks that Java's writer has: there are readers that know no other.
enum {
    BLOCK = 128,
    MINIBLOCKS = 4,
    MINIBLOCK = BLOCK / MINIBLOCKS,
    GROUPS = MINIBLOCK / DSI_PARQUET_PACK_GROUP,
    VARINT_MAX = 10,
    HEAD_MAX = 4 * VARINT_MAX,
};

// Short texts are copied so many bytes at a time.
enum { COPY = 32, COPIES_MAX = 8 };

static uint8_t *put_varint(uint8_t *at, uint64_t v)
{
    while (v >= 0x80) {
        *at++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *at++ = (uint8_t)v;
    return at;
}

static uint8_t *put_zigzag(uint8_t *at, int64_t v)
{
    return put_varint(at, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

static uint8_t *put_head(uint8_t *at, size_t count, int64_t first)
{
    at = put_varint(at, BLOCK);
    at = put_varint(at, MINIBLOCKS);
    at = put_varint(at, count);
    return put_zigzag(at, first);
}

// Room for `count` numbers of `width` bytes, whatever they are.
static int reserve_numbers(struct dsi_buf *out, size_t count, size_t width,
                           struct ds_error *err)
{
    size_t blocks = count / BLOCK + 1;
    size_t block = VARINT_MAX + MINIBLOCKS + BLOCK * width;

    return dsi_buf_reserve(out, HEAD_MAX + blocks * block + DSI_PARQUET_PACK_SLACK, err);
}

// One block of at least one delta; `d` has room for a whole one.
static uint8_t *put_block32(uint32_t *d, size_t count, uint8_t *at)
{
    int32_t min = (int32_t)d[0];
    uint8_t *widths = NULL;

    for (size_t i = 1; i < count; i++) {
        min = (int32_t)d[i] < min ? (int32_t)d[i] : min;
    }
    for (size_t i = count; i < BLOCK; i++) {
        d[i] = (uint32_t)min;
    }
    widths = put_zigzag(at, min);
    memset(widths, 0, MINIBLOCKS);
    at = widths + MINIBLOCKS;
    for (size_t m = 0; m * MINIBLOCK < count; m++, d += MINIBLOCK) {
        uint32_t bits = 0;
        for (size_t i = 0; i < MINIBLOCK; i++) {
            d[i] -= (uint32_t)min;
            bits |= d[i];
        }
        widths[m] = (uint8_t)dsi_parquet_bit_width64(bits);
        dsi_parquet_pack32(d, GROUPS, widths[m], at);
        at += (size_t)widths[m] * GROUPS;
    }
    return at;
}

static uint8_t *put_block64(uint64_t *d, size_t count, uint8_t *at)
{
    int64_t min = (int64_t)d[0];
    uint8_t *widths = NULL;

    for (size_t i = 1; i < count; i++) {
        min = (int64_t)d[i] < min ? (int64_t)d[i] : min;
    }
    for (size_t i = count; i < BLOCK; i++) {
        d[i] = (uint64_t)min;
    }
    widths = put_zigzag(at, min);
    memset(widths, 0, MINIBLOCKS);
    at = widths + MINIBLOCKS;
    for (size_t m = 0; m * MINIBLOCK < count; m++, d += MINIBLOCK) {
        uint64_t bits = 0;
        for (size_t i = 0; i < MINIBLOCK; i++) {
            d[i] -= (uint64_t)min;
            bits |= d[i];
        }
        widths[m] = (uint8_t)dsi_parquet_bit_width64(bits);
        dsi_parquet_pack64(d, GROUPS, widths[m], at);
        at += (size_t)widths[m] * GROUPS;
    }
    return at;
}

// Deltas wrap around, as the format wants: every pair of numbers has one.
static int put_numbers32(const uint8_t *values, size_t count, struct dsi_buf *out,
                         struct ds_error *err)
{
    uint32_t d[BLOCK];
    uint8_t *at = NULL;
    int rc = DS_OK;

    DSI_TRY(reserve_numbers(out, count, sizeof *d, err));
    at =
        put_head(out->data + out->size, count, count > 0 ? (int32_t)dsi_le32(values) : 0);
    for (size_t from = 1; from < count; from += BLOCK) {
        const uint8_t *v = values + from * sizeof *d;
        size_t n = count - from < BLOCK ? count - from : BLOCK;
        for (size_t i = 0; i < n; i++, v += sizeof *d) {
            d[i] = dsi_le32(v) - dsi_le32(v - sizeof *d);
        }
        at = put_block32(d, n, at);
    }
    out->size = (size_t)(at - out->data);
done:
    return rc;
}

static int put_numbers64(const uint8_t *values, size_t count, struct dsi_buf *out,
                         struct ds_error *err)
{
    uint64_t d[BLOCK];
    uint8_t *at = NULL;
    int rc = DS_OK;

    DSI_TRY(reserve_numbers(out, count, sizeof *d, err));
    at =
        put_head(out->data + out->size, count, count > 0 ? (int64_t)dsi_le64(values) : 0);
    for (size_t from = 1; from < count; from += BLOCK) {
        const uint8_t *v = values + from * sizeof *d;
        size_t n = count - from < BLOCK ? count - from : BLOCK;
        for (size_t i = 0; i < n; i++, v += sizeof *d) {
            d[i] = dsi_le64(v) - dsi_le64(v - sizeof *d);
        }
        at = put_block64(d, n, at);
    }
    out->size = (size_t)(at - out->data);
done:
    return rc;
}

// Lengths, of the host's order, as numbers.
static int put_lengths(const uint32_t *lengths, size_t count, struct dsi_buf *out,
                       struct ds_error *err)
{
    uint32_t d[BLOCK];
    uint8_t *at = NULL;
    int rc = DS_OK;

    DSI_TRY(reserve_numbers(out, count, sizeof *d, err));
    at = put_head(out->data + out->size, count, count > 0 ? lengths[0] : 0);
    for (size_t from = 1; from < count; from += BLOCK) {
        size_t n = count - from < BLOCK ? count - from : BLOCK;
        for (size_t i = 0; i < n; i++) {
            d[i] = lengths[from + i] - lengths[from + i - 1];
        }
        at = put_block32(d, n, at);
    }
    out->size = (size_t)(at - out->data);
done:
    return rc;
}

static size_t sum_of(const uint32_t *lengths, size_t count)
{
    size_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        sum += lengths[i];
    }
    return sum;
}

static size_t common_prefix(const uint8_t *a, const uint8_t *b, size_t max)
{
    size_t n = 0;
    while (n < max && a[n] == b[n]) {
        n++;
    }
    return n;
}

// DELTA_BYTE_ARRAY: how much of each value the one before starts with, then the rest.
static int put_prefixed(const struct dsi_parquet_encode_input *in, struct dsi_buf *out,
                        struct ds_error *err)
{
    struct dsi_buf lengths = DSI_BUF_INIT; // All prefixes', then all suffixes'.
    struct dsi_buf suffixes = DSI_BUF_INIT;
    const uint8_t *at = in->bytes;
    uint32_t *prefix = NULL;
    uint32_t *suffix = NULL;
    size_t last = 0; // Size of the value before.
    int rc = DS_OK;

    DSI_TRY(dsi_buf_reserve(&lengths, (2 * in->count + 1) * sizeof *prefix, err));
    prefix = (uint32_t *)(void *)lengths.data;
    suffix = prefix + in->count;
    for (size_t i = 0; i < in->count; i++) {
        size_t size = in->lengths ? in->lengths[i] : (size_t)in->field->type_length;
        size_t common = last > 0 && size > 0
                            ? common_prefix(at - last, at, size < last ? size : last)
                            : 0;
        prefix[i] = (uint32_t)common;
        suffix[i] = (uint32_t)(size - common);
        if (size > common) {
            DSI_TRY(dsi_buf_append(&suffixes, at + common, size - common, err));
        }
        at = size > 0 ? at + size : at;
        last = size;
    }
    DSI_TRY(put_lengths(prefix, in->count, out, err));
    DSI_TRY(put_lengths(suffix, in->count, out, err));
    DSI_TRY(dsi_buf_append(out, suffixes.data, suffixes.size, err));
done:
    dsi_buf_release(&lengths);
    dsi_buf_release(&suffixes);
    return rc;
}

static int put_split(const struct dsi_parquet_encode_input *in, struct dsi_buf *out,
                     struct ds_error *err)
{
    size_t width = dsi_parquet_width(in->field);
    size_t count = in->count;
    int rc = DS_OK;

    if (count == 0) {
        return DS_OK; // There may be no buffers at all.
    }
    DSI_TRY(dsi_buf_reserve(out, count * width, err));
    dsi_kernels()->split_streams(in->bytes, width, count, out->data + out->size);
    out->size += count * width;
done:
    return rc;
}

// Booleans: the hybrid, with its size in front.
static int put_bits_rle(const struct dsi_parquet_encode_input *in, struct dsi_buf *out,
                        struct ds_error *err)
{
    struct dsi_buf values = DSI_BUF_INIT;
    size_t start = out->size;
    uint32_t *v = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_buf_reserve(&values, (in->count + 1) * sizeof *v, err));
    v = (uint32_t *)(void *)values.data;
    for (size_t i = 0; i < in->count; i++) {
        v[i] = dsi_bit_get(in->bytes, i);
    }
    DSI_TRY(dsi_buf_append_zero(out, 4, err));
    DSI_TRY(dsi_parquet_rle_write(v, in->count, 1, out, err));
    dsi_put_le32(out->data + start, (uint32_t)(out->size - start - 4));
done:
    dsi_buf_release(&values);
    return rc;
}

// Each with its length before it. While it may, a copy takes a few bytes too many, which
// is quicker than to take just as many as there are: what comes next goes over them.
static uint8_t *put_texts(const struct dsi_parquet_encode_input *in, size_t bytes,
                          uint8_t *to)
{
    const uint8_t *from = in->bytes;
    size_t left = bytes;

    for (size_t i = 0; i < in->count; i++) {
        size_t size = in->lengths[i];
        dsi_put_le32(to, (uint32_t)size);
        to += 4;
        if (size <= COPIES_MAX * COPY && left >= size + COPY) {
            for (size_t k = 0; k < size; k += COPY) {
                memcpy(to + k, from + k, COPY);
            }
        } else if (size > 0) {
            memcpy(to, from, size);
        }
        to += size;
        from = size > 0 ? from + size : from;
        left -= size;
    }
    return to;
}

static int put_plain(const struct dsi_parquet_encode_input *in, struct dsi_buf *out,
                     struct ds_error *err)
{
    size_t bytes = 0;
    int rc = DS_OK;

    if (in->field->physical == DSI_PARQUET_BOOLEAN) {
        return dsi_buf_append(out, in->bytes, (in->count + 7) / 8, err);
    }
    if (!in->lengths) {
        return dsi_buf_append(out, in->bytes, in->count * dsi_parquet_width(in->field),
                              err);
    }
    bytes = sum_of(in->lengths, in->count);
    DSI_TRY(dsi_buf_reserve(out, bytes + 4 * in->count + COPY, err));
    out->size = (size_t)(put_texts(in, bytes, out->data + out->size) - out->data);
done:
    return rc;
}

bool dsi_parquet_can_encode(int32_t encoding, enum dsi_parquet_physical p)
{
    switch (encoding) {
    case DSI_PARQUET_PLAIN:
        return true;
    case DSI_PARQUET_RLE:
        return p == DSI_PARQUET_BOOLEAN;
    case DSI_PARQUET_DELTA_BINARY_PACKED:
        return p == DSI_PARQUET_INT32 || p == DSI_PARQUET_INT64;
    case DSI_PARQUET_DELTA_LENGTH_BYTE_ARRAY:
        return p == DSI_PARQUET_BYTE_ARRAY;
    case DSI_PARQUET_DELTA_BYTE_ARRAY:
        return p == DSI_PARQUET_BYTE_ARRAY || p == DSI_PARQUET_FIXED;
    case DSI_PARQUET_BYTE_STREAM_SPLIT:
        return p != DSI_PARQUET_BOOLEAN && p != DSI_PARQUET_INT96 &&
               p != DSI_PARQUET_BYTE_ARRAY;
    default:
        return false;
    }
}

int dsi_parquet_encode(int32_t encoding, const struct dsi_parquet_encode_input *in,
                       struct dsi_buf *out, struct ds_error *err)
{
    int rc = DS_OK;

    assert(dsi_parquet_can_encode(encoding, in->field->physical));
    assert((in->field->physical == DSI_PARQUET_BYTE_ARRAY) == (in->lengths != NULL) ||
           in->count == 0);
    switch (encoding) {
    case DSI_PARQUET_RLE:
        return put_bits_rle(in, out, err);
    case DSI_PARQUET_DELTA_BINARY_PACKED:
        return in->field->physical == DSI_PARQUET_INT32
                   ? put_numbers32(in->bytes, in->count, out, err)
                   : put_numbers64(in->bytes, in->count, out, err);
    case DSI_PARQUET_DELTA_LENGTH_BYTE_ARRAY:
        DSI_TRY(put_lengths(in->lengths, in->count, out, err));
        return dsi_buf_append(out, in->bytes, sum_of(in->lengths, in->count), err);
    case DSI_PARQUET_DELTA_BYTE_ARRAY:
        return put_prefixed(in, out, err);
    case DSI_PARQUET_BYTE_STREAM_SPLIT:
        return put_split(in, out, err);
    default:
        return put_plain(in, out, err);
    }
done:
    return rc;
}
