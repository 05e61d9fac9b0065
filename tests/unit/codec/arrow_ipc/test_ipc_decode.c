#include "base/fault.h"
#include "codec/arrow_ipc/ipc_decode.h"
#include "codec/arrow_ipc/ipc_format.h"
#include "unit/codec/arrow_ipc/ipc_sample.h"

static int body_of(struct ds_slice bytes, struct dsi_ipc_memory **out,
                   struct ds_error *err)
{
    struct dsi_buf b = DSI_BUF_INIT;
    int rc = dsi_buf_append(&b, bytes.data, bytes.size, err);

    *out = NULL;
    if (rc < 0) {
        return rc;
    }
    return dsi_ipc_memory_new(&b, out, err);
}

// Decodes a stream of ours message by message; `look` is told each batch.
static int decode_all(struct ds_slice bytes, const struct sample *wanted, size_t *batches,
                      struct ds_error *err)
{
    struct dsi_ipc_decoder d = {0};
    struct dsi_ipc_message m;
    struct ds_slice body = {0};
    size_t at = 0;
    int rc = sample_message(bytes, &at, &m, &body, err);

    *batches = 0;
    if (rc == DS_ROW) {
        rc = dsi_ipc_decoder_init(&d, &m.header, err);
    }
    while (rc == DS_OK && (rc = sample_message(bytes, &at, &m, &body, err)) == DS_ROW) {
        struct dsi_ipc_memory *memory = NULL;
        struct ArrowArray a = {0};
        rc = m.kind == DSI_IPC_SCHEMA ? DS_ECORRUPT : body_of(body, &memory, err);
        if (rc == DS_OK) {
            rc = m.kind == DSI_IPC_DICTIONARY_BATCH
                     ? dsi_ipc_decode_dictionary(&d, &m, memory, err)
                     : dsi_ipc_decode_batch(&d, &m, memory, &a, err);
        }
        dsi_ipc_memory_unref(memory);
        if (a.release) {
            (*batches)++;
            if (wanted) {
                for (size_t i = 0; i < wanted->column_count; i++) {
                    const struct dsi_ipc_node *n = &d.layout.root.children[i];
                    assert_true(sample_same_range(n, wanted->array.children[i], 0,
                                                  a.children[i], 0, a.length));
                }
            } else { // All of it can be looked at.
                for (size_t i = 0; i < d.layout.root.child_count; i++) {
                    const struct dsi_ipc_node *n = &d.layout.root.children[i];
                    assert_true(sample_same_range(n, a.children[i], 0, a.children[i], 0,
                                                  a.length));
                }
            }
            a.release(&a);
        }
    }
    dsi_ipc_decoder_release(&d);
    return rc;
}

static void test_ipc_decode__gives_back_every_layout(void **state)
{
    static const enum dsi_compression codecs[] = {
        DSI_COMPRESSION_NONE, DSI_COMPRESSION_LZ4_FRAME, DSI_COMPRESSION_ZSTD};
    (void)state;

    for (size_t i = 0; i < 3; i++) {
        struct sample s;
        struct dsi_buf b = DSI_BUF_INIT;
        struct ds_error err = {0};
        size_t batches = 0;
        sample_all(&s);
        assert_int_equal(sample_encode(&s, false, codecs[i], 3, &b, &err), DS_OK);
        assert_int_equal(decode_all(dsi_buf_slice(&b), &s, &batches, &err), DS_OK);
        assert_int_equal(batches, 3);
        dsi_buf_release(&b);
    }
}

