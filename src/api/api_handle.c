#include "api/api_handle.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "data/arrow_io.h"
#include "model/location.h"
#include "storage/storage_posix.h"

enum { PATH_SIZE_MAX = 4096 };

int dsi_handle_need(const void *argument, const char *function, const char *name,
                    struct ds_error *err)
{
    return argument ? DS_OK
                    : dsi_fail(err, DS_EINVALID, "%s: %s is NULL", function, name);
}

int dsi_handle_size(uint32_t size, size_t known, const char *what, struct ds_error *err)
{
    if (size == 0) {
        return dsi_fail(err, DS_EINVALID, "%s: struct_size is not set", what);
    }
    if (size > known) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "%s has %u bytes, this library knows %zu: it is older than the "
                        "program's headers",
                        what, (unsigned)size, known);
    }
    return DS_OK;
}

int dsi_handle_form(const struct ds_arrow_form *user, const struct dsi_schema *schema,
                    struct dsi_arena *arena, struct dsi_arrow_form *out,
                    struct ds_error *err)
{
    struct ds_arrow_form form = {0};

    *out = (struct dsi_arrow_form){0};
    if (!user) {
        return DS_OK;
    }
    int rc = dsi_handle_size(user->struct_size, sizeof form, "struct ds_arrow_form", err);
    if (rc < 0) {
        return rc;
    }
    memcpy(&form, user, user->struct_size);
    if (form.dictionary_column_count > 0 && !form.dictionary_columns) {
        return dsi_fail(err, DS_EINVALID, "%zu dictionary columns, but no list of them",
                        form.dictionary_column_count);
    }
    out->views = form.string_view;
    out->dictionaries = form.dictionary;
    return dsi_arrow_form_resolve(schema, form.dictionary_columns,
                                  form.dictionary_column_count, arena, out, err);
}

int dsi_handle_properties(const struct ds_properties *properties, struct ds_error *err)
{
    if (properties->count > 0 && !properties->items) {
        return dsi_fail(err, DS_EINVALID, "%zu properties, but no list of them",
                        properties->count);
    }
    for (size_t i = 0; i < properties->count; i++) {
        if (!properties->items[i].key || properties->items[i].key[0] == '\0') {
            return dsi_fail(err, DS_EINVALID, "property %zu has no key", i + 1);
        }
    }
    return DS_OK;
}

// The working directory, with as many levels taken off as `text` begins with "../".
static int start_directory(const char **text, char out[PATH_SIZE_MAX],
                           struct ds_error *err)
{
    int code = dsi_posix()->getcwd(out, PATH_SIZE_MAX);
    if (code < 0) {
        return dsi_posix_fail(err, code, "finding the working directory", *text);
    }
    for (;;) {
        size_t up = strncmp(*text, "../", 3) == 0 || strcmp(*text, "..") == 0;
        if (!up && strncmp(*text, "./", 2) != 0 && strcmp(*text, ".") != 0) {
            return DS_OK;
        }
        char *slash = strrchr(out, '/');
        if (up && slash) {
            *(slash == out ? slash + 1 : slash) = '\0';
        }
        *text += up ? 2 : 1;
        while (**text == '/') {
            (*text)++;
        }
    }
}

static bool has_scheme(const char *text)
{
    const char *colon = strchr(text, ':');
    const char *slash = strchr(text, '/');
    return colon && slash == colon + 1;
}

int dsi_handle_metadata(struct ds_table *table, const struct dsi_metadata **out,
                        struct ds_error *err)
{
    int rc = dsi_table_catch_up(table->table, 0, err);

    *out = rc == DS_OK ? dsi_table_metadata(table->table) : NULL;
    return rc;
}

int dsi_handle_location(const char *text, struct dsi_arena *arena, char **out,
                        struct ds_error *err)
{
    char directory[PATH_SIZE_MAX] = "";
    char *joined = NULL;
    int rc = DS_OK;

    *out = NULL;
    if (text[0] == '\0') {
        return dsi_fail(err, DS_EINVALID, "a location is empty");
    }
    if (text[0] == '/' || has_scheme(text)) {
        return dsi_location_normalize(text, arena, out, err);
    }
    DSI_TRY(start_directory(&text, directory, err));
    joined = text[0] == '\0'
                 ? dsi_arena_strdup(arena, directory)
                 : dsi_arena_printf(arena, "%s/%s",
                                    strcmp(directory, "/") == 0 ? "" : directory, text);
    if (!joined) {
        return dsi_no_memory(err, "a location");
    }
    DSI_TRY(dsi_location_normalize(joined, arena, out, err));
done:
    return rc;
}

