// What happens when an appender's memory is full: who waits, and for what.
#include "appender_fixture.h"

// Nothing else would end the wait: no time was set, neither for rows nor for who waits.
static void test_appender_room__commits_what_fills_the_memory(void **state)
{
    const struct ds_appender_options o = {
        .struct_size = sizeof o, .batch_ms = -1, .memory_bytes_max = 1};
    struct place p;
    struct ds_error err = {0};
    (void)state;

    place_init(&p);
    struct dsi_appender *a = open_appender(p.table, &o);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write_id(a, i, NULL, &err), DS_OK);
    }
    assert_int_equal(dsi_appender_wait(a, 2, 0, &err), DS_OK);
    assert_int_equal(dsi_appender_close(a, -1, &err), DS_OK);
    dsi_appender_free(a);
    assert_table(&p, 0, 3, 1);
    place_release(&p);
}

static void test_appender_room__tells_those_who_wait_for_room_of_its_end(void **state)
{
    const struct ds_appender_options o = {
        .struct_size = sizeof o, .batch_ms = 1, .budget_ms = 60, .memory_bytes_max = 1};
    struct place p;
    struct ds_error err = {0};
    struct ds_appender_stats s = {0};
    (void)state;

    place_init(&p);
    struct dsi_appender *a = open_appender(p.table, &o);
    p.mood.away = UINT32_MAX;
    assert_int_equal(write_id(a, 0, NULL, &err), DS_OK);
    assert_int_equal(write_id(a, 1, NULL, &err), DS_ENOTFOUND);
    struct ArrowArray array = test_rows(2, 3);
    assert_int_equal(dsi_appender_write(a, test_arrow_schema(), &array, NULL, &err),
                     DS_ENOTFOUND);
    assert_null(array.release); // It has no use for it later on.
    assert_int_equal(dsi_appender_stats(a, &s, &err), DS_OK);
    assert_true(s.blocked_us > 0);
    assert_int_equal(dsi_appender_close(a, -1, &err), DS_ENOTFOUND);
    assert_int_equal(rows_back(a, DS_NOT_COMMITTED), 1);
    dsi_appender_free(a);
    assert_table(&p, 0, 5, 0);
    place_release(&p);
}

// Memory is full with a large row that came while the first ones were being committed.
struct full {
    struct dsi_appender *appender;
    int large;    // What became of that row,
    int callback; // and of the one that the callback handed over.
};

static void fill_memory(void *arg, const char *where)
{
    static uint8_t text[1 << 16];
    struct full *f = arg;
    struct ds_cell cells[2] = {{.kind = DS_CELL_INT, .as.integer = 10},
                               {.kind = DS_CELL_TEXT, .as.bytes = {text, sizeof text}}};
    if (strcmp(where, "swap") == 0 && f->large == DS_EINVALID) {
        memset(text, 'r', sizeof text);
        f->large = dsi_appender_write_row(f->appender, cells, 2, NULL, NULL);
    }
}

static void write_when_told(void *arg, const struct ds_appender_ack *ack)
{
    struct full *f = arg;
    if (ack->first_ticket == 1) {
        f->callback = write_id(f->appender, 11, NULL, NULL);
    }
}

// The thread that would make room is the one that is in the callback.
static void test_appender_room__nobody_waits_for_room_in_a_callback(void **state)
{
    struct full full = {.large = DS_EINVALID, .callback = DS_OK};
    const struct ds_appender_options o = {.struct_size = sizeof o,
                                          .batch_ms = -1,
                                          .batch_rows_max = 10,
                                          .memory_bytes_max = 20000,
                                          .ack = write_when_told,
                                          .ack_arg = &full};
    struct place p;
    struct ds_error err = {0};
    (void)state;

    place_init(&p);
    full.appender = open_appender(p.table, &o);
    p.catalog.fate = NULL;
    p.catalog.step = fill_memory;
    p.catalog.arg = &full;
    assert_int_equal(write_ids(full.appender, 0, 10, NULL, &err), DS_OK);
    assert_int_equal(dsi_appender_wait(full.appender, 1, -1, &err), DS_OK);
    assert_int_equal(dsi_appender_flush(full.appender, -1, &err), DS_OK);
    assert_int_equal(dsi_appender_close(full.appender, -1, &err), DS_OK);
    assert_int_equal(full.large, DS_OK);
    assert_int_equal(full.callback, DS_ETIMEOUT);
    dsi_appender_free(full.appender);
    p.catalog.step = NULL;
    assert_table(&p, 0, 11, 1);
    assert_table(&p, 11, 12, 0);
    place_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appender_room__commits_what_fills_the_memory),
        cmocka_unit_test(test_appender_room__tells_those_who_wait_for_room_of_its_end),
        cmocka_unit_test(test_appender_room__nobody_waits_for_room_in_a_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
