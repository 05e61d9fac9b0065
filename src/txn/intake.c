#include "txn/intake.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/refcount.h"
#include "base/thread.h"
#include "data/column_layout.h"
#include "data/text_json.h"

// Producers with more different schemas than that pay for matching each time.
enum { PLANS_MAX = 16, SHAPE_SIZE_MAX = 1 << 16 };

// How the columns of one schema match. Once made it never changes.
struct plan {
    struct dsi_buf shape; // The schema's own bytes.
    struct dsi_arrow_import *import;
};

// Where a cell of a row goes.
struct cell_place {
    int32_t id;    // Of its column when the appender was opened,
    size_t column; // and where that is now; SIZE_MAX: it is gone.
};

struct dsi_intake {
    struct dsi_refcount owners;
    const struct dsi_metadata *metadata;
    const struct dsi_schema *schema;
    struct cell_place *cells;
    size_t cell_count;
    struct dsi_mutex *mutex; // Guards what follows.
    struct plan plans[PLANS_MAX];
    size_t plan_count;
};

// --- one for a table as it is

static int place_cells(struct dsi_intake *in, const struct dsi_intake *before,
                       struct ds_error *err)
{
    const struct dsi_type *root = &in->schema->root;

    in->cell_count = before ? before->cell_count : root->field_count;
    in->cells = dsi_calloc(in->cell_count, sizeof *in->cells);
    if (!in->cells) {
        return dsi_no_memory(err, "taking rows");
    }
    for (size_t i = 0; i < in->cell_count; i++) {
        struct cell_place *cell = &in->cells[i];
        cell->id = before ? before->cells[i].id : root->fields[i].id;
        cell->column = SIZE_MAX;
        for (size_t k = 0; k < root->field_count; k++) {
            cell->column = root->fields[k].id == cell->id ? k : cell->column;
        }
    }
    return DS_OK;
}

int dsi_intake_new(const struct dsi_metadata *m, const struct dsi_intake *before,
                   struct dsi_intake **out, struct ds_error *err)
{
    struct dsi_intake *in = dsi_calloc(1, sizeof *in);
    int rc = DS_OK;

    *out = NULL;
    if (!in) {
        return dsi_no_memory(err, "taking rows");
    }
    dsi_refcount_init(&in->owners);
    in->metadata = dsi_metadata_ref(m);
    in->schema = dsi_metadata_current_schema(m);
    DSI_TRY(place_cells(in, before, err));
    DSI_TRY(dsi_mutex_new(&in->mutex, err));
    *out = in;
    in = NULL;
done:
    dsi_intake_unref(in);
    return rc;
}

struct dsi_intake *dsi_intake_ref(struct dsi_intake *in)
{
    dsi_refcount_add(&in->owners);
    return in;
}

void dsi_intake_unref(struct dsi_intake *in)
{
    if (!in || !dsi_refcount_drop(&in->owners)) {
        return;
    }
    for (size_t i = 0; i < in->plan_count; i++) {
        dsi_arrow_import_free(in->plans[i].import);
        dsi_buf_release(&in->plans[i].shape);
    }
    dsi_mutex_free(in->mutex);
    dsi_free(in->cells);
    dsi_metadata_unref(in->metadata);
    dsi_free(in);
}

const struct dsi_metadata *dsi_intake_metadata(const struct dsi_intake *in)
{
    return in->metadata;
}

const struct dsi_schema *dsi_intake_schema(const struct dsi_intake *in)
{
    return in->schema;
}

bool dsi_intake_suits(const struct dsi_intake *in, const struct dsi_metadata *m)
{
    const struct dsi_metadata *own = in->metadata;

    if (own == m) {
        return true;
    }
    if (own->current_schema_id != m->current_schema_id ||
        own->default_spec_id != m->default_spec_id ||
        own->default_sort_order_id != m->default_sort_order_id ||
        own->property_count != m->property_count) {
        return false;
    }
    for (size_t i = 0; i < m->property_count; i++) {
        if (strcmp(own->properties[i].key, m->properties[i].key) != 0 ||
            strcmp(own->properties[i].value, m->properties[i].value) != 0) {
            return false;
        }
    }
    return true;
}

