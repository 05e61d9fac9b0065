// Merging all small files of a table because somebody asked for it: tidy.h until there is
// nothing left that was there when it began.
#ifndef DSI_TXN_OPTIMIZE_H
#define DSI_TXN_OPTIMIZE_H

#include "txn/table.h"

/// 0: the default.
struct dsi_optimize {
    int64_t file_bytes_max; // Larger files are not small; three quarters of
                            // write.target-file-size-bytes.
    size_t files_min;       // Files of one partition that are worth it; 5.
};

struct dsi_optimized {
    uint64_t files; // Rewritten,
    uint64_t made;  // into so many.
    uint64_t rows;
    uint64_t bytes;   // Of those rewritten.
    uint64_t commits; // Each is whole by itself.
};

/// Merges, partition by partition, what is small now on the main branch; files that are
/// added meanwhile are left alone, so it ends. *out says what was done, on failure too.
/// DS_EUNSUPPORTED as dsi_tidy_once says; DS_ECONFLICT: others rewrite the same files.
DS_MUST_CHECK int dsi_optimize(struct dsi_table *table, const struct dsi_optimize *limits,
                               struct dsi_optimized *out, struct ds_error *err);

#endif
