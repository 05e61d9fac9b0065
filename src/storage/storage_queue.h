// The queue in which the writers of one table on one machine publish what they want
// committed, and in which one of them, the leader, finds it and leaves the answers.
//
// It is one small file beside the table's lock. What it holds is bytes to this layer:
// intents, receipts, a note, counters. Nothing of it is ever synced, and losing it loses
// no row: whoever waits for an answer that does not come finds out without the queue.
//
// (1) The file is read and written by pread and pwrite only. A page of it is mapped, but
//     just as the address of futexes, which the kernel alone touches: a file that is
//     truncated or scribbled over under us gives an error, never a signal.
// (2) Every word of a slot has one writer: the slot's owner (state, generation, intent)
//     or a leader (claim, receipt). CLAIMED is sticky until the slot is published anew.
// (3) A leader writes CLAIMED, then reads the owner's word; an owner writes WITHDRAWN,
//     then reads CLAIMED: at least one of the two sees the other (a full fence between).
// (4) A slot belongs to who holds the lock on its byte; a leadership to who holds the
//     lock on the byte of its epoch. The kernel drops both with their holder. Neither is
//     the reason why anything is correct: the swap is.
// (5) What is read is hostile until its checksum, identity and generation match.
// (6) A file of another version or boot, or that is damaged, is replaced by a new one
//     under the same name; holders of the old one see that it has no name any more.
#ifndef DSI_STORAGE_STORAGE_QUEUE_H
#define DSI_STORAGE_STORAGE_QUEUE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/random.h"
#include "datashard/status.h"

struct dsi_queue;

enum {
    DSI_QUEUE_SLOTS = 256,            ///< Intents at one time.
    DSI_QUEUE_INTENT_MAX = 128 << 10, ///< Bytes of one.
    DSI_QUEUE_NOTE_MAX = 64,          ///< Bytes of the note.
    DSI_QUEUE_ABOUT_MAX = 64,         ///< Bytes that say which swap a forecast is of.
    DSI_QUEUE_FORECASTS = 4,          ///< Forecasts at one time.
    DSI_QUEUE_WAIT_BINS = 64,         ///< See dsi_queue_bin_us.
    DSI_QUEUE_SIZE_BINS = 10,         ///< Groups of 1, 2, 3-4, 5-8, … members.
};

/// A waiter takes leadership over when it sees no beat for this long.
#define DSI_QUEUE_STUCK_NS INT64_C(1000000000)

/// So long leadership is kept at most, for a process that comes back to it at once.
#define DSI_QUEUE_KEPT_NS INT64_C(2000000)

/// Opens the queue at `path` (a file's path, not a URI), making it when it is not there,
/// with the permissions of its directory. DS_EUNSUPPORTED where processes cannot meet in
/// a file (a network file system, no locks or futexes), DS_EDENIED where it cannot be
/// written. `path` is copied. Ends by dsi_queue_free. Any thread; a forked child must
/// open its own (dsi_queue_is_ours tells).
DS_MUST_CHECK int dsi_queue_open(const char *path, struct dsi_queue **out,
                                 struct ds_error *err);
void dsi_queue_free(struct dsi_queue *q); ///< NULL is fine. No call may be running.

/// Opens it for looking only (dsi_queue_look, dsi_queue_note), with the right to read.
/// DS_ENOTFOUND: there is none in use; nothing is made.
DS_MUST_CHECK int dsi_queue_find(const char *path, struct dsi_queue **out,
                                 struct ds_error *err);

/// False in a process that was forked from the one that opened it: then only
/// dsi_queue_free is left. Its file is closed there already (storage_private.h), so that
/// the parent's intents and leadership end with the parent.
bool dsi_queue_is_ours(const struct dsi_queue *q);

/// False when the file has lost its name (6): open it anew when nobody uses this one.
bool dsi_queue_is_current(const struct dsi_queue *q);

// ---- The owner's side ----------------------------------------------------------------

/// A place in the queue. Plain data, of one owner.
struct dsi_ticket {
    uint32_t slot;
    uint32_t generation;
    struct dsi_uuid identity;
};

/// Takes a free slot and publishes `intent` (at most DSI_QUEUE_INTENT_MAX bytes) in it.
/// DS_ENOSPACE: all slots are taken, or the disk is full. Ends by dsi_queue_leave.
DS_MUST_CHECK int dsi_queue_publish(struct dsi_queue *q, const struct dsi_uuid *identity,
                                    struct ds_slice intent, struct dsi_ticket *out,
                                    struct ds_error *err);

/// What a leader leaves for an owner.
enum dsi_receipt_kind {
    DSI_RECEIPT_COMMITTED = 1, ///< The swap said yes: it is in the table, durably.
    DSI_RECEIPT_ALONE = 2,     ///< Not by this group. Decides nothing: commit it alone.
};

