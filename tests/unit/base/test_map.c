#include "base/fault.h"
#include "base/map.h"
#include "harness.h"

static void test_map__finds_what_was_put(void **state)
{
    struct dsi_map m = DSI_MAP_INIT;
    static int values[5000];
    (void)state;

    assert_null(dsi_map_get_int(&m, 1));
    for (int64_t i = 0; i < 5000; i++) {
        assert_int_equal(dsi_map_put_int(&m, i * 77, &values[i], NULL), DS_OK);
    }
    for (int64_t i = 0; i < 5000; i++) {
        assert_ptr_equal(dsi_map_get_int(&m, i * 77), &values[i]);
        assert_null(dsi_map_get_int(&m, i * 77 + 1));
    }
    assert_int_equal(m.count, 5000);
    dsi_map_release(&m);
}

static void test_map__replaces_and_tells_keys_apart(void **state)
{
    struct dsi_map m = DSI_MAP_INIT;
    int a = 0;
    int b = 0;
    (void)state;

    assert_int_equal(dsi_map_put_text(&m, "a", &a, NULL), DS_OK);
    assert_int_equal(dsi_map_put_text(&m, "", &b, NULL), DS_OK);
    assert_ptr_equal(dsi_map_get_text(&m, "a"), &a);
    assert_ptr_equal(dsi_map_get_text(&m, ""), &b);
    assert_null(dsi_map_get_text(&m, "aa"));
    assert_int_equal(dsi_map_put_text(&m, "a", &b, NULL), DS_OK);
    assert_ptr_equal(dsi_map_get_text(&m, "a"), &b);
    assert_int_equal(m.count, 2);
    dsi_map_release(&m);
}

static void test_map__stays_whole_when_memory_runs_out(void **state)
{
    struct dsi_fault_plan plan = {0};
    int v = 0;
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_map m = DSI_MAP_INIT;
        size_t put = 0;
        for (int64_t i = 0; i < 40; i++) {
            put += dsi_map_put_int(&m, i, &v, NULL) == DS_OK;
        }
        assert_int_equal(m.count, put);
        assert_true(put >= 39);
        dsi_map_release(&m);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_map__finds_what_was_put),
        cmocka_unit_test(test_map__replaces_and_tells_keys_apart),
        cmocka_unit_test(test_map__stays_whole_when_memory_runs_out),
    };
    return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
