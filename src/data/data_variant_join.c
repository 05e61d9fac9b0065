// Shredded variants put together, row by row.
//
// (1) A plan is made once for each call: which column each part is in. Names are looked
//     up in the metadata once for each run of rows that have the same.
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "codec/variant/variant_build.h"
#include "data/data_variant.h"

// A group of "value" and "typed_value".
struct part {
    struct ds_slice name; // Of the field, in an object.
    uint32_t id;          // Of the name, if `known` …
    bool known;
    uint64_t generation;            // … in these metadata.
    const struct dsi_column *value; // NULL: there is none.
    const struct dsi_column *typed; // Likewise.
    enum dsi_variant_kind kind;     // Of `typed`; OBJECT and ARRAY too.
    struct part *parts;             // OBJECT: its fields; ARRAY: its element.
    size_t part_count;
};

struct joining {
    struct dsi_arena arena;
    struct dsi_variant_names names;
    struct ds_slice metadata; // What `names` is of.
    uint64_t generation;
    struct dsi_buf out;     // Values.
    struct dsi_buf members; // A stack of struct dsi_variant_member.
    struct ds_error *err;
};

static int plan_part(struct joining *j, const struct dsi_parquet_node *group,
                     const struct dsi_column *in, struct part *out);

static int plan_typed(struct joining *j, const struct dsi_parquet_node *n,
                      const struct dsi_column *in, struct part *out)
{
    out->typed = in;
    if (n->field.child_count == 0) { // The type has been made, so there is a kind.
        return dsi_data_variant_kind(&n->field, &out->kind)
                   ? DS_OK
                   : dsi_fail(j->err, DS_EBUG, "a shredded variant of no kind");
    }
    bool list = in->field->type.kind == DSI_TYPE_LIST;
    const struct dsi_parquet_node *f =
        list ? n->first_child->first_child : n->first_child;
    out->kind = list ? DSI_VARIANT_ARRAY : DSI_VARIANT_OBJECT;
    out->part_count = in->child_count;
    out->parts = dsi_arena_array(&j->arena, in->child_count, sizeof *out->parts);
    if (!out->parts) {
        return dsi_no_memory(j->err, "joining a shredded variant");
    }
    for (size_t i = 0; i < in->child_count; i++, f = f->next) {
        int rc = plan_part(j, f, &in->children[i], &out->parts[i]);
        if (rc < 0) {
            return rc;
        }
    }
    return DS_OK;
}

static int plan_part(struct joining *j, const struct dsi_parquet_node *group,
                     const struct dsi_column *in, struct part *out)
{
    const struct dsi_parquet_node *n = group->first_child;

    *out = (struct part){
        .name = {(const uint8_t *)group->field.name, strlen(group->field.name)}};
    for (size_t i = 0; i < in->child_count; i++, n = n->next) {
        if (strcmp(n->field.name, "value") == 0) {
            out->value = &in->children[i];
        } else if (strcmp(n->field.name, "typed_value") == 0) {
            int rc = plan_typed(j, n, &in->children[i], out);
            if (rc < 0) {
                return rc;
            }
        }
    }
    return DS_OK;
}

static bool is_there(const struct dsi_column *c, int64_t row)
{
    return c && !dsi_column_is_null(c, row);
}

static int push(struct joining *j, struct ds_slice name, uint32_t id)
{
    struct dsi_variant_member m = {name, id, j->out.size};
    return dsi_buf_append(&j->members, &m, sizeof m, j->err);
}

static struct dsi_variant_member *members_from(struct joining *j, size_t at)
{
    return (struct dsi_variant_member *)(void *)(j->members.data + at);
}

static int put_primitive(struct joining *j, const struct part *p, int64_t row)
{
    struct dsi_value v;

    dsi_column_value(p->typed, row, &v);
    switch (p->kind) {
    case DSI_VARIANT_BOOLEAN:
        return dsi_variant_put_boolean(&j->out, v.as.boolean, j->err);
    case DSI_VARIANT_FLOAT:
        return dsi_variant_put_float(&j->out, v.as.f32, j->err);
    case DSI_VARIANT_DOUBLE:
        return dsi_variant_put_double(&j->out, v.as.f64, j->err);
    case DSI_VARIANT_DECIMAL4:
    case DSI_VARIANT_DECIMAL8:
    case DSI_VARIANT_DECIMAL16:
        return dsi_variant_put_decimal(&j->out, p->kind, v.as.decimal,
                                       p->typed->field->type.scale, j->err);
    case DSI_VARIANT_BINARY:
    case DSI_VARIANT_STRING:
    case DSI_VARIANT_UUID:
        return dsi_variant_put_bytes(&j->out, p->kind, v.as.bytes, j->err);
    case DSI_VARIANT_INT8:
    case DSI_VARIANT_INT16:
    case DSI_VARIANT_INT32:
    case DSI_VARIANT_DATE:
        return dsi_variant_put_int(&j->out, p->kind, v.as.i32, j->err);
    default:
        return dsi_variant_put_int(&j->out, p->kind, v.as.i64, j->err);
    }
}

