#include "scan/scan.h"

#include <assert.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/pool.h"
#include "base/thread.h"
#include "model/near_name.h"
#include "scan/scan_plan.h"
#include "scan/scan_read.h"

enum {
    BATCH_ROWS_DEFAULT = 65536,
    THREADS_MAX = 64,
    TASKS_PER_THREAD = 4,
};

struct dsi_scan {
    struct dsi_arena arena;
    ds_storage *storage;
    const struct dsi_metadata *metadata; // A reference.
    const struct dsi_schema *schema;     // Of the snapshot; the metadata's.
    struct dsi_schema read;              // The output's columns, then the filter's.
    struct dsi_schema output;            // A prefix of `read`.
    struct dsi_schema counted;           // What counting reads: the filter's columns.
    struct dsi_schema nothing;           // What comes out of that.
    int32_t *filter_ids;
    size_t filter_id_count;
    const struct dsi_bound *filter; // NULL: every row.
    struct dsi_plan plan;
    struct dsi_scan_source source;
    struct dsi_scan_task *tasks;
    size_t task_count;
    struct dsi_scan_read *reading; // NULL: not begun.
    uint32_t threads;
    bool ordered;
    bool over;
    int64_t left; // Rows that may still come out; INT64_MAX: no limit.
};

// A moment's schema is the one its snapshot was written with. A branch is looked at as it
// is now, with the table's.
static const struct dsi_schema *schema_at(const struct dsi_metadata *m,
                                          const struct ds_at *at,
                                          const struct dsi_snapshot *snapshot)
{
    const struct dsi_ref *ref = at->ref ? dsi_metadata_find_ref(m, at->ref) : NULL;
    bool past =
        at->snapshot_id != 0 || at->as_of_ms != 0 || (ref && ref->kind == DSI_REF_TAG);
    const struct dsi_schema *schema = NULL;

    if (past && snapshot && snapshot->schema_id >= 0) {
        schema = dsi_metadata_schema(m, snapshot->schema_id);
    }
    return schema ? schema : dsi_metadata_current_schema(m);
}

static const struct dsi_field *root_field(const struct dsi_type *root, int32_t id)
{
    for (size_t i = 0; i < root->field_count; i++) {
        if (root->fields[i].id == id) {
            return &root->fields[i];
        }
    }
    return NULL;
}

static int unknown_column(const struct dsi_type *root, const char *name,
                          struct ds_error *err)
{
    char names[DSI_NEAR_NAMES_MAX];

    dsi_near_names(root->fields, root->field_count, name, names);
    return dsi_fail(err, DS_EINVALID, "the table has no column %.200s; %s", name, names);
}

static int add_column(struct dsi_scan *s, const char *name, struct dsi_field *fields,
                      size_t *count, struct ds_error *err)
{
    const struct dsi_field *f = name ? dsi_schema_field_by_name(s->schema, name) : NULL;

    if (!f) {
        return unknown_column(&s->schema->root, name ? name : "(null)", err);
    }
    if (!root_field(&s->schema->root, f->id)) {
        return dsi_fail(err, DS_EINVALID,
                        "column %.200s is inside another one; only whole columns can be "
                        "chosen",
                        name);
    }
    for (size_t i = 0; i < *count; i++) {
        if (fields[i].id == f->id) {
            return dsi_fail(err, DS_EINVALID, "column %.200s is chosen twice", name);
        }
    }
    fields[(*count)++] = *f;
    return DS_OK;
}

// Makes the three schemas over two arrays of fields.
static int make_schemas(struct dsi_scan *s, const struct ds_scan_options *user,
                        struct ds_error *err)
{
    const struct dsi_type *root = &s->schema->root;
    struct dsi_field *fields = NULL;
    struct dsi_field *filtered = NULL;
    int32_t *ids = NULL;
    size_t id_count = 0;
    size_t count = 0;
    size_t filtered_count = 0;
    int rc = DS_OK;

