// Arrow schemas to Iceberg's and back.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "data/arrow_format.h"
#include "data/arrow_io.h"

enum { NODES_MAX = 1 << 20, FORMAT_SIZE = 48 };

struct reading {
    struct dsi_arena *arena;
    size_t nodes;      // So far: a schema that shares children must not explode.
    bool ids_complete; // Every field so far had an id.
    int32_t highest_id;
    struct ds_error *err;
};

static int read_type(struct reading *r, const struct ArrowSchema *s, int depth,
                     struct dsi_type *out);

static int read_field(struct reading *r, const struct ArrowSchema *s, int depth,
                      struct dsi_field *out)
{
    int rc = dsi_arrow_field_id(s, &out->id, r->err);
    if (rc == DS_OK) {
        rc = read_type(r, s, depth, &out->type);
    }
    if (rc < 0) {
        return rc;
    }
    r->ids_complete = r->ids_complete && out->id >= 1;
    r->highest_id = out->id > r->highest_id ? out->id : r->highest_id;
    out->required =
        (s->flags & ARROW_FLAG_NULLABLE) == 0 && out->type.kind != DSI_TYPE_UNKNOWN;
    out->name = dsi_arena_strdup(r->arena, dsi_arrow_name(s));
    return out->name ? DS_OK : dsi_no_memory(r->err, "reading an Arrow schema");
}

static int read_fields(struct reading *r, const struct ArrowSchema *s, int depth,
                       struct dsi_type *out)
{
    size_t count = (size_t)s->n_children;
    struct dsi_field *fields = dsi_arena_array(r->arena, count, sizeof *fields);

    if (!fields) {
        return dsi_no_memory(r->err, "reading an Arrow schema");
    }
    for (size_t i = 0; i < count; i++) {
        int rc = read_field(r, s->children[i], depth + 1, &fields[i]);
        if (rc < 0) {
            return rc;
        }
    }
    out->fields = fields;
    out->field_count = count;
    return DS_OK;
}

// A map's child is a struct of a key and a value, whatever the three are called.
static int read_map(struct reading *r, const struct ArrowSchema *s, int depth,
                    struct dsi_type *out)
{
    const struct ArrowSchema *entries = s->children[0];
    struct dsi_arrow_format f;
    int rc = dsi_arrow_format_read(entries, &f, r->err);

    if (rc == DS_OK && (f.kind != DSI_ARROW_STRUCT || entries->n_children != 2)) {
        rc = dsi_fail(r->err, DS_EINVALID,
                      "column %s: the entries of an Arrow map are a struct of two",
                      dsi_arrow_name(s));
    }
    if (rc == DS_OK) {
        rc = read_fields(r, entries, depth + 1, out);
    }
    if (rc == DS_OK) {
        struct dsi_field *fields = (struct dsi_field *)out->fields; // Made just now.
        fields[0].name = "key";
        fields[0].required = true;
        fields[1].name = "value";
    }
    return rc;
}

static int read_type(struct reading *r, const struct ArrowSchema *s, int depth,
                     struct dsi_type *out)
{
    struct dsi_arrow_format f;

    if (depth > DSI_ARROW_DEPTH_MAX || ++r->nodes > NODES_MAX) {
        return dsi_fail(
            r->err, DS_EINVALID,
            "column %s: an Arrow schema deeper than %d levels or of more than "
            "%d fields",
            dsi_arrow_name(s), DSI_ARROW_DEPTH_MAX, NODES_MAX);
    }
    int rc = dsi_arrow_format_read(s, &f, r->err);
    if (rc < 0) {
        return rc;
    }
    *out = (struct dsi_type){.kind = DSI_TYPE_STRUCT};
    if (s->dictionary) {
        return read_type(r, s->dictionary, depth + 1, out);
    }
    switch (f.kind) {
    case DSI_ARROW_STRUCT:
        return read_fields(r, s, depth, out);
    case DSI_ARROW_MAP:
        out->kind = DSI_TYPE_MAP;
        return read_map(r, s, depth, out);
    case DSI_ARROW_LIST:
        out->kind = DSI_TYPE_LIST;
        rc = read_fields(r, s, depth, out);
        if (rc == DS_OK) {
            assert(out->field_count == 1 && out->fields);
            ((struct dsi_field *)out->fields)->name = "element"; // Made just now.
        }
        return rc;
    case DSI_ARROW_RUN_ENDS:
        return read_type(r, s->children[1], depth + 1, out);
    default:
        return dsi_arrow_format_type(s, &f, out, r->err);
    }
}

