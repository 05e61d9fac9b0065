#include "codec/parquet/parquet_pile.h"

#include "base/fault.h"
#include "harness.h"

#include <string.h>

enum { BYTES = 5 << 20 };

static uint8_t bytes[BYTES];

static void expect(const struct dsi_parquet_pile *p, size_t size)
{
    const struct dsi_parquet_block *b = NULL;
    size_t at = 0;

    assert_int_equal(p->size, size);
    while ((b = dsi_parquet_pile_next(p, b)) != NULL) {
        assert_true(b->size > 0 && b->size <= size - at);
        assert_memory_equal(b->bytes, bytes + at, b->size);
        at += b->size;
    }
    assert_int_equal(at, size);
}

static void test_parquet_pile__gives_back_what_was_put_in(void **state)
{
    static const size_t steps[] = {1, 7, 2048, 2049, 100000, 3 << 20};
    struct dsi_parquet_pile p = {0};
    (void)state;

    for (size_t i = 0; i < BYTES; i++) {
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    expect(&p, 0);
    for (size_t n = 0; n < 6; n++) { // Each in the memory of those before it.
        size_t end = BYTES / (n + 1);
        for (size_t at = 0; at < end;) {
            size_t size = steps[(n + at) % 6] < end - at ? steps[(n + at) % 6] : end - at;
            assert_int_equal(
                dsi_parquet_pile_append(&p, (struct ds_slice){bytes + at, size}, NULL),
                DS_OK);
            at += size;
        }
        expect(&p, end);
        dsi_parquet_pile_reset(&p);
        expect(&p, 0);
    }
    dsi_parquet_pile_release(&p);
    expect(&p, 0);
}

static void test_parquet_pile__reports_missing_memory(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_parquet_pile p = {0};
        struct ds_error err = {0};
        int rc = DS_OK;
        for (size_t at = 0; at < 60000 && rc == DS_OK; at += 1000) {
            rc = dsi_parquet_pile_append(&p, (struct ds_slice){bytes + at, 1000}, &err);
        }
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        dsi_parquet_pile_release(&p);
    }
    assert_true(plan.target > 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_pile__gives_back_what_was_put_in),
        cmocka_unit_test(test_parquet_pile__reports_missing_memory),
    };
    return cmocka_run_group_tests_name("parquet_pile", tests, NULL, NULL);
}
