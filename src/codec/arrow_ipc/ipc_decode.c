#include "codec/arrow_ipc/ipc_decode.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "codec/arrow_ipc/ipc_body.h"
#include "codec/arrow_ipc/ipc_format.h"
#include "codec/arrow_ipc/ipc_schema.h"
#include "codec/arrow_ipc/ipc_verify.h"

// So many elements need not take a bit each of the body; more have to.
enum { FREE_ELEMENTS_MAX = 1 << 24 };

// A batch being taken apart: nodes and buffers are used up from the front.
struct work {
    const struct dsi_ipc_decoder *d;
    const struct dsi_ipc_body *body;
    size_t node_at;
    size_t buffer_at;
    size_t variadic_at;
    bool v4;
    struct ds_error *err;
};

static int corrupt(const struct work *k, const struct dsi_ipc_node *n, const char *what,
                   int64_t number)
{
    return dsi_corrupt(k->err, "%s: column %.200s: %s (%lld)", k->body->what, n->name,
                       what, (long long)number);
}

static int take_node(struct work *k, const struct dsi_ipc_node *n, int64_t *length,
                     int64_t *nulls)
{
    const struct dsi_ipc_body *b = k->body;

    if (k->node_at == b->nodes.count) {
        return corrupt(k, n, "the batch has fewer arrays than the schema",
                       (int64_t)b->nodes.count);
    }
    const uint8_t *p = b->nodes.data + k->node_at++ * NODE_SIZE;
    *length = dsi_flat_read_int(p, 8);
    *nulls = dsi_flat_read_int(p + 8, 8);
    if (*length < 0 || *length > INT64_MAX / 1024) {
        return corrupt(k, n, "an array of an impossible length", *length);
    }
    if (*length > FREE_ELEMENTS_MAX && (uint64_t)*length / 8 > b->memory->bytes.size) {
        return dsi_fail(k->err, DS_EUNSUPPORTED,
                        "%s: column %.200s: %lld values in a batch of %zu bytes; write "
                        "smaller batches",
                        b->what, n->name, (long long)*length, b->memory->bytes.size);
    }
    if (*nulls < -1 || *nulls > *length) {
        return corrupt(k, n, "an impossible number of nulls", *nulls);
    }
    return DS_OK;
}

static int take_buffer(struct work *k, const struct dsi_ipc_node *n, struct ds_slice *out)
{
    const struct dsi_ipc_body *b = k->body;

    if (k->buffer_at == b->buffer_count) {
        return corrupt(k, n, "the batch has fewer buffers than the schema",
                       (int64_t)b->buffer_count);
    }
    *out = b->buffers[k->buffer_at++];
    return DS_OK;
}

// Buffer `i` of an array, which has to have `need` bytes; NULL where it needs none.
static int take_sized(struct work *k, const struct dsi_ipc_node *n, struct ArrowArray *a,
                      size_t i, uint64_t need, struct ds_slice *out)
{
    int rc = take_buffer(k, n, out);

    if (rc < 0) {
        return rc;
    }
    if (out->size < need) {
        return corrupt(k, n, "a buffer is too short", (int64_t)out->size);
    }
    dsi_ipc_array_set_buffer(a, i, out->data ? (const void *)out->data : dsi_ipc_zeros);
    return DS_OK;
}

static int take_validity(struct work *k, const struct dsi_ipc_node *n,
                         struct ArrowArray *a)
{
    struct ds_slice bits = {0};
    int rc = take_buffer(k, n, &bits);

    if (rc < 0) {
        return rc;
    }
    if (bits.size == 0) {
        return a->null_count > 0 && a->length > 0
                   ? corrupt(k, n, "nulls, but nothing that says which", a->null_count)
                   : DS_OK;
    }
    if (bits.size < (uint64_t)(a->length + 7) / 8) {
        return corrupt(k, n, "a validity bitmap is too short", (int64_t)bits.size);
    }
    dsi_ipc_array_set_buffer(a, 0, bits.data);
    return DS_OK;
}

