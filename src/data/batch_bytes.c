// A batch is its size (what follows it, 32 bits), its rows (32 bits), and its columns in
// order, all little-endian and unaligned. A column is a byte of flags and then
//
//   validity   one bit a row, if FLAG_NULLS is set;
//   ends       of STRING, BINARY, GEO…, LIST, MAP: where each row ends, counted from the
//              column's first; 1, 2 or 4 bytes each, as the flags say;
//   values     bits, fixed values, or as many bytes as the last end says;
//   children   of STRUCT, VARIANT: as many rows as itself; of LIST, MAP: the last end.
//
// A column of UNKNOWN is nothing at all.
//
// (1) Written columns are tidy: nulls cover no bytes, no elements, and below a null
//     STRUCT everything is null. So every value that is there is one, and is checked.
// (2) Memory is only asked for what the bytes that are there can fill, but for columns
//     that take none, which COUNT_MAX bounds.
#include "data/batch_bytes.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "codec/kernel/kernel.h"
#include "data/column_layout.h"

enum { FLAG_NULLS = 1, FLAG_ENDS_2 = 2, FLAG_ENDS_4 = 4, FLAGS = 7 };

// The most rows of a batch, or elements of one column.
enum { COUNT_MAX = 1 << 24 };

#define DAY_US INT64_C(86400000000)

static void store_le(uint8_t *out, uint32_t v, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        out[i] = (uint8_t)(v >> (8 * i));
    }
}

static uint32_t load_le(const uint8_t *in, size_t width)
{
    uint32_t v = 0;
    for (size_t i = 0; i < width; i++) {
        v |= (uint32_t)in[i] << (8 * i);
    }
    return v;
}

static size_t ends_width(unsigned flags)
{
    return flags & FLAG_ENDS_4 ? 4 : flags & FLAG_ENDS_2 ? 2 : 1;
}

// --- writing

static int too_much(const struct dsi_column *c, struct ds_error *err)
{
    return dsi_fail(err, DS_EUNSUPPORTED,
                    "column %s: too many values to be sent as bytes; the limit is %d",
                    c->field->name, COUNT_MAX);
}

// The bytes or elements of a row of a tidy column; none where it is null.
static int64_t row_size(const struct dsi_column *c, bool nulls, int64_t row)
{
    return nulls && dsi_column_is_null(c, row)
               ? 0
               : dsi_column_offset(c, row + 1) - dsi_column_offset(c, row);
}

static int64_t total_size(const struct dsi_column *c, bool nulls, int64_t rows)
{
    int64_t total = 0;

    if (!nulls) {
        return dsi_column_offset(c, rows) - dsi_column_offset(c, 0);
    }
    for (int64_t i = 0; i < rows; i++) {
        total += row_size(c, nulls, i);
    }
    return total;
}

static int write_ends(const struct dsi_column *c, bool nulls, int64_t rows, size_t width,
                      struct dsi_buf *out, struct ds_error *err)
{
    int64_t end = 0;
    int rc = dsi_buf_reserve(out, (size_t)rows * width, err);

    for (int64_t i = 0; rc == DS_OK && i < rows; i++) {
        end += row_size(c, nulls, i);
        store_le(out->data + out->size, (uint32_t)end, width);
        out->size += width;
    }
    return rc;
}

static int write_bits(const uint8_t *bits, int64_t first, int64_t rows,
                      struct dsi_buf *out, struct ds_error *err)
{
    size_t size = dsi_bits_size(rows);
    int rc = dsi_buf_reserve(out, size, err);

    if (rc == DS_OK && size > 0) {
        dsi_bits_copy(out->data + out->size, bits, first, rows);
        out->size += size;
    }
    return rc;
}

static int write_bytes(const struct dsi_column *c, bool nulls, int64_t rows,
                       struct dsi_buf *out, struct ds_error *err)
{
    const uint8_t *bytes = c->values;
    int rc = DS_OK;

    if (!nulls) {
        int64_t first = dsi_column_offset(c, 0);
        return dsi_buf_append(out, bytes + first,
                              (size_t)(dsi_column_offset(c, rows) - first), err);
    }
    for (int64_t i = 0; rc == DS_OK && i < rows; i++) {
        if (!dsi_column_is_null(c, i)) {
            struct ds_slice v = dsi_column_bytes(c, i);
            rc = dsi_buf_append(out, v.data, v.size, err);
        }
    }
    return rc;
}

static int write_column(const struct dsi_column *c, int64_t rows, struct dsi_buf *out,
                        struct ds_error *err);

