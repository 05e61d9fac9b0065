#include "codec/parquet/parquet_write.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "codec/parquet/parquet_footer_write.h"
#include "datashard/version.h"

enum {
    CHECK_ROWS_FIRST = 64,
    CHECK_ROWS_MAX = 1024,
    // docs/decisions/015
    EARLY_SHARE = 4, // A group ends early with such a part of what stands before it …
    LOSS_SHARE = 64, // … if such a part of its bytes is as much as that costs.
};

// A chunk's pages stay in memory until its row group ends.
#define ROW_GROUP_BYTES_MAX (DSI_BUF_MAX / 2)

struct dsi_parquet_writer {
    struct dsi_arena arena; // What lives as long as the writer.
    struct dsi_parquet_write_options options;
    struct dsi_parquet_field *elements; // The root first.
    size_t element_count;
    struct dsi_parquet_schema schema;
    struct dsi_parquet_column_writer *columns;
    struct dsi_parquet_part *parts; // Per leaf: what is left of a batch.

    dsi_parquet_write_fn write;
    void *write_arg;
    int64_t offset; // Bytes written.
    bool failed;
    bool finished;

    int64_t row_count; // Of the file.
    int64_t group_rows;
    int64_t check_at; // Rows of the group at which its size is looked at next.
    struct dsi_parquet_written_group *groups;
    struct dsi_parquet_written_group *last_group;
    size_t group_count;
    struct dsi_parquet_tools tools;
    struct dsi_buf head;
    struct dsi_buf column_indexes; // Of all chunks so far, in their order …
    struct dsi_buf offset_indexes; // … to be written when the last page is.
    struct dsi_parquet_summary summary;
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "a parquet file to write");
}

static int emit(dsi_parquet_writer *w, struct ds_slice bytes, struct ds_error *err)
{
    int rc = DS_OK;

    assert(w->write);
    if (bytes.size > 0) {
        DSI_TRY(w->write(w->write_arg, bytes, err));
        w->offset += (int64_t)bytes.size;
    }
done:
    return rc;
}

static int emit_pages(dsi_parquet_writer *w, const struct dsi_parquet_pile *pages,
                      struct ds_error *err)
{
    const struct dsi_parquet_block *b = NULL;
    int rc = DS_OK;

    while ((b = dsi_parquet_pile_next(pages, b)) != NULL) {
        DSI_TRY(emit(w, (struct ds_slice){b->bytes, b->size}, err));
    }
done:
    return rc;
}

static int begin_file(dsi_parquet_writer *w, struct ds_error *err)
{
    static const uint8_t magic[] = {'P', 'A', 'R', '1'};
    return w->offset > 0 ? DS_OK : emit(w, (struct ds_slice){magic, sizeof magic}, err);
}

// At most: nobody waits for pages that are being compressed.
static size_t group_size(const dsi_parquet_writer *w)
{
    int64_t size = dsi_parquet_press_size(&w->tools.press);

    for (size_t i = 0; i < w->schema.leaf_count; i++) {
        size += (int64_t)dsi_parquet_column_size(&w->columns[i]);
    }
    return (size_t)size;
}

static int drain(dsi_parquet_writer *w, struct ds_error *err)
{
    return dsi_parquet_press_drain(&w->tools.press, &w->tools.compressor, err);
}

