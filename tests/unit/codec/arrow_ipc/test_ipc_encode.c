#include "base/error.h"
#include "base/fault.h"
#include "codec/arrow_ipc/ipc_format.h"
#include "unit/codec/arrow_ipc/ipc_sample.h"

static void test_ipc_encode__writes_the_same_bytes_each_time(void **state)
{
    struct sample s;
    struct dsi_buf a = DSI_BUF_INIT;
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    sample_all(&s);
    assert_int_equal(sample_encode(&s, true, DSI_COMPRESSION_ZSTD, 2, &a, NULL), DS_OK);
    assert_int_equal(sample_encode(&s, true, DSI_COMPRESSION_ZSTD, 2, &b, NULL), DS_OK);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
    dsi_buf_release(&a);
    dsi_buf_release(&b);
}

static void test_ipc_encode__frames_messages_as_the_format_says(void **state)
{
    static const enum dsi_ipc_kind kinds[] = {DSI_IPC_SCHEMA, DSI_IPC_DICTIONARY_BATCH,
                                              DSI_IPC_RECORD_BATCH, DSI_IPC_RECORD_BATCH};
    struct sample s;
    struct dsi_buf b = DSI_BUF_INIT;
    struct dsi_ipc_message m;
    struct ds_slice body = {0};
    size_t at = 0;
    (void)state;

    sample_all(&s);
    assert_int_equal(sample_encode(&s, false, DSI_COMPRESSION_NONE, 2, &b, NULL), DS_OK);
    for (size_t i = 0; i < 4; i++) { // The dictionary is there once.
        assert_int_equal(at % 8, 0);
        assert_int_equal(sample_message(dsi_buf_slice(&b), &at, &m, &body, NULL), DS_ROW);
        assert_int_equal(m.kind, kinds[i]);
        assert_false(m.v4);
        assert_int_equal(m.body_size % 64, 0);
    }
    assert_int_equal(sample_message(dsi_buf_slice(&b), &at, &m, &body, NULL), DS_OK);
    assert_int_equal(at + 8, b.size); // The mark of the end.
    dsi_buf_release(&b);
}

static void test_ipc_encode__tells_in_the_footer_where_messages_are(void **state)
{
    struct sample s;
    struct dsi_buf b = DSI_BUF_INIT;
    struct dsi_ipc_footer f;
    size_t size = 0;
    (void)state;

    sample_all(&s);
    assert_int_equal(sample_encode(&s, true, DSI_COMPRESSION_NONE, 3, &b, NULL), DS_OK);
    assert_memory_equal(b.data, "ARROW1\0\0", 8);
    assert_int_equal(dsi_ipc_tail_read(b.data + b.size - 10, b.size, &size, NULL), DS_OK);
    struct ds_slice footer = {b.data + b.size - 10 - size, size};
    assert_int_equal(dsi_ipc_footer_read(footer, b.size, &f, NULL), DS_OK);
    assert_int_equal(f.dictionaries.count, 1);
    assert_int_equal(f.batches.count, 3);
    for (size_t i = 0; i < 3; i++) {
        struct dsi_ipc_block block;
        struct dsi_ipc_message m;
        struct ds_slice body = {0};
        assert_int_equal(dsi_ipc_footer_block(&f, &f.batches, i, &block, NULL), DS_OK);
        size_t at = block.offset;
        assert_int_equal(sample_message(dsi_buf_slice(&b), &at, &m, &body, NULL), DS_ROW);
        assert_int_equal(m.kind, DSI_IPC_RECORD_BATCH);
        assert_int_equal(at, block.offset + block.metadata_size + block.body_size);
    }
    dsi_buf_release(&b);
}

// Two batches, the second with other words.
static int encode_two(bool file, struct dsi_buf *out, struct ds_error *err)
{
    struct sample s;
    struct dsi_ipc_encode_options o = {
        .write = sample_write, .write_arg = out, .file = file};
    struct dsi_ipc_encoder *e = NULL;

    sample_all(&s);
    assert_int_equal(dsi_ipc_encoder_new(&s.schema, &o, &e, NULL), DS_OK);
    assert_int_equal(dsi_ipc_encoder_batch(e, &s.array, NULL), DS_OK);
    s.array.children[12]->dictionary->buffers[2] = "vwxyz";
    int rc = dsi_ipc_encoder_batch(e, &s.array, err);
    dsi_ipc_encoder_free(e);
    return rc;
}

