#include "codec/compress/compress.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "codec/compress/compress_codec.h"

static int none_compress(int level, struct ds_slice in, struct dsi_buf *out,
                         struct ds_error *err)
{
    (void)level;
    return dsi_buf_append(out, in.data, in.size, err);
}

static int none_decompress(struct ds_slice in, uint8_t *out, size_t size,
                           struct ds_error *err)
{
    if (in.size != size) {
        return dsi_corrupt(err, "%zu bytes stored, %zu expected", in.size, size);
    }
    if (size > 0) {
        memcpy(out, in.data, size);
    }
    return DS_OK;
}

static int none_decompress_all(struct ds_slice in, struct dsi_buf *out,
                               struct ds_error *err)
{
    return dsi_buf_append(out, in.data, in.size, err);
}

static const struct dsi_compress_codec none = {
    .name = "none",
    .level_max = -1,
    .compress = none_compress,
    .decompress = none_decompress,
    .decompress_all = none_decompress_all,
};

static const struct dsi_compress_codec *const codecs[] = {
    [DSI_COMPRESSION_NONE] = &none,
    [DSI_COMPRESSION_GZIP] = &dsi_compress_gzip,
    [DSI_COMPRESSION_DEFLATE] = &dsi_compress_deflate,
    [DSI_COMPRESSION_ZSTD] = &dsi_compress_zstd,
    [DSI_COMPRESSION_SNAPPY] = &dsi_compress_snappy,
    [DSI_COMPRESSION_LZ4_RAW] = &dsi_compress_lz4_raw,
};

static const struct dsi_compress_codec *codec_of(enum dsi_compression c)
{
    assert((size_t)c < sizeof codecs / sizeof codecs[0]);
    return codecs[c];
}

const char *dsi_compression_name(enum dsi_compression c)
{
    return codec_of(c)->name;
}

int dsi_compress(enum dsi_compression c, int level, struct ds_slice in,
                 struct dsi_buf *out, struct ds_error *err)
{
    const struct dsi_compress_codec *codec = codec_of(c);

    if (level == DSI_COMPRESSION_LEVEL_DEFAULT) {
        level = codec->level_default;
    } else if (codec->level_max < codec->level_min) {
        return dsi_fail(err, DS_EINVALID,
                        "compression level %d: %s has no levels; leave it out", level,
                        codec->name);
    } else if (level < codec->level_min || level > codec->level_max) {
        return dsi_fail(err, DS_EINVALID, "compression level %d: %s takes %d to %d",
                        level, codec->name, codec->level_min, codec->level_max);
    }
    static const uint8_t nothing;
    struct ds_slice some = {in.data ? in.data : &nothing, in.size};
    int rc = codec->compress(level, some, out, err);
    return rc < 0 ? dsi_wrap(err, rc, "compressing with %s", codec->name) : rc;
}

int dsi_decompress(enum dsi_compression c, struct ds_slice in, uint8_t *out, size_t size,
                   struct ds_error *err)
{
    const struct dsi_compress_codec *codec = codec_of(c);
    uint8_t nowhere = 0; // Libraries want a pointer even where nothing is to be stored.
    struct ds_slice some = {in.data ? in.data : &nowhere, in.size};

    assert(out || size == 0);
    int rc = codec->decompress(some, out ? out : &nowhere, size, err);
    return rc < 0 ? dsi_wrap(err, rc, "decompressing with %s", codec->name) : rc;
}

int dsi_decompress_all(enum dsi_compression c, struct ds_slice in, struct dsi_buf *out,
                       struct ds_error *err)
{
    const struct dsi_compress_codec *codec = codec_of(c);
    static const uint8_t nothing;
    struct ds_slice some = {in.data ? in.data : &nothing, in.size};
    size_t before = out->size;

    if (!codec->decompress_all) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "%s data do not tell their size; whoever stored them has to",
                        codec->name);
    }
    int rc = codec->decompress_all(some, out, err);
    if (rc < 0) {
        out->size = before; // Half a result is none.
        return dsi_wrap(err, rc, "decompressing with %s", codec->name);
    }
    return rc;
}
