#include "codec/avro/avro_writer.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"

enum { BLOCK_SIZE_DEFAULT = 64000, COMPRESSED_MAX = 1 << 30 };

static const struct {
    const char *name; // What people and Iceberg say.
    const char *avro; // What the header says.
    enum dsi_compression codec;
} codecs[] = {
    {"gzip", "deflate", DSI_COMPRESSION_DEFLATE},
    {"zstd", "zstandard", DSI_COMPRESSION_ZSTD},
    {"snappy", "snappy", DSI_COMPRESSION_SNAPPY},
    {"uncompressed", "null", DSI_COMPRESSION_NONE},
    {"none", "null", DSI_COMPRESSION_NONE},
};

int dsi_avro_codec_parse(const char *name, enum dsi_compression *out,
                         struct ds_error *err)
{
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        if (dsi_text_equal_nocase(name, codecs[i].name) ||
            dsi_text_equal_nocase(name, codecs[i].avro)) {
            *out = codecs[i].codec;
            return DS_OK;
        }
    }
    return dsi_fail(err, DS_EINVALID,
                    "Avro codec \"%.40s\": use gzip, zstd, snappy or uncompressed", name);
}

static const char *codec_name(enum dsi_compression codec)
{
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        if (codecs[i].codec == codec) {
            return codecs[i].avro;
        }
    }
    return NULL;
}

static int put_pair(struct dsi_buf *out, const char *key, struct ds_slice value,
                    struct ds_error *err)
{
    int rc = dsi_avro_put_text(out, key, err);
    return rc < 0 ? rc : dsi_avro_put_bytes(out, value, err);
}

static int put_header(struct dsi_buf *out, const struct dsi_avro_write *spec,
                      const char *codec, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_buf_append(out, "Obj\x01", 4, err));
    DSI_TRY(dsi_avro_put_long(out, (int64_t)spec->meta_count + 2, err));
    DSI_TRY(put_pair(out, "avro.schema", spec->schema, err));
    DSI_TRY(put_pair(out, "avro.codec", dsi_slice_text(codec), err));
    for (size_t i = 0; i < spec->meta_count; i++) {
        DSI_TRY(dsi_avro_put_bytes(out, spec->meta[i].key, err));
        DSI_TRY(dsi_avro_put_bytes(out, spec->meta[i].value, err));
    }
    DSI_TRY(dsi_avro_put_long(out, 0, err));
done:
    return rc;
}

// Any 16 bytes will do that objects are not likely to contain: two hashes of the header,
// of which the second starts where the first ended.
static void make_sync(struct ds_slice header, uint8_t sync[DSI_AVRO_SYNC_SIZE])
{
    uint64_t hash = dsi_xxh64(header.data, header.size);

    for (size_t i = 0; i < DSI_AVRO_SYNC_SIZE; i++) {
        if (i == 8) {
            hash = dsi_xxh64(sync, 8);
        }
        sync[i] = (uint8_t)(hash >> (8 * (i % 8)));
    }
}

int dsi_avro_writer_init(struct dsi_avro_writer *w, struct dsi_buf *out,
                         const struct dsi_avro_write *spec, struct ds_error *err)
{
    const char *codec = codec_name(spec->codec);
    size_t start = out->size;
    int rc = DS_OK;

    *w = (struct dsi_avro_writer){.out = out,
                                  .block = DSI_BUF_INIT_MAX(DSI_AVRO_BLOCK_SIZE_MAX),
                                  .block_size = spec->block_size ? spec->block_size
                                                                 : BLOCK_SIZE_DEFAULT,
                                  .codec = spec->codec,
                                  .level = spec->level};
    if (!codec) {
        return dsi_fail(err, DS_EINVALID, "%s is not a codec of Avro files",
                        dsi_compression_name(spec->codec));
    }
    DSI_TRY(put_header(out, spec, codec, err));
    if (spec->sync) {
        memcpy(w->sync, spec->sync, DSI_AVRO_SYNC_SIZE);
    } else {
        make_sync((struct ds_slice){out->data + start, out->size - start},
                  w->sync); // (1)
    }
    DSI_TRY(dsi_buf_append(out, w->sync, DSI_AVRO_SYNC_SIZE, err));
done:
    return rc < 0 ? dsi_wrap(err, rc, "writing an Avro header") : rc;
}

void dsi_avro_writer_release(struct dsi_avro_writer *w)
{
    dsi_buf_release(&w->block);
}

static int put_content(struct dsi_avro_writer *w, struct ds_error *err)
{
    struct dsi_buf packed = DSI_BUF_INIT_MAX(COMPRESSED_MAX);
    struct ds_slice content = dsi_buf_slice(&w->block);
    int rc = DS_OK;

    if (w->codec != DSI_COMPRESSION_NONE) {
        DSI_TRY(dsi_compress(w->codec, w->level, content, &packed, err));
        if (w->codec == DSI_COMPRESSION_SNAPPY) {
            uint32_t crc = dsi_crc32(0, content);
            uint8_t bytes[4] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16),
                                (uint8_t)(crc >> 8), (uint8_t)crc};
            DSI_TRY(dsi_buf_append(&packed, bytes, sizeof bytes, err));
        }
        content = dsi_buf_slice(&packed);
    }
    DSI_TRY(dsi_avro_put_bytes(w->out, content, err));
done:
    dsi_buf_release(&packed);
    return rc;
}

int dsi_avro_writer_finish(struct dsi_avro_writer *w, struct ds_error *err)
{
    int rc = DS_OK;

    if (w->object_count == 0) {
        assert(w->block.size == 0);
        return DS_OK;
    }
    DSI_TRY(dsi_avro_put_long(w->out, w->object_count, err));
    DSI_TRY(put_content(w, err));
    DSI_TRY(dsi_buf_append(w->out, w->sync, DSI_AVRO_SYNC_SIZE, err));
    w->object_count = 0;
    w->block.size = 0;
done:
    return rc < 0 ? dsi_wrap(err, rc, "writing an Avro block") : rc;
}

int dsi_avro_writer_object(struct dsi_avro_writer *w, struct ds_error *err)
{
    w->object_count++;
    return w->block.size < w->block_size ? DS_OK : dsi_avro_writer_finish(w, err);
}
