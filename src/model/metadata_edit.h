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

#endif
