#include "txn/append.h"

#include "append_fixture.h"
#include "base/cancel.h"
#include "base/fault.h"
#include "storage/storage_fault.h"

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

// A partition whose file was closed to make room gets another one.
static void test_append__opens_another_file_for_a_partition_that_was_closed(void **state)
{
    struct dsi_catalog c;
    struct seen seen;
    (void)state;

    struct dsi_table *t = make(&c, "truncate(10, id), name", NULL, NULL, 0);
    struct job j = begin(t);
    struct dsi_batch b = numbers(dsi_append_schema(j.append), 0, 1000, 1);
    assert_int_equal(dsi_append_batch(j.append, &b, NULL), DS_OK);
    assert_int_equal(dsi_append_batch(j.append, &b, NULL), DS_OK);
    assert_int_equal(dsi_append_finish(j.append, NULL), DS_OK);
    assert_in_range(j.change->operations[0].file_count, 201, 400);
    assert_int_equal(dsi_commit(t, j.change, NULL, NULL, NULL), DS_OK);
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.rows, 2000);
    dsi_batch_release(&b);
    end(&j);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_append__writes_no_format_but_parquet(void **state)
{
    static const struct ds_property orc[] = {{"write.format.default", "orc"}};
    static const struct ds_property loud[] = {{"write.format.default", "PARQUET"}};
    struct dsi_catalog c;
    struct ds_error err = {0};
    (void)state;

    struct dsi_table *t = make(&c, NULL, NULL, orc, 1);
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_change *change = test_blank(t, NULL);
    struct dsi_append *a = NULL;
    assert_int_equal(dsi_append_new(c.storage, s->metadata, change, &a, &err),
                     DS_EUNSUPPORTED);
    assert_null(a);
    assert_non_null(strstr(err.message, "write.format.default is orc"));
    dsi_change_free(change);
    dsi_state_unref(s);
    dsi_table_free(t);
    catalog_release(&c);
    t = make(&c, NULL, NULL, loud, 1);
    struct job j = begin(t);
    end(&j);
    dsi_table_free(t);
    catalog_release(&c);
}

static bool at_once(void *arg)
{
    (void)arg;
    return true;
}

static void test_append__can_be_cancelled_between_rows(void **state)
{
    struct ds_cancel_scope cancel = {.cancelled = at_once};
    struct dsi_catalog c;
    (void)state;

    struct dsi_table *t = make(&c, NULL, NULL, NULL, 0);
    struct job j = begin(t);
    struct dsi_batch b = numbers(dsi_append_schema(j.append), 0, 1000, 1);
    dsi_cancel_begin(&cancel);
    int rc = dsi_append_batch(j.append, &b, NULL);
    dsi_cancel_end(&cancel);
    assert_int_equal(rc, DS_ECANCELLED);
    dsi_batch_release(&b);
    end(&j);
    assert_int_equal(files_there(&c), 0);
    dsi_table_free(t);
    catalog_release(&c);
}

// Rows that wait, to be sorted or to travel, count as well as those in files.
static void test_append__tells_how_far_it_is(void **state)
{
    (void)state;
    for (int held = 0; held < 2; held++) {
        struct dsi_catalog c;
        int64_t rows = 0;
        uint64_t bytes = 0;
        struct dsi_table *t = make(&c, NULL, held ? NULL : "id desc", NULL, 0);
        struct job j = begin(t);
        struct dsi_batch b = numbers(dsi_append_schema(j.append), 0, 100, 1);
        if (held) {
            dsi_append_hold(j.append, 1000, 1 << 16);
        }
        assert_int_equal(dsi_append_batch(j.append, &b, NULL), DS_OK);
        dsi_append_progress(j.append, &rows, &bytes);
        assert_int_equal(rows, 100);
        assert_true(bytes >= 100 * sizeof(int64_t));
        assert_int_equal(dsi_append_finish(j.append, NULL), DS_OK);
        dsi_append_progress(j.append, &rows, &bytes);
        assert_true(rows == 100 && bytes >= 100);
        dsi_batch_release(&b);
        end(&j);
        dsi_table_free(t);
        catalog_release(&c);
    }
}

static void test_append__has_one_crew_for_all_who_ask(void **state)
{
    struct dsi_catalog c;
    struct dsi_crew *first = NULL;
    struct dsi_crew *second = NULL;
    (void)state;

    struct dsi_table *t = make(&c, NULL, NULL, NULL, 0);
    struct job j = begin(t);
    assert_int_equal(dsi_append_crew(j.append, &first, NULL), DS_OK);
    assert_int_equal(dsi_append_crew(j.append, &second, NULL), DS_OK);
    assert_non_null(first);
    assert_ptr_equal(first, second);
    end(&j);
    dsi_table_free(t);
    catalog_release(&c);
}

