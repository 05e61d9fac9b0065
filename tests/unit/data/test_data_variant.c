#include "data/data_variant.h"

#include <string.h>

#include "unit/data/variant_group.h"

static void test_data_variant__makes_the_type_of_a_group(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_type type;
    char text[400];
    (void)state;

    const struct dsi_parquet_node *v =
        variant_group(variant_group_fields, VARIANT_GROUP_FIELDS, &arena);
    assert_true(dsi_data_variant_is_shredded(v));
    assert_int_equal(dsi_data_variant_type(v, &arena, &type, NULL), DS_OK);
    dsi_type_format(&type, text, sizeof text);
    assert_string_equal(
        text, "struct<0: metadata: required binary, 0: value: optional binary, "
              "0: typed_value: optional struct<"
              "0: a: required struct<0: value: optional binary, "
              "0: typed_value: optional int>, "
              "0: b: required struct<0: value: optional binary, 0: typed_value: optional "
              "list<struct<0: value: optional binary, 0: typed_value: optional "
              "string>>>>>");
    dsi_arena_release(&arena);
}

static void test_data_variant__refuses_other_shapes(void **state)
{
    static const struct {
        size_t field;
        struct dsi_parquet_field is;
        int rc;
    } cases[] = {
        {2, BYTES("metatada", DSI_PARQUET_REQUIRED), DS_ECORRUPT},
        {3, BYTES("value", DSI_PARQUET_REPEATED), DS_ECORRUPT},
        {3, {.name = "value", .physical = DSI_PARQUET_INT32}, DS_ECORRUPT},
        {6, BYTES("metadata", DSI_PARQUET_OPTIONAL), DS_ECORRUPT},
        {11, GROUP("list", DSI_PARQUET_OPTIONAL, 1), DS_ECORRUPT},
        {7,
         {.name = "typed_value",
          .physical = DSI_PARQUET_INT32,
          .logical = {.kind = DSI_PARQUET_LOGICAL_INTEGER, .bit_width = 32}},
         DS_EUNSUPPORTED},
        {7,
         {.name = "typed_value", .physical = DSI_PARQUET_FIXED, .type_length = 4},
         DS_EUNSUPPORTED},
        {7, {.name = "typed_value", .physical = DSI_PARQUET_INT96}, DS_EUNSUPPORTED},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_parquet_field fields[VARIANT_GROUP_FIELDS];
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_type type;
        struct ds_error err = {0};
        memcpy(fields, variant_group_fields, sizeof fields);
        fields[cases[i].field] = cases[i].is;
        const struct dsi_parquet_node *v =
            variant_group(fields, VARIANT_GROUP_FIELDS, &arena);
        assert_int_equal(dsi_data_variant_type(v, &arena, &type, &err), cases[i].rc);
        assert_non_null(strstr(err.message, "column v"));
        dsi_arena_release(&arena);
    }
}

static void test_data_variant__knows_which_types_may_be_shredded(void **state)
{
    static const struct {
        struct dsi_parquet_field field;
        bool known;
        enum dsi_variant_kind kind;
    } cases[] = {
        {{.physical = DSI_PARQUET_BOOLEAN}, true, DSI_VARIANT_BOOLEAN},
        {{.physical = DSI_PARQUET_INT32}, true, DSI_VARIANT_INT32},
        {{.physical = DSI_PARQUET_INT32, .logical.kind = DSI_PARQUET_LOGICAL_DATE},
         true,
         DSI_VARIANT_DATE},
        {{.physical = DSI_PARQUET_INT64, .logical.kind = DSI_PARQUET_LOGICAL_DECIMAL},
         true,
         DSI_VARIANT_DECIMAL8},
        {{.physical = DSI_PARQUET_INT64,
          .logical = {.kind = DSI_PARQUET_LOGICAL_TIMESTAMP,
                      .unit = DSI_PARQUET_NANOS,
                      .utc = true}},
         true,
         DSI_VARIANT_TIMESTAMPTZ_NS},
        {{.physical = DSI_PARQUET_INT64,
          .logical = {.kind = DSI_PARQUET_LOGICAL_TIMESTAMP, .unit = DSI_PARQUET_MILLIS}},
         false,
         DSI_VARIANT_NULL},
        {{.physical = DSI_PARQUET_INT64,
          .logical = {.kind = DSI_PARQUET_LOGICAL_TIME,
                      .unit = DSI_PARQUET_MICROS,
                      .utc = true}},
         false,
         DSI_VARIANT_NULL},
        {{.physical = DSI_PARQUET_FIXED,
          .type_length = 16,
          .logical.kind = DSI_PARQUET_LOGICAL_UUID},
         true,
         DSI_VARIANT_UUID},
        {{.physical = DSI_PARQUET_BYTE_ARRAY, .logical.kind = DSI_PARQUET_LOGICAL_JSON},
         false,
         DSI_VARIANT_NULL},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum dsi_variant_kind kind = DSI_VARIANT_NULL;
        assert_int_equal(dsi_data_variant_kind(&cases[i].field, &kind), cases[i].known);
        assert_true(!cases[i].known || kind == cases[i].kind);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_variant__makes_the_type_of_a_group),
        cmocka_unit_test(test_data_variant__refuses_other_shapes),
        cmocka_unit_test(test_data_variant__knows_which_types_may_be_shredded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
