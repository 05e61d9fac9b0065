#include "base/text.h"
#include "harness.h"
#include "model/partition.h"

#include <string.h>

static struct dsi_field columns[] = {
    {1, false, "s", NULL, {.kind = DSI_TYPE_STRING}, NULL, NULL},
    {2, false, "d", NULL, {.kind = DSI_TYPE_DATE}, NULL, NULL},
};
static const struct dsi_schema schema = {
    .root = {.kind = DSI_TYPE_STRUCT, .fields = columns, .field_count = 2},
    .highest_id = 2};

static void test_partition_spec__paths_are_encoded_as_java_does(void **state)
{
    static const char *const cases[][2] = {
        {"SEA", "s=SEA/d_month=2017-11"},
        {"a b/c", "s=a+b%2Fc/d_month=2017-11"},
        {"\xc3\xa9=%*-_.~", "s=%C3%A9%3D%25*-_.%7E/d_month=2017-11"},
        {"..", "s=.%2E/d_month=2017-11"},
        {"", "s=/d_month=2017-11"},
        {NULL, "s=null/d_month=2017-11"},
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_partition_spec spec = {0};
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(
        dsi_partition_spec_parse("s, month(d)", &schema, &arena, &spec, &err), DS_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_buf out = DSI_BUF_INIT;
        struct dsi_value values[2] = {DSI_VALUE_NULL,
                                      {.kind = DSI_TYPE_INT, .as.i32 = 574}};
        if (cases[i][0]) {
            values[0] = (struct dsi_value){.kind = DSI_TYPE_STRING,
                                           .as.bytes = dsi_slice_text(cases[i][0])};
        }
        assert_int_equal(dsi_partition_path(&spec, &schema, values, &out, &err), DS_OK);
        assert_string_equal(dsi_buf_text(&out), cases[i][1]);
        dsi_buf_release(&out);
    }
    dsi_arena_release(&arena);
}

static void test_partition_spec__types_survive_a_dropped_column(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema shorter = schema;
    struct dsi_partition_spec spec = {0};
    struct dsi_type *types = NULL;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_partition_spec_parse("bucket(4, s), s, month(d)", &schema,
                                              &arena, &spec, &err),
                     DS_OK);
    assert_int_equal(dsi_partition_types(&spec, &schema, &arena, &types, &err), DS_OK);
    assert_int_equal(types[0].kind, DSI_TYPE_INT);
    assert_int_equal(types[1].kind, DSI_TYPE_STRING);
    assert_int_equal(types[2].kind, DSI_TYPE_INT);
    shorter.root.field_count = 0;
    assert_int_equal(dsi_partition_types(&spec, &shorter, &arena, &types, &err), DS_OK);
    assert_int_equal(types[0].kind, DSI_TYPE_INT);
    assert_int_equal(types[1].kind, DSI_TYPE_UNKNOWN);
    dsi_arena_release(&arena);
}

static void test_partition_spec__equal_is_apart_from_ids(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_partition_spec a = {0};
    struct dsi_partition_spec b = {0};
    struct dsi_sort_order x = {0};
    struct dsi_sort_order y = {0};
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_partition_spec_parse("bucket(4, s)", &schema, &arena, &a, &err),
                     DS_OK);
    assert_int_equal(dsi_partition_spec_parse("bucket[4](s)", &schema, &arena, &b, &err),
                     DS_OK);
    b.spec_id = 9;
    assert_true(dsi_partition_spec_equal(&a, &b));
    assert_int_equal(dsi_partition_spec_parse("bucket(5, s)", &schema, &arena, &b, &err),
                     DS_OK);
    assert_false(dsi_partition_spec_equal(&a, &b));
    assert_int_equal(dsi_sort_order_parse("s", &schema, &arena, &x, &err), DS_OK);
    assert_int_equal(dsi_sort_order_parse("s asc nulls first", &schema, &arena, &y, &err),
                     DS_OK);
    assert_true(dsi_sort_order_equal(&x, &y));
    assert_int_equal(dsi_sort_order_parse("s nulls last", &schema, &arena, &y, &err),
                     DS_OK);
    assert_false(dsi_sort_order_equal(&x, &y));
    dsi_arena_release(&arena);
}

#define FIELD                                                                            \
    "{\"name\":\"a_day\",\"transform\":\"day\",\"source-id\":4,\"field-id\":1000}"

