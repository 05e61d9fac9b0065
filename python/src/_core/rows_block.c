#include "rows_block.h"

#include <stdlib.h>

#include "rows_grow.h"
#include "rows_moment.h"

enum {
    BLOCK_ROWS = 64, // As many as a mask has bits.
    COLUMNS_MAX = 1024,
    TEXT_MAX = 1 << 20,       // Who has longer ones looks at each row how much it is.
    BULK_MAX = 64 * TEXT_MAX, // Of one call, and a block.
    WAIT_MAX = 4096,
    DICTS_AHEAD = 32, // So many rows before a dict is looked at, and …
    KEYS_AHEAD = 16,  // … where it has its members, these are fetched.
    RING = 2 * DICTS_AHEAD,
};

// Without the interpreter's lock others may drop what is looked at.
#ifdef Py_GIL_DISABLED
static const bool borrowed_stays = false;
#else
static const bool borrowed_stays = true;
#endif

// Where a column was when a block began.
struct mark {
    int64_t nulls;
    int64_t validity; // -1: there was none.
    int64_t offsets;
    int64_t data;
};

struct rows_block {
    struct rows_column *root;
    struct rows_moment moment;
    bool moments;    // Whether datetimes can be read.
    bool slow;       // Whether there are slow columns.
    bool keys_known; // Where a dict says where its members are.
    int64_t skip;    // So many rows are taken one by one, …
    int64_t wait;    // … and so many the next time.
    struct mark *marks;
    PyObject **values; // Column by column, BLOCK_ROWS of each; borrowed.
    PyObject *ring[RING];
};

// Whether a column's values may run foreign code.
static bool is_slow(const struct rows_block *b, const struct rows_column *c)
{
    return c->quick == ROWS_QUICK_NONE || (c->quick == ROWS_QUICK_MOMENT && !b->moments);
}

// What has elements, or is as long as it likes, could be too much for a batch.
static bool has_blocks(const struct rows_column *root)
{
    for (int64_t i = 0; i < root->n_children; i++) {
        const struct rows_column *c = root->children[i];
        if (c->quick == ROWS_QUICK_NONE && (c->n_children > 0 || c->type.width == 0)) {
            return false;
        }
    }
    return root->n_children > 0 && root->n_children <= COLUMNS_MAX;
}

// Whether a dict is memory that reaches as far as fetch_members looks.
static bool reaches_keys(void)
{
    PyObject *basic = PyObject_GetAttrString((PyObject *)&PyDict_Type, "__basicsize__");
    long size = basic ? PyLong_AsLong(basic) : -1;

    Py_XDECREF(basic);
    PyErr_Clear();
    return size >= (long)(5 * sizeof(void *));
}

struct rows_block *rows_block_new(const struct rows_py *py, struct rows_column *root,
                                  PyObject *rows)
{
    struct rows_block *b = NULL;

    if (!borrowed_stays || !PyList_CheckExact(rows) || PyList_Size(rows) < BLOCK_ROWS ||
        !has_blocks(root) || !(b = calloc(1, sizeof *b))) {
        return NULL;
    }
    b->root = root;
    b->moments = rows_moment_begin(py, &b->moment);
    b->keys_known = b->moments && reaches_keys(); // CPython.
    for (int64_t i = 0; i < root->n_children; i++) {
        b->slow = b->slow || is_slow(b, root->children[i]);
    }
    b->wait = 1;
    b->marks = calloc((size_t)root->n_children, sizeof *b->marks);
    b->values = calloc((size_t)root->n_children * BLOCK_ROWS, sizeof(PyObject *));
    if (!b->marks || !b->values) {
        rows_block_free(b);
        return NULL;
    }
    return b;
}

void rows_block_free(struct rows_block *b)
{
    if (b) {
        free(b->marks);
        free(b->values);
        free(b);
    }
}

static void set_marks(struct rows_block *b)
{
    for (int64_t i = 0; i < b->root->n_children; i++) {
        const struct rows_column *c = b->root->children[i];
        b->marks[i] = (struct mark){.nulls = c->nulls,
                                    .validity = c->validity.data ? c->validity.used : -1,
                                    .offsets = c->offsets.used,
                                    .data = c->data.used};
    }
}

