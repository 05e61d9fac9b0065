#include "base/text.h"
#include "harness.h"
#include "model/partition.h"

#include <string.h>

struct apply_case {
    const char *transform;
    const char *type;
    const char *source; // NULL: null.
    const char *result; // As formatted for people.
};

static void apply(const struct apply_case *c, struct dsi_arena *arena,
                  struct dsi_value *out, struct dsi_buf *text)
{
    struct dsi_transform t = {0};
    struct dsi_type type = {0};
    struct dsi_type result = {0};
    struct dsi_value v = DSI_VALUE_NULL;
    struct ds_error err = {0};

    assert_int_equal(dsi_transform_parse(c->transform, arena, &t, &err), DS_OK);
    assert_int_equal(dsi_type_parse(c->type, arena, &type, &err), DS_OK);
    if (c->source) {
        assert_int_equal(
            dsi_value_parse(&type, c->source, strlen(c->source), arena, &v, &err), DS_OK);
    }
    assert_int_equal(dsi_transform_result(&t, &type, &result, &err), DS_OK);
    assert_int_equal(dsi_transform_apply(&t, &type, &v, out, &err), DS_OK);
    assert_true(out->null || out->kind == result.kind);
    text->size = 0;
    assert_int_equal(dsi_transform_format(&t, &type, out, text, &err), DS_OK);
    if (!out->null) { // What was written reads back.
        struct dsi_value back;
        if (dsi_transform_value_parse(&t, &type, dsi_buf_text(text), arena, &back,
                                      &err) != DS_OK) {
            fail_msg("%s", err.message);
        }
        assert_true(dsi_value_equal(&back, out));
    }
}

// Specification, Appendix B: the hash is seen through a bucket count of 2^31 - 1, which
// takes away nothing but the sign.
static void test_transform__buckets_by_the_specifications_hashes(void **state)
{
    static const struct {
        const char *type;
        const char *source;
        int32_t hash;
    } cases[] = {
        {"int", "34", 2017239379},
        {"long", "34", 2017239379},
        {"date", "2017-11-16", -653330422},
        {"time", "22:31:08", -662762989},
        {"timestamp", "2017-11-16T22:31:08", -2047944441},
        {"timestamp", "2017-11-16T22:31:08.000001", -1207196810},
        {"timestamptz", "2017-11-16T14:31:08-08:00", -2047944441},
        {"timestamp_ns", "2017-11-16T22:31:08.000001001", -1207196810},
        {"timestamptz_ns", "2017-11-16T22:31:08.000001001Z", -1207196810},
        {"decimal(9,2)", "14.20", -500754589},
        {"string", "iceberg", 1210000089},
        {"uuid", "f79c3e09-677c-4bbd-a479-3f349cb785e7", 1488055340},
        {"fixed[4]", "00010203", -188683207},
        {"binary", "00010203", -188683207},
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf text = DSI_BUF_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct apply_case c = {"bucket[2147483647]", cases[i].type, cases[i].source,
                               NULL};
        struct dsi_value out = DSI_VALUE_NULL;
        apply(&c, &arena, &out, &text);
        assert_int_equal(out.as.i32, (cases[i].hash & INT32_MAX) % INT32_MAX);
    }
    dsi_buf_release(&text);
    dsi_arena_release(&arena);
}

static void test_transform__applies_and_formats(void **state)
{
    static const struct apply_case cases[] = {
        {"identity", "string", "a", "a"},
        {"identity", "binary", "00ff", "00ff"},
        {"identity", "long", NULL, "null"},
        {"bucket[16]", "int", NULL, "null"},
        {"bucket[16]", "long", "34", "3"},
        {"truncate[10]", "int", "1", "0"},
        {"truncate[10]", "int", "-1", "-10"},
        {"truncate[10]", "long", "-11", "-20"},
        {"truncate[10]", "int", "-2147483648", "2147483646"}, // As Java: it wraps.
        {"truncate[50]", "decimal(9,2)", "10.65", "10.50"},
        {"truncate[10]", "decimal(9,2)", "-0.05", "-0.10"},
        {"truncate[3]", "string", "iceberg", "ice"},
        {"truncate[3]", "string", "ic", "ic"},
        {"truncate[2]", "string", "\xf0\x9f\x98\x80\xc3\xa9x",
         "\xf0\x9f\x98\x80\xc3\xa9"},
        {"truncate[2]", "binary", "010203", "0102"},
        {"year", "date", "2017-11-16", "2017"},
        {"year", "date", "1969-12-31", "1969"},
        {"month", "date", "2017-11-16", "2017-11"},
        {"month", "date", "1969-12-31", "1969-12"},
        {"day", "date", "1969-12-31", "1969-12-31"},
        {"year", "timestamp", "1969-12-31T23:59:59.999999", "1969"},
        {"month", "timestamptz", "2017-11-16T22:31:08Z", "2017-11"},
        {"day", "timestamp", "2017-11-16T22:31:08", "2017-11-16"},
        {"day", "timestamp", "1969-12-31T23:59:59.999999", "1969-12-31"},
        {"day", "timestamp_ns", "1969-12-31T23:59:59.999999999", "1969-12-31"},
        {"hour", "timestamp", "2017-11-16T22:31:08", "2017-11-16-22"},
        {"hour", "timestamp", "1969-12-31T23:59:59.999999", "1969-12-31-23"},
        {"hour", "timestamptz_ns", "2017-11-16T22:31:08Z", "2017-11-16-22"},
        {"void", "string", "a", "null"},
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf text = DSI_BUF_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_value out = DSI_VALUE_NULL;
        apply(&cases[i], &arena, &out, &text);
        if (strcmp(dsi_buf_text(&text), cases[i].result) != 0) {
            fail_msg("%s of %s gave %s", cases[i].transform, cases[i].source,
                     dsi_buf_text(&text));
        }
    }
    struct dsi_value out = DSI_VALUE_NULL;
    struct apply_case month = {"month", "date", "2017-11-16", NULL};
    apply(&month, &arena, &out, &text);
    assert_int_equal(out.as.i32, 574);
    struct apply_case hour = {"hour", "timestamp", "2017-11-16T22:31:08", NULL};
    apply(&hour, &arena, &out, &text);
    assert_int_equal(out.as.i32, 419686);
    dsi_buf_release(&text);
    dsi_arena_release(&arena);
}

