// From locations to what a backend looks up.
#ifndef DSI_STORAGE_STORAGE_PATH_H
#define DSI_STORAGE_STORAGE_PATH_H

#include <stdbool.h>

#include "datashard/status.h"

/// How the last segment of every name begins that `list` does not tell: temporaries,
/// locks.
#define DSI_STORAGE_HIDDEN ".datashard-"

/// The absolute path in "/a/b", "<scheme>:/a/b", "<scheme>:///a/b" or
/// "<scheme>://localhost/a/b"; borrowed from `location`. DS_EINVALID for another scheme
/// or host, a relative path, an empty, "." or ".." segment, and for a slash at the end.
DS_MUST_CHECK int dsi_storage_path(const char *location, const char *scheme,
                                   const char **out, struct ds_error *err);

/// True when `location` is `<scheme>:…`, or a bare path and `scheme` is "file".
bool dsi_storage_path_has_scheme(const char *location, const char *scheme);

/// True when the last segment of `path` is one that `list` does not tell.
bool dsi_storage_path_is_hidden(const char *path);

/// The directory that an absolute path is in, owned by the caller; NULL: no memory.
char *dsi_storage_path_dir(const char *path);

#endif
