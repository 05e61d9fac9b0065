#include "maint/relocate_deletes.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "codec/compress/compress.h"
#include "data/data_file.h"
#include "maint/relocate_avro.h"
#include "maint/relocate_json.h"

#define FILE_SIZE_MAX ((size_t)1 << 30)

enum {
    ID_PATH = 2147483546, // The reserved field ids of position deletes.
    ID_POS = 2147483545,
    ROWS_AT_ONCE = 65536,
};

// Specification of Puffin: "PFA1", blobs, "PFA1", the footer's JSON, its size, flags,
// "PFA1".
enum { PUFFIN_MAGIC = 4, PUFFIN_TAIL = 12, PUFFIN_COMPRESSED = 1 };
static const uint8_t magic[PUFFIN_MAGIC] = {'P', 'F', 'A', '1'};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "relocating deletes");
}

int dsi_relocate_delete_path(struct dsi_relocation *r, const char *path, const char **out,
                             struct ds_error *err)
{
    const char *ending = strrchr(path, '.');
    const char *moved = NULL;
    int rc = dsi_relocate_path(r, dsi_slice_text(path), &moved, err);

    if (rc < 0) {
        return rc;
    }
    char *folder = dsi_arena_strdup(&r->arena, moved);
    char *end = folder ? strrchr(folder, '/') : NULL;
    if (end) {
        *end = '\0';
    }
    if (folder && !dsi_relocate_is_inside(r, path)) {
        folder = dsi_arena_printf(&r->arena, "%s/data", r->to);
    }
    if (!folder) {
        return no_memory(err);
    }
    *out = dsi_arena_printf(&r->arena, "%s/%s-%016llx%s", folder, r->identity,
                            (unsigned long long)dsi_hash(path, strlen(path)),
                            ending && !strchr(ending, '/') && strlen(ending) < 16 ? ending
                                                                                  : "");
    return *out ? DS_OK : no_memory(err);
}

// --- paths in rows

struct paths {
    struct dsi_relocation *r;
    struct dsi_map now; // By the old ones, to the new: each is made once.
};

static int path_of(struct paths *p, struct ds_slice old, const char **out,
                   struct ds_error *err)
{
    int rc = DS_OK;

    *out = dsi_map_get(&p->now, old);
    if (!*out) {
        DSI_TRY(dsi_relocate_path(p->r, old, out, err));
        DSI_TRY(dsi_map_put(&p->now, old, (void *)(uintptr_t)*out, err));
    }
done:
    return rc;
}

// --- Parquet

struct row {
    const char *path; // One text for all rows of a path.
    int64_t pos;
};

struct rows {
    struct paths paths;
    struct row *all;
    size_t count;
    size_t capacity;
};

static int add_row(struct rows *x, const struct dsi_batch *b, int64_t i,
                   struct ds_error *err)
{
    struct dsi_value path;
    struct dsi_value pos;
    int rc = DS_OK;

    if (x->count == x->capacity) {
        size_t capacity = x->capacity ? x->capacity * 2 : 1024;
        struct row *all = dsi_realloc(x->all, capacity * sizeof *all);
        if (!all) {
            return no_memory(err);
        }
        x->all = all;
        x->capacity = capacity;
    }
    dsi_column_value(&b->columns[0], i, &path);
    dsi_column_value(&b->columns[1], i, &pos);
    DSI_TRY(path_of(&x->paths, path.as.bytes, &x->all[x->count].path, err));
    x->all[x->count++].pos = pos.as.i64;
done:
    return rc;
}

static int read_rows(struct rows *x, const struct dsi_data_file *file,
                     const struct dsi_schema *schema, struct ds_error *err)
{
    struct dsi_data_reader_options options = {.storage = x->paths.r->from_storage,
                                              .file = file,
                                              .metadata = x->paths.r->metadata,
                                              .schema = schema};
    struct dsi_data_reader *reader = NULL;
    struct dsi_batch b = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_data_reader_open(&options, &reader, err));
    while ((rc = dsi_data_reader_next(reader, &b, err)) == DS_ROW) {
        rc = DS_OK;
        for (int64_t i = 0; i < b.rows && rc == DS_OK; i++) {
            rc = add_row(x, &b, i, err);
        }
        dsi_batch_release(&b);
        DSI_TRY(rc);
        DSI_TRY(dsi_cancel_check(err));
    }
