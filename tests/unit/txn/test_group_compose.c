#include "group_fixture.h"

#include "base/error.h"
#include "base/fault.h"
#include "txn/group_compose.h"

enum { MEMBERS_MAX = 8 };

struct scene {
    struct place place;
    const struct dsi_state *state;
    struct dsi_group_member members[MEMBERS_MAX];
    size_t count;
    struct dsi_change *own; // The leader's, which is in no intent.
    struct dsi_change *group;
    struct dsi_group_member *bad;
};

static void set_up(struct scene *s)
{
    *s = (struct scene){.count = 0};
    place_init(&s->place, NULL, 0);
    s->state = dsi_table_state(s->place.table);
}

static void tear_down(struct scene *s)
{
    for (size_t i = 0; i < s->count; i++) {
        dsi_intent_release(&s->members[i].intent);
    }
    dsi_change_free(s->group);
    dsi_change_free(s->own);
    dsi_state_unref(s->state);
    place_release(&s->place);
}

static struct dsi_group_member *join(struct scene *s, struct dsi_change *c)
{
    struct dsi_group_member *m = &s->members[s->count++];
    m->intent.change = c;
    m->change = c;
    m->in = true;
    return m;
}

static void join_own(struct scene *s, struct dsi_change *c)
{
    s->own = c;
    s->members[s->count++] = (struct dsi_group_member){.change = c, .in = true};
}

static struct dsi_change *blank(struct scene *s, const struct ds_commit_options *options)
{
    struct dsi_change *c = NULL;
    assert_int_equal(dsi_change_new(s->state, options, &c, NULL), DS_OK);
    return c;
}

static struct dsi_change *property(struct scene *s, const char *key)
{
    struct dsi_change *c = blank(s, NULL);
    assert_int_equal(dsi_change_set_property(c, key, "yes", NULL), DS_OK);
    return c;
}

// One that takes out a file, which it says is there.
static struct dsi_change *deletion(struct scene *s)
{
    struct dsi_replaced_file gone = {"memory:///t/data/gone", "memory:///t/m", 1, 1};
    struct dsi_change *c = blank(s, NULL);
    assert_int_equal(dsi_change_delete(c, &gone, 1, NULL), DS_OK);
    return c;
}

// A row for another branch than the group's.
static struct dsi_change *branched_row(struct scene *s)
{
    static const struct ds_commit_options aside = {.struct_size = sizeof aside,
                                                   .branch = "aside"};
    return row_change(s->place.table, &aside, 1);
}

static int compose(struct scene *s, struct ds_error *err)
{
    return dsi_group_compose(s->state, s->place.catalog.storage, s->members, s->count,
                             &s->group, &s->bad, err);
}

static size_t data_files(struct scene *s)
{
    return count_files(&s->place, "/data/");
}

static const struct dsi_operation *operation(const struct dsi_change *c,
                                             enum dsi_operation_kind kind)
{
    for (size_t i = 0; i < c->operation_count; i++) {
        if (c->operations[i].kind == kind) {
            return &c->operations[i];
        }
    }
    return NULL;
}

static void test_group_compose__rows_of_all_go_to_one_file(void **state)
{
    struct scene s;
    (void)state;
    set_up(&s);
    join(&s, row_change(s.place.table, NULL, 1));
    join(&s, test_stored(s.place.table, "memory:///t/stored", 5));
    join(&s, property(&s, "colour"));
    join(&s, row_change(s.place.table, NULL, 2))->in = false; // It has its receipt.
    join_own(&s, row_change(s.place.table, NULL, 3));
    assert_int_equal(compose(&s, NULL), DS_OK);
    assert_null(s.bad);
    const struct dsi_operation *o = operation(s.group, DSI_OPERATION_APPEND);
    assert_int_equal(o->file_count, 1);
    assert_int_equal(o->files[0].record_count, 2);
    assert_int_equal(o->stored.rows, 5);
    o = operation(s.group, DSI_OPERATION_SET_PROPERTIES);
    assert_string_equal(o->properties.items[0].key, "colour");
    assert_int_equal(s.group->part_count, 0);
    assert_int_equal(s.group->member_count, 4);
    for (size_t i = 0, k = 0; i < s.count; i++) { // By their own names, not by its.
        assert_string_not_equal(s.group->identity, s.members[i].change->identity);
        if (s.members[i].in) {
            assert_string_equal(s.group->members[k++], s.members[i].change->identity);
        }
    }
    tear_down(&s);
}

