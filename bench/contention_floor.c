// The floor of one writer: what an append leaves on disk, made bare, with the same syncs.
//
//   contention_floor FOLDER STEP...
//
// The steps are those that contention_fsync.py saw an append do, in their order:
//   file:BYTES:SYNCS@IN  make a file of that size and sync it so often
//   later:BYTES@IN       make a file of that size, begin to write it back, keep it open
//   together@IN@IN...    sync what is kept, and those folders, all at once
//   folder@IN            sync the folder
//   link@IN              link the newest file to a second name and drop the first
//   replace:BYTES@IN     make a file of that size under another name, which then replaces
//                        the one before
//   exchange:BYTES@IN    the same, but the two exchange names, and the one before goes
//   swap                 UPDATE one row of a SQLite database, as the catalog does
// IN is the name of a folder within FOLDER, which is made at the beginning.
// Does all of them again and again until it is killed; FOLDER/floor.bin has for each time
// the nanoseconds it took, int64.
// sync_file_range is not in POSIX.
#define _GNU_SOURCE // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/aio_abi.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "contention_run.h"

enum { PATH_SIZE = 4096, STEPS_MAX = 64, CHUNK = 1 << 20, KEPT_MAX = 32, IN_MAX = 4 };

enum kind {
    STEP_FILE,
    STEP_LATER,
    STEP_TOGETHER,
    STEP_FOLDER,
    STEP_LINK,
    STEP_REPLACE,
    STEP_EXCHANGE,
    STEP_SWAP
};

struct step {
    enum kind kind;
    int64_t bytes;
    int64_t syncs;    // Of a file itself.
    char *in[IN_MAX]; // Paths of folders.
    int in_count;
};

struct floor {
    const char *folder;
    struct step steps[STEPS_MAX];
    int count;
    sqlite3 *db;
    sqlite3_stmt *swap;
    char newest[PATH_SIZE];
    int64_t files;
    int kept[KEPT_MAX];
    int kept_count;
    aio_context_t together;
};

// The number after the colon that comes now; none: `fallback`.
static int64_t number_after(const char **text, int64_t fallback)
{
    char *end = NULL;

    if (**text != ':') {
        return fallback;
    }
    int64_t value = (int64_t)strtoll(*text + 1, &end, 10);
    if (end == *text + 1 || value < 0) {
        run_die(*text, "expected a number");
    }
    *text = end;
    return value;
}

// The folders that a step names, made if they are not there.
static void parse_folders(struct step *s, const char *folder, const char *text)
{
    char path[PATH_SIZE];

    while (*text == '@' && s->in_count < IN_MAX) {
        int length = (int)strcspn(++text, "@");
        snprintf(path, sizeof path, "%s/%.*s", folder, length, text);
        if (mkdir(path, 0755) < 0 && errno != EEXIST) {
            run_die(path, NULL);
        }
        s->in[s->in_count] = strdup(path);
        if (!s->in[s->in_count++]) {
            run_die(path, "no memory");
        }
        text += length;
    }
    if (*text || (s->in_count == 0) != (s->kind == STEP_SWAP)) {
        run_die(text, "expected the names of folders, of a few at most");
    }
}

static struct step parse(const char *folder, const char *text)
{
    static const char *const words[] = {"file", "later",   "together", "folder",
                                        "link", "replace", "exchange", "swap"};
    struct step s = {.kind = STEP_FILE};
    size_t length = strcspn(text, ":@");

    for (int i = 0; i < 8; i++) {
        if (strlen(words[i]) == length && strncmp(text, words[i], length) == 0) {
            const char *rest = text + length;
            s.kind = (enum kind)i;
            s.bytes = number_after(&rest, 0);
            s.syncs = number_after(&rest, 0);
            parse_folders(&s, folder, rest);
            return s;
        }
    }
    run_die(text, "no such step");
}

static void sql(sqlite3 *db, const char *text)
{
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK) {
        run_die(text, sqlite3_errmsg(db));
    }
}

static void open_database(struct floor *f)
{
    char path[PATH_SIZE];

    snprintf(path, sizeof path, "%s/floor.db", f->folder);
    if (sqlite3_open(path, &f->db) != SQLITE_OK) {
        run_die(path, sqlite3_errmsg(f->db));
    }
    sql(f->db, "PRAGMA journal_mode=PERSIST");
    sql(f->db, "PRAGMA synchronous=FULL");
    sql(f->db, "CREATE TABLE head (name TEXT PRIMARY KEY, location TEXT, previous TEXT)");
    sql(f->db, "INSERT INTO head VALUES ('t', '0', '')");
    if (sqlite3_prepare_v2(f->db,
                           "UPDATE head SET previous = location, location = ?1 "
                           "WHERE name = 't'",
                           -1, &f->swap, NULL) != SQLITE_OK) {
        run_die("preparing", sqlite3_errmsg(f->db));
    }
}

