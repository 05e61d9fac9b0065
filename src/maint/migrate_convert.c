#include "maint/migrate_convert.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/sha256.h"
#include "data/data_adopt.h"
#include "scan/scan.h"
#include "txn/merge.h"
#include "txn/paths.h"

enum { READ_SIZE = 1 << 16, SUMMARY_ROOM = 16 };

// What a manifest became, and what is in it.
struct converted {
    struct dsi_manifest_file row;
    bool empty; // It had no entries, and is left out.
    int64_t files;
    int64_t rows;
    int64_t bytes;
    int64_t added_files; // By the snapshot that the manifest names.
    int64_t added_rows;
    int64_t added_bytes;
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "converting a table");
}

// --- data files

static int sum_of(ds_storage *storage, const char *path, char out[DSI_SHA256_TEXT_SIZE],
                  struct ds_error *err)
{
    uint8_t bytes[READ_SIZE];
    struct ds_file *f = NULL;
    struct dsi_sha256 sum;
    int rc = DS_OK;

    DSI_TRY(dsi_file_open(storage, path, &f, err));
    dsi_sha256_init(&sum);
    for (uint64_t at = 0; at < dsi_file_size(f);) {
        uint64_t left = dsi_file_size(f) - at;
        size_t size = left < sizeof bytes ? (size_t)left : sizeof bytes;
        DSI_TRY(dsi_file_read(f, at, bytes, size, err));
        dsi_sha256_update(&sum, bytes, size);
        at += size;
    }
    dsi_sha256_text(&sum, out);
done:
    dsi_file_close(f);
    return rc;
}

// (1). A number of rows that is wrong was somebody's word for a file of his own, if the
// file is the one that was recorded; otherwise the file is another.
static int check_file(struct dsi_migrate_convert *c, const struct dsi_data_file *was,
                      const struct dsi_data_file *is, struct ds_error *err)
{
    char sum[DSI_SHA256_TEXT_SIZE];
    int rc = DS_OK;

    if (was->file_size != is->file_size) {
        return dsi_corrupt(err, "it has %lld bytes, recorded are %lld",
                           (long long)is->file_size, (long long)was->file_size);
    }
    if (was->checksum) {
        DSI_TRY(sum_of(c->storage, was->path, sum, err));
        if (strcmp(sum, was->checksum) != 0) {
            rc = dsi_corrupt(err, "its SHA-256 is not the recorded %.64s", was->checksum);
        }
    } else if (was->record_count != is->record_count) {
        rc = dsi_corrupt(err, "it has %lld rows, recorded are %lld",
                         (long long)is->record_count, (long long)was->record_count);
    }
done:
    return rc;
}

static int convert_file(struct dsi_migrate_convert *c, const struct dsi_data_file *was,
                        const struct dsi_data_file **out, struct ds_error *err)
{
    struct dsi_data_adopt_options options = {
        .storage = c->storage, .metadata = c->old, .location = was->path};
    struct dsi_data_file *is = dsi_map_get_text(&c->files, was->path);
    bool by_name = false;
    int rc = DS_OK;

    *out = is;
    if (is) {
        return DS_OK;
    }
    is = dsi_arena_alloc(&c->arena, sizeof *is);
    options.location = dsi_arena_strdup(&c->arena, was->path);
    if (!is || !options.location) {
        return no_memory(err);
    }
    if (dsi_metadata_current_schema(c->old)->root.field_count == 0) {
        DSI_TRY(dsi_data_file_copy(was, &c->arena, is, err)); // It has nothing to read.
    } else {
        DSI_TRY(dsi_data_adopt(&options, &c->arena, is, &by_name, err));
    }
    is->checksum = NULL;
    DSI_TRY(check_file(c, was, is, err));
    if (!c->dry_run) {
        DSI_TRY(dsi_storage_sync_file(c->storage, is->path, err));
    }
    DSI_TRY(dsi_map_put_text(&c->files, is->path, is, err));
    c->file_count++;
    *out = is;
done:
    return rc < 0 ? dsi_wrap_file(err, rc, "data file", was->path) : rc;
}

// --- new files

