#include "storage/storage_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/error.h"

static int outcome(int result)
{
    return result < 0 ? -errno : result;
}

static int posix_open(const char *path, int flags, mode_t mode)
{
    return outcome(open(path, flags, mode));
}

static int posix_close(int fd)
{
    return outcome(close(fd));
}

static void posix_will_read(int fd, uint64_t offset, uint64_t size)
{
    // What it says is of no use: the reads that follow tell everything.
    DSI_IGNORE(posix_fadvise(fd, (off_t)offset, (off_t)size, POSIX_FADV_WILLNEED));
}

static int64_t posix_pread(int fd, void *out, size_t size, uint64_t offset)
{
    ssize_t n = pread(fd, out, size, (off_t)offset);
    return n < 0 ? -errno : n;
}

static int64_t posix_write(int fd, const void *bytes, size_t size)
{
    ssize_t n = write(fd, bytes, size);
    return n < 0 ? -errno : n;
}

static int posix_fsync(int fd)
{
    return outcome(fsync(fd));
}

static int posix_link(const char *from, const char *to)
{
    return outcome(link(from, to));
}

static int posix_rename(const char *from, const char *to)
{
    return outcome(rename(from, to));
}

static int posix_unlink(const char *path)
{
    return outcome(unlink(path));
}

static int posix_mkdir(const char *path, mode_t mode)
{
    return outcome(mkdir(path, mode));
}

static int posix_stat(const char *path, struct stat *out)
{
    return outcome(stat(path, out));
}

static int posix_lstat(const char *path, struct stat *out)
{
    return outcome(lstat(path, out));
}

static int posix_fstat(int fd, struct stat *out)
{
    return outcome(fstat(fd, out));
}

static int posix_opendir(const char *path, DIR **out)
{
    *out = opendir(path);
    return *out ? 0 : -errno;
}

static int posix_readdir(DIR *dir, const char **name)
{
    errno = 0; // The only way to tell the end from a failure.
    struct dirent *entry = readdir(dir);
    if (!entry) {
        return -errno;
    }
    *name = entry->d_name;
    return 1;
}

static void posix_closedir(DIR *dir)
{
    closedir(dir);
}

static int posix_flock(int fd)
{
    return outcome(flock(fd, LOCK_EX | LOCK_NB));
}

static int posix_funlock(int fd)
{
    return outcome(flock(fd, LOCK_UN));
}

static int posix_getpid(void)
{
    return (int)getpid();
}

static int posix_getcwd(char *out, size_t size)
{
    return getcwd(out, size) ? 0 : -errno;
}

static const struct dsi_posix_ops system_posix = {
    .open = posix_open,
    .close = posix_close,
    .pread = posix_pread,
    .will_read = posix_will_read,
    .write = posix_write,
    .fsync = posix_fsync,
    .link = posix_link,
    .rename = posix_rename,
    .unlink = posix_unlink,
    .mkdir = posix_mkdir,
    .stat = posix_stat,
    .lstat = posix_lstat,
    .fstat = posix_fstat,
    .opendir = posix_opendir,
    .readdir = posix_readdir,
    .closedir = posix_closedir,
    .flock = posix_flock,
    .funlock = posix_funlock,
    .getpid = posix_getpid,
    .getcwd = posix_getcwd,
};
static const struct dsi_posix_ops *posix = &system_posix;

void dsi_posix_set(const struct dsi_posix_ops *ops)
{
    posix = ops ? ops : &system_posix;
}

const struct dsi_posix_ops *dsi_posix(void)
{
    return posix;
}

int dsi_posix_fail(struct ds_error *err, int64_t code, const char *what, const char *path)
{
    int os_code = (int)-code;
    int status = DS_EIO;

    switch (os_code) {
    case ENOENT:
        status = DS_ENOTFOUND;
        break;
    case EEXIST:
        status = DS_EEXISTS;
        break;
    case EACCES:
    case EPERM:
    case EROFS:
        status = DS_EDENIED;
        break;
    case ENOSPC:
    case EDQUOT:
        status = DS_ENOSPACE;
        break;
    case ENOMEM:
        status = DS_ENOMEM;
        break;
    case ENAMETOOLONG:
        status = DS_EINVALID;
        break;
    default:
        break;
    }
    return dsi_fail_os(err, status, os_code, "%s %s", what, path);
}
