// Loading what DataShard's own layout (model/legacy.h) calls manifest lists and
// manifests.
#ifndef DSI_SCAN_MANIFEST_LEGACY_H
#define DSI_SCAN_MANIFEST_LEGACY_H

#include "model/legacy.h"
#include "storage/storage.h"

/// The bytes of a snapshot's list. In that layout a data file may be listed several times
/// and counts once: every manifest is read to see which, and the rows say what to skip.
DS_MUST_CHECK int dsi_legacy_list_load(ds_storage *storage, struct ds_slice bytes,
                                       const struct dsi_metadata *m,
                                       const struct dsi_snapshot *snapshot,
                                       struct dsi_manifest_list *out,
                                       struct ds_error *err);

/// The bytes of a manifest, without the entries that its row says to skip.
DS_MUST_CHECK int dsi_legacy_manifest_load(struct ds_slice bytes,
                                           const struct dsi_manifest_file *file,
                                           const struct dsi_metadata *m,
                                           struct dsi_manifest *out,
                                           struct ds_error *err);

#endif
