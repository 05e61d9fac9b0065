#include "maint/relocate_avro.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "codec/avro/avro_writer.h"
#include "harness.h"

static const char schema[] =
    "{\"type\":\"record\",\"name\":\"r\",\"fields\":["
    "{\"name\":\"path\",\"type\":\"string\",\"field-id\":1},"
    "{\"name\":\"size\",\"type\":[\"null\",\"long\"],\"field-id\":2},"
    "{\"name\":\"in\",\"type\":{\"type\":\"record\",\"name\":\"s\",\"fields\":["
    "{\"name\":\"f\",\"type\":\"double\",\"field-id\":4},"
    "{\"name\":\"list\",\"type\":{\"type\":\"array\",\"items\":\"int\"},\"field-id\":5},"
    "{\"name\":\"map\",\"type\":{\"type\":\"map\",\"values\":\"boolean\"},\"field-id\":6}"
    "]},\"field-id\":3}]}";

static void make(struct dsi_buf *out, enum dsi_compression codec, int objects)
{
    struct dsi_avro_meta meta = {dsi_slice_text("content"), dsi_slice_text("data")};
    struct dsi_avro_write spec = {.schema = dsi_slice_text(schema),
                                  .meta = &meta,
                                  .meta_count = 1,
                                  .codec = codec,
                                  .level = -1,
                                  .block_size = 64};
    struct dsi_avro_writer w;

    assert_int_equal(dsi_avro_writer_init(&w, out, &spec, NULL), DS_OK);
    for (int i = 0; i < objects; i++) {
        struct dsi_buf *b = &w.block;
        assert_int_equal(dsi_avro_put_text(b, i % 2 ? "/old/a" : "/b", NULL), DS_OK);
        assert_int_equal(dsi_avro_put_long(b, i % 3 ? 1 : 0, NULL), DS_OK);
        if (i % 3) {
            assert_int_equal(dsi_avro_put_long(b, 1000 + i, NULL), DS_OK);
        }
        assert_int_equal(dsi_avro_put_double(b, i / 4.0, NULL), DS_OK);
        assert_int_equal(dsi_avro_put_long(b, 2, NULL), DS_OK);
        assert_int_equal(dsi_avro_put_long(b, i, NULL), DS_OK);
        assert_int_equal(dsi_avro_put_long(b, -i, NULL), DS_OK);
        assert_int_equal(dsi_avro_put_long(b, 0, NULL), DS_OK);
        assert_int_equal(dsi_avro_put_long(b, 1, NULL), DS_OK);
        assert_int_equal(dsi_avro_put_text(b, "k", NULL), DS_OK);
        assert_int_equal(dsi_avro_put_boolean(b, true, NULL), DS_OK);
        assert_int_equal(dsi_avro_put_long(b, 0, NULL), DS_OK);
        assert_int_equal(dsi_avro_writer_object(&w, NULL), DS_OK);
    }
    assert_int_equal(dsi_avro_writer_finish(&w, NULL), DS_OK);
    dsi_avro_writer_release(&w);
}

struct changes {
    bool texts;
    bool numbers; // To what was seen of the path's length.
    bool nulls;
    bool any_number; // Also where there was none.
    int64_t length;
    int seen;
};

static int see(void *arg, const struct dsi_avro_field *f, struct ds_slice value,
               struct ds_error *err)
{
    struct changes *c = arg;
    struct ds_slice text = {NULL, 0};
    int rc = f->id == 1 ? dsi_relocate_text(f->type, value, &text, err) : DS_OK;

    c->length = f->id == 1 ? (int64_t)text.size : c->length;
    return rc;
}

static int seen(void *arg, struct ds_error *err)
{
    (void)err;
    ((struct changes *)arg)->seen++;
    return DS_OK;
}

static int put(void *arg, const struct dsi_avro_field *f, struct ds_slice value,
               struct dsi_buf *out, struct ds_error *err)
{
    const struct changes *c = arg;
    int64_t number = 0;

    if (f->id == 1 && c->texts) {
        return dsi_relocate_put_text(f->type, value, dsi_slice_text("/new"), out, err);
    }
    if (f->id == 2 && c->any_number) {
        return dsi_relocate_put_number(f->type, value, 1, out, err);
    }
    if (f->id == 2 && c->nulls) {
        return dsi_relocate_put_null(f, out, err);
    }
    if (f->id == 4 && c->nulls && c->numbers) {
        return dsi_relocate_put_null(f, out, err); // It has no null.
    }
    int rc = f->id == 2 && c->numbers ? dsi_relocate_number(f->type, value, &number, err)
                                      : DS_OK;
    return rc < 0 || number <= 0
               ? rc
               : dsi_relocate_put_number(f->type, value, c->length, out, err);
}

static int change(const struct dsi_buf *in, struct changes *c, struct dsi_buf *out)
{
    struct dsi_relocate_fields fields = {see, seen, put, c};
    return dsi_relocate_avro(dsi_buf_slice(in), &fields, out, NULL);
}

