#include "txn/relay.h"

#include "append_fixture.h"
#include "base/cancel.h"
#include "base/fault.h"
#include "cancel_asks.h"

enum { BATCHES = 12, ROWS = 100, ROWS_LARGE = 20000 };

// Where batches are released: how often, and whether in one thread.
struct owner {
    pthread_t thread;
    unsigned released;
    unsigned elsewhere;
};

static void count_release(void *source)
{
    struct owner *o = source;
    o->released++;
    o->elsewhere += pthread_equal(pthread_self(), o->thread) == 0;
}

// The rows of another batch, which outlives it.
static struct dsi_batch lend(const struct dsi_batch *from, struct owner *owner)
{
    return (struct dsi_batch){.rows = from->rows,
                              .schema = from->schema,
                              .columns = from->columns,
                              .column_count = from->column_count,
                              .arena = DSI_ARENA_INIT,
                              .release_source = count_release,
                              .source = owner};
}

// All bytes of the one data file that an append wrote.
static struct dsi_buf bytes_of(struct dsi_catalog *c, const struct job *j)
{
    struct dsi_buf out = DSI_BUF_INIT;
    assert_int_equal(j->change->operations[0].file_count, 1);
    const struct dsi_data_file *f = &j->change->operations[0].files[0];
    assert_int_equal(dsi_storage_read(c->storage, f->path, &out, NULL), DS_OK);
    return out;
}

// Twelve batches of so many rows.
static void write_both_ways(size_t rows)
{
    // Pages that are worth a helper.
    static const struct ds_property plain[] = {{"write.parquet.encodings", "plain"}};
    struct dsi_catalog c;
    struct owner owner = {.thread = pthread_self()};
    struct dsi_relay *relay = NULL;
    struct dsi_batch kept[BATCHES];

    struct dsi_table *t = make(&c, NULL, NULL, plain, 1);
    struct job alone = begin(t);
    struct job relayed = begin(t);
    const struct dsi_schema *schema = dsi_append_schema(alone.append);
    assert_int_equal(dsi_relay_new(relayed.append, &relay, NULL), DS_OK);
    for (int64_t i = 0; i < BATCHES; i++) {
        kept[i] = numbers(schema, i * (int64_t)rows, rows, 1);
        struct dsi_batch same = lend(&kept[i], &owner);
        assert_int_equal(dsi_append_batch(alone.append, &kept[i], NULL), DS_OK);
        assert_int_equal(dsi_relay_give(relay, &same, NULL), DS_OK);
        assert_null(same.columns);
        assert_true(owner.released + 4 > (unsigned)i); // (2), the one just given too.
    }
    assert_int_equal(dsi_relay_finish(relay, NULL), DS_OK);
    dsi_relay_free(relay);
    for (size_t i = 0; i < BATCHES; i++) {
        dsi_batch_release(&kept[i]);
    }
    assert_int_equal(owner.released, BATCHES);
    assert_int_equal(owner.elsewhere, 0);
    assert_int_equal(dsi_append_finish(alone.append, NULL), DS_OK);
    assert_int_equal(dsi_append_finish(relayed.append, NULL), DS_OK);
    struct dsi_buf x = bytes_of(&c, &alone);
    struct dsi_buf y = bytes_of(&c, &relayed);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    dsi_buf_release(&x);
    dsi_buf_release(&y);
    dsi_change_discard(alone.change, c.storage);
    dsi_change_discard(relayed.change, c.storage);
    end(&alone);
    end(&relayed);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_relay__writes_what_one_thread_would(void **state)
{
    (void)state;
    write_both_ways(ROWS);
    write_both_ways(ROWS_LARGE); // Both threads compress.
}

static void test_relay__that_is_given_up_ends(void **state)
{
    struct dsi_catalog c;
    struct owner owner = {.thread = pthread_self()};
    struct dsi_relay *relay = NULL;
    (void)state;

    struct dsi_table *t = make(&c, NULL, NULL, NULL, 0);
    struct job j = begin(t);
    assert_int_equal(dsi_relay_new(j.append, &relay, NULL), DS_OK);
    struct dsi_batch kept = numbers(dsi_append_schema(j.append), 0, ROWS, 1);
    for (int64_t i = 0; i < 2; i++) {
        struct dsi_batch b = lend(&kept, &owner);
        assert_int_equal(dsi_relay_give(relay, &b, NULL), DS_OK);
    }
    dsi_relay_free(relay);
    dsi_batch_release(&kept);
    assert_int_equal(owner.released, 2);
    assert_int_equal(owner.elsewhere, 0);
    end(&j);
    assert_int_equal(files_there(&c), 0);
    dsi_relay_free(NULL);
    dsi_table_free(t);
    catalog_release(&c);
}

// Batches through a relay; the first thing that fails.
static int relay_all(struct dsi_append *a, const struct dsi_batch *rows,
                     struct owner *owner, unsigned *given, struct ds_error *err)
{
    struct dsi_relay *relay = NULL;
    int rc = dsi_relay_new(a, &relay, err);

    for (int64_t i = 0; rc == DS_OK && i < 3; i++) {
        struct dsi_batch b = lend(rows, owner);
        ++*given;
        rc = dsi_relay_give(relay, &b, err);
        assert_null(b.columns);
    }
    rc = rc < 0 ? rc : dsi_relay_finish(relay, err);
    dsi_relay_free(relay);
    return rc;
}

// Which point is the n-th is a matter of the two threads; what holds does for each.
static void test_relay__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    struct dsi_catalog c;
    unsigned failures = 0;
    (void)state;

    struct dsi_table *t = make(&c, NULL, NULL, NULL, 0);
    struct job j = begin(t);
    struct dsi_batch rows = numbers(dsi_append_schema(j.append), 0, ROWS, 1);
    while (dsi_fault_next(&plan)) {
        struct owner owner = {.thread = pthread_self()};
        struct ds_error err = {0};
        struct job k = j;
        unsigned given = 0;
        int rc = dsi_append_new(c.storage, j.m, j.change, &k.append, &err);
        rc = rc < 0 ? rc : relay_all(k.append, &rows, &owner, &given, &err);
        rc = rc < 0 ? rc : dsi_append_finish(k.append, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK || err.message[0] != '\0');
        assert_int_equal(owner.released, given);
        assert_int_equal(owner.elsewhere, 0);
        dsi_append_free(k.append);
        failures += rc < 0;
        if (rc < 0) {
            assert_int_equal(files_there(&c), 0);
        }
    }
    print_message("  %u points\n", plan.target);
    assert_true(failures > 30 && failures < plan.target);
    dsi_change_discard(j.change, c.storage);
    assert_int_equal(files_there(&c), 0);
    dsi_batch_release(&rows);
    end(&j);
    dsi_table_free(t);
    catalog_release(&c);
}

