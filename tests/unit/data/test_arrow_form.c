#include "data/arrow_form.h"

#include "base/fault.h"
#include "data/arrow_io.h"
#include "unit/data/producer.h"

static const struct dsi_field element =
    ROWS_FIELD(3, "element", false, .kind = DSI_TYPE_STRING);
static const struct dsi_field fields[] = {
    ROWS_FIELD(1, "s", false, .kind = DSI_TYPE_STRING),
    ROWS_FIELD(2, "xs", false, .kind = DSI_TYPE_LIST, .fields = &element,
               .field_count = 1),
    ROWS_FIELD(4, "b", false, .kind = DSI_TYPE_BINARY),
    ROWS_FIELD(5, "i", false, .kind = DSI_TYPE_INT),
    ROWS_FIELD(6, "v", false, .kind = DSI_TYPE_VARIANT),
    ROWS_FIELD(7, "g", false, .kind = DSI_TYPE_GEOMETRY, .text = "geometry"),
};
enum { FIELDS = 6 };

static void test_arrow_form__chooses_by_type_and_name(void **state)
{
    static const char *const names[] = {"xs.element", "b"};
    struct dsi_schema schema = rows_schema(fields, FIELDS);
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_arrow_form form = {.views = true};
    size_t count = 0;
    (void)state;

    assert_int_equal(dsi_arrow_form_of(NULL, &fields[0]), DSI_FORM_PLAIN);
    assert_int_equal(dsi_arrow_form_of(&form, &fields[0]), DSI_FORM_VIEW);
    assert_int_equal(dsi_arrow_form_of(&form, &fields[2]), DSI_FORM_VIEW);
    assert_int_equal(dsi_arrow_form_of(&form, &fields[3]), DSI_FORM_PLAIN);
    assert_int_equal(dsi_arrow_form_of(&form, &fields[5]), DSI_FORM_PLAIN);
    const struct dsi_field *parts = dsi_layout_children(&fields[4].type, &count);
    assert_int_equal(dsi_arrow_form_of(&form, &parts[1]), DSI_FORM_PLAIN);
    assert_int_equal(dsi_arrow_form_resolve(&schema, names, 2, &arena, &form, NULL),
                     DS_OK);
    assert_int_equal(dsi_arrow_form_of(&form, &element), DSI_FORM_DICTIONARY);
    assert_int_equal(dsi_arrow_form_of(&form, &fields[2]), DSI_FORM_DICTIONARY);
    assert_int_equal(dsi_arrow_form_of(&form, &fields[0]), DSI_FORM_VIEW);
    form.dictionaries = true;
    assert_int_equal(dsi_arrow_form_of(&form, &fields[0]), DSI_FORM_DICTIONARY);
    dsi_arena_release(&arena);
}

static void test_arrow_form__refuses_columns_that_have_no_dictionary(void **state)
{
    static const char *const bad[] = {"nobody", "i", "xs", "xs.value", "v", NULL};
    struct dsi_schema schema = rows_schema(fields, FIELDS);
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_arrow_form form = {0};
        struct ds_error err = {0};
        assert_int_equal(dsi_arrow_form_resolve(&schema, &bad[i], 1, &arena, &form, &err),
                         DS_EINVALID);
        assert_non_null(strstr(err.message, bad[i] ? bad[i] : "NULL"));
        dsi_arena_release(&arena);
    }
}

// Exports a batch in a form and imports it again.
static int there_and_back(struct dsi_batch *b, const struct dsi_arrow_form *form,
                          struct dsi_batch *out, struct ds_error *err)
{
    const struct dsi_schema *target = b->schema;
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    struct dsi_arrow_import *im = NULL;
    int rc = dsi_arrow_schema_write_as(target, form, &schema, err);

