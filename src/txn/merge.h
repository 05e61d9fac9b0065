// Which manifests of a new snapshot are merged into one: commit.manifest.*.
//
// Manifests of one partition spec are packed into bins of the target size, oldest first,
// as Iceberg's own library does. A bin is merged when it is full, or, the one with the
// newest manifest, when min-count manifests have piled up in it.
//
// (1) Inside a bin, old manifests with more than twice as many files as all the newer
// ones
//     together are left alone while at most half of min-count of them are. So an entry is
//     rewritten O(log n) times over the life of a table, not n / min-count times, and the
//     list still stays below min-count.
// (2) Manifests of deletes are never merged here.
#ifndef DSI_TXN_MERGE_H
#define DSI_TXN_MERGE_H

#include "model/manifest.h"

struct dsi_merge_policy {
    bool enabled;
    int64_t target_size; // Bytes.
    int64_t min_count;
};

struct dsi_merge_plan {
    size_t *group;      // One per row: 0 stays as it is, else the number of its merge.
    size_t group_count; // Groups are numbered from 1; each has two rows or more.
};

/// Reads the policy from the table's properties. DS_EINVALID for a bad value.
DS_MUST_CHECK int dsi_merge_policy_of(const struct dsi_metadata *m,
                                      struct dsi_merge_policy *out, struct ds_error *err);

/// Plans for the rows of a list, newest first; `out` lives in the arena. Pure.
DS_MUST_CHECK int dsi_merge_plan(const struct dsi_merge_policy *policy,
                                 const struct dsi_manifest_file *rows, size_t count,
                                 struct dsi_arena *arena, struct dsi_merge_plan *out,
                                 struct ds_error *err);

/// How a new manifest of the table is written: format, schema, spec, compression. Pure;
/// borrowed from `m`. DS_EINVALID for a bad compression level.
DS_MUST_CHECK int dsi_manifest_write_of(const struct dsi_metadata *m, int32_t spec_id,
                                        int64_t snapshot_id,
                                        struct dsi_manifest_write *out,
                                        struct ds_error *err);

#endif
