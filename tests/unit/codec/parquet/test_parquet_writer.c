#include "codec/parquet/parquet_write.h"

#include "base/fault.h"
#include "base/thread.h"
#include "codec/parquet/parquet_bloom.h"
#include "codec/parquet/parquet_press.h"
#include "unit/codec/parquet/parquet_nested.h"

#include <math.h>

enum { SEEDS = 40 };

static struct dsi_parquet_write_options options_of(uint64_t seed)
{
    static const enum dsi_compression codecs[] = {
        DSI_COMPRESSION_NONE, DSI_COMPRESSION_ZSTD,    DSI_COMPRESSION_SNAPPY,
        DSI_COMPRESSION_GZIP, DSI_COMPRESSION_LZ4_RAW, DSI_COMPRESSION_BROTLI};
    struct dsi_parquet_write_options o = {.codec = codecs[seed % 6]};

    if (seed % 2) { // Small limits, so that everything ends often.
        o.page_bytes = 700 + seed * 13;
        o.page_rows = seed % 4 == 1 ? 100 + seed : 0;
        o.dictionary_bytes = 500 + seed * 31;
        o.row_group_bytes = 20000 + seed * 1000;
        o.row_group_early = seed % 3 == 0 ? 3000 : 0;
    }
    o.no_dictionary = seed % 7 == 0;
    o.choice = (enum dsi_parquet_choice)(seed % 3);
    if (seed % 5 == 0) { // Everything that may be wished for, with and without.
        static struct dsi_parquet_leaf_options leaves[SAMPLE_LEAVES_MAX];
        for (size_t i = 0; i < SAMPLE_LEAVES_MAX; i++) {
            leaves[i].encode = (enum dsi_parquet_encode)((seed + i) % 5);
            leaves[i].no_dictionary = (seed + i) % 2 == 0;
        }
        o.leaves = leaves;
    }
    return o;
}

static void check_leaf(const struct sample *s, size_t i,
                       const struct dsi_parquet_column *c)
{
    size_t width = dsi_parquet_width(&s->fields[i]);
    const int32_t *want = (const int32_t *)(const void *)s->values[i].data;
    const int32_t *got = (const int32_t *)(const void *)c->values.data;
    size_t nulls = 0;

    assert_int_equal(c->rows, s->rows);
    for (size_t r = 0; r < s->rows; r++) {
        bool valid = sample_bit(s->validity[i].data, r);
        assert_int_equal(valid, c->validity.size == 0 || sample_bit(c->validity.data, r));
        nulls += !valid;
        if (!valid) {
            continue;
        }
        if (s->fields[i].physical == DSI_PARQUET_BOOLEAN) {
            assert_int_equal(sample_bit(s->values[i].data, r),
                             sample_bit(c->values.data, r));
        } else if (width > 0) {
            assert_memory_equal(s->values[i].data + r * width, c->values.data + r * width,
                                width);
        } else {
            size_t size = (size_t)(want[r + 1] - want[r]);
            assert_int_equal(got[r + 1] - got[r], size);
            if (size > 0) {
                assert_memory_equal(s->bytes[i].data + want[r], c->bytes.data + got[r],
                                    size);
            }
        }
    }
    assert_int_equal(nulls, c->null_count);
}

