#include "harness.h"
#include "storage/storage_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_storage_posix__says_errors_as_negative_numbers(void **state)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    struct stat st;
    DIR *dir = NULL;
    char small[1];
    void *at = NULL;
    (void)state;

    assert_int_equal(posix->open("/proc/nowhere/x", O_RDONLY, 0), -ENOENT);
    assert_int_equal(posix->close(-1), -EBADF);
    assert_int_equal(posix->pread(-1, small, 1, 0), -EBADF);
    posix->will_read(-1, 0, 1); // Has nothing to say.
    assert_int_equal(posix->write(-1, small, 1), -EBADF);
    assert_int_equal(posix->fsync(-1), -EBADF);
    assert_int_equal(posix->link("/proc/nowhere/x", "/proc/nowhere/y"), -ENOENT);
    assert_int_equal(posix->rename("/proc/nowhere/x", "/proc/nowhere/y"), -ENOENT);
    assert_int_equal(posix->unlink("/proc/nowhere/x"), -ENOENT);
    assert_int_equal(posix->mkdir("/proc/nowhere/x", 0777), -ENOENT);
    assert_int_equal(posix->stat("/proc/nowhere/x", &st), -ENOENT);
    assert_int_equal(posix->lstat("/proc/nowhere/x", &st), -ENOENT);
    assert_int_equal(posix->fstat(-1, &st), -EBADF);
    assert_int_equal(posix->opendir("/proc/nowhere/x", &dir), -ENOENT);
    assert_int_equal(posix->flock(-1), -EBADF);
    assert_int_equal(posix->funlock(-1), -EBADF);
    assert_int_equal(posix->getcwd(small, 1), -ERANGE);
    assert_int_equal(posix->getpid(), getpid());
    assert_int_equal(posix->pwrite(-1, small, 1, 0), -EBADF);
    assert_int_equal(posix->ftruncate(-1, 0), -EBADF);
    assert_int_equal(posix->fchmod(-1, 0), -EBADF);
    assert_int_equal(posix->fchown(-1, 0, 0), -EBADF);
    assert_int_equal(posix->lock_byte(-1, 0), -EBADF);
    assert_int_equal(posix->unlock_byte(-1, 0), -EBADF);
    assert_int_equal(posix->test_byte(-1, 0), -EBADF);
    assert_int_equal(posix->map(-1, 4096, 0, &at), -EBADF);
    assert_null(at);
    assert_int_equal(posix->is_network(-1), -EBADF);
}

static void test_storage_posix__locks_for_one_descriptor_at_a_time(void **state)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    char name[] = "/tmp/datashard-test-XXXXXX";
    (void)state;

    int first = mkstemp(name);
    int second = posix->open(name, O_RDWR | O_CLOEXEC, 0);
    assert_int_equal(posix->flock(first), 0);
    assert_int_equal(posix->flock(second), -EWOULDBLOCK);
    assert_int_equal(posix->funlock(first), 0);
    assert_int_equal(posix->flock(second), 0);
    posix->close(first);
    posix->close(second);
    assert_int_equal(posix->unlink(name), 0);
}

enum { SYNCED = 40 };

// A pipe cannot be synced, and says so in its place.
static void assert_syncs_all(const int *files, int pipe, int dir)
{
    for (size_t count = 0; count <= SYNCED; count++) {
        for (size_t odd = 0; odd < count; odd += 1 + count / 4) {
            struct dsi_posix_sync synced[SYNCED];
            for (size_t i = 0; i < count; i++) {
                int fd = i == odd ? pipe : i % 3 == 2 ? dir : files[i];
                bool ends = i % 2 == 0;
                synced[i] = (struct dsi_posix_sync){ends ? dup(fd) : fd, ends, 77};
            }
            dsi_posix()->fsync_all(synced, count, NULL, NULL);
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(synced[i].code, i == odd ? -EINVAL : 0);
                assert_int_equal(fcntl(synced[i].fd, F_GETFD) < 0, synced[i].ends);
            }
        }
    }
}

