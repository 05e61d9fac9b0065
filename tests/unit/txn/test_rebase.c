#include "fixture.h"
#include "txn/attempt.h"

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
        struct dsi_rebase_input in = {1800000000000, 3, &p[i], NULL, 0};
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
    struct dsi_rebase_input in = {1, 1, &p, NULL, 0}; // A clock that says 1970.
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
    struct dsi_rebase_input in = {1800000000000, 1, &p, NULL, 0};
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
    struct dsi_rebase_input in = {s->metadata->last_updated_ms + 1000, 1, &p, NULL, 0};
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
