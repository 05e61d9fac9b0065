#include "txn/held.h"

#include "append_fixture.h"
#include "base/fault.h"

// A change that holds `count` rows (0, "x"), (1, "x"), … of the schema of `m`.
static struct dsi_change *holding(struct dsi_table *t, const struct dsi_metadata *m,
                                  int64_t count)
{
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_change *c = NULL;
    struct dsi_append *a = NULL;
    struct dsi_batch_builder *rows = NULL;
    struct dsi_batch b;

    assert_int_equal(dsi_change_new(s, NULL, &c, NULL), DS_OK);
    assert_int_equal(dsi_append_new(dsi_table_storage(t), m, c, &a, NULL), DS_OK);
    dsi_append_hold(a, 1000, 65536);
    assert_int_equal(dsi_batch_builder_new(dsi_append_schema(a), &rows, NULL), DS_OK);
    for (int64_t i = 0; i < count; i++) {
        struct dsi_value id = {.kind = DSI_TYPE_LONG, .as.i64 = i};
        struct dsi_value name = {.kind = DSI_TYPE_STRING,
                                 .as.bytes = {(const uint8_t *)"x", 1}};
        assert_int_equal(dsi_batch_builder_set(rows, 0, &id, NULL), DS_OK);
        assert_int_equal(dsi_batch_builder_set(rows, 1, &name, NULL), DS_OK);
        assert_int_equal(dsi_batch_builder_end_row(rows, NULL), DS_OK);
    }
    assert_int_equal(dsi_batch_builder_take(rows, &b, NULL), DS_OK);
    dsi_batch_builder_free(rows);
    assert_int_equal(dsi_append_batch(a, &b, NULL), DS_OK);
    assert_int_equal(dsi_append_finish(a, NULL), DS_OK);
    assert_non_null(dsi_change_held(c));
    dsi_batch_release(&b);
    dsi_append_free(a);
    dsi_state_unref(s);
    return c;
}

// The table's metadata, with another current schema beside the one it has.
static const struct dsi_metadata *evolved(struct dsi_table *t, const char *fields,
                                          const char *partition)
{
    static const char schemas[] = "\"schemas\":[";
    static const char current[] = "\"current-schema-id\":0";
    static const char spec[] = "\"partition-specs\":[{\"spec-id\":0,\"fields\":[";
    const struct dsi_metadata *m = dsi_table_metadata(t);
    struct dsi_buf old = DSI_BUF_INIT;
    struct dsi_buf json = DSI_BUF_INIT;
    struct dsi_metadata *out = NULL;
    struct ds_error err = {0};

    assert_int_equal(dsi_metadata_to_json(m, &old, NULL), DS_OK);
    const char *text = dsi_buf_text(&old);
    for (const char *p = text; *p;) {
        if (strncmp(p, schemas, strlen(schemas)) == 0) {
            assert_int_equal(dsi_buf_printf(&json, NULL,
                                            "%s{\"type\":\"struct\",\"schema-id\":1,"
                                            "\"fields\":[%s]},",
                                            schemas, fields),
                             DS_OK);
            p += strlen(schemas);
        } else if (strncmp(p, current, strlen(current)) == 0) {
            assert_int_equal(dsi_buf_append_text(&json, "\"current-schema-id\":1", NULL),
                             DS_OK);
            p += strlen(current);
        } else if (partition && strncmp(p, spec, strlen(spec)) == 0) {
            assert_int_equal(dsi_buf_printf(&json, NULL, "%s%s", spec, partition), DS_OK);
            p += strlen(spec);
        } else {
            assert_int_equal(dsi_buf_append_byte(&json, (uint8_t)*p++, NULL), DS_OK);
        }
    }
    if (dsi_metadata_parse(dsi_buf_slice(&json), &out, &err) != DS_OK) {
        fail_msg("%s in %.*s", err.message, (int)json.size, (const char *)json.data);
    }
    assert_int_equal(out->current_schema_id, 1);
    dsi_buf_release(&old);
    dsi_buf_release(&json);
    dsi_metadata_unref(m);
    return out;
}

