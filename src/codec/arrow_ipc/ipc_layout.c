#include "codec/arrow_ipc/ipc_layout.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

static const struct {
    const char *format;
    enum dsi_ipc_shape shape;
    uint16_t bits;
    bool is_integer;
    bool is_signed;
} plain[] = {
    {"n", DSI_IPC_NULLS, 0, false, false},
    {"b", DSI_IPC_FIXED, 1, false, false},
    {"c", DSI_IPC_FIXED, 8, true, true},
    {"C", DSI_IPC_FIXED, 8, true, false},
    {"s", DSI_IPC_FIXED, 16, true, true},
    {"S", DSI_IPC_FIXED, 16, true, false},
    {"i", DSI_IPC_FIXED, 32, true, true},
    {"I", DSI_IPC_FIXED, 32, true, false},
    {"l", DSI_IPC_FIXED, 64, true, true},
    {"L", DSI_IPC_FIXED, 64, true, false},
    {"e", DSI_IPC_FIXED, 16, false, false},
    {"f", DSI_IPC_FIXED, 32, false, false},
    {"g", DSI_IPC_FIXED, 64, false, false},
    {"tdD", DSI_IPC_FIXED, 32, false, false},
    {"tdm", DSI_IPC_FIXED, 64, false, false},
    {"tts", DSI_IPC_FIXED, 32, false, false},
    {"ttm", DSI_IPC_FIXED, 32, false, false},
    {"ttu", DSI_IPC_FIXED, 64, false, false},
    {"ttn", DSI_IPC_FIXED, 64, false, false},
    {"tDs", DSI_IPC_FIXED, 64, false, false},
    {"tDm", DSI_IPC_FIXED, 64, false, false},
    {"tDu", DSI_IPC_FIXED, 64, false, false},
    {"tDn", DSI_IPC_FIXED, 64, false, false},
    {"tiM", DSI_IPC_FIXED, 32, false, false},
    {"tiD", DSI_IPC_FIXED, 64, false, false},
    {"tin", DSI_IPC_FIXED, 128, false, false},
    {"u", DSI_IPC_TEXT, 32, false, false},
    {"z", DSI_IPC_TEXT, 32, false, false},
    {"U", DSI_IPC_TEXT, 64, false, false},
    {"Z", DSI_IPC_TEXT, 64, false, false},
    {"vu", DSI_IPC_VIEWS, 128, false, false},
    {"vz", DSI_IPC_VIEWS, 128, false, false},
    {"+s", DSI_IPC_STRUCT, 0, false, false},
    {"+l", DSI_IPC_LIST, 32, false, false},
    {"+L", DSI_IPC_LIST, 64, false, false},
    {"+m", DSI_IPC_LIST, 32, false, false},
    {"+vl", DSI_IPC_LIST_VIEW, 32, false, false},
    {"+vL", DSI_IPC_LIST_VIEW, 64, false, false},
    {"+r", DSI_IPC_RUNS, 0, false, false},
};

// A schema being walked.
struct walk {
    struct dsi_arena *arena;
    struct dsi_ipc_layout *out;
    size_t dictionary_room;
    size_t fields;
    struct ds_error *err;
};

static int malformed(const struct dsi_ipc_node *n, const char *what, struct ds_error *err)
{
    return dsi_fail(err, DS_EINVALID, "column %.200s: %s", n->name, what);
}

static bool read_number(const char *text, int64_t max, int64_t *out)
{
    return dsi_text_to_i64(text, strlen(text), out) && *out >= 0 && *out <= max;
}

// "d:precision,scale" and perhaps ",bits".
static bool read_decimal_bits(const char *format, size_t *bits)
{
    const char *first = strchr(format, ',');
    const char *second = first ? strchr(first + 1, ',') : NULL;
    int64_t n = 128;

    if (!first || (second && !read_number(second + 1, 256, &n))) {
        return false;
    }
    *bits = (size_t)n;
    return n == 32 || n == 64 || n == 128 || n == 256;
}

static int read_format(const char *format, struct dsi_ipc_node *out, struct ds_error *err)
{
    int64_t n = 0;

    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        if (strcmp(format, plain[i].format) == 0) {
            out->shape = plain[i].shape;
            out->bits = plain[i].bits;
            out->is_integer = plain[i].is_integer;
            out->is_signed = plain[i].is_signed;
            return DS_OK;
        }
    }
    if (strncmp(format, "ts", 2) == 0) {
        out->shape = DSI_IPC_FIXED;
        out->bits = 64;
        return DS_OK;
    }
    if (strncmp(format, "w:", 2) == 0 && read_number(format + 2, INT32_MAX, &n)) {
        out->shape = DSI_IPC_FIXED;
        out->bits = (size_t)n * 8;
        return DS_OK;
    }
    if (strncmp(format, "+w:", 3) == 0 && read_number(format + 3, INT32_MAX, &n)) {
        out->shape = DSI_IPC_FIXED_LIST;
        out->list_size = n;
        return DS_OK;
    }
    if (strncmp(format, "d:", 2) == 0 && read_decimal_bits(format, &out->bits)) {
        out->shape = DSI_IPC_FIXED;
        return DS_OK;
    }
    return dsi_fail(err, DS_EUNSUPPORTED,
                    "column %.200s: %s (format '%.40s') cannot be written or read",
                    out->name, strncmp(format, "+u", 2) == 0 ? "a union" : "its type",
                    format);
}

