// Reads that lose their files: the snapshot they read was expired by somebody else.
//
// (1) Expiry is looked for only when a file is gone, and it is the table's newest version
//     that tells: whoever lost a file of a snapshot that is still there has lost a file.
#ifndef DSI_API_API_EXPIRED_H
#define DSI_API_API_EXPIRED_H

#include "api/api_handle.h"

/// What is read, of which table. Borrowed, but for what dsi_reading_keep has made its
/// own.
struct dsi_reading {
    struct ds_catalog *catalog;
    struct dsi_table_name name;
    const struct dsi_metadata *metadata; // The version it was planned on.
    int64_t snapshot_id;                 // DSI_SNAPSHOT_NONE: none yet.
};

struct dsi_reading dsi_reading_of(const struct ds_table *table,
                                  const struct dsi_metadata *metadata,
                                  const struct dsi_snapshot *snapshot); // NULL: none.

/// Makes it last as long as the arena, and until dsi_reading_drop, without the table's
/// handle. On failure there is nothing to drop.
DS_MUST_CHECK int dsi_reading_keep(struct dsi_reading *r, struct dsi_arena *arena,
                                   struct ds_error *err);
void dsi_reading_drop(struct dsi_reading *r); // One that was kept, once.

/// The status of a read that ended with `rc`: DS_EEXPIRED, in words, for DS_ENOTFOUND
/// where (1) says so; any other `rc` as it is, with *err as it is. Reads the table's
/// newest version for that.
int dsi_reading_ended(const struct dsi_reading *r, int rc, struct ds_error *err);

#endif
