// Arrays of a producer to batches of a table.
//
// (1) A plan says, for each column of the table, which of the producer's columns it comes
//     from and how its array is laid out; it is made once, from the schema. Arrays are
//     checked against the plan, one by one.
// (2) An array is ours from the first line of dsi_arrow_import_batch: it is released with
//     the batch, or before we return a failure.
#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "data/arrow_array.h"
#include "data/arrow_io.h"

enum { LEVELS_MAX = 4 }; // Of dictionaries and run ends around the values of a column.

// How the array of one node is laid out, and what is inside.
struct layer {
    struct dsi_arrow_format format; // Of the indices, if there is a dictionary.
    bool dictionary;
    struct dsi_arrow_format run_ends;
    struct layer *inner; // The dictionary's or the runs' values; else NULL.
};

struct plan {
    const struct dsi_field *field;
    int64_t source;   // The producer's column; -1: none, all rows are null.
    const char *name; // The producer's, for messages.
    struct layer layer;
};

struct dsi_arrow_import {
    struct dsi_arena arena;
    const struct dsi_schema *target;
    struct plan *plans; // One per column of the target.
    int64_t source_count;
};

void dsi_arrow_import_free(struct dsi_arrow_import *im)
{
    if (im) {
        dsi_arena_release(&im->arena);
        dsi_free(im);
    }
}

static int does_not_fit(const struct ArrowSchema *s, const struct dsi_field *f,
                        struct ds_error *err)
{
    char type[64];
    dsi_type_format(&f->type, type, sizeof type);
    return dsi_fail(err, DS_EINVALID,
                    "column %s: Arrow format '%.40s' does not fit the table's %s",
                    f->name, s->format, type);
}

static int plan_layer(struct dsi_arrow_import *im, const struct ArrowSchema *s,
                      const struct dsi_field *f, int level, struct layer *out,
                      struct ds_error *err)
{
    const struct ArrowSchema *inner = s->dictionary;
    int rc = dsi_arrow_format_read(s, &out->format, err);

    if (rc < 0) {
        return rc;
    }
    if (level > LEVELS_MAX) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "column %s: dictionaries inside dictionaries, %d deep", f->name,
                        level);
    }
    out->dictionary = inner != NULL;
    if (inner && out->format.kind != DSI_ARROW_INT) {
        return dsi_fail(err, DS_EINVALID,
                        "column %s: the indices of its dictionary are '%.40s'", f->name,
                        s->format);
    }
    if (!inner && out->format.kind == DSI_ARROW_RUN_ENDS) {
        rc = dsi_arrow_format_read(s->children[0], &out->run_ends, err);
        if (rc < 0) {
            return rc;
        }
        if (out->run_ends.kind != DSI_ARROW_INT || !out->run_ends.is_signed ||
            out->run_ends.width < 2 || s->children[0]->dictionary) {
            return dsi_fail(err, DS_EINVALID, "column %s: its run ends are '%.40s'",
                            f->name, s->children[0]->format);
        }
        inner = s->children[1];
    }
    if (!inner) {
        bool fits = dsi_arrow_fits(&out->format, &f->type) ||
                    (out->format.kind == DSI_ARROW_NULL && !f->required);
        return fits ? DS_OK : does_not_fit(s, f, err);
    }
    out->inner = dsi_arena_alloc(&im->arena, sizeof *out->inner);
    if (!out->inner) {
        return dsi_no_memory(err, "planning an import");
    }
    return plan_layer(im, inner, f, level + 1, out->inner, err);
}

static const struct dsi_field *field_with_id(const struct dsi_schema *s, int32_t id)
{
    for (size_t i = 0; i < s->root.field_count; i++) {
        if (s->root.fields[i].id == id) {
            return &s->root.fields[i];
        }
    }
    return NULL;
}

static const struct dsi_field *field_with_name(const struct dsi_schema *s,
                                               const char *name)
{
    for (size_t i = 0; i < s->root.field_count; i++) {
        if (strcmp(s->root.fields[i].name, name) == 0) {
            return &s->root.fields[i];
        }
    }
    return NULL;
}

// Ids count when every column has one that the table knows: the ids of a schema from
// elsewhere say nothing about this table.
static int ids_count(const struct ArrowSchema *schema, const struct dsi_schema *target,
                     bool *out, struct ds_error *err)
{
    *out = schema->n_children > 0;
    for (int64_t i = 0; i < schema->n_children; i++) {
        int32_t id = -1;
        int rc = dsi_arrow_field_id(schema->children[i], &id, err);
        if (rc < 0) {
            return rc;
        }
        *out = *out && field_with_id(target, id) != NULL;
    }
    return DS_OK;
}

