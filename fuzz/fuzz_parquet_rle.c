// The RLE hybrid: any bytes decode to bounded values, and values survive a round trip.
// The first byte is the width.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/parquet/parquet_rle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUES_MAX = 5000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint32_t values[VALUES_MAX];
    static uint32_t again[VALUES_MAX];
    struct dsi_buf encoded = DSI_BUF_INIT;
    struct dsi_parquet_rle d;
    size_t count = 0;
    size_t back = 0;
    size_t n = 0;

    if (size == 0) {
        return 0;
    }
    int width = data[0] % 33;
    dsi_parquet_rle_init(&d, (struct ds_slice){data + 1, size - 1}, width);
    while (count < VALUES_MAX &&
           (n = dsi_parquet_rle_some(&d, values + count, VALUES_MAX - count)) > 0) {
        count += n;
    }
    for (size_t i = 0; i < count; i++) {
        if (width < 32 && values[i] >> width) {
            __builtin_trap();
        }
    }
    if (dsi_parquet_rle_write(values, count, width, &encoded, NULL) == DS_OK) {
        dsi_parquet_rle_init(&d, dsi_buf_slice(&encoded), width);
        while (back < count &&
               (n = dsi_parquet_rle_some(&d, again + back, count - back)) > 0) {
            back += n;
        }
        if (back != count || memcmp(values, again, count * sizeof *values) != 0) {
            __builtin_trap();
        }
    }
    dsi_buf_release(&encoded);
    return 0;
}