static void go_back(struct rows_block *b)
{
    for (int64_t i = 0; i < b->root->n_children; i++) {
        struct rows_column *c = b->root->children[i];
        const struct mark *m = &b->marks[i];
        c->length = b->root->length;
        c->nulls = m->nulls;
        c->offsets.used = m->offsets;
        c->data.used = m->data;
        if (m->validity >= 0) {
            c->validity.used = m->validity;
        } else if (c->validity.data) {
            free(rows_buffer_take(&c->validity));
        }
    }
}

static inline bool is_none(const PyObject *value)
{
    return !value || value == Py_None;
}

// The functions that follow take the values of one column: 1, or 0 where one asks for
// more, or -1. *nulls gets a bit for each that is not there.

static int take_bools(struct rows_column *c, PyObject **values, int64_t n,
                      uint64_t *nulls)
{
    for (int64_t i = 0; i < n; i++) {
        if (is_none(values[i])) {
            *nulls |= (uint64_t)1 << i;
        } else if (!PyBool_Check(values[i])) {
            return 0;
        }
        if (rows_add_bit(&c->data, c->length + i, values[i] == Py_True) < 0) {
            return -1;
        }
    }
    return 1;
}

// What eight bytes hold: an int, the bytes of a float, or microseconds.
static inline bool read_word(struct rows_moment *moment, enum rows_quick quick,
                             PyObject *value, int64_t *out)
{
    int overflow = 0;
    double d = 0;

    switch (quick) {
    case ROWS_QUICK_INT64:
        if (!PyLong_CheckExact(value)) {
            return false;
        }
        *out = PyLong_AsLongLongAndOverflow(value, &overflow);
        return overflow == 0;
    case ROWS_QUICK_FLOAT64:
        if (!PyFloat_CheckExact(value)) {
            return false;
        }
        d = PyFloat_AsDouble(value);
        memcpy(out, &d, sizeof d);
        return true;
    default:
        return rows_moment_take(moment, value, out);
    }
}

// `quick` is a constant wherever this is called: a loop for each.
static inline int take_words(struct rows_moment *moment, enum rows_quick quick,
                             struct rows_column *c, PyObject **values, int64_t n,
                             uint64_t *nulls)
{
    unsigned char *out = NULL;

    if (rows_buffer_reserve(&c->data, n * 8) < 0) {
        return -1;
    }
    out = c->data.data + c->data.used;
    for (int64_t i = 0; i < n; i++) {
        int64_t word = 0;
        if (is_none(values[i])) {
            *nulls |= (uint64_t)1 << i;
        } else if (!read_word(moment, quick, values[i], &word)) {
            return 0;
        }
        memcpy(out + i * 8, &word, 8);
    }
    c->data.used += n * 8;
    return 1;
}

// So many copies of a text, for which there is room.
static inline void put_text(struct rows_buffer *b, const char *text, int64_t size,
                            int64_t copies)
{
    unsigned char *to = b->data + b->used;
    int64_t all = size * copies;
    int64_t done = size;

    if (size >= 16) { // Most texts are short: quicker than a call.
        for (int64_t i = 0; i < size - 16; i += 16) {
            memcpy(to + i, text + i, 16);
        }
        memcpy(to + size - 16, text + size - 16, 16);
    } else if (size > 0) {
        memcpy(to, text, (size_t)size);
    }
    while (done < all) {
        int64_t more = done < all - done ? done : all - done;
        memcpy(to + done, to, (size_t)more);
        done += more;
    }
    b->used += all;
}

// The ends of so many texts of one size behind `end`; there is room.
static inline void put_ends(struct rows_column *c, int64_t end, int64_t size,
                            int64_t copies)
{
    unsigned char *to = c->offsets.data + c->offsets.used;
    int64_t width = c->type.offsets == ROWS_OFFSETS_64 ? 8 : 4;

    for (int64_t i = 0; i < copies; i++) {
        end += size;
        if (width == 8) {
            memcpy(to + i * 8, &end, 8);
        } else {
            int32_t narrow = (int32_t)end;
            memcpy(to + i * 4, &narrow, 4);
        }
    }
    c->offsets.used += copies * width;
}

// The very same text often comes again and again.
static int64_t count_same(PyObject **values, int64_t n)
{
    int64_t same = 1;

    while (same < n && values[same] == values[0]) {
        same++;
    }
    return same;
}

