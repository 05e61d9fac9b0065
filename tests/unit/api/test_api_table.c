#include "unit/api/fixture.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage_root.h"

static void test_api_table__tells_what_it_is(void **state)
{
    struct fixture f;
    (void)state;

    struct ds_table_info info = {.struct_size = sizeof(info)};
    char *json = NULL;
    fixture_init(&f, NULL);
    int64_t id = fixture_append(&f, "id,s\n1,a\n");
    assert_int_equal(ds_table_info(f.table, &info, &f.err), DS_OK);
    assert_string_equal(info.name, "a.t");
    assert_int_equal(info.current_snapshot_id, id);
    assert_int_equal(info.snapshot_count, 1);
    assert_int_equal(ds_table_metadata_json(f.table, &json, &f.err), DS_OK);
    assert_non_null(strstr(json, info.uuid));
    ds_string_free(json);
    assert_int_equal(ds_table_schema_json(f.table, &json, &f.err), DS_OK);
    assert_non_null(strstr(json, "long"));
    ds_string_free(json);
    fixture_release(&f);
}

static void test_api_table__a_schema_that_is_wrong_is_no_damage(void **state)
{
    struct ds_table_spec spec = {
        .struct_size = sizeof(spec),
        .schema_json = "{\"type\": \"struct\", \"fields\": [{\"id\": 1, \"name\": \"a\","
                       " \"required\": false, \"type\": \"lnog\"}]}"};
    struct fixture f;
    ds_table *table = NULL;
    (void)state;

    fixture_init(&f, NULL);
    assert_int_equal(ds_catalog_create_table(f.catalog, "a.wrong", &spec, &table, &f.err),
                     DS_EINVALID);
    assert_non_null(strstr(f.err.message, "creating a table: "));
    assert_non_null(strstr(f.err.message, "no such type: 'lnog'"));
    fixture_release(&f);
}

// Opens the table in a directory; its status.
static int open_at(struct fixture *f, const char *path)
{
    ds_table_free(f->table);
    f->table = NULL;
    return ds_table_open(path, &f->table, &f->err);
}

static void test_api_table__reads_a_moved_table_and_leaves_it_as_it_is(void **state)
{
    struct ds_table_spec spec = {.struct_size = sizeof(spec),
                                 .schema_json = FIXTURE_SCHEMA};
    struct ds_property some = {"a", "b"};
    struct ds_properties properties = {&some, 1};
    struct storage_root root;
    struct fixture f = {0};
    ds_txn *txn = NULL;
    struct stat st;
    (void)state;

    assert_true(storage_root_make(&root, "file"));
    char *old = strdup(storage_root_path(&root, "old"));
    char *now = strdup(storage_root_path(&root, "now"));
    assert_int_equal(ds_table_create(old, &spec, &f.table, &f.err), DS_OK);
    fixture_append(&f, "id,s\n1,a\n2,b\n");
    const char *from = old + strlen("file://");
    assert_int_equal(rename(from, now + strlen("file://")), 0);
    assert_int_equal(open_at(&f, now), DS_OK);
    assert_int_equal(fixture_count(&f, NULL), 2);
    assert_int_equal(fixture_count(&f, "id = 2"), 1);
    assert_int_equal(ds_txn_begin(f.table, NULL, &txn, &f.err), DS_OK);
    int rc = fixture_add(txn, f.table, "id,s\n3,c\n", &f.err);
    rc = rc < 0 ? rc : ds_txn_commit(txn, NULL, &f.err);
    assert_int_equal(rc, DS_EUNSUPPORTED);
    assert_non_null(strstr(f.err.message, "relocate"));
    ds_txn_free(txn);
    assert_int_equal(ds_table_set_properties(f.table, &properties, NULL, NULL, &f.err),
                     DS_EINVALID);
    assert_int_equal(stat(from, &st), -1); // Nothing was made at the old place.
    assert_int_equal(open_at(&f, now), DS_OK);
    assert_int_equal(fixture_count(&f, NULL), 2);
    fixture_release(&f);
    storage_root_remove(&root);
    free(now);
    free(old);
}

// The failure of opening the table is about `path` and names it once.
static void assert_named_once(struct fixture *f, const char *table, const char *path,
                              int status)
{
    assert_int_equal(open_at(f, table), status);
    const char *at = strstr(f->err.message, path);
    assert_non_null(at);
    assert_null(strstr(at + 1, path));
}

static void test_api_table__names_once_what_it_cannot_open(void **state)
{
    struct ds_table_spec spec = {.struct_size = sizeof(spec),
                                 .schema_json = FIXTURE_SCHEMA};
    struct storage_root root;
    struct fixture f = {0};
    (void)state;

    assert_true(storage_root_make(&root, "file"));
    char *table = strdup(storage_root_path(&root, "t"));
    char *location = strdup(storage_root_path(&root, "t/metadata/v1.metadata.json"));
    const char *path = location + strlen("file://");
    assert_named_once(&f, table, table, DS_ENOTFOUND); // There is none.
    assert_int_equal(ds_table_create(table, &spec, &f.table, &f.err), DS_OK);
    assert_int_equal(truncate(path, 20), 0);
    assert_named_once(&f, table, path, DS_ECORRUPT);
    const uid_t me = geteuid();
    assert_int_equal(chmod(root.dir, 0755), 0);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(me == 0 ? seteuid(65534) : 0, 0); // Root may read what nobody may.
    int rc = open_at(&f, table);
    assert_int_equal(seteuid(me), 0);
    assert_int_equal(rc, DS_EDENIED);
    assert_non_null(strstr(f.err.message, path));
    assert_string_equal(strstr(f.err.message, path) + strlen(path),
                        ": Permission denied");
    fixture_release(&f);
    storage_root_remove(&root);
    free(location);
    free(table);
}

