#include "data/data_adopt.h"

#include "base/fault.h"
#include "data/data_mapping.h"
#include "unit/data/files.h"

// A table of these columns, with the name mapping that its own names make, or none.
struct table {
    struct dsi_arena arena;
    struct dsi_metadata *metadata;
    ds_storage *storage;
};

static void table_init(struct table *t, const char *fields, const char *partition_by,
                       bool mapped)
{
    struct dsi_schema schema;
    struct dsi_partition_spec spec;
    struct dsi_metadata_new make = {.table_uuid = "00000000-0000-0000-0000-000000000000",
                                    .location = "file:///nowhere",
                                    .schema = &schema};
    struct dsi_metadata_edit *edit = NULL;
    const char *mapping = NULL;
    char json[2000];

    *t = (struct table){0};
    snprintf(json, sizeof json, "{\"type\":\"struct\",\"fields\":[%s]}", fields);
    struct ds_slice text = {(const uint8_t *)json, strlen(json)};
    assert_int_equal(dsi_schema_from_json(text, &t->arena, &schema, NULL), DS_OK);
    if (partition_by) {
        assert_int_equal(
            dsi_partition_spec_parse(partition_by, &schema, &t->arena, &spec, NULL),
            DS_OK);
        make.spec = &spec;
    }
    assert_int_equal(dsi_metadata_new(&make, &t->metadata, NULL), DS_OK);
    assert_int_equal(dsi_storage_router_new(&t->storage, NULL), DS_OK);
    if (mapped) {
        struct dsi_metadata *next = NULL;
        assert_int_equal(
            dsi_data_mapping_complete(t->metadata, &t->arena, &mapping, NULL), DS_OK);
        assert_int_equal(dsi_metadata_edit_new(t->metadata, &edit, NULL), DS_OK);
        assert_int_equal(
            dsi_metadata_edit_set_property(edit, DSI_NAME_MAPPING_KEY, mapping, NULL),
            DS_OK);
        assert_int_equal(dsi_metadata_edit_finish(edit, 0, NULL, &next, NULL, NULL),
                         DS_OK);
        dsi_metadata_unref(t->metadata);
        t->metadata = next;
    }
}

static void table_release(struct table *t)
{
    dsi_metadata_unref(t->metadata);
    dsi_storage_free(t->storage);
    dsi_arena_release(&t->arena);
}

static int adopt(struct table *t, const char *location, struct ds_properties partition,
                 struct dsi_data_file *out, bool *by_name, struct ds_error *err)
{
    struct dsi_data_adopt_options options = {.storage = t->storage,
                                             .metadata = t->metadata,
                                             .location = location,
                                             .partition = partition};
    return dsi_data_adopt(&options, &t->arena, out, by_name, err);
}

#define COLUMN(id, name, required, type)                                                 \
    "{\"id\":" #id ",\"name\":\"" name "\",\"required\":" #required ",\"type\":\"" type  \
    "\"}"
#define PLAIN_BUT_VOID                                                                   \
    COLUMN(1, "id", true, "long")                                                        \
    "," COLUMN(2, "region", true, "string") "," COLUMN(                                  \
        3, "day", false, "date") "," COLUMN(4, "name", false,                            \
                                            "string") "," COLUMN(5, "amount", false,     \
                                                                 "double")
#define PLAIN PLAIN_BUT_VOID "," COLUMN(6, "void", false, "string")

static const char plain[] = FILES_GOLDEN("plain.parquet");
static const char narrow[] = FILES_GOLDEN("narrow.parquet");
static const struct ds_properties none = {NULL, 0};

static const struct dsi_column_metrics *metrics_of(const struct dsi_data_file *f,
                                                   int32_t id)
{
    for (size_t i = 0; i < f->column_count; i++) {
        if (f->columns[i].field_id == id) {
            return &f->columns[i];
        }
    }
    fail_msg("no metrics of column %d", (int)id);
    return NULL;
}

