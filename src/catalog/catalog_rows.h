// Rows of the two tables of Iceberg's JDBC catalog, and transactions on them: all that
// catalog_sql.c asks of a database. A new database is one more table of these.
//
// (1) begin locks out the other threads, commit and rollback let them in: exactly one of
//     the two follows each successful begin.
// (2) A commit says DS_OK only when it is durable; DS_EUNKNOWN when the database gave an
//     error instead of an answer. By then nothing is on its way any more, so what a new
//     transaction reads is the outcome. DS_ECONFLICT: rolled back, to give way to a
//     reader that waits to write; the same transaction may be done again.
#ifndef DSI_CATALOG_CATALOG_ROWS_H
#define DSI_CATALOG_CATALOG_ROWS_H

#include "catalog/catalog.h"

struct dsi_rows;

struct dsi_rows_ops {
    const char *kind; // "an sqlite catalog"
    int (*begin)(struct dsi_rows *r, bool write, struct ds_error *err);
    int (*commit)(struct dsi_rows *r, struct ds_error *err); // (2)
    void (*rollback)(struct dsi_rows *r);

    // Inside a transaction. Strings and arrays in the arena; arrays in no order.

    /// DS_ENOTFOUND.
    int (*find)(struct dsi_rows *r, const struct dsi_table_name *name,
                struct dsi_arena *arena, char **location, struct ds_error *err);

    /// Also a view has a name. DS_EEXISTS.
    int (*insert)(struct dsi_rows *r, const struct dsi_table_name *name,
                  const char *location, struct ds_error *err);

    /// The compare-and-swap: DS_ECONFLICT when no row has `from`.
    int (*update)(struct dsi_rows *r, const struct dsi_table_name *name, const char *from,
                  const char *to, struct ds_error *err);

    /// Writes the row as it is, so that a commit makes durable what was read.
    /// DS_ENOTFOUND.
    int (*touch)(struct dsi_rows *r, const struct dsi_table_name *name,
                 struct ds_error *err);

    /// DS_ENOTFOUND, DS_EEXISTS.
    int (*rename)(struct dsi_rows *r, const struct dsi_table_name *from,
                  const struct dsi_table_name *to, struct ds_error *err);

    /// DS_ENOTFOUND.
    int (*remove)(struct dsi_rows *r, const struct dsi_table_name *name,
                  struct ds_error *err);

    /// Tables of `ns`, or of all namespaces.
    int (*tables)(struct dsi_rows *r, const char *ns, struct dsi_arena *arena,
                  struct dsi_table_name **out, size_t *count, struct ds_error *err);

    /// Each namespace that has a property or a table (or a view), once.
    int (*namespaces)(struct dsi_rows *r, struct dsi_arena *arena, char ***out,
                      size_t *count, struct ds_error *err);
    int (*properties)(struct dsi_rows *r, const char *ns, struct dsi_arena *arena,
                      struct ds_properties *out, struct ds_error *err);

    /// `value` NULL removes it; absent is fine.
    int (*set_property)(struct dsi_rows *r, const char *ns, const char *key,
                        const char *value, struct ds_error *err);
    int (*remove_properties)(struct dsi_rows *r, const char *ns, struct ds_error *err);
    void (*free)(struct dsi_rows *r);
};

/// The first member of every backend's own struct.
struct dsi_rows {
    const struct dsi_rows_ops *ops;
};

/// Rows in memory: the reference.
DS_MUST_CHECK int dsi_rows_mem_new(struct dsi_rows **out, struct ds_error *err);

/// Rows in an SQLite database at `path` (absolute), which is made if absent. `name` is
/// the catalog_name; NULL: see dsi_catalog_open.
DS_MUST_CHECK int dsi_rows_sqlite_new(const char *path, const char *name,
                                      int64_t busy_timeout_ns, struct dsi_rows **out,
                                      struct ds_error *err);

#endif
