// Schema elements on the wire, with the two generations of what a type stands for.
// parquet.thrift, SchemaElement, LogicalType and ConvertedType; LogicalTypes.md.
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "codec/parquet/parquet_schema.h"

// The format's numbers of converted types.
enum {
    CONVERTED_NONE = -1,
    CONVERTED_UTF8 = 0,
    CONVERTED_MAP = 1,
    CONVERTED_MAP_KEY_VALUE = 2,
    CONVERTED_LIST = 3,
    CONVERTED_ENUM = 4,
    CONVERTED_DECIMAL = 5,
    CONVERTED_DATE = 6,
    CONVERTED_TIME_MILLIS = 7,
    CONVERTED_TIME_MICROS = 8,
    CONVERTED_TIMESTAMP_MILLIS = 9,
    CONVERTED_TIMESTAMP_MICROS = 10,
    CONVERTED_UINT_8 = 11,
    CONVERTED_INT_8 = 15,
    CONVERTED_INT_64 = 18,
    CONVERTED_JSON = 19,
    CONVERTED_BSON = 20,
    CONVERTED_INTERVAL = 21,
};

// The format's numbers of the LogicalType union's members, by our kind.
static const int32_t union_ids[] = {
    [DSI_PARQUET_LOGICAL_STRING] = 1,     [DSI_PARQUET_LOGICAL_MAP] = 2,
    [DSI_PARQUET_LOGICAL_LIST] = 3,       [DSI_PARQUET_LOGICAL_ENUM] = 4,
    [DSI_PARQUET_LOGICAL_DECIMAL] = 5,    [DSI_PARQUET_LOGICAL_DATE] = 6,
    [DSI_PARQUET_LOGICAL_TIME] = 7,       [DSI_PARQUET_LOGICAL_TIMESTAMP] = 8,
    [DSI_PARQUET_LOGICAL_INTEGER] = 10,   [DSI_PARQUET_LOGICAL_UNKNOWN] = 11,
    [DSI_PARQUET_LOGICAL_JSON] = 12,      [DSI_PARQUET_LOGICAL_BSON] = 13,
    [DSI_PARQUET_LOGICAL_UUID] = 14,      [DSI_PARQUET_LOGICAL_FLOAT16] = 15,
    [DSI_PARQUET_LOGICAL_VARIANT] = 16,   [DSI_PARQUET_LOGICAL_GEOMETRY] = 17,
    [DSI_PARQUET_LOGICAL_GEOGRAPHY] = 18,
};

enum { UNION_ID_COUNT = sizeof union_ids / sizeof *union_ids };

static enum dsi_parquet_logical_kind kind_of(int32_t union_id)
{
    for (int i = 1; i < UNION_ID_COUNT; i++) {
        if (union_ids[i] == union_id) {
            return (enum dsi_parquet_logical_kind)i;
        }
    }
    return DSI_PARQUET_LOGICAL_OTHER;
}

static int read_unit(struct dsi_thrift_reader *r, struct dsi_parquet_logical *out,
                     struct ds_error *err)
{
    struct dsi_thrift_field f = {0};
    int rc = DS_OK;

    while ((rc = dsi_thrift_next(r, &f, err)) == DS_ROW) {
        if (f.id >= 1 && f.id <= 3) {
            out->unit = (enum dsi_parquet_unit)(f.id - 1);
        } else {
            out->kind = DSI_PARQUET_LOGICAL_OTHER; // A unit yet to be invented.
        }
        DSI_TRY(dsi_thrift_skip(r, f.type, err));
    }
done:
    return rc;
}

static int read_time(struct dsi_thrift_reader *r, const struct dsi_thrift_field *f,
                     struct dsi_parquet_logical *out, struct ds_error *err)
{
    int rc = DS_OK;

    switch (f->id) {
    case 1:
        return dsi_thrift_bool(r, f->type, &out->utc, err);
    case 2:
        DSI_TRY(dsi_thrift_struct(r, f->type, err));
        return read_unit(r, out, err);
    default:
        return dsi_thrift_skip(r, f->type, err);
    }
done:
    return rc;
}

static int read_geo(struct dsi_thrift_reader *r, const struct dsi_thrift_field *f,
                    struct dsi_arena *arena, struct dsi_parquet_logical *out,
                    struct ds_error *err)
{
    struct ds_slice text = {0};
    int rc = DS_OK;

