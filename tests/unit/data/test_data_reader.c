#include "base/fault.h"
#include "base/text.h"
#include "unit/data/files.h"

static ds_storage *local;

static int open_storage(void **state)
{
    (void)state;
    return dsi_storage_local_new(&local, NULL);
}

static int close_storage(void **state)
{
    (void)state;
    dsi_storage_free(local);
    return 0;
}

// What rows 0 and 2 of types.parquet hold, as people write it; row 1 is null.
static const struct {
    struct dsi_field field;
    const char *first;
    const char *third;
} types[] = {
    {ROWS_FIELD(1, "b", false, .kind = DSI_TYPE_BOOLEAN), "true", "false"},
    {ROWS_FIELD(2, "i8", false, .kind = DSI_TYPE_INT), "-128", "127"},
    {ROWS_FIELD(3, "u16", false, .kind = DSI_TYPE_INT), "0", "65535"},
    {ROWS_FIELD(4, "i32", false, .kind = DSI_TYPE_INT), "-2147483648", "2147483647"},
    {ROWS_FIELD(5, "u32", false, .kind = DSI_TYPE_LONG), "0", "4294967295"},
    {ROWS_FIELD(6, "i64", false, .kind = DSI_TYPE_LONG), "-9223372036854775808",
     "9223372036854775807"},
    {ROWS_FIELD(7, "f16", false, .kind = DSI_TYPE_FLOAT), "1.5", "-2.0"},
    {ROWS_FIELD(8, "f32", false, .kind = DSI_TYPE_FLOAT), "1.5", "-0.0"},
    {ROWS_FIELD(9, "f64", false, .kind = DSI_TYPE_DOUBLE), "1.5", "nan"},
    {ROWS_FIELD(10, "d9", false, .kind = DSI_TYPE_DECIMAL, .precision = 9, .scale = 2),
     "-1234567.89", "0.01"},
    {ROWS_FIELD(11, "d18", false, .kind = DSI_TYPE_DECIMAL, .precision = 18, .scale = 3),
     "-123456789012345.678", "0.001"},
    {ROWS_FIELD(12, "d38", false, .kind = DSI_TYPE_DECIMAL, .precision = 38),
     "-99999999999999999999999999999999999999", "99999999999999999999999999999999999999"},
    {ROWS_FIELD(13, "date", false, .kind = DSI_TYPE_DATE), "2017-11-16", "1969-12-31"},
    {ROWS_FIELD(14, "t_ms", false, .kind = DSI_TYPE_TIME), "01:02:03.004",
     "23:59:59.999"},
    {ROWS_FIELD(15, "t_us", false, .kind = DSI_TYPE_TIME), "01:02:03.000004",
     "23:59:59.999999"},
    {ROWS_FIELD(16, "ts_ms", false, .kind = DSI_TYPE_TIMESTAMP),
     "2017-11-16T22:31:08.123", "1969-12-31T23:59:59.999"},
    {ROWS_FIELD(17, "ts_us", false, .kind = DSI_TYPE_TIMESTAMP),
     "2017-11-16T22:31:08.123", "1969-12-31T23:59:59.999999"},
    {ROWS_FIELD(18, "tz_us", false, .kind = DSI_TYPE_TIMESTAMPTZ),
     "2017-11-16T22:31:08.123Z", "2017-11-16T22:31:08.123Z"},
    {ROWS_FIELD(19, "s", false, .kind = DSI_TYPE_STRING),
     "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", ""},
    {ROWS_FIELD(20, "dict", false, .kind = DSI_TYPE_STRING), "SEA", "SEA"},
    {ROWS_FIELD(21, "bin", false, .kind = DSI_TYPE_BINARY), "\x00\xff", ""},
    {ROWS_FIELD(22, "fix", false, .kind = DSI_TYPE_FIXED, .length = 5), "abcde",
     "\0\0\0\0\0"},
    {ROWS_FIELD(23, "u", false, .kind = DSI_TYPE_UUID),
     "00000000-0000-0000-0000-000000000001", "ffffffff-ffff-ffff-ffff-ffffffffffff"},
};

enum { TYPES = sizeof types / sizeof types[0] };

