#include "base/fault.h"
#include "base/text.h"
#include "codec/avro/avro_schema.h"
#include "harness.h"

#include <string.h>

static const char everything[] =
    "{\"type\":\"record\",\"name\":\"top\",\"namespace\":\"a.b\",\"doc\":\"d\","
    "\"aliases\":[\"x\"],\"fields\":["
    "{\"name\":\"i\",\"type\":\"int\",\"field-id\":1,\"default\":0,\"doc\":\"d\"},"
    "{\"name\":\"u\",\"type\":[\"null\",\"long\"],\"default\":null,\"field-id\":2},"
    "{\"name\":\"dec\",\"type\":{\"type\":\"fixed\",\"size\":5,\"name\":\"dec_9_2\","
    "\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2},\"field-id\":3},"
    "{\"name\":\"again\",\"type\":\"dec_9_2\",\"field-id\":4},"
    "{\"name\":\"full\",\"type\":[\"null\",\"a.b.dec_9_2\"],\"field-id\":5},"
    "{\"name\":\"id\",\"type\":{\"type\":\"fixed\",\"size\":16,\"name\":\"u\","
    "\"logicalType\":\"uuid\"},\"field-id\":6},"
    "{\"name\":\"ts\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-micros\","
    "\"adjust-to-utc\":true},\"field-id\":7},"
    "{\"name\":\"list\",\"type\":{\"type\":\"array\",\"items\":\"string\",\"element-id\":"
    "8},\"field-id\":9},"
    "{\"name\":\"map\",\"type\":{\"type\":\"map\",\"values\":[\"null\",\"bytes\"],"
    "\"key-id\":10,\"value-id\":11},\"field-id\":12},"
    "{\"name\":\"m2\",\"type\":{\"items\":{\"fields\":[{\"name\":\"key\",\"type\":"
    "\"int\","
    "\"field-id\":13},{\"name\":\"value\",\"type\":\"double\",\"field-id\":14}],\"name\":"
    "\"kv\",\"type\":\"record\"},\"logicalType\":\"map\",\"type\":\"array\"},\"field-"
    "id\":"
    "15},"
    "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"en\",\"symbols\":[\"A\","
    "\"B\"]},\"field-id\":16},"
    "{\"name\":\"self\",\"type\":[\"null\",\"top\"]},"
    "{\"name\":\"odd\",\"type\":{\"type\":\"int\",\"logicalType\":\"nobody-knows\"}},"
    "{\"name\":\"wrapped\",\"type\":{\"type\":{\"type\":\"string\"}}}]}";

static const struct dsi_avro_type *type_of(const struct dsi_avro_type *record, int id)
{
    const struct dsi_avro_field *f = dsi_avro_schema_field(record, id);
    assert_non_null(f);
    return f->type;
}

static void test_avro_schema__reads_all_that_iceberg_writes(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    const struct dsi_avro_type *t = NULL;
    struct ds_error err = {0};
    (void)state;

    int rc = dsi_avro_schema_parse(dsi_slice_text(everything), &arena, &t, &err);
    assert_string_equal(rc < 0 ? err.message : "", "");
    assert_int_equal(t->kind, DSI_AVRO_RECORD);
    assert_string_equal(t->name, "a.b.top");
    assert_int_equal(t->field_count, 14);
    assert_int_equal(type_of(t, 1)->kind, DSI_AVRO_INT);
    assert_int_equal(type_of(t, 2)->kind, DSI_AVRO_UNION);
    assert_int_equal(dsi_avro_schema_value_type(type_of(t, 2))->kind, DSI_AVRO_LONG);
    assert_int_equal(type_of(t, 3)->logical, DSI_AVRO_LOGICAL_DECIMAL);
    assert_int_equal(type_of(t, 3)->precision, 9);
    assert_int_equal(type_of(t, 3)->scale, 2);
    assert_int_equal(type_of(t, 3)->size, 5);
    assert_ptr_equal(type_of(t, 4), type_of(t, 3));
    assert_ptr_equal(dsi_avro_schema_value_type(type_of(t, 5)), type_of(t, 3));
    assert_int_equal(type_of(t, 6)->logical, DSI_AVRO_LOGICAL_UUID);
    assert_true(type_of(t, 7)->adjust_to_utc);
    assert_int_equal(type_of(t, 9)->element_id, 8);
    assert_int_equal(type_of(t, 12)->key_id, 10);
    assert_int_equal(type_of(t, 12)->value_id, 11);
    assert_int_equal(type_of(t, 15)->logical, DSI_AVRO_LOGICAL_MAP);
    assert_int_equal(type_of(t, 15)->items->fields[1].id, 14);
    assert_int_equal(type_of(t, 16)->symbol_count, 2);
    assert_ptr_equal(dsi_avro_schema_value_type(t->fields[11].type), t);
    assert_int_equal(t->fields[11].id, DSI_AVRO_ID_NONE);
    assert_int_equal(t->fields[12].type->logical, DSI_AVRO_LOGICAL_NONE);
    assert_int_equal(t->fields[13].type->kind, DSI_AVRO_STRING);
    // int, union, two fixed, a union, uuid, long, array, map, array, enum, union, int,
    // text.
    assert_int_equal(t->size_min, 1 + 1 + 5 + 5 + 1 + 16 + 1 + 1 + 1 + 1 + 1 + 1 + 1 + 1);
    dsi_arena_release(&arena);
}

