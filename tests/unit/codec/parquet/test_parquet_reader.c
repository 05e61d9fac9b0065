#include "codec/parquet/parquet_read.h"

#include "base/fault.h"
#include "base/hash.h"
#include "unit/codec/parquet/parquet_corpus.h"

static uint64_t mix(uint64_t h, const void *bytes, size_t size)
{
    return (h ^ dsi_hash(bytes, size)) * 0x9e3779b97f4a7c15u;
}

// A hash of a column's rows: of what they are, not of how they lie in memory.
static uint64_t hash_column(const struct dsi_parquet_field *f,
                            const struct dsi_parquet_column *c)
{
    size_t width = dsi_parquet_width(f);
    uint64_t h = c->rows;

    for (size_t r = 0; r < c->rows; r++) {
        if (c->validity.size > 0 && !sample_bit(c->validity.data, r)) {
            h = mix(h, "null", 4);
        } else if (f->physical == DSI_PARQUET_BOOLEAN) {
            h = mix(h, sample_bit(c->values.data, r) ? "1" : "0", 1);
        } else if (width > 0) {
            h = mix(h, c->values.data + r * width, width);
        } else {
            int32_t o[2];
            memcpy(o, c->values.data + r * sizeof *o, sizeof o);
            h = mix(h, c->bytes.data + o[0], (size_t)(o[1] - o[0]));
        }
    }
    return h;
}

// Reads every leaf that is no list; the first failure, or a hash of all values.
static int hash_file(struct ds_slice bytes, size_t batch, uint64_t *hash,
                     struct ds_error *err)
{
    struct dsi_parquet_file f;
    int rc = sample_parse(bytes, &f, err);

    *hash = 0;
    for (size_t i = 0; rc == DS_OK && i < f.leaf_count; i++) {
        struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
        if (f.leaves[i]->max_rep == 0) {
            rc = sample_read(&f, bytes, i, batch, &c, err);
            *hash = rc == DS_OK
                        ? mix(*hash, &(uint64_t){hash_column(&f.leaves[i]->field, &c)},
                              sizeof(uint64_t))
                        : 0;
        }
        dsi_parquet_column_release(&c);
    }
    dsi_parquet_file_release(&f);
    return rc;
}

// What the corpus holds. The hashes are of values that pyarrow 26 was seen to agree with.
static const struct {
    const char *name;
    int rc;
    uint64_t hash;
} files[] = {
#include "unit/codec/parquet/corpus_files.inc"
};

static void test_parquet_reader__reads_the_corpus(void **state)
{
    static const size_t batches[] = {1, 7, 64, 100000};
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct dsi_buf bytes = DSI_BUF_INIT;
        corpus_load(files[i].name, &bytes);
        for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
            struct ds_error err = {0};
            uint64_t hash = 0;
            int rc = hash_file(dsi_buf_slice(&bytes), batches[b], &hash, &err);
            if (rc != files[i].rc || hash != files[i].hash) {
                print_message("{\"%s\", %d, 0x%016llxu},\n", files[i].name, rc,
                              (unsigned long long)hash);
                fail_msg("%s: %s", files[i].name, rc < 0 ? err.message : "other values");
            }
        }
        dsi_buf_release(&bytes);
    }
}

static void test_parquet_reader__can_ignore_checksums(void **state)
{
    const struct dsi_parquet_read_options o = {.ignore_checksums = true};
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct dsi_parquet_file f;
    dsi_parquet_reader *r = NULL;
    struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
    size_t rows = 0;
    (void)state;

    corpus_load("data/rle-dict-uncompressed-corrupt-checksum.parquet", &bytes);
    assert_int_equal(sample_parse(dsi_buf_slice(&bytes), &f, NULL), DS_OK);
    const struct dsi_parquet_chunk *k = &f.row_groups[0].columns[0];
    struct ds_slice chunk = {bytes.data + k->offset, (size_t)k->size};
    assert_int_equal(dsi_parquet_reader_new(f.leaves[0], k, chunk, &o, &r, NULL), DS_OK);
    assert_int_equal(dsi_parquet_reader_read(r, 5000, &c, &rows, NULL), DS_OK);
    assert_int_equal(rows, 1000);
    dsi_parquet_reader_free(r);
    dsi_parquet_column_release(&c);
    dsi_parquet_file_release(&f);
    dsi_buf_release(&bytes);
}

// Turns a few random bits of a good file over: an error or values, but never a crash, and
// always as many rows as were promised.
static void test_parquet_reader__survives_damaged_files(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct dsi_parquet_write_options o = {.page_rows = 50};
        struct dsi_buf file = DSI_BUF_INIT;
        struct ds_error err = {0};
        uint64_t hash = 0;
        struct sample s;
        sample_init(&s, seed % 20 + 1, 300);
        assert_int_equal(sample_write(&s, &o, 300, &file, NULL), DS_OK);
        s.random = seed;
        for (uint64_t n = 1 + seed % 4; n > 0; n--) {
            file.data[sample_random(&s) % file.size] ^=
                (uint8_t)(1u << sample_random(&s) % 8);
        }
        int rc = hash_file(dsi_buf_slice(&file), 64, &hash, &err);
        if (rc < 0 && err.message[0] == '\0') {
            fail_msg("seed %u: an error without words", (unsigned)seed);
        }
        dsi_buf_release(&file);
        sample_release(&s);
    }
}

