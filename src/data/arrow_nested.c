// Structs, lists and maps: offsets are checked, and children converted, those rows that
// a value at every level around them covers.
//
// (1) A child is opened at the first row that its parent covers, and converted as a
//     column that begins there; the parent's offsets are moved to fit.
// (2) Rows of a child that no value covers (under a null, between the values of a view)
//     mean nothing: they are not `live`, and nobody looks at them.
#include "base/alloc.h"
#include "base/error.h"
#include "data/arrow_plan.h"

// Sets the bits [first, first + count).
static void set_bits(uint8_t *bits, int64_t first, int64_t count)
{
    for (; count > 0 && (first & 7) != 0; first++, count--) {
        dsi_bit_set(bits, first);
    }
    memset(bits + (first >> 3), 0xff, (size_t)(count >> 3));
    for (int64_t i = count & ~INT64_C(7); i < count; i++) {
        dsi_bit_set(bits, first + i);
    }
}

// --- structs

// Which rows are live below a struct: where it is, and is not null. NULL: all.
static int live_below(struct dsi_batch *b, const struct dsi_arrow_view *v,
                      const uint8_t **out, struct ds_error *err)
{
    uint8_t *bits = NULL;

    *out = v->live;
    if (!v->validity) {
        return DS_OK;
    }
    bits = dsi_batch_malloc(b, dsi_bits_size(v->rows));
    if (!bits) {
        return dsi_no_memory(err, "importing a struct");
    }
    dsi_bits_copy(bits, v->validity, v->first, v->rows);
    for (size_t i = 0; v->live && i < dsi_bits_size(v->rows); i++) {
        bits[i] &= v->live[i];
    }
    *out = bits;
    return DS_OK;
}

static int convert_struct(struct dsi_batch *b, const struct dsi_arrow_layer *layer,
                          const struct dsi_arrow_view *v, struct dsi_column *out,
                          struct ds_error *err)
{
    const uint8_t *live = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_arrow_check_children(v, layer->source_count, err));
    DSI_TRY(dsi_arrow_copy_validity(b, v, out, err));
    out->values = NULL;
    out->offset = 0; // (1)
    DSI_TRY(live_below(b, v, &live, err));
    for (size_t i = 0; i < layer->child_count; i++) {
        DSI_TRY(dsi_arrow_convert_child(b, &layer->children[i], v, live,
                                        &out->children[i], err));
    }
done:
    return rc;
}

// --- the elements of lists and maps

// What a list or map covers of its child.
struct cover {
    int64_t first; // Its first row.
    int64_t rows;
    const uint8_t *live; // Which of them; NULL: all.
    const struct dsi_arrow_origin *origin;
};

static int convert_element(struct dsi_batch *b, const struct dsi_arrow_layer *layer,
                           const struct dsi_arrow_view *v, const struct cover *cover,
                           struct dsi_column *out, struct ds_error *err)
{
    // A struct of one child that is nowhere: what is said of a struct's children holds.
    const struct dsi_arrow_view around = {.array = v->array,
                                          .name = v->name,
                                          .first = cover->first,
                                          .rows = cover->rows,
                                          .row_base = v->row_base,
                                          .origin = cover->origin};
    return dsi_arrow_convert_child(b, &layer->children[0], &around, cover->live, out,
                                   err);
}

static int convert_entries(struct dsi_batch *b, const struct dsi_arrow_layer *layer,
                           const struct dsi_arrow_view *v, const struct cover *cover,
                           struct dsi_column *out, struct ds_error *err)
{
    static const struct dsi_arrow_format format = {.kind = DSI_ARROW_STRUCT};
    struct dsi_arrow_view entries = {.name = v->name,
                                     .rows = cover->rows,
                                     .row_base = v->row_base,
                                     .live = cover->live,
                                     .origin = cover->origin};
    int rc = DS_OK;

