#include "datashard/ipc.h"

#include "unit/data/ipc_feed.h"

static void test_api_ipc__copies_a_stream(void **state)
{
    struct sample s;
    struct dsi_buf in = DSI_BUF_INIT;
    struct dsi_buf out = DSI_BUF_INIT;
    struct ArrowArrayStream stream;
    int64_t rows = 0;
    (void)state;

    sample_all(&s);
    assert_int_equal(sample_encode(&s, false, DSI_COMPRESSION_NONE, 2, &in, NULL), DS_OK);
    struct feed f = {dsi_buf_slice(&in), 0, false, false, 0};
    struct ds_ipc_read_options from = {
        .struct_size = sizeof from, .read = feed_read, .read_arg = &f};
    struct ds_ipc_write_options to = {
        .struct_size = sizeof to, .write = sample_write, .write_arg = &out};
    assert_int_equal(ds_ipc_read(&from, &stream, NULL), DS_OK);
    assert_int_equal(ds_ipc_write(&stream, &to, &rows, NULL), DS_OK);
    assert_null(stream.release);
    assert_int_equal(rows, 8);
    // A copy that took everything as it was is the same, byte for byte.
    assert_int_equal(out.size, in.size);
    assert_memory_equal(out.data, in.data, in.size);
    dsi_buf_release(&in);
    dsi_buf_release(&out);
}

static void test_api_ipc__checks_its_arguments(void **state)
{
    struct ds_ipc_read_options from = {.struct_size = sizeof from};
    struct ds_ipc_write_options to = {.struct_size = sizeof to, .write = sample_write};
    struct ArrowArrayStream stream = {0};
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(ds_ipc_read(&from, NULL, &err), DS_EINVALID);
    assert_int_equal(ds_ipc_read(NULL, &stream, &err), DS_EINVALID);
    assert_int_equal(ds_ipc_read(&from, &stream, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "without a read function"));
    from.read = feed_read;
    from.struct_size = 4;
    assert_int_equal(ds_ipc_read(&from, &stream, &err), DS_EINVALID);
    assert_int_equal(ds_ipc_write(NULL, &to, NULL, &err), DS_EINVALID);
    assert_int_equal(ds_ipc_write(&stream, &to, NULL, &err), DS_EINVALID);
}

static int released;

static void release_stream(struct ArrowArrayStream *s)
{
    released++;
    s->release = NULL;
}

static void test_api_ipc__releases_the_stream_whatever_happens(void **state)
{
    struct ds_ipc_write_options bad[] = {
        {.struct_size = sizeof bad[0]},
        {.struct_size = 4, .write = sample_write},
        {.struct_size = sizeof bad[0], .write = sample_write, .format = 2},
        {.struct_size = sizeof bad[0], .write = sample_write, .compression = 7},
    };
    (void)state;

    released = 0;
    for (int i = 0; i < 4; i++) {
        struct ArrowArrayStream stream = {.release = release_stream};
        int64_t rows = 5;
        assert_int_equal(ds_ipc_write(&stream, &bad[i], &rows, NULL), DS_EINVALID);
        assert_int_equal(rows, 0);
        assert_int_equal(released, i + 1);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_ipc__copies_a_stream),
        cmocka_unit_test(test_api_ipc__checks_its_arguments),
        cmocka_unit_test(test_api_ipc__releases_the_stream_whatever_happens),
    };
    return cmocka_run_group_tests_name("api_ipc", tests, NULL, NULL);
}
