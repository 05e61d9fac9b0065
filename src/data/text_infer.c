// Guessing columns and types from text: for `create --like`, where a person sees the
// result.
#include "data/text_reader.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/text.h"
#include "codec/json/json_reader.h"

// From narrow to wide: a column gets the first type that all of its cells are.
static const enum dsi_type_kind guesses[] = {
    DSI_TYPE_BOOLEAN,   DSI_TYPE_LONG,        DSI_TYPE_DOUBLE, DSI_TYPE_DATE,
    DSI_TYPE_TIMESTAMP, DSI_TYPE_TIMESTAMPTZ, DSI_TYPE_STRING,
};
enum { GUESSES = sizeof guesses / sizeof guesses[0] };

enum { NODES_MAX = 10000 }; // Columns and fields of all levels: more are data, not names.

// A column, a struct's field, a list's element: what was seen of it so far.
struct guess {
    const char *name;
    struct guess *parent; // NULL: the rows themselves.
    bool possible[GUESSES];
    bool flat;              // A value that is neither object nor array was seen.
    bool object;            // An object was seen; its members are the children.
    struct guess *element;  // An array was seen.
    struct guess *children; // In the order they came.
    struct guess *last;
    struct guess *next; // Of the same parent.
    size_t child_count;
    int depth;
};

struct inferring {
    const struct dsi_text_options *options;
    struct dsi_arena *arena;
    struct dsi_map names; // A parent's address and a name, to the guess.
    struct guess root;
    size_t count;
};

// "a.b.element", cut to fit.
static size_t put_path(const struct guess *g, char *out, size_t size)
{
    size_t used = g->parent && g->parent->parent ? put_path(g->parent, out, size) : 0;
    if (used < size) {
        int n = snprintf(out + used, size - used, "%s%s", used > 0 ? "." : "", g->name);
        used += n > 0 ? (size_t)n : 0;
    }
    return used;
}

static int make_guess(struct inferring *n, struct guess *parent, struct ds_slice name,
                      struct guess **out, struct ds_error *err)
{
    struct guess *g = NULL;

    if (n->count >= NODES_MAX || parent->depth >= DSI_TYPE_DEPTH_MAX - 1) {
        return dsi_fail(err, DS_EINVALID,
                        "more than %d columns, or deeper than %d levels; to guess from, "
                        "this is too much",
                        NODES_MAX, DSI_TYPE_DEPTH_MAX);
    }
    n->count++;
    g = dsi_arena_alloc(n->arena, sizeof *g);
    if (g) {
        g->name = dsi_arena_strndup(n->arena, (const char *)name.data, name.size);
    }
    if (!g || !g->name) {
        return dsi_no_memory(err, "guessing columns");
    }
    for (int i = 0; i < GUESSES; i++) {
        g->possible[i] = true;
    }
    g->parent = parent;
    g->depth = parent->depth + 1;
    *out = g;
    return DS_OK;
}

// The child of that name, made if there is none.
static int child(struct inferring *n, struct guess *parent, struct ds_slice name,
                 struct guess **out, struct ds_error *err)
{
    struct dsi_buf key = DSI_BUF_INIT;
    int rc = DS_OK;

    DSI_TRY(dsi_buf_append(&key, &parent, sizeof parent, err));
    DSI_TRY(dsi_buf_append(&key, name.data, name.size, err));
    *out = dsi_map_get(&n->names, dsi_buf_slice(&key));
    if (!*out) {
        DSI_TRY(make_guess(n, parent, name, out, err));
        DSI_TRY(dsi_map_put(&n->names, dsi_buf_slice(&key), *out, err));
        if (parent->last) {
            parent->last->next = *out;
        } else {
            parent->children = *out;
        }
        parent->last = *out;
        parent->child_count++;
    }
done:
    dsi_buf_release(&key);
    return rc;
}

