#include "data/data_mapping.h"

#include "base/fault.h"
#include "harness.h"

#include <string.h>

static int read(const char *text, struct dsi_arena *arena, struct dsi_data_mapping *out,
                struct ds_error *err)
{
    struct ds_property property = {"schema.name-mapping.default", text};
    struct dsi_metadata m = {.properties = &property, .property_count = text ? 1 : 0};
    return dsi_data_mapping_read(&m, arena, out, err);
}

static const char nested[] =
    "[{\"field-id\": 1, \"names\": [\"a\", \"A\"], \"fields\": ["
    "{\"field-id\": 4, \"names\": [\"element\"], \"fields\": ["
    "{\"field-id\": 7, \"names\": [\"x\"]}]}]},"
    "{\"names\": [\"nobody\"]}, {\"field-id\": 2, \"names\": [], \"more\": {}}]";

static void test_data_mapping__knows_the_names_at_every_level(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_data_mapping m;
    (void)state;

    assert_int_equal(read(nested, &arena, &m, NULL), DS_OK);
    assert_true(m.exists);
    assert_true(dsi_data_mapping_has(&m, 1, "a"));
    assert_true(dsi_data_mapping_has(&m, 1, "A"));
    assert_false(dsi_data_mapping_has(&m, 2, "a"));
    assert_true(dsi_data_mapping_has(&m, 4, "element"));
    assert_true(dsi_data_mapping_has(&m, 7, "x"));
    assert_false(dsi_data_mapping_has(&m, 1, "x"));
    assert_int_equal(read(NULL, &arena, &m, NULL), DS_OK);
    assert_false(m.exists);
    assert_int_equal(dsi_data_mapping_read(NULL, &arena, &m, NULL), DS_OK);
    assert_false(m.exists);
    dsi_arena_release(&arena);
}

static void test_data_mapping__refuses_what_is_no_mapping(void **state)
{
    char deep[8000] = "";
    const char *bad[] = {"",
                         "{}",
                         "[",
                         "[{\"field-id\": \"x\"}]",
                         "[{\"names\": 1}]",
                         "[{\"fields\": {}}]",
                         "[] x",
                         deep};
    (void)state;

    for (int i = 0; i < 500; i++) {
        memcpy(deep + strlen(deep), "[{\"fields\":", 12);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct ds_error err = {0};
        struct dsi_data_mapping m;
        assert_true(read(bad[i], &arena, &m, &err) < 0);
        assert_non_null(strstr(err.message, "schema.name-mapping.default"));
        dsi_arena_release(&arena);
    }
}

static void test_data_mapping__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct ds_error err = {0};
        struct dsi_data_mapping m;
        int rc = read(nested, &arena, &m, &err);
        dsi_fault_stop();
        assert_int_equal(rc < 0, plan.name != NULL);
        dsi_arena_release(&arena);
    }
}

// A schema of a column, a struct that has a second of that name, and a list.
static const char columns[] =
    "{\"type\":\"struct\",\"fields\":["
    "{\"id\":1,\"name\":\"a\",\"required\":false,\"type\":\"int\"},"
    "{\"id\":2,\"name\":\"b\",\"required\":false,\"type\":{\"type\":\"struct\","
    "\"fields\":[{\"id\":3,\"name\":\"a\",\"required\":false,\"type\":\"int\"}]}},"
    "{\"id\":4,\"name\":\"c\",\"required\":false,\"type\":{\"type\":\"list\","
    "\"element-id\":5,\"element-required\":false,\"element\":\"int\"}}]}";

static int complete(const char *mapping, struct dsi_arena *arena, const char **out,
                    struct ds_error *err)
{
    struct ds_property property = {DSI_NAME_MAPPING_KEY, mapping};
    struct dsi_schema schema;
    struct dsi_metadata m = {.properties = &property,
                             .property_count = mapping ? 1 : 0,
                             .schemas = &schema,
                             .schema_count = 1};
    struct ds_slice json = {(const uint8_t *)columns, strlen(columns)};
    int rc = dsi_schema_from_json(json, arena, &schema, err);

    m.current_schema_id = schema.schema_id;
    return rc < 0 ? rc : dsi_data_mapping_complete(&m, arena, out, err);
}

static void test_data_mapping__is_completed_by_the_names_of_now(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    const char *first = NULL;
    const char *second = NULL;
    (void)state;

    assert_int_equal(complete(NULL, &arena, &first, NULL), DS_OK);
    assert_string_equal(first, "[{\"field-id\":1,\"names\":[\"a\"]},"
                               "{\"field-id\":2,\"names\":[\"b\"],\"fields\":["
                               "{\"field-id\":3,\"names\":[\"a\"]}]},"
                               "{\"field-id\":4,\"names\":[\"c\"],\"fields\":["
                               "{\"field-id\":5,\"names\":[\"element\"]}]}]");
    assert_int_equal(complete(first, &arena, &second, NULL), DS_OK);
    assert_null(second); // It will do.
    // An older name stays; one that is another column's now goes to that.
    assert_int_equal(complete("[{\"field-id\":1,\"names\":[\"old\",\"b\"]},"
                              "{\"field-id\":9,\"names\":[\"gone\"]}]",
                              &arena, &second, NULL),
                     DS_OK);
    assert_non_null(strstr(second, "{\"field-id\":1,\"names\":[\"a\",\"old\"]},"));
    assert_null(strstr(second, "gone"));
    assert_int_equal(complete("{}", &arena, &second, NULL), DS_ECORRUPT);
    dsi_arena_release(&arena);
}

static void test_data_mapping__is_completed_under_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct ds_error err = {0};
        const char *out = NULL;
        int rc = complete(nested, &arena, &out, &err);
        dsi_fault_stop();
        assert_true(plan.name ? rc < 0 && err.message[0] != '\0' : rc == DS_OK && out);
        dsi_arena_release(&arena);
    }
    assert_true(plan.target > 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_mapping__knows_the_names_at_every_level),
        cmocka_unit_test(test_data_mapping__refuses_what_is_no_mapping),
        cmocka_unit_test(test_data_mapping__survives_every_fault),
        cmocka_unit_test(test_data_mapping__is_completed_by_the_names_of_now),
        cmocka_unit_test(test_data_mapping__is_completed_under_every_fault),
    };
    return cmocka_run_group_tests_name("data_mapping", tests, NULL, NULL);
}
