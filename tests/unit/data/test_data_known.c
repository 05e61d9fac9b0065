#include "data/data_known.h"

#include "base/fault.h"
#include "data/data_schema.h"
#include "unit/data/files.h"

// What the footer of a golden file tells of its own columns.
struct footer {
    struct dsi_arena arena;
    ds_storage *storage;
    struct ds_file *file;
    struct dsi_parquet_file parquet;
    struct dsi_schema schema;
    struct dsi_data_origin *origins;
    struct dsi_known_column *all;
    size_t count;
};

static int known(struct footer *f, struct ds_error *err)
{
    return dsi_data_known(&f->parquet, f->origins, f->schema.root.field_count, &f->arena,
                          &f->all, &f->count, err);
}

static void footer_init(struct footer *f, const char *location)
{
    *f = (struct footer){0};
    struct dsi_data_file file = files_data_file(location);
    struct dsi_data_reader_options options = {
        .file = &file, .schema = &f->schema, .own_schema = true};

    assert_int_equal(dsi_storage_router_new(&f->storage, NULL), DS_OK);
    assert_int_equal(dsi_file_open(f->storage, location, &f->file, NULL), DS_OK);
    assert_int_equal(dsi_data_footer_read(f->file, &f->parquet, NULL), DS_OK);
    assert_int_equal(dsi_data_parquet_schema(&f->parquet, &f->arena, &f->schema, NULL),
                     DS_OK);
    assert_int_equal(
        dsi_data_origins(&options, &f->parquet, &f->arena, &f->origins, NULL), DS_OK);
    assert_int_equal(known(f, NULL), DS_OK);
}

static void footer_release(struct footer *f)
{
    dsi_parquet_file_release(&f->parquet);
    dsi_file_close(f->file);
    dsi_storage_free(f->storage);
    dsi_arena_release(&f->arena);
}

static const struct dsi_known_column *named(const struct footer *f, const char *name)
{
    const struct dsi_field *field = dsi_schema_field_by_name(&f->schema, name);
    assert_non_null(field);
    return dsi_data_known_find(f->all, f->count, field->id);
}

static void test_data_known__puts_row_groups_together(void **state)
{
    struct footer f;
    (void)state;

    footer_init(&f, FILES_GOLDEN("plain.parquet"));
    assert_int_equal(f.count, 6);
    const struct dsi_known_column *c = named(&f, "id");
    assert_true(c->bounded);
    assert_int_equal(c->low.as.i64, 1);
    assert_int_equal(c->high.as.i64, 6);
    assert_int_equal(c->value_count, 6);
    assert_int_equal(c->null_count, 0);
    c = named(&f, "amount");
    assert_true(c->bounded && c->low.as.f64 == -2.0 && c->high.as.f64 == 4.25);
    assert_int_equal(c->null_count, 1);
    c = named(&f, "void");
    assert_false(c->bounded);
    assert_int_equal(c->null_count, 6);
    for (size_t i = 1; i < f.count; i++) {
        assert_true(f.all[i - 1].field->id < f.all[i].field->id);
    }
    assert_null(dsi_data_known_find(f.all, f.count, 99));
    footer_release(&f);
}

// A row group without bounds, though it has values, leaves none for the whole.
static void test_data_known__tells_what_every_row_group_tells(void **state)
{
    struct footer f;
    (void)state;

    footer_init(&f, FILES_GOLDEN("plain.parquet"));
    struct dsi_parquet_chunk *chunk =
        (struct dsi_parquet_chunk *)&f.parquet.row_groups[1].columns[0];
    chunk->statistics.has_min = false;
    assert_int_equal(known(&f, NULL), DS_OK);
    assert_false(named(&f, "id")->bounded);
    assert_int_equal(named(&f, "id")->null_count, 0);
    chunk->statistics.null_count = 4; // Of three values.
    assert_int_equal(known(&f, NULL), DS_OK);
    assert_int_equal(named(&f, "id")->null_count, -1);
    chunk->size = INT64_MAX;
    assert_int_equal(known(&f, NULL), DS_ECORRUPT);
    footer_release(&f);
}

static void test_data_known__gives_a_size_for_what_is_in_lists(void **state)
{
    struct footer f;
    (void)state;

    footer_init(&f, FILES_GOLDEN("nested.parquet"));
    assert_int_equal(f.count, 4); // xs.element, st.x, m.key, m.value.
    const struct dsi_known_column *c = named(&f, "xs.element");
    assert_true(c->in_list && c->size > 0 && !c->bounded);
    c = named(&f, "st.x");
    assert_true(!c->in_list && c->bounded && c->low.as.i64 == 1);
    footer_release(&f);
}

static void test_data_known__puts_metrics_as_the_table_asks(void **state)
{
    struct ds_property properties[] = {
        {"write.metadata.metrics.column.amount", "counts"},
        {"write.metadata.metrics.column.day", "none"},
        {"write.metadata.metrics.column.name", "truncate(2)"}};
    struct dsi_column_metrics *m = NULL;
    struct footer f;
    (void)state;

    footer_init(&f, FILES_GOLDEN("plain.parquet"));
    struct dsi_metadata table = {.schemas = &f.schema,
                                 .schema_count = 1,
                                 .properties = properties,
                                 .property_count = 3};
    assert_int_equal(dsi_data_known_metrics(&table, f.all, f.count, &f.arena, &m, NULL),
                     DS_OK);
    for (size_t i = 0; i < f.count; i++) {
        const char *name = f.all[i].field->name;
        bool counts = strcmp(name, "day") != 0;
        bool bounds = counts && strcmp(name, "amount") != 0 && strcmp(name, "void") != 0;
        assert_int_equal(m[i].field_id, f.all[i].field->id);
        assert_true(m[i].column_size > 0);
        assert_int_equal(m[i].value_count, counts ? 6 : -1);
        assert_int_equal(m[i].nan_count, -1);
        assert_true((m[i].lower.data != NULL) == bounds);
        if (strcmp(name, "name") == 0) {
            assert_int_equal(m[i].upper.size, 2);
            assert_memory_equal(m[i].upper.data, "fs", 2);
        }
    }
    footer_release(&f);
}

static void test_data_known__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct footer f;
    (void)state;

    footer_init(&f, FILES_GOLDEN("plain.parquet"));
    struct dsi_metadata table = {.schemas = &f.schema, .schema_count = 1};
    while (dsi_fault_next(&plan)) {
        struct dsi_column_metrics *m = NULL;
        struct ds_error err = {0};
        int rc = known(&f, &err);
        rc = rc < 0 ? rc
                    : dsi_data_known_metrics(&table, f.all, f.count, &f.arena, &m, &err);
        dsi_fault_stop();
        assert_true(plan.name ? rc < 0 && err.message[0] != '\0' : rc == DS_OK);
    }
    assert_true(plan.target > 3);
    footer_release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_known__puts_row_groups_together),
        cmocka_unit_test(test_data_known__tells_what_every_row_group_tells),
        cmocka_unit_test(test_data_known__gives_a_size_for_what_is_in_lists),
        cmocka_unit_test(test_data_known__puts_metrics_as_the_table_asks),
        cmocka_unit_test(test_data_known__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
