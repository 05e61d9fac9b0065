#include "codec/parquet/parquet.h"

#include "harness.h"
#include "unit/codec/parquet/parquet_sample.h"

#include <string.h>

static void test_parquet_footer__says_how_much_to_fetch(void **state)
{
    static const uint8_t tail[] = {0x10, 0x00, 0x00, 0x00, 'P', 'A', 'R', '1'};
    static const uint8_t encrypted[] = {0x10, 0x00, 0x00, 0x00, 'P', 'A', 'R', 'E'};
    static const uint8_t other[] = {0x10, 0x00, 0x00, 0x00, 'O', 'R', 'C', '1'};
    size_t size = 0;
    (void)state;

    assert_int_equal(dsi_parquet_footer_size(tail, 28, &size, NULL), DS_OK);
    assert_int_equal(size, 24);
    assert_int_equal(dsi_parquet_footer_size(tail, 27, &size, NULL), DS_ECORRUPT);
    assert_int_equal(dsi_parquet_footer_size(encrypted, 28, &size, NULL),
                     DS_EUNSUPPORTED);
    assert_int_equal(dsi_parquet_footer_size(other, 28, &size, NULL), DS_ECORRUPT);
}

static void test_parquet_footer__wants_a_list_of_row_groups(void **state)
{
    // Version 2, a root without children, 0 rows, and no row groups.
    static const uint8_t bytes[] = {0x15, 0x04, 0x19, 0x1c, 0x48, 0x01, 'r',  0x15,
                                    0x00, 0x00, 0x16, 0x00, 0x19, 0x0c, 0x00, 0x0f,
                                    0x00, 0x00, 0x00, 'P',  'A',  'R',  '1'};
    uint8_t none[sizeof bytes];
    struct dsi_parquet_file f;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_parquet_file_parse((struct ds_slice){bytes, sizeof bytes},
                                            sizeof bytes + 4, &f, &err),
                     DS_OK);
    dsi_parquet_file_release(&f);
    memcpy(none, bytes, sizeof none);
    none[12] = 0x29; // The list is field 5 now: of keys and values.
    assert_int_equal(dsi_parquet_file_parse((struct ds_slice){none, sizeof none},
                                            sizeof none + 4, &f, &err),
                     DS_ECORRUPT);
    assert_non_null(strstr(err.message, "no list of row groups"));
}

static void test_parquet_footer__keeps_chunks_inside_the_file(void **state)
{
    struct dsi_buf file = DSI_BUF_INIT;
    struct dsi_parquet_file f;
    struct ds_error err = {0};
    struct sample s;
    size_t size = 0;
    (void)state;

    sample_init(&s, 4, 100);
    assert_int_equal(sample_write(&s, NULL, 100, &file, NULL), DS_OK);
    assert_int_equal(dsi_parquet_footer_size(file.data + file.size - 8,
                                             (int64_t)file.size, &size, NULL),
                     DS_OK);
    struct ds_slice footer = {file.data + file.size - size, size};
    // The same footer at the end of a file that has lost its data.
    assert_int_equal(dsi_parquet_file_parse(footer, (int64_t)size + 5, &f, &err),
                     DS_ECORRUPT);
    assert_non_null(strstr(err.message, "before the footer"));
    footer.size--;
    assert_int_equal(dsi_parquet_file_parse(footer, (int64_t)file.size, &f, NULL),
                     DS_ECORRUPT);
    dsi_parquet_file_release(&f);
    dsi_parquet_file_release(&f);
    dsi_buf_release(&file);
    sample_release(&s);
}

static void test_parquet_footer__survives_every_byte_changed(void **state)
{
    struct dsi_buf file = DSI_BUF_INIT;
    struct sample s;
    size_t size = 0;
    (void)state;

    sample_init(&s, 6, 50);
    assert_int_equal(sample_write(&s, NULL, 50, &file, NULL), DS_OK);
    assert_int_equal(dsi_parquet_footer_size(file.data + file.size - 8,
                                             (int64_t)file.size, &size, NULL),
                     DS_OK);
    for (size_t i = file.size - size; i < file.size; i++) {
        static const uint8_t changes[] = {0x00, 0x7f, 0x80, 0xff, 0x1c};
        uint8_t kept = file.data[i];
        for (size_t k = 0; k < sizeof changes; k++) {
            struct dsi_parquet_file f;
            struct ds_error err = {0};
            file.data[i] = changes[k];
            int rc = sample_parse(dsi_buf_slice(&file), &f, &err);
            assert_true(rc == DS_OK || err.message[0] != '\0');
            for (size_t g = 0; rc == DS_OK && g < f.row_group_count; g++) {
                for (size_t c = 0; c < f.leaf_count; c++) { // (1)
                    const struct dsi_parquet_chunk *chunk = &f.row_groups[g].columns[c];
                    assert_true(chunk->offset >= 4 && chunk->size >= 0);
                    assert_true(chunk->offset + chunk->size <=
                                (int64_t)(file.size - size));
                }
            }
            dsi_parquet_file_release(&f);
        }
        file.data[i] = kept;
    }
    dsi_buf_release(&file);
    sample_release(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_footer__says_how_much_to_fetch),
        cmocka_unit_test(test_parquet_footer__wants_a_list_of_row_groups),
        cmocka_unit_test(test_parquet_footer__keeps_chunks_inside_the_file),
        cmocka_unit_test(test_parquet_footer__survives_every_byte_changed),
    };
    return cmocka_run_group_tests_name("parquet_footer", tests, NULL, NULL);
}
