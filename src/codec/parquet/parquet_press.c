#include "codec/parquet/parquet_press.h"

#include <assert.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "base/crew.h"
#include "base/error.h"
#include "base/thread.h"

#define PAGE_BYTES_MAX ((size_t)INT32_MAX - 1024)

enum {
    WORTH_BYTES = 1 << 20,  // A file of no more gets no helper …
    SMALL_BYTES = 16 << 10, // … and a page of no more is not handed over.
    ASK_BYTES = 16 << 20,   // So many on, a helper is asked for again.
    HEADER_MAX = 256,
    GROWTH = 6, // No codec adds more than one in so many bytes.
};

#define LONG_NS INT64_C(1000000000000)

enum state { FREE, WAITING, PRESSING, DONE };

// Who presses what waits, the oldest first: a thread that waits for this one anyway, or
// one that does nothing else.
struct dsi_parquet_helper {
    struct dsi_parquet_press *press;
    struct dsi_crew *crew; // Its lock guards the slots' states, and `over`.
    struct dsi_crew_place place;
    struct dsi_thread *thread; // NULL: the crew has somebody who waits, …
    bool counted;              // … else it is among `helpers`.
    bool over;
    unsigned generation;              // Of the process whose threads they are (3).
    struct dsi_compressor *own;       // Of this thread, …
    struct dsi_compressor compressor; // … and of the other one.
    struct ds_error
        errors[DSI_PARQUET_SHEETS]; // Of the slots: most files have no helper.
};

static atomic_int helpers; // Threads of this process (2), which is of …
static atomic_uint helpers_generation;

struct ds_slice dsi_parquet_sheet_body(const struct dsi_parquet_sheet *s)
{
    return dsi_buf_slice(s->codec == DSI_COMPRESSION_NONE ? &s->raw : &s->body);
}

int dsi_parquet_press_one(struct dsi_parquet_sheet *s, struct dsi_compressor *with,
                          struct ds_error *err)
{
    struct ds_slice body;
    int rc = DS_OK;

    s->body.size = 0;
    if (s->codec != DSI_COMPRESSION_NONE) {
        DSI_TRY(dsi_compress_with(with, s->codec, s->level, dsi_buf_slice(&s->raw),
                                  &s->body, err));
    }
    body = dsi_parquet_sheet_body(s);
    // An index counts the header too.
    if (s->raw.size > PAGE_BYTES_MAX || body.size > PAGE_BYTES_MAX) {
        return dsi_fail(err, DS_EUNSUPPORTED, "a page of %zu bytes", s->raw.size);
    }
    s->page.uncompressed_size = (int32_t)s->raw.size;
    s->page.compressed_size = (int32_t)body.size;
    s->page.has_crc = true;
    s->page.crc = dsi_crc32(0, body);
done:
    return rc;
}

static struct dsi_parquet_slot *nth(struct dsi_parquet_press *p, size_t i)
{
    return &p->slots[(p->first + i) % DSI_PARQUET_SHEETS];
}

static struct ds_error *error_of(struct dsi_parquet_helper *h,
                                 const struct dsi_parquet_slot *s)
{
    return &h->errors[s - h->press->slots];
}

// With the lock: the oldest page that waits; NULL: none does.
static struct dsi_parquet_slot *find_waiting(struct dsi_parquet_press *p)
{
    for (size_t i = 0; i < DSI_PARQUET_SHEETS; i++) {
        struct dsi_parquet_slot *s = nth(p, i);
        if (s->state == WAITING) {
            return s;
        }
    }
    return NULL;
}

// With the lock, which is given back in between. A fork waits for who helps (3), who
// could enter once already.
static void press_slot(struct dsi_parquet_helper *h, struct dsi_parquet_slot *s,
                       struct dsi_compressor *with, bool helping)
{
    s->state = PRESSING;
    dsi_crew_unlock(h->crew);
    bool entered = helping && dsi_fork_enter(NULL) == DS_OK;
    s->rc = dsi_parquet_press_one(&s->sheet, with, error_of(h, s));
    if (entered) {
        dsi_fork_leave();
    }
    dsi_crew_lock(h->crew);
    s->state = DONE;
    dsi_crew_moved(h->crew);
}

// The crew's: by the other thread, or by this one where it waits for something else.
static bool help(void *arg)
{
    struct dsi_parquet_helper *h = arg;
    struct dsi_parquet_slot *s = find_waiting(h->press);
    bool here = dsi_crew_current() == h->crew;

    if (s) {
        press_slot(h, s, here ? h->own : &h->compressor, true);
    }
    return s != NULL;
}

// The thread that does nothing else.
static void help_on(void *arg)
{
    struct dsi_parquet_helper *h = arg;

    dsi_crew_lock(h->crew);
    while (!h->over) {
        dsi_crew_help(h->crew, LONG_NS);
    }
    dsi_crew_unlock(h->crew);
}

