#include "txn/append.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/error.h"
#include "base/text.h"
#include "data/batch_bytes.h"
#include "data/data_file.h"
#include "model/location.h"
#include "txn/partitioner.h"
#include "txn/paths.h"
#include "txn/sorter.h"

// So many rows are written before it is asked whether the file is full, and asked again.
enum { CHECK_ROWS_FIRST = 64, CHECK_ROWS_MAX = 8192 };

// What goes on for one partition: an open file, or rows waiting to be sorted.
struct output {
    struct dsi_append *append;
    const struct dsi_partition *partition;
    struct dsi_data_writer *writer; // NULL: none open.
    char *path;                     // Of the open file.
    int64_t check_at;               // Rows of it at which its size is looked at next.
    struct dsi_sorter sorter;
};

// Rows that are kept as bytes.
struct hold {
    int64_t rows_max; // 0: none are, or not any more.
    int64_t rows;
    struct dsi_buf bytes;
};

// Held rows, read.
struct batches {
    struct dsi_batch *all;
    size_t count;
    size_t capacity;
};

struct dsi_append {
    ds_storage *storage;
    const struct dsi_metadata *metadata;
    const struct dsi_schema *schema;
    const struct dsi_partition_spec *spec;
    const struct dsi_sort_order *order; // NULL: unsorted.
    struct dsi_change *change;
    unsigned number; // Of this writer among those of the change.
    struct dsi_arena arena;
    char *folder;
    uint64_t target_size;
    uint64_t group_size;
    struct dsi_partitioner partitioner;
    struct dsi_partition whole; // The one partition of an unpartitioned table.
    struct output **outputs;    // Those with an open file or waiting rows.
    size_t output_count;
    size_t output_capacity;
    struct dsi_data_file *files; // Finished.
    size_t file_count;
    size_t file_capacity;
    unsigned files_begun;
    int64_t rows;
    struct hold hold;
    struct dsi_crew *crew; // NULL: nobody has asked for it.
    bool given;            // The files belong to the change.
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "appending rows");
}

static int check_format(const struct dsi_metadata *m, struct ds_error *err)
{
    const char *format = dsi_metadata_property(m, "write.format.default");

    return format && !dsi_text_equal_nocase(format, "parquet")
               ? dsi_fail(err, DS_EUNSUPPORTED,
                          "table property write.format.default is %.40s; this build "
                          "writes parquet",
                          format)
               : DS_OK;
}

// Columns that rows are told apart by must be as the table says, or files would be in the
// wrong places.
static int check_source(const struct dsi_append *a, int32_t source_id,
                        struct ds_error *err)
{
    const struct dsi_schema *current = dsi_metadata_current_schema(a->metadata);
    const struct dsi_field *is = dsi_schema_field(a->schema, source_id);
    const struct dsi_field *should = dsi_schema_field(current, source_id);

    return !should || (is && dsi_type_equal(&is->type, &should->type))
               ? DS_OK // What is nowhere is told later, in other words.
               : dsi_fail(err, DS_ECONFLICT,
                          "the rows are of schema %d, in which column %s, by which the "
                          "table is partitioned or sorted, %s; make them anew",
                          (int)a->schema->schema_id, should->name,
                          is ? "has another type" : "is not");
}

static int check_sources(const struct dsi_append *a, struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < a->spec->field_count; i++) {
        DSI_TRY(check_source(a, a->spec->fields[i].source_id, err));
    }
    for (size_t i = 0; a->order && i < a->order->field_count; i++) {
        DSI_TRY(check_source(a, a->order->fields[i].source_id, err));
    }
done:
    return rc;
}

static int configure(struct dsi_append *a, struct ds_error *err)
{
    const struct dsi_metadata *m = a->metadata;
    const struct dsi_sort_order *order = dsi_metadata_default_sort_order(m);
    struct dsi_sorter probe;
    int64_t target = 0;
    int64_t group = 0;
    int rc = DS_OK;

    a->spec = dsi_metadata_default_spec(m);
    a->order = order && order->field_count > 0 ? order : NULL;
    if (a->schema != dsi_metadata_current_schema(m)) {
        DSI_TRY(check_sources(a, err));
    }
    DSI_TRY(check_format(m, err));
    DSI_TRY(dsi_metadata_property_i64(m, "write.target-file-size-bytes", 536870912, 1,
                                      &target, err));
    DSI_TRY(dsi_metadata_property_i64(m, "write.parquet.row-group-size-bytes", 134217728,
                                      1, &group, err));
    a->target_size = (uint64_t)target;
    a->group_size = (uint64_t)group;
    DSI_TRY(dsi_table_data_path(m, &a->arena, &a->folder, err));
    DSI_TRY(dsi_partitioner_init(&a->partitioner, a->schema, a->spec, err));
    if (a->order) {
        DSI_TRY(dsi_sorter_init(&probe, a->schema, a->order, err));
    }
done:
    return rc;
}

