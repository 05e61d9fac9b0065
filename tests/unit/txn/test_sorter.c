#include "txn/sorter.h"

#include "fixture.h"

static struct dsi_batch numbers(const struct dsi_schema *schema, const int64_t *ids,
                                size_t count)
{
    struct dsi_batch_builder *b = NULL;
    struct dsi_batch out;
    assert_int_equal(dsi_batch_builder_new(schema, &b, NULL), DS_OK);
    for (size_t i = 0; i < count; i++) {
        struct dsi_value id = {
            .null = ids[i] == -1, .kind = DSI_TYPE_LONG, .as.i64 = ids[i]};
        assert_int_equal(dsi_batch_builder_set(b, 0, &id, NULL), DS_OK);
        assert_int_equal(dsi_batch_builder_end_row(b, NULL), DS_OK);
    }
    assert_int_equal(dsi_batch_builder_take(b, &out, NULL), DS_OK);
    dsi_batch_builder_free(b);
    return out;
}

struct collected {
    int64_t ids[4096];
    size_t count;
    unsigned calls;
};

static int collect(void *arg, const struct dsi_batch *b, int64_t first, int64_t count,
                   struct ds_error *err)
{
    struct collected *c = arg;
    (void)err;
    c->calls++;
    for (int64_t i = first; i < first + count; i++) {
        struct dsi_value v;
        dsi_column_value(&b->columns[0], i, &v);
        c->ids[c->count++] = v.null ? -1 : v.as.i64;
    }
    return DS_OK;
}

static void test_sorter__gives_rows_of_many_batches_in_order(void **state)
{
    struct dsi_sort_field by = {.source_id = 1,
                                .transform = {DSI_TRANSFORM_IDENTITY, 0, "identity"}};
    struct dsi_sort_order order = {.order_id = 1, .fields = &by, .field_count = 1};
    struct dsi_schema schema = test_schema();
    struct dsi_sorter s;
    struct collected c = {0};
    uint64_t seed = 7;
    (void)state;

    assert_int_equal(dsi_sorter_init(&s, &schema, &order, NULL), DS_OK);
    for (int i = 0; i < 37; i++) {
        int64_t ids[100];
        for (int k = 0; k < 100; k++) {
            seed = seed * UINT64_C(6364136223846793005) + 1;
            ids[k] = (int64_t)(seed >> 40);
        }
        struct dsi_batch b = numbers(&schema, ids, 100);
        assert_int_equal(dsi_sorter_add(&s, &b, NULL), DS_OK);
    }
    assert_int_equal(s.rows, 3700);
    assert_true(s.bytes > 3700 * 8);
    assert_int_equal(dsi_sorter_drain(&s, collect, &c, NULL), DS_OK);
    assert_int_equal(c.count, 3700);
    for (size_t i = 1; i < c.count; i++) {
        assert_true(c.ids[i - 1] <= c.ids[i]);
    }
    assert_int_equal(s.rows, 0);
    dsi_sorter_release(&s);
}

static void test_sorter__puts_nulls_and_descending_rows_where_the_order_says(void **state)
{
    static const struct {
        bool descending;
        bool nulls_last;
        int64_t want[4];
    } cases[] = {
        {false, false, {-1, 1, 2, 3}},
        {false, true, {1, 2, 3, -1}},
        {true, false, {-1, 3, 2, 1}},
        {true, true, {3, 2, 1, -1}},
    };
    const int64_t ids[] = {2, -1, 3, 1};
    struct dsi_schema schema = test_schema();
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        struct dsi_sort_field by = {1,
                                    {DSI_TRANSFORM_IDENTITY, 0, "identity"},
                                    cases[i].descending,
                                    cases[i].nulls_last};
        struct dsi_sort_order order = {.order_id = 1, .fields = &by, .field_count = 1};
        struct dsi_sorter s;
        struct collected c = {0};
        struct dsi_batch b = numbers(&schema, ids, 4);
        assert_int_equal(dsi_sorter_init(&s, &schema, &order, NULL), DS_OK);
        assert_int_equal(dsi_sorter_add(&s, &b, NULL), DS_OK);
        assert_int_equal(dsi_sorter_drain(&s, collect, &c, NULL), DS_OK);
        assert_memory_equal(c.ids, cases[i].want, sizeof cases[i].want);
    }
}

static void test_sorter__gives_rows_that_are_in_order_in_one_piece(void **state)
{
    const int64_t ids[] = {1, 2, 3, 4, 5};
    struct dsi_sort_field by = {1, {DSI_TRANSFORM_IDENTITY, 0, "identity"}, false, false};
    struct dsi_sort_order order = {.order_id = 1, .fields = &by, .field_count = 1};
    struct dsi_schema schema = test_schema();
    struct dsi_sorter s;
    struct collected c = {0};
    struct dsi_batch b = numbers(&schema, ids, 5);
    (void)state;

    assert_int_equal(dsi_sorter_init(&s, &schema, &order, NULL), DS_OK);
    assert_int_equal(dsi_sorter_add(&s, &b, NULL), DS_OK);
    assert_int_equal(dsi_sorter_drain(&s, collect, &c, NULL), DS_OK);
    assert_int_equal(c.calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorter__gives_rows_of_many_batches_in_order),
        cmocka_unit_test(
            test_sorter__puts_nulls_and_descending_rows_where_the_order_says),
        cmocka_unit_test(test_sorter__gives_rows_that_are_in_order_in_one_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
