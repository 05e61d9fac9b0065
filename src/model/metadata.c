#include "model/metadata.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "model/metadata_edit.h"

struct dsi_metadata *dsi_metadata_ref(const struct dsi_metadata *m)
{
    struct dsi_metadata *counted = (struct dsi_metadata *)(uintptr_t)m; // Only the count.
    dsi_refcount_add(&counted->owners);
    return counted;
}

void dsi_metadata_unref(const struct dsi_metadata *m)
{
    struct dsi_metadata *counted = (struct dsi_metadata *)(uintptr_t)m;

    if (!m || !dsi_refcount_drop(&counted->owners)) {
        return;
    }
    for (size_t i = 0; i < m->snapshot_count; i++) {
        dsi_snapshot_unref(m->snapshots[i]);
    }
    dsi_metadata_text_unref(m->text);
    dsi_metadata_parts_unref(m->parts);
    struct dsi_arena arena = m->arena; // It may hold what we still read: take it first.
    dsi_free(counted);
    dsi_arena_release(&arena);
}

const struct dsi_schema *dsi_metadata_schema(const struct dsi_metadata *m, int32_t id)
{
    for (size_t i = 0; i < m->schema_count; i++) {
        if (m->schemas[i].schema_id == id) {
            return &m->schemas[i];
        }
    }
    return NULL;
}

const struct dsi_schema *dsi_metadata_current_schema(const struct dsi_metadata *m)
{
    return dsi_metadata_schema(m, m->current_schema_id);
}

const struct dsi_partition_spec *dsi_metadata_spec(const struct dsi_metadata *m,
                                                   int32_t id)
{
    for (size_t i = 0; i < m->spec_count; i++) {
        if (m->specs[i].spec_id == id) {
            return &m->specs[i];
        }
    }
    return NULL;
}

const struct dsi_partition_spec *dsi_metadata_default_spec(const struct dsi_metadata *m)
{
    return dsi_metadata_spec(m, m->default_spec_id);
}

const struct dsi_sort_order *dsi_metadata_default_sort_order(const struct dsi_metadata *m)
{
    for (size_t i = 0; i < m->sort_order_count; i++) {
        if (m->sort_orders[i].order_id == m->default_sort_order_id) {
            return &m->sort_orders[i];
        }
    }
    return NULL;
}

const struct dsi_snapshot *dsi_metadata_snapshot(const struct dsi_metadata *m, int64_t id)
{
    for (size_t i = m->snapshot_count; i > 0; i--) { // The newest are asked for most.
        if (m->snapshots[i - 1]->snapshot_id == id) {
            return m->snapshots[i - 1];
        }
    }
    return NULL;
}

const struct dsi_snapshot *dsi_metadata_current_snapshot(const struct dsi_metadata *m)
{
    return m->current_snapshot_id == DSI_SNAPSHOT_NONE
               ? NULL
               : dsi_metadata_snapshot(m, m->current_snapshot_id);
}

const struct dsi_ref *dsi_metadata_find_ref(const struct dsi_metadata *m,
                                            const char *name)
{
    for (size_t i = 0; i < m->ref_count; i++) {
        if (strcmp(m->refs[i].name, name) == 0) {
            return &m->refs[i];
        }
    }
    return NULL;
}

const char *dsi_metadata_property(const struct dsi_metadata *m, const char *key)
{
    for (size_t i = 0; i < m->property_count; i++) {
        if (strcmp(m->properties[i].key, key) == 0) {
            return m->properties[i].value;
        }
    }
    return NULL;
}

const char *dsi_snapshot_summary(const struct dsi_snapshot *s, const char *key)
{
    for (size_t i = 0; i < s->summary_count; i++) {
        if (strcmp(s->summary[i].key, key) == 0) {
            return s->summary[i].value;
        }
    }
    return NULL;
}

const struct dsi_snapshot *dsi_metadata_snapshot_as_of(const struct dsi_metadata *m,
                                                       int64_t timestamp_ms)
{
    for (size_t i = m->snapshot_log_count; i > 0; i--) {
        if (m->snapshot_log[i - 1].timestamp_ms <= timestamp_ms) {
            return dsi_metadata_snapshot(m, m->snapshot_log[i - 1].snapshot_id);
        }
    }
    return NULL;
}

int dsi_metadata_property_i64(const struct dsi_metadata *m, const char *key,
                              int64_t fallback, int64_t min, int64_t *out,
                              struct ds_error *err)
{
    const char *text = dsi_metadata_property(m, key);

    *out = fallback;
    if (!text) {
        return DS_OK;
    }
    if (!dsi_text_to_i64(text, strlen(text), out) || *out < min) {
        return dsi_fail(err, DS_EINVALID,
                        "table property %s is '%s', expected a whole number of at least "
                        "%lld",
                        key, text, (long long)min);
    }
    return DS_OK;
}

int dsi_metadata_property_bool(const struct dsi_metadata *m, const char *key,
                               bool fallback, bool *out, struct ds_error *err)
{
    const char *text = dsi_metadata_property(m, key);

    *out = fallback;
    if (!text) {
        return DS_OK;
    }
    *out = dsi_text_equal_nocase(text, "true");
    if (!*out && !dsi_text_equal_nocase(text, "false")) {
        return dsi_fail(err, DS_EINVALID,
                        "table property %s is '%s', expected true or false", key, text);
    }
    return DS_OK;
}
