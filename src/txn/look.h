// Looking a commit up in a table's history: is it there, and if not, can it still come?
//
// (1) Presence: a snapshot of the table carries the identity in its summary, as its own
//     or as a member's of the group that made it, or a version in the metadata log
//     carries it in its name or its properties.
// (2) Absence is only claimed for a stretch of history that is whole: from the version
//     last looked at to this one, no snapshot and no version is missing. Sequence numbers
//     have no gaps, so counting them shows it.
// (3) A base that was sent is overtaken when a newer version than it is committed; then
//     no request on it can be applied any more.
#ifndef DSI_TXN_LOOK_H
#define DSI_TXN_LOOK_H

#include "txn/change.h"

/// One version, as little of it as comparing needs. Values, so it fits in a token.
struct dsi_mark {
    uint64_t hash; // Of the metadata location.
    int64_t version;
    int64_t sequence_number; // The last one.
    int64_t updated_ms;
};

// Instead of a base that was sent: it is some head up to the next one that is looked at.
#define DSI_MARK_OPEN ((struct dsi_mark){0, -1, INT64_MAX, 0})

/// What is known about a commit whose outcome may be open.
struct dsi_trail {
    char identity[DSI_UUID_TEXT_SIZE];
    char nonce[DSI_NONCE_TEXT_SIZE];
    char table_uuid[DSI_UUID_TEXT_SIZE]; // "" in some v1 tables.
    bool makes_snapshot;
    struct dsi_mark looked; // The identity is not in the history up to here.
    bool given;             // By the caller: an earlier run may have sent it.
    bool sent;              // Some request left;
    struct dsi_mark base;   // the newest base of those.
};

enum dsi_sighting {
    DSI_SIGHT_FOUND,  // It is committed.
    DSI_SIGHT_ABSENT, // Not in the history up to this version.
    DSI_SIGHT_BROKEN, // Not seen, but the history does not reach back (2).
    DSI_SIGHT_STALE,  // This version is older than one seen before: says nothing.
};

struct dsi_sight {
    enum dsi_sighting sighting;
    const struct dsi_snapshot *snapshot; // FOUND: borrowed from the state; may be NULL.
};

struct dsi_mark dsi_mark_of(const struct dsi_state *s);

/// Looks for the trail's commit in `s`, a head just read. ABSENT moves trail->looked on.
/// Older versions are asked, and their files read, only about changes without snapshot,
/// and where snapshots were expired since.
DS_MUST_CHECK int dsi_look(ds_storage *storage, const struct dsi_state *s,
                           struct dsi_trail *trail, struct dsi_sight *out,
                           struct ds_error *err);

/// Is the identity of a change that makes a snapshot in `s`? Without any I/O, and looking
/// at nothing before `since`, up to which it is known to be absent. True: it is. Else
/// *sighting says whether that means anything: ABSENT, BROKEN or STALE. Of a change that
/// makes no snapshot ABSENT only says that the newest version did not bring it.
bool dsi_state_has(const struct dsi_state *s, const char *identity,
                   const struct dsi_mark *since, enum dsi_sighting *sighting);

/// True when `s` is newer than `mark` (3).
bool dsi_state_is_newer(const struct dsi_state *s, const struct dsi_mark *mark);

/// A trail as printable text, and back; DS_EINVALID for anything else.
enum { DSI_TOKEN_SIZE = 512 };
void dsi_trail_format(const struct dsi_trail *trail, char out[DSI_TOKEN_SIZE]);
DS_MUST_CHECK int dsi_trail_parse(const char *token, struct dsi_trail *out,
                                  struct ds_error *err);

#endif
