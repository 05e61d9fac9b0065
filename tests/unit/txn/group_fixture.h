// What the tests of group commit share: a table whose writers meet in a real queue file,
// owners that exist only as published intents, and a count of the rows in the end.
#ifndef DSI_TEST_TXN_GROUP_FIXTURE_H
#define DSI_TEST_TXN_GROUP_FIXTURE_H

#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"
#include "data/batch_bytes.h"
#include "fixture.h"
#include "storage/storage_queue.h"
#include "txn/intent.h"
#include "txn/live.h"

enum { IDS_MAX = 4096 };

struct place {
    struct dsi_catalog catalog;
    char dir[64];
    char queue_path[96];
    struct dsi_table *table;
    struct dsi_queue *queue; // The phantoms' own handle.
    struct dsi_mark created; // The first version.
};

static inline void place_init(struct place *p, const struct ds_property *properties,
                              size_t count)
{
    catalog_init(&p->catalog);
    snprintf(p->dir, sizeof p->dir, "/tmp/datashard-group-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->queue_path, sizeof p->queue_path, "%s/queue", p->dir);
    p->catalog.queue = p->queue_path;
    p->table = test_create(&p->catalog, properties, count);
    const struct dsi_state *s = dsi_table_state(p->table);
    p->created = dsi_mark_of(s);
    dsi_state_unref(s);
    assert_int_equal(dsi_queue_open(p->queue_path, &p->queue, NULL), DS_OK);
}

static inline void place_release(struct place *p)
{
    char command[128];
    dsi_queue_free(p->queue);
    dsi_table_free(p->table);
    catalog_release(&p->catalog);
    snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
    assert_int_equal(system(command), 0);
}

// A change that appends the row `id`, which travels in it. Asserts nothing: any thread.
static inline struct dsi_change *
row_change(struct dsi_table *t, const struct ds_commit_options *options, int64_t id)
{
    const struct dsi_state *s = dsi_table_state(t);
    const struct dsi_schema *schema = dsi_metadata_current_schema(s->metadata);
    struct dsi_value v = {.kind = DSI_TYPE_LONG, .as.i64 = id};
    struct dsi_batch_builder *builder = NULL;
    struct dsi_change *c = NULL;
    struct dsi_batch b = {0};
    struct dsi_buf bytes = DSI_BUF_INIT;
    int rc = dsi_change_new(s, options, &c, NULL);
    rc = rc < 0 ? rc : dsi_batch_builder_new(schema, &builder, NULL);
    rc = rc < 0 ? rc : dsi_batch_builder_set(builder, 0, &v, NULL);
    rc = rc < 0 ? rc : dsi_batch_builder_end_row(builder, NULL);
    rc = rc < 0 ? rc : dsi_batch_builder_take(builder, &b, NULL);
    rc = rc < 0 ? rc : dsi_batch_encode(&b, &bytes, NULL);
    struct dsi_held_rows held = {dsi_buf_slice(&bytes), 1,
                                 s->metadata->current_schema_id};
    rc = rc < 0 ? rc : dsi_change_hold(c, &held, NULL);
    if (rc < 0) {
        fprintf(stderr, "no change could be made: %d\n", rc);
        abort();
    }
    dsi_buf_release(&bytes);
    dsi_batch_release(&b);
    dsi_batch_builder_free(builder);
    dsi_state_unref(s);
    return c;
}

// Publishes a change as an owner does that is somewhere else.
static inline struct dsi_ticket phantom(struct place *p, const struct dsi_change *c)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct dsi_ticket ticket = {0};
    struct dsi_uuid identity;
    struct ds_error err = {0};
    assert_true(dsi_uuid_parse(c->identity, DSI_UUID_TEXT_SIZE - 1, &identity));
    int rc = dsi_intent_encode(c, &p->created, &bytes, &err);
    if (rc == DS_OK) {
        rc = dsi_queue_publish(p->queue, &identity, dsi_buf_slice(&bytes), &ticket, &err);
    }
    if (rc < 0) {
        fail_msg("%s", err.message);
    }
    dsi_buf_release(&bytes);
    return ticket;
}

static inline struct dsi_ticket
phantom_row(struct place *p, const struct ds_commit_options *options, int64_t id)
{
    struct dsi_change *c = row_change(p->table, options, id);
    struct dsi_ticket ticket = phantom(p, c);
    dsi_change_free(c);
    return ticket;
}

// The receipt that must be there by now.
static inline struct dsi_receipt receipt_of(struct place *p, const struct dsi_ticket *t)
{
    struct dsi_receipt r = {0};
    assert_int_equal(dsi_queue_wait(p->queue, t, 0, &r), DSI_QUEUE_RECEIPT);
    dsi_queue_leave(p->queue, t);
    return r;
}

