#include "datashard/scan.h"

#include <stddef.h>
#include <string.h>

#include "api/api_expired.h"
#include "base/alloc.h"
#include "base/error.h"
#include "data/arrow_io.h"
#include "scan/scan.h"

// A scan that a stream reads, and what it reads, which keeps the catalog.
struct scan_source {
    struct dsi_arena arena;
    struct dsi_reading reading;
    struct dsi_scan *scan;
};

static int source_next(void *arg, struct dsi_batch *out, struct ds_error *err)
{
    struct scan_source *source = arg;
    int rc = dsi_scan_next(source->scan, out, err);
    return dsi_reading_ended(&source->reading, rc, err);
}

static void source_free(void *arg)
{
    struct scan_source *source = arg;
    dsi_scan_free(source->scan);
    if (source->reading.catalog) {
        dsi_reading_drop(&source->reading);
    }
    dsi_arena_release(&source->arena);
    dsi_free(source);
}

// *of is what is read: to be dropped, unless this failed.
static int open_scan(ds_table *table, const struct ds_scan_options *user,
                     struct dsi_arena *arena, struct dsi_reading *of,
                     struct dsi_scan **out, struct ds_error *err)
{
    struct dsi_scan_options options = {.user = {.struct_size = sizeof(*user)}};
    const struct dsi_snapshot *snapshot = NULL;
    const struct dsi_metadata *m = NULL;
    struct dsi_reading reading;
    int rc = DS_OK;

    if (user) {
        DSI_TRY(dsi_handle_size(user->struct_size, sizeof(*user),
                                "struct ds_scan_options", err));
        memcpy(&options.user, user, user->struct_size);
        options.user.struct_size = sizeof(*user);
    }
    if (options.user.limit < 0) {
        rc = dsi_fail(err, DS_EINVALID, "a scan's limit is below 0");
        goto done;
    }
    DSI_TRY(dsi_handle_metadata(table, &m, err));
    options.storage = dsi_table_storage(table->table);
    options.metadata = m;
    DSI_TRY(dsi_scan_resolve(m, &options.user.at, &snapshot, err));
    reading = dsi_reading_of(table, m, snapshot);
    rc = dsi_reading_ended(&reading, dsi_scan_open(&options, out, err), err);
    rc = rc < 0 ? rc : dsi_reading_keep(&reading, arena, err);
    DSI_TRY(rc);
    *of = reading;
done:
    dsi_metadata_unref(m);
    return rc;
}

// The form asked for, by a program whose options may be older.
static const struct ds_arrow_form *form_of(const struct ds_scan_options *user)
{
    bool there = user && user->struct_size >=
                             offsetof(struct ds_scan_options, form) + sizeof user->form;
    return there ? user->form : NULL;
}

int ds_table_scan(ds_table *table, const struct ds_scan_options *options,
                  struct ArrowArrayStream *out, struct ds_error *err)
{
    struct dsi_batch_source batches = {source_next, source_free, NULL};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct scan_source *source = NULL;
    const struct dsi_schema *schema = NULL;
    struct dsi_arrow_form form;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(table, "ds_table_scan", "table", err));
    DSI_TRY(dsi_handle_need(out, "ds_table_scan", "out", err));
    *out = (struct ArrowArrayStream){0};
    source = dsi_calloc(1, sizeof(*source));
    if (!source) {
        return dsi_no_memory(err, "a scan");
    }
    DSI_TRY(
        open_scan(table, options, &source->arena, &source->reading, &source->scan, err));
    schema = dsi_scan_schema(source->scan);
    DSI_TRY(dsi_handle_form(form_of(options), schema, &arena, &form, err));
    batches.arg = source;
    source = NULL; // The stream frees it from here on, on failure too.
    DSI_TRY(dsi_arrow_stream_new_as(schema, &form, batches, out, err));
done:
    if (source) {
        source_free(source);
    }
    dsi_arena_release(&arena);
    return rc;
}

int ds_table_count(ds_table *table, const struct ds_scan_options *options, int64_t *out,
                   struct ds_scan_stats *stats, struct ds_error *err)
{
    struct ds_scan_stats full = {.struct_size = sizeof(full)};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_reading reading = {0};
    struct dsi_scan *scan = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(table, "ds_table_count", "table", err));
    DSI_TRY(dsi_handle_need(out, "ds_table_count", "out", err));
    *out = 0;
    if (stats) {
        DSI_TRY(dsi_handle_size(stats->struct_size, sizeof(full), "struct ds_scan_stats",
                                err));
    }
    DSI_TRY(open_scan(table, options, &arena, &reading, &scan, err));
    DSI_TRY(dsi_reading_ended(&reading, dsi_scan_count(scan, out, err), err));
    if (stats) {
        dsi_scan_stats(scan, &full);
        full.struct_size = stats->struct_size;
        memcpy(stats, &full, stats->struct_size);
    }
done:
    dsi_scan_free(scan);
    if (reading.catalog) {
        dsi_reading_drop(&reading);
    }
    dsi_arena_release(&arena);
    return rc;
}
