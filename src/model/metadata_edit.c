// Changing metadata: a copy is made, changed, checked, and published.
//
// (1) Sequence numbers only grow, an id is used once, a parent is known or gone.
// (2) A ref never names a snapshot that is not there; "main" is the current snapshot.
// (3) The logs never go back in time, and last-updated-ms never stands before them. The
//     snapshot log ends with the current snapshot, and has one entry for each edit.
// (4) Ids of schemas, specs, orders and partition fields are never given twice; what is
//     equal to something that is there gets its id again.
// (5) The default spec and sort order fit the current schema.
#include "model/metadata.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "codec/json/json_reader.h"
#include "codec/json/json_writer.h"
#include "model/location.h"
#include "model/metadata_check.h"
#include "model/metadata_edit.h"

struct dsi_metadata_edit {
    struct dsi_metadata *m; // Ours alone until finish.
    size_t snapshot_room;   // Of m->snapshots.
    size_t old_snapshots;   // How many of m->snapshots the base had.
    int64_t base_updated_ms;
    size_t log_batch; // 0 is 1.
};

static const char no_memory[] = "changing metadata";

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
    e->old_snapshots = base->snapshot_count;
    e->base_updated_ms = base->last_updated_ms;
    DSI_TRY(dsi_metadata_copy(e->m, base, e->snapshot_room, err));
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

bool dsi_property_is_reserved(const char *key)
{
    static const char *const reserved[] = {
        "format-version",           "uuid",
        "snapshot-count",           "current-snapshot-id",
        "current-snapshot-summary", "current-snapshot-timestamp-ms",
        "current-schema",           "default-partition-spec",
        "default-sort-order",
    };
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (strcmp(key, reserved[i]) == 0) {
            return true;
        }
    }
    return false;
}

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

    if (key[0] == '\0' || dsi_property_is_reserved(key)) {
        return dsi_fail(err, DS_EINVALID, "'%s' is no property that can be set", key);
    }
    if (!list) {
        return dsi_no_memory(err, no_memory);
    }
    DSI_TRY(dsi_copy_text(&m->arena, key, &added.key, err));
    DSI_TRY(dsi_copy_text(&m->arena, value, &added.value, err));
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
    char *place = NULL;
    int rc = dsi_location_normalize(location, &e->m->arena, &place, err);
    if (rc == DS_OK) {
        e->m->location = place;
    }
    return rc;
}

// --- snapshots and refs

static int check_snapshot(const struct dsi_metadata *m, const struct dsi_snapshot *s,
                          struct ds_error *err)
{
    long long id = (long long)s->snapshot_id;
    int64_t last = m->last_sequence_number;
    int64_t next = m->format_version == 1 || last == INT64_MAX ? 0 : last + 1;

    if (s->snapshot_id < 0 || dsi_metadata_snapshot(m, s->snapshot_id)) {
        return dsi_fail(err, DS_EINVALID, "snapshot id %lld is taken or negative", id);
    }
    if (last == INT64_MAX) {
        return dsi_fail(err, DS_EINVALID, "no sequence numbers are left");
    }
    if (s->sequence_number != next) {
        return dsi_fail(err, DS_EINVALID,
                        "snapshot %lld has sequence number %lld, the next one is %lld",
                        id, (long long)s->sequence_number, (long long)next); // (1)
    }
    if (s->parent_id == s->snapshot_id) {
        return dsi_fail(err, DS_EINVALID, "snapshot %lld is its own parent", id);
    }
    if (m->format_version >= 3 &&
        (s->added_rows < 0 || s->added_rows > INT64_MAX - m->next_row_id)) {
        return dsi_fail(err, DS_EINVALID, "snapshot %lld adds %lld rows", id,
                        (long long)s->added_rows);
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
        m->next_row_id += s->added_rows; // Checked above.
    }
    return DS_OK;
}

