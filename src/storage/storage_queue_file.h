// The queue's file: what lies where, and how it is read and written. Private to the files
// storage_queue*.c; the protocol is in storage_queue.h.
//
//   0        head: what the file is; never changes
//   4096     control: epoch, beat, leader; the bell of a leader that awaits more
//   6144     the note
//   8192     counters, and which intents are in them
//   12288    receipts, one for each slot, each with its owner's bell
//   28672    slots: what owners say
//   45056    claims, one for each slot
//   49152    forecasts
//   65536    intents, DSI_QUEUE_INTENT_MAX bytes for each slot; holes until used
//
// Numbers are the machine's: the file never leaves it. Control and receipts are mapped,
// as addresses of futexes (storage_queue.h (1)). A read may see half of a write, so
// whatever is more than one byte has a checksum, or does no harm when it is torn.
#ifndef DSI_STORAGE_STORAGE_QUEUE_FILE_H
#define DSI_STORAGE_STORAGE_QUEUE_FILE_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/thread.h"
#include "storage/storage_private.h"
#include "storage/storage_queue.h"

#define DSI_QUEUE_MAGIC "DSqueue"
enum { DSI_QUEUE_VERSION = 1 };

enum dsi_queue_place {
    DSI_QUEUE_AT_HEAD = 0,
    DSI_QUEUE_AT_CONTROL = 4096,
    DSI_QUEUE_AT_NOTE = 6144,
    DSI_QUEUE_AT_COUNTERS = 8192,
    DSI_QUEUE_AT_RECEIPTS = 12288,
    DSI_QUEUE_AT_SLOTS = 28672,
    DSI_QUEUE_AT_CLAIMS = 45056,
    DSI_QUEUE_AT_FORECASTS = 49152,
    DSI_QUEUE_AT_INTENTS = 65536,
    DSI_QUEUE_MAP_SIZE = DSI_QUEUE_AT_SLOTS - DSI_QUEUE_AT_CONTROL,
    DSI_QUEUE_FILE_SIZE = DSI_QUEUE_AT_INTENTS + DSI_QUEUE_SLOTS * DSI_QUEUE_INTENT_MAX,
};

// Bytes that are locked. They are far behind the end of the file.
#define DSI_QUEUE_LOCK_COUNT (UINT64_C(1) << 58) // Adding to the counters.
#define DSI_QUEUE_LOCK_MAKE (UINT64_C(1) << 59)  // Replacing the file.
#define DSI_QUEUE_LOCK_LEAD (UINT64_C(1) << 60)  // + epoch: leading.
#define DSI_QUEUE_LOCK_SLOT (UINT64_C(1) << 61)  // + slot: owning it.
#define DSI_QUEUE_LOCK_ALIVE (UINT64_C(1) << 62) // + slot and incarnation: being alive.

struct dsi_queue_head {
    char magic[8];
    uint32_t version;
    uint32_t slots;
    uint64_t intent_max;
    uint64_t file_id; // Random. All checksums have it in them.
    int64_t since_ms;
    char boot[48];
    uint64_t sum;
};

// Everything but the owners' `arrivals` is written by leaders.
struct dsi_queue_control {
    uint64_t file_id;
    uint32_t epoch;
    uint32_t kept_us; // Of the monotonic clock, its low half; 0: not (dsi_queue_kept_ns).
    uint64_t beat;
    uint32_t pid;
    uint32_t awaiting; // Not 0: a leader sleeps on `arrivals`.
    uint32_t arrivals; // A bell: any other value than before.
    uint32_t reserved_too;
};

enum dsi_slot_state {
    DSI_SLOT_FREE = 0,
    DSI_SLOT_PUBLISHED = 1,
    DSI_SLOT_WITHDRAWN = 2,
};

struct dsi_queue_slot {
    uint32_t generation;
    uint32_t word; // Its state: dsi_queue_slot_word. Not in the checksum.
    int64_t published_ns;
    struct dsi_uuid identity;
    uint32_t size;
    uint32_t incarnation; // Of the owner: see DSI_QUEUE_LOCK_ALIVE.
    uint64_t intent_sum;
    uint64_t sum;
    uint32_t pid;
    uint32_t reserved;
};

// A claim of any generation by any leader is one: `nonce` never comes twice, so an owner
// was claimed if it is another than before publication. (A stopped leader may write its
// claim of an older generation over a newer one; that must not hide the newer one.)
struct dsi_queue_claim {
    uint64_t nonce;
    uint32_t generation;
    uint32_t epoch;
};

struct dsi_queue_receipt {
    uint32_t generation;
    uint32_t kind;
    uint32_t group_size;
    uint32_t swaps;
    uint32_t conflicts;
    uint32_t reserved;
    int64_t snapshot_id;
    int64_t sequence_number;
    struct dsi_uuid identity;
    uint32_t sum;
    uint32_t bell; // The owner's futex. Last, so that it is written last.
};

