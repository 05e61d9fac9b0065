#include "maint/relocate_manifests.h"

#include <stdlib.h>
#include <string.h>

#include "base/cancel.h"
#include "base/error.h"
#include "base/text.h"
#include "maint/relocate_avro.h"
#include "maint/relocate_deletes.h"
#include "txn/paths.h"

#define FILE_SIZE_MAX ((size_t)1 << 30)

// Field ids of manifests and lists (Iceberg specification).
enum {
    ID_STATUS = 0,
    ID_PATH = 100,
    ID_FORMAT = 101,
    ID_FILE_SIZE = 104,
    ID_COLUMN_SIZES = 108,
    ID_LOWER_KEY = 126,
    ID_LOWER = 127,
    ID_UPPER_KEY = 129,
    ID_UPPER = 130,
    ID_SPLIT_OFFSETS = 132,
    ID_CONTENT = 134,
    ID_REFERENCED = 143,
    ID_MANIFEST_PATH = 500,
    ID_MANIFEST_LENGTH = 501,
    ID_DELETED_PATH = 2147483546, // A column of position deletes.
};
static const char checksum_name[] = "datashard_sha256";

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "relocating a table");
}

static int keep(struct dsi_relocation *r, struct ds_slice text, const char **out,
                struct ds_error *err)
{
    *out = dsi_arena_strndup(&r->arena, (const char *)text.data, text.size);
    return *out ? DS_OK : no_memory(err);
}

// --- entries

struct entry {
    struct dsi_relocation *r;
    int64_t status;
    int64_t content;
    const char *format;
    const char *path;
    int64_t size;
    const char *referenced;              // NULL: none.
    const char *now;                     // The new path.
    const struct dsi_relocated *written; // NULL: the file is the old one.
    int64_t key;                         // Of the bound that is being written.
    bool whole;                          // All of it was seen: what comes is the next.
};

static int see_entry(void *arg, const struct dsi_avro_field *f, struct ds_slice value,
                     struct ds_error *err)
{
    struct entry *e = arg;
    struct ds_slice text = {NULL, 0};

    if (e->whole) {
        *e = (struct entry){.r = e->r};
    }
    if (f->id == ID_STATUS || f->id == ID_CONTENT || f->id == ID_FILE_SIZE) {
        int64_t *to = f->id == ID_STATUS    ? &e->status
                      : f->id == ID_CONTENT ? &e->content
                                            : &e->size;
        return dsi_relocate_number(f->type, value, to, err);
    }
    if (f->id != ID_PATH && f->id != ID_FORMAT && f->id != ID_REFERENCED) {
        return DS_OK;
    }
    int rc = dsi_relocate_text(f->type, value, &text, err);
    if (rc < 0 || !text.data) {
        return rc;
    }
    return keep(e->r, text,
                f->id == ID_PATH     ? &e->path
                : f->id == ID_FORMAT ? &e->format
                                     : &e->referenced,
                err);
}

static bool is_format(const struct entry *e, const char *name)
{
    return e->format && strlen(e->format) == strlen(name) &&
           dsi_text_equal_nocase(e->format, name);
}

// (2)
static int check_there(const struct entry *e, struct ds_error *err)
{
    struct ds_file_info info = {0};

    if (!dsi_relocate_is_inside(e->r, e->path)) {
        return DS_OK; // Elsewhere, and not moved.
    }
    int rc = dsi_storage_stat(e->r->from_storage, e->path, &info, err);
    if (rc == DS_ENOTFOUND) {
        return dsi_fail(err, DS_ENOTFOUND,
                        "%.500s is not in the moved directory: nothing was changed",
                        e->path);
    }
    if (rc == DS_OK && (int64_t)info.size != e->size) {
        return dsi_corrupt(err,
                           "%.500s has %lld bytes in the moved directory, not %lld: "
                           "nothing was changed",
                           e->path, (long long)info.size, (long long)e->size);
    }
    return rc;
}

