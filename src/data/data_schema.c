#include "data/data_schema.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/int128.h"
#include "data/data_file.h"

enum {
    TAIL_BYTES = 64 * 1024, // Most footers are smaller, and one read is one round trip.
    FOOTER_BYTES_MAX = 1 << 30,
};

// The fewest bytes that hold every decimal of this precision.
static int32_t decimal_bytes(int32_t precision)
{
    dsi_int128 largest = dsi_int128_pow10(precision) - 1;
    uint8_t be[16];
    return (int32_t)dsi_int128_to_be(largest, be);
}

static void decimal_field(const struct dsi_type *t, struct dsi_parquet_field *out)
{
    out->logical.kind = DSI_PARQUET_LOGICAL_DECIMAL;
    out->logical.precision = t->precision;
    out->logical.scale = t->scale;
    if (t->precision <= 9) {
        out->physical = DSI_PARQUET_INT32;
    } else if (t->precision <= 18) {
        out->physical = DSI_PARQUET_INT64;
    } else {
        out->physical = DSI_PARQUET_FIXED;
        out->type_length = decimal_bytes(t->precision);
    }
}

static void time_field(enum dsi_parquet_logical_kind kind, enum dsi_parquet_unit unit,
                       bool utc, struct dsi_parquet_field *out)
{
    out->physical = DSI_PARQUET_INT64;
    out->logical.kind = kind;
    out->logical.unit = unit;
    out->logical.utc = utc;
}

static bool physical_of(const struct dsi_type *t, struct dsi_parquet_field *out)
{
    switch (t->kind) {
    case DSI_TYPE_BOOLEAN:
        out->physical = DSI_PARQUET_BOOLEAN;
        return true;
    case DSI_TYPE_INT:
        out->physical = DSI_PARQUET_INT32;
        return true;
    case DSI_TYPE_LONG:
        out->physical = DSI_PARQUET_INT64;
        return true;
    case DSI_TYPE_FLOAT:
        out->physical = DSI_PARQUET_FLOAT;
        return true;
    case DSI_TYPE_DOUBLE:
        out->physical = DSI_PARQUET_DOUBLE;
        return true;
    case DSI_TYPE_DECIMAL:
        decimal_field(t, out);
        return true;
    case DSI_TYPE_DATE:
        out->physical = DSI_PARQUET_INT32;
        out->logical.kind = DSI_PARQUET_LOGICAL_DATE;
        return true;
    case DSI_TYPE_TIME:
        time_field(DSI_PARQUET_LOGICAL_TIME, DSI_PARQUET_MICROS, false, out);
        return true;
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
        time_field(DSI_PARQUET_LOGICAL_TIMESTAMP, DSI_PARQUET_MICROS,
                   t->kind == DSI_TYPE_TIMESTAMPTZ, out);
        return true;
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        time_field(DSI_PARQUET_LOGICAL_TIMESTAMP, DSI_PARQUET_NANOS,
                   t->kind == DSI_TYPE_TIMESTAMPTZ_NS, out);
        return true;
    case DSI_TYPE_STRING:
        out->physical = DSI_PARQUET_BYTE_ARRAY;
        out->logical.kind = DSI_PARQUET_LOGICAL_STRING;
        return true;
    case DSI_TYPE_BINARY:
        out->physical = DSI_PARQUET_BYTE_ARRAY;
        return true;
    case DSI_TYPE_GEOMETRY:
    case DSI_TYPE_GEOGRAPHY:
        out->physical = DSI_PARQUET_BYTE_ARRAY;
        out->logical.kind = t->kind == DSI_TYPE_GEOMETRY ? DSI_PARQUET_LOGICAL_GEOMETRY
                                                         : DSI_PARQUET_LOGICAL_GEOGRAPHY;
        return true;
    case DSI_TYPE_UUID:
        out->physical = DSI_PARQUET_FIXED;
        out->type_length = 16;
        out->logical.kind = DSI_PARQUET_LOGICAL_UUID;
        return true;
    case DSI_TYPE_FIXED:
        out->physical = DSI_PARQUET_FIXED;
        out->type_length = t->length;
        return true;
    default:
        return false;
    }
}

