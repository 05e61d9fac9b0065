#include "storage/storage_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"

static int outcome(int result)
{
    return result < 0 ? -errno : result;
}

// In a process without standard streams a file would get what it prints: theirs are no
// descriptors of ours. All that is opened here is closed by exec.
static int above_streams(int fd)
{
    if (fd < 0 || fd > STDERR_FILENO) {
        return outcome(fd);
    }
    int moved = outcome(fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    close(fd);
    return moved;
}

static int posix_open(const char *path, int flags, mode_t mode)
{
    return above_streams(open(path, flags, mode));
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

static int64_t posix_pwrite(int fd, const void *bytes, size_t size, uint64_t offset)
{
    ssize_t n = pwrite(fd, bytes, size, (off_t)offset);
    return n < 0 ? -errno : n;
}

static int posix_fsync(int fd)
{
    return outcome(fsync(fd));
}

// One thread at a time may ask for several syncs at once. What the system keeps for that
// is of a process, and stays until its end.
static struct {
    atomic_flag busy;
    aio_context_t context;
    pid_t pid; // Whose it is.
    bool refused;
} together = {.busy = ATOMIC_FLAG_INIT};

enum { TOGETHER_MAX = 32 };

// With `together.busy`.
static bool can_sync_together(void)
{
    pid_t pid = getpid();

    if (together.pid != pid && !together.refused) {
        together.context = 0;
        together.refused = syscall(SYS_io_setup, TOGETHER_MAX, &together.context) < 0;
        together.pid = pid;
    }
    return !together.refused;
}

// Waits for the answers to `count` requests, whose places are their data.
static void await_syncs(struct dsi_posix_sync *files, size_t count)
{
    struct io_event events[TOGETHER_MAX];

    for (size_t i = 0; i < count; i++) {
        files[i].code = -EIO; // Of what is never answered.
    }
    while (count > 0 && !together.refused) {
        long n = syscall(SYS_io_getevents, together.context, (long)count, (long)count,
                         events, NULL);
        for (long i = 0; i < n; i++) {
            files[events[i].data].code = (int)events[i].res;
        }
        count -= n > 0 ? (size_t)n : 0;
        together.refused = n < 0 && errno != EINTR;
    }
}

// Closes the file, if it ends with its sync. Interrupted, it is closed all the same.
static int end_synced(const struct dsi_posix_sync *file)
{
    int code = file->ends ? outcome(close(file->fd)) : 0;

    return code == -EINTR ? 0 : code;
}

// Syncs the first of them together; how many those were. A request holds its file itself,
// so there is time to close them while the disk works.
static size_t sync_together(struct dsi_posix_sync *files, size_t count,
                            void (*meanwhile)(void *), void *arg)
{
    struct iocb requests[TOGETHER_MAX];
    struct iocb *list[TOGETHER_MAX];
    int closed[TOGETHER_MAX];

    memset(requests, 0, sizeof requests);
    for (size_t i = 0; i < count; i++) {
        requests[i].aio_data = i;
        requests[i].aio_lio_opcode = IOCB_CMD_FSYNC;
        requests[i].aio_fildes = (uint32_t)files[i].fd;
        list[i] = &requests[i];
    }
    long taken = syscall(SYS_io_submit, together.context, (long)count, list);
    if (taken <= 0) {
        return 0;
    }
    if (meanwhile) {
        meanwhile(arg);
    }
    for (long i = 0; i < taken; i++) {
        closed[i] = end_synced(&files[i]);
    }
    await_syncs(files, (size_t)taken);
    for (long i = 0; i < taken; i++) {
        files[i].code = files[i].code < 0 ? files[i].code : closed[i];
    }
    return (size_t)taken;
}

static void posix_fsync_all(struct dsi_posix_sync *files, size_t count,
                            void (*meanwhile)(void *), void *arg)
{
    size_t done = 0;

    if (count > 1 && count <= TOGETHER_MAX && !atomic_flag_test_and_set(&together.busy)) {
        done = can_sync_together() ? sync_together(files, count, meanwhile, arg) : 0;
        atomic_flag_clear(&together.busy);
    }
    for (; done < count; done++) {
        int synced = outcome(fsync(files[done].fd));
        int closed = end_synced(&files[done]);
        files[done].code = synced < 0 ? synced : closed;
    }
}

static void posix_write_back(int fd)
{
    // What it says is of no use: the sync that follows tells everything.
    DSI_IGNORE(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
}

static int posix_write_back_wait(int fd)
{
    const unsigned flags =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    int code = outcome(sync_file_range(fd, 0, 0, flags));

    // Where it is not to be had, the sync alone has to do.
    return code == -ENOSYS || code == -EINVAL || code == -ESPIPE ? 0 : code;
}

static int posix_link(const char *from, const char *to)
{
    return outcome(link(from, to));
}

static int posix_open_unnamed(const char *dir, mode_t mode)
{
    return above_streams(open(dir, O_WRONLY | O_TMPFILE | O_CLOEXEC, mode));
}

static int posix_link_file(int fd, const char *to)
{
    char from[32];
    int code = outcome(linkat(fd, "", AT_FDCWD, to, AT_EMPTY_PATH));

    if (code == -ENOENT || code == -EPERM || code == -EINVAL) { // Linux before 6.10.
        snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
        code = outcome(linkat(AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW));
    }
    return code;
}

static int posix_rename(const char *from, const char *to)
{
    return outcome(rename(from, to));
}

static int posix_exchange(const char *a, const char *b)
{
    return outcome(renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE));
}

static int posix_unlink(const char *path)
{
    return outcome(unlink(path));
}

static int posix_mkdir(const char *path, mode_t mode)
{
    return outcome(mkdir(path, mode));
}

static int posix_mkdir_spread(const char *path, mode_t mode)
{
    int flags = 0;
    int code = outcome(mkdir(path, mode));

    if (code < 0) {
        return code;
    }
    int fd = outcome(open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    code = fd < 0 ? fd : outcome(ioctl(fd, FS_IOC_GETFLAGS, &flags));
    flags |= FS_TOPDIR_FL; // Of ext2 and those that came of it: chattr(1), `T`.
    code = code < 0 ? code : outcome(ioctl(fd, FS_IOC_SETFLAGS, &flags));
    if (fd >= 0) {
        close(fd);
    }
    if (code < 0) {
        DSI_IGNORE(rmdir(path)); // Somebody may have made something in it already.
    }
    return code < 0 ? code : 0;
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

static int posix_ftruncate(int fd, uint64_t size)
{
    return outcome(ftruncate(fd, (off_t)size));
}

static int posix_fchmod(int fd, mode_t mode)
{
    return outcome(fchmod(fd, mode));
}

static int posix_fchown(int fd, uid_t user, gid_t group)
{
    return outcome(fchown(fd, user, group));
}

// Locks of an open file description: two descriptors of one process exclude each other,
// and closing another descriptor of the file drops nothing, as POSIX's own would.
static int byte_lock(int fd, int command, short type, uint64_t offset, struct flock *out)
{
    *out = (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_len = 1};
    out->l_start = (off_t)offset;
    return outcome(fcntl(fd, command, out));
}

static int posix_lock_byte(int fd, uint64_t offset)
{
    struct flock lock;
    return byte_lock(fd, F_OFD_SETLK, F_WRLCK, offset, &lock);
}

static int posix_unlock_byte(int fd, uint64_t offset)
{
    struct flock lock;
    return byte_lock(fd, F_OFD_SETLK, F_UNLCK, offset, &lock);
}

static int posix_test_byte(int fd, uint64_t offset)
{
    struct flock lock;
    int code = byte_lock(fd, F_OFD_GETLK, F_WRLCK, offset, &lock);
    return code < 0 ? code : lock.l_type != F_UNLCK;
}

static int posix_map(int fd, size_t size, uint64_t offset, void **out)
{
    void *at = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, (off_t)offset);
    *out = at == MAP_FAILED ? NULL : at;
    return *out ? 0 : -errno;
}

static void posix_unmap(void *at, size_t size)
{
    munmap(at, size);
}

// Not the private operations: the waiter is in another process.
static int posix_futex_wait(const void *word, uint32_t expected, int64_t ns)
{
    struct timespec wait = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    return outcome((int)syscall(SYS_futex, word, FUTEX_WAIT, expected, &wait, NULL, 0));
}

static int posix_futex_wake(const void *word)
{
    return outcome((int)syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0));
}

static int posix_is_network(int fd)
{
    // AFS, CIFS, SMB2, Ceph, GFS2, OCFS2, Lustre and BeeGFS beside those that the system
    // names; what FUSE serves may come from anywhere.
    static const uint64_t network[] = {
        NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, CODA_SUPER_MAGIC, AFS_SUPER_MAGIC, V9FS_MAGIC,
        0x5346414F,      0xFF534D42,      0xFE534D42,       0x00C36400,      0x01161970,
        0x7461636F,      0x0BD00BD0,      0x19830326,       0x65735546};
    struct statfs st;
    int code = outcome(fstatfs(fd, &st));

    for (size_t i = 0; code == 0 && i < sizeof network / sizeof network[0]; i++) {
        if ((uint64_t)(uint32_t)st.f_type == network[i]) {
            return 1;
        }
    }
    return code;
}

static int posix_boot_id(char *out, size_t size)
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    ssize_t n = pread(fd, out, size - 1, 0);
    int code = n < 0 ? -errno : 0;
    close(fd);
    out[n > 0 ? n : 0] = '\0';
    return code;
}

static uint64_t posix_size_max(void)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY
               ? UINT64_MAX
               : (uint64_t)limit.rlim_cur;
}

