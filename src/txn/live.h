// The data files that are live in the version a change was planned on.
#ifndef DSI_TXN_LIVE_H
#define DSI_TXN_LIVE_H

#include "storage/storage.h"
#include "txn/change.h"

/// Told one live data file, without metrics, and the path of the manifest it is in; both
/// last as long as the call. A negative status ends it and becomes its result.
typedef int (*dsi_live_fn)(void *arg, const struct dsi_data_file *file,
                           const char *manifest, struct ds_error *err);

/// Tells of every live data file of `metadata`, the version `change` was planned on, on
/// its branch. DS_ECONFLICT, explained, when that version's files are gone, for it was
/// forgotten meanwhile.
DS_MUST_CHECK int dsi_live_files(ds_storage *storage, const struct dsi_metadata *metadata,
                                 const struct dsi_change *change, dsi_live_fn fn,
                                 void *arg, struct ds_error *err);

#endif
