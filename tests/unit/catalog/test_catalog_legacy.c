#include "base/fault.h"
#include "catalog/catalog_legacy.h"
#include "harness.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define TABLE "memory:///t"
#define A "v3-0123abcd.metadata.json"
#define B "v3-89abcdef.metadata.json"

static ds_storage *storage;
static struct dsi_arena arena;

static int make(void **state)
{
    (void)state;
    return dsi_storage_mem_new(&storage, NULL);
}

static int end(void **state)
{
    (void)state;
    dsi_fault_stop();
    dsi_storage_free(storage);
    dsi_arena_release(&arena);
    return 0;
}

static void put(const char *name, const char *content)
{
    char path[256];

    snprintf(path, sizeof path, TABLE "/%s", name);
    assert_int_equal(dsi_storage_put(storage, path, dsi_slice_text(content), 0, NULL),
                     DS_OK);
}

// The head's number, or why there is none.
static int64_t head(const char **name)
{
    struct dsi_legacy_head h = {0, NULL, NULL};
    int rc = dsi_legacy_head_find(storage, TABLE, &arena, &h, NULL);

    if (name) {
        *name = h.name;
    }
    return rc == DS_OK ? h.number : rc;
}

static void test_catalog_legacy__reads_names(void **state)
{
    (void)state;
    assert_int_equal(dsi_legacy_number("v0-0123abcd.metadata.json"), 0);
    assert_int_equal(dsi_legacy_number("v12.metadata.json"), 12);
    assert_int_equal(dsi_legacy_number("v12-0123abc.metadata.json"), -1);
    assert_int_equal(dsi_legacy_number("v12-0123ABCD.metadata.json"), -1);
    assert_int_equal(dsi_legacy_number("v-0123abcd.metadata.json"), -1);
    assert_int_equal(dsi_legacy_number("v99999999999999999999.metadata.json"), -1);
    assert_int_equal(dsi_legacy_number("v1.metadata.json.gz"), -1);
    assert_int_equal(dsi_legacy_number(""), -1);
}

static void test_catalog_legacy__believes_the_hint(void **state)
{
    const char *name = NULL;
    (void)state;

    assert_int_equal(head(NULL), DS_ENOTFOUND);
    put("metadata/v2-00000000.metadata.json", "{}");
    put("metadata/" A, "{}"); // A leftover.
    put("metadata/" B, "{}");
    put(DSI_LEGACY_HINT, " v2-00000000.metadata.json\r\n");
    assert_int_equal(head(&name), 2);
    assert_string_equal(name, "v2-00000000.metadata.json");
    put("metadata/v7.metadata.json", "{}");
    put(DSI_LEGACY_HINT, "7");
    assert_int_equal(head(&name), 7);
    assert_string_equal(name, "v7.metadata.json");
}

static void test_catalog_legacy__finds_its_way_without_a_hint(void **state)
{
    static const char *const useless[] = {"", "x", "../../etc/passwd", "9",
                                          "v9-00000000.metadata.json"};
    const char *name = NULL;
    char large[400];
    (void)state;

    put("metadata/v2-00000000.metadata.json", "{}");
    put("metadata/" A, "{}");
    put("metadata/v4.metadata.json", "{}"); // Not a name that only DataShard gives.
    assert_int_equal(head(&name), 3);
    assert_string_equal(name, A);
    for (size_t i = 0; i < sizeof useless / sizeof useless[0]; i++) {
        put(DSI_LEGACY_HINT, useless[i]);
        assert_int_equal(head(NULL), 3);
    }
    memset(large, '1', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    put(DSI_LEGACY_HINT, large);
    assert_int_equal(head(NULL), 3);
    // A migration that got no further than its hint.
    put(DSI_LEGACY_HINT_KEPT, "v2-00000000.metadata.json");
    assert_int_equal(head(NULL), 2);
    put(DSI_LEGACY_HINT_KEPT, "");
    put("metadata/" B, "{}");
    assert_int_equal(head(NULL), DS_ECORRUPT); // It would be a guess.
}

static void test_catalog_legacy__counts_every_form(void **state)
{
    int64_t newest = 0;
    (void)state;

    assert_int_equal(dsi_legacy_newest(storage, TABLE, &newest, NULL), DS_OK);
    assert_int_equal(newest, -1);
    put("metadata/" A, "{}");
    put("metadata/v4.metadata.json", "{}");
    put("metadata/manifests/v9.metadata.json", "{}");
    assert_int_equal(dsi_legacy_newest(storage, TABLE, &newest, NULL), DS_OK);
    assert_int_equal(newest, 4);
}

static void test_catalog_legacy__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    put("metadata/" A, "{}");
    while (dsi_fault_next(&plan)) {
        struct dsi_legacy_head h = {0, NULL, NULL};
        struct ds_error err = {0};
        int rc = dsi_legacy_head_find(storage, TABLE, &arena, &h, &err);
        dsi_fault_stop();
        assert_true(plan.name ? rc < 0 && err.message[0] : rc == DS_OK);
        assert_true(rc != DS_ENOTFOUND);
    }
    assert_true(plan.target > 4);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_catalog_legacy__reads_names, make, end),
        cmocka_unit_test_setup_teardown(test_catalog_legacy__believes_the_hint, make,
                                        end),
        cmocka_unit_test_setup_teardown(test_catalog_legacy__finds_its_way_without_a_hint,
                                        make, end),
        cmocka_unit_test_setup_teardown(test_catalog_legacy__counts_every_form, make,
                                        end),
        cmocka_unit_test_setup_teardown(test_catalog_legacy__survives_every_fault, make,
                                        end),
    };
    return cmocka_run_group_tests_name("catalog_legacy", tests, NULL, NULL);
}
