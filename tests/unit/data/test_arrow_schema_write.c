#include "data/arrow_format.h"
#include "data/arrow_io.h"
#include "unit/data/producer.h"

static const struct dsi_field map_fields[] = {
    ROWS_FIELD(4, "key", true, .kind = DSI_TYPE_STRING),
    ROWS_FIELD(5, "value", false, .kind = DSI_TYPE_VARIANT),
};
static const struct dsi_field list_field = ROWS_FIELD(
    3, "element", false, .kind = DSI_TYPE_MAP, .fields = map_fields, .field_count = 2);
static const struct dsi_field nested_fields[] = {
    ROWS_FIELD(1, "id", true, .kind = DSI_TYPE_LONG),
    ROWS_FIELD(2, "xs", false, .kind = DSI_TYPE_LIST, .fields = &list_field,
               .field_count = 1),
    ROWS_FIELD(6, "shape", false, .kind = DSI_TYPE_GEOGRAPHY,
               .text = "geography(srid:4326, karney)"),
};

static void test_arrow_schema_write__lets_children_be_moved_away(void **state)
{
    struct dsi_schema nested = rows_schema(nested_fields, 3);
    struct ArrowSchema arrow;
    (void)state;

    assert_int_equal(dsi_arrow_schema_write(&nested, &arrow, NULL), DS_OK);
    struct ArrowSchema moved = *arrow.children[1];
    arrow.children[1]->release = NULL;
    arrow.release(&arrow);
    assert_string_equal(moved.name, "xs");
    assert_string_equal(moved.children[0]->format, "+m");
    moved.release(&moved);
}

static void assert_extension(const struct ArrowSchema *s, const char *name,
                             const char *parameters)
{
    struct ds_slice metadata = {NULL, 0};
    bool is = false;
    assert_int_equal(dsi_arrow_extension_is(s, name, &is, &metadata, NULL), DS_OK);
    assert_true(is);
    assert_int_equal(metadata.size, strlen(parameters));
    assert_memory_equal(metadata.data, parameters, metadata.size);
}

static void test_arrow_schema_write__spells_nested_types_as_arrow_does(void **state)
{
    struct dsi_schema nested = rows_schema(nested_fields, 3);
    struct ArrowSchema arrow;
    int32_t id = 0;
    (void)state;

    assert_int_equal(dsi_arrow_schema_write(&nested, &arrow, NULL), DS_OK);
    const struct ArrowSchema *list = arrow.children[1];
    assert_string_equal(list->format, "+l");
    const struct ArrowSchema *map = list->children[0];
    assert_string_equal(map->format, "+m");
    assert_string_equal(map->name, "element");
    assert_int_equal(map->n_children, 1);
    const struct ArrowSchema *entries = map->children[0];
    assert_string_equal(entries->format, "+s");
    assert_string_equal(entries->name, "entries");
    assert_int_equal(entries->flags, 0);
    assert_int_equal(entries->n_children, 2);
    assert_int_equal(entries->children[0]->flags, 0); // A key is never null.
    assert_int_equal(entries->children[1]->flags, ARROW_FLAG_NULLABLE);
    const struct ArrowSchema *variant = entries->children[1];
    assert_string_equal(variant->format, "+s");
    assert_extension(variant, "arrow.parquet.variant", "");
    assert_string_equal(variant->children[0]->name, "metadata");
    assert_string_equal(variant->children[1]->name, "value");
    assert_string_equal(variant->children[1]->format, "z");
    assert_null(variant->children[1]->metadata); // It is no field of the table.
    assert_int_equal(dsi_arrow_field_id(variant, &id, NULL), DS_OK);
    assert_int_equal(id, 5);
    assert_extension(arrow.children[2], "geoarrow.wkb",
                     "{\"crs\":\"4326\",\"crs_type\":\"srid\",\"edges\":\"karney\"}");
    arrow.release(&arrow);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrow_schema_write__lets_children_be_moved_away),
        cmocka_unit_test(test_arrow_schema_write__spells_nested_types_as_arrow_does),
    };
    return cmocka_run_group_tests_name("arrow_schema_write", tests, NULL, NULL);
}
