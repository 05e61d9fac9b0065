#include "data/data_adopt.h"

#include <string.h>

#include "base/error.h"
#include "data/data_fields.h"
#include "data/data_known.h"
#include "data/data_schema.h"

// A file on its way into a table.
struct adoption {
    const struct dsi_data_adopt_options *options;
    const struct dsi_metadata *metadata;
    const struct dsi_schema *schema;
    const struct dsi_partition_spec *spec;
    const struct dsi_parquet_file *file;
    struct dsi_arena *arena;
    struct dsi_data_file *out;
    struct dsi_value *partition;
    const struct dsi_data_origin *origins;
    struct dsi_known_column *known;
    size_t known_count;
    bool by_name;
    struct ds_error *err;
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "describing a data file");
}

// --- columns

// Whether some schema of the table has, or had, a field of this id.
static bool was_field(const struct adoption *a, int32_t id)
{
    for (size_t i = 0; i < a->metadata->schema_count; i++) {
        if (dsi_schema_field(&a->metadata->schemas[i], id)) {
            return true;
        }
    }
    return false;
}

static bool is_read(const struct dsi_data_origin *origins, size_t count,
                    const struct dsi_parquet_node *n)
{
    for (size_t i = 0; i < count; i++) {
        if (origins[i].node == n) {
            return true;
        }
    }
    return false;
}

// A column of the file that nobody reads: fine when the table once had it.
static int check_unread(const struct adoption *a, const struct dsi_parquet_node *n)
{
    char path[256];

    dsi_parquet_path(n, path, sizeof path);
    if (a->by_name) {
        return dsi_fail(a->err, DS_EINVALID,
                        "column %s of the file is not in the table (or there is a second "
                        "one of this name)",
                        path);
    }
    if (!n->field.has_field_id) {
        return dsi_fail(a->err, DS_EINVALID,
                        "column %s of the file has no field id, and others have", path);
    }
    return was_field(a, n->field.field_id)
               ? DS_OK
               : dsi_fail(a->err, DS_EINVALID,
                          "column %s of the file has the field id %d, which the table "
                          "never gave",
                          path, (int)n->field.field_id);
}

static int check_group(const struct adoption *a, const struct dsi_parquet_node *group,
                       const struct dsi_data_origin *origins, size_t count);

// Nothing of the file that lies below what is read may be unknown.
static int check_below(const struct adoption *a, const struct dsi_data_origin *o)
{
    int rc = DS_OK;

    if (!o->node || o->field->type.kind == DSI_TYPE_VARIANT) {
        return DS_OK;
    }
    if (o->kind == DSI_ORIGIN_STRUCT) {
        return check_group(a, o->node, o->children, o->child_count);
    }
    for (size_t i = 0; i < o->child_count; i++) { // The entries of a list or map.
        DSI_TRY(check_below(a, &o->children[i]));
    }
done:
    return rc;
}

static int check_group(const struct adoption *a, const struct dsi_parquet_node *group,
                       const struct dsi_data_origin *origins, size_t count)
{
    int rc = DS_OK;

    for (const struct dsi_parquet_node *n = group->first_child; n; n = n->next) {
        if (!is_read(origins, count, n)) {
            DSI_TRY(check_unread(a, n));
        }
    }
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(check_below(a, &origins[i]));
    }
done:
    return rc;
}

// Whether the field of this id was ever called so.
static bool was_called(const struct adoption *a, int32_t id, const char *name)
{
    for (size_t i = 0; i < a->metadata->schema_count; i++) {
        const struct dsi_field *f = dsi_schema_field(&a->metadata->schemas[i], id);
        if (f && strcmp(f->name, name) == 0) {
            return true;
        }
    }
    return false;
}

// Ids of another table may be ids of this one by chance; then names give it away.
static int check_ids(const struct adoption *a)
{
    for (size_t i = 0; i < a->schema->root.field_count; i++) {
        const struct dsi_field *f = &a->schema->root.fields[i];
        const struct dsi_parquet_node *n = a->origins[i].node;
        const struct dsi_field *same =
            n ? dsi_schema_field_by_name(a->schema, n->field.name) : NULL;
        if (n && same && same != f && !was_called(a, f->id, n->field.name)) {
            return dsi_fail(a->err, DS_EINVALID,
                            "column %s of the file has the field id %d, which is %s in "
                            "the table; it was written for another table",
                            n->field.name, (int)f->id, f->name);
        }
    }
    return DS_OK;
}

