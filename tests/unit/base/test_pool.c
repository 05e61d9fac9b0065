#include "base/pool.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/thread.h"
#include "harness.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

// Memory that is counted: what is mapped, and how often something was lent.
static atomic_size_t mapped;
static atomic_size_t lent;

static void *counted_map(size_t size)
{
    atomic_fetch_add(&mapped, size);
    return malloc(size);
}

static void counted_unmap(void *p, size_t size)
{
    atomic_fetch_sub(&mapped, size);
    free(p);
}

static void counted_lend(void *p, size_t size)
{
    memset(p, 0xee, size); // Nobody needs the content.
    atomic_fetch_add(&lent, 1);
}

static const struct dsi_memory_ops counted = {
    malloc, calloc, realloc, free, counted_map, counted_unmap, counted_lend};

static int count_memory(void **state)
{
    (void)state;
    dsi_pool_empty();
    dsi_memory_set(&counted);
    atomic_store(&lent, 0);
    return 0;
}

static int stop_counting(void **state)
{
    (void)state;
    dsi_pool_empty();
    assert_int_equal(atomic_load(&mapped), 0); // Nothing is lost.
    dsi_memory_set(NULL);
    return 0;
}

static void test_pool__hands_out_what_it_was_given(void **state)
{
    size_t capacity = 0;
    size_t again = 0;
    (void)state;

    void *first = dsi_pool_take(100000, &capacity);
    assert_non_null(first);
    assert_true(capacity >= 100000 && capacity < 120000);
    memset(first, 1, capacity);
    dsi_pool_give(first, capacity);
    void *second = dsi_pool_take(99000, &again); // About the same size.
    assert_ptr_equal(second, first);
    assert_int_equal(again, capacity);
    void *third = dsi_pool_take(99000, &again); // It has no other.
    assert_true(third && third != second);
    dsi_pool_give(third, again);
    dsi_pool_give(second, capacity);
}

static void test_pool__has_ordinary_memory_for_small_wishes(void **state)
{
    size_t capacity = 0;
    (void)state;

    void *small = dsi_pool_take(2000, &capacity);
    assert_non_null(small);
    assert_true(capacity >= 2000 && capacity < DSI_POOL_BLOCK_MIN);
    assert_int_equal(atomic_load(&mapped), 0);
    dsi_pool_give(small, capacity);
}

static void test_pool__does_not_waste_large_blocks_on_smaller_wishes(void **state)
{
    size_t capacity = 0;
    size_t small = 0;
    (void)state;

    void *large = dsi_pool_take(1 << 20, &capacity);
    dsi_pool_give(large, capacity);
    void *other = dsi_pool_take(DSI_POOL_BLOCK_MIN, &small);
    assert_non_null(other);
    assert_true(small < capacity);
    dsi_pool_give(other, small);
    other = dsi_pool_take((1 << 20) / 10 * 7, &small);
    assert_true(small < capacity);
    dsi_pool_give(other, small);
    other = dsi_pool_take((1 << 20) / 10 * 9, &small);
    assert_ptr_equal(other, large);
    dsi_pool_give(other, small);
}

enum { MANY = 1000, SIZE = 1 << 20 };

static void test_pool__keeps_no_more_than_its_maximum(void **state)
{
    static void *blocks[MANY];
    size_t capacity = 0;
    (void)state;

    for (int i = 0; i < MANY; i++) {
        blocks[i] = dsi_pool_take(SIZE, &capacity);
        assert_non_null(blocks[i]);
    }
    for (int i = 0; i < MANY; i++) {
        dsi_pool_give(blocks[i], capacity);
    }
    assert_int_equal(atomic_load(&mapped), DSI_POOL_BYTES_MAX);
    assert_int_equal(dsi_pool_empty(), DSI_POOL_BYTES_MAX);
    assert_int_equal(dsi_pool_empty(), 0);
}

static void test_pool__keeps_no_more_blocks_than_it_has_slots(void **state)
{
    static void *blocks[MANY];
    size_t capacity = 0;
    (void)state;

    for (int i = 0; i < MANY; i++) {
        blocks[i] = dsi_pool_take(DSI_POOL_BLOCK_MIN, &capacity);
        assert_non_null(blocks[i]);
    }
    for (int i = 0; i < MANY; i++) {
        dsi_pool_give(blocks[i], capacity);
    }
    size_t kept = dsi_pool_empty() / capacity;
    assert_true(kept > 100 && kept < MANY);
}

// What was there before makes room for what is used now.
static void test_pool__keeps_what_came_last(void **state)
{
    static void *old[MANY];
    size_t capacity = 0;
    size_t large = 0;
    (void)state;

    for (int i = 0; i < 200; i++) {
        old[i] = dsi_pool_take(SIZE, &capacity);
    }
    for (int i = 0; i < 200; i++) {
        dsi_pool_give(old[i], capacity);
    }
    for (int i = 0; i < 20; i++) {
        old[i] = dsi_pool_take(8 << 20, &large);
    }
    for (int i = 0; i < 20; i++) {
        dsi_pool_give(old[i], large);
    }
    size_t before = atomic_load(&mapped);
    for (int i = 0; i < 20; i++) {
        old[i] = dsi_pool_take(8 << 20, &large);
    }
    assert_int_equal(atomic_load(&mapped), before);
    for (int i = 0; i < 20; i++) {
        dsi_pool_give(old[i], large);
    }
}

