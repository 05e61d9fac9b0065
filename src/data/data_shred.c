#include "data/data_shred.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/int128.h"
#include "data/column_layout.h"

enum { FILL = 16 }; // Levels written at once.

// Rows of a column that follow each other.
struct run {
    int64_t first;
    int64_t count;
};

// What a node of the schema is given, and gives to its children.
struct shape {
    size_t slots;
    const uint8_t *reps;    // NULL: each slot is a row.
    const uint8_t *defs;    // NULL: all of them are `def`.
    uint8_t def;            // Of slots in which there is a value, or an entry.
    uint8_t element_def;    // From here on, a slot has an element, …
    const struct run *runs; // … all of which are these rows of the column …
    size_t run_count;
    int64_t base; // … when this has been added.
};

// Memory of a node, from call to call.
struct work {
    struct dsi_buf defs;
    struct dsi_buf reps;
    struct dsi_buf entry_defs;
    struct dsi_buf runs;
    struct dsi_buf values;
    struct dsi_buf bytes;
};

struct dsi_shred {
    const struct dsi_stored *stored;
    struct work *work; // One per node.
    struct dsi_parquet_input *inputs;
    int64_t first_row; // Of the call at hand.
};

// The elements' rows, one by one.
struct cursor {
    const struct run *run;
    int64_t base;
    int64_t taken; // Of the run.
};

static int64_t next_row(struct cursor *c)
{
    while (c->taken == c->run->count) {
        c->run++;
        c->taken = 0;
    }
    return c->base + c->run->first + c->taken++;
}

static struct cursor elements_of(const struct shape *in)
{
    return (struct cursor){in->runs, in->base, 0};
}

static uint8_t def_of(const struct shape *in, size_t slot)
{
    return in->defs ? in->defs[slot] : in->def;
}

static bool has_nulls(const struct dsi_column *c)
{
    return c->validity && c->null_count != 0;
}

static int refuse_null(const struct dsi_shred *s, const struct dsi_stored_node *n,
                       const struct shape *in, size_t slot, struct ds_error *err)
{
    int64_t row = s->first_row;

    for (size_t i = 1; i <= slot; i++) {
        row += !in->reps || in->reps[i] == 0;
    }
    return dsi_fail(err, DS_EINVALID,
                    "column %s: a null in row %lld of the batch, where a value is "
                    "required",
                    n->name, (long long)row);
}

static int check_required(const struct dsi_shred *s, const struct dsi_stored_node *n,
                          const struct shape *in, const struct dsi_column *c,
                          struct ds_error *err)
{
    struct cursor at = elements_of(in);

    for (size_t i = 0; i < in->slots; i++) {
        uint8_t def = def_of(in, i);
        if (def >= in->element_def) {
            int64_t row = next_row(&at);
            if (def == in->def && !dsi_bit_get(c->validity, c->offset + row)) { // (2)
                return refuse_null(s, n, in, i, err);
            }
        }
    }
    return DS_OK;
}

// Levels go up by one where a bit is set; the elements are one run of rows. What is
// written are bytes, which could be anything: the loop's own things are copied first.
static void raise_run(const struct shape *in, const struct dsi_column *c, uint8_t *out)
{
    const uint8_t *defs = in->defs;
    const uint8_t *validity = c->validity;
    const uint8_t present = in->def;
    const uint8_t element_def = in->element_def;
    const size_t slots = in->slots;
    const int64_t first = c->offset + in->base + in->runs[0].first;
    int64_t at = first;

    for (size_t i = 0; i < slots; i++) {
        uint8_t def = defs ? defs[i] : present;
        bool element = def >= element_def;
        // Without an element, any bit that is there will do.
        bool set = dsi_bit_get(validity, element ? at : first);
        out[i] = (uint8_t)(def + ((def == present) & set));
        at += element;
    }
}

static void raise_all(const struct shape *in, uint8_t *out)
{
    const uint8_t *defs = in->defs;
    const uint8_t present = in->def;
    const size_t slots = in->slots;

    for (size_t i = 0; i < slots; i++) {
        out[i] = (uint8_t)(defs[i] + (defs[i] == present));
    }
}

