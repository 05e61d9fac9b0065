// Making and passing on failures. The only file allowed to define control-flow macros.
#ifndef DSI_BASE_ERROR_H
#define DSI_BASE_ERROR_H

#include "datashard/status.h"

// Runs `expr`, keeps its status in the local `rc`, and leaves by `done:` if it failed.
#define DSI_TRY(expr)                                                                    \
    do {                                                                                 \
        rc = (expr);                                                                     \
        if (rc < 0) {                                                                    \
            goto done;                                                                   \
        }                                                                                \
    } while (0)

// Calls `expr` and drops its status. Say why in a comment beside each use.
#define DSI_IGNORE(expr)                                                                 \
    do {                                                                                 \
        if ((expr) < 0) {                                                                \
        }                                                                                \
    } while (0)

/// The one place every DS_ECORRUPT passes: a breakpoint here stops at any bad input.
int dsi_corrupt(struct ds_error *err, const char *fmt, ...) DS_PRINTF(2, 3);

/// The usual message for a failed allocation, made while doing `what`; returns DS_ENOMEM.
int dsi_no_memory(struct ds_error *err, const char *what);

/// Records a failure and returns `status`, so `return dsi_fail(...)` reads as one thing.
/// `err` may be NULL.
int dsi_fail(struct ds_error *err, int status, const char *fmt, ...) DS_PRINTF(3, 4);

/// As dsi_fail, with the system's reason appended and `os_code` kept. `os_code` is an
/// errno.
int dsi_fail_os(struct ds_error *err, int status, int os_code, const char *fmt, ...)
    DS_PRINTF(4, 5);

/// Puts "what we were doing" in front of the message already in `err`; returns `status`.
int dsi_wrap(struct ds_error *err, int status, const char *fmt, ...) DS_PRINTF(3, 4);

/// As dsi_wrap, with "<doing> <location>", unless the message names that file already:
/// a failure names a file once. A call that is given a path names it when it fails
/// (storage does, and so do all who call it by one); whoever has a file open, or bytes
/// that came from it, names it by this, and need not know which of the two has failed.
/// `location` may have a scheme, the message a path without one.
int dsi_wrap_file(struct ds_error *err, int status, const char *doing,
                  const char *location);

#endif