// Four of them; what came of it.
static int sync_some(const int *files)
{
    struct dsi_posix_sync four[4];
    int codes = 0;

    for (int i = 0; i < 4; i++) {
        four[i] = (struct dsi_posix_sync){files[i], false, 1};
    }
    dsi_posix()->fsync_all(four, 4, NULL, NULL);
    for (int i = 0; i < 4; i++) {
        codes |= four[i].code;
    }
    return codes;
}

static void *sync_often(void *files)
{
    for (int i = 0; i < 50; i++) {
        assert_int_equal(sync_some(files), 0);
    }
    return NULL;
}

static void test_storage_posix__syncs_many_at_once(void **state)
{
    char folder[] = "/tmp/datashard-test-XXXXXX";
    char name[SYNCED][64];
    int files[SYNCED];
    int ends[2];
    int status = 1;
    pthread_t other = 0;
    (void)state;

    assert_non_null(mkdtemp(folder));
    assert_int_equal(pipe(ends), 0);
    int dir = open(folder, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < SYNCED; i++) {
        snprintf(name[i], sizeof name[i], "%s/%d", folder, i);
        files[i] = open(name[i], O_WRONLY | O_CREAT, 0600);
        assert_int_equal(write(files[i], "abc", 3), 3);
    }
    assert_syncs_all(files, ends[1], dir);
    pid_t child = fork(); // It has to begin anew.
    if (child == 0) {
        _exit(sync_some(files) != 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(pthread_create(&other, NULL, sync_often, files), 0);
    sync_often(files + 4);
    assert_int_equal(pthread_join(other, NULL), 0);
    for (int i = 0; i < SYNCED; i++) {
        close(files[i]);
        unlink(name[i]);
    }
    close(ends[0]);
    close(ends[1]);
    close(dir);
    rmdir(folder);
}

static void test_storage_posix__locks_bytes_of_a_file_for_a_description(void **state)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    char name[] = "/tmp/datashard-test-XXXXXX";
    (void)state;

    int first = mkstemp(name);
    int second = posix->open(name, O_RDWR | O_CLOEXEC, 0);
    assert_int_equal(posix->lock_byte(first, 7), 0);
    assert_int_equal(posix->lock_byte(first, 7), 0); // Its own is no obstacle.
    assert_int_equal(posix->test_byte(first, 7), 0);
    assert_int_equal(posix->test_byte(second, 7), 1);
    assert_int_equal(posix->test_byte(second, 8), 0);
    assert_int_equal(posix->lock_byte(second, 7), -EAGAIN);
    assert_int_equal(posix->lock_byte(second, UINT64_C(1) << 41), 0);
    int third = posix->open(name, O_RDWR | O_CLOEXEC, 0);
    posix->close(third); // POSIX's own locks would be gone now.
    assert_int_equal(posix->lock_byte(second, 7), -EAGAIN);
    assert_int_equal(posix->unlock_byte(first, 7), 0);
    assert_int_equal(posix->lock_byte(second, 7), 0);
    posix->close(second);
    assert_int_equal(posix->lock_byte(first, 7), 0);
    posix->close(first);
    assert_int_equal(posix->unlink(name), 0);
}

static void test_storage_posix__waits_on_a_word_of_a_file(void **state)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    char name[] = "/tmp/datashard-test-XXXXXX";
    const uint32_t one = 1;
    int status = 0;
    void *at = NULL;
    (void)state;

    int fd = mkstemp(name);
    assert_int_equal(posix->ftruncate(fd, 8192), 0);
    assert_int_equal(posix->map(fd, 4096, 4096, &at), 0);
    const uint32_t *word = at;
    assert_int_equal(posix->futex_wait(word, 1, 1000000000), -EAGAIN);
    assert_int_equal(posix->futex_wait(word, 0, 1000000), -ETIMEDOUT);
    assert_int_equal(posix->futex_wake(word), 0);
    pid_t child = fork();
    if (child == 0) { // With a mapping of its own.
        void *own = NULL;
        int again = posix->open(name, O_RDWR, 0);
        if (again < 0 || posix->map(again, 4096, 4096, &own) < 0) {
            _exit(1);
        }
        while (posix->futex_wake(own) == 0) {
            sched_yield();
        }
        _exit(posix->pwrite(again, &one, sizeof one, 4096) == sizeof one ? 0 : 1);
    }
    assert_int_equal(posix->futex_wait(word, 0, INT64_C(60000000000)), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(posix->futex_wait(word, 0, 1000000000), -EAGAIN); // Through pwrite.

    assert_int_equal(posix->ftruncate(fd, 0), 0);
    assert_int_equal(posix->futex_wait(word, 0, 1000000000), -EFAULT); // No signal.
    assert_int_equal(posix->futex_wake(word), -EFAULT);
    posix->unmap(at, 4096);
    posix->close(fd);
    assert_int_equal(posix->unlink(name), 0);
}

static void test_storage_posix__knows_the_machine(void **state)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    struct rlimit limit;
    struct rlimit small = {4096, 4096};
    char boot[64];
    char again[64];
    (void)state;

    assert_int_equal(posix->boot_id(boot, sizeof boot), 0);
    assert_int_equal(posix->boot_id(again, sizeof again), 0);
    assert_true(strlen(boot) >= 36);
    assert_string_equal(boot, again);
    int fd = posix->open("/proc/self", O_RDONLY | O_DIRECTORY, 0);
    assert_int_equal(posix->is_network(fd), 0);
    posix->close(fd);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small.rlim_max = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(posix->size_max(), 4096);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_storage_posix__opens_no_file_as_a_standard_stream(void **state)
{
    const int kept = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 100);
    (void)state;

    assert_true(kept >= 100);
    assert_int_equal(close(STDIN_FILENO), 0);
    int fd = dsi_posix()->open("/dev/null", O_RDONLY | O_CLOEXEC, 0);
    bool is_free = fcntl(STDIN_FILENO, F_GETFD) < 0;
    int flags = fcntl(fd, F_GETFD);
    assert_int_equal(dup2(kept, STDIN_FILENO), STDIN_FILENO);
    close(kept);
    assert_true(fd > STDERR_FILENO && is_free);
    assert_int_equal(flags, FD_CLOEXEC);
    assert_int_equal(dsi_posix()->close(fd), 0);
}

