// Random nested columns: a Parquet schema, what is read of it, the leaves' slots, and
// each row as text; made value by value, as Dremel defines it.
#ifndef DSI_TEST_DATA_NESTED_SLOTS_H
#define DSI_TEST_DATA_NESTED_SLOTS_H

#include "data/data_fields.h"
#include "unit/data/rows.h"

enum { NESTED_CHILDREN = 4, NESTED_LEAVES = 256, NESTED_TEXT = 1 << 16 };

enum nested_kind { NESTED_LEAF, NESTED_STRUCT, NESTED_LIST, NESTED_MAP };

// How a list is stored: three levels, two, or a repeated field that is not annotated.
enum nested_style { NESTED_THREE, NESTED_TWO, NESTED_BARE };

struct nested_field {
    enum nested_kind kind;
    enum nested_style style;
    bool optional;
    bool entry; // It is the repeated node itself.
    bool read;  // The schema that is read has it.
    struct dsi_parquet_node *node;
    struct dsi_parquet_node *entries;
    struct nested_field *children[NESTED_CHILDREN];
    size_t child_count;
};

struct nested {
    struct rows_random random;
    struct dsi_arena arena;
    struct dsi_parquet_file file;
    struct dsi_parquet_node root;
    struct nested_field *field;
    struct dsi_field type; // What is read.
    struct dsi_parquet_node *leaves[NESTED_LEAVES];
    struct dsi_parquet_column columns[NESTED_LEAVES]; // By the leaf's number.
    size_t leaf_count;
    int32_t next_value;
    int32_t next_name;
    bool no_bare; // The next field: the one child of a repeated group cannot repeat.
    char text[NESTED_TEXT]; // All rows, each ending in a newline.
    size_t text_size;
};

static inline void *nested_alloc(struct nested *n, size_t size)
{
    void *p = dsi_arena_alloc(&n->arena, size);
    assert_non_null(p);
    memset(p, 0, size);
    return p;
}

static inline struct dsi_parquet_node *nested_node(struct nested *n,
                                                   struct dsi_parquet_node *parent,
                                                   const char *name,
                                                   enum dsi_parquet_repetition repetition)
{
    struct dsi_parquet_node *node = nested_alloc(n, sizeof *node);
    struct dsi_parquet_node **last = (struct dsi_parquet_node **)&parent->first_child;
    char *own = nested_alloc(n, 24);

    snprintf(own, 24, "%s%d", name ? name : "f", name ? 0 : (int)n->next_name++);
    if (name) {
        own[strlen(name)] = '\0';
    }
    while (*last) {
        last = (struct dsi_parquet_node **)&(*last)->next;
    }
    *last = node;
    parent->field.child_count++;
    node->parent = parent;
    node->field.name = own;
    node->field.repetition = repetition;
    node->field.physical = DSI_PARQUET_INT32;
    bool repeated = repetition == DSI_PARQUET_REPEATED;
    node->max_def = parent->max_def + (repetition != DSI_PARQUET_REQUIRED);
    node->max_rep = parent->max_rep + repeated;
    node->element_def = repeated ? node->max_def : parent->element_def;
    return node;
}

static inline struct nested_field *nested_make(struct nested *n,
                                               struct dsi_parquet_node *parent,
                                               struct dsi_parquet_node *entry, int depth,
                                               bool read, bool required);

static inline void nested_make_list(struct nested *n, struct nested_field *f, int depth)
{
    bool map = f->kind == NESTED_MAP;
    f->node->field.logical.kind =
        map ? DSI_PARQUET_LOGICAL_MAP : DSI_PARQUET_LOGICAL_LIST;
    f->entries = nested_node(n, f->node,
                             map        ? "key_value"
                             : f->style ? "array"
                                        : "list",
                             DSI_PARQUET_REPEATED);
    bool two = f->style == NESTED_TWO && !map;
    f->child_count = map ? 2 : 1;
    n->no_bare = !map && !two;
    f->children[0] = nested_make(n, two ? NULL : f->entries, two ? f->entries : NULL,
                                 map ? 0 : depth - 1, f->read, map);
    if (map) {
        f->children[1] = nested_make(n, f->entries, NULL, depth - 1, f->read, false);
    }
}

