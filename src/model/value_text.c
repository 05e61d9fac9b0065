// Values as people write and read them.
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/random.h"
#include "base/text.h"
#include "model/value.h"
#include "model/value_units.h"

bool dsi_kind_is_zoned(enum dsi_type_kind kind)
{
    return kind == DSI_TYPE_TIMESTAMPTZ || kind == DSI_TYPE_TIMESTAMPTZ_NS;
}

bool dsi_kind_is_ns(enum dsi_type_kind kind)
{
    return kind == DSI_TYPE_TIMESTAMP_NS || kind == DSI_TYPE_TIMESTAMPTZ_NS;
}

void dsi_timestamp_split(enum dsi_type_kind kind, int64_t v, int64_t *days, int64_t *ns)
{
    int64_t day = dsi_kind_is_ns(kind) ? DSI_DAY_NS : DSI_DAY_US;
    *days = dsi_floor_div(v, day);
    *ns = dsi_floor_mod(v, day) * (dsi_kind_is_ns(kind) ? 1 : 1000);
}

bool dsi_timestamp_join(enum dsi_type_kind kind, int64_t days, int64_t ns, int64_t *out)
{
    bool fine = dsi_kind_is_ns(kind);
    int64_t day = fine ? DSI_DAY_NS : DSI_DAY_US;
    int64_t of_day = fine ? ns : ns / 1000;
    if (!fine && ns % 1000 != 0) {
        return false;
    }
    if (days < 0 && of_day > 0) { // So that the product is not the one to overflow.
        days++;
        of_day -= day;
    }
    return dsi_mul_i64(days, day, out) && dsi_add_i64(*out, of_day, out);
}

int dsi_value_unfit(const struct dsi_type *type, struct ds_slice text,
                    const char *expected, struct ds_error *err)
{
    char name[64];
    int shown = text.size > 80 ? 80 : (int)text.size;
    dsi_type_format(type, name, sizeof name);
    return dsi_fail(err, DS_EINVALID, "'%.*s' is no %s: expected %s", shown,
                    (const char *)text.data, name, expected);
}

static int append_hex(struct dsi_buf *out, struct ds_slice bytes, struct ds_error *err)
{
    static const char digits[] = "0123456789abcdef";
    int rc = dsi_buf_reserve(out, bytes.size * 2, err);
    for (size_t i = 0; rc == DS_OK && i < bytes.size; i++) {
        char pair[2] = {digits[bytes.data[i] >> 4], digits[bytes.data[i] & 15]};
        rc = dsi_buf_append(out, pair, sizeof pair, err);
    }
    return rc;
}

static int format_bytes(const struct dsi_value *v, struct dsi_buf *out,
                        struct ds_error *err)
{
    if (v->kind == DSI_TYPE_STRING) {
        return dsi_buf_append(out, v->as.bytes.data, v->as.bytes.size, err);
    }
    if (v->kind == DSI_TYPE_UUID && v->as.bytes.size == 16) {
        struct dsi_uuid uuid;
        char text[DSI_UUID_TEXT_SIZE];
        memcpy(uuid.bytes, v->as.bytes.data, sizeof uuid.bytes);
        dsi_uuid_format(&uuid, text);
        return dsi_buf_append_text(out, text, err);
    }
    return append_hex(out, v->as.bytes, err);
}

// The digits of fraction that a number of nanoseconds needs: 0, 3, 6 or 9.
static int fraction_digits(int64_t ns)
{
    return ns % 1000000000 == 0 ? 0 : ns % 1000000 == 0 ? 3 : ns % 1000 == 0 ? 6 : 9;
}

int dsi_value_format(const struct dsi_value *v, const struct dsi_type *type,
                     struct dsi_buf *out, struct ds_error *err)
{
    char text[(int)DSI_TIME_TEXT_SIZE > (int)DSI_DECIMAL_TEXT_SIZE
                  ? (int)DSI_TIME_TEXT_SIZE
                  : DSI_DECIMAL_TEXT_SIZE];
    int64_t days = 0;
    int64_t ns = 0;

