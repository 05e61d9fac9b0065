#include "scan/scan_read.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/thread.h"

// A batch on its way to the consumer.
struct item {
    struct item *next;
    size_t task;
    struct dsi_batch batch;
};

struct progress {
    size_t queued; // Batches of the task that wait.
    bool done;     // Also when it failed.
};

struct dsi_scan_read {
    struct dsi_scan_read_options options;
    struct dsi_mutex *mutex; // Guards what follows, but `run` and `threads`.
    struct dsi_cond *changed;
    struct progress *progress; // One for each task.
    struct item *first;
    struct item *last;
    size_t queued;
    size_t next_task;   // The first nobody has begun.
    size_t current;     // Ordered, or inline: what the consumer is at.
    size_t done_count;  // Tasks that ended.
    size_t failed_task; // The first in order that failed; task_count: none.
    struct ds_error failure;
    bool stop;
    struct dsi_task_stats stats;
    struct dsi_thread **threads; // None: the consumer runs the tasks.
    size_t thread_count;
    struct dsi_task_run run; // The consumer's own.
    bool running;
};

static void add_stats(struct dsi_task_stats *to, const struct dsi_task_stats *s)
{
    to->files_read += s->files_read;
    to->read.groups_read += s->read.groups_read;
    to->read.groups_skipped += s->read.groups_skipped;
    to->read.pages_skipped += s->read.pages_skipped;
    to->read.rows_read += s->read.rows_read;
    to->read.rows_late += s->read.rows_late;
    to->read.bytes_read += s->read.bytes_read;
    to->read.reads += s->read.reads;
}

// Whether a task has to wait before its next batch. The one the consumer is at may always
// add one, or nothing would move (2).
static bool is_full(const struct dsi_scan_read *r, size_t task)
{
    if (!r->options.ordered) {
        return r->queued >= 2 * r->thread_count;
    }
    return r->progress[task].queued >= 2;
}

// Hands a batch over, or drops it when nobody wants more: false.
static bool push(struct dsi_scan_read *r, struct item *item)
{
    dsi_mutex_lock(r->mutex);
    while (!r->stop && is_full(r, item->task)) {
        dsi_cond_wait(r->changed, r->mutex);
    }
    bool wanted = !r->stop;
    if (wanted) {
        *(r->last ? &r->last->next : &r->first) = item;
        r->last = item;
        r->queued++;
        r->progress[item->task].queued++;
        dsi_cond_broadcast(r->changed);
    }
    dsi_mutex_unlock(r->mutex);
    if (!wanted) {
        dsi_batch_release(&item->batch);
        dsi_free(item);
    }
    return wanted;
}

static int run_task(struct dsi_scan_read *r, size_t task, struct dsi_task_stats *stats,
                    struct ds_error *err)
{
    struct dsi_task_run run = {0};
    struct item *item = NULL;
    int rc = DS_OK;

    DSI_TRY(dsi_task_open(r->options.source, &r->options.tasks[task], &run, err));
    for (;;) {
        item = dsi_calloc(1, sizeof *item);
        if (!item) {
            rc = dsi_no_memory(err, "reading ahead");
            goto done;
        }
        item->task = task;
        DSI_TRY(dsi_task_next(&run, &item->batch, err));
        if (rc != DS_ROW) {
            break;
        }
        bool wanted = push(r, item);
        item = NULL; // The queue's, or gone.
        if (!wanted) {
            rc = DS_OK;
            break;
        }
    }
done:
    dsi_free(item);
    dsi_task_close(&run);
    *stats = run.stats;
    return rc;
}

// Called with the lock. False: nothing is left to begin.
static bool take_task(struct dsi_scan_read *r, size_t *task)
{
    size_t window = 2 * r->thread_count; // What may be begun ahead of the consumer (1).

    while (!r->stop && r->options.ordered && r->next_task < r->options.task_count &&
           r->next_task >= r->current + window) {
        dsi_cond_wait(r->changed, r->mutex);
    }
    // What comes after a failure is not asked for any more.
    if (r->stop || r->next_task >= r->failed_task) {
        return false;
    }
    *task = r->next_task++;
    return true;
}

static void work(void *arg)
{
    struct dsi_scan_read *r = arg;
    size_t task = 0;

    dsi_mutex_lock(r->mutex);
    while (take_task(r, &task)) {
        struct dsi_task_stats stats = {0};
        struct ds_error err = {0};
        dsi_mutex_unlock(r->mutex);
        int rc = run_task(r, task, &stats, &err);
        dsi_mutex_lock(r->mutex);
        add_stats(&r->stats, &stats);
        r->progress[task].done = true;
        r->done_count++;
        if (rc < 0 && task < r->failed_task) {
            r->failed_task = task;
            r->failure = err;
            r->failure.status = rc;
        }
        dsi_cond_broadcast(r->changed);
    }
    dsi_mutex_unlock(r->mutex);
}

static int failure(const struct dsi_scan_read *r, struct ds_error *err)
{
    if (err) {
        *err = r->failure;
    }
    return r->failure.status;
}

// Called with the lock: the first batch that may be given out now, or NULL.
static struct item *pop(struct dsi_scan_read *r)
{
    struct item *before = NULL;
    struct item *item = r->first;

    while (item && r->options.ordered && item->task != r->current) {
        before = item;
        item = item->next;
    }
    if (item) {
        *(before ? &before->next : &r->first) = item->next;
        if (r->last == item) {
            r->last = before;
        }
        r->queued--;
        r->progress[item->task].queued--;
        dsi_cond_broadcast(r->changed);
    }
    return item;
}

