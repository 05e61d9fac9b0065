#include "base/fault.h"
#include "data/data_column.h"
#include "unit/data/rows.h"

// Moves `rows` stored values of a leaf into a column of `field`.
static int move(const struct dsi_parquet_field *stored, const struct dsi_field *field,
                const void *values, size_t size, const char *text, size_t rows,
                uint8_t validity, struct dsi_batch *b, struct ds_error *err)
{
    static struct dsi_schema schema;
    struct dsi_parquet_node leaf = {.field = *stored};
    struct dsi_parquet_column in = DSI_PARQUET_COLUMN_INIT;
    int rc = DS_OK;

    schema = rows_schema(field, 1);
    in.rows = rows;
    in.elements = rows;
    in.slots = rows;
    rc = dsi_batch_init(b, &schema, err);
    if (rc == DS_OK) {
        rc = dsi_buf_append(&in.values, values, size, err);
    }
    if (rc == DS_OK && text) {
        rc = dsi_buf_append_text(&in.bytes, text, err);
    }
    if (rc == DS_OK && validity) {
        in.null_count = rows - (size_t)dsi_bits_count(&validity, 0, (int64_t)rows);
        rc = dsi_buf_append(&in.validity, &validity, 1, err);
    }
    if (rc == DS_OK) {
        rc = dsi_data_column_move(&leaf, &in, 100, b, &b->columns[0], err);
    }
    assert_true(rc == DS_ENOMEM || in.values.data == NULL);
    dsi_parquet_column_release(&in);
    b->rows = (int64_t)rows;
    return rc;
}

static void refuses(const struct dsi_parquet_field *stored, const struct dsi_field *field,
                    const void *values, size_t size, const char *text, const char *says)
{
    struct ds_error err = {0};
    struct dsi_batch b;
    int rc = move(stored, field, values, size, text, 2, 0, &b, &err);
    if (rc != DS_ECORRUPT || !strstr(err.message, says)) {
        fail_msg("%d '%s' does not say '%s'", rc, err.message, says);
    }
    dsi_batch_release(&b);
}

static const struct dsi_parquet_field string_leaf = {
    .name = "s",
    .physical = DSI_PARQUET_BYTE_ARRAY,
    .logical = {.kind = DSI_PARQUET_LOGICAL_STRING}};
static const struct dsi_parquet_field decimal_leaf = {
    .name = "d",
    .physical = DSI_PARQUET_BYTE_ARRAY,
    .logical = {.kind = DSI_PARQUET_LOGICAL_DECIMAL, .precision = 4, .scale = 1}};
static const struct dsi_parquet_field time_leaf = {
    .name = "t",
    .physical = DSI_PARQUET_INT64,
    .logical = {.kind = DSI_PARQUET_LOGICAL_TIME, .unit = DSI_PARQUET_MICROS}};
static const struct dsi_parquet_field time_ns_leaf = {
    .name = "t",
    .physical = DSI_PARQUET_INT64,
    .logical = {.kind = DSI_PARQUET_LOGICAL_TIME, .unit = DSI_PARQUET_NANOS}};

static void test_data_column__refuses_values_that_break_their_type(void **state)
{
    static const struct dsi_field s = ROWS_FIELD(1, "s", false, .kind = DSI_TYPE_STRING);
    static const struct dsi_field t = ROWS_FIELD(1, "t", false, .kind = DSI_TYPE_TIME);
    static const struct dsi_field d =
        ROWS_FIELD(1, "d", false, .kind = DSI_TYPE_DECIMAL, .precision = 4, .scale = 1);
    static const struct dsi_field d3 =
        ROWS_FIELD(1, "d", false, .kind = DSI_TYPE_DECIMAL, .precision = 3, .scale = 1);
    int32_t offsets[] = {0, 1, 2};
    int32_t wide[] = {0, 2, 5};
    int64_t times[] = {0, INT64_C(86400000000)};
    (void)state;

    refuses(&string_leaf, &s, offsets, sizeof offsets, "a\xff",
            "column s, row 101: text that is not UTF-8");
    refuses(&string_leaf, &s, offsets, sizeof offsets, "\xc3\xa9",
            "column s, row 100: text that is not UTF-8");
    refuses(&time_leaf, &t, times, sizeof times, NULL, "row 101: a value out of");
    refuses(&time_ns_leaf, &t, (int64_t[]){5000, 5001}, sizeof times, NULL,
            "row 101: a value out of");
    refuses(&decimal_leaf, &d, wide, sizeof wide, "\x01\x02\x7f\x7f\x7f", "row 101");
    // 1000: it fits the file's four digits, not the three of the table.
    refuses(&decimal_leaf, &d3, (int32_t[]){0, 1, 3}, sizeof offsets, "\x01\x03\xe8",
            "row 101");
}

static void test_data_column__looks_at_no_value_under_a_null(void **state)
{
    static const struct dsi_field t = ROWS_FIELD(1, "t", false, .kind = DSI_TYPE_TIME);
    static const struct dsi_field needed =
        ROWS_FIELD(1, "t", true, .kind = DSI_TYPE_TIME);
    int64_t times[] = {7, -1};
    struct ds_error err = {0};
    struct dsi_batch b;
    struct dsi_value v;
    (void)state;

    assert_int_equal(move(&time_leaf, &t, times, sizeof times, NULL, 2, 1, &b, &err),
                     DS_OK);
    dsi_column_value(&b.columns[0], 0, &v);
    assert_int_equal(v.as.i64, 7);
    assert_true(dsi_column_is_null(&b.columns[0], 1));
    dsi_batch_release(&b);
    assert_int_equal(move(&time_leaf, &needed, times, sizeof times, NULL, 2, 1, &b, &err),
                     DS_ECORRUPT);
    assert_non_null(strstr(err.message, "row 101: null in a required column"));
    dsi_batch_release(&b);
}