int dsi_append_new_as(ds_storage *storage, const struct dsi_metadata *metadata,
                      int32_t schema_id, struct dsi_change *change,
                      struct dsi_append **out, struct ds_error *err)
{
    const struct dsi_schema *schema = dsi_metadata_schema(metadata, schema_id);
    struct dsi_append *a = NULL;
    int rc = DS_OK;

    *out = NULL;
    if (!schema) {
        return dsi_fail(err, DS_ECONFLICT,
                        "the rows are of schema %d, which the table no longer has; make "
                        "them anew",
                        (int)schema_id);
    }
    a = dsi_calloc(1, sizeof *a);
    if (!a) {
        return no_memory(err);
    }
    a->schema = schema;
    a->storage = storage;
    a->metadata = dsi_metadata_ref(metadata);
    a->change = change;
    a->number = change->writers++;
    a->whole.path = "";
    DSI_TRY(configure(a, err));
    *out = a;
    a = NULL;
done:
    dsi_append_free(a);
    return rc;
}

int dsi_append_new(ds_storage *storage, const struct dsi_metadata *metadata,
                   struct dsi_change *change, struct dsi_append **out,
                   struct ds_error *err)
{
    return dsi_append_new_as(storage, metadata, metadata->current_schema_id, change, out,
                             err);
}

void dsi_append_hold(struct dsi_append *a, int64_t rows_max, size_t bytes_max)
{
    assert(a->rows == 0);
    a->hold.rows_max = bytes_max > 0 && rows_max > 0 ? rows_max : 0;
    a->hold.bytes.max = bytes_max;
}

int dsi_append_crew(struct dsi_append *a, struct dsi_crew **out, struct ds_error *err)
{
    int rc = a->crew ? DS_OK : dsi_crew_new(&a->crew, err);

    *out = a->crew;
    return rc;
}

const struct dsi_schema *dsi_append_schema(const struct dsi_append *a)
{
    return a->schema;
}

// What an output holds in memory, at most.
static uint64_t buffered(const struct output *o)
{
    uint64_t bytes = o->writer ? dsi_data_writer_bytes(o->writer) : 0;

    bytes = bytes < o->append->group_size ? bytes : o->append->group_size;
    return bytes + o->sorter.bytes;
}

static int file_path(struct dsi_append *a, const struct dsi_partition *p, char **out,
                     struct ds_error *err)
{
    char name[128];

    snprintf(name, sizeof name, "%05u-%s-%s-%05u.parquet", a->number, a->change->identity,
             a->change->nonce, a->files_begun++);
    return p->path[0] ? dsi_location_join(a->folder, p->path, name, &a->arena, out, err)
                      : dsi_location_join(a->folder, name, NULL, &a->arena, out, err);
}

static struct dsi_data_writer_options writer_options(const struct dsi_append *a)
{
    return (struct dsi_data_writer_options){
        .storage = a->storage,
        .metadata = a->metadata,
        .schema = a->schema,
        .spec_id = a->spec->spec_id,
        .sort_order_id = a->order ? a->order->order_id : 0,
    };
}

static int open_file(struct output *o, struct ds_error *err)
{
    struct dsi_append *a = o->append;
    struct dsi_data_writer_options options = writer_options(a);
    int rc = DS_OK;

    options.partition = o->partition->values;
    options.partition_count = a->spec->field_count;
    DSI_TRY(file_path(a, o->partition, &o->path, err));
    options.location = o->path;
    DSI_TRY(dsi_data_writer_open(&options, &o->writer, err));
    o->check_at = CHECK_ROWS_FIRST;
done:
    return rc;
}

static int finish_file(struct output *o, struct ds_error *err)
{
    struct dsi_append *a = o->append;
    int rc = DS_OK;

    if (a->file_count == a->file_capacity) {
        size_t capacity = a->file_capacity ? a->file_capacity * 2 : 16;
        struct dsi_data_file *all = dsi_realloc(a->files, capacity * sizeof *all);
        if (!all) {
            return no_memory(err);
        }
        a->files = all;
        a->file_capacity = capacity;
    }
    struct dsi_data_file *f = &a->files[a->file_count];
    *f = (struct dsi_data_file){.path = o->path};
    a->file_count++; // Counted before: should its answer be lost, it is removed all the
                     // same.
    DSI_TRY(dsi_data_writer_finish(o->writer, &a->arena, f, err));
done:
    dsi_data_writer_close(o->writer);
    o->writer = NULL;
    if (rc < 0) {
        a->files[a->file_count - 1] = (struct dsi_data_file){.path = o->path};
    }
    return rc == DS_EUNKNOWN ? DS_EIO : rc;
}

