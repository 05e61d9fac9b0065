#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/grid.h"
#include "cli/input.h"
#include "cli/opt.h"
#include "cli/schema_text.h"

static const char *like;
static const char *schema_text;
static const char *partition_by;
static const char *sort_by;
static const char *location;
static const char *delimiter;
static struct opt_list properties;
static bool if_not_exists;
static bool ingest;
static char between; // What --delimiter says.

// A table that many small commits go to: it keeps a bounded number of snapshots and of
// metadata files, so that the cost of a commit stays what it was
// (docs/write-properties.md).
static const struct ds_property ingest_properties[] = {
    {"datashard.expire-on-commit", "true"},
    {"datashard.expire-batch", "32"},
    {"history.expire.max-snapshot-age-ms", "1"},
    {"history.expire.min-snapshots-to-keep", "100"},
    {"write.metadata.delete-after-commit.enabled", "true"},
    {"write.metadata.previous-versions-max", "100"},
};
enum { INGEST_COUNT = sizeof ingest_properties / sizeof ingest_properties[0] };

static const struct opt options[] = {
    {"like", 0, OPT_TEXT, "FILE",
     "columns as this Parquet, Arrow, CSV or JSON file has them", &like},
    {"schema", 0, OPT_TEXT, "TEXT",
     "columns: 'id long not null, msg string', or Iceberg's JSON", &schema_text},
    {"partition-by", 0, OPT_TEXT, "TEXT", "'month(ts), bucket(16, id), level'",
     &partition_by},
    {"sort-by", 0, OPT_TEXT, "TEXT", "order inside files: 'level, ts desc nulls last'",
     &sort_by},
    {"property", 'p', OPT_LIST, "K=V", "a table property; may come several times",
     &properties},
    {"ingest", 0, OPT_FLAG, NULL, "for many small appends: history is bounded", &ingest},
    {"location", 0, OPT_TEXT, "DIR", "where the files go (catalog tables)", &location},
    {"delimiter", 0, OPT_TEXT, "CHAR", "between the cells of a CSV file", &delimiter},
    {"if-not-exists", 0, OPT_FLAG, NULL, "a table that is there is fine", &if_not_exists},
    {NULL, 0, OPT_FLAG, NULL, NULL, NULL}};

// Splits "key=value" in place; false (and said so) when there is no '='.
static bool split_property(const char *text, struct ds_property *out)
{
    char *copy = cli_strdup(text);
    char *equals = strchr(copy, '=');
    if (!equals || equals == copy) {
        cli_complain("create: a property is KEY=VALUE, not '%s'", text);
        free(copy);
        return false;
    }
    *equals = '\0';
    *out = (struct ds_property){copy, equals + 1};
    return true;
}

static bool is_given(const struct ds_properties *given, const char *key)
{
    for (size_t i = 0; i < given->count; i++) {
        if (strcmp(given->items[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

// Those given, and for --ingest its own where they say nothing else.
static bool collect_properties(struct ds_properties *out)
{
    struct ds_property *items =
        cli_alloc((properties.count + INGEST_COUNT) * sizeof *items);
    out->items = items;
    for (out->count = 0; out->count < properties.count; out->count++) {
        if (!split_property(properties.items[out->count], &items[out->count])) {
            return false;
        }
    }
    for (size_t i = 0; ingest && i < INGEST_COUNT; i++) {
        if (!is_given(out, ingest_properties[i].key)) {
            items[out->count++] = ingest_properties[i];
        }
    }
    return true;
}

static int create(const char *name, const struct ds_table_spec *spec, ds_table **table,
                  struct ds_error *err)
{
    ds_catalog *catalog = NULL;

    if (names_path(name)) {
        return ds_table_create(name, spec, table, err);
    }
    int rc = open_catalog(&catalog, err);
    if (rc == DS_OK) {
        rc = ds_catalog_create_table(catalog, name, spec, table, err);
    }
    ds_catalog_free(catalog);
    return rc;
}

static int fill_schema(struct ds_table_spec *spec, struct ArrowSchema *guessed,
                       char **json, struct ds_error *err)
{
    enum input_format format = INPUT_AUTO;

    if (schema_text) {
        // What `schema --json` prints is as good as the short form.
        bool is_json = schema_text[strspn(schema_text, " \t\r\n")] == '{';
        *json = is_json ? cli_strdup(schema_text) : schema_from_text(schema_text, err);
        spec->schema_json = *json;
        return *json ? DS_OK : DS_EINVALID;
    }
    if (!input_format_parse(common.format, &format)) {
        return DS_EINVALID;
    }
    int rc = input_guess(like, format, between, guessed, err);
    spec->schema = guessed;
    return rc;
}

// With --if-not-exists nobody knows who made it, only that it is there.
static bool say(const char *name, const struct ds_table_info *info)
{
    static const struct grid_column columns[] = {
        {"table", false}, {"location", false}, {"uuid", false}};
    const char *cells[] = {info->name, info->location, info->uuid};

    if (!common.json) {
        printf("%s%s at %s\n", if_not_exists ? "" : "created ", name, info->location);
    }
    return common.json ? grid_print_object(columns, cells, 3) : cli_told();
}

static int run(int count, char **words)
{
    struct ds_table_spec spec = {.struct_size = sizeof spec, .if_absent = if_not_exists};
    struct ds_table_info info = {.struct_size = sizeof info};
    struct ArrowSchema guessed = {0};
    struct ds_error err = {0};
    ds_table *table = NULL;
    char *json = NULL;
    (void)count;

    if (!like == !schema_text) {
        return opt_usage(command_find("create"), "needs --like FILE or --schema TEXT");
    }
    if (!input_delimiter_parse(delimiter, &between)) {
        return CLI_USAGE;
    }
    spec.partition_by = partition_by;
    spec.sort_by = sort_by;
    spec.location = location;
    if (!collect_properties(&spec.properties)) {
        return CLI_USAGE;
    }
    int rc = fill_schema(&spec, &guessed, &json, &err);
    if (rc == DS_OK) {
        rc = create(words[0], &spec, &table, &err);
    }
    if (rc == DS_OK) {
        rc = ds_table_info(table, &info, &err);
    }
    int code = rc < 0 ? cli_failed(rc, &err, "create %s", words[0]) : CLI_OK;
    if (rc == DS_OK && !say(words[0], &info)) {
        code = CLI_FAILED;
    }
    if (guessed.release) {
        guessed.release(&guessed);
    }
    ds_table_free(table);
    free(json);
    return code;
}

extern const struct command command_create;
const struct command command_create = {
    "create",
    "TABLE (--like FILE | --schema TEXT)",
    "Make a table.",
    "TABLE is a directory, or with a catalog a name like logs.events.\n\n"
    "Types: boolean, int, long, float, double, decimal(P,S), date, time, timestamp,\n"
    "timestamptz, string, uuid, fixed[N], binary; struct<a: T, ...>, list<T>,\n"
    "map<K, V>.\n"
    "Partitioning: a column, year(c), month(c), day(c), hour(c), bucket(N, c),\n"
    "truncate(N, c).",
    options,
    1,
    1,
    run};
