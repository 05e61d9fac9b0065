#include <stdio.h>

#include "base/fault.h"
#include "storage_root.h"
#include "unit/api/fixture.h"

static void test_api_write__commits_a_transaction_once(void **state)
{
    struct fixture f;
    (void)state;

    struct ds_commit_result result = {.struct_size = sizeof(result)};
    ds_txn *txn = NULL;
    fixture_init(&f, NULL);
    assert_int_equal(ds_txn_begin(f.table, NULL, &txn, &f.err), DS_OK);
    assert_int_equal(fixture_add(txn, f.table, "id,s\n1,a\n", &f.err), DS_OK);
    assert_int_equal(fixture_add(txn, f.table, "id,s\n2,b\n", &f.err), DS_OK);
    assert_int_equal(ds_txn_commit(txn, &result, &f.err), DS_OK);
    assert_int_equal(result.outcome, DS_COMMITTED);
    assert_int_equal(result.rows, 2);
    assert_int_equal(ds_txn_commit(txn, &result, &f.err), DS_EINVALID);
    ds_txn_free(txn);
    assert_int_equal(fixture_count(&f, NULL), 2);
    fixture_release(&f);
}

static void test_api_write__leaves_nothing_of_what_was_not_committed(void **state)
{
    struct fixture f;
    (void)state;

    ds_txn *txn = NULL;
    fixture_init(&f, NULL);
    assert_int_equal(ds_txn_begin(f.table, NULL, &txn, &f.err), DS_OK);
    assert_int_equal(fixture_add(txn, f.table, "id,s\n1,a\n", &f.err), DS_OK);
    ds_txn_free(txn);
    assert_int_equal(fixture_count(&f, NULL), 0);
    assert_int_equal(ds_table_resolve(f.table, "no token", 0, NULL, &f.err), DS_EINVALID);
    fixture_release(&f);
}

// The path of the n-th live data file, as the table gives it.
struct nth {
    size_t left;
    char path[300];
};

static int take_nth(void *arg, const struct ds_file_entry *file)
{
    struct nth *n = arg;
    if (n->left-- == 0) {
        snprintf(n->path, sizeof n->path, "%s", file->path);
    }
    return DS_OK;
}

static struct nth file_at(ds_table *table, size_t at)
{
    struct nth n = {at, ""};
    assert_int_equal(ds_table_files(table, NULL, take_nth, &n, NULL), DS_OK);
    assert_true(n.path[0] != '\0');
    return n;
}

static int take_last(void *arg, const struct ds_snapshot_info *s)
{
    char *out = arg;
    size_t at = (size_t)snprintf(out, 600, "%s", s->operation);
    for (size_t i = 0; i < s->summary.count; i++) {
        at += (size_t)snprintf(out + at, 600 - at, " %.40s=%.40s",
                               s->summary.items[i].key, s->summary.items[i].value);
    }
    return DS_OK;
}

static ds_txn *begin(ds_table *table, enum ds_isolation isolation)
{
    struct ds_commit_options o = {.struct_size = sizeof(o), .isolation = isolation};
    ds_txn *txn = NULL;
    assert_int_equal(ds_txn_begin(table, &o, &txn, NULL), DS_OK);
    return txn;
}

static size_t drop(ds_txn *txn, const char *path)
{
    size_t found = 9;
    struct ds_error err = {0};
    if (ds_txn_delete_files(txn, &path, 1, &found, &err) != DS_OK) {
        fail_msg("%s", err.message);
    }
    return found;
}