    if (v->null) {
        return dsi_buf_append_text(out, "null", err);
    }
    assert(v->kind == type->kind);
    switch (v->kind) {
    case DSI_TYPE_BOOLEAN:
        return dsi_buf_append_text(out, v->as.boolean ? "true" : "false", err);
    case DSI_TYPE_INT:
        snprintf(text, sizeof text, "%d", v->as.i32);
        break;
    case DSI_TYPE_LONG:
        snprintf(text, sizeof text, "%lld", (long long)v->as.i64);
        break;
    case DSI_TYPE_FLOAT:
        dsi_f32_format(v->as.f32, text);
        break;
    case DSI_TYPE_DOUBLE:
        dsi_f64_format(v->as.f64, text);
        break;
    case DSI_TYPE_DECIMAL:
        dsi_decimal_format(v->as.decimal, type->scale, text);
        break;
    case DSI_TYPE_DATE:
        dsi_date_format(v->as.i32, text);
        break;
    case DSI_TYPE_TIME:
        if (v->as.i64 < 0 || v->as.i64 >= DSI_DAY_US) { // A file may hold anything.
            snprintf(text, sizeof text, "%lld microseconds", (long long)v->as.i64);
            break;
        }
        ns = v->as.i64 * 1000;
        dsi_time_format(ns, fraction_digits(ns), text);
        break;
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        dsi_timestamp_split(v->kind, v->as.i64, &days, &ns);
        dsi_timestamp_format(days, ns, fraction_digits(ns), dsi_kind_is_zoned(v->kind),
                             text);
        break;
    default:
        return format_bytes(v, out, err);
    }
    return dsi_buf_append_text(out, text, err);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static int parse_hex(const struct dsi_type *type, struct ds_slice text,
                     struct dsi_arena *arena, struct dsi_value *out, struct ds_error *err)
{
    const char *at = (const char *)text.data;
    size_t size = text.size;
    if (size >= 2 && at[0] == '0' && (at[1] == 'x' || at[1] == 'X')) {
        at += 2;
        size -= 2;
    }
    if (size % 2 != 0 ||
        (type->kind == DSI_TYPE_FIXED && size / 2 != (size_t)type->length)) {
        return dsi_value_unfit(type, text, "two hexadecimal digits a byte", err);
    }
    uint8_t *bytes = dsi_arena_alloc(arena, size / 2);
    if (!bytes) {
        return dsi_no_memory(err, "reading a value");
    }
    for (size_t i = 0; i < size; i += 2) {
        int high = hex_digit(at[i]);
        int low = hex_digit(at[i + 1]);
        if (high < 0 || low < 0) {
            return dsi_value_unfit(type, text, "two hexadecimal digits a byte", err);
        }
        bytes[i / 2] = (uint8_t)(high << 4 | low);
    }
    out->as.bytes = (struct ds_slice){bytes, size / 2};
    return DS_OK;
}

static int parse_uuid(const struct dsi_type *type, struct ds_slice text,
                      struct dsi_arena *arena, struct dsi_value *out,
                      struct ds_error *err)
{
    struct dsi_uuid uuid;
    if (!dsi_uuid_parse((const char *)text.data, text.size, &uuid)) {
        return dsi_value_unfit(type, text, "f79c3e09-677c-4bbd-a479-3f349cb785e7", err);
    }
    struct ds_slice bytes = {uuid.bytes, sizeof uuid.bytes};
    return dsi_arena_copy(arena, bytes, &out->as.bytes) < 0
               ? dsi_no_memory(err, "reading a value")
               : DS_OK;
}

// "1e999" is no number we hold; "inf" is one.
static bool has_digit(struct ds_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] >= '0' && text.data[i] <= '9') {
            return true;
        }
    }
    return false;
}

static int parse_float(const struct dsi_type *type, struct ds_slice text,
                       struct dsi_value *out, struct ds_error *err)
{
    double v = 0;
    if (!dsi_text_to_f64((const char *)text.data, text.size, &v) ||
        (isinf(v) && has_digit(text))) {
        return dsi_value_unfit(type, text, "a number", err);
    }
    if (type->kind == DSI_TYPE_DOUBLE) {
        out->as.f64 = v;
        return DS_OK;
    }
    out->as.f32 = (float)v;
    return isinf(out->as.f32) && !isinf(v)
               ? dsi_value_unfit(type, text, "a number that a float can hold", err)
               : DS_OK;
}

static int parse_timestamp(const struct dsi_type *type, struct ds_slice text,
                           struct dsi_value *out, struct ds_error *err)
{
    bool zoned = dsi_kind_is_zoned(type->kind);
    bool has_zone = false;
    int64_t days = 0;
    int64_t ns = 0;

    if (!dsi_text_to_timestamp((const char *)text.data, text.size, &days, &ns,
                               &has_zone) ||
        (has_zone && !zoned)) {
        return dsi_value_unfit(type, text,
                               zoned ? "2017-11-16T22:31:08.123456+00:00"
                                     : "2017-11-16T22:31:08.123456 (without a zone)",
                               err);
    }
    if (!has_zone && zoned) {
        return dsi_value_unfit(type, text, "a zone at its end, as in 22:31:08Z or +01:00",
                               err);
    }
    if (!dsi_timestamp_join(type->kind, days, ns, &out->as.i64)) {
        return dsi_value_unfit(type, text,
                               ns % 1000 != 0 && !dsi_kind_is_ns(type->kind)
                                   ? "at most six digits of fraction"
                                   : "a time that 64 bits can hold",
                               err);
    }
    return DS_OK;
}