    if (s->filter) {
        DSI_TRY(dsi_bound_fields(s->filter, &s->arena, &ids, &id_count, err));
    }
    // No name may come twice, so neither array can outgrow the table's columns.
    fields = dsi_arena_array(&s->arena, root->field_count + 1, sizeof *fields);
    filtered = dsi_arena_array(&s->arena, id_count + 1, sizeof *filtered);
    if (!fields || !filtered) {
        return dsi_no_memory(err, "choosing columns");
    }
    for (size_t i = 0; user->columns && i < user->column_count; i++) {
        DSI_TRY(add_column(s, user->columns[i], fields, &count, err));
    }
    for (size_t i = 0; !user->columns && i < root->field_count; i++) {
        fields[count++] = root->fields[i];
    }
    s->output = (struct dsi_schema){.schema_id = s->schema->schema_id,
                                    .highest_id = s->schema->highest_id};
    s->output.root = (struct dsi_type){
        .kind = DSI_TYPE_STRUCT, .fields = fields, .field_count = count};
    s->read = s->counted = s->output;
    for (size_t i = 0; i < id_count; i++) {
        const struct dsi_field *f = root_field(root, ids[i]);
        if (!f) {
            return dsi_fail(err, DS_EUNSUPPORTED,
                            "filters on columns inside others are not supported yet");
        }
        filtered[filtered_count++] = *f;
        if (!root_field(&s->output.root, f->id)) {
            fields[count++] = *f;
        }
    }
    s->read.root.field_count = count;
    s->counted.root.fields = filtered;
    s->counted.root.field_count = filtered_count;
    s->nothing.root = (struct dsi_type){.kind = DSI_TYPE_STRUCT, .fields = filtered};
    s->filter_ids = ids;
    s->filter_id_count = id_count;
done:
    return rc;
}

static int bind_filter(struct dsi_scan *s, const char *filter, struct ds_error *err)
{
    const struct dsi_expr *e = NULL;
    int rc = DS_OK;

    if (!filter) {
        return DS_OK;
    }
    DSI_TRY(dsi_expr_parse(filter, &s->arena, &e, err));
    DSI_TRY(dsi_expr_bind(e, s->schema, &s->arena, &s->filter, err));
    if (s->filter->op == DSI_EXPR_TRUE) {
        s->filter = NULL;
    }
done:
    return rc;
}

static int check_options(const struct ds_scan_options *user, struct ds_error *err)
{
    if (user->limit < 0) {
        return dsi_fail(err, DS_EINVALID, "the limit is %lld; 0 is for all rows",
                        (long long)user->limit);
    }
    if (user->columns && user->column_count == 0) {
        return dsi_fail(err, DS_EINVALID, "no column is chosen; NULL is for all of them");
    }
    return DS_OK;
}

// A plan of one file, which nobody has judged yet.
static int plan_file(struct dsi_scan *s, const struct dsi_data_file *file,
                     struct ds_error *err)
{
    s->plan = (struct dsi_plan){.arena = DSI_ARENA_INIT,
                                .stats = {.struct_size = sizeof s->plan.stats}};
    s->plan.files = dsi_calloc(1, sizeof *s->plan.files);
    if (!s->plan.files) {
        return dsi_no_memory(err, "planning a scan");
    }
    s->plan.files[0] = (struct dsi_plan_file){.file = file, .all = s->filter == NULL};
    s->plan.count = s->plan.capacity = 1;
    return DS_OK;
}

static int by_commit(const void *a, const void *b)
{
    const struct dsi_plan_file *x = a;
    const struct dsi_plan_file *y = b;

    if (x->sequence_number != y->sequence_number) {
        return x->sequence_number < y->sequence_number ? -1 : 1;
    }
    return x->position < y->position ? -1 : x->position > y->position;
}

// Manifests stand newest first; readers want what was written first to come first.
static void order_files(struct dsi_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        plan->files[i].position = i;
    }
    if (plan->count > 1) {
        qsort(plan->files, plan->count, sizeof *plan->files, by_commit);
    }
}

