#include "codec/parquet/parquet_bloom.h"

#include "base/fault.h"
#include "unit/codec/parquet/parquet_corpus.h"

static uint64_t hash_of(uint64_t v)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++) {
        bytes[i] = (uint8_t)(v >> (8 * i));
    }
    return dsi_parquet_bloom_hash((struct ds_slice){bytes, sizeof bytes});
}

static uint64_t hash_text(const char *text)
{
    return dsi_parquet_bloom_hash((struct ds_slice){(const uint8_t *)text, strlen(text)});
}

static void test_parquet_bloom__never_loses_a_value(void **state)
{
    struct dsi_parquet_bloom b;
    size_t wrong = 0;
    (void)state;

    assert_int_equal(dsi_parquet_bloom_new(10000, 0.01, 1 << 20, &b, NULL), DS_OK);
    assert_int_equal(b.size, 16384); // 9.7 bits for each, up to a power of two.
    for (uint64_t i = 0; i < 10000; i++) {
        dsi_parquet_bloom_add(&b, hash_of(i));
    }
    for (uint64_t i = 0; i < 10000; i++) {
        assert_true(dsi_parquet_bloom_has(&b, hash_of(i)));
        wrong += dsi_parquet_bloom_has(&b, hash_of(i + 10000));
    }
    assert_true(wrong < 100); // One in a hundred was asked for; there is room to spare.
    dsi_parquet_bloom_release(&b);
    dsi_parquet_bloom_release(&b);
}

static void test_parquet_bloom__stays_within_its_limits(void **state)
{
    struct dsi_parquet_bloom b;
    (void)state;

    assert_int_equal(dsi_parquet_bloom_new(0, 0.01, 1000, &b, NULL), DS_OK);
    assert_int_equal(b.size, 32);
    assert_false(dsi_parquet_bloom_has(&b, hash_of(1)));
    dsi_parquet_bloom_release(&b);
    assert_int_equal(dsi_parquet_bloom_new(INT64_MAX, 1e-9, 1000, &b, NULL), DS_OK);
    assert_int_equal(b.size, 512);
    dsi_parquet_bloom_release(&b);
    assert_int_equal(dsi_parquet_bloom_new(5, 0, 1000, &b, NULL), DS_EINVALID);
    assert_int_equal(dsi_parquet_bloom_new(5, 1, 1000, &b, NULL), DS_EINVALID);
}

static void test_parquet_bloom__reads_what_it_writes(void **state)
{
    struct dsi_parquet_bloom b;
    struct dsi_parquet_bloom back;
    struct dsi_buf out = DSI_BUF_INIT;
    size_t size = 0;
    (void)state;

    assert_int_equal(dsi_parquet_bloom_new(100, 0.1, 1 << 20, &b, NULL), DS_OK);
    for (uint64_t i = 0; i < 100; i++) {
        dsi_parquet_bloom_add(&b, hash_of(i));
    }
    assert_int_equal(dsi_parquet_bloom_write(&b, &out, NULL), DS_OK);
    struct ds_slice head = {out.data, DSI_PARQUET_BLOOM_HEAD};
    assert_int_equal(dsi_parquet_bloom_size(head, &size, NULL), DS_OK);
    assert_int_equal(size, out.size);
    assert_int_equal(dsi_parquet_bloom_parse(dsi_buf_slice(&out), &back, NULL), DS_OK);
    assert_int_equal(back.size, b.size);
    assert_memory_equal(back.blocks, b.blocks, b.size);
    dsi_parquet_bloom_release(&back);
    for (size_t cut = 0; cut < out.size; cut++) { // Anything less is refused.
        struct ds_slice in = {out.data, cut};
        assert_int_equal(dsi_parquet_bloom_parse(in, &back, NULL), DS_ECORRUPT);
    }
    dsi_parquet_bloom_release(&b);
    dsi_buf_release(&out);
}

static void test_parquet_bloom__refuses_what_it_does_not_know(void **state)
{
    struct dsi_parquet_bloom b;
    struct dsi_buf out = DSI_BUF_INIT;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_parquet_bloom_new(1, 0.1, 32, &b, NULL), DS_OK);
    assert_int_equal(dsi_parquet_bloom_write(&b, &out, NULL), DS_OK);
    dsi_parquet_bloom_release(&b);
    // 15 40: 32 bytes. 1c 1c 00 00: a union, its first member, two ends.
    assert_memory_equal(out.data, "\x15\x40\x1c\x1c\0\0\x1c\x1c\0\0\x1c\x1c\0\0\0", 15);
    out.data[3] = 0x2c; // The algorithm's second member.
    assert_int_equal(dsi_parquet_bloom_parse(dsi_buf_slice(&out), &b, &err),
                     DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "algorithm"));
    out.data[3] = 0x1c;
    out.data[1] = 0x42; // 33 bytes.
    assert_int_equal(dsi_parquet_bloom_parse(dsi_buf_slice(&out), &b, NULL), DS_ECORRUPT);
    out.data[1] = 0x3f; // Less than none.
    assert_int_equal(dsi_parquet_bloom_parse(dsi_buf_slice(&out), &b, NULL), DS_ECORRUPT);
    dsi_buf_release(&out);
}

