#include "data/arrow_plan.h"

#include "unit/data/producer.h"

static void test_arrow_plan__refuses_types_that_do_not_fit(void **state)
{
    static const struct {
        const char *format;
        struct dsi_type type;
    } pairs[] = {
        {"l", {.kind = DSI_TYPE_INT}},
        {"I", {.kind = DSI_TYPE_INT}},
        {"L", {.kind = DSI_TYPE_LONG}},
        {"g", {.kind = DSI_TYPE_FLOAT}},
        {"i", {.kind = DSI_TYPE_DOUBLE}},
        {"tsu:", {.kind = DSI_TYPE_TIMESTAMPTZ}},
        {"u", {.kind = DSI_TYPE_BINARY}},
        {"tsu:UTC", {.kind = DSI_TYPE_TIMESTAMP}},
        {"z", {.kind = DSI_TYPE_STRING}},
        {"w:15", {.kind = DSI_TYPE_UUID}},
        {"tDu", {.kind = DSI_TYPE_LONG}},
        {"w:4", {.kind = DSI_TYPE_FIXED, .length = 5}},
        {"d:6,2", {.kind = DSI_TYPE_DECIMAL, .precision = 5, .scale = 2}},
        {"d:5,1", {.kind = DSI_TYPE_DECIMAL, .precision = 5, .scale = 2}},
    };
    (void)state;

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct producer p;
        producer_init(&p, pairs[i].format, 1, 2, NULL, NULL);
        producer_refused(&p, &pairs[i].type, false, DS_EINVALID, "does not fit");
    }
}

// "id" in "PARQUET:field_id" metadata.
static void put_id(char out[64], int32_t id)
{
    char digits[16];
    snprintf(digits, sizeof digits, "%d", id);
    int32_t n[3] = {1, 16, (int32_t)strlen(digits)};
    memcpy(out, n, 8);
    memcpy(out + 8, "PARQUET:field_id", 16);
    memcpy(out + 24, &n[2], 4);
    memcpy(out + 28, digits, strlen(digits));
}

static int plan_two(const char *a, int a_id, const char *b, int b_id,
                    struct ds_error *err)
{
    static const struct dsi_field fields[] = {
        ROWS_FIELD(1, "x", true, .kind = DSI_TYPE_INT),
        ROWS_FIELD(2, "y", false, .kind = DSI_TYPE_INT),
    };
    struct dsi_schema target = rows_schema(fields, 2);
    struct ArrowSchema columns[2] = {producer_schema("i", a), producer_schema("i", b)};
    struct ArrowSchema *pointers[] = {&columns[0], &columns[1]};
    struct ArrowSchema top = producer_schema("+s", "");
    struct dsi_arrow_import *im = NULL;
    char metadata[2][64];

    if (a_id) {
        put_id(metadata[0], a_id);
        columns[0].metadata = metadata[0];
    }
    if (b_id) {
        put_id(metadata[1], b_id);
        columns[1].metadata = metadata[1];
    }
    top.children = pointers;
    top.n_children = b ? 2 : 1;
    int rc = dsi_arrow_import_new(&top, &target, &im, err);
    dsi_arrow_import_free(im);
    return rc;
}

static void test_arrow_plan__matches_columns_by_id_or_name(void **state)
{
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(plan_two("y", 0, "x", 0, &err), DS_OK);
    assert_int_equal(plan_two("x", 0, NULL, 0, &err), DS_OK); // y is optional.
    assert_int_equal(plan_two("old", 1, "older", 2, &err), DS_OK);
    assert_int_equal(plan_two("x", 7, "y", 8, &err), DS_OK); // Somebody else's ids.
    assert_int_equal(plan_two("y", 0, NULL, 0, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "column x: it is required, and missing"));
    assert_int_equal(plan_two("x", 0, "x", 0, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "column x: there are two"));
    assert_int_equal(plan_two("x", 0, "z", 0, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "column z: the table has no such column"));
    assert_int_equal(plan_two("x", 2, "y", 1, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "by its field id 2 it is the table's column y"));
}

