#include "data/text_json.h"

#include "base/fault.h"
#include "base/text.h"
#include "unit/data/rows.h"

static const char schema_json[] =
    "{\"type\":\"struct\",\"fields\":["
    "{\"id\":1,\"name\":\"st\",\"required\":false,\"type\":{\"type\":\"struct\","
    "\"fields\":[{\"id\":2,\"name\":\"a\",\"required\":true,\"type\":\"int\"},"
    "{\"id\":3,\"name\":\"day\",\"required\":false,\"type\":\"date\"}]}},"
    "{\"id\":4,\"name\":\"xs\",\"required\":false,\"type\":{\"type\":\"list\","
    "\"element-id\":5,\"element-required\":false,\"element\":\"double\"}},"
    "{\"id\":6,\"name\":\"m\",\"required\":false,\"type\":{\"type\":\"map\","
    "\"key-id\":7,\"key\":\"string\",\"value-id\":8,\"value-required\":false,"
    "\"value\":\"decimal(9, 2)\"}},"
    "{\"id\":9,\"name\":\"n\",\"required\":false,\"type\":{\"type\":\"map\","
    "\"key-id\":10,\"key\":\"long\",\"value-id\":11,\"value-required\":true,"
    "\"value\":{\"type\":\"list\",\"element-id\":12,\"element-required\":true,"
    "\"element\":\"boolean\"}}}]}";

static struct dsi_arena arena;
static struct dsi_schema schema;

static int make_schema(void **state)
{
    (void)state;
    return dsi_schema_from_json(dsi_slice_text(schema_json), &arena, &schema, NULL);
}

static int free_schema(void **state)
{
    (void)state;
    dsi_fault_stop();
    dsi_arena_release(&arena);
    return 0;
}

// Reads one row of JSON, a value for each column, and writes it again.
static int there_and_back(const struct dsi_schema *s, const char *text,
                          struct dsi_buf *out, struct ds_error *err)
{
    struct dsi_batch_builder *b = NULL;
    struct dsi_arena scratch = DSI_ARENA_INIT;
    struct dsi_buf number = DSI_BUF_INIT;
    struct dsi_batch batch = {0};
    struct dsi_json_reader r;
    struct dsi_json_writer w;
    int rc = dsi_batch_builder_new(s, &b, err);

    dsi_json_reader_init(&r, dsi_slice_text(text), &scratch, "in");
    if (rc == DS_OK) {
        rc = dsi_json_array_begin(&r, err);
    }
    for (size_t i = 0; rc == DS_OK && i < s->root.field_count; i++) {
        rc = dsi_json_array_next(&r, err);
        assert_true(rc < 0 || rc == DS_ROW);
        if (rc == DS_ROW) {
            rc = dsi_text_json_read(&r, dsi_batch_builder_column(b, i), err);
        }
    }
    if (rc == DS_OK) {
        rc = dsi_batch_builder_end_row(b, err);
    }
    if (rc == DS_OK) {
        rc = dsi_batch_builder_take(b, &batch, err);
    }
    if (rc == DS_OK) {
        dsi_json_writer_init(&w, out, err);
        dsi_json_write_array_begin(&w);
        for (size_t i = 0; i < batch.column_count; i++) {
            dsi_text_json_write(&batch.columns[i], 0, &w, &number);
        }
        dsi_json_write_array_end(&w);
        rc = dsi_json_writer_finish(&w);
    }
    dsi_batch_release(&batch);
    dsi_batch_builder_free(b);
    dsi_buf_release(&number);
    dsi_arena_release(&scratch);
    return rc;
}

static void check(const char *in, const char *expected)
{
    struct dsi_buf out = DSI_BUF_INIT;
    struct ds_error err = {0};

    if (there_and_back(&schema, in, &out, &err) < 0) {
        fail_msg("%s: %s", in, err.message);
    }
    assert_string_equal(dsi_buf_text(&out), expected);
    dsi_buf_release(&out);
}

static void test_text_json__reads_what_it_writes(void **state)
{
    static const char full[] =
        "[{\"a\":1,\"day\":\"2020-02-29\"},[1.5,null,\"NaN\",-3],"
        "{\"\":\"1.00\",\"k\\u0000\\\"\\n\":null},"
        "[{\"key\":7,\"value\":[true,false]},{\"key\":-8,\"value\":[]}]]";
    (void)state;

    check(full, full);
    check("[null,null,null,null]", "[null,null,null,null]");
    check("[{\"a\":1,\"day\":null},[],{},[]]", "[{\"a\":1,\"day\":null},[],{},[]]");
}