static int posix_getpid(void)
{
    return (int)getpid();
}

static uint64_t posix_user(void)
{
    return (uint64_t)geteuid();
}

static uint64_t posix_group(void)
{
    return (uint64_t)getegid();
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
    .fsync_all = posix_fsync_all,
    .write_back = posix_write_back,
    .write_back_wait = posix_write_back_wait,
    .link = posix_link,
    .open_unnamed = posix_open_unnamed,
    .link_file = posix_link_file,
    .rename = posix_rename,
    .exchange = posix_exchange,
    .unlink = posix_unlink,
    .mkdir = posix_mkdir,
    .mkdir_spread = posix_mkdir_spread,
    .stat = posix_stat,
    .lstat = posix_lstat,
    .fstat = posix_fstat,
    .opendir = posix_opendir,
    .readdir = posix_readdir,
    .closedir = posix_closedir,
    .flock = posix_flock,
    .funlock = posix_funlock,
    .getpid = posix_getpid,
    .user = posix_user,
    .group = posix_group,
    .getcwd = posix_getcwd,
    .pwrite = posix_pwrite,
    .ftruncate = posix_ftruncate,
    .fchmod = posix_fchmod,
    .fchown = posix_fchown,
    .lock_byte = posix_lock_byte,
    .unlock_byte = posix_unlock_byte,
    .test_byte = posix_test_byte,
    .map = posix_map,
    .unmap = posix_unmap,
    .futex_wait = posix_futex_wait,
    .futex_wake = posix_futex_wake,
    .is_network = posix_is_network,
    .boot_id = posix_boot_id,
    .size_max = posix_size_max,
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
    case ENOTDIR: // Where a file is, there is no directory.
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
