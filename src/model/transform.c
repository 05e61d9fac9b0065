// Iceberg specification, "Partition Transforms" and Appendix B.
#include "model/partition.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"

static const struct {
    const char *name;
    enum dsi_transform_kind kind;
    bool has_param;
} known[] = {
    {"identity", DSI_TRANSFORM_IDENTITY, false}, {"bucket", DSI_TRANSFORM_BUCKET, true},
    {"truncate", DSI_TRANSFORM_TRUNCATE, true},  {"year", DSI_TRANSFORM_YEAR, false},
    {"month", DSI_TRANSFORM_MONTH, false},       {"day", DSI_TRANSFORM_DAY, false},
    {"hour", DSI_TRANSFORM_HOUR, false},         {"void", DSI_TRANSFORM_VOID, false},
};

static int parse_param(const char *text, const char *from, struct dsi_transform *out,
                       struct ds_error *err)
{
    size_t size = strlen(from);
    int64_t n = 0;

    if (size < 3 || from[0] != '[' || from[size - 1] != ']' || from[1] == '+' ||
        !dsi_text_to_i64(from + 1, size - 2, &n) || n < 1 || n > INT32_MAX) {
        return dsi_fail(err, DS_EINVALID,
                        "transform '%s': expected a number from 1 in brackets, as in "
                        "bucket[16]",
                        text);
    }
    out->param = (int32_t)n;
    return DS_OK;
}

int dsi_transform_parse(const char *text, struct dsi_arena *arena,
                        struct dsi_transform *out, struct ds_error *err)
{
    *out = (struct dsi_transform){.kind = DSI_TRANSFORM_UNKNOWN};
    out->text = dsi_arena_strdup(arena, text);
    if (!out->text) {
        return dsi_no_memory(err, "reading a transform");
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t size = strlen(known[i].name);
        if (strncmp(text, known[i].name, size) != 0) {
            continue;
        }
        if (!known[i].has_param && text[size] == '\0') {
            out->kind = known[i].kind;
            return DS_OK;
        }
        if (known[i].has_param && (text[size] == '[' || text[size] == '\0')) {
            out->kind = known[i].kind;
            return parse_param(text, text + size, out, err);
        }
    }
    return DS_OK;
}

static bool is_moment(enum dsi_type_kind kind)
{
    return kind == DSI_TYPE_TIMESTAMP || kind == DSI_TYPE_TIMESTAMPTZ ||
           kind == DSI_TYPE_TIMESTAMP_NS || kind == DSI_TYPE_TIMESTAMPTZ_NS;
}

static bool takes(const struct dsi_transform *t, const struct dsi_type *source)
{
    enum dsi_type_kind k = source->kind;

    switch (t->kind) {
    case DSI_TRANSFORM_IDENTITY:
        return dsi_type_is_primitive(source) && k != DSI_TYPE_VARIANT &&
               k != DSI_TYPE_GEOMETRY && k != DSI_TYPE_GEOGRAPHY && k != DSI_TYPE_UNKNOWN;
    case DSI_TRANSFORM_BUCKET:
        return k == DSI_TYPE_INT || k == DSI_TYPE_LONG || k == DSI_TYPE_DECIMAL ||
               k == DSI_TYPE_DATE || k == DSI_TYPE_TIME || is_moment(k) ||
               k == DSI_TYPE_STRING || k == DSI_TYPE_UUID || k == DSI_TYPE_FIXED ||
               k == DSI_TYPE_BINARY;
    case DSI_TRANSFORM_TRUNCATE:
        return k == DSI_TYPE_INT || k == DSI_TYPE_LONG || k == DSI_TYPE_DECIMAL ||
               k == DSI_TYPE_STRING || k == DSI_TYPE_BINARY;
    case DSI_TRANSFORM_YEAR:
    case DSI_TRANSFORM_MONTH:
    case DSI_TRANSFORM_DAY:
        return k == DSI_TYPE_DATE || is_moment(k);
    case DSI_TRANSFORM_HOUR:
        return is_moment(k);
    case DSI_TRANSFORM_VOID:
    case DSI_TRANSFORM_UNKNOWN:
        return true;
    }
    return false;
}

int dsi_transform_result(const struct dsi_transform *t, const struct dsi_type *source,
                         struct dsi_type *out, struct ds_error *err)
{
    if (!takes(t, source)) {
        char name[64];
        dsi_type_format(source, name, sizeof name);
        return dsi_fail(err, DS_EINVALID,
                        "transform %s does not take a column of type %s", t->text, name);
    }
    switch (t->kind) {
    case DSI_TRANSFORM_BUCKET:
    case DSI_TRANSFORM_YEAR:
    case DSI_TRANSFORM_MONTH:
    case DSI_TRANSFORM_HOUR:
        *out = (struct dsi_type){.kind = DSI_TYPE_INT};
        break;
    case DSI_TRANSFORM_DAY:
        *out = (struct dsi_type){.kind = DSI_TYPE_DATE};
        break;
    case DSI_TRANSFORM_UNKNOWN:
        *out = (struct dsi_type){.kind = DSI_TYPE_STRING};
        break;
    default:
        *out = *source;
    }
    return DS_OK;
}

