#include "harness.h"
#include "storage/storage.h"

#include <errno.h>
#include <unistd.h>

#include "base/fault.h"
#include "posix_double.h"
#include "storage/storage_later.h"
#include "storage_root.h"

static struct storage_root root;
static ds_storage *storage;
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

static int put(const char *name, uint32_t flags, struct ds_error *err)
{
    return dsi_storage_put(storage, at(name), five, flags, err);
}

static bool is_whole(const char *name)
{
    struct ds_file_info info = {0, 0};
    return dsi_storage_stat(storage, at(name), &info, NULL) == DS_OK && info.size == 5;
}

static void test_storage_local__syncs_no_more_than_it_has_to(void **state)
{
    const struct {
        uint32_t flags;
        size_t syncs;
    } cost[] = {{0, 2}, {DS_PUT_IF_ABSENT, 2}, {DS_PUT_LATER, 0}, {DS_PUT_HINT, 0}};
    (void)state;

    assert_int_equal(put("d/first", 0, NULL), DS_OK); // The directories are known now.
    for (size_t i = 0; i < sizeof cost / sizeof cost[0]; i++) {
        char name[8] = "d/f0";
        name[3] = (char)('0' + i);
        posix_double_start(NULL, 0, 0);
        assert_int_equal(put(name, cost[i].flags, NULL), DS_OK);
        assert_int_equal(posix_double_count("fsync"), cost[i].syncs);
    }
    posix_double_start(NULL, 0, 0);
    const char *path = at("d/f2");
    assert_int_equal(dsi_storage_sync(storage, &path, 1, NULL), DS_OK);
    assert_int_equal(posix_double_count("fsync"), 2);
}

static void test_storage_local__syncs_in_the_order_that_survives_a_crash(void **state)
{
    (void)state;
    assert_int_equal(put("d/first", 0, NULL), DS_OK);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(put("d/f", DS_PUT_IF_ABSENT, NULL), DS_OK);
    assert_string_equal(posix_double.log, "open fstat stat write fsync close link unlink "
                                          "open fstat fsync close ");
}

// Two files for later in d, and a third that is put after them.
static int put_after(uint32_t flags, struct ds_error *err)
{
    const char *first[3];
    char paths[3][sizeof root.path];
    const char *names[3] = {"d/1", "d/2", "d/f"}; // The last one is where it will be.

    for (int i = 0; i < 3; i++) {
        snprintf(paths[i], sizeof paths[i], "%s", at(names[i]));
        first[i] = paths[i];
    }
    return dsi_storage_put_after(storage, paths[2], five, flags, first, 3, err);
}

static void make_first(void)
{
    assert_int_equal(put("d/first", 0, NULL), DS_OK);
    assert_int_equal(put("d/1", DS_PUT_LATER, NULL), DS_OK);
    assert_int_equal(put("d/2", DS_PUT_LATER, NULL), DS_OK);
}

// Where `word` is first in what was called, counted in words; -1: nowhere.
static int place_of(const char *word)
{
    const size_t size = strlen(word);
    int n = 0;

    for (const char *w = posix_double.log; *w; w += strcspn(w, " ") + 1, n++) {
        if (strncmp(w, word, size) == 0 && w[size] == ' ') {
            return n;
        }
    }
    return -1;
}

static void
test_storage_local__names_what_is_put_after_others_when_all_is_durable(void **state)
{
    (void)state;
    for (unsigned fails = 1; fails <= 6; fails++) { // 1 to 4: together; then the name's.
        struct ds_error err = {0};
        make_first();
        posix_double_start("fsync", fails, -EIO);
        int rc = put_after(DS_PUT_IF_ABSENT, &err);
        if (fails == 1) {
            // The directory, both files and this one, at one time; its own directory
            // again.
            assert_int_equal(posix_double_count("link"), 0);
        }
        posix_double_stop();
        assert_int_equal(rc, fails < 5 ? DS_EIO : fails == 5 ? DS_EUNKNOWN : DS_OK);
        assert_int_equal(is_whole("d/f"), fails >= 5);
        assert_true(storage_root_has_no_temporaries(&root));
        assert_int_equal(dsi_storage_remove(storage, at("d/1"), NULL), DS_OK);
        assert_int_equal(dsi_storage_remove(storage, at("d/2"), NULL), DS_OK);
        assert_int_equal(dsi_storage_remove(storage, at("d/f"), NULL), DS_OK);
    }
    make_first();
    posix_double_start(NULL, 0, 0);
    assert_int_equal(put_after(DS_PUT_IF_ABSENT, NULL), DS_OK);
    assert_int_equal(posix_double_count("fsync"), 5);
    assert_true(place_of("write") < place_of("fsync"));
    assert_true(place_of("fsync") < place_of("link"));
    assert_int_equal(put_after(DS_PUT_IF_ABSENT, NULL), DS_EEXISTS);
    assert_int_equal(put_after(0, NULL), DS_OK);
}