static void test_partition_spec__specs_read_back_as_written(void **state)
{
    static const char spec_json[] = "{\"spec-id\":3,\"fields\":[" FIELD "]}";
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_partition_spec spec = {0};
    struct dsi_partition_spec fields = {0};
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_partition_spec_from_json(dsi_slice_text(spec_json), false,
                                                  &arena, &spec, &err),
                     DS_OK);
    assert_int_equal(spec.spec_id, 3);
    assert_int_equal(spec.fields[0].transform.kind, DSI_TRANSFORM_DAY);
    spec.raw.size = 0; // Written anew, in the order Java writes.
    assert_int_equal(dsi_partition_spec_to_json(&spec, false, &out, &err), DS_OK);
    assert_string_equal(dsi_buf_text(&out), spec_json);
    out.size = 0;
    assert_int_equal(dsi_partition_spec_to_json(&spec, true, &out, &err), DS_OK);
    assert_string_equal(dsi_buf_text(&out), "[" FIELD "]");
    assert_int_equal(
        dsi_partition_spec_from_json(dsi_buf_slice(&out), true, &arena, &fields, &err),
        DS_OK);
    assert_true(dsi_partition_spec_equal(&spec, &fields));
    dsi_buf_release(&out);
    dsi_arena_release(&arena);
}

static void test_partition_spec__fields_without_ids_count_from_1000(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_partition_spec spec = {0};
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(
        dsi_partition_spec_from_json(
            dsi_slice_text(
                "[{\"name\":\"a\",\"transform\":\"identity\",\"source-id\":1},"
                "{\"name\":\"b\",\"transform\":\"zorder\",\"source-ids\":[2,3]}]"),
            true, &arena, &spec, &err),
        DS_OK);
    assert_int_equal(spec.fields[0].field_id, 1000);
    assert_int_equal(spec.fields[1].field_id, 1001);
    assert_int_equal(spec.fields[1].source_id, 2);
    assert_int_equal(spec.fields[1].transform.kind, DSI_TRANSFORM_UNKNOWN);
    dsi_arena_release(&arena);
}

static void test_partition_spec__refuses_bad_specs(void **state)
{
    static const char *const cases[][2] = {
        {"[]", "expected an object"},
        {"{\"fields\":[]}", "no 'spec-id'"},
        {"{\"spec-id\":1}", "no 'fields'"},
        {"{\"spec-id\":1,\"fields\":[{}]}", "no 'source-id'"},
        {"{\"spec-id\":1,\"fields\":[{\"source-id\":1}]}", "no 'name'"},
        {"{\"spec-id\":1,\"fields\":[{\"source-id\":1,\"transform\":\"day\"}]}",
         "no 'name'"},
        {"{\"spec-id\":1,\"fields\":[{\"source-id\":1,\"transform\":\"bucket[0]\"}]}",
         "as in bucket[16]"},
        {"{\"spec-id\":1,\"fields\":[" FIELD "," FIELD "]}",
         "two partition fields have the id 1000"},
        {"{\"spec-id\":1,\"fields\":[" FIELD ",{\"name\":\"b\",\"transform\":\"day\","
         "\"source-id\":4}]}",
         "some have none"},
        {"{\"spec-id\":1,\"fields\":[{\"source-ids\":[]}]}", "no 'source-id'"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_partition_spec spec = {0};
        struct ds_error err = {0};
        int rc = dsi_partition_spec_from_json(dsi_slice_text(cases[i][0]), false, &arena,
                                              &spec, &err);
        if (rc != DS_ECORRUPT || !strstr(err.message, cases[i][1])) {
            fail_msg("%s gave %d: %s", cases[i][0], rc, err.message);
        }
        dsi_arena_release(&arena);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partition_spec__paths_are_encoded_as_java_does),
        cmocka_unit_test(test_partition_spec__types_survive_a_dropped_column),
        cmocka_unit_test(test_partition_spec__equal_is_apart_from_ids),
        cmocka_unit_test(test_partition_spec__specs_read_back_as_written),
        cmocka_unit_test(test_partition_spec__fields_without_ids_count_from_1000),
        cmocka_unit_test(test_partition_spec__refuses_bad_specs),
    };
    return cmocka_run_group_tests_name("partition_spec", tests, NULL, NULL);
}
