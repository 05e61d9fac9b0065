#include "codec/parquet/parquet_spread.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "codec/parquet/parquet_bits.h"

size_t dsi_parquet_span_present(const struct dsi_parquet_span *s, int32_t max_def)
{
    size_t present = 0;

    if (!s->levels) {
        return s->level == max_def ? s->count : 0;
    }
    for (size_t i = 0; i < s->count; i++) {
        present += s->levels[i] == max_def;
    }
    return present;
}

// Appends the validity of the first `rows` rows of a span; not yet counted.
static int append_validity(const dsi_parquet_reader *r, const struct dsi_parquet_span *s,
                           size_t rows, struct dsi_parquet_column *out,
                           struct ds_error *err)
{
    struct dsi_parquet_span part = {rows, s->levels, s->level};
    size_t nulls = rows - dsi_parquet_span_present(&part, r->leaf->max_def);
    size_t at = out->elements;
    bool first = out->validity.size == 0;
    int rc = DS_OK;

    if (nulls == 0 && out->null_count == 0) {
        return DS_OK;
    }
    DSI_TRY(dsi_buf_append_zero(&out->validity, (at + rows + 7) / 8 - out->validity.size,
                                err));
    if (first) {
        dsi_bits_fill(out->validity.data, 0, at);
    }
    if (nulls == 0) {
        dsi_bits_fill(out->validity.data, at, rows);
    } else if (nulls < rows) {
        for (size_t i = 0; i < rows; i++) {
            dsi_bit_or(out->validity.data, at + i, s->levels[i] == r->leaf->max_def);
        }
    }
    out->null_count += nulls;
done:
    return rc;
}

// Moves `present` values that stand together to where the levels say; zeros between.
static void spread(uint8_t *values, size_t width, const struct dsi_parquet_span *s,
                   int32_t max_def, size_t present)
{
    for (size_t row = s->count; row > present; row--) {
        if (s->levels[row - 1] == max_def) {
            present--;
            memmove(values + (row - 1) * width, values + present * width, width);
        } else {
            memset(values + (row - 1) * width, 0, width);
        }
    }
}

static void spread_bits(uint8_t *bits, size_t at, const struct dsi_parquet_span *s,
                        int32_t max_def, size_t present)
{
    uint8_t packed[DSI_PARQUET_BLOCK / 8] = {0};
    size_t next = 0;

    dsi_bits_copy(packed, 0, bits, at, present);
    for (size_t i = 0; i < s->count; i++) {
        bits[(at + i) / 8] &= (uint8_t) ~(1u << (at + i) % 8);
        if (s->levels[i] == max_def) {
            dsi_bit_or(bits, at + i, dsi_bit_get(packed, next++));
        }
    }
}

static int append_fixed(dsi_parquet_reader *r, struct dsi_parquet_span *s,
                        struct dsi_parquet_column *out, struct ds_error *err)
{
    size_t width = dsi_parquet_width(&r->leaf->field);
    size_t before = out->values.size;
    size_t present = 0;
    int rc = DS_OK;

    if (width == 0 && s->count > DSI_PARQUET_BLOCK) {
        s->count = DSI_PARQUET_BLOCK;
    }
    present = dsi_parquet_span_present(s, r->leaf->max_def);
    DSI_TRY(dsi_parquet_values_fixed(&r->values, present, out, err));
    if (width == 0) {
        DSI_TRY(dsi_buf_append_zero(
            &out->values, (out->elements + s->count + 7) / 8 - out->values.size, err));
        if (present > 0 && present < s->count) {
            spread_bits(out->values.data, out->elements, s, r->leaf->max_def, present);
        }
    } else if (present < s->count) {
        if (s->count > SIZE_MAX / width) {
            return dsi_parquet_pages_corrupt(r, "more rows than memory has addresses",
                                             err);
        }
        DSI_TRY(dsi_buf_append_zero(&out->values, (s->count - present) * width, err));
        if (present > 0) {
            spread(out->values.data + before, width, s, r->leaf->max_def, present);
        }
    }
    DSI_TRY(append_validity(r, s, s->count, out, err));
done:
    return rc;
}

static int append_bytes(dsi_parquet_reader *r, struct dsi_parquet_span *s,
                        struct dsi_parquet_column *out, struct ds_error *err)
{
    uint8_t nulls[DSI_PARQUET_BLOCK];
    const uint8_t *levels = s->levels;
    size_t rows = 0;
    int rc = DS_OK;

    if (!levels && s->level != r->leaf->max_def) {
        s->count = s->count < DSI_PARQUET_BLOCK ? s->count : DSI_PARQUET_BLOCK;
        memset(nulls, s->level, s->count);
        levels = nulls;
    }
    if (out->values.size == 0) {
        DSI_TRY(dsi_buf_append_zero(&out->values, sizeof(int32_t), err));
    }
    DSI_TRY(dsi_parquet_values_bytes(&r->values, s->count, levels, r->leaf->max_def, out,
                                     &rows, err));
    s->count = rows;
    DSI_TRY(append_validity(r, s, rows, out, err));
done:
    return rc;
}

int dsi_parquet_spread(dsi_parquet_reader *r, struct dsi_parquet_span *s,
                       struct dsi_parquet_column *out, struct ds_error *err)
{
    int rc = DS_OK;

    if (r->values_owed > 0) {
        DSI_TRY(dsi_parquet_values_skip(&r->values, r->values_owed, err));
        r->values_owed = 0;
    }
    if (r->leaf->field.physical == DSI_PARQUET_BYTE_ARRAY) {
        DSI_TRY(append_bytes(r, s, out, err));
    } else {
        DSI_TRY(append_fixed(r, s, out, err));
    }
done:
    return rc;
}

// Leaves `count` bits; those above are zero, as whoever appends expects.
static void cut_bits(struct dsi_buf *bits, size_t count)
{
    bits->size = (count + 7) / 8;
    if (count % 8 != 0) {
        bits->data[count / 8] &= (uint8_t)((1u << count % 8) - 1);
    }
}

void dsi_parquet_spread_cut(const dsi_parquet_reader *r, size_t slots, size_t elements,
                            struct dsi_parquet_column *out)
{
    size_t width = dsi_parquet_width(&r->leaf->field);

    assert(elements <= out->elements && slots <= out->slots);
    if (out->validity.size > 0) {
        for (size_t i = elements; i < out->elements; i++) {
            out->null_count -= !dsi_bit_get(out->validity.data, i);
        }
        cut_bits(&out->validity, out->null_count > 0 ? elements : 0);
    }
    if (r->leaf->field.physical == DSI_PARQUET_BYTE_ARRAY) {
        int32_t end = 0;
        if (out->values.size > 0) {
            memcpy(&end, out->values.data + elements * sizeof end, sizeof end);
            out->values.size = (elements + 1) * sizeof end;
        }
        out->bytes.size = (size_t)end;
    } else if (width > 0) {
        out->values.size = elements * width;
    } else if (out->values.size > 0) {
        cut_bits(&out->values, elements);
    }
    out->defs.size = out->defs.size > slots ? slots : out->defs.size;
    out->reps.size = out->reps.size > slots ? slots : out->reps.size;
    out->elements = elements;
    out->slots = slots;
}
