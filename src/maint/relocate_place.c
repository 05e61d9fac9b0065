#include "maint/relocate_place.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/sha256.h"
#include "storage/storage_path.h"

// What follows the old place in `path`, with its slash; NULL where it is not below it.
static const char *below(const struct dsi_relocation *r, const char *path)
{
    const char *scheme =
        dsi_storage_path_has_scheme(r->from, "memory") ? "memory" : "file";
    const char *base = NULL;
    const char *plain = NULL;

    if (!dsi_storage_path_has_scheme(path, scheme) ||
        dsi_storage_path(r->from, scheme, &base, NULL) < 0 ||
        dsi_storage_path(path, scheme, &plain, NULL) < 0) {
        return NULL;
    }
    size_t size = strlen(base);
    return strncmp(plain, base, size) == 0 && plain[size] == '/' ? plain + size : NULL;
}

bool dsi_relocate_is_inside(const struct dsi_relocation *r, const char *path)
{
    return below(r, path) != NULL;
}

int dsi_relocate_path(struct dsi_relocation *r, struct ds_slice path, const char **out,
                      struct ds_error *err)
{
    char *old = dsi_arena_strndup(&r->arena, (const char *)path.data, path.size);
    const char *rest = old ? below(r, old) : NULL;

    *out = rest ? dsi_arena_printf(&r->arena, "%s%s", r->to, rest) : old;
    return *out ? DS_OK : dsi_no_memory(err, "relocating a table");
}

int dsi_relocate_note(struct dsi_relocation *r, const char *path, struct ds_error *err)
{
    r->written =
        dsi_arena_grow(&r->arena, r->written, r->written_count, sizeof *r->written);
    if (!r->written) {
        r->written_count = 0;
        return dsi_no_memory(err, "relocating a table");
    }
    r->written[r->written_count++] = path;
    return DS_OK;
}

int dsi_relocate_store(struct dsi_relocation *r, const char *path, struct ds_slice bytes,
                       struct dsi_relocated *out, struct ds_error *err)
{
    struct dsi_sha256 sum;
    int rc = DS_OK;

    *out = (struct dsi_relocated){.path = path, .size = (int64_t)bytes.size};
    dsi_sha256_init(&sum);
    dsi_sha256_update(&sum, bytes.data, bytes.size);
    dsi_sha256_text(&sum, out->checksum);
    r->bytes += bytes.size;
    if (!r->dry_run) {
        DSI_TRY(dsi_relocate_note(r, path, err)); // Also if the put fails half-way.
        DSI_TRY(dsi_storage_put(r->to_storage, path, bytes, DS_PUT_LATER, err));
    }
done:
    return rc;
}

void dsi_relocate_undo(struct dsi_relocation *r)
{
    for (size_t i = 0; i < r->written_count; i++) {
        // Best effort: nobody names it.
        DSI_IGNORE(dsi_storage_remove(r->to_storage, r->written[i], NULL));
    }
    r->written_count = 0;
}

void dsi_relocate_release(struct dsi_relocation *r)
{
    dsi_map_release(&r->lists);
    dsi_map_release(&r->manifests);
    dsi_map_release(&r->deletes);
    dsi_arena_release(&r->arena);
}
