#include "queue_fixture.h"

// What a swap adds that commits ten rows.
static const struct dsi_queue_counters gain = {
    .groups = 1, .rows = 10, .swaps = 2, .lost = 1, .round_us_max = 7};
static const struct dsi_queue_counters none = {0};

static struct dsi_queue_counters counters_of(struct dsi_queue *q)
{
    struct dsi_queue_view view;
    assert_int_equal(dsi_queue_look(q, &view, NULL), DS_OK);
    return view.counters;
}

// Claims all there is, and foretells what a swap of it adds.
static struct dsi_queue_forecast foretell(struct dsi_queue *q, struct dsi_claim **claims,
                                          size_t *count)
{
    const struct dsi_claim *members[8];
    struct dsi_queue_forecast f;

    *count = queue_claim(q, claims);
    assert_true(*count <= 8);
    for (size_t i = 0; i < *count; i++) {
        members[i] = &(*claims)[i];
    }
    dsi_queue_foretell(q, queue_text("swap 1"), &gain, members, *count, &f);
    return f;
}

// As the leader whose swap was answered does.
static void count_landed(struct dsi_queue *q, const struct dsi_queue_forecast *f,
                         const struct dsi_claim *claims, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        dsi_queue_count_member(q, &claims[i]);
    }
    dsi_queue_count_landed(q, f, &gain);
    dsi_queue_count(q, &none);
}

// The one that is to be settled.
static struct dsi_queue_foretold foretold_to(struct dsi_queue *q)
{
    struct dsi_queue_foretold all[DSI_QUEUE_FORECASTS];
    assert_int_equal(dsi_queue_foretold(q, all), 1);
    assert_int_equal(all[0].about_size, 6);
    assert_memory_equal(all[0].about, "swap 1", 6);
    return all[0];
}

static size_t foretold_count(struct dsi_queue *q)
{
    struct dsi_queue_foretold all[DSI_QUEUE_FORECASTS];
    return dsi_queue_foretold(q, all);
}

static void assert_counted(struct dsi_queue *q, uint64_t groups, uint64_t appends)
{
    const struct dsi_queue_counters c = counters_of(q);
    uint64_t waits = 0;
    assert_int_equal(c.groups, groups);
    assert_int_equal(c.rows, 10 * groups);
    assert_int_equal(c.swaps, 2 * groups);
    assert_int_equal(c.lost, groups);
    assert_int_equal(c.appends, appends);
    assert_int_equal(c.bytes, appends); // Each has one.
    for (size_t i = 0; i < DSI_QUEUE_WAIT_BINS; i++) {
        waits += c.wait_bins[i];
    }
    assert_int_equal(waits, appends);
}

// Two owners, and two others that lead.
struct stage {
    struct dsi_queue *owner;
    struct dsi_queue *first;
    struct dsi_queue *second;
    struct dsi_ticket a;
    struct dsi_ticket b;
    struct dsi_claim *claims;
    size_t count;
    struct dsi_queue_forecast forecast; // The first's, of both.
};

static struct stage begin(void)
{
    struct stage s = {
        .owner = queue_open(), .first = queue_open(), .second = queue_open()};
    s.a = queue_publish(s.owner, "a");
    s.b = queue_publish(s.owner, "b");
    assert_true(dsi_queue_try_lead(s.first));
    s.forecast = foretell(s.first, &s.claims, &s.count);
    assert_int_equal(s.count, 2);
    assert_true(s.forecast.number > 0);
    return s;
}

static void finish(struct stage *s)
{
    dsi_queue_free(s->first);
    dsi_queue_free(s->second);
    dsi_queue_free(s->owner);
}

// The first is killed, of which the kernel closes what it has, and the second leads: what
// it sees foretold.
static struct dsi_queue_foretold kill_first(struct stage *s)
{
    dsi_queue_free(s->first);
    s->first = NULL;
    assert_true(dsi_queue_try_lead(s->second));
    return foretold_to(s->second);
}

static void test_storage_queue_forecast__who_counts_settles_it(void **state)
{
    struct stage s = begin();
    (void)state;

    assert_counted(s.owner, 0, 0);
    count_landed(s.first, &s.forecast, s.claims, s.count);
    assert_counted(s.owner, 1, 2);
    dsi_queue_resign(s.first);
    assert_true(dsi_queue_try_lead(s.second));
    assert_int_equal(foretold_count(s.second), 0);
    finish(&s);
}

