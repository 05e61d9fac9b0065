#include "base/fault.h"
#include "fixture.h"
#include "txn/attempt.h"
#include "txn/expire.h"

// Everything a rebase makes, as one run of bytes.
static void flatten(const struct dsi_rebased *r, struct dsi_buf *out)
{
    assert_int_equal(dsi_buf_append(out, r->json.data, r->json.size, NULL), DS_OK);
    for (size_t i = 0; i < r->file_count; i++) {
        assert_int_equal(dsi_buf_append_text(out, r->files[i].path, NULL), DS_OK);
        assert_int_equal(
            dsi_buf_append(out, r->files[i].bytes.data, r->files[i].bytes.size, NULL),
            DS_OK);
    }
}

// The state with its list; only the loop loads things.
static const struct dsi_state *full_state(struct dsi_table *t)
{
    const struct dsi_state *s = dsi_table_state(t);
    const struct dsi_state *full = NULL;
    if (s->metadata->current_snapshot_id == DSI_SNAPSHOT_NONE) {
        return s;
    }
    assert_int_equal(
        dsi_table_with_manifests(t, s, s->metadata->current_snapshot_id, &full, NULL),
        DS_OK);
    dsi_state_unref(s);
    return full;
}

static void append(struct dsi_table *t, const char *path, int64_t rows)
{
    struct dsi_change *c = test_change(t, NULL, path, rows);
    assert_int_equal(dsi_commit(t, c, NULL, NULL, NULL), DS_OK);
    dsi_change_free(c);
}

