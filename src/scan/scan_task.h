// One task of a scan: a part of one data file, filtered and projected.
#ifndef DSI_SCAN_SCAN_TASK_H
#define DSI_SCAN_SCAN_TASK_H

#include "data/data_file.h"
#include "scan/expr_match.h"

// What all tasks of a scan share; does not change while they run.
struct dsi_scan_source {
    ds_storage *storage;
    const struct dsi_metadata *metadata;
    const struct dsi_schema *read;   // The projected columns, then what the filter needs.
    const struct dsi_schema *output; // The projected columns only: a prefix of `read`.
    const struct dsi_bound *filter;  // NULL: every row.
    int64_t batch_rows_max;
    const int32_t *filter_ids; // The columns of the filter: dsi_bound_fields.
    size_t filter_id_count;
    bool own_schema; // As in dsi_data_reader_options.
};

// Part `part` of `part_count` of a file (dsi_data_reader_options).
struct dsi_scan_task {
    const struct dsi_data_file *file;
    uint32_t part;
    uint32_t part_count;
};

struct dsi_task_stats {
    uint64_t files_read; // By the task with their first part.
    struct dsi_data_reader_stats read;
};

struct dsi_task_run {
    const struct dsi_scan_source *source;
    const struct dsi_scan_task *task;
    struct dsi_data_filter filter;
    struct dsi_data_reader *reader;
    struct dsi_task_stats stats;
};

/// Ends by dsi_task_close, also after a failure. `run` must not move until then.
DS_MUST_CHECK int dsi_task_open(const struct dsi_scan_source *source,
                                const struct dsi_scan_task *task,
                                struct dsi_task_run *run, struct ds_error *err);

/// DS_ROW with rows that pass, never none; DS_OK at the end.
DS_MUST_CHECK int dsi_task_next(struct dsi_task_run *run, struct dsi_batch *out,
                                struct ds_error *err);

/// Brings run->stats up to date.
void dsi_task_count(struct dsi_task_run *run);
void dsi_task_close(struct dsi_task_run *run); // Twice is fine.

#endif
