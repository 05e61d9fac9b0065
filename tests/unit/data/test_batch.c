#include "base/fault.h"
#include "data/batch.h"
#include "unit/data/rows.h"

static void test_batch__takes_rows_in_any_order(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    (void)state;

    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rows_random r = {seed};
        struct dsi_batch b;
        struct dsi_batch taken;
        int64_t rows[300];
        print_message("  seed %llu\n", (unsigned long long)seed);
        assert_int_equal(rows_make(&r, &schema, 1 + rows_below(&r, 100), &b, NULL),
                         DS_OK);
        size_t count = (size_t)rows_below(&r, 300);
        for (size_t i = 0; i < count; i++) {
            rows[i] = rows_below(&r, b.rows);
        }
        assert_int_equal(dsi_batch_take(&b, rows, count, &taken, NULL), DS_OK);
        assert_int_equal(taken.rows, count);
        for (size_t i = 0; i < count; i++) {
            rows_assert_same(&b, rows[i], &taken, (int64_t)i);
        }
        dsi_batch_release(&b);
        dsi_batch_release(&taken);
    }
}

static void test_batch__slices_of_slices_show_the_same_rows(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    struct rows_random r = {7};
    struct dsi_batch b;
    struct dsi_batch outer;
    struct dsi_batch inner;
    struct dsi_batch taken;
    int64_t rows[] = {2, 0};
    (void)state;

    assert_int_equal(rows_make(&r, &schema, 50, &b, NULL), DS_OK);
    assert_int_equal(dsi_batch_slice(&b, 13, 30, &outer, NULL), DS_OK);
    assert_int_equal(dsi_batch_slice(&outer, 4, 20, &inner, NULL), DS_OK);
    for (int64_t i = 0; i < inner.rows; i++) {
        rows_assert_same(&b, 17 + i, &inner, i);
    }
    for (size_t c = 0; c < inner.column_count; c++) {
        int64_t nulls = 0;
        for (int64_t i = 0; i < inner.rows; i++) {
            nulls += dsi_column_is_null(&inner.columns[c], i);
        }
        assert_int_equal(dsi_column_null_count(&inner.columns[c]), nulls);
    }
    assert_int_equal(dsi_batch_take(&inner, rows, 2, &taken, NULL), DS_OK);
    rows_assert_same(&b, 19, &taken, 0);
    rows_assert_same(&b, 17, &taken, 1);
    dsi_batch_release(&taken);
    dsi_batch_release(&inner);
    dsi_batch_release(&outer);
    dsi_batch_release(&b);
    dsi_batch_release(&b);
}

static void test_batch__gives_nested_columns_their_children(void **state)
{
    static const struct dsi_field element =
        ROWS_FIELD(3, "element", true, .kind = DSI_TYPE_INT);
    static const struct dsi_field inner = ROWS_FIELD(
        2, "xs", false, .kind = DSI_TYPE_LIST, .fields = &element, .field_count = 1);
    static const struct dsi_field outer = ROWS_FIELD(
        1, "st", false, .kind = DSI_TYPE_STRUCT, .fields = &inner, .field_count = 1);
    struct dsi_schema schema = rows_schema(&outer, 1);
    static const struct dsi_field variant =
        ROWS_FIELD(1, "v", false, .kind = DSI_TYPE_VARIANT);
    struct dsi_schema variants = rows_schema(&variant, 1);
    struct ds_error err = {0};
    struct dsi_batch b;
    (void)state;

    assert_int_equal(dsi_batch_init(&b, &schema, &err), DS_OK);
    assert_int_equal(b.columns[0].child_count, 1);
    assert_ptr_equal(b.columns[0].children[0].children[0].field, &element);
    dsi_batch_release(&b);
    assert_int_equal(dsi_batch_init(&b, &variants, &err), DS_OK);
    assert_int_equal(b.columns[0].child_count, 2);
    assert_string_equal(b.columns[0].children[0].field->name, "metadata");
    assert_string_equal(b.columns[0].children[1].field->name, "value");
    assert_true(b.columns[0].children[1].field->required);
    assert_int_equal(b.columns[0].children[1].field->type.kind, DSI_TYPE_BINARY);
    dsi_batch_release(&b);
}

static void test_batch__frees_what_it_owns_and_what_it_cannot_own(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    struct dsi_fault_plan plan = {0};
    int failed = 0;
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        struct dsi_batch b = {0};
        int rc = dsi_batch_init(&b, &schema, &err);
        for (int i = 0; rc == DS_OK && i < 40; i++) {
            rc = dsi_batch_malloc(&b, 100) ? DS_OK : DS_ENOMEM;
        }
        dsi_fault_stop();
        failed += rc == DS_ENOMEM;
        dsi_batch_release(&b);
    }
    assert_true(failed > 40);
}

static void test_batch__take_survives_every_fault(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    struct rows_random r = {3};
    struct dsi_fault_plan plan = {0};
    struct dsi_batch b;
    int64_t rows[] = {4, 4, 0};
    (void)state;

    assert_int_equal(rows_make(&r, &schema, 5, &b, NULL), DS_OK);
    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        struct dsi_batch taken;
        int rc = dsi_batch_take(&b, rows, 3, &taken, &err);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        if (rc == DS_OK) {
            rows_assert_same(&b, 4, &taken, 1);
        }
        dsi_batch_release(&taken);
    }
    assert_true(plan.target > 30);
    dsi_batch_release(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch__takes_rows_in_any_order),
        cmocka_unit_test(test_batch__slices_of_slices_show_the_same_rows),
        cmocka_unit_test(test_batch__gives_nested_columns_their_children),
        cmocka_unit_test(test_batch__frees_what_it_owns_and_what_it_cannot_own),
        cmocka_unit_test(test_batch__take_survives_every_fault),
    };
    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
