#include "data/data_variant.h"

#include <string.h>

#include "base/fault.h"
#include "data/variant_json.h"
#include "unit/data/variant_group.h"

// Four rows of the group in variant_group.h, as columns: what each test changes is here.
struct rows {
    uint8_t valid;       // Of v, bit by row.
    uint8_t value_valid; // Of v.value …
    uint8_t typed_valid;
    uint8_t a_value_valid;
    uint8_t a_typed_valid;
    uint8_t b_typed_valid;
    const char *metadata;  // Of every row; names of a byte each.
    struct ds_slice value; // Of every row, where valid.
    struct ds_slice a_value;
};

enum { ROWS = 4 };

// Three list entries: "x", the value 'true', and nothing at all.
static const int32_t list_offsets[ROWS + 1] = {0, 3, 3, 3, 3};
static const uint8_t element_value_valid = 0x2;
static const uint8_t element_typed_valid = 0x1;
static const int32_t element_value_offsets[4] = {0, 0, 1, 1};
static const uint8_t element_value_bytes[1] = {1 << 2};
static const int32_t element_typed_offsets[4] = {0, 1, 1, 1};

struct built {
    struct dsi_arena arena;
    struct dsi_type type;
    const struct dsi_parquet_node *group;
    struct dsi_column top;
    struct dsi_column parts[3];   // metadata, value, typed_value
    struct dsi_column fields[2];  // a, b
    struct dsi_column a[2];       // value, typed_value
    struct dsi_column b[2];       // value, typed_value
    struct dsi_column element[1]; // element
    struct dsi_column in_list[2]; // value, typed_value
    int32_t metadata_offsets[ROWS + 1];
    uint8_t metadata[64 * ROWS];
    int32_t value_offsets[ROWS + 1];
    uint8_t value[16 * ROWS];
    int32_t a_value_offsets[ROWS + 1];
    uint8_t a_value[16 * ROWS];
    int32_t none[ROWS + 1];
    uint8_t no_bits;
    int32_t a_typed[ROWS];
};

static void repeat(struct ds_slice bytes, int32_t *offsets, uint8_t *out)
{
    for (int i = 0; i < ROWS; i++) {
        memcpy(out + (size_t)i * bytes.size, bytes.data, bytes.size);
        offsets[i + 1] = (int32_t)((size_t)(i + 1) * bytes.size);
    }
}

static struct dsi_column column(const struct dsi_field *f, int64_t length,
                                const uint8_t *valid)
{
    return (struct dsi_column){
        .field = f, .length = length, .null_count = valid ? -1 : 0, .validity = valid};
}

static void nest(struct dsi_column *c, struct dsi_column *children, size_t count)
{
    c->children = children;
    c->child_count = count;
}

static void make_metadata(struct built *b, const char *names)
{
    uint8_t bytes[64];
    size_t count = strlen(names);

    bytes[0] = 0x01;
    bytes[1] = (uint8_t)count;
    for (size_t i = 0; i <= count; i++) {
        bytes[2 + i] = (uint8_t)i;
    }
    memcpy(bytes + 3 + count, names, count);
    repeat((struct ds_slice){bytes, 3 + 2 * count}, b->metadata_offsets, b->metadata);
}

