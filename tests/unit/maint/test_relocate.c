#include "unit/maint/moved_table.h"

#include "base/cancel.h"
#include "base/fault.h"

static void test_relocate__names_the_new_place_everywhere(void **state)
{
    struct dsi_relocate_counts dry = {0};
    struct dsi_relocate_counts done = {0};
    struct moved t;
    char *json = NULL;
    (void)state;

    moved_make(&t);
    const size_t files = moved_files(&t);
    assert_int_equal(dsi_relocate(t.f.table->table, true, &dry, &t.f.err), DS_OK);
    assert_true(dry.relocated && dry.manifests == 2 && dry.bytes > 0);
    assert_int_equal(moved_files(&t), files);
    assert_false(moved_is_here(&t));
    assert_int_equal(dsi_relocate(t.f.table->table, false, &done, &t.f.err), DS_OK);
    assert_int_equal(done.snapshots + done.manifests * 10 + done.data_files * 100, 222);
    assert_int_equal(dry.snapshots + dry.manifests * 10 + dry.data_files * 100, 222);
    assert_int_equal(moved_files(&t), files + 2 + 2 + 1); // Manifests, lists, metadata.
    assert_true(moved_is_here(&t)); // Also the handle that has done it.
    moved_open(&t);
    assert_int_equal(ds_table_metadata_json(t.f.table, &json, &t.f.err), DS_OK);
    assert_null(strstr(json, t.was));
    ds_string_free(json);
    assert_int_equal(fixture_count(&t.f, NULL), 4);
    fixture_append(&t.f, "id,s\n5,e\n");
    assert_int_equal(fixture_count(&t.f, NULL), 5);
    assert_int_equal(dsi_relocate(t.f.table->table, false, &done, &t.f.err), DS_OK);
    assert_false(done.relocated);
    moved_end(&t);
}

// Somebody else relocates it when this one is asked whether to stop.
struct rival {
    struct moved *t;
    unsigned asked;
    unsigned at;
    bool answer;
};

static bool relocate_before(void *arg)
{
    struct rival *r = arg;
    struct ds_table *other = NULL;
    struct dsi_relocate_counts done;

    if (++r->asked == r->at && !r->answer) {
        assert_int_equal(ds_table_open(r->t->now, &other, NULL), DS_OK);
        assert_int_equal(dsi_relocate(other->table, false, &done, NULL), DS_OK);
        assert_true(done.relocated);
        ds_table_free(other);
    }
    return r->answer && r->asked >= r->at;
}

static int relocate_asking(struct rival *r, struct dsi_relocate_counts *out)
{
    struct ds_cancel_scope cancel = {.cancelled = relocate_before, .arg = r};

    dsi_cancel_begin(&cancel);
    int rc = dsi_relocate(r->t->f.table->table, false, out, &r->t->f.err);
    dsi_cancel_end(&cancel);
    return rc;
}

static void test_relocate__begins_again_when_somebody_was_faster(void **state)
{
    struct dsi_relocate_counts done = {0};
    struct moved t;
    (void)state;

    moved_make(&t);
    const size_t files = moved_files(&t);
    struct rival rival = {.t = &t, .at = 2};
    assert_int_equal(relocate_asking(&rival, &done), DS_OK);
    assert_true(rival.asked >= 2);
    assert_false(done.relocated); // There was nothing left to do,
    assert_true(moved_is_here(&t));
    assert_int_equal(moved_files(&t), files + 5); // and what it had written is gone.
    assert_int_equal(fixture_count(&t.f, NULL), 4);
    moved_end(&t);
}

static void test_relocate__a_cancelled_one_changes_nothing(void **state)
{
    struct dsi_relocate_counts done = {0};
    struct moved t;
    (void)state;

    moved_make(&t);
    const size_t files = moved_files(&t);
    for (unsigned at = 1; at < 4; at++) {
        struct rival rival = {.t = &t, .at = at, .answer = true};
        assert_int_equal(relocate_asking(&rival, &done), DS_ECANCELLED);
        assert_int_equal(moved_files(&t), files);
        assert_false(moved_is_here(&t));
    }
    assert_int_equal(fixture_count(&t.f, NULL), 4);
    moved_end(&t);
}

// A fault is also what a crash leaves behind, but for files that are no longer removed.
static void test_relocate__whatever_fails_it_is_the_old_table_or_the_new(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct dsi_relocate_counts done = {0};
    struct moved t;
    unsigned old = 0;
    unsigned new = 0;
    unsigned number = 1;
    (void)state;

    moved_make(&t);
    for (bool more = true; more; number++) {
        const size_t files = moved_files(&t);
        more = dsi_fault_next(&plan);
        int rc = dsi_relocate(t.f.table->table, false, &done, &t.f.err);
        dsi_fault_stop();
        moved_open(&t);
        const bool here = moved_is_here(&t);
        assert_true(rc == DS_EUNKNOWN || here == (rc == DS_OK));
        assert_true(rc == DS_OK || t.f.err.message[0]);
        assert_int_equal(fixture_count(&t.f, NULL), 4);
        old += !here;
        new += here &&rc < 0;
        if (rc == DS_ENOMEM && !here) {
            assert_int_equal(moved_files(&t), files); // It tidied up.
        }
        if (dsi_relocate(t.f.table->table, false, &done, &t.f.err) != DS_OK) {
            fail_msg("after %s: %s", plan.name, t.f.err.message);
        }
        assert_true(moved_is_here(&t));
        moved_again(&t, number);
    }
    assert_true(old > 20);
    assert_true(new > 0);
    moved_end(&t);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relocate__names_the_new_place_everywhere),
        cmocka_unit_test(test_relocate__begins_again_when_somebody_was_faster),
        cmocka_unit_test(test_relocate__a_cancelled_one_changes_nothing),
        cmocka_unit_test(test_relocate__whatever_fails_it_is_the_old_table_or_the_new),
    };
    return cmocka_run_group_tests_name("relocate", tests, NULL, NULL);
}
