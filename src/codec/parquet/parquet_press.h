// Pages on their way into their chunks: compressed, by a second thread where that pays.
//
// A page that was put in waits until it is compressed, and its chunk takes it when
// DSI_PARQUET_SHEETS more have been put in, or in a drain: in the order they were put in,
// and in the caller's thread.
//
// (1) When a page is taken depends on the pages alone, never on how far a thread is.
// (2) There is a second thread when there is enough for it to do: the other one of a crew
//     (base/crew.h), if the thread at hand is in one; else it is begun, as long as there
//     are fewer of them in the process than processors beside one. Without it everything
//     comes out the same, and no page has to wait.
// (3) A fork waits until the second thread is between two pages. In the child the press
//     goes on without it: that thread is the parent's, and so is its lock.
#ifndef DSI_CODEC_PARQUET_PRESS_H
#define DSI_CODEC_PARQUET_PRESS_H

#include "codec/compress/compress.h"
#include "codec/parquet/parquet_page.h"

enum { DSI_PARQUET_SHEETS = 8 };

/// A page. Who puts it in fills in what stands above `body`.
struct dsi_parquet_sheet {
    struct dsi_buf raw;
    enum dsi_compression codec;
    int level;
    struct dsi_parquet_page page; // Its sizes and checksum are the press's.
    void *chunk;                  // The next two are for `take`.
    size_t number;

    /// What becomes of the page; `rc` says whether it could be compressed, `err` why not.
    /// Its answer is that of the press. `s->taken` becomes what the chunk has grown by.
    int (*take)(struct dsi_parquet_sheet *s, int rc, struct ds_error *err);

    struct dsi_buf body; // Unused where nothing is compressed: `raw` is what there is.
    size_t taken;
};

struct dsi_parquet_helper;

/// All zero is a fresh one. One thread at a time, whose compressor, `own` below, outlives
/// it.
struct dsi_parquet_press {
    struct dsi_parquet_helper *helper; // NULL: none.
    uint64_t bytes;                    // Of all pages, uncompressed.
    uint64_t ask_at;                   // Then a helper is asked for once more.
    struct dsi_parquet_sheet alone;    // The page at hand where there is no helper.

    struct dsi_parquet_slot {
        struct dsi_parquet_sheet sheet;
        size_t raw; // Bytes.
        size_t taken;
        int state; // Guarded by the helper's lock, as `first` is.
        int rc;    // The helper has the words.
    } slots[DSI_PARQUET_SHEETS];
    size_t first; // The oldest of the last pages, of which there are …
    size_t count;
};

/// Waits for the helper. What was not taken is forgotten; usable afterwards.
void dsi_parquet_press_release(struct dsi_parquet_press *p);

/// Gives a sheet to be filled in, with `raw` empty; the oldest page may be taken for it.
/// Here and below `own` is for what the caller's thread compresses.
DS_MUST_CHECK int dsi_parquet_press_sheet(struct dsi_parquet_press *p,
                                          struct dsi_compressor *own,
                                          struct dsi_parquet_sheet **out,
                                          struct ds_error *err);

/// Puts in the sheet that was given last.
DS_MUST_CHECK int dsi_parquet_press_put(struct dsi_parquet_press *p,
                                        struct dsi_compressor *own, struct ds_error *err);

/// Until all pages are taken.
DS_MUST_CHECK int dsi_parquet_press_drain(struct dsi_parquet_press *p,
                                          struct dsi_compressor *own,
                                          struct ds_error *err);

/// Ends the helper, if there is one. After a drain.
void dsi_parquet_press_rest(struct dsi_parquet_press *p);

/// What the last pages, taken or not, can make of their chunks at most, beside what these
/// have taken. Depends on the pages since the last drain alone.
int64_t dsi_parquet_press_size(const struct dsi_parquet_press *p);

/// What the last pages have added to their chunks where no helper has them: without it,
/// the size of the chunks depends on the pages since the last drain alone.
size_t dsi_parquet_press_taken(const struct dsi_parquet_press *p);

/// Compresses one page now: its body, sizes and checksum are filled in.
DS_MUST_CHECK int dsi_parquet_press_one(struct dsi_parquet_sheet *s,
                                        struct dsi_compressor *with,
                                        struct ds_error *err);

/// What stands in the file after the page's header.
struct ds_slice dsi_parquet_sheet_body(const struct dsi_parquet_sheet *s);

#endif
