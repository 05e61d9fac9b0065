#include "txn/adoption.h"

#include "base/fault.h"
#include "fixture.h"
#include "storage/storage_watch.h"

// A table in memory with the columns of the golden file plain.parquet, and copies of that
// file, which somebody else put there: "memory:///t/in/a", "memory:///u/b".
struct scene {
    struct dsi_catalog catalog;
    struct dsi_table *table;
    const struct dsi_state *state;
    struct dsi_change *change;
    size_t synced;
};

static const char schema_json[] =
    "{\"type\":\"struct\",\"fields\":["
    "{\"id\":1,\"name\":\"id\",\"required\":true,\"type\":\"long\"},"
    "{\"id\":2,\"name\":\"region\",\"required\":false,\"type\":\"string\"},"
    "{\"id\":3,\"name\":\"day\",\"required\":false,\"type\":\"date\"},"
    "{\"id\":4,\"name\":\"name\",\"required\":false,\"type\":\"string\"},"
    "{\"id\":5,\"name\":\"amount\",\"required\":false,\"type\":\"double\"},"
    "{\"id\":6,\"name\":\"void\",\"required\":false,\"type\":\"string\"}]}";

static int count_syncs(void *arg, const struct dsi_storage_event *e, struct ds_error *err)
{
    struct scene *s = arg;

    (void)err;
    s->synced += e->after && e->status == DS_OK && strcmp(e->call, "sync_file") == 0;
    return DS_OK;
}

static void put_copy(ds_storage *storage, const char *path)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    ds_storage *disk = NULL;

    assert_int_equal(dsi_storage_local_new(&disk, NULL), DS_OK);
    assert_int_equal(dsi_storage_read(disk,
                                      "file://" DSI_TEST_GOLDEN "/parquet/plain.parquet",
                                      &bytes, NULL),
                     DS_OK);
    assert_int_equal(dsi_storage_put(storage, path, dsi_buf_slice(&bytes), 0, NULL),
                     DS_OK);
    dsi_buf_release(&bytes);
    dsi_storage_free(disk);
}

static struct seen look(const struct scene *s)
{
    struct seen all = {0};
    const char *why = test_look(s->catalog.storage, s->catalog.head, &all);

    if (why) {
        fail_msg("%s", why);
    }
    return all;
}

// Plans a new change on what the table is now.
static void begin(struct scene *s)
{
    dsi_change_free(s->change);
    dsi_state_unref(s->state);
    s->state = dsi_table_state(s->table);
    assert_int_equal(dsi_change_new(s->state, NULL, &s->change, NULL), DS_OK);
}

static void set_up(struct scene *s, const char *json)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema schema;
    struct dsi_metadata_new spec = {.location = "memory:///t", .schema = &schema};
    struct ds_slice text = {(const uint8_t *)json, strlen(json)};
    ds_storage *watched = NULL;

    *s = (struct scene){0};
    catalog_init(&s->catalog);
    assert_int_equal(
        dsi_storage_watch_new(s->catalog.storage, count_syncs, s, &watched, NULL), DS_OK);
    s->catalog.storage = watched;
    assert_int_equal(dsi_schema_from_json(text, &arena, &schema, NULL), DS_OK);
    assert_int_equal(dsi_table_create(&s->catalog, &test_name, &spec, &s->table, NULL),
                     DS_OK);
    dsi_arena_release(&arena);
    put_copy(watched, "memory:///t/in/a");
    put_copy(watched, "memory:///u/b");
    begin(s);
}

static void tear_down(struct scene *s)
{
    dsi_change_free(s->change);
    dsi_state_unref(s->state);
    dsi_table_free(s->table);
    catalog_release(&s->catalog);
}

static int add(struct scene *s, const char *path, struct ds_error *err)
{
    struct dsi_adoption_file file = {.path = path, .record_count = 7};
    return dsi_adoption_add(s->catalog.storage, s->state->metadata, s->change, &file, 1,
                            err);
}

static int commit(struct scene *s, struct ds_error *err)
{
    return dsi_commit(s->table, s->change, NULL, NULL, err);
}

