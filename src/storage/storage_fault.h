// A storage that wraps another and fails, or ends the process, at a chosen call. Only in
// builds for testing.
#ifndef DSI_STORAGE_STORAGE_FAULT_H
#define DSI_STORAGE_STORAGE_FAULT_H

#ifdef DSI_TESTING
#include <stdatomic.h>

#include "storage/storage.h"

/// Which call fails, and how. Zeroed but for `nth` it fails the nth call of any kind.
struct dsi_storage_fault {
    const char *call; // "put", "finish", …; NULL: any.
    uint32_t nth;     // Counted from 1; 0: none.
    bool after;       // It is done, but its answer is lost. Otherwise: never made.
    bool lasting;     // All matching calls from then on.
    int status; // What the caller gets; 0: DS_EIO, or DS_EUNKNOWN for a put's answer.
    void (*die)(void);     // Called instead, if set: for crashes. It does not return.
    _Atomic uint32_t seen; // Matching calls so far.
};

/// Takes over `inner` when it succeeds; `fault` outlives the storage, and may be changed
/// between calls.
DS_MUST_CHECK int dsi_storage_fault_new(ds_storage *inner,
                                        struct dsi_storage_fault *fault, ds_storage **out,
                                        struct ds_error *err);
#endif

#endif
