#include "txn/forget.h"

#include "base/fault.h"
#include "fixture.h"
#include "txn/expire.h"

static const struct ds_property settings[] = {
    {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
    {"history.expire.max-snapshot-age-ms", "1"},
    {"history.expire.min-snapshots-to-keep", "2"},
};

static void append(struct dsi_table *t, int i)
{
    char path[40];
    snprintf(path, sizeof path, "memory:///t/data/%d", i);
    struct dsi_change *change = test_change(t, NULL, path, 1);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    dsi_change_free(change);
}

static void test_forget__removes_ledger_files_that_were_merged(void **state)
{
    struct dsi_catalog c;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_ledger before = {.count = 0};
    size_t gone = 0;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, settings, 3);
    for (int i = 0; i < 40; i++) {
        append(t, i);
        const struct dsi_metadata *m = dsi_table_metadata(t);
        for (size_t k = 0; k < before.count; k++) {
            char *path = NULL;
            assert_int_equal(
                dsi_ledger_path(m, before.files[k].name, &arena, &path, NULL), DS_OK);
            bool named = dsi_ledger_names(m, path);
            assert_int_equal(test_exists(c.storage, path), named);
            gone += !named;
        }
        dsi_ledger_of(m, &before);
        assert_int_equal(before.count > 0, i >= 2);
        assert_true(before.count <= 6);
        dsi_metadata_unref(m);
    }
    assert_true(gone > 20);
    dsi_arena_release(&arena);
    dsi_table_free(t);
    catalog_release(&c);
}

// Rebases with what it asks for, once.
static int rebase(struct dsi_catalog *c, const struct dsi_state *s,
                  const struct dsi_change *change, struct dsi_rebased *r)
{
    struct dsi_prepared p;
    struct dsi_loaded_file files[DSI_LEDGER_FILES_MAX];
    struct dsi_buf bytes[DSI_LEDGER_FILES_MAX] = {{0}};
    size_t count = 0;
    int rc = dsi_rebase_prepare(s, change, &p, NULL);
    struct dsi_rebase_input in = {.now_ms = s->metadata->last_updated_ms + 1000,
                                  .attempt = 1,
                                  .prepared = &p,
                                  .ledger = files};
    for (int i = 0; i < 2 && rc == DS_OK; i++) {
        rc = dsi_rebase(s, change, &in, r, NULL);
        if (rc < 0 || r->outcome == DSI_REBASED) {
            break;
        }
        for (; count < r->needs_ledger_count && rc == DS_OK; count++) {
            files[count].path = strdup(r->needs_ledger[count]);
            rc = dsi_storage_read(c->storage, files[count].path, &bytes[count], NULL);
            files[count].bytes = dsi_buf_slice(&bytes[count]);
        }
        in.ledger_count = count;
        dsi_rebased_release(r);
    }
    for (size_t i = 0; i < count; i++) {
        free((char *)files[i].path);
        dsi_buf_release(&bytes[i]);
    }
    dsi_prepared_release(&p);
    return rc;
}

static void test_forget__bears_failing_memory(void **state)
{
    struct dsi_catalog c;
    struct dsi_fault_plan plan = {0};
    struct dsi_rebased r = {0};
    size_t failures = 0;
    size_t merged = 0;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, settings, 3);
    for (int i = 0; i < 5; i++) {
        append(t, i);
    }
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/more", 1);
    const struct dsi_state *s = dsi_table_state(t);
    while (dsi_fault_next(&plan)) {
        int rc = rebase(&c, s, change, &r);
        assert_true(rc == DS_OK || rc == DS_ENOMEM || rc == DS_EIO);
        failures += rc < 0;
        if (rc == DS_OK) {
            assert_int_equal(r.outcome, DSI_REBASED);
            assert_int_equal(r.expired_count, 1);
            assert_non_null(r.ledger);
            merged = r.dropped_ledger_count;
            dsi_rebased_release(&r);
        }
    }
    assert_true(failures > 20);
    assert_true(merged > 0);
    dsi_change_free(change);
    dsi_state_unref(s);
    dsi_table_free(t);
    catalog_release(&c);
}

// The fates of the requests to come, the last one for ever.
static enum fate next_fate(void *arg)
{
    const enum fate **fates = arg;
    enum fate now = **fates;
    *fates += now != FATE_FAIR;
    return now;
}

static int count_ledger(struct dsi_catalog *c, struct dsi_table *t)
{
    const struct dsi_metadata *m = dsi_table_metadata(t);
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_ledger ledger;
    int count = 0;
    dsi_ledger_of(m, &ledger);
    for (size_t i = 0; i < ledger.count; i++) {
        char *path = NULL;
        assert_int_equal(dsi_ledger_path(m, ledger.files[i].name, &arena, &path, NULL),
                         DS_OK);
        count += test_exists(c->storage, path);
    }
    assert_int_equal(count, ledger.count);
    dsi_arena_release(&arena);
    dsi_metadata_unref(m);
    return count;
}

// What the attempts before wrote goes; the file that the version names stays.
static void test_forget__keeps_the_ledger_of_the_attempt_that_was_committed(void **state)
{
    static const enum fate lost[] = {FATE_LOST, FATE_FAIR};
    static const enum fate unanswered[] = {FATE_LOST, FATE_ANSWER_LOST, FATE_FAIR};
    const enum fate *const fates[] = {lost, unanswered};
    (void)state;

    for (size_t k = 0; k < 2; k++) {
        const enum fate *next = fates[k];
        struct dsi_catalog c;
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, settings, 3);
        for (int i = 0; i < 5; i++) {
            append(t, i);
        }
        c.fate = next_fate;
        c.arg = &next;
        append(t, 5);
        assert_int_equal(*next, FATE_FAIR);       // So far it had come.
        assert_int_equal(count_ledger(&c, t), 1); // Four records, merged into one file.
        dsi_table_free(t);
        catalog_release(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forget__removes_ledger_files_that_were_merged),
        cmocka_unit_test(test_forget__bears_failing_memory),
        cmocka_unit_test(test_forget__keeps_the_ledger_of_the_attempt_that_was_committed),
    };
    test_clock_ticks();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