static int take_texts(struct rows_context *context, struct rows_column *c,
                      PyObject **values, int64_t n, uint64_t *nulls)
{
    int64_t same = 0;

    if (c->data.used > INT32_MAX - (int64_t)BLOCK_ROWS * TEXT_MAX) {
        return 0;
    }
    if ((c->length == 0 && rows_add_offset(context, c, 0, 0) < 0) ||
        rows_buffer_reserve(&c->offsets, n * 8) < 0) {
        return -1;
    }
    for (int64_t i = 0; i < n; i += same) {
        const char *text = "";
        Py_ssize_t size = 0;
        same = count_same(values + i, n - i);
        if (is_none(values[i])) {
            *nulls |= (~(uint64_t)0 >> (BLOCK_ROWS - same)) << i;
        } else if (!PyUnicode_CheckExact(values[i]) ||
                   !(text = PyUnicode_AsUTF8AndSize(values[i], &size)) ||
                   size > TEXT_MAX) {
            PyErr_Clear();
            return 0;
        }
        if (c->data.room - c->data.used < size * same &&
            rows_buffer_reserve(&c->data, size * same) < 0) {
            return -1;
        }
        put_ends(c, c->data.used, size, same);
        put_text(&c->data, text, size, same);
        context->bulk += size * same;
    }
    return 1;
}

static int add_validity(struct rows_column *c, int64_t n, uint64_t nulls)
{
    if (nulls == 0 && !c->validity.data) {
        c->length += n;
        return 1;
    }
    for (int64_t i = 0; i < n; i++) {
        if (rows_count(c, (nulls >> i & 1) == 0) < 0) {
            return -1;
        }
    }
    return 1;
}

static int take_column(struct rows_block *b, struct rows_context *context,
                       struct rows_column *c, PyObject **values, int64_t n)
{
    uint64_t nulls = 0;
    int rc = 0;

    switch (c->quick) {
    case ROWS_QUICK_BOOL:
        rc = take_bools(c, values, n, &nulls);
        break;
    case ROWS_QUICK_INT64:
        rc = take_words(&b->moment, ROWS_QUICK_INT64, c, values, n, &nulls);
        break;
    case ROWS_QUICK_FLOAT64:
        rc = take_words(&b->moment, ROWS_QUICK_FLOAT64, c, values, n, &nulls);
        break;
    case ROWS_QUICK_MOMENT:
        rc = take_words(&b->moment, ROWS_QUICK_MOMENT, c, values, n, &nulls);
        break;
    default:
        rc = take_texts(context, c, values, n, &nulls);
        break;
    }
    if (rc > 0 && nulls != 0 && c->required) {
        return 0; // Which row lacks it is said when they come one by one.
    }
    return rc > 0 ? add_validity(c, n, nulls) : rc;
}

// Takes or gives back a reference to each of the slow columns' values.
static void hold(const struct rows_block *b, int64_t n, bool on)
{
    for (int64_t k = 0; k < b->root->n_children; k++) {
        PyObject **values = b->values + k * BLOCK_ROWS;
        bool slow = is_slow(b, b->root->children[k]);
        for (int64_t i = 0; slow && i < n; i++) {
            if (on) {
                Py_XINCREF(values[i]);
            } else {
                Py_XDECREF(values[i]);
            }
        }
    }
}

// The slow columns' values, row by row: the first one that does not fit is told of. They
// run foreign code, so they are the last: 1, or -1 with an exception.
static int take_slowly(struct rows_block *b, struct rows_context *context, int64_t n)
{
    const int64_t first = context->row;
    int rc = 0;

    hold(b, n, true);
    for (int64_t i = 0; rc == 0 && i < n; i++) {
        context->row = first + i;
        for (int64_t k = 0; rc == 0 && k < b->root->n_children; k++) {
            struct rows_column *c = b->root->children[k];
            PyObject *value = b->values[k * BLOCK_ROWS + i];
            if (is_slow(b, c)) {
                rc = rows_column_append(context, c, value ? value : Py_None);
            }
        }
    }
    hold(b, n, false);
    context->row = first;
    return rc < 0 ? -1 : 1;
}

