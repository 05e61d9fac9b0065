#include "base/fault.h"
#include "data/arrow_io.h"
#include "unit/data/producer.h"

static const struct dsi_type type_int = {.kind = DSI_TYPE_INT};
static const struct dsi_type type_string = {.kind = DSI_TYPE_STRING};

static struct dsi_value text(const char *s)
{
    return (struct dsi_value){.kind = DSI_TYPE_STRING,
                              .as.bytes = {(const uint8_t *)s, strlen(s)}};
}

// A column "c" of dictionary indices into "", "red", "green".
struct dictionary {
    struct producer p;
    struct ArrowSchema schema;
    struct ArrowArray array;
    const void *buffers[3];
};

static void dictionary_init(struct dictionary *d, const char *format, int64_t length,
                            const void *indices)
{
    static const int32_t offsets[] = {0, 0, 3, 8};
    producer_init(&d->p, format, length, 2, indices, NULL);
    d->buffers[0] = NULL;
    d->buffers[1] = offsets;
    d->buffers[2] = "redgreen";
    d->schema = producer_schema("u", "");
    d->array = producer_array(3, 3, d->buffers);
    d->p.column_schema.dictionary = &d->schema;
    d->p.column.dictionary = &d->array;
}

static void test_arrow_encoded__reads_dictionaries(void **state)
{
    static const int8_t i8[] = {2, 0, 1, 2};
    static const uint32_t u32[] = {2, 0, 1, 2};
    static const int64_t i64[] = {2, 99, 1, 2};
    static const uint8_t validity[] = {0x0d};
    struct dsi_value v[] = {text("green"), text(""), text("red"), text("green")};
    struct dictionary d;
    (void)state;

    dictionary_init(&d, "c", 4, i8);
    producer_gives(&d.p, &type_string, v, 4);
    dictionary_init(&d, "I", 4, u32);
    producer_gives(&d.p, &type_string, v, 4);
    v[1] = DSI_VALUE_NULL; // And its index may be anything.
    dictionary_init(&d, "l", 4, i64);
    d.p.buffers[0] = validity;
    producer_gives(&d.p, &type_string, v, 4);
}

static void test_arrow_encoded__refuses_dictionaries_that_lie(void **state)
{
    static const int32_t beyond[] = {0, 3};
    static const int32_t below[] = {0, -1};
    struct dictionary d;
    (void)state;

    dictionary_init(&d, "i", 2, beyond);
    producer_refused(&d.p, &type_string, false, DS_EINVALID,
                     "row 2: its dictionary has no");
    dictionary_init(&d, "i", 2, below);
    producer_refused(&d.p, &type_string, false, DS_EINVALID,
                     "row 2: its dictionary has no");
    dictionary_init(&d, "i", 2, NULL);
    producer_refused(&d.p, &type_string, false, DS_EINVALID, "no indices");
    dictionary_init(&d, "i", 2, beyond);
    d.array.release = NULL;
    producer_refused(&d.p, &type_string, false, DS_EINVALID, "released");
    dictionary_init(&d, "i", 2, beyond);
    d.p.column.dictionary = NULL;
    producer_refused(&d.p, &type_string, false, DS_EINVALID, "disagree");
    dictionary_init(&d, "g", 2, beyond);
    producer_refused(&d.p, &type_string, false, DS_EINVALID, "indices of its dictionary");
    dictionary_init(&d, "i", 2, beyond);
    d.schema.dictionary = &d.schema;
    producer_refused(&d.p, &type_string, false, DS_EINVALID, "indices of its dictionary");
    dictionary_init(&d, "i", 2, beyond);
    d.schema.format = "i";
    d.schema.dictionary = &d.schema; // A dictionary of itself, for ever.
    producer_refused(&d.p, &type_string, false, DS_EUNSUPPORTED, "dictionaries inside");
}

