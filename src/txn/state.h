// One state of one table as the transaction layer holds it: immutable and counted.
#ifndef DSI_TXN_STATE_H
#define DSI_TXN_STATE_H

#include "catalog/catalog.h"
#include "model/manifest.h"

// The manifest list of one snapshot, counted on its own so that states share it.
struct dsi_manifests {
    struct dsi_refcount owners;
    int64_t snapshot_id;
    struct dsi_manifest_list list;
};

struct dsi_state {
    struct dsi_refcount owners;
    struct dsi_arena arena;
    struct dsi_head head;                  // What a swap on this state compares.
    const struct dsi_metadata *metadata;   // A reference of its own.
    const struct dsi_manifests *manifests; // Of some snapshot, or NULL: not loaded.
};

/// A state of `metadata` at `head` (copied) with `manifests` (may be NULL); takes its own
/// references. Owned: end it with dsi_state_unref.
DS_MUST_CHECK int dsi_state_new(const struct dsi_head *head,
                                const struct dsi_metadata *metadata,
                                const struct dsi_manifests *manifests,
                                const struct dsi_state **out, struct ds_error *err);
const struct dsi_state *dsi_state_ref(const struct dsi_state *s); // Any thread.
void dsi_state_unref(const struct dsi_state *s);                  // NULL is fine.

/// Takes what `list` holds; `list` is empty after, also on failure.
DS_MUST_CHECK int dsi_manifests_new(int64_t snapshot_id, struct dsi_manifest_list *list,
                                    const struct dsi_manifests **out,
                                    struct ds_error *err);
const struct dsi_manifests *dsi_manifests_ref(const struct dsi_manifests *m);
void dsi_manifests_unref(const struct dsi_manifests *m); // NULL is fine.

/// True when `a` and `b` are the same version: one location.
bool dsi_head_equal(const struct dsi_head *a, const struct dsi_head *b);

#endif
