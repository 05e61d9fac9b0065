// Bytes to arrays of a lying producer, nested in any way, imported. Every buffer is
// allocated with just the size that Arrow's rules give it, so that a read past it is
// seen; what nobody could check (how long the text buffer is) is made true. What was
// imported is exported, in a form that the input chooses, and must import again. At the
// end everything was released once.
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "data/arrow_io.h"
#include "data/column_layout.h"

enum {
    NODES_MAX = 40,
    BUFFERS_MAX = 6,
    CHILDREN_MAX = 3,
    ROWS_MAX = 64,
    ROWS_BELOW_MAX = 14, // Deeper down: what is multiplied at each level stays small.
    DEPTH_MAX = 5,
    TEXT_BYTES = 300
};

struct input {
    const uint8_t *data;
    size_t size;
};

static unsigned take(struct input *in)
{
    if (in->size == 0) {
        return 0;
    }
    in->size--;
    return *in->data++;
}

struct world {
    struct ArrowSchema schemas[NODES_MAX];
    struct ArrowArray arrays[NODES_MAX];
    struct ArrowSchema *schema_pointers[NODES_MAX][CHILDREN_MAX];
    struct ArrowArray *array_pointers[NODES_MAX][CHILDREN_MAX];
    const void *buffers[NODES_MAX][BUFFERS_MAX];
    void *memory[NODES_MAX * BUFFERS_MAX];
    size_t memory_count;
    size_t nodes;
    bool entries; // The next node is a map's struct of two, most of the time.
    int released;
};

static void release_schema(struct ArrowSchema *s)
{
    s->release = NULL;
}

static void release_array(struct ArrowArray *a)
{
    if (a->private_data) {
        (*(int *)a->private_data)++;
    }
    a->release = NULL;
}

// A buffer of exactly `size` bytes, filled from the input and then zero.
static void *buffer(struct world *w, struct input *in, size_t size)
{
    uint8_t *p = dsi_calloc(1, size ? size : 1);
    size_t n = size < in->size ? size : in->size;
    if (!p) {
        abort();
    }
    memcpy(p, in->data, n);
    in->data += n;
    in->size -= n;
    w->memory[w->memory_count++] = p;
    return p;
}

static const char *const formats[] = {
    "i",    "l",       "n",     "b",       "c",        "S",         "I",          "e",
    "f",    "g",       "u",     "U",       "z",        "Z",         "vu",         "vz",
    "w:5",  "w:16",    "d:9,2", "d:38,10", "d:9,2,32", "d:18,0,64", "d:50,2,256", "tdD",
    "tdm",  "tts",     "ttm",   "ttu",     "ttn",      "tss:",      "tsm:UTC",    "tsu:",
    "tsn:", "tsn:UTC", "s",     "C",
};

// Bytes per element of each format above; 0: bits, or something else.
static const size_t widths[] = {
    4,  8,  0, 0, 1,  2, 4, 2, 4, 8, 4, 8, 4, 8, 16, 16, 5, 16,
    16, 16, 4, 8, 32, 4, 8, 4, 4, 8, 8, 8, 8, 8, 8,  8,  2, 1,
};

static size_t make_node(struct world *w, struct input *in, int depth);

// What the consumer cannot check is made true: text buffers are as long as the largest
// offset that ascends to, within bounds.
static void make_text(struct world *w, struct input *in, size_t n, size_t elements,
                      bool wide)
{
    uint8_t *offsets = buffer(w, in, (elements + 1) * (wide ? 8 : 4));
    for (size_t i = 0; i <= elements; i++) {
        int64_t v = 0;
        int32_t v32 = 0;
        if (wide) {
            memcpy(&v, offsets + i * 8, 8);
            v = v < -4 || v > TEXT_BYTES ? v & 0xff : v;
            memcpy(offsets + i * 8, &v, 8);
        } else {
            memcpy(&v32, offsets + i * 4, 4);
            v32 = v32 < -4 || v32 > TEXT_BYTES ? v32 & 0xff : v32;
            memcpy(offsets + i * 4, &v32, 4);
        }
    }
    w->buffers[n][1] = offsets;
    w->buffers[n][2] = buffer(w, in, TEXT_BYTES);
    w->arrays[n].n_buffers = 3;
}

