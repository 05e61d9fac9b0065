// The system's files with a fault: the chosen call fails, or is done and says it failed,
// or is cut short. Every call is written down.
#ifndef DSI_TEST_POSIX_DOUBLE_H
#define DSI_TEST_POSIX_DOUBLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "storage/storage_posix.h"

struct posix_double {
    const struct dsi_posix_ops *real;
    const char *call; // Which call; NULL: any.
    uint32_t nth;     // Counted from 1; 0: none fails.
    int code;         // What it says: a negative errno.
    bool after;       // It is done all the same.
    bool lasting;     // Every matching call from then on.
    size_t cut;       // Not 0: reads and writes give at most so many bytes.
    uint32_t seen;    // Matching calls so far.
    char log[16384];  // "open mkdir open write fsync …"
};

static struct posix_double posix_double;

// Notes a call; true when it is to fail, and then *code is what it says.
static inline bool posix_double_fails(const char *call, int *code)
{
    struct posix_double *d = &posix_double;
    size_t size = strlen(d->log);

    snprintf(d->log + size, sizeof d->log - size, "%s ", call);
    if (d->nth == 0 || (d->call && strcmp(d->call, call) != 0)) {
        return false;
    }
    d->seen++;
    *code = d->code;
    return d->seen == d->nth || (d->lasting && d->seen > d->nth);
}