int dsi_data_parquet_field(const struct dsi_field *f, struct dsi_parquet_field *out,
                           struct ds_error *err)
{
    *out = (struct dsi_parquet_field){
        .name = f->name,
        .has_field_id = true,
        .field_id = f->id,
        .repetition = f->required ? DSI_PARQUET_REQUIRED : DSI_PARQUET_OPTIONAL,
    };
    if (!physical_of(&f->type, out)) {
        char type[64];
        dsi_type_format(&f->type, type, sizeof type);
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "column %s: a %s cannot be written to Parquet yet", f->name,
                        type);
    }
    return DS_OK;
}

static void decimal_type(const struct dsi_parquet_field *f, struct dsi_type *out)
{
    out->kind = DSI_TYPE_DECIMAL;
    out->precision = f->logical.precision;
    out->scale = f->logical.scale;
}

static void timestamp_type(const struct dsi_parquet_field *f, struct dsi_type *out)
{
    bool utc = f->logical.utc;
    if (f->logical.unit == DSI_PARQUET_NANOS) {
        out->kind = utc ? DSI_TYPE_TIMESTAMPTZ_NS : DSI_TYPE_TIMESTAMP_NS;
    } else {
        out->kind = utc ? DSI_TYPE_TIMESTAMPTZ : DSI_TYPE_TIMESTAMP;
    }
}

static bool int_type(const struct dsi_parquet_field *f, struct dsi_type *out)
{
    bool wide = f->physical == DSI_PARQUET_INT64;
    const struct dsi_parquet_logical *l = &f->logical;

    out->kind = wide ? DSI_TYPE_LONG : DSI_TYPE_INT;
    switch (l->kind) {
    case DSI_PARQUET_LOGICAL_DECIMAL:
        decimal_type(f, out);
        return true;
    case DSI_PARQUET_LOGICAL_DATE:
        out->kind = DSI_TYPE_DATE;
        return !wide;
    case DSI_PARQUET_LOGICAL_TIME:
        out->kind = DSI_TYPE_TIME;
        return true;
    case DSI_PARQUET_LOGICAL_TIMESTAMP:
        timestamp_type(f, out);
        return wide;
    case DSI_PARQUET_LOGICAL_INTEGER:
        if (!l->is_signed && l->bit_width >= 32) {
            out->kind = DSI_TYPE_LONG;
            return !wide; // uint64 has no Iceberg type.
        }
        return true;
    case DSI_PARQUET_LOGICAL_NONE:
    case DSI_PARQUET_LOGICAL_OTHER:
        return true;
    default:
        return false;
    }
}

static bool bytes_type(const struct dsi_parquet_field *f, struct dsi_type *out)
{
    bool fixed = f->physical == DSI_PARQUET_FIXED;

    out->kind = fixed ? DSI_TYPE_FIXED : DSI_TYPE_BINARY;
    out->length = fixed ? f->type_length : 0;
    switch (f->logical.kind) {
    case DSI_PARQUET_LOGICAL_STRING:
    case DSI_PARQUET_LOGICAL_ENUM:
    case DSI_PARQUET_LOGICAL_JSON:
        out->kind = DSI_TYPE_STRING;
        return !fixed;
    case DSI_PARQUET_LOGICAL_DECIMAL:
        out->length = 0;
        decimal_type(f, out);
        return true;
    case DSI_PARQUET_LOGICAL_UUID:
        out->kind = DSI_TYPE_UUID;
        out->length = 0;
        return fixed && f->type_length == 16;
    case DSI_PARQUET_LOGICAL_FLOAT16:
        out->kind = DSI_TYPE_FLOAT;
        out->length = 0;
        return fixed && f->type_length == 2;
    case DSI_PARQUET_LOGICAL_NONE:
    case DSI_PARQUET_LOGICAL_OTHER:
    case DSI_PARQUET_LOGICAL_BSON:
        return true;
    default:
        return false;
    }
}

