// Partition tuples: the record r102 of a manifest entry, by the writer's schema.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/manifest_avro.h"

enum { UUID_SIZE = 16 };
#define MICROS_PER_DAY INT64_C(86400000000)

int dsi_manifest_partition_types(const struct dsi_partition_spec *spec,
                                 const struct dsi_schema *schema, struct dsi_arena *arena,
                                 struct dsi_type **out, struct ds_error *err)
{
    int rc = dsi_partition_types(spec, schema, arena, out, err);

    for (size_t i = 0; rc == DS_OK && i < spec->field_count; i++) {
        enum dsi_transform_kind kind = spec->fields[i].transform.kind;
        if (kind == DSI_TRANSFORM_UNKNOWN ||
            !dsi_schema_field(schema, spec->fields[i].source_id)) {
            (*out)[i] = (struct dsi_type){.kind = DSI_TYPE_UNKNOWN};
        }
    }
    return rc;
}

int dsi_manifest_partition_plan(const struct dsi_avro_type *record,
                                const struct dsi_partition_spec *spec,
                                const struct dsi_schema *schema, struct dsi_arena *arena,
                                struct dsi_manifest_partition_plan *out,
                                struct ds_error *err)
{
    int32_t *positions = NULL;
    struct dsi_type *types = NULL;
    int rc = DS_OK;

    if (record->kind != DSI_AVRO_RECORD) {
        return dsi_corrupt(err, "partition (102): stored as %s, expected record",
                           dsi_avro_kind_name(record->kind));
    }
    DSI_TRY(dsi_manifest_partition_types(spec, schema, arena, &types, err));
    positions = dsi_arena_array(arena, record->field_count, sizeof *positions);
    if (!positions) {
        return dsi_no_memory(err, "reading a manifest");
    }
    for (size_t i = 0; i < record->field_count; i++) {
        positions[i] = -1;
        for (size_t j = 0; j < spec->field_count; j++) {
            if (spec->fields[j].field_id == record->fields[i].id) {
                positions[i] = (int32_t)j;
            }
        }
    }
    *out =
        (struct dsi_manifest_partition_plan){record, positions, types, spec->field_count};
done:
    return rc;
}

// The value as the file's own schema types it.
static int get_natural(const struct dsi_avro_type *t, struct ds_slice *in,
                       struct dsi_arena *arena, struct dsi_value *v, struct ds_error *err)
{
    struct ds_slice bytes = {NULL, 0};

    v->null = false;
    switch (t->kind) {
    case DSI_AVRO_BOOLEAN:
        v->kind = DSI_TYPE_BOOLEAN;
        return dsi_avro_boolean(in, &v->as.boolean, err);
    case DSI_AVRO_INT:
        v->kind = t->logical == DSI_AVRO_LOGICAL_DATE ? DSI_TYPE_DATE : DSI_TYPE_INT;
        return dsi_avro_int(in, &v->as.i32, err);
    case DSI_AVRO_LONG:
        v->kind =
            t->logical == DSI_AVRO_LOGICAL_TIME_MICROS ? DSI_TYPE_TIME
            : t->logical == DSI_AVRO_LOGICAL_TIMESTAMP_MICROS
                ? (t->adjust_to_utc ? DSI_TYPE_TIMESTAMPTZ : DSI_TYPE_TIMESTAMP)
            : t->logical == DSI_AVRO_LOGICAL_TIMESTAMP_NANOS
                ? (t->adjust_to_utc ? DSI_TYPE_TIMESTAMPTZ_NS : DSI_TYPE_TIMESTAMP_NS)
                : DSI_TYPE_LONG;
        return dsi_avro_long(in, &v->as.i64, err);
    case DSI_AVRO_FLOAT:
        v->kind = DSI_TYPE_FLOAT;
        return dsi_avro_float(in, &v->as.f32, err);
    case DSI_AVRO_DOUBLE:
        v->kind = DSI_TYPE_DOUBLE;
        return dsi_avro_double(in, &v->as.f64, err);
    default:
        break;
    }
    if (t->logical == DSI_AVRO_LOGICAL_DECIMAL) {
        int rc = dsi_manifest_get_bytes(t, in, &bytes, err);
        v->kind = DSI_TYPE_DECIMAL;
        if (rc == DS_OK && !dsi_int128_from_be(bytes.data, bytes.size, &v->as.decimal)) {
            return dsi_corrupt(err, "%zu bytes are no decimal", bytes.size);
        }
        return rc;
    }
    v->kind = t->kind == DSI_AVRO_STRING            ? DSI_TYPE_STRING
              : t->kind == DSI_AVRO_BYTES           ? DSI_TYPE_BINARY
              : t->logical == DSI_AVRO_LOGICAL_UUID ? DSI_TYPE_UUID
                                                    : DSI_TYPE_FIXED;
    return dsi_manifest_get_copy(t, in, arena, &v->as.bytes, err);
}

