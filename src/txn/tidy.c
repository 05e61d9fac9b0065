#include "txn/tidy.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "data/data_file.h"
#include "scan/scan.h"
#include "txn/append.h"
#include "txn/commit.h"
#include "txn/expire.h"
#include "txn/rebase.h"

// Of manifests at most so many are read, of at most so many files, in search of small
// ones.
enum { MANIFESTS_MAX = 256, ENTRIES_MAX = 20000 };

// A row weighs as many bytes at least, when it is copied.
enum { ROW_WEIGHT = 32 };

// Attempts: what is merged stays mergeable after others have appended.
enum { ATTEMPTS_MAX = 3 };

// A small file, and where it was seen.
struct small {
    const struct dsi_manifest_entry *entry;
    const char *manifest;
    struct partition *partition;
};

struct partition {
    size_t files;
    bool tried; // There is not enough in it.
};

struct work {
    struct dsi_table *table;
    struct dsi_tidy limits; // With the defaults filled in.
    struct dsi_tidied done;
    struct dsi_arena arena;
    const struct dsi_state *state; // With the main branch's list.
    const struct dsi_metadata *metadata;
    const struct dsi_snapshot *snapshot; // NULL: the table is empty.
    const struct dsi_partition_spec *spec;
    struct dsi_manifest *manifests; // Read.
    size_t manifest_count;
    size_t manifests_max;
    int64_t entries_max;
    struct small *small; // Then only those that are merged.
    size_t small_count;
    size_t small_capacity;
    struct dsi_map partitions; // By their paths.
};

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "merging small files");
}

static int64_t or_else(int64_t value, int64_t fallback)
{
    return value > 0 ? value : fallback;
}

static int read_limits(struct work *w, const struct dsi_tidy *in, struct ds_error *err)
{
    int64_t target = 0;
    int64_t small = INT64_C(1) << 20;
    int rc = DS_OK;

    DSI_TRY(dsi_metadata_property_i64(w->metadata, "write.target-file-size-bytes",
                                      536870912, 1, &target, err));
    small = target / 8 < small ? target / 8 : small;
    w->limits = (struct dsi_tidy){
        .files_min = in->files_min > 1 ? in->files_min : 16,
        .files_max = in->files_max > 1 ? in->files_max : 256,
        .rows_max = or_else(in->rows_max, 1000000),
        .bytes_max = or_else(in->bytes_max, INT64_C(32) << 20),
        .file_bytes_max = or_else(in->file_bytes_max, small),
        .time_ns = or_else(in->time_ns, INT64_C(200000000)),
        .asked = in->asked,
        .number_max = or_else(in->number_max, INT64_MAX),
    };
    w->manifests_max = in->asked ? SIZE_MAX : MANIFESTS_MAX;
    w->entries_max = in->asked ? INT64_MAX : ENTRIES_MAX;
done:
    return rc;
}

int dsi_tidy_is_wanted(const struct dsi_metadata *m, bool *wanted, struct ds_error *err)
{
    bool expires = false;
    int rc = DS_OK;

    DSI_TRY(
        dsi_metadata_property_bool(m, DSI_KEY_EXPIRE_ON_COMMIT, false, &expires, err));
    DSI_TRY(
        dsi_metadata_property_bool(m, DSI_KEY_MERGE_SMALL_FILES, expires, wanted, err));
done:
    return rc;
}

// --- finding small files

static int64_t total(const struct dsi_snapshot *s, const char *key)
{
    const char *text = dsi_snapshot_summary(s, key);
    int64_t n = 0;

    return text && dsi_text_to_i64(text, strlen(text), &n) && n > 0 ? n : -1;
}

static int64_t files_of(const struct dsi_manifest_file *f)
{
    return (int64_t)f->added_files_count + f->existing_files_count;
}

// Whether the files of a manifest are small on average, as far as its row tells.
static bool may_be_small(const struct work *w, const struct dsi_manifest_file *f)
{
    int64_t rows = total(w->snapshot, "total-records");
    int64_t bytes = total(w->snapshot, "total-files-size");
    int64_t files = files_of(f);

    if (f->content != DSI_MANIFEST_DATA || f->spec_id != w->spec->spec_id || files <= 0) {
        return false;
    }
    if (rows < 0 || bytes < 0) {
        return true; // Nobody knows.
    }
    double each = (double)(f->added_rows_count + f->existing_rows_count) / (double)files;
    return each * ((double)bytes / (double)rows) < (double)w->limits.file_bytes_max;
}

