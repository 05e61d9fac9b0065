#include "model/manifest_avro.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

static int wrong_kind(const struct dsi_avro_type *t, const char *expected,
                      struct ds_error *err)
{
    return dsi_corrupt(err, "stored as %s, expected %s", dsi_avro_kind_name(t->kind),
                       expected);
}

int dsi_manifest_get_long(const struct dsi_avro_type *t, struct ds_slice *in,
                          int64_t *out, struct ds_error *err)
{
    if (t->kind != DSI_AVRO_LONG && t->kind != DSI_AVRO_INT) {
        return wrong_kind(t, "long", err);
    }
    return dsi_avro_long(in, out, err);
}

int dsi_manifest_get_int(const struct dsi_avro_type *t, struct ds_slice *in, int32_t *out,
                         struct ds_error *err)
{
    if (t->kind != DSI_AVRO_LONG && t->kind != DSI_AVRO_INT) {
        return wrong_kind(t, "int", err);
    }
    return dsi_avro_int(in, out, err);
}

int dsi_manifest_get_count(const struct dsi_avro_type *t, struct ds_slice *in,
                           int64_t *out, struct ds_error *err)
{
    int rc = dsi_manifest_get_long(t, in, out, err);

    if (rc == DS_OK && *out < 0) {
        return dsi_corrupt(err, "%lld is negative", (long long)*out);
    }
    return rc;
}

int dsi_manifest_get_bytes(const struct dsi_avro_type *t, struct ds_slice *in,
                           struct ds_slice *out, struct ds_error *err)
{
    if (t->kind == DSI_AVRO_FIXED) {
        return dsi_avro_fixed(in, t->size, out, err);
    }
    if (t->kind != DSI_AVRO_BYTES && t->kind != DSI_AVRO_STRING) {
        return wrong_kind(t, "bytes", err);
    }
    return dsi_avro_bytes(in, out, err);
}

int dsi_manifest_get_text(const struct dsi_avro_type *t, struct ds_slice *in,
                          struct dsi_arena *arena, const char **out, struct ds_error *err)
{
    struct ds_slice text = {NULL, 0};
    int rc = DS_OK;

    if (t->kind != DSI_AVRO_STRING) {
        return wrong_kind(t, "string", err);
    }
    rc = dsi_avro_bytes(in, &text, err);
    if (rc < 0) {
        return rc;
    }
    if ((text.size > 0 && memchr(text.data, '\0', text.size)) || !dsi_utf8_valid(text)) {
        return dsi_corrupt(err, "a string of %zu bytes that is not UTF-8 text",
                           text.size);
    }
    *out = dsi_arena_strndup(arena, (const char *)text.data, text.size);
    return *out ? DS_OK : dsi_no_memory(err, "reading a manifest");
}

int dsi_manifest_get_copy(const struct dsi_avro_type *t, struct ds_slice *in,
                          struct dsi_arena *arena, struct ds_slice *out,
                          struct ds_error *err)
{
    struct ds_slice bytes = {NULL, 0};
    int rc = dsi_manifest_get_bytes(t, in, &bytes, err);

    if (rc == DS_OK && dsi_arena_copy(arena, bytes, out) < 0) {
        return dsi_no_memory(err, "reading a manifest");
    }
    return rc;
}

int dsi_manifest_check_records(const struct dsi_avro_type *t, struct ds_error *err)
{
    if (t->kind != DSI_AVRO_ARRAY) {
        return wrong_kind(t, "array", err);
    }
    return t->items->kind == DSI_AVRO_RECORD ? DS_OK
                                             : wrong_kind(t->items, "record", err);
}

int dsi_manifest_put_present(struct dsi_buf *out, bool present, struct ds_error *err)
{
    return dsi_avro_put_long(out, present, err);
}

int dsi_manifest_put_optional(struct dsi_buf *out, int64_t v, struct ds_error *err)
{
    int rc = dsi_manifest_put_present(out, v != -1, err);
    return rc < 0 || v == -1 ? rc : dsi_avro_put_long(out, v, err);
}

int dsi_manifest_put_optional_bytes(struct dsi_buf *out, struct ds_slice v,
                                    struct ds_error *err)
{
    int rc = dsi_manifest_put_present(out, v.data != NULL, err);
    return rc < 0 || !v.data ? rc : dsi_avro_put_bytes(out, v, err);
}
