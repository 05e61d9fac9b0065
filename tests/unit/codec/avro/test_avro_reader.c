#include "base/text.h"
#include "codec/avro/avro_reader.h"
#include "harness.h"

#include <stdio.h>
#include <string.h>

#define SYNC "0123456789abcdef"
#define HEAD(schema_size, schema, codec_size, codec)                                     \
    "Obj\1\4\x16"                                                                        \
    "avro.schema" schema_size schema "\x14"                                              \
    "avro.codec" codec_size codec "\0" SYNC
#define LONGS HEAD("\x0c", "\"long\"", "\x08", "null")

static int read_all(const char *bytes, size_t size, int64_t *objects,
                    struct ds_error *err)
{
    struct dsi_avro_reader r;
    struct ds_slice block = {NULL, 0};
    int64_t count = 0;
    int rc =
        dsi_avro_reader_init(&r, (struct ds_slice){(const uint8_t *)bytes, size}, err);

    *objects = 0;
    while (rc == DS_OK &&
           (rc = dsi_avro_reader_next(&r, &count, &block, err)) == DS_ROW) {
        *objects += count;
        rc = DS_OK;
        if (r.rest.size == 0) {
            break;
        }
    }
    dsi_avro_reader_release(&r);
    dsi_avro_reader_release(&r); // Twice is fine.
    return rc;
}

static void test_avro_reader__reads_blocks(void **state)
{
    static const char file[] = LONGS "\4\4\1\2" SYNC "\2\2\3" SYNC;
    struct ds_error err = {0};
    int64_t objects = 0;
    (void)state;

    assert_int_equal(read_all(file, sizeof file - 1, &objects, &err), DS_OK);
    assert_int_equal(objects, 3);
    assert_int_equal(read_all(LONGS, sizeof LONGS - 1, &objects, &err), DS_OK);
    assert_int_equal(objects, 0);
}

static void test_avro_reader__reads_metadata_in_sized_blocks(void **state)
{
    // A negative count, as some writers have it, and no codec.
    static const char file[] = "Obj\1\1\x26\x16"
                               "avro.schema\x0c\"long\"\0" SYNC "\2\2\2" SYNC;
    struct ds_error err = {0};
    int64_t objects = 0;
    (void)state;

    assert_int_equal(read_all(file, sizeof file - 1, &objects, &err), DS_OK);
    assert_int_equal(objects, 1);
}

static void test_avro_reader__fails_for_every_prefix_inside_a_block(void **state)
{
    static const char file[] = LONGS "\4\4\1\2" SYNC;
    int64_t objects = 0;
    (void)state;

    for (size_t n = 0; n < sizeof file - 1; n++) {
        int expected = n == sizeof LONGS - 1 ? DS_OK : DS_ECORRUPT;
        assert_int_equal(read_all(file, n, &objects, NULL), expected);
    }
}

static void test_avro_reader__says_what_is_wrong(void **state)
{
#define CASE(rc, bytes, words)                                                           \
    {                                                                                    \
        bytes, sizeof bytes - 1, rc, words                                               \
    }
    static const struct {
        const char *bytes;
        size_t size;
        int rc;
        const char *words;
    } cases[] = {
        CASE(DS_ECORRUPT, "PAR1", "not an Avro file"),
        CASE(DS_ECORRUPT, "Obj\1\0" SYNC, "no avro.schema"),
        CASE(DS_EUNSUPPORTED, HEAD("\x0c", "\"long\"", "\x0a", "bzip2"), "\"bzip2\""),
        CASE(DS_ECORRUPT, LONGS "\2\2\1" SYNC "\2\2\1fedcba9876543210", "sync marker"),
        CASE(DS_ECORRUPT, LONGS "\6\4\1\2" SYNC, "3 objects in 2 bytes"),
        CASE(DS_ECORRUPT, LONGS "\1\4\1\2" SYNC, "-1 objects"),
        CASE(DS_ECORRUPT, LONGS "\0\4\1\2" SYNC, "no objects in 2 bytes"),
        CASE(DS_ECORRUPT, HEAD("\x0c", "\"long\"", "\x0e", "deflate") "\2\4\xff\xff" SYNC,
             "avro block at byte 60: decompressing with deflate"),
        CASE(DS_ECORRUPT, HEAD("\x0c", "\"long\"", "\x0c", "snappy") "\2\4\1\0" SYNC,
             "no room for a checksum"),
        CASE(DS_ECORRUPT,
             HEAD("\x0c", "\"long\"", "\x0c", "snappy") "\2\x0e\1\0\2\0\0\0\0" SYNC,
             "checksum 00000000 stored"),
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ds_error err = {0};
        int64_t objects = 0;
        assert_int_equal(read_all(cases[i].bytes, cases[i].size, &objects, &err),
                         cases[i].rc);
        if (!strstr(err.message, cases[i].words)) {
            print_message("%s\n", err.message);
        }
        assert_non_null(strstr(err.message, cases[i].words));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_avro_reader__reads_blocks),
        cmocka_unit_test(test_avro_reader__reads_metadata_in_sized_blocks),
        cmocka_unit_test(test_avro_reader__fails_for_every_prefix_inside_a_block),
        cmocka_unit_test(test_avro_reader__says_what_is_wrong),
    };
    return cmocka_run_group_tests_name("avro_reader", tests, NULL, NULL);
}
