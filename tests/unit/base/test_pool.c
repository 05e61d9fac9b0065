#include "base/pool.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/thread.h"
#include "harness.h"

#include <string.h>

static void test_pool__hands_out_what_it_was_given(void **state)
{
    struct dsi_pool *p = NULL;
    size_t capacity = 0;
    size_t again = 0;
    (void)state;

    assert_int_equal(dsi_pool_new(&p, NULL), DS_OK);
    void *first = dsi_pool_take(p, 100000, &capacity);
    assert_non_null(first);
    assert_true(capacity >= 100000 && capacity < 120000);
    memset(first, 1, capacity);
    dsi_pool_give(p, first, capacity);
    void *second = dsi_pool_take(p, 99000, &again); // About the same size.
    assert_ptr_equal(second, first);
    assert_int_equal(again, capacity);
    void *third = dsi_pool_take(p, 99000, &again); // It has no other.
    assert_true(third && third != second);
    dsi_free(third); // They are ordinary memory.
    dsi_pool_give(p, second, capacity);
    dsi_pool_drop(p);
    dsi_pool_drop(NULL);
}

static void test_pool__does_not_waste_large_blocks_on_small_wishes(void **state)
{
    struct dsi_pool *p = NULL;
    size_t capacity = 0;
    size_t small = 0;
    (void)state;

    assert_int_equal(dsi_pool_new(&p, NULL), DS_OK);
    void *large = dsi_pool_take(p, 1 << 20, &capacity);
    dsi_pool_give(p, large, capacity);
    void *other = dsi_pool_take(p, DSI_POOL_BLOCK_MIN, &small);
    assert_non_null(other);
    assert_true(small < capacity);
    dsi_pool_give(p, other, small);
    dsi_pool_drop(p);
}

static void test_pool__keeps_no_more_than_its_maximum(void **state)
{
    struct dsi_pool *p = NULL;
    void *blocks[20];
    void *again[20];
    size_t capacity[20];
    size_t kept = 0;
    (void)state;

    assert_int_equal(dsi_pool_new(&p, NULL), DS_OK);
    for (int i = 0; i < 20; i++) {
        blocks[i] = dsi_pool_take(p, 8 << 20, &capacity[i]);
        assert_non_null(blocks[i]);
    }
    for (int i = 0; i < 20; i++) { // A sanitizer sees what is not freed.
        dsi_pool_give(p, blocks[i], capacity[i]);
    }
    for (int i = 0; i < 20; i++) {
        again[i] = dsi_pool_take(p, 8 << 20, &capacity[i]);
        for (int k = 0; k < 20; k++) {
            kept += again[i] == blocks[k];
        }
        if (i < 8) {
            assert_int_equal(kept, i + 1);
        }
    }
    for (int i = 0; i < 20; i++) {
        dsi_free(again[i]);
    }
    dsi_pool_drop(p);
}

static void test_pool__lives_as_long_as_its_last_owner(void **state)
{
    struct dsi_pool *p = NULL;
    size_t capacity = 0;
    (void)state;

    assert_int_equal(dsi_pool_new(&p, NULL), DS_OK);
    struct dsi_pool *other = dsi_pool_share(p);
    assert_null(dsi_pool_share(NULL));
    void *block = dsi_pool_take(p, 50000, &capacity);
    dsi_pool_drop(p);
    dsi_pool_give(other, block, capacity);
    dsi_pool_drop(other);
}

static void test_pool__lends_to_buffers(void **state)
{
    struct dsi_pool *p = NULL;
    struct dsi_buf b = DSI_BUF_INIT_MAX(100000);
    uint8_t *was = NULL;
    (void)state;

    assert_int_equal(dsi_pool_new(&p, NULL), DS_OK);
    b.pool = p;
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(dsi_buf_append_byte(&b, (uint8_t)i, NULL), DS_OK);
    }
    assert_int_equal(dsi_buf_append_byte(&b, 1, NULL), DS_EUNSUPPORTED); // Its maximum.
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(b.data[i], (uint8_t)i);
    }
    was = b.data;
    dsi_buf_release(&b);
    assert_int_equal(dsi_buf_reserve(&b, 100000, NULL), DS_OK);
    assert_ptr_equal(b.data, was);
    dsi_buf_release(&b);
    dsi_pool_drop(p);
}

static void take_and_give(void *arg)
{
    struct dsi_pool *p = arg;
    for (size_t i = 0; i < 3000; i++) {
        size_t capacity = 0;
        uint8_t *b = dsi_pool_take(p, 40000 + i * 7 % 50000, &capacity);
        if (b) {
            b[0] = (uint8_t)i;
            b[capacity - 1] = (uint8_t)i;
            dsi_pool_give(p, b, capacity);
        }
    }
}

static void test_pool__is_for_any_thread(void **state)
{
    struct dsi_thread *threads[3];
    struct dsi_pool *p = NULL;
    (void)state;

    assert_int_equal(dsi_pool_new(&p, NULL), DS_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(dsi_thread_start(&threads[i], take_and_give, p, NULL), DS_OK);
    }
    for (int i = 0; i < 3; i++) {
        dsi_thread_join(threads[i]);
    }
    dsi_pool_drop(p);
}

static void test_pool__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_pool *p = NULL;
        struct ds_error err = {0};
        int rc = dsi_pool_new(&p, &err);
        if (rc == DS_OK) {
            size_t capacity = 0;
            void *b = dsi_pool_take(p, 50000, &capacity);
            if (b) {
                dsi_pool_give(p, b, capacity);
            }
        } else {
            assert_int_equal(rc, DS_ENOMEM);
            assert_true(err.message[0] != '\0');
        }
        dsi_fault_stop();
        dsi_pool_drop(p);
    }
    assert_int_equal(plan.target, 3);
}

static void test_pool__of_the_process_keeps_less(void **state)
{
    struct dsi_pool *p = dsi_pool_common();
    size_t capacity = 0;
    size_t again = 0;
    (void)state;

    assert_ptr_equal(p, dsi_pool_common());
    void *large = dsi_pool_take(p, DSI_POOL_COMMON_MAX + 1, &capacity);
    assert_non_null(large);
    dsi_pool_give(p, large, capacity); // Freed: sanitizers would miss it.
    void *block = dsi_pool_take(p, 100000, &capacity);
    assert_non_null(block);
    dsi_pool_give(p, block, capacity);
    assert_ptr_equal(dsi_pool_take(p, 100000, &again), block);
    assert_int_equal(again, capacity);
    dsi_free(block);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool__hands_out_what_it_was_given),
        cmocka_unit_test(test_pool__does_not_waste_large_blocks_on_small_wishes),
        cmocka_unit_test(test_pool__keeps_no_more_than_its_maximum),
        cmocka_unit_test(test_pool__lives_as_long_as_its_last_owner),
        cmocka_unit_test(test_pool__of_the_process_keeps_less),
        cmocka_unit_test(test_pool__lends_to_buffers),
        cmocka_unit_test(test_pool__is_for_any_thread),
        cmocka_unit_test(test_pool__survives_every_fault),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
