// What every storage backend must do. A new backend is one row in the table below.
#include "harness.h"
#include "storage/storage.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "storage_root.h"

// Every backend runs this file unchanged. What a backend cannot do is data.
struct storage_case {
    const char *name;
    int (*make)(ds_storage **out, struct ds_error *err);
    const char *scheme; // "file": below a directory made for the test.
};

static const struct storage_case storage_cases[] = {
    {"memory", dsi_storage_mem_new, "memory"},
    {"local", dsi_storage_local_new, "file"},
    {"router to memory", dsi_storage_router_new, "memory"},
    {"router to local", dsi_storage_router_new, "file"},
};

static const struct storage_case *backend; // The row under test.
static ds_storage *storage;                // A new, empty one for each test.
static struct storage_root root;           // What its paths start with.

static int make_storage(void **state)
{
    (void)state;
    return backend->make(&storage, NULL) == DS_OK &&
                   storage_root_make(&root, backend->scheme)
               ? 0
               : -1;
}

static int free_storage(void **state)
{
    (void)state;
    dsi_storage_free(storage);
    storage = NULL;
    storage_root_remove(&root);
    return 0;
}

static struct ds_slice text(const char *s)
{
    return (struct ds_slice){(const uint8_t *)s, strlen(s)};
}

static const char *at(const char *name)
{
    return storage_root_path(&root, name);
}

static int put(const char *name, const char *content, uint32_t flags)
{
    return dsi_storage_put(storage, at(name), text(content), flags, NULL);
}

static void assert_content(const char *name, const char *content)
{
    struct dsi_buf bytes = DSI_BUF_INIT;

    assert_int_equal(dsi_storage_read(storage, at(name), &bytes, NULL), DS_OK);
    assert_int_equal(bytes.size, strlen(content));
    assert_memory_equal(bytes.size ? (const char *)bytes.data : "", content, bytes.size);
    dsi_buf_release(&bytes);
}

static void assert_absent(const char *name)
{
    struct ds_file_info info = {0, 0};
    struct ds_file *file = NULL;

    assert_int_equal(dsi_storage_stat(storage, at(name), &info, NULL), DS_ENOTFOUND);
    assert_int_equal(dsi_file_open(storage, at(name), &file, NULL), DS_ENOTFOUND);
    assert_null(file);
}

static void test_storage__gives_back_what_it_was_given(void **state)
{
    struct ds_file_info info = {0, 0};
    (void)state;

    assert_int_equal(put("a/b", "abc", 0), DS_OK);
    assert_content("a/b", "abc");
    assert_int_equal(dsi_storage_stat(storage, at("a/b"), &info, NULL), DS_OK);
    assert_int_equal(info.size, 3);
    assert_true(info.modified_ms > INT64_C(1500000000000));
    assert_absent("a"); // There are no directories.
    assert_absent("a/c");
    assert_absent("a/b/c");
    assert_absent("other/b");
}

static void test_storage__keeps_an_empty_file(void **state)
{
    (void)state;
    assert_int_equal(put("empty", "", 0), DS_OK);
    assert_content("empty", "");
}

static void test_storage__overwrites_unless_told_otherwise(void **state)
{
    const uint32_t flags[] = {0, DS_PUT_LATER, DS_PUT_HINT};
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(put("a", "abc", flags[i]), DS_OK);
        assert_int_equal(put("a", "abcde", flags[i]), DS_OK);
        assert_content("a", "abcde");
    }
    const char *path = at("a");
    assert_int_equal(dsi_storage_sync(storage, &path, 1, NULL), DS_OK);
    assert_content("a", "abcde");
}

static void test_storage__puts_a_file_after_others(void **state)
{
    const char *names[] = {"a", "none", "b"};
    char paths[3][sizeof root.path];
    const char *first[3];
    (void)state;

    for (int i = 0; i < 3; i++) {
        snprintf(paths[i], sizeof paths[i], "%s", at(names[i]));
        first[i] = paths[i];
    }
    assert_int_equal(put("a", "abc", DS_PUT_LATER), DS_OK);
    assert_int_equal(dsi_storage_put_after(storage, first[2], text("1"), DS_PUT_IF_ABSENT,
                                           first, 3, NULL),
                     DS_OK);
    assert_content("b", "1");
    assert_int_equal(dsi_storage_put_after(storage, first[2], text("2"), DS_PUT_IF_ABSENT,
                                           first, 3, NULL),
                     DS_EEXISTS);
    assert_content("b", "1");
    assert_int_equal(
        dsi_storage_put_after(storage, first[2], text("3"), 0, first, 0, NULL), DS_OK);
    assert_content("b", "3");
    assert_content("a", "abc");
    assert_absent("none");
}