// `file` NULL: a snapshot's.
static int prepare(struct dsi_scan *s, const struct ds_scan_options *user,
                   const struct dsi_data_file *file, const struct dsi_schema *schema,
                   struct ds_error *err)
{
    const struct dsi_snapshot *snapshot = NULL;
    struct dsi_plan_request request = {.storage = s->storage, .metadata = s->metadata};
    int rc = DS_OK;

    DSI_TRY(check_options(user, err));
    s->schema = schema;
    if (!file) {
        DSI_TRY(dsi_scan_resolve(s->metadata, &user->at, &snapshot, err));
        s->schema = schema_at(s->metadata, &user->at, snapshot);
    }
    DSI_TRY(bind_filter(s, user->filter, err));
    DSI_TRY(make_schemas(s, user, err));
    s->threads = user->threads ? user->threads : (uint32_t)dsi_thread_cores();
    s->threads = s->threads < THREADS_MAX ? s->threads : THREADS_MAX;
    s->ordered = user->ordered;
    s->left = user->limit > 0 ? user->limit : INT64_MAX;
    s->source = (struct dsi_scan_source){
        .own_schema = file != NULL,
        .storage = s->storage,
        .metadata = s->metadata,
        .read = &s->read,
        .output = &s->output,
        .filter = s->filter,
        .filter_ids = s->filter_ids,
        .filter_id_count = s->filter_id_count,
        .batch_rows_max =
            user->batch_rows_max ? user->batch_rows_max : BATCH_ROWS_DEFAULT,
    };
    if (file) {
        return plan_file(s, file, err);
    }
    request.snapshot = snapshot;
    request.schema = s->schema;
    request.filter = s->filter;
    DSI_TRY(dsi_plan_make(&request, &s->plan, err));
    if (s->ordered) {
        order_files(&s->plan);
    }
done:
    return rc;
}

int dsi_scan_open_file(const struct dsi_scan_options *options,
                       const struct dsi_data_file *file, const struct dsi_schema *schema,
                       struct dsi_scan **out, struct ds_error *err)
{
    struct dsi_scan *s = dsi_calloc(1, sizeof *s);
    int rc = DS_OK;

    *out = NULL;
    if (!s) {
        return dsi_no_memory(err, "opening a scan");
    }
    dsi_pool_begin(); // Until dsi_scan_free.
    s->storage = options->storage;
    s->metadata = dsi_metadata_ref(options->metadata);
    DSI_TRY(prepare(s, &options->user, file, schema, err));
    *out = s;
    s = NULL;
done:
    dsi_scan_free(s);
    return rc;
}

int dsi_scan_open(const struct dsi_scan_options *options, struct dsi_scan **out,
                  struct ds_error *err)
{
    return dsi_scan_open_file(options, NULL, NULL, out, err);
}

const struct dsi_schema *dsi_scan_schema(const struct dsi_scan *s)
{
    return &s->output;
}

// How many tasks a file becomes: so many that no thread is idle while another has much
// left, but none of less than a batch.
static uint32_t pieces_of(const struct dsi_scan *s, const struct dsi_data_file *f)
{
    size_t wanted = TASKS_PER_THREAD * (size_t)s->threads / s->plan.count;
    int64_t worth = f->record_count / s->source.batch_rows_max;

    if (s->threads < 2 || wanted < 2 || worth < 2) {
        return 1;
    }
    return (uint32_t)(wanted < (size_t)worth ? wanted : (size_t)worth);
}

static int make_tasks(struct dsi_scan *s, bool counting, struct ds_error *err)
{
    size_t count = 0;

    for (size_t i = 0; i < s->plan.count; i++) {
        count += pieces_of(s, s->plan.files[i].file);
    }
    s->tasks = dsi_arena_array(&s->arena, count + 1, sizeof *s->tasks);
    if (!s->tasks) {
        return dsi_no_memory(err, "beginning a scan");
    }
    for (size_t i = 0; i < s->plan.count; i++) {
        const struct dsi_data_file *f = s->plan.files[i].file;
        uint32_t pieces = pieces_of(s, f);
        if (counting && s->plan.files[i].all) {
            continue;
        }
        for (uint32_t k = 0; k < pieces; k++) {
            s->tasks[s->task_count++] = (struct dsi_scan_task){f, k, pieces};
        }
    }
    return DS_OK;
}