struct dsi_receipt {
    enum dsi_receipt_kind kind;
    uint32_t group_size; ///< Members of the group it was committed in.
    uint32_t swaps;      ///< Swaps of that group, and
    uint32_t conflicts;  ///< those lost.
    int64_t snapshot_id; ///< -1: no snapshot.
    int64_t sequence_number;
};

enum dsi_queue_event {
    DSI_QUEUE_RECEIPT, ///< *receipt is filled.
    DSI_QUEUE_LEAD,    ///< Nobody leads: the caller does now, until it resigns.
    DSI_QUEUE_LATE,    ///< `until_ns` passed, or the caller has cancelled.
    DSI_QUEUE_BROKEN,  ///< The file is damaged or gone.
};

/// Waits for the first of these (until_ns: monotonic clock). Leadership is tried at once,
/// so a lone writer waits for nobody.
enum dsi_queue_event dsi_queue_wait(struct dsi_queue *q, const struct dsi_ticket *t,
                                    int64_t until_ns, struct dsi_receipt *receipt);

/// Marks the intent WITHDRAWN. False: no leader has ever claimed it, and none will. True:
/// one may have (3); it may still commit it on a head that was read before this returned.
bool dsi_queue_withdraw(struct dsi_queue *q, const struct dsi_ticket *t);

/// Gives the slot back; after a receipt or a withdrawal.
void dsi_queue_leave(struct dsi_queue *q, const struct dsi_ticket *t);

// ---- The leader's side ---------------------------------------------------------------
// Leadership is a thread's: what follows is to be called by the one that got it, from
// DSI_QUEUE_LEAD or dsi_queue_try_lead to dsi_queue_resign or dsi_queue_recess.

/// Takes leadership if nobody has it (a beat is counted): for a writer that comes with a
/// change, and publishes it if this says no.
bool dsi_queue_try_lead(struct dsi_queue *q);

/// Gives it up, and wakes one waiter to lead next.
void dsi_queue_resign(struct dsi_queue *q);

/// The same of a leader whose round went well. Where its process has come back sooner
/// than DSI_QUEUE_KEPT_NS, and than the round took, the last times, nobody else leads for
/// DSI_QUEUE_KEPT_NS: it has the table's state and all that a commit needs, which others
/// would have to read anew. But not if somebody waits whom it has left out.
void dsi_queue_recess(struct dsi_queue *q);

/// "I am alive": at every stage of a round. False: somebody has taken over (which decides
/// nothing either, but makes going on pointless).
bool dsi_queue_beat(struct dsi_queue *q);

/// A claimed intent.
struct dsi_claim {
    struct dsi_ticket ticket;
    struct ds_slice intent; ///< In the arena.
    int64_t published_ns;   ///< Monotonic clock.
    bool first; ///< Published by this very handle, and claimed by nobody before.
};

/// Claims what is published, in the order of publication, at most `bytes_max` bytes of
/// intents in all (but one at least): (3). To be called after the head was read that they
/// shall be applied to. What has a receipt already, is damaged, was withdrawn, or whose
/// owner has died is left out; what is damaged is sent away alone.
DS_MUST_CHECK int dsi_queue_claim(struct dsi_queue *q, size_t bytes_max,
                                  struct dsi_arena *arena, struct dsi_claim **out,
                                  size_t *count, struct ds_error *err);

/// Whether the owner of a claimed intent lives and still waits for it: to be asked again
/// after each head that was read, before a swap on it.
bool dsi_queue_still_wanted(struct dsi_queue *q, const struct dsi_claim *c);

/// Leaves a receipt and wakes the owner. A slot that is somebody else's by now is left
/// alone.
void dsi_queue_answer(struct dsi_queue *q, const struct dsi_claim *c,
                      const struct dsi_receipt *r);

/// Waits until at least `want` unclaimed intents are published, at most `ns`.
void dsi_queue_await(struct dsi_queue *q, size_t want, int64_t ns);

// ---- The note, and counters ----------------------------------------------------------

/// A few bytes that leaders leave for everybody: the newest version they know of.
void dsi_queue_set_note(struct dsi_queue *q, struct ds_slice note);

/// What was left; 0 bytes when there is nothing whole.
size_t dsi_queue_note(struct dsi_queue *q, uint8_t out[DSI_QUEUE_NOTE_MAX]);

