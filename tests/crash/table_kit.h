// A table for tests that break the world under it: made, appended to, looked at from
// outside, in either catalog; and its files, kept aside and brought back.
//
// Every append has a number and an identity that follows from it; its rows are the ids
// number * 100, number * 100 + 1, …, so that each row says whose it is. Other changes
// have numbers and identities, too.
#ifndef DSI_TEST_TABLE_KIT_H
#define DSI_TEST_TABLE_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datashard/datashard.h"
#include "storage/storage_queue.h"

enum { KIT_APPENDS_MAX = 100, KIT_ROWS_MAX = 100, KIT_PATH_MAX = 512, KIT_WHY_MAX = 900 };

// A data file that somebody else has made, below a place's root.
#define KIT_FOREIGN "foreign/file.parquet"

struct kit_place {
    bool sqlite;
    char root[KIT_PATH_MAX]; // All the files are below; an absolute path.
};

struct kit_table {
    ds_catalog *catalog; // NULL for a path table.
    ds_table *table;
    char file[KIT_PATH_MAX]; // Of kit_make_file.
};

/// What a table is like: by its properties.
enum kit_sort {
    KIT_PLAIN,
    KIT_TIDY,  ///< Expires and merges as it commits, and removes old metadata.
    KIT_LARGE, ///< Every append is too large to travel as rows.
};
int kit_create(const struct kit_place *p, enum kit_sort sort, struct kit_table *out,
               struct ds_error *err);
int kit_open(const struct kit_place *p, struct kit_table *out, struct ds_error *err);
void kit_close(struct kit_table *t);

/// The path of the table's own directory, of its lock's neighbours' directory likewise.
void kit_table_dir(const struct kit_place *p, char out[KIT_PATH_MAX]);

void kit_identity(unsigned number, char out[40]);

/// How long an append goes on trying.
extern int64_t kit_timeout_ms;

/// What a commit does.
enum kit_change {
    KIT_APPEND,  ///< Adds its rows.
    KIT_DELETE,  ///< Takes the file of append KIT_DOOMED out, the table's first snapshot.
    KIT_REPLACE, ///< Both, in one snapshot.
    KIT_WIDEN,   ///< Adds a column, and rows that have it.
    KIT_JOIN,    ///< Makes the file of kit_make_file part of the table.
    KIT_EXPIRE,  ///< Forgets all but the newest, KIT_KEPT or its group's; makes none.
};
enum { KIT_DOOMED = 1, KIT_KEPT = 3 };

/// Commits change `number`, with `rows` rows where it has some. What is done already (no
/// file to take out, the column there) is left out.
int kit_commit(struct kit_table *t, enum kit_change what, unsigned number, unsigned rows,
               enum ds_group_mode group, struct ds_commit_result *result,
               struct ds_error *err);

/// Puts a Parquet file with `rows` rows of `number` beside the table, for KIT_JOIN; by
/// the library's gate, and without a sync.
int kit_make_file(const struct kit_place *p, unsigned number, unsigned rows,
                  struct ds_error *err);

/// True when it is there, and all of it.
bool kit_file_is_whole(const struct kit_place *p);

/// Appends the rows of append `number`.
int kit_append(struct kit_table *t, unsigned number, unsigned rows,
               enum ds_group_mode group, struct ds_commit_result *result,
               struct ds_error *err);

/// Merges the data files, as an appender does that has nothing else to do; needs
/// KIT_TIDY. *merged: how many.
int kit_merge(struct kit_table *t, size_t *merged, struct ds_error *err);

/// What ds_table_resolve says of append `number`, asked by its identity alone.
int kit_resolve(struct kit_table *t, unsigned number, enum ds_outcome *outcome,
                struct ds_error *err);

/// The token of change `number` as a writer would print it whose request was sent on the
/// head that the handle shows, and who got no answer.
int kit_token(struct kit_table *t, enum kit_change what, unsigned number, char out[512],
              struct ds_error *err);

/// How many times each row is there.
struct kit_rows {
    uint8_t times[KIT_APPENDS_MAX][KIT_ROWS_MAX];
    size_t total;
    int64_t columns; // Of the scan.
    int64_t oldest;  // By kit_look: the lowest sequence number of a retained snapshot.
};
int kit_scan(struct kit_table *t, int64_t snapshot_id, struct kit_rows *out,
             struct ds_error *err);

/// 1: append `number` with `rows` rows is there once; 0: not at all; -1: neither.
int kit_is_there(const struct kit_rows *r, unsigned number, unsigned rows);

/// The same of a change: 1: all of it is done, 0: nothing; -1: neither.
int kit_is_done(const struct kit_rows *r, enum kit_change what, unsigned number,
                unsigned rows);

/// True when it takes append KIT_DOOMED out.
static inline bool kit_takes_out(enum kit_change what)
{
    return what == KIT_DELETE || what == KIT_REPLACE;
}

/// Tells every file that the table reaches from here, of all retained snapshots, with its
/// recorded size, or -1 where none is recorded. Paths without "file://".
typedef int (*kit_file_fn)(void *arg, const char *path, int64_t size);
int kit_reachable(struct kit_table *t, kit_file_fn fn, void *arg, struct ds_error *err);

/// Looks at the table with fresh eyes: opens it, reads every retained snapshot, and sees
/// that every reachable file has its recorded length. "" in `why`: all is well.
void kit_look(const struct kit_place *p, struct kit_rows *rows, char why[KIT_WHY_MAX]);

/// What is in the table's directories and reached by nothing: files of ours that are left
/// over. `fn` is told each path; locks, queue, hint and database do not count.
int kit_leftovers(const struct kit_place *p, kit_file_fn fn, void *arg,
                  struct ds_error *err);

/// The queue as it is when nobody lives who uses it; false when there is none.
bool kit_queue_look(const struct kit_place *p, struct dsi_queue_view *out);

/// True for a queue's path.
bool kit_is_queue(const char *path);

/// Says what went wrong with a path, and ends the process.
void kit_die(const char *what, const char *path);

void kit_join(const char *a, const char *b, char out[KIT_PATH_MAX]);

/// Makes a folder of that name and six characters more, for KIT_PATH_MAX bytes in `dir`:
/// in $TMPDIR, else in memory where there is room, else in /tmp. A death of a process,
/// and a power cut that is only told, need no disk that keeps anything; syncs cost
/// nothing there.
bool kit_scratch(const char *name, char *dir);

/// Directory trees. `kit_copy` gives `to` exactly what `from` has.
void kit_remove(const char *path);
void kit_copy(const char *from, const char *to);
typedef void (*kit_path_fn)(void *arg, const char *path);
void kit_walk(const char *root, kit_path_fn fn, void *arg); // Files only.

/// Is told each file that the kit itself, not the library, is about to look at; or NULL.
extern void (*kit_looks)(const char *path);

/// Runs `fn(arg)` in a child process, which is ended after `seconds`. What waitpid says.
int kit_in_child(void (*fn)(void *arg), void *arg, unsigned seconds);

/// Memory that children share with their parent, zero; ends with the process.
void *kit_shared(size_t size);

#endif
