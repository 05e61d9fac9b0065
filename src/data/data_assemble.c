#include "data/data_assemble.h"

#include <assert.h>

#include "base/error.h"
#include "codec/kernel/kernel.h"
#include "data/column_layout.h"
#include "data/data_column.h"
#include "data/data_variant.h"

struct assembling {
    const struct dsi_data_leaf *leaves;
    struct dsi_parquet_column *columns; // One for each of them.
    int64_t row_base;
    struct dsi_batch *b;
    struct ds_error *err;
};

// The levels of a leaf.
struct levels {
    const uint8_t *reps; // NULL: nothing repeats.
    const uint8_t *defs;
    size_t slots;
    int32_t max_rep;
};

enum { BLOCK = 4096 }; // Slots that are looked at together.

static int assemble(const struct assembling *a, const struct dsi_data_origin *o,
                    int64_t count, struct dsi_column *out);

static struct levels levels_of(const struct assembling *a, size_t leaf)
{
    const struct dsi_parquet_column *c = &a->columns[leaf];
    bool repeats = a->leaves[leaf].node->max_rep > 0;

    assert(c->defs.size == c->slots);
    assert(!repeats || c->reps.size == c->slots);
    return (struct levels){repeats ? c->reps.data : NULL, c->defs.data, c->slots,
                           a->leaves[leaf].node->max_rep};
}

// The row, from 0, that slot `at` belongs to.
static int64_t row_of(const struct levels *l, size_t at)
{
    int64_t row = -1;

    for (size_t i = 0; l->reps && i <= at; i++) {
        row += l->reps[i] == 0;
    }
    return l->reps ? row : (int64_t)at;
}

static int wrong(const struct assembling *a, const struct dsi_data_origin *o, int64_t row,
                 const char *what)
{
    char path[256];

    dsi_data_column_name(o->node, o->field, path, sizeof path);
    return dsi_corrupt(a->err, "column %s, row %lld: %s", path,
                       (long long)a->row_base + row, what);
}

// How many slots are instances at these levels. Counts are narrow: a vector has many.
static int64_t count_instances(const struct levels *l, int32_t rep, int32_t def)
{
    const uint8_t most = (uint8_t)rep;
    const uint8_t least = (uint8_t)def;
    int64_t total = 0;

    for (size_t at = 0; at < l->slots; at += BLOCK) {
        size_t count = l->slots - at < BLOCK ? l->slots - at : BLOCK;
        const uint8_t *defs = l->defs + at;
        uint16_t n = 0;
        for (size_t i = 0; !l->reps && i < count; i++) {
            n = (uint16_t)(n + (defs[i] >= least));
        }
        for (size_t i = 0; l->reps && i < count; i++) {
            n = (uint16_t)(n + ((l->reps[at + i] <= most) & (defs[i] >= least)));
        }
        total += n;
    }
    return total;
}

// Sets the bits of the instances that are not null. How many are.
static int64_t set_valid(const struct levels *l, const struct dsi_data_shape *s,
                         uint8_t *bits)
{
    const uint8_t least = (uint8_t)(s->null_def + 1);
    const uint8_t most = (uint8_t)s->rep;
    const uint8_t here = (uint8_t)s->instance_def;
    uint8_t valid[2 * BLOCK]; // One for each instance.
    size_t total = 0;
    size_t n = 0;

    for (size_t at = 0; at < l->slots; at += BLOCK) {
        size_t count = l->slots - at < BLOCK ? l->slots - at : BLOCK;
        const uint8_t *defs = l->defs + at;
        for (size_t i = 0; !l->reps && i < count; i++) { // Every slot is an instance.
            valid[n + i] = defs[i] >= least;
        }
        n += l->reps ? 0 : count;
        for (size_t i = 0; l->reps && i < count; i++) {
            valid[n] = defs[i] >= least;
            n += (size_t)(l->reps[at + i] <= most) & (size_t)(defs[i] >= here);
        }
        if (n >= BLOCK) {
            total += dsi_kernels()->levels_bits(valid, BLOCK, 1, bits);
            bits += BLOCK / 8;
            n -= BLOCK;
            memcpy(valid, valid + BLOCK, n);
        }
    }
    return (int64_t)(total + dsi_kernels()->levels_bits(valid, n, 1, bits));
}

// A null where the table allows none: says in which row. Nulls of parents are none.
static int check_not_null(const struct assembling *a, const struct dsi_data_origin *o,
                          const struct levels *l)
{
    for (size_t i = 0; i < l->slots; i++) {
        bool here = !l->reps || l->reps[i] <= o->shape.rep;
        if (here && l->defs[i] == o->shape.null_def &&
            l->defs[i] >= o->shape.instance_def) {
            return wrong(a, o, row_of(l, i), "null in a required column");
        }
    }
    return DS_OK;
}

