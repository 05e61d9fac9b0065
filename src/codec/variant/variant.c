#include "codec/variant/variant.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

// What the two low bits of a value's first byte say.
enum { BASIC_PRIMITIVE, BASIC_SHORT_STRING, BASIC_OBJECT, BASIC_ARRAY };

// Primitive type numbers of the format, where they are not a place in a table.
enum { PRIMITIVE_TRUE = 1, PRIMITIVE_FALSE = 2, PRIMITIVE_COUNT = 21 };

static const struct {
    enum dsi_variant_kind kind;
    size_t size; // Of the payload; binary and string: of the length before it.
} primitives[PRIMITIVE_COUNT] = {
    {DSI_VARIANT_NULL, 0},           {DSI_VARIANT_BOOLEAN, 0},
    {DSI_VARIANT_BOOLEAN, 0},        {DSI_VARIANT_INT8, 1},
    {DSI_VARIANT_INT16, 2},          {DSI_VARIANT_INT32, 4},
    {DSI_VARIANT_INT64, 8},          {DSI_VARIANT_DOUBLE, 8},
    {DSI_VARIANT_DECIMAL4, 5},       {DSI_VARIANT_DECIMAL8, 9},
    {DSI_VARIANT_DECIMAL16, 17},     {DSI_VARIANT_DATE, 4},
    {DSI_VARIANT_TIMESTAMPTZ, 8},    {DSI_VARIANT_TIMESTAMP, 8},
    {DSI_VARIANT_FLOAT, 4},          {DSI_VARIANT_BINARY, 4},
    {DSI_VARIANT_STRING, 4},         {DSI_VARIANT_TIME, 8},
    {DSI_VARIANT_TIMESTAMPTZ_NS, 8}, {DSI_VARIANT_TIMESTAMP_NS, 8},
    {DSI_VARIANT_UUID, 16},
};

static uint64_t read_uint(const uint8_t *p, size_t width)
{
    uint64_t v = 0;
    for (size_t i = width; i-- > 0;) {
        v = v << 8 | p[i];
    }
    return v;
}

static int64_t read_int(const uint8_t *p, size_t width)
{
    uint64_t v = read_uint(p, width);
    uint64_t sign = UINT64_C(1) << (width * 8 - 1);
    return (int64_t)((v ^ sign) - sign);
}

int dsi_variant_names_parse(struct ds_slice metadata, struct dsi_variant_names *out,
                            size_t *size, struct ds_error *err)
{
    *out = (struct dsi_variant_names){0};
    if (metadata.size < 1) {
        return dsi_corrupt(err, "variant metadata is empty");
    }
    if ((metadata.data[0] & 0x0f) != 1) {
        return dsi_fail(err, DS_EUNSUPPORTED, "variant metadata of version %d",
                        metadata.data[0] & 0x0f);
    }
    size_t width = (size_t)(metadata.data[0] >> 6) + 1;
    if (metadata.size < 1 + width) {
        return dsi_corrupt(err, "variant metadata ends in its dictionary's size");
    }
    uint64_t count = read_uint(metadata.data + 1, width);
    size_t left = metadata.size - 1 - width;
    if (count >= left / width) {
        return dsi_corrupt(err, "variant metadata of %zu bytes claims %llu names",
                           metadata.size, (unsigned long long)count);
    }
    out->width = width;
    out->count = (size_t)count;
    out->offsets = metadata.data + 1 + width;
    out->bytes.data = out->offsets + (out->count + 1) * width;
    uint64_t last = 0;
    for (size_t i = 0; i <= out->count; i++) {
        uint64_t at = read_uint(out->offsets + i * width, width);
        if (at < last || (i == 0 && at != 0) || at > left - (out->count + 1) * width) {
            return dsi_corrupt(err, "variant metadata: name %zu of %zu is out of place",
                               i, out->count);
        }
        struct ds_slice name = {out->bytes.data + last, (size_t)(at - last)};
        if (!dsi_utf8_valid(name)) {
            return dsi_corrupt(err, "variant metadata: a name is not UTF-8");
        }
        last = at;
    }
    out->bytes.size = (size_t)last;
    if (size) {
        *size = 1 + width + (out->count + 1) * width + out->bytes.size;
    }
    return DS_OK;
}

struct ds_slice dsi_variant_name(const struct dsi_variant_names *names, size_t id)
{
    assert(id < names->count);
    const uint8_t *p = names->offsets + id * names->width;
    size_t from = (size_t)read_uint(p, names->width);
    size_t to = (size_t)read_uint(p + names->width, names->width);
    return (struct ds_slice){names->bytes.data + from, to - from};
}