// The table's field for one of the producer's columns.
static int find_field(const struct ArrowSchema *s, const struct dsi_schema *target,
                      bool by_id, const struct dsi_field **out, struct ds_error *err)
{
    const char *name = dsi_arrow_name(s);
    const struct dsi_field *named = field_with_name(target, name);

    *out = named;
    if (by_id) {
        int32_t id = -1;
        int rc = dsi_arrow_field_id(s, &id, err);
        if (rc < 0) {
            return rc;
        }
        *out = field_with_id(target, id);
        if (named && named != *out) {
            return dsi_fail(err, DS_EINVALID,
                            "column %s: by its field id %d it is the table's column %s; "
                            "remove the ids, or rename it",
                            name, (int)id, (*out)->name);
        }
    }
    if (!*out) {
        return dsi_fail(err, DS_EINVALID, "column %s: the table has no such column",
                        name);
    }
    return DS_OK;
}

static int plan_column(struct dsi_arrow_import *im, const struct ArrowSchema *schema,
                       int64_t i, bool by_id, struct ds_error *err)
{
    const struct ArrowSchema *s = schema->children[i];
    const struct dsi_field *f = NULL;
    int rc = find_field(s, im->target, by_id, &f, err);

    if (rc < 0) {
        return rc;
    }
    struct plan *p = &im->plans[f - im->target->root.fields];
    if (p->source >= 0) {
        return dsi_fail(err, DS_EINVALID, "column %s: there are two of them",
                        dsi_arrow_name(s));
    }
    if (dsi_layout_of(&f->type) == DSI_LAYOUT_NESTED) {
        char type[64];
        dsi_type_format(&f->type, type, sizeof type);
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "column %s: values of type %s cannot be handled yet", f->name,
                        type);
    }
    p->source = i;
    return plan_layer(im, s, f, 0, &p->layer, err);
}

static int make_plans(struct dsi_arrow_import *im, const struct ArrowSchema *schema,
                      struct ds_error *err)
{
    size_t count = im->target->root.field_count;
    bool by_id = false;
    int rc = DS_OK;

    im->plans = dsi_arena_array(&im->arena, count, sizeof *im->plans);
    if (!im->plans) {
        return dsi_no_memory(err, "planning an import");
    }
    for (size_t i = 0; i < count; i++) {
        im->plans[i].field = &im->target->root.fields[i];
        im->plans[i].source = -1;
        im->plans[i].name = im->target->root.fields[i].name;
    }
    for (int64_t i = 0; i < schema->n_children; i++) {
        struct dsi_arrow_format f; // Only to know that its name may be looked at.
        DSI_TRY(dsi_arrow_format_read(schema->children[i], &f, err));
    }
    DSI_TRY(ids_count(schema, im->target, &by_id, err));
    for (int64_t i = 0; i < schema->n_children; i++) {
        DSI_TRY(plan_column(im, schema, i, by_id, err));
    }
    for (size_t i = 0; i < count; i++) {
        if (im->plans[i].source < 0 && im->plans[i].field->required) {
            return dsi_fail(err, DS_EINVALID, "column %s: it is required, and missing",
                            im->plans[i].field->name);
        }
    }
done:
    return rc;
}

int dsi_arrow_import_new(const struct ArrowSchema *schema,
                         const struct dsi_schema *target, struct dsi_arrow_import **out,
                         struct ds_error *err)
{
    struct dsi_arrow_import *im = dsi_calloc(1, sizeof *im);
    struct dsi_arrow_format f;
    int rc = DS_OK;

    *out = NULL;
    if (!im) {
        return dsi_no_memory(err, "planning an import");
    }
    im->target = target;
    DSI_TRY(dsi_arrow_format_read(schema, &f, err));
    if (f.kind != DSI_ARROW_STRUCT || schema->dictionary) {
        rc = dsi_fail(err, DS_EINVALID,
                      "the Arrow schema is '%.40s', not a struct of columns",
                      schema->format);
        goto done;
    }
    im->source_count = schema->n_children;
    DSI_TRY(make_plans(im, schema, err));
    *out = im;
    im = NULL;
done:
    dsi_arrow_import_free(im);
    return rc;
}

static int convert(struct dsi_batch *b, const struct layer *layer,
                   struct dsi_arrow_view *v, struct dsi_column *out,
                   struct ds_error *err);

// The values inside a dictionary or of runs, as a column of their own. `v` comes with its
// array and how many rows are needed.
static int convert_inner(struct dsi_batch *b, const struct layer *inner,
                         struct dsi_arrow_view *v, struct dsi_column *out,
                         struct ds_error *err)
{
    int rc = dsi_arrow_view_open(v->array, &inner->format, inner->dictionary, 0, v, err);
    return rc < 0 ? rc : convert(b, inner, v, out, err);
}

