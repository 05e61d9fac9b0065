#include "data/ipc_writer.h"

#include <errno.h>

#include "data/ipc_reader.h"
#include "unit/data/ipc_feed.h"

// A stream that gives the sample some times, and may fail.
struct giving {
    struct sample *sample;
    int left;
    int fail_at; // When so many are left; -1: never.
    bool no_schema;
};

static int give_schema(struct ArrowArrayStream *s, struct ArrowSchema *out)
{
    struct giving *g = s->private_data;
    *out = g->sample->schema;
    return g->no_schema ? EIO : 0;
}

static int give_next(struct ArrowArrayStream *s, struct ArrowArray *out)
{
    struct giving *g = s->private_data;
    if (g->left == g->fail_at) {
        return EIO;
    }
    *out = g->left > 0 ? g->sample->array : (struct ArrowArray){0};
    g->left--;
    return 0;
}

static const char *give_error(struct ArrowArrayStream *s)
{
    (void)s;
    return "no more of it";
}

static int write_it(struct giving *g, enum ds_ipc_format format, struct dsi_buf *out,
                    int64_t *rows, struct ds_error *err)
{
    struct ArrowArrayStream s = {.get_schema = give_schema,
                                 .get_next = give_next,
                                 .get_last_error = give_error,
                                 .private_data = g};
    struct ds_ipc_write_options o = {.struct_size = sizeof o,
                                     .format = format,
                                     .compression = DS_IPC_LZ4,
                                     .write = sample_write,
                                     .write_arg = out};
    return dsi_ipc_write_stream(&s, &o, rows, err);
}

static void test_ipc_writer__writes_what_the_reader_reads(void **state)
{
    (void)state;
    for (int format = DS_IPC_STREAM; format <= DS_IPC_FILE; format++) {
        struct sample s;
        struct giving g = {&s, 3, -1, false};
        struct dsi_buf b = DSI_BUF_INIT;
        struct dsi_ipc_reader *r = NULL;
        struct ArrowArray a;
        int64_t rows = 0;
        int64_t read = 0;
        sample_all(&s);
        assert_int_equal(write_it(&g, (enum ds_ipc_format)format, &b, &rows, NULL),
                         DS_OK);
        assert_int_equal(rows, 12);
        struct feed f = {dsi_buf_slice(&b), 0, false, false, 0};
        assert_int_equal(dsi_ipc_reader_open(feed_read, &f, "in", &r, NULL), DS_OK);
        while (dsi_ipc_reader_next(r, &a, NULL) == DS_ROW) {
            read += a.length;
            a.release(&a);
        }
        assert_int_equal(read, 12);
        assert_true(dsi_ipc_reader_ended(r));
        dsi_ipc_reader_free(r);
        dsi_buf_release(&b);
    }
}

static void test_ipc_writer__leaves_no_end_behind_a_stream_that_failed(void **state)
{
    struct sample s;
    struct giving g = {&s, 3, 1, false};
    struct dsi_buf b = DSI_BUF_INIT;
    struct dsi_ipc_reader *r = NULL;
    struct ds_error err = {0};
    struct ArrowArray a;
    int64_t rows = 0;
    int rc = DS_OK;
    (void)state;

    sample_all(&s);
    assert_int_equal(write_it(&g, DS_IPC_FILE, &b, &rows, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "no more of it"));
    struct feed f = {dsi_buf_slice(&b), 0, false, false, 0};
    assert_int_equal(dsi_ipc_reader_open(feed_read, &f, "in", &r, NULL), DS_OK);
    while ((rc = dsi_ipc_reader_next(r, &a, NULL)) == DS_ROW) {
        a.release(&a);
    }
    assert_int_equal(rc, DS_ECORRUPT);
    dsi_ipc_reader_free(r);
    g.no_schema = true;
    assert_int_equal(write_it(&g, DS_IPC_FILE, &b, &rows, &err), DS_EINVALID);
    dsi_buf_release(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipc_writer__writes_what_the_reader_reads),
        cmocka_unit_test(test_ipc_writer__leaves_no_end_behind_a_stream_that_failed),
    };
    return cmocka_run_group_tests_name("ipc_writer", tests, NULL, NULL);
}
