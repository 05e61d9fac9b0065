#include "base/text.h"
#include "harness.h"
#include "model/type.h"

#include <string.h>

#define FIELD(id, name, type)                                                            \
    "{\"id\":" id ",\"name\":\"" name "\",\"required\":false,\"type\":" type "}"
#define SCHEMA(fields) "{\"type\":\"struct\",\"schema-id\":3,\"fields\":[" fields "]}"

static void test_schema_json__written_schemas_read_back_equal(void **state)
{
    static const char *const cases[] = {
        SCHEMA(""),
        SCHEMA(
            FIELD("1", "a", "\"int\"") "," FIELD("2", "b\\n\\u00e9", "\"decimal(9,2)\"")),
        SCHEMA(FIELD(
            "1", "m",
            "{\"type\":\"map\",\"key-id\":2,\"key\":{\"type\":\"struct\",\"fields\":"
            "[" FIELD("3", "k", "\"uuid\"") "]},\"value-id\":4,\"value\":\"date\","
                                            "\"value-required\":true}")),
        SCHEMA("{\"id\":1,\"name\":\"v\",\"required\":true,\"type\":\"long\",\"doc\":"
               "\"why\","
               "\"initial-default\":[1, {}],\"write-default\":34}"),
        "{\"fields\":[{\"type\":\"int\",\"required\":true,\"name\":\"late\",\"id\":1,"
        "\"new\":"
        "[{}]}],\"identifier-field-ids\":[1],\"type\":\"struct\"}",
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_buf out = DSI_BUF_INIT;
        struct dsi_schema s = {0};
        struct dsi_schema back = {0};
        struct ds_error err = {0};
        assert_int_equal(dsi_schema_from_json(dsi_slice_text(cases[i]), &arena, &s, &err),
                         DS_OK);
        assert_int_equal(dsi_schema_to_json(&s, &out, &err), DS_OK);
        assert_string_equal(dsi_buf_text(&out), cases[i]); // As it was.
        s.raw.size = 0;
        out.size = 0;
        assert_int_equal(dsi_schema_to_json(&s, &out, &err), DS_OK);
        assert_int_equal(dsi_schema_from_json(dsi_buf_slice(&out), &arena, &back, &err),
                         DS_OK);
        assert_true(dsi_schema_equal(&s, &back));
        assert_int_equal(back.schema_id, s.schema_id);
        dsi_buf_release(&out);
        dsi_arena_release(&arena);
    }
}

static void test_schema_json__refuses_what_the_specification_does_not_allow(void **state)
{
    static const struct {
        const char *json;
        const char *message;
    } cases[] = {
        {"[]", "expected an object"},
        {"{\"type\":\"struct\"}", "a struct type has no 'fields'"},
        {"{\"type\":\"list\",\"fields\":[]}", "its type is 'struct', not 'list'"},
        {"{\"fields\":[{}]}", "has no 'id'"},
        {"{\"fields\":[{\"id\":1,\"name\":\"a\",\"type\":\"int\"}]}",
         "field 'a' (id 1) has no 'required'"},
        {"{\"fields\":[{\"id\":1,\"id\":2}]}", "'id' comes twice"},
        {SCHEMA(FIELD("1", "a", "\"integer\"")), "no such type: 'integer'"},
        {SCHEMA(FIELD("1", "a", "7")), "expected a string, found '7'"},
        {SCHEMA(FIELD("1", "a", "{\"type\":\"list\"}")), "has no 'element-id'"},
        {SCHEMA(FIELD("1", "a", "{\"type\":\"map\",\"key-id\":1}")), "has no 'key'"},
        {SCHEMA(FIELD("1", "a", "{\"type\":\"bag\"}")), "struct, list or map, not 'bag'"},
        {SCHEMA(FIELD("1", "a", "{}")), "a nested type has no 'type'"},
        {SCHEMA(FIELD("1", "a", "\"int\"") "," FIELD("1", "b", "\"int\"")),
         "have one id, 1"},
        {SCHEMA(FIELD("1", "a", "\"int\"") "," FIELD("2", "a", "\"int\"")),
         "are both named 'a'"},
        {SCHEMA(FIELD("0", "a", "\"int\"")), "has the id 0"},
        {SCHEMA(FIELD("2147483448", "a", "\"int\"")), "has the id 2147483448"},
        {SCHEMA(FIELD("1", "", "\"int\"")), "field 1 has no name"},
        {SCHEMA("") "x", "expected the end of the text"},
        {"{\"fields\":[],\"identifier-field-ids\":[4]}", "identifier field 4"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_schema s = {0};
        struct ds_error err = {0};
        int rc = dsi_schema_from_json(dsi_slice_text(cases[i].json), &arena, &s, &err);
        if (rc != DS_ECORRUPT || !strstr(err.message, cases[i].message)) {
            fail_msg("%s gave %d: %s", cases[i].json, rc, err.message);
        }
        dsi_arena_release(&arena);
    }
}

static void test_schema_json__bounds_depth(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf json = DSI_BUF_INIT;
    struct dsi_schema s = {0};
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_buf_append_text(&json,
                                         "{\"fields\":[{\"id\":1,\"name\":\"a\","
                                         "\"required\":true,\"type\":",
                                         &err),
                     DS_OK);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(
            dsi_buf_append_text(&json, "{\"type\":\"list\",\"element\":", &err), DS_OK);
    }
    assert_int_equal(dsi_schema_from_json(dsi_buf_slice(&json), &arena, &s, &err),
                     DS_ECORRUPT);
    assert_non_null(strstr(err.message, "nested more than 64 deep"));
    dsi_buf_release(&json);
    dsi_arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema_json__written_schemas_read_back_equal),
        cmocka_unit_test(test_schema_json__refuses_what_the_specification_does_not_allow),
        cmocka_unit_test(test_schema_json__bounds_depth),
    };
    return cmocka_run_group_tests_name("schema_json", tests, NULL, NULL);
}
