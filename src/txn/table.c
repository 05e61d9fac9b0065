#include "txn/table.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "base/thread.h"
#include "codec/avro/avro_known.h"
#include "codec/compress/compress.h"
#include "scan/scan.h"
#include "txn/conflict.h"
#include "txn/housekeeper.h"
#include "txn/legacy_load.h"
#include "txn/look.h"
#include "txn/paths.h"

// Where there was no queue, one is looked for again after this time.
#define QUEUE_AGAIN_NS INT64_C(10000000000)

// How often a metadata file may vanish between learning its name and opening it, before
// it is called missing: only a head that moves on every time can do that.
enum { LOAD_TRIES_MAX = 8 };

struct dsi_table {
    struct dsi_arena arena; // The name.
    struct dsi_catalog *catalog;
    struct dsi_table_name name;
    struct dsi_avro_known *known;   // Schemas of manifests.
    struct dsi_mutex *mutex;        // Guards what follows.
    const struct dsi_state *state;  // Ours; never NULL once opened.
    ds_storage *storage;            // Where its files are read; the catalog's.
    bool behind;                    // A commit of ours made a newer head.
    int64_t read_ns;                // When the head was last read; monotonic clock.
    struct dsi_queue *queue;        // NULL: not opened, or there is none.
    size_t queue_users;             // Calls that use it now.
    int64_t queue_next_ns;          // Not tried again before; monotonic clock.
    bool queue_told;                // Why there is none was said.
    struct dsi_housekeeper *keeper; // NULL: none was needed yet.
};

// Iceberg's metadata, or those of DataShard's own layout.
static int parse_metadata(ds_storage *storage, struct ds_slice json, const char *location,
                          const struct dsi_metadata *known, struct dsi_metadata **out,
                          struct ds_error *err)
{
    int rc = dsi_metadata_parse_again(json, known, out, err);
    return rc == DS_ECORRUPT && dsi_legacy_is(json)
               ? dsi_legacy_load(storage, json, location, NULL, out, err)
               : rc;
}

static int load_again(ds_storage *storage, const char *location,
                      const struct dsi_metadata *known, struct dsi_metadata **out,
                      struct ds_error *err)
{
    struct dsi_buf raw = DSI_BUF_INIT_MAX(DSI_METADATA_FILE_MAX);
    struct dsi_buf json = DSI_BUF_INIT_MAX(DSI_METADATA_FILE_MAX);
    int rc = DS_OK;

    *out = NULL;
    DSI_TRY(dsi_storage_read(storage, location, &raw, err));
    if (raw.size > 2 && raw.data[0] == 0x1f && raw.data[1] == 0x8b) {
        DSI_TRY(
            dsi_decompress_all(DSI_COMPRESSION_GZIP, dsi_buf_slice(&raw), &json, err));
        DSI_TRY(parse_metadata(storage, dsi_buf_slice(&json), location, known, out, err));
    } else {
        DSI_TRY(parse_metadata(storage, dsi_buf_slice(&raw), location, known, out, err));
    }
done:
    dsi_buf_release(&raw);
    dsi_buf_release(&json);
    return rc < 0 ? dsi_wrap_file(err, rc, "reading", location) : rc;
}

int dsi_metadata_load(ds_storage *storage, const char *location,
                      struct dsi_metadata **out, struct ds_error *err)
{
    return load_again(storage, location, NULL, out, err);
}

int dsi_metadata_pack(struct ds_slice json, bool gzip, struct dsi_buf *packed,
                      struct ds_slice *out, struct ds_error *err)
{
    int rc = DS_OK;

    *out = json;
    if (gzip) {
        DSI_TRY(dsi_compress(DSI_COMPRESSION_GZIP, DSI_COMPRESSION_LEVEL_DEFAULT, json,
                             packed, err));
        *out = dsi_buf_slice(packed);
    }
done:
    return rc;
}

// Of a table in DataShard's own layout the highest number is not always the head.
static int load_legacy_head(struct dsi_table *t, struct dsi_head *head,
                            struct dsi_metadata **m, struct dsi_arena *arena,
                            struct ds_error *err)
{
    struct dsi_head real = *head;
    int rc = DS_OK;

