#include "harness.h"
#include "storage/storage_local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/thread.h"
#include "posix_double.h"
#include "storage_root.h"

static struct storage_root root;
static ds_storage *storage;
enum { LARGE = 40000 };

static uint8_t pieces[200000], back[200000];
static const struct ds_slice five = {(const uint8_t *)"abcde", 5};

static int make(void **state)
{
    (void)state;
    return storage_root_make(&root, "file") &&
                   dsi_storage_local_new(&storage, NULL) == DS_OK
               ? 0
               : -1;
}

static int end(void **state)
{
    (void)state;
    posix_double_stop();
    dsi_storage_free(storage);
    storage_root_remove(&root);
    return 0;
}

static const char *at(const char *name)
{
    return storage_root_path(&root, name);
}

static bool is_on_disk(const char *name)
{
    return access(at(name) + strlen("file://"), F_OK) == 0;
}

static bool is_whole(const char *name)
{
    struct ds_file_info info = {0, 0};
    return dsi_storage_stat(storage, at(name), &info, NULL) == DS_OK && info.size == 5;
}

static int sync_one(const char *name)
{
    const char *path = at(name);
    return dsi_storage_sync(storage, &path, 1, NULL);
}

static int write_sink(const char *name)
{
    struct ds_sink *sink = NULL;
    int rc = dsi_sink_create(storage, at(name), &sink, NULL);

    rc = rc ? rc : dsi_sink_write(sink, five, NULL);
    rc = rc ? rc : dsi_sink_finish(sink, NULL);
    assert_int_equal(dsi_sink_finish(sink, NULL), DS_EIO); // Once.
    dsi_sink_close(sink);
    return rc;
}

static void test_storage_sink__gives_a_sink_up_after_a_failed_write(void **state)
{
    struct ds_sink *sink = NULL;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_sink_create(storage, at("d/s"), &sink, NULL), DS_OK);
    posix_double_start("write", 1, -ENOSPC);
    assert_int_equal(dsi_sink_write(sink, (struct ds_slice){pieces, LARGE}, &err),
                     DS_ENOSPACE);
    assert_int_equal(dsi_sink_write(sink, five, &err), DS_EIO);
    assert_int_equal(dsi_sink_finish(sink, &err), DS_EIO);
    dsi_sink_close(sink);
    posix_double_stop();
    assert_false(is_whole("d/s"));
    posix_double_start("write", 1, -ENOSPC); // Of what was held until the end.
    assert_int_equal(write_sink("d/s"), DS_OK);
    assert_int_equal(sync_one("d/s"), DS_ENOSPACE);
    posix_double_stop();
    assert_false(is_on_disk("d/s"));
    assert_int_equal(sync_one("d/s"), DS_OK); // There is room again.
    assert_true(is_on_disk("d/s"));
    assert_true(is_whole("d/s"));
    assert_true(storage_root_has_no_temporaries(&root));
}

static void test_storage_sink__writes_small_pieces_together(void **state)
{
    const size_t sizes[] = {5, LARGE, 1, 20000, 16384, 7, 16385, 9, 32768, 3, 0, 100};
    struct ds_sink *sink = NULL;
    struct ds_file *file = NULL;
    size_t size = 0;
    (void)state;

    for (size_t i = 0; i < sizeof pieces; i++) {
        pieces[i] = (uint8_t)(i * 131 >> 5);
    }
    assert_int_equal(dsi_sink_create(storage, at("d/s"), &sink, NULL), DS_OK);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct ds_slice piece = {pieces + size, sizes[i]};
        assert_int_equal(dsi_sink_write(sink, piece, NULL), DS_OK);
        size += sizes[i];
    }
    assert_int_equal(dsi_sink_finish(sink, NULL), DS_OK);
    dsi_sink_close(sink);
    assert_int_equal(dsi_file_open(storage, at("d/s"), &file, NULL), DS_OK);
    assert_int_equal(dsi_file_size(file), size);
    assert_int_equal(dsi_file_read(file, 0, back, size, NULL), DS_OK);
    assert_memory_equal(back, pieces, size);
    dsi_file_close(file);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(dsi_sink_create(storage, at("d/t"), &sink, NULL), DS_OK);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(dsi_sink_write(sink, five, NULL), DS_OK);
    }
    assert_int_equal(dsi_sink_finish(sink, NULL), DS_OK);
    dsi_sink_close(sink);
    assert_int_equal(posix_double_count("write"), 0);
    assert_int_equal(sync_one("d/t"), DS_OK);
    assert_int_equal(posix_double_count("write"), 1);
}

