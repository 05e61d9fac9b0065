// Rows, value by value, into growing columns.
//
// (1) Before and after every call each column holds exactly `rows` values, and one more
//     where `set` says so: a failure in the middle of a row can always be rolled back.
#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/text.h"
#include "data/column_layout.h"

struct growing {
    const struct dsi_field *field;
    enum dsi_layout layout;
    size_t width;            // Of FIXED values.
    struct dsi_buf validity; // Bits.
    struct dsi_buf values;   // Bits, fixed values or bytes.
    struct dsi_buf offsets;  // int32_t, rows + 1 of them once there is a row.
    int64_t nulls;
    bool set; // The current row has its value.
};

struct dsi_batch_builder {
    const struct dsi_schema *schema;
    struct growing *columns;
    size_t column_count;
    int64_t rows;
};

// Back to `rows` values.
static void roll_back(struct growing *c, int64_t rows)
{
    if (!c->set) {
        return;
    }
    if (c->validity.size > 0 && !dsi_bit_get(c->validity.data, rows)) {
        c->nulls--;
    }
    if (c->validity.size > 0) {
        dsi_bit_clear(c->validity.data, rows); // A bit past the end is 0.
        c->validity.size = dsi_bits_size(rows);
    }
    if (c->layout == DSI_LAYOUT_BYTES) {
        int32_t end = 0;
        memcpy(&end, c->offsets.data + (size_t)rows * sizeof end, sizeof end);
        c->values.size = (size_t)end;
        c->offsets.size = ((size_t)rows + 1) * sizeof end;
    } else if (c->layout == DSI_LAYOUT_BITS) {
        dsi_bit_clear(c->values.data, rows);
        c->values.size = dsi_bits_size(rows);
    } else {
        c->values.size = (size_t)rows * c->width;
    }
    c->set = false;
}

// Room for one more value in every buffer, so that what follows cannot fail.
static int reserve(struct growing *c, int64_t rows, size_t bytes, struct ds_error *err)
{
    static const int32_t zero;
    int rc = DS_OK;

    if (dsi_bits_size(rows + 1) > c->validity.size) {
        DSI_TRY(dsi_buf_reserve(&c->validity, 1, err));
    }
    if (c->layout == DSI_LAYOUT_BYTES) {
        if (c->offsets.size == 0) {
            DSI_TRY(dsi_buf_append(&c->offsets, &zero, sizeof zero, err));
        }
        DSI_TRY(dsi_buf_reserve(&c->offsets, sizeof zero, err));
        DSI_TRY(dsi_buf_reserve(&c->values, bytes, err));
    } else {
        DSI_TRY(dsi_buf_reserve(&c->values, c->width + 1, err));
    }
done:
    return rc < 0
               ? dsi_wrap(err, rc, "column %s, row %lld", c->field->name, (long long)rows)
               : rc;
}

static void put_bit(struct dsi_buf *bits, int64_t row, bool value)
{
    if (dsi_bits_size(row + 1) > bits->size) {
        bits->data[bits->size++] = 0;
    }
    if (value) {
        dsi_bit_set(bits->data, row);
    }
}

static void put_fixed(struct growing *c, const struct dsi_value *v)
{
    uint8_t *out = c->values.data + c->values.size;

    c->values.size += c->width;
    if (v->null) {
        memset(out, 0, c->width);
    } else if (v->kind == DSI_TYPE_UUID || v->kind == DSI_TYPE_FIXED) {
        memcpy(out, v->as.bytes.data, c->width);
    } else {
        memcpy(out, &v->as, c->width); // Each member of the union begins where it begins.
    }
}

