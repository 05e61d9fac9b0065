// Copies of what metadata holds: the first step of every edit.
#include "model/metadata_edit.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

static const char no_memory[] = "copying table metadata";

int dsi_copy_text(struct dsi_arena *a, const char *from, const char **to,
                  struct ds_error *err)
{
    *to = from ? dsi_arena_strdup(a, from) : NULL;
    return from && !*to ? dsi_no_memory(err, no_memory) : DS_OK;
}

// --- lists

// What is copied item by item, each into a place that is zeroed.
struct list {
    const void *items;
    size_t count;
    size_t size;
    int (*copy)(struct dsi_arena *a, const void *from, void *to, struct ds_error *err);
};

static int copy_list(struct dsi_arena *a, struct list list, void *out,
                     struct ds_error *err)
{
    uint8_t *items = dsi_arena_array(a, list.count, list.size);

    if (!items) {
        return dsi_no_memory(err, no_memory);
    }
    for (size_t i = 0; i < list.count; i++) {
        const uint8_t *from = (const uint8_t *)list.items + i * list.size;
        int rc = list.copy(a, from, items + i * list.size, err);
        if (rc < 0) {
            return rc;
        }
    }
    memcpy(out, &items, sizeof items);
    return DS_OK;
}

#define COPY_LIST(a, from, count, copy, to)                                              \
    copy_list((a), (struct list){(from), (count), sizeof *(from), (copy)}, (to), err)

static int copy_extra(struct dsi_arena *a, const void *from, void *to,
                      struct ds_error *err)
{
    const struct dsi_extra_member *f = from;
    struct dsi_extra_member *t = to;
    int rc = DS_OK;

    DSI_TRY(dsi_copy_text(a, f->key, &t->key, err));
    if (dsi_arena_copy(a, f->json, &t->json) < 0) {
        rc = dsi_no_memory(err, no_memory);
    }
done:
    return rc;
}

int dsi_extras_copy(struct dsi_arena *a, const struct dsi_extras *from,
                    struct dsi_extras *to, struct ds_error *err)
{
    int rc = DS_OK;

    *to = (struct dsi_extras){NULL, 0};
    if (from->count > 0) {
        DSI_TRY(COPY_LIST(a, from->members, from->count, copy_extra, &to->members));
        to->count = from->count;
    }
done:
    return rc;
}

// --- schemas, specs, orders

static int copy_schema(struct dsi_arena *a, const void *from, void *to,
                       struct ds_error *err)
{
    return dsi_schema_copy(from, a, to, err);
}

static int copy_partition_field(struct dsi_arena *a, const void *from, void *to,
                                struct ds_error *err)
{
    const struct dsi_partition_field *f = from;
    struct dsi_partition_field *t = to;
    int rc = DS_OK;

    *t = *f;
    DSI_TRY(dsi_copy_text(a, f->name, &t->name, err));
    DSI_TRY(dsi_copy_text(a, f->transform.text, &t->transform.text, err));
done:
    return rc;
}

int dsi_partition_spec_copy(const struct dsi_partition_spec *from, struct dsi_arena *a,
                            struct dsi_partition_spec *to, struct ds_error *err)
{
    *to = *from;
    if (dsi_arena_copy(a, from->raw, &to->raw) < 0) {
        return dsi_no_memory(err, no_memory);
    }
    return COPY_LIST(a, from->fields, from->field_count, copy_partition_field,
                     &to->fields);
}

static int copy_spec(struct dsi_arena *a, const void *from, void *to,
                     struct ds_error *err)
{
    return dsi_partition_spec_copy(from, a, to, err);
}

static int copy_sort_field(struct dsi_arena *a, const void *from, void *to,
                           struct ds_error *err)
{
    const struct dsi_sort_field *f = from;
    struct dsi_sort_field *t = to;

    *t = *f;
    return dsi_copy_text(a, f->transform.text, &t->transform.text, err);
}

int dsi_sort_order_copy(const struct dsi_sort_order *from, struct dsi_arena *a,
                        struct dsi_sort_order *to, struct ds_error *err)
{
    *to = *from;
    if (dsi_arena_copy(a, from->raw, &to->raw) < 0) {
        return dsi_no_memory(err, no_memory);
    }
    return COPY_LIST(a, from->fields, from->field_count, copy_sort_field, &to->fields);
}

static int copy_order(struct dsi_arena *a, const void *from, void *to,
                      struct ds_error *err)
{
    return dsi_sort_order_copy(from, a, to, err);
}

static int copy_layout(struct dsi_metadata *to, const struct dsi_metadata *from,
                       struct dsi_arena *a, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(COPY_LIST(a, from->schemas, from->schema_count, copy_schema, &to->schemas));
    DSI_TRY(COPY_LIST(a, from->specs, from->spec_count, copy_spec, &to->specs));
    DSI_TRY(COPY_LIST(a, from->sort_orders, from->sort_order_count, copy_order,
                      &to->sort_orders));
done:
    return rc;
}

// --- what is shared

void dsi_metadata_parts_unref(struct dsi_metadata_parts *p)
{
    if (p && dsi_refcount_drop(&p->owners)) {
        dsi_arena_release(&p->arena);
        dsi_free(p);
    }
}