static void test_held__rows_become_files_of_the_change(void **state)
{
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    struct dsi_change *change = holding(t, m, 7);
    assert_int_equal(dsi_change_write_held(change, m, c.storage, NULL), DS_OK);
    assert_null(dsi_change_held(change));
    assert_int_equal(change->operations[0].file_count, 1);
    assert_true(change->operations[0].owned);
    assert_int_equal(dsi_change_write_held(change, m, c.storage, NULL), DS_OK);
    assert_int_equal(change->operations[0].file_count, 1); // Once.
    assert_int_equal(dsi_commit(t, change, NULL, &r, NULL), DS_OK);
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.rows, 7);
    dsi_change_free(change);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_held__rows_are_committed_as_they_are(void **state)
{
    struct dsi_catalog c;
    struct ds_commit_result r = {0};
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    struct dsi_change *change = holding(t, m, 3);
    assert_int_equal(dsi_commit(t, change, NULL, &r, NULL), DS_OK);
    assert_int_equal(r.outcome, DS_COMMITTED);
    assert_int_equal(r.rows, 3);
    assert_int_equal(r.files, 1);
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.rows, 3);
    dsi_change_free(change);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    catalog_release(&c);
}

#define ID "{\"id\":1,\"name\":\"id\",\"required\":false,\"type\":\"long\"}"
#define NAME ",{\"id\":2,\"name\":\"name\",\"required\":false,\"type\":\"string\"}"

// Rows by the new schema of a file of the old one.
static void read_back(struct dsi_catalog *c, const struct dsi_change *change,
                      const struct dsi_metadata *m)
{
    struct dsi_data_reader_options o = {.storage = c->storage,
                                        .file = &change->operations[0].files[0],
                                        .metadata = m,
                                        .schema = dsi_metadata_current_schema(m)};
    struct dsi_data_reader *reader = NULL;
    struct dsi_batch got = {0};

    assert_int_equal(dsi_data_reader_open(&o, &reader, NULL), DS_OK);
    assert_int_equal(dsi_data_reader_next(reader, &got, NULL), DS_ROW);
    assert_int_equal(got.rows, 5);
    for (int64_t i = 0; i < got.rows; i++) {
        struct dsi_value v;
        dsi_column_value(&got.columns[0], i, &v);
        assert_int_equal(v.as.i64, i);
        for (size_t k = 2; k < got.column_count; k++) {
            assert_true(dsi_column_is_null(&got.columns[k], i));
        }
    }
    dsi_batch_release(&got);
    dsi_data_reader_close(reader);
}

static void
test_held__rows_of_an_older_schema_are_kept_where_they_can_be_read(void **state)
{
    static const char *const fits[] = {
        ID NAME ",{\"id\":3,\"name\":\"more\",\"required\":false,\"type\":\"int\"}",
        ID NAME ",{\"id\":3,\"name\":\"st\",\"required\":false,\"type\":{\"type\":"
                "\"struct\",\"fields\":[{\"id\":4,\"name\":\"x\",\"required\":true,"
                "\"type\":\"int\"}]}}",
        ("{\"id\":1,\"name\":\"renamed\",\"required\":false,\"type\":\"long\"}" NAME),
        ID,
    };
    (void)state;

    for (size_t i = 0; i < sizeof fits / sizeof *fits; i++) {
        struct dsi_catalog c;
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, NULL, 0);
        const struct dsi_metadata *m = dsi_table_metadata(t);
        const struct dsi_metadata *next = evolved(t, fits[i], NULL);
        struct dsi_change *change = holding(t, m, 5);
        assert_int_equal(dsi_change_write_held(change, next, c.storage, NULL), DS_OK);
        assert_int_equal(change->operations[0].file_count, 1);
        read_back(&c, change, next);
        dsi_change_free(change);
        dsi_metadata_unref(m);
        dsi_metadata_unref(next);
        dsi_table_free(t);
        catalog_release(&c);
    }
}

