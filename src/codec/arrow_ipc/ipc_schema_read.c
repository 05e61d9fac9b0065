#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/text.h"
#include "codec/arrow_ipc/ipc_format.h"
#include "codec/arrow_ipc/ipc_layout.h"
#include "codec/arrow_ipc/ipc_schema.h"

// What one ArrowSchema of ours owns.
struct node {
    struct dsi_buf format;
    struct dsi_buf name;
    struct dsi_buf metadata;
    struct ArrowSchema *children;
    struct ArrowSchema **pointers;
    struct ArrowSchema *dictionary;
};

// A buffer's parts may be shared, so a small one could hold a large tree. What is made of
// it is counted: no more fields than could stand in it, no more text than a few times it.
struct walk {
    struct dsi_buf *ids;
    size_t fields_left;
    size_t text_left;
    const char *what;
    struct ds_error *err;
};

static void release_schema(struct ArrowSchema *s)
{
    struct node *n = s->private_data;

    for (int64_t i = 0; i < s->n_children; i++) {
        if (n->children[i].release) {
            n->children[i].release(&n->children[i]);
        }
    }
    if (n->dictionary && n->dictionary->release) {
        n->dictionary->release(n->dictionary);
    }
    dsi_free(n->dictionary);
    dsi_free(n->children);
    dsi_free(n->pointers);
    dsi_buf_release(&n->format);
    dsi_buf_release(&n->name);
    dsi_buf_release(&n->metadata);
    dsi_free(n);
    s->release = NULL;
}

static int new_node(struct ArrowSchema *out, struct ds_error *err)
{
    struct node *n = dsi_calloc(1, sizeof *n);

    *out = (struct ArrowSchema){0};
    if (!n) {
        return dsi_no_memory(err, "reading an Arrow schema");
    }
    out->release = release_schema;
    out->private_data = n;
    return DS_OK;
}

static int spend(struct walk *w, size_t bytes)
{
    if (bytes > w->text_left) {
        return dsi_corrupt(w->err, "%s: the same text is used again and again", w->what);
    }
    w->text_left -= bytes;
    return DS_OK;
}

// The text of a slot as a C string; an absent one is empty.
static int read_text(struct walk *w, const struct dsi_flat_table *t, size_t slot,
                     struct dsi_buf *out)
{
    struct ds_slice text = {0};
    bool found = false;
    int rc = DS_OK;

    DSI_TRY(dsi_flat_text(t, slot, &found, &text, w->err));
    DSI_TRY(spend(w, text.size + 1));
    if (text.size > 0 && (memchr(text.data, 0, text.size) || !dsi_utf8_valid(text))) {
        return dsi_corrupt(w->err, "%s: a name that is not UTF-8, or has a zero in it",
                           w->what);
    }
    DSI_TRY(dsi_buf_append(out, text.data, text.size, w->err));
    if (!dsi_buf_text(out)) {
        return dsi_no_memory(w->err, "reading an Arrow schema");
    }
done:
    return rc;
}

// A length and as many bytes, as ArrowSchema's metadata have them.
static int append_sized(struct walk *w, struct dsi_buf *b, struct ds_slice text)
{
    int32_t size = (int32_t)text.size;
    int rc = DS_OK;

    DSI_TRY(spend(w, text.size + sizeof size));
    DSI_TRY(dsi_buf_append(b, &size, sizeof size, w->err));
    DSI_TRY(dsi_buf_append(b, text.data, text.size, w->err));
done:
    return rc;
}

static int read_metadata(struct walk *w, const struct dsi_flat_table *t, size_t slot,
                         struct ArrowSchema *out)
{
    struct dsi_buf *b = &((struct node *)out->private_data)->metadata;
    struct dsi_flat_vector pairs;
    int32_t count = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_flat_vector(t, slot, 4, &pairs, w->err));
    if (pairs.count == 0) {
        return DS_OK;
    }
    count = (int32_t)pairs.count; // It fits: each takes bytes of the buffer.
    DSI_TRY(dsi_buf_append(b, &count, sizeof count, w->err));
    for (size_t i = 0; i < pairs.count; i++) {
        struct dsi_flat_table pair;
        struct ds_slice key = {0};
        struct ds_slice value = {0};
        bool found = false;
        DSI_TRY(dsi_flat_element(&pairs, i, &pair, w->err));
        DSI_TRY(dsi_flat_text(&pair, PAIR_KEY, &found, &key, w->err));
        DSI_TRY(dsi_flat_text(&pair, PAIR_VALUE, &found, &value, w->err));
        DSI_TRY(append_sized(w, b, key));
        DSI_TRY(append_sized(w, b, value));
    }
    out->metadata = (const char *)b->data;
