// Values as JSON. Iceberg specification, Appendix D, "JSON single-value serialization".
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "codec/json/json_reader.h"
#include "codec/json/json_writer.h"
#include "model/value.h"
#include "model/value_units.h"

// The kinds whose JSON is a string have the text people use, but for the digits of
// fraction, which are always all there.
static int write_text(struct dsi_json_writer *w, const struct dsi_value *v,
                      const struct dsi_type *type)
{
    struct dsi_buf text = DSI_BUF_INIT;
    char time[DSI_TIME_TEXT_SIZE];
    int64_t days = 0;
    int64_t ns = 0;
    int rc = DS_OK;

    switch (v->kind) {
    case DSI_TYPE_TIME:
        if (v->as.i64 < 0 || v->as.i64 >= DSI_DAY_US) {
            return dsi_fail(w->err, DS_EINVALID, "%lld microseconds are no time of a day",
                            (long long)v->as.i64);
        }
        dsi_time_format(v->as.i64 * 1000, 6, time);
        dsi_json_write_string(w, time);
        break;
    case DSI_TYPE_TIMESTAMP:
    case DSI_TYPE_TIMESTAMPTZ:
    case DSI_TYPE_TIMESTAMP_NS:
    case DSI_TYPE_TIMESTAMPTZ_NS:
        dsi_timestamp_split(v->kind, v->as.i64, &days, &ns);
        dsi_timestamp_format(days, ns, dsi_kind_is_ns(v->kind) ? 9 : 6,
                             dsi_kind_is_zoned(v->kind), time);
        dsi_json_write_string(w, time);
        break;
    default:
        DSI_TRY(dsi_value_format(v, type, &text, w->err));
        dsi_json_write_slice(w, dsi_buf_slice(&text));
        break;
    }
done:
    dsi_buf_release(&text);
    return rc;
}

int dsi_value_to_json(const struct dsi_value *v, const struct dsi_type *type,
                      struct dsi_buf *out, struct ds_error *err)
{
    struct dsi_json_writer w;
    int rc = DS_OK;

    dsi_json_writer_init(&w, out, err);
    if (v->null) {
        dsi_json_write_null(&w);
        return dsi_json_writer_finish(&w);
    }
    switch (v->kind) {
    case DSI_TYPE_BOOLEAN:
        dsi_json_write_bool(&w, v->as.boolean);
        break;
    case DSI_TYPE_INT:
        dsi_json_write_i64(&w, v->as.i32);
        break;
    case DSI_TYPE_LONG:
        dsi_json_write_i64(&w, v->as.i64);
        break;
    case DSI_TYPE_FLOAT:
        dsi_json_write_f32(&w, v->as.f32);
        break;
    case DSI_TYPE_DOUBLE:
        dsi_json_write_f64(&w, v->as.f64);
        break;
    default:
        rc = write_text(&w, v, type);
        break;
    }
    return rc < 0 ? rc : dsi_json_writer_finish(&w);
}

static int read_number(struct dsi_json_reader *r, const struct dsi_type *type,
                       struct dsi_value *out, struct ds_error *err)
{
    double wide = 0;
    int rc = DS_OK;
    switch (type->kind) {
    case DSI_TYPE_BOOLEAN:
        return dsi_json_bool(r, &out->as.boolean, err);
    case DSI_TYPE_INT:
        return dsi_json_i32(r, &out->as.i32, err);
    case DSI_TYPE_LONG:
        return dsi_json_i64(r, &out->as.i64, err);
    case DSI_TYPE_DOUBLE:
        return dsi_json_f64(r, &out->as.f64, err);
    default:
        rc = dsi_json_f64(r, &wide, err);
        out->as.f32 = (float)wide;
        return rc == DS_OK && isinf(out->as.f32)
                   ? dsi_corrupt(err, "a number that no float can hold")
                   : rc;
    }
}

int dsi_value_from_json(const struct dsi_type *type, struct ds_slice json,
                        struct dsi_arena *arena, struct dsi_value *out,
                        struct ds_error *err)
{
    struct dsi_json_reader r;
    struct ds_slice text = {NULL, 0};
    bool null = false;
    int rc = DS_OK;

    dsi_json_reader_init(&r, json, arena, "value");
    *out = (struct dsi_value){.kind = type->kind};
    DSI_TRY(dsi_json_null(&r, &null, err));
    if (null) {
        *out = DSI_VALUE_NULL;
    } else if (type->kind == DSI_TYPE_BOOLEAN || type->kind == DSI_TYPE_INT ||
               type->kind == DSI_TYPE_LONG || type->kind == DSI_TYPE_FLOAT ||
               type->kind == DSI_TYPE_DOUBLE) {
        DSI_TRY(read_number(&r, type, out, err));
    } else {
        DSI_TRY(dsi_json_string_slice(&r, &text, err));
        rc = dsi_value_parse(type, (const char *)text.data, text.size, arena, out, err);
        if (rc == DS_EINVALID) { // It is not the caller who wrote it.
            return dsi_wrap(err, DS_ECORRUPT, "value");
        }
    }
    DSI_TRY(rc);
    DSI_TRY(dsi_json_end(&r, err));
done:
    return rc;
}