static void test_api_write__deletes_files_by_any_form_of_their_path(void **state)
{
    struct ds_commit_result result = {.struct_size = sizeof(result)};
    struct fixture f;
    char last[600];
    (void)state;

    fixture_init(&f, NULL);
    fixture_append(&f, "id,s\n1,a\n");
    fixture_append(&f, "id,s\n2,b\n3,c\n");
    fixture_append(&f, "id,s\n4,d\n");
    struct nth first = file_at(f.table, 0);
    struct nth third = file_at(f.table, 2);
    const char *below = strstr(first.path, "/data/");
    ds_txn *txn = begin(f.table, DS_ISOLATION_SERIALIZABLE);
    assert_int_equal(drop(txn, "data/nobody.parquet"), 0);
    assert_int_equal(drop(txn, below), 1);
    assert_int_equal(drop(txn, below + 1), 0); // It goes already.
    assert_int_equal(drop(txn, third.path), 1);
    assert_int_equal(ds_txn_commit(txn, &result, &f.err), DS_OK);
    ds_txn_free(txn);
    assert_true(result.snapshot_id > 0);
    assert_int_equal(fixture_count(&f, NULL), 2);
    assert_int_equal(fixture_count(&f, "id > 1 and id < 4"), 2);
    assert_int_equal(ds_table_snapshots(f.table, take_last, last, NULL), DS_OK);
    assert_non_null(strstr(last, "delete operation=delete"));
    assert_non_null(strstr(last, "deleted-data-files=2 "));
    assert_non_null(strstr(last, "deleted-records=2 "));
    assert_non_null(strstr(last, "total-records=2 "));
    fixture_release(&f);
}

static void test_api_write__deletes_and_appends_in_one_snapshot(void **state)
{
    struct ds_commit_result result = {.struct_size = sizeof(result)};
    struct fixture f;
    char last[600];
    (void)state;

    fixture_init(&f, NULL);
    fixture_append(&f, "id,s\n1,a\n");
    fixture_append(&f, "id,s\n2,b\n");
    ds_txn *txn = begin(f.table, DS_ISOLATION_SERIALIZABLE);
    assert_int_equal(fixture_add(txn, f.table, "id,s\n7,a\n8,b\n", &f.err), DS_OK);
    assert_int_equal(drop(txn, file_at(f.table, 0).path), 1);
    assert_int_equal(drop(txn, file_at(f.table, 1).path), 1);
    assert_int_equal(ds_txn_commit(txn, &result, &f.err), DS_OK);
    ds_txn_free(txn);
    assert_int_equal(result.sequence_number, 3);
    assert_int_equal(fixture_count(&f, NULL), 2);
    assert_int_equal(fixture_count(&f, "id >= 7"), 2);
    assert_int_equal(ds_table_snapshots(f.table, take_last, last, NULL), DS_OK);
    assert_non_null(strstr(last, "overwrite operation=overwrite"));
    fixture_append(&f, "id,s\n9,c\n");
    assert_int_equal(fixture_count(&f, NULL), 3);
    fixture_release(&f);
}

static void test_api_write__adds_nothing_for_files_that_are_not_there(void **state)
{
    struct ds_commit_result result = {.struct_size = sizeof(result)};
    const char *none = "";
    struct fixture f;
    (void)state;

    fixture_init(&f, NULL);
    ds_txn *txn = begin(f.table, DS_ISOLATION_SERIALIZABLE);
    assert_int_equal(drop(txn, "data/x.parquet"), 0);
    assert_int_equal(ds_txn_delete_files(txn, NULL, 0, NULL, NULL), DS_OK);
    assert_int_equal(ds_txn_commit(txn, &result, &f.err), DS_OK);
    assert_int_equal(result.snapshot_id, -1);
    ds_txn_free(txn);
    txn = begin(f.table, DS_ISOLATION_SERIALIZABLE);
    assert_int_equal(ds_txn_delete_files(txn, &none, 1, NULL, &f.err), DS_EINVALID);
    assert_int_equal(ds_txn_commit(txn, &result, &f.err), DS_EINVALID);
    ds_txn_free(txn);
    fixture_release(&f);
}

// Begins a transaction that takes out the first file, lets another handle do `between`,
// and commits; `adds` makes it a rewrite.
static int race(struct fixture *f, enum ds_isolation isolation, bool adds,
                void (*between)(struct fixture *other))
{
    struct fixture other = *f;
    assert_int_equal(ds_catalog_open_table(f->catalog, "a.t", &other.table, NULL), DS_OK);
    ds_txn *txn = begin(f->table, isolation);
    assert_int_equal(drop(txn, file_at(f->table, 0).path), 1);
    if (adds) {
        assert_int_equal(fixture_add(txn, f->table, "id,s\n7,a\n", &f->err), DS_OK);
    }
    between(&other);
    f->err = (struct ds_error){0};
    int rc = ds_txn_commit(txn, NULL, &f->err);
    ds_txn_free(txn);
    ds_table_free(other.table);
    assert_int_equal(ds_table_refresh(f->table, NULL), DS_OK);
    return rc;
}

