#include "txn/attempt.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"
#include "scan/scan.h"
#include "txn/ledger.h"
#include "txn/mutant.h"

// Getting a lock that nobody has takes less.
#define WAITED_NS INT64_C(300000)

// So long others may have to wait while it is judged what goes; and every time that
// somebody else was faster half as long, for waiting may have been the reason.
#define JUDGE_NS INT64_C(256000000)

#ifdef DSI_TESTING
unsigned dsi_mutants;
#endif

static int no_memory(struct ds_error *err)
{
    return dsi_no_memory(err, "committing");
}

// Remembers the file before it is stored: what may be there is ours to remove.
static int note_written(struct dsi_attempts *a, const char *path, struct ds_error *err)
{
    if (a->written_count == a->written_capacity) {
        size_t capacity = a->written_capacity ? a->written_capacity * 2 : 16;
        const char **all = dsi_arena_array(&a->arena, capacity, sizeof *all);
        if (!all) {
            return no_memory(err);
        }
        if (a->written_count > 0) {
            memcpy(all, a->written, a->written_count * sizeof *all);
        }
        a->written = all;
        a->written_capacity = capacity;
    }
    const char *copy = dsi_arena_strdup(&a->arena, path);
    if (!copy) {
        return no_memory(err);
    }
    a->written[a->written_count++] = copy;
    return DS_OK;
}

bool dsi_attempts_wrote(const struct dsi_attempts *a, const char *path)
{
    for (size_t i = 0; path && i < a->written_count; i++) {
        if (strcmp(a->written[i], path) == 0) {
            return true;
        }
    }
    return false;
}

// They are made durable by the swap, all at once. A lost answer here is a failure like
// any other: the file's name is never used again, and no version refers to it.
static int store(struct dsi_attempts *a, const struct dsi_new_file *files, size_t count,
                 struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < count; i++) {
        if (!dsi_attempts_wrote(a, files[i].path)) { // An earlier try may have failed.
            DSI_TRY(note_written(a, files[i].path, err));
        }
        rc = dsi_storage_put(dsi_table_storage(a->table), files[i].path, files[i].bytes,
                             DS_PUT_LATER | DS_PUT_UNSEEN, err);
        DSI_TRY(rc == DS_EUNKNOWN ? DS_EIO : rc);
    }
done:
    return rc;
}

// Stores those of the manifests that are not stored yet; what failed once is among them.
static int store_prepared(struct dsi_attempts *a, struct ds_error *err)
{
    int rc = DS_OK;

    for (; a->prepared_stored < a->prepared.file_count; a->prepared_stored++) {
        DSI_TRY(store(a, &a->prepared.files[a->prepared_stored], 1, err));
    }
done:
    return rc;
}

static void drop_lists(struct dsi_attempts *a)
{
    for (size_t i = 0; i < a->list_count; i++) {
        dsi_manifests_unref(a->lists[i]);
    }
    a->list_count = 0;
}

void dsi_attempts_release(struct dsi_attempts *a)
{
    for (size_t i = 0; i < a->loaded_count; i++) {
        dsi_manifest_release((struct dsi_manifest *)a->loaded[i].manifest);
        dsi_free((void *)a->loaded[i].manifest);
    }
    dsi_free(a->loaded);
    drop_lists(a);
    dsi_free(a->lists);
    dsi_free(a->ledger);
    dsi_forgotten_release(&a->forgotten);
    dsi_rebased_release(&a->last);
    dsi_prepared_release(&a->prepared);
    dsi_state_unref(a->read);
    dsi_state_unref(a->state);
    dsi_arena_release(&a->arena);
    *a = (struct dsi_attempts){0};
}

static void begin_trail(struct dsi_trail *t, const struct dsi_change *c)
{
    memcpy(t->identity, c->identity, sizeof t->identity);
    memcpy(t->nonce, c->nonce, sizeof t->nonce);
    if (c->table_uuid) {
        snprintf(t->table_uuid, sizeof t->table_uuid, "%s", c->table_uuid);
    }
    // Rows it holds will be files by the time it is sent.
    t->makes_snapshot = dsi_change_makes_snapshot(c) || dsi_change_held(c);
    // An identity drawn by us is nowhere yet; a given one may be anywhere.
    t->given = c->identity_given;
    t->looked = (struct dsi_mark){0, -1, -1, 0};
}

