#include "base/alloc.h"
#include "base/fault.h"
#include "harness.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t calls; // Made through the replaced table.

static void *counted_malloc(size_t size)
{
    calls++;
    return malloc(size);
}

static void *counted_calloc(size_t count, size_t size)
{
    calls++;
    return calloc(count, size);
}

static void *counted_realloc(void *p, size_t size)
{
    calls++;
    return realloc(p, size);
}

static void counted_free(void *p)
{
    calls++;
    free(p);
}

static void counted_lend(void *p, size_t size)
{
    (void)p;
    (void)size;
    calls++;
}

static void *counted_map(size_t size)
{
    calls++;
    return malloc(size);
}

static void counted_unmap(void *p, size_t size)
{
    (void)size;
    calls++;
    free(p);
}

static const struct dsi_memory_ops counted = {
    counted_malloc, counted_calloc, counted_realloc, counted_free,
    counted_map,    counted_unmap,  counted_lend};

static void test_alloc__goes_through_the_table(void **state)
{
    (void)state;
    calls = 0;
    dsi_memory_set(&counted);
    char *p = dsi_malloc(3);
    p = dsi_realloc(p, 5);
    char *q = dsi_calloc(2, 2);
    char *r = dsi_strdup("abc");
    void *s = dsi_memory_map(100000);
    dsi_memory_lend(s, 100000);
    dsi_memory_unmap(s, 100000);
    dsi_free(p);
    dsi_free(q);
    dsi_free(r);
    dsi_memory_set(NULL);
    assert_int_equal(calls, 10);
}

static void test_alloc__gives_a_pointer_for_nothing(void **state)
{
    (void)state;
    void *p = dsi_malloc(0);
    void *q = dsi_calloc(0, 8);
    assert_non_null(p);
    assert_non_null(q);
    dsi_free(p);
    dsi_free(q);
    dsi_free(NULL);
}

static void test_alloc__copies_text_with_a_terminator(void **state)
{
    (void)state;
    char *copy = dsi_strndup("abcdef", 3);
    assert_string_equal(copy, "abc");
    dsi_free(copy);
    assert_null(dsi_strndup("a", SIZE_MAX));
}

static void test_alloc__fails_when_told_to(void **state)
{
    struct dsi_fault_plan plan = {0};
    int failed = 0;
    (void)state;

    while (dsi_fault_next(&plan)) {
        void *p = dsi_malloc(1);
        void *q = dsi_calloc(1, 1);
        void *r = p ? dsi_realloc(p, 2) : NULL;
        failed += !p + !q + (p && !r);
        dsi_free(r ? r : p);
        dsi_free(q);
    }
    assert_int_equal(failed, 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc__goes_through_the_table),
        cmocka_unit_test(test_alloc__gives_a_pointer_for_nothing),
        cmocka_unit_test(test_alloc__copies_text_with_a_terminator),
        cmocka_unit_test(test_alloc__fails_when_told_to),
    };
    return cmocka_run_group_tests_name("alloc", tests, NULL, NULL);
}
