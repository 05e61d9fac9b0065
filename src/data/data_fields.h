// Where the values of each column come from in one data file: a tree of origins beside
// the tree of fields that are read.
// Iceberg specification, "Column Projection", "Name Mapping Serialization".
#ifndef DSI_DATA_DATA_FIELDS_H
#define DSI_DATA_DATA_FIELDS_H

#include "data/data_file.h"
#include "data/data_shape.h"

enum dsi_data_origin_kind {
    DSI_ORIGIN_CONSTANT, // Not in the file: all values are `constant`; nested: null.
    DSI_ORIGIN_EMPTY,    // Nested, and not in the file: not null, but no entries; a
                         // struct has the constants of its children.
    DSI_ORIGIN_LEAF,
    DSI_ORIGIN_STRUCT,  // A VARIANT in one piece too: its metadata and value.
    DSI_ORIGIN_ENTRIES, // LIST, MAP.
    DSI_ORIGIN_SHREDDED // VARIANT: its one child is the type that data_variant.h reads.
};

// A leaf of the file that a root column needs.
struct dsi_data_leaf {
    const struct dsi_parquet_node *node;
    bool keep_levels; // Somebody wants to know which parents are null or empty.
};

struct dsi_data_origin {
    const struct dsi_field *field; // What is read.
    enum dsi_data_origin_kind kind;
    const struct dsi_parquet_node *node; // In the file; NULL: nowhere.
    const struct dsi_parquet_node *leaf; // `node` if it is a leaf, else NULL.
    struct dsi_data_shape shape;         // Of `node`.
    size_t index; // In the root's leaves: the leaf itself; nested: one below, whose
                  // levels tell which instances there are.
    bool has_own_levels; // That leaf is read for nothing else.
    struct dsi_data_origin *children;
    size_t child_count;
    struct dsi_value constant;
    const struct dsi_data_leaf *leaves; // Roots only.
    size_t leaf_count;
};

/// Whether anything below a node has a field id: then ids are what counts.
bool dsi_data_has_ids(const struct dsi_parquet_node *group);

/// One per column of options->schema, in the arena. A file with field ids is matched by
/// them, at every level; one without by the table's name mapping, or, if it has none, by
/// position as Java does (below the root, by name). The element of a list, and the key
/// and value of a map, are what the file has there. DS_ECORRUPT for a required column
/// that is nowhere, or one whose type in the file cannot be read as the table's.
DS_MUST_CHECK int dsi_data_origins(const struct dsi_data_reader_options *options,
                                   const struct dsi_parquet_file *file,
                                   struct dsi_arena *arena, struct dsi_data_origin **out,
                                   struct ds_error *err);

#endif