static void build(struct built *b, const struct rows *r)
{
    memset(b, 0, sizeof *b);
    b->group = variant_group(variant_group_fields, VARIANT_GROUP_FIELDS, &b->arena);
    assert_int_equal(dsi_data_variant_type(b->group, &b->arena, &b->type, NULL), DS_OK);
    struct dsi_field *top = dsi_arena_alloc(&b->arena, sizeof *top);
    *top = (struct dsi_field){.name = "v", .type = b->type};
    const struct dsi_field *f = b->type.fields;
    const struct dsi_field *a = f[2].type.fields[0].type.fields;
    const struct dsi_field *lb = f[2].type.fields[1].type.fields;
    const struct dsi_field *element = lb[1].type.fields;
    b->top = column(top, ROWS, &r->valid);
    nest(&b->top, b->parts, 3);
    make_metadata(b, r->metadata);
    b->parts[0] = column(&f[0], ROWS, NULL);
    b->parts[0].offsets = b->metadata_offsets;
    b->parts[0].values = b->metadata;
    repeat(r->value, b->value_offsets, b->value);
    b->parts[1] = column(&f[1], ROWS, &r->value_valid);
    b->parts[1].offsets = b->value_offsets;
    b->parts[1].values = b->value;
    b->parts[2] = column(&f[2], ROWS, &r->typed_valid);
    nest(&b->parts[2], b->fields, 2);
    b->fields[0] = column(&f[2].type.fields[0], ROWS, NULL);
    nest(&b->fields[0], b->a, 2);
    repeat(r->a_value, b->a_value_offsets, b->a_value);
    b->a[0] = column(&a[0], ROWS, &r->a_value_valid);
    b->a[0].offsets = b->a_value_offsets;
    b->a[0].values = b->a_value;
    b->a[1] = column(&a[1], ROWS, &r->a_typed_valid);
    for (int i = 0; i < ROWS; i++) {
        b->a_typed[i] = -i;
    }
    b->a[1].values = b->a_typed;
    b->fields[1] = column(&f[2].type.fields[1], ROWS, NULL);
    nest(&b->fields[1], b->b, 2);
    b->b[0] = column(&lb[0], ROWS, &b->no_bits);
    b->b[0].offsets = b->none;
    b->b[1] = column(&lb[1], ROWS, &r->b_typed_valid);
    b->b[1].offsets = list_offsets;
    nest(&b->b[1], b->element, 1);
    b->element[0] = column(&element[0], 3, NULL);
    nest(&b->element[0], b->in_list, 2);
    b->in_list[0] = column(&element[0].type.fields[0], 3, &element_value_valid);
    b->in_list[0].offsets = element_value_offsets;
    b->in_list[0].values = element_value_bytes;
    b->in_list[1] = column(&element[0].type.fields[1], 3, &element_typed_valid);
    b->in_list[1].offsets = element_typed_offsets;
    b->in_list[1].values = "x";
}

// Joins, and writes each row as JSON, "-" for null, with spaces between.
static int joined(const struct rows *r, struct dsi_buf *text, struct ds_error *err)
{
    static const struct dsi_field field = {.name = "v", .type.kind = DSI_TYPE_VARIANT};
    static const struct dsi_field parts[2] = {
        {.name = "metadata", .required = true, .type.kind = DSI_TYPE_BINARY},
        {.name = "value", .required = true, .type.kind = DSI_TYPE_BINARY}};
    struct dsi_column children[2] = {{.field = &parts[0]}, {.field = &parts[1]}};
    struct dsi_column out = {.field = &field, .children = children, .child_count = 2};
    struct dsi_batch batch = {0};
    struct built b;

    build(&b, r);
    int rc = dsi_data_variant_join(b.group, &b.top, 100, &batch, &out, err);
    for (int64_t i = 0; rc == DS_OK && i < ROWS; i++) {
        if (i > 0) {
            rc = dsi_buf_append_text(text, " ", err);
        }
        if (rc == DS_OK && dsi_column_is_null(&out, i)) {
            rc = dsi_buf_append_text(text, "-", err);
        } else if (rc == DS_OK) {
            rc = dsi_variant_to_json(dsi_column_bytes(&children[0], i),
                                     dsi_column_bytes(&children[1], i), text, err);
        }
    }
    dsi_batch_release(&batch);
    dsi_arena_release(&b.arena);
    return rc;
}

static void assert_joined(const struct rows *r, const char *expected)
{
    struct dsi_buf text = DSI_BUF_INIT;
    struct ds_error err = {0};
    int rc = joined(r, &text, &err);

    if (rc < 0) {
        fail_msg("%s", err.message);
    }
    assert_string_equal(dsi_buf_text(&text), expected);
    dsi_buf_release(&text);
}

static void assert_refused(const struct rows *r, const char *expected)
{
    struct dsi_buf text = DSI_BUF_INIT;
    struct ds_error err = {0};

    assert_int_equal(joined(r, &text, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, expected));
    dsi_buf_release(&text);
}