// "00501" is a code, not a number: reading it as one would lose its zeros.
static bool keeps_its_text(struct ds_slice text)
{
    size_t sign = text.size > 0 && (text.data[0] == '-' || text.data[0] == '+');
    return !(text.size > sign + 1 && text.data[sign] == '0' &&
             text.data[sign + 1] >= '0' && text.data[sign + 1] <= '9') &&
           !(text.size > 0 && text.data[0] == '+');
}

static void narrow(struct guess *g, struct ds_slice text)
{
    struct dsi_arena scratch = DSI_ARENA_INIT;
    g->flat = true;
    for (int i = 0; i < GUESSES - 1; i++) {
        struct dsi_type type = {.kind = guesses[i]};
        struct dsi_value v;
        bool number = type.kind == DSI_TYPE_LONG || type.kind == DSI_TYPE_DOUBLE;
        g->possible[i] = g->possible[i] && (!number || keeps_its_text(text)) &&
                         dsi_value_parse(&type, (const char *)text.data, text.size,
                                         &scratch, &v, NULL) == DS_OK;
    }
    dsi_arena_release(&scratch);
}

// --- CSV
// -----------------------------------------------------------------------------------

// The columns that a header names, one for each cell; the last is NULL.
static int infer_header(struct inferring *n, const struct dsi_csv_record *record,
                        struct guess ***out, struct ds_error *err)
{
    struct guess **columns = dsi_arena_array(n->arena, record->count, sizeof *columns);

    if (!columns) {
        return dsi_no_memory(err, "guessing columns");
    }
    for (size_t i = 0; i < record->count; i++) {
        struct ds_slice cell = record->cells[i].text;
        if (i == 0 && cell.size >= 3 && memcmp(cell.data, "\xef\xbb\xbf", 3) == 0) {
            cell = (struct ds_slice){cell.data + 3, cell.size - 3};
        }
        int rc = child(n, &n->root, cell, &columns[i], err);
        if (rc < 0) {
            return rc;
        }
    }
    *out = columns;
    return DS_OK;
}

static int infer_csv(struct inferring *n, struct dsi_text_source *source,
                     struct ds_error *err)
{
    struct dsi_csv_record record = {NULL, 0, 0, DSI_BUF_INIT};
    struct ds_slice text = {NULL, 0};
    char delimiter = n->options->delimiter ? n->options->delimiter : ',';
    struct guess **columns = NULL;
    size_t count = 0;
    int64_t line = 0;
    int rc = DS_OK;

    while ((rc = dsi_text_source_record(source, true, &text, &line, err)) == DS_ROW) {
        DSI_TRY(dsi_csv_split(text, delimiter, &record, err));
        if (!columns) {
            DSI_TRY(infer_header(n, &record, &columns, err));
            count = record.count;
            continue;
        }
        for (size_t i = 0; i < record.count && i < count; i++) {
            if (record.cells[i].text.size > 0 || record.cells[i].quoted) {
                narrow(columns[i], record.cells[i].text);
            }
        }
        if (source->line > 100000) {
            break;
        }
    }
    rc = rc == DS_ROW ? DS_OK : rc;
done:
    dsi_csv_record_release(&record);
    return rc < 0 ? dsi_wrap(err, rc, "%s:%lld", n->options->name, (long long)line) : rc;
}

// --- JSON
// ----------------------------------------------------------------------------------

static int infer_value(struct inferring *n, struct dsi_json_reader *json, struct guess *g,
                       struct ds_error *err);

static int infer_object(struct inferring *n, struct dsi_json_reader *json,
                        struct guess *g, struct ds_error *err)
{
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    g->object = true;
    DSI_TRY(dsi_json_object_begin(json, err));
    while ((rc = dsi_json_object_next(json, &key, err)) == DS_ROW) {
        struct guess *member = NULL;
        DSI_TRY(child(n, g, key, &member, err));
        DSI_TRY(infer_value(n, json, member, err));
    }
done:
    return rc;
}

