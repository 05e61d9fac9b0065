#include "data/arrow_array.h"
#include "unit/data/producer.h"

#define DAY_MS INT64_C(86400000)

static const struct dsi_type type_int = {.kind = DSI_TYPE_INT};
static const struct dsi_type type_long = {.kind = DSI_TYPE_LONG};
static const struct dsi_type type_float = {.kind = DSI_TYPE_FLOAT};
static const struct dsi_type type_double = {.kind = DSI_TYPE_DOUBLE};
static const struct dsi_type type_date = {.kind = DSI_TYPE_DATE};
static const struct dsi_type type_time = {.kind = DSI_TYPE_TIME};
static const struct dsi_type type_ts = {.kind = DSI_TYPE_TIMESTAMP};
static const struct dsi_type type_tstz = {.kind = DSI_TYPE_TIMESTAMPTZ};
static const struct dsi_type type_ts_ns = {.kind = DSI_TYPE_TIMESTAMP_NS};
static const struct dsi_type type_dec = {
    .kind = DSI_TYPE_DECIMAL, .precision = 5, .scale = 2};

static void gives_i64(const char *format, const struct dsi_type *type, const void *in,
                      int64_t first, int64_t second)
{
    struct dsi_value v[2] = {{.kind = type->kind}, {.kind = type->kind}};
    struct producer p;
    bool narrow = type->kind == DSI_TYPE_INT || type->kind == DSI_TYPE_DATE;
    for (int i = 0; i < 2; i++) {
        int64_t n = i == 0 ? first : second;
        if (narrow) {
            v[i].as.i32 = (int32_t)n;
        } else if (type->kind == DSI_TYPE_DECIMAL) {
            v[i].as.decimal = n;
        } else {
            v[i].as.i64 = n;
        }
    }
    producer_init(&p, format, 2, 2, in, NULL);
    producer_gives(&p, type, v, 2);
}

static void test_arrow_fixed__widens_integers_of_every_size(void **state)
{
    (void)state;
    gives_i64("c", &type_int, (int8_t[]){-128, 127}, -128, 127);
    gives_i64("C", &type_int, (uint8_t[]){0, 255}, 0, 255);
    gives_i64("s", &type_int, (int16_t[]){-32768, 32767}, -32768, 32767);
    gives_i64("S", &type_int, (uint16_t[]){0, 65535}, 0, 65535);
    gives_i64("i", &type_int, (int32_t[]){INT32_MIN, INT32_MAX}, INT32_MIN, INT32_MAX);
    gives_i64("c", &type_long, (int8_t[]){-128, 127}, -128, 127);
    gives_i64("i", &type_long, (int32_t[]){INT32_MIN, -1}, INT32_MIN, -1);
    gives_i64("I", &type_long, (uint32_t[]){0, UINT32_MAX}, 0, UINT32_MAX);
    gives_i64("l", &type_long, (int64_t[]){INT64_MIN, INT64_MAX}, INT64_MIN, INT64_MAX);
}

static void test_arrow_fixed__converts_dates_times_and_timestamps(void **state)
{
    (void)state;
    gives_i64("tdD", &type_date, (int32_t[]){-1, 19000}, -1, 19000);
    gives_i64("tdm", &type_date, (int64_t[]){-DAY_MS, 2 * DAY_MS}, -1, 2);
    gives_i64("tts", &type_time, (int32_t[]){0, 86399}, 0, INT64_C(86399000000));
    gives_i64("ttm", &type_time, (int32_t[]){1, 2}, 1000, 2000);
    gives_i64("ttu", &type_time, (int64_t[]){1, INT64_C(86399999999)}, 1,
              INT64_C(86399999999));
    gives_i64("ttn", &type_time, (int64_t[]){1000, 5000}, 1, 5);
    gives_i64("tss:", &type_ts, (int64_t[]){-1, 2}, -1000000, 2000000);
    gives_i64("tsm:", &type_ts, (int64_t[]){-1, 2}, -1000, 2000);
    gives_i64("tsu:", &type_ts, (int64_t[]){INT64_MIN, INT64_MAX}, INT64_MIN, INT64_MAX);
    gives_i64("tsn:", &type_ts, (int64_t[]){-3000, 4000}, -3, 4);
    gives_i64("tsu:UTC", &type_tstz, (int64_t[]){7, 8}, 7, 8);
    gives_i64("tsm:Europe/Paris", &type_tstz, (int64_t[]){7, 8}, 7000, 8000);
    gives_i64("tsn:", &type_ts_ns, (int64_t[]){7, 8}, 7, 8);
    gives_i64("tsu:", &type_ts_ns, (int64_t[]){7, -8}, 7000, -8000);
}

