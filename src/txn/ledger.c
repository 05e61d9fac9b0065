// A file: the head, then records; numbers are little-endian.
//   head    8 bytes "DSLEDGR1", 8 of XXH64 over all that follows, 16 of the table's UUID
//   record  8 bytes sequence number, 8 snapshot id, 4 count, then 16 for each identity
#include "txn/ledger.h"

#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "txn/paths.h"

enum { HEAD_SIZE = 32, SUM_AT = 8, UUID_AT = 16, RECORD_SIZE = 20, IDENTITY_SIZE = 16 };
static const char magic[] = "DSLEDGR1";

static void put_u64(uint8_t *out, uint64_t v, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        out[i] = (uint8_t)(v >> (8 * i));
    }
}

static uint64_t get_u64(const uint8_t *in, size_t size)
{
    uint64_t v = 0;
    for (size_t i = 0; i < size; i++) {
        v |= (uint64_t)in[i] << (8 * i);
    }
    return v;
}

// --- the property

// A name is what we make: digits, letters and dashes, so no way out of the folder.
static bool parse_file(struct ds_slice text, struct dsi_ledger_file *out)
{
    const uint8_t *colon = memchr(text.data, ':', text.size);
    size_t n = colon ? (size_t)(colon - text.data) : 0;

    if (n == 0 || n >= sizeof out->name ||
        !dsi_text_to_i64((const char *)colon + 1, text.size - n - 1, &out->size) ||
        out->size <= HEAD_SIZE || out->size > DSI_LEDGER_FILE_MAX) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t c = text.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-')) {
            return false;
        }
        out->name[i] = (char)c;
    }
    out->name[n] = '\0';
    return true;
}

void dsi_ledger_of(const struct dsi_metadata *m, struct dsi_ledger *out)
{
    const char *p = dsi_metadata_property(m, DSI_KEY_LEDGER);

    out->count = 0;
    while (p && *p) {
        size_t n = strcspn(p, " ");
        if (out->count == DSI_LEDGER_FILES_MAX ||
            !parse_file((struct ds_slice){(const uint8_t *)p, n},
                        &out->files[out->count])) {
            out->count = 0; // (3)
            return;
        }
        out->count++;
        p += n + (p[n] == ' ');
    }
}

bool dsi_ledger_names(const struct dsi_metadata *m, const char *path)
{
    const size_t n = sizeof DSI_LEDGER_PREFIX - 1;
    const char *name = strrchr(path, '/');
    struct dsi_ledger ledger;

    name = name ? name + 1 : path;
    if (strncmp(name, DSI_LEDGER_PREFIX, n) != 0) {
        return false;
    }
    dsi_ledger_of(m, &ledger);
    for (size_t i = 0; i < ledger.count; i++) {
        if (strcmp(ledger.files[i].name, name + n) == 0) {
            return true;
        }
    }
    return false;
}

int dsi_ledger_format(const struct dsi_ledger *ledger, struct dsi_buf *out,
                      struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < ledger->count; i++) {
        DSI_TRY(dsi_buf_printf(out, err, "%s%s:%lld", i > 0 ? " " : "",
                               ledger->files[i].name, (long long)ledger->files[i].size));
    }
    DSI_TRY(dsi_buf_append_byte(out, 0, err));
done:
    return rc;
}

int dsi_ledger_path(const struct dsi_metadata *m, const char *name,
                    struct dsi_arena *arena, char **out, struct ds_error *err)
{
    char file[sizeof DSI_LEDGER_PREFIX + DSI_LEDGER_NAME_SIZE];

    snprintf(file, sizeof file, DSI_LEDGER_PREFIX "%s", name);
    return dsi_metadata_file_path(m, file, arena, out, err);
}

// --- identities of a snapshot

static size_t identity_count(const struct dsi_snapshot *s)
{
    const char *own = dsi_snapshot_summary(s, DSI_KEY_COMMIT_ID);
    const char *members = dsi_snapshot_summary(s, DSI_KEY_COMMIT_IDS);

    return (own ? 1 : 0) + (members ? strlen(members) / DSI_IDENTITY_SHORT_SIZE : 0);
}

// Others may have written what stands there: what is no identity is left out.
static int put_identities(const struct dsi_snapshot *s, struct dsi_buf *out,
                          size_t *count, struct ds_error *err)
{
    const char *own = dsi_snapshot_summary(s, DSI_KEY_COMMIT_ID);
    const char *members = dsi_snapshot_summary(s, DSI_KEY_COMMIT_IDS);
    size_t size = members ? strlen(members) : 0;
    struct dsi_uuid uuid;
    int rc = DS_OK;

    *count = 0;
    if (own && dsi_uuid_parse(own, strlen(own), &uuid)) {
        DSI_TRY(dsi_buf_append(out, uuid.bytes, IDENTITY_SIZE, err));
        (*count)++;
    }
    for (size_t i = 0; i + DSI_IDENTITY_SHORT_SIZE <= size;
         i += DSI_IDENTITY_SHORT_SIZE) {
        if (dsi_identity_from_short(members + i, &uuid)) {
            DSI_TRY(dsi_buf_append(out, uuid.bytes, IDENTITY_SIZE, err));
            (*count)++;
        }
    }
done:
    return rc;
}

// --- files

static size_t records_size(const struct dsi_snapshot *const *snapshots, size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++) {
        size += RECORD_SIZE + identity_count(snapshots[i]) * IDENTITY_SIZE;
    }
    return size;
}

