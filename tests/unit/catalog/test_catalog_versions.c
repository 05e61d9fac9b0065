#include "catalog/catalog_versions.h"
#include "harness.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define TABLE "memory:///t"

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
    dsi_storage_free(storage);
    dsi_arena_release(&arena);
    return 0;
}

static void put(const char *name, const char *content)
{
    char path[256];

    snprintf(path, sizeof path, TABLE "/metadata/%s", name);
    assert_int_equal(dsi_storage_put(storage, path, dsi_slice_text(content), 0, NULL),
                     DS_OK);
}

static int64_t head(void)
{
    struct dsi_version v = {0, NULL, {0, 0}};
    int rc = dsi_version_head(storage, TABLE, &arena, &v, NULL);

    if (rc == DS_OK) { // However it was found, its file was looked at.
        assert_true(v.info.size > 0);
    }
    return rc == DS_OK ? v.number : rc;
}

static int64_t hint(void)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    int64_t number = -1;

    if (dsi_storage_read(storage, TABLE "/metadata/" DSI_VERSION_HINT, &bytes, NULL) ==
        DS_OK) {
        dsi_text_to_i64((const char *)bytes.data, bytes.size, &number);
    }
    dsi_buf_release(&bytes);
    return number;
}

static void test_catalog_versions__reads_names(void **state)
{
    const struct {
        const char *name;
        int64_t number;
    } want[] = {{"v1.metadata.json", 1},
                {"v12.gz.metadata.json", 12},
                {"v3.metadata.json.gz", 3},
                {"v0.metadata.json", -1},
                {"v01.metadata.json", -1},
                {"v-1.metadata.json", -1},
                {"v+1.metadata.json", -1},
                {"v.metadata.json", -1},
                {"v1.metadata.json.tmp", -1},
                {"1.metadata.json", -1},
                {"v1", -1},
                {"sub/v1.metadata.json", -1},
                {"v1.metadata.json/x", -1},
                {"v99999999999999999999.metadata.json", -1}};
    (void)state;

    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_int_equal(dsi_version_parse(want[i].name), want[i].number);
    }
}

static void test_catalog_versions__looks_upwards_from_the_hint(void **state)
{
    (void)state;
    assert_int_equal(head(), DS_ENOTFOUND);
    for (int i = 1; i <= 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "v%d%s", i,
                 i == 4   ? ".gz.metadata.json"
                 : i == 5 ? ".metadata.json.gz"
                          : ".metadata.json");
        put(name, "{}");
        assert_int_equal(head(), i); // Without a hint.
    }
    put(DSI_VERSION_HINT, "2");
    assert_int_equal(head(), 5);
    put(DSI_VERSION_HINT, "5\n");
    assert_int_equal(head(), 5);
}

static void test_catalog_versions__does_not_believe_a_hint(void **state)
{
    const char *hints[] = {"",
                           "9",
                           "0",
                           "-1",
                           "x",
                           "3x",
                           " 3",
                           "3\n\n ",
                           "99",
                           "+3",
                           "0x3",
                           "03",
                           "9999999999999999999999",
                           "3 4"};
    char big[4000];
    (void)state;

    put("v2.metadata.json", "{}"); // Version 1 was removed.
    put("v3.metadata.json", "{}");
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        put(DSI_VERSION_HINT, hints[i]);
        assert_int_equal(head(), 3);
    }
    memset(big, '3', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    put(DSI_VERSION_HINT, big);
    assert_int_equal(head(), 3);
}

static void test_catalog_versions__adopts_nothing_that_has_no_version_name(void **state)
{
    (void)state;
    put("00002-0192f0c1.metadata.json", "{}");
    put(".datashard-1-2-3.tmp", "{}");
    put(DSI_VERSION_HINT, "2");
    assert_int_equal(head(), DS_ENOTFOUND);
    put("v1.metadata.json", "{}");
    assert_int_equal(head(), 1);
}

static void test_catalog_versions__lists_oldest_first(void **state)
{
    struct dsi_version *all = NULL;
    size_t count = 0;
    (void)state;

    for (int i = 150; i > 0; i--) {
        char name[64];
        snprintf(name, sizeof name, "v%d.metadata.json", i);
        put(name, "{}");
    }
    put("other.avro", "");
    assert_int_equal(dsi_version_list(storage, TABLE, &arena, &all, &count, NULL), DS_OK);
    assert_int_equal(count, 150);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(all[i].number, i + 1);
    }
    assert_string_equal(all[9].path, TABLE "/metadata/v10.metadata.json");
}

static void test_catalog_versions__moves_the_hint_forward_only(void **state)
{
    (void)state;
    dsi_version_write_hint(storage, TABLE, 3);
    assert_int_equal(hint(), 3);
    dsi_version_write_hint(storage, TABLE, 2);
    assert_int_equal(hint(), 3);
    dsi_version_write_hint(storage, TABLE, 10);
    assert_int_equal(hint(), 10);
    put(DSI_VERSION_HINT, "junk");
    dsi_version_write_hint(storage, TABLE, 1);
    assert_int_equal(hint(), 1);
}

#define VERSIONS_TEST(f) cmocka_unit_test_setup_teardown(f, make, end)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_catalog_versions__reads_names),
        VERSIONS_TEST(test_catalog_versions__looks_upwards_from_the_hint),
        VERSIONS_TEST(test_catalog_versions__does_not_believe_a_hint),
        VERSIONS_TEST(test_catalog_versions__adopts_nothing_that_has_no_version_name),
        VERSIONS_TEST(test_catalog_versions__lists_oldest_first),
        VERSIONS_TEST(test_catalog_versions__moves_the_hint_forward_only),
    };
    return cmocka_run_group_tests_name("catalog_versions", tests, NULL, NULL);
}