// --- nulls

// Whether some leaf at or below a node has no null in the whole file: then neither has
// the node.
static bool is_full(const struct dsi_parquet_file *file, const struct dsi_parquet_node *n)
{
    bool full = n->first_child == NULL;

    for (size_t i = 0; full && i < file->row_group_count; i++) {
        full = file->row_groups[i].columns[n->leaf].statistics.null_count == 0;
    }
    for (const struct dsi_parquet_node *c = n->first_child; c && !full; c = c->next) {
        full = is_full(file, c); // As deep as a checked footer.
    }
    return full;
}

static int check_nulls(const struct adoption *a, const struct dsi_data_origin *origins,
                       size_t count)
{
    int rc = DS_OK;

    for (size_t i = 0; i < count; i++) {
        const struct dsi_data_origin *o = &origins[i];
        if (!o->node || o->field->type.kind == DSI_TYPE_VARIANT) {
            continue;
        }
        if (o->field->required && o->shape.is_optional && a->file->row_count > 0 &&
            !is_full(a->file, o->node)) {
            char path[256];
            dsi_parquet_path(o->node, path, sizeof path);
            return dsi_fail(a->err, DS_EINVALID,
                            "column %s is required in the table, and the file has nulls "
                            "in it or does not say that it has none",
                            path);
        }
        DSI_TRY(check_nulls(a, o->children, o->child_count));
    }
done:
    return rc;
}

// --- the partition

static int field_result(const struct adoption *a, const struct dsi_partition_field *f,
                        const struct dsi_field **source, struct dsi_type *result)
{
    *source = dsi_schema_field(a->schema, f->source_id);
    if (f->transform.kind == DSI_TRANSFORM_UNKNOWN) {
        return dsi_fail(a->err, DS_EUNSUPPORTED,
                        "partition field %s has the transform %s, which this build "
                        "cannot write",
                        f->name, f->transform.text);
    }
    if (!*source) {
        return f->transform.kind == DSI_TRANSFORM_VOID
                   ? DS_OK
                   : dsi_fail(a->err, DS_EINVALID,
                              "partition field %s comes from column id %d, which is not "
                              "in the table's schema",
                              f->name, (int)f->source_id);
    }
    return dsi_transform_result(&f->transform, &(*source)->type, result, a->err);
}

static const struct ds_property *given(const struct adoption *a, const char *name)
{
    for (size_t i = 0; i < a->options->partition.count; i++) {
        if (strcmp(a->options->partition.items[i].key, name) == 0) {
            return &a->options->partition.items[i];
        }
    }
    return NULL;
}

// The values that the caller gives: all of them, or none.
static int take_given(const struct adoption *a)
{
    const struct ds_properties *p = &a->options->partition;
    int rc = DS_OK;

    for (size_t i = 0; i < a->spec->field_count; i++) {
        const struct dsi_partition_field *f = &a->spec->fields[i];
        const struct ds_property *item = given(a, f->name);
        const struct dsi_field *source = NULL;
        struct dsi_type result = {0};
        if (!item) {
            return dsi_fail(a->err, DS_EINVALID,
                            "a value for the partition field %s is missing", f->name);
        }
        DSI_TRY(field_result(a, f, &source, &result));
        a->partition[i] = DSI_VALUE_NULL;
        if (item->value && source && f->transform.kind != DSI_TRANSFORM_VOID) {
            DSI_TRY(dsi_transform_value_parse(&f->transform, &source->type, item->value,
                                              a->arena, &a->partition[i], a->err));
        }
    }
    for (size_t i = 0; i < p->count; i++) {
        bool found = false;
        for (size_t k = 0; k < a->spec->field_count && !found; k++) {
            found = strcmp(a->spec->fields[k].name, p->items[i].key) == 0;
        }
        if (!found) {
            return dsi_fail(a->err, DS_EINVALID, "the table has no partition field %s",
                            p->items[i].key);
        }
    }
done:
    return rc;
}

// What the statistics say of a partition field: nothing, that all rows have one value, or
// that they have several.
enum say { SAYS_NOTHING, SAYS_ONE, SAYS_SEVERAL };

static const struct dsi_data_origin *origin_of(const struct adoption *a, int32_t id)
{
    for (size_t i = 0; i < a->schema->root.field_count; i++) {
        if (a->origins[i].field->id == id) {
            return &a->origins[i];
        }
    }
    return NULL;
}

