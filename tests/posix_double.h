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

static int64_t double_write(int fd, const void *bytes, size_t size)
{
    size = posix_double.cut && size > posix_double.cut ? posix_double.cut : size;
    POSIX_DOUBLE(write, fd, bytes, size)
}

static int double_fsync(int fd)
{
    POSIX_DOUBLE(fsync, fd)
}

static int double_link(const char *from, const char *to)
{
    POSIX_DOUBLE(link, from, to)
}

static int double_rename(const char *from, const char *to)
{
    POSIX_DOUBLE(rename, from, to)
}

static int double_unlink(const char *path)
{
    POSIX_DOUBLE(unlink, path)
}

static int double_mkdir(const char *path, mode_t mode)
{
    POSIX_DOUBLE(mkdir, path, mode)
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

static int double_getcwd(char *out, size_t size)
{
    POSIX_DOUBLE(getcwd, out, size)
}

static const struct dsi_posix_ops posix_double_ops = {
    .open = double_open,
    .close = double_close,
    .pread = double_pread,
    .write = double_write,
    .fsync = double_fsync,
    .link = double_link,
    .rename = double_rename,
    .unlink = double_unlink,
    .mkdir = double_mkdir,
    .stat = double_stat,
    .lstat = double_lstat,
    .fstat = double_fstat,
    .opendir = double_opendir,
    .readdir = double_readdir,
    .closedir = double_closedir,
    .flock = double_flock,
    .funlock = double_funlock,
    .getpid = double_getpid,
    .getcwd = double_getcwd,
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