// Stores a file under a name of its own; *path is in the arena.
static int store(struct dsi_migrate_convert *c, const char *name, struct ds_slice bytes,
                 const char **path, struct ds_error *err)
{
    char *full = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_metadata_file_path(c->old, name, &c->arena, &full, err));
    *path = full;
    c->bytes += bytes.size;
    if (c->dry_run) {
        return DS_OK;
    }
    c->written =
        dsi_arena_grow(&c->arena, c->written, c->written_count, sizeof *c->written);
    if (!c->written) {
        return no_memory(err);
    }
    c->written[c->written_count++] = full; // Also if the put fails half-way.
    DSI_TRY(dsi_storage_put(c->storage, full, bytes, DS_PUT_LATER, err));
done:
    return rc;
}

static int build_manifest(struct dsi_migrate_convert *c,
                          const struct dsi_manifest_file *was,
                          const struct dsi_manifest *manifest, struct converted *out,
                          struct ds_error *err)
{
    struct dsi_manifest_write spec;
    struct dsi_buf bytes = DSI_BUF_INIT;
    char name[96];
    int rc = DS_OK;

    DSI_TRY(dsi_manifest_write_of(c->old, c->old->default_spec_id, was->added_snapshot_id,
                                  &spec, err));
    DSI_TRY(dsi_manifest_build(&spec, manifest->entries, manifest->entry_count, &c->arena,
                               &bytes, &out->row, err));
    snprintf(name, sizeof name, "%s-m%llu.avro", c->identity,
             (unsigned long long)c->manifest_count);
    DSI_TRY(store(c, name, dsi_buf_slice(&bytes), &out->row.path, err));
    out->row.length = (int64_t)bytes.size;
    out->row.sequence_number = was->sequence_number; // (2)
    out->row.min_sequence_number = was->sequence_number;
    out->row.added_snapshot_id = was->added_snapshot_id;
    for (size_t i = 0; i < manifest->entry_count; i++) {
        int64_t number = manifest->entries[i].sequence_number;
        if (number < out->row.min_sequence_number) {
            out->row.min_sequence_number = number;
        }
    }
    c->manifest_count++;
done:
    dsi_buf_release(&bytes);
    return rc;
}

static void count_entry(const struct dsi_manifest_entry *e, int64_t snapshot_id,
                        struct converted *x)
{
    x->files++;
    x->rows += e->file.record_count;
    x->bytes += e->file.file_size;
    if (e->status == DSI_ENTRY_ADDED && e->snapshot_id == snapshot_id) {
        x->added_files++;
        x->added_rows += e->file.record_count;
        x->added_bytes += e->file.file_size;
    }
}

static int convert_manifest(struct dsi_migrate_convert *c,
                            const struct dsi_manifest_file *was,
                            const struct converted **out, struct ds_error *err)
{
    struct converted *x = dsi_map_get_text(&c->manifests, was->path);
    const struct dsi_data_file *file = NULL;
    struct dsi_manifest manifest = {0};
    int rc = DS_OK;

    *out = x;
    if (x && was->skipped_count == 0) {
        return DS_OK; // Another snapshot has it, too.
    }
    x = dsi_arena_alloc(&c->arena, sizeof *x);
    if (!x) {
        return no_memory(err);
    }
    DSI_TRY(dsi_manifest_load(c->storage, c->old, was, NULL, &manifest, err));
    for (size_t i = 0; i < manifest.entry_count; i++) {
        struct dsi_manifest_entry *e = &manifest.entries[i];
        DSI_TRY(convert_file(c, &e->file, &file, err));
        e->file = *file;
        count_entry(e, was->added_snapshot_id, x);
    }
    x->empty = manifest.entry_count == 0;
    if (!x->empty) {
        DSI_TRY(build_manifest(c, was, &manifest, x, err));
    }
    if (was->skipped_count == 0) {
        DSI_TRY(dsi_map_put_text(&c->manifests, was->path, x, err));
    }
    *out = x;
done:
    dsi_manifest_release(&manifest);
    return rc;
}

// --- snapshots

static int put_number(struct dsi_migrate_convert *c, struct dsi_legacy_snapshot *s,
                      const char *key, int64_t number, struct ds_error *err)
{
    char *text = dsi_arena_printf(&c->arena, "%lld", (long long)number);

    if (!text) {
        return no_memory(err);
    }
    s->summary[s->summary_count++] = (struct ds_property){key, text};
    return DS_OK;
}

