#include "codec/avro/avro_writer.h"
#include "manifest_fixture.h"

// A manifest as some other writer could have made it: `entry` and `file` are columns
// before and inside data_file (with a comma at their end), the objects are given as
// bytes.
static int parse(const char *entry, const char *file, const char *objects, size_t size,
                 const struct dsi_manifest_file *row, struct dsi_manifest *out,
                 struct ds_error *err)
{
    struct dsi_metadata *m = fixture_metadata();
    struct dsi_buf schema = DSI_BUF_INIT;
    struct dsi_buf avro = DSI_BUF_INIT;
    struct dsi_avro_writer w;

    assert_int_equal(
        dsi_buf_printf(&schema, NULL,
                       "{\"type\":\"record\",\"name\":\"manifest_entry\",\"fields\":["
                       "%s{\"name\":\"data_file\",\"field-id\":2,\"type\":{\"type\":"
                       "\"record\",\"name\":\"r2\",\"fields\":[%s{\"name\":\"partition\","
                       "\"field-id\":102,\"type\":{\"type\":\"record\",\"name\":\"r102\","
                       "\"fields\":[]}}]}}]}",
                       entry, file),
        DS_OK);
    const struct dsi_avro_write spec = {.schema = dsi_buf_slice(&schema), .level = -1};
    assert_int_equal(dsi_avro_writer_init(&w, &avro, &spec, NULL), DS_OK);
    assert_int_equal(dsi_buf_append(&w.block, objects, size, NULL), DS_OK);
    assert_int_equal(dsi_avro_writer_object(&w, NULL), DS_OK);
    assert_int_equal(dsi_avro_writer_finish(&w, NULL), DS_OK);
    int rc = dsi_manifest_parse(dsi_buf_slice(&avro), row, m, NULL, out, err);
    dsi_avro_writer_release(&w);
    dsi_buf_release(&schema);
    dsi_buf_release(&avro);
    dsi_metadata_unref(m);
    return rc;
}

#define STATUS "{\"name\":\"status\",\"type\":\"int\",\"field-id\":0},"
#define SNAPSHOT "{\"name\":\"snapshot_id\",\"type\":[\"long\",\"null\"],\"field-id\":1},"
#define SEQUENCE                                                                         \
    "{\"name\":\"sequence_number\",\"type\":[\"null\",\"long\"],\"field-id\":3},"
#define FILE_SEQUENCE                                                                    \
    "{\"name\":\"file_sequence_number\",\"type\":[\"null\",\"long\"],\"field-id\":4},"
#define PATH "{\"name\":\"file_path\",\"type\":\"string\",\"field-id\":100},"
#define FORMAT "{\"name\":\"file_format\",\"type\":\"string\",\"field-id\":101},"
#define ROWS "{\"name\":\"record_count\",\"type\":\"long\",\"field-id\":103},"
#define SIZE "{\"name\":\"file_size_in_bytes\",\"type\":\"long\",\"field-id\":104},"
#define EXTRA                                                                            \
    "{\"name\":\"new_in_v9\",\"type\":{\"type\":\"map\",\"values\":\"int\"},"            \
    "\"field-id\":900},"
#define BYTES(text) (text), sizeof(text) - 1

static const struct dsi_manifest_file row_v1 = {
    .path = "m.avro", .added_snapshot_id = 55, .first_row_id = -1};
static const struct dsi_manifest_file row_v2 = {
    .path = "m.avro", .added_snapshot_id = 55, .sequence_number = 8, .first_row_id = -1};

