// Batches as Arrow arrays, without copying.
//
// (1) The batch is freed when the last of the arrays that point into it is released: a
//     consumer may move a child out and release its parent, as Arrow allows.
#include "base/alloc.h"
#include "base/error.h"
#include "base/refcount.h"
#include "data/arrow_io.h"
#include "data/column_layout.h"

// The batch, and how many arrays need it.
struct holder {
    struct dsi_refcount owners;
    struct dsi_batch batch;
    const struct dsi_arrow_form *form; // While exporting.
};

// What one ArrowArray of ours owns.
struct node {
    struct holder *holder;
    const void *buffers[4];
    struct ArrowArray *children;
    struct ArrowArray **pointers;
    struct ArrowArray dictionary; // If there is one.
};

static void drop(struct holder *h)
{
    if (dsi_refcount_drop(&h->owners)) {
        dsi_batch_release(&h->batch);
        dsi_free(h);
    }
}

static void release_array(struct ArrowArray *a)
{
    struct node *n = a->private_data;

    for (int64_t i = 0; i < a->n_children; i++) {
        if (a->children[i]->release) { // It may have been moved away.
            a->children[i]->release(a->children[i]);
        }
    }
    if (n->dictionary.release) {
        n->dictionary.release(&n->dictionary);
    }
    dsi_free(n->children);
    dsi_free(n->pointers);
    drop(n->holder);
    dsi_free(n);
    a->release = NULL;
}

// Begins an array of `child_count` children, none of them there yet.
static int begin(struct holder *h, size_t child_count, struct ArrowArray *out,
                 struct ds_error *err)
{
    struct node *n = dsi_calloc(1, sizeof *n);

    *out = (struct ArrowArray){0};
    if (n && child_count > 0) {
        n->children = dsi_calloc(child_count, sizeof *n->children);
        n->pointers = dsi_calloc(child_count, sizeof *n->pointers);
    }
    if (!n || (child_count > 0 && (!n->children || !n->pointers))) {
        if (n) {
            dsi_free(n->children);
            dsi_free(n->pointers);
        }
        dsi_free(n);
        return dsi_no_memory(err, "exporting a batch");
    }
    for (size_t i = 0; i < child_count; i++) {
        n->pointers[i] = &n->children[i];
    }
    dsi_refcount_add(&h->owners);
    n->holder = h;
    *out = (struct ArrowArray){.buffers = n->buffers,
                               .children = n->pointers,
                               .release = release_array,
                               .private_data = n};
    return DS_OK;
}

// The schema says 32 bit offsets; a column that came with 64 gets its own.
static int narrow_offsets(struct dsi_batch *b, struct dsi_column *c, struct ds_error *err)
{
    const int64_t *in = c->offsets64 + c->offset;
    struct dsi_column narrow = *c;

    if (in[c->length] - in[0] > (int64_t)DSI_COLUMN_BYTES_MAX) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "column %s: more than %zu bytes or elements in one batch",
                        c->field->name, DSI_COLUMN_BYTES_MAX);
    }
    int32_t *offsets = dsi_batch_malloc(b, ((size_t)c->length + 1) * sizeof *offsets);
    uint8_t *bits = c->validity ? dsi_batch_malloc(b, dsi_bits_size(c->length)) : NULL;
    if (!offsets || (c->validity && !bits)) {
        return dsi_no_memory(err, "exporting a batch");
    }
    for (int64_t i = 0; i <= c->length; i++) {
        offsets[i] = (int32_t)(in[i] - in[0]);
    }
    if (bits) {
        dsi_bits_copy(bits, c->validity, c->offset, c->length);
    }
    narrow.validity = bits;
    if (c->values) {
        narrow.values = (const uint8_t *)c->values + in[0];
    }
    narrow.offset = 0;
    narrow.offsets = offsets;
    narrow.offsets64 = NULL;
    for (size_t i = 0; i < c->child_count; i++) { // Theirs begin where ours do now.
        struct dsi_column *child = &c->children[i];
        child->offset += in[0];
        child->length = in[c->length] - in[0];
        child->null_count = -1;
    }
    *c = narrow;
    return DS_OK;
}

static int export_column(struct holder *h, struct dsi_column *c, struct ArrowArray *out,
                         struct ds_error *err);

static int export_children(struct holder *h, struct dsi_column *c, struct ArrowArray *out,
                           struct ds_error *err)
{
    for (size_t i = 0; i < c->child_count; i++) {
        int rc = export_column(h, &c->children[i], out->children[i], err);
        if (rc < 0) {
            return rc;
        }
        out->n_children++;
    }
    return DS_OK;
}

