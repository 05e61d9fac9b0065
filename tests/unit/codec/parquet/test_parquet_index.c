#include "codec/parquet/parquet_index.h"

#include "base/fault.h"
#include "codec/parquet/parquet_order.h"
#include "unit/codec/parquet/parquet_corpus.h"

enum { ROWS = 250 };

static const struct dsi_parquet_node root = {.field = {.name = "schema"}};
static const struct dsi_parquet_node column = {
    .field = {.name = "x", .physical = DSI_PARQUET_DOUBLE},
    .parent = &root,
    .max_def = 1};
static const struct dsi_parquet_chunk chunk = {
    .offset = 4, .size = 1000, .row_count = ROWS, .order = DSI_PARQUET_COLUMN_ORDER_TYPE};

static const uint8_t one[8] = {0, 0, 0, 0, 0, 0, 0xf0, 0x3f};
static const uint8_t two[8] = {0, 0, 0, 0, 0, 0, 0, 0x40};
static const uint8_t zero[8] = {0};
static const uint8_t nan_bytes[8] = {0, 0, 0, 0, 0, 0, 0xf8, 0x7f};

// Three pages: values from one to two, nulls only, zeros.
struct index_sample {
    struct dsi_parquet_page_place places[3];
    struct dsi_parquet_page_bounds bounds[3];
    int64_t histogram[6];
    struct dsi_parquet_page_index index;
    struct dsi_buf offset_index;
    struct dsi_buf column_index;
};

static void fill_index(struct index_sample *s)
{
    *s = (struct index_sample){
        .places = {{104, 50, 0, 100, 7}, {154, 60, 100, 100, 8}, {300, 704, 200, 50, 9}},
        .bounds =
            {{.has_min = true,
              .has_max = true,
              .min = {one, 8},
              .max = {two, 8},
              .nan_count = 3},
             {.all_null = true, .null_count = 100},
             {.has_min = true, .has_max = true, .min = {zero, 8}, .max = {zero, 8}}},
        .histogram = {0, 100, 100, 0, 0, 50}};
    s->index = (struct dsi_parquet_page_index){.page_count = 3,
                                               .places = s->places,
                                               .bounds = s->bounds,
                                               .boundary = DSI_PARQUET_DESCENDING,
                                               .def_histograms = s->histogram};
}

static int write_index(struct index_sample *s, struct ds_error *err)
{
    int rc = dsi_parquet_offset_index_write(&s->index, &s->offset_index, err);

    s->column_index.size = 0;
    return rc < 0 ? rc
                  : dsi_parquet_column_index_write(&column, &s->index, &s->column_index,
                                                   err);
}

static int parse_index(const struct index_sample *s, struct dsi_arena *arena,
                       struct dsi_parquet_page_index *out, struct ds_error *err)
{
    return dsi_parquet_page_index_parse(&column, &chunk, dsi_buf_slice(&s->offset_index),
                                        dsi_buf_slice(&s->column_index), arena, out, err);
}

static void release_index(struct index_sample *s)
{
    dsi_buf_release(&s->offset_index);
    dsi_buf_release(&s->column_index);
}

static void test_parquet_index__reads_what_it_writes(void **state)
{
    static const uint8_t minus_zero[8] = {0, 0, 0, 0, 0, 0, 0, 0x80};
    struct index_sample s;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_parquet_page_index back;
    (void)state;

    fill_index(&s);
    assert_int_equal(write_index(&s, NULL), DS_OK);
    assert_int_equal(parse_index(&s, &arena, &back, NULL), DS_OK);
    assert_int_equal(back.page_count, 3);
    assert_memory_equal(back.places, s.places, sizeof s.places);
    assert_int_equal(back.boundary, DSI_PARQUET_DESCENDING);
    assert_memory_equal(back.bounds[0].min.data, one, 8);
    assert_memory_equal(back.bounds[0].max.data, two, 8);
    assert_int_equal(back.bounds[0].nan_count, 3);
    assert_true(back.bounds[1].all_null && !back.bounds[1].has_min);
    assert_int_equal(back.bounds[1].null_count, 100);
    assert_memory_equal(back.bounds[2].min.data, minus_zero, 8); // Widened.
    assert_memory_equal(back.bounds[2].max.data, zero, 8);
    assert_memory_equal(back.def_histograms, s.histogram, sizeof s.histogram);
    assert_null(back.rep_histograms);

    // Places alone.
    s.column_index.size = 0;
    assert_int_equal(parse_index(&s, &arena, &back, NULL), DS_OK);
    assert_null(back.bounds);
    dsi_arena_release(&arena);
    release_index(&s);
}

