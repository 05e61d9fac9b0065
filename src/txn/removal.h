// Which live data files somebody means by their paths, for a deletion.
#ifndef DSI_TXN_REMOVAL_H
#define DSI_TXN_REMOVAL_H

#include "storage/storage.h"
#include "txn/change.h"

/// Finds the data files of `paths` among those that are live in the version `metadata`
/// that `change` was planned on, on its branch, and has the change delete them. A path is
/// as the table says it, another form of the same location, or relative to the table's
/// location, with or without '/' before it. Unknown ones are passed over, and so is what
/// the change deletes already. *found: how many files there were; 0 adds nothing.
/// DS_ECONFLICT when that version's files are gone, for it was forgotten meanwhile.
DS_MUST_CHECK int dsi_removal_find(ds_storage *storage,
                                   const struct dsi_metadata *metadata,
                                   struct dsi_change *change, const char *const *paths,
                                   size_t count, size_t *found, struct ds_error *err);

#endif