/// What leaders add up, ever since the file was made. Leaderships and takeovers the queue
/// counts by itself.
struct dsi_queue_counters {
    uint64_t groups;  ///< Swaps that said yes.
    uint64_t appends; ///< Members that are in the table, each once.
    uint64_t rows;
    uint64_t bytes;     ///< Of intents.
    uint64_t swaps;     ///< Requests, and
    uint64_t lost;      ///< of those, refused: somebody else was faster.
    uint64_t failed;    ///< Attempts that ended in an error.
    uint64_t found;     ///< Members that another leader had committed already.
    uint64_t alone;     ///< Members sent away.
    uint64_t leaders;   ///< Leaderships.
    uint64_t takeovers; ///< Of those, from a leader that did not move.
    uint64_t round_us;  ///< Sum of the time of all rounds.
    uint64_t round_us_max;
    uint64_t wait_us; ///< Sum over members, from publication to receipt.
    uint64_t wait_us_max;
    uint64_t wait_bins[DSI_QUEUE_WAIT_BINS];
    uint64_t size_bins[DSI_QUEUE_SIZE_BINS];
};

/// Takes note that a claimed intent is in the table: the next dsi_queue_count adds it to
/// `appends`, `bytes` and the waits, unless another leader has done so. To be counted
/// before its receipt is left: whoever is killed in between has a successor that finds
/// it in the table, and would not know.
void dsi_queue_count_member(struct dsi_queue *q, const struct dsi_claim *c);

/// Adds to `c` an append that was published nowhere, of `bytes`, and what it has waited.
void dsi_queue_add_append(struct dsi_queue_counters *c, uint64_t bytes, uint64_t wait_us);

/// Adds what a round did (maxima: the larger one), and the members. While another leader
/// is adding, stopped there perhaps, it is kept for the next time.
void dsi_queue_count(struct dsi_queue *q, const struct dsi_queue_counters *more);

// ---- Forecasts ------------------------------------------------------------------------

// Who is killed between its swap and counting has told nobody what it has committed. So a
// leader leaves before each swap what that is going to add if it lands. Who leads next
// sees in the table whether it did, and adds it. It is added once, also when the first
// was not killed but stopped, and counts when it wakes up; by one write, so that whoever
// dies in between has added all of it or nothing.

/// What was foretold: a value. `number` 0: nothing was.
struct dsi_queue_forecast {
    uint64_t number; ///< Of two in one place, the later one has the larger.
    uint32_t epoch;
};

/// Foretells, before a swap, what is added if it lands: `more`, and these members.
/// `about` says to who looks for it which swap it is. It takes the place of what this
/// leadership has foretold before.
void dsi_queue_foretell(struct dsi_queue *q, struct ds_slice about,
                        const struct dsi_queue_counters *more,
                        const struct dsi_claim *const *members, size_t count,
                        struct dsi_queue_forecast *out);

/// The swap has landed: the next dsi_queue_count adds `more`, unless somebody else has
/// added what was foretold. (The members are counted by themselves.)
void dsi_queue_count_landed(struct dsi_queue *q, const struct dsi_queue_forecast *f,
                            const struct dsi_queue_counters *more);

/// A forecast of which nobody has said whether it came true.
struct dsi_queue_foretold {
    struct dsi_queue_forecast forecast;
    bool over; ///< Whoever made it does not lead any more, and is in no swap.
    uint8_t about[DSI_QUEUE_ABOUT_MAX];
    size_t about_size;
};

/// All of those: how many. Without a call when nobody else has led, and nothing of what
/// was foretold is open, since the last time; unless somebody was ever taken over.
size_t dsi_queue_foretold(struct dsi_queue *q,
                          struct dsi_queue_foretold out[DSI_QUEUE_FORECASTS]);

/// Says whether it landed: then what was foretold is added, unless that is done. While
/// another leader is adding, it is left for the next time.
void dsi_queue_settle(struct dsi_queue *q, const struct dsi_queue_foretold *f,
                      bool landed);

/// The bin of a wait, and the upper end of a bin in microseconds: eight bins to each
/// factor of ten, from 10 microseconds on.
size_t dsi_queue_bin_of(int64_t us);
int64_t dsi_queue_bin_us(size_t bin);
size_t dsi_queue_size_bin_of(size_t members);

/// The queue as it is now.
struct dsi_queue_view {
    struct dsi_queue_counters counters;
    int64_t since_ms;   ///< Wall clock: when the file was made.
    int64_t leader_pid; ///< 0: nobody leads.
    uint32_t epoch;
    uint32_t published;  ///< Waiting for a leader,
    uint32_t claimed;    ///< and in a leader's hands.
    uint32_t slots_used; ///< Slots with an owner, also idle ones that it keeps.
};
DS_MUST_CHECK int dsi_queue_look(struct dsi_queue *q, struct dsi_queue_view *out,
                                 struct ds_error *err);

#endif
