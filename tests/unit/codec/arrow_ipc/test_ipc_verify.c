#include "codec/arrow_ipc/ipc_verify.h"
#include "unit/codec/arrow_ipc/ipc_sample.h"

static const uint8_t second_is_null[] = {0x05};

static void test_ipc_verify__follows_offsets(void **state)
{
    static const int32_t good[] = {0, 2, 2, 5};
    static const int32_t down[] = {0, 3, 2, 5};
    static const int32_t negative[] = {-1, 2, 2, 5};
    struct dsi_ipc_node n = {.bits = 32};
    const void *buffers[] = {NULL, good};
    struct ArrowArray a = {.length = 3, .buffers = buffers};
    (void)state;

    assert_null(dsi_ipc_verify_offsets(&n, &a, 5));
    assert_string_equal(dsi_ipc_verify_offsets(&n, &a, 4), "an offset past the end");
    buffers[1] = down;
    assert_string_equal(dsi_ipc_verify_offsets(&n, &a, 5), "its offsets do not ascend");
    buffers[1] = negative;
    assert_string_equal(dsi_ipc_verify_offsets(&n, &a, 5), "a negative offset");
}

static void test_ipc_verify__follows_list_views(void **state)
{
    static const int64_t offsets[] = {3, 0, INT64_MAX};
    static const int64_t sizes[] = {2, 0, 1};
    struct dsi_ipc_node n = {.bits = 64};
    const void *buffers[] = {NULL, offsets, sizes};
    struct ArrowArray a = {.length = 2, .buffers = buffers};
    (void)state;

    assert_null(dsi_ipc_verify_list_views(&n, &a, 5));
    assert_non_null(dsi_ipc_verify_list_views(&n, &a, 4));
    a.length = 3;
    assert_non_null(dsi_ipc_verify_list_views(&n, &a, 5));
}

static void test_ipc_verify__follows_views(void **state)
{
    static const int64_t sizes[] = {20};
    const char *text = "a text of some length";
    int32_t views[2][4] = {{18, 0, 0, 2}, {-1, 0, 7, 0}};
    const void *buffers[] = {second_is_null, views, text, sizes};
    struct ArrowArray a = {.length = 2, .buffers = buffers};
    (void)state;

    memcpy(&views[0][1], "text", 4);
    assert_null(dsi_ipc_verify_views(&a, 1));
    views[0][3] = 3;
    assert_string_equal(dsi_ipc_verify_views(&a, 1), "a view past the end of its buffer");
    views[0][0] = 17;
    assert_string_equal(dsi_ipc_verify_views(&a, 1),
                        "a view that does not begin as its text does");
    views[0][2] = 1;
    assert_string_equal(dsi_ipc_verify_views(&a, 1),
                        "a view into a buffer that is not there");
    views[0][0] = 12; // Short ones are where they are.
    assert_null(dsi_ipc_verify_views(&a, 1));
    views[0][0] = -12;
    assert_string_equal(dsi_ipc_verify_views(&a, 1), "a view of a negative size");
}

static void test_ipc_verify__follows_indices(void **state)
{
    static const uint8_t bytes[] = {0, 200, 3};
    struct dsi_ipc_node n = {.bits = 8};
    const void *buffers[] = {second_is_null, bytes};
    struct ArrowArray a = {.length = 3, .buffers = buffers};
    (void)state;

    assert_null(dsi_ipc_verify_indices(&n, &a, 4));
    assert_non_null(dsi_ipc_verify_indices(&n, &a, 3));
    buffers[0] = NULL;
    assert_non_null(dsi_ipc_verify_indices(&n, &a, 4));
    assert_null(dsi_ipc_verify_indices(&n, &a, 201));
    n.is_signed = true; // Then 200 is negative.
    assert_non_null(dsi_ipc_verify_indices(&n, &a, 201));
}

static void test_ipc_verify__follows_runs(void **state)
{
    static const int32_t good[] = {2, 5};
    static const int32_t flat[] = {2, 2};
    struct dsi_ipc_node children[] = {{.bits = 32}, {0}};
    struct dsi_ipc_node n = {.shape = DSI_IPC_RUNS, .children = children};
    const void *buffers[] = {NULL, good};
    struct ArrowArray ends = {.length = 2, .buffers = buffers};
    struct ArrowArray values = {.length = 2};
    struct ArrowArray *pointers[] = {&ends, &values};
    struct ArrowArray a = {.length = 5, .children = pointers};
    (void)state;

    assert_null(dsi_ipc_verify_runs(&n, &a));
    a.length = 6;
    assert_string_equal(dsi_ipc_verify_runs(&n, &a), "its runs end early");
    a.length = 2;
    values.length = 1;
    assert_string_equal(dsi_ipc_verify_runs(&n, &a), "runs without a value");
    buffers[1] = flat;
    assert_string_equal(dsi_ipc_verify_runs(&n, &a), "its run ends do not ascend");
    buffers[0] = second_is_null;
    buffers[1] = good;
    assert_string_equal(dsi_ipc_verify_runs(&n, &a), "its run ends do not ascend");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipc_verify__follows_offsets),
        cmocka_unit_test(test_ipc_verify__follows_list_views),
        cmocka_unit_test(test_ipc_verify__follows_views),
        cmocka_unit_test(test_ipc_verify__follows_indices),
        cmocka_unit_test(test_ipc_verify__follows_runs),
    };
    return cmocka_run_group_tests_name("ipc_verify", tests, NULL, NULL);
}