static int32_t hash_i64(int64_t v)
{
    uint8_t le[8];
    for (int i = 0; i < 8; i++) {
        le[i] = (uint8_t)((uint64_t)v >> (8 * i));
    }
    return dsi_murmur3(le, sizeof le);
}

static int32_t hash_value(const struct dsi_value *v)
{
    uint8_t be[16];

    switch (v->kind) {
    case DSI_TYPE_INT:
    case DSI_TYPE_DATE:
        return hash_i64(v->as.i32);
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        return hash_i64(dsi_floor_div(v->as.i64, 1000)); // As microseconds.
    case DSI_TYPE_LONG:
    case DSI_TYPE_TIME:
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
        return hash_i64(v->as.i64);
    case DSI_TYPE_DECIMAL:
        return dsi_murmur3(be, dsi_int128_to_be(v->as.decimal, be));
    default:
        return dsi_murmur3(v->as.bytes.data, v->as.bytes.size);
    }
}

static void truncate_value(int32_t width, const struct dsi_value *v,
                           struct dsi_value *out)
{
    struct ds_slice *bytes = &out->as.bytes;
    dsi_int128 rest = 0;

    switch (v->kind) {
    case DSI_TYPE_INT:
        // Near INT32_MIN the result wraps, as it does in every other implementation.
        out->as.i32 =
            (int32_t)((uint32_t)v->as.i32 - (uint32_t)dsi_floor_mod(v->as.i32, width));
        break;
    case DSI_TYPE_LONG:
        out->as.i64 =
            (int64_t)((uint64_t)v->as.i64 - (uint64_t)dsi_floor_mod(v->as.i64, width));
        break;
    case DSI_TYPE_DECIMAL:
        rest = v->as.decimal % width;
        out->as.decimal = v->as.decimal - (rest < 0 ? rest + width : rest);
        break;
    case DSI_TYPE_STRING: { // Code points, not bytes.
        size_t at = 0;
        for (int32_t n = 0; n < width && at < bytes->size; n++) {
            at++;
            while (at < bytes->size && (bytes->data[at] & 0xc0) == 0x80) {
                at++;
            }
        }
        bytes->size = at;
        break;
    }
    default:
        bytes->size = bytes->size > (size_t)width ? (size_t)width : bytes->size;
    }
}

// Units since 1970 for the time transforms; what a date or timestamp is in whole days,
// and in hours for timestamps.
static int64_t days_of(const struct dsi_value *v)
{
    bool nanos = v->kind == DSI_TYPE_TIMESTAMP_NS || v->kind == DSI_TYPE_TIMESTAMPTZ_NS;
    int64_t day = INT64_C(86400000000) * (nanos ? 1000 : 1);
    return v->kind == DSI_TYPE_DATE ? v->as.i32 : dsi_floor_div(v->as.i64, day);
}

static int64_t time_part(enum dsi_transform_kind kind, const struct dsi_value *v)
{
    int64_t year = 0;
    int month = 0;
    int day = 0;

    if (kind == DSI_TRANSFORM_HOUR) {
        bool nanos = v->kind != DSI_TYPE_TIMESTAMP && v->kind != DSI_TYPE_TIMESTAMPTZ;
        return dsi_floor_div(v->as.i64, INT64_C(3600000000) * (nanos ? 1000 : 1));
    }
    if (kind == DSI_TRANSFORM_DAY) {
        return days_of(v);
    }
    dsi_civil_from_days(days_of(v), &year, &month, &day);
    return kind == DSI_TRANSFORM_YEAR ? year - 1970 : (year - 1970) * 12 + month - 1;
}

// Hours since 1970 of a time hundreds of thousands of years away do not fit.
static int apply_time(const struct dsi_transform *t, const struct dsi_value *v,
                      struct dsi_value *out, struct ds_error *err)
{
    int64_t part = time_part(t->kind, v);
    if (part < INT32_MIN || part > INT32_MAX) {
        return dsi_fail(err, DS_EINVALID, "a time too far away for the transform %s",
                        t->text);
    }
    out->as.i32 = (int32_t)part;
    return DS_OK;
}

int dsi_transform_apply(const struct dsi_transform *t, const struct dsi_type *source,
                        const struct dsi_value *v, struct dsi_value *out,
                        struct ds_error *err)
{
    struct dsi_type result = {0};
    int rc = dsi_transform_result(t, source, &result, err);

    if (rc < 0) {
        return rc;
    }
    *out = *v;
    out->kind = result.kind;
    if (v->null || t->kind == DSI_TRANSFORM_VOID) {
        out->null = true;
        return DS_OK;
    }
    switch (t->kind) {
    case DSI_TRANSFORM_BUCKET:
        out->as.i32 = (int32_t)((uint32_t)hash_value(v) & INT32_MAX) % t->param;
        return DS_OK;
    case DSI_TRANSFORM_TRUNCATE:
        truncate_value(t->param, v, out);
        return DS_OK;
    case DSI_TRANSFORM_YEAR:
    case DSI_TRANSFORM_MONTH:
    case DSI_TRANSFORM_DAY:
    case DSI_TRANSFORM_HOUR:
        return apply_time(t, v, out, err);
    case DSI_TRANSFORM_UNKNOWN:
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "transform '%s' is not known to this version", t->text);
    default:
        return DS_OK;
    }
}

