#include "codec/parquet/parquet_page.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"

// The members of a page header's inner structs, by their field ids, where we look at
// them.
static int32_t *inner_number(struct dsi_parquet_page *p, int32_t type, int32_t id)
{
    int32_t *const v1[] = {NULL, &p->value_count, &p->encoding, &p->def_encoding,
                           &p->rep_encoding};
    int32_t *const v2[] = {NULL,         &p->value_count, &p->null_count, &p->row_count,
                           &p->encoding, &p->def_size,    &p->rep_size};
    size_t i = id < 0 ? SIZE_MAX : (size_t)id;

    switch (type) {
    case DSI_PARQUET_PAGE_DATA:
        return i < sizeof v1 / sizeof *v1 ? v1[i] : NULL;
    case DSI_PARQUET_PAGE_DICTIONARY:
        return i < 3 ? v1[i] : NULL;
    case DSI_PARQUET_PAGE_DATA_V2:
        return i < sizeof v2 / sizeof *v2 ? v2[i] : NULL;
    default:
        return NULL;
    }
}

static int read_inner(struct dsi_thrift_reader *r, struct dsi_parquet_page *out,
                      int32_t type, struct ds_error *err)
{
    struct dsi_thrift_field f = {0};
    int rc = DS_OK;

    while ((rc = dsi_thrift_next(r, &f, err)) == DS_ROW) {
        int32_t *number = inner_number(out, type, f.id);
        if (number) {
            DSI_TRY(dsi_thrift_i32(r, f.type, number, err));
        } else if (type == DSI_PARQUET_PAGE_DATA_V2 && f.id == 7) {
            DSI_TRY(dsi_thrift_bool(r, f.type, &out->is_compressed, err));
        } else {
            DSI_TRY(dsi_thrift_skip(r, f.type, err));
        }
    }
done:
    return rc;
}

static int read_field(struct dsi_thrift_reader *r, const struct dsi_thrift_field *f,
                      struct dsi_parquet_page *out, int32_t *inner, struct ds_error *err)
{
    static const int32_t types[] = {[5] = DSI_PARQUET_PAGE_DATA,
                                    [6] = DSI_PARQUET_PAGE_INDEX,
                                    [7] = DSI_PARQUET_PAGE_DICTIONARY,
                                    [8] = DSI_PARQUET_PAGE_DATA_V2};
    int32_t crc = 0;
    int rc = DS_OK;

    switch (f->id) {
    case 1:
        return dsi_thrift_i32(r, f->type, &out->type, err);
    case 2:
        return dsi_thrift_i32(r, f->type, &out->uncompressed_size, err);
    case 3:
        return dsi_thrift_i32(r, f->type, &out->compressed_size, err);
    case 4:
        DSI_TRY(dsi_thrift_i32(r, f->type, &crc, err));
        out->crc = (uint32_t)crc;
        out->has_crc = true;
        return DS_OK;
    case 5:
    case 7:
    case 8:
        DSI_TRY(dsi_thrift_struct(r, f->type, err));
        *inner = types[f->id];
        return read_inner(r, out, types[f->id], err);
    default:
        return dsi_thrift_skip(r, f->type, err);
    }
done:
    return rc;
}

int dsi_parquet_page_head(struct ds_slice in, struct dsi_parquet_page *out, size_t *size,
                          struct ds_error *err)
{
    struct dsi_thrift_reader r;
    struct dsi_thrift_field f = {0};
    int32_t inner = -1;
    bool known = false;
    int rc = DS_OK;

    *out = (struct dsi_parquet_page){.type = -1,
                                     .uncompressed_size = -1,
                                     .compressed_size = -1,
                                     .value_count = -1,
                                     .encoding = -1,
                                     .is_compressed = true};
    dsi_thrift_reader_init(&r, in, "parquet page header");
    while ((rc = dsi_thrift_next(&r, &f, err)) == DS_ROW) {
        DSI_TRY(read_field(&r, &f, out, &inner, err));
    }
    DSI_TRY(rc);
    *size = dsi_thrift_reader_position(&r);
    if (out->uncompressed_size < 0 || out->compressed_size < 0) {
        return dsi_corrupt(err, "parquet page: %d bytes that become %d",
                           out->compressed_size, out->uncompressed_size);
    }
    known = out->type == DSI_PARQUET_PAGE_DATA ||
            out->type == DSI_PARQUET_PAGE_DICTIONARY ||
            out->type == DSI_PARQUET_PAGE_DATA_V2;
    if (known && inner != out->type) {
        return dsi_corrupt(err, "parquet page: of type %d with a header of type %d",
                           out->type, inner);
    }
    if (!known) {
        out->value_count = 0;
        out->encoding = 0;
    } else if (out->value_count < 0 || out->encoding < 0) {
        return dsi_corrupt(err, "parquet page: a header without %s",
                           out->encoding < 0 ? "an encoding" : "a number of values");
    }
    if (out->value_count < 0 || out->null_count < 0 || out->row_count < 0 ||
        out->def_size < 0 || out->rep_size < 0 || out->null_count > out->value_count) {
        return dsi_corrupt(err, "parquet page: %d values, %d of them null, in %d rows",
                           out->value_count, out->null_count, out->row_count);
    }
done:
    return rc;
}

int dsi_parquet_page_read(struct ds_slice in, struct dsi_parquet_page *out, size_t *size,
                          struct ds_error *err)
{
    int rc = dsi_parquet_page_head(in, out, size, err);

    if (rc == DS_OK && (size_t)out->compressed_size > in.size - *size) {
        return dsi_corrupt(err,
                           "parquet page: %d bytes that become %d, with %zu left in the "
                           "chunk",
                           out->compressed_size, out->uncompressed_size, in.size - *size);
    }
    return rc;
}

int dsi_parquet_page_write(const struct dsi_parquet_page *page, struct dsi_buf *out,
                           struct ds_error *err)
{
    bool dictionary = page->type == DSI_PARQUET_PAGE_DICTIONARY;
    struct dsi_thrift_writer w;

    assert(dictionary || page->type == DSI_PARQUET_PAGE_DATA);
    dsi_thrift_writer_begin(&w, out, err);
    dsi_thrift_write_i32(&w, 1, page->type);
    dsi_thrift_write_i32(&w, 2, page->uncompressed_size);
    dsi_thrift_write_i32(&w, 3, page->compressed_size);
    if (page->has_crc) {
        dsi_thrift_write_i32(&w, 4, (int32_t)page->crc);
    }
    dsi_thrift_write_struct(&w, dictionary ? 7 : 5);
    dsi_thrift_write_i32(&w, 1, page->value_count);
    dsi_thrift_write_i32(&w, 2, page->encoding);
    if (!dictionary) {
        dsi_thrift_write_i32(&w, 3, page->def_encoding);
        dsi_thrift_write_i32(&w, 4, page->rep_encoding);
    }
    dsi_thrift_write_struct_end(&w);
    return dsi_thrift_writer_end(&w);
}
