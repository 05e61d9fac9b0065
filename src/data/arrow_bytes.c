// Text and binary: 32 and 64 bit offsets, which can be borrowed, and views, which are
// gathered into offsets and bytes.
#include "base/error.h"
#include "base/text.h"
#include "codec/kernel/kernel.h"
#include "data/arrow_array.h"

// Arrow's view of one value: up to 12 bytes are in it, longer ones in a buffer.
struct view {
    int32_t size;
    uint8_t inlined[4]; // Or the first bytes of a longer value.
    int32_t buffer;     // Or bytes 5 to 8.
    int32_t offset;     // Or bytes 9 to 12.
};

enum { VIEW_INLINE_MAX = 12 };

static int64_t offset_at(const struct dsi_column *c, int64_t i)
{
    return c->offsets ? c->offsets[i] : c->offsets64[i];
}

// Every value alone must be UTF-8. It is, when all bytes together are and no value begins
// in the middle of a character; only otherwise (null slots may hold anything) look at
// each.
static int check_text(const struct dsi_arrow_view *v, const struct dsi_column *c,
                      struct ds_error *err)
{
    const uint8_t *bytes = c->values;
    int64_t begin = offset_at(c, c->offset);
    int64_t end = offset_at(c, c->offset + c->length);
    enum dsi_text_kind kind =
        dsi_kernels()->text_kind(bytes + begin, (size_t)(end - begin));
    bool valid = kind != DSI_TEXT_BAD;

    if (kind == DSI_TEXT_ASCII) { // A value may begin anywhere.
        return DS_OK;
    }
    for (int64_t i = 0; valid && i < v->rows; i++) {
        int64_t at = offset_at(c, c->offset + i);
        valid = at == end || (bytes[at] & 0xc0) != 0x80;
    }
    for (int64_t i = 0; !valid && i < v->rows; i++) {
        if (!dsi_arrow_view_is_null(v, i) && !dsi_utf8_valid(dsi_column_bytes(c, i))) {
            return dsi_arrow_row_error(v, i, "text that is not UTF-8", err);
        }
    }
    return DS_OK;
}

// Offsets that are not aligned are copied, the part we need.
static int take_offsets(struct dsi_batch *b, const struct dsi_arrow_view *v,
                        struct dsi_column *out, struct ds_error *err)
{
    const void *in = v->array->buffers[1];
    size_t width = v->format.offsets == DSI_ARROW_64 ? 8 : 4;

    out->length = v->rows;
    out->offset = v->first;
    out->null_count = v->nulls;
    out->validity = v->validity;
    if ((uintptr_t)in % width != 0) {
        size_t size = ((size_t)v->rows + 1) * width;
        void *copy = dsi_batch_malloc(b, size);
        if (!copy) {
            return dsi_no_memory(err, "copying the offsets of a column");
        }
        memcpy(copy, (const uint8_t *)in + (size_t)v->first * width, size);
        in = copy;
        int rc = dsi_arrow_copy_validity(b, v, out, err); // Which begins at row 0, too.
        if (rc < 0) {
            return rc;
        }
    }
    out->offsets = width == 4 ? in : NULL;
    out->offsets64 = width == 8 ? in : NULL;
    return DS_OK;
}

static int borrow_offsets(struct dsi_batch *b, const struct dsi_arrow_view *v,
                          struct dsi_column *out, struct ds_error *err)
{
    static const uint8_t nothing[1];
    int rc = dsi_arrow_check_offsets(v, err);

    if (rc == DS_OK) {
        rc = take_offsets(b, v, out, err);
    }
    if (rc < 0) {
        return rc;
    }
    out->values = v->array->buffers[2];
    if (!out->values) {
        if (offset_at(out, out->offset + out->length) > 0) {
            return dsi_fail(err, DS_EINVALID, "column %s: its Arrow array has no bytes",
                            v->name);
        }
        out->values = nothing;
    }
    return v->format.kind == DSI_ARROW_TEXT ? check_text(v, out, err) : DS_OK;
}

