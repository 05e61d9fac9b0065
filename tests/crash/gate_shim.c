#include "crash/gate_shim.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog_sql_ops.h"
#include "storage/storage_posix.h"

static struct shim_watcher watcher;
static const struct dsi_posix_ops *posix;
static const struct dsi_sql_ops *sql;

static int posix_code(enum shim_verdict v)
{
    return v == SHIM_ENOSPC ? -ENOSPC : v == SHIM_EINTR ? -EINTR : -EIO;
}

// Asks, does, tells. `call` is what the call does; its failure is a negative errno.
#define WATCHED(type, call_name, call_kind, call, ...)                                   \
    struct shim_call told = {                                                            \
        .name = call_name, .kind = call_kind, .layer = SHIM_POSIX, __VA_ARGS__};         \
    enum shim_verdict v = watcher.before(&told);                                         \
    if (v != SHIM_DO && v != SHIM_DO_FAIL) {                                             \
        return (type)posix_code(v);                                                      \
    }                                                                                    \
    type result = (type)(call);                                                          \
    watcher.after(&told, (int64_t)result);                                               \
    return v == SHIM_DO_FAIL ? (type)-EIO : result

static int shim_open(const char *path, int flags, mode_t mode)
{
    struct shim_call told = {.name = "posix.open",
                             .kind = SHIM_OPEN,
                             .layer = SHIM_POSIX,
                             .path = path,
                             .fd = -1,
                             .flags = flags};
    enum shim_verdict v = watcher.before(&told);

    if (v != SHIM_DO && v != SHIM_DO_FAIL) {
        return posix_code(v);
    }
    int fd = posix->open(path, flags, mode);
    told.fd = fd;
    watcher.after(&told, fd);
    if (v == SHIM_DO_FAIL && fd >= 0) {
        posix->close(fd);
        return -EIO;
    }
    return fd;
}

static int shim_close(int fd)
{
    struct shim_call told = {
        .name = "posix.close", .kind = SHIM_CLOSE, .layer = SHIM_POSIX, .fd = fd};
    enum shim_verdict v = watcher.before(&told);
    int rc = posix->close(fd); // Linux closes whatever it says.
    watcher.after(&told, rc);
    return v == SHIM_DO ? rc : posix_code(v);
}

static int64_t shim_pread(int fd, void *out, size_t size, uint64_t offset)
{
    struct shim_call told = {.name = "posix.pread",
                             .kind = SHIM_READ,
                             .layer = SHIM_POSIX,
                             .fd = fd,
                             .size = size,
                             .offset = offset};
    enum shim_verdict v = watcher.before(&told);

    if (v == SHIM_EIO || v == SHIM_EINTR || v == SHIM_ENOSPC) {
        return posix_code(v);
    }
    size = v == SHIM_SHORT && size > 1 ? size / 2 : size;
    int64_t n = posix->pread(fd, out, size, offset);
    watcher.after(&told, n);
    return v == SHIM_DO_FAIL ? -EIO : n;
}

static int64_t shim_write(int fd, const void *bytes, size_t size)
{
    struct shim_call told = {.name = "posix.write",
                             .kind = SHIM_WRITE,
                             .layer = SHIM_POSIX,
                             .fd = fd,
                             .bytes = bytes,
                             .size = size,
                             .offset = UINT64_MAX};
    enum shim_verdict v = watcher.before(&told);

    if (v == SHIM_EIO || v == SHIM_EINTR || v == SHIM_ENOSPC) {
        return posix_code(v);
    }
    size = (v == SHIM_SHORT || v == SHIM_HALF) && size > 1 ? size / 2 : size;
    int64_t n = posix->write(fd, bytes, size);
    watcher.after(&told, n);
    return v == SHIM_DO_FAIL ? -EIO : n;
}

static int shim_fsync(int fd)
{
    WATCHED(int, "posix.fsync", SHIM_FSYNC, posix->fsync(fd), .fd = fd);
}