// What DataShard said of a snapshot, and the totals that Iceberg's readers look for.
static int put_summary(struct dsi_migrate_convert *c,
                       const struct dsi_legacy_snapshot *was, const struct converted *all,
                       struct dsi_legacy_snapshot *s, struct ds_error *err)
{
    const struct {
        const char *key;
        int64_t number;
        bool always;
    } ours[] = {{"added-data-files", all->added_files, false},
                {"added-records", all->added_rows, false},
                {"added-files-size", all->added_bytes, false},
                {"total-data-files", all->files, true},
                {"total-records", all->rows, true},
                {"total-files-size", all->bytes, true},
                {"total-delete-files", 0, true},
                {"total-position-deletes", 0, true},
                {"total-equality-deletes", 0, true}};
    int rc = DS_OK;

    s->summary =
        dsi_arena_array(&c->arena, was->summary_count + SUMMARY_ROOM, sizeof *s->summary);
    s->summary_count = 0;
    if (!s->summary) {
        return no_memory(err);
    }
    for (size_t i = 0; i < was->summary_count; i++) {
        const char *key = was->summary[i].key;
        bool stale = strncmp(key, "manifest-list-", 14) == 0; // Of the old list.
        for (size_t j = 0; j < sizeof ours / sizeof ours[0]; j++) {
            stale = stale || strcmp(key, ours[j].key) == 0;
        }
        if (!stale) {
            s->summary[s->summary_count++] = was->summary[i];
        }
    }
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (ours[i].always || ours[i].number > 0) {
            DSI_TRY(put_number(c, s, ours[i].key, ours[i].number, err));
        }
    }
done:
    return rc;
}

static void add_counts(struct converted *to, const struct converted *x, bool own)
{
    to->files += x->files;
    to->rows += x->rows;
    to->bytes += x->bytes;
    if (own) {
        to->added_files += x->added_files;
        to->added_rows += x->added_rows;
        to->added_bytes += x->added_bytes;
    }
}

static int build_list(struct dsi_migrate_convert *c, const struct dsi_snapshot *snapshot,
                      const struct dsi_manifest_file *rows, size_t count,
                      const char **path, struct ds_error *err)
{
    struct dsi_manifest_list_write spec = {
        .format_version = 2,
        .snapshot_id = snapshot->snapshot_id,
        .parent_id = snapshot->parent_id,
        .sequence_number = snapshot->sequence_number,
    };
    struct dsi_buf bytes = DSI_BUF_INIT;
    char name[96];
    int rc = DS_OK;

    DSI_TRY(dsi_manifest_list_build(&spec, rows, count, &bytes, err));
    snprintf(name, sizeof name, "snap-%lld-0-%s.avro", (long long)snapshot->snapshot_id,
             c->identity);
    DSI_TRY(store(c, name, dsi_buf_slice(&bytes), path, err));
done:
    dsi_buf_release(&bytes);
    return rc;
}

static int convert_snapshot(struct dsi_migrate_convert *c,
                            const struct dsi_legacy_snapshot *was,
                            struct dsi_legacy_snapshot *out, struct ds_error *err)
{
    const struct dsi_snapshot *snapshot = dsi_metadata_snapshot(c->old, was->snapshot_id);
    struct dsi_manifest_list list = {0};
    struct dsi_manifest_file *rows = NULL;
    struct converted all = {.files = 0};
    size_t count = 0;
    int rc = DS_OK;

    *out = *was;
    DSI_TRY(dsi_snapshot_manifests(c->storage, c->old, snapshot, &list, err));
    rows = dsi_arena_array(&list.arena, list.count + 1, sizeof *rows);
    if (!rows) {
        rc = no_memory(err);
        goto done;
    }
    for (size_t i = 0; i < list.count; i++) {
        const struct converted *x = NULL;
        DSI_TRY(convert_manifest(c, &list.files[i], &x, err));
        if (!x->empty) {
            rows[count++] = x->row;
        }
        add_counts(&all, x, list.files[i].added_snapshot_id == was->snapshot_id);
    }
    DSI_TRY(build_list(c, snapshot, rows, count, &out->manifest_list, err));
    DSI_TRY(put_summary(c, was, &all, out, err));
    if (was->snapshot_id == c->legacy->current_snapshot_id) {
        c->rows = all.rows;
    }
done:
    dsi_manifest_list_release(&list);
    return rc;
}

