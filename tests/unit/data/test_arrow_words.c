#include "data/arrow_words.h"
#include "harness.h"

static void assert_words(const char *format, const char *words)
{
    char out[DSI_ARROW_WORDS_MAX];
    struct ArrowSchema s = {.format = format};
    struct ArrowSchema codes = {.format = "i", .dictionary = &s};

    dsi_arrow_words(&s, out);
    assert_string_equal(out, words);
    dsi_arrow_words(&codes, out); // A dictionary's type is that of its values.
    assert_string_equal(out, words);
}

static void test_arrow_words__are_those_of_pyarrow(void **state)
{
    static const char *const cases[][2] = {
        {"l", "int64"},
        {"g", "double"},
        {"u", "string"},
        {"tdD", "date32[day]"},
        {"tsu:", "timestamp[us]"},
        {"tsn:Europe/Berlin", "timestamp[ns, tz=Europe/Berlin]"},
        {"tss:", "timestamp[s]"},
        {"tsm:UTC", "timestamp[ms, tz=UTC]"},
        {"d:20,2", "decimal(20,2)"},
        {"w:16", "fixed_size_binary[16]"},
        {"+w:3", "fixed_size_list[3]"},
        {"+us:0,1", "union"},
        {"+s", "struct"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_words(cases[i][0], cases[i][1]);
    }
}

static void test_arrow_words__of_what_is_unknown_are_its_format(void **state)
{
    char zone[200] = "tsu:";
    char out[DSI_ARROW_WORDS_MAX];
    struct ArrowSchema s = {.format = zone};
    (void)state;

    assert_words("_pli128", "Arrow format '_pli128'");
    assert_words("ts", "Arrow format 'ts'");
    assert_words("", "Arrow format ''");
    for (size_t i = 4; i < sizeof zone - 1; i++) {
        zone[i] = 'x';
    }
    dsi_arrow_words(&s, out);
    assert_string_equal(out, "timestamp[us, tz=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrow_words__are_those_of_pyarrow),
        cmocka_unit_test(test_arrow_words__of_what_is_unknown_are_its_format),
    };
    return cmocka_run_group_tests_name("arrow_words", tests, NULL, NULL);
}
