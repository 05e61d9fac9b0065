// What one node of an ArrowSchema says about its array: the format string and the
// metadata, read with suspicion.
// Arrow C data interface, "Data type description -- format strings".
#ifndef DSI_DATA_ARROW_FORMAT_H
#define DSI_DATA_ARROW_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "datashard/arrow.h"
#include "datashard/status.h"
#include "datashard/types.h"
#include "model/type.h"

enum dsi_arrow_kind {
    DSI_ARROW_NULL,
    DSI_ARROW_BOOL,
    DSI_ARROW_INT, // `width` bytes, `is_signed`.
    DSI_ARROW_HALF,
    DSI_ARROW_FLOAT,
    DSI_ARROW_DOUBLE,
    DSI_ARROW_DECIMAL, // `width` bytes, 4 to 32.
    DSI_ARROW_FIXED,   // `width` bytes.
    DSI_ARROW_TEXT,    // UTF-8; see `offsets`.
    DSI_ARROW_BINARY,
    DSI_ARROW_DATE,      // `width` 4: days; 8: milliseconds.
    DSI_ARROW_TIME,      // `width` bytes, `unit`.
    DSI_ARROW_TIMESTAMP, // `unit`, `zone`.
    DSI_ARROW_STRUCT,
    DSI_ARROW_LIST, // Any of the five; `offsets` tells. `width`: of a view's offsets, in
                    // bytes, or how many elements each list has without offsets.
    DSI_ARROW_MAP,
    DSI_ARROW_RUN_ENDS,
    DSI_ARROW_OTHER, // Durations, intervals, unions, what came later.
};

enum dsi_arrow_unit { DSI_ARROW_S, DSI_ARROW_MS, DSI_ARROW_US, DSI_ARROW_NS };

enum dsi_arrow_offsets {
    DSI_ARROW_32,
    DSI_ARROW_64,
    DSI_ARROW_VIEW,
    DSI_ARROW_NO_OFFSETS
};

struct dsi_arrow_format {
    enum dsi_arrow_kind kind;
    size_t width;
    bool is_signed;
    enum dsi_arrow_unit unit;
    bool zone;
    enum dsi_arrow_offsets offsets; // TEXT, BINARY; LIST.
    int32_t precision;              // DECIMAL.
    int32_t scale;
};

// How a struct of metadata and value is marked that is a variant.
#define DSI_ARROW_VARIANT_NAME "arrow.parquet.variant"

enum {
    DSI_ARROW_CHILDREN_MAX = 1 << 20, // Fields of one struct.
    DSI_ARROW_DEPTH_MAX = DSI_TYPE_DEPTH_MAX,
};

/// Reads the format of one node; a kind nobody knows is DSI_ARROW_OTHER. DS_EINVALID for
/// a released schema, a missing or malformed format, or children that do not add up
/// (`schema->children` holds n_children schemas afterwards, all of them there).
DS_MUST_CHECK int dsi_arrow_format_read(const struct ArrowSchema *schema,
                                        struct dsi_arrow_format *out,
                                        struct ds_error *err);

/// The node's name, for messages: never NULL.
const char *dsi_arrow_name(const struct ArrowSchema *schema);

/// Finds a key in the node's metadata. `*found` is false when it is not there; `value`
/// borrows from the schema. DS_EINVALID for metadata that makes no sense.
DS_MUST_CHECK int dsi_arrow_metadata_find(const struct ArrowSchema *schema,
                                          const char *key, bool *found,
                                          struct ds_slice *value, struct ds_error *err);

/// Whether the node is marked as this extension type; `metadata` (may be NULL) are its
/// parameters, empty when there are none.
DS_MUST_CHECK int dsi_arrow_extension_is(const struct ArrowSchema *schema,
                                         const char *name, bool *out,
                                         struct ds_slice *metadata, struct ds_error *err);

/// The field id in "PARQUET:field_id" metadata, or -1.
DS_MUST_CHECK int dsi_arrow_field_id(const struct ArrowSchema *schema, int32_t *out,
                                     struct ds_error *err);

/// The Iceberg type of a node that is a value (not STRUCT, LIST, MAP, RUN_ENDS); text it
/// needs is in the arena. DS_EUNSUPPORTED by column and format where Iceberg has none.
DS_MUST_CHECK int dsi_arrow_format_type(const struct ArrowSchema *schema,
                                        const struct dsi_arrow_format *f,
                                        struct dsi_arena *arena, struct dsi_type *out,
                                        struct ds_error *err);

#endif