// A value as the file has it, after a look all the way down.
static int put_value(struct joining *j, struct ds_slice value)
{
    int rc = dsi_variant_check(&j->names, value, j->err);
    return rc < 0 ? rc : dsi_buf_append(&j->out, value.data, value.size, j->err);
}

static int put_part(struct joining *j, struct part *p, int64_t row, bool *present);

static int put_array(struct joining *j, struct part *p, int64_t row)
{
    const struct dsi_column *list = p->typed;
    const struct dsi_column *element = &list->children[0];
    size_t from = j->out.size;
    size_t first = j->members.size;
    int64_t i = list->offsets[list->offset + row];
    int64_t end = list->offsets[list->offset + row + 1];
    size_t count = (size_t)(end - i);
    int rc = DS_OK;

    for (; i < end; i++) {
        bool present = false;
        DSI_TRY(push(j, (struct ds_slice){0}, 0));
        if (!dsi_column_is_null(element, i)) {
            DSI_TRY(put_part(j, &p->parts[0], element->offset + i, &present));
        }
        if (!present) { // A place that has to be filled.
            DSI_TRY(dsi_variant_put_null(&j->out, j->err));
        }
    }
    DSI_TRY(dsi_variant_array(&j->out, from, members_from(j, first), count, j->err));
    j->members.size = first;
done:
    return rc;
}

// The id of a field's name in the metadata at hand.
static int find_name(struct joining *j, struct part *p)
{
    if (p->generation != j->generation) {
        p->known = dsi_variant_name_find(&j->names, p->name, &p->id);
        p->generation = j->generation;
    }
    return p->known ? DS_OK
                    : dsi_corrupt(j->err, "a variant's metadata lack its field \"%.*s\"",
                                  (int)(p->name.size < 64 ? p->name.size : 64),
                                  (const char *)p->name.data);
}

static bool is_shredded(const struct part *p, struct ds_slice name)
{
    for (size_t i = 0; i < p->part_count; i++) {
        const struct ds_slice *n = &p->parts[i].name;
        if (n->size == name.size &&
            (name.size == 0 || memcmp(n->data, name.data, name.size) == 0)) {
            return true;
        }
    }
    return false;
}

// The fields that were not shredded. One that was, and is here too, is a writer's
// mistake: what was shredded counts.
static int put_rest(struct joining *j, const struct part *p, struct ds_slice value)
{
    struct dsi_variant v;
    int rc = DS_OK;

    DSI_TRY(dsi_variant_check(&j->names, value, j->err));
    DSI_TRY(dsi_variant_parse(value, &v, j->err));
    if (v.kind != DSI_VARIANT_OBJECT) {
        return dsi_corrupt(j->err, "a variant that is %s has shredded fields",
                           dsi_variant_kind_name(v.kind));
    }
    for (size_t i = 0; i < v.count; i++) {
        uint32_t id = dsi_variant_field_id(&v, i);
        struct ds_slice name = dsi_variant_name(&j->names, id);
        struct ds_slice bytes = dsi_variant_element(&v, i);
        struct dsi_variant field;
        if (is_shredded(p, name)) {
            continue;
        }
        DSI_TRY(dsi_variant_parse(bytes, &field, j->err));
        DSI_TRY(push(j, name, id));
        DSI_TRY(dsi_buf_append(&j->out, bytes.data, field.size, j->err));
    }
done:
    return rc;
}

// A field that was shredded, if the object at this row has it.
static int put_field(struct joining *j, struct part *p, const struct dsi_column *field,
                     int64_t row)
{
    size_t at = j->members.size;
    bool present = false;
    int rc = DS_OK;

    if (dsi_column_is_null(field, row)) {
        return DS_OK;
    }
    DSI_TRY(push(j, p->name, 0));
    DSI_TRY(put_part(j, p, field->offset + row, &present));
    if (present) {
        DSI_TRY(find_name(j, p));
        members_from(j, at)->id = p->id;
    } else {
        j->members.size = at;
    }
done:
    return rc;
}

static int put_object(struct joining *j, struct part *p, int64_t row)
{
    const struct dsi_column *object = p->typed;
    size_t from = j->out.size;
    size_t first = j->members.size;
    size_t count = 0;
    int rc = DS_OK;

    for (size_t i = 0; i < p->part_count; i++) {
        DSI_TRY(put_field(j, &p->parts[i], &object->children[i], object->offset + row));
    }
    if (is_there(p->value, row)) {
        DSI_TRY(put_rest(j, p, dsi_column_bytes(p->value, row)));
    }
    count = (j->members.size - first) / sizeof(struct dsi_variant_member);
    DSI_TRY(dsi_variant_object(&j->out, from, members_from(j, first), count, j->err));
    j->members.size = first;
done:
    return rc;
}

// Appends the value of a group at a row of its columns; a missing one is not `*present`.
static int put_part(struct joining *j, struct part *p, int64_t row, bool *present)
{
    bool typed = is_there(p->typed, row);
    bool value = is_there(p->value, row);

    *present = typed || value;
    if (!*present) {
        return DS_OK;
    }
    if (!typed) {
        return put_value(j, dsi_column_bytes(p->value, row));
    }
    if (p->kind == DSI_VARIANT_OBJECT) {
        return put_object(j, p, row);
    }
    if (value) {
        return dsi_corrupt(j->err, "a variant has both a value and a typed value");
    }
    return p->kind == DSI_VARIANT_ARRAY ? put_array(j, p, row) : put_primitive(j, p, row);
}

