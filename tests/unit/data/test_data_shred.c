#include "data/data_shred.h"

#include "base/fault.h"
#include "base/int128.h"
#include "unit/data/nested.h"

// The levels and values of leaves, made the slow way: value by value, from the top.
struct oracle {
    const struct dsi_stored *stored;
    struct dsi_buf *reps;
    struct dsi_buf *defs;
    struct dsi_buf *values; // struct place: whose they are.
    uint8_t floors[64];     // Of leaves: from which level on a slot has an element.
};

struct place {
    const struct dsi_column *column;
    int64_t row;
};

static void expect(struct oracle *o, const struct dsi_stored_node *n,
                   const struct dsi_column *c, int64_t row, uint8_t rep, uint8_t def);

static void expect_below(struct oracle *o, const struct dsi_stored_node *n,
                         const struct dsi_column *c, int64_t row, uint8_t rep,
                         uint8_t def)
{
    for (size_t i = 0; i < n->child_count; i++) {
        const struct dsi_stored_node *child = &n->children[i];
        expect(o, child, row < 0 ? NULL : &c->children[child->column], row, rep, def);
    }
}

// What becomes of a node in one place; row -1: there is no value above it.
static void expect(struct oracle *o, const struct dsi_stored_node *n,
                   const struct dsi_column *c, int64_t row, uint8_t rep, uint8_t def)
{
    bool there = row >= 0 && !dsi_column_is_null(c, row);

    def = (uint8_t)(def + (there && !n->required));
    if (n->kind == DSI_STORED_LEAF) {
        struct place p = {c, row};
        assert_int_equal(dsi_buf_append_byte(&o->reps[n->leaf], rep, NULL), DS_OK);
        assert_int_equal(dsi_buf_append_byte(&o->defs[n->leaf], def, NULL), DS_OK);
        if (there) {
            assert_int_equal(dsi_buf_append(&o->values[n->leaf], &p, sizeof p, NULL),
                             DS_OK);
        }
        return;
    }
    if (!there || n->kind == DSI_STORED_GROUP) {
        expect_below(o, n, c, there ? c->offset + row : -1, rep, def);
        return;
    }
    int64_t start = nested_offset(c, row);
    int64_t end = nested_offset(c, row + 1);
    if (start == end) {
        expect_below(o, n, c, -1, rep, def);
    }
    for (int64_t i = start; i < end; i++) {
        expect_below(o, n, c, i, i == start ? rep : n->rep, (uint8_t)(def + 1));
    }
}

static void set_floors(struct oracle *o, const struct dsi_stored_node *n, uint8_t floor)
{
    if (n->kind == DSI_STORED_LEAF) {
        assert_true(n->leaf < sizeof o->floors);
        o->floors[n->leaf] = floor;
    }
    for (size_t i = 0; i < n->child_count; i++) {
        set_floors(o, &n->children[i],
                   n->kind == DSI_STORED_LIST ? (uint8_t)(n->def + 1) : floor);
    }
}

static void make_oracle(struct oracle *o, const struct dsi_stored *stored,
                        const struct dsi_batch *b, int64_t first, int64_t count)
{
    o->stored = stored;
    o->reps = dsi_calloc(stored->leaf_count, sizeof *o->reps);
    o->defs = dsi_calloc(stored->leaf_count, sizeof *o->defs);
    o->values = dsi_calloc(stored->leaf_count, sizeof *o->values);
    assert_true(o->reps && o->defs && o->values);
    for (size_t i = 0; i < stored->root_count; i++) {
        set_floors(o, &stored->roots[i], 0);
    }
    for (int64_t row = first; row < first + count; row++) {
        for (size_t i = 0; i < stored->root_count; i++) {
            const struct dsi_stored_node *n = &stored->roots[i];
            expect(o, n, &b->columns[n->column], row, 0, 0);
        }
    }
}

static void release_oracle(struct oracle *o)
{
    for (size_t i = 0; i < o->stored->leaf_count; i++) {
        dsi_buf_release(&o->reps[i]);
        dsi_buf_release(&o->defs[i]);
        dsi_buf_release(&o->values[i]);
    }
    dsi_free(o->reps);
    dsi_free(o->defs);
    dsi_free(o->values);
}

static void check_decimal(const struct dsi_parquet_field *f, const uint8_t *stored,
                          const uint8_t *value)
{
    dsi_int128 want = 0;
    dsi_int128 got = 0;

    memcpy(&want, value, sizeof want);
    if (f->physical == DSI_PARQUET_FIXED) {
        assert_true(dsi_int128_from_be(stored, (size_t)f->type_length, &got));
    } else if (f->physical == DSI_PARQUET_INT64) {
        int64_t v = 0;
        memcpy(&v, stored, sizeof v);
        got = v;
    } else {
        int32_t v = 0;
        memcpy(&v, stored, sizeof v);
        got = v;
    }
    assert_true(want == got);
}

