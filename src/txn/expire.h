// Which snapshots a commit forgets along the way: retention for tables that many small
// commits go to. Iceberg specification, "Snapshot Retention Policy".
//
// (1) What history.expire.* and the refs keep is kept; tags and other branches count.
// (2) They go in batches: a batch is forgotten when a whole one is due. What each batch
//     costs beyond its snapshots (the ledger's file) is so paid once in many commits.
// (3) A commit forgets a bounded number, so that a long history does not stop it.
#ifndef DSI_TXN_EXPIRE_H
#define DSI_TXN_EXPIRE_H

#include "model/metadata.h"

// Whether a commit also forgets old snapshots, by the standard history.expire.*
// properties, in the same version; and how many must be due for that.
#define DSI_KEY_EXPIRE_ON_COMMIT "datashard.expire-on-commit"
#define DSI_KEY_EXPIRE_BATCH "datashard.expire-batch"
enum { DSI_EXPIRE_BATCH = 1, DSI_EXPIRE_BATCH_MAX = 1024, DSI_EXPIRE_MAX = 64 };

/// The snapshots of `m` to forget now, oldest first, in the arena; none unless the
/// table's properties say so. Cheap where nothing is due. DS_EINVALID for a bad property.
/// Pure.
DS_MUST_CHECK int dsi_expire_due(const struct dsi_metadata *m, int64_t now_ms,
                                 struct dsi_arena *arena, int64_t **ids, size_t *count,
                                 struct ds_error *err);

/// How many entries of the metadata log go at once, and with them perhaps their files,
/// when there are more than the properties allow (2); one where they make no sense. Pure.
size_t dsi_expire_log_batch(const struct dsi_metadata *m);

#endif
