#include "maint/relocate_json.h"

#include <string.h>

#include "base/error.h"
#include "codec/json/json_writer.h"

struct walk {
    struct dsi_json_reader r;
    struct dsi_json_writer w;
    struct ds_slice keys[DSI_JSON_DEPTH_MAX];
    struct dsi_relocate_at at;
    size_t arrays; // That the walk is in.
    dsi_relocate_text_fn change;
    void *arg;
};

static int copy(struct walk *x, struct ds_error *err);

static int copy_object(struct walk *x, struct ds_error *err)
{
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    DSI_TRY(dsi_json_object_begin(&x->r, err)); // Its depth is bounded.
    dsi_json_write_object_begin(&x->w);
    while ((rc = dsi_json_object_next(&x->r, &key, err)) == DS_ROW) {
        dsi_json_write_key_slice(&x->w, key);
        x->keys[x->at.count++] = key;
        rc = copy(x, err);
        x->at.count--;
        DSI_TRY(rc);
    }
    dsi_json_write_object_end(&x->w);
done:
    return rc;
}

static int copy_array(struct walk *x, struct ds_error *err)
{
    size_t element = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_json_array_begin(&x->r, err));
    dsi_json_write_array_begin(&x->w);
    x->arrays++;
    while ((rc = dsi_json_array_next(&x->r, err)) == DS_ROW) {
        if (x->arrays == 1) {
            x->at.element = element++;
        }
        DSI_TRY(copy(x, err));
    }
    x->arrays--;
    dsi_json_write_array_end(&x->w);
done:
    return rc;
}

static int copy_text(struct walk *x, struct ds_error *err)
{
    struct ds_slice text = {NULL, 0};
    struct ds_slice changed = {NULL, 0};
    int rc = DS_OK;

    DSI_TRY(dsi_json_string_slice(&x->r, &text, err));
    rc = x->change(x->arg, &x->at, text, &changed, err);
    if (rc >= 0) {
        dsi_json_write_slice(&x->w, rc == DS_ROW ? changed : text);
        rc = DS_OK;
    }
done:
    return rc;
}

static int copy_raw(struct walk *x, struct ds_error *err)
{
    struct ds_slice raw = {NULL, 0};
    int rc = dsi_json_skip(&x->r, &raw, err);

    if (rc == DS_OK) {
        dsi_json_write_raw(&x->w, raw);
    }
    return rc;
}

static int copy(struct walk *x, struct ds_error *err)
{
    enum dsi_json_kind kind = DSI_JSON_NULL;
    int rc = dsi_json_peek(&x->r, &kind, err);

    return rc < 0                    ? rc
           : kind == DSI_JSON_OBJECT ? copy_object(x, err)
           : kind == DSI_JSON_ARRAY  ? copy_array(x, err)
           : kind == DSI_JSON_STRING ? copy_text(x, err)
                                     : copy_raw(x, err);
}

int dsi_relocate_json(struct ds_slice json, const char *what, dsi_relocate_text_fn change,
                      void *arg, struct dsi_buf *out, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct walk x = {.change = change, .arg = arg};
    int rc = DS_OK;

    x.at.keys = x.keys;
    dsi_json_reader_init(&x.r, json, &arena, what);
    dsi_json_writer_init(&x.w, out, err);
    DSI_TRY(copy(&x, err));
    DSI_TRY(dsi_json_end(&x.r, err));
    DSI_TRY(dsi_json_writer_finish(&x.w));
done:
    dsi_arena_release(&arena);
    return rc;
}

bool dsi_relocate_at_is(const struct dsi_relocate_at *at, const char *path)
{
    size_t left = strlen(path);

    for (size_t i = 0; i < at->count; i++) {
        struct ds_slice key = at->keys[i]; // Of any bytes.
        if (i > 0 && (left == 0 || *path != '/')) {
            return false;
        }
        path += i > 0;
        left -= i > 0;
        const char *end = memchr(path, '/', left);
        size_t size = end ? (size_t)(end - path) : left;
        if (key.size != size || (size > 0 && memcmp(path, key.data, size) != 0)) {
            return false;
        }
        path += size;
        left -= size;
    }
    return left == 0;
}