done:
    dsi_data_reader_close(reader);
    return rc;
}

static int by_path(const void *a, const void *b)
{
    const struct row *x = a;
    const struct row *y = b;
    int order = x->path == y->path ? 0 : strcmp(x->path, y->path);

    return order != 0 ? order : (x->pos > y->pos) - (x->pos < y->pos);
}

static int write_batch(const struct row *rows, size_t count,
                       struct dsi_batch_builder *builder, struct dsi_data_writer *w,
                       struct ds_error *err)
{
    struct dsi_batch b = {0};
    int rc = DS_OK;

    for (size_t i = 0; i < count; i++) {
        struct dsi_value path = {.kind = DSI_TYPE_STRING,
                                 .as.bytes = dsi_slice_text(rows[i].path)};
        struct dsi_value pos = {.kind = DSI_TYPE_LONG, .as.i64 = rows[i].pos};
        DSI_TRY(dsi_batch_builder_set(builder, 0, &path, err));
        DSI_TRY(dsi_batch_builder_set(builder, 1, &pos, err));
        DSI_TRY(dsi_batch_builder_end_row(builder, err));
    }
    DSI_TRY(dsi_batch_builder_take(builder, &b, err));
    DSI_TRY(dsi_data_writer_append(w, &b, 0, b.rows, err));
done:
    dsi_batch_release(&b);
    return rc;
}

static int write_rows(struct rows *x, const struct dsi_schema *schema, const char *path,
                      struct dsi_relocated *out, struct ds_error *err)
{
    struct dsi_data_writer_options options = {.storage = x->paths.r->to_storage,
                                              .location = path,
                                              .metadata = x->paths.r->metadata,
                                              .schema = schema};
    struct dsi_batch_builder *builder = NULL;
    struct dsi_data_writer *w = NULL;
    struct dsi_data_file file = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_batch_builder_new(schema, &builder, err));
    DSI_TRY(dsi_data_writer_open(&options, &w, err));
    for (size_t i = 0; i < x->count; i += ROWS_AT_ONCE) {
        size_t n = x->count - i < ROWS_AT_ONCE ? x->count - i : ROWS_AT_ONCE;
        DSI_TRY(write_batch(x->all + i, n, builder, w, err));
    }
    DSI_TRY(dsi_relocate_note(x->paths.r, path, err));
    DSI_TRY(dsi_data_writer_finish(w, &x->paths.r->arena, &file, err));
    out->size = file.file_size;
done:
    dsi_data_writer_close(w);
    dsi_batch_builder_free(builder);
    return rc;
}

static int relocate_parquet(struct dsi_relocation *r, const struct dsi_data_file *file,
                            struct dsi_relocated *out, struct ds_error *err)
{
    static const struct dsi_field fields[] = {
        {.id = ID_PATH,
         .required = true,
         .name = "file_path",
         .type = {.kind = DSI_TYPE_STRING}},
        {.id = ID_POS, .required = true, .name = "pos", .type = {.kind = DSI_TYPE_LONG}}};
    static const struct dsi_schema schema = {
        .root = {.kind = DSI_TYPE_STRUCT, .fields = fields, .field_count = 2},
        .highest_id = ID_PATH};
    struct rows x = {.paths = {r, DSI_MAP_INIT}};
    int rc = DS_OK;

    DSI_TRY(read_rows(&x, file, &schema, err));
    if (x.count > 0) {
        qsort(x.all, x.count, sizeof *x.all, by_path);
        out->lower = x.all[0].path;
        out->upper = x.all[x.count - 1].path;
    }
    if (!r->dry_run) {
        DSI_TRY(write_rows(&x, &schema, out->path, out, err));
        r->bytes += (uint64_t)out->size;
    }
done:
    dsi_map_release(&x.paths.now);
    dsi_free(x.all);
    return rc;
}

