// The values of a page being written, and the dictionary of its chunk.
//
// Levels, pages and what is known of them are parquet_column.h's: here there are values
// only, none of them null.
//
// Values wait as they are until their page ends; then all of them are looked at, and
// encoded together. The first page of a chunk is tried in every way that is allowed: the
// smallest, compressed, is taken. A dictionary is kept while it pays. What suited one
// chunk is taken for the next ones, too, until there have been a million values.
//
// (1) What the page holds, and how it is encoded, depends on its values and on the file's
//     earlier pages, never on how the values came.
#ifndef DSI_CODEC_PARQUET_VALUES_WRITE_H
#define DSI_CODEC_PARQUET_VALUES_WRITE_H

#include "codec/compress/compress.h"
#include "codec/parquet/parquet_bloom.h"
#include "codec/parquet/parquet_bounds.h"
#include "codec/parquet/parquet_choose.h"
#include "codec/parquet/parquet_dict.h"
#include "codec/parquet/parquet_write.h"

enum dsi_parquet_values_state {
    DSI_PARQUET_VALUES_FIRST,   // The chunk has no page yet.
    DSI_PARQUET_VALUES_INDEXED, // A dictionary is in use.
    DSI_PARQUET_VALUES_SETTLED, // All other pages will have v->encoding.
};

struct dsi_parquet_values_writer {
    const struct dsi_parquet_node *leaf;
    const struct dsi_parquet_write_options *options; // With the defaults filled in.
    enum dsi_parquet_order order;

    // The page at hand.
    size_t count;
    struct dsi_buf bytes;   // Little-endian, without lengths; of BOOLEAN, bits.
    struct dsi_buf lengths; // uint32; BYTE_ARRAY only.

    // The chunk at hand.
    enum dsi_parquet_values_state state;
    int32_t encoding;
    int level; // Of compression.
    struct dsi_parquet_dict dict;
    struct dsi_parquet_price other; // What the next best takes, while `indexed`.

    // The page that was tried last: what suits it is kept for the next chunks.
    size_t since; // Values of the chunks since then.
    size_t tried; // Values it had, …
    size_t added; // … and entries it added to the dictionary.
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
    int level;          // Of compression, that suits it.
    int64_t byte_count; // BYTE_ARRAY: of its values, unencoded, without lengths; else 0.
    struct dsi_parquet_bounds bounds; // Of this page alone, NaN count too.
    struct dsi_parquet_bloom *bloom;  // Given: what takes the page's values, or NULL.
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

/// Adds values. DS_EINVALID for offsets that descend: of the value after `*taken` others.
DS_MUST_CHECK int dsi_parquet_values_append(struct dsi_parquet_values_writer *v,
                                            const struct dsi_parquet_input *in,
                                            const struct dsi_parquet_run *runs,
                                            size_t run_count, size_t *taken,
                                            struct ds_error *err);

/// Appends the page's values to `out`, says in `*page` what they are (its bounds are
/// replaced; release them once), and begins the next page.
DS_MUST_CHECK int dsi_parquet_values_end(struct dsi_parquet_values_writer *v,
                                         struct dsi_parquet_tools *t, struct dsi_buf *out,
                                         struct dsi_parquet_page_values *page,
                                         struct ds_error *err);

/// About the bytes the page and the dictionary will take.
size_t dsi_parquet_values_size(const struct dsi_parquet_values_writer *v);

#endif