int dsi_metadata_edit_set_ref(struct dsi_metadata_edit *e, const struct dsi_ref *ref,
                              struct ds_error *err)
{
    struct dsi_metadata *m = e->m;
    const struct dsi_snapshot *s = dsi_metadata_snapshot(m, ref->snapshot_id);
    bool main = strcmp(ref->name, DSI_REF_MAIN) == 0;
    struct dsi_ref *list = NULL;
    size_t at = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_ref_check(ref, err));
    if (!s) {
        return dsi_fail(err, DS_EINVALID, "ref %s: there is no snapshot %lld", ref->name,
                        (long long)ref->snapshot_id); // (2)
    }
    list = dsi_arena_array(&m->arena, m->ref_count + 1, sizeof *list);
    if (!list) {
        return dsi_no_memory(err, no_memory);
    }
    for (size_t i = 0; i < m->ref_count; i++) {
        list[i] = m->refs[i];
        at += at == i && strcmp(m->refs[i].name, ref->name) != 0;
    }
    list[at] = *ref;
    DSI_TRY(dsi_copy_text(&m->arena, ref->name, &list[at].name, err));
    DSI_TRY(dsi_extras_copy(&m->arena, &ref->extras, &list[at].extras, err));
    if (main) {
        m->current_snapshot_id = ref->snapshot_id; // The log follows at the end.
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
        dsi_text_run_forget(&m->snapshot_log_run);
    }
    return DS_OK;
}

// Ids in order, so that thousands are looked up quickly.
struct id_set {
    int64_t *ids;
    size_t count;
};

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool among(const struct id_set *set, int64_t id)
{
    return set->count > 0 &&
           bsearch(&id, set->ids, set->count, sizeof id, compare_ids) != NULL;
}

// The snapshot that a file of "statistics" or "partition-statistics" is about.
static int statistics_of(struct ds_slice json, struct dsi_arena *scratch, int64_t *id,
                         struct ds_error *err)
{
    struct dsi_json_reader r;
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    *id = DSI_SNAPSHOT_NONE;
    dsi_json_reader_init(&r, json, scratch, "statistics");
    DSI_TRY(dsi_json_object_begin(&r, err));
    while ((rc = dsi_json_object_next(&r, &key, err)) == DS_ROW) {
        if (dsi_json_key_is(key, "snapshot-id")) {
            DSI_TRY(dsi_json_i64(&r, id, err));
        } else {
            DSI_TRY(dsi_json_skip(&r, NULL, err));
        }
    }
done:
    return rc;
}

// Rewrites a list of statistics files without those of snapshots that are gone.
static int prune_statistics(struct dsi_metadata *m, struct dsi_extra_member *e,
                            const struct id_set *gone, struct ds_error *err)
{
    struct dsi_buf kept = DSI_BUF_INIT;
    struct dsi_json_writer w;
    struct dsi_json_reader r;
    struct ds_slice file = {NULL, 0};
    int64_t id = 0;
    int rc = DS_OK;

    dsi_json_writer_init(&w, &kept, err);
    dsi_json_reader_init(&r, e->json, &m->arena, e->key);
    dsi_json_write_array_begin(&w);
    DSI_TRY(dsi_json_array_begin(&r, err));
    while ((rc = dsi_json_array_next(&r, err)) == DS_ROW) {
        DSI_TRY(dsi_json_skip(&r, &file, err));
        DSI_TRY(statistics_of(file, &m->arena, &id, err));
        if (!among(gone, id)) {
            dsi_json_write_raw(&w, file);
        }
    }
    DSI_TRY(rc);
    dsi_json_write_array_end(&w);
    DSI_TRY(dsi_json_writer_finish(&w));
    if (dsi_arena_copy(&m->arena, dsi_buf_slice(&kept), &e->json) < 0) {
        rc = dsi_no_memory(err, no_memory);
    }
done:
    dsi_buf_release(&kept);
    return rc;
}

static int prune_extras(struct dsi_metadata *m, const struct id_set *gone,
                        struct ds_error *err)
{
    struct dsi_extra_member *list =
        (struct dsi_extra_member *)(uintptr_t)m->extras.members;
    int rc = DS_OK;

    for (size_t i = 0; i < m->extras.count; i++) {
        if ((strcmp(list[i].key, "statistics") == 0 ||
             strcmp(list[i].key, "partition-statistics") == 0) &&
            list[i].json.data[0] == '[') {
            DSI_TRY(prune_statistics(m, &list[i], gone, err));
        }
    }
done:
    return rc;
}

