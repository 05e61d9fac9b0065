#include "codec/flatbuf/flatbuf.h"
#include "harness.h"

#include <string.h>

// A root table with a short (7), a text ("hi"), a vector of two ints, and a table in it
// that has one long. Written by hand from the format's description.
static const uint8_t good[] = {
    16, 0, 0,  0,                     //  0 root at 16
    12, 0, 20, 0,                     //  4 vtable: its size, the table's
    16, 0, 4,  0, 8,   0,   12,  0,   //  8 slots 0 to 3
    12, 0, 0,  0,                     // 16 table: vtable at 4
    20, 0, 0,  0,                     // 20 slot 1: text at 40
    24, 0, 0,  0,                     // 24 slot 2: vector at 48
    40, 0, 0,  0,                     // 28 slot 3: table at 68
    7,  0, 0,  0,                     // 32 slot 0: the short
    0,  0, 0,  0,                     // 36
    2,  0, 0,  0, 'h', 'i', 0,   0,   // 40
    2,  0, 0,  0,                     // 48
    1,  0, 0,  0, 255, 255, 255, 255, // 52
    6,  0, 12, 0, 4,   0,   0,   0,   // 60 vtable of the inner one
    8,  0, 0,  0,                     // 68 table: vtable at 60
    9,  0, 0,  0, 0,   0,   0,   128, // 72 a long
};

#define SLICE(b) ((struct ds_slice){b, sizeof b})

static void test_flatbuf_read__reads_what_the_format_describes(void **state)
{
    struct dsi_flat_table root;
    struct dsi_flat_table inner;
    struct dsi_flat_vector v;
    struct ds_slice text;
    int64_t n = 0;
    bool found = false;
    (void)state;

    assert_int_equal(dsi_flat_root(SLICE(good), "x", &root, NULL), DS_OK);
    assert_int_equal(dsi_flat_int(&root, 0, 2, -1, &n, NULL), DS_OK);
    assert_int_equal(n, 7);
    assert_int_equal(dsi_flat_text(&root, 1, &found, &text, NULL), DS_OK);
    assert_true(found && text.size == 2 && memcmp(text.data, "hi", 2) == 0);
    assert_int_equal(dsi_flat_vector(&root, 2, 4, &v, NULL), DS_OK);
    assert_int_equal(v.count, 2);
    assert_int_equal(dsi_flat_read_int(v.data, 4), 1);
    assert_int_equal(dsi_flat_read_int(v.data + 4, 4), -1);
    assert_int_equal(dsi_flat_child(&root, 3, &found, &inner, NULL), DS_OK);
    assert_true(found);
    assert_int_equal(dsi_flat_int(&inner, 0, 8, 0, &n, NULL), DS_OK);
    assert_true(n == (int64_t)0x8000000000000009u);
}

static void test_flatbuf_read__gives_the_default_of_what_is_absent(void **state)
{
    struct dsi_flat_table root;
    struct dsi_flat_table inner;
    struct dsi_flat_vector v;
    struct ds_slice text;
    int64_t n = 0;
    bool found = true;
    (void)state;

    assert_int_equal(dsi_flat_root(SLICE(good), "x", &root, NULL), DS_OK);
    assert_int_equal(dsi_flat_int(&root, 4, 8, 42, &n, NULL), DS_OK);
    assert_int_equal(n, 42);
    assert_int_equal(dsi_flat_child(&root, 100, &found, &inner, NULL), DS_OK);
    assert_false(found);
    assert_int_equal(dsi_flat_text(&root, 5, &found, &text, NULL), DS_OK);
    assert_false(found);
    assert_int_equal(dsi_flat_vector(&root, 5, 4, &v, NULL), DS_OK);
    assert_int_equal(v.count, 0);
}

