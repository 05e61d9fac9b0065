#include "codec/variant/variant_build.h"

#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "harness.h"

enum { NAMES = 300, MEMBERS_MAX = 300 };

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15)); // splitmix64
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

// n000 to n299.
static struct dsi_variant_names make_names(struct dsi_buf *out)
{
    struct dsi_variant_names names;
    char name[16];

    const uint8_t head[3] = {0x41, NAMES & 0xff, NAMES >> 8};
    assert_int_equal(dsi_buf_append(out, head, sizeof head, NULL), DS_OK);
    for (size_t i = 0; i <= NAMES; i++) {
        const uint8_t offset[2] = {(uint8_t)(i * 4), (uint8_t)(i * 4 >> 8)};
        assert_int_equal(dsi_buf_append(out, offset, 2, NULL), DS_OK);
    }
    for (int i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "n%03d", i);
        assert_int_equal(dsi_buf_append(out, name, 4, NULL), DS_OK);
    }
    assert_int_equal(dsi_variant_names_parse(dsi_buf_slice(out), &names, NULL, NULL),
                     DS_OK);
    return names;
}

static int put_primitive(struct dsi_buf *out, uint64_t r, struct ds_error *err)
{
    static const uint8_t bytes[100] = "0123456789abcdef";
    enum dsi_variant_kind kind = (enum dsi_variant_kind)(r % DSI_VARIANT_OBJECT);
    int64_t v = (int64_t)(r >> 8) % 100;

    switch (kind) {
    case DSI_VARIANT_NULL:
        return dsi_variant_put_null(out, err);
    case DSI_VARIANT_BOOLEAN:
        return dsi_variant_put_boolean(out, v % 2 == 1, err);
    case DSI_VARIANT_FLOAT:
        return dsi_variant_put_float(out, (float)v, err);
    case DSI_VARIANT_DOUBLE:
        return dsi_variant_put_double(out, (double)v, err);
    case DSI_VARIANT_DECIMAL4:
    case DSI_VARIANT_DECIMAL8:
    case DSI_VARIANT_DECIMAL16:
        return dsi_variant_put_decimal(out, kind, -v, 2, err);
    case DSI_VARIANT_BINARY:
    case DSI_VARIANT_STRING:
        return dsi_variant_put_bytes(out, kind, (struct ds_slice){bytes, (size_t)v}, err);
    case DSI_VARIANT_UUID:
        return dsi_variant_put_bytes(out, kind, (struct ds_slice){bytes, 16}, err);
    default:
        return dsi_variant_put_int(out, kind, -v, err);
    }
}

// A random tree; the same seed gives the same.
static int put_tree(struct dsi_buf *out, uint64_t *random,
                    const struct dsi_variant_names *names, int depth,
                    struct ds_error *err)
{
    struct dsi_variant_member members[MEMBERS_MAX];
    uint64_t r = next_random(random);
    size_t count = r % 16 == 0 ? MEMBERS_MAX : r % 5;
    size_t from = out->size;
    int rc = DS_OK;

    if (depth == 0 || r % 3 == 0) {
        return put_primitive(out, next_random(random), err);
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t id = (uint32_t)((i * 7 + r) % NAMES); // 7 and 300 share no factor.
        members[i] =
            (struct dsi_variant_member){dsi_variant_name(names, id), id, out->size};
        rc = put_tree(out, random, names, count > 5 ? 0 : depth - 1, err);
        if (rc < 0) {
            return rc;
        }
    }
    return r % 3 == 1 ? dsi_variant_object(out, from, members, count, err)
                      : dsi_variant_array(out, from, members, count, err);
}

// The same walk over what was built.
static void compare_tree(struct ds_slice in, uint64_t *random,
                         const struct dsi_variant_names *names, int depth)
{
    uint64_t r = next_random(random);
    size_t count = r % 16 == 0 ? MEMBERS_MAX : r % 5;
    struct dsi_variant v;

    assert_int_equal(dsi_variant_parse(in, &v, NULL), DS_OK);
    if (depth == 0 || r % 3 == 0) {
        struct dsi_buf expected = DSI_BUF_INIT;
        assert_int_equal(put_primitive(&expected, next_random(random), NULL), DS_OK);
        assert_int_equal(v.size, expected.size);
        assert_memory_equal(in.data, expected.data, v.size);
        dsi_buf_release(&expected);
        return;
    }
    assert_int_equal(v.kind, r % 3 == 1 ? DSI_VARIANT_OBJECT : DSI_VARIANT_ARRAY);
    assert_int_equal(v.count, count);
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        for (size_t k = 0; k < count && v.kind == DSI_VARIANT_OBJECT; k++) {
            at = dsi_variant_field_id(&v, k) == (i * 7 + r) % NAMES ? k : at;
        }
        compare_tree(dsi_variant_element(&v, at), random, names,
                     count > 5 ? 0 : depth - 1);
    }
}

static void test_variant_build__random_trees_read_back(void **state)
{
    struct dsi_buf metadata = DSI_BUF_INIT;
    struct dsi_buf value = DSI_BUF_INIT;
    struct dsi_variant_names names = make_names(&metadata);
    (void)state;

    for (uint64_t seed = 1; seed <= 300; seed++) {
        uint64_t random = seed;
        value.size = 0;
        assert_int_equal(put_tree(&value, &random, &names, 4, NULL), DS_OK);
        assert_int_equal(dsi_variant_check(&names, dsi_buf_slice(&value), NULL), DS_OK);
        random = seed;
        compare_tree(dsi_buf_slice(&value), &random, &names, 4);
    }
    dsi_buf_release(&value);
    dsi_buf_release(&metadata);
}

static void test_variant_build__refuses_a_field_twice(void **state)
{
    struct dsi_buf out = DSI_BUF_INIT;
    struct dsi_variant_member members[2] = {{{(const uint8_t *)"a", 1}, 0, 0},
                                            {{(const uint8_t *)"a", 1}, 1, 1}};
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_variant_put_null(&out, NULL), DS_OK);
    assert_int_equal(dsi_variant_put_null(&out, NULL), DS_OK);
    assert_int_equal(dsi_variant_object(&out, 0, members, 2, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "\"a\" twice"));
    dsi_buf_release(&out);
}

static void test_variant_build__survives_every_fault(void **state)
{
    struct dsi_buf metadata = DSI_BUF_INIT;
    struct dsi_variant_names names = make_names(&metadata);
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_buf value = DSI_BUF_INIT;
        int rc = DS_OK;
        for (uint64_t seed = 1; rc == DS_OK && seed <= 20; seed++) {
            uint64_t random = seed;
            rc = put_tree(&value, &random, &names, 4, NULL);
        }
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        dsi_buf_release(&value);
    }
    assert_true(plan.target > 2);
    dsi_buf_release(&metadata);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variant_build__random_trees_read_back),
        cmocka_unit_test(test_variant_build__refuses_a_field_twice),
        cmocka_unit_test(test_variant_build__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
