#include "harness.h"

#include <string.h>

#include "base/text.h"
#include "scan/scan.h"

static const char metadata_json[] =
    "{\"format-version\":2,\"table-uuid\":\"f79c3e09-677c-4bbd-a479-3f349cb785e7\","
    "\"location\":\"memory:///t\",\"last-sequence-number\":2,\"last-updated-ms\":2000,"
    "\"last-column-id\":1,\"current-schema-id\":0,\"schemas\":[{\"type\":\"struct\","
    "\"schema-id\":0,\"fields\":[{\"id\":1,\"name\":\"i\",\"required\":false,"
    "\"type\":\"int\"}]}],\"default-spec-id\":0,\"partition-specs\":[{\"spec-id\":0,"
    "\"fields\":[]}],\"last-partition-id\":999,\"default-sort-order-id\":0,"
    "\"sort-orders\":[{\"order-id\":0,\"fields\":[]}],\"properties\":{},"
    "\"current-snapshot-id\":22,\"refs\":{\"main\":{\"snapshot-id\":22,"
    "\"type\":\"branch\"},\"old\":{\"snapshot-id\":11,\"type\":\"tag\"}},\"snapshots\":["
    "{\"snapshot-id\":11,\"sequence-number\":1,\"timestamp-ms\":1000,\"summary\":{"
    "\"operation\":\"append\"},\"manifest-list\":\"memory:///t/1.avro\",\"schema-id\":0},"
    "{\"snapshot-id\":22,\"parent-snapshot-id\":11,\"sequence-number\":2,"
    "\"timestamp-ms\":2000,\"summary\":{\"operation\":\"append\"},"
    "\"manifest-list\":\"memory:///t/2.avro\",\"schema-id\":0}],\"snapshot-log\":["
    "{\"timestamp-ms\":1000,\"snapshot-id\":11},{\"timestamp-ms\":2000,"
    "\"snapshot-id\":22}],\"metadata-log\":[]}";

static int setup(void **state)
{
    struct dsi_metadata *m = NULL;
    int rc = dsi_metadata_parse(dsi_slice_text(metadata_json), &m, NULL);
    *state = m;
    return rc;
}

static int teardown(void **state)
{
    dsi_metadata_unref(*state);
    return 0;
}

static int64_t resolved(const struct dsi_metadata *m, struct ds_at at)
{
    const struct dsi_snapshot *s = NULL;
    struct ds_error err = {0};

    if (dsi_scan_resolve(m, &at, &s, &err) < 0) {
        fail_msg("%s", err.message);
    }
    return s ? s->snapshot_id : 0;
}

static void test_scan_resolve__finds_by_id_name_and_time(void **state)
{
    const struct dsi_metadata *m = *state;

    assert_int_equal(resolved(m, (struct ds_at){0}), 22);
    assert_int_equal(resolved(m, (struct ds_at){.snapshot_id = 11}), 11);
    assert_int_equal(resolved(m, (struct ds_at){.ref = "main"}), 22);
    assert_int_equal(resolved(m, (struct ds_at){.ref = "old"}), 11);
    assert_int_equal(resolved(m, (struct ds_at){.as_of_ms = 1000}), 11);
    assert_int_equal(resolved(m, (struct ds_at){.as_of_ms = 1999}), 11);
    assert_int_equal(resolved(m, (struct ds_at){.as_of_ms = 2000}), 22);
    assert_int_equal(resolved(m, (struct ds_at){.as_of_ms = INT64_MAX}), 22);
}

static void refuses(const struct dsi_metadata *m, struct ds_at at, const char *message)
{
    const struct dsi_snapshot *s = NULL;
    struct ds_error err = {0};

    assert_int_equal(dsi_scan_resolve(m, &at, &s, &err), DS_EINVALID);
    assert_null(s);
    if (!strstr(err.message, message)) {
        fail_msg("\"%s\" lacks \"%s\"", err.message, message);
    }
}

static void test_scan_resolve__says_what_is_not_there(void **state)
{
    const struct dsi_metadata *m = *state;

    refuses(m, (struct ds_at){.snapshot_id = 33}, "no snapshot 33");
    refuses(m, (struct ds_at){.ref = "new"}, "no branch or tag new");
    refuses(m, (struct ds_at){.as_of_ms = 999}, "1970-01-01T00:00:00.999");
    refuses(m, (struct ds_at){.ref = "main", .as_of_ms = 1000}, "at most one");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scan_resolve__finds_by_id_name_and_time),
        cmocka_unit_test(test_scan_resolve__says_what_is_not_there),
    };
    return cmocka_run_group_tests_name("scan_resolve", tests, setup, teardown);
}
