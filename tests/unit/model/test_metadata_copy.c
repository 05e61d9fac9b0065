#include "base/alloc.h"
#include "metadata_case.h"
#include "model/metadata_edit.h"

static void test_metadata_copy__outlives_its_source(void **state)
{
    static const char *const names[] = {"v1_both_forms.json", "v2.json",
                                        "v2_minimal.json", "v3.json"};
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct dsi_metadata *m = parse_golden(names[i]);
        struct dsi_metadata *again = parse_golden(names[i]);
        struct dsi_metadata *copy = dsi_calloc(1, sizeof *copy);
        assert_non_null(copy);
        dsi_refcount_init(&copy->owners);
        assert_int_equal(dsi_metadata_copy(copy, m, m->snapshot_count + 1, NULL), DS_OK);
        for (size_t k = 0; k < m->snapshot_count; k++) {
            assert_ptr_equal(copy->snapshots[k], m->snapshots[k]); // Shared.
        }
        dsi_metadata_unref(m);
        assert_same_metadata(copy, again);
        assert_round_trip(copy);
        dsi_metadata_unref(copy);
        dsi_metadata_unref(again);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata_copy__outlives_its_source),
    };
    return cmocka_run_group_tests_name("metadata_copy", tests, NULL, NULL);
}