static void test_storage_queue_forecast__what_the_dead_did_is_added_once(void **state)
{
    struct stage s = begin();
    (void)state;

    struct dsi_queue_foretold f = kill_first(&s);
    assert_true(f.over);
    dsi_queue_settle(s.second, &f, true);
    assert_counted(s.owner, 1, 2);
    dsi_queue_settle(s.second, &f, true);
    assert_int_equal(foretold_count(s.second), 0);
    // It finds the members in the table, too.
    dsi_queue_count_member(s.second, &s.claims[0]);
    dsi_queue_count(s.second, &none);
    assert_counted(s.owner, 1, 2);
    finish(&s);
}

static void test_storage_queue_forecast__what_did_not_come_true_adds_nothing(void **state)
{
    struct stage s = begin();
    (void)state;

    struct dsi_queue_foretold f = kill_first(&s);
    dsi_queue_settle(s.second, &f, false);
    assert_counted(s.owner, 0, 0);
    assert_int_equal(foretold_count(s.second), 0);
    dsi_queue_settle(s.second, &f, true); // Said by who was too late.
    assert_counted(s.owner, 0, 0);
    finish(&s);
}

// It was stopped, and counts when all is done; its owners have gone on in their slots.
static void test_storage_queue_forecast__who_wakes_up_adds_nothing_twice(void **state)
{
    struct stage s = begin();
    (void)state;

    assert_true(dsi_queue_take_over(s.second, s.first->epoch, 1));
    struct dsi_queue_foretold f = foretold_to(s.second);
    assert_false(f.over);
    dsi_queue_settle(s.second, &f, true);
    for (int i = 0; i < 2; i++) {
        dsi_queue_leave(s.owner, &s.a);
        s.a = queue_publish(s.owner, "c");
        struct dsi_claim *claims = NULL;
        size_t count = 0;
        struct dsi_queue_forecast own = foretell(s.second, &claims, &count);
        count_landed(s.second, &own, claims, 1);
        dsi_queue_answer(s.second, &claims[0], &queue_committed);
        dsi_queue_answer(s.second, &claims[1], &queue_committed);
    }
    const struct dsi_queue_counters before = counters_of(s.owner);
    assert_int_equal(before.groups, 3);
    count_landed(s.first, &s.forecast, s.claims, s.count);
    assert_int_equal(counters_of(s.owner).groups, 3);
    assert_int_equal(counters_of(s.owner).rows, 30);
    assert_int_equal(counters_of(s.owner).appends, before.appends);
    finish(&s);
}

// The other way round: it counts before anybody has looked, but while another adds.
static void test_storage_queue_forecast__what_could_not_be_added_yet_is_once(void **state)
{
    (void)state;
    for (int settled = 0; settled < 2; settled++) {
        struct stage s = begin();
        int fd = open(queue_path, O_RDWR | O_CLOEXEC);
        assert_int_equal(dsi_posix()->lock_byte(fd, DSI_QUEUE_LOCK_COUNT), 0);
        count_landed(s.first, &s.forecast, s.claims, s.count);
        assert_counted(s.owner, 0, 0);
        // Its place is needed, as long as nobody knows what it says.
        struct dsi_queue_forecast next;
        dsi_queue_foretell(s.first, queue_text("x"), &gain, NULL, 0, &next);
        assert_int_equal(next.number, 0);
        assert_true(dsi_queue_take_over(s.second, s.first->epoch, 1));
        struct dsi_queue_foretold f = foretold_to(s.second);
        dsi_queue_settle(s.second, &f, true); // Not now either.
        assert_counted(s.owner, 0, 0);
        assert_int_equal(foretold_count(s.second), 1);
        close(fd);
        if (settled) {
            dsi_queue_settle(s.second, &f, true);
            assert_counted(s.owner, 1, 2);
        }
        dsi_queue_free(s.first); // Adds the rest.
        s.first = NULL;
        assert_counted(s.owner, 1, 2);
        finish(&s);
        assert_int_equal(unlink(queue_path), 0);
    }
}