    *out = (struct dsi_batch){0};
    if (rc == DS_OK) {
        rc = dsi_arrow_import_new(&schema, target, &im, err);
    }
    if (rc == DS_OK) {
        rc = dsi_arrow_export_batch_as(b, form, &array, err);
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

static void test_arrow_form__comes_back_the_same(void **state)
{
    static struct rows_nested n;
    (void)state;

    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct rows_random r = {seed};
        struct rows_random again = {0};
        struct dsi_arrow_form form = {.views = seed % 3 != 0,
                                      .dictionaries = seed % 3 != 1};
        struct ds_error err = {0};
        struct dsi_batch b;
        struct dsi_batch same;
        struct dsi_batch slice;
        struct dsi_batch back;
        int32_t id = 0;
        print_message("  seed %llu\n", (unsigned long long)seed);
        rows_nested_make(&r, 1 + (size_t)rows_below(&r, 4), 4, &n);
        id = (int32_t)rows_below(&r, (int64_t)n.used) + 1;
        form.dictionary_ids = &id;
        form.dictionary_count = 1;
        int64_t rows = rows_below(&r, 700);
        again.state = r.state;
        assert_int_equal(rows_make(&r, &n.schema, rows, &b, &err), DS_OK);
        assert_int_equal(rows_make(&again, &n.schema, rows, &same, &err), DS_OK);
        int64_t first = rows_below(&r, rows + 1);
        int64_t count = rows_below(&r, rows - first + 1);
        assert_int_equal(dsi_batch_slice(&same, first, count, &slice, &err), DS_OK);
        if (there_and_back(&slice, &form, &back, &err) < 0) {
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
}

// s: "", null, a text of 13 bytes, "x", the same 13 bytes, "", from the second row on.
static void six(struct dsi_batch *b, const struct dsi_schema *schema, bool wide)
{
    static const int32_t offsets[] = {0, 1, 1, 3, 16, 17, 30, 30};
    static const int64_t offsets64[] = {0, 1, 1, 3, 16, 17, 30, 30};
    static const uint8_t validity[] = {0xfb};

    assert_int_equal(dsi_batch_init(b, schema, NULL), DS_OK);
    b->rows = 6;
    b->columns[0].length = 6;
    b->columns[0].offset = 1;
    b->columns[0].null_count = -1;
    b->columns[0].validity = validity;
    b->columns[0].values = "?\xff\xffthirteen byte"
                           "x"
                           "thirteen byte";
    b->columns[0].offsets = wide ? NULL : offsets;
    b->columns[0].offsets64 = wide ? offsets64 : NULL;
}

static void test_arrow_form__views_point_into_the_same_bytes(void **state)
{
    struct dsi_schema schema = rows_schema(fields, 1);
    struct dsi_arrow_form form = {.views = true};
    struct dsi_batch b;
    (void)state;

    for (int wide = 0; wide < 2; wide++) {
        struct ArrowArray array;
        six(&b, &schema, wide == 1);
        const uint8_t *bytes = b.columns[0].values;
        assert_int_equal(dsi_arrow_export_batch_as(&b, &form, &array, NULL), DS_OK);
        const struct ArrowArray *s = array.children[0];
        assert_int_equal(s->length, 6);
        assert_int_equal(s->null_count, 1);
        assert_int_equal(s->n_buffers, 4);
        const uint8_t *view = (const uint8_t *)s->buffers[1] + 16 * 2;
        int32_t parts[4];
        memcpy(parts, view, 16);
        assert_int_equal(parts[0], 13);
        assert_memory_equal(&parts[1], "thir", 4);
        assert_int_equal(parts[2], 0);
        const uint8_t *at = (const uint8_t *)s->buffers[2] + parts[3];
        assert_ptr_equal(at, bytes + 3); // Nothing was copied.
        int64_t size = 0;
        memcpy(&size, s->buffers[3], sizeof size);
        assert_true(parts[3] + 13 <= size);
        array.release(&array);
    }
}

static void test_arrow_form__a_dictionary_has_each_value_once(void **state)
{
    static const int32_t expected[] = {0, 0, 1, 2, 1, 0};
    struct dsi_schema schema = rows_schema(fields, 1);
    struct dsi_arrow_form form = {.dictionaries = true};
    struct ArrowSchema arrow;
    struct ArrowArray array;
    struct dsi_batch b;
    (void)state;

    six(&b, &schema, false);
    assert_int_equal(dsi_arrow_schema_write_as(&schema, &form, &arrow, NULL), DS_OK);
    assert_string_equal(arrow.children[0]->format, "i");
    assert_string_equal(arrow.children[0]->dictionary->format, "u");
    assert_int_equal(dsi_arrow_export_batch_as(&b, &form, &array, NULL), DS_OK);
    const struct ArrowArray *s = array.children[0];
    assert_memory_equal(s->buffers[1], expected, sizeof expected);
    assert_int_equal(s->null_count, 1);
    assert_int_equal(s->dictionary->length, 3);
    struct ArrowArray moved = *array.children[0];
    array.children[0]->release = NULL; // A consumer keeps the column and drops the rest.
    array.release(&array);
    const int32_t *offsets = moved.dictionary->buffers[1];
    const char *bytes = moved.dictionary->buffers[2];
    assert_int_equal(offsets[3], 14);
    assert_memory_equal(bytes, "thirteen bytex", 14);
    moved.release(&moved);
    arrow.release(&arrow);
}

static void test_arrow_form__survives_every_fault(void **state)
{
    static struct rows_nested n;
    struct rows_random schema_seed = {25};
    struct dsi_fault_plan plan = {0};
    (void)state;

    rows_nested_make(&schema_seed, 6, 3, &n);
    while (dsi_fault_next(&plan)) {
        struct rows_random r = {8};
        int32_t id = 1;
        struct dsi_arrow_form form = {true, plan.target % 2 == 0, &id, 1};
        struct dsi_batch b;
        struct dsi_batch back = {0};
        struct ds_error err = {0};
        int rc = rows_make(&r, &n.schema, 3, &b, &err);
        if (rc == DS_OK) {
            rc = there_and_back(&b, &form, &back, &err);
        }
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        dsi_batch_release(&back);
        dsi_batch_release(&b);
    }
    assert_true(plan.target > 100);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrow_form__chooses_by_type_and_name),
        cmocka_unit_test(test_arrow_form__refuses_columns_that_have_no_dictionary),
        cmocka_unit_test(test_arrow_form__comes_back_the_same),
        cmocka_unit_test(test_arrow_form__views_point_into_the_same_bytes),
        cmocka_unit_test(test_arrow_form__a_dictionary_has_each_value_once),
        cmocka_unit_test(test_arrow_form__survives_every_fault),
    };
    return cmocka_run_group_tests_name("arrow_form", tests, NULL, NULL);
}
