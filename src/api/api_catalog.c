#include "datashard/catalog.h"

#include "api/api_handle.h"
#include "base/error.h"
#include "txn/retire.h"

// What every call that names a table begins with.
static int parse_name(ds_catalog *catalog, const char *name, const char *function,
                      struct dsi_arena *arena, struct dsi_table_name *out,
                      struct ds_error *err)
{
    int rc = DS_OK;
    DSI_TRY(dsi_handle_need(catalog, function, "catalog", err));
    DSI_TRY(dsi_handle_need(name, function, "name", err));
    DSI_TRY(dsi_table_name_parse(name, arena, out, err));
done:
    return rc;
}

int ds_catalog_open(const char *uri, const struct ds_properties *properties,
                    ds_catalog **out, struct ds_error *err)
{
    struct ds_properties none = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(out, "ds_catalog_open", "out", err));
    *out = NULL;
    DSI_TRY(dsi_handle_need(uri, "ds_catalog_open", "uri", err));
    properties = properties ? properties : &none;
    DSI_TRY(dsi_handle_properties(properties, err));
    DSI_TRY(dsi_handle_catalog_new(uri, *properties, out, err));
done:
    return rc;
}

void ds_catalog_free(ds_catalog *catalog)
{
    dsi_handle_catalog_unref(catalog);
}

int ds_catalog_create_table(ds_catalog *catalog, const char *name,
                            const struct ds_table_spec *spec, ds_table **out,
                            struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_table_name parsed = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(out, "ds_catalog_create_table", "out", err));
    *out = NULL;
    DSI_TRY(dsi_handle_need(spec, "ds_catalog_create_table", "spec", err));
    DSI_TRY(parse_name(catalog, name, "ds_catalog_create_table", &arena, &parsed, err));
    DSI_TRY(dsi_handle_table_new(catalog, &parsed, spec, out, err));
done:
    dsi_arena_release(&arena);
    return rc;
}

int ds_catalog_open_table(ds_catalog *catalog, const char *name, ds_table **out,
                          struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_table_name parsed = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(out, "ds_catalog_open_table", "out", err));
    *out = NULL;
    DSI_TRY(parse_name(catalog, name, "ds_catalog_open_table", &arena, &parsed, err));
    DSI_TRY(dsi_handle_table_new(catalog, &parsed, NULL, out, err));
done:
    dsi_arena_release(&arena);
    return rc;
}

// gc.enabled=false is looked at before the name is gone: a refusal changes nothing.
static int check_purge(const struct dsi_state *state, struct ds_error *err)
{
    bool enabled = true;
    int rc =
        dsi_metadata_property_bool(state->metadata, "gc.enabled", true, &enabled, err);
    if (rc == DS_OK && !enabled) {
        rc = dsi_fail(err, DS_EUNSUPPORTED,
                      "the table has gc.enabled=false: its files may belong to others "
                      "too; drop it without purge");
    }
    return rc;
}

int ds_catalog_drop_table(ds_catalog *catalog, const char *name, bool purge,
                          struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_table_name parsed = {0};
    struct dsi_table *table = NULL;
    const struct dsi_state *state = NULL;
    int rc = DS_OK;

    DSI_TRY(parse_name(catalog, name, "ds_catalog_drop_table", &arena, &parsed, err));
    if (purge) {
        DSI_TRY(dsi_table_open(catalog->catalog, &parsed, &table, err));
        state = dsi_table_state(table);
        DSI_TRY(check_purge(state, err));
    }
    DSI_TRY(dsi_catalog_drop(catalog->catalog, &parsed, err));
    if (purge) {
        DSI_TRY(dsi_purge(dsi_catalog_storage(catalog->catalog), state, err));
    }
done:
    dsi_state_unref(state);
    dsi_table_free(table);
    dsi_arena_release(&arena);
    return rc;
}

int ds_catalog_rename_table(ds_catalog *catalog, const char *from, const char *to,
                            struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_table_name old_name = {0};
    struct dsi_table_name new_name = {0};
    int rc = DS_OK;

    DSI_TRY(parse_name(catalog, from, "ds_catalog_rename_table", &arena, &old_name, err));
    DSI_TRY(parse_name(catalog, to, "ds_catalog_rename_table", &arena, &new_name, err));
    DSI_TRY(dsi_catalog_rename(catalog->catalog, &old_name, &new_name, err));
done:
    dsi_arena_release(&arena);
    return rc;
}

