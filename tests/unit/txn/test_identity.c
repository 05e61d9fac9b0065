#include "txn/identity.h"

#include <stdio.h>
#include <string.h>

#include "harness.h"

static void test_identity__has_a_short_form_of_22_characters(void **state)
{
    struct dsi_identity id;
    (void)state;

    assert_true(dsi_identity_of("00000000-0000-0000-0000-000000000000", &id));
    assert_string_equal(id.brief, "AAAAAAAAAAAAAAAAAAAAAA");
    assert_true(dsi_identity_of("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", &id));
    assert_string_equal(id.brief, "_____________________w");
    assert_string_equal(id.text, "ffffffff-ffff-ffff-ffff-ffffffffffff");
    // python: base64.urlsafe_b64encode(uuid.UUID(…).bytes)
    assert_true(dsi_identity_of("01890a5d-ac96-774b-bcce-b302099a8057", &id));
    assert_string_equal(id.brief, "AYkKXayWd0u8zrMCCZqAVw");
    assert_false(dsi_identity_of("job 17", &id));
    assert_false(dsi_identity_of("", &id));
}

static void test_identity__is_found_among_others_and_only_whole(void **state)
{
    struct dsi_identity a;
    struct dsi_identity b;
    char text[200];
    (void)state;

    assert_true(dsi_identity_of("01890a5d-ac96-774b-bcce-b302099a8057", &a));
    assert_true(dsi_identity_of("01890a5d-ac96-774b-bcce-b302099a8058", &b));
    snprintf(text, sizeof text, "%s %s", b.text, a.text);
    assert_true(dsi_identity_in_list(&a, text));
    assert_true(dsi_identity_in_list(&b, text));
    assert_true(dsi_identity_in_list(&a, a.text));
    assert_false(dsi_identity_in_list(&b, a.text));
    assert_false(dsi_identity_in_list(&a, NULL));
    assert_false(dsi_identity_in_list(&a, "   "));
    snprintf(text, sizeof text, "%sx", a.text);
    assert_false(dsi_identity_in_list(&a, text));

    snprintf(text, sizeof text, "%s%s", b.brief, a.brief);
    assert_true(dsi_identity_in_shorts(&a, text));
    assert_true(dsi_identity_in_shorts(&b, text));
    assert_false(dsi_identity_in_shorts(&a, b.brief));
    snprintf(text, sizeof text, "x%s", a.brief); // Out of step: that is another text.
    assert_false(dsi_identity_in_shorts(&a, text));
    text[21] = '\0'; // Cut.
    assert_false(dsi_identity_in_shorts(&a, text + 1));
    assert_false(dsi_identity_in_shorts(&a, NULL));
}

static void test_identity__short_forms_are_read_back_and_nothing_else_is(void **state)
{
    static const char *const bad[] = {"", "AYkKXayWd0u8zrMCCZqA",
                                      "AYkKXayWd0u8zrMCCZqAV!",
                                      "AYkKXayWd0u8zrMCCZqAVx"}; // No bits are left over.
    struct dsi_uuid uuid;
    char text[DSI_UUID_TEXT_SIZE];
    (void)state;

    assert_true(dsi_identity_from_short("AYkKXayWd0u8zrMCCZqAVw", &uuid));
    dsi_uuid_format(&uuid, text);
    assert_string_equal(text, "01890a5d-ac96-774b-bcce-b302099a8057");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(dsi_identity_from_short(bad[i], &uuid));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity__has_a_short_form_of_22_characters),
        cmocka_unit_test(test_identity__is_found_among_others_and_only_whole),
        cmocka_unit_test(test_identity__short_forms_are_read_back_and_nothing_else_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
