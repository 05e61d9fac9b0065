// Planning: from a snapshot to the data files that may have rows a filter lets through.
//
// (1) A manifest or file is left out only on proof (see expr_match.h).
// (2) A snapshot with a delete file that may apply to a planned file is refused, since
//     its rows cannot be told from deleted ones.
#ifndef DSI_SCAN_SCAN_PLAN_H
#define DSI_SCAN_SCAN_PLAN_H

#include "scan/expr_match.h"
#include "scan/scan.h"

struct dsi_plan_request {
    ds_storage *storage;
    const struct dsi_metadata *metadata;
    const struct dsi_snapshot *snapshot; // NULL: nothing to read.
    const struct dsi_schema *schema;     // The filter is bound to it.
    const struct dsi_bound *filter;      // NULL: every row.
};

struct dsi_plan_file {
    const struct dsi_data_file *file; // In the plan's arena.
    int64_t sequence_number;
    size_t position; // Among the plan's files, as first planned.
    bool all;        // Every row passes.
};

struct dsi_plan {
    struct dsi_arena arena;
    struct dsi_plan_file *files; // In the order of the table's manifests.
    size_t count;
    size_t capacity;
    struct ds_scan_stats stats;
};

/// Plans; ends by dsi_plan_release, also after a failure.
DS_MUST_CHECK int dsi_plan_make(const struct dsi_plan_request *request,
                                struct dsi_plan *out, struct ds_error *err);
void dsi_plan_release(struct dsi_plan *plan); // Twice is fine.

#endif
