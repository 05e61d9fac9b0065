#include "codec/parquet/parquet_column.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "codec/parquet/parquet_bits.h"
#include "codec/parquet/parquet_bytes.h"

enum {
    BLOCK_SLOTS = 1024,   // A block has about so many: what stays in the nearest cache.
    RUNS = 128,           // Runs of values that are handed on at once.
    PAGE_SLOTS = 1 << 22, // Of lists, a page has about so many: nulls take no bytes.
};

// Whole rows that go into the page at hand together.
struct block {
    size_t rows;
    size_t slots;
    size_t elements;
};

void dsi_parquet_column_writer_init(struct dsi_parquet_column_writer *c,
                                    const struct dsi_parquet_node *leaf,
                                    const struct dsi_parquet_write_options *options,
                                    struct dsi_parquet_tools *tools)
{
    c->leaf = leaf;
    c->options = options;
    c->page_rows = 0;
    c->page_slots = 0;
    memset(c->floors, 0, sizeof c->floors);
    dsi_parquet_levels_init(&c->reps, (uint32_t)leaf->max_rep);
    dsi_parquet_levels_init(&c->defs, (uint32_t)leaf->max_def);
    dsi_parquet_values_writer_init(&c->values, leaf, options);
    dsi_parquet_chunk_writer_init(&c->chunk, leaf, options, tools);
    // What repeats at a level is an entry of that list, and so was what came before it.
    for (const struct dsi_parquet_node *n = leaf; n; n = n->parent) {
        if (n->field.repetition == DSI_PARQUET_REPEATED && n->parent) {
            c->floors[n->max_rep] = (uint8_t)n->max_def;
        }
    }
}

void dsi_parquet_column_writer_release(struct dsi_parquet_column_writer *c)
{
    dsi_parquet_levels_release(&c->reps);
    dsi_parquet_levels_release(&c->defs);
    dsi_parquet_values_writer_release(&c->values);
    dsi_parquet_chunk_writer_release(&c->chunk);
}

void dsi_parquet_column_next(struct dsi_parquet_column_writer *c)
{
    dsi_parquet_values_next(&c->values);
    dsi_parquet_chunk_next(&c->chunk);
}

int dsi_parquet_column_flush(struct dsi_parquet_column_writer *c, bool last,
                             struct ds_error *err)
{
    const struct dsi_parquet_page_parts parts = {.reps = &c->reps,
                                                 .defs = &c->defs,
                                                 .values = &c->values,
                                                 .rows = c->page_rows,
                                                 .slots = c->page_slots,
                                                 .last = last};

    if (c->page_rows == 0) {
        return DS_OK;
    }
    c->page_rows = 0;
    c->page_slots = 0;
    return dsi_parquet_chunk_page(&c->chunk, &parts, err);
}

static int bad_slot(const struct dsi_parquet_column_writer *c,
                    const struct dsi_parquet_part *part, size_t slot, const char *what,
                    struct ds_error *err)
{
    long long row = part->row_base + (long long)part->row;

    if (!part->in->reps) {
        row += (long long)(slot - part->slot);
    }
    for (size_t i = part->slot + 1; part->in->reps && i <= slot; i++) {
        row += part->in->reps[i] == 0;
    }
    return dsi_fail(err, DS_EINVALID, "column %s: %s in row %lld", c->chunk.name, what,
                    row);
}

// Takes about a block's slots, if that makes no more than so many whole rows.
static bool take_block(const struct dsi_parquet_column_writer *c,
                       const struct dsi_parquet_part *part, size_t rows,
                       struct block *out)
{
    const struct dsi_parquet_input *in = part->in;
    size_t left = in->slots - part->slot;
    size_t slots = left < BLOCK_SLOTS ? left : BLOCK_SLOTS;
    const uint8_t *reps = in->reps + part->slot;
    const uint8_t *defs = in->defs + part->slot;
    uint8_t element_def = (uint8_t)c->leaf->element_def;
    unsigned starts = 0;
    unsigned elements = 0;

    while (slots > 0 && slots < left && reps[slots] != 0) {
        slots--;
    }
    if (slots == 0 || reps[0] != 0 || c->page_slots + slots >= PAGE_SLOTS) {
        return false;
    }
    for (size_t i = 0; i < slots; i++) {
        starts += reps[i] == 0;
    }
    for (size_t i = 0; i < slots; i++) {
        elements += defs[i] >= element_def;
    }
    *out = (struct block){.rows = starts, .slots = slots, .elements = elements};
    return starts <= rows;
}