static void test_text_json__reads_other_forms_of_the_same(void **state)
{
    (void)state;
    check("[{\"day\":\"2020-02-29\",\"a\":1}, [ 1 , 2e0 ], [], {}]",
          "[{\"a\":1,\"day\":\"2020-02-29\"},[1,2],{},[]]");
    check("[{\"a\":1}, null, [{\"value\":2.5,\"key\":\"x\"},{\"key\":\"y\"}], "
          "{\"5\":[true],\"6\":[]}]",
          "[{\"a\":1,\"day\":null},null,{\"x\":\"2.50\",\"y\":null},"
          "[{\"key\":5,\"value\":[true]},{\"key\":6,\"value\":[]}]]");
}

static void refuse(const char *in, int status, const char *says)
{
    struct dsi_buf out = DSI_BUF_INIT;
    struct ds_error err = {0};
    int rc = there_and_back(&schema, in, &out, &err);

    if (rc != status || !strstr(err.message, says)) {
        fail_msg("%s: %d '%s' is not %d with '%s'", in, rc, err.message, status, says);
    }
    dsi_buf_release(&out);
}

static void test_text_json__names_the_path_of_what_is_wrong(void **state)
{
    (void)state;
    refuse("[{\"a\":1,\"b\":2},null,null,null]", DS_EINVALID,
           "column 'st' has no field 'b'; its fields: a, day");
    refuse("[{\"a\":1,\"a\":1},null,null,null]", DS_EINVALID, "'st.a' is there twice");
    refuse("[{\"day\":null},null,null,null]", DS_EINVALID,
           "column st.a (int), row 0: null, but it is required");
    refuse("[{\"a\":null},null,null,null]", DS_EINVALID,
           "column st.a (int), row 0: null");
    refuse("[{\"a\":\"1\"},null,null,null]", DS_EINVALID,
           "column 'st.a' is a whole number; it cannot hold a string");
    refuse("[{\"a\":1,\"day\":\"2020-02-30\"},null,null,null]", DS_EINVALID,
           "column 'st.day': '2020-02-30'");
    refuse("[[1],null,null,null]", DS_EINVALID, "column 'st' is a struct; it cannot");
    refuse("[null,{},null,null]", DS_EINVALID, "column 'xs' is a list; it cannot");
    refuse("[null,[[1]],null,null]", DS_EINVALID,
           "column 'xs.element' holds an object or array; its type is not nested");
    refuse("[null,null,1,null]", DS_EINVALID, "column 'm' is a map; it cannot hold");
    refuse("[null,null,[1],null]", DS_ECORRUPT, "expected");
    refuse("[null,null,[{\"key\":\"a\",\"v\":1}],null]", DS_EINVALID,
           "column 'm' has no field 'v'; its fields: key, value");
    refuse("[null,null,[{\"value\":1}],null]", DS_EINVALID, "column m.key (string), row");
    refuse("[null,null,[{\"key\":\"a\",\"key\":\"b\"}],null]", DS_EINVALID,
           "'m.key' is there twice");
    refuse("[null,null,{\"a\":1,\"b\":2,\"a\":3},null]", DS_EINVALID,
           "column 'm' has a key twice, value 2");
    refuse("[null,null,null,{\"1\":[],\"01\":[]}]", DS_EINVALID, "'n' has a key twice");
    refuse("[null,null,null,{\"x\":[]}]", DS_EINVALID, "column 'n.key': 'x'");
    refuse("[null,null,null,{\"1\":null}]", DS_EINVALID,
           "column n.value (list<boolean>)");
    refuse("[{\"a\":1", DS_ECORRUPT, "in, line 1");
    refuse("[null,[nu],null,null]", DS_ECORRUPT, "expected a value");
    refuse("[null,[1,nulx],null,null]", DS_ECORRUPT, "expected a value");
}

