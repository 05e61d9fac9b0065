#include "harness.h"
#include "storage/storage_later.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "posix_double.h"
#include "storage_root.h"

enum { PATHS = DSI_LATER_MAX + 2 };

static struct storage_root root;
static struct dsi_later *later;
static struct dsi_dirs *dirs;
static char paths[PATHS][512];
static const char *all[PATHS]; // Of them.
static const struct dsi_meanwhile no_work;

static int make(void **state)
{
    (void)state;
    if (!storage_root_make(&root, "file") || dsi_later_new(&later, NULL) < 0 ||
        dsi_dirs_new(&dirs, NULL) < 0) {
        return -1;
    }
    for (int i = 0; i < PATHS; i++) { // Two directories, in turns.
        snprintf(paths[i], sizeof paths[i], "%s/%s/f%d", root.dir, i % 2 ? "b" : "a", i);
        all[i] = paths[i];
    }
    snprintf(root.path, sizeof root.path, "%s/a", root.dir);
    mkdir(root.path, 0755);
    snprintf(root.path, sizeof root.path, "%s/b", root.dir);
    mkdir(root.path, 0755);
    // The directories above are known from here on.
    return dsi_later_sync(later, dirs, all, 2, DSI_ALONG_NONE, no_work, NULL);
}

static int end(void **state)
{
    (void)state;
    posix_double_stop();
    dsi_later_free(later);
    dsi_dirs_free(dirs);
    storage_root_remove(&root);
    return 0;
}

static int new_file(int i)
{
    int fd = open(paths[i], O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "abc", 3), 3);
    return fd;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void test_storage_later__syncs_each_file_and_directory_once(void **state)
{
    int fds[4];
    (void)state;

    for (int i = 0; i < 4; i++) {
        fds[i] = new_file(i);
        assert_true(dsi_later_keep(later, paths[i], fds[i]));
    }
    posix_double_start(NULL, 0, 0);
    assert_int_equal(dsi_later_sync(later, dirs, all, 3, DSI_ALONG_NONE, no_work, NULL),
                     DS_OK);
    assert_int_equal(posix_double_count("fsync"), 3 + 2);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(is_open(fds[i]), i == 3); // Who has not asked still waits.
    }
    posix_double_start(NULL, 0, 0);
    assert_int_equal(dsi_later_sync(later, dirs, all, 1, DSI_ALONG_NONE, no_work, NULL),
                     DS_OK);
    assert_int_equal(posix_double_count("fsync"), 1); // Names beside it, always.
    posix_double_start(NULL, 0, 0);
    assert_int_equal(dsi_later_sync(later, dirs, all, 0, DSI_ALONG_NONE, no_work, NULL),
                     DS_OK);
    assert_string_equal(posix_double.log, "");
}

static void test_storage_later__never_forgets_a_sync_that_failed(void **state)
{
    struct ds_error err = {0};
    (void)state;

    assert_true(dsi_later_keep(later, paths[0], new_file(0)));
    posix_double_start("fsync", 2, -EIO); // The directory, then the file.
    assert_int_equal(dsi_later_sync(later, dirs, all, 1, DSI_ALONG_NONE, no_work, &err),
                     DS_EIO);
    posix_double_stop();
    assert_non_null(strstr(err.message, paths[0]));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            dsi_later_sync(later, dirs, all, 1, DSI_ALONG_NONE, no_work, &err), DS_EIO);
    }
    dsi_later_drop(later, paths[0]); // It is removed, and another one made.
    assert_int_equal(dsi_later_sync(later, dirs, all, 1, DSI_ALONG_NONE, no_work, NULL),
                     DS_OK);
    assert_true(dsi_later_keep(later, paths[0], new_file(0)));
    assert_int_equal(dsi_later_sync(later, dirs, all, 1, DSI_ALONG_NONE, no_work, NULL),
                     DS_OK);
}

// It waits for the bytes first in every other sync, until it knows what that is good for.
static void pass_over_one(void)
{
    assert_int_equal(dsi_later_sync(later, dirs, all, 0, DSI_ALONG_NONE, no_work, NULL),
                     DS_OK);
}

static void test_storage_later__tries_with_waiting_and_without(void **state)
{
    (void)state;
    for (int turn = 0; turn < 4; turn++) {
        for (int i = 0; i < 4; i++) {
            assert_true(dsi_later_keep(later, paths[i], new_file(i)));
        }
        posix_double_start(NULL, 0, 0);
        assert_int_equal(
            dsi_later_sync(later, dirs, all, 4, DSI_ALONG_NONE, no_work, NULL), DS_OK);
        assert_int_equal(posix_double_count("write_back_wait"), turn % 2 == 0 ? 0 : 4);
        assert_int_equal(posix_double_count("fsync"), 4 + 2); // They are what counts.
        posix_double_stop();
    }
}

