// Writes JSON into a buffer: compact, keys in the order they are given.
//
// Errors are kept: after the first failure the calls do nothing, and
// dsi_json_writer_finish tells. So a writer of a large object is a list of calls.
#ifndef DSI_CODEC_JSON_JSON_WRITER_H
#define DSI_CODEC_JSON_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct dsi_json_writer {
    struct dsi_buf *out;
    struct ds_error *err;
    int rc;
    int depth;
    bool comma; // The next value or key needs one in front of it.
};

/// Appends to `out`, which is the caller's; `err` (may be NULL) gets the first failure.
void dsi_json_writer_init(struct dsi_json_writer *w, struct dsi_buf *out,
                          struct ds_error *err);

/// DS_OK, or the first failure. Every object and array must have been ended.
DS_MUST_CHECK int dsi_json_writer_finish(struct dsi_json_writer *w);

void dsi_json_write_object_begin(struct dsi_json_writer *w);
void dsi_json_write_object_end(struct dsi_json_writer *w);
void dsi_json_write_array_begin(struct dsi_json_writer *w);
void dsi_json_write_array_end(struct dsi_json_writer *w);

/// Inside an object: the key of the value that follows.
void dsi_json_write_key(struct dsi_json_writer *w, const char *key);
void dsi_json_write_key_slice(struct dsi_json_writer *w, struct ds_slice key);

/// Values. Text that is not UTF-8 is DS_EINVALID, and so is a double that is not finite.
void dsi_json_write_string(struct dsi_json_writer *w, const char *text);
void dsi_json_write_slice(struct dsi_json_writer *w, struct ds_slice text);
void dsi_json_write_i64(struct dsi_json_writer *w, int64_t v);
void dsi_json_write_f64(struct dsi_json_writer *w, double v);
void dsi_json_write_f32(struct dsi_json_writer *w, float v);
void dsi_json_write_bool(struct dsi_json_writer *w, bool v);
void dsi_json_write_null(struct dsi_json_writer *w);

/// One JSON value as it is, or in an array several with commas between them: not checked,
/// the caller vouches for it.
void dsi_json_write_raw(struct dsi_json_writer *w, struct ds_slice json);

/// The usual pairs.
void dsi_json_write_member_string(struct dsi_json_writer *w, const char *key,
                                  const char *text);
void dsi_json_write_member_i64(struct dsi_json_writer *w, const char *key, int64_t v);
void dsi_json_write_member_bool(struct dsi_json_writer *w, const char *key, bool v);
void dsi_json_write_member_raw(struct dsi_json_writer *w, const char *key,
                               struct ds_slice json);

#endif