int dsi_attempts_begin(struct dsi_attempts *a, struct dsi_table *table,
                       const struct dsi_change *change, struct ds_error *err)
{
    const struct dsi_state *state = dsi_table_state(table);
    int rc = DS_OK;

    *a = (struct dsi_attempts){.table = table, .change = change};
    begin_trail(&a->trail, change);
    if (!change->identity_given && dsi_head_equal(&change->base, &state->head)) {
        a->trail.looked = dsi_mark_of(state);
    }
    // Of rows that are held there are no files yet: then the first attempt prepares.
    if (dsi_change_makes_snapshot(change) && !dsi_change_held(change)) {
        DSI_TRY(dsi_rebase_prepare(state, change, &a->prepared, err));
        DSI_TRY(store_prepared(a, err));
    }
done:
    dsi_state_unref(state);
    return rc;
}

// The manifests, once more if the ones made before do not fit this state. Their content
// does not depend on it, nor do their names, so what was stored stays.
static int refit(struct dsi_attempts *a, const struct dsi_state *state,
                 struct ds_error *err)
{
    int rc = DS_OK;

    if (!dsi_change_makes_snapshot(a->change)) {
        return DS_OK;
    }
    if (!dsi_prepared_fits(&a->prepared, state)) {
        dsi_prepared_release(&a->prepared);
        DSI_TRY(dsi_rebase_prepare(state, a->change, &a->prepared, err));
    }
    DSI_TRY(store_prepared(a, err));
done:
    return rc;
}

// The bytes of a manifest that the rebase makes itself, for it is not stored yet; NULL:
// it is none of those.
static const struct dsi_new_file *made_here(const struct dsi_attempts *a,
                                            const char *path)
{
    for (size_t i = 0; i < a->last.file_count; i++) {
        if (strcmp(a->last.files[i].path, path) == 0) {
            return &a->last.files[i];
        }
    }
    return NULL;
}

static int read_manifest(struct dsi_attempts *a, const struct dsi_state *state,
                         const struct dsi_manifest_file *file, struct dsi_manifest *out,
                         struct ds_error *err)
{
    struct dsi_manifest_read_options options = {
        .skip_deleted = true, .known = dsi_table_known_schemas(a->table)};
    const struct dsi_new_file *made = made_here(a, file->path);

    if (a->working) {
        a->working(a->guard_arg);
    }
    return made ? dsi_manifest_parse(made->bytes, file, state->metadata, &options, out,
                                     err)
                : dsi_manifest_load(dsi_table_storage(a->table), state->metadata, file,
                                    &options, out, err);
}

static int load_manifest(struct dsi_attempts *a, const struct dsi_state *state,
                         const struct dsi_manifest_file *file, struct ds_error *err)
{
    struct dsi_manifest *m = NULL;
    const char *path = NULL;
    int rc = DS_OK;

    if (a->loaded_count == a->loaded_capacity) {
        size_t capacity = a->loaded_capacity ? a->loaded_capacity * 2 : 64;
        struct dsi_loaded_manifest *all = dsi_realloc(a->loaded, capacity * sizeof *all);
        if (!all) {
            return no_memory(err);
        }
        a->loaded = all;
        a->loaded_capacity = capacity;
    }
    m = dsi_calloc(1, sizeof *m);
    path = dsi_arena_strdup(&a->arena, file->path);
    if (!m || !path) {
        rc = no_memory(err);
        goto done;
    }
    DSI_TRY(read_manifest(a, state, file, m, err));
    a->loaded[a->loaded_count++] = (struct dsi_loaded_manifest){path, m};
    m = NULL;
done:
    dsi_free(m);
    return rc;
}