static size_t sent; // Calls of write_back.

static void count_write_back(int fd)
{
    (void)fd;
    sent++;
}

static void test_storage_sink__sends_large_files_to_the_disk_early(void **state)
{
    const struct ds_slice piece = {pieces, 32768};
    struct dsi_posix_ops ops = *dsi_posix();
    struct ds_sink *sink = NULL;
    (void)state;

    ops.write_back = count_write_back;
    dsi_posix_set(&ops);
    assert_int_equal(dsi_sink_create(storage, at("d/e"), &sink, NULL), DS_OK);
    for (size_t i = 1; i <= 100; i++) {
        assert_int_equal(dsi_sink_write(sink, piece, NULL), DS_OK);
        assert_int_equal(sent, i / 32); // Every MiB.
    }
    assert_int_equal(dsi_sink_finish(sink, NULL), DS_OK);
    assert_int_equal(sent, 100 / 32 + 1);
    dsi_sink_close(sink);
    dsi_posix_set(NULL);
}

static void test_storage_sink__holds_a_small_file_until_its_sync(void **state)
{
    (void)state;
    posix_double_start(NULL, 0, 0);
    assert_int_equal(write_sink("d/s"), DS_OK);
    assert_string_equal(posix_double.log, "");
    assert_false(is_on_disk("d"));
    assert_int_equal(sync_one("d/s"), DS_OK);
    assert_true(is_on_disk("d/s"));
    assert_true(is_whole("d/s"));
    assert_int_equal(write_sink("d/t"), DS_OK);
    assert_int_equal(dsi_storage_remove(storage, at("d/t"), NULL), DS_OK);
    assert_int_equal(sync_one("d/t"), DS_OK);
    assert_false(is_on_disk("d/t"));
}

static void test_storage_sink__makes_an_empty_file(void **state)
{
    struct ds_sink *sink = NULL;
    struct ds_file_info info = {77, 0};
    (void)state;

    assert_int_equal(dsi_sink_create(storage, at("d/s"), &sink, NULL), DS_OK);
    assert_int_equal(dsi_sink_finish(sink, NULL), DS_OK);
    dsi_sink_close(sink);
    assert_int_equal(sync_one("d/s"), DS_OK);
    assert_int_equal(dsi_storage_stat(storage, at("d/s"), &info, NULL), DS_OK);
    assert_int_equal(info.size, 0);
}

static void test_storage_sink__is_the_only_one_of_its_name(void **state)
{
    (void)state;
    assert_int_equal(write_sink("d/s"), DS_OK);
    assert_int_equal(write_sink("d/s"), DS_EEXISTS); // The first is held,
    assert_int_equal(write_sink("d/s"), DS_EEXISTS); // and written by now.
    assert_int_equal(sync_one("d/s"), DS_OK);
    assert_int_equal(write_sink("d/s"), DS_OK); // It looks when it is written.
    assert_int_equal(sync_one("d/s"), DS_EEXISTS);
    assert_true(is_whole("d/s"));
    assert_true(storage_root_has_no_temporaries(&root));
}

static const struct dsi_posix_ops *quick;
static struct dsi_posix_ops slow; // Whoever makes a file takes his time.

static int slow_open(const char *path, int flags, mode_t mode)
{
    int fd = quick->open(path, flags, mode);
    if (flags & O_CREAT) {
        dsi_sleep_ns(2000000);
    }
    return fd;
}

static int ignore(void *arg, const char *path, const struct ds_file_info *info)
{
    (void)arg;
    (void)path;
    (void)info;
    return DS_OK;
}

static atomic_bool over;

static void list_on(void *arg)
{
    (void)arg;
    while (!atomic_load(&over)) {
        DSI_IGNORE(dsi_storage_list(storage, root.prefix, ignore, NULL, NULL));
    }
}

