#include "unit/api/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/api_handle.h"
#include "datashard/stats.h"
#include "root_fixture.h"
#include "storage/storage_queue.h"

static ds_table *make_table(void)
{
    struct ds_table_spec spec = {.struct_size = sizeof spec,
                                 .schema_json = FIXTURE_SCHEMA};
    struct ds_error err = {0};
    ds_table *table = NULL;
    assert_int_equal(ds_table_create(storage_root_path(&root, "t"), &spec, &table, &err),
                     DS_OK);
    return table;
}

// The queue of a table, as its writers open it.
static struct dsi_queue *open_queue(ds_table *table)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_queue *q = NULL;
    char *path = NULL;
    assert_int_equal(dsi_catalog_queue_path(dsi_table_catalog(table->table),
                                            dsi_table_name(table->table), &arena, &path,
                                            NULL),
                     DS_OK);
    assert_non_null(path);
    unlink(path); // Of the commit that made the table, if there was one.
    assert_int_equal(dsi_queue_open(path, &q, NULL), DS_OK);
    dsi_arena_release(&arena);
    return q;
}

static void count_wait(struct dsi_queue_counters *c, int64_t us, uint64_t times)
{
    c->wait_bins[dsi_queue_bin_of(us)] += times;
    c->wait_us += (uint64_t)us * times;
    c->wait_us_max = (uint64_t)us > c->wait_us_max ? (uint64_t)us : c->wait_us_max;
}

static void test_api_stats__is_all_zero_without_a_queue(void **state)
{
    struct ds_table_stats stats = {.struct_size = sizeof stats, .commits = 7};
    struct fixture f;
    (void)state;

    fixture_init(&f, NULL); // In memory: nobody meets there.
    assert_int_equal(ds_table_stats(f.table, &stats, &f.err), DS_OK);
    assert_int_equal(stats.has_queue, 0);
    assert_int_equal(stats.commits, 0);
    assert_int_equal(stats.slots, 0);
    assert_true(stats.at_ms > 0);
    assert_int_equal(stats.struct_size, sizeof stats);
    fixture_release(&f);
}

static void test_api_stats__shows_what_the_queue_counts(void **state)
{
    struct ds_table_stats stats = {.struct_size = sizeof stats};
    struct dsi_queue_counters c;
    struct ds_error err = {0};
    const struct dsi_uuid id = dsi_uuid_v4();
    struct dsi_ticket t;
    (void)state;

    ds_table *table = make_table();
    struct dsi_queue *q = open_queue(table);
    memset(&c, 0, sizeof c);
    c.groups = 3;
    c.appends = 200;
    c.rows = 1000;
    c.bytes = 70000;
    c.swaps = 5;
    c.lost = 2;
    c.found = 1;
    c.alone = 4;
    c.failed = 6;
    c.round_us = 900;
    c.round_us_max = 400;
    c.size_bins[dsi_queue_size_bin_of(198)] = 1;
    c.size_bins[0] = 2;
    count_wait(&c, 90, 150);
    count_wait(&c, 950, 49);
    count_wait(&c, 7777, 1);
    assert_true(dsi_queue_try_lead(q));
    dsi_queue_count(q, &c);
    assert_int_equal(
        dsi_queue_publish(q, &id, (struct ds_slice){(const uint8_t *)"x", 1}, &t, NULL),
        DS_OK);

    assert_int_equal(ds_table_stats(table, &stats, &err), DS_OK);
    assert_int_equal(stats.has_queue, 1);
    assert_int_equal(stats.commits, 3);
    assert_int_equal(stats.appends, 200);
    assert_int_equal(stats.rows, 1000);
    assert_int_equal(stats.bytes, 70000);
    assert_int_equal(stats.swaps, 5);
    assert_int_equal(stats.lost, 2);
    assert_int_equal(stats.found, 1);
    assert_int_equal(stats.alone, 4);
    assert_int_equal(stats.failed, 6);
    assert_int_equal(stats.leaders, 1);
    assert_int_equal(stats.takeovers, 0);
    assert_int_equal(stats.rounds_us, 900);
    assert_int_equal(stats.round_us_max, 400);
    assert_int_equal(stats.group_bins[0], 2);
    assert_int_equal(stats.group_bins[8], 1);
    assert_int_equal(stats.wait_us, 150 * 90 + 49 * 950 + 7777);
    assert_int_equal(stats.wait_us_p50, 100); // To the end of its bin.
    assert_int_equal(stats.wait_us_p99, 1000);
    assert_int_equal(stats.wait_us_max, 7777);
    assert_int_equal(stats.leader_pid, getpid());
    assert_int_equal(stats.queue_waiting, 1);
    assert_int_equal(stats.queue_claimed, 0);
    assert_int_equal(stats.slots_used, 1);
    assert_int_equal(stats.slots, 256);
    assert_true(stats.since_ms > 0 && stats.at_ms >= stats.since_ms);

    // An older program knows less of it.
    struct ds_table_stats older = {.struct_size = offsetof(struct ds_table_stats, rows)};
    older.rows = 42;
    assert_int_equal(ds_table_stats(table, &older, &err), DS_OK);
    assert_int_equal(older.appends, 200);
    assert_int_equal(older.rows, 42);
    older.struct_size = sizeof older + 1;
    assert_int_equal(ds_table_stats(table, &older, &err), DS_EUNSUPPORTED);
    assert_int_equal(ds_table_stats(NULL, &stats, &err), DS_EINVALID);
    assert_int_equal(ds_table_stats(table, NULL, &err), DS_EINVALID);
    dsi_queue_free(q);
    ds_table_free(table);
}

