#include "model/location.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

static const char *const schemes[] = {"file", "memory"};

// The path inside `text`, with its leading slash, and its scheme ("file" when none is
// written); NULL with *scheme set for a scheme nobody serves, NULL and NULL for no path.
static const char *split(const char *text, const char **scheme)
{
    const char *rest = NULL;
    *scheme = NULL;
    if (text[0] == '/') {
        *scheme = "file";
        return text;
    }
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0] && !rest; i++) {
        size_t size = strlen(schemes[i]);
        if (strncmp(text, schemes[i], size) == 0 && text[size] == ':') {
            *scheme = schemes[i];
            rest = text + size + 1;
        }
    }
    if (!rest) {
        return NULL;
    }
    if (dsi_text_starts_with(rest, "//localhost/")) {
        rest += strlen("//localhost");
    } else if (dsi_text_starts_with(rest, "//")) {
        rest += strlen("//");
    }
    return rest[0] == '/' ? rest : NULL;
}

static int check_segment(const char *text, const char *at, size_t size,
                         struct ds_error *err)
{
    if (size == 0) {
        return dsi_fail(err, DS_EINVALID,
                        "the location '%.200s' has an empty segment (two "
                        "slashes in a row)",
                        text);
    }
    if ((size == 1 && at[0] == '.') || (size == 2 && at[0] == '.' && at[1] == '.')) {
        return dsi_fail(err, DS_EINVALID,
                        "the location '%.200s' has a segment '%.*s': write "
                        "the full path",
                        text, (int)size, at);
    }
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)at[i] < 0x20 || at[i] == 0x7f) {
            return dsi_fail(err, DS_EINVALID,
                            "a location with a control character (byte "
                            "0x%02x)",
                            (unsigned)(unsigned char)at[i]);
        }
    }
    return DS_OK;
}

int dsi_location_normalize(const char *text, struct dsi_arena *arena, char **out,
                           struct ds_error *err)
{
    const char *scheme = NULL;
    const char *path = split(text, &scheme);
    int rc = DS_OK;

    if (!path) {
        return dsi_fail(err,
                        scheme || !strstr(text, "://") ? DS_EINVALID : DS_EUNSUPPORTED,
                        "the location '%.200s' is not one of /path, file:///path, "
                        "memory:///path",
                        text);
    }
    size_t size = strlen(path);
    if (size > 1 && path[size - 1] == '/') {
        size--;
    }
    if (!dsi_utf8_valid((struct ds_slice){(const uint8_t *)path, size})) {
        return dsi_fail(err, DS_EINVALID, "a location that is not UTF-8");
    }
    for (size_t start = 1; start <= size && size > 1;) {
        const char *slash = memchr(path + start, '/', size - start);
        size_t end = slash ? (size_t)(slash - path) : size;
        DSI_TRY(check_segment(text, path + start, end - start, err)); // (2)
        start = end + 1;
    }
    *out = dsi_arena_printf(arena, "%s://%.*s", scheme, (int)size, path); // (1)
    if (!*out) {
        return dsi_no_memory(err, "reading a location");
    }
done:
    return rc;
}

int dsi_location_join(const char *base, const char *a, const char *b,
                      struct dsi_arena *arena, char **out, struct ds_error *err)
{
    const char *const parts[] = {base, a ? "/" : "", a ? a : "", b ? "/" : "",
                                 b ? b : ""};

    *out = dsi_arena_join(arena, parts, sizeof parts / sizeof parts[0]);
    return *out ? DS_OK : dsi_no_memory(err, "making a location");
}

const char *dsi_location_local_path(const char *location)
{
    const char *scheme = NULL;
    const char *path = split(location, &scheme);
    return path && strcmp(scheme, "file") == 0 ? path : NULL;
}
