#include "codec/parquet/parquet_choose.h"

#include <assert.h>

#include "base/error.h"
#include "codec/parquet/parquet_page.h"
#include "codec/parquet/parquet_rle.h"

enum { CANDIDATES_MAX = 4, ZSTD_QUICK = 1 };

void dsi_parquet_tools_release(struct dsi_parquet_tools *t)
{
    dsi_compressor_release(&t->compressor);
    dsi_buf_release(&t->indices);
    dsi_buf_release(&t->encoded);
    dsi_buf_release(&t->compressed);
    dsi_parquet_press_release(&t->press);
}

// What an encoding that somebody wished for is called, for values of this type.
static int32_t wished(enum dsi_parquet_encode wish, enum dsi_parquet_physical p)
{
    int32_t e = DSI_PARQUET_PLAIN;

    if (wish == DSI_PARQUET_ENCODE_DELTA) {
        e = p == DSI_PARQUET_BYTE_ARRAY ? DSI_PARQUET_DELTA_LENGTH_BYTE_ARRAY
                                        : DSI_PARQUET_DELTA_BINARY_PACKED;
    } else if (wish == DSI_PARQUET_ENCODE_DELTA_PREFIX) {
        e = DSI_PARQUET_DELTA_BYTE_ARRAY;
    } else if (wish == DSI_PARQUET_ENCODE_SPLIT) {
        e = DSI_PARQUET_BYTE_STREAM_SPLIT;
    }
    return dsi_parquet_can_encode(e, p) ? e : DSI_PARQUET_PLAIN;
}

// What may be taken, the best for readers first and plain last.
static size_t list_candidates(const struct dsi_parquet_terms *terms,
                              enum dsi_parquet_physical p, int32_t *out)
{
    static const int32_t all[] = {
        DSI_PARQUET_DELTA_BINARY_PACKED, DSI_PARQUET_DELTA_LENGTH_BYTE_ARRAY,
        DSI_PARQUET_RLE, DSI_PARQUET_BYTE_STREAM_SPLIT, DSI_PARQUET_DELTA_BYTE_ARRAY};
    enum dsi_parquet_choice choice = terms->options->choice;
    bool fixed = p == DSI_PARQUET_FIXED; // DuckDB (2.0) reads it in plain encoding only.
    size_t count = 0;

    if (terms->wish != DSI_PARQUET_ENCODE_AUTO) {
        out[0] = wished(terms->wish, p);
        return 1;
    }
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        bool common = all[i] == DSI_PARQUET_DELTA_BINARY_PACKED;
        if (dsi_parquet_can_encode(all[i], p) &&
            ((choice == DSI_PARQUET_CHOICE_ALL && !fixed) ||
             (choice == DSI_PARQUET_CHOICE_COMMON && common))) {
            assert(count < CANDIDATES_MAX - 1);
            out[count++] = all[i];
        }
    }
    out[count++] = DSI_PARQUET_PLAIN;
    return count;
}

static size_t plain_size(const struct dsi_parquet_encode_input *in)
{
    size_t size = in->count * dsi_parquet_width(in->field);

    if (in->field->physical == DSI_PARQUET_BOOLEAN) {
        return (in->count + 7) / 8;
    }
    for (size_t i = 0; in->lengths && i < in->count; i++) {
        size += 4 + in->lengths[i];
    }
    return size;
}

static int compress(struct dsi_parquet_tools *t, const struct dsi_parquet_terms *terms,
                    int level, size_t *size, struct ds_error *err)
{
    int rc = DS_OK;

    t->compressed.size = 0;
    DSI_TRY(dsi_compress_with(&t->compressor, terms->options->codec, level,
                              dsi_buf_slice(&t->encoded), &t->compressed, err));
    *size = t->compressed.size;
done:
    return rc;
}

