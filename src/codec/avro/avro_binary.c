#include "codec/avro/avro_binary.h"

#include <string.h>

#include "base/error.h"

int dsi_avro_long_slow(struct ds_slice *in, int64_t *out, struct ds_error *err)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < DSI_AVRO_LONG_SIZE_MAX; i++) {
        if (i == in->size) {
            return dsi_corrupt(err, "avro: a number ends after %zu bytes", i);
        }
        uint8_t byte = in->data[i];
        if (i == DSI_AVRO_LONG_SIZE_MAX - 1 && byte > 1) {
            break; // Ten bytes carry 70 bits; only one of the last seven fits in 64.
        }
        bits |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            in->data += i + 1;
            in->size -= i + 1;
            *out = (int64_t)(bits >> 1) ^ -(int64_t)(bits & 1);
            return DS_OK;
        }
    }
    return dsi_corrupt(err, "avro: a number is wider than 64 bits");
}

int dsi_avro_int(struct ds_slice *in, int32_t *out, struct ds_error *err)
{
    struct ds_slice rest = *in;
    int64_t v = 0;
    int rc = dsi_avro_long(&rest, &v, err);

    if (rc < 0) {
        return rc;
    }
    if (v < INT32_MIN || v > INT32_MAX) {
        return dsi_corrupt(err, "avro: %lld is not an int", (long long)v);
    }
    *in = rest;
    *out = (int32_t)v;
    return DS_OK;
}

int dsi_avro_fixed(struct ds_slice *in, size_t size, struct ds_slice *out,
                   struct ds_error *err)
{
    if (size > in->size) {
        return dsi_corrupt(err, "avro: %zu bytes expected, %zu are left", size, in->size);
    }
    *out = (struct ds_slice){in->data, size};
    if (size > 0) {
        in->data += size;
        in->size -= size;
    }
    return DS_OK;
}

int dsi_avro_boolean(struct ds_slice *in, bool *out, struct ds_error *err)
{
    if (in->size == 0 || in->data[0] > 1) {
        return dsi_corrupt(err, "avro: a boolean is %s",
                           in->size == 0 ? "not there" : "neither 0 nor 1");
    }
    *out = in->data[0] == 1;
    in->data++;
    in->size--;
    return DS_OK;
}

static uint64_t little_endian(struct ds_slice bytes)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        bits |= (uint64_t)bytes.data[i] << (8 * i);
    }
    return bits;
}

int dsi_avro_float(struct ds_slice *in, float *out, struct ds_error *err)
{
    struct ds_slice bytes = {NULL, 0};
    int rc = dsi_avro_fixed(in, 4, &bytes, err);

    if (rc == DS_OK) {
        uint32_t bits = (uint32_t)little_endian(bytes);
        memcpy(out, &bits, sizeof bits);
    }
    return rc;
}

int dsi_avro_double(struct ds_slice *in, double *out, struct ds_error *err)
{
    struct ds_slice bytes = {NULL, 0};
    int rc = dsi_avro_fixed(in, 8, &bytes, err);

    if (rc == DS_OK) {
        uint64_t bits = little_endian(bytes);
        memcpy(out, &bits, sizeof bits);
    }
    return rc;
}

int dsi_avro_bytes(struct ds_slice *in, struct ds_slice *out, struct ds_error *err)
{
    struct ds_slice rest = *in;
    int64_t size = 0;
    int rc = dsi_avro_long(&rest, &size, err);

    if (rc < 0) {
        return rc;
    }
    if (size < 0 || (uint64_t)size > rest.size) {
        return dsi_corrupt(err, "avro: a length of %lld, %zu bytes are left",
                           (long long)size, rest.size);
    }
    *out = (struct ds_slice){rest.data, (size_t)size};
    *in = (struct ds_slice){rest.data + size, rest.size - (size_t)size};
    return DS_OK;
}

int dsi_avro_block(struct ds_slice *in, size_t item_size_min, int64_t *count,
                   int64_t *size, struct ds_error *err)
{
    struct ds_slice rest = *in;
    int64_t n = 0;
    int64_t bytes = -1;
    uint64_t most = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_avro_long(&rest, &n, err));
    if (n < 0) {
        if (n == INT64_MIN) {
            return dsi_corrupt(err, "avro: a block with an impossible count");
        }
        n = -n;
        DSI_TRY(dsi_avro_long(&rest, &bytes, err));
        if (bytes < 0 || (uint64_t)bytes > rest.size) {
            return dsi_corrupt(err, "avro: a block of %lld bytes, %zu are left",
                               (long long)bytes, rest.size);
        }
    }
    most = item_size_min > 0 ? rest.size / item_size_min : DSI_AVRO_EMPTY_ITEMS_MAX;
    if ((uint64_t)n > most) {
        return dsi_corrupt(err, "avro: a block of %lld items, %zu bytes are left",
                           (long long)n, rest.size);
    }
    *in = rest;
    *count = n;
    *size = bytes;
done:
    return rc;
}

int dsi_avro_put_long(struct dsi_buf *out, int64_t v, struct ds_error *err)
{
    uint64_t bits = ((uint64_t)v << 1) ^ (uint64_t) - (int64_t)(v < 0);
    int rc = dsi_buf_reserve(out, DSI_AVRO_LONG_SIZE_MAX, err);

    if (rc < 0) {
        return rc;
    }
    while (bits > 0x7f) {
        out->data[out->size++] = (uint8_t)(bits | 0x80);
        bits >>= 7;
    }
    out->data[out->size++] = (uint8_t)bits;
    return DS_OK;
}

int dsi_avro_put_boolean(struct dsi_buf *out, bool v, struct ds_error *err)
{
    return dsi_buf_append_byte(out, v, err);
}

int dsi_avro_put_float(struct dsi_buf *out, float v, struct ds_error *err)
{
    uint32_t bits = 0;
    uint8_t bytes[4];

    memcpy(&bits, &v, sizeof bits);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(bits >> (8 * i));
    }
    return dsi_buf_append(out, bytes, sizeof bytes, err);
}

int dsi_avro_put_double(struct dsi_buf *out, double v, struct ds_error *err)
{
    uint64_t bits = 0;
    uint8_t bytes[8];

    memcpy(&bits, &v, sizeof bits);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(bits >> (8 * i));
    }
    return dsi_buf_append(out, bytes, sizeof bytes, err);
}

int dsi_avro_put_bytes(struct dsi_buf *out, struct ds_slice v, struct ds_error *err)
{
    size_t before = out->size;
    int rc = DS_OK;

    DSI_TRY(dsi_avro_put_long(out, (int64_t)v.size, err));
    DSI_TRY(dsi_buf_append(out, v.data, v.size, err));
done:
    if (rc < 0) {
        out->size = before;
    }
    return rc;
}

int dsi_avro_put_text(struct dsi_buf *out, const char *v, struct ds_error *err)
{
    return dsi_avro_put_bytes(out, (struct ds_slice){(const uint8_t *)v, strlen(v)}, err);
}
