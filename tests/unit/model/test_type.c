#include "harness.h"
#include "model/type.h"

#include <string.h>

static struct dsi_type parse(const char *text, struct dsi_arena *arena)
{
    struct dsi_type t = {0};
    struct ds_error err = {0};
    assert_int_equal(dsi_type_parse(text, arena, &t, &err), DS_OK);
    return t;
}

static void test_type__primitives_read_back_as_written(void **state)
{
    static const char *const texts[] = {
        "boolean",
        "int",
        "long",
        "float",
        "double",
        "decimal(9, 2)",
        "decimal(38, 38)",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "timestamp_ns",
        "timestamptz_ns",
        "string",
        "uuid",
        "fixed[16]",
        "binary",
        "unknown",
        "variant",
        "geometry",
        "geometry(srid:3857)",
        "geography(OGC:CRS84, karney)",
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    char out[64];
    (void)state;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct dsi_type t = parse(texts[i], &arena);
        assert_true(dsi_type_is_primitive(&t));
        dsi_type_format(&t, out, sizeof out);
        assert_string_equal(out, texts[i]);
    }
    struct dsi_type t = parse("decimal(9,2)", &arena);
    assert_int_equal(t.precision, 9);
    assert_int_equal(t.scale, 2);
    dsi_arena_release(&arena);
}

static void test_type__refuses_what_is_no_type(void **state)
{
    static const char *const texts[] = {
        "",
        "Int",
        "decimal",
        "decimal(39,1)",
        "decimal(0,0)",
        "decimal(5,6)",
        "decimal(5)",
        "decimal(5,-1)",
        "fixed[0]",
        "fixed[]",
        "fixed[16",
        "fixed[99999999999]",
        "struct",
        "geometry(",
        "int ",
        "timestamp_tz",
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct dsi_type t = {0};
        struct ds_error err = {0};
        assert_int_equal(dsi_type_parse(texts[i], &arena, &t, &err), DS_EINVALID);
        assert_non_null(strstr(err.message, texts[i]));
    }
    dsi_arena_release(&arena);
}

static void test_type__promotes_as_the_specification_says(void **state)
{
    static const struct {
        const char *from;
        const char *to;
        bool may;
    } cases[] = {
        {"int", "long", true},
        {"long", "int", false},
        {"float", "double", true},
        {"double", "float", false},
        {"decimal(9,2)", "decimal(12,2)", true},
        {"decimal(9,2)", "decimal(8,2)", false},
        {"decimal(9,2)", "decimal(12,3)", false},
        {"date", "timestamp", true},
        {"date", "timestamp_ns", true},
        {"date", "timestamptz", false},
        {"unknown", "string", true},
        {"string", "string", true},
        {"fixed[4]", "fixed[5]", false},
        {"int", "string", false},
        {"string", "binary", false},
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_type from = parse(cases[i].from, &arena);
        struct dsi_type to = parse(cases[i].to, &arena);
        assert_int_equal(dsi_type_promotes(&from, &to), cases[i].may);
    }
    dsi_arena_release(&arena);
}

static void test_type__formats_nested_types_and_cuts_them(void **state)
{
    struct dsi_field element = {3,    true, "element", NULL, {.kind = DSI_TYPE_INT},
                                NULL, NULL};
    struct dsi_field pair[2] = {
        {4, true, "key", NULL, {.kind = DSI_TYPE_STRING}, NULL, NULL},
        {5, false, "value", NULL, {.kind = DSI_TYPE_DOUBLE}, NULL, NULL}};
    struct dsi_field fields[2] = {
        {1,
         true,
         "a",
         NULL,
         {.kind = DSI_TYPE_LIST, .fields = &element, .field_count = 1},
         NULL,
         NULL},
        {2,
         false,
         "b",
         NULL,
         {.kind = DSI_TYPE_MAP, .fields = pair, .field_count = 2},
         NULL,
         NULL}};
    struct dsi_type t = {.kind = DSI_TYPE_STRUCT, .fields = fields, .field_count = 2};
    char out[100];
    (void)state;

    dsi_type_format(&t, out, sizeof out);
    assert_string_equal(out,
                        "struct<1: a: required list<int>, 2: b: optional map<string, "
                        "double>>");
    dsi_type_format(&t, out, 12);
    assert_string_equal(out, "struct<1: a");
    assert_true(dsi_type_equal(&t, &t));
    struct dsi_field other[2] = {fields[0], fields[1]};
    struct dsi_type u = {.kind = DSI_TYPE_STRUCT, .fields = other, .field_count = 2};
    assert_true(dsi_type_equal(&t, &u));
    other[1].required = true;
    assert_false(dsi_type_equal(&t, &u));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_type__primitives_read_back_as_written),
        cmocka_unit_test(test_type__refuses_what_is_no_type),
        cmocka_unit_test(test_type__promotes_as_the_specification_says),
        cmocka_unit_test(test_type__formats_nested_types_and_cuts_them),
    };
    return cmocka_run_group_tests_name("type", tests, NULL, NULL);
}
