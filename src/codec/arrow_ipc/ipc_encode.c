#include "codec/arrow_ipc/ipc_encode.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "codec/arrow_ipc/ipc_flatten.h"
#include "codec/arrow_ipc/ipc_format.h"
#include "codec/arrow_ipc/ipc_message.h"
#include "codec/arrow_ipc/ipc_schema.h"

struct dsi_ipc_encoder {
    struct dsi_ipc_encode_options options;
    const struct ArrowSchema *schema;
    struct dsi_arena arena; // The layout.
    struct dsi_ipc_layout layout;
    struct dsi_ipc_flat flat;
    struct dsi_buf metadata;
    struct dsi_buf *dictionaries; // The last message of each, by index.
    struct dsi_buf dictionary;    // The one being made.
    uint64_t position;
    struct dsi_buf dictionary_blocks; // struct dsi_ipc_block; of a file.
    struct dsi_buf batch_blocks;
};

// Where bytes of a message go: to the caller, or into a buffer.
struct target {
    struct dsi_ipc_encoder *e;
    struct dsi_buf *buf; // NULL: the caller.
};

static int put(const struct target *t, const void *bytes, size_t size,
               struct ds_error *err)
{
    if (size == 0) {
        return DS_OK;
    }
    if (t->buf) {
        return dsi_buf_append(t->buf, bytes, size, err);
    }
    int rc = t->e->options.write(t->e->options.write_arg, bytes, size, err);
    t->e->position += size;
    return rc < 0 ? rc : DS_OK;
}

