#include "model/metadata_text.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/alloc.h"

// What the texts of a line of versions share.
struct dsi_text_line {
    struct dsi_refcount owners;
    _Atomic(struct dsi_metadata_text *) spare; // Nobody's, and of no line; NULL: none.
};

static void free_text(struct dsi_metadata_text *t)
{
    if (t) {
        dsi_buf_release(&t->json);
        dsi_free(t);
    }
}

static void drop_line(struct dsi_text_line *line)
{
    if (dsi_refcount_drop(&line->owners)) {
        free_text(atomic_load(&line->spare));
        dsi_free(line);
    }
}

static struct dsi_text_line *line_after(const struct dsi_metadata_text *last)
{
    struct dsi_text_line *line = last ? last->line : dsi_calloc(1, sizeof *line);

    if (last) {
        dsi_refcount_add(&line->owners);
    } else if (line) {
        dsi_refcount_init(&line->owners);
        atomic_init(&line->spare, NULL);
    }
    return line;
}

struct dsi_metadata_text *dsi_metadata_text_new(const struct dsi_metadata_text *last)
{
    struct dsi_text_line *line = line_after(last);
    struct dsi_metadata_text *t = NULL;

    if (!line) {
        return NULL;
    }
    t = atomic_exchange(&line->spare, NULL); // (3)
    t = t ? t : dsi_calloc(1, sizeof *t);
    if (!t) {
        drop_line(line);
        return NULL;
    }
    dsi_refcount_init(&t->owners);
    t->line = line;
    return t;
}

struct dsi_metadata_text *dsi_metadata_text_ref(struct dsi_metadata_text *t)
{
    if (t) {
        dsi_refcount_add(&t->owners);
    }
    return t;
}

void dsi_metadata_text_unref(struct dsi_metadata_text *t)
{
    if (t && dsi_refcount_drop(&t->owners)) {
        struct dsi_text_line *line = t->line;
        t->json.size = 0;
        t->line = NULL;
        free_text(atomic_exchange(&line->spare, t)); // (3)
        drop_line(line);
    }
}

struct ds_slice dsi_text_run_slice(const struct dsi_metadata_text *t,
                                   const struct dsi_text_run *run)
{
    assert(run->count > 0 && run->size <= t->json.size &&
           run->at <= t->json.size - run->size);
    return (struct ds_slice){t->json.data + run->at, run->size};
}

void dsi_text_run_drop_first(struct dsi_text_run *run, size_t size)
{
    if (run->count <= 1) {
        dsi_text_run_forget(run);
        return;
    }
    assert(size > 0 && size + 1 < run->size);
    run->at += size + 1; // With the comma behind it.
    run->size -= size + 1;
    run->count--;
}

void dsi_text_run_forget(struct dsi_text_run *run)
{
    *run = (struct dsi_text_run){0, 0, 0};
}
