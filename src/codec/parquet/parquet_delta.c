#include "codec/parquet/parquet_delta.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "codec/parquet/parquet_bytes.h"
#include "codec/parquet/parquet_page.h"
#include "codec/parquet/parquet_rle.h"

enum { MINIBLOCK_MAX = 1 << 16, SLACK = 32 };

static int take_varint(struct ds_slice *in, uint64_t *out, struct ds_error *err)
{
    uint64_t v = 0;

    for (int shift = 0; shift < 70 && in->size > 0; shift += 7) {
        uint8_t byte = *in->data;
        in->data++;
        in->size--;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out = v;
            return DS_OK;
        }
        if (shift == 63) {
            break;
        }
    }
    return dsi_corrupt(err, "delta encoding: a varint does not end");
}

static int take_zigzag(struct ds_slice *in, uint64_t *out, struct ds_error *err)
{
    int rc = take_varint(in, out, err);
    *out = (*out >> 1) ^ (0 - (*out & 1));
    return rc;
}

struct delta {
    uint64_t miniblocks; // In a block.
    uint64_t per_miniblock;
    uint64_t left; // Values still to come.
    uint64_t last;
    size_t width; // Bytes of a value in the output: 4 or 8.
};

static int read_header(struct ds_slice *in, struct delta *d, size_t count_max,
                       struct ds_error *err)
{
    uint64_t block = 0;
    int rc = DS_OK;

    DSI_TRY(take_varint(in, &block, err));
    DSI_TRY(take_varint(in, &d->miniblocks, err));
    DSI_TRY(take_varint(in, &d->left, err));
    DSI_TRY(take_zigzag(in, &d->last, err));
    d->per_miniblock = d->miniblocks == 0 ? 0 : block / d->miniblocks;
    if (d->per_miniblock == 0 || block % d->miniblocks != 0 ||
        d->per_miniblock % 32 != 0 || d->per_miniblock > MINIBLOCK_MAX) {
        return dsi_corrupt(err,
                           "delta encoding: blocks of %llu values in %llu miniblocks",
                           (unsigned long long)block, (unsigned long long)d->miniblocks);
    }
    if (d->left > count_max) {
        return dsi_corrupt(err, "delta encoding: %llu values in a page of %zu",
                           (unsigned long long)d->left, count_max);
    }
done:
    return rc;
}

static void put_value(struct dsi_buf *out, const struct delta *d)
{
    if (d->width == 4) {
        dsi_put_le32(out->data + out->size, (uint32_t)d->last);
    } else {
        dsi_put_le64(out->data + out->size, d->last);
    }
    out->size += d->width;
}

// Deltas become values where they stand. One addition of each depends on the one before.
static void sum_up(struct delta *d, uint64_t min, uint8_t *values, size_t count)
{
    uint64_t last = d->last; // Wraps around, as the format wants.

    if (d->width == 4) {
        for (size_t i = 0; i < count; i++) {
            uint32_t delta = 0;
            memcpy(&delta, values + i * 4, sizeof delta);
            last += min + delta;
            dsi_put_le32(values + i * 4, (uint32_t)last);
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            uint64_t delta = 0;
            memcpy(&delta, values + i * 8, sizeof delta);
            last += min + delta;
            dsi_put_le64(values + i * 8, last);
        }
    }
    d->last = last;
}

// Deltas of more bits than their values have: some writers do not let them wrap.
static void unpack_wide(struct ds_slice in, int width, uint8_t *out, size_t count)
{
    enum { BATCH = 64 }; // A whole number of bytes.
    uint64_t deltas[BATCH];

    while (count > 0) {
        size_t n = count < BATCH ? count : BATCH;
        dsi_parquet_unpack64(in, width, deltas, n);
        for (size_t i = 0; i < n; i++) {
            uint32_t low = (uint32_t)deltas[i];
            memcpy(out + i * 4, &low, sizeof low);
        }
        out += n * 4;
        count -= n;
        if (count > 0) {
            in.data += BATCH / 8 * (size_t)width;
            in.size -= BATCH / 8 * (size_t)width;
        }
    }
}

static int read_miniblock(struct ds_slice *in, struct delta *d, int width, uint64_t min,
                          struct dsi_buf *out, struct ds_error *err)
{
    size_t size = (size_t)d->per_miniblock / 8 * (size_t)width;
    size_t count = (size_t)(d->left < d->per_miniblock ? d->left : d->per_miniblock);
    uint8_t *to = NULL;
    int rc = DS_OK;

