#include "fuzz/parquet_mutate.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "codec/compress/compress.h"
#include "codec/parquet/parquet.h"
#include "fuzz/thrift_tree.h"

enum {
    PAGES_MAX = 1000,
    BODY_MAX = 1 << 20,
    // Fields of the format's structs, by their numbers in parquet.thrift.
    FILE_ROW_GROUPS = 4,
    GROUP_COLUMNS = 1,
    CHUNK_META = 3,
    CHUNK_OFFSET_INDEX = 4, // Its size is the next one; so below.
    CHUNK_COLUMN_INDEX = 6,
    META_CODEC = 4,
    META_UNCOMPRESSED = 6,
    META_COMPRESSED = 7,
    META_DATA_PAGE = 9,
    META_DICTIONARY_PAGE = 11,
    META_BLOOM = 14,
    HEADER_TYPE = 1,
    HEADER_UNCOMPRESSED = 2,
    HEADER_COMPRESSED = 3,
    HEADER_CRC = 4,
    HEADER_V2 = 8,
    V2_DEFINITIONS = 5,
    V2_REPETITIONS = 6,
    V2_COMPRESSED = 7,
};

struct page {
    struct tree *header;
    struct ds_slice body; // As in the file.
};

struct chunk {
    struct tree *node; // In the footer.
    struct tree *meta;
    struct page *pages;
    size_t page_count;
    struct ds_slice column_index; // Bytes, or empty.
    struct ds_slice offset_index;
    struct ds_slice bloom;
};

struct file {
    struct dsi_arena arena;
    struct ds_slice in;
    struct tree *footer;
    struct chunk *chunks;
    size_t chunk_count;
    uint64_t random;
};

static uint64_t next_random(struct file *f)
{
    f->random ^= f->random << 13;
    f->random ^= f->random >> 7;
    f->random ^= f->random << 17;
    return f->random * UINT64_C(0x2545F4914F6CDD1D) >> 11;
}

static size_t below(struct file *f, size_t n)
{
    return n == 0 ? 0 : (size_t)(next_random(f) % n);
}

static void *some(struct file *f, size_t count, size_t size)
{
    void *p = dsi_arena_array(&f->arena, count + 1, size);
    if (!p) {
        abort();
    }
    return p;
}

static struct ds_slice copied(struct file *f, struct ds_slice bytes, size_t room)
{
    uint8_t *p = some(f, bytes.size + room, 1);
    if (bytes.size > 0) {
        memcpy(p, bytes.data, bytes.size);
    }
    return (struct ds_slice){p, bytes.size};
}

// Bytes [offset, offset + size) of the file; empty when they are not inside.
static struct ds_slice part(const struct file *f, const struct tree *offset,
                            const struct tree *size)
{
    struct ds_slice none = {f->in.data, 0};

    if (!offset || !size || offset->number < 4 || size->number <= 0 ||
        (uint64_t)offset->number > f->in.size ||
        (uint64_t)size->number > f->in.size - (uint64_t)offset->number) {
        return none;
    }
    return (struct ds_slice){f->in.data + offset->number, (size_t)size->number};
}

static bool split_pages(struct file *f, struct chunk *c)
{
    struct tree *data = tree_find(c->meta, META_DATA_PAGE);
    struct tree *dictionary = tree_find(c->meta, META_DICTIONARY_PAGE);
    struct tree *first = dictionary && dictionary->number > 0 ? dictionary : data;
    struct ds_slice at = part(f, first, tree_find(c->meta, META_COMPRESSED));

    c->pages = some(f, PAGES_MAX, sizeof *c->pages);
    while (at.size > 0 && c->page_count < PAGES_MAX) {
        struct page *p = &c->pages[c->page_count];
        size_t used = 0;
        p->header = tree_read(&f->arena, at, &used);
        struct tree *size = p->header ? tree_find(p->header, HEADER_COMPRESSED) : NULL;
        if (!size || size->number < 0 || (uint64_t)size->number > at.size - used) {
            return false;
        }
        p->body = (struct ds_slice){at.data + used, (size_t)size->number};
        at.data += used + p->body.size;
        at.size -= used + p->body.size;
        c->page_count++;
    }
    return true;
}

static bool split_chunk(struct file *f, struct tree *node)
{
    struct chunk *c = &f->chunks[f->chunk_count++];

    c->node = node;
    c->meta = tree_find(node, CHUNK_META);
    if (!c->meta) {
        return false;
    }
    c->offset_index = part(f, tree_find(node, CHUNK_OFFSET_INDEX),
                           tree_find(node, CHUNK_OFFSET_INDEX + 1));
    c->column_index = part(f, tree_find(node, CHUNK_COLUMN_INDEX),
                           tree_find(node, CHUNK_COLUMN_INDEX + 1));
    c->bloom =
        part(f, tree_find(c->meta, META_BLOOM), tree_find(c->meta, META_BLOOM + 1));
    return split_pages(f, c);
}

