#include "data/arrow_form.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"

enum { VIEW_SIZE = 16, VIEW_INLINE_MAX = 12 };

enum dsi_arrow_form_kind dsi_arrow_form_of(const struct dsi_arrow_form *form,
                                           const struct dsi_field *f)
{
    enum dsi_type_kind kind = f->type.kind;
    bool named = false;

    if (!form || f->id <= 0 || (kind != DSI_TYPE_STRING && kind != DSI_TYPE_BINARY)) {
        return DSI_FORM_PLAIN;
    }
    for (size_t i = 0; i < form->dictionary_count; i++) {
        named = named || form->dictionary_ids[i] == f->id;
    }
    if (named || (form->dictionaries && kind == DSI_TYPE_STRING)) {
        return DSI_FORM_DICTIONARY;
    }
    return form->views ? DSI_FORM_VIEW : DSI_FORM_PLAIN;
}

int dsi_arrow_form_resolve(const struct dsi_schema *schema, const char *const *names,
                           size_t count, struct dsi_arena *arena,
                           struct dsi_arrow_form *form, struct ds_error *err)
{
    int32_t *ids = dsi_arena_array(arena, count, sizeof *ids);

    if (!ids) {
        return dsi_no_memory(err, "choosing dictionaries");
    }
    for (size_t i = 0; i < count; i++) {
        const struct dsi_field *f =
            names[i] ? dsi_schema_field_by_name(schema, names[i]) : NULL;
        if (!f) {
            return dsi_fail(err, DS_EINVALID,
                            "a dictionary of '%s': there is no such "
                            "column",
                            names[i] ? names[i] : "(NULL)");
        }
        if (f->type.kind != DSI_TYPE_STRING && f->type.kind != DSI_TYPE_BINARY) {
            char type[64];
            dsi_type_format(&f->type, type, sizeof type);
            return dsi_fail(
                err, DS_EINVALID,
                "a dictionary of '%s': it is %s; text and binary columns have "
                "dictionaries",
                names[i], type);
        }
        ids[i] = f->id;
    }
    form->dictionary_ids = ids;
    form->dictionary_count = count;
    return DS_OK;
}

// The validity from row 0 on.
static int take_validity(struct dsi_batch *b, const struct dsi_column *c,
                         struct dsi_arrow_buffers *out, struct ds_error *err)
{
    uint8_t *bits = NULL;

    out->validity = c->validity;
    if (!c->validity || c->offset == 0) {
        return DS_OK;
    }
    bits = dsi_batch_malloc(b, dsi_bits_size(c->length));
    if (!bits) {
        return dsi_no_memory(err, "exporting a column");
    }
    dsi_bits_copy(bits, c->validity, c->offset, c->length);
    out->validity = bits;
    return DS_OK;
}

int dsi_arrow_form_views(struct dsi_batch *b, const struct dsi_column *c,
                         struct dsi_arrow_buffers *out, struct ds_error *err)
{
    const int32_t *offsets = c->offsets + c->offset;
    const uint8_t *bytes = (const uint8_t *)c->values;
    uint8_t *views = dsi_batch_malloc(b, (size_t)c->length * VIEW_SIZE);
    int64_t *size = dsi_batch_malloc(b, sizeof *size);
    int rc = views && size ? DS_OK : dsi_no_memory(err, "exporting a column");

    DSI_TRY(rc);
    DSI_TRY(take_validity(b, c, out, err));
    for (int64_t i = 0; i < c->length; i++) {
        int32_t length = offsets[i + 1] - offsets[i];
        uint8_t *view = views + (size_t)i * VIEW_SIZE;
        memset(view, 0, VIEW_SIZE);
        if (out->validity && !dsi_bit_get(out->validity, i)) {
            continue;
        }
        memcpy(view, &length, 4);
        if (length <= VIEW_INLINE_MAX) {
            if (length > 0) {
                memcpy(view + 4, bytes + offsets[i], (size_t)length);
            }
        } else { // Its first bytes, buffer 0, where.
            memcpy(view + 4, bytes + offsets[i], 4);
            memcpy(view + 12, &offsets[i], 4);
        }
    }
    *size = c->length > 0 ? offsets[c->length] : 0;
    out->values = views;
    out->bytes = bytes;
    out->size = size;
done:
    return rc;
}

// Values that were seen, by hash: an open table of entry numbers plus one.
struct seen {
    uint32_t *slots;
    size_t mask;
    uint64_t *hashes; // Of each entry.
    int64_t *rows;    // Where each entry was first.
    int64_t count;
};

