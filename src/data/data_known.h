// What a file's footer tells of its columns, over all row groups.
//
// (1) Counts and bounds are told where every row group tells them, else not at all. A
//     bound holds for every value that is neither null nor NaN.
#ifndef DSI_DATA_DATA_KNOWN_H
#define DSI_DATA_DATA_KNOWN_H

#include "data/data_fields.h"
#include "data/data_metrics.h"

struct dsi_known_column {
    const struct dsi_field *field; // What it is read as.
    bool in_list;                  // Inside a list or a map: of that a size is all.
    int64_t size;                  // Bytes in the file.
    int64_t value_count;
    int64_t null_count; // -1: not told.
    bool bounded;       // `low` and `high` are set; never when there is no value.
    struct dsi_value low;
    struct dsi_value high;
};

/// Those of the columns that are leaves in the file, nested ones too, variants aside, by
/// ascending field id, in the arena. `origins` are as dsi_data_origins gives them.
DS_MUST_CHECK int dsi_data_known(const struct dsi_parquet_file *file,
                                 const struct dsi_data_origin *origins, size_t count,
                                 struct dsi_arena *arena, struct dsi_known_column **out,
                                 size_t *out_count, struct ds_error *err);

/// The one of a field, or NULL.
const struct dsi_known_column *dsi_data_known_find(const struct dsi_known_column *all,
                                                   size_t count, int32_t field_id);

/// Column metrics as the writer of a table's files puts them, by the table's properties,
/// in the arena, of as many columns.
DS_MUST_CHECK int dsi_data_known_metrics(const struct dsi_metadata *metadata,
                                         const struct dsi_known_column *all, size_t count,
                                         struct dsi_arena *arena,
                                         struct dsi_column_metrics **out,
                                         struct ds_error *err);

#endif
