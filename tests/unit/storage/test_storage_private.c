#include "storage/storage_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "posix_double.h"
#include "storage/storage_posix.h"
#include "storage_root.h"

static struct storage_root root;
static char path[600];

static int make(void **state)
{
    (void)state;
    bool made = storage_root_make(&root, "file");
    snprintf(path, sizeof path, "%s/locked", root.dir);
    return made ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    posix_double_stop();
    storage_root_remove(&root);
    return 0;
}

// True when nobody has the file's locks: flock's, and that of a byte.
static bool is_free(void)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    bool all = flock(fd, LOCK_EX | LOCK_NB) == 0;
    bool byte = dsi_posix()->test_byte(fd, 7) == 0;
    close(fd);
    assert_int_equal(all, byte);
    return all;
}

static int lock_all(struct dsi_private *p)
{
    int code = dsi_private_open(p, path, O_RDWR | O_CREAT, 0600);
    code = code < 0 ? code : dsi_private_map(p, 4096, 0);
    code = code < 0 ? code : dsi_posix()->flock(p->fd);
    return code < 0 ? code : dsi_posix()->lock_byte(p->fd, 7);
}

// How many descriptors and mappings of this process are of the file.
static int holds_of_it(void)
{
    char name[600];
    char target[600];
    char line[1200];
    int count = 0;
    DIR *all = opendir("/proc/self/fd");
    for (struct dirent *e = all ? readdir(all) : NULL; e; e = readdir(all)) {
        snprintf(name, sizeof name, "/proc/self/fd/%s", e->d_name);
        ssize_t n = readlink(name, target, sizeof target - 1);
        target[n > 0 ? n : 0] = '\0';
        count += strcmp(target, path) == 0;
    }
    if (all) {
        closedir(all);
    }
    FILE *maps = fopen("/proc/self/maps", "re");
    while (maps && fgets(line, sizeof line, maps)) {
        count += strstr(line, path) != NULL;
    }
    if (maps) {
        fclose(maps);
    }
    return count;
}

static void test_storage_private__dies_with_the_parent_and_not_with_a_child(void **state)
{
    struct dsi_private p = {0};
    int ready[2];
    int gate[2];
    int status = 0;
    pid_t grandchild = 0;
    (void)state;

    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(gate), 0);
    pid_t parent = fork();
    if (parent == 0) {
        close(gate[1]);
        if (lock_all(&p) != 0) {
            _exit(1);
        }
        pid_t first = fork(); // Ends at once: its copies were never the last.
        if (first == 0) {
            _exit(holds_of_it() == 0 && !p.open && p.fd == -1 && !p.map ? 0 : 1);
        }
        if (waitpid(first, &status, 0) != first || status != 0 || holds_of_it() != 2) {
            _exit(2);
        }
        pid_t second = fork(); // Lives on, and does nothing.
        if (second == 0) {
            char byte = 0;
            pid_t self = getpid();
            _exit(write(ready[1], &self, sizeof self) == (ssize_t)sizeof self &&
                          read(gate[0], &byte, 1) == 0
                      ? 0
                      : 1);
        }
        pause();
        _exit(3);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &grandchild, sizeof grandchild), sizeof grandchild);
    assert_false(is_free());
    kill(parent, SIGKILL);
    assert_int_equal(waitpid(parent, &status, 0), parent);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(kill(grandchild, 0), 0); // It lives.
    assert_true(is_free());
    close(gate[0]);
    close(gate[1]);
    close(ready[0]);
}

static void test_storage_private__a_child_has_its_own(void **state)
{
    struct dsi_private p = {0};
    struct dsi_private q = {0};
    int status = 0;
    (void)state;

    assert_int_equal(lock_all(&p), 0);
    assert_int_equal(dsi_private_open(&q, path, O_RDWR, 0), 0);
    pid_t child = fork();
    if (child == 0) {
        dsi_private_close(&q); // The parent's: nothing.
        bool fine = dsi_private_open(&q, path, O_RDWR, 0) == 0 && holds_of_it() == 1 &&
                    dsi_posix()->flock(q.fd) == -EWOULDBLOCK;
        dsi_private_close(&q);
        dsi_private_close(&p);
        _exit(fine && holds_of_it() == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_false(is_free());
    dsi_private_close(&q);
    assert_false(is_free());
    dsi_private_close(&p);
    dsi_private_close(&p); // Once more does nothing.
    assert_true(is_free());
    assert_int_equal(holds_of_it(), 0);
}

static void test_storage_private__says_what_cannot_be_opened(void **state)
{
    struct dsi_private p = {0};
    (void)state;

    dsi_private_close(&p); // Zeroed, it is none.
    assert_int_equal(dsi_private_open(&p, "/nowhere/at/all", O_RDWR, 0), -ENOENT);
    assert_false(p.open);
    dsi_private_close(&p);
}

enum { THREADS = 3, FORKS = 60 };

static void *open_and_close(void *arg)
{
    atomic_bool *over = arg;
    while (!atomic_load(over)) {
        struct dsi_private *p = calloc(1, sizeof *p);
        if (!p || lock_all(p) == -1) {
            abort();
        }
        dsi_private_close(p);
        free(p);
    }
    return NULL;
}

// At whatever moment it is forked, a child holds nothing.
static void test_storage_private__no_fork_falls_in_between(void **state)
{
    static atomic_bool over;
    pthread_t threads[THREADS];
    struct dsi_private p = {0};
    (void)state;

    assert_int_equal(dsi_private_open(&p, path, O_RDWR | O_CREAT, 0600), 0);
    dsi_private_close(&p);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, &over), 0);
    }
    for (int i = 0; i < FORKS; i++) {
        int status = 0;
        pid_t child = fork();
        if (child == 0) {
            _exit(holds_of_it());
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    atomic_store(&over, true);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

#define PRIVATE_TEST(f) cmocka_unit_test_setup_teardown(f, make, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        PRIVATE_TEST(test_storage_private__dies_with_the_parent_and_not_with_a_child),
        PRIVATE_TEST(test_storage_private__a_child_has_its_own),
        PRIVATE_TEST(test_storage_private__says_what_cannot_be_opened),
        PRIVATE_TEST(test_storage_private__no_fork_falls_in_between),
    };
    return cmocka_run_group_tests_name("storage_private", tests, NULL, NULL);
}
