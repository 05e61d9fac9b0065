// Writers that have nothing to do with each other: how fair the machine itself is.
//
//   contention_control FOLDER MICROSECONDS BYTES WRITERS ROWS APPENDS SECONDS GRACE
//
// An "append" takes that much processor time, then writes so many bytes to a file of the
// writer's own and syncs it: what one of ours costs, without a table that is shared.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "contention_run.h"

enum { PATH_SIZE = 4096 };

static int64_t work_ns;
static size_t bytes;

struct writer {
    int fd;
    char *content;
};

static int64_t processor_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void *open_writer(const struct run *run, int number)
{
    struct writer *w = calloc(1, sizeof *w);
    char path[PATH_SIZE];

    snprintf(path, sizeof path, "%s/control-%d", run->folder, number);
    if (!w || !(w->content = calloc(1, bytes + 1))) {
        run_die("memory", NULL);
    }
    w->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (w->fd < 0) {
        run_die(path, NULL);
    }
    return w;
}

static int64_t append(void *state, const struct run *run, int64_t append,
                      char why[RUN_WHY_SIZE])
{
    const struct writer *w = state;
    int64_t until = processor_ns() + work_ns;

    (void)run;
    (void)append;
    while (processor_ns() < until) {
        // Nothing but time.
    }
    if (pwrite(w->fd, w->content, bytes, 0) != (ssize_t)bytes || fsync(w->fd) < 0) {
        snprintf(why, RUN_WHY_SIZE, "writing");
        return -1;
    }
    return 1;
}

static void close_writer(void *state)
{
    struct writer *w = state;
    close(w->fd);
    free(w->content);
    free(w);
}

int main(int argc, char **argv)
{
    static const struct run_ops ops = {NULL, open_writer, append, close_writer};
    struct run run = {0};

    if (argc < 4 || !run_arguments(argc - 4, argv + 4, &run)) {
        fprintf(stderr,
                "usage: contention_control FOLDER MICROSECONDS BYTES " RUN_USAGE "\n");
        return 2;
    }
    run.folder = argv[1];
    work_ns = (int64_t)strtoll(argv[2], NULL, 10) * 1000;
    bytes = (size_t)strtoul(argv[3], NULL, 10);
    return run_writers(&run, &ops);
}
