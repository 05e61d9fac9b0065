#include "data/data_pages.h"

#include <assert.h>

#include "base/error.h"
#include "codec/parquet/parquet_page.h"

// Where pages are passed over, this much is read of each: most headers are smaller.
enum { HEADER_BYTES = 4096 };

static int corrupt(const struct dsi_data_pages *p, const char *what, struct ds_error *err)
{
    char name[128];

    dsi_parquet_path(p->leaf, name, sizeof name);
    return dsi_corrupt(err, "column %s: %s", name, what);
}

static int new_reader(struct dsi_data_pages *p, struct ds_slice head, bool partial,
                      struct ds_error *err)
{
    const struct dsi_parquet_read_options options = {.keep_levels = p->keep_levels,
                                                     .partial = partial};

    return dsi_parquet_reader_new(p->leaf, p->chunk->chunk, head, &options, &p->reader,
                                  err);
}

// The reader has these pages now, of rows [first, end).
static int enter(struct dsi_data_pages *p, struct ds_slice pages, int64_t first,
                 int64_t end, struct ds_error *err)
{
    int rc = dsi_parquet_reader_jump(p->reader, pages, end - first, err);

    p->window_row = first;
    p->window_end = rc < 0 ? first : end;
    p->reader_row = first;
    p->start = dsi_parquet_reader_place(p->reader);
    p->mark = p->start;
    p->mark_row = first;
    return rc;
}

// The rows of a data page, as its header tells; -1: it does not (lists in version 1).
static int64_t rows_of(const struct dsi_data_pages *p, const struct dsi_parquet_page *h)
{
    if (h->type == DSI_PARQUET_PAGE_DATA_V2) {
        return p->leaf->max_rep > 0 ? h->row_count : h->value_count;
    }
    return p->leaf->max_rep > 0 ? -1 : h->value_count;
}

static bool is_data(const struct dsi_parquet_page *h)
{
    return h->type == DSI_PARQUET_PAGE_DATA || h->type == DSI_PARQUET_PAGE_DATA_V2;
}

// (2)
static int check_segment(const struct dsi_data_pages *p, const struct dsi_data_segment *s,
                         struct ds_slice bytes, struct ds_error *err)
{
    const struct dsi_parquet_page_place *places = p->chunk->index.places;
    int rc = DS_OK;

    for (size_t i = s->first_page; i < s->end_page; i++) {
        struct dsi_parquet_page h;
        size_t at = (size_t)(places[i].offset - places[s->first_page].offset);
        size_t head = 0;
        assert(at + (size_t)places[i].size <= bytes.size);
        struct ds_slice page = {bytes.data + at, (size_t)places[i].size};
        DSI_TRY(dsi_parquet_page_read(page, &h, &head, err));
        int64_t rows = rows_of(p, &h);
        bool follows = i + 1 == s->end_page ||
                       places[i].offset + places[i].size == places[i + 1].offset;
        if (!is_data(&h) || head + (size_t)h.compressed_size != page.size || !follows ||
            (rows >= 0 && rows != places[i].row_count)) {
            rc = corrupt(p, "its offset index is not about its pages", err);
            goto done;
        }
    }
done:
    return rc;
}

static int load_segment(struct dsi_data_pages *p, struct ds_error *err)
{
    const struct dsi_parquet_page_place *places = p->chunk->index.places;
    const struct dsi_data_segment *s = p->chunk->segments;
    const struct dsi_data_segment *end = s + p->chunk->segment_count;
    int rc = DS_OK;

    while (s < end &&
           places[s->end_page - 1].first_row + places[s->end_page - 1].row_count <=
               p->row) {
        s++;
    }
    if (s == end || places[s->first_page].first_row > p->row) {
        return dsi_fail(err, DS_EBUG, "row %lld of a column was not to be read",
                        (long long)p->row);
    }
    const struct dsi_parquet_page_place *last = &places[s->end_page - 1];
    int64_t offset = places[s->first_page].offset;
    struct ds_slice bytes = s->bytes;
    if (!bytes.data) {
        DSI_TRY(dsi_data_io_read(p->io, offset, last->offset + last->size - offset,
                                 &p->buffer, err));
        bytes = dsi_buf_slice(&p->buffer);
        if (s + 1 < end) {
            const struct dsi_parquet_page_place *to = &places[s[1].end_page - 1];
            int64_t from = places[s[1].first_page].offset;
            dsi_data_io_expect(p->io, from, to->offset + to->size - from);
        }
    }
    DSI_TRY(check_segment(p, s, bytes, err));
    DSI_TRY(enter(p, bytes, places[s->first_page].first_row,
                  last->first_row + last->row_count, err));
done:
    return rc;
}

