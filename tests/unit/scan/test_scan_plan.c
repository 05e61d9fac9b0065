#include "harness.h"
#include "table.h"

#include "scan/scan_plan.h"

static void make_plan(struct table *t, const char *filter, struct dsi_arena *arena,
                      struct dsi_plan *out)
{
    struct dsi_plan_request request = {t->storage, t->m,
                                       dsi_metadata_current_snapshot(t->m),
                                       dsi_metadata_current_schema(t->m), NULL};

    if (filter) {
        bind_text(filter, request.schema, arena, &request.filter);
    }
    TABLE_OK(t, dsi_plan_make(&request, out, &t->err));
}

static void test_scan_plan__keeps_the_order_of_the_table(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_plan plan;
    struct table t;
    struct rng r;
    (void)state;

    rng_init(&r);
    table_init(&t, NULL);
    table_fill(&t, &r, 3, 2, 3);
    make_plan(&t, NULL, &arena, &plan);
    assert_int_equal(plan.count, 6);
    assert_int_equal(plan.stats.manifests_read, 3);
    for (size_t i = 0; i < 6; i++) {
        const char *expected[] = {"data/0.", "data/1.", "data/3.",
                                  "data/4.", "data/6.", "data/7."};
        assert_non_null(strstr(plan.files[i].file->path, expected[i]));
        assert_true(plan.files[i].all);
        assert_int_equal(plan.files[i].sequence_number, 1);
    }
    dsi_plan_release(&plan);
    dsi_arena_release(&arena);
    table_release(&t);
}

static void test_scan_plan__skips_manifests_without_live_files(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_data_file file;
    struct dsi_plan plan;
    struct table t;
    struct rng r;
    (void)state;

    rng_init(&r);
    table_init(&t, NULL);
    table_file(&t, &r, 3, &file);
    table_add_files(&t, &file, 1, 1);
    struct dsi_manifest_entry gone = {DSI_ENTRY_DELETED, 1, 1, 1, file};
    table_manifest(&t, DSI_MANIFEST_DATA, &gone, 1, 1);
    table_commit(&t, 1);
    make_plan(&t, NULL, &arena, &plan);
    assert_int_equal(plan.count, 1);
    assert_int_equal(plan.stats.manifests_skipped, 1);
    dsi_plan_release(&plan);
    dsi_arena_release(&arena);
    table_release(&t);
}

static void test_scan_plan__tells_files_that_match_whole(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_plan plan;
    struct table t;
    struct rng r;
    (void)state;

    rng_init(&r);
    table_init(&t, "ok");
    table_fill(&t, &r, 2, 4, 6);
    make_plan(&t, "ok = true or ok is null", &arena, &plan);
    for (size_t i = 0; i < plan.count; i++) { // The partition says it all.
        assert_true(plan.files[i].all);
        assert_true(plan.files[i].file->partition[0].null ||
                    plan.files[i].file->partition[0].as.boolean);
    }
    assert_true(plan.count < 8 || plan.stats.files_skipped == 0);
    dsi_plan_release(&plan);
    dsi_arena_release(&arena);
    table_release(&t);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_plan__keeps_the_order_of_the_table),
        cmocka_unit_test(test_scan_plan__skips_manifests_without_live_files),
        cmocka_unit_test(test_scan_plan__tells_files_that_match_whole),
    };
    return cmocka_run_group_tests_name("scan_plan", tests, NULL, NULL);
}
