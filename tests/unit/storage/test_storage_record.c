#include "harness.h"
#include "storage/storage_record.h"

#include "base/error.h"

static const struct ds_slice three = {(const uint8_t *)"abc", 3};

static void test_storage_record__writes_down_what_was_asked(void **state)
{
    struct dsi_storage_record record = {0};
    ds_storage *inner = NULL;
    ds_storage *s = NULL;
    const char *path = "/a";
    (void)state;

    assert_int_equal(dsi_storage_mem_new(&inner, NULL), DS_OK);
    assert_int_equal(dsi_storage_record_new(inner, &record, &s, NULL), DS_OK);
    assert_int_equal(dsi_storage_put(s, "/a", three, DS_PUT_IF_ABSENT, NULL), DS_OK);
    assert_int_equal(dsi_storage_put(s, "/a", three, DS_PUT_IF_ABSENT, NULL), DS_EEXISTS);
    assert_int_equal(dsi_storage_sync(s, &path, 1, NULL), DS_OK);
    assert_string_equal(dsi_storage_record_text(&record), "put /a 3 flags=1 -> 0\n"
                                                          "put /a 3 flags=1 -> -3\n"
                                                          "sync /a 0 flags=0 -> 0\n");
    assert_int_equal(dsi_storage_record_count(&record, "put"), 2);
    assert_int_equal(dsi_storage_record_count(&record, "pu"), 0);
    dsi_storage_free(s);
    dsi_storage_record_release(&record);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storage_record__writes_down_what_was_asked),
    };
    return cmocka_run_group_tests_name("storage_record", tests, NULL, NULL);
}
