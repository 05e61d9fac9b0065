#include "data/ipc_source.h"
#include "unit/data/ipc_feed.h"

// Reads all messages; how many, or a negative status.
static int drain(struct dsi_ipc_source *s, struct ds_error *err)
{
    struct dsi_ipc_message m;
    int rc = DS_OK;
    int count = 0;

    while ((rc = dsi_ipc_source_next(s, &m, err)) >= 0 && !s->ended) {
        count += rc == DS_ROW;
        assert_true(rc == DS_OK || s->body.size == m.body_size);
    }
    return rc < 0 ? rc : count;
}

static int drain_feed(struct feed f, struct ds_error *err)
{
    struct dsi_ipc_source s;
    dsi_ipc_source_init(&s, feed_read, &f, "in.arrows");
    int rc = drain(&s, err);
    dsi_ipc_source_release(&s);
    return rc;
}

static void make(bool file, struct dsi_buf *b)
{
    struct sample s;
    sample_all(&s);
    assert_int_equal(sample_encode(&s, file, DSI_COMPRESSION_NONE, 2, b, NULL), DS_OK);
}

static void test_ipc_source__reads_in_pieces_of_any_size(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    for (int file = 0; file < 2; file++) {
        b.size = 0;
        make(file, &b);
        for (size_t piece = 0; piece < 20; piece++) {
            for (int pauses = 0; pauses < 2; pauses++) {
                struct feed f = {dsi_buf_slice(&b), piece, pauses, false, 0};
                assert_int_equal(drain_feed(f, NULL), 4);
            }
        }
    }
    dsi_buf_release(&b);
}

static void test_ipc_source__notices_every_end_that_comes_early(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    for (int file = 0; file < 2; file++) {
        b.size = 0;
        make(file, &b);
        // A stream may lack the mark of its end, and may end between two messages.
        size_t at = 0;
        for (size_t n = 0; n < b.size; n++) {
            struct ds_error err = {0};
            struct feed f = {{b.data, n}, 0, false, false, 0};
            struct dsi_ipc_message m;
            struct ds_slice body;
            size_t next = at;
            if (!file && n > at && n <= b.size - 8 &&
                sample_message(dsi_buf_slice(&b), &next, &m, &body, NULL) == DS_ROW &&
                n >= next) {
                at = next;
            }
            int rc = drain_feed(f, &err);
            if (!file && n == at) {
                assert_true(rc >= 0);
            } else if (rc != DS_ECORRUPT && !(file && n == 0)) {
                fail_msg("%s cut at %zu: %d", file ? "file" : "stream", n, rc);
            }
            assert_true(rc >= 0 || strstr(err.message, "in.arrows"));
        }
    }
    dsi_buf_release(&b);
}

static void test_ipc_source__refuses_what_comes_after_the_end(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT;
    struct ds_error err = {0};
    (void)state;

    make(false, &b);
    make(false, &b); // Two streams, one after the other.
    struct feed f = {dsi_buf_slice(&b), 0, false, false, 0};
    assert_int_equal(drain_feed(f, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "after the end of the stream"));
    dsi_buf_release(&b);
}

static void test_ipc_source__takes_no_memory_for_promises(void **state)
{
    // A schema message's prefix that promises 200 MB, and ten bytes.
    static const uint8_t promise[] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 12, 1,
                                      2,    3,    4,    5,    6, 7, 8, 9,  10};
    struct feed f = {{promise, sizeof promise}, 0, false, false, 0};
    struct dsi_ipc_source s;
    struct dsi_ipc_message m;
    (void)state;

    dsi_ipc_source_init(&s, feed_read, &f, "in");
    assert_int_equal(dsi_ipc_source_next(&s, &m, NULL), DS_ECORRUPT);
    assert_true(s.metadata.capacity < 1 << 20);
    dsi_ipc_source_release(&s);
}

// Opens bytes as a file on a storage in memory.
static int open_file(struct dsi_ipc_source *s, struct ds_slice bytes,
                     struct ds_error *err)
{
    ds_storage *storage = NULL;
    struct ds_file *file = NULL;

    assert_int_equal(dsi_storage_mem_new(&storage, NULL), DS_OK);
    assert_int_equal(dsi_storage_put(storage, "memory:///a", bytes, 0, NULL), DS_OK);
    assert_int_equal(dsi_file_open(storage, "memory:///a", &file, NULL), DS_OK);
    return dsi_ipc_source_open_file(s, storage, file, "a.arrow", err);
}

static void test_ipc_source__reads_files_by_their_footer(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    for (int file = 0; file < 2; file++) {
        struct dsi_ipc_source s;
        b.size = 0;
        make(file, &b);
        assert_int_equal(open_file(&s, dsi_buf_slice(&b), NULL), DS_OK);
        assert_int_equal(s.file_format, file);
        // The footer has the schema; a stream in a file is read from front to back.
        assert_int_equal(drain(&s, NULL), file ? 3 : 4);
        dsi_ipc_source_release(&s);
    }
    dsi_buf_release(&b);
}

static void test_ipc_source__refuses_files_that_were_cut_off(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    make(true, &b);
    for (size_t n = 0; n < b.size; n++) {
        struct dsi_ipc_source s;
        struct ds_error err = {0};
        int rc = open_file(&s, (struct ds_slice){b.data, n}, &err);
        if (rc == DS_OK) { // Too short even for the magic: an empty stream, or none.
            assert_true(n < 8);
            rc = drain(&s, &err);
            dsi_ipc_source_release(&s);
        }
        assert_true(n == 0 || rc == DS_ECORRUPT);
        assert_true(n == 0 || strstr(err.message, "a.arrow"));
    }
    dsi_buf_release(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipc_source__reads_in_pieces_of_any_size),
        cmocka_unit_test(test_ipc_source__notices_every_end_that_comes_early),
        cmocka_unit_test(test_ipc_source__refuses_what_comes_after_the_end),
        cmocka_unit_test(test_ipc_source__takes_no_memory_for_promises),
        cmocka_unit_test(test_ipc_source__reads_files_by_their_footer),
        cmocka_unit_test(test_ipc_source__refuses_files_that_were_cut_off),
    };
    return cmocka_run_group_tests_name("ipc_source", tests, NULL, NULL);
}
