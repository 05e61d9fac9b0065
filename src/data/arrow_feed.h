// Somebody's stream as batches, none of them too large: what is done with one can be done
// while the next is looked through.
//
// (1) An array of more than 2 * DSI_ARROW_FEED_ROWS rows is cut, into at most 16 pieces
// of
//     at least DSI_ARROW_FEED_ROWS (but the last). Pieces own the array together; the
//     last one that is released releases it. Arrays with dictionaries or runs are not
//     cut.
#ifndef DSI_DATA_ARROW_FEED_H
#define DSI_DATA_ARROW_FEED_H

#include "data/arrow_io.h"

enum { DSI_ARROW_FEED_ROWS = 65536 };

struct dsi_arrow_whole;

struct dsi_arrow_feed {
    struct ArrowArrayStream *stream; // Borrowed, as the import is.
    struct dsi_arrow_import *import;
    int64_t rows;                 // Given so far, for messages.
    bool cuts;                    // (1)
    struct dsi_arrow_whole *rest; // An array of which there is more; else NULL.
    int64_t rest_at;
};

/// A feed of a stream with this schema; end it with dsi_arrow_feed_close.
struct dsi_arrow_feed dsi_arrow_feed_open(struct ArrowArrayStream *stream,
                                          const struct ArrowSchema *schema,
                                          struct dsi_arrow_import *import);

/// As dsi_arrow_stream_next.
DS_MUST_CHECK int dsi_arrow_feed_next(struct dsi_arrow_feed *f, struct dsi_batch *out,
                                      struct ds_error *err);

/// Lets go of what is left. The stream and the import are not released.
void dsi_arrow_feed_close(struct dsi_arrow_feed *f);

#endif