static void others_append(struct fixture *other)
{
    fixture_append(other, "id,s\n50,x\n");
}

static int64_t deleter; // The snapshot that others_delete made.

static void others_delete(struct fixture *other)
{
    struct ds_commit_result result = {.struct_size = sizeof(result)};
    ds_txn *txn = begin(other->table, DS_ISOLATION_SERIALIZABLE);
    assert_int_equal(drop(txn, file_at(other->table, 0).path), 1);
    assert_int_equal(ds_txn_commit(txn, &result, NULL), DS_OK);
    ds_txn_free(txn);
    deleter = result.snapshot_id;
}

static void test_api_write__loses_to_whoever_removed_its_files(void **state)
{
    static const enum ds_isolation both[] = {DS_ISOLATION_SERIALIZABLE,
                                             DS_ISOLATION_SNAPSHOT};
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        struct fixture f;
        char id[40];
        fixture_init(&f, NULL);
        fixture_append(&f, "id,s\n1,a\n");
        assert_int_equal(race(&f, both[i % 2], i > 1, others_delete), DS_ECONFLICT);
        snprintf(id, sizeof id, "\"snapshot-id\":%lld", (long long)deleter);
        assert_non_null(strstr(f.err.detail, "file-removed"));
        assert_non_null(strstr(f.err.detail, id));
        assert_int_equal(fixture_count(&f, NULL), 0);
        fixture_release(&f);
    }
}

static void test_api_write__rewrites_what_it_read_or_not_at_all(void **state)
{
    struct fixture f;
    (void)state;

    fixture_init(&f, NULL);
    fixture_append(&f, "id,s\n1,a\n");
    assert_int_equal(race(&f, DS_ISOLATION_SERIALIZABLE, true, others_append),
                     DS_ECONFLICT);
    assert_non_null(strstr(f.err.detail, "files-added"));
    assert_non_null(strstr(f.err.detail, "snapshot-id"));
    assert_int_equal(fixture_count(&f, NULL), 2);
    assert_int_equal(race(&f, DS_ISOLATION_SNAPSHOT, true, others_append), DS_OK);
    assert_int_equal(fixture_count(&f, NULL), 3);
    assert_int_equal(race(&f, DS_ISOLATION_SERIALIZABLE, false, others_append), DS_OK);
    assert_int_equal(fixture_count(&f, NULL), 3);
    fixture_release(&f);
}

// So many that others' commits merge the manifests the file was seen in.
static void others_merge(struct fixture *other)
{
    struct ds_property few = {"commit.manifest.min-count-to-merge", "2"};
    struct ds_properties p = {&few, 1};
    assert_int_equal(ds_table_set_properties(other->table, &p, NULL, NULL, NULL), DS_OK);
    for (int i = 0; i < 5; i++) {
        others_append(other);
    }
}

static void test_api_write__finds_files_that_moved_to_another_manifest(void **state)
{
    struct fixture f;
    (void)state;

    fixture_init(&f, NULL);
    fixture_append(&f, "id,s\n1,a\n");
    fixture_append(&f, "id,s\n2,b\n");
    assert_int_equal(race(&f, DS_ISOLATION_SERIALIZABLE, false, others_merge), DS_OK);
    assert_int_equal(fixture_count(&f, NULL), 6);
    assert_int_equal(fixture_count(&f, "id = 2"), 0); // The newest came first.
    fixture_release(&f);
}

static size_t snapshots(ds_table *table)
{
    struct ds_table_info info = {.struct_size = sizeof(info)};
    assert_int_equal(ds_table_info(table, &info, NULL), DS_OK);
    return info.snapshot_count;
}

