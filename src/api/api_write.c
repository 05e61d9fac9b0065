#include "datashard/write.h"

#include <string.h>

#include "api/api_handle.h"
#include "base/alloc.h"
#include "base/cancel.h"
#include "base/error.h"
#include "data/arrow_feed.h"
#include "data/arrow_io.h"
#include "txn/adoption.h"
#include "txn/append.h"
#include "txn/columns.h"
#include "txn/commit.h"
#include "txn/group.h"
#include "txn/held.h"
#include "txn/relay.h"
#include "txn/removal.h"

// What a transaction is planned on is at most this old, or what the handle shows.
#define CATCH_UP_NS INT64_C(1000000000)

struct ds_txn {
    ds_table *table;                  // Borrowed, as the contract of ds_txn_begin says.
    struct ds_commit_options options; // Timeout and attempts; the change has the rest.
    struct ds_cancel_scope cancel;    // Around each call that may wait or take long.
    const struct dsi_metadata *metadata;
    struct dsi_change *change;
    struct dsi_append *append; // NULL until there are rows.
    int64_t rows;              // For row numbers in messages.
    bool broken;               // It failed: only free is left.
    bool committed;            // Given to dsi_commit.
};

static int check_options(const struct ds_commit_options *options,
                         struct ds_commit_options *out, struct ds_error *err)
{
    int rc = DS_OK;

    *out = (struct ds_commit_options){.struct_size = sizeof(*out)};
    if (!options) {
        return DS_OK;
    }
    DSI_TRY(dsi_handle_size(options->struct_size, sizeof(*options),
                            "struct ds_commit_options", err));
    memcpy(out, options, options->struct_size);
    out->struct_size = sizeof(*out);
    DSI_TRY(dsi_handle_properties(&out->summary, err));
    if (out->timeout_ms < 0) {
        rc = dsi_fail(err, DS_EINVALID, "a commit's timeout is below 0");
    }
done:
    return rc;
}

// Checks a result struct and puts "nothing happened" in it.
static int check_result(struct ds_commit_result *result, struct ds_error *err)
{
    struct ds_commit_result nothing = {.snapshot_id = -1, .sequence_number = -1};
    int rc = DS_OK;

    if (!result) {
        return DS_OK;
    }
    DSI_TRY(dsi_handle_size(result->struct_size, sizeof(nothing),
                            "struct ds_commit_result", err));
    nothing.struct_size = result->struct_size;
    memcpy(result, &nothing, result->struct_size);
done:
    return rc;
}

static int new_change(ds_table *table, const struct ds_commit_options *options,
                      const struct dsi_metadata **metadata, struct dsi_change **out,
                      struct ds_error *err)
{
    // A handle whose commits others lead sees changes of schema and properties this way.
    DSI_IGNORE(dsi_table_catch_up(table->table, CATCH_UP_NS, NULL));
    const struct dsi_state *state = dsi_table_state(table->table);
    int rc = dsi_change_new(state, options, out, err);

    if (rc == DS_OK && metadata) {
        *metadata = dsi_metadata_ref(state->metadata);
    }
    dsi_state_unref(state);
    return rc;
}

int ds_txn_begin(ds_table *table, const struct ds_commit_options *options, ds_txn **out,
                 struct ds_error *err)
{
    struct ds_txn *t = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(out, "ds_txn_begin", "out", err));
    *out = NULL;
    DSI_TRY(dsi_handle_need(table, "ds_txn_begin", "table", err));
    t = dsi_calloc(1, sizeof(*t));
    if (!t) {
        return dsi_no_memory(err, "a transaction");
    }
    t->table = table;
    DSI_TRY(check_options(options, &t->options, err));
    t->cancel = (struct ds_cancel_scope){.cancelled = t->options.cancelled,
                                         .arg = t->options.cancelled_arg};
    dsi_cancel_begin(&t->cancel);
    rc = new_change(table, &t->options, &t->metadata, &t->change, err);
    dsi_cancel_end(&t->cancel);
    DSI_TRY(rc);
    // The change has copies; what is kept here must not point at the caller's memory.
    t->options.identity = NULL;
    t->options.branch = NULL;
    t->options.summary = (struct ds_properties){0};
    *out = t;
    t = NULL;
