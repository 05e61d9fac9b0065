#include "base/fault.h"
#include "metadata_case.h"

// The order of members that Iceberg's Java library writes.
static void test_metadata_write__orders_members_as_java_does(void **state)
{
    static const char *const keys[] = {
        "format-version",
        "table-uuid",
        "location",
        "last-sequence-number",
        "last-updated-ms",
        "last-column-id",
        "current-schema-id",
        "schemas",
        "default-spec-id",
        "partition-specs",
        "last-partition-id",
        "default-sort-order-id",
        "sort-orders",
        "properties",
        "current-snapshot-id",
        "refs",
        "snapshots",
        "statistics",
        "partition-statistics",
        "snapshot-log",
        "metadata-log",
    };
    struct dsi_metadata *m = parse_golden("v2.json");
    struct dsi_buf out = DSI_BUF_INIT;
    (void)state;

    assert_int_equal(dsi_metadata_to_json(m, &out, NULL), DS_OK);
    const char *at = dsi_buf_text(&out);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char quoted[64];
        snprintf(quoted, sizeof quoted, "\"%s\":", keys[i]);
        at = strstr(at, quoted);
        if (!at) {
            fail_msg("%s is missing, or out of order", keys[i]);
        }
    }
    dsi_buf_release(&out);
    dsi_metadata_unref(m);
}

static void test_metadata_write__says_nothing_current_as_each_version_does(void **state)
{
    static const struct {
        const char *name;
        const char *text;
        bool there;
    } cases[] = {
        {"v1_oldest.json", "\"current-snapshot-id\":-1", true},
        {"v1_oldest.json", "\"schema\":{", true},
        {"v1_oldest.json", "\"partition-spec\":[{\"name\":\"x\"", true},
        {"v1_oldest.json", "last-sequence-number", false},
        {"v2_minimal.json", "\"current-snapshot-id\":-1", true},
        {"v2_minimal.json", "\"schema\":", false},
        {"v2_minimal.json", "next-row-id", false},
        {"v3_empty.json", "current-snapshot-id", false},
        {"v3_empty.json", "\"next-row-id\":0", true},
        {"v3.json", "encryption-keys", true},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_metadata *m = parse_golden(cases[i].name);
        struct dsi_buf out = DSI_BUF_INIT;
        assert_int_equal(dsi_metadata_to_json(m, &out, NULL), DS_OK);
        if ((strstr(dsi_buf_text(&out), cases[i].text) != NULL) != cases[i].there) {
            fail_msg("%s: %s\n%s", cases[i].name, cases[i].text, dsi_buf_text(&out));
        }
        dsi_buf_release(&out);
        dsi_metadata_unref(m);
    }
}

static void test_metadata_write__survives_every_fault(void **state)
{
    struct dsi_metadata *m = parse_golden("v2.json");
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_buf out = DSI_BUF_INIT;
        struct ds_error err = {0};
        int rc = dsi_metadata_to_json(m, &out, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK ? !plan.name : rc == DS_ENOMEM && err.message[0]);
        dsi_buf_release(&out);
    }
    assert_true(plan.target > 1);
    dsi_metadata_unref(m);
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
        cmocka_unit_test(test_metadata_write__orders_members_as_java_does),
        cmocka_unit_test(test_metadata_write__says_nothing_current_as_each_version_does),
        cmocka_unit_test_teardown(test_metadata_write__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("metadata_write", tests, NULL, NULL);
}