// Takes the parts that `from` has, or makes new ones of it.
static int share_parts(struct dsi_metadata *to, const struct dsi_metadata *from,
                       struct ds_error *err)
{
    const size_t apart = from->metadata_log_count - from->log_shared;
    int rc = DS_OK;

    if (from->shares_layout && apart <= DSI_LOG_APART_MAX) {
        dsi_refcount_add(&from->parts->owners);
        to->parts = from->parts;
        to->schemas = from->schemas;
        to->specs = from->specs;
        to->sort_orders = from->sort_orders;
        to->log_shared = from->log_shared;
    } else {
        to->parts = dsi_calloc(1, sizeof *to->parts);
        if (!to->parts) {
            return dsi_no_memory(err, no_memory);
        }
        dsi_refcount_init(&to->parts->owners);
        DSI_TRY(copy_layout(to, from, &to->parts->arena, err));
        to->log_shared = from->metadata_log_count;
    }
    to->shares_layout = true;
    to->schema_count = from->schema_count;
    to->spec_count = from->spec_count;
    to->sort_order_count = from->sort_order_count;
done:
    return rc;
}

// --- properties, refs, logs

static int copy_property(struct dsi_arena *a, const void *from, void *to,
                         struct ds_error *err)
{
    const struct ds_property *f = from;
    struct ds_property *t = to;
    int rc = DS_OK;

    DSI_TRY(dsi_copy_text(a, f->key, &t->key, err));
    DSI_TRY(dsi_copy_text(a, f->value, &t->value, err));
done:
    return rc;
}

static int copy_ref(struct dsi_arena *a, const void *from, void *to, struct ds_error *err)
{
    const struct dsi_ref *f = from;
    struct dsi_ref *t = to;
    int rc = DS_OK;

    *t = *f;
    DSI_TRY(dsi_copy_text(a, f->name, &t->name, err));
    DSI_TRY(dsi_extras_copy(a, &f->extras, &t->extras, err));
done:
    return rc;
}

static int copy_snapshot_log(struct dsi_metadata *to, const struct dsi_metadata *from,
                             struct ds_error *err)
{
    const size_t count = from->snapshot_log_count;
    struct dsi_snapshot_log_entry *log =
        dsi_arena_array(&to->arena, count + 1, sizeof *log);
    int rc = DS_OK;

    if (!log) {
        return dsi_no_memory(err, no_memory);
    }
    for (size_t i = 0; i < count; i++) {
        log[i] = from->snapshot_log[i];
        DSI_TRY(dsi_extras_copy(&to->arena, &from->snapshot_log[i].extras, &log[i].extras,
                                err));
    }
    to->snapshot_log = log;
    to->snapshot_log_count = count;
done:
    return rc;
}

// The entries themselves are each version's own, what they point at may be shared.
static int copy_metadata_log(struct dsi_metadata *to, const struct dsi_metadata *from,
                             struct ds_error *err)
{
    const size_t count = from->metadata_log_count;
    const size_t there = to->parts == from->parts ? to->log_shared : 0;
    struct dsi_metadata_log_entry *log =
        dsi_arena_array(&to->arena, count + 1, sizeof *log);
    int rc = DS_OK;

    if (!log) {
        return dsi_no_memory(err, no_memory);
    }
    if (count > 0) {
        memcpy(log, from->metadata_log, count * sizeof *log);
    }
    for (size_t i = there; i < count; i++) {
        const struct dsi_metadata_log_entry *f = &from->metadata_log[i];
        struct dsi_arena *a = i < to->log_shared ? &to->parts->arena : &to->arena;
        DSI_TRY(dsi_copy_text(a, f->metadata_file, &log[i].metadata_file, err));
        DSI_TRY(dsi_extras_copy(a, &f->extras, &log[i].extras, err));
    }
    to->metadata_log = log;
    to->metadata_log_count = count;
done:
    return rc;
}

static int copy_content(struct dsi_metadata *to, const struct dsi_metadata *from,
                        struct ds_error *err)
{
    struct dsi_arena *a = &to->arena;
    int rc = DS_OK;

    DSI_TRY(COPY_LIST(a, from->properties, from->property_count, copy_property,
                      &to->properties));
    DSI_TRY(COPY_LIST(a, from->refs, from->ref_count, copy_ref, &to->refs));
    DSI_TRY(copy_snapshot_log(to, from, err));
    DSI_TRY(copy_metadata_log(to, from, err));
    DSI_TRY(dsi_extras_copy(a, &from->extras, &to->extras, err));
    to->property_count = from->property_count;
    to->ref_count = from->ref_count;
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
    DSI_TRY(share_parts(to, from, err));
    DSI_TRY(copy_content(to, from, err));
    DSI_TRY(share_snapshots(to, from, snapshot_room, err));
    to->text = dsi_metadata_text_ref(from->text);
    to->snapshots_run = from->snapshots_run;
    to->snapshot_log_run = from->snapshot_log_run;
    to->metadata_log_run = from->metadata_log_run;
done:
    return rc;
}
