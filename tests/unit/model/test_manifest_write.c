#include "base/error.h"
#include "base/fault.h"
#include "codec/avro/avro_reader.h"
#include "manifest_fixture.h"

static const struct dsi_manifest_read_options everything;

// Writes entries, reads them back, and compares; gives the row of the list.
static struct dsi_manifest_file round_trip(const struct dsi_metadata *m,
                                           const struct dsi_manifest_write *w,
                                           const struct dsi_manifest_entry *entries,
                                           size_t count, struct dsi_arena *arena)
{
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_manifest_file file;
    struct dsi_manifest back;
    struct ds_error err = {0};

    int rc = dsi_manifest_build(w, entries, count, arena, &out, &file, &err);
    if (rc < 0) {
        print_message("%s\n", err.message);
    }
    assert_int_equal(rc, DS_OK);
    struct dsi_manifest_file listed = file;
    listed.path = "m.avro";
    listed.sequence_number = 9;
    listed.min_sequence_number = file.min_sequence_number < 0 ? 9 : 0;
    listed.first_row_id = w->format_version == 3 ? 1000 : -1;
    rc = dsi_manifest_parse(dsi_buf_slice(&out), &listed, m, &everything, &back, &err);
    if (rc < 0) {
        print_message("%s\n", err.message);
    }
    assert_int_equal(rc, DS_OK);
    assert_int_equal(back.entry_count, count);
    for (size_t i = 0; i < count; i++) {
        struct dsi_manifest_entry expected = entries[i];
        if (expected.snapshot_id == -1) {
            expected.snapshot_id = 77;
        }
        if (expected.sequence_number == -1) {
            expected.sequence_number = 9;
        }
        if (expected.file_sequence_number == -1) {
            expected.file_sequence_number = 9;
        }
        fixture_check_entry(&back.entries[i], &expected);
    }
    dsi_manifest_release(&back);
    dsi_buf_release(&out);
    return file;
}

static void test_manifest_write__keeps_partitions_of_every_type(void **state)
{
    struct dsi_metadata *m = fixture_metadata();
    struct dsi_manifest_write w = fixture_write(m, 1);
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_value values[4][FIXTURE_TYPES];
    struct dsi_manifest_entry entries[4];
    static const char *const codecs[] = {NULL, "gzip", "zstd", "snappy", "uncompressed"};
    (void)state;

    for (int i = 0; i < 4; i++) {
        fixture_partition(i, values[i]);
        entries[i] = (struct dsi_manifest_entry){
            .status = DSI_ENTRY_ADDED,
            .snapshot_id = -1,
            .sequence_number = -1,
            .file_sequence_number = -1,
            .file = fixture_file(1, values[i], FIXTURE_TYPES)};
    }
    for (int i = 0; i < FIXTURE_TYPES; i++) {
        values[3][i] = DSI_VALUE_NULL;
    }
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        w.compression = codecs[i];
        round_trip(m, &w, entries, 4, &arena);
    }
    struct dsi_manifest_file file = round_trip(m, &w, entries, 4, &arena);
    assert_int_equal(file.partition_count, FIXTURE_TYPES);
    for (int i = 0; i < FIXTURE_TYPES; i++) {
        const struct dsi_field_summary *s = &file.partitions[i];
        struct dsi_value lower;
        struct dsi_value upper;
        struct dsi_type type;
        assert_true(s->contains_null);
        assert_int_equal(s->contains_nan, 0);
        assert_int_equal(dsi_type_parse(fixture_types[i], &arena, &type, NULL), DS_OK);
        assert_int_equal(dsi_value_from_bytes(&type, s->lower, &lower, NULL), DS_OK);
        assert_int_equal(dsi_value_from_bytes(&type, s->upper, &upper, NULL), DS_OK);
        for (int j = 0; j < 3; j++) {
            assert_true(dsi_value_compare(&lower, &values[j][i]) <= 0);
            assert_true(dsi_value_compare(&upper, &values[j][i]) >= 0);
        }
    }
    dsi_arena_release(&arena);
    dsi_metadata_unref(m);
}

