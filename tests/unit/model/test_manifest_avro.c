#include "harness.h"
#include "model/manifest_avro.h"

#include <string.h>

static const struct dsi_avro_type long_type = {.kind = DSI_AVRO_LONG};
static const struct dsi_avro_type int_type = {.kind = DSI_AVRO_INT};
static const struct dsi_avro_type string_type = {.kind = DSI_AVRO_STRING};

static void test_manifest_avro__takes_an_int_for_a_long(void **state)
{
    struct ds_slice in = {(const uint8_t *)"\x0e\x0e\x0e\x01", 4};
    int64_t wide = 0;
    int32_t narrow = 0;
    (void)state;

    assert_int_equal(dsi_manifest_get_long(&int_type, &in, &wide, NULL), DS_OK);
    assert_int_equal(wide, 7);
    assert_int_equal(dsi_manifest_get_int(&long_type, &in, &narrow, NULL), DS_OK);
    assert_int_equal(narrow, 7);
    assert_int_equal(dsi_manifest_get_count(&long_type, &in, &wide, NULL), DS_OK);
    assert_int_equal(dsi_manifest_get_count(&long_type, &in, &wide, NULL), DS_ECORRUPT);
}

static void test_manifest_avro__names_the_types_that_do_not_fit(void **state)
{
    struct ds_slice in = {(const uint8_t *)"\2a", 2};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_error err = {0};
    int64_t wide = 0;
    const char *text = NULL;
    (void)state;

    assert_int_equal(dsi_manifest_get_long(&string_type, &in, &wide, &err), DS_ECORRUPT);
    assert_string_equal(err.message, "stored as string, expected long");
    assert_int_equal(dsi_manifest_get_text(&long_type, &in, &arena, &text, &err),
                     DS_ECORRUPT);
    assert_string_equal(err.message, "stored as long, expected string");
    assert_int_equal(dsi_manifest_check_records(&long_type, &err), DS_ECORRUPT);
    assert_int_equal(in.size, 2);
    dsi_arena_release(&arena);
}

static void test_manifest_avro__refuses_text_that_is_none(void **state)
{
    static const char *const cases[] = {"\4a\0", "\4\xc3\x28", "\2\xff"};
    struct dsi_arena arena = DSI_ARENA_INIT;
    const char *text = NULL;
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        struct ds_slice in = {(const uint8_t *)cases[i], i == 2 ? 2 : 3};
        assert_int_equal(dsi_manifest_get_text(&string_type, &in, &arena, &text, NULL),
                         DS_ECORRUPT);
    }
    struct ds_slice in = {(const uint8_t *)"\4\xc3\xa4", 3};
    assert_int_equal(dsi_manifest_get_text(&string_type, &in, &arena, &text, NULL),
                     DS_OK);
    assert_string_equal(text, "\xc3\xa4");
    dsi_arena_release(&arena);
}

static void test_manifest_avro__writes_optional_values(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    assert_int_equal(dsi_manifest_put_optional(&b, -1, NULL), DS_OK);
    assert_int_equal(dsi_manifest_put_optional(&b, 5, NULL), DS_OK);
    assert_int_equal(
        dsi_manifest_put_optional_bytes(&b, (struct ds_slice){NULL, 0}, NULL), DS_OK);
    assert_int_equal(
        dsi_manifest_put_optional_bytes(&b, (struct ds_slice){b.data, 0}, NULL), DS_OK);
    assert_int_equal(b.size, 6);
    assert_memory_equal(b.data, "\0\2\x0a\0\2\0", 6);
    dsi_buf_release(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_avro__takes_an_int_for_a_long),
        cmocka_unit_test(test_manifest_avro__names_the_types_that_do_not_fit),
        cmocka_unit_test(test_manifest_avro__refuses_text_that_is_none),
        cmocka_unit_test(test_manifest_avro__writes_optional_values),
    };
    return cmocka_run_group_tests_name("manifest_avro", tests, NULL, NULL);
}