static void test_text_json__writes_a_variant_as_what_it_stands_for(void **state)
{
    static const uint8_t names[] = {0x01, 1, 0, 1, 'a'};
    static const uint8_t object[] = {0x02, 1, 0, 0, 2, 3 << 2, 7}; // {"a": 7}
    static const int32_t name_ends[] = {0, 5};
    static const int32_t value_ends[] = {0, 7};
    static const int32_t cut_ends[] = {0, 6};
    const struct dsi_field field = {.name = "v", .type.kind = DSI_TYPE_VARIANT};
    size_t count = 0;
    const struct dsi_field *parts = dsi_layout_children(&field.type, &count);
    struct dsi_column children[2] = {
        {.field = &parts[0], .length = 1, .offsets = name_ends, .values = names},
        {.field = &parts[1], .length = 1, .offsets = value_ends, .values = object}};
    const struct dsi_column v = {
        .field = &field, .length = 1, .children = children, .child_count = 2};
    struct dsi_buf text = DSI_BUF_INIT;
    struct dsi_buf scratch = DSI_BUF_INIT;
    struct ds_error err = {0};
    struct dsi_json_writer w;
    (void)state;

    dsi_json_writer_init(&w, &text, NULL);
    dsi_text_json_write(&v, 0, &w, &scratch);
    assert_int_equal(dsi_json_writer_finish(&w), DS_OK);
    assert_string_equal(dsi_buf_text(&text), "{\"a\":7}");
    children[1].offsets = cut_ends;
    dsi_json_writer_init(&w, &text, &err);
    dsi_text_json_write(&v, 0, &w, &scratch);
    assert_int_equal(dsi_json_writer_finish(&w), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "column v: "));
    dsi_buf_release(&text);
    dsi_buf_release(&scratch);
}

// Random rows, written and read again, are the same rows. (Variants are not
// read; types that have no values are left to other tests.)
static void test_text_json__comes_back_the_same_at_any_depth(void **state)
{
    static struct rows_nested n;
    (void)state;

    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct rows_random r = {seed};
        struct dsi_batch b;
        struct dsi_buf text = DSI_BUF_INIT;
        struct dsi_buf again = DSI_BUF_INIT;
        struct dsi_buf number = DSI_BUF_INIT;
        struct dsi_json_writer w;
        struct ds_error err = {0};
        bool variants = false;
        rows_nested_make(&r, 1 + (size_t)rows_below(&r, 4), 4, &n);
        for (size_t i = 0; i < n.used; i++) {
            variants = variants || n.fields[i].type.kind == DSI_TYPE_VARIANT;
        }
        if (variants) {
            continue;
        }
        print_message("  seed %llu\n", (unsigned long long)seed);
        assert_int_equal(rows_make(&r, &n.schema, 1, &b, NULL), DS_OK);
        dsi_json_writer_init(&w, &text, NULL);
        dsi_json_write_array_begin(&w);
        for (size_t c = 0; c < b.column_count; c++) {
            dsi_text_json_write(&b.columns[c], 0, &w, &number);
        }
        dsi_json_write_array_end(&w);
        assert_int_equal(dsi_json_writer_finish(&w), DS_OK);
        int rc = there_and_back(&n.schema, dsi_buf_text(&text), &again, &err);
        if (rc < 0 && !strstr(err.message, "a key twice")) {
            fail_msg("%s: %s", dsi_buf_text(&text), err.message);
        }
        if (rc == DS_OK) {
            assert_string_equal(dsi_buf_text(&again), dsi_buf_text(&text));
        }
        dsi_batch_release(&b);
        dsi_buf_release(&text);
        dsi_buf_release(&again);
        dsi_buf_release(&number);
    }
}

static void test_text_json__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_buf out = DSI_BUF_INIT;
        struct ds_error err = {0};
        int rc = there_and_back(&schema,
                                "[{\"a\":1,\"day\":\"2020-02-29\"},[1.5,null],"
                                "{\"k\\n\":\"1.00\"},{\"7\":[true]}]",
                                &out, &err);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        dsi_buf_release(&out);
    }
    assert_true(plan.target > 20);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text_json__reads_what_it_writes, make_schema,
                                        free_schema),
        cmocka_unit_test_setup_teardown(test_text_json__reads_other_forms_of_the_same,
                                        make_schema, free_schema),
        cmocka_unit_test_setup_teardown(test_text_json__names_the_path_of_what_is_wrong,
                                        make_schema, free_schema),
        cmocka_unit_test(test_text_json__writes_a_variant_as_what_it_stands_for),
        cmocka_unit_test_setup_teardown(test_text_json__comes_back_the_same_at_any_depth,
                                        make_schema, free_schema),
        cmocka_unit_test_setup_teardown(test_text_json__survives_every_fault, make_schema,
                                        free_schema),
    };
    return cmocka_run_group_tests_name("text_json", tests, NULL, NULL);
}
