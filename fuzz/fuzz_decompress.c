// Any bytes decompress or fail, within the maximum; what went in comes back. The first
// byte chooses the codec.
#include <stdlib.h>
#include <string.h>

#include "codec/compress/compress.h"

enum { OUT_SIZE = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(enum dsi_compression c, struct ds_slice in)
{
    static uint8_t exact[OUT_SIZE];
    struct dsi_buf all = DSI_BUF_INIT_MAX(OUT_SIZE);
    int rc = dsi_decompress_all(c, in, &all, NULL);

    if (all.size > OUT_SIZE || (rc < 0 && all.size != 0)) {
        abort();
    }
    // The two ways agree.
    if (rc == DS_OK && (dsi_decompress(c, in, exact, all.size, NULL) != DS_OK ||
                        (all.size > 0 && memcmp(exact, all.data, all.size) != 0))) {
        abort();
    }
    rc = dsi_decompress(c, in, exact, OUT_SIZE, NULL);
    if (rc != DS_OK && rc != DS_ECORRUPT) {
        abort();
    }
    dsi_buf_release(&all);
}

static void round_trip(enum dsi_compression c, struct ds_slice in)
{
    static uint8_t exact[OUT_SIZE];
    struct dsi_buf packed = DSI_BUF_INIT;

    if (in.size <= OUT_SIZE &&
        (dsi_compress(c, DSI_COMPRESSION_LEVEL_DEFAULT, in, &packed, NULL) != DS_OK ||
         dsi_decompress(c, dsi_buf_slice(&packed), exact, in.size, NULL) != DS_OK ||
         (in.size > 0 && memcmp(exact, in.data, in.size) != 0))) {
        abort();
    }
    dsi_buf_release(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0) {
        enum dsi_compression c = (enum dsi_compression)(data[0] % DSI_COMPRESSION_COUNT);
        struct ds_slice in = {data + 1, size - 1};
        decode(c, in);
        if (c != DSI_COMPRESSION_LZ4_HADOOP) { // Which is only read.
            round_trip(c, in);
        }
    }
    return 0;
}
