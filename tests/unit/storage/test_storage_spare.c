#include "harness.h"
#include "storage/storage_spare.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "posix_double.h"
#include "storage/storage.h"
#include "storage/storage_temp.h"
#include "storage_root.h"

static struct storage_root root;
static struct dsi_spares *spares;
static struct dsi_dirs *dirs;

static int make(void **state)
{
    (void)state;
    return storage_root_make(&root, "file") && dsi_dirs_new(&dirs, NULL) == DS_OK &&
                   dsi_spares_new(&spares, NULL) == DS_OK
               ? 0
               : -1;
}

static int end(void **state)
{
    (void)state;
    posix_double_stop();
    dsi_spares_free(spares);
    dsi_dirs_free(dirs);
    storage_root_remove(&root);
    return 0;
}

// Not every file system has files without names.
static bool has_them(void)
{
    int fd = dsi_posix()->open_unnamed(root.dir, 0600);
    if (fd >= 0) {
        dsi_posix()->close(fd);
    }
    return fd >= 0;
}

static const char *path_of(const char *name)
{
    snprintf(root.path, sizeof root.path, "%s/%s", root.dir, name);
    return root.path;
}

// A spare with that name; -ENOENT: there is none.
static int take(const char *name)
{
    struct dsi_spare spare;
    bool first = false;

    return !dsi_spares_take(spares, root.dir, &spare, &first)               ? -ENOENT
           : dsi_spares_name(spares, root.dir, spare.fd, path_of(name)) < 0 ? -EIO
                                                                            : spare.fd;
}

// Two commits that each made `count` files in the directory.
static void warm_up(size_t count)
{
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(take("none"), -ENOENT);
        }
        dsi_spares_fill(spares);
    }
}

static size_t names_in_root(void)
{
    size_t count = 0;
    DIR *d = opendir(root.dir);

    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        count += e->d_name[0] != '.' || strlen(e->d_name) > 2;
    }
    closedir(d);
    return count;
}

static void test_storage_spare__is_a_new_file_like_any_other(void **state)
{
    struct stat st;
    struct stat usual;
    (void)state;

    if (!has_them()) {
        skip();
    }
    warm_up(1);
    assert_int_equal(names_in_root(), 0);
    int other = open(path_of("usual"), O_WRONLY | O_CREAT, 0666);
    int fd = take("f");
    assert_true(fd >= 0);
    assert_int_equal(stat(path_of("f"), &st), 0);
    assert_int_equal(fstat(other, &usual), 0);
    assert_int_equal(st.st_mode, usual.st_mode);
    assert_int_equal(st.st_uid, usual.st_uid);
    assert_int_equal(st.st_gid, usual.st_gid);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(write(fd, "abc", 3), 3);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    close(other);
    assert_int_equal(stat(path_of("f"), &st), 0);
    assert_int_equal(st.st_size, 3);
    assert_int_equal(take("g"), -ENOENT);
    assert_int_equal(names_in_root(), 2);
}

static void test_storage_spare__is_made_for_who_commits_again(void **state)
{
    (void)state;
    posix_double_start(NULL, 0, 0);
    dsi_spares_fill(spares);
    dsi_spares_fill(spares);
    assert_int_equal(take("a"), -ENOENT);
    dsi_spares_fill(spares); // After one that made nothing.
    assert_int_equal(posix_double_count("open_unnamed"), 0);
    assert_int_equal(take("b"), -ENOENT);
    assert_int_equal(take("c"), -ENOENT);
    dsi_spares_fill(spares); // One had both of the last.
    assert_int_equal(posix_double_count("open_unnamed"), 1);
    dsi_spares_fill(spares);
    dsi_spares_fill(spares);
    assert_int_equal(posix_double_count("open_unnamed"), 1);
}

