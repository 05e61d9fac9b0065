// The manifests and manifest lists of a moved table, written for its new place.
//
// (1) Nothing of an entry changes but its paths; of deletes that were written anew
//     (relocate_deletes.h) also their size and the bounds of the paths in them, and what
//     is told of their bytes is left out.
// (2) Every live file below the old place is looked at: it is there, with its size.
#ifndef DSI_MAINT_RELOCATE_MANIFESTS_H
#define DSI_MAINT_RELOCATE_MANIFESTS_H

#include "maint/relocate_place.h"

/// The manifests of a snapshot, and the list of them, into r->manifests and r->lists:
/// each once. DS_ENOTFOUND and DS_ECORRUPT name the file that is not as it was.
DS_MUST_CHECK int dsi_relocate_snapshot(struct dsi_relocation *r,
                                        const struct dsi_snapshot *s,
                                        struct ds_error *err);

#endif