// Its children are tidy: gathered, and so as long as they are meant to be.
static int write_children(const struct dsi_column *c, struct dsi_buf *out,
                          struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; rc == DS_OK && i < c->child_count; i++) {
        rc = write_column(&c->children[i], c->children[i].length, out, err);
    }
    return rc;
}

static int write_values(const struct dsi_column *c, bool nulls, int64_t rows,
                        struct dsi_buf *out, struct ds_error *err)
{
    size_t width = 0;

    switch (dsi_layout_of(&c->field->type)) {
    case DSI_LAYOUT_BITS:
        return write_bits(c->values, c->offset, rows, out, err);
    case DSI_LAYOUT_BYTES:
        return write_bytes(c, nulls, rows, out, err);
    case DSI_LAYOUT_NESTED:
        return write_children(c, out, err);
    default:
        width = dsi_layout_width(&c->field->type);
        return dsi_buf_append(out, (const uint8_t *)c->values + (size_t)c->offset * width,
                              (size_t)rows * width, err);
    }
}

static int write_column(const struct dsi_column *c, int64_t rows, struct dsi_buf *out,
                        struct ds_error *err)
{
    bool ends = dsi_layout_has_offsets(&c->field->type);
    bool nulls = c->validity && c->null_count != 0 && dsi_column_null_count(c) > 0;
    unsigned flags = nulls ? FLAG_NULLS : 0;
    int64_t total = ends ? total_size(c, nulls, rows) : 0;
    int rc = DS_OK;

    if (dsi_layout_of(&c->field->type) == DSI_LAYOUT_NONE) {
        return DS_OK;
    }
    bool nested = c->child_count > 0;
    if (rows > COUNT_MAX || total > (nested ? COUNT_MAX : INT64_C(0x7fffffff))) {
        return too_much(c, err);
    }
    if (total > 0xff) {
        flags |= total > 0xffff ? FLAG_ENDS_4 : FLAG_ENDS_2;
    }
    DSI_TRY(dsi_buf_append_byte(out, (uint8_t)flags, err));
    if (nulls) {
        DSI_TRY(write_bits(c->validity, c->offset, rows, out, err));
    }
    if (ends) {
        DSI_TRY(write_ends(c, nulls, rows, ends_width(flags), out, err));
    }
    DSI_TRY(write_values(c, nulls, rows, out, err));
done:
    return rc;
}

// Makes a nested column tidy (1), in a batch that is begun when it is first needed.
static int make_tidy(const struct dsi_batch *b, size_t column, struct dsi_batch *tidy,
                     struct ds_error *err)
{
    int64_t *rows = dsi_calloc((size_t)b->rows + 1, sizeof *rows);
    int rc = rows ? DS_OK : dsi_no_memory(err, "writing a batch as bytes");

    DSI_TRY(rc);
    for (int64_t i = 0; i < b->rows; i++) {
        rows[i] = i;
    }
    if (!tidy->schema) {
        DSI_TRY(dsi_batch_init(tidy, b->schema, err));
    }
    DSI_TRY(dsi_column_gather(tidy, &b->columns[column], rows, b->rows,
                              &tidy->columns[column], err));
done:
    dsi_free(rows);
    return rc;
}

int dsi_batch_encode(const struct dsi_batch *b, struct dsi_buf *out, struct ds_error *err)
{
    struct dsi_batch tidy = {0};
    size_t start = out->size;
    int rc = DS_OK;

    if (b->rows > COUNT_MAX) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "%lld rows are too many to be sent as bytes; the limit is %d",
                        (long long)b->rows, COUNT_MAX);
    }
    DSI_TRY(dsi_buf_append_zero(out, 8, err));
    for (size_t i = 0; i < b->column_count; i++) {
        const struct dsi_column *c = &b->columns[i];
        if (c->child_count > 0) {
            DSI_TRY(make_tidy(b, i, &tidy, err));
            c = &tidy.columns[i];
        }
        DSI_TRY(write_column(c, b->rows, out, err));
    }
    if (out->size - start - 4 > UINT32_MAX) {
        rc = dsi_fail(err, DS_EUNSUPPORTED, "a batch of more than 4 GiB");
        goto done;
    }
    store_le(out->data + start, (uint32_t)(out->size - start - 4), 4);
    store_le(out->data + start + 4, (uint32_t)b->rows, 4);
done:
    if (rc < 0) {
        out->size = start;
    }
    dsi_batch_release(&tidy);
    return rc;
}

// --- reading

// What is left of one batch's bytes, and the batch that is made of them.
struct input {
    const uint8_t *at;
    size_t left;
    struct dsi_batch *batch;
};