// Who lists a directory writes what others hold; who syncs that meanwhile waits for him.
static void test_storage_sink__may_be_written_by_who_lists(void **state)
{
    struct dsi_thread *lister = NULL;
    char name[32];
    bool right = true; // The thread has to end before anything is asserted.
    (void)state;

    assert_int_equal(write_sink("d/first"), DS_OK);
    assert_int_equal(sync_one("d/first"), DS_OK);
    quick = dsi_posix();
    slow = *quick;
    slow.open = slow_open;
    dsi_posix_set(&slow);
    atomic_store(&over, false);
    assert_int_equal(dsi_thread_start(&lister, list_on, NULL, NULL), DS_OK);
    for (int i = 0; right && i < 200; i++) {
        bool removed = i % 4 == 0; // Then nobody writes it any more.
        snprintf(name, sizeof name, "d/f%d", i);
        right = write_sink(name) == DS_OK;
        if (i % 3 == 0) {
            dsi_sleep_ns(300000);
        }
        if (removed) {
            right = right && dsi_storage_remove(storage, at(name), NULL) == DS_OK;
        }
        right = right && sync_one(name) == DS_OK && is_on_disk(name) == !removed;
    }
    atomic_store(&over, true);
    dsi_thread_join(lister);
    dsi_posix_set(NULL);
    assert_true(right);
    for (int i = 0; i < 200; i += 4) { // Nor has the other thread, in the end.
        snprintf(name, sizeof name, "d/f%d", i);
        assert_false(is_on_disk(name));
    }
    assert_true(storage_root_has_no_temporaries(&root));
}

static void test_storage_sink__is_left_to_its_process(void **state)
{
    int status = 0;
    (void)state;

    assert_int_equal(write_sink("d/s"), DS_OK);
    pid_t child = fork();
    if (child == 0) {
        DSI_IGNORE(dsi_storage_list(storage, root.prefix, ignore, NULL, NULL));
        dsi_storage_free(storage);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_false(is_on_disk("d"));
    assert_int_equal(sync_one("d/s"), DS_OK);
    assert_true(is_whole("d/s"));
}

// More files than are kept at one time: each is there after its sync.
static void test_storage_sink__may_be_one_of_many(void **state)
{
    enum { MANY = DSI_LATER_MAX + 8 };
    static char names[MANY][512];
    const char *paths[MANY];
    (void)state;

    for (int i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof name, "p%d/f", i);
        snprintf(names[i], sizeof names[i], "%s", at(name));
        paths[i] = names[i];
        assert_int_equal(write_sink(name), DS_OK);
        assert_int_equal(is_on_disk(name), i >= DSI_LATER_MAX);
    }
    posix_double_start("write", MANY / 2, -ENOSPC);
    assert_int_equal(dsi_storage_sync(storage, paths, MANY, NULL), DS_ENOSPACE);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(dsi_storage_sync(storage, paths, MANY, NULL), DS_OK);
    assert_int_equal(posix_double_count("write"), DSI_LATER_MAX - (MANY / 2 - 1));
    posix_double_stop();
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(access(paths[i] + strlen("file://"), F_OK), 0);
    }
}

#define SINK_TEST(f) cmocka_unit_test_setup_teardown(f, make, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SINK_TEST(test_storage_sink__gives_a_sink_up_after_a_failed_write),
        SINK_TEST(test_storage_sink__writes_small_pieces_together),
        SINK_TEST(test_storage_sink__sends_large_files_to_the_disk_early),
        SINK_TEST(test_storage_sink__holds_a_small_file_until_its_sync),
        SINK_TEST(test_storage_sink__makes_an_empty_file),
        SINK_TEST(test_storage_sink__is_the_only_one_of_its_name),
        SINK_TEST(test_storage_sink__may_be_written_by_who_lists),
        SINK_TEST(test_storage_sink__is_left_to_its_process),
        SINK_TEST(test_storage_sink__may_be_one_of_many),
    };
    return cmocka_run_group_tests_name("storage_sink", tests, NULL, NULL);
}