// Where nothing fits, nothing is held.
static void test_append__holds_nothing_without_room(void **state)
{
    struct dsi_catalog c;
    (void)state;

    struct dsi_table *t = make(&c, NULL, NULL, NULL, 0);
    struct job j = begin(t);
    struct dsi_batch b = numbers(dsi_append_schema(j.append), 0, 10, 1);
    dsi_append_hold(j.append, 1000, 0);
    assert_int_equal(dsi_append_batch(j.append, &b, NULL), DS_OK);
    assert_int_equal(dsi_append_finish(j.append, NULL), DS_OK);
    assert_null(dsi_change_held(j.change));
    assert_int_equal(j.change->operations[0].file_count, 1);
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
        assert_true(f->file_size < 8000); // Indexes and the footer come on top.
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

// Holds up to so much, and appends batches of these rows.
static void hold(struct job *j, int64_t rows_max, size_t bytes_max, const size_t *rows,
                 size_t count)
{
    int64_t first = 0;

    dsi_append_hold(j->append, rows_max, bytes_max);
    for (size_t i = 0; i < count; i++) {
        struct dsi_batch b = numbers(dsi_append_schema(j->append), first, rows[i], 1);
        assert_int_equal(dsi_append_batch(j->append, &b, NULL), DS_OK);
        dsi_batch_release(&b);
        first += (int64_t)rows[i];
    }
    int64_t taken = 0;
    uint64_t bytes = 0;
    dsi_append_progress(j->append, &taken, &bytes);
    assert_int_equal(taken, first);
    assert_true(bytes > 0);
    assert_int_equal(dsi_append_finish(j->append, NULL), DS_OK);
}

// The sum of all ids in a change's files.
static int64_t sum_of_files(struct dsi_catalog *c, const struct job *j, int64_t *rows)
{
    const struct dsi_operation *o = &j->change->operations[0];
    int64_t sum = 0;

    *rows = 0;
    for (size_t i = 0; i < o->file_count; i++) {
        struct dsi_data_reader_options options = {.storage = c->storage,
                                                  .file = &o->files[i],
                                                  .metadata = j->m,
                                                  .schema =
                                                      dsi_metadata_current_schema(j->m)};
        struct dsi_data_reader *reader = NULL;
        struct dsi_batch got = {0};
        assert_int_equal(dsi_data_reader_open(&options, &reader, NULL), DS_OK);
        while (dsi_data_reader_next(reader, &got, NULL) == DS_ROW) {
            for (int64_t k = 0; k < got.rows; k++) {
                struct dsi_value v;
                dsi_column_value(&got.columns[0], k, &v);
                sum += v.as.i64;
            }
            *rows += got.rows;
            dsi_batch_release(&got);
        }
        dsi_data_reader_close(reader);
    }
    return sum;
}

static void test_append__holds_rows_that_are_few(void **state)
{
    static const size_t rows[] = {1, 2, 7};
    struct dsi_catalog c;
    (void)state;

    struct dsi_table *t = make(&c, "name", "id", NULL, 0);
    struct job j = begin(t);
    hold(&j, 10, 65536, rows, 3);
    const struct dsi_held_rows *held = dsi_change_held(j.change);
    assert_non_null(held);
    assert_int_equal(held->rows, 10);
    assert_int_equal(held->schema_id, j.m->current_schema_id);
    assert_int_equal(j.change->operations[0].file_count, 0);
    assert_int_equal(files_there(&c), 0);
    end(&j);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_append__sends_all_to_files_when_there_are_more(void **state)
{
    static const size_t rows[] = {3, 5, 40, 2};
    static const struct {
        int64_t rows_max;
        size_t bytes_max;
    } limits[] = {{0, 0}, {0, 65536}, {10, 0}, {7, 65536}, {49, 65536}, {1000, 100}};
    (void)state;

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct dsi_catalog c;
        struct dsi_table *t = make(&c, NULL, i % 2 ? "id" : NULL, NULL, 0);
        struct job j = begin(t);
        int64_t got = 0;
        hold(&j, limits[i].rows_max, limits[i].bytes_max, rows, 4);
        assert_null(dsi_change_held(j.change));
        assert_int_equal(sum_of_files(&c, &j, &got), 49 * 50 / 2); // Each row once.
        assert_int_equal(got, 50);
        assert_int_equal(j.change->operations[0].file_count, 1);
        end(&j);
        dsi_table_free(t);
        catalog_release(&c);
    }
}

static void test_append__takes_rows_that_others_hold(void **state)
{
    static const size_t rows[] = {4, 6};
    struct dsi_catalog c;
    struct ds_error err = {0};
    int64_t got = 0;
    (void)state;

    struct dsi_table *t = make(&c, NULL, NULL, NULL, 0);
    struct job a = begin(t);
    struct job b = begin(t);
    struct job leader = begin(t);
    hold(&a, 100, 65536, rows, 2);
    hold(&b, 100, 65536, rows, 1);
    assert_int_equal(dsi_append_held(leader.append, dsi_change_held(a.change), NULL),
                     DS_OK);

    // What is refused leaves the others as they are.
    struct dsi_held_rows wrong = *dsi_change_held(b.change);
    wrong.rows = 5;
    assert_int_equal(dsi_append_held(leader.append, &wrong, &err), DS_ECORRUPT);
    wrong = *dsi_change_held(b.change);
    wrong.bytes.size--;
    assert_int_equal(dsi_append_held(leader.append, &wrong, &err), DS_ECORRUPT);
    wrong = *dsi_change_held(b.change);
    wrong.schema_id = 7;
    assert_int_equal(dsi_append_held(leader.append, &wrong, &err), DS_ECONFLICT);
    assert_non_null(strstr(err.message, "schema 7"));

    assert_int_equal(dsi_append_held(leader.append, dsi_change_held(b.change), NULL),
                     DS_OK);
    assert_int_equal(dsi_append_finish(leader.append, NULL), DS_OK);
    assert_int_equal(leader.change->operations[0].file_count, 1);
    assert_int_equal(sum_of_files(&c, &leader, &got), 9 * 10 / 2 + 3 * 4 / 2);
    assert_int_equal(got, 14);
    end(&a);
    end(&b);
    end(&leader);
    dsi_table_free(t);
    catalog_release(&c);
}

// What is wrong is told to who brings the rows, not to who writes them later.
static void test_append__checks_rows_before_it_holds_them(void **state)
{
    static const struct ds_property codec[] = {
        {"write.parquet.compression-codec", "fast"}};
    struct dsi_catalog c;
    struct ds_error err = {0};
    (void)state;

    struct dsi_table *t = make(&c, NULL, NULL, codec, 1);
    struct job j = begin(t);
    struct dsi_batch b = numbers(dsi_append_schema(j.append), 0, 1, 1);
    dsi_append_hold(j.append, 10, 65536);
    assert_int_equal(dsi_append_batch(j.append, &b, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "fast"));
    dsi_batch_release(&b);
    end(&j);
    dsi_table_free(t);
    catalog_release(&c);
}

// Also one that is finished to make room, or whose answer is lost: what was in it is not
// in the change, and it is nobody else's.
static void test_append__fails_with_any_of_its_files(void **state)
{
    static const struct {
        uint32_t nth;
        bool after;
    } cases[] = {{1, false}, {3, false}, {3, true}};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dsi_storage_fault fault = {.call = "finish",
                                          .nth = cases[i].nth,
                                          .after = cases[i].after,
                                          .status = cases[i].after ? DS_EUNKNOWN : 0};
        ds_storage *failing = NULL;
        struct dsi_catalog c;
        dsi_table_free(make(&c, "truncate(10, id), name", NULL, NULL, 0));
        assert_int_equal(dsi_storage_fault_new(c.storage, &fault, &failing, NULL), DS_OK);
        c.storage = failing;
        struct dsi_table *t = test_open(&c);
        struct job j = begin(t);
        struct dsi_batch b = numbers(dsi_append_schema(j.append), 0, 1000, 1);
        assert_int_equal(dsi_append_batch(j.append, &b, NULL), DS_EIO);
        dsi_batch_release(&b);
        end(&j);
        assert_int_equal(files_there(&c), 0);
        dsi_table_free(t);
        catalog_release(&c);
    }
}