// The columns come in another order, one is unknown, and most are missing.
static void test_manifest_read__reads_version_1_by_field_id(void **state)
{
    struct dsi_manifest m;
    struct ds_error err = {0};
    (void)state;

    int rc = parse(SNAPSHOT STATUS, SIZE EXTRA ROWS FORMAT PATH,
                   BYTES("\0\x06\0\x14\2\2k\2\0\x10\6OrC\2p"), &row_v1, &m, &err);
    assert_string_equal(rc < 0 ? err.message : "", "");
    assert_int_equal(m.entry_count, 1);
    const struct dsi_manifest_entry *e = m.entries;
    assert_int_equal(e->status, DSI_ENTRY_EXISTING);
    assert_int_equal(e->snapshot_id, 3);
    assert_int_equal(e->sequence_number, 0);
    assert_int_equal(e->file_sequence_number, 0);
    assert_int_equal(e->file.content, DSI_CONTENT_DATA);
    assert_string_equal(e->file.path, "p");
    assert_int_equal(e->file.format, DSI_FORMAT_ORC);
    assert_int_equal(e->file.record_count, 8);
    assert_int_equal(e->file.file_size, 10);
    assert_int_equal(e->file.sort_order_id, -1);
    assert_int_equal(e->file.first_row_id, -1);
    assert_int_equal(e->file.column_count, 0);
    assert_null(e->file.referenced_data_file);
    dsi_manifest_release(&m);
}

#define COLUMNS STATUS SNAPSHOT SEQUENCE FILE_SEQUENCE, PATH FORMAT ROWS SIZE
#define FILE_BYTES "\2p\x0eparquet\x10\x14"

static void test_manifest_read__inherits_what_is_null(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        bool v1;
        int64_t snapshot_id, sequence_number, file_sequence_number; // -9: corrupt.
    } cases[] = {
        {BYTES("\2\2\0\0" FILE_BYTES), false, 55, 8, 8},
        {BYTES("\2\0\x0c\2\6\0" FILE_BYTES), false, 6, 3, 8},
        {BYTES("\0\0\x0c\2\6\2\4" FILE_BYTES), false, 6, 3, 2},
        {BYTES("\0\2\2\6\2\4" FILE_BYTES), false, 55, 3, 2},
        {BYTES("\0\0\x0c\2\6\0" FILE_BYTES), false, 6, 3, 3}, // An early v2 writer's.
        {BYTES("\0\0\x0c\0\0" FILE_BYTES), false, -9, -9, -9},
        {BYTES("\4\0\x0c\0\0" FILE_BYTES), false, -9, -9, -9},
        {BYTES("\4\0\x0c\0\0" FILE_BYTES), true, 6, 0, 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_manifest m;
        struct ds_error err = {0};
        int rc = parse(COLUMNS, cases[i].bytes, cases[i].size,
                       cases[i].v1 ? &row_v1 : &row_v2, &m, &err);
        if (cases[i].snapshot_id == -9) {
            assert_int_equal(rc, DS_ECORRUPT);
            assert_non_null(strstr(err.message, "manifest m.avro: entry 0: seq"));
            continue;
        }
        assert_string_equal(rc < 0 ? err.message : "", "");
        assert_int_equal(m.entries[0].snapshot_id, cases[i].snapshot_id);
        assert_int_equal(m.entries[0].sequence_number, cases[i].sequence_number);
        assert_int_equal(m.entries[0].file_sequence_number,
                         cases[i].file_sequence_number);
        dsi_manifest_release(&m);
    }
}

static void test_manifest_read__says_what_is_wrong(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        int rc;
        const char *words;
    } cases[] = {
        {BYTES("\6\2\0\0" FILE_BYTES), DS_ECORRUPT, "status (0): 3 is none of 0, 1, 2"},
        {BYTES("\2\2\0\0\2p\6csv\x10\x14"), DS_EUNSUPPORTED,
         "file_format (101): \"csv\""},
        {BYTES("\2\2\0\0\2p\x0eparquet\x0f\x14"), DS_ECORRUPT,
         "record_count (103): -8 is negative"},
        {BYTES("\2\2\0\0\0\x0eparquet\x10\x14"), DS_ECORRUPT, "file_path (100): missing"},
        {BYTES("\2\2\0\0\2\xff\x0eparquet\x10\x14"), DS_ECORRUPT, "not UTF-8"},
        {BYTES("\2\2\0\0" FILE_BYTES "x"), DS_ECORRUPT, "1 bytes are left after"},
        {BYTES("\2\2\0\0\2p\x0eparquet\x10"), DS_ECORRUPT, "file_size_in_bytes (104)"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_manifest m;
        struct ds_error err = {0};
        assert_int_equal(parse(COLUMNS, cases[i].bytes, cases[i].size, &row_v2, &m, &err),
                         cases[i].rc);
        if (!strstr(err.message, cases[i].words)) {
            print_message("%s\n", err.message);
        }
        assert_non_null(strstr(err.message, cases[i].words));
        assert_int_equal(m.entry_count, 0);
    }
}

