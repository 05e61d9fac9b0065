#include "txn/columns.h"

#include <string.h>

#include "base/error.h"

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "adding columns");
}

static const struct dsi_field *by_name(const struct dsi_type *t, const char *name)
{
    for (size_t i = 0; i < t->field_count; i++) {
        if (strcmp(t->fields[i].name, name) == 0) {
            return &t->fields[i];
        }
    }
    return NULL;
}

// Whether values of the one are values of the other, ids apart. Neither is deep: both
// were checked when they were read.
static bool agrees(const struct dsi_type *from, const struct dsi_type *to)
{
    bool same = from->kind == to->kind && from->field_count == to->field_count;

    if (dsi_type_is_primitive(to)) {
        return dsi_type_is_primitive(from) && dsi_type_promotes(from, to);
    }
    for (size_t i = 0; same && i < to->field_count; i++) {
        // A list's and a map's children have their places; their names may differ.
        const struct dsi_field *f = to->kind == DSI_TYPE_STRUCT
                                        ? by_name(from, to->fields[i].name)
                                        : &from->fields[i];
        same = f && agrees(&f->type, &to->fields[i].type);
    }
    return same;
}

static int check_known(const struct dsi_field *f, const struct dsi_field *known,
                       struct ds_error *err)
{
    char mine[120];
    char theirs[120];

    if (agrees(&f->type, &known->type)) {
        return DS_OK;
    }
    dsi_type_format(&f->type, mine, sizeof mine);
    dsi_type_format(&known->type, theirs, sizeof theirs);
    return dsi_fail(err, DS_EINVALID, "column %.100s is %s in the table, not %s", f->name,
                    theirs, mine);
}

// The least id in a type and its field.
static int32_t least_id(const struct dsi_field *f)
{
    int32_t least = f->id;

    for (size_t i = 0; i < f->type.field_count; i++) {
        int32_t id = least_id(&f->type.fields[i]); // As deep as a checked type.
        least = id < least ? id : least;
    }
    return least;
}

static int32_t highest_id(const struct dsi_type *t, int32_t so_far)
{
    for (size_t i = 0; i < t->field_count; i++) {
        so_far = t->fields[i].id > so_far ? t->fields[i].id : so_far;
        so_far = highest_id(&t->fields[i].type, so_far); // Likewise.
    }
    return so_far;
}

// Puts the new fields into `added`, in their order; how many keep their ids is told by
// `kept`, one flag each.
static int pick(const struct dsi_metadata *m, const struct dsi_schema *given,
                bool keep_ids, struct dsi_field *added, bool *kept, size_t *count,
                struct ds_error *err)
{
    const struct dsi_schema *current = dsi_metadata_current_schema(m);
    int rc = DS_OK;

    for (size_t i = 0; i < given->root.field_count; i++) {
        const struct dsi_field *f = &given->root.fields[i];
        const struct dsi_field *known = by_name(&current->root, f->name);
        if (known) {
            DSI_TRY(check_known(f, known, err));
            continue;
        }
        if (f->required) {
            return dsi_fail(err, DS_EINVALID,
                            "new column %.100s is required, and the rows that are there "
                            "have no value for it; make it nullable",
                            f->name);
        }
        kept[*count] = keep_ids && least_id(f) > m->last_column_id;
        added[(*count)++] = *f;
    }
done:
    return rc;
}

// Gives ids to those that do not keep theirs, after all others.
static int number(const struct dsi_metadata *m, struct dsi_field *added, const bool *kept,
                  size_t count, struct dsi_arena *arena, struct ds_error *err)
{
    struct dsi_field *fresh = dsi_arena_array(arena, count, sizeof *fresh);
    struct dsi_schema before = {.root = {.kind = DSI_TYPE_STRUCT, .fields = fresh}};
    struct dsi_schema after = {0};
    int32_t last = m->last_column_id;
    size_t n = 0;
    int rc = DS_OK;

    if (!fresh) {
        return no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        if (kept[i]) {
            struct dsi_type one = {
                .kind = DSI_TYPE_STRUCT, .fields = &added[i], .field_count = 1};
            last = highest_id(&one, last);
        } else {
            fresh[n++] = added[i];
        }
    }
    before.root.field_count = n;
    DSI_TRY(dsi_schema_assign_ids(&before, &last, arena, &after, err));
    n = 0;
    for (size_t i = 0; i < count; i++) {
        added[i] = kept[i] ? added[i] : after.root.fields[n++];
    }
done:
    return rc;
}

int dsi_columns_add(const struct dsi_metadata *m, const struct dsi_schema *given,
                    bool keep_ids, struct dsi_arena *arena, struct dsi_schema *out,
                    bool *any, struct ds_error *err)
{
    const struct dsi_schema *current = dsi_metadata_current_schema(m);
    const size_t old = current->root.field_count;
    struct dsi_field *all =
        dsi_arena_array(arena, old + given->root.field_count, sizeof *all);
    bool *kept = dsi_arena_array(arena, given->root.field_count, sizeof *kept);
    size_t count = 0;
    int rc = DS_OK;

    *any = false;
    if (!all || !kept) {
        return no_memory(err);
    }
    if (old > 0) {
        memcpy(all, current->root.fields, old * sizeof *all);
    }
    DSI_TRY(pick(m, given, keep_ids, &all[old], kept, &count, err));
    DSI_TRY(number(m, &all[old], kept, count, arena, err));
    *out = *current;
    out->raw = (struct ds_slice){NULL, 0};
    out->root.fields = all;
    out->root.field_count = old + count;
    out->highest_id = highest_id(&out->root, 0);
    *any = count > 0;
done:
    return rc;
}
