// Reading parts of a data file: few requests, each for what is wanted and hardly more.
//
// (1) Ranges that lie side by side, or nearly, are read by one request, unless that would
//     be a very large one.
#ifndef DSI_DATA_DATA_IO_H
#define DSI_DATA_DATA_IO_H

#include "storage/storage.h"

struct dsi_data_io {
    struct ds_file *file;    // Borrowed.
    struct dsi_buf *buffers; // What _fetch has read.
    size_t buffer_count;
    size_t buffer_capacity;
    uint64_t bytes_read;
    uint64_t bytes_expected;
    uint64_t reads;
};

// Bytes that somebody wants, and where they will be.
struct dsi_data_wish {
    int64_t offset;
    int64_t size;
    struct ds_slice *out;
};

void dsi_data_io_init(struct dsi_data_io *io, struct ds_file *file);
void dsi_data_io_release(struct dsi_data_io *io); // Twice is fine.

/// Reads what is wished for (1), sorting the wishes. The bytes stay until
/// dsi_data_io_forget.
DS_MUST_CHECK int dsi_data_io_fetch(struct dsi_data_io *io, struct dsi_data_wish *wishes,
                                    size_t count, struct ds_error *err);
void dsi_data_io_forget(struct dsi_data_io *io);

/// Reads one range into `out`, whose content it replaces.
DS_MUST_CHECK int dsi_data_io_read(struct dsi_data_io *io, int64_t offset, int64_t size,
                                   struct dsi_buf *out, struct ds_error *err);

/// Says that a range will be read soon: storage may fetch it while rows are decoded. What
/// of it lies outside of the file is left out.
void dsi_data_io_expect(struct dsi_data_io *io, int64_t offset, int64_t size);

/// Whether there is such a range in the file.
bool dsi_data_io_has(const struct dsi_data_io *io, int64_t offset, int64_t size);

#endif