int dsi_handle_catalog_new(const char *uri, struct ds_properties properties,
                           struct ds_catalog **out, struct ds_error *err)
{
    struct ds_catalog *c = dsi_calloc(1, sizeof(*c));
    int rc = DS_OK;

    *out = NULL;
    if (!c) {
        return dsi_no_memory(err, "a catalog");
    }
    dsi_refcount_init(&c->owners);
    DSI_TRY(dsi_catalog_open(uri, properties, &c->catalog, err));
    *out = c;
    c = NULL;
done:
    dsi_handle_catalog_unref(c);
    return rc;
}

void dsi_handle_catalog_unref(struct ds_catalog *c)
{
    if (c && dsi_refcount_drop(&c->owners)) {
        dsi_catalog_free(c->catalog);
        dsi_free(c);
    }
}

// A public spec's texts as the model's values; everything is in the arena.
static int read_spec(const struct ds_table_spec *spec, struct dsi_arena *arena,
                     struct dsi_metadata_new *out, struct ds_error *err)
{
    struct dsi_schema *schema = dsi_arena_alloc(arena, sizeof(*schema));
    struct dsi_partition_spec *partition = dsi_arena_alloc(arena, sizeof(*partition));
    struct dsi_sort_order *order = dsi_arena_alloc(arena, sizeof(*order));
    char *location = NULL;
    int rc = DS_OK;

    if (!schema || !partition || !order) {
        return dsi_no_memory(err, "a table's description");
    }
    if (spec->schema) {
        DSI_TRY(dsi_arrow_schema_read(spec->schema, arena, schema, err));
    } else {
        struct ds_slice json = {(const uint8_t *)spec->schema_json,
                                strlen(spec->schema_json)};
        rc = dsi_schema_from_json(json, arena, schema, err);
        if (rc == DS_ECORRUPT) { // Nothing that is stored: the caller wrote it.
            rc = dsi_wrap(err, DS_EINVALID, "creating a table");
        }
        DSI_TRY(rc);
    }
    out->schema = schema;
    if (spec->partition_by) {
        DSI_TRY(
            dsi_partition_spec_parse(spec->partition_by, schema, arena, partition, err));
        out->spec = partition;
    }
    if (spec->sort_by) {
        DSI_TRY(dsi_sort_order_parse(spec->sort_by, schema, arena, order, err));
        out->sort_order = order;
    }
    if (spec->location) {
        DSI_TRY(dsi_handle_location(spec->location, arena, &location, err));
        out->location = location;
    }
    out->properties = spec->properties;
done:
    return rc;
}

static int check_spec(const struct ds_table_spec *spec, struct ds_error *err)
{
    int rc =
        dsi_handle_size(spec->struct_size, sizeof(*spec), "struct ds_table_spec", err);
    if (rc == DS_OK && !spec->schema == !spec->schema_json) {
        rc = dsi_fail(err, DS_EINVALID,
                      "struct ds_table_spec: set either schema or schema_json");
    }
    return rc == DS_OK ? dsi_handle_properties(&spec->properties, err) : rc;
}

// Opens or creates what `t` is to hold.
static int fill_table(struct ds_table *t, const struct dsi_table_name *name,
                      const struct ds_table_spec *spec, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_metadata_new metadata = {0};
    int rc = DS_OK;

    if (!spec) {
        return dsi_table_open(t->catalog->catalog, name, &t->table, err);
    }
    DSI_TRY(read_spec(spec, &arena, &metadata, err));
    rc = dsi_table_create(t->catalog->catalog, name, &metadata, &t->table, err);
    if (rc == DS_EEXISTS && spec->if_absent) {
        rc = dsi_table_open(t->catalog->catalog, name, &t->table, err);
    }
done:
    dsi_arena_release(&arena);
    return rc;
}

int dsi_handle_table_new(struct ds_catalog *catalog, const struct dsi_table_name *name,
                         const struct ds_table_spec *spec, struct ds_table **out,
                         struct ds_error *err)
{
    struct ds_table *t = NULL;
    int rc = spec ? check_spec(spec, err) : DS_OK;

    *out = NULL;
    if (rc < 0) {
        return rc;
    }
    t = dsi_calloc(1, sizeof(*t));
    if (!t) {
        return dsi_no_memory(err, "a table handle");
    }
    dsi_refcount_add(&catalog->owners);
    t->catalog = catalog;
    t->name = dsi_arena_printf(&t->arena, "%s%s%s", name->ns, name->ns[0] ? "." : "",
                               name->name);
    if (!t->name) {
        rc = dsi_no_memory(err, "a table handle");
        goto done;
    }
    DSI_TRY(dsi_mutex_new(&t->lock, err));
    DSI_TRY(fill_table(t, name, spec, err));
    *out = t;
    t = NULL;
done:
    ds_table_free(t);
    return rc;
}