// --- Avro

struct texts {
    struct paths paths;
    struct dsi_relocated *out;
    bool named; // The row at hand says which file it is about.
};

// The path in a field, as of now; NULL: it has none.
static int text_now(struct texts *x, const struct dsi_avro_field *f,
                    struct ds_slice value, const char **out, struct ds_error *err)
{
    struct ds_slice old = {NULL, 0};
    int rc = DS_OK;

    *out = NULL;
    if (f->id != ID_PATH) {
        return DS_OK;
    }
    DSI_TRY(dsi_relocate_text(f->type, value, &old, err));
    if (old.data) {
        DSI_TRY(path_of(&x->paths, old, out, err));
    }
done:
    return rc;
}

static int see_path(void *arg, const struct dsi_avro_field *f, struct ds_slice value,
                    struct ds_error *err)
{
    struct texts *x = arg;
    const char *now = NULL;
    int rc = text_now(x, f, value, &now, err);

    if (now) {
        x->named = true;
        if (!x->out->lower || strcmp(now, x->out->lower) < 0) {
            x->out->lower = now;
        }
        if (!x->out->upper || strcmp(now, x->out->upper) > 0) {
            x->out->upper = now;
        }
    }
    return rc;
}

// What is passed over would not be deleted any more.
static int seen_row(void *arg, struct ds_error *err)
{
    struct texts *x = arg;

    if (!x->named) {
        return dsi_corrupt(err, "a row of position deletes without a file's path");
    }
    x->named = false;
    return DS_OK;
}

static int put_path(void *arg, const struct dsi_avro_field *f, struct ds_slice value,
                    struct dsi_buf *out, struct ds_error *err)
{
    const char *now = NULL;
    int rc = text_now(arg, f, value, &now, err);

    return rc < 0 || !now
               ? rc
               : dsi_relocate_put_text(f->type, value, dsi_slice_text(now), out, err);
}

static int change_avro(struct dsi_relocation *r, struct ds_slice file,
                       struct dsi_relocated *out, struct dsi_buf *made,
                       struct ds_error *err)
{
    struct texts x = {.paths = {r, DSI_MAP_INIT}, .out = out};
    struct dsi_relocate_fields fields = {see_path, seen_row, put_path, &x};
    int rc = dsi_relocate_avro(file, &fields, made, err);

    dsi_map_release(&x.paths.now);
    return rc;
}

// --- Puffin

static int change_referenced(void *arg, const struct dsi_relocate_at *at,
                             struct ds_slice text, struct ds_slice *out,
                             struct ds_error *err)
{
    struct dsi_relocation *r = arg;
    const char *now = NULL;

    if (!dsi_relocate_at_is(at, "blobs/properties/referenced-data-file")) {
        return DS_OK;
    }
    int rc = dsi_relocate_path(r, text, &now, err);
    *out = dsi_slice_text(rc < 0 ? "" : now);
    return rc < 0 ? rc : DS_ROW;
}

static uint32_t little32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

static int put_footer(struct ds_slice json, struct dsi_buf *out, struct ds_error *err)
{
    uint8_t tail[PUFFIN_TAIL] = {0}; // Size, flags: not compressed.
    int rc = DS_OK;

    for (int i = 0; i < 4; i++) {
        tail[i] = (uint8_t)(json.size >> (8 * i));
    }
    memcpy(tail + 8, magic, sizeof magic);
    DSI_TRY(dsi_buf_append(out, json.data, json.size, err));
    DSI_TRY(dsi_buf_append(out, tail, sizeof tail, err));
done:
    return rc;
}