// Keeps the list of a state for the rebase at hand: few, one for each branch.
static int keep_list(struct dsi_attempts *a, const struct dsi_state *state,
                     struct ds_error *err)
{
    const struct dsi_manifests **all =
        dsi_realloc(a->lists, (a->list_count + 1) * sizeof(void *));

    if (!all) {
        return no_memory(err);
    }
    a->lists = all;
    a->lists[a->list_count++] = dsi_manifests_ref(state->manifests);
    return DS_OK;
}

// Reads a file of the ledger. One that cannot be read is lost: that stops no commit.
static int load_ledger(struct dsi_attempts *a, const char *path, struct ds_error *err)
{
    struct dsi_loaded_file *all =
        dsi_realloc(a->ledger, (a->ledger_count + 1) * sizeof *all);
    struct dsi_buf bytes = DSI_BUF_INIT_MAX((size_t)DSI_LEDGER_FILE_MAX);
    struct dsi_loaded_file f = {dsi_arena_strdup(&a->arena, path), {NULL, 0}};
    int rc = DS_OK;

    if (all) {
        a->ledger = all;
    }
    if (!all || !f.path) {
        rc = no_memory(err);
        goto done;
    }
    rc = dsi_storage_read(dsi_table_storage(a->table), path, &bytes, err);
    if (rc == DS_ENOMEM) {
        goto done;
    }
    if (rc == DS_OK && dsi_arena_copy(&a->arena, dsi_buf_slice(&bytes), &f.bytes) < 0) {
        rc = no_memory(err);
        goto done;
    }
    rc = DS_OK;
    a->ledger[a->ledger_count++] = f;
done:
    dsi_buf_release(&bytes);
    return rc;
}

// Gets what the rebase asked for. *state may become a richer one.
static int supply(struct dsi_attempts *a, const struct dsi_state **state,
                  struct ds_error *err)
{
    const struct dsi_state *richer = NULL;
    int rc = DS_OK;

    if (a->last.needs_list_of != DSI_SNAPSHOT_NONE) {
        DSI_TRY(dsi_table_with_manifests(a->table, *state, a->last.needs_list_of, &richer,
                                         err));
        dsi_state_unref(*state);
        *state = richer;
        DSI_TRY(keep_list(a, richer, err));
    }
    for (size_t i = 0; i < a->last.needs_count; i++) {
        DSI_TRY(load_manifest(a, *state, a->last.needs[i], err));
    }
    for (size_t i = 0; i < a->last.needs_ledger_count; i++) {
        DSI_TRY(load_ledger(a, a->last.needs_ledger[i], err));
    }
done:
    return rc;
}

// Rebases on *state, as often as it takes to have all it asks for: of the change and of
// each part the list, then the manifests to look into, then those to merge; at last,
// files of the ledger.
static int rebase(struct dsi_attempts *a, const struct dsi_state **state, uint32_t number,
                  struct ds_error *err)
{
    struct dsi_rebase_input input = {
        .now_ms = dsi_clock_wall_ms(), .attempt = number, .prepared = &a->prepared};
    int rc = DS_OK;

    drop_lists(a); // Of heads that were; the state has the one that is asked for most.
    dsi_forgotten_release(&a->forgotten);
    for (size_t i = 0; i < 3 * (a->change->part_count + 1) + 2; i++) {
        input.loaded = a->loaded;
        input.loaded_count = a->loaded_count;
        input.lists = a->lists;
        input.list_count = a->list_count;
        input.ledger = a->ledger;
        input.ledger_count = a->ledger_count;
        dsi_rebased_release(&a->last);
        DSI_TRY(dsi_rebase(*state, a->change, &input, &a->last, err));
        if (a->last.outcome != DSI_REBASE_NEEDS) {
            goto done;
        }
        DSI_TRY(supply(a, state, err));
    }
    rc = dsi_fail(err, DS_EBUG, "rebasing asks for the same things again and again");
done:
    return rc;
}

struct judging {
    const struct dsi_attempts *a;
    int64_t until_ns;
};

