#include "fuzz/thrift_tree.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32, ELEMENTS_MAX = 100000 };

struct source {
    struct dsi_arena *arena;
    struct ds_slice in;
    bool bad;
};

static uint8_t take_byte(struct source *s)
{
    if (s->in.size == 0) {
        s->bad = true;
        return 0;
    }
    s->in.size--;
    return *s->in.data++;
}

static uint64_t take_varint(struct source *s)
{
    uint64_t v = 0;

    for (int shift = 0; shift < 64; shift += 7) {
        uint8_t b = take_byte(s);
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) {
            return v;
        }
    }
    s->bad = true;
    return 0;
}

static int64_t take_zigzag(struct source *s)
{
    uint64_t v = take_varint(s);
    return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

static struct ds_slice take_bytes(struct source *s, uint64_t size)
{
    struct ds_slice made = {s->in.data, (size_t)size};

    if (size > s->in.size) {
        s->bad = true;
        return (struct ds_slice){s->in.data, 0};
    }
    if (size > 0) {
        s->in.data += size;
        s->in.size -= (size_t)size;
    }
    return made;
}

static void take_value(struct source *s, struct tree *t, int depth);

static void take_list(struct source *s, struct tree *t, int depth)
{
    uint8_t head = take_byte(s);
    uint64_t count = head >> 4;

    t->element = (enum dsi_thrift_type)(head & 15);
    count = count == 15 ? take_varint(s) : count;
    if (count > s->in.size || count > ELEMENTS_MAX) {
        s->bad = true;
        return;
    }
    t->children = dsi_arena_array(s->arena, (size_t)count + 1, sizeof *t->children);
    for (; !s->bad && t->children && t->count < count; t->count++) {
        struct tree *e = &t->children[t->count];
        e->type = t->element;
        if (t->element == DSI_THRIFT_TRUE || t->element == DSI_THRIFT_FALSE) {
            e->type = take_byte(s) == 1 ? DSI_THRIFT_TRUE : DSI_THRIFT_FALSE;
        } else {
            take_value(s, e, depth + 1);
        }
    }
}

static void take_struct(struct source *s, struct tree *t, int depth)
{
    size_t room = 0;
    int32_t id = 0;

    while (!s->bad) {
        uint8_t head = take_byte(s);
        if (head == 0) {
            return;
        }
        if (t->count == room) {
            struct tree *more = dsi_arena_array(s->arena, room * 2 + 8, sizeof *more);
            if (!more) {
                abort();
            }
            if (t->count > 0) {
                memcpy(more, t->children, t->count * sizeof *more);
            }
            room = room * 2 + 8;
            t->children = more;
        }
        struct tree *field = &t->children[t->count++];
        id = head >> 4 ? id + (head >> 4) : (int32_t)(int16_t)take_zigzag(s);
        field->id = id;
        field->type = (enum dsi_thrift_type)(head & 15);
        take_value(s, field, depth + 1);
    }
}

static void take_value(struct source *s, struct tree *t, int depth)
{
    if (depth > DEPTH_MAX) {
        s->bad = true;
        return;
    }
    switch (t->type) {
    case DSI_THRIFT_TRUE:
    case DSI_THRIFT_FALSE:
        break;
    case DSI_THRIFT_I8:
        t->number = take_byte(s);
        break;
    case DSI_THRIFT_I16:
    case DSI_THRIFT_I32:
    case DSI_THRIFT_I64:
        t->number = take_zigzag(s);
        break;
    case DSI_THRIFT_DOUBLE:
        t->bytes = take_bytes(s, 8);
        break;
    case DSI_THRIFT_UUID:
        t->bytes = take_bytes(s, 16);
        break;
    case DSI_THRIFT_BINARY:
        t->bytes = take_bytes(s, take_varint(s));
        break;
    case DSI_THRIFT_LIST:
    case DSI_THRIFT_SET:
        take_list(s, t, depth);
        break;
    case DSI_THRIFT_STRUCT:
        take_struct(s, t, depth);
        break;
    default:
        s->bad = true;
        break;
    }
}

struct tree *tree_read(struct dsi_arena *arena, struct ds_slice in, size_t *used)
{
    struct source s = {.arena = arena, .in = in};
    struct tree *t = dsi_arena_alloc(arena, sizeof *t);

    if (!t) {
        abort();
    }
    t->type = DSI_THRIFT_STRUCT;
    take_value(&s, t, 0);
    *used = in.size - s.in.size;
    return s.bad ? NULL : t;
}

static void put_byte(struct dsi_buf *out, uint8_t b)
{
    if (dsi_buf_append_byte(out, b, NULL) < 0) {
        abort();
    }
}

static void put_varint(struct dsi_buf *out, uint64_t v)
{
    for (; v >= 0x80; v >>= 7) {
        put_byte(out, (uint8_t)(v | 0x80));
    }
    put_byte(out, (uint8_t)v);
}

static void put_zigzag(struct dsi_buf *out, int64_t v)
{
    put_varint(out, (uint64_t)v << 1 ^ (0 - ((uint64_t)v >> 63)));
}

static void put_value(const struct tree *t, struct dsi_buf *out);

static void put_list(const struct tree *t, struct dsi_buf *out)
{
    bool bools = t->element == DSI_THRIFT_TRUE || t->element == DSI_THRIFT_FALSE;

    put_byte(out, (uint8_t)((t->count < 15 ? t->count : 15) << 4 | t->element));
    if (t->count >= 15) {
        put_varint(out, t->count);
    }
    for (size_t i = 0; i < t->count; i++) {
        if (bools) {
            put_byte(out, t->children[i].type == DSI_THRIFT_TRUE ? 1 : 2);
        } else {
            put_value(&t->children[i], out);
        }
    }
}

static void put_struct(const struct tree *t, struct dsi_buf *out)
{
    int32_t last = 0;

    for (size_t i = 0; i < t->count; i++) {
        const struct tree *field = &t->children[i];
        int32_t step = field->id - last;
        bool near = step > 0 && step < 16;
        put_byte(out, (uint8_t)((near ? step << 4 : 0) | (int32_t)field->type));
        if (!near) {
            put_zigzag(out, field->id);
        }
        last = field->id;
        put_value(field, out);
    }
    put_byte(out, 0);
}

static void put_value(const struct tree *t, struct dsi_buf *out)
{
    switch (t->type) {
    case DSI_THRIFT_I8:
        put_byte(out, (uint8_t)t->number);
        break;
    case DSI_THRIFT_I16:
    case DSI_THRIFT_I32:
    case DSI_THRIFT_I64:
        put_zigzag(out, t->number);
        break;
    case DSI_THRIFT_BINARY:
        put_varint(out, t->bytes.size);
        // fallthrough
    case DSI_THRIFT_DOUBLE:
    case DSI_THRIFT_UUID:
        if (dsi_buf_append(out, t->bytes.data, t->bytes.size, NULL) < 0) {
            abort();
        }
        break;
    case DSI_THRIFT_LIST:
    case DSI_THRIFT_SET:
        put_list(t, out);
        break;
    case DSI_THRIFT_STRUCT:
        put_struct(t, out);
        break;
    default: // A bool is in its field's type.
        break;
    }
}

void tree_write(const struct tree *t, struct dsi_buf *out)
{
    put_value(t, out);
}

struct tree *tree_find(const struct tree *t, int32_t id)
{
    for (size_t i = 0; t->type == DSI_THRIFT_STRUCT && i < t->count; i++) {
        if (t->children[i].id == id) {
            return &t->children[i];
        }
    }
    return NULL;
}

size_t tree_size(const struct tree *t)
{
    size_t made = 1;

    for (size_t i = 0; i < t->count; i++) {
        made += tree_size(&t->children[i]);
    }
    return made;
}

struct tree *tree_nth(struct tree *t, size_t n)
{
    if (n == 0) {
        return t;
    }
    n--;
    for (size_t i = 0; i < t->count; i++) {
        size_t size = tree_size(&t->children[i]);
        if (n < size) {
            return tree_nth(&t->children[i], n);
        }
        n -= size;
    }
    return t;
}
