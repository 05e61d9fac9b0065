#include "base/fault.h"
#include "data/arrow_io.h"
#include "unit/data/producer.h"

// xs: list<required int>
static const struct dsi_field element =
    ROWS_FIELD(2, "element", true, .kind = DSI_TYPE_INT);
static const struct dsi_field list = ROWS_FIELD(1, "c", false, .kind = DSI_TYPE_LIST,
                                                .fields = &element, .field_count = 1);

// m: map<string, int>
static const struct dsi_field entry[] = {
    ROWS_FIELD(2, "key", true, .kind = DSI_TYPE_STRING),
    ROWS_FIELD(3, "value", false, .kind = DSI_TYPE_INT),
};
static const struct dsi_field map =
    ROWS_FIELD(1, "c", false, .kind = DSI_TYPE_MAP, .fields = entry, .field_count = 2);

// st: struct<a: required int, t: required string>
static const struct dsi_field members[] = {
    ROWS_FIELD(2, "a", true, .kind = DSI_TYPE_INT),
    ROWS_FIELD(3, "t", true, .kind = DSI_TYPE_STRING),
};
static const struct dsi_field st = ROWS_FIELD(1, "c", false, .kind = DSI_TYPE_STRUCT,
                                              .fields = members, .field_count = 2);

static const int32_t ints[] = {0, 1, 2, 3, 4, 5, 6, 7};
static const uint8_t no_third[] = {0xfb};
static const uint8_t no_sixth[] = {0xdf};

// A list column of `format` over `ints`; node 1 is the elements.
static void lists(struct tree *t, const char *format, int64_t rows, int64_t n_buffers,
                  const void *offsets, const void *sizes)
{
    memset(t, 0, sizeof *t);
    tree_add(t, format, "c", rows, n_buffers, offsets, sizes);
    tree_child(t, 0, tree_add(t, "i", "item", 8, 2, ints, NULL));
}

static void test_arrow_nested__reads_lists_of_every_layout(void **state)
{
    static const int32_t o32[] = {0, 2, 2, 5, 8};
    static const int64_t o64[] = {0, 2, 2, 5, 8};
    static const int32_t any[] = {5, 0, 1, 1};
    static const int32_t any_sizes[] = {3, 0, 2, 3};
    static const int64_t ordered[] = {1, 99, 3, 4};
    static const int64_t ordered_sizes[] = {2, 0, 1, 3};
    struct tree t;
    (void)state;

    lists(&t, "+l", 4, 2, o32, NULL);
    tree_gives(&t, &list, "[0 1] [] [2 3 4] [5 6 7]");
    lists(&t, "+L", 4, 2, o64, NULL);
    tree_gives(&t, &list, "[0 1] [] [2 3 4] [5 6 7]");
    lists(&t, "+w:2", 4, 1, NULL, NULL);
    tree_gives(&t, &list, "[0 1] [2 3] [4 5] [6 7]");
    lists(&t, "+w:0", 2, 1, NULL, NULL);
    tree_gives(&t, &list, "[] []");
    lists(&t, "+vl", 4, 3, any, any_sizes);
    tree_gives(&t, &list, "[5 6 7] [] [1 2] [1 2 3]");
    lists(&t, "+vL", 4, 3, ordered, ordered_sizes);
    t.buffers[0][0] = (const uint8_t[]){0x0d}; // Where the second is 99: nobody looks.
    tree_gives(&t, &list, "[1 2] - [3] [4 5 6]");
    lists(&t, "+l", 0, 2, NULL, NULL);
    tree_gives(&t, &list, "");
}

static void test_arrow_nested__reads_slices_of_slices(void **state)
{
    static const int32_t offsets[] = {9, 1, 2, 2, 5, 7};
    static const int64_t wide[] = {9, 1, 2, 2, 5, 7};
    static const int32_t views[] = {7, 0, 3, 4};
    static const int32_t sizes[] = {3, 1, 0, 2};
    struct tree t;
    (void)state;

    lists(&t, "+l", 4, 2, offsets, NULL);
    t.arrays[0].offset = 1;
    t.arrays[1].offset = 1;
    t.arrays[1].length = 7;
    tree_gives(&t, &list, "[2] [] [3 4 5] [6 7]");
    t.buffers[0][0] = no_third; // Of the six: our second.
    tree_gives(&t, &list, "[2] - [3 4 5] [6 7]");
    lists(&t, "+L", 4, 2, wide, NULL);
    t.arrays[0].offset = 1;
    tree_gives(&t, &list, "[1] [] [2 3 4] [5 6]");
    lists(&t, "+w:2", 2, 1, NULL, NULL);
    t.arrays[0].offset = 1;
    t.arrays[1].offset = 1;
    t.arrays[1].length = 7;
    tree_gives(&t, &list, "[3 4] [5 6]");
    lists(&t, "+vl", 3, 3, views, sizes);
    t.arrays[0].offset = 1;
    tree_gives(&t, &list, "[0] [] [4 5]");
}

