#include "tidy_fixture.h"

#include "base/fault.h"
#include "model/partition.h"
#include "txn/expire.h"

static void test_tidy__makes_few_files_of_many_and_keeps_every_row(void **state)
{
    struct dsi_catalog c;
    struct dsi_tidy limits = {0};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, tidy_on, 1);
    for (int64_t i = 0; i < 40; i++) {
        tidy_append(t, i * 3, 3, i % 2 ? "odd" : "even");
    }
    struct tidy_rows before = tidy_rows(&c);
    assert_int_equal(before.count, 120);
    assert_int_equal(tidy_seen(&c).files, 40);

    struct dsi_tidied done = tidy_once(t, &limits);
    assert_int_equal(done.files, 40);
    assert_int_equal(done.made, 1);
    assert_int_equal(done.rows, 120);
    tidy_same_rows(&c, before);
    struct seen seen = tidy_seen(&c);
    assert_int_equal(seen.files, 1);
    assert_int_equal(seen.snapshots, 41);

    assert_int_equal(tidy_once(t, &limits).files, 0); // That was all.
    assert_int_equal(tidy_seen(&c).snapshots, 41);
    tidy_append(t, 1000, 1, "more"); // And appends go on as ever.
    assert_int_equal(tidy_rows(&c).count, 121);
    assert_int_equal(tidy_seen(&c).files, 2);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_tidy__says_what_it_did_as_readers_expect(void **state)
{
    struct dsi_catalog c;
    struct dsi_tidy limits = {0};
    struct dsi_manifest_list list = {0};
    size_t added = 0;
    size_t deleted = 0;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, tidy_on, 1);
    for (int64_t i = 0; i < 20; i++) {
        tidy_append(t, i, 1, "x");
    }
    tidy_once(t, &limits);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    const struct dsi_snapshot *s = dsi_metadata_current_snapshot(m);
    assert_string_equal(dsi_snapshot_summary(s, "operation"), "replace");
    assert_string_equal(dsi_snapshot_summary(s, "added-data-files"), "1");
    assert_string_equal(dsi_snapshot_summary(s, "deleted-data-files"), "20");
    assert_string_equal(dsi_snapshot_summary(s, "added-records"), "20");
    assert_string_equal(dsi_snapshot_summary(s, "deleted-records"), "20");
    assert_string_equal(dsi_snapshot_summary(s, "total-data-files"), "1");
    assert_string_equal(dsi_snapshot_summary(s, "total-records"), "20");
    assert_string_equal(dsi_snapshot_summary(s, "total-files-size"),
                        dsi_snapshot_summary(s, "added-files-size"));
    assert_int_equal(dsi_snapshot_manifests(c.storage, m, s, &list, NULL), DS_OK);
    assert_int_equal(list.count, 2);
    for (size_t i = 0; i < list.count; i++) {
        struct dsi_manifest_read_options o = {0};
        struct dsi_manifest manifest = {0};
        assert_int_equal(list.files[i].added_snapshot_id, s->snapshot_id);
        assert_int_equal(
            dsi_manifest_load(c.storage, m, &list.files[i], &o, &manifest, NULL), DS_OK);
        for (size_t k = 0; k < manifest.entry_count; k++) {
            const struct dsi_manifest_entry *e = &manifest.entries[k];
            assert_int_equal(e->snapshot_id, s->snapshot_id);
            if (e->status == DSI_ENTRY_ADDED) {
                added++;
                assert_int_equal(e->sequence_number, 20);      // As old as the newest,
                assert_int_equal(e->file_sequence_number, 21); // though made now.
                assert_int_equal(list.files[i].min_sequence_number, 20);
            } else {
                assert_int_equal(e->status, DSI_ENTRY_DELETED);
                deleted++;
            }
        }
        dsi_manifest_release(&manifest);
    }
    assert_int_equal(added, 1);
    assert_int_equal(deleted, 20);
    dsi_manifest_list_release(&list);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_tidy__does_nothing_where_nothing_is_wanted_or_worth_it(void **state)
{
    static const struct ds_property off[] = {{DSI_KEY_EXPIRE_ON_COMMIT, "true"},
                                             {DSI_KEY_MERGE_SMALL_FILES, "false"}};
    static const struct ds_property ingest[] = {{DSI_KEY_EXPIRE_ON_COMMIT, "true"}};
    static const struct {
        const struct ds_property *properties;
        size_t count;
        int64_t appends;
        size_t merged;
    } cases[] = {{NULL, 0, 30, 0},
                 {off, 2, 30, 0},
                 {tidy_on, 1, 15, 0},
                 {tidy_on, 1, 0, 0},
                 {ingest, 1, 16, 16}};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dsi_catalog c;
        struct dsi_tidy limits = {0};
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, cases[i].properties, cases[i].count);
        for (int64_t k = 0; k < cases[i].appends; k++) {
            tidy_append(t, k, 1, "x");
        }
        assert_int_equal(tidy_once(t, &limits).files, cases[i].merged);
        dsi_table_free(t);
        catalog_release(&c);
    }
}

