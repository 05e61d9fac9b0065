// Metadata of DataShard's own layout, loaded so that everything else can read the table.
#ifndef DSI_TXN_LEGACY_LOAD_H
#define DSI_TXN_LEGACY_LOAD_H

#include "model/legacy.h"
#include "storage/storage.h"

/// The metadata `json`, which is what `location` ("<table>/metadata/<name>") holds, as a
/// table's. A table that was made without a schema gets that of the current snapshot's
/// data files. *legacy (NULL: not wanted) is what the metadata were made from; end it
/// with dsi_legacy_release when the call succeeded.
DS_MUST_CHECK int dsi_legacy_load(ds_storage *storage, struct ds_slice json,
                                  const char *location, struct dsi_legacy *legacy,
                                  struct dsi_metadata **out, struct ds_error *err);

#endif
