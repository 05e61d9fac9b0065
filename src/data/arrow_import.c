// Arrays of a producer to batches of a table.
//
// (1) An array is ours from the first line of dsi_arrow_import_batch: it is released with
//     the batch, or before we return a failure.
#include "base/alloc.h"
#include "base/error.h"
#include "data/arrow_io.h"
#include "data/arrow_plan.h"

struct dsi_arrow_import {
    struct dsi_arena arena;
    const struct dsi_schema *target;
    struct dsi_arrow_layer top; // Its children are the target's columns.
};

void dsi_arrow_import_free(struct dsi_arrow_import *im)
{
    if (im) {
        dsi_arena_release(&im->arena);
        dsi_free(im);
    }
}

int dsi_arrow_import_new(const struct ArrowSchema *schema,
                         const struct dsi_schema *target, struct dsi_arrow_import **out,
                         struct ds_error *err)
{
    struct dsi_arrow_import *im = dsi_calloc(1, sizeof *im);

    *out = NULL;
    if (!im) {
        return dsi_no_memory(err, "planning an import");
    }
    im->target = target;
    int rc = dsi_arrow_plan_struct(schema, &target->root, &im->arena, &im->top, err);
    if (rc < 0) {
        dsi_arrow_import_free(im);
        return rc;
    }
    *out = im;
    return DS_OK;
}

static int convert_bits(const struct dsi_arrow_view *v, struct dsi_column *out,
                        struct ds_error *err)
{
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

int dsi_arrow_convert(struct dsi_batch *b, const struct dsi_arrow_layer *layer,
                      const struct dsi_arrow_view *v, struct dsi_column *out,
                      struct ds_error *err)
{
    if (v->rows == 0 || (v->format.kind == DSI_ARROW_NULL && !layer->inner)) {
        return dsi_column_fill_null(b, v->rows, out, err);
    }
    if (layer->inner) {
        return dsi_arrow_convert_encoded(b, layer, v, out, err);
    }
    switch (dsi_layout_of(&out->field->type)) {
    case DSI_LAYOUT_BITS:
        return convert_bits(v, out, err);
    case DSI_LAYOUT_BYTES:
        return dsi_arrow_convert_bytes(b, v, out, err);
    case DSI_LAYOUT_NESTED:
        return dsi_arrow_convert_nested(b, layer, v, out, err);
    default:
        return v->format.kind == DSI_ARROW_TEXT || v->format.kind == DSI_ARROW_BINARY
                   ? dsi_arrow_convert_sized(b, v, out, err)
                   : dsi_arrow_convert_fixed(b, v, out, err);
    }
}

int dsi_arrow_convert_child(struct dsi_batch *b, const struct dsi_arrow_plan *plan,
                            const struct dsi_arrow_view *around, const uint8_t *live,
                            struct dsi_column *out, struct ds_error *err)
{
    struct dsi_arrow_view v = {.name = plan->path,
                               .rows = around->rows,
                               .row_base = around->row_base,
                               .live = live,
                               .origin = around->origin};
    int rc = DS_OK;

    if (plan->source < 0) {
        return dsi_column_fill_null(b, around->rows, out, err);
    }
    DSI_TRY(dsi_arrow_view_open(around->array->children[plan->source],
                                &plan->layer.format, plan->layer.dictionary,
                                around->first, &v, err));
    DSI_TRY(dsi_arrow_convert(b, &plan->layer, &v, out, err));
    for (int64_t i = 0; plan->field->required && out->validity && i < v.rows; i++) {
        if (dsi_column_is_null(out, i) && (!live || dsi_bit_get(live, i))) {
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
    if (array->n_children != im->top.source_count) {
        return dsi_fail(err, DS_EINVALID,
                        "the Arrow array has %lld columns, its schema %lld",
                        (long long)array->n_children, (long long)im->top.source_count);
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
        array->release(array); // (1)
        array->release = NULL;
        goto done;
    }
    *ours = *array; // Moved, as Arrow says: a copy, and the old one marked released.
    array->release = NULL;
    out->source = ours;
    out->release_source = release_source;
    DSI_TRY(check_top(im, ours, &top, err));
    for (size_t i = 0; i < out->column_count; i++) {
        DSI_TRY(dsi_arrow_convert_child(out, &im->top.children[i], &top, NULL,
                                        &out->columns[i], err));
    }
    out->rows = top.rows;
done:
    if (rc < 0) {
        dsi_batch_release(out);
    }
    return rc;
}
