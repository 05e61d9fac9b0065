// The values of a page being written, and the dictionary of its chunk.
//
// Levels, pages and what is known of them are parquet_column.h's: here there are values
// only, none of them null.
//
// (1) What the page holds, and how it is encoded, depends on its values and on the
//     chunk's earlier pages, never on how the values came.
#ifndef DSI_CODEC_PARQUET_VALUES_WRITE_H
#define DSI_CODEC_PARQUET_VALUES_WRITE_H

#include "codec/parquet/parquet_bounds.h"
#include "codec/parquet/parquet_dict.h"
#include "codec/parquet/parquet_write.h"

struct dsi_parquet_values_writer {
    const struct dsi_parquet_node *leaf;
    const struct dsi_parquet_write_options *options; // With the defaults filled in.
    enum dsi_parquet_order order;

    // The page at hand.
    size_t count;
    size_t plain_size;      // Bytes its values take in plain encoding.
    struct dsi_buf plain;   // Unless `indexed`; of BOOLEAN, bits.
    struct dsi_buf indices; // uint32, while `indexed`.

    // The chunk at hand.
    bool indexed; // A dictionary is in use.
    struct dsi_parquet_dict dict;
    int32_t indexed_pages;

    struct dsi_buf scratch;
};

/// Elements of an input that follow each other and all have a value.
struct dsi_parquet_run {
    size_t first;
    size_t count;
};

/// What a page turned out to be.
struct dsi_parquet_page_values {
    size_t count;
    int32_t encoding;
    int64_t byte_count; // BYTE_ARRAY: of its values, unencoded, without lengths; else 0.
    struct dsi_parquet_bounds bounds; // Of this page alone, NaN count too.
};

/// `leaf` and `options` are borrowed.
void dsi_parquet_values_writer_init(struct dsi_parquet_values_writer *v,
                                    const struct dsi_parquet_node *leaf,
                                    const struct dsi_parquet_write_options *options);
void dsi_parquet_values_writer_release(struct dsi_parquet_values_writer *v);

/// Begins the next chunk.
void dsi_parquet_values_next(struct dsi_parquet_values_writer *v);

/// How many of the elements [first, first + count), be they null or not, can be added
/// while the page stays surely below its limit of bytes. Offsets need not be in order.
size_t dsi_parquet_values_room(const struct dsi_parquet_values_writer *v,
                               const struct dsi_parquet_input *in, size_t first,
                               size_t count);
bool dsi_parquet_values_full(const struct dsi_parquet_values_writer *v);

/// Adds values; `*taken` were, all of them unless the dictionary is full. DS_EINVALID for
/// offsets that descend: of the value after `*taken` others.
DS_MUST_CHECK int dsi_parquet_values_append(struct dsi_parquet_values_writer *v,
                                            const struct dsi_parquet_input *in,
                                            const struct dsi_parquet_run *runs,
                                            size_t run_count, size_t *taken,
                                            struct ds_error *err);

/// Forgets all but the first `count` values of the page. Only while `indexed`.
void dsi_parquet_values_cut(struct dsi_parquet_values_writer *v, size_t count);

/// Appends the page's values to `out`, says in `*page` what they are (its bounds are
/// replaced; release them once), and begins the next page.
DS_MUST_CHECK int dsi_parquet_values_end(struct dsi_parquet_values_writer *v,
                                         struct dsi_buf *out,
                                         struct dsi_parquet_page_values *page,
                                         struct ds_error *err);

/// No dictionary for the pages to come; the page at hand must be empty.
void dsi_parquet_values_give_up(struct dsi_parquet_values_writer *v);

/// About the bytes the page and the dictionary will take.
size_t dsi_parquet_values_size(const struct dsi_parquet_values_writer *v);

#endif