// Every byte of a stream becomes some others: an error, or arrays that can be looked at
// from end to end (the sanitizers look on).
static void test_ipc_decode__stays_inside_of_damaged_messages(void **state)
{
    static const uint8_t values[] = {0, 1, 5, 0x7f, 0x80, 0xff};
    struct sample s;
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    sample_all(&s);
    assert_int_equal(sample_encode(&s, false, DSI_COMPRESSION_NONE, 1, &b, NULL), DS_OK);
    for (size_t i = 0; i < b.size; i++) {
        uint8_t was = b.data[i];
        for (size_t v = 0; v < sizeof values; v++) {
            struct ds_error err = {0};
            struct dsi_ipc_message m;
            struct ds_slice body = {0};
            size_t batches = 0;
            size_t at = 0;
            bool whole = true;
            b.data[i] = values[v];
            // Sizes are the reader's business: messages that still lie in the stream.
            for (int rc = DS_ROW; rc == DS_ROW && whole;) {
                size_t size = at + 8 > b.size ? 0 : 1;
                whole = size && (size_t)(uint32_t)dsi_flat_read_int(b.data + at + 4, 4) <
                                    b.size - at - 8;
                rc = whole ? sample_message(dsi_buf_slice(&b), &at, &m, &body, NULL)
                           : DS_OK;
                whole = whole && (rc < 0 || at <= b.size);
            }
            if (whole) {
                int rc = decode_all(dsi_buf_slice(&b), NULL, &batches, &err);
                assert_true(rc == DS_OK || rc == DS_ECORRUPT || rc == DS_EUNSUPPORTED ||
                            rc == DS_EINVALID);
            }
        }
        b.data[i] = was;
    }
    dsi_buf_release(&b);
}

// --- Dictionaries

// A dictionary batch with texts of a letter each.
static void dictionary_message(struct dsi_buf *out, int64_t id, bool delta,
                               const char *letters)
{
    int32_t count = (int32_t)strlen(letters);
    const int64_t node[2] = {count, 0};
    const int64_t buffers[3][2] = {{0, 0}, {0, 4 * (count + 1)}, {64, count}};
    const struct dsi_flat_slot slots[DELTA_SLOTS] = {{8, id}, {4, 0}, {1, delta}};
    const struct dsi_flat_slot batch[BATCH_SLOTS] = {{8, count}, {4, 0}, {4, 0}};
    struct dsi_flat_writer w;
    size_t outer[DELTA_SLOTS];
    size_t places[BATCH_SLOTS];
    size_t place = 0;

    out->size = 0;
    dsi_ipc_message_begin(&w, out, DSI_IPC_DICTIONARY_BATCH, 72, &place, NULL);
    dsi_flat_refer(&w, place, dsi_flat_put_table(&w, slots, DELTA_SLOTS, outer));
    dsi_flat_refer(&w, outer[DELTA_DATA],
                   dsi_flat_put_table(&w, batch, BATCH_SLOTS, places));
    dsi_flat_refer(
        &w, places[BATCH_NODES],
        dsi_flat_put_vector(&w, (struct ds_slice){(const uint8_t *)node, 16}, 16, 8));
    dsi_flat_refer(
        &w, places[BATCH_BUFFERS],
        dsi_flat_put_vector(&w, (struct ds_slice){(const uint8_t *)buffers, 48}, 16, 8));
    assert_int_equal(dsi_ipc_message_end(&w, 8), DS_OK);
    for (int32_t i = 0; i <= count; i++) {
        assert_int_equal(dsi_buf_append(out, &i, 4, NULL), DS_OK);
    }
    assert_int_equal(dsi_buf_append_zero(out, 64 - 4 * (size_t)(count + 1), NULL), DS_OK);
    assert_int_equal(dsi_buf_append(out, letters, (size_t)count, NULL), DS_OK);
    assert_int_equal(dsi_buf_append_zero(out, 8 - (size_t)count, NULL), DS_OK);
}

// A stream of one dictionary column with ids 1, 0 whose dictionaries come as told.
struct scene {
    struct dsi_buf stream;
    size_t schema_end;
    size_t batch_at; // Of the record batch.
    struct dsi_ipc_decoder d;
};

