#include "harness.h"
#include "storage/storage_temp.h"

#include <errno.h>
#include <unistd.h>

#include "posix_double.h"
#include "storage_root.h"

static struct storage_root root;
static struct dsi_dirs *dirs;
static const struct ds_slice five = {(const uint8_t *)"abcde", 5};

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

static const char *below(const char *name)
{
    snprintf(root.path, sizeof root.path, "%s/%s", root.dir, name);
    return root.path;
}

// The whole way of a file to the name "f", or as far as it gets.
static int store(bool replace, struct ds_error *err)
{
    struct dsi_temp t = DSI_TEMP_INIT;
    int rc = dsi_temp_open(&t, dirs, NULL, below("d"), true, err);

    rc = rc ? rc : dsi_temp_write(&t, five, err);
    rc = rc ? rc : dsi_temp_close(&t, true, err);
    rc = rc ? rc : dsi_temp_name(&t, below("d/f"), replace, err);
    dsi_temp_release(&t);
    dsi_temp_release(&t);
    return rc;
}

static bool is_whole(void)
{
    struct stat st;
    return stat(below("d/f"), &st) == 0 && st.st_size == 5 && st.st_nlink == 1;
}

static bool is_there(void)
{
    return access(below("d/f"), F_OK) == 0;
}

static void test_storage_temp__names_a_whole_file(void **state)
{
    (void)state;
    assert_int_equal(store(false, NULL), DS_OK);
    assert_true(is_whole());
    assert_int_equal(store(false, NULL), DS_EEXISTS);
    assert_int_equal(store(true, NULL), DS_OK);
    assert_true(is_whole());
    assert_true(storage_root_has_no_temporaries(&root));
}

static void test_storage_temp__continues_short_and_interrupted_writes(void **state)
{
    (void)state;
    posix_double_start("write", 2, -EINTR);
    posix_double.cut = 2;
    assert_int_equal(store(false, NULL), DS_OK);
    assert_int_equal(posix_double_count("write"), 4); // 2, interrupted, 2, 1.
    assert_true(is_whole());
}

static void test_storage_temp__gives_a_file_up_after_one_failed_sync(void **state)
{
    struct ds_error err = {0};
    (void)state;

    posix_double_start("fsync", 1, -EIO);
    assert_int_equal(store(false, &err), DS_EIO);
    assert_non_null(strstr(err.message, "syncing"));
    assert_int_equal(posix_double_count("fsync"), 1);
    assert_int_equal(posix_double_count("link"), 0);
    assert_false(is_there());
}

static void test_storage_temp__leaves_nothing_wherever_it_fails(void **state)
{
    const char *calls[] = {"open", "fstat", "write", "fsync", "close", "link"};
    const int codes[] = {-EIO, -ENOSPC, -EMFILE, -EACCES, -EDQUOT};
    (void)state;

    assert_int_equal(dsi_dirs_make(dirs, below("d"), NULL), DS_OK);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        for (size_t k = 0; k < sizeof codes / sizeof codes[0]; k++) {
            struct ds_error err = {0};
            posix_double_start(calls[i], 1, codes[k]);
            int rc = store(false, &err);
            int status = dsi_posix_fail(NULL, codes[k], "", "");
            assert_int_equal(rc, status);
            assert_int_equal(err.os_code, -codes[k]);
            assert_false(is_there());
            posix_double_stop();
            assert_true(storage_root_has_no_temporaries(&root));
        }
    }
}

static void test_storage_temp__settles_an_ambiguous_link_by_the_inode(void **state)
{
    const int codes[] = {-EIO, -EEXIST, -EINTR, -EPERM};
    (void)state;

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        posix_double_start("link", 1, codes[i]); // Done, and it says it was not.
        posix_double.after = true;
        assert_int_equal(store(false, NULL), DS_OK);
        posix_double_stop();
        assert_true(is_whole());
        assert_int_equal(unlink(below("d/f")), 0);

        assert_int_equal(store(false, NULL), DS_OK); // Somebody else's.
        posix_double_start("link", 1, codes[i]);
        assert_int_equal(store(false, NULL), DS_EEXISTS);
        posix_double_stop();
        assert_int_equal(unlink(below("d/f")), 0);
    }
}

static void test_storage_temp__does_not_know_when_it_cannot_look(void **state)
{
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_dirs_make(dirs, below("d"), NULL), DS_OK);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(store(false, NULL), DS_OK);
    assert_int_equal(unlink(below("d/f")), 0);
    uint32_t calls = 0; // Everything from the link on fails.
    for (const char *at = posix_double.log; strncmp(at, "link ", 5) != 0;
         at = strchr(at, ' ') + 1) {
        calls++;
    }
    posix_double_start(NULL, calls + 1, -EIO);
    posix_double.lasting = true;
    posix_double.after = true;
    assert_int_equal(store(false, &err), DS_EUNKNOWN);
    assert_non_null(strstr(err.message, "cannot be seen"));
    posix_double_stop();
    assert_true(is_there());
}

static void test_storage_temp__refuses_a_file_system_without_links(void **state)
{
    struct ds_error err = {0};
    (void)state;

    posix_double_start("link", 1, -EPERM);
    assert_int_equal(store(false, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "hard links"));
    assert_false(is_there());
}

static void test_storage_temp__never_uses_a_name_twice(void **state)
{
    struct dsi_temp a = DSI_TEMP_INIT;
    struct dsi_temp b = DSI_TEMP_INIT;
    (void)state;

    assert_int_equal(dsi_temp_open(&a, dirs, NULL, root.dir, true, NULL), DS_OK);
    assert_int_equal(dsi_temp_open(&b, dirs, NULL, root.dir, true, NULL), DS_OK);
    assert_string_not_equal(a.path, b.path);
    dsi_temp_release(&a);
    dsi_temp_release(&b);
}

#define TEMP_TEST(f) cmocka_unit_test_setup_teardown(f, make, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEMP_TEST(test_storage_temp__names_a_whole_file),
        TEMP_TEST(test_storage_temp__continues_short_and_interrupted_writes),
        TEMP_TEST(test_storage_temp__gives_a_file_up_after_one_failed_sync),
        TEMP_TEST(test_storage_temp__leaves_nothing_wherever_it_fails),
        TEMP_TEST(test_storage_temp__settles_an_ambiguous_link_by_the_inode),
        TEMP_TEST(test_storage_temp__does_not_know_when_it_cannot_look),
        TEMP_TEST(test_storage_temp__refuses_a_file_system_without_links),
        TEMP_TEST(test_storage_temp__never_uses_a_name_twice),
    };
    return cmocka_run_group_tests_name("storage_temp", tests, NULL, NULL);
}