static int wrong(const struct dsi_column *c, const char *what, struct ds_error *err)
{
    return dsi_corrupt(err, "rows as bytes: column %s: %s", c->field->name, what);
}

// `size` bytes of the input; NULL when there are not so many.
static const uint8_t *take(struct input *in, size_t size)
{
    const uint8_t *p = in->at;

    if (size > in->left) {
        return NULL;
    }
    in->at += size;
    in->left -= size;
    return p;
}

// Memory of the batch's own, which has `size` bytes and is aligned for any type.
static void *keep(struct input *in, size_t size)
{
    return dsi_arena_alloc(&in->batch->arena, size);
}

static int ends_early(const struct dsi_column *c, struct ds_error *err)
{
    return wrong(c, "its bytes end early", err);
}

// A copy of `count` bytes of the input, at the batch.
static int copy(struct input *in, const struct dsi_column *c, size_t size, void **out,
                struct ds_error *err)
{
    const uint8_t *from = take(in, size);

    *out = from ? keep(in, size) : NULL;
    if (!from) {
        return ends_early(c, err);
    }
    if (!*out) {
        return dsi_no_memory(err, "reading rows from bytes");
    }
    if (size > 0) {
        memcpy(*out, from, size);
    }
    return DS_OK;
}

// Where nulls may not be. Below a null STRUCT they may: (1).
static int check_required(const struct dsi_column *c, const struct dsi_column *around,
                          struct ds_error *err)
{
    if (!c->field->required || c->null_count == 0) {
        return DS_OK;
    }
    for (int64_t i = 0; i < c->length; i++) {
        if (dsi_column_is_null(c, i) && !(around && dsi_column_is_null(around, i))) {
            return wrong(c, "a null, but it is required", err);
        }
    }
    return DS_OK;
}

static int read_validity(struct input *in, struct dsi_column *c, struct ds_error *err)
{
    size_t size = dsi_bits_size(c->length);
    void *bits = NULL;
    int rc = copy(in, c, size, &bits, err);

    if (rc == DS_OK) {
        int64_t nulls = c->length - dsi_bits_count(bits, 0, c->length);
        c->validity = nulls > 0 ? bits : NULL;
        c->null_count = nulls;
    }
    return rc;
}

static int read_ends(struct input *in, struct dsi_column *c, size_t width,
                     struct ds_error *err)
{
    size_t rows = (size_t)c->length;
    const uint8_t *ends = take(in, rows * width); // At most COUNT_MAX times 4.
    int32_t *offsets = ends ? keep(in, (rows + 1) * sizeof *offsets) : NULL;
    uint32_t last = 0;

    if (!ends) {
        return ends_early(c, err);
    }
    if (!offsets) {
        return dsi_no_memory(err, "reading rows from bytes");
    }
    offsets[0] = 0;
    for (size_t i = 0; i < rows; i++) {
        uint32_t end = load_le(ends + i * width, width);
        if (end < last || end > INT32_MAX) {
            return wrong(c, "a value that ends before it begins", err);
        }
        if (end > last && dsi_column_is_null(c, (int64_t)i)) {
            return wrong(c, "a null that covers something", err);
        }
        offsets[i + 1] = (int32_t)end;
        last = end;
    }
    c->offsets = offsets;
    return DS_OK;
}

// Every value alone must be UTF-8: it is, when all together are and none begins in the
// middle of a character.
static int check_text(const struct dsi_column *c, struct ds_error *err)
{
    const uint8_t *bytes = c->values;
    int32_t size = c->offsets[c->length];
    enum dsi_text_kind kind = dsi_kernels()->text_kind(bytes, (size_t)size);
    bool valid = kind != DSI_TEXT_BAD;

    for (int64_t i = 0; kind != DSI_TEXT_ASCII && valid && i < c->length; i++) {
        int32_t at = c->offsets[i];
        valid = at == size || (bytes[at] & 0xc0) != 0x80;
    }
    return valid ? DS_OK : wrong(c, "text that is not UTF-8", err);
}

// What numbers of a type may not be; the rest may be anything.
static int check_numbers(const struct dsi_column *c, struct ds_error *err)
{
    const struct dsi_type *t = &c->field->type;

    for (int64_t i = 0; i < c->length; i++) {
        struct dsi_value v = DSI_VALUE_NULL;
        dsi_column_value(c, i, &v);
        if (v.null) {
            continue;
        }
        if (t->kind == DSI_TYPE_DECIMAL && !dsi_int128_fits(v.as.decimal, t->precision)) {
            return wrong(c, "more digits than its precision", err);
        }
        if (t->kind == DSI_TYPE_TIME && (v.as.i64 < 0 || v.as.i64 >= DAY_US)) {
            return wrong(c, "a time outside the day", err);
        }
    }
    return DS_OK;
}

