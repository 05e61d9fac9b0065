#include "codec/parquet/parquet_pages.h"

#include <assert.h>

#include "base/error.h"
#include "codec/parquet/parquet_bytes.h"
#include "codec/parquet/parquet_delta.h"

int dsi_parquet_pages_corrupt(const dsi_parquet_reader *r, const char *what,
                              struct ds_error *err)
{
    return dsi_corrupt(err, "column %s: %s", r->name, what);
}

static int decompress(dsi_parquet_reader *r, struct ds_slice in, size_t size,
                      struct dsi_buf *out, struct ds_error *err)
{
    size_t max = r->options.page_bytes_max;
    int rc = DS_OK;

    if (size > max) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "column %s: a page of %zu bytes; the limit is %zu", r->name, size,
                        max);
    }
    if (r->codec == DSI_COMPRESSION_NONE && in.size != size) {
        return dsi_parquet_pages_corrupt(r, "an uncompressed page has two sizes", err);
    }
    out->size = 0;
    rc = dsi_decompress_append(&r->decompressor, r->codec, in, size, out, err);
    return rc < 0 ? dsi_wrap(err, rc, "column %s: a page", r->name) : rc;
}

// The same without a copy where none is needed.
static int open_bytes(dsi_parquet_reader *r, struct ds_slice in, size_t size,
                      struct ds_slice *out, struct ds_error *err)
{
    int rc = DS_OK;

    if (size == 0) { // Whatever a codec makes of nothing need not be looked at.
        *out = (struct ds_slice){in.data, 0};
        return DS_OK;
    }
    if (r->codec == DSI_COMPRESSION_NONE && in.size == size) {
        *out = in;
        return DS_OK;
    }
    DSI_TRY(decompress(r, in, size, &r->page, err));
    *out = dsi_buf_slice(&r->page);
done:
    return rc;
}

static int check_crc(const dsi_parquet_reader *r, struct ds_error *err)
{
    if (!r->header.has_crc || r->options.ignore_checksums) {
        return DS_OK;
    }
    uint32_t crc = dsi_crc32(0, r->body);
    if (crc != r->header.crc) {
        return dsi_corrupt(err, "column %s: a page has CRC %08x, its header says %08x",
                           r->name, crc, r->header.crc);
    }
    return DS_OK;
}

static int load_dictionary(dsi_parquet_reader *r, struct ds_error *err)
{
    const struct dsi_parquet_page *h = &r->header;
    int rc = DS_OK;

    if (r->has_dictionary && r->at == r->dictionary_at) {
        return DS_OK; // It was gone back over.
    }
    if (r->has_dictionary) {
        return dsi_parquet_pages_corrupt(r, "a second dictionary", err);
    }
    if (h->encoding != DSI_PARQUET_PLAIN && h->encoding != DSI_PARQUET_PLAIN_DICTIONARY) {
        return dsi_fail(err, DS_EUNSUPPORTED, "column %s: a dictionary in encoding %d",
                        r->name, h->encoding);
    }
    DSI_TRY(check_crc(r, err));
    if (h->uncompressed_size > 0) {
        DSI_TRY(decompress(r, r->body, (size_t)h->uncompressed_size, &r->dictionary.bytes,
                           err));
    }
    DSI_TRY(dsi_parquet_dictionary_init(&r->dictionary, &r->leaf->field,
                                        (size_t)h->value_count, err));
    r->has_dictionary = true;
    r->dictionary_at = r->at;
done:
    return rc;
}

// Reads the next header; its page is at hand then, whatever it is.
static int read_header(dsi_parquet_reader *r, struct ds_error *err)
{
    size_t size = 0;
    int rc = dsi_parquet_page_read(r->rest, &r->header, &size, err);

    if (rc < 0) {
        return dsi_wrap(err, rc, "column %s", r->name);
    }
    r->at = (size_t)(r->rest.data - r->bytes.data);
    r->body = (struct ds_slice){r->rest.data + size, (size_t)r->header.compressed_size};
    size += r->body.size;
    r->rest.data += size;
    r->rest.size -= size;
    r->state = DSI_PARQUET_PAGE_SEEN;
    r->levels_at = 0;
    r->levels_count = 0;
    r->values_owed = 0;
    return DS_OK;
}

