// A Parquet file that others wrote, as a data file of a table: does it fit, and what is
// it, metrics and partition included. Only its footer is read.
//
// (1) What is accepted can be read back by the table's current schema: every column of
//     the file is one of the table's (by field id when any column has one, else by the
//     name mapping) in a type that can be read as the table's, and a required column has
//     no nulls as far as the file proves it.
// (2) All rows have the partition it is given: by the bounds of the source columns, or by
//     the caller's word where those say nothing against it.
#ifndef DSI_DATA_DATA_ADOPT_H
#define DSI_DATA_DATA_ADOPT_H

#include "model/manifest.h"
#include "storage/storage.h"

struct dsi_data_adopt_options {
    ds_storage *storage;
    const struct dsi_metadata *metadata; // With the name mapping that shall be used.
    const char *location;
    /// Values of partition fields by their names, as dsi_transform_format writes them; a
    /// value of NULL is null. None: they are worked out.
    struct ds_properties partition;
};

/// Describes the file for the table's default spec, in the arena; `metadata` and the
/// options' strings are borrowed by it. *by_name: it has no field ids, and needs the
/// mapping. DS_ENOTFOUND; DS_ECORRUPT for no Parquet file; DS_EINVALID, naming the
/// column, for one that does not fit (1) (2); DS_EUNSUPPORTED.
DS_MUST_CHECK int dsi_data_adopt(const struct dsi_data_adopt_options *options,
                                 struct dsi_arena *arena, struct dsi_data_file *out,
                                 bool *by_name, struct ds_error *err);

#endif