// Nothing of it was foretold: then it counts as it always did.
static void test_storage_queue_forecast__without_one_all_is_counted(void **state)
{
    struct stage s = begin();
    const struct dsi_queue_forecast nothing = {0};
    (void)state;

    count_landed(s.first, &nothing, s.claims, s.count);
    count_landed(s.first, &nothing, s.claims, s.count);
    assert_counted(s.owner, 2, 2);
    finish(&s);
}

static void test_storage_queue_forecast__the_last_of_a_leader_is_the_one(void **state)
{
    struct stage s = begin();
    (void)state;

    struct dsi_queue_forecast old = s.forecast;
    dsi_queue_foretell(s.first, queue_text("swap 1"), &gain, NULL, 0, &s.forecast);
    assert_true(s.forecast.number > old.number);
    assert_true(dsi_queue_take_over(s.second, s.first->epoch, 1));
    struct dsi_queue_foretold f = foretold_to(s.second);
    assert_int_equal(f.forecast.number, s.forecast.number);
    // One that leads no more foretells nothing.
    assert_false(dsi_queue_beat(s.first));
    dsi_queue_foretell(s.first, queue_text("late"), &gain, NULL, 0, &old);
    assert_int_equal(old.number, 0);
    // The second's own is beside it, and does not hide it.
    dsi_queue_foretell(s.second, queue_text("mine"), &gain, NULL, 0, &old);
    dsi_queue_resign(s.second);
    assert_true(dsi_queue_try_lead(s.owner));
    assert_int_equal(foretold_count(s.owner), 2);
    dsi_queue_settle(s.owner, &f, true);
    assert_int_equal(foretold_count(s.owner), 1);
    assert_counted(s.owner, 1, 0);
    finish(&s);
}

// Nobody overwrites what the dead have foretold before it is settled.
static void test_storage_queue_forecast__is_not_written_over(void **state)
{
    struct stage s = begin();
    struct dsi_queue_forecast mine;
    (void)state;

    struct dsi_queue_foretold f = kill_first(&s);
    dsi_queue_foretell(s.second, queue_text("mine"), &gain, NULL, 0, &mine);
    assert_int_equal(mine.number, 0);
    dsi_queue_settle(s.second, &f, true);
    dsi_queue_foretell(s.second, queue_text("mine"), &gain, NULL, 0, &mine);
    assert_true(mine.number > 0);
    assert_counted(s.owner, 1, 2);
    finish(&s);
}

static void test_storage_queue_forecast__half_of_one_is_none(void **state)
{
    (void)state;
    for (size_t at = 0; at < 900; at += 60) { // Up to the second member.
        struct stage s = begin();
        const uint64_t place =
            DSI_QUEUE_AT_FORECASTS + 4096 * (s.forecast.epoch % DSI_QUEUE_FORECASTS);
        const uint8_t junk[8] = {0xa5, 0xff, 0x5a, 0xff, 0xa5, 0xff, 0x5a, 0xff};
        const bool written = at < 808 + 2 * 12;
        queue_scribble(place + at, junk, sizeof junk);
        assert_true(dsi_queue_take_over(s.second, s.first->epoch, 1));
        assert_int_equal(foretold_count(s.second), written ? 0 : 1);
        count_landed(s.first, &s.forecast, s.claims, s.count); // It lives.
        assert_counted(s.owner, 1, 2);
        finish(&s);
        assert_int_equal(unlink(queue_path), 0);
    }
}

// Who has led last has settled what there was; nothing is read then.
static void test_storage_queue_forecast__who_leads_on_does_not_look(void **state)
{
    struct stage s = begin();
    (void)state;

    count_landed(s.first, &s.forecast, s.claims, s.count);
    assert_int_equal(foretold_count(s.first), 0);
    dsi_queue_resign(s.first);
    assert_true(dsi_queue_try_lead(s.first));
    posix_double_start("pread", 0, 0);
    assert_int_equal(foretold_count(s.first), 0);
    assert_int_equal(posix_double_count("pread"), 0);
    posix_double_stop();
    dsi_queue_resign(s.first);
    assert_true(dsi_queue_try_lead(s.second));
    posix_double_start("pread", 0, 0);
    assert_int_equal(foretold_count(s.second), 0);
    assert_true(posix_double_count("pread") > 0);
    posix_double_stop();
    finish(&s);
}

