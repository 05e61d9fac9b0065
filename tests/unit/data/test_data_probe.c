#include "data/data_probe.h"

#include "base/fault.h"
#include "base/text.h"
#include "unit/codec/parquet/parquet_corpus.h"
#include "unit/data/passing.h"

static enum dsi_stored stored(struct dsi_parquet_field field, const struct dsi_type *type,
                              const struct dsi_value *v, struct dsi_buf *out)
{
    struct dsi_parquet_node leaf = {.field = field};
    leaf.field.name = "x";
    return dsi_data_stored_value(&leaf, type, v, out);
}

#define FIELD(...)                                                                       \
    (struct dsi_parquet_field)                                                           \
    {                                                                                    \
        __VA_ARGS__                                                                      \
    }

static void test_data_probe__knows_how_values_are_stored(void **state)
{
    const struct dsi_type int_type = {.kind = DSI_TYPE_INT};
    const struct dsi_type long_type = {.kind = DSI_TYPE_LONG};
    const struct dsi_type text = {.kind = DSI_TYPE_STRING};
    const struct dsi_type decimal = {
        .kind = DSI_TYPE_DECIMAL, .precision = 9, .scale = 2};
    const struct dsi_parquet_field i32 = FIELD(.physical = DSI_PARQUET_INT32);
    const struct dsi_parquet_field i64 = FIELD(.physical = DSI_PARQUET_INT64);
    const struct dsi_parquet_field fixed =
        FIELD(.physical = DSI_PARQUET_FIXED, .type_length = 3,
              .logical = {DSI_PARQUET_LOGICAL_DECIMAL, .precision = 6, .scale = 2});
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_value v = {.kind = DSI_TYPE_INT, .as.i32 = -2};
    (void)state;

    assert_int_equal(stored(i32, &int_type, &v, &out), DSI_STORED_ONE);
    assert_int_equal(out.size, 4);
    assert_memory_equal(out.data, "\xfe\xff\xff\xff", 4);
    v = (struct dsi_value){.kind = DSI_TYPE_LONG, .as.i64 = 0x0102};
    assert_int_equal(stored(i64, &long_type, &v, &out), DSI_STORED_ONE);
    assert_memory_equal(out.data, "\x02\x01\0\0\0\0\0\0", 8);
    // Promoted since: the file's column has 32 bits.
    assert_int_equal(stored(i32, &long_type, &v, &out), DSI_STORED_ONE);
    assert_int_equal(out.size, 4);
    v.as.i64 = (int64_t)1 << 40;
    assert_int_equal(stored(i32, &long_type, &v, &out), DSI_STORED_NEVER);
    v = (struct dsi_value){.kind = DSI_TYPE_STRING, .as.bytes = dsi_slice_text("abc")};
    assert_int_equal(stored(FIELD(.physical = DSI_PARQUET_BYTE_ARRAY,
                                  .logical.kind = DSI_PARQUET_LOGICAL_STRING),
                            &text, &v, &out),
                     DSI_STORED_ONE);
    assert_int_equal(out.size, 3);
    v = (struct dsi_value){.kind = DSI_TYPE_DECIMAL, .as.decimal = -300};
    assert_int_equal(stored(fixed, &decimal, &v, &out), DSI_STORED_ONE);
    assert_memory_equal(out.data, "\xff\xfe\xd4", 3);
    v.as.decimal = 1 << 23;
    assert_int_equal(stored(fixed, &decimal, &v, &out), DSI_STORED_NEVER);
    v.as.decimal = -(1 << 23);
    assert_int_equal(stored(fixed, &decimal, &v, &out), DSI_STORED_ONE);
    dsi_buf_release(&out);
}

