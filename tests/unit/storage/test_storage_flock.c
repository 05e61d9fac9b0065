#include "harness.h"
#include "storage/storage_flock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/clock.h"
#include "cancel_asks.h"
#include "posix_double.h"
#include "root_fixture.h"
#include "storage/storage_holder.h"

static struct dsi_flocks flocks;

static int end(void **state)
{
    posix_double_stop();
    dsi_flocks_close(&flocks);
    return end_root(state);
}

static const char *lock_path(void)
{
    snprintf(root.path, sizeof root.path, "%s/.datashard-lock", root.dir);
    return root.path;
}

// A descriptor of this process whose path begins so, and how many there are; -1: none.
static int descriptor_of(const char *begin, size_t *count)
{
    char name[300];
    char target[600];
    int found = -1;
    DIR *all = opendir("/proc/self/fd");

    *count = 0;
    for (struct dirent *e = all ? readdir(all) : NULL; e; e = readdir(all)) {
        snprintf(name, sizeof name, "/proc/self/fd/%s", e->d_name);
        ssize_t n = readlink(name, target, sizeof target - 1);
        target[n > 0 ? n : 0] = '\0';
        if (strncmp(target, begin, strlen(begin)) == 0) {
            found = atoi(e->d_name);
            (*count)++;
        }
    }
    if (all) {
        closedir(all);
    }
    return found;
}

static size_t open_in_root(void)
{
    size_t count = 0;
    (void)descriptor_of(root.dir, &count);
    return count;
}

static void test_storage_flock__waits_as_long_as_told(void **state)
{
    struct dsi_flock *first = NULL;
    struct dsi_flock *second = NULL;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &first, &err), DS_OK);
    int64_t start = dsi_clock_monotonic_ns();
    assert_int_equal(dsi_flock_take(&flocks, lock_path(), 20000000, &second, &err),
                     DS_ECONFLICT);
    assert_true(dsi_clock_monotonic_ns() - start >= 20000000);
    assert_null(second);
    dsi_flock_release(&flocks, first);
    assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &second, &err), DS_OK);
    dsi_flock_release(&flocks, second);
    dsi_flock_release(&flocks, NULL);
}

static void test_storage_flock__dies_with_its_holder(void **state)
{
    struct dsi_flock *lock = NULL;
    int status = 0;
    (void)state;

    pid_t child = fork();
    if (child == 0) {
        _exit(dsi_flock_take(&flocks, lock_path(), 0, &lock, NULL) == DS_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &lock, NULL), DS_OK);
    dsi_flock_release(&flocks, lock);
}

static void test_storage_flock__is_not_kept_by_a_child_of_its_holder(void **state)
{
    struct dsi_flock *lock = NULL;
    int gate[2];
    char byte = 0;
    (void)state;

    assert_int_equal(pipe(gate), 0);
    assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &lock, NULL), DS_OK);
    pid_t child = fork(); // It has the descriptor too, and lives on.
    if (child == 0) {
        close(gate[1]);
        _exit(read(gate[0], &byte, 1) == 0 ? 0 : 1);
    }
    dsi_flock_release(&flocks, lock);
    assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &lock, NULL), DS_OK);
    dsi_flock_release(&flocks, lock);
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
    assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &lock, &err), DS_OK);
    assert_null(lock);
    posix_double_start("flock", 2, -EIO);
    assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &lock, &err), DS_EIO);
    posix_double_start("open", 1, -EMFILE);
    assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &lock, &err), DS_EIO);
    posix_double_start("flock", 1, -EINTR);
    assert_int_equal(dsi_flock_take(&flocks, lock_path(), 1000000, &lock, &err), DS_OK);
    dsi_flock_release(&flocks, lock);
    assert_int_equal(dsi_flock_take(&flocks, "/nowhere/lock", 0, &lock, &err),
                     DS_ENOTFOUND);
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
                if (dsi_flock_take(&flocks, lock_path(), INT64_MAX, &lock, NULL) !=
                        DS_OK ||
                    write(order[1], &me, 1) != 1) {
                    _exit(1);
                }
                dsi_sleep_ns(300000); // The work.
                dsi_flock_release(&flocks, lock);
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

    assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &first, &err), DS_OK);
    dsi_cancel_begin(&c);
    assert_int_equal(
        dsi_flock_take(&flocks, lock_path(), INT64_C(3600000000000), &second, &err),
        DS_ECANCELLED);
    int64_t took = asks_now_ns() - asks.said_ns;
    dsi_cancel_end(&c);
    assert_null(second);
    assert_true(took < 100000000);
    assert_int_equal(open_in_root(), 4); // They are as good as before.
    dsi_flock_release(&flocks, first);
    assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &second, &err),
                     DS_OK);            // No place in
    dsi_flock_release(&flocks, second); // the queue was kept.
}