// A group of the second's, from the swap to the next one that it leads.
static void lead_on(struct dsi_queue *q)
{
    struct dsi_queue_forecast own;
    dsi_queue_foretell(q, queue_text("mine"), &gain, NULL, 0, &own);
    dsi_queue_count_landed(q, &own, &gain);
    dsi_queue_count(q, &none);
    dsi_queue_resign(q);
    assert_true(dsi_queue_try_lead(q));
}

// It was stopped before it foretold, and does so when another leads already; its swap
// lands, and then it is killed. Nobody but that other one ever leads again.
static void test_storage_queue_forecast__of_who_wakes_up_late_is_seen(void **state)
{
    struct stage s = {
        .owner = queue_open(), .first = queue_open(), .second = queue_open()};
    (void)state;

    assert_true(dsi_queue_try_lead(s.first));
    assert_true(dsi_queue_take_over(s.second, s.first->epoch, 1));
    assert_int_equal(foretold_count(s.second), 0);
    lead_on(s.second);
    assert_int_equal(foretold_count(s.second), 0);
    dsi_queue_foretell(s.first, queue_text("swap 1"), &gain, NULL, 0, &s.forecast);
    assert_true(s.forecast.number > 0);
    dsi_queue_free(s.first);
    s.first = NULL;
    lead_on(s.second);
    struct dsi_queue_foretold f = foretold_to(s.second);
    dsi_queue_settle(s.second, &f, true);
    assert_counted(s.owner, 3, 0);
    finish(&s);
}

// The clock, which goes on when the test says so.
static int64_t test_now_ns;

static int64_t wall_us(void)
{
    return test_now_ns / 1000;
}

static int64_t monotonic_ns(void)
{
    return test_now_ns;
}

// Who waits still is answered now; how long the others waited is known up to the swap.
static void test_storage_queue_forecast__counts_the_waits(void **state)
{
    static const struct dsi_clock_ops still = {wall_us, monotonic_ns};
    (void)state;

    test_now_ns = dsi_clock_monotonic_ns();
    dsi_clock_set(&still);
    struct stage s = begin();
    assert_true(dsi_queue_withdraw(s.owner, &s.b));
    test_now_ns += SECOND / 5;
    assert_true(dsi_queue_take_over(s.second, s.first->epoch, 1));
    struct dsi_queue_foretold f = foretold_to(s.second);
    dsi_queue_settle(s.second, &f, true);
    dsi_clock_set(NULL);
    assert_counted(s.owner, 1, 2);
    assert_int_equal(counters_of(s.owner).wait_us_max, 200000);
    assert_int_equal(counters_of(s.owner).wait_us, 200000);
    finish(&s);
}

int main(void)
{
#define QUEUE_TEST(name) cmocka_unit_test_setup_teardown(name, queue_make, queue_end)
    static const struct CMUnitTest tests[] = {
        QUEUE_TEST(test_storage_queue_forecast__who_counts_settles_it),
        QUEUE_TEST(test_storage_queue_forecast__what_the_dead_did_is_added_once),
        QUEUE_TEST(test_storage_queue_forecast__what_did_not_come_true_adds_nothing),
        QUEUE_TEST(test_storage_queue_forecast__who_wakes_up_adds_nothing_twice),
        QUEUE_TEST(test_storage_queue_forecast__what_could_not_be_added_yet_is_once),
        QUEUE_TEST(test_storage_queue_forecast__without_one_all_is_counted),
        QUEUE_TEST(test_storage_queue_forecast__the_last_of_a_leader_is_the_one),
        QUEUE_TEST(test_storage_queue_forecast__is_not_written_over),
        QUEUE_TEST(test_storage_queue_forecast__half_of_one_is_none),
        QUEUE_TEST(test_storage_queue_forecast__who_leads_on_does_not_look),
        QUEUE_TEST(test_storage_queue_forecast__of_who_wakes_up_late_is_seen),
        QUEUE_TEST(test_storage_queue_forecast__counts_the_waits),
    };
    return cmocka_run_group_tests_name("storage_queue_forecast", tests, NULL, NULL);
}
