#include "storage/storage_share.h"

#include <fcntl.h>
#include <string.h>

#include "base/error.h"
#include "storage/storage_posix.h"

// Adds what the directory permits, of `most`.
static void share(int fd, const struct stat *dir, mode_t most)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    struct stat st;

    if (!(dir->st_mode & S_ISGID) || posix->fstat(fd, &st) < 0) {
        return;
    }
    mode_t mode = st.st_mode & 07777;
    mode_t wanted = mode | (dir->st_mode & most);
    if (wanted != mode) {
        // It may be another user's, who has seen to it himself.
        DSI_IGNORE(posix->fchmod(fd, wanted));
    }
}

void dsi_share_file_in(int fd, const struct stat *dir)
{
    share(fd, dir, 0066);
}

void dsi_share_file(int fd, const char *dir)
{
    struct stat above;

    if (dsi_posix()->stat(dir, &above) == 0) {
        dsi_share_file_in(fd, &above);
    }
}

void dsi_share_dir(char *path)
{
    const struct dsi_posix_ops *posix = dsi_posix();
    int fd = posix->open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
    char *slash = strrchr(path, '/');
    struct stat above;

    if (fd >= 0) {
        *slash = '\0';
        if (posix->stat(slash == path ? "/" : path, &above) == 0) {
            share(fd, &above, 0077);
        }
        *slash = '/';
        posix->close(fd);
    }
}
