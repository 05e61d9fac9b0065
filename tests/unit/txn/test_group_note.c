#include "group_fixture.h"

#include "txn/group_note.h"

static void test_group_note__what_one_leaves_others_find(void **state)
{
    struct place p;
    struct dsi_group_note out;
    struct dsi_group_note in = {{7, -1, 12, 1700000000000}, 12, 2500};
    (void)state;
    place_init(&p, NULL, 0);
    assert_false(dsi_group_note_get(p.queue, &out));
    dsi_group_note_put(p.queue, &in);
    struct dsi_queue *other = NULL;
    assert_int_equal(dsi_queue_open(p.queue_path, &other, NULL), DS_OK);
    assert_true(dsi_group_note_get(other, &out));
    assert_int_equal(out.head.hash, 7);
    assert_int_equal(out.head.sequence_number, 12);
    assert_int_equal(out.members, 12);
    assert_int_equal(out.round_us, 2500);
    dsi_queue_free(other);
    place_release(&p);
}

static void test_group_note__what_is_of_another_size_is_none(void **state)
{
    struct place p;
    struct dsi_group_note out;
    (void)state;
    place_init(&p, NULL, 0);
    dsi_queue_set_note(p.queue, dsi_slice_text("short"));
    assert_false(dsi_group_note_get(p.queue, &out));
    place_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_note__what_one_leaves_others_find),
        cmocka_unit_test(test_group_note__what_is_of_another_size_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
