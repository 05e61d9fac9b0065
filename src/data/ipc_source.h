// Where Arrow IPC messages come from: a function that gives bytes in order, or a file
// that is read wherever its footer says.
#ifndef DSI_DATA_IPC_SOURCE_H
#define DSI_DATA_IPC_SOURCE_H

#include "codec/arrow_ipc/ipc_message.h"
#include "datashard/rows.h"
#include "storage/storage.h"

enum dsi_ipc_stage {
    DSI_IPC_AT_HEAD,     // Nothing was read: a file's magic may come.
    DSI_IPC_AT_MESSAGE,  // A message's prefix comes next,
    DSI_IPC_AT_METADATA, // its metadata,
    DSI_IPC_AT_BODY,     // its body.
    DSI_IPC_AT_NEXT,     // It was given out.
    DSI_IPC_AT_END,      // The end was there: nothing, or a file's footer, comes.
};

struct dsi_ipc_source {
    char name[256];
    char what[300]; // "NAME: message 3", for messages.
    uint64_t messages;
    bool ended;

    // A function.
    ds_read_fn read; // NULL: a file with a footer.
    void *arg;
    enum dsi_ipc_stage stage;
    bool is_file; // It began with a file's magic.
    uint8_t prefix[DSI_IPC_PREFIX_SIZE];
    size_t prefix_size;
    struct dsi_buf metadata; // Of the message at hand.
    struct dsi_buf body;
    size_t metadata_size;
    struct dsi_ipc_message message;

    // A file.
    ds_storage *storage;  // Owned: the file's.
    struct ds_file *file; // A stream in a file has both, and uses `read`.
    bool file_format;     // It has a footer.
    uint64_t file_at;     // Of a stream in a file.
    struct dsi_buf footer_bytes;
    struct dsi_ipc_footer footer;
    size_t next_dictionary;
    size_t next_batch;
};

/// Fills in `s` (ends by dsi_ipc_source_release) to read from a function. `name` is
/// copied.
void dsi_ipc_source_init(struct dsi_ipc_source *s, ds_read_fn read, void *arg,
                         const char *name);

/// Fills in `s` to read from a file of a storage, both of which it takes, on failure too
/// (there is nothing to release then): reads its footer, or finds that it holds a stream.
DS_MUST_CHECK int dsi_ipc_source_open_file(struct dsi_ipc_source *s, ds_storage *storage,
                                           struct ds_file *file, const char *name,
                                           struct ds_error *err);
void dsi_ipc_source_release(struct dsi_ipc_source *s);

/// The next message: DS_ROW with *out, which borrows s->metadata; its body is in s->body
/// and may be taken from there. DS_OK when there is none: the end, or (not s->ended) a
/// pause. Of a file, dictionaries come before batches.
DS_MUST_CHECK int dsi_ipc_source_next(struct dsi_ipc_source *s,
                                      struct dsi_ipc_message *out, struct ds_error *err);

#endif
