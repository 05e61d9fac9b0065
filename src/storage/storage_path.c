#include "storage/storage_path.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"

bool dsi_storage_path_has_scheme(const char *location, const char *scheme)
{
    size_t size = strlen(scheme);

    if (location[0] == '/') {
        return strcmp(scheme, "file") == 0;
    }
    return strncmp(location, scheme, size) == 0 && location[size] == ':';
}

bool dsi_storage_path_is_hidden(const char *path)
{
    const char *slash = strrchr(path, '/');
    return dsi_text_starts_with(slash ? slash + 1 : path, DSI_STORAGE_HIDDEN);
}

char *dsi_storage_path_dir(const char *path)
{
    size_t size = (size_t)(strrchr(path, '/') - path);
    return dsi_strndup(path, size ? size : 1);
}

// Past "file:", "file://" and "file://localhost": the first slash of the path, or NULL.
static const char *skip_authority(const char *rest)
{
    if (strncmp(rest, "//", 2) != 0) {
        return rest[0] == '/' ? rest : NULL;
    }
    rest += 2;
    if (dsi_text_starts_with(rest, "localhost/")) {
        rest += strlen("localhost");
    }
    return rest[0] == '/' ? rest : NULL;
}

// True when each segment names something by itself, so that no path leaves its parent.
static bool segments_are_plain(const char *path)
{
    while (*path == '/') {
        const char *segment = path + 1;
        const char *end = strchr(segment, '/');
        size_t size = end ? (size_t)(end - segment) : strlen(segment);
        if (size == 0 || (size == 1 && segment[0] == '.') ||
            (size == 2 && segment[0] == '.' && segment[1] == '.')) {
            return false;
        }
        path = segment + size;
    }
    return true;
}

int dsi_storage_path(const char *location, const char *scheme, const char **out,
                     struct ds_error *err)
{
    const char *path = location;

    assert(location && scheme && out);
    *out = NULL;
    if (!dsi_storage_path_has_scheme(location, scheme) &&
        !(location[0] == '/' && strcmp(scheme, "memory") == 0)) {
        return dsi_fail(err, DS_EINVALID, "\"%s\" is not a location of %s storage",
                        location, scheme);
    }
    if (location[0] != '/') {
        path = skip_authority(location + strlen(scheme) + 1);
    }
    if (!path) {
        return dsi_fail(err, DS_EINVALID,
                        "\"%s\": expected an absolute path on this machine, like %s:///a",
                        location, scheme);
    }
    if (!segments_are_plain(path)) {
        return dsi_fail(err, DS_EINVALID,
                        "\"%s\" has an empty, \".\" or \"..\" segment: write it without",
                        location);
    }
    *out = path;
    return DS_OK;
}
