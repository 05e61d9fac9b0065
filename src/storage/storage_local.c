// The file systems of this machine.
//
// (1) A file is complete before it has its name, and durable too, but where nobody relies
//     on it before a sync. It gets its name indivisibly: by link(2) where nobody may be
//     overwritten, by rename(2) where that is wanted.
// (2) After link, a directory that cannot be synced leaves the name in doubt: a put says
//     DS_EUNKNOWN. A sink's name nobody else can know, so it is taken back.
// (3) Nothing but regular files is opened: a pipe would hang us, a device would act.
// (4) A hint changes names with the one before, which is then removed: some file systems
//     (ext4) write back the bytes of a file before they let it replace another one by
//     rename(2). Mostly neither has been on the disk by then.
#include "storage/storage_local.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "storage/storage_path.h"
#include "storage/storage_posix.h"

enum { LIST_DEPTH_MAX = 64 };

struct local_file {
    struct ds_file base;
    char *path;
    uint64_t size;
    int fd;
};

static int local_path(const char *location, const char **out, struct ds_error *err)
{
    return dsi_storage_path(location, "file", out, err);
}

int dsi_local_split(const char *location, const char **path, char **dir,
                    struct ds_error *err)
{
    int rc = local_path(location, path, err);
    if (rc < 0) {
        return rc;
    }
    *dir = dsi_storage_path_dir(*path);
    return *dir ? DS_OK : dsi_no_memory(err, location);
}

static int64_t modified_ms(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

int dsi_local_name_later(struct dsi_local *l, struct dsi_temp *temp, const char *path,
                         const char *dir, bool replace, struct ds_error *err)
{
    int rc = DS_OK;

    dsi_temp_begin_sync(temp);
    DSI_TRY(dsi_temp_name(temp, path, replace, err));
    if (dsi_later_keep(l->later, path, temp->fd)) {
        temp->fd = -1;
        return DS_OK;
    }
    rc = dsi_temp_close(temp, true, err);
    rc = rc < 0 ? rc : dsi_dirs_sync(l->dirs, dir, err);
    if (rc < 0) {
        dsi_posix()->unlink(path); // (2)
    }
done:
    return rc;
}

// Writes the bytes of a file that was taken out, and keeps it.
static int write_taken(struct dsi_local *l, const char *path, const struct dsi_held *held,
                       struct ds_error *err)
{
    struct dsi_temp temp = DSI_TEMP_INIT;
    char *dir = dsi_storage_path_dir(path);
    int rc = DS_OK;

    if (!dir) {
        return dsi_no_memory(err, path);
    }
    DSI_TRY(dsi_temp_open(&temp, l->dirs, l->spares, dir, true, err));
    DSI_TRY(dsi_temp_write(&temp, dsi_buf_slice(&held->bytes), err));
    rc = dsi_local_name_later(l, &temp, path, dir, held->replace, err);
done:
    dsi_temp_release(&temp);
    dsi_free(dir);
    return rc;
}

int dsi_local_write_held(struct dsi_local *l, const char *path, struct ds_error *err)
{
    struct dsi_held held = {.bytes = DSI_BUF_INIT};

    if (!dsi_later_take_held(l->later, path, &held)) {
        return DS_OK;
    }
    int rc = write_taken(l, path, &held, err);
    if (rc < 0) {
        dsi_later_give_back(l->later, path, &held);
        rc = rc == DS_EUNKNOWN ? DS_EIO : rc; // Nothing that it is for was begun.
        // What is not there is the table, or its directory: that is said already.
        return rc == DS_ENOTFOUND ? rc : dsi_wrap_file(err, rc, "writing", path);
    }
    dsi_buf_release(&held.bytes);
    return DS_OK;
}

// Gives a file its name, for ever.
static int name_now(struct dsi_local *l, struct dsi_temp *temp, const char *path,
                    const char *dir, bool replace, struct ds_error *err)
{
    int rc = dsi_temp_name(temp, path, replace, err); // (1)

    if (rc < 0) {
        return rc;
    }
    rc = dsi_dirs_sync(l->dirs, dir, err);
    return rc < 0 ? dsi_wrap(err, DS_EUNKNOWN, "%s has its name, perhaps not for ever",
                             path) // (2)
                  : DS_OK;
}

// Lets the two change names, and removes what had that of `path`. False: they have the
// names they had.
static bool exchange(struct dsi_temp *temp, const char *path)
{
    const struct dsi_posix_ops *posix = dsi_posix();

    if (posix->exchange(temp->path, path) < 0) {
        return false;
    }
    int code = posix->unlink(temp->path);
    if (code == -EISDIR && posix->exchange(temp->path, path) == 0) {
        return false; // It is somebody's directory, which rename(2) would not replace.
    }
    if (code == 0) {
        dsi_free(temp->path);
        temp->path = NULL;
    }
    return true; // What could not be removed is tried once more with the temporary name.
}

// Replaces a file that nobody relies on (4). Who commits now and then has the bytes
// written back as they are renamed: the next hint, which would make up for one that a
// power cut took, is far off.
static int put_hint(struct dsi_temp *temp, const char *path, struct ds_slice bytes,
                    struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_temp_write(temp, bytes, err));
    DSI_TRY(dsi_temp_close(temp, false, err));
    if (!temp->spare || !exchange(temp, path)) {
        DSI_TRY(dsi_temp_name(temp, path, true, err));
    }
done:
    return rc;
}