static void test_parquet_index__leaves_out_what_is_not_known(void **state)
{
    struct index_sample s;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_parquet_page_index back;
    (void)state;

    fill_index(&s);
    s.places[1].byte_count = -1;
    s.bounds[2].null_count = -1;
    s.bounds[0].nan_count = -1;
    s.index.def_histograms = NULL;
    assert_int_equal(write_index(&s, NULL), DS_OK);
    assert_int_equal(parse_index(&s, &arena, &back, NULL), DS_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(back.places[i].byte_count, -1);
        assert_int_equal(back.bounds[i].null_count, -1);
        assert_int_equal(back.bounds[i].nan_count, -1);
    }
    assert_null(back.def_histograms);
    assert_true(dsi_parquet_column_index_possible(&s.index));
    s.bounds[2].has_max = false;
    assert_false(dsi_parquet_column_index_possible(&s.index));
    s.index.bounds = NULL;
    assert_false(dsi_parquet_column_index_possible(&s.index));
    dsi_arena_release(&arena);
    release_index(&s);
}

// (2): what is trusted depends on the order the file says its bounds have.
static void test_parquet_index__drops_bounds_it_cannot_trust(void **state)
{
    struct index_sample s;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_parquet_chunk other = chunk;
    struct dsi_parquet_page_index back;
    (void)state;

    fill_index(&s);
    s.bounds[2].max = (struct ds_slice){nan_bytes, 8};
    s.bounds[0].min = (struct ds_slice){two, 8};
    s.bounds[0].max = (struct ds_slice){one, 8}; // Upside down.
    assert_int_equal(write_index(&s, NULL), DS_OK);
    assert_int_equal(parse_index(&s, &arena, &back, NULL), DS_OK);
    assert_false(back.bounds[0].has_min || back.bounds[0].has_max);
    assert_false(back.bounds[2].has_min || back.bounds[2].has_max);
    release_index(&s);
    fill_index(&s);
    assert_int_equal(write_index(&s, NULL), DS_OK);
    other.order = DSI_PARQUET_COLUMN_ORDER_ABSENT;
    assert_int_equal(
        dsi_parquet_page_index_parse(&column, &other, dsi_buf_slice(&s.offset_index),
                                     dsi_buf_slice(&s.column_index), &arena, &back, NULL),
        DS_OK);
    assert_false(back.bounds[0].has_min || back.bounds[0].has_max);
    dsi_arena_release(&arena);
    release_index(&s);
}

static void refuse(struct index_sample *s, const char *why)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_parquet_page_index back;
    struct ds_error err = {0};

    s->offset_index.size = 0;
    assert_int_equal(write_index(s, NULL), DS_OK);
    assert_int_equal(parse_index(s, &arena, &back, &err), DS_ECORRUPT);
    if (!strstr(err.message, why)) {
        fail_msg("%s: %s expected", err.message, why);
    }
    assert_non_null(strstr(err.message, "column x"));
    dsi_arena_release(&arena);
    release_index(s);
    fill_index(s);
}

static void test_parquet_index__refuses_what_does_not_add_up(void **state)
{
    struct index_sample s;
    (void)state;

    fill_index(&s);
    s.places[0].offset = 3; // Before the chunk.
    refuse(&s, "not inside its chunk");
    s.places[2].size = 705; // Past its end.
    refuse(&s, "not inside its chunk");
    s.places[1].offset = 153; // Over the page before.
    refuse(&s, "over another page");
    s.places[0].size = 0;
    refuse(&s, "not inside its chunk");
    s.places[1].offset = INT64_MAX;
    refuse(&s, "not inside its chunk");
    s.places[0].first_row = 1;
    refuse(&s, "rows");
    s.places[1].first_row = 200; // As the next one.
    refuse(&s, "rows");
    s.places[2].first_row = ROWS;
    refuse(&s, "rows");
    s.bounds[1].null_count = 99; // Of 100, all of them null.
    refuse(&s, "nulls");
    s.bounds[0].null_count = 100; // All, but the page says not all.
    refuse(&s, "nulls");
    s.bounds[0].null_count = 101;
    refuse(&s, "nulls");
    s.bounds[2].nan_count = 51;
    refuse(&s, "nulls");
    s.histogram[3] = -1;
    refuse(&s, "negative");
    s.index.page_count = 0;
    refuse(&s, "no pages");
}

