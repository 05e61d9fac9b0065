#include "datashard/storage.h"

#include "base/error.h"
#include "storage/storage.h"

int ds_storage_mem_new(ds_storage **out, struct ds_error *err)
{
    if (!out) {
        return dsi_fail(err, DS_EINVALID, "ds_storage_mem_new: out is NULL");
    }
    return dsi_storage_mem_new(out, err);
}

int ds_storage_local_new(ds_storage **out, struct ds_error *err)
{
    if (!out) {
        return dsi_fail(err, DS_EINVALID, "ds_storage_local_new: out is NULL");
    }
    return dsi_storage_local_new(out, err);
}

void ds_storage_free(ds_storage *storage)
{
    dsi_storage_free(storage);
}