// The levels once a node's own nulls are known: those with a value go up by one.
static int apply_nulls(struct dsi_shred *s, const struct dsi_stored_node *n,
                       const struct dsi_column *c, struct shape *io, struct ds_error *err)
{
    struct dsi_buf *defs = &s->work[n->index].defs;
    struct cursor at = elements_of(io);
    int rc = DS_OK;

    if (n->required) {
        return has_nulls(c) ? check_required(s, n, io, c, err) : DS_OK;
    }
    assert(n->def == io->def + 1);
    if (!io->defs && !has_nulls(c)) {
        io->def = n->def;
        return DS_OK;
    }
    defs->size = 0;
    DSI_TRY(dsi_buf_reserve(defs, io->slots + 1, err));
    if (!has_nulls(c)) {
        raise_all(io, defs->data);
    } else if (io->run_count == 1 && io->runs[0].count > 0) {
        raise_run(io, c, defs->data);
    } else {
        for (size_t i = 0; i < io->slots; i++) {
            uint8_t def = def_of(io, i);
            if (def >= io->element_def) {
                int64_t row = next_row(&at);
                def = (uint8_t)(def + (def == io->def &&
                                       dsi_bit_get(c->validity, c->offset + row)));
            }
            defs->data[i] = def;
        }
    }
    io->defs = defs->data;
    io->def = n->def;
done:
    return rc;
}

static int64_t offset_at(const struct dsi_column *c, int64_t row)
{
    return c->offsets ? c->offsets[c->offset + row] : c->offsets64[c->offset + row];
}

// Takes rows into the run at hand, or ends that and begins another.
static inline int add_run(struct dsi_buf *runs, struct run *at_hand, int64_t first,
                          int64_t count, struct ds_error *err)
{
    int rc = DS_OK;

    if (at_hand->first + at_hand->count == first) {
        at_hand->count += count;
        return DS_OK;
    }
    if (at_hand->count > 0) {
        DSI_TRY(dsi_buf_append(runs, at_hand, sizeof *at_hand, err));
    }
    *at_hand = (struct run){first, count};
done:
    return rc;
}

// How many entries the rows have at most: what null lists cover is counted too.
static size_t entries_max(const struct shape *in, const struct dsi_column *c)
{
    size_t count = 0;

    for (size_t i = 0; i < in->run_count; i++) {
        int64_t first = in->base + in->runs[i].first;
        count += (size_t)(offset_at(c, first + in->runs[i].count) - offset_at(c, first));
    }
    return count;
}

// Most lists are short: bytes beyond them may be written, and a call is spared.
static void fill(uint8_t *to, uint8_t level, size_t count)
{
    memset(to, level, FILL);
    if (count > FILL) {
        memset(to + FILL, level, count - FILL);
    }
}

// The slots of a list's or map's entries, from those of the lists.
static int apply_offsets(struct dsi_shred *s, const struct dsi_stored_node *n,
                         const struct dsi_column *c, struct shape *io,
                         struct ds_error *err)
{
    struct work *w = &s->work[n->index];
    // There are levels even if there is none, and room to write a few too many.
    size_t max = io->slots + entries_max(io, c) + FILL;
    const struct shape in = *io;
    const uint8_t rep = n->rep;
    struct cursor at = elements_of(&in);
    struct run entries = {0, 0};
    uint8_t *reps = NULL;
    uint8_t *defs = NULL;
    size_t slots = 0;
    int rc = DS_OK;

    w->reps.size = 0;
    w->entry_defs.size = 0;
    w->runs.size = 0;
    DSI_TRY(dsi_buf_reserve(&w->reps, max, err));
    DSI_TRY(dsi_buf_reserve(&w->entry_defs, max, err));
    reps = w->reps.data;
    defs = w->entry_defs.data;
    for (size_t i = 0; i < in.slots; i++) {
        uint8_t def = in.defs ? in.defs[i] : in.def;
        int64_t row = def >= in.element_def ? next_row(&at) : 0;
        reps[slots] = in.reps ? in.reps[i] : 0;
        defs[slots] = def;
        slots++;
        int64_t start = def == in.def ? offset_at(c, row) : 0;
        int64_t count = def == in.def ? offset_at(c, row + 1) - start : 0;
        if (count > 0) {
            size_t more = (size_t)count - 1;
            defs[slots - 1] = (uint8_t)(def + 1);
            fill(reps + slots, rep, more);
            fill(defs + slots, (uint8_t)(def + 1), more);
            slots += more;
            DSI_TRY(add_run(&w->runs, &entries, start, count, err));
        }
    }
    if (entries.count > 0) {
        DSI_TRY(dsi_buf_append(&w->runs, &entries, sizeof entries, err));
    }
    assert(slots + FILL <= max);
    *io = (struct shape){.slots = slots,
                         .reps = reps,
                         .defs = defs,
                         .def = (uint8_t)(in.def + 1),
                         .element_def = (uint8_t)(in.def + 1),
                         .runs = (const struct run *)(const void *)w->runs.data,
                         .run_count = w->runs.size / sizeof(struct run)};
done:
    return rc;
}

// A decimal as the file stores it.
static void store_decimal(dsi_int128 v, const struct dsi_parquet_field *f, uint8_t *out)
{
    if (f->physical == DSI_PARQUET_INT32) {
        int32_t n = (int32_t)v;
        memcpy(out, &n, sizeof n);
    } else if (f->physical == DSI_PARQUET_INT64) {
        int64_t n = (int64_t)v;
        memcpy(out, &n, sizeof n);
    } else {
        for (int32_t i = f->type_length; i-- > 0; v >>= 8) {
            out[i] = (uint8_t)(v & 0xff);
        }
    }
}

