// Arrays and cells become batches of the table's columns, or are refused.
#include <math.h>

#include "appender_fixture.h"
#include "base/fault.h"
#include "txn/intake.h"

static int teardown(void **state)
{
    (void)state;
    dsi_fault_stop();
    return 0;
}

enum { COLUMNS = 13 };

static struct dsi_metadata *metadata(void)
{
    static const struct dsi_field element = {
        .id = 20, .name = "element", .type = {.kind = DSI_TYPE_LONG}};
    static const struct dsi_field fields[COLUMNS] = {
        {.id = 1, .name = "i", .required = true, .type = {.kind = DSI_TYPE_INT}},
        {.id = 2, .name = "l", .type = {.kind = DSI_TYPE_LONG}},
        {.id = 3, .name = "b", .type = {.kind = DSI_TYPE_BOOLEAN}},
        {.id = 4, .name = "f", .type = {.kind = DSI_TYPE_FLOAT}},
        {.id = 5, .name = "d", .type = {.kind = DSI_TYPE_DOUBLE}},
        {.id = 6, .name = "day", .type = {.kind = DSI_TYPE_DATE}},
        {.id = 7, .name = "at", .type = {.kind = DSI_TYPE_TIMESTAMPTZ}},
        {.id = 8, .name = "s", .type = {.kind = DSI_TYPE_STRING}},
        {.id = 9, .name = "bin", .type = {.kind = DSI_TYPE_BINARY}},
        {.id = 10, .name = "u", .type = {.kind = DSI_TYPE_UUID}},
        {.id = 11,
         .name = "n",
         .type = {.kind = DSI_TYPE_DECIMAL, .precision = 9, .scale = 2}},
        {.id = 12,
         .name = "list",
         .type = {.kind = DSI_TYPE_LIST, .fields = &element, .field_count = 1}},
        {.id = 13, .name = "fix", .type = {.kind = DSI_TYPE_FIXED, .length = 2}},
    };
    struct dsi_schema schema = {
        .root = {.kind = DSI_TYPE_STRUCT, .fields = fields, .field_count = COLUMNS},
        .highest_id = 20};
    struct dsi_catalog c;
    struct dsi_table *t = NULL;
    struct dsi_metadata_new spec = {.location = "memory:///t", .schema = &schema};
    struct ds_error err = {0};
    catalog_init(&c);
    if (dsi_table_create(&c, &test_name, &spec, &t, &err) != DS_OK) {
        fail_msg("%s", err.message);
    }
    const struct dsi_metadata *m = dsi_table_metadata(t);
    dsi_table_free(t);
    catalog_release(&c);
    return (struct dsi_metadata *)m;
}

static struct ds_slice text(const char *s)
{
    return (struct ds_slice){(const uint8_t *)s, strlen(s)};
}

static struct ds_cell as_text(const char *s)
{
    return (struct ds_cell){.kind = DS_CELL_TEXT, .as.bytes = text(s)};
}

static struct ds_cell as_int(int64_t i)
{
    return (struct ds_cell){.kind = DS_CELL_INT, .as.integer = i};
}

static struct ds_cell as_real(double d)
{
    return (struct ds_cell){.kind = DS_CELL_DOUBLE, .as.real = d};
}

static struct ds_cell as_bytes(const char *s)
{
    return (struct ds_cell){.kind = DS_CELL_BYTES, .as.bytes = text(s)};
}

static struct dsi_value value(const struct dsi_batch *b, size_t column, int64_t row)
{
    struct dsi_value v;
    dsi_column_value(&b->columns[column], row, &v);
    return v;
}