static void test_storage__makes_durable_what_others_wrote(void **state)
{
    (void)state;
    assert_int_equal(put("d/e/a", "abc", DS_PUT_LATER), DS_OK);
    assert_int_equal(dsi_storage_sync_file(storage, at("d/e/a"), NULL), DS_OK);
    assert_content("d/e/a", "abc");
}

static void test_storage__puts_if_absent_only_once(void **state)
{
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(put("d/a", "abc", DS_PUT_IF_ABSENT), DS_OK);
    assert_int_equal(
        dsi_storage_put(storage, at("d/a"), text("abcde"), DS_PUT_IF_ABSENT, &err),
        DS_EEXISTS);
    assert_non_null(strstr(err.message, "d/a"));
    assert_content("d/a", "abc");
}

static void test_storage__removes_twice_without_complaint(void **state)
{
    (void)state;
    assert_int_equal(put("x/a", "abc", 0), DS_OK);
    assert_int_equal(dsi_storage_remove(storage, at("x/a"), NULL), DS_OK);
    assert_int_equal(dsi_storage_remove(storage, at("x/a"), NULL), DS_OK);
    assert_int_equal(dsi_storage_remove(storage, at("nowhere/a"), NULL), DS_OK);
    assert_absent("x/a");
    assert_int_equal(put("x/a", "new", DS_PUT_IF_ABSENT), DS_OK);
}

static void test_storage__reads_what_was_open_before_it_was_replaced(void **state)
{
    struct ds_file *file = NULL;
    char got[4] = "";
    (void)state;

    assert_int_equal(put("a", "old", 0), DS_OK);
    assert_int_equal(dsi_file_open(storage, at("a"), &file, NULL), DS_OK);
    assert_int_equal(put("a", "newer", 0), DS_OK);
    assert_int_equal(dsi_storage_remove(storage, at("a"), NULL), DS_OK);
    assert_int_equal(dsi_file_size(file), 3);
    assert_int_equal(dsi_file_read(file, 0, got, 3, NULL), DS_OK);
    assert_string_equal(got, "old");
    dsi_file_close(file);
}

static void test_storage__reads_ranges_and_refuses_those_beyond_the_end(void **state)
{
    struct ds_error err = {0};
    struct ds_file *file = NULL;
    char got[8] = "";
    (void)state;

    assert_int_equal(put("a", "0123456789", 0), DS_OK);
    assert_int_equal(dsi_file_open(storage, at("a"), &file, NULL), DS_OK);
    assert_int_equal(dsi_file_read(file, 4, got, 3, NULL), DS_OK);
    assert_string_equal(got, "456");
    assert_int_equal(dsi_file_read(file, 10, got, 0, NULL), DS_OK);
    assert_int_equal(dsi_file_read(file, 8, got, 3, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "only 10"));
    assert_int_equal(dsi_file_read(file, UINT64_MAX, got, 3, &err), DS_ECORRUPT);
    dsi_file_close(file);
}

static void test_storage__refuses_to_read_more_than_the_buffer_may_hold(void **state)
{
    struct dsi_buf small = DSI_BUF_INIT_MAX(4);
    (void)state;

    assert_int_equal(put("a", "12345", 0), DS_OK);
    assert_int_equal(dsi_storage_read(storage, at("a"), &small, NULL), DS_EUNSUPPORTED);
    assert_int_equal(small.size, 0);
    dsi_buf_release(&small);
}

static void test_storage__shows_a_sink_only_when_it_is_finished(void **state)
{
    struct ds_sink *sink = NULL;
    (void)state;

    assert_int_equal(dsi_sink_create(storage, at("d/s"), &sink, NULL), DS_OK);
    assert_int_equal(dsi_sink_write(sink, text("abc"), NULL), DS_OK);
    assert_absent("d/s");
    assert_int_equal(dsi_sink_write(sink, text(""), NULL), DS_OK);
    assert_int_equal(dsi_sink_write(sink, text("de"), NULL), DS_OK);
    assert_int_equal(dsi_sink_finish(sink, NULL), DS_OK);
    dsi_sink_close(sink);
    assert_content("d/s", "abcde");
}

struct seen {
    char names[16][256];
    uint64_t sizes[16];
    size_t count;
    int stop_at; // 0: never.
};

static int see(void *arg, const char *path, const struct ds_file_info *info)
{
    struct seen *s = arg;

    if (s->count == 16) {
        return DS_EBUG;
    }
    snprintf(s->names[s->count], sizeof s->names[0], "%s", path);
    s->sizes[s->count++] = info->size;
    return s->stop_at != 0 && (int)s->count == s->stop_at ? DS_ECANCELLED : DS_OK;
}

