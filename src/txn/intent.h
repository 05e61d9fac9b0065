// An intent: a change as bytes, so that a process other than its owner can commit it.
//
// It holds everything a leader needs and nothing that it must believe: the change's
// identity, what it does (rows, or manifests that its owner has stored durably, files
// that go, a schema, properties, how old snapshots may be), and a version that does not
// have the identity yet.
#ifndef DSI_TXN_INTENT_H
#define DSI_TXN_INTENT_H

#include "txn/look.h"

struct dsi_intent {
    struct dsi_change *change; // Owned. Its base, nonce and branch as the owner had them.
    struct dsi_mark since;     // The identity is not in the history up to here.
};

/// Appends the bytes of an intent: `change` with rows or stored manifests (not with files
/// of its own: those cannot travel; DS_EUNSUPPORTED), a summary, properties. `out`'s
/// maximum bounds it.
DS_MUST_CHECK int dsi_intent_encode(const struct dsi_change *change,
                                    const struct dsi_mark *since, struct dsi_buf *out,
                                    struct ds_error *err);

/// The intent in `bytes`, which may be anything: DS_ECORRUPT. The change copies all it
/// needs. End with dsi_intent_release.
DS_MUST_CHECK int dsi_intent_decode(struct ds_slice bytes, struct dsi_intent *out,
                                    struct ds_error *err);
void dsi_intent_release(struct dsi_intent *i); // Twice is fine.

#endif
