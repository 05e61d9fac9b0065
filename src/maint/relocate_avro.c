#include "maint/relocate_avro.h"

#include <string.h>

#include "base/error.h"
#include "codec/avro/avro_writer.h"

struct walk {
    const struct dsi_relocate_fields *fields;
    struct dsi_buf *out; // NULL: to see.
};

static int copy(struct walk *w, const struct dsi_avro_type *t, struct ds_slice *in,
                int depth, struct ds_error *err);

static int put_bytes(struct walk *w, const uint8_t *from, const uint8_t *to,
                     struct ds_error *err)
{
    return w->out ? dsi_buf_append(w->out, from, (size_t)(to - from), err) : DS_OK;
}

static int put_count(struct walk *w, int64_t count, struct ds_error *err)
{
    return w->out ? dsi_avro_put_long(w->out, count, err) : DS_OK;
}

static int copy_field(struct walk *w, const struct dsi_avro_field *f, struct ds_slice *in,
                      int depth, struct ds_error *err)
{
    const struct dsi_relocate_fields *x = w->fields;
    int rc = w->out ? x->put(x->arg, f, *in, w->out, err) : x->see(x->arg, f, *in, err);

    if (rc == DS_ROW) {
        return dsi_avro_skip(f->type, in, err);
    }
    return rc < 0 ? rc : copy(w, f->type, in, depth - 1, err);
}

static int copy_items(struct walk *w, const struct dsi_avro_type *t, struct ds_slice *in,
                      int depth, struct ds_error *err)
{
    bool map = t->kind == DSI_AVRO_MAP;
    bool nothing = t->items->size_min == 0 && !map;
    struct ds_slice key = {NULL, 0};
    int64_t count = 0;
    int64_t size = 0;
    int rc = DS_OK;

    do { // Each round takes a head of at least one byte.
        DSI_TRY(dsi_avro_block(in, t->items->size_min + map, &count, &size, err));
        DSI_TRY(put_count(w, count, err));
        for (int64_t i = 0; i < count && !nothing; i++) {
            const uint8_t *from = in->data;
            if (map) {
                DSI_TRY(dsi_avro_bytes(in, &key, err));
                DSI_TRY(put_bytes(w, from, in->data, err));
            }
            DSI_TRY(copy(w, t->items, in, depth - 1, err));
        }
    } while (count > 0);
done:
    return rc;
}

static int copy_inner(struct walk *w, const struct dsi_avro_type *t, struct ds_slice *in,
                      int depth, struct ds_error *err)
{
    const struct dsi_avro_type *branch = NULL;
    const uint8_t *from = in->data;
    int rc = DS_OK;

    if (depth <= 0) {
        return dsi_corrupt(err, "avro: values nested more than %d deep",
                           DSI_AVRO_DEPTH_MAX);
    }
    if (t->kind == DSI_AVRO_RECORD) {
        for (size_t i = 0; i < t->field_count; i++) {
            DSI_TRY(copy_field(w, &t->fields[i], in, depth, err));
        }
    } else if (t->kind == DSI_AVRO_UNION) {
        DSI_TRY(dsi_avro_branch(t, in, &branch, err));
        DSI_TRY(put_bytes(w, from, in->data, err));
        DSI_TRY(copy(w, branch, in, depth - 1, err));
    } else {
        DSI_TRY(copy_items(w, t, in, depth, err));
    }
done:
    return rc;
}

// Recursion is bounded by `depth`.
static int copy(struct walk *w, const struct dsi_avro_type *t, struct ds_slice *in,
                int depth, struct ds_error *err)
{
    const uint8_t *from = in->data;
    bool inner = t->kind == DSI_AVRO_RECORD || t->kind == DSI_AVRO_UNION ||
                 t->kind == DSI_AVRO_ARRAY || t->kind == DSI_AVRO_MAP;

    if (t->size_min == 0) {
        return DS_OK;
    }
    if (inner) {
        return copy_inner(w, t, in, depth, err);
    }
    int rc = dsi_avro_skip(t, in, err);
    return rc < 0 ? rc : put_bytes(w, from, in->data, err);
}

static int copy_objects(const struct dsi_avro_type *schema, int64_t count,
                        struct ds_slice objects, const struct dsi_relocate_fields *fields,
                        struct dsi_avro_writer *out, struct ds_error *err)
{
    struct walk see = {fields, NULL};
    struct walk put = {fields, &out->block};
    int rc = DS_OK;

    for (int64_t i = 0; i < count; i++) {
        struct ds_slice again = objects;
        DSI_TRY(copy(&see, schema, &objects, DSI_AVRO_DEPTH_MAX, err));
        DSI_TRY(fields->seen(fields->arg, err));
        DSI_TRY(copy(&put, schema, &again, DSI_AVRO_DEPTH_MAX, err));
        DSI_TRY(dsi_avro_writer_object(out, err));
    }
    if (objects.size > 0) {
        rc = dsi_corrupt(err, "avro: %zu bytes behind a block's last object",
                         objects.size);
    }
done:
    return rc;
}

