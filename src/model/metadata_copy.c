// Copies of what metadata holds: the first step of every edit.
#include "model/metadata_edit.h"

#include <string.h>

#include "base/error.h"

static const char no_memory[] = "copying table metadata";

int dsi_copy_text(struct dsi_arena *a, const char *from, const char **to,
                  struct ds_error *err)
{
    *to = from ? dsi_arena_strdup(a, from) : NULL;
    return from && !*to ? dsi_no_memory(err, no_memory) : DS_OK;
}

static int copy_schemas(struct dsi_metadata *to, const struct dsi_metadata *from,
                        struct ds_error *err)
{
    struct dsi_schema *list =
        dsi_arena_array(&to->arena, from->schema_count + 1, sizeof *list);
    if (!list) {
        return dsi_no_memory(err, no_memory);
    }
    for (size_t i = 0; i < from->schema_count; i++) {
        int rc = dsi_schema_copy(&from->schemas[i], &to->arena, &list[i], err);
        if (rc < 0) {
            return rc;
        }
    }
    to->schemas = list;
    to->schema_count = from->schema_count;
    return DS_OK;
}

static int copy_transform(struct dsi_arena *a, struct dsi_transform *t,
                          struct ds_error *err)
{
    return dsi_copy_text(a, t->text, &t->text, err);
}

int dsi_partition_spec_copy(const struct dsi_partition_spec *from, struct dsi_arena *a,
                            struct dsi_partition_spec *to, struct ds_error *err)
{
    struct dsi_partition_field *fields =
        dsi_arena_array(a, from->field_count, sizeof *fields);
    int rc = DS_OK;

    *to = *from;
    to->fields = fields;
    if (!fields || dsi_arena_copy(a, from->raw, &to->raw) < 0) {
        return dsi_no_memory(err, no_memory);
    }
    for (size_t i = 0; i < from->field_count; i++) {
        fields[i] = from->fields[i];
        DSI_TRY(dsi_copy_text(a, from->fields[i].name, &fields[i].name, err));
        DSI_TRY(copy_transform(a, &fields[i].transform, err));
    }
done:
    return rc;
}

int dsi_sort_order_copy(const struct dsi_sort_order *from, struct dsi_arena *a,
                        struct dsi_sort_order *to, struct ds_error *err)
{
    struct dsi_sort_field *fields = dsi_arena_array(a, from->field_count, sizeof *fields);
    int rc = DS_OK;

    *to = *from;
    to->fields = fields;
    if (!fields || dsi_arena_copy(a, from->raw, &to->raw) < 0) {
        return dsi_no_memory(err, no_memory);
    }
    for (size_t i = 0; i < from->field_count; i++) {
        fields[i] = from->fields[i];
        DSI_TRY(copy_transform(a, &fields[i].transform, err));
    }
done:
    return rc;
}

static int copy_layout(struct dsi_metadata *to, const struct dsi_metadata *from,
                       struct ds_error *err)
{
    struct dsi_partition_spec *specs =
        dsi_arena_array(&to->arena, from->spec_count + 1, sizeof *specs);
    struct dsi_sort_order *orders =
        dsi_arena_array(&to->arena, from->sort_order_count + 1, sizeof *orders);
    int rc = DS_OK;

    if (!specs || !orders) {
        return dsi_no_memory(err, no_memory);
    }
    for (size_t i = 0; i < from->spec_count; i++) {
        DSI_TRY(dsi_partition_spec_copy(&from->specs[i], &to->arena, &specs[i], err));
    }
    for (size_t i = 0; i < from->sort_order_count; i++) {
        DSI_TRY(dsi_sort_order_copy(&from->sort_orders[i], &to->arena, &orders[i], err));
    }
    to->specs = specs;
    to->spec_count = from->spec_count;
    to->sort_orders = orders;
    to->sort_order_count = from->sort_order_count;
done:
    return rc;
}

static int copy_properties(struct dsi_metadata *to, const struct dsi_metadata *from,
                           struct ds_error *err)
{
    struct ds_property *list =
        dsi_arena_array(&to->arena, from->property_count, sizeof *list);
    int rc = DS_OK;

    if (!list) {
        return dsi_no_memory(err, no_memory);
    }
    for (size_t i = 0; i < from->property_count; i++) {
        DSI_TRY(dsi_copy_text(&to->arena, from->properties[i].key, &list[i].key, err));
        DSI_TRY(
            dsi_copy_text(&to->arena, from->properties[i].value, &list[i].value, err));
    }
    to->properties = list;
    to->property_count = from->property_count;
done:
    return rc;
}