static void check_value(const struct dsi_parquet_field *f,
                        const struct dsi_parquet_input *in, size_t element,
                        const struct place *p)
{
    size_t at = in->offset + element;
    size_t width = dsi_parquet_width(f);

    if (f->physical == DSI_PARQUET_BOOLEAN) {
        assert_int_equal(dsi_bit_get(in->values, (int64_t)at),
                         dsi_bit_get(p->column->values, p->column->offset + p->row));
        return;
    }
    struct ds_slice want = dsi_column_bytes(p->column, p->row);
    if (f->logical.kind == DSI_PARQUET_LOGICAL_DECIMAL) {
        check_decimal(f, (const uint8_t *)in->values + at * width, want.data);
    } else if (f->physical == DSI_PARQUET_BYTE_ARRAY) {
        int64_t start = in->wide_offsets ? ((const int64_t *)in->offsets)[at]
                                         : ((const int32_t *)in->offsets)[at];
        int64_t end = in->wide_offsets ? ((const int64_t *)in->offsets)[at + 1]
                                       : ((const int32_t *)in->offsets)[at + 1];
        assert_int_equal(end - start, want.size);
        assert_memory_equal(in->bytes + start, want.data, want.size);
    } else {
        assert_memory_equal((const uint8_t *)in->values + at * width, want.data, width);
    }
}

static uint8_t level_at(const struct dsi_stored_node *n,
                        const struct dsi_parquet_input *in, size_t slot)
{
    if (in->defs) {
        return in->defs[slot];
    }
    bool null = in->validity && !dsi_bit_get(in->validity, (int64_t)(in->offset + slot));
    return (uint8_t)(n->def - null);
}

static void check_leaf(const struct oracle *o, size_t leaf,
                       const struct dsi_parquet_input *in, size_t rows)
{
    const struct dsi_stored_node *n = o->stored->leaves[leaf].node;
    const struct place *places = (const struct place *)(const void *)o->values[leaf].data;
    size_t slots = in->reps ? in->slots : rows;
    size_t element = 0;
    size_t values = 0;

    assert_int_equal(in->reps != NULL, o->stored->leaves[leaf].in_list);
    assert_int_equal(slots, o->defs[leaf].size);
    for (size_t i = 0; i < slots; i++) {
        uint8_t def = level_at(n, in, i);
        assert_int_equal(in->reps ? in->reps[i] : 0, o->reps[leaf].data[i]);
        assert_int_equal(def, o->defs[leaf].data[i]);
        if (def == n->def) {
            check_value(n->stored, in, element, &places[values]);
            values++;
        }
        element += def >= o->floors[leaf];
    }
    assert_int_equal(values * sizeof *places, o->values[leaf].size);
}

static void check_rows(struct dsi_shred *s, const struct dsi_stored *stored,
                       const struct dsi_batch *b, int64_t first, int64_t count)
{
    const struct dsi_parquet_input *inputs = NULL;
    struct oracle o = {0};
    struct ds_error err = {0};

    make_oracle(&o, stored, b, first, count);
    if (dsi_shred_rows(s, b, first, count, &inputs, &err) < 0) {
        fail_msg("%s", err.message);
    }
    for (size_t i = 0; i < stored->leaf_count; i++) {
        check_leaf(&o, i, &inputs[i], (size_t)count);
    }
    release_oracle(&o);
}

static void test_data_shred__agrees_with_the_definition(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        struct rows_random r = {seed};
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_schema schema =
            nested_schema(&r, (int)(seed % 5), seed % 3 == 0, &arena);
        struct dsi_stored stored;
        struct dsi_shred *s = NULL;
        struct dsi_batch b;
        if (seed % 50 == 0) {
            print_message("  seed %llu\n", (unsigned long long)seed);
        }
        assert_int_equal(dsi_data_stored(&schema, &arena, &stored, NULL), DS_OK);
        assert_int_equal(dsi_shred_new(&stored, &s, NULL), DS_OK);
        nested_make(&r, &schema, rows_below(&r, 40), &b);
        for (int i = 0; i < 3; i++) { // Its memory is used again and again.
            int64_t first = i == 0 ? 0 : rows_below(&r, b.rows + 1);
            check_rows(s, &stored, &b, first,
                       i == 0 ? b.rows : rows_below(&r, b.rows - first + 1));
        }
        dsi_batch_release(&b);
        dsi_shred_free(s);
        dsi_arena_release(&arena);
    }
}

static const struct dsi_field list_of_int[] = {
    ROWS_FIELD(2, "element", true, .kind = DSI_TYPE_INT)};
static const struct dsi_field lists[] = {ROWS_FIELD(
    1, "l", false, .kind = DSI_TYPE_LIST, .fields = list_of_int, .field_count = 1)};

