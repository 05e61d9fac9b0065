// Writing a data file: batches to Parquet, metrics to a data file's description.
//
// (1) The file has its name only after finish: until then it is a sink's, which leaves
//     nothing behind when it is closed.
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/pool.h"
#include "data/data_file.h"
#include "data/data_metrics.h"
#include "data/data_shred.h"
#include "data/data_write_options.h"

enum { STEP_ROWS = 16 * 1024 }; // So many rows are shredded at a time.

struct dsi_data_writer {
    struct dsi_arena arena;
    struct dsi_data_writer_options options; // Strings and values copied to the arena.
    struct dsi_stored stored;
    struct dsi_metrics_mode *modes; // Per leaf.
    struct dsi_shred *shred;
    dsi_parquet_writer *parquet;
    struct ds_sink *sink;
    int64_t rows;
    bool finishing; // finish has been called …
    bool finished;  // … and has succeeded, or the name is somebody else's.
};

static int write_bytes(void *arg, struct ds_slice bytes, struct ds_error *err)
{
    struct dsi_data_writer *w = arg;
    return dsi_sink_write(w->sink, bytes, err);
}

static int copy_options(struct dsi_data_writer *w,
                        const struct dsi_data_writer_options *options,
                        struct ds_error *err)
{
    size_t count = options->partition_count;
    struct dsi_value *values = dsi_arena_array(&w->arena, count, sizeof *values);
    int rc = DS_OK;

    w->options = *options;
    w->options.location = dsi_arena_strdup(&w->arena, options->location);
    w->options.partition = values;
    if (!w->options.location || !values) {
        return dsi_no_memory(err, "making a data file writer");
    }
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(dsi_value_copy(&options->partition[i], &w->arena, &values[i], err));
    }
done:
    return rc;
}

void dsi_data_writer_close(struct dsi_data_writer *w)
{
    if (!w) {
        return;
    }
    dsi_parquet_writer_free(w->parquet);
    dsi_sink_close(w->sink);
    if (w->finishing && !w->finished) {
        // The answer may have been lost after the file got its name. Nobody refers to it;
        // the first error is the one worth reporting.
        DSI_IGNORE(dsi_storage_remove(w->options.storage, w->options.location, NULL));
    }
    dsi_shred_free(w->shred);
    dsi_arena_release(&w->arena);
    dsi_free(w);
    dsi_pool_end();
}

// Everything about the files that does not depend on their rows.
static int plan(const struct dsi_data_writer_options *options, struct dsi_arena *arena,
                struct dsi_stored *stored, struct dsi_metrics_mode **modes,
                struct dsi_parquet_write_options *parquet, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_data_stored(options->schema, arena, stored, err));
    DSI_TRY(dsi_metrics_modes(options->metadata, stored, options->sort_order_id, arena,
                              modes, err));
    DSI_TRY(dsi_data_write_options(options->metadata, stored, options->sort_order_id,
                                   arena, parquet, err));
done:
    return rc;
}

int dsi_data_writer_check(const struct dsi_data_writer_options *options,
                          struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_stored stored = {0};
    struct dsi_metrics_mode *modes = NULL;
    struct dsi_parquet_write_options parquet;
    int rc = plan(options, &arena, &stored, &modes, &parquet, err);

    if (rc == DS_OK) {
        rc = dsi_parquet_writer_check(stored.fields, stored.field_count, &parquet, err);
    }
    dsi_arena_release(&arena);
    return rc;
}

int dsi_data_writer_open(const struct dsi_data_writer_options *options,
                         struct dsi_data_writer **out, struct ds_error *err)
{
    struct dsi_data_writer *w = dsi_calloc(1, sizeof *w);
    struct dsi_parquet_write_options parquet;
    int rc = DS_OK;

    *out = NULL;
    if (!w) {
        return dsi_no_memory(err, "making a data file writer");
    }
    dsi_pool_begin(); // Until dsi_data_writer_close.
    DSI_TRY(copy_options(w, options, err));
    DSI_TRY(plan(options, &w->arena, &w->stored, &w->modes, &parquet, err));
    DSI_TRY(dsi_shred_new(&w->stored, &w->shred, err));
    DSI_TRY(dsi_parquet_writer_new(w->stored.fields, w->stored.field_count, &parquet,
                                   &w->parquet, err));
    DSI_TRY(dsi_sink_create(options->storage, options->location, &w->sink, err));
    dsi_parquet_writer_output(w->parquet, write_bytes, w);
    *out = w;
    w = NULL;
done:
    dsi_data_writer_close(w);
    return rc < 0 ? dsi_wrap_file(err, rc, "writing", options->location) : rc;
}

