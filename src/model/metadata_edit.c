// Changing metadata: a copy is made, changed, checked, and published.
//
// (1) Sequence numbers only grow, an id is used once, a parent is known or gone.
// (2) A ref never names a snapshot that is not there; "main" is the current snapshot.
// (3) The logs never go back in time, and last-updated-ms never stands before them.
#include "model/metadata.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "model/metadata_edit.h"

struct dsi_metadata_edit {
    struct dsi_metadata *m; // Ours alone until finish.
    size_t snapshot_room;   // Of m->snapshots.
    size_t log_at_start;    // Entries of the snapshot log that the base had.
    int64_t base_updated_ms;
};

static const char no_memory[] = "changing metadata";

// --- copying -------------------------------------------------------------------------

static int copy_text(struct dsi_arena *a, const char *from, const char **to,
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
    return copy_text(a, t->text, &t->text, err);
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
        DSI_TRY(copy_text(a, from->fields[i].name, &fields[i].name, err));
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
        DSI_TRY(copy_text(&to->arena, from->properties[i].key, &list[i].key, err));
        DSI_TRY(copy_text(&to->arena, from->properties[i].value, &list[i].value, err));
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
        DSI_TRY(copy_text(&to->arena, from->refs[i].name, &list[i].name, err));
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
        DSI_TRY(copy_text(&to->arena, from->metadata_log[i].metadata_file,
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
        DSI_TRY(copy_text(&to->arena, from->extras[i].key, &list[i].key, err));
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
    DSI_TRY(copy_text(&to->arena, from->table_uuid, &to->table_uuid, err));
    DSI_TRY(copy_text(&to->arena, from->location, &to->location, err));
done:
    return rc;
}

int dsi_metadata_edit_new(const struct dsi_metadata *base, struct dsi_metadata_edit **out,
                          struct ds_error *err)
{
    struct dsi_metadata_edit *e = dsi_calloc(1, sizeof *e);
    int rc = DS_OK;

    *out = NULL;
    if (e) {
        e->m = dsi_calloc(1, sizeof *e->m);
    }
    if (!e || !e->m) {
        rc = dsi_no_memory(err, no_memory);
        goto done;
    }
    dsi_refcount_init(&e->m->owners);
    e->snapshot_room = base->snapshot_count + 4;
    e->log_at_start = base->snapshot_log_count;
    e->base_updated_ms = base->last_updated_ms;
    DSI_TRY(copy_scalars(e->m, base, err));
    DSI_TRY(copy_schemas(e->m, base, err));
    DSI_TRY(copy_layout(e->m, base, err));
    DSI_TRY(copy_properties(e->m, base, err));
    DSI_TRY(copy_refs(e->m, base, err));
    DSI_TRY(copy_logs(e->m, base, err));
    DSI_TRY(copy_extras(e->m, base, err));
    DSI_TRY(share_snapshots(e->m, base, e->snapshot_room, err));
    *out = e;
    e = NULL;
done:
    dsi_metadata_edit_free(e);
    return rc;
}

void dsi_metadata_edit_free(struct dsi_metadata_edit *e)
{
    if (e) {
        dsi_metadata_unref(e->m);
        dsi_free(e);
    }
}

const struct dsi_metadata *dsi_metadata_edit_state(const struct dsi_metadata_edit *e)
{
    return e->m;
}

// --- properties, location --------------------------------------------------------------

int dsi_metadata_edit_set_property(struct dsi_metadata_edit *e, const char *key,
                                   const char *value, struct ds_error *err)
{
    struct dsi_metadata *m = e->m;
    struct ds_property *list =
        dsi_arena_array(&m->arena, m->property_count + 1, sizeof *list);
    struct ds_property added = {NULL, NULL};
    bool pending = value != NULL;
    size_t n = 0;
    int rc = DS_OK;

    if (!list) {
        return dsi_no_memory(err, no_memory);
    }
    DSI_TRY(copy_text(&m->arena, key, &added.key, err));
    DSI_TRY(copy_text(&m->arena, value, &added.value, err));
    for (size_t i = 0; i < m->property_count; i++) {
        int order = strcmp(m->properties[i].key, key);
        if (order >= 0 && pending) {
            list[n++] = added;
            pending = false;
        }
        if (order != 0) {
            list[n++] = m->properties[i];
        }
    }
    if (pending) {
        list[n++] = added;
    }
    m->properties = list;
    m->property_count = n;
done:
    return rc;
}

int dsi_metadata_edit_set_location(struct dsi_metadata_edit *e, const char *location,
                                   struct ds_error *err)
{
    return copy_text(&e->m->arena, location, &e->m->location, err);
}

// --- snapshots and refs
// ------------------------------------------------------------------

static int check_snapshot(const struct dsi_metadata *m, const struct dsi_snapshot *s,
                          struct ds_error *err)
{
    long long id = (long long)s->snapshot_id;
    int64_t next = m->format_version == 1 ? 0 : m->last_sequence_number + 1;

    if (s->snapshot_id < 0 || dsi_metadata_snapshot(m, s->snapshot_id)) {
        return dsi_fail(err, DS_EINVALID, "snapshot id %lld is taken or negative", id);
    }
    if (s->sequence_number != next) {
        return dsi_fail(err, DS_EINVALID,
                        "snapshot %lld has sequence number %lld, the next one is %lld",
                        id, (long long)s->sequence_number, (long long)next); // (1)
    }
    if (s->parent_id == s->snapshot_id) {
        return dsi_fail(err, DS_EINVALID, "snapshot %lld is its own parent", id);
    }
    if (m->format_version >= 3 && s->first_row_id != m->next_row_id) {
        return dsi_fail(err, DS_EINVALID,
                        "snapshot %lld begins with row id %lld, the next one is %lld", id,
                        (long long)s->first_row_id, (long long)m->next_row_id);
    }
    return DS_OK;
}

int dsi_metadata_edit_add_snapshot(struct dsi_metadata_edit *e,
                                   const struct dsi_snapshot *s, struct ds_error *err)
{
    struct dsi_metadata *m = e->m;
    int rc = check_snapshot(m, s, err);

    if (rc < 0) {
        return rc;
    }
    if (m->snapshot_count == e->snapshot_room) {
        size_t room = e->snapshot_room * 2;
        const struct dsi_snapshot **list = dsi_arena_array(&m->arena, room, sizeof s);
        if (!list) {
            return dsi_no_memory(err, no_memory);
        }
        memcpy(list, m->snapshots, m->snapshot_count * sizeof s);
        m->snapshots = list;
        e->snapshot_room = room;
    }
    // The array is ours until finish; only published metadata is read-only.
    ((const struct dsi_snapshot **)(uintptr_t)m->snapshots)[m->snapshot_count++] =
        dsi_snapshot_ref(s);
    m->last_sequence_number = s->sequence_number;
    if (m->format_version >= 3) {
        m->next_row_id += s->added_rows > 0 ? s->added_rows : 0;
    }
    return DS_OK;
}

// One entry for each edit: what was current only in between was never seen by anybody.
static int log_current(struct dsi_metadata_edit *e, const struct dsi_snapshot *s,
                       struct ds_error *err)
{
    struct dsi_metadata *m = e->m;
    struct dsi_snapshot_log_entry *log =
        dsi_arena_array(&m->arena, e->log_at_start + 1, sizeof *log);
    int64_t at = s->timestamp_ms;

    if (!log) {
        return dsi_no_memory(err, no_memory);
    }
    if (e->log_at_start > 0) {
        memcpy(log, m->snapshot_log, e->log_at_start * sizeof *log);
        int64_t last = log[e->log_at_start - 1].timestamp_ms;
        at = at < last ? last : at; // (3)
    }
    // A snapshot that was there before becomes current now, not when it was made.
    at = at < e->base_updated_ms ? e->base_updated_ms : at;
    log[e->log_at_start] = (struct dsi_snapshot_log_entry){at, s->snapshot_id};
    m->snapshot_log = log;
    m->snapshot_log_count = e->log_at_start + 1;
    return DS_OK;
}

int dsi_metadata_edit_set_ref(struct dsi_metadata_edit *e, const struct dsi_ref *ref,
                              struct ds_error *err)
{
    struct dsi_metadata *m = e->m;
    const struct dsi_snapshot *s = dsi_metadata_snapshot(m, ref->snapshot_id);
    bool main = strcmp(ref->name, DSI_REF_MAIN) == 0;
    int rc = DS_OK;

    if (!s || (main && ref->kind != DSI_REF_BRANCH)) {
        return dsi_fail(err, DS_EINVALID, "ref %s: %s %lld", ref->name,
                        s ? "main is a branch, not a tag at" : "there is no snapshot",
                        (long long)ref->snapshot_id); // (2)
    }
    struct dsi_ref *list = dsi_arena_array(&m->arena, m->ref_count + 1, sizeof *list);
    if (!list) {
        return dsi_no_memory(err, no_memory);
    }
    size_t at = 0;
    for (size_t i = 0; i < m->ref_count; i++) {
        list[i] = m->refs[i];
        at += at == i && strcmp(m->refs[i].name, ref->name) != 0;
    }
    list[at] = *ref;
    DSI_TRY(copy_text(&m->arena, ref->name, &list[at].name, err));
    if (main && m->current_snapshot_id != ref->snapshot_id) {
        DSI_TRY(log_current(e, s, err));
        m->current_snapshot_id = ref->snapshot_id;
    }
    m->ref_count += at == m->ref_count;
    m->refs = list;
done:
    return rc;
}

int dsi_metadata_edit_remove_ref(struct dsi_metadata_edit *e, const char *name,
                                 struct ds_error *err)
{
    struct dsi_metadata *m = e->m;
    struct dsi_ref *list = dsi_arena_array(&m->arena, m->ref_count, sizeof *list);
    size_t n = 0;

    if (!list) {
        return dsi_no_memory(err, no_memory);
    }
    for (size_t i = 0; i < m->ref_count; i++) {
        if (strcmp(m->refs[i].name, name) != 0) {
            list[n++] = m->refs[i];
        }
    }
    if (n == m->ref_count) {
        return dsi_fail(err, DS_ENOTFOUND, "there is no branch or tag '%s'", name);
    }
    m->refs = list;
    m->ref_count = n;
    if (strcmp(name, DSI_REF_MAIN) == 0) { // (2)
        m->current_snapshot_id = DSI_SNAPSHOT_NONE;
        m->snapshot_log_count = 0;
        e->log_at_start = 0;
    }
    return DS_OK;
}

static bool among(const int64_t *ids, size_t count, int64_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

int dsi_metadata_edit_remove_snapshots(struct dsi_metadata_edit *e, const int64_t *ids,
                                       size_t count, struct ds_error *err)
{
    struct dsi_metadata *m = e->m;
    const struct dsi_snapshot **list =
        (const struct dsi_snapshot **)(uintptr_t)m->snapshots;
    size_t kept = 0;

    for (size_t i = 0; i < m->ref_count; i++) {
        if (among(ids, count, m->refs[i].snapshot_id)) {
            return dsi_fail(err, DS_EINVALID, "snapshot %lld is named by %s",
                            (long long)m->refs[i].snapshot_id, m->refs[i].name); // (2)
        }
    }
    for (size_t i = 0; i < m->snapshot_count; i++) {
        if (among(ids, count, list[i]->snapshot_id)) {
            dsi_snapshot_unref(list[i]);
        } else {
            list[kept++] = list[i];
        }
    }
    m->snapshot_count = kept;
    size_t from = 0; // What came before a snapshot that is gone is not the history.
    for (size_t i = 0; i < m->snapshot_log_count; i++) {
        if (among(ids, count, m->snapshot_log[i].snapshot_id)) {
            from = i + 1;
        }
    }
    m->snapshot_log += from;
    m->snapshot_log_count -= from;
    e->log_at_start -= from < e->log_at_start ? from : e->log_at_start;
    return DS_OK;
}

// --- schema, spec, sort order
// --------------------------------------------------------------

int dsi_metadata_edit_set_schema(struct dsi_metadata_edit *e,
                                 const struct dsi_schema *schema, int32_t last_column_id,
                                 struct ds_error *err)
{
    struct dsi_metadata *m = e->m;
    int32_t next = 0;
    int rc = dsi_schema_check(schema, err);

    for (size_t i = 0; rc == DS_OK && i < m->schema_count; i++) {
        if (dsi_schema_equal(&m->schemas[i], schema)) {
            m->current_schema_id = m->schemas[i].schema_id;
            return DS_OK;
        }
        next = m->schemas[i].schema_id >= next ? m->schemas[i].schema_id + 1 : next;
    }
    struct dsi_schema *list =
        dsi_arena_array(&m->arena, m->schema_count + 1, sizeof *list);
    if (rc < 0 || !list) {
        return rc < 0 ? rc : dsi_no_memory(err, no_memory);
    }
    memcpy(list, m->schemas, m->schema_count * sizeof *list);
    struct dsi_schema *added = &list[m->schema_count];
    rc = dsi_schema_copy(schema, &m->arena, added, err);
    if (rc < 0) {
        return rc;
    }
    added->schema_id = next;
    added->raw = (struct ds_slice){NULL, 0}; // It has a new id.
    m->schemas = list;
    m->schema_count++;
    m->current_schema_id = next;
    m->last_column_id =
        last_column_id > m->last_column_id ? last_column_id : m->last_column_id;
    return DS_OK;
}

int dsi_metadata_edit_set_spec(struct dsi_metadata_edit *e,
                               const struct dsi_partition_spec *spec,
                               struct ds_error *err)
{
    struct dsi_metadata *m = e->m;
    int32_t next = 0;

    for (size_t i = 0; i < m->spec_count; i++) {
        if (dsi_partition_spec_equal(&m->specs[i], spec)) {
            m->default_spec_id = m->specs[i].spec_id;
            return DS_OK;
        }
        next = m->specs[i].spec_id >= next ? m->specs[i].spec_id + 1 : next;
    }
    struct dsi_partition_spec *list =
        dsi_arena_array(&m->arena, m->spec_count + 1, sizeof *list);
    if (!list) {
        return dsi_no_memory(err, no_memory);
    }
    memcpy(list, m->specs, m->spec_count * sizeof *list);
    struct dsi_partition_spec *added = &list[m->spec_count];
    int rc = dsi_partition_spec_copy(spec, &m->arena, added, err);
    if (rc < 0) {
        return rc;
    }
    added->spec_id = next;
    added->raw = (struct ds_slice){NULL, 0};
    for (size_t i = 0; i < added->field_count; i++) {
        int32_t id = added->fields[i].field_id;
        m->last_partition_id = id > m->last_partition_id ? id : m->last_partition_id;
    }
    m->specs = list;
    m->spec_count++;
    m->default_spec_id = next;
    return DS_OK;
}

int dsi_metadata_edit_set_sort_order(struct dsi_metadata_edit *e,
                                     const struct dsi_sort_order *order,
                                     struct ds_error *err)
{
    struct dsi_metadata *m = e->m;
    int32_t next = order->field_count == 0 ? 0 : 1;

    for (size_t i = 0; i < m->sort_order_count; i++) {
        int32_t id = m->sort_orders[i].order_id;
        if (dsi_sort_order_equal(&m->sort_orders[i], order)) {
            m->default_sort_order_id = id;
            return DS_OK;
        }
        next = order->field_count > 0 && id >= next ? id + 1 : next;
    }
    struct dsi_sort_order *list =
        dsi_arena_array(&m->arena, m->sort_order_count + 1, sizeof *list);
    if (!list) {
        return dsi_no_memory(err, no_memory);
    }
    memcpy(list, m->sort_orders, m->sort_order_count * sizeof *list);
    struct dsi_sort_order *added = &list[m->sort_order_count];
    int rc = dsi_sort_order_copy(order, &m->arena, added, err);
    if (rc < 0) {
        return rc;
    }
    added->order_id = next;
    added->raw = (struct ds_slice){NULL, 0};
    m->sort_orders = list;
    m->sort_order_count++;
    m->default_sort_order_id = next;
    return DS_OK;
}

// --- the end
// ---------------------------------------------------------------------------------

static int log_base(struct dsi_metadata_edit *e, const char *base_file,
                    struct dsi_metadata_dropped *dropped, struct ds_error *err)
{
    struct dsi_metadata *m = e->m;
    size_t n = m->metadata_log_count;
    struct dsi_metadata_log_entry *log = dsi_arena_array(&m->arena, n + 1, sizeof *log);
    int64_t last = n > 0 ? m->metadata_log[n - 1].timestamp_ms : 0;
    size_t over = 0;
    int64_t max = 0;
    int rc = DS_OK;

    if (!log) {
        return dsi_no_memory(err, no_memory);
    }
    DSI_TRY(dsi_metadata_property_i64(m, "write.metadata.previous-versions-max", 100, 1,
                                      &max, err));
    if (n > 0) {
        memcpy(log, m->metadata_log, n * sizeof *log);
    }
    log[n].timestamp_ms = e->base_updated_ms < last ? last : e->base_updated_ms; // (3)
    DSI_TRY(copy_text(&m->arena, base_file, &log[n].metadata_file, err));
    n++;
    over = n > (uint64_t)max ? n - (size_t)max : 0;
    dropped->files = dsi_arena_array(&m->arena, over, sizeof *dropped->files);
    if (!dropped->files) {
        return dsi_no_memory(err, no_memory);
    }
    for (size_t i = 0; i < over; i++) {
        dropped->files[i] = log[i].metadata_file;
    }
    dropped->count = over;
    m->metadata_log = log + over;
    m->metadata_log_count = n - over;
done:
    return rc;
}

int dsi_metadata_edit_finish(struct dsi_metadata_edit *e, int64_t now_ms,
                             const char *base_file, struct dsi_metadata **out,
                             struct dsi_metadata_dropped *dropped, struct ds_error *err)
{
    struct dsi_metadata *m = e->m;
    struct dsi_metadata_dropped none = {NULL, 0};
    int64_t floor = m->last_updated_ms; // (3)
    int rc = DS_OK;

    *out = NULL;
    if (base_file) {
        DSI_TRY(log_base(e, base_file, &none, err));
    }
    if (m->snapshot_log_count > 0) {
        int64_t last = m->snapshot_log[m->snapshot_log_count - 1].timestamp_ms;
        floor = last > floor ? last : floor;
    }
    m->last_updated_ms = now_ms > floor ? now_ms : floor;
    if (dropped) {
        *dropped = none;
    }
    *out = m;
    e->m = NULL;
done:
    dsi_metadata_edit_free(e);
    return rc;
}
