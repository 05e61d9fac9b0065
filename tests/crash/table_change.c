#include "crash/table_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "storage/storage_posix.h"

int64_t kit_timeout_ms = 10000;

// --- Rows in --------------------------------------------------------------------------

struct batch {
    int64_t ids[KIT_ROWS_MAX];
    const void *no_buffers[1];
    const void *buffers[2];
    struct ArrowArray child; // Its values are those of every column.
    struct ArrowArray more;
    struct ArrowArray *children[2];
    int64_t columns;
    bool given;
};

#define FAR_FUTURE_MS INT64_C(4102444800000) // The year 2100.

static void release_nothing(struct ArrowArray *a)
{
    a->release = NULL; // The batch belongs to the caller of kit_append.
}

static void release_stream(struct ArrowArrayStream *s)
{
    s->release = NULL;
}

static void release_schema(struct ArrowSchema *s)
{
    for (int64_t i = 0; i < s->n_children; i++) {
        if (s->children[i]->release) {
            s->children[i]->release(s->children[i]);
        }
    }
    s->release = NULL;
}

// The schema of the first `columns` columns; the second is not in every table.
static void make_schema(int64_t columns, struct ArrowSchema *out)
{
    static struct ArrowSchema child[2];
    static struct ArrowSchema *children[2] = {&child[0], &child[1]};

    child[0] =
        (struct ArrowSchema){.format = "l", .name = "id", .release = release_schema};
    child[1] = (struct ArrowSchema){.format = "l",
                                    .name = "more",
                                    .flags = ARROW_FLAG_NULLABLE,
                                    .release = release_schema};
    *out = (struct ArrowSchema){.format = "+s",
                                .name = "",
                                .n_children = columns,
                                .children = children,
                                .release = release_schema};
}

static int give_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    const struct batch *b = s->private_data;
    make_schema(b->columns, out);
    return 0;
}

static int give_batch(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    struct batch *b = s->private_data;

    *out = (struct ArrowArray){.release = NULL};
    if (!b->given) {
        b->given = true;
        b->children[0] = &b->child;
        b->children[1] = &b->more;
        *out = (struct ArrowArray){.length = b->child.length,
                                   .n_buffers = 1,
                                   .n_children = b->columns,
                                   .buffers = b->no_buffers,
                                   .children = b->children,
                                   .release = release_nothing};
    }
    return 0;
}

static const char *no_error(struct ArrowArrayStream *s)
{
    (void)s;
    return "";
}

// The rows of append `number`, as a stream that borrows `b`.
static struct ArrowArrayStream make_stream(struct batch *b, unsigned number,
                                           unsigned rows, int64_t columns)
{
    *b = (struct batch){.columns = columns};
    for (unsigned i = 0; i < rows; i++) {
        b->ids[i] = (int64_t)number * KIT_ROWS_MAX + i;
    }
    b->buffers[1] = b->ids;
    b->child = (struct ArrowArray){.length = rows,
                                   .n_buffers = 2,
                                   .buffers = b->buffers,
                                   .release = release_nothing};
    b->more = b->child;
    return (struct ArrowArrayStream){give_schema, give_batch, no_error, release_stream,
                                     b};
}

static int append_rows(ds_txn *txn, unsigned number, unsigned rows, int64_t columns,
                       struct ds_error *err)
{
    struct batch b;
    struct ArrowArrayStream stream = make_stream(&b, number, rows, columns);

    return ds_txn_append(txn, &stream, err);
}

// --- A file that is not the table's ---------------------------------------------------

// Where it is made, and where it is then put without any sync.
static void file_paths(const struct kit_place *p, char made[KIT_PATH_MAX],
                       char out[KIT_PATH_MAX])
{
    snprintf(made, KIT_PATH_MAX, "%.490s.parquet", p->root);
    kit_join(p->root, KIT_FOREIGN, out);
}

static size_t read_all(const char *path, uint8_t *out, size_t room)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : pread(fd, out, room, 0);

    if (fd >= 0) {
        close(fd);
    }
    return n > 0 ? (size_t)n : 0;
}

int kit_make_file(const struct kit_place *p, unsigned number, unsigned rows,
                  struct ds_error *err)
{
    static uint8_t bytes[1 << 16];
    struct batch b;
    struct ArrowArrayStream stream = make_stream(&b, number, rows, 1);
    char made[KIT_PATH_MAX];
    char path[KIT_PATH_MAX];