// In how many rows to look again at a file of this size: sooner when it is nearly full.
static int64_t next_look(const struct output *o, uint64_t size)
{
    uint64_t rows = (uint64_t)dsi_data_writer_rows(o->writer);
    uint64_t more = (o->append->target_size - size) / (size / rows + 1) / 2 + 1;

    return (int64_t)(more < CHECK_ROWS_MAX ? more : CHECK_ROWS_MAX);
}

// Ends a full file, or says when to look again. Files end at rows that depend on the rows
// alone, not on how they came; where the size at most says the same as the true one, that
// one need not be known.
static int look_at_file(struct output *o, struct ds_error *err)
{
    uint64_t target = o->append->target_size;
    int64_t rows = dsi_data_writer_rows(o->writer);
    uint64_t size = 0;
    int rc = DS_OK;

    if (rows < o->check_at) {
        return DS_OK;
    }
    size = dsi_data_writer_bytes(o->writer);
    if (size >= target || next_look(o, size) < CHECK_ROWS_MAX) {
        DSI_TRY(dsi_data_writer_settle(o->writer, err));
        size = dsi_data_writer_bytes(o->writer);
    }
    if (size >= target) {
        return finish_file(o, err);
    }
    o->check_at = rows + next_look(o, size);
done:
    return rc;
}

static int write_rows(void *arg, const struct dsi_batch *b, int64_t first, int64_t count,
                      struct ds_error *err)
{
    struct output *o = arg;
    int rc = DS_OK;

    while (count > 0) {
        DSI_TRY(dsi_cancel_check(err));
        if (!o->writer) {
            DSI_TRY(open_file(o, err));
        }
        int64_t room = o->check_at - dsi_data_writer_rows(o->writer);
        int64_t n = count < room ? count : room;
        DSI_TRY(dsi_data_writer_append(o->writer, b, first, n, err));
        first += n;
        count -= n;
        DSI_TRY(look_at_file(o, err));
    }
done:
    return rc;
}

// Brings what an output holds into finished files.
static int flush(struct output *o, struct ds_error *err)
{
    int rc = DS_OK;

    if (o->sorter.rows > 0) {
        DSI_TRY(dsi_sorter_drain(&o->sorter, write_rows, o, err));
    }
    if (o->writer) {
        DSI_TRY(finish_file(o, err));
    }
done:
    return rc;
}

static void free_output(struct output *o)
{
    dsi_data_writer_close(o->writer);
    dsi_sorter_release(&o->sorter);
    dsi_free(o);
}

static int close_output(struct dsi_append *a, size_t i, struct ds_error *err)
{
    struct output *o = a->outputs[i];
    int rc = flush(o, err);

    ((struct dsi_partition *)o->partition)->user = NULL;
    a->output_count--;
    memmove(&a->outputs[i], &a->outputs[i + 1],
            (a->output_count - i) * sizeof a->outputs[0]);
    free_output(o);
    return rc;
}

// Closes the largest outputs until there is room for another (2).
static int make_room(struct dsi_append *a, struct ds_error *err)
{
    int rc = DS_OK;

    while (a->output_count > 1) {
        uint64_t total = 0;
        size_t largest = 0;
        for (size_t i = 0; i < a->output_count; i++) {
            total += buffered(a->outputs[i]);
            largest =
                buffered(a->outputs[i]) > buffered(a->outputs[largest]) ? i : largest;
        }
        if (total <= DSI_APPEND_BYTES_MAX && a->output_count <= DSI_APPEND_OPEN_MAX) {
            break;
        }
        DSI_TRY(close_output(a, largest, err));
    }
done:
    return rc;
}

static int output_of(struct dsi_append *a, struct dsi_partition *p, struct output **out,
                     struct ds_error *err)
{
    struct output *o = p->user;

    *out = o;
    if (o) {
        return DS_OK;
    }
    if (a->output_count == a->output_capacity) {
        size_t capacity = a->output_capacity ? a->output_capacity * 2 : 16;
        struct output **all = dsi_realloc(a->outputs, capacity * sizeof *all);
        if (!all) {
            return no_memory(err);
        }
        a->outputs = all;
        a->output_capacity = capacity;
    }
    o = dsi_calloc(1, sizeof *o);
    if (!o) {
        return no_memory(err);
    }
    o->append = a;
    o->partition = p;
    p->user = o;
    a->outputs[a->output_count++] = o;
    *out = o;
    return a->order ? dsi_sorter_init(&o->sorter, a->schema, a->order, err) : DS_OK;
}