static int check(const struct work *k, const struct dsi_ipc_node *n, const char *problem)
{
    return problem ? dsi_corrupt(k->err, "%s: column %.200s: %s", k->body->what, n->name,
                                 problem)
                   : DS_OK;
}

// A dictionary that never came is an empty one if nobody points into it.
static int take_dictionary(struct work *k, const struct dsi_ipc_node *n,
                           struct ArrowArray *a)
{
    const struct dsi_ipc_dictionary *d = n->dictionary;
    const struct ArrowArray *values = &k->d->dictionaries[d->index];
    struct ArrowArray *out = dsi_ipc_array_dictionary(a);
    int rc = DS_OK;

    DSI_TRY(values->release ? dsi_ipc_array_copy(values, out, k->err)
                            : dsi_ipc_array_empty(&d->values, out, k->err));
    if (!values->release && a->null_count < a->length) {
        return dsi_corrupt(k->err,
                           "%s: column %.200s: its dictionary (%lld) has not come yet",
                           k->body->what, n->name, (long long)d->id);
    }
    DSI_TRY(check(k, n, dsi_ipc_verify_indices(n, a, out->length)));
done:
    return rc;
}

static int take_fixed(struct work *k, const struct dsi_ipc_node *n, struct ArrowArray *a)
{
    uint64_t length = (uint64_t)a->length;
    uint64_t need = n->bits < 8 ? (length + 7) / 8 : 0;
    struct ds_slice values;
    int rc = DS_OK;

    if (n->bits >= 8 && length > 0 && n->bits / 8 > UINT64_MAX / length) {
        return corrupt(k, n, "an array of an impossible length", a->length);
    }
    need = n->bits < 8 ? need : length * (n->bits / 8);
    DSI_TRY(take_sized(k, n, a, 1, need, &values));
    if (n->dictionary) {
        rc = take_dictionary(k, n, a);
    }
done:
    return rc;
}

static int take_text(struct work *k, const struct dsi_ipc_node *n, struct ArrowArray *a)
{
    uint64_t length = (uint64_t)a->length;
    struct ds_slice offsets;
    struct ds_slice text;
    int rc = DS_OK;

    DSI_TRY(take_sized(k, n, a, 1, length ? (length + 1) * (n->bits / 8) : 0, &offsets));
    DSI_TRY(take_sized(k, n, a, 2, 0, &text));
    if (offsets.size < n->bits / 8) { // As long as nothing: Arrow allows none at all.
        dsi_ipc_array_set_buffer(a, 1, dsi_ipc_zeros);
    }
    DSI_TRY(check(k, n, dsi_ipc_verify_offsets(n, a, (int64_t)text.size)));
done:
    return rc;
}

// The number of buffers that views point into.
static int take_variadic(struct work *k, const struct dsi_ipc_node *n, size_t *count)
{
    const struct dsi_flat_vector *v = &k->body->variadic;

    if (k->variadic_at == v->count) {
        return corrupt(k, n, "nothing says how many buffers its views have",
                       (int64_t)v->count);
    }
    int64_t number = dsi_flat_read_int(v->data + 8 * k->variadic_at++, 8);
    if (number < 0 || (uint64_t)number > k->body->buffer_count) {
        return corrupt(k, n, "an impossible number of buffers", number);
    }
    *count = (size_t)number;
    return DS_OK;
}

static int take_views(struct work *k, const struct dsi_ipc_node *n, size_t count,
                      struct ArrowArray *a)
{
    struct dsi_buf sizes = DSI_BUF_INIT_MAX(SIZE_MAX / 4);
    struct dsi_ipc_memory *memory = NULL;
    struct ds_slice part;
    int rc = DS_OK;

