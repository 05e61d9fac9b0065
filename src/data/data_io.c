#include "data/data_io.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"

// A gap that is cheaper to read than to leave out, and the most that one read is for,
// unless somebody wants more in one piece.
enum { GAP_MAX = 64 * 1024, REQUEST_MAX = 32 << 20 };

void dsi_data_io_init(struct dsi_data_io *io, struct ds_file *file)
{
    *io = (struct dsi_data_io){.file = file};
}

void dsi_data_io_forget(struct dsi_data_io *io)
{
    for (size_t i = 0; i < io->buffer_count; i++) {
        dsi_buf_release(&io->buffers[i]);
    }
    io->buffer_count = 0;
}

void dsi_data_io_release(struct dsi_data_io *io)
{
    dsi_data_io_forget(io);
    dsi_free(io->buffers);
    io->buffers = NULL;
    io->buffer_capacity = 0;
}

bool dsi_data_io_has(const struct dsi_data_io *io, int64_t offset, int64_t size)
{
    uint64_t end = dsi_file_size(io->file);

    return offset >= 0 && size >= 0 && (uint64_t)offset <= end &&
           (uint64_t)size <= end - (uint64_t)offset;
}

void dsi_data_io_expect(struct dsi_data_io *io, int64_t offset, int64_t size)
{
    uint64_t end = dsi_file_size(io->file);

    if (offset >= 0 && size > 0 && (uint64_t)offset < end) {
        uint64_t left = end - (uint64_t)offset;
        uint64_t some = (uint64_t)size < left ? (uint64_t)size : left;
        dsi_file_will_read(io->file, (uint64_t)offset, some);
        io->bytes_expected += some;
    }
}

int dsi_data_io_read(struct dsi_data_io *io, int64_t offset, int64_t size,
                     struct dsi_buf *out, struct ds_error *err)
{
    int rc = DS_OK;

    out->size = 0;
    out->max = size > 0 ? (size_t)size : 1;
    if (!out->data) {
        out->pooled = true;
    }
    if (size == 0) {
        return DS_OK;
    }
    DSI_TRY(dsi_buf_reserve(out, (size_t)size, err));
    DSI_TRY(dsi_file_read(io->file, (uint64_t)offset, out->data, (size_t)size, err));
    out->size = (size_t)size;
    io->bytes_read += (uint64_t)size;
    io->reads++;
done:
    return rc;
}

static int add_buffer(struct dsi_data_io *io, struct dsi_buf **out, struct ds_error *err)
{
    if (io->buffer_count == io->buffer_capacity) {
        size_t capacity = io->buffer_capacity ? io->buffer_capacity * 2 : 8;
        struct dsi_buf *buffers = dsi_realloc(io->buffers, capacity * sizeof *buffers);
        if (!buffers) {
            return dsi_no_memory(err, "reading a data file");
        }
        io->buffers = buffers;
        io->buffer_capacity = capacity;
    }
    *out = &io->buffers[io->buffer_count++];
    **out = (struct dsi_buf)DSI_BUF_INIT;
    return DS_OK;
}

static int by_offset(const void *a, const void *b)
{
    int64_t left = ((const struct dsi_data_wish *)a)->offset;
    int64_t right = ((const struct dsi_data_wish *)b)->offset;

    return (left > right) - (left < right);
}

int dsi_data_io_fetch(struct dsi_data_io *io, struct dsi_data_wish *wishes, size_t count,
                      struct ds_error *err)
{
    int rc = DS_OK;

    if (count > 1) {
        qsort(wishes, count, sizeof *wishes, by_offset);
    }
    for (size_t first = 0, next = 0; first < count; first = next) {
        int64_t start = wishes[first].offset;
        int64_t end = start + wishes[first].size;
        struct dsi_buf *all = NULL;
        for (next = first + 1; next < count; next++) { // (1)
            int64_t to = wishes[next].offset + wishes[next].size;
            if (wishes[next].offset - end > GAP_MAX || to - start > REQUEST_MAX) {
                break;
            }
            end = to > end ? to : end;
        }
        DSI_TRY(add_buffer(io, &all, err));
        DSI_TRY(dsi_data_io_read(io, start, end - start, all, err));
        for (size_t i = first; i < next; i++) {
            *wishes[i].out = (struct ds_slice){
                all->data ? all->data + (wishes[i].offset - start) : NULL,
                (size_t)wishes[i].size};
        }
    }
done:
    return rc;
}
