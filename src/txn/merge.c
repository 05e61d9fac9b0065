#include "txn/merge.h"

#include <assert.h>

#include "base/error.h"

// About what an entry takes in a manifest, where nobody counted them.
enum { ENTRY_SIZE = 100 };

// Where planning stands: the rows of one spec, newest first.
struct packing {
    const struct dsi_merge_policy *policy;
    const struct dsi_manifest_file *rows;
    size_t *chosen; // Indices into rows.
    size_t count;
    struct dsi_merge_plan *plan;
};

int dsi_merge_policy_of(const struct dsi_metadata *m, struct dsi_merge_policy *out,
                        struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_metadata_property_bool(m, "commit.manifest-merge.enabled", true,
                                       &out->enabled, err));
    DSI_TRY(dsi_metadata_property_i64(m, "commit.manifest.target-size-bytes", 8388608, 1,
                                      &out->target_size, err));
    DSI_TRY(dsi_metadata_property_i64(m, "commit.manifest.min-count-to-merge", 100, 1,
                                      &out->min_count, err));
done:
    return rc;
}

// What it costs to write a manifest's entries again. Bytes do not tell: most of a small
// manifest is its header.
static int64_t weight_of(const struct dsi_manifest_file *f)
{
    if (f->added_files_count < 0 || f->existing_files_count < 0) {
        return f->length / ENTRY_SIZE + 1; // Version 1 need not say.
    }
    return (int64_t)f->added_files_count + f->existing_files_count + 1;
}

// How many of a bin's manifests, from the newest on, are merged (1).
static size_t merged_part(const struct packing *p, size_t first, size_t end)
{
    int64_t half = p->policy->min_count / 2;
    int64_t total = 0;
    size_t k = end - first;

    for (size_t i = first; i < end; i++) {
        total += weight_of(&p->rows[p->chosen[i]]);
    }
    while (k > 1) {
        int64_t weight = weight_of(&p->rows[p->chosen[first + k - 1]]);
        int64_t left = (int64_t)(end - first - k) + 2; // The excluded, and the merged.
        if (weight / 2 <= total - weight || left > half) {
            break;
        }
        total -= weight;
        k--;
    }
    return k;
}

static void plan_bin(struct packing *p, size_t first, size_t end)
{
    bool newest = p->chosen[first] == 0;

    if (end - first < 2 || (newest && (int64_t)(end - first) < p->policy->min_count)) {
        return;
    }
    size_t k = merged_part(p, first, end);
    if (k < 2) {
        return;
    }
    p->plan->group_count++;
    for (size_t i = first; i < first + k; i++) {
        p->plan->group[p->chosen[i]] = p->plan->group_count;
    }
}

// Fills bins from the oldest manifest on, so that the one left under-full is the newest.
static void pack(struct packing *p)
{
    size_t end = p->count;
    int64_t size = 0;

    for (size_t i = p->count; i > 0; i--) {
        int64_t length = p->rows[p->chosen[i - 1]].length;
        if (i < end && length > p->policy->target_size - size) {
            plan_bin(p, i, end);
            end = i;
            size = 0;
        }
        size += length;
    }
    if (end > 0) {
        plan_bin(p, 0, end);
    }
}

int dsi_merge_plan(const struct dsi_merge_policy *policy,
                   const struct dsi_manifest_file *rows, size_t count,
                   struct dsi_arena *arena, struct dsi_merge_plan *out,
                   struct ds_error *err)
{
    struct packing p = {.policy = policy, .rows = rows, .plan = out};
    bool *seen = dsi_arena_array(arena, count, sizeof *seen);

    out->group_count = 0;
    out->group = dsi_arena_array(arena, count, sizeof *out->group);
    p.chosen = dsi_arena_array(arena, count, sizeof *p.chosen);
    if (count > 0 && (!seen || !out->group || !p.chosen)) {
        return dsi_no_memory(err, "planning which manifests to merge");
    }
    for (size_t i = 0; policy->enabled && i < count; i++) {
        if (seen[i] || rows[i].content != DSI_MANIFEST_DATA) {
            continue;
        }
        p.count = 0;
        for (size_t k = i; k < count; k++) {
            if (rows[k].content == DSI_MANIFEST_DATA &&
                rows[k].spec_id == rows[i].spec_id) {
                seen[k] = true;
                p.chosen[p.count++] = k;
            }
        }
        pack(&p);
    }
    return DS_OK;
}

int dsi_manifest_write_of(const struct dsi_metadata *m, int32_t spec_id,
                          int64_t snapshot_id, struct dsi_manifest_write *out,
                          struct ds_error *err)
{
    int64_t level = -1;
    int rc = DS_OK;

    *out = (struct dsi_manifest_write){
        .format_version = m->format_version,
        .schema = dsi_metadata_current_schema(m),
        .spec = dsi_metadata_spec(m, spec_id),
        .content = DSI_MANIFEST_DATA,
        .snapshot_id = snapshot_id,
        .compression = dsi_metadata_property(m, "write.manifest.compression-codec"),
    };
    assert(out->schema && out->spec);
    DSI_TRY(dsi_metadata_property_i64(m, "write.manifest.compression-level", -1, -1,
                                      &level, err));
    if (level > 100) {
        rc = dsi_fail(err, DS_EINVALID,
                      "table property write.manifest.compression-level is %lld; "
                      "no codec has that level",
                      (long long)level);
        goto done;
    }
    out->compression_level = (int32_t)level;
done:
    return rc;
}