static void make_views(struct world *w, struct input *in, size_t n, size_t elements)
{
    int64_t sizes[] = {20};
    w->buffers[n][1] = buffer(w, in, elements * 16);
    w->buffers[n][2] = buffer(w, in, 20);
    void *p = buffer(w, in, sizeof sizes);
    memcpy(p, sizes, sizeof sizes);
    w->buffers[n][3] = p;
    w->arrays[n].n_buffers = 4;
}

static void make_values(struct world *w, struct input *in, size_t n, size_t which,
                        size_t elements)
{
    const char *f = formats[which];
    bool text = strchr("uUzZ", f[0]) && f[1] == '\0';
    if (text) {
        make_text(w, in, n, elements, f[0] == 'U' || f[0] == 'Z');
    } else if (f[0] == 'v') {
        make_views(w, in, n, elements);
    } else if (f[0] == 'n') {
        w->arrays[n].n_buffers = 0;
    } else {
        size_t size =
            widths[which] ? elements * widths[which] : dsi_bits_size((int64_t)elements);
        w->buffers[n][1] = buffer(w, in, size);
        w->arrays[n].n_buffers = 2;
    }
}

// One lie about an array, if the input asks for one.
static void tell_lie(struct world *w, struct input *in, size_t n)
{
    struct ArrowArray *a = &w->arrays[n];
    switch (take(in)) {
    case 1:
        a->n_buffers += (int)take(in) - 128;
        if (w->schemas[n].format[0] == 'v' && a->n_buffers > BUFFERS_MAX) {
            a->n_buffers = BUFFERS_MAX; // Nobody can check how many a list of views has.
        }
        break;
    case 2:
        a->null_count = (int)take(in) - 128;
        break;
    case 3:
        a->length = -(int64_t)take(in);
        break;
    case 4:
        a->offset = -(int64_t)take(in);
        break;
    case 5:
        a->offset = INT64_MAX - (int64_t)take(in);
        break;
    case 6:
        a->length =
            (int64_t)take(in) < a->length ? (int64_t)take(in) % (a->length + 1) : 0;
        break;
    case 7:
        a->release = NULL;
        break;
    case 8:
        w->buffers[n][take(in) % BUFFERS_MAX] = NULL;
        break;
    case 9:
        a->n_children = (int)take(in) - 128;
        a->children = NULL;
        break;
    case 10:
        a->dictionary = NULL;
        break;
    case 11:
        a->buffers = NULL;
        break;
    case 12:
        w->array_pointers[n][take(in) % CHILDREN_MAX] = NULL;
        break;
    default:
        break;
    }
}

static void add_children(struct world *w, struct input *in, size_t n, size_t count,
                         int depth)
{
    for (size_t i = 0; i < count; i++) {
        static const char *const names[] = {"a", "metadata", "value"};
        size_t child = make_node(w, in, depth + 1);
        w->schemas[child].name = names[i];
        w->schema_pointers[n][i] = &w->schemas[child];
        w->array_pointers[n][i] = &w->arrays[child];
    }
    w->schemas[n].n_children = w->arrays[n].n_children = (int64_t)count;
    w->schemas[n].children = w->schema_pointers[n];
    w->arrays[n].children = w->array_pointers[n];
}

// Small numbers, mostly: what offsets and sizes are.
static void *make_offsets(struct world *w, struct input *in, size_t count, bool wide)
{
    struct input nothing = {in->data, 0};
    size_t width = wide ? 8 : 4;
    uint8_t *p = buffer(w, &nothing, count * width);
    int64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        unsigned byte = take(in);
        sum = byte < 0xe0 ? sum + byte % 5 : (int64_t)byte - 0xf0;
        int32_t narrow = (int32_t)sum;
        memcpy(p + i * width, wide ? (const void *)&sum : (const void *)&narrow, width);
    }
    return p;
}

