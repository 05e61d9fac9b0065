// Iceberg specification, "Snapshot Retention Policy".
#include "model/metadata.h"

#include "base/error.h"
#include "base/map.h"

static int table_limits(const struct dsi_metadata *m, int64_t now_ms,
                        struct dsi_retention *out, struct ds_error *err)
{
    int64_t age_ms = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_metadata_property_i64(m, "history.expire.max-snapshot-age-ms", 432000000,
                                      1, &age_ms, err));
    DSI_TRY(dsi_metadata_property_i64(m, "history.expire.min-snapshots-to-keep", 1, 1,
                                      &out->keep_min, err));
    out->expire_before_ms = now_ms - age_ms;
done:
    return rc;
}

static struct dsi_retention branch_limits(const struct dsi_ref *ref, int64_t now_ms,
                                          const struct dsi_retention *table)
{
    struct dsi_retention l = *table;
    if (ref->max_snapshot_age_ms >= 0) {
        l.expire_before_ms = now_ms - ref->max_snapshot_age_ms;
    }
    if (ref->min_snapshots_to_keep >= 0) {
        l.keep_min = ref->min_snapshots_to_keep;
    }
    return l;
}

enum mark { UNSEEN, ANCESTOR, KEPT };

struct marking {
    const struct dsi_metadata *m;
    struct dsi_map index_of; // Snapshot id to its place, plus one.
    unsigned char *marks;
};

static size_t place(const struct marking *k, int64_t id)
{
    return (size_t)(uintptr_t)dsi_map_get_int(&k->index_of, id);
}

// Keeps a branch's ancestors until one is both too old and beyond the minimum; the rest
// are seen, but not kept. A cycle cannot hold us: each snapshot is walked once a branch.
static void mark_branch(struct marking *k, const struct dsi_ref *ref,
                        const struct dsi_retention *l)
{
    int64_t id = ref->snapshot_id;
    bool keeping = true;
    size_t at = 0;

    for (int64_t n = 0; n < (int64_t)k->m->snapshot_count && (at = place(k, id)); n++) {
        const struct dsi_snapshot *s = k->m->snapshots[at - 1];
        keeping = keeping && (n < l->keep_min || s->timestamp_ms >= l->expire_before_ms);
        if (keeping) {
            k->marks[at - 1] = KEPT;
        } else if (k->marks[at - 1] == UNSEEN) {
            k->marks[at - 1] = ANCESTOR;
        }
        id = s->parent_id;
    }
}

static int mark_all(struct marking *k, int64_t now_ms, const struct dsi_retention *table,
                    struct ds_error *err)
{
    const struct dsi_metadata *m = k->m;
    int rc = DS_OK;

    for (size_t i = 0; i < m->snapshot_count; i++) {
        void *nth = (void *)(uintptr_t)(i + 1);
        DSI_TRY(dsi_map_put_int(&k->index_of, m->snapshots[i]->snapshot_id, nth, err));
    }
    for (size_t i = 0; i < m->ref_count; i++) {
        if (m->refs[i].kind == DSI_REF_BRANCH) {
            struct dsi_retention l = branch_limits(&m->refs[i], now_ms, table);
            mark_branch(k, &m->refs[i], &l);
        }
    }
    for (size_t i = 0; i < m->ref_count; i++) {
        size_t at = place(k, m->refs[i].snapshot_id);
        if (at) {
            k->marks[at - 1] = KEPT;
        }
    }
done:
    return rc;
}

static int find_expired(const struct dsi_metadata *m, int64_t now_ms,
                        const struct dsi_retention *table, struct dsi_arena *arena,
                        int64_t **ids, size_t *count, struct ds_error *err)
{
    struct marking k = {.m = m, .index_of = DSI_MAP_INIT};
    int rc = DS_OK;

    *count = 0;
    *ids = dsi_arena_array(arena, m->snapshot_count, sizeof **ids);
    k.marks = dsi_arena_alloc(arena, m->snapshot_count);
    if (!*ids || !k.marks) {
        rc = dsi_no_memory(err, "looking for expired snapshots");
        goto done;
    }
    DSI_TRY(mark_all(&k, now_ms, table, err));
    for (size_t i = 0; i < m->snapshot_count; i++) {
        const struct dsi_snapshot *s = m->snapshots[i];
        // What no ref leads to (staged, rolled back) stays until it is old.
        bool old = s->timestamp_ms < table->expire_before_ms;
        if (k.marks[i] == ANCESTOR || (k.marks[i] == UNSEEN && old)) {
            (*ids)[(*count)++] = s->snapshot_id;
        }
    }
done:
    dsi_map_release(&k.index_of);
    return rc;
}

int dsi_metadata_expired(const struct dsi_metadata *m, int64_t now_ms,
                         struct dsi_arena *arena, int64_t **ids, size_t *count,
                         struct ds_error *err)
{
    struct dsi_retention table = {0, 0};
    int rc = DS_OK;

    *ids = NULL;
    *count = 0;
    DSI_TRY(table_limits(m, now_ms, &table, err));
    DSI_TRY(find_expired(m, now_ms, &table, arena, ids, count, err));
done:
    return rc;
}

int dsi_metadata_expired_before(const struct dsi_metadata *m, int64_t now_ms,
                                const struct dsi_retention *table,
                                struct dsi_arena *arena, int64_t **ids, size_t *count,
                                struct ds_error *err)
{
    struct dsi_retention limits = *table;

    limits.keep_min = limits.keep_min > 1 ? limits.keep_min : 1;
    return find_expired(m, now_ms, &limits, arena, ids, count, err);
}
