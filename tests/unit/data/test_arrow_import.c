#include "base/fault.h"
#include "data/arrow_io.h"
#include "unit/data/producer.h"

static const struct dsi_type type_int = {.kind = DSI_TYPE_INT};

static void test_arrow_import__reads_a_column_of_type_null(void **state)
{
    struct dsi_value v[] = {DSI_VALUE_NULL, DSI_VALUE_NULL, DSI_VALUE_NULL};
    struct producer p;
    (void)state;

    producer_init(&p, "n", 3, 0, NULL, NULL);
    producer_gives(&p, &type_int, v, 3);
    producer_init(&p, "n", 3, 0, NULL, NULL);
    producer_refused(&p, &type_int, true, DS_EINVALID, "does not fit the table's int");
}

static void test_arrow_import__wants_values_in_a_required_column(void **state)
{
    static const int32_t in[] = {1, 2, 3};
    static const uint8_t validity[] = {5};
    struct producer p;
    (void)state;

    producer_init(&p, "i", 3, 2, in, NULL);
    p.buffers[0] = validity;
    producer_refused(&p, &type_int, true, DS_EINVALID, "row 2: null, but the column is");
}

static void test_arrow_import__refuses_what_is_no_struct_or_was_released(void **state)
{
    static const int32_t in[] = {1};
    struct producer p;
    (void)state;

    producer_init(&p, "i", 1, 2, in, NULL);
    p.schema.format = "i";
    p.schema.n_children = 0;
    producer_refused(&p, &type_int, false, DS_EINVALID, "not a struct of columns");
    producer_init(&p, "i", 1, 2, in, NULL);
    p.column_schema.release = NULL;
    producer_refused(&p, &type_int, false, DS_EINVALID, "schema was released");
    producer_init(&p, "i", 1, 2, in, NULL);
    struct dsi_field field = ROWS_FIELD(1, "c", false, .kind = DSI_TYPE_INT);
    struct dsi_schema target = rows_schema(&field, 1);
    struct ds_error err = {0};
    struct dsi_batch b;
    p.array.release = NULL;
    assert_int_equal(producer_import(&p, &target, &b, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "was released"));
    assert_int_equal(p.released, 0);
}

static void test_arrow_import__survives_every_fault(void **state)
{
    static const int64_t in[] = {2, 0, 1, 2};
    static const uint8_t validity[] = {0x0d};
    struct dsi_field field =
        ROWS_FIELD(1, "c", false, .kind = DSI_TYPE_DECIMAL, .precision = 9, .scale = 2);
    struct dsi_schema target = rows_schema(&field, 1);
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        struct producer p;
        struct dsi_batch b;
        producer_init(&p, "d:9,2,64", 3, 2, in, NULL);
        p.buffers[0] = validity;
        p.column.offset = 1;
        int rc = producer_import(&p, &target, &b, &err);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        dsi_batch_release(&b);
        if (p.array.release) {
            p.array.release(&p.array); // The plan failed: it is still the producer's.
        }
        assert_int_equal(p.released, 1);
    }
    assert_true(plan.target > 5);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrow_import__reads_a_column_of_type_null),
        cmocka_unit_test(test_arrow_import__wants_values_in_a_required_column),
        cmocka_unit_test(test_arrow_import__refuses_what_is_no_struct_or_was_released),
        cmocka_unit_test(test_arrow_import__survives_every_fault),
    };
    return cmocka_run_group_tests_name("arrow_import", tests, NULL, NULL);
}