static int end_group(dsi_parquet_writer *w, struct ds_error *err)
{
    struct dsi_parquet_written_group *g = NULL;
    int rc = DS_OK;

    if (w->group_rows == 0) {
        return DS_OK;
    }
    g = dsi_arena_alloc(&w->arena, sizeof *g);
    if (g) {
        g->columns = dsi_arena_array(&w->arena, w->schema.leaf_count, sizeof *g->columns);
    }
    if (!g || !g->columns) {
        return no_memory(err);
    }
    g->row_count = w->group_rows;
    for (size_t i = 0; i < w->schema.leaf_count; i++) {
        DSI_TRY(dsi_parquet_column_flush(&w->columns[i], true, err));
    }
    DSI_TRY(drain(w, err));
    for (size_t i = 0; i < w->schema.leaf_count; i++) {
        struct dsi_parquet_column_writer *c = &w->columns[i];
        DSI_TRY(dsi_parquet_column_end(c, w->offset, &w->arena, &w->head, &g->columns[i],
                                       err));
        DSI_TRY(emit(w, dsi_buf_slice(&w->head), err));
        DSI_TRY(emit_pages(w, &c->chunk.pages, err));
        DSI_TRY(dsi_parquet_chunk_indexes(&c->chunk, &g->columns[i], &w->column_indexes,
                                          &w->offset_indexes, err));
    }
    for (size_t i = 0; i < w->schema.leaf_count; i++) {
        DSI_TRY(dsi_parquet_chunk_bloom(&w->columns[i].chunk, w->offset, &g->columns[i],
                                        &w->head, err));
        DSI_TRY(emit(w, dsi_buf_slice(&w->head), err));
        dsi_parquet_column_next(&w->columns[i]);
    }
    if (w->last_group) {
        w->last_group->next = g;
    } else {
        w->groups = g;
    }
    w->last_group = g;
    w->group_count++;
    w->group_rows = 0;
    w->check_at = CHECK_ROWS_FIRST;
done:
    return rc;
}

// In how many rows to look again at a group of this size: sooner when it is nearly full.
static int64_t next_look(const dsi_parquet_writer *w, size_t size)
{
    size_t per_row = size / (size_t)w->group_rows + 1;
    size_t more = (w->options.row_group_bytes - size) / per_row / 2 + 1;

    return (int64_t)(more < CHECK_ROWS_MAX ? more : CHECK_ROWS_MAX);
}

// Whether the row group may end here before it is full: what has been written need not
// wait in memory, nor be written and synced at the end of the file, when all wait for it.
// Its last pages do not count: they may still be compressed (1).
static bool ends_early(const dsi_parquet_writer *w)
{
    size_t least = (size_t)(w->offset / EARLY_SHARE);
    size_t loss = 0;
    size_t size = 0;

    if (w->options.row_group_early == 0 ||
        w->group_rows % (int64_t)w->options.page_rows != 0) {
        return false;
    }
    least = least > w->options.row_group_early ? least : w->options.row_group_early;
    for (size_t i = 0; i < w->schema.leaf_count; i++) {
        size += w->columns[i].chunk.pages.size;
        loss += dsi_parquet_column_loss(&w->columns[i]);
    }
    size -= dsi_parquet_press_taken(&w->tools.press);
    return size >= least && loss <= size / LOSS_SHARE;
}

// Decides, at a row that depends on the rows alone, whether the row group is done, and
// when to look again. Where the size at most says the same as the true one, that one need
// not be known. (1)
static int look_at_group(dsi_parquet_writer *w, struct ds_error *err)
{
    size_t size = 0;
    int rc = DS_OK;

    if (w->group_rows >= w->options.row_group_rows || ends_early(w)) {
        return end_group(w, err);
    }
    if (w->group_rows < w->check_at) {
        return DS_OK;
    }
    size = group_size(w);
    if (size >= w->options.row_group_bytes || next_look(w, size) < CHECK_ROWS_MAX) {
        DSI_TRY(drain(w, err));
        size = group_size(w);
    }
    if (size >= w->options.row_group_bytes) {
        return end_group(w, err);
    }
    w->check_at = w->group_rows + next_look(w, size);
done:
    return rc;
}

