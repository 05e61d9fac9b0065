#include "model/location.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

static int refuse(const char *text, const char *why, struct ds_error *err)
{
    return dsi_fail(err, DS_EINVALID, "location '%.200s': %s", text, why);
}

// The path behind a scheme we serve, and the canonical scheme; NULL for others.
static const char *split(const char *text, const char **scheme)
{
    static const char *const local[] = {"file://localhost/", "file:///", "file:/"};

    *scheme = "file://";
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        if (dsi_text_starts_with(text, local[i])) {
            return text + strlen(local[i]) - 1;
        }
    }
    if (dsi_text_starts_with(text, "memory:///")) {
        *scheme = "memory://";
        return text + strlen("memory://");
    }
    return text[0] == '/' ? text : NULL;
}

static int check_segments(const char *text, const char *path, struct ds_error *err)
{
    const char *at = path;

    for (const char *c = path; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return refuse(text, "control characters are not allowed", err);
        }
    }
    while (*at) {
        const char *start = ++at; // Past the slash.
        while (*at && *at != '/') {
            at++;
        }
        size_t size = (size_t)(at - start);
        if (size == 0 && *at) {
            return refuse(text, "an empty segment ('//') is not allowed", err);
        }
        if ((size == 1 && start[0] == '.') ||
            (size == 2 && start[0] == '.' && start[1] == '.')) {
            return refuse(text, "'.' and '..' segments are not allowed", err); // (2)
        }
    }
    return DS_OK;
}

int dsi_location_normalize(const char *text, struct dsi_arena *arena, char **out,
                           struct ds_error *err)
{
    const char *scheme = NULL;
    const char *path = split(text, &scheme);

    *out = NULL;
    if (!path) {
        return refuse(text,
                      strstr(text, "://") ? "this scheme is not served; file:// and "
                                            "memory:// are"
                                          : "expected an absolute path or a file:// URI",
                      err);
    }
    int rc = check_segments(text, path, err);
    if (rc < 0) {
        return rc;
    }
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    *out = dsi_arena_printf(arena, "%s%.*s", scheme, (int)size, path);
    return *out ? DS_OK : dsi_no_memory(err, "reading a location");
}

int dsi_location_join(const char *base, const char *a, const char *b,
                      struct dsi_arena *arena, char **out, struct ds_error *err)
{
    *out = dsi_arena_printf(arena, "%s%s%s%s%s", base, a ? "/" : "", a ? a : "",
                            b ? "/" : "", b ? b : "");
    return *out ? DS_OK : dsi_no_memory(err, "joining a location");
}

const char *dsi_location_local_path(const char *location)
{
    const char *scheme = NULL;
    const char *path = split(location, &scheme);
    return path && strcmp(scheme, "file://") == 0 ? path : NULL;
}
