// What every part of the program shares: how it ends, and how it says what went wrong.
//
// (1) Standard output has results, standard error everything else. A failure is one line
//     there, "datashard: <what> <on what>: <where>: <why>".
// (2) The exit code says what the caller can do; see enum cli_exit.
#ifndef DATASHARD_CLI_CLI_H
#define DATASHARD_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datashard/datashard.h"

enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,        // It did not happen; the message says why.
    CLI_USAGE = 2,         // The command line is wrong; nothing was tried.
    CLI_CONFLICT = 3,      // Somebody else was faster, or has changed it: try again.
    CLI_UNKNOWN = 4,       // It may have happened: `datashard resolve` tells.
    CLI_INTERRUPTED = 130, // Stopped by a signal; the message says what is committed.
};

/// Memory that is there: a program without memory ends with a message. Never NULL.
void *cli_alloc(size_t size); // Zeroed.
void *cli_realloc(void *p, size_t size);
char *cli_strdup(const char *s);
char *cli_strndup(const char *s, size_t size);
char *cli_printf(const char *fmt, ...) DS_PRINTF(1, 2);

/// Prints "datashard: <message>" on standard error.
void cli_complain(const char *fmt, ...) DS_PRINTF(1, 2);

/// Whether all results so far reached standard output; if not, it is said once. Threads.
bool cli_told(void);

/// Prints what failed and the library's reason, with a hint where there is one; returns
/// the exit code for the status.
int cli_failed(int status, const struct ds_error *err, const char *fmt, ...)
    DS_PRINTF(3, 4);

#endif