static int begin(struct dsi_scan *s, bool counting, struct ds_error *err)
{
    struct dsi_scan_read_options options = {
        .source = &s->source, .threads = s->threads, .ordered = s->ordered && !counting};
    int rc = DS_OK;

    if (s->reading) {
        return DS_OK;
    }
    if (counting) {
        s->source.read = &s->counted;
        s->source.output = &s->nothing;
    }
    s->task_count = 0;
    DSI_TRY(make_tasks(s, counting, err));
    options.tasks = s->tasks;
    options.task_count = s->task_count;
    rc = dsi_scan_read_new(&options, &s->reading, err);
done:
    return rc;
}

// Cuts a batch down to its first rows.
static void trim(struct dsi_column *columns, size_t count, int64_t rows)
{
    for (size_t i = 0; i < count; i++) {
        columns[i].length = rows;
        columns[i].null_count = columns[i].null_count == 0 ? 0 : -1;
        if (columns[i].field->type.kind == DSI_TYPE_STRUCT) {
            trim(columns[i].children, columns[i].child_count, rows);
        }
    }
}

int dsi_scan_next(struct dsi_scan *s, struct dsi_batch *out, struct ds_error *err)
{
    int rc = DS_OK;

    *out = (struct dsi_batch){0};
    if (s->over) {
        return DS_OK;
    }
    DSI_TRY(begin(s, false, err));
    DSI_TRY(dsi_scan_read_next(s->reading, out, err));
    if (rc == DS_ROW) {
        assert(out->rows > 0);
        if (out->rows > s->left) {
            trim(out->columns, out->column_count, s->left);
            out->rows = s->left;
        }
        s->left -= s->left == INT64_MAX ? 0 : out->rows;
    }
    s->over = rc == DS_OK || s->left == 0;
done:
    return rc;
}

int dsi_scan_count(struct dsi_scan *s, int64_t *out, struct ds_error *err)
{
    struct dsi_batch b = {0};
    int64_t total = 0;
    int rc = DS_OK;

    *out = 0;
    if (!s->over && !s->reading) {
        for (size_t i = 0; i < s->plan.count; i++) {
            const struct dsi_data_file *f = s->plan.files[i].file;
            if (s->plan.files[i].all &&
                (f->record_count < 0 || !dsi_add_i64(total, f->record_count, &total))) {
                return dsi_corrupt(err, "%s: its manifest says %lld rows", f->path,
                                   (long long)f->record_count);
            }
        }
        if (total < s->left) {
            DSI_TRY(begin(s, true, err));
        }
    }
    while (!s->over && total < s->left) {
        DSI_TRY(dsi_scan_read_next(s->reading, &b, err));
        if (rc == DS_OK) {
            break;
        }
        total += b.rows;
        dsi_batch_release(&b);
    }
    s->over = true;
    *out = total < s->left ? total : s->left;
    rc = DS_OK;
done:
    return rc;
}

void dsi_scan_stats(const struct dsi_scan *s, struct ds_scan_stats *out)
{
    struct dsi_task_stats read = {0};

    *out = s->plan.stats;
    out->struct_size = sizeof *out;
    if (s->reading) {
        dsi_scan_read_stats(s->reading, &read);
    }
    out->files_read = read.files_read;
    out->row_groups_read = read.read.groups_read;
    out->row_groups_skipped = read.read.groups_skipped;
    out->rows_read = read.read.rows_read;
    out->pages_skipped = read.read.pages_skipped;
    out->rows_late = read.read.rows_late;
    out->bytes_read = read.read.bytes_read;
    out->reads = read.read.reads;
}

void dsi_scan_free(struct dsi_scan *s)
{
    if (!s) {
        return;
    }
    dsi_scan_read_free(s->reading);
    dsi_plan_release(&s->plan);
    dsi_pool_end();
    dsi_arena_release(&s->arena);
    dsi_metadata_unref(s->metadata);
    dsi_free(s);
}
