// The head of a table in DataShard's own layout, by its own rules (model/legacy.h).
//
// (1) "metadata.version-hint.text" in the table's directory is the head: the name of a
//     metadata file, or in early versions its number. Files that it does not name are
//     leftovers, whatever their numbers.
// (2) A migration points it at the Iceberg version it is about to make, and before that
//     keeps what it said in "metadata.version-hint.text.migrated". Where the version was
//     never made, that counts.
#ifndef DSI_CATALOG_CATALOG_LEGACY_H
#define DSI_CATALOG_CATALOG_LEGACY_H

#include "base/arena.h"
#include "storage/storage.h"

#define DSI_LEGACY_HINT "metadata.version-hint.text"
#define DSI_LEGACY_HINT_KEPT "metadata.version-hint.text.migrated"
#define DSI_LEGACY_LOCK ".locks/metadata.lock"

struct dsi_legacy_head {
    int64_t number;   // At least 0.
    const char *path; // Of the metadata file, in the arena of the call.
    const char *name; // Its last segment, likewise.
};

/// The number in "v<N>.metadata.json" or "v<N>-<8 hex>.metadata.json"; -1 for others.
int64_t dsi_legacy_number(const char *name);

/// DS_ENOTFOUND where there is no such table; DS_ECORRUPT where the hint is lost and
/// several files could be the head.
DS_MUST_CHECK int dsi_legacy_head_find(ds_storage *s, const char *table,
                                       struct dsi_arena *arena,
                                       struct dsi_legacy_head *out, struct ds_error *err);

/// The highest number of any metadata file of the table, in any form; -1: none.
DS_MUST_CHECK int dsi_legacy_newest(ds_storage *s, const char *table, int64_t *out,
                                    struct ds_error *err);

#endif
