// The summary of a snapshot: what was added, what there is in all, and whose it was.
// Iceberg specification, Appendix F "Snapshot summary fields"; keys and rules as
// Iceberg's own library writes them.
#ifndef DSI_TXN_SUMMARY_H
#define DSI_TXN_SUMMARY_H

#include "txn/change.h"

struct dsi_summary_input {
    const struct dsi_metadata *metadata;
    const struct dsi_snapshot *parent; // NULL: none.
    const struct dsi_change *change;
    const char *also; // One more identity to name beside the members; NULL: none.
    size_t manifests_created;
    size_t manifests_kept;
    size_t manifests_replaced;
};

/// An append's or a rewrite's summary, "operation" first; keys and values in the arena.
/// The caller's own entries never replace ours. Pure.
DS_MUST_CHECK int dsi_summary_append(const struct dsi_summary_input *in,
                                     struct dsi_arena *arena, struct ds_properties *out,
                                     struct ds_error *err);

/// How many manifests the snapshot says it replaced; -1 when it does not say.
int64_t dsi_summary_replaced(const struct dsi_snapshot *s);

#endif