// One after the other: each may be the last that was done; what is done meanwhile comes
// after the first of them.
static void shim_fsync_all(struct dsi_posix_sync *files, size_t count,
                           void (*meanwhile)(void *), void *arg)
{
    for (size_t i = 0; i < count; i++) {
        int synced = shim_fsync(files[i].fd);
        int closed = files[i].ends ? shim_close(files[i].fd) : 0;
        files[i].code = synced < 0 ? synced : closed == -EINTR ? 0 : closed;
        if (i == 0 && meanwhile) {
            meanwhile(arg);
        }
    }
}

// A file without a name is not there after a crash.
static int shim_open_unnamed(const char *dir, mode_t mode)
{
    struct shim_call told = {.name = "posix.open_unnamed",
                             .kind = SHIM_OPEN_UNNAMED,
                             .layer = SHIM_POSIX,
                             .path = dir,
                             .fd = -1};
    enum shim_verdict v = watcher.before(&told);

    if (v != SHIM_DO) { // One that was opened nobody would close.
        return posix_code(v);
    }
    int fd = posix->open_unnamed(dir, mode);
    told.fd = fd;
    watcher.after(&told, fd);
    return fd;
}

static int shim_link_file(int fd, const char *to)
{
    WATCHED(int, "posix.link_file", SHIM_NAME, posix->link_file(fd, to), .path = to,
            .fd = fd);
}

static int shim_link(const char *from, const char *to)
{
    WATCHED(int, "posix.link", SHIM_LINK, posix->link(from, to), .path = from,
            .other = to);
}

static int shim_rename(const char *from, const char *to)
{
    WATCHED(int, "posix.rename", SHIM_RENAME, posix->rename(from, to), .path = from,
            .other = to);
}

static int shim_exchange(const char *a, const char *b)
{
    WATCHED(int, "posix.exchange", SHIM_EXCHANGE, posix->exchange(a, b), .path = a,
            .other = b);
}

static int shim_unlink(const char *path)
{
    WATCHED(int, "posix.unlink", SHIM_UNLINK, posix->unlink(path), .path = path);
}

static int shim_mkdir(const char *path, mode_t mode)
{
    WATCHED(int, "posix.mkdir", SHIM_MKDIR, posix->mkdir(path, mode), .path = path);
}

static int shim_mkdir_spread(const char *path, mode_t mode)
{
    WATCHED(int, "posix.mkdir_spread", SHIM_MKDIR, posix->mkdir_spread(path, mode),
            .path = path);
}

static int shim_stat(const char *path, struct stat *out)
{
    WATCHED(int, "posix.stat", SHIM_LOOK, posix->stat(path, out), .path = path);
}

static int look_at_link(const char *path, struct stat *out)
{
    int rc = posix->lstat(path, out);

    if (rc == 0 && watcher.lstat_tells_sort) {
        out->st_size = 0;
        out->st_blocks = 0;
        out->st_mtim = (struct timespec){0, 0};
    }
    return rc;
}

static int shim_lstat(const char *path, struct stat *out)
{
    WATCHED(int, "posix.lstat", SHIM_LOOK, look_at_link(path, out), .path = path);
}

static int shim_fstat(int fd, struct stat *out)
{
    WATCHED(int, "posix.fstat", SHIM_LOOK, posix->fstat(fd, out), .fd = fd);
}

static int shim_opendir(const char *path, DIR **out)
{
    struct shim_call told = {
        .name = "posix.opendir", .kind = SHIM_LOOK, .layer = SHIM_POSIX, .path = path};
    enum shim_verdict v = watcher.before(&told);

    if (v != SHIM_DO) { // One that was opened nobody would close.
        *out = NULL;
        return posix_code(v);
    }
    int rc = posix->opendir(path, out);
    watcher.after(&told, rc);
    return rc;
}

static int shim_readdir(DIR *dir, const char **name)
{
    WATCHED(int, "posix.readdir", SHIM_LOOK, posix->readdir(dir, name), .fd = -1);
}