static bool split(struct file *f)
{
    const uint8_t *end = f->in.data + f->in.size;
    uint32_t size = 0;
    size_t used = 0;

    if (f->in.size < DSI_PARQUET_FILE_SIZE_MIN || memcmp(end - 4, "PAR1", 4) != 0) {
        return false;
    }
    memcpy(&size, end - 8, 4);
    if (size > f->in.size - 8) {
        return false;
    }
    f->footer = tree_read(&f->arena, (struct ds_slice){end - 8 - size, size}, &used);
    struct tree *groups = f->footer ? tree_find(f->footer, FILE_ROW_GROUPS) : NULL;
    size_t chunks = 0;
    for (size_t g = 0; groups && g < groups->count; g++) {
        struct tree *columns = tree_find(&groups->children[g], GROUP_COLUMNS);
        chunks += columns ? columns->count : 0;
    }
    f->chunks = some(f, chunks, sizeof *f->chunks);
    for (size_t g = 0; groups && g < groups->count; g++) {
        struct tree *columns = tree_find(&groups->children[g], GROUP_COLUMNS);
        for (size_t c = 0; columns && c < columns->count; c++) {
            if (!split_chunk(f, &columns->children[c])) {
                return false;
            }
        }
    }
    return f->footer != NULL;
}

// Some bytes: others, more, fewer.
static struct ds_slice change_bytes(struct file *f, struct ds_slice bytes)
{
    static const uint32_t striking[] = {
        0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 0x0100, 0x00ffffff};
    struct ds_slice made = copied(f, bytes, 16);
    uint8_t *p = (uint8_t *)made.data; // Ours, just now.
    size_t at = below(f, made.size + 1);
    size_t n = 1 + below(f, 8);
    uint32_t word = striking[below(f, sizeof striking / sizeof *striking)];

    switch (below(f, 5)) {
    case 0: // More.
        memmove(p + at + n, p + at, made.size - at);
        made.size += n;
        break;
    case 1: // Fewer.
        n = n < made.size - at ? n : made.size - at;
        memmove(p + at, p + at + n, made.size - at - n);
        made.size -= n;
        break;
    case 2: // A length, or an index.
        if (made.size >= 4) {
            at = below(f, 2) ? 0 : below(f, made.size - 3);
            memcpy(p + at, &word, 4);
        }
        break;
    default:
        for (size_t i = 0; i < n && made.size > 0; i++) {
            p[below(f, made.size)] ^= (uint8_t)(1U << below(f, 8));
        }
        break;
    }
    return made;
}

static void change_number(struct file *f, struct tree *t)
{
    static const int64_t striking[] = {
        0,         1,         -1,        2,         3,          7,         8,
        16,        31,        255,       256,       65536,      INT32_MAX, INT32_MIN,
        INT64_MAX, INT64_MIN, 1LL << 40, 100000000, -2147483647};

    switch (below(f, 4)) {
    case 0:
        t->number = striking[below(f, sizeof striking / sizeof *striking)];
        break;
    case 1:
        t->number = (int64_t)below(f, 24);
        break;
    case 2:
        t->number = (int64_t)((uint64_t)t->number + below(f, 9) - 4);
        break;
    default:
        t->number =
            (int64_t)((uint64_t)t->number << below(f, 3)) / (1 + (int)below(f, 3));
        break;
    }
}

// A list or struct: one child twice, gone, or in another's place.
static void change_children(struct file *f, struct tree *t)
{
    size_t a = below(f, t->count);
    size_t b = below(f, t->count);
    struct tree keep;

    if (t->count == 0) {
        return;
    }
    switch (below(f, 3)) {
    case 0: {
        struct tree *more = some(f, t->count + 1, sizeof *more);
        memcpy(more, t->children, t->count * sizeof *more);
        more[t->count] = more[a];
        t->children = more;
        t->count++;
        break;
    }
    case 1:
        memmove(&t->children[a], &t->children[a + 1],
                (t->count - a - 1) * sizeof *t->children);
        t->count--;
        break;
    default:
        keep = t->children[a];
        t->children[a] = t->children[b];
        t->children[b] = keep;
        if (t->type == DSI_THRIFT_STRUCT) { // The values change places, not the numbers.
            int32_t id = t->children[a].id;
            t->children[a].id = t->children[b].id;
            t->children[b].id = id;
        }
        break;
    }
}

