#include "txn/summary.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/checked.h"
#include "base/error.h"
#include "base/map.h"
#include "base/text.h"
#include "txn/identity.h"

#define KEY_REPLACED "manifests-replaced"

// What was added to one partition, or to all.
struct added {
    int64_t files;
    int64_t rows;
    int64_t bytes;
    const char *path; // Of the partition.
};

struct builder {
    struct dsi_arena *arena;
    struct ds_property *items;
    size_t count;
    size_t capacity;
    bool failed; // No memory.
};

static void put(struct builder *b, const char *key, const char *value)
{
    for (size_t i = 0; i < b->count; i++) {
        if (strcmp(b->items[i].key, key) == 0) {
            return; // Ours came first.
        }
    }
    if (b->count == b->capacity) {
        size_t capacity = b->capacity ? b->capacity * 2 : 32;
        struct ds_property *items = dsi_arena_array(b->arena, capacity, sizeof *items);
        if (!items) {
            b->failed = true;
            return;
        }
        if (b->count > 0) {
            memcpy(items, b->items, b->count * sizeof *items);
        }
        b->items = items;
        b->capacity = capacity;
    }
    char *k = dsi_arena_strdup(b->arena, key);
    char *v = dsi_arena_strdup(b->arena, value);
    if (!k || !v) {
        b->failed = true;
        return;
    }
    b->items[b->count++] = (struct ds_property){k, v};
}

static void put_number(struct builder *b, const char *key, int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    put(b, key, text);
}

static void put_positive(struct builder *b, const char *key, int64_t value)
{
    if (value > 0) {
        put_number(b, key, value);
    }
}

// The parent's total and what came on top. Left out where the parent has none that makes
// sense; a first snapshot starts from 0.
static void put_total(struct builder *b, const struct dsi_snapshot *parent,
                      const char *key, int64_t more)
{
    int64_t total = 0;

    if (parent) {
        const char *text = dsi_snapshot_summary(parent, key);
        if (!text || !dsi_text_to_i64(text, strlen(text), &total)) {
            return;
        }
    }
    if (dsi_add_i64(total, more, &total) && total >= 0) {
        put_number(b, key, total);
    }
}

// Sums the added files by partition; every new one goes into `list`.
static int count_partition(const struct dsi_summary_input *in,
                           const struct dsi_data_file *f, struct dsi_map *map,
                           struct dsi_arena *arena, struct ds_error *err)
{
    const struct dsi_metadata *m = in->metadata;
    const struct dsi_partition_spec *spec = dsi_metadata_spec(m, f->spec_id);
    struct dsi_buf key = DSI_BUF_INIT;
    struct added *a = NULL;
    size_t prefix = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_buf_printf(&key, err, "%d/", (int)f->spec_id));
    prefix = key.size;
    DSI_TRY(dsi_partition_path(spec, dsi_metadata_current_schema(m), f->partition, &key,
                               err));
    a = dsi_map_get(map, dsi_buf_slice(&key));
    if (!a) {
        a = dsi_arena_alloc(arena, sizeof *a);
        char *path = a ? dsi_arena_strndup(arena, (const char *)key.data + prefix,
                                           key.size - prefix)
                       : NULL;
        if (!path) {
            rc = dsi_no_memory(err, "summing up a snapshot");
            goto done;
        }
        a->path = path;
        DSI_TRY(dsi_map_put(map, dsi_buf_slice(&key), a, err));
    }
    a->files++;
    a->rows += f->record_count;
    a->bytes += f->file_size;
done:
    dsi_buf_release(&key);
    return rc;
}

static int count_partitions(const struct dsi_summary_input *in, struct dsi_map *map,
                            struct dsi_arena *arena, struct added *all,
                            struct ds_error *err)
{
    int rc = DS_OK;

    for (size_t i = 0; i < in->change->operation_count; i++) {
        const struct dsi_operation *o = &in->change->operations[i];
        for (size_t k = 0; k < o->file_count; k++) {
            all->files++;
            all->rows += o->files[k].record_count;
            all->bytes += o->files[k].file_size;
            DSI_TRY(count_partition(in, &o->files[k], map, arena, err));
        }
        all->files += o->stored.files;
        all->rows += o->stored.rows;
        all->bytes += o->stored.bytes;
    }
done:
    return rc;
}

static void put_partition(struct builder *b, const struct added *a)
{
    char value[128];
    char *key = dsi_arena_printf(b->arena, "partitions.%s", a->path);

    snprintf(value, sizeof value,
             "added-data-files=%lld,added-records=%lld,added-files-size=%lld",
             (long long)a->files, (long long)a->rows, (long long)a->bytes);
    if (!key) {
        b->failed = true;
        return;
    }
    put(b, key, value);
}

// How many partitions have files in stored manifests, at least.
static int64_t stored_partitions(const struct dsi_change *c)
{
    int64_t n = 0;

    for (size_t i = 0; i < c->operation_count; i++) {
        n += c->operations[i].stored.partitions;
    }
    return n;
}

// Per-partition entries, in the order in which the files first name each partition. What
// stored manifests add to each is not known, so beside them there are none.
static int put_partitions(const struct dsi_summary_input *in, const struct dsi_map *map,
                          struct builder *b, struct ds_error *err)
{
    const int64_t stored = stored_partitions(in->change);
    const int64_t count = (int64_t)map->count;
    int64_t limit = 0;
    int rc = DS_OK;