    DSI_TRY(dsi_catalog_load_legacy(t->catalog, &t->name, arena, &real, err));
    if (!dsi_head_equal(&real, head)) {
        dsi_metadata_unref(*m);
        *m = NULL;
        DSI_TRY(dsi_metadata_load(dsi_catalog_storage(t->catalog), real.metadata_location,
                                  m, err));
        *head = real;
    }
done:
    return rc;
}

// A path table may have been moved, and relocated since.
static int look_around(struct dsi_table *t, const struct dsi_metadata *m,
                       struct ds_error *err)
{
    ds_storage *storage = dsi_catalog_storage(t->catalog);
    int rc = m->is_legacy ? DS_OK
                          : dsi_catalog_storage_at(t->catalog, &t->name, m->location,
                                                   &storage, err);

    if (rc == DS_OK) {
        dsi_mutex_lock(t->mutex);
        t->storage = storage;
        dsi_mutex_unlock(t->mutex);
    }
    return rc;
}

// The head's state; `known` itself when that still is the head.
static int load_state(struct dsi_table *t, const struct dsi_state *known,
                      const struct dsi_state **out, struct ds_error *err)
{
    ds_storage *storage = dsi_catalog_storage(t->catalog);
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_metadata *m = NULL;
    struct dsi_head head = {0};
    struct dsi_head last = {0};
    int rc = DS_OK;

    *out = NULL;
    for (int i = 0; i < LOAD_TRIES_MAX; i++) {
        DSI_TRY(dsi_catalog_load(t->catalog, &t->name, &arena, &head, err));
        if (known && dsi_head_equal(&head, &known->head)) {
            *out = dsi_state_ref(known);
            goto done;
        }
        rc = load_again(storage, head.metadata_location, known ? known->metadata : NULL,
                        &m, err);
        if (rc != DS_ENOTFOUND ||
            (last.metadata_location && dsi_head_equal(&head, &last))) {
            break;
        }
        last = head; // Perhaps it was removed because the table has moved on.
    }
    if (rc == DS_ENOTFOUND) {
        rc = dsi_corrupt(err,
                         "the catalog names %s as the table's metadata, and there is no "
                         "such file; restore it, or register another version",
                         head.metadata_location);
    }
    DSI_TRY(rc);
    if (m->is_legacy) {
        DSI_TRY(load_legacy_head(t, &head, &m, &arena, err));
    }
    DSI_TRY(look_around(t, m, err));
    DSI_TRY(dsi_state_new(&head, m, NULL, out, err));
done:
    dsi_metadata_unref(m);
    dsi_arena_release(&arena);
    return rc;
}

static char *full_name(const struct dsi_table *t, struct dsi_arena *arena)
{
    return dsi_arena_printf(arena, "%s%s%s", t->name.ns, t->name.ns[0] ? "." : "",
                            t->name.name);
}

// From here on nobody who writes to the table makes its directories: where they are
// missing, the table has been removed.
static int keep_dirs(struct dsi_table *t, const struct dsi_state *s, struct ds_error *err)
{
    ds_storage *storage = dsi_catalog_storage(t->catalog);
    const struct dsi_metadata *m = s->metadata;
    struct dsi_arena arena = DSI_ARENA_INIT;
    const char *slash = strrchr(s->head.metadata_location, '/');
    char *name = full_name(t, &arena);
    char *dir = NULL;
    int rc = DS_OK;

    if (m->is_legacy || !slash || dsi_table_storage(t) != storage) {
        goto done; // Not written to, or not where its metadata say.
    }
    dir = dsi_arena_strndup(&arena, s->head.metadata_location,
                            (size_t)(slash - s->head.metadata_location));
    if (!name || !dir) {
        rc = dsi_no_memory(err, "opening a table");
        goto done;
    }
    DSI_TRY(dsi_storage_keep_dir(storage, dir, name, err));
    if (dsi_path_is_below(dir, m->location)) { // Else it may come with the first rows.
        DSI_TRY(dsi_storage_keep_dir(storage, m->location, name, err));
    }
done:
    dsi_arena_release(&arena);
    return rc;
}

// A new table may go where one is gone.
static int keep_no_dirs(struct dsi_table *t, const struct dsi_metadata *m,
                        struct ds_error *err)
{
    ds_storage *storage = dsi_catalog_storage(t->catalog);
    struct dsi_arena arena = DSI_ARENA_INIT;
    char *dir = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_table_metadata_path(m, &arena, &dir, err));
    DSI_TRY(dsi_storage_keep_dir(storage, dir, NULL, err));
    DSI_TRY(dsi_storage_keep_dir(storage, m->location, NULL, err));
