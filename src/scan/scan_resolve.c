#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "scan/scan.h"

static int by_ref(const struct dsi_metadata *m, const char *name,
                  const struct dsi_snapshot **out, struct ds_error *err)
{
    const struct dsi_ref *ref = dsi_metadata_find_ref(m, name);

    if (ref) {
        *out = dsi_metadata_snapshot(m, ref->snapshot_id);
    } else if (strcmp(name, DSI_REF_MAIN) == 0) {
        *out = dsi_metadata_current_snapshot(m);
    } else {
        return dsi_fail(err, DS_EINVALID, "the table has no branch or tag %.200s", name);
    }
    return DS_OK;
}

static int by_time(const struct dsi_metadata *m, int64_t ms,
                   const struct dsi_snapshot **out, struct ds_error *err)
{
    char text[DSI_TIME_TEXT_SIZE];

    *out = dsi_metadata_snapshot_as_of(m, ms);
    if (*out) {
        return DS_OK;
    }
    dsi_timestamp_format(dsi_floor_div(ms, 86400000),
                         dsi_floor_mod(ms, 86400000) * 1000000, 3, true, text);
    return dsi_fail(err, DS_EINVALID, "no snapshot as old as %s is known any more", text);
}

int dsi_scan_resolve(const struct dsi_metadata *m, const struct ds_at *at,
                     const struct dsi_snapshot **out, struct ds_error *err)
{
    *out = NULL;
    if ((at->snapshot_id != 0) + (at->ref != NULL) + (at->as_of_ms != 0) > 1) {
        return dsi_fail(err, DS_EINVALID,
                        "at most one of snapshot id, ref and time may be asked for");
    }
    if (at->ref) {
        return by_ref(m, at->ref, out, err);
    }
    if (at->as_of_ms != 0) {
        return by_time(m, at->as_of_ms, out, err);
    }
    if (at->snapshot_id == 0) {
        *out = dsi_metadata_current_snapshot(m);
        return DS_OK;
    }
    *out = dsi_metadata_snapshot(m, at->snapshot_id);
    return *out ? DS_OK
                : dsi_fail(err, DS_EINVALID, "the table has no snapshot %lld",
                           (long long)at->snapshot_id);
}
