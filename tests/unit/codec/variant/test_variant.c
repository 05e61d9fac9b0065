#include "codec/variant/variant.h"

#include <string.h>

#include "harness.h"

#define SLICE(bytes)                                                                     \
    (struct ds_slice)                                                                    \
    {                                                                                    \
        bytes, sizeof bytes                                                              \
    }

// Two names, "a" and "bc".
static const uint8_t two_names[] = {0x01, 2, 0, 1, 3, 'a', 'b', 'c'};

static struct dsi_variant_names names_of(struct ds_slice metadata)
{
    struct dsi_variant_names names;
    assert_int_equal(dsi_variant_names_parse(metadata, &names, NULL, NULL), DS_OK);
    return names;
}

static void test_variant__reads_names_by_id_and_back(void **state)
{
    struct dsi_variant_names names = {0};
    uint8_t with_more[sizeof two_names + 2] = {0};
    size_t size = 0;
    uint32_t id = 9;
    (void)state;

    memcpy(with_more, two_names, sizeof two_names);
    assert_int_equal(dsi_variant_names_parse(SLICE(with_more), &names, &size, NULL),
                     DS_OK);
    assert_int_equal(size, sizeof two_names);
    assert_int_equal(names.count, 2);
    assert_int_equal(dsi_variant_name(&names, 1).size, 2);
    assert_memory_equal(dsi_variant_name(&names, 1).data, "bc", 2);
    assert_true(dsi_variant_name_find(&names, dsi_variant_name(&names, 1), &id));
    assert_int_equal(id, 1);
    assert_false(dsi_variant_name_find(&names, SLICE(two_names), &id));
}

static void test_variant__refuses_names_that_do_not_add_up(void **state)
{
    static const struct {
        uint8_t bytes[8];
        size_t size;
        int rc;
    } cases[] = {
        {{0}, 0, DS_ECORRUPT},
        {{0x02, 0, 0}, 3, DS_EUNSUPPORTED},        // Version 2.
        {{0x01}, 1, DS_ECORRUPT},                  // No count.
        {{0x01, 3, 0, 0}, 4, DS_ECORRUPT},         // Too many names.
        {{0x01, 1, 1, 1, 'a'}, 5, DS_ECORRUPT},    // Does not begin at 0.
        {{0x01, 1, 0, 2, 'a'}, 5, DS_ECORRUPT},    // Ends outside.
        {{0x01, 2, 0, 1, 0, 'a'}, 6, DS_ECORRUPT}, // Descends.
        {{0x01, 1, 0, 1, 0xff}, 5, DS_ECORRUPT},   // Not UTF-8.
        {{0xc1, 0, 0}, 3, DS_ECORRUPT},            // Cut in a 4 byte count.
    };
    struct dsi_variant_names names;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ds_slice in = {cases[i].bytes, cases[i].size};
        assert_int_equal(dsi_variant_names_parse(in, &names, NULL, NULL), cases[i].rc);
    }
}

static void test_variant__reads_every_primitive(void **state)
{
    static const struct {
        uint8_t bytes[18];
        size_t size;
        enum dsi_variant_kind kind;
        int64_t i64;
    } ints[] = {
        {{3 << 2, 0x80}, 2, DSI_VARIANT_INT8, -128},
        {{4 << 2, 0xff, 0x7f}, 3, DSI_VARIANT_INT16, 32767},
        {{5 << 2, 0, 0, 0, 0x80}, 5, DSI_VARIANT_INT32, INT32_MIN},
        {{6 << 2, 0, 0, 0, 0, 0, 0, 0, 0x80}, 9, DSI_VARIANT_INT64, INT64_MIN},
        {{11 << 2, 0xff, 0xff, 0xff, 0xff}, 5, DSI_VARIANT_DATE, -1},
        {{12 << 2, 1}, 9, DSI_VARIANT_TIMESTAMPTZ, 1},
        {{13 << 2, 2}, 9, DSI_VARIANT_TIMESTAMP, 2},
        {{17 << 2, 3}, 9, DSI_VARIANT_TIME, 3},
        {{18 << 2, 4}, 9, DSI_VARIANT_TIMESTAMPTZ_NS, 4},
        {{19 << 2, 5}, 9, DSI_VARIANT_TIMESTAMP_NS, 5},
    };
    struct dsi_variant v;
    (void)state;

    for (size_t i = 0; i < sizeof ints / sizeof ints[0]; i++) {
        struct ds_slice in = {ints[i].bytes, ints[i].size};
        assert_int_equal(dsi_variant_parse(in, &v, NULL), DS_OK);
        assert_int_equal(v.kind, ints[i].kind);
        assert_int_equal(v.as.i64, ints[i].i64);
        assert_int_equal(v.size, ints[i].size);
        in.size--;
        assert_int_equal(dsi_variant_parse(in, &v, NULL), DS_ECORRUPT);
    }
    static const uint8_t yes[] = {1 << 2};
    static const uint8_t text[] = {16 << 2, 1, 0, 0, 0, 'x'};
    static const uint8_t brief[] = {1 << 2 | 1, 'y'};
    assert_int_equal(dsi_variant_parse(SLICE(yes), &v, NULL), DS_OK);
    assert_true(v.kind == DSI_VARIANT_BOOLEAN && v.as.boolean);
    assert_int_equal(dsi_variant_parse(SLICE(text), &v, NULL), DS_OK);
    assert_true(v.kind == DSI_VARIANT_STRING && v.as.bytes.size == 1);
    assert_int_equal(dsi_variant_parse(SLICE(brief), &v, NULL), DS_OK);
    assert_true(v.kind == DSI_VARIANT_STRING && v.as.bytes.data[0] == 'y');
}

