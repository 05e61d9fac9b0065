#include "txn/append.h"

#include "base/fault.h"
#include "data/data_file.h"
#include "fixture.h"

static struct dsi_batch numbers(const struct dsi_schema *schema, int64_t first,
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
static struct dsi_table *make(struct dsi_catalog *c, const char *partition_by,
                              const char *sort_by, const struct ds_property *properties,
                              size_t count)
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

static struct job begin(struct dsi_table *t)
{
    struct job j = {.m = dsi_table_metadata(t)};
    const struct dsi_state *s = dsi_table_state(t);
    assert_int_equal(dsi_change_new(s, NULL, &j.change, NULL), DS_OK);
    assert_int_equal(dsi_append_new(dsi_table_storage(t), j.m, j.change, &j.append, NULL),
                     DS_OK);
    dsi_state_unref(s);
    return j;
}

static void end(struct job *j)
{
    dsi_append_free(j->append);
    dsi_change_free(j->change);
    dsi_metadata_unref(j->m);
}

static int count_data(void *arg, const char *path, const struct ds_file_info *info)
{
    (void)info;
    *(size_t *)arg += strstr(path, "/data/") != NULL;
    return DS_OK;
}

static size_t files_there(struct dsi_catalog *c)
{
    size_t n = 0;
    assert_int_equal(dsi_storage_list(c->storage, "memory:///t", count_data, &n, NULL),
                     DS_OK);
    return n;
}

static void test_append__writes_one_file_and_gives_it_to_the_change(void **state)
{
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    struct seen seen;
    (void)state;

    struct dsi_table *t = make(&c, NULL, NULL, NULL, 0);
    struct job j = begin(t);
    struct dsi_batch b = numbers(dsi_append_schema(j.append), 0, 1000, 1);
    assert_int_equal(dsi_append_batch(j.append, &b, NULL), DS_OK);
    assert_int_equal(dsi_append_batch(j.append, &b, NULL), DS_OK);
    assert_int_equal(dsi_append_finish(j.append, NULL), DS_OK);
    assert_int_equal(j.change->operations[0].file_count, 1);
    const struct dsi_data_file *f = &j.change->operations[0].files[0];
    assert_int_equal(f->record_count, 2000);
    assert_non_null(strstr(f->path, "memory:///t/data/00000-"));
    assert_non_null(strstr(f->path, j.change->identity));
    assert_int_equal(dsi_commit(t, j.change, NULL, &r, NULL), DS_OK);
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.rows, 2000);
    dsi_batch_release(&b);
    end(&j);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_append__routes_rows_to_partitions_with_few_files_open(void **state)
{
    struct dsi_catalog c;
    struct seen seen;
    (void)state;

    // 200 partitions: more than may be open at once.
    struct dsi_table *t = make(&c, "truncate(10, id), name", NULL, NULL, 0);
    struct job j = begin(t);
    struct dsi_batch b = numbers(dsi_append_schema(j.append), 0, 1000, 1);
    assert_int_equal(dsi_append_batch(j.append, &b, NULL), DS_OK);
    assert_int_equal(dsi_append_finish(j.append, NULL), DS_OK);
    const struct dsi_operation *o = &j.change->operations[0];
    assert_int_equal(o->file_count, 200);
    for (size_t i = 0; i < o->file_count; i++) {
        assert_int_equal(o->files[i].partition_count, 2);
        assert_true(o->files[i].record_count >= 3 && o->files[i].record_count <= 7);
        assert_non_null(strstr(o->files[i].path, "/data/id_trunc"));
    }
    assert_int_equal(dsi_commit(t, j.change, NULL, NULL, NULL), DS_OK);
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.rows, 1000);
    dsi_batch_release(&b);
    end(&j);
    dsi_table_free(t);
    catalog_release(&c);
}

// Appends the same 20,000 rows in batches of so many; the rows of each file.
static size_t roll(int64_t batch_rows, int64_t *records, size_t max)
{
    static const struct ds_property small[] = {{"write.target-file-size-bytes", "4000"},
                                               {"write.parquet.page-row-limit", "100"}};
    struct dsi_catalog c;
    struct dsi_table *t = make(&c, NULL, NULL, small, 2);
    struct job j = begin(t);
    struct dsi_batch b = numbers(dsi_append_schema(j.append), 0, 20000, 7);

    for (int64_t at = 0; at < b.rows; at += batch_rows) {
        struct dsi_batch part;
        int64_t n = batch_rows < b.rows - at ? batch_rows : b.rows - at;
        assert_int_equal(dsi_batch_slice(&b, at, n, &part, NULL), DS_OK);
        assert_int_equal(dsi_append_batch(j.append, &part, NULL), DS_OK);
        dsi_batch_release(&part);
    }
    assert_int_equal(dsi_append_finish(j.append, NULL), DS_OK);
    size_t count = j.change->operations[0].file_count;
    assert_true(count <= max);
    for (size_t i = 0; i < count; i++) {
        const struct dsi_data_file *f = &j.change->operations[0].files[i];
        records[i] = f->record_count;
        assert_true(f->file_size < 40000); // Indexes and the footer come on top.
        assert_true(i + 1 == count || f->file_size > 4000);
    }
    dsi_batch_release(&b);
    end(&j);
    dsi_table_free(t);
    catalog_release(&c);
    return count;
}

