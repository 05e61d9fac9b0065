#include "storage/storage_temp.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/random.h"
#include "storage/storage_path.h"
#include "storage/storage_posix.h"
#include "storage/storage_share.h"

#define WRITE_MAX ((size_t)1 << 30) // Systems cut what is near 2 GiB.

static _Atomic uint64_t counter; // Of the temporary names of this process.

void dsi_temp_release(struct dsi_temp *t)
{
    if (t->fd >= 0) {
        dsi_posix()->close(t->fd);
        t->fd = -1;
    }
    if (t->path) {
        dsi_posix()->unlink(t->path); // What stays is hidden, and only wastes space.
    }
    dsi_free(t->path);
    t->path = NULL;
    t->spares = NULL;
}

static char *name_in(const char *dir)
{
    char name[96];
    uint64_t nth = atomic_fetch_add(&counter, 1);
    size_t dir_size = strlen(dir);

    snprintf(name, sizeof name, "/" DSI_STORAGE_HIDDEN "%d-%llu-%016llx.tmp",
             dsi_posix()->getpid(), (unsigned long long)nth,
             (unsigned long long)dsi_random_u64()); // (1)
    size_t name_size = strlen(name);
    char *path = dsi_malloc(dir_size + name_size + 1);
    if (path) {
        memcpy(path, dir, dir_size);
        memcpy(path + dir_size, name, name_size + 1);
    }
    return path;
}

// Makes a file of that name, and opens it.
static int make_file(struct dsi_dirs *dirs, const char *dir, const char *path, int *out,
                     struct ds_error *err)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    int rc = DS_OK;
    int fd = posix->open(path, flags, 0666);

    if (fd == -ENOENT && dirs) {
        DSI_TRY(dsi_dirs_make(dirs, dir, err));
    }
    for (int i = 0; i < 8 && ((fd == -ENOENT && dirs) || fd == -EINTR); i++) {
        fd = posix->open(path, flags, 0666);
    }
    if (fd < 0) {
        rc = dsi_posix_fail(err, fd, "making a file in", dir);
        goto done;
    }
    *out = fd;
done:
    return rc;
}

// Makes it of a spare; false: there is none that would do.
static bool open_spare(struct dsi_temp *t, const char *dir, bool later)
{
    struct dsi_spare spare = {.fd = -1};
    bool first = false;
    char *path = NULL;

    if (!dsi_spares_take(t->spares, dir, &spare, &first)) {
        return false;
    }
    if (first || !later) { // (3)
        path = name_in(dir);
        if (!path || dsi_spares_name(t->spares, dir, spare.fd, path) < 0) {
            dsi_posix()->close(spare.fd);
            if (path) { // It may be in use by now: not twice (1).
                dsi_posix()->unlink(path);
            }
            dsi_free(path);
            return false;
        }
        t->spares = NULL;
    }
    t->path = path;
    t->fd = spare.fd;
    t->spare = true;
    t->device = spare.device;
    t->inode = spare.inode;
    return true;
}

int dsi_temp_open(struct dsi_temp *t, struct dsi_dirs *dirs, struct dsi_spares *spares,
                  const char *dir, bool later, struct ds_error *err)
{
    struct stat st;
    int rc = DS_OK;
    int code = 0;

    assert(!t->path && t->fd < 0);
    t->dirs = dirs;
    t->spares = spares;
    if (spares && open_spare(t, dir, later)) {
        return DS_OK;
    }
    t->spare = false;
    t->spares = NULL;
    t->path = name_in(dir);
    if (!t->path) {
        return dsi_no_memory(err, dir);
    }
    rc = make_file(dirs, dir, t->path, &t->fd, err);
    if (rc < 0) { // There is nothing by that name.
        dsi_free(t->path);
        t->path = NULL;
        return rc;
    }
    code = dsi_posix()->fstat(t->fd, &st);
    if (code < 0) {
        dsi_temp_release(t);
        return dsi_posix_fail(err, code, "looking at a new file in", dir);
    }
    t->device = (uint64_t)st.st_dev;
    t->inode = (uint64_t)st.st_ino;
    dsi_share_file(t->fd, dir);
    return DS_OK;
}

// What a message calls it.
static const char *called(const struct dsi_temp *t)
{
    return t->path ? t->path : "a file that has no temporary name";
}

