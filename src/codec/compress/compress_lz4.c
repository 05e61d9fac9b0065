// One LZ4 block without a frame, as Parquet's LZ4_RAW has it.
#include <lz4.h>
#include <lz4hc.h>

#include <limits.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/fault.h"
#include "codec/compress/compress_codec.h"

// Below LEVEL_HC_MIN the fast compressor, as in the lz4 program.
enum { LEVEL_MIN = 1, LEVEL_HC_MIN = 3, LEVEL_MAX = LZ4HC_CLEVEL_MAX };

// The fast compressor's memory is small and on the stack; the other's is kept.
static int compress_block(void **state, int level, const char *from, int size, char *to,
                          int bound)
{
    if (level < LEVEL_HC_MIN) {
        return LZ4_compress_default(from, to, size, bound);
    }
    if (!*state) {
        *state = dsi_malloc((size_t)LZ4_sizeofStateHC());
    }
    return *state ? LZ4_compress_HC_extStateHC(*state, from, to, size, bound, level) : 0;
}

static int lz4_compress(void **state, int level, struct ds_slice in, struct dsi_buf *out,
                        struct ds_error *err)
{
    if (in.size > LZ4_MAX_INPUT_SIZE) {
        return dsi_fail(err, DS_EUNSUPPORTED, "%zu bytes are too many for one block",
                        in.size);
    }
    int bound = LZ4_compressBound((int)in.size);
    int rc = dsi_buf_reserve(out, (size_t)bound, err);
    if (rc < 0) {
        return rc;
    }
    if (DSI_FAULT("compress.alloc")) {
        return dsi_no_memory(err, "making a compressor");
    }
    const char *from = (const char *)in.data;
    char *to = (char *)out->data + out->size;
    int size = compress_block(state, level, from, (int)in.size, to, bound);
    if (size <= 0) { // The bound is right: only memory can be missing.
        return dsi_no_memory(err, "compressing");
    }
    out->size += (size_t)size;
    return DS_OK;
}

static int lz4_decompress(void **state, struct ds_slice in, uint8_t *out, size_t size,
                          struct ds_error *err)
{
    (void)state;
    if (in.size > INT_MAX || size > INT_MAX) {
        return dsi_corrupt(err, "%zu bytes that hold %zu: too large for one block",
                           in.size, size);
    }
    int got =
        LZ4_decompress_safe((const char *)in.data, (char *)out, (int)in.size, (int)size);
    if (got < 0) {
        return dsi_corrupt(err, "malformed data, or more than the %zu bytes expected",
                           size);
    }
    if ((size_t)got != size) {
        return dsi_corrupt(err, "%d bytes, %zu expected", got, size);
    }
    return DS_OK;
}

const struct dsi_compress_codec dsi_compress_lz4_raw = {
    .name = "lz4",
    .level_min = LEVEL_MIN,
    .level_max = LEVEL_MAX,
    .level_default = LEVEL_MIN,
    .ratio = DSI_LZ4_RATIO,
    .compress = lz4_compress,
    .compress_free = dsi_free,
    .decompress = lz4_decompress,
};