static int shim_flock(int fd)
{
    WATCHED(int, "posix.flock", SHIM_LOCK, posix->flock(fd), .fd = fd);
}

static int shim_funlock(int fd)
{
    struct shim_call told = {
        .name = "posix.funlock", .kind = SHIM_LOCK, .layer = SHIM_POSIX, .fd = fd};
    watcher.before(&told);
    int rc = posix->funlock(fd); // Kept, it would only be let go when the process ends.
    watcher.after(&told, rc);
    return rc;
}

static int64_t shim_pwrite(int fd, const void *bytes, size_t size, uint64_t offset)
{
    struct shim_call told = {.name = "posix.pwrite",
                             .kind = SHIM_WRITE,
                             .layer = SHIM_POSIX,
                             .fd = fd,
                             .bytes = bytes,
                             .size = size,
                             .offset = offset};
    enum shim_verdict v = watcher.before(&told);

    if (v == SHIM_EIO || v == SHIM_EINTR || v == SHIM_ENOSPC) {
        return posix_code(v);
    }
    size = (v == SHIM_SHORT || v == SHIM_HALF) && size > 1 ? size / 2 : size;
    int64_t n = posix->pwrite(fd, bytes, size, offset);
    watcher.after(&told, n);
    return v == SHIM_DO_FAIL ? -EIO : n;
}

static int shim_ftruncate(int fd, uint64_t size)
{
    WATCHED(int, "posix.ftruncate", SHIM_TRUNCATE, posix->ftruncate(fd, size), .fd = fd,
            .size = size);
}

static int shim_fchmod(int fd, mode_t mode)
{
    WATCHED(int, "posix.fchmod", SHIM_MODE, posix->fchmod(fd, mode), .fd = fd);
}

static int shim_fchown(int fd, uid_t user, gid_t group)
{
    WATCHED(int, "posix.fchown", SHIM_MODE, posix->fchown(fd, user, group), .fd = fd);
}

static int shim_lock_byte(int fd, uint64_t offset)
{
    WATCHED(int, "posix.lock_byte", SHIM_LOCK, posix->lock_byte(fd, offset), .fd = fd,
            .offset = offset);
}

static int shim_unlock_byte(int fd, uint64_t offset)
{
    WATCHED(int, "posix.unlock_byte", SHIM_LOCK, posix->unlock_byte(fd, offset), .fd = fd,
            .offset = offset);
}

static int shim_test_byte(int fd, uint64_t offset)
{
    WATCHED(int, "posix.test_byte", SHIM_LOCK, posix->test_byte(fd, offset), .fd = fd,
            .offset = offset);
}

static int shim_map(int fd, size_t size, uint64_t offset, void **out)
{
    struct shim_call told = {.name = "posix.map",
                             .kind = SHIM_LOOK,
                             .layer = SHIM_POSIX,
                             .fd = fd,
                             .size = size,
                             .offset = offset};
    enum shim_verdict v = watcher.before(&told);

    if (v != SHIM_DO) { // One that was made nobody would unmap.
        *out = NULL;
        return posix_code(v);
    }
    int rc = posix->map(fd, size, offset, out);
    watcher.after(&told, rc);
    return rc;
}

static int shim_futex_wait(const void *word, uint32_t expected, int64_t ns)
{
    WATCHED(int, "posix.futex_wait", SHIM_WAIT, posix->futex_wait(word, expected, ns),
            .fd = -1);
}

static int shim_futex_wake(const void *word)
{
    WATCHED(int, "posix.futex_wake", SHIM_WAIT, posix->futex_wake(word), .fd = -1);
}

static int shim_is_network(int fd)
{
    WATCHED(int, "posix.is_network", SHIM_LOOK, posix->is_network(fd), .fd = fd);
}

static int boot_id(char *out, size_t size)
{
    if (!watcher.boot_id) {
        return posix->boot_id(out, size);
    }
    snprintf(out, size, "%s", watcher.boot_id);
    return 0;
}

static int shim_boot_id(char *out, size_t size)
{
    WATCHED(int, "posix.boot_id", SHIM_LOOK, boot_id(out, size), .fd = -1);
}

