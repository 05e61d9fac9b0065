#include "data/data_io.h"

#include "base/fault.h"
#include "harness.h"

#define PLACE "memory:///t/a"

enum { SIZE = 300000 };

static ds_storage *storage;
static struct ds_file *file;

static uint8_t byte_at(int64_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

static int open_file(void **state)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    (void)state;

    for (int64_t i = 0; i < SIZE; i++) {
        if (dsi_buf_append_byte(&bytes, byte_at(i), NULL) < 0) {
            return -1;
        }
    }
    int rc = dsi_storage_mem_new(&storage, NULL);
    if (rc == DS_OK) {
        rc = dsi_storage_put(storage, PLACE, dsi_buf_slice(&bytes), 0, NULL);
    }
    if (rc == DS_OK) {
        rc = dsi_file_open(storage, PLACE, &file, NULL);
    }
    dsi_buf_release(&bytes);
    return rc;
}

static int close_file(void **state)
{
    (void)state;
    dsi_file_close(file);
    dsi_storage_free(storage);
    return 0;
}

static void check(struct ds_slice got, int64_t offset, int64_t size)
{
    assert_int_equal(got.size, size);
    for (int64_t i = 0; i < size; i++) {
        assert_int_equal(got.data[i], byte_at(offset + i));
    }
}

// A file that notes what it is told will be read.
struct noting {
    struct ds_file base;
    uint64_t offset;
    uint64_t size;
};

static void note(struct ds_file *f, uint64_t offset, uint64_t size)
{
    ((struct noting *)f)->offset = offset;
    ((struct noting *)f)->size = size;
}

static uint64_t hundred(struct ds_file *f)
{
    (void)f;
    return 100;
}

static void test_data_io__tells_storage_what_will_be_read(void **state)
{
    static const struct ds_file_ops ops = {
        .struct_size = sizeof ops, .size = hundred, .will_read = note};
    struct noting f = {.base.ops = &ops};
    struct dsi_data_io io;
    (void)state;

    dsi_data_io_init(&io, &f.base);
    dsi_data_io_expect(&io, 20, 30);
    assert_true(f.offset == 20 && f.size == 30);
    dsi_data_io_expect(&io, 90, 30); // What lies outside is left out …
    assert_true(f.offset == 90 && f.size == 10);
    dsi_data_io_expect(&io, 100, 5); // … and nothing is not worth telling.
    dsi_data_io_expect(&io, -1, 5);
    dsi_data_io_expect(&io, 0, 0);
    assert_true(f.offset == 90 && f.size == 10);
    assert_int_equal(io.bytes_expected, 40);
    dsi_data_io_release(&io);
}

static void test_data_io__reads_neighbours_by_one_request(void **state)
{
    struct dsi_data_io io;
    struct ds_slice out[5];
    // Out of order; the last one far away; one inside another, one empty.
    struct dsi_data_wish wishes[] = {{5000, 100, &out[0]},
                                     {290000, 10000, &out[1]},
                                     {0, 3000, &out[2]},
                                     {1000, 10, &out[3]},
                                     {70000, 0, &out[4]}};
    (void)state;

    dsi_data_io_init(&io, file);
    assert_int_equal(dsi_data_io_fetch(&io, wishes, 5, NULL), DS_OK);
    assert_int_equal(io.reads, 2);
    assert_int_equal(io.bytes_read, 70000 + 10000);
    check(out[0], 5000, 100);
    check(out[1], 290000, 10000);
    check(out[2], 0, 3000);
    check(out[3], 1000, 10);
    assert_int_equal(out[4].size, 0);
    dsi_data_io_forget(&io);
    assert_int_equal(dsi_data_io_fetch(&io, wishes, 0, NULL), DS_OK);
    dsi_data_io_release(&io);
    dsi_data_io_release(&io);
}

static void test_data_io__knows_what_is_in_the_file(void **state)
{
    struct dsi_data_io io;
    struct dsi_buf out = DSI_BUF_INIT;
    (void)state;

    dsi_data_io_init(&io, file);
    assert_true(dsi_data_io_has(&io, 0, SIZE));
    assert_true(dsi_data_io_has(&io, SIZE, 0));
    assert_false(dsi_data_io_has(&io, 1, SIZE));
    assert_false(dsi_data_io_has(&io, -1, 1));
    assert_false(dsi_data_io_has(&io, INT64_MAX, INT64_MAX));
    assert_int_equal(dsi_data_io_read(&io, 100, 50, &out, NULL), DS_OK);
    assert_int_equal(dsi_data_io_read(&io, 7, 200, &out, NULL), DS_OK);
    check(dsi_buf_slice(&out), 7, 200);
    assert_true(dsi_data_io_read(&io, SIZE - 1, 2, &out, NULL) < 0);
    dsi_buf_release(&out);
    dsi_data_io_release(&io);
}

static void test_data_io__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_data_io io;
        struct ds_slice out[2];
        struct dsi_data_wish wishes[] = {{0, 10, &out[0]}, {200000, 10, &out[1]}};
        struct ds_error err = {0};
        dsi_data_io_init(&io, file);
        int rc = dsi_data_io_fetch(&io, wishes, 2, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK || err.message[0] != '\0');
        assert_int_equal(rc < 0, plan.name != NULL);
        dsi_data_io_release(&io);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_io__tells_storage_what_will_be_read),
        cmocka_unit_test(test_data_io__reads_neighbours_by_one_request),
        cmocka_unit_test(test_data_io__knows_what_is_in_the_file),
        cmocka_unit_test(test_data_io__survives_every_fault),
    };
    return cmocka_run_group_tests_name("data_io", tests, open_file, close_file);
}