// ---- What is kept open

static void take_and_release(const char *path)
{
    struct dsi_flock *lock = NULL;
    assert_int_equal(dsi_flock_take(&flocks, path, 0, &lock, NULL), DS_OK);
    assert_non_null(lock);
    dsi_flock_release(&flocks, lock);
}

// Whether a newcomer, who has no part in what is kept here, gets the file's lock.
static bool is_free(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    assert_true(fd >= 0);
    bool got = flock(fd, LOCK_EX | LOCK_NB) == 0;
    close(fd);
    return got;
}

static const char *queue_path(void)
{
    static char path[700];
    snprintf(path, sizeof path, "%s-queue", lock_path());
    return path;
}

static void test_storage_flock__is_opened_once(void **state)
{
    struct dsi_flock *lock = NULL;
    (void)state;

    posix_double_start(NULL, 0, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &lock, NULL), DS_OK);
        assert_false(is_free(lock_path()));
        assert_true(is_free(queue_path()));
        dsi_flock_release(&flocks, lock);
        assert_true(is_free(lock_path()));
        assert_true(is_free(queue_path()));
    }
    assert_int_equal(posix_double_count("open"), 2);
    assert_int_equal(posix_double_count("close"), 0);
    dsi_flocks_close(&flocks);
    assert_int_equal(posix_double_count("close"), 2);
    assert_int_equal(open_in_root(), 0);
    take_and_release(lock_path()); // As before.
}

static void test_storage_flock__one_who_waited_in_vain_keeps_it_too(void **state)
{
    struct dsi_flock *first = NULL;
    struct dsi_flock *second = NULL;
    (void)state;

    take_and_release(lock_path()); // Kept, and taken out by the first.
    assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &first, NULL), DS_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &second, NULL),
                         DS_ECONFLICT);
        assert_null(second);
        assert_true(is_free(queue_path()));
    }
    assert_int_equal(open_in_root(), 4);
    dsi_flock_release(&flocks, first);
    assert_true(is_free(lock_path()));
    dsi_flocks_close(&flocks);
    assert_int_equal(open_in_root(), 0);
}

enum { THREADS = 3, ROUNDS = 150 };

struct shared {
    const char *path;
    atomic_int inside;
    atomic_int together; // So often somebody was not alone.
};

static void *take_turns(void *arg)
{
    struct shared *all = arg;

    for (int i = 0; i < ROUNDS; i++) {
        struct dsi_flock *lock = NULL;
        if (dsi_flock_take(&flocks, all->path, INT64_MAX, &lock, NULL) != DS_OK) {
            abort();
        }
        atomic_fetch_add(&all->together, atomic_fetch_add(&all->inside, 1) != 0);
        dsi_sleep_ns(20000);
        atomic_fetch_sub(&all->inside, 1);
        dsi_flock_release(&flocks, lock);
    }
    return NULL;
}

static void test_storage_flock__threads_exclude_each_other(void **state)
{
    static struct shared all;
    pthread_t threads[THREADS];
    (void)state;

    all.path = lock_path();
    take_and_release(all.path);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, take_turns, &all), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(atomic_load(&all.together), 0);
    assert_in_range(open_in_root(), 2, 2 * THREADS);
}