int ds_catalog_register_table(ds_catalog *catalog, const char *name,
                              const char *metadata_location, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_table_name parsed = {0};
    struct dsi_metadata *metadata = NULL;
    char *location = NULL;
    int rc = DS_OK;

    DSI_TRY(parse_name(catalog, name, "ds_catalog_register_table", &arena, &parsed, err));
    DSI_TRY(dsi_handle_need(metadata_location, "ds_catalog_register_table",
                            "metadata_location", err));
    DSI_TRY(dsi_handle_location(metadata_location, &arena, &location, err));
    // Read first: a name that points at no metadata would help nobody.
    DSI_TRY(dsi_metadata_load(dsi_catalog_storage(catalog->catalog), location, &metadata,
                              err));
    DSI_TRY(dsi_catalog_register(catalog->catalog, &parsed, location, err));
done:
    dsi_metadata_unref(metadata);
    dsi_arena_release(&arena);
    return rc;
}

static int told(int answer, struct ds_error *err)
{
    return answer < 0 ? dsi_fail(err, answer, "stopped by the caller") : DS_OK;
}

int ds_catalog_list_tables(ds_catalog *catalog, const char *ns, ds_name_fn fn, void *arg,
                           struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_table_name *names = NULL;
    size_t count = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(catalog, "ds_catalog_list_tables", "catalog", err));
    DSI_TRY(dsi_catalog_list_tables(catalog->catalog, ns, &arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        const char *dot = names[i].ns[0] ? "." : "";
        char *full = dsi_arena_printf(&arena, "%s%s%s", names[i].ns, dot, names[i].name);
        if (!full) {
            rc = dsi_no_memory(err, "a table's name");
            goto done;
        }
        DSI_TRY(told(fn(arg, full), err));
    }
done:
    dsi_arena_release(&arena);
    return rc;
}

int ds_catalog_list_namespaces(ds_catalog *catalog, const char *parent, ds_name_fn fn,
                               void *arg, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    char **names = NULL;
    size_t count = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(catalog, "ds_catalog_list_namespaces", "catalog", err));
    DSI_TRY(dsi_catalog_list_namespaces(catalog->catalog, parent, &arena, &names, &count,
                                        err));
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(told(fn(arg, names[i]), err));
    }
done:
    dsi_arena_release(&arena);
    return rc;
}

int ds_catalog_create_namespace(ds_catalog *catalog, const char *ns,
                                const struct ds_properties *properties,
                                struct ds_error *err)
{
    struct ds_properties none = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(catalog, "ds_catalog_create_namespace", "catalog", err));
    DSI_TRY(dsi_handle_need(ns, "ds_catalog_create_namespace", "ns", err));
    properties = properties ? properties : &none;
    DSI_TRY(dsi_handle_properties(properties, err));
    DSI_TRY(dsi_catalog_create_namespace(catalog->catalog, ns, *properties, err));
done:
    return rc;
}

int ds_catalog_drop_namespace(ds_catalog *catalog, const char *ns, struct ds_error *err)
{
    int rc = DS_OK;
    DSI_TRY(dsi_handle_need(catalog, "ds_catalog_drop_namespace", "catalog", err));
    DSI_TRY(dsi_handle_need(ns, "ds_catalog_drop_namespace", "ns", err));
    DSI_TRY(dsi_catalog_drop_namespace(catalog->catalog, ns, err));
done:
    return rc;
}

int ds_catalog_namespace_properties(ds_catalog *catalog, const char *ns,
                                    ds_property_fn fn, void *arg, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_properties found = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(catalog, "ds_catalog_namespace_properties", "catalog", err));
    DSI_TRY(dsi_handle_need(ns, "ds_catalog_namespace_properties", "ns", err));
    DSI_TRY(dsi_catalog_load_namespace(catalog->catalog, ns, &arena, &found, err));
    for (size_t i = 0; i < found.count; i++) {
        DSI_TRY(told(fn(arg, found.items[i].key, found.items[i].value), err));
    }
done:
    dsi_arena_release(&arena);
    return rc;
}

int ds_catalog_set_namespace_properties(ds_catalog *catalog, const char *ns,
                                        const struct ds_properties *properties,
                                        struct ds_error *err)
{
    const char *function = "ds_catalog_set_namespace_properties";
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(catalog, function, "catalog", err));
    DSI_TRY(dsi_handle_need(ns, function, "ns", err));
    DSI_TRY(dsi_handle_need(properties, function, "properties", err));
    DSI_TRY(dsi_handle_properties(properties, err));
    DSI_TRY(dsi_catalog_set_namespace(catalog->catalog, ns, *properties, err));
done:
    return rc;
}