static void test_api_write__expires_snapshots_when_asked(void **state)
{
    struct ds_commit_result result = {.struct_size = sizeof(result)};
    struct fixture f;
    (void)state;

    fixture_init(&f, NULL);
    fixture_append(&f, "id,s\n1,a\n");
    fixture_append(&f, "id,s\n2,b\n");
    struct nth second = file_at(f.table, 0);
    int64_t last = fixture_append(&f, "id,s\n3,c\n");
    ds_txn *txn = begin(f.table, DS_ISOLATION_SERIALIZABLE);
    assert_int_equal(ds_txn_expire_snapshots(txn, 0, 1, &f.err), DS_OK); // None is older.
    assert_int_equal(ds_txn_commit(txn, &result, &f.err), DS_OK);
    ds_txn_free(txn);
    assert_int_equal(snapshots(f.table), 3);

    txn = begin(f.table, DS_ISOLATION_SERIALIZABLE);
    assert_int_equal(ds_txn_expire_snapshots(txn, INT64_MAX, 2, &f.err), DS_OK);
    assert_int_equal(ds_txn_commit(txn, &result, &f.err), DS_OK);
    ds_txn_free(txn);
    assert_int_equal(result.snapshot_id, -1);
    assert_int_equal(snapshots(f.table), 2);

    txn = begin(f.table, DS_ISOLATION_SERIALIZABLE);
    assert_int_equal(drop(txn, second.path), 1);
    assert_int_equal(ds_txn_expire_snapshots(txn, INT64_MAX, 0, &f.err), DS_OK);
    assert_int_equal(ds_txn_commit(txn, &result, &f.err), DS_OK);
    ds_txn_free(txn);
    assert_int_not_equal(result.snapshot_id, last);
    assert_int_equal(snapshots(f.table), 1);
    assert_int_equal(fixture_count(&f, NULL), 2);

    txn = begin(f.table, DS_ISOLATION_SERIALIZABLE);
    assert_int_equal(ds_txn_expire_snapshots(txn, 1, -1, &f.err), DS_EINVALID);
    ds_txn_free(txn);
    fixture_release(&f);
}

static void test_api_write__expires_nothing_where_gc_is_off(void **state)
{
    struct ds_property off = {"gc.enabled", "false"};
    struct ds_properties p = {&off, 1};
    struct fixture f;
    (void)state;

    fixture_init(&f, NULL);
    fixture_append(&f, "id,s\n1,a\n");
    fixture_append(&f, "id,s\n2,b\n");
    assert_int_equal(ds_table_set_properties(f.table, &p, NULL, NULL, NULL), DS_OK);
    ds_txn *txn = begin(f.table, DS_ISOLATION_SERIALIZABLE);
    assert_int_equal(ds_txn_expire_snapshots(txn, INT64_MAX, 1, &f.err), DS_OK);
    assert_int_equal(ds_txn_commit(txn, NULL, &f.err), DS_EUNSUPPORTED);
    ds_txn_free(txn);
    assert_int_equal(snapshots(f.table), 2);
    fixture_release(&f);
}

// The Arrow schema of a table made of this JSON.
static struct ArrowSchema arrow_of(struct fixture *f, const char *fields)
{
    static int tables;
    struct ds_table_spec spec = {.struct_size = sizeof(spec)};
    struct ArrowSchema schema = {0};
    ds_table *table = NULL;
    char json[600];
    char name[20];
    snprintf(json, sizeof json, "{\"type\":\"struct\",\"fields\":[%s]}", fields);
    snprintf(name, sizeof name, "a.s%d", tables++);
    spec.schema_json = json;
    assert_int_equal(ds_catalog_create_table(f->catalog, name, &spec, &table, &f->err),
                     DS_OK);
    assert_int_equal(ds_table_schema(table, &schema, NULL), DS_OK);
    ds_table_free(table);
    return schema;
}

#define COLUMN_S "{\"id\":1,\"name\":\"s\",\"required\":false,\"type\":\"string\"}"
#define COLUMN_N ",{\"id\":2,\"name\":\"n\",\"required\":false,\"type\":\"int\"}"