// Whether something in the table is deleted by rows: what, is told by the names of data
// files.
static bool has_deletes(const struct work *w)
{
    const struct dsi_manifest_list *list = &w->state->manifests->list;

    for (size_t i = 0; i < list->count; i++) {
        if (list->files[i].content == DSI_MANIFEST_DELETES &&
            files_of(&list->files[i]) != 0) {
            return true;
        }
    }
    return false;
}

// Whether looking closer is worth it: nothing is read for this.
static bool may_have_work(const struct work *w)
{
    const struct dsi_manifest_list *list = &w->state->manifests->list;
    int64_t files = 0;

    for (size_t i = 0; i < list->count; i++) {
        files += may_be_small(w, &list->files[i]) ? files_of(&list->files[i]) : 0;
    }
    return !has_deletes(w) && files >= (int64_t)w->limits.files_min;
}

static int partition_of(struct work *w, const struct dsi_data_file *f,
                        struct partition **out, struct ds_error *err)
{
    struct dsi_buf key = DSI_BUF_INIT;
    int rc = dsi_partition_path(w->spec, dsi_metadata_current_schema(w->metadata),
                                f->partition, &key, err);

    DSI_TRY(rc);
    DSI_TRY(dsi_buf_append_byte(&key, '/', err)); // The path may be empty.
    *out = dsi_map_get(&w->partitions, dsi_buf_slice(&key));
    if (!*out) {
        *out = dsi_arena_alloc(&w->arena, sizeof **out);
        if (!*out) {
            rc = no_memory(err);
            goto done;
        }
        DSI_TRY(dsi_map_put(&w->partitions, dsi_buf_slice(&key), *out, err));
    }
done:
    dsi_buf_release(&key);
    return rc;
}

static int note_small(struct work *w, const struct dsi_manifest_entry *e,
                      const char *manifest, struct ds_error *err)
{
    struct partition *p = NULL;
    int rc = DS_OK;

    if (w->small_count == w->small_capacity) {
        size_t capacity = w->small_capacity ? w->small_capacity * 2 : 256;
        struct small *all = dsi_realloc(w->small, capacity * sizeof *all);
        if (!all) {
            return no_memory(err);
        }
        w->small = all;
        w->small_capacity = capacity;
    }
    DSI_TRY(partition_of(w, &e->file, &p, err));
    p->files++;
    w->small[w->small_count++] = (struct small){e, manifest, p};
done:
    return rc;
}

static int look_into(struct work *w, const struct dsi_manifest_file *f,
                     struct ds_error *err)
{
    struct dsi_manifest_read_options options = {.skip_metrics = true,
                                                .skip_deleted = true,
                                                .known =
                                                    dsi_table_known_schemas(w->table)};
    struct dsi_manifest *m = &w->manifests[w->manifest_count];
    int rc = DS_OK;

    DSI_TRY(
        dsi_manifest_load(dsi_table_storage(w->table), w->metadata, f, &options, m, err));
    w->manifest_count++;
    for (size_t i = 0; i < m->entry_count; i++) {
        const struct dsi_data_file *file = &m->entries[i].file;
        if (file->format == DSI_FORMAT_PARQUET && file->record_count > 0 &&
            file->file_size < w->limits.file_bytes_max &&
            m->entries[i].sequence_number <= w->limits.number_max) {
            DSI_TRY(note_small(w, &m->entries[i], f->path, err));
        }
    }
done:
    return rc;
}

// Oldest first: those manifests have been merged, and have many files each.
static int find_small(struct work *w, struct ds_error *err)
{
    const struct dsi_manifest_list *list = &w->state->manifests->list;
    int64_t entries = 0;
    int rc = DS_OK;

    w->manifests = dsi_calloc(list->count + 1, sizeof *w->manifests);
    if (!w->manifests) {
        return no_memory(err);
    }
    for (size_t i = list->count; i > 0 && w->manifest_count < w->manifests_max; i--) {
        const struct dsi_manifest_file *f = &list->files[i - 1];
        if (!may_be_small(w, f) || files_of(f) > w->entries_max - entries) {
            continue;
        }
        entries += files_of(f);
        DSI_TRY(dsi_cancel_check(err));
        DSI_TRY(look_into(w, f, err));
    }
done:
    return rc;
}

