#include "data/data_schema.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/int128.h"
#include "data/data_file.h"
#include "data/data_shape.h"

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

static void moment_of(enum dsi_type_kind kind, struct dsi_parquet_field *out)
{
    bool nanos = kind == DSI_TYPE_TIMESTAMP_NS || kind == DSI_TYPE_TIMESTAMPTZ_NS;
    bool utc = kind == DSI_TYPE_TIMESTAMPTZ || kind == DSI_TYPE_TIMESTAMPTZ_NS;

    time_field(DSI_PARQUET_LOGICAL_TIMESTAMP,
               nanos ? DSI_PARQUET_NANOS : DSI_PARQUET_MICROS, utc, out);
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
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        moment_of(t->kind, out);
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
    case DSI_PARQUET_LOGICAL_GEOMETRY:
        out->kind = DSI_TYPE_GEOMETRY;
        return !fixed;
    case DSI_PARQUET_LOGICAL_GEOGRAPHY:
        out->kind = DSI_TYPE_GEOGRAPHY;
        return !fixed;
    case DSI_PARQUET_LOGICAL_INTERVAL: // No type of Iceberg's: its bytes as they are.
        return fixed && f->type_length == 12;
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

// Why a leaf has no type here.
static const char *no_type_because(const struct dsi_parquet_field *f, bool decimal_ok)
{
    const struct dsi_parquet_logical *l = &f->logical;

    if (!decimal_ok) {
        return "a decimal of more than 38 digits";
    }
    if (l->kind == DSI_PARQUET_LOGICAL_INTEGER && !l->is_signed && l->bit_width == 64) {
        return "an unsigned 64-bit integer, which no signed one can hold";
    }
    return "an annotation that this physical type cannot have";
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
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "column %s: Iceberg has no type for this Parquet %s (logical "
                        "type %d): %s",
                        path, dsi_parquet_physical_name(leaf->field.physical),
                        (int)leaf->field.logical.kind,
                        no_type_because(&leaf->field, decimal_ok));
    }
    return DS_OK;
}

// The schema of a file in the making.
struct reading {
    struct dsi_arena *arena;
    bool ids_complete; // Every field had an id so far.
    int32_t highest_id;
    struct ds_error *err;
};

static int read_place(struct reading *r, struct dsi_data_place at, const char *name,
                      int depth, struct dsi_field *out);

static struct dsi_field *make_fields(struct reading *r, size_t count, struct dsi_type *t)
{
    struct dsi_field *fields = dsi_arena_array(r->arena, count, sizeof *fields);

    if (fields) {
        t->fields = fields;
        t->field_count = count;
    } else {
        DSI_IGNORE(dsi_no_memory(r->err, "reading a Parquet schema")); // The caller's.
    }
    return fields;
}

static int read_struct(struct reading *r, const struct dsi_parquet_node *group, int depth,
                       struct dsi_type *out)
{
    struct dsi_field *fields = make_fields(r, group->field.child_count, out);
    const struct dsi_parquet_node *n = group->first_child;
    int rc = fields ? DS_OK : DS_ENOMEM;

    out->kind = DSI_TYPE_STRUCT;
    for (size_t i = 0; rc == DS_OK && i < out->field_count; i++, n = n->next) {
        struct dsi_data_place at = {n, false};
        rc = read_place(r, at, n->field.name, depth + 1, &fields[i]);
    }
    return rc;
}

static int read_entries(struct reading *r, const struct dsi_data_shape *shape, int depth,
                        struct dsi_type *out)
{
    bool map = shape->kind == DSI_SHAPE_MAP;
    struct dsi_field *fields = make_fields(r, map ? 2 : 1, out);

    if (!fields) {
        return DS_ENOMEM;
    }
    out->kind = map ? DSI_TYPE_MAP : DSI_TYPE_LIST;
    int rc = read_place(r, shape->element, map ? "key" : "element", depth + 1, fields);
    if (rc == DS_OK && map) {
        fields[0].required = true;
        rc = read_place(r, shape->value, "value", depth + 1, &fields[1]);
    }
    return rc;
}

// "geometry", "geography(srid:4326, karney)": how Iceberg writes what the file says.
static const char *geo_text(struct dsi_arena *arena, const struct dsi_parquet_logical *l)
{
    static const char *const edges[] = {"spherical", "vincenty", "thomas", "andoyer",
                                        "karney"};
    bool geography = l->kind == DSI_PARQUET_LOGICAL_GEOGRAPHY;
    const char *crs = l->crs && *l->crs ? l->crs : NULL;
    bool default_edges = l->algorithm == 0;

    if (!geography || default_edges) {
        const char *name = geography ? "geography" : "geometry";
        return crs ? dsi_arena_printf(arena, "%s(%s)", name, crs)
                   : dsi_arena_strdup(arena, name);
    }
    return dsi_arena_printf(arena, "geography(%s, %s)", crs ? crs : "OGC:CRS84",
                            edges[l->algorithm]);
}

static int read_leaf(struct reading *r, const struct dsi_parquet_node *leaf,
                     struct dsi_field *out)
{
    const struct dsi_parquet_logical *l = &leaf->field.logical;
    int rc = DS_OK;

