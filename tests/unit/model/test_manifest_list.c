#include "base/error.h"
#include "base/fault.h"
#include "codec/avro/avro_reader.h"
#include "manifest_fixture.h"

static const struct dsi_field_summary summaries[] = {
    {true, 1, {(const uint8_t *)"a", 1}, {(const uint8_t *)"z", 1}},
    {false, -1, {NULL, 0}, {(const uint8_t *)"", 0}},
};

static struct dsi_manifest_file full_row(void)
{
    return (struct dsi_manifest_file){.path = "file:///t/metadata/m0.avro",
                                      .length = 7989,
                                      .spec_id = 1,
                                      .content = DSI_MANIFEST_DELETES,
                                      .sequence_number = 4,
                                      .min_sequence_number = 3,
                                      .added_snapshot_id = 6668963634911763636,
                                      .added_files_count = 1,
                                      .existing_files_count = 2,
                                      .deleted_files_count = 3,
                                      .added_rows_count = 10,
                                      .existing_rows_count = 20,
                                      .deleted_rows_count = 1LL << 40,
                                      .partitions = summaries,
                                      .partition_count = 2,
                                      .key_metadata = {(const uint8_t *)"k", 1},
                                      .first_row_id = -1};
}

static void check_row(const struct dsi_manifest_file *a,
                      const struct dsi_manifest_file *b)
{
    assert_string_equal(a->path, b->path);
    assert_int_equal(a->length, b->length);
    assert_int_equal(a->spec_id, b->spec_id);
    assert_int_equal(a->content, b->content);
    assert_int_equal(a->sequence_number, b->sequence_number);
    assert_int_equal(a->min_sequence_number, b->min_sequence_number);
    assert_int_equal(a->added_snapshot_id, b->added_snapshot_id);
    assert_int_equal(a->added_files_count, b->added_files_count);
    assert_int_equal(a->existing_files_count, b->existing_files_count);
    assert_int_equal(a->deleted_files_count, b->deleted_files_count);
    assert_int_equal(a->added_rows_count, b->added_rows_count);
    assert_int_equal(a->existing_rows_count, b->existing_rows_count);
    assert_int_equal(a->deleted_rows_count, b->deleted_rows_count);
    assert_int_equal(a->partitions == NULL, b->partitions == NULL);
    assert_int_equal(a->partition_count, b->partition_count);
    for (size_t i = 0; i < a->partition_count; i++) {
        assert_int_equal(a->partitions[i].contains_null, b->partitions[i].contains_null);
        assert_int_equal(a->partitions[i].contains_nan, b->partitions[i].contains_nan);
        fixture_check_slice(a->partitions[i].lower, b->partitions[i].lower);
        fixture_check_slice(a->partitions[i].upper, b->partitions[i].upper);
    }
    fixture_check_slice(a->key_metadata, b->key_metadata);
    assert_int_equal(a->first_row_id, b->first_row_id);
}

static const struct dsi_manifest_list_write version_2 = {
    .format_version = 2, .snapshot_id = 5, .parent_id = -1, .sequence_number = 9};

static void test_manifest_list__keeps_every_member(void **state)
{
    struct dsi_manifest_list_write w = version_2;
    struct dsi_manifest_file rows[3] = {full_row(), full_row(), full_row()};
    (void)state;

    rows[1].partitions = NULL;
    rows[1].partition_count = 0;
    rows[1].key_metadata = (struct ds_slice){NULL, 0};
    rows[2].partition_count = 0; // There, and empty: an unpartitioned table's.
    for (w.format_version = 2; w.format_version <= 3; w.format_version++) {
        struct dsi_buf out = DSI_BUF_INIT;
        struct dsi_manifest_list list;
        struct ds_error err = {0};
        rows[0].first_row_id = w.format_version == 3 ? 50 : -1;
        assert_int_equal(dsi_manifest_list_build(&w, rows, 3, &out, &err), DS_OK);
        assert_int_equal(dsi_manifest_list_parse(dsi_buf_slice(&out), &list, &err),
                         DS_OK);
        assert_int_equal(list.count, 3);
        for (int i = 0; i < 3; i++) {
            check_row(&list.files[i], &rows[i]);
        }
        dsi_manifest_list_release(&list);
        dsi_buf_release(&out);
    }
}

static void test_manifest_list__assigns_the_numbers_of_the_commit(void **state)
{
    struct dsi_manifest_file rows[2] = {full_row(), full_row()};
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_manifest_list list;
    (void)state;

    rows[0].sequence_number = -1;
    rows[0].min_sequence_number = -1;
    rows[1].sequence_number = -1;
    assert_int_equal(dsi_manifest_list_build(&version_2, rows, 2, &out, NULL), DS_OK);
    assert_int_equal(dsi_manifest_list_parse(dsi_buf_slice(&out), &list, NULL), DS_OK);
    assert_int_equal(list.files[0].sequence_number, 9);
    assert_int_equal(list.files[0].min_sequence_number, 9);
    assert_int_equal(list.files[1].sequence_number, 9);
    assert_int_equal(list.files[1].min_sequence_number, 3);
    dsi_manifest_list_release(&list);
    dsi_buf_release(&out);
}