// Holds a file, if that can be done.
static bool hold(struct dsi_local *l, const char *path, struct ds_slice bytes)
{
    struct dsi_held held = {.bytes = DSI_BUF_INIT_MAX(DSI_HELD_MAX), .replace = true};
    bool done = dsi_buf_append(&held.bytes, bytes.data, bytes.size, NULL) == DS_OK &&
                dsi_later_hold(l->later, path, &held);

    if (!done) {
        dsi_buf_release(&held.bytes);
    }
    return done;
}

static int local_put(ds_storage *s, const char *location, struct ds_slice bytes,
                     uint32_t flags, struct ds_error *err)
{
    const bool replace = !(flags & DS_PUT_IF_ABSENT);
    struct dsi_local *l = (struct dsi_local *)s;
    struct dsi_temp temp = DSI_TEMP_INIT;
    const char *path = NULL;
    char *dir = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_local_split(location, &path, &dir, err));
    if ((flags & DS_PUT_UNSEEN) && bytes.size <= DSI_HELD_MAX && hold(l, path, bytes)) {
        goto done;
    }
    DSI_TRY(dsi_local_write_held(l, path, err));
    DSI_TRY(dsi_temp_open(&temp, l->dirs, l->spares, dir, flags & DS_PUT_LATER, err));
    if (flags & DS_PUT_HINT) {
        rc = put_hint(&temp, path, bytes, err);
        goto done;
    }
    DSI_TRY(dsi_temp_write(&temp, bytes, err));
    if (flags & DS_PUT_LATER) {
        rc = dsi_local_name_later(l, &temp, path, dir, true, err);
        goto done;
    }
    DSI_TRY(dsi_temp_close(&temp, true, err));
    rc = name_now(l, &temp, path, dir, replace, err);
done:
    dsi_temp_release(&temp);
    dsi_free(dir);
    return rc;
}

// What can be done while the disk syncs.
static void use_the_wait(void *storage)
{
    dsi_spares_fill(((struct dsi_local *)storage)->spares);
}

// Syncs what is to be durable of the files at these locations, and one more, which is
// closed.
static int sync_along(struct dsi_local *l, const char *const *locations, size_t count,
                      struct dsi_along along, struct ds_error *err)
{
    const char **paths = dsi_malloc((count + 1) * sizeof *paths);
    int rc = DS_OK;

    if (!paths) {
        rc = dsi_no_memory(err, "syncing files");
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(local_path(locations[i], &paths[i], err));
        DSI_TRY(dsi_local_write_held(l, paths[i], err));
    }
    rc = dsi_later_sync(l->later, l->dirs, paths, count, along,
                        (struct dsi_meanwhile){use_the_wait, l}, err);
    along.fd = -1;
done:
    if (along.fd >= 0) {
        dsi_posix()->close(along.fd);
    }
    dsi_free(paths);
    return rc;
}

static int local_sync(ds_storage *s, const char *const *locations, size_t count,
                      struct ds_error *err)
{
    return sync_along((struct dsi_local *)s, locations, count, DSI_ALONG_NONE, err);
}

