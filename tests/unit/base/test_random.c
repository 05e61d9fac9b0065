#include "base/clock.h"
#include "base/random.h"
#include "harness.h"

#include <string.h>

static uint64_t next_word;

static void counting(void *bytes, size_t size)
{
    uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++) {
        at[i] = (uint8_t)(next_word >> (8 * (i % 8)));
    }
    next_word++;
}

static int64_t fixed_wall(void)
{
    return INT64_C(0x0123456789ab) * 1000;
}

static int64_t fixed_monotonic(void)
{
    return 0;
}

static void test_random__can_be_replaced(void **state)
{
    static const struct dsi_random_ops ops = {counting};
    (void)state;
    next_word = 41;
    dsi_random_set(&ops);
    assert_int_equal(dsi_random_u64(), 41);
    assert_int_equal(dsi_random_below(10), 2);
    assert_int_equal(dsi_random_below(0), 0);
    dsi_random_set(NULL);
}

static void test_random__draws_every_number_below(void **state)
{
    int seen[6] = {0};
    (void)state;
    for (int i = 0; i < 6000; i++) {
        uint64_t v = dsi_random_below(6);
        assert_true(v < 6);
        seen[v]++;
    }
    for (int i = 0; i < 6; i++) {
        assert_true(seen[i] > 0); // All miss with probability (5/6)^6000.
    }
}

static void test_random__makes_uuids_of_both_kinds(void **state)
{
    static const struct dsi_clock_ops fixed = {fixed_wall, fixed_monotonic};
    char text[DSI_UUID_TEXT_SIZE];
    struct dsi_uuid back;
    (void)state;

    struct dsi_uuid four = dsi_uuid_v4();
    dsi_uuid_format(&four, text);
    assert_int_equal(text[14], '4');
    assert_non_null(strchr("89ab", text[19]));
    assert_true(dsi_uuid_parse(text, 36, &back));
    assert_memory_equal(&four, &back, sizeof four);

    dsi_clock_set(&fixed);
    struct dsi_uuid seven = dsi_uuid_v7();
    dsi_clock_set(NULL);
    dsi_uuid_format(&seven, text);
    assert_memory_equal(text, "01234567-89ab-7", 15);
}

static void test_random__refuses_text_that_is_no_uuid(void **state)
{
    static const char good[] = "F79C3E09-677c-4bbd-a479-3f349cb785e7";
    struct dsi_uuid u;
    (void)state;
    assert_true(dsi_uuid_parse(good, 36, &u));
    assert_int_equal(u.bytes[0], 0xf7);
    assert_false(dsi_uuid_parse(good, 35, &u));
    assert_false(dsi_uuid_parse("f79c3e09x677c-4bbd-a479-3f349cb785e7", 36, &u));
    assert_false(dsi_uuid_parse("g79c3e09-677c-4bbd-a479-3f349cb785e7", 36, &u));
    assert_false(dsi_uuid_parse("f79c3e09-677c-4bbd-a479-3f349cb785e-", 36, &u));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random__can_be_replaced),
        cmocka_unit_test(test_random__draws_every_number_below),
        cmocka_unit_test(test_random__makes_uuids_of_both_kinds),
        cmocka_unit_test(test_random__refuses_text_that_is_no_uuid),
    };
    return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