int dsi_parquet_pages_dictionary(dsi_parquet_reader *r, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(read_header(r, err));
    if (r->header.type == DSI_PARQUET_PAGE_DICTIONARY) {
        DSI_TRY(load_dictionary(r, err));
    }
done:
    return rc;
}

int dsi_parquet_pages_next(dsi_parquet_reader *r, struct ds_error *err)
{
    int rc = DS_OK;

    assert(r->page_left == 0);
    while (r->page_left == 0) {
        if (r->rest.size == 0) {
            return dsi_corrupt(err, "column %s: its pages end %lld values early", r->name,
                               (long long)r->slots_left);
        }
        DSI_TRY(read_header(r, err));
        if (r->header.type == DSI_PARQUET_PAGE_DICTIONARY) {
            DSI_TRY(load_dictionary(r, err));
        } else if (r->header.type == DSI_PARQUET_PAGE_DATA ||
                   r->header.type == DSI_PARQUET_PAGE_DATA_V2) {
            r->page_left = (size_t)r->header.value_count;
        } // Pages of other types are none of ours.
    }
    r->page_slots = r->page_left;
    r->page_rows_left = r->rows_left;
    r->page_slots_left = r->slots_left;
    if (!r->is_part && (int64_t)r->page_left > r->slots_left) {
        return dsi_corrupt(err, "column %s: a page of %zu values, but %lld are left",
                           r->name, r->page_left, (long long)r->slots_left);
    }
done:
    return rc;
}

// Version 2 keeps the levels outside of the compressed part.
static int open_levels_v2(dsi_parquet_reader *r, struct ds_error *err)
{
    const struct dsi_parquet_page *h = &r->header;
    size_t rep = (size_t)h->rep_size;
    size_t def = (size_t)h->def_size;

    if (rep + def > r->body.size || rep + def > (size_t)h->uncompressed_size) {
        return dsi_parquet_pages_corrupt(r, "a page is smaller than its levels", err);
    }
    if (r->leaf->max_def == 0 && h->null_count > 0) {
        return dsi_parquet_pages_corrupt(r, "nulls in a required column", err);
    }
    const uint8_t *at = r->body.data;
    dsi_parquet_level_reader_init(&r->rep, (struct ds_slice){at, rep}, r->leaf->max_rep);
    dsi_parquet_level_reader_init(&r->def, (struct ds_slice){at + rep, def},
                                  r->leaf->max_def);
    return DS_OK;
}

static int open_levels_v1(dsi_parquet_reader *r, struct ds_error *err)
{
    const struct dsi_parquet_page *h = &r->header;
    int rc = DS_OK;

    DSI_TRY(open_bytes(r, r->body, (size_t)h->uncompressed_size, &r->stored, err));
    rc = dsi_parquet_level_reader_take(&r->rep, h->rep_encoding, r->leaf->max_rep,
                                       r->page_slots, &r->stored, err);
    if (rc == DS_OK) {
        rc = dsi_parquet_level_reader_take(&r->def, h->def_encoding, r->leaf->max_def,
                                           r->page_slots, &r->stored, err);
    }
    if (rc < 0) {
        return dsi_wrap(err, rc, "column %s", r->name);
    }
done:
    return rc;
}

int dsi_parquet_pages_open_levels(dsi_parquet_reader *r, struct ds_error *err)
{
    int rc = DS_OK;

    if (r->state >= DSI_PARQUET_PAGE_LEVELS) {
        return DS_OK;
    }
    DSI_TRY(check_crc(r, err));
    if (r->header.type == DSI_PARQUET_PAGE_DATA_V2) {
        DSI_TRY(open_levels_v2(r, err));
    } else {
        DSI_TRY(open_levels_v1(r, err));
    }
    r->state = DSI_PARQUET_PAGE_LEVELS;
done:
    return rc;
}

