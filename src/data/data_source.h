// The decoders of one root column of a data file: from the bytes of its leaves' chunks to
// a column of a batch, whatever its type. What is fetched, and how, is its owner's plan
// (data_pages.h).
//
// (1) Between calls all leaves stand at the same row.
// (2) A column that was read has from 1 to `rows_max` rows, all of them whole. Fewer than
//     were asked for, when its text (or its entries) would fill more than `bytes_max`.
// (3) After an error a source is good for nothing but _end and _free.
#ifndef DSI_DATA_DATA_SOURCE_H
#define DSI_DATA_DATA_SOURCE_H

#include "codec/parquet/parquet_read.h"
#include "data/data_fields.h"
#include "data/data_pages.h"

/// One thread at a time; several sources may be used by as many threads, each with a
/// batch of its own.
struct dsi_data_source;

/// `origin` is borrowed. Ends by dsi_data_source_free.
DS_MUST_CHECK int dsi_data_source_new(const struct dsi_data_origin *origin,
                                      struct dsi_data_source **out, struct ds_error *err);
void dsi_data_source_free(struct dsi_data_source *s); // NULL is fine.

/// The leaves whose chunks it needs, in the file's order; none for a column that is not
/// in the file: it is a constant.
size_t dsi_data_source_leaf_count(const struct dsi_data_source *s);
const struct dsi_parquet_node *dsi_data_source_leaf(const struct dsi_data_source *s,
                                                    size_t i);

/// Begins a row group. `chunks` says for each leaf, in their order, how its bytes come;
/// they are borrowed until the next begin or end, and so is `io`. `row_base` is the
/// group's first row in the file, for messages.
DS_MUST_CHECK int dsi_data_source_begin(struct dsi_data_source *s, struct dsi_data_io *io,
                                        const struct dsi_parquet_row_group *group,
                                        const struct dsi_data_chunk *chunks,
                                        int64_t row_base, struct ds_error *err);

/// Reads the next rows into `out`, a column of `b` with its field set. (2). `bytes_max`
/// is a bound for the text of each leaf. A row that is larger alone comes alone.
/// DS_ECORRUPT when there are none left.
DS_MUST_CHECK int dsi_data_source_read(struct dsi_data_source *s, int64_t rows_max,
                                       size_t bytes_max, struct dsi_batch *b,
                                       struct dsi_column *out, struct ds_error *err);

/// Gives back what was read last, but for the first `rows` rows, which stay in `out`: the
/// others will be read again.
DS_MUST_CHECK int dsi_data_source_give_back(struct dsi_data_source *s, int64_t rows,
                                            struct dsi_column *out, struct ds_error *err);

/// Reads chosen rows into `out`: `rows` ascend and count from the row that is read next.
/// Fewer of them, at least one, as with dsi_data_source_read. What is read next is the
/// row after the last one.
DS_MUST_CHECK int dsi_data_source_pick(struct dsi_data_source *s, const int64_t *rows,
                                       size_t count, size_t bytes_max,
                                       struct dsi_batch *b, struct dsi_column *out,
                                       struct ds_error *err);

/// Goes to a row of the group, back or on.
DS_MUST_CHECK int dsi_data_source_seek(struct dsi_data_source *s, int64_t row,
                                       struct ds_error *err);

/// Passes over rows; DS_ECORRUPT if there are not as many.
DS_MUST_CHECK int dsi_data_source_skip(struct dsi_data_source *s, int64_t rows,
                                       struct ds_error *err);

/// The row of the group that is read next.
int64_t dsi_data_source_row(const struct dsi_data_source *s);

/// Ends the row group: the bytes are not looked at any more.
void dsi_data_source_end(struct dsi_data_source *s);

#endif