static void test_arrow_nested__refuses_lists_that_lie(void **state)
{
    static const int32_t back[] = {0, 2, 1, 5, 8};
    static const int32_t below[] = {-1, 2, 2, 5, 8};
    static const int32_t beyond[] = {0, 2, 2, 5, 9};
    static const int64_t far[] = {0, 2, 2, 5, INT64_MAX};
    static const int32_t sizes[] = {1, 1, 3, 1};
    static const int32_t outside[] = {0, 0, 6, 0};
    static const int32_t negative[] = {1, 1, -1, 1};
    struct tree t;
    (void)state;

    lists(&t, "+l", 4, 2, back, NULL);
    tree_refused(&t, &list, DS_EINVALID, "column c, row 2: its Arrow offsets go back");
    lists(&t, "+l", 4, 2, below, NULL);
    tree_refused(&t, &list, DS_EINVALID, "column c, row 1: its Arrow offset is negative");
    lists(&t, "+l", 4, 2, beyond, NULL);
    tree_refused(&t, &list, DS_EINVALID,
                 "column c.element: its Arrow array is shorter than what refers to it");
    lists(&t, "+L", 4, 2, far, NULL);
    tree_refused(&t, &list, DS_EUNSUPPORTED, "column c: 9223372036854775807 elements");
    lists(&t, "+l", 4, 2, NULL, NULL);
    tree_refused(&t, &list, DS_EINVALID, "column c: its Arrow array has no offsets");
    lists(&t, "+w:3", 4, 1, NULL, NULL);
    tree_refused(&t, &list, DS_EINVALID, "column c.element: its Arrow array is shorter");
    lists(&t, "+w:2147483647", 4, 1, NULL, NULL);
    tree_refused(&t, &list, DS_EUNSUPPORTED, "elements in one array");
    lists(&t, "+vl", 4, 3, outside, sizes);
    tree_refused(&t, &list, DS_EINVALID, "column c, row 3: its Arrow view points outsi");
    lists(&t, "+vl", 4, 3, ints, negative);
    tree_refused(&t, &list, DS_EINVALID, "column c, row 3: its Arrow view points outsi");
    lists(&t, "+vl", 4, 3, ints, NULL);
    tree_refused(&t, &list, DS_EINVALID, "has no offsets or no sizes");
    lists(&t, "+l", 4, 2, ints, NULL);
    t.array_children[0][0] = NULL;
    tree_refused(&t, &list, DS_EINVALID, "column c: its Arrow array has a child that is");
    lists(&t, "+l", 4, 2, ints, NULL);
    t.arrays[0].n_children = 0;
    tree_refused(&t, &list, DS_EINVALID, "wrong number of children (0)");
    lists(&t, "+l", 4, 2, ints, NULL);
    t.arrays[1].release = NULL;
    tree_refused(&t, &list, DS_EINVALID, "column c.element: its Arrow array was relea");
    lists(&t, "+l", 4, 2, ints, NULL);
    t.arrays[1].null_count = 3;
    tree_refused(&t, &list, DS_EINVALID, "column c.element: its Arrow array says it has");
    lists(&t, "+l", 4, 3, ints, NULL);
    tree_refused(&t, &list, DS_EINVALID, "wrong number of buffers (3)");
    lists(&t, "+w:2", 4, 2, NULL, NULL);
    tree_refused(&t, &list, DS_EINVALID, "wrong number of buffers (2)");
}

static void test_arrow_nested__tells_the_row_of_a_missing_element(void **state)
{
    static const int32_t offsets[] = {0, 2, 2, 5, 8};
    static const int32_t views[] = {6, 0, 2, 5};
    static const int32_t sizes[] = {2, 1, 1, 2};
    struct tree t;
    (void)state;

    lists(&t, "+l", 4, 2, offsets, NULL);
    t.buffers[1][0] = no_sixth;
    tree_refused(&t, &list, DS_EINVALID,
                 "column c.element, row 4: null, but the column is required");
    t.arrays[0].offset = 1; // The second row is the first.
    t.arrays[0].length = 3;
    tree_refused(&t, &list, DS_EINVALID, "column c.element, row 3: null");
    t.arrays[0].length = 2; // It is not covered any more.
    tree_gives(&t, &list, "[] [2 3 4]");
    lists(&t, "+w:2", 4, 1, NULL, NULL);
    t.buffers[1][0] = no_sixth;
    tree_refused(&t, &list, DS_EINVALID, "column c.element, row 3: null");
    lists(&t, "+vl", 4, 3, views, sizes);
    t.buffers[1][0] = no_sixth;
    tree_refused(&t, &list, DS_EINVALID, "column c.element, row 4: null");
    t.arrays[0].length = 3; // No view covers it.
    tree_gives(&t, &list, "[6 7] [0] [2]");
}

