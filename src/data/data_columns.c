#include "data/data_columns.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/pool.h"
#include "data/column_layout.h"
#include "data/data_metrics.h"

// A gap that is cheaper to read than to leave out, and the most that one read is for.
enum { GAP_MAX = 64 * 1024, REQUEST_MAX = 64 << 20 };

static bool is_filtered(const struct dsi_data_filter *filter, int32_t id)
{
    for (size_t i = 0; filter && i < filter->id_count; i++) {
        if (filter->ids[i] == id) {
            return true;
        }
    }
    return false;
}

static int init_column(struct dsi_data_column *c, const struct dsi_data_origin *origin,
                       struct dsi_pool *pool, struct dsi_arena *arena,
                       struct ds_error *err)
{
    int rc = dsi_data_source_new(origin, pool, &c->decoder, err);
    size_t leaves = rc < 0 ? 0 : dsi_data_source_leaf_count(c->decoder);

    if (rc < 0) {
        return rc;
    }
    c->origin = origin;
    c->bytes = dsi_arena_array(arena, leaves, sizeof *c->bytes);
    if (!c->bytes) {
        return dsi_no_memory(err, "making a data file reader");
    }
    if (leaves == 1 && dsi_type_is_primitive(&c->field->type)) {
        const struct dsi_parquet_node *leaf = dsi_data_source_leaf(c->decoder, 0);
        c->leaf = leaf->max_rep == 0 ? leaf : NULL;
    }
    return DS_OK;
}

int dsi_data_columns_init(struct dsi_data_columns *c,
                          const struct dsi_data_reader_options *options,
                          struct ds_file *file, const struct dsi_parquet_file *parquet,
                          struct dsi_arena *arena, struct ds_error *err)
{
    const struct dsi_type *root = &options->schema->root;
    struct dsi_data_origin *origins = NULL;
    int rc = DS_OK;

    *c = (struct dsi_data_columns){.file = file, .output_count = root->field_count};
    if (options->filter && options->output) {
        c->output_count = options->output->root.field_count;
    }
    c->items = dsi_arena_array(arena, root->field_count, sizeof *c->items);
    if (!c->items) {
        return dsi_no_memory(err, "making a data file reader");
    }
    DSI_TRY(dsi_pool_new(&c->pool, err));
    DSI_TRY(dsi_data_origins(options, parquet, arena, &origins, err));
    for (size_t i = 0; i < root->field_count; i++) {
        c->items[i].field = &root->fields[i];
        c->items[i].filtered = is_filtered(options->filter, root->fields[i].id);
        c->count++;
        DSI_TRY(init_column(&c->items[i], &origins[i], c->pool, arena, err));
    }
done:
    return rc;
}

void dsi_data_columns_end(struct dsi_data_columns *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->items[i].begun) {
            dsi_data_source_end(c->items[i].decoder);
            c->items[i].begun = false;
        }
    }
    for (size_t i = 0; i < c->buffer_count; i++) {
        dsi_buf_release(&c->buffers[i]);
    }
    c->buffer_count = 0;
    memset(c->fetched, 0, sizeof c->fetched);
    c->group = NULL;
}

void dsi_data_columns_release(struct dsi_data_columns *c)
{
    dsi_data_columns_end(c);
    for (size_t i = 0; i < c->count; i++) {
        dsi_data_source_free(c->items[i].decoder);
    }
    dsi_free(c->buffers);
    dsi_pool_drop(c->pool);
    *c = (struct dsi_data_columns){0};
}

void dsi_data_columns_begin(struct dsi_data_columns *c,
                            const struct dsi_parquet_row_group *group, int64_t row_base)
{
    dsi_data_columns_end(c);
    c->group = group;
    c->row_base = row_base;
}

int dsi_data_columns_read(struct dsi_data_columns *c, int64_t offset, size_t size,
                          struct ds_slice *out, struct ds_error *err)
{
    int rc = DS_OK;

    if (c->buffer_count == c->buffer_capacity) {
        size_t capacity = c->buffer_capacity ? c->buffer_capacity * 2 : 8;
        struct dsi_buf *buffers = dsi_realloc(c->buffers, capacity * sizeof *buffers);
        if (!buffers) {
            return dsi_no_memory(err, "reading a data file");
        }
        c->buffers = buffers;
        c->buffer_capacity = capacity;
    }
    struct dsi_buf *b = &c->buffers[c->buffer_count];
    *b = (struct dsi_buf)DSI_BUF_INIT_MAX(size > 0 ? size : 1);
    b->pool = c->pool;
    DSI_TRY(dsi_buf_reserve(b, size, err));
    c->buffer_count++;
    if (size > 0) {
        DSI_TRY(dsi_file_read(c->file, (uint64_t)offset, b->data, size, err));
        c->bytes_read += size;
        c->reads++;
    }
    b->size = size;
    *out = dsi_buf_slice(b);
done:
    return rc;
}