    if (f->id == 2 && out->kind == DSI_PARQUET_LOGICAL_GEOGRAPHY) {
        return dsi_thrift_i32(r, f->type, &out->algorithm, err);
    }
    if (f->id != 1) {
        return dsi_thrift_skip(r, f->type, err);
    }
    DSI_TRY(dsi_thrift_binary(r, f->type, &text, err));
    out->crs = dsi_arena_strndup(arena, (const char *)text.data, text.size);
    if (!out->crs) {
        return dsi_no_memory(err, "a parquet schema");
    }
done:
    return rc;
}

// One field of the struct that a member of the union is.
static int read_member(struct dsi_thrift_reader *r, const struct dsi_thrift_field *f,
                       struct dsi_arena *arena, struct dsi_parquet_logical *out,
                       struct ds_error *err)
{
    switch (out->kind) {
    case DSI_PARQUET_LOGICAL_DECIMAL:
        if (f->id == 1 || f->id == 2) {
            return dsi_thrift_i32(r, f->type, f->id == 1 ? &out->scale : &out->precision,
                                  err);
        }
        break;
    case DSI_PARQUET_LOGICAL_TIME:
    case DSI_PARQUET_LOGICAL_TIMESTAMP:
        return read_time(r, f, out, err);
    case DSI_PARQUET_LOGICAL_INTEGER:
        if (f->id == 1) {
            return dsi_thrift_i32(r, f->type, &out->bit_width, err);
        }
        if (f->id == 2) {
            return dsi_thrift_bool(r, f->type, &out->is_signed, err);
        }
        break;
    case DSI_PARQUET_LOGICAL_GEOMETRY:
    case DSI_PARQUET_LOGICAL_GEOGRAPHY:
        return read_geo(r, f, arena, out, err);
    default:
        break;
    }
    return dsi_thrift_skip(r, f->type, err);
}

static int read_logical(struct dsi_thrift_reader *r, struct dsi_arena *arena,
                        struct dsi_parquet_logical *out, struct ds_error *err)
{
    struct dsi_thrift_field f = {0};
    int rc = DS_OK;

    while ((rc = dsi_thrift_next(r, &f, err)) == DS_ROW) {
        struct dsi_thrift_field member = {0};
        *out = (struct dsi_parquet_logical){.kind = kind_of(f.id)};
        if (out->kind == DSI_PARQUET_LOGICAL_OTHER) {
            DSI_TRY(dsi_thrift_skip(r, f.type, err));
            continue;
        }
        DSI_TRY(dsi_thrift_struct(r, f.type, err));
        while ((rc = dsi_thrift_next(r, &member, err)) == DS_ROW) {
            DSI_TRY(read_member(r, &member, arena, out, err));
        }
        DSI_TRY(rc);
    }
done:
    return rc;
}

static struct dsi_parquet_logical from_converted(int32_t converted, int32_t precision,
                                                 int32_t scale)
{
    struct dsi_parquet_logical l = {0};

    switch (converted) {
    case CONVERTED_UTF8:
        l.kind = DSI_PARQUET_LOGICAL_STRING;
        break;
    case CONVERTED_MAP:
    case CONVERTED_MAP_KEY_VALUE: // Old writers put it where MAP belongs.
        l.kind = DSI_PARQUET_LOGICAL_MAP;
        break;
    case CONVERTED_LIST:
        l.kind = DSI_PARQUET_LOGICAL_LIST;
        break;
    case CONVERTED_ENUM:
        l.kind = DSI_PARQUET_LOGICAL_ENUM;
        break;
    case CONVERTED_DECIMAL:
        l = (struct dsi_parquet_logical){
            .kind = DSI_PARQUET_LOGICAL_DECIMAL, .precision = precision, .scale = scale};
        break;
    case CONVERTED_DATE:
        l.kind = DSI_PARQUET_LOGICAL_DATE;
        break;
    case CONVERTED_TIME_MILLIS:
    case CONVERTED_TIME_MICROS:
        l.kind = DSI_PARQUET_LOGICAL_TIME;
        l.utc = true;
        l.unit =
            converted == CONVERTED_TIME_MILLIS ? DSI_PARQUET_MILLIS : DSI_PARQUET_MICROS;
        break;
    case CONVERTED_TIMESTAMP_MILLIS:
    case CONVERTED_TIMESTAMP_MICROS:
        l.kind = DSI_PARQUET_LOGICAL_TIMESTAMP;
        l.utc = true;
        l.unit = converted == CONVERTED_TIMESTAMP_MILLIS ? DSI_PARQUET_MILLIS
                                                         : DSI_PARQUET_MICROS;
        break;
    case CONVERTED_JSON:
        l.kind = DSI_PARQUET_LOGICAL_JSON;
        break;
    case CONVERTED_BSON:
        l.kind = DSI_PARQUET_LOGICAL_BSON;
        break;
    case CONVERTED_INTERVAL:
        l.kind = DSI_PARQUET_LOGICAL_INTERVAL;
        break;
    default:
        if (converted >= CONVERTED_UINT_8 && converted <= CONVERTED_INT_64) {
            l.kind = DSI_PARQUET_LOGICAL_INTEGER;
            l.is_signed = converted >= CONVERTED_INT_8;
            l.bit_width = 8 << ((converted - CONVERTED_UINT_8) % 4);
        }
    }
    return l;
}

