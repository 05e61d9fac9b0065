#include "codec/parquet/parquet_bounds.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "codec/parquet/parquet_bytes.h"

void dsi_parquet_bounds_release(struct dsi_parquet_bounds *b)
{
    dsi_buf_release(&b->min);
    dsi_buf_release(&b->max);
    b->has = false;
}

void dsi_parquet_bounds_reset(struct dsi_parquet_bounds *b)
{
    b->has = false;
    b->nan_count = 0;
    b->min.size = 0;
    b->max.size = 0;
}

static int replace(struct dsi_buf *bound, struct ds_slice value, struct ds_error *err)
{
    bound->size = 0;
    return dsi_buf_append(bound, value.data, value.size, err);
}

int dsi_parquet_bounds_add(struct dsi_parquet_bounds *b, enum dsi_parquet_order order,
                           struct ds_slice value, struct ds_error *err)
{
    int rc = DS_OK;

    if (order == DSI_PARQUET_ORDER_NONE || dsi_parquet_is_nan(order, value)) {
        return DS_OK; // (1)
    }
    if (!b->has || dsi_parquet_compare(order, value, dsi_buf_slice(&b->min)) < 0) {
        DSI_TRY(replace(&b->min, value, err));
    }
    if (!b->has || dsi_parquet_compare(order, value, dsi_buf_slice(&b->max)) > 0) {
        DSI_TRY(replace(&b->max, value, err));
    }
    b->has = true;
done:
    return rc;
}

// Numbers as integers that have their order: NaN is left out. For each width, what
// makes the order of one kind that of signed integers, and back: the bits that are turned
// over if the number is (as a signed one) negative, and those that always are.
struct transform {
    uint64_t if_negative;
    uint64_t always;
    uint64_t nan_above; // What is above it without its sign is NaN.
};

static struct transform transform_of(enum dsi_parquet_order order)
{
    switch (order) {
    case DSI_PARQUET_ORDER_U32:
        return (struct transform){0, (uint64_t)1 << 31, UINT32_MAX};
    case DSI_PARQUET_ORDER_U64:
        return (struct transform){0, (uint64_t)1 << 63, UINT64_MAX};
    case DSI_PARQUET_ORDER_F32:
        return (struct transform){INT32_MAX, 0, 0x7f800000};
    case DSI_PARQUET_ORDER_F64:
        return (struct transform){INT64_MAX, 0, (uint64_t)0x7ff << 52};
    default:
        return (struct transform){0, 0, UINT64_MAX};
    }
}

static bool is_number_order(enum dsi_parquet_order order)
{
    return order >= DSI_PARQUET_ORDER_I32 && order <= DSI_PARQUET_ORDER_F64;
}

struct extremes {
    int64_t min;
    int64_t max;
};

static struct extremes find_i32(const uint8_t *values, size_t count)
{
    int32_t min = INT32_MAX;
    int32_t max = INT32_MIN;

    for (size_t i = 0; i < count; i++) {
        int32_t v = (int32_t)dsi_le32(values + i * 4);
        min = v < min ? v : min;
        max = v > max ? v : max;
    }
    return (struct extremes){min, max};
}

static struct extremes find_i64(const uint8_t *values, size_t count)
{
    int64_t min = INT64_MAX;
    int64_t max = INT64_MIN;

    for (size_t i = 0; i < count; i++) {
        int64_t v = (int64_t)dsi_le64(values + i * 8);
        min = v < min ? v : min;
        max = v > max ? v : max;
    }
    return (struct extremes){min, max};
}

static struct extremes find_32(const struct transform *t, const uint8_t *values,
                               size_t count)
{
    uint32_t if_negative = (uint32_t)t->if_negative;
    uint32_t always = (uint32_t)t->always;
    int32_t min = INT32_MAX;
    int32_t max = INT32_MIN;

    for (size_t i = 0; i < count; i++) {
        uint32_t bits = dsi_le32(values + i * 4);
        int32_t v = (int32_t)(bits ^ always ^ ((0 - (bits >> 31)) & if_negative));
        bool nan = (bits & INT32_MAX) > t->nan_above;
        min = v < min && !nan ? v : min;
        max = v > max && !nan ? v : max;
    }
    return (struct extremes){min, max};
}

