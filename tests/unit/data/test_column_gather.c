#include "base/fault.h"
#include "data/column_layout.h"
#include "unit/data/rows.h"

// Gathers all columns of a batch; -1 is null.
static int gather(const struct dsi_batch *b, const int64_t *rows, int64_t count,
                  struct dsi_batch *out, struct ds_error *err)
{
    int rc = dsi_batch_init(out, b->schema, err);
    for (size_t c = 0; rc == DS_OK && c < out->column_count; c++) {
        rc = dsi_column_gather(out, &b->columns[c], rows, count, &out->columns[c], err);
    }
    if (rc < 0) {
        dsi_batch_release(out);
    }
    return rc;
}

static void test_column_gather__gathers_a_missing_row_as_null(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    struct rows_random r = {9};
    int64_t rows[] = {1, -1, 0};
    struct dsi_batch b;
    struct dsi_batch out;
    (void)state;

    assert_int_equal(rows_make(&r, &schema, 2, &b, NULL), DS_OK);
    assert_int_equal(gather(&b, rows, 3, &out, NULL), DS_OK);
    for (size_t c = 0; c < b.column_count; c++) {
        assert_true(dsi_column_is_null(&out.columns[c], 1));
    }
    rows_assert_same(&b, 1, &out, 0);
    rows_assert_same(&b, 0, &out, 2);
    dsi_batch_release(&out);
    dsi_batch_release(&b);
}

// A column must hold what its parent says it does, and count its nulls right.
static void check_column(const struct dsi_column *c)
{
    int64_t nulls = 0;
    for (int64_t i = 0; i < c->length; i++) {
        nulls += dsi_column_is_null(c, i);
    }
    assert_int_equal(dsi_column_null_count(c), nulls);
    bool list = dsi_layout_has_offsets(&c->field->type);
    for (size_t k = 0; k < c->child_count; k++) {
        int64_t needed = list ? dsi_column_offset(c, c->length) : c->offset + c->length;
        assert_true(c->children[k].length >= needed);
        check_column(&c->children[k]);
    }
}

static void test_column_gather__gathers_any_rows_at_any_depth(void **state)
{
    static struct rows_nested n;
    (void)state;

    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct rows_random r = {seed};
        struct dsi_batch b;
        struct dsi_batch slice;
        struct dsi_batch out;
        int64_t rows[60];
        print_message("  seed %llu\n", (unsigned long long)seed);
        rows_nested_make(&r, 1 + (size_t)rows_below(&r, 4), 5, &n);
        assert_int_equal(rows_make(&r, &n.schema, 1 + rows_below(&r, 40), &b, NULL),
                         DS_OK);
        int64_t first = rows_below(&r, b.rows);
        assert_int_equal(dsi_batch_slice(&b, first, b.rows - first, &slice, NULL), DS_OK);
        int64_t count = rows_below(&r, 60);
        for (int64_t i = 0; i < count; i++) {
            rows[i] = rows_below(&r, slice.rows + 1) - 1;
        }
        assert_int_equal(gather(&slice, rows, count, &out, NULL), DS_OK);
        for (int64_t i = 0; i < count; i++) {
            for (size_t c = 0; c < out.column_count; c++) {
                const struct dsi_column *is = &out.columns[c];
                if (rows[i] < 0 ? !dsi_column_is_null(is, i)
                                : !rows_same(&b.columns[c], first + rows[i], is, i)) {
                    fail_msg("column %zu, row %lld", c, (long long)i);
                }
            }
        }
        for (size_t c = 0; c < out.column_count; c++) {
            assert_int_equal(out.columns[c].length, count);
            check_column(&out.columns[c]);
            check_column(&slice.columns[c]);
        }
        dsi_batch_release(&out);
        dsi_batch_release(&slice);
        dsi_batch_release(&b);
    }
}

// Rows 0 and 1 of a list column, whose elements are said to be `many`.
static void long_list(struct dsi_batch *b, const struct dsi_schema *schema,
                      const int64_t *offsets)
{
    assert_int_equal(dsi_batch_init(b, schema, NULL), DS_OK);
    b->rows = 2;
    b->columns[0].length = 2;
    b->columns[0].offsets64 = offsets;
}

static void test_column_gather__refuses_more_elements_than_offsets_can_count(void **state)
{
    static const int64_t offsets[] = {0, INT64_C(1) << 30, INT64_C(1) << 31};
    static const struct dsi_field element =
        ROWS_FIELD(2, "element", true, .kind = DSI_TYPE_INT);
    static const struct dsi_field list = ROWS_FIELD(1, "xs", false, .kind = DSI_TYPE_LIST,
                                                    .fields = &element, .field_count = 1);
    struct dsi_schema schema = rows_schema(&list, 1);
    int64_t rows[] = {0, 1};
    struct ds_error err = {0};
    struct dsi_batch b;
    struct dsi_batch out;
    (void)state;

    long_list(&b, &schema, offsets);
    assert_int_equal(gather(&b, rows, 2, &out, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "column xs: more than 2147483647 elements"));
    dsi_batch_release(&b);
}

static void test_column_gather__survives_every_fault(void **state)
{
    static struct rows_nested n;
    struct rows_random r = {6};
    struct dsi_fault_plan plan = {0};
    int64_t rows[] = {4, -1, 4, 0};
    struct dsi_batch b;
    (void)state;

    rows_nested_make(&r, 6, 4, &n);
    assert_int_equal(rows_make(&r, &n.schema, 5, &b, NULL), DS_OK);
    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        struct dsi_batch out;
        int rc = gather(&b, rows, 4, &out, &err);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        if (rc == DS_OK) {
            rows_assert_same(&b, 4, &out, 2);
        }
        dsi_batch_release(&out);
    }
    assert_true(plan.target > 30);
    dsi_batch_release(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_column_gather__gathers_a_missing_row_as_null),
        cmocka_unit_test(test_column_gather__gathers_any_rows_at_any_depth),
        cmocka_unit_test(
            test_column_gather__refuses_more_elements_than_offsets_can_count),
        cmocka_unit_test(test_column_gather__survives_every_fault),
    };
    return cmocka_run_group_tests_name("column_gather", tests, NULL, NULL);
}