static int infer_array(struct inferring *n, struct dsi_json_reader *json, struct guess *g,
                       struct ds_error *err)
{
    int rc = DS_OK;

    if (!g->element) {
        DSI_TRY(make_guess(n, g, dsi_slice_text("element"), &g->element, err));
    }
    DSI_TRY(dsi_json_array_begin(json, err));
    while ((rc = dsi_json_array_next(json, err)) == DS_ROW) {
        DSI_TRY(infer_value(n, json, g->element, err));
    }
done:
    return rc;
}

static int infer_flat(struct dsi_json_reader *json, enum dsi_json_kind kind,
                      struct guess *g, struct ds_error *err)
{
    struct ds_slice text = {NULL, 0};
    bool flag = false;
    int rc = DS_OK;

    if (kind == DSI_JSON_BOOL) {
        DSI_TRY(dsi_json_bool(json, &flag, err));
        narrow(g, dsi_slice_text("true"));
    } else if (kind == DSI_JSON_NUMBER) {
        DSI_TRY(dsi_json_number(json, &text, err));
        narrow(g, text);
        g->possible[0] = false;
    } else {
        DSI_TRY(dsi_json_string_slice(json, &text, err));
        narrow(g, text);
        for (int i = 0; i < GUESSES; i++) { // Quoted numbers are text.
            if (guesses[i] == DSI_TYPE_BOOLEAN || guesses[i] == DSI_TYPE_LONG ||
                guesses[i] == DSI_TYPE_DOUBLE) {
                g->possible[i] = false;
            }
        }
    }
done:
    return rc;
}

static int infer_value(struct inferring *n, struct dsi_json_reader *json, struct guess *g,
                       struct ds_error *err)
{
    enum dsi_json_kind kind = DSI_JSON_NULL;
    bool null = false;
    char path[200];
    int rc = dsi_json_peek(json, &kind, err);

    if (rc < 0 || kind == DSI_JSON_NULL) {
        return rc < 0 ? rc : dsi_json_null(json, &null, err);
    }
    bool object = kind == DSI_JSON_OBJECT;
    bool array = kind == DSI_JSON_ARRAY;
    if ((object && (g->flat || g->element)) || (array && (g->flat || g->object)) ||
        (!object && !array && (g->object || g->element))) {
        put_path(g, path, sizeof path);
        return dsi_fail(err, DS_EINVALID,
                        "column '%s' holds %s here and something else before; no type is "
                        "both",
                        path,
                        object  ? "an object"
                        : array ? "an array"
                                : "a plain value");
    }
    return object  ? infer_object(n, json, g, err)
           : array ? infer_array(n, json, g, err)
                   : infer_flat(json, kind, g, err);
}

static int infer_jsonl(struct inferring *n, struct dsi_text_source *source,
                       struct ds_error *err)
{
    struct dsi_arena scratch = DSI_ARENA_INIT;
    struct dsi_json_reader json;
    struct ds_slice text = {NULL, 0};
    int64_t line = 0;
    int rc = DS_OK;

    while ((rc = dsi_text_source_record(source, false, &text, &line, err)) == DS_ROW) {
        dsi_json_reader_init(&json, text, &scratch, "object");
        if (text.size > 0) {
            DSI_TRY(infer_object(n, &json, &n->root, err));
            DSI_TRY(dsi_json_end(&json, err));
        }
        dsi_arena_release(&scratch);
        if (source->line > 100000) {
            rc = DS_OK;
            break;
        }
    }
done:
    dsi_arena_release(&scratch);
    return rc < 0 ? dsi_wrap(err, rc, "%s:%lld", n->options->name, (long long)line) : rc;
}

static int infer_json(struct inferring *n, struct dsi_text_source *source,
                      struct ds_error *err)
{
    struct dsi_arena scratch = DSI_ARENA_INIT;
    struct dsi_json_reader json;
    struct ds_slice text = {NULL, 0};
    int rc = dsi_text_source_all(source, &text, err);

