#include "data/text_json.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/map.h"
#include "base/text.h"
#include "data/variant_json.h"

// --- out

// Numbers as numbers where JSON has them: not NaN, not the infinities; decimals as text,
// so that no reader rounds them.
static bool bare(const struct dsi_value *v)
{
    switch (v->kind) {
    case DSI_TYPE_BOOLEAN:
    case DSI_TYPE_INT:
    case DSI_TYPE_LONG:
        return true;
    case DSI_TYPE_FLOAT:
        return isfinite(v->as.f32);
    case DSI_TYPE_DOUBLE:
        return isfinite(v->as.f64);
    default:
        return false;
    }
}

static void write_value(const struct dsi_column *c, int64_t row,
                        struct dsi_json_writer *w, struct dsi_buf *text)
{
    struct dsi_value v;

    dsi_column_value(c, row, &v);
    if (v.kind == DSI_TYPE_STRING) {
        dsi_json_write_slice(w, v.as.bytes);
        return;
    }
    text->size = 0;
    int rc = dsi_value_format(&v, &c->field->type, text, w->err);
    if (rc < 0) {
        w->rc = w->rc < 0 ? w->rc : rc;
    } else if (bare(&v)) {
        dsi_json_write_raw(w, dsi_buf_slice(text));
    } else {
        dsi_json_write_slice(w, dsi_buf_slice(text));
    }
}

static void write_variant(const struct dsi_column *c, int64_t row,
                          struct dsi_json_writer *w, struct dsi_buf *text)
{
    int64_t at = c->offset + row;

    text->size = 0;
    int rc = dsi_variant_to_json(dsi_column_bytes(&c->children[0], at),
                                 dsi_column_bytes(&c->children[1], at), text, w->err);
    if (rc < 0) {
        w->rc = w->rc < 0 ? w->rc : dsi_wrap(w->err, rc, "column %s", c->field->name);
    } else {
        dsi_json_write_raw(w, dsi_buf_slice(text));
    }
}

static void write_map(const struct dsi_column *c, int64_t row, struct dsi_json_writer *w,
                      struct dsi_buf *scratch)
{
    const struct dsi_column *keys = &c->children[0];
    bool object = keys->field->type.kind == DSI_TYPE_STRING;
    int64_t end = dsi_column_offset(c, row + 1);

    if (object) {
        dsi_json_write_object_begin(w);
    } else {
        dsi_json_write_array_begin(w);
    }
    for (int64_t i = dsi_column_offset(c, row); i < end; i++) {
        if (object) {
            dsi_json_write_key_slice(w, dsi_column_bytes(keys, i));
        } else {
            dsi_json_write_object_begin(w);
            dsi_json_write_key(w, "key");
            dsi_text_json_write(keys, i, w, scratch);
            dsi_json_write_key(w, "value");
        }
        dsi_text_json_write(&c->children[1], i, w, scratch);
        if (!object) {
            dsi_json_write_object_end(w);
        }
    }
    if (object) {
        dsi_json_write_object_end(w);
    } else {
        dsi_json_write_array_end(w);
    }
}

void dsi_text_json_write(const struct dsi_column *c, int64_t row,
                         struct dsi_json_writer *w, struct dsi_buf *scratch)
{
    if (dsi_column_is_null(c, row)) {
        dsi_json_write_null(w);
        return;
    }
    switch (c->field->type.kind) {
    case DSI_TYPE_LIST:
        dsi_json_write_array_begin(w);
        for (int64_t i = dsi_column_offset(c, row), end = dsi_column_offset(c, row + 1);
             i < end; i++) {
            dsi_text_json_write(&c->children[0], i, w, scratch);
        }
        dsi_json_write_array_end(w);
        return;
    case DSI_TYPE_MAP:
        write_map(c, row, w, scratch);
        return;
    case DSI_TYPE_VARIANT:
        write_variant(c, row, w, scratch);
        return;
    case DSI_TYPE_STRUCT:
        dsi_json_write_object_begin(w);
        for (size_t k = 0; k < c->child_count; k++) {
            dsi_json_write_key(w, c->children[k].field->name);
            dsi_text_json_write(&c->children[k], c->offset + row, w, scratch);
        }
        dsi_json_write_object_end(w);
        return;
    default:
        write_value(c, row, w, scratch);
        return;
    }
}

// --- in

static const char *path_of(const struct dsi_column_builder *c, char out[200])
{
    dsi_column_builder_path(c, out, 200);
    return out;
}

static int another_kind(const struct dsi_column_builder *c, const char *wanted,
                        const char *is, struct ds_error *err)
{
    char path[200];
    return dsi_fail(err, DS_EINVALID, "column '%s' is %s; it cannot hold %s",
                    path_of(c, path), wanted, is);
}

