// What a catalog backend provides to catalog.c, which alone calls through the table.
#ifndef DSI_CATALOG_CATALOG_BACKEND_H
#define DSI_CATALOG_CATALOG_BACKEND_H

#include "catalog/catalog.h"

/// The contracts are those of the functions of catalog.h. Names are checked already.
/// A member that is NULL means that the catalog has no such thing.
struct dsi_catalog_ops {
    const char *kind; // For messages: "an sqlite catalog".
    bool can_gzip;
    int (*load)(struct dsi_catalog *c, const struct dsi_table_name *name,
                struct dsi_arena *arena, struct dsi_head *out, struct ds_error *err);

    /// The same for a table whose metadata turned out to be DataShard's own. NULL: the
    /// head is what `load` says.
    int (*load_legacy)(struct dsi_catalog *c, const struct dsi_table_name *name,
                       struct dsi_arena *arena, struct dsi_head *out,
                       struct ds_error *err);

    /// See dsi_catalog_storage_at. NULL: where a table is, its metadata say.
    int (*storage_at)(struct dsi_catalog *c, const struct dsi_table_name *name,
                      const char *location, ds_storage **out, struct ds_error *err);
    int (*default_location)(struct dsi_catalog *c, const struct dsi_table_name *name,
                            struct dsi_arena *arena, char **out, struct ds_error *err);
    int (*swap)(struct dsi_catalog *c, const struct dsi_table_name *name,
                const struct dsi_swap *swap, struct dsi_arena *arena,
                struct dsi_head *out, struct ds_error *err);

    int (*confirm)(struct dsi_catalog *c, const struct dsi_table_name *name,
                   struct ds_error *err);

    /// The name of the table's lock in the catalog's storage, in the arena.
    int (*lock_path)(struct dsi_catalog *c, const struct dsi_table_name *name,
                     struct dsi_arena *arena, char **out, struct ds_error *err);
    int (*drop)(struct dsi_catalog *c, const struct dsi_table_name *name,
                struct ds_error *err);
    int (*rename)(struct dsi_catalog *c, const struct dsi_table_name *from,
                  const struct dsi_table_name *to, struct ds_error *err);
    int (*add)(struct dsi_catalog *c, const struct dsi_table_name *name,
               const char *metadata_location, struct ds_error *err);
    int (*list_tables)(struct dsi_catalog *c, const char *ns, struct dsi_arena *arena,
                       struct dsi_table_name **out, size_t *count, struct ds_error *err);
    int (*list_namespaces)(struct dsi_catalog *c, const char *parent,
                           struct dsi_arena *arena, char ***out, size_t *count,
                           struct ds_error *err);
    int (*create_namespace)(struct dsi_catalog *c, const char *ns,
                            struct ds_properties properties, struct ds_error *err);
    int (*drop_namespace)(struct dsi_catalog *c, const char *ns, struct ds_error *err);
    int (*load_namespace)(struct dsi_catalog *c, const char *ns, struct dsi_arena *arena,
                          struct ds_properties *out, struct ds_error *err);
    int (*set_namespace)(struct dsi_catalog *c, const char *ns,
                         struct ds_properties changes, struct ds_error *err);
    void (*free)(struct dsi_catalog *c); // Not its storage.
};

/// The first member of every backend's own struct.
struct dsi_catalog {
    const struct dsi_catalog_ops *ops;
    ds_storage *storage; // Owned, ended by dsi_catalog_free.
};

/// For a swap: what is to be durable before it, swap->files, and `path` and all names
/// beside it, which may not be there yet. To be synced all at once, for that is hardly
/// dearer than one alone. In the arena; the paths are borrowed.
DS_MUST_CHECK int dsi_catalog_before(const struct dsi_swap *swap, const char *path,
                                     struct dsi_arena *arena, const char ***out,
                                     size_t *count, struct ds_error *err);

struct dsi_rows;

/// A catalog of path tables below `root` (a location, copied). Takes over `storage` when
/// it succeeds.
DS_MUST_CHECK int dsi_catalog_path_new(const char *root, ds_storage *storage,
                                       struct dsi_catalog **out, struct ds_error *err);

/// A catalog whose names are in `rows`. New tables go below `warehouse`; its locks are
/// called `lock_prefix` and something. Takes over `rows` and `storage` when it succeeds.
struct dsi_catalog_sql_spec {
    struct dsi_rows *rows;
    ds_storage *storage;
    const char *warehouse;
    const char *lock_prefix;
};
DS_MUST_CHECK int dsi_catalog_sql_new(const struct dsi_catalog_sql_spec *spec,
                                      struct dsi_catalog **out, struct ds_error *err);

#endif