static struct extremes find_64(const struct transform *t, const uint8_t *values,
                               size_t count)
{
    int64_t min = INT64_MAX;
    int64_t max = INT64_MIN;

    for (size_t i = 0; i < count; i++) {
        uint64_t bits = dsi_le64(values + i * 8);
        int64_t v = (int64_t)(bits ^ t->always ^ ((0 - (bits >> 63)) & t->if_negative));
        bool nan = (bits & INT64_MAX) > t->nan_above;
        min = v < min && !nan ? v : min;
        max = v > max && !nan ? v : max;
    }
    return (struct extremes){min, max};
}

static int add_number(struct dsi_parquet_bounds *b, enum dsi_parquet_order order,
                      int64_t v, size_t width, struct ds_error *err)
{
    struct transform t = transform_of(order);
    uint64_t bits = (uint64_t)v ^ (v < 0 ? t.if_negative : 0) ^ t.always;
    uint8_t bytes[8];

    dsi_put_le64(bytes, bits);
    return dsi_parquet_bounds_add(b, order, (struct ds_slice){bytes, width}, err);
}

static int add_numbers(struct dsi_parquet_bounds *b, enum dsi_parquet_order order,
                       const uint8_t *values, size_t width, size_t count,
                       struct ds_error *err)
{
    struct transform t = transform_of(order);
    struct extremes e = order == DSI_PARQUET_ORDER_I32   ? find_i32(values, count)
                        : order == DSI_PARQUET_ORDER_I64 ? find_i64(values, count)
                        : width == 4                     ? find_32(&t, values, count)
                                                         : find_64(&t, values, count);
    int rc = DS_OK;

    if (e.min <= e.max) { // Else all are NaN.
        DSI_TRY(add_number(b, order, e.min, width, err));
        DSI_TRY(add_number(b, order, e.max, width, err));
    }
done:
    return rc;
}

// The first eight bytes as a number that has their order.
static uint64_t prefix_of(const uint8_t *v, size_t size)
{
    uint64_t p = 0;

    if (size >= 8) {
        return (uint64_t)v[0] << 56 | (uint64_t)v[1] << 48 | (uint64_t)v[2] << 40 |
               (uint64_t)v[3] << 32 | (uint64_t)v[4] << 24 | (uint64_t)v[5] << 16 |
               (uint64_t)v[6] << 8 | (uint64_t)v[7];
    }
    for (size_t i = 0; i < size; i++) {
        p |= (uint64_t)v[i] << (56 - 8 * i);
    }
    return p;
}

static size_t common_size(struct ds_slice a, struct ds_slice b)
{
    size_t max = a.size < b.size ? a.size : b.size;
    size_t n = 0;

    while (n < max && a.data[n] == b.data[n]) {
        n++;
    }
    return n;
}

// What shows of most values, by few bytes, that they are between the bounds: both of
// these begin alike, and so does such a value; then its next bytes are between theirs.
struct fence {
    uint64_t sign; // Decimals of one width differ from text in their sign alone.
    size_t alike;  // 0, or at least 8.
    uint64_t min;
    uint64_t max;
};

static void set_fence(struct fence *f, const struct dsi_parquet_bounds *b)
{
    size_t alike = common_size(dsi_buf_slice(&b->min), dsi_buf_slice(&b->max));

    f->alike = f->sign == 0 && alike >= 8 ? alike : 0;
    f->min = prefix_of(b->min.data + f->alike, b->min.size - f->alike) ^ f->sign;
    f->max = prefix_of(b->max.data + f->alike, b->max.size - f->alike) ^ f->sign;
}

static bool is_inside(const struct fence *f, const uint8_t *min, const uint8_t *v,
                      size_t size)
{
    size_t alike = f->alike;

    if (size <= alike) {
        return false;
    }
    if (alike > 0) {
        for (size_t i = 0; i + 8 < alike; i += 8) {
            if (dsi_le64(v + i) != dsi_le64(min + i)) {
                return false;
            }
        }
        if (dsi_le64(v + alike - 8) != dsi_le64(min + alike - 8)) {
            return false;
        }
    }
    uint64_t p = prefix_of(v + alike, size - alike) ^ f->sign;
    return p > f->min && p < f->max;
}