// --- batches

// Arrow's metadata: a count, then so many keys and values, each after its size.
static bool metadata_size(const char *metadata, size_t *size)
{
    const char *at = metadata;
    int32_t count = 0;

    memcpy(&count, at, sizeof count);
    at += sizeof count;
    for (int64_t i = 0; i < 2 * (int64_t)count; i++) {
        int32_t n = 0;
        memcpy(&n, at, sizeof n);
        if (n < 0 || (size_t)(at - metadata) > SHAPE_SIZE_MAX) {
            return false;
        }
        at += sizeof n + (size_t)n;
    }
    *size = (size_t)(at - metadata);
    return count >= 0 && *size <= SHAPE_SIZE_MAX;
}

static bool put(struct dsi_buf *shape, const void *bytes, size_t size)
{
    return dsi_buf_append(shape, bytes, size, NULL) == DS_OK;
}

// Everything a match may depend on, as bytes; false for a schema that is odd or large,
// which then is judged without being kept.
static bool describe(const struct ArrowSchema *s, struct dsi_buf *shape, int depth)
{
    size_t size = 0;

    if (!s || !s->release || !s->format || s->n_children < 0 ||
        s->n_children > SHAPE_SIZE_MAX || (s->n_children > 0 && !s->children) ||
        depth > DSI_TYPE_DEPTH_MAX) {
        return false;
    }
    if (!put(shape, s->format, strlen(s->format) + 1) ||
        !put(shape, s->name ? s->name : "", s->name ? strlen(s->name) + 1 : 1) ||
        !put(shape, &s->flags, sizeof s->flags) ||
        !put(shape, &s->n_children, sizeof s->n_children)) {
        return false;
    }
    if (s->metadata && (!metadata_size(s->metadata, &size) ||
                        !put(shape, s->metadata, size) || !put(shape, "m", 1))) {
        return false;
    }
    for (int64_t i = 0; i < s->n_children; i++) {
        if (!describe(s->children[i], shape, depth + 1)) {
            return false;
        }
    }
    return !s->dictionary ||
           (put(shape, "d", 1) && describe(s->dictionary, shape, depth + 1));
}

static struct dsi_arrow_import *find_plan(struct dsi_intake *in,
                                          const struct dsi_buf *shape)
{
    for (size_t i = 0; i < in->plan_count; i++) {
        const struct dsi_buf *known = &in->plans[i].shape;
        if (known->size == shape->size &&
            memcmp(known->data, shape->data, shape->size) == 0) {
            return in->plans[i].import;
        }
    }
    return NULL;
}

// The plan for a schema; *kept when it lives as long as `in`, else the caller frees it.
static int plan_of(struct dsi_intake *in, const struct ArrowSchema *schema,
                   struct dsi_arrow_import **out, bool *kept, struct ds_error *err)
{
    struct dsi_buf shape = DSI_BUF_INIT_MAX(SHAPE_SIZE_MAX);
    bool known = describe(schema, &shape, 0);
    int rc = DS_OK;

    *out = NULL;
    *kept = true;
    dsi_mutex_lock(in->mutex);
    if (known) {
        *out = find_plan(in, &shape);
    }
    if (!*out) {
        rc = dsi_arrow_import_new(schema, in->schema, out, err);
        *kept = rc == DS_OK && known && in->plan_count < PLANS_MAX;
        if (*kept) {
            in->plans[in->plan_count++] = (struct plan){shape, *out};
            shape = (struct dsi_buf)DSI_BUF_INIT;
        }
    }
    dsi_mutex_unlock(in->mutex);
    dsi_buf_release(&shape);
    return rc;
}