static void test_storage_spare__is_not_one_of_many(void **state)
{
    char dir[32];
    size_t made = 0;
    (void)state;

    if (!has_them()) {
        skip();
    }
    posix_double_start(NULL, 0, 0);
    warm_up(100);
    assert_int_equal(posix_double_count("open_unnamed"), DSI_SPARES_MAX);
    for (int round = 0; round < 5; round++) { // In more directories than are known.
        for (int i = 0; i < 50; i++) {
            snprintf(dir, sizeof dir, "/none/%d", i);
            struct dsi_spare spare;
            bool first = false;
            assert_false(dsi_spares_take(spares, dir, &spare, &first));
        }
        dsi_spares_fill(spares);
    }
    made = posix_double_count("open_unnamed");
    assert_true(made <= DSI_SPARES_MAX + 5 * 4);
    assert_int_equal(posix_double_count("close"), DSI_SPARES_MAX); // Of who had to go.
}

// Others make files meanwhile, in more directories than are known.
static int open_while_others_come(const char *dir, mode_t mode)
{
    int fd = posix_double.real->open_unnamed(dir, mode);
    char other[32];

    for (int i = 0; i < 4; i++) {
        struct dsi_spare spare;
        bool first = false;
        snprintf(other, sizeof other, "/none/%d", i);
        assert_false(dsi_spares_take(spares, other, &spare, &first));
    }
    return fd;
}

static void test_storage_spare__is_closed_if_its_directory_is_forgotten(void **state)
{
    (void)state;
    if (!has_them()) {
        skip();
    }
    posix_double_start(NULL, 0, 0);
    struct dsi_posix_ops changed = *dsi_posix();
    changed.open_unnamed = open_while_others_come;
    dsi_posix_set(&changed);
    warm_up(2);
    posix_double_stop();
    dsi_spares_free(spares);
    assert_int_equal(posix_double_count("fstat"), 1); // One was made …
    assert_int_equal(posix_double_count("close"), 1); // … in vain.
    assert_int_equal(dsi_spares_new(&spares, NULL), DS_OK);
}

static void test_storage_spare__is_not_a_childs(void **state)
{
    int status = 0;
    struct stat st;
    (void)state;

    if (!has_them()) {
        skip();
    }
    warm_up(2);
    pid_t child = fork();
    if (child == 0) {
        bool none = take("of-child") == -ENOENT;
        dsi_spares_fill(spares);
        none = none && take("of-child") == -ENOENT;
        dsi_spares_fill(spares); // Now it has made one, and another, itself.
        int fd = take("of-child");
        _exit(none && fd >= 0 && write(fd, "child", 5) == 5 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    int fd = take("of-parent");
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 0);
    close(fd);
    assert_int_equal(stat(path_of("of-child"), &st), 0);
    assert_int_equal(st.st_size, 5);
}

static uint64_t another(void)
{
    return 4711;
}

static void test_storage_spare__is_not_of_another_user(void **state)
{
    (void)state;
    if (!has_them()) {
        skip();
    }
    for (int i = 0; i < 2; i++) {
        warm_up(1);
        posix_double_start(NULL, 0, 0);
        struct dsi_posix_ops changed = *dsi_posix();
        changed.user = i == 0 ? another : changed.user;
        changed.group = i == 1 ? another : changed.group;
        dsi_posix_set(&changed);
        assert_int_equal(take("f"), -ENOENT);
        assert_int_equal(posix_double_count("close"), 1);
        assert_int_equal(posix_double_count("link_file"), 0);
        posix_double_stop();
        dsi_spares_free(spares);
        assert_int_equal(dsi_spares_new(&spares, NULL), DS_OK);
    }
}

static void test_storage_spare__is_missed_by_nobody(void **state)
{
    const int codes[] = {-EOPNOTSUPP, -EISDIR, -ENOENT, -EMFILE, -EINVAL};
    (void)state;

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        posix_double_start("open_unnamed", 1, codes[i]);
        posix_double.lasting = true;
        warm_up(3);
        assert_int_equal(posix_double_count("open_unnamed"), 1); // The others would, too.
        assert_int_equal(take("f"), -ENOENT);
        posix_double_stop();
        dsi_spares_free(spares);
        assert_int_equal(dsi_spares_new(&spares, NULL), DS_OK);
    }
}

