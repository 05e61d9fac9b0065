// How a schema is stored in the Parquet files that we write: fields, leaves, levels.
// Iceberg specification, Appendix A "Parquet"; Parquet's LogicalTypes.md, "Nested Types".
//
// A list is three fields (the list, "list", "element"), a map four (the map, "key_value",
// "key", "value"), a variant three ("metadata" and "value" below it). Every field of the
// schema gives its id to its own. What is of type unknown is not stored at all.
#ifndef DSI_DATA_DATA_STORED_H
#define DSI_DATA_DATA_STORED_H

#include "codec/parquet/parquet.h"
#include "model/type.h"

enum dsi_stored_kind {
    DSI_STORED_LEAF,
    DSI_STORED_GROUP, // A struct or a variant: its rows are its parent's.
    DSI_STORED_LIST,  // A list or a map: its children's rows are its entries.
};

struct dsi_stored_node {
    enum dsi_stored_kind kind;
    size_t column;    // Which of its parent's children it is, or of the batch's columns.
    const char *name; // "a.element.b".
    bool required;
    uint8_t def;  // The definition level of its own values.
    uint8_t rep;  // LIST: the repetition level of entries that follow another.
    size_t index; // Of the node among all; below node_count.
    size_t leaf;  // LEAF.
    const struct dsi_parquet_field *stored; // LEAF.
    const struct dsi_stored_node *children; // Those that are stored.
    size_t child_count;
};

struct dsi_stored_leaf {
    const struct dsi_field *field; // Whose values it holds; of a variant's leaves, that.
    const struct dsi_stored_node *node;
    bool in_list; // Inside a list or a map.
};

struct dsi_stored {
    struct dsi_parquet_field *fields; // Depth first, as the codec wants them.
    size_t field_count;
    struct dsi_stored_leaf *leaves;
    size_t leaf_count;
    const struct dsi_stored_node *roots;
    size_t root_count;
    size_t node_count;
};

/// Plans a schema (borrowed), in the arena. DS_EUNSUPPORTED by name for what Parquet has
/// no form for: structs of which nothing is stored, lists and maps of type unknown, types
/// nested too deeply.
DS_MUST_CHECK int dsi_data_stored(const struct dsi_schema *schema,
                                  struct dsi_arena *arena, struct dsi_stored *out,
                                  struct ds_error *err);

#endif