// A struct inside the column "c" whose fields come in another order and by other names.
static void put_ids(struct tree *t, size_t n, int32_t id, char metadata[64])
{
    put_id(metadata, id);
    t->schemas[n].metadata = metadata;
}

static const struct dsi_field members[] = {
    ROWS_FIELD(2, "a", true, .kind = DSI_TYPE_INT),
    ROWS_FIELD(3, "b", false, .kind = DSI_TYPE_STRING),
    ROWS_FIELD(4, "d", false, .kind = DSI_TYPE_LONG),
};
static const struct dsi_field st = ROWS_FIELD(1, "c", false, .kind = DSI_TYPE_STRUCT,
                                              .fields = members, .field_count = 3);

static const int32_t ints[] = {7, 8};
static const int32_t offsets[] = {0, 1, 3};

static void two(struct tree *t, const char *first, const char *second)
{
    memset(t, 0, sizeof *t);
    tree_add(t, "+s", "c", 2, 1, NULL, NULL);
    tree_child(t, 0, tree_add(t, "u", first, 2, 3, offsets, "xyz"));
    tree_child(t, 0, tree_add(t, "i", second, 2, 2, ints, NULL));
}

static void test_arrow_plan__matches_the_fields_of_inner_structs_too(void **state)
{
    struct tree t;
    char metadata[2][64];
    (void)state;

    two(&t, "b", "a");
    tree_gives(&t, &st, "{7 x -} {8 yz -}");
    two(&t, "old", "older");
    put_ids(&t, 1, 3, metadata[0]);
    put_ids(&t, 2, 2, metadata[1]);
    tree_gives(&t, &st, "{7 x -} {8 yz -}");
    two(&t, "old", "a");
    tree_refused(&t, &st, DS_EINVALID,
                 "column c.old: the table has no such column; the columns are a, b");
    two(&t, "b", "b");
    tree_refused(&t, &st, DS_EINVALID, "column c.b: there are two of them");
    two(&t, "b", "d");
    tree_refused(&t, &st, DS_EINVALID, "column c.a: it is required, and missing");
    two(&t, "b", "a");
    tree_child(&t, 0, tree_add(&t, "i", "a", 2, 2, ints, NULL));
    tree_refused(&t, &st, DS_EINVALID, "column c.a: there are two of them");
}

static void test_arrow_plan__refuses_nesting_that_does_not_fit(void **state)
{
    static const char *const formats[] = {"+l", "+L", "+vl", "+w:1", "+m"};
    struct tree t = {0};
    (void)state;

    tree_add(&t, "i", "c", 2, 2, ints, NULL);
    tree_refused(&t, &st, DS_EINVALID, "column c: int32 does not fit the");
    for (size_t i = 0; i < 5; i++) {
        memset(&t, 0, sizeof t);
        tree_add(&t, formats[i], "c", 2, 2, offsets, NULL);
        tree_child(&t, 0, tree_add(&t, "i", "item", 2, 2, ints, NULL));
        tree_refused(&t, &st, DS_EINVALID, "does not fit the table's struct");
    }
}

static void test_arrow_plan__wants_maps_of_two(void **state)
{
    static const struct dsi_field entry[] = {
        ROWS_FIELD(2, "key", true, .kind = DSI_TYPE_STRING),
        ROWS_FIELD(3, "value", false, .kind = DSI_TYPE_INT),
    };
    static const struct dsi_field map = ROWS_FIELD(1, "c", false, .kind = DSI_TYPE_MAP,
                                                   .fields = entry, .field_count = 2);
    struct tree t = {0};
    (void)state;

    tree_add(&t, "+m", "c", 2, 2, offsets, NULL);
    tree_child(&t, 0, tree_add(&t, "+s", "any", 3, 1, NULL, NULL));
    tree_child(&t, 1, tree_add(&t, "u", "k", 2, 3, offsets, "xyz"));
    tree_refused(&t, &map, DS_EINVALID, "column c: the entries of an Arrow map are a");
    t.schemas[1].format = "+l";
    tree_refused(&t, &map, DS_EINVALID, "column c: the entries of an Arrow map are a");
}