// Not named, or named and told that it was not: a file is made as ever.
static void test_storage_spare__is_done_without_where_it_cannot_be_named(void **state)
{
    const int codes[] = {-EXDEV, -ENOENT, -EPERM, -EIO, -EEXIST};
    (void)state;

    if (!has_them()) {
        skip();
    }
    for (size_t i = 0; i < 2 * sizeof codes / sizeof codes[0]; i++) {
        struct dsi_temp temp = DSI_TEMP_INIT;
        struct stat st;
        warm_up(3);
        posix_double_start("link_file", 1, codes[i / 2]);
        posix_double.after = i % 2 == 1;
        assert_int_equal(dsi_temp_open(&temp, dirs, spares, root.dir, true, NULL), DS_OK);
        assert_int_equal(fstat(temp.fd, &st), 0);
        assert_int_equal(st.st_nlink, 1);
        assert_int_equal(names_in_root(), 1);
        dsi_temp_release(&temp);
        warm_up(3);
        assert_int_equal(posix_double_count("open_unnamed"), 0); // Not tried again.
        posix_double_stop();
        assert_int_equal(names_in_root(), 0);
        dsi_spares_free(spares);
        assert_int_equal(dsi_spares_new(&spares, NULL), DS_OK);
    }
}

// Two commits more: as many spares are there.
static void use_and_fill(size_t count)
{
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < count; i++) {
            struct dsi_spare spare;
            bool first = false;
            if (dsi_spares_take(spares, root.dir, &spare, &first)) {
                close(spare.fd);
            }
        }
        dsi_spares_fill(spares);
    }
}

// A temporary of the directory, of a spare whose like has been named before.
static void open_nameless(struct dsi_temp *temp)
{
    const struct ds_slice five = {(const uint8_t *)"abcde", 5};

    *temp = (struct dsi_temp)DSI_TEMP_INIT;
    use_and_fill(2);
    int fd = take("first");
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(dsi_temp_open(temp, dirs, spares, root.dir, true, NULL), DS_OK);
    assert_int_equal(dsi_temp_write(temp, five, NULL), DS_OK);
    assert_int_equal(names_in_root(), 1);
}

// How many names the file has: its only one is that which it is for.
static void test_storage_spare__is_written_without_a_name(void **state)
{
    struct dsi_temp temp;
    struct stat st;
    (void)state;

    if (!has_them()) {
        skip();
    }
    open_nameless(&temp);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(dsi_temp_name(&temp, path_of("f"), false, NULL), DS_OK);
    assert_int_equal(posix_double_count("link_file"), 1);
    assert_int_equal(posix_double_count("unlink"), 0);
    assert_int_equal(stat(path_of("f"), &st), 0);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(st.st_size, 5);
    dsi_temp_release(&temp);
    assert_int_equal(posix_double_count("unlink"), 0);
    assert_int_equal(names_in_root(), 2);
    use_and_fill(1);
    assert_int_equal(dsi_temp_open(&temp, dirs, spares, root.dir, true, NULL), DS_OK);
    dsi_temp_release(&temp); // What is given up was never there.
    assert_int_equal(posix_double_count("unlink"), 0);
    assert_int_equal(names_in_root(), 2);
}

// What is synced first has a name by then.
static void test_storage_spare__has_a_name_before_it_is_synced(void **state)
{
    struct dsi_temp temp;
    (void)state;

    if (!has_them()) {
        skip();
    }
    open_nameless(&temp);
    dsi_temp_release(&temp);
    use_and_fill(1);
    assert_int_equal(dsi_temp_open(&temp, dirs, spares, root.dir, false, NULL), DS_OK);
    assert_int_equal(names_in_root(), 2);
    dsi_temp_release(&temp);
    assert_int_equal(names_in_root(), 1);
}