static void test_manifest_list__compresses_many_rows_and_not_a_few(void **state)
{
    enum { MANY = 100 };
    static struct dsi_manifest_file rows[MANY];
    const struct {
        size_t count;
        const char *codec;
    } cases[] = {{3, "null"}, {MANY, "deflate"}};
    (void)state;

    for (size_t i = 0; i < MANY; i++) {
        rows[i] = full_row();
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_buf out = DSI_BUF_INIT;
        struct dsi_manifest_list list;
        struct dsi_avro_reader r;
        struct ds_slice codec;
        assert_int_equal(
            dsi_manifest_list_build(&version_2, rows, cases[i].count, &out, NULL), DS_OK);
        assert_int_equal(dsi_avro_reader_init(&r, dsi_buf_slice(&out), NULL), DS_OK);
        assert_true(dsi_avro_reader_meta(&r, "avro.codec", &codec));
        assert_true(dsi_slice_equal(codec, dsi_slice_text(cases[i].codec)));
        assert_int_equal(dsi_manifest_list_parse(dsi_buf_slice(&out), &list, NULL),
                         DS_OK);
        assert_int_equal(list.count, cases[i].count);
        check_row(&list.files[cases[i].count - 1], &rows[cases[i].count - 1]);
        dsi_manifest_list_release(&list);
        dsi_avro_reader_release(&r);
        dsi_buf_release(&out);
    }
}

static void test_manifest_list__says_whose_it_is(void **state)
{
    struct dsi_manifest_list_write w = version_2;
    (void)state;

    for (int i = 0; i < 2; i++) {
        struct dsi_buf out = DSI_BUF_INIT;
        struct dsi_avro_reader r;
        struct ds_slice v;
        w.parent_id = i == 0 ? DSI_SNAPSHOT_NONE : 4;
        assert_int_equal(dsi_manifest_list_build(&w, NULL, 0, &out, NULL), DS_OK);
        assert_int_equal(dsi_avro_reader_init(&r, dsi_buf_slice(&out), NULL), DS_OK);
        assert_true(dsi_avro_reader_meta(&r, "snapshot-id", &v));
        assert_true(dsi_slice_equal(v, dsi_slice_text("5")));
        assert_true(dsi_avro_reader_meta(&r, "parent-snapshot-id", &v));
        assert_true(dsi_slice_equal(v, dsi_slice_text(i == 0 ? "null" : "4")));
        assert_true(dsi_avro_reader_meta(&r, "sequence-number", &v));
        assert_true(dsi_slice_equal(v, dsi_slice_text("9")));
        dsi_avro_reader_release(&r);
        dsi_buf_release(&out);
    }
}

static void test_manifest_list__refuses_rows_that_nobody_counted(void **state)
{
    struct dsi_buf out = DSI_BUF_INIT;
    struct ds_error err = {0};
    struct dsi_manifest_file rows[3] = {full_row(), full_row(), full_row()};
    (void)state;

    rows[0].deleted_rows_count = -1;
    rows[1].path = NULL;
    rows[2].length = -1;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(dsi_manifest_list_build(&version_2, &rows[i], 1, &out, &err),
                         DS_EINVALID);
        assert_int_equal(out.size, 0);
    }
    dsi_buf_release(&out);
}

static void test_manifest_list__survives_every_fault(void **state)
{
    struct dsi_manifest_file row = full_row();
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_buf out = DSI_BUF_INIT;
        struct dsi_manifest_list list = {.arena = DSI_ARENA_INIT};
        struct ds_error err = {0};
        int rc = dsi_manifest_list_build(&version_2, &row, 1, &out, &err);
        if (rc == DS_OK) {
            rc = dsi_manifest_list_parse(dsi_buf_slice(&out), &list, &err);
        }
        dsi_fault_stop();
        assert_true(rc == DS_OK || (rc == DS_ENOMEM && err.message[0] != '\0'));
        assert_true((rc == DS_OK) == (list.count == 1));
        dsi_manifest_list_release(&list);
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
        cmocka_unit_test(test_manifest_list__keeps_every_member),
        cmocka_unit_test(test_manifest_list__assigns_the_numbers_of_the_commit),
        cmocka_unit_test(test_manifest_list__compresses_many_rows_and_not_a_few),
        cmocka_unit_test(test_manifest_list__says_whose_it_is),
        cmocka_unit_test(test_manifest_list__refuses_rows_that_nobody_counted),
        cmocka_unit_test_teardown(test_manifest_list__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("manifest_list", tests, NULL, NULL);
}