static void test_data_column__reads_decimals_in_byte_arrays(void **state)
{
    static const struct dsi_field d =
        ROWS_FIELD(1, "d", false, .kind = DSI_TYPE_DECIMAL, .precision = 9, .scale = 1);
    int32_t offsets[] = {0, 1, 5};
    struct dsi_batch b;
    struct dsi_value v;
    struct ds_error err = {0};
    (void)state;

    // -1 in one byte, -9999 in four.
    assert_int_equal(move(&decimal_leaf, &d, offsets, sizeof offsets,
                          "\xff\xff\xff\xd8\xf1", 2, 0, &b, &err),
                     DS_OK);
    dsi_column_value(&b.columns[0], 0, &v);
    assert_true(v.as.decimal == -1);
    dsi_column_value(&b.columns[0], 1, &v);
    assert_true(v.as.decimal == -9999);
    dsi_batch_release(&b);
}

// DataShard wrote UUIDs as text, and later as 16 bytes that say nothing of it.
static void test_data_column__reads_uuids_as_others_store_them(void **state)
{
    static const struct dsi_parquet_field bare = {.physical = DSI_PARQUET_FIXED,
                                                  .type_length = 16};
    static const struct dsi_field u = ROWS_FIELD(1, "u", false, .kind = DSI_TYPE_UUID);
    static const char text[] = "f79c3e09-677c-4bbd-a479-3f349cb785e7not-one";
    static const uint8_t want[16] = {0xf7, 0x9c, 0x3e, 0x09, 0x67, 0x7c, 0x4b, 0xbd,
                                     0xa4, 0x79, 0x3f, 0x34, 0x9c, 0xb7, 0x85, 0xe7};
    int32_t offsets[] = {0, 36, 43};
    struct dsi_batch b;
    struct dsi_value v;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(
        move(&string_leaf, &u, offsets, 2 * sizeof offsets[0], text, 1, 0, &b, &err),
        DS_OK);
    dsi_column_value(&b.columns[0], 0, &v);
    assert_memory_equal(v.as.bytes.data, want, 16);
    dsi_batch_release(&b);
    assert_int_equal(
        move(&string_leaf, &u, offsets, sizeof offsets, text, 2, 0, &b, &err),
        DS_ECORRUPT);
    assert_non_null(strstr(err.message, "row 101: a text that is no UUID"));
    dsi_batch_release(&b);
    assert_int_equal(move(&bare, &u, want, sizeof want, NULL, 1, 0, &b, &err), DS_OK);
    dsi_column_value(&b.columns[0], 0, &v);
    assert_memory_equal(v.as.bytes.data, want, 16);
    dsi_batch_release(&b);
}

static void test_data_column__knows_which_types_it_may_be_read_as(void **state)
{
    static const struct dsi_field ok[] = {
        ROWS_FIELD(1, "s", false, .kind = DSI_TYPE_STRING),
        ROWS_FIELD(1, "s", false, .kind = DSI_TYPE_BINARY),
        ROWS_FIELD(1, "s", false, .kind = DSI_TYPE_UUID),
    };
    static const struct dsi_field wrong[] = {
        ROWS_FIELD(1, "s", false, .kind = DSI_TYPE_INT),
        ROWS_FIELD(1, "s", false, .kind = DSI_TYPE_FIXED, .length = 16),
        ROWS_FIELD(1, "s", false, .kind = DSI_TYPE_DECIMAL, .precision = 4, .scale = 1),
    };
    struct dsi_parquet_node leaf = {.field = string_leaf};
    struct dsi_field scale =
        ROWS_FIELD(1, "d", false, .kind = DSI_TYPE_DECIMAL, .precision = 9, .scale = 2);
    struct ds_error err = {0};
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(dsi_data_column_check(&leaf, &ok[i], &err), DS_OK);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(dsi_data_column_check(&leaf, &wrong[i], &err), DS_ECORRUPT);
        assert_non_null(strstr(err.message, "the file has a string"));
    }
    leaf.field = decimal_leaf;
    assert_int_equal(dsi_data_column_check(&leaf, &scale, &err), DS_ECORRUPT);
}

static void test_data_column__survives_every_fault(void **state)
{
    static const struct dsi_field s = ROWS_FIELD(1, "s", false, .kind = DSI_TYPE_STRING);
    int32_t offsets[] = {0, 1, 2};
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        struct dsi_batch b;
        int rc = move(&string_leaf, &s, offsets, sizeof offsets, "ab", 2, 1, &b, &err);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        dsi_batch_release(&b);
    }
    assert_true(plan.target > 4);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_column__refuses_values_that_break_their_type),
        cmocka_unit_test(test_data_column__looks_at_no_value_under_a_null),
        cmocka_unit_test(test_data_column__reads_decimals_in_byte_arrays),
        cmocka_unit_test(test_data_column__reads_uuids_as_others_store_them),
        cmocka_unit_test(test_data_column__knows_which_types_it_may_be_read_as),
        cmocka_unit_test(test_data_column__survives_every_fault),
    };
    return cmocka_run_group_tests_name("data_column", tests, NULL, NULL);
}