static int change_puffin(struct dsi_relocation *r, struct ds_slice file,
                         struct dsi_buf *made, struct ds_error *err)
{
    struct dsi_buf plain = DSI_BUF_INIT_MAX(FILE_SIZE_MAX);
    struct dsi_buf json = DSI_BUF_INIT_MAX(FILE_SIZE_MAX);
    const uint8_t *tail = NULL;
    int rc = DS_OK;

    if (file.size < 2 * PUFFIN_MAGIC + PUFFIN_TAIL) {
        return dsi_corrupt(err, "this is no Puffin file");
    }
    tail = file.data + file.size - PUFFIN_TAIL;
    if (memcmp(file.data, magic, sizeof magic) != 0 ||
        memcmp(tail + 8, magic, sizeof magic) != 0 ||
        little32(tail) > file.size - 2 * PUFFIN_MAGIC - PUFFIN_TAIL) {
        return dsi_corrupt(err, "this is no Puffin file");
    }
    struct ds_slice payload = {tail - little32(tail), little32(tail)};
    if (tail[4] & PUFFIN_COMPRESSED) {
        DSI_TRY(dsi_decompress_all(DSI_COMPRESSION_LZ4_FRAME, payload, &plain, err));
    } else {
        DSI_TRY(dsi_buf_append(&plain, payload.data, payload.size, err));
    }
    DSI_TRY(dsi_relocate_json(dsi_buf_slice(&plain), "the footer of a Puffin file",
                              change_referenced, r, &json, err));
    DSI_TRY(dsi_buf_append(made, file.data, (size_t)(payload.data - file.data), err));
    DSI_TRY(put_footer(dsi_buf_slice(&json), made, err));
done:
    dsi_buf_release(&plain);
    dsi_buf_release(&json);
    return rc;
}

// --- all of them

static int relocate_bytes(struct dsi_relocation *r, const struct dsi_data_file *file,
                          struct dsi_relocated *out, struct ds_error *err)
{
    struct dsi_buf bytes = DSI_BUF_INIT_MAX(FILE_SIZE_MAX);
    struct dsi_buf made = DSI_BUF_INIT_MAX(2 * FILE_SIZE_MAX);
    struct dsi_relocated stored = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_storage_read(r->from_storage, file->path, &bytes, err));
    DSI_TRY(file->format == DSI_FORMAT_AVRO
                ? change_avro(r, dsi_buf_slice(&bytes), out, &made, err)
                : change_puffin(r, dsi_buf_slice(&bytes), &made, err));
    DSI_TRY(dsi_relocate_store(r, out->path, dsi_buf_slice(&made), &stored, err));
    out->size = stored.size;
done:
    dsi_buf_release(&bytes);
    dsi_buf_release(&made);
    return rc;
}

int dsi_relocate_delete(struct dsi_relocation *r, const struct dsi_data_file *file,
                        const struct dsi_relocated **out, struct ds_error *err)
{
    struct dsi_relocated *x = dsi_map_get_text(&r->deletes, file->path);
    int rc = DS_OK;

    *out = x;
    if (x) {
        return DS_OK;
    }
    DSI_TRY(dsi_cancel_check(err));
    x = dsi_arena_alloc(&r->arena, sizeof *x);
    if (!x) {
        return no_memory(err);
    }
    *x = (struct dsi_relocated){.size = file->file_size};
    DSI_TRY(dsi_relocate_delete_path(r, file->path, &x->path, err));
    if (file->format == DSI_FORMAT_PARQUET) {
        DSI_TRY(relocate_parquet(r, file, x, err));
    } else if (file->format == DSI_FORMAT_ORC) {
        rc = dsi_fail(err, DS_EUNSUPPORTED,
                      "it deletes rows of files by their paths, in ORC, which is not "
                      "written here");
        goto done;
    } else {
        DSI_TRY(relocate_bytes(r, file, x, err));
    }
    DSI_TRY(dsi_map_put_text(&r->deletes, file->path, x, err));
    r->delete_count++;
    *out = x;
done:
    return rc < 0 ? dsi_wrap_file(err, rc, "delete file", file->path) : rc;
}
