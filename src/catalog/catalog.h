// Catalogs: names to metadata, and the one place where a table moves.
//
// (1) A table moves only by `swap`: an indivisible compare-and-swap of its head, against
//     every other process and every other engine that follows the same catalog's rules.
// (2) swap says DS_OK only when the new head is durable, DS_ECONFLICT when it was refused
//     (a reason to look, not an outcome), DS_EUNKNOWN when it may yet be applied.
//     No other layer retries: one call, one request.
// (3) The token of a head never comes back: it is a location used once.
#ifndef DSI_CATALOG_CATALOG_H
#define DSI_CATALOG_CATALOG_H

#include "base/arena.h"
#include "datashard/types.h"
#include "model/metadata.h"
#include "storage/storage.h"

struct dsi_catalog;

/// What `uri` names: "sqlite:PATH" (also "sqlite:///PATH"), "memory:", or a directory
/// path, whose catalog knows path tables only. Properties: "warehouse" (a location;
/// default for sqlite: "warehouse" beside the database), "name" (the JDBC catalog_name;
/// default: the one the database has, or "datashard" when it has none or several),
/// "busy-timeout-ms" (how long sqlite waits for other connections; default 30,000).
/// Owned; end with dsi_catalog_free. Any thread may use it, and after fork the child, if
/// no other thread was in a call then.
DS_MUST_CHECK int dsi_catalog_open(const char *uri, struct ds_properties properties,
                                   struct dsi_catalog **out, struct ds_error *err);
void dsi_catalog_free(struct dsi_catalog *c); // NULL is fine.

/// The storage its tables' files are in; borrowed.
ds_storage *dsi_catalog_storage(struct dsi_catalog *c);

// A table's name: in a catalog "ns.sub.table"; in a path catalog the location of the
// table. Levels are joined with dots as the JDBC catalog stores them.
struct dsi_table_name {
    const char *ns;   // "a.b"; "" for none (path tables).
    const char *name; // The table; for a path table its normalized location.
};

/// Splits "ns.table" at its last dot; DS_EINVALID for empty levels or control characters.
DS_MUST_CHECK int dsi_table_name_parse(const char *text, struct dsi_arena *arena,
                                       struct dsi_table_name *out, struct ds_error *err);

/// The head of a table: what a swap compares. Strings in the caller's arena.
struct dsi_head {
    const char *metadata_location; // (3)
    int64_t version; // The number in the file's name; -1 when there is none.
    int64_t stamp;   // Tells this file from a later one of that name; 0: unknown.
};

DS_MUST_CHECK int dsi_catalog_load(struct dsi_catalog *c,
                                   const struct dsi_table_name *name,
                                   struct dsi_arena *arena, struct dsi_head *out,
                                   struct ds_error *err);

/// The head of a table whose metadata are DataShard's own (model/legacy.h), which has
/// rules of its own for it. *out stays as it is where the catalog knows of none.
DS_MUST_CHECK int dsi_catalog_load_legacy(struct dsi_catalog *c,
                                          const struct dsi_table_name *name,
                                          struct dsi_arena *arena, struct dsi_head *out,
                                          struct ds_error *err);

/// Where a new table goes when nobody said: "<warehouse>/<ns>/<name>", in the arena.
DS_MUST_CHECK int dsi_catalog_default_location(struct dsi_catalog *c,
                                               const struct dsi_table_name *name,
                                               struct dsi_arena *arena, char **out,
                                               struct ds_error *err);

/// What is swapped in. Where the file's name is ours to choose it carries `identity`.
struct dsi_swap {
    const struct dsi_head *base; // NULL: create the table; DS_EEXISTS if it is there.
    const struct dsi_metadata *metadata;
    struct ds_slice json;     // Its bytes, as they shall stand in the file.
    const char *identity;     // A UUID's text.
    uint32_t attempt;         // Each attempt gets a file of its own.
    bool gzip;                // `json` is compressed: name it .gz.metadata.json.
    const char *const *files; // What was stored for it, and need not be durable yet.
    size_t file_count;
};

/// Where the files of a table are read, whose metadata say that it is at `location`: the
/// catalog's storage, or, for a path table whose directory was moved, a view that reads
/// them where it is now and refuses to write (storage_moved.h). Borrowed from the
/// catalog.
DS_MUST_CHECK int dsi_catalog_storage_at(struct dsi_catalog *c,
                                         const struct dsi_table_name *name,
                                         const char *location, ds_storage **out,
                                         struct ds_error *err);