static void test_storage_flock__a_removed_file_is_not_used(void **state)
{
    struct dsi_flock *lock = NULL;
    (void)state;

    for (int which = 0; which < 3; which++) {
        const char *path = which == 1 ? queue_path() : lock_path();
        take_and_release(lock_path());
        if (which < 2) {
            assert_int_equal(unlink(path), 0);
        } else { // Replaced.
            char other[700];
            snprintf(other, sizeof other, "%s/other", root.dir);
            close(open(other, O_RDWR | O_CREAT, 0666));
            assert_int_equal(rename(other, lock_path()), 0);
        }
        int newcomer = open(path = which == 1 ? queue_path() : lock_path(),
                            O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        assert_int_equal(flock(newcomer, LOCK_EX | LOCK_NB), 0);
        assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &lock, NULL),
                         DS_ECONFLICT);
        close(newcomer);
        take_and_release(lock_path());
        assert_int_equal(open_in_root(), 2);
    }
}

static void test_storage_flock__a_number_that_is_another_files_is_not_used(void **state)
{
    struct dsi_flock *lock = NULL;
    char path[700];
    size_t count = 0;
    (void)state;

    snprintf(path, sizeof path, "%s/another", root.dir);
    for (int which = 0; which < 2; which++) {
        take_and_release(lock_path());
        int other = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        int kept = descriptor_of(which ? lock_path() : queue_path(), &count);
        assert_true(other >= 0 && kept >= 0);
        assert_int_equal(dup2(other, kept), kept); // As who closes all and opens his own.
        assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &lock, NULL), DS_OK);
        assert_false(is_free(lock_path()));
        assert_true(is_free(path));
        dsi_flock_release(&flocks, lock);
        struct stat st;
        struct stat same;
        assert_int_equal(fstat(other, &st), 0);
        assert_int_equal(fstat(kept, &same), 0); // It is his to close.
        assert_int_equal(st.st_ino, same.st_ino);
        close(kept);
        close(other);
        dsi_flocks_close(&flocks);
    }
    take_and_release(lock_path());
    posix_double_start("fstat", 1, -EBADF);
    take_and_release(lock_path());
    assert_int_equal(posix_double_count("open"), 2);
}

static int wait_child(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

// In a child: the numbers of what its parent keeps are other files' by now.
static int child_takes_its_own(void)
{
    struct dsi_flock *lock = NULL;
    char path[700];
    int others[2];

    snprintf(path, sizeof path, "%s/childs", root.dir);
    if (open_in_root() != 0) {
        return 1;
    }
    for (int i = 0; i < 2; i++) {
        others[i] = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    }
    if (dsi_flock_take(&flocks, lock_path(), 0, &lock, NULL) != DS_OK || !lock ||
        is_free(lock_path()) || !is_free(path) || open_in_root() != 4) {
        return 2;
    }
    dsi_flock_release(&flocks, lock);
    dsi_flocks_close(&flocks);
    bool fine = fcntl(others[0], F_GETFD) >= 0 && fcntl(others[1], F_GETFD) >= 0;
    return fine && open_in_root() == 2 ? 0 : 3;
}

static void test_storage_flock__a_child_uses_nothing_of_its_parents(void **state)
{
    struct dsi_flock *lock = NULL;
    (void)state;

    take_and_release(lock_path());
    pid_t child = fork(); // Nobody holds it, one is kept.
    if (child == 0) {
        _exit(child_takes_its_own());
    }
    assert_int_equal(wait_child(child), 0);
    assert_int_equal(open_in_root(), 2);
    assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &lock, NULL), DS_OK);
    child = fork(); // Held, by the parent.
    if (child == 0) {
        struct dsi_flock *second = NULL;
        dsi_flock_release(&flocks, lock); // Not the child's: nothing.
        int rc = dsi_flock_take(&flocks, lock_path(), 0, &second, NULL);
        _exit(rc == DS_ECONFLICT && !second ? 0 : 1);
    }
    assert_int_equal(wait_child(child), 0);
    assert_false(is_free(lock_path()));
    dsi_flock_release(&flocks, lock);
    assert_true(is_free(lock_path()));
}