done:
    ds_txn_free(t);
    return rc;
}

static int usable(const ds_txn *txn, const char *function, struct ds_error *err)
{
    int rc = dsi_handle_need(txn, function, "txn", err);
    if (rc == DS_OK && (txn->broken || txn->committed)) {
        rc = dsi_fail(err, DS_EINVALID, "%s: the transaction %s before", function,
                      txn->broken ? "failed" : "was committed");
    }
    return rc;
}

int ds_txn_schema(ds_txn *txn, struct ArrowSchema *out, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(out, "ds_txn_schema", "out", err));
    DSI_TRY(usable(txn, "ds_txn_schema", err));
    rc = dsi_arrow_schema_write(dsi_metadata_current_schema(txn->metadata), out, err);
done:
    return rc;
}

// Few rows are held, to become part of a group's files.
static int need_append(ds_txn *t, struct ds_error *err)
{
    struct dsi_group_policy policy;
    int rc = DS_OK;

    if (t->append) {
        return DS_OK;
    }
    DSI_TRY(dsi_append_new(dsi_table_storage(t->table->table), t->metadata, t->change,
                           &t->append, err));
    policy = dsi_group_policy_of(t->metadata);
    if (policy.enabled && t->options.group != DS_GROUP_OFF &&
        !dsi_change_schema(t->change)) { // Its schema is not the table's yet.
        dsi_append_hold(t->append, policy.rows_max, (size_t)policy.bytes_max);
    }
done:
    return rc;
}

static int take_batch(ds_txn *t, struct dsi_batch *batch, struct ds_error *err)
{
    int64_t rows = batch->rows;
    int rc = dsi_append_batch(t->append, batch, err);

    dsi_batch_release(batch);
    t->rows += rc == DS_OK ? rows : 0;
    return rc;
}

// The relay for large batches, or NULL where the thread at hand does it all.
static struct dsi_relay *need_relay(const ds_txn *t, const struct dsi_batch *batch)
{
    struct dsi_relay *relay = NULL;

    if (batch->rows >= DSI_RELAY_ROWS_MIN && dsi_thread_cores() > 1) {
        DSI_IGNORE(dsi_relay_new(t->append, &relay, NULL)); // It can be done without.
    }
    return relay;
}

static int take_feed(ds_txn *t, struct dsi_arrow_feed *feed, struct ds_error *err)
{
    struct dsi_relay *relay = NULL;
    struct dsi_batch batch = {0};
    int rc = DS_OK;

    while ((rc = dsi_arrow_feed_next(feed, &batch, err)) == DS_ROW) {
        int64_t rows = batch.rows;
        relay = relay ? relay : need_relay(t, &batch);
        if (relay) {
            DSI_TRY(dsi_relay_give(relay, &batch, err));
            t->rows += rows;
        } else {
            DSI_TRY(take_batch(t, &batch, err));
        }
        DSI_TRY(dsi_cancel_check(err));
    }
    if (rc == DS_OK && relay) {
        rc = dsi_relay_finish(relay, err);
    }
done:
    dsi_relay_free(relay);
    return rc;
}

static int append_stream(ds_txn *t, struct ArrowArrayStream *stream, struct ds_error *err)
{
    struct ArrowSchema schema = {0};
    struct dsi_arrow_import *import = NULL;
    struct dsi_arrow_feed feed;
    int rc = DS_OK;

    DSI_TRY(need_append(t, err));
    if (stream->get_schema(stream, &schema) != 0) {
        const char *why = stream->get_last_error(stream);
        rc = dsi_fail(err, DS_EINVALID, "%s", why ? why : "the stream has no schema");
        goto done;
    }
    DSI_TRY(dsi_arrow_import_new(&schema, dsi_append_schema(t->append), &import, err));
    feed = dsi_arrow_feed_open(stream, &schema, import);
    rc = take_feed(t, &feed, err);
    dsi_arrow_feed_close(&feed);
done:
    dsi_arrow_import_free(import);
    if (schema.release) {
        schema.release(&schema);
    }
    return rc;
}

