#include "codec/avro/avro_reader.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "codec/avro/avro_binary.h"

enum { MAGIC_SIZE = 4, CRC_SIZE = 4 };

static const uint8_t magic[MAGIC_SIZE] = {'O', 'b', 'j', 1};

static const struct {
    const char *name;
    enum dsi_compression codec;
} codecs[] = {
    {"null", DSI_COMPRESSION_NONE},
    {"deflate", DSI_COMPRESSION_DEFLATE},
    {"snappy", DSI_COMPRESSION_SNAPPY},
    {"zstandard", DSI_COMPRESSION_ZSTD},
};

static int read_meta(struct dsi_avro_reader *r, struct ds_error *err)
{
    struct dsi_avro_meta *meta = NULL;
    int64_t count = 0;
    int64_t size = 0;
    int rc = DS_OK;

    meta = dsi_arena_array(&r->arena, DSI_AVRO_META_COUNT_MAX, sizeof *meta);
    if (!meta) {
        return dsi_no_memory(err, "avro header");
    }
    r->meta = meta;
    do { // Each round takes a head of at least one byte.
        DSI_TRY(dsi_avro_block(&r->rest, 2, &count, &size, err));
        if (count > (int64_t)(DSI_AVRO_META_COUNT_MAX - r->meta_count)) {
            rc = dsi_corrupt(err, "more than %d metadata keys", DSI_AVRO_META_COUNT_MAX);
            goto done;
        }
        for (int64_t i = 0; i < count; i++) {
            DSI_TRY(dsi_avro_bytes(&r->rest, &meta[r->meta_count].key, err));
            DSI_TRY(dsi_avro_bytes(&r->rest, &meta[r->meta_count].value, err));
            r->meta_count++;
        }
    } while (count > 0);
done:
    return rc;
}

static int choose_codec(struct dsi_avro_reader *r, struct ds_error *err)
{
    struct ds_slice name = {NULL, 0};

    if (!dsi_avro_reader_meta(r, "avro.codec", &name)) {
        r->codec = DSI_COMPRESSION_NONE;
        return DS_OK;
    }
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        if (dsi_slice_equal(name, dsi_slice_text(codecs[i].name))) {
            r->codec = codecs[i].codec;
            return DS_OK;
        }
    }
    int size = name.size < 40 ? (int)name.size : 40;
    return dsi_fail(err, DS_EUNSUPPORTED,
                    "codec \"%.*s\": null, deflate, snappy and zstandard can be read",
                    size, (const char *)name.data);
}

int dsi_avro_reader_init_known(struct dsi_avro_reader *r, struct ds_slice file,
                               struct dsi_avro_known *known, struct ds_error *err)
{
    struct ds_slice head = {NULL, 0};
    struct ds_slice schema = {NULL, 0};
    int rc = DS_OK;

    *r = (struct dsi_avro_reader){.arena = DSI_ARENA_INIT,
                                  .file = file,
                                  .rest = file,
                                  .block = DSI_BUF_INIT_MAX(DSI_AVRO_BLOCK_SIZE_MAX)};
    if (file.size < MAGIC_SIZE || memcmp(file.data, magic, MAGIC_SIZE) != 0) {
        return dsi_corrupt(err, "not an Avro file: it does not start with \"Obj\" and 1");
    }
    DSI_TRY(dsi_avro_fixed(&r->rest, MAGIC_SIZE, &head, err));
    DSI_TRY(read_meta(r, err));
    DSI_TRY(dsi_avro_fixed(&r->rest, DSI_AVRO_SYNC_SIZE, &head, err));
    memcpy(r->sync, head.data, DSI_AVRO_SYNC_SIZE);
    DSI_TRY(choose_codec(r, err));
    if (!dsi_avro_reader_meta(r, "avro.schema", &schema)) {
        rc = dsi_corrupt(err, "the metadata have no avro.schema");
        goto done;
    }
    DSI_TRY(dsi_avro_known_parse(known, schema, &r->arena, &r->schema, err));
done:
    return rc < 0 ? dsi_wrap(err, rc, "avro header") : rc;
}

int dsi_avro_reader_init(struct dsi_avro_reader *r, struct ds_slice file,
                         struct ds_error *err)
{
    return dsi_avro_reader_init_known(r, file, NULL, err);
}