    if (size > in->size) {
        return dsi_corrupt(err, "delta encoding: a miniblock of %zu bytes, %zu left",
                           size, in->size);
    }
    DSI_TRY(dsi_buf_reserve(out, count * d->width, err));
    to = out->data + out->size;
    if (d->width == 4 && width > 32) {
        unpack_wide(*in, width, to, count);
    } else if (d->width == 4) {
        dsi_parquet_unpack32(*in, width, (uint32_t *)(void *)to, count);
    } else {
        dsi_parquet_unpack64(*in, width, (uint64_t *)(void *)to, count);
    }
    sum_up(d, min, to, count);
    out->size += count * d->width;
    d->left -= count;
    if (size > 0) {
        in->data += size;
        in->size -= size;
    }
done:
    return rc;
}

static int read_block(struct ds_slice *in, struct delta *d, struct dsi_buf *out,
                      struct ds_error *err)
{
    uint64_t min = 0;
    const uint8_t *widths = NULL;
    int rc = DS_OK;

    DSI_TRY(take_zigzag(in, &min, err));
    if (in->size < d->miniblocks) {
        return dsi_corrupt(err, "delta encoding: a block ends in its bit widths");
    }
    widths = in->data;
    in->data += d->miniblocks;
    in->size -= (size_t)d->miniblocks;
    for (uint64_t i = 0; i < d->miniblocks && d->left > 0; i++) {
        if (widths[i] > 64) { // Some write 33 for 32-bit values, instead of wrapping.
            return dsi_corrupt(err, "delta encoding: deltas of %d bits", widths[i]);
        }
        DSI_TRY(read_miniblock(in, d, widths[i], min, out, err));
    }
done:
    return rc;
}

// Moves `in` past the encoded numbers and appends them as little-endian ones; nothing
// else was appended before, so that each is aligned.
static int read_numbers(struct ds_slice *in, size_t width, size_t count_max,
                        struct dsi_buf *out, struct ds_error *err)
{
    struct delta d = {.width = width};
    int rc = DS_OK;

    DSI_TRY(read_header(in, &d, count_max, err));
    if (d.left > 0) {
        DSI_TRY(dsi_buf_reserve(out, width, err));
        put_value(out, &d);
        d.left--;
    }
    while (d.left > 0) {
        DSI_TRY(read_block(in, &d, out, err));
    }
done:
    return rc;
}

// Values that are put together: a prefix of the last one, then a suffix. They have been
// measured: all of them fit their bytes, and there is room for them.
struct join {
    const uint8_t *prefixes; // Lengths, four bytes each; NULL: all are 0.
    const uint8_t *suffixes;
    size_t count;
    bool fixed; // No length in front of a value.
};

static size_t prefix_of(const struct join *j, size_t i)
{
    return j->prefixes ? dsi_le32(j->prefixes + i * 4) : 0;
}

// The bytes of all values together; DS_ECORRUPT if one of them cannot be.
static int measure(const struct join *j, const struct dsi_parquet_field *f, size_t size,
                   size_t max, size_t *out, struct ds_error *err)
{
    size_t left = size;
    size_t last = 0;
    size_t total = 0;

    for (size_t i = 0; i < j->count; i++) {
        size_t prefix = prefix_of(j, i);
        size_t suffix = dsi_le32(j->suffixes + i * 4);
        if (prefix > last || suffix > left || suffix > INT32_MAX - prefix) {
            return dsi_corrupt(
                err, "delta byte array: %zu bytes of %zu before, then %zu of %zu", prefix,
                last, suffix, left);
        }
        left -= suffix;
        last = prefix + suffix;
        if (j->fixed && last != (size_t)f->type_length) {
            return dsi_corrupt(err, "delta byte array: a value of %zu bytes, not %d",
                               last, f->type_length);
        }
        if (last + 4 > max - total) {
            return dsi_fail(err, DS_EUNSUPPORTED,
                            "delta byte array: more than %zu bytes in a page", max);
        }
        total += last + (j->fixed ? 0 : 4);
    }
    *out = total;
    return DS_OK;
}

// Copies through a register, so that it may read what it is about to write over.
static inline void copy_slack(uint8_t *to, const uint8_t *from)
{
    uint8_t copy[SLACK];
    memcpy(copy, from, SLACK);
    memcpy(to, copy, SLACK);
}

