#include "harness.h"
#include "storage/storage_holder.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "posix_double.h"
#include "storage_root.h"

static struct storage_root root;
static char found[DSI_HOLDER_SIZE];
static char wanted[DSI_HOLDER_SIZE];

static int make(void **state)
{
    (void)state;
    return storage_root_make(&root, "file") ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    posix_double_stop();
    storage_root_remove(&root);
    return 0;
}

static const char *in_root(const char *name)
{
    snprintf(root.path, sizeof root.path, "%s/%s", root.dir, name);
    return root.path;
}

static int lock_part(int fd, short kind)
{
    struct flock part = {.l_type = kind, .l_start = 7, .l_len = 2};
    return fcntl(fd, F_SETLK, &part);
}

// ---- Another process

enum how { WRITING, READING, WHOLE };

struct other {
    pid_t pid;
    int gate; // It ends when this is closed.
};

static void hold(const char *path, enum how how, const char *name, int gate)
{
    char byte = 0;
    int fd = open(path, O_RDWR | O_CREAT, 0666);
    int code = how == WHOLE ? flock(fd, LOCK_EX)
                            : lock_part(fd, how == READING ? F_RDLCK : F_WRLCK);

    prctl(PR_SET_NAME, name);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (code == 0 && write(gate, "", 1) == 1) {
        (void)!read(gate, &byte, 1);
    }
}