// The rows of one partition: all of the batch, or those it lists.
static int add_rows(struct dsi_append *a, struct dsi_partition *p,
                    const struct dsi_batch *b, bool all, struct ds_error *err)
{
    struct dsi_batch part = {0};
    struct output *o = NULL;
    int rc = DS_OK;

    DSI_TRY(output_of(a, p, &o, err));
    if (all && !a->order) {
        DSI_TRY(write_rows(o, b, 0, b->rows, err));
    } else {
        int64_t *every = NULL;
        if (all) {
            every = dsi_calloc((size_t)b->rows, sizeof *every);
            if (!every) {
                rc = no_memory(err);
                goto done;
            }
        }
        for (int64_t i = 0; every && i < b->rows; i++) {
            every[i] = i;
        }
        rc = dsi_batch_take(b, every ? every : p->rows,
                            every ? (size_t)b->rows : p->row_count, &part, err);
        dsi_free(every);
        DSI_TRY(rc);
        if (a->order) {
            DSI_TRY(dsi_sorter_add(&o->sorter, &part, err));
        } else {
            DSI_TRY(write_rows(o, &part, 0, part.rows, err));
        }
    }
    if (o->sorter.bytes >= a->target_size || o->sorter.bytes >= DSI_APPEND_BYTES_MAX) {
        DSI_TRY(flush(o, err));
    }
    DSI_TRY(make_room(a, err));
done:
    dsi_batch_release(&part);
    return rc;
}

// The rows of a batch, to the files of their partitions.
static int add_batch(struct dsi_append *a, const struct dsi_batch *b,
                     struct ds_error *err)
{
    int rc = DS_OK;

    if (a->spec->field_count == 0) {
        return add_rows(a, &a->whole, b, true, err);
    }
    DSI_TRY(dsi_partitioner_split(&a->partitioner, b, err));
    for (size_t i = 0; i < a->partitioner.count; i++) {
        struct dsi_partition *p = a->partitioner.partitions[i];
        if (p->row_count > 0) {
            DSI_TRY(add_rows(a, p, b, p->row_count == (size_t)b->rows, err));
        }
    }
done:
    return rc;
}

// --- held rows

static void release_batches(struct batches *b)
{
    for (size_t i = 0; i < b->count; i++) {
        dsi_batch_release(&b->all[i]);
    }
    dsi_free(b->all);
}

static int take_batch(struct batches *all, struct dsi_batch *b, struct ds_error *err)
{
    if (all->count == all->capacity) {
        size_t capacity = all->capacity ? all->capacity * 2 : 4;
        struct dsi_batch *more = dsi_realloc(all->all, capacity * sizeof *more);
        if (!more) {
            dsi_batch_release(b);
            return no_memory(err);
        }
        all->all = more;
        all->capacity = capacity;
    }
    all->all[all->count++] = *b;
    return DS_OK;
}

static int read_held(const struct dsi_append *a, const struct dsi_held_rows *held,
                     struct batches *out, struct ds_error *err)
{
    struct dsi_batch b = {0};
    int64_t rows = 0;
    size_t at = 0;
    int rc = DS_OK;

    while ((rc = dsi_batch_decode(a->schema, held->bytes, &at, &b, err)) == DS_ROW) {
        rows += b.rows;
        DSI_TRY(take_batch(out, &b, err));
    }
    if (rc == DS_OK && rows != held->rows) {
        rc = dsi_corrupt(err, "held rows are %lld, and not %lld", (long long)rows,
                         (long long)held->rows);
    }
done:
    return rc;
}

int dsi_append_held(struct dsi_append *a, const struct dsi_held_rows *rows,
                    struct ds_error *err)
{
    struct batches batches = {0};
    int rc = DS_OK;

    assert(!a->given && a->hold.rows_max == 0);
    if (rows->schema_id != a->schema->schema_id) {
        return dsi_fail(err, DS_ECONFLICT, "rows of schema %d cannot go to files of %d",
                        (int)rows->schema_id, (int)a->schema->schema_id);
    }
    DSI_TRY(read_held(a, rows, &batches, err));
    for (size_t i = 0; i < batches.count; i++) {
        if (batches.all[i].rows > 0) {
            DSI_TRY(add_batch(a, &batches.all[i], err));
        }
    }
    a->rows += rows->rows;
done:
    release_batches(&batches);
    return rc;
}

