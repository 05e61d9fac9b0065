// Which catalog a URI names.
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "catalog/catalog_backend.h"
#include "catalog/catalog_rows.h"
#include "storage/storage_path.h"
#include "storage/storage_posix.h"

#define BUSY_TIMEOUT_MS INT64_C(30000)
#define BUSY_TIMEOUT_MS_MAX INT64_C(86400000)

static const char *property(struct ds_properties p, const char *key, const char *fallback)
{
    for (size_t i = 0; i < p.count; i++) {
        if (strcmp(p.items[i].key, key) == 0) {
            return p.items[i].value;
        }
    }
    return fallback;
}

// A path of this machine made absolute, in the arena.
static int absolute(const char *path, struct dsi_arena *arena, char **out,
                    struct ds_error *err)
{
    char here[4096];
    size_t size = strlen(path);

    while (size > 1 && path[size - 1] == '/') {
        size--;
    }
    while (size >= 2 && path[0] == '.' && path[1] == '/') {
        path += 2;
        size -= 2;
    }
    if (path[0] == '/') {
        *out = dsi_arena_strndup(arena, path, size);
        return *out ? DS_OK : dsi_no_memory(err, path);
    }
    int code = dsi_posix()->getcwd(here, sizeof here);
    if (code < 0) {
        return dsi_posix_fail(err, code, "finding the current directory for", path);
    }
    *out = size == 0 || (size == 1 && path[0] == '.')
               ? dsi_arena_strdup(arena, here)
               : dsi_arena_printf(arena, "%s/%.*s", strcmp(here, "/") ? here : "",
                                  (int)size, path);
    return *out ? DS_OK : dsi_no_memory(err, path);
}

// A location in the form that is stored, in the arena: "file:///…" or "memory:///…".
static int canonical(const char *location, struct dsi_arena *arena, char **out,
                     struct ds_error *err)
{
    const char *path = NULL;
    char *text = NULL;
    bool memory = dsi_storage_path_has_scheme(location, "memory");
    bool relative = !memory && !dsi_storage_path_has_scheme(location, "file");
    int rc = DS_OK;

    if (relative && strstr(location, "://")) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "%s: no storage serves this; supported are file:///… and "
                        "memory:///…",
                        location);
    }
    DSI_TRY(absolute(relative ? location : "/", arena, &text, err));
    if (!relative) {
        size_t size = strlen(location);
        while (size > 1 && location[size - 1] == '/') {
            size--;
        }
        text = dsi_arena_strndup(arena, location, size);
        if (!text) {
            rc = dsi_no_memory(err, location);
            goto done;
        }
    }
    DSI_TRY(dsi_storage_path(text, memory ? "memory" : "file", &path, err));
    *out = dsi_arena_printf(arena, "%s://%s", memory ? "memory" : "file", path);
    rc = *out ? DS_OK : dsi_no_memory(err, location);
done:
    return rc;
}

// The path in "sqlite:PATH" or, as SQLAlchemy has it, "sqlite:///PATH"; NULL for others.
static const char *sqlite_path(const char *uri)
{
    if (!dsi_text_starts_with(uri, "sqlite:")) {
        return NULL;
    }
    const char *path = uri + strlen("sqlite:");
    return dsi_text_starts_with(path, "///") ? path + 3 : path;
}

// Opening it to see would be wrong (closing it drops locks), so look from outside.
static int check_database(const char *path, struct ds_error *err)
{
    struct stat st;
    int code = dsi_posix()->stat(path, &st);

    if (code == 0 && !S_ISREG(st.st_mode)) {
        return dsi_fail(err, DS_EINVALID, "%s is not a file, so it is no SQLite database",
                        path);
    }
    return code < 0 && code != -ENOENT ? dsi_posix_fail(err, code, "looking at", path)
                                       : DS_OK;
}

static int busy_timeout(struct ds_properties properties, int64_t *ns,
                        struct ds_error *err)
{
    const char *text = property(properties, "busy-timeout-ms", NULL);
    int64_t ms = BUSY_TIMEOUT_MS;

    if (text && (!dsi_text_to_i64(text, strlen(text), &ms) || ms < 0 ||
                 ms > BUSY_TIMEOUT_MS_MAX)) {
        return dsi_fail(err, DS_EINVALID,
                        "busy-timeout-ms is \"%s\": expected a number from 0 to %lld",
                        text, (long long)BUSY_TIMEOUT_MS_MAX);
    }
    *ns = ms * 1000000;
    return DS_OK;
}