// --- choosing among them

// What it costs to copy a file: its bytes, and its rows, for many that are alike take few
// bytes.
static int64_t weight(const struct small *s)
{
    const struct dsi_data_file *f = &s->entry->file;
    int64_t rows =
        f->record_count < (INT64_C(1) << 40) ? f->record_count : INT64_C(1) << 40;

    return f->file_size + rows * ROW_WEIGHT;
}

static int by_weight(const void *a, const void *b)
{
    int64_t x = weight(a);
    int64_t y = weight(b);

    if (x != y) {
        return x < y ? -1 : 1;
    }
    return strcmp(((const struct small *)a)->entry->file.path,
                  ((const struct small *)b)->entry->file.path); // The same every time.
}

// As many of the lightest as the limits allow.
static void cut(struct work *w)
{
    int64_t bytes = 0;
    int64_t rows = 0;
    size_t n = 0;

    for (; n < w->small_count && n < w->limits.files_max; n++) {
        const struct dsi_data_file *f = &w->small[n].entry->file;
        if (f->record_count > w->limits.rows_max - rows ||
            f->file_size > w->limits.bytes_max - bytes) {
            break;
        }
        rows += f->record_count;
        bytes += f->file_size;
    }
    w->small_count = n;
}

// Leaves out what is heavier than all that is lighter together (4).
static void leave_heavy(struct work *w)
{
    int64_t all = 0;

    for (size_t i = 0; i < w->small_count; i++) {
        all += weight(&w->small[i]);
    }
    while (w->small_count > 0) {
        int64_t heaviest = weight(&w->small[w->small_count - 1]);
        if (heaviest <= all - heaviest) {
            break;
        }
        all -= heaviest;
        w->small_count--;
    }
}

// The partition with most small files of those that were not tried.
static struct partition *busiest(const struct work *w, size_t count)
{
    struct partition *most = NULL;

    for (size_t i = 0; i < count; i++) {
        struct partition *p = w->small[i].partition;
        most = !p->tried && (!most || p->files > most->files) ? p : most;
    }
    return most;
}

// Brings the files of a partition to the front; how many they are.
static size_t bring_forward(struct work *w, size_t count, const struct partition *p)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (w->small[i].partition == p) {
            struct small s = w->small[n];
            w->small[n++] = w->small[i];
            w->small[i] = s;
        }
    }
    return n;
}

// Keeps the small files of one partition, the one that has most of them if it will do,
// lightest first, and of those the ones that are merged now: none, or files_min at least.
static void choose(struct work *w)
{
    const size_t count = w->small_count;

    for (;;) {
        struct partition *p = busiest(w, count);
        w->small_count = 0;
        if (!p || p->files < w->limits.files_min) {
            return;
        }
        p->tried = true;
        w->small_count = bring_forward(w, count, p);
        qsort(w->small, w->small_count, sizeof *w->small, by_weight);
        cut(w);
        if (!w->limits.asked) {
            leave_heavy(w);
        }
        if (w->small_count >= w->limits.files_min) {
            return;
        }
    }
}

// --- merging them

static int copy_rows(struct work *w, const struct dsi_data_file *file,
                     struct dsi_append *append, struct ds_error *err)
{
    struct dsi_data_reader_options options = {.storage = dsi_table_storage(w->table),
                                              .file = file,
                                              .metadata = w->metadata,
                                              .schema = dsi_append_schema(append)};
    struct dsi_data_reader *reader = NULL;
    struct dsi_batch batch = {0};
    int64_t rows = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_data_reader_open(&options, &reader, err));
    while ((rc = dsi_data_reader_next(reader, &batch, err)) == DS_ROW) {
        rows += batch.rows;
        rc = dsi_append_batch(append, &batch, err);
        dsi_batch_release(&batch);
        DSI_TRY(rc);
    }
    if (rc == DS_OK && rows != file->record_count) {
        rc = dsi_corrupt(err, "data file %.300s has %lld rows, and its entry says %lld",
                         file->path, (long long)rows, (long long)file->record_count);
    }
done:
    dsi_data_reader_close(reader);
    return rc;
}

