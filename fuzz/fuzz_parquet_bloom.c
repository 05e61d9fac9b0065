// A Bloom filter: read, or refused; what was read is written as the same blocks, and a
// value added to it is found.
#include <stdint.h>
#include <string.h>

#include "codec/parquet/parquet_bloom.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int is_right)
{
    if (!is_right) {
        __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ds_slice in = {data, size};
    struct dsi_parquet_bloom bloom;
    struct dsi_parquet_bloom back;
    struct dsi_buf out = DSI_BUF_INIT;
    struct ds_error err = {0};
    size_t whole = 0;

    if (dsi_parquet_bloom_parse(in, &bloom, &err) < 0) {
        return 0;
    }
    check(dsi_parquet_bloom_size(in, &whole, NULL) == DS_OK && whole <= size);
    uint64_t hash = dsi_parquet_bloom_hash(in);
    dsi_parquet_bloom_add(&bloom, hash);
    check(dsi_parquet_bloom_has(&bloom, hash));
    check(dsi_parquet_bloom_write(&bloom, &out, NULL) == DS_OK);
    check(dsi_parquet_bloom_parse(dsi_buf_slice(&out), &back, NULL) == DS_OK);
    check(back.size == bloom.size && memcmp(back.blocks, bloom.blocks, back.size) == 0);
    dsi_parquet_bloom_release(&back);
    dsi_parquet_bloom_release(&bloom);
    dsi_buf_release(&out);
    return 0;
}