static void test_manifest_write__keeps_every_member(void **state)
{
    static const struct dsi_column_metrics columns[] = {
        {1, 10, 20, 0, -1, {(const uint8_t *)"a", 1}, {(const uint8_t *)"bc", 2}},
        {2, -1, 20, -1, 5, {NULL, 0}, {(const uint8_t *)"", 0}},
        {900, 0, -1, -1, -1, {NULL, 0}, {NULL, 0}},
    };
    static const int64_t offsets[] = {4, 1000000000000};
    static const int32_t ids[] = {1, 2147483447};
    struct dsi_metadata *m = fixture_metadata();
    struct dsi_manifest_write w = fixture_write(m, 0);
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_data_file f = fixture_file(0, NULL, 0);
    (void)state;

    f.columns = columns;
    f.column_count = 3;
    f.split_offsets = offsets;
    f.split_offset_count = 2;
    f.sort_order_id = 0;
    f.key_metadata = dsi_slice_text("key");
    struct dsi_manifest_entry entries[] = {
        {DSI_ENTRY_ADDED, -1, -1, -1, f},
        {DSI_ENTRY_ADDED, 77, 3, -1, f}, // Compaction keeps the old number of the rows.
        {DSI_ENTRY_EXISTING, 5, 4, 6, f},
        {DSI_ENTRY_DELETED, 77, 1, 2, f},
    };
    for (int i = 0; i < 4; i++) {
        entries[i].file.format = (enum dsi_file_format)(i % 3);
    }
    struct dsi_manifest_file file = round_trip(m, &w, entries, 4, &arena);
    assert_int_equal(file.added_files_count, 2);
    assert_int_equal(file.existing_files_count, 1);
    assert_int_equal(file.deleted_files_count, 1);
    assert_int_equal(file.added_rows_count, 14);
    assert_int_equal(file.existing_rows_count, 7);
    assert_int_equal(file.deleted_rows_count, 7);
    assert_int_equal(file.min_sequence_number, 3); // The deleted entry's 1 is not live.
    assert_int_equal(file.sequence_number, -1);
    assert_int_equal(file.added_snapshot_id, 77);
    assert_int_equal(file.spec_id, 0);
    assert_int_equal(file.partition_count, 0);

    for (int i = 0; i < 4; i++) {
        entries[i].file.content = DSI_CONTENT_EQUALITY_DELETES;
        entries[i].file.equality_ids = ids;
        entries[i].file.equality_id_count = 2;
        entries[i].file.referenced_data_file = "file:///t/data/b.parquet";
    }
    w.content = DSI_MANIFEST_DELETES;
    file = round_trip(m, &w, entries, 4, &arena);
    assert_int_equal(file.content, DSI_MANIFEST_DELETES);
    file = round_trip(m, &w, entries, 0, &arena);
    assert_int_equal(file.added_files_count, 0);
    dsi_arena_release(&arena);
    dsi_metadata_unref(m);
}

static void test_manifest_write__keeps_what_version_3_adds(void **state)
{
    struct dsi_metadata *m = fixture_metadata();
    struct dsi_manifest_write w = fixture_write(m, 0);
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_manifest_entry e = {DSI_ENTRY_EXISTING, 5, 4, 6, fixture_file(0, NULL, 0)};
    (void)state;

    w.format_version = 3;
    e.file.first_row_id = 12;
    round_trip(m, &w, &e, 1, &arena);

    e.file.first_row_id = -1;
    e.file.content = DSI_CONTENT_POSITION_DELETES;
    e.file.format = DSI_FORMAT_PUFFIN;
    e.file.content_offset = 4;
    e.file.content_size = 40;
    e.file.referenced_data_file = "file:///t/data/b.parquet";
    w.content = DSI_MANIFEST_DELETES;
    round_trip(m, &w, &e, 1, &arena);
    dsi_arena_release(&arena);
    dsi_metadata_unref(m);
}

static void test_manifest_write__knows_nan_apart_from_bounds(void **state)
{
    struct dsi_metadata *m = fixture_metadata();
    struct dsi_manifest_write w = fixture_write(m, 1);
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_value values[FIXTURE_TYPES];
    struct dsi_manifest_entry e = {DSI_ENTRY_ADDED, -1, -1, -1,
                                   fixture_file(1, values, FIXTURE_TYPES)};
    (void)state;

    fixture_partition(0, values);
    uint32_t nan = 0x7fc00000;
    memcpy(&values[3].as.f32, &nan, sizeof nan);
    struct dsi_manifest_file file = round_trip(m, &w, &e, 1, &arena);
    assert_int_equal(file.partitions[3].contains_nan, 1);
    assert_null(file.partitions[3].lower.data);
    assert_null(file.partitions[3].upper.data);
    assert_false(file.partitions[3].contains_null);
    dsi_arena_release(&arena);
    dsi_metadata_unref(m);
}