static bool is_left_behind(const struct dsi_parquet_helper *h)
{
    return h->generation != dsi_fork_generation();
}

static void helper_free(struct dsi_parquet_helper *h)
{
    if (!h || is_left_behind(h)) {
        return; // What a child has of a parent's cannot be freed (3).
    }
    if (h->place.help) {
        dsi_crew_lock(h->crew);
        h->over = true;
        dsi_crew_moved(h->crew);
        dsi_crew_remove(h->crew, &h->place);
        dsi_crew_unlock(h->crew);
    }
    dsi_thread_join(h->thread);
    if (h->counted) {
        atomic_fetch_sub(&helpers, 1);
    }
    dsi_compressor_release(&h->compressor);
    dsi_crew_free(h->crew);
    dsi_free(h);
}

// Whether there are processors for another thread (2).
static bool count_in(unsigned generation)
{
    if (atomic_exchange(&helpers_generation, generation) != generation) {
        atomic_store(&helpers, 0); // They are the parent's.
    }
    bool yes = atomic_fetch_add(&helpers, 1) < dsi_thread_cores() - 1;
    if (!yes) {
        atomic_fetch_sub(&helpers, 1);
    }
    return yes;
}

// Leaves pages to the crew of this thread, or to a crew of its own with a thread that
// does nothing else.
static int find_help(struct dsi_parquet_helper *h, struct ds_error *err)
{
    struct dsi_crew *crew = dsi_crew_current();
    int rc = DS_OK;

    if (crew) {
        h->crew = dsi_crew_keep(crew);
    } else if ((h->counted = count_in(h->generation))) {
        DSI_TRY(dsi_crew_new(&h->crew, err));
    } else {
        return dsi_fail(err, DS_EUNSUPPORTED, "there are enough threads");
    }
    h->place = (struct dsi_crew_place){.help = help, .arg = h};
    dsi_crew_lock(h->crew);
    dsi_crew_add(h->crew, &h->place);
    dsi_crew_unlock(h->crew);
    if (!crew) {
        DSI_TRY(dsi_thread_start(&h->thread, help_on, h, err));
    }
done:
    return rc;
}

static int helper_new(struct dsi_parquet_press *p, struct dsi_compressor *own,
                      struct dsi_parquet_helper **out, struct ds_error *err)
{
    struct dsi_parquet_helper *h = NULL;

    *out = NULL;
    int rc = dsi_fork_enter(err);
    if (rc < 0) {
        return rc; // Forks cannot be seen.
    }
    const unsigned generation = dsi_fork_generation();
    dsi_fork_leave();
    h = dsi_calloc(1, sizeof *h);
    if (!h) {
        return dsi_no_memory(err, "a thread that compresses pages");
    }
    h->press = p;
    h->own = own;
    h->generation = generation;
    DSI_TRY(find_help(h, err));
    *out = h;
    h = NULL;
done:
    helper_free(h);
    return rc;
}

// A helper from the next page on, if there is so much to do.
static void consider_helper(struct dsi_parquet_press *p, enum dsi_compression codec,
                            struct dsi_compressor *own)
{
    if (!p->helper && p->bytes > WORTH_BYTES && p->bytes >= p->ask_at &&
        codec != DSI_COMPRESSION_NONE) {
        p->ask_at = p->bytes + ASK_BYTES;
        DSI_IGNORE(helper_new(p, own, &p->helper, NULL)); // It can be done without.
    }
}

// A page that the helper had.
static int take(struct dsi_parquet_helper *h, struct dsi_parquet_slot *s,
                struct ds_error *err)
{
    if (s->rc < 0 && err) {
        *err = *error_of(h, s);
    }
    return s->sheet.take(&s->sheet, s->rc, err);
}

// The oldest page leaves. While the helper has it, others that wait are pressed.
static int retire(struct dsi_parquet_press *p, struct dsi_compressor *own,
                  struct ds_error *err)
{
    struct dsi_parquet_helper *h = p->helper;
    struct dsi_parquet_slot *s = nth(p, 0);
    struct dsi_parquet_slot *next = NULL;
    bool done = false;

    if (h) {
        dsi_crew_lock(h->crew);
    }
    while (s->state == WAITING || s->state == PRESSING) {
        next = find_waiting(p);
        if (next) {
            press_slot(h, next, own, false);
        } else {
            dsi_crew_wait(h->crew);
        }
    }
    done = s->state == DONE;
    s->state = FREE;
    p->first = (p->first + 1) % DSI_PARQUET_SHEETS;
    p->count--;
    if (h) {
        dsi_crew_unlock(h->crew);
    }
    return done ? take(h, s, err) : DS_OK; // Else it was taken at once.
}

