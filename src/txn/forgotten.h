// What a version forgets, and nobody refers to any more once it is made: files of
// snapshots that expired, and of the metadata log and the ledger.
//
// (1) Judged before the swap. Whether a file is still needed is told by lists and
//     manifests, some of which the next version may forget, and whoever has committed
//     that removes them. Up to our swap they are all there: somebody else could only
//     forget them by a version of his own, and on top of that ours is refused.
// (2) Carried out when the swap has made the version, and never otherwise: a judgement is
//     about one version, and goes when its attempt has failed.
// (3) Nobody is kept waiting for long by it: what takes too long is judged afterwards, at
//     the risk that it cannot be any more.
// (4) Best effort: what cannot be proved unreachable stays, and is a collector's.
#ifndef DSI_TXN_FORGOTTEN_H
#define DSI_TXN_FORGOTTEN_H

#include "txn/rebase.h"
#include "txn/sweep.h"

struct dsi_forgotten {
    bool judged;
    struct dsi_sweep *data; // Data files; NULL: none.
    struct dsi_sweep *rest; // Lists, manifests and so on; NULL: none.
};

/// Asked before each file that is read: false ends it (3). NULL: as long as it takes.
struct dsi_judge_limit {
    bool (*go_on)(void *arg);
    void *arg;
};

/// Finds what `r` forgets. Its own manifests and lists are stored by now, its metadata
/// need not be. Of snapshots that are manifest lists; the manifests that only they had;
/// and the data files that a rewrite, or one of our deletions, took out, but for those
/// that the newest snapshot has again, and those outside the table's data folder.
/// out->judged stays false when it was ended, or there is no memory.
/// `known`: the schemas that the table's handle has seen; may be NULL.
void dsi_forgotten_find(ds_storage *storage, struct dsi_avro_known *known,
                        const struct dsi_rebased *r, const struct dsi_judge_limit *limit,
                        struct dsi_forgotten *out);
void dsi_forgotten_release(struct dsi_forgotten *f); // Twice is fine.

#endif