static void test_parquet_index__refuses_indexes_of_different_lengths(void **state)
{
    struct index_sample s;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_parquet_page_index back;
    (void)state;

    fill_index(&s);
    assert_int_equal(write_index(&s, NULL), DS_OK);
    s.index.page_count = 2;
    s.column_index.size = 0;
    assert_int_equal(
        dsi_parquet_column_index_write(&column, &s.index, &s.column_index, NULL), DS_OK);
    assert_int_equal(parse_index(&s, &arena, &back, NULL), DS_ECORRUPT);
    dsi_arena_release(&arena);
    release_index(&s);
}

static void test_parquet_index__survives_every_byte_changed(void **state)
{
    struct index_sample s;
    (void)state;

    fill_index(&s);
    assert_int_equal(write_index(&s, NULL), DS_OK);
    struct dsi_buf *const parts[] = {&s.offset_index, &s.column_index};
    for (size_t p = 0; p < 2; p++) {
        for (size_t i = 0; i < parts[p]->size; i++) {
            uint8_t kept = parts[p]->data[i];
            for (int v = 0; v < 256; v++) {
                struct dsi_arena arena = DSI_ARENA_INIT;
                struct dsi_parquet_page_index back;
                struct ds_error err = {0};
                int64_t row = 0;
                parts[p]->data[i] = (uint8_t)v;
                int rc = parse_index(&s, &arena, &back, &err);
                assert_true(rc == DS_OK || err.message[0] != '\0');
                for (size_t k = 0; rc == DS_OK && k < back.page_count; k++) { // (1)
                    const struct dsi_parquet_page_place *place = &back.places[k];
                    assert_true(place->first_row == row && place->row_count > 0);
                    assert_true(place->offset >= 4 && place->offset < 1004 &&
                                place->size <= 1004 - place->offset);
                    row += place->row_count;
                }
                assert_true(rc < 0 || row == ROWS);
                dsi_arena_release(&arena);
            }
            parts[p]->data[i] = kept;
        }
    }
    release_index(&s);
}

// One value of a decoded column in plain encoding; false: null.
static bool plain_of(const struct dsi_parquet_field *f,
                     const struct dsi_parquet_column *c, size_t row, uint8_t *boolean,
                     struct ds_slice *out)
{
    size_t width = dsi_parquet_width(f);

    if (c->null_count > 0 && !sample_bit(c->validity.data, row)) {
        return false;
    }
    if (f->physical == DSI_PARQUET_BYTE_ARRAY) {
        const int32_t *o = (const int32_t *)(const void *)c->values.data;
        *out = (struct ds_slice){c->bytes.data + o[row], (size_t)(o[row + 1] - o[row])};
    } else if (f->physical == DSI_PARQUET_BOOLEAN) {
        *boolean = sample_bit(c->values.data, row);
        *out = (struct ds_slice){boolean, 1};
    } else {
        *out = (struct ds_slice){c->values.data + row * width, width};
    }
    return true;
}