static int parse_bool(const struct dsi_type *type, struct ds_slice text,
                      struct dsi_value *out, struct ds_error *err)
{
    char word[8] = "";
    if (text.size < sizeof word) {
        memcpy(word, text.data, text.size);
    }
    out->as.boolean = dsi_text_equal_nocase(word, "true");
    return out->as.boolean || dsi_text_equal_nocase(word, "false")
               ? DS_OK
               : dsi_value_unfit(type, text, "true or false", err);
}

static int parse_integer(const struct dsi_type *type, struct ds_slice text,
                         struct dsi_value *out, struct ds_error *err)
{
    bool narrow = type->kind == DSI_TYPE_INT;
    int64_t v = 0;
    if (!dsi_text_to_i64((const char *)text.data, text.size, &v) ||
        (narrow && (v < INT32_MIN || v > INT32_MAX))) {
        return dsi_value_unfit(type, text,
                               narrow ? "a whole number of at most 32 bits"
                                      : "a whole number of at most 64 bits",
                               err);
    }
    if (narrow) {
        out->as.i32 = (int32_t)v;
    } else {
        out->as.i64 = v;
    }
    return DS_OK;
}

static int parse_day_or_time(const struct dsi_type *type, struct ds_slice text,
                             struct dsi_value *out, struct ds_error *err)
{
    const char *s = (const char *)text.data;
    int64_t ns = 0;
    if (type->kind == DSI_TYPE_DATE) {
        return dsi_text_to_date(s, text.size, &out->as.i32)
                   ? DS_OK
                   : dsi_value_unfit(type, text, "a day such as 2017-11-16", err);
    }
    if (!dsi_text_to_time_ns(s, text.size, &ns) || ns % 1000 != 0) {
        return dsi_value_unfit(type, text, "a time such as 22:31:08.123456", err);
    }
    out->as.i64 = ns / 1000;
    return DS_OK;
}

static int parse_string(const struct dsi_type *type, struct ds_slice text,
                        struct dsi_arena *arena, struct dsi_value *out,
                        struct ds_error *err)
{
    if (!dsi_utf8_valid(text)) {
        return dsi_fail(err, DS_EINVALID, "a text of %zu bytes that is not UTF-8",
                        text.size);
    }
    (void)type;
    return dsi_arena_copy(arena, text, &out->as.bytes) < 0
               ? dsi_no_memory(err, "reading a value")
               : DS_OK;
}

static int parse_decimal(const struct dsi_type *type, struct ds_slice text,
                         struct dsi_value *out, struct ds_error *err)
{
    return dsi_decimal_parse((const char *)text.data, text.size, type->precision,
                             type->scale, &out->as.decimal)
               ? DS_OK
               : dsi_value_unfit(type, text, "a number that fits without rounding", err);
}

int dsi_value_parse(const struct dsi_type *type, const char *text, size_t size,
                    struct dsi_arena *arena, struct dsi_value *out, struct ds_error *err)
{
    struct ds_slice s = {(const uint8_t *)text, size};
    *out = (struct dsi_value){.kind = type->kind};

    switch (type->kind) {
    case DSI_TYPE_BOOLEAN:
        return parse_bool(type, s, out, err);
    case DSI_TYPE_INT:
    case DSI_TYPE_LONG:
        return parse_integer(type, s, out, err);
    case DSI_TYPE_FLOAT:
    case DSI_TYPE_DOUBLE:
        return parse_float(type, s, out, err);
    case DSI_TYPE_DECIMAL:
        return parse_decimal(type, s, out, err);
    case DSI_TYPE_DATE:
    case DSI_TYPE_TIME:
        return parse_day_or_time(type, s, out, err);
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        return parse_timestamp(type, s, out, err);
    case DSI_TYPE_STRING:
        return parse_string(type, s, arena, out, err);
    case DSI_TYPE_UUID:
        return parse_uuid(type, s, arena, out, err);
    case DSI_TYPE_FIXED:
    case DSI_TYPE_BINARY:
    case DSI_TYPE_GEOMETRY: // Well-known binary, as it is written.
    case DSI_TYPE_GEOGRAPHY:
        return parse_hex(type, s, arena, out, err);
    default:
        return dsi_value_unfit(type, s, "a type whose values can be written as text",
                               err);
    }
}
