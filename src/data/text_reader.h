// Rows from text: CSV and JSON become batches of a schema.
#ifndef DSI_DATA_TEXT_READER_H
#define DSI_DATA_TEXT_READER_H

#include "data/batch.h"
#include "data/text_source.h"

struct dsi_text_reader;

struct dsi_text_options {
    enum ds_rows_format format;
    ds_read_fn read;
    void *read_arg;
    const char *name;
    char delimiter;
    int64_t batch_rows_max;
};

enum {
    DSI_TEXT_RECORD_MAX = 64 << 20, ///< A CSV record, a JSON line.
    DSI_TEXT_JSON_MAX = 512 << 20,  ///< A JSON array, read whole.
};

/// `schema` is borrowed; options' name too. A CSV cell of a nested column holds JSON
/// (text_json.h). End with dsi_text_reader_free.
DS_MUST_CHECK int dsi_text_reader_new(const struct dsi_text_options *options,
                                      const struct dsi_schema *schema,
                                      struct dsi_text_reader **out, struct ds_error *err);

/// DS_ROW with a batch, or DS_OK: the end, or nothing for the moment. The rows before a
/// bad one come first, then the failure, again and again.
DS_MUST_CHECK int dsi_text_reader_next(struct dsi_text_reader *r, struct dsi_batch *out,
                                       struct ds_error *err);
bool dsi_text_reader_ended(const struct dsi_text_reader *r);
void dsi_text_reader_free(struct dsi_text_reader *r); // NULL is fine.

/// Guesses a schema; see ds_rows_infer. Everything is in the arena.
DS_MUST_CHECK int dsi_text_infer(const struct dsi_text_options *options,
                                 struct dsi_arena *arena, struct dsi_schema *out,
                                 struct ds_error *err);

// One cell of a CSV record.
struct dsi_csv_cell {
    struct ds_slice text; // Unquoted.
    bool quoted;
    size_t column; // Byte of the record where it began, from 1.
};

struct dsi_csv_record {
    struct dsi_csv_cell *cells;
    size_t count;
    size_t room;
    struct dsi_buf text; // Unquoted cells.
};

/// Splits a record; cells are borrowed from `record` and `text` until the next call.
DS_MUST_CHECK int dsi_csv_split(struct ds_slice text, char delimiter,
                                struct dsi_csv_record *record, struct ds_error *err);
void dsi_csv_record_release(struct dsi_csv_record *record);

#endif
