// What a table says about committing in groups.
#include "base/error.h"
#include "base/log.h"
#include "txn/group.h"

// More does not fit into an intent, which has other things in it too.
enum { ROWS_BYTES_MAX = DSI_QUEUE_INTENT_MAX - (16 << 10) };

// A setting that makes no sense must not stop the commit that mends it.
static int64_t limit(const struct dsi_metadata *m, const char *key, int64_t fallback)
{
    struct ds_error err = {0};
    int64_t value = fallback;

    if (dsi_metadata_property_i64(m, key, fallback, 0, &value, &err) < 0) {
        dsi_log(DS_LOG_WARN, "%s; taking %lld", err.message, (long long)fallback);
        value = fallback;
    }
    return value;
}

struct dsi_group_policy dsi_group_policy_of(const struct dsi_metadata *m)
{
    struct dsi_group_policy p = {.enabled = true};
    struct ds_error err = {0};

    if (dsi_metadata_property_bool(m, DSI_KEY_GROUP_ENABLED, true, &p.enabled, &err) <
        0) {
        dsi_log(DS_LOG_WARN, "%s; taking true", err.message);
        p.enabled = true;
    }
    p.rows_max = limit(m, DSI_KEY_GROUP_ROWS_MAX, DSI_GROUP_ROWS_MAX);
    p.bytes_max = limit(m, DSI_KEY_GROUP_BYTES_MAX, DSI_GROUP_BYTES_MAX);
    p.bytes_max = p.bytes_max < ROWS_BYTES_MAX ? p.bytes_max : ROWS_BYTES_MAX;
    return p;
}
