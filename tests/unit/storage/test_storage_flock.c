#include "harness.h"
#include "storage/storage_flock.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "cancel_asks.h"
#include "posix_double.h"
#include "root_fixture.h"

static int end(void **state)
{
    posix_double_stop();
    return end_root(state);
}

static const char *lock_path(void)
{
    snprintf(root.path, sizeof root.path, "%s/.datashard-lock", root.dir);
    return root.path;
}

static void test_storage_flock__waits_as_long_as_told(void **state)
{
    struct dsi_flock *first = NULL;
    struct dsi_flock *second = NULL;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_flock_take(lock_path(), 0, &first, &err), DS_OK);
    int64_t start = dsi_clock_monotonic_ns();
    assert_int_equal(dsi_flock_take(lock_path(), 20000000, &second, &err), DS_ECONFLICT);
    assert_true(dsi_clock_monotonic_ns() - start >= 20000000);
    assert_null(second);
    dsi_flock_release(first);
    assert_int_equal(dsi_flock_take(lock_path(), 0, &second, &err), DS_OK);
    dsi_flock_release(second);
    dsi_flock_release(NULL);
}

static void test_storage_flock__dies_with_its_holder(void **state)
{
    struct dsi_flock *lock = NULL;
    int status = 0;
    (void)state;

    pid_t child = fork();
    if (child == 0) {
        _exit(dsi_flock_take(lock_path(), 0, &lock, NULL) == DS_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(dsi_flock_take(lock_path(), 0, &lock, NULL), DS_OK);
    dsi_flock_release(lock);
}

static void test_storage_flock__is_not_kept_by_a_child_of_its_holder(void **state)
{
    struct dsi_flock *lock = NULL;
    int gate[2];
    char byte = 0;
    (void)state;

    assert_int_equal(pipe(gate), 0);
    assert_int_equal(dsi_flock_take(lock_path(), 0, &lock, NULL), DS_OK);
    pid_t child = fork(); // It has the descriptor too, and lives on.
    if (child == 0) {
        close(gate[1]);
        _exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
    }
    dsi_flock_release(lock);
    assert_int_equal(dsi_flock_take(lock_path(), 0, &lock, NULL), DS_OK);
    dsi_flock_release(lock);
    close(gate[1]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    close(gate[0]);
}

static void test_storage_flock__does_without_where_there_are_no_locks(void **state)
{
    struct dsi_flock *lock = NULL;
    struct ds_error err = {0};
    (void)state;

    posix_double_start("flock", 1, -ENOLCK);
    assert_int_equal(dsi_flock_take(lock_path(), 0, &lock, &err), DS_OK);
    assert_null(lock);
    posix_double_start("flock", 2, -EIO);
    assert_int_equal(dsi_flock_take(lock_path(), 0, &lock, &err), DS_EIO);
    posix_double_start("open", 1, -EMFILE);
    assert_int_equal(dsi_flock_take(lock_path(), 0, &lock, &err), DS_EIO);
    posix_double_start("flock", 1, -EINTR);
    assert_int_equal(dsi_flock_take(lock_path(), 1000000, &lock, &err), DS_OK);
    dsi_flock_release(lock);
    assert_int_equal(dsi_flock_take("/nowhere/lock", 0, &lock, &err), DS_ENOTFOUND);
}

enum { CONTENDERS = 6, TURNS = 30 };

// Each contender takes the lock TURNS times and wants it again at once: nobody is passed
// over, because whoever gives it back queues up behind.
static void test_storage_flock__is_fair_to_those_who_wait(void **state)
{
    pid_t children[CONTENDERS];
    int order[2];
    int taken[CONTENDERS] = {0};
    int first_to_end = 0;
    (void)state;

    assert_int_equal(pipe(order), 0);
    for (int i = 0; i < CONTENDERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            char me = (char)i;
            for (int turn = 0; turn < TURNS; turn++) {
                struct dsi_flock *lock = NULL;
                if (dsi_flock_take(lock_path(), INT64_MAX, &lock, NULL) != DS_OK ||
                    write(order[1], &me, 1) != 1) {
                    _exit(1);
                }
                dsi_sleep_ns(300000); // The work.
                dsi_flock_release(lock);
            }
            _exit(0);
        }
    }
    for (int i = 0; i < CONTENDERS * TURNS; i++) {
        char who = 0;
        assert_int_equal(read(order[0], &who, 1), 1);
        if (++taken[(int)who] == TURNS && first_to_end == 0) {
            first_to_end = i + 1;
        }
    }
    for (int i = 0; i < CONTENDERS; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    close(order[0]);
    close(order[1]);
    print_message("  the first was done after %d of %d turns\n", first_to_end,
                  CONTENDERS * TURNS);
    assert_true(first_to_end > CONTENDERS * TURNS / 3);
}

static void test_storage_flock__a_waiter_may_be_cancelled(void **state)
{
    struct asks asks = {.after_ns = asks_now_ns() + 30000000};
    struct ds_cancel_scope c = {.cancelled = asks_cancelled, .arg = &asks};
    struct dsi_flock *first = NULL;
    struct dsi_flock *second = NULL;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_flock_take(lock_path(), 0, &first, &err), DS_OK);
    dsi_cancel_begin(&c);
    assert_int_equal(dsi_flock_take(lock_path(), INT64_C(3600000000000), &second, &err),
                     DS_ECANCELLED);
    int64_t took = asks_now_ns() - asks.said_ns;
    dsi_cancel_end(&c);
    assert_null(second);
    assert_true(took < 100000000);
    dsi_flock_release(first);
    assert_int_equal(dsi_flock_take(lock_path(), 0, &second, &err), DS_OK); // No place in
    dsi_flock_release(second); // the queue was kept.
}

#define FLOCK_TEST(f) cmocka_unit_test_setup_teardown(f, make_root, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        FLOCK_TEST(test_storage_flock__waits_as_long_as_told),
        FLOCK_TEST(test_storage_flock__dies_with_its_holder),
        FLOCK_TEST(test_storage_flock__is_not_kept_by_a_child_of_its_holder),
        FLOCK_TEST(test_storage_flock__does_without_where_there_are_no_locks),
        FLOCK_TEST(test_storage_flock__is_fair_to_those_who_wait),
        FLOCK_TEST(test_storage_flock__a_waiter_may_be_cancelled),
    };
    return cmocka_run_group_tests_name("storage_flock", tests, NULL, NULL);
}
