#include "text.h"

#include <stdio.h>

#include "base/fault.h"
#include "base/text.h"

static const char schema_json[] =
    "{\"type\":\"struct\",\"fields\":["
    "{\"id\":1,\"name\":\"id\",\"required\":true,\"type\":\"long\"},"
    "{\"id\":2,\"name\":\"s\",\"required\":false,\"type\":\"string\"},"
    "{\"id\":3,\"name\":\"d\",\"required\":false,\"type\":\"double\"},"
    "{\"id\":4,\"name\":\"day\",\"required\":false,\"type\":\"date\"},"
    "{\"id\":5,\"name\":\"dec\",\"required\":false,\"type\":\"decimal(9, 2)\"}]}";

static struct dsi_arena arena;
static struct dsi_schema schema;

static int make_schema(void **state)
{
    (void)state;
    return dsi_schema_from_json(dsi_slice_text(schema_json), &arena, &schema, NULL);
}

static int free_schema(void **state)
{
    (void)state;
    dsi_fault_stop();
    dsi_arena_release(&arena);
    return 0;
}

// Reads all of a text; how many rows, or the status. The ids of the rows add up to *sum.
static int64_t read_all(enum ds_rows_format format, const char *text, size_t piece,
                        int64_t *sum, struct ds_error *err)
{
    struct pieces p = pieces_of(text, piece);
    struct dsi_text_options options = {.format = format,
                                       .read = read_pieces,
                                       .read_arg = &p,
                                       .name = "in",
                                       .batch_rows_max = 2};
    struct dsi_text_reader *r = NULL;
    struct dsi_batch b;
    int64_t rows = 0;

    *sum = 0;
    int rc = dsi_text_reader_new(&options, &schema, &r, err);
    while (rc >= 0 && !dsi_text_reader_ended(r)) {
        rc = dsi_text_reader_next(r, &b, err);
        if (rc == DS_ROW) {
            for (int64_t i = 0; i < b.rows; i++) {
                struct dsi_value v;
                dsi_column_value(&b.columns[0], i, &v);
                *sum += v.as.i64;
            }
            rows += b.rows;
            dsi_batch_release(&b);
        } else if (rc == DS_OK) {
            break;
        }
    }
    // An array's rows may be left after the text has been read.
    while (rc == DS_ROW && (rc = dsi_text_reader_next(r, &b, err)) == DS_ROW) {
        rows += b.rows;
        dsi_batch_release(&b);
    }
    dsi_text_reader_free(r);
    return rc < 0 ? rc : rows;
}

static void test_text_reader__reads_csv_in_any_pieces(void **state)
{
    static const char text[] =
        "s,id,dec\r\nx,1,1.50\n\"a,\"\"b\"\"\",2,\n,3,-2\n\"\",4,0\n";
    (void)state;
    for (size_t piece = 1; piece < 20; piece++) {
        int64_t sum = 0;
        assert_int_equal(read_all(DS_ROWS_CSV, text, piece, &sum, NULL), 4);
        assert_int_equal(sum, 10);
    }
}

static void test_text_reader__reads_json_lines_and_arrays(void **state)
{
    static const char lines[] =
        "{\"id\":1,\"s\":\"\\u00e9\"}\n\n{\"d\":1e3,\"id\":2,\"s\":null}\n"
        "{\"id\":9007199254740993}";
    static const char array[] = "[{\"id\":1},\n {\"id\":2, \"s\":\"x\\ny\"},{\"id\":3}]";
    int64_t sum = 0;
    (void)state;
    for (size_t piece = 1; piece < 20; piece++) {
        assert_int_equal(read_all(DS_ROWS_JSONL, lines, piece, &sum, NULL), 3);
        assert_true(sum == INT64_C(9007199254740996)); // Every digit.
        assert_int_equal(read_all(DS_ROWS_JSON, array, piece, &sum, NULL), 3);
    }
}

static void refuse(enum ds_rows_format format, const char *text, const char *words)
{
    struct ds_error err = {0};
    int64_t sum = 0;
    int64_t rc = read_all(format, text, 1000, &sum, &err);
    assert_true(rc < 0);
    if (!strstr(err.message, words)) {
        fail_msg("'%s' does not say '%s'", err.message, words);
    }
}

