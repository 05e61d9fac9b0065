#include "base/arena.h"
#include "harness.h"

#include <string.h>

static void test_arena__hands_out_zeroed_aligned_memory(void **state)
{
    struct dsi_arena a = DSI_ARENA_INIT;
    (void)state;

    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *p = dsi_arena_alloc(&a, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < size; i++) {
            assert_int_equal(p[i], 0);
        }
        memset(p, 0xff, size);
    }
    dsi_arena_release(&a);
    assert_int_equal(a.bytes_held, 0);
}

static void test_arena__never_holds_more_than_its_maximum(void **state)
{
    struct dsi_arena a = {.bytes_max = 10000};
    (void)state;

    assert_null(dsi_arena_alloc(&a, 10001));
    while (dsi_arena_alloc(&a, 500)) {
        assert_true(a.bytes_held <= 10000);
    }
    assert_true(a.bytes_held > 9000);
    dsi_arena_release(&a);
}

static void test_arena__refuses_a_product_that_overflows(void **state)
{
    struct dsi_arena a = DSI_ARENA_INIT;
    (void)state;

    assert_null(dsi_arena_array(&a, SIZE_MAX / 2, 3));
    assert_null(dsi_arena_alloc(&a, SIZE_MAX));
    assert_null(dsi_arena_strndup(&a, "x", SIZE_MAX));
    dsi_arena_release(&a);
}

static void test_arena__grows_an_array_one_by_one(void **state)
{
    struct dsi_arena a = DSI_ARENA_INIT;
    int *items = NULL;
    size_t moved = 0;
    (void)state;

    for (int i = 0; i < 1000; i++) {
        int *more = dsi_arena_grow(&a, items, (size_t)i, sizeof *more);
        assert_non_null(more);
        assert_int_equal(more[i], 0);
        moved += more != items;
        items = more;
        items[i] = i + 1;
    }
    assert_int_equal(moved, 11); // At 0, 1, 2, 4 ... 512.
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(items[i], i + 1);
    }
    a.bytes_max =
        a.bytes_held; // Full: whoever has no room yet gets none, the rest stands.
    assert_ptr_equal(dsi_arena_grow(&a, items, 1000, sizeof *items), items);
    assert_null(dsi_arena_grow(&a, items, 512, 1 << 20));
    assert_int_equal(items[999], 1000);
    dsi_arena_release(&a);
}

static void test_arena__copies_text_and_bytes(void **state)
{
    struct dsi_arena a = DSI_ARENA_INIT;
    struct ds_slice copy = {NULL, 0};
    (void)state;

    assert_string_equal(dsi_arena_strdup(&a, "abc"), "abc");
    assert_string_equal(dsi_arena_printf(&a, "%d-%s", 7, "x"), "7-x");
    assert_string_equal(dsi_arena_join(&a, (const char *const[]){"a", "", "bc"}, 3),
                        "abc");
    assert_string_equal(dsi_arena_join(&a, NULL, 0), "");
    assert_int_equal(
        dsi_arena_copy(&a, (struct ds_slice){(const uint8_t *)"a\0b", 3}, &copy), 0);
    assert_memory_equal(copy.data, "a\0b", 3);
    assert_int_equal(dsi_arena_copy(&a, (struct ds_slice){NULL, 0}, &copy), 0);
    assert_int_equal(copy.size, 0);
    dsi_arena_release(&a);
}

static void test_arena__adopts_without_moving(void **state)
{
    struct dsi_arena a = DSI_ARENA_INIT;
    struct dsi_arena b = DSI_ARENA_INIT;
    (void)state;

    char *mine = dsi_arena_strdup(&a, "mine");
    char *theirs = dsi_arena_strdup(&b, "theirs");
    dsi_arena_adopt(&a, &b);
    assert_null(b.blocks);
    assert_string_equal(mine, "mine");
    assert_string_equal(theirs, "theirs");
    dsi_arena_release(&a); // Frees both: the sanitizer build would tell.
    dsi_arena_release(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena__hands_out_zeroed_aligned_memory),
        cmocka_unit_test(test_arena__never_holds_more_than_its_maximum),
        cmocka_unit_test(test_arena__refuses_a_product_that_overflows),
        cmocka_unit_test(test_arena__grows_an_array_one_by_one),
        cmocka_unit_test(test_arena__copies_text_and_bytes),
        cmocka_unit_test(test_arena__adopts_without_moving),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
