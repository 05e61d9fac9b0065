#include "base/trouble.h"

#include <string.h>

#include "base/error.h"
#include "harness.h"

struct heard {
    int times;
    struct ds_error last;
};

static void hear(void *arg, const struct ds_error *why)
{
    struct heard *h = arg;
    h->times++;
    h->last = *why;
}

static void test_trouble__is_told_to_the_innermost_who_wants_to_know(void **state)
{
    struct heard outer = {0};
    struct heard inner = {0};
    struct dsi_trouble a = {.told = hear, .arg = &outer};
    struct dsi_trouble b = {.told = hear, .arg = &inner};
    struct dsi_trouble nobody = {0};
    struct ds_error why = {0};
    (void)state;

    dsi_fail(&why, DS_EIO, "a lock");
    dsi_trouble_tell(&why); // To nobody.
    dsi_trouble_begin(&a);
    dsi_trouble_tell(&why);
    assert_int_equal(outer.times, 1);
    assert_int_equal(outer.last.status, DS_EIO);
    assert_string_equal(outer.last.message, "a lock");
    dsi_trouble_begin(&b);
    dsi_trouble_tell(&why);
    dsi_trouble_begin(&nobody);
    dsi_trouble_tell(&why);
    dsi_trouble_end(&nobody);
    dsi_trouble_end(&b);
    assert_int_equal(inner.times, 1);
    dsi_trouble_tell(&why);
    assert_int_equal(outer.times, 2);
    dsi_trouble_end(&a);
    dsi_trouble_tell(&why);
    assert_int_equal(outer.times, 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trouble__is_told_to_the_innermost_who_wants_to_know),
    };
    return cmocka_run_group_tests_name("trouble", tests, NULL, NULL);
}