static int copy_decimals(struct dsi_buf *to, const struct dsi_parquet_field *f,
                         const struct dsi_column *c, struct run run, struct ds_error *err)
{
    size_t width = dsi_parquet_width(f);
    const uint8_t *from = (const uint8_t *)c->values + (size_t)run.first * 16;
    int rc = DS_OK;

    DSI_TRY(dsi_buf_reserve(to, (size_t)run.count * width, err));
    for (int64_t i = 0; i < run.count; i++) {
        dsi_int128 v = 0;
        if (!c->validity || dsi_bit_get(c->validity, run.first + i)) {
            memcpy(&v, from + (size_t)i * 16, 16);
        }
        store_decimal(v, f, to->data + to->size);
        to->size += width;
    }
done:
    return rc;
}

static int copy_text(struct work *w, const struct dsi_column *c, struct run run,
                     struct ds_error *err)
{
    int64_t zero = 0;
    int rc = DS_OK;

    if (w->values.size == 0) {
        DSI_TRY(dsi_buf_append(&w->values, &zero, sizeof zero, err));
    }
    for (int64_t i = run.first; i < run.first + run.count; i++) {
        int64_t start = c->offsets ? c->offsets[i] : c->offsets64[i];
        int64_t end = c->offsets ? c->offsets[i + 1] : c->offsets64[i + 1];
        const uint8_t *bytes = c->values;
        if (end > start && (!c->validity || dsi_bit_get(c->validity, i))) {
            DSI_TRY(dsi_buf_append(&w->bytes, bytes + start, (size_t)(end - start), err));
        }
        int64_t size = (int64_t)w->bytes.size;
        DSI_TRY(dsi_buf_append(&w->values, &size, sizeof size, err));
    }
done:
    return rc;
}

static int copy_bits(struct dsi_buf *to, size_t *count, const struct dsi_column *c,
                     struct run run, struct ds_error *err)
{
    size_t total = *count + (size_t)run.count;
    int rc = DS_OK;

    DSI_TRY(dsi_buf_append_zero(to, (total + 7) / 8 - to->size, err));
    for (int64_t i = run.first; i < run.first + run.count; i++, ++*count) {
        if (dsi_bit_get(c->values, i)) {
            dsi_bit_set(to->data, (int64_t)*count);
        }
    }
done:
    return rc;
}

// Puts elements that do not follow each other, and decimals, in a row.
static int gather(struct work *w, const struct dsi_stored_node *n,
                  const struct dsi_column *c, const struct shape *in,
                  struct dsi_parquet_input *out, struct ds_error *err)
{
    enum dsi_parquet_physical physical = n->stored->physical;
    bool decimal = n->stored->logical.kind == DSI_PARQUET_LOGICAL_DECIMAL;
    size_t width = dsi_parquet_width(n->stored);
    size_t bits = 0;
    int rc = DS_OK;

    w->values.size = 0;
    w->bytes.size = 0;
    for (size_t i = 0; i < in->run_count; i++) {
        struct run run = {c->offset + in->base + in->runs[i].first, in->runs[i].count};
        if (decimal) {
            DSI_TRY(copy_decimals(&w->values, n->stored, c, run, err));
        } else if (physical == DSI_PARQUET_BYTE_ARRAY) {
            DSI_TRY(copy_text(w, c, run, err));
        } else if (physical == DSI_PARQUET_BOOLEAN) {
            DSI_TRY(copy_bits(&w->values, &bits, c, run, err));
        } else {
            const uint8_t *from = (const uint8_t *)c->values + (size_t)run.first * width;
            DSI_TRY(dsi_buf_append(&w->values, from, (size_t)run.count * width, err));
        }
    }
    out->values = w->values.data;
    if (physical == DSI_PARQUET_BYTE_ARRAY) {
        *out = (struct dsi_parquet_input){
            .offsets = w->values.data, .wide_offsets = true, .bytes = w->bytes.data};
    }
done:
    return rc;
}

// Decimals are 16 bytes here and fewer in the file: their validity is copied too, since
// one offset counts for both.
static int copy_validity(struct work *w, const struct dsi_column *c, int64_t first,
                         int64_t count, struct dsi_parquet_input *out,
                         struct ds_error *err)
{
    int rc = DS_OK;

    w->bytes.size = 0;
    DSI_TRY(dsi_buf_reserve(&w->bytes, dsi_bits_size(count), err));
    dsi_bits_copy(w->bytes.data, c->validity, first, count);
    out->validity = w->bytes.data;
done:
    return rc;
}