void dsi_avro_reader_release(struct dsi_avro_reader *r)
{
    dsi_arena_release(&r->arena);
    dsi_buf_release(&r->block);
    r->schema = NULL;
    r->meta = NULL;
    r->meta_count = 0;
    r->rest = (struct ds_slice){NULL, 0};
}

bool dsi_avro_reader_meta(const struct dsi_avro_reader *r, const char *key,
                          struct ds_slice *out)
{
    struct ds_slice wanted = dsi_slice_text(key);

    for (size_t i = 0; i < r->meta_count; i++) {
        if (dsi_slice_equal(r->meta[i].key, wanted)) {
            *out = r->meta[i].value;
            return true;
        }
    }
    return false;
}

// Snappy blocks end in the CRC-32 of their content, big-endian.
static int check_crc(struct dsi_avro_reader *r, struct ds_slice crc, struct ds_error *err)
{
    uint32_t stored = 0;
    uint32_t counted = dsi_crc32(0, dsi_buf_slice(&r->block));

    assert(crc.data && crc.size == CRC_SIZE);
    for (size_t i = 0; i < CRC_SIZE; i++) {
        stored = stored << 8 | crc.data[i];
    }
    if (stored != counted) {
        return dsi_corrupt(err, "checksum %08x stored, %08x counted", (unsigned)stored,
                           (unsigned)counted);
    }
    return DS_OK;
}

static int decompress(struct dsi_avro_reader *r, struct ds_slice stored,
                      struct ds_slice *objects, struct ds_error *err)
{
    struct ds_slice crc = {NULL, 0};
    int rc = DS_OK;

    if (r->codec == DSI_COMPRESSION_NONE) {
        *objects = stored;
        return DS_OK;
    }
    if (r->codec == DSI_COMPRESSION_SNAPPY) {
        if (stored.size < CRC_SIZE) {
            return dsi_corrupt(err, "%zu bytes have no room for a checksum", stored.size);
        }
        stored.size -= CRC_SIZE;
        crc = (struct ds_slice){stored.data + stored.size, CRC_SIZE};
    }
    r->block.size = 0;
    DSI_TRY(dsi_decompress_all(r->codec, stored, &r->block, err));
    if (r->codec == DSI_COMPRESSION_SNAPPY) {
        DSI_TRY(check_crc(r, crc, err));
    }
    *objects = dsi_buf_slice(&r->block);
done:
    return rc;
}

static int next_block(struct dsi_avro_reader *r, int64_t *count, struct ds_slice *objects,
                      struct ds_error *err)
{
    struct ds_slice stored = {NULL, 0};
    struct ds_slice sync = {NULL, 0};
    uint64_t most = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_avro_long(&r->rest, count, err));
    DSI_TRY(dsi_avro_bytes(&r->rest, &stored, err));
    DSI_TRY(dsi_avro_fixed(&r->rest, DSI_AVRO_SYNC_SIZE, &sync, err));
    if (memcmp(sync.data, r->sync, DSI_AVRO_SYNC_SIZE) != 0) {
        rc = dsi_corrupt(err, "its sync marker is not the file's");
        goto done;
    }
    DSI_TRY(decompress(r, stored, objects, err));
    most = r->schema->size_min > 0 ? objects->size / r->schema->size_min
                                   : DSI_AVRO_EMPTY_ITEMS_MAX;
    if (*count < 0 || (uint64_t)*count > most) { // (2)
        rc = dsi_corrupt(err, "%lld objects in %zu bytes", (long long)*count,
                         objects->size);
    } else if (*count == 0 && objects->size > 0) {
        rc = dsi_corrupt(err, "no objects in %zu bytes", objects->size);
    }
done:
    return rc;
}

int dsi_avro_reader_next(struct dsi_avro_reader *r, int64_t *count,
                         struct ds_slice *objects, struct ds_error *err)
{
    assert(r->schema);
    while (r->rest.size > 0) { // A block takes at least its sync marker.
        size_t at = r->file.size - r->rest.size;
        int rc = next_block(r, count, objects, err);
        if (rc < 0) {
            return dsi_wrap(err, rc, "avro block at byte %zu", at);
        }
        if (*count > 0) {
            return DS_ROW;
        }
    }
    return DS_OK;
}
