// A table of three manifests, and a change that names two of its files: what the tests of
// everything that finds files in manifests share.
#ifndef DSI_TEST_TXN_REBASE_FIXTURE_H
#define DSI_TEST_TXN_REBASE_FIXTURE_H

#include "base/fault.h"
#include "fixture.h"
#include "txn/rebase_files.h"

// A list of three manifests: m0 with files a and b, m1 with c, m2 with d; an operation
// that takes out b and c. Four manifests are enough to be merged.
struct scene {
    struct dsi_catalog catalog;
    struct dsi_table *table;
    const struct dsi_metadata *metadata;
    struct dsi_change change;
    struct dsi_operation operation;
    struct dsi_replaced_file replaced[3];
    struct dsi_manifest_file rows[4]; // The first is new.
    struct dsi_manifest_entry entries[4];
    struct dsi_manifest manifests[3];
    struct dsi_loaded_manifest loaded[3];
    struct dsi_rewrite_input in;
};

static inline struct dsi_manifest_file scene_row(const char *path, int32_t files)
{
    return (struct dsi_manifest_file){.path = path,
                                      .length = 100,
                                      .sequence_number = 5,
                                      .min_sequence_number = 5,
                                      .added_snapshot_id = 1,
                                      .added_files_count = files,
                                      .first_row_id = -1};
}

static inline void scene_init(struct scene *s, enum dsi_operation_kind kind)
{
    static const char *const paths[] = {"memory:///t/a", "memory:///t/b", "memory:///t/c",
                                        "memory:///t/d"};

    static const struct ds_property set[] = {{"commit.manifest.min-count-to-merge", "4"}};

    *s = (struct scene){0};
    catalog_init(&s->catalog);
    s->table = test_create(&s->catalog, set, 1);
    s->metadata = dsi_table_metadata(s->table);
    for (size_t i = 0; i < 4; i++) {
        s->entries[i] = (struct dsi_manifest_entry){
            DSI_ENTRY_ADDED, 1, (int64_t)i + 1, (int64_t)i + 1,
            test_file(s->catalog.storage, paths[i], 10)};
    }
    s->manifests[0] = (struct dsi_manifest){.entries = &s->entries[0], .entry_count = 2};
    s->manifests[1] = (struct dsi_manifest){.entries = &s->entries[2], .entry_count = 1};
    s->manifests[2] = (struct dsi_manifest){.entries = &s->entries[3], .entry_count = 1};
    s->rows[0] = scene_row("new", 1);
    s->rows[1] = scene_row("m0", 2);
    s->rows[2] = scene_row("m1", 1);
    s->rows[3] = scene_row("m2", 1);
    for (size_t i = 0; i < 3; i++) {
        s->loaded[i] =
            (struct dsi_loaded_manifest){s->rows[i + 1].path, &s->manifests[i]};
    }
    s->replaced[0] = (struct dsi_replaced_file){paths[1], "m0", 10, 13};
    s->replaced[1] = (struct dsi_replaced_file){paths[2], "m1", 10, 13};
    s->operation = (struct dsi_operation){
        .kind = kind, .replaced = s->replaced, .replaced_count = 2};
    memcpy(s->change.identity, "01890000-0000-7000-8000-00000000abcd", 37);
    memcpy(s->change.nonce, "01234567", 9);
    s->in = (struct dsi_rewrite_input){.metadata = s->metadata,
                                       .change = &s->change,
                                       .operation = &s->operation,
                                       .snapshot_id = 77,
                                       .rows = s->rows,
                                       .row_count = 4,
                                       .new_count = 1,
                                       .loaded = s->loaded,
                                       .loaded_count = 3};
}

static inline void scene_release(struct scene *s)
{
    dsi_metadata_unref(s->metadata);
    dsi_table_free(s->table);
    catalog_release(&s->catalog);
}

// The entries of a manifest made for the scene: what became of those from `first` on, of
// which all but the first of all (a) are taken out by this snapshot.
static inline void scene_check_entries(const struct scene *s,
                                       struct dsi_manifest_file row,
                                       struct ds_slice bytes, size_t first, size_t count)
{
    struct dsi_manifest got = {0};

    row.sequence_number = 9;
    row.min_sequence_number = 1;
    assert_int_equal(dsi_manifest_parse(bytes, &row, s->metadata, NULL, &got, NULL),
                     DS_OK);
    assert_int_equal(got.entry_count, count);
    for (size_t i = 0; i < count; i++) {
        const struct dsi_manifest_entry *e = &got.entries[i];
        size_t at = first + i;
        assert_string_equal(e->file.path, s->entries[at].file.path);
        assert_int_equal(e->status, at == 0 ? DSI_ENTRY_EXISTING : DSI_ENTRY_DELETED);
        assert_int_equal(e->snapshot_id, at == 0 ? 1 : 77);
        assert_int_equal(e->sequence_number, at + 1); // As it was.
        assert_int_equal(e->file_sequence_number, at + 1);
    }
    dsi_manifest_release(&got);
}

typedef int (*scene_rebase_fn)(const struct dsi_rewrite_input *in,
                               struct dsi_arena *arena, struct dsi_rewritten *out,
                               struct ds_error *err);

// Runs out of memory at every place in turn.
static inline void scene_survives(enum dsi_operation_kind kind, scene_rebase_fn rebase)
{
    struct dsi_fault_plan plan = {0};
    struct scene s;

    scene_init(&s, kind);
    while (dsi_fault_next(&plan)) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct ds_error err = {0};
        struct dsi_rewritten out;
        int rc = rebase(&s.in, &arena, &out, &err);
        dsi_fault_stop();
        assert_int_equal(rc, plan.name ? DS_ENOMEM : DS_OK);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        dsi_arena_release(&arena);
    }
    assert_true(plan.target > 5);
    scene_release(&s);
}

#endif
