#include "txn/conflict.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "model/partition.h"
#include "txn/rebase.h"

// What a change of each kind asks of the state it is applied to. A row is a list of
// checks; the first that fails names the rule. NULL ends it.
typedef int (*check_fn)(const struct dsi_state *state, const struct dsi_change *change,
                        const struct dsi_operation *operation, struct ds_error *err);

enum { DSI_CHECKS_MAX = 5 };

// More sequence numbers than a version takes.
enum { NUMBERS_MAX = 1000000 };

// Appends `text` to what is in `out` as the inside of a JSON string. Cut when it is full.
static void put_escaped(char *out, size_t size, const char *text)
{
    size_t at = strlen(out);

    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        char piece[8];
        if (*p == '"' || *p == '\\') {
            snprintf(piece, sizeof piece, "\\%c", *p);
        } else if (*p < 0x20) {
            snprintf(piece, sizeof piece, "\\u%04x", *p);
        } else {
            snprintf(piece, sizeof piece, "%c", *p);
        }
        size_t n = strlen(piece);
        if (at + n + 1 > size) {
            return;
        }
        memcpy(out + at, piece, n + 1);
        at += n;
    }
}

static void put_detail(const struct dsi_conflict *c, char *out, size_t size)
{
    char object[400] = "";
    char advice[300] = "";
    char winner[200] = "";

    put_escaped(object, sizeof object, c->object);
    put_escaped(advice, sizeof advice, c->advice);
    if (c->winner) {
        const char *id = dsi_snapshot_summary(c->winner, DSI_KEY_COMMIT_ID);
        char commit_id[100] = "";
        put_escaped(commit_id, sizeof commit_id, id ? id : "");
        snprintf(winner, sizeof winner,
                 "\"winner\":{\"snapshot-id\":%lld,\"sequence-number\":%lld,"
                 "\"commit-id\":\"%.64s\"},",
                 (long long)c->winner->snapshot_id, (long long)c->winner->sequence_number,
                 commit_id);
    }
    snprintf(out, size, "{\"rule\":\"%s\",\"object\":\"%s\",%s\"advice\":\"%s\"}",
             c->rule, object, winner, advice);
}

int dsi_conflict_fail(const struct dsi_conflict *c, struct ds_error *err)
{
    int rc = 0;

    if (c->winner) {
        rc = dsi_fail(err, DS_ECONFLICT, "conflict (%s) with snapshot %lld over %s: %s",
                      c->rule, (long long)c->winner->snapshot_id, c->object, c->advice);
    } else {
        rc = dsi_fail(err, DS_ECONFLICT, "conflict (%s) over %s: %s", c->rule, c->object,
                      c->advice);
    }
    if (err) {
        put_detail(c, err->detail, sizeof err->detail);
    }
    return rc;
}

static int same_table(const struct dsi_state *state, const struct dsi_change *change,
                      const struct dsi_operation *operation, struct ds_error *err)
{
    const char *uuid = state->metadata->table_uuid;

    (void)operation;
    if (change->table_uuid && (!uuid || strcmp(uuid, change->table_uuid) != 0)) {
        return dsi_conflict_fail(
            &(struct dsi_conflict){
                .rule = "table-replaced",
                .object = change->table_uuid,
                .advice = "the table was dropped and another one has its name now; open "
                          "it again"},
            err);
    }
    return DS_OK;
}

static int writable(const struct dsi_state *state, const struct dsi_change *change,
                    const struct dsi_operation *operation, struct ds_error *err)
{
    int32_t version = state->metadata->format_version;

    (void)change;
    (void)operation;
    if (version != 2) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "the table has format version %d; this build writes version 2",
                        (int)version);
    }
    if (state->metadata->last_sequence_number > INT64_MAX - NUMBERS_MAX) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "the table has no sequence numbers left: the last is %lld",
                        (long long)state->metadata->last_sequence_number);
    }
    return DS_OK;
}

static int branch_not_tag(const struct dsi_state *state, const struct dsi_change *change,
                          const struct dsi_operation *operation, struct ds_error *err)
{
    const struct dsi_ref *ref = dsi_metadata_find_ref(state->metadata, change->branch);

    (void)operation;
    if (ref && ref->kind == DSI_REF_TAG) {
        return dsi_fail(err, DS_EINVALID,
                        "%s is a tag, and tags do not move; name a branch to commit to",
                        change->branch);
    }
    return DS_OK;
}

// A spec is only ever forgotten when no file uses it, which ours, not committed yet,
// could not prevent.
static int spec_there(const struct dsi_state *state, const char *path, int32_t spec_id,
                      size_t field_count, struct ds_error *err)
{
    const struct dsi_partition_spec *spec = dsi_metadata_spec(state->metadata, spec_id);

    if (spec && spec->field_count == field_count) {
        return DS_OK;
    }
    return dsi_conflict_fail(
        &(struct dsi_conflict){.rule = "spec-dropped",
                               .object = path,
                               .advice = "the partition spec the file was written by is "
                                         "gone; write the rows again"},
        err);
}

