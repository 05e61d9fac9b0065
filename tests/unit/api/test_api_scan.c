#include <stddef.h>
#include <stdio.h>

#include "unit/api/fixture.h"

static void test_api_scan__outlives_table_and_catalog(void **state)
{
    struct fixture f;
    (void)state;

    struct ArrowArrayStream stream = {0};
    struct ArrowArray batch = {0};
    fixture_init(&f, NULL);
    fixture_append(&f, "id,s\n1,a\n2,\n");
    assert_int_equal(fixture_count(&f, "s is null"), 1);
    assert_int_equal(ds_table_scan(f.table, NULL, &stream, &f.err), DS_OK);
    fixture_release(&f);
    assert_int_equal(stream.get_next(&stream, &batch), 0);
    assert_int_equal(batch.length, 2);
    batch.release(&batch);
    stream.release(&stream);
}

static void test_api_scan__refuses_a_wrong_filter_and_limit(void **state)
{
    struct fixture f;
    (void)state;

    struct ds_scan_options options = {.struct_size = sizeof(options), .filter = "id ="};
    struct ArrowArrayStream stream = {0};
    fixture_init(&f, NULL);
    assert_int_equal(ds_table_scan(f.table, &options, &stream, &f.err), DS_EINVALID);
    options.filter = NULL;
    options.limit = -1;
    assert_int_equal(ds_table_scan(f.table, &options, &stream, &f.err), DS_EINVALID);
    fixture_release(&f);
}

// The Arrow format of column "s" in a scan with these options.
static int format_of(struct fixture *f, const struct ds_scan_options *options,
                     char out[40], bool *dictionary)
{
    struct ArrowArrayStream stream = {0};
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    int rc = ds_table_scan(f->table, options, &stream, &f->err);

    if (rc < 0) {
        assert_null(stream.release);
        return rc;
    }
    assert_int_equal(stream.get_schema(&stream, &schema), 0);
    assert_int_equal(stream.get_next(&stream, &array), 0);
    snprintf(out, 40, "%s", schema.children[1]->format);
    *dictionary = schema.children[1]->dictionary != NULL;
    assert_int_equal(*dictionary, array.children[1]->dictionary != NULL);
    schema.release(&schema);
    array.release(&array);
    stream.release(&stream);
    return rc;
}

static void test_api_scan__gives_text_in_the_form_asked_for(void **state)
{
    static const char *const text[] = {"s"};
    static const char *const number[] = {"id"};
    struct ds_arrow_form form = {.struct_size = sizeof(form), .string_view = true};
    struct ds_scan_options options = {.struct_size = sizeof(options), .form = &form};
    struct fixture f;
    bool dictionary = false;
    char format[40];
    (void)state;

    fixture_init(&f, NULL);
    fixture_append(&f, "id,s\n1,a\n2,a\n");
    assert_int_equal(format_of(&f, &options, format, &dictionary), DS_OK);
    assert_string_equal(format, "vu");
    form.dictionary_columns = text;
    form.dictionary_column_count = 1;
    assert_int_equal(format_of(&f, &options, format, &dictionary), DS_OK);
    assert_string_equal(format, "i");
    assert_true(dictionary);
    options.struct_size = offsetof(struct ds_scan_options, form); // An older program's.
    assert_int_equal(format_of(&f, &options, format, &dictionary), DS_OK);
    assert_string_equal(format, "u");
    options.struct_size = sizeof(options);
    form.dictionary_columns = number;
    assert_int_equal(format_of(&f, &options, format, &dictionary), DS_EINVALID);
    assert_non_null(strstr(f.err.message, "'id': it is long"));
    form.dictionary_columns = NULL;
    assert_int_equal(format_of(&f, &options, format, &dictionary), DS_EINVALID);
    form.struct_size = 0;
    assert_int_equal(format_of(&f, &options, format, &dictionary), DS_EINVALID);
    fixture_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_scan__gives_text_in_the_form_asked_for),
        cmocka_unit_test(test_api_scan__outlives_table_and_catalog),
        cmocka_unit_test(test_api_scan__refuses_a_wrong_filter_and_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
