// JSON written anew with some of its texts changed, and all else as it is.
#ifndef DSI_MAINT_RELOCATE_JSON_H
#define DSI_MAINT_RELOCATE_JSON_H

#include "base/buf.h"
#include "codec/json/json_reader.h"

// Where in a document a text is: the keys that lead there, and in the outermost array
// the number of its element. Borrowed.
struct dsi_relocate_at {
    const struct ds_slice *keys;
    size_t count;
    size_t element;
};

/// Asked about each text: DS_ROW when it becomes *out, which is borrowed until the next
/// call; else DS_OK.
typedef int (*dsi_relocate_text_fn)(void *arg, const struct dsi_relocate_at *at,
                                    struct ds_slice text, struct ds_slice *out,
                                    struct ds_error *err);

/// Appends the new document, compact. `what` names the old one in messages.
DS_MUST_CHECK int dsi_relocate_json(struct ds_slice json, const char *what,
                                    dsi_relocate_text_fn change, void *arg,
                                    struct dsi_buf *out, struct ds_error *err);

/// Whether the keys are just these: "a/b" for b in a.
bool dsi_relocate_at_is(const struct dsi_relocate_at *at, const char *path);

#endif