static void test_parquet_bloom__agrees_with_other_writers(void **state)
{
    static const char *const there[] = {"hello", "parquet", "bloom", "filter"};
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct dsi_parquet_bloom b;
    size_t absent = 0;
    (void)state;

    corpus_load("data/bloom_filter.xxhash.bin", &bytes);
    assert_int_equal(dsi_parquet_bloom_parse(dsi_buf_slice(&bytes), &b, NULL), DS_OK);
    for (size_t i = 0; i < 4; i++) {
        assert_true(dsi_parquet_bloom_has(&b, hash_text(there[i])));
    }
    for (uint64_t i = 0; i < 1000; i++) {
        absent += !dsi_parquet_bloom_has(&b, hash_of(i));
    }
    assert_int_equal(absent, 1000); // A kilobyte for four words.
    dsi_parquet_bloom_release(&b);
    bytes.size = 0;
    corpus_load("data/bloom_filter.bin", &bytes); // Before the format had them.
    assert_true(dsi_parquet_bloom_parse(dsi_buf_slice(&bytes), &b, NULL) < 0);
    dsi_buf_release(&bytes);
}

// Every string of a file that another writer made is in the filter beside it.
static void find_all(const char *name)
{
    struct dsi_buf file = DSI_BUF_INIT;
    struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
    struct dsi_parquet_file f;
    struct dsi_parquet_bloom b;
    size_t size = 0;

    corpus_load(name, &file);
    assert_int_equal(sample_parse(dsi_buf_slice(&file), &f, NULL), DS_OK);
    const struct dsi_parquet_chunk *chunk = &f.row_groups[0].columns[0];
    size_t at = (size_t)chunk->bloom_filter_offset;
    assert_true(at > 0 && at < file.size);
    struct ds_slice in = {file.data + at, file.size - at};
    assert_int_equal(dsi_parquet_bloom_size(in, &size, NULL), DS_OK);
    assert_true(chunk->bloom_filter_size == 0 ||
                (size_t)chunk->bloom_filter_size == size);
    assert_int_equal(dsi_parquet_bloom_parse(in, &b, NULL), DS_OK);
    assert_int_equal(sample_read(&f, dsi_buf_slice(&file), 0, 1000, &c, NULL), DS_OK);
    assert_true(c.rows > 0);
    const int32_t *offsets = (const int32_t *)(const void *)c.values.data;
    for (size_t i = 0; i < c.rows; i++) {
        struct ds_slice v = {c.bytes.data + offsets[i],
                             (size_t)(offsets[i + 1] - offsets[i])};
        assert_true(dsi_parquet_bloom_has(&b, dsi_parquet_bloom_hash(v)));
    }
    assert_false(dsi_parquet_bloom_has(&b, hash_text("not in it")));
    dsi_parquet_bloom_release(&b);
    dsi_parquet_column_release(&c);
    dsi_parquet_file_release(&f);
    dsi_buf_release(&file);
}

static void test_parquet_bloom__finds_every_value_of_a_file(void **state)
{
    (void)state;
    find_all("data/data_index_bloom_encoding_stats.parquet");
    find_all("data/data_index_bloom_encoding_with_length.parquet");
}

static void test_parquet_bloom__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_parquet_bloom b = {0};
        struct dsi_parquet_bloom back = {0};
        struct dsi_buf out = DSI_BUF_INIT;
        struct ds_error err = {0};
        int rc = dsi_parquet_bloom_new(100, 0.1, 1 << 20, &b, &err);
        if (rc == DS_OK) {
            rc = dsi_parquet_bloom_write(&b, &out, &err);
        }
        assert_true(rc == DS_OK || out.size == 0);
        if (rc == DS_OK) {
            rc = dsi_parquet_bloom_parse(dsi_buf_slice(&out), &back, &err);
        }
        dsi_fault_stop();
        assert_true(rc == DS_OK || err.message[0] != '\0');
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        dsi_parquet_bloom_release(&b);
        dsi_parquet_bloom_release(&back);
        dsi_buf_release(&out);
    }
}

static void test_parquet_bloom__folds_to_what_its_values_need(void **state)
{
    (void)state;

    for (uint64_t count = 0; count <= 20000; count = count * 4 + 1) {
        struct dsi_parquet_bloom b;
        struct dsi_parquet_bloom small;
        size_t wrong = 0;
        assert_int_equal(dsi_parquet_bloom_new(INT64_MAX, 0.01, 1 << 20, &b, NULL),
                         DS_OK);
        assert_int_equal(b.size, 1 << 20);
        assert_int_equal(
            dsi_parquet_bloom_new((int64_t)count, 0.01, 1 << 20, &small, NULL), DS_OK);
        for (uint64_t i = 0; i < count; i++) {
            dsi_parquet_bloom_add(
                &b, dsi_parquet_bloom_hash((struct ds_slice){(uint8_t *)&i, 8}));
        }
        dsi_parquet_bloom_fold(&b, 0.01);
        assert_true(b.size <= small.size * 2);
        for (uint64_t i = 0; i < count + 20000; i++) {
            bool has = dsi_parquet_bloom_has(
                &b, dsi_parquet_bloom_hash((struct ds_slice){(uint8_t *)&i, 8}));
            assert_true(has || i >= count);
            wrong += has && i >= count;
        }
        assert_true(wrong < 300); // Of 20,000, at a rate of 0.01.
        dsi_parquet_bloom_release(&b);
        dsi_parquet_bloom_release(&small);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_bloom__never_loses_a_value),
        cmocka_unit_test(test_parquet_bloom__stays_within_its_limits),
        cmocka_unit_test(test_parquet_bloom__reads_what_it_writes),
        cmocka_unit_test(test_parquet_bloom__refuses_what_it_does_not_know),
        cmocka_unit_test(test_parquet_bloom__agrees_with_other_writers),
        cmocka_unit_test(test_parquet_bloom__finds_every_value_of_a_file),
        cmocka_unit_test(test_parquet_bloom__survives_every_fault),
        cmocka_unit_test(test_parquet_bloom__folds_to_what_its_values_need),
    };
    return cmocka_run_group_tests_name("parquet_bloom", tests, NULL, NULL);
}