static struct dsi_posix_ops shim_posix;

// --- SQLite, from above ---------------------------------------------------------------

static int sql_code(enum shim_verdict v)
{
    return v == SHIM_ENOSPC ? SQLITE_FULL : v == SHIM_EINTR ? SQLITE_BUSY : SQLITE_IOERR;
}

#define WATCHED_SQL(call_name, call, ...)                                                \
    struct shim_call told = {                                                            \
        .name = call_name, .kind = SHIM_SQL, .layer = SHIM_SQLITE, __VA_ARGS__};         \
    enum shim_verdict v = watcher.before(&told);                                         \
    if (v != SHIM_DO && v != SHIM_DO_FAIL) {                                             \
        return sql_code(v);                                                              \
    }                                                                                    \
    int result = (call);                                                                 \
    watcher.after(&told, result);                                                        \
    return v == SHIM_DO_FAIL ? SQLITE_IOERR : result

static int shim_sql_open(const char *path, sqlite3 **out, int flags)
{
    *out = NULL;
    struct shim_call told = {.name = "sql.open",
                             .kind = SHIM_SQL,
                             .layer = SHIM_SQLITE,
                             .path = path,
                             .fd = -1};
    enum shim_verdict v = watcher.before(&told);

    if (v != SHIM_DO) {
        return SQLITE_CANTOPEN;
    }
    int rc = sql->open(path, out, flags);
    watcher.after(&told, rc);
    return rc;
}

static int shim_sql_close(sqlite3 *db)
{
    struct shim_call told = {
        .name = "sql.close", .kind = SHIM_SQL, .layer = SHIM_SQLITE, .fd = -1};
    watcher.before(&told);
    int rc = sql->close(db);
    watcher.after(&told, rc);
    return rc;
}

static int shim_prepare(sqlite3 *db, const char *text, sqlite3_stmt **out)
{
    struct shim_call told = {.name = "sql.prepare",
                             .kind = SHIM_SQL,
                             .layer = SHIM_SQLITE,
                             .other = text,
                             .fd = -1};
    enum shim_verdict v = watcher.before(&told);

    if (v != SHIM_DO) {
        *out = NULL;
        return sql_code(v);
    }
    int rc = sql->prepare(db, text, out);
    watcher.after(&told, rc);
    return rc;
}

static int shim_bind_text(sqlite3_stmt *s, int at, const char *text)
{
    WATCHED_SQL("sql.bind_text", sql->bind_text(s, at, text), .other = text);
}

static int shim_bind_null(sqlite3_stmt *s, int at)
{
    WATCHED_SQL("sql.bind_null", sql->bind_null(s, at), .fd = -1);
}

static int shim_step(sqlite3_stmt *s)
{
    WATCHED_SQL("sql.step", sql->step(s), .other = sqlite3_sql(s));
}

static int shim_reset(sqlite3_stmt *s)
{
    struct shim_call told = {
        .name = "sql.reset", .kind = SHIM_SQL, .layer = SHIM_SQLITE, .fd = -1};
    watcher.before(&told);
    int rc = sql->reset(s);
    watcher.after(&told, rc);
    return rc;
}

static int shim_finalize(sqlite3_stmt *s)
{
    struct shim_call told = {
        .name = "sql.finalize", .kind = SHIM_SQL, .layer = SHIM_SQLITE, .fd = -1};
    watcher.before(&told);
    int rc = sql->finalize(s);
    watcher.after(&told, rc);
    return rc;
}

static struct dsi_sql_ops shim_sql;

// --- SQLite, from below ---------------------------------------------------------------

struct shim_file {
    sqlite3_file base; // First: an sqlite3_file * is a struct shim_file *.
    sqlite3_file *real;
    char path[512]; // "": SQLite's own temporary file.
};

static sqlite3_vfs *system_vfs;
static sqlite3_vfs shim_vfs;
static int (*system_open_directory)(const char *path, int *fd);
static _Thread_local bool opened_directory; // SQLite opens one only to sync it.

