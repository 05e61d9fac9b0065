// A path table that was made at one place and moved to another.
#ifndef DSI_TEST_MOVED_TABLE_H
#define DSI_TEST_MOVED_TABLE_H

#include <stdio.h>
#include <stdlib.h>

#include "api/api_handle.h"
#include "maint/relocate.h"
#include "storage_root.h"
#include "unit/api/fixture.h"

struct moved {
    struct storage_root root;
    char *was; // Locations.
    char *now;
    struct fixture f; // Open at `now`.
};

static inline void moved_open(struct moved *t)
{
    ds_table_free(t->f.table);
    t->f.table = NULL;
    if (ds_table_open(t->now, &t->f.table, &t->f.err) != DS_OK) {
        fail_msg("%s", t->f.err.message);
    }
}

// Moves it once more, to a name of its own.
static inline void moved_again(struct moved *t, unsigned number)
{
    char name[32];
    const size_t scheme = strlen("file://");

    ds_table_free(t->f.table);
    t->f.table = NULL;
    free(t->was);
    t->was = t->now;
    snprintf(name, sizeof name, "now-%u", number);
    t->now = strdup(storage_root_path(&t->root, name));
    assert_int_equal(rename(t->was + scheme, t->now + scheme), 0);
    moved_open(t);
}

// Of two commits of two rows each.
static inline void moved_make(struct moved *t)
{
    struct ds_table_spec spec = {.struct_size = sizeof(spec),
                                 .schema_json = FIXTURE_SCHEMA};

    *t = (struct moved){0};
    assert_true(storage_root_make(&t->root, "file"));
    t->now = strdup(storage_root_path(&t->root, "was"));
    assert_int_equal(ds_table_create(t->now, &spec, &t->f.table, &t->f.err), DS_OK);
    fixture_append(&t->f, "id,s\n1,a\n2,b\n");
    fixture_append(&t->f, "id,s\n3,c\n4,d\n");
    moved_again(t, 0);
}

static inline void moved_end(struct moved *t)
{
    fixture_release(&t->f);
    storage_root_remove(&t->root);
    free(t->was);
    free(t->now);
}

static inline int moved_count(void *arg, const char *path,
                              const struct ds_file_info *info)
{
    (void)path;
    (void)info;
    ++*(size_t *)arg;
    return DS_OK;
}

// How many files there are at its place.
static inline size_t moved_files(struct moved *t)
{
    ds_storage *storage = NULL;
    size_t count = 0;

    assert_int_equal(dsi_storage_local_new(&storage, NULL), DS_OK);
    assert_int_equal(dsi_storage_list(storage, t->now, moved_count, &count, NULL), DS_OK);
    dsi_storage_free(storage);
    return count;
}

// Whether its metadata name where it is.
static inline bool moved_is_here(struct moved *t)
{
    const struct dsi_metadata *m = dsi_table_metadata(t->f.table->table);
    bool here = strcmp(m->location, t->now) == 0;

    dsi_metadata_unref(m);
    return here;
}

#endif
