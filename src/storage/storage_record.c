#include "storage/storage_record.h"

#ifdef DSI_TESTING
#include <string.h>

#include "base/error.h"
#include "storage/storage_watch.h"

static int write_down(void *arg, const struct dsi_storage_event *e, struct ds_error *err)
{
    struct dsi_storage_record *r = arg;
    int rc = DS_OK;
    (void)err;

    if (e->after || strcmp(e->call, "unlock") == 0) {
        dsi_mutex_lock(r->mutex);
        rc = dsi_buf_printf(&r->lines, NULL, "%s %s %llu flags=%u -> %d\n", e->call,
                            e->path, (unsigned long long)e->size, (unsigned)e->flags,
                            e->status);
        dsi_mutex_unlock(r->mutex);
    }
    DSI_IGNORE(rc); // A line without memory is missing; the call itself went well.
    return DS_OK;
}

void dsi_storage_record_release(struct dsi_storage_record *r)
{
    dsi_buf_release(&r->lines);
    dsi_mutex_free(r->mutex);
    r->mutex = NULL;
}

const char *dsi_storage_record_text(struct dsi_storage_record *r)
{
    return dsi_buf_text(&r->lines);
}

size_t dsi_storage_record_count(struct dsi_storage_record *r, const char *call)
{
    const char *line = dsi_storage_record_text(r);
    size_t size = strlen(call);
    size_t count = 0;

    while (line && *line) {
        count += strncmp(line, call, size) == 0 && line[size] == ' ';
        line = strchr(line, '\n') + 1;
    }
    return count;
}

int dsi_storage_record_new(ds_storage *inner, struct dsi_storage_record *r,
                           ds_storage **out, struct ds_error *err)
{
    int rc = dsi_mutex_new(&r->mutex, err);

    *out = NULL;
    if (rc == DS_OK) {
        rc = dsi_storage_watch_new(inner, write_down, r, out, err);
    }
    if (rc < 0) {
        dsi_storage_record_release(r);
    }
    return rc;
}
#else
typedef int dsi_storage_record_is_compiled_out; // ISO C forbids an empty unit.
#endif
