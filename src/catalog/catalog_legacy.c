#include "catalog/catalog_legacy.h"

#include <string.h>

#include "base/error.h"
#include "base/text.h"

#define NUMBER_MAX INT64_C(1000000000000)
enum { HINT_SIZE_MAX = 256, SUFFIX_DIGITS = 8 };

int64_t dsi_legacy_number(const char *name)
{
    int64_t number = -1;
    size_t digits = name[0] == 'v' ? strspn(name + 1, "0123456789") : 0;
    const char *rest = name + 1 + digits;

    if (digits == 0 || !dsi_text_to_i64(name + 1, digits, &number) ||
        number > NUMBER_MAX) {
        return -1;
    }
    if (rest[0] == '-' && strspn(rest + 1, "0123456789abcdef") == SUFFIX_DIGITS) {
        rest += 1 + SUFFIX_DIGITS;
    }
    return strcmp(rest, ".metadata.json") == 0 ? number : -1;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// A number stands for the name that early versions gave. NULL without memory.
static char *name_in_hint(struct ds_slice text, struct dsi_arena *arena)
{
    while (text.size > 0 && is_blank(text.data[text.size - 1])) {
        text.size--;
    }
    while (text.size > 0 && is_blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    char *name = dsi_arena_strndup(arena, (const char *)text.data, text.size);
    bool number = name && name[0] && strspn(name, "0123456789") == strlen(name);
    return number ? dsi_arena_printf(arena, "v%s.metadata.json", name) : name;
}

// The file that a hint names. DS_ENOTFOUND: there is no such hint, it is not one, or the
// file is not there.
static int follow_hint(ds_storage *s, const char *table, const char *hint,
                       struct dsi_arena *arena, struct dsi_legacy_head *out,
                       struct ds_error *err)
{
    struct dsi_buf bytes = DSI_BUF_INIT_MAX(HINT_SIZE_MAX);
    struct ds_file_info info = {0, 0};
    char *path = dsi_arena_printf(arena, "%s/%s", table, hint);
    char *name = NULL;
    int rc = DS_OK;

    if (!path) {
        return dsi_no_memory(err, table);
    }
    rc = dsi_storage_read(s, path, &bytes, err);
    if (rc == DS_EUNSUPPORTED) { // Longer than any hint.
        rc = dsi_fail(err, DS_ENOTFOUND, "%s is no hint", path);
    }
    DSI_TRY(rc);
    name = name_in_hint(dsi_buf_slice(&bytes), arena);
    path = name ? dsi_arena_printf(arena, "%s/metadata/%s", table, name) : NULL;
    if (!path) {
        rc = dsi_no_memory(err, table);
        goto done;
    }
    if (dsi_legacy_number(name) < 0) {
        rc = dsi_fail(err, DS_ENOTFOUND, "%s/%s names no metadata file", table, hint);
        goto done;
    }
    DSI_TRY(dsi_storage_stat(s, path, &info, err));
    *out = (struct dsi_legacy_head){dsi_legacy_number(name), path, name};
done:
    dsi_buf_release(&bytes);
    return rc;
}

// What a listing of the table's metadata found.
struct listing {
    struct dsi_arena *arena; // NULL: only the number is wanted.
    size_t prefix;           // Bytes of "<table>/metadata/".
    bool own_only;           // Names that only DataShard gives.
    int64_t number;          // The highest; -1: none.
    size_t count;            // Files that have it.
    const char *path;
};

static int told_file(void *arg, const char *path, const struct ds_file_info *info)
{
    struct listing *l = arg;
    const char *name = path + l->prefix;
    int64_t number = dsi_legacy_number(name);

    (void)info;
    if (number < l->number || number < 0 || (l->own_only && !strchr(name, '-'))) {
        return DS_OK;
    }
    l->count = number == l->number ? l->count + 1 : 1;
    l->number = number;
    if (l->arena) {
        l->path = dsi_arena_strdup(l->arena, path);
        return l->path ? DS_OK : DS_ENOMEM;
    }
    return DS_OK;
}

static int list(ds_storage *s, const char *table, struct listing *l, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    char *prefix = dsi_arena_printf(&arena, "%s/metadata", table);
    int rc = DS_OK;

    l->number = -1;
    if (!prefix) {
        rc = dsi_no_memory(err, table);
        goto done;
    }
    l->prefix = strlen(prefix) + 1;
    rc = dsi_storage_list(s, prefix, told_file, l, err);
    if (rc == DS_ENOMEM) {
        rc = dsi_no_memory(err, table); // The callback has no words of its own.
    }
done:
    dsi_arena_release(&arena);
    return rc;
}

static int find_without_hint(ds_storage *s, const char *table, struct dsi_arena *arena,
                             struct dsi_legacy_head *out, struct ds_error *err)
{
    struct listing l = {.arena = arena, .own_only = true};
    int rc = list(s, table, &l, err);

    if (rc < 0) {
        return rc;
    }
    if (l.count == 0) {
        return dsi_fail(err, DS_ENOTFOUND, "there is no table at %s", table);
    }
    if (l.count > 1) {
        return dsi_corrupt(err,
                           "%s was written by DataShard, its " DSI_LEGACY_HINT
                           " is lost, and %zu metadata files have the number %lld: "
                           "write the name of the one that counts into that file",
                           table, l.count, (long long)l.number);
    }
    *out = (struct dsi_legacy_head){l.number, l.path, l.path + l.prefix};
    return DS_OK;
}

int dsi_legacy_head_find(ds_storage *s, const char *table, struct dsi_arena *arena,
                         struct dsi_legacy_head *out, struct ds_error *err)
{
    int rc = follow_hint(s, table, DSI_LEGACY_HINT, arena, out, err);

    if (rc == DS_ENOTFOUND) {
        rc = follow_hint(s, table, DSI_LEGACY_HINT_KEPT, arena, out, err); // (2)
    }
    return rc == DS_ENOTFOUND ? find_without_hint(s, table, arena, out, err) : rc;
}

int dsi_legacy_newest(ds_storage *s, const char *table, int64_t *out,
                      struct ds_error *err)
{
    struct listing l = {.arena = NULL};
    int rc = list(s, table, &l, err);

    *out = l.number;
    return rc;
}
