/// The appender: many threads hand over rows, few commits carry them.
///
/// A hand-over is accepted (DS_OK, with a ticket), and acknowledged once it is durably in
/// the table: by a callback, or to whoever waits for its ticket. In between, rows are
/// collected, written and committed by two threads of the appender's own; commits are cut
/// by rows, bytes and time, and are in the order of the tickets.
///
/// What becomes of a hand-over:
///   refused       a row does not fit the table: DS_EINVALID with column and row, now and
///                 for this hand-over alone.
///   acknowledged  every row of it is in the table, once.
///   failed        the catalog or the storage was away for longer than the budget, or the
///                 table can't be written any more. Then everything that is not
///                 acknowledged fails with the reason, and nothing is accepted any more:
///                 ds_appender_close, ds_appender_take_back, and open another one.
///
/// While the catalog or the storage is away, a commit is tried again, with the same
/// identity, after waits of random length. One whose outcome is unknown is resolved
/// before anything else is written; so no row is ever doubled. Rows stay in memory until
/// they are acknowledged, within a bound: while it is reached, hand-overs wait.
///
/// Any number of threads may use an appender at once, close included; only
/// ds_appender_free must be the last. A child of fork has no use of its parent's: every
/// call there is DS_EINVALID.
#ifndef DATASHARD_APPENDER_H
#define DATASHARD_APPENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "datashard/arrow.h"
#include "datashard/types.h"
#include "datashard/write.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ds_appender ds_appender;

/// What became of the hand-overs from `first_ticket` to `last_ticket`, both included.
/// Everything is borrowed during the call.
struct ds_appender_ack {
    uint32_t struct_size;
    int32_t status; ///< DS_OK: durable. DS_EUNKNOWN, other: see `error`.
    uint64_t first_ticket;
    uint64_t last_ticket;
    uint64_t rows;
    uint64_t bytes;                        ///< Of the rows in memory.
    int64_t waited_us;                     ///< Since the oldest of them was handed over.
    const struct ds_commit_result *commit; ///< NULL when they were never tried.
    const struct ds_error *error;          ///< NULL when durable.
};

/// Called by a thread of the appender, one call after the other, tickets ascending; each
/// accepted hand-over is in exactly one call, before or after waits for it return. It
/// should be short: the next commit waits for it. It may hand over rows, which never
/// waits there (DS_ETIMEOUT when memory is full); waiting, flushing and closing are
/// DS_EINVALID in it.
typedef void (*ds_appender_ack_fn)(void *arg, const struct ds_appender_ack *ack);

/// All zero means the defaults.
struct ds_appender_options {
    uint32_t struct_size;
    int64_t batch_rows_max;  ///< A commit is cut at so many rows; 0: 100,000.
    int64_t batch_bytes_max; ///< Or bytes in memory; 0: 64 MiB.
    int64_t batch_ms;        ///< Or when its first row waited so long; 0: 100; -1: never.
    int64_t memory_bytes_max; ///< Of rows not yet acknowledged; 0: 256 MiB (1).
    int64_t write_wait_ms;    ///< How long a hand-over waits for memory; 0: as long as it
                              ///< takes; -1: not at all.
    int64_t budget_ms;      ///< How long a commit that fails is tried again; 0: 600,000.
    ds_appender_ack_fn ack; ///< May be NULL.
    void *ack_arg;
    /// For every commit; copied. May be NULL. Its identity must be NULL (each commit has
    /// its own), and its timeout_ms is at most what is left of the budget.
    const struct ds_commit_options *commit;
};
// (1) A hand-over is let in while less than that is in memory, so each thread may exceed
//     it by one. Besides, the data files under way take what writing takes
//     (docs/write-properties.md).

/// `options` may be NULL. The table is borrowed and outlives the appender.
/// DS_EUNSUPPORTED when this build can't write the table. The caller ends *out with
/// ds_appender_free.
DS_API DS_MUST_CHECK int ds_appender_open(ds_table *table,
                                          const struct ds_appender_options *options,
                                          ds_appender **out, struct ds_error *err);

/// Hands over one batch. Columns are matched as ds_table_append does; a schema that was
/// seen before costs a comparison. `schema` is not released; `array` always is, but on
/// DS_ETIMEOUT, when it stays the caller's as it was. `ticket` may be NULL.
///   DS_EINVALID  refused: column and row are in the message; or closed.
///   DS_ETIMEOUT  memory is full: nothing happened, hand it over again.
///   other        the appender has failed, and this is why.
DS_API DS_MUST_CHECK int ds_appender_write(ds_appender *appender,
                                           const struct ArrowSchema *schema,
                                           struct ArrowArray *array, uint64_t *ticket,
                                           struct ds_error *err);