// A chunk that is to be fetched.
struct wish {
    int64_t offset;
    int64_t size;
    struct ds_slice *out;
};

static int by_offset(const void *a, const void *b)
{
    int64_t left = ((const struct wish *)a)->offset;
    int64_t right = ((const struct wish *)b)->offset;

    return (left > right) - (left < right);
}

// Serves the wishes, sorted by their offsets, with as few reads as make sense (1).
static int grant(struct dsi_data_columns *c, struct wish *wishes, size_t count,
                 struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t first = 0, next = 0; first < count; first = next) {
        int64_t start = wishes[first].offset;
        int64_t end = start + wishes[first].size;
        struct ds_slice all = {0};
        for (next = first + 1; next < count; next++) {
            int64_t to = wishes[next].offset + wishes[next].size;
            if (wishes[next].offset > end + GAP_MAX || to - start > REQUEST_MAX) {
                break;
            }
            end = to > end ? to : end;
        }
        DSI_TRY(dsi_data_columns_read(c, start, (size_t)(end - start), &all, err));
        for (size_t i = first; i < next; i++) {
            *wishes[i].out = (struct ds_slice){all.data + (wishes[i].offset - start),
                                               (size_t)wishes[i].size};
        }
    }
done:
    return rc;
}

bool dsi_data_columns_is(const struct dsi_data_columns *c, size_t i,
                         enum dsi_data_which which)
{
    bool filtered = c->items[i].filtered;
    bool output = i < c->output_count;

    return which == DSI_DATA_FILTER ? filtered
                                    : output && !(which == DSI_DATA_REST && filtered);
}

// The chunks of columns that are not there yet; room for as many as their leaves.
static size_t list_wishes(struct dsi_data_columns *c, enum dsi_data_which which,
                          struct wish *out)
{
    size_t count = 0;

    for (size_t i = 0; i < c->count; i++) {
        struct dsi_data_column *item = &c->items[i];
        if (item->begun || !dsi_data_columns_is(c, i, which)) {
            continue;
        }
        for (size_t k = 0; k < dsi_data_source_leaf_count(item->decoder); k++, count++) {
            const struct dsi_parquet_chunk *chunk =
                &c->group->columns[dsi_data_source_leaf(item->decoder, k)->leaf];
            if (out) {
                out[count] = (struct wish){chunk->offset, chunk->size, &item->bytes[k]};
            }
        }
    }
    return count;
}

int dsi_data_columns_fetch(struct dsi_data_columns *c, enum dsi_data_which which,
                           struct ds_error *err)
{
    struct wish *wishes = NULL;
    size_t count = 0;
    int rc = DS_OK;

    assert(c->group);
    if (c->fetched[which]) {
        return DS_OK;
    }
    wishes = dsi_calloc(list_wishes(c, which, NULL) + 1, sizeof *wishes);
    if (!wishes) {
        return dsi_no_memory(err, "reading a data file");
    }
    count = list_wishes(c, which, wishes);
    qsort(wishes, count, sizeof *wishes, by_offset);
    DSI_TRY(grant(c, wishes, count, err));
    for (size_t i = 0; i < c->count; i++) {
        struct dsi_data_column *item = &c->items[i];
        if (!item->begun && dsi_data_columns_is(c, i, which)) {
            DSI_TRY(dsi_data_source_begin(item->decoder, c->group, item->bytes,
                                          c->row_base, err));
            item->begun = true;
        }
    }
    c->fetched[which] = true;
done:
    dsi_free(wishes);
    return rc;
}

int dsi_data_columns_metrics(const struct dsi_data_columns *c,
                             const struct dsi_parquet_row_group *group,
                             struct dsi_arena *arena, struct dsi_column_metrics **out,
                             struct ds_error *err)
{
    struct dsi_column_metrics *m = dsi_arena_array(arena, c->count, sizeof *m);
    int rc = DS_OK;

    if (!m) {
        return dsi_no_memory(err, "looking at a row group's statistics");
    }
    for (size_t i = 0; i < c->count; i++) {
        const struct dsi_data_column *item = &c->items[i];
        m[i] = (struct dsi_column_metrics){.field_id = item->field->id,
                                           .column_size = -1,
                                           .value_count = -1,
                                           .null_count = -1,
                                           .nan_count = -1};
        if (item->leaf) {
            DSI_TRY(dsi_metrics_of_chunk(item->field, item->leaf,
                                         &group->columns[item->leaf->leaf], arena, &m[i],
                                         err));
        } else if (dsi_data_source_leaf_count(item->decoder) == 0 &&
                   dsi_type_is_primitive(&item->field->type)) {
            DSI_TRY(dsi_metrics_of_constant(item->field, &item->origin->constant,
                                            group->row_count, arena, &m[i], err));
        }
    }
    *out = m;
done:
    return rc;
}