done:
    dsi_arena_release(&arena);
    return rc;
}

static int new_handle(struct dsi_catalog *catalog, const struct dsi_table_name *name,
                      struct dsi_table **out, struct ds_error *err)
{
    struct dsi_table *t = dsi_calloc(1, sizeof *t);
    int rc = DS_OK;

    *out = NULL;
    if (!t) {
        return dsi_no_memory(err, "opening a table");
    }
    t->catalog = catalog;
    t->storage = dsi_catalog_storage(catalog);
    t->name.ns = dsi_arena_strdup(&t->arena, name->ns ? name->ns : "");
    t->name.name = dsi_arena_strdup(&t->arena, name->name);
    if (!t->name.ns || !t->name.name) {
        rc = dsi_no_memory(err, "opening a table");
        goto done;
    }
    DSI_TRY(dsi_mutex_new(&t->mutex, err));
    DSI_TRY(dsi_avro_known_new(&t->known, err));
    *out = t;
    t = NULL;
done:
    dsi_table_free(t);
    return rc;
}

void dsi_table_free_within(struct dsi_table *t, int64_t merge_ms)
{
    if (t) {
        dsi_housekeeper_free(t->keeper, merge_ms);
        dsi_queue_free(t->queue);
        dsi_state_unref(t->state);
        dsi_avro_known_free(t->known);
        dsi_mutex_free(t->mutex);
        dsi_arena_release(&t->arena);
        dsi_free(t);
    }
}

void dsi_table_free(struct dsi_table *t)
{
    dsi_table_free_within(t, -1);
}

struct dsi_catalog *dsi_table_catalog(const struct dsi_table *t)
{
    return t->catalog;
}

ds_storage *dsi_table_storage(const struct dsi_table *t)
{
    dsi_mutex_lock(t->mutex);
    ds_storage *s = t->storage;
    dsi_mutex_unlock(t->mutex);
    return s;
}

struct dsi_avro_known *dsi_table_known_schemas(const struct dsi_table *t)
{
    return t->known;
}

const struct dsi_table_name *dsi_table_name(const struct dsi_table *t)
{
    return &t->name;
}

const struct dsi_state *dsi_table_state(struct dsi_table *t)
{
    dsi_mutex_lock(t->mutex);
    const struct dsi_state *s = dsi_state_ref(t->state);
    dsi_mutex_unlock(t->mutex);
    return s;
}

const struct dsi_metadata *dsi_table_metadata(struct dsi_table *t)
{
    dsi_mutex_lock(t->mutex);
    const struct dsi_metadata *m = dsi_metadata_ref(t->state->metadata);
    dsi_mutex_unlock(t->mutex);
    return m;
}

void dsi_table_publish(struct dsi_table *t, const struct dsi_state *s)
{
    const struct dsi_state *old = NULL;

    dsi_mutex_lock(t->mutex);
    struct dsi_mark mark = dsi_mark_of(t->state);
    bool same = dsi_head_equal(&s->head, &t->state->head);
    if (dsi_state_is_newer(s, &mark) || (same && s->manifests)) {
        old = t->state;
        t->state = dsi_state_ref(s);
    }
    dsi_mutex_unlock(t->mutex);
    dsi_state_unref(old);
}

void dsi_table_fall_behind(struct dsi_table *t)
{
    dsi_mutex_lock(t->mutex);
    t->behind = true;
    dsi_mutex_unlock(t->mutex);
}

int dsi_table_refresh(struct dsi_table *t, struct ds_error *err)
{
    const struct dsi_state *known = dsi_table_state(t);
    const struct dsi_state *now = NULL;
    const char *was = known->metadata->table_uuid;
    const char *is = NULL;
    int rc = DS_OK;

    dsi_mutex_lock(t->mutex);
    t->behind = false; // Whoever commits from here on says so again.
    t->read_ns = dsi_clock_monotonic_ns();
    dsi_mutex_unlock(t->mutex);
    rc = load_state(t, known, &now, err);
    if (rc < 0) {
        dsi_table_fall_behind(t);
        rc = rc == DS_ENOTFOUND ? dsi_wrap(err, rc, "the table is gone") : rc;
        goto done;
    }
    is = now->metadata->table_uuid;
    if (was && (!is || strcmp(is, was) != 0)) {
        rc = dsi_conflict_fail(
            &(struct dsi_conflict){
                .rule = "table-replaced",
                .object = was,
                .advice = "the table was dropped and another one has its name now; open "
                          "it again"},
            err);
        goto done;
    }
    dsi_table_publish(t, now);
done:
    dsi_state_unref(now);
    dsi_state_unref(known);
    return rc;
}