// What the leader keeps is as it was: it may have to commit it once more, alone.
static void test_group_compose__takes_nothing_from_a_change_that_is_lent(void **state)
{
    struct scene s;
    char identity[DSI_UUID_TEXT_SIZE];
    (void)state;
    set_up(&s);
    join_own(&s, row_change(s.place.table, NULL, 3));
    memcpy(identity, s.own->identity, sizeof identity);
    const struct dsi_held_rows before = *dsi_change_held(s.own);
    assert_int_equal(compose(&s, NULL), DS_OK);
    const struct dsi_held_rows *after = dsi_change_held(s.own);
    assert_int_equal(after->rows, before.rows);
    assert_ptr_equal(after->bytes.data, before.bytes.data);
    assert_string_equal(s.own->identity, identity);
    assert_string_equal(s.group->identity, identity); // Of a group of one it is this.
    assert_string_not_equal(s.group->nonce, s.own->nonce);
    assert_int_equal(s.group->member_count, 0);
    tear_down(&s);
}

static void test_group_compose__a_group_of_one_is_as_its_member_says(void **state)
{
    static const struct ds_property told = {"told", "so"};
    static const struct ds_commit_options options = {.struct_size = sizeof options,
                                                     .branch = "aside",
                                                     .append_mode = DS_APPEND_FAST,
                                                     .summary = {&told, 1}};
    struct scene s;
    (void)state;
    set_up(&s);
    join(&s, row_change(s.place.table, &options, 1));
    assert_int_equal(compose(&s, NULL), DS_OK);
    assert_string_equal(s.group->identity, s.members[0].change->identity);
    assert_string_equal(s.group->branch, "aside");
    assert_int_equal(s.group->append_mode, DS_APPEND_FAST);
    assert_int_equal(s.group->summary.count, 1);
    tear_down(&s);
}

static void test_group_compose__one_that_does_more_is_taken_as_it_is(void **state)
{
    struct scene s;
    (void)state;
    set_up(&s);
    struct dsi_change *c = deletion(&s);
    join(&s, c);
    assert_int_equal(compose(&s, NULL), DS_OK);
    assert_ptr_equal(s.group, c);
    assert_null(s.members[0].intent.change);
    tear_down(&s);
}

static void test_group_compose__what_cannot_share_becomes_a_part(void **state)
{
    struct scene s;
    (void)state;
    set_up(&s);
    struct dsi_change *aside = branched_row(&s);
    struct dsi_change *gone = deletion(&s);
    struct dsi_group_member *last = join(&s, aside);
    struct dsi_group_member *shares = join(&s, row_change(s.place.table, NULL, 2));
    struct dsi_group_member *first = join(&s, gone);
    assert_int_equal(compose(&s, NULL), DS_OK);
    assert_int_equal(s.group->part_count, 2);
    assert_int_equal(s.group->first_parts, 1);
    assert_ptr_equal(s.group->parts[0], gone); // Whoever came first.
    assert_ptr_equal(s.group->parts[1], aside);
    assert_int_equal(first->part, 1);
    assert_int_equal(shares->part, 0);
    assert_int_equal(last->part, 2);
    assert_null(dsi_change_held(aside)); // It is a file by now.
    assert_int_equal(s.group->member_count, 1);
    tear_down(&s);
}

static void test_group_compose__names_who_spoils_it_and_leaves_nothing(void **state)
{
    struct scene s;
    struct ds_error err = {0};
    (void)state;
    set_up(&s);
    struct dsi_change *odd = branched_row(&s);
    struct dsi_held_rows *held = &odd->operations[0].held;
    held->schema_id = 99;
    join(&s, branched_row(&s)); // This one has its file by then.
    join(&s, row_change(s.place.table, NULL, 2));
    struct dsi_group_member *bad = join(&s, odd);
    assert_true(compose(&s, &err) < 0);
    assert_ptr_equal(s.bad, bad);
    assert_null(s.group);
    assert_int_equal(data_files(&s), 0);
    tear_down(&s);
}

static void test_group_compose__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    unsigned count = 0;
    (void)state;

    for (bool more = true; more; count++) {
        struct scene s;
        set_up(&s);
        join(&s, row_change(s.place.table, NULL, 1));
        join(&s, branched_row(&s));
        join(&s, deletion(&s));
        join_own(&s, row_change(s.place.table, NULL, 3));
        more = dsi_fault_next(&plan);
        int rc = compose(&s, NULL);
        dsi_fault_stop();
        assert_int_equal(rc == DS_OK, s.group != NULL);
        assert_true(s.group || data_files(&s) <= 1); // One whose removal failed.
        assert_int_equal(dsi_change_held(s.own)->rows, 1);
        tear_down(&s);
    }
    assert_true(count > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_compose__rows_of_all_go_to_one_file),
        cmocka_unit_test(test_group_compose__takes_nothing_from_a_change_that_is_lent),
        cmocka_unit_test(test_group_compose__a_group_of_one_is_as_its_member_says),
        cmocka_unit_test(test_group_compose__one_that_does_more_is_taken_as_it_is),
        cmocka_unit_test(test_group_compose__what_cannot_share_becomes_a_part),
        cmocka_unit_test(test_group_compose__names_who_spoils_it_and_leaves_nothing),
        cmocka_unit_test(test_group_compose__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
