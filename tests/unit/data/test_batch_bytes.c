#include "data/batch_bytes.h"

#include "base/fault.h"
#include "unit/data/nested.h"

static struct ds_slice rest(const struct dsi_buf *b)
{
    return dsi_buf_slice(b);
}

// One batch from the front of bytes; fails when it is refused.
static void decode(const struct dsi_schema *schema, const struct dsi_buf *bytes,
                   size_t *at, struct dsi_batch *out)
{
    struct ds_error err = {0};
    int rc = dsi_batch_decode(schema, rest(bytes), at, out, &err);
    if (rc != DS_ROW) {
        fail_msg("%d: %s", rc, err.message);
    }
}

static void assert_same(const struct dsi_batch *a, const struct dsi_batch *b)
{
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->column_count, b->column_count);
    for (size_t c = 0; c < a->column_count; c++) {
        for (int64_t i = 0; i < a->rows; i++) {
            if (!nested_same(&a->columns[c], i, &b->columns[c], i)) {
                fail_msg("column %zu (%s), row %lld differs", c,
                         a->columns[c].field->name, (long long)i);
            }
        }
    }
}

// What was decoded is a batch that can be written, and comes back.
static void assert_whole(const struct dsi_batch *b)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct dsi_batch again;
    size_t at = 0;

    assert_int_equal(dsi_batch_encode(b, &bytes, NULL), DS_OK);
    decode(b->schema, &bytes, &at, &again);
    assert_int_equal(at, bytes.size);
    assert_int_equal(again.rows, b->rows);
    dsi_batch_release(&again);
    dsi_buf_release(&bytes);
}

static void test_batch_bytes__give_back_rows_of_every_type(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    (void)state;

    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct rows_random r = {seed};
        struct dsi_buf bytes = DSI_BUF_INIT;
        struct dsi_batch b;
        struct dsi_batch slice;
        struct dsi_batch got;
        size_t at = 0;
        print_message("  seed %llu\n", (unsigned long long)seed);
        assert_int_equal(rows_make(&r, &schema, rows_below(&r, 400), &b, NULL), DS_OK);
        int64_t first = rows_below(&r, b.rows + 1);
        int64_t count = rows_below(&r, b.rows - first + 1);
        assert_int_equal(dsi_batch_slice(&b, first, count, &slice, NULL), DS_OK);
        assert_int_equal(dsi_batch_encode(&slice, &bytes, NULL), DS_OK);
        decode(&schema, &bytes, &at, &got);
        assert_int_equal(at, bytes.size);
        assert_int_equal(got.rows, count);
        for (int64_t i = 0; i < count; i++) {
            rows_assert_same(&slice, i, &got, i);
        }
        dsi_batch_release(&got);
        assert_int_equal(dsi_batch_decode(&schema, rest(&bytes), &at, &got, NULL), DS_OK);
        dsi_batch_release(&slice);
        dsi_batch_release(&b);
        dsi_buf_release(&bytes);
    }
}

static void test_batch_bytes__give_back_rows_nested_to_any_depth(void **state)
{
    static struct rows_nested n;
    (void)state;

    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct rows_random r = {seed};
        struct dsi_buf bytes = DSI_BUF_INIT;
        struct dsi_batch b;
        struct dsi_batch got;
        size_t at = 0;
        print_message("  seed %llu\n", (unsigned long long)seed);
        rows_nested_make(&r, 1 + (size_t)rows_below(&r, 4), 5, &n);
        assert_int_equal(rows_make(&r, &n.schema, rows_below(&r, 60), &b, NULL), DS_OK);
        assert_int_equal(dsi_batch_encode(&b, &bytes, NULL), DS_OK);
        decode(&n.schema, &bytes, &at, &got);
        assert_int_equal(at, bytes.size);
        for (int64_t i = 0; i < b.rows; i++) {
            rows_assert_same(&b, i, &got, i);
        }
        dsi_batch_release(&got);
        dsi_batch_release(&b);
        dsi_buf_release(&bytes);
    }
}

