#include "maint/relocate_deletes.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "codec/avro/avro_writer.h"
#include "data/data_file.h"
#include "harness.h"

#define OLD "memory:///old"
#define NEW "memory:///new"

static const struct dsi_field fields[] = {
    {.id = 2147483546,
     .required = true,
     .name = "file_path",
     .type = {.kind = DSI_TYPE_STRING}},
    {.id = 2147483545, .required = true, .name = "pos", .type = {.kind = DSI_TYPE_LONG}}};
static const struct dsi_schema schema = {
    .root = {.kind = DSI_TYPE_STRUCT, .fields = fields, .field_count = 2},
    .highest_id = 2147483546};

struct place {
    struct dsi_relocation r;
    struct dsi_metadata *m;
};

static void begin(struct place *p)
{
    static const struct dsi_field id[] = {
        {.id = 1, .name = "id", .type = {.kind = DSI_TYPE_LONG}}};
    struct dsi_schema plain = {
        .root = {.kind = DSI_TYPE_STRUCT, .fields = id, .field_count = 1},
        .highest_id = 1};
    struct dsi_metadata_new spec = {.table_uuid = "f79c3e09-677c-4bbd-a479-3f349cb785e7",
                                    .location = OLD,
                                    .schema = &plain,
                                    .now_ms = 1};

    *p = (struct place){.r = {.from = OLD,
                              .to = NEW,
                              .identity = "00000000-0000-7000-8000-00000012345f",
                              .lists = DSI_MAP_INIT,
                              .manifests = DSI_MAP_INIT,
                              .deletes = DSI_MAP_INIT}};
    assert_int_equal(dsi_metadata_new(&spec, &p->m, NULL), DS_OK);
    assert_int_equal(dsi_storage_mem_new(&p->r.to_storage, NULL), DS_OK);
    p->r.from_storage = p->r.to_storage;
    p->r.metadata = p->m;
}

static void end(struct place *p)
{
    dsi_storage_free(p->r.to_storage);
    dsi_relocate_release(&p->r);
    dsi_metadata_unref(p->m);
}

static struct dsi_data_file write_deletes(struct place *p, const char *const *paths,
                                          const int64_t *positions, size_t count)
{
    struct dsi_data_writer_options options = {.storage = p->r.to_storage,
                                              .location = OLD "/data/d.parquet",
                                              .metadata = p->m,
                                              .schema = &schema};
    struct dsi_batch_builder *rows = NULL;
    struct dsi_data_writer *w = NULL;
    struct dsi_data_file file = {0};
    struct dsi_batch b = {0};

    assert_int_equal(dsi_batch_builder_new(&schema, &rows, NULL), DS_OK);
    for (size_t i = 0; i < count; i++) {
        struct dsi_value path = {.kind = DSI_TYPE_STRING};
        struct dsi_value pos = {.kind = DSI_TYPE_LONG};
        path.as.bytes = dsi_slice_text(paths[i]);
        pos.as.i64 = positions[i];
        assert_int_equal(dsi_batch_builder_set(rows, 0, &path, NULL), DS_OK);
        assert_int_equal(dsi_batch_builder_set(rows, 1, &pos, NULL), DS_OK);
        assert_int_equal(dsi_batch_builder_end_row(rows, NULL), DS_OK);
    }
    assert_int_equal(dsi_batch_builder_take(rows, &b, NULL), DS_OK);
    assert_int_equal(dsi_data_writer_open(&options, &w, NULL), DS_OK);
    assert_int_equal(dsi_data_writer_append(w, &b, 0, b.rows, NULL), DS_OK);
    assert_int_equal(dsi_data_writer_finish(w, &p->r.arena, &file, NULL), DS_OK);
    dsi_data_writer_close(w);
    dsi_batch_release(&b);
    dsi_batch_builder_free(rows);
    file.content = DSI_CONTENT_POSITION_DELETES;
    return file;
}

