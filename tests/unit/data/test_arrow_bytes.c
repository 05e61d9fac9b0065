#include "data/arrow_array.h"
#include "unit/data/producer.h"

static const struct dsi_type type_string = {.kind = DSI_TYPE_STRING};
static const struct dsi_type type_binary = {.kind = DSI_TYPE_BINARY};

static struct dsi_value text(const char *s)
{
    return (struct dsi_value){.kind = DSI_TYPE_STRING,
                              .as.bytes = {(const uint8_t *)s, strlen(s)}};
}

static void test_arrow_bytes__reads_32_and_64_bit_offsets(void **state)
{
    int32_t o32[] = {1, 3, 3, 6};
    int64_t o64[] = {1, 3, 3, 6};
    struct dsi_value v[] = {text("bc"), text(""), text("def")};
    struct dsi_value later[] = {text(""), text("def")};
    struct producer p;
    (void)state;

    producer_init(&p, "u", 3, 3, o32, "abcdef");
    producer_gives(&p, &type_string, v, 3);
    producer_init(&p, "U", 3, 3, o64, "abcdef");
    producer_gives(&p, &type_string, v, 3);
    producer_init(&p, "u", 2, 3, o32, "abcdef");
    p.column.offset = 1;
    producer_gives(&p, &type_string, later, 2);
}

static void test_arrow_bytes__copies_offsets_that_are_not_aligned(void **state)
{
    _Alignas(8) uint8_t bytes[64];
    int64_t o64[] = {0, 0, 2, 5};
    uint8_t validity[] = {4};
    struct dsi_value v[] = {DSI_VALUE_NULL, text("cde")};
    struct producer p;
    (void)state;

    memcpy(bytes + 1, o64, sizeof o64);
    producer_init(&p, "U", 2, 3, bytes + 1, "abcdef");
    p.buffers[0] = validity;
    p.column.offset = 1;
    producer_gives(&p, &type_string, v, 2);
}

static void refuses_offsets(int32_t a, int32_t b, int32_t c, const char *says)
{
    int32_t offsets[] = {a, b, c};
    struct producer p;
    producer_init(&p, "z", 2, 3, offsets, "abcdef");
    producer_refused(&p, &type_binary, false, DS_EINVALID, says);
}

static void test_arrow_bytes__refuses_offsets_that_lie(void **state)
{
    int32_t offsets[] = {0, 1, 2};
    struct producer p;
    (void)state;

    refuses_offsets(-1, 0, 1, "negative");
    refuses_offsets(0, 4, 2, "row 2: its Arrow offsets go backwards");
    refuses_offsets(0, INT32_MAX, INT32_MIN, "backwards");
    producer_init(&p, "z", 2, 3, offsets, NULL);
    producer_refused(&p, &type_binary, false, DS_EINVALID, "no bytes");
    producer_init(&p, "z", 2, 3, NULL, "abc");
    producer_refused(&p, &type_binary, false, DS_EINVALID, "no offsets");
}

static void test_arrow_bytes__takes_no_bytes_where_there_are_none(void **state)
{
    int32_t offsets[] = {0, 0, 0};
    struct dsi_value v[] = {text(""), text("")};
    struct producer p;
    (void)state;

    producer_init(&p, "u", 2, 3, offsets, NULL);
    producer_gives(&p, &type_string, v, 2);
    producer_init(&p, "u", 0, 3, NULL, NULL);
    producer_gives(&p, &type_string, NULL, 0);
    producer_init(&p, "vu", 0, 3, NULL, NULL);
    producer_gives(&p, &type_string, NULL, 0);
}

static void test_arrow_bytes__wants_every_value_to_be_utf8(void **state)
{
    // Two bytes of one character in two values: together valid, apart not.
    int32_t split[] = {0, 1, 2};
    int32_t bad[] = {0, 1, 2};
    uint8_t validity[] = {1};
    struct dsi_value v[] = {text("a"), DSI_VALUE_NULL};
    struct producer p;
    (void)state;

    producer_init(&p, "u", 2, 3, split, "\xc3\xa9");
    producer_refused(&p, &type_string, false, DS_EINVALID,
                     "row 1: text that is not UTF-8");
    producer_init(&p, "u", 2, 3, bad, "a\xff");
    producer_refused(&p, &type_string, false, DS_EINVALID,
                     "row 2: text that is not UTF-8");
    producer_init(&p, "u", 2, 3, bad, "a\xff"); // Under a null anything may be.
    p.buffers[0] = validity;
    producer_gives(&p, &type_string, v, 2);
}

struct view {
    int32_t size;
    char prefix[4];
    int32_t buffer;
    int32_t offset;
};

static const char long_text[] = "0123456789abcdefghij";

static void view_producer(struct producer *p, const struct view *views,
                          const int64_t *sizes)
{
    producer_init(p, "vu", 2, 4, views, long_text);
    p->buffers[3] = sizes;
}

static void test_arrow_bytes__gathers_views(void **state)
{
    struct view views[2] = {{.size = 3}, {.size = 15, .buffer = 0, .offset = 5}};
    int64_t sizes[] = {20};
    struct dsi_value v[] = {text("abc"), text("56789abcdefghij")};
    struct producer p;
    (void)state;

    memcpy(views[0].prefix, "abc", 3);
    view_producer(&p, views, sizes);
    producer_gives(&p, &type_string, v, 2);
}

static void test_arrow_bytes__refuses_views_outside_their_buffers(void **state)
{
    static const struct view wrong[] = {
        {.size = -1},
        {.size = 15, .buffer = 1},
        {.size = 15, .buffer = -1},
        {.size = 15, .offset = 6},
        {.size = 15, .offset = -1},
        {.size = INT32_MAX},
    };
    int64_t sizes[] = {20};
    struct producer p;
    (void)state;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct view views[2] = {{.size = 0}, wrong[i]};
        view_producer(&p, views, sizes);
        producer_refused(&p, &type_string, false, DS_EINVALID,
                         "row 2: its Arrow view points outside");
    }
    struct view views[2] = {{.size = 0}, {.size = 15, .offset = 5}};
    view_producer(&p, views, NULL);
    producer_refused(&p, &type_string, false, DS_EINVALID, "points outside");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrow_bytes__reads_32_and_64_bit_offsets),
        cmocka_unit_test(test_arrow_bytes__copies_offsets_that_are_not_aligned),
        cmocka_unit_test(test_arrow_bytes__refuses_offsets_that_lie),
        cmocka_unit_test(test_arrow_bytes__takes_no_bytes_where_there_are_none),
        cmocka_unit_test(test_arrow_bytes__wants_every_value_to_be_utf8),
        cmocka_unit_test(test_arrow_bytes__gathers_views),
        cmocka_unit_test(test_arrow_bytes__refuses_views_outside_their_buffers),
    };
    return cmocka_run_group_tests_name("arrow_bytes", tests, NULL, NULL);
}
