#include "codec/parquet/parquet_delta.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "codec/parquet/parquet_bytes.h"
#include "codec/parquet/parquet_page.h"
#include "codec/parquet/parquet_rle.h"

enum { MINIBLOCK_MAX = 1 << 16, BATCH = 256 };

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

static int read_miniblock(struct ds_slice *in, struct delta *d, int width, uint64_t min,
                          struct dsi_buf *out, struct ds_error *err)
{
    uint64_t deltas[BATCH];
    size_t size = (size_t)d->per_miniblock / 8 * (size_t)width;
    size_t count = (size_t)(d->left < d->per_miniblock ? d->left : d->per_miniblock);
    struct ds_slice at = {in->data, size};
    int rc = DS_OK;

    if (size > in->size) {
        return dsi_corrupt(err, "delta encoding: a miniblock of %zu bytes, %zu left",
                           size, in->size);
    }
    DSI_TRY(dsi_buf_reserve(out, count * d->width, err));
    for (size_t done_count = 0; done_count < count;) {
        size_t n = count - done_count < BATCH ? count - done_count : BATCH;
        dsi_parquet_unpack64(at, width, deltas, n);
        for (size_t i = 0; i < n; i++) {
            d->last += min + deltas[i]; // Wraps around, as the format wants.
            put_value(out, d);
        }
        done_count += n;
        if (done_count < count) { // n is BATCH: a whole number of bytes.
            at.data += BATCH / 8 * (size_t)width;
            at.size -= BATCH / 8 * (size_t)width;
        }
    }
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

// Moves `in` past the encoded numbers and appends them as little-endian ones.
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

// The next of the values that are being put together: a prefix of the last one, a suffix.
struct join {
    struct ds_slice suffixes;
    size_t prefix;
    size_t suffix;
    size_t last_at; // Of the last value, in the output.
    size_t last_size;
    bool fixed; // No length in front of the value.
};

static int join_value(struct join *j, struct dsi_buf *out, struct ds_error *err)
{
    uint8_t length[4];
    size_t size = 0;
    size_t at = 0;
    int rc = DS_OK;

    if (j->prefix > j->last_size || j->suffix > j->suffixes.size ||
        j->suffix > INT32_MAX - j->prefix) {
        return dsi_corrupt(err,
                           "delta byte array: %zu bytes of %zu before, then %zu of %zu",
                           j->prefix, j->last_size, j->suffix, j->suffixes.size);
    }
    size = j->prefix + j->suffix;
    DSI_TRY(dsi_buf_reserve(out, size + sizeof length, err));
    if (!j->fixed) {
        dsi_put_le32(length, (uint32_t)size);
        DSI_TRY(dsi_buf_append(out, length, sizeof length, err));
    }
    at = out->size;
    DSI_TRY(dsi_buf_append(out, out->data + j->last_at, j->prefix, err));
    DSI_TRY(dsi_buf_append(out, j->suffixes.data, j->suffix, err));
    if (j->suffix > 0) {
        j->suffixes.data += j->suffix;
        j->suffixes.size -= j->suffix;
    }
    j->last_at = at;
    j->last_size = size;
done:
    return rc;
}

static int read_byte_arrays(struct ds_slice in, const struct dsi_parquet_field *f,
                            bool has_prefixes, size_t count_max, struct dsi_buf *out,
                            struct ds_error *err)
{
    struct dsi_buf prefixes = DSI_BUF_INIT_MAX(out->max);
    struct dsi_buf suffixes = DSI_BUF_INIT_MAX(out->max);
    struct join j = {.fixed = f->physical == DSI_PARQUET_FIXED, .last_at = out->size};
    int rc = DS_OK;

    if (has_prefixes) {
        DSI_TRY(read_numbers(&in, 4, count_max, &prefixes, err));
    }
    DSI_TRY(read_numbers(&in, 4, count_max, &suffixes, err));
    if (has_prefixes && prefixes.size != suffixes.size) {
        DSI_TRY(dsi_corrupt(err, "delta byte array: %zu prefixes, %zu suffixes",
                            prefixes.size / 4, suffixes.size / 4));
    }
    j.suffixes = in;
    for (size_t i = 0; i < suffixes.size; i += 4) {
        j.prefix = has_prefixes ? dsi_le32(prefixes.data + i) : 0;
        j.suffix = dsi_le32(suffixes.data + i);
        DSI_TRY(join_value(&j, out, err));
        if (j.fixed && j.last_size != (size_t)f->type_length) {
            DSI_TRY(dsi_corrupt(err, "delta byte array: a value of %zu bytes, not %d",
                                j.last_size, f->type_length));
        }
    }
done:
    dsi_buf_release(&prefixes);
    dsi_buf_release(&suffixes);
    return rc;
}

static int join_streams(struct ds_slice in, size_t width, struct dsi_buf *out,
                        struct ds_error *err)
{
    size_t count = in.size / width;
    uint8_t *to = NULL;
    int rc = DS_OK;

    if (in.size % width != 0) {
        return dsi_corrupt(err, "byte stream split: %zu bytes for values of %zu", in.size,
                           width);
    }
    DSI_TRY(dsi_buf_reserve(out, in.size, err));
    to = out->data + out->size;
    for (size_t b = 0; b < width; b++) {
        const uint8_t *from = in.data + b * count;
        for (size_t i = 0; i < count; i++) {
            to[i * width + b] = from[i];
        }
    }
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