static void test_manifest_write__gives_the_same_bytes_again(void **state)
{
    struct dsi_metadata *m = fixture_metadata();
    struct dsi_manifest_write w = fixture_write(m, 0);
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf out[2] = {DSI_BUF_INIT, DSI_BUF_INIT};
    struct dsi_manifest_file file;
    struct dsi_manifest_entry e = {DSI_ENTRY_ADDED, -1, -1, -1, fixture_file(0, NULL, 0)};
    (void)state;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(dsi_manifest_build(&w, &e, 1, &arena, &out[i], &file, NULL),
                         DS_OK);
    }
    assert_int_equal(out[0].size, out[1].size);
    assert_memory_equal(out[0].data, out[1].data, out[0].size);
    dsi_buf_release(&out[0]);
    dsi_buf_release(&out[1]);
    dsi_arena_release(&arena);
    dsi_metadata_unref(m);
}

static void test_manifest_write__writes_the_header_that_is_asked_for(void **state)
{
    static const char *const expected[][2] = {
        {"schema-id", "3"},      {"partition-spec", "[]"}, {"partition-spec-id", "0"},
        {"format-version", "2"}, {"content", "data"},      {"avro.codec", "zstandard"},
    };
    struct dsi_metadata *m = fixture_metadata();
    struct dsi_manifest_write w = fixture_write(m, 0);
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_manifest_file file;
    struct dsi_avro_reader r;
    struct ds_slice value;
    (void)state;

    w.compression = "zstd";
    w.compression_level = 1;
    assert_int_equal(dsi_manifest_build(&w, NULL, 0, &arena, &out, &file, NULL), DS_OK);
    assert_int_equal(dsi_avro_reader_init(&r, dsi_buf_slice(&out), NULL), DS_OK);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_true(dsi_avro_reader_meta(&r, expected[i][0], &value));
        assert_true(dsi_slice_equal(value, dsi_slice_text(expected[i][1])));
    }
    assert_true(dsi_avro_reader_meta(&r, "schema", &value));
    assert_int_equal(value.data[0], '{');
    dsi_avro_reader_release(&r);
    dsi_buf_release(&out);
    dsi_arena_release(&arena);
    dsi_metadata_unref(m);
}

static void test_manifest_write__compresses_many_entries_and_not_a_few(void **state)
{
    enum { MANY = 100 };
    const struct {
        size_t count;
        int32_t level;
        const char *codec;
    } cases[] = {{1, -1, "null"}, {1, 9, "deflate"}, {MANY, -1, "deflate"}};
    struct dsi_metadata *m = fixture_metadata();
    struct dsi_manifest_write w = fixture_write(m, 0);
    static struct dsi_manifest_entry entries[MANY];
    (void)state;

    for (size_t i = 0; i < MANY; i++) {
        entries[i] = (struct dsi_manifest_entry){.status = DSI_ENTRY_ADDED,
                                                 .snapshot_id = -1,
                                                 .sequence_number = -1,
                                                 .file_sequence_number = -1,
                                                 .file = fixture_file(0, NULL, 0)};
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_buf out = DSI_BUF_INIT;
        struct dsi_manifest_file file;
        struct dsi_avro_reader r;
        struct ds_slice codec;
        w.compression_level = cases[i].level;
        assert_int_equal(
            dsi_manifest_build(&w, entries, cases[i].count, &arena, &out, &file, NULL),
            DS_OK);
        assert_int_equal(dsi_avro_reader_init(&r, dsi_buf_slice(&out), NULL), DS_OK);
        assert_true(dsi_avro_reader_meta(&r, "avro.codec", &codec));
        assert_true(dsi_slice_equal(codec, dsi_slice_text(cases[i].codec)));
        dsi_avro_reader_release(&r);
        dsi_buf_release(&out);
        dsi_arena_release(&arena);
    }
    dsi_metadata_unref(m);
}