static bool is_i32(enum dsi_type_kind k)
{
    return k == DSI_TYPE_INT || k == DSI_TYPE_DATE;
}

static bool is_i64(enum dsi_type_kind k)
{
    return k == DSI_TYPE_LONG || k == DSI_TYPE_TIME || k == DSI_TYPE_TIMESTAMP ||
           k == DSI_TYPE_TIMESTAMPTZ || k == DSI_TYPE_TIMESTAMP_NS ||
           k == DSI_TYPE_TIMESTAMPTZ_NS;
}

static bool is_bytes(enum dsi_type_kind k)
{
    return k == DSI_TYPE_STRING || k == DSI_TYPE_UUID || k == DSI_TYPE_FIXED ||
           k == DSI_TYPE_BINARY;
}

// Older writers leave logical types out, and promotions leave narrower ones behind: what
// counts is the type of the spec, where the stored one can be read as it.
static bool convert(const struct dsi_type *to, struct dsi_value *v)
{
    enum dsi_type_kind from = v->kind;

    v->kind = to->kind;
    if (from == to->kind) {
        return true;
    }
    if (from == DSI_TYPE_DATE && to->kind == DSI_TYPE_TIMESTAMP) {
        v->as.i64 = v->as.i32 * MICROS_PER_DAY;
        return true;
    }
    if (is_i32(from) && is_i32(to->kind)) {
        return true;
    }
    if (from == DSI_TYPE_INT && is_i64(to->kind)) {
        v->as.i64 = v->as.i32;
        return true;
    }
    if (from == DSI_TYPE_LONG && is_i64(to->kind)) {
        return true;
    }
    if (from == DSI_TYPE_LONG && is_i32(to->kind)) {
        int64_t wide = v->as.i64;
        v->as.i32 = (int32_t)wide;
        return wide >= INT32_MIN && wide <= INT32_MAX;
    }
    if ((from == DSI_TYPE_TIMESTAMP && to->kind == DSI_TYPE_TIMESTAMPTZ) ||
        (from == DSI_TYPE_TIMESTAMP_NS && to->kind == DSI_TYPE_TIMESTAMPTZ_NS)) {
        return true; // "adjust-to-utc" was left out.
    }
    if (from == DSI_TYPE_FLOAT && to->kind == DSI_TYPE_DOUBLE) {
        v->as.f64 = v->as.f32;
        return true;
    }
    return is_bytes(from) && is_bytes(to->kind);
}

static int check_length(const struct dsi_type *type, const struct dsi_value *v,
                        struct ds_error *err)
{
    size_t expected = type->kind == DSI_TYPE_UUID    ? UUID_SIZE
                      : type->kind == DSI_TYPE_FIXED ? (size_t)type->length
                                                     : v->as.bytes.size;

    if (is_bytes(type->kind) && v->as.bytes.size != expected) {
        return dsi_corrupt(err, "%zu bytes, expected %zu", v->as.bytes.size, expected);
    }
    return DS_OK;
}

static int get_value(const struct dsi_type *type, const struct dsi_avro_type *t,
                     struct ds_slice *in, struct dsi_arena *arena, struct dsi_value *v,
                     struct ds_error *err)
{
    int rc = DS_OK;

