// Identities as a table's history holds them: alone, several parted by blanks, or in
// their short form one after the other. Pure.
#ifndef DSI_TXN_IDENTITY_H
#define DSI_TXN_IDENTITY_H

#include "txn/change.h"

/// An identity in the forms that are looked for. `text` is a UUID as dsi_uuid_format
/// writes it.
struct dsi_identity {
    char text[DSI_UUID_TEXT_SIZE];
    char brief[DSI_IDENTITY_SHORT_SIZE +
               1]; // 16 bytes as base64url (RFC 4648), terminated.
};

/// False for what is no UUID.
DS_MUST_CHECK bool dsi_identity_of(const char *text, struct dsi_identity *out);

/// Reads the short form at `text`, of at least DSI_IDENTITY_SHORT_SIZE characters; false
/// for what is none.
DS_MUST_CHECK bool dsi_identity_from_short(const char *text, struct dsi_uuid *out);

/// Is it among blank-separated identities? `value` may be NULL, and be anything.
bool dsi_identity_in_list(const struct dsi_identity *id, const char *value);

/// Is it among short forms, one after the other? Likewise.
bool dsi_identity_in_shorts(const struct dsi_identity *id, const char *value);

/// Does the snapshot's summary name it, as its own or as a member?
bool dsi_identity_in_snapshot(const struct dsi_identity *id,
                              const struct dsi_snapshot *s);

#endif
