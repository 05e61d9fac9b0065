// What is made in a shared directory is as open as that directory.
//
// A directory with the set-group-ID bit is meant to be shared: what is made in it belongs
// to its group. Writers of several users would still close each other out where one of
// them has a umask that forbids more than the directory does, for whoever commits makes
// files for the others. There the umask only says what the owner may do. In any other
// directory it alone counts, as for any program's files.
#ifndef DSI_STORAGE_STORAGE_SHARE_H
#define DSI_STORAGE_STORAGE_SHARE_H

#include <sys/stat.h>

/// A file of ours that is, or is going to be, in the directory `dir`: its group, and
/// others, may read and write it if they may do that with the directory. Where that
/// cannot be, it stays as it is.
void dsi_share_file(int fd, const char *dir);

/// The same, by what is known of the directory.
void dsi_share_file_in(int fd, const struct stat *dir);

/// The same of a directory that was just made; its path is as it was afterwards.
void dsi_share_dir(char *path);

#endif
