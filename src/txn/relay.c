#include "txn/relay.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/crew.h"
#include "base/error.h"
#include "base/thread.h"

#define SECOND_NS INT64_C(1000000000)

enum { DONE_MAX = 2 }; // The one that was being written, and the one that waited.

struct dsi_relay {
    struct dsi_append *append;
    struct dsi_thread *thread;
    struct dsi_crew *crew; // Its lock guards what follows.
    struct dsi_batch waiting;
    bool full;            // There is one that waits, …
    bool writing;         // … and one that is written.
    bool over;            // No more come.
    atomic_bool unwanted; // Nor is the rest of what is being written.
    int rc;
    struct ds_error error;
    struct dsi_batch done[DONE_MAX];
    size_t done_count;
};

static bool is_unwanted(void *arg)
{
    struct dsi_relay *r = arg;
    return atomic_load(&r->unwanted);
}

// The thread's. The error is read by others only once `rc` says that there is one.
static void write_batches(void *arg)
{
    struct dsi_relay *r = arg;
    struct ds_cancel_scope cancel = {.cancelled = is_unwanted, .arg = r};

    dsi_cancel_begin(&cancel);
    dsi_crew_begin(r->crew);
    dsi_crew_lock(r->crew);
    for (;;) {
        while (!r->full && !r->over) {
            dsi_crew_help(r->crew, SECOND_NS);
        }
        if (!r->full) {
            break;
        }
        struct dsi_batch batch = r->waiting;
        bool wanted = r->rc == DS_OK && !r->over;
        r->full = false;
        r->writing = true;
        dsi_crew_moved(r->crew);
        dsi_crew_unlock(r->crew);
        int rc = wanted ? dsi_append_batch(r->append, &batch, &r->error) : DS_OK;
        dsi_crew_lock(r->crew);
        r->rc = rc < 0 ? rc : r->rc;
        r->writing = false;
        assert(r->done_count < DONE_MAX);
        r->done[r->done_count++] = batch;
        dsi_crew_moved(r->crew);
    }
    dsi_crew_unlock(r->crew);
    dsi_crew_end();
    dsi_cancel_end(&cancel);
}

int dsi_relay_new(struct dsi_append *append, struct dsi_relay **out, struct ds_error *err)
{
    struct dsi_relay *r = dsi_calloc(1, sizeof *r);
    int rc = DS_OK;

    *out = NULL;
    if (!r) {
        return dsi_no_memory(err, "a thread that writes rows");
    }
    r->append = append;
    DSI_TRY(dsi_append_crew(append, &r->crew, err));
    DSI_TRY(dsi_thread_start(&r->thread, write_batches, r, err));
    *out = r;
    r = NULL;
done:
    dsi_relay_free(r);
    return rc;
}

static int failure(const struct dsi_relay *r, struct ds_error *err)
{
    if (r->rc < 0 && err) {
        *err = r->error;
    }
    return r->rc;
}

// With the lock, which is given back in between: helps the thread, or waits until it has
// moved, or the caller cancels.
static int wait_for_thread(struct dsi_relay *r, struct ds_error *err)
{
    dsi_crew_help(r->crew, dsi_cancel_slice_ns(SECOND_NS));
    dsi_crew_unlock(r->crew);
    int rc = dsi_cancel_check(err);
    dsi_crew_lock(r->crew);
    return rc;
}

int dsi_relay_give(struct dsi_relay *r, struct dsi_batch *batch, struct ds_error *err)
{
    struct dsi_batch done[DONE_MAX];
    size_t count = 0;
    int rc = DS_OK;

    dsi_crew_lock(r->crew);
    while (r->full && rc == DS_OK) {
        rc = wait_for_thread(r, err);
    }
    for (count = 0; count < r->done_count; count++) {
        done[count] = r->done[count];
    }
    r->done_count = 0;
    rc = rc < 0 ? rc : failure(r, err);
    if (rc == DS_OK) {
        r->waiting = *batch;
        r->full = true;
        *batch = (struct dsi_batch){0};
        dsi_crew_moved(r->crew);
    }
    dsi_crew_unlock(r->crew);
    for (size_t i = 0; i < count; i++) {
        dsi_batch_release(&done[i]);
    }
    dsi_batch_release(batch); // When it was not taken.
    return rc;
}

int dsi_relay_finish(struct dsi_relay *r, struct ds_error *err)
{
    int rc = DS_OK;

    dsi_crew_lock(r->crew);
    while ((r->full || r->writing) && rc == DS_OK) {
        rc = wait_for_thread(r, err);
    }
    rc = rc < 0 ? rc : failure(r, err);
    dsi_crew_unlock(r->crew);
    return rc;
}

void dsi_relay_free(struct dsi_relay *r)
{
    if (!r) {
        return;
    }
    if (r->thread) {
        dsi_crew_lock(r->crew);
        r->over = true;
        atomic_store(&r->unwanted, true);
        dsi_crew_moved(r->crew);
        dsi_crew_unlock(r->crew);
        dsi_thread_join(r->thread);
    }
    for (size_t i = 0; i < r->done_count; i++) {
        dsi_batch_release(&r->done[i]);
    }
    dsi_free(r);
}
