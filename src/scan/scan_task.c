#include "scan/scan_task.h"

#include "base/error.h"

// What the reader of a file asks (data_file.h), answered from the filter.
static enum dsi_match match(const void *arg, int64_t rows,
                            const struct dsi_column_metrics *columns, size_t count)
{
    const struct dsi_scan_source *source = arg;
    struct dsi_rows_view view = {.rows = rows, .columns = columns, .column_count = count};

    return dsi_match_rows(source->filter, &view);
}

static enum dsi_match probe(const void *arg, dsi_data_has_fn has, void *has_arg)
{
    const struct dsi_scan_source *source = arg;

    return dsi_match_values(source->filter, has, has_arg);
}

static int eval(const void *arg, const struct dsi_batch *b, int64_t *rows, size_t *count,
                struct ds_error *err)
{
    const struct dsi_scan_source *source = arg;
    int rc = dsi_expr_eval(source->filter, b, rows, count, err);

    return rc < 0 ? dsi_wrap(err, rc, "filtering") : rc;
}

int dsi_task_open(const struct dsi_scan_source *source, const struct dsi_scan_task *task,
                  struct dsi_task_run *run, struct ds_error *err)
{
    *run = (struct dsi_task_run){.source = source, .task = task};
    run->filter = (struct dsi_data_filter){.arg = source,
                                           .ids = source->filter_ids,
                                           .id_count = source->filter_id_count,
                                           .match = match,
                                           .probe = probe,
                                           .eval = eval};
    struct dsi_data_reader_options options = {
        .storage = source->storage,
        .file = task->file,
        .metadata = source->metadata,
        .schema = source->read,
        .batch_rows_max = source->batch_rows_max,
        .filter = source->filter ? &run->filter : NULL,
        .output = source->output,
        .part = task->part,
        .part_count = task->part_count,
        .own_schema = source->own_schema,
    };
    run->stats.files_read = task->part == 0;
    return dsi_data_reader_open(&options, &run->reader, err);
}

int dsi_task_next(struct dsi_task_run *run, struct dsi_batch *out, struct ds_error *err)
{
    return dsi_data_reader_next(run->reader, out, err);
}

void dsi_task_count(struct dsi_task_run *run)
{
    if (run->reader) {
        dsi_data_reader_stats(run->reader, &run->stats.read);
    }
}

void dsi_task_close(struct dsi_task_run *run)
{
    dsi_task_count(run);
    dsi_data_reader_close(run->reader);
    run->reader = NULL;
}
