// A table that DataShard wrote, in a memory storage of its own.
#ifndef DSI_TEST_LEGACY_TABLE_H
#define DSI_TEST_LEGACY_TABLE_H

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "harness.h"
#include "scan/scan.h"
#include "txn/table.h"

#define LEGACY_TABLE "memory:///t"

// Stores what `from` holds as `to`.
static inline void legacy_copy_file(ds_storage *storage, const char *from, const char *to)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    uint8_t part[4096];
    size_t n = 0;
    FILE *f = fopen(from, "rb");

    assert_non_null(f);
    while ((n = fread(part, 1, sizeof part, f)) > 0) {
        assert_int_equal(dsi_buf_append(&bytes, part, n, NULL), DS_OK);
    }
    fclose(f);
    assert_int_equal(dsi_storage_put(storage, to, dsi_buf_slice(&bytes), 0, NULL), DS_OK);
    dsi_buf_release(&bytes);
}

// Three levels is as deep as a table goes.
static inline void legacy_copy(ds_storage *storage, const char *from, const char *to,
                               int depth)
{
    DIR *dir = opendir(from);

    assert_non_null(dir);
    assert_in_range(depth, 0, 3);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        char in[1024];
        char out[1024];
        struct stat st;
        int size = snprintf(in, sizeof in, "%s/%s", from, e->d_name);
        assert_in_range(size, 1, sizeof in - 1);
        size = snprintf(out, sizeof out, "%s/%s", to, e->d_name);
        assert_in_range(size, 1, sizeof out - 1);
        assert_int_equal(stat(in, &st), 0);
        if (S_ISDIR(st.st_mode) && e->d_name[0] != '.') {
            legacy_copy(storage, in, out, depth + 1);
        } else if (S_ISREG(st.st_mode)) {
            legacy_copy_file(storage, in, out);
        }
    }
    closedir(dir);
}

static inline ds_storage *legacy_table(const char *golden)
{
    ds_storage *storage = NULL;
    char from[512];

    assert_int_equal(dsi_storage_mem_new(&storage, NULL), DS_OK);
    snprintf(from, sizeof from, "%s/legacy/%s", DSI_TEST_GOLDEN, golden);
    legacy_copy(storage, from, LEGACY_TABLE, 0);
    return storage;
}

// Rows of a snapshot by its manifests.
static inline int64_t legacy_rows(ds_storage *storage, const struct dsi_metadata *m,
                                  const struct dsi_snapshot *s)
{
    struct dsi_manifest_list list = {0};
    struct ds_error err = {0};
    int64_t rows = 0;

    if (dsi_snapshot_manifests(storage, m, s, &list, &err) < 0) {
        fail_msg("%s", err.message);
    }
    for (size_t i = 0; i < list.count; i++) {
        struct dsi_manifest x;
        if (dsi_manifest_load(storage, m, &list.files[i], NULL, &x, &err) < 0) {
            fail_msg("%s", err.message);
        }
        for (size_t j = 0; j < x.entry_count; j++) {
            rows += x.entries[j].file.record_count;
        }
        dsi_manifest_release(&x);
    }
    dsi_manifest_list_release(&list);
    return rows;
}

// Finds the one file below "<table>/<folder>/" whose name has `part` in it.
struct legacy_search {
    const char *part;
    char path[512];
    size_t count;
};

static inline int legacy_told(void *arg, const char *path,
                              const struct ds_file_info *info)
{
    struct legacy_search *s = arg;
    (void)info;
    if (strstr(path, s->part)) {
        snprintf(s->path, sizeof s->path, "%s", path);
        s->count++;
    }
    return DS_OK;
}

static inline size_t legacy_count(ds_storage *storage, const char *part, char *path)
{
    struct legacy_search s = {.part = part};

    assert_int_equal(dsi_storage_list(storage, LEGACY_TABLE, legacy_told, &s, NULL),
                     DS_OK);
    if (path) {
        snprintf(path, sizeof s.path, "%s", s.path);
    }
    return s.count;
}

#endif