struct dsi_queue_table {
    struct dsi_queue_receipt receipts[DSI_QUEUE_SLOTS];
    struct dsi_queue_slot slots[DSI_QUEUE_SLOTS];
    struct dsi_queue_claim claims[DSI_QUEUE_SLOTS];
};

_Static_assert(sizeof(struct dsi_queue_head) == 96, "layout");
_Static_assert(sizeof(struct dsi_queue_control) == 40, "layout");
_Static_assert(sizeof(struct dsi_queue_slot) == 64, "layout");
_Static_assert(sizeof(struct dsi_queue_claim) == 16, "layout");
_Static_assert(sizeof(struct dsi_queue_receipt) == 64, "layout");
_Static_assert(sizeof(struct dsi_queue_counters) == 712, "layout");
_Static_assert(DSI_QUEUE_AT_RECEIPTS + sizeof(struct dsi_queue_table) <=
                   DSI_QUEUE_AT_FORECASTS,
               "layout");

// In one page, so that even who is killed while writing it leaves all of it or nothing.
// What comes after the counters is not in their checksum: libraries that know nothing of
// it leave it alone.
struct dsi_queue_counted {
    uint64_t sum;
    struct dsi_queue_counters counters;
    uint64_t settled[DSI_QUEUE_FORECASTS]; // Of each place: up to this number.
    uint8_t reserved[272];
    uint32_t generations[DSI_QUEUE_SLOTS]; // The last of each slot that was counted.
};

_Static_assert(offsetof(struct dsi_queue_counted, settled) == 720, "layout");
_Static_assert(offsetof(struct dsi_queue_counted, generations) == 1024, "layout");
_Static_assert(sizeof(struct dsi_queue_counted) == 2048, "layout");

// What an open queue knows of a slot it owns.
struct dsi_queue_own {
    bool owned; // Its byte is locked by `fd`.
    bool busy;  // Some ticket is for it.
    uint32_t generation;
    uint32_t incarnation;
    bool doubtful;                // What was published may not all have been written.
    struct dsi_queue_claim claim; // Before publication.
};

// An intent that is in the table, and maybe not in the counters.
struct dsi_queue_tally {
    uint32_t generation; // Of its slot; 0: none.
    uint64_t bytes;
    uint64_t wait_us;
};

// A swap that has landed, and is maybe not in the counters.
struct dsi_queue_due {
    uint64_t number; // Of its forecast; 0: none.
    struct dsi_queue_counters more;
};

struct dsi_queue {
    char *path;
    struct dsi_private file; // Mapped, unless it is read_only.
    int pid;                 // Of the process that opened it.
    bool read_only;          // By dsi_queue_find.
    uint64_t file_id;
    int64_t since_ms;
    atomic_bool broken; // It will not do any more.
    _Atomic uint64_t nonce;

    struct dsi_mutex *mutex; // For what follows.
    struct dsi_queue_own own[DSI_QUEUE_SLOTS];
    const void *leader; // The thread that leads; NULL: none of this queue's.
    uint32_t epoch;     // The last that was seen, the leader's while there is one.
    uint64_t beat;
    int64_t resigned_ns; // When it led last, until it publishes again; 0: it has.
    int64_t claimed_ns;  // When it began to claim the last time.
    unsigned returns;    // So many times in a row it has come back at once.
    bool counts; // There is something that is not yet in the counters: these three.
    struct dsi_queue_counters more;
    struct dsi_queue_tally tallies[DSI_QUEUE_SLOTS];
    struct dsi_queue_due due[DSI_QUEUE_FORECASTS];
    uint64_t number;                 // Of the last forecast.
    bool open;                       // That may be one that nobody has settled,
    bool looks;                      // and so may others' be:
    bool taken[DSI_QUEUE_FORECASTS]; // of those seen, the places.
};

// A state of one generation. The two are in one byte (and more of the generation in the
// others), so that no torn read makes an old intent a new one.
static inline uint32_t dsi_queue_slot_word(uint32_t generation, enum dsi_slot_state state)
{
    return generation << 2 | (uint32_t)state;
}

static inline bool dsi_queue_slot_is(const struct dsi_queue_slot *s,
                                     enum dsi_slot_state state)
{
    return s->word == dsi_queue_slot_word(s->generation, state);
}

static inline uint64_t dsi_queue_at_slot(uint32_t slot)
{
    return DSI_QUEUE_AT_SLOTS + (uint64_t)slot * sizeof(struct dsi_queue_slot);
}

static inline uint64_t dsi_queue_at_receipt(uint32_t slot)
{
    return DSI_QUEUE_AT_RECEIPTS + (uint64_t)slot * sizeof(struct dsi_queue_receipt);
}

static inline uint64_t dsi_queue_at_claim(uint32_t slot)
{
    return DSI_QUEUE_AT_CLAIMS + (uint64_t)slot * sizeof(struct dsi_queue_claim);
}

static inline uint64_t dsi_queue_at_bell(uint32_t slot)
{
    return dsi_queue_at_receipt(slot) + offsetof(struct dsi_queue_receipt, bell);
}

