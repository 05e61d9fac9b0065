// A pull parser for JSON (RFC 8259): the caller asks for what it expects next, and no
// tree is built. Strict: no comments, no trailing commas, no control characters in
// strings, UTF-8 only.
//
// (1) Memory: nothing is allocated but the strings asked for, in the reader's arena. Text
//     without escapes is handed out as slices of the input.
// (2) Nesting deeper than depth_max is refused, and nothing here recurses.
// (3) Whatever is skipped or captured raw was checked as thoroughly as what is read.
// (4) Every failure names the input, the line and the byte (both counted from 1), what
// was
//     expected and what is there. After a failure the reader must not be used again.
//
// The shape of a caller:
//
//     DSI_TRY(dsi_json_object_begin(&r, err));
//     while ((rc = dsi_json_object_next(&r, &key, err)) == DS_ROW) {
//         if (dsi_json_key_is(key, "id")) {
//             DSI_TRY(dsi_json_i64(&r, &id, err));
//         } else {
//             DSI_TRY(dsi_json_skip(&r, NULL, err));
//         }
//     }
//     DSI_TRY(rc);
//
// A key that comes twice is the caller's to judge: the reader hands out both.
#ifndef DSI_CODEC_JSON_JSON_READER_H
#define DSI_CODEC_JSON_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "datashard/status.h"
#include "datashard/types.h"

enum dsi_json_kind {
    DSI_JSON_NULL,
    DSI_JSON_BOOL,
    DSI_JSON_NUMBER,
    DSI_JSON_STRING,
    DSI_JSON_ARRAY,
    DSI_JSON_OBJECT,
};

enum { DSI_JSON_DEPTH_MAX = 128 };

struct dsi_json_reader {
    struct ds_slice text;
    size_t at;               // The next byte.
    struct dsi_arena *arena; // Strings with escapes, and terminated ones.
    const char *what;        // Names the input in messages.
    int depth;
    int depth_max; // At most DSI_JSON_DEPTH_MAX.
    bool first;    // Just after a "{" or "[": no comma is due.
    bool checked;  // By dsi_json_reader_init_checked.
};

/// Starts at the beginning of `text`, which must stay there; nothing to release. `what`
/// is borrowed too. An UTF-8 byte order mark at the start is passed over.
void dsi_json_reader_init(struct dsi_json_reader *r, struct ds_slice text,
                          struct dsi_arena *arena, const char *what);

/// The same for a text that dsi_json_skip has passed over, or a value in it: to skip any
/// of it is then only to look for its end.
void dsi_json_reader_init_checked(struct dsi_json_reader *r, struct ds_slice text,
                                  struct dsi_arena *arena, const char *what);

/// What comes next, without taking it. DS_ECORRUPT if no value starts here.
DS_MUST_CHECK int dsi_json_peek(struct dsi_json_reader *r, enum dsi_json_kind *out,
                                struct ds_error *err);

/// Objects: begin, then next until it gives DS_OK, the end; DS_ROW means a key was taken
/// and its value comes next (and must be taken or skipped). The key is a slice of the
/// input or, with escapes, in the arena.
DS_MUST_CHECK int dsi_json_object_begin(struct dsi_json_reader *r, struct ds_error *err);
DS_MUST_CHECK int dsi_json_object_next(struct dsi_json_reader *r, struct ds_slice *key,
                                       struct ds_error *err);
bool dsi_json_key_is(struct ds_slice key, const char *name);

/// A key as a text of its own in the arena; one with U+0000 inside is DS_ECORRUPT.
DS_MUST_CHECK int dsi_json_key_text(struct dsi_json_reader *r, struct ds_slice key,
                                    const char **out, struct ds_error *err);

/// Arrays likewise; DS_ROW means an element comes next.
DS_MUST_CHECK int dsi_json_array_begin(struct dsi_json_reader *r, struct ds_error *err);
DS_MUST_CHECK int dsi_json_array_next(struct dsi_json_reader *r, struct ds_error *err);

/// A string, unescaped, terminated, in the arena. One with U+0000 inside is DS_ECORRUPT.
DS_MUST_CHECK int dsi_json_string(struct dsi_json_reader *r, const char **out,
                                  struct ds_error *err);

/// A string, unescaped, as a slice of the input or (with escapes) in the arena; U+0000 is
/// fine here.
DS_MUST_CHECK int dsi_json_string_slice(struct dsi_json_reader *r, struct ds_slice *out,
                                        struct ds_error *err);

/// A number's text as it stands (checked), for those who need every digit.
DS_MUST_CHECK int dsi_json_number(struct dsi_json_reader *r, struct ds_slice *out,
                                  struct ds_error *err);

/// An integer, exactly: "1.0", "1e3" and what does not fit are DS_ECORRUPT.
DS_MUST_CHECK int dsi_json_i64(struct dsi_json_reader *r, int64_t *out,
                               struct ds_error *err);
DS_MUST_CHECK int dsi_json_i32(struct dsi_json_reader *r, int32_t *out,
                               struct ds_error *err);

/// Any number, rounded to the nearest double; DS_ECORRUPT beyond the largest one.
DS_MUST_CHECK int dsi_json_f64(struct dsi_json_reader *r, double *out,
                               struct ds_error *err);
DS_MUST_CHECK int dsi_json_bool(struct dsi_json_reader *r, bool *out,
                                struct ds_error *err);

/// Takes a null if one is next: *out tells. Anything else is left where it is.
DS_MUST_CHECK int dsi_json_null(struct dsi_json_reader *r, bool *out,
                                struct ds_error *err);

/// Passes over one value of any kind; `raw` (NULL: not wanted) is its text, borrowed.
DS_MUST_CHECK int dsi_json_skip(struct dsi_json_reader *r, struct ds_slice *raw,
                                struct ds_error *err);

/// Passes over one value if its text is just `raw`, an object or array that a skip gave
/// before, from this text or another; false, and nothing is taken, if it is not.
bool dsi_json_take(struct dsi_json_reader *r, struct ds_slice raw);

/// Checks that nothing but white space is left.
DS_MUST_CHECK int dsi_json_end(struct dsi_json_reader *r, struct ds_error *err);

/// A failure of the caller's own at the place where the reader is: "expected <expected>".
int dsi_json_unexpected(struct dsi_json_reader *r, struct ds_error *err,
                        const char *expected);

#endif
