// Iceberg schemas to Arrow's.
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/text.h"
#include "data/arrow_format.h"
#include "data/arrow_geo.h"
#include "data/arrow_io.h"
#include "data/column_layout.h"

enum { FORMAT_SIZE = 48 };

// What one ArrowSchema of ours owns.
struct node {
    char format[FORMAT_SIZE];
    char *name;
    uint8_t *metadata;
    struct ArrowSchema *children;
    struct ArrowSchema **pointers;
    struct ArrowSchema dictionary; // If there is one.
};

static void release_schema(struct ArrowSchema *s)
{
    struct node *n = s->private_data;

    for (int64_t i = 0; i < s->n_children; i++) {
        if (s->children[i]->release) { // It may have been moved away.
            s->children[i]->release(s->children[i]);
        }
    }
    if (n->dictionary.release) {
        n->dictionary.release(&n->dictionary);
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
        [DSI_TYPE_VARIANT] = "+s",
    };
    if (t->kind == DSI_TYPE_DECIMAL) {
        snprintf(out, FORMAT_SIZE, "d:%d,%d", (int)t->precision, (int)t->scale);
    } else if (t->kind == DSI_TYPE_FIXED) {
        snprintf(out, FORMAT_SIZE, "w:%d", (int)t->length);
    } else {
        snprintf(out, FORMAT_SIZE, "%s", simple[t->kind]);
    }
}

static int put_pair(struct dsi_buf *b, const char *key, struct ds_slice value,
                    struct ds_error *err)
{
    int32_t key_size = (int32_t)strlen(key);
    int32_t value_size = (int32_t)value.size;
    int rc = DS_OK;

    DSI_TRY(dsi_buf_append(b, &key_size, sizeof key_size, err));
    DSI_TRY(dsi_buf_append_text(b, key, err));
    DSI_TRY(dsi_buf_append(b, &value_size, sizeof value_size, err));
    DSI_TRY(dsi_buf_append(b, value.data, value.size, err));
done:
    return rc;
}

// The extension type that says what a column is, or NULL.
static const char *extension_of(const struct dsi_type *t)
{
    switch (t->kind) {
    case DSI_TYPE_UUID:
        return "arrow.uuid";
    case DSI_TYPE_VARIANT:
        return DSI_ARROW_VARIANT_NAME;
    case DSI_TYPE_GEOMETRY:
    case DSI_TYPE_GEOGRAPHY:
        return DSI_ARROW_GEO_NAME;
    default:
        return NULL;
    }
}

