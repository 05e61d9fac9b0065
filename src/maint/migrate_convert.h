// The snapshots of a table in DataShard's own layout, written as Iceberg's.
//
// (1) Each data file is opened once, and must be what was recorded of it: its size, its
//     SHA-256 where there is one, its rows. Its metrics come from its footer.
// (2) Manifests keep whose they are and how old: snapshot ids, sequence numbers.
// (3) A snapshot that cannot be read is left out, unless it is the current one.
#ifndef DSI_MAINT_MIGRATE_CONVERT_H
#define DSI_MAINT_MIGRATE_CONVERT_H

#include "base/map.h"
#include "base/random.h"
#include "model/legacy.h"
#include "storage/storage.h"

/// Told how many of a table's snapshots are done.
typedef void (*dsi_migrate_progress)(void *arg, uint64_t done, uint64_t all);

struct dsi_left_out {
    int64_t snapshot_id;
    const char *why; // In the conversion's arena.
};

struct dsi_migrate_convert {
    ds_storage *storage;               // In; so are the next four.
    const struct dsi_legacy *legacy;   // The table,
    const struct dsi_metadata *old;    // and as metadata that are marked as legacy.
    bool dry_run;                      // Write nothing.
    dsi_migrate_progress progress;     // NULL: nobody is told.
    void *progress_arg;                // In.
    struct dsi_arena arena;            // Of all that follows. Zeroed at first.
    char identity[DSI_UUID_TEXT_SIZE]; // In the names of new files.
    struct dsi_map files;              // By path, to struct dsi_data_file.
    struct dsi_map manifests;          // By path, to what they became.
    struct dsi_metadata *made;         // Out: the new table. Owned.
    const char **written;              // Out: new files, also after a failure.
    size_t written_count;
    struct dsi_left_out *left_out; // Out.
    size_t left_out_count;
    uint64_t snapshots; // Out: how many of each the new table has.
    uint64_t manifest_count;
    uint64_t file_count; // Different ones, over all snapshots.
    int64_t rows;        // Of the current snapshot.
    uint64_t bytes;      // Of new metadata.
};

/// Checks and writes everything but the metadata file. DS_ECORRUPT and others say which
/// file. End with dsi_migrate_convert_release, also after a failure.
DS_MUST_CHECK int dsi_migrate_convert(struct dsi_migrate_convert *c,
                                      struct ds_error *err);

/// Removes what was written: there will be no new table. Failures leave files behind
/// that nobody names.
void dsi_migrate_convert_undo(struct dsi_migrate_convert *c);
void dsi_migrate_convert_release(struct dsi_migrate_convert *c);

#endif
