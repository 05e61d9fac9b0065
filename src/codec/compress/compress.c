#include "codec/compress/compress.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "codec/compress/compress_codec.h"

enum {
    HEADER_SIZE = 64,
    BELIEVED_SIZE_MIN = 16 << 20,
    BELIEVED_RATIO = 1000,
};

static int none_compress(void **state, int level, struct ds_slice in, struct dsi_buf *out,
                         struct ds_error *err)
{
    (void)state;
    (void)level;
    return dsi_buf_append(out, in.data, in.size, err);
}

static int none_decompress(void **state, struct ds_slice in, uint8_t *out, size_t size,
                           struct ds_error *err)
{
    (void)state;
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
    .ratio = 1,
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
    [DSI_COMPRESSION_BROTLI] = &dsi_compress_brotli,
    [DSI_COMPRESSION_LZ4_FRAME] = &dsi_compress_lz4_frame,
    [DSI_COMPRESSION_LZ4_HADOOP] = &dsi_compress_lz4_hadoop,
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

bool dsi_compression_is_plausible(enum dsi_compression c, size_t from, size_t to)
{
    return to / codec_of(c)->ratio <= from + HEADER_SIZE;
}

void dsi_compressor_release(struct dsi_compressor *c)
{
    const struct dsi_compress_codec *codec = codec_of(c->codec);

    if (c->state && codec->compress_free) {
        codec->compress_free(c->state);
    }
    *c = (struct dsi_compressor){0};
}

void dsi_decompressor_release(struct dsi_decompressor *d)
{
    const struct dsi_compress_codec *codec = codec_of(d->codec);

    if (d->state && codec->decompress_free) {
        codec->decompress_free(d->state);
    }
    *d = (struct dsi_decompressor){0};
}

static int choose_level(const struct dsi_compress_codec *codec, int *level,
                        struct ds_error *err)
{
    if (!codec->compress) {
        return dsi_fail(err, DS_EUNSUPPORTED, "%s is only read, never written",
                        codec->name);
    }
    if (*level == DSI_COMPRESSION_LEVEL_DEFAULT) {
        *level = codec->level_default;
    } else if (codec->has_quick && *level == DSI_COMPRESSION_LEVEL_QUICK) {
        return DS_OK;
    } else if (codec->level_max < codec->level_min) {
        return dsi_fail(err, DS_EINVALID,
                        "compression level %d: %s has no levels; leave it out", *level,
                        codec->name);
    } else if (*level < codec->level_min || *level > codec->level_max) {
        return dsi_fail(err, DS_EINVALID, "compression level %d: %s takes %d to %d",
                        *level, codec->name, codec->level_min, codec->level_max);
    }
    return DS_OK;
}

int dsi_compress_with(struct dsi_compressor *with, enum dsi_compression c, int level,
                      struct ds_slice in, struct dsi_buf *out, struct ds_error *err)
{
    const struct dsi_compress_codec *codec = codec_of(c);
    static const uint8_t nothing;
    struct ds_slice some = {in.data ? in.data : &nothing, in.size};

    int rc = choose_level(codec, &level, err);
    if (rc < 0) {
        return rc;
    }
    if (with->codec != c || (codec->one_level && with->level != level)) {
        dsi_compressor_release(with);
    }
    with->codec = c;
    with->level = level;
    rc = codec->compress(&with->state, level, some, out, err);
    if (rc < 0) {
        dsi_compressor_release(with); // Who knows what is left in it.
        return dsi_wrap(err, rc, "compressing with %s", codec->name);
    }
    return rc;
}

int dsi_compress(enum dsi_compression c, int level, struct ds_slice in,
                 struct dsi_buf *out, struct ds_error *err)
{
    struct dsi_compressor once = {0};
    int rc = dsi_compress_with(&once, c, level, in, out, err);

    dsi_compressor_release(&once);
    return rc;
}

int dsi_decompress_with(struct dsi_decompressor *with, enum dsi_compression c,
                        struct ds_slice in, uint8_t *out, size_t size,
                        struct ds_error *err)
{
    const struct dsi_compress_codec *codec = codec_of(c);
    uint8_t nowhere = 0; // Libraries want a pointer even where nothing is to be stored.
    struct ds_slice some = {in.data ? in.data : &nowhere, in.size};

    assert(out || size == 0);
    if (with->codec != c) {
        dsi_decompressor_release(with);
        with->codec = c;
    }
    int rc = codec->decompress(&with->state, some, out ? out : &nowhere, size, err);
    if (rc < 0) {
        dsi_decompressor_release(with);
        return dsi_wrap(err, rc, "decompressing with %s", codec->name);
    }
    return rc;
}

int dsi_decompress(enum dsi_compression c, struct ds_slice in, uint8_t *out, size_t size,
                   struct ds_error *err)
{
    struct dsi_decompressor once = {0};
    int rc = dsi_decompress_with(&once, c, in, out, size, err);

    dsi_decompressor_release(&once);
    return rc;
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

// Far more than data usually hold: it has to be seen before memory is taken for it.
static bool is_suspicious(struct ds_slice in, size_t size)
{
    return size > BELIEVED_SIZE_MIN && size / BELIEVED_RATIO > in.size;
}

int dsi_decompress_append(struct dsi_decompressor *with, enum dsi_compression c,
                          struct ds_slice in, size_t size, struct dsi_buf *out,
                          struct ds_error *err)
{
    size_t max = out->max;
    size_t before = out->size;
    int rc = DS_OK;

    if (!dsi_compression_is_plausible(c, in.size, size)) {
        return dsi_corrupt(err, "%zu bytes of %s cannot hold %zu", in.size,
                           codec_of(c)->name, size);
    }
    if (size > (max ? max : DSI_BUF_MAX) - before || !codec_of(c)->decompress_all ||
        !is_suspicious(in, size)) {
        rc = dsi_buf_reserve(out, size, err);
        if (rc == DS_OK) {
            rc = dsi_decompress_with(with, c, in, size ? out->data + before : NULL, size,
                                     err);
            out->size += rc == DS_OK ? size : 0;
        }
        return rc;
    }
    out->max = before + size;
    rc = dsi_decompress_all(c, in, out, err);
    out->max = max;
    if (rc == DS_EUNSUPPORTED || (rc == DS_OK && out->size - before != size)) {
        out->size = before;
        return dsi_corrupt(err, "%s data that hold not the %zu bytes expected",
                           codec_of(c)->name, size);
    }
    return rc;
}