// A batch whose levels do not even go with the schema.
static int check_input(const struct dsi_parquet_node *leaf,
                       const struct dsi_parquet_input *in, struct ds_error *err)
{
    bool repeats = leaf->max_rep > 0;

    if ((in->reps != NULL) != repeats || (repeats && !in->defs)) {
        char path[128];
        dsi_parquet_path(leaf, path, sizeof path);
        return dsi_fail(err, DS_EINVALID,
                        "column %s: repetition levels that are %s, or no definition "
                        "levels beside them",
                        path, repeats ? "missing" : "not expected");
    }
    return DS_OK;
}

static int begin_parts(dsi_parquet_writer *w, const struct dsi_parquet_input *columns,
                       struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < w->schema.leaf_count; i++) {
        DSI_TRY(check_input(w->schema.leaves[i], &columns[i], err));
        w->parts[i] =
            (struct dsi_parquet_part){.in = &columns[i], .row_base = w->row_count};
    }
done:
    return rc;
}

static int end_parts(const dsi_parquet_writer *w, size_t rows, struct ds_error *err)
{
    for (size_t i = 0; i < w->schema.leaf_count; i++) {
        const struct dsi_parquet_part *p = &w->parts[i];
        if (p->in->reps && p->slot < p->in->slots) {
            return dsi_fail(err, DS_EINVALID,
                            "column %s: %zu slots are left after row %lld",
                            w->columns[i].chunk.name, p->in->slots - p->slot,
                            (long long)p->row_base + (long long)rows - 1);
        }
    }
    return DS_OK;
}

// How many rows are left to where a page of so many may end.
static int64_t rows_of_page(const dsi_parquet_writer *w)
{
    int64_t rows = (int64_t)w->options.page_rows;
    return rows - w->group_rows % rows;
}

static int append(dsi_parquet_writer *w, const struct dsi_parquet_input *columns,
                  size_t rows, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(begin_file(w, err));
    DSI_TRY(begin_parts(w, columns, err));
    for (size_t from = 0; from < rows;) {
        int64_t room = w->options.row_group_rows < w->check_at ? w->options.row_group_rows
                                                               : w->check_at;
        room -= w->group_rows;
        room = rows_of_page(w) < room ? rows_of_page(w) : room;
        size_t step = (int64_t)(rows - from) < room ? rows - from : (size_t)room;
        assert(room > 0);
        for (size_t i = 0; i < w->schema.leaf_count; i++) {
            DSI_TRY(dsi_parquet_column_append(&w->columns[i], &w->parts[i], step, err));
        }
        from += step;
        w->group_rows += (int64_t)step;
        w->row_count += (int64_t)step;
        DSI_TRY(look_at_group(w, err));
    }
    DSI_TRY(end_parts(w, rows, err));
done:
    return rc;
}

static int check_state(const dsi_parquet_writer *w, struct ds_error *err)
{
    if (w->failed || w->finished) {
        return dsi_fail(err, DS_EINVALID, "this parquet file %s already",
                        w->failed ? "failed" : "is finished");
    }
    return DS_OK;
}

void dsi_parquet_writer_output(dsi_parquet_writer *w, dsi_parquet_write_fn write,
                               void *arg)
{
    assert(w->offset == 0);
    w->write = write;
    w->write_arg = arg;
}

int dsi_parquet_writer_write(dsi_parquet_writer *w,
                             const struct dsi_parquet_input *columns, size_t rows,
                             struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(check_state(w, err));
    rc = append(w, columns, rows, err);
    w->failed = rc < 0; // (2)
done:
    return rc;
}

int64_t dsi_parquet_writer_size(const dsi_parquet_writer *w)
{
    return w->offset + (int64_t)group_size(w);
}

int dsi_parquet_writer_settle(dsi_parquet_writer *w, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(check_state(w, err));
    rc = drain(w, err);
    w->failed = rc < 0;
done:
    return rc;
}

