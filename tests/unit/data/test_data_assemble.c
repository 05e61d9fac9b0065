#include "data/data_assemble.h"

#include "base/fault.h"
#include "unit/data/nested_slots.h"

static struct nested n; // Too large for a stack.

// Assembles what `n` has; `b` is to be released, whatever comes of it.
static int run(struct dsi_batch *b, struct dsi_schema *schema, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_data_file file = {.path = "x"};
    struct dsi_data_reader_options options = {
        .file = &file, .schema = schema, .own_schema = true};
    struct dsi_data_origin *o = NULL;
    struct dsi_parquet_column in[NESTED_LEAVES] = {{0}};

    *b = (struct dsi_batch){0};
    *schema = rows_schema(&n.type, 1);
    int rc = dsi_data_origins(&options, &n.file, &arena, &o, err);
    if (rc == DS_OK) {
        rc = dsi_batch_init(b, schema, err);
    }
    for (size_t i = 0; rc == DS_OK && i < o->leaf_count; i++) {
        struct dsi_parquet_column *c = &n.columns[o->leaves[i].node->leaf];
        in[i] = *c; // Moved, as each leaf is read once.
        *c = (struct dsi_parquet_column)DSI_PARQUET_COLUMN_INIT;
        if (!o->leaves[i].keep_levels) {
            dsi_buf_release(&in[i].defs);
        }
    }
    if (rc == DS_OK) {
        rc = dsi_data_assemble(o, in, (int64_t)in[0].rows, 100, b, &b->columns[0], err);
    }
    for (size_t i = 0; i < NESTED_LEAVES; i++) {
        dsi_parquet_column_release(&in[i]);
    }
    dsi_arena_release(&arena);
    return rc;
}

static void test_data_assemble__is_dremels_record_assembly(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 600; seed++) {
        struct dsi_buf text = DSI_BUF_INIT;
        struct ds_error err = {0};
        struct dsi_schema schema;
        struct dsi_batch b;
        nested_init(&n, seed, 1 + (int)(seed % 6));
        nested_rows(&n, 1 + seed % 70);
        if (run(&b, &schema, &err) < 0) {
            fail_msg("seed %u: %s", (unsigned)seed, err.message);
        }
        for (int64_t i = 0; i < b.columns[0].length; i++) {
            nested_print(&b.columns[0], i, &text);
            assert_int_equal(dsi_buf_append_text(&text, "\n", NULL), DS_OK);
        }
        if (text.size != n.text_size || memcmp(text.data, n.text, text.size) != 0) {
            fail_msg("seed %u:\n%.*sis not\n%s", (unsigned)seed, (int)text.size,
                     (char *)text.data, n.text);
        }
        dsi_buf_release(&text);
        dsi_batch_release(&b);
        nested_release(&n);
    }
}

// Sets one level of a leaf of slots that were made before.
static void set_level(size_t leaf, size_t slot, int def, int rep)
{
    n.columns[leaf].defs.data[slot] = (uint8_t)def;
    n.columns[leaf].reps.data[slot] = (uint8_t)rep;
}

// A list of structs of two optional numbers, two rows of two entries each.
static void make_pairs(void)
{
    memset(&n, 0, sizeof n);
    struct nested_field *list = nested_alloc(&n, sizeof *list);
    struct nested_field *pair = nested_alloc(&n, sizeof *pair);
    n.root.field.name = "root";
    n.file.root = &n.root;
    list->kind = NESTED_LIST;
    list->optional = list->read = pair->read = true;
    list->node = nested_node(&n, &n.root, "list", DSI_PARQUET_OPTIONAL);
    list->node->field.logical.kind = DSI_PARQUET_LOGICAL_LIST;
    list->entries = nested_node(&n, list->node, "entries", DSI_PARQUET_REPEATED);
    list->children[0] = pair;
    list->child_count = 1;
    pair->kind = NESTED_STRUCT;
    pair->optional = true;
    pair->node = nested_node(&n, list->entries, "pair", DSI_PARQUET_OPTIONAL);
    pair->child_count = 2;
    for (size_t i = 0; i < 2; i++) {
        struct nested_field *leaf = nested_alloc(&n, sizeof *leaf);
        leaf->optional = leaf->read = true;
        leaf->node = nested_node(&n, pair->node, i ? "b" : "a", DSI_PARQUET_OPTIONAL);
        leaf->node->leaf = i;
        pair->children[i] = leaf;
        n.leaves[n.leaf_count++] = leaf->node;
        for (int slot = 0; slot < 4; slot++) {
            nested_slot(&n, leaf->node, 4, slot % 2);
        }
    }
    n.field = list;
    nested_type(&n, list, "list", &n.type);
    n.type.id = 1;
}

