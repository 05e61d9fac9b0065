#include "maint/relocate_place.h"

#include <string.h>

#include "base/text.h"
#include "harness.h"

static void test_relocate_place__moves_what_is_below(void **state)
{
    static const char *const cases[][2] = {
        {"file:///a/t/data/x", "file:///b/n/data/x"},
        {"/a/t/data/x", "file:///b/n/data/x"},
        {"file:/a/t/x", "file:///b/n/x"},
        {"file:///a/t", "file:///a/t"},
        {"file:///a/tt/x", "file:///a/tt/x"},
        {"s3://a/t/x", "s3://a/t/x"},
        {"file:///a/t/../x", "file:///a/t/../x"},
        {"", ""},
    };
    struct dsi_relocation r = {.from = "file:///a/t", .to = "file:///b/n"};
    const char *now = NULL;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(dsi_relocate_path(&r, dsi_slice_text(cases[i][0]), &now, NULL),
                         DS_OK);
        assert_string_equal(now, cases[i][1]);
        assert_int_equal(dsi_relocate_is_inside(&r, cases[i][0]),
                         strcmp(cases[i][0], cases[i][1]) != 0);
    }
    dsi_relocate_release(&r);
}

static void test_relocate_place__undoes_what_was_stored(void **state)
{
    struct dsi_relocation r = {.from = "memory:///a", .to = "memory:///b"};
    struct dsi_relocated made = {0};
    struct ds_file_info info;
    (void)state;

    assert_int_equal(dsi_storage_mem_new(&r.to_storage, NULL), DS_OK);
    assert_int_equal(
        dsi_relocate_store(&r, "memory:///b/x", dsi_slice_text("abc"), &made, NULL),
        DS_OK);
    assert_int_equal(made.size, 3);
    assert_string_equal(made.checksum, "ba7816bf8f01cfea414140de5dae2223"
                                       "b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(dsi_storage_stat(r.to_storage, "memory:///b/x", &info, NULL), DS_OK);
    dsi_relocate_undo(&r);
    assert_int_equal(dsi_storage_stat(r.to_storage, "memory:///b/x", &info, NULL),
                     DS_ENOTFOUND);
    r.dry_run = true;
    assert_int_equal(
        dsi_relocate_store(&r, "memory:///b/y", dsi_slice_text("abc"), &made, NULL),
        DS_OK);
    assert_int_equal(r.written_count, 0);
    assert_int_equal(r.bytes, 6);
    dsi_storage_free(r.to_storage);
    dsi_relocate_release(&r);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relocate_place__moves_what_is_below),
        cmocka_unit_test(test_relocate_place__undoes_what_was_stored),
    };
    return cmocka_run_group_tests_name("relocate_place", tests, NULL, NULL);
}