static void test_transform__keeps_unknown_ones_and_refuses_bad_parameters(void **state)
{
    static const char *const bad[] = {"bucket",    "bucket[0]", "bucket[-1]",
                                      "bucket[x]", "bucket[16", "truncate[2147483648]",
                                      "bucket[+1]"};
    static const char *const unknown[] = {"zorder", "day[1]", "", "bucketed[3]"};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_transform t = {0};
    struct dsi_type type = {.kind = DSI_TYPE_INT};
    struct dsi_value v = {.kind = DSI_TYPE_INT};
    struct ds_error err = {0};
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(dsi_transform_parse(bad[i], &arena, &t, &err), DS_EINVALID);
    }
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_int_equal(dsi_transform_parse(unknown[i], &arena, &t, &err), DS_OK);
        assert_int_equal(t.kind, DSI_TRANSFORM_UNKNOWN);
        assert_string_equal(t.text, unknown[i]);
    }
    assert_int_equal(dsi_transform_apply(&t, &type, &v, &v, &err), DS_EUNSUPPORTED);
    dsi_arena_release(&arena);
}

static void test_transform__takes_only_its_types(void **state)
{
    static const char *const cases[][2] = {
        {"bucket[4]", "float"},  {"bucket[4]", "boolean"}, {"truncate[4]", "date"},
        {"truncate[4]", "uuid"}, {"year", "int"},          {"hour", "date"},
        {"day", "time"},         {"identity", "variant"},  {"identity", "geometry"},
    };
    struct dsi_arena arena = DSI_ARENA_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_transform t = {0};
        struct dsi_type type = {0};
        struct dsi_type result = {0};
        struct ds_error err = {0};
        assert_int_equal(dsi_transform_parse(cases[i][0], &arena, &t, &err), DS_OK);
        assert_int_equal(dsi_type_parse(cases[i][1], &arena, &type, &err), DS_OK);
        assert_int_equal(dsi_transform_result(&t, &type, &result, &err), DS_EINVALID);
        assert_non_null(strstr(err.message, cases[i][1]));
    }
    dsi_arena_release(&arena);
}

static void test_transform__reads_values_as_they_are_written(void **state)
{
    static const struct {
        const char *transform;
        const char *type;
        const char *text;
        int status;
    } cases[] = {
        {"year", "date", "1969", DS_OK},
        {"year", "date", "", DS_EINVALID},
        {"year", "date", "2017-01", DS_EINVALID},
        {"month", "timestamp", "2017-11", DS_OK},
        {"month", "timestamp", "2017-13", DS_EINVALID},
        {"month", "timestamp", "2017", DS_EINVALID},
        {"day", "timestamptz", "2017-11-16", DS_OK},
        {"day", "timestamptz", "2017-11-31", DS_EINVALID},
        {"hour", "timestamp", "2017-11-16-22", DS_OK},
        {"hour", "timestamp", "2017-11-16-24", DS_EINVALID},
        {"hour", "timestamp", "2017-11-16-2", DS_EINVALID},
        {"hour", "timestamp", "-", DS_EINVALID},
        {"hour", "timestamp", "99999999999999999999999999999999-11-16-22", DS_EINVALID},
        {"bucket[4]", "string", "3", DS_OK},
        {"bucket[4]", "string", "x", DS_EINVALID},
        {"truncate[2]", "string", "ab", DS_OK},
        {"identity", "long", "-7", DS_OK},
        {"identity", "long", "seven", DS_EINVALID},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_buf text = DSI_BUF_INIT;
        struct dsi_transform t = {0};
        struct dsi_type type = {0};
        struct dsi_value v;
        assert_int_equal(dsi_transform_parse(cases[i].transform, &arena, &t, NULL),
                         DS_OK);
        assert_int_equal(dsi_type_parse(cases[i].type, &arena, &type, NULL), DS_OK);
        int rc = dsi_transform_value_parse(&t, &type, cases[i].text, &arena, &v, NULL);
        if (rc != cases[i].status) {
            fail_msg("%s of '%s': %d", cases[i].transform, cases[i].text, rc);
        }
        if (rc == DS_OK) {
            assert_int_equal(dsi_transform_format(&t, &type, &v, &text, NULL), DS_OK);
            assert_string_equal(dsi_buf_text(&text), cases[i].text);
        }
        dsi_buf_release(&text);
        dsi_arena_release(&arena);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transform__buckets_by_the_specifications_hashes),
        cmocka_unit_test(test_transform__applies_and_formats),
        cmocka_unit_test(test_transform__keeps_unknown_ones_and_refuses_bad_parameters),
        cmocka_unit_test(test_transform__takes_only_its_types),
        cmocka_unit_test(test_transform__reads_values_as_they_are_written),
    };
    return cmocka_run_group_tests_name("transform", tests, NULL, NULL);
}