// Appends one value; the column has rolled back, or has none for this row.
static int put(struct growing *c, int64_t rows, const struct dsi_value *v,
               struct ds_error *err)
{
    size_t bytes = c->layout == DSI_LAYOUT_BYTES && !v->null ? v->as.bytes.size : 0;
    int rc = reserve(c, rows, bytes, err);
    if (rc < 0) {
        return rc;
    }
    put_bit(&c->validity, rows, !v->null);
    c->nulls += v->null;
    if (c->layout == DSI_LAYOUT_BYTES) {
        if (bytes > 0) {
            memcpy(c->values.data + c->values.size, v->as.bytes.data, bytes);
        }
        c->values.size += bytes;
        int32_t end = (int32_t)c->values.size; // At most the buffer's maximum.
        memcpy(c->offsets.data + c->offsets.size, &end, sizeof end);
        c->offsets.size += sizeof end;
    } else if (c->layout == DSI_LAYOUT_BITS) {
        put_bit(&c->values, rows, !v->null && v->as.boolean);
    } else if (c->width > 0) {
        put_fixed(c, v);
    }
    c->set = true;
    return DS_OK;
}

// Whether a value may stand in a column of this type.
static int check(const struct dsi_field *f, int64_t row, const struct dsi_value *v,
                 struct ds_error *err)
{
    const struct dsi_type *t = &f->type;
    const char *wrong = NULL;

    if (v->null) {
        return DS_OK;
    }
    if (v->kind != t->kind) {
        wrong = "a value of another type";
    } else if (t->kind == DSI_TYPE_STRING && !dsi_utf8_valid(v->as.bytes)) {
        wrong = "text that is not UTF-8";
    } else if (t->kind == DSI_TYPE_DECIMAL &&
               !dsi_int128_fits(v->as.decimal, t->precision)) {
        wrong = "more digits than its precision";
    } else if ((t->kind == DSI_TYPE_FIXED || t->kind == DSI_TYPE_UUID) &&
               v->as.bytes.size != dsi_layout_width(t)) {
        wrong = "another number of bytes";
    } else if (t->kind == DSI_TYPE_TIME &&
               (v->as.i64 < 0 || v->as.i64 >= INT64_C(86400000000))) {
        wrong = "a time outside the day";
    } else if (t->kind == DSI_TYPE_UNKNOWN) {
        wrong = "a value";
    }
    if (wrong) {
        char type[64];
        dsi_type_format(t, type, sizeof type);
        return dsi_fail(err, DS_EINVALID, "column %s (%s), row %lld: %s", f->name, type,
                        (long long)row, wrong);
    }
    return DS_OK;
}

void dsi_batch_builder_free(struct dsi_batch_builder *b)
{
    if (!b) {
        return;
    }
    for (size_t i = 0; i < b->column_count; i++) {
        dsi_buf_release(&b->columns[i].validity);
        dsi_buf_release(&b->columns[i].values);
        dsi_buf_release(&b->columns[i].offsets);
    }
    dsi_free(b->columns);
    dsi_free(b);
}

int dsi_batch_builder_new(const struct dsi_schema *schema, struct dsi_batch_builder **out,
                          struct ds_error *err)
{
    size_t count = schema->root.field_count;
    struct dsi_batch_builder *b = dsi_calloc(1, sizeof *b);

    *out = NULL;
    if (b) {
        b->schema = schema;
        b->columns = dsi_calloc(count, sizeof *b->columns);
    }
    if (!b || !b->columns) {
        dsi_batch_builder_free(b);
        return dsi_no_memory(err, "making a batch builder");
    }
    b->column_count = count;
    for (size_t i = 0; i < count; i++) {
        struct growing *c = &b->columns[i];
        c->field = &schema->root.fields[i];
        c->layout = dsi_layout_of(&c->field->type);
        c->width = dsi_layout_width(&c->field->type);
        c->values.max = DSI_COLUMN_BYTES_MAX;
        if (c->layout == DSI_LAYOUT_NESTED) {
            char type[64];
            dsi_type_format(&c->field->type, type, sizeof type);
            int rc = dsi_fail(err, DS_EUNSUPPORTED,
                              "column %s: rows with a %s cannot be built yet",
                              c->field->name, type);
            dsi_batch_builder_free(b);
            return rc;
        }
    }
    *out = b;
    return DS_OK;
}

