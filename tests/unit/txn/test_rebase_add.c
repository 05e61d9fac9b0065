#include "txn/rebase_add.h"

#include "rebase_fixture.h"

// The scene, in which file `path` is added; m2, with d, was written since.
static void add(struct scene *s, struct dsi_data_file *file, const char *path)
{
    scene_init(s, DSI_OPERATION_ADD);
    *file = (struct dsi_data_file){.path = path};
    s->operation =
        (struct dsi_operation){.kind = DSI_OPERATION_ADD, .files = file, .file_count = 1};
    s->change.base_sequence_number = 5;
    s->rows[3].sequence_number = 6;
}

static int look(struct scene *s, size_t *needs, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    const struct dsi_manifest_file **which = NULL;
    int rc = dsi_rebase_add(&s->in, &arena, &which, needs, err);

    if (*needs > 0) {
        assert_string_equal(which[0]->path, "m2");
    }
    dsi_arena_release(&arena);
    return rc;
}

static void test_rebase_add__looks_at_what_came_since(void **state)
{
    struct dsi_data_file file;
    struct ds_error err = {0};
    struct scene s;
    size_t needs = 9;
    (void)state;

    add(&s, &file, "memory:///t/x");
    assert_int_equal(look(&s, &needs, &err), DS_OK);
    assert_int_equal(needs, 0);
    s.in.loaded_count = 2;
    assert_int_equal(look(&s, &needs, &err), DS_OK);
    assert_int_equal(needs, 1);
    scene_release(&s);
    add(&s, &file, "memory:///t/c"); // Of before: that was seen when it was planned.
    assert_int_equal(look(&s, &needs, &err), DS_OK);
    scene_release(&s);
}

static void test_rebase_add__loses_to_whoever_added_the_file(void **state)
{
    static const char *const forms[] = {"memory:///t/d", "memory:/t/d"};
    struct dsi_data_file file;
    struct scene s;
    size_t needs = 9;
    (void)state;

    for (size_t i = 0; i < 2; i++) {
        struct ds_error err = {0};
        add(&s, &file, "memory:///t/d");
        s.entries[3].file.path = forms[i]; // As somebody says it.
        assert_int_equal(look(&s, &needs, &err), DS_ECONFLICT);
        assert_non_null(strstr(err.detail, "file-added"));
        s.entries[3].status = DSI_ENTRY_DELETED;
        assert_int_equal(look(&s, &needs, &err), DS_OK);
        scene_release(&s);
    }
}

// Of files in a stored manifest, "new", the names are read first.
static void test_rebase_add__reads_the_names_in_stored_manifests(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    const struct dsi_manifest_file **which = NULL;
    struct dsi_loaded_manifest loaded[4];
    struct dsi_manifest_entry mine = {.status = DSI_ENTRY_ADDED};
    struct dsi_manifest stored = {.entries = &mine, .entry_count = 1};
    struct dsi_data_file file;
    struct ds_error err = {0};
    struct scene s;
    size_t needs = 9;
    (void)state;

    add(&s, &file, "memory:///t/x");
    s.operation.files = NULL;
    s.operation.file_count = 0;
    s.operation.stored.manifests = &s.rows[0];
    s.operation.stored.manifest_count = 1;
    assert_int_equal(dsi_rebase_add(&s.in, &arena, &which, &needs, &err), DS_OK);
    assert_int_equal(needs, 1);
    assert_string_equal(which[0]->path, "new");
    memcpy(loaded, s.loaded, sizeof s.loaded);
    loaded[3] = (struct dsi_loaded_manifest){"new", &stored};
    s.in.loaded = loaded;
    s.in.loaded_count = 4;
    mine.file.path = "memory:///t/x";
    assert_int_equal(look(&s, &needs, &err), DS_OK);
    assert_int_equal(needs, 0);
    mine.file.path = "memory:///t/d";
    assert_int_equal(look(&s, &needs, &err), DS_ECONFLICT);
    assert_non_null(strstr(err.detail, "file-added"));
    dsi_arena_release(&arena);
    scene_release(&s);
}

static void test_rebase_add__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct dsi_data_file file;
    struct scene s;
    (void)state;

    add(&s, &file, "memory:///t/x");
    while (dsi_fault_next(&plan)) {
        struct ds_error err = {0};
        size_t needs = 9;
        int rc = look(&s, &needs, &err);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        assert_true(rc == DS_OK || err.message[0] != '\0');
    }
    assert_true(plan.target > 3);
    scene_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rebase_add__looks_at_what_came_since),
        cmocka_unit_test(test_rebase_add__loses_to_whoever_added_the_file),
        cmocka_unit_test(test_rebase_add__reads_the_names_in_stored_manifests),
        cmocka_unit_test(test_rebase_add__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
