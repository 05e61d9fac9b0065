// Variants: any bytes are refused or walk within their bounds, and what passes the check
// is the same after it has been taken apart and put together again.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/variant/variant_build.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int put(struct dsi_buf *out, const struct dsi_variant *v)
{
    switch (v->kind) {
    case DSI_VARIANT_NULL:
        return dsi_variant_put_null(out, NULL);
    case DSI_VARIANT_BOOLEAN:
        return dsi_variant_put_boolean(out, v->as.boolean, NULL);
    case DSI_VARIANT_FLOAT:
        return dsi_variant_put_float(out, v->as.f32, NULL);
    case DSI_VARIANT_DOUBLE:
        return dsi_variant_put_double(out, v->as.f64, NULL);
    case DSI_VARIANT_DECIMAL4:
    case DSI_VARIANT_DECIMAL8:
    case DSI_VARIANT_DECIMAL16:
        return dsi_variant_put_decimal(out, v->kind, v->as.decimal, v->scale, NULL);
    case DSI_VARIANT_BINARY:
    case DSI_VARIANT_STRING:
    case DSI_VARIANT_UUID:
        return dsi_variant_put_bytes(out, v->kind, v->as.bytes, NULL);
    default:
        return dsi_variant_put_int(out, v->kind, v->as.i64, NULL);
    }
}

static int rebuild(const struct dsi_variant_names *names, struct ds_slice in,
                   struct dsi_buf *out)
{
    struct dsi_variant v;
    size_t from = out->size;
    int rc = dsi_variant_parse(in, &v, NULL);

    if (rc < 0 || (v.kind != DSI_VARIANT_OBJECT && v.kind != DSI_VARIANT_ARRAY)) {
        return rc < 0 ? rc : put(out, &v);
    }
    struct dsi_variant_member *members = calloc(v.count + 1, sizeof *members);
    for (size_t i = 0; rc == DS_OK && i < v.count; i++) {
        members[i].at = out->size;
        if (v.kind == DSI_VARIANT_OBJECT) {
            members[i].id = dsi_variant_field_id(&v, i);
            members[i].name = dsi_variant_name(names, members[i].id);
        }
        rc = rebuild(names, dsi_variant_element(&v, i), out);
    }
    if (rc == DS_OK) {
        rc = v.kind == DSI_VARIANT_OBJECT
                 ? dsi_variant_object(out, from, members, v.count, NULL)
                 : dsi_variant_array(out, from, members, v.count, NULL);
    }
    free(members);
    return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dsi_variant_names names;
    struct dsi_buf once = DSI_BUF_INIT;
    struct dsi_buf twice = DSI_BUF_INIT;
    size_t used = 0;

    if (dsi_variant_names_parse((struct ds_slice){data, size}, &names, &used, NULL) < 0) {
        return 0;
    }
    struct ds_slice value = {data + used, size - used};
    if (dsi_variant_check(&names, value, NULL) == DS_OK) {
        if (rebuild(&names, value, &once) < 0 ||
            dsi_variant_check(&names, dsi_buf_slice(&once), NULL) < 0 ||
            rebuild(&names, dsi_buf_slice(&once), &twice) < 0 ||
            once.size != twice.size || memcmp(once.data, twice.data, once.size) != 0) {
            __builtin_trap();
        }
    }
    dsi_buf_release(&once);
    dsi_buf_release(&twice);
    return 0;
}
