// Copies of what metadata holds, shared by those who make metadata.
#ifndef DSI_MODEL_METADATA_EDIT_H
#define DSI_MODEL_METADATA_EDIT_H

#include "model/metadata.h"

/// Deep copies into an arena, `raw` included.
DS_MUST_CHECK int dsi_partition_spec_copy(const struct dsi_partition_spec *from,
                                          struct dsi_arena *a,
                                          struct dsi_partition_spec *to,
                                          struct ds_error *err);
DS_MUST_CHECK int dsi_sort_order_copy(const struct dsi_sort_order *from,
                                      struct dsi_arena *a, struct dsi_sort_order *to,
                                      struct ds_error *err);

/// NULL stays NULL.
DS_MUST_CHECK int dsi_copy_text(struct dsi_arena *a, const char *from, const char **to,
                                struct ds_error *err);

/// Members of others, deep.
DS_MUST_CHECK int dsi_extras_copy(struct dsi_arena *a, const struct dsi_extras *from,
                                  struct dsi_extras *to, struct ds_error *err);

/// Copies all of `from` into `to`, which is zeroed but for its count of owners. Snapshots
/// are shared; their array gets room for `snapshot_room`. On failure `to` holds a part.
DS_MUST_CHECK int dsi_metadata_copy(struct dsi_metadata *to,
                                    const struct dsi_metadata *from, size_t snapshot_room,
                                    struct ds_error *err);

/// Keys that are acted upon, or shown, but never stored as a property.
bool dsi_property_is_reserved(const char *key);

#endif