size_t dsi_ledger_to_merge(const struct dsi_ledger *ledger,
                           const struct dsi_snapshot *const *snapshots, size_t count)
{
    int64_t total = (int64_t)records_size(snapshots, count) + HEAD_SIZE;
    size_t n = 0;

    // Like with like: what is larger than all that is newer waits until it is not.
    while (n < ledger->count && ledger->files[n].size <= total &&
           ledger->files[n].size <= DSI_LEDGER_FILE_MAX - total) {
        total += ledger->files[n].size;
        n++;
    }
    // Never more files than there is room for: foreign sizes could be anything.
    if (n == 0 && ledger->count == DSI_LEDGER_FILES_MAX &&
        ledger->files[0].size <= DSI_LEDGER_FILE_MAX - total) {
        n = 1;
    }
    return n;
}

static bool uuid_of(const char *table_uuid, struct dsi_uuid *out)
{
    *out = (struct dsi_uuid){{0}};
    return !table_uuid || dsi_uuid_parse(table_uuid, strlen(table_uuid), out);
}

static bool is_whole(struct ds_slice file, const char *table_uuid)
{
    struct dsi_uuid uuid;

    return file.size >= HEAD_SIZE && memcmp(file.data, magic, sizeof magic - 1) == 0 &&
           uuid_of(table_uuid, &uuid) &&
           memcmp(file.data + UUID_AT, uuid.bytes, sizeof uuid.bytes) == 0 &&
           get_u64(file.data + SUM_AT, 8) ==
               dsi_xxh64(file.data + UUID_AT, file.size - UUID_AT);
}

int dsi_ledger_next(struct ds_slice file, const char *table_uuid, size_t *at,
                    struct dsi_ledger_record *out, struct ds_error *err)
{
    if (*at == 0) {
        if (!is_whole(file, table_uuid)) {
            return dsi_corrupt(err, "no ledger file of this table, or not all of one");
        }
        *at = HEAD_SIZE;
    }
    if (*at == file.size) {
        return DS_OK;
    }
    const uint8_t *p = file.data + *at;
    size_t left = file.size - *at;
    size_t count = left >= RECORD_SIZE ? (size_t)get_u64(p + 16, 4) : 0;
    if (left < RECORD_SIZE || count > (left - RECORD_SIZE) / IDENTITY_SIZE) {
        return dsi_corrupt(err, "a ledger record at byte %zu goes past the end", *at);
    }
    *out = (struct dsi_ledger_record){(int64_t)get_u64(p, 8), (int64_t)get_u64(p + 8, 8),
                                      p + RECORD_SIZE, count};
    *at += RECORD_SIZE + count * IDENTITY_SIZE;
    return DS_ROW;
}

// True when all of it can be read, so that its records may be copied as they are.
static bool is_good(struct ds_slice file, const char *table_uuid)
{
    struct dsi_ledger_record r;
    size_t at = 0;
    int rc = DS_ROW;

    while (rc == DS_ROW) {
        rc = dsi_ledger_next(file, table_uuid, &at, &r, NULL);
    }
    return rc == DS_OK;
}

static int put_record(const struct dsi_snapshot *s, struct dsi_buf *out,
                      struct ds_error *err)
{
    uint8_t head[RECORD_SIZE] = {0};
    size_t at = out->size;
    size_t count = 0;
    int rc = DS_OK;

    put_u64(head, (uint64_t)s->sequence_number, 8);
    put_u64(head + 8, (uint64_t)s->snapshot_id, 8);
    DSI_TRY(dsi_buf_append(out, head, sizeof head, err));
    DSI_TRY(put_identities(s, out, &count, err));
    put_u64(out->data + at + 16, count, 4);
done:
    return rc;
}

int dsi_ledger_build(const struct dsi_metadata *m, const struct ds_slice *old,
                     size_t old_count, const struct dsi_snapshot *const *snapshots,
                     size_t count, struct dsi_buf *out, struct ds_error *err)
{
    const size_t begin = out->size;
    struct dsi_uuid uuid;
    int rc = DS_OK;

    if (!uuid_of(m->table_uuid, &uuid)) {
        uuid = (struct dsi_uuid){{0}}; // Then nobody finds it: the same as none.
    }
    DSI_TRY(dsi_buf_append(out, magic, sizeof magic - 1, err));
    DSI_TRY(dsi_buf_append_zero(out, 8, err));
    DSI_TRY(dsi_buf_append(out, uuid.bytes, sizeof uuid.bytes, err));
    for (size_t i = 0; i < old_count; i++) {
        if (is_good(old[i], m->table_uuid)) {
            DSI_TRY(dsi_buf_append(out, old[i].data + HEAD_SIZE, old[i].size - HEAD_SIZE,
                                   err));
        }
    }
    for (size_t i = 0; i < count; i++) {
        DSI_TRY(put_record(snapshots[i], out, err));
    }
    put_u64(out->data + begin + SUM_AT,
            dsi_xxh64(out->data + begin + UUID_AT, out->size - begin - UUID_AT), 8);
done:
    return rc;
}

void dsi_ledger_replace(struct dsi_ledger *ledger, size_t merged,
                        const struct dsi_ledger_file *added,
                        struct dsi_ledger_file *dropped, size_t *dropped_count)
{
    struct dsi_ledger next = {.count = 1};
    int64_t total = added->size;

    *dropped_count = 0;
    next.files[0] = *added;
    for (size_t i = 0; i < ledger->count; i++) {
        const struct dsi_ledger_file *f = &ledger->files[i];
        bool fits =
            next.count < DSI_LEDGER_FILES_MAX && f->size <= DSI_LEDGER_BYTES_MAX - total;
        if (i >= merged && fits) {
            next.files[next.count++] = *f;
            total += f->size;
        } else {
            dropped[(*dropped_count)++] = *f;
            total = i < merged ? total : DSI_LEDGER_BYTES_MAX; // Only from the end.
        }
    }
    *ledger = next;
}
