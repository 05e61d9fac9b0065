// gzip and raw deflate. libdeflate does whole blocks, three times as fast as zlib; what
// has no known size goes to zlib (compress_inflate.c).
#include <libdeflate.h>
#include <string.h>

#include "base/error.h"
#include "base/fault.h"
#include "codec/compress/compress.h"
#include "codec/compress/compress_codec.h"

// A match of 258 bytes takes two bits at the least: 1032.
enum { RATIO = 1100 };

enum { LEVEL_MIN = 0, LEVEL_MAX = 12, LEVEL_DEFAULT = 6 };

uint32_t dsi_crc32(uint32_t seed, struct ds_slice bytes)
{
    // libdeflate takes a null pointer for "give me the initial value".
    return bytes.size == 0 ? seed : libdeflate_crc32(seed, bytes.data, bytes.size);
}

static int compress_some(bool gzip, void **state, int level, struct ds_slice in,
                         struct dsi_buf *out, struct ds_error *err)
{
    struct libdeflate_compressor *c = *state;

    if (!c) {
        c = DSI_FAULT("compress.alloc") ? NULL : libdeflate_alloc_compressor(level);
        *state = c;
    }
    if (!c) {
        return dsi_no_memory(err, "making a compressor");
    }
    size_t bound = gzip ? libdeflate_gzip_compress_bound(c, in.size)
                        : libdeflate_deflate_compress_bound(c, in.size);
    int rc = dsi_buf_reserve(out, bound, err);
    if (rc == DS_OK) {
        uint8_t *to = out->data + out->size;
        size_t size = gzip ? libdeflate_gzip_compress(c, in.data, in.size, to, bound)
                           : libdeflate_deflate_compress(c, in.data, in.size, to, bound);
        out->size += size;
        if (size == 0) {
            rc = dsi_fail(err, DS_EBUG, "%zu bytes do not fit their own bound", in.size);
        }
    }
    return rc;
}

static void compress_free(void *state)
{
    libdeflate_free_compressor(state);
}

static int gzip_compress(void **state, int level, struct ds_slice in, struct dsi_buf *out,
                         struct ds_error *err)
{
    return compress_some(true, state, level, in, out, err);
}

static int deflate_compress(void **state, int level, struct ds_slice in,
                            struct dsi_buf *out, struct ds_error *err)
{
    return compress_some(false, state, level, in, out, err);
}

static int result_status(enum libdeflate_result result, size_t size, struct ds_error *err)
{
    switch (result) {
    case LIBDEFLATE_SUCCESS:
        return DS_OK;
    case LIBDEFLATE_INSUFFICIENT_SPACE:
        return dsi_corrupt(err, "more than the %zu bytes expected", size);
    default:
        return dsi_corrupt(err, "malformed or damaged data");
    }
}

static int gzip_members(struct libdeflate_decompressor *d, struct ds_slice in,
                        uint8_t *out, size_t size, struct ds_error *err)
{
    size_t got = 0;

    do { // Each round takes a whole member (at least 20 bytes), or fails.
        size_t took = 0;
        size_t gave = 0;
        enum libdeflate_result result = libdeflate_gzip_decompress_ex(
            d, in.data, in.size, out + got, size - got, &took, &gave);
        int rc = result_status(result, size, err);
        if (rc < 0) {
            return rc;
        }
        in.data += took;
        in.size -= took;
        got += gave;
    } while (in.size > 0);
    if (got != size) {
        return dsi_corrupt(err, "%zu bytes, %zu expected", got, size);
    }
    return DS_OK;
}

static int raw_deflate(struct libdeflate_decompressor *d, struct ds_slice in,
                       uint8_t *out, size_t size, struct ds_error *err)
{
    size_t took = 0;
    size_t gave = 0;
    enum libdeflate_result result =
        libdeflate_deflate_decompress_ex(d, in.data, in.size, out, size, &took, &gave);
    int rc = result_status(result, size, err);

    if (rc == DS_OK && (in.size - took > DSI_DEFLATE_TAIL_MAX || gave != size)) {
        return dsi_corrupt(err, "%zu bytes from %zu of %zu, %zu expected", gave, took,
                           in.size, size);
    }
    return rc;
}

static int decompress_some(bool gzip, void **state, struct ds_slice in, uint8_t *out,
                           size_t size, struct ds_error *err)
{
    struct libdeflate_decompressor *d = *state;

    if (!d) {
        d = DSI_FAULT("compress.alloc") ? NULL : libdeflate_alloc_decompressor();
        *state = d;
    }
    if (!d) {
        return dsi_no_memory(err, "making a decompressor");
    }
    return gzip ? gzip_members(d, in, out, size, err)
                : raw_deflate(d, in, out, size, err);
}

static void decompress_free(void *state)
{
    libdeflate_free_decompressor(state);
}

static int gzip_decompress(void **state, struct ds_slice in, uint8_t *out, size_t size,
                           struct ds_error *err)
{
    return decompress_some(true, state, in, out, size, err);
}

static int deflate_decompress(void **state, struct ds_slice in, uint8_t *out, size_t size,
                              struct ds_error *err)
{
    return decompress_some(false, state, in, out, size, err);
}

static int gzip_decompress_all(struct ds_slice in, struct dsi_buf *out,
                               struct ds_error *err)
{
    return dsi_inflate_stream(true, in, out, err);
}

static int deflate_decompress_all(struct ds_slice in, struct dsi_buf *out,
                                  struct ds_error *err)
{
    return dsi_inflate_stream(false, in, out, err);
}

const struct dsi_compress_codec dsi_compress_gzip = {
    .name = "gzip",
    .level_min = LEVEL_MIN,
    .level_max = LEVEL_MAX,
    .level_default = LEVEL_DEFAULT,
    .ratio = RATIO,
    .compress = gzip_compress,
    .compress_free = compress_free,
    .one_level = true,
    .decompress = gzip_decompress,
    .decompress_free = decompress_free,
    .decompress_all = gzip_decompress_all,
};

const struct dsi_compress_codec dsi_compress_deflate = {
    .name = "deflate",
    .level_min = LEVEL_MIN,
    .level_max = LEVEL_MAX,
    .level_default = LEVEL_DEFAULT,
    .ratio = RATIO,
    .compress = deflate_compress,
    .compress_free = compress_free,
    .one_level = true,
    .decompress = deflate_decompress,
    .decompress_free = decompress_free,
    .decompress_all = deflate_decompress_all,
};
