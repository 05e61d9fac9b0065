#include "base/fault.h"
#include "metadata_case.h"

#include <dirent.h>

// Every file of a golden folder that ends in .json, given to `look`; how many there were.
static int each_golden(const char *folder, void (*look)(const char *name))
{
    char path[512];
    int count = 0;
    snprintf(path, sizeof path, "%s/metadata/%s", DSI_TEST_GOLDEN, folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        if (dsi_text_ends_with(e->d_name, ".json")) {
            look(e->d_name);
            count++;
        }
    }
    closedir(dir);
    return count;
}

static void read_good(const char *name)
{
    struct dsi_metadata *m = parse_golden(name);
    assert_round_trip(m);
    dsi_metadata_unref(m);
}

static void refuse_bad(const char *name)
{
    struct dsi_buf json = DSI_BUF_INIT;
    struct dsi_buf words = DSI_BUF_INIT;
    struct dsi_metadata *m = NULL;
    struct ds_error err = {0};
    char message[256];

    read_golden("bad", name, &json);
    snprintf(message, sizeof message, "%.*s.message", (int)strlen(name) - 5, name);
    read_golden("bad", message, &words);
    words.size -= words.data[words.size - 1] == '\n';
    int rc = dsi_metadata_parse(dsi_buf_slice(&json), &m, &err);
    int expected = strncmp(name, "version_4", 9) == 0 ? DS_EUNSUPPORTED : DS_ECORRUPT;
    if (rc != expected || m || !strstr(err.message, dsi_buf_text(&words))) {
        fail_msg("%s gave %d: %s", name, rc, err.message);
    }
    dsi_buf_release(&json);
    dsi_buf_release(&words);
}

static void test_metadata_json__reads_what_is_good(void **state)
{
    (void)state;
    assert_true(each_golden("good", read_good) >= 8);
}

static void test_metadata_json__refuses_what_is_bad_and_says_why(void **state)
{
    (void)state;
    assert_true(each_golden("bad", refuse_bad) >= 60);
}

static void test_metadata_json__finds_every_member_of_v2(void **state)
{
    struct dsi_metadata *m = parse_golden("v2.json");
    (void)state;

    assert_int_equal(m->format_version, 2);
    assert_string_equal(m->table_uuid, "9c12d441-03fe-4693-9a96-a0705ddf69c1");
    assert_string_equal(m->location, "file:///bucket/test/location");
    assert_true(m->last_sequence_number == 34 && m->last_updated_ms == 1602638573590);
    assert_int_equal(dsi_metadata_current_schema(m)->identifier_count, 2);
    assert_int_equal(dsi_metadata_default_sort_order(m)->fields[1].transform.param, 4);
    assert_string_equal(dsi_metadata_property(m, "a"), "b");
    assert_string_equal(dsi_metadata_current_snapshot(m)->manifest_list,
                        "file:///a/b/2.avro");
    assert_true(dsi_metadata_find_ref(m, "test")->max_ref_age_ms == 10000000);
    assert_int_equal(m->extras.count, 3);
    dsi_metadata_unref(m);
}

static void test_metadata_json__fills_what_v1_leaves_out(void **state)
{
    struct dsi_metadata *m = parse_golden("v1_manifests.json");
    (void)state;

    assert_int_equal(m->format_version, 1);
    assert_int_equal(m->schema_count, 1);
    assert_int_equal(m->specs[0].fields[0].field_id, 1000);
    assert_int_equal(m->last_partition_id, 1000);
    assert_int_equal(dsi_metadata_default_sort_order(m)->field_count, 0);
    assert_true(dsi_metadata_find_ref(m, "main")->snapshot_id == 1);
    assert_int_equal(dsi_metadata_current_snapshot(m)->manifest_count, 2);
    assert_null(dsi_metadata_current_snapshot(m)->manifest_list);
    dsi_metadata_unref(m);
    m = parse_golden("v1_oldest.json");
    assert_string_equal(m->location,
                        "file:///bucket/test/location"); // Without its slash.
    assert_true(m->current_snapshot_id == DSI_SNAPSHOT_NONE);
    dsi_metadata_unref(m);
}

static void test_metadata_json__adds_the_spec_that_datashard_leaves_out(void **state)
{
    struct dsi_metadata *m = parse_golden("datashard_spec.json");
    (void)state;

    assert_int_equal(m->spec_count, 2);
    assert_int_equal(m->specs[0].spec_id, 1);
    assert_int_equal(m->specs[0].field_count, 3);
    assert_int_equal(dsi_metadata_default_spec(m)->spec_id, 0);
    assert_int_equal(dsi_metadata_default_spec(m)->field_count, 0);
    dsi_metadata_unref(m);
}

static void test_metadata_json__keeps_unknown_members_byte_for_byte(void **state)
{
    struct dsi_metadata *m = parse_golden("v2.json");
    struct dsi_buf out = DSI_BUF_INIT;
    (void)state;

    assert_int_equal(dsi_metadata_to_json(m, &out, NULL), DS_OK);
    for (size_t i = 0; i < m->extras.count; i++) {
        char text[64] = "";
        memcpy(text, m->extras.members[i].json.data,
               m->extras.members[i].json.size < 60 ? m->extras.members[i].json.size : 60);
        assert_non_null(strstr(dsi_buf_text(&out), text));
    }
    assert_non_null(strstr(dsi_buf_text(&out), "\"newer\": {"));
    assert_non_null(strstr(dsi_buf_text(&out), "\"another-member\":null"));
    assert_non_null(
        strstr(dsi_buf_text(&out), "\"protected\":{\"by\": [\"somebody\", 2.50]}"));
    assert_non_null(strstr(dsi_buf_text(&out), "\"set-by\":\"a newer engine\""));
    assert_non_null(strstr(dsi_buf_text(&out), "\"bytes\":1.20e3"));
    dsi_buf_release(&out);
    dsi_metadata_unref(m);
}