// Offsets of 64 bits, gaps, columns that begin somewhere, and rubbish below nulls.
static void test_batch_bytes__leave_out_what_nulls_cover(void **state)
{
    (void)state;

    for (uint64_t seed = 1; seed <= 300; seed++) {
        struct rows_random r = {seed};
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_schema schema = nested_schema(&r, 4, true, &arena);
        struct dsi_buf bytes = DSI_BUF_INIT;
        struct dsi_buf again = DSI_BUF_INIT;
        struct dsi_batch b;
        struct dsi_batch got;
        size_t at = 0;
        print_message("  seed %llu\n", (unsigned long long)seed);
        nested_make(&r, &schema, rows_below(&r, 30), &b);
        assert_int_equal(dsi_batch_encode(&b, &bytes, NULL), DS_OK);
        decode(&schema, &bytes, &at, &got);
        assert_same(&b, &got);
        assert_int_equal(dsi_batch_encode(&got, &again, NULL), DS_OK);
        assert_true(again.size <= bytes.size);
        dsi_batch_release(&got);
        dsi_batch_release(&b);
        dsi_buf_release(&bytes);
        dsi_buf_release(&again);
        dsi_arena_release(&arena);
    }
}

// Text of which a null covers a half character.
static void test_batch_bytes__do_not_look_at_text_below_nulls(void **state)
{
    static const struct dsi_field field =
        ROWS_FIELD(1, "s", false, .kind = DSI_TYPE_STRING);
    static const int32_t offsets[] = {0, 1, 3, 5};
    static const uint8_t two_nulls[] = {2};
    struct dsi_schema schema = rows_schema(&field, 1);
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct dsi_batch b;
    struct dsi_batch got;
    struct dsi_value v;
    size_t at = 0;
    (void)state;

    assert_int_equal(dsi_batch_init(&b, &schema, NULL), DS_OK);
    b.rows = 3;
    b.columns[0].length = 3;
    b.columns[0].null_count = -1;
    b.columns[0].offsets = offsets;
    b.columns[0].validity = two_nulls;
    b.columns[0].values = "\xff\xc3\xa9\xc3(";
    assert_int_equal(dsi_batch_encode(&b, &bytes, NULL), DS_OK);
    decode(&schema, &bytes, &at, &got);
    assert_true(dsi_column_is_null(&got.columns[0], 0));
    assert_true(dsi_column_is_null(&got.columns[0], 2));
    dsi_column_value(&got.columns[0], 1, &v);
    assert_int_equal(v.as.bytes.size, 2);
    assert_memory_equal(v.as.bytes.data, "\xc3\xa9", 2);
    dsi_batch_release(&got);
    dsi_batch_release(&b);
    dsi_buf_release(&bytes);
}

static void test_batch_bytes__of_several_batches_follow_one_another(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct rows_random r = {5};
    struct dsi_batch b[4];
    struct dsi_batch got;
    size_t at = 0;
    (void)state;

    for (size_t i = 0; i < 4; i++) {
        int64_t rows = i == 2 ? 0 : 1 + rows_below(&r, 9);
        assert_int_equal(rows_make(&r, &schema, rows, &b[i], NULL), DS_OK);
        assert_int_equal(dsi_batch_encode(&b[i], &bytes, NULL), DS_OK);
    }
    for (size_t i = 0; i < 4; i++) {
        decode(&schema, &bytes, &at, &got);
        assert_int_equal(got.rows, b[i].rows);
        for (int64_t k = 0; k < got.rows; k++) {
            rows_assert_same(&b[i], k, &got, k);
        }
        dsi_batch_release(&got);
        dsi_batch_release(&b[i]);
    }
    assert_int_equal(dsi_batch_decode(&schema, rest(&bytes), &at, &got, NULL), DS_OK);
    dsi_buf_release(&bytes);
}

static void test_batch_bytes__stay_within_the_buffers_maximum(void **state)
{
    struct dsi_schema schema = rows_all_schema();
    struct dsi_buf small = DSI_BUF_INIT_MAX(900);
    struct rows_random r = {6};
    struct dsi_batch one;
    struct dsi_batch many;
    (void)state;

    assert_int_equal(rows_make(&r, &schema, 2, &one, NULL), DS_OK);
    assert_int_equal(rows_make(&r, &schema, 50, &many, NULL), DS_OK);
    assert_int_equal(dsi_batch_encode(&one, &small, NULL), DS_OK);
    size_t size = small.size;
    assert_int_equal(dsi_batch_encode(&many, &small, NULL), DS_EUNSUPPORTED);
    assert_int_equal(small.size, size); // As it was.
    dsi_batch_release(&one);
    dsi_batch_release(&many);
    dsi_buf_release(&small);
}