int dsi_intake_batch(struct dsi_intake *in, const struct ArrowSchema *schema,
                     struct ArrowArray *array, struct dsi_batch *out,
                     struct ds_error *err)
{
    struct dsi_arrow_import *import = NULL;
    bool kept = true;
    int rc = plan_of(in, schema, &import, &kept, err);

    *out = (struct dsi_batch){0};
    if (rc == DS_OK) {
        rc = dsi_arrow_import_batch(import, array, 0, out, err);
    } else if (array->release) {
        array->release(array);
    }
    if (!kept) {
        dsi_arrow_import_free(import);
    }
    return rc;
}

// --- rows of cells

static int cell_unfit(const struct dsi_field *f, const struct ds_cell *cell,
                      struct ds_error *err)
{
    static const char *const kinds[] = {"null",     "a boolean", "an integer",
                                        "a double", "text",      "bytes"};
    const char *kind =
        cell->kind <= DS_CELL_BYTES ? kinds[cell->kind] : "no kind of value";
    char type[64];

    dsi_type_format(&f->type, type, sizeof type);
    return dsi_fail(err, DS_EINVALID,
                    "column %s (%s): the cell is %s, which does not fit", f->name, type,
                    kind);
}

// Whole numbers up to there are exact in a float and in a double.
#define FLOAT_EXACT (INT64_C(1) << 24)
#define DOUBLE_EXACT (INT64_C(1) << 53)

static bool whole(enum dsi_type_kind kind, int64_t i, struct dsi_value *v)
{
    switch (kind) {
    case DSI_TYPE_INT:
    case DSI_TYPE_DATE:
        v->as.i32 = (int32_t)i;
        return i >= INT32_MIN && i <= INT32_MAX;
    case DSI_TYPE_LONG:
    case DSI_TYPE_TIME:
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        v->as.i64 = i;
        return true;
    case DSI_TYPE_FLOAT:
        v->as.f32 = (float)i;
        return i >= -FLOAT_EXACT && i <= FLOAT_EXACT;
    case DSI_TYPE_DOUBLE:
        v->as.f64 = (double)i;
        return i >= -DOUBLE_EXACT && i <= DOUBLE_EXACT;
    default:
        return false;
    }
}

static bool real(enum dsi_type_kind kind, double d, struct dsi_value *v)
{
    if (kind == DSI_TYPE_FLOAT) {
        v->as.f32 = (float)d;
        return isfinite(v->as.f32) || !isfinite(d);
    }
    v->as.f64 = d;
    return kind == DSI_TYPE_DOUBLE;
}

static int text(const struct dsi_field *f, struct ds_slice s, struct dsi_arena *scratch,
                struct dsi_value *v, struct ds_error *err)
{
    v->as.bytes = s;
    if (f->type.kind == DSI_TYPE_STRING) {
        return DS_OK;
    }
    int rc = dsi_value_parse(&f->type, (const char *)s.data, s.size, scratch, v, err);
    return rc < 0 ? dsi_wrap(err, rc, "column %s", f->name) : rc;
}

static int nested(const struct dsi_field *f, struct ds_slice s, struct dsi_arena *scratch,
                  struct dsi_column_builder *c, struct ds_error *err)
{
    struct dsi_json_reader json;
    int rc = DS_OK;

    dsi_json_reader_init(&json, s, scratch, "JSON");
    DSI_TRY(dsi_text_json_read(&json, c, err));
    rc = dsi_json_end(&json, err);
done:
    return rc < 0
               ? dsi_wrap(err, rc == DS_ECORRUPT ? DS_EINVALID : rc, "column %s", f->name)
               : rc;
}

static int put_cell(const struct dsi_field *f, const struct ds_cell *cell,
                    struct dsi_arena *scratch, struct dsi_column_builder *c,
                    struct ds_error *err)
{
    enum dsi_type_kind kind = f->type.kind;
    struct dsi_value v = {.kind = kind};
    bool fits = true;
    int rc = DS_OK;