bool dsi_variant_name_find(const struct dsi_variant_names *names, struct ds_slice name,
                           uint32_t *id)
{
    for (size_t i = 0; i < names->count; i++) {
        struct ds_slice n = dsi_variant_name(names, i);
        if (n.size == name.size &&
            (n.size == 0 || memcmp(n.data, name.data, n.size) == 0)) {
            *id = (uint32_t)i;
            return true;
        }
    }
    return false;
}

static int ends_early(enum dsi_variant_kind kind, struct ds_error *err)
{
    return dsi_corrupt(err, "a variant ends inside its %s", dsi_variant_kind_name(kind));
}

static int parse_decimal(const uint8_t *p, size_t width, struct dsi_variant *out,
                         struct ds_error *err)
{
    static const int digits[] = {[4] = 9, [8] = 18, [16] = 38};

    out->scale = p[0];
    if (width == 16) {
        uint64_t low = read_uint(p + 1, 8);
        out->as.decimal = (dsi_int128)((dsi_uint128)read_uint(p + 9, 8) << 64 | low);
    } else {
        out->as.decimal = read_int(p + 1, width);
    }
    if (out->scale > 38 || !dsi_int128_fits(out->as.decimal, digits[width])) {
        return dsi_corrupt(err, "a variant's %s is out of range",
                           dsi_variant_kind_name(out->kind));
    }
    return DS_OK;
}

static int parse_primitive(struct ds_slice in, struct dsi_variant *out,
                           struct ds_error *err)
{
    unsigned type = in.data[0] >> 2;
    const uint8_t *p = in.data + 1;

    if (type >= PRIMITIVE_COUNT) {
        return dsi_fail(err, DS_EUNSUPPORTED, "a variant of primitive type %u", type);
    }
    size_t size = primitives[type].size;
    out->kind = primitives[type].kind;
    out->size = 1 + size;
    if (in.size - 1 < size) {
        return ends_early(out->kind, err);
    }
    switch (out->kind) {
    case DSI_VARIANT_NULL:
        return DS_OK;
    case DSI_VARIANT_BOOLEAN:
        out->as.boolean = type == PRIMITIVE_TRUE;
        return DS_OK;
    case DSI_VARIANT_FLOAT:
        memcpy(&out->as.f32, p, 4);
        return DS_OK;
    case DSI_VARIANT_DOUBLE:
        memcpy(&out->as.f64, p, 8);
        return DS_OK;
    case DSI_VARIANT_DECIMAL4:
    case DSI_VARIANT_DECIMAL8:
    case DSI_VARIANT_DECIMAL16:
        return parse_decimal(p, size - 1, out, err);
    case DSI_VARIANT_UUID:
        out->as.bytes = (struct ds_slice){p, 16};
        return DS_OK;
    case DSI_VARIANT_BINARY:
    case DSI_VARIANT_STRING:
        out->as.bytes = (struct ds_slice){p + 4, (size_t)read_uint(p, 4)};
        out->size += out->as.bytes.size;
        return out->size <= in.size ? DS_OK : ends_early(out->kind, err);
    default:
        out->as.i64 = read_int(p, size);
        return DS_OK;
    }
}

// The count, ids and offsets of an object or array, and where its values lie.
static int parse_container(struct ds_slice in, struct dsi_variant *out,
                           struct ds_error *err)
{
    bool object = (in.data[0] & 3) == BASIC_OBJECT;
    unsigned header = in.data[0] >> 2;
    size_t count_width = header >> (object ? 4 : 2) & 1 ? 4 : 1;
    size_t at = 1 + count_width;

    out->kind = object ? DSI_VARIANT_OBJECT : DSI_VARIANT_ARRAY;
    out->offset_width = (header & 3) + 1;
    out->id_width = object ? (header >> 2 & 3) + 1 : 0;
    if (in.size < at) {
        return ends_early(out->kind, err);
    }
    uint64_t count = read_uint(in.data + 1, count_width);
    size_t each = out->id_width + out->offset_width;
    if (count > (in.size - at) / each ||
        in.size - at - (size_t)count * each < out->offset_width) {
        return dsi_corrupt(err, "a variant of %zu bytes claims an %s of %llu", in.size,
                           dsi_variant_kind_name(out->kind), (unsigned long long)count);
    }
    out->count = (size_t)count;
    out->ids = in.data + at;
    out->offsets = out->ids + out->count * out->id_width;
    at += out->count * each + out->offset_width;
    uint64_t size =
        read_uint(out->offsets + out->count * out->offset_width, out->offset_width);
    if (size > in.size - at) {
        return ends_early(out->kind, err);
    }
    out->values = (struct ds_slice){in.data + at, (size_t)size};
    out->size = at + (size_t)size;
    for (size_t i = 0; i < out->count; i++) {
        if (read_uint(out->offsets + i * out->offset_width, out->offset_width) >= size) {
            return dsi_corrupt(err, "element %zu of a variant's %s lies outside of it", i,
                               dsi_variant_kind_name(out->kind));
        }
    }
    return DS_OK;
}

