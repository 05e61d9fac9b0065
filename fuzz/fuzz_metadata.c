// Any bytes as table metadata. What is read must be writable, and what is written must
// read back and be written as the same bytes; an edit of it must stay readable too.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/metadata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void stop(const char *what, const struct ds_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->message);
    abort();
}

static void round_trip(const struct dsi_metadata *m)
{
    struct dsi_buf first = DSI_BUF_INIT;
    struct dsi_buf second = DSI_BUF_INIT;
    struct dsi_metadata *back = NULL;
    struct ds_error err = {0};

    if (dsi_metadata_to_json(m, &first, &err) < 0) {
        stop("writing", &err);
    }
    if (dsi_metadata_parse(dsi_buf_slice(&first), &back, &err) < 0) {
        stop("reading back", &err);
    }
    if (dsi_metadata_to_json(back, &second, &err) < 0 ||
        !dsi_slice_equal(dsi_buf_slice(&first), dsi_buf_slice(&second))) {
        stop("writing again", &err);
    }
    dsi_metadata_unref(back);
    dsi_buf_release(&first);
    dsi_buf_release(&second);
}

static void edit(const struct dsi_metadata *m)
{
    struct dsi_metadata_edit *e = NULL;
    struct dsi_metadata *next = NULL;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_error err = {0};
    int64_t *ids = NULL;
    size_t count = 0;

    if (dsi_metadata_edit_new(m, &e, &err) < 0) {
        stop("editing", &err);
    }
    if (dsi_metadata_expired(m, INT64_C(1700000000000), &arena, &ids, &count, &err) ==
            DS_OK &&
        dsi_metadata_edit_remove_snapshots(e, ids, count, &err) < 0 &&
        err.status != DS_ECORRUPT) { // Statistics may be anything.
        stop("expiring", &err);
    }
    if (dsi_metadata_edit_finish(e, INT64_C(1700000000000), "file:///a", &next, NULL,
                                 &err) == DS_OK) {
        round_trip(next);
    } else if (err.status != DS_EINVALID) { // A property may be no number.
        stop("finishing", &err);
    }
    dsi_metadata_unref(next);
    dsi_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dsi_metadata *m = NULL;
    struct ds_error err = {0};

    if (dsi_metadata_parse((struct ds_slice){data, size}, &m, &err) == DS_OK) {
        round_trip(m);
        edit(m);
    } else if (m || err.message[0] == '\0') {
        stop("refused without a word", &err);
    }
    dsi_metadata_unref(m);
    return 0;
}
