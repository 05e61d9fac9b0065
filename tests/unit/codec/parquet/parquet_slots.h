// A leaf inside lists, row by row as Dremel defines its levels, and pages made of it.
#ifndef DSI_TEST_PARQUET_SLOTS_H
#define DSI_TEST_PARQUET_SLOTS_H

#include "codec/parquet/parquet_page.h"
#include "codec/parquet/parquet_read.h"
#include "codec/parquet/parquet_rle.h"
#include "harness.h"

#include <stdio.h>
#include <string.h>

enum { SLOTS_DEPTH_MAX = 8, SLOTS_MAX = 4096 };

struct slots {
    uint64_t random;
    struct dsi_parquet_node nodes[SLOTS_DEPTH_MAX + 1]; // The root first, the leaf last.
    char names[SLOTS_DEPTH_MAX + 1][4];
    size_t depth;
    const struct dsi_parquet_node *leaf;
    bool long_lists;
    size_t count;
    size_t rows;
    size_t values;
    uint32_t defs[SLOTS_MAX];
    uint32_t reps[SLOTS_MAX];
    struct dsi_parquet_chunk chunk;
    struct dsi_buf bytes; // The chunk's.
};

static inline uint64_t slots_random(struct slots *s)
{
    s->random ^= s->random << 13;
    s->random ^= s->random >> 7;
    s->random ^= s->random << 17;
    return s->random * 0x2545f4914f6cdd1du >> 11;
}

// The path to a leaf: 'r' required, 'o' optional, '*' repeated.
static inline void slots_path(struct slots *s, const char *path,
                              enum dsi_parquet_physical physical)
{
    s->depth = strlen(path);
    s->nodes[0].field.name = "root";
    for (size_t i = 1; i <= s->depth; i++) {
        struct dsi_parquet_node *n = &s->nodes[i];
        struct dsi_parquet_node *up = &s->nodes[i - 1];
        char kind = path[i - 1];
        snprintf(s->names[i], sizeof s->names[i], "%c%u", 'a' + (char)(i - 1),
                 (unsigned)i % 10);
        *n = (struct dsi_parquet_node){.parent = up};
        n->field.name = s->names[i];
        n->field.repetition = kind == 'r'   ? DSI_PARQUET_REQUIRED
                              : kind == 'o' ? DSI_PARQUET_OPTIONAL
                                            : DSI_PARQUET_REPEATED;
        n->max_def = up->max_def + (kind != 'r');
        n->max_rep = up->max_rep + (kind == '*');
        n->element_def = kind == '*' ? n->max_def : up->element_def;
        up->first_child = n;
        up->field.child_count = 1;
    }
    s->nodes[s->depth].field.physical = physical;
    s->leaf = &s->nodes[s->depth];
}

static inline void slots_random_path(struct slots *s, enum dsi_parquet_physical physical)
{
    char path[SLOTS_DEPTH_MAX + 1] = "";
    size_t depth = 1 + slots_random(s) % SLOTS_DEPTH_MAX;
    for (size_t i = 0; i < depth; i++) {
        path[i] = "ro*"[slots_random(s) % 3];
    }
    path[slots_random(s) % depth] = '*'; // At least one.
    slots_path(s, path, physical);
}

static inline void slots_below(struct slots *s, size_t at, uint32_t def, uint32_t rep)
{
    size_t count = slots_random(s) % (s->long_lists ? 9 : 4);

    if (s->count >= SLOTS_MAX - 100) {
        count = count > 0;
    }
    if (at > s->depth || (s->nodes[at].field.repetition != DSI_PARQUET_REQUIRED &&
                          (count == 0 || s->count >= SLOTS_MAX - 10))) {
        s->defs[s->count] = def;
        s->reps[s->count] = rep;
        s->count++;
        s->values += def == (uint32_t)s->leaf->max_def;
    } else if (s->nodes[at].field.repetition == DSI_PARQUET_REPEATED) {
        for (size_t i = 0; i < count; i++) {
            slots_below(s, at + 1, def + 1,
                        i == 0 ? rep : (uint32_t)s->nodes[at].max_rep);
        }
    } else {
        slots_below(s, at + 1,
                    def + (s->nodes[at].field.repetition == DSI_PARQUET_OPTIONAL), rep);
    }
}