static int read_column(struct input *in, int64_t rows, const struct dsi_column *around,
                       struct dsi_column *c, struct ds_error *err);

static int read_children(struct input *in, struct dsi_column *c, struct ds_error *err)
{
    const struct dsi_column *around = c->offsets ? NULL : c;
    int64_t rows = c->offsets ? c->offsets[c->length] : c->length;
    int rc = DS_OK;

    for (size_t i = 0; rc == DS_OK && i < c->child_count; i++) {
        rc = read_column(in, rows, around, &c->children[i], err);
    }
    return rc;
}

static int read_values(struct input *in, struct dsi_column *c, struct ds_error *err)
{
    enum dsi_type_kind kind = c->field->type.kind;
    void *values = NULL;
    size_t size = 0;
    int rc = DS_OK;

    switch (dsi_layout_of(&c->field->type)) {
    case DSI_LAYOUT_NESTED:
        return read_children(in, c, err);
    case DSI_LAYOUT_BITS:
        size = dsi_bits_size(c->length);
        break;
    case DSI_LAYOUT_BYTES:
        size = (size_t)c->offsets[c->length];
        break;
    default: // At most COUNT_MAX times 2^31.
        size = (size_t)c->length * dsi_layout_width(&c->field->type);
        break;
    }
    DSI_TRY(copy(in, c, size, &values, err));
    c->values = values;
    if (kind == DSI_TYPE_STRING) {
        DSI_TRY(check_text(c, err));
    } else if (kind == DSI_TYPE_DECIMAL || kind == DSI_TYPE_TIME) {
        DSI_TRY(check_numbers(c, err));
    }
done:
    return rc;
}

static int read_column(struct input *in, int64_t rows, const struct dsi_column *around,
                       struct dsi_column *c, struct ds_error *err)
{
    const uint8_t *flags = NULL;
    int rc = DS_OK;

    if (rows > COUNT_MAX) {
        return wrong(c, "more values than anybody writes", err);
    }
    if (dsi_layout_of(&c->field->type) == DSI_LAYOUT_NONE) {
        DSI_TRY(dsi_column_fill_null(in->batch, rows, c, err));
        return check_required(c, around, err);
    }
    c->length = rows;
    flags = take(in, 1);
    if (!flags) {
        return ends_early(c, err);
    }
    if ((*flags & ~FLAGS) != 0 ||
        (*flags & (FLAG_ENDS_2 | FLAG_ENDS_4)) == (FLAG_ENDS_2 | FLAG_ENDS_4)) {
        return wrong(c, "flags that nobody writes", err);
    }
    if (*flags & FLAG_NULLS) {
        DSI_TRY(read_validity(in, c, err));
        DSI_TRY(check_required(c, around, err));
    }
    if (dsi_layout_has_offsets(&c->field->type)) {
        DSI_TRY(read_ends(in, c, ends_width(*flags), err));
    }
    DSI_TRY(read_values(in, c, err));
done:
    return rc;
}

int dsi_batch_decode(const struct dsi_schema *schema, struct ds_slice bytes, size_t *at,
                     struct dsi_batch *out, struct ds_error *err)
{
    struct input in = {.batch = out};
    int rc = DS_OK;

    assert(*at <= bytes.size);
    *out = (struct dsi_batch){0};
    if (*at == bytes.size) {
        return DS_OK;
    }
    size_t left = bytes.size - *at;
    size_t size = left < 4 ? 0 : load_le(bytes.data + *at, 4);
    if (size < 4 || size > left - 4) {
        return dsi_corrupt(err, "rows as bytes: they end within a batch");
    }
    in.at = bytes.data + *at + 8;
    in.left = size - 4;
    uint32_t rows = load_le(bytes.data + *at + 4, 4);
    if (rows > COUNT_MAX) {
        return dsi_corrupt(err, "rows as bytes: a batch of %u rows", (unsigned)rows);
    }
    DSI_TRY(dsi_batch_init(out, schema, err));
    out->rows = (int64_t)rows;
    for (size_t i = 0; i < out->column_count; i++) {
        DSI_TRY(read_column(&in, out->rows, NULL, &out->columns[i], err));
    }
    if (in.left > 0) {
        rc = dsi_corrupt(err, "rows as bytes: %zu bytes too many in a batch", in.left);
        goto done;
    }
    *at += 4 + size;
    rc = DS_ROW;
done:
    if (rc < 0) {
        dsi_batch_release(out);
    }
    return rc;
}
