// The gate to files: every call of the library to the system's files goes through this
// table, so that a test can fail it, cut it short, record it or kill the process in it.
#ifndef DSI_STORAGE_STORAGE_POSIX_H
#define DSI_STORAGE_STORAGE_POSIX_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "datashard/status.h"

/// A file that is synced among others.
struct dsi_posix_sync {
    int fd;
    bool ends; ///< It is closed, too.
    int code;  ///< What became of it: of the sync and, if that was fine, of the closing.
};

/// The contracts are POSIX's for the functions of these names, but failures come back as
/// negative errno. Any thread.
struct dsi_posix_ops {
    int (*open)(const char *path, int flags, mode_t mode);
    int (*close)(int fd);
    int64_t (*pread)(int fd, void *out, size_t size, uint64_t offset);
    void (*will_read)(int fd, uint64_t offset, uint64_t size); // A hint: no result.
    int64_t (*write)(int fd, const void *bytes, size_t size);
    int (*fsync)(int fd);
    /// As fsync, and where it `ends` close, of each; at the same time where the system
    /// can do that, and then `meanwhile(arg)`, unless NULL, is called while they are
    /// under way.
    void (*fsync_all)(struct dsi_posix_sync *files, size_t count,
                      void (*meanwhile)(void *), void *arg);
    void (*write_back)(int fd); // Sends what was written to the disk: a hint, no result.
    /// Sends it and waits. The error of writing back that this tells, no later fsync of
    /// the descriptor tells again (Linux: sync_file_range(2) takes note of it, too).
    int (*write_back_wait)(int fd);
    int (*link)(const char *from, const char *to);
    /// A new file for writing in a directory, which is gone when it is closed unless
    /// link_file gave it a name, that nobody else has; once. Not every system has them.
    int (*open_unnamed)(const char *dir, mode_t mode);
    int (*link_file)(int fd, const char *to);
    int (*rename)(const char *from, const char *to);
    /// Two files change names, indivisibly. Not every file system can do that.
    int (*exchange)(const char *a, const char *b);
    int (*unlink)(const char *path);
    int (*mkdir)(const char *path, mode_t mode);
    /// Makes a directory whose directories the file system is to place far from each
    /// other. Where it knows no such thing it fails, and makes none.
    int (*mkdir_spread)(const char *path, mode_t mode);
    int (*stat)(const char *path, struct stat *out);
    int (*lstat)(const char *path, struct stat *out);
    int (*fstat)(int fd, struct stat *out);
    int (*opendir)(const char *path, DIR **out);
    int (*readdir)(DIR *dir, const char **name); ///< 1: an entry, 0: the end.
    void (*closedir)(DIR *dir);
    int (*flock)(int fd);   ///< Exclusive, without waiting: -EWOULDBLOCK.
    int (*funlock)(int fd); ///< Also for the descriptors that fork has copied.
    int (*getpid)(void);
    uint64_t (*user)(void); ///< Whose the files are that the process makes.
    uint64_t (*group)(void);
    int (*getcwd)(char *out, size_t size);

    int64_t (*pwrite)(int fd, const void *bytes, size_t size, uint64_t offset);
    int (*ftruncate)(int fd, uint64_t size);
    int (*fchmod)(int fd, mode_t mode);
    int (*fchown)(int fd, uid_t user, gid_t group);

    // Locks on a byte of a file, there or not, that belong to the open file description:
    // exclusive, without waiting, dropped when its last descriptor is closed.
    int (*lock_byte)(int fd, uint64_t offset); ///< -EAGAIN: another has it.
    int (*unlock_byte)(int fd, uint64_t offset);
    int (*test_byte)(int fd, uint64_t offset); ///< 1: another has it. 0: nobody, or fd.

    /// Pages of a file for reading, which nobody but futex_wait and futex_wake may do:
    /// the kernel answers -EFAULT where a load would be a signal.
    int (*map)(int fd, size_t size, uint64_t offset, void **out);
    void (*unmap)(void *at, size_t size);

    /// Sleeps while the word is `expected`, at most `ns`: 0 (woken, perhaps for nothing),
    /// -EAGAIN (it is another), -ETIMEDOUT, -EINTR, -EFAULT.
    int (*futex_wait)(const void *word, uint32_t expected, int64_t ns);
    int (*futex_wake)(const void *word); ///< Wakes one; how many those were.

    int (*is_network)(int fd); ///< 1: on a file system that other machines may have too.
    int (*boot_id)(char *out, size_t size); ///< Text that differs with each start.
    uint64_t (*size_max)(void);             ///< What a file of this process may grow to.
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
