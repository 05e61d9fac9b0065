// Where the appender cuts its commits, and how many hand-overs share one.
#include <pthread.h>
#include <sched.h>

#include "appender_fixture.h"
#include "base/text.h"
#include "txn/appender_run.h"
#include "txn/housekeeper.h"
#include "txn/tidy.h"

// Commits, as the callback saw them.
struct cuts {
    uint64_t rows[64];
    uint64_t last[64];
    size_t count;
    int64_t waited_us_max;
    pthread_mutex_t mutex;
};

static void note(void *arg, const struct ds_appender_ack *ack)
{
    struct cuts *c = arg;
    pthread_mutex_lock(&c->mutex);
    if (c->count < 64) {
        c->rows[c->count] = ack->rows;
        c->last[c->count] = ack->last_ticket;
        c->count++;
    }
    c->waited_us_max =
        ack->waited_us > c->waited_us_max ? ack->waited_us : c->waited_us_max;
    pthread_mutex_unlock(&c->mutex);
}

struct scene {
    struct dsi_catalog catalog;
    struct dsi_table *table;
    struct cuts cuts;
    struct ds_appender_options options;
    struct dsi_appender *appender;
    struct ds_error err;
};

static void scene_init(struct scene *s)
{
    *s = (struct scene){.cuts.mutex = PTHREAD_MUTEX_INITIALIZER,
                        .options = {.struct_size = sizeof s->options}};
    catalog_init(&s->catalog);
    s->table = test_create(&s->catalog, NULL, 0);
    s->options.ack = note;
    s->options.ack_arg = &s->cuts;
    s->options.batch_ms = -1;
}

static void scene_close(struct scene *s)
{
    assert_int_equal(dsi_appender_close(s->appender, -1, &s->err), DS_OK);
    dsi_appender_free(s->appender);
}

static void scene_release(struct scene *s)
{
    dsi_table_free(s->table);
    catalog_release(&s->catalog);
}

static void test_appender_run__cuts_by_rows(void **state)
{
    struct scene s;
    (void)state;

    scene_init(&s);
    s.options.batch_rows_max = 10;
    s.appender = open_appender(s.table, &s.options);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(write_ids(s.appender, i * 5, 5, NULL, &s.err), DS_OK);
    }
    assert_int_equal(dsi_appender_wait(s.appender, 8, -1, &s.err), DS_OK);
    scene_close(&s);
    assert_int_equal(s.cuts.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(s.cuts.rows[i], 10);
        assert_int_equal(s.cuts.last[i], 2 * i + 2);
    }
    scene_release(&s);
}

static void test_appender_run__cuts_by_bytes(void **state)
{
    struct scene s;
    (void)state;

    scene_init(&s);
    s.options.batch_bytes_max = 1; // Every hand-over is more.
    s.appender = open_appender(s.table, &s.options);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(write_ids(s.appender, i * 5, 5, NULL, &s.err), DS_OK);
    }
    assert_int_equal(dsi_appender_wait(s.appender, 3, -1, &s.err), DS_OK);
    scene_close(&s);
    assert_int_equal(s.cuts.count, 3);
    scene_release(&s);
}

static void test_appender_run__cuts_by_time(void **state)
{
    struct scene s;
    (void)state;

    scene_init(&s);
    s.options.batch_ms = 30;
    s.appender = open_appender(s.table, &s.options);
    assert_int_equal(write_id(s.appender, 1, NULL, &s.err), DS_OK);
    assert_int_equal(dsi_appender_wait(s.appender, 1, 0, &s.err), DS_ETIMEOUT);
    assert_int_equal(dsi_appender_wait(s.appender, 1, -1, &s.err), DS_OK);
    scene_close(&s);
    assert_true(s.cuts.waited_us_max >= 30000);
    scene_release(&s);
}

static void test_appender_run__waits_for_a_flush_without_time(void **state)
{
    struct scene s;
    (void)state;

    scene_init(&s);
    s.appender = open_appender(s.table, &s.options);
    for (int i = 0; i < 30; i++) {
        int rc = i % 3 ? write_id(s.appender, i, NULL, &s.err)
                       : write_ids(s.appender, i, 1, NULL, &s.err);
        assert_int_equal(rc, DS_OK);
    }
    assert_int_equal(dsi_appender_wait(s.appender, 1, 80, &s.err), DS_ETIMEOUT);
    assert_int_equal(dsi_appender_flush(s.appender, -1, &s.err), DS_OK);
    scene_close(&s);
    assert_int_equal(s.cuts.count, 1); // All of them together.
    assert_int_equal(s.cuts.rows[0], 30);
    scene_release(&s);
}

static void test_appender_run__commits_the_rest_at_the_end(void **state)
{
    static uint8_t seen[IDS_MAX];
    struct scene s;
    (void)state;

    scene_init(&s);
    s.appender = open_appender(s.table, &s.options);
    for (int i = 0; i < 9000; i++) { // More than wait loosely.
        assert_int_equal(write_id(s.appender, i, NULL, &s.err), DS_OK);
    }
    scene_close(&s);
    assert_int_equal(s.cuts.last[s.cuts.count - 1], 9000);
    assert_null(count_ids(&s.catalog, seen));
    for (int i = 0; i < 9000; i++) {
        assert_int_equal(seen[i], 1);
    }
    scene_release(&s);
}