static void test_rebase__gives_the_same_bytes_for_the_same_input(void **state)
{
    struct dsi_catalog c;
    struct dsi_prepared p[2];
    struct dsi_rebased r[2];
    struct dsi_buf bytes[2] = {DSI_BUF_INIT, DSI_BUF_INIT};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    append(t, "memory:///t/data/a", 1);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/b", 2);
    const struct dsi_state *s = full_state(t);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dsi_rebase_prepare(s, change, &p[i], NULL), DS_OK);
        struct dsi_rebase_input in = {
            .now_ms = 1800000000000, .attempt = 3, .prepared = &p[i]};
        assert_int_equal(dsi_rebase(s, change, &in, &r[i], NULL), DS_OK);
        assert_int_equal(r[i].outcome, DSI_REBASED);
        flatten(&r[i], &bytes[i]);
        assert_int_equal(dsi_buf_append(&bytes[i], p[i].files[0].bytes.data,
                                        p[i].files[0].bytes.size, NULL),
                         DS_OK);
    }
    assert_int_equal(bytes[0].size, bytes[1].size);
    assert_memory_equal(bytes[0].data, bytes[1].data, bytes[0].size);
    for (int i = 0; i < 2; i++) {
        dsi_buf_release(&bytes[i]);
        dsi_rebased_release(&r[i]);
        dsi_prepared_release(&p[i]);
    }
    dsi_state_unref(s);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_rebase__never_goes_back_in_time(void **state)
{
    struct dsi_catalog c;
    struct dsi_prepared p;
    struct dsi_rebased r;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/b", 2);
    const struct dsi_state *s = full_state(t);
    assert_int_equal(dsi_rebase_prepare(s, change, &p, NULL), DS_OK);
    struct dsi_rebase_input in = {
        .now_ms = 1, .attempt = 1, .prepared = &p}; // A clock that says 1970.
    assert_int_equal(dsi_rebase(s, change, &in, &r, NULL), DS_OK);
    assert_true(r.metadata->last_updated_ms >= s->metadata->last_updated_ms);
    assert_true(dsi_metadata_current_snapshot(r.metadata)->timestamp_ms >=
                s->metadata->last_updated_ms);
    dsi_rebased_release(&r);
    dsi_prepared_release(&p);
    dsi_state_unref(s);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_rebase__asks_for_the_list_and_for_what_it_merges(void **state)
{
    static const struct ds_property set[] = {{"commit.manifest.min-count-to-merge", "3"}};
    struct dsi_catalog c;
    struct dsi_prepared p;
    struct dsi_rebased r;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 1);
    append(t, "memory:///t/data/a", 1);
    append(t, "memory:///t/data/b", 2);
    struct dsi_table *cold = test_open(&c);
    struct dsi_change *change = test_change(cold, NULL, "memory:///t/data/c", 3);
    const struct dsi_state *s = dsi_table_state(cold);
    assert_int_equal(dsi_rebase_prepare(s, change, &p, NULL), DS_OK);
    struct dsi_rebase_input in = {.now_ms = 1800000000000, .attempt = 1, .prepared = &p};
    assert_int_equal(dsi_rebase(s, change, &in, &r, NULL), DS_OK);
    assert_int_equal(r.outcome, DSI_REBASE_NEEDS);
    assert_int_equal(r.needs_list_of, s->metadata->current_snapshot_id);
    dsi_rebased_release(&r);
    dsi_state_unref(s);
    s = full_state(cold);
    assert_int_equal(dsi_rebase(s, change, &in, &r, NULL), DS_OK);
    assert_int_equal(r.outcome, DSI_REBASE_NEEDS);
    assert_int_equal(r.needs_count, 2);
    dsi_rebased_release(&r);
    dsi_prepared_release(&p);
    dsi_state_unref(s);
    dsi_change_free(change);
    dsi_table_free(cold);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_rebase__merges_and_keeps_every_file_with_its_numbers(void **state)
{
    static const struct ds_property set[] = {{"commit.manifest.min-count-to-merge", "3"}};
    struct dsi_catalog c;
    struct dsi_manifest manifest = {0};
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 1);
    append(t, "memory:///t/data/a", 1);
    append(t, "memory:///t/data/b", 2);
    append(t, "memory:///t/data/c", 4);
    assert_null(test_look(c.storage, c.head, &seen));
    assert_int_equal(seen.rows, 7);
    assert_int_equal(seen.manifests, 1);
    struct dsi_table *cold = test_open(&c);
    const struct dsi_state *s = full_state(cold);
    const struct dsi_manifest_file *row = &s->manifests->list.files[0];
    assert_int_equal(row->added_files_count, 1);
    assert_int_equal(row->existing_files_count, 2);
    assert_int_equal(row->min_sequence_number, 1);
    assert_int_equal(row->sequence_number, 3);
    struct dsi_manifest_read_options all = {0};
    assert_int_equal(
        dsi_manifest_load(c.storage, s->metadata, row, &all, &manifest, NULL), DS_OK);
    assert_int_equal(manifest.entry_count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct dsi_manifest_entry *e = &manifest.entries[i];
        // The file's letter is its number.
        int64_t n = e->file.path[strlen(e->file.path) - 1] - 'a' + 1;
        assert_int_equal(e->sequence_number, n);
        assert_int_equal(e->file_sequence_number, n);
        assert_int_equal(e->status, n == 3 ? DSI_ENTRY_ADDED : DSI_ENTRY_EXISTING);
        assert_int_equal(e->snapshot_id, s->metadata->snapshots[n - 1]->snapshot_id);
    }
    dsi_manifest_release(&manifest);
    dsi_state_unref(s);
    dsi_table_free(cold);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_rebase__keeps_in_memory_what_it_would_read_back(void **state)
{
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    append(t, "memory:///t/data/a", 1);
    append(t, "memory:///t/data/b", 2);
    const struct dsi_state *warm = dsi_table_state(t);
    assert_non_null(warm->manifests); // Kept, not loaded.
    struct dsi_table *cold_table = test_open(&c);
    const struct dsi_state *cold = full_state(cold_table);
    assert_int_equal(warm->manifests->list.count, cold->manifests->list.count);
    for (size_t i = 0; i < cold->manifests->list.count; i++) {
        const struct dsi_manifest_file *a = &warm->manifests->list.files[i];
        const struct dsi_manifest_file *b = &cold->manifests->list.files[i];
        assert_string_equal(a->path, b->path);
        assert_int_equal(a->length, b->length);
        assert_int_equal(a->sequence_number, b->sequence_number);
        assert_int_equal(a->min_sequence_number, b->min_sequence_number);
        assert_int_equal(a->added_snapshot_id, b->added_snapshot_id);
        assert_int_equal(a->added_rows_count, b->added_rows_count);
        assert_int_equal(a->partition_count, b->partition_count);
    }
    dsi_state_unref(cold);
    dsi_state_unref(warm);
    dsi_table_free(cold_table);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_rebase__makes_a_branch_on_main_and_leaves_main_alone(void **state)
{
    struct ds_commit_options o = {.struct_size = sizeof o, .branch = "audit"};
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    append(t, "memory:///t/data/a", 1);
    struct dsi_change *change = test_change(t, &o, "memory:///t/data/b", 2);
    struct ds_commit_result r = {0};
    assert_int_equal(dsi_commit(t, change, &o, &r, NULL), DS_OK);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    const struct dsi_ref *ref = dsi_metadata_find_ref(m, "audit");
    assert_non_null(ref);
    assert_int_equal(ref->snapshot_id, r.snapshot_id);
    assert_int_not_equal(m->current_snapshot_id, r.snapshot_id);
    const struct dsi_snapshot *s = dsi_metadata_snapshot(m, r.snapshot_id);
    assert_int_equal(s->parent_id, m->current_snapshot_id);
    assert_string_equal(dsi_snapshot_summary(s, "total-records"), "3");
    dsi_metadata_unref(m);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

// So many files that they take two manifests, which are then merged, or not.
static void test_rebase__adds_each_of_very_many_files_once(void **state)
{
    enum { FILES = DSI_MANIFEST_FILES_MAX + 5000 };
    static const char *const min_counts[] = {"2", "100"};
    struct dsi_data_file *files = calloc(FILES, sizeof *files);
    char(*paths)[40] = calloc(FILES, sizeof *paths);
    (void)state;

    for (size_t i = 0; i < FILES; i++) {
        snprintf(paths[i], sizeof paths[i], "memory:///t/data/%zu", i);
        files[i] = (struct dsi_data_file){.path = paths[i],
                                          .record_count = 1,
                                          .file_size = 1,
                                          .sort_order_id = -1,
                                          .first_row_id = -1,
                                          .content_offset = -1,
                                          .content_size = -1};
    }
    for (size_t k = 0; k < 2; k++) {
        struct ds_property set[] = {
            {"commit.manifest.min-count-to-merge", min_counts[k]}};
        struct dsi_catalog c;
        struct dsi_change *change = NULL;
        size_t entries = 0;
        catalog_init(&c);
        struct dsi_table *t = test_create(&c, set, 1);
        const struct dsi_state *s = dsi_table_state(t);
        assert_int_equal(dsi_change_new(s, NULL, &change, NULL), DS_OK);
        assert_int_equal(dsi_change_append(change, files, FILES, true, NULL), DS_OK);
        assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
        dsi_state_unref(s);
        s = full_state(t);
        assert_int_equal(s->manifests->list.count, k == 0 ? 1 : 2);
        uint8_t *seen = calloc(FILES, 1);
        for (size_t i = 0; i < s->manifests->list.count; i++) {
            struct dsi_manifest_read_options o = {.skip_metrics = true};
            struct dsi_manifest m = {0};
            assert_int_equal(dsi_manifest_load(c.storage, s->metadata,
                                               &s->manifests->list.files[i], &o, &m,
                                               NULL),
                             DS_OK);
            for (size_t e = 0; e < m.entry_count; e++) {
                size_t n = strtoul(strrchr(m.entries[e].file.path, '/') + 1, NULL, 10);
                assert_int_equal(seen[n]++, 0);
                entries++;
            }
            dsi_manifest_release(&m);
        }
        assert_int_equal(entries, FILES);
        free(seen);
        dsi_state_unref(s);
        dsi_change_free(change);
        dsi_table_free(t);
        catalog_release(&c);
    }
    free(paths);
    free(files);
}

static void test_rebase__forgets_snapshots_when_the_table_says_so(void **state)
{
    static const struct ds_property set[] = {
        {DSI_KEY_EXPIRE_ON_COMMIT, "true"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "3"},
    };
    struct dsi_catalog c;
    struct dsi_prepared p;
    struct dsi_rebased r;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 3);
    append(t, "memory:///t/data/a", 1);
    append(t, "memory:///t/data/b", 1);
    append(t, "memory:///t/data/c", 1);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/d", 2);
    const struct dsi_state *s = full_state(t);
    assert_int_equal(dsi_rebase_prepare(s, change, &p, NULL), DS_OK);
    struct dsi_rebase_input in = {
        .now_ms = s->metadata->last_updated_ms + 1000, .attempt = 1, .prepared = &p};
    assert_int_equal(dsi_rebase(s, change, &in, &r, NULL), DS_OK);
    assert_int_equal(r.expired_count, 1);
    assert_int_equal(r.expired[0]->sequence_number, 1);
    assert_int_equal(r.metadata->snapshot_count, 3);
    dsi_rebased_release(&r);
    dsi_prepared_release(&p);
    dsi_state_unref(s);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

// The current list's rows, and what they come to.
static void read_files(struct dsi_table *t, struct dsi_catalog *c, struct seen *seen)
{
    const char *why = test_look(c->storage, c->head, seen);
    (void)t;
    if (why) {
        fail_msg("%s", why);
    }
}

static void test_rebase__takes_stored_manifests_as_rows_of_its_list(void **state)
{
    struct dsi_catalog c;
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    append(t, "memory:///t/data/a", 1);
    struct dsi_change *change = test_stored(t, "memory:///t/data/b", 2);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    read_files(t, &c, &seen);
    assert_int_equal(seen.rows, 3); // Of which the summary's total is checked, too.
    assert_int_equal(seen.manifests, 2);
    struct dsi_table *cold = test_open(&c);
    const struct dsi_state *s = full_state(cold);
    const struct dsi_manifest_file *row = &s->manifests->list.files[0];
    assert_int_equal(row->added_snapshot_id, s->metadata->current_snapshot_id);
    assert_int_equal(row->sequence_number, 2);
    assert_string_equal(row->path, change->operations[0].stored.manifests[0].path);
    const struct dsi_snapshot *snapshot = dsi_metadata_current_snapshot(s->metadata);
    assert_string_equal(dsi_snapshot_summary(snapshot, "added-data-files"), "1");
    assert_string_equal(dsi_snapshot_summary(snapshot, "manifests-created"), "1");
    assert_string_equal(dsi_snapshot_summary(snapshot, "manifests-kept"), "1");
    dsi_state_unref(s);
    dsi_table_free(cold);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_rebase__merges_stored_manifests_as_additions_of_now(void **state)
{
    static const struct ds_property set[] = {{"commit.manifest.min-count-to-merge", "3"}};
    struct dsi_catalog c;
    struct dsi_manifest manifest = {0};
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 1);
    append(t, "memory:///t/data/a", 1);
    append(t, "memory:///t/data/b", 2);
    struct dsi_change *change = test_stored(t, "memory:///t/data/c", 4);
    char *stored = strdup(change->operations[0].stored.manifests[0].path);
    struct dsi_data_file own = test_file(c.storage, "memory:///t/data/d", 8);
    assert_int_equal(dsi_change_append(change, &own, 1, true, NULL), DS_OK);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    read_files(t, &c, &seen);
    assert_int_equal(seen.rows, 15);
    assert_int_equal(seen.manifests, 1);
    assert_false(test_exists(c.storage, stored)); // Nobody names it any more.
    struct dsi_table *cold = test_open(&c);
    const struct dsi_state *s = full_state(cold);
    const struct dsi_manifest_file *row = &s->manifests->list.files[0];
    assert_int_equal(row->added_files_count, 2);
    assert_int_equal(row->existing_files_count, 2);
    struct dsi_manifest_read_options all = {0};
    assert_int_equal(
        dsi_manifest_load(c.storage, s->metadata, row, &all, &manifest, NULL), DS_OK);
    for (size_t i = 0; i < manifest.entry_count; i++) {
        const struct dsi_manifest_entry *e = &manifest.entries[i];
        bool old = strchr("ab", e->file.path[strlen(e->file.path) - 1]);
        assert_int_equal(e->status, old ? DSI_ENTRY_EXISTING : DSI_ENTRY_ADDED);
        if (!old) {
            assert_int_equal(e->sequence_number, 3);
            assert_int_equal(e->file_sequence_number, 3);
            assert_int_equal(e->snapshot_id, s->metadata->current_snapshot_id);
        }
    }
    assert_int_equal(manifest.entry_count, 4);
    dsi_manifest_release(&manifest);
    dsi_state_unref(s);
    dsi_table_free(cold);
    dsi_change_free(change);
    free(stored);
    dsi_table_free(t);
    catalog_release(&c);
}

// Whatever is in a stored manifest's row, the manifest may say something else.
static void test_rebase__refuses_a_stored_manifest_with_old_entries(void **state)
{
    static const struct ds_property set[] = {{"commit.manifest.min-count-to-merge", "2"}};
    struct dsi_catalog c;
    struct ds_error err = {0};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 1);
    append(t, "memory:///t/data/a", 1);
    append(t, "memory:///t/data/b", 1);
    const struct dsi_state *s = full_state(t);
    struct dsi_manifest_file row = s->manifests->list.files[0]; // One entry is EXISTING.
    assert_int_equal(row.existing_files_count, 1);
    row.existing_files_count = 0;
    struct dsi_stored_files stored = {&row, 1, 2, 2, 2, 1};
    struct dsi_change *change = test_blank(t, NULL);
    assert_int_equal(dsi_change_append_stored(change, &stored, NULL), DS_OK);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, &err), DS_ECORRUPT);
    assert_non_null(strstr(err.message, "adds no data file"));
    assert_true(test_exists(c.storage, row.path));
    dsi_state_unref(s);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static const char *const members[] = {"01890000-0000-7000-8000-00000000000a",
                                      "01890000-0000-7000-8000-00000000000b"};

static void test_rebase__names_the_members_of_a_snapshot(void **state)
{
    struct dsi_catalog c;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 1);
    assert_int_equal(dsi_change_set_property(change, "k", "v", NULL), DS_OK);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(dsi_change_add_member(change, members[i], NULL), DS_OK);
    }
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    const struct dsi_snapshot *s = dsi_metadata_current_snapshot(m);
    assert_string_equal(dsi_snapshot_summary(s, DSI_KEY_COMMIT_ID), change->identity);
    assert_string_equal(dsi_snapshot_summary(s, DSI_KEY_COMMIT_IDS),
                        "AYkAAAAAcACAAAAAAAAACgAYkAAAAAcACAAAAAAAAACw");
    assert_string_equal(dsi_metadata_property(m, "k"), "v");
    assert_null(dsi_metadata_property(m, DSI_KEY_COMMIT_ID));
    dsi_metadata_unref(m);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_rebase__names_the_members_of_property_changes_in_a_property(void **state)
{
    struct dsi_catalog c;
    char expected[200];
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_blank(t, NULL);
    assert_int_equal(dsi_change_set_property(change, "k", "v", NULL), DS_OK);
    assert_int_equal(dsi_change_add_member(change, members[0], NULL), DS_OK);
    struct dsi_change *part = test_blank(t, NULL);
    assert_int_equal(dsi_change_set_property(part, "k", "w", NULL), DS_OK);
    assert_int_equal(dsi_change_add_member(part, members[1], NULL), DS_OK);
    snprintf(expected, sizeof expected, "%s %s %s %s", change->identity, members[0],
             part->identity, members[1]);
    assert_int_equal(dsi_change_add_part(change, part, NULL), DS_OK);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    const struct dsi_metadata *m = dsi_table_metadata(t);
    assert_string_equal(dsi_metadata_property(m, DSI_KEY_COMMIT_ID), expected);
    assert_string_equal(dsi_metadata_property(m, "k"), "w"); // The later one.
    assert_int_equal(m->metadata_log_count, 1);
    dsi_metadata_unref(m);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_rebase__puts_parts_into_one_version_one_after_the_other(void **state)
{
    struct ds_commit_options audit = {.struct_size = sizeof audit, .branch = "audit"};
    struct dsi_catalog c;
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    append(t, "memory:///t/data/a", 1);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/b", 2);
    struct dsi_change *parts[3] = {test_change(t, NULL, "memory:///t/data/c", 4),
                                   test_stored(t, "memory:///t/data/d", 8),
                                   test_change(t, &audit, "memory:///t/data/e", 16)};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(dsi_change_add_part(change, parts[i], NULL), DS_OK);
    }
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    assert_non_null(strstr(c.before, "memory:///t/data/b ")); // Nobody else syncs them.
    assert_non_null(strstr(c.before, "memory:///t/data/c "));
    assert_non_null(strstr(c.before, "memory:///t/data/e "));
    const struct dsi_metadata *m = dsi_table_metadata(t);
    assert_int_equal(m->snapshot_count, 5);
    assert_int_equal(m->metadata_log_count, 2); // It was created, and appended to once.
    assert_int_equal(m->snapshot_log_count, 2); // What was current in between nobody saw.
    assert_int_equal(m->last_sequence_number, 5);
    assert_int_equal(m->current_snapshot_id, m->snapshots[3]->snapshot_id);
    const struct dsi_ref *ref = dsi_metadata_find_ref(m, "audit");
    assert_int_equal(ref->snapshot_id, m->snapshots[4]->snapshot_id);
    for (size_t i = 1; i < 5; i++) {
        const struct dsi_snapshot *s = m->snapshots[i];
        const struct dsi_change *of = i == 1 ? change : parts[i - 2];
        assert_int_equal(s->sequence_number, (int64_t)i + 1);
        assert_int_equal(s->parent_id, m->snapshots[i - 1]->snapshot_id);
        assert_string_equal(dsi_snapshot_summary(s, DSI_KEY_COMMIT_ID), of->identity);
    }
    read_files(t, &c, &seen); // Each snapshot's rows and totals; the last is audit's.
    assert_int_equal(seen.rows, 31);
    append(t, "memory:///t/data/f", 32); // On a warm state that ends in another branch.
    dsi_metadata_unref(m);
    m = dsi_table_metadata(t);
    assert_string_equal(
        dsi_snapshot_summary(dsi_metadata_current_snapshot(m), "total-records"), "47");
    dsi_metadata_unref(m);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_rebase__merges_before_the_parts_and_not_what_they_bring(void **state)
{
    static const struct ds_property set[] = {{"commit.manifest.min-count-to-merge", "2"}};
    struct dsi_catalog c;
    struct seen seen;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 1);
    append(t, "memory:///t/data/a", 1);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/b", 2);
    struct dsi_change *part = test_change(t, NULL, "memory:///t/data/c", 4);
    assert_int_equal(dsi_change_add_part(change, part, NULL), DS_OK);
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    read_files(t, &c, &seen);
    assert_int_equal(seen.rows, 7);
    assert_int_equal(seen.manifests, 2);
    append(t, "memory:///t/data/d", 8);
    read_files(t, &c, &seen);
    assert_int_equal(seen.rows, 15);
    assert_int_equal(seen.manifests, 1);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

// A change of parts only: who looks for it looks at snapshots.
static void test_rebase__names_the_whole_in_its_first_part(void **state)
{
    struct dsi_catalog c;
    enum dsi_sighting sighting = DSI_SIGHT_STALE;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    const struct dsi_state *before = dsi_table_state(t);
    struct dsi_mark since = dsi_mark_of(before);
    struct dsi_change *change = test_blank(t, NULL);
    for (int p = 'a'; p < 'd'; p++) {
        char path[] = "memory:///t/data/x";
        path[sizeof path - 2] = (char)p;
        assert_int_equal(dsi_change_add_part(change, test_change(t, NULL, path, 1), NULL),
                         DS_OK);
    }
    assert_int_equal(dsi_commit(t, change, NULL, NULL, NULL), DS_OK);
    const struct dsi_state *s = dsi_table_state(t);
    assert_true(dsi_state_has(s, change->identity, &since, &sighting));
    assert_non_null(dsi_snapshot_summary(s->metadata->snapshots[0], DSI_KEY_COMMIT_IDS));
    assert_null(dsi_snapshot_summary(s->metadata->snapshots[1], DSI_KEY_COMMIT_IDS));
    dsi_state_unref(s);
    dsi_state_unref(before);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_rebase__says_which_part_conflicts(void **state)
{
    struct dsi_catalog c;
    struct dsi_prepared p;
    struct dsi_rebased r;
    struct ds_error err = {0};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/a", 1);
    struct dsi_change *parts[3];
    for (size_t i = 0; i < 3; i++) {
        char path[] = "memory:///t/data/0";
        path[sizeof path - 2] = (char)('0' + i);
        parts[i] = test_change(t, NULL, path, 1);
        assert_int_equal(dsi_change_add_part(change, parts[i], NULL), DS_OK);
    }
    const struct dsi_state *s = full_state(t);
    assert_int_equal(dsi_rebase_prepare(s, change, &p, NULL), DS_OK);
    assert_int_equal(p.count, 1);
    assert_int_equal(p.file_count, 4);
    struct dsi_rebase_input in = {.now_ms = 1800000000000, .attempt = 1, .prepared = &p};
    ((struct dsi_data_file *)parts[1]->operations[0].files)->spec_id = 9;
    assert_int_equal(dsi_rebase(s, change, &in, &r, &err), DS_ECONFLICT);
    assert_int_equal(r.conflicting_part, 2);
    assert_true(r.conflicting && r.conflicting[2] && !r.conflicting[0]);
    assert_non_null(strstr(err.detail, "spec-dropped"));
    dsi_rebased_release(&r);
    ((struct dsi_data_file *)parts[2]->operations[0].files)->spec_id = 9;
    assert_int_equal(dsi_rebase(s, change, &in, &r, &err), DS_ECONFLICT);
    assert_int_equal(r.conflicting_part, 2); // The first of them, and all.
    assert_true(r.conflicting[2] && r.conflicting[3] && !r.conflicting[1]);
    dsi_rebased_release(&r);
    dsi_prepared_release(&p);
    assert_int_equal(dsi_rebase_prepare(s, change, &p, &err), DS_ECONFLICT);
    assert_int_equal(p.conflicting_part, 2);
    ((struct dsi_data_file *)change->operations[0].files)->spec_id = 9;
    assert_int_equal(dsi_rebase_prepare(s, change, &p, &err), DS_ECONFLICT);
    assert_int_equal(p.conflicting_part, 0);
    dsi_state_unref(s);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void
test_rebase__of_parts_gives_the_same_bytes_and_bears_failing_memory(void **state)
{
    static const struct ds_property set[] = {{"commit.manifest.min-count-to-merge", "2"}};
    struct dsi_catalog c;
    struct dsi_buf bytes[2] = {DSI_BUF_INIT, DSI_BUF_INIT};
    struct dsi_fault_plan plan = {0};
    struct dsi_manifest content[1] = {0};
    struct dsi_loaded_manifest loaded[1];
    struct dsi_prepared p;
    struct dsi_rebased r;
    size_t failures = 0;
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, set, 1);
    append(t, "memory:///t/data/a", 1);
    struct dsi_change *change = test_change(t, NULL, "memory:///t/data/b", 2);
    assert_int_equal(dsi_change_add_member(change, members[0], NULL), DS_OK);
    struct dsi_change *part = test_stored(t, "memory:///t/data/c", 4);
    assert_int_equal(dsi_change_add_part(change, part, NULL), DS_OK);
    const struct dsi_state *s = full_state(t);
    struct dsi_manifest_file *row = &s->manifests->list.files[0];
    struct dsi_manifest_read_options all = {0};
    assert_int_equal(
        dsi_manifest_load(c.storage, s->metadata, row, &all, &content[0], NULL), DS_OK);
    loaded[0] = (struct dsi_loaded_manifest){row->path, &content[0]};
    for (size_t n = 0; n < 2; n++) {
        assert_int_equal(dsi_rebase_prepare(s, change, &p, NULL), DS_OK);
        struct dsi_rebase_input in = {.now_ms = 1800000000000,
                                      .attempt = 3,
                                      .prepared = &p,
                                      .loaded = loaded,
                                      .loaded_count = 1};
        assert_int_equal(dsi_rebase(s, change, &in, &r, NULL), DS_OK);
        assert_int_equal(r.outcome, DSI_REBASED);
        assert_int_equal(r.made_count, 2);
        assert_int_equal(r.made[1].sequence_number, 3);
        flatten(&r, &bytes[n]);
        dsi_rebased_release(&r);
        dsi_prepared_release(&p);
    }
    while (dsi_fault_next(&plan)) {
        int rc = dsi_rebase_prepare(s, change, &p, NULL);
        struct dsi_rebase_input in = {.now_ms = 1800000000000,
                                      .attempt = 3,
                                      .prepared = &p,
                                      .loaded = loaded,
                                      .loaded_count = 1};
        if (rc == DS_OK && (rc = dsi_rebase(s, change, &in, &r, NULL)) == DS_OK) {
            assert_int_equal(r.outcome, DSI_REBASED);
            dsi_rebased_release(&r);
        }
        assert_true(rc == DS_OK || rc == DS_ENOMEM);
        failures += rc == DS_ENOMEM;
        dsi_prepared_release(&p);
    }
    assert_true(failures > 50);
    assert_int_equal(bytes[0].size, bytes[1].size);
    assert_memory_equal(bytes[0].data, bytes[1].data, bytes[0].size);
    dsi_buf_release(&bytes[0]);
    dsi_buf_release(&bytes[1]);
    dsi_manifest_release(&content[0]);
    dsi_state_unref(s);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

static void test_rebase__refuses_rows_that_have_no_file(void **state)
{
    struct dsi_held_rows held = {{(const uint8_t *)"x", 1}, 20, 0};
    struct dsi_catalog c;
    struct ds_error err = {0};
    (void)state;

    catalog_init(&c);
    struct dsi_table *t = test_create(&c, NULL, 0);
    struct dsi_change *change = test_blank(t, NULL);
    assert_int_equal(dsi_change_hold(change, &held, NULL), DS_OK);
    const struct dsi_state *s = dsi_table_state(t);
    struct dsi_rebase_input in = {.now_ms = 1800000000000};
    struct dsi_rebased r;
    assert_int_equal(dsi_rebase(s, change, &in, &r, &err), DS_EBUG);
    dsi_state_unref(s);
    dsi_change_free(change);
    dsi_table_free(t);
    catalog_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rebase__gives_the_same_bytes_for_the_same_input),
        cmocka_unit_test(test_rebase__never_goes_back_in_time),
        cmocka_unit_test(test_rebase__asks_for_the_list_and_for_what_it_merges),
        cmocka_unit_test(test_rebase__merges_and_keeps_every_file_with_its_numbers),
        cmocka_unit_test(test_rebase__keeps_in_memory_what_it_would_read_back),
        cmocka_unit_test(test_rebase__makes_a_branch_on_main_and_leaves_main_alone),
        cmocka_unit_test(test_rebase__adds_each_of_very_many_files_once),
        cmocka_unit_test(test_rebase__forgets_snapshots_when_the_table_says_so),
        cmocka_unit_test(test_rebase__takes_stored_manifests_as_rows_of_its_list),
        cmocka_unit_test(test_rebase__merges_stored_manifests_as_additions_of_now),
        cmocka_unit_test(test_rebase__refuses_a_stored_manifest_with_old_entries),
        cmocka_unit_test(test_rebase__names_the_members_of_a_snapshot),
        cmocka_unit_test(
            test_rebase__names_the_members_of_property_changes_in_a_property),
        cmocka_unit_test(test_rebase__puts_parts_into_one_version_one_after_the_other),
        cmocka_unit_test(test_rebase__merges_before_the_parts_and_not_what_they_bring),
        cmocka_unit_test(test_rebase__names_the_whole_in_its_first_part),
        cmocka_unit_test(test_rebase__says_which_part_conflicts),
        cmocka_unit_test(
            test_rebase__of_parts_gives_the_same_bytes_and_bears_failing_memory),
        cmocka_unit_test(test_rebase__refuses_rows_that_have_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
