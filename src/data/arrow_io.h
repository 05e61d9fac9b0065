// Arrow C Data at the border: import with suspicion, export without copying.
//
// (1) Nothing of a producer is believed: formats, child counts, buffer counts, lengths,
//     offsets, null counts and UTF-8 are checked before a byte is used; a lie is
//     DS_EINVALID with the column and the reason.
// (2) `release` is called exactly once for everything handed to us, on every path.
#ifndef DSI_DATA_ARROW_IO_H
#define DSI_DATA_ARROW_IO_H

#include "data/arrow_form.h"
#include "data/batch.h"
#include "datashard/arrow.h"

/// Reads an Arrow schema (a struct at the top) as an Iceberg schema; ids count from 1, or
/// come from "PARQUET:field_id" metadata when every field has one. Types that Iceberg
/// does not have (uint64, intervals, …) are DS_EUNSUPPORTED by column and format. Narrow
/// integers become int, uint32 long, half floats float, dictionaries and runs their
/// values, lists of every layout lists; extension types as dsi_arrow_schema_write says.
DS_MUST_CHECK int dsi_arrow_schema_read(const struct ArrowSchema *schema,
                                        struct dsi_arena *arena, struct dsi_schema *out,
                                        struct ds_error *err);

/// True when every column at the top has a field id of its own, which is what
/// dsi_arrow_schema_read takes ids for, where all below have one, too.
bool dsi_arrow_schema_has_ids(const struct ArrowSchema *schema);

/// Fills `out` (the caller's, released by the consumer) with the Arrow form of a schema,
/// a struct at the top, field ids in "PARQUET:field_id" metadata. A uuid is marked
/// "arrow.uuid", a variant "arrow.parquet.variant", shapes "geoarrow.wkb". `form` (may be
/// NULL) as in dsi_arrow_export_batch_as.
DS_MUST_CHECK int dsi_arrow_schema_write(const struct dsi_schema *schema,
                                         struct ArrowSchema *out, struct ds_error *err);
DS_MUST_CHECK int dsi_arrow_schema_write_as(const struct dsi_schema *schema,
                                            const struct dsi_arrow_form *form,
                                            struct ArrowSchema *out,
                                            struct ds_error *err);

// An importer turns a producer's arrays into batches of a table's schema.
struct dsi_arrow_import;

/// Matches the producer's columns to `target`'s by field id if all have one, else by
/// name, at each level of structs anew: an unknown, doubled or missing required column,
/// or a type that does not fit (int64 into int …), is DS_EINVALID naming its path.
/// Optional columns may be absent. Keeps `target` borrowed. `schema` may be released
/// after.
DS_MUST_CHECK int dsi_arrow_import_new(const struct ArrowSchema *schema,
                                       const struct dsi_schema *target,
                                       struct dsi_arrow_import **out,
                                       struct ds_error *err);
void dsi_arrow_import_free(struct dsi_arrow_import *im); // NULL is fine.

/// Checks one array and moves it into a batch (array->release becomes NULL, also on
/// failure). Values that need no conversion are not copied. Nulls in a required column
/// and values out of range (decimal precision, date, timestamp units) are DS_EINVALID
/// with the column's path and the row. What a null covers in the columns below it is not
/// looked at. `row_base` is added to row numbers in messages.
DS_MUST_CHECK int dsi_arrow_import_batch(struct dsi_arrow_import *im,
                                         struct ArrowArray *array, int64_t row_base,
                                         struct dsi_batch *out, struct ds_error *err);

/// Moves a batch out as an Arrow array, whose release frees it; `b` is empty after.
DS_MUST_CHECK int dsi_arrow_export_batch(struct dsi_batch *b, struct ArrowArray *out,
                                         struct ds_error *err);

/// The same, with text and binary columns in the form asked for; `form` may be NULL.
DS_MUST_CHECK int dsi_arrow_export_batch_as(struct dsi_batch *b,
                                            const struct dsi_arrow_form *form,
                                            struct ArrowArray *out, struct ds_error *err);

/// Makes an Arrow stream from a function that gives batches: `next` returns DS_ROW with
/// *out, DS_OK at the end, or a failure. `free_arg` is called once, on release.
struct dsi_batch_source {
    int (*next)(void *arg, struct dsi_batch *out, struct ds_error *err);
    void (*free_arg)(void *arg);
    void *arg;
};

/// `schema` is copied, `form` too (NULL: plain). On failure `source` is freed as well.
DS_MUST_CHECK int dsi_arrow_stream_new(const struct dsi_schema *schema,
                                       struct dsi_batch_source source,
                                       struct ArrowArrayStream *out,
                                       struct ds_error *err);
DS_MUST_CHECK int dsi_arrow_stream_new_as(const struct dsi_schema *schema,
                                          const struct dsi_arrow_form *form,
                                          struct dsi_batch_source source,
                                          struct ArrowArrayStream *out,
                                          struct ds_error *err);

/// The next array of somebody's stream, to be released; released (DS_OK) at the end. A
/// producer's error is DS_EINVALID with its own words.
DS_MUST_CHECK int dsi_arrow_stream_take(struct ArrowArrayStream *stream,
                                        struct ArrowArray *out, struct ds_error *err);

/// The next batch of somebody's stream: DS_ROW, DS_OK at the end. Fails as the one above.
DS_MUST_CHECK int dsi_arrow_stream_next(struct ArrowArrayStream *stream,
                                        struct dsi_arrow_import *im, int64_t row_base,
                                        struct dsi_batch *out, struct ds_error *err);

#endif