// Which dictionary entry each row is; -1: null.
static int read_indices(const struct dsi_arrow_view *v, int64_t entries, int64_t *rows,
                        struct ds_error *err)
{
    const uint8_t *in = v->array->buffers[1];
    size_t width = v->format.width;

    if (!in) {
        return dsi_fail(err, DS_EINVALID, "column %s: its Arrow array has no indices",
                        v->name);
    }
    for (int64_t i = 0; i < v->rows; i++) {
        rows[i] = -1;
        if (dsi_arrow_view_is_null(v, i)) {
            continue;
        }
        rows[i] = dsi_arrow_int(in + (size_t)(v->first + i) * width, width,
                                v->format.is_signed);
        if (rows[i] < 0 || rows[i] >= entries) {
            return dsi_arrow_row_error(v, i, "its dictionary has no such entry", err);
        }
    }
    return DS_OK;
}

static int convert_dictionary(struct dsi_batch *b, const struct layer *layer,
                              const struct dsi_arrow_view *v, struct dsi_column *out,
                              struct ds_error *err)
{
    struct dsi_arrow_view inner = {
        .name = v->name, .array = v->array->dictionary, .rows = -1};
    struct dsi_column entries = {.field = out->field};
    int64_t *rows = NULL;
    int rc = DS_OK;

    DSI_TRY(convert_inner(b, layer->inner, &inner, &entries, err));
    rows = dsi_calloc((size_t)v->rows, sizeof *rows);
    if (!rows) {
        rc = dsi_no_memory(err, "reading a dictionary column");
        goto done;
    }
    if (v->rows > 0) {
        DSI_TRY(read_indices(v, entries.length, rows, err));
    }
    DSI_TRY(dsi_column_gather(b, &entries, rows, v->rows, out, err));
done:
    dsi_free(rows);
    return rc;
}

// Which run each row is in.
static int read_runs(const struct dsi_arrow_view *v, const struct dsi_arrow_view *ends,
                     int64_t *rows, struct ds_error *err)
{
    const uint8_t *in = ends->array->buffers[1];
    size_t width = ends->format.width;
    int64_t row = 0;
    int64_t last = 0;

    if (!in && ends->rows > 0) {
        return dsi_fail(err, DS_EINVALID, "column %s: its Arrow array has no run ends",
                        v->name);
    }
    for (int64_t run = 0; run < ends->rows && row < v->rows; run++) {
        int64_t end =
            dsi_arrow_int(in + (size_t)(ends->first + run) * width, width, true);
        if (end <= last) {
            return dsi_fail(err, DS_EINVALID,
                            "column %s: its Arrow run ends do not ascend (run %lld)",
                            v->name, (long long)run);
        }
        while (row < v->rows && v->first + row < end) {
            rows[row++] = run;
        }
        last = end;
    }
    return row == v->rows
               ? DS_OK
               : dsi_arrow_row_error(v, row, "its Arrow runs end before it", err);
}

static int convert_runs(struct dsi_batch *b, const struct layer *layer,
                        const struct dsi_arrow_view *v, struct dsi_column *out,
                        struct ds_error *err)
{
    struct dsi_arrow_view ends = {.name = v->name, .rows = -1};
    struct dsi_arrow_view inner = {.name = v->name, .array = v->array->children[1]};
    struct dsi_column values = {.field = out->field};
    int64_t *rows = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_arrow_view_open(v->array->children[0], &layer->run_ends, false, 0, &ends,
                                err));
    if (ends.nulls > 0) {
        rc = dsi_fail(err, DS_EINVALID, "column %s: its Arrow run ends have nulls",
                      v->name);
        goto done;
    }
    inner.rows = ends.rows;
    DSI_TRY(convert_inner(b, layer->inner, &inner, &values, err));
    rows = dsi_calloc((size_t)v->rows, sizeof *rows);
    if (!rows) {
        rc = dsi_no_memory(err, "reading a run-end encoded column");
        goto done;
    }
    DSI_TRY(read_runs(v, &ends, rows, err));
    DSI_TRY(dsi_column_gather(b, &values, rows, v->rows, out, err));
done:
    dsi_free(rows);
    return rc;
}

static int convert_bits(const struct dsi_arrow_view *v, struct dsi_batch *b,
                        struct dsi_column *out, struct ds_error *err)
{
    if (v->rows == 0) {
        return dsi_column_fill_null(b, 0, out, err);
    }
    if (!v->array->buffers[1]) {
        return dsi_fail(err, DS_EINVALID, "column %s: its Arrow array has no values",
                        v->name);
    }
    out->length = v->rows;
    out->offset = v->first;
    out->null_count = v->nulls;
    out->validity = v->validity;
    out->values = v->array->buffers[1];
    return DS_OK;
}

