// Text that comes in pieces (a file, a pipe), handed out in whole records.
//
// (1) A record is handed out only when all of it is there; the last one may lack its
//     newline.
// (2) Memory is one record, at most bytes_max of it, and what one read gives.
#ifndef DSI_DATA_TEXT_SOURCE_H
#define DSI_DATA_TEXT_SOURCE_H

#include "base/buf.h"
#include "datashard/rows.h"

enum { DSI_TEXT_READ_SIZE = 1 << 18 };

struct dsi_text_source {
    ds_read_fn read;
    void *arg;
    const char *name; // For messages; borrowed.
    struct dsi_buf buf;
    size_t at;      // Consumed so far, of buf.
    size_t scanned; // Looked at without finding an end, from `at` on.
    bool quoted;    // The scan stands inside quotes.
    bool ended;     // The reader said so.
    int64_t line;   // Of the record that comes next, from 1.
};

void dsi_text_source_init(struct dsi_text_source *s, ds_read_fn read, void *arg,
                          const char *name, size_t bytes_max);
void dsi_text_source_release(struct dsi_text_source *s);

/// The next record without its line end, borrowed until the next call: DS_ROW. Newlines
/// inside quotes belong to the record when `quotes` is set. DS_OK: the end when s->ended,
/// else the reader has nothing for the moment. `line` is where the record began.
DS_MUST_CHECK int dsi_text_source_record(struct dsi_text_source *s, bool quotes,
                                         struct ds_slice *out, int64_t *line,
                                         struct ds_error *err);

/// Everything there is, as one slice: DS_ROW, or DS_OK as above.
DS_MUST_CHECK int dsi_text_source_all(struct dsi_text_source *s, struct ds_slice *out,
                                      struct ds_error *err);

#endif
