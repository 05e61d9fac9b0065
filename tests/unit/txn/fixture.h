// What the tests of src/txn share: a catalog that does what it is told, tables to put in
// it, and a checker that reads a table with cold caches.
//
// The catalog takes the place of the real one when this program is linked. It keeps one
// table, and before each swap asks what shall become of the request: applied, refused,
// lost on the way, its answer lost, applied later or twice, or refused by a lie.
#ifndef DSI_TEST_TXN_FIXTURE_H
#define DSI_TEST_TXN_FIXTURE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "harness.h"
#include "scan/scan.h"
#include "txn/commit.h"
#include "txn/ledger.h"
#include "txn/look.h"
#include "txn/mutant.h"
#include "txn/rebase.h"
#include "txn/table.h"

enum fate {
    FATE_FAIR,        // Applied if its base is the head, else refused.
    FATE_LOST,        // Never arrives; no answer.
    FATE_ANSWER_LOST, // As fair, but no answer.
    FATE_LIE,         // As fair, but always answered with a refusal.
    FATE_LATE,        // Arrives later, if ever; no answer.
    FATE_TWICE,       // As a lie, and a copy of it arrives later.
    FATE_COUNT,
};

struct request {
    char *base;
    char *next;
};

struct dsi_catalog {
    ds_storage *storage;
    char *head; // NULL: no table.
    struct request late[64];
    size_t late_count;
    unsigned swaps; // Requests received.
    void (*step)(void *arg, const char *where);
    enum fate (*fate)(void *arg);
    void *arg;
    pthread_mutex_t mutex; // Guards the head and what was sent.
    const char *queue;     // Where its writers meet; NULL: nowhere, each commits alone.
    int confirm;           // What becomes of making a version durable that was seen.
    unsigned confirms;     // How often that was asked for.
    char before[2048];     // What the last request wanted durable first: its names.
    bool forgets_metadata; // Removes a refused request's file, as the real ones do.
};

static inline void catalog_step(struct dsi_catalog *c, const char *where)
{
    if (c->step) {
        c->step(c->arg, where);
    }
}

ds_storage *dsi_catalog_storage(struct dsi_catalog *c)
{
    return c->storage;
}

bool dsi_catalog_can_gzip(const struct dsi_catalog *c)
{
    (void)c;
    return true;
}

int dsi_catalog_default_location(struct dsi_catalog *c, const struct dsi_table_name *name,
                                 struct dsi_arena *arena, char **out,
                                 struct ds_error *err)
{
    (void)c;
    *out = dsi_arena_printf(arena, "memory:///%s", name->name);
    return *out ? DS_OK : dsi_no_memory(err, "naming a table");
}

int dsi_catalog_load_legacy(struct dsi_catalog *c, const struct dsi_table_name *name,
                            struct dsi_arena *arena, struct dsi_head *out,
                            struct ds_error *err)
{
    (void)c;
    (void)name;
    (void)arena;
    (void)out;
    (void)err;
    return DS_OK;
}

int dsi_catalog_load(struct dsi_catalog *c, const struct dsi_table_name *name,
                     struct dsi_arena *arena, struct dsi_head *out, struct ds_error *err)
{
    catalog_step(c, "load");
    pthread_mutex_lock(&c->mutex);
    out->metadata_location = c->head ? dsi_arena_strdup(arena, c->head) : NULL;
    bool there = c->head != NULL;
    pthread_mutex_unlock(&c->mutex);
    if (!there) {
        return dsi_fail(err, DS_ENOTFOUND, "no table %s", name->name);
    }
    out->version = -1;
    return out->metadata_location ? DS_OK : dsi_no_memory(err, "loading a table");
}

static inline bool catalog_apply(struct dsi_catalog *c, const char *base,
                                 const char *next)
{
    bool fits = base ? c->head && strcmp(c->head, base) == 0 : !c->head;
    if (fits) {
        free(c->head);
        c->head = strdup(next);
    }
    return fits;
}

static inline void catalog_later(struct dsi_catalog *c, const char *base,
                                 const char *next)
{
    if (base && c->late_count < 64) {
        c->late[c->late_count++] = (struct request){strdup(base), strdup(next)};
    }
}

