#include "data/arrow_array.h"

#include "base/checked.h"
#include "base/error.h"

// So that bits and bytes of any width up to a FIXED's can be counted in 64 bits.
#define ELEMENTS_MAX (INT64_MAX / 64)

int64_t dsi_arrow_int(const uint8_t *p, size_t width, bool is_signed)
{
    uint8_t u8 = 0;
    uint16_t u16 = 0;
    uint32_t u32 = 0;
    uint64_t u64 = 0;

    switch (width) {
    case 1:
        memcpy(&u8, p, 1);
        return is_signed ? (int8_t)u8 : (int64_t)u8;
    case 2:
        memcpy(&u16, p, 2);
        return is_signed ? (int16_t)u16 : (int64_t)u16;
    case 4:
        memcpy(&u32, p, 4);
        return is_signed ? (int32_t)u32 : (int64_t)u32;
    default:
        memcpy(&u64, p, 8);
        return (int64_t)u64;
    }
}

// The row of the view around that a row of ours belongs to: the first that refers to it.
static int64_t outer_row(const struct dsi_arrow_origin *o, int64_t row)
{
    if (o->rows) {
        int64_t i = 0;
        while (i < o->count && o->rows[i] != row) {
            i++;
        }
        row = i;
    }
    if (o->list) {
        int64_t i = 0;
        while (i + 1 < o->list->length && dsi_column_offset(o->list, i + 1) <= row) {
            i++;
        }
        row = i;
    }
    return row;
}

int dsi_arrow_row_error(const struct dsi_arrow_view *v, int64_t row, const char *what,
                        struct ds_error *err)
{
    for (const struct dsi_arrow_origin *o = v->origin; o; o = o->of->origin) {
        row = outer_row(o, row);
    }
    return dsi_fail(err, DS_EINVALID, "column %s, row %lld: %s", v->name,
                    (long long)v->row_base + row, what);
}

static int lie(const struct dsi_arrow_view *v, const char *what, int64_t number,
               struct ds_error *err)
{
    return dsi_fail(err, DS_EINVALID, "column %s: its Arrow array %s (%lld)", v->name,
                    what, (long long)number);
}

// How many buffers and children an array of this format has; variadic buffers apart.
static void shape(const struct dsi_arrow_format *f, int64_t *buffers, int64_t *children)
{
    *buffers = 2;
    *children = 0;
    switch (f->kind) {
    case DSI_ARROW_NULL:
        *buffers = 0;
        break;
    case DSI_ARROW_TEXT:
    case DSI_ARROW_BINARY:
        *buffers = 3;
        break;
    case DSI_ARROW_STRUCT:
        *buffers = 1;
        *children = -1; // The caller knows how many.
        break;
    case DSI_ARROW_LIST:
        *buffers = f->offsets == DSI_ARROW_VIEW         ? 3
                   : f->offsets == DSI_ARROW_NO_OFFSETS ? 1
                                                        : 2;
        *children = 1;
        break;
    case DSI_ARROW_MAP:
        *children = 1;
        break;
    case DSI_ARROW_RUN_ENDS:
        *buffers = 0;
        *children = 2;
        break;
    default:
        break;
    }
}

static int check_shape(const struct dsi_arrow_view *v, bool dictionary,
                       struct ds_error *err)
{
    const struct ArrowArray *a = v->array;
    bool variadic =
        v->format.offsets == DSI_ARROW_VIEW &&
        (v->format.kind == DSI_ARROW_TEXT || v->format.kind == DSI_ARROW_BINARY);
    int64_t buffers = 0;
    int64_t children = 0;

    shape(&v->format, &buffers, &children);
    bool null_with_one = v->format.kind == DSI_ARROW_NULL && a->n_buffers == 1;
    if (a->n_buffers < buffers || a->n_buffers > INT32_MAX ||
        (!variadic && a->n_buffers != buffers && !null_with_one)) {
        return lie(v, "has the wrong number of buffers", a->n_buffers, err);
    }
    if (a->n_buffers > 0 && !a->buffers) {
        return lie(v, "has no list of buffers, but says it has some", a->n_buffers, err);
    }
    if (a->n_children < 0 || (children >= 0 && a->n_children != children) ||
        (a->n_children > 0 && !a->children)) {
        return lie(v, "has the wrong number of children", a->n_children, err);
    }
    for (int64_t i = 0; children > 0 && i < children; i++) {
        if (!a->children[i]) {
            return lie(v, "has a child that is NULL", i, err);
        }
    }
    if (dictionary != (a->dictionary != NULL)) {
        return lie(v, "and its schema disagree whether there is a dictionary",
                   a->dictionary != NULL, err);
    }
    return DS_OK;
}