static int copy_refs(struct dsi_metadata *to, const struct dsi_metadata *from,
                     struct ds_error *err)
{
    struct dsi_ref *list = dsi_arena_array(&to->arena, from->ref_count, sizeof *list);
    int rc = DS_OK;

    if (!list) {
        return dsi_no_memory(err, no_memory);
    }
    for (size_t i = 0; i < from->ref_count; i++) {
        list[i] = from->refs[i];
        DSI_TRY(dsi_copy_text(&to->arena, from->refs[i].name, &list[i].name, err));
    }
    to->refs = list;
    to->ref_count = from->ref_count;
done:
    return rc;
}

static int copy_logs(struct dsi_metadata *to, const struct dsi_metadata *from,
                     struct ds_error *err)
{
    struct dsi_snapshot_log_entry *snapshots =
        dsi_arena_array(&to->arena, from->snapshot_log_count + 1, sizeof *snapshots);
    struct dsi_metadata_log_entry *files =
        dsi_arena_array(&to->arena, from->metadata_log_count + 1, sizeof *files);
    int rc = DS_OK;

    if (!snapshots || !files) {
        return dsi_no_memory(err, no_memory);
    }
    if (from->snapshot_log_count > 0) {
        memcpy(snapshots, from->snapshot_log,
               from->snapshot_log_count * sizeof *snapshots);
    }
    for (size_t i = 0; i < from->metadata_log_count; i++) {
        files[i].timestamp_ms = from->metadata_log[i].timestamp_ms;
        DSI_TRY(dsi_copy_text(&to->arena, from->metadata_log[i].metadata_file,
                              &files[i].metadata_file, err));
    }
    to->snapshot_log = snapshots;
    to->snapshot_log_count = from->snapshot_log_count;
    to->metadata_log = files;
    to->metadata_log_count = from->metadata_log_count;
done:
    return rc;
}

static int copy_extras(struct dsi_metadata *to, const struct dsi_metadata *from,
                       struct ds_error *err)
{
    struct dsi_extra_member *list =
        dsi_arena_array(&to->arena, from->extra_count, sizeof *list);
    int rc = DS_OK;

    if (!list) {
        return dsi_no_memory(err, no_memory);
    }
    for (size_t i = 0; i < from->extra_count; i++) {
        DSI_TRY(dsi_copy_text(&to->arena, from->extras[i].key, &list[i].key, err));
        if (dsi_arena_copy(&to->arena, from->extras[i].json, &list[i].json) < 0) {
            return dsi_no_memory(err, no_memory);
        }
    }
    to->extras = list;
    to->extra_count = from->extra_count;
done:
    return rc;
}

static int share_snapshots(struct dsi_metadata *to, const struct dsi_metadata *from,
                           size_t room, struct ds_error *err)
{
    const struct dsi_snapshot **list = dsi_arena_array(&to->arena, room, sizeof(void *));
    if (!list) {
        return dsi_no_memory(err, no_memory);
    }
    for (size_t i = 0; i < from->snapshot_count; i++) {
        list[i] = dsi_snapshot_ref(from->snapshots[i]);
    }
    to->snapshots = list;
    to->snapshot_count = from->snapshot_count;
    return DS_OK;
}

static int copy_scalars(struct dsi_metadata *to, const struct dsi_metadata *from,
                        struct ds_error *err)
{
    int rc = DS_OK;

    to->is_legacy = from->is_legacy;
    to->format_version = from->format_version;
    to->last_sequence_number = from->last_sequence_number;
    to->last_updated_ms = from->last_updated_ms;
    to->last_column_id = from->last_column_id;
    to->current_schema_id = from->current_schema_id;
    to->default_spec_id = from->default_spec_id;
    to->last_partition_id = from->last_partition_id;
    to->default_sort_order_id = from->default_sort_order_id;
    to->current_snapshot_id = from->current_snapshot_id;
    to->next_row_id = from->next_row_id;
    DSI_TRY(dsi_copy_text(&to->arena, from->table_uuid, &to->table_uuid, err));
    DSI_TRY(dsi_copy_text(&to->arena, from->location, &to->location, err));
done:
    return rc;
}

int dsi_metadata_copy(struct dsi_metadata *to, const struct dsi_metadata *from,
                      size_t snapshot_room, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(copy_scalars(to, from, err));
    DSI_TRY(copy_schemas(to, from, err));
    DSI_TRY(copy_layout(to, from, err));
    DSI_TRY(copy_properties(to, from, err));
    DSI_TRY(copy_refs(to, from, err));
    DSI_TRY(copy_logs(to, from, err));
    DSI_TRY(copy_extras(to, from, err));
    DSI_TRY(share_snapshots(to, from, snapshot_room, err));
done:
    return rc;
}