static void test_storage_posix__maps_errors_to_what_the_caller_can_do(void **state)
{
    const struct {
        int code;
        int status;
    } map[] = {{ENOENT, DS_ENOTFOUND}, {EEXIST, DS_EEXISTS}, {EACCES, DS_EDENIED},
               {EPERM, DS_EDENIED},    {EROFS, DS_EDENIED},  {ENOSPC, DS_ENOSPACE},
               {EDQUOT, DS_ENOSPACE},  {ENOMEM, DS_ENOMEM},  {ENAMETOOLONG, DS_EINVALID},
               {EIO, DS_EIO},          {EMFILE, DS_EIO}};
    struct ds_error err = {0};
    (void)state;

    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++) {
        assert_int_equal(dsi_posix_fail(&err, -map[i].code, "opening", "/a/b"),
                         map[i].status);
        assert_int_equal(err.os_code, map[i].code);
        assert_non_null(strstr(err.message, "opening /a/b: "));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storage_posix__says_errors_as_negative_numbers),
        cmocka_unit_test(test_storage_posix__locks_for_one_descriptor_at_a_time),
        cmocka_unit_test(test_storage_posix__syncs_many_at_once),
        cmocka_unit_test(test_storage_posix__locks_bytes_of_a_file_for_a_description),
        cmocka_unit_test(test_storage_posix__waits_on_a_word_of_a_file),
        cmocka_unit_test(test_storage_posix__knows_the_machine),
        cmocka_unit_test(test_storage_posix__maps_errors_to_what_the_caller_can_do),
        cmocka_unit_test(test_storage_posix__opens_no_file_as_a_standard_stream),
    };
    return cmocka_run_group_tests_name("storage_posix", tests, NULL, NULL);
}