// Its thread does not end what it has begun, either.
static void test_relay__ends_with_a_caller_who_cancels(void **state)
{
    enum { MANY = 400000 };
    struct asks asks = {.yes_at = 1};
    struct ds_cancel_scope cancel = {.cancelled = asks_cancelled, .arg = &asks};
    struct dsi_catalog c;
    struct owner owner = {.thread = pthread_self()};
    struct dsi_relay *relay = NULL;
    struct ds_error err = {0};
    int64_t rows = 0;
    uint64_t bytes = 0;
    (void)state;

    struct dsi_table *t = make(&c, NULL, NULL, NULL, 0);
    struct job j = begin(t);
    struct dsi_batch kept = numbers(dsi_append_schema(j.append), 0, MANY, 1);
    assert_int_equal(dsi_relay_new(j.append, &relay, NULL), DS_OK);
    dsi_cancel_begin(&cancel);
    for (int64_t i = 0; i < 2; i++) { // The second may have to wait for the thread.
        struct dsi_batch b = lend(&kept, &owner);
        int rc = dsi_relay_give(relay, &b, &err);
        assert_true(rc == DS_OK || rc == DS_ECANCELLED);
    }
    assert_int_equal(dsi_relay_finish(relay, &err), DS_ECANCELLED);
    assert_int_equal(err.status, DS_ECANCELLED);
    dsi_relay_free(relay);
    dsi_cancel_end(&cancel);
    dsi_append_progress(j.append, &rows, &bytes);
    assert_true(rows < 2 * MANY);
    assert_int_equal(owner.released, 2);
    assert_int_equal(owner.elsewhere, 0);
    dsi_batch_release(&kept);
    end(&j);
    assert_int_equal(files_there(&c), 0);
    dsi_table_free(t);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relay__writes_what_one_thread_would),
        cmocka_unit_test(test_relay__that_is_given_up_ends),
        cmocka_unit_test(test_relay__ends_with_a_caller_who_cancels),
        cmocka_unit_test(test_relay__survives_every_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
