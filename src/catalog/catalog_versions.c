#include "catalog/catalog_versions.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define NUMBER_MAX INT64_C(1000000000000)
enum { HINT_SIZE_MAX = 64 };

static const char *const suffixes[] = {".metadata.json", ".gz.metadata.json",
                                       ".metadata.json.gz"};
enum { SUFFIXES = sizeof suffixes / sizeof suffixes[0] };

static int64_t parse_number(const char *text, size_t size)
{
    int64_t number = -1;

    if (size == 0 || text[0] < '1' || text[0] > '9' || // No sign, no leading zero.
        !dsi_text_to_i64(text, size, &number) || number > NUMBER_MAX) {
        return -1;
    }
    return number;
}

int64_t dsi_version_parse(const char *name)
{
    const char *dot = strchr(name, '.');

    if (name[0] != 'v' || !dot) {
        return -1;
    }
    for (size_t i = 0; i < SUFFIXES; i++) {
        if (strcmp(dot, suffixes[i]) == 0) {
            return parse_number(name + 1, (size_t)(dot - name - 1));
        }
    }
    return -1;
}

char *dsi_version_path(const char *table, int64_t number, struct dsi_arena *arena)
{
    return dsi_arena_printf(arena, "%s/metadata/v%lld%s", table, (long long)number,
                            suffixes[0]);
}

int dsi_version_find(ds_storage *s, const char *table, int64_t number,
                     struct dsi_arena *arena, struct dsi_version *out,
                     struct ds_error *err)
{
    for (size_t i = 0; i < SUFFIXES; i++) {
        struct ds_file_info info = {0, 0};
        char *path = dsi_arena_printf(arena, "%s/metadata/v%lld%s", table,
                                      (long long)number, suffixes[i]);
        if (!path) {
            return dsi_no_memory(err, table);
        }
        int rc = dsi_storage_stat(s, path, &info, err);
        if (rc == DS_OK) {
            *out = (struct dsi_version){number, path, info};
        }
        if (rc != DS_ENOTFOUND) {
            return rc;
        }
    }
    return dsi_fail(err, DS_ENOTFOUND, "%s has no version %lld", table,
                    (long long)number);
}

struct listing {
    struct dsi_arena *arena;
    size_t prefix; // Bytes of "<table>/metadata/".
    struct dsi_version *versions;
    size_t count;
};

static int told_file(void *arg, const char *path, const struct ds_file_info *info)
{
    struct listing *l = arg;
    int64_t number = dsi_version_parse(path + l->prefix);
    (void)info;

    if (number < 0) {
        return DS_OK;
    }
    l->versions = dsi_arena_grow(l->arena, l->versions, l->count, sizeof *l->versions);
    char *copy = dsi_arena_strdup(l->arena, path);
    if (!l->versions || !copy) {
        return DS_ENOMEM;
    }
    l->versions[l->count++] = (struct dsi_version){number, copy, {0, 0}};
    return DS_OK;
}

static int compare_versions(const void *a, const void *b)
{
    const struct dsi_version *x = a;
    const struct dsi_version *y = b;
    if (x->number != y->number) {
        return x->number < y->number ? -1 : 1;
    }
    return strcmp(x->path, y->path);
}

int dsi_version_list(ds_storage *s, const char *table, struct dsi_arena *arena,
                     struct dsi_version **out, size_t *count, struct ds_error *err)
{
    struct listing l = {.arena = arena};
    char *prefix = dsi_arena_printf(arena, "%s/metadata", table);

    if (!prefix) {
        return dsi_no_memory(err, table);
    }
    l.prefix = strlen(prefix) + 1;
    int rc = dsi_storage_list(s, prefix, told_file, &l, err);
    if (rc == DS_ENOMEM) {
        return dsi_no_memory(err, table); // The callback has no words of its own.
    }
    if (l.count > 1) {
        qsort(l.versions, l.count, sizeof *l.versions, compare_versions);
    }
    *out = l.versions;
    *count = l.count;
    return rc;
}

// What the hint says; -1 for anything that is not a version (1).
static int64_t read_hint(ds_storage *s, const char *table, struct dsi_arena *arena)
{
    struct dsi_buf bytes = DSI_BUF_INIT_MAX(HINT_SIZE_MAX);
    char *path = dsi_arena_printf(arena, "%s/metadata/" DSI_VERSION_HINT, table);
    int64_t number = -1;

    if (path && dsi_storage_read(s, path, &bytes, NULL) == DS_OK) {
        size_t size = bytes.size;
        while (size > 0 &&
               (bytes.data[size - 1] == '\n' || bytes.data[size - 1] == '\r' ||
                bytes.data[size - 1] == ' ')) {
            size--;
        }
        number = parse_number((const char *)bytes.data, size);
    }
    dsi_buf_release(&bytes);
    return number;
}

int dsi_version_head(ds_storage *s, const char *table, struct dsi_arena *arena,
                     struct dsi_version *out, struct ds_error *err)
{
    struct dsi_version *all = NULL;
    size_t count = 0;
    int64_t hint = read_hint(s, table, arena);
    int rc = hint > 0 ? dsi_version_find(s, table, hint, arena, out, err) : DS_ENOTFOUND;

    if (rc == DS_ENOTFOUND) { // (2)
        rc = dsi_version_list(s, table, arena, &all, &count, err);
        if (rc == DS_OK && count == 0) {
            return dsi_fail(err, DS_ENOTFOUND, "there is no table at %s", table);
        }
        if (rc == DS_OK) {
            *out = all[count - 1];
            DSI_IGNORE(dsi_storage_stat(s, out->path, &out->info, NULL));
        }
    }
    // Upwards from there; a listing may be old already.
    while (rc == DS_OK) {
        struct dsi_version next = {0, NULL, {0, 0}};
        rc = dsi_version_find(s, table, out->number + 1, arena, &next, err);
        if (rc == DS_OK) {
            *out = next;
        }
    }
    return rc == DS_ENOTFOUND ? DS_OK : rc;
}

void dsi_version_write_hint(ds_storage *s, const char *table, int64_t number)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    char text[32];
    char *path = dsi_arena_printf(&arena, "%s/metadata/" DSI_VERSION_HINT, table);

    snprintf(text, sizeof text, "%lld", (long long)number);
    if (path && read_hint(s, table, &arena) < number) {
        // A slow writer could still put an older one; whoever reads it looks further.
        DSI_IGNORE(dsi_storage_put(s, path, dsi_slice_text(text), DS_PUT_HINT, NULL));
    }
    dsi_arena_release(&arena);
}
