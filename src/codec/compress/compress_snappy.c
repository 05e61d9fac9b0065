// Snappy's raw block format: the size as a varint, then elements.
#include <snappy-c.h>

#include "base/error.h"
#include "codec/compress/compress_codec.h"

// The densest element gives 64 bytes for three.
enum { EXPANSION_MAX = 22 };

static int snappy_compress_block(void **state, int level, struct ds_slice in,
                                 struct dsi_buf *out, struct ds_error *err)
{
    (void)state;
    (void)level;
    if (in.size > UINT32_MAX) { // The size in front has 32 bits.
        return dsi_fail(err, DS_EUNSUPPORTED, "%zu bytes are too many for one block",
                        in.size);
    }
    size_t size = snappy_max_compressed_length(in.size);
    int rc = dsi_buf_reserve(out, size, err);
    if (rc < 0) {
        return rc;
    }
    if (snappy_compress((const char *)in.data, in.size, (char *)out->data + out->size,
                        &size) != SNAPPY_OK) {
        return dsi_fail(err, DS_EBUG, "%zu bytes do not fit their own bound", in.size);
    }
    out->size += size;
    return DS_OK;
}

static int stated_size(struct ds_slice in, size_t *size, struct ds_error *err)
{
    if (snappy_uncompressed_length((const char *)in.data, in.size, size) != SNAPPY_OK) {
        return dsi_corrupt(err, "the size in front is malformed");
    }
    if (*size / EXPANSION_MAX > in.size) {
        return dsi_corrupt(err, "a block of %zu bytes claims to hold %zu", in.size,
                           *size);
    }
    return DS_OK;
}

static int decompress_block(struct ds_slice in, uint8_t *out, size_t size,
                            struct ds_error *err)
{
    size_t stated = 0;
    int rc = stated_size(in, &stated, err);

    if (rc < 0) {
        return rc;
    }
    if (stated != size) {
        return dsi_corrupt(err, "%zu bytes, %zu expected", stated, size);
    }
    if (snappy_uncompress((const char *)in.data, in.size, (char *)out, &stated) !=
            SNAPPY_OK ||
        stated != size) {
        return dsi_corrupt(err, "malformed or damaged data");
    }
    return DS_OK;
}

static int snappy_decompress(void **state, struct ds_slice in, uint8_t *out, size_t size,
                             struct ds_error *err)
{
    (void)state;
    return decompress_block(in, out, size, err);
}

static int snappy_decompress_all(struct ds_slice in, struct dsi_buf *out,
                                 struct ds_error *err)
{
    size_t size = 0;
    uint8_t nowhere = 0; // For an empty block in an empty buffer.
    uint8_t *to = NULL;
    int rc = DS_OK;

    DSI_TRY(stated_size(in, &size, err));
    DSI_TRY(dsi_buf_reserve(out, size, err));
    to = out->data ? out->data + out->size : &nowhere;
    DSI_TRY(decompress_block(in, to, size, err));
    out->size += size;
done:
    return rc;
}

const struct dsi_compress_codec dsi_compress_snappy = {
    .name = "snappy",
    .level_max = -1,
    .ratio = EXPANSION_MAX + 1,
    .compress = snappy_compress_block,
    .decompress = snappy_decompress,
    .decompress_all = snappy_decompress_all,
};