// Reads all that a caller could ask for; the sanitizers look on.
static void walk(struct ds_slice in)
{
    struct dsi_flat_table root;
    struct ds_error err = {0};

    if (dsi_flat_root(in, "x", &root, &err) < 0) {
        assert_int_equal(err.status, DS_ECORRUPT);
        return;
    }
    for (size_t slot = 0; slot < 5; slot++) {
        struct dsi_flat_table child;
        struct dsi_flat_vector v;
        struct ds_slice text;
        int64_t n = 0;
        bool found = false;
        for (size_t width = 1; width <= 8; width *= 2) {
            int rc = dsi_flat_int(&root, slot, width, 0, &n, &err);
            assert_true(rc == DS_OK || rc == DS_ECORRUPT);
        }
        if (dsi_flat_text(&root, slot, &found, &text, &err) == DS_OK && found) {
            assert_int_equal(text.data[text.size], 0);
        }
        if (dsi_flat_vector(&root, slot, 4, &v, &err) == DS_OK) {
            assert_true(v.count <= in.size / 4);
            for (size_t i = 0; i < v.count; i++) {
                n += dsi_flat_read_int(v.data + 4 * i, 4);
                int rc = dsi_flat_element(&v, i, &child, &err);
                assert_true(rc == DS_OK || rc == DS_ECORRUPT);
            }
        }
        if (dsi_flat_child(&root, slot, &found, &child, &err) == DS_OK && found) {
            int rc = dsi_flat_int(&child, 0, 8, 0, &n, &err);
            assert_true(rc == DS_OK || rc == DS_ECORRUPT);
        }
    }
}

static void test_flatbuf_read__stays_inside_of_a_damaged_buffer(void **state)
{
    static const uint8_t values[] = {0, 1, 3, 0x7f, 0x80, 0xff};
    uint8_t bad[sizeof good];
    (void)state;

    for (size_t n = 0; n <= sizeof good; n++) {
        uint8_t *cut = test_malloc(n + 1); // Just as large as it is.
        memcpy(cut, good, n);
        walk((struct ds_slice){cut, n});
        test_free(cut);
    }
    for (size_t i = 0; i < sizeof good; i++) {
        for (size_t v = 0; v < sizeof values; v++) {
            memcpy(bad, good, sizeof good);
            bad[i] = values[v];
            walk(SLICE(bad));
        }
    }
}

static void test_flatbuf_read__says_where_it_went_wrong(void **state)
{
    struct dsi_flat_table root;
    struct ds_error err = {0};
    uint8_t bad[sizeof good];
    (void)state;

    memcpy(bad, good, sizeof good);
    bad[3] = 1;
    assert_int_equal(dsi_flat_root(SLICE(bad), "file.arrow", &root, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "file.arrow: byte 0 of the metadata"));
}

static void test_flatbuf_read__goes_only_so_deep(void **state)
{
    enum { LEVELS = DSI_FLAT_DEPTH_MAX + 10 };
    struct dsi_buf b = DSI_BUF_INIT;
    struct dsi_flat_writer w;
    struct dsi_flat_table t;
    struct dsi_flat_slot slot = DSI_FLAT_REF;
    size_t place = 0;
    bool found = true;
    int depth = 0;
    (void)state;

    dsi_flat_writer_begin(&w, &b, NULL);
    dsi_flat_put_table(&w, &slot, 1, &place);
    for (int i = 1; i < LEVELS; i++) {
        size_t next = 0;
        dsi_flat_refer(&w, place, dsi_flat_put_table(&w, &slot, 1, &next));
        place = next;
    }
    dsi_flat_refer(&w, place, dsi_flat_put_table(&w, NULL, 0, NULL));
    assert_int_equal(dsi_flat_writer_end(&w), DS_OK);
    assert_int_equal(dsi_flat_root(dsi_buf_slice(&b), "x", &t, NULL), DS_OK);
    int rc = DS_OK;
    while (rc == DS_OK) {
        struct dsi_flat_table parent = t;
        rc = dsi_flat_child(&parent, 0, &found, &t, NULL);
        depth++;
    }
    assert_int_equal(rc, DS_ECORRUPT);
    assert_int_equal(depth, DSI_FLAT_DEPTH_MAX + 1);
    dsi_buf_release(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flatbuf_read__reads_what_the_format_describes),
        cmocka_unit_test(test_flatbuf_read__gives_the_default_of_what_is_absent),
        cmocka_unit_test(test_flatbuf_read__stays_inside_of_a_damaged_buffer),
        cmocka_unit_test(test_flatbuf_read__says_where_it_went_wrong),
        cmocka_unit_test(test_flatbuf_read__goes_only_so_deep),
    };
    return cmocka_run_group_tests_name("flatbuf_read", tests, NULL, NULL);
}