int ds_txn_append(ds_txn *txn, struct ArrowArrayStream *stream, struct ds_error *err)
{
    int rc = dsi_handle_need(stream, "ds_txn_append", "stream", err);

    if (rc < 0) {
        return rc;
    }
    rc = stream->release ? usable(txn, "ds_txn_append", err)
                         : dsi_fail(err, DS_EINVALID, "the stream was released before");
    if (rc == DS_OK) {
        dsi_cancel_begin(&txn->cancel);
        rc = append_stream(txn, stream, err);
        dsi_cancel_end(&txn->cancel);
        txn->broken = rc < 0;
    }
    if (stream->release) {
        stream->release(stream);
    }
    return rc;
}

int ds_txn_append_batch(ds_txn *txn, const struct ArrowSchema *schema,
                        struct ArrowArray *array, struct ds_error *err)
{
    struct dsi_arrow_import *import = NULL;
    struct dsi_batch batch = {0};
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(array, "ds_txn_append_batch", "array", err));
    DSI_TRY(dsi_handle_need(schema, "ds_txn_append_batch", "schema", err));
    DSI_TRY(usable(txn, "ds_txn_append_batch", err));
    txn->broken = true;
    DSI_TRY(need_append(txn, err));
    DSI_TRY(dsi_arrow_import_new(schema, dsi_append_schema(txn->append), &import, err));
    DSI_TRY(dsi_arrow_import_batch(import, array, txn->rows, &batch, err));
    dsi_cancel_begin(&txn->cancel);
    rc = take_batch(txn, &batch, err);
    dsi_cancel_end(&txn->cancel);
    DSI_TRY(rc);
    txn->broken = false;
done:
    dsi_arrow_import_free(import);
    if (array && array->release) {
        array->release(array);
    }
    return rc;
}

int ds_txn_set_property(ds_txn *txn, const char *key, const char *value,
                        struct ds_error *err)
{
    struct ds_property item = {key, value};
    struct ds_properties one = {&item, 1};
    int rc = DS_OK;

    DSI_TRY(usable(txn, "ds_txn_set_property", err));
    DSI_TRY(dsi_handle_properties(&one, err));
    DSI_TRY(dsi_change_set_property(txn->change, key, value, err));
done:
    return rc;
}

// The caller's files in our form, whatever size their structs have; *out is owned.
static int take_new_files(const struct ds_new_file *files, size_t count,
                          struct dsi_adoption_file **out, struct ds_error *err)
{
    struct dsi_adoption_file *all = dsi_calloc(count + 1, sizeof(*all));
    int rc = DS_OK;

    *out = NULL;
    if (!all) {
        return dsi_no_memory(err, "adding data files");
    }
    for (size_t i = 0; i < count; i++) {
        struct ds_new_file f = {0};
        const char *at = (const char *)files + i * files->struct_size;
        DSI_TRY(
            dsi_handle_size(files->struct_size, sizeof(f), "struct ds_new_file", err));
        memcpy(&f, at, files->struct_size);
        if (f.struct_size != files->struct_size) {
            rc = dsi_fail(err, DS_EINVALID,
                          "struct ds_new_file: file %zu has another size than the first",
                          i);
            goto done;
        }
        DSI_TRY(dsi_handle_properties(&f.partition, err));
        all[i] = (struct dsi_adoption_file){f.path, f.partition, f.record_count};
    }
    *out = all;
    all = NULL;
done:
    dsi_free(all);
    return rc;
}