static void set_up(struct scene *c, const char *index_format)
{
    static const int8_t indices[] = {1, 0};
    static const int32_t offsets[] = {0, 1, 2};
    struct sample s = {0};
    struct dsi_ipc_message m;
    struct ds_slice body = {0};
    size_t at = 0;

    *c = (struct scene){0};
    size_t words = sample_node(&s, "u", 2, 0, 3, NULL, offsets, "ab", 0);
    size_t n = sample_node(&s, index_format, 2, 0, 2, NULL, indices, NULL, 0);
    s.schemas[n].dictionary = &s.schemas[words];
    s.arrays[n].dictionary = &s.arrays[words];
    sample_column(&s, n, "c");
    sample_finish(&s, 2);
    assert_int_equal(sample_encode(&s, false, DSI_COMPRESSION_NONE, 1, &c->stream, NULL),
                     DS_OK);
    assert_int_equal(sample_message(dsi_buf_slice(&c->stream), &at, &m, &body, NULL),
                     DS_ROW);
    assert_int_equal(dsi_ipc_decoder_init(&c->d, &m.header, NULL), DS_OK);
    assert_int_equal(sample_message(dsi_buf_slice(&c->stream), &at, &m, &body, NULL),
                     DS_ROW);
    c->batch_at = at;
}

static void tear_down(struct scene *c)
{
    dsi_ipc_decoder_release(&c->d);
    dsi_buf_release(&c->stream);
}

static int take_dictionary(struct scene *c, int64_t id, bool delta, const char *letters,
                           struct ds_error *err)
{
    struct dsi_buf b = DSI_BUF_INIT;
    struct dsi_ipc_message m;
    struct dsi_ipc_memory *memory = NULL;
    struct ds_slice body = {0};
    size_t at = 0;

    dictionary_message(&b, id, delta, letters);
    assert_int_equal(sample_message(dsi_buf_slice(&b), &at, &m, &body, NULL), DS_ROW);
    int rc = body_of(body, &memory, err);
    rc = rc < 0 ? rc : dsi_ipc_decode_dictionary(&c->d, &m, memory, err);
    dsi_ipc_memory_unref(memory);
    dsi_buf_release(&b);
    return rc;
}

// The letters the batch of the scene has now.
static int take_batch(struct scene *c, char out[3], struct ds_error *err)
{
    const struct dsi_ipc_node *n = &c->d.layout.root.children[0];
    struct dsi_ipc_message m;
    struct dsi_ipc_memory *memory = NULL;
    struct ArrowArray a = {0};
    struct ds_slice body = {0};
    size_t at = c->batch_at;

    memset(out, 0, 3);
    assert_int_equal(sample_message(dsi_buf_slice(&c->stream), &at, &m, &body, NULL),
                     DS_ROW);
    int rc = body_of(body, &memory, err);
    rc = rc < 0 ? rc : dsi_ipc_decode_batch(&c->d, &m, memory, &a, err);
    dsi_ipc_memory_unref(memory);
    for (int64_t i = 0; rc == DS_OK && i < 2; i++) {
        const struct ArrowArray *ids = a.children[0];
        struct ds_slice text =
            sample_text(&n->dictionary->values, ids->dictionary,
                        sample_number(ids->buffers[1], ids->offset + i, n->bits));
        out[i] = (char)text.data[0];
    }
    if (a.release) {
        a.release(&a);
    }
    return rc;
}

static void test_ipc_decode__follows_dictionaries_as_they_change(void **state)
{
    struct scene c;
    struct ds_error err = {0};
    char text[3];
    (void)state;

    set_up(&c, "c");
    assert_int_equal(take_batch(&c, text, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "its dictionary (0) has not come yet"));
    assert_int_equal(take_dictionary(&c, 0, false, "x", NULL), DS_OK);
    assert_int_equal(take_batch(&c, text, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "past the end of its dictionary"));
    assert_int_equal(take_dictionary(&c, 0, true, "yz", NULL), DS_OK); // x, then more.
    assert_int_equal(take_batch(&c, text, &err), DS_OK);
    assert_string_equal(text, "yx");
    assert_int_equal(take_dictionary(&c, 0, false, "pq", NULL), DS_OK); // Others.
    assert_int_equal(take_batch(&c, text, &err), DS_OK);
    assert_string_equal(text, "qp");
    assert_int_equal(take_dictionary(&c, 5, false, "pq", &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "dictionary 5 belongs to no column"));
    tear_down(&c);
}