static void test_storage_local__puts_nothing_after_what_failed_before(void **state)
{
    const char *path = at("d/1");
    (void)state;

    make_first();
    posix_double_start("fsync", 2, -EIO);
    assert_int_equal(dsi_storage_sync(storage, &path, 1, NULL), DS_EIO);
    posix_double_stop();
    assert_int_equal(put_after(0, NULL), DS_EIO);
    assert_false(is_whole("d/f"));
    posix_double_start("write_back_wait", 2, -EIO); // Of d/2 and of the file itself.
    assert_int_equal(dsi_storage_remove(storage, at("d/1"), NULL), DS_OK);
    assert_int_equal(put_after(0, NULL), DS_EIO);
    posix_double_stop();
    assert_false(is_whole("d/f"));
    assert_true(storage_root_has_no_temporaries(&root));
}

// What a commit does: a file, and when that is durable, the hint that leads to it.
static void commit(void)
{
    const char *path = at("d/new");

    assert_int_equal(put("d/new", DS_PUT_LATER, NULL), DS_OK);
    assert_int_equal(dsi_storage_sync(storage, &path, 1, NULL), DS_OK);
    assert_int_equal(put("d/hint", DS_PUT_HINT, NULL), DS_OK);
    assert_int_equal(dsi_storage_remove(storage, at("d/new"), NULL), DS_OK);
}

// Who writes one hint replaces it as any file; who writes one after the other lets it
// change names with the one before, where the file system can do that.
static void test_storage_local__replaces_hints_quickly_again_and_again(void **state)
{
    struct stat before;
    struct stat after;
    (void)state;

    posix_double_start(NULL, 0, 0);
    commit();
    assert_int_equal(posix_double_count("exchange"), 0);
    for (int i = 0; i < 4; i++) { // By now files are made in advance.
        commit();
    }
    assert_int_equal(stat(at("d/hint") + strlen("file://"), &before), 0);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(put("d/hint", DS_PUT_HINT, NULL), DS_OK);
    assert_int_equal(stat(at("d/hint") + strlen("file://"), &after), 0);
    assert_int_not_equal(before.st_ino, after.st_ino);
    assert_true(place_of("close") < place_of("exchange"));
    assert_true(place_of("exchange") < place_of("unlink"));
    assert_int_equal(posix_double_count("rename"), 0);
    assert_true(is_whole("d/hint"));
    assert_true(storage_root_has_no_temporaries(&root));
    posix_double_start("exchange", 1, -EINVAL);
    assert_int_equal(put("d/hint", DS_PUT_HINT, NULL), DS_OK);
    assert_true(place_of("exchange") < place_of("rename"));
    assert_true(is_whole("d/hint"));
    assert_true(storage_root_has_no_temporaries(&root));
    posix_double_stop();
}

