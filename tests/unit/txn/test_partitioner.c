#include "txn/partitioner.h"

#include "base/error.h"
#include "fixture.h"

static struct dsi_batch rows(const struct dsi_schema *schema, const int64_t *ids,
                             const char *const *names, size_t count)
{
    struct dsi_batch_builder *b = NULL;
    struct dsi_batch out;
    assert_int_equal(dsi_batch_builder_new(schema, &b, NULL), DS_OK);
    for (size_t i = 0; i < count; i++) {
        struct dsi_value id = {.kind = DSI_TYPE_LONG, .as.i64 = ids[i]};
        struct dsi_value name = {.null = names[i] == NULL, .kind = DSI_TYPE_STRING};
        if (names[i]) {
            name.as.bytes =
                (struct ds_slice){(const uint8_t *)names[i], strlen(names[i])};
        }
        assert_int_equal(dsi_batch_builder_set(b, 0, &id, NULL), DS_OK);
        assert_int_equal(dsi_batch_builder_set(b, 1, &name, NULL), DS_OK);
        assert_int_equal(dsi_batch_builder_end_row(b, NULL), DS_OK);
    }
    assert_int_equal(dsi_batch_builder_take(b, &out, NULL), DS_OK);
    dsi_batch_builder_free(b);
    return out;
}

static void test_partitioner__puts_each_row_where_its_values_say(void **state)
{
    const struct dsi_partition_field fields[] = {
        {.source_id = 1,
         .field_id = 1000,
         .name = "id_trunc",
         .transform = {DSI_TRANSFORM_TRUNCATE, 10, "truncate[10]"}},
        {.source_id = 2,
         .field_id = 1001,
         .name = "name",
         .transform = {DSI_TRANSFORM_IDENTITY, 0, "identity"}},
    };
    struct dsi_partition_spec spec = {.fields = fields, .field_count = 2};
    struct dsi_schema schema = test_schema();
    const int64_t ids[] = {1, 2, 11, 3, 12, -1};
    const char *const names[] = {"a", "a", "a", NULL, "", "a"};
    struct dsi_batch b = rows(&schema, ids, names, 6);
    struct dsi_partitioner p;
    (void)state;

    assert_int_equal(dsi_partitioner_init(&p, &schema, &spec, NULL), DS_OK);
    for (int round = 0; round < 2; round++) { // The second batch finds the same places.
        assert_int_equal(dsi_partitioner_split(&p, &b, NULL), DS_OK);
        assert_int_equal(p.count, 5);
        assert_string_equal(p.partitions[0]->path, "id_trunc=0/name=a");
        assert_int_equal(p.partitions[0]->row_count, 2);
        assert_int_equal(p.partitions[0]->rows[0], 0);
        assert_int_equal(p.partitions[0]->rows[1], 1);
        assert_string_equal(p.partitions[1]->path, "id_trunc=10/name=a");
        assert_true(p.partitions[2]->values[1].null);
        assert_false(p.partitions[3]->values[1].null); // Empty text is no null.
        assert_string_equal(p.partitions[4]->path, "id_trunc=-10/name=a");
        assert_int_equal(p.partitions[4]->values[0].as.i64, -10);
    }
    dsi_partitioner_release(&p);
    dsi_batch_release(&b);
}

static void test_partitioner__refuses_what_it_cannot_compute(void **state)
{
    struct dsi_partition_field field = {
        .source_id = 1, .name = "x", .transform = {DSI_TRANSFORM_UNKNOWN, 0, "zorder"}};
    struct dsi_partition_spec spec = {.fields = &field, .field_count = 1};
    struct dsi_schema schema = test_schema();
    struct dsi_partitioner p;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_partitioner_init(&p, &schema, &spec, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "zorder"));
    field.transform = (struct dsi_transform){DSI_TRANSFORM_IDENTITY, 0, "identity"};
    field.source_id = 77;
    assert_int_equal(dsi_partitioner_init(&p, &schema, &spec, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "77"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partitioner__puts_each_row_where_its_values_say),
        cmocka_unit_test(test_partitioner__refuses_what_it_cannot_compute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