// Takes the snapshots out of the list, and what came before one of them out of the log:
// a history with a hole is none.
static void forget(struct dsi_metadata_edit *e, const struct id_set *gone)
{
    struct dsi_metadata *m = e->m;
    const struct dsi_snapshot **list =
        (const struct dsi_snapshot **)(uintptr_t)m->snapshots;
    size_t kept = 0;
    size_t old = 0;
    size_t from = 0;

    for (size_t i = 0; i < m->snapshot_count; i++) {
        if (among(gone, list[i]->snapshot_id)) {
            if (kept == 0) {
                dsi_text_run_drop_first(&m->snapshots_run, list[i]->raw.size);
            } else {
                dsi_text_run_forget(&m->snapshots_run);
            }
            dsi_snapshot_unref(list[i]);
        } else {
            old += i < e->old_snapshots;
            list[kept++] = list[i];
        }
    }
    m->snapshot_count = kept;
    e->old_snapshots = old;
    for (size_t i = 0; i < m->snapshot_log_count; i++) {
        from = among(gone, m->snapshot_log[i].snapshot_id) ? i + 1 : from;
    }
    for (size_t i = 0; i < from; i++) {
        dsi_text_run_drop_first(&m->snapshot_log_run, m->snapshot_log[i].text_size);
    }
    m->snapshot_log += from;
    m->snapshot_log_count -= from;
}

int dsi_metadata_edit_remove_snapshots(struct dsi_metadata_edit *e, const int64_t *ids,
                                       size_t count, struct ds_error *err)
{
    struct dsi_metadata *m = e->m;
    struct id_set gone = {NULL, count};
    int rc = DS_OK;

    if (count == 0) {
        return DS_OK;
    }
    gone.ids = dsi_arena_array(&m->arena, count, sizeof *gone.ids);
    if (!gone.ids) {
        return dsi_no_memory(err, no_memory);
    }
    memcpy(gone.ids, ids, count * sizeof *ids);
    qsort(gone.ids, count, sizeof *gone.ids, compare_ids);
    for (size_t i = 0; i < m->ref_count; i++) {
        if (among(&gone, m->refs[i].snapshot_id)) {
            return dsi_fail(err, DS_EINVALID, "snapshot %lld is named by %s",
                            (long long)m->refs[i].snapshot_id, m->refs[i].name); // (2)
        }
    }
    DSI_TRY(prune_extras(m, &gone, err));
    forget(e, &gone);
done:
    return rc;
}

// --- schema, spec, sort order

// Every column that stays must be readable as what it becomes.
static int check_evolution(const struct dsi_schema *from, const struct dsi_schema *to,
                           const struct dsi_type *t, int depth, struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < t->field_count && depth <= DSI_TYPE_DEPTH_MAX; i++) {
        const struct dsi_field *f = &t->fields[i];
        const struct dsi_field *old = dsi_schema_field(from, f->id);
        bool fits = !old || (dsi_type_is_primitive(&f->type)
                                 ? dsi_type_promotes(&old->type, &f->type)
                                 : old->type.kind == f->type.kind);
        if (!fits) {
            char was[64];
            char is[64];
            dsi_type_format(&old->type, was, sizeof was);
            dsi_type_format(&f->type, is, sizeof is);
            return dsi_fail(err, DS_EINVALID, "column '%s' cannot change from %s to %s",
                            f->name, was, is);
        }
        DSI_TRY(check_evolution(from, to, &f->type, depth + 1, err));
    }
done:
    return rc;
}

static int32_t highest_id(const struct dsi_type *t, int depth)
{
    int32_t highest = 0;
    for (size_t i = 0; i < t->field_count && depth <= DSI_TYPE_DEPTH_MAX; i++) {
        int32_t inside = highest_id(&t->fields[i].type, depth + 1);
        inside = t->fields[i].id > inside ? t->fields[i].id : inside;
        highest = inside > highest ? inside : highest;
    }
    return highest;
}

