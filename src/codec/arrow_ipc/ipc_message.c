#include "codec/arrow_ipc/ipc_message.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "codec/arrow_ipc/ipc_format.h"
#include "codec/arrow_ipc/ipc_schema.h"

static const uint8_t continuation[4] = {0xff, 0xff, 0xff, 0xff};

int dsi_ipc_prefix_read(const uint8_t *bytes, size_t size, const char *what,
                        size_t *metadata_size, struct ds_error *err)
{
    const uint8_t *number = bytes;

    assert(size == 4 || size == DSI_IPC_PREFIX_SIZE);
    *metadata_size = 0;
    if (memcmp(bytes, continuation, sizeof continuation) == 0) {
        if (size == 4) {
            return DS_ROW;
        }
        number = bytes + 4;
    }
    int64_t n = dsi_flat_read_int(number, 4);
    if (n < 0 || n > DSI_IPC_METADATA_MAX) {
        return dsi_corrupt(err,
                           "%s: not an Arrow message: its metadata take %lld bytes "
                           "(at most %d)",
                           what, (long long)n, DSI_IPC_METADATA_MAX);
    }
    *metadata_size = (size_t)n;
    return DS_OK;
}

static int check_version(int64_t version, const char *what, struct ds_error *err)
{
    if (version < DSI_IPC_V4) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "%s: metadata of version V%lld, as Arrow wrote them before 0.8; "
                        "write it again with a newer Arrow",
                        what, (long long)version + 1);
    }
    if (version > DSI_IPC_V5) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "%s: metadata of version V%lld; V4 and V5 are understood", what,
                        (long long)version + 1);
    }
    return DS_OK;
}

int dsi_ipc_message_read(struct ds_slice metadata, const char *what,
                         struct dsi_ipc_message *out, struct ds_error *err)
{
    struct dsi_flat_table message;
    int64_t version = 0;
    int64_t kind = 0;
    int64_t body = 0;
    bool found = false;
    int rc = DS_OK;

    DSI_TRY(dsi_flat_root(metadata, what, &message, err));
    DSI_TRY(dsi_flat_int(&message, MESSAGE_VERSION, 2, 0, &version, err));
    DSI_TRY(check_version(version, what, err));
    DSI_TRY(dsi_flat_int(&message, MESSAGE_KIND, 1, 0, &kind, err));
    if (kind < DSI_IPC_SCHEMA || kind > DSI_IPC_RECORD_BATCH) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "%s: a message of kind %lld; only schemas, dictionaries and "
                        "record batches are understood",
                        what, (long long)kind);
    }
    DSI_TRY(dsi_flat_child(&message, MESSAGE_HEADER, &found, &out->header, err));
    DSI_TRY(dsi_flat_int(&message, MESSAGE_BODY_SIZE, 8, 0, &body, err));
    if (!found || body < 0) {
        return dsi_corrupt(err, "%s: a message without a header, or with %lld bytes",
                           what, (long long)body);
    }
    out->kind = (enum dsi_ipc_kind)kind;
    out->body_size = (uint64_t)body;
    out->v4 = version == DSI_IPC_V4;
done:
    return rc;
}

int dsi_ipc_tail_read(const uint8_t *tail, uint64_t file_size, size_t *footer_size,
                      struct ds_error *err)
{
    if (file_size < DSI_IPC_HEAD_SIZE + DSI_IPC_TAIL_SIZE ||
        memcmp(tail + 4, DSI_IPC_MAGIC, DSI_IPC_MAGIC_SIZE) != 0) {
        return dsi_corrupt(err,
                           "does not end as an Arrow file (with %s): it was cut off,"
                           " or never finished",
                           DSI_IPC_MAGIC);
    }
    int64_t n = dsi_flat_read_int(tail, 4);
    if (n <= 0 || n > DSI_IPC_METADATA_MAX ||
        (uint64_t)n > file_size - DSI_IPC_HEAD_SIZE - DSI_IPC_TAIL_SIZE) {
        return dsi_corrupt(err, "a footer of %lld bytes in a file of %llu", (long long)n,
                           (unsigned long long)file_size);
    }
    *footer_size = (size_t)n;
    return DS_OK;
}

int dsi_ipc_footer_read(struct ds_slice footer, uint64_t file_size,
                        struct dsi_ipc_footer *out, struct ds_error *err)
{
    struct dsi_flat_table root;
    int64_t version = 0;
    bool found = false;
    int rc = DS_OK;

    assert(file_size >= footer.size + DSI_IPC_TAIL_SIZE);
    out->data_size = file_size - footer.size - DSI_IPC_TAIL_SIZE;
    DSI_TRY(dsi_flat_root(footer, "footer", &root, err));
    DSI_TRY(dsi_flat_int(&root, FOOTER_VERSION, 2, 0, &version, err));
    DSI_TRY(check_version(version, "footer", err));
    DSI_TRY(dsi_flat_child(&root, FOOTER_SCHEMA, &found, &out->schema, err));
    if (!found) {
        return dsi_corrupt(err, "footer: no schema");
    }
    DSI_TRY(
        dsi_flat_vector(&root, FOOTER_DICTIONARIES, BLOCK_SIZE, &out->dictionaries, err));
    DSI_TRY(dsi_flat_vector(&root, FOOTER_BATCHES, BLOCK_SIZE, &out->batches, err));
done:
    return rc;
}