// A value as text of the column's type.
static int put_text(struct dsi_json_reader *r, struct dsi_column_builder *c,
                    struct ds_slice text, struct ds_error *err)
{
    struct dsi_value v;
    char path[200];
    int rc = dsi_value_parse(&c->field->type, (const char *)text.data, text.size,
                             r->arena, &v, err);
    if (rc == DS_OK) {
        rc = dsi_column_builder_put(c, &v, err);
    }
    return rc < 0 ? dsi_wrap(err, rc, "column '%s'", path_of(c, path)) : rc;
}

static int read_value(struct dsi_json_reader *r, struct dsi_column_builder *c,
                      enum dsi_json_kind kind, struct ds_error *err)
{
    enum dsi_type_kind type = c->field->type.kind;
    struct ds_slice text = {NULL, 0};
    bool flag = false;
    char path[200];
    int rc = DS_OK;

    switch (kind) {
    case DSI_JSON_STRING:
        DSI_TRY(dsi_json_string_slice(r, &text, err));
        if (type <= DSI_TYPE_LONG) { // What JSON has a form of its own for.
            return another_kind(
                c, type == DSI_TYPE_BOOLEAN ? "true or false" : "a whole number",
                "a string", err);
        }
        break;
    case DSI_JSON_NUMBER: // As it stands: no digit is lost on the way.
        DSI_TRY(dsi_json_number(r, &text, err));
        break;
    case DSI_JSON_BOOL:
        DSI_TRY(dsi_json_bool(r, &flag, err));
        text = dsi_slice_text(flag ? "true" : "false");
        break;
    default:
        return dsi_fail(err, DS_EINVALID,
                        "column '%s' holds an object or array; its type is not nested",
                        path_of(c, path));
    }
    rc = put_text(r, c, text, err);
done:
    return rc;
}

// Which child a member is; `next` is where to look first.
static struct dsi_column_builder *child_named(struct dsi_column_builder *c,
                                              struct ds_slice name, size_t next)
{
    for (size_t i = 0; i < c->child_count; i++) {
        struct dsi_column_builder *child = &c->children[(next + i) % c->child_count];
        if (dsi_slice_equal(name, dsi_slice_text(child->field->name))) {
            return child;
        }
    }
    return NULL;
}

static int no_member(const struct dsi_column_builder *c, struct ds_slice name,
                     struct ds_error *err)
{
    char path[200];
    char list[400] = "";
    size_t used = 0;
    int shown = name.size > 100 ? 100 : (int)name.size;

    for (size_t i = 0; i < c->child_count && used < sizeof list - 1; i++) {
        int n = snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                         c->children[i].field->name);
        used += n > 0 ? (size_t)n : 0;
    }
    return dsi_fail(err, DS_EINVALID, "column '%s' has no field '%.*s'; its fields: %s",
                    path_of(c, path), shown, (const char *)name.data, list);
}

static int twice(const struct dsi_column_builder *c, struct ds_error *err)
{
    char path[200];
    return dsi_fail(err, DS_EINVALID, "column '%s' is there twice", path_of(c, path));
}

// Members until the object ends, each a child's value. The object has begun.
static int read_members(struct dsi_json_reader *r, struct dsi_column_builder *c,
                        struct ds_error *err)
{
    struct ds_slice name = {NULL, 0};
    size_t next = 0;
    int rc = DS_OK;

    while ((rc = dsi_json_object_next(r, &name, err)) == DS_ROW) {
        struct dsi_column_builder *child = child_named(c, name, next);
        if (!child) {
            return no_member(c, name, err);
        }
        if (child->length > c->length) {
            return twice(child, err);
        }
        DSI_TRY(dsi_text_json_read(r, child, err));
        next = (size_t)(child - c->children) + 1;
    }
done:
    return rc;
}

static int read_struct(struct dsi_json_reader *r, struct dsi_column_builder *c,
                       struct ds_error *err)
{
    int rc = dsi_json_object_begin(r, err);
    if (rc == DS_OK) {
        rc = read_members(r, c, err);
    }
    return rc == DS_OK ? dsi_column_builder_end(c, err) : rc;
}

static int read_list(struct dsi_json_reader *r, struct dsi_column_builder *c,
                     struct ds_error *err)
{
    int rc = dsi_json_array_begin(r, err);

    while (rc >= 0 && (rc = dsi_json_array_next(r, err)) == DS_ROW) {
        rc = dsi_text_json_read(r, &c->children[0], err);
    }
    return rc == DS_OK ? dsi_column_builder_end(c, err) : rc;
}

