#include "codec/parquet/parquet_page.h"

#include "harness.h"

#include <string.h>

static void test_parquet_page__reads_what_it_writes(void **state)
{
    static const int32_t types[] = {DSI_PARQUET_PAGE_DATA, DSI_PARQUET_PAGE_DICTIONARY};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct dsi_parquet_page page = {.type = types[i],
                                        .uncompressed_size = 1000,
                                        .compressed_size = 3,
                                        .has_crc = true,
                                        .crc = 0xdeadbeef,
                                        .value_count = 77,
                                        .encoding = DSI_PARQUET_PLAIN};
        struct dsi_parquet_page back;
        struct dsi_buf out = DSI_BUF_INIT;
        size_t size = 0;
        assert_int_equal(dsi_parquet_page_write(&page, &out, NULL), DS_OK);
        assert_int_equal(dsi_buf_append(&out, "abc", 3, NULL), DS_OK);
        assert_int_equal(dsi_parquet_page_read(dsi_buf_slice(&out), &back, &size, NULL),
                         DS_OK);
        assert_int_equal(size, out.size - 3);
        assert_int_equal(back.type, types[i]);
        assert_int_equal(back.crc, 0xdeadbeef);
        assert_int_equal(back.value_count, 77);
        assert_int_equal(back.uncompressed_size, 1000);
        out.size--; // The page is a byte short now.
        assert_int_equal(dsi_parquet_page_read(dsi_buf_slice(&out), &back, &size, NULL),
                         DS_ECORRUPT);
        dsi_buf_release(&out);
    }
}

static void test_parquet_page__refuses_negative_counts(void **state)
{
    struct dsi_parquet_page page = {.type = DSI_PARQUET_PAGE_DATA, .value_count = -1};
    struct dsi_buf out = DSI_BUF_INIT;
    size_t size = 0;
    (void)state;

    assert_int_equal(dsi_parquet_page_write(&page, &out, NULL), DS_OK);
    assert_int_equal(dsi_parquet_page_read(dsi_buf_slice(&out), &page, &size, NULL),
                     DS_ECORRUPT);
    dsi_buf_release(&out);
}

static void test_parquet_page__refuses_a_header_of_another_type(void **state)
{
    // Type 2 (dictionary), sizes 0, and a data page's header.
    static const uint8_t bytes[] = {0x15, 0x04, 0x15, 0x00, 0x15, 0x00, 0x2c,
                                    0x15, 0x02, 0x15, 0x00, 0x00, 0x00};
    struct dsi_parquet_page page;
    size_t size = 0;
    (void)state;

    assert_int_equal(
        dsi_parquet_page_read((struct ds_slice){bytes, sizeof bytes}, &page, &size, NULL),
        DS_ECORRUPT);
}

static void test_parquet_page__wants_an_encoding_and_a_number_of_values(void **state)
{
    // A data page of one value whose encoding is field 2, or 4, which is no encoding.
    static const uint8_t bytes[] = {0x15, 0x00, 0x15, 0x00, 0x15, 0x00, 0x2c,
                                    0x15, 0x02, 0x15, 0x00, 0x00, 0x00};
    struct dsi_parquet_page page;
    struct ds_error err = {0};
    uint8_t odd[sizeof bytes];
    size_t size = 0;
    (void)state;

    assert_int_equal(
        dsi_parquet_page_read((struct ds_slice){bytes, sizeof bytes}, &page, &size, &err),
        DS_OK);
    memcpy(odd, bytes, sizeof odd);
    odd[9] = 0x35;
    assert_int_equal(
        dsi_parquet_page_read((struct ds_slice){odd, sizeof odd}, &page, &size, &err),
        DS_ECORRUPT);
    assert_non_null(strstr(err.message, "encoding"));
    odd[7] = 0x25; // Then it is field 2, and what came first was the encoding.
    odd[9] = 0x55;
    assert_int_equal(
        dsi_parquet_page_read((struct ds_slice){odd, sizeof odd}, &page, &size, &err),
        DS_ECORRUPT);
    assert_non_null(strstr(err.message, "number of values"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_page__reads_what_it_writes),
        cmocka_unit_test(test_parquet_page__refuses_negative_counts),
        cmocka_unit_test(test_parquet_page__refuses_a_header_of_another_type),
        cmocka_unit_test(test_parquet_page__wants_an_encoding_and_a_number_of_values),
    };
    return cmocka_run_group_tests_name("parquet_page", tests, NULL, NULL);
}