static void *make_sizes(struct world *w, struct input *in, size_t count, bool wide)
{
    struct input nothing = {in->data, 0};
    size_t width = wide ? 8 : 4;
    uint8_t *p = buffer(w, &nothing, count * width);

    for (size_t i = 0; i < count; i++) {
        unsigned byte = take(in);
        int64_t size = byte < 0xf0 ? byte % 6 : (int64_t)byte - 0xf8;
        int32_t narrow = (int32_t)size;
        memcpy(p + i * width, wide ? (const void *)&size : (const void *)&narrow, width);
    }
    return p;
}

// A struct, a list of any layout, a map.
static void make_nested(struct world *w, struct input *in, size_t n, unsigned shape,
                        size_t elements, int depth)
{
    static const char *const sizes[] = {"+w:0", "+w:1", "+w:2", "+w:3", "+w:2147483647"};
    struct ArrowSchema *s = &w->schemas[n];
    struct ArrowArray *a = &w->arrays[n];
    bool entries = w->entries;
    unsigned kind = entries ? 0 : take(in) % 8;

    w->entries = false;
    a->n_buffers = 2;
    switch (kind) {
    case 0:
    case 1:
        s->format = "+s";
        a->n_buffers = 1;
        add_children(w, in, n, entries ? 2 : 1 + take(in) % CHILDREN_MAX, depth);
        break;
    case 2:
    case 3:
        s->format = kind == 2 ? "+l" : "+L";
        w->buffers[n][1] = make_offsets(w, in, elements + 1, kind == 3);
        add_children(w, in, n, 1, depth);
        break;
    case 4:
        s->format = sizes[take(in) % 5];
        a->n_buffers = 1;
        add_children(w, in, n, 1, depth);
        break;
    case 5:
    case 6:
        s->format = kind == 5 ? "+vl" : "+vL";
        a->n_buffers = 3;
        w->buffers[n][1] = make_offsets(w, in, elements, kind == 6);
        w->buffers[n][2] = make_sizes(w, in, elements, kind == 6);
        add_children(w, in, n, 1, depth);
        break;
    default:
        s->format = "+m";
        w->buffers[n][1] = make_offsets(w, in, elements + 1, false);
        w->entries = take(in) % 8 != 0;
        add_children(w, in, n, 1, depth);
        w->entries = false;
        break;
    }
    if (shape & 1) {
        w->buffers[n][0] = buffer(w, in, dsi_bits_size((int64_t)elements));
    }
    if (kind < 2 && a->n_children >= 2 && take(in) == 7) {
        static const char variant[] =
            "\1\0\0\0\24\0\0\0ARROW:extension:name\25\0\0\0arrow.parquet.variant";
        s->metadata = variant;
    }
}

static size_t make_node(struct world *w, struct input *in, int depth)
{
    size_t n = w->nodes++;
    size_t which = take(in) % (sizeof formats / sizeof formats[0]);
    unsigned shape = w->entries ? 8 : take(in) % 16;
    struct ArrowSchema *s = &w->schemas[n];
    struct ArrowArray *a = &w->arrays[n];

    *s = (struct ArrowSchema){.format = formats[which],
                              .name = "c",
                              .flags = take(in) & 2,
                              .release = release_schema};
    *a = (struct ArrowArray){.length = take(in) % (depth > 0 ? ROWS_BELOW_MAX : ROWS_MAX),
                             .null_count = -1,
                             .offset = take(in) % 10,
                             .buffers = w->buffers[n],
                             .release = release_array};
    size_t elements = (size_t)(a->length + a->offset);
    bool deeper = depth < DEPTH_MAX && w->nodes + DEPTH_MAX * CHILDREN_MAX < NODES_MAX;
    if (shape == 7 && deeper) {
        s->format = "+r";
        add_children(w, in, n, 2, depth);
    } else if (shape >= 8 && deeper) {
        make_nested(w, in, n, shape, elements, depth);
    } else {
        make_values(w, in, n, which, elements);
        if (shape & 1) {
            w->buffers[n][0] = buffer(w, in, dsi_bits_size((int64_t)elements));
        }
    }
    if (shape == 6 && deeper) {
        size_t inner = make_node(w, in, depth + 1);
        s->dictionary = &w->schemas[inner];
        a->dictionary = &w->arrays[inner];
    }
    tell_lie(w, in, n);
    return n;
}