static int widen(ds_txn *txn, struct fixture *f, const char *fields)
{
    struct ArrowSchema schema = arrow_of(f, fields);
    int rc = ds_txn_add_columns(txn, &schema, &f->err);
    schema.release(&schema);
    return rc;
}

static void expect_columns(ds_txn *txn, int64_t count, const char *last)
{
    struct ArrowSchema schema = {0};
    struct ds_error err = {0};
    assert_int_equal(ds_txn_schema(txn, &schema, &err), DS_OK);
    assert_int_equal(schema.n_children, count);
    assert_string_equal(schema.children[count - 1]->name, last);
    schema.release(&schema);
}

static void test_api_write__adds_columns_and_rows_of_them(void **state)
{
    struct ds_commit_result result = {.struct_size = sizeof(result)};
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    struct fixture f;
    const char *csv = "id,s,n\n7,x,70\n";
    (void)state;

    fixture_init(&f, NULL);
    fixture_append(&f, "id,s\n1,a\n");
    ds_txn *txn = begin(f.table, DS_ISOLATION_SERIALIZABLE);
    assert_int_equal(fixture_add(txn, f.table, "id,s\n2,b\n", &f.err), DS_OK);
    expect_columns(txn, 2, "s");
    assert_int_equal(widen(txn, &f, COLUMN_S COLUMN_N), DS_OK);
    assert_int_equal(widen(txn, &f, COLUMN_S COLUMN_N), DS_OK); // Nothing more.
    expect_columns(txn, 3, "n");
    assert_int_equal(ds_txn_schema(txn, NULL, &f.err), DS_EINVALID);
    schema =
        arrow_of(&f, "{\"id\":1,\"name\":\"id\",\"required\":true,\"type\":\"long\"},"
                     "{\"id\":2,\"name\":\"s\",\"required\":false,\"type\":\"string\"},"
                     "{\"id\":3,\"name\":\"n\",\"required\":false,\"type\":\"int\"}");
    struct ds_rows_options options = {.struct_size = sizeof(options),
                                      .format = DS_ROWS_CSV,
                                      .read = fixture_read,
                                      .read_arg = &csv,
                                      .schema = &schema};
    ds_rows *rows = NULL;
    assert_int_equal(ds_rows_open(&options, &rows, &f.err), DS_OK);
    assert_int_equal(ds_rows_next(rows, &array, &f.err), DS_ROW);
    assert_int_equal(ds_txn_append_batch(txn, &schema, &array, &f.err), DS_OK);
    ds_rows_free(rows);
    schema.release(&schema);
    assert_int_equal(ds_txn_commit(txn, &result, &f.err), DS_OK);
    ds_txn_free(txn);
    assert_int_equal(result.rows, 2);
    assert_int_equal(fixture_count(&f, NULL), 3);
    assert_int_equal(fixture_count(&f, "n = 70"), 1);
    assert_int_equal(fixture_count(&f, "n is null"), 2);
    fixture_release(&f);
}

static void test_api_write__refuses_columns_that_do_not_fit(void **state)
{
    static const char *const bad[] = {
        "{\"id\":1,\"name\":\"s\",\"required\":false,\"type\":\"long\"}",
        "{\"id\":1,\"name\":\"q\",\"required\":true,\"type\":\"long\"}",
        "{\"id\":1,\"name\":\"S\",\"required\":false,\"type\":\"string\"}",
    };
    struct fixture f;
    (void)state;

    fixture_init(&f, NULL);
    for (size_t i = 0; i < 3; i++) {
        ds_txn *txn = begin(f.table, DS_ISOLATION_SERIALIZABLE);
        assert_int_equal(widen(txn, &f, bad[i]), DS_EINVALID);
        assert_int_equal(ds_txn_commit(txn, NULL, &f.err), DS_EINVALID);
        ds_txn_free(txn);
    }
    fixture_release(&f);
}

