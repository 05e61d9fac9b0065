#include "base/text.h"
#include "data/text_reader.h"
#include "harness.h"

#include <string.h>

static void check(const char *text, char delimiter, const char *const *expected)
{
    struct dsi_csv_record record = {NULL, 0, 0, DSI_BUF_INIT};
    size_t n = 0;

    assert_int_equal(dsi_csv_split(dsi_slice_text(text), delimiter, &record, NULL),
                     DS_OK);
    for (; expected[n]; n++) {
        assert_true(n < record.count);
        assert_true(dsi_slice_equal(record.cells[n].text, dsi_slice_text(expected[n])));
    }
    assert_int_equal(record.count, n);
    dsi_csv_record_release(&record);
}

static void test_text_csv__splits_cells(void **state)
{
    (void)state;
    check("a,b,c", ',', (const char *const[]){"a", "b", "c", NULL});
    check("", ',', (const char *const[]){"", NULL});
    check(",", ',', (const char *const[]){"", "", NULL});
    check("a,", ',', (const char *const[]){"a", "", NULL});
    check("\"a,b\",\"c\"\"d\",\"\"", ',', (const char *const[]){"a,b", "c\"d", "", NULL});
    check("a;\"b;c\";d,e", ';', (const char *const[]){"a", "b;c", "d,e", NULL});
    check("\"two\nlines\",x", ',', (const char *const[]){"two\nlines", "x", NULL});
}

static void test_text_csv__tells_quoted_cells_and_where_they_are(void **state)
{
    struct dsi_csv_record record = {NULL, 0, 0, DSI_BUF_INIT};
    (void)state;
    assert_int_equal(dsi_csv_split(dsi_slice_text("ab,\"\",c"), ',', &record, NULL),
                     DS_OK);
    assert_false(record.cells[0].quoted);
    assert_true(record.cells[1].quoted);
    assert_int_equal(record.cells[1].column, 4);
    assert_int_equal(record.cells[2].column, 7);
    dsi_csv_record_release(&record);
}

static void test_text_csv__refuses_broken_quotes(void **state)
{
    struct dsi_csv_record record = {NULL, 0, 0, DSI_BUF_INIT};
    struct ds_error err = {0};
    (void)state;
    assert_int_equal(dsi_csv_split(dsi_slice_text("\"abc"), ',', &record, &err),
                     DS_EINVALID);
    assert_string_equal(err.message, "a quoted cell that does not end");
    assert_int_equal(dsi_csv_split(dsi_slice_text("\"a\"b,c"), ',', &record, &err),
                     DS_EINVALID);
    assert_string_equal(err.message, "column 4: text after a closing quote");
    assert_int_equal(dsi_csv_split(dsi_slice_text("x,a\"b"), ',', &record, &err),
                     DS_EINVALID);
    assert_string_equal(err.message,
                        "column 3: a quote inside a cell that has none around it");
    dsi_csv_record_release(&record);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_csv__splits_cells),
        cmocka_unit_test(test_text_csv__tells_quoted_cells_and_where_they_are),
        cmocka_unit_test(test_text_csv__refuses_broken_quotes),
    };
    return cmocka_run_group_tests_name("text_csv", tests, NULL, NULL);
}
