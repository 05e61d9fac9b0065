// LZ4 frames: blocks with a header and an end, and checksums if the writer liked them.
// LZ4 Frame Format Description, 1.6.2.
#include <lz4frame.h>
#include <lz4hc.h>

#include "base/error.h"
#include "base/fault.h"
#include "codec/compress/compress_codec.h"

// Below 3 the fast compressor, as in the lz4 program.
enum { LEVEL_MIN = 1, LEVEL_MAX = LZ4HC_CLEVEL_MAX, PIECE_SIZE_MIN = 4096 };

static LZ4F_preferences_t preferences(int level, size_t size)
{
    return (LZ4F_preferences_t){
        // Independent blocks are decompressed in place, without a window beside.
        .frameInfo = {.blockSizeID = LZ4F_max256KB,
                      .blockMode = LZ4F_blockIndependent,
                      .contentSize = size},
        .compressionLevel = level,
        .autoFlush = 1};
}

// The three parts of a frame, one after the other. The number of bytes, or an LZ4F error.
static size_t compress_parts(LZ4F_cctx *c, const LZ4F_preferences_t *how,
                             struct ds_slice in, uint8_t *to, size_t room)
{
    size_t got = LZ4F_compressBegin(c, to, room, how);
    size_t size = got;

    if (!LZ4F_isError(got)) {
        got = LZ4F_compressUpdate(c, to + size, room - size, in.data, in.size, NULL);
        size += LZ4F_isError(got) ? 0 : got;
    }
    if (!LZ4F_isError(got)) {
        got = LZ4F_compressEnd(c, to + size, room - size, NULL);
        size += LZ4F_isError(got) ? 0 : got;
    }
    return LZ4F_isError(got) ? got : size;
}

static int frame_compress(void **state, int level, struct ds_slice in,
                          struct dsi_buf *out, struct ds_error *err)
{
    LZ4F_preferences_t how = preferences(level, in.size);
    size_t bound = LZ4F_compressFrameBound(in.size, &how);
    int rc = dsi_buf_reserve(out, bound, err);

    if (rc < 0) {
        return rc;
    }
    LZ4F_cctx *c = *state;
    if (!c && (DSI_FAULT("compress.alloc") ||
               LZ4F_isError(LZ4F_createCompressionContext(&c, LZ4F_VERSION)))) {
        return dsi_no_memory(err, "making a compressor");
    }
    *state = c;
    size_t size = compress_parts(c, &how, in, out->data + out->size, bound);
    if (LZ4F_isError(size)) { // The arguments are right: only memory can be missing.
        return dsi_fail(err, DS_ENOMEM, "%s", LZ4F_getErrorName(size));
    }
    out->size += size;
    return DS_OK;
}

static void frame_compress_free(void *state)
{
    if (state) {
        LZ4F_freeCompressionContext(state); // Its only failure is a null pointer.
    }
}

static LZ4F_dctx *new_decompressor(void)
{
    LZ4F_dctx *d = NULL;
    return DSI_FAULT("compress.alloc") ||
                   LZ4F_isError(LZ4F_createDecompressionContext(&d, LZ4F_VERSION))
               ? NULL
               : d;
}

static int malformed(size_t code, struct ds_error *err)
{
    return dsi_corrupt(err, "malformed or damaged data: %s", LZ4F_getErrorName(code));
}

// Frames may follow one another, so the end of the data must be the end of one.
static int frames_into(LZ4F_dctx *d, struct ds_slice in, uint8_t *out, size_t size,
                       struct ds_error *err)
{
    LZ4F_decompressOptions_t how = {.stableDst = 1};
    size_t got = 0;
    size_t left = 1;

    while (in.size > 0) { // Each round moves the input or the output forward, or ends.
        size_t took = in.size;
        size_t gave = size - got;
        left = LZ4F_decompress(d, out + got, &gave, in.data, &took, &how);
        if (LZ4F_isError(left)) {
            return malformed(left, err);
        }
        if (took == 0 && gave == 0) {
            return dsi_corrupt(err, "more than the %zu bytes expected", size);
        }
        in.data += took;
        in.size -= took;
        got += gave;
    }
    if (left != 0 || got != size) {
        return dsi_corrupt(err, "%zu bytes, %zu expected", got, size);
    }
    return DS_OK;
}

static int frame_decompress(void **state, struct ds_slice in, uint8_t *out, size_t size,
                            struct ds_error *err)
{
    LZ4F_dctx *d = *state;

    if (!d) {
        d = new_decompressor();
        *state = d;
    }
    if (!d) {
        return dsi_no_memory(err, "making a decompressor");
    }
    return frames_into(d, in, out, size, err);
}

static void frame_decompress_free(void *state)
{
    if (state) {
        LZ4F_freeDecompressionContext(state); // Says only what was left to do.
    }
}

static int frames_all(LZ4F_dctx *d, struct ds_slice in, struct dsi_buf *out,
                      struct ds_error *err)
{
    size_t limit = out->max ? out->max : DSI_BUF_MAX;
    size_t left = 1;

    while (in.size > 0 || left != 0) {
        size_t took = in.size;
        size_t room = out->capacity - out->size;
        size_t gave = room;
        uint8_t nowhere = 0;
        left = LZ4F_decompress(d, room ? out->data + out->size : &nowhere, &gave, in.data,
                               &took, NULL);
        if (LZ4F_isError(left)) {
            return malformed(left, err);
        }
        in.data += took;
        in.size -= took;
        out->size += gave;
        if (took > 0 || gave > 0) {
            continue;
        }
        if (room > 0) {
            return dsi_corrupt(err, "the data end early, after %zu bytes", out->size);
        }
        size_t more = out->size < limit ? limit - out->size : 1; // 1: fails, with words.
        int rc = dsi_buf_reserve(out, more < PIECE_SIZE_MIN ? more : PIECE_SIZE_MIN, err);
        if (rc < 0) {
            return rc;
        }
    }
    return DS_OK;
}

static int frame_decompress_all(struct ds_slice in, struct dsi_buf *out,
                                struct ds_error *err)
{
    LZ4F_dctx *d = new_decompressor();

    if (!d) {
        return dsi_no_memory(err, "making a decompressor");
    }
    int rc = frames_all(d, in, out, err);
    frame_decompress_free(d);
    return rc;
}

const struct dsi_compress_codec dsi_compress_lz4_frame = {
    .name = "lz4 frame",
    .level_min = LEVEL_MIN,
    .level_max = LEVEL_MAX,
    .level_default = LEVEL_MIN,
    .ratio = DSI_LZ4_RATIO,
    .compress = frame_compress,
    .compress_free = frame_compress_free,
    .decompress = frame_decompress,
    .decompress_free = frame_decompress_free,
    .decompress_all = frame_decompress_all,
};