static int open_writer(const struct dsi_avro_reader *r, struct dsi_arena *arena,
                       struct dsi_buf *out, struct dsi_avro_writer *w,
                       struct ds_error *err)
{
    struct dsi_avro_meta *meta = dsi_arena_array(arena, r->meta_count + 1, sizeof *meta);
    struct dsi_avro_write spec = {
        .meta = meta, .codec = r->codec, .level = DSI_COMPRESSION_LEVEL_DEFAULT};

    if (!meta) {
        return dsi_no_memory(err, "an Avro file");
    }
    for (size_t i = 0; i < r->meta_count; i++) {
        struct ds_slice key = r->meta[i].key;
        if (key.size < 5 || memcmp(key.data, "avro.", 5) != 0) {
            meta[spec.meta_count++] = r->meta[i];
        }
    }
    if (!dsi_avro_reader_meta(r, "avro.schema", &spec.schema)) {
        return dsi_corrupt(err, "avro: no schema");
    }
    return dsi_avro_writer_init(w, out, &spec, err);
}

int dsi_relocate_avro(struct ds_slice file, const struct dsi_relocate_fields *fields,
                      struct dsi_buf *out, struct ds_error *err)
{
    struct dsi_avro_writer w = {0};
    struct dsi_avro_reader r = {0};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_slice objects = {NULL, 0};
    int64_t count = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_avro_reader_init(&r, file, err));
    DSI_TRY(open_writer(&r, &arena, out, &w, err));
    while ((rc = dsi_avro_reader_next(&r, &count, &objects, err)) == DS_ROW) {
        DSI_TRY(copy_objects(r.schema, count, objects, fields, &w, err));
    }
    DSI_TRY(rc);
    DSI_TRY(dsi_avro_writer_finish(&w, err));
done:
    dsi_avro_writer_release(&w);
    dsi_avro_reader_release(&r);
    dsi_arena_release(&arena);
    return rc;
}

int dsi_relocate_text(const struct dsi_avro_type *t, struct ds_slice value,
                      struct ds_slice *out, struct ds_error *err)
{
    int rc = dsi_avro_branch(t, &value, &t, err);

    *out = (struct ds_slice){NULL, 0};
    if (rc < 0 || (t->kind != DSI_AVRO_STRING && t->kind != DSI_AVRO_BYTES)) {
        return rc;
    }
    return dsi_avro_bytes(&value, out, err);
}

int dsi_relocate_number(const struct dsi_avro_type *t, struct ds_slice value,
                        int64_t *out, struct ds_error *err)
{
    int rc = dsi_avro_branch(t, &value, &t, err);

    *out = -1;
    if (rc < 0 || (t->kind != DSI_AVRO_INT && t->kind != DSI_AVRO_LONG)) {
        return rc;
    }
    return dsi_avro_long(&value, out, err);
}

// The branch's number, as it stands, when a value of one of two kinds follows.
static int put_branch(const struct dsi_avro_type *t, struct ds_slice value,
                      enum dsi_avro_kind one, enum dsi_avro_kind other,
                      struct dsi_buf *out, struct ds_error *err)
{
    const uint8_t *from = value.data;
    int rc = dsi_avro_branch(t, &value, &t, err);

    if (rc == DS_OK && t->kind != one && t->kind != other) {
        rc = dsi_corrupt(err, "avro: a value that is to be changed is none, or of "
                              "another kind");
    }
    return rc < 0 ? rc : dsi_buf_append(out, from, (size_t)(value.data - from), err);
}

int dsi_relocate_put_text(const struct dsi_avro_type *t, struct ds_slice value,
                          struct ds_slice text, struct dsi_buf *out, struct ds_error *err)
{
    int rc = put_branch(t, value, DSI_AVRO_STRING, DSI_AVRO_BYTES, out, err);

    rc = rc < 0 ? rc : dsi_avro_put_bytes(out, text, err);
    return rc < 0 ? rc : DS_ROW;
}

int dsi_relocate_put_number(const struct dsi_avro_type *t, struct ds_slice value,
                            int64_t number, struct dsi_buf *out, struct ds_error *err)
{
    int rc = put_branch(t, value, DSI_AVRO_INT, DSI_AVRO_LONG, out, err);

    rc = rc < 0 ? rc : dsi_avro_put_long(out, number, err);
    return rc < 0 ? rc : DS_ROW;
}

int dsi_relocate_put_null(const struct dsi_avro_field *f, struct dsi_buf *out,
                          struct ds_error *err)
{
    const struct dsi_avro_type *t = f->type;

    for (size_t i = 0; t->kind == DSI_AVRO_UNION && i < t->branch_count; i++) {
        if (t->branches[i]->kind == DSI_AVRO_NULL) {
            int rc = dsi_avro_put_long(out, (int64_t)i, err);
            return rc < 0 ? rc : DS_ROW;
        }
    }
    return dsi_fail(err, DS_EUNSUPPORTED, "the field %.100s cannot be left out", f->name);
}
