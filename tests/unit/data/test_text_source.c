#include "text.h"

static void check_records(const char *text, bool quotes, const char *const *expected)
{
    for (size_t piece = 1; piece < 9; piece++) {
        struct pieces p = pieces_of(text, piece);
        struct dsi_text_source s;
        struct ds_slice record = {NULL, 0};
        int64_t line = 0;
        size_t n = 0;

        p.pause_each = piece == 8 ? 3 : 0;
        dsi_text_source_init(&s, read_pieces, &p, "test", 1000);
        for (;;) {
            int rc = dsi_text_source_record(&s, quotes, &record, &line, NULL);
            assert_true(rc >= 0);
            if (rc == DS_ROW) {
                assert_non_null(expected[n]);
                assert_int_equal(record.size, strlen(expected[n]));
                assert_memory_equal(record.data, expected[n], record.size);
                n++;
            } else if (s.ended) {
                break;
            }
        }
        assert_null(expected[n]);
        dsi_text_source_release(&s);
    }
}

static void test_text_source__cuts_at_lines_however_they_come(void **state)
{
    (void)state;
    check_records("a\nbb\r\n\nlast", false,
                  (const char *const[]){"a", "bb", "", "last", NULL});
    check_records("a\n", false, (const char *const[]){"a", NULL});
    check_records("", false, (const char *const[]){NULL});
}

static void test_text_source__keeps_quoted_newlines_together(void **state)
{
    (void)state;
    check_records("a,\"x\ny\"\nb,\"\"\"\n\"\nc", true,
                  (const char *const[]){"a,\"x\ny\"", "b,\"\"\"\n\"", "c", NULL});
}

static void test_text_source__counts_lines(void **state)
{
    struct pieces p = pieces_of("\"a\nb\"\nc\nd\n", 100);
    struct dsi_text_source s;
    struct ds_slice record = {NULL, 0};
    int64_t line = 0;
    (void)state;

    dsi_text_source_init(&s, read_pieces, &p, "test", 1000);
    assert_int_equal(dsi_text_source_record(&s, true, &record, &line, NULL), DS_ROW);
    assert_int_equal(line, 1);
    assert_int_equal(dsi_text_source_record(&s, true, &record, &line, NULL), DS_ROW);
    assert_int_equal(line, 3);
    assert_int_equal(dsi_text_source_record(&s, true, &record, &line, NULL), DS_ROW);
    assert_int_equal(line, 4);
    dsi_text_source_release(&s);
}

static void test_text_source__refuses_a_record_that_is_too_long(void **state)
{
    struct pieces p = pieces_of("0123456789012345678901234567890123456789\n", 7);
    struct dsi_text_source s;
    struct ds_slice record = {NULL, 0};
    struct ds_error err = {0};
    int64_t line = 0;
    (void)state;

    dsi_text_source_init(&s, read_pieces, &p, "test", 20);
    assert_int_equal(dsi_text_source_record(&s, false, &record, &line, &err),
                     DS_EINVALID);
    assert_string_equal(err.message, "test:1: a record of more than 20 bytes");
    dsi_text_source_release(&s);
}

static void test_text_source__gives_everything_at_once(void **state)
{
    struct pieces p = pieces_of("[1,\n2]", 2);
    struct dsi_text_source s;
    struct ds_slice all = {NULL, 0};
    (void)state;

    dsi_text_source_init(&s, read_pieces, &p, "test", 1000);
    assert_int_equal(dsi_text_source_all(&s, &all, NULL), DS_ROW);
    assert_int_equal(all.size, 6);
    assert_int_equal(dsi_text_source_all(&s, &all, NULL), DS_OK);
    dsi_text_source_release(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_source__cuts_at_lines_however_they_come),
        cmocka_unit_test(test_text_source__keeps_quoted_newlines_together),
        cmocka_unit_test(test_text_source__counts_lines),
        cmocka_unit_test(test_text_source__refuses_a_record_that_is_too_long),
        cmocka_unit_test(test_text_source__gives_everything_at_once),
    };
    return cmocka_run_group_tests_name("text_source", tests, NULL, NULL);
}