    DSI_TRY(dsi_metadata_property_i64(in->metadata, "write.summary.partition-limit", 0, 0,
                                      &limit, err));
    put_number(b, "changed-partition-count", count > stored ? count : stored);
    if (count > limit || stored > 0) {
        goto done;
    }
    put(b, "partition-summaries-included", "true");
    for (size_t i = 0; i < in->change->operation_count; i++) {
        const struct dsi_operation *o = &in->change->operations[i];
        for (size_t k = 0; k < o->file_count; k++) {
            struct dsi_buf key = DSI_BUF_INIT;
            const struct dsi_data_file *f = &o->files[k];
            rc = dsi_buf_printf(&key, err, "%d/", (int)f->spec_id);
            if (rc == DS_OK) {
                rc = dsi_partition_path(dsi_metadata_spec(in->metadata, f->spec_id),
                                        dsi_metadata_current_schema(in->metadata),
                                        f->partition, &key, err);
            }
            const struct added *a =
                rc == DS_OK ? dsi_map_get(map, dsi_buf_slice(&key)) : NULL;
            dsi_buf_release(&key);
            if (!a) {
                goto done;
            }
            put_partition(b, a);
        }
    }
done:
    return rc;
}

static void put_brief(char *out, size_t at, const char *identity)
{
    struct dsi_identity id;
    bool ok = dsi_identity_of(identity, &id);

    assert(ok); // As a change has it.
    if (ok) {
        memcpy(out + at * DSI_IDENTITY_SHORT_SIZE, id.brief, DSI_IDENTITY_SHORT_SIZE);
    }
}

// The short forms of all members, one after the other.
static void put_members(struct builder *b, const struct dsi_summary_input *in)
{
    const struct dsi_change *c = in->change;
    size_t count = c->member_count + (in->also ? 1 : 0);
    char *all = NULL;

    if (count == 0) {
        return;
    }
    all = dsi_arena_array(b->arena, count + 1, DSI_IDENTITY_SHORT_SIZE);
    if (!all) {
        b->failed = true;
        return;
    }
    for (size_t i = 0; i < c->member_count; i++) {
        put_brief(all, i, c->members[i]);
    }
    if (in->also) {
        put_brief(all, c->member_count, in->also);
    }
    put(b, DSI_KEY_COMMIT_IDS, all);
}

int64_t dsi_summary_replaced(const struct dsi_snapshot *s)
{
    const char *text = dsi_snapshot_summary(s, KEY_REPLACED);
    int64_t n = 0;

    return text && dsi_text_to_i64(text, strlen(text), &n) && n >= 0 ? n : -1;
}

// What a rewrite or a deletion takes out.
static struct added count_replaced(const struct dsi_change *c)
{
    struct added gone = {0};

    for (size_t i = 0; i < c->operation_count; i++) {
        const struct dsi_operation *o = &c->operations[i];
        for (size_t k = 0; k < o->replaced_count; k++) {
            gone.files++;
            gone.rows += o->replaced[k].rows;
            gone.bytes += o->replaced[k].bytes;
        }
    }
    return gone;
}

// Iceberg specification, "Snapshots": what "operation" may be.
static const char *operation_of(const struct dsi_change *c, const struct added *all)
{
    const struct dsi_operation *deletion = dsi_change_deletion(c);

    if (dsi_change_rewrite(c)) {
        return "replace";
    }
    if (deletion && deletion->replaced_count > 0) {
        return all->files > 0 ? "overwrite" : "delete";
    }
    return "append";
}

int dsi_summary_append(const struct dsi_summary_input *in, struct dsi_arena *arena,
                       struct ds_properties *out, struct ds_error *err)
{
    struct builder b = {.arena = arena};
    struct dsi_map map = DSI_MAP_INIT;
    const struct added gone = count_replaced(in->change);
    struct added all = {0};
    int rc = DS_OK;

    DSI_TRY(count_partitions(in, &map, arena, &all, err));
    put(&b, "operation", operation_of(in->change, &all));
    put(&b, DSI_KEY_COMMIT_ID, in->change->identity);
    put_members(&b, in);
    put_positive(&b, "added-data-files", all.files);
    put_positive(&b, "added-records", all.rows);
    put_positive(&b, "added-files-size", all.bytes);
    put_positive(&b, "deleted-data-files", gone.files);
    put_positive(&b, "deleted-records", gone.rows);
    put_positive(&b, "removed-files-size", gone.bytes);
    if (!dsi_change_deletion(in->change)) { // It does not say whose files go.
        DSI_TRY(put_partitions(in, &map, &b, err));
    }
    put_number(&b, "manifests-created", (int64_t)in->manifests_created);
    put_number(&b, "manifests-kept", (int64_t)in->manifests_kept);
    put_number(&b, KEY_REPLACED, (int64_t)in->manifests_replaced);
    put_total(&b, in->parent, "total-records", all.rows - gone.rows);
    put_total(&b, in->parent, "total-files-size", all.bytes - gone.bytes);
    put_total(&b, in->parent, "total-data-files", all.files - gone.files);
    put_total(&b, in->parent, "total-delete-files", 0);
    put_total(&b, in->parent, "total-position-deletes", 0);
    put_total(&b, in->parent, "total-equality-deletes", 0);
    for (size_t i = 0; i < in->change->summary.count; i++) {
        put(&b, in->change->summary.items[i].key, in->change->summary.items[i].value);
    }
    if (b.failed) {
        rc = dsi_no_memory(err, "summing up a snapshot");
        goto done;
    }
    *out = (struct ds_properties){b.items, b.count};
done:
    dsi_map_release(&map);
    return rc;
}
