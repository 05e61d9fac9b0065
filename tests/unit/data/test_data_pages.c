#include "data/data_pages.h"

#include "base/error.h"
#include "base/fault.h"
#include "unit/data/passing.h"

enum { ROWS = 3000, PAGE_ROWS = 100 };

struct chunk {
    struct passing p;
    struct passing_open o;
    struct dsi_arena arena;
    struct dsi_buf bytes;
    struct dsi_data_chunk plan;
    const struct dsi_parquet_node *leaf;
};

// Column `column` of a file with small pages, to be read in one of the ways.
static void begin(struct chunk *c, size_t column, enum dsi_data_chunk_mode mode,
                  size_t pages_each, int64_t window)
{
    struct dsi_data_io *io = &c->o.columns.io;
    const struct dsi_parquet_chunk *k = &c->o.parquet.row_groups[0].columns[column];
    struct dsi_buf index = DSI_BUF_INIT;
    struct ds_slice none = {NULL, 0};

    c->leaf = c->o.parquet.leaves[column];
    c->plan = (struct dsi_data_chunk){.mode = mode, .chunk = k, .window_bytes = window};
    if (mode == DSI_CHUNK_WHOLE) {
        assert_int_equal(dsi_data_io_read(io, k->offset, k->size, &c->bytes, NULL),
                         DS_OK);
    }
    if (mode == DSI_CHUNK_SEGMENTS) {
        struct dsi_parquet_page_index *i = &c->plan.index;
        assert_int_equal(dsi_data_io_read(io, k->offset_index_offset,
                                          k->offset_index_size, &index, NULL),
                         DS_OK);
        assert_int_equal(dsi_parquet_page_index_parse(c->leaf, k, dsi_buf_slice(&index),
                                                      none, &c->arena, i, NULL),
                         DS_OK);
        assert_int_equal(i->page_count, ROWS / PAGE_ROWS);
        assert_int_equal(dsi_data_io_read(io, k->offset, i->places[0].offset - k->offset,
                                          &c->bytes, NULL),
                         DS_OK);
        c->plan.segments =
            dsi_arena_array(&c->arena, i->page_count, sizeof *c->plan.segments);
        for (size_t at = 0; at < i->page_count; at += pages_each) {
            size_t to = at + pages_each < i->page_count ? at + pages_each : i->page_count;
            c->plan.segments[c->plan.segment_count++] =
                (struct dsi_data_segment){at, to, none};
        }
    }
    c->plan.head = dsi_buf_slice(&c->bytes);
    dsi_buf_release(&index);
}

static void open_chunk(struct chunk *c)
{
    *c = (struct chunk){.arena = DSI_ARENA_INIT};
    passing_init(&c->p, 7, ROWS, NULL, "100");
    struct dsi_data_reader_options options = {
        .storage = c->p.storage, .file = &c->p.file, .schema = &c->p.schema};
    assert_int_equal(passing_open(&c->p, &options, &c->o, NULL), DS_OK);
    assert_int_equal(c->o.parquet.row_group_count, 1);
}

static void close_chunk(struct chunk *c)
{
    dsi_buf_release(&c->bytes);
    dsi_arena_release(&c->arena);
    passing_close(&c->o);
    passing_release(&c->p);
}

// Reads rows from a place; they are the numbers of the rows.
static int read_numbers(struct dsi_data_pages *p, int64_t row, size_t count,
                        struct ds_error *err)
{
    struct dsi_parquet_column out = DSI_PARQUET_COLUMN_INIT;
    int64_t left = ROWS - row;
    size_t got = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_data_pages_go(p, row, err));
    DSI_TRY(dsi_data_pages_read(p, count, &out, &got, err));
    assert_int_equal(got, (int64_t)count < left ? (int64_t)count : left);
    assert_int_equal(out.rows, got);
    for (size_t i = 0; i < got; i++) {
        int64_t n = 0;
        memcpy(&n, out.values.data + i * 8, 8);
        assert_int_equal(n, row + (int64_t)i);
    }
done:
    dsi_parquet_column_release(&out);
    return rc;
}

static void test_data_pages__reads_the_same_rows_in_every_way(void **state)
{
    static const struct {
        enum dsi_data_chunk_mode mode;
        size_t pages_each;
        int64_t window;
    } ways[] = {{DSI_CHUNK_WHOLE, 0, 0},     {DSI_CHUNK_SEGMENTS, 1, 0},
                {DSI_CHUNK_SEGMENTS, 7, 0},  {DSI_CHUNK_SEGMENTS, 100, 0},
                {DSI_CHUNK_STREAM, 0, 1},    {DSI_CHUNK_STREAM, 0, 700},
                {DSI_CHUNK_STREAM, 0, 5000}, {DSI_CHUNK_STREAM, 0, 1 << 20}};
    struct rows_random random = {4};
    (void)state;

    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        for (size_t column = 0; column < 6; column += 5) { // The numbers, twice.
            struct dsi_data_pages p = {0};
            struct ds_error err = {0};
            struct chunk c;
            open_chunk(&c);
            begin(&c, column, ways[w].mode, ways[w].pages_each, ways[w].window);
            assert_int_equal(dsi_data_pages_begin(&p, &c.o.columns.io, c.leaf, &c.plan,
                                                  ROWS, false, NULL),
                             DS_OK);
            for (int64_t row = 0; row < ROWS; row += 300) { // In order,
                assert_int_equal(read_numbers(&p, row, 300, &err), DS_OK);
            }
            for (int i = 0; i < 100; i++) { // and anywhere.
                int64_t row = rows_below(&random, ROWS);
                size_t count = 1 + (size_t)rows_below(&random, 500);
                if (read_numbers(&p, row, count, &err) < 0) {
                    fail_msg("%s", err.message);
                }
            }
            assert_int_equal(read_numbers(&p, ROWS, 5, &err), DS_OK); // Nothing.
            assert_int_equal(dsi_data_pages_go(&p, ROWS + 1, &err), DS_ECORRUPT);
            dsi_data_pages_end(&p);
            dsi_data_pages_end(&p);
            close_chunk(&c);
        }
    }
}