int dsi_arrow_schema_read(const struct ArrowSchema *schema, struct dsi_arena *arena,
                          struct dsi_schema *out, struct ds_error *err)
{
    struct reading r = {.arena = arena, .ids_complete = true, .err = err};
    struct dsi_arrow_format f;
    struct dsi_schema read = {.root = {.kind = DSI_TYPE_STRUCT}};
    int32_t last_id = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_arrow_format_read(schema, &f, err));
    if (f.kind != DSI_ARROW_STRUCT || schema->dictionary) {
        rc = dsi_fail(err, DS_EINVALID,
                      "the Arrow schema is '%.40s', not a struct of columns",
                      schema->format);
        goto done;
    }
    DSI_TRY(read_fields(&r, schema, 0, &read.root));
    if (r.ids_complete) {
        read.highest_id = r.highest_id;
        *out = read;
    } else {
        DSI_TRY(dsi_schema_assign_ids(&read, &last_id, arena, out, err));
    }
    DSI_TRY(dsi_schema_check(out, err));
done:
    return rc < 0 ? dsi_wrap(err, rc, "reading an Arrow schema") : rc;
}

// What one ArrowSchema of ours owns.
struct node {
    char format[FORMAT_SIZE];
    char *name;
    uint8_t *metadata;
    struct ArrowSchema *children;
    struct ArrowSchema **pointers;
};

static void release_schema(struct ArrowSchema *s)
{
    struct node *n = s->private_data;

    for (int64_t i = 0; i < s->n_children; i++) {
        if (s->children[i]->release) { // It may have been moved away.
            s->children[i]->release(s->children[i]);
        }
    }
    dsi_free(n->name);
    dsi_free(n->metadata);
    dsi_free(n->children);
    dsi_free(n->pointers);
    dsi_free(n);
    s->release = NULL;
}

static void format_of(const struct dsi_type *t, char out[FORMAT_SIZE])
{
    static const char *const simple[] = {
        [DSI_TYPE_BOOLEAN] = "b",
        [DSI_TYPE_INT] = "i",
        [DSI_TYPE_LONG] = "l",
        [DSI_TYPE_FLOAT] = "f",
        [DSI_TYPE_DOUBLE] = "g",
        [DSI_TYPE_DATE] = "tdD",
        [DSI_TYPE_TIME] = "ttu",
        [DSI_TYPE_TIMESTAMP] = "tsu:",
        [DSI_TYPE_TIMESTAMPTZ] = "tsu:UTC",
        [DSI_TYPE_TIMESTAMP_NS] = "tsn:",
        [DSI_TYPE_TIMESTAMPTZ_NS] = "tsn:UTC",
        [DSI_TYPE_STRING] = "u",
        [DSI_TYPE_UUID] = "w:16",
        [DSI_TYPE_BINARY] = "z",
        [DSI_TYPE_UNKNOWN] = "n",
        [DSI_TYPE_GEOMETRY] = "z",
        [DSI_TYPE_GEOGRAPHY] = "z",
        [DSI_TYPE_STRUCT] = "+s",
        [DSI_TYPE_LIST] = "+l",
        [DSI_TYPE_MAP] = "+m",
    };
    if (t->kind == DSI_TYPE_DECIMAL) {
        snprintf(out, FORMAT_SIZE, "d:%d,%d", (int)t->precision, (int)t->scale);
    } else if (t->kind == DSI_TYPE_FIXED) {
        snprintf(out, FORMAT_SIZE, "w:%d", (int)t->length);
    } else {
        snprintf(out, FORMAT_SIZE, "%s", simple[t->kind]);
    }
}

static int put_pair(struct dsi_buf *b, const char *key, const char *value,
                    struct ds_error *err)
{
    int32_t key_size = (int32_t)strlen(key);
    int32_t value_size = (int32_t)strlen(value);
    int rc = DS_OK;

    DSI_TRY(dsi_buf_append(b, &key_size, sizeof key_size, err));
    DSI_TRY(dsi_buf_append_text(b, key, err));
    DSI_TRY(dsi_buf_append(b, &value_size, sizeof value_size, err));
    DSI_TRY(dsi_buf_append_text(b, value, err));
done:
    return rc;
}

