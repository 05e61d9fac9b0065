#include "codec/parquet/parquet_pages.h"

#include "unit/codec/parquet/parquet_slots.h"

static struct slots s;

static dsi_parquet_reader *open_chunk(bool partial)
{
    const struct dsi_parquet_read_options o = {.partial = partial};
    dsi_parquet_reader *r = NULL;

    assert_int_equal(
        dsi_parquet_reader_new(s.leaf, &s.chunk, dsi_buf_slice(&s.bytes), &o, &r, NULL),
        DS_OK);
    return r;
}

static void test_parquet_pages__opens_each_page_no_further_than_needed(void **state)
{
    (void)state;
    for (int form = SLOTS_V1; form <= SLOTS_V2; form++) {
        s = (struct slots){.random = 7};
        slots_path(&s, "*o", DSI_PARQUET_INT32);
        slots_rows(&s, 20);
        size_t first = slots_page(&s, 0, 10, 0, (enum slots_form)form);
        slots_page(&s, 10, s.count, first, (enum slots_form)form);
        slots_chunk(&s);
        dsi_parquet_reader *r = open_chunk(false);
        assert_int_equal(dsi_parquet_pages_next(r, NULL), DS_OK);
        assert_int_equal(r->state, DSI_PARQUET_PAGE_SEEN);
        assert_int_equal(r->page_left, 10);
        assert_int_equal(dsi_parquet_pages_open_levels(r, NULL), DS_OK);
        assert_int_equal(r->state, DSI_PARQUET_PAGE_LEVELS);
        assert_int_equal(dsi_parquet_pages_open_values(r, NULL), DS_OK);
        assert_int_equal(r->state, DSI_PARQUET_PAGE_VALUES);
        assert_int_equal(r->values.plain.size, first * 4);
        r->page_left = 0;
        assert_int_equal(dsi_parquet_pages_next(r, NULL), DS_OK);
        assert_int_equal(r->page_left, s.count - 10);
        r->page_left = 0;
        assert_int_equal(dsi_parquet_pages_next(r, NULL), DS_ECORRUPT);
        dsi_parquet_reader_free(r);
        slots_release(&s);
    }
}

static void test_parquet_pages__jumps_to_pages_that_are_elsewhere(void **state)
{
    struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
    size_t rows = 0;
    (void)state;

    s = (struct slots){.random = 7};
    slots_path(&s, "*o", DSI_PARQUET_INT32);
    slots_rows(&s, 20);
    size_t at = slots_of_row(&s, 9);
    size_t first = slots_page(&s, 0, at, 0, SLOTS_V1);
    size_t start = s.bytes.size;
    slots_page(&s, at, slots_of_row(&s, 15), first, SLOTS_V1);
    size_t end = s.bytes.size;
    slots_chunk(&s);
    s.bytes.size = 0; // There is no dictionary: nothing is needed.
    dsi_parquet_reader *r = open_chunk(true);
    assert_int_equal(
        dsi_parquet_reader_jump(r, (struct ds_slice){s.bytes.data + start, end - start},
                                6, NULL),
        DS_OK);
    assert_int_equal(dsi_parquet_reader_rows_left(r), 6);
    assert_int_equal(dsi_parquet_reader_skip(r, 2, NULL), DS_OK);
    assert_int_equal(dsi_parquet_reader_read(r, 100, &c, &rows, NULL), DS_OK);
    assert_int_equal(rows, 4);
    slots_check(&s, 11, &c);
    assert_int_equal(dsi_parquet_reader_read(r, 100, &c, &rows, NULL), DS_OK);
    assert_int_equal(rows, 0);
    dsi_parquet_column_release(&c);
    dsi_parquet_reader_free(r);
    slots_release(&s);
}

static void put_dictionary(int32_t count)
{
    struct dsi_parquet_page p = {.type = DSI_PARQUET_PAGE_DICTIONARY,
                                 .uncompressed_size = 4 * count,
                                 .compressed_size = 4 * count,
                                 .value_count = count};
    assert_int_equal(dsi_parquet_page_write(&p, &s.bytes, NULL), DS_OK);
    for (int32_t i = 0; i < count; i++) {
        slots_put_int(&s.bytes, (uint32_t)i);
    }
}

static void test_parquet_pages__takes_one_dictionary(void **state)
{
    (void)state;
    s = (struct slots){.random = 7};
    slots_path(&s, "o", DSI_PARQUET_INT32);
    put_dictionary(3);
    slots_rows(&s, 5);
    slots_page(&s, 0, 5, 0, SLOTS_V1);
    slots_chunk(&s);
    dsi_parquet_reader *r = open_chunk(false);
    struct dsi_parquet_place start = dsi_parquet_reader_place(r);
    assert_int_equal(dsi_parquet_reader_skip(r, 2, NULL), DS_OK);
    assert_int_equal(r->dictionary.count, 3);
    assert_int_equal(dsi_parquet_reader_return(r, &start, NULL), DS_OK); // Over it again.
    assert_int_equal(dsi_parquet_reader_skip(r, 5, NULL), DS_OK);
    dsi_parquet_reader_free(r);
    slots_release(&s);

    s = (struct slots){.random = 7};
    slots_path(&s, "o", DSI_PARQUET_INT32);
    put_dictionary(3);
    put_dictionary(3);
    slots_chunk(&s);
    r = open_chunk(false);
    assert_int_equal(dsi_parquet_pages_next(r, NULL), DS_ECORRUPT);
    dsi_parquet_reader_free(r);
    slots_release(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_pages__opens_each_page_no_further_than_needed),
        cmocka_unit_test(test_parquet_pages__jumps_to_pages_that_are_elsewhere),
        cmocka_unit_test(test_parquet_pages__takes_one_dictionary),
    };
    return cmocka_run_group_tests_name("parquet_pages", tests, NULL, NULL);
}