static int check_validity(struct dsi_arrow_view *v, struct ds_error *err)
{
    const struct ArrowArray *a = v->array;
    bool has_validity = v->format.kind != DSI_ARROW_NULL &&
                        v->format.kind != DSI_ARROW_RUN_ENDS && a->n_buffers > 0;
    const uint8_t *bits = has_validity ? a->buffers[0] : NULL;

    if (v->format.kind == DSI_ARROW_NULL || v->format.kind == DSI_ARROW_RUN_ENDS) {
        return DS_OK; // They count nulls in ways of their own, and nobody relies on it.
    }
    if (a->null_count < -1 || a->null_count > a->length) {
        return lie(v, "has an impossible null_count", a->null_count, err);
    }
    if (!bits) {
        return a->null_count > 0
                   ? lie(v, "says it has nulls, but has no validity", a->null_count, err)
                   : DS_OK;
    }
    v->nulls = v->rows - dsi_bits_count(bits, v->first, v->rows);
    v->validity = v->nulls > 0 ? bits : NULL;
    if (a->null_count >= 0) {
        int64_t all = v->rows == a->length
                          ? v->nulls
                          : a->length - dsi_bits_count(bits, a->offset, a->length);
        if (all != a->null_count) {
            return lie(v, "has another null_count than its validity", a->null_count, err);
        }
    }
    return DS_OK;
}

int dsi_arrow_view_open(const struct ArrowArray *array,
                        const struct dsi_arrow_format *format, bool dictionary,
                        int64_t skip, struct dsi_arrow_view *v, struct ds_error *err)
{
    int64_t end = 0;

    v->array = array;
    v->format = *format;
    v->validity = NULL;
    v->nulls = 0;
    if (!array->release) {
        return lie(v, "was released", 0, err);
    }
    if (array->length < 0 || array->length > ELEMENTS_MAX) {
        return lie(v, "has an impossible length", array->length, err);
    }
    if (array->offset < 0 || !dsi_add_i64(array->offset, array->length, &end) ||
        end > ELEMENTS_MAX) {
        return lie(v, "has an impossible offset", array->offset, err);
    }
    if (skip > array->length || (v->rows >= 0 && v->rows > array->length - skip)) {
        return lie(v, "is shorter than what refers to it", array->length, err);
    }
    v->first = array->offset + skip;
    if (v->rows < 0) {
        v->rows = array->length - skip;
    }
    if (v->rows > DSI_BATCH_ROWS_MAX) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "column %s: %lld rows in one array; hand over smaller ones",
                        v->name, (long long)v->rows);
    }
    int rc = check_shape(v, dictionary, err);
    return rc < 0 ? rc : check_validity(v, err);
}

int dsi_arrow_check_children(const struct dsi_arrow_view *v, int64_t count,
                             struct ds_error *err)
{
    const struct ArrowArray *a = v->array;

    if (a->n_children != count) {
        return dsi_fail(err, DS_EINVALID,
                        "column %s: its Arrow array has %lld children, its schema %lld",
                        v->name, (long long)a->n_children, (long long)count);
    }
    for (int64_t i = 0; i < count; i++) {
        if (!a->children[i]) {
            return lie(v, "has a child that is NULL", i, err);
        }
    }
    return DS_OK;
}

int64_t dsi_arrow_offset(const struct dsi_arrow_view *v, int64_t row)
{
    size_t width = v->format.offsets == DSI_ARROW_64 ? 8 : 4;
    const uint8_t *in = v->array->buffers[1];
    return dsi_arrow_int(in + (size_t)(v->first + row) * width, width, true);
}

