// What Parquet calls LZ4 and nobody wrote down: Hadoop's blocks, or what other writers
// took the name to mean. Compression.md of parquet-format, "LZ4".
#include <lz4.h>

#include <limits.h>
#include <string.h>

#include "base/error.h"
#include "codec/compress/compress.h"
#include "codec/compress/compress_codec.h"

static const uint8_t frame_magic[4] = {0x04, 0x22, 0x4d, 0x18};

static bool take_be32(struct ds_slice *in, uint32_t *out)
{
    if (in->size < 4) {
        return false;
    }
    *out = (uint32_t)in->data[0] << 24 | (uint32_t)in->data[1] << 16 |
           (uint32_t)in->data[2] << 8 | in->data[3];
    in->data += 4;
    in->size -= 4;
    return true;
}

// [raw size] ([size] [LZ4 block])…, as often as it takes; false: the framing does not
// fit.
static bool hadoop_blocks(struct ds_slice in, uint8_t *out, size_t size)
{
    while (in.size > 0) {
        uint32_t raw = 0;
        uint32_t packed = 0;
        if (!take_be32(&in, &raw) || raw > size) {
            return false;
        }
        size -= raw;
        if (raw == 0 && in.size == 0) {
            break; // Nothing at all is written as its size alone.
        }
        do {
            if (!take_be32(&in, &packed) || packed > in.size || packed > INT_MAX) {
                return false;
            }
            int most = raw < INT_MAX ? (int)raw : INT_MAX;
            int got = LZ4_decompress_safe((const char *)in.data, (char *)out, (int)packed,
                                          most);
            if (got < 0 || (got == 0 && raw > 0)) {
                return false;
            }
            in.data += packed;
            in.size -= packed;
            out += got;
            raw -= (uint32_t)got;
        } while (raw > 0);
    }
    return size == 0;
}

static int hadoop_decompress(void **state, struct ds_slice in, uint8_t *out, size_t size,
                             struct ds_error *err)
{
    (void)state;
    if (hadoop_blocks(in, out, size)) {
        return DS_OK;
    }
    if (in.size >= sizeof frame_magic &&
        memcmp(in.data, frame_magic, sizeof frame_magic) == 0) {
        return dsi_decompress(DSI_COMPRESSION_LZ4_FRAME, in, out, size, err);
    }
    int rc = dsi_decompress(DSI_COMPRESSION_LZ4_RAW, in, out, size, err);
    return rc < 0 ? dsi_wrap(err, rc, "neither Hadoop's blocks nor a frame") : rc;
}

const struct dsi_compress_codec dsi_compress_lz4_hadoop = {
    .name = "lz4 (Hadoop)",
    .level_max = -1,
    .ratio = DSI_LZ4_RATIO,
    .decompress = hadoop_decompress,
};
