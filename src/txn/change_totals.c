// Questions to a change. Apart from change.c, which draws identities, because rebase asks
// them and must stay pure.
#include "txn/change.h"

static void add_totals(const struct dsi_change *c, uint64_t *rows, uint64_t *files,
                       uint64_t *bytes)
{
    for (size_t i = 0; i < c->operation_count; i++) {
        const struct dsi_operation *o = &c->operations[i];
        for (size_t k = 0; k < o->file_count; k++) {
            *rows += (uint64_t)o->files[k].record_count;
            *bytes += (uint64_t)o->files[k].file_size;
        }
        *rows += (uint64_t)o->stored.rows + (uint64_t)o->held.rows;
        *files += o->file_count + (uint64_t)o->stored.files;
        *bytes += (uint64_t)o->stored.bytes;
    }
}

void dsi_change_totals(const struct dsi_change *c, uint64_t *rows, uint64_t *files,
                       uint64_t *bytes)
{
    *rows = *files = *bytes = 0;
    add_totals(c, rows, files, bytes);
    for (size_t i = 0; i < c->part_count; i++) {
        add_totals(c->parts[i], rows, files, bytes);
    }
}

bool dsi_change_has_files(const struct dsi_change *c)
{
    for (size_t i = 0; i < c->operation_count; i++) {
        if (c->operations[i].file_count > 0 ||
            c->operations[i].stored.manifest_count > 0 ||
            c->operations[i].replaced_count > 0) {
            return true;
        }
    }
    return false;
}

bool dsi_change_commutes(const struct dsi_change *c)
{
    bool commutes = true;

    for (size_t i = 0; i < c->operation_count && commutes; i++) {
        commutes = c->operations[i].kind == DSI_OPERATION_APPEND ||
                   c->operations[i].kind == DSI_OPERATION_SET_PROPERTIES;
    }
    return commutes;
}

bool dsi_change_is_for_owner(const struct dsi_change *c)
{
    return dsi_change_expiry(c) != NULL;
}

bool dsi_change_does_something(const struct dsi_change *c)
{
    for (size_t i = 0; i < c->operation_count; i++) {
        const struct dsi_operation *o = &c->operations[i];
        if (o->properties.count > 0 || o->held.rows > 0 ||
            o->kind == DSI_OPERATION_EMPTY || o->kind == DSI_OPERATION_EXPIRE ||
            o->kind == DSI_OPERATION_SCHEMA) {
            return true;
        }
    }
    for (size_t i = 0; i < c->part_count; i++) {
        if (dsi_change_does_something(c->parts[i])) { // Parts have none: one deep.
            return true;
        }
    }
    return dsi_change_has_files(c);
}

bool dsi_change_makes_snapshot(const struct dsi_change *c)
{
    bool makes = dsi_change_has_files(c);

    for (size_t i = 0; i < c->part_count && !makes; i++) {
        makes = dsi_change_has_files(c->parts[i]);
    }
    return makes;
}

const struct dsi_held_rows *dsi_change_held(const struct dsi_change *c)
{
    for (size_t i = 0; i < c->operation_count; i++) {
        if (c->operations[i].held.rows > 0) {
            return &c->operations[i].held;
        }
    }
    return NULL;
}

static const struct dsi_operation *find(const struct dsi_change *c,
                                        enum dsi_operation_kind kind)
{
    for (size_t i = 0; i < c->operation_count; i++) {
        if (c->operations[i].kind == kind) {
            return &c->operations[i];
        }
    }
    return NULL;
}

const struct dsi_operation *dsi_change_rewrite(const struct dsi_change *c)
{
    return find(c, DSI_OPERATION_REWRITE);
}

const struct dsi_operation *dsi_change_deletion(const struct dsi_change *c)
{
    return find(c, DSI_OPERATION_DELETE);
}

const struct dsi_operation *dsi_change_addition(const struct dsi_change *c)
{
    return find(c, DSI_OPERATION_ADD);
}

const struct dsi_operation *dsi_change_expiry(const struct dsi_change *c)
{
    const struct dsi_operation *expiry = find(c, DSI_OPERATION_EXPIRE);

    for (size_t i = 0; i < c->part_count && !expiry; i++) {
        expiry = find(c->parts[i], DSI_OPERATION_EXPIRE);
    }
    return expiry;
}

const struct dsi_operation *dsi_change_schema(const struct dsi_change *c)
{
    return find(c, DSI_OPERATION_SCHEMA);
}
