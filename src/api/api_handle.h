// What the opaque handles of the public API are inside.
//
// (1) A catalog handle is counted: tables and streams opened through it keep it alive.
#ifndef DSI_API_API_HANDLE_H
#define DSI_API_API_HANDLE_H

#include "base/refcount.h"
#include "base/thread.h"
#include "data/arrow_form.h"
#include "datashard/catalog.h"
#include "datashard/scan.h"
#include "txn/table.h"

struct ds_catalog {
    struct dsi_refcount owners;
    struct dsi_catalog *catalog;
};

struct ds_table {
    struct ds_catalog *catalog; // A reference (1).
    struct dsi_table *table;
    struct dsi_arena arena; // The full name.
    const char *name;
    struct dsi_mutex *lock;       // Guards `lent`,
    const struct dsi_state *lent; // whose strings ds_table_info gave out.
};

/// Opens a catalog from what `uri` names; *out has one owner.
DS_MUST_CHECK int dsi_handle_catalog_new(const char *uri, struct ds_properties properties,
                                         struct ds_catalog **out, struct ds_error *err);
void dsi_handle_catalog_unref(struct ds_catalog *c); // NULL is fine.

/// Opens the table `name` when `spec` is NULL, else creates it by `spec`, which is public
/// form; takes its own reference to `catalog`. End with ds_table_free.
DS_MUST_CHECK int dsi_handle_table_new(struct ds_catalog *catalog,
                                       const struct dsi_table_name *name,
                                       const struct ds_table_spec *spec,
                                       struct ds_table **out, struct ds_error *err);

/// The metadata of the newest state the caller may expect to see: what was committed
/// through the handle is in it. A reference.
DS_MUST_CHECK int dsi_handle_metadata(struct ds_table *table,
                                      const struct dsi_metadata **out,
                                      struct ds_error *err);

/// A location as people write it ("flights", "../a", "file:///a/b") as a canonical one,
/// in the arena. Relative ones start at the working directory.
DS_MUST_CHECK int dsi_handle_location(const char *text, struct dsi_arena *arena,
                                      char **out, struct ds_error *err);

/// DS_EINVALID naming the function and the argument, when a required one is missing.
DS_MUST_CHECK int dsi_handle_need(const void *argument, const char *function,
                                  const char *name, struct ds_error *err);

/// DS_EINVALID when a struct's size is 0, or more than this library knows.
DS_MUST_CHECK int dsi_handle_size(uint32_t size, size_t known, const char *what,
                                  struct ds_error *err);

/// What a user asked for, by a schema's ids; both may be of an older size, `user` may be
/// NULL. Ids are in the arena. DS_EINVALID as dsi_arrow_form_resolve says.
DS_MUST_CHECK int dsi_handle_form(const struct ds_arrow_form *user,
                                  const struct dsi_schema *schema,
                                  struct dsi_arena *arena, struct dsi_arrow_form *out,
                                  struct ds_error *err);

/// DS_EINVALID for a list without items, or an item without a key.
DS_MUST_CHECK int dsi_handle_properties(const struct ds_properties *properties,
                                        struct ds_error *err);

#endif