    if (t->kind == DSI_AVRO_RECORD || t->kind == DSI_AVRO_ARRAY ||
        t->kind == DSI_AVRO_MAP || t->kind == DSI_AVRO_ENUM) {
        return dsi_corrupt(err, "stored as %s, expected a primitive type",
                           dsi_avro_kind_name(t->kind));
    }
    rc = get_natural(t, in, arena, v, err);
    if (rc < 0 || type->kind == DSI_TYPE_UNKNOWN) {
        return rc;
    }
    if (!convert(type, v)) {
        char expected[64];
        dsi_type_format(type, expected, sizeof expected);
        return dsi_corrupt(err, "stored as %s, expected %s", dsi_avro_kind_name(t->kind),
                           expected);
    }
    return check_length(type, v, err);
}

int dsi_manifest_get_partition(const struct dsi_manifest_partition_plan *plan,
                               struct ds_slice *in, struct dsi_arena *arena,
                               const struct dsi_value **out, struct ds_error *err)
{
    struct dsi_value *values = dsi_arena_array(arena, plan->count, sizeof *values);
    const struct dsi_avro_type *t = NULL;

    if (!values) {
        return dsi_no_memory(err, "reading a manifest");
    }
    for (size_t i = 0; i < plan->count; i++) {
        values[i] = DSI_VALUE_NULL;
    }
    for (size_t i = 0; i < plan->record->field_count; i++) {
        int32_t at = plan->positions[i];
        int rc = dsi_avro_branch(plan->record->fields[i].type, in, &t, err);
        if (rc == DS_OK && t->kind != DSI_AVRO_NULL) {
            rc = at < 0 ? dsi_avro_skip(t, in, err)
                        : get_value(&plan->types[at], t, in, arena, &values[at], err);
        }
        if (rc < 0) {
            return dsi_wrap(err, rc, "partition field \"%.64s\" (%d)",
                            plan->record->fields[i].name,
                            (int)plan->record->fields[i].id);
        }
    }
    *out = values;
    return DS_OK;
}

// The least bytes that hold `precision` digits and a sign.
static int decimal_size(int32_t precision)
{
    uint8_t bytes[16];
    return (int)dsi_int128_to_be(dsi_int128_pow10(precision) - 1, bytes);
}

// Avro lets a name be defined once, and PyIceberg does not follow references to names: a
// second field of the same type gets a name of its own.
static bool is_defined(const struct dsi_type *type, const struct dsi_type *before,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (before[i].kind == type->kind && dsi_type_equal(&before[i], type)) {
            return true;
        }
    }
    return false;
}

static int put_named_type(struct dsi_buf *out, const struct dsi_type *type,
                          const char *suffix, struct ds_error *err)
{
    char name[64];

    if (type->kind == DSI_TYPE_UUID) {
        snprintf(name, sizeof name, "uuid_fixed%s", suffix);
    } else if (type->kind == DSI_TYPE_FIXED) {
        snprintf(name, sizeof name, "fixed_%d%s", (int)type->length, suffix);
    } else {
        snprintf(name, sizeof name, "decimal_%d_%d%s", (int)type->precision,
                 (int)type->scale, suffix);
    }
    switch (type->kind) {
    case DSI_TYPE_UUID:
        return dsi_buf_printf(out, err,
                              "{\"type\":\"fixed\",\"name\":\"%s\",\"size\":%d,"
                              "\"logicalType\":\"uuid\"}",
                              name, UUID_SIZE);
    case DSI_TYPE_FIXED:
        return dsi_buf_printf(out, err,
                              "{\"type\":\"fixed\",\"name\":\"%s\",\"size\":%d}", name,
                              (int)type->length);
    default:
        return dsi_buf_printf(out, err,
                              "{\"type\":\"fixed\",\"name\":\"%s\",\"size\":%d,"
                              "\"logicalType\":\"decimal\",\"precision\":%d,"
                              "\"scale\":%d}",
                              name, decimal_size(type->precision), (int)type->precision,
                              (int)type->scale);
    }
}

