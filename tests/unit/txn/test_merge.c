#include "fixture.h"
#include "txn/merge.h"

static struct dsi_merge_plan plan(const struct dsi_merge_policy *p,
                                  const int64_t *lengths, size_t count,
                                  struct dsi_arena *arena)
{
    struct dsi_manifest_file *rows = dsi_arena_array(arena, count, sizeof *rows);
    struct dsi_merge_plan out = {0};
    for (size_t i = 0; i < count; i++) {
        rows[i].length = lengths[i];
    }
    assert_int_equal(dsi_merge_plan(p, rows, count, arena, &out, NULL), DS_OK);
    return out;
}

static void test_merge__waits_until_min_count_have_piled_up(void **state)
{
    struct dsi_merge_policy p = {true, 1000, 4};
    struct dsi_arena arena = DSI_ARENA_INIT;
    const int64_t lengths[] = {10, 10, 10, 10};
    (void)state;

    assert_int_equal(plan(&p, lengths, 3, &arena).group_count, 0);
    struct dsi_merge_plan four = plan(&p, lengths, 4, &arena);
    assert_int_equal(four.group_count, 1);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(four.group[i], 1);
    }
    p.enabled = false;
    assert_int_equal(plan(&p, lengths, 4, &arena).group_count, 0);
    dsi_arena_release(&arena);
}

static void test_merge__packs_from_the_oldest_into_bins_of_the_target_size(void **state)
{
    struct dsi_merge_policy p = {true, 100, 100};
    struct dsi_arena arena = DSI_ARENA_INIT;
    // Newest first: the oldest three fill a bin; the newest one waits for min-count.
    const int64_t lengths[] = {10, 10, 40, 30, 30};
    (void)state;

    struct dsi_merge_plan out = plan(&p, lengths, 5, &arena);
    assert_int_equal(out.group_count, 1);
    assert_int_equal(out.group[0], 0);
    assert_int_equal(out.group[1], 0);
    assert_int_equal(out.group[2], 1);
    assert_int_equal(out.group[3], 1);
    assert_int_equal(out.group[4], 1);
    dsi_arena_release(&arena);
}

static void test_merge__leaves_deletes_and_other_specs_apart(void **state)
{
    struct dsi_merge_policy p = {true, 1000, 2};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_manifest_file rows[5] = {
        {.length = 1},
        {.length = 1, .content = DSI_MANIFEST_DELETES},
        {.length = 1},
        {.length = 1, .spec_id = 1},
        {.length = 1, .content = DSI_MANIFEST_DELETES},
    };
    struct dsi_merge_plan out = {0};
    (void)state;

    assert_int_equal(dsi_merge_plan(&p, rows, 5, &arena, &out, NULL), DS_OK);
    assert_int_equal(out.group_count, 1);
    assert_int_equal(out.group[0], 1);
    assert_int_equal(out.group[1], 0);
    assert_int_equal(out.group[2], 1);
    assert_int_equal(out.group[3], 0);
    assert_int_equal(out.group[4], 0);
    dsi_arena_release(&arena);
}

// A manifest as it really is: most of a small one is its header.
static struct dsi_manifest_file manifest_of(int32_t files)
{
    return (struct dsi_manifest_file){.length = 6000 + INT64_C(50) * files,
                                      .existing_files_count = files};
}

// Appends one manifest of one entry again and again.
static void simulate(int64_t commits, size_t *count_max, int64_t *rewritten)
{
    struct dsi_merge_policy p = {true, 8388608, 100};
    struct dsi_manifest_file rows[512] = {{0}};
    size_t count = 0;

    *count_max = 0;
    *rewritten = 0;
    for (int64_t i = 0; i < commits; i++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_manifest_file next[512] = {{0}};
        struct dsi_merge_plan out = {0};
        size_t place[64] = {0};
        size_t n = 0;
        memmove(rows + 1, rows, count * sizeof *rows);
        rows[0] = manifest_of(1);
        count++;
        assert_int_equal(dsi_merge_plan(&p, rows, count, &arena, &out, NULL), DS_OK);
        for (size_t k = 0; k < count; k++) {
            size_t g = out.group[k];
            *rewritten += g > 0 ? rows[k].existing_files_count : 0;
            if (g > 0 && place[g] > 0) {
                next[place[g] - 1] = manifest_of(next[place[g] - 1].existing_files_count +
                                                 rows[k].existing_files_count);
            } else {
                next[n++] = rows[k];
                place[g] = g > 0 ? n : 0;
            }
        }
        memcpy(rows, next, sizeof rows);
        count = n;
        *count_max = count > *count_max ? count : *count_max;
        dsi_arena_release(&arena);
    }
}

static void test_merge__rewrites_each_entry_a_few_times_only(void **state)
{
    size_t count_max = 0;
    int64_t rewritten = 0;
    (void)state;

    simulate(120000, &count_max, &rewritten);
    print_message("  120000 commits: at most %zu manifests, %.1f rewrites an entry\n",
                  count_max, (double)rewritten / 120000);
    assert_true(count_max < 100);
    assert_true(rewritten < INT64_C(120000) * 16);
}

static void test_merge__reads_its_policy_from_the_table(void **state)
{
    static const struct ds_property set[] = {
        {"commit.manifest.min-count-to-merge", "7"},
        {"commit.manifest.target-size-bytes", "1000"},
        {"commit.manifest-merge.enabled", "false"},
    };
    struct dsi_merge_policy p = {0};
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 3);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    assert_int_equal(dsi_merge_policy_of(m, &p, NULL), DS_OK);
    assert_int_equal(p.min_count, 7);
    assert_int_equal(p.target_size, 1000);
    assert_false(p.enabled);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge__waits_until_min_count_have_piled_up),
        cmocka_unit_test(test_merge__packs_from_the_oldest_into_bins_of_the_target_size),
        cmocka_unit_test(test_merge__leaves_deletes_and_other_specs_apart),
        cmocka_unit_test(test_merge__rewrites_each_entry_a_few_times_only),
        cmocka_unit_test(test_merge__reads_its_policy_from_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