static int relocate_delete(struct entry *e, struct ds_error *err)
{
    struct dsi_data_file file = {.content = DSI_CONTENT_POSITION_DELETES,
                                 .path = e->path,
                                 .format = is_format(e, "puffin") ? DSI_FORMAT_PUFFIN
                                           : is_format(e, "avro") ? DSI_FORMAT_AVRO
                                           : is_format(e, "orc")  ? DSI_FORMAT_ORC
                                                                  : DSI_FORMAT_PARQUET,
                                 .file_size = e->size,
                                 .content_offset = -1,
                                 .first_row_id = -1};
    int rc = DS_OK;

    DSI_TRY(dsi_relocate_delete_path(e->r, e->path, &e->now, err));
    if (e->status != DSI_ENTRY_DELETED) {
        DSI_TRY(dsi_relocate_delete(e->r, &file, &e->written, err));
    }
done:
    return rc;
}

static int seen_entry(void *arg, struct ds_error *err)
{
    struct entry *e = arg;
    int rc = DS_OK;

    e->whole = true;
    if (!e->path) {
        return dsi_corrupt(err, "a manifest's entry without a path");
    }
    e->r->file_count++;
    if (e->status != DSI_ENTRY_DELETED) {
        DSI_TRY(check_there(e, err));
    }
    if (e->content == DSI_CONTENT_POSITION_DELETES) {
        return relocate_delete(e, err);
    }
    DSI_TRY(dsi_relocate_path(e->r, dsi_slice_text(e->path), &e->now, err));
done:
    return rc;
}

// Of deletes: the new bounds of the paths in them.
static int put_bound(struct entry *e, const struct dsi_avro_field *f,
                     struct ds_slice value, struct dsi_buf *out, struct ds_error *err)
{
    bool lower = f->id == ID_LOWER;
    const char *text = lower ? e->written->lower : e->written->upper;
    int rc = DS_OK;

    if (e->key != ID_DELETED_PATH) {
        return DS_OK;
    }
    if (!text && e->referenced) { // A deletion vector.
        DSI_TRY(dsi_relocate_path(e->r, dsi_slice_text(e->referenced), &text, err));
    }
    return text ? dsi_relocate_put_text(f->type, value, dsi_slice_text(text), out, err)
                : DS_OK;
done:
    return rc;
}

// Of a file that was written anew.
static int put_written(struct entry *e, const struct dsi_avro_field *f,
                       struct ds_slice value, struct dsi_buf *out, struct ds_error *err)
{
    bool packed = !is_format(e, "puffin"); // Its bytes are others.

    switch (f->id) {
    case ID_FILE_SIZE:
        return dsi_relocate_put_number(f->type, value, e->written->size, out, err);
    case ID_COLUMN_SIZES:
    case ID_SPLIT_OFFSETS:
        return packed ? dsi_relocate_put_null(f, out, err) : DS_OK;
    case ID_LOWER_KEY:
    case ID_UPPER_KEY:
        return dsi_relocate_number(f->type, value, &e->key, err);
    case ID_LOWER:
    case ID_UPPER:
        return put_bound(e, f, value, out, err);
    default:
        return strcmp(f->name, checksum_name) == 0 ? dsi_relocate_put_null(f, out, err)
                                                   : DS_OK;
    }
}

static int put_entry(void *arg, const struct dsi_avro_field *f, struct ds_slice value,
                     struct dsi_buf *out, struct ds_error *err)
{
    struct entry *e = arg;
    const char *now = NULL;

    if (f->id == ID_PATH) {
        return dsi_relocate_put_text(f->type, value, dsi_slice_text(e->now), out, err);
    }
    if (f->id == ID_REFERENCED && e->referenced) {
        int rc = dsi_relocate_path(e->r, dsi_slice_text(e->referenced), &now, err);
        return rc < 0
                   ? rc
                   : dsi_relocate_put_text(f->type, value, dsi_slice_text(now), out, err);
    }
    return e->written ? put_written(e, f, value, out, err) : DS_OK;
}

// --- manifests and lists

// Reads, changes and stores a file of metadata under a new name; NULL: no memory for it.
static int rewrite(struct dsi_relocation *r, const char *path, const char *name,
                   const struct dsi_relocate_fields *fields, struct dsi_relocated **out,
                   struct ds_error *err)
{
    struct dsi_buf bytes = DSI_BUF_INIT_MAX(FILE_SIZE_MAX);
    struct dsi_buf made = DSI_BUF_INIT_MAX(2 * FILE_SIZE_MAX);
    struct dsi_relocated *x = dsi_arena_alloc(&r->arena, sizeof *x);
    char *old = NULL;
    const char *now = NULL;
    int rc = DS_OK;

