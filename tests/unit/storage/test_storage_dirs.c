#include "harness.h"
#include "storage/storage_dirs.h"

#include <errno.h>
#include <unistd.h>

#include "posix_double.h"
#include "storage_root.h"

static struct storage_root root;
static struct dsi_dirs *dirs;

static int make(void **state)
{
    (void)state;
    return storage_root_make(&root, "file") && dsi_dirs_new(&dirs, NULL) == DS_OK ? 0
                                                                                  : -1;
}

static int end(void **state)
{
    (void)state;
    posix_double_stop();
    dsi_dirs_free(dirs);
    storage_root_remove(&root);
    return 0;
}

static char *below(const char *name)
{
    snprintf(root.path, sizeof root.path, "%s/%s", root.dir, name);
    return root.path;
}

static void test_storage_dirs__makes_all_that_is_missing(void **state)
{
    struct stat st;
    (void)state;

    assert_int_equal(dsi_dirs_make(dirs, below("a/b/c"), NULL), DS_OK);
    assert_int_equal(stat(below("a/b/c"), &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(dsi_dirs_make(dirs, below("a/b/c"), NULL), DS_OK);
    assert_int_equal(dsi_dirs_make(dirs, below("a/b/c/d/e"), NULL), DS_OK);
    assert_int_equal(stat(below("a/b/c/d/e"), &st), 0);
    assert_int_equal(dsi_dirs_make(dirs, "/", NULL), DS_OK);
}

static void test_storage_dirs__says_what_it_could_not_make(void **state)
{
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(close(mkstemp(below("file-XXXXXX"))), 0);
    char inside[1100];
    snprintf(inside, sizeof inside, "%s/x/y", root.path);
    assert_int_equal(dsi_dirs_make(dirs, inside, &err), DS_ENOTFOUND);
    assert_int_equal(err.os_code, ENOTDIR);
    posix_double_start("mkdir", 1, -EACCES);
    assert_int_equal(dsi_dirs_make(dirs, below("n"), &err), DS_EDENIED);
}

static void test_storage_dirs__follows_a_directory_up_once(void **state)
{
    (void)state;

    assert_int_equal(dsi_dirs_make(dirs, below("a/b"), NULL), DS_OK);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(dsi_dirs_sync(dirs, below("a/b"), NULL), DS_OK);
    size_t first = posix_double_count("fsync");
    assert_true(first >= 3); // Itself, "a", the root of the test, and what is above.

    posix_double_start(NULL, 0, 0);
    assert_int_equal(dsi_dirs_sync(dirs, below("a/b"), NULL), DS_OK);
    assert_int_equal(posix_double_count("fsync"), 1);

    // What is below a known one need not go further than that.
    assert_int_equal(dsi_dirs_make(dirs, below("a/b/c"), NULL), DS_OK);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(dsi_dirs_sync(dirs, below("a/b/c"), NULL), DS_OK);
    assert_int_equal(posix_double_count("fsync"), 2);

    // Nor what is beside it: all on the way up are known.
    assert_int_equal(dsi_dirs_make(dirs, below("a/d"), NULL), DS_OK);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(dsi_dirs_sync(dirs, below("a/d"), NULL), DS_OK);
    assert_int_equal(posix_double_count("fsync"), 2);
}

static void test_storage_dirs__knows_all_of_a_few_hundred(void **state)
{
    char name[32];
    size_t syncs = 0;
    (void)state;

    for (unsigned turn = 0; turn < 2; turn++) {
        syncs = 0;
        for (unsigned i = 0; i < 100; i++) {
            snprintf(name, sizeof name, "d%u", i);
            assert_int_equal(dsi_dirs_make(dirs, below(name), NULL), DS_OK);
            posix_double_start(NULL, 0, 0);
            assert_int_equal(dsi_dirs_sync(dirs, below(name), NULL), DS_OK);
            syncs += posix_double_count("fsync");
        }
    }
    assert_int_equal(syncs, 100); // The second time each is known.
}

static void test_storage_dirs__forgets_a_directory_that_was_made_again(void **state)
{
    (void)state;

    assert_int_equal(dsi_dirs_make(dirs, below("a"), NULL), DS_OK);
    assert_int_equal(dsi_dirs_sync(dirs, below("a"), NULL), DS_OK);
    assert_int_equal(rmdir(below("a")), 0);
    assert_int_equal(dsi_dirs_make(dirs, below("a"), NULL), DS_OK);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(dsi_dirs_sync(dirs, below("a"), NULL), DS_OK);
    assert_true(posix_double_count("fsync") >= 2);
}

static void test_storage_dirs__believes_no_failed_sync(void **state)
{
    (void)state;

    assert_int_equal(dsi_dirs_make(dirs, below("a/b"), NULL), DS_OK);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(dsi_dirs_sync(dirs, below("a/b"), NULL), DS_OK);
    uint32_t syncs = (uint32_t)posix_double_count("fsync");

    for (uint32_t nth = 1; nth <= syncs; nth++) {
        struct dsi_dirs *fresh = NULL;
        struct ds_error err = {0};
        assert_int_equal(dsi_dirs_new(&fresh, NULL), DS_OK);
        posix_double_start("fsync", nth, -EIO);
        assert_int_equal(dsi_dirs_sync(fresh, below("a/b"), &err), DS_EIO);
        assert_int_equal(err.os_code, EIO);
        posix_double_start(NULL, 0, 0); // Then it begins again.
        assert_int_equal(dsi_dirs_sync(fresh, below("a/b"), &err), DS_OK);
        assert_int_equal(posix_double_count("fsync"), nth == syncs ? 1 : syncs);
        dsi_dirs_free(fresh);
    }
}

static void test_storage_dirs__bears_what_it_may_not_read_above(void **state)
{
    (void)state;

    assert_int_equal(dsi_dirs_make(dirs, below("a"), NULL), DS_OK);
    posix_double_start("open", 2, -EACCES);
    assert_int_equal(dsi_dirs_sync(dirs, below("a"), NULL), DS_OK);
    assert_int_equal(posix_double_count("fsync"), 1);
    posix_double_start("fsync", 1, -EINVAL); // No such notion there.
    assert_int_equal(dsi_dirs_sync(dirs, below("a"), NULL), DS_OK);
    posix_double_start("open", 1, -EMFILE);
    assert_int_equal(dsi_dirs_sync(dirs, below("a"), NULL), DS_EIO);
    assert_int_equal(dsi_dirs_sync(dirs, below("none"), NULL), DS_ENOTFOUND);
}

static void test_storage_dirs__makes_none_that_is_kept(void **state)
{
    struct ds_error err = {0};
    struct stat st;
    (void)state;

    char *table = strdup(below("t"));
    assert_int_equal(dsi_dirs_make(dirs, below("t/metadata"), NULL), DS_OK);
    assert_int_equal(dsi_dirs_keep(dirs, below("t/metadata"), "n.t", NULL), DS_OK);
    assert_int_equal(dsi_dirs_keep(dirs, table, "n.t", NULL), DS_OK);
    assert_int_equal(dsi_dirs_keep(dirs, table, "n.again", NULL), DS_OK);
    assert_int_equal(dsi_dirs_make(dirs, below("t/data/a=1"), &err), DS_OK);
    assert_int_equal(dsi_dirs_make(dirs, below("u/metadata"), &err), DS_OK);

    assert_int_equal(rmdir(below("t/metadata")), 0);
    assert_int_equal(dsi_dirs_make(dirs, below("t/metadata"), &err), DS_ENOTFOUND);
    assert_int_equal(dsi_dirs_make(dirs, below("t/data/a=2"), &err), DS_OK);
    storage_root_walk(table, false);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(dsi_dirs_make(dirs, below("t/data/a=3"), &err), DS_ENOTFOUND);
    assert_non_null(strstr(err.message, "table n.t is gone: "));
    assert_non_null(strstr(err.message, table));
    assert_int_equal(dsi_dirs_make(dirs, table, NULL), DS_ENOTFOUND);
    assert_int_equal(stat(table, &st), -1);

    assert_int_equal(dsi_dirs_keep(dirs, below("t"), NULL, NULL), DS_OK);
    assert_int_equal(dsi_dirs_make(dirs, below("t/metadata"), NULL), DS_OK);
    free(table);
}

static void test_storage_dirs__keeps_any_number(void **state)
{
    char name[32];
    (void)state;

    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "d%u", i);
        assert_int_equal(dsi_dirs_keep(dirs, below(name), name, NULL), DS_OK);
    }
    assert_int_equal(dsi_dirs_keep(dirs, below("d1"), NULL, NULL), DS_OK); // Not "d10".
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "d%u", i);
        assert_int_equal(dsi_dirs_make(dirs, below(name), NULL),
                         i == 1 ? DS_OK : DS_ENOTFOUND);
    }
}

#define DIRS_TEST(f) cmocka_unit_test_setup_teardown(f, make, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DIRS_TEST(test_storage_dirs__makes_all_that_is_missing),
        DIRS_TEST(test_storage_dirs__says_what_it_could_not_make),
        DIRS_TEST(test_storage_dirs__follows_a_directory_up_once),
        DIRS_TEST(test_storage_dirs__knows_all_of_a_few_hundred),
        DIRS_TEST(test_storage_dirs__forgets_a_directory_that_was_made_again),
        DIRS_TEST(test_storage_dirs__believes_no_failed_sync),
        DIRS_TEST(test_storage_dirs__bears_what_it_may_not_read_above),
        DIRS_TEST(test_storage_dirs__makes_none_that_is_kept),
        DIRS_TEST(test_storage_dirs__keeps_any_number),
    };
    return cmocka_run_group_tests_name("storage_dirs", tests, NULL, NULL);
}