enum ds_cell_kind {
    DS_CELL_NULL = 0,
    DS_CELL_BOOL = 1,   ///< boolean
    DS_CELL_INT = 2,    ///< int, long; days of a date; µs of times and timestamps (ns of
                        ///< timestamp_ns); double, float if exact
    DS_CELL_DOUBLE = 3, ///< double; float, rounded
    DS_CELL_TEXT = 4,   ///< string; any other type by its text as in rows.h, nested: JSON
    DS_CELL_BYTES = 5,  ///< binary, fixed, uuid
};

/// One value of a row.
struct ds_cell {
    enum ds_cell_kind kind;
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct ds_slice bytes; ///< TEXT, BYTES; borrowed during the call.
    } as;
};

/// Hands over one row: a cell a column, in the order of the table's columns when the
/// appender was opened; what is missing at the end is null. For other rules see
/// ds_appender_write.
DS_API DS_MUST_CHECK int ds_appender_write_row(ds_appender *appender,
                                               const struct ds_cell *cells, size_t count,
                                               uint64_t *ticket, struct ds_error *err);

/// Waits until the hand-over with this ticket, and all before it, are durable: DS_OK.
/// `timeout_ms` below 0: as long as it takes. DS_ETIMEOUT: not yet. Else why it failed:
/// with DS_EUNKNOWN err->detail has the token for ds_table_resolve; with any other status
/// it is not in the table.
DS_API DS_MUST_CHECK int ds_appender_wait(ds_appender *appender, uint64_t ticket,
                                          int64_t timeout_ms, struct ds_error *err);

/// Cuts a commit now, and waits for everything handed over before; as ds_appender_wait.
DS_API DS_MUST_CHECK int ds_appender_flush(ds_appender *appender, int64_t timeout_ms,
                                           struct ds_error *err);

/// Times are of the monotonic clock.
struct ds_appender_stats {
    uint32_t struct_size; ///< sizeof, set by the caller.
    uint32_t failed;      ///< 1: it accepts nothing any more.
    uint64_t writes_accepted;
    uint64_t writes_acknowledged;
    uint64_t rows_accepted;
    uint64_t rows_acknowledged;
    uint64_t bytes_accepted; ///< In memory, as all bytes here.
    uint64_t bytes_acknowledged;
    uint64_t writes_refused;
    uint64_t bytes_in_memory;
    int64_t
        oldest_ms; ///< Age of the oldest hand-over not acknowledged; 0: there is none.
    uint64_t commits;
    uint64_t failures;  ///< Tries of a commit that failed.
    int64_t failing_ms; ///< How long the commit under way has been failing, or held up
                        ///< by what is in last_error; 0: it is not.
    int64_t blocked_us; ///< What hand-overs waited for memory, all together.
    int64_t lag_us;     ///< Of the last commit: its oldest hand-over to durable.
    int64_t lag_us_max; ///< Of all commits.
    struct ds_error
        last_error; ///< What holds up the try under way (a database that is locked, an
                    ///< attempt that failed and is made again), while it does; else of
                    ///< the last try that failed; status 0: there was none.
};

DS_API DS_MUST_CHECK int ds_appender_stats(ds_appender *appender,
                                           struct ds_appender_stats *out,
                                           struct ds_error *err);

/// Accepts nothing more, commits everything that was accepted, and ends the appender's
/// threads: no callback comes after it returned. `timeout_ms` below 0: within the budget;
/// else what is not durable by then fails as if the budget had ended (a call of the
/// system under way is waited for). DS_OK when every hand-over is durable, else the first
/// failure. Again: the same answer.
DS_API DS_MUST_CHECK int ds_appender_close(ds_appender *appender, int64_t timeout_ms,
                                           struct ds_error *err);

/// After close: the rows of the hand-overs that failed, in their order. `outcome` chooses
/// those that are not in the table (DS_NOT_COMMITTED), or those of which nobody can say
/// (DS_UNKNOWN). DS_ROW: *out has them, in the table's columns, up to where these
/// changed; call again. DS_OK: there are none, or no more. The caller releases *out,
/// which outlives the appender.
DS_API DS_MUST_CHECK int ds_appender_take_back(ds_appender *appender,
                                               enum ds_outcome outcome,
                                               struct ArrowArrayStream *out,
                                               struct ds_error *err);

/// Closes it (timeout 0) if nobody has, and frees it; NULL is fine. No call may be
/// running. In a child of fork it does nothing.
DS_API void ds_appender_free(ds_appender *appender);

#ifdef __cplusplus
}
#endif

#endif