static void test_api_write__loses_to_another_change_of_the_schema(void **state)
{
    struct fixture f;
    (void)state;

    fixture_init(&f, NULL);
    ds_table *other = NULL;
    assert_int_equal(ds_catalog_open_table(f.catalog, "a.t", &other, NULL), DS_OK);
    ds_txn *mine = begin(f.table, DS_ISOLATION_SERIALIZABLE);
    ds_txn *theirs = begin(other, DS_ISOLATION_SERIALIZABLE);
    assert_int_equal(widen(mine, &f, COLUMN_S COLUMN_N), DS_OK);
    assert_int_equal(
        widen(theirs, &f,
              "{\"id\":1,\"name\":\"m\",\"required\":false,\"type\":\"int\"}"),
        DS_OK);
    assert_int_equal(ds_txn_commit(theirs, NULL, &f.err), DS_OK);
    assert_int_equal(ds_txn_commit(mine, NULL, &f.err), DS_ECONFLICT);
    assert_non_null(strstr(f.err.detail, "schema-changed"));
    ds_txn_free(mine);
    ds_txn_free(theirs);
    assert_int_equal(ds_table_refresh(f.table, NULL), DS_OK);
    assert_int_equal(fixture_count(&f, "m is null"), 0);
    ds_table_free(other);
    fixture_release(&f);
}

// Two files go, and all snapshots but the last.
static int take_two(struct fixture *f, const char *const *paths, struct ds_error *err)
{
    ds_txn *txn = NULL;
    size_t found = 0;
    int rc = ds_txn_begin(f->table, NULL, &txn, err);

    rc = rc < 0 ? rc : ds_txn_delete_files(txn, paths, 2, &found, err);
    rc = rc < 0 ? rc : ds_txn_expire_snapshots(txn, INT64_MAX, 1, err);
    rc = rc < 0 ? rc : ds_txn_commit(txn, NULL, err);
    ds_txn_free(txn);
    return rc;
}

static void test_api_write__deletes_all_or_nothing_whatever_fails(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    for (;;) {
        struct ds_error err = {0};
        struct fixture f;
        fixture_init(&f, NULL);
        fixture_append(&f, "id,s\n1,a\n");
        fixture_append(&f, "id,s\n2,b\n");
        fixture_append(&f, "id,s\n3,c\n");
        struct nth a = file_at(f.table, 0);
        struct nth b = file_at(f.table, 2);
        const char *paths[] = {a.path, b.path};
        bool more = dsi_fault_next(&plan);
        int rc = more ? take_two(&f, paths, &err) : DS_OK;
        dsi_fault_stop();
        if (more) {
            assert_int_equal(ds_table_refresh(f.table, NULL), DS_OK);
            int64_t rows = fixture_count(&f, NULL); // Reads every file that is left.
            assert_true(rc == DS_OK         ? rows == 1
                        : rc == DS_EUNKNOWN ? rows == 1 || rows == 3
                                            : rows == 3);
            assert_int_equal(fixture_count(&f, "s = 'b'"), 1);
            assert_true(rc == DS_OK || err.message[0] != '\0');
        }
        fixture_release(&f);
        if (!more) {
            break;
        }
    }
    assert_true(plan.target > 50);
}

// Puts rows into a Parquet file that no table knows.
static void write_file(struct fixture *f, const char *location, const char *csv)
{
    struct ArrowArrayStream stream = {0};
    fixture_append(f, csv);
    assert_int_equal(ds_table_scan(f->table, NULL, &stream, &f->err), DS_OK);
    assert_int_equal(ds_file_write(location, &stream, NULL, &f->err), DS_OK);
}