// Called with the lock, when no batch waits: whether this is the end or the failure.
static bool is_over(struct dsi_scan_read *r, bool *failed)
{
    size_t count = r->options.task_count;

    if (!r->options.ordered) {
        *failed = r->failed_task < count;
        return *failed || r->done_count == count;
    }
    while (r->current < count && r->current != r->failed_task &&
           r->progress[r->current].done && r->progress[r->current].queued == 0) {
        r->current++;
        dsi_cond_broadcast(r->changed);
    }
    *failed = r->current < count && r->current == r->failed_task;
    return *failed || r->current == count;
}

static int next_queued(struct dsi_scan_read *r, struct dsi_batch *out,
                       struct ds_error *err)
{
    struct item *item = NULL;
    bool failed = false;
    int rc = DS_OK;

    dsi_mutex_lock(r->mutex);
    while (!r->stop) { // (3)
        item = pop(r);
        if (item) {
            break;
        }
        size_t current = r->current;
        if (is_over(r, &failed)) {
            break;
        }
        if (r->current == current) {
            dsi_cond_wait(r->changed, r->mutex);
        }
    }
    if (failed) {
        r->stop = true;
        dsi_cond_broadcast(r->changed);
    }
    failed = r->stop;
    dsi_mutex_unlock(r->mutex);
    if (item) {
        *out = item->batch;
        dsi_free(item);
        return DS_ROW;
    }
    if (failed) {
        rc = failure(r, err);
    }
    return rc;
}

static int next_inline(struct dsi_scan_read *r, struct dsi_batch *out,
                       struct ds_error *err)
{
    int rc = DS_OK;

    while (r->current < r->options.task_count && !r->stop) {
        if (!r->running) {
            r->running = true;
            DSI_TRY(dsi_task_open(r->options.source, &r->options.tasks[r->current],
                                  &r->run, &r->failure));
        }
        DSI_TRY(dsi_task_next(&r->run, out, &r->failure));
        if (rc == DS_ROW) {
            return rc;
        }
        dsi_task_close(&r->run);
        add_stats(&r->stats, &r->run.stats);
        r->run = (struct dsi_task_run){0};
        r->running = false;
        r->current++;
    }
done:
    if (rc < 0) {
        r->stop = true;
        r->failure.status = rc;
    }
    return r->stop ? failure(r, err) : DS_OK;
}

int dsi_scan_read_next(struct dsi_scan_read *r, struct dsi_batch *out,
                       struct ds_error *err)
{
    *out = (struct dsi_batch){0};
    return r->threads ? next_queued(r, out, err) : next_inline(r, out, err);
}

void dsi_scan_read_stats(struct dsi_scan_read *r, struct dsi_task_stats *out)
{
    dsi_mutex_lock(r->mutex);
    *out = r->stats;
    dsi_mutex_unlock(r->mutex);
    if (r->running) {
        dsi_task_count(&r->run);
        add_stats(out, &r->run.stats);
    }
}

static int start(struct dsi_scan_read *r, struct ds_error *err)
{
    size_t count = r->options.threads;
    size_t tasks = r->options.task_count;
    int rc = DS_OK;

    DSI_TRY(dsi_mutex_new(&r->mutex, err));
    DSI_TRY(dsi_cond_new(&r->changed, err));
    if (count < 2 || tasks == 0) {
        return DS_OK;
    }
    count = count < tasks ? count : tasks;
    r->threads = dsi_calloc(count, sizeof(struct dsi_thread *));
    if (!r->threads) {
        return dsi_no_memory(err, "starting a scan");
    }
    dsi_mutex_lock(r->mutex); // Those already started wait for the true count.
    while (rc == DS_OK && r->thread_count < count) {
        rc = dsi_thread_start(&r->threads[r->thread_count], work, r, err);
        r->thread_count += rc == DS_OK;
    }
    r->stop = rc < 0;
    dsi_mutex_unlock(r->mutex);
done:
    return rc;
}

int dsi_scan_read_new(const struct dsi_scan_read_options *options,
                      struct dsi_scan_read **out, struct ds_error *err)
{
    struct dsi_scan_read *r = dsi_calloc(1, sizeof *r);
    int rc = DS_OK;

    *out = NULL;
    if (!r) {
        return dsi_no_memory(err, "starting a scan");
    }
    r->options = *options;
    r->failed_task = options->task_count;
    r->progress = dsi_calloc(options->task_count + 1, sizeof *r->progress);
    if (!r->progress) {
        rc = dsi_no_memory(err, "starting a scan");
        goto done;
    }
    DSI_TRY(start(r, err));
    *out = r;
    r = NULL;
done:
    dsi_scan_read_free(r);
    return rc;
}

void dsi_scan_read_free(struct dsi_scan_read *r)
{
    if (!r) {
        return;
    }
    if (r->thread_count > 0) {
        dsi_mutex_lock(r->mutex);
        r->stop = true; // (4)
        dsi_cond_broadcast(r->changed);
        dsi_mutex_unlock(r->mutex);
    }
    for (size_t i = 0; i < r->thread_count; i++) {
        dsi_thread_join(r->threads[i]);
    }
    while (r->first) {
        struct item *item = r->first;
        r->first = item->next;
        dsi_batch_release(&item->batch);
        dsi_free(item);
    }
    dsi_task_close(&r->run);
    dsi_cond_free(r->changed);
    dsi_mutex_free(r->mutex);
    dsi_free(r->threads);
    dsi_free(r->progress);
    dsi_free(r);
}