// A column "c" of runs: 1 1 1 (null) 7 7
struct runs {
    struct producer p;
    struct ArrowSchema schemas[2];
    struct ArrowSchema *schema_pointers[2];
    struct ArrowArray arrays[2];
    struct ArrowArray *array_pointers[2];
    const void *end_buffers[2];
    const void *value_buffers[2];
    int16_t ends[3];
    int32_t values[3];
    uint8_t validity[1];
};

static void runs_init(struct runs *r, int64_t length, int64_t offset)
{
    *r = (struct runs){.ends = {3, 4, 6}, .values = {1, 99, 7}, .validity = {5}};
    producer_init(&r->p, "+r", length, 0, NULL, NULL);
    r->schemas[0] = producer_schema("s", "run_ends");
    r->schemas[1] = producer_schema("i", "values");
    r->end_buffers[1] = r->ends;
    r->value_buffers[0] = r->validity;
    r->value_buffers[1] = r->values;
    r->arrays[0] = producer_array(3, 2, r->end_buffers);
    r->arrays[1] = producer_array(3, 2, r->value_buffers);
    for (int i = 0; i < 2; i++) {
        r->schema_pointers[i] = &r->schemas[i];
        r->array_pointers[i] = &r->arrays[i];
    }
    r->p.column_schema.n_children = 2;
    r->p.column_schema.children = r->schema_pointers;
    r->p.column.n_children = 2;
    r->p.column.children = r->array_pointers;
    r->p.column.offset = offset;
}

static void test_arrow_encoded__reads_runs(void **state)
{
    struct dsi_value one = {.kind = DSI_TYPE_INT, .as.i32 = 1};
    struct dsi_value seven = {.kind = DSI_TYPE_INT, .as.i32 = 7};
    struct dsi_value v[] = {one, one, one, DSI_VALUE_NULL, seven, seven};
    struct runs r;
    (void)state;

    runs_init(&r, 6, 0);
    producer_gives(&r.p, &type_int, v, 6);
    runs_init(&r, 3, 2);
    producer_gives(&r.p, &type_int, v + 2, 3);
    runs_init(&r, 0, 0);
    producer_gives(&r.p, &type_int, v, 0);
}

static void test_arrow_encoded__refuses_runs_that_lie(void **state)
{
    struct runs r;
    (void)state;

    runs_init(&r, 7, 0);
    producer_refused(&r.p, &type_int, false, DS_EINVALID, "row 7: its Arrow runs end");
    runs_init(&r, 6, 0);
    r.ends[1] = 3;
    producer_refused(&r.p, &type_int, false, DS_EINVALID, "do not ascend (run 1)");
    runs_init(&r, 6, 0);
    r.ends[0] = -3;
    producer_refused(&r.p, &type_int, false, DS_EINVALID, "do not ascend (run 0)");
    runs_init(&r, 6, 0);
    r.arrays[1].length = 2;
    producer_refused(&r.p, &type_int, false, DS_EINVALID, "shorter than");
    runs_init(&r, 6, 0);
    r.end_buffers[0] = r.validity;
    producer_refused(&r.p, &type_int, false, DS_EINVALID, "run ends have nulls");
    runs_init(&r, 6, 0);
    r.schemas[0].format = "c";
    producer_refused(&r.p, &type_int, false, DS_EINVALID, "its run ends are 'c'");
}

// st: struct<a: required int, xs: list<int>>
static const struct dsi_field element =
    ROWS_FIELD(4, "element", true, .kind = DSI_TYPE_INT);
static const struct dsi_field members[] = {
    ROWS_FIELD(2, "a", true, .kind = DSI_TYPE_INT),
    ROWS_FIELD(3, "xs", false, .kind = DSI_TYPE_LIST, .fields = &element,
               .field_count = 1),
};
static const struct dsi_field st = ROWS_FIELD(1, "c", false, .kind = DSI_TYPE_STRUCT,
                                              .fields = members, .field_count = 2);

static const uint8_t no_third[] = {0x0b}; // Of four.

