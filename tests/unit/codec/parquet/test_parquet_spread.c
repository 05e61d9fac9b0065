#include "codec/parquet/parquet_spread.h"

#include "unit/codec/parquet/parquet_slots.h"

static struct slots s;

// An optional leaf with values where `valid` has a letter.
static dsi_parquet_reader *open_page(const char *valid,
                                     enum dsi_parquet_physical physical)
{
    dsi_parquet_reader *r = NULL;

    s = (struct slots){.rows = strlen(valid), .count = strlen(valid)};
    slots_path(&s, "o", physical);
    for (size_t i = 0; i < s.count; i++) {
        s.defs[i] = valid[i] != '.';
    }
    slots_page(&s, 0, s.count, 0, SLOTS_V1);
    slots_chunk(&s);
    assert_int_equal(
        dsi_parquet_reader_new(s.leaf, &s.chunk, dsi_buf_slice(&s.bytes), NULL, &r, NULL),
        DS_OK);
    assert_int_equal(dsi_parquet_pages_next(r, NULL), DS_OK);
    assert_int_equal(dsi_parquet_pages_open_values(r, NULL), DS_OK);
    return r;
}

static void append(dsi_parquet_reader *r, const char *levels,
                   struct dsi_parquet_column *out)
{
    uint8_t bytes[64];
    size_t count = strlen(levels);
    struct dsi_parquet_span span = {count, bytes, 0};

    for (size_t i = 0; i < count; i++) {
        bytes[i] = levels[i] != '.';
    }
    assert_int_equal(dsi_parquet_spread(r, &span, out, NULL), DS_OK);
    assert_int_equal(span.count, count);
    out->elements += count;
    out->slots += count;
}

static void test_parquet_spread__puts_values_where_the_levels_say(void **state)
{
    dsi_parquet_reader *r = open_page("x..xx", DSI_PARQUET_INT32);
    struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
    int32_t values[5];
    (void)state;

    append(r, "x..xx", &c);
    assert_int_equal(c.null_count, 2);
    assert_int_equal(c.validity.data[0], 0x19);
    memcpy(values, c.values.data, sizeof values);
    assert_int_equal(values[0], 0);
    assert_int_equal(values[1], 0); // Zeroed.
    assert_int_equal(values[2], 0);
    assert_int_equal(values[3], 1);
    assert_int_equal(values[4], 2);
    dsi_parquet_column_release(&c);
    dsi_parquet_reader_free(r);
    slots_release(&s);
}

static void test_parquet_spread__passes_what_is_owed_first(void **state)
{
    dsi_parquet_reader *r = open_page("xxxx", DSI_PARQUET_INT32);
    struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
    int32_t value = 0;
    (void)state;

    r->values_owed = 3;
    append(r, "x", &c);
    memcpy(&value, c.values.data, sizeof value);
    assert_int_equal(value, 3);
    assert_int_equal(r->values_owed, 0);
    dsi_parquet_column_release(&c);
    dsi_parquet_reader_free(r);
    slots_release(&s);
}

static void test_parquet_spread__cuts_what_it_appended(void **state)
{
    static const enum dsi_parquet_physical types[] = {DSI_PARQUET_INT32,
                                                      DSI_PARQUET_BYTE_ARRAY};
    (void)state;

    for (int t = 0; t < 2; t++) {
        dsi_parquet_reader *r = open_page("xx.xx.x", types[t]);
        struct dsi_parquet_column c = DSI_PARQUET_COLUMN_INIT;
        append(r, "xx.xx", &c);
        append(r, ".x", &c);
        dsi_parquet_spread_cut(s.leaf, 4, 4, &c);
        assert_int_equal(c.elements, 4);
        assert_int_equal(c.slots, 4);
        assert_int_equal(c.null_count, 1);
        assert_int_equal(c.validity.data[0], 0x0b);
        assert_int_equal(c.values.size, t == 0 ? 16 : 20);
        assert_int_equal(c.bytes.size, t == 0 ? 0 : 1 + 2 + 3);
        dsi_parquet_spread_cut(s.leaf, 2, 2, &c);
        assert_int_equal(c.null_count, 0);
        assert_int_equal(c.validity.size, 0);
        dsi_parquet_spread_cut(s.leaf, 0, 0, &c);
        assert_int_equal(c.bytes.size, 0);
        dsi_parquet_column_release(&c);
        dsi_parquet_reader_free(r);
        slots_release(&s);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parquet_spread__puts_values_where_the_levels_say),
        cmocka_unit_test(test_parquet_spread__passes_what_is_owed_first),
        cmocka_unit_test(test_parquet_spread__cuts_what_it_appended),
    };
    return cmocka_run_group_tests_name("parquet_spread", tests, NULL, NULL);
}
