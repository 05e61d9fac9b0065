// Locations: where a table and its files are, as text that engines agree on.
//
// (1) "file:///a/b", "file:/a/b", "file://localhost/a/b" and "/a/b" are one place;
// written
//     out it is the first form. "memory:///a/b" is the memory storage's.
// (2) A location with "." or ".." segments, control characters, an empty segment in its
//     middle, or a scheme nobody serves is refused: no file outside what is named is
//     touched.
#ifndef DSI_MODEL_LOCATION_H
#define DSI_MODEL_LOCATION_H

#include "base/arena.h"
#include "datashard/status.h"

/// Checks a location and gives its canonical form in the arena, without trailing slash.
DS_MUST_CHECK int dsi_location_normalize(const char *text, struct dsi_arena *arena,
                                         char **out, struct ds_error *err);

/// "<base>/<a>/<b>" in the arena; a or b may be NULL. Not checked: for names of our own.
DS_MUST_CHECK int dsi_location_join(const char *base, const char *a, const char *b,
                                    struct dsi_arena *arena, char **out,
                                    struct ds_error *err);

/// The path a local storage opens ("/a/b"), or NULL for other schemes. Borrowed.
const char *dsi_location_local_path(const char *location);

#endif
