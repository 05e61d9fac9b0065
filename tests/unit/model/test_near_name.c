#include "harness.h"
#include "model/near_name.h"

#include <string.h>

static void assert_names(const char *const *names, size_t count, const char *wanted,
                         const char *words)
{
    struct dsi_field fields[12] = {0};
    char out[DSI_NEAR_NAMES_MAX];

    for (size_t i = 0; i < count; i++) {
        fields[i].name = names[i];
    }
    dsi_near_names(fields, count, wanted, out);
    assert_string_equal(out, words);
}

static void test_near_name__tells_those_that_are_like_it(void **state)
{
    static const char *const names[] = {"message", "level", "messages", "ts"};
    (void)state;

    assert_names(names, 4, "mesage", "did you mean message, messages");
    assert_names(names, 4, "LEVEL", "did you mean level");
    assert_names(names, 4, "levle", "did you mean level");
    assert_names(
        names, 4, "xyz",
        "the columns are message, level, messages, ts"); // Nothing of it is there.
    assert_names(names, 4, "host", "the columns are message, level, messages, ts");
    assert_names(names, 0, "host", "the table has none");
}

static void test_near_name__tells_the_first_of_many(void **state)
{
    static const char *const names[] = {"c0", "c1", "c2", "c3", "c4",
                                        "c5", "c6", "c7", "c8"};
    (void)state;

    assert_names(names, 9, "elsewhere",
                 "the columns are c0, c1, c2, c3, c4, c5, c6, c7, …");
}

static void test_near_name__has_room_for_long_names(void **state)
{
    enum { LENGTH = 300, COUNT = 9 };
    char name[LENGTH + 1] = "";
    const char *names[COUNT];
    char out[DSI_NEAR_NAMES_MAX];
    struct dsi_field fields[COUNT] = {0};
    (void)state;

    memset(name, 'x', LENGTH);
    for (size_t i = 0; i < COUNT; i++) {
        names[i] = name;
        fields[i].name = names[i];
    }
    dsi_near_names(fields, COUNT, name, out);
    assert_true(strlen(out) < DSI_NEAR_NAMES_MAX - 1); // Nothing was cut.
    assert_memory_equal(out, "the columns are xxx", 19);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_near_name__tells_those_that_are_like_it),
        cmocka_unit_test(test_near_name__tells_the_first_of_many),
        cmocka_unit_test(test_near_name__has_room_for_long_names),
    };
    return cmocka_run_group_tests_name("near_name", tests, NULL, NULL);
}
