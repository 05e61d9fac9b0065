// A storage that wraps another and writes down what was asked of it. Only in builds for
// testing.
#ifndef DSI_STORAGE_STORAGE_RECORD_H
#define DSI_STORAGE_STORAGE_RECORD_H

#ifdef DSI_TESTING
#include "base/thread.h"
#include "storage/storage.h"

/// What was recorded: a line for each call, in the order in which they ended:
/// "put file:///a/b 12 flags=1 -> 0". Zeroed is empty; release it after the storage.
struct dsi_storage_record {
    struct dsi_buf lines;
    struct dsi_mutex *mutex;
};

/// Takes over `inner` when it succeeds; `record` outlives the storage.
DS_MUST_CHECK int dsi_storage_record_new(ds_storage *inner,
                                         struct dsi_storage_record *record,
                                         ds_storage **out, struct ds_error *err);
void dsi_storage_record_release(struct dsi_storage_record *record);

/// The lines so far, borrowed until the next call; NULL without memory.
const char *dsi_storage_record_text(struct dsi_storage_record *record);

/// How many lines begin with `call` and a blank.
size_t dsi_storage_record_count(struct dsi_storage_record *record, const char *call);
#endif

#endif
