#include "codec/parquet/parquet_schema.h"

#include "harness.h"

#include <string.h>

static void write_and_read(const struct dsi_parquet_field *f, struct dsi_arena *arena,
                           struct dsi_parquet_field *back)
{
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_thrift_writer w;
    struct dsi_thrift_reader r;
    struct dsi_thrift_field field = {0};
    struct dsi_thrift_list list = {0};
    struct ds_error err = {0};

    dsi_thrift_writer_begin(&w, &out, NULL);
    dsi_thrift_write_list(&w, 1, DSI_THRIFT_STRUCT, 1);
    dsi_parquet_element_write(&w, f, false);
    assert_int_equal(dsi_thrift_writer_end(&w), DS_OK);
    dsi_thrift_reader_init(&r, dsi_buf_slice(&out), "test");
    assert_int_equal(dsi_thrift_next(&r, &field, NULL), DS_ROW);
    assert_int_equal(dsi_thrift_list(&r, field.type, DSI_THRIFT_STRUCT, &list, NULL),
                     DS_OK);
    if (dsi_parquet_element_read(&r, false, arena, back, &err) < 0) {
        fail_msg("%s", err.message);
    }
    dsi_buf_release(&out);
}

static const struct dsi_parquet_field kinds[] = {
    {.name = "string",
     .physical = DSI_PARQUET_BYTE_ARRAY,
     .logical.kind = DSI_PARQUET_LOGICAL_STRING},
    {.name = "decimal",
     .physical = DSI_PARQUET_FIXED,
     .type_length = 16,
     .logical = {.kind = DSI_PARQUET_LOGICAL_DECIMAL, .precision = 38, .scale = 3}},
    {.name = "date",
     .physical = DSI_PARQUET_INT32,
     .logical.kind = DSI_PARQUET_LOGICAL_DATE},
    {.name = "time",
     .physical = DSI_PARQUET_INT64,
     .logical = {.kind = DSI_PARQUET_LOGICAL_TIME, .unit = DSI_PARQUET_MICROS}},
    {.name = "timestamp",
     .physical = DSI_PARQUET_INT64,
     .logical = {.kind = DSI_PARQUET_LOGICAL_TIMESTAMP, .unit = DSI_PARQUET_MICROS}},
    {.name = "timestamptz",
     .physical = DSI_PARQUET_INT64,
     .logical = {.kind = DSI_PARQUET_LOGICAL_TIMESTAMP,
                 .unit = DSI_PARQUET_MICROS,
                 .utc = true}},
    {.name = "timestamp_ns",
     .physical = DSI_PARQUET_INT64,
     .logical = {.kind = DSI_PARQUET_LOGICAL_TIMESTAMP, .unit = DSI_PARQUET_NANOS}},
    {.name = "uint16",
     .physical = DSI_PARQUET_INT32,
     .logical = {.kind = DSI_PARQUET_LOGICAL_INTEGER, .bit_width = 16}},
    {.name = "int64",
     .physical = DSI_PARQUET_INT64,
     .logical = {.kind = DSI_PARQUET_LOGICAL_INTEGER,
                 .bit_width = 64,
                 .is_signed = true}},
    {.name = "uuid",
     .physical = DSI_PARQUET_FIXED,
     .type_length = 16,
     .logical.kind = DSI_PARQUET_LOGICAL_UUID},
    {.name = "half",
     .physical = DSI_PARQUET_FIXED,
     .type_length = 2,
     .logical.kind = DSI_PARQUET_LOGICAL_FLOAT16},
    {.name = "geography",
     .physical = DSI_PARQUET_BYTE_ARRAY,
     .logical = {.kind = DSI_PARQUET_LOGICAL_GEOGRAPHY,
                 .crs = "EPSG:4326",
                 .algorithm = 2}},
    {.name = "interval",
     .physical = DSI_PARQUET_FIXED,
     .type_length = 12,
     .logical.kind = DSI_PARQUET_LOGICAL_INTERVAL},
    {.name = "plain", .physical = DSI_PARQUET_DOUBLE},
};

