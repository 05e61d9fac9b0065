#include "model/manifest.h"

#include "base/error.h"

static int copy_slice(struct dsi_arena *arena, struct ds_slice from, struct ds_slice *to)
{
    *to = (struct ds_slice){NULL, 0};
    return from.data ? dsi_arena_copy(arena, from, to) : 0;
}

static int copy_text(struct dsi_arena *arena, const char *from, const char **to)
{
    *to = from ? dsi_arena_strdup(arena, from) : NULL;
    return from && !*to ? -1 : 0;
}

// Arrays of numbers; none and an empty one stay apart.
static int copy_array(struct dsi_arena *arena, const void *from, size_t count,
                      size_t size, const void **to)
{
    struct ds_slice copy = {NULL, 0};
    struct ds_slice bytes = {from, count * size}; // Both fit: the array is there.

    if (from && dsi_arena_copy(arena, bytes, &copy) < 0) {
        return -1;
    }
    *to = copy.data;
    return 0;
}

static int copy_columns(const struct dsi_data_file *f, struct dsi_arena *arena,
                        struct dsi_data_file *out)
{
    struct dsi_column_metrics *columns = NULL;

    if (f->column_count == 0) {
        return 0;
    }
    columns = dsi_arena_array(arena, f->column_count, sizeof *columns);
    if (!columns) {
        return -1;
    }
    for (size_t i = 0; i < f->column_count; i++) {
        columns[i] = f->columns[i];
        if (copy_slice(arena, f->columns[i].lower, &columns[i].lower) < 0 ||
            copy_slice(arena, f->columns[i].upper, &columns[i].upper) < 0) {
            return -1;
        }
    }
    out->columns = columns;
    return 0;
}

static int copy_partition(const struct dsi_data_file *f, struct dsi_arena *arena,
                          struct dsi_data_file *out, struct ds_error *err)
{
    struct dsi_value *values = dsi_arena_array(arena, f->partition_count, sizeof *values);
    int rc = values ? DS_OK : dsi_no_memory(err, "copying a partition");

    for (size_t i = 0; rc == DS_OK && i < f->partition_count; i++) {
        rc = dsi_value_copy(&f->partition[i], arena, &values[i], err);
    }
    out->partition = values;
    return rc;
}

int dsi_data_file_copy(const struct dsi_data_file *f, struct dsi_arena *arena,
                       struct dsi_data_file *out, struct ds_error *err)
{
    const void *offsets = NULL;
    const void *ids = NULL;
    struct dsi_data_file copy = *f;
    int rc = copy_partition(f, arena, &copy, err);

    if (rc < 0) {
        return rc;
    }
    if (copy_text(arena, f->path, &copy.path) < 0 ||
        copy_text(arena, f->referenced_data_file, &copy.referenced_data_file) < 0 ||
        copy_text(arena, f->checksum, &copy.checksum) < 0 ||
        copy_slice(arena, f->key_metadata, &copy.key_metadata) < 0 ||
        copy_columns(f, arena, &copy) < 0 ||
        copy_array(arena, f->split_offsets, f->split_offset_count,
                   sizeof *f->split_offsets, &offsets) < 0 ||
        copy_array(arena, f->equality_ids, f->equality_id_count, sizeof *f->equality_ids,
                   &ids) < 0) {
        return dsi_no_memory(err, "copying a data file's description");
    }
    copy.split_offsets = offsets;
    copy.equality_ids = ids;
    *out = copy;
    return DS_OK;
}

void dsi_manifest_release(struct dsi_manifest *manifest)
{
    dsi_arena_release(&manifest->arena);
    manifest->entries = NULL;
    manifest->entry_count = 0;
}

void dsi_manifest_list_release(struct dsi_manifest_list *list)
{
    dsi_arena_release(&list->arena);
    list->files = NULL;
    list->count = 0;
}