done:
    return rc;
}

static int unknown(const struct walk *w, const char *name, const char *what, int64_t n)
{
    return dsi_fail(w->err, DS_EUNSUPPORTED,
                    "%s: column %.200s: Arrow type %s (%lld) is not supported", w->what,
                    name, what, (long long)n);
}

static int int_format(struct walk *w, const struct dsi_flat_table *t, const char *name,
                      struct dsi_buf *out)
{
    int64_t bits = 0;
    int64_t is_signed = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_flat_int(t, 0, 4, 0, &bits, w->err));
    DSI_TRY(dsi_flat_int(t, 1, 1, 0, &is_signed, w->err));
    switch (bits) {
    case 8:
        return dsi_buf_append_text(out, is_signed ? "c" : "C", w->err);
    case 16:
        return dsi_buf_append_text(out, is_signed ? "s" : "S", w->err);
    case 32:
        return dsi_buf_append_text(out, is_signed ? "i" : "I", w->err);
    case 64:
        return dsi_buf_append_text(out, is_signed ? "l" : "L", w->err);
    default:
        return unknown(w, name, "integer", bits);
    }
done:
    return rc;
}

static int decimal_format(struct walk *w, const struct dsi_flat_table *t,
                          struct dsi_buf *out)
{
    int64_t precision = 0;
    int64_t scale = 0;
    int64_t bits = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_flat_int(t, 0, 4, 0, &precision, w->err));
    DSI_TRY(dsi_flat_int(t, 1, 4, 0, &scale, w->err));
    DSI_TRY(dsi_flat_int(t, 2, 4, 128, &bits, w->err));
    if (bits == 128) {
        return dsi_buf_printf(out, w->err, "d:%d,%d", (int)precision, (int)scale);
    }
    rc = dsi_buf_printf(out, w->err, "d:%d,%d,%d", (int)precision, (int)scale, (int)bits);
done:
    return rc;
}

// One of the formats of a type with a unit.
static int unit_format(struct walk *w, const struct dsi_flat_table *t, const char *name,
                       const char *const *formats, int64_t count, int64_t fallback,
                       struct dsi_buf *out)
{
    int64_t unit = 0;
    int rc = dsi_flat_int(t, 0, 2, fallback, &unit, w->err);

    if (rc < 0) {
        return rc;
    }
    if (unit < 0 || unit >= count) {
        return unknown(w, name, "with unit", unit);
    }
    return dsi_buf_append_text(out, formats[unit], w->err);
}

static int timestamp_format(struct walk *w, const struct dsi_flat_table *t,
                            const char *name, struct dsi_buf *out)
{
    static const char *const formats[] = {"tss:", "tsm:", "tsu:", "tsn:"};
    int rc = DS_OK;

    DSI_TRY(unit_format(w, t, name, formats, 4, 0, out));
    DSI_TRY(read_text(w, t, 1, out));
done:
    return rc;
}

static int sized_format(struct walk *w, const struct dsi_flat_table *t, const char *start,
                        struct dsi_buf *out)
{
    int64_t size = 0;
    int rc = dsi_flat_int(t, 0, 4, 0, &size, w->err);

    return rc < 0 ? rc : dsi_buf_printf(out, w->err, "%s%d", start, (int)size);
}

static int map_format(struct walk *w, const struct dsi_flat_table *t,
                      struct ArrowSchema *s, struct dsi_buf *out)
{
    int64_t sorted = 0;
    int rc = dsi_flat_int(t, 0, 1, 0, &sorted, w->err);

    s->flags |= sorted ? ARROW_FLAG_MAP_KEYS_SORTED : 0;
    return rc < 0 ? rc : dsi_buf_append_text(out, "+m", w->err);
}

