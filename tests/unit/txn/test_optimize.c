#include "txn/optimize.h"

#include "base/fault.h"
#include "tidy_fixture.h"

static struct dsi_optimized optimize(struct dsi_table *t, struct dsi_optimize limits)
{
    struct dsi_optimized done = {0};
    struct ds_error err = {0};
    if (dsi_optimize(t, &limits, &done, &err) != DS_OK) {
        fail_msg("%s", err.message);
    }
    return done;
}

static void test_optimize__merges_without_being_told_by_properties(void **state)
{
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    tidy_append(t, 0, 200, "one that is heavier than all others together");
    for (int64_t i = 0; i < 4; i++) {
        tidy_append(t, 1000 + i, 1, "x");
    }
    struct tidy_rows before = tidy_rows(&c);
    assert_int_equal(optimize(t, (struct dsi_optimize){.files_min = 6}).files, 0);
    struct dsi_optimized done = optimize(t, (struct dsi_optimize){0});
    assert_int_equal(done.files, 5);
    assert_int_equal(done.made, 1);
    assert_int_equal(done.rows, 204);
    assert_int_equal(done.commits, 1);
    assert_true(done.bytes > 0);
    tidy_same_rows(&c, before);
    assert_int_equal(tidy_seen(&c).files, 1);
    assert_int_equal(optimize(t, (struct dsi_optimize){0}).files, 0);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_optimize__makes_files_of_the_target_s_size_and_ends(void **state)
{
    static const struct ds_property target[] = {{"write.target-file-size-bytes", "6000"}};
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, target, 1);
    for (int64_t i = 0; i < 60; i++) {
        tidy_append(t, i, 1, "x");
    }
    struct tidy_rows before = tidy_rows(&c);
    struct dsi_optimized done = optimize(t, (struct dsi_optimize){0});
    assert_true(done.commits > 1);
    assert_true(done.files > done.made);
    tidy_same_rows(&c, before);
    assert_true(tidy_seen(&c).files < 60);
    assert_int_equal(tidy_seen(&c).files, 60 + done.made - done.files);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_optimize__goes_through_every_partition(void **state)
{
    static const char *const names[] = {"a", "b", "b", "", "c"};
    struct dsi_catalog c;
    (void)state;

    struct dsi_table *t = tidy_partitioned(&c, "name", NULL);
    for (int64_t i = 0; i < 29; i++) { // Of "c" there are five, of the last four.
        tidy_append(t, i, 1, names[i % 5]);
    }
    struct tidy_rows before = tidy_rows(&c);
    struct dsi_optimized done = optimize(t, (struct dsi_optimize){.files_min = 6});
    assert_int_equal(done.commits, 3);
    assert_int_equal(done.files, 24);
    assert_int_equal(tidy_seen(&c).files, 3 + 5);
    tidy_same_rows(&c, before);
    dsi_table_free(t);
    catalog_release(&c);
}

// --- others at the same time

static void test_optimize__leaves_alone_what_comes_while_it_works(void **state)
{
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    for (int64_t i = 0; i < 10; i++) {
        tidy_append(t, i, 1, "x");
    }
    struct tidy_rival r = {.left = 3};
    tidy_rival_begin(&r, &c);
    struct dsi_optimized done = optimize(t, (struct dsi_optimize){0});
    tidy_rival_end(&r);
    assert_int_equal(done.files, 10);
    assert_int_equal(done.commits, 1);
    assert_int_equal(r.left, 0);
    assert_int_equal(tidy_rows(&c).count, 10 + 3);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_optimize__loses_to_another_and_says_so_when_it_goes_on(void **state)
{
    static const struct {
        int rivals;
        int rc;
        uint64_t files;
    } cases[] = {{1, DS_OK, 11}, {100, DS_ECONFLICT, 0}};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dsi_catalog c;
        struct dsi_optimized done = {0};
        struct dsi_optimize limits = {0};
        struct ds_error err = {0};
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, NULL, 0);
        for (int64_t k = 0; k < 12; k++) {
            tidy_append(t, k, 1, "x");
        }
        struct tidy_rows before = tidy_rows(&c);
        struct tidy_rival r = {.limits = {.files_min = 2, .files_max = 2, .asked = true},
                               .merges = true,
                               .left = cases[i].rivals};
        tidy_rival_begin(&r, &c);
        print_message("  case %zu\n", i);
        int rc = dsi_optimize(t, &limits, &done, &err);
        tidy_rival_end(&r);
        assert_int_equal(rc, cases[i].rc);
        assert_int_equal(done.files, cases[i].files);
        tidy_same_rows(&c, before);
        dsi_table_free(t);
        catalog_release(&c);
    }
}

static void test_optimize__refuses_what_it_cannot_merge(void **state)
{
    struct dsi_optimized done = {0};
    struct dsi_optimize limits = {0};
    struct ds_error err = {0};
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    test_edit_head(&c, "\"format-version\":2", "\"next-row-id\":0,\"format-version\":3");
    dsi_table_free(t);
    t = test_open(&c);
    assert_int_equal(dsi_optimize(t, &limits, &done, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "version 3"));
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_optimize__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    int failures = 0;
    (void)state;

    bool more = true;
    while (more) {
        struct dsi_catalog c;
        struct dsi_optimized done = {0};
        struct dsi_optimize limits = {0};
        struct ds_error err = {0};
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, NULL, 0);
        for (int64_t i = 0; i < 6; i++) {
            tidy_append(t, i, 1, "x");
        }
        struct tidy_rows before = tidy_rows(&c);
        more = dsi_fault_next(&plan);
        int rc = dsi_optimize(t, &limits, &done, &err);
        dsi_fault_stop();
        failures += rc < 0;
        assert_true(rc == DS_OK || err.message[0]);
        tidy_same_rows(&c, before);
        size_t files = tidy_seen(&c).files;
        assert_true(files == 1 || files == 6);
        assert_true(done.commits == 0 || files == 1);
        assert_true(more || done.files == 6);
        dsi_table_free(t);
        catalog_release(&c);
    }
    print_message("  %u runs, %d failures\n", plan.target, failures);
    assert_true(plan.target > 100 && failures > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_optimize__merges_without_being_told_by_properties),
        cmocka_unit_test(test_optimize__makes_files_of_the_target_s_size_and_ends),
        cmocka_unit_test(test_optimize__goes_through_every_partition),
        cmocka_unit_test(test_optimize__leaves_alone_what_comes_while_it_works),
        cmocka_unit_test(test_optimize__loses_to_another_and_says_so_when_it_goes_on),
        cmocka_unit_test(test_optimize__refuses_what_it_cannot_merge),
        cmocka_unit_test(test_optimize__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
