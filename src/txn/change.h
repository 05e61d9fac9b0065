// A change: what one commit shall do to a table, as plain data.
//
// (1) A change has one identity for ever, over all attempts, processes and restarts; it
//     is drawn (or given by the caller) before the first file is written.
// (2) Besides the identity it has a nonce, drawn by this run: names of files carry both,
//     so two runs of one identity never write, or remove, each other's files.
// (3) Nothing in it depends on the state it will be applied to; what does is made by
//     dsi_rebase, anew for each attempt.
#ifndef DSI_TXN_CHANGE_H
#define DSI_TXN_CHANGE_H

#include "base/random.h"
#include "datashard/write.h"
#include "txn/state.h"

enum { DSI_NONCE_TEXT_SIZE = 9 }; // Eight hexadecimal digits and the terminator.

// Where the identity is found in a table's history: in the summary of its snapshot, or,
// of a change without one, in the table's properties. There may be several, parted by
// blanks, in the property.
#define DSI_KEY_COMMIT_ID "datashard.commit-id"

// In the summary of a snapshot that several changes share: their identities, 22
// characters of base64url (RFC 4648, 16 bytes, no padding) each, one after the other.
#define DSI_KEY_COMMIT_IDS "datashard.commit-ids"
enum { DSI_IDENTITY_SHORT_SIZE = 22 };

// What a change can do. Each kind has its row in the conflict rules (txn/conflict.h).
// To come, each with what it needs: row delta, spec, sort order, refs.
enum dsi_operation_kind {
    DSI_OPERATION_APPEND,         // Adds data files.
    DSI_OPERATION_SET_PROPERTIES, // Sets and removes table properties.
    DSI_OPERATION_EMPTY,          // A version without content: the fence of a resolve.
    DSI_OPERATION_REWRITE,        // Data files take the place of others, rows unchanged.
    DSI_OPERATION_DELETE,         // Data files go; with an append it is an overwrite.
    DSI_OPERATION_EXPIRE,         // Old snapshots are forgotten.
    DSI_OPERATION_SCHEMA,         // The table gets another schema.
    DSI_OPERATION_ADD,            // Data files that were there join the table.
    DSI_OPERATION_COUNT,
};

// Rows that have no file yet, as bytes (data/batch_bytes.h) of one schema.
struct dsi_held_rows {
    struct ds_slice bytes;
    int64_t rows; // 0: there are none.
    int32_t schema_id;
};

// Data files in manifests that their writer has stored already: durable, entries ADDED
// with snapshot id and sequence numbers inherited (so not in v1 tables).
struct dsi_stored_files {
    const struct dsi_manifest_file *manifests;
    size_t manifest_count;
    int64_t files;
    int64_t rows;
    int64_t bytes;
    int64_t partitions; // Different ones, at least.
};

// A data file that goes, and the manifest it was seen in.
struct dsi_replaced_file {
    const char *path;
    const char *manifest;
    int64_t rows;
    int64_t bytes;
};

struct dsi_operation {
    enum dsi_operation_kind kind;
    const struct dsi_data_file *files; // APPEND: any of files, stored and rows. ADD:
                                       // files, or stored.
    size_t file_count;
    bool owned; // The files were written for this change: removed if it is not committed.
    const char *mapping;      // ADD: the name mapping that its files need; NULL: none.
    const char *base_mapping; // The table's when it was planned; NULL likewise.
    struct dsi_stored_files stored;
    struct dsi_held_rows held;       // Become files before anything is rebased.
    struct ds_properties properties; // SET_PROPERTIES; a value of NULL removes its key.
    // REWRITE: what `files` stand for; of one partition spec, none with deletes.
    // DELETE: what goes.
    const struct dsi_replaced_file *replaced;
    size_t replaced_count;
    int64_t sequence_number; // REWRITE: the largest data sequence number among them.
    int64_t older_than_ms;   // EXPIRE: when they were made; and so many ancestors of a
    int32_t retain_last;     // branch's head, it included, stay.
    const struct dsi_schema *schema; // SCHEMA: in the place of this one (ADD: made for
    int32_t base_schema_id;          // it), when so many columns had ids.
    int32_t base_last_column_id;
};

// What the change read, and so depends on: the place of conflict filters and of the
// files it replaces. Appends read nothing.
struct dsi_read_set {
    const char *filter; // NULL: it read nothing.
};

struct dsi_change {
    struct dsi_arena arena; // All it points at.
    char identity[DSI_UUID_TEXT_SIZE];
    char nonce[DSI_NONCE_TEXT_SIZE];
    bool identity_given;          // By the caller, so an earlier run may have committed.
    struct dsi_head base;         // Planned on this version,
    int64_t base_snapshot_id;     // this snapshot of the branch,
    int64_t base_sequence_number; // and this last sequence number
    const char *table_uuid;       // of this table; NULL only in v1.
    const char *branch;
    enum ds_isolation isolation;
    enum ds_append_mode append_mode;
    struct dsi_read_set reads;
    struct ds_properties summary;
    struct dsi_operation *operations;
    size_t operation_count;
    unsigned writers; // Appends begun for it: each names its files apart.
    bool durable;     // Its data files are: who commits it does not sync them again.

    // A group's change: whose changes it is made of (besides its own identity, which no
    // owner has), and what could not share its snapshot: further changes, applied one
    // after the other in the same version, each with a snapshot (if it makes one) and an
    // identity of its own.
    const char (*members)[DSI_UUID_TEXT_SIZE];
    size_t member_count;
    struct dsi_change **parts; // Owned; without parts of their own.
    size_t part_count;
    size_t first_parts; // So many of them are applied before the change itself.
};

