#include "codec/parquet/parquet_footer_write.h"

#include "datashard/version.h"
#include "harness.h"
#include "unit/codec/parquet/parquet_sample.h"

#include <string.h>

static void test_parquet_footer_write__tells_everything_it_was_told(void **state)
{
    static const int32_t values[] = {1, 2, 3};
    const struct dsi_parquet_field fields[] = {
        {.name = "g", .child_count = 1, .has_field_id = true, .field_id = 1},
        {.name = "x.y",
         .physical = DSI_PARQUET_INT32,
         .has_field_id = true,
         .field_id = 2}};
    const struct dsi_parquet_sorting sorting = {.leaf = 0, .descending = true};
    const struct ds_property property = {"iceberg.schema", "{}"};
    const struct dsi_parquet_write_options o = {.row_group_rows = 2,
                                                .key_values = {&property, 1},
                                                .sorting = &sorting,
                                                .sorting_count = 1};
    const struct dsi_parquet_input in = {.values = values};
    struct dsi_buf file = DSI_BUF_INIT;
    dsi_parquet_writer *w = NULL;
    struct dsi_parquet_file f;
    (void)state;

    assert_int_equal(dsi_parquet_writer_new(fields, 2, &o, &w, NULL), DS_OK);
    dsi_parquet_writer_output(w, sample_sink, &file);
    assert_int_equal(dsi_parquet_writer_write(w, &in, 3, NULL), DS_OK);
    assert_int_equal(dsi_parquet_writer_finish(w, NULL, NULL), DS_OK);
    dsi_parquet_writer_free(w);
    assert_int_equal(sample_parse(dsi_buf_slice(&file), &f, NULL), DS_OK);
    assert_memory_equal(file.data, "PAR1", 4);
    assert_int_equal(f.row_group_count, 2);
    assert_int_equal(f.row_groups[1].row_count, 1);
    assert_true(f.row_groups[0].sorting_count == 1 &&
                f.row_groups[0].sorting[0].descending);
    assert_string_equal(f.created_by, "datashard version " DS_VERSION_TEXT);
    assert_int_equal(f.key_values.count, 1);
    assert_string_equal(f.key_values.items[0].key, "iceberg.schema");
    assert_string_equal(f.root->first_child->field.name, "g");
    assert_int_equal(dsi_parquet_file_field(&f, 2)->leaf, 0);
    const struct dsi_parquet_statistics *s = &f.row_groups[0].columns[0].statistics;
    assert_true(s->has_min && s->min_exact && s->min.data[0] == 1);
    assert_true(s->has_max && s->max_exact && s->max.data[0] == 2);
    dsi_parquet_file_release(&f);
    dsi_buf_release(&file);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_footer_write__tells_everything_it_was_told),
    };
    return cmocka_run_group_tests_name("parquet_footer_write", tests, NULL, NULL);
}
