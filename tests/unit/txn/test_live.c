#include "txn/live.h"

#include "base/fault.h"
#include "fixture.h"

struct told {
    size_t count;
    int64_t rows;
    char manifest[200];
    int answer;
};

static int see(void *arg, const struct dsi_data_file *file, const char *manifest,
               struct ds_error *err)
{
    struct told *s = arg;

    (void)err;
    s->count++;
    s->rows += file->record_count;
    snprintf(s->manifest, sizeof s->manifest, "%s", manifest);
    return s->answer;
}

// A table with two data files of 1 and 2 rows.
static struct dsi_table *make(struct dsi_catalog *catalog)
{
    catalog_init(catalog);
    struct dsi_table *t = test_create(catalog, NULL, 0);
    for (int i = 1; i < 3; i++) {
        char path[60];
        snprintf(path, sizeof path, "memory:///t/data/%d", i);
        struct dsi_change *c = test_change(t, NULL, path, i);
        assert_int_equal(dsi_commit(t, c, NULL, NULL, NULL), DS_OK);
        dsi_change_free(c);
    }
    return t;
}

static int look(const struct dsi_catalog *catalog, const struct dsi_state *state,
                struct told *seen, struct ds_error *err)
{
    struct dsi_change *c = NULL;
    int rc = dsi_change_new(state, NULL, &c, err);

    rc = rc < 0 ? rc
                : dsi_live_files(catalog->storage, state->metadata, c, see, seen, err);
    dsi_change_free(c);
    return rc;
}

static void test_live__tells_of_every_file(void **state)
{
    struct dsi_catalog catalog;
    struct dsi_table *t = make(&catalog);
    const struct dsi_state *s = dsi_table_state(t);
    struct told all = {0};
    struct told one = {.answer = DS_EINVALID};
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(look(&catalog, s, &all, NULL), DS_OK);
    assert_int_equal(all.count, 2);
    assert_int_equal(all.rows, 3);
    assert_true(test_exists(catalog.storage, all.manifest));
    assert_int_equal(look(&catalog, s, &one, NULL), DS_EINVALID);
    assert_int_equal(one.count, 1);
    const struct dsi_snapshot *now = dsi_metadata_current_snapshot(s->metadata);
    assert_int_equal(dsi_storage_remove(catalog.storage, now->manifest_list, NULL),
                     DS_OK);
    assert_int_equal(look(&catalog, s, &all, &err), DS_ECONFLICT);
    assert_non_null(strstr(err.detail, "snapshot-expired"));
    dsi_state_unref(s);
    dsi_table_free(t);
    catalog_release(&catalog);
}

static void test_live__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct dsi_catalog catalog;
    struct dsi_table *t = make(&catalog);
    const struct dsi_state *s = dsi_table_state(t);
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        struct told all = {0};
        int rc = look(&catalog, s, &all, &err);
        dsi_fault_stop();
        assert_true(plan.name ? rc < 0 && err.message[0] != '\0'
                              : rc == DS_OK && all.count == 2);
    }
    assert_true(plan.target > 5);
    dsi_state_unref(s);
    dsi_table_free(t);
    catalog_release(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live__tells_of_every_file),
        cmocka_unit_test(test_live__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
