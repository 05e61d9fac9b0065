#include "base/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void record(struct ds_error *err, int status, const char *fmt, va_list args)
{
    vsnprintf(err->message, sizeof err->message, fmt, args);
    err->status = status;
    err->os_code = 0; // What an earlier call left must not look like ours.
    err->http_status = 0;
    err->detail[0] = '\0';
}

int dsi_fail(struct ds_error *err, int status, const char *fmt, ...)
{
    if (err) {
        va_list args;
        va_start(args, fmt);
        record(err, status, fmt, args);
        va_end(args);
    }
    return status;
}

int dsi_fail_os(struct ds_error *err, int status, int os_code, const char *fmt, ...)
{
    if (err) {
        va_list args;
        va_start(args, fmt);
        record(err, status, fmt, args);
        va_end(args);
        size_t size = strlen(err->message);
        char reason[128] = "";
        if (strerror_r(os_code, reason, sizeof reason) != 0) {
            snprintf(reason, sizeof reason, "error %d", os_code);
        }
        snprintf(err->message + size, sizeof err->message - size, ": %s", reason);
        err->os_code = os_code;
    }
    return status;
}

int dsi_corrupt(struct ds_error *err, const char *fmt, ...)
{
    if (err) {
        va_list args;
        va_start(args, fmt);
        record(err, DS_ECORRUPT, fmt, args);
        va_end(args);
    }
    return DS_ECORRUPT;
}

int dsi_no_memory(struct ds_error *err, const char *what)
{
    return dsi_fail(err, DS_ENOMEM, "%s: no memory", what);
}

int dsi_wrap(struct ds_error *err, int status, const char *fmt, ...)
{
    if (err) {
        char outer[256];
        va_list args;
        va_start(args, fmt);
        vsnprintf(outer, sizeof outer - 2, fmt, args);
        va_end(args);
        size_t shift = strlen(outer);
        outer[shift++] = ':';
        outer[shift++] = ' ';

        // The inner message moves right; if it has to, its tail falls off.
        memmove(err->message + shift, err->message, sizeof err->message - shift);
        memcpy(err->message, outer, shift);
        err->message[sizeof err->message - 1] = '\0';
        err->status = status;
    }
    return status;
}

// "file:///a", "file:/a", "sqlite:a": what follows the scheme.
static const char *without_scheme(const char *location)
{
    size_t scheme = strcspn(location, ":/");

    if (location[scheme] != ':') {
        return location;
    }
    location += scheme + 1;
    return strncmp(location, "//", 2) == 0 ? location + 2 : location;
}

// True when `message` has `path` as a whole, or as the end of a longer path.
static bool names(const char *message, const char *path)
{
    size_t size = strlen(path);

    for (const char *at = strstr(message, path); at && size > 0;
         at = strstr(at + 1, path)) {
        bool begins = at == message || strchr(" /:\"'(", at[-1]);
        if (begins && strchr(" :;,\"')", at[size])) { // The end is in any text.
            return true;
        }
    }
    return false;
}

int dsi_wrap_file(struct ds_error *err, int status, const char *doing,
                  const char *location)
{
    return err && names(err->message, without_scheme(location))
               ? status
               : dsi_wrap(err, status, "%s %s", doing, location);
}