static int add_bytes(struct dsi_parquet_bounds *b, enum dsi_parquet_order order,
                     const uint8_t *values, const uint32_t *lengths, size_t width,
                     size_t count, struct ds_error *err)
{
    struct fence f = {.sign = order == DSI_PARQUET_ORDER_DECIMAL ? (uint64_t)1 << 63 : 0,
                      .min = UINT64_MAX};
    int rc = DS_OK;

    for (size_t i = 0; i < count; i++) {
        size_t size = lengths ? lengths[i] : width;
        if (!is_inside(&f, b->min.data, values, size)) {
            DSI_TRY(
                dsi_parquet_bounds_add(b, order, (struct ds_slice){values, size}, err));
            set_fence(&f, b);
        }
        values = size > 0 ? values + size : values;
    }
done:
    return rc;
}

int dsi_parquet_bounds_add_all(struct dsi_parquet_bounds *b, enum dsi_parquet_order order,
                               const uint8_t *values, size_t width, size_t count,
                               struct ds_error *err)
{
    if (count == 0 || order == DSI_PARQUET_ORDER_NONE) {
        return DS_OK;
    }
    if (is_number_order(order)) {
        return add_numbers(b, order, values, width, count, err);
    }
    return add_bytes(b, order, values, NULL, width, count, err);
}

int dsi_parquet_bounds_add_bytes(struct dsi_parquet_bounds *b,
                                 enum dsi_parquet_order order, const uint8_t *values,
                                 const uint32_t *lengths, size_t count,
                                 struct ds_error *err)
{
    int rc = DS_OK;

    if (order == DSI_PARQUET_ORDER_BYTES) {
        return add_bytes(b, order, values, lengths, 0, count, err);
    }
    for (size_t i = 0; i < count && order != DSI_PARQUET_ORDER_NONE; i++) {
        DSI_TRY(
            dsi_parquet_bounds_add(b, order, (struct ds_slice){values, lengths[i]}, err));
        values = lengths[i] > 0 ? values + lengths[i] : values;
    }
done:
    return rc;
}

size_t dsi_parquet_count_nans(enum dsi_parquet_order order, const uint8_t *values,
                              size_t count)
{
    struct transform t = transform_of(order);
    size_t nans = 0;

    if (order == DSI_PARQUET_ORDER_F32) {
        for (size_t i = 0; i < count; i++) {
            nans += (dsi_le32(values + i * 4) & INT32_MAX) > t.nan_above;
        }
    } else if (order == DSI_PARQUET_ORDER_F64) {
        for (size_t i = 0; i < count; i++) {
            nans += (dsi_le64(values + i * 8) & INT64_MAX) > t.nan_above;
        }
    }
    return nans;
}

int dsi_parquet_bounds_merge(struct dsi_parquet_bounds *b, enum dsi_parquet_order order,
                             const struct dsi_parquet_bounds *add, struct ds_error *err)
{
    int rc = DS_OK;

    if (add->has) {
        DSI_TRY(dsi_parquet_bounds_add(b, order, dsi_buf_slice(&add->min), err));
        DSI_TRY(dsi_parquet_bounds_add(b, order, dsi_buf_slice(&add->max), err));
    }
    b->nan_count += add->nan_count;
done:
    return rc;
}

// Where the character before `end` starts. `text` is UTF-8, or is cut like it were.
static size_t previous_character(const uint8_t *text, size_t end)
{
    size_t at = end - 1;
    while (at > 0 && end - at < 4 && (text[at] & 0xc0) == 0x80) {
        at--;
    }
    return at;
}

// The length of a prefix of whole characters of at most `max` bytes.
static size_t cut_text(struct ds_slice text, size_t max)
{
    while (max > 0 && (text.data[max] & 0xc0) == 0x80) {
        max--;
    }
    return max;
}

static uint32_t decode(const uint8_t *c, size_t size)
{
    uint32_t v = size == 1 ? c[0] : c[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        v = v << 6 | (c[i] & 0x3f);
    }
    return v;
}

