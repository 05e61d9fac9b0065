#include "datashard/version.h"
#include "harness.h"

#include <stdio.h>

static void test_api_version__agrees_with_its_header(void **state)
{
    char text[32];
    (void)state;

    snprintf(text, sizeof text, "%d.%d.%d", DS_VERSION_MAJOR, DS_VERSION_MINOR,
             DS_VERSION_PATCH);
    assert_string_equal(DS_VERSION_TEXT, text);
    assert_string_equal(ds_version(), text);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_version__agrees_with_its_header),
    };
    return cmocka_run_group_tests_name("api_version", tests, NULL, NULL);
}