static int by_commit(const void *a, const void *b)
{
    const struct dsi_manifest_entry *x = ((const struct small *)a)->entry;
    const struct dsi_manifest_entry *y = ((const struct small *)b)->entry;

    if (x->sequence_number != y->sequence_number) {
        return x->sequence_number < y->sequence_number ? -1 : 1;
    }
    return strcmp(x->file.path, y->file.path); // They are numbered.
}

// True when of the first `count` none is heavier than all the others together (4).
static bool is_balanced(const struct work *w, size_t count)
{
    int64_t all = 0;
    int64_t heaviest = 0;

    for (size_t i = 0; i < count; i++) {
        int64_t x = weight(&w->small[i]);
        all += x;
        heaviest = x > heaviest ? x : heaviest;
    }
    return heaviest <= all - heaviest;
}

// Reads them into `append`, rows in the order of their commits, while there is time;
// those it comes to are merged.
static int copy_files(struct work *w, struct dsi_append *append, struct ds_error *err)
{
    int64_t start = dsi_clock_monotonic_ns();
    int rc = DS_OK;

    qsort(w->small, w->small_count, sizeof *w->small, by_commit);
    for (size_t i = 0; i < w->small_count; i++) {
        bool is_over = dsi_clock_monotonic_ns() - start > w->limits.time_ns;
        if (is_over && (i < w->limits.files_min || is_balanced(w, i))) {
            w->small_count = i < w->limits.files_min ? 0 : i;
            break;
        }
        DSI_TRY(dsi_cancel_check(err));
        DSI_TRY(copy_rows(w, &w->small[i].entry->file, append, err));
    }
done:
    return rc;
}

static int replace(struct work *w, struct dsi_change *change, struct ds_error *err)
{
    struct dsi_replaced_file *all =
        dsi_arena_array(&w->arena, w->small_count, sizeof *all);
    int64_t number = 0;

    if (!all) {
        return no_memory(err);
    }
    for (size_t i = 0; i < w->small_count; i++) {
        const struct dsi_manifest_entry *e = w->small[i].entry;
        all[i] = (struct dsi_replaced_file){e->file.path, w->small[i].manifest,
                                            e->file.record_count, e->file.file_size};
        number = e->sequence_number > number ? e->sequence_number : number;
        w->done.rows += e->file.record_count;
        w->done.bytes += e->file.file_size;
    }
    return dsi_change_replace(change, all, w->small_count, number, err);
}

// The new files become durable before the commit stands in line, where others wait for
// it.
static int sync_files(struct work *w, struct dsi_change *change, struct ds_error *err)
{
    const struct dsi_operation *o = &change->operations[0];
    const char **paths = dsi_arena_array(&w->arena, o->file_count, sizeof *paths);
    int rc = DS_OK;

    if (!paths) {
        return no_memory(err);
    }
    for (size_t i = 0; i < o->file_count; i++) {
        paths[i] = o->files[i].path;
    }
    rc = dsi_storage_sync(dsi_table_storage(w->table), paths, o->file_count, err);
    change->durable = rc == DS_OK;
    return rc;
}

static int commit(struct work *w, struct dsi_change *change, struct ds_error *err)
{
    struct ds_commit_options options = {.struct_size = sizeof options,
                                        .attempts_max =
                                            w->limits.asked ? 0 : ATTEMPTS_MAX,
                                        .group = DS_GROUP_OFF};
    struct ds_commit_result result = {.struct_size = sizeof result};
    struct ds_error why = {0};
    int rc = dsi_commit(w->table, change, &options, &result, &why);

    if (rc == DS_ECONFLICT) { // (3)
        dsi_log(DS_LOG_DEBUG, "merging small files: %s", why.message);
        w->done = (struct dsi_tidied){.lost = true};
        return DS_OK;
    }
    if (rc < 0) {
        w->done = (struct dsi_tidied){0};
        return err ? (*err = why, rc) : rc;
    }
    w->done.files = w->small_count;
    w->done.number = result.sequence_number;
    w->done.made = change->operations[0].file_count;
    return DS_OK;
}

