#include "base/fault.h"
#include "data/batch.h"
#include "unit/data/rows.h"

static void test_batch_builder__gives_back_what_was_set(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    (void)state;

    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct rows_random r = {seed};
        struct rows_random again = {seed};
        struct dsi_batch b;
        print_message("  seed %llu\n", (unsigned long long)seed);
        int64_t rows = rows_below(&r, 70);
        assert_int_equal(rows_below(&again, 70), rows);
        assert_int_equal(rows_make(&r, &schema, rows, &b, NULL), DS_OK);
        assert_int_equal(b.rows, rows);
        for (int64_t i = 0; i < rows; i++) {
            for (size_t c = 0; c < schema.root.field_count; c++) {
                uint8_t bytes[ROWS_TEXT_MAX + 16];
                struct dsi_value was = rows_value(&again, &schema.root.fields[c], bytes);
                struct dsi_value is;
                dsi_column_value(&b.columns[c], i, &is);
                assert_true(rows_same_value(&was, &is));
            }
        }
        dsi_batch_release(&b);
    }
}

static void test_batch_builder__drops_a_row_without_a_required_value(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    struct rows_random r = {5};
    struct dsi_batch_builder *b = NULL;
    struct ds_error err = {0};
    struct dsi_batch out;
    (void)state;

    assert_int_equal(dsi_batch_builder_new(&schema, &b, &err), DS_OK);
    for (int i = 0; i < 20; i++) {
        struct dsi_value yes = {.kind = DSI_TYPE_BOOLEAN, .as.boolean = true};
        struct dsi_value text = {.kind = DSI_TYPE_STRING,
                                 .as.bytes = {(const uint8_t *)"lost", 4}};
        assert_int_equal(rows_build(&r, &schema, 1, b, &err), DS_OK);
        size_t bytes = dsi_batch_builder_bytes(b);
        assert_int_equal(dsi_batch_builder_set(b, 0, &yes, &err), DS_OK);
        assert_int_equal(dsi_batch_builder_set(b, 12, &text, &err), DS_OK);
        assert_int_equal(dsi_batch_builder_end_row(b, &err), DS_EINVALID);
        assert_non_null(strstr(err.message, "column l"));
        assert_non_null(strstr(err.message, "required"));
        assert_int_equal(dsi_batch_builder_rows(b), i + 1);
        assert_int_equal(dsi_batch_builder_bytes(b), bytes);
    }
    assert_int_equal(dsi_batch_builder_take(b, &out, &err), DS_OK);
    r.state = 5;
    struct dsi_batch expected;
    assert_int_equal(rows_make(&r, &schema, 20, &expected, &err), DS_OK);
    for (int64_t i = 0; i < 20; i++) {
        rows_assert_same(&expected, i, &out, i);
    }
    dsi_batch_release(&expected);
    dsi_batch_release(&out);
    dsi_batch_builder_free(b);
}

static void test_batch_builder__lets_a_value_be_set_again(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    struct rows_random r = {11};
    struct dsi_batch_builder *b = NULL;
    struct dsi_batch out;
    struct dsi_batch expected;
    struct rows_random other = {99};
    (void)state;

    assert_int_equal(dsi_batch_builder_new(&schema, &b, NULL), DS_OK);
    for (int i = 0; i < 40; i++) {
        for (size_t c = 0; c < schema.root.field_count; c++) {
            uint8_t bytes[ROWS_TEXT_MAX + 16];
            struct dsi_value v = rows_value(&other, &schema.root.fields[c], bytes);
            assert_int_equal(dsi_batch_builder_set(b, c, &v, NULL), DS_OK);
        }
        assert_int_equal(rows_build(&r, &schema, 1, b, NULL), DS_OK);
    }
    uint8_t bytes[ROWS_TEXT_MAX + 16];
    struct dsi_value begun = rows_value(&other, &schema.root.fields[2], bytes);
    assert_int_equal(dsi_batch_builder_set(b, 2, &begun, NULL), DS_OK);
    assert_int_equal(dsi_batch_builder_take(b, &out, NULL), DS_OK); // Without that row.
    assert_int_equal(dsi_batch_builder_rows(b), 0);
    assert_int_equal(dsi_batch_builder_bytes(b), 0);
    r.state = 11;
    assert_int_equal(rows_make(&r, &schema, 40, &expected, NULL), DS_OK);
    assert_int_equal(out.rows, 40);
    for (int64_t i = 0; i < 40; i++) {
        rows_assert_same(&expected, i, &out, i);
    }
    for (size_t c = 0; c < out.column_count; c++) {
        assert_int_equal(dsi_column_null_count(&expected.columns[c]),
                         dsi_column_null_count(&out.columns[c]));
    }
    dsi_batch_release(&expected);
    dsi_batch_release(&out);
    dsi_batch_builder_free(b);
}

static void refuse(struct dsi_batch_builder *b, size_t column, struct dsi_value v,
                   const char *says)
{
    struct ds_error err = {0};
    assert_int_equal(dsi_batch_builder_set(b, column, &v, &err), DS_EINVALID);
    if (!strstr(err.message, says)) {
        fail_msg("'%s' does not say '%s'", err.message, says);
    }
}

static void test_batch_builder__refuses_what_does_not_fit_a_column(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    struct dsi_batch_builder *b = NULL;
    (void)state;

    assert_int_equal(dsi_batch_builder_new(&schema, &b, NULL), DS_OK);
    refuse(b, 99, (struct dsi_value){.kind = DSI_TYPE_INT}, "99");
    refuse(b, 1, (struct dsi_value){.kind = DSI_TYPE_LONG}, "column i (int)");
    refuse(b, 5, (struct dsi_value){.kind = DSI_TYPE_DECIMAL, .as.decimal = 1000000000},
           "digits");
    refuse(b, 9, (struct dsi_value){.kind = DSI_TYPE_TIME, .as.i64 = 86400000000}, "day");
    refuse(b, 9, (struct dsi_value){.kind = DSI_TYPE_TIME, .as.i64 = -1}, "day");
    refuse(b, 12,
           (struct dsi_value){.kind = DSI_TYPE_STRING,
                              .as.bytes = {(const uint8_t *)"\xff", 1}},
           "UTF-8");
    refuse(b, 14,
           (struct dsi_value){.kind = DSI_TYPE_FIXED,
                              .as.bytes = {(const uint8_t *)"abcd", 4}},
           "bytes");
    dsi_batch_builder_free(b);
}

static void test_batch_builder__survives_every_fault(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct rows_random r = {21};
        struct ds_error err = {0};
        struct dsi_batch b;
        int rc = rows_make(&r, &schema, 30, &b, &err);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        assert_int_equal(b.rows, rc == DS_OK ? 30 : 0);
        dsi_batch_release(&b);
    }
    assert_true(plan.target > 40);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_builder__gives_back_what_was_set),
        cmocka_unit_test(test_batch_builder__drops_a_row_without_a_required_value),
        cmocka_unit_test(test_batch_builder__lets_a_value_be_set_again),
        cmocka_unit_test(test_batch_builder__refuses_what_does_not_fit_a_column),
        cmocka_unit_test(test_batch_builder__survives_every_fault),
    };
    return cmocka_run_group_tests_name("batch_builder", tests, NULL, NULL);
}
