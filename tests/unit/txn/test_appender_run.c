// Where the appender cuts its commits, and how many hand-overs share one.
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "appender_fixture.h"
#include "base/alloc.h"
#include "base/pool.h"
#include "base/text.h"
#include "storage/storage_watch.h"
#include "txn/appender_run.h"
#include "txn/housekeeper.h"
#include "txn/tidy.h"

// Commits, as the callback saw them.
struct cuts {
    uint64_t rows[64];
    uint64_t first[64];
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
        c->first[c->count] = ack->first_ticket;
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

// Waits until something is so inside, for so long.
static bool comes_true_in(struct dsi_appender *a, int64_t ns,
                          bool (*is)(const struct dsi_appender *a))
{
    int64_t until = dsi_clock_monotonic_ns() + ns;
    bool yes = false;
    while (!yes && dsi_clock_monotonic_ns() < until) {
        sched_yield();
        dsi_mutex_lock(a->mutex);
        yes = is(a);
        dsi_mutex_unlock(a->mutex);
    }
    return yes;
}

static bool comes_true(struct dsi_appender *a, bool (*is)(const struct dsi_appender *a))
{
    return comes_true_in(a, INT64_C(20000000000), is);
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
    struct ds_appender_stats stats = {0};
    struct scene s;
    (void)state;

    scene_init(&s);
    s.options.batch_bytes_max = 1; // Every hand-over is more.
    for (int run = 0; run < 2; run++) {
        s.cuts.count = 0;
        s.appender = open_appender(s.table, &s.options);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(write_ids(s.appender, i * 5, 5, NULL, &s.err), DS_OK);
        }
        assert_int_equal(dsi_appender_wait(s.appender, 3, -1, &s.err), DS_OK);
        assert_int_equal(dsi_appender_stats(s.appender, &stats, &s.err), DS_OK);
        scene_close(&s);
        assert_int_equal(s.cuts.count, 3);
        s.options.batch_bytes_max = (int64_t)stats.bytes_accepted / 3; // As much.
    }
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

// What is not committed yet is not acknowledged, whatever was handed over before it.
static void test_appender_run__acknowledges_no_more_than_it_commits(void **state)
{
    struct scene s;
    (void)state;

    scene_init(&s);
    s.options.batch_rows_max = 10;
    s.appender = open_appender(s.table, &s.options);
    assert_int_equal(write_ids(s.appender, 0, 10, NULL, &s.err), DS_OK);
    assert_int_equal(write_ids(s.appender, 10, 5, NULL, &s.err), DS_OK);
    assert_int_equal(dsi_appender_wait(s.appender, 1, -1, &s.err), DS_OK);
    assert_int_equal(dsi_appender_wait(s.appender, 2, 0, &s.err), DS_ETIMEOUT);
    scene_close(&s);
    scene_release(&s);
}

// From when the oldest was handed over, one by one or in a batch.
static void test_appender_run__tells_how_long_rows_waited(void **state)
{
    (void)state;
    for (int batch = 0; batch < 2; batch++) {
        struct ds_appender_stats stats = {0};
        struct scene s;
        test_clock_skips();
        scene_init(&s);
        s.appender = open_appender(s.table, &s.options);
        int64_t start = dsi_clock_monotonic_ns();
        assert_int_equal(batch ? write_ids(s.appender, 0, 1, NULL, &s.err)
                               : write_id(s.appender, 0, NULL, &s.err),
                         DS_OK);
        test_skipped_ns += INT64_C(3600000000000);
        assert_int_equal(write_ids(s.appender, 1, 1, NULL, &s.err), DS_OK);
        assert_int_equal(dsi_appender_flush(s.appender, -1, &s.err), DS_OK);
        assert_int_equal(dsi_appender_stats(s.appender, &stats, &s.err), DS_OK);
        int64_t lag_us = stats.lag_us;
        assert_in_range(lag_us, 3600000000, (dsi_clock_monotonic_ns() - start) / 1000);
        start = dsi_clock_monotonic_ns();
        assert_int_equal(write_ids(s.appender, 2, 1, NULL, &s.err), DS_OK);
        assert_int_equal(dsi_appender_flush(s.appender, -1, &s.err), DS_OK);
        assert_int_equal(dsi_appender_stats(s.appender, &stats, &s.err), DS_OK);
        assert_in_range(stats.lag_us, 0, (dsi_clock_monotonic_ns() - start) / 1000);
        assert_int_equal(stats.lag_us_max, lag_us);
        assert_int_equal(stats.commits, 2);
        scene_close(&s);
        assert_int_equal(s.cuts.waited_us_max, lag_us);
        scene_release(&s);
        dsi_clock_set(NULL);
    }
}

// The table's columns change while rows come in: batches by the old ones and by the new
// ones are both taken, and no commit mixes them.
static void set_codec(struct dsi_table *t)
{
    struct dsi_change *change = test_blank(t, NULL);
    assert_int_equal(dsi_change_set_property(change, "write.parquet.compression-codec",
                                             "snappy", NULL),
                     DS_OK);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    dsi_change_free(change);
}

static void test_appender_run__goes_with_the_table(void **state)
{
    static uint8_t seen[IDS_MAX];
    struct scene s;
    (void)state;

    scene_init(&s);
    s.options.batch_ms = 1;
    s.appender = open_appender(s.table, &s.options);
    assert_int_equal(write_ids(s.appender, 0, 5, NULL, &s.err), DS_OK);
    assert_int_equal(dsi_appender_flush(s.appender, -1, &s.err), DS_OK);
    set_codec(s.table);
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

// Somebody who changes the table once, during a swap.
struct change_of_table {
    struct scene *scene;
    bool done;
    bool mixed;
};

// While rows are committed another one changes the table, and two rows come alone.
static void change_for_loose(void *arg, const char *where)
{
    struct change_of_table *c = arg;
    if (strcmp(where, "swap") == 0 && !c->done) {
        c->done = true;
        struct dsi_table *other = test_open(&c->scene->catalog);
        set_codec(other);
        dsi_table_free(other);
        assert_int_equal(write_id(c->scene->appender, 5, NULL, NULL), DS_OK);
        assert_int_equal(write_id(c->scene->appender, 6, NULL, NULL), DS_OK);
    }
}

static void test_appender_run__rows_alone_outlive_a_change_of_the_table(void **state)
{
    static uint8_t seen[IDS_MAX];
    struct scene s;
    (void)state;

    scene_init(&s);
    struct change_of_table c = {&s, false, false};
    s.options.batch_rows_max = 5;
    s.appender = open_appender(s.table, &s.options);
    s.catalog.step = change_for_loose;
    s.catalog.arg = &c;
    assert_int_equal(write_ids(s.appender, 0, 5, NULL, &s.err), DS_OK);
    assert_int_equal(dsi_appender_wait(s.appender, 1, -1, &s.err), DS_OK);
    dsi_mutex_lock(s.appender->mutex);
    assert_ptr_not_equal(s.appender->loose.intake, s.appender->intake);
    assert_int_equal(s.appender->loose.first_ticket, 2);
    dsi_mutex_unlock(s.appender->mutex);
    assert_int_equal(write_id(s.appender, 7, NULL, &s.err), DS_OK);
    scene_close(&s);
    assert_null(count_ids(&s.catalog, seen));
    for (int i = 0; i < 8; i++) {
        assert_int_equal(seen[i], 1);
    }
    scene_release(&s);
}

// The second commit waits for its turn, and rows of the third are written.
static bool two_are_on_their_way(const struct dsi_appender *a)
{
    return a->sealed && a->open_ns != DSI_APPENDER_FOR_EVER;
}

static bool all_is_written(const struct dsi_appender *a)
{
    return !a->head;
}

// While the first commit is under way another one changes the table, and rows come for
// the next two. One more comes as soon as the first is acknowledged: it is of the table
// as it is by then.
static void change_table(void *arg, const char *where)
{
    struct change_of_table *c = arg;
    if (strcmp(where, "swap") == 0 && !c->done) {
        c->done = true;
        struct dsi_table *other = test_open(&c->scene->catalog);
        set_codec(other);
        dsi_table_free(other);
        assert_int_equal(write_ids(c->scene->appender, 5, 5, NULL, NULL), DS_OK);
        assert_int_equal(write_ids(c->scene->appender, 10, 3, NULL, NULL), DS_OK);
        assert_true(comes_true(c->scene->appender, two_are_on_their_way));
    }
}

static void write_after_first(void *arg, const struct ds_appender_ack *ack)
{
    struct change_of_table *c = arg;
    note(&c->scene->cuts, ack);
    if (ack->first_ticket == 1) {
        struct dsi_appender *a = c->scene->appender;
        assert_int_equal(write_ids(a, 13, 1, NULL, NULL), DS_OK);
        c->mixed = comes_true_in(a, INT64_C(20000000), all_is_written);
    }
}

static void test_appender_run__rows_of_two_tables_share_no_commit(void **state)
{
    static uint8_t seen[IDS_MAX];
    struct scene s;
    (void)state;

    scene_init(&s);
    struct change_of_table c = {&s, false, false};
    s.options.batch_rows_max = 5;
    s.options.ack = write_after_first;
    s.options.ack_arg = &c;
    s.appender = open_appender(s.table, &s.options);
    s.catalog.step = change_table;
    s.catalog.arg = &c;
    assert_int_equal(write_ids(s.appender, 0, 5, NULL, &s.err), DS_OK);
    assert_int_equal(dsi_appender_wait(s.appender, 1, -1, &s.err), DS_OK);
    assert_int_equal(dsi_appender_wait(s.appender, 3, -1, &s.err), DS_OK);
    scene_close(&s);
    assert_false(c.mixed);
    assert_int_equal(s.cuts.count, 4);
    assert_null(count_ids(&s.catalog, seen));
    for (int i = 0; i < 14; i++) {
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

// The last ones may be loose, if the thread is quick.
static bool first_is_written(const struct dsi_appender *a)
{
    return a->loose.first_ticket != 1;
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
    assert_true(comes_true(s.appender, first_is_written));
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
    assert_true(comes_true(s.appender, first_is_written));
    scene_close(&s);
    scene_release(&s);
}

static bool is_tidy(const struct dsi_appender *a)
{
    return !a->untidy;
}

static void test_appender_run__looks_for_small_files_once_after_a_commit(void **state)
{
    struct scene s;
    (void)state;

    scene_init(&s);
    s.appender = open_appender(s.table, &s.options);
    assert_int_equal(write_id(s.appender, 1, NULL, &s.err), DS_OK);
    assert_int_equal(dsi_appender_flush(s.appender, -1, &s.err), DS_OK);
    assert_true(comes_true(s.appender, is_tidy));
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

// --- what fails

static bool has_failed(const struct dsi_appender *a)
{
    return a->failure != DS_OK;
}

// The file of the second commit is begun to be finished before the first one fails, and
// is finished after it, when the catalog is back.
struct slow_file {
    struct scene *scene;
    struct mood mood;
    pthread_t writing;
    atomic_int begun;
};

static void fail_late(void *arg, const char *where)
{
    struct slow_file *f = arg;
    while (atomic_load(&f->begun) < 2) {
        sched_yield();
    }
    mood_step(&f->mood, where);
}

static int finish_late(void *arg, const struct dsi_storage_event *e, struct ds_error *err)
{
    struct slow_file *f = arg;
    (void)err;
    if (e->after || strcmp(e->call, "finish") != 0 ||
        (atomic_load(&f->begun) > 0 && !pthread_equal(pthread_self(), f->writing))) {
        return DS_OK;
    }
    if (atomic_load(&f->begun) == 0) {
        f->writing = pthread_self();
    }
    if (atomic_fetch_add(&f->begun, 1) == 1) {
        assert_true(comes_true(f->scene->appender, has_failed));
        mood_end(&f->mood);
    }
    return DS_OK;
}

static void test_appender_run__commits_nothing_after_a_failure(void **state)
{
    static uint8_t seen[IDS_MAX];
    ds_storage *watched = NULL;
    struct scene s;
    (void)state;

    scene_init(&s);
    struct slow_file slow = {.scene = &s};
    dsi_table_free(s.table);
    assert_int_equal(
        dsi_storage_watch_new(s.catalog.storage, finish_late, &slow, &watched, NULL),
        DS_OK);
    s.catalog.storage = watched;
    s.table = test_open(&s.catalog);
    s.options.batch_rows_max = 2000; // So many are written to files at once.
    s.options.budget_ms = 30;
    s.appender = open_appender(s.table, &s.options);
    slow.mood = (struct mood){.catalog = &s.catalog, .away = UINT32_MAX};
    s.catalog.step = fail_late;
    s.catalog.arg = &slow;
    assert_int_equal(write_ids(s.appender, 0, 2000, NULL, &s.err), DS_OK);
    assert_int_equal(write_ids(s.appender, 2000, 2000, NULL, &s.err), DS_OK);
    assert_int_equal(dsi_appender_close(s.appender, -1, &s.err), DS_ENOTFOUND);
    assert_int_equal(slow.begun, 2);
    assert_int_equal(dsi_appender_wait(s.appender, 2, -1, &s.err), DS_ENOTFOUND);
    dsi_appender_free(s.appender);
    assert_null(count_ids(&s.catalog, seen));
    for (int i = 0; i < 4000; i++) {
        assert_int_equal(seen[i], 0);
    }
    scene_release(&s);
}

// --- without memory

// While it is scarce, only the thread that said so gets any.
static atomic_bool scarce;
static pthread_t fed;

static bool has_none(void)
{
    return atomic_load(&scarce) && !pthread_equal(pthread_self(), fed);
}

static void *scarce_malloc(size_t size)
{
    return has_none() ? NULL : malloc(size);
}

static void *scarce_calloc(size_t count, size_t size)
{
    return has_none() ? NULL : calloc(count, size);
}

static void *scarce_realloc(void *p, size_t size)
{
    return has_none() ? NULL : realloc(p, size);
}

static void *scarce_map(size_t size)
{
    return has_none() ? NULL : malloc(size);
}

static void give_up(void *p, size_t size)
{
    (void)size;
    free(p);
}

static void lend_nothing(void *p, size_t size)
{
    (void)p;
    (void)size;
}

static const struct dsi_memory_ops scarcity = {
    scarce_malloc, scarce_calloc, scarce_realloc, free,
    scarce_map,    give_up,       lend_nothing};

// A row is acknowledged, and from then on the threads get no memory.
static void starve(struct scene *s)
{
    fed = pthread_self();
    dsi_pool_empty(); // What it keeps is of another table.
    dsi_memory_set(&scarcity);
    scene_init(s);
}

static void begin_to_starve(struct scene *s)
{
    s->appender = open_appender(s->table, &s->options);
    assert_int_equal(write_id(s->appender, 0, NULL, &s->err), DS_OK);
    assert_int_equal(dsi_appender_flush(s->appender, -1, &s->err), DS_OK);
    assert_true(comes_true(s->appender, is_tidy));
    atomic_store(&scarce, true);
    assert_int_equal(write_ids(s->appender, 1, 3, NULL, &s->err), DS_OK);
}

static void end_starving(struct scene *s)
{
    scene_release(s);
    dsi_pool_empty();
    dsi_memory_set(NULL);
}

static void test_appender_run__fails_when_it_has_no_memory_for_too_long(void **state)
{
    (void)state;
    for (int closed = 0; closed < 2; closed++) { // By its budget, and by the end of it.
        struct ds_appender_stats stats = {0};
        struct scene s;
        starve(&s);
        s.options.budget_ms = closed ? 0 : 60;
        begin_to_starve(&s);
        assert_int_equal(closed ? dsi_appender_close(s.appender, 20, &s.err)
                                : dsi_appender_flush(s.appender, -1, &s.err),
                         DS_ENOMEM);
        atomic_store(&scarce, false);
        assert_int_equal(dsi_appender_close(s.appender, -1, &s.err), DS_ENOMEM);
        assert_int_equal(dsi_appender_wait(s.appender, 1, 0, &s.err), DS_OK);
        assert_int_equal(dsi_appender_stats(s.appender, &stats, &s.err), DS_OK);
        assert_int_equal(stats.failures, 1);
        assert_int_equal(stats.last_error.status, DS_ENOMEM);
        dsi_appender_free(s.appender);
        assert_int_equal(s.cuts.count, 2); // All of them are told.
        assert_true(s.cuts.first[1] == 2 && s.cuts.last[1] == 2 && s.cuts.rows[1] == 3);
        end_starving(&s);
    }
}

static bool is_starved(const struct dsi_appender *a)
{
    return a->starved_ns >= 0;
}

static bool is_fed(const struct dsi_appender *a)
{
    return !is_starved(a);
}

static void test_appender_run__goes_on_when_there_is_memory_again(void **state)
{
    static uint8_t seen[IDS_MAX];
    struct scene s;
    (void)state;

    starve(&s);
    begin_to_starve(&s);
    assert_true(comes_true(s.appender, is_starved));
    atomic_store(&scarce, false);
    assert_int_equal(dsi_appender_flush(s.appender, -1, &s.err), DS_OK);
    assert_true(comes_true(s.appender, is_fed)); // Or it would fail later on.
    scene_close(&s);
    assert_null(count_ids(&s.catalog, seen));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(seen[i], 1);
    }
    end_starving(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appender_run__cuts_by_rows),
        cmocka_unit_test(test_appender_run__cuts_by_bytes),
        cmocka_unit_test(test_appender_run__cuts_by_time),
        cmocka_unit_test(test_appender_run__waits_for_a_flush_without_time),
        cmocka_unit_test(test_appender_run__commits_the_rest_at_the_end),
        cmocka_unit_test(test_appender_run__acknowledges_no_more_than_it_commits),
        cmocka_unit_test(test_appender_run__tells_how_long_rows_waited),
        cmocka_unit_test(test_appender_run__goes_with_the_table),
        cmocka_unit_test(test_appender_run__rows_alone_outlive_a_change_of_the_table),
        cmocka_unit_test(test_appender_run__rows_of_two_tables_share_no_commit),
        cmocka_unit_test(
            test_appender_run__writes_large_rows_together_when_they_are_many),
        cmocka_unit_test(
            test_appender_run__writes_single_rows_together_when_there_are_many),
        cmocka_unit_test(test_appender_run__looks_for_small_files_once_after_a_commit),
        cmocka_unit_test(test_appender_run__merges_what_it_left_when_it_is_idle),
        cmocka_unit_test(test_appender_run__commits_nothing_after_a_failure),
        cmocka_unit_test(test_appender_run__fails_when_it_has_no_memory_for_too_long),
        cmocka_unit_test(test_appender_run__goes_on_when_there_is_memory_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