static int write_metadata(struct node *n, const struct dsi_field *f, struct ds_error *err)
{
    struct dsi_buf b = DSI_BUF_INIT;
    struct dsi_buf geo = DSI_BUF_INIT;
    const char *extension = extension_of(&f->type);
    int32_t count = (f->id > 0) + (extension ? 2 : 0);
    char id[16];
    size_t size = 0;
    int rc = DS_OK;

    assert(n);
    if (count == 0) { // A variant's children.
        return DS_OK;
    }
    snprintf(id, sizeof id, "%d", (int)f->id);
    DSI_TRY(dsi_buf_append(&b, &count, sizeof count, err));
    if (f->id > 0) {
        DSI_TRY(put_pair(&b, "PARQUET:field_id", dsi_slice_text(id), err));
    }
    if (extension) {
        if (f->type.kind == DSI_TYPE_GEOMETRY || f->type.kind == DSI_TYPE_GEOGRAPHY) {
            DSI_TRY(dsi_arrow_geo_write(&f->type, &geo, err));
        }
        DSI_TRY(put_pair(&b, "ARROW:extension:name", dsi_slice_text(extension), err));
        DSI_TRY(put_pair(&b, "ARROW:extension:metadata", dsi_buf_slice(&geo), err));
    }
    n->metadata = dsi_buf_take(&b, &size);
done:
    dsi_buf_release(&b);
    dsi_buf_release(&geo);
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

static int write_field(const struct dsi_field *f, const struct dsi_arrow_form *form,
                       int depth, struct ArrowSchema *out, struct ds_error *err);

static int write_fields(const struct dsi_type *t, const struct dsi_arrow_form *form,
                        int depth, struct ArrowSchema *out, struct ds_error *err)
{
    struct node *n = out->private_data;
    size_t count = 0;
    const struct dsi_field *fields = dsi_layout_children(t, &count);

    for (size_t i = 0; i < count; i++) {
        int rc = write_field(&fields[i], form, depth + 1, &n->children[i], err);
        if (rc < 0) {
            return rc;
        }
        out->n_children++;
    }
    return DS_OK;
}

// A map has one more level in Arrow: the struct of its key and value.
static int write_entries(const struct dsi_type *map, const struct dsi_arrow_form *form,
                         int depth, struct ArrowSchema *out, struct ds_error *err)
{
    struct dsi_type entries = {
        .kind = DSI_TYPE_STRUCT, .fields = map->fields, .field_count = map->field_count};
    struct node *n = out->private_data;
    int rc = begin(&entries, "entries", true, map->field_count, &n->children[0], err);

    if (rc == DS_OK) {
        out->n_children = 1;
        rc = write_fields(&entries, form, depth + 1, &n->children[0], err);
    }
    return rc;
}

// The field's node has become that of indices into a dictionary of its values.
static int write_dictionary(const struct dsi_field *f, struct ArrowSchema *out,
                            struct ds_error *err)
{
    struct node *n = out->private_data;
    int rc = begin(&f->type, "", false, 0, &n->dictionary, err);

    snprintf(n->format, sizeof n->format, "i");
    out->dictionary = rc < 0 ? NULL : &n->dictionary;
    return rc;
}

static int write_field(const struct dsi_field *f, const struct dsi_arrow_form *form,
                       int depth, struct ArrowSchema *out, struct ds_error *err)
{
    enum dsi_arrow_form_kind leaves_as = dsi_arrow_form_of(form, f);
    bool map = f->type.kind == DSI_TYPE_MAP;
    size_t count = 0;
    int rc = DS_OK;

    *out = (struct ArrowSchema){0};
    if (depth > DSI_TYPE_DEPTH_MAX) {
        return dsi_fail(err, DS_EINVALID, "types are nested deeper than %d levels",
                        DSI_TYPE_DEPTH_MAX);
    }
    dsi_layout_children(&f->type, &count);
    DSI_TRY(begin(&f->type, f->name, f->required, map ? 1 : count, out, err));
    assert(out->private_data);
    DSI_TRY(write_metadata(out->private_data, f, err));
    out->metadata = (const char *)((struct node *)out->private_data)->metadata;
    if (map) {
        DSI_TRY(write_entries(&f->type, form, depth, out, err));
    } else {
        DSI_TRY(write_fields(&f->type, form, depth, out, err));
    }
    if (leaves_as == DSI_FORM_DICTIONARY) {
        DSI_TRY(write_dictionary(f, out, err));
    } else if (leaves_as == DSI_FORM_VIEW) {
        snprintf(((struct node *)out->private_data)->format, FORMAT_SIZE, "%s",
                 f->type.kind == DSI_TYPE_STRING ? "vu" : "vz");
    }
done:
    if (rc < 0 && out->release) {
        release_schema(out);
    }
    return rc;
}

int dsi_arrow_schema_write_as(const struct dsi_schema *schema,
                              const struct dsi_arrow_form *form, struct ArrowSchema *out,
                              struct ds_error *err)
{
    int rc = begin(&schema->root, "", true, schema->root.field_count, out, err);
    if (rc < 0) {
        return rc;
    }
    rc = write_fields(&schema->root, form, 0, out, err);
    if (rc < 0) {
        release_schema(out);
    }
    return rc;
}

int dsi_arrow_schema_write(const struct dsi_schema *schema, struct ArrowSchema *out,
                           struct ds_error *err)
{
    return dsi_arrow_schema_write_as(schema, NULL, out, err);
}
