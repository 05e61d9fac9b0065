// Runs writers, a process each, which append for a while; notes when each append began,
// when it was acknowledged, and what it cost.
//
// Each writer leaves FOLDER/writer-<i>.bin: records of four int64 (append, start, end,
// attempts; the clock is CLOCK_MONOTONIC in nanoseconds; attempts are negative when the
// append was not acknowledged). The first record is not an append: its number is -1, its
// start is when the writers were let go, its end the processor time spent before that.
// A failure's reason is a line in FOLDER/writer-<i>.err. contention_writers.py does the
// same for peers that are called from Python.
#ifndef DATASHARD_BENCH_CONTENTION_RUN_H
#define DATASHARD_BENCH_CONTENTION_RUN_H

#include <stdbool.h>
#include <stdint.h>

enum { RUN_WHY_SIZE = 1024 };

struct run {
    const char *folder;
    int writers;
    int rows;        // Of one append.
    int64_t appends; // Of all writers together; then they stop.
    double seconds;  // Or after this time.
    double grace;    // So long after it, who has not ended is killed.
    bool marks;      // Make a call that strace shows before each append.
};

struct run_ops {
    // Makes what the writers share; in a process of its own. May be NULL.
    void (*prepare)(const struct run *run);
    // Opens it for one writer; in the writer's process. What it returns goes to `append`.
    void *(*open)(const struct run *run, int writer);
    // One append. Returns how often it was tried; negative when it failed, and why.
    int64_t (*append)(void *state, const struct run *run, int64_t append,
                      char why[RUN_WHY_SIZE]);
    void (*close)(void *state);
};

// "WRITERS ROWS APPENDS SECONDS GRACE [marks]" as the programs take them.
#define RUN_USAGE "WRITERS ROWS APPENDS SECONDS GRACE [marks]"
bool run_arguments(int argc, char **argv, struct run *out);

// Runs them all. Prints one JSON line with each writer's end, processor time and peak
// memory. Returns the exit code.
int run_writers(const struct run *run, const struct run_ops *ops);

int64_t run_clock_ns(void);

_Noreturn void run_die(const char *what, const char *why);

#endif
