#include "maint/migrate_remove.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "catalog/catalog_legacy.h"
#include "model/legacy.h"

#define METADATA_FILE_MAX ((size_t)1 << 30)

struct finding {
    struct dsi_arena arena;
    size_t prefix;      // Bytes of "<table>/metadata/".
    const char **paths; // That only the old layout has.
    size_t count;
    const char **plain; // v<N>.metadata.json, which both may have.
    size_t plain_count;
};

static int keep(struct finding *f, const char ***list, size_t *count, const char *path)
{
    *list = dsi_arena_grow(&f->arena, *list, *count, sizeof **list);
    char *copy = dsi_arena_strdup(&f->arena, path);

    if (!*list || !copy) {
        return DS_ENOMEM;
    }
    (*list)[(*count)++] = copy;
    return DS_OK;
}

static int told_file(void *arg, const char *path, const struct ds_file_info *info)
{
    struct finding *f = arg;
    const char *name = path + f->prefix;

    (void)info;
    if (dsi_legacy_number(name) >= 0 && strchr(name, '-')) {
        return keep(f, &f->paths, &f->count, path);
    }
    if (dsi_legacy_number(name) >= 0) {
        return keep(f, &f->plain, &f->plain_count, path);
    }
    bool theirs = dsi_text_starts_with(name, "manifests/manifest_") ||
                  dsi_text_starts_with(name, "inflight/");
    return theirs ? keep(f, &f->paths, &f->count, path) : DS_OK;
}

// Of names that both layouts give, the content decides.
static int sort_plain(ds_storage *storage, struct finding *f, struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < f->plain_count; i++) {
        struct dsi_buf bytes = DSI_BUF_INIT_MAX(METADATA_FILE_MAX);
        rc = dsi_storage_read(storage, f->plain[i], &bytes, err);
        bool theirs = rc == DS_OK && dsi_legacy_is(dsi_buf_slice(&bytes));
        dsi_buf_release(&bytes);
        DSI_TRY(rc);
        if (theirs && keep(f, &f->paths, &f->count, f->plain[i]) < 0) {
            rc = dsi_no_memory(err, "listing what is old");
            goto done;
        }
    }
done:
    return rc;
}

static int check_unused(const struct dsi_metadata *m, const struct finding *f,
                        struct ds_error *err)
{
    for (size_t i = 0; i < m->snapshot_count; i++) {
        const char *list = m->snapshots[i]->manifest_list;
        if (list && strlen(list) > f->prefix &&
            dsi_text_starts_with(list + f->prefix, "manifests/")) {
            return dsi_fail(err, DS_EUNSUPPORTED,
                            "the table still names %s: its old files are in use", list);
        }
    }
    return DS_OK;
}

static int find(ds_storage *storage, const char *table, struct finding *f,
                struct ds_error *err)
{
    char *prefix = dsi_arena_printf(&f->arena, "%s/metadata", table);

    if (!prefix) {
        return dsi_no_memory(err, table);
    }
    f->prefix = strlen(prefix) + 1;
    int rc = dsi_storage_list(storage, prefix, told_file, f, err);
    return rc == DS_ENOMEM ? dsi_no_memory(err, table) : rc;
}

int dsi_migrate_remove(ds_storage *storage, const char *table,
                       const struct dsi_metadata *m, uint64_t *removed,
                       struct ds_error *err)
{
    static const char *const hints[] = {DSI_LEGACY_HINT, DSI_LEGACY_HINT_KEPT};
    struct finding f = {.arena = DSI_ARENA_INIT};
    struct ds_file_info info;
    int rc = DS_OK;

    *removed = 0;
    DSI_TRY(find(storage, table, &f, err));
    DSI_TRY(check_unused(m, &f, err));
    DSI_TRY(sort_plain(storage, &f, err));
    for (size_t i = 0; i < f.count; i++) {
        DSI_TRY(dsi_storage_remove(storage, f.paths[i], err));
        (*removed)++;
    }
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        char *path = dsi_arena_printf(&f.arena, "%s/%s", table, hints[i]);
        if (!path) {
            rc = dsi_no_memory(err, table);
            goto done;
        }
        if (dsi_storage_stat(storage, path, &info, NULL) == DS_OK) {
            DSI_TRY(dsi_storage_remove(storage, path, err));
            (*removed)++;
        }
    }
done:
    dsi_arena_release(&f.arena);
    return rc;
}