static inline uint64_t dsi_queue_at_intent(uint32_t slot)
{
    return DSI_QUEUE_AT_INTENTS + (uint64_t)slot * DSI_QUEUE_INTENT_MAX;
}

/// Orders what was written before it against what is read after it: (3).
static inline void dsi_queue_fence(void)
{
// The thread sanitizer knows nothing of fences; nor does it of files.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wtsan"
#endif
    atomic_thread_fence(memory_order_seq_cst);
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
}

/// Reads exactly `size` bytes; false also when the file is too short.
bool dsi_queue_get(struct dsi_queue *q, uint64_t offset, void *out, size_t size);

/// Writes all of them: 0, or a negative errno.
int dsi_queue_put(struct dsi_queue *q, uint64_t offset, const void *bytes, size_t size);

/// Reads the control block; false, and the queue is broken, when it is not this file's.
bool dsi_queue_get_control(struct dsi_queue *q, struct dsi_queue_control *out);

/// The slot `slot`, when it is whole and has the generation and identity of `t`; false
/// otherwise. Its state may be any.
bool dsi_queue_get_slot(struct dsi_queue *q, const struct dsi_ticket *t,
                        struct dsi_queue_slot *out);

uint64_t dsi_queue_slot_sum(const struct dsi_queue *q, uint32_t slot,
                            const struct dsi_queue_slot *s);
uint32_t dsi_queue_receipt_sum(const struct dsi_queue *q, uint32_t slot,
                               const struct dsi_queue_receipt *r);

/// True when the receipt is whole and answers what is published in the slot.
bool dsi_queue_is_answered(const struct dsi_queue *q, uint32_t slot,
                           const struct dsi_queue_slot *s,
                           const struct dsi_queue_receipt *r);

/// Reads all receipts, slots and claims; each may be torn. While no slot is published,
/// there are none of the others.
bool dsi_queue_get_table(struct dsi_queue *q, struct dsi_queue_table *out);

/// True when what the table says of the slot is published, whole, and not answered.
bool dsi_queue_is_waiting(const struct dsi_queue *q, const struct dsi_queue_table *table,
                          uint32_t slot);

/// True while who published `s` in the slot lives: a test of its lock.
bool dsi_queue_is_alive(struct dsi_queue *q, uint32_t slot,
                        const struct dsi_queue_slot *s);

/// A number that no other call gives, in any process.
uint64_t dsi_queue_nonce(struct dsi_queue *q);

/// The address of a futex.
const void *dsi_queue_word(const struct dsi_queue *q, uint64_t offset);

/// Gives up a slot that cannot be written any more: its owner counts as dead, so whatever
/// it says is nobody's wish.
void dsi_queue_give_up(struct dsi_queue *q, uint32_t slot);

/// True when this thread leads. With the mutex.
bool dsi_queue_leads(const struct dsi_queue *q);

/// Takes leadership if nobody has it. *control is what was seen; false also when that
/// could not be read (the queue is broken then). *kept_ns: for so long it was kept for
/// another process when this looked; 0: that is not why. Who asks again with a later
/// clock may hear that it is free, and would not know that nobody is going to wake him.
bool dsi_queue_lead(struct dsi_queue *q, struct dsi_queue_control *control,
                    int64_t *kept_ns);

/// How long leadership is still kept for the process that led last (dsi_queue_recess); 0:
/// it is not, or this is that process.
int64_t dsi_queue_kept_ns(const struct dsi_queue *q, const struct dsi_queue_control *c);

/// This process publishes again: how long after it led decides whether leadership will be
/// kept for it. With the mutex.
void dsi_queue_came_back(struct dsi_queue *q, int64_t now_ns);

/// Keeps leadership for this process, which has it and is about to give it up, if it
/// mostly comes back at once; false: it does not, or that cannot be written. Who
/// published before *since_ns and still waits was left out.
bool dsi_queue_keep(struct dsi_queue *q, int64_t *since_ns);

/// Keeps it no longer.
void dsi_queue_keep_not(struct dsi_queue *q);

/// Takes leadership over from the leader of `epoch`, which does not move; `step` (from 1
/// on) grows when those who tried before do not move either.
bool dsi_queue_take_over(struct dsi_queue *q, uint32_t epoch, uint32_t step);

/// Reads the counters to add to them, with the mutex; false while another is adding. Ends
/// by dsi_queue_put_counted.
DS_MUST_CHECK bool dsi_queue_take_counted(struct dsi_queue *q,
                                          struct dsi_queue_counted *out);
void dsi_queue_put_counted(struct dsi_queue *q, struct dsi_queue_counted *c);

/// Adds `more`, the larger one of maxima.
void dsi_queue_add(struct dsi_queue_counters *to, const struct dsi_queue_counters *more);

/// Adds a member, unless it, or a later one in its slot, is counted.
void dsi_queue_add_tally(struct dsi_queue_counted *c, uint32_t slot,
                         const struct dsi_queue_tally *t);

/// Adds what is not in the counters yet, if there is anything.
void dsi_queue_count_rest(struct dsi_queue *q);

#endif