static int start_booleans(dsi_parquet_reader *r, struct ds_slice in, struct ds_error *err)
{
    if (in.size < 4 || dsi_le32(in.data) > in.size - 4) {
        return dsi_parquet_pages_corrupt(r, "a page ends in its booleans", err);
    }
    r->values.kind = DSI_PARQUET_VALUES_RLE;
    dsi_parquet_rle_init(&r->values.rle,
                         (struct ds_slice){in.data + 4, dsi_le32(in.data)}, 1);
    return DS_OK;
}

static int start_indices(dsi_parquet_reader *r, struct ds_slice in, struct ds_error *err)
{
    if (!r->has_dictionary) {
        return dsi_parquet_pages_corrupt(r, "indices without a dictionary", err);
    }
    if (in.size == 0) { // All null: there is not even a width.
        r->values.kind = DSI_PARQUET_VALUES_PLAIN;
        r->values.plain = in;
        return DS_OK;
    }
    if (in.data[0] > 32) {
        return dsi_parquet_pages_corrupt(r, "indices of more than 32 bits", err);
    }
    r->values.kind = DSI_PARQUET_VALUES_INDEXED;
    dsi_parquet_rle_init(&r->values.rle, (struct ds_slice){in.data + 1, in.size - 1},
                         in.data[0]);
    return DS_OK;
}

static int start_values(dsi_parquet_reader *r, struct ds_slice in, struct ds_error *err)
{
    struct dsi_parquet_values *v = &r->values;
    int rc = DS_OK;

    v->field = &r->leaf->field;
    v->dictionary = &r->dictionary;
    v->bit = 0;
    v->block_at = 0;
    v->block_count = 0;
    switch (r->header.encoding) {
    case DSI_PARQUET_PLAIN:
        v->kind = DSI_PARQUET_VALUES_PLAIN;
        v->plain = in;
        return DS_OK;
    case DSI_PARQUET_PLAIN_DICTIONARY:
    case DSI_PARQUET_RLE_DICTIONARY:
        return start_indices(r, in, err);
    case DSI_PARQUET_RLE:
        if (v->field->physical == DSI_PARQUET_BOOLEAN) {
            return start_booleans(r, in, err);
        }
        break;
    default:
        break;
    }
    r->plain.size = 0;
    r->plain.max = r->options.page_bytes_max;
    rc = in.size == 0
             ? DS_OK
             : dsi_parquet_to_plain(r->header.encoding, v->field, in,
                                    (size_t)r->header.value_count, &r->plain, err);
    if (rc < 0) {
        return dsi_wrap(err, rc, "column %s", r->name);
    }
    v->kind = DSI_PARQUET_VALUES_PLAIN;
    v->plain = dsi_buf_slice(&r->plain);
    return rc;
}

// What open_levels_v2 left alone.
static int open_stored_v2(dsi_parquet_reader *r, struct ds_error *err)
{
    const struct dsi_parquet_page *h = &r->header;
    size_t levels = (size_t)h->rep_size + (size_t)h->def_size;
    struct ds_slice in = {r->body.data + levels, r->body.size - levels};

    if (!h->is_compressed) {
        r->stored = in;
        return DS_OK;
    }
    return open_bytes(r, in, (size_t)h->uncompressed_size - levels, &r->stored, err);
}

int dsi_parquet_pages_open_values(dsi_parquet_reader *r, struct ds_error *err)
{
    int rc = DS_OK;

    if (r->state >= DSI_PARQUET_PAGE_VALUES) {
        return DS_OK;
    }
    DSI_TRY(dsi_parquet_pages_open_levels(r, err));
    if (r->header.type == DSI_PARQUET_PAGE_DATA_V2) {
        DSI_TRY(open_stored_v2(r, err));
    }
    DSI_TRY(start_values(r, r->stored, err));
    r->state = DSI_PARQUET_PAGE_VALUES;
done:
    return rc;
}