static int check_schema(const struct dsi_metadata *m, const struct dsi_schema *schema,
                        struct ds_error *err)
{
    const struct dsi_schema *current = dsi_metadata_current_schema(m);
    int rc = DS_OK;

    // What others made less strictly than we would stays changeable.
    DSI_TRY(dsi_schema_check(current, NULL) == DS_OK
                ? dsi_schema_check(schema, err)
                : dsi_schema_check_stored(schema, err));
    DSI_TRY(check_evolution(current, schema, &schema->root, 0, err));
    DSI_TRY(dsi_partition_spec_check(dsi_metadata_default_spec(m), schema, err)); // (5)
    DSI_TRY(dsi_sort_order_check(dsi_metadata_default_sort_order(m), schema, err));
done:
    return rc;
}

// The id after the last one that there is.
static int id_after(int32_t last, const char *what, int32_t *out, struct ds_error *err)
{
    if (last == INT32_MAX) {
        return dsi_fail(err, DS_EUNSUPPORTED, "no %s ids are left: the last is %d", what,
                        (int)last);
    }
    *out = last + 1;
    return DS_OK;
}

int dsi_metadata_edit_set_schema(struct dsi_metadata_edit *e,
                                 const struct dsi_schema *schema, int32_t last_column_id,
                                 struct ds_error *err)
{
    struct dsi_metadata *m = e->m;
    int32_t highest = highest_id(&schema->root, 0);
    int32_t last = -1;
    int32_t next = 0;
    int rc = check_schema(m, schema, err);

    if (rc < 0) {
        return rc;
    }
    last_column_id = highest > last_column_id ? highest : last_column_id;
    if (last_column_id > DSI_FIELD_ID_MAX) {
        return dsi_fail(err, DS_EINVALID, "the last column id %d is a reserved one",
                        (int)last_column_id);
    }
    for (size_t i = 0; i < m->schema_count; i++) {
        if (dsi_schema_equal(&m->schemas[i], schema)) { // (4)
            m->current_schema_id = m->schemas[i].schema_id;
            return DS_OK;
        }
        last = m->schemas[i].schema_id > last ? m->schemas[i].schema_id : last;
    }
    rc = id_after(last, "schema", &next, err);
    if (rc < 0) {
        return rc;
    }
    struct dsi_schema *list =
        dsi_arena_array(&m->arena, m->schema_count + 1, sizeof *list);
    if (!list) {
        return dsi_no_memory(err, no_memory);
    }
    memcpy(list, m->schemas, m->schema_count * sizeof *list);
    struct dsi_schema *added = &list[m->schema_count];
    rc = dsi_schema_copy(schema, &m->arena, added, err);
    if (rc < 0) {
        return rc;
    }
    added->schema_id = next;
    added->highest_id = highest;
    added->raw = (struct ds_slice){NULL, 0}; // It has a new id.
    m->schemas = list;
    m->shares_layout = false;
    m->schema_count++;
    m->current_schema_id = next;
    m->last_column_id =
        last_column_id > m->last_column_id ? last_column_id : m->last_column_id;
    return DS_OK;
}

// The id that a field of this source and transform has in any spec; 0 when it is new.
static int32_t known_field_id(const struct dsi_metadata *m,
                              const struct dsi_partition_field *f)
{
    for (size_t i = m->spec_count; i > 0; i--) {
        const struct dsi_partition_spec *spec = &m->specs[i - 1];
        for (size_t k = 0; k < spec->field_count; k++) {
            if (spec->fields[k].source_id == f->source_id &&
                strcmp(spec->fields[k].transform.text, f->transform.text) == 0) {
                return spec->fields[k].field_id;
            }
        }
    }
    return 0;
}

// Gives the fields of a new spec their ids; *last is moved on. (4)
static int number_fields(const struct dsi_metadata *m, struct dsi_partition_spec *spec,
                         int32_t *last, struct ds_error *err)
{
    struct dsi_partition_field *fields =
        (struct dsi_partition_field *)(uintptr_t)spec->fields;

    for (size_t i = 0; i < spec->field_count; i++) {
        int32_t id = known_field_id(m, &fields[i]);
        for (size_t k = 0; k < i; k++) {
            id = fields[k].field_id == id ? 0 : id; // Two alike: the second is new.
        }
        if (id == 0 && *last == INT32_MAX) {
            return dsi_fail(err, DS_EINVALID, "no partition field ids are left");
        }
        fields[i].field_id = id ? id : ++*last;
    }
    return DS_OK;
}

