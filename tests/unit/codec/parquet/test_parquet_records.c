#include "codec/parquet/parquet_records.h"

#include "base/fault.h"
#include "unit/codec/parquet/parquet_slots.h"

static struct slots s; // Too large for a stack.

static void make(uint64_t seed, enum dsi_parquet_physical physical)
{
    s = (struct slots){.random = seed * 0x9e3779b97f4a7c15u + 1};
    s.long_lists = seed % 3 == 0;
    if (seed % 6 == 1) { // Nothing repeats: the reader's other way.
        slots_path(&s, seed % 4 == 1 ? "o" : "oro", physical);
    } else {
        slots_random_path(&s, physical);
    }
    slots_rows(&s, 1 + slots_random(&s) % 400);
    slots_pages(&s, seed % 5 == 0 ? 3000 : 40);
}

static int open_chunk(const struct dsi_parquet_read_options *o, dsi_parquet_reader **out,
                      struct ds_error *err)
{
    return dsi_parquet_reader_new(s.leaf, &s.chunk, dsi_buf_slice(&s.bytes), o, out, err);
}

static void test_parquet_records__reads_what_was_written_at_any_cut(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
        struct ds_error err = {0};
        dsi_parquet_reader *r = NULL;
        size_t row = 0;
        make(seed, seed % 2 ? DSI_PARQUET_INT32 : DSI_PARQUET_BYTE_ARRAY);
        struct dsi_parquet_read_options o = {.keep_levels = seed % 4 < 2};
        assert_int_equal(open_chunk(&o, &r, &err), DS_OK);
        while (dsi_parquet_reader_rows_left(r) > 0) {
            size_t rows = 0;
            size_t want = 1 + slots_random(&s) % (seed % 7 == 0 ? 500 : 30);
            int rc = dsi_parquet_reader_read(r, want, &c, &rows, &err);
            size_t left = s.rows - row - c.rows + rows;
            if (rc < 0 || rows != (want < left ? want : left)) {
                fail_msg("seed %u: %d %s", (unsigned)seed, rc, err.message);
            }
            if (slots_random(&s) % 3 == 0) { // Else it goes on growing.
                slots_check(&s, row, &c);
                row += c.rows;
                dsi_parquet_column_release(&c);
            }
        }
        slots_check(&s, row, &c);
        assert_int_equal(row + c.rows, s.rows);
        dsi_parquet_column_release(&c);
        dsi_parquet_reader_free(r);
        slots_release(&s);
    }
}

static void test_parquet_records__skips_and_returns_to_rows(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct dsi_parquet_place places[20];
        size_t rows_at[20];
        struct ds_error err = {0};
        dsi_parquet_reader *r = NULL;
        size_t row = 0;
        make(seed, seed % 2 ? DSI_PARQUET_INT32 : DSI_PARQUET_BYTE_ARRAY);
        assert_int_equal(open_chunk(NULL, &r, &err), DS_OK);
        for (size_t i = 0; i < 20; i++) {
            struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
            size_t rows = 0;
            int64_t left = (int64_t)(s.rows - row);
            int64_t skip = (int64_t)(slots_random(&s) % 40);
            assert_int_equal(dsi_parquet_reader_rows_left(r), left);
            rows_at[i] = row;
            places[i] = dsi_parquet_reader_place(r);
            skip = skip < left ? skip : left;
            int rc = dsi_parquet_reader_skip(r, skip, &err);
            if (rc == DS_OK) {
                rc = dsi_parquet_reader_read(r, 5, &c, &rows, &err);
            }
            if (rc < 0) {
                fail_msg("seed %u: %s", (unsigned)seed, err.message);
            }
            slots_check(&s, row + (size_t)skip, &c);
            row += (size_t)skip + rows;
            dsi_parquet_column_release(&c);
            if (slots_random(&s) % 2) {
                size_t back = slots_random(&s) % (i + 1);
                assert_int_equal(dsi_parquet_reader_return(r, &places[back], &err),
                                 DS_OK);
                row = rows_at[back];
            }
        }
        assert_int_equal(dsi_parquet_reader_skip(r, (int64_t)(s.rows - row) + 1, &err),
                         DS_ECORRUPT);
        dsi_parquet_reader_free(r);
        slots_release(&s);
    }
}

static void test_parquet_records__stops_at_the_last_row_that_fits(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct ds_error err = {0};
        dsi_parquet_reader *r = NULL;
        size_t row = 0;
        bool bytes = seed % 2 == 0;
        make(seed, bytes ? DSI_PARQUET_BYTE_ARRAY : DSI_PARQUET_INT32);
        struct dsi_parquet_read_options o = {.keep_levels = true};
        assert_int_equal(open_chunk(&o, &r, &err), DS_OK);
        while (row < s.rows) {
            struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
            size_t rows = 0;
            size_t max = 20 + slots_random(&s) % 100;
            c.bytes.max = bytes ? max : 0;
            c.reps.max = bytes ? 0 : 60;
            int rc = dsi_parquet_reader_read(r, 10000, &c, &rows, &err);
            if (rc == DS_EUNSUPPORTED) { // One row is larger than that.
                dsi_parquet_column_release(&c);
                break;
            }
            if (rc < 0 || rows == 0) {
                fail_msg("seed %u: %d %s", (unsigned)seed, rc, err.message);
            }
            slots_check(&s, row, &c);
            size_t keep = slots_random(&s) % (rows + 1);
            dsi_parquet_column_cut(s.leaf, keep, &c);
            assert_int_equal(c.rows, keep);
            slots_check(&s, row, &c);
            row += rows;
            assert_true(bytes                 ? c.bytes.size <= max
                        : s.leaf->max_rep > 0 ? c.slots <= 60
                                              : true);
            size_t full = 0;
            assert_true(dsi_parquet_reader_read(r, 0, &c, &full, &err) == DS_OK);
            dsi_parquet_column_release(&c);
        }
        dsi_parquet_reader_free(r);
        slots_release(&s);
    }
}

