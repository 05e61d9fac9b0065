// What the processes of the check do: write, read, expire; and after all, look and
// settle.
#include "k9.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    COMMIT_TIMEOUT_MS = 120000,
    RESOLVE_TIMEOUT_MS = 30000,
    PLANT_EACH = 20, // Of so many appends one has the planted fault.
    AGAIN_EACH = 16, // And one whose identity was given is committed twice.
    RECENT_MS = 500, // For so long the snapshot of a commit is surely kept.
};

#define TABLE "ns.t"
#define CATALOG_NAME "shared"
#define BEAT "kill9.beat"

static int open_catalog(const struct k9_run *run, ds_catalog **out, struct ds_error *err)
{
    char uri[K9_PATH_SIZE + 32];
    char where[K9_PATH_SIZE + 32];
    struct ds_property items[] = {{"warehouse", where}, {"name", CATALOG_NAME}};
    struct ds_properties settings = {items, 2};

    snprintf(uri, sizeof(uri), "sqlite:%s/catalog.db", run->dir);
    snprintf(where, sizeof(where), "%s/warehouse", run->dir);
    return ds_catalog_open(uri, &settings, out, err);
}

ds_table *k9_open(const struct k9_run *run)
{
    struct ds_error err = {0};
    char where[K9_PATH_SIZE + 32];
    ds_catalog *catalog = NULL;
    ds_table *table = NULL;
    int rc = DS_OK;

    if (run->path_table) {
        snprintf(where, sizeof(where), "%s/table", run->dir);
        rc = ds_table_open(where, &table, &err);
    } else {
        rc = open_catalog(run, &catalog, &err);
        if (rc == DS_OK) {
            rc = ds_catalog_open_table(catalog, TABLE, &table, &err);
        }
        ds_catalog_free(catalog);
    }
    if (rc < 0) {
        k9_fail("opening the table", &err);
    }
    return table;
}

