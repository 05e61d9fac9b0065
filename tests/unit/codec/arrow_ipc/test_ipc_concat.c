#include "base/fault.h"
#include "codec/arrow_ipc/ipc_array.h"
#include "unit/codec/arrow_ipc/ipc_sample.h"

// Each column of the sample twice, one behind the other: [a a].
static int concat(const struct dsi_ipc_node *n, const struct ArrowArray *a,
                  struct ds_error *err)
{
    struct ArrowArray both;
    int rc = dsi_ipc_array_concat(n, a, a, &both, err);

    if (rc == DS_OK) {
        assert_int_equal(both.length, 2 * a->length);
        assert_true(sample_same_range(n, a, 0, &both, 0, a->length));
        assert_true(sample_same_range(n, a, 0, &both, a->length, a->length));
        both.release(&both);
    }
    return rc;
}

static void test_ipc_concat__puts_values_behind_one_another(void **state)
{
    static const char *const flat[] = {"int",   "bool", "text", "large",
                                       "fixed", "null", "view"};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_ipc_layout l;
    struct sample s;
    size_t done = 0;
    (void)state;

    sample_all(&s);
    assert_int_equal(dsi_ipc_layout_read(&s.schema, &arena, &l, NULL), DS_OK);
    for (size_t i = 0; i < l.root.child_count; i++) {
        const struct dsi_ipc_node *n = &l.root.children[i];
        for (size_t k = 0; k < sizeof flat / sizeof flat[0]; k++) {
            if (strcmp(n->name, flat[k]) == 0) {
                assert_int_equal(concat(n, s.array.children[i], NULL), DS_OK);
                done++;
            }
        }
        if (n->shape == DSI_IPC_STRUCT || n->shape == DSI_IPC_LIST) {
            struct ds_error err = {0};
            assert_int_equal(concat(n, s.array.children[i], &err), DS_EUNSUPPORTED);
            assert_non_null(strstr(err.message, "nested values"));
        }
    }
    assert_int_equal(done, sizeof flat / sizeof flat[0]);
    dsi_arena_release(&arena);
}

static void test_ipc_concat__takes_empty_ones_and_those_without_nulls(void **state)
{
    static const uint8_t valid[] = {0x01};
    struct dsi_ipc_node n = {.name = "c", .shape = DSI_IPC_FIXED, .bits = 32};
    const int32_t values[] = {7, 8, 9};
    const void *all[] = {NULL, values};
    const void *some[] = {valid, values};
    struct ArrowArray a = {.length = 3, .n_buffers = 2, .buffers = all};
    struct ArrowArray b = {.length = 2, .null_count = 1, .n_buffers = 2, .buffers = some};
    struct ArrowArray nothing = {.n_buffers = 2, .buffers = all};
    struct ArrowArray both;
    (void)state;

    assert_int_equal(dsi_ipc_array_concat(&n, &a, &b, &both, NULL), DS_OK);
    assert_int_equal(both.length, 5);
    assert_int_equal(both.null_count, 1);
    assert_int_equal(((const uint8_t *)both.buffers[0])[0], 0x0f);
    assert_int_equal(((const int32_t *)both.buffers[1])[3], 7);
    both.release(&both);
    assert_int_equal(dsi_ipc_array_concat(&n, &nothing, &nothing, &both, NULL), DS_OK);
    assert_int_equal(both.length, 0);
    assert_null(both.buffers[0]);
    both.release(&both);
}

static void test_ipc_concat__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_ipc_layout l;
    struct sample s;
    (void)state;

    sample_all(&s);
    assert_int_equal(dsi_ipc_layout_read(&s.schema, &arena, &l, NULL), DS_OK);
    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        int rc = DS_OK;
        for (size_t i = 0; rc == DS_OK && i < 7; i++) {
            rc = concat(&l.root.children[i], s.array.children[i], &err);
        }
        dsi_fault_stop();
        assert_true(rc == DS_OK || (rc == DS_ENOMEM && err.message[0] != '\0'));
    }
    assert_true(plan.target > 20);
    dsi_arena_release(&arena);
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
        cmocka_unit_test(test_ipc_concat__puts_values_behind_one_another),
        cmocka_unit_test(test_ipc_concat__takes_empty_ones_and_those_without_nulls),
        cmocka_unit_test_teardown(test_ipc_concat__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("ipc_concat", tests, NULL, NULL);
}
