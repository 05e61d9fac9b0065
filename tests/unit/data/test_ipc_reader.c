#include "data/ipc_reader.h"

#include <errno.h>

#include "base/fault.h"
#include "unit/data/ipc_feed.h"

// Reads everything as a stream and compares it with the sample, repeated; the rows.
static int64_t check_rows(struct ArrowArrayStream *stream, const struct sample *s)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_ipc_layout l;
    struct ArrowArray a;
    int64_t rows = 0;
    int code = 0;

    assert_int_equal(dsi_ipc_layout_read(&s->schema, &arena, &l, NULL), DS_OK);
    while ((code = stream->get_next(stream, &a)) == EAGAIN || a.release) {
        if (code == EAGAIN) {
            continue;
        }
        assert_int_equal(code, 0);
        for (size_t i = 0; i < s->column_count; i++) {
            for (int64_t r = 0; r < a.length; r++) {
                assert_true(sample_same(&l.root.children[i], s->array.children[i],
                                        (rows + r) % s->array.length, a.children[i], r));
            }
        }
        rows += a.length;
        a.release(&a);
    }
    assert_int_equal(code, 0);
    dsi_arena_release(&arena);
    return rows;
}

static void test_ipc_reader__gives_an_arrow_stream(void **state)
{
    struct sample s;
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    sample_all(&s);
    for (int file = 0; file < 2; file++) {
        struct dsi_ipc_reader *r = NULL;
        struct ArrowArrayStream stream;
        struct ArrowSchema schema;
        b.size = 0;
        assert_int_equal(sample_encode(&s, file, DSI_COMPRESSION_ZSTD, 3, &b, NULL),
                         DS_OK);
        struct feed f = {dsi_buf_slice(&b), 100, false, false, 0};
        assert_int_equal(dsi_ipc_reader_open(feed_read, &f, "in", &r, NULL), DS_OK);
        dsi_ipc_reader_stream(r, &stream);
        assert_int_equal(stream.get_schema(&stream, &schema), 0);
        assert_int_equal(schema.n_children, s.column_count);
        assert_memory_equal(schema.children[0]->metadata, sample_metadata(), 29);
        schema.release(&schema);
        f.pauses = true;
        assert_int_equal(check_rows(&stream, &s), 12);
        stream.release(&stream);
    }
    dsi_buf_release(&b);
}

static void test_ipc_reader__cuts_large_batches(void **state)
{
    enum { ROWS = DSI_IPC_SLICE_ROWS * 2 + 17 };
    static int32_t values[ROWS];
    struct sample s = {0};
    struct dsi_buf b = DSI_BUF_INIT;
    struct dsi_ipc_reader *r = NULL;
    struct ArrowArrayStream stream;
    (void)state;

    for (int32_t i = 0; i < ROWS; i++) {
        values[i] = i;
    }
    sample_column(&s, sample_node(&s, "i", ROWS, 0, 2, NULL, values, NULL, 0), "c");
    sample_finish(&s, ROWS);
    assert_int_equal(sample_encode(&s, false, DSI_COMPRESSION_NONE, 1, &b, NULL), DS_OK);
    struct feed f = {dsi_buf_slice(&b), 0, false, false, 0};
    assert_int_equal(dsi_ipc_reader_open(feed_read, &f, "in", &r, NULL), DS_OK);
    dsi_ipc_reader_stream(r, &stream);
    struct ArrowArray first;
    assert_int_equal(stream.get_next(&stream, &first), 0);
    assert_int_equal(first.length, DSI_IPC_SLICE_ROWS);
    first.release(&first);
    struct ArrowArray second;
    assert_int_equal(stream.get_next(&stream, &second), 0);
    stream.release(&stream); // An array outlives the stream.
    const int32_t *v = second.children[0]->buffers[1];
    assert_int_equal(v[second.children[0]->offset], DSI_IPC_SLICE_ROWS);
    second.release(&second);
    dsi_buf_release(&b);
}

