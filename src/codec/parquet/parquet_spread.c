#include "codec/parquet/parquet_spread.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "codec/parquet/parquet_bits.h"

// The same as bits: set where there is a value.
struct presence {
    size_t rows;
    size_t present;
    uint8_t bits[DSI_PARQUET_BLOCK / 8]; // Only if some, but not all are there.
};

static void find_presence(const struct dsi_parquet_span *s, int32_t max_def,
                          struct presence *out)
{
    out->rows = s->count;
    if (s->levels) {
        assert(s->count <= DSI_PARQUET_BLOCK);
        out->present =
            dsi_kernels()->levels_bits(s->levels, s->count, (uint8_t)max_def, out->bits);
    } else {
        out->present = s->level == max_def ? s->count : 0;
    }
}

size_t dsi_parquet_span_present(const struct dsi_parquet_span *s, int32_t max_def)
{
    struct presence p;
    find_presence(s, max_def, &p);
    return p.present;
}

// Appends the validity of a span; not yet counted.
static int append_validity(const struct presence *p, struct dsi_parquet_column *out,
                           struct ds_error *err)
{
    size_t nulls = p->rows - p->present;
    size_t at = out->elements;
    bool first = out->validity.size == 0;
    int rc = DS_OK;

    if (nulls == 0 && out->null_count == 0) {
        return DS_OK;
    }
    DSI_TRY(dsi_buf_append_zero(&out->validity,
                                (at + p->rows + 7) / 8 - out->validity.size, err));
    if (first) {
        dsi_bits_fill(out->validity.data, 0, at);
    }
    if (nulls == 0) {
        dsi_bits_fill(out->validity.data, at, p->rows);
    } else if (p->present > 0) {
        dsi_bits_copy(out->validity.data, at, p->bits, 0, p->rows);
    }
    out->null_count += nulls;
done:
    return rc;
}

// Booleans: one by one, from a copy.
static void spread_bits(uint8_t *bits, size_t at, const struct presence *p)
{
    uint8_t packed[DSI_PARQUET_BLOCK / 8] = {0};
    size_t next = 0;

    dsi_bits_copy(packed, 0, bits, at, p->present);
    for (size_t i = 0; i < p->rows; i++) {
        bits[(at + i) / 8] &= (uint8_t) ~(1u << (at + i) % 8);
        if (dsi_bit_get(p->bits, i)) {
            dsi_bit_or(bits, at + i, dsi_bit_get(packed, next++));
        }
    }
}

static int append_booleans(dsi_parquet_reader *r, const struct presence *p,
                           struct dsi_parquet_column *out, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_parquet_values_fixed(&r->values, p->present, out, err));
    DSI_TRY(dsi_buf_append_zero(
        &out->values, (out->elements + p->rows + 7) / 8 - out->values.size, err));
    if (p->present > 0 && p->present < p->rows) {
        spread_bits(out->values.data, out->elements, p);
    }
done:
    return rc;
}

static int append_fixed(dsi_parquet_reader *r, const struct presence *p,
                        struct dsi_parquet_column *out, struct ds_error *err)
{
    size_t width = dsi_parquet_width(&r->leaf->field);
    size_t before = out->values.size;
    int rc = DS_OK;

    if (width == 0) {
        return append_booleans(r, p, out, err);
    }
    if (p->rows > SIZE_MAX / width) {
        return dsi_parquet_pages_corrupt(r, "more rows than memory has addresses", err);
    }
    DSI_TRY(dsi_buf_reserve(&out->values, p->rows * width, err));
    DSI_TRY(dsi_parquet_values_fixed(&r->values, p->present, out, err));
    if (p->present == 0) {
        DSI_TRY(dsi_buf_append_zero(&out->values, p->rows * width, err));
    } else if (p->present < p->rows) {
        dsi_kernels()->expand(out->values.data + before, width, p->bits, p->rows,
                              p->present);
        out->values.size = before + p->rows * width;
    }
done:
    return rc;
}

// The row of value number `n`, from 0.
static size_t row_of(const struct presence *p, size_t n)
{
    size_t row = 0;

    if (p->present == p->rows) {
        return n;
    }
    for (; row < p->rows; row++) {
        if (dsi_bit_get(p->bits, row) && n-- == 0) {
            break;
        }
    }
    return row;
}

// Ends of the values become ends of the rows; a null's is that of the row before it. The
// last goes first: none is overwritten that is still needed.
static void spread_ends(int32_t *ends, const struct presence *p)
{
    size_t value = p->present;

    for (size_t row = p->rows; row > value; row--) {
        ends[row] = ends[value];
        value -= dsi_bit_get(p->bits, row - 1);
    }
}

static int append_bytes(dsi_parquet_reader *r, struct presence *p,
                        struct dsi_parquet_column *out, struct ds_error *err)
{
    size_t done_count = 0;
    int32_t *ends = NULL;
    int rc = DS_OK;

    if (p->rows > SIZE_MAX / sizeof(int32_t) - 1) {
        return dsi_parquet_pages_corrupt(r, "more rows than memory has addresses", err);
    }
    DSI_TRY(dsi_buf_reserve(&out->values, (p->rows + 1) * sizeof(int32_t), err));
    if (out->values.size == 0) {
        DSI_TRY(dsi_buf_append_zero(&out->values, sizeof(int32_t), err));
    }
    DSI_TRY(dsi_parquet_values_bytes(&r->values, p->present, out, &done_count, err));
    if (done_count < p->present) { // Up to the first that has no room.
        p->rows = row_of(p, done_count);
        p->present = done_count;
    }
    ends = (int32_t *)(void *)out->values.data + out->elements;
    if (p->present == 0) {
        for (size_t i = 0; i < p->rows; i++) {
            ends[i + 1] = ends[0];
        }
    } else {
        spread_ends(ends, p);
    }
    out->values.size = (out->elements + p->rows + 1) * sizeof(int32_t);
done:
    return rc;
}

int dsi_parquet_spread(dsi_parquet_reader *r, struct dsi_parquet_span *s,
                       struct dsi_parquet_column *out, struct ds_error *err)
{
    struct presence p;
    int rc = DS_OK;

    if (r->values_owed > 0) {
        DSI_TRY(dsi_parquet_values_skip(&r->values, r->values_owed, err));
        r->values_owed = 0;
    }
    find_presence(s, r->leaf->max_def, &p);
    if (r->leaf->field.physical == DSI_PARQUET_BYTE_ARRAY) {
        DSI_TRY(append_bytes(r, &p, out, err));
    } else {
        DSI_TRY(append_fixed(r, &p, out, err));
    }
    s->count = p.rows;
    DSI_TRY(append_validity(&p, out, err));
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

void dsi_parquet_spread_cut(const struct dsi_parquet_node *leaf, size_t slots,
                            size_t elements, struct dsi_parquet_column *out)
{
    size_t width = dsi_parquet_width(&leaf->field);

    assert(elements <= out->elements && slots <= out->slots);
    if (out->validity.size > 0) {
        for (size_t i = elements; i < out->elements; i++) {
            out->null_count -= !dsi_bit_get(out->validity.data, i);
        }
        cut_bits(&out->validity, out->null_count > 0 ? elements : 0);
    }
    if (leaf->field.physical == DSI_PARQUET_BYTE_ARRAY) {
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