static int transform(const struct adoption *a, const struct dsi_partition_field *f,
                     const struct dsi_field *source, const struct dsi_value *v,
                     struct dsi_value *out)
{
    return dsi_transform_apply(&f->transform, &source->type, v, out, a->err);
}

// By the bounds of a source column that has values.
static int say_of_bounds(const struct adoption *a, const struct dsi_partition_field *f,
                         const struct dsi_known_column *k, enum say *say,
                         struct dsi_value *out)
{
    bool floating =
        k->field->type.kind == DSI_TYPE_FLOAT || k->field->type.kind == DSI_TYPE_DOUBLE;
    struct dsi_value high;
    int rc = DS_OK;

    if (!k->bounded) {
        return DS_OK;
    }
    DSI_TRY(transform(a, f, k->field, &k->low, out));
    DSI_TRY(transform(a, f, k->field, &k->high, &high));
    // A bucket of two values says nothing of those between them. What was cut on the way
    // into the file is no value, but then the two differ.
    if (!dsi_value_equal(out, &high)) {
        *say = f->transform.kind == DSI_TRANSFORM_BUCKET ? SAYS_NOTHING : SAYS_SEVERAL;
    } else if (f->transform.kind != DSI_TRANSFORM_BUCKET ||
               dsi_value_equal(&k->low, &k->high)) {
        *say = k->null_count == 0  ? SAYS_ONE
               : k->null_count > 0 ? SAYS_SEVERAL
                                   : SAYS_NOTHING;
    }
    if (*say == SAYS_ONE && floating) {
        *say = SAYS_NOTHING; // There may be NaN, which bounds leave out.
    }
done:
    return rc;
}

static int say_of_field(const struct adoption *a, const struct dsi_partition_field *f,
                        enum say *say, struct dsi_value *out)
{
    const struct dsi_field *source = NULL;
    const struct dsi_known_column *k =
        dsi_data_known_find(a->known, a->known_count, f->source_id);
    const struct dsi_data_origin *o = origin_of(a, f->source_id);
    struct dsi_type result;
    int rc = DS_OK;

    *say = SAYS_NOTHING;
    *out = DSI_VALUE_NULL;
    DSI_TRY(field_result(a, f, &source, &result));
    if (f->transform.kind == DSI_TRANSFORM_VOID) {
        *say = SAYS_ONE;
    } else if (o && o->kind == DSI_ORIGIN_CONSTANT) {
        *say = SAYS_ONE;
        DSI_TRY(transform(a, f, source, &o->constant, out));
    } else if (k && !k->in_list && k->null_count == k->value_count &&
               k->value_count > 0) {
        *say = SAYS_ONE;
    } else if (k && !k->in_list && k->value_count > 0) {
        DSI_TRY(say_of_bounds(a, f, k, say, out));
    }
done:
    return rc;
}

static int refuse_partition(const struct adoption *a, const struct dsi_partition_field *f,
                            enum say say)
{
    const char *source = dsi_schema_full_name(a->schema, f->source_id, a->arena);
    bool is_given = a->options->partition.count > 0;

    source = source ? source : "?";
    if (is_given) {
        return dsi_fail(a->err, DS_EINVALID,
                        "column %s: the statistics of the file say that its rows are not "
                        "of the given partition (field %s, %s)",
                        source, f->name, f->transform.text);
    }
    return say == SAYS_SEVERAL
               ? dsi_fail(a->err, DS_EINVALID,
                          "column %s: the rows are of more than one partition (field %s, "
                          "%s), and a data file is of one",
                          source, f->name, f->transform.text)
               : dsi_fail(a->err, DS_EINVALID,
                          "column %s: the statistics of the file do not tell which "
                          "partition its rows are of (field %s, %s); give it",
                          source, f->name, f->transform.text);
}

static int find_partition(const struct adoption *a)
{
    bool is_given = a->options->partition.count > 0;
    int rc = DS_OK;

    for (size_t i = 0; i < a->spec->field_count; i++) {
        const struct dsi_partition_field *f = &a->spec->fields[i];
        enum say say = SAYS_NOTHING;
        struct dsi_value v;
        DSI_TRY(say_of_field(a, f, &say, &v));
        bool fits = is_given
                        ? say == SAYS_NOTHING ||
                              (say == SAYS_ONE && dsi_value_equal(&v, &a->partition[i]))
                        : say == SAYS_ONE;
        if (!fits) {
            return refuse_partition(a, f, say);
        }
        if (!is_given) {
            DSI_TRY(dsi_value_copy(&v, a->arena, &a->partition[i], a->err));
        }
    }
done:
    return rc;
}