// Takes rows as long as they have at most so many elements together, at least one.
static int find_rows(const struct dsi_parquet_column_writer *c,
                     const struct dsi_parquet_part *part, size_t rows,
                     size_t elements_max, struct block *out, struct ds_error *err)
{
    const struct dsi_parquet_input *in = part->in;
    uint8_t element_def = (uint8_t)c->leaf->element_def;

    *out = (struct block){0};
    while (out->rows < rows && (out->rows == 0 || out->slots < BLOCK_SLOTS)) {
        size_t at = part->slot + out->slots;
        size_t elements = 0;
        if (at >= in->slots || in->reps[at] != 0) {
            return dsi_fail(err, DS_EINVALID, "column %s: %s row %lld", c->chunk.name,
                            at >= in->slots ? "no slots are left for"
                                            : "a repetition level above 0 begins",
                            (long long)part->row_base + (long long)part->row +
                                (long long)out->rows);
        }
        do {
            elements += in->defs[at] >= element_def;
            at++;
        } while (at < in->slots && in->reps[at] != 0);
        if (out->rows > 0 && elements > elements_max - out->elements) {
            break;
        }
        out->rows++;
        out->slots = at - part->slot;
        out->elements += elements;
        if (out->elements > elements_max || c->page_slots + out->slots >= PAGE_SLOTS) {
            break;
        }
    }
    return DS_OK;
}

// The next rows that surely leave the page below its limits, or else one row. (1)
static int choose_block(const struct dsi_parquet_column_writer *c,
                        const struct dsi_parquet_part *part, size_t rows,
                        struct block *out, struct ds_error *err)
{
    size_t left = c->options->page_rows - c->page_rows;
    size_t room = 0;
    int rc = DS_OK;

    rows = rows < left ? rows : left;
    if (!part->in->reps) {
        rows = rows < BLOCK_SLOTS ? rows : BLOCK_SLOTS;
        rows = dsi_parquet_values_room(&c->values, part->in, part->element, rows);
        rows = rows > 0 ? rows : 1;
        *out = (struct block){.rows = rows, .slots = rows, .elements = rows};
        return DS_OK;
    }
    if (!take_block(c, part, rows, out)) {
        DSI_TRY(find_rows(c, part, rows, SIZE_MAX, out, err));
    }
    room = dsi_parquet_values_room(&c->values, part->in, part->element, out->elements);
    if (room < out->elements) {
        DSI_TRY(find_rows(c, part, rows, room, out, err));
    }
done:
    return rc;
}

// How many of the slots after the first are in a list that has no entries.
static size_t count_odd(const struct dsi_parquet_column_writer *c, const uint8_t *reps,
                        const uint8_t *defs, size_t slots)
{
    unsigned odd = 0;

    if (c->leaf->max_rep == 1) {
        uint8_t floor = c->floors[1];
        for (size_t i = 1; i < slots; i++) {
            odd += (reps[i] != 0) & ((defs[i] < floor) | (defs[i - 1] < floor));
        }
        return odd;
    }
    for (size_t i = 1; i < slots; i++) {
        uint8_t floor = c->floors[reps[i]];
        odd += defs[i] < floor || defs[i - 1] < floor;
    }
    return odd;
}

static int check_reps(const struct dsi_parquet_column_writer *c,
                      const struct dsi_parquet_part *part, size_t slots,
                      struct ds_error *err)
{
    const uint8_t *reps = part->in->reps + part->slot;
    const uint8_t *defs = part->in->defs + part->slot;
    uint8_t highest = 0;

    for (size_t i = 0; i < slots; i++) {
        highest = reps[i] > highest ? reps[i] : highest;
    }
    for (size_t i = 0; highest > c->leaf->max_rep; i++) {
        if (reps[i] > c->leaf->max_rep) {
            return bad_slot(c, part, part->slot + i,
                            "a repetition level above its maximum", err);
        }
    }
    size_t odd = count_odd(c, reps, defs, slots);
    for (size_t i = 1; odd > 0; i++) {
        uint8_t floor = c->floors[reps[i]];
        if (defs[i] < floor || defs[i - 1] < floor) {
            return bad_slot(c, part, part->slot + i,
                            "a repetition level inside a list that has no entries", err);
        }
    }
    return DS_OK;
}

