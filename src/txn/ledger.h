// The ledger: whose the snapshots were that a table has forgotten, so that an identity
// can still be resolved later. Files beside the metadata, named by a table property.
//
// (1) A file is written before the version that names it, and never changed. That version
//     forgets the snapshots, and no earlier one does: history and ledger together lack
//     none, unless somebody else removed it.
// (2) A loss makes answers unknown, never wrong: absence is only claimed over sequence
//     numbers all of which are there, in the history or in the ledger.
// (3) Nothing in a file, or in the property, is believed: what is not whole is not there.
// (4) Bounded: files of at most DSI_LEDGER_FILE_MAX bytes, DSI_LEDGER_BYTES_MAX together;
//     what is older goes. Small ones are merged, so that an identity is rewritten
//     O(log n) times.
#ifndef DSI_TXN_LEDGER_H
#define DSI_TXN_LEDGER_H

#include "base/buf.h"
#include "txn/identity.h"

// Its files, newest first and parted by blanks, each as NAME:BYTES.
#define DSI_KEY_LEDGER "datashard.ledger"

#define DSI_LEDGER_PREFIX ".datashard-ledger-" // Names are hidden ones.
#define DSI_LEDGER_FILE_MAX ((int64_t)4 << 20)
#define DSI_LEDGER_BYTES_MAX ((int64_t)16 << 20)
enum { DSI_LEDGER_FILES_MAX = 24, DSI_LEDGER_NAME_SIZE = 64 };

struct dsi_ledger_file {
    char name[DSI_LEDGER_NAME_SIZE]; // Without DSI_LEDGER_PREFIX.
    int64_t size;
};

struct dsi_ledger {
    struct dsi_ledger_file files[DSI_LEDGER_FILES_MAX]; // Newest first.
    size_t count;
};

/// The ledger a table names; an empty one where that makes no sense. Pure.
void dsi_ledger_of(const struct dsi_metadata *m, struct dsi_ledger *out);

/// True when the ledger that `m` names has the file at `path`. Pure.
bool dsi_ledger_names(const struct dsi_metadata *m, const char *path);

/// Puts the property's text into `out`, terminated. Pure.
DS_MUST_CHECK int dsi_ledger_format(const struct dsi_ledger *ledger, struct dsi_buf *out,
                                    struct ds_error *err);

/// The location of a file of it, in the arena. Pure.
DS_MUST_CHECK int dsi_ledger_path(const struct dsi_metadata *m, const char *name,
                                  struct dsi_arena *arena, char **out,
                                  struct ds_error *err);

/// How many of the newest files are merged with the records of these snapshots (4). Pure.
size_t dsi_ledger_to_merge(const struct dsi_ledger *ledger,
                           const struct dsi_snapshot *const *snapshots, size_t count);

/// Appends a file to `out`: the records of `old` (contents of files, oldest first; what
/// is no ledger file of this table is left out), then of the snapshots. Pure.
DS_MUST_CHECK int dsi_ledger_build(const struct dsi_metadata *m,
                                   const struct ds_slice *old, size_t old_count,
                                   const struct dsi_snapshot *const *snapshots,
                                   size_t count, struct dsi_buf *out,
                                   struct ds_error *err);

/// Puts `added` in the place of the `merged` newest files; what is then too much goes
/// from the end. *dropped names the files that no longer belong, merged ones too; room
/// for DSI_LEDGER_FILES_MAX. Pure.
void dsi_ledger_replace(struct dsi_ledger *ledger, size_t merged,
                        const struct dsi_ledger_file *added,
                        struct dsi_ledger_file *dropped, size_t *dropped_count);

/// One snapshot that was forgotten.
struct dsi_ledger_record {
    int64_t sequence_number;
    int64_t snapshot_id;
    const uint8_t *identities; // 16 bytes each.
    size_t count;
};

/// Reads a file: DS_ROW with the next record, DS_OK at its end, DS_ECORRUPT when it is no
/// whole ledger file of the table. Begin with *at = 0. Pure.
DS_MUST_CHECK int dsi_ledger_next(struct ds_slice file, const char *table_uuid,
                                  size_t *at, struct dsi_ledger_record *out,
                                  struct ds_error *err);

#endif