// Which of the `count` instances of a nested field are null.
static int make_validity(const struct assembling *a, const struct dsi_data_origin *o,
                         const struct levels *l, int64_t count, struct dsi_column *out)
{
    out->length = count;
    out->offset = 0;
    out->null_count = 0;
    out->validity = NULL;
    if (!o->shape.is_optional) {
        return DS_OK;
    }
    if (o->field->required) {
        return check_not_null(a, o, l);
    }
    uint8_t *bits = dsi_batch_calloc(a->b, dsi_bits_size(count) + 1);
    if (!bits) {
        return dsi_no_memory(a->err, "assembling a column");
    }
    out->null_count = count - set_valid(l, &o->shape, bits);
    out->validity = out->null_count > 0 ? bits : NULL;
    return DS_OK;
}

// Every leaf must tell of the same instances; those that repeat further are checked where
// they do.
static int check_count(const struct assembling *a, const struct dsi_data_origin *o,
                       int64_t is, int64_t count)
{
    if (is != count) {
        char path[256];
        dsi_data_column_name(o->node, o->field, path, sizeof path);
        return dsi_corrupt(a->err,
                           "column %s: %lld of it from row %lld on, where its parent has "
                           "%lld",
                           path, (long long)is, (long long)a->row_base, (long long)count);
    }
    return DS_OK;
}

static int assemble_struct(const struct assembling *a, const struct dsi_data_origin *o,
                           int64_t count, struct dsi_column *out)
{
    const struct levels l = levels_of(a, o->index);
    int rc = DS_OK;

    DSI_TRY(check_count(a, o, count_instances(&l, o->shape.rep, o->shape.instance_def),
                        count));
    DSI_TRY(make_validity(a, o, &l, count, out));
    for (size_t i = 0; i < o->child_count; i++) {
        DSI_TRY(assemble(a, &o->children[i], count, &out->children[i]));
    }
done:
    return rc;
}

// The next slot of a leaf, from `at` on, that repeats at most `rep`.
static size_t next_entry(const struct levels *l, size_t at, int32_t rep)
{
    while (at < l->slots && l->reps[at] > rep) {
        at++;
    }
    return at;
}

// The usual case, without a branch: two leaves that repeat no further.
static bool same_entries(const struct levels *l, const struct levels *other, uint8_t def)
{
    uint8_t differ = 0;

    if (l->max_rep != other->max_rep || l->slots != other->slots) {
        return false;
    }
    for (size_t i = 0; i < l->slots; i++) {
        uint8_t one = l->defs[i] < def ? l->defs[i] : def;
        uint8_t two = other->defs[i] < def ? other->defs[i] : def;
        differ |= (uint8_t)((l->reps[i] ^ other->reps[i]) | (one ^ two));
    }
    return differ == 0;
}

// Compares what two leaves say about the entries of a list: at which levels they repeat,
// and which are none.
static int check_entries(const struct assembling *a, const struct dsi_data_origin *o,
                         const struct levels *l, const struct levels *other)
{
    int32_t rep = o->shape.entries->max_rep;
    int32_t def = o->shape.entries->max_def;
    size_t i = next_entry(l, 0, rep);
    size_t k = next_entry(other, 0, rep);

    if (same_entries(l, other, (uint8_t)def)) {
        return DS_OK;
    }
    while (i < l->slots && k < other->slots) {
        int32_t one = l->defs[i] < def ? l->defs[i] : def;
        int32_t two = other->defs[k] < def ? other->defs[k] : def;
        if (l->reps[i] != other->reps[k] || one != two) {
            return wrong(a, o, row_of(l, i), "its leaves do not agree about its entries");
        }
        i = next_entry(l, i + 1, rep);
        k = next_entry(other, k + 1, rep);
    }
    if (i < l->slots || k < other->slots) {
        return wrong(a, o, i < l->slots ? row_of(l, i) : row_of(other, k),
                     "its leaves do not agree about its entries");
    }
    return DS_OK;
}

// Compares all leaves below a list with the one that was chosen for it.
static int check_leaves(const struct assembling *a, const struct dsi_data_origin *list,
                        const struct dsi_data_origin *below, const struct levels *l)
{
    int rc = DS_OK;

    for (size_t i = 0; i < below->child_count; i++) {
        const struct dsi_data_origin *c = &below->children[i];
        bool own = c->kind == DSI_ORIGIN_LEAF || c->has_own_levels;
        if (own && c->index != list->index) {
            const struct levels other = levels_of(a, c->index);
            DSI_TRY(check_entries(a, list, l, &other));
        }
        DSI_TRY(check_leaves(a, list, c, l));
    }
done:
    return rc;
}

// Offsets of the instances into their entries; `offsets` has room for one more than they.
static int64_t set_offsets(const struct levels *l, const struct dsi_data_shape *s,
                           int32_t *offsets)
{
    int32_t rep = s->entries->max_rep;
    int32_t def = s->entries->max_def;
    int32_t entries = 0;
    size_t n = 0;

    for (size_t i = 0; i < l->slots; i++) {
        offsets[n] = entries;
        n += (size_t)(l->reps[i] <= s->rep) & (size_t)(l->defs[i] >= s->instance_def);
        entries += (int32_t)(l->reps[i] <= rep) & (int32_t)(l->defs[i] >= def);
    }
    offsets[n] = entries;
    return entries;
}

