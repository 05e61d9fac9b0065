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

static void test_arrow_import__reads_dictionaries(void **state)
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

static void test_arrow_import__refuses_dictionaries_that_lie(void **state)
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

static void test_arrow_import__reads_runs(void **state)
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

static void test_arrow_import__refuses_runs_that_lie(void **state)
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

static void test_arrow_import__reads_a_column_of_type_null(void **state)
{
    struct dsi_value v[] = {DSI_VALUE_NULL, DSI_VALUE_NULL, DSI_VALUE_NULL};
    struct producer p;
    (void)state;

    producer_init(&p, "n", 3, 0, NULL, NULL);
    producer_gives(&p, &type_int, v, 3);
    producer_init(&p, "n", 3, 0, NULL, NULL);
    producer_refused(&p, &type_int, true, DS_EINVALID, "does not fit the table's int");
}

static void test_arrow_import__wants_values_in_a_required_column(void **state)
{
    static const int32_t in[] = {1, 2, 3};
    static const uint8_t validity[] = {5};
    struct producer p;
    (void)state;

    producer_init(&p, "i", 3, 2, in, NULL);
    p.buffers[0] = validity;
    producer_refused(&p, &type_int, true, DS_EINVALID, "row 2: null, but the column is");
}

static void test_arrow_import__refuses_types_that_do_not_fit(void **state)
{
    static const struct {
        const char *format;
        struct dsi_type type;
    } pairs[] = {
        {"l", {.kind = DSI_TYPE_INT}},
        {"I", {.kind = DSI_TYPE_INT}},
        {"L", {.kind = DSI_TYPE_LONG}},
        {"g", {.kind = DSI_TYPE_FLOAT}},
        {"i", {.kind = DSI_TYPE_DOUBLE}},
        {"tsu:", {.kind = DSI_TYPE_TIMESTAMPTZ}},
        {"u", {.kind = DSI_TYPE_BINARY}},
        {"tsu:UTC", {.kind = DSI_TYPE_TIMESTAMP}},
        {"z", {.kind = DSI_TYPE_STRING}},
        {"w:15", {.kind = DSI_TYPE_UUID}},
        {"tDu", {.kind = DSI_TYPE_LONG}},
        {"w:4", {.kind = DSI_TYPE_FIXED, .length = 5}},
        {"d:6,2", {.kind = DSI_TYPE_DECIMAL, .precision = 5, .scale = 2}},
        {"d:5,1", {.kind = DSI_TYPE_DECIMAL, .precision = 5, .scale = 2}},
    };
    (void)state;

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct producer p;
        producer_init(&p, pairs[i].format, 1, 2, NULL, NULL);
        producer_refused(&p, &pairs[i].type, false, DS_EINVALID, "does not fit");
    }
}

// "id" in "PARQUET:field_id" metadata.
static void put_id(char out[64], int32_t id)
{
    char digits[16];
    snprintf(digits, sizeof digits, "%d", id);
    int32_t n[3] = {1, 16, (int32_t)strlen(digits)};
    memcpy(out, n, 8);
    memcpy(out + 8, "PARQUET:field_id", 16);
    memcpy(out + 24, &n[2], 4);
    memcpy(out + 28, digits, strlen(digits));
}

static int plan_two(const char *a, int a_id, const char *b, int b_id,
                    struct ds_error *err)
{
    static const struct dsi_field fields[] = {
        ROWS_FIELD(1, "x", true, .kind = DSI_TYPE_INT),
        ROWS_FIELD(2, "y", false, .kind = DSI_TYPE_INT),
    };
    struct dsi_schema target = rows_schema(fields, 2);
    struct ArrowSchema columns[2] = {producer_schema("i", a), producer_schema("i", b)};
    struct ArrowSchema *pointers[] = {&columns[0], &columns[1]};
    struct ArrowSchema top = producer_schema("+s", "");
    struct dsi_arrow_import *im = NULL;
    char metadata[2][64];

    if (a_id) {
        put_id(metadata[0], a_id);
        columns[0].metadata = metadata[0];
    }
    if (b_id) {
        put_id(metadata[1], b_id);
        columns[1].metadata = metadata[1];
    }
    top.children = pointers;
    top.n_children = b ? 2 : 1;
    int rc = dsi_arrow_import_new(&top, &target, &im, err);
    dsi_arrow_import_free(im);
    return rc;
}

static void test_arrow_import__matches_columns_by_id_or_name(void **state)
{
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(plan_two("y", 0, "x", 0, &err), DS_OK);
    assert_int_equal(plan_two("x", 0, NULL, 0, &err), DS_OK); // y is optional.
    assert_int_equal(plan_two("old", 1, "older", 2, &err), DS_OK);
    assert_int_equal(plan_two("x", 7, "y", 8, &err), DS_OK); // Somebody else's ids.
    assert_int_equal(plan_two("y", 0, NULL, 0, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "column x: it is required, and missing"));
    assert_int_equal(plan_two("x", 0, "x", 0, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "column x: there are two"));
    assert_int_equal(plan_two("x", 0, "z", 0, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "column z: the table has no such column"));
    assert_int_equal(plan_two("x", 2, "y", 1, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "by its field id 2 it is the table's column y"));
}

static void test_arrow_import__refuses_what_is_no_struct_or_was_released(void **state)
{
    static const int32_t in[] = {1};
    struct producer p;
    (void)state;

    producer_init(&p, "i", 1, 2, in, NULL);
    p.schema.format = "i";
    p.schema.n_children = 0;
    producer_refused(&p, &type_int, false, DS_EINVALID, "not a struct of columns");
    producer_init(&p, "i", 1, 2, in, NULL);
    p.column_schema.release = NULL;
    producer_refused(&p, &type_int, false, DS_EINVALID, "schema was released");
    producer_init(&p, "i", 1, 2, in, NULL);
    struct dsi_field field = ROWS_FIELD(1, "c", false, .kind = DSI_TYPE_INT);
    struct dsi_schema target = rows_schema(&field, 1);
    struct ds_error err = {0};
    struct dsi_batch b;
    p.array.release = NULL;
    assert_int_equal(producer_import(&p, &target, &b, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "was released"));
    assert_int_equal(p.released, 0);
}

static void test_arrow_import__survives_every_fault(void **state)
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
        cmocka_unit_test(test_arrow_import__reads_dictionaries),
        cmocka_unit_test(test_arrow_import__refuses_dictionaries_that_lie),
        cmocka_unit_test(test_arrow_import__reads_runs),
        cmocka_unit_test(test_arrow_import__refuses_runs_that_lie),
        cmocka_unit_test(test_arrow_import__reads_a_column_of_type_null),
        cmocka_unit_test(test_arrow_import__wants_values_in_a_required_column),
        cmocka_unit_test(test_arrow_import__refuses_types_that_do_not_fit),
        cmocka_unit_test(test_arrow_import__matches_columns_by_id_or_name),
        cmocka_unit_test(test_arrow_import__refuses_what_is_no_struct_or_was_released),
        cmocka_unit_test(test_arrow_import__survives_every_fault),
    };
    return cmocka_run_group_tests_name("arrow_import", tests, NULL, NULL);
}
