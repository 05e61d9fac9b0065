// What DataShard's own layout leaves behind in a table that is Iceberg now.
#ifndef DSI_MAINT_MIGRATE_REMOVE_H
#define DSI_MAINT_MIGRATE_REMOVE_H

#include "model/metadata.h"
#include "storage/storage.h"

/// Removes the old layout's metadata files, lists, manifests and hints from `table`,
/// whose metadata `m` are Iceberg's and name none of them. *removed: how many files.
/// Data files stay. DS_EUNSUPPORTED, and nothing is removed, where `m` does name one.
DS_MUST_CHECK int dsi_migrate_remove(ds_storage *storage, const char *table,
                                     const struct dsi_metadata *m, uint64_t *removed,
                                     struct ds_error *err);

#endif