int dsi_ipc_footer_block(const struct dsi_ipc_footer *f, const struct dsi_flat_vector *v,
                         size_t i, struct dsi_ipc_block *out, struct ds_error *err)
{
    assert(i < v->count);
    const uint8_t *p = v->data + i * BLOCK_SIZE;
    int64_t offset = dsi_flat_read_int(p, 8);
    int64_t metadata = dsi_flat_read_int(p + 8, 4);
    int64_t body = dsi_flat_read_int(p + 16, 8);
    uint64_t end = f->data_size;

    if (offset < DSI_IPC_HEAD_SIZE || (uint64_t)offset > end || metadata < 8 ||
        (uint64_t)metadata > end - (uint64_t)offset || body < 0 ||
        (uint64_t)body > end - (uint64_t)offset - (uint64_t)metadata) {
        return dsi_corrupt(err,
                           "footer: a message at byte %lld, of %lld and %lld bytes, is "
                           "not inside of the file",
                           (long long)offset, (long long)metadata, (long long)body);
    }
    *out = (struct dsi_ipc_block){(uint64_t)offset, (uint32_t)metadata, (uint64_t)body};
    return DS_OK;
}

void dsi_ipc_message_begin(struct dsi_flat_writer *w, struct dsi_buf *out,
                           enum dsi_ipc_kind kind, uint64_t body_size, size_t *header,
                           struct ds_error *err)
{
    struct dsi_flat_slot slots[MESSAGE_SLOTS] = {
        [MESSAGE_VERSION] = {2, DSI_IPC_V5},
        [MESSAGE_KIND] = {1, kind},
        [MESSAGE_HEADER] = DSI_FLAT_REF,
        [MESSAGE_BODY_SIZE] = {8, (int64_t)body_size}};
    size_t places[MESSAGE_SLOTS];

    assert(out->size == 0);
    int rc = dsi_buf_append_zero(out, DSI_IPC_PREFIX_SIZE, err);
    dsi_flat_writer_begin(w, out, err);
    w->rc = rc < 0 ? rc : w->rc;
    dsi_flat_put_table(w, slots, MESSAGE_SLOTS, places);
    *header = places[MESSAGE_HEADER];
}

static void encode_u32(uint8_t *p, size_t value)
{
    for (size_t i = 0; i < 4; i++) {
        p[i] = (uint8_t)(value >> (8 * i));
    }
}

int dsi_ipc_message_end(struct dsi_flat_writer *w, size_t align)
{
    struct dsi_buf *out = w->out;
    int rc = DS_OK;

    DSI_TRY(dsi_flat_writer_end(w));
    DSI_TRY(dsi_buf_append_zero(out, (align - out->size % align) % align, w->err));
    if (out->size - DSI_IPC_PREFIX_SIZE > DSI_IPC_METADATA_MAX) {
        return dsi_fail(w->err, DS_EUNSUPPORTED, "metadata of %zu bytes", out->size);
    }
    memcpy(out->data, continuation, sizeof continuation);
    encode_u32(out->data + 4, out->size - DSI_IPC_PREFIX_SIZE);
done:
    return rc;
}

static int put_blocks(struct dsi_flat_writer *w, size_t place,
                      const struct dsi_ipc_block *blocks, size_t count)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    int rc = dsi_buf_append_zero(&bytes, count * BLOCK_SIZE, w->err);

    for (size_t i = 0; rc == DS_OK && i < count; i++) {
        uint8_t *p = bytes.data + i * BLOCK_SIZE;
        encode_u32(p, (uint32_t)blocks[i].offset);
        encode_u32(p + 4, (uint32_t)(blocks[i].offset >> 32));
        encode_u32(p + 8, blocks[i].metadata_size);
        encode_u32(p + 16, (uint32_t)blocks[i].body_size);
        encode_u32(p + 20, (uint32_t)(blocks[i].body_size >> 32));
    }
    if (rc == DS_OK) {
        dsi_flat_refer(w, place,
                       dsi_flat_put_vector(w, dsi_buf_slice(&bytes), BLOCK_SIZE, 8));
    }
    dsi_buf_release(&bytes);
    return rc;
}

int dsi_ipc_footer_write(const struct ArrowSchema *schema,
                         const struct dsi_ipc_block *dictionaries,
                         size_t dictionary_count, const struct dsi_ipc_block *batches,
                         size_t batch_count, struct dsi_buf *out, struct ds_error *err)
{
    const struct dsi_flat_slot slots[FOOTER_SLOTS] = {[FOOTER_VERSION] = {2, DSI_IPC_V5},
                                                      [FOOTER_SCHEMA] = DSI_FLAT_REF,
                                                      [FOOTER_DICTIONARIES] =
                                                          DSI_FLAT_REF,
                                                      [FOOTER_BATCHES] = DSI_FLAT_REF};
    struct dsi_flat_writer w;
    size_t places[FOOTER_SLOTS];
    size_t before = out->size;
    uint8_t tail[DSI_IPC_TAIL_SIZE];
    int rc = DS_OK;

    dsi_flat_writer_begin(&w, out, err);
    dsi_flat_put_table(&w, slots, FOOTER_SLOTS, places);
    DSI_TRY(dsi_ipc_schema_write(schema, &w, places[FOOTER_SCHEMA]));
    DSI_TRY(put_blocks(&w, places[FOOTER_DICTIONARIES], dictionaries, dictionary_count));
    DSI_TRY(put_blocks(&w, places[FOOTER_BATCHES], batches, batch_count));
    DSI_TRY(dsi_flat_writer_end(&w));
    if (out->size - before > DSI_IPC_METADATA_MAX) {
        return dsi_fail(err, DS_EUNSUPPORTED, "a footer of %zu bytes", out->size);
    }
    encode_u32(tail, out->size - before);
    memcpy(tail + 4, DSI_IPC_MAGIC, DSI_IPC_MAGIC_SIZE);
    DSI_TRY(dsi_buf_append(out, tail, sizeof tail, err));
done:
    return rc;
}