static int type_format(struct walk *w, int64_t kind, const struct dsi_flat_table *t,
                       const char *name, struct ArrowSchema *s, struct dsi_buf *out)
{
    static const char *const floats[] = {"e", "f", "g"};
    static const char *const dates[] = {"tdD", "tdm"};
    static const char *const times[] = {"tts", "ttm", "ttu", "ttn"};
    static const char *const durations[] = {"tDs", "tDm", "tDu", "tDn"};
    static const char *const intervals[] = {"tiM", "tiD", "tin"};
    static const char *const plain[] = {
        [TYPE_NULL] = "n",         [TYPE_BINARY] = "z",
        [TYPE_UTF8] = "u",         [TYPE_BOOL] = "b",
        [TYPE_LIST] = "+l",        [TYPE_STRUCT] = "+s",
        [TYPE_LARGE_BINARY] = "Z", [TYPE_LARGE_UTF8] = "U",
        [TYPE_LARGE_LIST] = "+L",  [TYPE_RUN_END_ENCODED] = "+r",
        [TYPE_BINARY_VIEW] = "vz", [TYPE_UTF8_VIEW] = "vu",
        [TYPE_LIST_VIEW] = "+vl",  [TYPE_LARGE_LIST_VIEW] = "+vL",
    };

    switch (kind) {
    case TYPE_INT:
        return int_format(w, t, name, out);
    case TYPE_FLOATING_POINT:
        return unit_format(w, t, name, floats, 3, 0, out);
    case TYPE_DECIMAL:
        return decimal_format(w, t, out);
    case TYPE_DATE:
        return unit_format(w, t, name, dates, 2, 1, out);
    case TYPE_TIME:
        return unit_format(w, t, name, times, 4, 1, out);
    case TYPE_TIMESTAMP:
        return timestamp_format(w, t, name, out);
    case TYPE_INTERVAL:
        return unit_format(w, t, name, intervals, 3, 0, out);
    case TYPE_DURATION:
        return unit_format(w, t, name, durations, 4, 1, out);
    case TYPE_FIXED_SIZE_BINARY:
        return sized_format(w, t, "w:", out);
    case TYPE_FIXED_SIZE_LIST:
        return sized_format(w, t, "+w:", out);
    case TYPE_MAP:
        return map_format(w, t, s, out);
    case TYPE_UNION:
        return unknown(w, name, "union", kind);
    default:
        if (kind < 0 || kind > TYPE_LARGE_LIST_VIEW || !plain[kind]) {
            return unknown(w, name, "unknown to this version", kind);
        }
        return dsi_buf_append_text(out, plain[kind], w->err);
    }
}

static int finish_format(struct walk *w, struct ArrowSchema *s)
{
    struct node *n = s->private_data;

    s->format = dsi_buf_text(&n->format);
    return s->format ? DS_OK : dsi_no_memory(w->err, "reading an Arrow schema");
}

static int read_field(struct walk *w, const struct dsi_flat_table *field,
                      const char *column, int depth, struct ArrowSchema *out);

static int read_children(struct walk *w, const struct dsi_flat_vector *fields,
                         const char *column, int depth, struct ArrowSchema *out)
{
    struct node *n = out->private_data;
    int rc = DS_OK;

    if (fields->count > w->fields_left) {
        return dsi_corrupt(w->err, "%s: more fields than it has room for", w->what);
    }
    n->children = dsi_calloc(fields->count, sizeof *n->children);
    n->pointers = dsi_calloc(fields->count, sizeof *n->pointers);
    if (!n->children || !n->pointers) {
        return dsi_no_memory(w->err, "reading an Arrow schema");
    }
    out->children = n->pointers;
    for (size_t i = 0; i < fields->count; i++) {
        struct dsi_flat_table field;
        DSI_TRY(dsi_flat_element(fields, i, &field, w->err));
        DSI_TRY(read_field(w, &field, column, depth + 1, &n->children[i]));
        n->pointers[i] = &n->children[i];
        out->n_children++;
    }
done:
    return rc;
}

// The format and the children of a field's type.
static int read_type(struct walk *w, const struct dsi_flat_table *field,
                     const char *column, int depth, struct ArrowSchema *s)
{
    struct node *n = s->private_data;
    struct dsi_flat_table type = {0};
    struct dsi_flat_vector children;
    int64_t kind = 0;
    bool found = false;
    int rc = DS_OK;

    DSI_TRY(dsi_flat_int(field, FIELD_TYPE_KIND, 1, 0, &kind, w->err));
    DSI_TRY(dsi_flat_child(field, FIELD_TYPE, &found, &type, w->err));
    if (!found) {
        return dsi_corrupt(w->err, "%s: column %.200s: it has no type", w->what, column);
    }
    DSI_TRY(type_format(w, kind, &type, column, s, &n->format));
    DSI_TRY(finish_format(w, s));
    DSI_TRY(dsi_flat_vector(field, FIELD_CHILDREN, 4, &children, w->err));
    rc = read_children(w, &children, column, depth, s);
done:
    return rc;
}