static void test_parquet_records__says_when_one_row_is_too_large(void **state)
{
    struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
    struct ds_error err = {0};
    dsi_parquet_reader *r = NULL;
    size_t rows = 0;
    (void)state;

    s = (struct slots){0};
    slots_path(&s, "o*r", DSI_PARQUET_INT32);
    for (; s.count < 12; s.count++) { // Two rows: of 2 and of 10.
        s.defs[s.count] = 2;
        s.reps[s.count] = s.count != 0 && s.count != 2;
    }
    s.rows = 2;
    slots_pages(&s, 4);
    assert_int_equal(open_chunk(NULL, &r, NULL), DS_OK);
    c.reps.max = 9;
    assert_int_equal(dsi_parquet_reader_read(r, 9, &c, &rows, &err), DS_OK);
    assert_int_equal(rows, 1);
    assert_int_equal(c.slots, 2);
    assert_int_equal(dsi_parquet_reader_read(r, 9, &c, &rows, &err), DS_OK);
    assert_int_equal(rows, 0); // `c` is full.
    dsi_parquet_column_release(&c);
    assert_int_equal(dsi_parquet_reader_read(r, 9, &c, &rows, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "column a1.b2.c3: a row of more than 9 entries"));
    dsi_parquet_column_release(&c);
    dsi_parquet_reader_free(r);
    slots_release(&s);
}

// Reads or skips everything; the first failure.
static int run(bool skip, struct ds_error *err)
{
    struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
    dsi_parquet_reader *r = NULL;
    size_t rows = 1;
    int rc = open_chunk(NULL, &r, err);

    if (rc == DS_OK && skip) {
        rc = dsi_parquet_reader_skip(r, (int64_t)s.rows, err);
    }
    while (rc == DS_OK && rows > 0) {
        rc = dsi_parquet_reader_read(r, 3, &c, &rows, err);
    }
    dsi_parquet_reader_free(r);
    dsi_parquet_column_release(&c);
    return rc;
}

// The slots of a lie, as def and rep by turns.
static void refuses(const char *path, const char *levels, size_t rows, size_t count,
                    const char *says)
{
    for (int skip = 0; skip < 2; skip++) {
        struct ds_error err = {0};
        s = (struct slots){.rows = rows};
        slots_path(&s, path, DSI_PARQUET_INT32);
        for (const char *l = levels; *l; l += 2) {
            s.defs[s.count] = (uint32_t)(l[0] - '0');
            s.reps[s.count++] = (uint32_t)(l[1] - '0');
        }
        slots_page(&s, 0, s.count, 0, SLOTS_V1);
        s.count = count > 0 ? count : s.count;
        slots_chunk(&s);
        int rc = run(skip, &err);
        if (rc != DS_ECORRUPT || !strstr(err.message, says) ||
            !strstr(err.message, "column a1")) {
            fail_msg("%s %s: %d %s", path, levels, rc, err.message);
        }
        slots_release(&s);
    }
}

static void test_parquet_records__refuses_levels_that_cannot_be(void **state)
{
    (void)state;
    refuses("*r", "1110", 1, 0, "its first row begins in the middle");
    refuses("*r", "101001", 2, 0, "an entry of a list that has none");
    refuses("*r", "0011", 1, 0, "an entry of a list that has none");
    refuses("*or", "1031", 1, 0, "a level of 3; the highest possible is 2");
    refuses("*o*", "203020", 1, 0, "more rows than its row group");
    refuses("*r", "1010", 3, 3, "its pages end 1 values early");
    refuses("*r", "1011", 2, 0, "rows early");
    refuses("*r", "101110", 1, 0, "more rows than its row group");
    refuses("*r", "1011", 1, 3, "its pages end 1 values early");
    refuses("*r", "1011", 1, 1, "a page of 2 values, but 1 are left");
    refuses("*r", "1011", 3, 0, "2 values in 3 rows");
}

static void test_parquet_records__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    make(5, DSI_PARQUET_BYTE_ARRAY);
    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        int rc = run(plan.target % 2, &err);
        dsi_fault_stop();
        assert_int_equal(rc < 0, plan.name != NULL);
        assert_true(rc == DS_OK || err.message[0] != '\0');
    }
    slots_release(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_records__reads_what_was_written_at_any_cut),
        cmocka_unit_test(test_parquet_records__skips_and_returns_to_rows),
        cmocka_unit_test(test_parquet_records__stops_at_the_last_row_that_fits),
        cmocka_unit_test(test_parquet_records__says_when_one_row_is_too_large),
        cmocka_unit_test(test_parquet_records__refuses_levels_that_cannot_be),
        cmocka_unit_test(test_parquet_records__survives_every_fault),
    };
    return cmocka_run_group_tests_name("parquet_records", tests, NULL, NULL);
}