static void test_append__rolls_to_a_new_file_at_the_target_size(void **state)
{
    static const int64_t cuts[] = {7, 1000, 8192, 20000};
    int64_t want[64] = {0};
    size_t count = roll(64, want, 64);
    (void)state;

    assert_true(count > 2);
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        int64_t got[64] = {0};
        assert_int_equal(roll(cuts[i], got, 64), count); // At the same rows, always.
        assert_memory_equal(got, want, sizeof got);
    }
}

static void test_append__sorts_each_file_as_a_whole(void **state)
{
    struct dsi_catalog c;
    struct dsi_data_reader *reader = NULL;
    struct dsi_batch got = {0};
    int64_t last = INT64_MAX;
    int64_t rows = 0;
    (void)state;

    struct dsi_table *t = make(&c, NULL, "id desc", NULL, 0);
    struct job j = begin(t);
    for (int i = 0; i < 5; i++) {
        struct dsi_batch b = numbers(dsi_append_schema(j.append), i, 200, 5);
        assert_int_equal(dsi_append_batch(j.append, &b, NULL), DS_OK);
        dsi_batch_release(&b);
    }
    assert_int_equal(dsi_append_finish(j.append, NULL), DS_OK);
    assert_int_equal(j.change->operations[0].file_count, 1);
    const struct dsi_data_file *f = &j.change->operations[0].files[0];
    assert_int_equal(f->sort_order_id, 1);
    struct dsi_data_reader_options o = {.storage = c.storage,
                                        .file = f,
                                        .metadata = j.m,
                                        .schema = dsi_metadata_current_schema(j.m)};
    assert_int_equal(dsi_data_reader_open(&o, &reader, NULL), DS_OK);
    while (dsi_data_reader_next(reader, &got, NULL) == DS_ROW) {
        for (int64_t i = 0; i < got.rows; i++) {
            struct dsi_value v;
            dsi_column_value(&got.columns[0], i, &v);
            assert_true(v.as.i64 < last);
            last = v.as.i64;
            rows++;
        }
        dsi_batch_release(&got);
    }
    assert_int_equal(rows, 1000);
    dsi_data_reader_close(reader);
    end(&j);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_append__that_is_given_up_leaves_no_file(void **state)
{
    static const struct ds_property small[] = {{"write.target-file-size-bytes", "1000"}};
    struct dsi_catalog c;
    (void)state;

    struct dsi_table *t = make(&c, NULL, NULL, small, 1);
    struct job j = begin(t);
    struct dsi_batch b = numbers(dsi_append_schema(j.append), 0, 20000, 7);
    assert_int_equal(dsi_append_batch(j.append, &b, NULL), DS_OK);
    assert_true(files_there(&c) > 0);
    dsi_batch_release(&b);
    end(&j);
    assert_int_equal(files_there(&c), 0);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_append__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct dsi_catalog c;
    (void)state;

    struct dsi_table *t = make(&c, "name", "id", NULL, 0);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_batch b = numbers(dsi_metadata_current_schema(m), 0, 60, 7);
    while (dsi_fault_next(&plan)) {
        struct dsi_change *change = NULL;
        struct dsi_append *a = NULL;
        struct ds_error err = {0};
        int rc = dsi_change_new(s, NULL, &change, &err);
        rc = rc < 0 ? rc : dsi_append_new(c.storage, m, change, &a, &err);
        rc = rc < 0 ? rc : dsi_append_batch(a, &b, &err);
        rc = rc < 0 ? rc : dsi_append_finish(a, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK || err.message[0] != '\0');
        assert_int_not_equal(rc, DS_EUNKNOWN); // That word is for commits.
        dsi_append_free(a);
        if (rc == DS_OK) {
            uint64_t rows = 0;
            uint64_t files = 0;
            uint64_t bytes = 0;
            dsi_change_totals(change, &rows, &files, &bytes);
            assert_int_equal(rows, 60);
            assert_int_equal(files_there(&c), 2);
            dsi_change_discard(change, c.storage);
        }
        if (files_there(&c) != 0) {
            fail_msg("fault %u (%s): files are left", plan.target, plan.name);
        }
        dsi_change_free(change);
    }
    print_message("  %u points\n", plan.target);
    assert_true(plan.target > 50);
    dsi_batch_release(&b);
    dsi_state_unref(s);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append__writes_one_file_and_gives_it_to_the_change),
        cmocka_unit_test(test_append__routes_rows_to_partitions_with_few_files_open),
        cmocka_unit_test(test_append__rolls_to_a_new_file_at_the_target_size),
        cmocka_unit_test(test_append__sorts_each_file_as_a_whole),
        cmocka_unit_test(test_append__that_is_given_up_leaves_no_file),
        cmocka_unit_test(test_append__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
