// For MAP_ANONYMOUS, SEEK_DATA.
#define _GNU_SOURCE // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
#include "crash/table_kit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/api_handle.h"
#include "scan/scan.h"
#include "storage/storage_path.h"
#include "txn/look.h"
#include "txn/tidy.h"

#define SCHEMA                                                                           \
    "{\"type\":\"struct\",\"fields\":["                                                  \
    "{\"id\":1,\"name\":\"id\",\"required\":true,\"type\":\"long\"}]}"

// Room that a folder in memory needs.
#define IN_MEMORY_MIN ((uint64_t)512 << 20)

void (*kit_looks)(const char *path);

void kit_die(const char *what, const char *path)
{
    fprintf(stderr, "table_kit: %s %s: %s\n", what, path, strerror(errno));
    abort();
}

void kit_join(const char *a, const char *b, char out[KIT_PATH_MAX])
{
    int size = snprintf(out, KIT_PATH_MAX, "%s/%s", a, b);
    if (size < 0 || size >= KIT_PATH_MAX) {
        kit_die("too long:", a);
    }
}

static const char *bare(const char *location)
{
    return strncmp(location, "file://", 7) == 0 ? location + 7 : location;
}

// --- Trees and children ---------------------------------------------------------------

// Every name in a directory but for "." and "..": calls fn with its path.
static void each_name(const char *dir,
                      void (*fn)(void *arg, const char *path, bool is_dir), void *arg)
{
    DIR *d = opendir(dir);

    for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
        char path[KIT_PATH_MAX];
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        kit_join(dir, e->d_name, path);
        if (lstat(path, &st) == 0) {
            fn(arg, path, S_ISDIR(st.st_mode));
        }
    }
    if (d) {
        closedir(d);
    }
}

// Where folders of tests are made.
static const char *scratch_base(void)
{
    const char *given = getenv("TMPDIR");
    struct statvfs room;

    if (given && given[0] == '/') {
        return given;
    }
    if (access("/dev/shm", W_OK | X_OK) == 0 && statvfs("/dev/shm", &room) == 0 &&
        (uint64_t)room.f_bavail * room.f_frsize >= IN_MEMORY_MIN) {
        return "/dev/shm";
    }
    return "/tmp";
}

bool kit_scratch(const char *name, char *dir)
{
    snprintf(dir, KIT_PATH_MAX, "%.300s/datashard-%s-XXXXXX", scratch_base(), name);
    if (!mkdtemp(dir)) {
        perror(dir);
        return false;
    }
    return true;
}

static void remove_one(void *arg, const char *path, bool is_dir)
{
    (void)arg;
    if (is_dir) {
        kit_remove(path);
    } else if (unlink(path) < 0) {
        kit_die("removing", path);
    }
}

void kit_remove(const char *path)
{
    each_name(path, remove_one, NULL);
    if (rmdir(path) < 0 && errno != ENOENT) {
        kit_die("removing", path);
    }
}

// Holes stay holes: a queue is mostly one.
static void copy_file(const char *from, const char *to)
{
    static char bytes[1 << 20];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    struct stat st;
    off_t at = 0;

    if (in < 0 || out < 0 || fstat(in, &st) < 0 || ftruncate(out, st.st_size) < 0) {
        kit_die("copying", from);
    }
    while ((at = lseek(in, at, SEEK_DATA)) >= 0) {
        off_t end = lseek(in, at, SEEK_HOLE);
        while (at < end) {
            size_t size =
                (size_t)(end - at) < sizeof bytes ? (size_t)(end - at) : sizeof bytes;
            ssize_t n = pread(in, bytes, size, at);
            if (n <= 0 || pwrite(out, bytes, (size_t)n, at) != n) {
                kit_die("copying to", to);
            }
            at += n;
        }
    }
    close(in);
    close(out);
}

struct copying {
    size_t skip; // Of the source's root.
    const char *to;
};

static void copy_one(void *arg, const char *path, bool is_dir)
{
    const struct copying *c = arg;
    char to[KIT_PATH_MAX];

    kit_join(c->to, path + c->skip + 1, to);
    if (is_dir) {
        if (mkdir(to, 0777) < 0) {
            kit_die("making", to);
        }
        each_name(path, copy_one, arg);
    } else {
        copy_file(path, to);
    }
}