unsigned seen; // Visible from outside, so that no read is left out.

// Every value is read, as a consumer of the batch would.
static void look_at(const struct dsi_column *c, int64_t row)
{
    if (dsi_column_is_null(c, row)) {
        return;
    }
    if (dsi_layout_of(&c->field->type) == DSI_LAYOUT_NESTED) {
        bool list = dsi_layout_has_offsets(&c->field->type);
        int64_t first = list ? dsi_column_offset(c, row) : c->offset + row;
        int64_t end = list ? dsi_column_offset(c, row + 1) : first + 1;
        for (size_t k = 0; k < c->child_count; k++) {
            for (int64_t i = first; i < end; i++) {
                look_at(&c->children[k], i);
            }
        }
        return;
    }
    struct dsi_value v;
    dsi_column_value(c, row, &v);
    size_t size = v.null || v.kind < DSI_TYPE_STRING ? 0 : v.as.bytes.size;
    for (size_t k = 0; k < size; k++) {
        seen += v.as.bytes.data[k];
    }
}

static void look(const struct dsi_batch *b)
{
    for (size_t c = 0; c < b->column_count; c++) {
        for (int64_t i = 0; i < b->rows; i++) {
            look_at(&b->columns[c], i);
        }
    }
}

// What we made of it is what we ourselves take.
static void there_and_back(struct dsi_batch *b, unsigned how)
{
    const struct dsi_schema *target = b->schema;
    struct dsi_arrow_form form = {.views = how & 1, .dictionaries = how & 2};
    struct dsi_arrow_import *im = NULL;
    struct ArrowSchema schema;
    struct ArrowArray array;
    struct dsi_batch back = {0};
    struct ds_error err = {0};

    if (dsi_arrow_schema_write_as(target, &form, &schema, &err) < 0 ||
        dsi_arrow_export_batch_as(b, &form, &array, &err) < 0 ||
        dsi_arrow_import_new(&schema, target, &im, &err) < 0 ||
        dsi_arrow_import_batch(im, &array, 0, &back, &err) < 0) {
        abort();
    }
    look(&back);
    dsi_batch_release(&back);
    dsi_arrow_import_free(im);
    schema.release(&schema);
}

static void import(struct world *w, struct ArrowSchema *schema, struct ArrowArray *array,
                   unsigned how)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_arrow_import *im = NULL;
    struct dsi_schema target;
    struct dsi_batch b = {0};
    struct ds_error err = {0};

    if (dsi_arrow_schema_read(schema, &arena, &target, &err) == DS_OK &&
        dsi_arrow_import_new(schema, &target, &im, &err) == DS_OK) {
        if (dsi_arrow_import_batch(im, array, 0, &b, &err) == DS_OK) {
            look(&b);
            there_and_back(&b, how);
        } else if (err.message[0] == '\0') {
            abort(); // A failure without words.
        }
        dsi_batch_release(&b);
        if (array->release || w->released != 1) {
            abort(); // Taken, and released exactly once.
        }
    }
    dsi_arrow_import_free(im);
    dsi_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w; // Large for a stack.
    struct input in = {data, size};
    const void *no_validity[1] = {NULL};

    memset(&w, 0, sizeof w);
    size_t n = make_node(&w, &in, 0);
    struct ArrowSchema *schemas[] = {&w.schemas[n]};
    struct ArrowArray *arrays[] = {&w.arrays[n]};
    struct ArrowSchema schema = {
        .format = "+s", .n_children = 1, .children = schemas, .release = release_schema};
    struct ArrowArray array = {.length = w.arrays[n].length > 3 && take(&in) == 1
                                             ? w.arrays[n].length - 3
                                             : w.arrays[n].length,
                               .offset = take(&in) % 4,
                               .null_count = -1,
                               .n_buffers = 1,
                               .buffers = no_validity,
                               .n_children = 1,
                               .children = arrays,
                               .release = release_array,
                               .private_data = &w.released};
    import(&w, &schema, &array, take(&in));
    for (size_t i = 0; i < w.memory_count; i++) {
        dsi_free(w.memory[i]);
    }
    return 0;
}
