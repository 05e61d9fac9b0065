// How the arrays of a schema lie in a record batch: which nodes, which buffers.
// Arrow columnar format, "Recordbatch Message Structure" and "Buffer Listing for Each
// Layout".
#ifndef DSI_CODEC_ARROW_IPC_LAYOUT_H
#define DSI_CODEC_ARROW_IPC_LAYOUT_H

#include <stdbool.h>

#include "base/arena.h"
#include "datashard/arrow.h"
#include "datashard/status.h"

enum {
    DSI_IPC_DEPTH_MAX = 64,
    DSI_IPC_FIELDS_MAX = 1 << 20,
};

enum dsi_ipc_shape {
    DSI_IPC_NULLS,      // Nothing at all.
    DSI_IPC_FIXED,      // Validity, values of `bits`.
    DSI_IPC_TEXT,       // Validity, offsets of `bits`, bytes.
    DSI_IPC_VIEWS,      // Validity, views, and any number of buffers they point into.
    DSI_IPC_LIST,       // Validity, offsets of `bits`; maps too.
    DSI_IPC_LIST_VIEW,  // Validity, offsets and sizes of `bits`.
    DSI_IPC_FIXED_LIST, // Validity; `list_size` elements each.
    DSI_IPC_STRUCT,     // Validity.
    DSI_IPC_RUNS,       // Nothing; children are run ends and values.
};

/// One array. Of a dictionary-encoded one, the shape is that of its indices.
struct dsi_ipc_node {
    const char *name; // Of its column, for messages: never NULL. Borrowed.
    enum dsi_ipc_shape shape;
    size_t bits;
    bool is_signed; // FIXED: of an integer.
    bool is_integer;
    int64_t list_size;
    struct dsi_ipc_node *children;
    size_t child_count;
    struct dsi_ipc_dictionary *dictionary; // NULL: none.
};

/// One dictionary, as one field uses it.
struct dsi_ipc_dictionary {
    int64_t id;   // In messages. Several fields may share one.
    size_t index; // Among the layout's.
    struct dsi_ipc_node values;
};

struct dsi_ipc_layout {
    struct dsi_ipc_node root; // A struct, which has no place in a batch itself.
    struct dsi_ipc_dictionary **dictionaries; // In the order of the schema, each before
    size_t dictionary_count;                  // those inside it; id is index.
};

/// The layout of a schema (a struct at the top), in the arena; names borrow from the
/// schema. Nothing is believed of it: DS_EINVALID for what makes no sense,
/// DS_EUNSUPPORTED, by column and format, for unions and what came later.
DS_MUST_CHECK int dsi_ipc_layout_read(const struct ArrowSchema *schema,
                                      struct dsi_arena *arena, struct dsi_ipc_layout *out,
                                      struct ds_error *err);

/// How many buffers an array of this node has in a batch; those of views apart.
size_t dsi_ipc_buffer_count(const struct dsi_ipc_node *n);

#endif