    DSI_TRY(take_sized(k, n, a, 1, 16 * (uint64_t)a->length, &part));
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(take_sized(k, n, a, 2 + i, 0, &part));
        DSI_TRY(dsi_buf_append(&sizes, &(int64_t){(int64_t)part.size}, sizeof(int64_t),
                               k->err));
    }
    DSI_TRY(dsi_ipc_memory_new(&sizes, &memory, k->err));
    dsi_ipc_array_keep(a, memory);
    dsi_ipc_array_set_buffer(a, 2 + count,
                             count ? (const void *)memory->bytes.data : dsi_ipc_zeros);
    DSI_TRY(check(k, n, dsi_ipc_verify_views(a, count)));
done:
    dsi_ipc_memory_unref(memory);
    dsi_buf_release(&sizes);
    return rc;
}

static int decode(struct work *k, const struct dsi_ipc_node *n, struct ArrowArray *out);

static int take_children(struct work *k, const struct dsi_ipc_node *n,
                         struct ArrowArray *a)
{
    for (size_t i = 0; i < n->child_count; i++) {
        int rc = decode(k, &n->children[i], dsi_ipc_array_child(a, i));
        if (rc < 0) {
            return rc;
        }
        a->n_children++;
    }
    return DS_OK;
}

static int take_list(struct work *k, const struct dsi_ipc_node *n, struct ArrowArray *a)
{
    uint64_t length = (uint64_t)a->length;
    bool view = n->shape == DSI_IPC_LIST_VIEW;
    uint64_t numbers = view || length == 0 ? length : length + 1;
    struct ds_slice offsets;
    struct ds_slice sizes;
    int64_t elements = 0;
    int rc = DS_OK;

    DSI_TRY(take_sized(k, n, a, 1, numbers * (n->bits / 8), &offsets));
    if (offsets.size < n->bits / 8) {
        dsi_ipc_array_set_buffer(a, 1, dsi_ipc_zeros);
    }
    if (view) {
        DSI_TRY(take_sized(k, n, a, 2, numbers * (n->bits / 8), &sizes));
    }
    DSI_TRY(take_children(k, n, a));
    elements = a->children[0]->length;
    DSI_TRY(check(k, n,
                  view ? dsi_ipc_verify_list_views(n, a, elements)
                       : dsi_ipc_verify_offsets(n, a, elements)));
done:
    return rc;
}

static int take_nested(struct work *k, const struct dsi_ipc_node *n, struct ArrowArray *a)
{
    int rc = take_children(k, n, a);

    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; n->shape == DSI_IPC_STRUCT && i < n->child_count; i++) {
        if (a->children[i]->length < a->length) {
            return corrupt(k, n, "a child is shorter than its struct",
                           a->children[i]->length);
        }
    }
    if (n->shape == DSI_IPC_FIXED_LIST && n->list_size > 0 &&
        a->children[0]->length / n->list_size < a->length) {
        return corrupt(k, n, "the elements are fewer than its lists need",
                       a->children[0]->length);
    }
    return n->shape == DSI_IPC_RUNS ? check(k, n, dsi_ipc_verify_runs(n, a)) : DS_OK;
}

static int take_buffers(struct work *k, const struct dsi_ipc_node *n, size_t variadic,
                        struct ArrowArray *a)
{
    int rc = dsi_ipc_buffer_count(n) > 0 ? take_validity(k, n, a) : DS_OK;

    if (n->shape == DSI_IPC_RUNS && k->v4) {
        // Arrow C++ took V4's words on unions to hold for runs: an empty validity.
        struct ds_slice nothing;
        rc = take_buffer(k, n, &nothing);
    }
    if (rc < 0) {
        return rc;
    }
    switch (n->shape) {
    case DSI_IPC_NULLS:
        a->null_count = a->length;
        return DS_OK;
    case DSI_IPC_FIXED:
        return take_fixed(k, n, a);
    case DSI_IPC_TEXT:
        return take_text(k, n, a);
    case DSI_IPC_VIEWS:
        return take_views(k, n, variadic, a);
    case DSI_IPC_LIST:
    case DSI_IPC_LIST_VIEW:
        return take_list(k, n, a);
    default:
        return take_nested(k, n, a);
    }
}