static int watching_open_directory(const char *path, int *fd)
{
    opened_directory = true;
    return system_open_directory(path, fd);
}

static sqlite3_file *real_of(sqlite3_file *f)
{
    return ((struct shim_file *)f)->real;
}

static int vfs_code(enum shim_verdict v, int io_code)
{
    return v == SHIM_ENOSPC || v == SHIM_SHORT ? SQLITE_FULL : io_code;
}

#define WATCHED_VFS(call_name, call_kind, call, failure, ...)                            \
    struct shim_call told = {                                                            \
        .name = call_name, .kind = call_kind, .layer = SHIM_VFS, __VA_ARGS__};           \
    enum shim_verdict v = watcher.before(&told);                                         \
    if (v != SHIM_DO && v != SHIM_DO_FAIL) {                                             \
        return vfs_code(v, failure);                                                     \
    }                                                                                    \
    int result = (call);                                                                 \
    watcher.after(&told, result);                                                        \
    return v == SHIM_DO_FAIL ? (failure) : result

static void tell_directory(const char *path, uint32_t mark)
{
    struct shim_call told = {.name = "vfs.sync_dir",
                             .kind = SHIM_SYNC_DIR,
                             .layer = SHIM_VFS,
                             .path = path,
                             .fd = -1,
                             .mark = mark};
    if (opened_directory) {
        opened_directory = false;
        watcher.after(&told, 0);
    }
}

static int file_close(sqlite3_file *f)
{
    struct shim_call told = {.name = "vfs.close",
                             .kind = SHIM_CLOSE,
                             .layer = SHIM_VFS,
                             .path = ((struct shim_file *)f)->path,
                             .fd = -1};
    watcher.before(&told);
    int rc = real_of(f)->pMethods->xClose(real_of(f));
    watcher.after(&told, rc);
    return rc;
}

static int file_read(sqlite3_file *f, void *out, int size, sqlite3_int64 offset)
{
    WATCHED_VFS("vfs.read", SHIM_READ,
                real_of(f)->pMethods->xRead(real_of(f), out, size, offset),
                SQLITE_IOERR_READ, .path = ((struct shim_file *)f)->path,
                .size = (uint64_t)size, .offset = (uint64_t)offset);
}

static int file_write(sqlite3_file *f, const void *bytes, int size, sqlite3_int64 offset)
{
    struct shim_call told = {.name = "vfs.write",
                             .kind = SHIM_WRITE,
                             .layer = SHIM_VFS,
                             .path = ((struct shim_file *)f)->path,
                             .fd = -1,
                             .bytes = bytes,
                             .size = (uint64_t)size,
                             .offset = (uint64_t)offset};
    enum shim_verdict v = watcher.before(&told);

    if (v == SHIM_EIO || v == SHIM_EINTR || v == SHIM_ENOSPC) {
        return vfs_code(v, SQLITE_IOERR_WRITE);
    }
    if ((v == SHIM_SHORT || v == SHIM_HALF) && size > 1) {
        size /= 2;
    }
    int rc = real_of(f)->pMethods->xWrite(real_of(f), bytes, size, offset);
    watcher.after(&told, rc);
    return v == SHIM_DO ? rc : vfs_code(v, SQLITE_IOERR_WRITE);
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    WATCHED_VFS("vfs.truncate", SHIM_TRUNCATE,
                real_of(f)->pMethods->xTruncate(real_of(f), size), SQLITE_IOERR_TRUNCATE,
                .path = ((struct shim_file *)f)->path, .size = (uint64_t)size);
}

