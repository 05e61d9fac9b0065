#include "harness.h"
#include "storage/storage_spread.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "posix_double.h"
#include "root_fixture.h"
#include "storage/storage_spare.h"

enum { QUICK = DSI_SPREAD_SLOW_NS, SLOW = DSI_SPREAD_SLOW_NS + 1 };

static int end(void **state)
{
    posix_double_stop();
    dsi_clock_set(NULL);
    return end_root(state);
}

// Files that took so long each, wherever they are to be made.
static void make_files(struct dsi_spread *s, int count, int64_t ns)
{
    for (int i = 0; i < count; i++) {
        dsi_spread_made(s, dsi_spread_next(s), ns);
    }
}

static void test_storage_spread__begins_when_all_are_slow(void **state)
{
    struct dsi_spread s = {0};
    (void)state;

    make_files(&s, 1000, QUICK);
    assert_int_equal(dsi_spread_next(&s), DSI_SPREAD_HERE);
    for (int i = 0; i < 10; i++) {
        make_files(&s, DSI_SPREAD_AFTER - 1, SLOW);
        assert_int_equal(dsi_spread_next(&s), DSI_SPREAD_HERE);
        make_files(&s, 1, QUICK);
    }
    make_files(&s, DSI_SPREAD_AFTER, SLOW);
    assert_true(dsi_spread_next(&s) >= 0);
    make_files(&s, 10, QUICK); // As was wanted.
    assert_true(dsi_spread_next(&s) >= 0);
}

static int way_after(int way)
{
    return (way + 1) % DSI_SPREAD_WAYS;
}

static void test_storage_spread__goes_from_one_to_another(void **state)
{
    struct dsi_spread s = {0};
    (void)state;

    make_files(&s, DSI_SPREAD_AFTER, SLOW);
    int way = dsi_spread_next(&s);
    for (int turn = 0; turn < 2 * DSI_SPREAD_WAYS; turn++) {
        assert_true(way >= 0 && way < DSI_SPREAD_WAYS);
        for (int i = 1; i < DSI_SPREAD_TURN; i++) {
            assert_int_equal(dsi_spread_next(&s), way);
        }
        int next = dsi_spread_next(&s);
        assert_int_equal(next, way_after(way));
        way = next;
    }
}

static void test_storage_spread__begins_anywhere(void **state)
{
    bool seen[DSI_SPREAD_WAYS] = {false};
    int ways = 0;
    (void)state;

    for (int i = 0; i < 40 * DSI_SPREAD_WAYS; i++) {
        struct dsi_spread s = {.slow = DSI_SPREAD_AFTER};
        int way = dsi_spread_next(&s);
        ways += !seen[way];
        seen[way] = true;
    }
    assert_int_equal(ways, DSI_SPREAD_WAYS); // One is missed in 1 of 10^15 runs.
}

// Files that took long, until the way is another: how many.
static int files_until_left(struct dsi_spread *s)
{
    int way = dsi_spread_next(s);
    int count = 0;
    int next = way;

    while (next == way) {
        dsi_spread_made(s, next, DSI_SPREAD_LONG_NS + 1);
        next = dsi_spread_next(s);
        count++;
    }
    assert_int_equal(next, way_after(way));
    return count;
}

static void test_storage_spread__leaves_a_way_that_is_slow(void **state)
{
    struct dsi_spread s = {.slow = DSI_SPREAD_AFTER};
    (void)state;

    assert_int_equal(files_until_left(&s), DSI_SPREAD_LEAST);
    for (int i = 0; i < 5 * DSI_SPREAD_LEAST; i++) { // One that is quick now and then.
        int64_t ns = DSI_SPREAD_LONG_NS + (i % DSI_SPREAD_LEAST > 0);
        int way = dsi_spread_next(&s);
        dsi_spread_made(&s, way, ns);
        assert_int_equal(dsi_spread_next(&s), way);
    }
}

static void test_storage_spread__stays_longer_where_all_are_slow(void **state)
{
    struct dsi_spread s = {.slow = DSI_SPREAD_AFTER};
    (void)state;

    for (int i = 0; i <= DSI_SPREAD_TRIED; i++) {
        assert_int_equal(files_until_left(&s), DSI_SPREAD_LEAST);
    }
    int before = DSI_SPREAD_LEAST;
    for (int i = 1; i < DSI_SPREAD_DOUBLED; i++) {
        assert_int_equal(files_until_left(&s), 2 * before);
        before *= 2;
    }
    for (int i = 0; i < 4; i++) { // The look at which way it is takes one of them.
        assert_int_equal(files_until_left(&s), DSI_SPREAD_TURN - 1);
    }
    dsi_spread_made(&s, dsi_spread_next(&s),
                    DSI_SPREAD_LONG_NS); // It was not the machine.
    assert_int_equal(files_until_left(&s), DSI_SPREAD_LEAST);
}

static void test_storage_spread__is_not_tried_again_where_it_failed(void **state)
{
    struct dsi_spread s = {0};
    (void)state;

    make_files(&s, DSI_SPREAD_AFTER, SLOW);
    dsi_spread_made(&s, dsi_spread_next(&s), 0);
    make_files(&s, 2 * DSI_SPREAD_AFTER, SLOW);
    assert_int_equal(dsi_spread_next(&s), DSI_SPREAD_HERE);
}