/// False for path tables: two codecs are two names for one version, and a name decides
/// who wins. They read compressed metadata and write it plain.
bool dsi_catalog_can_gzip(const struct dsi_catalog *c);

/// Stores the metadata file, makes it and `files` durable with their names, then moves
/// the head: (1), (2). *out is the new head (DS_OK), or the one that was asked for
/// (DS_EUNKNOWN). After DS_ECONFLICT or any other failure the file it stored is gone
/// again.
DS_MUST_CHECK int dsi_catalog_swap(struct dsi_catalog *c,
                                   const struct dsi_table_name *name,
                                   const struct dsi_swap *swap, struct dsi_arena *arena,
                                   struct dsi_head *out, struct ds_error *err);

/// Makes the head durable, whoever moved it: its writer may have died between moving it
/// and making it so. To be called before a commit that was found there is called
/// committed. A table that is gone needs nothing.
DS_MUST_CHECK int dsi_catalog_confirm(struct dsi_catalog *c,
                                      const struct dsi_table_name *name,
                                      struct ds_error *err);

/// The advisory lock that lines up this machine's writers of one table (the swap decides,
/// the lock only saves work); see dsi_storage_lock. *out NULL: this catalog has none.
DS_MUST_CHECK int dsi_catalog_lock(struct dsi_catalog *c,
                                   const struct dsi_table_name *name, int64_t wait_ns,
                                   void **out, struct ds_error *err);
void dsi_catalog_unlock(struct dsi_catalog *c, void *lock); // NULL is fine.

/// The file in which this machine's writers of one table meet (storage/storage_queue.h),
/// beside its lock: a path, not a URI, in the arena. *out NULL: tables of this catalog
/// are not in local files.
DS_MUST_CHECK int dsi_catalog_queue_path(struct dsi_catalog *c,
                                         const struct dsi_table_name *name,
                                         struct dsi_arena *arena, char **out,
                                         struct ds_error *err);

/// Drops the name. With `purge` the caller removes files afterwards (txn knows which).
DS_MUST_CHECK int dsi_catalog_drop(struct dsi_catalog *c,
                                   const struct dsi_table_name *name,
                                   struct ds_error *err);
DS_MUST_CHECK int dsi_catalog_rename(struct dsi_catalog *c,
                                     const struct dsi_table_name *from,
                                     const struct dsi_table_name *to,
                                     struct ds_error *err);

/// Names a table whose metadata is there already ("register"). DS_EEXISTS.
DS_MUST_CHECK int dsi_catalog_register(struct dsi_catalog *c,
                                       const struct dsi_table_name *name,
                                       const char *metadata_location,
                                       struct ds_error *err);

/// Lists, sorted, in the arena. `ns` NULL: all namespaces at the top / all tables.
DS_MUST_CHECK int dsi_catalog_list_tables(struct dsi_catalog *c, const char *ns,
                                          struct dsi_arena *arena,
                                          struct dsi_table_name **out, size_t *count,
                                          struct ds_error *err);
DS_MUST_CHECK int dsi_catalog_list_namespaces(struct dsi_catalog *c, const char *parent,
                                              struct dsi_arena *arena, char ***out,
                                              size_t *count, struct ds_error *err);
DS_MUST_CHECK int dsi_catalog_create_namespace(struct dsi_catalog *c, const char *ns,
                                               struct ds_properties properties,
                                               struct ds_error *err);
DS_MUST_CHECK int
dsi_catalog_drop_namespace(struct dsi_catalog *c, const char *ns,
                           struct ds_error *err); // DS_ECONFLICT: not empty.
DS_MUST_CHECK int dsi_catalog_load_namespace(struct dsi_catalog *c, const char *ns,
                                             struct dsi_arena *arena,
                                             struct ds_properties *out,
                                             struct ds_error *err);

/// Sets properties; an item with value NULL removes its key.
DS_MUST_CHECK int dsi_catalog_set_namespace(struct dsi_catalog *c, const char *ns,
                                            struct ds_properties changes,
                                            struct ds_error *err);

#endif
