#include "txn/ledger_look.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "storage/storage.h"

// What is being looked for, and what was seen on the way.
struct search {
    const struct dsi_metadata *m;
    struct dsi_uuid uuid;
    int64_t since;
    struct dsi_buf numbers; // int64_t: sequence numbers above `since`, in any order.
    bool found;
    int64_t snapshot_id;
    int64_t sequence_number;
};

static int add_number(struct search *s, int64_t number, struct ds_error *err)
{
    return number > s->since && number <= s->m->last_sequence_number
               ? dsi_buf_append(&s->numbers, &number, sizeof number, err)
               : DS_OK;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// True when no number above `since` is missing: none but those above 0 ever were.
static bool is_covered(struct search *s)
{
    int64_t *numbers = (int64_t *)(void *)s->numbers.data;
    size_t count = s->numbers.size / sizeof *numbers;
    int64_t next = s->since < 0 ? 1 : s->since + 1; // since < last, so it fits.

    if (count > 0) {
        qsort(numbers, count, sizeof *numbers, compare);
    }
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] > next) {
            return false;
        }
        next += numbers[i] == next;
    }
    return next > s->m->last_sequence_number;
}

static bool has(const struct search *s, const struct dsi_ledger_record *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (memcmp(r->identities + i * sizeof s->uuid.bytes, s->uuid.bytes,
                   sizeof s->uuid.bytes) == 0) {
            return true;
        }
    }
    return false;
}

// A file that is not whole gives nothing: its numbers stay missing.
static int search_file(struct search *s, struct ds_slice file, struct ds_error *err)
{
    struct dsi_ledger_record r;
    size_t before = s->numbers.size;
    size_t at = 0;
    int rc = DS_OK;
    int got = DS_ROW;

    while ((got = dsi_ledger_next(file, s->m->table_uuid, &at, &r, NULL)) == DS_ROW) {
        if (has(s, &r)) {
            s->found = true;
            s->snapshot_id = r.snapshot_id;
            s->sequence_number = r.sequence_number;
        }
        DSI_TRY(add_number(s, r.sequence_number, err));
    }
    if (got < 0) {
        s->found = false;
        s->numbers.size = before;
    }
done:
    return rc;
}

static int search_files(struct search *s, ds_storage *storage, struct ds_error *err)
{
    struct dsi_ledger ledger;
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_buf bytes = DSI_BUF_INIT_MAX((size_t)DSI_LEDGER_FILE_MAX);
    int rc = DS_OK;

    dsi_ledger_of(s->m, &ledger);
    for (size_t i = 0; i < ledger.count && !s->found && !is_covered(s); i++) {
        char *path = NULL;
        bytes.size = 0;
        DSI_TRY(dsi_ledger_path(s->m, ledger.files[i].name, &arena, &path, err));
        rc = dsi_storage_read(storage, path, &bytes, err);
        if (rc == DS_ENOTFOUND || rc == DS_EUNSUPPORTED || rc == DS_ECORRUPT) {
            rc = DS_OK; // Lost, or grown beyond what we write.
            continue;
        }
        DSI_TRY(rc);
        DSI_TRY(search_file(s, dsi_buf_slice(&bytes), err));
    }
done:
    dsi_buf_release(&bytes);
    dsi_arena_release(&arena);
    return rc;
}

int dsi_ledger_look(ds_storage *storage, const struct dsi_metadata *m,
                    const struct dsi_identity *id, int64_t since,
                    struct dsi_ledger_sight *out, struct ds_error *err)
{
    struct search s = {.m = m, .since = since, .snapshot_id = -1, .sequence_number = -1};
    int rc = DS_OK;

    *out = (struct dsi_ledger_sight){DSI_SIGHT_BROKEN, -1, -1};
    if (!dsi_uuid_parse(id->text, strlen(id->text), &s.uuid)) {
        return dsi_fail(err, DS_EINVALID, "\"%.60s\" is no identity", id->text);
    }
    for (size_t i = m->snapshot_count; i > 0 && !s.found; i--) {
        const struct dsi_snapshot *snapshot = m->snapshots[i - 1];
        s.found = dsi_identity_in_snapshot(id, snapshot);
        s.snapshot_id = s.found ? snapshot->snapshot_id : -1;
        s.sequence_number = s.found ? snapshot->sequence_number : -1;
        DSI_TRY(add_number(&s, snapshot->sequence_number, err));
    }
    if (since >= m->last_sequence_number) {
        out->sighting = s.found ? DSI_SIGHT_FOUND : DSI_SIGHT_ABSENT;
    } else {
        DSI_TRY(search_files(&s, storage, err));
        out->sighting = s.found          ? DSI_SIGHT_FOUND
                        : is_covered(&s) ? DSI_SIGHT_ABSENT
                                         : DSI_SIGHT_BROKEN;
    }
    out->snapshot_id = s.snapshot_id;
    out->sequence_number = s.sequence_number;
done:
    dsi_buf_release(&s.numbers);
    return rc;
}