static void test_storage_later__never_forgets_a_writing_back_that_failed(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_true(dsi_later_keep(later, paths[i], new_file(i)));
    }
    pass_over_one();
    posix_double_start("write_back_wait", 2, -EIO);
    assert_int_equal(dsi_later_sync(later, dirs, all, 2, DSI_ALONG_NONE, no_work, NULL),
                     DS_EIO);
    assert_int_equal(posix_double_count("fsync"), 0);
    posix_double_stop();
    assert_int_equal(dsi_later_sync(later, dirs, all, 2, DSI_ALONG_NONE, no_work, NULL),
                     DS_EIO);
    assert_int_equal(dsi_later_sync(later, dirs, all, 1, DSI_ALONG_NONE, no_work, NULL),
                     DS_OK); // The other one.
    dsi_later_drop(later, paths[1]);
    assert_int_equal(dsi_later_sync(later, dirs, all, 2, DSI_ALONG_NONE, no_work, NULL),
                     DS_OK);
}

static void test_storage_later__syncs_again_after_a_directory_failed(void **state)
{
    (void)state;
    assert_true(dsi_later_keep(later, paths[0], new_file(0)));
    posix_double_start("fsync", 1, -EIO);
    assert_int_equal(dsi_later_sync(later, dirs, all, 1, DSI_ALONG_NONE, no_work, NULL),
                     DS_EIO);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(dsi_later_sync(later, dirs, all, 1, DSI_ALONG_NONE, no_work, NULL),
                     DS_OK);
    assert_int_equal(posix_double_count("fsync"), 1); // The file is durable by then.
}

static void test_storage_later__has_room_for_so_many(void **state)
{
    int fds[PATHS];
    (void)state;

    for (int i = 0; i < PATHS; i++) {
        fds[i] = new_file(i);
        assert_int_equal(dsi_later_keep(later, paths[i], fds[i]), i < DSI_LATER_MAX);
    }
    for (int i = DSI_LATER_MAX; i < PATHS; i++) {
        assert_true(is_open(fds[i])); // Still the caller's.
        close(fds[i]);
    }
    int again = new_file(1); // In the place of the one before.
    assert_true(dsi_later_keep(later, paths[1], again));
    assert_false(is_open(fds[1]) && fds[1] != again);
    assert_int_equal(
        dsi_later_sync(later, dirs, all, PATHS, DSI_ALONG_NONE, no_work, NULL), DS_OK);
    assert_false(is_open(fds[0]));
    assert_false(is_open(again));
}

// An interrupted close has closed, and what was synced is durable; a failed one may hide
// a write that was lost.
static void
test_storage_later__tells_a_close_that_failed_from_an_interrupted(void **state)
{
    static const int codes[] = {-EINTR, -EIO};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        bool failed = false;
        for (uint32_t nth = 1; nth <= 2; nth++) { // The directory, the file.
            assert_true(dsi_later_keep(later, paths[0], new_file(0)));
            posix_double_start("close", nth, codes[i]);
            int rc = dsi_later_sync(later, dirs, all, 1, DSI_ALONG_NONE, no_work, NULL);
            posix_double_stop();
            failed = failed || rc == DS_EIO;
            assert_true(rc == DS_OK || codes[i] == -EIO);
        }
        assert_int_equal(failed, codes[i] == -EIO);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_storage_later__syncs_each_file_and_directory_once, make, end),
        cmocka_unit_test_setup_teardown(
            test_storage_later__never_forgets_a_sync_that_failed, make, end),
        cmocka_unit_test_setup_teardown(
            test_storage_later__tries_with_waiting_and_without, make, end),
        cmocka_unit_test_setup_teardown(
            test_storage_later__never_forgets_a_writing_back_that_failed, make, end),
        cmocka_unit_test_setup_teardown(
            test_storage_later__syncs_again_after_a_directory_failed, make, end),
        cmocka_unit_test_setup_teardown(test_storage_later__has_room_for_so_many, make,
                                        end),
        cmocka_unit_test_setup_teardown(
            test_storage_later__tells_a_close_that_failed_from_an_interrupted, make, end),
    };
    return cmocka_run_group_tests_name("storage_later", tests, NULL, NULL);
}