    if (cell->kind >= DS_CELL_TEXT && !cell->as.bytes.data && cell->as.bytes.size > 0) {
        return dsi_fail(err, DS_EINVALID, "column %s: %zu bytes at NULL", f->name,
                        cell->as.bytes.size);
    }
    switch (cell->kind) {
    case DS_CELL_NULL:
        v.null = true;
        break;
    case DS_CELL_BOOL:
        v.as.boolean = cell->as.boolean;
        fits = kind == DSI_TYPE_BOOLEAN;
        break;
    case DS_CELL_INT:
        fits = whole(kind, cell->as.integer, &v);
        break;
    case DS_CELL_DOUBLE:
        fits = real(kind, cell->as.real, &v);
        break;
    case DS_CELL_TEXT:
        if (dsi_layout_of(&f->type) == DSI_LAYOUT_NESTED) {
            return nested(f, cell->as.bytes, scratch, c, err);
        }
        rc = text(f, cell->as.bytes, scratch, &v, err);
        break;
    case DS_CELL_BYTES:
        v.as.bytes = cell->as.bytes;
        fits = kind == DSI_TYPE_BINARY || kind == DSI_TYPE_FIXED || kind == DSI_TYPE_UUID;
        break;
    default:
        fits = false;
    }
    if (!fits) {
        return cell_unfit(f, cell, err);
    }
    return rc < 0 ? rc : dsi_column_builder_put(c, &v, err);
}

int dsi_intake_row(const struct dsi_intake *in, struct dsi_batch_builder *b,
                   const struct ds_cell *cells, size_t count, struct ds_error *err)
{
    const struct dsi_type *root = &in->schema->root;
    struct dsi_arena scratch = DSI_ARENA_INIT;
    int rc = DS_OK;

    if (count > in->cell_count) {
        return dsi_fail(err, DS_EINVALID, "a row of %zu cells for %zu columns", count,
                        in->cell_count);
    }
    for (size_t i = 0; i < count; i++) {
        size_t k = in->cells[i].column;
        if (k < root->field_count) {
            DSI_TRY(put_cell(&root->fields[k], &cells[i], &scratch,
                             dsi_batch_builder_column(b, k), err));
        } else if (cells[i].kind != DS_CELL_NULL) {
            rc = dsi_fail(err, DS_EINVALID,
                          "cell %zu: its column has been dropped from the table", i + 1);
            goto done;
        }
    }
    rc = dsi_batch_builder_end_row(b, err);
done:
    for (size_t k = 0; rc < 0 && k < root->field_count; k++) {
        dsi_batch_builder_column(b, k); // Takes back what the row had so far.
    }
    dsi_arena_release(&scratch);
    return rc;
}

// --- how much it is

static uint64_t column_bytes(const struct dsi_column *c, int depth)
{
    const struct dsi_type *t = &c->field->type;
    uint64_t rows = (uint64_t)c->length;
    uint64_t n = rows * dsi_layout_width(t) + (c->validity ? rows / 8 + 1 : 0);

    if (dsi_layout_of(t) == DSI_LAYOUT_BITS) {
        n += rows / 8 + 1;
    }
    if (dsi_layout_has_offsets(t) && (c->offsets || c->offsets64)) {
        n += rows * 4;
        if (dsi_layout_of(t) == DSI_LAYOUT_BYTES) {
            n += (uint64_t)(dsi_column_offset(c, c->length) - dsi_column_offset(c, 0));
        }
    }
    for (size_t i = 0; depth < DSI_TYPE_DEPTH_MAX && i < c->child_count; i++) {
        n += column_bytes(&c->children[i], depth + 1);
    }
    return n;
}

uint64_t dsi_intake_bytes(const struct dsi_batch *b)
{
    uint64_t n = sizeof *b + 256; // With what goes with it.

    for (size_t i = 0; i < b->column_count; i++) {
        n += column_bytes(&b->columns[i], 0);
    }
    return n;
}
