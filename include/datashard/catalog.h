/// Catalogs: where tables have names. Namespaces, tables, create, drop, rename.
///
/// Names are dotted: "logs.events" is table `events` in namespace `logs`.
#ifndef DATASHARD_CATALOG_H
#define DATASHARD_CATALOG_H

#include <stdbool.h>

#include "datashard/arrow.h"
#include "datashard/export.h"
#include "datashard/status.h"
#include "datashard/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ds_catalog ds_catalog;
typedef struct ds_table ds_table;

/// Opens a catalog:
///   "sqlite:PATH"  an SQLite database with the tables of Iceberg's JDBC catalog, made
///   when
///                  absent; PyIceberg's SqlCatalog and Java's JdbcCatalog share it;
///   "memory:"      nothing stays; for tests.
/// Properties: "warehouse" (where new tables go; default: a directory `warehouse` beside
/// the database), "name" (which of several catalogs in one database). Owned by the
/// caller; ends with ds_catalog_free. Any thread may use it, several at once too.
/// DS_EINVALID: the URI; DS_EDENIED, DS_EIO, DS_ECORRUPT: the database.
DS_API DS_MUST_CHECK int ds_catalog_open(const char *uri,
                                         const struct ds_properties *properties,
                                         ds_catalog **out, struct ds_error *err);

/// Frees a catalog; NULL is fine. Tables opened from it stay usable.
DS_API void ds_catalog_free(ds_catalog *catalog);

/// What a new table is. All zero but struct_size and one of the two schemas is enough.
struct ds_table_spec {
    uint32_t struct_size;             ///< sizeof(struct ds_table_spec).
    bool if_absent;                   ///< Open the table when it is there already.
    const struct ArrowSchema *schema; ///< A struct of columns; not released here. Or:
    const char *schema_json;          ///< Iceberg's JSON form of a schema.
    const char *partition_by;         ///< "month(ts), bucket(16, id) as b"; NULL: none.
    const char *sort_by;              ///< "level, ts desc nulls last"; NULL: none.
    const char *location;             ///< NULL: the catalog chooses.
    struct ds_properties properties;  ///< Table properties, Iceberg's names.
};

/// Creates a table and opens it. Its namespace need not exist before. DS_EEXISTS when it
/// is there (also when somebody else was faster), DS_EINVALID for a schema, partitioning
/// or property that is wrong, DS_EUNKNOWN as for commits.
DS_API DS_MUST_CHECK int ds_catalog_create_table(ds_catalog *catalog, const char *name,
                                                 const struct ds_table_spec *spec,
                                                 ds_table **out, struct ds_error *err);

/// Opens a table; DS_ENOTFOUND. The caller owns *out and ends it with ds_table_free.
DS_API DS_MUST_CHECK int ds_catalog_open_table(ds_catalog *catalog, const char *name,
                                               ds_table **out, struct ds_error *err);

/// Forgets a table; with `purge` also removes its files. DS_ENOTFOUND.
DS_API DS_MUST_CHECK int ds_catalog_drop_table(ds_catalog *catalog, const char *name,
                                               bool purge, struct ds_error *err);

/// Renames; the files stay where they are. DS_ENOTFOUND, DS_EEXISTS.
DS_API DS_MUST_CHECK int ds_catalog_rename_table(ds_catalog *catalog, const char *from,
                                                 const char *to, struct ds_error *err);

/// Names a table whose metadata file is there already. DS_EEXISTS, DS_ENOTFOUND.
DS_API DS_MUST_CHECK int ds_catalog_register_table(ds_catalog *catalog, const char *name,
                                                   const char *metadata_location,
                                                   struct ds_error *err);

/// Told one name; a negative return stops and becomes the caller's result.
typedef int (*ds_name_fn)(void *arg, const char *name);

/// Told one setting, likewise.
typedef int (*ds_property_fn)(void *arg, const char *key, const char *value);

/// Tables of a namespace (NULL: of all), full names, sorted.
DS_API DS_MUST_CHECK int ds_catalog_list_tables(ds_catalog *catalog, const char *ns,
                                                ds_name_fn fn, void *arg,
                                                struct ds_error *err);

/// Namespaces directly below `parent` (NULL: at the top), full names, sorted.
DS_API DS_MUST_CHECK int ds_catalog_list_namespaces(ds_catalog *catalog,
                                                    const char *parent, ds_name_fn fn,
                                                    void *arg, struct ds_error *err);

/// DS_EEXISTS.
DS_API DS_MUST_CHECK int
ds_catalog_create_namespace(ds_catalog *catalog, const char *ns,
                            const struct ds_properties *properties, struct ds_error *err);

/// DS_ENOTFOUND; DS_ECONFLICT when it is not empty.
DS_API DS_MUST_CHECK int ds_catalog_drop_namespace(ds_catalog *catalog, const char *ns,
                                                   struct ds_error *err);

/// DS_ENOTFOUND.
DS_API DS_MUST_CHECK int ds_catalog_namespace_properties(ds_catalog *catalog,
                                                         const char *ns,
                                                         ds_property_fn fn, void *arg,
                                                         struct ds_error *err);

/// Sets each property; a value of NULL removes it. DS_ENOTFOUND.
DS_API DS_MUST_CHECK int
ds_catalog_set_namespace_properties(ds_catalog *catalog, const char *ns,
                                    const struct ds_properties *properties,
                                    struct ds_error *err);

#ifdef __cplusplus
}
#endif

#endif
