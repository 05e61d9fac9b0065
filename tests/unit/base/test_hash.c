#include "base/hash.h"
#include "harness.h"

#include <string.h>

// Iceberg specification, Appendix B, "32-bit Hash Requirements".
static void test_hash__agrees_with_the_specification(void **state)
{
    static const uint8_t thirty_four[8] = {34};
    static const uint8_t binary[] = {0, 1, 2, 3};
    static const uint8_t uuid[] = {0xf7, 0x9c, 0x3e, 0x09, 0x67, 0x7c, 0x4b, 0xbd,
                                   0xa4, 0x79, 0x3f, 0x34, 0x9c, 0xb7, 0x85, 0xe7};
    (void)state;

    assert_int_equal(dsi_murmur3(thirty_four, 8), 2017239379);
    assert_int_equal(dsi_murmur3("iceberg", 7), 1210000089);
    assert_int_equal(dsi_murmur3(binary, 4), -188683207);
    assert_int_equal(dsi_murmur3(uuid, 16), 1488055340);
    assert_int_equal(dsi_murmur3("\x05\x8c", 2), -500754589); // 14.20
    assert_int_equal(dsi_murmur3("", 0), 0);
}

// xxHash specification 0.1.1 and the reference program, seed 0.
static void test_hash__is_xxh64(void **state)
{
    static const char text[] = "Call me Ishmael. Some years ago--never mind how long "
                               "precisely-";
    uint8_t ramp[101];
    (void)state;

    for (size_t i = 0; i < sizeof ramp; i++) {
        ramp[i] = (uint8_t)i;
    }
    assert_true(dsi_xxh64("", 0) == 0xef46db3751d8e999u);
    assert_true(dsi_xxh64("a", 1) == 0xd24ec4f1a98c6e5bu);
    assert_true(dsi_xxh64("abc", 3) == 0x44bc2cf5ad770999u);
    assert_true(dsi_xxh64(text, sizeof text - 1) == 0x02a2e85470d6fd96u);
    assert_true(dsi_xxh64(ramp, 101) == 0xe99038495f85381eu);
}

static void test_hash__tells_keys_apart(void **state)
{
    (void)state;
    assert_true(dsi_hash("a", 1) != dsi_hash("b", 1));
    assert_true(dsi_hash("a", 1) != dsi_hash("a\0", 2));
    assert_true(dsi_hash("abc", 3) == dsi_hash("abcd", 3));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash__agrees_with_the_specification),
        cmocka_unit_test(test_hash__is_xxh64),
        cmocka_unit_test(test_hash__tells_keys_apart),
    };
    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