static void test_ipc_reader__tells_arrow_data_by_their_first_bytes(void **state)
{
    static const uint8_t file[] = "ARROW1\0";
    static const uint8_t stream[] = {0xff, 0xff, 0xff, 0xff, 0x40, 1, 0, 0};
    static const uint8_t old[] = {0x40, 1, 0, 0, 0x10, 0, 0, 0};
    static const uint8_t parquet[] = "PAR1\x15\x04\x15";
    static const uint8_t text[] = "a,b\n1,2";
    static const uint8_t zeros[8];
    (void)state;

    assert_true(dsi_ipc_is_file(file, 8));
    assert_false(dsi_ipc_is_file(file, 5));
    assert_true(dsi_ipc_is_stream(stream, 8));
    assert_true(dsi_ipc_is_stream(old, 8));
    assert_false(dsi_ipc_is_stream(old, 7));
    assert_false(dsi_ipc_is_stream(parquet, 8));
    assert_false(dsi_ipc_is_stream(text, 8));
    assert_false(dsi_ipc_is_stream(zeros, 8));
}

static void test_ipc_reader__wants_its_schema_first(void **state)
{
    struct sample s;
    struct dsi_buf b = DSI_BUF_INIT;
    struct dsi_ipc_reader *r = NULL;
    struct ds_error err = {0};
    struct dsi_ipc_message m;
    struct ds_slice body;
    size_t at = 0;
    (void)state;

    sample_all(&s);
    assert_int_equal(sample_encode(&s, false, DSI_COMPRESSION_NONE, 1, &b, NULL), DS_OK);
    assert_int_equal(sample_message(dsi_buf_slice(&b), &at, &m, &body, NULL), DS_ROW);
    struct feed late = {{b.data + at, b.size - at}, 0, false, false, 0};
    assert_int_equal(dsi_ipc_reader_open(feed_read, &late, "in", &r, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "begins with its schema"));
    struct feed nothing = {{NULL, 0}, 0, false, false, 0};
    assert_int_equal(dsi_ipc_reader_open(feed_read, &nothing, "in", &r, &err),
                     DS_ECORRUPT);
    assert_non_null(strstr(err.message, "there is no schema"));
    struct feed pause = {dsi_buf_slice(&b), 0, true, false, 0};
    assert_int_equal(dsi_ipc_reader_open(feed_read, &pause, "in", &r, &err),
                     DS_ECANCELLED);

    // A second schema, where only batches may come.
    assert_int_equal(dsi_buf_append(&b, b.data, 0, NULL), DS_OK);
    struct dsi_buf twice = DSI_BUF_INIT;
    assert_int_equal(dsi_buf_append(&twice, b.data, at, NULL), DS_OK);
    assert_int_equal(dsi_buf_append(&twice, b.data, b.size, NULL), DS_OK);
    struct feed two = {dsi_buf_slice(&twice), 0, false, false, 0};
    struct ArrowArray a;
    assert_int_equal(dsi_ipc_reader_open(feed_read, &two, "in", &r, NULL), DS_OK);
    assert_int_equal(dsi_ipc_reader_next(r, &a, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "message 2: a second schema"));
    assert_int_equal(dsi_ipc_reader_next(r, &a, &err), DS_ECORRUPT); // And stays so.
    dsi_ipc_reader_free(r);
    dsi_buf_release(&twice);
    dsi_buf_release(&b);
}

static void test_ipc_reader__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct sample s;
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    sample_all(&s);
    assert_int_equal(sample_encode(&s, true, DSI_COMPRESSION_LZ4_FRAME, 2, &b, NULL),
                     DS_OK);
    while (dsi_fault_next(&plan)) {
        struct feed f = {dsi_buf_slice(&b), 0, false, false, 0};
        struct dsi_ipc_reader *r = NULL;
        struct ds_error err = {0};
        int64_t rows = 0;
        int rc = dsi_ipc_reader_open(feed_read, &f, "in", &r, &err);
        struct ArrowArray a = {0};
        while (rc >= 0 && (rc = dsi_ipc_reader_next(r, &a, &err)) == DS_ROW) {
            rows += a.length;
            a.release(&a);
        }
        dsi_fault_stop();
        assert_true(rc == DS_OK ? rows == 8 : rc == DS_ENOMEM && err.message[0]);
        dsi_ipc_reader_free(r);
    }
    assert_true(plan.target > 100);
    dsi_buf_release(&b);
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
        cmocka_unit_test(test_ipc_reader__gives_an_arrow_stream),
        cmocka_unit_test(test_ipc_reader__cuts_large_batches),
        cmocka_unit_test(test_ipc_reader__tells_arrow_data_by_their_first_bytes),
        cmocka_unit_test(test_ipc_reader__wants_its_schema_first),
        cmocka_unit_test_teardown(test_ipc_reader__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("ipc_reader", tests, NULL, NULL);
}
