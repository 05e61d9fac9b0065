#include "data/arrow_array.h"
#include "unit/data/producer.h"

static const struct dsi_type type_uuid = {.kind = DSI_TYPE_UUID};
static const struct dsi_type type_fixed = {.kind = DSI_TYPE_FIXED, .length = 3};

#define UUID_A "00112233-4455-6677-8899-aabbccddeeff"
#define UUID_B "FFFFFFFF-ffff-ffff-ffff-fffffffffff0"

static const uint8_t uuid_a[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                   0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
static const uint8_t uuid_b[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xf0};

static struct dsi_value value(const struct dsi_type *type, const void *bytes, size_t size)
{
    return (struct dsi_value){.kind = type->kind, .as.bytes = {bytes, size}};
}

static void test_arrow_sized__reads_uuids_from_text(void **state)
{
    int32_t o32[] = {0, 36, 36, 72};
    int64_t o64[] = {0, 36, 36, 72};
    uint8_t validity[] = {5};
    struct dsi_value v[] = {value(&type_uuid, uuid_a, 16), DSI_VALUE_NULL,
                            value(&type_uuid, uuid_b, 16)};
    struct producer p;
    (void)state;

    producer_init(&p, "u", 3, 3, o32, UUID_A UUID_B);
    p.buffers[0] = validity;
    producer_gives(&p, &type_uuid, v, 3);
    producer_init(&p, "U", 3, 3, o64, UUID_A UUID_B);
    p.buffers[0] = validity;
    producer_gives(&p, &type_uuid, v, 3);
    producer_init(&p, "U", 2, 3, o64, UUID_A UUID_B);
    p.buffers[0] = validity;
    p.column.offset = 1;
    producer_gives(&p, &type_uuid, v + 1, 2);
}

static void test_arrow_sized__reads_bytes_of_the_right_length(void **state)
{
    int32_t offsets[] = {1, 4, 7};
    int32_t long_offsets[] = {0, 16};
    struct dsi_value v[] = {value(&type_fixed, "bcd", 3), value(&type_fixed, "efg", 3)};
    struct dsi_value uuid = value(&type_uuid, uuid_a, 16);
    struct producer p;
    (void)state;

    producer_init(&p, "z", 2, 3, offsets, "abcdefg");
    producer_gives(&p, &type_fixed, v, 2);
    producer_init(&p, "z", 1, 3, long_offsets, uuid_a);
    producer_gives(&p, &type_uuid, &uuid, 1);
}

static void test_arrow_sized__reads_views(void **state)
{
    // Three bytes lie in the view; what is longer is in a buffer.
    uint8_t views[2][16] = {{3, 0, 0, 0, 'b', 'c', 'd'}, {3, 0, 0, 0, 'e', 'f', 'g'}};
    int64_t sizes[1] = {0};
    struct dsi_value v[] = {value(&type_fixed, "bcd", 3), value(&type_fixed, "efg", 3)};
    struct producer p;
    (void)state;

    producer_init(&p, "vz", 2, 3, views, sizes);
    producer_gives(&p, &type_fixed, v, 2);
}

static void test_arrow_sized__says_which_row_does_not_fit(void **state)
{
    int32_t offsets[] = {0, 3, 5};
    int32_t texts[] = {0, 36, 71};
    struct producer p;
    (void)state;

    producer_init(&p, "z", 2, 3, offsets, "abcde");
    producer_refused(&p, &type_fixed, false, DS_EINVALID,
                     "column c, row 2: more or fewer");
    producer_init(&p, "u", 2, 3, texts, UUID_A UUID_B);
    producer_refused(&p, &type_uuid, false, DS_EINVALID,
                     "column c, row 2: text that is no UUID");
    producer_init(&p, "u", 2, 3, offsets, "abcde");
    producer_refused(&p, &type_fixed, false, DS_EINVALID, "string does not fit");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrow_sized__reads_uuids_from_text),
        cmocka_unit_test(test_arrow_sized__reads_bytes_of_the_right_length),
        cmocka_unit_test(test_arrow_sized__reads_views),
        cmocka_unit_test(test_arrow_sized__says_which_row_does_not_fit),
    };
    return cmocka_run_group_tests_name("arrow_sized", tests, NULL, NULL);
}