static void check_file(const struct sample *s, struct ds_slice bytes, size_t batch)
{
    struct dsi_parquet_file f;
    struct ds_error err = {0};

    if (sample_parse(bytes, &f, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(f.row_count, s->rows);
    assert_int_equal(f.leaf_count, s->leaf_count);
    for (size_t i = 0; i < s->leaf_count; i++) {
        struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
        assert_int_equal(f.leaves[i]->field.field_id, i + 1);
        if (sample_read(&f, bytes, i, batch, &c, &err) < 0) {
            fail_msg("%s", err.message);
        }
        check_leaf(s, i, &c);
        dsi_parquet_column_release(&c);
    }
    dsi_parquet_file_release(&f);
}

static void test_parquet_writer__reads_back_what_it_wrote(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct dsi_parquet_write_options o = options_of(seed);
        struct dsi_buf file = DSI_BUF_INIT;
        struct ds_error err = {0};
        struct sample s;
        print_message("  seed %u\n", (unsigned)seed);
        sample_init(&s, seed, seed * seed * 3 % 3001);
        if (sample_write(&s, &o, 500, &file, &err) < 0) {
            fail_msg("%s", err.message);
        }
        check_file(&s, dsi_buf_slice(&file), 1 + (size_t)seed * 37);
        check_page_indexes(dsi_buf_slice(&file));
        dsi_buf_release(&file);
        sample_release(&s);
    }
}

static void test_parquet_writer__gives_the_same_bytes_for_any_cut(void **state)
{
    static const size_t cuts[] = {1, 3, 64, 257, 100000};
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct dsi_parquet_write_options o = options_of(seed);
        struct dsi_buf first = DSI_BUF_INIT;
        struct sample s;
        sample_init(&s, seed, 1500);
        for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
            struct dsi_buf file = DSI_BUF_INIT;
            assert_int_equal(sample_write(&s, &o, cuts[i], &file, NULL), DS_OK);
            if (i == 0) {
                first = file;
                continue;
            }
            if (file.size != first.size ||
                memcmp(file.data, first.data, file.size) != 0) {
                fail_msg("seed %u: batches of %zu rows give another file", (unsigned)seed,
                         cuts[i]);
            }
            dsi_buf_release(&file);
        }
        dsi_buf_release(&first);
        sample_release(&s);
    }
}

static int one_core(void)
{
    return 1;
}

static void test_parquet_writer__gives_the_same_bytes_with_a_second_thread(void **state)
{
    static const struct dsi_thread_ops alone = {.cores = one_core};
    size_t size = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct dsi_parquet_write_options o = options_of(seed * 2);
        struct dsi_buf first = DSI_BUF_INIT;
        struct dsi_buf second = DSI_BUF_INIT;
        struct sample s;
        o.codec = seed % 2 ? DSI_COMPRESSION_ZSTD : DSI_COMPRESSION_SNAPPY;
        o.no_dictionary = true;
        o.choice = DSI_PARQUET_CHOICE_PLAIN;
        o.row_group_bytes = (size_t)700000 << seed % 3;
        o.row_group_early = seed > 3 ? 100000 : 0;
        o.page_rows = 1000;
        sample_init(&s, seed, 100000);
        dsi_thread_set(&alone);
        assert_int_equal(sample_write(&s, &o, 16384, &first, NULL), DS_OK);
        dsi_thread_set(NULL);
        assert_int_equal(sample_write(&s, &o, 5000, &second, NULL), DS_OK);
        if (second.size != first.size ||
            memcmp(second.data, first.data, first.size) != 0) {
            fail_msg("seed %u: a second thread gives another file", (unsigned)seed);
        }
        size += first.size;
        dsi_buf_release(&first);
        dsi_buf_release(&second);
        sample_release(&s);
    }
    assert_true(size > 1 << 20); // Where no second thread is begun nothing is shown.
}

static void test_parquet_writer__gives_the_same_bytes_for_any_cut_of_lists(void **state)
{
    static const size_t cuts[] = {1, 5, 64, 100000};
    (void)state;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct dsi_parquet_write_options o = options_of(seed);
        struct dsi_buf first = DSI_BUF_INIT;
        struct nested n;
        nested_init(&n, seed, 900, 1 + seed % 9);
        for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
            struct dsi_buf file = DSI_BUF_INIT;
            struct ds_error err = {0};
            if (nested_write(&n, &o, cuts[i], &file, &err) < 0) {
                fail_msg("seed %u: %s", (unsigned)seed, err.message);
            }
            if (i == 0) {
                first = file;
                check_page_indexes(dsi_buf_slice(&file));
                nested_check(&n, dsi_buf_slice(&file), 1 + (size_t)seed * 37);
                continue;
            }
            if (file.size != first.size ||
                memcmp(file.data, first.data, file.size) != 0) {
                fail_msg("seed %u: batches of %zu rows give another file", (unsigned)seed,
                         cuts[i]);
            }
            dsi_buf_release(&file);
        }
        dsi_buf_release(&first);
        nested_release(&n);
    }
}

// Writes one column of one batch and parses what comes out.
static void write_one(const struct dsi_parquet_field *f,
                      const struct dsi_parquet_input *in, size_t rows,
                      struct dsi_buf *file, struct dsi_parquet_file *parsed)
{
    dsi_parquet_writer *w = NULL;
    struct ds_error err = {0};