static void make_file(struct floor *f, const struct step *s)
{
    static const char bytes[CHUNK];

    snprintf(f->newest, sizeof f->newest, "%s/%" PRId64, s->in[0], ++f->files);
    int fd = open(f->newest, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        run_die(f->newest, NULL);
    }
    for (int64_t left = s->bytes; left > 0;) {
        ssize_t n = write(fd, bytes, left < CHUNK ? (size_t)left : CHUNK);
        if (n <= 0) {
            run_die(f->newest, NULL);
        }
        left -= n;
    }
    for (int64_t i = 0; i < s->syncs; i++) {
        if (fsync(fd) < 0) {
            run_die(f->newest, NULL);
        }
    }
    if (s->kind == STEP_LATER && f->kept_count < KEPT_MAX) {
        (void)!sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
        f->kept[f->kept_count++] = fd;
    } else {
        close(fd);
    }
}

static void sync_together(struct floor *f, const struct step *s)
{
    struct iocb requests[KEPT_MAX];
    struct iocb *list[KEPT_MAX];
    struct io_event events[KEPT_MAX];

    for (int i = 0; i < s->in_count && f->kept_count < KEPT_MAX; i++) {
        int fd = open(s->in[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
            run_die(s->in[i], NULL);
        }
        f->kept[f->kept_count++] = fd;
    }
    memset(requests, 0, sizeof requests);
    for (int i = 0; i < f->kept_count; i++) {
        requests[i].aio_lio_opcode = IOCB_CMD_FSYNC;
        requests[i].aio_fildes = (uint32_t)f->kept[i];
        list[i] = &requests[i];
    }
    long count = f->kept_count;
    if (syscall(SYS_io_submit, f->together, count, list) != count) {
        run_die("syncing together", NULL);
    }
    for (long left = count; left > 0;) { // Stopped for a turn, it may have fewer.
        long got = syscall(SYS_io_getevents, f->together, left, left, events, NULL);
        if (got < 0 && errno != EINTR) {
            run_die("syncing together", NULL);
        }
        left -= got > 0 ? got : 0;
    }
    while (f->kept_count > 0) {
        close(f->kept[--f->kept_count]);
    }
}

static void sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0 || close(fd) < 0) {
        run_die(folder, NULL);
    }
}

static void link_newest(const struct floor *f)
{
    char target[PATH_SIZE + 8];
    snprintf(target, sizeof target, "%s.link", f->newest);
    if (link(f->newest, target) < 0 || unlink(f->newest) < 0) {
        run_die(target, NULL);
    }
}

static void replace(struct floor *f, const struct step *s)
{
    char target[PATH_SIZE];

    make_file(f, s);
    snprintf(target, sizeof target, "%s/replaced", s->in[0]);
    bool exchanged = s->kind == STEP_EXCHANGE && renameat2(AT_FDCWD, f->newest, AT_FDCWD,
                                                           target, RENAME_EXCHANGE) == 0;
    if ((exchanged ? unlink(f->newest) : rename(f->newest, target)) < 0) {
        run_die(target, NULL);
    }
}

static void once(struct floor *f)
{
    for (int i = 0; i < f->count; i++) {
        const struct step *s = &f->steps[i];
        switch (s->kind) {
        case STEP_FILE:
        case STEP_LATER:
            make_file(f, s);
            break;
        case STEP_TOGETHER:
            sync_together(f, s);
            break;
        case STEP_FOLDER:
            sync_folder(s->in[0]);
            break;
        case STEP_LINK:
            link_newest(f);
            break;
        case STEP_REPLACE:
        case STEP_EXCHANGE:
            replace(f, s);
            break;
        case STEP_SWAP:
            sqlite3_bind_int64(f->swap, 1, f->files);
            if (sqlite3_step(f->swap) != SQLITE_DONE) {
                run_die("swap", sqlite3_errmsg(f->db));
            }
            sqlite3_reset(f->swap);
            break;
        }
    }
}

int main(int argc, char **argv)
{
    struct floor f = {0};
    char path[PATH_SIZE];

    if (argc < 3 || argc - 2 > STEPS_MAX) {
        fprintf(stderr, "usage: contention_floor FOLDER STEP...\n");
        return 2;
    }
    f.folder = argv[1];
    for (int i = 2; i < argc; i++) {
        f.steps[f.count++] = parse(argv[1], argv[i]);
    }
    snprintf(path, sizeof path, "%s/floor.bin", f.folder);
    int times = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (times < 0) {
        run_die(path, NULL);
    }
    open_database(&f);
    if (syscall(SYS_io_setup, KEPT_MAX, &f.together) < 0) {
        run_die("io_setup", NULL);
    }
    for (;;) {
        int64_t start = run_clock_ns();
        once(&f);
        int64_t took = run_clock_ns() - start;
        if (write(times, &took, sizeof took) != (ssize_t)sizeof took) {
            run_die(path, NULL);
        }
    }
}
