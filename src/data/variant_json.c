#include "data/variant_json.h"

#include <math.h>

#include "base/error.h"
#include "base/text.h"
#include "codec/json/json_writer.h"
#include "codec/variant/variant.h"
#include "model/value.h"

static int write_base64(struct dsi_json_writer *w, struct ds_slice in)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct dsi_buf text = DSI_BUF_INIT;
    int rc = DS_OK;

    for (size_t i = 0; i < in.size; i += 3) {
        size_t left = in.size - i < 3 ? in.size - i : 3;
        uint32_t bits = (uint32_t)in.data[i] << 16;
        bits |= left > 1 ? (uint32_t)in.data[i + 1] << 8 : 0;
        bits |= left > 2 ? in.data[i + 2] : 0;
        const char quad[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
                              left > 1 ? digits[bits >> 6 & 63] : '=',
                              left > 2 ? digits[bits & 63] : '='};
        DSI_TRY(dsi_buf_append(&text, quad, sizeof quad, w->err));
    }
    dsi_json_write_slice(w, dsi_buf_slice(&text));
done:
    dsi_buf_release(&text);
    return rc;
}

static void write_double(struct dsi_json_writer *w, double v)
{
    if (isnan(v)) {
        dsi_json_write_string(w, "NaN");
    } else if (isinf(v)) {
        dsi_json_write_string(w, v > 0 ? "Infinity" : "-Infinity");
    } else {
        dsi_json_write_f64(w, v);
    }
}

static void write_decimal(struct dsi_json_writer *w, const struct dsi_variant *v)
{
    char text[DSI_DECIMAL_TEXT_SIZE];
    dsi_decimal_format(v->as.decimal, v->scale, text);
    dsi_json_write_raw(w, dsi_slice_text(text));
}

// The Iceberg type with the same text.
static enum dsi_type_kind type_kind(enum dsi_variant_kind kind)
{
    switch (kind) {
    case DSI_VARIANT_DATE:
        return DSI_TYPE_DATE;
    case DSI_VARIANT_TIME:
        return DSI_TYPE_TIME;
    case DSI_VARIANT_TIMESTAMP:
        return DSI_TYPE_TIMESTAMP;
    case DSI_VARIANT_TIMESTAMPTZ:
        return DSI_TYPE_TIMESTAMPTZ;
    case DSI_VARIANT_TIMESTAMP_NS:
        return DSI_TYPE_TIMESTAMP_NS;
    case DSI_VARIANT_TIMESTAMPTZ_NS:
        return DSI_TYPE_TIMESTAMPTZ_NS;
    default:
        return DSI_TYPE_UUID;
    }
}

static int write_as_text(struct dsi_json_writer *w, const struct dsi_variant *v)
{
    struct dsi_type type = {.kind = type_kind(v->kind)};
    struct dsi_value value = {.kind = type.kind};
    struct dsi_buf text = DSI_BUF_INIT;
    int rc = DS_OK;

    if (type.kind == DSI_TYPE_UUID) {
        value.as.bytes = v->as.bytes;
    } else if (type.kind == DSI_TYPE_DATE) {
        value.as.i32 = (int32_t)v->as.i64;
    } else {
        value.as.i64 = v->as.i64;
    }
    DSI_TRY(dsi_value_format(&value, &type, &text, w->err));
    dsi_json_write_slice(w, dsi_buf_slice(&text));
done:
    dsi_buf_release(&text);
    return rc;
}

static int write_value(struct dsi_json_writer *w, const struct dsi_variant_names *names,
                       struct ds_slice in);

static int write_container(struct dsi_json_writer *w,
                           const struct dsi_variant_names *names,
                           const struct dsi_variant *v)
{
    bool object = v->kind == DSI_VARIANT_OBJECT;
    struct dsi_buf key = DSI_BUF_INIT;
    int rc = DS_OK;

    if (object) {
        dsi_json_write_object_begin(w);
    } else {
        dsi_json_write_array_begin(w);
    }
    for (size_t i = 0; i < v->count; i++) {
        if (object) {
            struct ds_slice name = dsi_variant_name(names, dsi_variant_field_id(v, i));
            key.size = 0;
            DSI_TRY(dsi_buf_append(&key, name.data, name.size, w->err));
            const char *text = dsi_buf_text(&key);
            if (!text) {
                rc = dsi_no_memory(w->err, "writing a variant as JSON");
                goto done;
            }
            dsi_json_write_key(w, text);
        }
        DSI_TRY(write_value(w, names, dsi_variant_element(v, i)));
    }
    if (object) {
        dsi_json_write_object_end(w);
    } else {
        dsi_json_write_array_end(w);
    }
done:
    dsi_buf_release(&key);
    return rc;
}

// A value that has been checked, so the recursion is bounded.
static int write_value(struct dsi_json_writer *w, const struct dsi_variant_names *names,
                       struct ds_slice in)
{
    struct dsi_variant v;
    int rc = dsi_variant_parse(in, &v, w->err);

    if (rc < 0) {
        return rc;
    }
    switch (v.kind) {
    case DSI_VARIANT_NULL:
        dsi_json_write_null(w);
        return DS_OK;
    case DSI_VARIANT_BOOLEAN:
        dsi_json_write_bool(w, v.as.boolean);
        return DS_OK;
    case DSI_VARIANT_INT8:
    case DSI_VARIANT_INT16:
    case DSI_VARIANT_INT32:
    case DSI_VARIANT_INT64:
        dsi_json_write_i64(w, v.as.i64);
        return DS_OK;
    case DSI_VARIANT_FLOAT:
        if (isfinite(v.as.f32)) {
            dsi_json_write_f32(w, v.as.f32);
        } else {
            write_double(w, (double)v.as.f32);
        }
        return DS_OK;
    case DSI_VARIANT_DOUBLE:
        write_double(w, v.as.f64);
        return DS_OK;
    case DSI_VARIANT_DECIMAL4:
    case DSI_VARIANT_DECIMAL8:
    case DSI_VARIANT_DECIMAL16:
        write_decimal(w, &v);
        return DS_OK;
    case DSI_VARIANT_STRING:
        dsi_json_write_slice(w, v.as.bytes);
        return DS_OK;
    case DSI_VARIANT_BINARY:
        return write_base64(w, v.as.bytes);
    case DSI_VARIANT_OBJECT:
    case DSI_VARIANT_ARRAY:
        return write_container(w, names, &v);
    default:
        return write_as_text(w, &v);
    }
}

int dsi_variant_to_json(struct ds_slice metadata, struct ds_slice value,
                        struct dsi_buf *out, struct ds_error *err)
{
    struct dsi_variant_names names;
    struct dsi_json_writer w;
    int rc = DS_OK;

    DSI_TRY(dsi_variant_names_parse(metadata, &names, NULL, err));
    DSI_TRY(dsi_variant_check(&names, value, err));
    dsi_json_writer_init(&w, out, err);
    DSI_TRY(write_value(&w, &names, value));
    rc = dsi_json_writer_finish(&w);
done:
    return rc;
}