int ds_txn_add_files(ds_txn *txn, const struct ds_new_file *files, size_t count,
                     struct ds_error *err)
{
    struct dsi_adoption_file *all = NULL;
    int rc = DS_OK;

    if (count > 0) {
        DSI_TRY(dsi_handle_need(files, "ds_txn_add_files", "files", err));
    }
    DSI_TRY(usable(txn, "ds_txn_add_files", err));
    txn->broken = true;
    DSI_TRY(take_new_files(files, count, &all, err));
    dsi_cancel_begin(&txn->cancel);
    rc = dsi_adoption_add(dsi_table_storage(txn->table->table), txn->metadata,
                          txn->change, all, count, err);
    dsi_cancel_end(&txn->cancel);
    DSI_TRY(rc);
    txn->broken = false;
done:
    dsi_free(all);
    return rc;
}

int ds_txn_delete_files(ds_txn *txn, const char *const *paths, size_t count,
                        size_t *found, struct ds_error *err)
{
    size_t n = 0;
    int rc = DS_OK;

    if (found) {
        *found = 0;
    }
    if (count > 0) {
        DSI_TRY(dsi_handle_need(paths, "ds_txn_delete_files", "paths", err));
    }
    DSI_TRY(usable(txn, "ds_txn_delete_files", err));
    txn->broken = true;
    dsi_cancel_begin(&txn->cancel);
    rc = dsi_removal_find(dsi_table_storage(txn->table->table), txn->metadata,
                          txn->change, paths, count, &n, err);
    dsi_cancel_end(&txn->cancel);
    DSI_TRY(rc);
    txn->broken = false;
    if (found) {
        *found = n;
    }
done:
    return rc;
}

int ds_txn_expire_snapshots(ds_txn *txn, int64_t older_than_ms, int32_t retain_last,
                            struct ds_error *err)
{
    int rc = usable(txn, "ds_txn_expire_snapshots", err);

    if (rc < 0) {
        return rc;
    }
    if (retain_last < 0) {
        return dsi_fail(err, DS_EINVALID, "%d snapshots cannot be retained",
                        (int)retain_last);
    }
    return dsi_change_expire(txn->change, older_than_ms, retain_last, err);
}

// What was appended so far is of the schema so far: it becomes files.
static int end_append(ds_txn *t, struct ds_error *err)
{
    int rc = DS_OK;

    if (t->append) {
        DSI_TRY(dsi_append_finish(t->append, err));
        dsi_append_free(t->append);
        t->append = NULL;
    }
    DSI_TRY(dsi_change_write_held(t->change, t->metadata,
                                  dsi_table_storage(t->table->table), err));
done:
    return rc;
}

// The transaction's own view of the table, with the schema that its change gives it.
static int change_schema(ds_txn *t, const struct dsi_schema *schema, struct ds_error *err)
{
    struct dsi_metadata_edit *edit = NULL;
    struct dsi_metadata *next = NULL;
    int rc = DS_OK;

    DSI_TRY(end_append(t, err));
    DSI_TRY(dsi_metadata_edit_new(t->metadata, &edit, err));
    rc = dsi_metadata_edit_set_schema(edit, schema, schema->highest_id, err);
    if (rc < 0) {
        dsi_metadata_edit_free(edit);
        goto done;
    }
    DSI_TRY(dsi_metadata_edit_finish(edit, t->metadata->last_updated_ms, NULL, &next,
                                     NULL, err));
    DSI_TRY(dsi_change_set_schema(t->change, t->metadata, schema, err));
    dsi_metadata_unref(t->metadata);
    t->metadata = next;
    next = NULL;
done:
    dsi_metadata_unref(next);
    return rc;
}

