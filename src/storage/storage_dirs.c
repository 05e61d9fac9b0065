#include "storage/storage_dirs.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/thread.h"
#include "storage/storage_posix.h"

enum { SLOTS = 256 };

// A directory whose own name is known to be durable, up to the root. The inode is kept
// too: a directory that was removed and made again is another one.
struct slot {
    uint64_t path_hash; // 0: free.
    uint64_t device;
    uint64_t inode;
};

struct dsi_dirs {
    struct dsi_mutex *mutex;
    struct slot known[SLOTS]; // By hash; a newcomer pushes out what was there.
};

static uint64_t hash_of(const char *dir)
{
    return dsi_hash(dir, strlen(dir)) | 1;
}

static bool is_known(struct dsi_dirs *d, const char *dir, const struct stat *st)
{
    uint64_t hash = hash_of(dir);

    dsi_mutex_lock(d->mutex);
    const struct slot *s = &d->known[(hash >> 8) % SLOTS];
    bool known = s->path_hash == hash && s->device == (uint64_t)st->st_dev &&
                 s->inode == (uint64_t)st->st_ino;
    dsi_mutex_unlock(d->mutex);
    return known;
}

static void remember(struct dsi_dirs *d, const char *dir, const struct stat *st)
{
    uint64_t hash = hash_of(dir);

    dsi_mutex_lock(d->mutex);
    struct slot *s = &d->known[(hash >> 8) % SLOTS];
    s->path_hash = hash;
    s->device = (uint64_t)st->st_dev;
    s->inode = (uint64_t)st->st_ino;
    dsi_mutex_unlock(d->mutex);
}

// A directory just made has a name that is not durable, whatever its inode was before.
static void forget(struct dsi_dirs *d, const char *dir)
{
    uint64_t hash = hash_of(dir);

    dsi_mutex_lock(d->mutex);
    struct slot *s = &d->known[(hash >> 8) % SLOTS];
    if (s->path_hash == hash) {
        s->path_hash = 0;
    }
    dsi_mutex_unlock(d->mutex);
}

// Cuts the last segment off; false when only the root was left.
static bool go_up(char *dir)
{
    char *slash = strrchr(dir, '/');

    if (slash == dir) {
        bool was_root = dir[1] == '\0';
        dir[1] = '\0';
        return !was_root;
    }
    *slash = '\0';
    return true;
}

// Syncs one open directory. Some file systems know nothing of the sort and say EINVAL:
// their names are as durable as they get.
static int sync_open_dir(int fd, const char *dir, struct ds_error *err)
{
    int code = dsi_posix()->fsync(fd);
    if (code < 0 && code != -EINVAL) {
        return dsi_posix_fail(err, code, "syncing directory", dir);
    }
    return DS_OK;
}

// Syncs every directory above `dir` up to one that is known. `dir` is cut on the way.
static int sync_above(struct dsi_dirs *d, char *dir, struct ds_error *err)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    bool done = false;
    int rc = DS_OK;

    while (rc == DS_OK && !done && go_up(dir)) {
        struct stat st;
        int fd = posix->open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
        if (fd == -EACCES || fd == -EPERM) {
            return DS_OK; // Whoever may not read it has not made what is in it.
        }
        if (fd < 0) {
            return dsi_posix_fail(err, fd, "opening directory", dir);
        }
        rc = sync_open_dir(fd, dir, err);
        if (rc == DS_OK && posix->fstat(fd, &st) == 0) {
            done = is_known(d, dir, &st);
            // Not remembered here: what is above it has not been synced yet.
        }
        posix->close(fd);
    }
    return rc;
}

int dsi_dirs_sync(struct dsi_dirs *d, const char *dir, struct ds_error *err)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    struct stat st;
    char *above = NULL;
    int rc = DS_OK;

    assert(dir[0] == '/');
    int fd = posix->open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0) {
        return dsi_posix_fail(err, fd, "opening directory", dir);
    }
    bool has_stat = posix->fstat(fd, &st) == 0;
    if (!has_stat || !is_known(d, dir, &st)) {
        above = dsi_strdup(dir);
        if (!above) {
            rc = dsi_no_memory(err, dir);
            goto done;
        }
        DSI_TRY(sync_above(d, above, err)); // (1)
        if (has_stat) {
            remember(d, dir, &st);
        }
    }
    DSI_TRY(sync_open_dir(fd, dir, err));
done:
    posix->close(fd);
    dsi_free(above);
    return rc;
}

int dsi_dirs_make(struct dsi_dirs *d, const char *dir, struct ds_error *err)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    size_t size = strlen(dir);
    char *path = dsi_strdup(dir);
    int code = 0;

    assert(dir[0] == '/');
    if (!path) {
        return dsi_no_memory(err, dir);
    }
    // Up to the deepest that is there or can be made, then down again.
    while ((code = posix->mkdir(path, 0777)) == -ENOENT && go_up(path)) {
    }
    for (;;) {
        size_t made = strlen(path);
        if (code == 0) {
            forget(d, path);
        }
        if ((code < 0 && code != -EEXIST) || made >= size) {
            break;
        }
        path[made] = '/'; // What go_up had cut, until the next cut.
        if (made == 1) {
            path[1] = dir[1];
        }
        code = posix->mkdir(path, 0777);
    }
    int rc = code < 0 && code != -EEXIST
                 ? dsi_posix_fail(err, code, "making directory", path)
                 : DS_OK;
    dsi_free(path);
    return rc;
}

void dsi_dirs_free(struct dsi_dirs *d)
{
    if (d) {
        dsi_mutex_free(d->mutex);
        dsi_free(d);
    }
}

int dsi_dirs_new(struct dsi_dirs **out, struct ds_error *err)
{
    struct dsi_dirs *d = dsi_calloc(1, sizeof *d);

    *out = NULL;
    if (!d) {
        return dsi_no_memory(err, "a local storage");
    }
    int rc = dsi_mutex_new(&d->mutex, err);
    if (rc < 0) {
        dsi_free(d);
        return rc;
    }
    *out = d;
    return DS_OK;
}
