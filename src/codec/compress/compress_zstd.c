// Zstandard frames (RFC 8878).
#include <zstd.h>

#include "base/error.h"
#include "base/fault.h"
#include "codec/compress/compress.h"
#include "codec/compress/compress_codec.h"

enum { LEVEL_MIN = 1, LEVEL_MAX = 22, LEVEL_DEFAULT = 3, PIECE_SIZE_MIN = 4096 };

// Of DSI_COMPRESSION_LEVEL_QUICK: a table of 8 KiB.
enum { QUICK_HASH_LOG = 11, QUICK_MATCH_MIN = 7 };

// RFC 8878, "Blocks": at most 128 KiB come from a block, which has at least three bytes.
enum { BLOCK_SIZE_MIN = 3, BLOCK_CONTENT_MAX = 128 << 10 };

static size_t compress_block(ZSTD_CCtx *c, int level, struct ds_slice in, uint8_t *out,
                             size_t bound)
{
    static const struct {
        ZSTD_cParameter name;
        int value;
    } quick[] = {{ZSTD_c_compressionLevel, LEVEL_MIN},
                 {ZSTD_c_hashLog, QUICK_HASH_LOG},
                 {ZSTD_c_minMatch, QUICK_MATCH_MIN}};

    if (level != DSI_COMPRESSION_LEVEL_QUICK) { // Passes over what was set below.
        return ZSTD_compressCCtx(c, out, bound, in.data, in.size, level);
    }
    for (size_t i = 0; i < sizeof quick / sizeof quick[0]; i++) {
        size_t rc = ZSTD_CCtx_setParameter(c, quick[i].name, quick[i].value);
        if (ZSTD_isError(rc)) {
            return rc;
        }
    }
    return ZSTD_compress2(c, out, bound, in.data, in.size);
}

static int zstd_compress(void **state, int level, struct ds_slice in, struct dsi_buf *out,
                         struct ds_error *err)
{
    size_t bound = ZSTD_compressBound(in.size);

    if (ZSTD_isError(bound)) {
        return dsi_fail(err, DS_EUNSUPPORTED, "%zu bytes are too many", in.size);
    }
    int rc = dsi_buf_reserve(out, bound, err);
    if (rc < 0) {
        return rc;
    }
    ZSTD_CCtx *c = *state;
    if (!c) {
        c = DSI_FAULT("compress.alloc") ? NULL : ZSTD_createCCtx();
        *state = c;
    }
    if (!c) {
        return dsi_no_memory(err, "making a compressor");
    }
    size_t size = compress_block(c, level, in, out->data + out->size, bound);
    if (ZSTD_isError(size)) { // The arguments are right: only memory can be missing.
        return dsi_fail(err, DS_ENOMEM, "%s", ZSTD_getErrorName(size));
    }
    out->size += size;
    return DS_OK;
}

static void zstd_compress_free(void *state)
{
    ZSTD_freeCCtx(state);
}

static int zstd_decompress(void **state, struct ds_slice in, uint8_t *out, size_t size,
                           struct ds_error *err)
{
    ZSTD_DCtx *d = *state;

    if (!d) {
        d = DSI_FAULT("compress.alloc") ? NULL : ZSTD_createDCtx();
        *state = d;
    }
    if (!d) {
        return dsi_no_memory(err, "making a decompressor");
    }
    size_t got = ZSTD_decompressDCtx(d, out, size, in.data, in.size);
    if (ZSTD_isError(got)) {
        return dsi_corrupt(err, "%s (%zu bytes expected)", ZSTD_getErrorName(got), size);
    }
    if (got != size) {
        return dsi_corrupt(err, "%zu bytes, %zu expected", got, size);
    }
    return DS_OK;
}

static void zstd_decompress_free(void *state)
{
    ZSTD_freeDCtx(state);
}