static int merge(struct work *w, struct ds_error *err)
{
    struct dsi_change *change = NULL;
    struct dsi_append *append = NULL;
    bool given = false; // To dsi_commit, which answers for the files.
    int rc = DS_OK;

    DSI_TRY(dsi_change_new(w->state, NULL, &change, err));
    DSI_TRY(
        dsi_append_new(dsi_table_storage(w->table), w->metadata, change, &append, err));
    DSI_TRY(copy_files(w, append, err));
    if (w->small_count == 0) {
        goto done;
    }
    DSI_TRY(dsi_append_finish(append, err));
    DSI_TRY(replace(w, change, err));
    DSI_TRY(sync_files(w, change, err));
    given = true;
    DSI_TRY(commit(w, change, err));
done:
    dsi_append_free(append);
    if (change && !given) {
        dsi_change_discard(change, dsi_table_storage(w->table));
    }
    dsi_change_free(change);
    return rc;
}

// --- all of it

static int begin(struct work *w, struct dsi_table *table, bool *wanted,
                 const struct dsi_tidy *limits, struct ds_error *err)
{
    const struct dsi_state *state = dsi_table_state(table);
    const struct dsi_state *richer = NULL;
    int rc = DS_OK;

    w->table = table;
    w->state = state;
    w->metadata = state->metadata;
    w->spec = dsi_metadata_default_spec(w->metadata);
    w->snapshot = dsi_rebase_parent(w->metadata, DSI_REF_MAIN);
    *wanted = limits->asked && w->snapshot;
    if (limits->asked && w->metadata->format_version != 2) {
        rc = dsi_fail(err, DS_EUNSUPPORTED,
                      "merging the files of a table of format version %d",
                      (int)w->metadata->format_version);
        goto done;
    }
    if (!w->snapshot || w->metadata->format_version != 2 ||
        w->snapshot->sequence_number < limits->quiet_until) {
        goto done;
    }
    if (!limits->asked) {
        DSI_TRY(dsi_tidy_is_wanted(w->metadata, wanted, err));
    }
    DSI_TRY(read_limits(w, limits, err));
    if (*wanted) {
        DSI_TRY(dsi_table_with_manifests(table, state, w->snapshot->snapshot_id, &richer,
                                         err));
        w->state = richer; // Its metadata is the same.
        dsi_state_unref(state);
    }
    if (limits->asked && has_deletes(w)) {
        rc = dsi_fail(err, DS_EUNSUPPORTED,
                      "merging the files of a table that has deleted rows in them");
    }
done:
    return rc;
}

static void release(struct work *w)
{
    for (size_t i = 0; i < w->manifest_count; i++) {
        dsi_manifest_release(&w->manifests[i]);
    }
    dsi_free(w->manifests);
    dsi_free(w->small);
    dsi_map_release(&w->partitions);
    dsi_arena_release(&w->arena);
    dsi_state_unref(w->state);
}

// A file that is gone was merged, and forgotten, by somebody else; if so, the head has
// moved.
static bool has_moved(struct work *w)
{
    const struct dsi_state *now = NULL;
    bool moved = false;

    if (dsi_table_refresh(w->table, NULL) == DS_OK) {
        now = dsi_table_state(w->table);
        moved = !dsi_head_equal(&now->head, &w->state->head);
    }
    dsi_state_unref(now);
    return moved;
}

int dsi_tidy_once(struct dsi_table *table, struct dsi_tidy *limits,
                  struct dsi_tidied *done, struct ds_error *err)
{
    struct work w = {.partitions = DSI_MAP_INIT};
    bool wanted = false;
    int rc = DS_OK;

    DSI_TRY(begin(&w, table, &wanted, limits, err));
    if (!wanted) {
        goto done;
    }
    // Unless something is merged, it is not worth a look before there can be as many new
    // ones. A snapshot has one at least, or the quick look tells.
    limits->quiet_until = w.snapshot->sequence_number + 1;
    if (!may_have_work(&w)) {
        goto done;
    }
    limits->quiet_until = w.snapshot->sequence_number + (int64_t)w.limits.files_min;
    DSI_TRY(find_small(&w, err));
    choose(&w);
    if (w.small_count > 0) {
        rc = merge(&w, err);
        w.done.lost = w.done.lost || (rc == DS_ENOTFOUND && has_moved(&w)); // (3)
        DSI_TRY(w.done.lost ? DS_OK : rc);
    }
    if (w.done.files > 0) {
        limits->quiet_until = 0; // There may be more.
    }
done:
    if (done) {
        *done = w.done;
    }
    release(&w);
    return rc;
}