// The table's columns change while rows come in: batches by the old ones and by the new
// ones are both taken, and no commit mixes them.
static void test_appender_run__goes_with_the_table(void **state)
{
    static uint8_t seen[IDS_MAX];
    struct scene s;
    struct dsi_change *change = NULL;
    (void)state;

    scene_init(&s);
    s.options.batch_ms = 1;
    s.appender = open_appender(s.table, &s.options);
    assert_int_equal(write_ids(s.appender, 0, 5, NULL, &s.err), DS_OK);
    assert_int_equal(dsi_appender_flush(s.appender, -1, &s.err), DS_OK);
    const struct dsi_state *at = dsi_table_state(s.table);
    assert_int_equal(dsi_change_new(at, NULL, &change, NULL), DS_OK);
    dsi_state_unref(at);
    assert_int_equal(dsi_change_set_property(change, "write.parquet.compression-codec",
                                             "snappy", NULL),
                     DS_OK);
    assert_int_equal(dsi_commit(s.table, change, NULL, NULL, &s.err), DS_OK);
    dsi_change_free(change);
    for (int i = 5; i < 50; i += 5) {
        assert_int_equal(write_ids(s.appender, i, 5, NULL, &s.err), DS_OK);
        assert_int_equal(dsi_appender_flush(s.appender, -1, &s.err), DS_OK);
    }
    const struct dsi_metadata *m = dsi_table_metadata(s.table);
    assert_true(dsi_intake_suits(s.appender->intake, m));
    dsi_metadata_unref(m);
    scene_close(&s);
    assert_null(count_ids(&s.catalog, seen));
    for (int i = 0; i < 50; i++) {
        assert_int_equal(seen[i], 1);
    }
    scene_release(&s);
}

// So many data files the head has.
static int64_t live_files(struct dsi_table *t)
{
    int64_t n = -1;
    assert_int_equal(dsi_table_refresh(t, NULL), DS_OK);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    const char *text =
        dsi_snapshot_summary(dsi_metadata_current_snapshot(m), "total-data-files");
    assert_true(dsi_text_to_i64(text, strlen(text), &n));
    dsi_metadata_unref(m);
    return n;
}

// Waits until the first row is loose no more. The last ones may be, if the thread is quick.
static bool first_is_written(struct dsi_appender *a)
{
    int64_t until = dsi_clock_monotonic_ns() + INT64_C(20000000000);
    bool written = false;
    while (!written && dsi_clock_monotonic_ns() < until) {
        sched_yield();
        dsi_mutex_lock(a->mutex);
        written = a->loose.first_ticket != 1;
        dsi_mutex_unlock(a->mutex);
    }
    return written;
}

static void test_appender_run__writes_large_rows_together_when_they_are_many(void **state)
{
    static uint8_t text[1 << 16];
    struct ds_cell cells[2] = {{.kind = DS_CELL_INT, .as.integer = 1},
                               {.kind = DS_CELL_TEXT, .as.bytes = {text, sizeof text}}};
    struct scene s;
    (void)state;

    memset(text, 'r', sizeof text);
    scene_init(&s);
    s.appender = open_appender(s.table, &s.options);
    for (size_t bytes = 0; bytes <= DSI_LOOSE_BYTES_MAX; bytes += sizeof text) {
        assert_int_equal(dsi_appender_write_row(s.appender, cells, 2, NULL, &s.err),
                         DS_OK);
    }
    assert_true(first_is_written(s.appender));
    scene_close(&s);
    scene_release(&s);
}

// One by one, rows become a batch before they are too many, with nobody asking for it.
static void
test_appender_run__writes_single_rows_together_when_there_are_many(void **state)
{
    struct scene s;
    (void)state;

    scene_init(&s);
    s.appender = open_appender(s.table, &s.options);
    for (int64_t id = 0; id <= DSI_LOOSE_ROWS_MAX; id++) {
        assert_int_equal(write_id(s.appender, id, NULL, &s.err), DS_OK);
    }
    assert_true(first_is_written(s.appender));
    scene_close(&s);
    scene_release(&s);
}

static void test_appender_run__merges_what_it_left_when_it_is_idle(void **state)
{
    static const struct ds_property on[] = {{DSI_KEY_MERGE_SMALL_FILES, "true"}};
    static uint8_t seen[IDS_MAX];
    struct scene s;
    int64_t id = 0;
    (void)state;

    scene_init(&s);
    dsi_table_free(s.table);
    free(s.catalog.head);
    s.catalog.head = NULL;
    s.table = test_create(&s.catalog, on, 1);
    s.appender = open_appender(s.table, &s.options);
    // A loaded machine may be too slow to read as many files as are worth it at once.
    while (id < 16 || (live_files(s.table) == id && id < 100)) {
        assert_int_equal(write_id(s.appender, id++, NULL, &s.err), DS_OK);
        assert_int_equal(dsi_appender_flush(s.appender, -1, &s.err), DS_OK);
        while (dsi_housekeeper_is_busy(s.table)) {
            sched_yield();
        }
    }
    assert_in_range(live_files(s.table), 1, id - 1);
    scene_close(&s);
    assert_null(count_ids(&s.catalog, seen));
    for (int i = 0; i < id; i++) {
        assert_int_equal(seen[i], 1);
    }
    scene_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appender_run__cuts_by_rows),
        cmocka_unit_test(test_appender_run__cuts_by_bytes),
        cmocka_unit_test(test_appender_run__cuts_by_time),
        cmocka_unit_test(test_appender_run__waits_for_a_flush_without_time),
        cmocka_unit_test(test_appender_run__commits_the_rest_at_the_end),
        cmocka_unit_test(test_appender_run__goes_with_the_table),
        cmocka_unit_test(
            test_appender_run__writes_large_rows_together_when_they_are_many),
        cmocka_unit_test(
            test_appender_run__writes_single_rows_together_when_there_are_many),
        cmocka_unit_test(test_appender_run__merges_what_it_left_when_it_is_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
