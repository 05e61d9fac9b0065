// A folder for each test of a file: its setup, its teardown, and where it is.
#ifndef DSI_TEST_ROOT_FIXTURE_H
#define DSI_TEST_ROOT_FIXTURE_H

#include "storage_root.h"

static struct storage_root root;

static inline int make_root(void **state)
{
    (void)state;
    return storage_root_make(&root, "file") ? 0 : -1;
}

static inline int end_root(void **state)
{
    (void)state;
    storage_root_remove(&root);
    return 0;
}

#endif
