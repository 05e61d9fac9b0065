#include "base/error.h"
#include "base/fault.h"
#include "base/text.h"
#include "codec/avro/avro_writer.h"
#include "harness.h"

#include <string.h>

static const enum dsi_compression codecs[] = {
    DSI_COMPRESSION_NONE, DSI_COMPRESSION_DEFLATE, DSI_COMPRESSION_SNAPPY,
    DSI_COMPRESSION_ZSTD};

// A file of the numbers 0 … count - 1.
static int write_numbers(enum dsi_compression codec, int64_t count, struct dsi_buf *out,
                         struct ds_error *err)
{
    const struct dsi_avro_meta meta[] = {{dsi_slice_text("who"), dsi_slice_text("me")}};
    const struct dsi_avro_write spec = {.schema = dsi_slice_text("\"long\""),
                                        .meta = meta,
                                        .meta_count = 1,
                                        .codec = codec,
                                        .level = -1,
                                        .block_size = 100};
    struct dsi_avro_writer w;
    int rc = DS_OK;

    DSI_TRY(dsi_avro_writer_init(&w, out, &spec, err));
    for (int64_t i = 0; i < count; i++) {
        DSI_TRY(dsi_avro_put_long(&w.block, i, err));
        DSI_TRY(dsi_avro_writer_object(&w, err));
    }
    DSI_TRY(dsi_avro_writer_finish(&w, err));
done:
    dsi_avro_writer_release(&w);
    return rc;
}

static int read_numbers(struct ds_slice file, int64_t expected, struct ds_error *err)
{
    struct dsi_avro_reader r;
    struct ds_slice objects = {NULL, 0};
    struct ds_slice who = {NULL, 0};
    int64_t count = 0;
    int64_t seen = 0;
    int64_t v = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_avro_reader_init(&r, file, err));
    assert_true(dsi_avro_reader_meta(&r, "who", &who));
    assert_true(dsi_slice_equal(who, dsi_slice_text("me")));
    while ((rc = dsi_avro_reader_next(&r, &count, &objects, err)) == DS_ROW) {
        for (int64_t i = 0; i < count; i++) {
            DSI_TRY(dsi_avro_long(&objects, &v, err));
            assert_int_equal(v, seen++);
        }
        assert_int_equal(objects.size, 0);
    }
    assert_true(rc < 0 || seen == expected);
done:
    dsi_avro_reader_release(&r);
    return rc;
}

static void test_avro_writer__writes_what_the_reader_reads(void **state)
{
    static const int64_t counts[] = {0, 1, 99, 100, 101, 5000};
    (void)state;

    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        for (size_t j = 0; j < sizeof counts / sizeof counts[0]; j++) {
            struct dsi_buf out = DSI_BUF_INIT;
            struct ds_error err = {0};
            assert_int_equal(write_numbers(codecs[i], counts[j], &out, &err), DS_OK);
            assert_int_equal(read_numbers(dsi_buf_slice(&out), counts[j], &err), DS_OK);
            dsi_buf_release(&out);
        }
    }
}

static void test_avro_writer__gives_the_same_bytes_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        struct dsi_buf a = DSI_BUF_INIT;
        struct dsi_buf b = DSI_BUF_INIT;
        assert_int_equal(write_numbers(codecs[i], 500, &a, NULL), DS_OK);
        assert_int_equal(write_numbers(codecs[i], 500, &b, NULL), DS_OK);
        assert_int_equal(a.size, b.size);
        assert_memory_equal(a.data, b.data, a.size);
        dsi_buf_release(&a);
        dsi_buf_release(&b);
    }
}

static void test_avro_writer__takes_a_sync_marker(void **state)
{
    const struct dsi_avro_write spec = {.schema = dsi_slice_text("\"long\""),
                                        .level = -1,
                                        .sync = (const uint8_t *)"0123456789abcdef"};
    struct dsi_avro_writer w;
    struct dsi_buf out = DSI_BUF_INIT;
    (void)state;

    assert_int_equal(dsi_avro_writer_init(&w, &out, &spec, NULL), DS_OK);
    assert_memory_equal(out.data + out.size - 16, "0123456789abcdef", 16);
    assert_memory_equal(out.data, "Obj\1", 4);
    dsi_avro_writer_release(&w);
    dsi_buf_release(&out);
}

static void test_avro_writer__knows_the_names_of_codecs(void **state)
{
    static const struct {
        const char *name;
        enum dsi_compression codec;
    } cases[] = {
        {"gzip", DSI_COMPRESSION_DEFLATE},  {"GZIP", DSI_COMPRESSION_DEFLATE},
        {"zstd", DSI_COMPRESSION_ZSTD},     {"zstandard", DSI_COMPRESSION_ZSTD},
        {"snappy", DSI_COMPRESSION_SNAPPY}, {"uncompressed", DSI_COMPRESSION_NONE},
        {"null", DSI_COMPRESSION_NONE}};
    const struct dsi_avro_write gzip = {.codec = DSI_COMPRESSION_GZIP};
    struct dsi_avro_writer w;
    struct dsi_buf out = DSI_BUF_INIT;
    enum dsi_compression c = DSI_COMPRESSION_NONE;
    struct ds_error err = {0};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(dsi_avro_codec_parse(cases[i].name, &c, NULL), DS_OK);
        assert_int_equal(c, cases[i].codec);
    }
    assert_int_equal(dsi_avro_codec_parse("brotli", &c, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "use gzip, zstd, snappy or uncompressed"));
    assert_int_equal(dsi_avro_writer_init(&w, &out, &gzip, NULL), DS_EINVALID);
    dsi_avro_writer_release(&w);
    dsi_buf_release(&out);
}

static void test_avro_writer__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_buf out = DSI_BUF_INIT;
        struct ds_error err = {0};
        int rc = write_numbers(DSI_COMPRESSION_DEFLATE, 250, &out, &err);
        if (rc == DS_OK) {
            rc = read_numbers(dsi_buf_slice(&out), 250, &err);
        }
        assert_true(rc == DS_OK || (rc == DS_ENOMEM && err.message[0] != '\0'));
        assert_true((rc == DS_OK) == (plan.name == NULL));
        dsi_buf_release(&out);
    }
    assert_true(plan.target > 10);
}

static int stop_faults(void **state)
{
    (void)state;
    dsi_fault_stop();
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_avro_writer__writes_what_the_reader_reads),
        cmocka_unit_test(test_avro_writer__gives_the_same_bytes_again),
        cmocka_unit_test(test_avro_writer__takes_a_sync_marker),
        cmocka_unit_test(test_avro_writer__knows_the_names_of_codecs),
        cmocka_unit_test_teardown(test_avro_writer__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("avro_writer", tests, NULL, NULL);
}