static bool type_of(const struct dsi_parquet_field *f, struct dsi_type *out)
{
    if (f->logical.kind == DSI_PARQUET_LOGICAL_UNKNOWN) {
        out->kind = DSI_TYPE_UNKNOWN;
        return true;
    }
    switch (f->physical) {
    case DSI_PARQUET_BOOLEAN:
        out->kind = DSI_TYPE_BOOLEAN;
        return true;
    case DSI_PARQUET_FLOAT:
        out->kind = DSI_TYPE_FLOAT;
        return true;
    case DSI_PARQUET_DOUBLE:
        out->kind = DSI_TYPE_DOUBLE;
        return true;
    case DSI_PARQUET_INT96: // Only ever a timestamp, normalized to UTC.
        out->kind = DSI_TYPE_TIMESTAMPTZ;
        return true;
    case DSI_PARQUET_INT32:
    case DSI_PARQUET_INT64:
        return int_type(f, out);
    default:
        return bytes_type(f, out);
    }
}

int dsi_data_leaf_type(const struct dsi_parquet_node *leaf, struct dsi_type *out,
                       struct ds_error *err)
{
    *out = (struct dsi_type){.kind = DSI_TYPE_UNKNOWN};
    bool known = type_of(&leaf->field, out);
    bool decimal_ok = out->kind != DSI_TYPE_DECIMAL ||
                      (out->precision >= 1 && out->precision <= 38 && out->scale >= 0 &&
                       out->scale <= out->precision);
    if (!known || !decimal_ok) {
        char path[256];
        dsi_parquet_path(leaf, path, sizeof path);
        return dsi_fail(
            err, DS_EUNSUPPORTED,
            "column %s: Iceberg has no type for this Parquet %s (logical type "
            "%d%s)",
            path, dsi_parquet_physical_name(leaf->field.physical),
            (int)leaf->field.logical.kind, decimal_ok ? "" : ", more than 38 digits");
    }
    return DS_OK;
}

struct reading {
    struct dsi_arena *arena;
    bool ids_complete;
    int32_t highest_id;
    struct ds_error *err;
};

static int read_node(struct reading *r, const struct dsi_parquet_node *n, int depth,
                     struct dsi_field *out);

// Fields for the children of a group, from `first` on.
static int read_children(struct reading *r, const struct dsi_parquet_node *first,
                         size_t count, int depth, struct dsi_type *out)
{
    struct dsi_field *fields = dsi_arena_array(r->arena, count, sizeof *fields);

    if (!fields) {
        return dsi_no_memory(r->err, "reading a Parquet schema");
    }
    for (size_t i = 0; i < count; i++, first = first->next) {
        int rc = read_node(r, first, depth + 1, &fields[i]);
        if (rc < 0) {
            return rc;
        }
    }
    out->fields = fields;
    out->field_count = count;
    return DS_OK;
}

static int odd_shape(struct reading *r, const struct dsi_parquet_node *n)
{
    char path[256];
    dsi_parquet_path(n, path, sizeof path);
    return dsi_fail(r->err, DS_EUNSUPPORTED,
                    "column %s: a nested Parquet type of a shape that is not read", path);
}

// The three levels of a list or map: the group, a repeated group, what is in it. In the
// two-level lists of old writers the repeated field is the element.
static int read_repeated(struct reading *r, const struct dsi_parquet_node *n, int depth,
                         struct dsi_type *out)
{
    const struct dsi_parquet_node *middle = n->first_child;
    bool map = n->field.logical.kind == DSI_PARQUET_LOGICAL_MAP;
    static const char *const names[] = {"key", "value"};

    if (!middle || n->field.child_count != 1 ||
        middle->field.repetition != DSI_PARQUET_REPEATED) {
        return odd_shape(r, n);
    }
    out->kind = map ? DSI_TYPE_MAP : DSI_TYPE_LIST;
    size_t count = middle->field.child_count;
    bool two_levels = !map && (count != 1 || strcmp(middle->field.name, "array") == 0);
    if (map && count != 2) {
        return odd_shape(r, n);
    }
    int rc = two_levels ? read_children(r, middle, 1, depth, out)
                        : read_children(r, middle->first_child, count, depth, out);
    if (rc == DS_OK) {
        struct dsi_field *fields = (struct dsi_field *)out->fields; // Made just now.
        assert(fields && out->field_count >= 1 && (!map || out->field_count == 2));
        for (size_t i = 0; i < out->field_count; i++) {
            fields[i].name = map ? names[i] : "element";
        }
        fields[0].required = fields[0].required || map || two_levels;
    }
    return rc;
}