// What the pages of one chunk hold must be what its index says. Returns how many bounds
// were looked at.
static size_t check_chunk(const struct dsi_parquet_file *f, struct ds_slice file,
                          size_t group, size_t leaf)
{
    const struct dsi_parquet_chunk *k = &f->row_groups[group].columns[leaf];
    const struct dsi_parquet_field *field = &f->leaves[leaf]->field;
    enum dsi_parquet_order order = dsi_parquet_order_of(field);
    struct ds_slice bytes = {file.data + k->offset, (size_t)k->size};
    struct ds_slice column_index = {file.data + k->column_index_offset,
                                    (size_t)k->column_index_size};
    struct ds_slice offset_index = {file.data + k->offset_index_offset,
                                    (size_t)k->offset_index_size};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_parquet_page_index index;
    dsi_parquet_reader *r = NULL;
    size_t seen = 0;

    assert_int_equal(dsi_parquet_page_index_parse(f->leaves[leaf], k, offset_index,
                                                  column_index, &arena, &index, NULL),
                     DS_OK);
    assert_int_equal(dsi_parquet_reader_new(f->leaves[leaf], k, bytes, NULL, &r, NULL),
                     DS_OK);
    for (size_t i = 0; i < index.page_count; i++) {
        const struct dsi_parquet_page_bounds *b = index.bounds ? &index.bounds[i] : NULL;
        struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
        size_t rows = (size_t)index.places[i].row_count;
        size_t n = 0;
        assert_int_equal(dsi_parquet_reader_read(r, rows, &c, &n, NULL), DS_OK);
        assert_int_equal(n, rows);
        assert_true(!b || b->null_count < 0 || (size_t)b->null_count == c.null_count);
        assert_true(!b || b->all_null == (c.null_count == rows));
        for (size_t row = 0; b && row < rows; row++) {
            struct ds_slice v = {0};
            uint8_t boolean = 0;
            if (!plain_of(field, &c, row, &boolean, &v) || dsi_parquet_is_nan(order, v)) {
                continue;
            }
            assert_true(!b->has_min || dsi_parquet_compare(order, b->min, v) <= 0);
            assert_true(!b->has_max || dsi_parquet_compare(order, b->max, v) >= 0);
        }
        seen += b && b->has_min && b->has_max;
        dsi_parquet_column_release(&c);
    }
    assert_int_equal(dsi_parquet_reader_rows_left(r), 0);
    dsi_parquet_reader_free(r);
    dsi_arena_release(&arena);
    return seen;
}

static void test_parquet_index__is_what_files_of_others_hold(void **state)
{
    static const char *const names[] = {
        "alltypes_tiny_pages",      "alltypes_tiny_pages_plain",
        "int32_with_null_pages",    "data_index_bloom_encoding_stats",
        "fixed_length_byte_array",  "data_index_bloom_encoding_with_length",
        "binary_truncated_min_max", "floating_orders_nan_count"};
    (void)state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct dsi_buf file = DSI_BUF_INIT;
        struct dsi_parquet_file f;
        char path[100];
        size_t seen = 0;
        size_t chunks = 0;
        snprintf(path, sizeof path, "data/%s.parquet", names[i]);
        corpus_load(path, &file);
        assert_int_equal(sample_parse(dsi_buf_slice(&file), &f, NULL), DS_OK);
        for (size_t g = 0; g < f.row_group_count; g++) {
            for (size_t c = 0; c < f.leaf_count; c++) {
                if (f.row_groups[g].columns[c].offset_index_size > 0 &&
                    f.leaves[c]->max_rep == 0) {
                    seen += check_chunk(&f, dsi_buf_slice(&file), g, c);
                    chunks++;
                }
            }
        }
        print_message("%-40s %zu chunks with places, %zu pages with bounds\n", names[i],
                      chunks, seen);
        assert_true(chunks > 0);
        dsi_parquet_file_release(&f);
        dsi_buf_release(&file);
    }
}

static void test_parquet_index__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct index_sample s;
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_parquet_page_index back;
        struct ds_error err = {0};
        fill_index(&s);
        int rc = write_index(&s, &err);
        if (rc == DS_OK) {
            rc = parse_index(&s, &arena, &back, &err);
        }
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        dsi_arena_release(&arena);
        release_index(&s);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_index__reads_what_it_writes),
        cmocka_unit_test(test_parquet_index__leaves_out_what_is_not_known),
        cmocka_unit_test(test_parquet_index__drops_bounds_it_cannot_trust),
        cmocka_unit_test(test_parquet_index__refuses_what_does_not_add_up),
        cmocka_unit_test(test_parquet_index__refuses_indexes_of_different_lengths),
        cmocka_unit_test(test_parquet_index__survives_every_byte_changed),
        cmocka_unit_test(test_parquet_index__is_what_files_of_others_hold),
        cmocka_unit_test(test_parquet_index__survives_every_fault),
    };
    return cmocka_run_group_tests_name("parquet_index", tests, NULL, NULL);
}
