/// For people who write a storage backend. May change in a minor release.
///
/// Paths are locations as tables record them ("file:///a/b", "memory:///a/b", later
/// "s3://…"), already checked: absolute, no "." or ".." segments. There are no
/// directories to the callers: a backend that has them makes them as needed.
#ifndef DATASHARD_SYS_STORAGE_H
#define DATASHARD_SYS_STORAGE_H

#include <stdbool.h>

#include "datashard/storage.h"
#include "datashard/types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum ds_put_flag {
    /// Fail with DS_EEXISTS rather than overwrite; indivisible against every other
    /// writer.
    DS_PUT_IF_ABSENT = 1u << 0,

    /// Neither content nor name need be durable on return: the caller will call `sync`
    /// with this path before anybody relies on it. Not together with DS_PUT_IF_ABSENT.
    DS_PUT_LATER = 1u << 1,

    /// Nobody relies on the file (a version hint): it is replaced indivisibly, but
    /// neither content nor name need be durable. Alone.
    DS_PUT_HINT = 1u << 2,

    /// With DS_PUT_LATER: before `sync` nobody looks for it but by this storage, either.
    /// Until then it may be in memory only; it is `sync` then that fails for it.
    DS_PUT_UNSEEN = 1u << 3,
};

/// What is known of one stored file.
struct ds_file_info {
    uint64_t size;
    int64_t modified_ms; ///< By the store's own clock, since 1970.
};

/// A file open for reading; the backend's own struct begins with it. Reads may come from
/// several threads at once.
struct ds_file {
    const struct ds_file_ops *ops;
};

struct ds_file_ops {
    uint32_t struct_size; ///< (required)

    /// (required) Reads exactly `size` bytes at `offset`; DS_ECORRUPT when the file ends
    /// before, with its real size in the message.
    int (*read)(struct ds_file *file, uint64_t offset, void *out, size_t size,
                struct ds_error *err);
    uint64_t (*size)(struct ds_file *file); ///< (required) As of opening.
    void (*close)(struct ds_file *file);    ///< (required)

    /// (optional) A hint that these bytes will be read soon: begins to fetch them behind
    /// the caller's back, if that is possible, and returns at once. Never fails.
    void (*will_read)(struct ds_file *file, uint64_t offset, uint64_t size);
};

/// A new file being written front to back; the backend's own struct begins with it. One
/// thread at a time. Nobody sees the file under its name before `finish`.
struct ds_sink {
    const struct ds_sink_ops *ops;
};

struct ds_sink_ops {
    uint32_t struct_size; ///< (required)

    /// (required) Appends all of `bytes`, or fails and the sink can only be closed.
    int (*write)(struct ds_sink *sink, struct ds_slice bytes, struct ds_error *err);

    /// (required) Gives the file its name; durable, or seen by others, it need be only
    /// after `sync`, as with DS_PUT_UNSEEN. The file was absent before: DS_EEXISTS
    /// otherwise, from here or from `sync`. Once; then close.
    int (*finish)(struct ds_sink *sink, struct ds_error *err);

    /// (required) Frees the sink; without a successful `finish` nothing is left behind.
    void (*close)(struct ds_sink *sink);
};

/// Told one path by `list`; a negative status stops the listing and becomes its result.
typedef int (*ds_list_fn)(void *arg, const char *path, const struct ds_file_info *info);

/// What a storage backend provides. Fill in a `static const` one per backend. Members
/// marked (required) must be set; any other may be NULL, which means "cannot do this".
/// All may be called from several threads at once.
struct ds_storage_ops {
    uint32_t struct_size; ///< (required) sizeof(struct ds_storage_ops).
    const char *scheme;   ///< (required) "file", "memory", "s3", …

    /// (required) Stores all of `bytes`, durably unless a flag says otherwise, or
    /// nothing, under `path`. DS_EUNKNOWN does not say which; every other failure says
    /// nothing is visible under that name.
    int (*put)(ds_storage *storage, const char *path, struct ds_slice bytes,
               uint32_t flags, struct ds_error *err);

    /// Makes durable what this storage was given for `paths` by puts with DS_PUT_LATER
    /// and finished sinks, and all names beside them, whoever gave those. A path that has
    /// nothing to sync, or is not there, is no error. After a failure the content may be
    /// lost: then it fails for these paths for ever. What is never synced may never come
    /// to be. Of one path one thread at a time. NULL: all is durable at once.
    int (*sync)(ds_storage *storage, const char *const *paths, size_t count,
                struct ds_error *err);

    /// (required) Opens for reading; DS_ENOTFOUND when absent.
    int (*open)(ds_storage *storage, const char *path, struct ds_file **out,
                struct ds_error *err);

    /// (required) Begins a new file.
    int (*create)(ds_storage *storage, const char *path, struct ds_sink **out,
                  struct ds_error *err);

    /// (required) What is known of `path`, or DS_ENOTFOUND.
    int (*stat)(ds_storage *storage, const char *path, struct ds_file_info *out,
                struct ds_error *err);

    /// (required) Removes `path`. Absent is success: deleting twice is not an error.
    int (*remove)(ds_storage *storage, const char *path, struct ds_error *err);

    /// (required) Tells every file whose path starts with "<prefix>/", deep, in no order.
    /// No such prefix is no file. Names a crash left half-made are not told, nor any
    /// other whose last segment begins with ".datashard-", which is how a lock's name
    /// must begin.
    int (*list)(ds_storage *storage, const char *prefix, ds_list_fn fn, void *arg,
                struct ds_error *err);

    /// Takes the advisory lock named `path`, shared by all processes of this machine, and
    /// waits at most `wait_ns` for it. It only saves work, correctness never rests on it;
    /// its holder's death frees it. DS_OK and *out, or DS_ECONFLICT: not in time. NULL:
    /// none.
    int (*lock)(ds_storage *storage, const char *path, int64_t wait_ns, void **out,
                struct ds_error *err);
    void (*unlock)(ds_storage *storage, void *lock);

    /// (required) Frees `storage` and all it holds.
    void (*free)(ds_storage *storage);

    /// Makes a file durable that somebody else wrote and has finished: its content, as it
    /// is now, and its name. DS_ENOTFOUND. NULL: what is there is durable.
    int (*sync_file)(ds_storage *storage, const char *path, struct ds_error *err);

    /// Says that directory `path` is there and belongs to `whose`, a table. Directories
    /// are made with the files in them, but not this one: once it is gone, what would
    /// need it is DS_ENOTFOUND, and names `whose`. `whose` NULL: that is no longer so, of
    /// this directory and of all below it. NULL: a storage without directories.
    int (*keep_dir)(ds_storage *storage, const char *path, const char *whose,
                    struct ds_error *err);

    /// As `sync` of `first`, then `put` of `path`, whose bytes are made durable along
    /// with `first`: it has its name only when all of that is. `flags` are 0 or
    /// DS_PUT_IF_ABSENT. DS_EUNKNOWN as with `put`; after every other failure the name
    /// was not given. NULL: it is done in two steps.
    int (*put_after)(ds_storage *storage, const char *path, struct ds_slice bytes,
                     uint32_t flags, const char *const *first, size_t count,
                     struct ds_error *err);
};

/// The first member of every backend's own struct.
struct ds_storage {
    const struct ds_storage_ops *ops;
};

#ifdef __cplusplus
}
#endif

#endif