static int32_t to_converted(const struct dsi_parquet_logical *l)
{
    switch (l->kind) {
    case DSI_PARQUET_LOGICAL_STRING:
        return CONVERTED_UTF8;
    case DSI_PARQUET_LOGICAL_MAP:
        return CONVERTED_MAP;
    case DSI_PARQUET_LOGICAL_LIST:
        return CONVERTED_LIST;
    case DSI_PARQUET_LOGICAL_ENUM:
        return CONVERTED_ENUM;
    case DSI_PARQUET_LOGICAL_DECIMAL:
        return CONVERTED_DECIMAL;
    case DSI_PARQUET_LOGICAL_DATE:
        return CONVERTED_DATE;
    case DSI_PARQUET_LOGICAL_TIME:
    case DSI_PARQUET_LOGICAL_TIMESTAMP: {
        // The old types mean UTC: a local time that carried one would be read shifted.
        bool time = l->kind == DSI_PARQUET_LOGICAL_TIME;
        if (!l->utc || l->unit == DSI_PARQUET_NANOS) {
            return CONVERTED_NONE;
        }
        return (time ? CONVERTED_TIME_MILLIS : CONVERTED_TIMESTAMP_MILLIS) + (int)l->unit;
    }
    case DSI_PARQUET_LOGICAL_INTEGER:
        for (int i = 0; i < 4; i++) {
            if (l->bit_width == 8 << i) {
                return (l->is_signed ? CONVERTED_INT_8 : CONVERTED_UINT_8) + i;
            }
        }
        return CONVERTED_NONE;
    case DSI_PARQUET_LOGICAL_JSON:
        return CONVERTED_JSON;
    case DSI_PARQUET_LOGICAL_BSON:
        return CONVERTED_BSON;
    case DSI_PARQUET_LOGICAL_INTERVAL:
        return CONVERTED_INTERVAL;
    default:
        return CONVERTED_NONE;
    }
}

// What a SchemaElement says, before it is made sense of.
struct element {
    int32_t type;
    int32_t type_length;
    int32_t repetition;
    int32_t child_count;
    int32_t converted;
    int32_t scale;
    int32_t precision;
    int32_t field_id;
    bool has_field_id;
    struct ds_slice name;
    struct dsi_parquet_logical logical;
};

static int read_element_field(struct dsi_thrift_reader *r,
                              const struct dsi_thrift_field *f, struct dsi_arena *arena,
                              struct element *e, struct ds_error *err)
{
    int32_t *const numbers[] = {
        [1] = &e->type,        [2] = &e->type_length, [3] = &e->repetition,
        [5] = &e->child_count, [6] = &e->converted,   [7] = &e->scale,
        [8] = &e->precision,   [9] = &e->field_id,
    };
    int rc = DS_OK;

    if (f->id == 4) {
        return dsi_thrift_binary(r, f->type, &e->name, err);
    }
    if (f->id == 10) {
        DSI_TRY(dsi_thrift_struct(r, f->type, err));
        return read_logical(r, arena, &e->logical, err);
    }
    if (f->id < 1 || f->id > 9) {
        return dsi_thrift_skip(r, f->type, err);
    }
    e->has_field_id = e->has_field_id || f->id == 9;
    return dsi_thrift_i32(r, f->type, numbers[f->id], err);
done:
    return rc;
}

