/// Messages from the library to the program around it. Silent unless asked.
#ifndef DATASHARD_LOG_H
#define DATASHARD_LOG_H

#include "datashard/export.h"

#ifdef __cplusplus
extern "C" {
#endif

enum ds_log_level {
    DS_LOG_ERROR = 1, ///< Something was given up that the caller is not told otherwise.
    DS_LOG_WARN = 2,  ///< It works, but somebody should look.
    DS_LOG_INFO = 3,  ///< Once-only facts: which backend, which mode.
    DS_LOG_DEBUG = 4, ///< Each retry and wait.
};

/// Receives one line without a newline. Called from any thread, also from several at
/// once; it must not call the library.
typedef void (*ds_log_fn)(enum ds_log_level level, const char *line, void *arg);

/// Sends messages of `level` and above in weight to `fn`; NULL switches them off. For the
/// whole process; call it before other threads use the library.
DS_API void ds_log_set(enum ds_log_level level, ds_log_fn fn, void *arg);

#ifdef __cplusplus
}
#endif

#endif