void kit_copy(const char *from, const char *to)
{
    struct copying c = {strlen(from), to};

    kit_remove(to);
    if (mkdir(to, 0777) < 0) {
        kit_die("making", to);
    }
    each_name(from, copy_one, &c);
}

struct walking {
    kit_path_fn fn;
    void *arg;
};

static void walk_one(void *arg, const char *path, bool is_dir)
{
    const struct walking *w = arg;
    if (is_dir) {
        each_name(path, walk_one, arg);
    } else {
        w->fn(w->arg, path);
    }
}

void kit_walk(const char *root, kit_path_fn fn, void *arg)
{
    struct walking w = {fn, arg};
    each_name(root, walk_one, &w);
}

int kit_in_child(void (*fn)(void *arg), void *arg, unsigned seconds)
{
    int status = 0;

    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) {
        kit_die("fork", "");
    }
    if (pid == 0) {
        alarm(seconds);
        fn(arg);
        _exit(0);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

void *kit_shared(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        kit_die("mmap", "");
    }
    return p;
}

// --- The table ------------------------------------------------------------------------

void kit_table_dir(const struct kit_place *p, char out[KIT_PATH_MAX])
{
    kit_join(p->root, p->sqlite ? "warehouse/ns/t" : "t", out);
}

static int open_catalog(const struct kit_place *p, struct kit_table *out,
                        struct ds_error *err)
{
    char dir[KIT_PATH_MAX];
    char uri[KIT_PATH_MAX];
    char warehouse[KIT_PATH_MAX];
    struct ds_property where = {"warehouse", warehouse};
    struct ds_properties properties = {&where, 1};

    *out = (struct kit_table){NULL, NULL, ""};
    kit_join(p->root, KIT_FOREIGN, out->file);
    if (!p->sqlite) {
        return DS_OK;
    }
    // Apart, so that neither's directory is synced on the other's account.
    kit_join(p->root, "catalog", dir);
    if (mkdir(dir, 0777) < 0 && errno != EEXIST) {
        kit_die("making", dir);
    }
    kit_join(p->root, "warehouse", warehouse);
    snprintf(uri, sizeof uri, "sqlite:%.480s/catalog.db", dir);
    return ds_catalog_open(uri, &properties, &out->catalog, err);
}

void kit_close(struct kit_table *t)
{
    ds_table_free(t->table);
    ds_catalog_free(t->catalog);
    *t = (struct kit_table){NULL, NULL, ""};
}

static int opened(struct kit_table *out, int rc)
{
    if (rc < 0) {
        kit_close(out);
    }
    return rc;
}

int kit_create(const struct kit_place *p, enum kit_sort sort, struct kit_table *out,
               struct ds_error *err)
{
    static const struct ds_property tidy_properties[] = {
        {"commit.manifest.min-count-to-merge", "3"},
        {"datashard.expire-on-commit", "true"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "2"},
        {"write.metadata.delete-after-commit.enabled", "true"},
        {"write.metadata.previous-versions-max", "2"},
    };
    static const struct ds_property large_properties[] = {
        {"datashard.group-commit.rows-max", "1"}};
    struct ds_table_spec spec = {.struct_size = sizeof spec, .schema_json = SCHEMA};
    spec.properties.items = sort == KIT_TIDY ? tidy_properties : large_properties;
    spec.properties.count = sort == KIT_TIDY ? 6 : sort == KIT_LARGE ? 1 : 0;
    char dir[KIT_PATH_MAX];
    int rc = open_catalog(p, out, err);

    kit_table_dir(p, dir);
    if (rc == DS_OK) {
        rc = p->sqlite
                 ? ds_catalog_create_table(out->catalog, "ns.t", &spec, &out->table, err)
                 : ds_table_create(dir, &spec, &out->table, err);
    }
    return opened(out, rc);
}