static void test_data_pages__fetches_what_is_read_and_little_more(void **state)
{
    struct dsi_data_pages p = {0};
    struct chunk c;
    (void)state;

    open_chunk(&c);
    begin(&c, 0, DSI_CHUNK_SEGMENTS, 1, 0);
    assert_int_equal(
        dsi_data_pages_begin(&p, &c.o.columns.io, c.leaf, &c.plan, ROWS, false, NULL),
        DS_OK);
    uint64_t before = c.o.columns.io.bytes_read;
    assert_int_equal(read_numbers(&p, 1234, 10, NULL), DS_OK);
    assert_int_equal(c.o.columns.io.bytes_read - before, c.plan.index.places[12].size);
    assert_int_equal(c.o.columns.io.bytes_expected, c.plan.index.places[13].size);
    dsi_data_pages_end(&p);

    // Passing over pages of a stream reads their headers.
    begin(&c, 0, DSI_CHUNK_STREAM, 0, 1);
    c.o.columns.io.bytes_expected = 0;
    assert_int_equal(
        dsi_data_pages_begin(&p, &c.o.columns.io, c.leaf, &c.plan, ROWS, false, NULL),
        DS_OK);
    assert_int_equal(read_numbers(&p, ROWS - 1, 1, NULL), DS_OK);
    assert_true(c.o.columns.io.bytes_expected > 0);
    assert_true(p.buffer.capacity < 100000);
    dsi_data_pages_end(&p);
    close_chunk(&c);
}

static void test_data_pages__compares_an_index_with_the_pages(void **state)
{
    struct dsi_data_pages p = {0};
    struct ds_error err = {0};
    struct chunk c;
    (void)state;

    open_chunk(&c);
    for (int lie = 0; lie < 3; lie++) { // (2)
        begin(&c, 0, DSI_CHUNK_SEGMENTS, 3, 0);
        struct dsi_parquet_page_place *places = c.plan.index.places;
        if (lie == 0) { // A row more here, a row less there.
            places[4].row_count++;
            places[5].first_row++;
            places[5].row_count--;
        } else if (lie == 1) {
            places[4].size--;
        } else {
            places[5].offset = places[4].offset; // One page twice.
            places[5].size = places[4].size;
        }
        assert_int_equal(
            dsi_data_pages_begin(&p, &c.o.columns.io, c.leaf, &c.plan, ROWS, false, NULL),
            DS_OK);
        assert_int_equal(read_numbers(&p, 450, 1, &err), DS_ECORRUPT);
        dsi_data_pages_end(&p);
    }
    // Rows that nobody said would be read.
    begin(&c, 0, DSI_CHUNK_SEGMENTS, 3, 0);
    c.plan.segment_count = 2;
    assert_int_equal(
        dsi_data_pages_begin(&p, &c.o.columns.io, c.leaf, &c.plan, ROWS, false, NULL),
        DS_OK);
    assert_int_equal(read_numbers(&p, 600, 1, &err), DS_EBUG);
    dsi_data_pages_end(&p);
    close_chunk(&c);
}

static void test_data_pages__survives_every_fault(void **state)
{
    static const enum dsi_data_chunk_mode modes[] = {DSI_CHUNK_SEGMENTS,
                                                     DSI_CHUNK_STREAM};
    struct chunk c;
    (void)state;

    open_chunk(&c);
    for (size_t m = 0; m < 2; m++) {
        struct dsi_fault_plan plan = {0};
        begin(&c, 0, modes[m], 2, 600);
        while (dsi_fault_next(&plan)) {
            struct dsi_data_pages p = {0};
            struct ds_error err = {0};
            int rc = dsi_data_pages_begin(&p, &c.o.columns.io, c.leaf, &c.plan, ROWS,
                                          false, &err);
            if (rc == DS_OK) {
                rc = read_numbers(&p, 150, 400, &err);
            }
            dsi_fault_stop();
            assert_true(rc == DS_OK || err.message[0] != '\0');
            assert_int_equal(rc < 0, plan.name != NULL);
            dsi_data_pages_end(&p);
        }
    }
    close_chunk(&c);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_pages__reads_the_same_rows_in_every_way),
        cmocka_unit_test(test_data_pages__fetches_what_is_read_and_little_more),
        cmocka_unit_test(test_data_pages__compares_an_index_with_the_pages),
        cmocka_unit_test(test_data_pages__survives_every_fault),
    };
    return cmocka_run_group_tests_name("data_pages", tests, NULL, NULL);
}