    DSI_TRY(dsi_arrow_view_open(v->array->children[0], &format, false, cover->first,
                                &entries, err));
    DSI_TRY(dsi_arrow_check_children(&entries, layer->source_count, err));
    for (int64_t i = 0; entries.validity && i < entries.rows; i++) {
        bool live = !cover->live || dsi_bit_get(cover->live, i);
        if (live && dsi_arrow_view_is_null(&entries, i)) {
            return dsi_arrow_row_error(&entries, i, "a null entry of an Arrow map", err);
        }
    }
    for (size_t i = 0; i < layer->child_count; i++) {
        DSI_TRY(dsi_arrow_convert_child(b, &layer->children[i], &entries, cover->live,
                                        &out->children[i], err));
    }
done:
    return rc;
}

static int convert_cover(struct dsi_batch *b, const struct dsi_arrow_layer *layer,
                         const struct dsi_arrow_view *v, const struct cover *cover,
                         struct dsi_column *out, struct ds_error *err)
{
    return v->format.kind == DSI_ARROW_MAP
               ? convert_entries(b, layer, v, cover, out, err)
               : convert_element(b, layer, v, cover, &out->children[0], err);
}

// Which rows below a list are live, once `out` has its offsets; all are, unless a null
// covers some.
static int live_elements(struct dsi_batch *b, const struct dsi_arrow_view *v,
                         const struct dsi_column *out, int64_t rows, const uint8_t **live,
                         struct ds_error *err)
{
    bool all = true;
    uint8_t *bits = NULL;

    *live = NULL;
    for (int64_t i = 0; all && (v->validity || v->live) && i < v->rows; i++) {
        all = !dsi_arrow_view_is_null(v, i) ||
              dsi_column_offset(out, i) == dsi_column_offset(out, i + 1);
    }
    if (all) {
        return DS_OK;
    }
    bits = dsi_batch_calloc(b, dsi_bits_size(rows));
    if (!bits) {
        return dsi_no_memory(err, "importing a list");
    }
    for (int64_t i = 0; i < v->rows; i++) {
        if (!dsi_arrow_view_is_null(v, i)) {
            int64_t first = dsi_column_offset(out, i);
            set_bits(bits, first, dsi_column_offset(out, i + 1) - first);
        }
    }
    *live = bits;
    return DS_OK;
}

static int convert_elements(struct dsi_batch *b, const struct dsi_arrow_layer *layer,
                            const struct dsi_arrow_view *v, int64_t first,
                            struct dsi_column *out, struct ds_error *err)
{
    struct dsi_arrow_origin origin = {.of = v, .list = out};
    struct cover cover = {.first = first, .origin = &origin};
    int rc = DS_OK;

    cover.rows = dsi_column_offset(out, v->rows);
    DSI_TRY(live_elements(b, v, out, cover.rows, &cover.live, err));
    DSI_TRY(convert_cover(b, layer, v, &cover, out, err));
done:
    return rc;
}

// --- where each list begins and ends

// Too many elements for one batch; also more than a child can have.
static int too_many(const struct dsi_arrow_view *v, int64_t elements,
                    struct ds_error *err)
{
    return dsi_fail(err, DS_EUNSUPPORTED,
                    "column %s: %lld elements in one array; hand over smaller ones",
                    v->name, (long long)elements);
}