static int decode(struct work *k, const struct dsi_ipc_node *n, struct ArrowArray *out)
{
    bool views = n->shape == DSI_IPC_VIEWS;
    size_t variadic = 0;
    int64_t length = 0;
    int64_t nulls = 0;
    int rc = DS_OK;

    *out = (struct ArrowArray){0};
    DSI_TRY(take_node(k, n, &length, &nulls));
    if (views) {
        DSI_TRY(take_variadic(k, n, &variadic));
    }
    DSI_TRY(dsi_ipc_array_new(k->body->memory, dsi_ipc_buffer_count(n) + variadic + views,
                              n->child_count, n->dictionary != NULL, out, k->err));
    out->length = length;
    out->null_count = nulls;
    DSI_TRY(take_buffers(k, n, variadic, out));
done:
    if (rc < 0 && out->release) {
        out->release(out);
    }
    return rc;
}

// Everything a batch has must have been used.
static int check_rest(const struct work *k)
{
    const struct dsi_ipc_body *b = k->body;

    if (k->node_at != b->nodes.count || k->buffer_at != b->buffer_count ||
        k->variadic_at != b->variadic.count) {
        return dsi_corrupt(
            k->err, "%s: %zu arrays and %zu buffers, the schema has %zu and %zu", b->what,
            b->nodes.count, b->buffer_count, k->node_at, k->buffer_at);
    }
    return DS_OK;
}

static int decode_struct(struct work *k, const struct dsi_ipc_node *root,
                         struct ArrowArray *out)
{
    const struct dsi_ipc_body *b = k->body;
    int rc = DS_OK;

    if (b->rows < 0 || b->rows > INT64_MAX / 1024) {
        return dsi_corrupt(k->err, "%s: a batch of %lld rows", b->what,
                           (long long)b->rows);
    }
    DSI_TRY(dsi_ipc_array_new(NULL, 1, root->child_count, false, out, k->err));
    out->length = b->rows;
    DSI_TRY(take_children(k, root, out));
    for (size_t i = 0; i < root->child_count; i++) {
        if (out->children[i]->length != b->rows) {
            rc =
                corrupt(k, &root->children[i], "not as many values as the batch has rows",
                        out->children[i]->length);
            goto done;
        }
    }
    if (root->child_count == 0 && b->rows > FREE_ELEMENTS_MAX) {
        rc = dsi_fail(k->err, DS_EUNSUPPORTED,
                      "%s: a batch of %lld rows without columns; write smaller batches",
                      b->what, (long long)b->rows);
    }
done:
    if (rc < 0 && out->release) {
        out->release(out);
    }
    return rc;
}

int dsi_ipc_decode_batch(struct dsi_ipc_decoder *d, const struct dsi_ipc_message *m,
                         struct dsi_ipc_memory *body, struct ArrowArray *out,
                         struct ds_error *err)
{
    struct dsi_ipc_body b = {0};
    struct work k = {.d = d, .body = &b, .v4 = m->v4, .err = err};
    int rc = DS_OK;

    assert(m->kind == DSI_IPC_RECORD_BATCH);
    *out = (struct ArrowArray){0};
    DSI_TRY(dsi_ipc_body_open(&m->header, body, &d->decompressor, &b, err));
    DSI_TRY(decode_struct(&k, &d->layout.root, out));
    DSI_TRY(check_rest(&k));
done:
    if (rc < 0 && out->release) {
        out->release(out);
    }
    dsi_ipc_body_release(&b);
    return rc;
}

