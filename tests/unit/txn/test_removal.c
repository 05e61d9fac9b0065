#include "txn/removal.h"

#include "base/fault.h"
#include "fixture.h"

// A table with data files a (1 row) and b (2 rows), each in a manifest of its own.
struct scene {
    struct dsi_catalog catalog;
    struct dsi_table *table;
    const struct dsi_state *state;
    struct dsi_change *change;
};

static void set_up(struct scene *s)
{
    catalog_init(&s->catalog);
    s->table = test_create(&s->catalog, NULL, 0);
    struct dsi_change *a = test_change(s->table, NULL, "memory:///t/data/a", 1);
    assert_int_equal(dsi_commit(s->table, a, NULL, NULL, NULL), DS_OK);
    struct dsi_change *b = test_change(s->table, NULL, "memory:///t/data/b", 2);
    assert_int_equal(dsi_commit(s->table, b, NULL, NULL, NULL), DS_OK);
    dsi_change_free(a);
    dsi_change_free(b);
    s->state = dsi_table_state(s->table);
    assert_int_equal(dsi_change_new(s->state, NULL, &s->change, NULL), DS_OK);
}

static void tear_down(struct scene *s)
{
    dsi_change_free(s->change);
    dsi_state_unref(s->state);
    dsi_table_free(s->table);
    catalog_release(&s->catalog);
}

static int find(struct scene *s, const char *path, size_t *found, struct ds_error *err)
{
    return dsi_removal_find(s->catalog.storage, s->state->metadata, s->change, &path, 1,
                            found, err);
}

static void test_removal__finds_live_files_once(void **state)
{
    static const struct {
        const char *path;
        size_t found;
    } cases[] = {{"memory:///t/data/c", 0},
                 {"../t/data/a", 0},
                 {"data", 0},
                 {"///", 0},
                 {"/data/a", 1},
                 {"data/a", 0},
                 {"memory:///t/data/a", 0},
                 {"memory:///t/data/b", 1}};
    struct scene s;
    size_t found = 9;
    (void)state;

    set_up(&s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(find(&s, cases[i].path, &found, NULL), DS_OK);
        assert_int_equal(found, cases[i].found);
    }
    const struct dsi_operation *o = dsi_change_deletion(s.change);
    assert_non_null(o);
    assert_int_equal(o->replaced_count, 2);
    assert_string_equal(o->replaced[0].path, "memory:///t/data/a");
    assert_int_equal(o->replaced[0].rows, 1);
    assert_int_equal(o->replaced[1].rows, 2);
    assert_string_not_equal(o->replaced[0].manifest, o->replaced[1].manifest);
    assert_true(dsi_change_makes_snapshot(s.change));
    tear_down(&s);
}

static void test_removal__says_when_the_version_is_gone(void **state)
{
    struct ds_error err = {0};
    struct scene s;
    size_t found = 9;
    (void)state;

    set_up(&s);
    const struct dsi_snapshot *now = dsi_metadata_current_snapshot(s.state->metadata);
    assert_int_equal(dsi_storage_remove(s.catalog.storage, now->manifest_list, NULL),
                     DS_OK);
    assert_int_equal(find(&s, "data/a", &found, &err), DS_ECONFLICT);
    assert_non_null(strstr(err.detail, "snapshot-expired"));
    assert_int_equal(find(&s, "", &found, &err), DS_EINVALID);
    assert_int_equal(found, 0);
    tear_down(&s);
}

static void test_removal__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct scene s;
    (void)state;

    set_up(&s);
    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        struct dsi_change *c = s.change;
        size_t found = 9;
        int rc = dsi_change_new(s.state, NULL, &s.change, &err);
        if (rc == DS_OK) {
            rc = find(&s, "data/a", &found, &err);
            dsi_change_free(s.change);
        }
        dsi_fault_stop();
        s.change = c;
        assert_true(plan.name ? rc < 0 && err.message[0] != '\0'
                              : rc == DS_OK && found == 1);
    }
    assert_true(plan.target > 5);
    tear_down(&s);
}

// A table on a disk says "file:///…"; who deletes may say it as a path.
static void test_removal__finds_a_file_by_its_plain_path(void **state)
{
    struct scene s;
    size_t found = 9;
    (void)state;

    set_up(&s);
    struct dsi_change *c = test_blank(s.table, NULL);
    struct dsi_data_file f = test_file(s.catalog.storage, "memory:///t/data/d", 1);
    f.path = "file:///lake/d.parquet";
    assert_int_equal(dsi_change_append(c, &f, 1, false, NULL), DS_OK);
    assert_int_equal(dsi_commit(s.table, c, NULL, NULL, NULL), DS_OK);
    dsi_change_free(c);
    dsi_state_unref(s.state);
    s.state = dsi_table_state(s.table);
    assert_int_equal(find(&s, "/lake/d", &found, NULL), DS_OK);
    assert_int_equal(found, 0);
    assert_int_equal(find(&s, "/lake/d.parquet", &found, NULL), DS_OK);
    assert_int_equal(found, 1);
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_removal__finds_live_files_once),
        cmocka_unit_test(test_removal__says_when_the_version_is_gone),
        cmocka_unit_test(test_removal__survives_every_fault),
        cmocka_unit_test(test_removal__finds_a_file_by_its_plain_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