static void test_avro_schema__drops_logical_types_that_do_not_fit(void **state)
{
    static const char *const cases[] = {
        "{\"type\":\"string\",\"logicalType\":\"date\"}",
        "{\"type\":\"bytes\",\"logicalType\":\"decimal\"}",
        "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":39,\"scale\":0}",
        "{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":3,\"scale\":4}",
        "{\"type\":\"fixed\",\"name\":\"u\",\"size\":15,\"logicalType\":\"uuid\"}",
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        const struct dsi_avro_type *t = NULL;
        assert_int_equal(
            dsi_avro_schema_parse(dsi_slice_text(cases[i]), &arena, &t, NULL), DS_OK);
        assert_int_equal(t->logical, DSI_AVRO_LOGICAL_NONE);
        dsi_arena_release(&arena);
    }
}

static void test_avro_schema__says_what_is_wrong(void **state)
{
    static const char *const cases[][2] = {
        {"", "avro schema"},
        {"3", "an Avro type"},
        {"\"what\"", "unknown type \"what\""},
        {"{}", "without \"type\""},
        {"{\"type\":\"record\",\"fields\":[]}", "record without a name"},
        {"{\"type\":\"record\",\"name\":\"r\"}", "r has no \"fields\""},
        {"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"f\"}]}",
         "without a name or a type"},
        {"{\"type\":\"array\"}", "an array of nothing"},
        {"{\"type\":\"enum\",\"name\":\"e\"}", "e has no symbols"},
        {"{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}", "has the size -1"},
        {"{\"type\":\"fixed\",\"name\":\"f\"}", "has the size -1"},
        {"[\"null\",[\"int\"]]", "a union in a union"},
        {"[\"int\"] x", "avro schema"},
        {"[{\"type\":\"fixed\",\"name\":\"f\",\"size\":1},{\"type\":\"fixed\",\"name\":"
         "\"f\",\"size\":1}]",
         "f is defined twice"},
        {"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"x\",\"type\":"
         "\"int\",\"field-id\":\"a\"}]}",
         "avro schema"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        const struct dsi_avro_type *t = NULL;
        struct ds_error err = {0};
        int rc = dsi_avro_schema_parse(dsi_slice_text(cases[i][0]), &arena, &t, &err);
        if (rc != DS_ECORRUPT || !strstr(err.message, cases[i][1])) {
            print_message("%s -> %s\n", cases[i][0], err.message);
        }
        assert_int_equal(rc, DS_ECORRUPT);
        assert_non_null(strstr(err.message, cases[i][1]));
        dsi_arena_release(&arena);
    }
}

static void test_avro_schema__bounds_depth(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT;
    struct dsi_arena arena = DSI_ARENA_INIT;
    const struct dsi_avro_type *t = NULL;
    (void)state;

    for (int i = 0; i < 100; i++) {
        assert_int_equal(dsi_buf_append_text(&b, "{\"type\":\"array\",\"items\":", NULL),
                         DS_OK);
    }
    assert_int_equal(dsi_buf_append_text(&b, "\"int\"", NULL), DS_OK);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(dsi_buf_append_text(&b, "}", NULL), DS_OK);
    }
    assert_int_equal(dsi_avro_schema_parse(dsi_buf_slice(&b), &arena, &t, NULL),
                     DS_ECORRUPT);
    dsi_arena_release(&arena);
    dsi_buf_release(&b);
}

static void test_avro_schema__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        const struct dsi_avro_type *t = NULL;
        struct ds_error err = {0};
        int rc = dsi_avro_schema_parse(dsi_slice_text(everything), &arena, &t, &err);
        assert_true(rc == DS_OK || (rc == DS_ENOMEM && err.message[0] != '\0'));
        assert_true((rc == DS_OK) == (plan.name == NULL));
        dsi_arena_release(&arena);
    }
    assert_true(plan.target > 4);
}

static int stop_faults(void **state)
{
    (void)state;
    dsi_fault_stop();
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_avro_schema__reads_all_that_iceberg_writes),
        cmocka_unit_test(test_avro_schema__drops_logical_types_that_do_not_fit),
        cmocka_unit_test(test_avro_schema__says_what_is_wrong),
        cmocka_unit_test(test_avro_schema__bounds_depth),
        cmocka_unit_test_teardown(test_avro_schema__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("avro_schema", tests, NULL, NULL);
}
