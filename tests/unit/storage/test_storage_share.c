#include "harness.h"
#include "storage/storage_share.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "posix_double.h"
#include "storage/storage.h"
#include "storage_root.h"

static struct storage_root root;
static mode_t umask_before;

static int make(void **state)
{
    (void)state;
    umask_before = umask(077);
    return storage_root_make(&root, "file") ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    posix_double_stop();
    umask(umask_before);
    storage_root_remove(&root);
    return 0;
}

static const char *below(const char *name)
{
    snprintf(root.path, sizeof root.path, "%s/%s", root.dir, name);
    return root.path;
}

static mode_t mode_of(const char *name)
{
    struct stat st;
    assert_int_equal(lstat(below(name), &st), 0);
    return st.st_mode & 07777;
}

// Puts a file in a directory of its own, takes a lock beside it, and syncs both.
static void use_storage(void)
{
    const struct ds_slice five = {(const uint8_t *)"abcde", 5};
    ds_storage *storage = NULL;
    void *lock = NULL;
    char path[512];

    assert_int_equal(dsi_storage_local_new(&storage, NULL), DS_OK);
    snprintf(path, sizeof path, "%s/a/b/f", root.prefix);
    assert_int_equal(dsi_storage_put(storage, path, five, 0, NULL), DS_OK);
    snprintf(path, sizeof path, "%s/a/b/.datashard-lock", root.prefix);
    assert_int_equal(dsi_storage_lock(storage, path, 0, &lock, NULL), DS_OK);
    dsi_storage_unlock(storage, lock);
    dsi_storage_free(storage);
}

static void test_storage_share__a_shared_directory_counts(void **state)
{
    static const mode_t modes[] = {02777, 02775, 02770, 02750, 02700};
    (void)state;

    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        mode_t open_to = modes[i] & 077;
        assert_int_equal(chmod(root.dir, modes[i]), 0);
        use_storage();
        assert_int_equal(mode_of("a"), 02700 | open_to);
        assert_int_equal(mode_of("a/b"), 02700 | open_to);
        assert_int_equal(mode_of("a/b/f"), 0600 | (open_to & 066));
        assert_int_equal(mode_of("a/b/.datashard-lock"), 0600 | (open_to & 066));
        storage_root_remove(&root);
        assert_true(storage_root_make(&root, "file"));
    }
}

static void test_storage_share__elsewhere_the_umask_does(void **state)
{
    (void)state;
    assert_int_equal(chmod(root.dir, 01777), 0);
    use_storage();
    assert_int_equal(mode_of("a"), 0700);
    assert_int_equal(mode_of("a/b"), 0700);
    assert_int_equal(mode_of("a/b/f"), 0600);
    assert_int_equal(mode_of("a/b/.datashard-lock"), 0600);
}

static void test_storage_share__is_done_without_where_it_fails(void **state)
{
    const char *calls[] = {"stat", "fstat", "fchmod"};
    (void)state;

    assert_int_equal(chmod(root.dir, 02777), 0);
    int fd = open(below("f"), O_WRONLY | O_CREAT, 0666);
    assert_true(fd >= 0);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        posix_double_start(calls[i], 1, -EPERM);
        dsi_share_file(fd, root.dir);
        posix_double_stop();
        assert_int_equal(mode_of("f"), 0600);
    }
    posix_double_start("open", 1, -EMFILE);
    dsi_share_dir(root.path);
    posix_double_stop();
    dsi_share_file(fd, root.dir);
    assert_int_equal(mode_of("f"), 0666);
    close(fd);
}

#define SHARE_TEST(f) cmocka_unit_test_setup_teardown(f, make, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SHARE_TEST(test_storage_share__a_shared_directory_counts),
        SHARE_TEST(test_storage_share__elsewhere_the_umask_does),
        SHARE_TEST(test_storage_share__is_done_without_where_it_fails),
    };
    return cmocka_run_group_tests_name("storage_share", tests, NULL, NULL);
}
