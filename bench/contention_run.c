// wait4 is not in POSIX.
#define _DEFAULT_SOURCE // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

#include "contention_run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "contention_record.h"

enum { WRITERS_MAX = 256, PATH_SIZE = 4096 };

struct child {
    pid_t pid;
    bool over;
    int status;
    struct rusage usage;
};

// The pipes that hold the writers back until all are ready.
struct gate {
    int ready[2];
    int go[2];
};

_Noreturn void run_die(const char *what, const char *why)
{
    fprintf(stderr, "contention: %s: %s\n", what, why ? why : strerror(errno));
    fflush(stderr);
    _exit(1);
}

int64_t run_clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

bool run_arguments(int argc, char **argv, struct run *out)
{
    if (argc < 5 || argc > 6) {
        return false;
    }
    out->writers = (int)strtol(argv[0], NULL, 10);
    out->rows = (int)strtol(argv[1], NULL, 10);
    out->appends = (int64_t)strtoll(argv[2], NULL, 10);
    out->seconds = strtod(argv[3], NULL);
    out->grace = strtod(argv[4], NULL);
    out->marks = argc == 6 && strcmp(argv[5], "marks") == 0;
    return out->writers > 0 && out->writers <= WRITERS_MAX && out->rows > 0 &&
           out->rows < RECORD_ROWS_MAX && out->appends > 0 && out->seconds > 0 &&
           out->grace >= 0;
}

static void put(int fd, const void *bytes, size_t size)
{
    if (write(fd, bytes, size) != (ssize_t)size) {
        run_die("writing a record", NULL);
    }
}

static int create(const struct run *run, int writer, const char *ending)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/writer-%d.%s", run->folder, writer, ending);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        run_die(path, NULL);
    }
    return fd;
}

// Reads until the other side is closed.
static void wait_for_end(int fd)
{
    char byte = 0;
    ssize_t n = 0;
    do {
        n = read(fd, &byte, 1);
    } while (n > 0 || (n < 0 && errno == EINTR));
}

// Where a writer notes what it did; made before it says that it is ready.
struct notes {
    int records;
    int reasons;
};

static void append_until_over(const struct run *run, const struct run_ops *ops,
                              int writer, void *state, const struct notes *notes,
                              atomic_llong *begun)
{
    char why[RUN_WHY_SIZE];
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    int64_t go = run_clock_ns();
    int64_t deadline = go + (int64_t)(run->seconds * 1e9);
    int64_t head[4] = {
        -1, go,
        (int64_t)((seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime)) * 1e9), 0};
    put(notes->records, head, sizeof head);
    for (int64_t n = 0; run_clock_ns() < deadline; n++) {
        if (atomic_fetch_add(begun, 1) >= run->appends) {
            break;
        }
        int64_t r[4] = {record_append(writer, n), 0, 0, 0};
        if (run->marks) {
            (void)!access("contention:append", F_OK);
        }
        why[0] = '\0';
        r[1] = run_clock_ns();
        r[3] = ops->append(state, run, r[0], why);
        r[2] = run_clock_ns();
        put(notes->records, r, sizeof r);
        if (r[3] < 0) {
            put(notes->reasons, why, strlen(why));
            put(notes->reasons, "\n", 1);
        }
    }
    close(notes->reasons);
    close(notes->records);
}

static _Noreturn void be_writer(const struct run *run, const struct run_ops *ops,
                                int writer, const struct gate *gate, atomic_llong *begun)
{
    close(gate->go[1]);
    close(gate->ready[0]);
    void *state = ops->open(run, writer);
    struct notes notes = {create(run, writer, "bin"), create(run, writer, "err")};
    put(gate->ready[1], "r", 1);
    close(gate->ready[1]);
    wait_for_end(gate->go[0]);
    append_until_over(run, ops, writer, state, &notes, begun);
    ops->close(state);
    _exit(0);
}

static void prepare(const struct run *run, const struct run_ops *ops)
{
    int status = 0;
    if (!ops->prepare) {
        return;
    }
    pid_t pid = fork(); // Writers must not inherit what an engine keeps in a process.
    if (pid < 0) {
        run_die("fork", NULL);
    }
    if (pid == 0) {
        ops->prepare(run);
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        run_die("preparing", "failed");
    }
}

// Sleeps until a child ends, or until then. Who looked now and then instead would take
// the processor from a writer that sleeps there, who then goes on with another one.
static void await_child(const sigset_t *ends, int64_t until_ns)
{
    int64_t ns = until_ns - run_clock_ns();
    ns = ns > 0 ? ns : 0;
    sigtimedwait(ends, NULL, &(struct timespec){ns / 1000000000, ns % 1000000000});
}

// Waits for all; kills who is late. The number that were.
static int gather(struct child *children, int count, int64_t late_ns)
{
    int left = count;
    int killed = 0;
    bool shot = false;
    sigset_t ends;

    sigemptyset(&ends);
    sigaddset(&ends, SIGCHLD);
    sigprocmask(SIG_BLOCK, &ends, NULL); // From here on none is missed.
    while (left > 0) {
        for (int i = 0; i < count; i++) {
            struct child *c = &children[i];
            if (!c->over && wait4(c->pid, &c->status, WNOHANG, &c->usage) == c->pid) {
                c->over = true;
                left--;
            }
        }
        if (!shot && run_clock_ns() > late_ns) {
            shot = true;
            for (int i = 0; i < count; i++) {
                killed += !children[i].over;
                if (!children[i].over) {
                    kill(children[i].pid, SIGKILL);
                }
            }
        }
        if (left > 0) {
            await_child(&ends, shot ? run_clock_ns() + INT64_C(1000000000) : late_ns);
        }
    }
    return killed;
}

static int report(const struct child *children, int count, int killed)
{
    int failed = 0;
    printf("{\"killed\": %d, \"writers\": [", killed);
    for (int i = 0; i < count; i++) {
        const struct child *c = &children[i];
        failed += c->status != 0;
        printf("%s{\"cpu_s\": %.6f, \"peak_kb\": %ld, \"status\": %d}", i ? ", " : "",
               seconds_of(c->usage.ru_utime) + seconds_of(c->usage.ru_stime),
               c->usage.ru_maxrss, c->status);
    }
    printf("]}\n");
    return failed > killed ? 1 : 0;
}

int run_writers(const struct run *run, const struct run_ops *ops)
{
    struct child children[WRITERS_MAX] = {0};
    struct gate gate;
    char byte = 0;
    atomic_llong *begun = mmap(NULL, sizeof *begun, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (begun == MAP_FAILED || pipe(gate.ready) < 0 || pipe(gate.go) < 0) {
        run_die("starting", NULL);
    }
    prepare(run, ops);
    for (int i = 0; i < run->writers; i++) {
        children[i].pid = fork();
        if (children[i].pid < 0) {
            run_die("fork", NULL);
        }
        if (children[i].pid == 0) {
            be_writer(run, ops, i, &gate, begun);
        }
    }
    close(gate.ready[1]);
    close(gate.go[0]);
    for (int ready = 0; ready < run->writers;) {
        ssize_t n = read(gate.ready[0], &byte, 1);
        if (n == 0) { // All who are not ready are gone.
            gather(children, run->writers, 0);
            run_die("starting", "a writer could not open the table");
        }
        ready += n == 1;
    }
    close(gate.go[1]);
    int64_t late = run_clock_ns() + (int64_t)((run->seconds + run->grace) * 1e9);
    int killed = gather(children, run->writers, late);
    return report(children, run->writers, killed);
}
