#include "base/fault.h"
#include "data/arrow_io.h"
#include "unit/data/producer.h"

// Exports rows [first, first + count) of a batch and imports them again.
static int there_and_back(struct dsi_batch *b, struct dsi_batch *out,
                          struct ds_error *err)
{
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    struct dsi_arrow_import *im = NULL;
    const struct dsi_schema *target = b->schema;
    int rc = dsi_arrow_schema_write(target, &schema, err);

    *out = (struct dsi_batch){0};
    if (rc == DS_OK) {
        rc = dsi_arrow_import_new(&schema, target, &im, err);
    }
    if (rc == DS_OK) {
        rc = dsi_arrow_export_batch(b, &array, err);
    }
    if (rc == DS_OK) {
        rc = dsi_arrow_import_batch(im, &array, 0, out, err);
    }
    if (schema.release) {
        schema.release(&schema);
    }
    assert_null(array.release);
    dsi_arrow_import_free(im);
    return rc;
}

// Makes the same rows twice, exports a slice of one, and compares it with the other.
static void round_trip(const struct dsi_schema *schema, struct rows_random *r)
{
    struct rows_random again = {0};
    struct dsi_batch b;
    struct dsi_batch same;
    struct dsi_batch slice;
    struct dsi_batch back;
    struct ds_error err = {0};
    int64_t rows = rows_below(r, 90);

    again.state = r->state;
    assert_int_equal(rows_make(r, schema, rows, &b, &err), DS_OK);
    assert_int_equal(rows_make(&again, schema, rows, &same, &err), DS_OK);
    int64_t first = rows_below(r, rows + 1);
    int64_t count = rows_below(r, rows - first + 1);
    assert_int_equal(dsi_batch_slice(&same, first, count, &slice, &err), DS_OK);
    if (there_and_back(&slice, &back, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(back.rows, count);
    for (int64_t i = 0; i < count; i++) {
        rows_assert_same(&b, first + i, &back, i);
    }
    dsi_batch_release(&back);
    dsi_batch_release(&same);
    dsi_batch_release(&b);
}

static void test_arrow_export__comes_back_the_same(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    (void)state;

    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct rows_random r = {seed};
        print_message("  seed %llu\n", (unsigned long long)seed);
        round_trip(&schema, &r);
    }
}

static void test_arrow_export__comes_back_the_same_at_any_depth(void **state)
{
    static struct rows_nested n;
    (void)state;

    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct rows_random r = {seed};
        print_message("  seed %llu\n", (unsigned long long)seed);
        rows_nested_make(&r, 1 + (size_t)rows_below(&r, 4), 5, &n);
        round_trip(&n.schema, &r);
    }
}

static void test_arrow_export__lets_a_child_outlive_its_parent(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    struct rows_random r = {4};
    struct dsi_batch b;
    struct ArrowArray array;
    (void)state;

    assert_int_equal(rows_make(&r, &schema, 10, &b, NULL), DS_OK);
    int64_t fourth = ((const int64_t *)b.columns[2].values)[4];
    assert_int_equal(dsi_arrow_export_batch(&b, &array, NULL), DS_OK);
    assert_int_equal(b.rows, 0);
    struct ArrowArray moved = *array.children[2];
    array.children[2]->release = NULL;
    array.release(&array);
    assert_null(array.release);
    assert_int_equal(((const int64_t *)moved.buffers[1])[4], fourth);
    moved.release(&moved);
    assert_null(moved.release);
}

static void test_arrow_export__narrows_64_bit_offsets(void **state)
{
    static const int64_t offsets[] = {9, 1, 3, 3, 6};
    static const uint8_t validity[] = {0x16};
    struct dsi_field field = ROWS_FIELD(1, "c", false, .kind = DSI_TYPE_STRING);
    struct dsi_schema schema = rows_schema(&field, 1);
    struct dsi_batch b;
    struct dsi_batch back;
    (void)state;

    assert_int_equal(dsi_batch_init(&b, &schema, NULL), DS_OK);
    b.rows = 3;
    b.columns[0].length = 3;
    b.columns[0].offset = 1;
    b.columns[0].null_count = -1;
    b.columns[0].validity = validity;
    b.columns[0].values = "abcdef";
    b.columns[0].offsets64 = offsets;
    assert_int_equal(there_and_back(&b, &back, NULL), DS_OK);
    struct ds_slice first = dsi_column_bytes(&back.columns[0], 0);
    struct ds_slice second = dsi_column_bytes(&back.columns[0], 1);
    assert_int_equal(first.size, 2);
    assert_memory_equal(first.data, "bc", 2);
    assert_int_equal(second.size, 0);
    assert_true(dsi_column_is_null(&back.columns[0], 2));
    dsi_batch_release(&back);
}

static void test_arrow_export__narrows_the_offsets_of_lists(void **state)
{
    static const int64_t offsets[] = {9, 2, 3, 3, 6};
    static const int32_t ints[] = {0, 1, 2, 3, 4, 5, 6};
    static const uint8_t not_sixth[] = {0xdf};
    static const struct dsi_field element =
        ROWS_FIELD(2, "element", false, .kind = DSI_TYPE_INT);
    static const struct dsi_field list = ROWS_FIELD(1, "c", false, .kind = DSI_TYPE_LIST,
                                                    .fields = &element, .field_count = 1);
    struct dsi_schema schema = rows_schema(&list, 1);
    struct dsi_batch b;
    struct dsi_batch back;
    char text[100] = "";
    (void)state;

    assert_int_equal(dsi_batch_init(&b, &schema, NULL), DS_OK);
    b.rows = 3;
    b.columns[0].length = 3;
    b.columns[0].offset = 1;
    b.columns[0].offsets64 = offsets;
    b.columns[0].children[0].length = 6;
    b.columns[0].children[0].offset = 1;
    b.columns[0].children[0].null_count = 1;
    b.columns[0].children[0].validity = not_sixth;
    b.columns[0].children[0].values = ints;
    assert_int_equal(there_and_back(&b, &back, NULL), DS_OK);
    for (int64_t i = 0; i < 3; i++) {
        tree_text(&back.columns[0], i, text, sizeof text);
    }
    assert_string_equal(text, "[3][][4 - 6]");
    dsi_batch_release(&back);
}

static void survive(const struct dsi_schema *schema)
{
    struct dsi_fault_plan plan = {0};

    while (dsi_fault_next(&plan)) {
        struct rows_random r = {8};
        struct dsi_batch b;
        struct dsi_batch back = {0};
        struct ds_error err = {0};
        int rc = rows_make(&r, schema, 3, &b, &err);
        if (rc == DS_OK) {
            rc = there_and_back(&b, &back, &err);
        }
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        dsi_batch_release(&back);
        dsi_batch_release(&b);
    }
    assert_true(plan.target > 100);
}

static void test_arrow_export__survives_every_fault(void **state)
{
    static struct rows_nested n;
    struct dsi_schema flat = rows_all_schema();
    struct rows_random r = {17};
    (void)state;

    rows_nested_make(&r, 4, 4, &n);
    survive(&flat);
    survive(&n.schema);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrow_export__comes_back_the_same),
        cmocka_unit_test(test_arrow_export__comes_back_the_same_at_any_depth),
        cmocka_unit_test(test_arrow_export__lets_a_child_outlive_its_parent),
        cmocka_unit_test(test_arrow_export__narrows_64_bit_offsets),
        cmocka_unit_test(test_arrow_export__narrows_the_offsets_of_lists),
        cmocka_unit_test(test_arrow_export__survives_every_fault),
    };
    return cmocka_run_group_tests_name("arrow_export", tests, NULL, NULL);
}
