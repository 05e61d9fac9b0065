// Values from bytes, encoded and decoded: they must be what they were. The first byte is
// the encoding, the second the type; of BYTE_ARRAY, lengths take one byte each.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/parquet/parquet_bytes.h"
#include "codec/parquet/parquet_delta.h"
#include "codec/parquet/parquet_encode.h"
#include "codec/parquet/parquet_page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUES_MAX = 3000, PLAIN_MAX = VALUES_MAX * 20 };

static uint8_t plain[PLAIN_MAX + 4];
static uint8_t bytes[PLAIN_MAX];
static uint32_t lengths[VALUES_MAX];

// Takes values off the input; their plain encoding's size.
static size_t take(const uint8_t *data, size_t size, struct dsi_parquet_encode_input *in)
{
    size_t width = dsi_parquet_width(in->field);
    size_t at = 0;
    size_t used = 0;

    for (in->count = 0; in->count < VALUES_MAX && size > 0; in->count++) {
        size_t n = width > 0 ? width : data[0] % 17;
        size_t skip = width > 0 ? 0 : 1;
        if (n + skip > size) {
            break;
        }
        lengths[in->count] = (uint32_t)n;
        if (width == 0) {
            dsi_put_le32(plain + at, (uint32_t)n);
            at += 4;
        }
        memcpy(plain + at, data + skip, n);
        memcpy(bytes + used, data + skip, n);
        at += n;
        used += n;
        data += n + skip;
        size -= n + skip;
    }
    in->bytes = bytes;
    in->lengths = width > 0 ? NULL : lengths;
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dsi_parquet_field field = {.type_length = 5};
    struct dsi_parquet_encode_input in = {.field = &field};
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_buf back = DSI_BUF_INIT;

    if (size < 2) {
        return 0;
    }
    field.physical = (enum dsi_parquet_physical)(data[1] % 8);
    int32_t encoding = data[0] % 10;
    if (!dsi_parquet_can_encode(encoding, field.physical) ||
        encoding == DSI_PARQUET_PLAIN || encoding == DSI_PARQUET_RLE) {
        return 0;
    }
    size_t expected = take(data + 2, size - 2, &in);
    if (dsi_parquet_encode(encoding, &in, &out, NULL) < 0 ||
        dsi_parquet_to_plain(encoding, &field, dsi_buf_slice(&out), in.count, &back,
                             NULL) < 0 ||
        back.size != expected ||
        (expected > 0 && memcmp(back.data, plain, expected) != 0)) {
        __builtin_trap();
    }
    dsi_buf_release(&out);
    dsi_buf_release(&back);
    return 0;
}