static int summarize(dsi_parquet_writer *w, struct ds_error *err)
{
    size_t leaves = w->schema.leaf_count;
    struct dsi_parquet_column_summary *columns =
        dsi_arena_array(&w->arena, leaves, sizeof *columns);
    int64_t *splits = dsi_arena_array(&w->arena, w->group_count, sizeof *splits);
    const struct dsi_parquet_written_group *g = w->groups;
    int rc = DS_OK;

    if (!columns || !splits) {
        return no_memory(err);
    }
    for (size_t i = 0; g; i++, g = g->next) {
        splits[i] = leaves > 0 ? g->columns[0].offset : 4;
    }
    for (size_t i = 0; i < leaves; i++) {
        const struct dsi_parquet_chunk_writer *c = &w->columns[i].chunk;
        const struct dsi_parquet_bounds *b = &c->file_bounds;
        columns[i] = c->summary;
        columns[i].nan_count = b->nan_count;
        columns[i].has_bounds = b->has;
        if (b->has) {
            DSI_TRY(dsi_parquet_value_read(&c->leaf->field, dsi_buf_slice(&b->min),
                                           &columns[i].min, err));
            DSI_TRY(dsi_parquet_value_read(&c->leaf->field, dsi_buf_slice(&b->max),
                                           &columns[i].max, err));
        }
    }
    w->summary = (struct dsi_parquet_summary){.row_count = w->row_count,
                                              .file_size = w->offset,
                                              .split_offsets = splits,
                                              .split_count = w->group_count,
                                              .columns = columns,
                                              .column_count = leaves};
done:
    return rc;
}

// Says where each chunk's indexes will be, and writes them.
static int put_indexes(dsi_parquet_writer *w, struct ds_error *err)
{
    int64_t column_index = w->offset;
    int64_t offset_index = column_index + (int64_t)w->column_indexes.size;
    int rc = DS_OK;

    for (struct dsi_parquet_written_group *g = w->groups; g; g = g->next) {
        for (size_t i = 0; i < w->schema.leaf_count; i++) {
            struct dsi_parquet_written *c = &g->columns[i];
            c->column_index_offset = column_index;
            c->offset_index_offset = offset_index;
            column_index += c->column_index_size;
            offset_index += c->offset_index_size;
        }
    }
    DSI_TRY(emit(w, dsi_buf_slice(&w->column_indexes), err));
    DSI_TRY(emit(w, dsi_buf_slice(&w->offset_indexes), err));
done:
    return rc;
}

static int finish(dsi_parquet_writer *w, struct ds_error *err)
{
    struct dsi_parquet_footer footer = {.schema = &w->schema,
                                        .options = &w->options,
                                        .elements = w->elements,
                                        .element_count = w->element_count};
    int rc = DS_OK;

    DSI_TRY(begin_file(w, err));
    DSI_TRY(end_group(w, err));
    dsi_parquet_press_rest(&w->tools.press);
    DSI_TRY(put_indexes(w, err));
    footer.groups = w->groups;
    footer.group_count = w->group_count;
    footer.row_count = w->row_count;
    w->head.size = 0;
    DSI_TRY(dsi_parquet_footer_write(&footer, &w->head, err));
    DSI_TRY(emit(w, dsi_buf_slice(&w->head), err));
    DSI_TRY(summarize(w, err));
done:
    return rc;
}

int dsi_parquet_writer_finish(dsi_parquet_writer *w,
                              const struct dsi_parquet_summary **summary,
                              struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(check_state(w, err));
    rc = finish(w, err);
    w->failed = rc < 0;
    w->finished = rc == DS_OK;
    if (summary) {
        *summary = rc == DS_OK ? &w->summary : NULL;
    }
done:
    return rc;
}

void dsi_parquet_writer_free(dsi_parquet_writer *w)
{
    if (w) {
        for (size_t i = 0; w->columns && i < w->schema.leaf_count; i++) {
            dsi_parquet_column_writer_release(&w->columns[i]);
        }
        dsi_buf_release(&w->head);
        dsi_buf_release(&w->column_indexes);
        dsi_buf_release(&w->offset_indexes);
        dsi_parquet_tools_release(&w->tools);
        dsi_free(w->columns);
        dsi_arena_release(&w->arena);
        dsi_free(w);
    }
}

