#include "txn/look.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "txn/ledger_look.h"
#include "txn/table.h"

static uint64_t hash_of(const char *location)
{
    return dsi_hash(location, strlen(location));
}

struct dsi_mark dsi_mark_of(const struct dsi_state *s)
{
    return (struct dsi_mark){
        .hash = hash_of(s->head.metadata_location),
        .version = s->head.version,
        .sequence_number = s->metadata->last_sequence_number,
        .updated_ms = s->metadata->last_updated_ms,
    };
}

static bool is_mark(const struct dsi_state *s, const struct dsi_mark *mark)
{
    return hash_of(s->head.metadata_location) == mark->hash;
}

// The place of `mark` in the metadata log, counted from 1; 0 when it is not there.
static size_t find_in_log(const struct dsi_metadata *m, const struct dsi_mark *mark)
{
    for (size_t i = m->metadata_log_count; i > 0; i--) {
        if (hash_of(m->metadata_log[i - 1].metadata_file) == mark->hash) {
            return i;
        }
    }
    return 0;
}

bool dsi_state_is_newer(const struct dsi_state *s, const struct dsi_mark *mark)
{
    const struct dsi_metadata *m = s->metadata;

    if (is_mark(s, mark)) {
        return false;
    }
    if (m->last_sequence_number != mark->sequence_number) {
        return m->last_sequence_number > mark->sequence_number;
    }
    if (find_in_log(m, mark) > 0) {
        return true;
    }
    // The log forgot it, or this is the older one: a version number decides, where files
    // have one.
    return mark->version >= 0 && s->head.version > mark->version &&
           m->last_updated_ms >= mark->updated_ms;
}

// Counts down from the newest snapshot: every sequence number since the mark is one
// snapshot (2), so having met them all means having met everything.
static void look_at_snapshots(const struct dsi_state *s, const struct dsi_mark *since,
                              const struct dsi_identity *id, struct dsi_sight *out)
{
    const struct dsi_metadata *m = s->metadata;
    int64_t missing = m->last_sequence_number - since->sequence_number;
    int64_t last = -1;

    for (size_t i = m->snapshot_count; i > 0 && missing > 0; i--) {
        const struct dsi_snapshot *snapshot = m->snapshots[i - 1];
        if (snapshot->sequence_number <= since->sequence_number) {
            continue;
        }
        missing -= snapshot->sequence_number != last; // A number that came twice is one.
        last = snapshot->sequence_number;
        if (dsi_identity_in_snapshot(id, snapshot)) {
            *out = (struct dsi_sight){DSI_SIGHT_FOUND, snapshot};
            return;
        }
    }
    out->sighting = missing == 0 ? DSI_SIGHT_ABSENT : DSI_SIGHT_BROKEN;
}

bool dsi_state_has(const struct dsi_state *s, const char *identity,
                   const struct dsi_mark *since, enum dsi_sighting *sighting)
{
    struct dsi_sight sight = {DSI_SIGHT_ABSENT, NULL};
    struct dsi_identity id;

    if (!dsi_identity_of(identity, &id)) {
        sight.sighting = DSI_SIGHT_ABSENT; // No change has it.
    } else if (dsi_identity_in_list(
                   &id, dsi_metadata_property(s->metadata, DSI_KEY_COMMIT_ID))) {
        sight.sighting = DSI_SIGHT_FOUND;
    } else if (!is_mark(s, since) && !dsi_state_is_newer(s, since)) {
        sight.sighting = DSI_SIGHT_STALE;
    } else {
        look_at_snapshots(s, since, &id, &sight);
    }
    *sighting = sight.sighting;
    return sight.sighting == DSI_SIGHT_FOUND;
}

// A version's name holds the identity that its swap was made under, in most catalogs; the
// others that a group put into it, only the file tells.
static int look_at_version(ds_storage *storage, const char *location,
                           const struct dsi_identity *id, struct dsi_sight *out,
                           struct ds_error *err)
{
    struct dsi_metadata *m = NULL;
    int rc = DS_OK;