static void change_tree(struct file *f, struct tree *root)
{
    struct tree *t = tree_nth(root, below(f, tree_size(root)));

    switch (t->type) {
    case DSI_THRIFT_TRUE:
        t->type = DSI_THRIFT_FALSE;
        break;
    case DSI_THRIFT_FALSE:
        t->type = DSI_THRIFT_TRUE;
        break;
    case DSI_THRIFT_BINARY:
        t->bytes = change_bytes(f, t->bytes);
        break;
    case DSI_THRIFT_LIST:
    case DSI_THRIFT_SET:
    case DSI_THRIFT_STRUCT:
        change_children(f, t);
        break;
    default:
        change_number(f, t);
        break;
    }
}

static bool codec_of(const struct chunk *c, enum dsi_compression *out)
{
    static const struct {
        enum dsi_parquet_codec number;
        enum dsi_compression codec;
    } codecs[] = {
        {DSI_PARQUET_UNCOMPRESSED, DSI_COMPRESSION_NONE},
        {DSI_PARQUET_SNAPPY, DSI_COMPRESSION_SNAPPY},
        {DSI_PARQUET_GZIP, DSI_COMPRESSION_GZIP},
        {DSI_PARQUET_BROTLI, DSI_COMPRESSION_BROTLI},
        {DSI_PARQUET_ZSTD, DSI_COMPRESSION_ZSTD},
        {DSI_PARQUET_LZ4_RAW, DSI_COMPRESSION_LZ4_RAW},
    };
    const struct tree *found = tree_find(c->meta, META_CODEC);

    for (size_t i = 0; found && i < sizeof codecs / sizeof *codecs; i++) {
        if (found->number == (int64_t)codecs[i].number) {
            *out = codecs[i].codec;
            return true;
        }
    }
    return false;
}

static int64_t number_in(const struct tree *t, int32_t id)
{
    struct tree *found = t ? tree_find(t, id) : NULL;
    return found ? found->number : 0;
}

static void set_in(struct tree *t, int32_t id, int64_t number)
{
    struct tree *found = tree_find(t, id);
    if (found) {
        found->number = number;
    }
}

// Levels and values as they are before compression, changed, and compressed again.
static void change_body(struct file *f, const struct chunk *c, struct page *p)
{
    struct tree *v2 = tree_find(p->header, HEADER_V2);
    int64_t levels = (int64_t)((uint64_t)number_in(v2, V2_DEFINITIONS) +
                               (uint64_t)number_in(v2, V2_REPETITIONS));
    int64_t whole = number_in(p->header, HEADER_UNCOMPRESSED);
    struct tree *flag = v2 ? tree_find(v2, V2_COMPRESSED) : NULL;
    enum dsi_compression codec = DSI_COMPRESSION_NONE;
    struct dsi_buf out = DSI_BUF_INIT;

    if (levels < 0 || levels > (int64_t)p->body.size || whole < levels ||
        whole > BODY_MAX || !codec_of(c, &codec)) {
        p->body = change_bytes(f, p->body);
        return;
    }
    codec = flag && flag->type == DSI_THRIFT_FALSE ? DSI_COMPRESSION_NONE : codec;
    struct ds_slice before = {p->body.data, (size_t)levels};
    struct ds_slice packed = {p->body.data + levels, p->body.size - (size_t)levels};
    size_t size = (size_t)(whole - levels);
    uint8_t *plain = some(f, size, 1);
    if (packed.size == 0 || dsi_decompress(codec, packed, plain, size, NULL) != DS_OK) {
        p->body = change_bytes(f, p->body);
        return;
    }
    struct ds_slice values = {plain, size};
    if (levels > 0 && below(f, 2)) {
        before = change_bytes(f, before);
        set_in(v2, V2_DEFINITIONS,
               (int64_t)(before.size - (uint64_t)number_in(v2, V2_REPETITIONS)));
    } else {
        values = change_bytes(f, values);
    }
    if (dsi_buf_append(&out, before.data, before.size, NULL) < 0 ||
        dsi_compress(codec, DSI_COMPRESSION_LEVEL_DEFAULT, values, &out, NULL) < 0) {
        abort();
    }
    p->body = copied(f, dsi_buf_slice(&out), 0);
    set_in(p->header, HEADER_UNCOMPRESSED, (int64_t)(before.size + values.size));
    dsi_buf_release(&out);
}

static void change_pages(struct file *f, struct chunk *c)
{
    size_t a = below(f, c->page_count);
    size_t b = below(f, c->page_count);
    struct page keep = c->pages[a];

    switch (below(f, 8)) {
    case 0:
        c->pages[a] = c->pages[b];
        c->pages[b] = keep;
        break;
    case 1:
        memmove(&c->pages[a], &c->pages[a + 1],
                (c->page_count - a - 1) * sizeof *c->pages);
        c->page_count--;
        break;
    case 2:
        if (c->page_count < PAGES_MAX) {
            c->pages[c->page_count++] = keep;
        }
        break;
    case 3:
    case 4:
        change_tree(f, c->pages[a].header);
        break;
    default:
        change_body(f, c, &c->pages[a]);
        break;
    }
}