static int64_t as_long(struct ds_slice bytes)
{
    struct dsi_type type = {.kind = DSI_TYPE_LONG};
    struct dsi_value v;
    assert_int_equal(dsi_value_from_bytes(&type, bytes, &v, NULL), DS_OK);
    return v.as.i64;
}

static void test_data_adopt__describes_a_file_as_its_writer_would(void **state)
{
    struct dsi_data_file f;
    struct ds_error err = {0};
    struct table t;
    bool by_name = false;
    (void)state;

    table_init(&t, PLAIN, NULL, true);
    if (adopt(&t, plain, none, &f, &by_name, &err) != DS_OK) {
        fail_msg("%s", err.message);
    }
    assert_true(by_name);
    assert_string_equal(f.path, plain);
    assert_int_equal(f.record_count, 6);
    assert_true(f.file_size > 1000);
    assert_int_equal(f.split_offset_count, 2);
    assert_int_equal(f.split_offsets[0], 4);
    assert_int_equal(f.column_count, 6);
    const struct dsi_column_metrics *m = metrics_of(&f, 1);
    assert_int_equal(as_long(m->lower), 1);
    assert_int_equal(as_long(m->upper), 6);
    assert_int_equal(m->value_count, 6);
    assert_int_equal(m->null_count, 0);
    assert_true(m->column_size > 0);
    m = metrics_of(&f, 4); // Cut to sixteen characters, the upper bound upwards.
    assert_int_equal(m->null_count, 1);
    assert_memory_equal(m->lower.data, "bob", 3);
    assert_memory_equal(m->upper.data, "fritz", 5);
    m = metrics_of(&f, 6);
    assert_int_equal(m->null_count, 6);
    assert_null(m->lower.data);
    table_release(&t);
}

// What is done with a file, by a table.
static const struct {
    const char *file;
    const char *fields;
    const char *partition_by;
    const char *key; // Of a partition value that is given.
    const char *value;
    int status;
    const char *message; // Part of it; or the partition path.
    bool unmapped;
} cases[] = {
    {plain, PLAIN, "region, day(day)", NULL, NULL, DS_OK, "region=eu/day_day=2024-03-05",
     false},
    {plain, PLAIN, "month(day)", NULL, NULL, DS_OK, "day_month=2024-03", false},
    {plain, PLAIN, "bucket(4, region)", NULL, NULL, DS_OK, "region_bucket", false},
    {plain, PLAIN, "void", NULL, NULL, DS_OK, "void=null", false},
    {plain, PLAIN, "id", NULL, NULL, DS_EINVALID, "column id: the rows are of more",
     false},
    {plain, PLAIN, "truncate(10, id)", NULL, NULL, DS_OK, "id_trunc=0", false},
    {plain, PLAIN, "bucket(4, id)", NULL, NULL, DS_EINVALID, "do not tell", false},
    {plain, PLAIN, "bucket(4, id)", "id_bucket", "3", DS_OK, "id_bucket=3", false},
    {plain, PLAIN, "truncate(1, name)", NULL, NULL, DS_EINVALID, "more than one", false},
    {plain, PLAIN, "region", "region", "us", DS_EINVALID, "not of the given partition",
     false},
    {plain, PLAIN, "region", "region", "eu", DS_OK, "region=eu", false},
    {plain, PLAIN, "region", "regio", "eu", DS_EINVALID, "field region is missing",
     false},
    {plain, PLAIN, "month(day)", "day_month", "2024-03", DS_OK, "day_month=2024-03",
     false},
    {plain, PLAIN, "month(day)", "day_month", "2024-3-1", DS_EINVALID, "is no month",
     false},
    {plain, PLAIN, "month(day)", "day_month", "2024-04", DS_EINVALID, "not of the given",
     false},
    {plain, PLAIN_BUT_VOID, NULL, NULL, NULL, DS_EINVALID, "column void of the file",
     false},
    {plain, PLAIN "," COLUMN(7, "more", false, "int"), NULL, NULL, NULL, DS_OK, "",
     false},
    {plain, PLAIN "," COLUMN(7, "more", false, "int"), "more", "more", "9", DS_OK,
     "more=9", false},
    {plain, PLAIN "," COLUMN(7, "more", true, "int"), NULL, NULL, NULL, DS_EINVALID,
     "column more", false},
    {plain, COLUMN(1, "id", true, "string"), NULL, NULL, NULL, DS_EINVALID, "column id",
     false},
    {plain,
     COLUMN(1, "name", true, "string") "," COLUMN(2, "id", true, "long") "," COLUMN(
         3, "region", true,
         "string") "," COLUMN(4, "day", false,
                              "date") "," COLUMN(5, "amount", false,
                                                 "double") "," COLUMN(6, "void", false,
                                                                      "string"),
     NULL, NULL, NULL, DS_EINVALID, "column name is required", false},
    {narrow,
     COLUMN(1, "i", true, "long") "," COLUMN(2, "f", false, "double") "," COLUMN(
         3, "d", false, "decimal(9, 2)") "," COLUMN(4, "s", false, "string"),
     "truncate(100, i)", NULL, NULL, DS_OK, "i_trunc=0", true},
    {narrow, COLUMN(1, "i", true, "long"), NULL, NULL, NULL, DS_EINVALID, "never gave",
     true},
    {narrow,
     COLUMN(1, "s", false, "int") "," COLUMN(2, "f", false, "float") "," COLUMN(
         3, "d", false, "decimal(5, 2)") "," COLUMN(4, "i", false, "string"),
     NULL, NULL, NULL, DS_EINVALID, "another table", true},
    {narrow,
     COLUMN(1, "i", true, "long") "," COLUMN(2, "f", false, "float") "," COLUMN(
         3, "d", false, "decimal(5, 2)") "," COLUMN(4, "s", false, "string"),
     "f", NULL, NULL, DS_EINVALID, "more than one", true},
    {FILES_GOLDEN("README.md"), PLAIN, NULL, NULL, NULL, DS_ECORRUPT, "README", false},
    {FILES_GOLDEN("nobody"), PLAIN, NULL, NULL, NULL, DS_ENOTFOUND, "nobody", false},
};