// What t->encoded takes compressed, if it is of values worth that. zstd's lowest level
// takes half the time of its usual one, and often as few bytes: nothing that repeats is
// to be found in many pages. Of those some do without most of its table, too.
static int compressed_size(struct dsi_parquet_tools *t,
                           const struct dsi_parquet_terms *terms, size_t plain,
                           size_t *size, int *level, struct ds_error *err)
{
    const struct dsi_parquet_write_options *o = terms->options;
    size_t quick = 0;
    int rc = DS_OK;

    *level = o->has_level ? o->level : DSI_COMPRESSION_LEVEL_DEFAULT;
    *size = t->encoded.size;
    if (o->codec == DSI_COMPRESSION_NONE || plain <= DSI_PARQUET_SMALL) {
        return DS_OK;
    }
    DSI_TRY(compress(t, terms, *level, size, err));
    if (o->codec == DSI_COMPRESSION_ZSTD && !o->has_level) {
        DSI_TRY(compress(t, terms, ZSTD_QUICK, &quick, err));
        if (quick <= *size + *size / 64) {
            *size = quick;
            *level = ZSTD_QUICK;
            DSI_TRY(compress(t, terms, DSI_COMPRESSION_LEVEL_QUICK, &quick, err));
            *level = quick <= *size ? DSI_COMPRESSION_LEVEL_QUICK : *level;
            *size = quick <= *size ? quick : *size;
        }
    }
done:
    return rc;
}

static int try_one(struct dsi_parquet_tools *t, const struct dsi_parquet_terms *terms,
                   const struct dsi_parquet_encode_input *in, int32_t encoding,
                   struct dsi_parquet_price *price, struct ds_error *err)
{
    int rc = DS_OK;

    t->encoded.size = 0;
    DSI_TRY(dsi_parquet_encode(encoding, in, &t->encoded, err));
    price->encoded = t->encoded.size;
    DSI_TRY(
        compressed_size(t, terms, price->plain, &price->compressed, &price->level, err));
done:
    return rc;
}

int dsi_parquet_choose(struct dsi_parquet_tools *t, const struct dsi_parquet_terms *terms,
                       const struct dsi_parquet_encode_input *page, int32_t *encoding,
                       struct dsi_parquet_price *price, struct ds_error *err)
{
    struct dsi_parquet_encode_input sample = *page;
    int32_t candidates[CANDIDATES_MAX];
    size_t count = list_candidates(terms, page->field->physical, candidates);
    int rc = DS_OK;

    if (sample.count > DSI_PARQUET_SAMPLE) {
        sample.count = DSI_PARQUET_SAMPLE;
    }
    *price =
        (struct dsi_parquet_price){.count = sample.count, .plain = plain_size(&sample)};
    for (size_t i = 0; i < count; i++) {
        struct dsi_parquet_price p = *price;
        if (i > 0 && candidates[i] == DSI_PARQUET_PLAIN &&
            *encoding == DSI_PARQUET_DELTA_BINARY_PACKED &&
            price->encoded < price->plain / 2) {
            break; // What is left of plain numbers is hardly ever so little.
        }
        DSI_TRY(try_one(t, terms, &sample, candidates[i], &p, err));
        // Those in front are quicker to write and to read: a little gain is none.
        if (i == 0 || p.compressed < price->compressed - price->compressed / 50) {
            *encoding = candidates[i];
            *price = p;
        }
    }
done:
    return rc;
}

int dsi_parquet_choose_indexed(struct dsi_parquet_tools *t,
                               const struct dsi_parquet_terms *terms,
                               const struct dsi_parquet_indexed *page,
                               const struct dsi_parquet_price *other, bool *yes,
                               int *level, struct ds_error *err)
{
    // A page that is hardly begun is the only one; else others share its dictionary.
    size_t pages = page->count < terms->options->page_rows / 2 ? 1 : 8;
    size_t added = page->added * 2 > page->distinct / pages ? page->added * 2
                                                            : page->distinct / pages;
    double each = page->distinct > 0 ? (double)page->bytes / (double)page->distinct : 0;
    double shrink =
        other->plain > 0 ? (double)other->compressed / (double)other->encoded : 1;
    double growth = (double)added / (double)(page->count + 1) * (double)other->count;
    size_t size = 0;
    int rc = DS_OK;

    assert(other->count <= page->count);
    t->encoded.size = 0;
    DSI_TRY(dsi_parquet_rle_write(page->indices, other->count, page->width, &t->encoded,
                                  err));
    DSI_TRY(compressed_size(t, terms, other->plain, &size, level, err));
    *yes = (double)size + growth * each * shrink <= (double)other->compressed * 1.02;
done:
    return rc;
}