static int local_put_after(ds_storage *s, const char *location, struct ds_slice bytes,
                           uint32_t flags, const char *const *first, size_t count,
                           struct ds_error *err)
{
    struct dsi_local *l = (struct dsi_local *)s;
    struct dsi_temp temp = DSI_TEMP_INIT;
    struct dsi_along along = {-1, NULL};
    const char *path = NULL;
    char *dir = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_local_split(location, &path, &dir, err));
    DSI_TRY(dsi_temp_open(&temp, l->dirs, l->spares, dir, false, err));
    DSI_TRY(dsi_temp_write(&temp, bytes, err));
    dsi_temp_begin_sync(&temp);
    along = (struct dsi_along){temp.fd, path};
    temp.fd = -1; // Closed when it is synced.
    rc = sync_along(l, first, count, along, err);
    if (rc == DS_EEXISTS) { // One of `first`, and not what the caller asks about.
        rc = dsi_wrap(err, DS_EIO, "before %s", path);
    }
    DSI_TRY(rc);
    rc = name_now(l, &temp, path, dir, !(flags & DS_PUT_IF_ABSENT), err);
done:
    dsi_temp_release(&temp);
    dsi_free(dir);
    return rc;
}

static int file_read(struct ds_file *f, uint64_t offset, void *out, size_t size,
                     struct ds_error *err)
{
    const struct local_file *l = (struct local_file *)f;
    size_t got = 0;

    while (got < size) {
        if (offset > INT64_MAX - got) {
            return dsi_corrupt(err, "%s: offset %llu is beyond any file", l->path,
                               (unsigned long long)offset);
        }
        int64_t n =
            dsi_posix()->pread(l->fd, (char *)out + got, size - got, offset + got);
        if (n == -EINTR) {
            continue;
        }
        if (n < 0) {
            return dsi_posix_fail(err, n, "reading", l->path);
        }
        if (n == 0) {
            struct stat st;
            uint64_t now =
                dsi_posix()->fstat(l->fd, &st) == 0 ? (uint64_t)st.st_size : offset + got;
            return dsi_corrupt(err, "%s: %zu bytes wanted at %llu, but it has only %llu",
                               l->path, size, (unsigned long long)offset,
                               (unsigned long long)now);
        }
        got += (size_t)n;
    }
    return DS_OK;
}

static void file_will_read(struct ds_file *f, uint64_t offset, uint64_t size)
{
    dsi_posix()->will_read(((struct local_file *)f)->fd, offset, size);
}

static uint64_t file_size(struct ds_file *f)
{
    return ((struct local_file *)f)->size;
}

static void file_close(struct ds_file *f)
{
    struct local_file *l = (struct local_file *)f;

    if (l->fd >= 0) {
        dsi_posix()->close(l->fd);
    }
    dsi_free(l->path);
    dsi_free(l);
}

static const struct ds_file_ops file_ops = {
    .struct_size = sizeof(struct ds_file_ops),
    .read = file_read,
    .size = file_size,
    .close = file_close,
    .will_read = file_will_read,
};

// What is not a regular file is no file of ours (3).
static int check_kind(const struct stat *st, const char *path, struct ds_error *err)
{
    if (S_ISREG(st->st_mode)) {
        return DS_OK;
    }
    if (S_ISDIR(st->st_mode)) {
        return dsi_fail(err, DS_ENOTFOUND, "%s is a directory, not a file", path);
    }
    return dsi_fail(err, DS_EINVALID, "%s is a pipe, a socket or a device, not a file",
                    path);
}

static int open_for_reading(struct local_file *f, struct ds_error *err)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    struct stat st;

    do { // O_NONBLOCK: a pipe without a writer must not hang us before we see it (3).
        f->fd = posix->open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0);
    } while (f->fd == -EINTR);
    if (f->fd == -ENOTDIR) {
        return dsi_fail(err, DS_ENOTFOUND, "%s is not there", f->path);
    }
    if (f->fd < 0) {
        return dsi_posix_fail(err, f->fd, "opening", f->path);
    }
    int code = posix->fstat(f->fd, &st);
    if (code < 0) {
        return dsi_posix_fail(err, code, "looking at", f->path);
    }
    f->size = (uint64_t)st.st_size;
    return check_kind(&st, f->path, err);
}

// Before it is looked for in the directory. One that is in another's way stays away: then
// that other is what there is.
static int show_held(struct dsi_local *l, const char *path, struct ds_error *err)
{
    int rc = dsi_local_write_held(l, path, err);
    return rc == DS_EEXISTS ? DS_OK : rc;
}

static int local_open(ds_storage *s, const char *location, struct ds_file **out,
                      struct ds_error *err)
{
    const char *path = NULL;
    int rc = local_path(location, &path, err);

