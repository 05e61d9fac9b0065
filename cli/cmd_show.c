// What a table is and was: snapshots, history, files, refs, schema, metadata, info.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/grid.h"
#include "cli/opt.h"
#include "cli/schema_text.h"

static const char *number(char *buffer, int64_t n)
{
    snprintf(buffer, 24, "%" PRId64, n);
    return buffer;
}

static const char *number_or_null(char *buffer, int64_t n)
{
    return n < 0 ? NULL : number(buffer, n);
}

// Opens the table, lists it into a grid of these columns, prints it.
static int show(const char *what, const char *name, const struct grid_column *columns,
                size_t count,
                int (*list)(ds_table *t, struct grid *g, struct ds_error *err))
{
    enum grid_format format = GRID_TABLE;
    struct ds_error err = {0};
    ds_table *table = NULL;

    if (!grid_choose(&format)) {
        return CLI_USAGE;
    }
    int rc = open_table(name, &table, &err);
    if (rc == DS_OK) {
        struct grid *g = grid_new(format, columns, count);
        rc = list(table, g, &err);
        if (!grid_finish(g) && rc == DS_OK) {
            ds_table_free(table);
            return CLI_FAILED;
        }
    }
    ds_table_free(table);
    return rc < 0 ? cli_failed(rc, &err, "%s %s", what, name) : CLI_OK;
}

// --- snapshots
// -----------------------------------------------------------------------------

static const struct grid_column snapshot_columns[] = {
    {"committed_at", false},   {"snapshot_id", true}, {"parent_id", true},
    {"sequence_number", true}, {"operation", false},  {"added_records", true},
    {"total_records", true},   {"added_files", true}, {"manifest_list", false}};

static const char *summary(const struct ds_snapshot_info *s, const char *key)
{
    for (size_t i = 0; i < s->summary.count; i++) {
        if (strcmp(s->summary.items[i].key, key) == 0) {
            return s->summary.items[i].value;
        }
    }
    return NULL;
}

static int add_snapshot(void *arg, const struct ds_snapshot_info *s)
{
    char at[32];
    char id[24];
    char parent[24];
    char sequence[24];
    format_moment(s->timestamp_ms, at);
    const char *cells[] = {at,
                           number(id, s->snapshot_id),
                           number_or_null(parent, s->parent_id),
                           number(sequence, s->sequence_number),
                           s->operation,
                           summary(s, "added-records"),
                           summary(s, "total-records"),
                           summary(s, "added-data-files"),
                           s->manifest_list};
    grid_row(arg, cells);
    return 0;
}

static int list_snapshots(ds_table *t, struct grid *g, struct ds_error *err)
{
    return ds_table_snapshots(t, add_snapshot, g, err);
}

static int run_snapshots(int count, char **words)
{
    (void)count;
    return show("snapshots", words[0], snapshot_columns,
                sizeof snapshot_columns / sizeof snapshot_columns[0], list_snapshots);
}

// --- history
// -------------------------------------------------------------------------------

static const struct grid_column history_columns[] = {{"made_current_at", false},
                                                     {"snapshot_id", true},
                                                     {"parent_id", true},
                                                     {"is_current_ancestor", false}};

static int add_history(void *arg, const struct ds_history_info *h)
{
    char at[32];
    char id[24];
    char parent[24];
    format_moment(h->made_current_ms, at);
    const char *cells[] = {at, number(id, h->snapshot_id),
                           number_or_null(parent, h->parent_id),
                           h->is_current_ancestor ? "true" : "false"};
    grid_row(arg, cells);
    return 0;
}

static int list_history(ds_table *t, struct grid *g, struct ds_error *err)
{
    return ds_table_history(t, add_history, g, err);
}

static int run_history(int count, char **words)
{
    (void)count;
    return show("history", words[0], history_columns,
                sizeof history_columns / sizeof history_columns[0], list_history);
}

// --- files
// ---------------------------------------------------------------------------------

static const struct grid_column file_columns[] = {
    {"content", false},        {"partition", false},  {"records", true}, {"bytes", true},
    {"sequence_number", true}, {"snapshot_id", true}, {"format", false}, {"path", false}};

static int add_file(void *arg, const struct ds_file_entry *f)
{
    static const char *const contents[] = {"data", "position deletes",
                                           "equality deletes"};
    char records[24];
    char bytes[24];
    char sequence[24];
    char snapshot_id[24];
    const char *cells[] = {contents[f->content >= 0 && f->content < 3 ? f->content : 0],
                           f->partition,
                           number(records, f->record_count),
                           number(bytes, f->size_bytes),
                           number(sequence, f->sequence_number),
                           number(snapshot_id, f->snapshot_id),
                           f->format,
                           f->path};
    grid_row(arg, cells);
    return 0;
}

static int list_files(ds_table *t, struct grid *g, struct ds_error *err)
{
    return ds_table_files(t, NULL, add_file, g, err);
}

static int run_files(int count, char **words)
{
    (void)count;
    return show("files", words[0], file_columns,
                sizeof file_columns / sizeof file_columns[0], list_files);
}

// --- refs
// ----------------------------------------------------------------------------------

static const struct grid_column ref_columns[] = {{"name", false},
                                                 {"type", false},
                                                 {"snapshot_id", true},
                                                 {"max_ref_age_ms", true},
                                                 {"max_snapshot_age_ms", true},
                                                 {"min_snapshots_to_keep", true}};

static int add_ref(void *arg, const struct ds_ref_info *r)
{
    char id[24];
    char a[24];
    char b[24];
    char c[24];
    const char *cells[] = {r->name,
                           r->is_tag ? "tag" : "branch",
                           number(id, r->snapshot_id),
                           number_or_null(a, r->max_ref_age_ms),
                           number_or_null(b, r->max_snapshot_age_ms),
                           number_or_null(c, r->min_snapshots_to_keep)};
    grid_row(arg, cells);
    return 0;
}

