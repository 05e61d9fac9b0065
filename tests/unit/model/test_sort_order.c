#include "base/text.h"
#include "harness.h"
#include "model/partition.h"

#include <string.h>

static void test_sort_order__orders_read_back_as_written(void **state)
{
    static const char json[] =
        "{\"order-id\":2,\"fields\":[{\"transform\":\"identity\",\"source-id\":1,"
        "\"direction\":\"desc\",\"null-order\":\"nulls-last\"}]}";
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_sort_order order = {0};
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_sort_order_from_json(dsi_slice_text(json), &arena, &order, &err),
                     DS_OK);
    assert_true(order.fields[0].descending && order.fields[0].nulls_last);
    order.raw.size = 0;
    assert_int_equal(dsi_sort_order_to_json(&order, &out, &err), DS_OK);
    assert_string_equal(dsi_buf_text(&out), json);
    dsi_buf_release(&out);
    dsi_arena_release(&arena);
}

static void test_sort_order__refuses_bad_orders(void **state)
{
    static const char *const cases[][2] = {
        {"{\"fields\":[]}", "no 'order-id'"},
        {"{\"order-id\":1,\"fields\":[]}", "sort order 1 has 0 fields"},
        {"{\"order-id\":1,\"fields\":[{\"source-id\":1,\"transform\":\"day\"}]}",
         "no 'direction'"},
        {"{\"order-id\":1,\"fields\":[{\"source-id\":1,\"transform\":\"day\","
         "\"direction\":"
         "\"up\"}]}",
         "expected asc or desc"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_sort_order order = {0};
        struct ds_error err = {0};
        int rc =
            dsi_sort_order_from_json(dsi_slice_text(cases[i][0]), &arena, &order, &err);
        if (rc != DS_ECORRUPT || !strstr(err.message, cases[i][1])) {
            fail_msg("%s gave %d: %s", cases[i][0], rc, err.message);
        }
        dsi_arena_release(&arena);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sort_order__orders_read_back_as_written),
        cmocka_unit_test(test_sort_order__refuses_bad_orders),
    };
    return cmocka_run_group_tests_name("sort_order", tests, NULL, NULL);
}