static void test_api_stats__tells_what_happened_between_two_readings(void **state)
{
    struct ds_table_stats before = {.struct_size = sizeof before};
    struct ds_table_stats now = {.struct_size = sizeof now};
    struct ds_table_stats out = {.struct_size = sizeof out};
    struct dsi_queue_counters c;
    struct ds_error err = {0};
    (void)state;

    ds_table *table = make_table();
    struct dsi_queue *q = open_queue(table);
    memset(&c, 0, sizeof c);
    c.groups = 10;
    count_wait(&c, 50000, 100);
    dsi_queue_count(q, &c);
    assert_int_equal(ds_table_stats(table, &before, &err), DS_OK);
    memset(&c, 0, sizeof c);
    c.groups = 2;
    count_wait(&c, 90, 3);
    dsi_queue_count(q, &c);
    assert_int_equal(ds_table_stats(table, &now, &err), DS_OK);
    assert_int_equal(now.commits, 12);
    assert_int_equal(now.wait_us_p50, 50000); // The slow ones are most of them.

    assert_int_equal(ds_stats_between(&before, &now, &out, &err), DS_OK);
    assert_int_equal(out.commits, 2);
    assert_int_equal(out.wait_us, 270);
    assert_int_equal(out.wait_us_p50, 100);
    assert_int_equal(out.wait_us_p99, 100);
    assert_int_equal(out.wait_us_max, 100);
    assert_int_equal(out.elapsed_us, now.clock_us - before.clock_us);
    assert_int_equal(ds_stats_between(&now, &now, &out, &err), DS_OK);
    assert_int_equal(out.commits, 0);
    assert_int_equal(out.wait_us_p99, 0);
    assert_int_equal(out.wait_us_max, 0);

    struct ds_table_stats anew = now; // The file was lost and made again.
    anew.since_ms++;
    anew.commits = 1;
    assert_int_equal(ds_stats_between(&now, &anew, &anew, &err), DS_OK);
    assert_int_equal(anew.commits, 1);
    anew.struct_size = 0;
    assert_int_equal(ds_stats_between(&anew, &now, &out, &err), DS_EINVALID);
    assert_int_equal(ds_stats_between(&now, &anew, &out, &err), DS_EINVALID);
    assert_int_equal(ds_stats_between(&now, &now, &anew, &err), DS_EINVALID);
    assert_int_equal(ds_stats_between(&now, &now, NULL, &err), DS_EINVALID);
    assert_int_equal(ds_stats_between(NULL, &now, &out, &err), DS_EINVALID);
    dsi_queue_free(q);
    ds_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_api_stats__is_all_zero_without_a_queue,
                                        make_root, end_root),
        cmocka_unit_test_setup_teardown(test_api_stats__shows_what_the_queue_counts,
                                        make_root, end_root),
        cmocka_unit_test_setup_teardown(
            test_api_stats__tells_what_happened_between_two_readings, make_root,
            end_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
