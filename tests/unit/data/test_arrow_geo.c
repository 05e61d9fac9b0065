#include "data/arrow_geo.h"

#include "unit/data/rows.h"

static void test_arrow_geo__writes_what_the_type_says(void **state)
{
    static const struct {
        enum dsi_type_kind kind;
        const char *text;
        const char *json;
    } pairs[] = {
        {DSI_TYPE_GEOMETRY, "geometry",
         "{\"crs\":\"OGC:CRS84\",\"crs_type\":\"authority_code\"}"},
        {DSI_TYPE_GEOMETRY, "geometry( EPSG:3857 )",
         "{\"crs\":\"EPSG:3857\",\"crs_type\":\"authority_code\"}"},
        {DSI_TYPE_GEOMETRY, "geometry(srid:0)", "{}"},
        {DSI_TYPE_GEOMETRY, "geometry(local)", "{\"crs\":\"local\"}"},
        {DSI_TYPE_GEOGRAPHY, "geography",
         "{\"crs\":\"OGC:CRS84\",\"crs_type\":\"authority_code\",\"edges\":"
         "\"spherical\"}"},
        {DSI_TYPE_GEOGRAPHY, "geography(srid:4326, andoyer)",
         "{\"crs\":\"4326\",\"crs_type\":\"srid\",\"edges\":\"andoyer\"}"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct dsi_type t = {.kind = pairs[i].kind, .text = pairs[i].text};
        struct dsi_buf out = DSI_BUF_INIT;
        assert_int_equal(dsi_arrow_geo_write(&t, &out, NULL), DS_OK);
        assert_string_equal(dsi_buf_text(&out), pairs[i].json);
        dsi_buf_release(&out);
    }
}

static int read(const char *json, struct dsi_arena *arena, struct dsi_type *out,
                bool *known, struct ds_error *err)
{
    struct ds_slice text = {(const uint8_t *)json, strlen(json)};
    return dsi_arrow_geo_read(text, "g", arena, out, known, err);
}

static void test_arrow_geo__reads_what_producers_write(void **state)
{
    static const struct {
        const char *json;
        const char *text;
    } pairs[] = {
        {"", "geometry(srid:0)"},
        {"{}", "geometry(srid:0)"},
        {"{\"crs\": null, \"future\": [1]}", "geometry(srid:0)"},
        {"{\"crs\": \"OGC:CRS84\"}", "geometry"},
        {"{\"crs\": \"EPSG:3857\", \"crs_type\": \"authority_code\"}",
         "geometry(EPSG:3857)"},
        {"{\"crs\": \"4326\", \"crs_type\": \"srid\"}", "geometry(srid:4326)"},
        {"{\"crs\": {\"type\": \"x\", \"id\": {\"authority\": \"EPSG\", \"code\": "
         "5070}}}",
         "geometry(EPSG:5070)"},
        {"{\"crs\": {\"id\": {\"code\": \"CRS84\", \"authority\": \"OGC\"}}, \"edges\": "
         "\"spherical\"}",
         "geography"},
        {"{\"crs\": \"EPSG:4326\", \"edges\": \"spherical\"}", "geography(EPSG:4326)"},
        {"{\"crs\": \"OGC:CRS84\", \"edges\": \"karney\"}",
         "geography(OGC:CRS84, karney)"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct ds_error err = {0};
        struct dsi_type t;
        bool known = false;
        if (read(pairs[i].json, &arena, &t, &known, &err) < 0) {
            fail_msg("%s: %s", pairs[i].json, err.message);
        }
        assert_string_equal(t.text, pairs[i].text);
        assert_int_equal(t.kind,
                         t.text[3] == 'm' ? DSI_TYPE_GEOMETRY : DSI_TYPE_GEOGRAPHY);
        assert_int_equal(known, strstr(t.text, "srid:0") == NULL);
        dsi_arena_release(&arena);
    }
}

static void test_arrow_geo__refuses_what_it_cannot_name(void **state)
{
    static const struct {
        const char *json;
        int status;
    } bad[] = {
        {"[]", DS_EINVALID},
        {"{\"crs\": 7}", DS_EINVALID},
        {"{\"crs\": \"a\"} x", DS_EINVALID},
        {"{\"crs\": {\"name\": \"no id\"}}", DS_EUNSUPPORTED},
        {"{\"crs\": \"\"}", DS_EUNSUPPORTED},
        {"{\"crs\": \"GEOGCS[\\\"WGS 84\\\"]\", \"crs_type\": \"wkt2:2019\"}",
         DS_EUNSUPPORTED},
        {"{\"crs\": \"x)y\"}", DS_EUNSUPPORTED},
        {"{\"edges\": \"wavy\"}", DS_EUNSUPPORTED},
    };
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct ds_error err = {0};
        struct dsi_type t;
        bool known = false;
        assert_int_equal(read(bad[i].json, &arena, &t, &known, &err), bad[i].status);
        assert_non_null(strstr(err.message, "column g"));
        dsi_arena_release(&arena);
    }
}

static void test_arrow_geo__knows_the_same_system_by_other_words(void **state)
{
    static const struct dsi_type plain = {.kind = DSI_TYPE_GEOGRAPHY,
                                          .text = "geography"};
    static const struct dsi_type full = {.kind = DSI_TYPE_GEOGRAPHY,
                                         .text = "geography(OGC:CRS84,spherical)"};
    static const struct dsi_type other = {.kind = DSI_TYPE_GEOGRAPHY,
                                          .text = "geography(OGC:CRS84, thomas)"};
    static const struct dsi_type flat = {.kind = DSI_TYPE_GEOMETRY, .text = "geometry"};
    (void)state;

    assert_true(dsi_arrow_geo_same(&plain, &full));
    assert_false(dsi_arrow_geo_same(&plain, &other));
    assert_false(dsi_arrow_geo_same(&plain, &flat));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrow_geo__writes_what_the_type_says),
        cmocka_unit_test(test_arrow_geo__reads_what_producers_write),
        cmocka_unit_test(test_arrow_geo__refuses_what_it_cannot_name),
        cmocka_unit_test(test_arrow_geo__knows_the_same_system_by_other_words),
    };
    return cmocka_run_group_tests_name("arrow_geo", tests, NULL, NULL);
}