void k9_create(const struct k9_run *run)
{
    char kept[16];
    // A table for ingest: each commit forgets what is too old.
    struct ds_property wanted[] = {
        {"datashard.expire-on-commit", "true"},
        {"datashard.expire-batch", "32"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", kept},
        {"write.metadata.delete-after-commit.enabled", "true"},
        {"write.metadata.previous-versions-max", kept},
    };
    struct ds_table_spec spec = {
        .struct_size = sizeof(spec),
        .schema_json =
            "{\"type\": \"struct\", \"fields\": ["
            "{\"id\": 1, \"name\": \"lane\", \"required\": true, \"type\": \"int\"},"
            "{\"id\": 2, \"name\": \"number\", \"required\": true, \"type\": \"long\"},"
            "{\"id\": 3, \"name\": \"part\", \"required\": true, \"type\": \"int\"},"
            "{\"id\": 4, \"name\": \"nonce\", \"required\": true, \"type\": \"long\"},"
            "{\"id\": 5, \"name\": \"text\", \"required\": true, \"type\": \"string\"}"
            "]}",
        .partition_by = run->path_table ? "bucket(2, part)" : NULL,
        .properties = {wanted, sizeof(wanted) / sizeof(wanted[0])},
    };
    struct ds_error err = {0};
    char where[K9_PATH_SIZE + 32];
    ds_catalog *catalog = NULL;
    ds_table *table = NULL;
    int rc = DS_OK;

    snprintf(kept, sizeof(kept), "%" PRId64, run->keep);
    if (run->path_table) {
        snprintf(where, sizeof(where), "%s/table", run->dir);
        rc = ds_table_create(where, &spec, &table, &err);
    } else {
        rc = open_catalog(run, &catalog, &err);
        if (rc == DS_OK) {
            rc = ds_catalog_create_table(catalog, TABLE, &spec, &table, &err);
        }
        ds_catalog_free(catalog);
    }
    if (rc < 0) {
        k9_fail("creating the table", &err);
    }
    ds_table_free(table);
    _exit(0);
}

// One thread of a writer.
struct lane {
    const struct k9_run *run;
    ds_table *table;
    struct k9_lane *lane;
    bool alone; // Its commits share no swap.
};

static struct k9_intent *intent_of(const struct k9_run *run, int64_t number)
{
    return &run->shared->intents[number];
}

static void note_group(const struct k9_run *run, uint32_t size)
{
    if ((int64_t)size > atomic_load(&run->shared->group_max)) {
        atomic_store(&run->shared->group_max, size); // A figure; nothing rests on it.
    }
}

// Appends the rows of `number`.
static int append_with(const struct k9_run *run, ds_table *table, int64_t number,
                       const struct ds_commit_options *options,
                       struct ds_commit_result *result, struct ds_error *err)
{
    struct k9_batch *batch = k9_batch_make(run, number);
    struct ArrowArrayStream stream = k9_batch_stream(batch);

    *result = (struct ds_commit_result){.struct_size = sizeof(*result)};
    int rc = ds_table_append(table, &stream, options, result, err);
    note_group(run, result->group_size);
    k9_batch_free(batch);
    return rc;
}

// The same, with all the time there is; `identity` NULL: the library draws one.
static int append(const struct k9_run *run, ds_table *table, int64_t number,
                  const char *identity, bool alone, struct ds_commit_result *result,
                  struct ds_error *err)
{
    struct ds_commit_options options = {.struct_size = sizeof(options),
                                        .identity = identity,
                                        .timeout_ms = COMMIT_TIMEOUT_MS,
                                        .attempts_max = -1,
                                        .group = alone ? DS_GROUP_OFF : DS_GROUP_AUTO};

    return append_with(run, table, number, &options, result, err);
}

// Has little time, so that commits are taken back; what was said not to be committed is
// appended once more under another identity, and doubles if that was not true.
static int append_in_a_hurry(const struct k9_run *run, ds_table *table, int64_t number,
                             bool alone, struct ds_commit_result *result,
                             struct ds_error *err)
{
    struct ds_commit_options options = {.struct_size = sizeof(options),
                                        .timeout_ms = k9_hurry_ms(run, number),
                                        .attempts_max = -1,
                                        .group = alone ? DS_GROUP_OFF : DS_GROUP_AUTO};

    int rc = append_with(run, table, number, &options, result, err);
    if ((rc == DS_ECONFLICT || rc == DS_EIO) && result->outcome == DS_NOT_COMMITTED) {
        atomic_fetch_add(&run->shared->given_up, 1);
        rc = append(run, table, number, NULL, alone, result, err);
    }
    return rc;
}

// Asks what became of the commit that the intent's token names.
static void resolve(const struct k9_run *run, ds_table *table, struct k9_intent *intent)
{
    struct ds_commit_result result = {.struct_size = sizeof(result)};
    struct ds_error err = {0};
    const char *token = run->shared->tokens[intent->token - 1];

    int rc = ds_table_resolve(table, token, RESOLVE_TIMEOUT_MS, &result, &err);
    if (rc == DS_OK) {
        intent->answer =
            result.outcome == DS_COMMITTED ? K9_ANSWER_THERE : K9_ANSWER_ABSENT;
    } else if (rc == DS_EUNKNOWN) {
        fprintf(stderr, "kill9: [%d] in doubt still: %s (%s)\n", (int)getpid(),
                err.message, token);
    } else {
        k9_fail("resolving", &err);
    }
}

// Commits once more what may be there already, with the same identity.
static void append_again(const struct k9_run *run, ds_table *table, int64_t number,
                         bool alone)
{
    struct ds_commit_result result;
    struct ds_error err = {0};
    struct k9_intent *intent = intent_of(run, number);
    char identity[37];

    k9_identity(run, number, identity);
    if (run->plant == K9_PLANT_AGAIN) {
        identity[0] = identity[0] == 'f' ? 'e' : 'f';
    }
    intent->again = 1;
    int rc = append(run, table, number, identity, alone, &result, &err);
    if (rc == DS_OK && result.outcome == DS_COMMITTED) {
        intent->answer = K9_ANSWER_THERE;
    } else if (rc != DS_EUNKNOWN) {
        k9_fail("committing again", &err);
    }
}

// A commit can be repeated while the table remembers its identity.
static bool may_repeat(const struct lane *l, int64_t number)
{
    return k9_identity_given(l->run, number) &&
           (l->run->late || k9_now_ms() - atomic_load(&l->lane->since_ms) < RECENT_MS);
}

// The writer was killed with this append open, or could not tell what became of it.
static void settle_open(struct lane *l, int64_t number)
{
    struct k9_intent *intent = intent_of(l->run, number);

    if (intent->token) {
        resolve(l->run, l->table, intent);
    } else if (may_repeat(l, number) && k9_nonce(l->run, number) >> 40 & 3) {
        append_again(l->run, l->table, number, l->alone);
    }
    atomic_store(&intent->state, K9_UNKNOWN);
    atomic_fetch_add(&l->run->shared->settled, 1);
}

static void keep_token(const struct k9_run *run, struct k9_intent *intent,
                       const char *token)
{
    uint32_t place = atomic_fetch_add(&run->shared->token_count, 1);

    if (place >= K9_TOKENS_MAX || !token[0]) {
        fprintf(stderr, "kill9: an unknown outcome %s\n",
                token[0] ? "too many" : "without a token");
        _exit(4);
    }
    snprintf(run->shared->tokens[place], sizeof(run->shared->tokens[place]), "%s", token);
    intent->token = place + 1; // After it: a kill in between leaves no half a token.
}

static void plant(struct lane *l, int64_t number)
{
    const struct k9_run *run = l->run;
    struct ds_commit_result result;
    struct ds_error err = {0};
    int rc = DS_OK;

    if (number % PLANT_EACH != 7) {
        return;
    }
    if (run->plant == K9_PLANT_DOUBLE) {
        rc = append(run, l->table, number, NULL, l->alone, &result, &err);
    } else if (run->plant == K9_PLANT_ALIEN) {
        // A number beyond all that are ever intended.
        rc = append(run, l->table, k9_total(run) + number, NULL, l->alone, &result, &err);
    }
    if (rc < 0) {
        k9_fail("a planted append", &err);
    }
}

static void append_one(struct lane *l, int64_t number)
{
    const struct k9_run *run = l->run;
    struct k9_intent *intent = intent_of(run, number);
    struct ds_commit_result result;
    struct ds_error err = {0};
    char identity[37];
    bool given = k9_identity_given(run, number);

    k9_identity(run, number, identity);
    atomic_store(&intent->state, K9_OPEN);
    atomic_fetch_add(&run->shared->started, 1);
    if (run->plant == K9_PLANT_ACK_EARLY) {
        atomic_store(&intent->state, K9_ACKED);
    }
    if (run->plant == K9_PLANT_HANG && number % PLANT_EACH == 7) {
        pause(); // What a writer that waits for ever looks like.
    }
    int rc = k9_hurry_ms(run, number) > 0
                 ? append_in_a_hurry(run, l->table, number, l->alone, &result, &err)
                 : append(run, l->table, number, given ? identity : NULL, l->alone,
                          &result, &err);
    if (rc == DS_OK && result.outcome == DS_COMMITTED) {
        atomic_store(&intent->state, K9_ACKED);
        atomic_fetch_add(&run->shared->acked, 1);
        if (number % AGAIN_EACH == 3 && may_repeat(l, number)) {
            append_again(run, l->table, number, l->alone);
        }
    } else if (rc == DS_EUNKNOWN) {
        fprintf(stderr, "kill9: [%d] append %" PRId64 " in doubt: %s (%s)\n",
                (int)getpid(), number, err.message, result.token);
        keep_token(run, intent, result.token);
        settle_open(l, number);
    } else {
        atomic_store(&intent->state, K9_REFUSED);
        fprintf(stderr, "kill9: [%d] append %" PRId64 " was refused: %s: %s\n",
                (int)getpid(), number, ds_status_text(rc), err.message);
    }
    plant(l, number);
}

static void wait_at_gate(const struct k9_run *run)
{
    struct k9_shared *s = run->shared;

    while (atomic_load(&s->give_way) ||
           atomic_load(&s->started) >= atomic_load(&s->limit)) {
        k9_sleep_ms(1);
    }
}

static void *run_lane(void *arg)
{
    struct lane *l = arg;
    struct k9_lane *lane = l->lane;

    for (;;) {
        int64_t done = atomic_load(&lane->done);
        if (done >= lane->count) {
            return NULL;
        }
        int64_t number = lane->first + done;
        enum k9_state state = k9_state_of(l->run, number);
        if (state == K9_OPEN) {
            settle_open(l, number);
        } else if (state == K9_NONE) {
            wait_at_gate(l->run);
            atomic_store(&lane->since_ms, k9_now_ms());
            append_one(l, number);
        }
        atomic_store(&lane->since_ms, k9_now_ms());
        atomic_store(&lane->done, done + 1);
    }
}

void k9_writer(const struct k9_run *run, int writer)
{
    struct lane lanes[K9_LANES_MAX];
    pthread_t threads[K9_LANES_MAX];
    int first = k9_first_lane(run, writer);
    int count = k9_lanes_of(run, writer);
    ds_table *table = k9_open(run);

    for (int i = 0; i < count; i++) {
        // Threads share the process's handle, but for the last of them.
        lanes[i] = (struct lane){run, i > 1 ? k9_open(run) : table,
                                 &run->shared->lanes[first + i], writer % 6 == 5};
        if (i > 0 && pthread_create(&threads[i], NULL, run_lane, &lanes[i]) != 0) {
            k9_die("a thread");
        }
    }
    run_lane(&lanes[0]);
    for (int i = 1; i < count; i++) {
        pthread_join(threads[i], NULL);
    }
    for (int i = 2; i < count; i++) {
        ds_table_free(lanes[i].table);
    }
    ds_table_free(table);
    _exit(0);
}

// Sets the property to `i`. What is in doubt is not acknowledged, and nothing more.
static void beat(const struct k9_run *run, ds_table *table, int64_t i)
{
    struct k9_shared *s = run->shared;
    struct ds_commit_options options = {.struct_size = sizeof(options),
                                        .timeout_ms = COMMIT_TIMEOUT_MS,
                                        .attempts_max = -1};
    struct ds_commit_result result = {.struct_size = sizeof(result)};
    struct ds_error err = {0};
    char value[24];
    struct ds_property item = {BEAT, value};
    struct ds_properties properties = {&item, 1};

    snprintf(value, sizeof(value), "%" PRId64, i);
    atomic_store(&s->beat_sent, i);
    int rc = ds_table_set_properties(table, &properties, &options, &result, &err);
    if (rc == DS_EUNKNOWN) {
        atomic_fetch_add(&s->doubts, 1);
        fprintf(stderr, "kill9: [%d] in doubt: %s\n", (int)getpid(), err.message);
    } else if (rc < 0) {
        k9_fail("setting a property", &err);
    } else {
        atomic_store(&s->beat_acked, i);
    }
}

// Commits other changes than appends; each commit forgets snapshots, too.
void k9_expirer(const struct k9_run *run)
{
    struct k9_shared *s = run->shared;
    ds_table *table = k9_open(run);

    for (int64_t i = atomic_load(&s->beat_sent) + 1; !atomic_load(&s->stop); i++) {
        beat(run, table, i);
        k9_sleep_ms(50);
    }
    ds_table_free(table);
    _exit(0);
}

static void keep_worst(struct k9_found *worst, const struct k9_found *found)
{
    int64_t *a = &worst->rows;
    const int64_t *b = &found->rows;
    for (size_t i = 0; i < sizeof(*worst) / sizeof(*a); i++) {
        a[i] = a[i] > b[i] ? a[i] : b[i];
    }
}

// Scans again and again; each scan must be one committed state, or a named error: when
// expiry overtakes it, "not found".
void k9_reader(const struct k9_run *run)
{
    struct k9_shared *s = run->shared;
    ds_table *table = k9_open(run);
    struct k9_tally t;

    k9_tally_make(&t, run);
    while (!atomic_load(&s->stop)) {
        struct ds_error err = {0};
        int64_t start = k9_now_ms();
        int rc = k9_tally_scan(&t, table, &err);
        if (rc == DS_OK) {
            keep_worst(&s->reader, &t.found);
            atomic_fetch_add(&s->scans, 1);
        } else if (rc == DS_ENOTFOUND) {
            atomic_fetch_add(&s->scans_missed, 1);
        } else {
            k9_fail("scanning", &err);
        }
        int64_t took = k9_now_ms() - start; // Half of the time at most.
        for (int64_t i = 0; i < took + 5 && !atomic_load(&s->stop); i += 5) {
            k9_sleep_ms(5);
        }
    }
    k9_tally_free(&t);
    ds_table_free(table);
    _exit(0);
}

// Are answers and rows of one mind? `settled`: after k9_settle.
static void compare_answers(const struct k9_run *run, const struct k9_tally *t,
                            bool settled)
{
    for (int64_t i = 0; i < run->appends; i++) {
        const struct k9_intent *intent = intent_of(run, i);
        bool there = t->seen[i] > 0;
        bool wrong = (intent->answer == K9_ANSWER_THERE && !there) ||
                     (intent->answer == K9_ANSWER_ABSENT && there) ||
                     (settled && intent->token && intent->answer == K9_ANSWER_NONE);
        if (wrong) {
            run->shared->errors++;
            fprintf(stderr,
                    "kill9: append %" PRId64 " %s, but the answer was %d (%s, %s)\n", i,
                    there ? "is there" : "is not there", intent->answer,
                    intent->token ? "resolved" : "not resolved",
                    intent->again ? "committed again" : "not committed again");
        }
    }
}

static int read_beat(void *arg, const char *key, const char *value)
{
    if (strcmp(key, BEAT) == 0) {
        *(int64_t *)arg = strtoll(value, NULL, 10);
    }
    return DS_OK;
}

// The expirer's property is what was acknowledged last, or what was under way.
static void check_beat(const struct k9_run *run, ds_table *table)
{
    struct ds_error err = {0};
    int64_t beat = 0;

    if (ds_table_properties(table, read_beat, &beat, &err) < 0) {
        k9_fail("reading properties", &err);
    }
    if (beat < atomic_load(&run->shared->beat_acked) ||
        beat > atomic_load(&run->shared->beat_sent)) {
        run->shared->errors++;
        fprintf(stderr,
                "kill9: the property %s is %" PRId64 "; %" PRId64
                " was acknowledged and %" PRId64 " sent\n",
                BEAT, beat, atomic_load(&run->shared->beat_acked),
                atomic_load(&run->shared->beat_sent));
    }
}

// Reads the counters of the writers' queue, for the parent to know whom to hit.
void k9_watcher(const struct k9_run *run)
{
    struct k9_shared *s = run->shared;
    ds_table *table = k9_open(run);

    while (!atomic_load(&s->stop)) {
        struct ds_table_stats stats = {.struct_size = sizeof(stats)};
        struct ds_error err = {0};
        if (ds_table_stats(table, &stats, &err) < 0) {
            if (run->vandals == 0) {
                k9_fail("reading counters", &err);
            }
            continue; // It is being damaged.
        }
        atomic_store(&s->leader, (int)stats.leader_pid);
        // A queue that was made anew counts from 0: the sum is at least this.
        s->takeovers = (int64_t)stats.takeovers > s->takeovers ? (int64_t)stats.takeovers
                                                               : s->takeovers;
        k9_sleep_ms(1);
    }
    ds_table_free(table);
    _exit(0);
}

struct line {
    const struct k9_run *run;
    int64_t sequence_number;
    int64_t snapshot_id;
    int64_t timestamp_ms;
};

// History is one line: each snapshot made on the one before it, later and higher.
static int check_snapshot(void *arg, const struct ds_snapshot_info *s)
{
    struct line *l = arg;

    if (s->sequence_number <= l->sequence_number || s->timestamp_ms < l->timestamp_ms ||
        (l->snapshot_id != -1 && s->parent_id != l->snapshot_id)) {
        l->run->shared->errors++;
        fprintf(stderr,
                "kill9: snapshot %" PRId64 " (number %" PRId64 ", on %" PRId64
                ") follows %" PRId64 " (number %" PRId64 ")\n",
                s->snapshot_id, s->sequence_number, s->parent_id, l->snapshot_id,
                l->sequence_number);
    }
    l->sequence_number = s->sequence_number;
    l->snapshot_id = s->snapshot_id;
    l->timestamp_ms = s->timestamp_ms;
    return DS_OK;
}

static void check_line(const struct k9_run *run, ds_table *table)
{
    struct line l = {run, -1, -1, -1};
    struct ds_error err = {0};

    if (ds_table_snapshots(table, check_snapshot, &l, &err) < 0) {
        k9_fail("reading snapshots", &err);
    }
}

void k9_final_scan(const struct k9_run *run, int which)
{
    struct ds_table_info info = {.struct_size = sizeof(info)};
    struct ds_error err = {0};
    struct k9_tally t;
    ds_table *table = k9_open(run);

    k9_tally_make(&t, run);
    if (k9_tally_scan(&t, table, &err) < 0 || ds_table_info(table, &info, &err) < 0) {
        k9_fail("the last scan", &err);
    }
    run->shared->final[which] = t.found;
    run->shared->snapshots = info.last_sequence_number;
    compare_answers(run, &t, which > 0);
    check_beat(run, table);
    check_line(run, table);
    if (which == 0) {
        // What nobody can be asked about is settled by looking.
        for (int64_t i = 0; i < run->appends; i++) {
            struct k9_intent *intent = intent_of(run, i);
            bool asked = intent->token || (k9_identity_given(run, i) && run->late);
            if (atomic_load(&intent->state) == K9_UNKNOWN && !asked && !intent->answer) {
                intent->answer = t.seen[i] > 0 ? K9_ANSWER_THERE : K9_ANSWER_ABSENT;
            }
        }
    }
    k9_tally_free(&t);
    ds_table_free(table);
    _exit(0);
}

// Settles what is still unknown, and repeats some commits that were acknowledged: they
// must not double.
void k9_settle(const struct k9_run *run)
{
    ds_table *table = k9_open(run);

    for (int64_t i = 0; i < run->appends; i++) {
        struct k9_intent *intent = intent_of(run, i);
        enum k9_state state = k9_state_of(run, i);
        if (state == K9_UNKNOWN && intent->answer == K9_ANSWER_NONE) {
            if (intent->token) {
                resolve(run, table, intent);
            } else if (run->late) {
                append_again(run, table, i, false);
            }
        } else if (run->late && state == K9_ACKED && k9_identity_given(run, i) &&
                   run->plant == K9_PLANT_NONE && i % 500 == 0) {
            append_again(run, table, i, false);
        }
    }
    ds_table_free(table);
    _exit(0);
}