// Does without a helper that was left behind (3): its pages are pressed and taken, as all
// are where there is none.
static int let_go(struct dsi_parquet_press *p, struct dsi_compressor *own,
                  struct ds_error *err)
{
    struct dsi_parquet_helper *h = p->helper;

    if (!h || !is_left_behind(h)) {
        return DS_OK;
    }
    p->helper = NULL;
    for (size_t i = 0; i < p->count; i++) {
        struct dsi_parquet_slot *s = nth(p, i);
        if (s->state == WAITING || s->state == PRESSING) {
            s->rc = dsi_parquet_press_one(&s->sheet, own, error_of(h, s));
        }
        if (s->state != FREE) {
            s->state = FREE;
            int rc = take(h, s, err);
            if (rc < 0) {
                return rc;
            }
            s->taken = s->sheet.taken;
        }
    }
    return DS_OK;
}

int dsi_parquet_press_sheet(struct dsi_parquet_press *p, struct dsi_compressor *own,
                            struct dsi_parquet_sheet **out, struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(let_go(p, own, err));
    if (p->count == DSI_PARQUET_SHEETS) {
        DSI_TRY(retire(p, own, err));
    }
    *out = p->helper ? &nth(p, p->count)->sheet : &p->alone;
    (*out)->raw.size = 0;
    (*out)->raw.pooled = true;
    (*out)->body.pooled = true;
done:
    return rc;
}

// To the helper, unless the page is small, or the helper was left behind since the sheet
// was given.
static void hand_over(struct dsi_parquet_helper *h, struct dsi_parquet_slot *slot,
                      struct dsi_compressor *own)
{
    bool left_behind = is_left_behind(h);
    bool here = left_behind || slot->sheet.raw.size <= SMALL_BYTES;

    if (here) {
        slot->rc = dsi_parquet_press_one(&slot->sheet, own, error_of(h, slot));
    }
    if (left_behind) { // Its lock may be held for ever.
        slot->state = DONE;
        return;
    }
    dsi_crew_lock(h->crew);
    slot->state = here ? DONE : WAITING;
    dsi_crew_moved(h->crew);
    dsi_crew_unlock(h->crew);
}

int dsi_parquet_press_put(struct dsi_parquet_press *p, struct dsi_compressor *own,
                          struct ds_error *err)
{
    struct dsi_parquet_helper *h = p->helper;
    struct dsi_parquet_slot *slot = nth(p, p->count);
    struct dsi_parquet_sheet *s = h ? &slot->sheet : &p->alone;
    enum dsi_compression codec = s->codec;
    int rc = DS_OK;

    assert(p->count < DSI_PARQUET_SHEETS);
    slot->raw = s->raw.size;
    slot->taken = 0;
    slot->rc = DS_OK;
    if (h) {
        hand_over(h, slot, own);
    } else {
        rc = dsi_parquet_press_one(s, own, err);
        DSI_TRY(s->take(s, rc, err));
        slot->taken = s->taken;
    }
    p->count++;
    p->bytes += slot->raw;
    consider_helper(p, codec, own);
done:
    return rc;
}

int dsi_parquet_press_drain(struct dsi_parquet_press *p, struct dsi_compressor *own,
                            struct ds_error *err)
{
    int rc = DS_OK;

    DSI_TRY(let_go(p, own, err));
    while (p->count > 0) {
        DSI_TRY(retire(p, own, err));
    }
done:
    return rc;
}

void dsi_parquet_press_rest(struct dsi_parquet_press *p)
{
    assert(p->count == 0);
    helper_free(p->helper);
    p->helper = NULL;
}

void dsi_parquet_press_release(struct dsi_parquet_press *p)
{
    helper_free(p->helper);
    dsi_buf_release(&p->alone.raw);
    dsi_buf_release(&p->alone.body);
    for (size_t i = 0; i < DSI_PARQUET_SHEETS; i++) {
        dsi_buf_release(&p->slots[i].sheet.raw);
        dsi_buf_release(&p->slots[i].sheet.body);
    }
    *p = (struct dsi_parquet_press){0};
}

size_t dsi_parquet_press_taken(const struct dsi_parquet_press *p)
{
    size_t taken = 0;

    for (size_t i = 0; i < p->count; i++) {
        taken += p->slots[(p->first + i) % DSI_PARQUET_SHEETS].taken;
    }
    return taken;
}

int64_t dsi_parquet_press_size(const struct dsi_parquet_press *p)
{
    int64_t size = 0;

    for (size_t i = 0; i < p->count; i++) {
        const struct dsi_parquet_slot *s = &p->slots[(p->first + i) % DSI_PARQUET_SHEETS];
        size += (int64_t)(s->raw + s->raw / GROWTH + HEADER_MAX) - (int64_t)s->taken;
    }
    return size;
}