// One frame that says its size: straight into the buffer.
static int sized_frame(ZSTD_DCtx *d, struct ds_slice frame, uint64_t size,
                       struct dsi_buf *out, struct ds_error *err)
{
    if (size / BLOCK_CONTENT_MAX > frame.size / BLOCK_SIZE_MIN) {
        return dsi_corrupt(err, "a frame of %zu bytes claims to hold %llu", frame.size,
                           (unsigned long long)size);
    }
    int rc = dsi_buf_reserve(out, (size_t)size, err);
    if (rc < 0) {
        return rc;
    }
    uint8_t nowhere = 0; // An empty frame in an empty buffer.
    uint8_t *to = out->data ? out->data + out->size : &nowhere;
    size_t got = ZSTD_decompressDCtx(d, to, (size_t)size, frame.data, frame.size);
    if (ZSTD_isError(got)) {
        return dsi_corrupt(err, "%s", ZSTD_getErrorName(got));
    }
    out->size += got;
    return DS_OK;
}

// One frame that does not: piece by piece. zstd itself refuses windows above 128 MiB.
static int streamed_frame(ZSTD_DCtx *d, struct ds_slice frame, struct dsi_buf *out,
                          struct ds_error *err)
{
    ZSTD_inBuffer from = {frame.data, frame.size, 0};
    size_t limit = out->max ? out->max : DSI_BUF_MAX;
    size_t left = 1;

    for (;;) { // Each round moves the input or the output forward, or ends.
        if (out->capacity == out->size) {
            size_t more = out->size < limit ? limit - out->size : 1;
            int rc =
                dsi_buf_reserve(out, more < PIECE_SIZE_MIN ? more : PIECE_SIZE_MIN, err);
            if (rc < 0) {
                return rc;
            }
        }
        ZSTD_outBuffer to = {out->data, out->capacity, out->size};
        size_t was = from.pos;
        left = ZSTD_decompressStream(d, &to, &from);
        if (ZSTD_isError(left)) {
            return dsi_corrupt(err, "%s", ZSTD_getErrorName(left));
        }
        bool stuck = from.pos == was && to.pos == out->size;
        out->size = to.pos;
        if (left == 0 && from.pos == from.size) {
            return DS_OK;
        }
        if (stuck || left == 0) {
            return dsi_corrupt(err, "the data end early, after %zu bytes", out->size);
        }
    }
}

static int all_frames(ZSTD_DCtx *d, struct ds_slice in, struct dsi_buf *out,
                      struct ds_error *err)
{
    do { // Each round takes a whole frame, or fails.
        size_t size = ZSTD_findFrameCompressedSize(in.data, in.size);
        if (ZSTD_isError(size)) {
            return dsi_corrupt(err, "%s", ZSTD_getErrorName(size));
        }
        struct ds_slice frame = {in.data, size};
        unsigned long long content = ZSTD_getFrameContentSize(frame.data, frame.size);
        if (content == ZSTD_CONTENTSIZE_ERROR) {
            return dsi_corrupt(err, "not a zstd frame");
        }
        int rc = content == ZSTD_CONTENTSIZE_UNKNOWN
                     ? streamed_frame(d, frame, out, err)
                     : sized_frame(d, frame, content, out, err);
        if (rc < 0) {
            return rc;
        }
        in.data += size;
        in.size -= size;
    } while (in.size > 0);
    return DS_OK;
}

static int zstd_decompress_all(struct ds_slice in, struct dsi_buf *out,
                               struct ds_error *err)
{
    ZSTD_DCtx *d = DSI_FAULT("compress.alloc") ? NULL : ZSTD_createDCtx();

    if (!d) {
        return dsi_no_memory(err, "making a decompressor");
    }
    int rc = all_frames(d, in, out, err);
    ZSTD_freeDCtx(d);
    return rc;
}

const struct dsi_compress_codec dsi_compress_zstd = {
    .name = "zstd",
    .level_min = LEVEL_MIN,
    .level_max = LEVEL_MAX,
    .level_default = LEVEL_DEFAULT,
    .has_quick = true,
    .ratio = BLOCK_CONTENT_MAX,
    .compress = zstd_compress,
    .compress_free = zstd_compress_free,
    .decompress = zstd_decompress,
    .decompress_free = zstd_decompress_free,
    .decompress_all = zstd_decompress_all,
};