static int specs_there(const struct dsi_state *state, const struct dsi_change *change,
                       const struct dsi_operation *operation, struct ds_error *err)
{
    int rc = DS_OK;

    (void)change;
    for (size_t i = 0; i < operation->file_count; i++) {
        const struct dsi_data_file *f = &operation->files[i];
        DSI_TRY(spec_there(state, f->path, f->spec_id, f->partition_count, err));
    }
    for (size_t i = 0; i < operation->stored.manifest_count; i++) {
        const struct dsi_manifest_file *f = &operation->stored.manifests[i];
        DSI_TRY(spec_there(state, f->path, f->spec_id, f->partition_count, err));
    }
done:
    return rc;
}

// What is stored already inherits its numbers, and v1 tables have none to inherit.
static int inherits(const struct dsi_state *state, const struct dsi_change *change,
                    const struct dsi_operation *operation, struct ds_error *err)
{
    (void)change;
    if (operation->stored.manifest_count > 0 && state->metadata->format_version < 2) {
        return dsi_fail(err, DS_EUNSUPPORTED,
                        "manifests cannot be appended as they are to a table of format "
                        "version 1");
    }
    return DS_OK;
}

static int may_collect(const struct dsi_state *state, const struct dsi_change *change,
                       const struct dsi_operation *operation, struct ds_error *err)
{
    bool allowed = true;
    int rc = DS_OK;

    (void)change;
    (void)operation;
    DSI_TRY(
        dsi_metadata_property_bool(state->metadata, "gc.enabled", true, &allowed, err));
    if (!allowed) {
        rc = dsi_fail(err, DS_EUNSUPPORTED,
                      "gc.enabled is false for this table: its files may belong to "
                      "others, so its snapshots are not expired");
    }
done:
    return rc;
}

// The ids of added columns, and of rows written by them, are counted from that schema.
static int same_schema(const struct dsi_state *state, const struct dsi_change *change,
                       const struct dsi_operation *operation, struct ds_error *err)
{
    const struct dsi_metadata *m = state->metadata;
    char object[60];

    (void)change;
    if (m->current_schema_id == operation->base_schema_id &&
        m->last_column_id == operation->base_last_column_id) {
        return DS_OK;
    }
    snprintf(object, sizeof object, "schema %d", (int)operation->base_schema_id);
    return dsi_conflict_fail(
        &(struct dsi_conflict){.rule = "schema-changed",
                               .object = object,
                               .advice = "the table has got another schema since the "
                                         "transaction began; begin anew"},
        err);
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

// Files without field ids are read by names: those must still mean what they meant.
static int names_hold(const struct dsi_state *state, const struct dsi_change *change,
                      const struct dsi_operation *operation, struct ds_error *err)
{
    const struct dsi_metadata *m = state->metadata;
    const char *now = dsi_metadata_property(m, DSI_NAME_MAPPING_KEY);
    const char *object = operation->file_count > 0 ? operation->files[0].path
                         : operation->stored.manifest_count > 0
                             ? operation->stored.manifests[0].path
                             : "files that are added";

    // A change that brings the schema itself asks for more.
    bool schema_holds = m->current_schema_id == operation->base_schema_id ||
                        dsi_change_schema(change) != NULL;

    if (!operation->mapping ||
        (schema_holds && (same_text(now, operation->base_mapping) ||
                          same_text(now, operation->mapping)))) {
        return DS_OK;
    }
    return dsi_conflict_fail(
        &(struct dsi_conflict){.rule = "names-changed",
                               .object = object,
                               .advice = "the file is read by the names of its columns, "
                                         "and the table's schema or name mapping has "
                                         "changed since the transaction began; begin "
                                         "anew"},
        err);
}

static const check_fn rules[DSI_OPERATION_COUNT][DSI_CHECKS_MAX + 1] = {
    [DSI_OPERATION_APPEND] = {same_table, inherits, writable, branch_not_tag, specs_there,
                              NULL},
    [DSI_OPERATION_SET_PROPERTIES] = {same_table, writable, NULL},
    [DSI_OPERATION_EMPTY] = {same_table, writable, NULL},
    // That the replaced files are still there is asked where the list is at hand
    // (rebase_rewrite.h).
    [DSI_OPERATION_REWRITE] = {same_table, writable, branch_not_tag, specs_there, NULL},
    // Likewise: rebase_delete.h.
    [DSI_OPERATION_DELETE] = {same_table, writable, branch_not_tag, NULL},
    [DSI_OPERATION_EXPIRE] = {same_table, writable, may_collect, NULL},
    [DSI_OPERATION_SCHEMA] = {same_table, writable, same_schema, NULL},
    // That they are not there yet is asked where the list is at hand (rebase_add.h).
    [DSI_OPERATION_ADD] = {same_table, writable, branch_not_tag, specs_there, names_hold,
                           NULL},
};

int dsi_conflict_check(const struct dsi_state *state, const struct dsi_change *change,
                       struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < change->operation_count; i++) {
        const struct dsi_operation *o = &change->operations[i];
        for (const check_fn *check = rules[o->kind]; *check; check++) {
            DSI_TRY((*check)(state, change, o, err));
        }
    }
done:
    return rc;
}