// Whether the map's key that was read last is there already.
static int check_key(struct dsi_map *seen, const struct dsi_column_builder *c,
                     struct ds_error *err)
{
    const struct dsi_column_builder *keys = &c->children[0];
    char path[200];

    if (keys->layout == DSI_LAYOUT_NESTED) {
        return DS_OK; // Nobody looks anything up by a struct.
    }
    struct ds_slice key = dsi_column_builder_last(keys);
    if (dsi_map_get(seen, key)) {
        return dsi_fail(err, DS_EINVALID, "column '%s' has a key twice, value %lld",
                        path_of(c, path), (long long)keys->length - 1);
    }
    return dsi_map_put(seen, key, seen, err);
}

static int read_map_object(struct dsi_json_reader *r, struct dsi_column_builder *c,
                           struct dsi_map *seen, struct ds_error *err)
{
    struct ds_slice key = {NULL, 0};
    int rc = dsi_json_object_begin(r, err);

    while (rc >= 0 && (rc = dsi_json_object_next(r, &key, err)) == DS_ROW) {
        if (dsi_layout_of(&c->children[0].field->type) == DSI_LAYOUT_NESTED) {
            return another_kind(&c->children[0], "nested", "an object's key", err);
        }
        DSI_TRY(put_text(r, &c->children[0], key, err));
        DSI_TRY(check_key(seen, c, err));
        DSI_TRY(dsi_text_json_read(r, &c->children[1], err));
    }
done:
    return rc;
}

// One {"key": …, "value": …} of a map.
static int read_entry(struct dsi_json_reader *r, struct dsi_column_builder *c,
                      struct dsi_map *seen, struct ds_error *err)
{
    int64_t entries = c->children[0].length;
    struct ds_slice name = {NULL, 0};
    int rc = dsi_json_object_begin(r, err);

    while (rc >= 0 && (rc = dsi_json_object_next(r, &name, err)) == DS_ROW) {
        struct dsi_column_builder *child = child_named(c, name, 0);
        if (!child) {
            return no_member(c, name, err);
        }
        if (child->length > entries) {
            return twice(child, err);
        }
        DSI_TRY(dsi_text_json_read(r, child, err));
        if (child == &c->children[0]) {
            DSI_TRY(check_key(seen, c, err));
        }
    }
    DSI_TRY(rc);
    for (size_t i = 0; i < 2; i++) {
        if (c->children[i].length == entries) {
            DSI_TRY(dsi_column_builder_put(&c->children[i], &DSI_VALUE_NULL, err));
        }
    }
done:
    return rc;
}

static int read_map(struct dsi_json_reader *r, struct dsi_column_builder *c,
                    enum dsi_json_kind kind, struct ds_error *err)
{
    struct dsi_map seen = DSI_MAP_INIT;
    int rc = DS_OK;

    if (kind == DSI_JSON_OBJECT) {
        rc = read_map_object(r, c, &seen, err);
    } else {
        rc = dsi_json_array_begin(r, err);
        while (rc >= 0 && (rc = dsi_json_array_next(r, err)) == DS_ROW) {
            rc = read_entry(r, c, &seen, err);
        }
    }
    dsi_map_release(&seen);
    return rc == DS_OK ? dsi_column_builder_end(c, err) : rc;
}

int dsi_text_json_read(struct dsi_json_reader *r, struct dsi_column_builder *c,
                       struct ds_error *err)
{
    enum dsi_json_kind kind = DSI_JSON_NULL;
    bool null = false;
    char path[200];
    int rc = DS_OK;

    DSI_TRY(dsi_json_peek(r, &kind, err));
    if (kind == DSI_JSON_NULL) {
        DSI_TRY(dsi_json_null(r, &null, err));
        return dsi_column_builder_put(c, &DSI_VALUE_NULL, err);
    }
    switch (c->field->type.kind) {
    case DSI_TYPE_STRUCT:
        return kind == DSI_JSON_OBJECT
                   ? read_struct(r, c, err)
                   : another_kind(c, "a struct", "anything but an object", err);
    case DSI_TYPE_LIST:
        return kind == DSI_JSON_ARRAY
                   ? read_list(r, c, err)
                   : another_kind(c, "a list", "anything but an array", err);
    case DSI_TYPE_MAP:
        return kind == DSI_JSON_OBJECT || kind == DSI_JSON_ARRAY
                   ? read_map(r, c, kind, err)
                   : another_kind(c, "a map", "anything but an object or array", err);
    case DSI_TYPE_VARIANT:
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "column '%s': a variant cannot be read from text",
                        path_of(c, path));
    default:
        return read_value(r, c, kind, err);
    }
done:
    return rc;
}
