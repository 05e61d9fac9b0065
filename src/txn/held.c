#include "txn/held.h"

#include <stdio.h>

#include "base/error.h"
#include "txn/conflict.h"

static int changed(const struct dsi_field *f, const char *how, struct ds_error *err)
{
    char object[200];
    char advice[200];

    snprintf(object, sizeof object, "column %.150s", f->name);
    snprintf(advice, sizeof advice,
             "the column %s since the rows were made; make them anew by the table's "
             "schema of now",
             how);
    return dsi_conflict_fail(&(struct dsi_conflict){.rule = "schema-changed",
                                                    .object = object,
                                                    .advice = advice},
                             err);
}

static const struct dsi_field *field_of(const struct dsi_type *t, int32_t id)
{
    for (size_t i = 0; i < t->field_count; i++) {
        if (t->fields[i].id == id) {
            return &t->fields[i];
        }
    }
    return NULL;
}

static int check_type(const struct dsi_type *from, const struct dsi_type *to,
                      struct ds_error *err);

static int check_field(const struct dsi_type *from, const struct dsi_field *to,
                       struct ds_error *err)
{
    const struct dsi_field *f = field_of(from, to->id);

    if (!f) {
        return to->required && !to->initial_default
                   ? changed(to, "was added and is required", err)
                   : DS_OK;
    }
    if (to->required && !f->required) {
        return changed(to, "has become required", err);
    }
    bool same = dsi_type_is_primitive(&f->type) ? dsi_type_promotes(&f->type, &to->type)
                                                : f->type.kind == to->type.kind;
    return same ? check_type(&f->type, &to->type, err)
                : changed(to, "has got another type", err);
}

// Whether files of the one schema can be read by the other. Neither is deep: both are
// checked when the table's metadata is read.
static int check_type(const struct dsi_type *from, const struct dsi_type *to,
                      struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; rc == DS_OK && i < to->field_count; i++) {
        rc = check_field(from, &to->fields[i], err);
    }
    return rc;
}

int dsi_change_write_held(struct dsi_change *change, const struct dsi_metadata *metadata,
                          ds_storage *storage, struct ds_error *err)
{
    const struct dsi_held_rows *held = dsi_change_held(change);
    struct dsi_append *a = NULL;
    int rc = DS_OK;

    if (!held) {
        return DS_OK;
    }
    DSI_TRY(dsi_append_new_as(storage, metadata, held->schema_id, change, &a, err));
    if (held->schema_id != metadata->current_schema_id) {
        DSI_TRY(check_type(&dsi_append_schema(a)->root,
                           &dsi_metadata_current_schema(metadata)->root, err));
    }
    DSI_TRY(dsi_append_held(a, held, err));
    DSI_TRY(dsi_append_finish(a, err));
    dsi_change_drop_held(change);
done:
    dsi_append_free(a);
    return rc;
}