static void test_manifest_read__refuses_a_manifest_of_the_wrong_kind(void **state)
{
    struct dsi_manifest_file deletes = row_v2;
    struct dsi_manifest_file unknown_spec = row_v2;
    struct dsi_manifest m;
    struct ds_error err = {0};
    (void)state;

    deletes.content = DSI_MANIFEST_DELETES;
    assert_int_equal(parse(COLUMNS, BYTES("\2\2\0\0" FILE_BYTES), &deletes, &m, &err),
                     DS_ECORRUPT);
    assert_non_null(strstr(err.message, "content (134): 0 in a manifest of deletes"));
    unknown_spec.spec_id = 44;
    assert_int_equal(
        parse(COLUMNS, BYTES("\2\2\0\0" FILE_BYTES), &unknown_spec, &m, &err),
        DS_ECORRUPT);
    assert_non_null(strstr(err.message, "partition spec 44"));
}

// Two new files, a deleted one that has its id, and another new one.
static void test_manifest_read__hands_out_row_ids(void **state)
{
    static const enum dsi_entry_status statuses[] = {DSI_ENTRY_ADDED, DSI_ENTRY_EXISTING,
                                                     DSI_ENTRY_DELETED, DSI_ENTRY_ADDED};
    static const int64_t stored[] = {-1, 7, 90, -1};
    static const int64_t expected[] = {1000, 7, 90, 1007};
    struct dsi_metadata *meta = fixture_metadata();
    struct dsi_manifest_write w = fixture_write(meta, 0);
    struct dsi_manifest_entry entries[4];
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_manifest_file file;
    const struct dsi_manifest_read_options live = {.skip_deleted = true};
    struct dsi_manifest m;
    (void)state;

    w.format_version = 3;
    for (int i = 0; i < 4; i++) {
        entries[i] =
            (struct dsi_manifest_entry){statuses[i], 5, 5, 5, fixture_file(0, NULL, 0)};
        entries[i].file.first_row_id = stored[i];
    }
    assert_int_equal(dsi_manifest_build(&w, entries, 4, &arena, &out, &file, NULL),
                     DS_OK);
    file.first_row_id = 1000;
    struct ds_slice bytes = dsi_buf_slice(&out);
    assert_int_equal(dsi_manifest_parse(bytes, &file, meta, NULL, &m, NULL), DS_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(m.entries[i].file.first_row_id, expected[i]);
    }
    dsi_manifest_release(&m);
    assert_int_equal(dsi_manifest_parse(bytes, &file, meta, &live, &m, NULL), DS_OK);
    assert_int_equal(m.entry_count, 3);
    assert_int_equal(m.entries[2].file.first_row_id, 1007);
    dsi_manifest_release(&m);
    file.first_row_id = -1; // A snapshot from before version 3: whatever is stored.
    assert_int_equal(dsi_manifest_parse(bytes, &file, meta, NULL, &m, NULL), DS_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(m.entries[i].file.first_row_id, -1);
    }
    dsi_manifest_release(&m);
    dsi_buf_release(&out);
    dsi_arena_release(&arena);
    dsi_metadata_unref(meta);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_read__reads_version_1_by_field_id),
        cmocka_unit_test(test_manifest_read__inherits_what_is_null),
        cmocka_unit_test(test_manifest_read__says_what_is_wrong),
        cmocka_unit_test(test_manifest_read__refuses_a_manifest_of_the_wrong_kind),
        cmocka_unit_test(test_manifest_read__hands_out_row_ids),
    };
    return cmocka_run_group_tests_name("manifest_read", tests, NULL, NULL);
}
