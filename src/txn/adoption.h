// Data files that somebody else wrote join a table: which they are, whether they fit, and
// that they will be there.
//
// (1) None of them is live in the version the change was planned on, or added twice.
// (2) Each is durable, name and content, before the change refers to it. Nobody removes
//     them for the change's sake: they are not ours.
// (3) Where files have no field ids, the change sets the table's name mapping, unless the
//     table has one that names every column.
#ifndef DSI_TXN_ADOPTION_H
#define DSI_TXN_ADOPTION_H

#include "storage/storage.h"
#include "txn/change.h"

struct dsi_adoption_file {
    const char *path;               // A location, or relative to the table's.
    struct ds_properties partition; // As in struct dsi_data_adopt_options.
    int64_t record_count; // Of a table without columns, whose files are not opened.
};

/// Adds the files to `change`, which was planned on the version that `metadata` is or was
/// made from. DS_ENOTFOUND, DS_EEXISTS for (1), DS_EINVALID, DS_ECORRUPT and
/// DS_EUNSUPPORTED name the file. On failure the change may hold some of it, and is good
/// for nothing.
DS_MUST_CHECK int dsi_adoption_add(ds_storage *storage,
                                   const struct dsi_metadata *metadata,
                                   struct dsi_change *change,
                                   const struct dsi_adoption_file *files, size_t count,
                                   struct ds_error *err);

#endif
