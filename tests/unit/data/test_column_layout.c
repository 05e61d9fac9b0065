#include "base/fault.h"
#include "data/column_layout.h"
#include "unit/data/rows.h"

static void test_column_layout__counts_and_copies_bits_at_any_offset(void **state)
{
    struct rows_random r = {1};
    uint8_t bits[40];
    (void)state;

    for (size_t i = 0; i < sizeof bits; i++) {
        bits[i] = (uint8_t)rows_next(&r);
    }
    for (int64_t first = 0; first < 80; first++) {
        for (int64_t count = 0; count <= 200; count++) {
            uint8_t out[40];
            int64_t set = 0;
            memset(out, 0xaa, sizeof out);
            dsi_bits_copy(out, bits, first, count);
            for (int64_t i = 0; i < count; i++) {
                set += dsi_bit_get(bits, first + i);
                assert_int_equal(dsi_bit_get(out, i), dsi_bit_get(bits, first + i));
            }
            assert_int_equal(dsi_bits_count(bits, first, count), set);
            if (count % 8 != 0) { // The bits after the last are zero.
                assert_int_equal(out[count / 8] >> (count % 8), 0);
            }
            assert_int_equal(out[dsi_bits_size(count)], 0xaa);
        }
    }
}

static void test_column_layout__fills_a_column_with_one_value(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    (void)state;

    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct rows_random r = {seed};
        struct dsi_batch b;
        assert_int_equal(dsi_batch_init(&b, &schema, NULL), DS_OK);
        for (size_t c = 0; c < b.column_count; c++) {
            uint8_t bytes[ROWS_TEXT_MAX + 16];
            struct dsi_value v = rows_value(&r, b.columns[c].field, bytes);
            assert_int_equal(dsi_column_fill(&b, &v, 13, &b.columns[c], NULL), DS_OK);
            for (int64_t i = 0; i < 13; i++) {
                struct dsi_value is;
                dsi_column_value(&b.columns[c], i, &is);
                assert_true(rows_same_value(&v, &is));
            }
            assert_int_equal(dsi_column_null_count(&b.columns[c]), v.null ? 13 : 0);
        }
        dsi_batch_release(&b);
    }
}

static void test_column_layout__refuses_more_text_than_offsets_can_count(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    static uint8_t big[1 << 20];
    struct dsi_value v = {.kind = DSI_TYPE_BINARY, .as.bytes = {big, sizeof big}};
    struct ds_error err = {0};
    struct dsi_batch b;
    (void)state;

    assert_int_equal(dsi_batch_init(&b, &schema, NULL), DS_OK);
    struct dsi_column *c = &b.columns[15];
    assert_int_equal(dsi_column_fill(&b, &v, 1, c, &err), DS_OK);
    int rc = dsi_column_fill(&b, &v, 2048, c, &err);
    assert_int_equal(rc, DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "column bin"));
    dsi_batch_release(&b);
}

static void test_column_layout__fills_nested_columns_with_nulls(void **state)
{
    static struct rows_nested n;
    struct rows_random r = {2};
    struct dsi_batch b;
    (void)state;

    rows_nested_make(&r, 8, 4, &n);
    assert_int_equal(dsi_batch_init(&b, &n.schema, NULL), DS_OK);
    for (size_t c = 0; c < b.column_count; c++) {
        struct dsi_column *column = &b.columns[c];
        assert_int_equal(dsi_column_fill(&b, &DSI_VALUE_NULL, 9, column, NULL), DS_OK);
        assert_int_equal(dsi_column_null_count(column), 9);
        assert_int_equal(column->length, 9);
        bool list = dsi_layout_has_offsets(&column->field->type);
        for (size_t k = 0; k < column->child_count; k++) {
            assert_int_equal(column->children[k].length, list ? 0 : 9);
        }
    }
    dsi_batch_release(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_column_layout__counts_and_copies_bits_at_any_offset),
        cmocka_unit_test(test_column_layout__fills_a_column_with_one_value),
        cmocka_unit_test(test_column_layout__refuses_more_text_than_offsets_can_count),
        cmocka_unit_test(test_column_layout__fills_nested_columns_with_nulls),
    };
    return cmocka_run_group_tests_name("column_layout", tests, NULL, NULL);
}