static int use_metadata(struct joining *j, struct ds_slice metadata)
{
    bool same = j->generation > 0 && metadata.size == j->metadata.size &&
                memcmp(metadata.data, j->metadata.data, metadata.size) == 0;
    if (same) {
        return DS_OK;
    }
    j->metadata = metadata;
    j->generation++;
    return dsi_variant_names_parse(metadata, &j->names, NULL, j->err);
}

// The places of a VARIANT's two children, being filled.
struct filling {
    int32_t *metadata_ends; // Offsets, rows + 1.
    int32_t *value_ends;
    struct dsi_buf metadata;
};

static int join_row(struct joining *j, struct part *top, const struct dsi_column *in,
                    const struct dsi_column *metadata, int64_t row, struct filling *f)
{
    int64_t at = in->offset + row;
    bool present = false;
    int rc = DS_OK;

    if (!dsi_column_is_null(in, row)) {
        struct ds_slice names = dsi_column_bytes(metadata, at);
        DSI_TRY(use_metadata(j, names));
        DSI_TRY(dsi_buf_append(&f->metadata, names.data, names.size, j->err));
        DSI_TRY(put_part(j, top, at, &present));
        if (!present) {
            DSI_TRY(dsi_variant_put_null(&j->out, j->err));
        }
    }
    f->metadata_ends[row + 1] = (int32_t)f->metadata.size;
    f->value_ends[row + 1] = (int32_t)j->out.size;
done:
    return rc;
}

static void fill_child(struct dsi_column *c, const int32_t *offsets, const void *bytes,
                       int64_t rows)
{
    c->length = rows;
    c->offsets = offsets;
    c->values = bytes;
}

static int finish(const struct dsi_column *in, struct joining *j, struct filling *f,
                  struct dsi_batch *b, struct dsi_column *out)
{
    size_t size = 0;
    uint8_t *names = dsi_buf_take(&f->metadata, &size);
    uint8_t *values = dsi_buf_take(&j->out, &size);
    int rc = dsi_batch_own(b, names, j->err);

    if (rc < 0) {
        dsi_free(values);
        return rc;
    }
    DSI_TRY(dsi_batch_own(b, values, j->err));
    out->length = in->length;
    out->null_count = in->null_count;
    if (in->validity) {
        uint8_t *bits = dsi_batch_malloc(b, dsi_bits_size(in->length));
        if (!bits) {
            return dsi_no_memory(j->err, "joining a shredded variant");
        }
        dsi_bits_copy(bits, in->validity, in->offset, in->length);
        out->validity = bits;
    }
    fill_child(&out->children[0], f->metadata_ends, names, in->length);
    fill_child(&out->children[1], f->value_ends, values, in->length);
done:
    return rc;
}

static const struct dsi_column *metadata_of(const struct dsi_column *in)
{
    size_t i = 0;
    while (strcmp(in->children[i].field->name, "metadata") != 0) {
        i++; // The type has one: dsi_data_variant_type saw to it.
    }
    return &in->children[i];
}

static int join_all(struct joining *j, const struct dsi_parquet_node *group,
                    const struct dsi_column *in, int64_t row_base, struct dsi_batch *b,
                    struct dsi_column *out)
{
    size_t ends = ((size_t)in->length + 1) * sizeof(int32_t);
    struct filling f = {.metadata_ends = dsi_batch_calloc(b, ends),
                        .value_ends = dsi_batch_calloc(b, ends),
                        .metadata = DSI_BUF_INIT_MAX(DSI_COLUMN_BYTES_MAX)};
    struct part top;
    int rc = DS_OK;

    if (!f.metadata_ends || !f.value_ends) {
        rc = dsi_no_memory(j->err, "joining a shredded variant");
        goto done;
    }
    DSI_TRY(plan_part(j, group, in, &top));
    for (int64_t row = 0; row < in->length; row++) {
        rc = join_row(j, &top, in, metadata_of(in), row, &f);
        if (rc < 0) {
            char path[256];
            dsi_parquet_path(group, path, sizeof path);
            rc = dsi_wrap(j->err, rc, "column %s, row %lld", path,
                          (long long)row_base + row);
            goto done;
        }
    }
    rc = finish(in, j, &f, b, out);
done:
    dsi_buf_release(&f.metadata);
    return rc;
}

int dsi_data_variant_join(const struct dsi_parquet_node *group,
                          const struct dsi_column *in, int64_t row_base,
                          struct dsi_batch *b, struct dsi_column *out,
                          struct ds_error *err)
{
    struct joining j = {.out = DSI_BUF_INIT_MAX(DSI_COLUMN_BYTES_MAX), .err = err};
    int rc = join_all(&j, group, in, row_base, b, out);

    dsi_buf_release(&j.out);
    dsi_buf_release(&j.members);
    dsi_arena_release(&j.arena);
    return rc;
}