static void assert_value(const struct dsi_column *c, int64_t row, const char *text)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    const struct dsi_type *t = &c->field->type;
    struct dsi_value is;
    struct dsi_value want = {.kind = t->kind};

    dsi_column_value(c, row, &is);
    if (t->kind == DSI_TYPE_BINARY || t->kind == DSI_TYPE_FIXED) {
        size_t size = t->kind == DSI_TYPE_FIXED ? 5 : row == 0 ? 2 : 0;
        want.as.bytes = (struct ds_slice){(const uint8_t *)text, size};
    } else {
        assert_int_equal(dsi_value_parse(t, text, strlen(text), &arena, &want, NULL),
                         DS_OK);
    }
    bool nan = !is.null && dsi_value_is_nan(&is) && dsi_value_is_nan(&want);
    if (!nan && !rows_same_value(&want, &is)) {
        fail_msg("column %s, row %lld is not %s", c->field->name, (long long)row, text);
    }
    dsi_arena_release(&arena);
}

static void reads_types(const char *location)
{
    struct dsi_field fields[TYPES];
    for (size_t i = 0; i < TYPES; i++) {
        fields[TYPES - 1 - i] = types[i].field; // By id: the order does not matter.
    }
    struct dsi_schema schema = rows_schema(fields, TYPES);
    struct dsi_data_file file = files_data_file(location);
    struct dsi_data_reader_options options = {
        .storage = local, .file = &file, .schema = &schema};
    struct ds_error err = {0};
    struct dsi_batch b;

    if (files_read_all(&options, &b, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(b.rows, 3);
    for (size_t i = 0; i < TYPES; i++) {
        const struct dsi_column *c = &b.columns[TYPES - 1 - i];
        assert_value(c, 0, types[i].first);
        assert_true(dsi_column_is_null(c, 1));
        assert_value(c, 2, types[i].third);
    }
    dsi_batch_release(&b);
}

static void test_data_reader__reads_what_another_writer_stores_for_each_type(void **state)
{
    (void)state;
    reads_types(FILES_GOLDEN("types.parquet"));
    reads_types(FILES_GOLDEN("types_decimal_integers.parquet"));
}

static void test_data_reader__reads_int96_by_position_without_ids(void **state)
{
    struct dsi_field field = ROWS_FIELD(1, "ts", false, .kind = DSI_TYPE_TIMESTAMP);
    struct dsi_schema schema = rows_schema(&field, 1);
    struct dsi_data_file file = files_data_file(FILES_GOLDEN("int96.parquet"));
    struct dsi_data_reader_options options = {
        .storage = local, .file = &file, .schema = &schema};
    struct ds_error err = {0};
    struct dsi_batch b;
    (void)state;

    if (files_read_all(&options, &b, &err) < 0) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(b.rows, 3);
    assert_value(&b.columns[0], 0, "2017-11-16T22:31:08.123");
    assert_value(&b.columns[0], 2, "1969-12-31T23:00:00");
    dsi_batch_release(&b);
}

static const struct dsi_field wide_fields[] = {
    ROWS_FIELD(4, "renamed", false, .kind = DSI_TYPE_STRING),
    ROWS_FIELD(3, "d", false, .kind = DSI_TYPE_DECIMAL, .precision = 20, .scale = 2),
    ROWS_FIELD(9, "new", false, .kind = DSI_TYPE_INT),
    ROWS_FIELD(1, "i", false, .kind = DSI_TYPE_LONG),
    ROWS_FIELD(2, "f", false, .kind = DSI_TYPE_DOUBLE),
};

static void check_wide_row(const struct dsi_batch *b, int64_t row, int64_t n)
{
    char name[16];
    struct dsi_value v;
    snprintf(name, sizeof name, "name %d", (int)n);
    dsi_column_value(&b->columns[0], row, &v);
    assert_true(dsi_slice_equal(v.as.bytes, dsi_slice_text(name)));
    dsi_column_value(&b->columns[1], row, &v);
    assert_true(v.as.decimal == n);
    dsi_column_value(&b->columns[2], row, &v);
    assert_true(v.null);
    dsi_column_value(&b->columns[3], row, &v);
    assert_int_equal(v.as.i64, n);
    dsi_column_value(&b->columns[4], row, &v);
    assert_true(v.as.f64 == (double)n / 2);
}

static void test_data_reader__widens_types_and_knows_columns_by_id(void **state)
{
    struct dsi_schema schema = rows_schema(wide_fields, 5);
    struct dsi_data_file file = files_data_file(FILES_GOLDEN("narrow.parquet"));
    (void)state;

    for (int64_t rows_max = 0; rows_max < 60; rows_max += 7) {
        struct dsi_data_reader_options options = {.storage = local,
                                                  .file = &file,
                                                  .schema = &schema,
                                                  .batch_rows_max = rows_max};
        struct ds_error err = {0};
        struct dsi_batch b;
        if (files_read_all(&options, &b, &err) < 0) {
            fail_msg("%s", err.message);
        }
        assert_int_equal(b.rows, 100);
        for (int64_t i = 0; i < 100; i++) {
            check_wide_row(&b, i, i);
        }
        dsi_batch_release(&b);
    }
}

struct asked {
    int times;
    int64_t low[2];
    int64_t high[2];
};

// For rows whose column 3 (id 1, a long) may hold 75.
static enum dsi_match match_75(const void *arg, int64_t rows,
                               const struct dsi_column_metrics *columns, size_t count)
{
    struct asked *a = (struct asked *)arg; // Ours.
    assert_int_equal(rows, 50);
    assert_int_equal(count, 5);
    assert_int_equal(columns[3].field_id, 1);
    assert_int_equal(columns[3].lower.size, 8); // As the table's type has it.
    memcpy(&a->low[a->times], columns[3].lower.data, 8);
    memcpy(&a->high[a->times], columns[3].upper.data, 8);
    assert_int_equal(columns[3].null_count, 0);
    assert_int_equal(columns[2].null_count, 50); // Not in the file.
    assert_int_equal(columns[2].value_count, 50);
    bool keep = a->low[a->times] <= 75 && a->high[a->times] >= 75;
    a->times++;
    return keep ? DSI_MATCH_ALL : DSI_MATCH_NONE;
}

static void test_data_reader__skips_row_groups_by_their_statistics(void **state)
{
    struct dsi_schema schema = rows_schema(wide_fields, 5);
    struct dsi_data_file file = files_data_file(FILES_GOLDEN("narrow.parquet"));
    struct asked asked = {0};
    struct dsi_data_filter filter = {
        .arg = &asked, .ids = &wide_fields[3].id, .id_count = 1, .match = match_75};
    struct dsi_data_reader_options options = {
        .storage = local, .file = &file, .schema = &schema, .filter = &filter};
    struct dsi_batch b;
    (void)state;

    assert_int_equal(files_read_all(&options, &b, NULL), DS_OK);
    assert_int_equal(asked.times, 2);
    assert_int_equal(asked.low[0], 0);
    assert_int_equal(asked.high[0], 49);
    assert_int_equal(b.rows, 50);
    check_wide_row(&b, 0, 50);
    dsi_batch_release(&b);
}

// One row group of 200 rows, without an offset index: where its lists begin is known only
// to who has decoded what comes before. Flat rows are cut anywhere.
static int64_t rows_of_part(const char *location, const struct dsi_schema *schema,
                            uint32_t part, uint32_t count)
{
    struct dsi_data_file file = files_data_file(location);
    struct dsi_data_reader_options options = {.storage = local,
                                              .file = &file,
                                              .schema = schema,
                                              .own_schema = true,
                                              .part = part,
                                              .part_count = count};
    struct dsi_data_reader *r = NULL;
    struct dsi_batch b;
    int64_t rows = 0;
    int rc = DS_OK;

    assert_int_equal(dsi_data_reader_open(&options, &r, NULL), DS_OK);
    while ((rc = dsi_data_reader_next(r, &b, NULL)) == DS_ROW) {
        rows += b.rows;
        dsi_batch_release(&b);
    }
    assert_int_equal(rc, DS_OK);
    dsi_data_reader_close(r);
    return rows;
}

static void test_data_reader__cuts_only_where_a_part_may_begin(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema deep;
    struct dsi_schema flat;
    (void)state;

    assert_int_equal(
        dsi_data_file_schema(local, FILES_GOLDEN("deep_v1.parquet"), &arena, &deep, NULL),
        DS_OK);
    assert_int_equal(
        dsi_data_file_schema(local, FILES_GOLDEN("narrow.parquet"), &arena, &flat, NULL),
        DS_OK);
    int64_t parts = 0;
    int64_t rows = 0;
    for (uint32_t part = 0; part < 3; part++) {
        int64_t n = rows_of_part(FILES_GOLDEN("deep_v1.parquet"), &deep, part, 3);
        parts += n > 0;
        rows += n;
    }
    assert_int_equal(parts, 1);
    assert_int_equal(rows, 200);
    for (uint32_t part = 0; part < 8; part++) {
        int64_t n = rows_of_part(FILES_GOLDEN("narrow.parquet"), &flat, part, 8);
        assert_true(n > 0 && n < 50);
        rows += n;
    }
    assert_int_equal(rows, 300);
    dsi_arena_release(&arena);
}

static void refuses(const char *location, const struct dsi_field *field, int status,
                    const char *says)
{
    struct dsi_schema schema = rows_schema(field, 1);
    struct dsi_data_file file = files_data_file(location);
    struct dsi_data_reader_options options = {
        .storage = local, .file = &file, .schema = &schema};
    struct ds_error err = {0};
    struct dsi_data_reader *r = NULL;

    if (dsi_data_reader_open(&options, &r, &err) != status ||
        !strstr(err.message, says) ||
        !strstr(err.message, location + strlen("file://"))) {
        fail_msg("%d '%s' is not %d with '%s'", err.status, err.message, status, says);
    }
    assert_null(r);
}

static void test_data_reader__says_what_it_cannot_read(void **state)
{
    static const struct dsi_field missing =
        ROWS_FIELD(99, "gone", true, .kind = DSI_TYPE_INT);
    static const struct dsi_field narrow =
        ROWS_FIELD(6, "i64", false, .kind = DSI_TYPE_INT);
    static const struct dsi_field u64 =
        ROWS_FIELD(1, "u64", false, .kind = DSI_TYPE_LONG);
    static const struct dsi_field xs = ROWS_FIELD(1, "xs", false, .kind = DSI_TYPE_INT);
    (void)state;

    refuses(FILES_GOLDEN("types.parquet"), &missing, DS_ECORRUPT, "column gone (id 99)");
    refuses(FILES_GOLDEN("types.parquet"), &narrow, DS_ECORRUPT,
            "column i64: the file has a long, expected a int");
    refuses(FILES_GOLDEN("uint64.parquet"), &u64, DS_EUNSUPPORTED, "column u64");
    refuses(FILES_GOLDEN("nested.parquet"), &xs, DS_ECORRUPT,
            "column xs: the file has a list, expected a int");
    refuses(FILES_GOLDEN("make.py"), &xs, DS_ECORRUPT, "");
    refuses(FILES_GOLDEN("nothing.parquet"), &xs, DS_ENOTFOUND, "");
}

static void test_data_reader__refuses_other_formats_by_name(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    struct dsi_data_file file = files_data_file("file:///a.orc");
    struct dsi_data_reader_options options = {
        .storage = local, .file = &file, .schema = &schema};
    struct ds_error err = {0};
    struct dsi_data_reader *r = NULL;
    (void)state;

    file.format = DSI_FORMAT_ORC;
    assert_int_equal(dsi_data_reader_open(&options, &r, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "ORC"));
    file.format = DSI_FORMAT_AVRO;
    assert_int_equal(dsi_data_reader_open(&options, &r, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "Avro"));
}

static void test_data_reader__survives_every_fault(void **state)
{
    struct dsi_schema schema = rows_schema(wide_fields, 5);
    struct dsi_data_file file = files_data_file(FILES_GOLDEN("narrow.parquet"));
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_data_reader_options options = {.storage = local,
                                                  .file = &file,
                                                  .schema = &schema,
                                                  .batch_rows_max = 20,
                                                  .batch_bytes_max = 100};
        struct ds_error err = {0};
        struct dsi_batch b;
        int rc = files_read_all(&options, &b, &err);
        dsi_fault_stop();
        assert_int_equal(rc < 0, plan.name != NULL);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        assert_int_equal(b.rows, rc == DS_OK ? 100 : 0);
        dsi_batch_release(&b);
    }
    assert_true(plan.target > 50);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            test_data_reader__reads_what_another_writer_stores_for_each_type),
        cmocka_unit_test(test_data_reader__reads_int96_by_position_without_ids),
        cmocka_unit_test(test_data_reader__widens_types_and_knows_columns_by_id),
        cmocka_unit_test(test_data_reader__skips_row_groups_by_their_statistics),
        cmocka_unit_test(test_data_reader__cuts_only_where_a_part_may_begin),
        cmocka_unit_test(test_data_reader__says_what_it_cannot_read),
        cmocka_unit_test(test_data_reader__refuses_other_formats_by_name),
        cmocka_unit_test(test_data_reader__survives_every_fault),
    };
    return cmocka_run_group_tests_name("data_reader", tests, open_storage, close_storage);
}