// As ISO 8601 writes a year: at least four digits, a sign outside of 0 to 9999.
static int put_year(struct dsi_buf *out, int64_t year, struct ds_error *err)
{
    return dsi_buf_printf(out, err, "%s%04lld",
                          year < 0      ? "-"
                          : year > 9999 ? "+"
                                        : "",
                          (long long)(year < 0 ? -year : year));
}

int dsi_transform_format(const struct dsi_transform *t, const struct dsi_type *source,
                         const struct dsi_value *v, struct dsi_buf *out,
                         struct ds_error *err)
{
    struct dsi_type shown = *source;
    char text[DSI_TIME_TEXT_SIZE];
    int rc = DS_OK;

    if (v->null) {
        return dsi_buf_append_text(out, "null", err);
    }
    switch (t->kind) {
    case DSI_TRANSFORM_YEAR:
        return put_year(out, (int64_t)v->as.i32 + 1970, err);
    case DSI_TRANSFORM_MONTH:
        DSI_TRY(put_year(out, dsi_floor_div(v->as.i32, 12) + 1970, err));
        return dsi_buf_printf(out, err, "-%02d", (int)dsi_floor_mod(v->as.i32, 12) + 1);
    case DSI_TRANSFORM_DAY: // Old writers stored an int; it means the same.
        dsi_date_format(v->as.i32, text);
        return dsi_buf_append_text(out, text, err);
    case DSI_TRANSFORM_HOUR:
        dsi_date_format(dsi_floor_div(v->as.i32, 24), text);
        return dsi_buf_printf(out, err, "%s-%02d", text,
                              (int)dsi_floor_mod(v->as.i32, 24));
    default:
        // The value knows best what it is: its column may be gone, or wider by now. What
        // it does not know is its scale.
        shown.kind = v->kind;
        return dsi_value_format(v, &shown, out, err);
    }
done:
    return rc;
}

// A year, month, day or hour as it is written, completed to a day and an hour of it.
static bool read_date(enum dsi_transform_kind kind, const char *text, int32_t *days,
                      int64_t *hour)
{
    size_t size = strlen(text);
    char whole[40];

    *hour = 0;
    if (kind == DSI_TRANSFORM_HOUR) {
        const char *dash = strrchr(text, '-');
        if (!dash || dash == text || strlen(dash) != 3 ||
            !dsi_text_to_i64(dash + 1, 2, hour) || *hour < 0 || *hour > 23) {
            return false;
        }
        size = (size_t)(dash - text);
    }
    if (size > 20) {
        return false;
    }
    snprintf(whole, sizeof whole, "%.*s%s", (int)size, text,
             kind == DSI_TRANSFORM_YEAR    ? "-01-01"
             : kind == DSI_TRANSFORM_MONTH ? "-01"
                                           : "");
    return dsi_text_to_date(whole, strlen(whole), days);
}

static int read_time(const struct dsi_transform *t, const char *text,
                     struct dsi_value *out, struct ds_error *err)
{
    int32_t days = 0;
    int64_t hour = 0;
    int64_t year = 0;
    int64_t v = 0;
    int month = 0;
    int day = 0;

    if (!read_date(t->kind, text, &days, &hour)) {
        return dsi_fail(err, DS_EINVALID, "'%.40s' is no %s", text, t->text);
    }
    dsi_civil_from_days(days, &year, &month, &day);
    v = t->kind == DSI_TRANSFORM_YEAR    ? year - 1970
        : t->kind == DSI_TRANSFORM_MONTH ? (year - 1970) * 12 + month - 1
        : t->kind == DSI_TRANSFORM_DAY   ? days
                                         : (int64_t)days * 24 + hour;
    if (v < INT32_MIN || v > INT32_MAX) {
        return dsi_fail(err, DS_EINVALID, "'%.40s' is too far away for a %s", text,
                        t->text);
    }
    out->as.i32 = (int32_t)v;
    return DS_OK;
}

int dsi_transform_value_parse(const struct dsi_transform *t,
                              const struct dsi_type *source, const char *text,
                              struct dsi_arena *arena, struct dsi_value *out,
                              struct ds_error *err)
{
    struct dsi_type result;
    int rc = DS_OK;

    DSI_TRY(dsi_transform_result(t, source, &result, err));
    *out = (struct dsi_value){.kind = result.kind};
    switch (t->kind) {
    case DSI_TRANSFORM_YEAR:
    case DSI_TRANSFORM_MONTH:
    case DSI_TRANSFORM_DAY:
    case DSI_TRANSFORM_HOUR:
        return read_time(t, text, out, err);
    default:
        return dsi_value_parse(&result, text, strlen(text), arena, out, err);
    }
done:
    return rc;
}