static void test_tidy__keeps_to_its_limits(void **state)
{
    static const struct {
        struct dsi_tidy limits;
        size_t merged;
    } cases[] = {
        {{.files_max = 20}, 20},
        {{.rows_max = 50}, 25},
        {{.file_bytes_max = 1}, 0},
        {{.files_min = 41}, 0},
        {{.files_min = 2, .rows_max = 3}, 0}, // Two rows are one file.
        {{.time_ns = 1}, 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dsi_catalog c;
        struct dsi_tidy limits = cases[i].limits;
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, tidy_on, 1);
        for (int64_t k = 0; k < 40; k++) {
            tidy_append(t, k * 2, 2, "x");
        }
        struct tidy_rows before = tidy_rows(&c);
        print_message("  case %zu\n", i);
        assert_int_equal(tidy_once(t, &limits).files, cases[i].merged);
        tidy_same_rows(&c, before);
        assert_int_equal(tidy_seen(&c).files,
                         40 - cases[i].merged + (cases[i].merged > 0));
        dsi_table_free(t);
        catalog_release(&c);
    }
}

// The work for all rows ever appended stays near n log n.
static void test_tidy__does_not_copy_large_files_for_the_sake_of_small_ones(void **state)
{
    struct dsi_catalog c;
    struct dsi_tidy limits = {0};
    int64_t copied = 0;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, tidy_on, 1);
    for (int64_t i = 0; i < 300; i++) {
        tidy_append(t, i * 50, 50, "some words that take room");
        copied += tidy_once(t, &limits).rows;
    }
    struct seen seen = tidy_seen(&c);
    print_message("  %lld rows copied of 15000, %zu files left\n", (long long)copied,
                  seen.files);
    assert_int_equal(seen.rows, 15000);
    assert_true(seen.files < 60);
    assert_true(copied < 15000 * 6);
    assert_int_equal(tidy_rows(&c).count, 15000);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_tidy__merges_one_partition_at_a_time(void **state)
{
    static const char *const names[] = {"a", "b", "b", ""};
    struct dsi_catalog c;
    struct dsi_tidy limits = {.files_min = 10};
    (void)state;

    struct dsi_table *t = tidy_partitioned(&c, "name", "id desc");
    for (int64_t i = 0; i < 60; i++) {
        tidy_append(t, 60 - i, 1, names[i % 4]);
    }
    struct tidy_rows before = tidy_rows(&c);
    assert_int_equal(tidy_once(t, &limits).files, 30);
    assert_int_equal(tidy_seen(&c).files, 31);
    assert_int_equal(tidy_once(t, &limits).files, 15);
    assert_int_equal(tidy_once(t, &limits).files, 15);
    assert_int_equal(tidy_once(t, &limits).files, 0);
    assert_int_equal(tidy_seen(&c).files, 3);
    tidy_same_rows(&c, before);
    dsi_table_free(t);
    catalog_release(&c);
}

// --- others at the same time