int dsi_temp_write(struct dsi_temp *t, struct ds_slice bytes, struct ds_error *err)
{
    while (bytes.size > 0) {
        size_t size = bytes.size < WRITE_MAX ? bytes.size : WRITE_MAX;
        int64_t n = dsi_posix()->write(t->fd, bytes.data, size);
        if (n == -EINTR) {
            continue;
        }
        if (n <= 0) {
            return dsi_posix_fail(err, n < 0 ? n : -EIO, "writing", called(t));
        }
        bytes.data += n;
        bytes.size -= (size_t)n;
    }
    return DS_OK;
}

int dsi_temp_close(struct dsi_temp *t, bool sync, struct ds_error *err)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    int synced = sync ? posix->fsync(t->fd) : 0; // (2)
    int closed = posix->close(t->fd);

    t->fd = -1;
    if (synced < 0) {
        return dsi_posix_fail(err, synced, "syncing", called(t));
    }
    // Interrupted, it is closed all the same; what was written is synced already.
    if (closed < 0 && closed != -EINTR) {
        return dsi_posix_fail(err, closed, "closing", called(t));
    }
    return DS_OK;
}

void dsi_temp_begin_sync(const struct dsi_temp *t)
{
    dsi_posix()->write_back(t->fd);
}

// Names a file that has a temporary name.
static int rename_file(const struct dsi_temp *t, const char *path, bool replace)
{
    return replace ? dsi_posix()->rename(t->path, path)
                   : dsi_posix()->link(t->path, path);
}

// Gives a file without a name its temporary one.
static int name_for_now(struct dsi_temp *t, const char *dir)
{
    t->path = name_in(dir);
    int code = t->path ? dsi_posix()->link_file(t->fd, t->path) : -ENOMEM;

    if (code == 0) {
        t->spares = NULL;
    } else {
        dsi_free(t->path);
        t->path = NULL;
    }
    return code;
}

// Names a file that has no name. That replaces nothing: where something is to be replaced
// it gets its temporary one after all.
static int name_file(struct dsi_temp *t, const char *path, bool replace)
{
    int code = dsi_posix()->link_file(t->fd, path);
    char *dir = code == 0 ? NULL : dsi_storage_path_dir(path);

    if (code == -ENOENT && t->dirs && dir && dsi_dirs_make(t->dirs, dir, NULL) == DS_OK) {
        code = dsi_posix()->link_file(t->fd, path);
    }
    if (code == -EEXIST && replace && dir) {
        code = name_for_now(t, dir);
        code = code == 0 ? rename_file(t, path, replace) : code;
    }
    dsi_free(dir);
    if (code < 0 && code != -EEXIST && t->spares) {
        dsi_spares_refuse(t->spares);
    }
    return code;
}

int dsi_temp_name(struct dsi_temp *t, const char *path, bool replace,
                  struct ds_error *err)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    struct stat st;
    int code = t->spares ? name_file(t, path, replace) : rename_file(t, path, replace);

    if (code < 0) {
        // The request may have been done although its answer is an error (a file server
        // that got it twice says so): only the file itself tells.
        int look = posix->lstat(path, &st);
        bool ours = look == 0 && (uint64_t)st.st_dev == t->device &&
                    (uint64_t)st.st_ino == t->inode;
        if (!ours && !replace && (look == 0 || code == -EEXIST)) {
            return dsi_fail(err, DS_EEXISTS, "%s is already there", path);
        }
        if (!ours && look < 0 && look != -ENOENT && look != -ENOTDIR) {
            dsi_posix_fail(err, code, "naming", path);
            return dsi_wrap(err, DS_EUNKNOWN, "its outcome cannot be seen");
        }
        if (!ours && !replace &&
            (code == -EPERM || code == -EOPNOTSUPP || code == -ENOSYS) && !t->spares) {
            return dsi_fail_os(err, DS_EUNSUPPORTED, -code,
                               "naming %s: this file system has no hard links, so it "
                               "cannot decide between two writers; use another",
                               path);
        }
        if (!ours) {
            return dsi_posix_fail(err, code, "naming", path);
        }
    }
    if (!replace && t->path) {
        posix->unlink(t->path); // A second name, hidden, does no harm (1).
    }
    dsi_free(t->path);
    t->path = NULL;
    t->spares = NULL;
    return DS_OK;
}