static bool may_judge(void *arg)
{
    const struct judging *j = arg;

    if (j->a->working) {
        j->a->working(j->a->guard_arg);
    }
    return dsi_clock_monotonic_ns() < j->until_ns && !dsi_cancelled();
}

// Finds what goes when the version is made, while it can be told (forgotten.h (1)).
static void judge(struct dsi_attempts *a)
{
    struct judging j = {a, dsi_clock_monotonic_ns()};
    const struct dsi_judge_limit limit = {may_judge, &j};

    if (a->last.expired_count > 0) { // Else nothing has to be read.
        j.until_ns += a->conflicts < 63 ? JUDGE_NS >> a->conflicts : 0;
        dsi_forgotten_find(dsi_table_storage(a->table), dsi_table_known_schemas(a->table),
                           &a->last, &limit, &a->forgotten);
    }
}

// But those that are durable already, as others' that join are (adoption.h).
static void add_data_files(const struct dsi_change *c, const char **paths, size_t *count)
{
    for (size_t i = 0; i < c->operation_count; i++) {
        if (c->durable || c->operations[i].kind == DSI_OPERATION_ADD) {
            continue;
        }
        for (size_t k = 0; k < c->operations[i].file_count; k++) {
            paths[(*count)++] = c->operations[i].files[k].path;
        }
    }
}

static size_t data_file_count(const struct dsi_change *c)
{
    size_t count = 0;

    for (size_t i = 0; i < c->operation_count; i++) {
        count += c->operations[i].file_count;
    }
    return count;
}

// Everything that was stored for the change, data files first.
static int list_stored(const struct dsi_attempts *a, struct dsi_arena *arena,
                       const char *const **out, size_t *count, struct ds_error *err)
{
    const struct dsi_change *c = a->change;
    size_t most = data_file_count(c) + a->written_count;

    for (size_t i = 0; i < c->part_count; i++) {
        most += data_file_count(c->parts[i]);
    }
    const char **paths = dsi_arena_array(arena, most, sizeof *paths);
    if (!paths) {
        return no_memory(err);
    }
    *count = 0;
    add_data_files(c, paths, count);
    for (size_t i = 0; i < c->part_count; i++) {
        add_data_files(c->parts[i], paths, count);
    }
    for (size_t i = 0; i < a->written_count; i++) {
        paths[(*count)++] = a->written[i];
    }
    *out = paths;
    return DS_OK;
}

int dsi_attempts_sync(const struct dsi_attempts *a, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    const char *const *paths = NULL;
    size_t count = 0;
    int rc = DS_OK;

    DSI_TRY(list_stored(a, &arena, &paths, &count, err));
    DSI_TRY(dsi_storage_sync(dsi_table_storage(a->table), paths, count, err));
done:
    dsi_arena_release(&arena);
    return rc;
}

// A file that is gone means that the table has moved on; where it has not, the file, or
// its directory, stays gone. (A catalog that cannot say is asked by the next attempt.)
static enum dsi_attempt_end end_of_missing(struct dsi_attempts *a,
                                           const struct dsi_state *base)
{
    enum dsi_attempt_end end = DSI_ATTEMPT_AGAIN;

    if (dsi_table_refresh(a->table, NULL) == DS_OK) {
        const struct dsi_state *now = dsi_table_state(a->table);
        end = dsi_head_equal(&now->head, &base->head) ? DSI_ATTEMPT_STOP : end;
        dsi_state_unref(now);
    }
    return end;
}

// Is it worth another attempt?
static enum dsi_attempt_end end_of(struct dsi_attempts *a, const struct dsi_state *base,
                                   int rc)
{
    if (rc == DS_ENOTFOUND) {
        return end_of_missing(a, base);
    }
    return rc == DS_ECONFLICT || rc == DS_EUNKNOWN || rc == DS_EIO ? DSI_ATTEMPT_AGAIN
                                                                   : DSI_ATTEMPT_STOP;
}

static void keep_state(struct dsi_attempts *a, const struct dsi_state *state,
                       const struct dsi_snapshot *snapshot)
{
    const struct dsi_state *old = a->state;

    a->state = dsi_state_ref(state);
    a->snapshot = snapshot;
    dsi_state_unref(old);
}