// What the objects' paths and sizes are, one after the other; -1 for null.
static void look(const struct dsi_buf *file, char *out, size_t size)
{
    struct dsi_avro_reader r = {0};
    struct ds_slice objects = {NULL, 0};
    int64_t count = 0;
    size_t at = 0;
    int rc = DS_OK;

    assert_int_equal(dsi_avro_reader_init(&r, dsi_buf_slice(file), NULL), DS_OK);
    while ((rc = dsi_avro_reader_next(&r, &count, &objects, NULL)) == DS_ROW) {
        for (; count > 0; count--) {
            struct ds_slice rest = objects;
            struct ds_slice text = {NULL, 0};
            int64_t number = 0;
            assert_int_equal(
                dsi_relocate_text(r.schema->fields[0].type, rest, &text, NULL), DS_OK);
            assert_int_equal(dsi_avro_skip(r.schema->fields[0].type, &rest, NULL), DS_OK);
            assert_int_equal(
                dsi_relocate_number(r.schema->fields[1].type, rest, &number, NULL),
                DS_OK);
            at += (size_t)snprintf(out + at, size - at, "%.*s %lld;", (int)text.size,
                                   (const char *)text.data, (long long)number);
            assert_int_equal(dsi_avro_skip(r.schema, &objects, NULL), DS_OK);
        }
    }
    assert_int_equal(rc, DS_OK);
    dsi_avro_reader_release(&r);
}

static void test_relocate_avro__keeps_what_is_not_changed(void **state)
{
    static const enum dsi_compression codecs[] = {
        DSI_COMPRESSION_NONE, DSI_COMPRESSION_DEFLATE, DSI_COMPRESSION_SNAPPY,
        DSI_COMPRESSION_ZSTD};
    (void)state;

    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        struct dsi_buf in = DSI_BUF_INIT;
        struct dsi_buf once = DSI_BUF_INIT;
        struct dsi_buf twice = DSI_BUF_INIT;
        struct changes none = {0};
        char was[512];
        char is[512];
        make(&in, codecs[i], 7);
        assert_int_equal(change(&in, &none, &once), DS_OK);
        assert_int_equal(none.seen, 7);
        look(&in, was, sizeof was);
        look(&once, is, sizeof is);
        assert_string_equal(was, is);
        assert_int_equal(change(&once, &none, &twice), DS_OK);
        assert_int_equal(once.size, twice.size);
        assert_memory_equal(once.data, twice.data, once.size);
        dsi_buf_release(&in);
        dsi_buf_release(&once);
        dsi_buf_release(&twice);
    }
}

static void test_relocate_avro__changes_texts_numbers_and_nulls(void **state)
{
    struct dsi_buf in = DSI_BUF_INIT;
    struct dsi_buf out = DSI_BUF_INIT;
    struct changes both = {.texts = true, .numbers = true};
    struct changes nulls = {.nulls = true};
    struct changes wrong = {.nulls = true, .numbers = true};
    char is[512];
    (void)state;

    make(&in, DSI_COMPRESSION_ZSTD, 4);
    look(&in, is, sizeof is);
    assert_string_equal(is, "/b -1;/old/a 1001;/b 1002;/old/a -1;");
    assert_int_equal(change(&in, &both, &out), DS_OK);
    look(&out, is, sizeof is);
    assert_string_equal(is, "/new -1;/new 6;/new 2;/new -1;");
    out.size = 0;
    assert_int_equal(change(&in, &nulls, &out), DS_OK);
    look(&out, is, sizeof is);
    assert_string_equal(is, "/b -1;/old/a -1;/b -1;/old/a -1;");
    assert_int_equal(change(&in, &wrong, &out), DS_EUNSUPPORTED);
    wrong = (struct changes){.any_number = true};
    assert_int_equal(change(&in, &wrong, &out), DS_ECORRUPT); // The first size is null.
    dsi_buf_release(&in);
    dsi_buf_release(&out);
}

static void test_relocate_avro__says_what_is_damaged(void **state)
{
    struct dsi_buf in = DSI_BUF_INIT;
    unsigned whole = 0;
    (void)state;

    make(&in, DSI_COMPRESSION_NONE, 5);
    for (size_t size = in.size; size > 0; size--) { // Ends of blocks are ends of files.
        struct dsi_buf part = {.data = in.data, .size = size - 1};
        struct dsi_buf out = DSI_BUF_INIT;
        struct changes none = {0};
        int rc = change(&part, &none, &out);
        assert_true(rc == DS_ECORRUPT || none.seen < 5);
        whole += rc == DS_OK;
        dsi_buf_release(&out);
    }
    assert_true(whole < 6);
    for (size_t i = 0; i < in.size; i++) { // Whatever it makes of them, it ends.
        struct dsi_buf out = DSI_BUF_INIT;
        struct changes none = {0};
        in.data[i] ^= 0x55;
        int rc = change(&in, &none, &out);
        assert_true(rc <= DS_OK);
        in.data[i] ^= 0x55;
        dsi_buf_release(&out);
    }
    dsi_buf_release(&in);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relocate_avro__keeps_what_is_not_changed),
        cmocka_unit_test(test_relocate_avro__changes_texts_numbers_and_nulls),
        cmocka_unit_test(test_relocate_avro__says_what_is_damaged),
    };
    return cmocka_run_group_tests_name("relocate_avro", tests, NULL, NULL);
}
