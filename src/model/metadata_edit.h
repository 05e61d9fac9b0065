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

// What versions made one from another have in common, copied once for all of them:
// schemas, specs, sort orders, and the metadata log but for its newest entries. It is
// never changed, and made anew from time to time: a version has one, and that holds no
// more than the version which was its first.
struct dsi_metadata_parts {
    struct dsi_refcount owners;
    struct dsi_arena arena;
};

void dsi_metadata_parts_unref(struct dsi_metadata_parts *p); // NULL is fine.

/// So many new entries of the metadata log are copied by each version at most.
enum { DSI_LOG_APART_MAX = 16 };

/// Copies all of `from` into `to`, which is zeroed but for its count of owners. Snapshots
/// and parts are shared; the array of snapshots gets room for `snapshot_room`, the logs
/// get room for one more each. On failure `to` holds a part.
DS_MUST_CHECK int dsi_metadata_copy(struct dsi_metadata *to,
                                    const struct dsi_metadata *from, size_t snapshot_room,
                                    struct ds_error *err);

/// Keys that are acted upon, or shown, but never stored as a property.
bool dsi_property_is_reserved(const char *key);

#endif
