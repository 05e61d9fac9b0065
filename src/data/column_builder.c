#include "data/column_builder.h"

#include <assert.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"

void dsi_column_builder_release(struct dsi_column_builder *c)
{
    for (size_t i = 0; i < c->child_count; i++) {
        dsi_column_builder_release(&c->children[i]);
    }
    dsi_free(c->children);
    dsi_buf_release(&c->validity);
    dsi_buf_release(&c->values);
    dsi_buf_release(&c->offsets);
    *c = (struct dsi_column_builder){0};
}

int dsi_column_builder_init(struct dsi_column_builder *c, const struct dsi_field *field,
                            const struct dsi_column_builder *parent, int depth,
                            struct ds_error *err)
{
    size_t count = 0;
    const struct dsi_field *fields = dsi_layout_children(&field->type, &count);

    *c = (struct dsi_column_builder){
        .field = field,
        .parent = parent,
        .layout = dsi_layout_of(&field->type),
        .has_offsets = dsi_layout_has_offsets(&field->type),
        .width = dsi_layout_width(&field->type),
    };
    c->values.max = DSI_COLUMN_BYTES_MAX;
    if (depth > DSI_TYPE_DEPTH_MAX) {
        return dsi_fail(err, DS_EINVALID, "types are nested deeper than %d levels",
                        DSI_TYPE_DEPTH_MAX);
    }
    c->children = count > 0 ? dsi_calloc(count, sizeof *c->children) : NULL;
    if (count > 0 && !c->children) {
        return dsi_no_memory(err, "building columns");
    }
    for (size_t i = 0; i < count; i++) {
        c->child_count++; // Each is releasable, even when it failed.
        int rc = dsi_column_builder_init(&c->children[i], &fields[i], c, depth + 1, err);
        if (rc < 0) {
            return rc;
        }
    }
    return DS_OK;
}

static int32_t offset_at(const struct dsi_column_builder *c, int64_t i)
{
    int32_t v = 0;
    if (c->offsets.size > 0) {
        memcpy(&v, c->offsets.data + (size_t)i * sizeof v, sizeof v);
    }
    return v;
}

// --- rolling back

static void truncate_bits(struct dsi_buf *bits, int64_t length)
{
    if (bits->size == 0) {
        return;
    }
    bits->size = dsi_bits_size(length);
    if ((length & 7) != 0) { // Bits past the end are 0.
        bits->data[bits->size - 1] &= (uint8_t)((1u << (length & 7)) - 1);
    }
}

static void truncate_values(struct dsi_column_builder *c, int64_t length)
{
    c->nulls -=
        c->length - length - dsi_bits_count(c->validity.data, length, c->length - length);
    truncate_bits(&c->validity, length);
    if (c->layout == DSI_LAYOUT_BYTES) {
        c->values.size = (size_t)offset_at(c, length);
    } else if (c->layout == DSI_LAYOUT_BITS) {
        truncate_bits(&c->values, length);
    } else {
        c->values.size = (size_t)length * c->width;
    }
    if (c->has_offsets) {
        c->offsets.size = ((size_t)length + 1) * sizeof(int32_t);
    }
    c->length = length;
}

void dsi_column_builder_truncate(struct dsi_column_builder *c, int64_t length)
{
    assert(length >= 0 && length <= c->length);
    if (length < c->length) {
        truncate_values(c, length);
    }
    int64_t below = c->has_offsets ? offset_at(c, length) : length;
    for (size_t i = 0; i < c->child_count; i++) { // (1)
        struct dsi_column_builder *child = &c->children[i];
        dsi_column_builder_truncate(child, below < child->length ? below : child->length);
    }
}

// --- one value

static size_t put_path(const struct dsi_column_builder *c, char *out, size_t size)
{
    size_t used = 0;
    if (c->parent && c->parent->parent) {
        used = put_path(c->parent, out, size);
    }
    if (used < size) {
        int n = snprintf(out + used, size - used, "%s%s", used > 0 ? "." : "",
                         c->field->name);
        used += n > 0 ? (size_t)n : 0;
    }
    return used;
}

void dsi_column_builder_path(const struct dsi_column_builder *c, char *out, size_t size)
{
    put_path(c, out, size);
}

// Where the value would go, as people count: its column's path, its row.
static int refuse(const struct dsi_column_builder *c, const char *wrong,
                  struct ds_error *err)
{
    const struct dsi_column_builder *root = c;
    char path[200];
    char type[64];

