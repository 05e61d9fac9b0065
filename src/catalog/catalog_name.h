// Names of tables and namespaces: what is accepted.
#ifndef DSI_CATALOG_CATALOG_NAME_H
#define DSI_CATALOG_CATALOG_NAME_H

#include "catalog/catalog.h"

enum { DSI_NAME_SIZE_MAX = 255 }; // What a column of the JDBC catalog holds.

/// Checks a namespace "a.b": DS_EINVALID for an empty level, a control character, bytes
/// that are not UTF-8, or more than 255 bytes.
DS_MUST_CHECK int dsi_namespace_check(const char *ns, struct ds_error *err);

/// The same for a table's name; with `ns` "" it is the location of a path table, and
/// checked as one.
DS_MUST_CHECK int dsi_table_name_check(const struct dsi_table_name *name,
                                       struct ds_error *err);

/// True when `ns` is below `parent` ("a.b" below "a"); everything is below NULL and "".
bool dsi_namespace_is_below(const char *ns, const char *parent);

/// The digits before the first '-' of the last segment of a metadata file's location; -1
/// when there are none or too many.
int64_t dsi_metadata_file_version(const char *location);

#endif
