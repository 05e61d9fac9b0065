// Where a table's new files go.
#ifndef DSI_TXN_PATHS_H
#define DSI_TXN_PATHS_H

#include "model/metadata.h"

/// In the arena: write.data.path (or <location>/data), write.metadata.path (or
/// <location>/metadata), checked as locations: DS_EINVALID. Pure.
DS_MUST_CHECK int dsi_table_data_path(const struct dsi_metadata *m,
                                      struct dsi_arena *arena, char **out,
                                      struct ds_error *err);
DS_MUST_CHECK int dsi_table_metadata_path(const struct dsi_metadata *m,
                                          struct dsi_arena *arena, char **out,
                                          struct ds_error *err);

/// The location of a metadata, manifest or list file by its bare name, likewise.
DS_MUST_CHECK int dsi_metadata_file_path(const struct dsi_metadata *m, const char *name,
                                         struct dsi_arena *arena, char **out,
                                         struct ds_error *err);

/// True when `path` lies below the directory `root`, by whole components.
bool dsi_path_is_below(const char *path, const char *root);

/// The one form of a data file's path, as a table says it, in which paths are compared:
/// canonical, or as it is where it is no location of ours. In the arena, or borrowed.
DS_MUST_CHECK int dsi_path_form(const char *path, struct dsi_arena *arena,
                                const char **out, struct ds_error *err);

#endif