static bool saw(const struct seen *s, const char *name, uint64_t size)
{
    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->names[i], at(name)) == 0) {
            return s->sizes[i] == size;
        }
    }
    return false;
}

static void test_storage__leaves_nothing_of_a_sink_that_was_given_up(void **state)
{
    struct ds_sink *sink = NULL;
    struct seen seen = {.count = 0};
    (void)state;

    assert_int_equal(dsi_sink_create(storage, at("d/s"), &sink, NULL), DS_OK);
    assert_int_equal(dsi_sink_write(sink, text("abc"), NULL), DS_OK);
    dsi_sink_close(sink);
    assert_absent("d/s");
    assert_int_equal(dsi_storage_list(storage, at("d"), see, &seen, NULL), DS_OK);
    assert_int_equal(seen.count, 0);
    assert_true(storage_root_has_no_temporaries(&root));
}

static void test_storage__refuses_to_finish_over_another_file(void **state)
{
    struct ds_sink *sink = NULL;
    (void)state;

    assert_int_equal(dsi_sink_create(storage, at("s"), &sink, NULL), DS_OK);
    assert_int_equal(dsi_sink_write(sink, text("late"), NULL), DS_OK);
    assert_int_equal(put("s", "first", 0), DS_OK);
    int rc = dsi_sink_finish(sink, NULL);
    const char *path = at("s");
    assert_int_equal(rc < 0 ? rc : dsi_storage_sync(storage, &path, 1, NULL), DS_EEXISTS);
    dsi_sink_close(sink);
    assert_content("s", "first");
    assert_true(storage_root_has_no_temporaries(&root));
}

static void test_storage__lists_everything_below_a_prefix_and_nothing_else(void **state)
{
    struct seen seen = {.count = 0};
    (void)state;

    assert_int_equal(put("t/a", "1", 0), DS_OK);
    assert_int_equal(put("t/b/c/d", "22", 0), DS_OK);
    assert_int_equal(put("t-other/a", "333", 0), DS_OK);
    assert_int_equal(put("t2", "4444", 0), DS_OK);
    assert_int_equal(put("t/b/.datashard-x", "5", 0), DS_OK);
    assert_int_equal(dsi_storage_list(storage, at("t"), see, &seen, NULL), DS_OK);
    assert_int_equal(seen.count, 2);
    assert_true(saw(&seen, "t/a", 1));
    assert_true(saw(&seen, "t/b/c/d", 2));

    seen.count = 0;
    assert_int_equal(dsi_storage_list(storage, at("t2"), see, &seen, NULL), DS_OK);
    assert_int_equal(dsi_storage_list(storage, at("nowhere"), see, &seen, NULL), DS_OK);
    assert_int_equal(seen.count, 0);
    seen.stop_at = 1;
    assert_int_equal(dsi_storage_list(storage, at("t"), see, &seen, NULL), DS_ECANCELLED);
    assert_int_equal(seen.count, 1);
}

static int remove_it(void *arg, const char *path, const struct ds_file_info *info)
{
    (void)info;
    return dsi_storage_remove(arg, path, NULL);
}

static void test_storage__may_be_called_while_it_lists(void **state)
{
    struct seen seen = {.count = 0};
    (void)state;

    assert_int_equal(put("t/a", "1", 0), DS_OK);
    assert_int_equal(put("t/b", "2", 0), DS_OK);
    assert_int_equal(dsi_storage_list(storage, at("t"), remove_it, storage, NULL), DS_OK);
    assert_int_equal(dsi_storage_list(storage, at("t"), see, &seen, NULL), DS_OK);
    assert_int_equal(seen.count, 0);
}

static void test_storage__refuses_paths_that_leave_their_place(void **state)
{
    const char *bad[] = {"a/../b", "..", "a/./b", ".", "a//b", "a/"};
    struct ds_file_info info = {0, 0};
    struct ds_error err = {0};
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(dsi_storage_stat(storage, at(bad[i]), &info, &err), DS_EINVALID);
        assert_int_equal(put(bad[i], "x", 0), DS_EINVALID);
        assert_int_equal(dsi_storage_remove(storage, at(bad[i]), &err), DS_EINVALID);
        assert_true(err.message[0] != '\0');
    }
}