// One use of a dictionary: new values instead of, or behind, those it has.
static int take_values(struct work *k, const struct dsi_ipc_dictionary *use, bool delta)
{
    struct ArrowArray *now = &k->d->dictionaries[use->index];
    struct ArrowArray more = {0};
    struct ArrowArray both = {0};
    int rc = DS_OK;

    k->node_at = k->buffer_at = k->variadic_at = 0;
    DSI_TRY(decode(k, &use->values, &more));
    DSI_TRY(check_rest(k));
    if (delta && now->release) {
        DSI_TRY(dsi_ipc_array_concat(&use->values, now, &more, &both, k->err));
        more.release(&more);
        more = both;
    }
    if (now->release) {
        now->release(now);
    }
    *now = more;
    more.release = NULL;
done:
    if (more.release) {
        more.release(&more);
    }
    return rc;
}

int dsi_ipc_decode_dictionary(struct dsi_ipc_decoder *d, const struct dsi_ipc_message *m,
                              struct dsi_ipc_memory *body, struct ds_error *err)
{
    struct dsi_ipc_body b = {0};
    struct work k = {.d = d, .body = &b, .v4 = m->v4, .err = err};
    struct dsi_flat_table data;
    int64_t id = 0;
    int64_t delta = 0;
    bool found = false;
    size_t uses = 0;
    int rc = DS_OK;

    assert(m->kind == DSI_IPC_DICTIONARY_BATCH);
    DSI_TRY(dsi_flat_int(&m->header, DELTA_ID, 8, 0, &id, err));
    DSI_TRY(dsi_flat_int(&m->header, DELTA_IS_DELTA, 1, 0, &delta, err));
    DSI_TRY(dsi_flat_child(&m->header, DELTA_DATA, &found, &data, err));
    if (!found) {
        return dsi_corrupt(err, "%s: dictionary %lld without values", m->header.what,
                           (long long)id);
    }
    DSI_TRY(dsi_ipc_body_open(&data, body, &d->decompressor, &b, err));
    for (size_t i = 0; i < d->layout.dictionary_count; i++) {
        const struct dsi_ipc_dictionary *use = d->layout.dictionaries[i];
        if (use->id == id) {
            DSI_TRY(take_values(&k, use, delta));
            uses++;
        }
    }
    if (uses == 0) {
        rc = dsi_corrupt(err, "%s: dictionary %lld belongs to no column", m->header.what,
                         (long long)id);
    }
done:
    dsi_ipc_body_release(&b);
    return rc;
}

int dsi_ipc_decoder_init(struct dsi_ipc_decoder *d, const struct dsi_flat_table *schema,
                         struct ds_error *err)
{
    struct dsi_buf ids = DSI_BUF_INIT;
    int rc = DS_OK;

    *d = (struct dsi_ipc_decoder){.arena = DSI_ARENA_INIT};
    DSI_TRY(dsi_ipc_schema_read(schema, &d->schema, &ids, err));
    DSI_TRY(dsi_ipc_layout_read(&d->schema, &d->arena, &d->layout, err));
    assert(ids.size == d->layout.dictionary_count * sizeof(int64_t));
    for (size_t i = 0; i < d->layout.dictionary_count; i++) {
        memcpy(&d->layout.dictionaries[i]->id, ids.data + i * sizeof(int64_t),
               sizeof(int64_t));
    }
    d->dictionaries = dsi_calloc(d->layout.dictionary_count, sizeof *d->dictionaries);
    if (!d->dictionaries) {
        rc = dsi_no_memory(err, "reading an Arrow schema");
    }
done:
    dsi_buf_release(&ids);
    return rc;
}

void dsi_ipc_decoder_release(struct dsi_ipc_decoder *d)
{
    for (size_t i = 0; d->dictionaries && i < d->layout.dictionary_count; i++) {
        if (d->dictionaries[i].release) {
            d->dictionaries[i].release(&d->dictionaries[i]);
        }
    }
    dsi_free(d->dictionaries);
    if (d->schema.release) {
        d->schema.release(&d->schema);
    }
    dsi_arena_release(&d->arena);
    dsi_decompressor_release(&d->decompressor);
    *d = (struct dsi_ipc_decoder){0};
}
