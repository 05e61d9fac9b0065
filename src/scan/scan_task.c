#include "scan/scan_task.h"

#include "base/alloc.h"
#include "base/error.h"

static bool keep_group(void *arg, int64_t rows, const struct dsi_column_metrics *columns,
                       size_t count)
{
    struct dsi_task_run *run = arg;
    struct dsi_rows_view view = {.rows = rows, .columns = columns, .column_count = count};
    int64_t group = run->group++;

    if (group < run->task->first_group || group >= run->task->end_group) {
        return false;
    }
    if (run->source->filter &&
        dsi_match_rows(run->source->filter, &view) == DSI_MATCH_NONE) {
        run->stats.groups_skipped++;
        return false;
    }
    run->stats.groups_read++;
    return true;
}

int dsi_task_open(const struct dsi_scan_source *source, const struct dsi_scan_task *task,
                  struct dsi_task_run *run, struct ds_error *err)
{
    *run = (struct dsi_task_run){.source = source, .task = task};
    struct dsi_data_reader_options options = {
        .storage = source->storage,
        .file = task->file,
        .metadata = source->metadata,
        .schema = source->read,
        .batch_rows_max = source->batch_rows_max,
        .keep = keep_group,
        .keep_arg = run,
    };
    run->stats.files_read = task->first_group == 0;
    return dsi_data_reader_open(&options, &run->reader, err);
}

// Leaves of the batch what passes. The columns that only the filter needed are the last
// ones, so dropping them is forgetting them.
static int filter_batch(const struct dsi_scan_source *source, struct dsi_batch *b,
                        struct dsi_batch *out, struct ds_error *err)
{
    int64_t *rows = NULL;
    size_t count = (size_t)b->rows;
    int rc = DS_OK;

    if (source->filter) {
        rows = dsi_malloc((size_t)b->rows * sizeof *rows);
        if (!rows) {
            return dsi_no_memory(err, "filtering rows");
        }
        DSI_TRY(dsi_expr_eval(source->filter, b, rows, &count, err));
    }
    b->schema = source->output;
    b->column_count = source->output->root.field_count;
    if (count == (size_t)b->rows) {
        *out = *b;
        *b = (struct dsi_batch){0};
    } else if (count > 0) {
        DSI_TRY(dsi_batch_take(b, rows, count, out, err));
    }
done:
    dsi_free(rows);
    return rc;
}

int dsi_task_next(struct dsi_task_run *run, struct dsi_batch *out, struct ds_error *err)
{
    struct dsi_batch b = {0};
    int rc = DS_OK;

    *out = (struct dsi_batch){0};
    for (;;) {
        rc = dsi_data_reader_next(run->reader, &b, err);
        if (rc != DS_ROW) {
            break;
        }
        run->stats.rows_read += (uint64_t)b.rows;
        rc = filter_batch(run->source, &b, out, err);
        dsi_batch_release(&b);
        if (rc < 0) {
            dsi_batch_release(out);
            rc = dsi_wrap(err, rc, "filtering %s", run->task->file->path);
            break;
        }
        if (out->rows > 0) {
            return DS_ROW;
        }
        dsi_batch_release(out);
    }
    return rc;
}

void dsi_task_close(struct dsi_task_run *run)
{
    dsi_data_reader_close(run->reader);
    run->reader = NULL;
}
