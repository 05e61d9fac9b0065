#include "base/text.h"
#include "harness.h"
#include "model/type.h"

#include <string.h>

static const char nested[] =
    "{\"type\":\"struct\",\"schema-id\":0,\"fields\":["
    "{\"id\":1,\"name\":\"a\",\"required\":true,\"type\":{\"type\":\"struct\",\"fields\":"
    "["
    "{\"id\":2,\"name\":\"B\",\"required\":true,\"type\":\"int\"},"
    "{\"id\":7,\"name\":\"f\",\"required\":true,\"type\":\"float\"}]}},"
    "{\"id\":3,\"name\":\"l\",\"required\":false,\"type\":{\"type\":\"list\","
    "\"element-id\":4,\"element\":\"string\",\"element-required\":true}},"
    "{\"id\":5,\"name\":\"x.y\",\"required\":false,\"type\":\"int\"},"
    "{\"id\":6,\"name\":\"b\",\"required\":false,\"type\":\"int\"}]}";

static struct dsi_schema parse(const char *json, struct dsi_arena *arena)
{
    struct dsi_schema s = {0};
    struct ds_error err = {0};
    int rc = dsi_schema_from_json(dsi_slice_text(json), arena, &s, &err);
    if (rc != DS_OK) {
        fail_msg("%s", err.message);
    }
    return s;
}

static void test_schema__finds_fields_by_id_and_by_name(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema s = parse(nested, &arena);
    (void)state;

    assert_int_equal(s.highest_id, 7);
    assert_string_equal(dsi_schema_field(&s, 2)->name, "B");
    assert_string_equal(dsi_schema_field(&s, 4)->name, "element");
    assert_null(dsi_schema_field(&s, 99));
    assert_int_equal(dsi_schema_field_by_name(&s, "a.B")->id, 2);
    assert_int_equal(dsi_schema_field_by_name(&s, "A.b")->id, 2);
    assert_int_equal(dsi_schema_field_by_name(&s, "b")->id, 6);
    assert_int_equal(dsi_schema_field_by_name(&s, "l.element")->id, 4);
    assert_int_equal(dsi_schema_field_by_name(&s, "x.y")->id, 5);
    assert_null(dsi_schema_field_by_name(&s, "x"));
    assert_null(dsi_schema_field_by_name(&s, ""));
    assert_string_equal(dsi_schema_full_name(&s, 2, &arena), "a.B");
    assert_string_equal(dsi_schema_full_name(&s, 4, &arena), "l.element");
    assert_null(dsi_schema_full_name(&s, 99, &arena));
    dsi_arena_release(&arena);
}

static void test_schema__does_not_guess_between_cases(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_error err = {0};
    struct dsi_schema s =
        parse("{\"type\":\"struct\",\"fields\":["
              "{\"id\":1,\"name\":\"Aa\",\"required\":true,\"type\":\"int\"},"
              "{\"id\":2,\"name\":\"aA\",\"required\":true,\"type\":\"int\"}]}",
              &arena);
    (void)state;

    assert_int_equal(dsi_schema_field_by_name(&s, "aA")->id, 2);
    assert_null(dsi_schema_field_by_name(&s, "aa"));
    assert_int_equal(dsi_schema_check(&s, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "'Aa' and 'aA'"));
    assert_int_equal(dsi_schema_check_stored(&s, &err), DS_OK);
    dsi_arena_release(&arena);
}

static void test_schema__identifier_fields_are_required_single_values(void **state)
{
    static const struct {
        int32_t id;
        const char *message; // NULL: fine.
    } cases[] = {
        {2, NULL},         {1, "identifier field 'a' must be"},
        {4, "inside 'l'"}, {6, "identifier field 'b' must be required"},
        {7, "float"},      {9, "identifier field 9 is not in the schema"},
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema s = parse(nested, &arena);
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ds_error err = {0};
        s.identifier_ids = &cases[i].id;
        s.identifier_count = 1;
        int rc = dsi_schema_check(&s, &err);
        assert_int_equal(rc, cases[i].message ? DS_EINVALID : DS_OK);
        assert_true(!cases[i].message || strstr(err.message, cases[i].message));
    }
    dsi_arena_release(&arena);
}

static void test_schema__equal_is_apart_from_the_schema_id(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema a = parse(nested, &arena);
    struct dsi_schema b = parse(nested, &arena);
    static const int32_t ids[] = {2};
    (void)state;

    b.schema_id = 5;
    assert_true(dsi_schema_equal(&a, &b));
    b.identifier_ids = ids;
    b.identifier_count = 1;
    assert_false(dsi_schema_equal(&a, &b));
    dsi_arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema__finds_fields_by_id_and_by_name),
        cmocka_unit_test(test_schema__does_not_guess_between_cases),
        cmocka_unit_test(test_schema__identifier_fields_are_required_single_values),
        cmocka_unit_test(test_schema__equal_is_apart_from_the_schema_id),
    };
    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
