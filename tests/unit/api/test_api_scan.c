#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/api_handle.h"
#include "txn/tidy.h"
#include "unit/api/fixture.h"

static void test_api_scan__outlives_table_and_catalog(void **state)
{
    struct fixture f;
    (void)state;

    struct ArrowArrayStream stream = {0};
    struct ArrowArray batch = {0};
    fixture_init(&f, NULL);
    fixture_append(&f, "id,s\n1,a\n2,\n");
    assert_int_equal(fixture_count(&f, "s is null"), 1);
    assert_int_equal(ds_table_scan(f.table, NULL, &stream, &f.err), DS_OK);
    fixture_release(&f);
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    assert_int_equal(batch.length, 2);
    batch.release(&batch);
    stream.release(&stream);
}

static void test_api_scan__refuses_a_wrong_filter_and_limit(void **state)
{
    struct fixture f;
    (void)state;

    struct ds_scan_options options = {.struct_size = sizeof(options), .filter = "id ="};
    struct ArrowArrayStream stream = {0};
    fixture_init(&f, NULL);
    assert_int_equal(ds_table_scan(f.table, &options, &stream, &f.err), DS_EINVALID);
    options.filter = NULL;
    options.limit = -1;
    assert_int_equal(ds_table_scan(f.table, &options, &stream, &f.err), DS_EINVALID);
    fixture_release(&f);
}

// The Arrow format of column "s" in a scan with these options.
static int format_of(struct fixture *f, const struct ds_scan_options *options,
                     char out[40], bool *dictionary)
{
    struct ArrowArrayStream stream = {0};
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    int rc = ds_table_scan(f->table, options, &stream, &f->err);

    if (rc < 0) {
        assert_null(stream.release);
        return rc;
    }
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    assert_int_equal(stream.get_next(&stream, &array), 0);
    snprintf(out, 40, "%s", schema.children[1]->format);
    *dictionary = schema.children[1]->dictionary != NULL;
    assert_int_equal(*dictionary, array.children[1]->dictionary != NULL);
    schema.release(&schema);
    array.release(&array);
    stream.release(&stream);
    return rc;
}

static void test_api_scan__gives_text_in_the_form_asked_for(void **state)
{
    static const char *const text[] = {"s"};
    static const char *const number[] = {"id"};
    struct ds_arrow_form form = {.struct_size = sizeof(form), .string_view = true};
    struct ds_scan_options options = {.struct_size = sizeof(options), .form = &form};
    struct fixture f;
    bool dictionary = false;
    char format[40];
    (void)state;

    fixture_init(&f, NULL);
    fixture_append(&f, "id,s\n1,a\n2,a\n");
    assert_int_equal(format_of(&f, &options, format, &dictionary), DS_OK);
    assert_string_equal(format, "vu");
    form.dictionary_columns = text;
    form.dictionary_column_count = 1;
    assert_int_equal(format_of(&f, &options, format, &dictionary), DS_OK);
    assert_string_equal(format, "i");
    assert_true(dictionary);
    options.struct_size = offsetof(struct ds_scan_options, form); // An older program's.
    assert_int_equal(format_of(&f, &options, format, &dictionary), DS_OK);
    assert_string_equal(format, "u");
    options.struct_size = sizeof(options);
    form.dictionary_columns = number;
    assert_int_equal(format_of(&f, &options, format, &dictionary), DS_EINVALID);
    assert_non_null(strstr(f.err.message, "'id': it is long"));
    form.dictionary_columns = NULL;
    assert_int_equal(format_of(&f, &options, format, &dictionary), DS_EINVALID);
    form.struct_size = 0;
    assert_int_equal(format_of(&f, &options, format, &dictionary), DS_EINVALID);
    fixture_release(&f);
}

// --- The order of an ordered scan

enum { ORDER_COMMITS = 24, ORDER_EACH = 3, ORDER_ROWS = 400 };

// A commit's rows are commit * 100, commit * 100 + 1, …
static void append_commit(struct fixture *f, int64_t commit, int rows)
{
    char csv[ORDER_ROWS * 24];
    size_t at = (size_t)snprintf(csv, sizeof csv, "id,s\n");

    for (int i = 0; i < rows; i++) {
        at += (size_t)snprintf(csv + at, sizeof csv - at, "%lld,x%d\n",
                               (long long)commit * 100 + i % 100, i);
    }
    fixture_append(f, csv);
}

// The commits that an ordered scan meets, each once, in its order; fails when one comes
// again. Returns how many, and of the rows in *rows.
static size_t commits_met(struct fixture *f, uint32_t threads, int64_t out[64],
                          int64_t *rows)
{
    struct ds_scan_options options = {.struct_size = sizeof(options),
                                      .threads = threads,
                                      .batch_rows_max = 2,
                                      .ordered = true};
    struct ArrowArrayStream stream = {0};
    struct ArrowArray batch = {0};
    bool met[64] = {false};
    size_t count = 0;

    *rows = 0;
    assert_int_equal(ds_table_scan(f->table, &options, &stream, &f->err), DS_OK);
    while (stream.get_next(&stream, &batch) == 0 && batch.release) {
        const struct ArrowArray *ids = batch.children[0];
        for (int64_t i = 0; i < batch.length; i++) {
            int64_t commit =
                ((const int64_t *)ids->buffers[1])[batch.offset + ids->offset + i] / 100;
            assert_in_range(commit, 0, 63);
            if (count == 0 || out[count - 1] != commit) {
                assert_false(met[commit]);
                met[commit] = true;
                out[count++] = commit;
            }
        }
        *rows += batch.length;
        batch.release(&batch);
    }
    stream.release(&stream);
    return count;
}