static void test_ipc_decode__takes_a_delta_as_the_first_of_its_dictionary(void **state)
{
    struct scene c;
    char text[3];
    (void)state;

    set_up(&c, "C");
    assert_int_equal(take_dictionary(&c, 0, true, "mn", NULL), DS_OK);
    assert_int_equal(take_batch(&c, text, NULL), DS_OK);
    assert_string_equal(text, "nm");
    tear_down(&c);
}

// A batch of many values that take no bytes, or hardly any.
static void test_ipc_decode__does_not_believe_rows_without_bytes(void **state)
{
    const int64_t node[2] = {INT64_C(1) << 40, INT64_C(1) << 40};
    const struct dsi_flat_slot batch[BATCH_SLOTS] = {{8, node[0]}, {4, 0}};
    struct sample s = {0};
    struct dsi_buf stream = DSI_BUF_INIT;
    struct dsi_buf b = DSI_BUF_INIT;
    struct dsi_ipc_decoder d;
    struct dsi_ipc_message m;
    struct dsi_ipc_memory *memory = NULL;
    struct dsi_flat_writer w;
    struct ArrowArray a;
    struct ds_slice body = {0};
    struct ds_error err = {0};
    size_t places[BATCH_SLOTS];
    size_t place = 0;
    size_t at = 0;
    (void)state;

    sample_column(&s, sample_node(&s, "n", 0, 0, 0, NULL, NULL, NULL, 0), "void");
    sample_finish(&s, 0);
    assert_int_equal(sample_encode(&s, false, DSI_COMPRESSION_NONE, 0, &stream, NULL),
                     DS_OK);
    assert_int_equal(sample_message(dsi_buf_slice(&stream), &at, &m, &body, NULL),
                     DS_ROW);
    assert_int_equal(dsi_ipc_decoder_init(&d, &m.header, NULL), DS_OK);

    dsi_ipc_message_begin(&w, &b, DSI_IPC_RECORD_BATCH, 0, &place, NULL);
    dsi_flat_refer(&w, place, dsi_flat_put_table(&w, batch, BATCH_SLOTS, places));
    dsi_flat_refer(
        &w, places[BATCH_NODES],
        dsi_flat_put_vector(&w, (struct ds_slice){(const uint8_t *)node, 16}, 16, 8));
    assert_int_equal(dsi_ipc_message_end(&w, 8), DS_OK);
    at = 0;
    assert_int_equal(sample_message(dsi_buf_slice(&b), &at, &m, &body, NULL), DS_ROW);
    assert_int_equal(body_of((struct ds_slice){NULL, 0}, &memory, NULL), DS_OK);
    assert_int_equal(dsi_ipc_decode_batch(&d, &m, memory, &a, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "column void: 1099511627776 values"));
    dsi_ipc_memory_unref(memory);
    dsi_ipc_decoder_release(&d);
    dsi_buf_release(&b);
    dsi_buf_release(&stream);
}

static void test_ipc_decode__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct sample s;
    struct dsi_buf b = DSI_BUF_INIT;
    (void)state;

    sample_all(&s);
    assert_int_equal(sample_encode(&s, false, DSI_COMPRESSION_ZSTD, 2, &b, NULL), DS_OK);
    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        size_t batches = 0;
        int rc = decode_all(dsi_buf_slice(&b), &s, &batches, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK || (rc == DS_ENOMEM && err.message[0] != '\0'));
        assert_true(rc < 0 || batches == 2);
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
        cmocka_unit_test(test_ipc_decode__gives_back_every_layout),
        cmocka_unit_test(test_ipc_decode__stays_inside_of_damaged_messages),
        cmocka_unit_test(test_ipc_decode__follows_dictionaries_as_they_change),
        cmocka_unit_test(test_ipc_decode__takes_a_delta_as_the_first_of_its_dictionary),
        cmocka_unit_test(test_ipc_decode__does_not_believe_rows_without_bytes),
        cmocka_unit_test_teardown(test_ipc_decode__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("ipc_decode", tests, NULL, NULL);
}
