// Files of deletes that name the data files they are about: written anew, under names of
// their own, with the names those have now.
//
// (1) Parquet and Avro files of position deletes: their column file_path. In Parquet rows
//     are sorted again, by path and position; a column `row`, which readers do not need,
//     is left out.
// (2) Puffin files of deletion vectors: the member referenced-data-file of each blob's
//     properties. The blobs stay where they are in the file.
// (3) The new name is told by the old: who only removes a file names it alike.
#ifndef DSI_MAINT_RELOCATE_DELETES_H
#define DSI_MAINT_RELOCATE_DELETES_H

#include "maint/relocate_place.h"
#include "model/manifest.h"

/// The name of the file that takes its place, in the arena.
DS_MUST_CHECK int dsi_relocate_delete_path(struct dsi_relocation *r, const char *path,
                                           const char **out, struct ds_error *err);

/// Writes it, once. `file` says path, format and size, and of a deletion vector what it
/// is about. DS_EUNSUPPORTED for formats that cannot be written.
DS_MUST_CHECK int dsi_relocate_delete(struct dsi_relocation *r,
                                      const struct dsi_data_file *file,
                                      const struct dsi_relocated **out,
                                      struct ds_error *err);

#endif