    assert_int_equal(dsi_parquet_writer_new(f, 1, NULL, &w, &err), DS_OK);
    dsi_parquet_writer_output(w, sample_sink, file);
    assert_int_equal(dsi_parquet_writer_write(w, in, rows, &err), DS_OK);
    assert_int_equal(dsi_parquet_writer_finish(w, NULL, &err), DS_OK);
    dsi_parquet_writer_free(w);
    assert_int_equal(sample_parse(dsi_buf_slice(file), parsed, &err), DS_OK);
}

// Writes so many values of which so many differ, as one column, and parses the file.
static void write_values(const struct dsi_parquet_write_options *o, size_t rows,
                         uint64_t distinct, struct dsi_buf *file,
                         struct dsi_parquet_file *parsed)
{
    const struct dsi_parquet_field f = {
        .name = "x", .field_id = 1, .physical = DSI_PARQUET_INT64};
    uint64_t *values = calloc(rows, sizeof *values);
    const struct dsi_parquet_input in = {.values = values};
    dsi_parquet_writer *w = NULL;
    struct ds_error err = {0};

    assert_non_null(values);
    for (size_t i = 0; i < rows; i++) {
        values[i] = ((i * 7919) % distinct + 1) * 0x9e3779b97f4a7c15u;
    }
    assert_int_equal(dsi_parquet_writer_new(&f, 1, o, &w, &err), DS_OK);
    dsi_parquet_writer_output(w, sample_sink, file);
    assert_int_equal(dsi_parquet_writer_write(w, &in, rows, &err), DS_OK);
    assert_int_equal(dsi_parquet_writer_finish(w, NULL, &err), DS_OK);
    dsi_parquet_writer_free(w);
    assert_int_equal(sample_parse(dsi_buf_slice(file), parsed, &err), DS_OK);
    free(values);
}

static void test_parquet_writer__ends_row_groups_early_as_the_file_grows(void **state)
{
    enum { ROWS = 200000, EARLY = 150000 };
    const struct dsi_parquet_write_options o = {
        .page_rows = 1000, .row_group_early = EARLY, .choice = DSI_PARQUET_CHOICE_PLAIN};
    struct dsi_buf file = DSI_BUF_INIT;
    struct dsi_parquet_file f;
    (void)state;

    write_values(&o, ROWS, ROWS, &file, &f);
    assert_in_range(f.row_group_count, 6, 12); // 1.6 MB: some of 150 KB, then larger.
    for (size_t i = 0; i + 1 < f.row_group_count; i++) {
        const struct dsi_parquet_row_group *g = &f.row_groups[i];
        const struct dsi_parquet_row_group *next = &f.row_groups[i + 1];
        int64_t size = next->offset - g->offset;
        int64_t least = g->offset / 4 > EARLY ? g->offset / 4 : EARLY;
        assert_int_equal(g->row_count % 1000, 0);
        // Pages of 8 KB, of which the last ones are not counted yet.
        assert_true(size >= least && size < least + (DSI_PARQUET_SHEETS + 2) * 8 * 1000);
    }
    dsi_parquet_file_release(&f);
    dsi_buf_release(&file);
}

static void test_parquet_writer__ends_no_row_group_early_where_that_costs(void **state)
{
    enum { ROWS = 380000 };
    static const struct dsi_parquet_leaf_options large = {
        .bloom_filter = true, .bloom_distinct = ROWS, .no_dictionary = true};
    struct dsi_parquet_write_options o = {.page_rows = 1000, .row_group_early = 1000};
    struct dsi_buf file = DSI_BUF_INIT;
    struct dsi_parquet_file f;
    (void)state;

    write_values(&o, ROWS, 700, &file, &f); // A dictionary of 5,600 bytes …
    assert_int_equal(f.row_group_count,
                     1); // … and 475 KB of indices: less than 64 times.
    dsi_parquet_file_release(&f);
    file.size = 0;
    write_values(&o, ROWS, 7, &file, &f);
    assert_true(f.row_group_count > 1);
    dsi_parquet_file_release(&f);
    file.size = 0;
    o.leaves = &large; // A filter as large as wished for.
    write_values(&o, ROWS, ROWS, &file, &f);
    assert_int_equal(f.row_group_count, 1);
    dsi_parquet_file_release(&f);
    dsi_buf_release(&file);
}

