#include "text.h"

#include "base/text.h"
#include "data/text_writer.h"

static const char schema_json[] =
    "{\"type\":\"struct\",\"fields\":["
    "{\"id\":1,\"name\":\"id\",\"required\":true,\"type\":\"long\"},"
    "{\"id\":2,\"name\":\"a,b\",\"required\":false,\"type\":\"string\"},"
    "{\"id\":3,\"name\":\"d\",\"required\":false,\"type\":\"double\"},"
    "{\"id\":4,\"name\":\"dec\",\"required\":false,\"type\":\"decimal(9, 2)\"},"
    "{\"id\":5,\"name\":\"b\",\"required\":false,\"type\":\"binary\"}]}";

static const char lines[] =
    "{\"id\":1,\"a,b\":\"x\",\"d\":1.5,\"dec\":\"14.20\",\"b\":\"00ff\"}\n"
    "{\"id\":2,\"a,b\":\"say \\\"hi\\\"\\n\",\"d\":\"NaN\",\"dec\":null,\"b\":null}\n"
    "{\"id\":3,\"a,b\":\"\",\"d\":null,\"dec\":\"-0.05\",\"b\":\"\"}\n";

static void check(enum ds_rows_format format, const char *expected)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct pieces p = pieces_of(lines, 1000);
    struct dsi_text_options options = {
        .format = DS_ROWS_JSONL, .read = read_pieces, .read_arg = &p, .name = "in"};
    struct dsi_text_reader *r = NULL;
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_schema schema;
    struct dsi_batch b;
    struct ds_error err = {0};

    assert_int_equal(
        dsi_schema_from_json(dsi_slice_text(schema_json), &arena, &schema, NULL), DS_OK);
    assert_int_equal(dsi_text_reader_new(&options, &schema, &r, NULL), DS_OK);
    if (dsi_text_reader_next(r, &b, &err) != DS_ROW) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(dsi_text_write_begin(format, &schema, &out, NULL), DS_OK);
    for (int64_t i = 0; i < b.rows; i++) {
        assert_int_equal(dsi_text_write_row(format, &b, i, i == 0, &out, NULL), DS_OK);
    }
    assert_int_equal(dsi_text_write_end(format, &out, NULL), DS_OK);
    assert_string_equal(dsi_buf_text(&out), expected);
    dsi_batch_release(&b);
    dsi_text_reader_free(r);
    dsi_buf_release(&out);
    dsi_arena_release(&arena);
}

static void test_text_writer__writes_what_it_read(void **state)
{
    (void)state;
    check(DS_ROWS_JSONL, lines);
}

static void test_text_writer__writes_csv_with_nulls_apart_from_empty_text(void **state)
{
    (void)state;
    check(DS_ROWS_CSV, "id,\"a,b\",d,dec,b\n"
                       "1,x,1.5,14.20,00ff\n"
                       "2,\"say \"\"hi\"\"\n\",NaN,,\n"
                       "3,\"\",,-0.05,\"\"\n");
}

static void test_text_writer__writes_an_array(void **state)
{
    (void)state;
    check(DS_ROWS_JSON,
          "[\n {\"id\":1,\"a,b\":\"x\",\"d\":1.5,\"dec\":\"14.20\",\"b\":\"00ff\"},\n"
          " {\"id\":2,\"a,b\":\"say "
          "\\\"hi\\\"\\n\",\"d\":\"NaN\",\"dec\":null,\"b\":null},\n"
          " {\"id\":3,\"a,b\":\"\",\"d\":null,\"dec\":\"-0.05\",\"b\":\"\"}\n]\n");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_writer__writes_what_it_read),
        cmocka_unit_test(test_text_writer__writes_csv_with_nulls_apart_from_empty_text),
        cmocka_unit_test(test_text_writer__writes_an_array),
    };
    return cmocka_run_group_tests_name("text_writer", tests, NULL, NULL);
}