static int file_sync(sqlite3_file *f, int flags)
{
    const char *path = ((struct shim_file *)f)->path;
    struct shim_call told = {.name = "vfs.sync",
                             .kind = SHIM_FSYNC,
                             .layer = SHIM_VFS,
                             .path = path,
                             .fd = -1};
    enum shim_verdict v = watcher.before(&told);

    if (v != SHIM_DO && v != SHIM_DO_FAIL) {
        return vfs_code(v, SQLITE_IOERR_FSYNC);
    }
    opened_directory = false;
    int rc = real_of(f)->pMethods->xSync(real_of(f), flags);
    watcher.after(&told, rc);
    tell_directory(path, told.mark);
    return v == SHIM_DO_FAIL ? SQLITE_IOERR_FSYNC : rc;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *out)
{
    WATCHED_VFS("vfs.size", SHIM_LOOK, real_of(f)->pMethods->xFileSize(real_of(f), out),
                SQLITE_IOERR_FSTAT, .path = ((struct shim_file *)f)->path);
}

static int file_lock(sqlite3_file *f, int level)
{
    WATCHED_VFS("vfs.lock", SHIM_LOCK, real_of(f)->pMethods->xLock(real_of(f), level),
                SQLITE_IOERR_LOCK, .path = ((struct shim_file *)f)->path);
}

static int file_unlock(sqlite3_file *f, int level)
{
    struct shim_call told = {.name = "vfs.unlock",
                             .kind = SHIM_LOCK,
                             .layer = SHIM_VFS,
                             .path = ((struct shim_file *)f)->path,
                             .fd = -1};
    watcher.before(&told);
    int rc = real_of(f)->pMethods->xUnlock(real_of(f), level);
    watcher.after(&told, rc);
    return rc;
}