int dsi_data_writer_append(struct dsi_data_writer *w, const struct dsi_batch *b,
                           int64_t first, int64_t count, struct ds_error *err)
{
    int rc = DS_OK;

    if (b->column_count != w->options.schema->root.field_count || first < 0 ||
        count < 0 || first > b->rows || count > b->rows - first) {
        return dsi_fail(err, DS_EINVALID,
                        "writing %s: rows %lld to %lld of a batch of %lld rows and %zu "
                        "columns, expected %zu columns",
                        w->options.location, (long long)first, (long long)first + count,
                        (long long)b->rows, b->column_count,
                        w->options.schema->root.field_count);
    }
    while (count > 0) {
        int64_t step = count < STEP_ROWS ? count : STEP_ROWS;
        const struct dsi_parquet_input *inputs = NULL;
        DSI_TRY(dsi_shred_rows(w->shred, b, first, step, &inputs, err));
        DSI_TRY(dsi_parquet_writer_write(w->parquet, inputs, (size_t)step, err));
        w->rows += step;
        first += step;
        count -= step;
    }
done:
    return rc < 0 ? dsi_wrap_file(err, rc, "writing", w->options.location) : rc;
}

uint64_t dsi_data_writer_bytes(const struct dsi_data_writer *w)
{
    return (uint64_t)dsi_parquet_writer_size(w->parquet);
}

int dsi_data_writer_settle(struct dsi_data_writer *w, struct ds_error *err)
{
    int rc = dsi_parquet_writer_settle(w->parquet, err);
    return rc < 0 ? dsi_wrap_file(err, rc, "writing", w->options.location) : rc;
}

int64_t dsi_data_writer_rows(const struct dsi_data_writer *w)
{
    return w->rows;
}

static int compare_metrics(const void *a, const void *b)
{
    const struct dsi_column_metrics *x = a;
    const struct dsi_column_metrics *y = b;
    return (x->field_id > y->field_id) - (x->field_id < y->field_id);
}

// What is known of each field that has leaves, by its id. A variant's two are one.
static int describe_columns(const struct dsi_data_writer *w,
                            const struct dsi_parquet_summary *summary,
                            struct dsi_arena *arena, struct dsi_column_metrics *columns,
                            size_t *count, struct ds_error *err)
{
    int rc = DS_OK;

    *count = 0;
    for (size_t i = 0; i < w->stored.leaf_count; i++) {
        const struct dsi_stored_leaf *leaf = &w->stored.leaves[i];
        struct dsi_metrics_source from = {leaf, &summary->columns[i], w->modes[i]};
        if (i > 0 && leaf->field == w->stored.leaves[i - 1].field) {
            columns[*count - 1].column_size += summary->columns[i].compressed_size;
            continue;
        }
        DSI_TRY(dsi_metrics_of_summary(&from, arena, &columns[*count], err));
        ++*count;
    }
    if (*count > 1) {
        qsort(columns, *count, sizeof *columns, compare_metrics);
    }
done:
    return rc;
}

static int describe(struct dsi_data_writer *w, const struct dsi_parquet_summary *summary,
                    struct dsi_arena *arena, struct dsi_data_file *out,
                    struct ds_error *err)
{
    struct dsi_column_metrics *columns =
        dsi_arena_array(arena, w->stored.leaf_count, sizeof *columns);
    struct dsi_value *partition =
        dsi_arena_array(arena, w->options.partition_count, sizeof *partition);
    int64_t *splits = dsi_arena_array(arena, summary->split_count, sizeof *splits);
    char *path = dsi_arena_strdup(arena, w->options.location);
    size_t column_count = 0;
    int rc = DS_OK;

    if (!columns || !partition || !splits || !path) {
        return dsi_no_memory(err, "describing a data file");
    }
    DSI_TRY(describe_columns(w, summary, arena, columns, &column_count, err));
    for (size_t i = 0; i < w->options.partition_count; i++) {
        DSI_TRY(dsi_value_copy(&w->options.partition[i], arena, &partition[i], err));
    }
    if (summary->split_count > 0) {
        memcpy(splits, summary->split_offsets, summary->split_count * sizeof *splits);
    }
    *out = (struct dsi_data_file){
        .content = DSI_CONTENT_DATA,
        .path = path,
        .format = DSI_FORMAT_PARQUET,
        .spec_id = w->options.spec_id,
        .partition = partition,
        .partition_count = w->options.partition_count,
        .record_count = summary->row_count,
        .file_size = summary->file_size,
        .columns = columns,
        .column_count = column_count,
        .split_offsets = splits,
        .split_offset_count = summary->split_count,
        .sort_order_id = w->options.sort_order_id,
        .first_row_id = -1,
        .content_offset = -1,
        .content_size = -1,
    };
done:
    return rc;
}

int dsi_data_writer_finish(struct dsi_data_writer *w, struct dsi_arena *arena,
                           struct dsi_data_file *out, struct ds_error *err)
{
    const struct dsi_parquet_summary *summary = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_parquet_writer_finish(w->parquet, &summary, err));
    DSI_TRY(describe(w, summary, arena, out, err));
    w->finishing = true;
    rc = dsi_sink_finish(w->sink, err);
    w->finished = rc == DS_OK || rc == DS_EEXISTS;
done:
    return rc < 0 ? dsi_wrap_file(err, rc, "writing", w->options.location) : rc;
}
