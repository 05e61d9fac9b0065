// What the two ways of `append` share: one commit for all, and a stream of commits.
#ifndef DATASHARD_CLI_APPEND_H
#define DATASHARD_CLI_APPEND_H

#include "cli/input.h"

// What an append was asked to do.
struct append_job {
    const char *name; // The table's.
    ds_table *table;
    struct ArrowSchema schema; // The table's.
    enum input_format format;
    char delimiter; // Of CSV; 0: by the file's name.
    struct ds_commit_options commit;
    int64_t every_ms;   // -1: one commit for all.
    int64_t rows_each;  // With `every_ms`, also a commit after so many rows; 0: no.
    int64_t bytes_each; // Or bytes; 0: the library's own limit.
    int64_t memory_max; // 0: the library's own.
    int64_t budget_ms;  // How long to bear with a catalog that is away; 0: the library's.
    uint64_t rows_acked; // So far, as `commits`.
    uint64_t commits;
    struct ds_error err; // Of what failed.
};

/// Prints what became of a commit, as a line for people or programs.
void append_print(const struct append_job *j, const struct ds_commit_result *r);

/// Opens one of the job's inputs; as input_open.
int append_open(struct append_job *j, const char *path, struct input **out);

/// Says that it failed, why, and what is in the table; returns the exit code.
int append_failed(struct append_job *j, int rc);

/// Says that it was stopped, and what is in the table; returns the exit code.
int append_stopped(const struct append_job *j);

/// Appends the files as a stream of commits; returns the exit code.
int append_stream(struct append_job *j, int count, char **files);

#endif
