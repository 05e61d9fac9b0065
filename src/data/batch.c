#include "data/batch.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/pool.h"
#include "data/column_layout.h"

static const struct dsi_field variant_fields[] = {
    {.required = true, .name = "metadata", .type = {.kind = DSI_TYPE_BINARY}},
    {.required = true, .name = "value", .type = {.kind = DSI_TYPE_BINARY}},
};

const struct dsi_field *dsi_layout_children(const struct dsi_type *t, size_t *count)
{
    bool variant = t->kind == DSI_TYPE_VARIANT;
    *count = variant ? 2 : t->field_count;
    return variant ? variant_fields : t->fields;
}

// Columns for the children of a type, theirs too.
static int make_columns(struct dsi_arena *arena, const struct dsi_type *t, int depth,
                        struct dsi_column *parent, struct ds_error *err)
{
    size_t count = 0;
    const struct dsi_field *fields = dsi_layout_children(t, &count);
    struct dsi_column *columns = NULL;

    parent->children = NULL;
    parent->child_count = 0;
    if (count == 0) {
        return DS_OK;
    }
    if (depth > DSI_TYPE_DEPTH_MAX) {
        return dsi_fail(err, DS_EINVALID, "types are nested deeper than %d levels",
                        DSI_TYPE_DEPTH_MAX);
    }
    columns = dsi_arena_array(arena, count, sizeof *columns);
    if (!columns) {
        return dsi_no_memory(err, "making the columns of a batch");
    }
    for (size_t i = 0; i < count; i++) {
        columns[i].field = &fields[i];
        int rc = make_columns(arena, &fields[i].type, depth + 1, &columns[i], err);
        if (rc < 0) {
            return rc;
        }
    }
    parent->children = columns;
    parent->child_count = count;
    return DS_OK;
}

int dsi_batch_init(struct dsi_batch *b, const struct dsi_schema *schema,
                   struct ds_error *err)
{
    struct dsi_column root = {0};

    *b = (struct dsi_batch){.schema = schema};
    int rc = make_columns(&b->arena, &schema->root, 1, &root, err);
    if (rc < 0) {
        dsi_batch_release(b);
        return rc;
    }
    b->columns = root.children;
    b->column_count = root.child_count;
    return DS_OK;
}

int dsi_batch_column(struct dsi_batch *b, struct dsi_column *c, struct ds_error *err)
{
    return make_columns(&b->arena, &c->field->type, 1, c, err);
}

void dsi_batch_release(struct dsi_batch *b)
{
    for (size_t i = 0; i < b->owned_count; i++) {
        dsi_free(b->owned[i]);
    }
    dsi_free(b->owned);
    for (size_t i = 0; i < b->pooled_count; i++) {
        dsi_buf_release(&b->pooled[i]);
    }
    dsi_free(b->pooled);
    if (b->release_source) {
        b->release_source(b->source);
    }
    dsi_arena_release(&b->arena);
    *b = (struct dsi_batch){0};
}

int dsi_batch_own(struct dsi_batch *b, void *p, struct ds_error *err)
{
    if (!p) {
        return DS_OK;
    }
    if (b->owned_count == b->owned_capacity) {
        size_t capacity = b->owned_capacity ? b->owned_capacity * 2 : 16;
        void **owned = dsi_realloc(b->owned, capacity * sizeof *owned);
        if (!owned) {
            dsi_free(p);
            return dsi_no_memory(err, "keeping a buffer of a batch");
        }
        b->owned = owned;
        b->owned_capacity = capacity;
    }
    b->owned[b->owned_count++] = p;
    return DS_OK;
}

int dsi_batch_own_buf(struct dsi_batch *b, struct dsi_buf *buf, const void **out,
                      struct ds_error *err)
{
    size_t size = 0;

    *out = buf->data;
    if (!buf->pooled || !buf->data) {
        return dsi_batch_own(b, dsi_buf_take(buf, &size), err);
    }
    if (b->pooled_count == b->pooled_capacity) {
        size_t capacity = b->pooled_capacity ? b->pooled_capacity * 2 : 16;
        struct dsi_buf *pooled = dsi_realloc(b->pooled, capacity * sizeof *pooled);
        if (!pooled) {
            dsi_buf_release(buf);
            return dsi_no_memory(err, "keeping a buffer of a batch");
        }
        b->pooled = pooled;
        b->pooled_capacity = capacity;
    }
    b->pooled[b->pooled_count++] = *buf;
    buf->data = NULL;
    buf->size = 0;
    buf->capacity = 0;
    return DS_OK;
}

