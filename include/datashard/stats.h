/// Counters of group commit: what the writers of a table on this machine do together.
///
/// Writers of one machine meet in a queue, where one of them commits for all. These are
/// the queue's counters, ever since its file was made: at the first commit after a start
/// of the machine, or after the file was lost. What a writer has committed that was
/// killed before it could count is in them as soon as the next one commits. They say
/// nothing of writers elsewhere, of other engines, and of commits that went without the
/// queue.
#ifndef DATASHARD_STATS_H
#define DATASHARD_STATS_H

#include "datashard/table.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    DS_STATS_WAIT_BINS = 64,
    DS_STATS_GROUP_BINS = 10,
};

struct ds_table_stats {
    uint32_t struct_size; ///< sizeof, set by the caller.
    int32_t has_queue;    ///< 0: there is none, and all that follows is 0.
    int64_t at_ms;        ///< When it was read, since 1970-01-01 UTC.
    int64_t since_ms;     ///< When counting began.
    int64_t clock_us;     ///< When it was read, by a clock that never jumps.
    int64_t elapsed_us; ///< Since counting began; of a difference, between its readings.

    uint64_t commits;      ///< Groups that were committed, by one swap each.
    uint64_t appends;      ///< Changes in them, each acknowledged by itself.
    uint64_t rows;         ///< Rows of those that travelled as rows.
    uint64_t bytes;        ///< Of all changes, as they travelled.
    uint64_t rounds_us;    ///< Time that leaders spent on groups,
    uint64_t round_us_max; ///< and the longest.

    // Swaps, and why some were in vain.
    uint64_t swaps;     ///< Asked for.
    uint64_t lost;      ///< Refused, since another writer was faster.
    uint64_t failed;    ///< Rounds that ended with an error.
    uint64_t found;     ///< Changes that turned out to be in the table already.
    uint64_t alone;     ///< Changes that were sent away, to be committed alone.
    uint64_t leaders;   ///< Leaderships.
    uint64_t takeovers; ///< Of those, from a leader that did not move.

    // From the moment a change was published until it was acknowledged.
    uint64_t wait_us;     ///< Sum over all of them.
    uint64_t wait_us_p50; ///< Half of them took no longer (to the end of a bin),
    uint64_t wait_us_p99; ///< and 99 of 100.
    uint64_t wait_us_max;
    /// How many took at most 10 x 10^(i/8) microseconds, and longer than bin i-1 says.
    /// The last bin has all that took longer than that.
    uint64_t wait_bins[DS_STATS_WAIT_BINS];
    uint64_t group_bins[DS_STATS_GROUP_BINS]; ///< Groups of 1, 2, 3-4, 5-8, …, over 256.

    // Right now.
    int64_t leader_pid;     ///< 0: nobody leads.
    uint32_t queue_waiting; ///< Changes that wait for a leader,
    uint32_t queue_claimed; ///< and that a leader is about to commit.
    uint32_t slots_used;    ///< Places taken by writers, also idle ones,
    uint32_t slots;         ///< of so many.
};

/// Reads the counters; as often as one likes, also while nobody writes. No queue is no
/// failure. DS_EDENIED and DS_EIO when there is one that cannot be read.
DS_API DS_MUST_CHECK int ds_table_stats(ds_table *table, struct ds_table_stats *out,
                                        struct ds_error *err);

/// What happened between two readings of one table: counters are the difference, the
/// quantiles are of the waits that ended in between, and what is right now is `now`'s.
/// When the counting began anew in between, it is `now`. `out` may be one of the two.
/// DS_EINVALID for a struct without its size, DS_EUNSUPPORTED for one of a newer library.
DS_API DS_MUST_CHECK int ds_stats_between(const struct ds_table_stats *before,
                                          const struct ds_table_stats *now,
                                          struct ds_table_stats *out,
                                          struct ds_error *err);

#ifdef __cplusplus
}
#endif

#endif