static void test_adoption__adds_files_from_anywhere_once(void **state)
{
    struct ds_error err = {0};
    struct scene s;
    (void)state;

    set_up(&s, schema_json);
    assert_int_equal(add(&s, "in/a", &err), DS_OK);
    assert_int_equal(s.synced, 1);
    assert_int_equal(add(&s, "memory:///t/in/a", &err), DS_EEXISTS);
    assert_int_equal(add(&s, "memory:/u/b", &err), DS_OK);
    assert_int_equal(commit(&s, &err), DS_OK);
    assert_int_equal(look(&s).rows, 12);
    begin(&s);
    assert_int_equal(add(&s, "memory:///u/b", &err), DS_EEXISTS);
    assert_non_null(strstr(err.message, "memory:///u/b is in the table already"));
    tear_down(&s);
}

static void test_adoption__maps_names_where_the_table_does_not(void **state)
{
    struct scene s;
    (void)state;

    set_up(&s, schema_json);
    assert_int_equal(add(&s, "in/a", NULL), DS_OK);
    assert_int_equal(commit(&s, NULL), DS_OK);
    begin(&s);
    const char *mapping =
        dsi_metadata_property(s.state->metadata, "schema.name-mapping.default");
    assert_non_null(mapping);
    assert_non_null(strstr(mapping, "{\"field-id\":5,\"names\":[\"amount\"]}"));
    assert_int_equal(add(&s, "memory:///u/b", NULL), DS_OK);
    assert_int_equal(dsi_change_addition(s.change)->file_count, 1);
    assert_string_equal(dsi_change_addition(s.change)->mapping, mapping);
    assert_int_equal(s.change->operation_count, 1); // No property to set.
    tear_down(&s);
}

// The scene's change, for later; the scene begins another one.
static struct dsi_change *set_aside(struct scene *s)
{
    struct dsi_change *late = s->change;
    s->change = NULL;
    begin(s);
    return late;
}

// Of two who add files by name at once, the second still fits; but not after names have
// changed their meaning.
static void test_adoption__asks_that_names_keep_their_meaning(void **state)
{
    struct ds_error err = {0};
    struct scene s;
    (void)state;

    set_up(&s, schema_json);
    assert_int_equal(add(&s, "in/a", NULL), DS_OK);
    struct dsi_change *late = set_aside(&s);
    assert_int_equal(add(&s, "memory:///u/b", NULL), DS_OK);
    assert_int_equal(commit(&s, NULL), DS_OK);
    assert_int_equal(dsi_commit(s.table, late, NULL, NULL, &err), DS_OK);
    assert_int_equal(look(&s).rows, 12);
    dsi_change_free(late);
    put_copy(s.catalog.storage, "memory:///t/in/c");
    begin(&s);
    assert_int_equal(add(&s, "in/c", NULL), DS_OK);
    late = set_aside(&s);
    assert_int_equal(
        dsi_change_set_property(s.change, "schema.name-mapping.default", "[]", NULL),
        DS_OK);
    assert_int_equal(commit(&s, NULL), DS_OK);
    assert_int_equal(dsi_commit(s.table, late, NULL, NULL, &err), DS_ECONFLICT);
    assert_non_null(strstr(err.detail, "names-changed"));
    assert_true(test_exists(s.catalog.storage, "memory:///t/in/c"));
    dsi_change_free(late);
    tear_down(&s);
}

// Two who add one file at once: one of them does.
static void test_adoption__adds_a_file_once_whoever_is_faster(void **state)
{
    struct ds_error err = {0};
    struct scene s;
    (void)state;

    set_up(&s, schema_json);
    assert_int_equal(add(&s, "in/a", NULL), DS_OK);
    struct dsi_change *late = set_aside(&s);
    assert_int_equal(add(&s, "in/a", NULL), DS_OK);
    assert_int_equal(commit(&s, NULL), DS_OK);
    assert_int_equal(dsi_commit(s.table, late, NULL, NULL, &err), DS_ECONFLICT);
    assert_non_null(strstr(err.detail, "file-added"));
    assert_non_null(strstr(err.detail, s.change->identity)); // Who won.
    assert_int_equal(look(&s).rows, 6);
    dsi_change_free(late);
    tear_down(&s);
}

static void test_adoption__never_removes_what_it_did_not_write(void **state)
{
    struct scene s;
    (void)state;

    set_up(&s, schema_json);
    assert_int_equal(add(&s, "in/a", NULL), DS_OK);
    struct dsi_data_file own = test_file(s.catalog.storage, "memory:///t/data/own", 1);
    assert_int_equal(dsi_change_append(s.change, &own, 1, true, NULL), DS_OK);
    dsi_change_discard(s.change, s.catalog.storage);
    assert_true(test_exists(s.catalog.storage, "memory:///t/in/a"));
    assert_false(test_exists(s.catalog.storage, "memory:///t/data/own"));
    tear_down(&s);
}