// What has the hint's name and is no file keeps its name, and what is in it.
static void test_storage_local__exchanges_no_directory_for_a_hint(void **state)
{
    struct stat before;
    struct stat after;
    struct ds_error err = {0};
    (void)state;

    for (int i = 0; i < 5; i++) { // By now files are made in advance.
        commit();
    }
    assert_int_equal(dsi_storage_remove(storage, at("d/hint"), NULL), DS_OK);
    assert_int_equal(put("d/hint/inside", 0, NULL), DS_OK);
    assert_int_equal(stat(at("d/hint") + strlen("file://"), &before), 0);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(put("d/hint", DS_PUT_HINT, &err), DS_EIO);
    assert_non_null(strstr(err.message, "d/hint"));
    assert_int_equal(posix_double_count("exchange"), 2);
    posix_double_stop();
    assert_int_equal(stat(at("d/hint") + strlen("file://"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_true(is_whole("d/hint/inside"));
    assert_true(storage_root_has_no_temporaries(&root));
}

static void test_storage_local__makes_a_file_of_others_durable(void **state)
{
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(put("d/first", 0, NULL), DS_OK);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(dsi_storage_sync_file(storage, at("d/first"), NULL), DS_OK);
    assert_string_equal(posix_double.log,
                        "open fstat fsync close open fstat fsync close ");
    posix_double_start("fsync", 1, -EINTR);
    assert_int_equal(dsi_storage_sync_file(storage, at("d/first"), NULL), DS_OK);
    for (unsigned nth = 1; nth <= 2; nth++) { // The file, then its directory.
        posix_double_start("fsync", nth, -EIO);
        assert_int_equal(dsi_storage_sync_file(storage, at("d/first"), &err), DS_EIO);
    }
    posix_double_stop();
    assert_int_equal(dsi_storage_sync_file(storage, at("d/none"), NULL), DS_ENOTFOUND);
    assert_int_equal(dsi_storage_sync_file(storage, at("d"), NULL), DS_ENOTFOUND);
}

static void test_storage_local__does_not_know_a_name_it_could_not_sync(void **state)
{
    const uint32_t flags[] = {0, DS_PUT_IF_ABSENT};
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct ds_error err = {0};
        assert_int_equal(put("d/first", 0, NULL), DS_OK);
        posix_double_start("fsync", 2, -EIO);
        assert_int_equal(put("d/f", flags[i], &err), DS_EUNKNOWN);
        assert_non_null(strstr(err.message, "syncing directory"));
        posix_double_stop();
        assert_true(is_whole("d/f"));
        assert_int_equal(dsi_storage_remove(storage, at("d/f"), NULL), DS_OK);
    }
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

static void test_storage_local__syncs_at_once_what_is_too_much_to_keep(void **state)
{
    char name[16];
    (void)state;

    assert_int_equal(put("d/first", 0, NULL), DS_OK);
    posix_double_start(NULL, 0, 0);
    for (int i = 0; i < DSI_LATER_MAX; i++) {
        snprintf(name, sizeof name, "d/f%d", i);
        assert_int_equal(put(name, DS_PUT_LATER, NULL), DS_OK);
    }
    assert_int_equal(posix_double_count("fsync"), 0);
    assert_int_equal(put("d/g", DS_PUT_LATER, NULL), DS_OK);
    assert_int_equal(write_sink("d/s"), DS_OK);
    assert_int_equal(posix_double_count("fsync"), 4);
    for (uint32_t nth = 1; nth <= 2; nth++) { // Its content, its name.
        posix_double_start("fsync", nth, -EIO);
        assert_int_equal(write_sink("d/t"), DS_EIO);
        posix_double_stop();
        assert_false(is_whole("d/t"));
        assert_true(is_whole("d/s"));
    }
    assert_true(storage_root_has_no_temporaries(&root));
    assert_int_equal(dsi_storage_remove(storage, at("d/f0"), NULL), DS_OK);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(write_sink("d/u"), DS_OK); // There is room again.
    assert_int_equal(posix_double_count("fsync"), 0);
}

static void test_storage_local__fails_for_ever_after_a_failed_sync(void **state)
{
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(put("d/first", 0, NULL), DS_OK);
    assert_int_equal(write_sink("d/s"), DS_OK);
    const char *path = at("d/s");
    posix_double_start("fsync", 2, -EIO);
    assert_int_equal(dsi_storage_sync(storage, &path, 1, &err), DS_EIO);
    posix_double_stop();
    assert_int_equal(dsi_storage_sync(storage, &path, 1, &err), DS_EIO);
    assert_int_equal(dsi_storage_remove(storage, path, NULL), DS_OK);
    assert_int_equal(dsi_storage_sync(storage, &path, 1, NULL), DS_OK);
}

// Puts it where nobody looks for it before the sync.
static int put_unseen(const char *name, struct ds_slice bytes)
{
    return dsi_storage_put(storage, at(name), bytes, DS_PUT_LATER | DS_PUT_UNSEEN, NULL);
}

static int sync_one(const char *name)
{
    const char *path = at(name);
    return dsi_storage_sync(storage, &path, 1, NULL);
}

static bool is_on_disk(const char *name)
{
    return access(at(name) + strlen("file://"), F_OK) == 0;
}

static void test_storage_local__holds_what_is_not_looked_for_until_its_sync(void **state)
{
    static const uint8_t large[DSI_HELD_MAX + 1];
    struct ds_file_info info = {0, 0};
    (void)state;

    assert_int_equal(put("d/first", 0, NULL), DS_OK);
    posix_double_start(NULL, 0, 0);
    assert_int_equal(put_unseen("d/f", five), DS_OK);
    assert_int_equal(put_unseen("d/g", (struct ds_slice){large, DSI_HELD_MAX}), DS_OK);
    assert_string_equal(posix_double.log, ""); // Nothing was asked for.
    assert_int_equal(put_unseen("d/h", (struct ds_slice){large, sizeof large}), DS_OK);
    assert_false(is_on_disk("d/f"));
    assert_true(is_on_disk("d/h"));
    assert_int_equal(sync_one("d/f"), DS_OK);
    assert_true(is_whole("d/f"));
    assert_false(is_on_disk("d/g"));
    assert_int_equal(dsi_storage_stat(storage, at("d/g"), &info, NULL), DS_OK);
    assert_int_equal(info.size, DSI_HELD_MAX); // Who asks this storage is shown it.
    assert_true(is_on_disk("d/g"));
    posix_double_start(NULL, 0, 0);
    assert_int_equal(sync_one("d/g"), DS_OK);
    assert_int_equal(posix_double_count("fsync"),
                     2); // And it is not yet durable by that.
}

static void test_storage_local__never_made_what_is_never_synced(void **state)
{
    (void)state;
    assert_int_equal(put_unseen("d/f", five), DS_OK);
    assert_int_equal(put_unseen("d/g", five), DS_OK);
    assert_int_equal(dsi_storage_remove(storage, at("d/f"), NULL), DS_OK);
    assert_int_equal(sync_one("first"), DS_OK);
    dsi_storage_free(storage);
    assert_int_equal(dsi_storage_local_new(&storage, NULL), DS_OK);
    assert_false(is_on_disk("d"));
}

static void test_storage_local__replaces_what_it_holds(void **state)
{
    const struct ds_slice two = {(const uint8_t *)"fg", 2};
    (void)state;

    assert_int_equal(put_unseen("d/f", two), DS_OK);
    assert_int_equal(put_unseen("d/f", five), DS_OK); // The last one counts,
    assert_int_equal(sync_one("d/f"), DS_OK);
    assert_true(is_whole("d/f"));
    assert_int_equal(put_unseen("d/f", two), DS_OK);
    assert_int_equal(put("d/f", 0, NULL), DS_OK); // however it came.
    assert_int_equal(sync_one("d/f"), DS_OK);
    assert_true(is_whole("d/f"));
    assert_int_equal(put_unseen("d/g", two), DS_OK);
    assert_int_equal(put("d/g", DS_PUT_IF_ABSENT, NULL), DS_EEXISTS);
    assert_int_equal(put_unseen("d/f", two), DS_OK);
    assert_int_equal(dsi_storage_remove(storage, at("d/f"), NULL), DS_OK);
    assert_false(is_on_disk("d/f"));
    assert_int_equal(sync_one("d/f"), DS_OK);
    assert_false(is_on_disk("d/f"));
}

// What could not be written when its time came is held on: nobody is told that it is
// there, who asks again is told why once more, and when there is room it comes to be.
static void test_storage_local__holds_on_to_what_cannot_be_written(void **state)
{
    const struct {
        const char *call;
        int code;
        int rc;
    } fails[] = {{"open", -EACCES, DS_EDENIED},
                 {"write", -ENOSPC, DS_ENOSPACE},
                 {"rename", -EIO, DS_EIO}};
    (void)state;

    for (size_t i = 0; i < sizeof fails / sizeof fails[0]; i++) {
        struct ds_error err = {0};
        const char *path = at("d/f");
        assert_int_equal(put("d/first", 0, NULL), DS_OK);
        assert_int_equal(put_unseen("d/f", five), DS_OK);
        posix_double_start(fails[i].call, 1, fails[i].code);
        posix_double.lasting = true;
        for (int turn = 0; turn < 3; turn++) {
            err.message[0] = '\0';
            assert_int_equal(dsi_storage_sync(storage, &path, 1, &err), fails[i].rc);
            assert_non_null(strstr(err.message, path + strlen("file://")));
        }
        posix_double_stop();
        assert_false(is_on_disk("d/f"));
        assert_int_equal(sync_one("d/first"), DS_OK); // Of others that is not so.
        assert_int_equal(sync_one("d/f"), DS_OK);
        assert_true(is_on_disk("d/f"));
        assert_true(is_whole("d/f"));
        posix_double_start(NULL, 0, 0);
        assert_int_equal(sync_one("d/f"), DS_OK);
        assert_int_equal(posix_double_count("write"), 0); // It is made once.
        posix_double_stop();
        assert_int_equal(dsi_storage_remove(storage, at("d/f"), NULL), DS_OK);
        assert_true(storage_root_has_no_temporaries(&root));
        dsi_storage_free(storage); // With what it has made in advance.
        assert_int_equal(dsi_storage_local_new(&storage, NULL), DS_OK);
    }
}

// After a failed sync of what was written at last it is as with any file: for ever.
static void test_storage_local__fails_for_ever_for_what_it_held_in_vain(void **state)
{
    (void)state;
    assert_int_equal(put("d/first", 0, NULL), DS_OK);
    assert_int_equal(put_unseen("d/f", five), DS_OK);
    posix_double_start("fsync", 2, -EIO); // The directory, then the file.
    assert_int_equal(sync_one("d/f"), DS_EIO);
    posix_double_stop();
    assert_int_equal(sync_one("d/f"), DS_EIO);
    assert_int_equal(put_unseen("d/f", five), DS_OK); // Given once more it is another.
    assert_int_equal(sync_one("d/f"), DS_OK);
    assert_true(is_whole("d/f"));
}

static void test_storage_local__opens_nothing_but_files(void **state)
{
    struct ds_file_info info = {0, 0};
    struct ds_file *file = NULL;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(mkfifo(at("pipe") + strlen("file://"), 0666), 0);
    assert_int_equal(dsi_file_open(storage, at("pipe"), &file, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "pipe"));
    assert_int_equal(dsi_storage_stat(storage, at("pipe"), &info, &err), DS_EINVALID);
    assert_int_equal(dsi_file_open(storage, "file:///dev/zero", &file, &err),
                     DS_EINVALID);
    assert_int_equal(dsi_file_open(storage, root.prefix, &file, &err), DS_ENOTFOUND);
    assert_non_null(strstr(err.message, "directory"));
}

static int count_it(void *arg, const char *path, const struct ds_file_info *info)
{
    (void)path;
    (void)info;
    ++*(size_t *)arg;
    return DS_OK;
}

static void test_storage_local__follows_no_link_while_it_lists(void **state)
{
    size_t count = 0;
    (void)state;

    assert_int_equal(put("d/f", 0, NULL), DS_OK);
    assert_int_equal(symlink("..", at("d/up") + strlen("file://")), 0);
    assert_int_equal(mkfifo(at("d/pipe") + strlen("file://"), 0666), 0);
    assert_int_equal(dsi_storage_list(storage, at("d"), count_it, &count, NULL), DS_OK);
    assert_int_equal(count, 1);
}

static void test_storage_local__stops_at_a_tree_too_deep(void **state)
{
    char name[512] = "";
    size_t count = 0;
    struct ds_error err = {0};
    (void)state;

    for (int i = 0; i < 70; i++) {
        strncat(name, "d/", sizeof name - strlen(name) - 1);
    }
    strncat(name, "f", sizeof name - strlen(name) - 1);
    assert_int_equal(put(name, 0, NULL), DS_OK);
    assert_int_equal(dsi_storage_list(storage, root.prefix, count_it, &count, &err),
                     DS_EUNSUPPORTED);
}

static void test_storage_local__reads_on_after_short_and_interrupted_reads(void **state)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    (void)state;

    assert_int_equal(put("f", 0, NULL), DS_OK);
    posix_double_start("pread", 2, -EINTR);
    posix_double.cut = 2;
    assert_int_equal(dsi_storage_read(storage, at("f"), &bytes, NULL), DS_OK);
    assert_int_equal(bytes.size, 5);
    assert_memory_equal(bytes.data, "abcde", 5);
    dsi_buf_release(&bytes);
}

static void test_storage_local__tells_a_file_that_was_cut_while_open(void **state)
{
    struct ds_file *file = NULL;
    struct ds_error err = {0};
    char out[5];
    (void)state;

    assert_int_equal(put("f", 0, NULL), DS_OK);
    assert_int_equal(dsi_file_open(storage, at("f"), &file, NULL), DS_OK);
    assert_int_equal(truncate(at("f") + strlen("file://"), 3), 0);
    assert_int_equal(dsi_file_read(file, 0, out, 5, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "only 3"));
    dsi_file_close(file);
}

static void lock_once(void)
{
    void *lock = NULL;
    void *second = NULL;

    assert_int_equal(dsi_storage_lock(storage, at("l/.datashard-l"), 0, &lock, NULL),
                     DS_OK);
    assert_int_equal(dsi_storage_lock(storage, at("l/.datashard-l"), 0, &second, NULL),
                     DS_ECONFLICT);
    dsi_storage_unlock(storage, lock);
}

static void test_storage_local__keeps_locks_open_until_it_is_freed(void **state)
{
    (void)state;

    lock_once(); // One is held while another waits: there are two.
    posix_double_start(NULL, 0, 0);
    lock_once();
    assert_int_equal(posix_double_count("open"), 0);
    assert_int_equal(posix_double_count("close"), 0);
    assert_int_equal(unlink(at("l/.datashard-l") + strlen("file://")), 0);
    assert_int_equal(unlink(at("l/.datashard-l-queue") + strlen("file://")), 0);
    assert_int_equal(rmdir(at("l") + strlen("file://")), 0);
    lock_once(); // As if it had never been.
    posix_double_start(NULL, 0, 0);
    dsi_storage_free(storage);
    assert_int_equal(posix_double_count("close"), 4);
    posix_double_stop();
    assert_int_equal(dsi_storage_local_new(&storage, NULL), DS_OK);
}

// Everything once, under a fault of the system in each call in turn.
static int everything(struct ds_error *err)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct ds_sink *sink = NULL;
    void *lock = NULL;
    size_t count = 0;
    int rc = dsi_storage_put(storage, at("x/a"), five, DS_PUT_IF_ABSENT, err);

    for (int i = 0; i < 3; i++) { // The third is made of what the second has prepared.
        rc = rc ? rc : dsi_storage_put(storage, at("x/b"), five, DS_PUT_LATER, err);
        const char *path = at("x/b");
        rc = rc ? rc : dsi_storage_sync(storage, &path, 1, err);
    }
    rc = rc ? rc : put("d/1", DS_PUT_LATER, err);
    rc = rc ? rc : put("d/2", DS_PUT_LATER, err);
    rc = rc ? rc : put_after(0, err);
    rc = rc ? rc : dsi_storage_read(storage, at("x/a"), &bytes, err);
    rc = rc ? rc : dsi_storage_list(storage, at("x"), count_it, &count, err);
    for (int i = 0; i < 2; i++) { // The second finds what the first has left open.
        rc = rc ? rc : dsi_storage_lock(storage, at("x/.datashard-l"), 0, &lock, err);
        dsi_storage_unlock(storage, lock);
        lock = NULL;
    }
    rc = rc ? rc : dsi_sink_create(storage, at("y/s"), &sink, err);
    rc = rc ? rc : dsi_sink_write(sink, five, err);
    rc = rc ? rc : dsi_sink_finish(sink, err);
    dsi_sink_close(sink);
    rc = rc ? rc : dsi_storage_remove(storage, at("x/a"), err);
    dsi_buf_release(&bytes);
    return rc;
}

static size_t open_files(void)
{
    size_t count = 0;
    DIR *all = opendir("/proc/self/fd");

    for (struct dirent *e = all ? readdir(all) : NULL; e; e = readdir(all)) {
        count++;
    }
    if (all) {
        closedir(all);
    }
    return count;
}

// Begins with a new one; the last has left nothing open.
static void begin_anew(size_t were_open)
{
    dsi_storage_free(storage);
    storage = NULL;
    assert_int_equal(open_files(), were_open);
    end(NULL);
    assert_int_equal(make(NULL), 0);
}

static void test_storage_local__survives_a_fault_of_every_system_call(void **state)
{
    const int codes[] = {-EIO, -ENOSPC, -EMFILE, -EACCES};
    const size_t were_open = open_files();
    size_t failed = 0;
    (void)state;

    for (size_t k = 0; k < sizeof codes / sizeof codes[0]; k++) {
        for (uint32_t nth = 1;; nth++) {
            struct ds_error err = {0};
            posix_double_start(NULL, nth, codes[k]);
            int rc = everything(&err);
            bool reached = posix_double.seen >= nth;
            posix_double_stop();
            // A failure comes with words; what may be ignored (closing what was read,
            // removing a second name, reading directories above) is no failure.
            assert_true(rc == DS_OK || err.message[0] != '\0');
            failed += rc < 0;
            begin_anew(were_open);
            if (!reached) {
                assert_int_equal(rc, DS_OK);
                break;
            }
        }
    }
    assert_true(failed > 60);
}

static void test_storage_local__survives_every_fault_point(void **state)
{
    struct dsi_fault_plan plan = {0};
    const size_t were_open = open_files();
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        int rc = everything(&err);
        dsi_fault_stop();
        // Without memory to keep a file for later it is synced at once.
        bool well = !plan.name || strncmp(plan.name, "alloc", 5) == 0;
        assert_true(rc == DS_OK ? well : err.message[0] != '\0');
        assert_true(storage_root_has_no_temporaries(&root));
        begin_anew(were_open);
    }
    assert_true(plan.target > 20);
}