// Under a null, there may be anything: here a null and text that is not UTF-8.
static void test_arrow_nested__does_not_look_under_a_null(void **state)
{
    static const int32_t offsets[] = {0, 1, 2, 3, 4};
    static const int32_t lengths[] = {0, 2, 3, 8};
    struct tree t = {0};
    (void)state;

    tree_add(&t, "+s", "c", 4, 1, NULL, NULL);
    tree_child(&t, 0, tree_add(&t, "i", "a", 4, 2, ints, NULL));
    tree_child(&t, 0,
               tree_add(&t, "u", "t", 4, 3, offsets,
                        "ab\xff"
                        "d"));
    t.buffers[1][0] = no_third;
    tree_refused(&t, &st, DS_EINVALID, "column c.a, row 3: null, but the column is");
    t.buffers[1][0] = NULL;
    tree_refused(&t, &st, DS_EINVALID, "column c.t, row 3: text that is not UTF-8");
    t.buffers[0][0] = no_third;
    t.buffers[1][0] = no_third;
    tree_gives(&t, &st, "{0 a} {1 b} - {3 d}");

    lists(&t, "+l", 3, 2, lengths, NULL);
    t.buffers[0][0] = (const uint8_t[]){0x03};
    t.buffers[1][0] = no_sixth;
    tree_gives(&t, &list, "[0 1] [2] -");
    lists(&t, "+w:2", 4, 1, NULL, NULL);
    t.buffers[0][0] = no_third;
    t.buffers[1][0] = no_sixth;
    tree_gives(&t, &list, "[0 1] [2 3] - [6 7]");
}

// A struct of a list of structs: a null at the top covers all of it.
static void test_arrow_nested__passes_nulls_down_every_level(void **state)
{
    static const struct dsi_field inner = ROWS_FIELD(
        5, "element", true, .kind = DSI_TYPE_STRUCT, .fields = members, .field_count = 2);
    static const struct dsi_field xs = ROWS_FIELD(4, "xs", true, .kind = DSI_TYPE_LIST,
                                                  .fields = &inner, .field_count = 1);
    static const struct dsi_field outer = ROWS_FIELD(
        1, "c", false, .kind = DSI_TYPE_STRUCT, .fields = &xs, .field_count = 1);
    static const int32_t covers[] = {0, 1, 2, 4};
    static const int32_t offsets[] = {0, 1, 2, 3, 4};
    struct tree t = {0};
    (void)state;

    tree_add(&t, "+s", "c", 3, 1, NULL, NULL);
    tree_child(&t, 0, tree_add(&t, "+l", "xs", 3, 2, covers, NULL));
    tree_child(&t, 1, tree_add(&t, "+s", "item", 4, 1, NULL, NULL));
    tree_child(&t, 2, tree_add(&t, "i", "a", 4, 2, ints, NULL));
    tree_child(&t, 2,
               tree_add(&t, "u", "t", 4, 3, offsets,
                        "ab\xff"
                        "d"));
    t.buffers[3][0] = no_third;
    tree_refused(&t, &outer, DS_EINVALID, "column c.xs.element.a, row 3: null, but");
    t.buffers[0][0] = (const uint8_t[]){0x03};
    tree_gives(&t, &outer, "{[{0 a}]} {[{1 b}]} -");
}

static void maps(struct tree *t, const void *offsets)
{
    static const int32_t ends[] = {0, 1, 2, 3, 4, 5};
    memset(t, 0, sizeof *t);
    tree_add(t, "+m", "c", 3, 2, offsets, NULL);
    tree_child(t, 0, tree_add(t, "+s", "entries", 5, 1, NULL, NULL));
    tree_child(t, 1, tree_add(t, "u", "k", 5, 3, ends, "abcde"));
    tree_child(t, 1, tree_add(t, "i", "v", 5, 2, ints, NULL));
}

static void test_arrow_nested__reads_maps(void **state)
{
    static const int32_t offsets[] = {0, 2, 2, 5};
    static const int32_t sliced[] = {9, 0, 1, 4};
    struct tree t;
    (void)state;

    maps(&t, offsets);
    tree_gives(&t, &map, "[a 0 b 1] [] [c 2 d 3 e 4]");
    maps(&t, sliced);
    t.arrays[0].offset = 1;
    t.arrays[0].length = 2;
    t.arrays[1].offset = 1; // Of the entries, which their children add to their own.
    t.arrays[1].length = 4;
    t.buffers[3][0] = no_third;
    tree_gives(&t, &map, "[b 1] [c - d 3 e 4]");
}