    file_paths(p, made, path);
    unlink(made);
    int rc = ds_file_write(made, &stream, NULL, err);
    size_t size = rc == DS_OK ? read_all(made, bytes, sizeof bytes) : 0;
    char dir[KIT_PATH_MAX];
    kit_join(p->root, "foreign", dir);
    int code = dsi_posix()->mkdir(dir, 0777);
    if (code < 0 && code != -EEXIST) {
        kit_die("making", dir);
    }
    unlink(path);
    int fd = dsi_posix()->open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (rc == DS_OK && (fd < 0 || dsi_posix()->write(fd, bytes, size) != (int64_t)size)) {
        kit_die("making", path);
    }
    if (fd >= 0) {
        dsi_posix()->close(fd);
    }
    return rc;
}

bool kit_file_is_whole(const struct kit_place *p)
{
    static uint8_t wanted[1 << 16];
    static uint8_t bytes[1 << 16];
    char made[KIT_PATH_MAX];
    char path[KIT_PATH_MAX];

    file_paths(p, made, path);
    size_t size = read_all(made, wanted, sizeof wanted);
    if (kit_looks) {
        kit_looks(path);
    }
    return size > 0 && read_all(path, bytes, sizeof bytes) == size &&
           memcmp(bytes, wanted, size) == 0;
}

static int note_joined(void *arg, const struct ds_file_entry *f)
{
    bool *found = arg;
    *found = *found || strstr(f->path, KIT_FOREIGN);
    return DS_OK;
}

static int join_file(struct kit_table *t, ds_txn *txn, struct ds_error *err)
{
    struct ds_new_file file = {.struct_size = sizeof file, .path = t->file};
    bool found = false;
    int rc = ds_table_files(t->table, NULL, note_joined, &found, err);

    return rc < 0 || found ? rc : ds_txn_add_files(txn, &file, 1, err);
}

static int note_doomed(void *arg, const struct ds_file_entry *f)
{
    if (f->sequence_number == KIT_DOOMED) {
        snprintf(arg, KIT_PATH_MAX, "%s", f->path);
    }
    return DS_OK;
}

static int delete_doomed(struct kit_table *t, ds_txn *txn, struct ds_error *err)
{
    char path[KIT_PATH_MAX] = "";
    const char *paths[1] = {path};
    size_t found = 0;
    int rc = ds_table_files(t->table, NULL, note_doomed, path, err);

    if (rc == DS_OK && path[0]) {
        rc = ds_txn_delete_files(txn, paths, 1, &found, err);
    }
    return rc;
}

static int widen(ds_txn *txn, struct ds_error *err)
{
    struct ArrowSchema schema;

    make_schema(2, &schema);
    int rc = ds_txn_add_columns(txn, &schema, err);
    schema.release(&schema);
    return rc;
}

static int fill(struct kit_table *t, ds_txn *txn, enum kit_change what, unsigned number,
                unsigned rows, struct ds_error *err)
{
    int rc = DS_OK;

    if (kit_takes_out(what)) {
        rc = delete_doomed(t, txn, err);
    } else if (what == KIT_WIDEN) {
        rc = widen(txn, err);
    } else if (what == KIT_EXPIRE) {
        rc = ds_txn_expire_snapshots(txn, FAR_FUTURE_MS, 1, err);
    } else if (what == KIT_JOIN) {
        rc = join_file(t, txn, err);
    }
    if (rc == DS_OK && (what == KIT_APPEND || what == KIT_REPLACE || what == KIT_WIDEN)) {
        rc = append_rows(txn, number, rows, what == KIT_WIDEN ? 2 : 1, err);
    }
    return rc;
}

int kit_commit(struct kit_table *t, enum kit_change what, unsigned number, unsigned rows,
               enum ds_group_mode group, struct ds_commit_result *result,
               struct ds_error *err)
{
    char identity[40];
    kit_identity(number, identity);
    struct ds_commit_options o = {.struct_size = sizeof o,
                                  .identity = identity,
                                  .timeout_ms = kit_timeout_ms,
                                  .group = group};
    ds_txn *txn = NULL;
    int rc = ds_txn_begin(t->table, &o, &txn, err);

    result->struct_size = sizeof *result;
    rc = rc < 0 ? rc : fill(t, txn, what, number, rows, err);
    rc = rc < 0 ? rc : ds_txn_commit(txn, result, err);
    ds_txn_free(txn);
    return rc;
}

int kit_append(struct kit_table *t, unsigned number, unsigned rows,
               enum ds_group_mode group, struct ds_commit_result *result,
               struct ds_error *err)
{
    return kit_commit(t, KIT_APPEND, number, rows, group, result, err);
}