static void test_parquet_writer__makes_bloom_filters_of_all_values(void **state)
{
    (void)state;

    for (int dictionary = 0; dictionary < 2; dictionary++) {
        enum { COUNT = 5000 };
        static int64_t values[COUNT];
        const struct dsi_parquet_leaf_options leaf = {.bloom_filter = true,
                                                      .no_dictionary = dictionary == 0};
        const struct dsi_parquet_write_options o = {
            .leaves = &leaf, .row_group_rows = 3000, .page_rows = 1000};
        const struct dsi_parquet_field f = {.name = "x", .physical = DSI_PARQUET_INT64};
        const struct dsi_parquet_input in = {.values = values};
        struct dsi_buf file = DSI_BUF_INIT;
        struct dsi_parquet_file parsed;
        dsi_parquet_writer *w = NULL;
        for (int64_t i = 0; i < COUNT; i++) {
            values[i] = i % 1500 * 1000003;
        }
        assert_int_equal(dsi_parquet_writer_new(&f, 1, &o, &w, NULL), DS_OK);
        dsi_parquet_writer_output(w, sample_sink, &file);
        assert_int_equal(dsi_parquet_writer_write(w, &in, COUNT, NULL), DS_OK);
        assert_int_equal(dsi_parquet_writer_finish(w, NULL, NULL), DS_OK);
        dsi_parquet_writer_free(w);
        check_page_indexes(dsi_buf_slice(&file));
        assert_int_equal(sample_parse(dsi_buf_slice(&file), &parsed, NULL), DS_OK);
        assert_int_equal(parsed.row_group_count, 2);
        for (size_t g = 0; g < 2; g++) {
            const struct dsi_parquet_chunk *c = &parsed.row_groups[g].columns[0];
            struct dsi_parquet_bloom b;
            assert_int_equal(dsi_parquet_bloom_parse(part_of(dsi_buf_slice(&file),
                                                             c->bloom_filter_offset,
                                                             c->bloom_filter_size),
                                                     &b, NULL),
                             DS_OK);
            assert_true(b.size <= 4096); // Of 1,500 values.
            assert_int_equal(c->bloom_filter_offset, c->offset + c->size);
            size_t wrong = 0;
            for (int64_t i = 0; i < 3000; i++) {
                int64_t v = i * 1000003;
                bool has = dsi_parquet_bloom_has(
                    &b, dsi_parquet_bloom_hash((struct ds_slice){(uint8_t *)&v, 8}));
                assert_true(has || i >= 1500);
                wrong += has && i >= 1500;
            }
            assert_true(wrong < 60);
            dsi_parquet_bloom_release(&b);
        }
        dsi_parquet_file_release(&parsed);
        dsi_buf_release(&file);
    }
}

static void test_parquet_writer__leaves_nan_out_of_bounds_and_widens_zeros(void **state)
{
    static const double values[] = {NAN, 0.0, NAN};
    static const double minus = -0.0;
    const struct dsi_parquet_field f = {.name = "x", .physical = DSI_PARQUET_DOUBLE};
    const struct dsi_parquet_input in = {.values = values};
    struct dsi_buf file = DSI_BUF_INIT;
    struct dsi_parquet_file parsed;
    (void)state;

    write_one(&f, &in, 3, &file, &parsed);
    const struct dsi_parquet_statistics *s = &parsed.row_groups[0].columns[0].statistics;
    assert_int_equal(s->nan_count, 2);
    assert_int_equal(s->null_count, 0);
    assert_true(s->has_min && s->has_max);
    assert_memory_equal(s->min.data, &minus, sizeof minus);
    assert_memory_equal(s->max.data, &values[1], sizeof values[1]);
    dsi_parquet_file_release(&parsed);
    dsi_buf_release(&file);
}