#define LOCAL_TEST(f) cmocka_unit_test_setup_teardown(f, make, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        LOCAL_TEST(test_storage_local__syncs_no_more_than_it_has_to),
        LOCAL_TEST(
            test_storage_local__names_what_is_put_after_others_when_all_is_durable),
        LOCAL_TEST(test_storage_local__puts_nothing_after_what_failed_before),
        LOCAL_TEST(test_storage_local__syncs_in_the_order_that_survives_a_crash),
        LOCAL_TEST(test_storage_local__replaces_hints_quickly_again_and_again),
        LOCAL_TEST(test_storage_local__exchanges_no_directory_for_a_hint),
        LOCAL_TEST(test_storage_local__makes_a_file_of_others_durable),
        LOCAL_TEST(test_storage_local__does_not_know_a_name_it_could_not_sync),
        LOCAL_TEST(test_storage_local__syncs_at_once_what_is_too_much_to_keep),
        LOCAL_TEST(test_storage_local__fails_for_ever_after_a_failed_sync),
        LOCAL_TEST(test_storage_local__holds_what_is_not_looked_for_until_its_sync),
        LOCAL_TEST(test_storage_local__never_made_what_is_never_synced),
        LOCAL_TEST(test_storage_local__replaces_what_it_holds),
        LOCAL_TEST(test_storage_local__holds_on_to_what_cannot_be_written),
        LOCAL_TEST(test_storage_local__fails_for_ever_for_what_it_held_in_vain),
        LOCAL_TEST(test_storage_local__opens_nothing_but_files),
        LOCAL_TEST(test_storage_local__follows_no_link_while_it_lists),
        LOCAL_TEST(test_storage_local__stops_at_a_tree_too_deep),
        LOCAL_TEST(test_storage_local__reads_on_after_short_and_interrupted_reads),
        LOCAL_TEST(test_storage_local__tells_a_file_that_was_cut_while_open),
        LOCAL_TEST(test_storage_local__keeps_locks_open_until_it_is_freed),
        LOCAL_TEST(test_storage_local__survives_a_fault_of_every_system_call),
        LOCAL_TEST(test_storage_local__survives_every_fault_point),
    };
    return cmocka_run_group_tests_name("storage_local", tests, NULL, NULL);
}
