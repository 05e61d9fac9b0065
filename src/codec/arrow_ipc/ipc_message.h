// Messages of the Arrow IPC format: what stands in front of each, and what it says.
// Arrow columnar format, "Encapsulated message format".
#ifndef DSI_CODEC_ARROW_IPC_MESSAGE_H
#define DSI_CODEC_ARROW_IPC_MESSAGE_H

#include "codec/flatbuf/flatbuf.h"

enum {
    DSI_IPC_PREFIX_SIZE = 8,          // The continuation mark and the metadata's size.
    DSI_IPC_METADATA_MAX = 256 << 20, // Of one message.
    DSI_IPC_MAGIC_SIZE = 6,           // At both ends of a file.
    DSI_IPC_HEAD_SIZE = 8,            // The magic, padded, at the start of a file.
    DSI_IPC_TAIL_SIZE = 10,           // The footer's size and the magic.
    DSI_IPC_ALIGNMENT = 8,            // Of messages, bodies and buffers at the least.
};

#define DSI_IPC_MAGIC "ARROW1"

enum dsi_ipc_kind {
    DSI_IPC_SCHEMA = 1,
    DSI_IPC_DICTIONARY_BATCH = 2,
    DSI_IPC_RECORD_BATCH = 3,
};

struct dsi_ipc_message {
    enum dsi_ipc_kind kind;
    bool v4; // Metadata version V4, not V5.
    uint64_t body_size;
    struct dsi_flat_table header; // A Schema, DictionaryBatch or RecordBatch table.
};

/// Where a message lies in a file.
struct dsi_ipc_block {
    uint64_t offset;
    uint32_t metadata_size; // With its prefix.
    uint64_t body_size;
};

/// Reads the prefix of a message: 4 bytes if `size` is 4 (writers before Arrow 0.15 left
/// the mark out), else 8. DS_ROW when more bytes are wanted to tell; otherwise DS_OK with
/// the size of the metadata, 0 at the end of the stream. DS_ECORRUPT.
DS_MUST_CHECK int dsi_ipc_prefix_read(const uint8_t *bytes, size_t size, const char *what,
                                      size_t *metadata_size, struct ds_error *err);

/// Reads a message's metadata, which are borrowed, as is `what`. DS_EUNSUPPORTED for
/// versions before V4 and after V5 and for tensors, DS_ECORRUPT.
DS_MUST_CHECK int dsi_ipc_message_read(struct ds_slice metadata, const char *what,
                                       struct dsi_ipc_message *out, struct ds_error *err);

/// The size of the footer, from the last DSI_IPC_TAIL_SIZE bytes of a file.
DS_MUST_CHECK int dsi_ipc_tail_read(const uint8_t *tail, uint64_t file_size,
                                    size_t *footer_size, struct ds_error *err);

/// Reads a footer: its schema, its dictionaries' and its batches' blocks, all of them
/// inside of the file before the footer.
struct dsi_ipc_footer {
    struct dsi_flat_table schema;
    struct dsi_flat_vector dictionaries;
    struct dsi_flat_vector batches;
    uint64_t data_size; // Where the footer begins.
};
DS_MUST_CHECK int dsi_ipc_footer_read(struct ds_slice footer, uint64_t file_size,
                                      struct dsi_ipc_footer *out, struct ds_error *err);
DS_MUST_CHECK int dsi_ipc_footer_block(const struct dsi_ipc_footer *f,
                                       const struct dsi_flat_vector *v, size_t i,
                                       struct dsi_ipc_block *out, struct ds_error *err);

// --- Writing

/// Begins a message in an empty `out`: its prefix and its Message table. The header's
/// table is written next, and referred to from *header.
void dsi_ipc_message_begin(struct dsi_flat_writer *w, struct dsi_buf *out,
                           enum dsi_ipc_kind kind, uint64_t body_size, size_t *header,
                           struct ds_error *err);

/// Ends it: pads it so that `align` divides its size, and completes the prefix.
DS_MUST_CHECK int dsi_ipc_message_end(struct dsi_flat_writer *w, size_t align);

/// Writes what follows the last message of a file: the footer, its size and the magic.
struct ArrowSchema;
struct dsi_ipc_layout;
DS_MUST_CHECK int dsi_ipc_footer_write(const struct ArrowSchema *schema,
                                       const struct dsi_ipc_block *dictionaries,
                                       size_t dictionary_count,
                                       const struct dsi_ipc_block *batches,
                                       size_t batch_count, struct dsi_buf *out,
                                       struct ds_error *err);

#endif
