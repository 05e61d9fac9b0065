// Many threads that commit to one place, through a few handles, while the catalog answers
// as it likes: what was said of each commit is what is there in the end.
#ifndef DSI_TEST_TXN_STORM_H
#define DSI_TEST_TXN_STORM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "group_fixture.h"

enum { STORM_THREADS = 8, STORM_COMMITS = 40, STORM_HANDLES = 3 };

/// Commits as its test does it, in any thread; `seed` is of that thread.
typedef int (*storm_commit_fn)(struct dsi_table *t, struct dsi_change *c, unsigned *seed,
                               struct ds_commit_result *r);

struct storm {
    struct place place;
    struct dsi_table *tables[STORM_HANDLES];
    unsigned seed; // Guarded by the catalog's mutex.
    storm_commit_fn commit;
    enum ds_outcome outcomes[STORM_THREADS * STORM_COMMITS];
    atomic_uint cancelled;
};

struct storm_writer {
    struct storm *storm;
    int number;
};

static inline enum fate storm_fate(void *arg)
{
    static const enum fate fates[] = {FATE_FAIR,        FATE_FAIR, FATE_FAIR,
                                      FATE_ANSWER_LOST, FATE_LIE,  FATE_LOST};
    struct storm *s = arg;
    return fates[(unsigned)rand_r(&s->seed) % 6];
}

static inline void *storm_write(void *arg)
{
    struct storm_writer *w = arg;
    unsigned seed = w->storm->seed + (unsigned)w->number;
    for (int i = 0; i < STORM_COMMITS; i++) {
        int64_t id = w->number * STORM_COMMITS + i;
        struct dsi_table *t = w->storm->tables[w->number % STORM_HANDLES];
        struct dsi_change *c = row_change(t, NULL, id);
        struct ds_commit_result r = {.struct_size = sizeof r};
        int rc = w->storm->commit(t, c, &seed, &r);
        w->storm->outcomes[id] = r.outcome;
        w->storm->cancelled += rc == DS_ECANCELLED;
        if ((rc == DS_OK) != (r.outcome == DS_COMMITTED)) {
            abort();
        }
        dsi_change_free(c);
    }
    return NULL;
}

// Makes the place, and looks at what there is when all have ended: how many commits were
// cancelled.
static inline unsigned storm_run(storm_commit_fn commit,
                                 const struct ds_property *properties, size_t count)
{
    static struct storm s;
    struct storm_writer writers[STORM_THREADS];
    pthread_t threads[STORM_THREADS];
    uint8_t seen[IDS_MAX];

    memset(&s, 0, sizeof s);
    s.seed = (unsigned)getpid();
    s.commit = commit;
    print_message("seed %u\n", s.seed);
    place_init(&s.place, properties, count);
    for (int i = 0; i < STORM_HANDLES; i++) {
        s.tables[i] = test_open(&s.place.catalog);
    }
    s.place.catalog.fate = storm_fate;
    s.place.catalog.arg = &s;
    for (int i = 0; i < STORM_THREADS; i++) {
        writers[i] = (struct storm_writer){&s, i};
        assert_int_equal(pthread_create(&threads[i], NULL, storm_write, &writers[i]), 0);
    }
    for (int i = 0; i < STORM_THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    s.place.catalog.fate = NULL;
    count_ids(&s.place, seen);
    for (int i = 0; i < STORM_THREADS * STORM_COMMITS; i++) {
        if (s.outcomes[i] == DS_UNKNOWN ? seen[i] > 1
                                        : seen[i] != (s.outcomes[i] == DS_COMMITTED)) {
            fail_msg("row %d: outcome %d, seen %d times", i, (int)s.outcomes[i], seen[i]);
        }
    }
    for (int i = 0; i < STORM_HANDLES; i++) {
        dsi_table_free(s.tables[i]);
    }
    place_release(&s.place);
    return s.cancelled;
}

#endif