int kit_open(const struct kit_place *p, struct kit_table *out, struct ds_error *err)
{
    char dir[KIT_PATH_MAX];
    int rc = open_catalog(p, out, err);

    kit_table_dir(p, dir);
    if (rc == DS_OK) {
        rc = p->sqlite ? ds_catalog_open_table(out->catalog, "ns.t", &out->table, err)
                       : ds_table_open(dir, &out->table, err);
    }
    return opened(out, rc);
}

void kit_identity(unsigned number, char out[40])
{
    snprintf(out, 40, "01890000-0000-7000-8000-%012x", number);
}

// --- Other changes -------------------------------------------------------------------

int kit_merge(struct kit_table *t, size_t *merged, struct ds_error *err)
{
    struct dsi_tidy limits = {.files_min = 2};
    struct dsi_tidied done = {0};
    int rc = dsi_tidy_once(t->table->table, &limits, &done, err);

    *merged = done.files;
    return rc;
}

int kit_resolve(struct kit_table *t, unsigned number, enum ds_outcome *outcome,
                struct ds_error *err)
{
    struct ds_commit_result r = {.struct_size = sizeof r};
    char identity[40];

    kit_identity(number, identity);
    int rc = ds_table_resolve(t->table, identity, 0, &r, err);
    *outcome = r.outcome;
    return rc;
}

int kit_token(struct kit_table *t, enum kit_change what, unsigned number, char out[512],
              struct ds_error *err)
{
    const struct dsi_state *s = dsi_table_state(t->table->table);
    struct dsi_trail trail = {.makes_snapshot = what != KIT_EXPIRE, .sent = true};
    (void)err;

    char identity[40];
    kit_identity(number, identity);
    snprintf(trail.identity, sizeof trail.identity, "%.36s", identity);
    snprintf(trail.nonce, sizeof trail.nonce, "00000000");
    snprintf(trail.table_uuid, sizeof trail.table_uuid, "%s", s->metadata->table_uuid);
    trail.looked = dsi_mark_of(s);
    trail.base = dsi_mark_of(s);
    dsi_trail_format(&trail, out);
    dsi_state_unref(s);
    return DS_OK;
}

// --- Rows out -------------------------------------------------------------------------

// Where the second column has a value, it is the first one's.
static bool agrees(const struct ArrowArray *a, int64_t row, int64_t id)
{
    const struct ArrowArray *child = a->n_children > 1 ? a->children[1] : NULL;
    const uint8_t *valid = child ? child->buffers[0] : NULL;
    int64_t at = child ? child->offset + a->offset + row : 0;
    bool null = !child || (valid && !(valid[at / 8] >> at % 8 & 1));

    return null || ((const int64_t *)child->buffers[1])[at] == id;
}

static int count_batch(const struct ArrowArray *a, struct kit_rows *out)
{
    const struct ArrowArray *child = a->children[0];
    const int64_t *ids = child->buffers[1];

    for (int64_t i = 0; i < a->length; i++) {
        int64_t id = ids[child->offset + a->offset + i];
        if (id < 0 || id >= KIT_APPENDS_MAX * KIT_ROWS_MAX || !agrees(a, i, id)) {
            return DS_ECORRUPT;
        }
        out->times[id / KIT_ROWS_MAX][id % KIT_ROWS_MAX]++;
        out->total++;
    }
    return DS_OK;
}

int kit_scan(struct kit_table *t, int64_t snapshot_id, struct kit_rows *out,
             struct ds_error *err)
{
    struct ds_scan_options o = {
        .struct_size = sizeof o, .threads = 1, .at = {.snapshot_id = snapshot_id}};
    struct ArrowArrayStream stream = {0};
    struct ArrowSchema schema = {.release = NULL};
    int rc = ds_table_scan(t->table, &o, &stream, err);

    memset(out, 0, sizeof *out);
    if (rc == DS_OK && stream.get_schema(&stream, &schema) == 0) {
        out->columns = schema.n_children;
        schema.release(&schema);
    }
    while (rc == DS_OK) {
        struct ArrowArray a = {0};
        if (stream.get_next(&stream, &a) != 0) {
            snprintf(err->message, sizeof err->message, "%s",
                     stream.get_last_error(&stream));
            rc = DS_EIO;
        } else if (!a.release) {
            break;
        } else {
            rc = count_batch(&a, out);
            a.release(&a);
        }
    }
    if (stream.release) {
        stream.release(&stream);
    }
    return rc;
}