// Sends what is held to files: from here on nothing is.
static int let_go(struct dsi_append *a, struct ds_error *err)
{
    struct dsi_held_rows held = {.bytes = dsi_buf_slice(&a->hold.bytes),
                                 .rows = a->hold.rows,
                                 .schema_id = a->schema->schema_id};
    int rc = DS_OK;

    a->hold.rows_max = 0;
    if (held.rows > 0) {
        a->rows -= held.rows; // They are counted again.
        rc = dsi_append_held(a, &held, err);
    }
    dsi_buf_release(&a->hold.bytes);
    return rc;
}

// What would be found out later, when it can no longer be told to who made the rows.
static int check_early(struct dsi_append *a, const struct dsi_batch *b,
                       struct ds_error *err)
{
    int rc = DS_OK;

    if (a->hold.rows == 0) {
        struct dsi_data_writer_options options = writer_options(a);
        DSI_TRY(dsi_data_writer_check(&options, err));
    }
    if (a->spec->field_count > 0) {
        DSI_TRY(dsi_partitioner_split(&a->partitioner, b, err));
    }
done:
    return rc;
}

// Holds a batch if it fits; *held says so.
static int hold_batch(struct dsi_append *a, const struct dsi_batch *b, bool *held,
                      struct ds_error *err)
{
    int rc = DS_OK;

    *held = false;
    if (b->rows > a->hold.rows_max - a->hold.rows) {
        return DS_OK;
    }
    DSI_TRY(check_early(a, b, err));
    rc = dsi_batch_encode(b, &a->hold.bytes, err);
    if (rc == DS_EUNSUPPORTED) { // Too many bytes.
        return DS_OK;
    }
    DSI_TRY(rc);
    a->hold.rows += b->rows;
    *held = true;
done:
    return rc;
}

int dsi_append_batch(struct dsi_append *a, const struct dsi_batch *b,
                     struct ds_error *err)
{
    bool held = false;
    int rc = DS_OK;

    assert(!a->given && b->column_count == a->schema->root.field_count);
    if (b->rows == 0) {
        return DS_OK;
    }
    if (a->hold.rows_max > 0) {
        DSI_TRY(hold_batch(a, b, &held, err));
        if (!held) {
            DSI_TRY(let_go(a, err));
        }
    }
    if (!held) {
        DSI_TRY(add_batch(a, b, err));
    }
    a->rows += b->rows;
done:
    return rc;
}

void dsi_append_progress(const struct dsi_append *a, int64_t *rows, uint64_t *bytes)
{
    *rows = a->rows;
    *bytes = a->hold.bytes.size;
    for (size_t i = 0; i < a->file_count; i++) {
        *bytes += (uint64_t)a->files[i].file_size;
    }
    for (size_t i = 0; i < a->output_count; i++) {
        const struct output *o = a->outputs[i];
        *bytes += o->sorter.bytes + (o->writer ? dsi_data_writer_bytes(o->writer) : 0);
    }
}

int dsi_append_finish(struct dsi_append *a, struct ds_error *err)
{
    int rc = DS_OK;

    assert(!a->given);
    while (a->output_count > 0) {
        DSI_TRY(close_output(a, 0, err));
    }
    if (a->file_count > 0) {
        DSI_TRY(dsi_change_append(a->change, a->files, a->file_count, true, err));
    }
    if (a->hold.rows_max > 0 && a->hold.rows > 0) {
        struct dsi_held_rows held = {.bytes = dsi_buf_slice(&a->hold.bytes),
                                     .rows = a->hold.rows,
                                     .schema_id = a->schema->schema_id};
        DSI_TRY(dsi_change_hold(a->change, &held, err));
    }
    a->given = true;
done:
    return rc;
}

void dsi_append_free(struct dsi_append *a)
{
    if (!a) {
        return;
    }
    for (size_t i = 0; i < a->output_count; i++) {
        free_output(a->outputs[i]);
    }
    for (size_t i = 0; !a->given && i < a->file_count; i++) {
        // (3) Best effort: what cannot be removed is an orphan.
        DSI_IGNORE(dsi_storage_remove(a->storage, a->files[i].path, NULL));
    }
    dsi_crew_free(a->crew);
    dsi_buf_release(&a->hold.bytes);
    dsi_partitioner_release(&a->partitioner);
    dsi_free(a->outputs);
    dsi_free(a->files);
    dsi_arena_release(&a->arena);
    dsi_metadata_unref(a->metadata);
    dsi_free(a);
}
