#include "cli/text_width.h"
#include "harness.h"

static void test_text_width__counts_columns_of_a_terminal(void **state)
{
    static const struct {
        const char *text;
        size_t width;
    } cases[] = {
        {"", 0},
        {"plain ascii ~", 13},
        {"na\u00efve \u0416\u03a9", 8},    // Latin, Cyrillic, Greek.
        {"\u6771\u4eac", 4},               // Han.
        {"\u3072\u3089\u30ab\u30bf", 8},   // Kana.
        {"\uff76\uff80", 2},               // Half width.
        {"\uff21\uff22", 4},               // Full width.
        {"\ud55c\uae00", 4},               // Hangul syllables,
        {"\u1112\u1161\u11ab", 2},         // and one of three parts.
        {"e\u0301a\u0308\u0323", 2},       // Combining marks.
        {"\u05e9\u05b8\u05dc", 2},         // A vowel point.
        {"\u0e01\u0e34\u0e19", 2},         // A Thai vowel above.
        {"a\u200bb\u200dc\ufeff", 3},      // Nothing to see.
        {"\U0001f600\U0001f680", 4},       // Emoji;
        {"\u2764\ufe0f", 1},               // one by a selector, as wcwidth has it,
        {"\U0001f468\u200d\U0001f469", 4}, // joined,
        {"\U0001f44d\U0001f3fd", 4},       // of a colour,
        {"\U0001f1e9\U0001f1ea", 2},       // a flag.
        {"\U00020000\U0003134a", 4},       // Han beyond the first plane.
        {"\x1b[1m", 3},                    // Controls.
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (text_width(cases[i].text) != cases[i].width) {
            fail_msg("'%s' is %zu wide, not %zu", cases[i].text, cases[i].width,
                     text_width(cases[i].text));
        }
    }
}

static void test_text_width__takes_what_is_no_text_byte_by_byte(void **state)
{
    (void)state;

    assert_int_equal(text_width("\x80\xbf"), 2);
    assert_int_equal(text_width("a\xe6\x9d"), 3); // Cut off.
    assert_int_equal(text_width("\xf0"), 1);
    assert_int_equal(text_width("\xe6x\xe6\x9d\xb1"), 4);
    assert_int_equal(text_width("\xff\xbf\xbf\xbf"), 1); // Beyond all: as any other.
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_width__counts_columns_of_a_terminal),
        cmocka_unit_test(test_text_width__takes_what_is_no_text_byte_by_byte),
    };
    return cmocka_run_group_tests_name("text_width", tests, NULL, NULL);
}
