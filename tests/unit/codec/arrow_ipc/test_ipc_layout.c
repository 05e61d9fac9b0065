#include "unit/codec/arrow_ipc/ipc_sample.h"

static int layout_of(const char *format, size_t children, struct dsi_ipc_node *out,
                     struct ds_error *err)
{
    static struct dsi_arena arena;
    struct sample s = {0};
    struct dsi_ipc_layout l;

    dsi_arena_release(&arena);
    for (size_t i = 0; i < children; i++) {
        sample_node(&s, "i", 0, 0, 2, NULL, NULL, NULL, 0);
    }
    sample_column(&s, sample_node(&s, format, 0, 0, 0, NULL, NULL, NULL, children), "c");
    sample_finish(&s, 0);
    int rc = dsi_ipc_layout_read(&s.schema, &arena, &l, err);
    if (rc == DS_OK) {
        *out = l.root.children[0];
    }
    return rc;
}

static void test_ipc_layout__knows_every_format(void **state)
{
    static const struct {
        const char *format;
        size_t children;
        enum dsi_ipc_shape shape;
        size_t bits;
    } cases[] = {
        {"n", 0, DSI_IPC_NULLS, 0},           {"b", 0, DSI_IPC_FIXED, 1},
        {"c", 0, DSI_IPC_FIXED, 8},           {"S", 0, DSI_IPC_FIXED, 16},
        {"e", 0, DSI_IPC_FIXED, 16},          {"tdD", 0, DSI_IPC_FIXED, 32},
        {"tsu:UTC", 0, DSI_IPC_FIXED, 64},    {"tin", 0, DSI_IPC_FIXED, 128},
        {"d:9,2", 0, DSI_IPC_FIXED, 128},     {"d:9,2,32", 0, DSI_IPC_FIXED, 32},
        {"d:9,2,256", 0, DSI_IPC_FIXED, 256}, {"w:5", 0, DSI_IPC_FIXED, 40},
        {"u", 0, DSI_IPC_TEXT, 32},           {"Z", 0, DSI_IPC_TEXT, 64},
        {"vu", 0, DSI_IPC_VIEWS, 128},        {"+l", 1, DSI_IPC_LIST, 32},
        {"+L", 1, DSI_IPC_LIST, 64},          {"+m", 1, DSI_IPC_LIST, 32},
        {"+vL", 1, DSI_IPC_LIST_VIEW, 64},    {"+w:3", 1, DSI_IPC_FIXED_LIST, 0},
        {"+s", 3, DSI_IPC_STRUCT, 0},         {"+r", 2, DSI_IPC_RUNS, 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_ipc_node n;
        assert_int_equal(layout_of(cases[i].format, cases[i].children, &n, NULL), DS_OK);
        assert_int_equal(n.shape, cases[i].shape);
        assert_int_equal(n.bits, cases[i].bits);
        assert_string_equal(n.name, "c");
    }
}

static void test_ipc_layout__refuses_what_it_does_not_know(void **state)
{
    static const struct {
        const char *format;
        size_t children;
        int rc;
        const char *words;
    } cases[] = {
        {"+us:0,1", 2, DS_EUNSUPPORTED, "column c: a union"},
        {"?", 0, DS_EUNSUPPORTED, "format '?'"},
        {"w:-1", 0, DS_EUNSUPPORTED, "w:-1"},
        {"d:9", 0, DS_EUNSUPPORTED, "d:9"},
        {"d:9,2,77", 0, DS_EUNSUPPORTED, "d:9,2,77"},
        {"+l", 2, DS_EINVALID, "wrong number of children"},
        {"i", 1, DS_EINVALID, "wrong number of children"},
        {"+r", 1, DS_EINVALID, "wrong number of children"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dsi_ipc_node n;
        struct ds_error err = {0};
        assert_int_equal(layout_of(cases[i].format, cases[i].children, &n, &err),
                         cases[i].rc);
        assert_non_null(strstr(err.message, cases[i].words));
    }
}

static void test_ipc_layout__numbers_dictionaries_from_the_outside_in(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct sample s = {0};
    struct dsi_ipc_layout l;
    size_t words = 0;
    size_t inner = 0;
    size_t values = 0;
    size_t outer = 0;
    (void)state;

    words = sample_node(&s, "u", 0, 0, 3, NULL, NULL, NULL, 0);
    inner = sample_node(&s, "c", 0, 0, 2, NULL, NULL, NULL, 0);
    s.schemas[inner].dictionary = &s.schemas[words];
    values = sample_node(&s, "+s", 0, 0, 1, NULL, NULL, NULL, 1);
    outer = sample_node(&s, "l", 0, 0, 2, NULL, NULL, NULL, 0);
    s.schemas[outer].dictionary = &s.schemas[values];
    sample_column(&s, outer, "c");
    sample_finish(&s, 0);
    assert_int_equal(dsi_ipc_layout_read(&s.schema, &arena, &l, NULL), DS_OK);
    assert_int_equal(l.dictionary_count, 2);
    assert_int_equal(l.dictionaries[0]->values.shape, DSI_IPC_STRUCT);
    assert_int_equal(l.dictionaries[1]->values.shape, DSI_IPC_TEXT);
    assert_int_equal(l.dictionaries[1]->index, 1);
    assert_ptr_equal(l.root.children[0].dictionary, l.dictionaries[0]);

    s.schemas[outer].format = "u"; // Text has no place as an index.
    assert_int_equal(dsi_ipc_layout_read(&s.schema, &arena, &l, NULL), DS_EINVALID);
    s.schemas[outer].format = "l";
    s.schemas[outer].dictionary = &s.schemas[inner]; // A dictionary's dictionary.
    assert_int_equal(dsi_ipc_layout_read(&s.schema, &arena, &l, NULL), DS_EINVALID);
    dsi_arena_release(&arena);
}

static void test_ipc_layout__goes_only_so_deep(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct ArrowSchema levels[DSI_IPC_DEPTH_MAX + 2];
    struct ArrowSchema *pointers[DSI_IPC_DEPTH_MAX + 2];
    struct dsi_ipc_layout l;
    enum { COUNT = sizeof levels / sizeof levels[0] };
    (void)state;

    for (size_t i = 0; i < COUNT; i++) {
        pointers[i] = &levels[i];
        levels[i] = (struct ArrowSchema){.format = "+s",
                                         .n_children = i + 1 < COUNT,
                                         .children = &pointers[i + 1 < COUNT ? i + 1 : 0],
                                         .release = sample_release_schema};
    }
    assert_int_equal(dsi_ipc_layout_read(&levels[0], &arena, &l, NULL), DS_EINVALID);
    assert_int_equal(dsi_ipc_layout_read(&levels[1], &arena, &l, NULL), DS_OK);
    dsi_arena_release(&arena);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipc_layout__knows_every_format),
        cmocka_unit_test(test_ipc_layout__refuses_what_it_does_not_know),
        cmocka_unit_test(test_ipc_layout__numbers_dictionaries_from_the_outside_in),
        cmocka_unit_test(test_ipc_layout__goes_only_so_deep),
    };
    return cmocka_run_group_tests_name("ipc_layout", tests, NULL, NULL);
}