static int shred_leaf(struct dsi_shred *s, const struct dsi_stored_node *n,
                      const struct dsi_column *c, struct shape in, struct ds_error *err)
{
    struct work *w = &s->work[n->index];
    struct dsi_parquet_input *out = &s->inputs[n->leaf];
    bool decimal = n->stored->logical.kind == DSI_PARQUET_LOGICAL_DECIMAL;
    int64_t first = in.run_count > 0 ? c->offset + in.base + in.runs[0].first : 0;
    bool flat = !in.reps && !in.defs; // Then validity says all that levels could.
    int rc = DS_OK;

    if (!flat) {
        DSI_TRY(apply_nulls(s, n, c, &in, err));
    }
    *out = (struct dsi_parquet_input){.offset = (size_t)first};
    if (decimal || in.run_count > 1) {
        *out = (struct dsi_parquet_input){0};
        DSI_TRY(gather(w, n, c, &in, out, err));
    } else if (n->stored->physical == DSI_PARQUET_BYTE_ARRAY) {
        out->bytes = c->values;
        out->wide_offsets = c->offsets64 != NULL;
        out->offsets = c->offsets ? (const void *)c->offsets : c->offsets64;
    } else {
        out->values = c->values;
    }
    if (flat && has_nulls(c) && decimal) {
        DSI_TRY(copy_validity(w, c, first, (int64_t)in.slots, out, err));
    } else if (flat && has_nulls(c)) {
        out->validity = c->validity;
    } else if (!flat) {
        assert(in.defs);
        out->defs = in.defs;
        out->reps = in.reps;
        out->slots = in.slots;
    }
done:
    return rc;
}

// Recursion ends where the schema does, of which the codec has checked the depth.
static int shred_node(struct dsi_shred *s, const struct dsi_stored_node *n,
                      const struct dsi_column *c, struct shape in, struct ds_error *err)
{
    int rc = DS_OK;

    if (n->kind == DSI_STORED_LEAF) {
        return shred_leaf(s, n, c, in, err);
    }
    DSI_TRY(apply_nulls(s, n, c, &in, err));
    if (n->kind == DSI_STORED_LIST) {
        DSI_TRY(apply_offsets(s, n, c, &in, err));
    } else {
        in.base += c->offset;
    }
    for (size_t i = 0; i < n->child_count; i++) {
        const struct dsi_stored_node *child = &n->children[i];
        if (child->column >= c->child_count) {
            return dsi_fail(err, DS_EINVALID,
                            "column %s: %zu children in a batch, expected %zu or more",
                            n->name, c->child_count, child->column + 1);
        }
        DSI_TRY(shred_node(s, child, &c->children[child->column], in, err));
    }
done:
    return rc;
}

int dsi_shred_rows(struct dsi_shred *s, const struct dsi_batch *b, int64_t first,
                   int64_t count, const struct dsi_parquet_input **out,
                   struct ds_error *err)
{
    const struct run all = {first, count};
    const struct shape rows = {.slots = (size_t)count, .runs = &all, .run_count = 1};
    int rc = DS_OK;

    assert(first >= 0 && count >= 0 && count <= b->rows - first);
    s->first_row = first;
    for (size_t i = 0; i < s->stored->root_count; i++) {
        const struct dsi_stored_node *n = &s->stored->roots[i];
        assert(n->column < b->column_count);
        DSI_TRY(shred_node(s, n, &b->columns[n->column], rows, err));
    }
    *out = s->inputs;
done:
    return rc;
}

void dsi_shred_free(struct dsi_shred *s)
{
    if (!s) {
        return;
    }
    for (size_t i = 0; s->work && i < s->stored->node_count; i++) {
        dsi_buf_release(&s->work[i].defs);
        dsi_buf_release(&s->work[i].reps);
        dsi_buf_release(&s->work[i].entry_defs);
        dsi_buf_release(&s->work[i].runs);
        dsi_buf_release(&s->work[i].values);
        dsi_buf_release(&s->work[i].bytes);
    }
    dsi_free(s->work);
    dsi_free(s->inputs);
    dsi_free(s);
}

int dsi_shred_new(const struct dsi_stored *stored, struct dsi_shred **out,
                  struct ds_error *err)
{
    struct dsi_shred *s = dsi_calloc(1, sizeof *s);

    *out = NULL;
    if (s) {
        s->stored = stored;
        s->work = dsi_calloc(stored->node_count + 1, sizeof *s->work);
        s->inputs = dsi_calloc(stored->leaf_count + 1, sizeof *s->inputs);
    }
    if (!s || !s->work || !s->inputs) {
        dsi_shred_free(s);
        return dsi_no_memory(err, "shredding rows");
    }
    *out = s;
    return DS_OK;
}