// Rows that wait to be sorted are as many as a file has, and then they are written.
static void test_append__sorts_no_more_than_a_file_at_once(void **state)
{
    static const struct ds_property small[] = {{"write.target-file-size-bytes", "20000"}};
    struct dsi_catalog c;
    int64_t rows = 0;
    (void)state;

    struct dsi_table *t = make(&c, NULL, "id", small, 1);
    struct job j = begin(t);
    for (int64_t i = 0; i < 10; i++) {
        struct dsi_batch b = numbers(dsi_append_schema(j.append), i * 1000, 1000, 1);
        assert_int_equal(dsi_append_batch(j.append, &b, NULL), DS_OK);
        dsi_batch_release(&b);
    }
    assert_in_range(files_there(&c), 1, 10); // Before it was told to finish.
    assert_int_equal(dsi_append_finish(j.append, NULL), DS_OK);
    assert_int_equal(sum_of_files(&c, &j, &rows), 9999 * 10000 / 2);
    assert_int_equal(rows, 10000);
    end(&j);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_append__files_are_of_the_spec_that_is_the_default(void **state)
{
    struct dsi_catalog c;
    (void)state;

    dsi_table_free(make(&c, "name", NULL, NULL, 0));
    test_edit_head(&c, "\"spec-id\":0", "\"spec-id\":4");
    test_edit_head(&c, "\"default-spec-id\":0", "\"default-spec-id\":4");
    struct dsi_table *t = test_open(&c);
    struct job j = begin(t);
    struct dsi_batch b = numbers(dsi_append_schema(j.append), 0, 10, 1);
    assert_int_equal(dsi_append_batch(j.append, &b, NULL), DS_OK);
    assert_int_equal(dsi_append_finish(j.append, NULL), DS_OK);
    assert_int_equal(j.change->operations[0].file_count, 2);
    assert_int_equal(j.change->operations[0].files[0].spec_id, 4);
    dsi_batch_release(&b);
    end(&j);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_append__refuses_sizes_that_are_none(void **state)
{
    static const struct ds_property wrong[] = {
        {"write.target-file-size-bytes", "0"},
        {"write.parquet.row-group-size-bytes", "128 MiB"}};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct dsi_catalog c;
        struct dsi_append *a = NULL;
        struct ds_error err = {0};
        struct dsi_table *t = make(&c, NULL, NULL, &wrong[i], 1);
        const struct dsi_metadata *m = dsi_table_metadata(t);
        struct dsi_change *change = test_blank(t, NULL);
        assert_int_equal(dsi_append_new(c.storage, m, change, &a, &err), DS_EINVALID);
        assert_non_null(strstr(err.message, wrong[i].key));
        dsi_change_free(change);
        dsi_metadata_unref(m);
        dsi_table_free(t);
        catalog_release(&c);
    }
}

// Appends some rows and more, which are held up to `rows_max`, with every fault.
static void fail_everywhere(int64_t rows_max, size_t files_made)
{
    struct dsi_fault_plan plan = {0};
    struct dsi_catalog c;

    struct dsi_table *t = make(&c, "name", "id", NULL, 0);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_batch b = numbers(dsi_metadata_current_schema(m), 0, 60, 7);
    struct dsi_batch some = numbers(dsi_metadata_current_schema(m), 0, 3, 7);
    while (dsi_fault_next(&plan)) {
        struct dsi_change *change = NULL;
        struct dsi_append *a = NULL;
        struct ds_error err = {0};
        int rc = dsi_change_new(s, NULL, &change, &err);
        rc = rc < 0 ? rc : dsi_append_new(c.storage, m, change, &a, &err);
        if (rc == DS_OK) {
            dsi_append_hold(a, rows_max, 65536);
        }
        rc = rc < 0 ? rc : dsi_append_batch(a, &some, &err);
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
            assert_int_equal(rows, 63);
            assert_int_equal(files_there(&c), files_made);
            dsi_change_discard(change, c.storage);
        }
        if (files_there(&c) != 0) {
            fail_msg("fault %u (%s): files are left", plan.target, plan.name);
        }
        dsi_change_free(change);
    }
    print_message("  %u points\n", plan.target);
    assert_true(plan.target > 30);
    dsi_batch_release(&b);
    dsi_batch_release(&some);
    dsi_state_unref(s);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_append__survives_every_fault(void **state)
{
    (void)state;
    fail_everywhere(0, 2);
}

static void test_append__survives_every_fault_also_while_it_holds_rows(void **state)
{
    (void)state;
    fail_everywhere(100, 0);
    fail_everywhere(10, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append__writes_one_file_and_gives_it_to_the_change),
        cmocka_unit_test(test_append__routes_rows_to_partitions_with_few_files_open),
        cmocka_unit_test(test_append__opens_another_file_for_a_partition_that_was_closed),
        cmocka_unit_test(test_append__writes_no_format_but_parquet),
        cmocka_unit_test(test_append__can_be_cancelled_between_rows),
        cmocka_unit_test(test_append__tells_how_far_it_is),
        cmocka_unit_test(test_append__has_one_crew_for_all_who_ask),
        cmocka_unit_test(test_append__holds_nothing_without_room),
        cmocka_unit_test(test_append__rolls_to_a_new_file_at_the_target_size),
        cmocka_unit_test(test_append__sorts_each_file_as_a_whole),
        cmocka_unit_test(test_append__that_is_given_up_leaves_no_file),
        cmocka_unit_test(test_append__holds_rows_that_are_few),
        cmocka_unit_test(test_append__sends_all_to_files_when_there_are_more),
        cmocka_unit_test(test_append__takes_rows_that_others_hold),
        cmocka_unit_test(test_append__checks_rows_before_it_holds_them),
        cmocka_unit_test(test_append__fails_with_any_of_its_files),
        cmocka_unit_test(test_append__sorts_no_more_than_a_file_at_once),
        cmocka_unit_test(test_append__files_are_of_the_spec_that_is_the_default),
        cmocka_unit_test(test_append__refuses_sizes_that_are_none),
        cmocka_unit_test(test_append__survives_every_fault),
        cmocka_unit_test(test_append__survives_every_fault_also_while_it_holds_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