static int open_sqlite(const char *given, struct ds_properties properties,
                       struct dsi_arena *arena, struct dsi_catalog_sql_spec *spec,
                       struct ds_error *err)
{
    const char *warehouse = property(properties, "warehouse", NULL);
    const char *name = property(properties, "name", NULL);
    char *path = NULL;
    char *place = NULL;
    char *slash = NULL;
    int64_t busy_ns = 0;
    int rc = DS_OK;

    if (given[0] == '\0' || strcmp(given, ":memory:") == 0) {
        return dsi_fail(err, DS_EINVALID,
                        "sqlite: needs the path of a file; what is to be forgotten can "
                        "be in memory:");
    }
    if (name && (name[0] == '\0' || !dsi_utf8_valid(dsi_slice_text(name)))) {
        return dsi_fail(err, DS_EINVALID, "the catalog's name is empty or not UTF-8");
    }
    DSI_TRY(busy_timeout(properties, &busy_ns, err));
    DSI_TRY(absolute(given, arena, &path, err));
    DSI_TRY(check_database(path, err));
    slash = strrchr(path, '/');
    if (!warehouse) {
        warehouse = dsi_arena_printf(arena, "%.*s/warehouse", (int)(slash - path), path);
    }
    spec->lock_prefix = dsi_arena_printf(arena, "%.*s/" DSI_STORAGE_HIDDEN "%s-",
                                         (int)(slash - path), path, slash + 1);
    if (!warehouse || !spec->lock_prefix) {
        rc = dsi_no_memory(err, path);
        goto done;
    }
    DSI_TRY(canonical(warehouse, arena, &place, err));
    spec->warehouse = place;
    DSI_TRY(dsi_rows_sqlite_new(path, name, busy_ns, &spec->rows, err));
done:
    return rc;
}

static int open_memory(struct ds_properties properties, struct dsi_arena *arena,
                       struct dsi_catalog_sql_spec *spec, struct ds_error *err)
{
    const char *warehouse = property(properties, "warehouse", "memory:///warehouse");
    char *place = NULL;
    int rc = canonical(warehouse, arena, &place, err);

    spec->warehouse = place;
    spec->lock_prefix = "memory:///" DSI_STORAGE_HIDDEN;
    return rc < 0 ? rc : dsi_rows_mem_new(&spec->rows, err);
}

static bool is_directory_path(const char *uri)
{
    return dsi_storage_path_has_scheme(uri, "file") ||
           dsi_text_starts_with(uri, "memory:/") || !strchr(uri, ':');
}

int dsi_catalog_open(const char *uri, struct ds_properties properties,
                     struct dsi_catalog **out, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_catalog_sql_spec spec = {NULL, NULL, NULL, NULL};
    const char *database = sqlite_path(uri);
    bool path_tables = false;
    char *root = NULL;
    int rc = DS_OK;

    *out = NULL;
    DSI_TRY(dsi_storage_router_new(&spec.storage, err));
    if (database) {
        DSI_TRY(open_sqlite(database, properties, &arena, &spec, err));
    } else if (strcmp(uri, "memory:") == 0) {
        DSI_TRY(open_memory(properties, &arena, &spec, err));
    } else if (uri[0] != '\0' && is_directory_path(uri)) {
        path_tables = true;
        DSI_TRY(canonical(uri, &arena, &root, err));
    } else {
        rc = dsi_fail(err, DS_EINVALID,
                      "\"%s\" names no catalog; supported are sqlite:PATH, memory: and "
                      "the path of a directory",
                      uri);
        goto done;
    }
    DSI_TRY(path_tables ? dsi_catalog_path_new(root, spec.storage, out, err)
                        : dsi_catalog_sql_new(&spec, out, err));
    spec.storage = NULL;
    spec.rows = NULL;
done:
    if (spec.rows) {
        spec.rows->ops->free(spec.rows);
    }
    dsi_storage_free(spec.storage);
    dsi_arena_release(&arena);
    return rc < 0 ? dsi_wrap_file(err, rc, "opening catalog", uri) : rc;
}
