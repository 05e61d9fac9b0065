#include "base/text.h"
#include "harness.h"
#include "model/manifest_avro.h"

// The maps as our writer declares them, and as others may: value first, value nullable.
static const char numbers[] =
    "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"k119_v120\","
    "\"fields\":["
    "{\"name\":\"value\",\"type\":[\"null\",\"long\"],\"field-id\":120},"
    "{\"name\":\"other\",\"type\":\"string\",\"field-id\":999},"
    "{\"name\":\"key\",\"type\":\"int\",\"field-id\":119}]},\"logicalType\":\"map\"}";
static const char bounds[] =
    "{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"k126_v127\","
    "\"fields\":["
    "{\"name\":\"key\",\"type\":\"int\",\"field-id\":126},"
    "{\"name\":\"value\",\"type\":\"bytes\",\"field-id\":127}]},\"logicalType\":\"map\"}";

static int get(struct dsi_manifest_metrics *m, enum dsi_metric metric, const char *schema,
               const char *bytes, size_t size)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    const struct dsi_avro_type *t = NULL;
    struct ds_slice in = {(const uint8_t *)bytes, size};

    assert_int_equal(dsi_avro_schema_parse(dsi_slice_text(schema), &arena, &t, NULL),
                     DS_OK);
    int rc = dsi_manifest_get_metric(m, metric, t, &in, NULL);
    assert_true(rc < 0 || in.size == 0);
    dsi_arena_release(&arena);
    return rc;
}

static void test_manifest_metrics__puts_maps_together_by_field_id(void **state)
{
    struct dsi_manifest_metrics m = {.columns = DSI_BUF_INIT};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_data_file f = {.columns = NULL};
    (void)state;

    // Counts 9: 30, 5: 50, then in a second, sized block 9: 31, and 7: null.
    assert_int_equal(get(&m, DSI_METRIC_VALUE_COUNT, numbers,
                         "\4\2\x3c\0\x12\2\x64\2x\x0a\3\x0e\2\x3e\0\x12\0\0\x0e\0",
                         21 - 1),
                     DS_OK);
    assert_int_equal(get(&m, DSI_METRIC_LOWER, bounds, "\4\x0a\2a\x04\0\0", 7), DS_OK);
    assert_int_equal(dsi_manifest_metrics_merge(&m, &arena, &f, NULL), DS_OK);
    assert_int_equal(f.column_count, 3);
    assert_int_equal(f.columns[0].field_id, 2);
    assert_int_equal(f.columns[0].value_count, -1);
    assert_non_null(f.columns[0].lower.data);
    assert_int_equal(f.columns[0].lower.size, 0);
    assert_int_equal(f.columns[1].field_id, 5);
    assert_int_equal(f.columns[1].value_count, 50);
    assert_memory_equal(f.columns[1].lower.data, "a", 1);
    assert_null(f.columns[1].upper.data);
    assert_int_equal(f.columns[2].field_id, 9);
    assert_int_equal(f.columns[2].value_count, 31); // The last one counts.
    assert_int_equal(f.columns[2].column_size, -1);

    dsi_manifest_metrics_reset(&m);
    f = (struct dsi_data_file){.columns = NULL};
    assert_int_equal(dsi_manifest_metrics_merge(&m, &arena, &f, NULL), DS_OK);
    assert_int_equal(f.column_count, 0);
    dsi_manifest_metrics_release(&m);
    dsi_arena_release(&arena);
}

static void test_manifest_metrics__refuses_maps_of_another_shape(void **state)
{
    struct dsi_manifest_metrics m = {.columns = DSI_BUF_INIT};
    (void)state;

    assert_int_equal(get(&m, DSI_METRIC_LOWER, "\"long\"", "\0", 1), DS_ECORRUPT);
    assert_int_equal(
        get(&m, DSI_METRIC_LOWER, "{\"type\":\"array\",\"items\":\"int\"}", "\0", 1),
        DS_ECORRUPT);
    assert_int_equal(get(&m, DSI_METRIC_UPPER, bounds, "\2\2\2a\0", 5), DS_ECORRUPT);
    dsi_manifest_metrics_release(&m);
}

static void test_manifest_metrics__writes_null_where_nothing_is_known(void **state)
{
    static const struct dsi_column_metrics columns[] = {
        {3, -1, 0, -1, -1, {NULL, 0}, {NULL, 0}},
        {4, -1, 7, -1, -1, {NULL, 0}, {NULL, 0}}};
    const struct dsi_data_file f = {.columns = columns, .column_count = 2};
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    assert_int_equal(dsi_manifest_put_metric(&b, DSI_METRIC_NULL_COUNT, &f, NULL), DS_OK);
    assert_int_equal(dsi_manifest_put_metric(&b, DSI_METRIC_UPPER, &f, NULL), DS_OK);
    assert_int_equal(dsi_manifest_put_metric(&b, DSI_METRIC_VALUE_COUNT, &f, NULL),
                     DS_OK);
    assert_int_equal(b.size, 9);
    assert_memory_equal(b.data, "\0\0\2\4\6\0\x08\x0e\0", 9);
    dsi_buf_release(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_metrics__puts_maps_together_by_field_id),
        cmocka_unit_test(test_manifest_metrics__refuses_maps_of_another_shape),
        cmocka_unit_test(test_manifest_metrics__writes_null_where_nothing_is_known),
    };
    return cmocka_run_group_tests_name("manifest_metrics", tests, NULL, NULL);
}
