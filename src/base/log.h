// Telling the program that embeds us what we are doing: retries, waits, warnings.
#ifndef DSI_BASE_LOG_H
#define DSI_BASE_LOG_H

#include "datashard/log.h"

/// Sends one line to the program's callback, if it set one and asked for this level.
/// Never allocates; a line longer than 1,023 bytes is cut. Any thread.
void dsi_log(enum ds_log_level level, const char *fmt, ...) DS_PRINTF(2, 3);

/// See ds_log_set.
void dsi_log_set(enum ds_log_level level, ds_log_fn fn, void *arg);

#endif