static void refuses(const char *says)
{
    struct ds_error err = {0};
    struct dsi_schema schema;
    struct dsi_batch b;

    int rc = run(&b, &schema, &err);
    if (rc != DS_ECORRUPT || !strstr(err.message, says)) {
        fail_msg("%d '%s' does not say '%s'", rc, err.message, says);
    }
    dsi_batch_release(&b);
    nested_release(&n);
}

static void test_data_assemble__refuses_leaves_that_disagree(void **state)
{
    (void)state;
    make_pairs();
    set_level(1, 1, 4, 0); // The same number of entries, in other rows.
    set_level(1, 2, 4, 1);
    refuses("column list, row 100: its leaves do not agree about its entries");
    make_pairs();
    set_level(1, 1, 2, 1); // A null, not no entry: the same.
    n.columns[1].null_count = 1;
    struct ds_error err = {0};
    struct dsi_schema schema;
    struct dsi_batch b;
    assert_int_equal(run(&b, &schema, &err), DS_OK);
    dsi_batch_release(&b);
    nested_release(&n);
    make_pairs();
    n.columns[1].slots--; // One fewer.
    n.columns[1].elements--;
    n.columns[1].defs.size--;
    n.columns[1].reps.size--;
    refuses("column list, row 101: its leaves do not agree about its entries");
}

static void require(struct dsi_field *f)
{
    f->required = true;
}

static void test_data_assemble__refuses_nulls_where_there_may_be_none(void **state)
{
    struct dsi_field *pair = NULL;
    (void)state;

    make_pairs();
    require(&n.type);
    set_level(0, 2, 0, 0);
    set_level(1, 2, 0, 0);
    refuses("column list, row 101: null in a required column");
    make_pairs();
    pair = (struct dsi_field *)n.type.type.fields;
    require(pair);
    set_level(0, 3, 2, 1);
    set_level(1, 3, 2, 1);
    refuses("column list.entries.pair, row 101: null in a required column");
    make_pairs();
    pair = (struct dsi_field *)n.type.type.fields;
    require((struct dsi_field *)&pair->type.fields[1]);
    set_level(1, 2, 3, 0);
    n.columns[1].validity.data[0] = 0x0b;
    n.columns[1].null_count = 1;
    refuses("column list.entries.pair.b, row 101: null in a required column");
}

// A null parent is no null of a required field: neither an error nor a null that is seen.
static void test_data_assemble__drops_nulls_of_parents(void **state)
{
    struct ds_error err = {0};
    struct dsi_schema schema;
    struct dsi_batch b;
    (void)state;

    make_pairs();
    struct dsi_field *pair = (struct dsi_field *)n.type.type.fields;
    require((struct dsi_field *)&pair->type.fields[1]);
    set_level(0, 2, 2, 0);
    set_level(1, 2, 2, 0);
    for (int i = 0; i < 2; i++) {
        n.columns[i].validity.data[0] = 0x0b;
        n.columns[i].null_count = 1;
    }
    assert_int_equal(run(&b, &schema, &err), DS_OK);
    const struct dsi_column *pairs = &b.columns[0].children[0];
    assert_true(dsi_column_is_null(pairs, 2));
    assert_int_equal(pairs->null_count, 1);
    assert_null(pairs->children[1].validity);
    assert_int_equal(pairs->children[0].null_count, 1);
    dsi_batch_release(&b);
    nested_release(&n);
}

static void test_data_assemble__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (true) {
        nested_init(&n, 23, 4);
        nested_rows(&n, 20);
        struct ds_error err = {0};
        struct dsi_schema schema;
        struct dsi_batch b;
        if (!dsi_fault_next(&plan)) {
            nested_release(&n);
            break;
        }
        int rc = run(&b, &schema, &err);
        dsi_fault_stop();
        assert_int_equal(rc < 0, plan.name != NULL);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        dsi_batch_release(&b);
        nested_release(&n);
    }
    assert_true(plan.target > 10);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data_assemble__is_dremels_record_assembly),
        cmocka_unit_test(test_data_assemble__refuses_leaves_that_disagree),
        cmocka_unit_test(test_data_assemble__refuses_nulls_where_there_may_be_none),
        cmocka_unit_test(test_data_assemble__drops_nulls_of_parents),
        cmocka_unit_test(test_data_assemble__survives_every_fault),
    };
    return cmocka_run_group_tests_name("data_assemble", tests, NULL, NULL);
}
