// What concerns names: list, namespaces, drop, rename, register; properties and resolve.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/common.h"
#include "cli/grid.h"
#include "cli/opt.h"

static const struct grid_column name_columns[] = {{"name", false}};
static const struct grid_column property_columns[] = {{"key", false}, {"value", false}};

static int add_name(void *arg, const char *name)
{
    grid_row(arg, &name);
    return 0;
}

static int add_property(void *arg, const char *key, const char *value)
{
    const char *cells[] = {key, value};
    grid_row(arg, cells);
    return 0;
}

static int list_names(const char *what, const char *ns,
                      int (*list)(ds_catalog *c, const char *ns, ds_name_fn fn, void *arg,
                                  struct ds_error *err))
{
    enum grid_format format = GRID_TABLE;
    struct ds_error err = {0};
    ds_catalog *catalog = NULL;

    if (!grid_choose(&format)) {
        return CLI_USAGE;
    }
    int rc = open_catalog(&catalog, &err);
    bool printed = true;
    if (rc == DS_OK) {
        struct grid *g = grid_new(format, name_columns, 1);
        rc = list(catalog, ns, add_name, g, &err);
        printed = grid_finish(g);
    }
    ds_catalog_free(catalog);
    if (rc < 0) {
        return cli_failed(rc, &err, "%s", what);
    }
    return printed ? CLI_OK : CLI_FAILED;
}

static int run_list(int count, char **words)
{
    return list_names("list", count > 0 ? words[0] : NULL, ds_catalog_list_tables);
}

static int run_namespaces(int count, char **words)
{
    return list_names("namespaces", count > 0 ? words[0] : NULL,
                      ds_catalog_list_namespaces);
}

// Runs `act` on the catalog and says how it ended.
static int with_catalog(const char *what, char **words,
                        int (*act)(ds_catalog *c, char **words, struct ds_error *err))
{
    struct ds_error err = {0};
    ds_catalog *catalog = NULL;
    int rc = open_catalog(&catalog, &err);

    if (rc == DS_OK) {
        rc = act(catalog, words, &err);
    }
    ds_catalog_free(catalog);
    return rc < 0 ? cli_failed(rc, &err, "%s %s", what, words[0]) : CLI_OK;
}

static int act_create_namespace(ds_catalog *c, char **words, struct ds_error *err)
{
    return ds_catalog_create_namespace(c, words[0], NULL, err);
}

static int run_create_namespace(int count, char **words)
{
    (void)count;
    return with_catalog("create-namespace", words, act_create_namespace);
}

static int act_drop_namespace(ds_catalog *c, char **words, struct ds_error *err)
{
    int rc = ds_catalog_drop_namespace(c, words[0], err);
    // It is not empty: to run it again would not help.
    return rc == DS_ECONFLICT ? DS_EINVALID : rc;
}

static int run_drop_namespace(int count, char **words)
{
    (void)count;
    return with_catalog("drop-namespace", words, act_drop_namespace);
}

static int act_rename(ds_catalog *c, char **words, struct ds_error *err)
{
    return ds_catalog_rename_table(c, words[0], words[1], err);
}

static int run_rename(int count, char **words)
{
    (void)count;
    return with_catalog("rename", words, act_rename);
}

static int act_register(ds_catalog *c, char **words, struct ds_error *err)
{
    return ds_catalog_register_table(c, words[0], words[1], err);
}

static int run_register(int count, char **words)
{
    (void)count;
    return with_catalog("register", words, act_register);
}

// --- drop
// ----------------------------------------------------------------------------------

static bool purge;
static bool yes;

static const struct opt drop_options[] = {
    {"purge", 0, OPT_FLAG, NULL, "remove the table's files, too", &purge},
    {"yes", 'y', OPT_FLAG, NULL, "do not ask", &yes},
    {NULL, 0, OPT_FLAG, NULL, NULL, NULL}};

static int act_drop(ds_catalog *c, char **words, struct ds_error *err)
{
    return ds_catalog_drop_table(c, words[0], purge, err);
}

