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

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_mapping__knows_the_names_at_every_level),
        cmocka_unit_test(test_data_mapping__refuses_what_is_no_mapping),
        cmocka_unit_test(test_data_mapping__survives_every_fault),
    };
    return cmocka_run_group_tests_name("data_mapping", tests, NULL, NULL);
}
