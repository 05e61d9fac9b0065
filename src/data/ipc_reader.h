// Arrow IPC data read: a stream from front to back, or a file by its footer.
//
// (1) A stream is never read further than the message at hand, nor again: pipes do.
// (2) Memory is one message, and what it gives. Bytes that are only promised take none.
// (3) Nothing may be missing or follow: a stream that ends inside a message, a file
//     without its footer, and bytes after the end are DS_ECORRUPT.
#ifndef DSI_DATA_IPC_READER_H
#define DSI_DATA_IPC_READER_H

#include "datashard/arrow.h"
#include "datashard/rows.h"
#include "storage/storage.h"

struct dsi_ipc_reader;

enum { DSI_IPC_SLICE_ROWS = 65536 };

/// Opens a source that is read from front to back: a stream, or a file (whose footer then
/// only has to be there). The schema is read at once: DS_ECANCELLED if the function
/// pauses before it is whole. `name` is copied. Ends by dsi_ipc_reader_free.
DS_MUST_CHECK int dsi_ipc_reader_open(ds_read_fn read, void *arg, const char *name,
                                      struct dsi_ipc_reader **out, struct ds_error *err);

/// Opens a file (with a footer), or a stream that is in a file. Takes `file` and the
/// storage it is on, on failure too.
DS_MUST_CHECK int dsi_ipc_reader_open_file(ds_storage *storage, struct ds_file *file,
                                           const char *name, struct dsi_ipc_reader **out,
                                           struct ds_error *err);
void dsi_ipc_reader_free(struct dsi_ipc_reader *r); // NULL is fine.

/// A copy of the schema, which the caller releases.
DS_MUST_CHECK int dsi_ipc_reader_schema(const struct dsi_ipc_reader *r,
                                        struct ArrowSchema *out, struct ds_error *err);

/// The next rows, at most DSI_IPC_SLICE_ROWS: DS_ROW with *out, which the caller
/// releases; DS_OK at the end, or when the source paused (dsi_ipc_reader_ended tells).
DS_MUST_CHECK int dsi_ipc_reader_next(struct dsi_ipc_reader *r, struct ArrowArray *out,
                                      struct ds_error *err);
bool dsi_ipc_reader_ended(const struct dsi_ipc_reader *r);

/// Moves a reader into an Arrow stream, whose release frees it. A pause is EAGAIN.
void dsi_ipc_reader_stream(struct dsi_ipc_reader *r, struct ArrowArrayStream *out);

/// Whether bytes (at least 8) begin as an Arrow file or stream does.
bool dsi_ipc_is_file(const uint8_t *bytes, size_t size);
bool dsi_ipc_is_stream(const uint8_t *bytes, size_t size);

#endif
