#include "catalog/catalog_name.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "storage/storage_path.h"

#define VERSION_MAX INT64_C(1000000000000) // More is somebody's idea of a name.

// One level or several, joined with dots.
static int check_levels(const char *text, const char *what, struct ds_error *err)
{
    size_t size = strlen(text);

    if (size == 0) {
        return dsi_fail(err, DS_EINVALID, "%s is empty", what);
    }
    if (size > DSI_NAME_SIZE_MAX) {
        return dsi_fail(err, DS_EINVALID, "%s \"%.40s…\" has %zu bytes, at most %d fit",
                        what, text, size, DSI_NAME_SIZE_MAX);
    }
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            return dsi_fail(err, DS_EINVALID, "%s has a control character at byte %zu",
                            what, (size_t)(c - text));
        }
        if (*c == '.' && (c == text || c[1] == '.' || c[1] == '\0')) {
            return dsi_fail(err, DS_EINVALID, "%s \"%s\" has an empty level", what, text);
        }
    }
    if (!dsi_utf8_valid(dsi_slice_text(text))) {
        return dsi_fail(err, DS_EINVALID, "%s is not UTF-8", what);
    }
    return DS_OK;
}

int dsi_namespace_check(const char *ns, struct ds_error *err)
{
    return check_levels(ns, "the namespace", err);
}

int dsi_table_name_check(const struct dsi_table_name *name, struct ds_error *err)
{
    const char *path = NULL;

    assert(name && name->ns && name->name);
    if (name->ns[0] == '\0') {
        const char *scheme =
            dsi_storage_path_has_scheme(name->name, "memory") ? "memory" : "file";
        return dsi_storage_path(name->name, scheme, &path, err);
    }
    int rc = check_levels(name->ns, "the namespace", err);
    if (rc < 0) {
        return rc;
    }
    if (strchr(name->name, '.')) {
        return dsi_fail(err, DS_EINVALID, "the table's own name \"%s\" has a dot",
                        name->name);
    }
    return check_levels(name->name, "the table's name", err);
}

bool dsi_namespace_is_below(const char *ns, const char *parent)
{
    if (!parent || parent[0] == '\0') {
        return true;
    }
    return dsi_text_starts_with(ns, parent) && ns[strlen(parent)] == '.';
}

int64_t dsi_metadata_file_version(const char *location)
{
    const char *slash = strrchr(location, '/');
    const char *name = slash ? slash + 1 : location;
    const char *dash = strchr(name, '-');
    int64_t version = -1;

    if (!dash || name[0] < '0' || name[0] > '9' ||
        !dsi_text_to_i64(name, (size_t)(dash - name), &version) ||
        version > VERSION_MAX) {
        return -1;
    }
    return version;
}

int dsi_table_name_parse(const char *text, struct dsi_arena *arena,
                         struct dsi_table_name *out, struct ds_error *err)
{
    const char *dot = strrchr(text, '.');

    if (!dot) {
        return dsi_fail(err, DS_EINVALID,
                        "\"%s\" names no namespace: expected namespace.table", text);
    }
    if (dot == text) {
        return dsi_fail(err, DS_EINVALID, "\"%s\" has an empty level", text);
    }
    out->ns = dsi_arena_strndup(arena, text, (size_t)(dot - text));
    out->name = dsi_arena_strdup(arena, dot + 1);
    if (!out->ns || !out->name) {
        return dsi_no_memory(err, text);
    }
    return dsi_table_name_check(out, err);
}