    if (strstr(location, id->text)) {
        out->sighting = DSI_SIGHT_FOUND;
        return DS_OK;
    }
    rc = dsi_metadata_load(storage, location, &m, err);
    if (rc == DS_ENOTFOUND) {
        out->sighting = DSI_SIGHT_BROKEN;
        return DS_OK;
    }
    bool found = rc == DS_OK &&
                 dsi_identity_in_list(id, dsi_metadata_property(m, DSI_KEY_COMMIT_ID));
    for (size_t i = rc == DS_OK ? m->snapshot_count : 0; i > 0 && !found; i--) {
        found = dsi_identity_in_snapshot(id, m->snapshots[i - 1]);
    }
    if (found) {
        out->sighting = DSI_SIGHT_FOUND;
    }
    dsi_metadata_unref(m);
    return rc;
}

static int look_at_versions(ds_storage *storage, const struct dsi_state *s,
                            const struct dsi_mark *since, const struct dsi_identity *id,
                            struct dsi_sight *out, struct ds_error *err)
{
    const struct dsi_metadata *m = s->metadata;
    bool broken = false;
    int rc = DS_OK;

    if (dsi_identity_in_list(id, dsi_metadata_property(m, DSI_KEY_COMMIT_ID)) ||
        strstr(s->head.metadata_location, id->text)) {
        out->sighting = DSI_SIGHT_FOUND;
        return DS_OK;
    }
    out->sighting = DSI_SIGHT_ABSENT;
    if (is_mark(s, since)) {
        return DS_OK;
    }
    size_t first = find_in_log(m, since);
    broken = first == 0;
    for (size_t i = m->metadata_log_count; i > first; i--) {
        DSI_TRY(
            look_at_version(storage, m->metadata_log[i - 1].metadata_file, id, out, err));
        if (out->sighting == DSI_SIGHT_FOUND) {
            return DS_OK;
        }
        broken = broken || out->sighting == DSI_SIGHT_BROKEN;
    }
    out->sighting = broken ? DSI_SIGHT_BROKEN : DSI_SIGHT_ABSENT;
done:
    return rc;
}

int dsi_look(ds_storage *storage, const struct dsi_state *s, struct dsi_trail *trail,
             struct dsi_sight *out, struct ds_error *err)
{
    struct dsi_ledger_sight ledger;
    struct dsi_identity id;
    bool snapshots_tell = false;
    int rc = DS_OK;

    *out = (struct dsi_sight){DSI_SIGHT_ABSENT, NULL};
    if (!dsi_identity_of(trail->identity, &id)) {
        return dsi_fail(err, DS_EINVALID, "\"%.60s\" is no identity", trail->identity);
    }
    if (trail->sent && trail->base.sequence_number == DSI_MARK_OPEN.sequence_number) {
        trail->base = dsi_mark_of(s);
    }
    if (!is_mark(s, &trail->looked) && !dsi_state_is_newer(s, &trail->looked)) {
        out->sighting = DSI_SIGHT_STALE;
        return DS_OK;
    }
    // Also a change without a snapshot of its own may have come in a group that made one.
    look_at_snapshots(s, &trail->looked, &id, out);
    if (out->sighting == DSI_SIGHT_BROKEN && (trail->sent || trail->given)) {
        DSI_TRY(dsi_ledger_look(storage, s->metadata, &id, trail->looked.sequence_number,
                                &ledger, err));
        out->sighting = ledger.sighting;
    }
    snapshots_tell =
        trail->makes_snapshot && (out->sighting == DSI_SIGHT_ABSENT || !trail->sent);
    // Where snapshots were expired in between, the versions they came with may still
    // tell.
    if (out->sighting != DSI_SIGHT_FOUND && !snapshots_tell) {
        DSI_TRY(look_at_versions(storage, s, &trail->looked, &id, out, err));
    }
    if (out->sighting == DSI_SIGHT_BROKEN && !trail->sent) {
        out->sighting = DSI_SIGHT_ABSENT; // Nothing of ours can be in what is missing.
    }
    if (out->sighting == DSI_SIGHT_ABSENT) {
        trail->looked = dsi_mark_of(s);
    }
done:
    return rc;
}

// A token: fields of fixed order between dots, then a checksum over all before it.
#define TOKEN_PREFIX "ds1"
enum { TOKEN_FIELDS = 14 };

