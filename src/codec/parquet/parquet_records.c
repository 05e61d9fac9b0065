#include "codec/parquet/parquet_records.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "codec/parquet/parquet_spread.h"

// Of a column that says nothing itself.
enum { SLOTS_MAX = 1 << 26 };

// Rows on their way into `out`. The last one that was begun may not fit: then all of it
// is given back.
struct reading {
    struct dsi_parquet_column *out;
    size_t begun; // Rows; at a slot of level 0, or the end, all of them are whole.
    bool full;
    size_t last_slots; // What `out` had before the last row, …
    size_t last_elements;
    struct dsi_parquet_place last; // … and where that begins.
};

static bool has_more(const dsi_parquet_reader *r)
{
    return r->page_left > 0 || (r->is_part ? r->rest.size > 0 : r->slots_left > 0);
}

// A repetition says that the list it repeats has an entry, here and in the slot before.
// One kind of repetition is what nearly all leaves have: bytes without a table.
static bool agree(const dsi_parquet_reader *r, size_t count)
{
    const uint8_t least = r->rep_def[1];
    uint8_t wrong = r->last_def < r->rep_def[r->reps[0]];

    if (r->leaf->max_rep == 1) {
        for (size_t i = 0; i < count; i++) {
            wrong |= (uint8_t)(r->reps[i] & (r->defs[i] < least));
        }
        for (size_t i = 1; i < count; i++) {
            wrong |= (uint8_t)(r->reps[i] & (r->defs[i - 1] < least));
        }
        return wrong == 0;
    }
    for (size_t i = 0; i < count; i++) {
        wrong |= r->defs[i] < r->rep_def[r->reps[i]];
    }
    for (size_t i = 1; i < count; i++) {
        wrong |= r->defs[i - 1] < r->rep_def[r->reps[i]];
    }
    return wrong == 0;
}

// Makes sure that there are levels at levels_at, if any are left in the chunk.
static int fill(dsi_parquet_reader *r, struct ds_error *err)
{
    size_t n = 0;
    int rc = DS_OK;

    if (r->levels_at < r->levels_count || !has_more(r)) {
        return DS_OK;
    }
    if (r->page_left == 0) {
        DSI_TRY(dsi_parquet_pages_next(r, err));
    }
    DSI_TRY(dsi_parquet_pages_open_levels(r, err));
    n = r->page_left < DSI_PARQUET_BLOCK ? r->page_left : DSI_PARQUET_BLOCK;
    rc = dsi_parquet_level_reader_read(&r->rep, r->reps, n, err);
    if (rc == DS_OK) {
        rc = dsi_parquet_level_reader_read(&r->def, r->defs, n, err);
    }
    if (rc < 0) {
        return dsi_wrap(err, rc, "column %s", r->name);
    }
    if (!agree(r, n)) {
        return dsi_parquet_pages_corrupt(r, "an entry of a list that has none", err);
    }
    if (r->at_row && r->reps[0] > 0) {
        return dsi_parquet_pages_corrupt(r, "its first row begins in the middle", err);
    }
    r->at_row = false;
    r->last_def = r->defs[n - 1];
    r->levels_at = 0;
    r->levels_count = n;
done:
    return rc;
}

// Counts are of a block at most: narrow ones, of which a vector has many.
static size_t count_starts(const uint8_t *reps, size_t count)
{
    uint16_t n = 0;

    assert(count <= DSI_PARQUET_BLOCK);
    for (size_t i = 0; i < count; i++) {
        n = (uint16_t)(n + (reps[i] == 0));
    }
    return n;
}

static size_t count_from(const uint8_t *defs, size_t count, int32_t level)
{
    uint8_t least = (uint8_t)level;
    uint16_t n = 0;

    assert(count <= DSI_PARQUET_BLOCK);
    for (size_t i = 0; i < count; i++) {
        n = (uint16_t)(n + (defs[i] >= least));
    }
    return n;
}

// Slots of the levels read ahead that come before row number `rows` (from 0) of those
// that begin there.
static size_t slots_before(const dsi_parquet_reader *r, size_t rows)
{
    const uint8_t *reps = r->reps + r->levels_at;
    size_t known = r->levels_count - r->levels_at;
    size_t at = 0;

    for (; at < known; at++) {
        if (reps[at] == 0 && rows-- == 0) {
            break;
        }
    }
    return at;
}