// The body: pieces, each padded.
static int put_body(const struct target *t, struct ds_error *err)
{
    static const uint8_t zeros[DSI_IPC_BUFFER_ALIGNMENT];
    const struct dsi_ipc_flat *f = &t->e->flat;
    size_t count = f->pieces.size / sizeof(struct dsi_ipc_piece);

    for (size_t i = 0; i < count; i++) {
        struct dsi_ipc_piece p;
        memcpy(&p, f->pieces.data + i * sizeof p, sizeof p);
        size_t rest = p.size % DSI_IPC_BUFFER_ALIGNMENT;
        int rc = put(t, p.bytes ? p.bytes : f->made.data + p.at, p.size, err);
        if (rc == DS_OK && rest > 0) {
            rc = put(t, zeros, DSI_IPC_BUFFER_ALIGNMENT - rest, err);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return DS_OK;
}

static void put_vector(struct dsi_flat_writer *w, size_t place, const struct dsi_buf *b,
                       size_t size)
{
    dsi_flat_refer(w, place, dsi_flat_put_vector(w, dsi_buf_slice(b), size, 8));
}

// The RecordBatch table of what is in `flat`.
static void put_batch_table(struct dsi_ipc_encoder *e, struct dsi_flat_writer *w,
                            size_t place, int64_t rows)
{
    const struct dsi_ipc_flat *f = &e->flat;
    bool compressed = f->codec != DSI_COMPRESSION_NONE;
    bool zstd = f->codec == DSI_COMPRESSION_ZSTD;
    const struct dsi_flat_slot slots[BATCH_SLOTS] = {
        [BATCH_LENGTH] = {8, rows},
        [BATCH_NODES] = DSI_FLAT_REF,
        [BATCH_BUFFERS] = DSI_FLAT_REF,
        [BATCH_COMPRESSION] = {compressed ? 4 : 0, 0},
        [BATCH_VARIADIC_COUNTS] = {f->variadic.size ? 4 : 0, 0},
    };
    const struct dsi_flat_slot compression[COMPRESSION_SLOTS] = {
        [COMPRESSION_CODEC] = {1, zstd ? CODEC_ZSTD : CODEC_LZ4_FRAME},
        [COMPRESSION_METHOD] = {1, 0},
    };
    size_t places[BATCH_SLOTS];

    dsi_flat_refer(w, place, dsi_flat_put_table(w, slots, BATCH_SLOTS, places));
    put_vector(w, places[BATCH_NODES], &f->nodes, NODE_SIZE);
    put_vector(w, places[BATCH_BUFFERS], &f->buffers, BUFFER_SIZE);
    if (compressed) {
        dsi_flat_refer(w, places[BATCH_COMPRESSION],
                       dsi_flat_put_table(w, compression, COMPRESSION_SLOTS, NULL));
    }
    if (f->variadic.size > 0) {
        put_vector(w, places[BATCH_VARIADIC_COUNTS], &f->variadic, 8);
    }
}

static int add_block(struct dsi_ipc_encoder *e, struct dsi_buf *blocks,
                     size_t metadata_size, uint64_t body_size, struct ds_error *err)
{
    struct dsi_ipc_block b = {e->position, (uint32_t)metadata_size, body_size};
    return e->options.file ? dsi_buf_append(blocks, &b, sizeof b, err) : DS_OK;
}

static int put_schema(struct dsi_ipc_encoder *e, struct ds_error *err)
{
    static const uint8_t head[DSI_IPC_HEAD_SIZE] = DSI_IPC_MAGIC;
    const struct target t = {.e = e};
    struct dsi_flat_writer w;
    size_t place = 0;
    int rc = DS_OK;

    if (e->options.file) {
        DSI_TRY(put(&t, head, sizeof head, err));
    }
    e->metadata.size = 0;
    dsi_ipc_message_begin(&w, &e->metadata, DSI_IPC_SCHEMA, 0, &place, err);
    DSI_TRY(dsi_ipc_schema_write(e->schema, &w, place));
    DSI_TRY(dsi_ipc_message_end(&w, DSI_IPC_ALIGNMENT));
    DSI_TRY(put(&t, e->metadata.data, e->metadata.size, err));
done:
    return rc;
}

// The dictionary's message, in e->dictionary; e->metadata is its first part.
static int make_dictionary(struct dsi_ipc_encoder *e, const struct dsi_ipc_dictionary *d,
                           const struct ArrowArray *values, struct ds_error *err)
{
    const struct dsi_flat_slot slots[DELTA_SLOTS] = {
        [DELTA_ID] = {8, d->id}, [DELTA_DATA] = DSI_FLAT_REF};
    const struct target t = {.e = e, .buf = &e->dictionary};
    struct dsi_flat_writer w;
    size_t places[DELTA_SLOTS];
    size_t place = 0;
    int rc = DS_OK;

    dsi_ipc_flat_clear(&e->flat);
    DSI_TRY(dsi_ipc_flatten(&e->flat, &d->values, values, 0, values->length, err));
    e->metadata.size = 0;
    dsi_ipc_message_begin(&w, &e->metadata, DSI_IPC_DICTIONARY_BATCH, e->flat.body_size,
                          &place, err);
    dsi_flat_refer(&w, place, dsi_flat_put_table(&w, slots, DELTA_SLOTS, places));
    put_batch_table(e, &w, places[DELTA_DATA], values->length);
    DSI_TRY(dsi_ipc_message_end(&w, DSI_IPC_BUFFER_ALIGNMENT));
    e->dictionary.size = 0;
    DSI_TRY(put(&t, e->metadata.data, e->metadata.size, err));
    DSI_TRY(put_body(&t, err));
done:
    return rc;
}

static int write_dictionary(struct dsi_ipc_encoder *e, const struct dsi_ipc_node *n,
                            const struct ArrowArray *values, struct ds_error *err)
{
    const struct target t = {.e = e};
    struct dsi_buf *last = &e->dictionaries[n->dictionary->index];
    int rc = DS_OK;

    DSI_TRY(make_dictionary(e, n->dictionary, values, err));
    if (last->size == e->dictionary.size &&
        memcmp(last->data, e->dictionary.data, last->size) == 0) {
        return DS_OK; // It is there already.
    }
    if (last->size > 0 && e->options.file) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "column %.200s: its dictionary changes from batch to batch, "
                        "which an Arrow file cannot have; write a stream",
                        n->name);
    }
    DSI_TRY(
        add_block(e, &e->dictionary_blocks, e->metadata.size, e->flat.body_size, err));
    last->size = 0;
    DSI_TRY(dsi_buf_append(last, e->dictionary.data, e->dictionary.size, err));
    DSI_TRY(put(&t, last->data, last->size, err));
done:
    return rc;
}

// Dictionaries of an array and all below it, the innermost first.
static int write_dictionaries(struct dsi_ipc_encoder *e, const struct dsi_ipc_node *n,
                              const struct ArrowArray *a, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_ipc_check_shape(n, a, 0, a->length, err));
    if (n->dictionary) {
        DSI_TRY(write_dictionaries(e, &n->dictionary->values, a->dictionary, err));
        DSI_TRY(write_dictionary(e, n, a->dictionary, err));
    }
    for (size_t i = 0; i < n->child_count; i++) {
        DSI_TRY(write_dictionaries(e, &n->children[i], a->children[i], err));
    }
done:
    return rc;
}

static int check_root(const struct dsi_ipc_encoder *e, const struct ArrowArray *a,
                      struct ds_error *err)
{
    int rc = dsi_ipc_check_shape(&e->layout.root, a, 0, a->length, err);