static void seen_release(struct seen *s)
{
    dsi_free(s->slots);
    dsi_free(s->hashes);
    dsi_free(s->rows);
}

// Twice as many slots as there may be entries, soon: few values repeat in most columns
// that anybody wants a dictionary of.
static int seen_grow(struct seen *s, struct ds_error *err)
{
    size_t capacity = s->slots ? (s->mask + 1) : 512; // Entries, for twice the slots.
    uint32_t *slots = dsi_calloc(capacity * 2, sizeof *slots);
    uint64_t *hashes = dsi_realloc(s->hashes, capacity * sizeof *hashes);
    int64_t *rows = NULL;

    s->hashes = hashes ? hashes : s->hashes;
    rows = hashes ? dsi_realloc(s->rows, capacity * sizeof *rows) : NULL;
    s->rows = rows ? rows : s->rows;
    if (!slots || !hashes || !rows) {
        dsi_free(slots);
        return dsi_no_memory(err, "making a dictionary");
    }
    dsi_free(s->slots);
    s->slots = slots;
    s->mask = capacity * 2 - 1;
    for (int64_t i = 0; i < s->count; i++) {
        size_t at = hashes[i] & s->mask;
        while (slots[at] != 0) {
            at = (at + 1) & s->mask;
        }
        slots[at] = (uint32_t)i + 1;
    }
    return DS_OK;
}

// Which entry a row's value is, a new one if nobody had it.
static int seen_find(struct seen *s, const struct dsi_column *c, int64_t row,
                     int32_t *out, struct ds_error *err)
{
    struct ds_slice v = dsi_column_bytes(c, row);
    uint64_t hash = dsi_xxh64(v.data, v.size);
    size_t at = 0;

    if (!s->slots || (size_t)s->count * 2 > s->mask) {
        int rc = seen_grow(s, err);
        if (rc < 0) {
            return rc;
        }
    }
    for (at = hash & s->mask; s->slots[at] != 0; at = (at + 1) & s->mask) {
        int64_t entry = (int64_t)s->slots[at] - 1;
        struct ds_slice is = dsi_column_bytes(c, s->rows[entry]);
        if (s->hashes[entry] == hash && is.size == v.size &&
            (v.size == 0 || memcmp(is.data, v.data, v.size) == 0)) {
            *out = (int32_t)entry;
            return DS_OK;
        }
    }
    s->hashes[s->count] = hash;
    s->rows[s->count] = row;
    s->slots[at] = (uint32_t)++s->count;
    *out = (int32_t)(s->count - 1);
    return DS_OK;
}

// The entries, one after another.
static int copy_entries(struct dsi_batch *b, const struct dsi_column *c,
                        const struct seen *s, struct dsi_arrow_buffers *out,
                        struct ds_error *err)
{
    int32_t *offsets = dsi_batch_malloc(b, ((size_t)s->count + 1) * sizeof *offsets);
    size_t at = 0;

    if (!offsets) {
        return dsi_no_memory(err, "making a dictionary");
    }
    offsets[0] = 0;
    for (int64_t i = 0; i < s->count; i++) {
        at += dsi_column_bytes(c, s->rows[i]).size; // At most all bytes of the column.
        offsets[i + 1] = (int32_t)at;
    }
    uint8_t *bytes = dsi_batch_malloc(b, at);
    if (!bytes) {
        return dsi_no_memory(err, "making a dictionary");
    }
    for (int64_t i = 0; i < s->count; i++) {
        struct ds_slice v = dsi_column_bytes(c, s->rows[i]);
        if (v.size > 0) {
            memcpy(bytes + offsets[i], v.data, v.size);
        }
    }
    out->offsets = offsets;
    out->bytes = bytes;
    out->entries = s->count;
    return DS_OK;
}

int dsi_arrow_form_dictionary(struct dsi_batch *b, const struct dsi_column *c,
                              struct dsi_arrow_buffers *out, struct ds_error *err)
{
    int32_t *indices = dsi_batch_malloc(b, (size_t)c->length * sizeof *indices);
    struct seen seen = {0};
    int rc = indices ? DS_OK : dsi_no_memory(err, "making a dictionary");

    DSI_TRY(rc);
    DSI_TRY(take_validity(b, c, out, err));
    for (int64_t i = 0; i < c->length; i++) {
        indices[i] = 0;
        if (!out->validity || dsi_bit_get(out->validity, i)) {
            DSI_TRY(seen_find(&seen, c, i, &indices[i], err));
        }
    }
    DSI_TRY(copy_entries(b, c, &seen, out, err));
    out->values = indices;
done:
    seen_release(&seen);
    return rc;
}