static int64_t children_wanted(const struct dsi_ipc_node *n)
{
    switch (n->shape) {
    case DSI_IPC_STRUCT:
        return -1;
    case DSI_IPC_LIST:
    case DSI_IPC_LIST_VIEW:
    case DSI_IPC_FIXED_LIST:
        return 1;
    case DSI_IPC_RUNS:
        return 2;
    default:
        return 0;
    }
}

size_t dsi_ipc_buffer_count(const struct dsi_ipc_node *n)
{
    switch (n->shape) {
    case DSI_IPC_NULLS:
    case DSI_IPC_RUNS:
        return 0;
    case DSI_IPC_STRUCT:
    case DSI_IPC_FIXED_LIST:
        return 1;
    case DSI_IPC_TEXT:
    case DSI_IPC_LIST_VIEW:
        return 3;
    default:
        return 2;
    }
}

static int add_dictionary(struct walk *w, struct dsi_ipc_dictionary **out)
{
    struct dsi_ipc_layout *l = w->out;

    if (l->dictionary_count == w->dictionary_room) {
        size_t room = w->dictionary_room ? 2 * w->dictionary_room : 8;
        struct dsi_ipc_dictionary **more =
            dsi_arena_array(w->arena, room, sizeof(struct dsi_ipc_dictionary *));
        if (!more) {
            return dsi_no_memory(w->err, "reading a schema");
        }
        for (size_t i = 0; i < l->dictionary_count; i++) {
            more[i] = l->dictionaries[i];
        }
        l->dictionaries = more;
        w->dictionary_room = room;
    }
    *out = dsi_arena_alloc(w->arena, sizeof **out);
    if (!*out) {
        return dsi_no_memory(w->err, "reading a schema");
    }
    (*out)->id = (int64_t)l->dictionary_count;
    (*out)->index = l->dictionary_count;
    l->dictionaries[l->dictionary_count++] = *out;
    return DS_OK;
}

static int read_node(struct walk *w, const struct ArrowSchema *s, const char *column,
                     int depth, struct dsi_ipc_node *out);

static int read_dictionary(struct walk *w, const struct ArrowSchema *s, int depth,
                           struct dsi_ipc_node *out)
{
    int rc = DS_OK;

    if (out->shape != DSI_IPC_FIXED || !out->is_integer) {
        return malformed(out, "a dictionary's indices are integers", w->err);
    }
    if (s->dictionary->dictionary) {
        return malformed(out, "a dictionary of a dictionary", w->err);
    }
    DSI_TRY(add_dictionary(w, &out->dictionary));
    DSI_TRY(read_node(w, s->dictionary, out->name, depth + 1, &out->dictionary->values));
done:
    return rc;
}

static int read_children(struct walk *w, const struct ArrowSchema *s, int depth,
                         struct dsi_ipc_node *out)
{
    int64_t wanted = children_wanted(out);

    if (s->n_children < 0 || s->n_children > DSI_IPC_FIELDS_MAX ||
        (wanted >= 0 && s->n_children != wanted) || (s->n_children > 0 && !s->children)) {
        return malformed(out, "a type with the wrong number of children", w->err);
    }
    out->child_count = (size_t)s->n_children;
    out->children =
        dsi_arena_array(w->arena, out->child_count, sizeof(struct dsi_ipc_node));
    if (!out->children) {
        return dsi_no_memory(w->err, "reading a schema");
    }
    for (size_t i = 0; i < out->child_count; i++) {
        const struct ArrowSchema *child = s->children[i];
        if (!child) {
            return malformed(out, "a child that is NULL", w->err);
        }
        const char *column = depth == 0 ? (child->name ? child->name : "") : out->name;
        int rc = read_node(w, child, column, depth + 1, &out->children[i]);
        if (rc < 0) {
            return rc;
        }
    }
    if (out->shape == DSI_IPC_RUNS) {
        const struct dsi_ipc_node *ends = &out->children[0];
        if (ends->shape != DSI_IPC_FIXED || !ends->is_integer || !ends->is_signed ||
            ends->bits < 16 || ends->dictionary) {
            return malformed(out, "run ends are int16, int32 or int64", w->err);
        }
    }
    return DS_OK;
}

static int read_node(struct walk *w, const struct ArrowSchema *s, const char *column,
                     int depth, struct dsi_ipc_node *out)
{
    int rc = DS_OK;

    *out = (struct dsi_ipc_node){.name = column};
    if (depth > DSI_IPC_DEPTH_MAX) {
        return malformed(out, "types are nested too deeply", w->err);
    }
    if (++w->fields > DSI_IPC_FIELDS_MAX) {
        return malformed(out, "too many fields", w->err);
    }
    if (!s->release || !s->format) {
        return malformed(out, "its schema was released, or has no format", w->err);
    }
    DSI_TRY(read_format(s->format, out, w->err));
    if (s->dictionary) {
        return read_dictionary(w, s, depth, out);
    }
    DSI_TRY(read_children(w, s, depth, out));
done:
    return rc;
}

int dsi_ipc_layout_read(const struct ArrowSchema *schema, struct dsi_arena *arena,
                        struct dsi_ipc_layout *out, struct ds_error *err)
{
    struct walk w = {.arena = arena, .out = out, .err = err};

    *out = (struct dsi_ipc_layout){0};
    int rc = read_node(&w, schema, "(all)", 0, &out->root);
    if (rc == DS_OK && (out->root.shape != DSI_IPC_STRUCT || out->root.dictionary)) {
        return dsi_fail(err, DS_EINVALID, "an Arrow schema is a struct at the top");
    }
    return rc;
}