static void test_storage__gives_a_lock_to_one_at_a_time(void **state)
{
    void *first = NULL;
    void *second = NULL;
    (void)state;

    const char *lock = at("t/.datashard-lock");
    assert_int_equal(dsi_storage_lock(storage, lock, 0, &first, NULL), DS_OK);
    if (!first) {
        skip();
    }
    assert_int_equal(dsi_storage_lock(storage, lock, 0, &second, NULL), DS_ECONFLICT);
    assert_int_equal(dsi_storage_lock(storage, lock, 2000000, &second, NULL),
                     DS_ECONFLICT);
    assert_null(second);
    assert_int_equal(
        dsi_storage_lock(storage, at("t/.datashard-lock2"), 0, &second, NULL), DS_OK);
    dsi_storage_unlock(storage, second);
    dsi_storage_unlock(storage, first);
    lock = at("t/.datashard-lock");
    assert_int_equal(dsi_storage_lock(storage, lock, 0, &second, NULL), DS_OK);
    dsi_storage_unlock(storage, second);
}

enum { RACERS = 4, ROUNDS = 100 };

struct race {
    _Atomic int winners[ROUNDS];
    _Atomic int failures;
    _Atomic int inside; // Holders of the lock.
};

static void run_race(void *arg)
{
    struct race *r = arg;

    for (int i = 0; i < ROUNDS; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/race/v%d", root.prefix, i);
        int rc = dsi_storage_put(storage, path, text("x"), DS_PUT_IF_ABSENT, NULL);
        if (rc == DS_OK) {
            r->winners[i]++;
        } else if (rc != DS_EEXISTS) {
            r->failures++;
        }
    }
}

static void run_lock(void *arg)
{
    struct race *r = arg;
    char path[512];

    snprintf(path, sizeof path, "%s/.datashard-lock", root.prefix);
    for (int i = 0; i < ROUNDS; i++) {
        void *lock = NULL;
        if (dsi_storage_lock(storage, path, INT64_MAX, &lock, NULL) != DS_OK ||
            (lock && ++r->inside != 1)) {
            r->failures++;
        }
        if (lock) {
            r->inside--;
        }
        dsi_storage_unlock(storage, lock);
    }
}

static void race(struct race *r, void (*run)(void *))
{
    struct dsi_thread *threads[RACERS] = {NULL};

    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(dsi_thread_start(&threads[i], run, r, NULL), DS_OK);
    }
    for (int i = 0; i < RACERS; i++) {
        dsi_thread_join(threads[i]);
    }
    assert_int_equal(r->failures, 0);
}

static void test_storage__has_one_winner_for_each_absent_name(void **state)
{
    static struct race r;
    (void)state;

    memset(&r, 0, sizeof r);
    race(&r, run_race);
    for (int i = 0; i < ROUNDS; i++) {
        assert_int_equal(r.winners[i], 1);
    }
    assert_true(storage_root_has_no_temporaries(&root));
}

static void test_storage__has_one_holder_of_a_lock_among_threads(void **state)
{
    static struct race r;
    (void)state;

    memset(&r, 0, sizeof r);
    race(&r, run_lock);
}

#define STORAGE_TEST(f) cmocka_unit_test_setup_teardown(f, make_storage, free_storage)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STORAGE_TEST(test_storage__gives_back_what_it_was_given),
        STORAGE_TEST(test_storage__keeps_an_empty_file),
        STORAGE_TEST(test_storage__overwrites_unless_told_otherwise),
        STORAGE_TEST(test_storage__puts_a_file_after_others),
        STORAGE_TEST(test_storage__makes_durable_what_others_wrote),
        STORAGE_TEST(test_storage__puts_if_absent_only_once),
        STORAGE_TEST(test_storage__removes_twice_without_complaint),
        STORAGE_TEST(test_storage__reads_what_was_open_before_it_was_replaced),
        STORAGE_TEST(test_storage__reads_ranges_and_refuses_those_beyond_the_end),
        STORAGE_TEST(test_storage__refuses_to_read_more_than_the_buffer_may_hold),
        STORAGE_TEST(test_storage__shows_a_sink_only_when_it_is_finished),
        STORAGE_TEST(test_storage__leaves_nothing_of_a_sink_that_was_given_up),
        STORAGE_TEST(test_storage__refuses_to_finish_over_another_file),
        STORAGE_TEST(test_storage__lists_everything_below_a_prefix_and_nothing_else),
        STORAGE_TEST(test_storage__may_be_called_while_it_lists),
        STORAGE_TEST(test_storage__refuses_paths_that_leave_their_place),
        STORAGE_TEST(test_storage__gives_a_lock_to_one_at_a_time),
        STORAGE_TEST(test_storage__has_one_winner_for_each_absent_name),
        STORAGE_TEST(test_storage__has_one_holder_of_a_lock_among_threads),
    };
    int failed = 0;

    for (size_t i = 0; i < sizeof storage_cases / sizeof storage_cases[0]; i++) {
        backend = &storage_cases[i];
        failed += cmocka_run_group_tests_name(backend->name, tests, NULL, NULL);
    }
    return failed;
}