// Refused with words, or a batch that is one.
static bool try_bytes(const struct dsi_schema *schema, struct ds_slice bytes)
{
    struct ds_error err = {0};
    struct dsi_batch b;
    size_t at = 0;
    int rc = dsi_batch_decode(schema, bytes, &at, &b, &err);

    if (rc == DS_ROW) {
        assert_true(at <= bytes.size);
        assert_whole(&b);
        dsi_batch_release(&b);
        return true;
    }
    assert_int_equal(rc, DS_ECORRUPT);
    assert_true(err.message[0] != '\0');
    return false;
}

// Memory of exactly the size, so that a sanitizer sees the first byte too many.
static bool try_copy(const struct dsi_schema *schema, const uint8_t *bytes, size_t size)
{
    uint8_t *exact = dsi_malloc(size);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    bool ok = try_bytes(schema, (struct ds_slice){exact, size});
    dsi_free(exact);
    return ok;
}

static void try_all_damage(const struct dsi_schema *schema, struct dsi_buf *bytes)
{
    static const uint8_t flips[] = {0x01, 0x02, 0x80, 0xff, 0x10};

    for (size_t size = 1; size < bytes->size; size++) {
        assert_false(try_copy(schema, bytes->data, size));
    }
    for (size_t i = 0; i < bytes->size; i++) {
        for (size_t k = 0; k < sizeof flips; k++) {
            bytes->data[i] ^= flips[k];
            try_copy(schema, bytes->data, bytes->size);
            bytes->data[i] ^= flips[k];
        }
    }
}

static void test_batch_bytes__that_are_damaged_are_refused_or_a_batch(void **state)
{
    struct dsi_schema flat = rows_all_schema();
    (void)state;

    for (uint64_t seed = 1; seed <= 24; seed++) {
        static struct rows_nested n;
        struct rows_random r = {seed};
        struct dsi_buf bytes = DSI_BUF_INIT;
        struct dsi_batch b;
        print_message("  seed %llu\n", (unsigned long long)seed);
        rows_nested_make(&r, 1 + (size_t)rows_below(&r, 3), 3, &n);
        const struct dsi_schema *schema = seed % 3 == 0 ? &flat : &n.schema;
        assert_int_equal(rows_make(&r, schema, 1 + rows_below(&r, 4), &b, NULL), DS_OK);
        assert_int_equal(dsi_batch_encode(&b, &bytes, NULL), DS_OK);
        try_all_damage(schema, &bytes);
        dsi_batch_release(&b);
        dsi_buf_release(&bytes);
    }
}

#define BYTES(...)                                                                       \
    (struct ds_slice)                                                                    \
    {                                                                                    \
        (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})           \
    }

static void refuse(const struct dsi_field *field, struct ds_slice bytes, const char *why)
{
    struct dsi_schema schema = rows_schema(field, 1);
    struct ds_error err = {0};
    struct dsi_batch b;
    size_t at = 0;

    assert_int_equal(dsi_batch_decode(&schema, bytes, &at, &b, &err), DS_ECORRUPT);
    if (!strstr(err.message, why)) {
        fail_msg("\"%s\" is not in: %s", why, err.message);
    }
}

