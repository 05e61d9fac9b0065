// What a node of a Parquet schema is to whoever reads rows: the two or three levels of a
// list or map count as one field.
// Parquet LogicalTypes.md, "Nested Types", the backward-compatibility rules included.
#ifndef DSI_DATA_DATA_SHAPE_H
#define DSI_DATA_DATA_SHAPE_H

#include "codec/parquet/parquet.h"

enum dsi_data_shape_kind {
    DSI_SHAPE_LEAF,
    DSI_SHAPE_STRUCT,
    DSI_SHAPE_LIST,
    DSI_SHAPE_MAP,
    DSI_SHAPE_VARIANT,
};

/// A node as it is seen from above. The entry of a list may be the repeated node itself,
/// seen from inside: there it repeats no more, and is required.
struct dsi_data_place {
    const struct dsi_parquet_node *node;
    bool is_entry;
};

struct dsi_data_shape {
    enum dsi_data_shape_kind kind;
    bool is_optional; ///< There may be a null: at definition level null_def.
    int32_t null_def;
    int32_t rep;          ///< An instance begins at a repetition level up to this …
    int32_t instance_def; ///< … and a definition level from this on.
    const struct dsi_parquet_node *entries; ///< LIST, MAP: what repeats.
    struct dsi_data_place element;          ///< LIST: the element. MAP: the key.
    struct dsi_data_place value; ///< MAP only; a map without values is a LIST of keys.
};

/// DS_EUNSUPPORTED, naming the node, for an annotated group that is no list or map.
DS_MUST_CHECK int dsi_data_shape_of(struct dsi_data_place at, struct dsi_data_shape *out,
                                    struct ds_error *err);

/// The child of a group with this name, or NULL.
const struct dsi_parquet_node *dsi_data_shape_child(const struct dsi_parquet_node *group,
                                                    const char *name);

#endif