static int assemble_entries(const struct assembling *a, const struct dsi_data_origin *o,
                            int64_t count, struct dsi_column *out)
{
    const struct levels l = levels_of(a, o->index);
    int32_t *offsets = NULL;
    int64_t entries = 0;
    int rc = DS_OK;

    assert(l.reps);
    DSI_TRY(check_count(a, o, count_instances(&l, o->shape.rep, o->shape.instance_def),
                        count));
    if (l.slots > INT32_MAX) {
        return wrong(a, o, 0, "more entries than 32-bit offsets can count");
    }
    DSI_TRY(check_leaves(a, o, o, &l));
    DSI_TRY(make_validity(a, o, &l, count, out));
    offsets = dsi_batch_malloc(a->b, ((size_t)count + 1) * sizeof *offsets);
    if (!offsets) {
        return dsi_no_memory(a->err, "assembling a column");
    }
    entries = set_offsets(&l, &o->shape, offsets);
    out->offsets = offsets;
    for (size_t i = 0; i < o->child_count; i++) {
        DSI_TRY(assemble(a, &o->children[i], entries, &out->children[i]));
    }
done:
    return rc;
}

// What is not null, and has nothing in it.
static int assemble_empty(const struct assembling *a, const struct dsi_data_origin *o,
                          int64_t count, struct dsi_column *out)
{
    int rc = DS_OK;

    DSI_TRY(dsi_column_make(a->b, out, count, 0, false, a->err));
    for (size_t i = 0; i < out->child_count; i++) {
        DSI_TRY(i < o->child_count
                    ? assemble(a, &o->children[i], count, &out->children[i])
                    : dsi_column_fill_null(a->b, 0, &out->children[i], a->err));
    }
done:
    return rc;
}

static int assemble_leaf(const struct assembling *a, const struct dsi_data_origin *o,
                         int64_t count, struct dsi_column *out)
{
    struct dsi_parquet_column *in = &a->columns[o->index];
    int rc = DS_OK;

    DSI_TRY(check_count(a, o, (int64_t)in->elements, count));
    DSI_TRY(dsi_data_column_move(o->leaf, in, a->row_base, a->b, out, a->err));
done:
    return rc;
}

// A column of a type that is nobody's field, with the children of its type.
static int make_scratch(const struct assembling *a, const struct dsi_field *f,
                        struct dsi_column *out)
{
    size_t count = 0;
    const struct dsi_field *fields = dsi_layout_children(&f->type, &count);
    int rc = DS_OK;

    *out = (struct dsi_column){.field = f, .child_count = count};
    out->children = dsi_arena_array(&a->b->arena, count, sizeof *out->children);
    if (!out->children) {
        return dsi_no_memory(a->err, "assembling a column");
    }
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(make_scratch(a, &fields[i], &out->children[i]));
    }
done:
    return rc;
}

static int assemble_shredded(const struct assembling *a, const struct dsi_data_origin *o,
                             int64_t count, struct dsi_column *out)
{
    struct dsi_column parts;
    int rc = DS_OK;

    DSI_TRY(make_scratch(a, o->children[0].field, &parts));
    DSI_TRY(assemble(a, &o->children[0], count, &parts));
    DSI_TRY(dsi_data_variant_join(o->node, &parts, a->row_base, a->b, out, a->err));
done:
    return rc;
}

static int assemble(const struct assembling *a, const struct dsi_data_origin *o,
                    int64_t count, struct dsi_column *out)
{
    switch (o->kind) {
    case DSI_ORIGIN_LEAF:
        return assemble_leaf(a, o, count, out);
    case DSI_ORIGIN_STRUCT:
        return assemble_struct(a, o, count, out);
    case DSI_ORIGIN_ENTRIES:
        return assemble_entries(a, o, count, out);
    case DSI_ORIGIN_EMPTY:
        return assemble_empty(a, o, count, out);
    case DSI_ORIGIN_SHREDDED:
        return assemble_shredded(a, o, count, out);
    case DSI_ORIGIN_CONSTANT:
        break;
    }
    return dsi_layout_of(&o->field->type) == DSI_LAYOUT_NESTED
               ? dsi_column_fill_null(a->b, count, out, a->err)
               : dsi_column_fill(a->b, &o->constant, count, out, a->err);
}

int dsi_data_assemble(const struct dsi_data_origin *origin,
                      struct dsi_parquet_column *columns, int64_t rows, int64_t row_base,
                      struct dsi_batch *b, struct dsi_column *out, struct ds_error *err)
{
    const struct assembling a = {.leaves = origin->leaves,
                                 .columns = columns,
                                 .row_base = row_base,
                                 .b = b,
                                 .err = err};
    return assemble(&a, origin, rows, out);
}