int kit_is_there(const struct kit_rows *r, unsigned number, unsigned rows)
{
    unsigned there = 0;

    for (unsigned i = 0; i < KIT_ROWS_MAX; i++) {
        unsigned times = r->times[number][i];
        if (times > 1 || (times == 1 && i >= rows)) {
            return -1;
        }
        there += times;
    }
    return there == 0 ? 0 : there == rows ? 1 : -1;
}

int kit_is_done(const struct kit_rows *r, enum kit_change what, unsigned number,
                unsigned rows)
{
    int added = kit_is_there(r, number, rows);
    int doomed = kit_is_there(r, KIT_DOOMED, rows);

    switch (what) {
    case KIT_DELETE:
        return doomed < 0 ? -1 : !doomed;
    case KIT_REPLACE:
        return added + doomed == 1 ? added : -1;
    case KIT_WIDEN:
        return r->columns == 1 + added ? added : -1;
    case KIT_EXPIRE:
        return r->oldest == 1 ? 0 : r->oldest >= KIT_KEPT ? 1 : -1; // Or its group's.
    case KIT_APPEND:
    case KIT_JOIN:
    default:
        return added;
    }
}

// --- Files ----------------------------------------------------------------------------

struct telling {
    kit_file_fn fn;
    void *arg;
};

static int tell_data_file(void *arg, const struct ds_file_entry *f)
{
    const struct telling *t = arg;
    return t->fn(t->arg, bare(f->path), f->size_bytes);
}

static int tell_snapshot(struct kit_table *t, const struct dsi_metadata *m,
                         const struct dsi_snapshot *s, struct telling *to,
                         struct ds_error *err)
{
    struct dsi_manifest_list list = {0};
    struct ds_at at = {.snapshot_id = s->snapshot_id};
    int rc = to->fn(to->arg, bare(s->manifest_list), -1);

    if (rc == DS_OK) {
        rc = dsi_snapshot_manifests(dsi_table_storage(t->table->table), m, s, &list, err);
    }
    for (size_t i = 0; rc == DS_OK && i < list.count; i++) {
        rc = to->fn(to->arg, bare(list.files[i].path), list.files[i].length);
    }
    dsi_manifest_list_release(&list);
    return rc == DS_OK ? ds_table_files(t->table, &at, tell_data_file, to, err) : rc;
}

int kit_reachable(struct kit_table *t, kit_file_fn fn, void *arg, struct ds_error *err)
{
    const struct dsi_state *s = dsi_table_state(t->table->table);
    struct telling to = {fn, arg};
    int rc = fn(arg, bare(s->head.metadata_location), -1);

    for (size_t i = 0; rc == DS_OK && i < s->metadata->metadata_log_count; i++) {
        rc = fn(arg, bare(s->metadata->metadata_log[i].metadata_file), -1);
    }
    for (size_t i = 0; rc == DS_OK && i < s->metadata->snapshot_count; i++) {
        rc = tell_snapshot(t, s->metadata, s->metadata->snapshots[i], &to, err);
    }
    dsi_state_unref(s);
    return rc;
}

static int check_file(void *arg, const char *path, int64_t size)
{
    char *why = arg;
    struct stat st;

    if (kit_looks) {
        kit_looks(path);
    }
    if (stat(path, &st) < 0) {
        snprintf(why, KIT_WHY_MAX, "%.400s is reachable and not there", path);
    } else if (size >= 0 && st.st_size != size) {
        snprintf(why, KIT_WHY_MAX, "%.400s has %lld bytes, recorded are %lld", path,
                 (long long)st.st_size, (long long)size);
    }
    return DS_OK;
}

struct ids {
    int64_t id[256];
    size_t count;
    int64_t oldest;
};

static int note_id(void *arg, const struct ds_snapshot_info *s)
{
    struct ids *ids = arg;
    if (ids->count < 256) {
        ids->id[ids->count++] = s->snapshot_id;
    }
    if (ids->count == 1 || s->sequence_number < ids->oldest) {
        ids->oldest = s->sequence_number;
    }
    return DS_OK;
}

