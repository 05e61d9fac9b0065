#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

// Set once at the start of a program; see ds_log_set.
static ds_log_fn sink;
static void *sink_arg;
static enum ds_log_level sink_level;

void dsi_log_set(enum ds_log_level level, ds_log_fn fn, void *arg)
{
    sink = fn;
    sink_arg = arg;
    sink_level = level;
}

void dsi_log(enum ds_log_level level, const char *fmt, ...)
{
    if (!sink || level > sink_level) {
        return;
    }
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    sink(level, line, sink_arg);
}