// A table of one row in a directory of its own, with or without a catalog.
static void make_table(struct fixture *f, struct storage_root *root, bool database,
                       bool group)
{
    struct ds_property switched = {"datashard.group-commit.enabled",
                                   group ? "true" : "false"};
    struct ds_table_spec spec = {.struct_size = sizeof(spec),
                                 .schema_json = FIXTURE_SCHEMA,
                                 .properties = {&switched, 1}};
    char uri[300];

    memset(f, 0, sizeof(*f));
    assert_true(storage_root_make(root, "file"));
    snprintf(uri, sizeof uri, "sqlite:%s/c.db", root->dir);
    int rc = DS_OK;
    if (database) {
        assert_int_equal(ds_catalog_open(uri, NULL, &f->catalog, &f->err), DS_OK);
        rc = ds_catalog_create_table(f->catalog, "n.t", &spec, &f->table, &f->err);
    } else {
        rc = ds_table_create(storage_root_path(root, "t"), &spec, &f->table, &f->err);
    }
    assert_int_equal(rc, DS_OK);
    fixture_append(f, "id,s\n1,a\n");
    assert_int_equal(ds_table_refresh(f->table, &f->err), DS_OK);
}

// Appends a row to a handle that may have to read the table again first.
static int append_more(struct fixture *f)
{
    struct ds_commit_result result = {.struct_size = sizeof(result)};
    struct ArrowSchema schema = {0};
    ds_txn *txn = NULL;
    int rc = ds_table_schema(f->table, &schema, &f->err);

    if (rc < 0) {
        return rc;
    }
    schema.release(&schema);
    assert_int_equal(ds_txn_begin(f->table, NULL, &txn, &f->err), DS_OK);
    rc = fixture_add(txn, f->table, "id,s\n2,b\n", &f->err);
    rc = rc < 0 ? rc : ds_txn_commit(txn, &result, &f->err);
    ds_txn_free(txn);
    return rc;
}

static void assert_gone(struct fixture *f, int rc, const char *removed)
{
    struct stat st;

    assert_int_equal(rc, DS_ENOTFOUND);
    assert_non_null(strstr(f->err.message, " is gone: "));
    assert_int_equal(stat(removed, &st), -1); // And nobody has made it again.
}

static void commit_where_the_directory_is_gone(bool database, bool group,
                                               const char *part)
{
    struct ds_property some = {"a", "b"};
    struct ds_properties properties = {&some, 1};
    struct storage_root root;
    struct fixture f;
    char removed[400];

    make_table(&f, &root, database, group);
    snprintf(removed, sizeof removed, "%s/%s%s", root.dir,
             database ? "warehouse/n/t" : "t", part);
    storage_root_walk(removed, false);
    assert_gone(&f, append_more(&f), removed);
    assert_gone(&f, ds_table_set_properties(f.table, &properties, NULL, NULL, &f.err),
                removed);
    assert_gone(&f, append_more(&f), removed);
    fixture_release(&f);
    storage_root_remove(&root);
}

static void test_api_table__stays_gone_when_its_directory_was_removed(void **state)
{
    (void)state;

    for (unsigned i = 0; i < 4; i++) {
        commit_where_the_directory_is_gone(i & 1, i & 2, "");
        commit_where_the_directory_is_gone(i & 1, i & 2, "/metadata");
    }
}

static void test_api_table__is_made_anew_where_one_is_gone(void **state)
{
    struct ds_table_spec spec = {.struct_size = sizeof(spec),
                                 .schema_json = FIXTURE_SCHEMA};
    struct storage_root root;
    struct fixture f;
    char removed[400];
    (void)state;

    make_table(&f, &root, true, true);
    snprintf(removed, sizeof removed, "%s/warehouse", root.dir);
    storage_root_walk(removed, false);
    ds_table_free(f.table);
    f.table = NULL;
    // Nor does it stand in the way of its neighbours.
    assert_int_equal(ds_catalog_create_table(f.catalog, "n.u", &spec, &f.table, &f.err),
                     DS_OK);
    ds_table_free(f.table);
    f.table = NULL;
    assert_int_equal(ds_catalog_drop_table(f.catalog, "n.t", false, &f.err), DS_OK);
    assert_int_equal(ds_catalog_create_table(f.catalog, "n.t", &spec, &f.table, &f.err),
                     DS_OK);
    fixture_append(&f, "id,s\n1,a\n");
    assert_int_equal(fixture_count(&f, NULL), 1);
    fixture_release(&f);
    storage_root_remove(&root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_table__tells_what_it_is),
        cmocka_unit_test(test_api_table__a_schema_that_is_wrong_is_no_damage),
        cmocka_unit_test(test_api_table__reads_a_moved_table_and_leaves_it_as_it_is),
        cmocka_unit_test(test_api_table__names_once_what_it_cannot_open),
        cmocka_unit_test(test_api_table__stays_gone_when_its_directory_was_removed),
        cmocka_unit_test(test_api_table__is_made_anew_where_one_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