// Offsets that begin at 0, borrowed where they do so already.
static int take_offsets(struct dsi_batch *b, const struct dsi_arrow_view *v,
                        int64_t first, struct dsi_column *out, struct ds_error *err)
{
    const void *in = v->array->buffers[1];
    bool wide = v->format.offsets == DSI_ARROW_64;
    int32_t *offsets = NULL;
    int64_t rows = dsi_arrow_offset(v, v->rows) - first;

    if (rows > DSI_BATCH_ROWS_MAX) {
        return too_many(v, rows, err);
    }
    out->offsets = NULL;
    out->offsets64 = NULL;
    if (first == 0 && v->first == 0 && (uintptr_t)in % (wide ? 8 : 4) == 0) {
        out->offsets = wide ? NULL : in;
        out->offsets64 = wide ? in : NULL;
        return DS_OK;
    }
    offsets = dsi_batch_malloc(b, ((size_t)v->rows + 1) * sizeof *offsets);
    if (!offsets) {
        return dsi_no_memory(err, "importing a list");
    }
    for (int64_t i = 0; i <= v->rows; i++) {
        offsets[i] = (int32_t)(dsi_arrow_offset(v, i) - first);
    }
    out->offsets = offsets;
    return DS_OK;
}

static int convert_list(struct dsi_batch *b, const struct dsi_arrow_layer *layer,
                        const struct dsi_arrow_view *v, struct dsi_column *out,
                        struct ds_error *err)
{
    int64_t first = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_arrow_check_offsets(v, err));
    first = dsi_arrow_offset(v, 0);
    DSI_TRY(dsi_arrow_copy_validity(b, v, out, err));
    DSI_TRY(take_offsets(b, v, first, out, err));
    DSI_TRY(convert_elements(b, layer, v, first, out, err));
done:
    return rc;
}

// Lists of one size, which have no offsets.
static int convert_fixed_list(struct dsi_batch *b, const struct dsi_arrow_layer *layer,
                              const struct dsi_arrow_view *v, struct dsi_column *out,
                              struct ds_error *err)
{
    int64_t size = (int64_t)v->format.width;
    int32_t *offsets = NULL;
    int rc = DS_OK;

    if (size > 0 && v->rows > DSI_BATCH_ROWS_MAX / size) {
        return too_many(v, v->rows * size, err); // Both fit 32 bits.
    }
    if (size > 0 && v->first > INT64_MAX / size) {
        return too_many(v, v->first, err);
    }
    DSI_TRY(dsi_arrow_copy_validity(b, v, out, err));
    offsets = dsi_batch_malloc(b, ((size_t)v->rows + 1) * sizeof *offsets);
    if (!offsets) {
        rc = dsi_no_memory(err, "importing a list");
        goto done;
    }
    for (int64_t i = 0; i <= v->rows; i++) {
        offsets[i] = (int32_t)(i * size);
    }
    out->offsets = offsets;
    out->offsets64 = NULL;
    DSI_TRY(convert_elements(b, layer, v, v->first * size, out, err));
done:
    return rc;
}

// --- views: lists that lie anywhere in their child, in any order

// What the views of an array cover.
struct views {
    int64_t first; // The lowest row, and one past the highest.
    int64_t end;
    int64_t total; // Elements of all, one after another.
    bool in_order; // Each begins where the one before ended.
};

static int view_at(const struct dsi_arrow_view *v, int64_t i, int64_t *first,
                   int64_t *size, struct ds_error *err)
{
    size_t width = v->format.width;
    size_t at = (size_t)(v->first + i) * width;
    int64_t child = v->array->children[0]->length;

    *first = dsi_arrow_int((const uint8_t *)v->array->buffers[1] + at, width, true);
    *size = dsi_arrow_int((const uint8_t *)v->array->buffers[2] + at, width, true);
    bool ok = *first >= 0 && *size >= 0 && *size <= child && *first <= child - *size;
    return ok ? DS_OK
              : dsi_arrow_row_error(v, i, "its Arrow view points outside its child", err);
}