static void test_adoption__takes_any_file_into_a_table_without_columns(void **state)
{
    struct dsi_adoption_file file = {.path = "memory:///t/data/x", .record_count = -1};
    struct ds_error err = {0};
    struct scene s;
    (void)state;

    set_up(&s, "{\"type\":\"struct\",\"fields\":[]}");
    test_file(s.catalog.storage, "memory:///t/data/x", 0);
    assert_int_equal(
        dsi_adoption_add(s.catalog.storage, s.state->metadata, s.change, &file, 1, &err),
        DS_EINVALID);
    assert_int_equal(add(&s, "data/nobody", &err), DS_ENOTFOUND);
    begin(&s);
    assert_int_equal(add(&s, "data/x", &err), DS_OK);
    assert_int_equal(s.synced, 1);
    assert_int_equal(commit(&s, &err), DS_OK);
    assert_int_equal(look(&s).rows, 7);
    tear_down(&s);
}

static void test_adoption__says_what_is_wrong(void **state)
{
    static const struct {
        const char *path;
        int status;
    } cases[] = {{"in/nobody", DS_ENOTFOUND},
                 {"", DS_EINVALID},
                 {"../u/b", DS_EINVALID},
                 {"memory:///t/in/text", DS_ECORRUPT},
                 {"s3://u/b", DS_EUNSUPPORTED}};
    struct scene s;
    (void)state;

    set_up(&s, schema_json);
    test_file(s.catalog.storage, "memory:///t/in/text", 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ds_error err = {0};
        begin(&s);
        assert_int_equal(add(&s, cases[i].path, &err), cases[i].status);
        assert_non_null(strstr(err.message, cases[i].path));
        assert_null(dsi_change_addition(s.change));
    }
    assert_int_equal(s.synced, 0);
    assert_int_equal(
        dsi_adoption_add(s.catalog.storage, s.state->metadata, s.change, NULL, 0, NULL),
        DS_OK);
    tear_down(&s);
}

static void test_adoption__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct scene s;
    (void)state;

    set_up(&s, schema_json);
    assert_int_equal(add(&s, "memory:///u/b", NULL), DS_OK);
    assert_int_equal(commit(&s, NULL), DS_OK);
    begin(&s);
    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        struct dsi_change *c = s.change;
        int rc = dsi_change_new(s.state, NULL, &s.change, &err);
        if (rc == DS_OK) {
            rc = add(&s, "in/a", &err);
            dsi_change_free(s.change);
        }
        dsi_fault_stop();
        s.change = c;
        assert_true(plan.name ? rc < 0 && err.message[0] != '\0' : rc == DS_OK);
    }
    assert_true(plan.target > 20);
    tear_down(&s);
}

// Whatever goes wrong from the first look to the last clean-up: the file stays, and its
// rows are there or not, as was said.
static void test_adoption__leaves_the_file_after_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct scene s;
    (void)state;

    set_up(&s, schema_json);
    while (dsi_fault_next(&plan)) {
        struct ds_commit_result result = {.struct_size = sizeof result};
        struct ds_error err = {0};
        int rc = add(&s, "in/a", &err);
        if (rc == DS_OK) {
            rc = dsi_commit(s.table, s.change, NULL, &result, &err);
        }
        dsi_fault_stop();
        int64_t rows = look(&s).rows;
        assert_true(test_exists(s.catalog.storage, "memory:///t/in/a"));
        assert_true(rows == 0 || rows == 6);
        assert_true(rc == DS_EUNKNOWN || rows == (rc == DS_OK ? 6 : 0));
        tear_down(&s);
        set_up(&s, schema_json);
    }
    assert_true(plan.target > 60);
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_adoption__adds_files_from_anywhere_once),
        cmocka_unit_test(test_adoption__maps_names_where_the_table_does_not),
        cmocka_unit_test(test_adoption__asks_that_names_keep_their_meaning),
        cmocka_unit_test(test_adoption__adds_a_file_once_whoever_is_faster),
        cmocka_unit_test(test_adoption__never_removes_what_it_did_not_write),
        cmocka_unit_test(test_adoption__takes_any_file_into_a_table_without_columns),
        cmocka_unit_test(test_adoption__says_what_is_wrong),
        cmocka_unit_test(test_adoption__survives_every_fault),
        cmocka_unit_test(test_adoption__leaves_the_file_after_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
