#include "codec/parquet/parquet_levels.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "codec/parquet/parquet_bytes.h"
#include "codec/parquet/parquet_page.h"

void dsi_parquet_level_reader_init(struct dsi_parquet_level_reader *l, struct ds_slice in,
                                   int32_t max)
{
    assert(max >= 0 && max <= UINT8_MAX);
    *l = (struct dsi_parquet_level_reader){.max = (uint8_t)max};
    dsi_parquet_rle_init(&l->rle, in, dsi_parquet_bit_width((uint32_t)max));
}

int dsi_parquet_level_reader_take(struct dsi_parquet_level_reader *l, int32_t encoding,
                                  int32_t max, size_t count, struct ds_slice *body,
                                  struct ds_error *err)
{
    size_t width = (size_t)dsi_parquet_bit_width((uint32_t)max);
    size_t skip = 0;
    size_t size = 0;

    dsi_parquet_level_reader_init(l, (struct ds_slice){body->data, 0}, max);
    if (max == 0) {
        return DS_OK;
    }
    if (encoding == DSI_PARQUET_RLE) {
        skip = 4;
        if (body->size < 4 || dsi_le32(body->data) > body->size - 4) {
            return dsi_corrupt(err, "a page ends in its levels");
        }
        size = dsi_le32(body->data);
        dsi_parquet_level_reader_init(l, (struct ds_slice){body->data + 4, size}, max);
    } else if (encoding == DSI_PARQUET_BIT_PACKED) {
        if (count / 8 > body->size) {
            return dsi_corrupt(err, "a page ends in its levels");
        }
        size = (count * width + 7) / 8;
        if (size > body->size) {
            return dsi_corrupt(err, "a page ends in its levels");
        }
        l->is_packed = true;
        l->packed = (struct ds_slice){body->data, size};
    } else {
        return dsi_fail(err, DS_EUNSUPPORTED, "levels in encoding %d", encoding);
    }
    body->data += skip + size;
    body->size -= skip + size;
    return DS_OK;
}

uint64_t dsi_parquet_level_reader_repeats(struct dsi_parquet_level_reader *l,
                                          uint8_t *level)
{
    uint32_t value = 0;

    if (l->is_packed) {
        return 0;
    }
    uint64_t count = dsi_parquet_rle_repeats(&l->rle, &value);
    *level = (uint8_t)value;
    return value <= l->max ? count
                           : 0; // dsi_parquet_level_reader_some says what is wrong.
}

void dsi_parquet_level_reader_pass(struct dsi_parquet_level_reader *l, uint64_t count)
{
    dsi_parquet_rle_pass(&l->rle, count);
}

static size_t some_packed(struct dsi_parquet_level_reader *l, uint8_t *out, size_t max)
{
    size_t width = (size_t)dsi_parquet_bit_width(l->max);
    size_t left = (l->packed.size * 8 - l->packed_bit) / width;
    size_t count = left < max ? left : max;

    for (size_t i = 0; i < count; i++) {
        unsigned v = 0;
        for (size_t k = 0; k < width; k++, l->packed_bit++) {
            unsigned byte = l->packed.data[l->packed_bit / 8];
            v = v << 1 | (byte >> (7 - l->packed_bit % 8) & 1);
        }
        out[i] = (uint8_t)v;
    }
    return count;
}

int dsi_parquet_level_reader_some(struct dsi_parquet_level_reader *l, uint8_t *out,
                                  size_t max, size_t *count, struct ds_error *err)
{
    uint8_t highest = 0;
    size_t n = l->is_packed ? some_packed(l, out, max)
                            : dsi_parquet_rle_bytes(&l->rle, out, max);

    for (size_t i = 0; i < n; i++) {
        highest = out[i] > highest ? out[i] : highest;
    }
    *count = n;
    if (n == 0) {
        return dsi_corrupt(err, "a page has fewer levels than its header says");
    }
    if (highest > l->max) {
        return dsi_corrupt(err, "a level of %u; the highest possible is %u",
                           (unsigned)highest, (unsigned)l->max);
    }
    return DS_OK;
}

int dsi_parquet_level_reader_read(struct dsi_parquet_level_reader *l, uint8_t *out,
                                  size_t count, struct ds_error *err)
{
    int rc = DS_OK;

    if (l->max == 0) {
        memset(out, 0, count);
        return DS_OK;
    }
    while (count > 0) {
        uint8_t level = 0;
        uint64_t run = dsi_parquet_level_reader_repeats(l, &level);
        size_t n = run < count ? (size_t)run : count;
        if (run > 0) {
            memset(out, level, n);
            dsi_parquet_level_reader_pass(l, n);
        } else {
            DSI_TRY(dsi_parquet_level_reader_some(l, out, count, &n, err));
        }
        out += n;
        count -= n;
    }
done:
    return rc;
}
