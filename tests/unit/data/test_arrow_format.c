#include "data/arrow_format.h"
#include "unit/data/producer.h"

static void test_arrow_format__reads_parameters(void **state)
{
    struct ArrowSchema s = producer_schema("d:10,2", "c");
    struct dsi_arrow_format f;
    (void)state;

    assert_int_equal(dsi_arrow_format_read(&s, &f, NULL), DS_OK);
    assert_int_equal(f.kind, DSI_ARROW_DECIMAL);
    assert_int_equal(f.precision, 10);
    assert_int_equal(f.scale, 2);
    assert_int_equal(f.width, 16);
    s.format = "d:76,-3,256";
    assert_int_equal(dsi_arrow_format_read(&s, &f, NULL), DS_OK);
    assert_int_equal(f.scale, -3);
    assert_int_equal(f.width, 32);
    s.format = "w:2147483647";
    assert_int_equal(dsi_arrow_format_read(&s, &f, NULL), DS_OK);
    assert_int_equal(f.width, 2147483647);
    s.format = "tsn:a:b";
    assert_int_equal(dsi_arrow_format_read(&s, &f, NULL), DS_OK);
    assert_int_equal(f.unit, DSI_ARROW_NS);
    assert_true(f.zone);
}

static void test_arrow_format__refuses_malformed_ones(void **state)
{
    static const char *const bad[] = {
        "",    "d:",  "d:1",  "d:0,0",  "d:77,0",       "d:1,2,3", "d:1,2,128,9",
        "d:,", "w:",  "w:x",  "w:-1",   "w:2147483648", "ts",      "tsx:",
        "tsu", "+w:", "w:1 ", "d:5,2,", "tssUTC",
    };
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ArrowSchema s = producer_schema(bad[i], "c");
        struct dsi_arrow_format f;
        struct ds_error err = {0};
        if (dsi_arrow_format_read(&s, &f, &err) != DS_EINVALID) {
            fail_msg("'%s' was read", bad[i]);
        }
        assert_non_null(strstr(err.message, "column c"));
    }
}

static void test_arrow_format__checks_what_stands_around_it(void **state)
{
    struct ArrowSchema *children[] = {NULL};
    struct ArrowSchema s = producer_schema("+l", "c");
    struct dsi_arrow_format f;
    (void)state;

    assert_int_equal(dsi_arrow_format_read(&s, &f, NULL), DS_EINVALID); // No children.
    s.n_children = 1;
    assert_int_equal(dsi_arrow_format_read(&s, &f, NULL),
                     DS_EINVALID); // No list of them.
    s.children = children;
    assert_int_equal(dsi_arrow_format_read(&s, &f, NULL), DS_EINVALID); // A NULL child.
    children[0] = &s;
    assert_int_equal(dsi_arrow_format_read(&s, &f, NULL), DS_OK);
    s.n_children = -1;
    assert_int_equal(dsi_arrow_format_read(&s, &f, NULL), DS_EINVALID);
    s = producer_schema("+s", "c");
    s.children = children;
    s.n_children = INT64_MAX;
    assert_int_equal(dsi_arrow_format_read(&s, &f, NULL), DS_EINVALID);
    s = producer_schema(NULL, "c");
    assert_int_equal(dsi_arrow_format_read(&s, &f, NULL), DS_EINVALID);
    s = producer_schema("i", "\xff");
    assert_int_equal(dsi_arrow_format_read(&s, &f, NULL), DS_EINVALID);
    s = producer_schema("i", NULL);
    assert_int_equal(dsi_arrow_format_read(&s, &f, NULL), DS_OK);
    s.release = NULL;
    assert_int_equal(dsi_arrow_format_read(&s, &f, NULL), DS_EINVALID);
}

static void test_arrow_format__finds_metadata_and_refuses_nonsense(void **state)
{
    char bytes[64] = {0};
    int32_t n[] = {1, 1, 2};
    struct ArrowSchema s = producer_schema("i", "c");
    struct ds_slice value = {0};
    bool found = false;
    int32_t id = 0;
    (void)state;

    memcpy(bytes, &n[0], 8);
    bytes[8] = 'k';
    memcpy(bytes + 9, &n[2], 4);
    memcpy(bytes + 13, "vw", 2);
    s.metadata = bytes;
    assert_int_equal(dsi_arrow_metadata_find(&s, "k", &found, &value, NULL), DS_OK);
    assert_true(found);
    assert_int_equal(value.size, 2);
    assert_memory_equal(value.data, "vw", 2);
    assert_int_equal(dsi_arrow_metadata_find(&s, "q", &found, &value, NULL), DS_OK);
    assert_false(found);
    assert_int_equal(dsi_arrow_field_id(&s, &id, NULL), DS_OK);
    assert_int_equal(id, -1);
    n[1] = -1;
    memcpy(bytes, &n[0], 8);
    assert_int_equal(dsi_arrow_metadata_find(&s, "k", &found, &value, NULL), DS_EINVALID);
    n[0] = -5;
    memcpy(bytes, &n[0], 8);
    assert_int_equal(dsi_arrow_metadata_find(&s, "k", &found, &value, NULL), DS_EINVALID);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrow_format__reads_parameters),
        cmocka_unit_test(test_arrow_format__refuses_malformed_ones),
        cmocka_unit_test(test_arrow_format__checks_what_stands_around_it),
        cmocka_unit_test(test_arrow_format__finds_metadata_and_refuses_nonsense),
    };
    return cmocka_run_group_tests_name("arrow_format", tests, NULL, NULL);
}