static size_t encode(uint32_t v, uint8_t out[4])
{
    if (v < 0x80) {
        out[0] = (uint8_t)v;
        return 1;
    }
    size_t size = v < 0x800 ? 2 : v < 0x10000 ? 3 : 4;
    for (size_t i = size; i > 1; i--) {
        out[i - 1] = (uint8_t)(0x80 | (v & 0x3f));
        v >>= 6;
    }
    out[0] = (uint8_t)(0xf00u >> size | v);
    return size;
}

// Makes `b` the smallest text of its length that is above all that start with it: the
// last character that has a successor is raised, and what follows goes. False if none
// has.
static bool raise_text(struct dsi_buf *b)
{
    while (b->size > 0) {
        size_t at = previous_character(b->data, b->size);
        uint32_t v = decode(b->data + at, b->size - at) + 1;
        uint8_t c[4];
        if (v == 0xd800) {
            v = 0xe000; // There are no characters between.
        }
        size_t size = encode(v, c);
        // A longer character would pass the maximum, and memory is as long as it was.
        if (v < 0x110000 && size <= b->size - at) {
            memcpy(b->data + at, c, size);
            b->size = at + size;
            return true;
        }
        b->size = at;
    }
    return false;
}

static bool raise_bytes(struct dsi_buf *b)
{
    while (b->size > 0 && b->data[b->size - 1] == 0xff) {
        b->size--;
    }
    if (b->size == 0) {
        return false;
    }
    b->data[b->size - 1]++;
    return true;
}

static int cut_bounds(const struct dsi_parquet_field *f, size_t bytes_max,
                      struct dsi_buf *scratch, struct dsi_parquet_statistics *s,
                      struct ds_error *err)
{
    bool text = f->logical.kind == DSI_PARQUET_LOGICAL_STRING ||
                f->logical.kind == DSI_PARQUET_LOGICAL_ENUM ||
                f->logical.kind == DSI_PARQUET_LOGICAL_JSON;
    int rc = DS_OK;

    if (s->min.size > bytes_max) {
        s->min.size = text ? cut_text(s->min, bytes_max) : bytes_max;
        s->min_exact = false;
    }
    if (s->max.size > bytes_max) {
        s->max.size = text ? cut_text(s->max, bytes_max) : bytes_max;
        s->max_exact = false;
        // Text that is none after all must be bounded too.
        text = text && dsi_utf8_valid(s->max);
        DSI_TRY(replace(scratch, s->max, err));
        s->has_max = text ? raise_text(scratch) : raise_bytes(scratch);
        s->max = dsi_buf_slice(scratch);
    }
done:
    return rc;
}

int dsi_parquet_bounds_store(const struct dsi_parquet_bounds *b,
                             const struct dsi_parquet_field *f, size_t bytes_max,
                             struct dsi_buf *scratch, struct dsi_parquet_statistics *out,
                             struct ds_error *err)
{
    enum dsi_parquet_order order = dsi_parquet_order_of(f);
    bool is_float = order == DSI_PARQUET_ORDER_F32 || order == DSI_PARQUET_ORDER_F64;
    struct dsi_parquet_raw_statistics raw = {0};

    raw.s = (struct dsi_parquet_statistics){.has_min = b->has,
                                            .has_max = b->has,
                                            .min_exact = b->has,
                                            .max_exact = b->has,
                                            .min = dsi_buf_slice(&b->min),
                                            .max = dsi_buf_slice(&b->max),
                                            .nan_count = is_float ? b->nan_count : -1,
                                            .null_count = -1,
                                            .distinct_count = -1};
    // What a reader may believe is what we write: that widens the zeros.
    *out = dsi_parquet_statistics_trust(&raw, f, DSI_PARQUET_COLUMN_ORDER_TYPE);
    if (!b->has || order != DSI_PARQUET_ORDER_BYTES) {
        return DS_OK;
    }
    if (f->physical == DSI_PARQUET_FIXED && b->min.size > bytes_max) {
        out->has_min = false; // Its bounds must have its length.
        out->has_max = false;
        return DS_OK;
    }
    return cut_bounds(f, bytes_max, scratch, out, err);
}