// Ten megabytes: the memory held stays in proportion.
static void test_metadata_json__reads_thousands_of_snapshots(void **state)
{
    struct dsi_buf json = DSI_BUF_INIT;
    struct dsi_metadata *m = NULL;
    struct ds_error err = {0};
    const int count = 10000;
    (void)state;

    read_golden("good", "v2_minimal.json", &json);
    json.size = (size_t)((uint8_t *)strrchr(dsi_buf_text(&json), '}') - json.data);
    assert_int_equal(dsi_buf_append_text(&json, ",\"snapshots\":[", &err), DS_OK);
    for (int i = 0; i < count; i++) {
        assert_int_equal(
            dsi_buf_printf(&json, &err,
                           "%s{\"sequence-number\":1,\"snapshot-id\":%d,"
                           "\"timestamp-ms\":%d,\"manifest-list\":\"file:///a/%d.avro\","
                           "\"summary\":{\"operation\":\"append\",\"pad\":\"%01000d\"}}",
                           i ? "," : "", i + 1, i + 1, i, i),
            DS_OK);
    }
    assert_int_equal(dsi_buf_append_text(&json, "]}", &err), DS_OK);
    assert_true(json.size > 10 << 20);
    assert_int_equal(dsi_metadata_parse(dsi_buf_slice(&json), &m, &err), DS_OK);
    assert_int_equal(m->snapshot_count, count);
    size_t held = m->arena.bytes_held;
    for (int i = 0; i < count; i++) {
        held += m->snapshots[i]->arena.bytes_held;
    }
    assert_true(held < 4 * json.size);
    dsi_metadata_unref(m);
    dsi_buf_release(&json);
}

// A version with the snapshots first, first + 1, …; of `other` the text is another.
static struct dsi_metadata *parse_snapshots(const struct dsi_metadata *known, int first,
                                            int count, int other)
{
    struct dsi_buf json = DSI_BUF_INIT;
    struct dsi_metadata *m = NULL;
    struct ds_error err = {0};

    read_golden("good", "v2_minimal.json", &json);
    json.size = (size_t)((uint8_t *)strrchr(dsi_buf_text(&json), '}') - json.data);
    assert_int_equal(dsi_buf_append_text(&json, ",\"snapshots\": [", &err), DS_OK);
    for (int i = first; i < first + count; i++) {
        assert_int_equal(
            dsi_buf_printf(
                &json, &err,
                "%s {\"sequence-number\":1,\"snapshot-id\":%d,\"timestamp-ms\":%d,"
                "\"manifest-list\":\"file:///a.avro\", \"new\":[{}, %d]}",
                i > first ? "," : "", i, i, i == other),
            DS_OK);
    }
    assert_int_equal(dsi_buf_append_text(&json, " ] }", &err), DS_OK);
    if (dsi_metadata_parse_again(dsi_buf_slice(&json), known, &m, &err) < 0) {
        fail_msg("%s", err.message);
    }
    dsi_buf_release(&json);
    return m;
}

static void test_metadata_json__shares_the_snapshots_it_knows(void **state)
{
    struct dsi_metadata *known = parse_snapshots(NULL, 1, 20, 0);
    (void)state;

    for (int other = 0; other < 25; other++) { // 0: all that are in both are the same.
        struct dsi_metadata *whole = parse_snapshots(NULL, 5, 20, other);
        struct dsi_metadata *m = parse_snapshots(known, 5, 20, other);
        assert_same_metadata(m, whole);
        for (size_t i = 0; i < 20; i++) {
            int id = (int)i + 5;
            bool shared = id <= 20 && m->snapshots[i] == known->snapshots[id - 1];
            assert_int_equal(shared, id <= 20 && id != other);
            assert_memory_equal(m->snapshots[i]->raw.data, whole->snapshots[i]->raw.data,
                                whole->snapshots[i]->raw.size);
        }
        dsi_metadata_unref(whole);
        dsi_metadata_unref(m);
    }
    struct dsi_metadata *m = parse_snapshots(known, 5, 20, 0);
    dsi_metadata_unref(known); // What is shared lives on.
    assert_int_equal(m->snapshots[0]->snapshot_id, 5);
    dsi_metadata_unref(m);
}

static void test_metadata_json__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct dsi_buf json = DSI_BUF_INIT;
    (void)state;

    read_golden("good", "v2.json", &json);
    while (dsi_fault_next(&plan)) {
        struct dsi_metadata *m = NULL;
        struct ds_error err = {0};
        int rc = dsi_metadata_parse(dsi_buf_slice(&json), &m, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK ? m && !plan.name : rc == DS_ENOMEM && err.message[0]);
        dsi_metadata_unref(m);
    }
    assert_true(plan.target > 5);
    dsi_buf_release(&json);
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
        cmocka_unit_test(test_metadata_json__reads_what_is_good),
        cmocka_unit_test(test_metadata_json__refuses_what_is_bad_and_says_why),
        cmocka_unit_test(test_metadata_json__finds_every_member_of_v2),
        cmocka_unit_test(test_metadata_json__fills_what_v1_leaves_out),
        cmocka_unit_test(test_metadata_json__adds_the_spec_that_datashard_leaves_out),
        cmocka_unit_test(test_metadata_json__keeps_unknown_members_byte_for_byte),
        cmocka_unit_test(test_metadata_json__reads_thousands_of_snapshots),
        cmocka_unit_test(test_metadata_json__shares_the_snapshots_it_knows),
        cmocka_unit_test_teardown(test_metadata_json__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("metadata_json", tests, NULL, NULL);
}