// Structs {10 [1 2]}, {11 []}, one whose `a` is null, {13 [3]}; returns their node.
static size_t structs(struct tree *t)
{
    static const int32_t a[] = {10, 11, 12, 13};
    static const int32_t offsets[] = {0, 2, 2, 2, 3};
    static const int32_t xs[] = {1, 2, 3};
    size_t n = tree_add(t, "+s", "", 4, 1, NULL, NULL);
    size_t leaf = tree_child(t, n, tree_add(t, "i", "a", 4, 2, a, NULL));
    size_t list = tree_child(t, n, tree_add(t, "+l", "xs", 4, 2, offsets, NULL));
    t->buffers[leaf][0] = no_third;
    tree_child(t, list, tree_add(t, "i", "item", 3, 2, xs, NULL));
    return n;
}

static void test_arrow_encoded__reads_dictionaries_of_anything(void **state)
{
    static const int8_t indices[] = {3, 0, 9, 1, 3};
    static const uint8_t validity[] = {0x1b};
    struct tree t = {0};
    (void)state;

    size_t n = tree_add(&t, "c", "c", 5, 2, indices, NULL);
    t.buffers[n][0] = validity;
    size_t values = structs(&t);
    t.schemas[n].dictionary = &t.schemas[values];
    t.arrays[n].dictionary = &t.arrays[values];
    tree_gives(&t, &st, "{13 [3]} {10 [1 2]} - {11 []} {13 [3]}"); // No row is the third.
}

static void test_arrow_encoded__names_the_row_that_refers_to_a_bad_value(void **state)
{
    static const int8_t indices[] = {3, 0, 2, 1, 2};
    struct tree t = {0};
    (void)state;

    size_t n = tree_add(&t, "c", "c", 5, 2, indices, NULL);
    size_t values = structs(&t);
    t.schemas[n].dictionary = &t.schemas[values];
    t.arrays[n].dictionary = &t.arrays[values];
    tree_refused(&t, &st, DS_EINVALID, "column c.a, row 3: null, but the column is");
}

static void test_arrow_encoded__reads_runs_of_anything(void **state)
{
    static const int32_t ends[] = {2, 3, 5, 9};
    struct tree t = {0};
    (void)state;

    size_t n = tree_add(&t, "+r", "c", 3, 0, NULL, NULL);
    t.arrays[n].offset = 1;
    tree_child(&t, n, tree_add(&t, "i", "run_ends", 4, 2, ends, NULL));
    tree_child(&t, n, structs(&t));
    t.p.array.length = 3;
    tree_refused(&t, &st, DS_EINVALID, "column c.a, row 3: null, but the column is");
    t.arrays[n].length = 2;
    tree_gives(&t, &st, "{10 [1 2]} {11 []}"); // The third run is not reached.
}

// The third run, and the third entry, are nonsense that only null structs refer to.
static void test_arrow_encoded__does_not_look_under_a_null(void **state)
{
    static const int32_t ends[] = {1, 2, 3, 4};
    static const int8_t codes[] = {0, 1, 99, 3};
    static const struct dsi_field outer = ROWS_FIELD(
        9, "c", false, .kind = DSI_TYPE_STRUCT, .fields = &st, .field_count = 1);
    struct tree t = {0};
    (void)state;

    tree_add(&t, "+s", "c", 4, 1, NULL, NULL);
    size_t n = tree_child(&t, 0, tree_add(&t, "+r", "c", 4, 0, NULL, NULL));
    tree_child(&t, n, tree_add(&t, "i", "run_ends", 4, 2, ends, NULL));
    tree_child(&t, n, structs(&t));
    tree_refused(&t, &outer, DS_EINVALID, "column c.c.a, row 3: null, but the column is");
    t.buffers[0][0] = no_third;
    tree_gives(&t, &outer, "{{10 [1 2]}} {{11 []}} - {{13 [3]}}");

    memset(&t, 0, sizeof t);
    tree_add(&t, "+s", "c", 4, 1, NULL, NULL);
    n = tree_child(&t, 0, tree_add(&t, "c", "c", 4, 2, codes, NULL));
    size_t values = structs(&t);
    t.schemas[n].dictionary = &t.schemas[values];
    t.arrays[n].dictionary = &t.arrays[values];
    tree_refused(&t, &outer, DS_EINVALID,
                 "column c.c, row 3: its dictionary has no such");
    t.buffers[0][0] = no_third;
    tree_gives(&t, &outer, "{{10 [1 2]}} {{11 []}} - {{13 [3]}}");
}