// A map has one more level in Arrow: the struct of its key and value.
static int export_entries(struct holder *h, struct dsi_column *map,
                          struct ArrowArray *out, struct ds_error *err)
{
    struct ArrowArray *entries = out->children[0];
    int64_t keys = map->children[0].length;
    int64_t values = map->children[1].length;
    int rc = begin(h, map->child_count, entries, err);

    if (rc < 0) {
        return rc;
    }
    out->n_children = 1;
    entries->length = keys < values ? keys : values;
    entries->n_buffers = 1;
    return export_children(h, map, entries, err);
}

// The buffers of one column; children apart.
static void put_buffers(const struct dsi_column *c, struct ArrowArray *out)
{
    enum dsi_layout layout = dsi_layout_of(&c->field->type);
    struct node *n = out->private_data;

    n->buffers[0] = c->validity;
    if (layout == DSI_LAYOUT_NONE) {
        out->n_buffers = 0;
        out->offset = 0;
        out->null_count = out->length;
    } else if (layout == DSI_LAYOUT_BYTES) {
        out->n_buffers = 3;
        n->buffers[1] = c->offsets;
        n->buffers[2] = c->values;
    } else if (layout == DSI_LAYOUT_NESTED) {
        out->n_buffers = c->offsets ? 2 : 1;
        n->buffers[1] = c->offsets;
    } else {
        out->n_buffers = 2;
        n->buffers[1] = c->values;
    }
}

// A text or binary column in another form than its own.
static int put_form(struct holder *h, const struct dsi_column *c,
                    enum dsi_arrow_form_kind form, struct ArrowArray *out,
                    struct ds_error *err)
{
    struct node *n = out->private_data;
    struct node *entries = NULL;
    struct dsi_arrow_buffers b = {0};
    int rc = DS_OK;

    if (form == DSI_FORM_VIEW) {
        DSI_TRY(dsi_arrow_form_views(&h->batch, c, &b, err));
        out->n_buffers = 4;
        n->buffers[2] = b.bytes;
        n->buffers[3] = b.size;
    } else {
        DSI_TRY(dsi_arrow_form_dictionary(&h->batch, c, &b, err));
        DSI_TRY(begin(h, 0, &n->dictionary, err));
        entries = n->dictionary.private_data;
        n->dictionary.length = b.entries;
        n->dictionary.n_buffers = 3;
        entries->buffers[1] = b.offsets;
        entries->buffers[2] = b.bytes;
        out->n_buffers = 2;
        out->dictionary = &n->dictionary;
    }
    out->offset = 0;
    n->buffers[0] = b.validity;
    n->buffers[1] = b.values;
done:
    return rc;
}

static int export_column(struct holder *h, struct dsi_column *c, struct ArrowArray *out,
                         struct ds_error *err)
{
    enum dsi_arrow_form_kind form = dsi_arrow_form_of(h->form, c->field);
    bool map = c->field->type.kind == DSI_TYPE_MAP;
    int rc = DS_OK;

    *out = (struct ArrowArray){0};
    if (c->offsets64) {
        DSI_TRY(narrow_offsets(&h->batch, c, err));
    }
    DSI_TRY(begin(h, map ? 1 : c->child_count, out, err));
    out->length = c->length;
    out->offset = c->offset;
    out->null_count = dsi_column_null_count(c);
    if (form == DSI_FORM_PLAIN) {
        put_buffers(c, out);
    } else {
        DSI_TRY(put_form(h, c, form, out, err));
    }
    DSI_TRY(map ? export_entries(h, c, out, err) : export_children(h, c, out, err));
done:
    if (rc < 0 && out->release) {
        out->release(out);
    }
    return rc;
}

int dsi_arrow_export_batch_as(struct dsi_batch *b, const struct dsi_arrow_form *form,
                              struct ArrowArray *out, struct ds_error *err)
{
    struct holder *h = dsi_calloc(1, sizeof *h);
    int rc = DS_OK;

    *out = (struct ArrowArray){0};
    if (!h) {
        dsi_batch_release(b);
        return dsi_no_memory(err, "exporting a batch");
    }
    dsi_refcount_init(&h->owners); // Ours, dropped below.
    h->batch = *b;
    h->form = form;
    *b = (struct dsi_batch){0};
    DSI_TRY(begin(h, h->batch.column_count, out, err));
    out->length = h->batch.rows;
    out->n_buffers = 1;
    for (size_t i = 0; i < h->batch.column_count; i++) {
        DSI_TRY(export_column(h, &h->batch.columns[i], out->children[i], err));
        out->n_children++;
    }
done:
    if (rc < 0 && out->release) {
        out->release(out);
    }
    h->form = NULL;
    drop(h);
    return rc;
}

int dsi_arrow_export_batch(struct dsi_batch *b, struct ArrowArray *out,
                           struct ds_error *err)
{
    return dsi_arrow_export_batch_as(b, NULL, out, err);
}