static int measure_views(const struct dsi_arrow_view *v, struct views *out,
                         int32_t *offsets, struct ds_error *err)
{
    int rc = DS_OK;

    *out = (struct views){.first = INT64_MAX, .in_order = true};
    if (!v->array->buffers[1] || !v->array->buffers[2]) {
        return dsi_fail(err, DS_EINVALID,
                        "column %s: its Arrow array has no offsets or no sizes", v->name);
    }
    offsets[0] = 0;
    for (int64_t i = 0; i < v->rows; i++) {
        int64_t first = 0;
        int64_t size = 0;
        if (!dsi_arrow_view_is_null(v, i)) {
            DSI_TRY(view_at(v, i, &first, &size, err));
        }
        if (size > 0) {
            out->in_order = out->in_order && (out->total == 0 || first == out->end);
            out->first = first < out->first ? first : out->first;
            out->end = first + size > out->end ? first + size : out->end;
            out->total += size;
            if (out->total > DSI_BATCH_ROWS_MAX) {
                return too_many(v, out->total, err);
            }
        }
        offsets[i + 1] = (int32_t)out->total;
    }
    if (out->total == 0) {
        out->first = 0;
    }
done:
    return rc;
}

// The elements of views in any order, gathered one after another.
static int gather_views(struct dsi_batch *b, const struct dsi_arrow_layer *layer,
                        const struct dsi_arrow_view *v, const struct views *w,
                        struct dsi_column *out, struct ds_error *err)
{
    int64_t covered = w->end - w->first;
    int64_t *rows = dsi_calloc((size_t)w->total, sizeof *rows);
    uint8_t *live = dsi_calloc(1, dsi_bits_size(covered));
    struct dsi_arrow_origin origin = {
        .of = v, .list = out, .rows = rows, .count = w->total};
    struct cover cover = {w->first, covered, live, &origin};
    struct dsi_column elements = {.field = out->children[0].field};
    int64_t at = 0;
    int rc = rows && live ? DS_OK : dsi_no_memory(err, "importing a list");

    DSI_TRY(rc);
    for (int64_t i = 0; i < v->rows; i++) {
        int64_t first = 0;
        int64_t size = 0;
        if (!dsi_arrow_view_is_null(v, i)) {
            DSI_TRY(view_at(v, i, &first, &size, err));
        }
        for (int64_t k = 0; k < size; k++) {
            rows[at++] = first - w->first + k;
        }
        if (size > 0) {
            set_bits(live, first - w->first, size);
        }
    }
    DSI_TRY(dsi_batch_column(b, &elements, err));
    DSI_TRY(convert_element(b, layer, v, &cover, &elements, err));
    DSI_TRY(dsi_column_gather(b, &elements, rows, at, &out->children[0], err));
done:
    dsi_free(rows);
    dsi_free(live);
    return rc;
}

static int convert_views(struct dsi_batch *b, const struct dsi_arrow_layer *layer,
                         const struct dsi_arrow_view *v, struct dsi_column *out,
                         struct ds_error *err)
{
    int32_t *offsets = dsi_batch_malloc(b, ((size_t)v->rows + 1) * sizeof *offsets);
    struct views w = {0};
    int rc = offsets ? DS_OK : dsi_no_memory(err, "importing a list");

    DSI_TRY(rc);
    DSI_TRY(dsi_arrow_copy_validity(b, v, out, err));
    DSI_TRY(measure_views(v, &w, offsets, err));
    out->offsets = offsets;
    out->offsets64 = NULL;
    rc = w.in_order ? convert_elements(b, layer, v, w.first, out, err)
                    : gather_views(b, layer, v, &w, out, err);
done:
    return rc;
}

int dsi_arrow_convert_nested(struct dsi_batch *b, const struct dsi_arrow_layer *layer,
                             const struct dsi_arrow_view *v, struct dsi_column *out,
                             struct ds_error *err)
{
    out->values = NULL;
    if (v->format.kind == DSI_ARROW_STRUCT) {
        return convert_struct(b, layer, v, out, err);
    }
    if (v->format.offsets == DSI_ARROW_NO_OFFSETS) {
        return convert_fixed_list(b, layer, v, out, err);
    }
    return v->format.offsets == DSI_ARROW_VIEW ? convert_views(b, layer, v, out, err)
                                               : convert_list(b, layer, v, out, err);
}
