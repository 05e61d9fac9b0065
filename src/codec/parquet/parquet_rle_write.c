#include <assert.h>
#include <stdbool.h>

#include "codec/parquet/parquet_bytes.h"
#include "codec/parquet/parquet_pack.h"
#include "codec/parquet/parquet_rle.h"

enum { GROUP = DSI_PARQUET_PACK_GROUP, HEADER_MAX = 10 };

static uint8_t *put_header(uint8_t *at, uint64_t header)
{
    while (header >= 0x80) {
        *at++ = (uint8_t)(header | 0x80);
        header >>= 7;
    }
    *at++ = (uint8_t)header;
    return at;
}

static int put_repeated(uint32_t value, size_t count, int width, struct dsi_buf *out,
                        struct ds_error *err)
{
    int rc = dsi_buf_reserve(out, HEADER_MAX + sizeof value, err);

    if (rc == DS_OK) {
        uint8_t *at = put_header(out->data + out->size, (uint64_t)count << 1);
        dsi_put_le32(at, value);
        out->size = (size_t)(at - out->data) + ((size_t)width + 7) / 8;
    }
    return rc;
}

// Packs values, padded with zeros to a multiple of eight.
static int put_packed(const uint32_t *values, size_t count, int width,
                      struct dsi_buf *out, struct ds_error *err)
{
    size_t whole = count / GROUP;
    size_t groups = (count + GROUP - 1) / GROUP;
    size_t size = groups * (size_t)width;
    int rc = dsi_buf_reserve(out, HEADER_MAX + size + DSI_PARQUET_PACK_SLACK, err);

    if (rc == DS_OK) {
        uint8_t *at = put_header(out->data + out->size, (uint64_t)groups << 1 | 1);
        dsi_parquet_pack32(values, whole, width, at);
        if (whole < groups) {
            uint32_t last[GROUP] = {0};
            for (size_t i = whole * GROUP; i < count; i++) {
                last[i % GROUP] = values[i];
            }
            dsi_parquet_pack32(last, 1, width, at + whole * (size_t)width);
        }
        out->size = (size_t)(at - out->data) + size;
    }
    return rc;
}

static bool same_group(const uint32_t *values, uint32_t value)
{
    uint32_t differ = 0;
    for (int i = 0; i < GROUP; i++) {
        differ |= values[i] ^ value;
    }
    return differ == 0;
}

// How often the first value stands at the start; 0 for fewer than a group.
static size_t repeats(const uint32_t *values, size_t count)
{
    size_t n = 0;

    while (count - n >= GROUP && same_group(values + n, values[0])) {
        n += GROUP;
    }
    while (n > 0 && n < count && values[n] == values[0]) {
        n++;
    }
    return n;
}

// A run that repeats costs a header and its value, and mostly a header for what follows:
// it has to be this long to be worth it.
static size_t run_min(int width)
{
    size_t bytes = 3 + ((size_t)width + 7) / 8;
    size_t run = width > 0 ? bytes * 8 / (size_t)width : 0;
    return run > GROUP ? run : GROUP;
}

int dsi_parquet_rle_write(const uint32_t *values, size_t count, int width,
                          struct dsi_buf *out, struct ds_error *err)
{
    size_t packed = 0; // Values before `at` that wait to be packed: a multiple of eight.
    size_t at = 0;
    size_t least = run_min(width);
    int rc = DS_OK;

    assert(width >= 0 && width <= 32);
    while (rc == DS_OK && at < count) {
        size_t run = repeats(values + at, count - at);
        if (run < least) {
            // Whole groups go to the packed run, whatever starts inside of the last one.
            size_t step = run < GROUP ? GROUP : run - run % GROUP;
            step = step < count - at ? step : count - at;
            packed += step;
            at += step;
            continue;
        }
        if (packed > 0) {
            rc = put_packed(values + at - packed, packed, width, out, err);
            packed = 0;
        }
        if (rc == DS_OK) {
            rc = put_repeated(values[at], run, width, out, err);
        }
        at += run;
    }
    if (rc == DS_OK && packed > 0) {
        rc = put_packed(values + at - packed, packed, width, out, err);
    }
    return rc;
}