#ifdef DSI_TESTING
static void mutate_identity(struct dsi_attempts *a)
{
    struct dsi_change *c = (struct dsi_change *)a->change;
    struct dsi_uuid uuid = dsi_uuid_v7();

    dsi_uuid_format(&uuid, c->identity);
    memcpy(a->trail.identity, c->identity, sizeof c->identity);
    dsi_prepared_release(&a->prepared);
    a->prepared_stored = 0;
}
#endif

// Sends the request. From here until an answer the outcome may be open.
static int swap(struct dsi_attempts *a, const struct dsi_state *base,
                struct ds_error *err)
{
    struct dsi_trail before = a->trail;
    struct dsi_buf packed = DSI_BUF_INIT;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_swap swap = {.base = &base->head,
                            .metadata = a->last.metadata,
                            .identity = a->change->identity,
                            .attempt = a->rounds};
    const struct dsi_state *next = NULL;
    struct dsi_head head = {0};
    int rc = DS_OK;

    DSI_TRY(list_stored(a, &arena, &swap.files, &swap.file_count, err));
    swap.gzip = a->last.gzip && dsi_catalog_can_gzip(dsi_table_catalog(a->table));
    DSI_TRY(dsi_metadata_pack(a->last.json, swap.gzip, &packed, &swap.json, err));
    a->trail.sent = true;
    a->trail.base = dsi_mark_of(base);
    a->swaps++;
    rc = dsi_catalog_swap(dsi_table_catalog(a->table), dsi_table_name(a->table), &swap,
                          &arena, &head, err);
    a->refused = rc == DS_ECONFLICT;
    a->conflicts += a->refused;
    if (rc < 0 && rc != DS_ECONFLICT && rc != DS_EUNKNOWN) {
        a->trail.sent = before.sent; // It says itself that no request left.
        a->trail.base = before.base;
    }
    DSI_TRY(rc);
    // It is committed, and a lack of memory changes nothing about that: then the handle
    // just has to read the new state when it needs it.
    if (dsi_state_new(&head, a->last.metadata, a->last.manifests, &next, NULL) == DS_OK) {
        dsi_table_publish(a->table, next);
        keep_state(a, next, NULL);
    }
    a->snapshot = a->last.snapshot_id == DSI_SNAPSHOT_NONE
                      ? NULL
                      : dsi_metadata_snapshot(a->last.metadata, a->last.snapshot_id);
done:
    dsi_state_unref(next);
    dsi_buf_release(&packed);
    dsi_arena_release(&arena);
    return rc;
}

int dsi_attempts_look(struct dsi_attempts *a, enum dsi_sighting *sighting,
                      struct ds_error *err)
{
    const struct dsi_state *state = NULL;
    struct dsi_sight sight = {DSI_SIGHT_STALE, NULL};
    int rc = DS_OK;

    *sighting = DSI_SIGHT_STALE;
    DSI_TRY(dsi_table_refresh(a->table, err));
    state = dsi_table_state(a->table);
    if (DSI_MUTANT(DSI_MUTANT_NO_LOOK)) {
        sight.sighting = DSI_SIGHT_ABSENT;
    } else {
        DSI_TRY(dsi_look(dsi_table_storage(a->table), state, &a->trail, &sight, err));
    }
    if (sight.sighting == DSI_SIGHT_FOUND) { // Seen is not yet durable.
        DSI_TRY(dsi_catalog_confirm(dsi_table_catalog(a->table), dsi_table_name(a->table),
                                    err));
    }
    keep_state(a, state, sight.snapshot);
    *sighting = sight.sighting;
done:
    dsi_state_unref(state);
    return rc;
}

// The head, and whether it has the identity. One that the caller has just read serves as
// well, once: whoever had to wait in line had somebody before him who has moved it. If it
// has moved all the same, the swap is refused.
static int look(struct dsi_attempts *a, int64_t waited_ns, enum dsi_sighting *sighting,
                struct ds_error *err)
{
    const struct dsi_state *read = a->read;