static int convert(struct dsi_batch *b, const struct layer *layer,
                   struct dsi_arrow_view *v, struct dsi_column *out, struct ds_error *err)
{
    if (layer->dictionary) {
        return convert_dictionary(b, layer, v, out, err);
    }
    if (layer->inner) {
        return convert_runs(b, layer, v, out, err);
    }
    if (v->format.kind == DSI_ARROW_NULL) {
        return dsi_column_fill_null(b, v->rows, out, err);
    }
    switch (dsi_layout_of(&out->field->type)) {
    case DSI_LAYOUT_BITS:
        return convert_bits(v, b, out, err);
    case DSI_LAYOUT_BYTES:
        return dsi_arrow_convert_bytes(b, v, out, err);
    default:
        return dsi_arrow_convert_fixed(b, v, out, err);
    }
}

static int import_column(struct dsi_batch *b, const struct plan *p,
                         const struct dsi_arrow_view *top, struct dsi_column *out,
                         struct ds_error *err)
{
    struct dsi_arrow_view v = {
        .name = p->name, .rows = top->rows, .row_base = top->row_base};
    int rc = DS_OK;

    if (p->source < 0) {
        return dsi_column_fill_null(b, top->rows, out, err);
    }
    DSI_TRY(dsi_arrow_view_open(top->array->children[p->source], &p->layer.format,
                                p->layer.dictionary, top->first, &v, err));
    DSI_TRY(convert(b, &p->layer, &v, out, err));
    for (int64_t i = 0; p->field->required && out->validity && i < v.rows; i++) {
        if (dsi_column_is_null(out, i)) {
            return dsi_arrow_row_error(&v, i, "null, but the column is required", err);
        }
    }
done:
    return rc;
}

static void release_source(void *source)
{
    struct ArrowArray *array = source;
    array->release(array);
    dsi_free(array);
}

// The array itself: a struct without nulls, of the columns that the schema promised.
static int check_top(const struct dsi_arrow_import *im, const struct ArrowArray *array,
                     struct dsi_arrow_view *top, struct ds_error *err)
{
    static const struct dsi_arrow_format format = {.kind = DSI_ARROW_STRUCT};
    int rc = dsi_arrow_view_open(array, &format, false, 0, top, err);

    if (rc < 0) {
        return rc;
    }
    if (array->n_children != im->source_count) {
        return dsi_fail(err, DS_EINVALID,
                        "the Arrow array has %lld columns, its schema %lld",
                        (long long)array->n_children, (long long)im->source_count);
    }
    for (int64_t i = 0; i < array->n_children; i++) {
        if (!array->children[i]) {
            return dsi_fail(err, DS_EINVALID, "column %lld of the Arrow array is NULL",
                            (long long)i);
        }
    }
    for (int64_t i = 0; top->validity && i < top->rows; i++) {
        if (dsi_arrow_view_is_null(top, i)) {
            return dsi_fail(err, DS_EINVALID, "row %lld is null as a whole",
                            (long long)top->row_base + i);
        }
    }
    return DS_OK;
}

int dsi_arrow_import_batch(struct dsi_arrow_import *im, struct ArrowArray *array,
                           int64_t row_base, struct dsi_batch *out, struct ds_error *err)
{
    struct dsi_arrow_view top = {.name = "(all)", .rows = -1, .row_base = row_base};
    struct ArrowArray *ours = NULL;
    int rc = dsi_batch_init(out, im->target, err);

    if (!array->release) {
        dsi_batch_release(out);
        return dsi_fail(err, DS_EINVALID, "the Arrow array was released");
    }
    if (rc == DS_OK) {
        ours = dsi_malloc(sizeof *ours);
        rc = ours ? DS_OK : dsi_no_memory(err, "importing an Arrow array");
    }
    if (!ours) {
        array->release(array); // (2)
        array->release = NULL;
        goto done;
    }
    *ours = *array; // Moved, as Arrow says: a copy, and the old one marked released.
    array->release = NULL;
    out->source = ours;
    out->release_source = release_source;
    DSI_TRY(check_top(im, ours, &top, err));
    for (size_t i = 0; i < out->column_count; i++) {
        DSI_TRY(import_column(out, &im->plans[i], &top, &out->columns[i], err));
    }
    out->rows = top.rows;
done:
    if (rc < 0) {
        dsi_batch_release(out);
    }
    return rc;
}
