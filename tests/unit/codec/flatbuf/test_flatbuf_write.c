#include "base/fault.h"
#include "codec/flatbuf/flatbuf.h"
#include "harness.h"

#include <string.h>

enum { SLOTS = 6, COUNT = 3 };

static const int64_t longs[COUNT] = {1, -1, INT64_MAX};

// A table with a field of each width, a text, a vector of longs and one of tables.
static int build(struct dsi_buf *out, struct ds_error *err)
{
    const struct dsi_flat_slot slots[SLOTS] = {
        {1, -5}, {8, INT64_MIN}, {2, 300}, DSI_FLAT_REF, DSI_FLAT_REF, DSI_FLAT_REF};
    const struct dsi_flat_slot element = {4, 0};
    struct dsi_flat_writer w;
    size_t places[SLOTS];
    size_t first = 0;

    dsi_flat_writer_begin(&w, out, err);
    dsi_flat_put_table(&w, slots, SLOTS, places);
    dsi_flat_refer(&w, places[3],
                   dsi_flat_put_text(&w, (struct ds_slice){(const uint8_t *)"text", 4}));
    dsi_flat_refer(
        &w, places[4],
        dsi_flat_put_vector(&w, (struct ds_slice){(const uint8_t *)longs, sizeof longs},
                            8, 8));
    dsi_flat_refer(&w, places[5], dsi_flat_put_references(&w, COUNT, &first));
    for (size_t i = 0; i < COUNT; i++) {
        struct dsi_flat_slot s = element;
        s.value = (int64_t)i * 100;
        dsi_flat_refer(&w, first + 4 * i, dsi_flat_put_table(&w, &s, 1, NULL));
    }
    return dsi_flat_writer_end(&w);
}

static void test_flatbuf_write__is_read_back(void **state)
{
    struct dsi_buf b = DSI_BUF_INIT;
    struct dsi_flat_table t;
    struct dsi_flat_table child;
    struct dsi_flat_vector v;
    struct ds_slice text;
    int64_t n = 0;
    bool found = false;
    (void)state;

    assert_int_equal(build(&b, NULL), DS_OK);
    assert_int_equal(b.size % 8, 0);
    assert_int_equal(dsi_flat_root(dsi_buf_slice(&b), "x", &t, NULL), DS_OK);
    assert_int_equal(dsi_flat_int(&t, 0, 1, 0, &n, NULL), DS_OK);
    assert_int_equal(n, -5);
    assert_int_equal(dsi_flat_int(&t, 1, 8, 0, &n, NULL), DS_OK);
    assert_true(n == INT64_MIN);
    assert_int_equal(dsi_flat_int(&t, 2, 2, 0, &n, NULL), DS_OK);
    assert_int_equal(n, 300);
    assert_int_equal(dsi_flat_text(&t, 3, &found, &text, NULL), DS_OK);
    assert_true(found && text.size == 4 && memcmp(text.data, "text", 4) == 0);
    assert_int_equal(dsi_flat_vector(&t, 4, 8, &v, NULL), DS_OK);
    assert_int_equal(v.count, COUNT);
    assert_int_equal(v.at % 8, 0); // Aligned, as readers in other languages want it.
    assert_memory_equal(v.data, longs, sizeof longs);
    assert_int_equal(dsi_flat_vector(&t, 5, 4, &v, NULL), DS_OK);
    for (size_t i = 0; i < v.count; i++) {
        assert_int_equal(dsi_flat_element(&v, i, &child, NULL), DS_OK);
        assert_int_equal(child.at % 4, 0);
        assert_int_equal(dsi_flat_int(&child, 0, 4, -1, &n, NULL), DS_OK);
        assert_int_equal(n, i * 100);
    }
    dsi_buf_release(&b);
}

static void test_flatbuf_write__aligns_fields_of_every_mixture(void **state)
{
    static const size_t widths[] = {0, 1, 2, 4, 8};
    (void)state;

    for (size_t mix = 0; mix < 625; mix++) {
        struct dsi_buf b = DSI_BUF_INIT;
        struct dsi_flat_writer w;
        struct dsi_flat_table t;
        struct dsi_flat_slot slots[4];
        size_t places[4];
        size_t rest = mix;
        for (size_t i = 0; i < 4; i++, rest /= 5) {
            slots[i] = (struct dsi_flat_slot){widths[rest % 5], (int64_t)(mix + i) % 100};
        }
        dsi_flat_writer_begin(&w, &b, NULL);
        dsi_flat_put_table(&w, slots, 4, places);
        assert_int_equal(dsi_flat_writer_end(&w), DS_OK);
        assert_int_equal(dsi_flat_root(dsi_buf_slice(&b), "x", &t, NULL), DS_OK);
        for (size_t i = 0; i < 4; i++) {
            int64_t n = 0;
            size_t width = slots[i].width ? slots[i].width : 4;
            assert_int_equal(dsi_flat_int(&t, i, width, -1, &n, NULL), DS_OK);
            assert_int_equal(n, slots[i].width ? slots[i].value : -1);
            assert_true(slots[i].width == 0 || places[i] % slots[i].width == 0);
        }
        dsi_buf_release(&b);
    }
}

static void test_flatbuf_write__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_buf b = DSI_BUF_INIT;
        struct ds_error err = {0};
        int rc = build(&b, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK || (rc == DS_ENOMEM && err.message[0] != '\0'));
        dsi_buf_release(&b);
    }
    assert_true(plan.target > 2);
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
        cmocka_unit_test(test_flatbuf_write__is_read_back),
        cmocka_unit_test(test_flatbuf_write__aligns_fields_of_every_mixture),
        cmocka_unit_test_teardown(test_flatbuf_write__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("flatbuf_write", tests, NULL, NULL);
}