// The slots that may be taken now: up to where row `rows` (from 0) of those that begin
// would; `*starts` rows begin in them.
static int next_slots(dsi_parquet_reader *r, size_t rows, size_t *count, size_t *starts,
                      struct ds_error *err)
{
    *count = r->levels_count - r->levels_at;
    *starts = count_starts(r->reps + r->levels_at, *count);
    if (*starts > rows) {
        *count = slots_before(r, rows);
        *starts = rows;
    }
    bool next = r->levels_at + *count < r->levels_count; // There a row begins.
    if ((int64_t)*starts + next > r->rows_left) {
        return dsi_parquet_pages_corrupt(r, "more rows than its row group", err);
    }
    return DS_OK;
}

static void pass(dsi_parquet_reader *r, size_t slots, size_t starts)
{
    r->levels_at += slots;
    r->page_left -= slots;
    r->slots_left -= (int64_t)slots;
    r->rows_left -= (int64_t)starts;
}

// After the last slot: all rows must have begun.
static int check_end(const dsi_parquet_reader *r, struct ds_error *err)
{
    if (!has_more(r) && r->rows_left > 0) {
        return dsi_corrupt(err, "column %s: its values end %lld rows early", r->name,
                           (long long)r->rows_left);
    }
    return DS_OK;
}

// Notes the last row that begins in the next `slots`, which have been appended after
// `elements`, but not yet counted.
static void note_start(const dsi_parquet_reader *r, struct reading *g, size_t slots,
                       size_t starts, size_t elements)
{
    size_t at = slots;

    if (starts == 0) {
        return;
    }
    do {
        at--;
    } while (r->reps[r->levels_at + at] != 0);
    g->last_slots = g->out->slots + at;
    g->last_elements =
        elements + count_from(r->defs + r->levels_at, at, r->leaf->element_def);
    g->last = (struct dsi_parquet_place){.page = r->at,
                                         .slots = r->page_slots - r->page_left + at,
                                         .page_rows_left = r->page_rows_left,
                                         .page_slots_left = r->page_slots_left,
                                         .rows_left = r->rows_left - (int64_t)starts + 1};
}

static int append_levels(const dsi_parquet_reader *r, size_t slots,
                         struct dsi_parquet_column *out, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_buf_append(&out->reps, r->reps + r->levels_at, slots, err));
    if (r->options.keep_levels) {
        DSI_TRY(dsi_buf_append(&out->defs, r->defs + r->levels_at, slots, err));
    }
done:
    return rc;
}

// Appends the elements of the next slots, as far as there is room for them.
static int append_elements(dsi_parquet_reader *r, size_t slots,
                           struct dsi_parquet_column *out, struct ds_error *err)
{
    const uint8_t *defs = r->defs + r->levels_at;
    const uint8_t *levels = defs;
    uint8_t least = (uint8_t)r->leaf->element_def;
    uint8_t some[DSI_PARQUET_BLOCK];
    size_t count = count_from(defs, slots, least);
    int rc = DS_OK;

    if (count < slots) {
        levels = some;
        count = 0;
        for (size_t i = 0; i < slots; i++) {
            some[count] = defs[i];
            count += defs[i] >= least;
        }
    }
    struct dsi_parquet_span all = {count, levels, 0};
    bool none_null = dsi_parquet_span_present(&all, r->leaf->max_def) == count;
    for (size_t at = 0; at < count;) {
        struct dsi_parquet_span s = {count - at, none_null ? NULL : levels + at,
                                     (uint8_t)r->leaf->max_def};
        DSI_TRY(dsi_parquet_spread(r, &s, out, err));
        out->elements += s.count;
        at += s.count;
        if (s.count == 0) {
            break;
        }
    }
done:
    return rc;
}

// The slot of element `n`, from 0, of the next ones; `slots` if there are not as many.
static size_t slot_of(const dsi_parquet_reader *r, size_t slots, size_t n)
{
    const uint8_t *defs = r->defs + r->levels_at;
    size_t at = 0;

    if (count_from(defs, slots, (uint8_t)r->leaf->element_def) == n) {
        return slots; // As nearly always: not one by one.
    }
    for (; at < slots; at++) {
        if (defs[at] >= r->leaf->element_def && n-- == 0) {
            break;
        }
    }
    return at;
}