// The bytes a view stands for; false when it points outside its buffers.
static bool resolve(const struct dsi_arrow_view *v, const uint8_t *at,
                    struct ds_slice *out)
{
    const struct ArrowArray *a = v->array;
    int64_t variadic = a->n_buffers - 3;
    const uint8_t *sizes = a->buffers[a->n_buffers - 1];
    struct view w;

    memcpy(&w, at, sizeof w);
    if (w.size < 0) {
        return false;
    }
    if (w.size <= VIEW_INLINE_MAX) {
        *out = (struct ds_slice){at + 4, (size_t)w.size};
        return true;
    }
    if (w.buffer < 0 || w.buffer >= variadic || w.offset < 0 || !sizes) {
        return false;
    }
    const uint8_t *bytes = a->buffers[2 + w.buffer];
    int64_t size = dsi_arrow_int(sizes + (size_t)w.buffer * 8, 8, true);
    if (!bytes || size < w.size || w.offset > size - w.size) {
        return false;
    }
    *out = (struct ds_slice){bytes + w.offset, (size_t)w.size};
    return true;
}

// Two passes over the views: the first finds how many bytes there are.
static int measure_views(const struct dsi_arrow_view *v, const uint8_t *views,
                         int32_t *offsets, struct ds_error *err)
{
    size_t total = 0;

    for (int64_t i = 0; i < v->rows; i++) {
        struct ds_slice bytes = {0};
        if (!dsi_arrow_view_is_null(v, i)) {
            if (!resolve(v, views + (size_t)i * sizeof(struct view), &bytes)) {
                return dsi_arrow_row_error(v, i, "its Arrow view points outside its data",
                                           err);
            }
            if (v->format.kind == DSI_ARROW_TEXT && !dsi_utf8_valid(bytes)) {
                return dsi_arrow_row_error(v, i, "text that is not UTF-8", err);
            }
        }
        if (bytes.size > DSI_COLUMN_BYTES_MAX - total) {
            return dsi_fail(err, DS_EUNSUPPORTED,
                            "column %s: more than %zu bytes in one array; hand over "
                            "smaller ones",
                            v->name, DSI_COLUMN_BYTES_MAX);
        }
        total += bytes.size;
        offsets[i + 1] = (int32_t)total;
    }
    return DS_OK;
}

static int gather_views(struct dsi_batch *b, const struct dsi_arrow_view *v,
                        struct dsi_column *out, struct ds_error *err)
{
    const uint8_t *views =
        (const uint8_t *)v->array->buffers[1] + (size_t)v->first * sizeof(struct view);
    int32_t *offsets = dsi_batch_calloc(b, ((size_t)v->rows + 1) * sizeof *offsets);
    uint8_t *values = NULL;
    int rc = DS_OK;

    if (!offsets) {
        return dsi_no_memory(err, "gathering a column of views");
    }
    DSI_TRY(dsi_arrow_copy_validity(b, v, out, err));
    DSI_TRY(measure_views(v, views, offsets, err));
    values = dsi_batch_malloc(b, (size_t)offsets[v->rows]);
    if (!values) {
        rc = dsi_no_memory(err, "gathering a column of views");
        goto done;
    }
    for (int64_t i = 0; i < v->rows; i++) {
        struct ds_slice bytes = {0};
        if (offsets[i + 1] > offsets[i] &&
            resolve(v, views + (size_t)i * sizeof(struct view), &bytes)) {
            memcpy(values + offsets[i], bytes.data, bytes.size);
        }
    }
    out->values = values;
    out->offsets = offsets;
    out->offsets64 = NULL;
done:
    return rc;
}

int dsi_arrow_convert_bytes(struct dsi_batch *b, const struct dsi_arrow_view *v,
                            struct dsi_column *out, struct ds_error *err)
{
    if (!v->array->buffers[1]) {
        return dsi_fail(err, DS_EINVALID, "column %s: its Arrow array has no %s", v->name,
                        v->format.offsets == DSI_ARROW_VIEW ? "views" : "offsets");
    }
    return v->format.offsets == DSI_ARROW_VIEW ? gather_views(b, v, out, err)
                                               : borrow_offsets(b, v, out, err);
}