// Whether all offsets ascend, without a branch for each: which one does not is asked
// only when one does not.
static bool ascend(const struct dsi_arrow_view *v)
{
    const void *in = v->array->buffers[1];
    bool wide = v->format.offsets == DSI_ARROW_64;
    unsigned back = 0;

    if ((uintptr_t)in % (wide ? 8 : 4) != 0) {
        return false;
    }
    if (wide) {
        const int64_t *offsets = (const int64_t *)in + v->first;
        for (int64_t i = 0; i < v->rows; i++) {
            back |= offsets[i + 1] < offsets[i];
        }
        return back == 0 && offsets[0] >= 0;
    }
    const int32_t *offsets = (const int32_t *)in + v->first;
    for (int64_t i = 0; i < v->rows; i++) {
        back |= offsets[i + 1] < offsets[i];
    }
    return back == 0 && offsets[0] >= 0;
}

int dsi_arrow_check_offsets(const struct dsi_arrow_view *v, struct ds_error *err)
{
    if (!v->array->buffers[1]) {
        return dsi_fail(err, DS_EINVALID, "column %s: its Arrow array has no offsets",
                        v->name);
    }
    if (ascend(v)) {
        return DS_OK;
    }
    int64_t last = dsi_arrow_offset(v, 0);
    if (last < 0) {
        return dsi_arrow_row_error(v, 0, "its Arrow offset is negative", err);
    }
    for (int64_t i = 0; i < v->rows; i++) {
        int64_t next = dsi_arrow_offset(v, i + 1);
        if (next < last) {
            return dsi_arrow_row_error(v, i, "its Arrow offsets go backwards", err);
        }
        last = next;
    }
    return DS_OK;
}

bool dsi_arrow_fits(const struct dsi_arrow_format *f, const struct dsi_type *t)
{
    switch (t->kind) {
    case DSI_TYPE_BOOLEAN:
        return f->kind == DSI_ARROW_BOOL;
    case DSI_TYPE_INT:
        return f->kind == DSI_ARROW_INT &&
               (f->width < 4 || (f->width == 4 && f->is_signed));
    case DSI_TYPE_LONG:
        return f->kind == DSI_ARROW_INT && (f->width < 8 || f->is_signed);
    case DSI_TYPE_FLOAT:
        return f->kind == DSI_ARROW_HALF || f->kind == DSI_ARROW_FLOAT;
    case DSI_TYPE_DOUBLE:
        return f->kind == DSI_ARROW_HALF || f->kind == DSI_ARROW_FLOAT ||
               f->kind == DSI_ARROW_DOUBLE;
    case DSI_TYPE_DECIMAL: // Values of 256 bits are looked at one by one.
        return f->kind == DSI_ARROW_DECIMAL && f->scale == t->scale &&
               (f->precision <= t->precision || f->width == 32);
    case DSI_TYPE_DATE:
        return f->kind == DSI_ARROW_DATE;
    case DSI_TYPE_TIME:
        return f->kind == DSI_ARROW_TIME;
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMP_NS:
        return f->kind == DSI_ARROW_TIMESTAMP && !f->zone;
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        return f->kind == DSI_ARROW_TIMESTAMP && f->zone;
    case DSI_TYPE_STRING:
        return f->kind == DSI_ARROW_TEXT;
    case DSI_TYPE_BINARY:
    case DSI_TYPE_GEOMETRY:
    case DSI_TYPE_GEOGRAPHY:
        return f->kind == DSI_ARROW_BINARY;
    case DSI_TYPE_UUID:
    case DSI_TYPE_FIXED: // Values of any length are looked at one by one.
        return (f->kind == DSI_ARROW_FIXED && f->width == dsi_layout_width(t)) ||
               f->kind == DSI_ARROW_BINARY ||
               (f->kind == DSI_ARROW_TEXT && t->kind == DSI_TYPE_UUID);
    default:
        return false;
    }
}

int dsi_arrow_copy_validity(struct dsi_batch *b, const struct dsi_arrow_view *v,
                            struct dsi_column *out, struct ds_error *err)
{
    out->length = v->rows;
    out->offset = 0;
    out->null_count = v->nulls;
    out->validity = v->first == 0 ? v->validity : NULL;
    if (v->validity && v->first != 0) {
        uint8_t *bits = dsi_batch_malloc(b, dsi_bits_size(v->rows));
        if (!bits) {
            return dsi_no_memory(err, "copying the nulls of a column");
        }
        dsi_bits_copy(bits, v->validity, v->first, v->rows);
        out->validity = bits;
    }
    return DS_OK;
}
