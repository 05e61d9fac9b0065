#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "codec/thrift/thrift.h"

static void put(struct dsi_thrift_writer *w, const void *bytes, size_t size)
{
    if (w->rc == DS_OK) {
        w->rc = dsi_buf_append(w->out, bytes, size, w->err);
    }
}

static void put_varint(struct dsi_thrift_writer *w, uint64_t v)
{
    uint8_t bytes[10];
    size_t size = 0;

    while (v >= 0x80) {
        bytes[size++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    bytes[size++] = (uint8_t)v;
    put(w, bytes, size);
}

static void put_zigzag(struct dsi_thrift_writer *w, int64_t v)
{
    put_varint(w, (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0));
}

static void put_field(struct dsi_thrift_writer *w, int32_t id, enum dsi_thrift_type type)
{
    int32_t *last = &w->last_id[w->depth];
    int32_t delta = id - *last;

    assert(delta > 0); // Ascending: the header says so.
    *last = id;
    uint8_t byte = (uint8_t)((delta <= 15 ? delta << 4 : 0) | (int)type);
    put(w, &byte, 1);
    if (delta > 15) {
        put_zigzag(w, id);
    }
}

static void enter(struct dsi_thrift_writer *w)
{
    assert(w->depth + 1 < DSI_THRIFT_WRITE_DEPTH_MAX);
    w->depth++;
    w->last_id[w->depth] = 0;
}

void dsi_thrift_writer_begin(struct dsi_thrift_writer *w, struct dsi_buf *out,
                             struct ds_error *err)
{
    memset(w, 0, sizeof *w);
    w->out = out;
    w->err = err;
}

int dsi_thrift_writer_end(struct dsi_thrift_writer *w)
{
    uint8_t stop = DSI_THRIFT_STOP;

    assert(w->depth == 0);
    put(w, &stop, 1);
    return w->rc;
}

void dsi_thrift_write_bool(struct dsi_thrift_writer *w, int32_t id, bool v)
{
    put_field(w, id, v ? DSI_THRIFT_TRUE : DSI_THRIFT_FALSE);
}

void dsi_thrift_write_i8(struct dsi_thrift_writer *w, int32_t id, int8_t v)
{
    put_field(w, id, DSI_THRIFT_I8);
    put(w, &v, 1);
}

void dsi_thrift_write_i16(struct dsi_thrift_writer *w, int32_t id, int16_t v)
{
    put_field(w, id, DSI_THRIFT_I16);
    put_zigzag(w, v);
}

void dsi_thrift_write_i32(struct dsi_thrift_writer *w, int32_t id, int32_t v)
{
    put_field(w, id, DSI_THRIFT_I32);
    put_zigzag(w, v);
}

void dsi_thrift_write_i64(struct dsi_thrift_writer *w, int32_t id, int64_t v)
{
    put_field(w, id, DSI_THRIFT_I64);
    put_zigzag(w, v);
}

void dsi_thrift_write_binary(struct dsi_thrift_writer *w, int32_t id, struct ds_slice v)
{
    put_field(w, id, DSI_THRIFT_BINARY);
    put_varint(w, v.size);
    put(w, v.data, v.size);
}

void dsi_thrift_write_text(struct dsi_thrift_writer *w, int32_t id, const char *v)
{
    dsi_thrift_write_binary(w, id, dsi_slice_text(v));
}

void dsi_thrift_write_struct(struct dsi_thrift_writer *w, int32_t id)
{
    put_field(w, id, DSI_THRIFT_STRUCT);
    enter(w);
}

void dsi_thrift_write_struct_end(struct dsi_thrift_writer *w)
{
    uint8_t stop = DSI_THRIFT_STOP;

    assert(w->depth > 0);
    put(w, &stop, 1);
    w->depth--;
}

void dsi_thrift_write_list(struct dsi_thrift_writer *w, int32_t id,
                           enum dsi_thrift_type element, size_t count)
{
    put_field(w, id, DSI_THRIFT_LIST);
    uint8_t byte = (uint8_t)((count < 15 ? count << 4 : 0xf0) | (size_t)element);
    put(w, &byte, 1);
    if (count >= 15) {
        put_varint(w, count);
    }
}

void dsi_thrift_element_bool(struct dsi_thrift_writer *w, bool v)
{
    uint8_t byte = v ? DSI_THRIFT_TRUE : DSI_THRIFT_FALSE;
    put(w, &byte, 1);
}

void dsi_thrift_element_i32(struct dsi_thrift_writer *w, int32_t v)
{
    put_zigzag(w, v);
}

void dsi_thrift_element_i64(struct dsi_thrift_writer *w, int64_t v)
{
    put_zigzag(w, v);
}

void dsi_thrift_element_binary(struct dsi_thrift_writer *w, struct ds_slice v)
{
    put_varint(w, v.size);
    put(w, v.data, v.size);
}

void dsi_thrift_element_text(struct dsi_thrift_writer *w, const char *v)
{
    dsi_thrift_element_binary(w, dsi_slice_text(v));
}

void dsi_thrift_element_struct(struct dsi_thrift_writer *w)
{
    enter(w);
}