static void test_variant__holds_decimals_to_their_digits(void **state)
{
    static const uint8_t good[] = {8 << 2, 2, 0xff, 0xc9, 0x9a, 0x3b}; // 999,999,999
    static const uint8_t large[] = {8 << 2, 2, 0x00, 0xca, 0x9a, 0x3b};
    static const uint8_t scale[] = {8 << 2, 39, 1, 0, 0, 0};
    static const uint8_t wide[18] = {10 << 2, 0,    0xff, 0xff, 0xff, 0xff,
                                     0xff,    0xff, 0xff, 0xff, 0xff, 0xff,
                                     0xff,    0xff, 0xff, 0xff, 0xff, 0xff};
    struct dsi_variant v;
    (void)state;

    assert_int_equal(dsi_variant_parse(SLICE(good), &v, NULL), DS_OK);
    assert_true(v.as.decimal == 999999999 && v.scale == 2);
    assert_int_equal(dsi_variant_parse(SLICE(large), &v, NULL), DS_ECORRUPT);
    assert_int_equal(dsi_variant_parse(SLICE(scale), &v, NULL), DS_ECORRUPT);
    assert_int_equal(dsi_variant_parse(SLICE(wide), &v, NULL), DS_OK);
    assert_true(v.as.decimal == -1);
}

static void test_variant__checks_all_the_way_down(void **state)
{
    // {"a": 1, "bc": [true]}
    static const uint8_t good[] = {0x02,   2, 0,    1, 0, 2, 7,
                                   3 << 2, 1, 0x03, 1, 0, 1, 1 << 2};
    struct dsi_variant_names names = names_of(SLICE(two_names));
    uint8_t bad[sizeof good];
    uint8_t longer[sizeof good + 1] = {0};
    (void)state;

    assert_int_equal(dsi_variant_check(&names, SLICE(good), NULL), DS_OK);
    memcpy(longer, good, sizeof good);
    assert_int_equal(dsi_variant_check(&names, SLICE(longer), NULL), DS_ECORRUPT);
    static const struct {
        size_t at;
        uint8_t byte;
    } breaks[] = {
        {2, 1},  // Both fields are "bc".
        {3, 2},  // A name that is not there.
        {4, 7},  // A field past the values.
        {1, 3},  // Too many fields.
        {4, 2},  // Two fields that share their bytes.
        {12, 2}, // The inner array ends outside.
    };
    for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
        memcpy(bad, good, sizeof good);
        bad[breaks[i].at] = breaks[i].byte;
        assert_int_equal(dsi_variant_check(&names, SLICE(bad), NULL), DS_ECORRUPT);
    }
    bad[0] = 21 << 2;
    assert_int_equal(dsi_variant_check(&names, SLICE(bad), NULL), DS_EUNSUPPORTED);
}

static void test_variant__refuses_what_is_too_deep(void **state)
{
    uint8_t deep[(DSI_VARIANT_DEPTH_MAX + 2) * 8];
    struct dsi_variant_names names = names_of(SLICE(two_names));
    size_t at = sizeof deep;
    (void)state;

    deep[--at] = 0; // Null, inside arrays of one element with two byte offsets.
    for (int depth = 0; depth <= DSI_VARIANT_DEPTH_MAX; depth++) {
        size_t inner = sizeof deep - at;
        if (depth == DSI_VARIANT_DEPTH_MAX) {
            struct ds_slice v = {deep + at, inner};
            assert_int_equal(dsi_variant_check(&names, v, NULL), DS_OK);
        }
        at -= 6;
        const uint8_t head[6] = {1 << 2 | 3,           1, 0, 0, (uint8_t)inner,
                                 (uint8_t)(inner >> 8)};
        memcpy(deep + at, head, sizeof head);
    }
    struct ds_slice v = {deep + at, sizeof deep - at};
    assert_int_equal(dsi_variant_check(&names, v, NULL), DS_EUNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variant__reads_names_by_id_and_back),
        cmocka_unit_test(test_variant__refuses_names_that_do_not_add_up),
        cmocka_unit_test(test_variant__reads_every_primitive),
        cmocka_unit_test(test_variant__holds_decimals_to_their_digits),
        cmocka_unit_test(test_variant__checks_all_the_way_down),
        cmocka_unit_test(test_variant__refuses_what_is_too_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