// (3)
static int leave_out(struct dsi_migrate_convert *c, int64_t snapshot_id,
                     const struct ds_error *why, struct ds_error *err)
{
    c->left_out =
        dsi_arena_grow(&c->arena, c->left_out, c->left_out_count, sizeof *c->left_out);
    if (!c->left_out) {
        return no_memory(err);
    }
    struct dsi_left_out *x = &c->left_out[c->left_out_count];
    *x = (struct dsi_left_out){snapshot_id, dsi_arena_strdup(&c->arena, why->message)};
    if (!x->why) {
        return no_memory(err);
    }
    c->left_out_count++;
    return DS_OK;
}

static bool is_damage(int rc)
{
    return rc == DS_ENOTFOUND || rc == DS_ECORRUPT || rc == DS_EINVALID ||
           rc == DS_EUNSUPPORTED;
}

static int convert_snapshots(struct dsi_migrate_convert *c, struct dsi_legacy *new,
                             struct ds_error *err)
{
    const struct dsi_legacy *l = c->legacy;
    int rc = DS_OK;

    new->snapshots =
        dsi_arena_array(&c->arena, l->snapshot_count + 1, sizeof *new->snapshots);
    new->snapshot_count = 0;
    if (!new->snapshots) {
        return no_memory(err);
    }
    for (size_t i = 0; i < l->snapshot_count; i++) {
        const struct dsi_legacy_snapshot *was = &l->snapshots[i];
        struct ds_error why = {0};
        rc = convert_snapshot(c, was, &new->snapshots[new->snapshot_count], &why);
        if (rc == DS_OK) {
            new->snapshot_count++;
        } else if (is_damage(rc) && was->snapshot_id != l->current_snapshot_id) {
            DSI_TRY(leave_out(c, was->snapshot_id, &why, err));
        } else {
            rc = dsi_fail(err, rc, "%s", why.message);
            goto done;
        }
        if (c->progress) {
            c->progress(c->progress_arg, i + 1, l->snapshot_count);
        }
    }
    c->snapshots = new->snapshot_count;
done:
    return rc;
}

// Reads the current snapshot back, from what was written.
static int check_made(struct dsi_migrate_convert *c, struct ds_error *err)
{
    const struct dsi_snapshot *s = dsi_metadata_current_snapshot(c->made);
    struct dsi_manifest_list list = {0};
    struct dsi_manifest manifest = {0};
    int64_t rows = 0;
    int rc = DS_OK;

    if (!s || c->dry_run) {
        return DS_OK;
    }
    DSI_TRY(dsi_snapshot_manifests(c->storage, c->made, s, &list, err));
    for (size_t i = 0; i < list.count; i++) {
        DSI_TRY(
            dsi_manifest_load(c->storage, c->made, &list.files[i], NULL, &manifest, err));
        for (size_t j = 0; j < manifest.entry_count; j++) {
            rows += manifest.entries[j].file.record_count;
        }
        dsi_manifest_release(&manifest);
    }
    if (rows != c->rows) {
        rc = dsi_fail(err, DS_EBUG, "the new table has %lld rows, the old one %lld",
                      (long long)rows, (long long)c->rows);
    }
done:
    dsi_manifest_release(&manifest);
    dsi_manifest_list_release(&list);
    return rc;
}

int dsi_migrate_convert(struct dsi_migrate_convert *c, struct ds_error *err)
{
    struct dsi_legacy new = *c->legacy; // All but its snapshots.
    struct dsi_uuid uuid = dsi_uuid_v7();
    int64_t now_ms = dsi_clock_wall_ms();
    int rc = DS_OK;

    dsi_uuid_format(&uuid, c->identity);
    DSI_TRY(convert_snapshots(c, &new, err));
    new.last_updated_ms = now_ms > new.last_updated_ms ? now_ms : new.last_updated_ms;
    DSI_TRY(dsi_legacy_to_metadata(&new, &c->made, err));
    DSI_TRY(check_made(c, err));
    if (c->written_count > 0) {
        DSI_TRY(dsi_storage_sync(c->storage, c->written, c->written_count, err));
    }
done:
    return rc;
}

void dsi_migrate_convert_undo(struct dsi_migrate_convert *c)
{
    for (size_t i = 0; i < c->written_count; i++) {
        // Best effort: nobody names it.
        DSI_IGNORE(dsi_storage_remove(c->storage, c->written[i], NULL));
    }
    c->written_count = 0;
}

void dsi_migrate_convert_release(struct dsi_migrate_convert *c)
{
    dsi_metadata_unref(c->made);
    c->made = NULL;
    dsi_map_release(&c->files);
    dsi_map_release(&c->manifests);
    dsi_arena_release(&c->arena);
}
