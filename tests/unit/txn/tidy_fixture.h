// Tables of many small files, and what is in them: for the tests of rewrites.
#ifndef DSI_TEST_TXN_TIDY_FIXTURE_H
#define DSI_TEST_TXN_TIDY_FIXTURE_H

#include "fixture.h"
#include "model/partition.h"
#include "txn/append.h"
#include "txn/tidy.h"

// Appends rows (first, "name"), (first + 1, "name"), … in a commit of their own.
static inline void tidy_append(struct dsi_table *t, int64_t first, int64_t count,
                               const char *name)
{
    const struct dsi_state *s = dsi_table_state(t);
    struct ds_error err = {0};
    struct dsi_change *change = NULL;
    struct dsi_append *a = NULL;
    struct dsi_batch_builder *rows = NULL;
    struct dsi_batch b;

    assert_int_equal(dsi_change_new(s, NULL, &change, NULL), DS_OK);
    assert_int_equal(dsi_append_new(dsi_table_storage(t), s->metadata, change, &a, NULL),
                     DS_OK);
    assert_int_equal(dsi_batch_builder_new(dsi_append_schema(a), &rows, NULL), DS_OK);
    for (int64_t i = 0; i < count; i++) {
        struct dsi_value id = {.kind = DSI_TYPE_LONG, .as.i64 = first + i};
        struct dsi_value text = {.kind = DSI_TYPE_STRING,
                                 .as.bytes = {(const uint8_t *)name, strlen(name)}};
        assert_int_equal(dsi_batch_builder_set(rows, 0, &id, NULL), DS_OK);
        assert_int_equal(dsi_batch_builder_set(rows, 1, &text, NULL), DS_OK);
        assert_int_equal(dsi_batch_builder_end_row(rows, NULL), DS_OK);
    }
    assert_int_equal(dsi_batch_builder_take(rows, &b, NULL), DS_OK);
    dsi_batch_builder_free(rows);
    assert_int_equal(dsi_append_batch(a, &b, NULL), DS_OK);
    assert_int_equal(dsi_append_finish(a, NULL), DS_OK);
    if (dsi_commit(t, change, NULL, NULL, &err) != DS_OK) {
        fail_msg("%s", err.message);
    }
    dsi_batch_release(&b);
    dsi_append_free(a);
    dsi_change_free(change);
    dsi_state_unref(s);
}

// A value that two equal multisets of rows share, and hardly others: the sum over rows of
// a hash of each.
struct tidy_rows {
    int64_t count;
    uint64_t sum;
};

static inline struct tidy_rows tidy_rows(struct dsi_catalog *c)
{
    struct tidy_rows all = {0};
    struct dsi_metadata *m = NULL;
    struct dsi_scan *scan = NULL;
    struct dsi_batch b;
    struct ds_error err = {0};

    assert_int_equal(dsi_metadata_load(c->storage, c->head, &m, NULL), DS_OK);
    struct dsi_scan_options o = {.storage = c->storage, .metadata = m};
    assert_int_equal(dsi_scan_open(&o, &scan, NULL), DS_OK);
    int rc = DS_OK;
    while ((rc = dsi_scan_next(scan, &b, &err)) == DS_ROW) {
        for (int64_t i = 0; i < b.rows; i++) {
            struct dsi_value id;
            struct dsi_value name;
            dsi_column_value(&b.columns[0], i, &id);
            dsi_column_value(&b.columns[1], i, &name);
            uint64_t h = (uint64_t)id.as.i64 * UINT64_C(0x9e3779b97f4a7c15) + 1;
            for (size_t k = 0; k < name.as.bytes.size; k++) {
                h = (h ^ name.as.bytes.data[k]) * UINT64_C(0x100000001b3);
            }
            all.sum += h ^ (h >> 29);
        }
        all.count += b.rows;
        dsi_batch_release(&b);
    }
    if (rc != DS_OK) {
        fail_msg("%s", err.message);
    }
    dsi_scan_free(scan);
    dsi_metadata_unref(m);
    return all;
}