static void test_data_adopt__takes_what_fits_and_says_what_does_not(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ds_property item = {cases[i].key, cases[i].value};
        struct ds_properties given = {&item, cases[i].key ? 1 : 0};
        struct dsi_buf path = DSI_BUF_INIT;
        struct dsi_data_file f;
        struct ds_error err = {0};
        struct table t;
        bool by_name = false;
        table_init(&t, cases[i].fields, cases[i].partition_by, !cases[i].unmapped);
        int rc = adopt(&t, cases[i].file, given, &f, &by_name, &err);
        if (rc == DS_OK) {
            assert_int_equal(dsi_partition_path(dsi_metadata_default_spec(t.metadata),
                                                dsi_metadata_current_schema(t.metadata),
                                                f.partition, &path, &err),
                             DS_OK);
        }
        if (rc != cases[i].status ||
            !strstr(rc ? err.message : dsi_buf_text(&path), cases[i].message)) {
            fail_msg("case %zu: %d, %s", i, rc, rc ? err.message : dsi_buf_text(&path));
        }
        dsi_buf_release(&path);
        table_release(&t);
    }
}

static void test_data_adopt__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct table t;
    (void)state;

    table_init(&t, PLAIN, "region, month(day)", true);
    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        struct dsi_data_file f;
        bool by_name = false;
        int rc = adopt(&t, plain, none, &f, &by_name, &err);
        dsi_fault_stop();
        assert_true(plan.name ? rc < 0 && err.message[0] != '\0' : rc == DS_OK);
    }
    assert_true(plan.target > 10);
    table_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_adopt__describes_a_file_as_its_writer_would),
        cmocka_unit_test(test_data_adopt__takes_what_fits_and_says_what_does_not),
        cmocka_unit_test(test_data_adopt__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
