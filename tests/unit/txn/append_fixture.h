// Tables to append to, rows for them, and how many files that made.
#ifndef DSI_TEST_TXN_APPEND_FIXTURE_H
#define DSI_TEST_TXN_APPEND_FIXTURE_H

#include "data/data_file.h"
#include "fixture.h"
#include "txn/append.h"

static inline struct dsi_batch numbers(const struct dsi_schema *schema, int64_t first,
                                       size_t count, int64_t step)
{
    struct dsi_batch_builder *b = NULL;
    struct dsi_batch out;
    assert_int_equal(dsi_batch_builder_new(schema, &b, NULL), DS_OK);
    for (size_t i = 0; i < count; i++) {
        struct dsi_value id = {.kind = DSI_TYPE_LONG,
                               .as.i64 = first + (int64_t)i * step};
        struct dsi_value name = {
            .kind = DSI_TYPE_STRING,
            .as.bytes = {(const uint8_t *)(i % 3 ? "odd" : "even"), i % 3 ? 3 : 4}};
        assert_int_equal(dsi_batch_builder_set(b, 0, &id, NULL), DS_OK);
        assert_int_equal(dsi_batch_builder_set(b, 1, &name, NULL), DS_OK);
        assert_int_equal(dsi_batch_builder_end_row(b, NULL), DS_OK);
    }
    assert_int_equal(dsi_batch_builder_take(b, &out, NULL), DS_OK);
    dsi_batch_builder_free(b);
    return out;
}

// A table with the given layout, in a catalog of its own.
static inline struct dsi_table *make(struct dsi_catalog *c, const char *partition_by,
                                     const char *sort_by,
                                     const struct ds_property *properties, size_t count)
{
    struct dsi_schema schema = test_schema();
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_partition_spec spec = {0};
    struct dsi_sort_order order = {0};
    struct dsi_table *t = NULL;
    struct ds_error err = {0};
    struct dsi_metadata_new new_table = {
        .location = "memory:///t", .schema = &schema, .properties = {properties, count}};
    catalog_init(c);
    if (partition_by) {
        assert_int_equal(
            dsi_partition_spec_parse(partition_by, &schema, &arena, &spec, &err), DS_OK);
        new_table.spec = &spec;
    }
    if (sort_by) {
        assert_int_equal(dsi_sort_order_parse(sort_by, &schema, &arena, &order, &err),
                         DS_OK);
        new_table.sort_order = &order;
    }
    if (dsi_table_create(c, &test_name, &new_table, &t, &err) != DS_OK) {
        fail_msg("%s", err.message);
    }
    dsi_arena_release(&arena);
    return t;
}

struct job {
    const struct dsi_metadata *m;
    struct dsi_change *change;
    struct dsi_append *append;
};

static inline struct job begin(struct dsi_table *t)
{
    struct job j = {.m = dsi_table_metadata(t)};
    const struct dsi_state *s = dsi_table_state(t);
    assert_int_equal(dsi_change_new(s, NULL, &j.change, NULL), DS_OK);
    assert_int_equal(dsi_append_new(dsi_table_storage(t), j.m, j.change, &j.append, NULL),
                     DS_OK);
    dsi_state_unref(s);
    return j;
}

static inline void end(struct job *j)
{
    dsi_append_free(j->append);
    dsi_change_free(j->change);
    dsi_metadata_unref(j->m);
}

static inline int count_data(void *arg, const char *path, const struct ds_file_info *info)
{
    (void)info;
    *(size_t *)arg += strstr(path, "/data/") != NULL;
    return DS_OK;
}

static inline size_t files_there(struct dsi_catalog *c)
{
    size_t n = 0;
    assert_int_equal(dsi_storage_list(c->storage, "memory:///t", count_data, &n, NULL),
                     DS_OK);
    return n;
}

#endif