static void test_pool__does_not_keep_what_is_very_large(void **state)
{
    size_t capacity = 0;
    (void)state;

    void *huge = dsi_pool_take(DSI_POOL_BYTES_MAX / 2, &capacity);
    assert_non_null(huge);
    dsi_pool_give(huge, capacity);
    assert_int_equal(atomic_load(&mapped), 0);
}

static void test_pool__lends_what_nobody_uses(void **state)
{
    size_t small = 0;
    size_t large = 0;
    (void)state;

    dsi_pool_begin();
    dsi_pool_begin();
    void *a = dsi_pool_take(DSI_POOL_BLOCK_MIN, &small);
    void *b = dsi_pool_take(SIZE, &large);
    void *c = dsi_pool_take(SIZE, &large);
    dsi_pool_give(a, small);
    dsi_pool_give(b, large);
    dsi_pool_end();
    assert_int_equal(atomic_load(&lent), 0); // Somebody is busy.
    dsi_pool_end();
    assert_int_equal(atomic_load(&lent), 1); // Not the small one.
    dsi_pool_give(c, large);
    assert_int_equal(atomic_load(&lent), 2);
    dsi_pool_begin();
    dsi_pool_end();
    assert_int_equal(atomic_load(&lent), 2); // They are lent already.
    b = dsi_pool_take(SIZE, &large);
    memset(b, 1, large);
    dsi_pool_begin();
    dsi_pool_give(b, large);
    dsi_pool_end();
    assert_int_equal(atomic_load(&lent), 3); // This one was used since.
}

static void test_pool__lends_to_buffers(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT_MAX(100000);
    uint8_t *was = NULL;
    (void)state;

    b.pooled = true;
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
}

static void take_and_give(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < 3000; i++) {
        size_t capacity = 0;
        dsi_pool_begin();
        uint8_t *b = dsi_pool_take(40000 + i * 7 % 90000, &capacity);
        if (b) {
            b[0] = (uint8_t)i;
            b[capacity - 1] = (uint8_t)i;
            dsi_pool_give(b, capacity);
        }
        dsi_pool_end();
        if (i % 500 == 0) {
            dsi_pool_empty();
        }
    }
}

static void test_pool__is_for_any_thread(void **state)
{
    struct dsi_thread *threads[3];
    (void)state;

    for (int i = 0; i < 3; i++) {
        assert_int_equal(dsi_thread_start(&threads[i], take_and_give, NULL, NULL), DS_OK);
    }
    for (int i = 0; i < 3; i++) {
        dsi_thread_join(threads[i]);
    }
}

static void test_pool__says_when_there_is_no_memory(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        size_t capacity = 0;
        void *b = dsi_pool_take(50000, &capacity);
        if (b) {
            dsi_pool_give(b, capacity);
        }
        dsi_fault_stop();
        dsi_pool_empty();
    }
    assert_int_equal(plan.target, 2);
}

// The system's own memory: it can be written, lent and written again.
static void test_pool__works_on_the_systems_memory(void **state)
{
    size_t capacity = 0;
    (void)state;

    uint8_t *b = dsi_pool_take(SIZE, &capacity);
    assert_non_null(b);
    memset(b, 1, capacity);
    dsi_pool_give(b, capacity); // Nobody is busy: it is lent.
    uint8_t *again = dsi_pool_take(SIZE, &capacity);
    assert_ptr_equal(again, b);
    memset(again, 2, capacity);
    assert_int_equal(again[capacity / 2], 2);
    dsi_pool_give(again, capacity);
    assert_int_equal(dsi_pool_empty(), capacity);
}

#define COUNTED(test) cmocka_unit_test_setup_teardown(test, count_memory, stop_counting)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        COUNTED(test_pool__hands_out_what_it_was_given),
        COUNTED(test_pool__has_ordinary_memory_for_small_wishes),
        COUNTED(test_pool__does_not_waste_large_blocks_on_smaller_wishes),
        COUNTED(test_pool__keeps_no_more_than_its_maximum),
        COUNTED(test_pool__keeps_no_more_blocks_than_it_has_slots),
        COUNTED(test_pool__keeps_what_came_last),
        COUNTED(test_pool__does_not_keep_what_is_very_large),
        COUNTED(test_pool__lends_what_nobody_uses),
        COUNTED(test_pool__lends_to_buffers),
        COUNTED(test_pool__is_for_any_thread),
        COUNTED(test_pool__says_when_there_is_no_memory),
        cmocka_unit_test(test_pool__works_on_the_systems_memory),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
