// What the tests of DataShard's own layout share: files of the tables that it wrote.
#ifndef DSI_TEST_LEGACY_CASE_H
#define DSI_TEST_LEGACY_CASE_H

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/fault.h"
#include "base/text.h"
#include "harness.h"
#include "model/legacy.h"

#define LEGACY_LOCATION "file:///here/t"

// The bytes of the one file in `folder` of a golden table whose name has `part` in it; of
// several the last by name. Fails the test when there is none.
static inline void legacy_file(const char *folder, const char *part, struct dsi_buf *out)
{
    char where[512];
    char path[1024];
    char found[256] = "";
    uint8_t bytes[4096];
    size_t n = 0;

    snprintf(where, sizeof where, "%s/legacy/%s", DSI_TEST_GOLDEN, folder);
    DIR *dir = opendir(where);
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (strstr(e->d_name, part) && strcmp(e->d_name, found) > 0) {
            snprintf(found, sizeof found, "%s", e->d_name);
        }
    }
    closedir(dir);
    snprintf(path, sizeof path, "%s/%s", where, found);
    FILE *f = fopen(path, "rb");
    if (!f) {
        fail_msg("%s cannot be opened", path);
        return;
    }
    while ((n = fread(bytes, 1, sizeof bytes, f)) > 0) {
        assert_int_equal(dsi_buf_append(out, bytes, n, NULL), DS_OK);
    }
    fclose(f);
}

// Metadata text as the parser's input becomes.
static inline int legacy_parse(const char *json, struct dsi_metadata **out,
                               struct ds_error *err)
{
    struct dsi_legacy l;
    int rc = dsi_legacy_read(dsi_slice_text(json), LEGACY_LOCATION, &l, err);

    *out = NULL;
    if (rc == DS_OK) {
        rc = dsi_legacy_to_metadata(&l, out, err);
    }
    dsi_legacy_release(&l);
    return rc;
}

#endif