static void test_manifest_write__refuses_what_readers_would_misread(void **state)
{
    struct dsi_metadata *m = fixture_metadata();
    struct dsi_manifest_write w = fixture_write(m, 0);
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_manifest_file file;
    struct dsi_manifest_entry good = {DSI_ENTRY_ADDED, -1, -1, -1,
                                      fixture_file(0, NULL, 0)};
    struct dsi_manifest_entry bad[6] = {good, good, good, good, good, good};
    (void)state;

    bad[0].status = DSI_ENTRY_EXISTING;
    bad[1].file.content = DSI_CONTENT_POSITION_DELETES;
    bad[2].file.partition_count = 1;
    bad[3].file.path = NULL;
    bad[4].file.record_count = -1;
    bad[5].file.format = DSI_FORMAT_PUFFIN;
    for (int i = 0; i < 6; i++) {
        struct ds_error err = {0};
        assert_int_equal(dsi_manifest_build(&w, &bad[i], 1, &arena, &out, &file, &err),
                         DS_EINVALID);
        assert_int_equal(out.size, 0);
        assert_true(strlen(err.message) > 20);
    }
    w.compression = "bzip2";
    assert_int_equal(dsi_manifest_build(&w, &good, 1, &arena, &out, &file, NULL),
                     DS_EINVALID);
    w.compression = NULL;
    w.format_version = 1;
    assert_int_equal(dsi_manifest_build(&w, &good, 1, &arena, &out, &file, NULL),
                     DS_EUNSUPPORTED);
    dsi_buf_release(&out);
    dsi_arena_release(&arena);
    dsi_metadata_unref(m);
}

// One build and parse under the current plan: it fails as a whole, or is right.
static void build_and_look(const struct dsi_metadata *m)
{
    static const struct dsi_column_metrics columns[] = {
        {1, 10, 20, 0, -1, {(const uint8_t *)"a", 1}, {(const uint8_t *)"bc", 2}}};
    static const int64_t offsets[] = {4};
    struct dsi_manifest_write w = fixture_write(m, 1);
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_manifest back = {.arena = DSI_ARENA_INIT};
    struct dsi_manifest_file file;
    struct ds_error err = {0};
    struct dsi_value values[FIXTURE_TYPES];
    struct dsi_manifest_entry e = {DSI_ENTRY_ADDED, 77, 9, 9,
                                   fixture_file(1, values, FIXTURE_TYPES)};
    int rc = DS_OK;

    fixture_partition(0, values);
    e.file.columns = columns;
    e.file.column_count = 1;
    e.file.split_offsets = offsets;
    e.file.split_offset_count = 1;
    DSI_TRY(dsi_manifest_build(&w, &e, 1, &arena, &out, &file, &err));
    file.sequence_number = 9;
    DSI_TRY(dsi_manifest_parse(dsi_buf_slice(&out), &file, m, &everything, &back, &err));
done:
    dsi_fault_stop();
    assert_true(rc == DS_OK || (rc == DS_ENOMEM && err.message[0] != '\0'));
    assert_true(rc == DS_OK || back.entry_count == 0);
    if (rc == DS_OK) {
        assert_int_equal(back.entry_count, 1);
        fixture_check_entry(&back.entries[0], &e);
    }
    dsi_manifest_release(&back);
    dsi_buf_release(&out);
    dsi_arena_release(&arena);
}

static void test_manifest_write__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct dsi_metadata *m = fixture_metadata();
    (void)state;

    while (dsi_fault_next(&plan)) {
        build_and_look(m);
    }
    assert_true(plan.target > 20);
    dsi_metadata_unref(m);
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
        cmocka_unit_test(test_manifest_write__keeps_partitions_of_every_type),
        cmocka_unit_test(test_manifest_write__keeps_every_member),
        cmocka_unit_test(test_manifest_write__keeps_what_version_3_adds),
        cmocka_unit_test(test_manifest_write__knows_nan_apart_from_bounds),
        cmocka_unit_test(test_manifest_write__gives_the_same_bytes_again),
        cmocka_unit_test(test_manifest_write__writes_the_header_that_is_asked_for),
        cmocka_unit_test(test_manifest_write__compresses_many_entries_and_not_a_few),
        cmocka_unit_test(test_manifest_write__refuses_what_readers_would_misread),
        cmocka_unit_test_teardown(test_manifest_write__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("manifest_write", tests, NULL, NULL);
}
