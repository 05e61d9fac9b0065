// Intents that do not fit into a slot of the queue: they travel by a file beside the
// table's metadata, and the slot says which.
//
// (1) The file is as short-lived as the queue is: never synced, and its owner removes it
//     when it leaves the queue, whatever became of the change. No version ever names it.
// (2) What a slot says is not believed: the file's name is made here, of an identity
//     and a nonce, and its bytes must have the size and the sum that were told.
#ifndef DSI_TXN_INTENT_FILE_H
#define DSI_TXN_INTENT_FILE_H

#include "storage/storage.h"
#include "txn/change.h"

enum { DSI_INTENT_FILE_MAX = 16 << 20 }; // Bytes of the largest that travel.

/// Where the intent of `change` is, beside the metadata of `m`. *out is in the arena.
DS_MUST_CHECK int dsi_intent_file_path(const struct dsi_metadata *m,
                                       const struct dsi_change *change,
                                       struct dsi_arena *arena, const char **out,
                                       struct ds_error *err);

/// Stores the intent `bytes` of `change` at its path, and puts into `slot` what is to be
/// published instead. The path is to be removed in the end; something may be there after
/// a failure, too.
DS_MUST_CHECK int dsi_intent_file_put(ds_storage *storage, const char *path,
                                      const struct dsi_change *change,
                                      struct ds_slice bytes, struct dsi_buf *slot,
                                      struct ds_error *err);

/// True when `slot` says that its intent is in a file.
bool dsi_intent_is_in_file(struct ds_slice slot);

/// Reads that intent into `out`, whose maximum bounds it. DS_ENOTFOUND: its owner has
/// taken it back; DS_ECORRUPT: it is not the one that the slot speaks of.
DS_MUST_CHECK int dsi_intent_file_get(ds_storage *storage, const struct dsi_metadata *m,
                                      struct ds_slice slot, struct dsi_buf *out,
                                      struct ds_error *err);

#endif
