#include "api/api_expired.h"

#include <errno.h>
#include <stdio.h>

#include "base/fault.h"
#include "unit/api/fixture.h"

// Three files of two rows each; another handle shows that state.
static ds_table *fill(struct fixture *f)
{
    ds_table *reader = NULL;

    fixture_init(f, NULL);
    for (int i = 0; i < 3; i++) {
        fixture_append(f, "id,s\n1,a\n2,b\n");
    }
    assert_int_equal(ds_catalog_open_table(f->catalog, "a.t", &reader, &f->err), DS_OK);
    return reader;
}

// Their rows are in another file then, and they are gone.
static void merge_and_expire(struct fixture *f)
{
    struct ds_optimize_options all = {.struct_size = sizeof all, .files_min = 2};
    ds_txn *txn = NULL;

    assert_int_equal(ds_table_optimize(f->table, &all, NULL, &f->err), DS_OK);
    assert_int_equal(ds_txn_begin(f->table, NULL, &txn, &f->err), DS_OK);
    assert_int_equal(ds_txn_expire_snapshots(txn, INT64_MAX, 1, &f->err), DS_OK);
    assert_int_equal(ds_txn_commit(txn, NULL, &f->err), DS_OK);
    ds_txn_free(txn);
}

static int count_file(void *arg, const struct ds_file_entry *file)
{
    (void)file;
    ++*(int *)arg;
    return DS_OK;
}

static void test_api_expired__a_stream_says_so(void **state)
{
    struct ArrowArrayStream stream = {0};
    struct ArrowArray batch = {0};
    struct fixture f;
    ds_table *reader = fill(&f);
    (void)state;

    assert_int_equal(ds_table_scan(reader, NULL, &stream, &f.err), DS_OK);
    ds_table_free(reader); // The stream does without.
    merge_and_expire(&f);
    for (int i = 0; i < 2; i++) { // It goes on saying it.
        assert_int_equal(stream.get_next(&stream, &batch), ESTALE);
        assert_non_null(strstr(stream.get_last_error(&stream), "was expired while"));
        assert_non_null(strstr(stream.get_last_error(&stream), ".parquet is not there"));
    }
    stream.release(&stream);
    fixture_release(&f);
}

static void test_api_expired__a_handle_that_is_behind_says_so(void **state)
{
    struct ds_scan_options some = {.struct_size = sizeof some, .filter = "id = 1"};
    struct ArrowArrayStream stream = {0};
    struct fixture f;
    ds_table *reader = fill(&f);
    int64_t rows = 0;
    int files = 0;
    (void)state;

    merge_and_expire(&f);
    assert_int_equal(ds_table_scan(reader, NULL, &stream, &f.err), DS_EEXPIRED);
    assert_null(stream.release);
    assert_non_null(strstr(f.err.message, "read the table again"));
    assert_int_equal(ds_table_count(reader, &some, &rows, NULL, &f.err), DS_EEXPIRED);
    assert_int_equal(ds_table_count(reader, &some, &rows, NULL, NULL), DS_EEXPIRED);
    assert_int_equal(ds_table_files(reader, NULL, count_file, &files, &f.err),
                     DS_EEXPIRED);
    assert_int_equal(files, 0);
    assert_int_equal(ds_table_refresh(reader, &f.err), DS_OK);
    assert_int_equal(ds_table_count(reader, &some, &rows, NULL, &f.err), DS_OK);
    assert_int_equal(rows, 3);
    ds_table_free(reader);
    fixture_release(&f);
}

// Who loses a file of a snapshot that is there has a broken table, or lost it to another.
static void test_api_expired__a_lost_file_is_no_expiry(void **state)
{
    struct ArrowArrayStream stream = {0};
    struct ArrowArray batch = {0};
    struct ds_storage *storage = NULL;
    struct fixture f;
    ds_table *reader = fill(&f);
    char path[600] = "";
    (void)state;

    assert_int_equal(ds_table_scan(reader, NULL, &stream, &f.err), DS_OK);
    struct dsi_reading r =
        dsi_reading_of(reader, dsi_table_metadata(reader->table), NULL);
    r.snapshot_id = r.metadata->current_snapshot_id;
    storage = dsi_table_storage(reader->table);
    const char *list = dsi_metadata_current_snapshot(r.metadata)->manifest_list;
    snprintf(path, sizeof path, "%s", list);
    assert_int_equal(dsi_reading_ended(&r, DS_ENOTFOUND, &f.err), DS_ENOTFOUND);
    assert_int_equal(dsi_reading_ended(&r, DS_OK, &f.err), DS_OK);
    merge_and_expire(&f);
    assert_int_equal(dsi_reading_ended(&r, DS_EIO, &f.err), DS_EIO);
    assert_int_equal(dsi_reading_ended(&r, DS_ENOTFOUND, &f.err), DS_EEXPIRED);
    assert_int_equal(dsi_storage_stat(storage, path, &(struct ds_file_info){0}, NULL),
                     DS_ENOTFOUND);
    r.snapshot_id = DSI_SNAPSHOT_NONE; // Nothing was read yet.
    assert_int_equal(dsi_reading_ended(&r, DS_ENOTFOUND, &f.err), DS_ENOTFOUND);
    dsi_metadata_unref(r.metadata);
    // A table that another one has taken the name of tells nothing.
    assert_int_equal(ds_catalog_drop_table(f.catalog, "a.t", false, &f.err), DS_OK);
    assert_int_equal(stream.get_next(&stream, &batch), ENOENT);
    stream.release(&stream);
    ds_table_free(reader);
    fixture_release(&f);
}

static void test_api_expired__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    unsigned expired = 0;
    (void)state;

    for (bool more = true; more;) {
        struct ArrowArrayStream stream = {0};
        struct ArrowArray batch = {0};
        struct fixture f;
        ds_table *reader = fill(&f);
        struct ds_scan_options one = {.struct_size = sizeof one, .threads = 1};
        assert_int_equal(ds_table_scan(reader, &one, &stream, &f.err), DS_OK);
        merge_and_expire(&f);
        more = dsi_fault_next(&plan);
        int code = stream.get_next(&stream, &batch);
        dsi_fault_stop();
        assert_int_not_equal(code, 0);
        assert_non_null(stream.get_last_error(&stream));
        expired += code == ESTALE;
        stream.release(&stream);
        ds_table_free(reader);
        fixture_release(&f);
    }
    assert_true(expired > 0);
    assert_true(plan.target > 5);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_expired__a_stream_says_so),
        cmocka_unit_test(test_api_expired__a_handle_that_is_behind_says_so),
        cmocka_unit_test(test_api_expired__a_lost_file_is_no_expiry),
        cmocka_unit_test(test_api_expired__survives_every_fault),
    };
    return cmocka_run_group_tests_name("api_expired", tests, NULL, NULL);
}
