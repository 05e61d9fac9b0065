#include "data/text_reader.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/map.h"
#include "base/text.h"
#include "data/text_json.h"

struct dsi_text_reader {
    struct dsi_text_options options;
    const struct dsi_schema *schema;
    struct dsi_text_source source;
    struct dsi_batch_builder *builder;
    struct dsi_arena scratch; // Values of the rows in the builder.
    struct dsi_map columns;   // Name to its place, plus one.
    struct dsi_csv_record record;
    size_t *places; // CSV: which column each cell is.
    size_t place_count;
    bool *seen; // JSON: the columns the current row has had.
    int failed; // The status that reading has ended with; DS_OK: none.
    struct ds_error error;
    bool told;                   // The caller has it.
    struct dsi_json_reader json; // JSON arrays: where reading stands.
    bool json_open;
    bool json_done;
};

// --- setting up
// --------------------------------------------------------------------------

static int index_columns(struct dsi_text_reader *r, struct ds_error *err)
{
    const struct dsi_type *root = &r->schema->root;
    int rc = DS_OK;

    for (size_t i = 0; i < root->field_count; i++) {
        DSI_TRY(dsi_map_put_text(&r->columns, root->fields[i].name,
                                 (void *)(uintptr_t)(i + 1), err));
    }
done:
    return rc;
}

int dsi_text_reader_new(const struct dsi_text_options *options,
                        const struct dsi_schema *schema, struct dsi_text_reader **out,
                        struct ds_error *err)
{
    struct dsi_text_reader *r = dsi_calloc(1, sizeof *r);
    size_t max =
        options->format == DS_ROWS_JSON ? DSI_TEXT_JSON_MAX : DSI_TEXT_RECORD_MAX;
    int rc = DS_OK;

    *out = NULL;
    if (!r) {
        return dsi_no_memory(err, "reading text");
    }
    r->options = *options;
    r->schema = schema;
    if (r->options.delimiter == 0) {
        r->options.delimiter = ',';
    }
    dsi_text_source_init(&r->source, options->read, options->read_arg, options->name,
                         max);
    r->seen = dsi_calloc(schema->root.field_count, sizeof *r->seen);
    if (!r->seen) {
        rc = dsi_no_memory(err, "reading text");
        goto done;
    }
    DSI_TRY(index_columns(r, err));
    DSI_TRY(dsi_batch_builder_new(schema, &r->builder, err));
    *out = r;
    r = NULL;
done:
    dsi_text_reader_free(r);
    return rc;
}

void dsi_text_reader_free(struct dsi_text_reader *r)
{
    if (!r) {
        return;
    }
    dsi_text_source_release(&r->source);
    dsi_batch_builder_free(r->builder);
    dsi_arena_release(&r->scratch);
    dsi_map_release(&r->columns);
    dsi_csv_record_release(&r->record);
    dsi_free(r->places);
    dsi_free(r->seen);
    dsi_free(r);
}

bool dsi_text_reader_ended(const struct dsi_text_reader *r)
{
    bool read = r->source.ended && r->source.at == r->source.buf.size;
    return (read && (r->json_done || !r->json_open) && !r->failed) || r->told;
}

// --- values
// --------------------------------------------------------------------------------

// A cell of a nested column holds JSON.
static int set_nested(struct dsi_text_reader *r, size_t column, struct ds_slice text,
                      struct ds_error *err)
{
    struct dsi_json_reader json;
    int rc = DS_OK;

    dsi_json_reader_init(&json, text, &r->scratch, "JSON");
    DSI_TRY(dsi_text_json_read(&json, dsi_batch_builder_column(r->builder, column), err));
    rc = dsi_json_end(&json, err);
done:
    return rc == DS_ECORRUPT ? DS_EINVALID : rc;
}

static int set_text(struct dsi_text_reader *r, size_t column, struct ds_slice text,
                    struct ds_error *err)
{
    const struct dsi_field *f = &r->schema->root.fields[column];
    struct dsi_value v;
    if (dsi_layout_of(&f->type) == DSI_LAYOUT_NESTED) {
        return set_nested(r, column, text, err);
    }
    int rc = dsi_value_parse(&f->type, (const char *)text.data, text.size, &r->scratch,
                             &v, err);
    if (rc == DS_OK) {
        rc = dsi_batch_builder_set(r->builder, column, &v, err);
    }
    return rc < 0 ? dsi_wrap(err, rc, "column '%s'", f->name) : rc;
}