static void test_parquet_writer__cuts_long_bounds_so_that_they_still_bound(void **state)
{
    // 63 letters and then a character of two bytes, which the limit would split.
    char text[80];
    int32_t offsets[] = {0, 75};
    const struct dsi_parquet_field f = {.name = "x",
                                        .physical = DSI_PARQUET_BYTE_ARRAY,
                                        .logical.kind = DSI_PARQUET_LOGICAL_STRING};
    const struct dsi_parquet_input in = {.offsets = offsets,
                                         .bytes = (const uint8_t *)text};
    struct dsi_buf file = DSI_BUF_INIT;
    struct dsi_parquet_file parsed;
    (void)state;

    memset(text, 'a', sizeof text);
    text[63] = (char)0xc3;
    text[64] = (char)0xa4;
    write_one(&f, &in, 1, &file, &parsed);
    const struct dsi_parquet_statistics *s = &parsed.row_groups[0].columns[0].statistics;
    assert_true(s->has_min && s->has_max && !s->min_exact && !s->max_exact);
    assert_int_equal(s->min.size, 63);
    assert_memory_equal(s->min.data, text, 63);
    assert_int_equal(s->max.size, 63);
    assert_int_equal(s->max.data[62], 'b');
    dsi_parquet_file_release(&parsed);
    dsi_buf_release(&file);
}

static void test_parquet_writer__orders_decimals_by_value(void **state)
{
    static const uint8_t values[] = {0xff, 0x01, 0x00, 0x05, 0x80, 0x00, 0x7f, 0xff};
    const struct dsi_parquet_field f = {
        .name = "x",
        .physical = DSI_PARQUET_FIXED,
        .type_length = 2,
        .logical = {.kind = DSI_PARQUET_LOGICAL_DECIMAL, .precision = 4, .scale = 1}};
    const struct dsi_parquet_input in = {.values = values};
    struct dsi_buf file = DSI_BUF_INIT;
    struct dsi_parquet_file parsed;
    (void)state;

    write_one(&f, &in, 4, &file, &parsed);
    const struct dsi_parquet_statistics *s = &parsed.row_groups[0].columns[0].statistics;
    assert_memory_equal(s->min.data, values + 4, 2);
    assert_memory_equal(s->max.data, values + 6, 2);
    dsi_parquet_file_release(&parsed);
    dsi_buf_release(&file);
}

static void test_parquet_writer__sums_up_for_metrics(void **state)
{
    static const float values[] = {1.5f, -0.0f, 0.0f, NAN, 9.0f};
    static const uint8_t validity[] = {0x0f};
    const struct dsi_parquet_field f = {
        .name = "x", .repetition = DSI_PARQUET_OPTIONAL, .physical = DSI_PARQUET_FLOAT};
    const struct dsi_parquet_input in = {.values = values, .validity = validity};
    const struct dsi_parquet_write_options o = {.row_group_rows = 2};
    const struct dsi_parquet_summary *sum = NULL;
    struct dsi_buf file = DSI_BUF_INIT;
    dsi_parquet_writer *w = NULL;
    (void)state;

    assert_int_equal(dsi_parquet_writer_new(&f, 1, &o, &w, NULL), DS_OK);
    dsi_parquet_writer_output(w, sample_sink, &file);
    assert_int_equal(dsi_parquet_writer_write(w, &in, 5, NULL), DS_OK);
    assert_int_equal(dsi_parquet_writer_finish(w, &sum, NULL), DS_OK);
    assert_int_equal(sum->row_count, 5);
    assert_int_equal(sum->file_size, file.size);
    assert_int_equal(sum->split_count, 3);
    assert_int_equal(sum->split_offsets[0], 4);
    assert_int_equal(sum->columns[0].value_count, 5);
    assert_int_equal(sum->columns[0].null_count, 1);
    assert_int_equal(sum->columns[0].nan_count, 1);
    assert_true(sum->columns[0].has_bounds);
    assert_true(signbit(sum->columns[0].min.as.f32) != 0);
    assert_true(sum->columns[0].max.as.f32 == 1.5f);
    dsi_parquet_writer_free(w);
    dsi_buf_release(&file);
}

static void test_parquet_writer__refuses_nulls_where_none_may_be(void **state)
{
    static const int32_t values[] = {1, 2, 3};
    static const uint8_t validity[] = {0x05};
    const struct dsi_parquet_field f = {.name = "x", .physical = DSI_PARQUET_INT32};
    const struct dsi_parquet_input in = {.values = values, .validity = validity};
    struct dsi_buf file = DSI_BUF_INIT;
    struct ds_error err = {0};
    dsi_parquet_writer *w = NULL;
    (void)state;

    assert_int_equal(dsi_parquet_writer_new(&f, 1, NULL, &w, &err), DS_OK);
    dsi_parquet_writer_output(w, sample_sink, &file);
    assert_int_equal(dsi_parquet_writer_write(w, &in, 3, &err), DS_EINVALID);
    assert_string_equal(err.message, "column x: a null in a required column in row 1");
    assert_int_equal(dsi_parquet_writer_finish(w, NULL, &err), DS_EINVALID);
    dsi_parquet_writer_free(w);
    dsi_buf_release(&file);
}