int dsi_batch_builder_set(struct dsi_batch_builder *b, size_t column,
                          const struct dsi_value *v, struct ds_error *err)
{
    if (column >= b->column_count) {
        return dsi_fail(err, DS_EINVALID, "column %zu of a row of %zu columns", column,
                        b->column_count);
    }
    struct growing *c = &b->columns[column];
    int rc = check(c->field, b->rows, v, err);
    if (rc < 0) {
        return rc;
    }
    roll_back(c, b->rows);
    return put(c, b->rows, v, err);
}

int dsi_batch_builder_end_row(struct dsi_batch_builder *b, struct ds_error *err)
{
    static const struct dsi_value null = {.null = true};
    int rc = DS_OK;

    if (b->rows >= DSI_BATCH_ROWS_MAX) {
        rc = dsi_fail(err, DS_EUNSUPPORTED, "a batch of more than %lld rows",
                      (long long)DSI_BATCH_ROWS_MAX);
    }
    for (size_t i = 0; rc == DS_OK && i < b->column_count; i++) {
        struct growing *c = &b->columns[i];
        if (!c->set) {
            rc = put(c, b->rows, &null, err);
        }
        if (rc == DS_OK && c->field->required &&
            !dsi_bit_get(c->validity.data, b->rows)) {
            rc = dsi_fail(err, DS_EINVALID,
                          "column %s, row %lld: null, but it is required", c->field->name,
                          (long long)b->rows);
        }
    }
    for (size_t i = 0; i < b->column_count; i++) {
        if (rc < 0) {
            roll_back(&b->columns[i], b->rows); // (1)
        }
        b->columns[i].set = false;
    }
    b->rows += rc == DS_OK;
    return rc;
}

int64_t dsi_batch_builder_rows(const struct dsi_batch_builder *b)
{
    return b->rows;
}

size_t dsi_batch_builder_bytes(const struct dsi_batch_builder *b)
{
    size_t total = 0;
    for (size_t i = 0; i < b->column_count; i++) {
        total += b->columns[i].validity.size + b->columns[i].values.size +
                 b->columns[i].offsets.size;
    }
    return total;
}

// Gives a buffer to the batch. The list of owned buffers has room: see `take`.
static void *hand_over(struct dsi_batch *out, struct dsi_buf *buf)
{
    size_t size = 0;
    void *p = dsi_buf_take(buf, &size);
    if (p) {
        out->owned[out->owned_count++] = p;
    }
    return p;
}

int dsi_batch_builder_take(struct dsi_batch_builder *b, struct dsi_batch *out,
                           struct ds_error *err)
{
    static const int32_t no_offsets[1];
    static const uint8_t no_values[16];
    int rc = dsi_batch_init(out, b->schema, err);
    if (rc < 0) {
        return rc;
    }
    size_t count = b->column_count * 3;
    out->owned = dsi_calloc(count, sizeof *out->owned);
    if (!out->owned) {
        dsi_batch_release(out);
        return dsi_no_memory(err, "taking the rows of a batch builder");
    }
    out->owned_capacity = count;
    for (size_t i = 0; i < b->column_count; i++) {
        struct growing *g = &b->columns[i];
        struct dsi_column *c = &out->columns[i];
        roll_back(g, b->rows); // A row that was begun and not ended.
        c->length = b->rows;
        c->null_count = g->nulls;
        c->validity = hand_over(out, &g->validity);
        c->values = hand_over(out, &g->values);
        c->offsets = hand_over(out, &g->offsets);
        if (g->nulls == 0) {
            c->validity = NULL;
        }
        if (!c->values) {
            c->values = no_values;
        }
        if (g->layout == DSI_LAYOUT_BYTES && !c->offsets) {
            c->offsets = no_offsets;
        }
        g->nulls = 0;
    }
    out->rows = b->rows;
    b->rows = 0;
    return DS_OK;
}
