#include "base/text.h"
#include "harness.h"
#include "model/parts_json.h"

#include <string.h>

static struct dsi_arena arena;

static int end(void **state)
{
    (void)state;
    dsi_arena_release(&arena);
    return 0;
}

static struct dsi_json_reader reader(const char *json)
{
    struct dsi_json_reader r;
    dsi_json_reader_init(&r, dsi_slice_text(json), &arena, "file");
    return r;
}

static int read_number(struct dsi_json_reader *r, void *item, struct ds_error *err)
{
    return dsi_json_i32(r, item, err);
}

struct numbers {
    void *items;
    size_t count;
};

static int read_numbers(struct dsi_json_reader *r, void *out, struct ds_error *err)
{
    static const struct dsi_part_list list = {"reading numbers", sizeof(int32_t),
                                              read_number};
    struct numbers *n = out;
    return dsi_part_list_read(r, &list, &n->items, &n->count, err);
}

static const struct dsi_part part = {.name = "part",
                                     .doing = "reading a part",
                                     .id_key = "part-id",
                                     .id_min = 0,
                                     .fields = read_numbers};

static void test_parts_json__reads_an_object_and_keeps_its_bytes(void **state)
{
    static const char json[] = "{\"x\":[{}],\"fields\":[5,6,7],\"part-id\":3}";
    struct dsi_json_reader r = reader(json);
    struct numbers n = {NULL, 9};
    struct ds_slice raw = {NULL, 0};
    int32_t id = -1;
    (void)state;

    assert_int_equal(dsi_part_read(&r, &part, &n, &id, &raw, NULL), DS_OK);
    assert_int_equal(dsi_json_end(&r, NULL), DS_OK); // Just past the value.
    assert_int_equal(id, 3);
    assert_int_equal(n.count, 3);
    assert_int_equal(((const int32_t *)n.items)[2], 7);
    assert_int_equal(raw.size, strlen(json));
    assert_memory_equal(raw.data, json, raw.size);
    assert_ptr_not_equal(raw.data, json);
}

static void test_parts_json__says_what_an_object_lacks(void **state)
{
    static const char *const cases[][2] = {
        {"{\"fields\":[]}", "file: a part has no 'part-id'"},
        {"{\"fields\":[],\"part-id\":-1}", "file: a part has no 'part-id'"},
        {"{\"part-id\":1}", "file: a part has no 'fields'"},
        {"{\"part-id\":1,\"fields\":{}}", "expected an array"},
        {"{\"part-id\":1,\"fields\":[1,\"x\"]}", "expected a"},
        {"[]", "expected an object"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_json_reader r = reader(cases[i][0]);
        struct numbers n = {NULL, 0};
        struct ds_slice raw = {NULL, 0};
        struct ds_error err = {0};
        int32_t id = 0;
        int rc = dsi_part_read(&r, &part, &n, &id, &raw, &err);
        if (rc != DS_ECORRUPT || !strstr(err.message, cases[i][1])) {
            fail_msg("%s: %d, %s", cases[i][0], rc, err.message);
        }
    }
}

// Reads an object of which each member may tell what a field is made from.
static int read_made_from(const char *json, struct dsi_made_from *out,
                          struct ds_error *err)
{
    struct dsi_json_reader r = reader(json);
    struct ds_slice key = {NULL, 0};
    int rc = dsi_json_object_begin(&r, err);

    *out = (struct dsi_made_from)DSI_MADE_FROM_INIT;
    while (rc == DS_OK && (rc = dsi_json_object_next(&r, &key, err)) == DS_ROW) {
        rc = dsi_made_from_member(&r, key, out, err);
    }
    return rc;
}

static void test_parts_json__reads_what_a_field_is_made_from(void **state)
{
    struct dsi_made_from m;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(
        read_made_from("{\"x\":{},\"source-id\":4,\"transform\":\"bucket[8]\"}", &m,
                       NULL),
        DS_OK);
    assert_null(dsi_made_from_end(&m));
    assert_int_equal(m.source_id, 4);
    assert_int_equal(m.transform.kind, DSI_TRANSFORM_BUCKET);

    assert_int_equal(
        read_made_from("{\"source-ids\":[7],\"transform\":\"day\"}", &m, NULL), DS_OK);
    assert_null(dsi_made_from_end(&m));
    assert_int_equal(m.source_id, 7);
    assert_int_equal(m.transform.kind, DSI_TRANSFORM_DAY);

    assert_int_equal(
        read_made_from("{\"source-ids\":[7,8],\"transform\":\"day\"}", &m, NULL), DS_OK);
    assert_null(dsi_made_from_end(&m));
    assert_int_equal(m.source_id, 7);
    assert_int_equal(m.transform.kind, DSI_TRANSFORM_UNKNOWN);
    assert_string_equal(m.transform.text, "day");

    assert_int_equal(read_made_from("{\"transform\":\"day\"}", &m, NULL), DS_OK);
    assert_string_equal(dsi_made_from_end(&m), "source-id");
    assert_int_equal(
        read_made_from("{\"source-ids\":[],\"transform\":\"day\"}", &m, NULL), DS_OK);
    assert_string_equal(dsi_made_from_end(&m), "source-id");
    assert_int_equal(read_made_from("{\"source-id\":1}", &m, NULL), DS_OK);
    assert_string_equal(dsi_made_from_end(&m), "transform");

    assert_int_equal(read_made_from("{\"transform\":\"bucket[0]\"}", &m, &err),
                     DS_ECORRUPT); // It is the file that is wrong.
    assert_memory_equal(err.message, "file: ", 6);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_parts_json__reads_an_object_and_keeps_its_bytes,
                                  end),
        cmocka_unit_test_teardown(test_parts_json__says_what_an_object_lacks, end),
        cmocka_unit_test_teardown(test_parts_json__reads_what_a_field_is_made_from, end),
    };
    return cmocka_run_group_tests_name("parts_json", tests, NULL, NULL);
}
