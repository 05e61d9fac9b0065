#include "txn/optimize.h"

#include "base/cancel.h"
#include "base/error.h"
#include "txn/tidy.h"

// Rewrites lost in a row, until it gives way.
enum { LOST_MAX = 4 };

// Files of one rewrite, which keeps the names of all of them in memory.
enum { FILES_MAX = 4096, FILES_MIN = 5 };

static int tidy_of(struct dsi_table *table, const struct dsi_optimize *limits,
                   struct dsi_tidy *out, struct ds_error *err)
{
    const struct dsi_metadata *m = dsi_table_metadata(table);
    int64_t target = 0;
    int rc = dsi_metadata_property_i64(m, "write.target-file-size-bytes", 536870912, 1,
                                       &target, err);

    *out = (struct dsi_tidy){
        .files_min = limits->files_min > 0 ? limits->files_min : FILES_MIN,
        .files_max = FILES_MAX,
        .rows_max = INT64_MAX,
        .bytes_max = target,
        .file_bytes_max =
            limits->file_bytes_max > 0 ? limits->file_bytes_max : target - target / 4,
        .time_ns = INT64_MAX,
        .asked = true,
        .number_max = m->last_sequence_number,
    };
    dsi_metadata_unref(m);
    return rc;
}

int dsi_optimize(struct dsi_table *table, const struct dsi_optimize *limits,
                 struct dsi_optimized *out, struct ds_error *err)
{
    struct dsi_tidied done = {0};
    struct dsi_tidy tidy;
    int lost = 0;
    int rc = DS_OK;

    *out = (struct dsi_optimized){0};
    DSI_TRY(dsi_table_refresh(table, err));
    DSI_TRY(tidy_of(table, limits, &tidy, err));
    do {
        DSI_TRY(dsi_cancel_check(err));
        tidy.quiet_until = 0; // The limits of a caller who comes again and again.
        DSI_TRY(dsi_tidy_once(table, &tidy, &done, err));
        lost = done.lost ? lost + 1 : 0;
        if (lost == LOST_MAX) {
            rc = dsi_fail(err, DS_ECONFLICT,
                          "others rewrite the same files; try again when they are done");
            goto done;
        }
        if (done.lost) {
            DSI_TRY(dsi_table_refresh(table, err));
            continue;
        }
        out->files += done.files;
        out->made += done.made;
        out->rows += (uint64_t)done.rows;
        out->bytes += (uint64_t)done.bytes;
        out->commits += done.files > 0;
    } while (done.lost || done.files > done.made); // There are fewer each time.
done:
    return rc;
}
