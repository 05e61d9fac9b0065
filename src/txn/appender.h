// The appender: rows from many threads, collected into parcels, committed in order.
//
// (1) Tickets are numbers that ascend without gaps; parcels hold stretches of them, one
//     after the other. So what is acknowledged is all up to one number.
// (2) Hand-overs wait while memory is full; nothing else of them does but for the lock.
// (3) Two threads: one writes files of the parcel that is open, one commits those that
//     are closed, of which there is at most one waiting. While that one waits, the open
//     parcel grows: the slower commits are, the more rows each has.
// (4) After a failure nothing is accepted and nothing is tried; every hand-over not
//     acknowledged is kept, in order, with what is known of it.
// (5) No callback is called with the lock held, or after dsi_appender_close returned.
#ifndef DSI_TXN_APPENDER_H
#define DSI_TXN_APPENDER_H

#include "txn/parcel.h"

struct dsi_appender;

/// Contracts as in include/datashard/appender.h. `options` is of this library's size and
/// was checked for signs; what it points at is copied.
DS_MUST_CHECK int dsi_appender_open(struct dsi_table *table,
                                    const struct ds_appender_options *options,
                                    struct dsi_appender **out, struct ds_error *err);

DS_MUST_CHECK int dsi_appender_write(struct dsi_appender *a,
                                     const struct ArrowSchema *schema,
                                     struct ArrowArray *array, uint64_t *ticket,
                                     struct ds_error *err);
DS_MUST_CHECK int dsi_appender_write_row(struct dsi_appender *a,
                                         const struct ds_cell *cells, size_t count,
                                         uint64_t *ticket, struct ds_error *err);
DS_MUST_CHECK int dsi_appender_wait(struct dsi_appender *a, uint64_t ticket,
                                    int64_t timeout_ms, struct ds_error *err);
DS_MUST_CHECK int dsi_appender_flush(struct dsi_appender *a, int64_t timeout_ms,
                                     struct ds_error *err);

/// Fills all of *out.
DS_MUST_CHECK int dsi_appender_stats(struct dsi_appender *a,
                                     struct ds_appender_stats *out, struct ds_error *err);
DS_MUST_CHECK int dsi_appender_close(struct dsi_appender *a, int64_t timeout_ms,
                                     struct ds_error *err);
DS_MUST_CHECK int dsi_appender_take_back(struct dsi_appender *a, enum ds_outcome outcome,
                                         struct ArrowArrayStream *out,
                                         struct ds_error *err);
void dsi_appender_free(struct dsi_appender *a); // NULL is fine.

#endif