// "path:pos;" for each row.
static void read_deletes(struct place *p, const struct dsi_relocated *x, char *out,
                         size_t size)
{
    struct dsi_data_file file = {
        .path = x->path, .format = DSI_FORMAT_PARQUET, .file_size = x->size};
    struct dsi_data_reader_options options = {
        .storage = p->r.to_storage, .file = &file, .metadata = p->m, .schema = &schema};
    struct dsi_data_reader *reader = NULL;
    struct dsi_batch b = {0};
    size_t at = 0;

    assert_int_equal(dsi_data_reader_open(&options, &reader, NULL), DS_OK);
    while (dsi_data_reader_next(reader, &b, NULL) == DS_ROW) {
        for (int64_t i = 0; i < b.rows; i++) {
            struct dsi_value path;
            struct dsi_value pos;
            dsi_column_value(&b.columns[0], i, &path);
            dsi_column_value(&b.columns[1], i, &pos);
            at += (size_t)snprintf(
                out + at, size - at, "%.*s:%lld;", (int)path.as.bytes.size,
                (const char *)path.as.bytes.data, (long long)pos.as.i64);
        }
        dsi_batch_release(&b);
    }
    dsi_data_reader_close(reader);
}

static void test_relocate_deletes__sorts_anew_what_names_other_places(void **state)
{
    static const char *const paths[] = {"memory:///new/z", "memory:///nex/y", OLD "/a",
                                        OLD "/a", OLD "/zz"};
    static const int64_t positions[] = {4, 0, 1, 3, 2};
    const struct dsi_relocated *x = NULL;
    const struct dsi_relocated *again = NULL;
    struct place p;
    char rows[512] = "";
    (void)state;

    begin(&p);
    struct dsi_data_file file = write_deletes(&p, paths, positions, 5);
    assert_int_equal(dsi_relocate_delete(&p.r, &file, &x, NULL), DS_OK);
    read_deletes(&p, x, rows, sizeof rows);
    assert_string_equal(rows, NEW "/a:1;" NEW "/a:3;" NEW "/z:4;" NEW
                                  "/zz:2;memory:///nex/y:0;");
    assert_string_equal(x->lower, NEW "/a");
    assert_string_equal(x->upper, "memory:///nex/y");
    assert_int_equal(strncmp(x->path, NEW "/data/00000000-0000-7", 32), 0);
    assert_int_equal(dsi_relocate_delete(&p.r, &file, &again, NULL), DS_OK);
    assert_ptr_equal(x, again);
    assert_int_equal(p.r.delete_count, 1);
    end(&p);
}

// Rows of position deletes in Avro; a NULL path is null, and the path's field has
// `attribute`, which says its id.
static struct dsi_data_file write_avro(struct place *p, const char *attribute,
                                       const char *const *paths, size_t count)
{
    struct dsi_buf schema_json = DSI_BUF_INIT;
    struct dsi_buf file = DSI_BUF_INIT;
    struct dsi_avro_writer w;

    assert_int_equal(
        dsi_buf_printf(&schema_json, NULL,
                       "{\"type\":\"record\",\"name\":\"r\",\"fields\":["
                       "{\"name\":\"file_path\",\"type\":[\"null\",\"string\"]%s},"
                       "{\"name\":\"pos\",\"type\":\"long\",\"field-id\":2147483545}]}",
                       attribute),
        DS_OK);
    struct dsi_avro_write spec = {.schema = dsi_buf_slice(&schema_json), .level = -1};
    assert_int_equal(dsi_avro_writer_init(&w, &file, &spec, NULL), DS_OK);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(dsi_avro_put_long(&w.block, paths[i] != NULL, NULL), DS_OK);
        if (paths[i]) {
            assert_int_equal(dsi_avro_put_text(&w.block, paths[i], NULL), DS_OK);
        }
        assert_int_equal(dsi_avro_put_long(&w.block, (int64_t)i, NULL), DS_OK);
        assert_int_equal(dsi_avro_writer_object(&w, NULL), DS_OK);
    }
    assert_int_equal(dsi_avro_writer_finish(&w, NULL), DS_OK);
    dsi_avro_writer_release(&w);
    assert_int_equal(dsi_storage_put(p->r.to_storage, OLD "/data/d.avro",
                                     dsi_buf_slice(&file), 0, NULL),
                     DS_OK);
    struct dsi_data_file out = {.content = DSI_CONTENT_POSITION_DELETES,
                                .path = OLD "/data/d.avro",
                                .format = DSI_FORMAT_AVRO,
                                .file_size = (int64_t)file.size};
    dsi_buf_release(&schema_json);
    dsi_buf_release(&file);
    return out;
}

#define PATH_ID ",\"field-id\":2147483546"

static bool has_text(const struct dsi_buf *bytes, const char *text)
{
    size_t size = strlen(text);
    bool has = false;

    for (size_t i = 0; i + size <= bytes->size && !has; i++) {
        has = memcmp(bytes->data + i, text, size) == 0;
    }
    return has;
}