int dsi_variant_parse(struct ds_slice in, struct dsi_variant *out, struct ds_error *err)
{
    *out = (struct dsi_variant){0};
    if (in.size == 0) {
        return dsi_corrupt(err, "a variant without a byte");
    }
    switch (in.data[0] & 3) {
    case BASIC_PRIMITIVE:
        return parse_primitive(in, out, err);
    case BASIC_SHORT_STRING:
        out->kind = DSI_VARIANT_STRING;
        out->as.bytes = (struct ds_slice){in.data + 1, in.data[0] >> 2};
        out->size = 1 + out->as.bytes.size;
        return out->size <= in.size ? DS_OK : ends_early(out->kind, err);
    default:
        return parse_container(in, out, err);
    }
}

struct ds_slice dsi_variant_element(const struct dsi_variant *v, size_t i)
{
    assert(i < v->count);
    size_t at = (size_t)read_uint(v->offsets + i * v->offset_width, v->offset_width);
    return (struct ds_slice){v->values.data + at, v->values.size - at};
}

uint32_t dsi_variant_field_id(const struct dsi_variant *v, size_t i)
{
    assert(i < v->count && v->kind == DSI_VARIANT_OBJECT);
    return (uint32_t)read_uint(v->ids + i * v->id_width, v->id_width);
}

static int compare(struct ds_slice a, struct ds_slice b)
{
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size > 0 ? memcmp(a.data, b.data, size) : 0;
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int check_field(const struct dsi_variant_names *names, const struct dsi_variant *v,
                       size_t i, struct ds_error *err)
{
    uint32_t id = dsi_variant_field_id(v, i);

    if (id >= names->count) {
        return dsi_corrupt(err, "a variant's field has name %u of %zu", (unsigned)id,
                           names->count);
    }
    if (i > 0 && compare(dsi_variant_name(names, dsi_variant_field_id(v, i - 1)),
                         dsi_variant_name(names, id)) >= 0) {
        return dsi_corrupt(err, "the fields of a variant's object are not in order");
    }
    return DS_OK;
}

// `*size` is what the value takes.
static int check_value(const struct dsi_variant_names *names, struct ds_slice value,
                       int depth, size_t *size, struct ds_error *err)
{
    struct dsi_variant v;
    size_t total = 0;
    int rc = DS_OK;

    if (depth > DSI_VARIANT_DEPTH_MAX) {
        return dsi_fail(err, DS_EUNSUPPORTED, "a variant more than %d levels deep",
                        DSI_VARIANT_DEPTH_MAX);
    }
    DSI_TRY(dsi_variant_parse(value, &v, err));
    if (v.kind == DSI_VARIANT_STRING && !dsi_utf8_valid(v.as.bytes)) {
        return dsi_corrupt(err, "a variant's string is not UTF-8");
    }
    for (size_t i = 0; i < v.count; i++) {
        size_t one = 0;
        if (v.kind == DSI_VARIANT_OBJECT) {
            DSI_TRY(check_field(names, &v, i, err));
        }
        DSI_TRY(check_value(names, dsi_variant_element(&v, i), depth + 1, &one, err));
        total += one;
        if (total > v.values.size) { // Elements that share bytes: a bomb.
            return dsi_corrupt(err, "the elements of a variant overlap");
        }
    }
    *size = v.size;
done:
    return rc;
}

int dsi_variant_check(const struct dsi_variant_names *names, struct ds_slice value,
                      struct ds_error *err)
{
    size_t size = 0;
    int rc = check_value(names, value, 0, &size, err);

    if (rc == DS_OK && size != value.size) {
        return dsi_corrupt(err, "%zu bytes after a variant", value.size - size);
    }
    return rc;
}

const char *dsi_variant_kind_name(enum dsi_variant_kind kind)
{
    static const char *const names[] = {
        "null",         "boolean",  "int8",     "int16",     "int32", "int64",
        "double",       "decimal4", "decimal8", "decimal16", "date",  "timestamptz",
        "timestamp",    "float",    "binary",   "string",    "time",  "timestamptz_ns",
        "timestamp_ns", "uuid",     "object",   "array",
    };
    return names[kind];
}
