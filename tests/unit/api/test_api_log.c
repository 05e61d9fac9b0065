#include "base/log.h"
#include "datashard/log.h"
#include "harness.h"

static int lines;

static void count(enum ds_log_level level, const char *line, void *arg)
{
    assert_int_equal(level, DS_LOG_WARN);
    assert_string_equal(line, "look");
    assert_ptr_equal(arg, &lines);
    lines++;
}

static void test_api_log__reaches_the_program_that_asked(void **state)
{
    (void)state;
    ds_log_set(DS_LOG_WARN, count, &lines);
    dsi_log(DS_LOG_WARN, "look");
    dsi_log(DS_LOG_INFO, "too light");
    ds_log_set(DS_LOG_WARN, NULL, NULL);
    dsi_log(DS_LOG_WARN, "off");
    assert_int_equal(lines, 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_log__reaches_the_program_that_asked),
    };
    return cmocka_run_group_tests_name("api_log", tests, NULL, NULL);
}