static void mark_format(const struct dsi_mark *m, char out[80])
{
    snprintf(out, 80, "%llx.%llx.%llx.%llx", (unsigned long long)m->hash,
             (unsigned long long)m->version, (unsigned long long)m->sequence_number,
             (unsigned long long)m->updated_ms);
}

void dsi_trail_format(const struct dsi_trail *trail, char out[DSI_TOKEN_SIZE])
{
    char looked[80];
    char base[80];

    mark_format(&trail->looked, looked);
    mark_format(&trail->base, base);
    int n =
        snprintf(out, DSI_TOKEN_SIZE, TOKEN_PREFIX ".%s.%s.%s.%c.%s.%s", trail->identity,
                 trail->nonce, trail->table_uuid[0] ? trail->table_uuid : "-",
                 trail->makes_snapshot ? 's' : 'v', looked, base);
    assert(n > 0 && n < DSI_TOKEN_SIZE - 10);
    snprintf(out + n, DSI_TOKEN_SIZE - (size_t)n, ".%08x",
             (unsigned)(dsi_hash(out, (size_t)n) >> 32));
}

static bool hex_parse(struct ds_slice text, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool digit = c >= '0' && c <= '9';
        if (!digit && (c < 'a' || c > 'f')) {
            return false;
        }
        *out = *out << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
    }
    return text.size > 0 && text.size <= 16;
}

static bool mark_parse(const struct ds_slice *fields, struct dsi_mark *out)
{
    uint64_t v[4] = {0};

    for (size_t i = 0; i < 4; i++) {
        if (!hex_parse(fields[i], &v[i])) {
            return false;
        }
    }
    *out = (struct dsi_mark){v[0], (int64_t)v[1], (int64_t)v[2], (int64_t)v[3]};
    return true;
}

static bool uuid_parse(struct ds_slice text, char out[DSI_UUID_TEXT_SIZE])
{
    struct dsi_uuid uuid;

    if (!dsi_uuid_parse((const char *)text.data, text.size, &uuid)) {
        return false;
    }
    dsi_uuid_format(&uuid, out);
    return true;
}

static bool fields_parse(const struct ds_slice *f, struct dsi_trail *out)
{
    uint64_t nonce = 0;
    bool ok = dsi_slice_equal(f[0], dsi_slice_text(TOKEN_PREFIX)) &&
              uuid_parse(f[1], out->identity) && f[2].size == 8 &&
              hex_parse(f[2], &nonce) && f[4].size == 1 &&
              (f[4].data[0] == 's' || f[4].data[0] == 'v');

    if (!ok || !mark_parse(f + 5, &out->looked) || !mark_parse(f + 9, &out->base)) {
        return false;
    }
    snprintf(out->nonce, sizeof out->nonce, "%08x", (unsigned)nonce);
    out->makes_snapshot = f[4].data[0] == 's';
    out->sent = true;
    return dsi_slice_equal(f[3], dsi_slice_text("-")) ||
           uuid_parse(f[3], out->table_uuid);
}

int dsi_trail_parse(const char *token, struct dsi_trail *out, struct ds_error *err)
{
    struct ds_slice fields[TOKEN_FIELDS] = {{0}};
    size_t count = 0;
    const char *p = token ? token : "";
    const char *last = strrchr(p, '.');
    uint64_t sum = 0;

    *out = (struct dsi_trail){0};
    while (count < TOKEN_FIELDS) {
        const char *end = strchr(p, '.');
        size_t n = end ? (size_t)(end - p) : strlen(p);
        fields[count++] = (struct ds_slice){(const uint8_t *)p, n};
        if (!end) {
            p = NULL;
            break;
        }
        p = end + 1;
    }
    if (p || count != TOKEN_FIELDS || !hex_parse(fields[TOKEN_FIELDS - 1], &sum) ||
        sum != dsi_hash(token, (size_t)(last - token)) >> 32 ||
        !fields_parse(fields, out)) {
        return dsi_fail(
            err, DS_EINVALID,
            "this is no token of a commit, or it is not all of one: \"%.60s\"",
            token ? token : "");
    }
    return DS_OK;
}