static int copy_options(dsi_parquet_writer *w,
                        const struct dsi_parquet_write_options *options,
                        struct ds_error *err)
{
    struct dsi_parquet_write_options *o = &w->options;
    struct ds_property *items = NULL;
    struct dsi_parquet_sorting *sorting = NULL;

    if (options) {
        *o = *options;
    }
    o->page_bytes = o->page_bytes ? o->page_bytes : (size_t)1 << 20;
    o->page_rows = o->page_rows ? o->page_rows : 20000;
    o->dictionary_bytes = o->dictionary_bytes ? o->dictionary_bytes : (size_t)2 << 20;
    o->row_group_bytes = o->row_group_bytes ? o->row_group_bytes : (size_t)128 << 20;
    o->row_group_rows = o->row_group_rows ? o->row_group_rows : INT32_MAX;
    if (o->row_group_bytes > ROW_GROUP_BYTES_MAX) {
        o->row_group_bytes = ROW_GROUP_BYTES_MAX;
    }
    o->bound_bytes = o->bound_bytes ? o->bound_bytes : 64;
    if (o->codec == DSI_COMPRESSION_DEFLATE || o->page_rows > INT32_MAX ||
        o->page_bytes > INT32_MAX || o->dictionary_bytes > INT32_MAX ||
        o->row_group_rows < 0) {
        return dsi_fail(
            err, DS_EINVALID,
            "parquet: a codec or a size that pages or row groups cannot have");
    }
    o->created_by = dsi_arena_strdup(
        &w->arena, o->created_by ? o->created_by : "datashard version " DS_VERSION_TEXT);
    items = dsi_arena_array(&w->arena, o->key_values.count, sizeof *items);
    sorting = dsi_arena_array(&w->arena, o->sorting_count, sizeof *sorting);
    if (!o->created_by || !items || !sorting) {
        return no_memory(err);
    }
    for (size_t i = 0; i < o->key_values.count; i++) {
        items[i].key = dsi_arena_strdup(&w->arena, o->key_values.items[i].key);
        items[i].value = dsi_arena_strdup(&w->arena, o->key_values.items[i].value);
        if (!items[i].key || !items[i].value) {
            return no_memory(err);
        }
    }
    o->key_values.items = items;
    for (size_t i = 0; i < o->sorting_count; i++) {
        sorting[i] = o->sorting[i];
    }
    o->sorting = sorting;
    return DS_OK;
}

// What each leaf is written with: known only when the leaves are.
static int copy_leaves(dsi_parquet_writer *w, struct ds_error *err)
{
    const struct dsi_parquet_leaf_options *from = w->options.leaves;
    struct dsi_parquet_leaf_options *leaves = NULL;

    if (!from) {
        return DS_OK;
    }
    leaves = dsi_arena_array(&w->arena, w->schema.leaf_count, sizeof *leaves);
    if (!leaves) {
        return no_memory(err);
    }
    for (size_t i = 0; i < w->schema.leaf_count; i++) {
        leaves[i] = from[i];
        if (from[i].bloom_fpp < 0 || from[i].bloom_fpp >= 1) {
            return dsi_fail(err, DS_EINVALID,
                            "column %s: false positives at a rate of %g, expected one "
                            "between 0 and 1",
                            w->schema.leaves[i]->field.name, from[i].bloom_fpp);
        }
    }
    w->options.leaves = leaves;
    return DS_OK;
}

// How many of the fields stand at the top.
static size_t count_roots(const struct dsi_parquet_field *fields, size_t count)
{
    size_t roots = 0;
    size_t inside = 0; // Elements still to come below the groups so far.

    for (size_t i = 0; i < count; i++) {
        if (inside > 0) {
            inside--;
        } else {
            roots++;
        }
        inside += fields[i].child_count;
    }
    return roots;
}

