// The metadata files of a path table: which versions there are, and which is the head.
//
// (1) A version exists exactly when its file has its name. The hint only says where to
//     start looking: it may be missing, cut, old, or ahead of its version.
// (2) Versions have no gap above the oldest that is kept, so the head is the first one
//     after which there is none. Where the hint leads nowhere, the directory is listed.
#ifndef DSI_CATALOG_CATALOG_VERSIONS_H
#define DSI_CATALOG_CATALOG_VERSIONS_H

#include "base/arena.h"
#include "storage/storage.h"

#define DSI_VERSION_HINT "version-hint.text"

/// One file: v<number>.metadata.json, v<number>.gz.metadata.json or
/// v<number>.metadata.json.gz.
struct dsi_version {
    int64_t number;           // At least 1.
    const char *path;         // In the arena of the call.
    struct ds_file_info info; // As the file was seen last; 0 bytes: it was not.
};

/// The number in such a file name (without a directory); -1 for any other name.
int64_t dsi_version_parse(const char *name);

/// "<table>/metadata/v<number>.metadata.json", in the arena; NULL without memory.
char *dsi_version_path(const char *table, int64_t number, struct dsi_arena *arena);

/// Finds the file of version `number` under any of its names. DS_ENOTFOUND.
DS_MUST_CHECK int dsi_version_find(ds_storage *s, const char *table, int64_t number,
                                   struct dsi_arena *arena, struct dsi_version *out,
                                   struct ds_error *err);

/// The head. DS_ENOTFOUND when there is no version.
DS_MUST_CHECK int dsi_version_head(ds_storage *s, const char *table,
                                   struct dsi_arena *arena, struct dsi_version *out,
                                   struct ds_error *err);

/// All versions that are there, oldest first, in the arena.
DS_MUST_CHECK int dsi_version_list(ds_storage *s, const char *table,
                                   struct dsi_arena *arena, struct dsi_version **out,
                                   size_t *count, struct ds_error *err);

/// Lets the hint say `number`, unless it says so or more. Best effort: nobody relies on
/// it.
void dsi_version_write_hint(ds_storage *s, const char *table, int64_t number);

#endif