static int check_numbers(const struct element *e, bool is_root, const char *name,
                         struct ds_error *err)
{
    if (!is_root && (e->child_count > 0) == (e->type >= 0)) {
        return dsi_corrupt(err, "parquet schema: \"%s\" has %s", name,
                           e->type >= 0 ? "a type and children"
                                        : "neither a type nor children");
    }
    if (e->child_count < 0) {
        return dsi_corrupt(err, "parquet schema: \"%s\" has %d children", name,
                           e->child_count);
    }
    if (e->type < -1 || e->type > DSI_PARQUET_FIXED) {
        return dsi_corrupt(err, "parquet schema: \"%s\" has physical type %d", name,
                           e->type);
    }
    if (e->repetition < 0 || e->repetition > DSI_PARQUET_REPEATED) {
        return dsi_corrupt(err, "parquet schema: \"%s\" has repetition %d", name,
                           e->repetition);
    }
    return DS_OK;
}

int dsi_parquet_element_read(struct dsi_thrift_reader *r, bool is_root,
                             struct dsi_arena *arena, struct dsi_parquet_field *out,
                             struct ds_error *err)
{
    struct dsi_thrift_field f = {0};
    struct element e = {.type = -1, .converted = CONVERTED_NONE};
    char *name = NULL;
    int rc = DS_OK;

    while ((rc = dsi_thrift_next(r, &f, err)) == DS_ROW) {
        DSI_TRY(read_element_field(r, &f, arena, &e, err));
    }
    DSI_TRY(rc);
    name = dsi_arena_strndup(arena, (const char *)e.name.data, e.name.size);
    if (!name) {
        return dsi_no_memory(err, "a parquet schema");
    }
    DSI_TRY(check_numbers(&e, is_root, name, err));
    *out = (struct dsi_parquet_field){
        .name = name,
        .has_field_id = e.has_field_id,
        .field_id = e.field_id,
        .repetition = (enum dsi_parquet_repetition)e.repetition,
        .child_count = (size_t)e.child_count,
        .physical = (enum dsi_parquet_physical)(e.type < 0 ? 0 : e.type),
        .type_length = e.type_length,
        .logical = e.logical,
    };
    if (e.logical.kind == DSI_PARQUET_LOGICAL_NONE) {
        out->logical = from_converted(e.converted, e.precision, e.scale);
    }
done:
    return rc;
}

static void write_logical(struct dsi_thrift_writer *w,
                          const struct dsi_parquet_logical *l)
{
    dsi_thrift_write_struct(w, 10);
    dsi_thrift_write_struct(w, union_ids[l->kind]);
    switch (l->kind) {
    case DSI_PARQUET_LOGICAL_DECIMAL:
        dsi_thrift_write_i32(w, 1, l->scale);
        dsi_thrift_write_i32(w, 2, l->precision);
        break;
    case DSI_PARQUET_LOGICAL_TIME:
    case DSI_PARQUET_LOGICAL_TIMESTAMP:
        dsi_thrift_write_bool(w, 1, l->utc);
        dsi_thrift_write_struct(w, 2);
        dsi_thrift_write_struct(w, (int32_t)l->unit + 1);
        dsi_thrift_write_struct_end(w);
        dsi_thrift_write_struct_end(w);
        break;
    case DSI_PARQUET_LOGICAL_INTEGER:
        dsi_thrift_write_i8(w, 1, (int8_t)l->bit_width);
        dsi_thrift_write_bool(w, 2, l->is_signed);
        break;
    case DSI_PARQUET_LOGICAL_VARIANT:
        dsi_thrift_write_i8(w, 1, 1); // The version of the variants' own format.
        break;
    case DSI_PARQUET_LOGICAL_GEOMETRY:
    case DSI_PARQUET_LOGICAL_GEOGRAPHY:
        if (l->crs) {
            dsi_thrift_write_text(w, 1, l->crs);
        }
        if (l->kind == DSI_PARQUET_LOGICAL_GEOGRAPHY && l->algorithm != 0) {
            dsi_thrift_write_i32(w, 2, l->algorithm);
        }
        break;
    default:
        break;
    }
    dsi_thrift_write_struct_end(w);
    dsi_thrift_write_struct_end(w);
}

void dsi_parquet_element_write(struct dsi_thrift_writer *w,
                               const struct dsi_parquet_field *f, bool is_root)
{
    const struct dsi_parquet_logical *l = &f->logical;
    int32_t converted = to_converted(l);

    dsi_thrift_element_struct(w);
    bool is_group = is_root || f->child_count > 0;
    if (!is_group) {
        dsi_thrift_write_i32(w, 1, (int32_t)f->physical);
        if (f->physical == DSI_PARQUET_FIXED) {
            dsi_thrift_write_i32(w, 2, f->type_length);
        }
    }
    if (!is_root) {
        dsi_thrift_write_i32(w, 3, (int32_t)f->repetition);
    }
    dsi_thrift_write_text(w, 4, f->name);
    if (is_group) {
        dsi_thrift_write_i32(w, 5, (int32_t)f->child_count);
    }
    if (converted != CONVERTED_NONE) {
        dsi_thrift_write_i32(w, 6, converted);
    }
    if (l->kind == DSI_PARQUET_LOGICAL_DECIMAL) {
        dsi_thrift_write_i32(w, 7, l->scale);
        dsi_thrift_write_i32(w, 8, l->precision);
    }
    if (f->has_field_id) {
        dsi_thrift_write_i32(w, 9, f->field_id);
    }
    if ((int)l->kind < UNION_ID_COUNT && union_ids[l->kind] != 0) {
        write_logical(w, l);
    }
    dsi_thrift_write_struct_end(w);
}