// At most so many rows.
static inline void slots_rows(struct slots *s, size_t rows)
{
    for (; rows > 0 && s->count < SLOTS_MAX - 200; rows--) {
        slots_below(s, 1, 0, 0);
        s->rows++;
    }
}

static inline void slots_put(struct dsi_buf *b, const void *p, size_t n)
{
    assert_int_equal(dsi_buf_append(b, p, n, NULL), DS_OK);
}

static inline void slots_put_int(struct dsi_buf *b, uint32_t v)
{
    uint8_t le[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
                     (uint8_t)(v >> 24)};
    slots_put(b, le, 4);
}

static inline void slots_text(uint32_t value, char out[16])
{
    snprintf(out, 16, "%.*s%u", (int)(value % 5), "text", (unsigned)value);
}

// Value number `value`, plain: numbers count up.
static inline void slots_value(const struct slots *s, uint32_t value, struct dsi_buf *b)
{
    char text[16];

    if (s->leaf->field.physical == DSI_PARQUET_BYTE_ARRAY) {
        slots_text(value, text);
        slots_put_int(b, (uint32_t)strlen(text));
        slots_put(b, text, strlen(text));
    } else if (s->leaf->field.physical == DSI_PARQUET_BOOLEAN) {
        assert_true(false); // slots_booleans.
    } else {
        slots_put_int(b, value);
    }
}

enum slots_form { SLOTS_V1, SLOTS_V1_BIT_PACKED, SLOTS_V2 };

static inline void slots_levels(const uint32_t *levels, size_t count, int32_t max,
                                enum slots_form form, struct dsi_buf *out)
{
    int width = dsi_parquet_bit_width((uint32_t)max);
    struct dsi_buf rle = DSI_BUF_INIT;

    if (max == 0) {
        return;
    }
    if (form == SLOTS_V1_BIT_PACKED) {
        size_t start = out->size;
        for (size_t bit = 0; bit < count * (size_t)width; bit++) {
            uint32_t level = levels[bit / (size_t)width];
            uint32_t v = level >> ((size_t)width - 1 - bit % (size_t)width) & 1;
            if (bit % 8 == 0) {
                slots_put(out, "", 1);
            }
            out->data[start + bit / 8] |= (uint8_t)(v << (7 - bit % 8));
        }
        return;
    }
    assert_int_equal(dsi_parquet_rle_write(levels, count, width, &rle, NULL), DS_OK);
    if (form == SLOTS_V1) {
        slots_put_int(out, (uint32_t)rle.size);
    }
    slots_put(out, rle.data, rle.size);
    dsi_buf_release(&rle);
}

static inline void slots_header(const struct dsi_parquet_page *p, struct dsi_buf *out)
{
    struct dsi_thrift_writer w;

    dsi_thrift_writer_begin(&w, out, NULL);
    dsi_thrift_write_i32(&w, 1, p->type);
    dsi_thrift_write_i32(&w, 2, p->uncompressed_size);
    dsi_thrift_write_i32(&w, 3, p->compressed_size);
    dsi_thrift_write_struct(&w, p->type == DSI_PARQUET_PAGE_DATA_V2 ? 8 : 5);
    dsi_thrift_write_i32(&w, 1, p->value_count);
    if (p->type == DSI_PARQUET_PAGE_DATA_V2) {
        dsi_thrift_write_i32(&w, 2, p->null_count);
        dsi_thrift_write_i32(&w, 3, p->row_count);
        dsi_thrift_write_i32(&w, 4, p->encoding);
        dsi_thrift_write_i32(&w, 5, p->def_size);
        dsi_thrift_write_i32(&w, 6, p->rep_size);
        dsi_thrift_write_bool(&w, 7, false);
    } else {
        dsi_thrift_write_i32(&w, 2, p->encoding);
        dsi_thrift_write_i32(&w, 3, p->def_encoding);
        dsi_thrift_write_i32(&w, 4, p->rep_encoding);
    }
    dsi_thrift_write_struct_end(&w);
    assert_int_equal(dsi_thrift_writer_end(&w), DS_OK);
}