#define POSIX_DOUBLE(call, ...)                                                          \
    int code = 0;                                                                        \
    if (!posix_double_fails(#call, &code)) {                                             \
        return posix_double.real->call(__VA_ARGS__);                                     \
    }                                                                                    \
    if (posix_double.after) {                                                            \
        posix_double.real->call(__VA_ARGS__);                                            \
    }                                                                                    \
    return code;

static int double_open(const char *path, int flags, mode_t mode)
{
    POSIX_DOUBLE(open, path, flags, mode)
}

static int double_close(int fd)
{
    int code = 0;
    bool fails = posix_double_fails("close", &code);
    int rc = posix_double.real->close(fd); // Linux closes whatever it says.
    return fails ? code : rc;
}

static int64_t double_pread(int fd, void *out, size_t size, uint64_t offset)
{
    size = posix_double.cut && size > posix_double.cut ? posix_double.cut : size;
    POSIX_DOUBLE(pread, fd, out, size, offset)
}

static void double_will_read(int fd, uint64_t offset, uint64_t size)
{
    posix_double.real->will_read(fd, offset, size);
}

static int64_t double_write(int fd, const void *bytes, size_t size)
{
    size = posix_double.cut && size > posix_double.cut ? posix_double.cut : size;
    POSIX_DOUBLE(write, fd, bytes, size)
}

static void double_write_back(int fd)
{
    posix_double.real->write_back(fd);
}

static int double_write_back_wait(int fd)
{
    POSIX_DOUBLE(write_back_wait, fd)
}

static int double_fsync(int fd)
{
    POSIX_DOUBLE(fsync, fd)
}

static void double_fsync_all(struct dsi_posix_sync *files, size_t count,
                             void (*meanwhile)(void *), void *arg)
{
    if (meanwhile) {
        meanwhile(arg);
    }
    for (size_t i = 0; i < count; i++) {
        int synced = double_fsync(files[i].fd);
        int closed = files[i].ends ? double_close(files[i].fd) : 0;
        files[i].code = synced < 0 ? synced : closed == -EINTR ? 0 : closed;
    }
}

static int double_link(const char *from, const char *to)
{
    POSIX_DOUBLE(link, from, to)
}

static int double_open_unnamed(const char *dir, mode_t mode)
{
    int code = 0;
    return posix_double_fails("open_unnamed", &code)
               ? code
               : posix_double.real->open_unnamed(dir, mode);
}

static int double_link_file(int fd, const char *to)
{
    POSIX_DOUBLE(link_file, fd, to)
}

static int double_rename(const char *from, const char *to)
{
    POSIX_DOUBLE(rename, from, to)
}

static int double_exchange(const char *a, const char *b)
{
    POSIX_DOUBLE(exchange, a, b)
}

static int double_unlink(const char *path)
{
    POSIX_DOUBLE(unlink, path)
}

static int double_mkdir(const char *path, mode_t mode)
{
    POSIX_DOUBLE(mkdir, path, mode)
}

static int double_mkdir_spread(const char *path, mode_t mode)
{
    POSIX_DOUBLE(mkdir_spread, path, mode)
}

static int double_stat(const char *path, struct stat *out)
{
    POSIX_DOUBLE(stat, path, out)
}

static int double_lstat(const char *path, struct stat *out)
{
    POSIX_DOUBLE(lstat, path, out)
}

static int double_fstat(int fd, struct stat *out)
{
    POSIX_DOUBLE(fstat, fd, out)
}

static int double_opendir(const char *path, DIR **out)
{
    int code = 0;
    return posix_double_fails("opendir", &code) ? code
                                                : posix_double.real->opendir(path, out);
}

static int double_readdir(DIR *dir, const char **name)
{
    POSIX_DOUBLE(readdir, dir, name)
}

static void double_closedir(DIR *dir)
{
    posix_double.real->closedir(dir);
}

static int double_flock(int fd)
{
    POSIX_DOUBLE(flock, fd)
}

static int double_funlock(int fd)
{
    POSIX_DOUBLE(funlock, fd)
}

static int double_getpid(void)
{
    return posix_double.real->getpid();
}

static uint64_t double_user(void)
{
    return posix_double.real->user();
}

static uint64_t double_group(void)
{
    return posix_double.real->group();
}

static int double_getcwd(char *out, size_t size)
{
    POSIX_DOUBLE(getcwd, out, size)
}

static int64_t double_pwrite(int fd, const void *bytes, size_t size, uint64_t offset)
{
    size = posix_double.cut && size > posix_double.cut ? posix_double.cut : size;
    POSIX_DOUBLE(pwrite, fd, bytes, size, offset)
}

static int double_ftruncate(int fd, uint64_t size)
{
    POSIX_DOUBLE(ftruncate, fd, size)
}

static int double_fchmod(int fd, mode_t mode)
{
    POSIX_DOUBLE(fchmod, fd, mode)
}

static int double_fchown(int fd, uid_t user, gid_t group)
{
    POSIX_DOUBLE(fchown, fd, user, group)
}

static int double_lock_byte(int fd, uint64_t offset)
{
    POSIX_DOUBLE(lock_byte, fd, offset)
}

static int double_unlock_byte(int fd, uint64_t offset)
{
    POSIX_DOUBLE(unlock_byte, fd, offset)
}

static int double_test_byte(int fd, uint64_t offset)
{
    POSIX_DOUBLE(test_byte, fd, offset)
}

static int double_map(int fd, size_t size, uint64_t offset, void **out)
{
    int code = 0;
    *out = NULL;
    return posix_double_fails("map", &code)
               ? code
               : posix_double.real->map(fd, size, offset, out);
}

static void double_unmap(void *at, size_t size)
{
    posix_double.real->unmap(at, size);
}

static int double_futex_wait(const void *word, uint32_t expected, int64_t ns)
{
    POSIX_DOUBLE(futex_wait, word, expected, ns)
}

static int double_futex_wake(const void *word)
{
    POSIX_DOUBLE(futex_wake, word)
}

static int double_is_network(int fd)
{
    POSIX_DOUBLE(is_network, fd)
}

static int double_boot_id(char *out, size_t size)
{
    POSIX_DOUBLE(boot_id, out, size)
}

static uint64_t double_size_max(void)
{
    int code = 0; // What it says is then the limit, not a failure.
    return posix_double_fails("size_max", &code) ? (uint64_t)code
                                                 : posix_double.real->size_max();
}

static const struct dsi_posix_ops posix_double_ops = {
    .open = double_open,
    .close = double_close,
    .pread = double_pread,
    .will_read = double_will_read,
    .write = double_write,
    .fsync = double_fsync,
    .fsync_all = double_fsync_all,
    .write_back = double_write_back,
    .write_back_wait = double_write_back_wait,
    .link = double_link,
    .open_unnamed = double_open_unnamed,
    .link_file = double_link_file,
    .rename = double_rename,
    .exchange = double_exchange,
    .unlink = double_unlink,
    .mkdir = double_mkdir,
    .mkdir_spread = double_mkdir_spread,
    .stat = double_stat,
    .lstat = double_lstat,
    .fstat = double_fstat,
    .opendir = double_opendir,
    .readdir = double_readdir,
    .closedir = double_closedir,
    .flock = double_flock,
    .funlock = double_funlock,
    .getpid = double_getpid,
    .user = double_user,
    .group = double_group,
    .getcwd = double_getcwd,
    .pwrite = double_pwrite,
    .ftruncate = double_ftruncate,
    .fchmod = double_fchmod,
    .fchown = double_fchown,
    .lock_byte = double_lock_byte,
    .unlock_byte = double_unlock_byte,
    .test_byte = double_test_byte,
    .map = double_map,
    .unmap = double_unmap,
    .futex_wait = double_futex_wait,
    .futex_wake = double_futex_wake,
    .is_network = double_is_network,
    .boot_id = double_boot_id,
    .size_max = double_size_max,
};

// From here on the nth `call` says `code`.
static inline void posix_double_start(const char *call, uint32_t nth, int code)
{
    dsi_posix_set(NULL);
    memset(&posix_double, 0, sizeof posix_double);
    posix_double.real = dsi_posix();
    posix_double.call = call;
    posix_double.nth = nth;
    posix_double.code = code;
    dsi_posix_set(&posix_double_ops);
}

static inline void posix_double_stop(void)
{
    dsi_posix_set(NULL);
}

// How often `call` was made.
static inline size_t posix_double_count(const char *call)
{
    size_t count = 0;
    size_t size = strlen(call);

    for (const char *at = posix_double.log; (at = strstr(at, call)) != NULL; at += size) {
        count += (at == posix_double.log || at[-1] == ' ') && at[size] == ' ';
    }
    return count;
}

#endif
