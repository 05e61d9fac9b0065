#include "base/cpu.h"

#include "harness.h"

#include <stdlib.h>
#include <string.h>

static void test_cpu__uses_no_more_than_the_environment_allows(void **state)
{
    const char *wish = getenv("DATASHARD_SIMD");
    enum dsi_cpu_level want = dsi_cpu_level_max();
    (void)state;

    for (int i = 0; wish && i < (int)want; i++) {
        if (strcmp(wish, dsi_cpu_level_name((enum dsi_cpu_level)i)) == 0) {
            want = (enum dsi_cpu_level)i;
        }
    }
    assert_int_equal(dsi_cpu_level(), want);
    print_message("level %s of %s\n", dsi_cpu_level_name(dsi_cpu_level()),
                  dsi_cpu_level_name(dsi_cpu_level_max()));
}

// Read once: what runs does not change under a program.
static void test_cpu__does_not_change_its_mind(void **state)
{
    enum dsi_cpu_level before = dsi_cpu_level();
    (void)state;

    assert_int_equal(setenv("DATASHARD_SIMD", "scalar", 1), 0);
    assert_int_equal(dsi_cpu_level(), before);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cpu__uses_no_more_than_the_environment_allows),
        cmocka_unit_test(test_cpu__does_not_change_its_mind),
    };
    return cmocka_run_group_tests_name("cpu", tests, NULL, NULL);
}
