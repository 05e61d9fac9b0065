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

// The next version, with one more entry in the metadata log; takes `m`.
static struct dsi_metadata *next_of(struct dsi_metadata *m, struct dsi_metadata_edit *e)
{
    struct dsi_metadata *next = NULL;
    char file[32];

    snprintf(file, sizeof file, "f%zu", m->metadata_log_count);
    if (!e) {
        assert_int_equal(dsi_metadata_edit_new(m, &e, NULL), DS_OK);
    }
    assert_int_equal(dsi_metadata_edit_finish(e, 0, file, &next, NULL, NULL), DS_OK);
    dsi_metadata_unref(m);
    return next;
}

// Of the metadata log all is shared but what came since; then all is copied once more.
static void test_metadata_copy__shares_what_stays_for_so_many_versions(void **state)
{
    struct dsi_metadata *m = next_of(parse_golden("v2_minimal.json"), NULL);
    const size_t first = m->metadata_log_count;
    const struct dsi_metadata_parts *parts = m->parts;
    char file[32];
    (void)state;

    assert_int_equal(m->log_shared, first - 1);
    for (size_t i = 1; i < DSI_LOG_APART_MAX; i++) {
        m = next_of(m, NULL);
        assert_ptr_equal(m->parts, parts);
    }
    m = next_of(m, NULL);
    assert_ptr_equal(m->parts, parts);
    assert_int_equal(m->metadata_log_count - m->log_shared, DSI_LOG_APART_MAX + 1);
    m = next_of(m, NULL);
    assert_int_equal(m->log_shared, m->metadata_log_count - 1); // It has new ones.
    for (size_t i = 0; i < m->metadata_log_count; i++) {
        snprintf(file, sizeof file, "f%zu", i);
        assert_string_equal(m->metadata_log[i].metadata_file, file);
    }
    assert_round_trip(m);
    dsi_metadata_unref(m);
}

static void test_metadata_copy__shares_no_layout_that_was_changed(void **state)
{
    struct dsi_metadata *m = next_of(parse_golden("v2.json"), NULL);
    const size_t specs = m->spec_count;
    const size_t orders = m->sort_order_count;
    const size_t schemas = m->schema_count;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_partition_spec spec = {0};
    struct dsi_sort_order order = {0};
    struct dsi_field fields[64];
    (void)state;

    for (int i = 0; i < 3; i++) {
        const struct dsi_schema *now = dsi_metadata_current_schema(m);
        struct dsi_schema wider = *now;
        struct dsi_metadata_edit *e = NULL;
        const char *column = now->root.fields[0].name;
        char text[80];
        assert_int_equal(dsi_metadata_edit_new(m, &e, NULL), DS_OK);
        if (i == 0) {
            snprintf(text, sizeof text, "truncate(77, %s)", column);
            assert_int_equal(dsi_partition_spec_parse(text, now, &arena, &spec, NULL),
                             DS_OK);
            assert_int_equal(dsi_metadata_edit_set_spec(e, &spec, NULL), DS_OK);
        } else if (i == 1) {
            snprintf(text, sizeof text, "truncate(78, %s) desc", column);
            assert_int_equal(dsi_sort_order_parse(text, now, &arena, &order, NULL),
                             DS_OK);
            assert_int_equal(dsi_metadata_edit_set_sort_order(e, &order, NULL), DS_OK);
        } else {
            memcpy(fields, now->root.fields, now->root.field_count * sizeof *fields);
            fields[now->root.field_count] =
                (struct dsi_field){m->last_column_id + 1,   false, "new", NULL,
                                   {.kind = DSI_TYPE_DATE}, NULL,  NULL};
            wider.root.fields = fields;
            wider.root.field_count++;
            assert_int_equal(
                dsi_metadata_edit_set_schema(e, &wider, m->last_column_id + 1, NULL),
                DS_OK);
        }
        m = next_of(m, e);
        assert_false(m->shares_layout);
        const struct dsi_metadata_parts *parts = m->parts;
        m = next_of(m, NULL);
        assert_true(m->shares_layout && m->parts != parts);
        assert_int_equal(m->spec_count, specs + 1);
        assert_int_equal(m->sort_order_count, orders + (i >= 1));
        assert_int_equal(m->schema_count, schemas + (i >= 2));
        assert_round_trip(m);
    }
    dsi_arena_release(&arena);
    dsi_metadata_unref(m);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata_copy__outlives_its_source),
        cmocka_unit_test(test_metadata_copy__shares_what_stays_for_so_many_versions),
        cmocka_unit_test(test_metadata_copy__shares_no_layout_that_was_changed),
    };
    return cmocka_run_group_tests_name("metadata_copy", tests, NULL, NULL);
}