static void test_parquet_writer__refuses_types_that_do_not_fit(void **state)
{
    const struct dsi_parquet_field f = {
        .name = "x",
        .physical = DSI_PARQUET_INT32,
        .logical = {.kind = DSI_PARQUET_LOGICAL_DECIMAL, .precision = 10, .scale = 1}};
    dsi_parquet_writer *w = NULL;
    (void)state;

    assert_int_equal(dsi_parquet_writer_new(&f, 1, NULL, &w, NULL), DS_EINVALID);
    assert_null(w);
}

// Who only asks is told what who writes would be, word for word.
static void test_parquet_writer__is_checked_as_it_is_made(void **state)
{
    const struct dsi_parquet_sorting by_second = {.leaf = 1};
    const struct dsi_parquet_leaf_options always = {.bloom_fpp = 1};
    const struct dsi_parquet_field decimal = {
        .name = "x",
        .physical = DSI_PARQUET_INT32,
        .logical = {.kind = DSI_PARQUET_LOGICAL_DECIMAL, .precision = 10, .scale = 1}};
    const struct dsi_parquet_field plain = {.name = "x", .physical = DSI_PARQUET_INT32};
    const struct dsi_parquet_field childless = {.name = "x", .child_count = 1};
    const struct {
        const struct dsi_parquet_field *field;
        struct dsi_parquet_write_options options;
        int rc;
    } cases[] = {
        {&plain, {0}, DS_OK},
        {&decimal, {0}, DS_EINVALID},
        {&childless, {0}, DS_EINVALID},
        {&plain, {.codec = DSI_COMPRESSION_DEFLATE}, DS_EINVALID},
        {&plain, {.page_rows = SIZE_MAX}, DS_EINVALID},
        {&plain, {.sorting = &by_second, .sorting_count = 1}, DS_EINVALID},
        {&plain, {.leaves = &always}, DS_EINVALID},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ds_error made = {0};
        struct ds_error checked = {0};
        dsi_parquet_writer *w = NULL;
        assert_int_equal(
            dsi_parquet_writer_new(cases[i].field, 1, &cases[i].options, &w, &made),
            cases[i].rc);
        assert_int_equal(
            dsi_parquet_writer_check(cases[i].field, 1, &cases[i].options, &checked),
            cases[i].rc);
        assert_string_equal(made.message, checked.message);
        dsi_parquet_writer_free(w);
    }
}

static void test_parquet_writer__refuses_levels_that_make_no_rows(void **state)
{
    static const int32_t values[] = {1, 2, 3};
    static const struct {
        struct dsi_parquet_input in;
        const char *message;
    } cases[] = {
        {{.values = values},
         "column x: repetition levels that are missing, or no definition levels beside "
         "them"},
        {{.defs = (const uint8_t *)"\1\2\1", .reps = (const uint8_t *)"\0\0\0"},
         "column x: a definition level above its maximum in row 1"},
        {{.defs = (const uint8_t *)"\1\1\1", .reps = (const uint8_t *)"\0\0\2"},
         "column x: a repetition level above its maximum in row 1"},
        {{.defs = (const uint8_t *)"\1\1\1", .reps = (const uint8_t *)"\1\0\0"},
         "column x: a repetition level above 0 begins row 0"},
        {{.defs = (const uint8_t *)"\1\0\1", .reps = (const uint8_t *)"\0\0\1"},
         "column x: a repetition level inside a list that has no entries in row 1"},
        {{.defs = (const uint8_t *)"\1\1\1", .reps = (const uint8_t *)"\0\1\1"},
         "column x: no slots are left for row 1"},
        {{.defs = (const uint8_t *)"\0\0\0", .reps = (const uint8_t *)"\0\0\0"},
         "column x: 1 slots are left after row 1"},
    };
    const struct dsi_parquet_field f = {
        .name = "x", .physical = DSI_PARQUET_INT32, .repetition = DSI_PARQUET_REPEATED};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dsi_parquet_input in = cases[i].in;
        struct dsi_buf file = DSI_BUF_INIT;
        struct ds_error err = {0};
        dsi_parquet_writer *w = NULL;
        in.values = values;
        in.slots = 3;
        assert_int_equal(dsi_parquet_writer_new(&f, 1, NULL, &w, &err), DS_OK);
        dsi_parquet_writer_output(w, sample_sink, &file);
        assert_int_equal(dsi_parquet_writer_write(w, &in, 2, &err), DS_EINVALID);
        assert_string_equal(err.message, cases[i].message);
        dsi_parquet_writer_free(w);
        dsi_buf_release(&file);
    }
}

