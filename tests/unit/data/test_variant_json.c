#include "data/variant_json.h"

#include <math.h>
#include <string.h>

#include "base/fault.h"
#include "codec/variant/variant_build.h"
#include "harness.h"

// The names "a", "b" and "c".
static const uint8_t metadata_bytes[] = {0x01, 3, 0, 1, 2, 3, 'a', 'b', 'c'};
static const struct ds_slice metadata = {metadata_bytes, sizeof metadata_bytes};

static struct ds_slice text(const char *s)
{
    return (struct ds_slice){(const uint8_t *)s, strlen(s)};
}

static void assert_json(const struct dsi_buf *value, const char *expected)
{
    struct dsi_buf out = DSI_BUF_INIT;
    assert_int_equal(dsi_variant_to_json(metadata, dsi_buf_slice(value), &out, NULL),
                     DS_OK);
    assert_string_equal(dsi_buf_text(&out), expected);
    dsi_buf_release(&out);
}

static void test_variant_json__writes_each_kind(void **state)
{
    struct dsi_buf v = DSI_BUF_INIT;
    (void)state;

#define CASE(put, expected)                                                              \
    v.size = 0;                                                                          \
    assert_int_equal(put, DS_OK);                                                        \
    assert_json(&v, expected)
    CASE(dsi_variant_put_null(&v, NULL), "null");
    CASE(dsi_variant_put_boolean(&v, true, NULL), "true");
    CASE(dsi_variant_put_int(&v, DSI_VARIANT_INT8, -5, NULL), "-5");
    CASE(dsi_variant_put_int(&v, DSI_VARIANT_INT64, INT64_MIN, NULL),
         "-9223372036854775808");
    CASE(dsi_variant_put_float(&v, 0.1f, NULL), "0.1");
    CASE(dsi_variant_put_double(&v, 0.1, NULL), "0.1");
    CASE(dsi_variant_put_double(&v, NAN, NULL), "\"NaN\"");
    CASE(dsi_variant_put_float(&v, -INFINITY, NULL), "\"-Infinity\"");
    CASE(dsi_variant_put_decimal(&v, DSI_VARIANT_DECIMAL16, -12345, 3, NULL), "-12.345");
    CASE(dsi_variant_put_int(&v, DSI_VARIANT_DATE, 0, NULL), "\"1970-01-01\"");
    CASE(dsi_variant_put_bytes(&v, DSI_VARIANT_STRING, text("a\"b"), NULL), "\"a\\\"b\"");
    CASE(dsi_variant_put_bytes(&v, DSI_VARIANT_BINARY, text("any carnal pleas"), NULL),
         "\"YW55IGNhcm5hbCBwbGVhcw==\"");
    CASE(dsi_variant_put_bytes(&v, DSI_VARIANT_UUID, text("0123456789abcdef"), NULL),
         "\"30313233-3435-3637-3839-616263646566\"");
#undef CASE
    dsi_buf_release(&v);
}

static void put_nested(struct dsi_buf *v)
{
    struct dsi_variant_member inner[1] = {{{0}, 0, 0}};
    struct dsi_variant_member outer[2] = {{{(const uint8_t *)"c", 1}, 2, 0},
                                          {{(const uint8_t *)"a", 1}, 0, 0}};

    assert_int_equal(dsi_variant_put_int(v, DSI_VARIANT_INT32, 7, NULL), DS_OK);
    assert_int_equal(dsi_variant_array(v, 0, inner, 1, NULL), DS_OK);
    outer[1].at = v->size;
    assert_int_equal(dsi_variant_put_boolean(v, false, NULL), DS_OK);
    assert_int_equal(dsi_variant_object(v, 0, outer, 2, NULL), DS_OK);
}

static void test_variant_json__writes_objects_by_name(void **state)
{
    struct dsi_buf v = DSI_BUF_INIT;
    (void)state;

    put_nested(&v);
    assert_json(&v, "{\"a\":false,\"c\":[7]}");
    v.size--;
    struct dsi_buf out = DSI_BUF_INIT;
    assert_int_equal(dsi_variant_to_json(metadata, dsi_buf_slice(&v), &out, NULL),
                     DS_ECORRUPT);
    dsi_buf_release(&out);
    dsi_buf_release(&v);
}

static void test_variant_json__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct dsi_buf v = DSI_BUF_INIT;
    (void)state;

    put_nested(&v);
    while (dsi_fault_next(&plan)) {
        struct dsi_buf out = DSI_BUF_INIT;
        int rc = dsi_variant_to_json(metadata, dsi_buf_slice(&v), &out, NULL);
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        dsi_buf_release(&out);
    }
    assert_true(plan.target > 1);
    dsi_buf_release(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variant_json__writes_each_kind),
        cmocka_unit_test(test_variant_json__writes_objects_by_name),
        cmocka_unit_test(test_variant_json__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