// Reads up to `size` bytes of the chunk from p->stream_at on.
static int read_stream(struct dsi_data_pages *p, int64_t size, struct ds_error *err)
{
    const struct dsi_parquet_chunk *c = p->chunk->chunk;
    int64_t left = c->size - p->stream_at;

    if (left <= 0) {
        return corrupt(p, "its pages end early", err);
    }
    size = size < left ? size : left;
    dsi_data_io_expect(p->io, c->offset + p->stream_at + size,
                       left - size < size ? left - size : size);
    return dsi_data_io_read(p->io, c->offset + p->stream_at, size, &p->buffer, err);
}

// Passes over the pages before the one that has p->row; what is there of the buffer is
// looked at before more is read.
static int pass_pages(struct dsi_data_pages *p, struct ds_error *err)
{
    int64_t size = HEADER_BYTES;
    int rc = DS_OK;

    while (p->stream_row < p->row) {
        struct ds_slice in = {0};
        struct dsi_parquet_page h;
        size_t head = 0;
        int64_t from = p->stream_at;
        DSI_TRY(read_stream(p, size, err));
        in = dsi_buf_slice(&p->buffer);
        bool all = (int64_t)in.size == p->chunk->chunk->size - p->stream_at;
        while (in.size > 0 &&
               dsi_parquet_page_head(in, &h, &head, all ? err : NULL) == DS_OK) {
            int64_t rows = is_data(&h) ? rows_of(p, &h) : 0;
            assert(rows >= 0);
            if (p->stream_row + rows > p->row) {
                return DS_OK;
            }
            size_t whole = head + (size_t)h.compressed_size;
            p->stream_row += rows;
            p->stream_at += (int64_t)whole;
            in.data += whole < in.size ? whole : in.size;
            in.size -= whole < in.size ? whole : in.size;
        }
        if (p->stream_at == from) {
            if (all) {
                return corrupt(p, "a page has no header", err);
            }
            size *= 8; // A large header.
        }
    }
done:
    return rc;
}

// The whole pages at the start of the buffer: their bytes and rows.
static int count_pages(const struct dsi_data_pages *p, size_t *bytes, int64_t *rows,
                       size_t *needed, struct ds_error *err)
{
    struct ds_slice in = dsi_buf_slice(&p->buffer);
    bool all = (int64_t)in.size == p->chunk->chunk->size - p->stream_at;

    *bytes = 0;
    *rows = 0;
    *needed = 0;
    while (*bytes < in.size) {
        struct ds_slice rest = {in.data + *bytes, in.size - *bytes};
        struct dsi_parquet_page h;
        size_t head = 0;
        int rc = dsi_parquet_page_head(rest, &h, &head, all ? err : NULL);
        size_t whole = rc < 0 ? in.size * 8 : head + (size_t)h.compressed_size;
        if (rc < 0 && all) {
            return rc;
        }
        if (rc < 0 || whole > rest.size) {
            *needed = whole;
            return all ? corrupt(p, "a page is larger than what is left of its chunk",
                                 err)
                       : DS_OK;
        }
        *bytes += whole;
        *rows += is_data(&h) ? rows_of(p, &h) : 0;
    }
    return DS_OK;
}

// Takes the dictionary, if there is one, and makes the reader.
static int begin_stream(struct dsi_data_pages *p, struct ds_error *err)
{
    struct dsi_parquet_page h;
    size_t head = 0;
    int64_t size = HEADER_BYTES;
    int rc = DS_OK;

    for (;; size *= 8) {
        DSI_TRY(read_stream(p, size, err));
        bool all = size >= p->chunk->chunk->size;
        rc =
            dsi_parquet_page_head(dsi_buf_slice(&p->buffer), &h, &head, all ? err : NULL);
        if (rc == DS_OK || all) {
            break;
        }
    }
    DSI_TRY(rc);
    if (h.type == DSI_PARQUET_PAGE_DICTIONARY) {
        p->stream_first = (int64_t)head + h.compressed_size;
        if (p->stream_first > p->chunk->chunk->size) {
            return corrupt(p, "its dictionary is larger than its chunk", err);
        }
        DSI_TRY(dsi_data_io_read(p->io, p->chunk->chunk->offset, p->stream_first,
                                 &p->dictionary, err));
    }
    DSI_TRY(new_reader(p, dsi_buf_slice(&p->dictionary), true, err));
    p->stream_at = p->stream_first;
done:
    return rc;
}

