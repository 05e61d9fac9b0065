// A scan: plan which files may hold rows that match, read them, filter exactly.
//
// (1) Pruning never loses a row: a manifest, file or row group is skipped only when its
//     summaries prove that no row in it matches. Missing or odd metrics prove nothing.
// (2) What comes out is exactly the rows for which the filter is true (not null).
// (3) Memory is bounded by threads x one row group's columns, never by the table.
#ifndef DSI_SCAN_SCAN_H
#define DSI_SCAN_SCAN_H

#include "data/batch.h"
#include "datashard/scan.h"
#include "model/manifest.h"
#include "storage/storage.h"

struct dsi_scan;

struct dsi_scan_options {
    ds_storage *storage;                 // Outlives the scan.
    const struct dsi_metadata *metadata; // A reference is taken.
    struct ds_scan_options user;         // As the caller gave them; strings are copied.
};

/// Resolves the snapshot, binds the filter and plans. A table without snapshot scans as
/// empty. Ends by dsi_scan_free.
DS_MUST_CHECK int dsi_scan_open(const struct dsi_scan_options *options,
                                struct dsi_scan **out, struct ds_error *err);

/// Scans one file that is in no table, instead of a snapshot: with its own schema
/// (dsi_data_file_look). Both outlive the scan.
DS_MUST_CHECK int dsi_scan_open_file(const struct dsi_scan_options *options,
                                     const struct dsi_data_file *file,
                                     const struct dsi_schema *schema,
                                     struct dsi_scan **out, struct ds_error *err);

/// The schema of its batches: the projected columns; borrowed.
const struct dsi_schema *dsi_scan_schema(const struct dsi_scan *s);

/// DS_ROW with *out (never empty), DS_OK at the end. One thread at a time.
DS_MUST_CHECK int dsi_scan_next(struct dsi_scan *s, struct dsi_batch *out,
                                struct ds_error *err);

/// Counts what is left, cheaply where metadata decides.
DS_MUST_CHECK int dsi_scan_count(struct dsi_scan *s, int64_t *out, struct ds_error *err);
void dsi_scan_stats(const struct dsi_scan *s, struct ds_scan_stats *out);
void dsi_scan_free(struct dsi_scan *s); // NULL is fine; stops its threads.

/// Which snapshot `at` means: *out borrowed from metadata, NULL for an empty table's now.
DS_MUST_CHECK int dsi_scan_resolve(const struct dsi_metadata *m, const struct ds_at *at,
                                   const struct dsi_snapshot **out, struct ds_error *err);

/// Loads a snapshot's manifest list (v1 snapshots without one included).
DS_MUST_CHECK int dsi_snapshot_manifests(ds_storage *storage,
                                         const struct dsi_metadata *m,
                                         const struct dsi_snapshot *snapshot,
                                         struct dsi_manifest_list *out,
                                         struct ds_error *err);

/// Loads one manifest; its recorded length is checked.
DS_MUST_CHECK int dsi_manifest_load(ds_storage *storage, const struct dsi_metadata *m,
                                    const struct dsi_manifest_file *file,
                                    const struct dsi_manifest_read_options *options,
                                    struct dsi_manifest *out, struct ds_error *err);

#endif
