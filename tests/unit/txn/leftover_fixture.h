// What the tests of removing files share: what there is of which kind, and changes that
// leave something behind.
#ifndef DSI_TEST_TXN_LEFTOVER_FIXTURE_H
#define DSI_TEST_TXN_LEFTOVER_FIXTURE_H

#include "fixture.h"
#include "txn/removal.h"

struct names {
    size_t lists;
    size_t manifests;
    size_t metadata;
    size_t data;
};

static inline int count_name(void *arg, const char *path, const struct ds_file_info *info)
{
    struct names *n = arg;
    (void)info;
    n->lists += strstr(path, "/snap-") != NULL;
    n->manifests += strstr(path, ".avro") != NULL && !strstr(path, "/snap-");
    n->metadata += strstr(path, ".metadata.json") != NULL;
    n->data += strstr(path, "/data/") != NULL;
    return DS_OK;
}

static inline struct names list(struct dsi_catalog *c)
{
    struct names n = {0};
    assert_int_equal(dsi_storage_list(c->storage, "memory:///t", count_name, &n, NULL),
                     DS_OK);
    return n;
}

static inline void append(struct dsi_table *t, int i)
{
    char path[64];
    snprintf(path, sizeof path, "memory:///t/data/%d", i);
    struct dsi_change *change = test_change(t, NULL, path, 1);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    dsi_change_free(change);
}

static inline void take_out(struct dsi_table *t, const char *path)
{
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_change *change = NULL;
    size_t found = 0;
    assert_int_equal(dsi_change_new(s, NULL, &change, NULL), DS_OK);
    assert_int_equal(dsi_removal_find(dsi_table_storage(t), s->metadata, change, &path, 1,
                                      &found, NULL),
                     DS_OK);
    assert_int_equal(found, 1);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    dsi_change_free(change);
    dsi_state_unref(s);
}

#endif