int dsi_metadata_edit_set_spec(struct dsi_metadata_edit *e,
                               const struct dsi_partition_spec *spec,
                               struct ds_error *err)
{
    struct dsi_metadata *m = e->m;
    const struct dsi_schema *schema = dsi_metadata_current_schema(m);
    struct dsi_partition_spec *list = NULL;
    struct dsi_partition_spec *added = NULL;
    int32_t last = m->last_partition_id;
    int32_t highest = -1;
    int32_t next = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_partition_spec_check(spec, schema, err)); // (5)
    for (size_t i = 0; i < m->spec_count; i++) {
        if (dsi_partition_spec_equal(&m->specs[i], spec)) { // (4)
            m->default_spec_id = m->specs[i].spec_id;
            return DS_OK;
        }
        highest = m->specs[i].spec_id > highest ? m->specs[i].spec_id : highest;
    }
    DSI_TRY(id_after(highest, "partition spec", &next, err));
    DSI_TRY(dsi_partition_spec_check_names(spec, schema, err));
    list = dsi_arena_array(&m->arena, m->spec_count + 1, sizeof *list);
    if (!list) {
        return dsi_no_memory(err, no_memory);
    }
    memcpy(list, m->specs, m->spec_count * sizeof *list);
    added = &list[m->spec_count];
    DSI_TRY(dsi_partition_spec_copy(spec, &m->arena, added, err));
    DSI_TRY(number_fields(m, added, &last, err));
    added->spec_id = next;
    added->raw = (struct ds_slice){NULL, 0};
    m->last_partition_id = last;
    m->specs = list;
    m->shares_layout = false;
    m->spec_count++;
    m->default_spec_id = next;
done:
    return rc;
}

int dsi_metadata_edit_set_sort_order(struct dsi_metadata_edit *e,
                                     const struct dsi_sort_order *order,
                                     struct ds_error *err)
{
    struct dsi_metadata *m = e->m;
    int32_t last = 0; // Of the one without fields.
    int32_t next = 0;
    int rc = dsi_sort_order_check(order, dsi_metadata_current_schema(m), err); // (5)

    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; i < m->sort_order_count; i++) {
        int32_t id = m->sort_orders[i].order_id;
        if (dsi_sort_order_equal(&m->sort_orders[i], order)) {
            m->default_sort_order_id = id;
            return DS_OK;
        }
        last = id > last ? id : last;
    }
    rc = order->field_count > 0 ? id_after(last, "sort order", &next, err) : DS_OK;
    if (rc < 0) {
        return rc;
    }
    struct dsi_sort_order *list =
        dsi_arena_array(&m->arena, m->sort_order_count + 1, sizeof *list);
    if (!list) {
        return dsi_no_memory(err, no_memory);
    }
    memcpy(list, m->sort_orders, m->sort_order_count * sizeof *list);
    struct dsi_sort_order *added = &list[m->sort_order_count];
    rc = dsi_sort_order_copy(order, &m->arena, added, err);
    if (rc < 0) {
        return rc;
    }
    added->order_id = next;
    added->raw = (struct ds_slice){NULL, 0};
    m->sort_orders = list;
    m->shares_layout = false;
    m->sort_order_count++;
    m->default_sort_order_id = next;
    return DS_OK;
}

// --- the end

void dsi_metadata_edit_log_batch(struct dsi_metadata_edit *e, size_t batch)
{
    e->log_batch = batch;
}

// How many of `count` entries are to go: a batch when there are too many, but never more
// than half of what may stay.
static size_t over_the_log(const struct dsi_metadata_edit *e, size_t count, uint64_t max)
{
    size_t over = count > max ? count - (size_t)max : 0;
    size_t batch = e->log_batch < max / 2 ? e->log_batch : (size_t)(max / 2);

    return over > 0 && over < batch ? batch : over;
}