static int unknown_column(const struct dsi_text_reader *r, struct ds_slice name,
                          struct ds_error *err)
{
    char list[400] = "";
    size_t used = 0;
    for (size_t i = 0; i < r->schema->root.field_count && used < sizeof list - 1; i++) {
        int n = snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "",
                         r->schema->root.fields[i].name);
        used += n > 0 ? (size_t)n : 0;
    }
    int shown = name.size > 100 ? 100 : (int)name.size;
    return dsi_fail(err, DS_EINVALID, "there is no column '%.*s'; the columns are: %s",
                    shown, (const char *)name.data, list);
}

// --- CSV
// -----------------------------------------------------------------------------------

static int take_header(struct dsi_text_reader *r, struct ds_error *err)
{
    size_t count = r->record.count;
    r->places = dsi_calloc(count, sizeof *r->places);
    if (!r->places) {
        return dsi_no_memory(err, "reading CSV");
    }
    for (size_t i = 0; i < count; i++) {
        struct ds_slice name = r->record.cells[i].text;
        if (i == 0 && name.size >= 3 && memcmp(name.data, "\xef\xbb\xbf", 3) == 0) {
            name = (struct ds_slice){name.data + 3, name.size - 3}; // A byte order mark.
        }
        size_t place = (size_t)(uintptr_t)dsi_map_get(&r->columns, name);
        if (place == 0) {
            return unknown_column(r, name, err);
        }
        for (size_t k = 0; k < i; k++) {
            if (r->places[k] == place - 1) {
                return dsi_fail(err, DS_EINVALID, "column '%s' is there twice",
                                r->schema->root.fields[place - 1].name);
            }
        }
        r->places[i] = place - 1;
    }
    r->place_count = count;
    return DS_OK;
}

static int take_csv_row(struct dsi_text_reader *r, int64_t line, struct ds_error *err)
{
    const char *name = r->options.name;
    int rc = DS_OK;

    if (r->record.count != r->place_count) {
        return dsi_fail(err, DS_EINVALID, "%s:%lld: %zu cells where the header has %zu",
                        name, (long long)line, r->record.count, r->place_count);
    }
    for (size_t i = 0; i < r->place_count; i++) {
        const struct dsi_csv_cell *cell = &r->record.cells[i];
        if (cell->text.size == 0 && !cell->quoted) {
            continue; // Null.
        }
        rc = set_text(r, r->places[i], cell->text, err);
        if (rc < 0) {
            return dsi_wrap(err, rc, "%s:%lld:%zu", name, (long long)line, cell->column);
        }
    }
    rc = dsi_batch_builder_end_row(r->builder, err);
    return rc < 0 ? dsi_wrap(err, rc, "%s:%lld", name, (long long)line) : rc;
}

static int next_csv(struct dsi_text_reader *r, struct ds_error *err)
{
    struct ds_slice text = {NULL, 0};
    int64_t line = 0;
    int rc = dsi_text_source_record(&r->source, true, &text, &line, err);

    if (rc != DS_ROW) {
        return rc;
    }
    if (text.size == 0 && r->place_count != 1) {
        return DS_ROW; // An empty line is no record, unless it is one null.
    }
    rc = dsi_csv_split(text, r->options.delimiter, &r->record, err);
    if (rc == DS_OK && !r->places) {
        rc = take_header(r, err);
    } else if (rc == DS_OK) {
        rc = take_csv_row(r, line, err);
        return rc < 0 ? rc : DS_ROW;
    }
    return rc < 0 ? dsi_wrap(err, rc, "%s:%lld", r->options.name, (long long)line)
                  : DS_ROW;
}

// --- JSON
// ----------------------------------------------------------------------------------

// Reads an object into the current row, which the caller ends: once it is sure of it.
static int read_json_row(struct dsi_text_reader *r, struct dsi_json_reader *json,
                         struct ds_error *err)
{
    struct ds_slice key = {NULL, 0};
    int rc = DS_OK;