// Lists [1, 2], null over one or two, [3].
static void make_lists(struct dsi_batch *b, const struct dsi_schema *schema,
                       const int32_t *offsets, const uint8_t *entries)
{
    static const int32_t values[] = {1, 2, 8, 9, 3};
    static const uint8_t validity[] = {0x05};

    assert_int_equal(dsi_batch_init(b, schema, NULL), DS_OK);
    b->rows = 3;
    b->columns[0].length = 3;
    b->columns[0].validity = validity;
    b->columns[0].null_count = -1;
    b->columns[0].offsets = offsets;
    b->columns[0].children[0].length = 5;
    b->columns[0].children[0].values = values;
    b->columns[0].children[0].validity = entries;
    b->columns[0].children[0].null_count = -1;
}

static void test_data_shred__copies_only_around_gaps(void **state)
{
    static const int32_t tight[] = {2, 4, 4, 5};
    static const int32_t gap[] = {0, 2, 4, 5};
    struct dsi_schema schema = rows_schema(lists, 1);
    const struct dsi_parquet_input *in = NULL;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_stored stored;
    struct dsi_shred *s = NULL;
    struct dsi_batch b;
    (void)state;

    assert_int_equal(dsi_data_stored(&schema, &arena, &stored, NULL), DS_OK);
    assert_int_equal(dsi_shred_new(&stored, &s, NULL), DS_OK);
    make_lists(&b, &schema, tight, NULL);
    assert_int_equal(dsi_shred_rows(s, &b, 0, 3, &in, NULL), DS_OK);
    assert_ptr_equal(in->values, b.columns[0].children[0].values);
    assert_int_equal(in->offset, 2);
    dsi_batch_release(&b);
    make_lists(&b, &schema, gap, NULL);
    assert_int_equal(dsi_shred_rows(s, &b, 0, 3, &in, NULL), DS_OK);
    assert_int_equal(in->slots, 4);
    assert_memory_equal(in->defs, "\2\2\0\2", 4);
    assert_memory_equal(in->reps, "\0\1\0\0", 4);
    assert_int_equal(((const int32_t *)in->values)[2], 3);
    dsi_batch_release(&b);
    dsi_shred_free(s);
    dsi_arena_release(&arena);
}

static void test_data_shred__refuses_nulls_where_values_are_required(void **state)
{
    static const int32_t gap[] = {0, 2, 4, 5};
    static const uint8_t below_null[] = {0x13};
    static const uint8_t in_a_list[] = {0x0f};
    struct dsi_schema schema = rows_schema(lists, 1);
    const struct dsi_parquet_input *in = NULL;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ds_error err = {0};
    struct dsi_stored stored;
    struct dsi_shred *s = NULL;
    struct dsi_batch b;
    (void)state;

    assert_int_equal(dsi_data_stored(&schema, &arena, &stored, NULL), DS_OK);
    assert_int_equal(dsi_shred_new(&stored, &s, NULL), DS_OK);
    make_lists(&b, &schema, gap, below_null); // What the null list covers is no matter.
    assert_int_equal(dsi_shred_rows(s, &b, 0, 3, &in, &err), DS_OK);
    dsi_batch_release(&b);
    make_lists(&b, &schema, gap, in_a_list);
    assert_int_equal(dsi_shred_rows(s, &b, 1, 2, &in, &err), DS_EINVALID);
    assert_string_equal(err.message, "column l.element: a null in row 2 of the batch, "
                                     "where a value is required");
    dsi_batch_release(&b);
    dsi_shred_free(s);
    dsi_arena_release(&arena);
}

static void test_data_shred__survives_every_fault(void **state)
{
    struct rows_random r = {21};
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema schema = nested_schema(&r, 4, false, &arena);
    struct dsi_fault_plan plan = {0};
    struct dsi_batch b;
    (void)state;

    nested_make(&r, &schema, 30, &b);
    while (dsi_fault_next(&plan)) {
        const struct dsi_parquet_input *in = NULL;
        struct dsi_arena mine = DSI_ARENA_INIT;
        struct dsi_stored stored;
        struct dsi_shred *s = NULL;
        struct ds_error err = {0};
        int rc = dsi_data_stored(&schema, &mine, &stored, &err);
        rc = rc < 0 ? rc : dsi_shred_new(&stored, &s, &err);
        rc = rc < 0 ? rc : dsi_shred_rows(s, &b, 0, b.rows, &in, &err);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        dsi_shred_free(s);
        dsi_arena_release(&mine);
    }
    assert_true(plan.target > 5);
    dsi_batch_release(&b);
    dsi_arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_shred__agrees_with_the_definition),
        cmocka_unit_test(test_data_shred__copies_only_around_gaps),
        cmocka_unit_test(test_data_shred__refuses_nulls_where_values_are_required),
        cmocka_unit_test(test_data_shred__survives_every_fault),
    };
    return cmocka_run_group_tests_name("data_shred", tests, NULL, NULL);
}
