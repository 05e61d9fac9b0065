// Guessing columns and types from text: for `create --like`, where a person sees the
// result.
#include "data/text_reader.h"

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

struct guess {
    const char *name;
    bool possible[GUESSES];
    bool any; // A value was seen.
};

struct inferring {
    const struct dsi_text_options *options;
    struct dsi_arena *arena;
    struct dsi_map names; // Name to its place, plus one.
    struct guess *columns;
    size_t count;
    size_t room;
};

static struct guess *column(struct inferring *n, struct ds_slice name,
                            struct ds_error *err)
{
    size_t place = (size_t)(uintptr_t)dsi_map_get(&n->names, name);
    if (place > 0) {
        return &n->columns[place - 1];
    }
    if (n->count == n->room) {
        size_t room = n->room ? n->room * 2 : 32;
        struct guess *more = dsi_arena_array(n->arena, room, sizeof *more);
        if (!more) {
            DSI_IGNORE(dsi_no_memory(err, "guessing columns")); // NULL says it.
            return NULL;
        }
        if (n->count > 0) {
            memcpy(more, n->columns, n->count * sizeof *more);
        }
        n->columns = more;
        n->room = room;
    }
    struct guess *g = &n->columns[n->count];
    g->name = dsi_arena_strndup(n->arena, (const char *)name.data, name.size);
    for (int i = 0; i < GUESSES; i++) {
        g->possible[i] = true;
    }
    if (!g->name) {
        DSI_IGNORE(dsi_no_memory(err, "guessing columns"));
        return NULL;
    }
    if (dsi_map_put(&n->names, name, (void *)(uintptr_t)(n->count + 1), err) < 0) {
        return NULL;
    }
    n->count++;
    return g;
}

// "00501" is a code, not a number: reading it as one would lose its zeros.
static bool keeps_its_text(struct ds_slice text)
{
    size_t sign = text.size > 0 && (text.data[0] == '-' || text.data[0] == '+');
    return !(text.size > sign + 1 && text.data[sign] == '0' &&
             text.data[sign + 1] >= '0' && text.data[sign + 1] <= '9') &&
           !(text.size > 0 && text.data[0] == '+');
}

static void narrow(struct inferring *n, struct guess *g, struct ds_slice text)
{
    struct dsi_arena scratch = DSI_ARENA_INIT;
    (void)n;
    g->any = true;
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

static int infer_csv(struct inferring *n, struct dsi_text_source *source,
                     struct ds_error *err)
{
    struct dsi_csv_record record = {NULL, 0, 0, DSI_BUF_INIT};
    struct ds_slice text = {NULL, 0};
    char delimiter = n->options->delimiter ? n->options->delimiter : ',';
    int64_t line = 0;
    bool header = true;
    int rc = DS_OK;

    while ((rc = dsi_text_source_record(source, true, &text, &line, err)) == DS_ROW) {
        DSI_TRY(dsi_csv_split(text, delimiter, &record, err));
        for (size_t i = 0; i < record.count; i++) {
            struct ds_slice cell = record.cells[i].text;
            if (header) {
                if (i == 0 && cell.size >= 3 &&
                    memcmp(cell.data, "\xef\xbb\xbf", 3) == 0) {
                    cell = (struct ds_slice){cell.data + 3, cell.size - 3};
                }
                if (!column(n, cell, err)) {
                    rc = DS_ENOMEM;
                    goto done;
                }
            } else if (i < n->count && (cell.size > 0 || record.cells[i].quoted)) {
                narrow(n, &n->columns[i], cell);
            }
        }
        header = false;
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
                       struct ds_error *err)
{
    enum dsi_json_kind kind = DSI_JSON_NULL;
    struct ds_slice text = {NULL, 0};
    bool flag = false;
    int rc = dsi_json_peek(json, &kind, err);

    if (rc < 0) {
        return rc;
    }
    switch (kind) {
    case DSI_JSON_NULL:
        return dsi_json_null(json, &flag, err);
    case DSI_JSON_BOOL:
        DSI_TRY(dsi_json_bool(json, &flag, err));
        narrow(n, g, dsi_slice_text("true"));
        return DS_OK;
    case DSI_JSON_NUMBER:
        DSI_TRY(dsi_json_number(json, &text, err));
        narrow(n, g, text);
        g->possible[0] = false;
        return DS_OK;
    case DSI_JSON_STRING:
        DSI_TRY(dsi_json_string_slice(json, &text, err));
        narrow(n, g, text);
        for (int i = 0; i < GUESSES; i++) { // Quoted numbers are text.
            if (guesses[i] == DSI_TYPE_BOOLEAN || guesses[i] == DSI_TYPE_LONG ||
                guesses[i] == DSI_TYPE_DOUBLE) {
                g->possible[i] = false;
            }
        }
        return DS_OK;
    default:
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "column '%s' holds an object or array; nested values cannot be "
                        "read yet",
                        g->name);
    }
done:
    return rc;
}

static int infer_object(struct inferring *n, struct dsi_json_reader *json,
                        struct ds_error *err)
{
    struct ds_slice key = {NULL, 0};
    struct guess *g = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_json_object_begin(json, err));
    while ((rc = dsi_json_object_next(json, &key, err)) == DS_ROW) {
        g = column(n, key, err);
        if (!g) {
            return DS_ENOMEM;
        }
        DSI_TRY(infer_value(n, json, g, err));
    }
done:
    return rc;
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
            DSI_TRY(infer_object(n, &json, err));
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
            DSI_TRY(infer_object(n, &json, err));
        }
    }
done:
    dsi_arena_release(&scratch);
    return rc;
}

// --- the schema
// ----------------------------------------------------------------------------

static int make_schema(struct inferring *n, struct dsi_schema *out, struct ds_error *err)
{
    struct dsi_field *fields = dsi_arena_array(n->arena, n->count, sizeof *fields);

    if (!fields) {
        return dsi_no_memory(err, "guessing columns");
    }
    if (n->count == 0) {
        return dsi_fail(err, DS_EINVALID, "%s: no columns to guess from",
                        n->options->name);
    }
    for (size_t i = 0; i < n->count; i++) {
        int kind = n->columns[i].any ? 0 : GUESSES - 1;
        while (!n->columns[i].possible[kind]) {
            kind++;
        }
        fields[i] = (struct dsi_field){.id = (int32_t)i + 1,
                                       .name = n->columns[i].name,
                                       .type = {.kind = guesses[kind]}};
    }
    *out = (struct dsi_schema){
        .root = {.kind = DSI_TYPE_STRUCT, .fields = fields, .field_count = n->count},
        .highest_id = (int32_t)n->count};
    return dsi_schema_check(out, err);
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
