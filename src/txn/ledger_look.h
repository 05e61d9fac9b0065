// Looking an identity up where a table's history no longer reaches back: in its ledger.
#ifndef DSI_TXN_LEDGER_LOOK_H
#define DSI_TXN_LEDGER_LOOK_H

#include "txn/ledger.h"
#include "txn/look.h"

struct dsi_ledger_sight {
    enum dsi_sighting sighting;
    int64_t snapshot_id; // FOUND: of the snapshot that has it.
    int64_t sequence_number;
};

/// FOUND: the identity is in a snapshot, retained or forgotten. ABSENT: it is in none,
/// and the retained and the forgotten ones together are all there ever were with sequence
/// numbers above `since`. BROKEN: not seen, but some are missing. Reads the ledger's
/// files, newest first and no more of them than it takes; one that is lost or damaged is
/// as if it were not.
DS_MUST_CHECK int dsi_ledger_look(ds_storage *storage, const struct dsi_metadata *m,
                                  const struct dsi_identity *id, int64_t since,
                                  struct dsi_ledger_sight *out, struct ds_error *err);

#endif
