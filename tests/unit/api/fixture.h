// A table in memory, and rows for it as CSV: what the tests of the public API share.
#ifndef DSI_TEST_API_FIXTURE_H
#define DSI_TEST_API_FIXTURE_H

#include <string.h>

#include "datashard/datashard.h"
#include "datashard/rows.h"
#include "harness.h"

struct fixture {
    ds_catalog *catalog;
    ds_table *table;
    struct ds_error err;
};

#define FIXTURE_SCHEMA                                                                   \
    "{\"type\":\"struct\",\"fields\":["                                                  \
    "{\"id\":1,\"name\":\"id\",\"required\":true,\"type\":\"long\"},"                    \
    "{\"id\":2,\"name\":\"s\",\"required\":false,\"type\":\"string\"}]}"

static inline void fixture_init(struct fixture *f, const char *partition_by)
{
    struct ds_property owner = {"owner", "me"};
    struct ds_table_spec spec = {.struct_size = sizeof(spec),
                                 .schema_json = FIXTURE_SCHEMA,
                                 .partition_by = partition_by,
                                 .properties = {&owner, 1}};
    memset(f, 0, sizeof(*f));
    assert_int_equal(ds_catalog_open("memory:", NULL, &f->catalog, &f->err), DS_OK);
    assert_int_equal(
        ds_catalog_create_table(f->catalog, "a.t", &spec, &f->table, &f->err), DS_OK);
}

static inline void fixture_release(struct fixture *f)
{
    ds_table_free(f->table);
    ds_catalog_free(f->catalog);
}

static inline ptrdiff_t fixture_read(void *arg, void *out, size_t size,
                                     struct ds_error *err)
{
    const char **text = arg;
    size_t left = strlen(*text);
    (void)err;
    size = left < size ? left : size;
    memcpy(out, *text, size);
    *text += size;
    return (ptrdiff_t)size;
}

// Adds CSV rows to a transaction; the first failure is returned.
static inline int fixture_add(ds_txn *txn, ds_table *table, const char *csv,
                              struct ds_error *err)
{
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    struct ds_rows_options options = {.struct_size = sizeof(options),
                                      .format = DS_ROWS_CSV,
                                      .read = fixture_read,
                                      .read_arg = &csv,
                                      .schema = &schema};
    ds_rows *rows = NULL;
    assert_int_equal(ds_table_schema(table, &schema, err), DS_OK);
    assert_int_equal(ds_rows_open(&options, &rows, err), DS_OK);
    int rc = ds_rows_next(rows, &array, err);
    if (rc == DS_ROW) {
        rc = ds_txn_append_batch(txn, &schema, &array, err);
    }
    ds_rows_free(rows);
    schema.release(&schema);
    return rc;
}

// One commit of CSV rows.
static inline int64_t fixture_append(struct fixture *f, const char *csv)
{
    struct ds_commit_result result = {.struct_size = sizeof(result)};
    ds_txn *txn = NULL;
    assert_int_equal(ds_txn_begin(f->table, NULL, &txn, &f->err), DS_OK);
    assert_int_equal(fixture_add(txn, f->table, csv, &f->err), DS_OK);
    assert_int_equal(ds_txn_commit(txn, &result, &f->err), DS_OK);
    ds_txn_free(txn);
    return result.snapshot_id;
}

static inline int64_t fixture_count(struct fixture *f, const char *filter)
{
    struct ds_scan_options options = {.struct_size = sizeof(options), .filter = filter};
    int64_t rows = -1;
    assert_int_equal(ds_table_count(f->table, &options, &rows, NULL, &f->err), DS_OK);
    return rows;
}

#endif
