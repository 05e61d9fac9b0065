#include "storage/storage_replaced.h"

#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "posix_double.h"
#include "root_fixture.h"
#include "storage/storage_posix.h"

static int end(void **state)
{
    posix_double_stop();
    return end_root(state);
}

static const char *at(const char *name)
{
    return storage_root_path(&root, name) + strlen("file://");
}

// Makes a file of that name, in the place of one that has it; its number.
static ino_t put(const char *name)
{
    char temp[2 * sizeof root.path];
    struct stat st;

    snprintf(temp, sizeof temp, "%s", at("temp"));
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(rename(temp, at(name)), 0);
    return st.st_ino;
}

// The number and the names of what is held.
static struct stat held(const struct dsi_replaced *r)
{
    struct stat st;

    assert_true(r->held > 0);
    assert_int_equal(fstat(r->held - 1, &st), 0);
    return st;
}

static void test_storage_replaced__keeps_what_is_replaced_until_the_end(void **state)
{
    struct dsi_replaced r = {0};
    ino_t first = put("hint");
    (void)state;

    posix_double_start(NULL, 0, 0);
    dsi_replaced_hold(&r, at("hint"));
    put("hint");
    assert_int_equal(held(&r).st_ino, first);
    assert_int_equal(held(&r).st_nlink, 0); // It has no name, and is there.
    dsi_replaced_end(&r);
    dsi_replaced_end(&r);
    assert_string_equal(posix_double.log, "hold close ");
}

static void test_storage_replaced__holds_one_at_a_time(void **state)
{
    struct dsi_replaced r = {0};
    (void)state;

    put("hint");
    posix_double_start(NULL, 0, 0);
    dsi_replaced_hold(&r, at("hint"));
    ino_t second = put("hint");
    dsi_replaced_hold(&r, at("hint"));
    assert_int_equal(held(&r).st_ino, second);
    assert_string_equal(posix_double.log, "hold hold close ");
    dsi_replaced_end(&r);
}

static void test_storage_replaced__does_without(void **state)
{
    struct dsi_replaced r = {0};
    (void)state;

    dsi_replaced_hold(&r, at("nothing")); // There is no such file.
    assert_int_equal(r.held, 0);
    put("hint");
    posix_double_start("hold", 1, -EOPNOTSUPP);
    dsi_replaced_hold(&r, at("hint"));
    assert_int_equal(r.held, 0);
    dsi_replaced_end(&r);
    assert_int_equal(posix_double_count("close"), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_storage_replaced__keeps_what_is_replaced_until_the_end, make_root, end),
        cmocka_unit_test_setup_teardown(test_storage_replaced__holds_one_at_a_time,
                                        make_root, end),
        cmocka_unit_test_setup_teardown(test_storage_replaced__does_without, make_root,
                                        end),
    };
    return cmocka_run_group_tests_name("storage_replaced", tests, NULL, NULL);
}
