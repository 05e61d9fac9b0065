// Columns that are told by reference: dictionaries and runs, of values of any type.
//
// (1) Only the values that some live row refers to are looked at.
#include "base/alloc.h"
#include "base/error.h"
#include "data/arrow_plan.h"

// Which dictionary entry each row is; -1: null, or of no meaning.
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

// Which run each row is in; -1 for a row of no meaning.
static int read_runs(const struct dsi_arrow_view *v, const struct dsi_arrow_view *ends,
                     int64_t *rows, struct ds_error *err)
{
    const uint8_t *in = ends->array->buffers[1];
    size_t width = ends->format.width;
    int64_t row = 0;
    int64_t last = 0;

    if (ends->nulls > 0) {
        return dsi_fail(err, DS_EINVALID, "column %s: its Arrow run ends have nulls",
                        v->name);
    }
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
        for (; row < v->rows && v->first + row < end; row++) {
            rows[row] = dsi_arrow_view_is_null(v, row) ? -1 : run;
        }
        last = end;
    }
    return row == v->rows
               ? DS_OK
               : dsi_arrow_row_error(v, row, "its Arrow runs end before it", err);
}

// A set of the values that are referred to.
static uint8_t *referred(const int64_t *rows, int64_t count, int64_t values)
{
    uint8_t *bits = dsi_calloc(1, dsi_bits_size(values));
    for (int64_t i = 0; bits && i < count; i++) {
        if (rows[i] >= 0) {
            dsi_bit_set(bits, rows[i]);
        }
    }
    return bits;
}

int dsi_arrow_convert_encoded(struct dsi_batch *b, const struct dsi_arrow_layer *layer,
                              const struct dsi_arrow_view *v, struct dsi_column *out,
                              struct ds_error *err)
{
    const struct ArrowArray *a = v->array;
    const struct dsi_arrow_layer *l = layer->inner;
    struct dsi_arrow_view inner = {.name = v->name, .rows = -1, .row_base = v->row_base};
    struct dsi_arrow_view ends = {.name = v->name, .rows = -1};
    struct dsi_arrow_origin origin = {.of = v, .count = v->rows};
    struct dsi_column values = {.field = out->field};
    int64_t *rows = dsi_calloc((size_t)v->rows, sizeof *rows);
    uint8_t *live = NULL;
    int rc = rows ? DS_OK : dsi_no_memory(err, "reading an encoded column");

    DSI_TRY(rc);
    if (layer->dictionary) {
        DSI_TRY(dsi_arrow_view_open(a->dictionary, &l->format, l->dictionary, 0, &inner,
                                    err));
        DSI_TRY(read_indices(v, inner.rows, rows, err));
    } else {
        DSI_TRY(
            dsi_arrow_view_open(a->children[0], &layer->run_ends, false, 0, &ends, err));
        inner.rows = ends.rows;
        DSI_TRY(dsi_arrow_view_open(a->children[1], &l->format, l->dictionary, 0, &inner,
                                    err));
        DSI_TRY(read_runs(v, &ends, rows, err));
    }
    live = referred(rows, v->rows, inner.rows); // (1)
    if (!live) {
        rc = dsi_no_memory(err, "reading an encoded column");
        goto done;
    }
    origin.rows = rows;
    inner.origin = &origin;
    inner.live = live;
    DSI_TRY(dsi_batch_column(b, &values, err));
    DSI_TRY(dsi_arrow_convert(b, l, &inner, &values, err));
    DSI_TRY(dsi_column_gather(b, &values, rows, v->rows, out, err));
done:
    dsi_free(rows);
    dsi_free(live);
    return rc;
}