static int file_reserved(sqlite3_file *f, int *out)
{
    WATCHED_VFS("vfs.reserved", SHIM_LOCK,
                real_of(f)->pMethods->xCheckReservedLock(real_of(f), out),
                SQLITE_IOERR_CHECKRESERVEDLOCK, .path = ((struct shim_file *)f)->path);
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
    return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int file_sector(sqlite3_file *f)
{
    return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int file_traits(sqlite3_file *f)
{
    return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

// Version 1: no shared memory, so no WAL, which the library does not choose.
static const sqlite3_io_methods file_methods = {
    .iVersion = 1,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
                    int *out_flags)
{
    struct shim_file *file = (struct shim_file *)f;
    struct shim_call told = {.name = "vfs.open",
                             .kind = SHIM_OPEN,
                             .layer = SHIM_VFS,
                             .path = name ? name : "",
                             .fd = -1,
                             .flags = flags};
    (void)vfs;
    memset(file, 0, sizeof *file);
    enum shim_verdict v = watcher.before(&told);
    if (v != SHIM_DO) {
        return SQLITE_CANTOPEN;
    }
    file->real = (sqlite3_file *)(void *)(file + 1);
    snprintf(file->path, sizeof file->path, "%s", name ? name : "");
    int rc = system_vfs->xOpen(system_vfs, name, file->real, flags, out_flags);
    if (rc == SQLITE_OK) {
        file->base.pMethods = &file_methods;
    }
    watcher.after(&told, rc);
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
    struct shim_call told = {.name = "vfs.delete",
                             .kind = SHIM_UNLINK,
                             .layer = SHIM_VFS,
                             .path = path,
                             .fd = -1};
    (void)vfs;
    enum shim_verdict v = watcher.before(&told);
    if (v != SHIM_DO && v != SHIM_DO_FAIL) {
        return SQLITE_IOERR_DELETE;
    }
    opened_directory = false;
    int rc = system_vfs->xDelete(system_vfs, path, sync_dir);
    watcher.after(&told, rc);
    tell_directory(path, told.mark);
    return v == SHIM_DO_FAIL ? SQLITE_IOERR_DELETE : rc;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
    (void)vfs;
    WATCHED_VFS("vfs.access", SHIM_LOOK,
                system_vfs->xAccess(system_vfs, path, flags, out), SQLITE_IOERR_ACCESS,
                .path = path);
}

// --------------------------------------------------------------------------------------

// (1) Each slot of a table is watched, or is known to leave the world alone.
static void check_table(const char *what, const void *ours, const void *theirs,
                        size_t size, size_t same)
{
    const char *a = ours;
    const char *b = theirs;
    size_t equal = 0;

    for (size_t i = 0; i < size; i += sizeof(void *)) {
        equal += memcmp(a + i, b + i, sizeof(void *)) == 0;
    }
    if (equal != same) {
        fprintf(stderr, "gate_shim: %zu calls of %s are not watched, expected %zu\n",
                equal, what, same);
        abort();
    }
}

static void start_vfs(void)
{
    system_vfs = sqlite3_vfs_find("unix");
    shim_vfs = *system_vfs;
    shim_vfs.iVersion = 1;
    shim_vfs.zName = "watched";
    shim_vfs.szOsFile = (int)sizeof(struct shim_file) + system_vfs->szOsFile;
    shim_vfs.xOpen = vfs_open;
    shim_vfs.xDelete = vfs_delete;
    shim_vfs.xAccess = vfs_access;
    sqlite3_vfs_register(&shim_vfs, 1);
    sqlite3_syscall_ptr p = system_vfs->xGetSystemCall(system_vfs, "openDirectory");
    memcpy(&system_open_directory, &p, sizeof p);
    system_vfs->xSetSystemCall(system_vfs, "openDirectory",
                               (sqlite3_syscall_ptr)watching_open_directory);
}

void shim_start(const struct shim_watcher *w)
{
    watcher = *w;
    posix = dsi_posix();
    shim_posix = *posix;
    shim_posix.open = shim_open;
    shim_posix.close = shim_close;
    shim_posix.pread = shim_pread;
    shim_posix.write = shim_write;
    shim_posix.fsync = shim_fsync;
    shim_posix.fsync_all = shim_fsync_all;
    shim_posix.link = shim_link;
    shim_posix.open_unnamed = shim_open_unnamed;
    shim_posix.link_file = shim_link_file;
    shim_posix.rename = shim_rename;
    shim_posix.exchange = shim_exchange;
    shim_posix.unlink = shim_unlink;
    shim_posix.mkdir = shim_mkdir;
    shim_posix.mkdir_spread = shim_mkdir_spread;
    shim_posix.stat = shim_stat;
    shim_posix.lstat = shim_lstat;
    shim_posix.fstat = shim_fstat;
    shim_posix.opendir = shim_opendir;
    shim_posix.readdir = shim_readdir;
    shim_posix.flock = shim_flock;
    shim_posix.funlock = shim_funlock;
    shim_posix.pwrite = shim_pwrite;
    shim_posix.ftruncate = shim_ftruncate;
    shim_posix.fchmod = shim_fchmod;
    shim_posix.fchown = shim_fchown;
    shim_posix.lock_byte = shim_lock_byte;
    shim_posix.unlock_byte = shim_unlock_byte;
    shim_posix.test_byte = shim_test_byte;
    shim_posix.map = shim_map;
    shim_posix.futex_wait = shim_futex_wait;
    shim_posix.futex_wake = shim_futex_wake;
    shim_posix.is_network = shim_is_network;
    shim_posix.boot_id = shim_boot_id;
    // closedir, will_read, write_back, write_back_wait, getpid, user, group, getcwd,
    // unmap, size_max.
    check_table("dsi_posix_ops", &shim_posix, posix, sizeof shim_posix, 10);
    dsi_posix_set(&shim_posix);
    sql = dsi_sql();
    shim_sql = *sql;
    shim_sql.open = shim_sql_open;
    shim_sql.close = shim_sql_close;
    shim_sql.prepare = shim_prepare;
    shim_sql.bind_text = shim_bind_text;
    shim_sql.bind_null = shim_bind_null;
    shim_sql.step = shim_step;
    shim_sql.reset = shim_reset;
    shim_sql.finalize = shim_finalize;
    // column_text, changes, get_autocommit, errmsg, version: of what is in memory;
    // read_file: what it reads the VFS below tells.
    check_table("dsi_sql_ops", &shim_sql, sql, sizeof shim_sql, 6);
    dsi_sql_set(&shim_sql);
    start_vfs();
}
