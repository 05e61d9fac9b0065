// Shredded variants: a group whose "value" and "typed_value" columns hold parts of one
// variant. They are read as a struct of what the file has, then put together.
// Parquet VariantShredding.md.
#ifndef DSI_DATA_DATA_VARIANT_H
#define DSI_DATA_DATA_VARIANT_H

#include "codec/parquet/parquet.h"
#include "codec/variant/variant.h"
#include "data/column_layout.h"

/// Whether a group annotated as VARIANT has a "typed_value" at its top.
bool dsi_data_variant_is_shredded(const struct dsi_parquet_node *group);

/// The primitive kind that a leaf named "typed_value" stores. False: none may be stored
/// so (unsigned integers, fixed bytes that are no UUID …).
bool dsi_data_variant_kind(const struct dsi_parquet_field *leaf,
                           enum dsi_variant_kind *out);

/// The type in which a shredded group is read: a STRUCT with a field for each child of
/// the group, in the group's order; groups below are STRUCTs in the same way, and a LIST
/// is of such STRUCTs. A field is required where the file's is. In the arena, the names
/// borrowed from the group; the ids are 0. DS_ECORRUPT for a shape that is no shredding,
/// DS_EUNSUPPORTED for a type that may not be shredded, by column.
DS_MUST_CHECK int dsi_data_variant_type(const struct dsi_parquet_node *group,
                                        struct dsi_arena *arena, struct dsi_type *out,
                                        struct ds_error *err);

/// Puts variants together: `in` is a column of that type, `out` (its field set, its
/// children there) a VARIANT of `b`. Work and memory follow the size of the values.
/// DS_ECORRUPT, naming the column and the row counted from `row_base`, for conflicting
/// parts, names that the metadata lack, and values that are no variants.
DS_MUST_CHECK int dsi_data_variant_join(const struct dsi_parquet_node *group,
                                        const struct dsi_column *in, int64_t row_base,
                                        struct dsi_batch *b, struct dsi_column *out,
                                        struct ds_error *err);

#endif