    if (!x || !name) {
        return no_memory(err);
    }
    DSI_TRY(dsi_storage_read(r->from_storage, path, &bytes, err));
    DSI_TRY(dsi_relocate_avro(dsi_buf_slice(&bytes), fields, &made, err));
    DSI_TRY(dsi_metadata_file_path(r->metadata, name, &r->arena, &old, err));
    DSI_TRY(dsi_relocate_path(r, dsi_slice_text(old), &now, err));
    DSI_TRY(dsi_relocate_store(r, now, dsi_buf_slice(&made), x, err));
    *out = x;
done:
    dsi_buf_release(&bytes);
    dsi_buf_release(&made);
    return rc < 0 ? dsi_wrap_file(err, rc, "reading", path) : rc;
}

static int relocate_manifest(struct dsi_relocation *r, const char *path,
                             const struct dsi_relocated **out, struct ds_error *err)
{
    struct dsi_relocated *x = dsi_map_get_text(&r->manifests, path);
    struct entry e = {.r = r};
    struct dsi_relocate_fields fields = {see_entry, seen_entry, put_entry, &e};
    int rc = DS_OK;

    if (!x) {
        DSI_TRY(dsi_cancel_check(err));
        const char *name = dsi_arena_printf(&r->arena, "%s-m%llu.avro", r->identity,
                                            (unsigned long long)r->manifest_count);
        DSI_TRY(rewrite(r, path, name, &fields, &x, err));
        DSI_TRY(dsi_map_put_text(&r->manifests, path, x, err));
        r->manifest_count++;
    }
    *out = x;
done:
    return rc;
}

struct listed {
    struct dsi_relocation *r;
    const char *path;
    const struct dsi_relocated *now;
};

static int see_listed(void *arg, const struct dsi_avro_field *f, struct ds_slice value,
                      struct ds_error *err)
{
    struct listed *l = arg;
    struct ds_slice text = {NULL, 0};

    if (f->id != ID_MANIFEST_PATH) {
        return DS_OK;
    }
    int rc = dsi_relocate_text(f->type, value, &text, err);
    return rc < 0 || !text.data ? rc : keep(l->r, text, &l->path, err);
}

static int seen_listed(void *arg, struct ds_error *err)
{
    struct listed *l = arg;

    const char *path = l->path;

    l->path = NULL; // The next row has its own.
    return path ? relocate_manifest(l->r, path, &l->now, err)
                : dsi_corrupt(err, "a manifest list's row without a path");
}

static int put_listed(void *arg, const struct dsi_avro_field *f, struct ds_slice value,
                      struct dsi_buf *out, struct ds_error *err)
{
    const struct listed *l = arg;
    struct ds_slice old = {NULL, 0};

    if (f->id == ID_MANIFEST_PATH) {
        return dsi_relocate_put_text(f->type, value, dsi_slice_text(l->now->path), out,
                                     err);
    }
    if (f->id == ID_MANIFEST_LENGTH) {
        return dsi_relocate_put_number(f->type, value, l->now->size, out, err);
    }
    if (strcmp(f->name, checksum_name) != 0) {
        return DS_OK;
    }
    int rc = dsi_relocate_text(f->type, value, &old, err);
    return rc < 0 || !old.data
               ? rc
               : dsi_relocate_put_text(f->type, value, dsi_slice_text(l->now->checksum),
                                       out, err);
}

int dsi_relocate_snapshot(struct dsi_relocation *r, const struct dsi_snapshot *s,
                          struct ds_error *err)
{
    struct listed l = {.r = r};
    struct dsi_relocate_fields fields = {see_listed, seen_listed, put_listed, &l};
    const struct dsi_relocated *manifest = NULL;
    struct dsi_relocated *list = NULL;
    int rc = DS_OK;

    for (size_t i = 0; i < s->manifest_count && !s->manifest_list; i++) {
        DSI_TRY(relocate_manifest(r, s->manifests[i], &manifest, err));
    }
    if (s->manifest_list && !dsi_map_get_text(&r->lists, s->manifest_list)) {
        const char *name = dsi_arena_printf(&r->arena, "snap-%lld-0-%s.avro",
                                            (long long)s->snapshot_id, r->identity);
        DSI_TRY(rewrite(r, s->manifest_list, name, &fields, &list, err));
        DSI_TRY(dsi_map_put_text(&r->lists, s->manifest_list, list, err));
    }
done:
    return rc;
}