int dsi_table_catch_up(struct dsi_table *t, int64_t age_ns, struct ds_error *err)
{
    dsi_mutex_lock(t->mutex);
    bool behind = t->behind && dsi_clock_monotonic_ns() - t->read_ns >= age_ns;
    dsi_mutex_unlock(t->mutex);
    return behind ? dsi_table_refresh(t, err) : DS_OK;
}

// Opens the queue, or says once why there is none.
static struct dsi_queue *open_queue(struct dsi_table *t)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_error err = {0};
    struct dsi_queue *q = NULL;
    char *path = NULL;
    int rc = dsi_catalog_queue_path(t->catalog, &t->name, &arena, &path, &err);

    if (rc == DS_OK && path) {
        rc = dsi_queue_open(path, &q, &err);
    }
    if (rc < 0 && !t->queue_told) {
        dsi_log(DS_LOG_INFO,
                "table %s%s%s: no group commit, each writer commits alone: %s",
                t->name.ns, t->name.ns[0] ? "." : "", t->name.name, err.message);
        t->queue_told = true;
    }
    dsi_arena_release(&arena);
    return q;
}

struct dsi_queue *dsi_table_queue_take(struct dsi_table *t)
{
    struct dsi_queue *q = NULL;

    dsi_mutex_lock(t->mutex);
    if (t->queue && !dsi_queue_is_ours(t->queue)) { // Forked: its users are the parent's.
        dsi_queue_free(t->queue);
        t->queue = NULL;
        t->queue_users = 0;
    }
    if (t->queue && t->queue_users == 0 && !dsi_queue_is_current(t->queue)) {
        dsi_queue_free(t->queue);
        t->queue = NULL;
    }
    if (!t->queue && dsi_clock_monotonic_ns() >= t->queue_next_ns) {
        t->queue = open_queue(t);
        t->queue_next_ns = t->queue ? 0 : dsi_clock_monotonic_ns() + QUEUE_AGAIN_NS;
    }
    q = t->queue;
    t->queue_users += q != NULL;
    dsi_mutex_unlock(t->mutex);
    return q;
}

void dsi_table_queue_give(struct dsi_table *t, struct dsi_queue *q)
{
    if (q) {
        dsi_mutex_lock(t->mutex);
        t->queue_users--;
        dsi_mutex_unlock(t->mutex);
    }
}

struct dsi_housekeeper *dsi_table_housekeeper(struct dsi_table *t, bool make)
{
    dsi_mutex_lock(t->mutex);
    if (!t->keeper && make) {
        t->keeper = dsi_housekeeper_new(t);
    }
    struct dsi_housekeeper *k = t->keeper;
    dsi_mutex_unlock(t->mutex);
    return k;
}

int dsi_table_with_manifests(struct dsi_table *t, const struct dsi_state *s, int64_t id,
                             const struct dsi_state **out, struct ds_error *err)
{
    const struct dsi_snapshot *snapshot = dsi_metadata_snapshot(s->metadata, id);
    const struct dsi_manifests *manifests = NULL;
    struct dsi_manifest_list list = {0};
    int rc = DS_OK;

    *out = NULL;
    if (s->manifests && s->manifests->snapshot_id == id) {
        *out = dsi_state_ref(s);
        return DS_OK;
    }
    if (!snapshot) {
        return dsi_fail(err, DS_ENOTFOUND, "the table has no snapshot %lld",
                        (long long)id);
    }
    DSI_TRY(
        dsi_snapshot_manifests(dsi_table_storage(t), s->metadata, snapshot, &list, err));
    DSI_TRY(dsi_manifests_new(id, &list, &manifests, err));
    DSI_TRY(dsi_state_new(&s->head, s->metadata, manifests, out, err));
    if (id == s->metadata->current_snapshot_id) {
        dsi_table_publish(t, *out);
    }
done:
    dsi_manifests_unref(manifests);
    return rc;
}

int dsi_table_open(struct dsi_catalog *catalog, const struct dsi_table_name *name,
                   struct dsi_table **out, struct ds_error *err)
{
    struct dsi_table *t = NULL;
    int rc = DS_OK;