static void test_intake__takes_rows_of_cells(void **state)
{
    const struct dsi_metadata *m = metadata();
    struct dsi_intake *in = NULL;
    struct dsi_batch_builder *builder = NULL;
    struct dsi_batch b = {0};
    struct ds_error err = {0};
    struct ds_cell truth = {.kind = DS_CELL_BOOL, .as.boolean = true};
    struct ds_cell own[COLUMNS] = {as_int(7),
                                   as_int(-8),
                                   truth,
                                   as_real(0.5),
                                   as_real(0.25),
                                   as_int(17486),
                                   as_int(1000),
                                   as_text("é"),
                                   as_bytes("x"),
                                   as_bytes("0123456789abcdef"),
                                   as_text("12.34"),
                                   as_text("[1, 2, null]"),
                                   as_bytes("ab")};
    struct ds_cell other[COLUMNS] = {as_text("7"),
                                     as_text("-8"),
                                     as_text("true"),
                                     as_int(3),
                                     as_int(4),
                                     as_text("2017-11-16"),
                                     as_text("2017-11-16T22:31:08Z"),
                                     as_text(""),
                                     as_text("6162"),
                                     as_text("00010203-0405-0607-0809-0a0b0c0d0e0f")};
    (void)state;

    assert_int_equal(dsi_intake_new(m, NULL, &in, NULL), DS_OK);
    assert_ptr_equal(dsi_intake_metadata(in), m);
    assert_int_equal(dsi_batch_builder_new(dsi_intake_schema(in), &builder, NULL), DS_OK);
    assert_int_equal(dsi_intake_row(in, builder, own, COLUMNS, &err), DS_OK);
    int rc = dsi_intake_row(in, builder, other, 10, &err);
    if (rc != DS_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(dsi_batch_builder_take(builder, &b, &err), DS_OK);
    assert_int_equal(value(&b, 0, 0).as.i32, 7);
    assert_int_equal(value(&b, 0, 1).as.i32, 7);
    assert_int_equal(value(&b, 1, 1).as.i64, -8);
    assert_true(value(&b, 2, 0).as.boolean && value(&b, 2, 1).as.boolean);
    assert_true(value(&b, 3, 0).as.f32 == 0.5f && value(&b, 3, 1).as.f32 == 3.0f);
    assert_true(value(&b, 4, 1).as.f64 == 4.0);
    assert_int_equal(value(&b, 5, 0).as.i32, value(&b, 5, 1).as.i32);
    assert_int_equal(value(&b, 6, 1).as.i64, INT64_C(1510871468000000));
    assert_int_equal(value(&b, 7, 0).as.bytes.size, 2);
    assert_int_equal(value(&b, 8, 1).as.bytes.size, 2);
    assert_true(value(&b, 10, 1).null && value(&b, 12, 1).null);
    assert_int_equal(b.columns[11].children[0].length, 3);
    assert_true(dsi_intake_bytes(&b) > 100);
    dsi_batch_release(&b);
    dsi_batch_builder_free(builder);
    dsi_intake_unref(in);
    dsi_metadata_unref(m);
}

static void test_intake__refuses_a_cell_and_forgets_its_row(void **state)
{
    const struct {
        size_t column;
        struct ds_cell cell;
        const char *says;
    } bad[] = {
        {0, as_int(INT64_C(1) << 31), "column i (int): the cell is an integer"},
        {0, {.kind = DS_CELL_NULL}, "column i"},
        {1, as_real(1), "column l (long): the cell is a double"},
        {1, as_text("x"), "column l"},
        {2, as_int(1), "column b"},
        {3, as_real(1e300), "column f"},
        {3, as_int((1 << 24) + 1), "column f"},
        {4, as_int((INT64_C(1) << 53) + 1), "column d"},
        {5, as_text("2017-13-01"), "column day"},
        {7, as_text("\xff"), "UTF-8"},
        {7, as_bytes("x"), "column s"},
        {7, {.kind = DS_CELL_TEXT, .as.bytes = {NULL, 3}}, "3 bytes at NULL"},
        {9, as_bytes("short"), "column u"},
        {10, as_text("12345678.90"), "column n"},
        {11, as_text("[1, \"x\"]"), "column list"},
        {11, as_text("[1] 2"), "column list"},
        {12, as_bytes("abc"), "column fix"},
        {12, {.kind = (enum ds_cell_kind)99}, "no kind of value"},
    };
    const struct dsi_metadata *m = metadata();
    struct dsi_intake *in = NULL;
    struct dsi_batch_builder *builder = NULL;
    struct dsi_batch b = {0};
    struct ds_error err = {0};
    struct ds_cell cells[COLUMNS + 1] = {{.kind = DS_CELL_NULL}};
    (void)state;

    assert_int_equal(dsi_intake_new(m, NULL, &in, NULL), DS_OK);
    assert_int_equal(dsi_batch_builder_new(dsi_intake_schema(in), &builder, NULL), DS_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memset(cells, 0, sizeof cells);
        cells[0] = as_int(1);
        cells[1] = as_int(99); // Must not be found in the row that follows.
        cells[bad[i].column] = bad[i].cell;
        err = (struct ds_error){0};
        assert_int_equal(dsi_intake_row(in, builder, cells, COLUMNS, &err), DS_EINVALID);
        if (!strstr(err.message, bad[i].says)) {
            fail_msg("%zu: '%s' is not in '%s'", i, bad[i].says, err.message);
        }
        assert_int_equal(dsi_batch_builder_rows(builder), i);
        cells[0] = as_int((int64_t)i);
        assert_int_equal(dsi_intake_row(in, builder, cells, 1, &err), DS_OK);
    }
    assert_int_equal(dsi_intake_row(in, builder, cells, COLUMNS + 1, &err), DS_EINVALID);
    assert_int_equal(dsi_batch_builder_take(builder, &b, &err), DS_OK);
    for (int64_t i = 0; i < b.rows; i++) {
        assert_int_equal(value(&b, 0, i).as.i32, i);
        for (size_t k = 1; k < COLUMNS; k++) {
            assert_true(dsi_column_is_null(&b.columns[k], i));
        }
    }
    dsi_batch_release(&b);
    dsi_batch_builder_free(builder);
    dsi_intake_unref(in);
    dsi_metadata_unref(m);
}

// Twenty schemas, more than are kept, each twice; and odd ones.
static void test_intake__knows_a_schema_again(void **state)
{
    struct dsi_catalog c;
    struct dsi_intake *in = NULL;
    struct dsi_batch b = {0};
    struct ds_error err = {0};
    char metadata[64] = {0};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    assert_int_equal(dsi_intake_new(m, NULL, &in, NULL), DS_OK);
    for (int i = 0; i < 40; i++) {
        struct ArrowSchema schema = *test_arrow_schema();
        int32_t header[] = {1, 1}; // One pair: "k", and a value of two bytes.
        memcpy(metadata, header, 8);
        metadata[8] = 'k';
        memcpy(metadata + 9, &(int32_t){2}, 4);
        metadata[13] = (char)('a' + i % 20);
        schema.metadata = metadata;
        struct ArrowArray array = test_rows(i, 2);
        assert_int_equal(dsi_intake_batch(in, &schema, &array, &b, &err), DS_OK);
        assert_int_equal(value(&b, 0, 1).as.i64, i + 1);
        dsi_batch_release(&b);
    }
    struct ArrowSchema *none[1] = {NULL};
    struct ArrowSchema odd[] = {
        {.format = NULL, .release = test_arrow_release},
        {.format = "+s", .n_children = -1, .release = test_arrow_release},
        {.format = "+s",
         .n_children = 1,
         .children = none,
         .release = test_arrow_release},
        {.format = "+s", .n_children = 2, .release = test_arrow_release},
        {.format = "+s"},
        {.format = "l", .name = "id", .release = test_arrow_release},
    };
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct ArrowArray array = test_rows(0, 2);
        assert_true(dsi_intake_batch(in, &odd[i], &array, &b, &err) < 0);
        assert_null(array.release);
    }
    dsi_intake_unref(in);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_intake__names_column_and_row(void **state)
{
    struct dsi_catalog c;
    struct dsi_intake *in = NULL;
    struct dsi_batch b = {0};
    struct ds_error err = {0};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    assert_int_equal(dsi_intake_new(m, NULL, &in, NULL), DS_OK);
    struct ArrowArray array = test_rows(0, 3);
    struct test_array *own = array.private_data;
    static char bytes[] = "\xffxx";
    own->name_buffers[2] = bytes;
    assert_int_equal(dsi_intake_batch(in, test_arrow_schema(), &array, &b, &err),
                     DS_EINVALID);
    assert_non_null(strstr(err.message, "name"));
    assert_non_null(strstr(err.message, "row 0"));
    dsi_intake_unref(in);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    catalog_release(&c);
}

// Cells stay where they were when columns are dropped, added and moved.
static void test_intake__keeps_the_order_of_cells(void **state)
{
    static const struct dsi_field later[3] = {
        {.id = 3, .name = "new", .type = {.kind = DSI_TYPE_LONG}},
        {.id = 2, .name = "name", .type = {.kind = DSI_TYPE_STRING}},
        {.id = 4, .name = "more", .type = {.kind = DSI_TYPE_LONG}},
    };
    struct dsi_catalog c;
    struct dsi_intake *in = NULL;
    struct dsi_intake *after = NULL;
    struct dsi_batch_builder *builder = NULL;
    struct dsi_batch b = {0};
    struct ds_error err = {0};
    struct ds_cell cells[2] = {as_int(1), as_text("x")};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    assert_int_equal(dsi_intake_new(m, NULL, &in, NULL), DS_OK);
    assert_true(dsi_intake_suits(in, m));
    struct dsi_schema schema = {
        .schema_id = 9,
        .root = {.kind = DSI_TYPE_STRUCT, .fields = later, .field_count = 3},
        .highest_id = 4};
    struct dsi_metadata changed = *m;
    dsi_refcount_init(&changed.owners);
    changed.schemas = &schema;
    changed.schema_count = 1;
    changed.current_schema_id = 9;
    assert_false(dsi_intake_suits(in, &changed));
    changed.current_schema_id = m->current_schema_id;
    changed.default_spec_id = 77;
    assert_false(dsi_intake_suits(in, &changed));
    changed.default_spec_id = m->default_spec_id;
    changed.property_count = 0;
    assert_true(dsi_intake_suits(in, &changed) == (m->property_count == 0));
    changed.current_schema_id = 9;
    dsi_refcount_add(&changed.owners); // It is on the stack: never freed.
    assert_int_equal(dsi_intake_new(&changed, in, &after, NULL), DS_OK);
    assert_int_equal(dsi_batch_builder_new(&schema, &builder, NULL), DS_OK);
    assert_int_equal(dsi_intake_row(after, builder, cells, 2, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "dropped"));
    cells[0].kind = DS_CELL_NULL;
    assert_int_equal(dsi_intake_row(after, builder, cells, 2, &err), DS_OK);
    assert_int_equal(dsi_batch_builder_take(builder, &b, &err), DS_OK);
    assert_true(value(&b, 0, 0).null && value(&b, 2, 0).null);
    assert_int_equal(value(&b, 1, 0).as.bytes.data[0], 'x');
    dsi_batch_release(&b);
    dsi_batch_builder_free(builder);
    dsi_intake_unref(after);
    dsi_intake_unref(in);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_intake__survives_every_fault(void **state)
{
    struct dsi_catalog c;
    struct dsi_fault_plan plan = {0};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    while (dsi_fault_next(&plan)) {
        struct dsi_intake *in = NULL;
        struct dsi_batch b = {0};
        struct ds_error err = {0};
        struct ArrowArray array = test_rows(0, 2);
        int rc = dsi_intake_new(m, NULL, &in, &err);
        if (rc == DS_OK) {
            rc = dsi_intake_batch(in, test_arrow_schema(), &array, &b, &err);
            assert_null(array.release);
        } else {
            array.release(&array);
        }
        dsi_fault_stop();
        assert_true(rc == DS_OK ? b.rows == 2 : err.message[0] != '\0');
        dsi_batch_release(&b);
        dsi_intake_unref(in);
    }
    assert_true(plan.target > 5);
    dsi_metadata_unref(m);
    dsi_table_free(t);
    catalog_release(&c);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_intake__takes_rows_of_cells),
        TEST(test_intake__refuses_a_cell_and_forgets_its_row),
        TEST(test_intake__knows_a_schema_again),
        TEST(test_intake__names_column_and_row),
        TEST(test_intake__keeps_the_order_of_cells),
        TEST(test_intake__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