static void test_tidy__goes_on_top_of_a_concurrent_append(void **state)
{
    struct dsi_catalog c;
    struct dsi_tidy limits = {0};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, tidy_on, 1);
    for (int64_t i = 0; i < 20; i++) {
        tidy_append(t, i, 1, "x");
    }
    struct tidy_rival r = {.left = 1};
    tidy_rival_begin(&r, &c);
    assert_int_equal(tidy_once(t, &limits).files, 20);
    tidy_rival_end(&r);
    assert_int_equal(r.left, 0);
    assert_int_equal(tidy_rows(&c).count, 21);
    assert_int_equal(tidy_seen(&c).files, 2);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_tidy__loses_to_another_merger_and_leaves_nothing(void **state)
{
    struct dsi_catalog c;
    struct dsi_tidy limits = {0};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, tidy_on, 1);
    for (int64_t i = 0; i < 20; i++) {
        tidy_append(t, i, 1, "x");
    }
    struct tidy_rows before = tidy_rows(&c);
    struct tidy_rival r = {.left = 1, .merges = true};
    tidy_rival_begin(&r, &c);
    assert_int_equal(tidy_once(t, &limits).files, 0);
    tidy_rival_end(&r);
    assert_int_equal(r.left, 0);
    tidy_same_rows(&c, before);
    assert_int_equal(tidy_seen(&c).files, 1);
    assert_int_equal(tidy_data_files(&c), 21); // Those merged, and what the rival made.
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_tidy__files_go_when_the_last_snapshot_that_had_them_goes(void **state)
{
    static const struct ds_property keep_few[] = {
        {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "3"}};
    struct dsi_catalog c;
    struct dsi_tidy limits = {0};
    (void)state;

    test_clock_ticks();
    catalog_init(&c);
    struct dsi_table *t = test_create(&c, keep_few, 3);
    for (int64_t i = 0; i < 20; i++) {
        tidy_append(t, i, 1, "x");
    }
    assert_int_equal(tidy_once(t, &limits).files, 20);
    assert_int_equal(tidy_data_files(&c), 21); // Two snapshots still have them.
    for (int64_t i = 0; i < 5; i++) {
        tidy_append(t, 100 + i, 1, "y");
        tidy_seen(&c); // Which asks for every file of every snapshot.
    }
    assert_int_equal(tidy_data_files(&c), 6);
    assert_int_equal(tidy_rows(&c).count, 25);
    dsi_table_free(t);
    dsi_clock_set(NULL);
    catalog_release(&c);
}

static void test_tidy__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    unsigned merged = 0;
    (void)state;

    bool more = true;
    while (more) {
        struct dsi_catalog c;
        struct dsi_tidy limits = {.files_min = 4};
        struct dsi_tidied done = {0};
        struct ds_error err = {0};
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, tidy_on, 1);
        for (int64_t i = 0; i < 5; i++) {
            tidy_append(t, i, 2, "x");
        }
        struct tidy_rows before = tidy_rows(&c);
        more = dsi_fault_next(&plan);
        int rc = dsi_tidy_once(t, &limits, &done, &err);
        dsi_fault_stop();
        tidy_same_rows(&c, before);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        size_t files = tidy_seen(&c).files;
        assert_true(files == 5 || files == 1);
        if (done.files > 0) {
            assert_int_equal(files, 1);
            merged++;
        }
        assert_true(done.files == 5 || done.files == 0);
        if (rc != DS_EUNKNOWN && tidy_data_files(&c) != 5 + (files == 1)) {
            fail_msg("fault %u (%s): files are left", plan.target, plan.name);
        }
        dsi_table_free(t);
        catalog_release(&c);
    }
    print_message("  %u runs, %u of them merged\n", plan.target, merged);
    assert_true(plan.target > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tidy__makes_few_files_of_many_and_keeps_every_row),
        cmocka_unit_test(test_tidy__says_what_it_did_as_readers_expect),
        cmocka_unit_test(test_tidy__does_nothing_where_nothing_is_wanted_or_worth_it),
        cmocka_unit_test(test_tidy__keeps_to_its_limits),
        cmocka_unit_test(test_tidy__does_not_copy_large_files_for_the_sake_of_small_ones),
        cmocka_unit_test(test_tidy__merges_one_partition_at_a_time),
        cmocka_unit_test(test_tidy__goes_on_top_of_a_concurrent_append),
        cmocka_unit_test(test_tidy__loses_to_another_merger_and_leaves_nothing),
        cmocka_unit_test(test_tidy__files_go_when_the_last_snapshot_that_had_them_goes),
        cmocka_unit_test(test_tidy__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