static void test_parquet_logical__keeps_every_type(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct dsi_parquet_field f = kinds[i];
        struct dsi_parquet_field back;
        f.has_field_id = true;
        f.field_id = 100 + (int32_t)i;
        assert_null(dsi_parquet_leaf_fault(&f));
        write_and_read(&f, &arena, &back);
        assert_string_equal(back.name, f.name);
        assert_int_equal(back.field_id, f.field_id);
        assert_int_equal(back.physical, f.physical);
        assert_int_equal(back.type_length, f.type_length);
        assert_int_equal(back.logical.kind, f.logical.kind);
        assert_int_equal(back.logical.precision, f.logical.precision);
        assert_int_equal(back.logical.scale, f.logical.scale);
        assert_int_equal(back.logical.unit, f.logical.unit);
        assert_int_equal(back.logical.utc, f.logical.utc);
        assert_int_equal(back.logical.bit_width, f.logical.bit_width);
        assert_int_equal(back.logical.is_signed, f.logical.is_signed);
        assert_int_equal(back.logical.algorithm, f.logical.algorithm);
        assert_true((back.logical.crs == NULL) == (f.logical.crs == NULL));
    }
    dsi_arena_release(&arena);
}

static void test_parquet_logical__reads_converted_types(void **state)
{
    // INT64, required, "t", TIMESTAMP_MICROS: no logical type.
    static const uint8_t bytes[] = {0x15, 0x04, 0x25, 0x00, 0x18,
                                    0x01, 't',  0x25, 0x14, 0x00};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_parquet_field f;
    struct dsi_thrift_reader r;
    (void)state;

    dsi_thrift_reader_init(&r, (struct ds_slice){bytes, sizeof bytes}, "test");
    assert_int_equal(dsi_parquet_element_read(&r, false, &arena, &f, NULL), DS_OK);
    assert_int_equal(f.logical.kind, DSI_PARQUET_LOGICAL_TIMESTAMP);
    assert_int_equal(f.logical.unit, DSI_PARQUET_MICROS);
    assert_true(f.logical.utc);
    assert_false(f.has_field_id);
    dsi_arena_release(&arena);
}

static void test_parquet_logical__tolerates_types_of_the_future(void **state)
{
    // INT32, required, "t", LogicalType { 99: {} }.
    static const uint8_t bytes[] = {0x15, 0x02, 0x25, 0x00, 0x18, 0x01, 't',
                                    0x6c, 0x0c, 0xc6, 0x01, 0x00, 0x00, 0x00};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_parquet_field f;
    struct dsi_thrift_reader r;
    (void)state;

    dsi_thrift_reader_init(&r, (struct ds_slice){bytes, sizeof bytes}, "test");
    assert_int_equal(dsi_parquet_element_read(&r, false, &arena, &f, NULL), DS_OK);
    assert_int_equal(f.logical.kind, DSI_PARQUET_LOGICAL_OTHER);
    assert_null(dsi_parquet_leaf_fault(&f));
    dsi_arena_release(&arena);
}

static void test_parquet_logical__finds_types_that_do_not_fit(void **state)
{
    (void)state;
    for (size_t i = 0; i + 1 < sizeof kinds / sizeof *kinds; i++) {
        struct dsi_parquet_field f = kinds[i];
        f.physical = DSI_PARQUET_BOOLEAN;
        assert_non_null(dsi_parquet_leaf_fault(&f));
    }
    struct dsi_parquet_field f = kinds[1];
    f.logical.precision = 39;
    assert_non_null(dsi_parquet_leaf_fault(&f));
    f.logical.precision = 2; // Its scale is 3.
    assert_non_null(dsi_parquet_leaf_fault(&f));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_logical__keeps_every_type),
        cmocka_unit_test(test_parquet_logical__reads_converted_types),
        cmocka_unit_test(test_parquet_logical__tolerates_types_of_the_future),
        cmocka_unit_test(test_parquet_logical__finds_types_that_do_not_fit),
    };
    return cmocka_run_group_tests_name("parquet_logical", tests, NULL, NULL);
}