static bool confirmed(const char *name)
{
    char answer[8] = "";
    if (yes || !isatty(STDIN_FILENO)) {
        return true;
    }
    fprintf(stderr, "drop %s%s? [y/N] ", name, purge ? " and remove its files" : "");
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static int run_drop(int count, char **words)
{
    (void)count;
    if (names_path(words[0])) {
        cli_complain("drop %s: a path table is its directory: remove that", words[0]);
        return CLI_USAGE;
    }
    if (!confirmed(words[0])) {
        cli_complain("drop %s: nothing was dropped", words[0]);
        return CLI_FAILED;
    }
    return with_catalog("drop", words, act_drop);
}

// --- properties
// ----------------------------------------------------------------------------

static struct opt_list unset;

static const struct opt property_options[] = {
    {"unset", 0, OPT_LIST, "KEY", "remove a property; may come several times", &unset},
    {NULL, 0, OPT_FLAG, NULL, NULL, NULL}};

static int list_properties(ds_table *table, struct ds_error *err)
{
    enum grid_format format = GRID_TABLE;
    if (!grid_choose(&format)) {
        return DS_EINVALID;
    }
    struct grid *g = grid_new(format, property_columns, 2);
    int rc = ds_table_properties(table, add_property, g, err);
    return grid_finish(g) ? rc : DS_EIO;
}

static int set_properties(ds_table *table, int count, char **words, struct ds_error *err)
{
    struct ds_property *items = cli_alloc(((size_t)count + unset.count) * sizeof *items);
    struct ds_properties changes = {items, 0};

    for (int i = 0; i < count; i++) {
        char *equals = strchr(words[i], '=');
        *equals = '\0'; // run_properties has looked.
        items[changes.count++] = (struct ds_property){words[i], equals + 1};
    }
    for (size_t i = 0; i < unset.count; i++) {
        items[changes.count++] = (struct ds_property){unset.items[i], NULL};
    }
    int rc = ds_table_set_properties(table, &changes, NULL, NULL, err);
    free(items);
    return rc;
}

static int run_properties(int count, char **words)
{
    struct ds_error err = {0};
    ds_table *table = NULL;

    for (int i = 1; i < count; i++) {
        if (!strchr(words[i], '=')) {
            return opt_usage(command_find("properties"),
                             "a property is KEY=VALUE, not '%s'", words[i]);
        }
    }
    int rc = open_table(words[0], &table, &err);
    if (rc == DS_OK) {
        rc = count > 1 || unset.count > 0
                 ? set_properties(table, count - 1, words + 1, &err)
                 : list_properties(table, &err);
    }
    ds_table_free(table);
    return rc < 0 ? cli_failed(rc, &err, "properties %s", words[0]) : CLI_OK;
}

// --- resolve
// -------------------------------------------------------------------------------

static const char *timeout_text = "10s";

static const struct opt resolve_options[] = {
    {"timeout", 0, OPT_TEXT, "TIME", "how long to wait for an answer (default 10s)",
     &timeout_text},
    {NULL, 0, OPT_FLAG, NULL, NULL, NULL}};

static int run_resolve(int count, char **words)
{
    struct ds_commit_result result = {.struct_size = sizeof result};
    struct ds_error err = {0};
    ds_table *table = NULL;
    int64_t timeout_ms = 0;
    (void)count;

    if (!parse_duration(timeout_text, &timeout_ms)) {
        return opt_usage(command_find("resolve"), "--timeout takes a time like 10s");
    }
    int rc = open_table(words[0], &table, &err);
    if (rc == DS_OK) {
        rc = ds_table_resolve(table, words[1], timeout_ms, &result, &err);
    }
    ds_table_free(table);
    if (rc < 0) {
        return cli_failed(rc, &err, "resolve %s", words[0]);
    }
    bool committed = result.outcome == DS_COMMITTED;
    if (common.json) {
        printf("{\"outcome\": \"%s\", \"snapshot_id\": %" PRId64
               ", \"identity\": \"%s\"}\n",
               committed ? "committed" : "not committed", result.snapshot_id,
               result.identity);
    } else if (committed) {
        printf("committed, snapshot %" PRId64 "\n", result.snapshot_id);
    } else {
        printf("not committed: it is not in the table and never will be\n");
    }
    return CLI_OK;
}

extern const struct command command_list, command_namespaces, command_create_namespace,
    command_drop_namespace, command_rename, command_register, command_drop,
    command_properties, command_resolve;

const struct command command_list = {
    "list", "[NAMESPACE]", "List the tables of a catalog.", NULL, NULL, 0, 1, run_list};
const struct command command_namespaces = {
    "namespaces",  "[PARENT]", "List the namespaces of a catalog.", NULL, NULL, 0, 1,
    run_namespaces};
const struct command command_create_namespace = {
    "create-namespace",  "NAMESPACE", "Make a namespace.", NULL, NULL, 1, 1,
    run_create_namespace};
const struct command command_drop_namespace = {
    "drop-namespace",  "NAMESPACE", "Remove an empty namespace.", NULL, NULL, 1, 1,
    run_drop_namespace};
const struct command command_rename = {
    "rename", "TABLE NEW_NAME", "Rename a table; its files stay.", NULL, NULL, 2,
    2,        run_rename};
const struct command command_register = {"register",
                                         "TABLE METADATA_FILE",
                                         "Name a table whose metadata is there already.",
                                         NULL,
                                         NULL,
                                         2,
                                         2,
                                         run_register};
const struct command command_drop = {
    "drop", "TABLE", "Forget a table of a catalog.", NULL, drop_options, 1, 1, run_drop};
const struct command command_properties = {
    "properties", "TABLE [KEY=VALUE...]", "Print or set a table's properties.",
    NULL,         property_options,       1,
    -1,           run_properties};
const struct command command_resolve = {
    "resolve",
    "TABLE TOKEN|IDENTITY",
    "Learn what became of a commit whose outcome was unknown.",
    NULL,
    resolve_options,
    2,
    2,
    run_resolve};
