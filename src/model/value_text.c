// Values as people write and read them: filter literals, CSV cells, listings.
#include "model/value.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"

static const int64_t day_ns = INT64_C(86400000000000);

static int format_hex(struct ds_slice bytes, struct dsi_buf *out, struct ds_error *err)
{
    static const char digits[] = "0123456789abcdef";
    int rc = dsi_buf_reserve(out, bytes.size * 2, err);
    for (size_t i = 0; rc == DS_OK && i < bytes.size; i++) {
        out->data[out->size++] = (uint8_t)digits[bytes.data[i] >> 4];
        out->data[out->size++] = (uint8_t)digits[bytes.data[i] & 15];
    }
    return rc;
}

static void format_moment(const struct dsi_value *v, char out[DSI_TIME_TEXT_SIZE])
{
    bool nanos = v->kind == DSI_TYPE_TIMESTAMP_NS || v->kind == DSI_TYPE_TIMESTAMPTZ_NS;
    bool zone = v->kind == DSI_TYPE_TIMESTAMPTZ || v->kind == DSI_TYPE_TIMESTAMPTZ_NS;
    int64_t day = nanos ? day_ns : day_ns / 1000;
    int64_t of_day = dsi_floor_mod(v->as.i64, day);

    dsi_timestamp_format(dsi_floor_div(v->as.i64, day), nanos ? of_day : of_day * 1000,
                         nanos ? 9 : 6, zone, out);
}

static int format_uuid(const struct dsi_value *v, struct dsi_buf *out,
                       struct ds_error *err)
{
    struct dsi_uuid uuid;
    char text[DSI_UUID_TEXT_SIZE];
    if (v->as.bytes.size != sizeof uuid.bytes) {
        return format_hex(v->as.bytes, out, err);
    }
    memcpy(uuid.bytes, v->as.bytes.data, sizeof uuid.bytes);
    dsi_uuid_format(&uuid, text);
    return dsi_buf_append_text(out, text, err);
}

int dsi_value_format(const struct dsi_value *v, const struct dsi_type *type,
                     struct dsi_buf *out, struct ds_error *err)
{
    char text[DSI_TIME_TEXT_SIZE];

    if (v->null) {
        return dsi_buf_append_text(out, "null", err);
    }
    switch (v->kind) {
    case DSI_TYPE_BOOLEAN:
        return dsi_buf_append_text(out, v->as.boolean ? "true" : "false", err);
    case DSI_TYPE_INT:
        return dsi_buf_printf(out, err, "%d", (int)v->as.i32);
    case DSI_TYPE_LONG:
        return dsi_buf_printf(out, err, "%lld", (long long)v->as.i64);
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
        dsi_time_format(v->as.i64 * 1000, 6, text);
        break;
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        format_moment(v, text);
        break;
    case DSI_TYPE_UUID:
        return format_uuid(v, out, err);
    case DSI_TYPE_STRING:
        return dsi_buf_append(out, v->as.bytes.data, v->as.bytes.size, err);
    default:
        return format_hex(v->as.bytes, out, err);
    }
    return dsi_buf_append_text(out, text, err);
}

static int not_a(const char *expected, const char *text, size_t size,
                 struct ds_error *err)
{
    int shown = size > 60 ? 60 : (int)size;
    return dsi_fail(err, DS_EINVALID, "'%.*s'%s is not %s", shown, text,
                    size > 60 ? "…" : "", expected);
}

static bool parse_boolean(const char *text, size_t size, bool *out)
{
    char word[6] = "";
    if (size >= sizeof word) {
        return false;
    }
    memcpy(word, text, size);
    *out = dsi_text_equal_nocase(word, "true");
    return *out || dsi_text_equal_nocase(word, "false");
}

