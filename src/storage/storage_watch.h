// A storage that wraps another and tells a watcher of each call, before and after. Only
// in builds for testing.
//
// The watcher may fail a call: before, it is never made; after, it was made and its
// answer is lost. On it stand the recording storage and the failing one.
#ifndef DSI_STORAGE_STORAGE_WATCH_H
#define DSI_STORAGE_STORAGE_WATCH_H

#ifdef DSI_TESTING
#include "storage/storage.h"

struct dsi_storage_event {
    const char *call; // "put", "sync", "sync_file", "open", "read", "create", "write",
                      // "finish", "stat", "remove", "list", "lock", "unlock"
    const char *path; // Of a sync the first.
    uint64_t size;    // Of what is written or read; 0 for others.
    uint32_t flags;   // Of a put.
    bool after;
    int status; // After: what the storage said.
};

/// A negative return is what the caller gets. Any thread that uses the storage.
typedef int (*dsi_storage_watch_fn)(void *arg, const struct dsi_storage_event *event,
                                    struct ds_error *err);

/// Takes over `inner` when it succeeds; `arg` outlives the storage.
DS_MUST_CHECK int dsi_storage_watch_new(ds_storage *inner, dsi_storage_watch_fn fn,
                                        void *arg, ds_storage **out,
                                        struct ds_error *err);
#endif

#endif
