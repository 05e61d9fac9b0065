#include "txn/intent_file.h"

#include "base/fault.h"
#include "fixture.h"

struct scene {
    struct dsi_catalog catalog;
    struct dsi_table *table;
    const struct dsi_metadata *metadata;
    struct dsi_change *change;
    struct dsi_arena arena;
    struct dsi_buf slot;
    const char *path;
};

static void set_up(struct scene *s)
{
    *s = (struct scene){.arena = DSI_ARENA_INIT, .slot = DSI_BUF_INIT};
    catalog_init(&s->catalog);
    s->table = test_create(&s->catalog, NULL, 0);
    s->metadata = dsi_table_metadata(s->table);
    s->change = test_change(s->table, NULL, "memory:///t/data/a", 1);
}

static void tear_down(struct scene *s)
{
    dsi_buf_release(&s->slot);
    dsi_arena_release(&s->arena);
    dsi_change_free(s->change);
    dsi_metadata_unref(s->metadata);
    dsi_table_free(s->table);
    catalog_release(&s->catalog);
}

static const struct ds_slice some = {(const uint8_t *)"all of an intent", 16};

static int put(struct scene *s, struct ds_error *err)
{
    int rc = dsi_intent_file_path(s->metadata, s->change, &s->arena, &s->path, err);

    return rc < 0 ? rc
                  : dsi_intent_file_put(s->catalog.storage, s->path, s->change, some,
                                        &s->slot, err);
}

// How reading what the slot says ends.
static int get(struct scene *s, size_t max)
{
    struct dsi_buf out = DSI_BUF_INIT_MAX(max);
    struct ds_error err = {0};
    int rc = dsi_intent_file_get(s->catalog.storage, s->metadata, dsi_buf_slice(&s->slot),
                                 &out, &err);

    if (rc == DS_OK) {
        assert_int_equal(out.size, some.size);
        assert_memory_equal(out.data, some.data, some.size);
    } else {
        assert_true(err.message[0] != '\0');
    }
    dsi_buf_release(&out);
    return rc;
}

static void test_intent_file__comes_back_by_what_the_slot_says(void **state)
{
    struct scene s;
    (void)state;

    set_up(&s);
    assert_int_equal(put(&s, NULL), DS_OK);
    assert_true(dsi_intent_is_in_file(dsi_buf_slice(&s.slot)));
    assert_false(dsi_intent_is_in_file(some));
    assert_false(dsi_intent_is_in_file((struct ds_slice){some.data, 2}));
    assert_true(strncmp(s.path, "memory:///t/metadata/", 21) == 0);
    assert_true(test_exists(s.catalog.storage, s.path));
    assert_int_equal(get(&s, 1 << 20), DS_OK);
    assert_true(get(&s, some.size - 1) < 0); // No more than there is room for.
    tear_down(&s);
}

static void test_intent_file__that_is_another_or_gone_is_not_taken(void **state)
{
    struct scene s;
    (void)state;

    set_up(&s);
    assert_int_equal(put(&s, NULL), DS_OK);
    assert_int_equal(dsi_storage_remove(s.catalog.storage, s.path, NULL), DS_OK);
    assert_int_equal(get(&s, 1 << 20), DS_ENOTFOUND);
    assert_int_equal(dsi_storage_put(s.catalog.storage, s.path,
                                     (struct ds_slice){some.data, 15}, 0, NULL),
                     DS_OK);
    assert_int_equal(get(&s, 1 << 20), DS_ECORRUPT);
    tear_down(&s);
}

// Whatever a slot says: nothing but a file of such a name is read, and believed only
// whole.
static void test_intent_file__believes_no_slot(void **state)
{
    struct scene s;
    (void)state;

    set_up(&s);
    assert_int_equal(put(&s, NULL), DS_OK);
    for (size_t i = 0; i < s.slot.size; i++) {
        s.slot.data[i] ^= 0x15;
        assert_true(get(&s, 1 << 20) < 0);
        s.slot.data[i] ^= 0x15;
    }
    for (size_t size = s.slot.size; size > 0; size--) {
        s.slot.size = size - 1;
        assert_int_equal(get(&s, 1 << 20), DS_ECORRUPT);
    }
    tear_down(&s);
}

static void test_intent_file__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    for (bool more = true; more;) {
        struct ds_error err = {0};
        struct scene s;
        set_up(&s);
        more = dsi_fault_next(&plan);
        int rc = put(&s, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK ? !plan.name || get(&s, 1 << 20) == DS_OK
                                : err.message[0] != '\0');
        tear_down(&s);
    }
    assert_true(plan.target > 3);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_intent_file__comes_back_by_what_the_slot_says),
        cmocka_unit_test(test_intent_file__that_is_another_or_gone_is_not_taken),
        cmocka_unit_test(test_intent_file__believes_no_slot),
        cmocka_unit_test(test_intent_file__survives_every_fault),
    };
    return cmocka_run_group_tests_name("intent_file", tests, NULL, NULL);
}
