#include "data/data_write_options.h"

#include "base/fault.h"
#include "unit/data/rows.h"

static const struct dsi_field inner[] = {
    ROWS_FIELD(3, "a", false, .kind = DSI_TYPE_STRING),
    ROWS_FIELD(4, "b", false, .kind = DSI_TYPE_LONG)};
static const struct dsi_field outer[] = {ROWS_FIELD(1, "i", false, .kind = DSI_TYPE_INT),
                                         ROWS_FIELD(2, "s", false,
                                                    .kind = DSI_TYPE_STRUCT,
                                                    .fields = inner, .field_count = 2)};

static int read_options(const struct ds_property *p, size_t count,
                        struct dsi_arena *arena, struct dsi_parquet_write_options *out,
                        struct ds_error *err)
{
    struct dsi_metadata m = {.properties = p, .property_count = count};
    struct dsi_schema schema = rows_schema(outer, 2);
    struct dsi_stored stored;
    int rc = dsi_data_stored(&schema, arena, &stored, err);
    return rc < 0 ? rc : dsi_data_write_options(&m, &stored, 0, arena, out, err);
}

static void test_data_write_options__are_icebergs_defaults(void **state)
{
    struct dsi_parquet_write_options o;
    struct dsi_arena arena = DSI_ARENA_INIT;
    (void)state;

    assert_int_equal(read_options(NULL, 0, &arena, &o, NULL), DS_OK);
    assert_int_equal(o.codec, DSI_COMPRESSION_GZIP);
    assert_int_equal(o.row_group_bytes, 128 << 20);
    assert_int_equal(o.row_group_early, 2 << 20);
    assert_int_equal(o.page_bytes, 1 << 20);
    assert_int_equal(o.page_rows, 20000);
    assert_int_equal(o.dictionary_bytes, 2 << 20);
    assert_int_equal(o.choice, DSI_PARQUET_CHOICE_COMMON);
    for (size_t i = 0; i < 3; i++) {
        assert_false(o.leaves[i].bloom_filter || o.leaves[i].no_dictionary);
        assert_int_equal(o.leaves[i].encode, DSI_PARQUET_ENCODE_AUTO);
    }
    dsi_arena_release(&arena);
}

static void test_data_write_options__end_row_groups_as_a_table_says(void **state)
{
    const struct ds_property p[] = {{"write.parquet.row-group-size-bytes", "134217728"}};
    struct dsi_parquet_write_options o;
    struct dsi_arena arena = DSI_ARENA_INIT;
    (void)state;

    assert_int_equal(read_options(p, 1, &arena, &o, NULL), DS_OK);
    assert_int_equal(o.row_group_bytes, 128 << 20);
    assert_int_equal(o.row_group_early, 0);
    dsi_arena_release(&arena);
}

static void test_data_write_options__go_by_full_names(void **state)
{
    static const struct ds_property p[] = {
        {"write.parquet.compression-codec", "ZSTD"},
        {"write.parquet.compression-level", "9"},
        {"write.parquet.bloom-filter-enabled.column.s.a", "true"},
        {"write.parquet.bloom-filter-fpp.column.s.a", "0.05"},
        {"write.parquet.bloom-filter-ndv.column.s.a", "1000"},
        {"write.parquet.bloom-filter-enabled.column.nobody", "true"},
        {"write.parquet.bloom-filter-max-bytes", "4096"},
        {"write.parquet.dict-enabled", "false"},
        {"write.parquet.dict-enabled.column.i", "true"},
        {"write.parquet.encodings", "all"},
        {"write.parquet.encoding.column.s.b", "delta"},
        {"write.parquet.encoding.column.s.a", "delta-prefix"},
        {"write.parquet.row-group-check-min-record-count", "100"},
        {"write.parquet.row-group-check-max-record-count", "10000"},
    };
    struct dsi_parquet_write_options o;
    struct dsi_arena arena = DSI_ARENA_INIT;
    (void)state;

    assert_int_equal(read_options(p, sizeof p / sizeof *p, &arena, &o, NULL), DS_OK);
    assert_int_equal(o.codec, DSI_COMPRESSION_ZSTD);
    assert_true(o.has_level && o.level == 9);
    assert_int_equal(o.choice, DSI_PARQUET_CHOICE_ALL);
    assert_true(o.leaves[1].bloom_filter);
    assert_true(o.leaves[1].bloom_fpp > 0.049 && o.leaves[1].bloom_fpp < 0.051);
    assert_int_equal(o.leaves[1].bloom_distinct, 1000);
    assert_int_equal(o.leaves[1].bloom_bytes_max, 4096);
    assert_false(o.leaves[0].bloom_filter || o.leaves[2].bloom_filter);
    assert_false(o.leaves[0].no_dictionary);
    assert_true(o.leaves[1].no_dictionary && o.leaves[2].no_dictionary);
    assert_int_equal(o.leaves[0].encode, DSI_PARQUET_ENCODE_AUTO);
    assert_int_equal(o.leaves[1].encode, DSI_PARQUET_ENCODE_DELTA_PREFIX);
    assert_int_equal(o.leaves[2].encode, DSI_PARQUET_ENCODE_DELTA);
    dsi_arena_release(&arena);
}

