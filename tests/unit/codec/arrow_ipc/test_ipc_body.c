#include "codec/arrow_ipc/ipc_body.h"
#include "codec/arrow_ipc/ipc_format.h"
#include "unit/codec/arrow_ipc/ipc_sample.h"

enum { NO_COMPRESSION = -1 };

// A RecordBatch table with some buffers.
static void make(struct dsi_buf *b, const int64_t (*buffers)[2], size_t count,
                 int64_t codec, int64_t method)
{
    const struct dsi_flat_slot slots[BATCH_SLOTS] = {
        {8, 5}, {0, 0}, {4, 0}, {codec == NO_COMPRESSION ? 0 : 4, 0}};
    const struct dsi_flat_slot compression[] = {{1, codec}, {1, method}};
    struct ds_slice bytes = {(const uint8_t *)buffers, count * BUFFER_SIZE};
    struct dsi_flat_writer w;
    size_t places[BATCH_SLOTS];

    b->size = 0;
    dsi_flat_writer_begin(&w, b, NULL);
    dsi_flat_put_table(&w, slots, BATCH_SLOTS, places);
    dsi_flat_refer(&w, places[BATCH_BUFFERS],
                   dsi_flat_put_vector(&w, bytes, BUFFER_SIZE, 8));
    if (codec != NO_COMPRESSION) {
        dsi_flat_refer(&w, places[BATCH_COMPRESSION],
                       dsi_flat_put_table(&w, compression, 2, NULL));
    }
    assert_int_equal(dsi_flat_writer_end(&w), DS_OK);
}

// Opens a body with `raw`'s bytes (which are taken).
static int open_it(const struct dsi_buf *table, struct dsi_buf *raw,
                   struct dsi_ipc_body *out, struct ds_error *err)
{
    struct dsi_decompressor d = {0};
    struct dsi_ipc_memory *m = NULL;
    struct dsi_flat_table t;

    assert_int_equal(dsi_flat_root(dsi_buf_slice(table), "x", &t, NULL), DS_OK);
    assert_int_equal(dsi_ipc_memory_new(raw, &m, NULL), DS_OK);
    int rc = dsi_ipc_body_open(&t, m, &d, out, err);
    dsi_ipc_memory_unref(m);
    dsi_decompressor_release(&d);
    return rc;
}

static void put(struct dsi_buf *b, const void *bytes, size_t size)
{
    assert_int_equal(dsi_buf_append(b, bytes, size, NULL), DS_OK);
    assert_int_equal(dsi_buf_append_zero(b, (8 - b->size % 8) % 8, NULL), DS_OK);
}

static void test_ipc_body__finds_plain_buffers_where_they_are(void **state)
{
    static const int64_t buffers[][2] = {{0, 0}, {0, 5}, {8, 3}};
    struct dsi_buf table = DSI_BUF_INIT;
    struct dsi_buf raw = DSI_BUF_INIT;
    struct dsi_ipc_body b;
    (void)state;

    make(&table, buffers, 3, NO_COMPRESSION, 0);
    put(&raw, "hello", 5);
    put(&raw, "abc", 3);
    const uint8_t *bytes = raw.data;
    assert_int_equal(open_it(&table, &raw, &b, NULL), DS_OK);
    assert_int_equal(b.rows, 5);
    assert_int_equal(b.buffer_count, 3);
    assert_int_equal(b.buffers[0].size, 0);
    assert_ptr_equal(b.buffers[1].data, bytes); // Nothing was copied.
    assert_memory_equal(b.buffers[2].data, "abc", 3);
    dsi_ipc_body_release(&b);
    dsi_buf_release(&table);
}

static void test_ipc_body__decompresses_each_buffer(void **state)
{
    static const uint8_t zeros[1000];
    static const int64_t not_compressed = -1;
    (void)state;

    for (int64_t codec = CODEC_LZ4_FRAME; codec <= CODEC_ZSTD; codec++) {
        struct dsi_buf table = DSI_BUF_INIT;
        struct dsi_buf raw = DSI_BUF_INIT;
        struct dsi_ipc_body b;
        int64_t size = sizeof zeros;
        assert_int_equal(dsi_buf_append(&raw, &not_compressed, 8, NULL), DS_OK);
        put(&raw, "plain", 5);
        size_t second = raw.size;
        assert_int_equal(dsi_buf_append(&raw, &size, 8, NULL), DS_OK);
        assert_int_equal(
            dsi_compress(codec ? DSI_COMPRESSION_ZSTD : DSI_COMPRESSION_LZ4_FRAME, -1,
                         (struct ds_slice){zeros, sizeof zeros}, &raw, NULL),
            DS_OK);
        const int64_t buffers[][2] = {
            {0, 13}, {8, 0}, {(int64_t)second, (int64_t)(raw.size - second)}};
        make(&table, buffers, 3, codec, 0);
        assert_int_equal(open_it(&table, &raw, &b, NULL), DS_OK);
        assert_int_equal(b.buffers[0].size, 5);
        assert_memory_equal(b.buffers[0].data, "plain", 5);
        assert_int_equal(b.buffers[1].size, 0);
        assert_int_equal(b.buffers[2].size, sizeof zeros);
        assert_memory_equal(b.buffers[2].data, zeros, sizeof zeros);
        dsi_ipc_body_release(&b);
        dsi_buf_release(&table);
    }
}

static void test_ipc_body__refuses_buffers_that_are_not_there(void **state)
{
    static const struct {
        int64_t buffers[2][2];
        int64_t codec, method;
        int rc;
        const char *words;
    } cases[] = {
        {{{0, 17}}, NO_COMPRESSION, 0, DS_ECORRUPT, "not inside of the body of 16"},
        {{{24, 1}}, NO_COMPRESSION, 0, DS_ECORRUPT, "not inside"},
        {{{-8, 8}}, NO_COMPRESSION, 0, DS_ECORRUPT, "not inside"},
        {{{0, -1}}, NO_COMPRESSION, 0, DS_ECORRUPT, "not inside"},
        {{{INT64_MAX, INT64_MAX}}, NO_COMPRESSION, 0, DS_ECORRUPT, "not inside"},
        {{{4, 4}}, NO_COMPRESSION, 0, DS_ECORRUPT, "which 8 does not divide"},
        {{{0, 9}, {0, 9}}, NO_COMPRESSION, 0, DS_ECORRUPT, "not inside"}, // Twice.
        {{{0, 8}}, 2, 0, DS_EUNSUPPORTED, "compression 2"},
        {{{0, 8}}, 1, 1, DS_EUNSUPPORTED, "method 1"},
        {{{0, 7}}, 1, 0, DS_ECORRUPT, "no compressed buffer"},
        {{{0, 16}}, 1, 0, DS_ECORRUPT, "buffer 0"}, // A size of "hellohel".
    };
    struct dsi_buf table = DSI_BUF_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_buf raw = DSI_BUF_INIT;
        struct dsi_ipc_body b;
        struct ds_error err = {0};
        make(&table, cases[i].buffers, 2, cases[i].codec, cases[i].method);
        put(&raw, "hellohellohello!", 16);
        assert_int_equal(open_it(&table, &raw, &b, &err), cases[i].rc);
        assert_non_null(strstr(err.message, cases[i].words));
    }
    dsi_buf_release(&table);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipc_body__finds_plain_buffers_where_they_are),
        cmocka_unit_test(test_ipc_body__decompresses_each_buffer),
        cmocka_unit_test(test_ipc_body__refuses_buffers_that_are_not_there),
    };
    return cmocka_run_group_tests_name("ipc_body", tests, NULL, NULL);
}