static void test_batch_bytes__are_refused_for_what_a_batch_may_not_hold(void **state)
{
    static const struct dsi_field s = ROWS_FIELD(1, "s", false, .kind = DSI_TYPE_STRING);
    static const struct dsi_field i = ROWS_FIELD(1, "i", true, .kind = DSI_TYPE_INT);
    static const struct dsi_field t = ROWS_FIELD(1, "t", false, .kind = DSI_TYPE_TIME);
    static const struct dsi_field d =
        ROWS_FIELD(1, "d", false, .kind = DSI_TYPE_DECIMAL, .precision = 2);
    static const struct dsi_field u = ROWS_FIELD(1, "u", false, .kind = DSI_TYPE_UNKNOWN);
    static const struct dsi_field l =
        ROWS_FIELD(1, "l", false, .kind = DSI_TYPE_LIST, .fields = &u, .field_count = 1);
    (void)state;

    refuse(&s, BYTES(8, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0xc3, 0x28), "UTF-8");
    refuse(&s, BYTES(9, 0, 0, 0, 2, 0, 0, 0, 0, 1, 2, 0xc3, 0xa9), "UTF-8"); // Together.
    refuse(&s, BYTES(9, 0, 0, 0, 2, 0, 0, 0, 0, 2, 1, 'a', 'b'), "ends before");
    refuse(&s, BYTES(8, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 'a'), "a null that covers");
    refuse(&s, BYTES(7, 0, 0, 0, 1, 0, 0, 0, 0, 9, 'a'), "end early");
    refuse(&s, BYTES(8, 0, 0, 0, 1, 0, 0, 0, 0, 1, 'a', 'b'), "too many");
    refuse(&s, BYTES(7, 0, 0, 0, 1, 0, 0, 0, 6, 1, 'a'), "flags");
    refuse(&s, BYTES(7, 0, 0, 0, 1, 0, 0, 0, 8, 1, 'a'), "flags");
    refuse(&i, BYTES(10, 0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 2, 3, 4), "required");
    refuse(&t, BYTES(13, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80), "the day");
    refuse(&d,
           BYTES(21, 0, 0, 0, 1, 0, 0, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                 0, 0),
           "digits");
    refuse(&u, BYTES(4, 0, 0, 0, 1, 0, 0, 1), "16777217 rows");
    refuse(&l, BYTES(9, 0, 0, 0, 1, 0, 0, 0, 4, 1, 0, 0, 1), "more values");
    refuse(&u, BYTES(3, 0, 0, 0, 0, 0, 0), "within a batch");
    refuse(&u, BYTES(4, 0, 0), "within a batch");
    refuse(&u, BYTES(0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0), "within a batch");
}

static void test_batch_bytes__survive_every_fault(void **state)
{
    static struct rows_nested n;
    struct dsi_fault_plan plan = {0};
    struct rows_random r = {3};
    struct dsi_batch b;
    (void)state;

    rows_nested_make(&r, 4, 4, &n);
    assert_int_equal(rows_make(&r, &n.schema, 20, &b, NULL), DS_OK);
    while (dsi_fault_next(&plan)) {
        struct dsi_buf bytes = DSI_BUF_INIT;
        struct ds_error err = {0};
        struct dsi_batch got = {0};
        size_t at = 0;
        int rc = dsi_batch_encode(&b, &bytes, &err);
        if (rc == DS_OK) {
            rc = dsi_batch_decode(&n.schema, rest(&bytes), &at, &got, &err);
        }
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_ROW);
        assert_true(rc == DS_ROW || err.message[0] != '\0');
        for (int64_t i = 0; rc == DS_ROW && i < b.rows; i++) {
            rows_assert_same(&b, i, &got, i);
        }
        dsi_batch_release(&got);
        dsi_buf_release(&bytes);
    }
    assert_true(plan.target > 10);
    dsi_batch_release(&b);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_bytes__give_back_rows_of_every_type),
        cmocka_unit_test(test_batch_bytes__give_back_rows_nested_to_any_depth),
        cmocka_unit_test(test_batch_bytes__leave_out_what_nulls_cover),
        cmocka_unit_test(test_batch_bytes__do_not_look_at_text_below_nulls),
        cmocka_unit_test(test_batch_bytes__of_several_batches_follow_one_another),
        cmocka_unit_test(test_batch_bytes__stay_within_the_buffers_maximum),
        cmocka_unit_test(test_batch_bytes__that_are_damaged_are_refused_or_a_batch),
        cmocka_unit_test(test_batch_bytes__are_refused_for_what_a_batch_may_not_hold),
        cmocka_unit_test(test_batch_bytes__survive_every_fault),
    };
    return cmocka_run_group_tests_name("batch_bytes", tests, NULL, NULL);
}