    rc = rc < 0 ? rc : show_held((struct dsi_local *)s, path, err);
    if (rc < 0) {
        return rc;
    }
    struct local_file *f = dsi_calloc(1, sizeof *f);
    if (!f) {
        return dsi_no_memory(err, location);
    }
    f->base.ops = &file_ops;
    f->fd = -1;
    f->path = dsi_strdup(path);
    rc = f->path ? open_for_reading(f, err) : dsi_no_memory(err, location);
    if (rc < 0) {
        file_close(&f->base);
        return rc;
    }
    *out = &f->base;
    return DS_OK;
}

static int local_sync_file(ds_storage *s, const char *location, struct ds_error *err)
{
    struct ds_file *f = NULL;
    int code = 0;
    int rc = local_open(s, location, &f, err);

    if (rc < 0) {
        return rc;
    }
    do { // A descriptor for reading will do: what is synced is the file.
        code = dsi_posix()->fsync(((struct local_file *)f)->fd);
    } while (code == -EINTR);
    if (code < 0) {
        rc = dsi_posix_fail(err, code, "syncing", ((struct local_file *)f)->path);
    }
    file_close(f);
    return rc < 0 ? rc : local_sync(s, &location, 1, err);
}

static int local_stat(ds_storage *s, const char *location, struct ds_file_info *out,
                      struct ds_error *err)
{
    const char *path = NULL;
    struct stat st;
    int rc = local_path(location, &path, err);

    rc = rc < 0 ? rc : show_held((struct dsi_local *)s, path, err);
    if (rc < 0) {
        return rc;
    }
    int code = dsi_posix()->stat(path, &st);
    if (code == -ENOENT || code == -ENOTDIR) {
        return dsi_fail(err, DS_ENOTFOUND, "%s is not there", path);
    }
    if (code < 0) {
        return dsi_posix_fail(err, code, "looking at", path);
    }
    out->size = (uint64_t)st.st_size;
    out->modified_ms = modified_ms(&st);
    return check_kind(&st, path, err);
}

static int local_remove(ds_storage *s, const char *location, struct ds_error *err)
{
    const char *path = NULL;
    int rc = local_path(location, &path, err);

    if (rc < 0) {
        return rc;
    }
    dsi_later_drop(((struct dsi_local *)s)->later, path);
    int code = dsi_posix()->unlink(path);
    if (code < 0 && code != -ENOENT && code != -ENOTDIR) {
        return dsi_posix_fail(err, code, "removing", path);
    }
    return DS_OK;
}

// A walk below one prefix. `path` is what the system is asked for, `told` is how the
// caller spells it; both grow and shrink together.
struct walk {
    struct dsi_buf path;
    struct dsi_buf told;
    ds_list_fn fn;
    void *arg;
    struct ds_error *err;
};

static int walk_dir(struct walk *w, int depth);

static int walk_entry(struct walk *w, const char *name, int depth)
{
    struct ds_error *err = w->err;
    struct stat st;
    size_t path_size = w->path.size;
    size_t told_size = w->told.size;
    const char *path = NULL;
    const char *told = NULL;
    int rc = DS_OK;
    int code = 0;

    DSI_TRY(dsi_buf_printf(&w->path, err, "/%s", name));
    DSI_TRY(dsi_buf_printf(&w->told, err, "/%s", name));
    path = dsi_buf_text(&w->path);
    told = dsi_buf_text(&w->told);
    if (!path || !told) {
        rc = dsi_no_memory(err, "listing");
        goto done;
    }
    code = dsi_posix()->lstat(path, &st); // A link could lead anywhere, also back up.
    if (code < 0) {
        // Removed since the directory was read: it is not there.
        rc = code == -ENOENT ? DS_OK : dsi_posix_fail(err, code, "looking at", path);
    } else if (S_ISDIR(st.st_mode)) {
        rc = walk_dir(w, depth + 1);
    } else if (S_ISREG(st.st_mode)) {
        struct ds_file_info info = {(uint64_t)st.st_size, modified_ms(&st)};
        rc = w->fn(w->arg, told, &info);
    }
done:
    w->path.size = path_size;
    w->told.size = told_size;
    return rc;
}