static inline struct seen tidy_seen(struct dsi_catalog *c)
{
    struct seen seen;
    const char *why = test_look(c->storage, c->head, &seen);
    if (why) {
        fail_msg("%s", why);
    }
    return seen;
}

static inline int tidy_count_data(void *arg, const char *path,
                                  const struct ds_file_info *info)
{
    (void)info;
    *(size_t *)arg += strstr(path, "/data/") != NULL;
    return DS_OK;
}

// How many data files there are, whoever names them.
static inline size_t tidy_data_files(struct dsi_catalog *c)
{
    size_t n = 0;
    assert_int_equal(
        dsi_storage_list(c->storage, "memory:///t", tidy_count_data, &n, NULL), DS_OK);
    return n;
}

static inline struct dsi_tidied tidy_once(struct dsi_table *t, struct dsi_tidy *limits)
{
    struct dsi_tidied done = {0};
    struct ds_error err = {0};
    if (dsi_tidy_once(t, limits, &done, &err) != DS_OK) {
        fail_msg("%s", err.message);
    }
    return done;
}

static const struct ds_property tidy_on[] = {{DSI_KEY_MERGE_SMALL_FILES, "true"}};

// A table that is partitioned, and sorted unless `order` is NULL.
static inline struct dsi_table *tidy_partitioned(struct dsi_catalog *c, const char *by,
                                                 const char *order)
{
    struct dsi_schema schema = test_schema();
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_partition_spec spec = {0};
    struct dsi_sort_order sort = {0};
    struct dsi_table *t = NULL;
    struct dsi_metadata_new new_table = {
        .location = "memory:///t", .schema = &schema, .properties = {tidy_on, 1}};

    catalog_init(c);
    assert_int_equal(dsi_partition_spec_parse(by, &schema, &arena, &spec, NULL), DS_OK);
    new_table.spec = &spec;
    if (order) {
        assert_int_equal(dsi_sort_order_parse(order, &schema, &arena, &sort, NULL),
                         DS_OK);
        new_table.sort_order = &sort;
    }
    assert_int_equal(dsi_table_create(c, &test_name, &new_table, &t, NULL), DS_OK);
    dsi_arena_release(&arena);
    return t;
}

// The table has the rows that it had before.
static inline void tidy_same_rows(struct dsi_catalog *c, struct tidy_rows before)
{
    struct tidy_rows after = tidy_rows(c);
    assert_int_equal(after.count, before.count);
    assert_true(after.sum == before.sum);
}

// Somebody who is quicker, whenever a commit is about to swap.
struct tidy_rival {
    struct dsi_table *table;
    struct dsi_catalog *catalog;
    struct dsi_tidy limits;
    bool merges; // Or it appends a row.
    int left;    // How often.
};

static inline void tidy_interfere(void *arg, const char *where)
{
    struct tidy_rival *r = arg;

    if (strcmp(where, "swap") == 0 && r->left > 0) {
        struct dsi_tidy limits = r->limits;
        r->left--;
        r->catalog->step = NULL; // It is not asked about itself.
        assert_int_equal(dsi_table_refresh(r->table, NULL), DS_OK);
        if (r->merges) {
            assert_true(tidy_once(r->table, &limits).files > 0);
        } else {
            tidy_append(r->table, 5000, 1, "rival");
        }
        r->catalog->step = tidy_interfere;
    }
}

static inline void tidy_rival_begin(struct tidy_rival *r, struct dsi_catalog *c)
{
    r->catalog = c;
    r->table = test_open(c);
    c->step = tidy_interfere;
    c->arg = r;
}

static inline void tidy_rival_end(struct tidy_rival *r)
{
    r->catalog->step = NULL;
    dsi_table_free(r->table);
}

#endif
