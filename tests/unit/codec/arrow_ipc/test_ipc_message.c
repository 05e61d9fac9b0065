#include "codec/arrow_ipc/ipc_format.h"
#include "unit/codec/arrow_ipc/ipc_sample.h"

static void test_ipc_message__reads_prefixes_old_and_new(void **state)
{
    static const uint8_t now[] = {0xff, 0xff, 0xff, 0xff, 0x40, 1, 0, 0};
    static const uint8_t before[] = {0x40, 1, 0, 0};
    static const uint8_t end[] = {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0};
    static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0x10};
    static const uint8_t text[] = "PAR1";
    struct ds_error err = {0};
    size_t size = 7;
    (void)state;

    assert_int_equal(dsi_ipc_prefix_read(now, 4, "x", &size, NULL), DS_ROW);
    assert_int_equal(dsi_ipc_prefix_read(now, 8, "x", &size, NULL), DS_OK);
    assert_int_equal(size, 0x140);
    assert_int_equal(dsi_ipc_prefix_read(before, 4, "x", &size, NULL), DS_OK);
    assert_int_equal(size, 0x140);
    assert_int_equal(dsi_ipc_prefix_read(end, 8, "x", &size, NULL), DS_OK);
    assert_int_equal(size, 0);
    assert_int_equal(dsi_ipc_prefix_read(huge, 8, "x", &size, &err), DS_ECORRUPT);
    assert_int_equal(dsi_ipc_prefix_read(text, 4, "a.txt", &size, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "a.txt: not an Arrow message"));
}

// A message of any version and kind, with or without a header.
static void make(struct dsi_buf *b, int64_t version, int64_t kind, int64_t body,
                 bool header)
{
    const struct dsi_flat_slot slots[MESSAGE_SLOTS] = {
        {2, version}, {1, kind}, {header ? 4 : 0, 0}, {8, body}};
    size_t places[MESSAGE_SLOTS];
    struct dsi_flat_writer w;

    b->size = 0;
    dsi_flat_writer_begin(&w, b, NULL);
    dsi_flat_put_table(&w, slots, MESSAGE_SLOTS, places);
    if (header) {
        dsi_flat_refer(&w, places[MESSAGE_HEADER], dsi_flat_put_table(&w, NULL, 0, NULL));
    }
    assert_int_equal(dsi_flat_writer_end(&w), DS_OK);
}

static void test_ipc_message__refuses_versions_and_kinds_by_name(void **state)
{
    static const struct {
        int64_t version, kind, body;
        bool header;
        int rc;
        const char *words;
    } cases[] = {
        {2, 1, 0, true, DS_EUNSUPPORTED, "version V3"},
        {5, 1, 0, true, DS_EUNSUPPORTED, "version V6; V4 and V5"},
        {4, 4, 0, true, DS_EUNSUPPORTED, "kind 4"},
        {4, 0, 0, true, DS_EUNSUPPORTED, "kind 0"},
        {4, 3, -1, true, DS_ECORRUPT, "with -1 bytes"},
        {4, 3, 0, false, DS_ECORRUPT, "without a header"},
        {3, 3, 8, true, DS_OK, ""},
        {4, 2, 8, true, DS_OK, ""},
    };
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_ipc_message m;
        struct ds_error err = {0};
        make(&b, cases[i].version, cases[i].kind, cases[i].body, cases[i].header);
        assert_int_equal(dsi_ipc_message_read(dsi_buf_slice(&b), "x", &m, &err),
                         cases[i].rc);
        assert_non_null(strstr(err.message, cases[i].words));
        if (cases[i].rc == DS_OK) {
            assert_int_equal(m.kind, cases[i].kind);
            assert_int_equal(m.body_size, cases[i].body);
            assert_int_equal(m.v4, cases[i].version == 3);
        }
    }
    dsi_buf_release(&b);
}

static void test_ipc_message__finds_blocks_inside_of_a_file_only(void **state)
{
    const struct dsi_ipc_block good[] = {{8, 64, 128}, {200, 64, 0}};
    const struct dsi_ipc_block bad[] = {
        {0, 64, 0}, {8, 64, 1 << 20}, {990, 64, 0}, {8, 4, 0}, {UINT64_MAX, 64, 0}};
    struct sample s = {0};
    struct dsi_ipc_footer f;
    struct dsi_ipc_block block;
    struct dsi_buf b = DSI_BUF_INIT;
    size_t size = 0;
    (void)state;

    sample_finish(&s, 0);
    assert_int_equal(dsi_ipc_footer_write(&s.schema, good, 2, bad, 5, &b, NULL), DS_OK);
    uint64_t file_size = 1000 + b.size;
    const uint8_t *tail = b.data + b.size - DSI_IPC_TAIL_SIZE;
    assert_int_equal(dsi_ipc_tail_read(tail, file_size, &size, NULL), DS_OK);
    assert_int_equal(size, b.size - DSI_IPC_TAIL_SIZE);
    struct ds_slice footer = {b.data, size};
    assert_int_equal(dsi_ipc_footer_read(footer, file_size, &f, NULL), DS_OK);
    assert_int_equal(f.data_size, 1000);
    assert_int_equal(f.dictionaries.count, 2);
    assert_int_equal(f.batches.count, 5);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(dsi_ipc_footer_block(&f, &f.dictionaries, i, &block, NULL),
                         DS_OK);
        assert_int_equal(block.offset, good[i].offset);
        assert_int_equal(block.metadata_size, good[i].metadata_size);
        assert_int_equal(block.body_size, good[i].body_size);
    }
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(dsi_ipc_footer_block(&f, &f.batches, i, &block, NULL),
                         DS_ECORRUPT);
    }
    dsi_buf_release(&b);
}

static void test_ipc_message__wants_a_whole_tail(void **state)
{
    uint8_t tail[] = {10, 0, 0, 0, 'A', 'R', 'R', 'O', 'W', '1'};
    struct ds_error err = {0};
    size_t size = 0;
    (void)state;

    assert_int_equal(dsi_ipc_tail_read(tail, 1000, &size, NULL), DS_OK);
    assert_int_equal(size, 10);
    assert_int_equal(dsi_ipc_tail_read(tail, 27, &size, &err), DS_ECORRUPT);
    tail[3] = 0xff;
    assert_int_equal(dsi_ipc_tail_read(tail, 1000, &size, &err), DS_ECORRUPT);
    tail[9] = '2';
    assert_int_equal(dsi_ipc_tail_read(tail, 1000, &size, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "cut off"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipc_message__reads_prefixes_old_and_new),
        cmocka_unit_test(test_ipc_message__refuses_versions_and_kinds_by_name),
        cmocka_unit_test(test_ipc_message__finds_blocks_inside_of_a_file_only),
        cmocka_unit_test(test_ipc_message__wants_a_whole_tail),
    };
    return cmocka_run_group_tests_name("ipc_message", tests, NULL, NULL);
}