// All or none of the rows that have been looked at.
static int take_columns(struct rows_block *b, struct rows_context *context, int64_t n)
{
    int64_t bulk = context->bulk;
    int rc = 1;

    set_marks(b);
    for (int64_t i = 0; rc > 0 && i < b->root->n_children; i++) {
        struct rows_column *c = b->root->children[i];
        rc =
            is_slow(b, c) ? 1 : take_column(b, context, c, b->values + i * BLOCK_ROWS, n);
    }
    rc = rc > 0 && b->slow ? take_slowly(b, context, n) : rc;
    if (rc > 0) {
        b->root->length += n;
    } else {
        go_back(b);
        context->bulk = bulk;
    }
    return rc;
}

// Asks for memory that is read soon. Any address will do.
static inline void fetch(const void *memory)
{
    __builtin_prefetch(memory);
}

// Of a dict, where CPython has said since 3.6 where the keys and values are. Were it
// something else, then something else would be fetched.
static inline void fetch_members(const struct rows_block *b, PyObject *row)
{
    const char *members = NULL;

    if (b->keys_known && PyDict_CheckExact(row)) {
        memcpy(&members, (const char *)row + 4 * sizeof(void *), sizeof members);
        fetch(members);
        fetch(members + 64);
        fetch(members + 120);
    }
}

// The values of rows that are like one another, from the first on: how many these are.
// The list has rows up to `end`.
static int64_t look_at(struct rows_block *b, PyObject *list, Py_ssize_t first, int64_t n,
                       Py_ssize_t end)
{
    const struct rows_column *root = b->root;

    for (int64_t i = 0; i < n; i++) {
        Py_ssize_t at = first + (Py_ssize_t)i;
        PyObject *row = b->ring[at & (RING - 1)];
        if (at + DICTS_AHEAD < end) {
            PyObject *later = PyList_GetItem(list, at + DICTS_AHEAD);
            b->ring[(at + DICTS_AHEAD) & (RING - 1)] = later;
            fetch(later);
            fetch((const char *)later + 40);
        }
        if (at + KEYS_AHEAD < end) {
            fetch_members(b, b->ring[(at + KEYS_AHEAD) & (RING - 1)]);
        }
        if (!PyDict_CheckExact(row) ||
            !rows_layout_match(&b->root->layout, row, b->values + i, BLOCK_ROWS)) {
            return i;
        }
        for (int64_t k = 0; k < root->n_children; k++) {
            const PyObject *value = b->values[k * BLOCK_ROWS + i];
            fetch(value);
            fetch((const char *)value + 64); // A text's.
        }
    }
    return n;
}

// Where blocks come to nothing, rows come one by one for a while, each time longer.
static int64_t judge(struct rows_block *b, int64_t done)
{
    if (done >= BLOCK_ROWS / 4) {
        b->wait = 1;
    } else {
        b->skip = b->wait;
        b->wait = b->wait < WAIT_MAX ? b->wait * 2 : WAIT_MAX;
    }
    return done;
}

int64_t rows_block_append(struct rows_block *b, struct rows_context *context,
                          PyObject *list, Py_ssize_t first, int64_t most)
{
    int64_t bulk = context->bulk;
    int64_t done = 0;
    Py_ssize_t end = 0;
    int rc = 1;

    if (!b || b->skip > 0) {
        if (b) {
            b->skip--;
        }
        return 0;
    }
    end = PyList_Size(list);
    most = most < end - first ? most : end - first;
    most = b->slow && most > BLOCK_ROWS ? BLOCK_ROWS : most; // Foreign code may run then.
    for (Py_ssize_t at = first; at < end && at < first + DICTS_AHEAD; at++) {
        b->ring[at & (RING - 1)] = PyList_GetItem(list, at);
    }
    while (rc > 0 && done < most && context->bulk - bulk < BULK_MAX) {
        int64_t n = most - done < BLOCK_ROWS ? most - done : BLOCK_ROWS;
        int64_t alike = look_at(b, list, first + (Py_ssize_t)done, n, end);
        rc = alike > 0 ? take_columns(b, context, alike) : 0;
        if (rc < 0) {
            return -1;
        }
        done += rc > 0 ? alike : 0;
        rc = alike < n ? 0 : rc;
    }
    return judge(b, done);
}