static int write_metadata(struct node *n, const struct dsi_field *f, struct ds_error *err)
{
    struct dsi_buf b = DSI_BUF_INIT;
    bool uuid = f->type.kind == DSI_TYPE_UUID;
    int32_t count = uuid ? 3 : 1;
    char id[16];
    size_t size = 0;
    int rc = DS_OK;

    assert(n);
    snprintf(id, sizeof id, "%d", (int)f->id);
    DSI_TRY(dsi_buf_append(&b, &count, sizeof count, err));
    DSI_TRY(put_pair(&b, "PARQUET:field_id", id, err));
    if (uuid) {
        DSI_TRY(put_pair(&b, "ARROW:extension:name", "arrow.uuid", err));
        DSI_TRY(put_pair(&b, "ARROW:extension:metadata", "", err));
    }
    n->metadata = dsi_buf_take(&b, &size);
done:
    dsi_buf_release(&b);
    return rc;
}

// Begins a node with room for its children: they are filled in one by one, and
// n_children counts those that are whole.
static int begin(const struct dsi_type *t, const char *name, bool required,
                 size_t child_count, struct ArrowSchema *out, struct ds_error *err)
{
    struct node *n = dsi_calloc(1, sizeof *n);

    *out = (struct ArrowSchema){0};
    if (!n) {
        return dsi_no_memory(err, "writing an Arrow schema");
    }
    n->name = dsi_strdup(name);
    n->children = child_count ? dsi_calloc(child_count, sizeof *n->children) : NULL;
    n->pointers = child_count ? dsi_calloc(child_count, sizeof *n->pointers) : NULL;
    format_of(t, n->format);
    *out = (struct ArrowSchema){.format = n->format,
                                .name = n->name,
                                .flags = required ? 0 : ARROW_FLAG_NULLABLE,
                                .children = n->pointers,
                                .release = release_schema,
                                .private_data = n};
    if (!n->name || (child_count > 0 && (!n->children || !n->pointers))) {
        release_schema(out);
        return dsi_no_memory(err, "writing an Arrow schema");
    }
    for (size_t i = 0; i < child_count; i++) {
        n->pointers[i] = &n->children[i];
    }
    return DS_OK;
}

static int write_field(const struct dsi_field *f, int depth, struct ArrowSchema *out,
                       struct ds_error *err);

static int write_fields(const struct dsi_type *t, int depth, struct ArrowSchema *out,
                        struct ds_error *err)
{
    struct node *n = out->private_data;
    for (size_t i = 0; i < t->field_count; i++) {
        int rc = write_field(&t->fields[i], depth + 1, &n->children[i], err);
        if (rc < 0) {
            return rc;
        }
        out->n_children++;
    }
    return DS_OK;
}

// A map has one more level in Arrow: the struct of its key and value.
static int write_entries(const struct dsi_type *map, int depth, struct ArrowSchema *out,
                         struct ds_error *err)
{
    struct dsi_type entries = {
        .kind = DSI_TYPE_STRUCT, .fields = map->fields, .field_count = map->field_count};
    struct node *n = out->private_data;
    int rc = begin(&entries, "entries", true, map->field_count, &n->children[0], err);

    if (rc == DS_OK) {
        out->n_children = 1;
        rc = write_fields(&entries, depth + 1, &n->children[0], err);
    }
    return rc;
}

static int write_field(const struct dsi_field *f, int depth, struct ArrowSchema *out,
                       struct ds_error *err)
{
    bool map = f->type.kind == DSI_TYPE_MAP;
    int rc = DS_OK;

    *out = (struct ArrowSchema){0};
    if (depth > DSI_TYPE_DEPTH_MAX) {
        return dsi_fail(err, DS_EINVALID, "types are nested deeper than %d levels",
                        DSI_TYPE_DEPTH_MAX);
    }
    if (f->type.kind == DSI_TYPE_VARIANT) {
        return dsi_fail(err, DS_EUNSUPPORTED, "column %s: variant has no Arrow form here",
                        f->name);
    }
    DSI_TRY(
        begin(&f->type, f->name, f->required, map ? 1 : f->type.field_count, out, err));
    assert(out->private_data);
    DSI_TRY(write_metadata(out->private_data, f, err));
    out->metadata = (const char *)((struct node *)out->private_data)->metadata;
    if (map) {
        DSI_TRY(write_entries(&f->type, depth, out, err));
    } else {
        DSI_TRY(write_fields(&f->type, depth, out, err));
    }
done:
    if (rc < 0 && out->release) {
        out->release(out);
    }
    return rc;
}

int dsi_arrow_schema_write(const struct dsi_schema *schema, struct ArrowSchema *out,
                           struct ds_error *err)
{
    int rc = begin(&schema->root, "", true, schema->root.field_count, out, err);
    if (rc < 0) {
        return rc;
    }
    rc = write_fields(&schema->root, 0, out, err);
    if (rc < 0) {
        out->release(out);
    }
    return rc;
}
