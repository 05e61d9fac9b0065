// Rows: made from numbers, and checked against them.
#include "k9.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COLUMNS = 5 };

// Everything an append's stream points to. Releasing what Arrow asks to release frees
// nothing: the batch belongs to its maker.
struct k9_batch {
    int64_t rows;
    bool given;
    int32_t *lanes;
    int64_t *numbers;
    int32_t *parts;
    int64_t *nonces;
    int32_t *offsets;
    char *text;
    const void *buffers[COLUMNS][3];
    const void *root_buffers[1];
    struct ArrowArray arrays[COLUMNS];
    struct ArrowArray *array_list[COLUMNS];
    struct ArrowSchema fields[COLUMNS];
    struct ArrowSchema *field_list[COLUMNS];
};

static void *need(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    if (!p) {
        k9_die("memory");
    }
    return p;
}

static void keep_schema(struct ArrowSchema *s)
{
    s->release = NULL;
}

static void keep_array(struct ArrowArray *a)
{
    a->release = NULL;
}

static void keep_stream(struct ArrowArrayStream *s)
{
    s->release = NULL;
}

static int batch_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    static const char *const names[COLUMNS] = {"lane", "number", "part", "nonce", "text"};
    static const char *const formats[COLUMNS] = {"i", "l", "i", "l", "u"};
    struct k9_batch *b = s->private_data;

    for (int i = 0; i < COLUMNS; i++) {
        b->fields[i] = (struct ArrowSchema){
            .format = formats[i], .name = names[i], .release = keep_schema};
        b->field_list[i] = &b->fields[i];
    }
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = COLUMNS,
                                .children = b->field_list,
                                .release = keep_schema};
    return 0;
}

static int batch_next(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    struct k9_batch *b = s->private_data;

    *out = (struct ArrowArray){0};
    if (b->given) {
        return 0;
    }
    b->given = true;
    const void *values[COLUMNS] = {b->lanes, b->numbers, b->parts, b->nonces, b->offsets};
    for (int i = 0; i < COLUMNS; i++) {
        b->buffers[i][1] = values[i];
        b->buffers[i][2] = b->text;
        b->arrays[i] = (struct ArrowArray){.length = b->rows,
                                           .n_buffers = i == COLUMNS - 1 ? 3 : 2,
                                           .buffers = b->buffers[i],
                                           .release = keep_array};
        b->array_list[i] = &b->arrays[i];
    }
    *out = (struct ArrowArray){.length = b->rows,
                               .n_buffers = 1,
                               .n_children = COLUMNS,
                               .buffers = b->root_buffers,
                               .children = b->array_list,
                               .release = keep_array};
    return 0;
}

static const char *batch_error(struct ArrowArrayStream *s)
{
    (void)s;
    return NULL;
}

struct k9_batch *k9_batch_make(const struct k9_run *run, int64_t number)
{
    int32_t rows = k9_rows(run, number);
    struct k9_batch *b = need(1, sizeof(*b));
    char *text = need(1, K9_TEXT_MAX);
    size_t size = 0;

    b->rows = rows;
    b->lanes = need((size_t)rows, sizeof(int32_t));
    b->numbers = need((size_t)rows, sizeof(int64_t));
    b->parts = need((size_t)rows, sizeof(int32_t));
    b->nonces = need((size_t)rows, sizeof(int64_t));
    b->offsets = need((size_t)rows + 1, sizeof(int32_t));
    for (int32_t i = 0; i < rows; i++) {
        size_t one = k9_text(run, number, i, text);
        b->lanes[i] = k9_lane_of(run, number);
        b->numbers[i] = number;
        b->parts[i] = i;
        b->nonces[i] = (int64_t)k9_nonce(run, number);
        b->text = realloc(b->text, size + one);
        if (!b->text) {
            k9_die("memory");
        }
        memcpy(b->text + size, text, one);
        size += one;
        b->offsets[i + 1] = (int32_t)size;
    }
    free(text);
    return b;
}

struct ArrowArrayStream k9_batch_stream(struct k9_batch *batch)
{
    batch->given = false;
    return (struct ArrowArrayStream){batch_schema, batch_next, batch_error, keep_stream,
                                     batch};
}

void k9_batch_free(struct k9_batch *b)
{
    free(b->lanes);
    free(b->numbers);
    free(b->parts);
    free(b->nonces);
    free(b->offsets);
    free(b->text);
    free(b);
}

void k9_tally_make(struct k9_tally *t, const struct k9_run *run)
{
    size_t total = (size_t)k9_total(run);
    int64_t bits = 0;

    *t = (struct k9_tally){.run = run};
    t->base = need(total, sizeof(*t->base));
    for (size_t i = 0; i < total; i++) {
        t->base[i] = bits;
        bits += k9_rows(run, (int64_t)i);
    }
    t->bits = need((size_t)bits / 8 + 1, 1);
    t->seen = need(total, sizeof(*t->seen));
    t->before = need(total, 1);
    t->ever = need(total, 1);
    t->text = need(1, K9_TEXT_MAX);
}

void k9_tally_free(struct k9_tally *t)
{
    free(t->base);
    free(t->bits);
    free(t->seen);
    free(t->before);
    free(t->ever);
    free(t->text);
}