static inline void catalog_deliver(struct dsi_catalog *c, bool apply)
{
    struct request r = c->late[--c->late_count];
    if (apply) {
        catalog_apply(c, r.base, r.next);
    }
    free(r.base);
    free(r.next);
}

int dsi_catalog_swap(struct dsi_catalog *c, const struct dsi_table_name *name,
                     const struct dsi_swap *swap, struct dsi_arena *arena,
                     struct dsi_head *out, struct ds_error *err)
{
    const char *base = swap->base ? swap->base->metadata_location : NULL;
    int rc = DS_OK;
    (void)name;
    pthread_mutex_lock(&c->mutex);
    unsigned swaps = c->swaps;
    pthread_mutex_unlock(&c->mutex);
    char *next =
        dsi_arena_printf(arena, "%s/metadata/%05u-%s-%u.metadata.json",
                         swap->metadata->location, swaps, swap->identity, swap->attempt);
    if (!next) {
        return dsi_no_memory(err, "swapping");
    }
    catalog_step(c, "swap");
    rc = dsi_storage_put(c->storage, next, swap->json, 0, err);
    if (rc < 0) {
        return rc == DS_EUNKNOWN ? DS_EIO : rc;
    }
    pthread_mutex_lock(&c->mutex);
    c->swaps++;
    c->before[0] = '\0';
    for (size_t i = 0; i < swap->file_count; i++) {
        size_t size = strlen(c->before);
        snprintf(c->before + size, sizeof c->before - size, "%s ", swap->files[i]);
    }
    enum fate fate = c->fate ? c->fate(c->arg) : FATE_FAIR;
    bool arrives = fate != FATE_LOST && fate != FATE_LATE;
    bool applied = arrives && catalog_apply(c, base, next);
    if (fate == FATE_LATE || fate == FATE_TWICE) {
        catalog_later(c, base, next);
    }
    pthread_mutex_unlock(&c->mutex);
    catalog_step(c, "answer");
    *out = (struct dsi_head){next, -1, 0};
    if (fate == FATE_LOST || fate == FATE_LATE || fate == FATE_ANSWER_LOST) {
        return dsi_fail(err, DS_EUNKNOWN, "the answer was lost");
    }
    if (!applied || fate == FATE_LIE || fate == FATE_TWICE) {
        return dsi_fail(err, base ? DS_ECONFLICT : DS_EEXISTS, "refused");
    }
    return DS_OK;
}

int dsi_catalog_confirm(struct dsi_catalog *c, const struct dsi_table_name *name,
                        struct ds_error *err)
{
    (void)name;
    pthread_mutex_lock(&c->mutex);
    c->confirms++;
    int rc = c->confirm;
    pthread_mutex_unlock(&c->mutex);
    return rc < 0 ? dsi_fail(err, rc, "it cannot be made durable") : rc;
}

int dsi_catalog_lock(struct dsi_catalog *c, const struct dsi_table_name *name,
                     int64_t wait_ns, void **out, struct ds_error *err)
{
    (void)c;
    (void)name;
    (void)wait_ns;
    (void)err;
    *out = NULL;
    return DS_OK;
}

void dsi_catalog_unlock(struct dsi_catalog *c, void *lock)
{
    (void)c;
    (void)lock;
}

int dsi_catalog_storage_at(struct dsi_catalog *c, const struct dsi_table_name *name,
                           const char *location, ds_storage **out, struct ds_error *err)
{
    (void)name;
    (void)location;
    (void)err;
    *out = c->storage;
    return DS_OK;
}

int dsi_catalog_queue_path(struct dsi_catalog *c, const struct dsi_table_name *name,
                           struct dsi_arena *arena, char **out, struct ds_error *err)
{
    (void)name;
    *out = c->queue ? dsi_arena_strdup(arena, c->queue) : NULL;
    return c->queue && !*out ? dsi_no_memory(err, "finding the queue") : DS_OK;
}

// A clock on which each look at the time is two milliseconds later than the one before.
static atomic_llong test_now_ms = 1700000000000;

