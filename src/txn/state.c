#include "txn/state.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

int dsi_manifests_new(int64_t snapshot_id, struct dsi_manifest_list *list,
                      const struct dsi_manifests **out, struct ds_error *err)
{
    struct dsi_manifests *m = dsi_calloc(1, sizeof *m);

    *out = NULL;
    if (!m) {
        dsi_manifest_list_release(list);
        return dsi_no_memory(err, "keeping a manifest list");
    }
    dsi_refcount_init(&m->owners);
    m->snapshot_id = snapshot_id;
    m->list = *list;
    *list = (struct dsi_manifest_list){0};
    *out = m;
    return DS_OK;
}

const struct dsi_manifests *dsi_manifests_ref(const struct dsi_manifests *m)
{
    if (m) {
        dsi_refcount_add(&((struct dsi_manifests *)m)->owners); // All else is immutable.
    }
    return m;
}

void dsi_manifests_unref(const struct dsi_manifests *m)
{
    struct dsi_manifests *mine = (struct dsi_manifests *)m;

    if (mine && dsi_refcount_drop(&mine->owners)) {
        dsi_manifest_list_release(&mine->list);
        dsi_free(mine);
    }
}

bool dsi_head_equal(const struct dsi_head *a, const struct dsi_head *b)
{
    return strcmp(a->metadata_location, b->metadata_location) == 0 &&
           (a->stamp == b->stamp || a->stamp == 0 || b->stamp == 0);
}

const struct dsi_state *dsi_state_ref(const struct dsi_state *s)
{
    if (s) {
        dsi_refcount_add(&((struct dsi_state *)s)->owners); // All else is immutable.
    }
    return s;
}

void dsi_state_unref(const struct dsi_state *s)
{
    struct dsi_state *mine = (struct dsi_state *)s;

    if (mine && dsi_refcount_drop(&mine->owners)) {
        dsi_metadata_unref(mine->metadata);
        dsi_manifests_unref(mine->manifests);
        dsi_arena_release(&mine->arena);
        dsi_free(mine);
    }
}

int dsi_state_new(const struct dsi_head *head, const struct dsi_metadata *metadata,
                  const struct dsi_manifests *manifests, const struct dsi_state **out,
                  struct ds_error *err)
{
    struct dsi_state *s = dsi_calloc(1, sizeof *s);

    assert(head->metadata_location && metadata);
    *out = NULL;
    if (!s) {
        return dsi_no_memory(err, "keeping a table's state");
    }
    dsi_refcount_init(&s->owners);
    s->head.version = head->version;
    s->head.stamp = head->stamp;
    s->head.metadata_location = dsi_arena_strdup(&s->arena, head->metadata_location);
    if (!s->head.metadata_location) {
        dsi_state_unref(s);
        return dsi_no_memory(err, "keeping a table's state");
    }
    s->metadata = dsi_metadata_ref(metadata);
    s->manifests = dsi_manifests_ref(manifests);
    *out = s;
    return DS_OK;
}
