#include "base/log.h"
#include "harness.h"

#include <string.h>

static char last[2000];
static int lines;

static void keep(enum ds_log_level level, const char *line, void *arg)
{
    (void)level;
    (void)arg;
    strncpy(last, line, sizeof last - 1);
    lines++;
}

static void test_log__is_silent_unless_asked(void **state)
{
    (void)state;
    dsi_log(DS_LOG_ERROR, "nobody listens");
    dsi_log_set(DS_LOG_WARN, keep, NULL);
    dsi_log(DS_LOG_INFO, "too light");
    assert_int_equal(lines, 0);
    dsi_log(DS_LOG_WARN, "look: %d", 7);
    assert_int_equal(lines, 1);
    assert_string_equal(last, "look: 7");
    dsi_log_set(DS_LOG_DEBUG, NULL, NULL);
    dsi_log(DS_LOG_ERROR, "off again");
    assert_int_equal(lines, 1);
}

static void test_log__cuts_long_lines(void **state)
{
    char big[1500];
    (void)state;
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    dsi_log_set(DS_LOG_ERROR, keep, NULL);
    dsi_log(DS_LOG_ERROR, "%s", big);
    dsi_log_set(DS_LOG_ERROR, NULL, NULL);
    assert_int_equal(strlen(last), 1023);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log__is_silent_unless_asked),
        cmocka_unit_test(test_log__cuts_long_lines),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
