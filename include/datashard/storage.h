/// Where a table's files live. To write a backend, see datashard/sys/storage.h.
#ifndef DATASHARD_STORAGE_H
#define DATASHARD_STORAGE_H

#include "datashard/export.h"
#include "datashard/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ds_storage ds_storage;

/// A storage that lives in memory; the reference for what the others must do. The caller
/// owns `*out` and ends it with ds_storage_free. Any thread.
DS_API DS_MUST_CHECK int ds_storage_mem_new(ds_storage **out, struct ds_error *err);

/// The file systems of this machine. Ownership and threads as above.
DS_API DS_MUST_CHECK int ds_storage_local_new(ds_storage **out, struct ds_error *err);

/// Frees a storage; NULL is fine. Nothing opened through it may be in use.
DS_API void ds_storage_free(ds_storage *storage);

#ifdef __cplusplus
}
#endif

#endif