static void tally_reset(struct k9_tally *t)
{
    size_t total = (size_t)k9_total(t->run);

    for (size_t i = 0; i < total; i++) {
        t->before[i] = (uint8_t)k9_state_of(t->run, (int64_t)i);
        t->ever[i] |= t->seen[i] > 0;
        for (uint32_t part = 0;
             t->seen[i] > 0 && part < (uint32_t)k9_rows(t->run, (int64_t)i); part++) {
            int64_t bit = t->base[i] + part;
            t->bits[bit / 8] &= (uint8_t) ~(1U << bit % 8);
        }
        t->seen[i] = 0;
    }
    t->found = (struct k9_found){0};
}

// A row, as it came out of a scan.
struct row {
    int32_t lane;
    int64_t number;
    int32_t part;
    int64_t nonce;
    const char *text;
    size_t size;
};

static void tell(struct k9_tally *t, const char *what, int64_t number, int32_t part)
{
    if (t->told++ < K9_EXAMPLES) {
        fprintf(stderr,
                "kill9: [%d] %s: append %" PRId64 ", row %" PRId32 " of %" PRId32 "\n",
                (int)getpid(), what, number, part,
                number >= 0 && number < k9_total(t->run) ? k9_rows(t->run, number) : 0);
    }
}

// True when somebody intended this very row.
static bool is_ours(struct k9_tally *t, const struct row *r)
{
    const struct k9_run *run = t->run;

    if (r->number < 0 || r->number >= k9_total(run) || r->part < 0 ||
        r->part >= k9_rows(run, r->number) || k9_state_of(run, r->number) == K9_NONE ||
        k9_state_of(run, r->number) == K9_REFUSED ||
        r->lane != k9_lane_of(run, r->number) ||
        r->nonce != (int64_t)k9_nonce(run, r->number)) {
        return false;
    }
    size_t size = k9_text(run, r->number, r->part, t->text);
    return size == r->size && memcmp(t->text, r->text, size) == 0;
}

static void tally_row(struct k9_tally *t, const struct row *r)
{
    t->found.rows++;
    if (!is_ours(t, r)) {
        t->found.alien++;
        tell(t, "alien", r->number, r->part);
        return;
    }
    int64_t bit = t->base[r->number] + r->part;
    if (t->bits[bit / 8] >> bit % 8 & 1) {
        t->found.duplicate++;
        tell(t, "duplicate", r->number, r->part);
        return;
    }
    t->bits[bit / 8] |= (uint8_t)(1U << bit % 8);
    t->seen[r->number]++;
}

static void tally_batch(struct k9_tally *t, const struct ArrowArray *a)
{
    const void *values[COLUMNS];
    int64_t at[COLUMNS];

    for (int i = 0; i < COLUMNS; i++) {
        values[i] = a->children[i]->buffers[1];
        at[i] = a->offset + a->children[i]->offset;
    }
    const char *text = a->children[COLUMNS - 1]->buffers[2];
    for (int64_t i = 0; i < a->length; i++) {
        const int32_t *offsets = (const int32_t *)values[4] + at[4] + i;
        struct row r = {
            .lane = ((const int32_t *)values[0])[at[0] + i],
            .number = ((const int64_t *)values[1])[at[1] + i],
            .part = ((const int32_t *)values[2])[at[2] + i],
            .nonce = ((const int64_t *)values[3])[at[3] + i],
            .text = text + offsets[0],
            .size = (size_t)(offsets[1] - offsets[0]),
        };
        tally_row(t, &r);
    }
}

static void tally_appends(struct k9_tally *t)
{
    for (int64_t i = 0; i < k9_total(t->run); i++) {
        uint32_t rows = (uint32_t)k9_rows(t->run, i);
        if (t->seen[i] == rows) {
            continue;
        }
        if (t->before[i] == K9_ACKED) {
            t->found.lost++;
            tell(t, "lost", i, (int32_t)t->seen[i]);
        } else if (t->seen[i] > 0) {
            t->found.torn++;
            tell(t, "torn", i, (int32_t)t->seen[i]);
        } else if (t->ever[i]) {
            t->found.gone++;
            tell(t, "seen before, and gone", i, 0);
        }
    }
}

int k9_tally_scan(struct k9_tally *t, ds_table *table, struct ds_error *err)
{
    struct ds_scan_options options = {.struct_size = sizeof(options), .threads = 1};
    struct ArrowArrayStream stream = {0};

    tally_reset(t);
    int rc = ds_table_refresh(table, err);
    if (rc == DS_OK) {
        rc = ds_table_scan(table, &options, &stream, err);
    }
    while (rc == DS_OK) {
        struct ArrowArray a = {0};
        int code = stream.get_next(&stream, &a);
        if (code != 0) {
            const char *why = stream.get_last_error(&stream);
            err->status = rc = code == ENOENT ? DS_ENOTFOUND : DS_EIO;
            snprintf(err->message, sizeof(err->message), "%s", why ? why : "no reason");
        }
        if (rc != DS_OK || !a.release) {
            break;
        }
        tally_batch(t, &a);
        a.release(&a);
    }
    if (stream.release) {
        stream.release(&stream);
    }
    if (rc == DS_OK) {
        tally_appends(t);
    }
    return rc;
}