int dsi_manifest_put_partition_type(struct dsi_buf *out, const struct dsi_type *type,
                                    const struct dsi_type *before, size_t before_count,
                                    struct ds_error *err)
{
    static const struct {
        const char *base; // NULL: there is no Avro type.
        const char *logical;
        const char *utc; // "adjust-to-utc".
    } forms[] = {
        [DSI_TYPE_BOOLEAN] = {"boolean", NULL, NULL},
        [DSI_TYPE_INT] = {"int", NULL, NULL},
        [DSI_TYPE_LONG] = {"long", NULL, NULL},
        [DSI_TYPE_FLOAT] = {"float", NULL, NULL},
        [DSI_TYPE_DOUBLE] = {"double", NULL, NULL},
        [DSI_TYPE_DATE] = {"int", "date", NULL},
        [DSI_TYPE_TIME] = {"long", "time-micros", NULL},
        [DSI_TYPE_TIMESTAMP] = {"long", "timestamp-micros", "false"},
        [DSI_TYPE_TIMESTAMPTZ] = {"long", "timestamp-micros", "true"},
        [DSI_TYPE_TIMESTAMP_NS] = {"long", "timestamp-nanos", "false"},
        [DSI_TYPE_TIMESTAMPTZ_NS] = {"long", "timestamp-nanos", "true"},
        [DSI_TYPE_STRING] = {"string", NULL, NULL},
        [DSI_TYPE_BINARY] = {"bytes", NULL, NULL},
        [DSI_TYPE_MAP] = {NULL, NULL, NULL},
    };

    if (type->kind == DSI_TYPE_DECIMAL || type->kind == DSI_TYPE_UUID ||
        type->kind == DSI_TYPE_FIXED) {
        char suffix[24] = "";
        if (is_defined(type, before, before_count)) {
            snprintf(suffix, sizeof suffix, "_r%zu", before_count);
        }
        return put_named_type(out, type, suffix, err);
    }
    const char *base = forms[type->kind].base;
    const char *logical = forms[type->kind].logical;
    const char *utc = forms[type->kind].utc;
    if (!base) {
        char name[64];
        dsi_type_format(type, name, sizeof name);
        return dsi_fail(err, DS_EUNSUPPORTED, "a partition value of type %s", name);
    }
    if (!logical) {
        return dsi_buf_printf(out, err, "\"%s\"", base);
    }
    return dsi_buf_printf(out, err, "{\"type\":\"%s\",\"logicalType\":\"%s\"%s%s}", base,
                          logical, utc ? ",\"adjust-to-utc\":" : "", utc ? utc : "");
}

static int put_decimal(struct dsi_buf *out, const struct dsi_type *type,
                       const struct dsi_value *v, struct ds_error *err)
{
    uint8_t least[16];
    uint8_t bytes[16];
    size_t size = (size_t)decimal_size(type->precision);
    size_t used = dsi_int128_to_be(v->as.decimal, least);

    if (used > size) {
        return dsi_fail(err, DS_EINVALID, "a decimal of more than %d digits",
                        (int)type->precision);
    }
    memset(bytes, v->as.decimal < 0 ? 0xff : 0, sizeof bytes);
    memcpy(bytes + size - used, least, used);
    return dsi_buf_append(out, bytes, size, err);
}

int dsi_manifest_put_partition_value(struct dsi_buf *out, const struct dsi_type *type,
                                     const struct dsi_value *v, struct ds_error *err)
{
    struct dsi_value typed = *v;
    char name[64];

    assert(!v->null);
    if (!convert(type, &typed)) {
        dsi_type_format(type, name, sizeof name);
        return dsi_fail(err, DS_EINVALID, "a value that is no %s", name);
    }
    int rc = check_length(type, &typed, err);
    if (rc < 0) {
        return dsi_wrap(err, DS_EINVALID, "a partition value");
    }
    if (is_i32(type->kind)) {
        return dsi_avro_put_long(out, typed.as.i32, err);
    }
    if (is_i64(type->kind)) {
        return dsi_avro_put_long(out, typed.as.i64, err);
    }
    switch (type->kind) {
    case DSI_TYPE_BOOLEAN:
        return dsi_avro_put_boolean(out, typed.as.boolean, err);
    case DSI_TYPE_FLOAT:
        return dsi_avro_put_float(out, typed.as.f32, err);
    case DSI_TYPE_DOUBLE:
        return dsi_avro_put_double(out, typed.as.f64, err);
    case DSI_TYPE_DECIMAL:
        return put_decimal(out, type, &typed, err);
    case DSI_TYPE_UUID:
    case DSI_TYPE_FIXED:
        return dsi_buf_append(out, typed.as.bytes.data, typed.as.bytes.size, err);
    default:
        return dsi_avro_put_bytes(out, typed.as.bytes, err);
    }
}
