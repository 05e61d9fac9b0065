#include "datashard/appender.h"

#include <string.h>

#include "api/api_handle.h"
#include "base/alloc.h"
#include "base/error.h"
#include "txn/appender.h"

struct ds_appender {
    struct dsi_appender *engine;
};

static int check_commit(const struct ds_commit_options *user,
                        struct ds_commit_options *out, struct ds_error *err)
{
    int rc =
        dsi_handle_size(user->struct_size, sizeof *user, "struct ds_commit_options", err);

    *out = (struct ds_commit_options){0};
    if (rc < 0) {
        return rc;
    }
    memcpy(out, user, user->struct_size);
    out->struct_size = sizeof *out;
    if (out->identity || out->timeout_ms < 0) {
        return dsi_fail(err, DS_EINVALID,
                        out->identity ? "an appender makes many commits: each has an "
                                        "identity of its own, none can be given"
                                      : "a commit's timeout is below 0");
    }
    return dsi_handle_properties(&out->summary, err);
}

static int check_options(const struct ds_appender_options *user,
                         struct ds_appender_options *out, struct ds_error *err)
{
    *out = (struct ds_appender_options){.struct_size = sizeof *out};
    if (!user) {
        return DS_OK;
    }
    int rc = dsi_handle_size(user->struct_size, sizeof *user,
                             "struct ds_appender_options", err);
    if (rc < 0) {
        return rc;
    }
    memcpy(out, user, user->struct_size);
    out->struct_size = sizeof *out;
    if (out->batch_rows_max < 0 || out->batch_bytes_max < 0 || out->batch_ms < -1 ||
        out->memory_bytes_max < 0 || out->write_wait_ms < -1 || out->budget_ms < 0) {
        return dsi_fail(err, DS_EINVALID,
                        "struct ds_appender_options: a number is below 0, or below -1 "
                        "where -1 has a meaning");
    }
    return DS_OK;
}

int ds_appender_open(ds_table *table, const struct ds_appender_options *options,
                     ds_appender **out, struct ds_error *err)
{
    struct ds_appender_options own;
    struct ds_commit_options commit;
    struct ds_appender *a = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(out, "ds_appender_open", "out", err));
    *out = NULL;
    DSI_TRY(dsi_handle_need(table, "ds_appender_open", "table", err));
    DSI_TRY(check_options(options, &own, err));
    if (own.commit) {
        DSI_TRY(check_commit(own.commit, &commit, err));
        own.commit = &commit;
    }
    a = dsi_calloc(1, sizeof *a);
    if (!a) {
        return dsi_no_memory(err, "an appender");
    }
    DSI_TRY(dsi_appender_open(table->table, &own, &a->engine, err));
    *out = a;
    a = NULL;
done:
    dsi_free(a);
    return rc;
}

int ds_appender_write(ds_appender *appender, const struct ArrowSchema *schema,
                      struct ArrowArray *array, uint64_t *ticket, struct ds_error *err)
{
    int rc = dsi_handle_need(array, "ds_appender_write", "array", err);

    if (rc < 0) {
        return rc;
    }
    rc = dsi_handle_need(appender, "ds_appender_write", "appender", err);
    rc = rc < 0 ? rc : dsi_handle_need(schema, "ds_appender_write", "schema", err);
    if (rc < 0) {
        if (array->release) {
            array->release(array);
        }
        return rc;
    }
    return dsi_appender_write(appender->engine, schema, array, ticket, err);
}

int ds_appender_write_row(ds_appender *appender, const struct ds_cell *cells,
                          size_t count, uint64_t *ticket, struct ds_error *err)
{
    int rc = dsi_handle_need(appender, "ds_appender_write_row", "appender", err);

    if (rc == DS_OK && count > 0) {
        rc = dsi_handle_need(cells, "ds_appender_write_row", "cells", err);
    }
    return rc < 0 ? rc
                  : dsi_appender_write_row(appender->engine, cells, count, ticket, err);
}

int ds_appender_wait(ds_appender *appender, uint64_t ticket, int64_t timeout_ms,
                     struct ds_error *err)
{
    int rc = dsi_handle_need(appender, "ds_appender_wait", "appender", err);
    return rc < 0 ? rc : dsi_appender_wait(appender->engine, ticket, timeout_ms, err);
}

int ds_appender_flush(ds_appender *appender, int64_t timeout_ms, struct ds_error *err)
{
    int rc = dsi_handle_need(appender, "ds_appender_flush", "appender", err);
    return rc < 0 ? rc : dsi_appender_flush(appender->engine, timeout_ms, err);
}

int ds_appender_stats(ds_appender *appender, struct ds_appender_stats *out,
                      struct ds_error *err)
{
    struct ds_appender_stats all;
    int rc = DS_OK;

    DSI_TRY(dsi_handle_need(appender, "ds_appender_stats", "appender", err));
    DSI_TRY(dsi_handle_need(out, "ds_appender_stats", "out", err));
    DSI_TRY(
        dsi_handle_size(out->struct_size, sizeof all, "struct ds_appender_stats", err));
    DSI_TRY(dsi_appender_stats(appender->engine, &all, err));
    all.struct_size = out->struct_size;
    memcpy(out, &all, all.struct_size);
done:
    return rc;
}

int ds_appender_close(ds_appender *appender, int64_t timeout_ms, struct ds_error *err)
{
    int rc = dsi_handle_need(appender, "ds_appender_close", "appender", err);
    return rc < 0 ? rc : dsi_appender_close(appender->engine, timeout_ms, err);
}

int ds_appender_take_back(ds_appender *appender, enum ds_outcome outcome,
                          struct ArrowArrayStream *out, struct ds_error *err)
{
    int rc = dsi_handle_need(appender, "ds_appender_take_back", "appender", err);

    rc = rc < 0 ? rc : dsi_handle_need(out, "ds_appender_take_back", "out", err);
    if (rc == DS_OK && outcome != DS_NOT_COMMITTED && outcome != DS_UNKNOWN) {
        rc = dsi_fail(err, DS_EINVALID,
                      "ds_appender_take_back: rows come back that are not committed, or "
                      "of which nobody knows");
    }
    return rc < 0 ? rc : dsi_appender_take_back(appender->engine, outcome, out, err);
}

void ds_appender_free(ds_appender *appender)
{
    if (appender) {
        dsi_appender_free(appender->engine);
        dsi_free(appender);
    }
}