static struct ds_slice change_index(struct file *f, struct ds_slice bytes)
{
    struct dsi_buf out = DSI_BUF_INIT;
    size_t used = 0;
    struct tree *t = tree_read(&f->arena, bytes, &used);

    if (!t) {
        return change_bytes(f, bytes);
    }
    change_tree(f, t);
    tree_write(t, &out);
    if (dsi_buf_append(&out, bytes.data + used, bytes.size - used, NULL) < 0) {
        abort();
    }
    struct ds_slice made = copied(f, dsi_buf_slice(&out), 0);
    dsi_buf_release(&out);
    return made;
}

static void change(struct file *f)
{
    struct chunk *c = &f->chunks[below(f, f->chunk_count)];
    struct ds_slice *index[] = {&c->column_index, &c->offset_index, &c->bloom};
    struct ds_slice **picked = &index[below(f, 3)];

    switch (f->chunk_count == 0 ? 0 : below(f, 8)) {
    case 0:
    case 1:
        change_tree(f, f->footer);
        break;
    case 2:
        if ((*picked)->size > 0) {
            **picked = change_index(f, **picked);
        }
        break;
    default:
        if (c->page_count > 0) {
            change_pages(f, c);
        }
        break;
    }
}

static void put(struct dsi_buf *out, struct ds_slice bytes)
{
    if (dsi_buf_append(out, bytes.data, bytes.size, NULL) < 0) {
        abort();
    }
}

// Where an index or a filter comes to lie; nothing without one.
static void place(struct dsi_buf *out, struct tree *owner, int32_t id,
                  struct ds_slice bytes)
{
    if (bytes.size > 0) {
        set_in(owner, id, (int64_t)out->size);
        set_in(owner, id + 1, (int64_t)bytes.size);
        put(out, bytes);
    }
}

static void put_chunk(struct dsi_buf *out, struct chunk *c)
{
    size_t start = out->size;
    uint64_t plain = 0;
    bool data = false;

    for (size_t i = 0; i < c->page_count; i++) {
        struct page *p = &c->pages[i];
        size_t at = out->size;
        bool dictionary = number_in(p->header, HEADER_TYPE) == 2;
        set_in(p->header, HEADER_COMPRESSED, (int64_t)p->body.size);
        set_in(p->header, HEADER_CRC, (int32_t)dsi_crc32(0, p->body));
        tree_write(p->header, out);
        plain += out->size - at + (uint64_t)number_in(p->header, HEADER_UNCOMPRESSED);
        put(out, p->body);
        if (dictionary) {
            set_in(c->meta, META_DICTIONARY_PAGE, (int64_t)at);
        } else if (!data) {
            set_in(c->meta, META_DATA_PAGE, (int64_t)at);
            data = true;
        }
    }
    set_in(c->meta, META_COMPRESSED, (int64_t)(out->size - start));
    set_in(c->meta, META_UNCOMPRESSED, (int64_t)plain);
}

static void join(struct file *f, bool fitting, struct dsi_buf *out)
{
    put(out, (struct ds_slice){(const uint8_t *)"PAR1", 4});
    for (size_t i = 0; i < f->chunk_count; i++) {
        if (fitting) {
            put_chunk(out, &f->chunks[i]);
        }
    }
    for (size_t i = 0; fitting && i < f->chunk_count; i++) {
        struct chunk *c = &f->chunks[i];
        place(out, c->node, CHUNK_COLUMN_INDEX, c->column_index);
        place(out, c->node, CHUNK_OFFSET_INDEX, c->offset_index);
        place(out, c->meta, META_BLOOM, c->bloom);
    }
    if (!fitting) { // The bytes before the footer as they were.
        uint32_t size = 0;
        memcpy(&size, f->in.data + f->in.size - 8, 4);
        out->size = 0;
        put(out, (struct ds_slice){f->in.data, f->in.size - 8 - size});
    }
    size_t at = out->size;
    tree_write(f->footer, out);
    uint32_t size = (uint32_t)(out->size - at);
    put(out, (struct ds_slice){(const uint8_t *)&size, 4});
    put(out, (struct ds_slice){(const uint8_t *)"PAR1", 4});
}

bool dsi_parquet_mutate(struct ds_slice in, uint64_t seed, struct dsi_buf *out)
{
    struct file f = {.arena = DSI_ARENA_INIT, .in = in};
    bool ok = split(&f);

    f.random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    if (ok) {
        for (size_t n = 1 + below(&f, 3); n > 0; n--) {
            if (below(&f, 6) == 0) { // A lie in the footer, the rest untouched.
                change_tree(&f, f.footer);
                join(&f, false, out);
                n = 1;
            } else {
                change(&f);
            }
        }
        if (out->size == 0) {
            join(&f, true, out);
        }
    }
    dsi_arena_release(&f.arena);
    return ok;
}