    a->read = NULL;
    if (!read || waited_ns > WAITED_NS) {
        dsi_state_unref(read);
        return dsi_attempts_look(a, sighting, err);
    }
    keep_state(a, read, NULL);
    a->trail.looked = dsi_mark_of(read);
    dsi_state_unref(read);
    *sighting = DSI_SIGHT_ABSENT;
    return DS_OK;
}

// From the head to the swap; in line, if there is one.
static int try_once(struct dsi_attempts *a, int64_t waited_ns, enum dsi_attempt_end *end,
                    struct ds_error *err)
{
    const struct dsi_state *state = NULL;
    enum dsi_sighting sighting = DSI_SIGHT_STALE;
    int rc = DS_OK;

    *end = DSI_ATTEMPT_AGAIN;
    rc = look(a, waited_ns, &sighting, err);
    if (rc < 0) {
        *end = rc == DS_EIO ? DSI_ATTEMPT_AGAIN : DSI_ATTEMPT_STOP;
        goto done;
    }
    if (sighting == DSI_SIGHT_FOUND) {
        *end = DSI_ATTEMPT_FOUND;
        goto done;
    }
    if (sighting == DSI_SIGHT_BROKEN) {
        *end = DSI_ATTEMPT_STOP;
        rc = dsi_fail(err, DS_EUNKNOWN,
                      "the table's history no longer reaches back to the first attempt");
        goto done;
    }
    if (sighting == DSI_SIGHT_STALE) {
        rc = dsi_fail(err, DS_EIO, "the catalog answered with an older version");
        goto done;
    }
    if (a->guard && !a->guard(a->guard_arg, a->state)) {
        *end = DSI_ATTEMPT_CHANGED;
        goto done;
    }
    state = dsi_state_ref(a->state);
    rc = refit(a, state, err);
    rc = rc < 0 ? rc : rebase(a, &state, a->rounds, err);
    if (rc == DS_OK && a->last.outcome == DSI_REBASE_NOTHING) {
        *end = DSI_ATTEMPT_NOTHING;
        goto done;
    }
    if (rc < 0) {
        *end = rc == DS_ENOTFOUND ? end_of_missing(a, state)
               : rc == DS_EIO     ? DSI_ATTEMPT_AGAIN
                                  : DSI_ATTEMPT_STOP;
        goto done;
    }
    rc = store(a, a->last.files, a->last.file_count, err);
    if (rc == DS_OK) {
        judge(a);
    }
    rc = rc < 0 ? rc : dsi_cancel_check(err); // The last time: it is sent now.
    rc = rc < 0 ? rc : swap(a, state, err);
    *end = rc == DS_OK ? DSI_ATTEMPT_COMMITTED : end_of(a, state, rc);
done:
    dsi_state_unref(state);
    return rc;
}

int dsi_attempt(struct dsi_attempts *a, int64_t line_up_ns, enum dsi_attempt_end *end,
                struct ds_error *err)
{
    struct dsi_catalog *catalog = dsi_table_catalog(a->table);
    int64_t start = dsi_clock_monotonic_ns();
    void *lock = NULL;
    int rc = DS_OK;

    a->rounds++;
    a->refused = false;
    if (!DSI_MUTANT(DSI_MUTANT_NO_LOCK)) {
        // It only saves work: without it, or too late for it, we just try.
        DSI_IGNORE(
            dsi_catalog_lock(catalog, dsi_table_name(a->table), line_up_ns, &lock, NULL));
    }
#ifdef DSI_TESTING
    if (DSI_MUTANT(DSI_MUTANT_NEW_IDENTITY) && a->rounds > 1) {
        mutate_identity(a);
    }
#endif
    int64_t waited_ns = dsi_clock_monotonic_ns() - start;
    a->lined_up_ns += waited_ns;
    *end = DSI_ATTEMPT_STOP;
    rc = dsi_cancel_check(err);
    rc = rc < 0 ? rc : try_once(a, waited_ns, end, err);
    dsi_catalog_unlock(catalog, lock);
    return rc;
}