// By one thread and by several: these commits in this order, and so many rows.
static void assert_order(struct fixture *f, const int64_t *commits, size_t count,
                         int64_t rows)
{
    for (uint32_t threads = 1; threads <= 4; threads++) {
        int64_t met[64];
        int64_t got = 0;
        assert_int_equal(commits_met(f, threads, met, &got), count);
        assert_memory_equal(met, commits, count * sizeof *commits);
        assert_int_equal(got, rows);
    }
}

static int find_commit(void *arg, const struct ds_file_entry *file)
{
    char *path = arg; // In: the sequence number. Out: a path.
    if (path[0] != 'm' && file->sequence_number == strtoll(path, NULL, 10)) {
        snprintf(path, 300, "%s", file->path);
    }
    return DS_OK;
}

// Takes the file of commit `commit` out; with `instead` not 0 that commit comes for it.
static void drop_commit(struct fixture *f, int64_t commit, int64_t instead)
{
    char path[300];
    char csv[40];
    const char *paths[1] = {path};
    ds_txn *txn = NULL;
    size_t found = 0;

    snprintf(path, sizeof path, "%lld", (long long)commit + 1);
    assert_int_equal(ds_table_files(f->table, NULL, find_commit, path, &f->err), DS_OK);
    assert_int_equal(ds_txn_begin(f->table, NULL, &txn, &f->err), DS_OK);
    assert_int_equal(ds_txn_delete_files(txn, paths, 1, &found, &f->err), DS_OK);
    assert_int_equal(found, 1);
    if (instead > 0) {
        snprintf(csv, sizeof csv, "id,s\n%lld,new\n", (long long)instead * 100);
        assert_int_equal(fixture_add(txn, f->table, csv, &f->err), DS_OK);
    }
    assert_int_equal(ds_txn_commit(txn, NULL, &f->err), DS_OK);
    ds_txn_free(txn);
}

static void test_api_scan__ordered_follows_the_commits(void **state)
{
    static const char *const partitions[] = {NULL, "bucket(3, id)"};
    (void)state;

    for (size_t p = 0; p < 2; p++) {
        struct fixture f;
        int64_t commits[ORDER_COMMITS];
        fixture_init(&f, partitions[p]);
        for (int64_t i = 0; i < ORDER_COMMITS; i++) {
            commits[i] = i;
            append_commit(&f, i, ORDER_EACH);
        }
        assert_order(&f, commits, ORDER_COMMITS, (int64_t)ORDER_COMMITS * ORDER_EACH);
        fixture_release(&f);
    }
}

static void test_api_scan__ordered_follows_the_commits_when_files_go(void **state)
{
    static const int64_t left[] = {0, 2, 4, 5, 6, 7, 40, 41};
    struct fixture f;
    (void)state;

    fixture_init(&f, NULL);
    for (int64_t i = 0; i < 8; i++) {
        append_commit(&f, i, ORDER_EACH);
    }
    drop_commit(&f, 3, 0); // Its manifest is written anew, and is the newest then.
    drop_commit(&f, 1, 40);
    append_commit(&f, 41, ORDER_EACH);
    assert_order(&f, left, 8, 7 * ORDER_EACH + 1);
    fixture_release(&f);
}

// Rows of files that were merged come where the newest of these files was.
static void test_api_scan__ordered_follows_the_commits_when_files_are_merged(void **state)
{
    struct ds_property merge = {"datashard.merge-small-files.enabled", "true"};
    struct ds_properties properties = {&merge, 1};
    struct dsi_tidy limits = {.files_min = 4, .file_bytes_max = 2000};
    struct dsi_tidied done = {0};
    static const int64_t merged[] = {4, 0, 1, 2, 3, 5, 6, 7, 50};
    struct fixture f;
    (void)state;

    fixture_init(&f, NULL);
    assert_int_equal(ds_table_set_properties(f.table, &properties, NULL, NULL, &f.err),
                     DS_OK);
    for (int64_t i = 0; i < 8; i++) {
        append_commit(&f, i, i == 4 ? ORDER_ROWS : ORDER_EACH); // One is not small.
    }
    assert_int_equal(dsi_tidy_once(f.table->table, &limits, &done, &f.err), DS_OK);
    assert_int_equal(done.files, 7);
    assert_int_equal(done.made, 1);
    append_commit(&f, 50, ORDER_EACH);
    assert_order(&f, merged, 9, 8 * ORDER_EACH + ORDER_ROWS);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_scan__gives_text_in_the_form_asked_for),
        cmocka_unit_test(test_api_scan__ordered_follows_the_commits),
        cmocka_unit_test(
            test_api_scan__ordered_follows_the_commits_when_files_are_merged),
        cmocka_unit_test(test_api_scan__ordered_follows_the_commits_when_files_go),
        cmocka_unit_test(test_api_scan__outlives_table_and_catalog),
        cmocka_unit_test(test_api_scan__refuses_a_wrong_filter_and_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