int ds_txn_add_columns(ds_txn *txn, const struct ArrowSchema *schema,
                       struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema given = {0};
    struct dsi_schema wider = {0};
    bool any = false;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(schema, "ds_txn_add_columns", "schema", err));
    DSI_TRY(usable(txn, "ds_txn_add_columns", err));
    txn->broken = true;
    DSI_TRY(dsi_arrow_schema_read(schema, &arena, &given, err));
    DSI_TRY(dsi_columns_add(txn->metadata, &given, dsi_arrow_schema_has_ids(schema),
                            &arena, &wider, &any, err));
    if (any) {
        DSI_TRY(change_schema(txn, &wider, err));
    }
    txn->broken = false;
done:
    dsi_arena_release(&arena);
    return rc;
}

int ds_txn_commit(ds_txn *txn, struct ds_commit_result *result, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(check_result(result, err));
    DSI_TRY(usable(txn, "ds_txn_commit", err));
    dsi_cancel_begin(&txn->cancel);
    if (txn->append) {
        rc = dsi_append_finish(txn->append, err);
        txn->broken = rc < 0;
    }
    if (rc == DS_OK) {
        txn->committed = true; // From here on the commit loop answers for the files.
        rc = dsi_commit(txn->table->table, txn->change, &txn->options, result, err);
    }
    dsi_cancel_end(&txn->cancel);
done:
    return rc;
}

void ds_txn_free(ds_txn *txn)
{
    if (!txn) {
        return;
    }
    dsi_append_free(txn->append);
    if (txn->change && !txn->committed) {
        dsi_change_discard(txn->change, dsi_table_storage(txn->table->table));
    }
    dsi_change_free(txn->change);
    dsi_metadata_unref(txn->metadata);
    dsi_free(txn);
}

int ds_table_append(ds_table *table, struct ArrowArrayStream *stream,
                    const struct ds_commit_options *options,
                    struct ds_commit_result *result, struct ds_error *err)
{
    struct ds_txn *txn = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(stream, "ds_table_append", "stream", err));
    DSI_TRY(check_result(result, err));
    DSI_TRY(ds_txn_begin(table, options, &txn, err));
    DSI_TRY(ds_txn_append(txn, stream, err));
    DSI_TRY(ds_txn_commit(txn, result, err));
done:
    if (stream && stream->release) {
        stream->release(stream);
    }
    ds_txn_free(txn);
    return rc;
}

int ds_table_set_properties(ds_table *table, const struct ds_properties *properties,
                            const struct ds_commit_options *options,
                            struct ds_commit_result *result, struct ds_error *err)
{
    struct ds_txn *txn = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(properties, "ds_table_set_properties", "properties", err));
    DSI_TRY(dsi_handle_properties(properties, err));
    DSI_TRY(check_result(result, err));
    DSI_TRY(ds_txn_begin(table, options, &txn, err));
    for (size_t i = 0; i < properties->count; i++) {
        DSI_TRY(ds_txn_set_property(txn, properties->items[i].key,
                                    properties->items[i].value, err));
    }
    DSI_TRY(ds_txn_commit(txn, result, err));
done:
    ds_txn_free(txn);
    return rc;
}

int ds_table_resolve(ds_table *table, const char *token, int64_t timeout_ms,
                     struct ds_commit_result *result, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(table, "ds_table_resolve", "table", err));
    DSI_TRY(dsi_handle_need(token, "ds_table_resolve", "token", err));
    DSI_TRY(check_result(result, err));
    DSI_TRY(dsi_commit_resolve(table->table, token, timeout_ms, result, err));
done:
    return rc;
}

int ds_table_resolve_with(ds_table *table, const char *token,
                          const struct ds_commit_options *options,
                          struct ds_commit_result *result, struct ds_error *err)
{
    struct ds_commit_options o;
    struct ds_cancel_scope cancel = {0};
    int rc = DS_OK;

    DSI_TRY(check_options(options, &o, err));
    cancel.cancelled = o.cancelled;
    cancel.arg = o.cancelled_arg;
    dsi_cancel_begin(&cancel);
    rc = ds_table_resolve(table, token, o.timeout_ms, result, err);
    dsi_cancel_end(&cancel);
done:
    return rc;
}
