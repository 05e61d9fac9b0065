#include "codec/avro/avro_schema.h"
#include "harness.h"

#include <string.h>

static void test_avro_name__is_what_other_writers_make_of_it(void **state)
{
    static const char *const cases[][2] = {
        {"ts_day", "ts_day"},
        {"_x9", "_x9"},
        {"9x", "_9x"},
        {"a b", "a_x20b"},
        {"a.b-c", "a_x2Eb_x2Dc"},
        {"\"", "_x22"},
        {"gr\xc3\xb6\xc3\x9f"
         "e",
         "gr_xF6_xDFe"},
        {"\xf0\x9f\x98\x8e", "_xD83D_xDE0E"},
        {"\xc3", "_x3"}, // Not UTF-8: no crash, and a legal name.
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_buf b = DSI_BUF_INIT;
        assert_int_equal(dsi_avro_name_put(&b, cases[i][0], NULL), DS_OK);
        assert_string_equal(dsi_buf_text(&b), cases[i][1]);
        dsi_buf_release(&b);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_avro_name__is_what_other_writers_make_of_it),
    };
    return cmocka_run_group_tests_name("avro_name", tests, NULL, NULL);
}