static int check_levels(const struct dsi_parquet_column_writer *c,
                        const struct dsi_parquet_part *part, const struct block *b,
                        struct ds_error *err)
{
    const struct dsi_parquet_input *in = part->in;
    uint8_t highest = 0;
    size_t slot = part->slot;

    if (in->defs) {
        for (size_t i = 0; i < b->slots; i++) {
            uint8_t def = in->defs[slot + i];
            highest = def > highest ? def : highest;
        }
        for (; highest > c->leaf->max_def; slot++) {
            if (in->defs[slot] > c->leaf->max_def) {
                return bad_slot(c, part, slot, "a definition level above its maximum",
                                err);
            }
        }
    } else if (in->validity && c->leaf->field.repetition == DSI_PARQUET_REQUIRED) {
        for (; slot < part->slot + b->slots; slot++) {
            if (!dsi_bit_get(in->validity, in->offset + slot)) {
                return bad_slot(c, part, slot, "a null in a required column", err);
            }
        }
    }
    return in->reps ? check_reps(c, part, b->slots, err) : DS_OK;
}

// Where the next runs of values are looked for.
struct walk {
    size_t slot;
    size_t end;
    size_t element;
};

static void add_run(struct dsi_parquet_run *runs, size_t *count, size_t element)
{
    if (*count > 0 && runs[*count - 1].first + runs[*count - 1].count == element) {
        runs[*count - 1].count++;
    } else {
        runs[(*count)++] = (struct dsi_parquet_run){element, 1};
    }
}

// Bits eight at a time, while all of them are alike.
static size_t runs_of_bits(const struct dsi_parquet_input *in, struct walk *w,
                           struct dsi_parquet_run *runs)
{
    size_t count = 0;

    while (w->slot < w->end && count < RUNS) {
        size_t bit = in->offset + w->slot;
        uint8_t byte = in->validity[bit / 8];
        if (bit % 8 == 0 && w->end - w->slot >= 8 && (byte == 0 || byte == 0xff)) {
            if (byte == 0xff) {
                add_run(runs, &count, w->slot);
                runs[count - 1].count += 7;
            }
            w->slot += 8;
            continue;
        }
        if (dsi_bit_get(in->validity, bit)) {
            add_run(runs, &count, w->slot);
        }
        w->slot++;
    }
    w->element = w->slot;
    return count;
}

static size_t runs_of_defs(const struct dsi_parquet_column_writer *c, const uint8_t *defs,
                           struct walk *w, struct dsi_parquet_run *runs)
{
    uint8_t max = (uint8_t)c->leaf->max_def;
    uint8_t element_def = (uint8_t)c->leaf->element_def;
    uint64_t all = UINT64_C(0x0101010101010101) * max;
    size_t count = 0;

    while (w->slot < w->end && count < RUNS) {
        if (w->end - w->slot >= 8 && dsi_le64(defs + w->slot) == all) {
            add_run(runs, &count, w->element);
            runs[count - 1].count += 7;
            w->slot += 8;
            w->element += 8;
            continue;
        }
        if (defs[w->slot] == max) {
            add_run(runs, &count, w->element);
        }
        w->element += defs[w->slot] >= element_def;
        w->slot++;
    }
    return count;
}

// The next runs of values, and none at the end of the block.
static size_t next_runs(const struct dsi_parquet_column_writer *c,
                        const struct dsi_parquet_input *in, struct walk *w,
                        struct dsi_parquet_run *runs)
{
    if (w->slot == w->end) {
        return 0;
    }
    if (in->defs) {
        return runs_of_defs(c, in->defs, w, runs);
    }
    if (in->validity) {
        return runs_of_bits(in, w, runs);
    }
    runs[0] = (struct dsi_parquet_run){w->slot, w->end - w->slot};
    w->slot = w->end;
    return 1;
}

// Hands on the values of a block; after an error, `*taken` came before the bad one.
static int append_values(struct dsi_parquet_column_writer *c,
                         const struct dsi_parquet_part *part, const struct block *b,
                         size_t *taken, struct ds_error *err)
{
    struct dsi_parquet_run runs[RUNS];
    struct walk w = {part->slot, part->slot + b->slots, part->element};
    int rc = DS_OK;

    for (*taken = 0; w.slot < w.end && rc == DS_OK;) {
        size_t count = next_runs(c, part->in, &w, runs);
        size_t got = 0;
        rc = dsi_parquet_values_append(&c->values, part->in, runs, count, &got, err);
        *taken += got;
    }
    return rc;
}