// A random field below `parent`; or `entry` itself, seen as the element of a list.
static inline struct nested_field *nested_make(struct nested *n,
                                               struct dsi_parquet_node *parent,
                                               struct dsi_parquet_node *entry, int depth,
                                               bool read, bool required)
{
    struct nested_field *f = nested_alloc(n, sizeof *f);
    int64_t pick = rows_below(&n->random, 10);

    f->entry = entry != NULL;
    f->read = read;
    f->kind = depth <= 0 ? NESTED_LEAF
              : pick < 2 ? NESTED_LEAF
              : pick < 6 ? NESTED_STRUCT
              : pick < 9 ? NESTED_LIST
                         : NESTED_MAP;
    f->optional = !entry && !required && rows_below(&n->random, 3) > 0;
    f->style = (enum nested_style)rows_below(&n->random, n->no_bare ? 2 : 3);
    n->no_bare = false;
    if (entry && f->kind != NESTED_LEAF && f->kind != NESTED_STRUCT) {
        f->kind = NESTED_STRUCT; // Rules that test_data_shape has.
    }
    if (f->kind == NESTED_LIST && f->style == NESTED_BARE) {
        f->optional = false;
        f->entries = f->node = nested_node(n, parent, NULL, DSI_PARQUET_REPEATED);
        f->child_count = 1;
        f->children[0] = nested_make(n, NULL, f->node, depth - 1, read, true);
        return f;
    }
    f->node =
        entry ? entry
              : nested_node(n, parent, NULL,
                            f->optional ? DSI_PARQUET_OPTIONAL : DSI_PARQUET_REQUIRED);
    if (f->kind == NESTED_STRUCT) {
        f->child_count = (size_t)(2 + rows_below(&n->random, NESTED_CHILDREN - 1));
        for (size_t i = 0; i < f->child_count; i++) {
            f->children[i] = nested_make(n, f->node, NULL, depth - 1,
                                         read && rows_below(&n->random, 4) > 0, false);
        }
    } else if (f->kind != NESTED_LEAF) {
        nested_make_list(n, f, depth);
    } else {
        assert_true(n->leaf_count < NESTED_LEAVES);
        f->node->leaf = n->leaf_count;
        n->leaves[n->leaf_count++] = f->node;
    }
    return f;
}

// The field as it is read: some of a struct's fields, and one that is not in the file.
static inline void nested_type(struct nested *n, const struct nested_field *f,
                               const char *name, struct dsi_field *out)
{
    *out = (struct dsi_field){.required = !f->optional, .name = name};
    if (f->kind == NESTED_LEAF) {
        out->type.kind = DSI_TYPE_INT;
        return;
    }
    struct dsi_field *fields =
        nested_alloc(n, (NESTED_CHILDREN + 1) * sizeof(struct dsi_field));
    out->type.fields = fields;
    if (f->kind != NESTED_STRUCT) {
        out->type.kind = f->kind == NESTED_MAP ? DSI_TYPE_MAP : DSI_TYPE_LIST;
        nested_type(n, f->children[0], f->kind == NESTED_MAP ? "key" : "element", fields);
        if (f->kind == NESTED_MAP) {
            nested_type(n, f->children[1], "value", &fields[1]);
        }
        out->type.field_count = f->child_count;
        return;
    }
    out->type.kind = DSI_TYPE_STRUCT;
    for (size_t i = 0; i < f->child_count; i++) {
        if (f->children[i]->read) {
            nested_type(n, f->children[i], f->children[i]->node->field.name,
                        &fields[out->type.field_count++]);
        }
    }
    fields[out->type.field_count++] = (struct dsi_field){.required = true,
                                                         .name = "gone",
                                                         .type = {.kind = DSI_TYPE_INT},
                                                         .initial_default = "7"};
}

static inline void nested_say(struct nested *n, bool read, const char *text)
{
    if (read) {
        assert_true(n->text_size + strlen(text) < NESTED_TEXT);
        memcpy(n->text + n->text_size, text, strlen(text) + 1);
        n->text_size += strlen(text);
    }
}

static inline void nested_slot(struct nested *n, const struct dsi_parquet_node *leaf,
                               int32_t def, int32_t rep)
{
    struct dsi_parquet_column *c = &n->columns[leaf->leaf];
    uint8_t levels[2] = {(uint8_t)def, (uint8_t)rep};
    bool valid = def == leaf->max_def;
    int32_t value = valid ? n->next_value : 0;

    assert_int_equal(dsi_buf_append(&c->defs, &levels[0], 1, NULL), DS_OK);
    if (leaf->max_rep > 0) {
        assert_int_equal(dsi_buf_append(&c->reps, &levels[1], 1, NULL), DS_OK);
    }
    c->slots++;
    c->rows += rep == 0;
    if (def < leaf->element_def) {
        return;
    }
    if (c->elements % 8 == 0) {
        assert_int_equal(dsi_buf_append(&c->validity, "", 1, NULL), DS_OK);
    }
    c->validity.data[c->elements / 8] |= (uint8_t)(valid << c->elements % 8);
    assert_int_equal(dsi_buf_append(&c->values, &value, sizeof value, NULL), DS_OK);
    c->elements++;
    c->null_count += !valid;
}

// All leaves below have nothing.
static inline void nested_none(struct nested *n, const struct dsi_parquet_node *node,
                               int32_t def, int32_t rep)
{
    if (!node->first_child) {
        nested_slot(n, node, def, rep);
    }
    for (const struct dsi_parquet_node *c = node->first_child; c; c = c->next) {
        nested_none(n, c, def, rep);
    }
}