// Not every file system that tests run on has such directories.
static void let_any_directory_do(void)
{
    static struct dsi_posix_ops ops;

    posix_double_start(NULL, 0, 0);
    ops = *dsi_posix();
    ops.mkdir_spread = ops.mkdir;
    dsi_posix_set(&ops);
}

static const char *below(const char *name)
{
    snprintf(root.path, sizeof root.path, "%s/%s", root.dir, name);
    return root.path;
}

static size_t entries_of(const char *name)
{
    size_t count = 0;
    DIR *d = opendir(below(name));

    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    }
    if (d) {
        closedir(d);
    }
    return count;
}

static void test_storage_spread__makes_files_for_the_directory(void **state)
{
    struct stat st;
    (void)state;

    let_any_directory_do();
    int here = dsi_spread_open(root.dir, DSI_SPREAD_HERE);
    if (here < 0) {
        skip(); // No files without names.
    }
    assert_int_equal(entries_of("."), 0);
    for (int i = 0; i < 2; i++) { // The second time all is there.
        int fd = dsi_spread_open(root.dir, 7);
        assert_true(fd >= 0);
        assert_int_equal(dsi_posix()->link_file(fd, below(i ? "f1" : "f0")), 0);
        assert_int_equal(fstat(fd, &st), 0);
        assert_int_equal(st.st_nlink, 1);
        close(fd);
        assert_int_equal(posix_double_count("mkdir"), 2);
    }
    assert_int_equal(entries_of("."), 3);
    assert_int_equal(entries_of(".datashard-spread"), 1);
    assert_int_equal(entries_of(".datashard-spread/7"), 0);
    close(here);
}

static void test_storage_spread__leaves_nothing_where_it_fails(void **state)
{
    (void)state;
    posix_double_start("mkdir_spread", 1, -EOPNOTSUPP);
    assert_int_equal(dsi_spread_open(root.dir, 3), -EOPNOTSUPP);
    assert_int_equal(entries_of("."), 0);
    posix_double_stop();
    int code = dsi_posix()->mkdir_spread(below("d"), 0777);
    int there = access(below("d"), F_OK);
    if (code == 0) {
        int flags = 0;
        int fd = open(below("d"), O_RDONLY);
        assert_int_equal(ioctl(fd, FS_IOC_GETFLAGS, &flags), 0);
        assert_int_equal(flags & FS_TOPDIR_FL, FS_TOPDIR_FL);
        close(fd);
    }
    assert_int_equal(there, code == 0 ? 0 : -1);
    assert_int_equal(dsi_posix()->mkdir_spread(root.dir, 0777), -EEXIST);
    assert_int_equal(access(root.dir, F_OK), 0);
}

// A clock by which every file took long that was made in the directory itself; two looks
// at it are one file.
static int64_t now_ns;
static int looks;

static int64_t no_time(void)
{
    return 0;
}

static int64_t slow_clock(void)
{
    now_ns += ++looks <= 2 * DSI_SPREAD_AFTER ? SLOW : 0;
    return now_ns;
}

static void test_storage_spread__is_where_spares_come_from(void **state)
{
    struct dsi_spares *spares = NULL;
    static const struct dsi_clock_ops slow = {no_time, slow_clock};
    int made = 0;
    (void)state;

    let_any_directory_do();
    looks = 0;
    dsi_clock_set(&slow);
    assert_int_equal(dsi_spares_new(&spares, NULL), DS_OK);
    for (int commit = 0; commit < 10; commit++) {
        for (int i = 0; i < 3; i++) {
            char name[16];
            struct dsi_spare spare;
            bool first = false;
            snprintf(name, sizeof name, "f%d", made);
            if (dsi_spares_take(spares, root.dir, &spare, &first)) {
                dsi_spares_name(spares, root.dir, spare.fd, below(name));
                made++;
                close(spare.fd);
            }
        }
        dsi_spares_fill(spares);
    }
    dsi_spares_free(spares);
    if (made == 0) {
        skip(); // No files without names.
    }
    assert_int_equal(made, 3 * 8);
    assert_int_equal(entries_of(".datashard-spread"), 1);
    assert_int_equal(entries_of("."), made + 1);
}

#define SPREAD_TEST(f) cmocka_unit_test_setup_teardown(f, make_root, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SPREAD_TEST(test_storage_spread__begins_when_all_are_slow),
        SPREAD_TEST(test_storage_spread__goes_from_one_to_another),
        SPREAD_TEST(test_storage_spread__begins_anywhere),
        SPREAD_TEST(test_storage_spread__leaves_a_way_that_is_slow),
        SPREAD_TEST(test_storage_spread__stays_longer_where_all_are_slow),
        SPREAD_TEST(test_storage_spread__is_not_tried_again_where_it_failed),
        SPREAD_TEST(test_storage_spread__makes_files_for_the_directory),
        SPREAD_TEST(test_storage_spread__leaves_nothing_where_it_fails),
        SPREAD_TEST(test_storage_spread__is_where_spares_come_from),
    };
    return cmocka_run_group_tests_name("storage_spread", tests, NULL, NULL);
}