    memset(r->seen, 0, r->schema->root.field_count * sizeof *r->seen);
    DSI_TRY(dsi_json_object_begin(json, err));
    while ((rc = dsi_json_object_next(json, &key, err)) == DS_ROW) {
        size_t place = (size_t)(uintptr_t)dsi_map_get(&r->columns, key);
        if (place == 0) {
            return unknown_column(r, key, err);
        }
        if (r->seen[place - 1]) {
            return dsi_fail(err, DS_EINVALID, "column '%s' is there twice",
                            r->schema->root.fields[place - 1].name);
        }
        r->seen[place - 1] = true;
        struct dsi_column_builder *c = dsi_batch_builder_column(r->builder, place - 1);
        DSI_TRY(dsi_text_json_read(json, c, err));
    }
done:
    return rc;
}

static bool only_space(struct ds_slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != ' ' && text.data[i] != '\t' && text.data[i] != '\r') {
            return false;
        }
    }
    return true;
}

static int next_jsonl(struct dsi_text_reader *r, struct ds_error *err)
{
    struct dsi_json_reader json;
    struct ds_slice text = {NULL, 0};
    int64_t line = 0;
    int rc = dsi_text_source_record(&r->source, false, &text, &line, err);

    if (rc != DS_ROW || only_space(text)) {
        return rc;
    }
    dsi_json_reader_init(&json, text, &r->scratch, "object");
    rc = read_json_row(r, &json, err);
    rc = rc < 0 ? rc : dsi_json_end(&json, err);
    rc = rc < 0 ? rc : dsi_batch_builder_end_row(r->builder, err);
    if (rc < 0) {
        return dsi_wrap(err, rc == DS_ECORRUPT ? DS_EINVALID : rc, "%s:%lld:%zu",
                        r->options.name, (long long)line, json.at + 1);
    }
    return DS_ROW;
}

static int next_json(struct dsi_text_reader *r, struct ds_error *err)
{
    struct ds_slice text = {NULL, 0};
    int rc = DS_ROW;

    if (r->json_done) {
        return DS_OK;
    }
    if (!r->json_open) {
        rc = dsi_text_source_all(&r->source, &text, err);
        if (rc != DS_ROW) {
            return rc;
        }
        dsi_json_reader_init(&r->json, text, &r->scratch, r->options.name);
        rc = dsi_json_array_begin(&r->json, err);
        r->json_open = rc == DS_OK;
    }
    if (rc >= 0) {
        rc = dsi_json_array_next(&r->json, err);
    }
    if (rc == DS_ROW) {
        rc = read_json_row(r, &r->json, err);
        rc = rc < 0 ? rc : dsi_batch_builder_end_row(r->builder, err);
        rc = rc == DS_OK
                 ? DS_ROW
                 : dsi_wrap(err, rc, "%s: byte %zu", r->options.name, r->json.at + 1);
    } else if (rc == DS_OK) {
        r->json_done = true;
        rc = dsi_json_end(&r->json, err);
    }
    return rc == DS_ECORRUPT ? dsi_wrap(err, DS_EINVALID, "reading rows") : rc;
}

// --- batches
// -------------------------------------------------------------------------------

// Moves the rows so far into a batch.
static int take_rows(struct dsi_text_reader *r, struct dsi_batch *out,
                     struct ds_error *err)
{
    int rc = dsi_batch_builder_take(r->builder, out, err);

    if (!r->json_open) { // An array's reader keeps its strings there.
        dsi_arena_release(&r->scratch);
    }
    return rc < 0 ? rc : DS_ROW;
}

int dsi_text_reader_next(struct dsi_text_reader *r, struct dsi_batch *out,
                         struct ds_error *err)
{
    enum { BATCH_BYTES_MAX = 16 << 20 };
    int64_t rows_max = r->options.batch_rows_max > 0 ? r->options.batch_rows_max : 65536;
    int rc = DS_ROW;

    while (rc == DS_ROW && !r->failed && dsi_batch_builder_rows(r->builder) < rows_max &&
           dsi_batch_builder_bytes(r->builder) < BATCH_BYTES_MAX) {
        rc = r->options.format == DS_ROWS_CSV     ? next_csv(r, &r->error)
             : r->options.format == DS_ROWS_JSONL ? next_jsonl(r, &r->error)
                                                  : next_json(r, &r->error);
        r->failed = rc < 0 ? rc : DS_OK;
    }
    if (dsi_batch_builder_rows(r->builder) > 0) { // Also those before a bad one.
        return take_rows(r, out, err);
    }
    r->told = r->failed < 0;
    if (r->told && err) {
        *err = r->error;
    }
    return r->failed;
}