void *dsi_batch_malloc(struct dsi_batch *b, size_t size)
{
    if (size >= DSI_POOL_BLOCK_MIN) {
        struct dsi_buf buf = {.pooled = true, .max = SIZE_MAX};
        const void *p = NULL;
        int rc = dsi_buf_reserve(&buf, size, NULL);
        void *data = buf.data;
        return rc == DS_OK && dsi_batch_own_buf(b, &buf, &p, NULL) == DS_OK ? data : NULL;
    }
    void *p = dsi_malloc(size > 0 ? size : 1);
    return p && dsi_batch_own(b, p, NULL) == DS_OK ? p : NULL;
}

bool dsi_column_is_null(const struct dsi_column *c, int64_t row)
{
    assert(row >= 0 && row < c->length);
    return c->validity && !dsi_bit_get(c->validity, c->offset + row);
}

void dsi_column_value(const struct dsi_column *c, int64_t row, struct dsi_value *out)
{
    const struct dsi_type *t = &c->field->type;
    size_t i = (size_t)(c->offset + row);

    if (dsi_column_is_null(c, row)) {
        *out = DSI_VALUE_NULL;
        return;
    }
    *out = (struct dsi_value){.kind = t->kind};
    switch (t->kind) {
    case DSI_TYPE_BOOLEAN:
        out->as.boolean = dsi_bit_get(c->values, (int64_t)i);
        break;
    case DSI_TYPE_INT:
    case DSI_TYPE_DATE:
        out->as.i32 = ((const int32_t *)c->values)[i];
        break;
    case DSI_TYPE_FLOAT:
        out->as.f32 = ((const float *)c->values)[i];
        break;
    case DSI_TYPE_DOUBLE:
        out->as.f64 = ((const double *)c->values)[i];
        break;
    case DSI_TYPE_DECIMAL:
        memcpy(&out->as.decimal, (const uint8_t *)c->values + i * 16, 16);
        break;
    case DSI_TYPE_LONG:
    case DSI_TYPE_TIME:
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        out->as.i64 = ((const int64_t *)c->values)[i];
        break;
    default:
        assert(dsi_layout_of(t) != DSI_LAYOUT_NESTED);
        out->as.bytes = dsi_column_bytes(c, row);
        break;
    }
}

int dsi_batch_take(const struct dsi_batch *b, const int64_t *rows, size_t count,
                   struct dsi_batch *out, struct ds_error *err)
{
    int rc = dsi_batch_init(out, b->schema, err);

    assert(count <= (size_t)DSI_BATCH_ROWS_MAX);
    for (size_t i = 0; rc == DS_OK && i < b->column_count; i++) {
        rc = dsi_column_gather(out, &b->columns[i], rows, (int64_t)count,
                               &out->columns[i], err);
    }
    if (rc < 0) {
        dsi_batch_release(out);
        return rc;
    }
    out->rows = (int64_t)count;
    return DS_OK;
}

int dsi_batch_slice(const struct dsi_batch *b, int64_t first, int64_t count,
                    struct dsi_batch *out, struct ds_error *err)
{
    assert(first >= 0 && count >= 0 && first <= b->rows && count <= b->rows - first);
    *out = (struct dsi_batch){.schema = b->schema, .column_count = b->column_count};
    out->columns = dsi_arena_array(&out->arena, b->column_count, sizeof *out->columns);
    if (!out->columns) {
        dsi_batch_release(out);
        return dsi_no_memory(err, "slicing a batch");
    }
    for (size_t i = 0; i < b->column_count; i++) {
        struct dsi_column *c = &out->columns[i];
        *c = b->columns[i]; // Children too: they stay where they are, as Arrow's do.
        c->offset += first;
        c->length = count;
        if (count != b->rows && c->null_count > 0) {
            c->null_count = -1;
        }
    }
    out->rows = count;
    return DS_OK;
}
