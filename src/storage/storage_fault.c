#include "storage/storage_fault.h"

#ifdef DSI_TESTING
#include <string.h>

#include "base/error.h"
#include "storage/storage_watch.h"

static int fail_chosen(void *arg, const struct dsi_storage_event *e, struct ds_error *err)
{
    struct dsi_storage_fault *f = arg;

    if (f->nth == 0 || (f->call && strcmp(f->call, e->call) != 0)) {
        return DS_OK;
    }
    uint32_t nth = e->after ? f->seen : ++f->seen;
    if (f->after != e->after || !(nth == f->nth || (f->lasting && nth > f->nth))) {
        return DS_OK;
    }
    if (f->die) {
        f->die();
    }
    if (e->after && e->status < 0) {
        return DS_OK; // It failed by itself.
    }
    int status = e->after && strcmp(e->call, "put") == 0 ? DS_EUNKNOWN : DS_EIO;
    return dsi_fail(err, f->status ? f->status : status,
                    "injected: %s of %s, call %u: %s", e->call, e->path, (unsigned)nth,
                    e->after ? "answer lost" : "request lost");
}

int dsi_storage_fault_new(ds_storage *inner, struct dsi_storage_fault *fault,
                          ds_storage **out, struct ds_error *err)
{
    return dsi_storage_watch_new(inner, fail_chosen, fault, out, err);
}
#else
typedef int dsi_storage_fault_is_compiled_out; // ISO C forbids an empty translation unit.
#endif