static inline int64_t test_wall_us(void)
{
    return atomic_fetch_add(&test_now_ms, 2) * 1000;
}

static inline int64_t test_monotonic_ns(void)
{
    return atomic_fetch_add(&test_now_ms, 2) * 1000000;
}

static inline void test_clock_ticks(void)
{
    static const struct dsi_clock_ops ticking = {test_wall_us, test_monotonic_ns};
    dsi_clock_set(&ticking);
}

// The system's clock, and what a test skips of it.
static atomic_llong test_skipped_ns;

static inline int64_t test_skipping_ns(void)
{
    struct timespec t = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec + atomic_load(&test_skipped_ns);
}

static inline void test_clock_skips(void)
{
    static const struct dsi_clock_ops skipping = {test_wall_us, test_skipping_ns};
    dsi_clock_set(&skipping);
}

static const struct dsi_table_name test_name = {"", "t"};

static inline void catalog_init(struct dsi_catalog *c)
{
    *c = (struct dsi_catalog){0};
    pthread_mutex_init(&c->mutex, NULL);
    assert_int_equal(dsi_storage_mem_new(&c->storage, NULL), DS_OK);
}

static inline void catalog_release(struct dsi_catalog *c)
{
    while (c->late_count > 0) {
        catalog_deliver(c, false);
    }
    free(c->head);
    pthread_mutex_destroy(&c->mutex);
    dsi_storage_free(c->storage);
}

// Columns: 1 id long, 2 name string.
static inline struct dsi_schema test_schema(void)
{
    static const struct dsi_field fields[2] = {
        {.id = 1, .name = "id", .type = {.kind = DSI_TYPE_LONG}},
        {.id = 2, .name = "name", .type = {.kind = DSI_TYPE_STRING}},
    };
    return (struct dsi_schema){
        .root = {.kind = DSI_TYPE_STRUCT, .fields = fields, .field_count = 2},
        .highest_id = 2,
    };
}

static inline struct dsi_table *
test_create(struct dsi_catalog *c, const struct ds_property *properties, size_t count)
{
    struct ds_error err = {0};
    struct dsi_schema schema = test_schema();
    struct dsi_metadata_new spec = {
        .location = "memory:///t", .schema = &schema, .properties = {properties, count}};
    struct dsi_table *t = NULL;
    int rc = dsi_table_create(c, &test_name, &spec, &t, &err);
    if (rc != DS_OK) {
        fail_msg("%s", err.message);
    }
    return t;
}

static inline struct dsi_table *test_open(struct dsi_catalog *c)
{
    struct ds_error err = {0};
    struct dsi_table *t = NULL;
    if (dsi_table_open(c, &test_name, &t, &err) != DS_OK) {
        fail_msg("%s", err.message);
    }
    return t;
}

// Stores a file that stands for `rows` rows, and describes it.
static inline struct dsi_data_file test_file(ds_storage *storage, const char *path,
                                             int64_t rows)
{
    struct ds_slice bytes = {(const uint8_t *)path, strlen(path)};
    assert_int_equal(dsi_storage_put(storage, path, bytes, 0, NULL), DS_OK);
    return (struct dsi_data_file){
        .content = DSI_CONTENT_DATA,
        .path = path,
        .format = DSI_FORMAT_PARQUET,
        .record_count = rows,
        .file_size = (int64_t)strlen(path),
        .sort_order_id = -1,
        .first_row_id = -1,
        .content_offset = -1,
        .content_size = -1,
    };
}

// A change that appends one file of its own.
static inline struct dsi_change *test_change(struct dsi_table *t,
                                             const struct ds_commit_options *options,
                                             const char *path, int64_t rows)
{
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_change *c = NULL;
    assert_int_equal(dsi_change_new(s, options, &c, NULL), DS_OK);
    struct dsi_data_file f = test_file(dsi_table_storage(t), path, rows);
    assert_int_equal(dsi_change_append(c, &f, 1, true, NULL), DS_OK);
    dsi_state_unref(s);
    return c;
}

