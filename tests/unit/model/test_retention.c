#include "metadata_case.h"

enum { SNAPSHOTS_MAX = 16 };

// A table of snapshots 1, 2, …, each at 1000 times its id, with these parents.
struct history {
    struct dsi_snapshot snapshots[SNAPSHOTS_MAX];
    const struct dsi_snapshot *list[SNAPSHOTS_MAX];
    struct dsi_metadata m;
};

static void tell(struct history *h, const int64_t *parents, size_t count,
                 const struct dsi_ref *refs, size_t ref_count)
{
    memset(h, 0, sizeof *h);
    for (size_t i = 0; i < count; i++) {
        h->snapshots[i].snapshot_id = (int64_t)i + 1;
        h->snapshots[i].parent_id = parents[i];
        h->snapshots[i].timestamp_ms = 1000 * ((int64_t)i + 1);
        h->list[i] = &h->snapshots[i];
    }
    h->m.snapshots = h->list;
    h->m.snapshot_count = count;
    h->m.refs = refs;
    h->m.ref_count = ref_count;
}

static void assert_expired(const struct history *h, int64_t now_ms, const int64_t *ids,
                           size_t count)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_error err = {0};
    int64_t *got = NULL;
    size_t n = 0;

    assert_int_equal(dsi_metadata_expired(&h->m, now_ms, &arena, &got, &n, &err), DS_OK);
    assert_int_equal(n, count);
    for (size_t i = 0; i < n; i++) {
        assert_true(got[i] == ids[i]);
    }
    dsi_arena_release(&arena);
}

static const int64_t line[] = {-1, 1, 2, 3, 4, 5};

static void test_retention__keeps_the_young_and_the_last(void **state)
{
    static const struct dsi_ref main_only[] = {
        {"main", DSI_REF_BRANCH, 6, -1, -1, -1, {0}}};
    static const int64_t all_but_one[] = {1, 2, 3, 4, 5};
    static const int64_t first_three[] = {1, 2, 3};
    static const int64_t first_two[] = {1, 2};
    struct ds_property age[] = {{"history.expire.max-snapshot-age-ms", "2000"}};
    struct ds_property both[] = {{"history.expire.max-snapshot-age-ms", "1"},
                                 {"history.expire.min-snapshots-to-keep", "4"}};
    struct history h;
    (void)state;

    tell(&h, line, 6, main_only, 1);
    assert_expired(&h, 6000, NULL, 0); // Five days are the default.
    assert_expired(&h, INT64_C(432000000) + 9000, all_but_one, 5);
    h.m.properties = age;
    h.m.property_count = 1;
    assert_expired(&h, 6000, first_three, 3); // What is exactly as old as allowed stays.
    h.m.properties = both;
    h.m.property_count = 2;
    assert_expired(&h, 1000000, first_two, 2);
}

static void test_retention__refs_have_settings_of_their_own(void **state)
{
    static const struct dsi_ref refs[] = {{"main", DSI_REF_BRANCH, 6, -1, 1, 2, {0}},
                                          {"old", DSI_REF_BRANCH, 4, -1, 1, 2, {0}},
                                          {"tag", DSI_REF_TAG, 1, -1, -1, -1, {0}}};
    static const int64_t expected[] = {2};
    struct history h;
    (void)state;

    tell(&h, line, 6, refs, 3);
    assert_expired(&h, INT64_C(1) << 60, expected, 1);
}

static void test_retention__what_no_ref_leads_to_goes_when_it_is_old(void **state)
{
    static const int64_t parents[] = {-1, 1, 1, 2}; // 3 was rolled back.
    static const struct dsi_ref refs[] = {{"main", DSI_REF_BRANCH, 4, -1, -1, 10, {0}}};
    static const int64_t staged[] = {3};
    struct ds_property age[] = {{"history.expire.max-snapshot-age-ms", "5000"}};
    struct history h;
    (void)state;

    tell(&h, parents, 4, refs, 1);
    h.m.properties = age;
    h.m.property_count = 1;
    assert_expired(&h, 8000, NULL, 0);
    assert_expired(&h, 8001, staged, 1);
}

static void test_retention__ends_on_parents_that_are_gone_or_in_a_circle(void **state)
{
    static const int64_t circle[] = {3, 1, 2};
    static const int64_t gone[] = {99, 1, 2};
    static const struct dsi_ref refs[] = {{"main", DSI_REF_BRANCH, 3, -1, 1, 1, {0}}};
    static const int64_t expected[] = {1, 2};
    struct history h;
    (void)state;

    tell(&h, circle, 3, refs, 1);
    assert_expired(&h, 1000000, expected, 2);
    tell(&h, gone, 3, refs, 1);
    assert_expired(&h, 1000000, expected, 2);
    tell(&h, line, 0, refs, 0);
    assert_expired(&h, 1000000, NULL, 0);
}

static void test_retention__refuses_settings_that_make_no_sense(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_property bad[] = {{"history.expire.max-snapshot-age-ms", "soon"}};
    struct ds_error err = {0};
    struct history h;
    int64_t *ids = NULL;
    size_t n = 0;
    (void)state;

    tell(&h, line, 6, NULL, 0);
    h.m.properties = bad;
    h.m.property_count = 1;
    assert_int_equal(dsi_metadata_expired(&h.m, 1, &arena, &ids, &n, &err), DS_EINVALID);
    dsi_arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retention__keeps_the_young_and_the_last),
        cmocka_unit_test(test_retention__refs_have_settings_of_their_own),
        cmocka_unit_test(test_retention__what_no_ref_leads_to_goes_when_it_is_old),
        cmocka_unit_test(test_retention__ends_on_parents_that_are_gone_or_in_a_circle),
        cmocka_unit_test(test_retention__refuses_settings_that_make_no_sense),
    };
    return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
