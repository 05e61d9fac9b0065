#include "codec/parquet/parquet_bloom.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "codec/parquet/parquet_bytes.h"
#include "codec/thrift/thrift.h"

enum { BLOCK_BYTES = 32, BLOCK_WORDS = 8 };

// BloomFilter.md, "salt".
static const uint32_t salts[BLOCK_WORDS] = {0x47b6137bu, 0x44974d91u, 0x8824ad5bu,
                                            0xa2b7289du, 0x705495c7u, 0x2df1424bu,
                                            0x9efc4947u, 0x5c6bfb31u};

uint64_t dsi_parquet_bloom_hash(struct ds_slice value)
{
    return dsi_xxh64(value.data, value.size);
}

static size_t block_of(const struct dsi_parquet_bloom *b, uint64_t hash)
{
    return (size_t)(((hash >> 32) * (b->size / BLOCK_BYTES)) >> 32) * BLOCK_BYTES;
}

static uint32_t bit_of(uint64_t hash, int word)
{
    return 1u << ((uint32_t)hash * salts[word] >> 27);
}

void dsi_parquet_bloom_add(struct dsi_parquet_bloom *b, uint64_t hash)
{
    uint8_t *block = b->blocks + block_of(b, hash);

    for (int i = 0; i < BLOCK_WORDS; i++) {
        dsi_put_le32(block + 4 * i, dsi_le32(block + 4 * i) | bit_of(hash, i));
    }
}

bool dsi_parquet_bloom_has(const struct dsi_parquet_bloom *b, uint64_t hash)
{
    const uint8_t *block = b->blocks + block_of(b, hash);

    for (int i = 0; i < BLOCK_WORDS; i++) {
        if (!(dsi_le32(block + 4 * i) & bit_of(hash, i))) {
            return false;
        }
    }
    return true;
}

// BloomFilter.md, "Sizing an SBBF": eight bits are set for each value.
static double bytes_wanted(int64_t distinct, double fpp)
{
    return distinct <= 0 ? 0 : -(double)distinct / log(1 - pow(fpp, 1.0 / 8));
}

int dsi_parquet_bloom_new(int64_t distinct, double fpp, size_t bytes_max,
                          struct dsi_parquet_bloom *out, struct ds_error *err)
{
    *out = (struct dsi_parquet_bloom){NULL, BLOCK_BYTES};
    if (!(fpp > 0 && fpp < 1)) {
        return dsi_fail(err, DS_EINVALID,
                        "a Bloom filter with false positives at a rate of %g: it must "
                        "be above 0 and below 1",
                        fpp);
    }
    double wanted = bytes_wanted(distinct, fpp);
    bytes_max = bytes_max < DSI_PARQUET_BLOOM_MAX ? bytes_max : DSI_PARQUET_BLOOM_MAX;
    while ((double)out->size < wanted && out->size <= bytes_max / 2) {
        out->size *= 2;
    }
    out->blocks = dsi_calloc(1, out->size);
    return out->blocks ? DS_OK : dsi_no_memory(err, "a Bloom filter");
}

void dsi_parquet_bloom_release(struct dsi_parquet_bloom *b)
{
    dsi_free(b->blocks);
    *b = (struct dsi_parquet_bloom){0};
}