static void test_relocate_deletes__changes_each_path_in_avro(void **state)
{
    static const char *const paths[] = {OLD "/b", "memory:///oldest/x", OLD "/a",
                                        OLD "/b"};
    struct dsi_buf bytes = DSI_BUF_INIT;
    const struct dsi_relocated *x = NULL;
    struct place p;
    (void)state;

    begin(&p);
    struct dsi_data_file file = write_avro(&p, PATH_ID, paths, 4);
    assert_int_equal(dsi_relocate_delete(&p.r, &file, &x, NULL), DS_OK);
    assert_string_equal(x->lower, NEW "/a");
    assert_string_equal(x->upper, "memory:///oldest/x");
    assert_int_equal(dsi_storage_read(p.r.to_storage, x->path, &bytes, NULL), DS_OK);
    assert_int_equal(bytes.size, x->size);
    assert_false(has_text(&bytes, OLD "/"));
    assert_true(has_text(&bytes, NEW "/b"));
    dsi_buf_release(&bytes);
    end(&p);
}

// A row that is passed over deletes nothing at the new place.
static void test_relocate_deletes__refuses_rows_in_avro_that_name_no_file(void **state)
{
    static const char *const paths[] = {OLD "/b", NULL, OLD "/a"};
    static const struct {
        const char *attribute;
        size_t count;
        int rc;
    } cases[] = {{PATH_ID, 1, DS_OK}, {PATH_ID, 3, DS_ECORRUPT}, {"", 1, DS_ECORRUPT}};
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct dsi_relocated *x = NULL;
        struct ds_error err = {0};
        struct place p;
        begin(&p);
        struct dsi_data_file file =
            write_avro(&p, cases[i].attribute, paths, cases[i].count);
        assert_int_equal(dsi_relocate_delete(&p.r, &file, &x, &err), cases[i].rc);
        assert_true(cases[i].rc == DS_OK || strstr(err.message, "d.avro: "));
        end(&p);
    }
}

static void test_relocate_deletes__an_old_name_tells_the_new(void **state)
{
    const char *a = NULL;
    const char *b = NULL;
    struct place p;
    (void)state;

    begin(&p);
    assert_int_equal(dsi_relocate_delete_path(&p.r, OLD "/data/d", &a, NULL), DS_OK);
    assert_int_equal(dsi_relocate_delete_path(&p.r, OLD "/data/d", &b, NULL), DS_OK);
    assert_string_equal(a, b);
    assert_int_equal(dsi_relocate_delete_path(&p.r, "memory:///x/d", &b, NULL), DS_OK);
    assert_int_equal(strncmp(b, NEW "/data/", strlen(NEW "/data/")), 0);
    assert_true(strcmp(a, b) != 0);
    end(&p);
}

static void test_relocate_deletes__refuses_what_is_damaged(void **state)
{
    static const enum dsi_file_format formats[] = {DSI_FORMAT_PARQUET, DSI_FORMAT_AVRO,
                                                   DSI_FORMAT_PUFFIN, DSI_FORMAT_ORC};
    struct place p;
    (void)state;

    begin(&p);
    assert_int_equal(dsi_storage_put(p.r.to_storage, OLD "/data/d",
                                     dsi_slice_text("PFA1 and no footer at all PFA1"), 0,
                                     NULL),
                     DS_OK);
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct dsi_data_file file = {.content = DSI_CONTENT_POSITION_DELETES,
                                     .path = OLD "/data/d",
                                     .format = formats[i],
                                     .file_size = 30};
        const struct dsi_relocated *x = NULL;
        struct ds_error err = {0};
        assert_int_equal(dsi_relocate_delete(&p.r, &file, &x, &err),
                         formats[i] == DSI_FORMAT_ORC ? DS_EUNSUPPORTED : DS_ECORRUPT);
        assert_non_null(strstr(err.message, OLD "/data/d"));
    }
    assert_int_equal(p.r.delete_count, 0);
    end(&p);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relocate_deletes__sorts_anew_what_names_other_places),
        cmocka_unit_test(test_relocate_deletes__changes_each_path_in_avro),
        cmocka_unit_test(test_relocate_deletes__refuses_rows_in_avro_that_name_no_file),
        cmocka_unit_test(test_relocate_deletes__an_old_name_tells_the_new),
        cmocka_unit_test(test_relocate_deletes__refuses_what_is_damaged),
    };
    return cmocka_run_group_tests_name("relocate_deletes", tests, NULL, NULL);
}