static inline void nested_value(struct nested *n, const struct nested_field *f,
                                int32_t def, int32_t rep);

static inline void nested_entries(struct nested *n, const struct nested_field *f,
                                  int32_t def, int32_t rep)
{
    int64_t count = rows_below(&n->random, 4);

    nested_say(n, f->read, "[");
    if (count == 0) {
        nested_none(n, f->entries, def, rep);
    }
    for (int64_t i = 0; i < count; i++) {
        int32_t at = i == 0 ? rep : f->entries->max_rep;
        nested_say(n, f->read && i > 0, ",");
        nested_value(n, f->children[0], def + 1, at);
        if (f->kind == NESTED_MAP) {
            nested_say(n, f->read, ":");
            nested_value(n, f->children[1], def + 1, at);
        }
    }
    nested_say(n, f->read, "]");
}

// One value of a field, random, to the leaves and to the text.
static inline void nested_value(struct nested *n, const struct nested_field *f,
                                int32_t def, int32_t rep)
{
    char text[16];

    if (f->optional) {
        if (rows_below(&n->random, 4) == 0) {
            nested_say(n, f->read, "null");
            nested_none(n, f->node, def, rep);
            return;
        }
        def++;
    }
    if (f->kind == NESTED_LEAF) {
        n->next_value++;
        snprintf(text, sizeof text, "%d", (int)n->next_value);
        nested_say(n, f->read, text);
        nested_slot(n, f->node, def, rep);
    } else if (f->kind == NESTED_STRUCT) {
        nested_say(n, f->read, "{");
        for (size_t i = 0; i < f->child_count; i++) {
            nested_value(n, f->children[i], def, rep);
            nested_say(n, f->read && f->children[i]->read, ",");
        }
        nested_say(n, f->read, "7}");
    } else {
        nested_entries(n, f, def, rep);
    }
}

static inline void nested_init(struct nested *n, uint64_t seed, int depth)
{
    memset(n, 0, sizeof *n);
    n->random.state = seed;
    n->root.field.name = "root";
    n->field = nested_make(n, &n->root, NULL, depth, true, false);
    nested_type(n, n->field, n->field->node->field.name, &n->type);
    n->type.id = 1;
    n->file.root = &n->root;
}

static inline void nested_rows(struct nested *n, size_t rows)
{
    for (; rows > 0 && n->text_size < NESTED_TEXT / 2; rows--) {
        nested_value(n, n->field, 0, 0);
        nested_say(n, true, "\n");
    }
}

static inline void nested_release(struct nested *n)
{
    for (size_t i = 0; i < NESTED_LEAVES; i++) {
        dsi_parquet_column_release(&n->columns[i]);
    }
    dsi_arena_release(&n->arena);
}

// A row of a column in the same words.
static inline void nested_print(const struct dsi_column *c, int64_t row,
                                struct dsi_buf *out)
{
    enum dsi_type_kind kind = c->field->type.kind;
    char text[16];

    assert_true(row >= 0 && row < c->length);
    if (dsi_column_is_null(c, row)) {
        assert_int_equal(dsi_buf_append_text(out, "null", NULL), DS_OK);
    } else if (kind == DSI_TYPE_INT) {
        snprintf(text, sizeof text, "%d", (int)((const int32_t *)c->values)[row]);
        assert_int_equal(dsi_buf_append_text(out, text, NULL), DS_OK);
    } else if (kind == DSI_TYPE_STRING) {
        struct ds_slice bytes = dsi_column_bytes(c, row);
        assert_int_equal(dsi_buf_append(out, bytes.data, bytes.size, NULL), DS_OK);
    } else if (kind == DSI_TYPE_STRUCT) {
        for (size_t i = 0; i < c->child_count; i++) {
            assert_int_equal(dsi_buf_append_text(out, i ? "," : "{", NULL), DS_OK);
            nested_print(&c->children[i], row, out);
        }
        assert_int_equal(dsi_buf_append_text(out, "}", NULL), DS_OK);
    } else {
        assert_int_equal(dsi_buf_append_text(out, "[", NULL), DS_OK);
        for (int32_t i = c->offsets[row]; i < c->offsets[row + 1]; i++) {
            if (i > c->offsets[row]) {
                assert_int_equal(dsi_buf_append_text(out, ",", NULL), DS_OK);
            }
            nested_print(&c->children[0], i, out);
            if (kind == DSI_TYPE_MAP) {
                assert_int_equal(dsi_buf_append_text(out, ":", NULL), DS_OK);
                nested_print(&c->children[1], i, out);
            }
        }
        assert_int_equal(dsi_buf_append_text(out, "]", NULL), DS_OK);
    }
}

#endif
