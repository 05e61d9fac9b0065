#include "txn/sweep.h"

#include "base/fault.h"
#include "fixture.h"

enum { COUNT = 3 };

static const char *const files[COUNT] = {
    "memory:///t/metadata/1", "memory:///t/metadata/2", "memory:///t/metadata/3"};

// A table, of which a version forgot its first snapshot, files[0], and perhaps the
// others.
struct forgotten {
    struct dsi_catalog c;
    struct dsi_table *t;
    char list[256]; // Of that snapshot.
    const struct dsi_snapshot *expired[1];
    const char *ledger[1];
    const char *dropped[COUNT - 1];
    struct dsi_rebased r;
};

static void init(struct forgotten *f, bool deletes)
{
    static const struct ds_property set[] = {
        {"write.metadata.delete-after-commit.enabled", "true"}};

    catalog_init(&f->c);
    f->t = test_create(&f->c, set, deletes);
    struct dsi_change *change = test_change(f->t, NULL, "memory:///t/data/a", 1);
    assert_int_equal(dsi_commit(f->t, change, NULL, NULL, NULL), DS_OK);
    dsi_change_free(change);
    for (int i = 0; i < COUNT; i++) {
        struct ds_slice bytes = {(const uint8_t *)"x", 1};
        assert_int_equal(dsi_storage_put(f->c.storage, files[i], bytes, 0, NULL), DS_OK);
    }
    const struct dsi_metadata *m = dsi_table_metadata(f->t);
    snprintf(f->list, sizeof f->list, "%s", m->snapshots[0]->manifest_list);
    f->expired[0] = m->snapshots[0];
    f->ledger[0] = files[0];
    f->dropped[0] = files[1];
    f->dropped[1] = files[2];
    f->r = (struct dsi_rebased){.metadata = m,
                                .expired = f->expired,
                                .expired_count = 1,
                                .dropped = f->dropped,
                                .dropped_count = COUNT - 1,
                                .dropped_ledger = f->ledger,
                                .dropped_ledger_count = 1};
}

static void release(struct forgotten *f)
{
    catalog_release(&f->c);
}

// What made the version ends, and so does the handle.
static void end_maker(struct forgotten *f)
{
    dsi_metadata_unref(f->r.metadata);
    dsi_table_free(f->t);
}

static void check(struct forgotten *f, bool list, bool ledger, bool dropped)
{
    assert_int_equal(test_exists(f->c.storage, f->list), list);
    assert_int_equal(test_exists(f->c.storage, files[0]), ledger);
    assert_int_equal(test_exists(f->c.storage, files[1]), dropped);
    assert_int_equal(test_exists(f->c.storage, files[2]), dropped);
    assert_true(test_exists(f->c.storage, "memory:///t/data/a"));
}

static void test_sweep__removes_what_was_forgotten_after_its_maker_has_ended(void **state)
{
    struct forgotten f;
    (void)state;

    init(&f, true);
    struct dsi_sweep *s = dsi_sweep_new(f.c.storage, &f.r);
    assert_non_null(s);
    assert_int_equal(dsi_sweep_size(s), 2 + 1 + 2);
    end_maker(&f);
    memset(&f.expired, 0, sizeof f.expired);
    memset(&f.ledger, 0, sizeof f.ledger);
    memset(&f.dropped, 0, sizeof f.dropped);
    check(&f, true, true, true);
    dsi_sweep_run(s);
    check(&f, false, false, false);
    dsi_sweep_run(s); // Nothing is left to do.
    dsi_sweep_free(s);
    release(&f);
}

static void test_sweep__keeps_metadata_files_unless_the_table_says_so(void **state)
{
    struct forgotten f;
    (void)state;

    init(&f, false);
    struct dsi_sweep *s = dsi_sweep_new(f.c.storage, &f.r);
    assert_non_null(s);
    assert_int_equal(dsi_sweep_size(s), 2 + 1);
    end_maker(&f);
    dsi_sweep_run(s);
    check(&f, false, false, true);
    dsi_sweep_free(s);
    release(&f);
}

static void test_sweep__that_is_not_run_removes_nothing(void **state)
{
    struct forgotten f;
    (void)state;

    init(&f, true);
    dsi_sweep_free(dsi_sweep_new(f.c.storage, &f.r));
    dsi_sweep_free(NULL);
    end_maker(&f);
    check(&f, true, true, true);
    release(&f);
}

static void test_sweep__without_memory_there_is_none(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct forgotten f;
    unsigned failed = 0;
    (void)state;

    init(&f, true);
    while (dsi_fault_next(&plan)) {
        struct dsi_sweep *s = dsi_sweep_new(f.c.storage, &f.r);
        failed += s == NULL;
        dsi_sweep_free(s);
    }
    dsi_fault_stop();
    assert_true(failed > 1);
    end_maker(&f);
    check(&f, true, true, true);
    release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_sweep__removes_what_was_forgotten_after_its_maker_has_ended),
        cmocka_unit_test(test_sweep__keeps_metadata_files_unless_the_table_says_so),
        cmocka_unit_test(test_sweep__that_is_not_run_removes_nothing),
        cmocka_unit_test(test_sweep__without_memory_there_is_none),
    };
    return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
