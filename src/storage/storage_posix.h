// The gate to files: every call of the library to the system's files goes through this
// table, so that a test can fail it, cut it short, record it or kill the process in it.
#ifndef DSI_STORAGE_STORAGE_POSIX_H
#define DSI_STORAGE_STORAGE_POSIX_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "datashard/status.h"

/// The contracts are POSIX's for the functions of these names, but failures come back as
/// negative errno. Any thread.
struct dsi_posix_ops {
    int (*open)(const char *path, int flags, mode_t mode);
    int (*close)(int fd);
    int64_t (*pread)(int fd, void *out, size_t size, uint64_t offset);
    void (*will_read)(int fd, uint64_t offset, uint64_t size); // A hint: no result.
    int64_t (*write)(int fd, const void *bytes, size_t size);
    int (*fsync)(int fd);
    int (*link)(const char *from, const char *to);
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    int (*mkdir)(const char *path, mode_t mode);
    int (*stat)(const char *path, struct stat *out);
    int (*lstat)(const char *path, struct stat *out);
    int (*fstat)(int fd, struct stat *out);
    int (*opendir)(const char *path, DIR **out);
    int (*readdir)(DIR *dir, const char **name); ///< 1: an entry, 0: the end.
    void (*closedir)(DIR *dir);
    int (*flock)(int fd);   ///< Exclusive, without waiting: -EWOULDBLOCK.
    int (*funlock)(int fd); ///< Also for the descriptors that fork has copied.
    int (*getpid)(void);
    int (*getcwd)(char *out, size_t size);
};

/// Replaces the table; NULL brings back the system's. Not while other threads run.
void dsi_posix_set(const struct dsi_posix_ops *ops);

/// The table in use.
const struct dsi_posix_ops *dsi_posix(void);

/// Records that `what` failed for `path`, with the system's reason, and returns the
/// status that fits: DS_ENOTFOUND, DS_EEXISTS, DS_EDENIED, DS_ENOSPACE, DS_ENOMEM, else
/// DS_EIO. `code` is what the table gave: a negative errno.
int dsi_posix_fail(struct ds_error *err, int64_t code, const char *what,
                   const char *path);

#endif