void kit_look(const struct kit_place *p, struct kit_rows *rows, char why[KIT_WHY_MAX])
{
    struct ds_error err = {0};
    struct kit_table t = {.table = NULL};
    struct ids ids = {.count = 0};

    why[0] = '\0';
    memset(rows, 0, sizeof *rows);
    int rc = kit_open(p, &t, &err);
    rc = rc < 0 ? rc : ds_table_snapshots(t.table, note_id, &ids, &err);
    for (size_t i = 0; rc == DS_OK && i < ids.count; i++) {
        rc = kit_scan(&t, ids.id[i], rows, &err);
    }
    rc = rc < 0 ? rc : kit_scan(&t, 0, rows, &err);
    rows->oldest = ids.oldest;
    rc = rc < 0 ? rc : kit_reachable(&t, check_file, why, &err);
    if (rc < 0) {
        snprintf(why, KIT_WHY_MAX, "cannot be read: %s: %.600s", ds_status_text(rc),
                 err.message);
    }
    kit_close(&t);
}

bool kit_is_queue(const char *path)
{
    size_t size = strlen(path);
    return size > 7 && strcmp(path + size - 7, "-group1") == 0;
}

static void note_queue(void *arg, const char *path)
{
    char *found = arg;
    if (kit_is_queue(path)) {
        snprintf(found, KIT_PATH_MAX, "%s", path);
    }
}

bool kit_queue_look(const struct kit_place *p, struct dsi_queue_view *out)
{
    char path[KIT_PATH_MAX] = "";
    struct dsi_queue *q = NULL;

    kit_walk(p->root, note_queue, path);
    bool there = path[0] && dsi_queue_find(path, &q, NULL) == DS_OK &&
                 dsi_queue_look(q, out, NULL) == DS_OK;
    dsi_queue_free(q);
    return there;
}

// --- What is left over ----------------------------------------------------------------

struct leftovers {
    char (*reached)[KIT_PATH_MAX];
    size_t count;
    size_t room;
    kit_file_fn fn;
    void *arg;
    int rc;
};

static int note_reached(void *arg, const char *path, int64_t size)
{
    struct leftovers *l = arg;
    (void)size;

    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 64;
        l->reached = realloc(l->reached, l->room * sizeof *l->reached);
        if (!l->reached) {
            kit_die("realloc", "");
        }
    }
    snprintf(l->reached[l->count++], KIT_PATH_MAX, "%s", path);
    return DS_OK;
}

// Files that belong to the place and not to a state of the table.
static bool is_furniture(const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    const char *end = name + strlen(name);

    bool is_temporary = end - name > 4 && strcmp(end - 4, ".tmp") == 0;

    return strcmp(name, "version-hint.text") == 0 || strstr(path, KIT_FOREIGN) ||
           strncmp(name, "catalog.db", 10) == 0 ||
           (strncmp(name, DSI_STORAGE_HIDDEN, strlen(DSI_STORAGE_HIDDEN)) == 0 &&
            !is_temporary); // Locks and the queue.
}

static void look_at(void *arg, const char *path)
{
    struct leftovers *l = arg;

    if (is_furniture(path)) {
        return;
    }
    for (size_t i = 0; i < l->count; i++) {
        if (strcmp(l->reached[i], path) == 0) {
            return;
        }
    }
    l->rc = l->rc == DS_OK ? l->fn(l->arg, path, -1) : l->rc;
}

int kit_leftovers(const struct kit_place *p, kit_file_fn fn, void *arg,
                  struct ds_error *err)
{
    struct leftovers l = {.fn = fn, .arg = arg};
    struct kit_table t = {.table = NULL};
    int rc = kit_open(p, &t, err);

    rc = rc < 0 ? rc : kit_reachable(&t, note_reached, &l, err);
    if (rc == DS_OK) {
        kit_walk(p->root, look_at, &l);
        rc = l.rc;
    }
    free(l.reached);
    kit_close(&t);
    return rc;
}