static unsigned count_bits(uint32_t v)
{
    v -= v >> 1 & 0x55555555u;
    v = (v & 0x33333333u) + (v >> 2 & 0x33333333u);
    return ((v + (v >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24;
}

// The rate of false positives of the filter with each two blocks made one: a value that
// is not there meets any of them, and a bit of each of its words.
static double folded_rate(const struct dsi_parquet_bloom *b)
{
    double sum = 0;

    for (size_t at = 0; at < b->size; at += 2 * (size_t)BLOCK_BYTES) {
        double all = 1;
        for (int i = 0; i < BLOCK_WORDS; i++) {
            const uint8_t *word = b->blocks + at + 4 * i;
            all *= count_bits(dsi_le32(word) | dsi_le32(word + BLOCK_BYTES)) / 32.0;
        }
        sum += all;
    }
    size_t blocks = b->size / BLOCK_BYTES / 2;
    return sum / (double)blocks;
}

void dsi_parquet_bloom_fold(struct dsi_parquet_bloom *b, double fpp)
{
    while (b->size > BLOCK_BYTES && folded_rate(b) <= fpp) {
        // A block is the upper bits of a hash: with one bit less, neighbours are one.
        for (size_t at = 0; at < b->size / 2; at++) {
            size_t from = at / BLOCK_BYTES * 2 * BLOCK_BYTES + at % BLOCK_BYTES;
            b->blocks[at] = b->blocks[from] | b->blocks[from + BLOCK_BYTES];
        }
        b->size /= 2;
    }
}

int dsi_parquet_bloom_write(const struct dsi_parquet_bloom *b, struct dsi_buf *out,
                            struct ds_error *err)
{
    size_t before = out->size;
    struct dsi_thrift_writer w;
    int rc = DS_OK;

    dsi_thrift_writer_begin(&w, out, err);
    dsi_thrift_write_i32(&w, 1, (int32_t)b->size);
    for (int32_t id = 2; id <= 4; id++) { // Unions: split block, XXH64, uncompressed.
        dsi_thrift_write_struct(&w, id);
        dsi_thrift_write_struct(&w, 1);
        dsi_thrift_write_struct_end(&w);
        dsi_thrift_write_struct_end(&w);
    }
    DSI_TRY(dsi_thrift_writer_end(&w));
    DSI_TRY(dsi_buf_append(out, b->blocks, b->size, err));
done:
    if (rc < 0) {
        out->size = before;
    }
    return rc;
}

// A union of which only the first member is known.
static int read_union(struct dsi_thrift_reader *r, enum dsi_thrift_type type,
                      const char *what, struct ds_error *err)
{
    struct dsi_thrift_field f = {0};
    bool known = false;
    int rc = DS_OK;

    DSI_TRY(dsi_thrift_struct(r, type, err));
    while ((rc = dsi_thrift_next(r, &f, err)) == DS_ROW) {
        known = known || f.id == 1;
        DSI_TRY(dsi_thrift_skip(r, f.type, err));
    }
    DSI_TRY(rc);
    if (!known) {
        rc = dsi_fail(err, DS_EUNSUPPORTED, "parquet Bloom filter: an unknown %s", what);
    }
done:
    return rc;
}

// Reads the header; `*head` is its own size, `*size` that of the blocks after it.
static int read_header(struct ds_slice in, size_t *head, size_t *size,
                       struct ds_error *err)
{
    static const char *const what[] = {"algorithm", "hash", "compression"};
    struct dsi_thrift_reader r;
    struct dsi_thrift_field f = {0};
    int32_t bytes = 0;
    unsigned seen = 0;
    int rc = DS_OK;

    dsi_thrift_reader_init(&r, in, "parquet Bloom filter");
    while ((rc = dsi_thrift_next(&r, &f, err)) == DS_ROW) {
        if (f.id == 1) {
            DSI_TRY(dsi_thrift_i32(&r, f.type, &bytes, err));
        } else if (f.id >= 2 && f.id <= 4) {
            seen |= 1u << f.id;
            DSI_TRY(read_union(&r, f.type, what[f.id - 2], err));
        } else {
            DSI_TRY(dsi_thrift_skip(&r, f.type, err));
        }
    }
    DSI_TRY(rc);
    if (seen != 0x1c || bytes <= 0 || bytes % BLOCK_BYTES != 0 ||
        bytes > DSI_PARQUET_BLOOM_MAX) {
        return dsi_corrupt(err,
                           "parquet Bloom filter: %d bytes; wanted are blocks of %d, at "
                           "most %d bytes, and what they are",
                           bytes, BLOCK_BYTES, DSI_PARQUET_BLOOM_MAX);
    }
    *head = dsi_thrift_reader_position(&r);
    *size = (size_t)bytes;
done:
    return rc;
}

int dsi_parquet_bloom_size(struct ds_slice head, size_t *size, struct ds_error *err)
{
    size_t header = 0;
    int rc = DS_OK;

    *size = 0;
    DSI_TRY(read_header(head, &header, size, err));
    *size += header;
done:
    return rc;
}

int dsi_parquet_bloom_parse(struct ds_slice in, struct dsi_parquet_bloom *out,
                            struct ds_error *err)
{
    size_t head = 0;
    size_t size = 0;
    int rc = DS_OK;

    *out = (struct dsi_parquet_bloom){0};
    DSI_TRY(read_header(in, &head, &size, err));
    if (size > in.size - head) {
        return dsi_corrupt(err, "parquet Bloom filter: %zu bytes, of which %zu are there",
                           size, in.size - head);
    }
    out->blocks = dsi_malloc(size);
    if (!out->blocks) {
        return dsi_no_memory(err, "a Bloom filter");
    }
    memcpy(out->blocks, in.data + head, size);
    out->size = size;
done:
    return rc;
}
