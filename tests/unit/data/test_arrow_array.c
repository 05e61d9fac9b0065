#include "data/arrow_array.h"
#include "unit/data/producer.h"

static const struct dsi_type type_int = {.kind = DSI_TYPE_INT};
static const struct dsi_type type_bool = {.kind = DSI_TYPE_BOOLEAN};
static const int32_t four[] = {1, 2, 3, 4};

typedef void (*lie_fn)(struct producer *p);

static void child_is_released(struct producer *p)
{
    p->column.release = NULL;
}
static void length_is_negative(struct producer *p)
{
    p->column.length = -4;
}
static void length_is_absurd(struct producer *p)
{
    p->column.length = INT64_MAX;
}
static void offset_is_negative(struct producer *p)
{
    p->column.offset = -1;
}
static void offset_overflows(struct producer *p)
{
    p->column.offset = INT64_MAX - 2;
}
static void child_is_short(struct producer *p)
{
    p->column.length = 3;
}
static void parent_offset_runs_out(struct producer *p)
{
    p->array.offset = 1;
}
static void one_buffer(struct producer *p)
{
    p->column.n_buffers = 1;
}
static void three_buffers(struct producer *p)
{
    p->column.n_buffers = 3;
}
static void negative_buffers(struct producer *p)
{
    p->column.n_buffers = -1;
}
static void no_buffer_list(struct producer *p)
{
    p->column.buffers = NULL;
}
static void no_values(struct producer *p)
{
    p->buffers[1] = NULL;
}
static void has_children(struct producer *p)
{
    p->column.n_children = 1;
    p->column.children = p->columns;
}
static void unexpected_dictionary(struct producer *p)
{
    p->column.dictionary = &p->column;
}
static void nulls_without_validity(struct producer *p)
{
    p->column.null_count = 2;
}
static void null_count_below(struct producer *p)
{
    p->column.null_count = -2;
}
static void null_count_above(struct producer *p)
{
    p->column.null_count = 5;
}
static void null_count_differs(struct producer *p)
{
    static const uint8_t validity[] = {0x0e};
    p->buffers[0] = validity;
    p->column.null_count = 0;
}
static void too_few_columns(struct producer *p)
{
    p->array.n_children = 0;
}
static void column_is_null(struct producer *p)
{
    p->columns[0] = NULL;
}
static void no_columns_list(struct producer *p)
{
    p->array.children = NULL;
}
static void a_row_is_null(struct producer *p)
{
    static const uint8_t validity[] = {0x0b};
    p->top_buffers[0] = validity;
}
static void top_has_two_buffers(struct producer *p)
{
    p->array.n_buffers = 2;
}

static void test_arrow_array__refuses_every_lie_by_name(void **state)
{
    static const struct {
        lie_fn tell;
        const char *says;
    } lies[] = {
        {child_is_released, "column c: its Arrow array was released"},
        {length_is_negative, "impossible length (-4)"},
        {length_is_absurd, "impossible length"},
        {offset_is_negative, "impossible offset (-1)"},
        {offset_overflows, "impossible offset"},
        {child_is_short, "shorter than what refers to it (3)"},
        {parent_offset_runs_out, "shorter than what refers to it (4)"},
        {one_buffer, "wrong number of buffers (1)"},
        {three_buffers, "wrong number of buffers (3)"},
        {negative_buffers, "wrong number of buffers (-1)"},
        {no_buffer_list, "no list of buffers"},
        {no_values, "no values"},
        {has_children, "wrong number of children (1)"},
        {unexpected_dictionary, "disagree whether there is a dictionary"},
        {nulls_without_validity, "has no validity (2)"},
        {null_count_below, "impossible null_count (-2)"},
        {null_count_above, "impossible null_count (5)"},
        {null_count_differs, "another null_count than its validity (0)"},
        {too_few_columns, "0 columns, its schema 1"},
        {column_is_null, "column 0 of the Arrow array is NULL"},
        {no_columns_list, "wrong number of children"},
        {a_row_is_null, "row 3 is null as a whole"},
        {top_has_two_buffers, "wrong number of buffers (2)"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct producer p;
        producer_init(&p, "i", 4, 2, four, NULL);
        lies[i].tell(&p);
        producer_refused(&p, &type_int, false, DS_EINVALID, lies[i].says);
    }
}

static void test_arrow_array__reads_bits_at_any_offset(void **state)
{
    static const uint8_t bits[] = {0x55, 0x0f};
    (void)state;

    for (int64_t offset = 0; offset < 8; offset++) {
        struct dsi_value v[8];
        struct producer p;
        for (int64_t i = 0; i < 8; i++) {
            v[i] = (struct dsi_value){.kind = DSI_TYPE_BOOLEAN,
                                      .as.boolean = dsi_bit_get(bits, offset + i)};
        }
        producer_init(&p, "b", 8, 2, bits, NULL);
        p.column.offset = offset;
        producer_gives(&p, &type_bool, v, 8);
    }
}

static void test_arrow_array__adds_the_parents_offset(void **state)
{
    struct dsi_value v[] = {{.kind = DSI_TYPE_INT, .as.i32 = 3}, DSI_VALUE_NULL};
    static const uint8_t validity[] = {0x07};
    struct producer p;
    (void)state;

    producer_init(&p, "i", 2, 2, four, NULL);
    p.array.offset = 1;
    p.column.offset = 1;
    p.column.length = 3;
    p.column.null_count = 1;
    p.buffers[0] = validity;
    producer_gives(&p, &type_int, v, 2);
}

static void test_arrow_array__knows_too_many_rows(void **state)
{
    struct producer p;
    (void)state;

    producer_init(&p, "n", INT64_C(1) << 40, 0, NULL, NULL);
    producer_refused(&p, &type_int, false, DS_EUNSUPPORTED, "smaller ones");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrow_array__refuses_every_lie_by_name),
        cmocka_unit_test(test_arrow_array__reads_bits_at_any_offset),
        cmocka_unit_test(test_arrow_array__adds_the_parents_offset),
        cmocka_unit_test(test_arrow_array__knows_too_many_rows),
    };
    return cmocka_run_group_tests_name("arrow_array", tests, NULL, NULL);
}