static bool parse_moment(enum dsi_type_kind kind, const char *text, size_t size,
                         int64_t *out)
{
    bool nanos = kind == DSI_TYPE_TIMESTAMP_NS || kind == DSI_TYPE_TIMESTAMPTZ_NS;
    bool zoned = kind == DSI_TYPE_TIMESTAMPTZ || kind == DSI_TYPE_TIMESTAMPTZ_NS;
    int64_t unit = nanos ? 1 : 1000;
    int64_t days = 0;
    int64_t ns = 0;
    bool has_zone = false;

    if (!dsi_text_to_timestamp(text, size, &days, &ns, &has_zone) ||
        (has_zone && !zoned) || ns % unit != 0) {
        return false;
    }
    int64_t limit = INT64_MAX / (day_ns / unit) - 1;
    if (days > limit || days < -limit) {
        return false;
    }
    *out = days * (day_ns / unit) + ns / unit;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Hexadecimal, with or without a leading 0x.
static bool parse_hex(const char *text, size_t size, struct dsi_arena *arena,
                      struct ds_slice *out)
{
    if (size >= 2 && text[0] == '0' && (text[1] | 0x20) == 'x') {
        text += 2;
        size -= 2;
    }
    uint8_t *bytes = size % 2 == 0 ? dsi_arena_alloc(arena, size / 2) : NULL;
    if (!bytes) {
        return false;
    }
    for (size_t i = 0; i < size / 2; i++) {
        int high = hex_digit(text[2 * i]);
        int low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out = (struct ds_slice){bytes, size / 2};
    return true;
}

static int parse_bytes(const struct dsi_type *type, const char *text, size_t size,
                       struct dsi_arena *arena, struct dsi_value *out,
                       struct ds_error *err)
{
    struct dsi_uuid uuid;
    struct ds_slice whole = {(const uint8_t *)text, size};

    switch (type->kind) {
    case DSI_TYPE_STRING:
        if (!dsi_utf8_valid(whole)) {
            return dsi_fail(err, DS_EINVALID, "the text is not UTF-8");
        }
        break;
    case DSI_TYPE_UUID:
        if (!dsi_uuid_parse(text, size, &uuid)) {
            return not_a("a UUID (8-4-4-4-12 hexadecimal digits)", text, size, err);
        }
        whole = (struct ds_slice){uuid.bytes, sizeof uuid.bytes};
        break;
    default:
        if (!parse_hex(text, size, arena, &out->as.bytes)) {
            return not_a("bytes in hexadecimal", text, size, err);
        }
        if (type->kind == DSI_TYPE_FIXED && out->as.bytes.size != (size_t)type->length) {
            return dsi_fail(err, DS_EINVALID, "%zu bytes where fixed[%d] takes %d",
                            out->as.bytes.size, (int)type->length, (int)type->length);
        }
        return DS_OK;
    }
    if (dsi_arena_copy(arena, whole, &out->as.bytes) < 0) {
        return dsi_no_memory(err, "reading a value");
    }
    return DS_OK;
}

static int parse_number(const struct dsi_type *type, const char *text, size_t size,
                        struct dsi_value *out, struct ds_error *err)
{
    int64_t n = 0;
    double d = 0;
    char name[96];

    switch (type->kind) {
    case DSI_TYPE_INT:
        if (!dsi_text_to_i64(text, size, &n) || n < INT32_MIN || n > INT32_MAX) {
            return not_a("an int (a whole number of 32 bits)", text, size, err);
        }
        out->as.i32 = (int32_t)n;
        return DS_OK;
    case DSI_TYPE_LONG:
        return dsi_text_to_i64(text, size, &out->as.i64)
                   ? DS_OK
                   : not_a("a long (a whole number of 64 bits)", text, size, err);
    case DSI_TYPE_DECIMAL:
        if (!dsi_decimal_parse(text, size, type->precision, type->scale,
                               &out->as.decimal)) {
            char expected[160];
            dsi_type_format(type, name, sizeof name);
            snprintf(expected, sizeof expected, "a %s (it would not fit exactly)", name);
            return not_a(expected, text, size, err);
        }
        return DS_OK;
    default:
        if (!dsi_text_to_f64(text, size, &d)) {
            return not_a("a number", text, size, err);
        }
        if (type->kind == DSI_TYPE_FLOAT) {
            out->as.f32 = (float)d;
        } else {
            out->as.f64 = d;
        }
        return DS_OK;
    }
}

static int parse_time(const struct dsi_type *type, const char *text, size_t size,
                      struct dsi_value *out, struct ds_error *err)
{
    int64_t ns = 0;

    switch (type->kind) {
    case DSI_TYPE_DATE:
        return dsi_text_to_date(text, size, &out->as.i32)
                   ? DS_OK
                   : not_a("a date like 2017-11-16", text, size, err);
    case DSI_TYPE_TIME:
        if (!dsi_text_to_time_ns(text, size, &ns) || ns % 1000 != 0) {
            return not_a("a time like 22:31:08.123456", text, size, err);
        }
        out->as.i64 = ns / 1000;
        return DS_OK;
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMP_NS:
        return parse_moment(type->kind, text, size, &out->as.i64)
                   ? DS_OK
                   : not_a("a timestamp without zone like 2017-11-16 22:31:08", text,
                           size, err);
    default: // Without a zone it is UTC, as the specification stores it.
        return parse_moment(type->kind, text, size, &out->as.i64)
                   ? DS_OK
                   : not_a("a timestamp like 2017-11-16 22:31:08+00:00", text, size, err);
    }
}

int dsi_value_parse(const struct dsi_type *type, const char *text, size_t size,
                    struct dsi_arena *arena, struct dsi_value *out, struct ds_error *err)
{
    char name[64];

    *out = (struct dsi_value){.kind = type->kind};
    switch (type->kind) {
    case DSI_TYPE_BOOLEAN:
        return parse_boolean(text, size, &out->as.boolean)
                   ? DS_OK
                   : not_a("true or false", text, size, err);
    case DSI_TYPE_INT:
    case DSI_TYPE_LONG:
    case DSI_TYPE_FLOAT:
    case DSI_TYPE_DOUBLE:
    case DSI_TYPE_DECIMAL:
        return parse_number(type, text, size, out, err);
    case DSI_TYPE_DATE:
    case DSI_TYPE_TIME:
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        return parse_time(type, text, size, out, err);
    case DSI_TYPE_STRING:
    case DSI_TYPE_UUID:
    case DSI_TYPE_FIXED:
    case DSI_TYPE_BINARY:
        return parse_bytes(type, text, size, arena, out, err);
    default:
        dsi_type_format(type, name, sizeof name);
        return dsi_fail(err, DS_EUNSUPPORTED, "%s has no text form", name);
    }
}