// There is slack behind `to`.
static void join_all(const struct join *j, struct ds_slice in, uint8_t *to)
{
    const uint8_t *last = to;

    for (size_t i = 0; i < j->count; i++) {
        size_t prefix = prefix_of(j, i);
        size_t suffix = dsi_le32(j->suffixes + i * 4);
        if (!j->fixed) {
            dsi_put_le32(to, (uint32_t)(prefix + suffix));
            to += 4;
        }
        if (prefix <= SLACK) {
            copy_slack(to, last);
        } else {
            memcpy(to, last, prefix);
        }
        if (suffix <= SLACK && in.size >= SLACK) {
            copy_slack(to + prefix, in.data);
        } else if (suffix > 0) {
            memcpy(to + prefix, in.data, suffix);
        }
        if (suffix > 0) {
            in.data += suffix;
            in.size -= suffix;
        }
        last = to;
        to += prefix + suffix;
    }
}

static int read_byte_arrays(struct ds_slice in, const struct dsi_parquet_field *f,
                            bool has_prefixes, size_t count_max, struct dsi_buf *out,
                            struct ds_error *err)
{
    struct dsi_buf prefixes = DSI_BUF_INIT_MAX(out->max);
    struct dsi_buf suffixes = DSI_BUF_INIT_MAX(out->max);
    struct join j = {.fixed = f->physical == DSI_PARQUET_FIXED};
    size_t max = out->max ? out->max : DSI_BUF_MAX;
    size_t total = 0;
    int rc = DS_OK;

    if (has_prefixes) {
        DSI_TRY(read_numbers(&in, 4, count_max, &prefixes, err));
    }
    DSI_TRY(read_numbers(&in, 4, count_max, &suffixes, err));
    if (has_prefixes && prefixes.size != suffixes.size) {
        DSI_TRY(dsi_corrupt(err, "delta byte array: %zu prefixes, %zu suffixes",
                            prefixes.size / 4, suffixes.size / 4));
    }
    j.prefixes = has_prefixes ? prefixes.data : NULL;
    j.suffixes = suffixes.data;
    j.count = suffixes.size / 4;
    max = max > SLACK ? max - SLACK : 0;
    DSI_TRY(measure(&j, f, in.size, max, &total, err));
    DSI_TRY(dsi_buf_reserve(out, total + SLACK, err));
    join_all(&j, in, out->data + out->size);
    out->size += total;
done:
    dsi_buf_release(&prefixes);
    dsi_buf_release(&suffixes);
    return rc;
}

static int join_streams(struct ds_slice in, size_t width, struct dsi_buf *out,
                        struct ds_error *err)
{
    size_t count = in.size / width;
    int rc = DS_OK;

    if (in.size % width != 0) {
        return dsi_corrupt(err, "byte stream split: %zu bytes for values of %zu", in.size,
                           width);
    }
    if (count == 0) {
        return DS_OK; // There may be no buffers at all.
    }
    DSI_TRY(dsi_buf_reserve(out, in.size, err));
    dsi_kernels()->join_streams(in.data, width, count, out->data + out->size);
    out->size += in.size;
done:
    return rc;
}

int dsi_parquet_to_plain(int32_t encoding, const struct dsi_parquet_field *f,
                         struct ds_slice in, size_t count_max, struct dsi_buf *out,
                         struct ds_error *err)
{
    enum dsi_parquet_physical p = f->physical;
    bool integer = p == DSI_PARQUET_INT32 || p == DSI_PARQUET_INT64;
    bool bytes = p == DSI_PARQUET_BYTE_ARRAY || p == DSI_PARQUET_FIXED;
    size_t width = dsi_parquet_width(f);

    if (encoding == DSI_PARQUET_DELTA_BINARY_PACKED && integer) {
        return read_numbers(&in, width, count_max, out, err);
    }
    if (encoding == DSI_PARQUET_DELTA_LENGTH_BYTE_ARRAY && p == DSI_PARQUET_BYTE_ARRAY) {
        return read_byte_arrays(in, f, false, count_max, out, err);
    }
    if (encoding == DSI_PARQUET_DELTA_BYTE_ARRAY && bytes) {
        return read_byte_arrays(in, f, true, count_max, out, err);
    }
    if (encoding == DSI_PARQUET_BYTE_STREAM_SPLIT && width > 0 &&
        p != DSI_PARQUET_INT96) {
        return join_streams(in, width, out, err);
    }
    return dsi_fail(err, DS_EUNSUPPORTED, "encoding %d of %s values is not supported",
                    encoding, dsi_parquet_physical_name(p));
}
