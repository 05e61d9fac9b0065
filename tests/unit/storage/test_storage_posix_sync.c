// What many syncs at once come to when the system does less than it was asked to.
#define _GNU_SOURCE // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

#include "harness.h"
#include "storage/storage_posix.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILES = 6 };

// ---- The system, which the library's calls come to by way of these

static struct {
    long number;     // Which call; 0: none.
    int times;       // So often, the next ones …
    int error;       // … fail so; 0: they do one of what they are asked to do.
    int sync_error;  // What the first file's sync comes to, if not 0.
    int close_error; // What is said of each closing, which is done.
    int submitted;   // Calls that ask for syncs.
    int awaited;     // Calls that ask what became of them.
} odd;

// Of what is to be waited for one only, as when a signal comes then.
static void ask_for_one(long number, long *a)
{
    a[1] = 1;
    a[2] = number == SYS_io_getevents ? 1 : a[2];
}

static void tell(struct io_event *events, long count)
{
    for (long i = 0; i < count; i++) {
        if (events[i].data == 0 && odd.sync_error < 0) {
            events[i].res = odd.sync_error;
        }
    }
}

long syscall(long number, ...)
{
    long (*real)(long, ...) = NULL;
    long a[6];
    va_list all;

    va_start(all, number);
    for (int i = 0; i < 6; i++) {
        a[i] = va_arg(all, long);
    }
    va_end(all);
    *(void **)&real = dlsym(RTLD_NEXT, "syscall");
    odd.submitted += number == SYS_io_submit;
    odd.awaited += number == SYS_io_getevents;
    if (number == odd.number && odd.times > 0) {
        odd.times--;
        if (odd.error != 0) {
            errno = odd.error;
            return -1;
        }
        ask_for_one(number, a);
    }
    long result = real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (number == SYS_io_getevents) {
        tell((struct io_event *)a[3], result); // NOLINT(performance-no-int-to-ptr)
    }
    return result;
}

int close(int fd)
{
    int (*real)(int) = NULL;

    *(void **)&real = dlsym(RTLD_NEXT, "close");
    int result = real(fd);
    if (result == 0 && odd.close_error != 0) {
        errno = odd.close_error;
        return -1;
    }
    return result;
}

// ---- Files

static char folder[64];
static struct dsi_posix_sync files[FILES];
static int worked; // So often there was time for something else.

static void work(void *arg)
{
    worked += arg == files;
}

