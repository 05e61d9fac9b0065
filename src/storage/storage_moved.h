// A view of a storage for a table whose directory was moved: what its metadata name below
// the old place is read from the new one.
//
// (1) Nothing is written, removed or listed below the old place: who knows whose it is
//     now. DS_EUNSUPPORTED, with a message that names both.
// (2) All other paths go through as they are.
#ifndef DSI_STORAGE_STORAGE_MOVED_H
#define DSI_STORAGE_STORAGE_MOVED_H

#include "storage/storage.h"

/// A view of `inner`, which it does not own and which outlives it. `from` and `to` are
/// locations of one scheme; copied. DS_EINVALID for others.
DS_MUST_CHECK int dsi_storage_moved_new(ds_storage *inner, const char *from,
                                        const char *to, ds_storage **out,
                                        struct ds_error *err);

#endif
