// Any struct of Thrift's compact protocol as a tree that can be changed and written
// again. For fuzzing: it knows no schema, and stops the program where memory ends.
#ifndef DSI_FUZZ_THRIFT_TREE_H
#define DSI_FUZZ_THRIFT_TREE_H

#include "base/arena.h"
#include "codec/thrift/thrift.h"

struct tree {
    enum dsi_thrift_type type;
    int32_t id;            // Of a struct's field.
    int64_t number;        // I8 to I64.
    struct ds_slice bytes; // BINARY; a DOUBLE's eight, a UUID's sixteen.
    enum dsi_thrift_type element;
    struct tree *children; // LIST, SET, STRUCT.
    size_t count;
};

/// The struct at the start of `in`, in the arena, and how many bytes it took; NULL when
/// there is none, or one with maps.
struct tree *tree_read(struct dsi_arena *arena, struct ds_slice in, size_t *used);
void tree_write(const struct tree *t, struct dsi_buf *out);

/// The field with this id, or NULL.
struct tree *tree_find(const struct tree *t, int32_t id);

/// Nodes below and with t; the nth of them, t being 0.
size_t tree_size(const struct tree *t);
struct tree *tree_nth(struct tree *t, size_t n);

#endif