// {"c": null} where "c" is the third name.
static const uint8_t rest[] = {0x02, 1, 2, 0, 1, 0};
static const uint8_t null_value[] = {0};
static const struct ds_slice rest_slice = {rest, sizeof rest};
static const struct ds_slice null_slice = {null_value, 1};

static void test_data_variant_join__puts_objects_together(void **state)
{
    // Row 0: a and the list. Row 1: a and the rest. Row 2: nothing of it. Row 3: null.
    const struct rows r = {.valid = 0x7,
                           .value_valid = 0x2,
                           .typed_valid = 0x7,
                           .a_typed_valid = 0x3,
                           .b_typed_valid = 0x1,
                           .metadata = "abc",
                           .value = rest_slice,
                           .a_value = null_slice};
    (void)state;

    assert_joined(&r, "{\"a\":0,\"b\":[\"x\",true,null]} {\"a\":-1,\"c\":null} {} -");
}

static void test_data_variant_join__takes_values_that_were_not_shredded(void **state)
{
    // Row 0: an untyped value. Row 1: neither. Rows 2, 3: a field that is another type.
    const struct rows r = {.valid = 0xf,
                           .value_valid = 0x1,
                           .typed_valid = 0xc,
                           .a_value_valid = 0xc,
                           .metadata = "ab",
                           .value = null_slice,
                           .a_value = null_slice};
    (void)state;

    assert_joined(&r, "null null {\"a\":null} {\"a\":null}");
}

static void test_data_variant_join__prefers_what_was_shredded(void **state)
{
    const uint8_t twice[] = {0x02, 1, 0, 0, 1, 0}; // {"a": null}
    const struct rows r = {.valid = 0x1,
                           .value_valid = 0x1,
                           .typed_valid = 0x1,
                           .a_typed_valid = 0x1,
                           .metadata = "ab",
                           .value = {twice, sizeof twice},
                           .a_value = null_slice};
    (void)state;

    assert_joined(&r, "{\"a\":0} - - -");
}

static void test_data_variant_join__refuses_parts_that_conflict(void **state)
{
    struct rows r = {.valid = 0x2,
                     .value_valid = 0x2,
                     .typed_valid = 0x2,
                     .metadata = "ab",
                     .value = null_slice,
                     .a_value = null_slice};
    (void)state;

    assert_refused(&r, "column v, row 101: a variant that is null has shredded fields");
    r.value_valid = 0;
    r.a_value_valid = r.a_typed_valid = 0x2;
    assert_refused(&r, "row 101: a variant has both a value and a typed value");
    r.a_value_valid = 0;
    r.metadata = "bc";
    assert_refused(&r, "metadata lack its field \"a\"");
    r.typed_valid = 0;
    r.value_valid = 0x2;
    r.value.size = 0;
    assert_refused(&r, "a variant without a byte");
}

static void test_data_variant_join__survives_every_fault(void **state)
{
    const struct rows r = {.valid = 0x7,
                           .value_valid = 0x2,
                           .typed_valid = 0x7,
                           .a_typed_valid = 0x3,
                           .b_typed_valid = 0x1,
                           .metadata = "abc",
                           .value = rest_slice,
                           .a_value = null_slice};
    struct dsi_fault_plan plan = {0};
    (void)state;

    static struct built b;
    build(&b, &r);
    while (dsi_fault_next(&plan)) {
        static const struct dsi_field field = {.name = "v",
                                               .type.kind = DSI_TYPE_VARIANT};
        struct dsi_column children[2] = {{0}};
        struct dsi_column out = {.field = &field, .children = children, .child_count = 2};
        struct dsi_batch batch = {0};
        int rc = dsi_data_variant_join(b.group, &b.top, 0, &batch, &out, NULL);
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        dsi_batch_release(&batch);
    }
    assert_true(plan.target > 5);
    dsi_arena_release(&b.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_variant_join__puts_objects_together),
        cmocka_unit_test(test_data_variant_join__takes_values_that_were_not_shredded),
        cmocka_unit_test(test_data_variant_join__prefers_what_was_shredded),
        cmocka_unit_test(test_data_variant_join__refuses_parts_that_conflict),
        cmocka_unit_test(test_data_variant_join__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