    *out = NULL;
    DSI_TRY(new_handle(catalog, name, &t, err));
    DSI_TRY(load_state(t, NULL, &t->state, err));
    DSI_TRY(keep_dirs(t, t->state, err));
    *out = t;
    t = NULL;
done:
    dsi_table_free(t);
    return rc;
}

int dsi_table_twin(struct dsi_table *t, struct dsi_table **out, struct ds_error *err)
{
    int rc = new_handle(t->catalog, &t->name, out, err);

    if (rc == DS_OK) {
        (*out)->state = dsi_table_state(t);
    }
    return rc;
}

// Swaps the first version in. A refusal or a lost answer decides nothing: whose table is
// there does.
static int swap_first(struct dsi_table *t, const struct dsi_metadata *m,
                      struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf json = DSI_BUF_INIT;
    struct dsi_buf packed = DSI_BUF_INIT;
    struct dsi_swap swap = {.metadata = m, .attempt = 1};
    struct dsi_uuid uuid = dsi_uuid_v7();
    struct dsi_head head = {0};
    char identity[DSI_UUID_TEXT_SIZE];
    int rc = DS_OK;

    dsi_uuid_format(&uuid, identity);
    swap.identity = identity;
    const char *codec = dsi_metadata_property(m, "write.metadata.compression-codec");
    swap.gzip =
        codec && dsi_text_equal_nocase(codec, "gzip") && dsi_catalog_can_gzip(t->catalog);
    DSI_TRY(dsi_metadata_to_json(m, &json, err));
    DSI_TRY(dsi_metadata_pack(dsi_buf_slice(&json), swap.gzip, &packed, &swap.json, err));
    rc = dsi_catalog_swap(t->catalog, &t->name, &swap, &arena, &head, err);
    if (rc == DS_OK) {
        DSI_TRY(dsi_state_new(&head, m, NULL, &t->state, err));
        goto done;
    }
    if (rc == DS_EUNKNOWN || rc == DS_EEXISTS || rc == DS_ECONFLICT) {
        const struct dsi_state *there = NULL;
        if (load_state(t, NULL, &there, NULL) == DS_OK) {
            const char *id = there->metadata->table_uuid;
            if (id && strcmp(id, m->table_uuid) == 0) {
                t->state = there;
                rc = DS_OK;
                goto done;
            }
            rc = dsi_fail(err, DS_EEXISTS, "table %s%s%s is already there", t->name.ns,
                          t->name.ns[0] ? "." : "", t->name.name);
            dsi_state_unref(there);
        }
    }
done:
    dsi_buf_release(&packed);
    dsi_buf_release(&json);
    dsi_arena_release(&arena);
    return rc;
}

int dsi_table_create(struct dsi_catalog *catalog, const struct dsi_table_name *name,
                     const struct dsi_metadata_new *spec, struct dsi_table **out,
                     struct ds_error *err)
{
    struct dsi_metadata_new full = *spec;
    struct dsi_metadata *m = NULL;
    struct dsi_table *t = NULL;
    char uuid_text[DSI_UUID_TEXT_SIZE];
    char *location = NULL;
    int rc = DS_OK;

    *out = NULL;
    DSI_TRY(new_handle(catalog, name, &t, err));
    if (!full.table_uuid) {
        struct dsi_uuid uuid = dsi_uuid_v4();
        dsi_uuid_format(&uuid, uuid_text);
        full.table_uuid = uuid_text;
    }
    if (!full.location) {
        DSI_TRY(
            dsi_catalog_default_location(catalog, &t->name, &t->arena, &location, err));
        full.location = location;
    }
    full.now_ms = full.now_ms ? full.now_ms : dsi_clock_wall_ms();
    DSI_TRY(dsi_metadata_new(&full, &m, err));
    rc = swap_first(t, m, err);
    if (rc == DS_ENOTFOUND) { // A table was there, and was removed.
        DSI_TRY(keep_no_dirs(t, m, err));
        rc = swap_first(t, m, err);
    }
    DSI_TRY(rc);
    // It is made, and a lack of memory changes nothing about that.
    DSI_IGNORE(keep_dirs(t, t->state, NULL));
    *out = t;
    t = NULL;
done:
    dsi_metadata_unref(m);
    dsi_table_free(t);
    return rc;
}