static void test_ipc_encode__replaces_dictionaries_in_streams_only(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(encode_two(false, &b, &err), DS_OK);
    assert_int_equal(encode_two(true, &b, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "column words: its dictionary changes"));
    dsi_buf_release(&b);
}

static void test_ipc_encode__writes_nothing_of_a_batch_it_refuses(void **state)
{
    struct sample s;
    struct dsi_buf b = DSI_BUF_INIT;
    struct dsi_ipc_encode_options o = {.write = sample_write, .write_arg = &b};
    struct dsi_ipc_encoder *e = NULL;
    static const uint8_t none[1];
    (void)state;

    sample_all(&s);
    assert_int_equal(dsi_ipc_encoder_new(&s.schema, &o, &e, NULL), DS_OK);
    size_t size = b.size;
    struct ArrowArray *words = s.array.children[12];
    s.array.children[12] = s.array.children[0]; // No dictionary.
    assert_int_equal(dsi_ipc_encoder_batch(e, &s.array, NULL), DS_EINVALID);
    assert_int_equal(b.size, size);
    s.array.children[12] = words;
    s.no_validity[0] = none; // Whole rows that are null.
    s.array.null_count = 4;
    assert_int_equal(dsi_ipc_encoder_batch(e, &s.array, NULL), DS_EINVALID);
    assert_int_equal(b.size, size);
    dsi_ipc_encoder_free(e);
    dsi_buf_release(&b);
}

static int full(void *arg, const void *bytes, size_t size, struct ds_error *err)
{
    (void)bytes;
    *(size_t *)arg -= size < *(size_t *)arg ? size : *(size_t *)arg;
    return *(size_t *)arg > 0 ? DS_OK : dsi_fail(err, DS_EIO, "the disk is full");
}

static void test_ipc_encode__passes_on_what_the_writer_says(void **state)
{
    (void)state;
    for (size_t room = 1; room < 8000; room += 100) {
        struct sample s;
        struct ds_error err = {0};
        size_t left = room;
        struct dsi_ipc_encode_options o = {.write = full, .write_arg = &left};
        struct dsi_ipc_encoder *e = NULL;
        sample_all(&s);
        int rc = dsi_ipc_encoder_new(&s.schema, &o, &e, &err);
        rc = rc < 0 ? rc : dsi_ipc_encoder_batch(e, &s.array, &err);
        rc = rc < 0 ? rc : dsi_ipc_encoder_finish(e, &err);
        dsi_ipc_encoder_free(e);
        assert_int_equal(rc, left > 0 ? DS_OK : DS_EIO);
        assert_true(rc == DS_OK || strstr(err.message, "disk is full"));
    }
}

static void test_ipc_encode__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct sample s;
    (void)state;

    sample_all(&s);
    while (dsi_fault_next(&plan)) {
        struct dsi_buf b = DSI_BUF_INIT;
        struct ds_error err = {0};
        int rc = sample_encode(&s, true, DSI_COMPRESSION_LZ4_FRAME, 2, &b, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK || (rc == DS_ENOMEM && err.message[0] != '\0'));
        dsi_buf_release(&b);
    }
    assert_true(plan.target > 30);
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
        cmocka_unit_test(test_ipc_encode__writes_the_same_bytes_each_time),
        cmocka_unit_test(test_ipc_encode__frames_messages_as_the_format_says),
        cmocka_unit_test(test_ipc_encode__tells_in_the_footer_where_messages_are),
        cmocka_unit_test(test_ipc_encode__replaces_dictionaries_in_streams_only),
        cmocka_unit_test(test_ipc_encode__writes_nothing_of_a_batch_it_refuses),
        cmocka_unit_test(test_ipc_encode__passes_on_what_the_writer_says),
        cmocka_unit_test_teardown(test_ipc_encode__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("ipc_encode", tests, NULL, NULL);
}