// How often each id is in the table, by a handle of its own.
static inline void count_ids(struct place *p, uint8_t seen[IDS_MAX])
{
    struct dsi_table *t = test_open(&p->catalog);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    struct dsi_scan_options o = {.storage = p->catalog.storage,
                                 .metadata = m,
                                 .user = {.struct_size = sizeof o.user}};
    struct dsi_scan *scan = NULL;
    struct dsi_batch b = {0};
    struct ds_error err = {0};
    int rc = dsi_scan_open(&o, &scan, &err);
    memset(seen, 0, IDS_MAX);
    while (rc == DS_OK && (rc = dsi_scan_next(scan, &b, &err)) == DS_ROW) {
        for (int64_t i = 0; i < b.rows; i++) {
            struct dsi_value v;
            dsi_column_value(&b.columns[0], i, &v);
            assert_in_range(v.as.i64, 0, IDS_MAX - 1);
            seen[v.as.i64]++;
        }
        dsi_batch_release(&b);
        rc = DS_OK;
    }
    if (rc < 0) {
        fail_msg("%s", err.message);
    }
    dsi_scan_free(scan);
    dsi_metadata_unref(m);
    dsi_table_free(t);
}

// Commits the row `id` through the place's own handle.
static inline struct ds_commit_result
commit_row(struct place *p, const struct ds_commit_options *options, int64_t id)
{
    struct dsi_change *c = row_change(p->table, options, id);
    struct ds_commit_result r = {.struct_size = sizeof r};
    struct ds_error err = {0};
    if (dsi_commit(p->table, c, options, &r, &err) != DS_OK) {
        fail_msg("%s", err.message);
    }
    dsi_change_free(c);
    return r;
}

// The same by another handle, for steps of the catalog.
static inline void commit_elsewhere(struct place *p,
                                    const struct ds_commit_options *options, int64_t id)
{
    struct dsi_table *t = test_open(&p->catalog);
    struct dsi_change *c = row_change(t, options, id);
    assert_int_equal(dsi_commit(t, c, options, NULL, NULL), DS_OK);
    dsi_change_free(c);
    dsi_table_free(t);
}

static inline size_t snapshots_of(struct place *p)
{
    assert_int_equal(dsi_table_refresh(p->table, NULL), DS_OK);
    const struct dsi_metadata *m = dsi_table_metadata(p->table);
    size_t n = m->snapshot_count;
    dsi_metadata_unref(m);
    return n;
}

struct counting {
    const char *part;
    size_t count;
};

static inline int count_named(void *arg, const char *path,
                              const struct ds_file_info *info)
{
    struct counting *c = arg;
    (void)info;
    c->count += strstr(path, c->part) != NULL;
    return DS_OK;
}

// How many files of the table have that in their paths.
static inline size_t count_files(struct place *p, const char *part)
{
    struct counting c = {part, 0};
    assert_int_equal(
        dsi_storage_list(p->catalog.storage, "memory:///t", count_named, &c, NULL),
        DS_OK);
    return c.count;
}

// What a deletion has found so far.
struct going {
    struct dsi_change *change;
    const char *path;
    size_t found;
};

static inline int take_out(void *arg, const struct dsi_data_file *f, const char *manifest,
                           struct ds_error *err)
{
    struct going *g = arg;
    struct dsi_replaced_file r = {f->path, manifest, f->record_count, f->file_size};
    if (strncmp(f->path, g->path, strlen(g->path)) != 0) {
        return DS_OK;
    }
    g->found++;
    return dsi_change_delete(g->change, &r, 1, err);
}

// Takes out the files whose paths begin so, of which there are some.
static inline void change_delete(struct place *p, struct dsi_change *c,
                                 const struct dsi_metadata *m, const char *path)
{
    struct going g = {c, path, 0};
    assert_int_equal(dsi_live_files(p->catalog.storage, m, c, take_out, &g, NULL), DS_OK);
    assert_true(g.found > 0);
}

// Adds a third column, a long.
static inline void change_add_column(struct dsi_change *c, const struct dsi_metadata *m,
                                     const char *name)
{
    struct dsi_schema wider = *dsi_metadata_current_schema(m);
    struct dsi_field fields[3] = {wider.root.fields[0], wider.root.fields[1], {0}};
    fields[2] =
        (struct dsi_field){.id = 3, .name = name, .type = {.kind = DSI_TYPE_LONG}};
    wider.raw = (struct ds_slice){NULL, 0};
    wider.root.fields = fields;
    wider.root.field_count = 3;
    wider.highest_id = 3;
    assert_int_equal(dsi_change_set_schema(c, m, &wider, NULL), DS_OK);
}

#endif
