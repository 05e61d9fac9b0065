#include "base/fault.h"
#include "datashard/rows.h"
#include "harness.h"

#include <string.h>

struct text {
    const char *at;
    bool pause; // Pauses once at a 'P'.
};

static ptrdiff_t read_text(void *arg, void *out, size_t size, struct ds_error *err)
{
    struct text *t = arg;
    const char *stop = t->pause ? strchr(t->at, 'P') : NULL;
    size_t n = stop ? (size_t)(stop - t->at) : strlen(t->at);
    (void)err;
    if (stop && n == 0) {
        t->at++;
        return DS_READ_PAUSE;
    }
    n = n < size ? n : size;
    memcpy(out, t->at, n);
    t->at += n;
    return (ptrdiff_t)n;
}

static struct ds_rows_options options_of(struct text *t, enum ds_rows_format format)
{
    return (struct ds_rows_options){.struct_size = sizeof(struct ds_rows_options),
                                    .format = format,
                                    .read = read_text,
                                    .read_arg = t,
                                    .name = "in"};
}

// Reads text by the schema that is guessed from it. DS_OK with *rows, or what failed.
static int read_guessed(const char *csv, int64_t *rows, struct ds_error *err)
{
    struct text first = {csv, false};
    struct text second = {csv, false};
    struct ds_rows_options guess = options_of(&first, DS_ROWS_CSV);
    struct ds_rows_options options = options_of(&second, DS_ROWS_CSV);
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    ds_rows *reader = NULL;

    *rows = 0;
    int rc = ds_rows_infer(&guess, &schema, err);
    options.schema = &schema;
    if (rc == DS_OK) {
        rc = ds_rows_open(&options, &reader, err);
    }
    while (rc >= 0 && (rc = ds_rows_next(reader, &array, err)) == DS_ROW) {
        *rows += array.length;
        array.release(&array);
    }
    ds_rows_free(reader);
    if (schema.release) {
        schema.release(&schema);
    }
    return rc;
}

static void test_api_rows__reads_by_a_guessed_schema(void **state)
{
    struct ds_error err = {0};
    int64_t rows = 0;
    (void)state;
    assert_int_equal(read_guessed("a,b\n1,x\n2,y\n3,\n", &rows, &err), DS_OK);
    assert_int_equal(rows, 3);
}

static void test_api_rows__hands_out_what_it_has_at_a_pause(void **state)
{
    struct text columns = {"a\n1\n", false};
    struct text t = {"a\n1\n2\nP3\n", true};
    struct ds_rows_options guess = options_of(&columns, DS_ROWS_CSV);
    struct ds_rows_options options = options_of(&t, DS_ROWS_CSV);
    struct ArrowSchema schema = {0};
    struct ArrowArray array = {0};
    ds_rows *reader = NULL;
    (void)state;

    assert_int_equal(ds_rows_infer(&guess, &schema, NULL), DS_OK);
    options.schema = &schema;
    assert_int_equal(ds_rows_open(&options, &reader, NULL), DS_OK);
    assert_int_equal(ds_rows_next(reader, &array, NULL), DS_ROW);
    assert_int_equal(array.length, 2);
    array.release(&array);
    assert_false(ds_rows_ended(reader));
    assert_int_equal(ds_rows_next(reader, &array, NULL), DS_ROW);
    assert_int_equal(array.length, 1);
    array.release(&array);
    assert_int_equal(ds_rows_next(reader, &array, NULL), DS_OK);
    assert_true(ds_rows_ended(reader));
    ds_rows_free(reader);
    schema.release(&schema);
}

static void test_api_rows__refuses_arguments_that_make_no_sense(void **state)
{
    struct text t = {"a\n", false};
    struct ds_rows_options options = options_of(&t, DS_ROWS_CSV);
    struct ds_error err = {0};
    struct ArrowSchema schema = {0};
    ds_rows *reader = NULL;
    (void)state;

    assert_int_equal(ds_rows_open(NULL, &reader, &err), DS_EINVALID);
    assert_int_equal(ds_rows_open(&options, &reader, &err), DS_EINVALID); // No schema.
    options.format = 9;
    assert_int_equal(ds_rows_infer(&options, &schema, &err), DS_EINVALID);
    assert_int_equal(ds_rows_write(NULL, DS_ROWS_CSV, NULL, NULL, NULL, &err),
                     DS_EINVALID);
    ds_rows_free(NULL);
}

static void test_api_rows__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    int clean = 0;
    (void)state;
    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        int64_t rows = 0;
        int rc = read_guessed("a,b\n1,x\n2,y\n", &rows, &err);
        assert_true(rc == DS_OK ? rows == 2 : err.message[0] != '\0');
        clean += rc == DS_OK;
    }
    assert_true(clean >= 1);
}

static int stop_faults(void **state)
{
    (void)state;
    dsi_fault_stop();
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_rows__reads_by_a_guessed_schema),
        cmocka_unit_test(test_api_rows__hands_out_what_it_has_at_a_pause),
        cmocka_unit_test(test_api_rows__refuses_arguments_that_make_no_sense),
        cmocka_unit_test_teardown(test_api_rows__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("api_rows", tests, NULL, NULL);
}