// Locks `path`; it has when this returns.
static struct other other_start(const char *path, enum how how, const char *name)
{
    int ends[2];
    char byte = 0;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    struct other o = {.pid = fork(), .gate = ends[0]};
    if (o.pid == 0) {
        close(ends[0]);
        hold(path, how, name, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    assert_int_equal(read(o.gate, &byte, 1), 1);
    return o;
}

static void other_end(const struct other *o)
{
    int status = 0;

    close(o->gate);
    assert_int_equal(waitpid(o->pid, &status, 0), o->pid);
}

static void stop(const struct other *o)
{
    int status = 0;

    assert_int_equal(kill(o->pid, SIGSTOP), 0);
    assert_int_equal(waitpid(o->pid, &status, WUNTRACED), o->pid);
}

static const char *words(const struct other *o, const char *name)
{
    snprintf(wanted, sizeof wanted, "process %d (%s)", (int)o->pid, name);
    return wanted;
}

// Some sandboxes have no table of locks.
static void need_table(void)
{
    if (access("/proc/locks", R_OK) != 0) {
        skip();
    }
}

static void test_storage_holder__names_who_writes(void **state)
{
    const char *path = in_root("a");
    (void)state;

    need_table();
    struct other o = other_start(path, WRITING, "one");
    assert_true(dsi_holder_find(path, found));
    assert_string_equal(found, words(&o, "one"));
    other_end(&o);
    assert_false(dsi_holder_find(path, found));
    o = other_start(path, WHOLE, "two) (2");
    assert_true(dsi_holder_find(path, found));
    assert_string_equal(found, words(&o, "two) (2"));
    other_end(&o);
    assert_false(dsi_holder_find(path, found));
}

static void test_storage_holder__says_that_it_is_stopped(void **state)
{
    const char *path = in_root("a");
    (void)state;

    need_table();
    struct other o = other_start(path, WRITING, "a\nb");
    stop(&o);
    assert_true(dsi_holder_find(path, found));
    assert_string_equal(found, words(&o, "a?b, stopped"));
    kill(o.pid, SIGCONT);
    other_end(&o);
}

static void test_storage_holder__names_nobody_who_is_not_in_the_way(void **state)
{
    const char *path = in_root("a");
    (void)state;

    assert_false(dsi_holder_find(path, found)); // Not even there.
    int fd = open(path, O_RDWR | O_CREAT, 0666);
    assert_int_equal(lock_part(fd, F_WRLCK), 0);
    assert_false(dsi_holder_find(path, found)); // It is this process.
    need_table();
    struct other reader = other_start(in_root("b"), READING, "reader");
    assert_false(dsi_holder_find(root.path, found));
    other_end(&reader);
    close(fd);
}

// The look takes away no lock of this process: whoever opens a file and closes it would.
static void test_storage_holder__leaves_the_locks_as_they_are(void **state)
{
    const char *path = in_root("a");
    int fd = open(path, O_RDWR | O_CREAT, 0666);
    struct flock seen = {.l_type = F_WRLCK, .l_start = 7, .l_len = 2};
    int status = 0;
    (void)state;

    assert_int_equal(lock_part(fd, F_WRLCK), 0);
    (void)dsi_holder_find(path, found);
    pid_t child = fork();
    if (child == 0) {
        _exit(fcntl(fd, F_GETLK, &seen) == 0 && seen.l_type == F_WRLCK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(fd);
}

// ---- What the table may say

static int open_written(const char *path, int flags, mode_t mode)
{
    char other[1100];
    bool of_system = strncmp(path, "/proc/", 6) == 0;

    snprintf(other, sizeof other, "%s/%s", root.dir,
             strcmp(path, "/proc/locks") == 0 ? "locks" : "stat");
    int fd = open(of_system ? other : path, flags, mode);
    return fd < 0 ? -errno : fd;
}

static struct dsi_posix_ops written;

static void write_file(const char *name, const char *bytes, size_t size)
{
    FILE *f = fopen(in_root(name), "w");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

// Whether a table of this one line names a process for `locked`.
static bool names(const char *line, const char *stat)
{
    char locked[1100];

    write_file("locks", line, strlen(line));
    write_file("stat", stat, strlen(stat));
    snprintf(locked, sizeof locked, "%s/locked", root.dir);
    return dsi_holder_find(locked, found);
}

static void test_storage_holder__believes_no_line_that_it_does_not_know(void **state)
{
    static const char *const others[] = {
        "1: -> POSIX  ADVISORY  WRITE 77 %s 0 EOF\n", // Who waits.
        "1: OFDLCK ADVISORY  WRITE -1 %s 0 EOF\n",
        "1: POSIX  ADVISORY  WRITE 0 %s 0 EOF\n",
        "1: POSIX  ADVISORY  WRITE -77 %s 0 EOF\n",
        "1: POSIX  ADVISORY  WRITE 7x %s 0 EOF\n",
        "1: POSIX  ADVISORY  WRITE 99999999999999999999 %s 0 EOF\n",
        "1: POSIX  ADVISORY  READ 77 %s 0 EOF\n",
        "1: LEASE  ACTIVE    WRITE 77 %s 0 EOF\n",
        "1: POSIX  ADVISORY  WRITE 77 %s1 0 EOF\n",
        "1: POSIX  ADVISORY  WRITE 77",
        "%s",
        "",
        "\n\n\n",
    };
    char line[256];
    char id[96];
    struct stat st;
    (void)state;

    write_file("locked", "", 0);
    assert_int_equal(stat(root.path, &st), 0);
    snprintf(id, sizeof id, "%02x:%02x:%" PRIu64, (unsigned)(st.st_dev >> 8 & 0xfff),
             (unsigned)((st.st_dev & 0xff) | (st.st_dev >> 12 & 0xfff00)),
             (uint64_t)st.st_ino);
    written = *dsi_posix();
    written.open = open_written;
    dsi_posix_set(&written);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        snprintf(line, sizeof line, others[i], id); // NOLINT: the formats are above.
        assert_false(names(line, "77 (x) S 1"));
    }
    snprintf(line, sizeof line, "garbage\n9: FLOCK ADVISORY WRITE 77 %s 0 EOF", id);
    assert_true(names(line, "77 (x) t 1"));
    assert_string_equal(found, "process 77 (x, stopped)");
    static const char *const odd[] = {"", "77", "77 (x", "77 )x(", "77 (x)", "77 (x)S"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        assert_true(names(line, odd[i]));
        assert_string_equal(found, "process 77");
    }
    unlink(in_root("stat"));
    char locked[1100];
    snprintf(locked, sizeof locked, "%s/locked", root.dir);
    assert_true(dsi_holder_find(locked, found));
    assert_string_equal(found, "process 77");
    dsi_posix_set(NULL);
}

static void test_storage_holder__gives_up_where_the_table_cannot_be_read(void **state)
{
    static const char *const calls[] = {"stat", "open", "pread"};
    const char *path = in_root("a");
    (void)state;

    need_table();
    struct other o = other_start(path, WRITING, "one");
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        posix_double_start(calls[i], 1, -EIO);
        assert_false(dsi_holder_find(path, found));
        posix_double_stop();
    }
    posix_double_start("none", 1, -EIO);
    posix_double.cut = 7; // The system may give less than was asked for.
    assert_true(dsi_holder_find(path, found));
    assert_string_equal(found, words(&o, "one"));
    posix_double_stop();
    other_end(&o);
}

#define HOLDER_TEST(f) cmocka_unit_test_setup_teardown(f, make, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        HOLDER_TEST(test_storage_holder__names_who_writes),
        HOLDER_TEST(test_storage_holder__says_that_it_is_stopped),
        HOLDER_TEST(test_storage_holder__names_nobody_who_is_not_in_the_way),
        HOLDER_TEST(test_storage_holder__leaves_the_locks_as_they_are),
        HOLDER_TEST(test_storage_holder__believes_no_line_that_it_does_not_know),
        HOLDER_TEST(test_storage_holder__gives_up_where_the_table_cannot_be_read),
    };
    return cmocka_run_group_tests_name("storage_holder", tests, NULL, NULL);
}