static void test_data_write_options__find_a_column_that_alone_is_spoken_of(void **state)
{
    static const struct ds_property p[] = {
        {"write.parquet.bloom-filter-enabled.column.s.a", "true"},
        {"write.parquet.dict-enabled.column.s.a", "false"},
        {"write.parquet.encoding.column.s.a", "split"}};
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        struct dsi_parquet_write_options o;
        struct dsi_arena arena = DSI_ARENA_INIT;
        assert_int_equal(read_options(&p[i], 1, &arena, &o, NULL), DS_OK);
        assert_int_equal(o.leaves[1].bloom_filter, i == 0);
        assert_int_equal(o.leaves[1].no_dictionary, i == 1);
        assert_int_equal(o.leaves[1].encode,
                         i == 2 ? DSI_PARQUET_ENCODE_SPLIT : DSI_PARQUET_ENCODE_AUTO);
        dsi_arena_release(&arena);
    }
}

static void test_data_write_options__tell_the_order_as_far_as_parquet_has_it(void **state)
{
    static const struct dsi_sort_field fields[] = {
        {.source_id = 4, .descending = true, .nulls_last = true},
        {.source_id = 1},
        {.source_id = 3, .transform.kind = DSI_TRANSFORM_TRUNCATE},
        {.source_id = 3}};
    static const struct dsi_sort_order order = {
        .order_id = 7, .fields = fields, .field_count = 4};
    const struct dsi_metadata m = {.sort_orders = &order, .sort_order_count = 1};
    struct dsi_schema schema = rows_schema(outer, 2);
    struct dsi_parquet_write_options o;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_stored stored;
    (void)state;

    assert_int_equal(dsi_data_stored(&schema, &arena, &stored, NULL), DS_OK);
    assert_int_equal(dsi_data_write_options(&m, &stored, 7, &arena, &o, NULL), DS_OK);
    assert_int_equal(o.sorting_count, 2);
    assert_int_equal(o.sorting[0].leaf, 2);
    assert_true(o.sorting[0].descending && !o.sorting[0].nulls_first);
    assert_int_equal(o.sorting[1].leaf, 0);
    assert_true(!o.sorting[1].descending && o.sorting[1].nulls_first);
    assert_int_equal(dsi_data_write_options(&m, &stored, 0, &arena, &o, NULL), DS_OK);
    assert_int_equal(o.sorting_count, 0);
    dsi_arena_release(&arena);
}

static void test_data_write_options__name_what_makes_no_sense(void **state)
{
    static const char *const bad[][2] = {
        {"write.parquet.compression-codec", "lzo"},
        {"write.parquet.compression-level", "high"},
        {"write.parquet.row-group-size-bytes", "-1"},
        {"write.parquet.bloom-filter-max-bytes", "0"},
        {"write.parquet.bloom-filter-enabled.column.i", "perhaps"},
        {"write.parquet.bloom-filter-fpp.column.i", "1"},
        {"write.parquet.bloom-filter-fpp.column.i", "0.1x"},
        {"write.parquet.bloom-filter-ndv.column.i", "-4"},
        {"write.parquet.dict-enabled", "2"},
        {"write.parquet.dict-enabled.column.s.a", ""},
        {"write.parquet.encoding.column.s.b", "rle"},
        {"write.parquet.encodings", "v2"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct ds_property p[] = {
            {bad[i][0], bad[i][1]},
            {strstr(bad[i][0], "enabled") ? "x"
                                          : "write.parquet.bloom-filter-enabled.column.i",
             "true"}};
        struct dsi_parquet_write_options o;
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct ds_error err = {0};
        assert_true(read_options(p, 2, &arena, &o, &err) < 0);
        if (!strstr(err.message, bad[i][0])) {
            fail_msg("'%s' does not name %s", err.message, bad[i][0]);
        }
        dsi_arena_release(&arena);
    }
}

static void test_data_write_options__survives_every_fault(void **state)
{
    static const struct ds_property p = {"write.parquet.bloom-filter-enabled.column.i",
                                         "true"};
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_parquet_write_options o;
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct ds_error err = {0};
        int rc = read_options(&p, 1, &arena, &o, &err);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        dsi_arena_release(&arena);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_write_options__are_icebergs_defaults),
        cmocka_unit_test(test_data_write_options__end_row_groups_as_a_table_says),
        cmocka_unit_test(test_data_write_options__go_by_full_names),
        cmocka_unit_test(
            test_data_write_options__tell_the_order_as_far_as_parquet_has_it),
        cmocka_unit_test(test_data_write_options__find_a_column_that_alone_is_spoken_of),
        cmocka_unit_test(test_data_write_options__name_what_makes_no_sense),
        cmocka_unit_test(test_data_write_options__survives_every_fault),
    };
    return cmocka_run_group_tests_name("data_write_options", tests, NULL, NULL);
}