static int log_base(struct dsi_metadata_edit *e, const char *base_file,
                    struct dsi_metadata_dropped *dropped, struct ds_error *err)
{
    struct dsi_metadata *m = e->m;
    size_t n = m->metadata_log_count;
    struct dsi_metadata_log_entry *log = // There is room for one more.
        (struct dsi_metadata_log_entry *)(uintptr_t)m->metadata_log;
    int64_t last = n > 0 ? m->metadata_log[n - 1].timestamp_ms : 0;
    size_t over = 0;
    int64_t max = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_metadata_property_i64(m, "write.metadata.previous-versions-max", 100,
                                      INT64_MIN, &max, err));
    max = max < 1 ? 1 : max; // As Iceberg's Java library takes it.
    log[n] = (struct dsi_metadata_log_entry){
        .timestamp_ms = e->base_updated_ms < last ? last : e->base_updated_ms}; // (3)
    DSI_TRY(dsi_copy_text(&m->arena, base_file, &log[n].metadata_file, err));
    n++;
    over = over_the_log(e, n, (uint64_t)max);
    dropped->files = dsi_arena_array(&m->arena, over, sizeof *dropped->files);
    if (!dropped->files) {
        return dsi_no_memory(err, no_memory);
    }
    for (size_t i = 0; i < over; i++) {
        dropped->files[i] = log[i].metadata_file;
        dsi_text_run_drop_first(&m->metadata_log_run, log[i].text_size);
    }
    dropped->count = over;
    m->metadata_log = log + over;
    m->metadata_log_count = n - over;
    m->log_shared -= over < m->log_shared ? over : m->log_shared;
done:
    return rc;
}

// What was current only in between was never seen by anybody: one entry is enough. (3)
static void log_current(struct dsi_metadata_edit *e, int64_t now_ms)
{
    struct dsi_metadata *m = e->m;
    size_t n = m->snapshot_log_count;
    const struct dsi_snapshot *s = dsi_metadata_current_snapshot(m);
    int64_t at = now_ms; // A rollback: it becomes current now, not when it was made.

    if (!s || (n > 0 && m->snapshot_log[n - 1].snapshot_id == s->snapshot_id)) {
        return;
    }
    struct dsi_snapshot_log_entry *log = // There is room for one more.
        (struct dsi_snapshot_log_entry *)(uintptr_t)m->snapshot_log;
    for (size_t i = e->old_snapshots; i < m->snapshot_count; i++) {
        at = m->snapshots[i] == s ? s->timestamp_ms : at;
    }
    if (n > 0) {
        at = at < log[n - 1].timestamp_ms ? log[n - 1].timestamp_ms : at;
    }
    log[n] = (struct dsi_snapshot_log_entry){.timestamp_ms = at,
                                             .snapshot_id = s->snapshot_id};
    m->snapshot_log_count = n + 1;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int dsi_metadata_edit_finish(struct dsi_metadata_edit *e, int64_t now_ms,
                             const char *base_file, struct dsi_metadata **out,
                             struct dsi_metadata_dropped *dropped, struct ds_error *err)
{
    struct dsi_metadata *m = e->m;
    struct dsi_metadata_dropped none = {NULL, 0};
    int rc = DS_OK;

    *out = NULL;
    if (base_file) {
        DSI_TRY(log_base(e, base_file, &none, err));
    }
    log_current(e, now_ms);
    m->last_updated_ms = later(now_ms, m->last_updated_ms); // (3)
    if (m->snapshot_log_count > 0) {
        m->last_updated_ms = later(
            m->last_updated_ms, m->snapshot_log[m->snapshot_log_count - 1].timestamp_ms);
    }
    if (m->metadata_log_count > 0) {
        m->last_updated_ms = later(
            m->last_updated_ms, m->metadata_log[m->metadata_log_count - 1].timestamp_ms);
    }
    if (dropped) {
        *dropped = none;
    }
    *out = m;
    e->m = NULL;
done:
    dsi_metadata_edit_free(e);
    return rc;
}