static void test_parquet_reader__skips_rows(void **state)
{
    const struct dsi_parquet_write_options o = {.page_rows = 70};
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct dsi_buf file = DSI_BUF_INIT;
        struct dsi_parquet_file f;
        struct sample s;
        sample_init(&s, seed, 500);
        assert_int_equal(sample_write(&s, &o, 500, &file, NULL), DS_OK);
        assert_int_equal(sample_parse(dsi_buf_slice(&file), &f, NULL), DS_OK);
        for (size_t i = 0; i < f.leaf_count; i++) {
            const struct dsi_parquet_chunk *k = &f.row_groups[0].columns[i];
            struct ds_slice chunk = {file.data + k->offset, (size_t)k->size};
            struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
            dsi_parquet_reader *r = NULL;
            size_t rows = 0;
            size_t at = sample_random(&s) % 499;
            assert_int_equal(
                dsi_parquet_reader_new(f.leaves[i], k, chunk, NULL, &r, NULL), DS_OK);
            assert_int_equal(dsi_parquet_reader_skip(r, (int64_t)at, NULL), DS_OK);
            assert_int_equal(dsi_parquet_reader_rows_left(r), 500 - at);
            assert_int_equal(dsi_parquet_reader_read(r, 1, &c, &rows, NULL), DS_OK);
            assert_int_equal(rows, 1);
            bool valid = sample_bit(s.validity[i].data, at);
            assert_int_equal(c.null_count, !valid);
            size_t width = dsi_parquet_width(&s.fields[i]);
            if (valid && width > 0) {
                assert_memory_equal(c.values.data, s.values[i].data + at * width, width);
            }
            assert_int_equal(dsi_parquet_reader_skip(r, 500, NULL), DS_ECORRUPT);
            dsi_parquet_reader_free(r);
            dsi_parquet_column_release(&c);
        }
        dsi_parquet_file_release(&f);
        dsi_buf_release(&file);
        sample_release(&s);
    }
}

static void test_parquet_reader__stops_where_the_bytes_end(void **state)
{
    static const char text[] = "aaaabbbbccccddddeeee";
    static const int32_t offsets[] = {0, 4, 8, 12, 16, 20};
    const struct dsi_parquet_field field = {.name = "x",
                                            .physical = DSI_PARQUET_BYTE_ARRAY};
    const struct dsi_parquet_input in = {.offsets = offsets,
                                         .bytes = (const uint8_t *)text};
    struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
    struct dsi_buf file = DSI_BUF_INIT;
    struct dsi_parquet_file f;
    dsi_parquet_writer *w = NULL;
    dsi_parquet_reader *r = NULL;
    size_t rows = 0;
    (void)state;

    assert_int_equal(dsi_parquet_writer_new(&field, 1, NULL, &w, NULL), DS_OK);
    dsi_parquet_writer_output(w, sample_sink, &file);
    assert_int_equal(dsi_parquet_writer_write(w, &in, 5, NULL), DS_OK);
    assert_int_equal(dsi_parquet_writer_finish(w, NULL, NULL), DS_OK);
    dsi_parquet_writer_free(w);
    assert_int_equal(sample_parse(dsi_buf_slice(&file), &f, NULL), DS_OK);
    const struct dsi_parquet_chunk *k = &f.row_groups[0].columns[0];
    struct ds_slice chunk = {file.data + k->offset, (size_t)k->size};
    assert_int_equal(dsi_parquet_reader_new(f.leaves[0], k, chunk, NULL, &r, NULL),
                     DS_OK);
    c.bytes.max = 10;
    assert_int_equal(dsi_parquet_reader_read(r, 5, &c, &rows, NULL), DS_OK);
    assert_int_equal(rows, 2);
    assert_int_equal(c.rows, 2);
    dsi_parquet_column_release(&c);
    c.bytes.max = 3;
    assert_int_equal(dsi_parquet_reader_read(r, 5, &c, &rows, NULL), DS_EUNSUPPORTED);
    dsi_parquet_column_release(&c);
    dsi_parquet_reader_free(r);
    dsi_parquet_file_release(&f);
    dsi_buf_release(&file);
}

static void test_parquet_reader__survives_every_fault(void **state)
{
    const struct dsi_parquet_write_options o = {.page_rows = 100};
    struct dsi_buf file = DSI_BUF_INIT;
    struct dsi_fault_plan plan = {0};
    struct sample s;
    uint64_t expected = 0;
    (void)state;

    sample_init(&s, 11, 400);
    assert_int_equal(sample_write(&s, &o, 400, &file, NULL), DS_OK);
    assert_int_equal(hash_file(dsi_buf_slice(&file), 90, &expected, NULL), DS_OK);
    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        uint64_t hash = 0;
        int rc = hash_file(dsi_buf_slice(&file), 90, &hash, &err);
        dsi_fault_stop();
        assert_true((rc == DS_OK) == (plan.name == NULL));
        assert_true(rc < 0 ? err.message[0] != '\0' : hash == expected);
    }
    assert_true(plan.target > 10);
    dsi_buf_release(&file);
    sample_release(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_reader__reads_the_corpus),
        cmocka_unit_test(test_parquet_reader__can_ignore_checksums),
        cmocka_unit_test(test_parquet_reader__survives_damaged_files),
        cmocka_unit_test(test_parquet_reader__skips_rows),
        cmocka_unit_test(test_parquet_reader__stops_where_the_bytes_end),
        cmocka_unit_test(test_parquet_reader__survives_every_fault),
    };
    return cmocka_run_group_tests_name("parquet_reader", tests, NULL, NULL);
}
