#include "harness.h"
#include "storage/storage_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void test_storage_posix__says_errors_as_negative_numbers(void **state)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    struct stat st;
    DIR *dir = NULL;
    char small[1];
    (void)state;

    assert_int_equal(posix->open("/nowhere/x", O_RDONLY, 0), -ENOENT);
    assert_int_equal(posix->close(-1), -EBADF);
    assert_int_equal(posix->pread(-1, small, 1, 0), -EBADF);
    posix->will_read(-1, 0, 1); // Has nothing to say.
    assert_int_equal(posix->write(-1, small, 1), -EBADF);
    assert_int_equal(posix->fsync(-1), -EBADF);
    assert_int_equal(posix->link("/nowhere/x", "/nowhere/y"), -ENOENT);
    assert_int_equal(posix->rename("/nowhere/x", "/nowhere/y"), -ENOENT);
    assert_int_equal(posix->unlink("/nowhere/x"), -ENOENT);
    assert_int_equal(posix->mkdir("/nowhere/x", 0777), -ENOENT);
    assert_int_equal(posix->stat("/nowhere/x", &st), -ENOENT);
    assert_int_equal(posix->lstat("/nowhere/x", &st), -ENOENT);
    assert_int_equal(posix->fstat(-1, &st), -EBADF);
    assert_int_equal(posix->opendir("/nowhere/x", &dir), -ENOENT);
    assert_int_equal(posix->flock(-1), -EBADF);
    assert_int_equal(posix->funlock(-1), -EBADF);
    assert_int_equal(posix->getcwd(small, 1), -ERANGE);
    assert_int_equal(posix->getpid(), getpid());
}

static void test_storage_posix__locks_for_one_descriptor_at_a_time(void **state)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    char name[] = "/tmp/datashard-test-XXXXXX";
    (void)state;

    int first = mkstemp(name);
    int second = posix->open(name, O_RDWR | O_CLOEXEC, 0);
    assert_int_equal(posix->flock(first), 0);
    assert_int_equal(posix->flock(second), -EWOULDBLOCK);
    assert_int_equal(posix->funlock(first), 0);
    assert_int_equal(posix->flock(second), 0);
    posix->close(first);
    posix->close(second);
    assert_int_equal(posix->unlink(name), 0);
}

static void test_storage_posix__maps_errors_to_what_the_caller_can_do(void **state)
{
    const struct {
        int code;
        int status;
    } map[] = {{ENOENT, DS_ENOTFOUND}, {EEXIST, DS_EEXISTS}, {EACCES, DS_EDENIED},
               {EPERM, DS_EDENIED},    {EROFS, DS_EDENIED},  {ENOSPC, DS_ENOSPACE},
               {EDQUOT, DS_ENOSPACE},  {ENOMEM, DS_ENOMEM},  {ENAMETOOLONG, DS_EINVALID},
               {EIO, DS_EIO},          {EMFILE, DS_EIO}};
    struct ds_error err = {0};
    (void)state;

    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++) {
        assert_int_equal(dsi_posix_fail(&err, -map[i].code, "opening", "/a/b"),
                         map[i].status);
        assert_int_equal(err.os_code, map[i].code);
        assert_non_null(strstr(err.message, "opening /a/b: "));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storage_posix__says_errors_as_negative_numbers),
        cmocka_unit_test(test_storage_posix__locks_for_one_descriptor_at_a_time),
        cmocka_unit_test(test_storage_posix__maps_errors_to_what_the_caller_can_do),
    };
    return cmocka_run_group_tests_name("storage_posix", tests, NULL, NULL);
}