    if (rc == DS_OK && a->null_count != 0 && a->buffers[0]) {
        const uint8_t *bits = a->buffers[0];
        for (int64_t i = a->offset; i < a->offset + a->length; i++) {
            if (!(bits[i / 8] >> (i % 8) & 1)) {
                return dsi_fail(err, DS_EINVALID, "row %lld of a batch is null",
                                (long long)(i - a->offset));
            }
        }
    }
    return rc;
}

int dsi_ipc_encoder_batch(struct dsi_ipc_encoder *e, const struct ArrowArray *batch,
                          struct ds_error *err)
{
    const struct target t = {.e = e};
    const struct dsi_ipc_node *root = &e->layout.root;
    struct dsi_flat_writer w;
    size_t place = 0;
    int rc = DS_OK;

    DSI_TRY(check_root(e, batch, err));
    if (e->layout.dictionary_count > 0) {
        DSI_TRY(write_dictionaries(e, root, batch, err));
    }
    dsi_ipc_flat_clear(&e->flat);
    for (size_t i = 0; i < root->child_count; i++) {
        DSI_TRY(dsi_ipc_flatten(&e->flat, &root->children[i], batch->children[i],
                                batch->offset, batch->length, err));
    }
    e->metadata.size = 0;
    dsi_ipc_message_begin(&w, &e->metadata, DSI_IPC_RECORD_BATCH, e->flat.body_size,
                          &place, err);
    put_batch_table(e, &w, place, batch->length);
    DSI_TRY(dsi_ipc_message_end(&w, DSI_IPC_BUFFER_ALIGNMENT));
    DSI_TRY(add_block(e, &e->batch_blocks, e->metadata.size, e->flat.body_size, err));
    DSI_TRY(put(&t, e->metadata.data, e->metadata.size, err));
    DSI_TRY(put_body(&t, err));
done:
    return rc;
}

int dsi_ipc_encoder_finish(struct dsi_ipc_encoder *e, struct ds_error *err)
{
    static const uint8_t end[DSI_IPC_PREFIX_SIZE] = {0xff, 0xff, 0xff, 0xff};
    const struct target t = {.e = e};
    int rc = DS_OK;

    DSI_TRY(put(&t, end, sizeof end, err));
    if (e->options.file) {
        e->metadata.size = 0;
        DSI_TRY(dsi_ipc_footer_write(
            e->schema, (const void *)e->dictionary_blocks.data,
            e->dictionary_blocks.size / sizeof(struct dsi_ipc_block),
            (const void *)e->batch_blocks.data,
            e->batch_blocks.size / sizeof(struct dsi_ipc_block), &e->metadata, err));
        DSI_TRY(put(&t, e->metadata.data, e->metadata.size, err));
    }
done:
    return rc;
}

int dsi_ipc_encoder_new(const struct ArrowSchema *schema,
                        const struct dsi_ipc_encode_options *options,
                        struct dsi_ipc_encoder **out, struct ds_error *err)
{
    struct dsi_ipc_encoder *e = dsi_calloc(1, sizeof *e);
    int rc = DS_OK;

    assert(options->codec == DSI_COMPRESSION_NONE ||
           options->codec == DSI_COMPRESSION_LZ4_FRAME ||
           options->codec == DSI_COMPRESSION_ZSTD);
    *out = NULL;
    if (!e) {
        return dsi_no_memory(err, "writing Arrow data");
    }
    e->options = *options;
    e->schema = schema;
    e->flat.codec = options->codec;
    e->flat.level = options->level;
    e->dictionary.max = SIZE_MAX / 4;
    DSI_TRY(dsi_ipc_layout_read(schema, &e->arena, &e->layout, err));
    e->dictionaries = dsi_calloc(e->layout.dictionary_count, sizeof *e->dictionaries);
    if (!e->dictionaries) {
        rc = dsi_no_memory(err, "writing Arrow data");
        goto done;
    }
    for (size_t i = 0; i < e->layout.dictionary_count; i++) {
        e->dictionaries[i].max = SIZE_MAX / 4;
    }
    DSI_TRY(put_schema(e, err));
    *out = e;
    e = NULL;
done:
    dsi_ipc_encoder_free(e);
    return rc;
}

void dsi_ipc_encoder_free(struct dsi_ipc_encoder *e)
{
    if (!e) {
        return;
    }
    for (size_t i = 0; e->dictionaries && i < e->layout.dictionary_count; i++) {
        dsi_buf_release(&e->dictionaries[i]);
    }
    dsi_free(e->dictionaries);
    dsi_buf_release(&e->dictionary);
    dsi_buf_release(&e->metadata);
    dsi_buf_release(&e->dictionary_blocks);
    dsi_buf_release(&e->batch_blocks);
    dsi_ipc_flat_release(&e->flat);
    dsi_arena_release(&e->arena);
    dsi_free(e);
}