static int walk_dir(struct walk *w, int depth)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    struct ds_error *err = w->err;
    const char *path = dsi_buf_text(&w->path);
    const char *name = NULL;
    DIR *dir = NULL;
    int rc = DS_OK;
    int code = 0;

    if (!path) {
        return dsi_no_memory(err, "listing");
    }
    if (depth > LIST_DEPTH_MAX) {
        return dsi_fail(err, DS_EUNSUPPORTED, "%s: more than %d directories deep", path,
                        LIST_DEPTH_MAX);
    }
    code = posix->opendir(path, &dir);
    if (code == -ENOENT || code == -ENOTDIR) {
        return DS_OK;
    }
    if (code < 0) {
        return dsi_posix_fail(err, code, "listing", path);
    }
    while ((code = posix->readdir(dir, &name)) > 0) {
        if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
            !dsi_storage_path_is_hidden(name)) {
            DSI_TRY(walk_entry(w, name, depth));
        }
    }
    if (code < 0) {
        rc = dsi_posix_fail(err, code, "listing", dsi_buf_text(&w->path));
    }
done:
    posix->closedir(dir);
    return rc;
}

// Writes whatever is held; one that cannot be written stays away.
static void write_all_held(struct dsi_local *l)
{
    char *paths[DSI_LATER_MAX];
    size_t count = dsi_later_list_held(l->later, paths);

    for (size_t i = 0; i < count; i++) {
        DSI_IGNORE(dsi_local_write_held(l, paths[i], NULL));
        dsi_free(paths[i]);
    }
}

static int local_list(ds_storage *s, const char *prefix, ds_list_fn fn, void *arg,
                      struct ds_error *err)
{
    struct walk w = {DSI_BUF_INIT, DSI_BUF_INIT, fn, arg, err};
    const char *path = NULL;
    int rc = DS_OK;

    DSI_TRY(local_path(prefix, &path, err));
    write_all_held((struct dsi_local *)s);
    DSI_TRY(dsi_buf_append_text(&w.path, path, err));
    DSI_TRY(dsi_buf_append_text(&w.told, prefix, err));
    DSI_TRY(walk_dir(&w, 0));
done:
    dsi_buf_release(&w.path);
    dsi_buf_release(&w.told);
    return rc;
}

static int local_lock(ds_storage *s, const char *location, int64_t wait_ns, void **out,
                      struct ds_error *err)
{
    struct dsi_local *l = (struct dsi_local *)s;
    struct dsi_flock *lock = NULL;
    const char *path = NULL;
    char *dir = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_local_split(location, &path, &dir, err));
    rc = dsi_flock_take(&l->flocks, path, wait_ns, &lock, err);
    if (rc == DS_ENOTFOUND) { // Its directory is not there yet.
        DSI_TRY(dsi_dirs_make(l->dirs, dir, err));
        rc = dsi_flock_take(&l->flocks, path, wait_ns, &lock, err);
    }
    *out = lock;
done:
    dsi_free(dir);
    return rc;
}

static int local_keep_dir(ds_storage *s, const char *location, const char *whose,
                          struct ds_error *err)
{
    const char *path = NULL;
    int rc = local_path(location, &path, err);

    return rc < 0 ? rc : dsi_dirs_keep(((struct dsi_local *)s)->dirs, path, whose, err);
}

static void local_unlock(ds_storage *s, void *lock)
{
    dsi_flock_release(&((struct dsi_local *)s)->flocks, lock);
}

static void local_free(ds_storage *s)
{
    struct dsi_local *l = (struct dsi_local *)s;
    dsi_flocks_close(&l->flocks);
    dsi_spares_free(l->spares);
    dsi_later_free(l->later);
    dsi_dirs_free(l->dirs);
    dsi_free(l);
}

static const struct ds_storage_ops local_ops = {
    .struct_size = sizeof(struct ds_storage_ops),
    .scheme = "file",
    .put = local_put,
    .sync = local_sync,
    .open = local_open,
    .create = dsi_local_create,
    .stat = local_stat,
    .remove = local_remove,
    .list = local_list,
    .lock = local_lock,
    .sync_file = local_sync_file,
    .keep_dir = local_keep_dir,
    .put_after = local_put_after,
    .unlock = local_unlock,
    .free = local_free,
};

int dsi_storage_local_new(ds_storage **out, struct ds_error *err)
{
    struct dsi_local *l = dsi_calloc(1, sizeof *l);
    int rc = DS_OK;

    *out = NULL;
    if (!l) {
        return dsi_no_memory(err, "a local storage");
    }
    l->base.ops = &local_ops;
    DSI_TRY(dsi_dirs_new(&l->dirs, err));
    DSI_TRY(dsi_later_new(&l->later, err));
    DSI_TRY(dsi_spares_new(&l->spares, err));
    *out = &l->base;
    l = NULL;
done:
    if (l) {
        local_free(&l->base);
    }
    return rc;
}