// A change that appends one file by a manifest that is stored already, as its owner does.
static inline struct dsi_change *test_stored(struct dsi_table *t, const char *path,
                                             int64_t rows)
{
    struct dsi_change *owner = test_change(t, NULL, path, rows);
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_prepared p;
    struct ds_commit_options o = {.struct_size = sizeof o, .identity = owner->identity};
    struct dsi_change *c = NULL;
    assert_int_equal(dsi_rebase_prepare(s, owner, &p, NULL), DS_OK);
    for (size_t i = 0; i < p.file_count; i++) {
        assert_int_equal(dsi_storage_put(dsi_table_storage(t), p.files[i].path,
                                         p.files[i].bytes, 0, NULL),
                         DS_OK);
    }
    struct dsi_stored_files stored = {p.manifests,           p.count, 1, rows,
                                      (int64_t)strlen(path), 1};
    assert_int_equal(dsi_change_new(s, &o, &c, NULL), DS_OK);
    assert_int_equal(dsi_change_append_stored(c, &stored, NULL), DS_OK);
    dsi_prepared_release(&p);
    dsi_state_unref(s);
    dsi_change_free(owner);
    return c;
}

// A change with nothing in it.
static inline struct dsi_change *test_blank(struct dsi_table *t,
                                            const struct ds_commit_options *options)
{
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_change *c = NULL;
    assert_int_equal(dsi_change_new(s, options, &c, NULL), DS_OK);
    dsi_state_unref(s);
    return c;
}

// Writes something else in the head's file, for handles to be opened.
static inline void test_edit_head(struct dsi_catalog *c, const char *from, const char *to)
{
    struct dsi_buf json = DSI_BUF_INIT_MAX(1 << 20);
    struct dsi_buf edited = DSI_BUF_INIT_MAX(1 << 20);
    assert_int_equal(dsi_storage_read(c->storage, c->head, &json, NULL), DS_OK);
    const char *text = dsi_buf_text(&json);
    const char *at = strstr(text, from);
    assert_non_null(at);
    assert_int_equal(dsi_buf_printf(&edited, NULL, "%.*s%s%s", (int)(at - text), text, to,
                                    at + strlen(from)),
                     DS_OK);
    assert_int_equal(
        dsi_storage_put(c->storage, c->head, dsi_buf_slice(&edited), 0, NULL), DS_OK);
    dsi_buf_release(&edited);
    dsi_buf_release(&json);
}

static inline bool test_exists(ds_storage *s, const char *path)
{
    struct ds_file_info info;
    return dsi_storage_stat(s, path, &info, NULL) == DS_OK;
}

// Loses the files that say whose the forgotten snapshots were.
static inline void test_lose_ledger(struct dsi_table *t)
{
    const struct dsi_metadata *m = dsi_table_metadata(t);
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_ledger ledger;
    dsi_ledger_of(m, &ledger);
    for (size_t i = 0; i < ledger.count; i++) {
        char *path = NULL;
        assert_int_equal(dsi_ledger_path(m, ledger.files[i].name, &arena, &path, NULL),
                         DS_OK);
        assert_true(test_exists(dsi_table_storage(t), path));
        assert_int_equal(dsi_storage_remove(dsi_table_storage(t), path, NULL), DS_OK);
    }
    dsi_arena_release(&arena);
    dsi_metadata_unref(m);
}

// What a look at the whole table from outside gives.
struct seen {
    int64_t rows;
    size_t files;
    size_t manifests;
    size_t snapshots;
};