// Appends slots [from, to) as a page; `value` is the number of the first of its values.
// How many there are in it.
static inline size_t slots_page(struct slots *s, size_t from, size_t to, size_t value,
                                enum slots_form form)
{
    struct dsi_buf body = DSI_BUF_INIT;
    struct dsi_parquet_page p = {
        .type = form == SLOTS_V2 ? DSI_PARQUET_PAGE_DATA_V2 : DSI_PARQUET_PAGE_DATA,
        .value_count = (int32_t)(to - from),
        .encoding = DSI_PARQUET_PLAIN,
        .def_encoding =
            form == SLOTS_V1_BIT_PACKED ? DSI_PARQUET_BIT_PACKED : DSI_PARQUET_RLE};
    size_t values = 0;

    p.rep_encoding = p.def_encoding;
    slots_levels(s->reps + from, to - from, s->leaf->max_rep, form, &body);
    p.rep_size = (int32_t)body.size;
    slots_levels(s->defs + from, to - from, s->leaf->max_def, form, &body);
    p.def_size = (int32_t)body.size - p.rep_size;
    for (size_t i = from; i < to; i++) {
        p.row_count += s->reps[i] == 0;
        if (s->defs[i] == (uint32_t)s->leaf->max_def) {
            slots_value(s, (uint32_t)(value + values), &body);
            values++;
        } else {
            p.null_count++;
        }
    }
    p.uncompressed_size = p.compressed_size = (int32_t)body.size;
    slots_header(&p, &s->bytes);
    slots_put(&s->bytes, body.data, body.size);
    dsi_buf_release(&body);
    return values;
}

static inline void slots_chunk(struct slots *s)
{
    s->chunk = (struct dsi_parquet_chunk){.size = (int64_t)s->bytes.size,
                                          .value_count = (int64_t)s->count,
                                          .row_count = (int64_t)s->rows};
}

// All slots, in pages of up to `page_max` that end anywhere, whatever the row.
static inline void slots_pages(struct slots *s, size_t page_max)
{
    size_t value = 0;

    for (size_t at = 0; at < s->count;) {
        size_t n = 1 + slots_random(s) % page_max;
        n = n < s->count - at ? n : s->count - at;
        enum slots_form form = (enum slots_form)(slots_random(s) % 3);
        value += slots_page(s, at, at + n, value, form);
        at += n;
    }
    slots_chunk(s);
}

// The slot at which a row begins; the end for the row after the last.
static inline size_t slots_of_row(const struct slots *s, size_t row)
{
    size_t at = 0;
    for (; at < s->count; at++) {
        if (s->reps[at] == 0 && row-- == 0) {
            break;
        }
    }
    return at;
}

// What was read is rows [row, row + c->rows), one slot at a time.
static inline void slots_check(const struct slots *s, size_t row,
                               const struct dsi_parquet_column *c)
{
    size_t at = slots_of_row(s, row);
    size_t end = slots_of_row(s, row + c->rows);
    uint32_t value = 0;
    size_t element = 0;

    assert_int_equal(c->slots, end - at);
    assert_int_equal(c->reps.size, s->leaf->max_rep > 0 ? end - at : 0);
    for (size_t i = 0; i < at; i++) {
        value += s->defs[i] == (uint32_t)s->leaf->max_def;
    }
    for (size_t i = at; i < end; i++) {
        bool valid = s->defs[i] == (uint32_t)s->leaf->max_def;
        if (c->reps.size > 0) {
            assert_int_equal(c->reps.data[i - at], s->reps[i]);
        }
        if (c->defs.size > 0) {
            assert_int_equal(c->defs.data[i - at], s->defs[i]);
        }
        if (s->defs[i] < (uint32_t)s->leaf->element_def) {
            continue;
        }
        bool is =
            c->validity.size == 0 || (c->validity.data[element / 8] >> element % 8 & 1);
        assert_int_equal(is, valid);
        if (s->leaf->field.physical == DSI_PARQUET_BYTE_ARRAY) {
            int32_t o[2];
            char text[16] = "";
            memcpy(o, c->values.data + element * 4, sizeof o);
            if (valid) {
                slots_text(value, text);
            }
            assert_int_equal(o[1] - o[0], strlen(text));
            assert_memory_equal(c->bytes.data + o[0], text, strlen(text));
        } else {
            uint32_t is_value = 0;
            memcpy(&is_value, c->values.data + element * 4, 4);
            assert_int_equal(is_value, valid ? value : 0);
        }
        value += valid;
        element++;
    }
    assert_int_equal(c->elements, element);
}

static inline void slots_release(struct slots *s)
{
    dsi_buf_release(&s->bytes);
}

#endif
