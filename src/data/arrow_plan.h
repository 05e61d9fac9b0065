// How a producer's columns become a table's: made once, from its schema. Arrays are
// checked against it, one by one.
//
// (1) A plan follows the table's fields, at any depth: each says which of the producer's
//     columns it comes from, and how that one's array is laid out.
#ifndef DSI_DATA_ARROW_PLAN_H
#define DSI_DATA_ARROW_PLAN_H

#include "data/arrow_array.h"

struct dsi_arrow_plan;

// How the array of one node is laid out, and what is inside.
struct dsi_arrow_layer {
    struct dsi_arrow_format format; // Of the indices, if there is a dictionary.
    bool dictionary;
    struct dsi_arrow_format run_ends;
    struct dsi_arrow_layer *inner;   // The dictionary's or the runs' values; else NULL.
    int64_t source_count;            // STRUCT, and a MAP's entries: the array's children.
    struct dsi_arrow_plan *children; // Of a nested type, one for each of its fields.
    size_t child_count;
};

// One field of the table.
struct dsi_arrow_plan {
    const struct dsi_field *field;
    int64_t source;   // Which of the producer's columns; -1: none, all rows are null.
    const char *path; // "a.b.element", for messages.
    struct dsi_arrow_layer layer;
};

/// Plans the columns of a struct: those of the producer's `schema` become `type`'s fields
/// (a STRUCT's, or VARIANT's two). Everything is in the arena. DS_EINVALID as
/// dsi_arrow_import_new says; DS_EUNSUPPORTED for dictionaries inside dictionaries
/// inside…, and for shredded variants.
DS_MUST_CHECK int dsi_arrow_plan_struct(const struct ArrowSchema *schema,
                                        const struct dsi_type *type,
                                        struct dsi_arena *arena,
                                        struct dsi_arrow_layer *out,
                                        struct ds_error *err);

// Conversion, by layout: each fills `out` (a column of `b`, its field set, its children
// there) from a view whose array the layer describes.
DS_MUST_CHECK int dsi_arrow_convert(struct dsi_batch *b,
                                    const struct dsi_arrow_layer *layer,
                                    const struct dsi_arrow_view *v,
                                    struct dsi_column *out, struct ds_error *err);
DS_MUST_CHECK int dsi_arrow_convert_encoded(struct dsi_batch *b,
                                            const struct dsi_arrow_layer *layer,
                                            const struct dsi_arrow_view *v,
                                            struct dsi_column *out, struct ds_error *err);
DS_MUST_CHECK int dsi_arrow_convert_nested(struct dsi_batch *b,
                                           const struct dsi_arrow_layer *layer,
                                           const struct dsi_arrow_view *v,
                                           struct dsi_column *out, struct ds_error *err);

/// Fills a column from one child of `around`, a view of a STRUCT; nulls in a required one
/// are DS_EINVALID with the row, where the parent is not null itself.
DS_MUST_CHECK int dsi_arrow_convert_child(struct dsi_batch *b,
                                          const struct dsi_arrow_plan *plan,
                                          const struct dsi_arrow_view *around,
                                          const uint8_t *live, struct dsi_column *out,
                                          struct ds_error *err);

#endif