static void test_arrow_plan__wants_variants_in_two_parts(void **state)
{
    static const struct dsi_field variant =
        ROWS_FIELD(1, "c", false, .kind = DSI_TYPE_VARIANT);
    struct tree t = {0};
    (void)state;

    tree_add(&t, "+s", "c", 2, 1, NULL, NULL);
    tree_child(&t, 0, tree_add(&t, "z", "value", 2, 3, offsets, "xyz"));
    tree_refused(&t, &variant, DS_EINVALID, "column c.metadata: it is required, and");
    tree_child(&t, 0, tree_add(&t, "z", "metadata", 2, 3, offsets, "uvw"));
    tree_gives(&t, &variant, "{75 78} {7677 797a}");
    tree_child(&t, 0, tree_add(&t, "i", "typed_value", 2, 2, ints, NULL));
    tree_refused(&t, &variant, DS_EUNSUPPORTED, "column c: a shredded variant");
}

static void put_extension(char out[200], const char *name, const char *metadata)
{
    static const char *const keys[] = {"ARROW:extension:name",
                                       "ARROW:extension:metadata"};
    const char *values[] = {name, metadata};
    int32_t n = 2;
    size_t at = sizeof n;

    memcpy(out, &n, sizeof n);
    for (int i = 0; i < 2; i++) {
        const char *const pair[] = {keys[i], values[i]};
        for (int k = 0; k < 2; k++) {
            n = (int32_t)strlen(pair[k]);
            memcpy(out + at, &n, sizeof n);
            memcpy(out + at + sizeof n, pair[k], (size_t)n);
            at += sizeof n + (size_t)n;
        }
    }
}

static void test_arrow_plan__compares_coordinate_systems(void **state)
{
    static const struct dsi_field geometry = ROWS_FIELD(
        1, "c", false, .kind = DSI_TYPE_GEOMETRY, .text = "geometry(EPSG:3857)");
    char metadata[200];
    struct tree t = {0};
    (void)state;

    tree_add(&t, "z", "c", 2, 3, offsets, "xyz");
    t.schemas[0].metadata = metadata;
    put_extension(metadata, "geoarrow.wkb", "{\"crs\": \"EPSG:3857\"}");
    tree_gives(&t, &geometry, "78 797a");
    put_extension(metadata, "geoarrow.wkb", "{}"); // Nobody says: taken on trust.
    tree_gives(&t, &geometry, "78 797a");
    put_extension(metadata, "geoarrow.wkb", "{\"crs\": \"OGC:CRS84\"}");
    tree_refused(&t, &geometry, DS_EINVALID,
                 "column c: geometry does not fit the table's geometry(EPSG:3857)");
    put_extension(metadata, "geoarrow.wkb", "{\"crs\": ");
    tree_refused(&t, &geometry, DS_EINVALID, "column c: ");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrow_plan__refuses_types_that_do_not_fit),
        cmocka_unit_test(test_arrow_plan__matches_columns_by_id_or_name),
        cmocka_unit_test(test_arrow_plan__matches_the_fields_of_inner_structs_too),
        cmocka_unit_test(test_arrow_plan__refuses_nesting_that_does_not_fit),
        cmocka_unit_test(test_arrow_plan__wants_maps_of_two),
        cmocka_unit_test(test_arrow_plan__wants_variants_in_two_parts),
        cmocka_unit_test(test_arrow_plan__compares_coordinate_systems),
    };
    return cmocka_run_group_tests_name("arrow_plan", tests, NULL, NULL);
}