// The number of the row in which the value stands that has `values` before it.
static long long row_of_value(const struct dsi_parquet_column_writer *c,
                              const struct dsi_parquet_part *part, size_t values)
{
    const struct dsi_parquet_input *in = part->in;
    long long row = part->row_base + (long long)part->row - 1;

    for (size_t slot = part->slot;; slot++) {
        row += !in->reps || in->reps[slot] == 0;
        bool has = in->defs
                       ? in->defs[slot] == c->leaf->max_def
                       : !in->validity || dsi_bit_get(in->validity, in->offset + slot);
        if (has && values-- == 0) {
            return row;
        }
    }
}

static int append_levels(struct dsi_parquet_column_writer *c,
                         const struct dsi_parquet_part *part, size_t slots,
                         struct ds_error *err)
{
    const struct dsi_parquet_input *in = part->in;
    int rc = DS_OK;

    if (in->reps) {
        DSI_TRY(dsi_parquet_levels_append(&c->reps, in->reps + part->slot, slots, err));
    } else {
        DSI_TRY(dsi_parquet_levels_repeat(&c->reps, 0, slots, err));
    }
    if (in->defs) {
        return dsi_parquet_levels_append(&c->defs, in->defs + part->slot, slots, err);
    }
    if (in->validity && c->leaf->max_def > 0) {
        return dsi_parquet_levels_append_bits(&c->defs, in->validity,
                                              in->offset + part->slot, slots, err);
    }
    return dsi_parquet_levels_repeat(&c->defs, (uint32_t)c->leaf->max_def, slots, err);
done:
    return rc;
}

static int append_block(struct dsi_parquet_column_writer *c,
                        struct dsi_parquet_part *part, const struct block *b,
                        struct ds_error *err)
{
    size_t taken = 0;
    int rc = DS_OK;

    DSI_TRY(check_levels(c, part, b, err));
    rc = append_values(c, part, b, &taken, err);
    if (rc == DS_EINVALID) {
        return dsi_wrap(err, rc, "column %s, row %lld", c->chunk.name,
                        row_of_value(c, part, taken));
    }
    DSI_TRY(rc < 0 ? dsi_wrap(err, rc, "column %s", c->chunk.name) : rc);
    DSI_TRY(append_levels(c, part, b->slots, err));
    c->page_rows += b->rows;
    c->page_slots += b->slots;
    part->row += b->rows;
    part->slot += b->slots;
    part->element += b->elements;
    if (dsi_parquet_values_full(&c->values) || c->page_rows == c->options->page_rows ||
        (c->leaf->max_rep > 0 && c->page_slots >= PAGE_SLOTS)) {
        DSI_TRY(dsi_parquet_column_flush(c, false, err));
    }
done:
    return rc;
}

int dsi_parquet_column_append(struct dsi_parquet_column_writer *c,
                              struct dsi_parquet_part *part, size_t rows,
                              struct ds_error *err)
{
    struct block b = {0};
    int rc = DS_OK;

    for (; rows > 0; rows -= b.rows) {
        DSI_TRY(choose_block(c, part, rows, &b, err));
        DSI_TRY(append_block(c, part, &b, err));
    }
done:
    return rc;
}

size_t dsi_parquet_column_size(const struct dsi_parquet_column_writer *c)
{
    return c->chunk.pages.size + c->reps.bytes.size + c->defs.bytes.size +
           dsi_parquet_values_size(&c->values);
}

size_t dsi_parquet_column_loss(const struct dsi_parquet_column_writer *c)
{
    return c->values.dict.plain.size + dsi_parquet_chunk_loss(&c->chunk);
}

int dsi_parquet_column_end(struct dsi_parquet_column_writer *c, int64_t file_offset,
                           struct dsi_arena *arena, struct dsi_buf *head,
                           struct dsi_parquet_written *out, struct ds_error *err)
{
    assert(c->page_rows == 0);
    return dsi_parquet_chunk_end(&c->chunk, &c->values.dict, file_offset, arena, head,
                                 out, err);
}
