#include "datashard/table.h"

#include <string.h>

#include "api/api_expired.h"
#include "base/alloc.h"
#include "base/error.h"
#include "scan/scan.h"

static const char *format_name(enum dsi_file_format format)
{
    switch (format) {
    case DSI_FORMAT_AVRO:
        return "avro";
    case DSI_FORMAT_ORC:
        return "orc";
    case DSI_FORMAT_PUFFIN:
        return "puffin";
    case DSI_FORMAT_PARQUET:
    default:
        return "parquet";
    }
}

// Who is told about files, and what the telling needs.
struct telling {
    const struct dsi_metadata *metadata;
    ds_file_fn fn;
    void *arg;
    struct dsi_buf partition;
    bool columns;
    struct ds_column_stats *stats; // Of the file at hand.
    size_t stats_capacity;
};

static int take_columns(struct telling *t, const struct dsi_data_file *f,
                        struct ds_file_entry *out, struct ds_error *err)
{
    if (f->column_count > t->stats_capacity) {
        struct ds_column_stats *all =
            dsi_realloc(t->stats, f->column_count * sizeof(*all));
        if (!all) {
            return dsi_no_memory(err, "telling of data files");
        }
        t->stats = all;
        t->stats_capacity = f->column_count;
    }
    for (size_t i = 0; i < f->column_count; i++) {
        const struct dsi_column_metrics *m = &f->columns[i];
        t->stats[i] = (struct ds_column_stats){
            .struct_size = sizeof(*t->stats),
            .field_id = m->field_id,
            .size_bytes = m->column_size,
            .value_count = m->value_count,
            .null_count = m->null_count,
            .nan_count = m->nan_count,
            .lower = m->lower,
            .upper = m->upper,
        };
    }
    out->columns = t->stats;
    out->column_count = f->column_count;
    return DS_OK;
}

static int tell_entry(struct telling *t, const struct dsi_manifest_entry *e,
                      struct ds_error *err)
{
    const struct dsi_data_file *f = &e->file;
    const struct dsi_partition_spec *spec = dsi_metadata_spec(t->metadata, f->spec_id);
    struct ds_file_entry entry = {
        .struct_size = sizeof(entry),
        .content = (int32_t)f->content,
        .path = f->path,
        .format = format_name(f->format),
        .partition = "",
        .spec_id = f->spec_id,
        .record_count = f->record_count,
        .size_bytes = f->file_size,
        .sequence_number = e->sequence_number,
        .snapshot_id = e->snapshot_id,
    };
    int rc = DS_OK;

    t->partition.size = 0;
    if (spec && f->partition_count == spec->field_count) {
        DSI_TRY(dsi_partition_path(spec, dsi_metadata_current_schema(t->metadata),
                                   f->partition, &t->partition, err));
        DSI_TRY(dsi_buf_append_byte(&t->partition, 0, err));
        entry.partition = (const char *)t->partition.data;
    }
    if (t->columns) {
        DSI_TRY(take_columns(t, f, &entry, err));
    }
    rc = t->fn(t->arg, &entry);
    if (rc < 0) {
        return dsi_fail(err, rc, "stopped by the caller");
    }
    rc = DS_OK;
done:
    return rc;
}

static int tell_manifest(struct telling *t, ds_storage *storage,
                         const struct dsi_manifest_file *file, struct ds_error *err)
{
    struct dsi_manifest_read_options options = {.skip_metrics = !t->columns,
                                                .skip_deleted = true};
    struct dsi_manifest manifest = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_manifest_load(storage, t->metadata, file, &options, &manifest, err));
    for (size_t i = 0; i < manifest.entry_count; i++) {
        DSI_TRY(tell_entry(t, &manifest.entries[i], err));
    }
done:
    dsi_manifest_release(&manifest);
    return rc;
}

int ds_table_files_with(ds_table *table, const struct ds_files_options *options,
                        ds_file_fn fn, void *arg, struct ds_error *err)
{
    struct ds_files_options o = {.struct_size = sizeof(o)};
    struct telling t = {.fn = fn, .arg = arg};
    struct dsi_manifest_list list = {0};
    struct dsi_reading reading;
    const struct dsi_snapshot *snapshot = NULL;
    ds_storage *storage = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(table, "ds_table_files_with", "table", err));
    if (options) {
        DSI_TRY(dsi_handle_size(options->struct_size, sizeof(o),
                                "struct ds_files_options", err));
        memcpy(&o, options, options->struct_size);
    }
    t.columns = o.columns;
    storage = dsi_table_storage(table->table);
    DSI_TRY(dsi_handle_metadata(table, &t.metadata, err));
    DSI_TRY(dsi_scan_resolve(t.metadata, &o.at, &snapshot, err));
    if (!snapshot) {
        goto done;
    }
    reading = dsi_reading_of(table, t.metadata, snapshot);
    rc = dsi_snapshot_manifests(storage, t.metadata, snapshot, &list, err);
    for (size_t i = 0; rc == DS_OK && i < list.count; i++) {
        rc = tell_manifest(&t, storage, &list.files[i], err);
    }
    rc = dsi_reading_ended(&reading, rc, err);
done:
    dsi_manifest_list_release(&list);
    dsi_buf_release(&t.partition);
    dsi_free(t.stats);
    dsi_metadata_unref(t.metadata);
    return rc;
}

int ds_table_files(ds_table *table, const struct ds_at *at, ds_file_fn fn, void *arg,
                   struct ds_error *err)
{
    struct ds_files_options options = {.struct_size = sizeof(options)};

    if (at) {
        options.at = *at;
    }
    return ds_table_files_with(table, &options, fn, arg, err);
}
