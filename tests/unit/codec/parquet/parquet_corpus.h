// The parquet-testing corpus: files that others wrote.
#ifndef DSI_TEST_PARQUET_CORPUS_H
#define DSI_TEST_PARQUET_CORPUS_H

#include "unit/codec/parquet/parquet_sample.h"

// Finds the corpus: DATASHARD_CORPORA, or shared/corpora beside a folder above this one.
// Skips the test, loudly, where there is none.
static inline const char *corpus(void)
{
    static char path[512];
    const char *given = getenv("DATASHARD_CORPORA");
    char up[64] = "";

    for (int i = 0; i < 8; i++) {
        snprintf(path, sizeof path, "%s%s/parquet-testing", given ? given : up,
                 given ? "" : "shared/corpora");
        char probe[600];
        snprintf(probe, sizeof probe, "%s/data/binary.parquet", path);
        FILE *f = fopen(probe, "rb");
        if (f) {
            fclose(f);
            return path;
        }
        memcpy(up + strlen(up), "../", 4);
    }
    print_message("SKIPPED: no parquet-testing corpus; set DATASHARD_CORPORA to the "
                  "folder it is in\n");
    skip();
    return NULL;
}

static inline void corpus_load(const char *name, struct dsi_buf *out)
{
    char path[700];
    uint8_t bytes[4096];
    size_t n = 0;

    snprintf(path, sizeof path, "%s/%s", corpus(), name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        fail_msg("%s cannot be opened", path);
        return;
    }
    while ((n = fread(bytes, 1, sizeof bytes, f)) > 0) {
        sample_put(out, bytes, n);
    }
    fclose(f);
}

#endif