// A dictionary-encoded field: its own type is that of the indices, `type` the values'.
static int read_dictionary(struct walk *w, const struct dsi_flat_table *field,
                           const struct dsi_flat_table *encoding, const char *column,
                           int depth, struct ArrowSchema *s)
{
    struct node *n = s->private_data;
    struct dsi_flat_table index = {0};
    int64_t id = 0;
    int64_t ordered = 0;
    bool found = false;
    int rc = DS_OK;

    DSI_TRY(dsi_flat_int(encoding, DICTIONARY_ID, 8, 0, &id, w->err));
    DSI_TRY(dsi_flat_int(encoding, DICTIONARY_ORDERED, 1, 0, &ordered, w->err));
    DSI_TRY(dsi_flat_child(encoding, DICTIONARY_INDEX_TYPE, &found, &index, w->err));
    DSI_TRY(found ? int_format(w, &index, column, &n->format)
                  : dsi_buf_append_text(&n->format, "i", w->err));
    DSI_TRY(finish_format(w, s));
    DSI_TRY(dsi_buf_append(w->ids, &id, sizeof id, w->err));
    s->flags |= ordered ? ARROW_FLAG_DICTIONARY_ORDERED : 0;
    n->dictionary = dsi_calloc(1, sizeof *n->dictionary);
    if (!n->dictionary) {
        return dsi_no_memory(w->err, "reading an Arrow schema");
    }
    DSI_TRY(new_node(n->dictionary, w->err));
    s->dictionary = n->dictionary;
    s->dictionary->name = "";
    s->dictionary->flags = ARROW_FLAG_NULLABLE;
    DSI_TRY(read_type(w, field, column, depth, s->dictionary));
done:
    return rc;
}

static int read_field(struct walk *w, const struct dsi_flat_table *field,
                      const char *column, int depth, struct ArrowSchema *out)
{
    struct dsi_flat_table encoding = {0};
    int64_t nullable = 0;
    bool found = false;
    int rc = new_node(out, w->err);

    if (rc < 0) {
        return rc;
    }
    struct node *n = out->private_data;
    if (w->fields_left == 0 || depth > DSI_IPC_DEPTH_MAX) {
        rc = dsi_corrupt(w->err,
                         "%s: column %.200s: too many fields, or nested too "
                         "deeply",
                         w->what, column);
        goto done;
    }
    w->fields_left--;
    DSI_TRY(read_text(w, field, FIELD_NAME, &n->name));
    out->name = dsi_buf_text(&n->name);
    column = depth == 1 ? out->name : column;
    DSI_TRY(dsi_flat_int(field, FIELD_NULLABLE, 1, 0, &nullable, w->err));
    out->flags = nullable ? ARROW_FLAG_NULLABLE : 0;
    DSI_TRY(dsi_flat_child(field, FIELD_DICTIONARY, &found, &encoding, w->err));
    DSI_TRY(found ? read_dictionary(w, field, &encoding, column, depth, out)
                  : read_type(w, field, column, depth, out));
    DSI_TRY(read_metadata(w, field, FIELD_METADATA, out));
done:
    if (rc < 0) {
        release_schema(out);
    }
    return rc;
}

static int read_root(struct walk *w, const struct dsi_flat_table *schema,
                     struct ArrowSchema *out)
{
    struct dsi_flat_vector fields;
    int64_t endianness = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_flat_int(schema, SCHEMA_ENDIANNESS, 2, 0, &endianness, w->err));
    if (endianness != 0) {
        return dsi_fail(w->err, DS_EUNSUPPORTED,
                        "%s: its numbers are big-endian; only little-endian Arrow data "
                        "are read",
                        w->what);
    }
    DSI_TRY(dsi_flat_vector(schema, SCHEMA_FIELDS, 4, &fields, w->err));
    DSI_TRY(read_children(w, &fields, "", 0, out));
    DSI_TRY(read_metadata(w, schema, SCHEMA_METADATA, out));
done:
    return rc;
}

int dsi_ipc_schema_read(const struct dsi_flat_table *schema, struct ArrowSchema *out,
                        struct dsi_buf *ids, struct ds_error *err)
{
    enum { FIELD_BYTES_MIN = 8, TEXT_TIMES = 8, TEXT_BYTES_MIN = 1 << 20 };
    size_t size = schema->buffer.size;
    struct walk w = {
        .ids = ids,
        .fields_left = size / FIELD_BYTES_MIN,
        .text_left = size * TEXT_TIMES + TEXT_BYTES_MIN,
        .what = schema->what,
        .err = err,
    };
    int rc = new_node(out, err);

    if (rc < 0) {
        return rc;
    }
    if (w.fields_left > DSI_IPC_FIELDS_MAX) {
        w.fields_left = DSI_IPC_FIELDS_MAX;
    }
    out->format = "+s";
    out->name = "";
    rc = read_root(&w, schema, out);
    if (rc < 0) {
        release_schema(out);
    }
    return rc;
}