static void test_arrow_nested__refuses_maps_that_lie(void **state)
{
    static const int32_t offsets[] = {0, 2, 2, 5};
    static const int32_t before[] = {0, 0, 0, 2};
    struct tree t;
    (void)state;

    maps(&t, offsets);
    t.buffers[2][0] = no_third;
    tree_refused(&t, &map, DS_EINVALID, "column c.key, row 3: null, but the column is");
    maps(&t, offsets);
    t.buffers[1][0] = no_third;
    tree_refused(&t, &map, DS_EINVALID, "column c, row 3: a null entry of an Arrow map");
    t.buffers[0][1] = before; // The null entry is not in any map.
    tree_gives(&t, &map, "[] [] [a 0 b 1]");
    maps(&t, offsets);
    t.arrays[2].length = 4;
    tree_refused(&t, &map, DS_EINVALID, "column c.key: its Arrow array is shorter");
    maps(&t, offsets);
    t.arrays[1].length = 4;
    tree_refused(&t, &map, DS_EINVALID, "column c: its Arrow array is shorter");
    maps(&t, offsets);
    t.arrays[1].n_children = 1;
    tree_refused(&t, &map, DS_EINVALID, "column c: its Arrow array has 1 children, its");
    maps(&t, offsets);
    t.array_children[1][1] = NULL;
    tree_refused(&t, &map, DS_EINVALID, "column c: its Arrow array has a child that is");
}

static void test_arrow_nested__reads_columns_of_type_null(void **state)
{
    static const struct dsi_field optional =
        ROWS_FIELD(2, "element", false, .kind = DSI_TYPE_STRUCT, .fields = members,
                   .field_count = 2);
    static const struct dsi_field of_structs = ROWS_FIELD(
        1, "c", false, .kind = DSI_TYPE_LIST, .fields = &optional, .field_count = 1);
    static const int32_t offsets[] = {0, 2, 2, 3};
    struct tree t = {0};
    (void)state;

    tree_add(&t, "+l", "c", 3, 2, offsets, NULL);
    tree_child(&t, 0, tree_add(&t, "n", "item", 3, 0, NULL, NULL));
    tree_gives(&t, &of_structs, "[- -] [] [-]");
    tree_refused(&t, &list, DS_EINVALID, "column c.element: null does not fit");
    memset(&t, 0, sizeof t);
    tree_add(&t, "n", "c", 2, 0, NULL, NULL);
    tree_gives(&t, &of_structs, "- -");
}

static void test_arrow_nested__survives_every_fault(void **state)
{
    static const int32_t offsets[] = {0, 2, 3, 4};
    static const int32_t views[] = {2, 0};
    static const int32_t sizes[] = {1, 2};
    struct dsi_schema maps_target = rows_schema(&map, 1);
    struct dsi_schema lists_target = rows_schema(&list, 1);
    struct dsi_fault_plan plan = {0};
    unsigned points = 0;
    (void)state;

    for (int which = 0; which < 3; which++) {
        plan = (struct dsi_fault_plan){0};
        while (dsi_fault_next(&plan)) {
            struct ds_error err = {0};
            struct dsi_batch b;
            struct tree t;
            if (which == 0) {
                maps(&t, offsets);
                t.arrays[0].offset = 1;
                t.arrays[0].length = 2;
            } else if (which == 1) {
                lists(&t, "+vl", 2, 3, views, sizes);
            } else {
                lists(&t, "+l", 3, 2, offsets, NULL);
            }
            t.buffers[0][0] = no_third;
            int rc = tree_import(&t, which == 0 ? &maps_target : &lists_target, &b, &err);
            dsi_fault_stop();
            assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
            assert_true(rc == DS_OK || err.message[0] != '\0');
            dsi_batch_release(&b);
            if (t.p.array.release) {
                t.p.array.release(&t.p.array);
            }
            assert_int_equal(t.p.released, 1);
        }
        points += plan.target;
    }
    assert_true(points > 25);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrow_nested__reads_lists_of_every_layout),
        cmocka_unit_test(test_arrow_nested__reads_slices_of_slices),
        cmocka_unit_test(test_arrow_nested__refuses_lists_that_lie),
        cmocka_unit_test(test_arrow_nested__tells_the_row_of_a_missing_element),
        cmocka_unit_test(test_arrow_nested__does_not_look_under_a_null),
        cmocka_unit_test(test_arrow_nested__passes_nulls_down_every_level),
        cmocka_unit_test(test_arrow_nested__reads_maps),
        cmocka_unit_test(test_arrow_nested__refuses_maps_that_lie),
        cmocka_unit_test(test_arrow_nested__reads_columns_of_type_null),
        cmocka_unit_test(test_arrow_nested__survives_every_fault),
    };
    return cmocka_run_group_tests_name("arrow_nested", tests, NULL, NULL);
}