static int list_refs(ds_table *t, struct grid *g, struct ds_error *err)
{
    return ds_table_refs(t, add_ref, g, err);
}

static int run_refs(int count, char **words)
{
    (void)count;
    return show("refs", words[0], ref_columns, sizeof ref_columns / sizeof ref_columns[0],
                list_refs);
}

// --- schema
// --------------------------------------------------------------------------------

static const struct grid_column schema_columns[] = {
    {"column", false}, {"type", false}, {"required", false}};

static int list_schema(ds_table *t, struct grid *g, struct ds_error *err)
{
    struct ArrowSchema schema = {0};
    int rc = ds_table_schema(t, &schema, err);

    if (rc < 0) {
        return rc;
    }
    for (int64_t i = 0; i < schema.n_children; i++) {
        const struct ArrowSchema *c = schema.children[i];
        char *type = schema_type_text(c);
        const char *cells[] = {c->name, type,
                               c->flags & ARROW_FLAG_NULLABLE ? "false" : "true"};
        grid_row(g, cells);
        free(type);
    }
    schema.release(&schema);
    return DS_OK;
}

// --- JSON
// ----------------------------------------------------------------------------------

// Compact JSON with line breaks and indents, for people.
static void print_indented(const char *json)
{
    int depth = 0;
    bool text = false;

    for (const char *c = json; *c; c++) {
        if (text || *c == '"') {
            putchar(*c);
            if (*c == '\\' && c[1]) {
                putchar(*++c);
            } else if (*c == '"') {
                text = !text;
            }
            continue;
        }
        bool closes = *c == '}' || *c == ']';
        bool empty = closes && c > json && (c[-1] == '{' || c[-1] == '[');
        depth -= closes;
        if (closes && !empty) {
            printf("\n%*s", depth * 2, "");
        }
        putchar(*c);
        if (*c == ':') {
            putchar(' ');
        }
        depth += *c == '{' || *c == '[';
        if (*c == ',' || ((*c == '{' || *c == '[') && c[1] != '}' && c[1] != ']')) {
            printf("\n%*s", depth * 2, "");
        }
    }
    putchar('\n');
}

static int print_json(const char *what, const char *name,
                      int (*get)(ds_table *t, char **out, struct ds_error *err))
{
    struct ds_error err = {0};
    ds_table *table = NULL;
    char *json = NULL;
    int rc = open_table(name, &table, &err);

    if (rc == DS_OK) {
        rc = get(table, &json, &err);
    }
    if (rc == DS_OK) {
        print_indented(json);
    }
    ds_string_free(json);
    ds_table_free(table);
    return rc < 0       ? cli_failed(rc, &err, "%s %s", what, name)
           : cli_told() ? CLI_OK
                        : CLI_FAILED;
}

static int run_schema(int count, char **words)
{
    (void)count;
    if (common.json) {
        return print_json("schema", words[0], ds_table_schema_json);
    }
    return show("schema", words[0], schema_columns,
                sizeof schema_columns / sizeof schema_columns[0], list_schema);
}

static int run_metadata(int count, char **words)
{
    (void)count;
    return print_json("metadata", words[0], ds_table_metadata_json);
}

// --- info
// ----------------------------------------------------------------------------------

static const struct grid_column info_columns[] = {{"property", false}, {"value", false}};

static void pair(struct grid *g, const char *key, const char *value)
{
    const char *cells[] = {key, value};
    grid_row(g, cells);
}

static int list_info(ds_table *t, struct grid *g, struct ds_error *err)
{
    struct ds_table_info info = {.struct_size = sizeof info};
    struct ds_error ignored = {0};
    char text[40];
    char *spec = NULL;
    int64_t rows = 0;
    int rc = ds_table_info(t, &info, err);

    if (rc < 0) {
        return rc;
    }
    pair(g, "name", info.name);
    pair(g, "location", info.location);
    pair(g, "metadata", info.metadata_location);
    pair(g, "uuid", info.uuid);
    pair(g, "format-version", number(text, info.format_version));
    format_moment(info.last_updated_ms, text);
    pair(g, "updated", text);
    pair(g, "snapshots", number(text, (int64_t)info.snapshot_count));
    pair(g, "current-snapshot-id", number_or_null(text, info.current_snapshot_id));
    pair(g, "last-sequence-number", number(text, info.last_sequence_number));
    if (ds_table_count(t, NULL, &rows, NULL, &ignored) == DS_OK) {
        pair(g, "rows", number(text, rows));
    }
    if (ds_table_spec_json(t, &spec, &ignored) == DS_OK) {
        pair(g, "partition-spec", spec);
        ds_string_free(spec);
    }
    return DS_OK;
}

static int run_info(int count, char **words)
{
    (void)count;
    return show("info", words[0], info_columns,
                sizeof info_columns / sizeof info_columns[0], list_info);
}

#define SHOW(name, summary)                                                              \
    extern const struct command command_##name;                                          \
    const struct command command_##name = {#name, "TABLE", summary, NULL,                \
                                           NULL,  1,       1,       run_##name}

SHOW(snapshots, "List the snapshots a table still has.");
SHOW(history, "List which snapshot was current when.");
SHOW(files, "List the live files of the current snapshot.");
SHOW(refs, "List branches and tags.");
SHOW(schema, "Print the columns (--json: Iceberg's schema).");
SHOW(metadata, "Print the table metadata as JSON.");
SHOW(info, "Print what and where a table is.");