static void test_arrow_fixed__reads_decimals_of_every_width(void **state)
{
    dsi_int128 d128[] = {-99999, 99999};
    int64_t d256[] = {-5, -1, -1, -1, 77, 0, 0, 0};
    (void)state;

    gives_i64("d:5,2,32", &type_dec, (int32_t[]){-99999, 12}, -99999, 12);
    gives_i64("d:5,2,64", &type_dec, (int64_t[]){-99999, 12}, -99999, 12);
    gives_i64("d:5,2", &type_dec, d128, -99999, 99999);
    gives_i64("d:4,2,128", &type_dec, d128, -99999,
              99999); // Narrower is no lie we check.
    gives_i64("d:60,2,256", &type_dec, d256, -5, 77);
}

static void test_arrow_fixed__reads_half_floats(void **state)
{
    // 1.0, -2.0, the smallest subnormal, infinity, 65504, -0.0
    uint16_t in[] = {0x3c00, 0xc000, 0x0001, 0x7c00, 0x7bff, 0x8000};
    float out[] = {1.0f, -2.0f, 1.0f / 16777216.0f, 0, 65504.0f, -0.0f};
    uint32_t infinity = 0x7f800000;
    struct dsi_value f[6];
    struct dsi_value d[6];
    struct producer p;
    (void)state;

    memcpy(&out[3], &infinity, 4);
    for (int i = 0; i < 6; i++) {
        f[i] = (struct dsi_value){.kind = DSI_TYPE_FLOAT, .as.f32 = out[i]};
        d[i] = (struct dsi_value){.kind = DSI_TYPE_DOUBLE, .as.f64 = out[i]};
    }
    producer_init(&p, "e", 6, 2, in, NULL);
    producer_gives(&p, &type_float, f, 6);
    producer_init(&p, "e", 6, 2, in, NULL);
    producer_gives(&p, &type_double, d, 6);
    producer_init(&p, "f", 6, 2, out, NULL);
    producer_gives(&p, &type_double, d, 6);
}

static void refuses(const char *format, const struct dsi_type *type, const void *in,
                    const char *says)
{
    struct producer p;
    producer_init(&p, format, 2, 2, in, NULL);
    producer_refused(&p, type, false, DS_EINVALID, says);
}

static void test_arrow_fixed__refuses_values_out_of_range_with_their_row(void **state)
{
    dsi_int128 d128[] = {0, 100000};
    int64_t d256[] = {-5, -1, -1, -1, 77, 0, 0, 1};
    (void)state;

    refuses("tdm", &type_date, (int64_t[]){0, 5}, "row 2: a date with a time");
    refuses("tdm", &type_date, (int64_t[]){0, DAY_MS * (INT64_C(1) << 32)}, "row 2");
    refuses("ttu", &type_time, (int64_t[]){0, INT64_C(86400000000)}, "row 2");
    refuses("tts", &type_time, (int32_t[]){0, -1}, "row 2");
    refuses("tss:", &type_ts, (int64_t[]){0, INT64_MAX / 10}, "row 2: a timestamp out");
    refuses("tsn:", &type_ts, (int64_t[]){0, 1001}, "row 2: nanoseconds");
    refuses("d:5,2", &type_dec, d128, "row 2: more digits");
    refuses("d:60,2,256", &type_dec, d256, "row 2: more digits");
}

static void test_arrow_fixed__looks_at_no_value_under_a_null(void **state)
{
    int64_t in[] = {INT64_MAX, 5};
    uint8_t validity[] = {2};
    struct dsi_value v[] = {DSI_VALUE_NULL, {.kind = DSI_TYPE_TIME, .as.i64 = 5}};
    struct producer p;
    (void)state;

    producer_init(&p, "ttu", 2, 2, in, NULL);
    p.buffers[0] = validity;
    producer_gives(&p, &type_time, v, 2);
}

static void test_arrow_fixed__copies_what_is_not_aligned(void **state)
{
    _Alignas(8) uint8_t bytes[64] = {0};
    int64_t in[] = {11, 22, 33};
    uint8_t validity[] = {4 | 8 | 16};
    struct dsi_value v[] = {DSI_VALUE_NULL, {.kind = DSI_TYPE_LONG, .as.i64 = 33}};
    struct producer p;
    (void)state;

    memcpy(bytes + 3, in, sizeof in);
    producer_init(&p, "l", 2, 2, bytes + 3, NULL);
    p.buffers[0] = validity;
    p.column.offset = 1;
    producer_gives(&p, &type_long, v, 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrow_fixed__widens_integers_of_every_size),
        cmocka_unit_test(test_arrow_fixed__converts_dates_times_and_timestamps),
        cmocka_unit_test(test_arrow_fixed__reads_decimals_of_every_width),
        cmocka_unit_test(test_arrow_fixed__reads_half_floats),
        cmocka_unit_test(test_arrow_fixed__refuses_values_out_of_range_with_their_row),
        cmocka_unit_test(test_arrow_fixed__looks_at_no_value_under_a_null),
        cmocka_unit_test(test_arrow_fixed__copies_what_is_not_aligned),
    };
    return cmocka_run_group_tests_name("arrow_fixed", tests, NULL, NULL);
}
