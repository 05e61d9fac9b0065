// Chosen rows of a column, at any depth.
#include <assert.h>

#include "base/alloc.h"
#include "base/error.h"
#include "data/column_layout.h"

static void gather_fixed(const struct dsi_column *in, const int64_t *rows, int64_t count,
                         size_t width, uint8_t *out)
{
    const uint8_t *values = in->values;
    for (int64_t i = 0; i < count; i++) {
        if (rows[i] < 0) {
            continue;
        }
        const uint8_t *from = values + (size_t)(in->offset + rows[i]) * width;
        uint8_t *to = out + (size_t)i * width;
        if (width == 8) { // Constant sizes become single moves.
            memcpy(to, from, 8);
        } else if (width == 4) {
            memcpy(to, from, 4);
        } else {
            memcpy(to, from, width);
        }
    }
}

static void gather_bytes(const struct dsi_column *in, const int64_t *rows, int64_t count,
                         struct dsi_column *out)
{
    uint8_t *values = (uint8_t *)out->values; // Ours, made just now.
    int32_t *offsets = (int32_t *)out->offsets;
    size_t at = 0;

    for (int64_t i = 0; i < count; i++) {
        if (rows[i] >= 0 && !dsi_column_is_null(in, rows[i])) {
            struct ds_slice v = dsi_column_bytes(in, rows[i]);
            if (v.size > 0) {
                memcpy(values + at, v.data, v.size);
                at += v.size;
            }
        }
        offsets[i + 1] = (int32_t)at;
    }
}

// Sets the validity of gathered rows; drops it again when nothing is null.
static void gather_validity(const struct dsi_column *in, const int64_t *rows,
                            int64_t count, struct dsi_column *out)
{
    uint8_t *validity = (uint8_t *)out->validity; // Ours, made just now.
    int64_t nulls = 0;

    assert(validity);
    for (int64_t i = 0; i < count; i++) {
        if (rows[i] >= 0 && !dsi_column_is_null(in, rows[i])) {
            dsi_bit_set(validity, i);
        } else {
            nulls++;
        }
    }
    out->null_count = nulls;
    if (nulls == 0) {
        out->validity = NULL;
    }
}

// A struct's children are gathered with it.
static int gather_struct(struct dsi_batch *b, const struct dsi_column *in,
                         const int64_t *rows, int64_t count, struct dsi_column *out,
                         struct ds_error *err)
{
    int64_t *below = dsi_calloc((size_t)count, sizeof *below);
    int rc = below ? DS_OK : dsi_no_memory(err, "gathering a column");

    for (int64_t i = 0; rc == DS_OK && i < count; i++) {
        bool null = rows[i] < 0 || dsi_column_is_null(in, rows[i]);
        below[i] = null ? -1 : in->offset + rows[i];
    }
    for (size_t c = 0; rc == DS_OK && c < in->child_count; c++) {
        rc = dsi_column_gather(b, &in->children[c], below, count, &out->children[c], err);
    }
    dsi_free(below);
    return rc;
}

// The elements of the chosen rows, one after another.
static void list_elements(const struct dsi_column *in, const int64_t *rows, int64_t count,
                          int32_t *offsets, int64_t *below)
{
    int64_t at = 0;

    for (int64_t i = 0; i < count; i++) {
        if (rows[i] >= 0 && !dsi_column_is_null(in, rows[i])) {
            int64_t end = dsi_column_offset(in, rows[i] + 1);
            for (int64_t k = dsi_column_offset(in, rows[i]); k < end; k++) {
                below[at++] = k;
            }
        }
        offsets[i + 1] = (int32_t)at;
    }
}

static int gather_list(struct dsi_batch *b, const struct dsi_column *in,
                       const int64_t *rows, int64_t count, struct dsi_column *out,
                       struct ds_error *err)
{
    int64_t total = 0;

    for (int64_t i = 0; i < count; i++) {
        if (rows[i] >= 0 && !dsi_column_is_null(in, rows[i])) {
            total += dsi_column_offset(in, rows[i] + 1) - dsi_column_offset(in, rows[i]);
            if (total > DSI_BATCH_ROWS_MAX) {
                return dsi_fail(err, DS_EUNSUPPORTED,
                                "column %s: more than %lld elements are too much for one "
                                "batch; hand over smaller ones",
                                out->field->name, (long long)DSI_BATCH_ROWS_MAX);
            }
        }
    }
    int64_t *below = dsi_calloc((size_t)total, sizeof *below);
    if (!below) {
        return dsi_no_memory(err, "gathering a column");
    }
    list_elements(in, rows, count, (int32_t *)out->offsets, below); // Made just now.
    int rc = DS_OK;
    for (size_t c = 0; rc == DS_OK && c < in->child_count; c++) {
        rc = dsi_column_gather(b, &in->children[c], below, total, &out->children[c], err);
    }
    dsi_free(below);
    return rc;
}

static int gather_nested(struct dsi_batch *b, const struct dsi_column *in,
                         const int64_t *rows, int64_t count, struct dsi_column *out,
                         struct ds_error *err)
{
    assert(in->child_count == out->child_count);
    return dsi_layout_has_offsets(&out->field->type)
               ? gather_list(b, in, rows, count, out, err)
               : gather_struct(b, in, rows, count, out, err);
}

int dsi_column_gather(struct dsi_batch *b, const struct dsi_column *in,
                      const int64_t *rows, int64_t count, struct dsi_column *out,
                      struct ds_error *err)
{
    enum dsi_layout layout = dsi_layout_of(&out->field->type);
    size_t bytes = 0;

    assert(layout == dsi_layout_of(&in->field->type));
    for (int64_t i = 0; layout == DSI_LAYOUT_BYTES && i < count; i++) {
        if (rows[i] >= 0 && !dsi_column_is_null(in, rows[i])) {
            bytes += dsi_column_bytes(in, rows[i]).size;
            if (bytes > DSI_COLUMN_BYTES_MAX) {
                break; // dsi_column_make says so.
            }
        }
    }
    int rc = dsi_column_make(b, out, count, bytes, true, err);
    if (rc == DS_OK && layout == DSI_LAYOUT_NESTED) {
        rc = gather_nested(b, in, rows, count, out, err);
    }
    if (rc < 0 || layout == DSI_LAYOUT_NONE) {
        return rc;
    }
    uint8_t *values = (uint8_t *)out->values; // Ours, made just now.
    if (layout == DSI_LAYOUT_FIXED) {
        gather_fixed(in, rows, count, dsi_layout_width(&out->field->type), values);
    } else if (layout == DSI_LAYOUT_BYTES) {
        gather_bytes(in, rows, count, out);
    } else if (layout == DSI_LAYOUT_BITS) {
        for (int64_t i = 0; i < count; i++) {
            if (rows[i] >= 0 && dsi_bit_get(in->values, in->offset + rows[i])) {
                dsi_bit_set(values, i);
            }
        }
    }
    gather_validity(in, rows, count, out);
    return DS_OK;
}