static int read_node(struct reading *r, const struct dsi_parquet_node *n, int depth,
                     struct dsi_field *out)
{
    const struct dsi_parquet_field *f = &n->field;
    int rc = DS_OK;

    if (depth > DSI_TYPE_DEPTH_MAX) {
        return odd_shape(r, n);
    }
    out->id = f->has_field_id ? f->field_id : -1;
    out->required = f->repetition == DSI_PARQUET_REQUIRED;
    out->name = dsi_arena_strdup(r->arena, f->name);
    r->ids_complete = r->ids_complete && out->id >= 1 && out->id <= DSI_FIELD_ID_MAX;
    r->highest_id = out->id > r->highest_id ? out->id : r->highest_id;
    if (!out->name) {
        return dsi_no_memory(r->err, "reading a Parquet schema");
    }
    if (f->child_count == 0) {
        rc = dsi_data_leaf_type(n, &out->type, r->err);
        out->required = out->required && out->type.kind != DSI_TYPE_UNKNOWN;
    } else if (f->logical.kind == DSI_PARQUET_LOGICAL_LIST ||
               f->logical.kind == DSI_PARQUET_LOGICAL_MAP) {
        rc = read_repeated(r, n, depth, &out->type);
    } else {
        out->type.kind = DSI_TYPE_STRUCT;
        rc = read_children(r, n->first_child, f->child_count, depth, &out->type);
    }
    return rc;
}

int dsi_data_parquet_schema(const struct dsi_parquet_file *file, struct dsi_arena *arena,
                            struct dsi_schema *out, struct ds_error *err)
{
    struct reading r = {.arena = arena, .ids_complete = true, .err = err};
    struct dsi_schema read = {.root = {.kind = DSI_TYPE_STRUCT}};
    int32_t last_id = 0;
    int rc = DS_OK;

    assert(file->root);
    DSI_TRY(read_children(&r, file->root->first_child, file->root->field.child_count, 0,
                          &read.root));
    if (r.ids_complete) {
        read.highest_id = r.highest_id;
        *out = read;
    } else {
        DSI_TRY(dsi_schema_assign_ids(&read, &last_id, arena, out, err));
    }
    DSI_TRY(dsi_schema_check(out, err));
done:
    return rc;
}

int dsi_data_footer_read(struct ds_file *f, struct dsi_parquet_file *out,
                         struct ds_error *err)
{
    struct dsi_buf tail = DSI_BUF_INIT_MAX(FOOTER_BYTES_MAX);
    uint64_t size = dsi_file_size(f);
    size_t got = size < TAIL_BYTES ? (size_t)size : TAIL_BYTES;
    size_t need = 0;
    int rc = DS_OK;

    if (size < DSI_PARQUET_FILE_SIZE_MIN || size > INT64_MAX) {
        return dsi_corrupt(err, "%llu bytes are no Parquet file",
                           (unsigned long long)size);
    }
    DSI_TRY(dsi_buf_reserve(&tail, got, err));
    DSI_TRY(dsi_file_read(f, size - got, tail.data, got, err));
    DSI_TRY(dsi_parquet_footer_size(tail.data + got - DSI_PARQUET_TAIL_SIZE,
                                    (int64_t)size, &need, err));
    if (need > got) {
        DSI_TRY(dsi_buf_reserve(&tail, need, err));
        DSI_TRY(dsi_file_read(f, size - need, tail.data, need, err));
        got = need;
    }
    DSI_TRY(dsi_parquet_file_parse((struct ds_slice){tail.data + got - need, need},
                                   (int64_t)size, out, err));
done:
    dsi_buf_release(&tail);
    return rc;
}

int dsi_data_file_schema(ds_storage *storage, const char *location,
                         struct dsi_arena *arena, struct dsi_schema *out,
                         struct ds_error *err)
{
    struct dsi_parquet_file file = {0};
    struct ds_file *f = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_file_open(storage, location, &f, err));
    DSI_TRY(dsi_data_footer_read(f, &file, err));
    DSI_TRY(dsi_data_parquet_schema(&file, arena, out, err));
done:
    dsi_parquet_file_release(&file);
    dsi_file_close(f);
    return rc < 0 ? dsi_wrap(err, rc, "the schema of %s", location) : rc;
}
