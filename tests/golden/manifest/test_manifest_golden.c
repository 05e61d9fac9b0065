// What PyIceberg wrote, read by us, is what PyIceberg reads (README.md here).
#include "base/error.h"
#include "base/text.h"
#include "harness.h"
#include "model/manifest.h"

#include <stdio.h>
#include <string.h>

static const char *const tables[] = {"parted1", "parted2", "plain1", "plain2"};

enum { TABLE_COUNT = sizeof tables / sizeof tables[0] };

// One of the folder's files; the test runs in it.
static void load(const char *table, const char *name, struct dsi_buf *out)
{
    char path[64];
    static uint8_t bytes[1 << 20];

    snprintf(path, sizeof path, "%s/%s", table, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    out->size = 0;
    assert_int_equal(dsi_buf_append(out, bytes, size, NULL), DS_OK);
}

static void print(struct dsi_buf *out, const char *text)
{
    assert_int_equal(dsi_buf_append_text(out, text, NULL), DS_OK);
}

static void print_number(struct dsi_buf *out, int64_t v, int64_t none)
{
    assert_int_equal(v == none ? dsi_buf_append_text(out, " -", NULL)
                               : dsi_buf_printf(out, NULL, " %lld", (long long)v),
                     DS_OK);
}

static void print_hex(struct dsi_buf *out, struct ds_slice bytes)
{
    print(out, bytes.data ? " 0x" : " -");
    for (size_t i = 0; bytes.data && i < bytes.size; i++) {
        assert_int_equal(dsi_buf_printf(out, NULL, "%02x", bytes.data[i]), DS_OK);
    }
}

static void print_value(struct dsi_buf *out, const struct dsi_value *v)
{
    if (v->null) {
        print(out, " null");
        return;
    }
    switch (v->kind) {
    case DSI_TYPE_BOOLEAN:
        print(out, v->as.boolean ? " true" : " false");
        break;
    case DSI_TYPE_INT:
    case DSI_TYPE_DATE:
        print_number(out, v->as.i32, INT64_MIN);
        break;
    case DSI_TYPE_DECIMAL:
        print_number(out, (int64_t)v->as.decimal, INT64_MIN);
        break;
    case DSI_TYPE_STRING:
        print_hex(out, v->as.bytes);
        break;
    default:
        fail_msg("no partition of kind %d here", (int)v->kind);
    }
}

static void print_entry(struct dsi_buf *out, const struct dsi_manifest_entry *e)
{
    static const char *const formats[] = {"parquet", "avro", "orc", "puffin"};
    const struct dsi_data_file *f = &e->file;

    assert_int_equal(
        dsi_buf_printf(out, NULL, "entry %d %lld %lld %lld %d %s %s %lld %lld",
                       (int)e->status, (long long)e->snapshot_id,
                       (long long)e->sequence_number, (long long)e->file_sequence_number,
                       (int)f->content, f->path, formats[f->format],
                       (long long)f->record_count, (long long)f->file_size),
        DS_OK);
    print_number(out, f->sort_order_id, -1);
    print(out, "\npartition");
    for (size_t i = 0; i < f->partition_count; i++) {
        print_value(out, &f->partition[i]);
    }
    for (size_t i = 0; i < f->column_count; i++) {
        const struct dsi_column_metrics *c = &f->columns[i];
        assert_int_equal(dsi_buf_printf(out, NULL, "\ncolumn %d", (int)c->field_id),
                         DS_OK);
        print_number(out, c->column_size, -1);
        print_number(out, c->value_count, -1);
        print_number(out, c->null_count, -1);
        print_number(out, c->nan_count, -1);
        print_hex(out, c->lower);
        print_hex(out, c->upper);
    }
    print(out, "\nsplits");
    for (size_t i = 0; i < f->split_offset_count; i++) {
        print_number(out, f->split_offsets[i], -1);
    }
    print(out, "\n");
}

static void print_file(struct dsi_buf *out, const struct dsi_manifest_file *f)
{
    assert_int_equal(dsi_buf_printf(out, NULL, "manifest %s %lld %d %d %lld %lld %lld",
                                    f->path, (long long)f->length, (int)f->spec_id,
                                    (int)f->content, (long long)f->sequence_number,
                                    (long long)f->min_sequence_number,
                                    (long long)f->added_snapshot_id),
                     DS_OK);
    print_number(out, f->added_files_count, -1);
    print_number(out, f->existing_files_count, -1);
    print_number(out, f->deleted_files_count, -1);
    print_number(out, f->added_rows_count, -1);
    print_number(out, f->existing_rows_count, -1);
    print_number(out, f->deleted_rows_count, -1);
    print(out, "\n");
    for (size_t i = 0; i < f->partition_count; i++) {
        assert_int_equal(
            dsi_buf_printf(out, NULL, "summary %d", f->partitions[i].contains_null),
            DS_OK);
        print_number(out, f->partitions[i].contains_nan, -1);
        print_hex(out, f->partitions[i].lower);
        print_hex(out, f->partitions[i].upper);
        print(out, "\n");
    }
}

// Writes a manifest's entries anew and leaves the bytes in `avro`.
static void rewrite(const struct dsi_metadata *m, const struct dsi_manifest_file *file,
                    struct dsi_buf *avro)
{
    const struct dsi_manifest_write w = {.format_version = 2,
                                         .schema = dsi_metadata_current_schema(m),
                                         .spec = dsi_metadata_spec(m, file->spec_id),
                                         .content = file->content,
                                         .snapshot_id = file->added_snapshot_id,
                                         .compression_level = -1};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_manifest_file made;
    struct dsi_manifest read;

    assert_int_equal(dsi_manifest_parse(dsi_buf_slice(avro), file, m, NULL, &read, NULL),
                     DS_OK);
    assert_int_equal(
        dsi_manifest_build(&w, read.entries, read.entry_count, &arena, &out, &made, NULL),
        DS_OK);
    assert_int_equal(made.partition_count, file->partition_count);
    for (size_t i = 0; i < made.partition_count; i++) { // PyIceberg summarizes as we do.
        assert_int_equal(made.partitions[i].contains_null,
                         file->partitions[i].contains_null);
        assert_true(dsi_slice_equal(made.partitions[i].lower, file->partitions[i].lower));
        assert_true(dsi_slice_equal(made.partitions[i].upper, file->partitions[i].upper));
    }
    assert_int_equal(made.added_files_count, file->added_files_count);
    assert_int_equal(made.existing_files_count, file->existing_files_count);
    assert_int_equal(made.deleted_files_count, file->deleted_files_count);
    dsi_manifest_release(&read);
    dsi_buf_release(avro);
    *avro = out;
    dsi_arena_release(&arena);
}

static void check_table(const char *table, bool anew)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct dsi_buf text = DSI_BUF_INIT;
    struct dsi_manifest_list list;
    struct dsi_metadata *m = NULL;
    struct ds_error err = {0};

    load(table, "metadata.json", &bytes);
    int rc = dsi_metadata_parse(dsi_buf_slice(&bytes), &m, &err);
    assert_string_equal(rc < 0 ? err.message : "", "");
    load(table, "list.avro", &bytes);
    rc = dsi_manifest_list_parse(dsi_buf_slice(&bytes), &list, &err);
    assert_string_equal(rc < 0 ? err.message : "", "");
    if (anew) {
        const struct dsi_manifest_list_write w = {2, 1, DSI_SNAPSHOT_NONE, 1};
        struct dsi_buf out = DSI_BUF_INIT;
        assert_int_equal(dsi_manifest_list_build(&w, list.files, list.count, &out, NULL),
                         DS_OK);
        dsi_manifest_list_release(&list);
        assert_int_equal(dsi_manifest_list_parse(dsi_buf_slice(&out), &list, NULL),
                         DS_OK);
        dsi_buf_release(&out);
    }
    for (size_t i = 0; i < list.count; i++) {
        struct dsi_manifest manifest;
        char name[32];
        snprintf(name, sizeof name, "m%zu.avro", i);
        load(table, name, &bytes);
        assert_int_equal(bytes.size, list.files[i].length);
        if (anew) {
            rewrite(m, &list.files[i], &bytes);
        }
        rc = dsi_manifest_parse(dsi_buf_slice(&bytes), &list.files[i], m, NULL, &manifest,
                                &err);
        assert_string_equal(rc < 0 ? err.message : "", "");
        print_file(&text, &list.files[i]);
        for (size_t j = 0; j < manifest.entry_count; j++) {
            print_entry(&text, &manifest.entries[j]);
        }
        dsi_manifest_release(&manifest);
    }
    load(table, "expected.txt", &bytes);
    assert_string_equal(dsi_buf_text(&text), dsi_buf_text(&bytes));
    dsi_manifest_list_release(&list);
    dsi_metadata_unref(m);
    dsi_buf_release(&bytes);
    dsi_buf_release(&text);
}

static void test_manifest_golden__reads_what_pyiceberg_reads(void **state)
{
    (void)state;
    for (int i = 0; i < TABLE_COUNT; i++) {
        check_table(tables[i], false);
    }
}

static void test_manifest_golden__writes_what_says_the_same(void **state)
{
    (void)state;
    for (int i = 0; i < TABLE_COUNT; i++) {
        check_table(tables[i], true);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_golden__reads_what_pyiceberg_reads),
        cmocka_unit_test(test_manifest_golden__writes_what_says_the_same),
    };
    return cmocka_run_group_tests_name("manifest_golden", tests, NULL, NULL);
}