static void test_parquet_writer__writes_a_file_without_rows(void **state)
{
    struct dsi_buf file = DSI_BUF_INIT;
    struct sample s;
    (void)state;

    sample_init(&s, 3, 0);
    assert_int_equal(sample_write(&s, NULL, 1, &file, NULL), DS_OK);
    check_file(&s, dsi_buf_slice(&file), 1);
    dsi_buf_release(&file);
    sample_release(&s);
}

static void test_parquet_writer__survives_every_fault_with_lists(void **state)
{
    struct dsi_parquet_write_options o = options_of(17);
    struct dsi_fault_plan plan = {0};
    struct nested n;
    (void)state;

    nested_init(&n, 11, 300, 3);
    while (dsi_fault_next(&plan)) {
        struct dsi_buf file = DSI_BUF_INIT;
        struct ds_error err = {0};
        int rc = nested_write(&n, &o, 100, &file, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK || err.message[0] != '\0');
        assert_true((rc == DS_OK) == (plan.name == NULL));
        if (rc == DS_OK) {
            nested_check(&n, dsi_buf_slice(&file), 100);
        }
        dsi_buf_release(&file);
    }
    assert_true(plan.target > 20);
    nested_release(&n);
}

static void test_parquet_writer__survives_every_fault(void **state)
{
    struct dsi_parquet_write_options o = options_of(5);
    struct dsi_fault_plan plan = {0};
    struct sample s;
    (void)state;

    o.codec = DSI_COMPRESSION_NONE;
    sample_init(&s, 11, 700);
    while (dsi_fault_next(&plan)) {
        struct dsi_buf file = DSI_BUF_INIT;
        struct ds_error err = {0};
        int rc = sample_write(&s, &o, 300, &file, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK || err.message[0] != '\0');
        assert_true((rc == DS_OK) == (plan.name == NULL));
        if (rc == DS_OK) {
            check_file(&s, dsi_buf_slice(&file), 100);
        }
        dsi_buf_release(&file);
    }
    assert_true(plan.target > 20);
    sample_release(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_writer__reads_back_what_it_wrote),
        cmocka_unit_test(test_parquet_writer__gives_the_same_bytes_for_any_cut),
        cmocka_unit_test(test_parquet_writer__gives_the_same_bytes_with_a_second_thread),
        cmocka_unit_test(test_parquet_writer__gives_the_same_bytes_for_any_cut_of_lists),
        cmocka_unit_test(test_parquet_writer__ends_row_groups_early_as_the_file_grows),
        cmocka_unit_test(test_parquet_writer__ends_no_row_group_early_where_that_costs),
        cmocka_unit_test(test_parquet_writer__makes_bloom_filters_of_all_values),
        cmocka_unit_test(test_parquet_writer__leaves_nan_out_of_bounds_and_widens_zeros),
        cmocka_unit_test(test_parquet_writer__cuts_long_bounds_so_that_they_still_bound),
        cmocka_unit_test(test_parquet_writer__orders_decimals_by_value),
        cmocka_unit_test(test_parquet_writer__sums_up_for_metrics),
        cmocka_unit_test(test_parquet_writer__refuses_nulls_where_none_may_be),
        cmocka_unit_test(test_parquet_writer__refuses_types_that_do_not_fit),
        cmocka_unit_test(test_parquet_writer__is_checked_as_it_is_made),
        cmocka_unit_test(test_parquet_writer__refuses_levels_that_make_no_rows),
        cmocka_unit_test(test_parquet_writer__writes_a_file_without_rows),
        cmocka_unit_test(test_parquet_writer__survives_every_fault),
        cmocka_unit_test(test_parquet_writer__survives_every_fault_with_lists),
    };
    return cmocka_run_group_tests_name("parquet_writer", tests, NULL, NULL);
}
