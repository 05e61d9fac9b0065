#include "base/fault.h"
#include "codec/arrow_ipc/ipc_schema.h"
#include "unit/codec/arrow_ipc/ipc_sample.h"

// A schema as a FlatBuffer of its own.
static int write_it(const struct ArrowSchema *s, struct dsi_buf *b, struct ds_error *err)
{
    const struct dsi_flat_slot slot = DSI_FLAT_REF;
    struct dsi_flat_writer w;
    size_t place = 0;

    dsi_flat_writer_begin(&w, b, err);
    dsi_flat_put_table(&w, &slot, 1, &place);
    int rc = dsi_ipc_schema_write(s, &w, place);
    return rc < 0 ? rc : dsi_flat_writer_end(&w);
}

static int read_it(struct ds_slice bytes, struct ArrowSchema *out, struct dsi_buf *ids,
                   struct ds_error *err)
{
    struct dsi_flat_table root;
    struct dsi_flat_table schema;
    bool found = false;

    assert_int_equal(dsi_flat_root(bytes, "x", &root, NULL), DS_OK);
    assert_int_equal(dsi_flat_child(&root, 0, &found, &schema, NULL), DS_OK);
    return dsi_ipc_schema_read(&schema, out, ids, err);
}

static const char *some(const char *s)
{
    return s ? s : "";
}

static void check_same(const struct ArrowSchema *a, const struct ArrowSchema *b)
{
    assert_string_equal(a->format, b->format);
    assert_string_equal(some(a->name), some(b->name));
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->n_children, b->n_children);
    assert_int_equal(a->metadata != NULL, b->metadata != NULL);
    if (a->metadata) {
        assert_memory_equal(a->metadata, b->metadata, 29);
    }
    for (int64_t i = 0; i < a->n_children; i++) {
        check_same(a->children[i], b->children[i]);
    }
    assert_int_equal(a->dictionary != NULL, b->dictionary != NULL);
    if (a->dictionary) {
        assert_string_equal(a->dictionary->format, b->dictionary->format);
    }
}

static void test_ipc_schema_write__is_read_back(void **state)
{
    struct sample s;
    struct ArrowSchema copy;
    struct dsi_buf b = DSI_BUF_INIT;
    struct dsi_buf ids = DSI_BUF_INIT;
    (void)state;

    sample_all(&s);
    s.schema.metadata = sample_metadata();
    assert_int_equal(write_it(&s.schema, &b, NULL), DS_OK);
    assert_int_equal(read_it(dsi_buf_slice(&b), &copy, &ids, NULL), DS_OK);
    check_same(&s.schema, &copy);
    assert_int_equal(ids.size, sizeof(int64_t)); // One dictionary, number 0.
    assert_int_equal(dsi_flat_read_int(ids.data, 8), 0);
    copy.release(&copy);
    dsi_buf_release(&b);
    dsi_buf_release(&ids);
}

static void test_ipc_schema_write__writes_every_format(void **state)
{
    static const char *const formats[] = {"n",
                                          "b",
                                          "c",
                                          "C",
                                          "s",
                                          "S",
                                          "i",
                                          "I",
                                          "l",
                                          "L",
                                          "e",
                                          "f",
                                          "g",
                                          "z",
                                          "u",
                                          "Z",
                                          "U",
                                          "vz",
                                          "vu",
                                          "tdD",
                                          "tdm",
                                          "tts",
                                          "ttm",
                                          "ttu",
                                          "ttn",
                                          "tDs",
                                          "tDm",
                                          "tDu",
                                          "tDn",
                                          "tiM",
                                          "tiD",
                                          "tin",
                                          "w:0",
                                          "w:77",
                                          "d:38,10",
                                          "d:9,-2",
                                          "d:5,2,32",
                                          "d:70,1,256",
                                          "tss:",
                                          "tsm:UTC",
                                          "tsu:Europe/Berlin",
                                          "tsn:+07:30"};
    struct ArrowSchema copy;
    struct dsi_buf b = DSI_BUF_INIT;
    struct dsi_buf ids = DSI_BUF_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct sample s = {0};
        sample_column(&s, sample_node(&s, formats[i], 0, 0, 2, NULL, NULL, NULL, 0), "c");
        sample_finish(&s, 0);
        s.schemas[0].flags = i % 2 ? ARROW_FLAG_NULLABLE : 0;
        b.size = 0;
        assert_int_equal(write_it(&s.schema, &b, NULL), DS_OK);
        assert_int_equal(read_it(dsi_buf_slice(&b), &copy, &ids, NULL), DS_OK);
        check_same(&s.schema, &copy);
        copy.release(&copy);
    }
    dsi_buf_release(&b);
    dsi_buf_release(&ids);
}

static void test_ipc_schema_write__refuses_malformed_metadata(void **state)
{
    static const int32_t negative[] = {-1};
    static const int32_t too_long[] = {1, INT32_MAX};
    struct dsi_buf b = DSI_BUF_INIT;
    struct sample s;
    (void)state;

    sample_all(&s);
    s.schemas[0].metadata = (const char *)negative;
    assert_int_equal(write_it(&s.schema, &b, NULL), DS_EINVALID);
    b.size = 0;
    s.schemas[0].metadata = (const char *)too_long;
    assert_int_equal(write_it(&s.schema, &b, NULL), DS_EINVALID);
    dsi_buf_release(&b);
}

static void test_ipc_schema_write__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct sample s;
    (void)state;

    sample_all(&s);
    while (dsi_fault_next(&plan)) {
        struct dsi_buf b = DSI_BUF_INIT;
        struct ds_error err = {0};
        int rc = write_it(&s.schema, &b, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK || (rc == DS_ENOMEM && err.message[0] != '\0'));
        dsi_buf_release(&b);
    }
    assert_true(plan.target > 3);
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
        cmocka_unit_test(test_ipc_schema_write__is_read_back),
        cmocka_unit_test(test_ipc_schema_write__writes_every_format),
        cmocka_unit_test(test_ipc_schema_write__refuses_malformed_metadata),
        cmocka_unit_test_teardown(test_ipc_schema_write__survives_every_fault,
                                  stop_faults),
    };
    return cmocka_run_group_tests_name("ipc_schema_write", tests, NULL, NULL);
}