static int make(void **state)
{
    (void)state;
    memset(&odd, 0, sizeof odd);
    snprintf(folder, sizeof folder, "/tmp/datashard-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    memset(&odd, 0, sizeof odd);
    return rmdir(folder);
}

// Every other file ends with its sync; none has a name.
static void open_all(void)
{
    for (int i = 0; i < FILES; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s/f", folder);
        files[i] = (struct dsi_posix_sync){open(name, O_WRONLY | O_CREAT | O_EXCL, 0600),
                                           i % 2 == 0, 77};
        if (files[i].fd < 0 || unlink(name) != 0 || write(files[i].fd, "abc", 3) != 3) {
            abort();
        }
    }
}

// True when those that end are closed, and the others, which are closed now, were not.
static bool close_rest(void)
{
    bool fine = true;

    odd.close_error = 0;
    for (int i = 0; i < FILES; i++) {
        bool is_open = fcntl(files[i].fd, F_GETFD) >= 0;
        fine = fine && is_open != files[i].ends;
        if (is_open) {
            close(files[i].fd);
        }
    }
    return fine;
}

static void sync_all(void)
{
    odd.submitted = 0;
    odd.awaited = 0;
    worked = 0;
    open_all();
    dsi_posix()->fsync_all(files, FILES, work, files);
}

static bool all_are(int code)
{
    bool fine = true;

    for (int i = 0; i < FILES; i++) {
        fine = fine && files[i].code == code;
    }
    return fine;
}

// Not every system has them together: in some sandboxes this can only be refused.
static bool together(void)
{
    sync_all();
    assert_true(close_rest() && all_are(0));
    return worked == 1;
}

// ---- Tests

static void test_storage_posix_sync__does_alone_what_is_not_taken(void **state)
{
    (void)state;

    if (!together()) {
        skip();
    }
    odd.number = SYS_io_submit;
    for (int none = 0; none < 2; none++) {
        odd.times = 1;
        odd.error = none ? EAGAIN : 0;
        sync_all();
        assert_true(close_rest() && all_are(0));
        assert_int_equal(worked, none ? 0 : 1);
        assert_int_equal(odd.awaited, none ? 0 : 1);
    }
    assert_true(together()); // The next time it may be taken again.
}

static void test_storage_posix_sync__waits_on_after_a_signal(void **state)
{
    (void)state;

    if (!together()) {
        skip();
    }
    odd.number = SYS_io_getevents;
    for (int none = 0; none < 2; none++) {
        odd.times = 3;
        odd.error = none ? EINTR : 0;
        odd.sync_error = -ENOSPC;
        sync_all();
        assert_int_equal(odd.awaited, 4);
        assert_int_equal(files[0].code, -ENOSPC);
        files[0].code = 0;
        assert_true(close_rest() && all_are(0));
        odd.sync_error = 0;
        assert_true(together());
    }
}

static void on_alarm(int signal)
{
    (void)signal;
}

static void test_storage_posix_sync__is_not_disturbed_by_many_signals(void **state)
{
    const struct itimerval often = {{0, 200}, {0, 200}};
    const struct itimerval never = {{0, 0}, {0, 0}};
    struct sigaction act = {.sa_handler = on_alarm}; // Calls are not begun again.
    struct sigaction before;
    (void)state;

    assert_int_equal(sigaction(SIGALRM, &act, &before), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    bool fine = true;
    for (int i = 0; i < 100; i++) {
        sync_all();
        fine = close_rest() && all_are(0) && fine;
    }
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
    assert_true(fine);
}

// A sync that failed is told, and not that its file could be closed; a closing that
// failed, where the sync did not. An interrupted one was done.
static void test_storage_posix_sync__tells_both_kinds_of_failure(void **state)
{
    (void)state;

    bool have = together();
    for (int alone = 0; alone < 2; alone++) {
        odd.number = alone ? SYS_io_submit : 0;
        odd.times = 1;
        odd.error = EAGAIN;
        odd.sync_error = -EDQUOT;
        odd.close_error = EIO;
        sync_all();
        for (int i = 0; i < FILES; i++) {
            bool told = i == 0 && have && !alone;
            assert_int_equal(files[i].code, told ? -EDQUOT : files[i].ends ? -EIO : 0);
        }
        assert_true(close_rest());
        odd.times = 1;
        odd.sync_error = 0;
        odd.close_error = EINTR;
        sync_all();
        assert_true(all_are(0) && close_rest());
    }
}

// What nobody can tell is not durable; and it is done one by one from then on.
static int lose_answers(void)
{
    odd.number = SYS_io_getevents;
    odd.times = 1;
    odd.error = EINVAL;
    sync_all();
    if (!all_are(-EIO) || !close_rest() || worked != 1) {
        return 1;
    }
    sync_all();
    return all_are(0) && close_rest() && odd.submitted == 0 ? 0 : 2;
}

static int have_none(void)
{
    odd.number = SYS_io_setup;
    odd.times = 1;
    odd.error = EAGAIN;
    for (int i = 0; i < 2; i++) {
        sync_all();
        if (!all_are(0) || !close_rest() || worked != 0 || odd.submitted != 0) {
            return 3;
        }
    }
    return 0;
}

static void test_storage_posix_sync__does_without_what_is_refused(void **state)
{
    (void)state;

    if (!together()) {
        skip();
    }
    for (int none = 0; none < 2; none++) { // It is refused to a process for ever.
        int status = 1;
        pid_t child = fork();
        if (child == 0) {
            _exit(none ? have_none() : lose_answers());
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    assert_true(together());
}

#define SYNC_TEST(f) cmocka_unit_test_setup_teardown(f, make, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        SYNC_TEST(test_storage_posix_sync__does_alone_what_is_not_taken),
        SYNC_TEST(test_storage_posix_sync__waits_on_after_a_signal),
        SYNC_TEST(test_storage_posix_sync__is_not_disturbed_by_many_signals),
        SYNC_TEST(test_storage_posix_sync__tells_both_kinds_of_failure),
        SYNC_TEST(test_storage_posix_sync__does_without_what_is_refused),
    };
    return cmocka_run_group_tests_name("storage_posix_sync", tests, NULL, NULL);
}