static void test_data_probe__does_not_guess(void **state)
{
    const struct dsi_type double_type = {.kind = DSI_TYPE_DOUBLE};
    const struct dsi_type time = {.kind = DSI_TYPE_TIMESTAMP};
    const struct dsi_type long_type = {.kind = DSI_TYPE_LONG};
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_value v = {.kind = DSI_TYPE_DOUBLE, .as.f64 = -0.0};
    (void)state;

    // Two zeros are equal.
    assert_int_equal(
        stored(FIELD(.physical = DSI_PARQUET_DOUBLE), &double_type, &v, &out),
        DSI_STORED_MANY);
    v.as.f64 = 1.5;
    assert_int_equal(
        stored(FIELD(.physical = DSI_PARQUET_DOUBLE), &double_type, &v, &out),
        DSI_STORED_ONE);
    assert_int_equal(stored(FIELD(.physical = DSI_PARQUET_FLOAT), &double_type, &v, &out),
                     DSI_STORED_MANY);
    v = (struct dsi_value){.kind = DSI_TYPE_TIMESTAMP, .as.i64 = 5000};
    assert_int_equal(stored(FIELD(.physical = DSI_PARQUET_INT64,
                                  .logical = {DSI_PARQUET_LOGICAL_TIMESTAMP,
                                              .unit = DSI_PARQUET_MILLIS}),
                            &time, &v, &out),
                     DSI_STORED_MANY);
    v = (struct dsi_value){.kind = DSI_TYPE_LONG, .as.i64 = 3000000000};
    assert_int_equal(
        stored(FIELD(.physical = DSI_PARQUET_INT32,
                     .logical = {DSI_PARQUET_LOGICAL_INTEGER, .bit_width = 32}),
               &long_type, &v, &out),
        DSI_STORED_MANY);
    v = DSI_VALUE_NULL;
    assert_int_equal(stored(FIELD(.physical = DSI_PARQUET_INT64), &long_type, &v, &out),
                     DSI_STORED_MANY);
    dsi_buf_release(&out);
}

struct asked {
    const char *text;
    bool faulty; // Memory may fail: then it is not known.
};

static enum dsi_match ask(const void *arg, dsi_data_has_fn has, void *has_arg)
{
    const struct asked *a = arg;
    struct dsi_value v = {.kind = DSI_TYPE_STRING, .as.bytes = dsi_slice_text(a->text)};
    bool first = has(has_arg, 1, &v);
    assert_true(first == has(has_arg, 1, &v) || a->faulty);
    assert_true(has(has_arg, 77, &v)); // No such column: nothing is known.
    return first ? DSI_MATCH_SOME : DSI_MATCH_NONE;
}

// The file's strings are "Hello", "This is", "a", "test", "How", "are you", "doing ",
// "today", "the quick", … and its Bloom filter is parquet-mr's.
static void find_in(const char *name)
{
    static const struct dsi_field field =
        ROWS_FIELD(1, "String", false, .kind = DSI_TYPE_STRING);
    struct dsi_schema schema = rows_schema(&field, 1);
    struct asked asked = {"Hello", false};
    struct dsi_data_filter filter = {
        .arg = &asked, .ids = &field.id, .id_count = 1, .probe = ask};
    struct passing p = {.file = files_data_file(PASSING_PLACE)};
    struct dsi_data_reader_options options = {
        .file = &p.file, .schema = &schema, .filter = &filter};
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct passing_open o;
    enum dsi_match m = DSI_MATCH_ALL;

    corpus_load(name, &bytes);
    assert_int_equal(dsi_storage_mem_new(&p.storage, NULL), DS_OK);
    assert_int_equal(
        dsi_storage_put(p.storage, PASSING_PLACE, dsi_buf_slice(&bytes), 0, NULL), DS_OK);
    dsi_buf_release(&bytes);
    assert_int_equal(passing_open(&p, &options, &o, NULL), DS_OK);
    dsi_data_columns_begin(&o.columns, &o.parquet.row_groups[0], 0);
    assert_int_equal(dsi_data_probe(&o.columns, &filter, &m, NULL), DS_OK);
    assert_int_equal(m, DSI_MATCH_SOME);
    asked.text = "Hell";
    assert_int_equal(dsi_data_probe(&o.columns, &filter, &m, NULL), DS_OK);
    assert_int_equal(m, DSI_MATCH_NONE);
    passing_close(&o);
    dsi_storage_free(p.storage);
}

static void test_data_probe__asks_bloom_filters_of_other_writers(void **state)
{
    (void)state;
    find_in("data/data_index_bloom_encoding_stats.parquet");
    find_in("data/data_index_bloom_encoding_with_length.parquet");
}

