#include "codec/variant/variant_build.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { BASIC_OBJECT = 2, BASIC_ARRAY = 3, SHORT_STRING_MAX = 63 };

// The format's number of a primitive kind.
static unsigned primitive(enum dsi_variant_kind kind)
{
    // Booleans take two numbers, so those after them are one further on.
    return kind <= DSI_VARIANT_BOOLEAN ? (unsigned)kind : (unsigned)kind + 1;
}

static void store(uint8_t *p, uint64_t v, size_t width)
{
    for (size_t i = 0; i < width; i++, v >>= 8) {
        p[i] = (uint8_t)(v & 0xff);
    }
}

// A primitive's first byte and its payload.
static int put(struct dsi_buf *out, unsigned number, const void *payload, size_t size,
               struct ds_error *err)
{
    int rc = dsi_buf_reserve(out, 1 + size, err);
    if (rc < 0) {
        return rc;
    }
    out->data[out->size] = (uint8_t)(number << 2);
    if (size > 0) {
        memcpy(out->data + out->size + 1, payload, size);
    }
    out->size += 1 + size;
    return DS_OK;
}

int dsi_variant_put_null(struct dsi_buf *out, struct ds_error *err)
{
    return put(out, 0, NULL, 0, err);
}

int dsi_variant_put_boolean(struct dsi_buf *out, bool v, struct ds_error *err)
{
    return put(out, v ? 1 : 2, NULL, 0, err);
}

int dsi_variant_put_int(struct dsi_buf *out, enum dsi_variant_kind kind, int64_t v,
                        struct ds_error *err)
{
    uint8_t payload[8];
    size_t width = 8;

    switch (kind) {
    case DSI_VARIANT_INT8:
        width = 1;
        break;
    case DSI_VARIANT_INT16:
        width = 2;
        break;
    case DSI_VARIANT_INT32:
    case DSI_VARIANT_DATE:
        width = 4;
        break;
    default:
        break;
    }
    store(payload, (uint64_t)v, width);
    return put(out, primitive(kind), payload, width, err);
}

int dsi_variant_put_float(struct dsi_buf *out, float v, struct ds_error *err)
{
    return put(out, primitive(DSI_VARIANT_FLOAT), &v, sizeof v, err);
}

int dsi_variant_put_double(struct dsi_buf *out, double v, struct ds_error *err)
{
    return put(out, primitive(DSI_VARIANT_DOUBLE), &v, sizeof v, err);
}

int dsi_variant_put_decimal(struct dsi_buf *out, enum dsi_variant_kind kind, dsi_int128 v,
                            int scale, struct ds_error *err)
{
    uint8_t payload[17] = {(uint8_t)scale};
    size_t width = kind == DSI_VARIANT_DECIMAL4   ? 4
                   : kind == DSI_VARIANT_DECIMAL8 ? 8
                                                  : 16;

    store(payload + 1, (uint64_t)v, width < 8 ? width : 8);
    if (width == 16) {
        store(payload + 9, (uint64_t)((dsi_uint128)v >> 64), 8);
    }
    return put(out, primitive(kind), payload, 1 + width, err);
}

int dsi_variant_put_bytes(struct dsi_buf *out, enum dsi_variant_kind kind,
                          struct ds_slice v, struct ds_error *err)
{
    uint8_t head[5];
    size_t size = 5;
    int rc = DS_OK;

    if (kind == DSI_VARIANT_UUID) {
        assert(v.size == 16);
        return put(out, primitive(kind), v.data, v.size, err);
    }
    if (kind == DSI_VARIANT_STRING && v.size <= SHORT_STRING_MAX) {
        head[0] = (uint8_t)(v.size << 2 | 1);
        size = 1;
    } else if (v.size > UINT32_MAX) {
        return dsi_fail(err, DS_EUNSUPPORTED, "a variant of %zu bytes", v.size);
    } else {
        head[0] = (uint8_t)(primitive(kind) << 2);
        store(head + 1, v.size, 4);
    }
    DSI_TRY(dsi_buf_reserve(out, size + v.size, err));
    DSI_TRY(dsi_buf_append(out, head, size, err));
    if (v.size > 0) {
        DSI_TRY(dsi_buf_append(out, v.data, v.size, err));
    }
done:
    return rc;
}

static size_t width_of(uint64_t max)
{
    return max < 1u << 8 ? 1 : max < 1u << 16 ? 2 : max < 1u << 24 ? 3 : 4;
}

// Makes room before the values and fills it: first byte, count, ids (objects), offsets.
static int enclose(struct dsi_buf *out, size_t from, bool object,
                   const struct dsi_variant_member *members, size_t count,
                   struct ds_error *err)
{
    size_t values = out->size - from;
    size_t count_width = count > 255 ? 4 : 1;
    size_t offset_width = width_of(values);
    uint32_t max_id = 0;

    if (values > UINT32_MAX || count > UINT32_MAX) {
        return dsi_fail(err, DS_EUNSUPPORTED, "a variant of %zu bytes", values);
    }
    for (size_t i = 0; i < count; i++) {
        max_id = members[i].id > max_id ? members[i].id : max_id;
    }
    size_t id_width = object ? width_of(max_id) : 0;
    size_t head = 1 + count_width + count * id_width + (count + 1) * offset_width;
    int rc = dsi_buf_reserve(out, head, err);
    if (rc < 0) {
        return rc;
    }
    uint8_t *p = out->data + from;
    memmove(p + head, p, values);
    out->size += head;
    unsigned flags = (unsigned)(offset_width - 1);
    flags |= object ? (unsigned)(id_width - 1) << 2 | (count_width == 4) << 4
                    : (unsigned)(count_width == 4) << 2;
    *p++ = (uint8_t)(flags << 2 | (object ? BASIC_OBJECT : BASIC_ARRAY));
    store(p, count, count_width);
    p += count_width;
    for (size_t i = 0; i < count && object; i++, p += id_width) {
        store(p, members[i].id, id_width);
    }
    for (size_t i = 0; i < count; i++, p += offset_width) {
        store(p, members[i].at - from, offset_width);
    }
    store(p, values, offset_width);
    return DS_OK;
}

static int compare_names(const void *a, const void *b)
{
    const struct ds_slice *x = &((const struct dsi_variant_member *)a)->name;
    const struct ds_slice *y = &((const struct dsi_variant_member *)b)->name;
    size_t size = x->size < y->size ? x->size : y->size;
    int order = size > 0 ? memcmp(x->data, y->data, size) : 0;
    return order != 0 ? order : (x->size > y->size) - (x->size < y->size);
}

int dsi_variant_object(struct dsi_buf *out, size_t from,
                       struct dsi_variant_member *members, size_t count,
                       struct ds_error *err)
{
    if (count > 1) {
        qsort(members, count, sizeof *members, compare_names);
    }
    for (size_t i = 1; i < count; i++) {
        if (compare_names(&members[i - 1], &members[i]) == 0) {
            return dsi_corrupt(
                err, "a variant's object has field \"%.*s\" twice",
                (int)(members[i].name.size < 64 ? members[i].name.size : 64),
                (const char *)members[i].name.data);
        }
    }
    return enclose(out, from, true, members, count, err);
}

int dsi_variant_array(struct dsi_buf *out, size_t from,
                      const struct dsi_variant_member *members, size_t count,
                      struct ds_error *err)
{
    return enclose(out, from, false, members, count, err);
}