static void test_api_write__adds_files_that_are_there(void **state)
{
    struct storage_root root;
    assert_true(storage_root_make(&root, "file"));
    const char *location = storage_root_path(&root, "mine.parquet");
    struct ds_commit_result result = {.struct_size = sizeof(result)};
    struct ds_new_file file = {.struct_size = sizeof(file), .path = location};
    struct ds_new_file odd[2] = {file, {.struct_size = 8, .path = location}};
    struct fixture f;
    (void)state;

    fixture_init(&f, NULL);
    write_file(&f, location, "id,s\n1,a\n2,b\n");
    ds_txn *txn = begin(f.table, DS_ISOLATION_SERIALIZABLE);
    assert_int_equal(fixture_add(txn, f.table, "id,s\n3,c\n", &f.err), DS_OK);
    assert_int_equal(ds_txn_add_files(txn, NULL, 0, &f.err), DS_OK);
    assert_int_equal(ds_txn_add_files(txn, &file, 1, &f.err), DS_OK);
    assert_int_equal(ds_txn_commit(txn, &result, &f.err), DS_OK);
    ds_txn_free(txn);
    assert_int_equal(result.rows, 3);
    assert_int_equal(result.files, 2);
    assert_int_equal(fixture_count(&f, NULL), 5);
    assert_int_equal(fixture_count(&f, "id = 2"), 2);
    txn = begin(f.table, DS_ISOLATION_SERIALIZABLE);
    assert_int_equal(ds_txn_add_files(txn, NULL, 1, &f.err), DS_EINVALID);
    assert_int_equal(ds_txn_add_files(NULL, &file, 1, &f.err), DS_EINVALID);
    assert_int_equal(ds_txn_add_files(txn, odd, 2, &f.err), DS_EINVALID);
    assert_int_equal(ds_txn_add_files(txn, &file, 1, &f.err), DS_EINVALID); // Broken.
    ds_txn_free(txn);
    txn = begin(f.table, DS_ISOLATION_SERIALIZABLE);
    assert_int_equal(ds_txn_add_files(txn, &file, 1, &f.err), DS_EEXISTS);
    ds_txn_free(txn);
    fixture_release(&f);
    assert_int_equal(remove(location + strlen("file://")), 0); // Nobody else did.
    storage_root_remove(&root);
}

// Few rows become files in the commit itself: an attempt may fail at their manifest, and
// the next one must not take it for stored.
static void test_api_write__appends_all_or_nothing_whatever_fails(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    for (;;) {
        struct ds_error err = {0};
        struct fixture f;
        fixture_init(&f, NULL);
        fixture_append(&f, "id,s\n1,a\n");
        ds_txn *txn = begin(f.table, DS_ISOLATION_SERIALIZABLE);
        assert_int_equal(fixture_add(txn, f.table, "id,s\n4,d\n5,e\n", &err), DS_OK);
        bool more = dsi_fault_next(&plan);
        int rc = more ? ds_txn_commit(txn, NULL, &err) : DS_OK;
        dsi_fault_stop();
        ds_txn_free(txn);
        if (more) {
            assert_int_equal(ds_table_refresh(f.table, NULL), DS_OK);
            int64_t found = fixture_count(&f, "id > 3"); // Reads every manifest.
            assert_true(rc == DS_OK         ? found == 2
                        : rc == DS_EUNKNOWN ? found == 0 || found == 2
                                            : found == 0);
            assert_int_equal(fixture_count(&f, "id = 1"), 1);
        }
        fixture_release(&f);
        if (!more) {
            break;
        }
    }
    assert_true(plan.target > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_write__commits_a_transaction_once),
        cmocka_unit_test(test_api_write__adds_files_that_are_there),
        cmocka_unit_test(test_api_write__leaves_nothing_of_what_was_not_committed),
        cmocka_unit_test(test_api_write__deletes_files_by_any_form_of_their_path),
        cmocka_unit_test(test_api_write__deletes_and_appends_in_one_snapshot),
        cmocka_unit_test(test_api_write__adds_nothing_for_files_that_are_not_there),
        cmocka_unit_test(test_api_write__loses_to_whoever_removed_its_files),
        cmocka_unit_test(test_api_write__rewrites_what_it_read_or_not_at_all),
        cmocka_unit_test(test_api_write__finds_files_that_moved_to_another_manifest),
        cmocka_unit_test(test_api_write__expires_snapshots_when_asked),
        cmocka_unit_test(test_api_write__expires_nothing_where_gc_is_off),
        cmocka_unit_test(test_api_write__adds_columns_and_rows_of_them),
        cmocka_unit_test(test_api_write__refuses_columns_that_do_not_fit),
        cmocka_unit_test(test_api_write__loses_to_another_change_of_the_schema),
        cmocka_unit_test(test_api_write__deletes_all_or_nothing_whatever_fails),
        cmocka_unit_test(test_api_write__appends_all_or_nothing_whatever_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