static void test_storage_spare__replaces_only_where_it_may(void **state)
{
    struct dsi_temp temp;
    struct stat st;
    (void)state;

    if (!has_them()) {
        skip();
    }
    open_nameless(&temp);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(dsi_temp_name(&temp, path_of("first"), false, NULL), DS_EEXISTS);
    assert_int_equal(posix_double_count("link_file"), 1);
    posix_double_stop();
    assert_int_equal(stat(path_of("first"), &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_int_equal(dsi_temp_name(&temp, path_of("first"), true, NULL), DS_OK);
    assert_int_equal(stat(path_of("first"), &st), 0);
    assert_int_equal(st.st_size, 5);
    dsi_temp_release(&temp);
    assert_int_equal(names_in_root(), 1);
}

// It can only be told: what was written is nowhere else. Done, and told that it was not,
// it is done.
static void test_storage_spare__says_so_if_it_gets_no_name(void **state)
{
    struct dsi_temp temp;
    struct ds_error err;
    (void)state;

    if (!has_them()) {
        skip();
    }
    for (int done = 0; done < 2; done++) {
        open_nameless(&temp);
        posix_double_start("link_file", 1, -EXDEV);
        posix_double.after = done == 1;
        int rc = dsi_temp_name(&temp, path_of("f"), false, &err);
        posix_double_stop();
        assert_int_equal(rc, done ? DS_OK : DS_EIO);
        assert_true(done || strstr(err.message, "naming"));
        dsi_temp_release(&temp);
        assert_int_equal(names_in_root(), 1 + done);
        use_and_fill(1);
        assert_int_equal(take("f"), -ENOENT); // Not tried again.
        dsi_spares_free(spares);
        assert_int_equal(dsi_spares_new(&spares, NULL), DS_OK);
        unlink(path_of("first"));
    }
}

// Made in a directory that is gone since: it is made again, or who cannot make it is
// told.
static void test_storage_spare__is_for_a_directory_that_is_there(void **state)
{
    struct dsi_temp temp;
    struct stat st;
    char away[600];
    (void)state;

    if (!has_them()) {
        skip();
    }
    snprintf(away, sizeof away, "%s-away", root.dir);
    for (int make = 0; make < 2; make++) {
        open_nameless(&temp);
        temp.dirs = make ? dirs : NULL;
        assert_int_equal(rename(root.dir, away), 0);
        assert_int_equal(dsi_temp_name(&temp, path_of("f"), true, NULL),
                         make ? DS_OK : DS_ENOTFOUND);
        assert_int_equal(stat(path_of("f"), &st), make ? 0 : -1);
        dsi_temp_release(&temp);
        assert_true(!make || (unlink(path_of("f")) == 0 && rmdir(root.dir) == 0));
        assert_int_equal(rename(away, root.dir), 0);
        assert_int_equal(unlink(path_of("first")), 0);
        dsi_spares_free(spares); // One could not be named.
        assert_int_equal(dsi_spares_new(&spares, NULL), DS_OK);
    }
}

static dev_t elsewhere;

// The directory is of another file system by now.
static int stat_elsewhere(const char *path, struct stat *out)
{
    int code = stat(path, out) < 0 ? -errno : 0;

    out->st_dev += elsewhere;
    return code;
}

static void test_storage_spare__is_of_the_directorys_file_system(void **state)
{
    (void)state;
    if (!has_them()) {
        skip();
    }
    for (elsewhere = 0; elsewhere < 2; elsewhere++) {
        posix_double_start(NULL, 0, 0);
        struct dsi_posix_ops changed = *dsi_posix();
        changed.stat = stat_elsewhere;
        dsi_posix_set(&changed);
        warm_up(2);
        assert_int_equal(posix_double_count("close"), elsewhere);
        posix_double_stop();
        assert_int_equal(take("f") >= 0, elsewhere == 0);
        dsi_spares_free(spares);
        assert_int_equal(dsi_spares_new(&spares, NULL), DS_OK);
    }
}

// In a directory that is shared, whatever the umask says.
static void test_storage_spare__is_as_open_as_its_directory(void **state)
{
    struct dsi_temp temp;
    struct stat st;
    (void)state;

    if (!has_them()) {
        skip();
    }
    assert_int_equal(chmod(root.dir, 02770), 0);
    mode_t before = umask(077);
    open_nameless(&temp);
    umask(before);
    assert_int_equal(fstat(temp.fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    dsi_temp_release(&temp);
}

// Some commits of two files each.
static bool commit(ds_storage *storage, int commits)
{
    const struct ds_slice five = {(const uint8_t *)"abcde", 5};
    char names[2][512];
    const char *paths[2] = {names[0], names[1]};
    bool well = true;

    for (int i = 0; i < commits; i++) {
        for (int k = 0; k < 2; k++) {
            snprintf(names[k], sizeof names[k], "%s/%c/f%d", root.prefix, 'a' + k, i);
            well = well &&
                   dsi_storage_put(storage, names[k], five, DS_PUT_LATER, NULL) == DS_OK;
        }
        well = well && dsi_storage_sync(storage, paths, 2, NULL) == DS_OK;
    }
    return well;
}

static void test_storage_spare__is_what_a_commit_is_made_of(void **state)
{
    ds_storage *storage = NULL;
    (void)state;

    if (!has_them()) {
        skip();
    }
    assert_int_equal(dsi_storage_local_new(&storage, NULL), DS_OK);
    posix_double_start(NULL, 0, 0);
    assert_true(commit(storage, 2));
    assert_int_equal(posix_double_count("link_file"), 0);
    assert_int_equal(posix_double_count("open_unnamed"), 2);
    assert_true(commit(storage, 5));
    // Named at once; twice because something is to be replaced; once.
    assert_int_equal(posix_double_count("link_file"), 2 * (1 + 2 + 3));
    assert_true(storage_root_has_no_temporaries(&root));
    posix_double_start(NULL, 0, 0);
    dsi_storage_free(storage);
    assert_int_equal(posix_double_count("close"), 2);
}

static void test_storage_spare__goes_with_who_is_killed(void **state)
{
    int status = 0;
    (void)state;

    pid_t child = fork();
    if (child == 0) {
        ds_storage *storage = NULL;
        bool well = dsi_storage_local_new(&storage, NULL) == DS_OK && commit(storage, 4);
        raise(well ? SIGKILL : SIGABRT);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(storage_root_has_no_temporaries(&root));
    assert_int_equal(names_in_root(), 2);
}

#define SPARE_TEST(f) cmocka_unit_test_setup_teardown(f, make, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SPARE_TEST(test_storage_spare__is_a_new_file_like_any_other),
        SPARE_TEST(test_storage_spare__is_made_for_who_commits_again),
        SPARE_TEST(test_storage_spare__is_not_one_of_many),
        SPARE_TEST(test_storage_spare__is_closed_if_its_directory_is_forgotten),
        SPARE_TEST(test_storage_spare__is_not_a_childs),
        SPARE_TEST(test_storage_spare__is_not_of_another_user),
        SPARE_TEST(test_storage_spare__is_missed_by_nobody),
        SPARE_TEST(test_storage_spare__is_done_without_where_it_cannot_be_named),
        SPARE_TEST(test_storage_spare__is_written_without_a_name),
        SPARE_TEST(test_storage_spare__has_a_name_before_it_is_synced),
        SPARE_TEST(test_storage_spare__replaces_only_where_it_may),
        SPARE_TEST(test_storage_spare__says_so_if_it_gets_no_name),
        SPARE_TEST(test_storage_spare__is_for_a_directory_that_is_there),
        SPARE_TEST(test_storage_spare__is_of_the_directorys_file_system),
        SPARE_TEST(test_storage_spare__is_as_open_as_its_directory),
        SPARE_TEST(test_storage_spare__is_what_a_commit_is_made_of),
        SPARE_TEST(test_storage_spare__goes_with_who_is_killed),
    };
    return cmocka_run_group_tests_name("storage_spare", tests, NULL, NULL);
}
