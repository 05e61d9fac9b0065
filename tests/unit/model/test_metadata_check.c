#include "metadata_case.h"
#include "model/metadata_check.h"

// tests/golden/metadata/bad has a file for each rule; this is about limits and slack.
static void test_metadata_check__refs_have_sensible_limits(void **state)
{
    static const struct {
        struct dsi_ref ref;
        const char *message; // NULL: fine.
    } cases[] = {
        {{"main", DSI_REF_BRANCH, 1, -1, -1, -1, {0}}, NULL},
        {{"b", DSI_REF_BRANCH, 1, 1, 1, 1, {0}}, NULL},
        {{"t", DSI_REF_TAG, 1, 1, -1, -1, {0}}, NULL},
        {{"", DSI_REF_BRANCH, 1, -1, -1, -1, {0}}, "without a name"},
        {{"main", DSI_REF_TAG, 1, -1, -1, -1, {0}}, "always a branch"},
        {{"t", DSI_REF_TAG, 1, -1, 5, -1, {0}}, "which only a branch can"},
        {{"t", DSI_REF_TAG, 1, -1, -1, 5, {0}}, "which only a branch can"},
        {{"b", DSI_REF_BRANCH, 1, 0, -1, -1, {0}}, "not above 0"},
        {{"b", DSI_REF_BRANCH, 1, -1, 0, -1, {0}}, "not above 0"},
        {{"b", DSI_REF_BRANCH, 1, -1, -1, -2, {0}}, "not above 0"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ds_error err = {0};
        int rc = dsi_ref_check(&cases[i].ref, &err);
        assert_int_equal(rc, cases[i].message ? DS_EINVALID : DS_OK);
        assert_true(!cases[i].message || strstr(err.message, cases[i].message));
    }
}

static void test_metadata_check__clocks_may_differ_by_a_minute(void **state)
{
    struct dsi_metadata *m = parse_golden("v2.json");
    struct dsi_snapshot_log_entry log[2] = {
        {100000, m->snapshots[0]->snapshot_id, {0}, 0},
        {40000, m->snapshots[1]->snapshot_id, {0}, 0}};
    (void)state;

    m->snapshot_log = log;
    assert_int_equal(dsi_metadata_check(m, NULL), DS_OK);
    log[1].timestamp_ms--;
    assert_int_equal(dsi_metadata_check(m, NULL), DS_ECORRUPT);
    log[0].timestamp_ms = log[1].timestamp_ms = m->last_updated_ms + 60000;
    m->metadata_log_count = 0;
    assert_int_equal(dsi_metadata_check(m, NULL), DS_OK);
    log[1].timestamp_ms++;
    assert_int_equal(dsi_metadata_check(m, NULL), DS_ECORRUPT);
    dsi_metadata_unref(m);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata_check__refs_have_sensible_limits),
        cmocka_unit_test(test_metadata_check__clocks_may_differ_by_a_minute),
    };
    return cmocka_run_group_tests_name("metadata_check", tests, NULL, NULL);
}