/// A change planned on `state`, with no operations yet. `options` (may be NULL) gives
/// identity, branch, isolation, mode and summary, all copied; DS_EINVALID for an identity
/// that is no UUID. End with dsi_change_free.
DS_MUST_CHECK int dsi_change_new(const struct dsi_state *state,
                                 const struct ds_commit_options *options,
                                 struct dsi_change **out, struct ds_error *err);
void dsi_change_free(struct dsi_change *c); // NULL is fine. Removes no file.

/// Adds data files, deeply copied. `owned`: they were written for this change. Several
/// calls make one operation.
DS_MUST_CHECK int dsi_change_append(struct dsi_change *c,
                                    const struct dsi_data_file *files, size_t count,
                                    bool owned, struct ds_error *err);

/// Adds data files that were there before, deeply copied: nothing ever removes them for
/// the change's sake. `mapping` is the name mapping that they need (NULL: none); `base`
/// is what they were checked with. Several calls make one operation.
DS_MUST_CHECK int dsi_change_add(struct dsi_change *c, const struct dsi_data_file *files,
                                 size_t count, const struct dsi_metadata *base,
                                 const char *mapping, struct ds_error *err);

/// That of a change; NULL when it has none.
const struct dsi_operation *dsi_change_addition(const struct dsi_change *c);

/// Adds files by their stored manifests, deeply copied; several calls add up.
DS_MUST_CHECK int dsi_change_append_stored(struct dsi_change *c,
                                           const struct dsi_stored_files *stored,
                                           struct ds_error *err);

/// Adds rows that have no file yet, copied; all of one schema, several calls add up.
DS_MUST_CHECK int dsi_change_hold(struct dsi_change *c, const struct dsi_held_rows *rows,
                                  struct ds_error *err);

/// The rows it holds; NULL when it holds none.
const struct dsi_held_rows *dsi_change_held(const struct dsi_change *c);

/// Forgets the rows it holds: they have become files.
void dsi_change_drop_held(struct dsi_change *c);

/// Makes what the change appends, files alone, take the place of others (copied): it is a
/// rewrite then. `sequence_number` is the largest data sequence number of those.
DS_MUST_CHECK int dsi_change_replace(struct dsi_change *c,
                                     const struct dsi_replaced_file *replaced,
                                     size_t count, int64_t sequence_number,
                                     struct ds_error *err);

/// Makes data files go, copied; several calls add up. Not beside a rewrite.
DS_MUST_CHECK int dsi_change_delete(struct dsi_change *c,
                                    const struct dsi_replaced_file *gone, size_t count,
                                    struct ds_error *err);

/// The deletion of a change; NULL when it has none.
const struct dsi_operation *dsi_change_deletion(const struct dsi_change *c);

/// The rewrite of a change; NULL when it is none.
const struct dsi_operation *dsi_change_rewrite(const struct dsi_change *c);

/// Names an owner whose change this one includes.
DS_MUST_CHECK int dsi_change_add_member(struct dsi_change *c, const char *identity,
                                        struct ds_error *err);

/// Adds a part, taking it, also on failure.
DS_MUST_CHECK int dsi_change_add_part(struct dsi_change *c, struct dsi_change *part,
                                      struct ds_error *err);

/// Sets a property, or removes it (value NULL); the last call for a key wins.
DS_MUST_CHECK int dsi_change_set_property(struct dsi_change *c, const char *key,
                                          const char *value, struct ds_error *err);

/// Forgets snapshots; the last call wins.
DS_MUST_CHECK int dsi_change_expire(struct dsi_change *c, int64_t older_than_ms,
                                    int32_t retain_last, struct ds_error *err);

/// That of a change, or of a part of it: one has it at most. NULL when there is none.
const struct dsi_operation *dsi_change_expiry(const struct dsi_change *c);

/// Gives the table another schema, deeply copied, instead of the current one of `base`.
/// Of several calls the first says which one that was, the last what comes.
DS_MUST_CHECK int dsi_change_set_schema(struct dsi_change *c,
                                        const struct dsi_metadata *base,
                                        const struct dsi_schema *schema,
                                        struct ds_error *err);

/// The change of schema; NULL when there is none.
const struct dsi_operation *dsi_change_schema(const struct dsi_change *c);

/// Makes it an EMPTY version.
DS_MUST_CHECK int dsi_change_empty(struct dsi_change *c, struct ds_error *err);

/// Rows, files and bytes it adds, its parts' too; of held rows there are no files yet.
void dsi_change_totals(const struct dsi_change *c, uint64_t *rows, uint64_t *files,
                       uint64_t *bytes);

/// True when it adds or removes files of its own, parts aside: then it makes a snapshot
/// itself.
bool dsi_change_has_files(const struct dsi_change *c);

/// True when it only appends and sets properties: nothing of what was committed since it
/// was planned can be in its way.
bool dsi_change_commutes(const struct dsi_change *c);

/// True when only its owner ever commits it, whoever else claims its intent: forgetting
/// snapshots means to remove files afterwards, for minutes perhaps.
bool dsi_change_is_for_owner(const struct dsi_change *c);

/// False when a rebase of it would make no version.
bool dsi_change_does_something(const struct dsi_change *c);

/// True when it, or a part of it, will make a snapshot. Held rows are asked before they
/// are files, and do not count.
bool dsi_change_makes_snapshot(const struct dsi_change *c);

/// Removes the data files written for a change that was never given to dsi_commit (which
/// does that itself, after a definite answer). Best effort; pass each change only once.
void dsi_change_discard(const struct dsi_change *c, ds_storage *storage);

#endif
