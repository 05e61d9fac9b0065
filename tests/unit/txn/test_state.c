#include "fixture.h"

static void test_state__outlives_what_it_was_made_of(void **state)
{
    struct dsi_catalog c;
    struct dsi_manifest_list list = {0};
    const struct dsi_manifests *manifests = NULL;
    const struct dsi_state *s = NULL;
    char location[] = "memory:///t/metadata/x.json";
    struct dsi_head head = {location, 5, 0};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    list.files = dsi_arena_array(&list.arena, 1, sizeof *list.files);
    list.files[0].path = dsi_arena_strdup(&list.arena, "memory:///t/metadata/m.avro");
    list.count = 1;
    assert_int_equal(dsi_manifests_new(7, &list, &manifests, NULL), DS_OK);
    assert_null(list.files); // It was taken over.
    assert_int_equal(dsi_state_new(&head, m, manifests, &s, NULL), DS_OK);
    dsi_manifests_unref(manifests);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    memset(location, 'x', sizeof location - 1);

    const struct dsi_state *again = dsi_state_ref(s);
    dsi_state_unref(s);
    assert_string_equal(again->head.metadata_location, "memory:///t/metadata/x.json");
    assert_int_equal(again->head.version, 5);
    assert_int_equal(again->metadata->format_version, 2);
    assert_string_equal(again->manifests->list.files[0].path,
                        "memory:///t/metadata/m.avro");
    dsi_state_unref(again);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state__outlives_what_it_was_made_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