static void test_text_reader__says_where_text_is_wrong(void **state)
{
    (void)state;
    refuse(DS_ROWS_CSV, "id,nope\n1,2\n", "in:1: there is no column 'nope'");
    refuse(DS_ROWS_CSV, "id,s,id\n", "in:1: column 'id' is there twice");
    refuse(DS_ROWS_CSV, "id,s\n1,a\n2\n", "in:3: 1 cells where the header has 2");
    refuse(DS_ROWS_CSV, "s,id\na,1\nb,x\n", "in:3:3: column 'id': 'x'");
    refuse(DS_ROWS_CSV, "s,id\na,\n", "in:2: ");
    refuse(DS_ROWS_CSV, "id,dec\n1,1.234\n", "column 'dec': '1.234'");
    refuse(DS_ROWS_CSV, "id,day\n1,2020-02-30\n", "column 'day': '2020-02-30'");
    refuse(DS_ROWS_CSV, "id,s\n1,\"open\n", "in:2: a quoted cell that does not end");
    refuse(DS_ROWS_JSONL, "{\"id\":1}\n{\"id\":1,}\n", "in:2:");
    refuse(DS_ROWS_JSONL, "{\"id\":1,\"x\":2}\n", "there is no column 'x'");
    refuse(DS_ROWS_JSONL, "{\"id\":1,\"id\":2}\n", "column 'id' is there twice");
    refuse(DS_ROWS_JSONL, "{\"id\":\"1\"}\n", "column 'id' is a whole number");
    refuse(DS_ROWS_JSONL, "{\"id\":1.5}\n", "column 'id': '1.5'");
    refuse(DS_ROWS_JSONL, "{\"id\":1,\"s\":{\"a\":1}}\n", "column 's' holds an object");
    refuse(DS_ROWS_JSONL, "{\"s\":\"x\"}\n", "in:1:");
    refuse(DS_ROWS_JSONL, "{\"id\":1} x\n", "in:1:");
    refuse(DS_ROWS_JSON, "{\"id\":1}", "in, line 1, byte 1");
    refuse(DS_ROWS_JSON, "[{\"id\":1}", "in, line 1");
}

// A bad line takes nothing with it, and leaves nothing of itself.
static void test_text_reader__hands_out_what_stands_before_a_bad_line(void **state)
{
    static const char *const bad[] = {
        "nonsense",   "{\"id\": 9} x",  "{\"id\": 9, \"id\": 9}",
        "{\"id\": 9", "{\"other\": 9}",
    };
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0] * 2; i++) {
        char text[200];
        struct ds_error err = {0};
        struct dsi_batch b;
        snprintf(text, sizeof text, "{\"id\": 1}\n{\"id\": 2}\n{\"id\": 3}\n%s%s",
                 bad[i / 2], i % 2 ? "\n{\"id\": 4}\n" : "");
        struct pieces p = pieces_of(text, 1000);
        struct dsi_text_options options = {
            .format = DS_ROWS_JSONL, .read = read_pieces, .read_arg = &p, .name = "in"};
        struct dsi_text_reader *r = NULL;
        assert_int_equal(dsi_text_reader_new(&options, &schema, &r, &err), DS_OK);
        assert_int_equal(dsi_text_reader_next(r, &b, &err), DS_ROW);
        assert_int_equal(b.rows, 3);
        dsi_batch_release(&b);
        assert_false(dsi_text_reader_ended(r));
        for (int again = 0; again < 2; again++) {
            err = (struct ds_error){0};
            assert_int_equal(dsi_text_reader_next(r, &b, &err), DS_EINVALID);
            assert_non_null(strstr(err.message, "in:4"));
        }
        assert_true(dsi_text_reader_ended(r));
        dsi_text_reader_free(r);
    }
}

static void test_text_reader__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    int clean = 0;
    (void)state;
    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        int64_t sum = 0;
        int64_t rc =
            read_all(DS_ROWS_CSV, "id,s\n1,\"a\"\n2,b\n3,c\n4,d\n5,e\n", 9, &sum, &err);
        assert_true(rc == 5 || (rc < 0 && err.message[0] != '\0'));
        clean += rc == 5;
    }
    assert_true(clean >= 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text_reader__reads_csv_in_any_pieces,
                                        make_schema, free_schema),
        cmocka_unit_test_setup_teardown(test_text_reader__reads_json_lines_and_arrays,
                                        make_schema, free_schema),
        cmocka_unit_test_setup_teardown(test_text_reader__says_where_text_is_wrong,
                                        make_schema, free_schema),
        cmocka_unit_test_setup_teardown(
            test_text_reader__hands_out_what_stands_before_a_bad_line, make_schema,
            free_schema),
        cmocka_unit_test_setup_teardown(test_text_reader__survives_every_fault,
                                        make_schema, free_schema),
    };
    return cmocka_run_group_tests_name("text_reader", tests, NULL, NULL);
}