// Takes the next slots. If there is no room for all of them, those up to the first that
// has none, which counts as taken: its row is the last begun, and is given back.
static int take(dsi_parquet_reader *r, struct reading *g, size_t slots, size_t starts,
                struct ds_error *err)
{
    size_t max = g->out->reps.max > 0 ? g->out->reps.max : SLOTS_MAX;
    size_t room = max > g->out->slots ? max - g->out->slots : 0;
    size_t elements = g->out->elements;
    size_t fits = slots < room ? slots : room;
    int rc = DS_OK;

    DSI_TRY(dsi_parquet_pages_open_values(r, err));
    DSI_TRY(append_levels(r, fits, g->out, err));
    DSI_TRY(append_elements(r, fits, g->out, err));
    fits = slot_of(r, fits, g->out->elements - elements);
    if (fits < slots) {
        g->full = true;
        slots = fits + 1;
        starts = count_starts(r->reps + r->levels_at, slots);
    }
    note_start(r, g, slots, starts, elements);
    g->out->slots += g->full ? fits : slots;
    g->begun += starts;
    pass(r, slots, starts);
done:
    return rc;
}

static int give_back(dsi_parquet_reader *r, struct reading *g, struct ds_error *err)
{
    assert(g->begun > 0);
    if (g->begun == 1 && g->out->rows == 0) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "column %s: a row of more than %zu entries or %zu bytes", r->name,
                        g->out->slots, g->out->bytes.size);
    }
    dsi_parquet_spread_cut(r->leaf, g->last_slots, g->last_elements, g->out);
    g->begun--;
    return dsi_parquet_reader_return(r, &g->last, err);
}

int dsi_parquet_records_read(dsi_parquet_reader *r, size_t rows_max,
                             struct dsi_parquet_column *out, size_t *rows,
                             struct ds_error *err)
{
    struct reading g = {.out = out};
    int rc = DS_OK;

    *rows = 0;
    while (!g.full) {
        size_t slots = 0;
        size_t starts = 0;
        DSI_TRY(fill(r, err));
        if (r->levels_at == r->levels_count) {
            break; // The chunk's end, and the last row's.
        }
        DSI_TRY(next_slots(r, rows_max - g.begun, &slots, &starts, err));
        if (slots == 0) {
            break;
        }
        DSI_TRY(take(r, &g, slots, starts, err));
    }
    if (g.full) {
        DSI_TRY(give_back(r, &g, err));
    }
    DSI_TRY(check_end(r, err));
    out->rows += g.begun;
    *rows = g.begun;
done:
    return rc;
}

// Passes over the next slots and their values.
static void pass_all(dsi_parquet_reader *r, size_t slots, size_t starts)
{
    struct dsi_parquet_span s = {slots, r->defs + r->levels_at, 0};
    r->values_owed += dsi_parquet_span_present(&s, r->leaf->max_def);
    pass(r, slots, starts);
}

int dsi_parquet_records_skip(dsi_parquet_reader *r, int64_t rows, struct ds_error *err)
{
    int rc = DS_OK;

    while (rows >= 0) {
        size_t slots = 0;
        size_t starts = 0;
        DSI_TRY(fill(r, err));
        if (r->levels_at == r->levels_count) {
            break;
        }
        DSI_TRY(next_slots(r, (size_t)rows, &slots, &starts, err));
        if (slots == 0) {
            break;
        }
        pass_all(r, slots, starts);
        rows -= (int64_t)starts;
    }
    DSI_TRY(check_end(r, err));
done:
    return rc;
}

int dsi_parquet_records_pass(dsi_parquet_reader *r, size_t slots, struct ds_error *err)
{
    int rc = DS_OK;

    while (slots > 0) {
        DSI_TRY(fill(r, err));
        size_t known = r->levels_count - r->levels_at;
        size_t n = known < slots ? known : slots;
        assert(n > 0);
        pass_all(r, n, 0);
        slots -= n;
    }
done:
    return rc;
}
