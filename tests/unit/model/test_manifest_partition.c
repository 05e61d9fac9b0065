#include "manifest_fixture.h"
#include "model/manifest_avro.h"

// Reads one value, stored with `avro` as its type, as partition field 1100 (a day) or
// 1101 (a bucket) of spec 2, or as one of spec 1's.
static int get(int32_t spec_id, int32_t field_id, const char *avro, const char *bytes,
               size_t size, struct dsi_value *out)
{
    struct dsi_metadata *m = fixture_metadata();
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf schema = DSI_BUF_INIT;
    const struct dsi_avro_type *t = NULL;
    const struct dsi_value *values = NULL;
    struct dsi_manifest_partition_plan plan;
    struct ds_slice in = {(const uint8_t *)bytes, size};
    const struct dsi_partition_spec *spec = dsi_metadata_spec(m, spec_id);

    assert_int_equal(dsi_buf_printf(&schema, NULL,
                                    "{\"type\":\"record\",\"name\":\"r102\",\"fields\":["
                                    "{\"name\":\"unknown\",\"type\":[\"null\",\"int\"],"
                                    "\"field-id\":1999},"
                                    "{\"name\":\"p\",\"type\":[\"null\",%s],\"field-id\":"
                                    "%d}]}",
                                    avro, (int)field_id),
                     DS_OK);
    assert_int_equal(dsi_avro_schema_parse(dsi_buf_slice(&schema), &arena, &t, NULL),
                     DS_OK);
    assert_int_equal(dsi_manifest_partition_plan(t, spec, dsi_metadata_current_schema(m),
                                                 &arena, &plan, NULL),
                     DS_OK);
    int rc = dsi_manifest_get_partition(&plan, &in, &arena, &values, NULL);
    for (size_t i = 0; rc == DS_OK && i < spec->field_count; i++) {
        if (spec->fields[i].field_id == field_id) {
            *out = values[i];
        } else {
            assert_true(values[i].null);
        }
    }
    assert_true(rc < 0 || in.size == 0);
    if (rc == DS_OK && !out->null && out->kind >= DSI_TYPE_STRING) {
        out->as.bytes = (struct ds_slice){NULL, out->as.bytes.size}; // The arena goes.
    }
    dsi_arena_release(&arena);
    dsi_buf_release(&schema);
    dsi_metadata_unref(m);
    return rc;
}

static void
test_manifest_partition__reads_days_with_and_without_a_logical_type(void **state)
{
    struct dsi_value v = DSI_VALUE_NULL;
    (void)state;

    assert_int_equal(
        get(2, 1100, "{\"type\":\"int\",\"logicalType\":\"date\"}", "\0\2\x08", 3, &v),
        DS_OK);
    assert_int_equal(v.kind, DSI_TYPE_DATE);
    assert_int_equal(v.as.i32, 4);
    assert_int_equal(get(2, 1100, "\"int\"", "\2\4\2\x08", 4, &v), DS_OK);
    assert_int_equal(v.kind, DSI_TYPE_DATE);
    assert_int_equal(v.as.i32, 4);
    assert_int_equal(get(2, 1101, "\"long\"", "\0\2\x08", 3, &v), DS_OK);
    assert_int_equal(v.kind, DSI_TYPE_INT);
    assert_int_equal(get(2, 1101, "\"long\"", "\0\0", 2, &v), DS_OK);
    assert_true(v.null);
}

static void test_manifest_partition__reads_what_a_promotion_left(void **state)
{
    struct dsi_value v = DSI_VALUE_NULL;
    (void)state;

    assert_int_equal(get(1, 1002, "\"int\"", "\0\2\1", 3, &v), DS_OK);
    assert_int_equal(v.kind, DSI_TYPE_LONG);
    assert_int_equal(v.as.i64, -1);
    assert_int_equal(get(1, 1004, "\"float\"", "\0\2\0\0\xc0\x3f", 6, &v), DS_OK);
    assert_int_equal(v.kind, DSI_TYPE_DOUBLE);
    assert_true(v.as.f64 == 1.5);
    assert_int_equal(
        get(1, 1007, "{\"type\":\"int\",\"logicalType\":\"date\"}", "\0\2\2", 3, &v),
        DS_OK);
    assert_int_equal(v.kind, DSI_TYPE_TIMESTAMP);
    assert_int_equal(v.as.i64, INT64_C(86400000000));
}

static void test_manifest_partition__refuses_what_does_not_fit(void **state)
{
    static const struct {
        int32_t field_id;
        const char *avro;
        const char *bytes;
        size_t size;
    } cases[] = {
        {1001, "\"string\"", "\0\2\2a", 4},
        {1001, "\"long\"", "\0\2\x80\x80\x80\x80\x10", 7},
        {1009, "\"int\"", "\0\2\2", 3},
        {1010, "\"bytes\"", "\0\2\2a", 4}, // A uuid of one byte.
        {1011, "{\"type\":\"fixed\",\"name\":\"f\",\"size\":4}", "\0\2aaaa", 6},
        {1000, "{\"type\":\"array\",\"items\":\"int\"}", "\0\2\0", 3},
        {1013, "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":9}",
         "\0\2\0", 3},
    };
    struct dsi_value v = DSI_VALUE_NULL;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(
            get(1, cases[i].field_id, cases[i].avro, cases[i].bytes, cases[i].size, &v),
            DS_ECORRUPT);
    }
}

static void test_manifest_partition__writes_only_values_of_the_type(void **state)
{
    const struct dsi_type decimal = {.kind = DSI_TYPE_DECIMAL, .precision = 2};
    const struct dsi_type fixed = {.kind = DSI_TYPE_FIXED, .length = 3};
    const struct dsi_type number = {.kind = DSI_TYPE_INT};
    struct dsi_value v = {.kind = DSI_TYPE_DECIMAL, .as.decimal = 128};
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    assert_int_equal(dsi_manifest_put_partition_value(&b, &decimal, &v, NULL),
                     DS_EINVALID);
    v.as.decimal = -99;
    assert_int_equal(dsi_manifest_put_partition_value(&b, &decimal, &v, NULL), DS_OK);
    assert_int_equal(b.size, 1);
    assert_int_equal(b.data[0], 0x9d);
    assert_int_equal(dsi_manifest_put_partition_value(&b, &number, &v, NULL),
                     DS_EINVALID);
    v = (struct dsi_value){.kind = DSI_TYPE_FIXED, .as.bytes = dsi_slice_text("ab")};
    assert_int_equal(dsi_manifest_put_partition_value(&b, &fixed, &v, NULL), DS_EINVALID);
    assert_int_equal(b.size, 1);
    dsi_buf_release(&b);
}

static void test_manifest_partition__has_no_avro_type_for_a_variant(void **state)
{
    const struct dsi_type variant = {.kind = DSI_TYPE_VARIANT};
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    assert_int_equal(dsi_manifest_put_partition_type(&b, &variant, NULL, 0, NULL),
                     DS_EUNSUPPORTED);
    dsi_buf_release(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_manifest_partition__reads_days_with_and_without_a_logical_type),
        cmocka_unit_test(test_manifest_partition__reads_what_a_promotion_left),
        cmocka_unit_test(test_manifest_partition__refuses_what_does_not_fit),
        cmocka_unit_test(test_manifest_partition__writes_only_values_of_the_type),
        cmocka_unit_test(test_manifest_partition__has_no_avro_type_for_a_variant),
    };
    return cmocka_run_group_tests_name("manifest_partition", tests, NULL, NULL);
}
