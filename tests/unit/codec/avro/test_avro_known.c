#include "codec/avro/avro_known.h"
#include "harness.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/fault.h"
#include "base/text.h"

// A record of one field, whose id is `number`.
static struct ds_slice schema(char out[256], int number)
{
    snprintf(out, 256,
             "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":"
             "\"int\",\"field-id\":%d}]}",
             number);
    return dsi_slice_text(out);
}

// Parses the schema of that number, from bytes that are gone afterwards.
static const struct dsi_avro_type *parse(struct dsi_avro_known *k, int number,
                                         struct dsi_arena *arena)
{
    char text[256];
    const struct dsi_avro_type *out = NULL;

    assert_int_equal(dsi_avro_known_parse(k, schema(text, number), arena, &out, NULL),
                     DS_OK);
    memset(text, 'x', sizeof text);
    assert_non_null(dsi_avro_schema_field(out, number));
    return out;
}

static void test_avro_known__keeps_the_first_few(void **state)
{
    struct dsi_avro_known *k = NULL;
    struct dsi_arena arena = DSI_ARENA_INIT;
    const struct dsi_avro_type *first[DSI_AVRO_KNOWN_MAX];
    (void)state;

    assert_int_equal(dsi_avro_known_new(&k, NULL), DS_OK);
    for (int i = 0; i < DSI_AVRO_KNOWN_MAX; i++) {
        first[i] = parse(k, i, &arena);
    }
    assert_int_equal(arena.bytes_held, 0);
    const struct dsi_avro_type *more = parse(k, 100, &arena);
    assert_true(arena.bytes_held > 0); // There was no room.
    assert_ptr_not_equal(parse(k, 100, &arena), more);
    dsi_arena_release(&arena);
    for (int i = 0; i < DSI_AVRO_KNOWN_MAX; i++) {
        assert_ptr_equal(parse(k, i, &arena), first[i]);
    }
    assert_int_equal(arena.bytes_held, 0);
    dsi_avro_known_free(k);
    dsi_avro_known_free(NULL);
}

static void test_avro_known__is_not_needed(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    (void)state;

    assert_ptr_not_equal(parse(NULL, 1, &arena), parse(NULL, 1, &arena));
    dsi_arena_release(&arena);
}

static void test_avro_known__keeps_nothing_that_is_wrong_or_large(void **state)
{
    static char large[DSI_AVRO_KNOWN_SIZE_MAX + 300];
    struct dsi_avro_known *k = NULL;
    struct dsi_arena arena = DSI_ARENA_INIT;
    const struct dsi_avro_type *out = NULL;
    char text[256];
    (void)state;

    assert_int_equal(dsi_avro_known_new(&k, NULL), DS_OK);
    for (int i = 0; i < 2 * DSI_AVRO_KNOWN_MAX; i++) {
        struct ds_error err = {0};
        snprintf(text, sizeof text, "{\"type\":\"record%d\"}", i);
        assert_int_equal(
            dsi_avro_known_parse(k, dsi_slice_text(text), &arena, &out, &err),
            DS_ECORRUPT);
        assert_non_null(strstr(err.message, "unknown type"));
        assert_null(out);
    }
    schema(text, 1);
    snprintf(large, sizeof large, "%*s", (int)sizeof large - 1, text);
    assert_int_equal(dsi_avro_known_parse(k, dsi_slice_text(large), &arena, &out, NULL),
                     DS_OK);
    assert_true(arena.bytes_held > 0);
    dsi_arena_release(&arena);
    assert_ptr_equal(parse(k, 2, &arena), parse(k, 2, &arena)); // There is room.
    assert_int_equal(arena.bytes_held, 0);
    dsi_avro_known_free(k);
}

static void test_avro_known__survives_a_lack_of_memory(void **state)
{
    struct dsi_fault_plan plan = {0};
    int failed = 0;
    char text[256];
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_avro_known *k = NULL;
        struct dsi_arena arena = DSI_ARENA_INIT;
        const struct dsi_avro_type *out = NULL;
        int rc = dsi_avro_known_new(&k, NULL);
        rc = rc ? rc : dsi_avro_known_parse(k, schema(text, 1), &arena, &out, NULL);
        failed += rc < 0;
        assert_true(rc == DS_OK || rc == DS_ENOMEM);
        assert_true((rc == DS_OK) == (out != NULL));
        dsi_fault_stop();
        if (k) {
            parse(k, 1, &arena); // Nothing of the failure is left.
        }
        dsi_arena_release(&arena);
        dsi_avro_known_free(k);
    }
    assert_true(failed > 2);
}

static void *parse_often(void *k)
{
    for (int i = 0; i < 500; i++) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        parse(k, i % (DSI_AVRO_KNOWN_MAX + 3), &arena);
        dsi_arena_release(&arena);
    }
    return NULL;
}

static void test_avro_known__is_for_threads(void **state)
{
    struct dsi_avro_known *k = NULL;
    pthread_t other = 0;
    (void)state;

    assert_int_equal(dsi_avro_known_new(&k, NULL), DS_OK);
    assert_int_equal(pthread_create(&other, NULL, parse_often, k), 0);
    parse_often(k);
    assert_int_equal(pthread_join(other, NULL), 0);
    dsi_avro_known_free(k);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_avro_known__keeps_the_first_few),
        cmocka_unit_test(test_avro_known__is_not_needed),
        cmocka_unit_test(test_avro_known__keeps_nothing_that_is_wrong_or_large),
        cmocka_unit_test(test_avro_known__survives_a_lack_of_memory),
        cmocka_unit_test(test_avro_known__is_for_threads),
    };
    return cmocka_run_group_tests_name("avro_known", tests, NULL, NULL);
}