// Indices 0 0 1 1 into runs (of 1, 3) of a dictionary of structs, inside a list.
static void test_arrow_encoded__reads_encodings_inside_lists_and_each_other(void **state)
{
    static const uint16_t indices[] = {0, 0, 1, 1};
    static const int16_t ends[] = {1, 4};
    static const uint32_t inner[] = {3, 0};
    static const int32_t offsets[] = {0, 1, 4};
    struct dsi_field item = st;
    struct dsi_field list = ROWS_FIELD(9, "c", false, .kind = DSI_TYPE_LIST,
                                       .fields = &item, .field_count = 1);
    struct tree t = {0};
    (void)state;

    size_t n = tree_add(&t, "+l", "c", 2, 2, offsets, NULL);
    size_t outer = tree_child(&t, n, tree_add(&t, "S", "item", 4, 2, indices, NULL));
    size_t runs = tree_add(&t, "+r", "", 4, 0, NULL, NULL);
    tree_child(&t, runs, tree_add(&t, "s", "run_ends", 2, 2, ends, NULL));
    size_t codes = tree_child(&t, runs, tree_add(&t, "I", "values", 2, 2, inner, NULL));
    size_t values = structs(&t);
    t.schemas[outer].dictionary = &t.schemas[runs];
    t.arrays[outer].dictionary = &t.arrays[runs];
    t.schemas[codes].dictionary = &t.schemas[values];
    t.arrays[codes].dictionary = &t.arrays[values];
    tree_gives(&t, &list, "[{13 [3]}] [{13 [3]} {10 [1 2]} {10 [1 2]}]");
}

static void test_arrow_encoded__survives_every_fault(void **state)
{
    static const int8_t indices[] = {2, 0, 1, 2};
    struct dsi_field field = ROWS_FIELD(1, "c", false, .kind = DSI_TYPE_STRING);
    struct dsi_schema target = rows_schema(&field, 1);
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        struct dictionary d;
        struct dsi_batch b;
        dictionary_init(&d, "c", 4, indices);
        int rc = producer_import(&d.p, &target, &b, &err);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        dsi_batch_release(&b);
        if (d.p.array.release) {
            d.p.array.release(&d.p.array); // The plan failed: it is still the producer's.
        }
        assert_int_equal(d.p.released, 1);
    }
    assert_true(plan.target > 8);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrow_encoded__reads_dictionaries),
        cmocka_unit_test(test_arrow_encoded__refuses_dictionaries_that_lie),
        cmocka_unit_test(test_arrow_encoded__reads_runs),
        cmocka_unit_test(test_arrow_encoded__refuses_runs_that_lie),
        cmocka_unit_test(test_arrow_encoded__reads_dictionaries_of_anything),
        cmocka_unit_test(test_arrow_encoded__names_the_row_that_refers_to_a_bad_value),
        cmocka_unit_test(test_arrow_encoded__reads_runs_of_anything),
        cmocka_unit_test(test_arrow_encoded__does_not_look_under_a_null),
        cmocka_unit_test(test_arrow_encoded__reads_encodings_inside_lists_and_each_other),
        cmocka_unit_test(test_arrow_encoded__survives_every_fault),
    };
    return cmocka_run_group_tests_name("arrow_encoded", tests, NULL, NULL);
}
