// A table handle: a name in a catalog, and the newest state of it that was seen.
//
// (1) Any thread may use a handle, several at once. A state, once taken, never changes.
// (2) A handle's state only moves to versions that are, or were, the head.
// (3) A version that was just committed through the handle is never read back.
#ifndef DSI_TXN_TABLE_H
#define DSI_TXN_TABLE_H

#include "storage/storage_queue.h"
#include "txn/paths.h"
#include "txn/state.h"

struct dsi_table;
struct dsi_housekeeper;

/// Opens a table; DS_ENOTFOUND. `catalog` is borrowed and outlives the handle; `name` is
/// copied. End with dsi_table_free.
DS_MUST_CHECK int dsi_table_open(struct dsi_catalog *catalog,
                                 const struct dsi_table_name *name,
                                 struct dsi_table **out, struct ds_error *err);

/// Creates a table and opens it. spec->location NULL: the catalog's default;
/// spec->table_uuid NULL and now_ms 0: drawn and read here. DS_EEXISTS when somebody has,
/// or was faster; DS_EUNKNOWN when nobody can say whether it was made (open it to see).
DS_MUST_CHECK int dsi_table_create(struct dsi_catalog *catalog,
                                   const struct dsi_table_name *name,
                                   const struct dsi_metadata_new *spec,
                                   struct dsi_table **out, struct ds_error *err);

/// A second handle of the same table, which shows what the first does and shares nothing
/// with it that changes.
DS_MUST_CHECK int dsi_table_twin(struct dsi_table *t, struct dsi_table **out,
                                 struct ds_error *err);

/// NULL is fine. No call through it may be running; its housekeeper is waited for, and
/// asked to stop as dsi_housekeeper_free says: the second one's `merge_ms` is its time.
void dsi_table_free(struct dsi_table *t);
void dsi_table_free_within(struct dsi_table *t, int64_t merge_ms);

/// Moves the handle to the head; one catalog look-up when the head did not move.
/// DS_ENOTFOUND when the table is gone, DS_ECONFLICT when another one (other UUID) has
/// its name now.
DS_MUST_CHECK int dsi_table_refresh(struct dsi_table *t, struct ds_error *err);

/// The head has moved by a commit of this handle that it has not read: the next catch-up
/// reads it.
void dsi_table_fall_behind(struct dsi_table *t);

/// Moves a handle that has fallen behind to the head (what was committed through it must
/// be seen), if what it shows is at least `age_ns` old; does nothing otherwise.
DS_MUST_CHECK int dsi_table_catch_up(struct dsi_table *t, int64_t age_ns,
                                     struct ds_error *err);

/// The queue of this machine's writers of the table, opened when it is first asked for;
/// NULL where there can be none (said once, at info level). dsi_table_queue_give ends the
/// use of it. Any thread.
struct dsi_queue *dsi_table_queue_take(struct dsi_table *t);
void dsi_table_queue_give(struct dsi_table *t, struct dsi_queue *q); // NULL is fine.

/// What merges the table's small files for this handle (housekeeper.h); borrowed. NULL
/// when there is none and none is to be made, or no memory for it. Any thread.
struct dsi_housekeeper *dsi_table_housekeeper(struct dsi_table *t, bool make);

/// The handle's metadata; a reference, end it with dsi_metadata_unref.
const struct dsi_metadata *dsi_table_metadata(struct dsi_table *t);

/// The handle's state; a reference, end it with dsi_state_unref.
const struct dsi_state *dsi_table_state(struct dsi_table *t);

/// Publishes a state that is, or was, the head; an older one than the handle's is
/// ignored (2). Takes its own reference.
void dsi_table_publish(struct dsi_table *t, const struct dsi_state *s);

/// The state with the manifest list of snapshot `id` in it: loaded when `s` has it not.
/// *out is a reference.
DS_MUST_CHECK int dsi_table_with_manifests(struct dsi_table *t, const struct dsi_state *s,
                                           int64_t id, const struct dsi_state **out,
                                           struct ds_error *err);

// Borrowed from the handle.
struct dsi_catalog *dsi_table_catalog(const struct dsi_table *t);
ds_storage *dsi_table_storage(const struct dsi_table *t);
struct dsi_avro_known *dsi_table_known_schemas(const struct dsi_table *t);
const struct dsi_table_name *dsi_table_name(const struct dsi_table *t);

/// Reads a metadata file, gzip or plain, at most DSI_METADATA_FILE_MAX bytes unpacked.
#define DSI_METADATA_FILE_MAX ((size_t)1 << 30)
DS_MUST_CHECK int dsi_metadata_load(ds_storage *storage, const char *location,
                                    struct dsi_metadata **out, struct ds_error *err);

/// The bytes to store for metadata: `json`, or its gzip form in `packed`.
DS_MUST_CHECK int dsi_metadata_pack(struct ds_slice json, bool gzip,
                                    struct dsi_buf *packed, struct ds_slice *out,
                                    struct ds_error *err);

#endif