static void test_held__rows_that_no_longer_fit_are_refused_by_name(void **state)
{
    static const struct {
        const char *fields;
        const char *partition;
        const char *why;
    } cases[] = {
        {ID NAME ",{\"id\":3,\"name\":\"more\",\"required\":true,\"type\":\"int\"}", NULL,
         "column more"},
        {"{\"id\":1,\"name\":\"id\",\"required\":true,\"type\":\"long\"}" NAME, NULL,
         "become required"},
        {"{\"id\":1,\"name\":\"id\",\"required\":false,\"type\":\"string\"}" NAME, NULL,
         "another type"},
        {ID NAME ",{\"id\":3,\"name\":\"day\",\"required\":false,\"type\":\"date\"}",
         "{\"source-id\":3,\"field-id\":1000,\"name\":\"d\",\"transform\":\"identity\"}",
         "column day"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dsi_catalog c;
        struct ds_error err = {0};
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, NULL, 0);
        const struct dsi_metadata *m = dsi_table_metadata(t);
        const struct dsi_metadata *next = evolved(t, cases[i].fields, cases[i].partition);
        struct dsi_change *change = holding(t, m, 5);
        assert_int_equal(dsi_change_write_held(change, next, c.storage, &err),
                         DS_ECONFLICT);
        if (!strstr(err.message, cases[i].why)) {
            fail_msg("\"%s\" is not in: %s", cases[i].why, err.message);
        }
        assert_non_null(dsi_change_held(change));
        dsi_change_free(change);
        dsi_metadata_unref(m);
        dsi_metadata_unref(next);
        dsi_table_free(t);
        catalog_release(&c);
    }
}

// By a column of another type each would be in a file where nobody looks for it.
static void test_held__rows_are_divided_by_columns_as_the_table_has_them(void **state)
{
    static const char narrow[] =
        "{\"id\":1,\"name\":\"id\",\"required\":false,\"type\":\"int\"}" NAME;
    (void)state;

    for (int sorted = 0; sorted < 2; sorted++) {
        struct dsi_append *a = NULL;
        struct dsi_catalog c;
        struct ds_error err = {0};
        struct dsi_table *t =
            make(&c, sorted ? NULL : "id", sorted ? "id" : NULL, NULL, 0);
        const struct dsi_metadata *next = evolved(t, narrow, NULL);
        struct dsi_change *change = test_blank(t, NULL);
        assert_int_equal(dsi_append_new_as(c.storage, next, 0, change, &a, &err),
                         DS_ECONFLICT);
        assert_non_null(strstr(err.message, "another type"));
        assert_int_equal(dsi_append_new_as(c.storage, next, 9, change, &a, &err),
                         DS_ECONFLICT);
        assert_non_null(strstr(err.message, "no longer has"));
        assert_int_equal(dsi_append_new_as(c.storage, next, 1, change, &a, &err), DS_OK);
        dsi_append_free(a);
        dsi_change_free(change);
        dsi_metadata_unref(next);
        dsi_table_free(t);
        catalog_release(&c);
    }
}

static void test_held__rows_survive_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    bool more = true;
    while (more) {
        struct dsi_change *change = holding(t, m, 7);
        struct ds_error err = {0};
        more = dsi_fault_next(&plan);
        int rc = dsi_change_write_held(change, m, c.storage, &err);
        dsi_fault_stop();
        assert_int_equal(files_there(&c), rc == DS_OK ? 1 : 0);
        assert_int_equal(dsi_change_held(change) != NULL, rc != DS_OK);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        dsi_change_discard(change, c.storage);
        dsi_change_free(change);
    }
    assert_true(plan.target > 20);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_held__rows_become_files_of_the_change),
        cmocka_unit_test(test_held__rows_are_committed_as_they_are),
        cmocka_unit_test(
            test_held__rows_of_an_older_schema_are_kept_where_they_can_be_read),
        cmocka_unit_test(test_held__rows_that_no_longer_fit_are_refused_by_name),
        cmocka_unit_test(test_held__rows_are_divided_by_columns_as_the_table_has_them),
        cmocka_unit_test(test_held__rows_survive_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