static int copy_field(dsi_parquet_writer *w, const struct dsi_parquet_field *f,
                      struct dsi_parquet_field *out, struct ds_error *err)
{
    const char *fault = f->child_count == 0 ? dsi_parquet_leaf_fault(f) : NULL;

    if (fault) {
        return dsi_fail(err, DS_EINVALID, "column %s: %s", f->name, fault);
    }
    *out = *f;
    out->name = dsi_arena_strdup(&w->arena, f->name);
    if (f->logical.crs) {
        out->logical.crs = dsi_arena_strdup(&w->arena, f->logical.crs);
    }
    return out->name && (!f->logical.crs || out->logical.crs) ? DS_OK : no_memory(err);
}

static int copy_schema(dsi_parquet_writer *w, const struct dsi_parquet_field *fields,
                       size_t count, struct ds_error *err)
{
    int rc = DS_OK;

    w->element_count = count + 1;
    w->elements = dsi_arena_array(&w->arena, count + 1, sizeof *w->elements);
    if (!w->elements) {
        return no_memory(err);
    }
    w->elements[0] = (struct dsi_parquet_field){
        .name = "table", .child_count = count_roots(fields, count)};
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(copy_field(w, &fields[i], &w->elements[i + 1], err));
    }
    rc = dsi_parquet_schema_build(w->elements, count + 1, &w->arena, &w->schema, err);
    if (rc == DS_ECORRUPT) {
        rc = dsi_wrap(err, DS_EINVALID, "parquet schema to write");
    }
    DSI_TRY(rc);
    for (size_t i = 0; i < w->options.sorting_count; i++) {
        if (w->options.sorting[i].leaf >= w->schema.leaf_count) {
            return dsi_fail(err, DS_EINVALID, "parquet: sorted by column %zu of %zu",
                            w->options.sorting[i].leaf, w->schema.leaf_count);
        }
    }
done:
    return rc;
}

// What can be refused; the columns are not needed for that.
static int configure(dsi_parquet_writer *w, const struct dsi_parquet_field *fields,
                     size_t field_count, const struct dsi_parquet_write_options *options,
                     struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(copy_options(w, options, err));
    DSI_TRY(copy_schema(w, fields, field_count, err));
    DSI_TRY(copy_leaves(w, err));
done:
    return rc;
}

int dsi_parquet_writer_check(const struct dsi_parquet_field *fields, size_t field_count,
                             const struct dsi_parquet_write_options *options,
                             struct ds_error *err)
{
    dsi_parquet_writer w = {0};
    int rc = configure(&w, fields, field_count, options, err);

    dsi_arena_release(&w.arena);
    return rc;
}

int dsi_parquet_writer_new(const struct dsi_parquet_field *fields, size_t field_count,
                           const struct dsi_parquet_write_options *options,
                           dsi_parquet_writer **out, struct ds_error *err)
{
    dsi_parquet_writer *w = dsi_calloc(1, sizeof *w);
    size_t size = 0;
    int rc = DS_OK;

    *out = NULL;
    if (!w) {
        return no_memory(err);
    }
    w->check_at = CHECK_ROWS_FIRST;
    DSI_TRY(configure(w, fields, field_count, options, err));
    w->parts = dsi_arena_array(&w->arena, w->schema.leaf_count, sizeof *w->parts);
    // Not zeroed: each is begun below, and most of its bytes are never used.
    if (w->parts && dsi_mul_size(w->schema.leaf_count, sizeof *w->columns, &size)) {
        w->columns = dsi_malloc(size);
    }
    if (!w->columns) {
        rc = no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < w->schema.leaf_count; i++) {
        dsi_parquet_column_writer_init(&w->columns[i], w->schema.leaves[i], &w->options,
                                       &w->tools);
    }
    *out = w;
    w = NULL;
done:
    dsi_parquet_writer_free(w);
    return rc;
}