// --- all of it

static int match_columns(struct adoption *a)
{
    struct dsi_data_reader_options options = {.storage = a->options->storage,
                                              .file = a->out,
                                              .metadata = a->metadata,
                                              .schema = a->schema};
    struct dsi_data_origin *origins = NULL;
    int rc = dsi_data_origins(&options, a->file, a->arena, &origins, a->err);

    // What a scan would call broken does not fit: nothing is wrong with the file.
    DSI_TRY(rc == DS_ECORRUPT ? DS_EINVALID : rc);
    a->origins = origins;
    DSI_TRY(check_group(a, a->file->root, origins, a->schema->root.field_count));
    if (!a->by_name) {
        DSI_TRY(check_ids(a));
    }
    DSI_TRY(check_nulls(a, origins, a->schema->root.field_count));
done:
    return rc;
}

static int describe(struct adoption *a, uint64_t size)
{
    const struct dsi_parquet_file *file = a->file;
    int64_t *splits =
        dsi_arena_array(a->arena, file->row_group_count + 1, sizeof *splits);
    const struct dsi_column_metrics *columns = NULL;
    struct dsi_column_metrics *metrics = NULL;
    int rc = DS_OK;

    if (!splits) {
        return no_memory(a->err);
    }
    for (size_t i = 0; i < file->row_group_count; i++) {
        splits[i] = file->row_groups[i].offset;
    }
    DSI_TRY(dsi_data_known(file, a->origins, a->schema->root.field_count, a->arena,
                           &a->known, &a->known_count, a->err));
    DSI_TRY(dsi_data_known_metrics(a->metadata, a->known, a->known_count, a->arena,
                                   &metrics, a->err));
    columns = metrics;
    a->out->record_count = file->row_count;
    a->out->file_size = (int64_t)size;
    a->out->columns = columns;
    a->out->column_count = a->known_count;
    a->out->split_offsets = splits;
    a->out->split_offset_count = file->row_group_count;
done:
    return rc;
}

static int adopt(struct adoption *a, uint64_t size)
{
    int rc = DS_OK;

    a->partition =
        dsi_arena_array(a->arena, a->spec->field_count + 1, sizeof *a->partition);
    if (!a->partition) {
        return no_memory(a->err);
    }
    *a->out = (struct dsi_data_file){.content = DSI_CONTENT_DATA,
                                     .path = a->options->location,
                                     .format = DSI_FORMAT_PARQUET,
                                     .spec_id = a->spec->spec_id,
                                     .partition = a->partition,
                                     .sort_order_id = -1,
                                     .first_row_id = -1,
                                     .content_offset = -1,
                                     .content_size = -1};
    a->by_name = !dsi_data_has_ids(a->file->root);
    if (a->options->partition.count > 0) {
        DSI_TRY(take_given(a));
        a->out->partition_count = a->spec->field_count; // What columns may come from.
    }
    DSI_TRY(match_columns(a));
    DSI_TRY(describe(a, size));
    DSI_TRY(find_partition(a));
    a->out->partition_count = a->spec->field_count;
done:
    return rc;
}

int dsi_data_adopt(const struct dsi_data_adopt_options *options, struct dsi_arena *arena,
                   struct dsi_data_file *out, bool *by_name, struct ds_error *err)
{
    struct dsi_parquet_file parquet = {0};
    struct ds_file *file = NULL;
    struct adoption a = {.options = options,
                         .metadata = options->metadata,
                         .schema = dsi_metadata_current_schema(options->metadata),
                         .spec = dsi_metadata_default_spec(options->metadata),
                         .file = &parquet,
                         .arena = arena,
                         .out = out,
                         .err = err};
    int rc = DS_OK;

    DSI_TRY(dsi_file_open(options->storage, options->location, &file, err));
    DSI_TRY(dsi_data_footer_read(file, &parquet, err));
    DSI_TRY(adopt(&a, dsi_file_size(file)));
    *by_name = a.by_name;
done:
    dsi_parquet_file_release(&parquet);
    dsi_file_close(file);
    return rc < 0 ? dsi_wrap_file(err, rc, "file", options->location) : rc;
}
