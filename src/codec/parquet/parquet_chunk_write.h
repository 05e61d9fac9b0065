// A column chunk being written: its pages one after another, and what is known of them.
#ifndef DSI_CODEC_PARQUET_CHUNK_WRITE_H
#define DSI_CODEC_PARQUET_CHUNK_WRITE_H

#include "codec/parquet/parquet_bloom.h"
#include "codec/parquet/parquet_levels_write.h"
#include "codec/parquet/parquet_page.h"
#include "codec/parquet/parquet_page_log.h"
#include "codec/parquet/parquet_pile.h"
#include "codec/parquet/parquet_values_write.h"

enum { DSI_PARQUET_ENCODING_COUNT = DSI_PARQUET_BYTE_STREAM_SPLIT + 1 };

/// What the footer says of a chunk that has been written.
struct dsi_parquet_written {
    enum dsi_compression codec;
    int64_t offset;
    int64_t size;
    int64_t uncompressed_size;
    int64_t value_count;
    int64_t data_offset;
    bool has_dictionary;
    int32_t pages[DSI_PARQUET_ENCODING_COUNT]; // Data pages by the encoding of values.
    struct dsi_parquet_statistics statistics;  // Bounds in the arena.
    int64_t byte_count;           // BYTE_ARRAY: unencoded bytes of its values; else -1.
    const int64_t *rep_histogram; // max_rep + 1, in the arena; NULL: nothing to say.
    const int64_t *def_histogram; // max_def + 1.

    // What comes after the pages; see dsi_parquet_chunk_bloom, _indexes.
    int64_t bloom_offset; // 0: none.
    int32_t bloom_size;
    int64_t column_index_offset;
    int32_t column_index_size; // 0: none.
    int64_t offset_index_offset;
    int32_t offset_index_size;
};

struct dsi_parquet_chunk_writer {
    const struct dsi_parquet_node *leaf;
    const struct dsi_parquet_write_options *options; // With the defaults filled in.
    enum dsi_parquet_order order;
    char name[128];

    enum dsi_compression codec;    // Of the chunk at hand: see dsi_parquet_chunk_page.
    struct dsi_parquet_pile pages; // But for the dictionary.
    int64_t uncompressed_size;
    int64_t value_count;
    int64_t null_count;
    int32_t page_counts[DSI_PARQUET_ENCODING_COUNT];
    int64_t row_count;
    int64_t byte_count;
    struct dsi_parquet_bounds bounds;
    struct dsi_parquet_page_log log;
    struct dsi_parquet_bloom bloom; // If one is asked for, from the first page on.

    struct dsi_parquet_tools *tools;
    struct dsi_parquet_page_values page; // The last page.

    // The whole file.
    struct dsi_parquet_bounds file_bounds;
    struct dsi_parquet_column_summary summary; // Its bounds are made at the end.

    // Of the chunk: how often each level came. Those the leaf does not have are never
    // set.
    int64_t rep_histogram[DSI_PARQUET_DEPTH_MAX + 1];
    int64_t def_histogram[DSI_PARQUET_DEPTH_MAX + 1];
};

/// `leaf`, `options` and `tools` are borrowed.
void dsi_parquet_chunk_writer_init(struct dsi_parquet_chunk_writer *k,
                                   const struct dsi_parquet_node *leaf,
                                   const struct dsi_parquet_write_options *options,
                                   struct dsi_parquet_tools *tools);
void dsi_parquet_chunk_writer_release(struct dsi_parquet_chunk_writer *k);

/// The levels and values of one data page.
struct dsi_parquet_page_parts {
    struct dsi_parquet_levels *reps;
    struct dsi_parquet_levels *defs;
    struct dsi_parquet_values_writer *values;
    size_t rows;
    size_t slots;
    bool last; // Of its chunk.
};

/// Ends a page: all of the parts are ready for the next one. The page goes through the
/// press of the tools. A chunk of one small page (DSI_PARQUET_SMALL) is not compressed.
DS_MUST_CHECK int dsi_parquet_chunk_page(struct dsi_parquet_chunk_writer *k,
                                         const struct dsi_parquet_page_parts *parts,
                                         struct ds_error *err);

/// The bytes that the next chunk takes again, however little is in it.
size_t dsi_parquet_chunk_loss(const struct dsi_parquet_chunk_writer *k);

/// Ends the chunk, when the press is drained: `head` becomes its dictionary page (or
/// nothing), to be written before `k->pages`; then dsi_parquet_chunk_next begins the next
/// one. `file_offset` is where the chunk will start.
DS_MUST_CHECK int dsi_parquet_chunk_end(struct dsi_parquet_chunk_writer *k,
                                        const struct dsi_parquet_dict *dict,
                                        int64_t file_offset, struct dsi_arena *arena,
                                        struct dsi_buf *head,
                                        struct dsi_parquet_written *out,
                                        struct ds_error *err);

/// After the end: appends the chunk's Bloom filter, if it has one, and notes its place:
/// `file_offset` is where `out` will be. `out` is replaced.
DS_MUST_CHECK int dsi_parquet_chunk_bloom(struct dsi_parquet_chunk_writer *k,
                                          int64_t file_offset,
                                          struct dsi_parquet_written *written,
                                          struct dsi_buf *out, struct ds_error *err);

/// After the end: appends the chunk's indexes, and notes their sizes in `written`.
DS_MUST_CHECK int dsi_parquet_chunk_indexes(struct dsi_parquet_chunk_writer *k,
                                            struct dsi_parquet_written *written,
                                            struct dsi_buf *column_indexes,
                                            struct dsi_buf *offset_indexes,
                                            struct ds_error *err);
void dsi_parquet_chunk_next(struct dsi_parquet_chunk_writer *k);

#endif
