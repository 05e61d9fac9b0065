// A place for a test's files: a directory of its own, or a prefix in memory.
#ifndef DSI_TEST_STORAGE_ROOT_H
#define DSI_TEST_STORAGE_ROOT_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct storage_root {
    char prefix[256]; // "memory:///root" or "file:///tmp/…", without a slash at the end.
    char path[1024];  // The last answer of storage_root_path.
    const char *dir;  // In `prefix`; NULL in memory.
};

static inline bool storage_root_make(struct storage_root *r, const char *scheme)
{
    if (strcmp(scheme, "memory") == 0) {
        snprintf(r->prefix, sizeof r->prefix, "memory:///root");
        r->dir = NULL;
        return true;
    }
    const char *base = getenv("TMPDIR");
    snprintf(r->prefix, sizeof r->prefix, "file://%s/datashard-test-XXXXXX",
             base && base[0] == '/' ? base : "/tmp");
    r->dir = mkdtemp(r->prefix + strlen("file://"));
    return r->dir;
}

// "<prefix>/<name>", until the next call.
static inline const char *storage_root_path(struct storage_root *r, const char *name)
{
    snprintf(r->path, sizeof r->path, "%s/%s", r->prefix, name);
    return r->path;
}

// Removes a directory tree, or (`temporaries`) only counts the names that are hidden and
// end in ".tmp". Paths of tests are short.
static inline size_t storage_root_walk(const char *dir, bool only_count)
{
    size_t temporaries = 0;
    DIR *d = opendir(dir);

    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        char path[1024];
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        int length = snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (length < 0 || (size_t)length >= sizeof path) {
            continue;
        }
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
            temporaries += storage_root_walk(path, only_count);
        } else {
            temporaries += strncmp(e->d_name, ".datashard-", 11) == 0 &&
                           strlen(path) > 4 &&
                           strcmp(path + strlen(path) - 4, ".tmp") == 0;
            if (!only_count) {
                unlink(path);
            }
        }
    }
    if (d) {
        closedir(d);
    }
    if (!only_count) {
        rmdir(dir);
    }
    return temporaries;
}

static inline bool storage_root_has_no_temporaries(const struct storage_root *r)
{
    return !r->dir || storage_root_walk(r->dir, true) == 0;
}

static inline void storage_root_remove(struct storage_root *r)
{
    if (r->dir) {
        storage_root_walk(r->dir, false);
        r->dir = NULL;
    }
}

#endif