static bool decimal_fits(const struct dsi_parquet_field *f)
{
    int64_t precision = f->logical.precision;

    if (precision < 1 || f->logical.scale < 0 || f->logical.scale > precision) {
        return false;
    }
    switch (f->physical) {
    case DSI_PARQUET_INT32:
        return precision <= 9;
    case DSI_PARQUET_INT64:
        return precision <= 18;
    case DSI_PARQUET_FIXED: // Digits of 2^(bits - 1): log10(2) is 0.30103.
        return precision <= ((int64_t)f->type_length * 8 - 1) * 30103 / 100000;
    default:
        return f->physical == DSI_PARQUET_BYTE_ARRAY;
    }
}

static bool time_fits(const struct dsi_parquet_field *f)
{
    bool narrow = f->logical.kind == DSI_PARQUET_LOGICAL_TIME &&
                  f->logical.unit == DSI_PARQUET_MILLIS;
    return f->physical == (narrow ? DSI_PARQUET_INT32 : DSI_PARQUET_INT64);
}

static bool is_fixed(const struct dsi_parquet_field *f, int32_t size)
{
    return f->physical == DSI_PARQUET_FIXED && f->type_length == size;
}

static bool integer_fits(const struct dsi_parquet_field *f)
{
    int32_t bits = f->logical.bit_width;
    bool known = bits == 8 || bits == 16 || bits == 32 || bits == 64;
    return known && f->physical == (bits == 64 ? DSI_PARQUET_INT64 : DSI_PARQUET_INT32);
}

const char *dsi_parquet_leaf_fault(const struct dsi_parquet_field *f)
{
    switch (f->logical.kind) {
    case DSI_PARQUET_LOGICAL_STRING:
    case DSI_PARQUET_LOGICAL_ENUM:
    case DSI_PARQUET_LOGICAL_JSON:
    case DSI_PARQUET_LOGICAL_BSON:
    case DSI_PARQUET_LOGICAL_GEOMETRY:
    case DSI_PARQUET_LOGICAL_GEOGRAPHY:
        return f->physical == DSI_PARQUET_BYTE_ARRAY ? NULL : "text needs BYTE_ARRAY";
    case DSI_PARQUET_LOGICAL_DECIMAL:
        return decimal_fits(f) ? NULL : "its precision does not fit its physical type";
    case DSI_PARQUET_LOGICAL_DATE:
        return f->physical == DSI_PARQUET_INT32 ? NULL : "a date needs INT32";
    case DSI_PARQUET_LOGICAL_TIME:
    case DSI_PARQUET_LOGICAL_TIMESTAMP:
        return time_fits(f) ? NULL : "its unit does not go with its physical type";
    case DSI_PARQUET_LOGICAL_INTEGER:
        return integer_fits(f) ? NULL : "its bits do not go with its physical type";
    case DSI_PARQUET_LOGICAL_UUID:
        return is_fixed(f, 16) ? NULL : "a UUID needs FIXED of 16 bytes";
    case DSI_PARQUET_LOGICAL_FLOAT16:
        return is_fixed(f, 2) ? NULL : "a half float needs FIXED of 2 bytes";
    case DSI_PARQUET_LOGICAL_INTERVAL:
        return is_fixed(f, 12) ? NULL : "an interval needs FIXED of 12 bytes";
    case DSI_PARQUET_LOGICAL_MAP:
    case DSI_PARQUET_LOGICAL_LIST:
    case DSI_PARQUET_LOGICAL_VARIANT:
        return "only a group can be a list, a map or a variant";
    case DSI_PARQUET_LOGICAL_NONE:
    case DSI_PARQUET_LOGICAL_UNKNOWN:
    case DSI_PARQUET_LOGICAL_OTHER:
        break;
    }
    return NULL;
}