    while (root->parent) {
        root = root->parent;
    }
    put_path(c, path, sizeof path);
    dsi_type_format(&c->field->type, type, sizeof type);
    return dsi_fail(err, DS_EINVALID, "column %s (%s), row %lld: %s", path, type,
                    (long long)root->length, wrong);
}

// Most of the time there is room already.
static inline int room(struct dsi_buf *b, size_t more, struct ds_error *err)
{
    return b->capacity - b->size >= more ? DS_OK : dsi_buf_reserve(b, more, err);
}

// Room for one more value in every buffer, so that what follows cannot fail.
static int reserve(struct dsi_column_builder *c, size_t bytes, struct ds_error *err)
{
    static const int32_t zero;
    int rc = DS_OK;

    if (c->length >= DSI_BATCH_ROWS_MAX) {
        rc = dsi_fail(err, DS_EUNSUPPORTED, "a batch of more than %lld values",
                      (long long)DSI_BATCH_ROWS_MAX);
        goto done;
    }
    DSI_TRY(room(&c->validity, 1, err));
    if (c->has_offsets) {
        if (c->offsets.size == 0) {
            DSI_TRY(dsi_buf_append(&c->offsets, &zero, sizeof zero, err));
        }
        DSI_TRY(room(&c->offsets, sizeof zero, err));
    }
    if (c->layout != DSI_LAYOUT_NESTED) {
        DSI_TRY(room(&c->values, bytes + c->width + 1, err));
    }
done:
    return rc < 0 ? dsi_wrap(err, rc, "column %s, value %lld", c->field->name,
                             (long long)c->length)
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

static void put_offset(struct dsi_column_builder *c, size_t end)
{
    int32_t v = (int32_t)end; // At most the buffer's maximum, or a column's length.
    memcpy(c->offsets.data + c->offsets.size, &v, sizeof v);
    c->offsets.size += sizeof v;
}

static void put_fixed(struct dsi_column_builder *c, const struct dsi_value *v)
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

// What is wrong with a value for a column of this type; NULL: nothing.
static const char *wrong_with(const struct dsi_type *t, const struct dsi_value *v)
{
    if (v->null) {
        return NULL;
    }
    if (v->kind != t->kind) {
        return "a value of another type";
    }
    switch (t->kind) {
    case DSI_TYPE_STRING:
        return dsi_utf8_valid(v->as.bytes) ? NULL : "text that is not UTF-8";
    case DSI_TYPE_DECIMAL:
        return dsi_int128_fits(v->as.decimal, t->precision)
                   ? NULL
                   : "more digits than its precision";
    case DSI_TYPE_FIXED:
    case DSI_TYPE_UUID:
        return v->as.bytes.size == dsi_layout_width(t) ? NULL : "another number of bytes";
    case DSI_TYPE_TIME:
        return v->as.i64 >= 0 && v->as.i64 < INT64_C(86400000000)
                   ? NULL
                   : "a time outside the day";
    case DSI_TYPE_UNKNOWN:
    case DSI_TYPE_STRUCT:
    case DSI_TYPE_LIST:
    case DSI_TYPE_MAP:
    case DSI_TYPE_VARIANT:
        return "a value";
    default:
        return NULL;
    }
}

// Appends a value that fits, or a null that may be there.
static int append(struct dsi_column_builder *c, const struct dsi_value *v,
                  struct ds_error *err)
{
    size_t bytes = c->layout == DSI_LAYOUT_BYTES && !v->null ? v->as.bytes.size : 0;
    bool offsets = c->has_offsets;
    int rc = reserve(c, bytes, err);

    for (size_t i = 0; rc == DS_OK && !offsets && i < c->child_count; i++) {
        rc = append(&c->children[i], v, err); // A struct's children, null with it: (2)
    }
    if (rc < 0) {
        return rc;
    }
    put_bit(&c->validity, c->length, !v->null);
    c->nulls += v->null;
    if (bytes > 0) {
        memcpy(c->values.data + c->values.size, v->as.bytes.data, bytes);
        c->values.size += bytes;
    }
    if (c->layout == DSI_LAYOUT_BITS) {
        put_bit(&c->values, c->length, !v->null && v->as.boolean);
    } else if (c->width > 0) {
        put_fixed(c, v);
    } else if (offsets) {
        put_offset(c, c->layout == DSI_LAYOUT_BYTES ? c->values.size
                                                    : (size_t)offset_at(c, c->length));
    }
    c->length++;
    return DS_OK;
}

int dsi_column_builder_put(struct dsi_column_builder *c, const struct dsi_value *v,
                           struct ds_error *err)
{
    const char *wrong = wrong_with(&c->field->type, v);

    if (!wrong && v->null && c->field->required && c->parent && c->parent->parent) {
        wrong = "null, but it is required";
    }
    if (wrong) {
        return refuse(c, wrong, err);
    }
    if (c->child_count > 0) {
        dsi_column_builder_truncate(c, c->length);
    }
    return append(c, v, err);
}

int dsi_column_builder_end(struct dsi_column_builder *c, struct ds_error *err)
{
    bool offsets = c->has_offsets;
    int rc = reserve(c, 0, err);

    assert(c->layout == DSI_LAYOUT_NESTED);
    assert(c->field->type.kind != DSI_TYPE_MAP ||
           c->children[0].length == c->children[1].length);
    for (size_t i = 0; rc == DS_OK && !offsets && i < c->child_count; i++) {
        struct dsi_column_builder *child = &c->children[i];
        assert(child->length <= c->length + 1);
        if (child->length == c->length) {
            if (child->field->required) {
                return refuse(child, "null, but it is required", err);
            }
            dsi_column_builder_truncate(child, c->length);
            rc = append(child, &DSI_VALUE_NULL, err);
        }
    }
    if (rc < 0) {
        return rc;
    }
    if (c->parent) { // The rows themselves are never null.
        put_bit(&c->validity, c->length, true);
    }
    if (offsets) {
        put_offset(c, (size_t)c->children[0].length);
    }
    c->length++;
    return DS_OK;
}

// --- all of it

struct ds_slice dsi_column_builder_last(const struct dsi_column_builder *c)
{
    static const uint8_t flags[] = {0, 1};
    int64_t i = c->length - 1;

    assert(i >= 0 && c->layout != DSI_LAYOUT_NESTED);
    if (c->layout == DSI_LAYOUT_BITS) {
        return (struct ds_slice){&flags[dsi_bit_get(c->values.data, i)], 1};
    }
    size_t start =
        c->layout == DSI_LAYOUT_BYTES ? (size_t)offset_at(c, i) : (size_t)i * c->width;
    return (struct ds_slice){c->values.data + start, c->values.size - start};
}

size_t dsi_column_builder_bytes(const struct dsi_column_builder *c)
{
    size_t total = c->validity.size + c->values.size + c->offsets.size;
    for (size_t i = 0; i < c->child_count; i++) {
        total += dsi_column_builder_bytes(&c->children[i]);
    }
    return total;
}

size_t dsi_column_builder_count(const struct dsi_column_builder *c)
{
    size_t total = 1;
    for (size_t i = 0; i < c->child_count; i++) {
        total += dsi_column_builder_count(&c->children[i]);
    }
    return total;
}

static void *hand_over(struct dsi_batch *b, struct dsi_buf *buf)
{
    size_t size = 0;
    void *p = dsi_buf_take(buf, &size);
    if (p) {
        assert(b->owned_count < b->owned_capacity);
        b->owned[b->owned_count++] = p;
    }
    return p;
}

void dsi_column_builder_take(struct dsi_column_builder *c, struct dsi_batch *b,
                             struct dsi_column *out)
{
    static const int32_t no_offsets[1];
    static const uint8_t no_values[16];

    dsi_column_builder_truncate(c, c->length);
    out->length = c->length;
    out->offset = 0;
    out->null_count = c->nulls;
    out->validity = hand_over(b, &c->validity);
    out->values = hand_over(b, &c->values);
    out->offsets = hand_over(b, &c->offsets);
    if (c->nulls == 0) {
        out->validity = NULL;
    }
    if (!out->values && c->layout != DSI_LAYOUT_NESTED) {
        out->values = no_values;
    }
    if (c->has_offsets && !out->offsets) {
        out->offsets = no_offsets;
    }
    for (size_t i = 0; i < c->child_count; i++) {
        dsi_column_builder_take(&c->children[i], b, &out->children[i]);
    }
    c->length = 0;
    c->nulls = 0;
}