    if (rc == DS_ROW) {
        dsi_json_reader_init(&json, text, &scratch, n->options->name);
        DSI_TRY(dsi_json_array_begin(&json, err));
        while ((rc = dsi_json_array_next(&json, err)) == DS_ROW) {
            DSI_TRY(infer_object(n, &json, &n->root, err));
        }
    }
done:
    dsi_arena_release(&scratch);
    return rc;
}

// --- the schema
// ----------------------------------------------------------------------------

static int make_type(struct inferring *n, const struct guess *g, struct dsi_type *out,
                     struct ds_error *err);

static int make_field(struct inferring *n, const struct guess *g, struct dsi_field *out,
                      struct ds_error *err)
{
    *out = (struct dsi_field){.id = 1, .name = g->name}; // Ids come when all is there.
    return make_type(n, g, &out->type, err);
}

// A list's element, a struct's members.
static int make_nested(struct inferring *n, const struct guess *g, struct dsi_type *out,
                       struct ds_error *err)
{
    size_t count = g->element ? 1 : g->child_count;
    const struct guess *at = g->element ? g->element : g->children;
    struct dsi_field *fields = dsi_arena_array(n->arena, count, sizeof *fields);
    char path[200];
    int rc = DS_OK;

    if (!fields) {
        return dsi_no_memory(err, "guessing columns");
    }
    if (count == 0) {
        put_path(g, path, sizeof path);
        return dsi_fail(err, DS_EINVALID,
                        "%s: column '%s' holds empty objects only; there is no such type",
                        n->options->name, path);
    }
    for (size_t i = 0; rc == DS_OK && at; i++, at = at->next) {
        rc = make_field(n, at, &fields[i], err);
    }
    *out = (struct dsi_type){.kind = g->element ? DSI_TYPE_LIST : DSI_TYPE_STRUCT,
                             .fields = fields,
                             .field_count = count};
    return rc;
}

static int make_type(struct inferring *n, const struct guess *g, struct dsi_type *out,
                     struct ds_error *err)
{
    int kind = g->flat ? 0 : GUESSES - 1;

    if (g->element || g->object) {
        return make_nested(n, g, out, err);
    }
    while (!g->possible[kind]) {
        kind++;
    }
    *out = (struct dsi_type){.kind = guesses[kind]};
    return DS_OK;
}

static int make_schema(struct inferring *n, struct dsi_schema *out, struct ds_error *err)
{
    struct dsi_schema guessed = {0};
    int32_t last_id = 0;
    int rc = DS_OK;

    if (n->root.child_count == 0) {
        return dsi_fail(err, DS_EINVALID, "%s: no columns to guess from",
                        n->options->name);
    }
    DSI_TRY(make_nested(n, &n->root, &guessed.root, err));
    DSI_TRY(dsi_schema_assign_ids(&guessed, &last_id, n->arena, out, err));
    rc = dsi_schema_check(out, err);
done:
    return rc;
}

int dsi_text_infer(const struct dsi_text_options *options, struct dsi_arena *arena,
                   struct dsi_schema *out, struct ds_error *err)
{
    struct inferring n = {.options = options, .arena = arena, .names = DSI_MAP_INIT};
    struct dsi_text_source source;
    int rc = DS_OK;

    dsi_text_source_init(&source, options->read, options->read_arg, options->name,
                         options->format == DS_ROWS_JSON ? DSI_TEXT_JSON_MAX
                                                         : DSI_TEXT_RECORD_MAX);
    rc = options->format == DS_ROWS_CSV     ? infer_csv(&n, &source, err)
         : options->format == DS_ROWS_JSONL ? infer_jsonl(&n, &source, err)
                                            : infer_json(&n, &source, err);
    if (rc == DS_OK) {
        rc = make_schema(&n, out, err);
    }
    dsi_text_source_release(&source);
    dsi_map_release(&n.names);
    return rc == DS_ECORRUPT ? dsi_wrap(err, DS_EINVALID, "reading rows") : rc;
}
