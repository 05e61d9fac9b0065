#include <errno.h>

#include "base/error.h"
#include "base/fault.h"
#include "data/arrow_io.h"
#include "unit/data/producer.h"

// Gives three batches of 4 rows, then ends, or fails.
struct giver {
    struct dsi_schema schema;
    struct rows_random random;
    int given;
    int fail_at; // -1: never.
    int freed;
};

static int next_rows(void *arg, struct dsi_batch *out, struct ds_error *err)
{
    struct giver *g = arg;
    if (g->given == g->fail_at) {
        return dsi_fail(err, DS_EIO, "disk on fire");
    }
    if (g->given == 3) {
        return DS_OK;
    }
    g->given++;
    int rc = rows_make(&g->random, &g->schema, 4, out, err);
    return rc < 0 ? rc : DS_ROW;
}

static void free_rows(void *arg)
{
    ((struct giver *)arg)->freed++;
}

static int drain(struct giver *g, int64_t *rows, struct ds_error *err)
{
    struct dsi_batch_source source = {next_rows, free_rows, g};
    struct ArrowArrayStream stream = {0};
    struct ArrowSchema schema = {0};
    struct dsi_arrow_import *im = NULL;
    int rc = dsi_arrow_stream_new(&g->schema, source, &stream, err);

    *rows = 0;
    if (rc < 0) {
        assert_null(stream.release);
        return rc;
    }
    if (stream.get_schema(&stream, &schema) != 0) {
        rc = dsi_fail(err, DS_ENOMEM, "%s", stream.get_last_error(&stream));
    }
    if (rc == DS_OK) {
        rc = dsi_arrow_import_new(&schema, &g->schema, &im, err);
    }
    while (rc >= 0) {
        struct dsi_batch b;
        rc = dsi_arrow_stream_next(&stream, im, *rows, &b, err);
        *rows += b.rows;
        dsi_batch_release(&b);
        if (rc != DS_ROW) {
            break;
        }
    }
    if (schema.release) {
        schema.release(&schema);
    }
    stream.release(&stream);
    assert_null(stream.release);
    dsi_arrow_import_free(im);
    return rc;
}

static void test_arrow_stream__gives_every_batch_and_frees_its_source_once(void **state)
{
    struct giver g = {.schema = rows_all_schema(), .random = {1}, .fail_at = -1};
    struct ds_error err = {0};
    int64_t rows = 0;
    (void)state;

    assert_int_equal(drain(&g, &rows, &err), DS_OK);
    assert_int_equal(rows, 12);
    assert_int_equal(g.freed, 1);
}

static void test_arrow_stream__passes_on_what_the_source_said(void **state)
{
    struct giver g = {.schema = rows_all_schema(), .random = {1}, .fail_at = 2};
    struct ds_error err = {0};
    int64_t rows = 0;
    (void)state;

    assert_int_equal(drain(&g, &rows, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "disk on fire"));
    assert_int_equal(rows, 8);
    assert_int_equal(g.freed, 1);
}

static void test_arrow_stream__goes_on_failing_after_a_failure(void **state)
{
    struct giver g = {.schema = rows_all_schema(), .random = {1}, .fail_at = 0};
    struct dsi_batch_source source = {next_rows, free_rows, &g};
    struct ArrowArrayStream stream;
    struct ArrowArray array;
    (void)state;

    assert_int_equal(dsi_arrow_stream_new(&g.schema, source, &stream, NULL), DS_OK);
    assert_int_equal(stream.get_next(&stream, &array), EIO);
    g.fail_at = -1; // Rows that come later would hide those that are missing.
    assert_int_equal(stream.get_next(&stream, &array), EIO);
    assert_null(array.release);
    assert_non_null(strstr(stream.get_last_error(&stream), "disk on fire"));
    assert_int_equal(g.given, 0);
    stream.release(&stream);
}

static int fail_as(void *arg, struct dsi_batch *out, struct ds_error *err)
{
    *out = (struct dsi_batch){0};
    return dsi_fail(err, *(int *)arg, "so it ends");
}

static void keep_all(void *arg)
{
    (void)arg;
}

// A consumer tells damage from a disk that fails by these.
static void test_arrow_stream__gives_each_status_its_errno(void **state)
{
    static const int cases[][2] = {{DS_ENOMEM, ENOMEM},       {DS_EINVALID, EINVAL},
                                   {DS_EUNSUPPORTED, ENOSYS}, {DS_ENOTFOUND, ENOENT},
                                   {DS_ECORRUPT, EBADMSG},    {DS_EIO, EIO},
                                   {DS_EDENIED, EIO}};
    struct dsi_schema schema = rows_all_schema();
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int status = cases[i][0];
        struct dsi_batch_source source = {fail_as, keep_all, &status};
        struct ArrowArrayStream stream;
        struct ArrowArray array;
        assert_int_equal(dsi_arrow_stream_new(&schema, source, &stream, NULL), DS_OK);
        assert_int_equal(stream.get_next(&stream, &array), cases[i][1]);
        stream.release(&stream);
    }
}

static int wordless(struct ArrowArrayStream *stream, struct ArrowArray *out)
{
    (void)stream;
    (void)out;
    return EIO;
}

static const char *no_words(struct ArrowArrayStream *stream)
{
    (void)stream;
    return NULL;
}

static void no_release(struct ArrowArrayStream *stream)
{
    stream->release = NULL;
}

static void test_arrow_stream__bears_a_producer_without_words(void **state)
{
    struct ArrowArrayStream stream = {.get_next = wordless, .release = no_release};
    struct ds_error err = {0};
    struct dsi_batch b;
    (void)state;

    assert_int_equal(dsi_arrow_stream_next(&stream, NULL, 0, &b, &err), DS_EINVALID);
    stream.get_last_error = no_words;
    assert_int_equal(dsi_arrow_stream_next(&stream, NULL, 0, &b, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "does not say why"));
    stream.release = NULL;
    assert_int_equal(dsi_arrow_stream_next(&stream, NULL, 0, &b, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "released"));
}

static void test_arrow_stream__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct giver g = {.schema = rows_all_schema(), .random = {1}, .fail_at = -1};
        struct ds_error err = {0};
        int64_t rows = 0;
        int rc = drain(&g, &rows, &err);
        dsi_fault_stop();
        assert_int_equal(rc < 0, plan.name != NULL);
        assert_int_equal(g.freed, 1);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        assert_true(rc < 0 || rows == 12);
    }
    assert_true(plan.target > 200);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrow_stream__gives_every_batch_and_frees_its_source_once),
        cmocka_unit_test(test_arrow_stream__passes_on_what_the_source_said),
        cmocka_unit_test(test_arrow_stream__goes_on_failing_after_a_failure),
        cmocka_unit_test(test_arrow_stream__gives_each_status_its_errno),
        cmocka_unit_test(test_arrow_stream__bears_a_producer_without_words),
        cmocka_unit_test(test_arrow_stream__survives_every_fault),
    };
    return cmocka_run_group_tests_name("arrow_stream", tests, NULL, NULL);
}