static void test_storage_flock__a_parent_waits_for_its_child(void **state)
{
    struct dsi_flock *lock = NULL;
    int ready[2];
    int gate[2];
    char byte = 0;
    (void)state;

    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(gate), 0);
    take_and_release(lock_path());
    pid_t child = fork();
    if (child == 0) {
        close(gate[1]);
        bool fine = dsi_flock_take(&flocks, lock_path(), 0, &lock, NULL) == DS_OK &&
                    write(ready[1], "", 1) == 1 && read(gate[0], &byte, 1) == 1;
        dsi_flock_release(&flocks, lock);
        fine = fine && write(ready[1], "", 1) == 1 && read(gate[0], &byte, 1) == 0;
        _exit(fine ? 0 : 1);
    }
    char holder[DSI_HOLDER_SIZE];
    bool told = access("/proc/locks", R_OK) == 0; // Not in some sandboxes.
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &lock, NULL), DS_ECONFLICT);
    assert_true(!told || dsi_holder_find(lock_path(), holder));
    assert_int_equal(write(gate[1], "", 1), 1);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_false(dsi_holder_find(lock_path(), holder)); // It only has it open.
    assert_false(dsi_holder_find(queue_path(), holder));
    take_and_release(lock_path());
    close(gate[1]);
    assert_int_equal(wait_child(child), 0);
    close(gate[0]);
    close(ready[0]);
    close(ready[1]);
}

static void test_storage_flock__keeps_a_few(void **state)
{
    enum { PATHS = DSI_FLOCKS_MAX + 3 };
    char path[700];
    (void)state;

    for (int i = 0; i < PATHS; i++) {
        snprintf(path, sizeof path, "%s/lock-%d", root.dir, i);
        take_and_release(path);
        const size_t kept = i < DSI_FLOCKS_MAX ? (size_t)i + 1 : DSI_FLOCKS_MAX;
        assert_int_equal(open_in_root(), 2 * kept);
    }
    posix_double_start(NULL, 0, 0);
    take_and_release(path); // The last one is among them.
    assert_int_equal(posix_double_count("open"), 0);
    dsi_flocks_close(&flocks);
    assert_int_equal(open_in_root(), 0);
}

static void test_storage_flock__keeps_nothing_that_may_still_be_locked(void **state)
{
    struct dsi_flock *lock = NULL;
    (void)state;

    for (uint32_t nth = 1; nth <= 2; nth++) { // The queue's, the lock's.
        posix_double_start("funlock", nth, -EIO);
        take_and_release(lock_path());
        assert_int_equal(open_in_root(), 0);
        assert_true(is_free(queue_path()));
        assert_true(is_free(lock_path()));
    }
    posix_double_stop();
    take_and_release(lock_path());
    posix_double_start("flock", 2, -EIO);
    assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &lock, NULL), DS_EIO);
    assert_int_equal(open_in_root(), 0);
    take_and_release(lock_path());
    posix_double_start("flock", 1, -ENOLCK);
    assert_int_equal(dsi_flock_take(&flocks, lock_path(), 0, &lock, NULL), DS_OK);
    assert_null(lock);
    assert_int_equal(open_in_root(), 0);
}

static void test_storage_flock__keeps_nothing_where_other_machines_are(void **state)
{
    (void)state;

    for (uint32_t nth = 1; nth <= 2; nth++) {
        posix_double_start("is_network", nth, 1);
        take_and_release(lock_path());
        assert_int_equal(open_in_root(), 0);
        posix_double_start("is_network", nth, -EIO); // Nobody knows.
        take_and_release(lock_path());
        assert_int_equal(open_in_root(), 0);
    }
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
        FLOCK_TEST(test_storage_flock__is_opened_once),
        FLOCK_TEST(test_storage_flock__one_who_waited_in_vain_keeps_it_too),
        FLOCK_TEST(test_storage_flock__threads_exclude_each_other),
        FLOCK_TEST(test_storage_flock__a_removed_file_is_not_used),
        FLOCK_TEST(test_storage_flock__a_number_that_is_another_files_is_not_used),
        FLOCK_TEST(test_storage_flock__a_child_uses_nothing_of_its_parents),
        FLOCK_TEST(test_storage_flock__a_parent_waits_for_its_child),
        FLOCK_TEST(test_storage_flock__keeps_a_few),
        FLOCK_TEST(test_storage_flock__keeps_nothing_that_may_still_be_locked),
        FLOCK_TEST(test_storage_flock__keeps_nothing_where_other_machines_are),
    };
    return cmocka_run_group_tests_name("storage_flock", tests, NULL, NULL);
}
