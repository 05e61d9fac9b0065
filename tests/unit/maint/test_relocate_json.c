#include "maint/relocate_json.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "harness.h"

// Marks each text with where it is.
static int mark(void *arg, const struct dsi_relocate_at *at, struct ds_slice text,
                struct ds_slice *out, struct ds_error *err)
{
    static char changed[64];
    (void)err;

    if (dsi_relocate_at_is(at, arg)) {
        snprintf(changed, sizeof changed, "%zu:%.*s", at->element, (int)text.size,
                 (const char *)text.data);
        *out = dsi_slice_text(changed);
        return DS_ROW;
    }
    return DS_OK;
}

static void check(const char *in, const char *where, const char *wanted)
{
    char path[64];
    struct dsi_buf out = DSI_BUF_INIT;

    snprintf(path, sizeof path, "%s", where);
    assert_int_equal(
        dsi_relocate_json(dsi_slice_text(in), "text", mark, path, &out, NULL), DS_OK);
    assert_string_equal(dsi_buf_text(&out), wanted);
    dsi_buf_release(&out);
}

static void test_relocate_json__changes_what_is_asked_for_alone(void **state)
{
    static const char text[] = "{\"a\":\"x\",\"b\":[{\"a\":\"y\",\"n\":1.50},"
                               "{\"a\":\"z\",\"c\":[[\"q\"],null,true]}],\"d\":{\"a\":"
                               "\"\\u00e9\\n\"},\"e\":{}}";
    (void)state;

    check(text, "none",
          "{\"a\":\"x\",\"b\":[{\"a\":\"y\",\"n\":1.50},{\"a\":\"z\",\"c\":"
          "[[\"q\"],null,true]}],\"d\":{\"a\":\"é\\n\"},\"e\":{}}");
    check("{\"a\":\"x\",\"b\":{\"a\":\"y\"}}", "a",
          "{\"a\":\"0:x\",\"b\":{\"a\":\"y\"}}");
    check("{\"b\":[{\"a\":\"x\"},{\"a\":\"y\"}]}", "b/a",
          "{\"b\":[{\"a\":\"0:x\"},{\"a\":\"1:y\"}]}");
    check("{\"b\":[\"x\",[\"y\"]],\"a/b\":\"z\"}", "b",
          "{\"b\":[\"0:x\",[\"1:y\"]],\"a/b\":\"z\"}");
    check("{\"ab\":\"x\",\"a\":{\"b\":\"y\"}}", "a/b",
          "{\"ab\":\"x\",\"a\":{\"b\":\"0:y\"}}");
    check("{\"a/b\":\"z\",\"a\":{\"b/\":\"y\"}}", "a/b",
          "{\"a/b\":\"z\",\"a\":{\"b/\":\"y\"}}");
}

static void test_relocate_json__a_key_ends_where_it_says(void **state)
{
    static const struct {
        const char *key;
        size_t size;
        bool same;
    } cases[] = {
        {"ab", 2, true}, {"ab\0cd", 5, false}, {"ab\0", 3, false}, {"a", 1, false}};
    static const char path[8] = "ab"; // Whoever reads on sees more ends.
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ds_slice key = {(const uint8_t *)cases[i].key, cases[i].size};
        struct dsi_relocate_at at = {.keys = &key, .count = 1};
        assert_int_equal(dsi_relocate_at_is(&at, path), cases[i].same);
    }
}

static void test_relocate_json__refuses_what_is_none(void **state)
{
    static const char *const bad[] = {"",     "{",    "{\"a\":}",
                                      "[1,]", "{} x", "{\"a\":\"\x01\"}"};
    char deep[300];
    char where[] = "a";
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct dsi_buf out = DSI_BUF_INIT;
        struct ds_error err = {0};
        assert_int_equal(
            dsi_relocate_json(dsi_slice_text(bad[i]), "text", mark, where, &out, &err),
            DS_ECORRUPT);
        assert_non_null(strstr(err.message, "text"));
        dsi_buf_release(&out);
    }
    memset(deep, '[', sizeof deep);
    struct dsi_buf out = DSI_BUF_INIT;
    assert_true(dsi_relocate_json((struct ds_slice){(const uint8_t *)deep, sizeof deep},
                                  "text", mark, where, &out, NULL) < 0);
    dsi_buf_release(&out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relocate_json__changes_what_is_asked_for_alone),
        cmocka_unit_test(test_relocate_json__a_key_ends_where_it_says),
        cmocka_unit_test(test_relocate_json__refuses_what_is_none),
    };
    return cmocka_run_group_tests_name("relocate_json", tests, NULL, NULL);
}