// Reads the head cold and checks I1 to I5 as far as a table alone shows them; returns an
// explanation of what is wrong, or NULL.
static inline const char *test_look(ds_storage *storage, const char *head,
                                    struct seen *out)
{
    static char why[512];
    struct ds_error err = {0};
    struct dsi_metadata *m = NULL;
    *out = (struct seen){0};
    why[0] = '\0';
    if (dsi_metadata_load(storage, head, &m, &err) != DS_OK) {
        snprintf(why, sizeof why, "head: %.300s", err.message);
        return why;
    }
    out->snapshots = m->snapshot_count;
    for (size_t i = 0; i < m->snapshot_count && !why[0]; i++) {
        const struct dsi_snapshot *s = m->snapshots[i];
        struct dsi_manifest_list list = {0};
        *out = (struct seen){.snapshots = m->snapshot_count};
        if (i > 0 && (s->sequence_number != m->snapshots[i - 1]->sequence_number + 1 ||
                      s->parent_id != m->snapshots[i - 1]->snapshot_id)) {
            snprintf(why, sizeof why, "snapshot %zu is not in line", i);
        }
        for (size_t k = 0; k < i; k++) {
            const char *a = dsi_snapshot_summary(s, DSI_KEY_COMMIT_ID);
            const char *b = dsi_snapshot_summary(m->snapshots[k], DSI_KEY_COMMIT_ID);
            if (a && b && strcmp(a, b) == 0) {
                snprintf(why, sizeof why, "identity %s is there twice", a);
            }
        }
        if (dsi_snapshot_manifests(storage, m, s, &list, &err) != DS_OK) {
            snprintf(why, sizeof why, "list: %.300s", err.message);
        }
        out->manifests = list.count;
        for (size_t k = 0; k < list.count && !why[0]; k++) {
            struct dsi_manifest_read_options o = {.skip_deleted = true};
            struct dsi_manifest manifest = {0};
            if (dsi_manifest_load(storage, m, &list.files[k], &o, &manifest, &err) !=
                DS_OK) {
                snprintf(why, sizeof why, "manifest: %.300s", err.message);
            }
            for (size_t e = 0; e < manifest.entry_count; e++) {
                const struct dsi_manifest_entry *x = &manifest.entries[e];
                out->rows += x->file.record_count;
                out->files++;
                if (!test_exists(storage, x->file.path)) {
                    snprintf(why, sizeof why, "file %s is gone", x->file.path);
                }
                if (x->sequence_number < 1 || x->sequence_number > s->sequence_number) {
                    snprintf(why, sizeof why, "file %s has sequence number %lld",
                             x->file.path, (long long)x->sequence_number);
                }
            }
            dsi_manifest_release(&manifest);
        }
        dsi_manifest_list_release(&list);
        const char *total = dsi_snapshot_summary(s, "total-records");
        if (!why[0] && total && strtoll(total, NULL, 10) != out->rows) {
            snprintf(why, sizeof why, "total-records is %s, rows are %lld", total,
                     (long long)out->rows);
        }
    }
    dsi_metadata_unref(m);
    return why[0] ? why : NULL;
}

// How often the current snapshot has the data file.
static inline size_t test_count_file(ds_storage *storage, const char *head,
                                     const char *path)
{
    struct dsi_metadata *m = NULL;
    struct dsi_manifest_list list = {0};
    size_t n = 0;
    assert_int_equal(dsi_metadata_load(storage, head, &m, NULL), DS_OK);
    const struct dsi_snapshot *s = dsi_metadata_current_snapshot(m);
    bool ok = s && dsi_snapshot_manifests(storage, m, s, &list, NULL) == DS_OK;
    for (size_t i = 0; ok && i < list.count; i++) {
        struct dsi_manifest_read_options o = {.skip_deleted = true};
        struct dsi_manifest manifest = {0};
        ok = dsi_manifest_load(storage, m, &list.files[i], &o, &manifest, NULL) == DS_OK;
        for (size_t k = 0; k < manifest.entry_count; k++) {
            n += strcmp(manifest.entries[k].file.path, path) == 0;
        }
        dsi_manifest_release(&manifest);
    }
    dsi_manifest_list_release(&list);
    dsi_metadata_unref(m);
    return n;
}

// How many snapshots carry the identity.
static inline size_t test_count_identity(ds_storage *storage, const char *head,
                                         const char *identity)
{
    struct dsi_metadata *m = NULL;
    size_t n = 0;
    assert_int_equal(dsi_metadata_load(storage, head, &m, NULL), DS_OK);
    for (size_t i = 0; i < m->snapshot_count; i++) {
        const char *id = dsi_snapshot_summary(m->snapshots[i], DSI_KEY_COMMIT_ID);
        n += id && strcmp(id, identity) == 0;
    }
    dsi_metadata_unref(m);
    return n;
}

#endif