    DSI_TRY(dsi_data_leaf_type(leaf, &out->type, r->err));
    out->required = out->required && out->type.kind != DSI_TYPE_UNKNOWN;
    if (out->type.kind == DSI_TYPE_GEOMETRY || out->type.kind == DSI_TYPE_GEOGRAPHY) {
        if (out->type.kind == DSI_TYPE_GEOGRAPHY &&
            (l->algorithm < 0 || l->algorithm > 4)) {
            char path[256];
            dsi_parquet_path(leaf, path, sizeof path);
            return dsi_fail(r->err, DS_EUNSUPPORTED,
                            "column %s: geography with edges of an unknown kind (%d)",
                            path, (int)l->algorithm);
        }
        out->type.text = geo_text(r->arena, l);
        rc = out->type.text ? DS_OK : dsi_no_memory(r->err, "reading a Parquet schema");
    }
done:
    return rc;
}

static int read_place(struct reading *r, struct dsi_data_place at, const char *name,
                      int depth, struct dsi_field *out)
{
    const struct dsi_parquet_field *f = &at.node->field;
    struct dsi_data_shape shape;
    int rc = dsi_data_shape_of(at, &shape, r->err);

    if (rc < 0) {
        return rc;
    }
    if (depth > DSI_TYPE_DEPTH_MAX) {
        char path[256];
        dsi_parquet_path(at.node, path, sizeof path);
        return dsi_fail(r->err, DS_EUNSUPPORTED,
                        "column %s: nested deeper than %d levels", path,
                        DSI_TYPE_DEPTH_MAX);
    }
    out->id = f->has_field_id ? f->field_id : -1;
    out->required = !shape.is_optional;
    out->name = dsi_arena_strdup(r->arena, name);
    r->ids_complete = r->ids_complete && out->id >= 1 && out->id <= DSI_FIELD_ID_MAX;
    r->highest_id = out->id > r->highest_id ? out->id : r->highest_id;
    if (!out->name) {
        return dsi_no_memory(r->err, "reading a Parquet schema");
    }
    switch (shape.kind) {
    case DSI_SHAPE_LEAF:
        return read_leaf(r, at.node, out);
    case DSI_SHAPE_VARIANT:
        out->type.kind = DSI_TYPE_VARIANT;
        return rc;
    case DSI_SHAPE_STRUCT:
        return read_struct(r, at.node, depth, &out->type);
    default:
        return read_entries(r, &shape, depth, &out->type);
    }
}

int dsi_data_parquet_schema(const struct dsi_parquet_file *file, struct dsi_arena *arena,
                            struct dsi_schema *out, struct ds_error *err)
{
    struct reading r = {.arena = arena, .ids_complete = true, .err = err};
    struct dsi_schema read = {.root = {.kind = DSI_TYPE_STRUCT}};
    int32_t last_id = 0;
    int rc = DS_OK;

    assert(file->root);
    DSI_TRY(read_struct(&r, file->root, 0, &read.root));
    read.highest_id = r.highest_id;
    *out = read;
    // A repeated field that is not annotated has one id for a list and its element, and
    // some writers give every field the same.
    if (!r.ids_complete || dsi_schema_check_stored(&read, NULL) < 0) {
        DSI_TRY(dsi_schema_assign_ids(&read, &last_id, arena, out, err));
    }
    DSI_TRY(dsi_schema_check_stored(out, err));
done:
    return rc;
}

// A file begins as it ends. `tail` is its last `got` bytes, all of them in a small file;
// of a larger one the first bytes are next to the columns that are read first.
static int check_head(struct ds_file *f, const uint8_t *tail, size_t got,
                      struct ds_error *err)
{
    static const uint8_t magic[] = {'P', 'A', 'R', '1'};
    uint8_t head[sizeof magic];
    int rc = DS_OK;

    if (got < dsi_file_size(f)) {
        DSI_TRY(dsi_file_read(f, 0, head, sizeof head, err));
        tail = head;
    }
    if (memcmp(tail, magic, sizeof magic) != 0) {
        rc = dsi_corrupt(err, "not a parquet file: it does not begin with PAR1");
    }
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
    DSI_TRY(check_head(f, tail.data, got, err));
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

int dsi_data_file_look(ds_storage *storage, const char *location, struct dsi_arena *arena,
                       struct dsi_schema *schema, int64_t *rows, struct ds_error *err)
{
    struct dsi_parquet_file file = {0};
    struct ds_file *f = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_file_open(storage, location, &f, err));
    DSI_TRY(dsi_data_footer_read(f, &file, err));
    DSI_TRY(dsi_data_parquet_schema(&file, arena, schema, err));
    *rows = file.row_count;
done:
    dsi_parquet_file_release(&file);
    dsi_file_close(f);
    return rc < 0 ? dsi_wrap_file(err, rc, "the schema of", location) : rc;
}

int dsi_data_file_schema(ds_storage *storage, const char *location,
                         struct dsi_arena *arena, struct dsi_schema *out,
                         struct ds_error *err)
{
    int64_t rows = 0;

    return dsi_data_file_look(storage, location, arena, out, &rows, err);
}
