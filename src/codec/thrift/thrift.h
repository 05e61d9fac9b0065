// Thrift's compact protocol, as much as Parquet's metadata needs.
// Thrift specification, doc/specs/thrift-compact-protocol.md.
//
// Reading is pulling: the caller walks a struct field by field and reads or skips each.
//
// (1) A reader never goes past its slice; what it hands out points into it.
// (2) A list or map announces no more elements than bytes are left, so memory for its
//     elements is in proportion to the input.
// (3) Skipping is bounded in depth (DSI_THRIFT_DEPTH_MAX), also inside containers.
#ifndef DSI_CODEC_THRIFT_H
#define DSI_CODEC_THRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

// The numbers are the protocol's. A bool field has its value as its type.
enum dsi_thrift_type {
    DSI_THRIFT_STOP = 0,
    DSI_THRIFT_TRUE = 1,
    DSI_THRIFT_FALSE = 2,
    DSI_THRIFT_I8 = 3,
    DSI_THRIFT_I16 = 4,
    DSI_THRIFT_I32 = 5,
    DSI_THRIFT_I64 = 6,
    DSI_THRIFT_DOUBLE = 7,
    DSI_THRIFT_BINARY = 8,
    DSI_THRIFT_LIST = 9,
    DSI_THRIFT_SET = 10,
    DSI_THRIFT_MAP = 11,
    DSI_THRIFT_STRUCT = 12,
    DSI_THRIFT_UUID = 13,
};

enum { DSI_THRIFT_DEPTH_MAX = 64 };

struct dsi_thrift_reader {
    struct ds_slice in;   // What is left.
    const uint8_t *start; // For positions in messages.
    const char *what;     // What is being read, for messages: "parquet footer".
};

/// A field of the struct being walked. Zeroed before the first dsi_thrift_next.
struct dsi_thrift_field {
    int32_t id;
    enum dsi_thrift_type type;
};

/// A list (or set) being walked.
struct dsi_thrift_list {
    enum dsi_thrift_type type; // Of its elements. TRUE: any bool.
    size_t count;
};

/// Starts reading `in`, which is borrowed.
void dsi_thrift_reader_init(struct dsi_thrift_reader *r, struct ds_slice in,
                            const char *what);

/// Bytes read so far.
size_t dsi_thrift_reader_position(const struct dsi_thrift_reader *r);

/// Moves to the struct's next field: DS_ROW, or DS_OK at its end. The field's value is to
/// be read or skipped before the next call. `f` is the previous field.
DS_MUST_CHECK int dsi_thrift_next(struct dsi_thrift_reader *r, struct dsi_thrift_field *f,
                                  struct ds_error *err);

/// Read a value whose wire type is `type`; DS_ECORRUPT if it is of another kind. Integers
/// are accepted in any width and must fit the one asked for.
DS_MUST_CHECK int dsi_thrift_i64(struct dsi_thrift_reader *r, enum dsi_thrift_type type,
                                 int64_t *out, struct ds_error *err);
DS_MUST_CHECK int dsi_thrift_i32(struct dsi_thrift_reader *r, enum dsi_thrift_type type,
                                 int32_t *out, struct ds_error *err);

/// A struct's bool field. (A list's bools are bytes: dsi_thrift_bool_element.)
DS_MUST_CHECK int dsi_thrift_bool(struct dsi_thrift_reader *r, enum dsi_thrift_type type,
                                  bool *out, struct ds_error *err);

/// A bool in a list, in any form writers use: 1 is true, 0 and 2 are false.
DS_MUST_CHECK int dsi_thrift_bool_element(struct dsi_thrift_reader *r, bool *out,
                                          struct ds_error *err);

/// `out` points into the input.
DS_MUST_CHECK int dsi_thrift_binary(struct dsi_thrift_reader *r,
                                    enum dsi_thrift_type type, struct ds_slice *out,
                                    struct ds_error *err);

/// Starts a list of elements of type `element` (TRUE for bools); an empty list may have
/// any type. The elements follow, read one by one.
DS_MUST_CHECK int dsi_thrift_list(struct dsi_thrift_reader *r, enum dsi_thrift_type type,
                                  enum dsi_thrift_type element,
                                  struct dsi_thrift_list *out, struct ds_error *err);

/// DS_ECORRUPT unless the value is a struct, which is then walked with its own field.
DS_MUST_CHECK int dsi_thrift_struct(struct dsi_thrift_reader *r,
                                    enum dsi_thrift_type type, struct ds_error *err);

/// Passes over a field's value.
DS_MUST_CHECK int dsi_thrift_skip(struct dsi_thrift_reader *r, enum dsi_thrift_type type,
                                  struct ds_error *err);

// Writing. The first failure (memory) is kept and everything after it does nothing, so
// only dsi_thrift_writer_end needs to be checked.
enum { DSI_THRIFT_WRITE_DEPTH_MAX = 16 };

struct dsi_thrift_writer {
    struct dsi_buf *out;
    int rc;
    struct ds_error *err;
    size_t depth;
    int32_t last_id[DSI_THRIFT_WRITE_DEPTH_MAX];
};

/// Starts a struct that is appended to `out`; both are borrowed until the end.
void dsi_thrift_writer_begin(struct dsi_thrift_writer *w, struct dsi_buf *out,
                             struct ds_error *err);

/// Ends the outermost struct; the first failure of all.
DS_MUST_CHECK int dsi_thrift_writer_end(struct dsi_thrift_writer *w);

// Fields, in ascending order of their ids within a struct.
void dsi_thrift_write_bool(struct dsi_thrift_writer *w, int32_t id, bool v);
void dsi_thrift_write_i8(struct dsi_thrift_writer *w, int32_t id, int8_t v);
void dsi_thrift_write_i16(struct dsi_thrift_writer *w, int32_t id, int16_t v);
void dsi_thrift_write_i32(struct dsi_thrift_writer *w, int32_t id, int32_t v);
void dsi_thrift_write_i64(struct dsi_thrift_writer *w, int32_t id, int64_t v);
void dsi_thrift_write_binary(struct dsi_thrift_writer *w, int32_t id, struct ds_slice v);
void dsi_thrift_write_text(struct dsi_thrift_writer *w, int32_t id, const char *v);

/// A struct field; its fields follow, then dsi_thrift_write_struct_end.
void dsi_thrift_write_struct(struct dsi_thrift_writer *w, int32_t id);
void dsi_thrift_write_struct_end(struct dsi_thrift_writer *w);

/// A list field; `count` elements follow.
void dsi_thrift_write_list(struct dsi_thrift_writer *w, int32_t id,
                           enum dsi_thrift_type element, size_t count);
void dsi_thrift_element_bool(struct dsi_thrift_writer *w, bool v);
void dsi_thrift_element_i32(struct dsi_thrift_writer *w, int32_t v);
void dsi_thrift_element_i64(struct dsi_thrift_writer *w, int64_t v);
void dsi_thrift_element_binary(struct dsi_thrift_writer *w, struct ds_slice v);
void dsi_thrift_element_text(struct dsi_thrift_writer *w, const char *v);
void dsi_thrift_element_struct(struct dsi_thrift_writer *w); // Then _struct_end.

#endif