static int load_stream(struct dsi_data_pages *p, struct ds_error *err)
{
    int64_t rows = 0;
    int rc = DS_OK;

    if (!p->reader) {
        DSI_TRY(begin_stream(p, err));
    }
    if (p->row < p->stream_row) {
        p->stream_at = p->stream_first;
        p->stream_row = 0;
    }
    DSI_TRY(pass_pages(p, err));
    while (rows == 0) {
        int64_t size = p->chunk->window_bytes;
        size_t bytes = 0;
        size_t needed = 0;
        do {
            DSI_TRY(read_stream(p, size, err));
            DSI_TRY(count_pages(p, &bytes, &rows, &needed, err));
            size = needed > INT64_MAX / 16 ? INT64_MAX / 16 : (int64_t)needed;
        } while (bytes == 0);
        struct ds_slice pages = {p->buffer.data, bytes};
        if (rows > p->row_count - p->stream_row) {
            return corrupt(p, "its pages have more rows than its row group", err);
        }
        if (rows > 0) {
            DSI_TRY(enter(p, pages, p->stream_row, p->stream_row + rows, err));
        }
        p->stream_at += (int64_t)bytes;
        p->stream_row += rows;
    }
done:
    return rc;
}

// Makes sure that the reader stands at p->row.
static int settle(struct dsi_data_pages *p, struct ds_error *err)
{
    int rc = DS_OK;

    if (p->row < p->window_row || p->row >= p->window_end) {
        DSI_TRY(p->chunk->mode == DSI_CHUNK_STREAM ? load_stream(p, err)
                                                   : load_segment(p, err));
    }
    if (p->row < p->reader_row) {
        bool near = p->row >= p->mark_row;
        DSI_TRY(dsi_parquet_reader_return(p->reader, near ? &p->mark : &p->start, err));
        p->reader_row = near ? p->mark_row : p->window_row;
    }
    if (p->row > p->reader_row) {
        DSI_TRY(dsi_parquet_reader_skip(p->reader, p->row - p->reader_row, err));
    }
    p->reader_row = p->row;
    p->mark_row = p->row;
    p->mark = dsi_parquet_reader_place(p->reader);
done:
    return rc;
}

int dsi_data_pages_begin(struct dsi_data_pages *p, struct dsi_data_io *io,
                         const struct dsi_parquet_node *leaf,
                         const struct dsi_data_chunk *chunk, int64_t row_count,
                         bool keep_levels, struct ds_error *err)
{
    int rc = DS_OK;

    dsi_data_pages_end(p);
    p->io = io;
    p->leaf = leaf;
    p->chunk = chunk;
    p->row_count = row_count;
    p->keep_levels = keep_levels;
    assert(chunk->mode != DSI_CHUNK_STREAM || leaf->max_rep == 0);
    if (chunk->mode == DSI_CHUNK_STREAM) {
        return DS_OK; // Nothing is read before it must be.
    }
    DSI_TRY(new_reader(p, chunk->head, chunk->mode == DSI_CHUNK_SEGMENTS, err));
    if (chunk->mode == DSI_CHUNK_WHOLE) {
        p->window_end = row_count;
        p->start = dsi_parquet_reader_place(p->reader);
        p->mark = p->start;
    }
done:
    return rc;
}

void dsi_data_pages_end(struct dsi_data_pages *p)
{
    dsi_parquet_reader_free(p->reader);
    dsi_buf_release(&p->buffer);
    dsi_buf_release(&p->dictionary);
    *p = (struct dsi_data_pages){0};
}

int dsi_data_pages_go(struct dsi_data_pages *p, int64_t row, struct ds_error *err)
{
    if (row < 0 || row > p->row_count) {
        return dsi_corrupt(err, "row %lld of a row group of %lld", (long long)row,
                           (long long)p->row_count);
    }
    p->row = row;
    return DS_OK;
}

int dsi_data_pages_read(struct dsi_data_pages *p, size_t rows_max,
                        struct dsi_parquet_column *out, size_t *rows,
                        struct ds_error *err)
{
    int rc = DS_OK;

    *rows = 0;
    while (*rows < rows_max && p->row < p->row_count) {
        size_t got = 0;
        DSI_TRY(settle(p, err));
        size_t n = (size_t)(p->window_end - p->row);
        n = n < rows_max - *rows ? n : rows_max - *rows;
        DSI_TRY(dsi_parquet_reader_read(p->reader, n, out, &got, err));
        p->row += (int64_t)got;
        p->reader_row = p->row;
        *rows += got;
        if (got < n) {
            break; // `out` is full.
        }
    }
done:
    if (rc < 0) {
        p->reader_row = INT64_MAX; // It can go back, no more.
    }
    return rc;
}
