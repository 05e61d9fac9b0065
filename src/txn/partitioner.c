#include "txn/partitioner.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "partitioning rows");
}

static int find_column(struct dsi_partitioner *p, size_t field, struct ds_error *err)
{
    const struct dsi_partition_field *f = &p->spec->fields[field];
    struct dsi_type result;

    if (f->transform.kind == DSI_TRANSFORM_UNKNOWN) {
        return dsi_fail(
            err, DS_EUNSUPPORTED,
            "partition field %s has the transform %s, which this build cannot "
            "write",
            f->name, f->transform.text);
    }
    for (size_t i = 0; i < p->schema->root.field_count; i++) {
        if (p->schema->root.fields[i].id == f->source_id) {
            p->columns[field] = i;
            return dsi_transform_result(&f->transform, &p->schema->root.fields[i].type,
                                        &result, err);
        }
    }
    if (f->transform.kind == DSI_TRANSFORM_VOID) {
        p->columns[field] = SIZE_MAX; // Always null, whatever became of its source.
        return DS_OK;
    }
    return dsi_schema_field(p->schema, f->source_id)
               ? dsi_fail(err, DS_EUNSUPPORTED,
                          "partition field %s comes from inside a nested column, which "
                          "this build cannot write",
                          f->name)
               : dsi_fail(err, DS_EINVALID,
                          "partition field %s comes from column id %d, which is not in "
                          "the table's schema",
                          f->name, (int)f->source_id);
}

int dsi_partitioner_init(struct dsi_partitioner *p, const struct dsi_schema *schema,
                         const struct dsi_partition_spec *spec, struct ds_error *err)
{
    size_t n = spec->field_count;
    int rc = DS_OK;

    *p = (struct dsi_partitioner){.schema = schema, .spec = spec};
    p->columns = dsi_arena_array(&p->arena, n + 1, sizeof *p->columns);
    p->tuple = dsi_arena_array(&p->arena, n + 1, sizeof *p->tuple);
    if (!p->columns || !p->tuple) {
        rc = no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        DSI_TRY(find_column(p, i, err));
    }
done:
    if (rc < 0) {
        dsi_partitioner_release(p);
    }
    return rc;
}

void dsi_partitioner_release(struct dsi_partitioner *p)
{
    for (size_t i = 0; i < p->count; i++) {
        dsi_free(p->partitions[i]->rows);
    }
    dsi_free(p->partitions);
    dsi_map_release(&p->map);
    dsi_buf_release(&p->key);
    dsi_arena_release(&p->arena);
    *p = (struct dsi_partitioner){0};
}

// The partition values of one row, and the bytes that stand for them: nulls are marked
// apart, and each value has its length before it.
static int row_tuple(struct dsi_partitioner *p, const struct dsi_batch *b, int64_t row,
                     struct ds_error *err)
{
    uint32_t size = 0;
    size_t at = 0;
    int rc = DS_OK;

    p->key.size = 0;
    DSI_TRY(dsi_buf_append_byte(&p->key, 0, err)); // Never empty, also without fields.
    for (size_t i = 0; i < p->spec->field_count; i++) {
        const struct dsi_transform *t = &p->spec->fields[i].transform;
        struct dsi_value v = DSI_VALUE_NULL;
        p->tuple[i] = DSI_VALUE_NULL;
        if (p->columns[i] != SIZE_MAX && t->kind != DSI_TRANSFORM_VOID) {
            const struct dsi_type *type = &p->schema->root.fields[p->columns[i]].type;
            dsi_column_value(&b->columns[p->columns[i]], row, &v);
            DSI_TRY(dsi_transform_apply(t, type, &v, &p->tuple[i], err));
        }
        size = UINT32_MAX; // A null.
        at = p->key.size;
        DSI_TRY(dsi_buf_append(&p->key, &size, sizeof size, err));
        if (!p->tuple[i].null) {
            DSI_TRY(dsi_value_to_bytes(&p->tuple[i], &p->key, err));
            size = (uint32_t)(p->key.size - at - sizeof size);
            memcpy(p->key.data + at, &size, sizeof size);
        }
    }
done:
    return rc;
}

static int add_partition(struct dsi_partitioner *p, struct dsi_partition **out,
                         struct ds_error *err)
{
    size_t n = p->spec->field_count;
    struct dsi_partition *part = dsi_arena_alloc(&p->arena, sizeof *part);
    struct dsi_value *values = dsi_arena_array(&p->arena, n + 1, sizeof *values);
    struct dsi_buf path = DSI_BUF_INIT;
    int rc = DS_OK;

    if (!part || !values) {
        rc = no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        DSI_TRY(dsi_value_copy(&p->tuple[i], &p->arena, &values[i], err));
    }
    DSI_TRY(dsi_partition_path(p->spec, p->schema, values, &path, err));
    part->values = values;
    part->path = path.size > 0
                     ? dsi_arena_strndup(&p->arena, (const char *)path.data, path.size)
                     : "";
    if (!part->path) {
        rc = no_memory(err);
        goto done;
    }
    if (p->count == p->capacity) {
        size_t capacity = p->capacity ? p->capacity * 2 : 16;
        struct dsi_partition **all = dsi_realloc(p->partitions, capacity * sizeof *all);
        if (!all) {
            rc = no_memory(err);
            goto done;
        }
        p->partitions = all;
        p->capacity = capacity;
    }
    DSI_TRY(dsi_map_put(&p->map, dsi_buf_slice(&p->key), part, err));
    p->partitions[p->count++] = part;
    *out = part;
done:
    dsi_buf_release(&path);
    return rc;
}

static int add_row(struct dsi_partition *part, int64_t row, int64_t batch_rows,
                   struct ds_error *err)
{
    if (part->row_count == part->row_capacity) {
        size_t capacity = part->row_capacity ? part->row_capacity * 2 : 16;
        capacity = capacity < (size_t)batch_rows ? capacity : (size_t)batch_rows;
        int64_t *rows = dsi_realloc(part->rows, capacity * sizeof *rows);
        if (!rows) {
            return no_memory(err);
        }
        part->rows = rows;
        part->row_capacity = capacity;
    }
    part->rows[part->row_count++] = row;
    return DS_OK;
}

int dsi_partitioner_split(struct dsi_partitioner *p, const struct dsi_batch *b,
                          struct ds_error *err)
{
    struct dsi_partition *last = NULL;
    struct dsi_buf last_key = DSI_BUF_INIT;
    int rc = DS_OK;

    for (size_t i = 0; i < p->count; i++) {
        p->partitions[i]->row_count = 0;
        p->partitions[i]->row_capacity =
            0; // Rows of a partition are kept per batch only.
        dsi_free(p->partitions[i]->rows);
        p->partitions[i]->rows = NULL;
    }
    for (int64_t row = 0; row < b->rows; row++) {
        DSI_TRY(row_tuple(p, b, row, err));
        // Runs of rows in one partition are common: they skip the table.
        if (!last || last_key.size != p->key.size ||
            memcmp(last_key.data, p->key.data, p->key.size) != 0) {
            last = dsi_map_get(&p->map, dsi_buf_slice(&p->key));
            if (!last) {
                DSI_TRY(add_partition(p, &last, err));
            }
            last_key.size = 0;
            DSI_TRY(dsi_buf_append(&last_key, p->key.data, p->key.size, err));
        }
        DSI_TRY(add_row(last, row, b->rows, err));
    }
done:
    dsi_buf_release(&last_key);
    return rc;
}
