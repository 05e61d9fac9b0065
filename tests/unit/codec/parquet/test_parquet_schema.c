#include "codec/parquet/parquet_schema.h"

#include "harness.h"

#include <string.h>

// root { a, g { b, h { c }, d } }
static const struct dsi_parquet_field tree[] = {
    {.name = "root", .child_count = 2},
    {.name = "a", .physical = DSI_PARQUET_INT32},
    {.name = "g", .child_count = 3, .repetition = DSI_PARQUET_OPTIONAL},
    {.name = "b", .has_field_id = true, .field_id = 7},
    {.name = "h", .child_count = 1, .repetition = DSI_PARQUET_REPEATED},
    {.name = "c", .repetition = DSI_PARQUET_OPTIONAL},
    {.name = "d"},
};

static void test_parquet_schema__builds_a_tree_with_levels(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_parquet_schema s = {0};
    struct dsi_parquet_file f = {0};
    char path[32];
    (void)state;

    assert_int_equal(dsi_parquet_schema_build(tree, 7, &arena, &s, NULL), DS_OK);
    assert_int_equal(s.leaf_count, 4);
    dsi_parquet_path(s.leaves[2], path, sizeof path);
    assert_string_equal(path, "g.h.c");
    dsi_parquet_path(s.leaves[2], path, 4);
    assert_string_equal(path, "g.h");
    assert_int_equal(s.leaves[0]->max_def, 0);
    assert_int_equal(s.leaves[1]->max_def, 1);
    assert_int_equal(s.leaves[2]->max_def, 3);
    assert_int_equal(s.leaves[2]->max_rep, 1);
    assert_true(s.leaves[2]->element_def >= 1);
    assert_int_equal(s.leaves[1]->element_def, 0);
    assert_int_equal(s.leaves[3]->max_def, 1);
    assert_int_equal(s.leaves[3]->leaf, 3);
    assert_ptr_equal(s.root->first_child, s.leaves[0]);
    assert_ptr_equal(s.leaves[1]->next->first_child, s.leaves[2]);
    f.root = s.root;
    assert_ptr_equal(dsi_parquet_file_field(&f, 7), s.leaves[1]);
    assert_null(dsi_parquet_file_field(&f, 8));
    dsi_arena_release(&arena);
}

static void test_parquet_schema__does_not_count_the_roots_repetition(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_parquet_schema s = {0};
    struct dsi_parquet_field odd[7];
    (void)state;

    memcpy(odd, tree, sizeof odd);
    odd[0].repetition = DSI_PARQUET_REPEATED;
    assert_int_equal(dsi_parquet_schema_build(odd, 7, &arena, &s, NULL), DS_OK);
    assert_int_equal(s.root->field.repetition, DSI_PARQUET_REQUIRED);
    assert_int_equal(s.leaves[2]->max_def, 3);
    assert_int_equal(s.leaves[2]->max_rep, 1);
    dsi_arena_release(&arena);
}

static void test_parquet_schema__refuses_child_counts_that_do_not_add_up(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_parquet_schema s = {0};
    struct dsi_parquet_field bad[7];
    (void)state;

    assert_int_equal(dsi_parquet_schema_build(tree, 0, &arena, &s, NULL), DS_ECORRUPT);
    assert_int_equal(dsi_parquet_schema_build(tree, 6, &arena, &s, NULL), DS_ECORRUPT);
    memcpy(bad, tree, sizeof bad);
    bad[0].child_count = 1;
    assert_int_equal(dsi_parquet_schema_build(bad, 7, &arena, &s, NULL), DS_ECORRUPT);
    bad[0].child_count = SIZE_MAX;
    assert_int_equal(dsi_parquet_schema_build(bad, 7, &arena, &s, NULL), DS_ECORRUPT);
    memcpy(bad, tree, sizeof bad);
    bad[6].physical = DSI_PARQUET_FIXED;
    assert_int_equal(dsi_parquet_schema_build(bad, 7, &arena, &s, NULL), DS_ECORRUPT);
    dsi_arena_release(&arena);
}

static void test_parquet_schema__refuses_what_is_too_deep(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_parquet_schema s = {0};
    struct dsi_parquet_field deep[DSI_PARQUET_DEPTH_MAX + 2] = {{0}};
    size_t count = DSI_PARQUET_DEPTH_MAX + 1;
    (void)state;

    for (size_t i = 0; i < DSI_PARQUET_DEPTH_MAX + 2; i++) {
        deep[i] = (struct dsi_parquet_field){.name = "x", .child_count = i < count - 1};
    }
    assert_int_equal(dsi_parquet_schema_build(deep, count, &arena, &s, NULL), DS_OK);
    deep[count - 1].child_count = 1;
    assert_int_equal(dsi_parquet_schema_build(deep, count + 1, &arena, &s, NULL),
                     DS_ECORRUPT);
    dsi_arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_schema__builds_a_tree_with_levels),
        cmocka_unit_test(test_parquet_schema__does_not_count_the_roots_repetition),
        cmocka_unit_test(test_parquet_schema__refuses_child_counts_that_do_not_add_up),
        cmocka_unit_test(test_parquet_schema__refuses_what_is_too_deep),
    };
    return cmocka_run_group_tests_name("parquet_schema", tests, NULL, NULL);
}