// Writes rows that are one of five words, or null.
static void write_words(struct passing *p, const struct dsi_schema *schema)
{
    struct dsi_batch_builder *builder = NULL;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_data_writer *w = NULL;
    struct dsi_data_file written;
    struct dsi_batch b;

    *p = (struct passing){.file = files_data_file(PASSING_PLACE)};
    assert_int_equal(dsi_storage_mem_new(&p->storage, NULL), DS_OK);
    assert_int_equal(dsi_batch_builder_new(schema, &builder, NULL), DS_OK);
    for (int i = 0; i < 500; i++) {
        char word[40];
        snprintf(word, sizeof word, "word number %d", i % 6 * 2);
        struct dsi_value v = {.kind = DSI_TYPE_STRING, .as.bytes = dsi_slice_text(word)};
        v = i % 6 == 5 ? DSI_VALUE_NULL : v;
        assert_int_equal(dsi_batch_builder_set(builder, 0, &v, NULL), DS_OK);
        assert_int_equal(dsi_batch_builder_end_row(builder, NULL), DS_OK);
    }
    assert_int_equal(dsi_batch_builder_take(builder, &b, NULL), DS_OK);
    struct dsi_data_writer_options options = {
        .storage = p->storage, .location = PASSING_PLACE, .schema = schema};
    assert_int_equal(dsi_data_writer_open(&options, &w, NULL), DS_OK);
    assert_int_equal(dsi_data_writer_append(w, &b, 0, b.rows, NULL), DS_OK);
    assert_int_equal(dsi_data_writer_finish(w, &arena, &written, NULL), DS_OK);
    dsi_data_writer_close(w);
    dsi_batch_release(&b);
    dsi_batch_builder_free(builder);
    dsi_arena_release(&arena);
}

static void test_data_probe__looks_into_whole_dictionaries(void **state)
{
    static const struct dsi_field field =
        ROWS_FIELD(1, "s", false, .kind = DSI_TYPE_STRING);
    struct dsi_schema schema = rows_schema(&field, 1);
    struct asked asked = {NULL, false};
    struct dsi_data_filter filter = {
        .arg = &asked, .ids = &field.id, .id_count = 1, .probe = ask};
    struct dsi_fault_plan plan = {0};
    struct passing p;
    (void)state;

    write_words(&p, &schema);
    struct dsi_data_reader_options options = {
        .file = &p.file, .schema = &schema, .filter = &filter};
    for (int i = 0; i < 12; i++) {
        struct passing_open o;
        enum dsi_match m = DSI_MATCH_ALL;
        char word[40];
        snprintf(word, sizeof word, "word number %d", i);
        asked.text = word;
        assert_int_equal(passing_open(&p, &options, &o, NULL), DS_OK);
        assert_true(o.parquet.row_groups[0].columns[0].all_indexed);
        dsi_data_columns_begin(&o.columns, &o.parquet.row_groups[0], 0);
        assert_int_equal(dsi_data_probe(&o.columns, &filter, &m, NULL), DS_OK);
        assert_int_equal(m, i % 2 == 0 && i < 10 ? DSI_MATCH_SOME : DSI_MATCH_NONE);
        passing_close(&o);
    }
    asked = (struct asked){"word number 3", true};
    while (dsi_fault_next(&plan)) {
        struct passing_open o;
        struct ds_error err = {0};
        enum dsi_match m = DSI_MATCH_ALL;
        int rc = passing_open(&p, &options, &o, &err);
        if (rc == DS_OK) {
            dsi_data_columns_begin(&o.columns, &o.parquet.row_groups[0], 0);
            rc = dsi_data_probe(&o.columns, &filter, &m, &err);
        }
        dsi_fault_stop();
        assert_true(rc == DS_OK || err.message[0] != '\0');
        assert_true(rc == DS_OK || m != DSI_MATCH_NONE);
        passing_close(&o);
    }
    dsi_storage_free(p.storage);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_probe__knows_how_values_are_stored),
        cmocka_unit_test(test_data_probe__does_not_guess),
        cmocka_unit_test(test_data_probe__asks_bloom_filters_of_other_writers),
        cmocka_unit_test(test_data_probe__looks_into_whole_dictionaries),
    };
    return cmocka_run_group_tests_name("data_probe", tests, NULL, NULL);
}
