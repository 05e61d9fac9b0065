#include "scan/scan_plan.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "scan/scan_deletes.h"

struct planner {
    const struct dsi_plan_request *request;
    struct dsi_plan *plan;
    struct dsi_projection *projections; // One for each of the metadata's specs; lazily.
    struct ds_error *err;
};

static int find_spec(const struct planner *p, int32_t id,
                     const struct dsi_partition_spec **out)
{
    *out = dsi_metadata_spec(p->request->metadata, id);
    return *out ? DS_OK : dsi_corrupt(p->err, "the table has no partition spec %d", id);
}

// The filter over the partitions of one spec; NULL without a filter.
static int project(struct planner *p, const struct dsi_partition_spec *spec,
                   const struct dsi_projection **out)
{
    size_t i = (size_t)(spec - p->request->metadata->specs);
    int rc = DS_OK;

    *out = NULL;
    if (!p->request->filter) {
        return DS_OK;
    }
    if (!p->projections[i].expr) {
        rc = dsi_project(p->request->filter, spec, p->request->schema, &p->plan->arena,
                         &p->projections[i], p->err);
    }
    *out = &p->projections[i];
    return rc;
}

static bool has_live_files(const struct dsi_manifest_file *f)
{
    return f->added_files_count != 0 || f->existing_files_count != 0;
}

// Whether rows of this manifest's partitions may pass.
static int may_match(struct planner *p, const struct dsi_manifest_file *file, bool *out)
{
    const struct dsi_partition_spec *spec = NULL;
    const struct dsi_projection *projection = NULL;
    int rc = DS_OK;

    *out = false;
    if (!has_live_files(file)) {
        return DS_OK;
    }
    DSI_TRY(find_spec(p, file->spec_id, &spec));
    DSI_TRY(project(p, spec, &projection));
    *out = !projection || dsi_projection_match_manifest(projection, file->partitions,
                                                        file->partition_count);
done:
    return rc;
}

static int add_file(struct planner *p, const struct dsi_manifest_entry *e, bool all)
{
    struct dsi_plan *plan = p->plan;

    if (plan->count == plan->capacity) {
        size_t capacity = plan->capacity ? 2 * plan->capacity : 64;
        struct dsi_plan_file *files =
            dsi_realloc(plan->files, capacity * sizeof *plan->files);
        if (!files) {
            return dsi_no_memory(p->err, "planning a scan");
        }
        plan->files = files;
        plan->capacity = capacity;
    }
    plan->files[plan->count++] = (struct dsi_plan_file){
        .file = &e->file, .sequence_number = e->sequence_number, .all = all};
    return DS_OK;
}

static enum dsi_match match_file(const struct planner *p, const struct dsi_data_file *f,
                                 const struct dsi_partition_spec *spec,
                                 const struct dsi_projection *projection)
{
    struct dsi_rows_view view = {
        .rows = f->record_count, .columns = f->columns, .column_count = f->column_count};

    if (!p->request->filter) {
        return f->record_count == 0 ? DSI_MATCH_NONE : DSI_MATCH_ALL;
    }
    if (f->partition_count == spec->field_count) {
        view.spec = spec;
        view.partition = f->partition;
    }
    if (!dsi_projection_match(projection, f->partition, f->partition_count)) {
        return DSI_MATCH_NONE;
    }
    return dsi_match_rows(p->request->filter, &view);
}

// Files that are kept stay where the manifest was parsed: the plan takes its memory over.
static int plan_manifest(struct planner *p, const struct dsi_manifest_file *file)
{
    struct dsi_manifest_read_options options = {.skip_metrics = !p->request->filter,
                                                .skip_deleted = true};
    const struct dsi_partition_spec *spec = NULL;
    const struct dsi_projection *projection = NULL;
    struct dsi_manifest manifest = {0};
    size_t before = p->plan->count;
    int rc = DS_OK;

    DSI_TRY(find_spec(p, file->spec_id, &spec));
    DSI_TRY(project(p, spec, &projection));
    DSI_TRY(dsi_manifest_load(p->request->storage, p->request->metadata, file, &options,
                              &manifest, p->err));
    for (size_t i = 0; i < manifest.entry_count; i++) {
        const struct dsi_manifest_entry *e = &manifest.entries[i];
        if (e->status == DSI_ENTRY_DELETED) {
            continue;
        }
        if (e->file.content != DSI_CONTENT_DATA) {
            rc = dsi_corrupt(p->err, "a delete file in a manifest of data files, %s",
                             file->path);
            goto done;
        }
        enum dsi_match m = match_file(p, &e->file, spec, projection);
        if (m == DSI_MATCH_NONE) {
            p->plan->stats.files_skipped++;
        } else {
            DSI_TRY(add_file(p, e, m == DSI_MATCH_ALL));
        }
    }
    if (p->plan->count > before) {
        dsi_arena_adopt(&p->plan->arena, &manifest.arena);
    }
done:
    dsi_manifest_release(&manifest);
    return rc;
}

static int64_t lowest_sequence(const struct dsi_plan *plan)
{
    int64_t lowest = INT64_MAX;

    for (size_t i = 0; i < plan->count; i++) {
        if (plan->files[i].sequence_number < lowest) {
            lowest = plan->files[i].sequence_number;
        }
    }
    return lowest;
}

static int plan_list(struct planner *p, const struct dsi_manifest_list *list)
{
    int64_t lowest = 0;
    bool wanted = false;
    int rc = DS_OK;

    for (size_t i = 0; i < list->count; i++) {
        if (list->files[i].content != DSI_MANIFEST_DATA) {
            continue;
        }
        DSI_TRY(may_match(p, &list->files[i], &wanted));
        if (wanted) {
            p->plan->stats.manifests_read++;
            DSI_TRY(plan_manifest(p, &list->files[i]));
        } else {
            p->plan->stats.manifests_skipped++;
        }
    }
    lowest = lowest_sequence(p->plan);
    for (size_t i = 0; i < list->count; i++) {
        const struct dsi_manifest_file *file = &list->files[i];
        if (file->content != DSI_MANIFEST_DELETES || p->plan->count == 0) {
            continue;
        }
        DSI_TRY(may_match(p, file, &wanted));
        if (wanted && file->sequence_number >= lowest) {
            p->plan->stats.manifests_read++;
            DSI_TRY(dsi_deletes_check(p->request, file, p->plan, p->err));
        } else {
            p->plan->stats.manifests_skipped++;
        }
    }
done:
    return rc;
}

int dsi_plan_make(const struct dsi_plan_request *request, struct dsi_plan *out,
                  struct ds_error *err)
{
    struct planner p = {.request = request, .plan = out, .err = err};
    struct dsi_manifest_list list = {0};
    int rc = DS_OK;

    *out = (struct dsi_plan){.arena = DSI_ARENA_INIT,
                             .stats = {.struct_size = sizeof(struct ds_scan_stats)}};
    if (!request->snapshot) {
        return DS_OK;
    }
    p.projections = dsi_calloc(request->metadata->spec_count + 1, sizeof *p.projections);
    if (!p.projections) {
        return dsi_no_memory(err, "planning a scan");
    }
    DSI_TRY(dsi_snapshot_manifests(request->storage, request->metadata, request->snapshot,
                                   &list, err));
    DSI_TRY(plan_list(&p, &list));
done:
    dsi_manifest_list_release(&list);
    dsi_free(p.projections);
    return rc;
}

void dsi_plan_release(struct dsi_plan *plan)
{
    dsi_free(plan->files);
    plan->files = NULL;
    plan->count = plan->capacity = 0;
    dsi_arena_release(&plan->arena);
}
