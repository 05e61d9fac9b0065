#include "base/fault.h"
#include "metadata_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char schema_json[] =
    "{\"type\":\"struct\",\"schema-id\":0,\"fields\":["
    "{\"id\":7,\"name\":\"id\",\"required\":true,\"type\":\"long\"},"
    "{\"id\":9,\"name\":\"ts\",\"required\":false,\"type\":\"timestamp\"},"
    "{\"id\":3,\"name\":\"tags\",\"required\":false,\"type\":{\"type\":\"list\","
    "\"element-id\":4,\"element\":\"string\",\"element-required\":false}}]}";

static int make(struct dsi_metadata **out, struct ds_error *err)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_schema schema;
    struct dsi_partition_spec spec;
    struct dsi_sort_order order;
    struct ds_property properties[] = {{"owner", "me"}, {"format-version", "2"}};
    struct dsi_metadata_new n = {.table_uuid = "f79c3e09-677c-4bbd-a479-3f349cb785e7",
                                 .location = "file:///t",
                                 .schema = &schema,
                                 .spec = &spec,
                                 .sort_order = &order,
                                 .properties = {properties, 2},
                                 .now_ms = 1000};
    *out = NULL;
    int rc = dsi_schema_from_json(dsi_slice_text(schema_json), &arena, &schema, err);
    if (rc == DS_OK) {
        rc = dsi_partition_spec_parse("bucket(4, id), day(ts)", &schema, &arena, &spec,
                                      err);
    }
    if (rc == DS_OK) {
        rc = dsi_sort_order_parse("ts desc, id", &schema, &arena, &order, err);
    }
    if (rc == DS_OK) {
        rc = dsi_metadata_new(&n, out, err);
    }
    dsi_arena_release(&arena);
    return rc;
}

// Appends a snapshot on main, as a commit does; takes `base`, gives the next metadata.
static int append(const struct dsi_metadata *base, int64_t id, int64_t now_ms,
                  struct dsi_metadata **out, struct ds_error *err)
{
    struct ds_property summary[] = {{"operation", "append"}, {"note", "a \"quoted\" \n"}};
    struct dsi_snapshot_new n = {.snapshot_id = id,
                                 .parent_id = base->current_snapshot_id,
                                 .sequence_number = base->last_sequence_number + 1,
                                 .timestamp_ms = now_ms,
                                 .manifest_list = "file:///t/metadata/snap.avro",
                                 .schema_id = 0,
                                 .summary = summary,
                                 .summary_count = 2,
                                 .first_row_id = -1};
    struct dsi_ref main = {DSI_REF_MAIN, DSI_REF_BRANCH, id, -1, -1, -1, {0}};
    const struct dsi_snapshot *s = NULL;
    struct dsi_metadata_edit *e = NULL;
    char file[64];

    *out = NULL;
    int rc = dsi_snapshot_new(&n, &s, err);
    if (rc == DS_OK) {
        rc = dsi_metadata_edit_new(base, &e, err);
    }
    if (rc == DS_OK) {
        rc = dsi_metadata_edit_add_snapshot(e, s, err);
    }
    if (rc == DS_OK) {
        rc = dsi_metadata_edit_set_ref(e, &main, err);
    }
    snprintf(file, sizeof file, "file:///t/metadata/v%d.json", (int)id);
    if (rc == DS_OK) {
        rc = dsi_metadata_edit_finish(e, now_ms, file, out, NULL, err);
        e = NULL;
    }
    dsi_metadata_edit_free(e);
    dsi_snapshot_unref(s);
    return rc;
}

static void append_to(struct dsi_metadata **m, int64_t id, int64_t now_ms)
{
    struct dsi_metadata *next = NULL;
    struct ds_error err = {0};
    if (append(*m, id, now_ms, &next, &err) != DS_OK) {
        fail_msg("%s", err.message);
    }
    dsi_metadata_unref(*m);
    *m = next;
}

// Writes, parses and writes again: both texts must agree.
static void check_round_trip(const struct dsi_metadata *m)
{
    struct dsi_buf first = DSI_BUF_INIT;
    struct dsi_buf second = DSI_BUF_INIT;
    struct dsi_metadata *back = NULL;
    struct ds_error err = {0};

    assert_int_equal(dsi_metadata_to_json(m, &first, &err), DS_OK);
    if (dsi_metadata_parse(dsi_buf_slice(&first), &back, &err) != DS_OK) {
        fail_msg("%s\n%s", err.message, dsi_buf_text(&first));
    }
    assert_int_equal(dsi_metadata_to_json(back, &second, &err), DS_OK);
    assert_string_equal(dsi_buf_text(&first), dsi_buf_text(&second));
    assert_int_equal(back->snapshot_count, m->snapshot_count);
    assert_true(back->current_snapshot_id == m->current_snapshot_id);
    assert_true(back->last_sequence_number == m->last_sequence_number);
    dsi_metadata_unref(back);
    dsi_buf_release(&first);
    dsi_buf_release(&second);
}

static void test_metadata_edit__makes_a_table_with_fresh_ids(void **state)
{
    struct dsi_metadata *m = NULL;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(make(&m, &err), DS_OK);
    const struct dsi_schema *s = dsi_metadata_current_schema(m);
    assert_string_equal(dsi_schema_field(s, 1)->name, "id");
    assert_string_equal(dsi_schema_field(s, 2)->name, "ts");
    assert_string_equal(dsi_schema_field(s, 4)->name, "element");
    assert_int_equal(m->last_column_id, 4);
    const struct dsi_partition_spec *spec = dsi_metadata_default_spec(m);
    assert_int_equal(spec->fields[0].source_id, 1);
    assert_int_equal(spec->fields[1].source_id, 2);
    assert_string_equal(spec->fields[0].name, "id_bucket");
    assert_int_equal(m->last_partition_id, 1001);
    assert_int_equal(m->default_sort_order_id, 1);
    assert_string_equal(dsi_metadata_property(m, "write.parquet.compression-codec"),
                        "zstd");
    assert_null(dsi_metadata_property(m, "format-version"));
    check_round_trip(m);
    dsi_metadata_unref(m);
}

static void test_metadata_edit__appends_snapshots_in_order(void **state)
{
    struct dsi_metadata *m = NULL;
    (void)state;

    assert_int_equal(make(&m, NULL), DS_OK);
    for (int64_t id = 1; id <= 50; id++) {
        append_to(&m, id, 5000 - id); // A clock that goes back.
        assert_true(m->last_sequence_number == id);
    }
    assert_int_equal(m->snapshot_count, 50);
    assert_int_equal(m->snapshot_log_count, 50);
    for (size_t i = 1; i < m->snapshot_log_count; i++) {
        assert_true(m->snapshot_log[i].timestamp_ms >=
                    m->snapshot_log[i - 1].timestamp_ms);
    }
    assert_true(m->last_updated_ms >= m->snapshot_log[49].timestamp_ms);
    assert_string_equal(dsi_snapshot_summary(m->snapshots[49], "note"),
                        "a \"quoted\" \n");
    check_round_trip(m);
    dsi_metadata_unref(m);
}

static void test_metadata_edit__keeps_a_bounded_metadata_log(void **state)
{
    struct dsi_metadata_edit *e = NULL;
    struct dsi_metadata *m = NULL;
    struct dsi_metadata *next = NULL;
    struct dsi_metadata_dropped dropped = {NULL, 0};
    (void)state;

    assert_int_equal(make(&m, NULL), DS_OK);
    for (int64_t id = 1; id <= 10; id++) {
        append_to(&m, id, 5000);
    }
    assert_int_equal(m->metadata_log_count, 10);
    assert_int_equal(dsi_metadata_edit_new(m, &e, NULL), DS_OK);
    assert_int_equal(dsi_metadata_edit_set_property(
                         e, "write.metadata.previous-versions-max", "3", NULL),
                     DS_OK);
    assert_int_equal(dsi_metadata_edit_finish(e, 6000, "last", &next, &dropped, NULL),
                     DS_OK);
    assert_int_equal(next->metadata_log_count, 3);
    assert_string_equal(next->metadata_log[2].metadata_file, "last");
    assert_int_equal(dropped.count, 8);
    assert_string_equal(dropped.files[0], "file:///t/metadata/v1.json");
    dsi_metadata_unref(m);
    dsi_metadata_unref(next);
}

// A metadata whose log has had `count` files since the first, of which 8 may stay.
static size_t log_after(size_t batch, int64_t count, size_t *most_dropped, size_t *most)
{
    struct dsi_metadata *m = NULL;

    *most_dropped = 0;
    *most = 0;
    assert_int_equal(make(&m, NULL), DS_OK);
    for (int64_t i = 0; i < count; i++) {
        struct dsi_metadata_edit *e = NULL;
        struct dsi_metadata *next = NULL;
        struct dsi_metadata_dropped dropped = {NULL, 0};
        char file[24];
        snprintf(file, sizeof file, "file-%d", (int)i);
        assert_int_equal(dsi_metadata_edit_new(m, &e, NULL), DS_OK);
        assert_int_equal(dsi_metadata_edit_set_property(
                             e, "write.metadata.previous-versions-max", "8", NULL),
                         DS_OK);
        dsi_metadata_edit_log_batch(e, batch);
        assert_int_equal(
            dsi_metadata_edit_finish(e, 5000 + i, file, &next, &dropped, NULL), DS_OK);
        size_t n = next->metadata_log_count;
        assert_int_equal(n + dropped.count, m->metadata_log_count + 1);
        assert_string_equal(next->metadata_log[n - 1].metadata_file, file);
        *most_dropped = dropped.count > *most_dropped ? dropped.count : *most_dropped;
        *most = n > *most ? n : *most;
        dsi_metadata_unref(m);
        m = next;
    }
    size_t left = m->metadata_log_count;
    dsi_metadata_unref(m);
    return left;
}

static void test_metadata_edit__drops_old_metadata_files_in_batches(void **state)
{
    size_t dropped = 0;
    size_t most = 0;
    (void)state;

    assert_int_equal(log_after(0, 9, &dropped, &most), 8);
    assert_true(dropped == 1 && most == 8);
    assert_int_equal(log_after(3, 9, &dropped, &most), 6);
    assert_true(dropped == 3 && most == 8);
    assert_int_equal(log_after(3, 11, &dropped, &most), 8);
    assert_int_equal(log_after(3, 12, &dropped, &most), 6);
    assert_true(dropped == 3 && most == 8);
    // Never more than half of what may stay.
    assert_int_equal(log_after(100, 9, &dropped, &most), 5);
    assert_true(dropped == 4 && most == 8);
}

static void test_metadata_edit__forgets_expired_snapshots_and_their_log(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_ref tag = {"keep", DSI_REF_TAG, 3, -1, -1, -1, {0}};
    struct dsi_metadata_edit *e = NULL;
    struct dsi_metadata *m = NULL;
    struct dsi_metadata *next = NULL;
    int64_t *ids = NULL;
    size_t count = 0;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(make(&m, NULL), DS_OK);
    for (int64_t id = 1; id <= 10; id++) {
        append_to(&m, id, 1000 * id);
    }
    assert_int_equal(dsi_metadata_edit_new(m, &e, NULL), DS_OK);
    assert_int_equal(dsi_metadata_edit_set_ref(e, &tag, NULL), DS_OK);
    assert_int_equal(dsi_metadata_edit_set_property(
                         e, "history.expire.max-snapshot-age-ms", "2500", NULL),
                     DS_OK);
    assert_int_equal(dsi_metadata_edit_set_property(
                         e, "history.expire.min-snapshots-to-keep", "2", NULL),
                     DS_OK);
    const struct dsi_metadata *so_far = dsi_metadata_edit_state(e);
    assert_int_equal(dsi_metadata_expired(so_far, 10000, &arena, &ids, &count, &err),
                     DS_OK);
    assert_int_equal(count, 6); // 1 2 4 5 6 7: 3 is tagged, 8 9 10 are young.
    assert_int_equal(ids[2], 4);
    int64_t tagged = 3;
    assert_int_equal(dsi_metadata_edit_remove_snapshots(e, &tagged, 1, &err),
                     DS_EINVALID);
    assert_int_equal(dsi_metadata_edit_remove_snapshots(e, ids, count, &err), DS_OK);
    assert_int_equal(dsi_metadata_edit_finish(e, 10000, NULL, &next, NULL, &err), DS_OK);
    assert_int_equal(next->snapshot_count, 4);
    assert_int_equal(next->snapshot_log_count, 3); // 8 9 10.
    check_round_trip(next);
    dsi_metadata_unref(m);
    dsi_metadata_unref(next);
    dsi_arena_release(&arena);
}

static void test_metadata_edit__refuses_snapshots_that_do_not_follow(void **state)
{
    struct ds_property summary = {"operation", "append"};
    struct dsi_snapshot_new n = {.snapshot_id = 1,
                                 .parent_id = DSI_SNAPSHOT_NONE,
                                 .sequence_number = 5,
                                 .timestamp_ms = 1,
                                 .manifest_list = "m",
                                 .schema_id = 0,
                                 .summary = &summary,
                                 .summary_count = 1,
                                 .first_row_id = -1};
    struct dsi_metadata_edit *e = NULL;
    struct dsi_metadata *m = NULL;
    const struct dsi_snapshot *s = NULL;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(make(&m, NULL), DS_OK);
    append_to(&m, 1, 5000);
    assert_int_equal(dsi_metadata_edit_new(m, &e, NULL), DS_OK);
    assert_int_equal(dsi_snapshot_new(&n, &s, NULL), DS_OK);
    assert_int_equal(dsi_metadata_edit_add_snapshot(e, s, &err),
                     DS_EINVALID); // Id taken.
    dsi_snapshot_unref(s);
    n.snapshot_id = 2;
    assert_int_equal(dsi_snapshot_new(&n, &s, NULL), DS_OK);
    assert_int_equal(dsi_metadata_edit_add_snapshot(e, s, &err), DS_EINVALID);
    assert_non_null(strstr(err.message, "sequence number 5, the next one is 2"));
    dsi_snapshot_unref(s);
    dsi_metadata_edit_free(e);
    dsi_metadata_unref(m);
}

static void test_metadata_edit__survives_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    int clean = 0;
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_metadata *m = NULL;
        struct dsi_metadata *next = NULL;
        struct ds_error err = {0};
        int rc = make(&m, &err);
        if (rc == DS_OK) {
            rc = append(m, 1, 5000, &next, &err);
        }
        assert_true(rc == DS_OK ? next != NULL : err.message[0] != '\0');
        clean += rc == DS_OK;
        dsi_metadata_unref(m);
        dsi_metadata_unref(next);
    }
    assert_true(clean >= 1);
}

// --- edits that are drawn at random

struct draw {
    uint64_t seed;
    int64_t next_id;
    int64_t now_ms;
};

static uint64_t below(struct draw *d, uint64_t n)
{
    d->seed = d->seed * 6364136223846793005u + 1442695040888963407u;
    return (d->seed >> 33) % n;
}

static int draw_snapshot(struct draw *d, struct dsi_metadata_edit *e)
{
    const struct dsi_metadata *m = dsi_metadata_edit_state(e);
    struct ds_property summary = {"operation", "append"};
    struct dsi_snapshot_new n = {.snapshot_id = d->next_id++,
                                 .parent_id = m->current_snapshot_id,
                                 .sequence_number = m->last_sequence_number + 1,
                                 .timestamp_ms = d->now_ms - (int64_t)below(d, 2000),
                                 .manifest_list = "file:///t/list.avro",
                                 .schema_id = m->current_schema_id,
                                 .summary = &summary,
                                 .summary_count = 1,
                                 .first_row_id = -1,
                                 .added_rows = -1};
    const struct dsi_snapshot *s = NULL;
    struct dsi_ref main = {DSI_REF_MAIN, DSI_REF_BRANCH, n.snapshot_id, -1, -1, -1, {0}};
    int rc = dsi_snapshot_new(&n, &s, NULL);
    if (rc == DS_OK) {
        rc = dsi_metadata_edit_add_snapshot(e, s, NULL);
    }
    dsi_snapshot_unref(s);
    return rc == DS_OK && below(d, 4) ? dsi_metadata_edit_set_ref(e, &main, NULL) : rc;
}

static int draw_ref(struct draw *d, struct dsi_metadata_edit *e)
{
    static const char *const names[] = {"main", "a", "b", "c"};
    const struct dsi_metadata *m = dsi_metadata_edit_state(e);
    const char *name = names[below(d, 4)];
    if (m->snapshot_count == 0 || below(d, 5) == 0) {
        int rc = dsi_metadata_edit_remove_ref(e, name, NULL);
        return rc == DS_ENOTFOUND ? DS_OK : rc;
    }
    struct dsi_ref ref = {name,
                          name[0] == 'c' ? DSI_REF_TAG : DSI_REF_BRANCH,
                          m->snapshots[below(d, m->snapshot_count)]->snapshot_id,
                          below(d, 2) ? -1 : 5,
                          -1,
                          -1,
                          {0}};
    return dsi_metadata_edit_set_ref(e, &ref, NULL);
}

// Forgets some of what no ref names; asked for one that is named it must refuse.
static int draw_removal(struct draw *d, struct dsi_metadata_edit *e)
{
    const struct dsi_metadata *m = dsi_metadata_edit_state(e);
    int64_t ids[8];
    size_t count = 0;
    bool named = false;
    for (size_t i = 0; i < 8 && m->snapshot_count > 0; i++) {
        int64_t id = m->snapshots[below(d, m->snapshot_count)]->snapshot_id;
        for (size_t k = 0; k < m->ref_count; k++) {
            named = named || m->refs[k].snapshot_id == id;
        }
        ids[count++] = id;
    }
    int rc = dsi_metadata_edit_remove_snapshots(e, ids, count, NULL);
    return named && rc == DS_EINVALID ? DS_OK : named ? DS_EBUG : rc;
}

static int draw_layout(struct draw *d, struct dsi_metadata_edit *e)
{
    static const char *const specs[] = {"",
                                        "day(ts)",
                                        "bucket(4, id)",
                                        "hour(ts), id",
                                        "id, day(ts)",
                                        "truncate(3, id), day(ts)"};
    static const char *const orders[] = {"", "id", "ts desc", "ts desc, id"};
    const struct dsi_metadata *m = dsi_metadata_edit_state(e);
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_partition_spec spec = {0};
    struct dsi_sort_order order = {0};
    const struct dsi_schema *schema = dsi_metadata_current_schema(m);
    int rc = dsi_partition_spec_parse(specs[below(d, 6)], schema, &arena, &spec, NULL);
    if (rc == DS_OK) {
        rc = dsi_metadata_edit_set_spec(e, &spec, NULL);
    }
    if (rc == DS_OK) {
        rc = dsi_sort_order_parse(orders[below(d, 4)], schema, &arena, &order, NULL);
    }
    if (rc == DS_OK) {
        rc = dsi_metadata_edit_set_sort_order(e, &order, NULL);
    }
    dsi_arena_release(&arena);
    return rc;
}

// Adds a column with the next id, or goes back to what the schema was at first.
static int draw_schema(struct draw *d, struct dsi_metadata_edit *e)
{
    const struct dsi_metadata *m = dsi_metadata_edit_state(e);
    const struct dsi_schema *now = dsi_metadata_current_schema(m);
    struct dsi_field fields[64];
    struct dsi_schema wider = *now;
    char name[32];
    if (below(d, 3) == 0 || now->root.field_count >= 63) {
        return dsi_metadata_edit_set_schema(e, &m->schemas[0], 0, NULL);
    }
    memcpy(fields, now->root.fields, now->root.field_count * sizeof *fields);
    snprintf(name, sizeof name, "c%d", (int)m->last_column_id + 1);
    fields[now->root.field_count] = (struct dsi_field){
        m->last_column_id + 1, false, name, NULL, {.kind = DSI_TYPE_DATE}, NULL, NULL};
    wider.root.fields = fields;
    wider.root.field_count++;
    return dsi_metadata_edit_set_schema(e, &wider, m->last_column_id + 1, NULL);
}

static int draw_step(struct draw *d, struct dsi_metadata_edit *e)
{
    char key[16];
    char value[16];
    switch (below(d, 8)) {
    case 0:
        return draw_ref(d, e);
    case 1:
        return draw_removal(d, e);
    case 2:
        return draw_layout(d, e);
    case 3:
        return draw_schema(d, e);
    case 4:
        snprintf(key, sizeof key, "k%d", (int)below(d, 5));
        snprintf(value, sizeof value, "%d", (int)below(d, 100));
        return dsi_metadata_edit_set_property(e, key, below(d, 3) ? value : NULL, NULL);
    default:
        return draw_snapshot(d, e);
    }
}

// What metadata_edit.c promises, (1) to (4), of one metadata after another.
static void check_promises(const struct dsi_metadata *before,
                           const struct dsi_metadata *m)
{
    assert_true(m->last_sequence_number >= before->last_sequence_number);
    assert_true(m->last_updated_ms >= before->last_updated_ms);
    assert_true(m->last_column_id >= before->last_column_id);
    assert_true(m->last_partition_id >= before->last_partition_id);
    const struct dsi_ref *main = dsi_metadata_find_ref(m, DSI_REF_MAIN);
    assert_true((main ? main->snapshot_id : DSI_SNAPSHOT_NONE) == m->current_snapshot_id);
    if (main) {
        assert_true(m->snapshot_log[m->snapshot_log_count - 1].snapshot_id ==
                    m->current_snapshot_id);
    }
    for (size_t i = 0; i < m->snapshot_log_count; i++) {
        assert_non_null(dsi_metadata_snapshot(m, m->snapshot_log[i].snapshot_id));
        assert_true(i == 0 || m->snapshot_log[i].timestamp_ms >=
                                  m->snapshot_log[i - 1].timestamp_ms);
    }
    for (size_t i = 0; i < m->spec_count; i++) { // One id, one meaning.
        for (size_t k = 0; k < m->specs[i].field_count; k++) {
            const struct dsi_partition_field *f = &m->specs[i].fields[k];
            for (size_t j = 0; j < m->specs[0].field_count; j++) {
                const struct dsi_partition_field *g = &m->specs[0].fields[j];
                assert_int_equal(f->field_id == g->field_id,
                                 f->source_id == g->source_id &&
                                     strcmp(f->transform.text, g->transform.text) == 0);
            }
        }
    }
}

static void test_metadata_edit__keeps_its_promises_over_random_edits(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct draw d = {seed, 1000 * (int64_t)seed, 10000};
        struct dsi_metadata *m = NULL;
        assert_int_equal(make(&m, NULL), DS_OK);
        for (int edit = 0; edit < 25; edit++) {
            struct dsi_metadata_edit *e = NULL;
            struct dsi_metadata *next = NULL;
            struct ds_error err = {0};
            d.now_ms += (int64_t)below(&d, 3000) - 500; // A clock that jumps.
            assert_int_equal(dsi_metadata_edit_new(m, &e, NULL), DS_OK);
            for (uint64_t n = below(&d, 6); n > 0; n--) {
                int rc = draw_step(&d, e);
                if (rc < 0) {
                    fail_msg("seed %d, edit %d: %d", (int)seed, edit, rc);
                }
            }
            assert_int_equal(
                dsi_metadata_edit_finish(e, d.now_ms, "file:///t/m", &next, NULL, &err),
                DS_OK);
            check_promises(m, next);
            assert_round_trip(next);
            dsi_metadata_unref(m);
            m = next;
        }
        dsi_metadata_unref(m);
    }
}

static void test_metadata_edit__gives_partition_fields_their_ids_again(void **state)
{
    struct dsi_arena arena = DSI_ARENA_INIT;
    struct dsi_metadata_edit *e = NULL;
    struct dsi_metadata *m = NULL;
    struct dsi_partition_spec spec = {0};
    (void)state;

    assert_int_equal(make(&m, NULL), DS_OK); // bucket(4, id) is 1000, day(ts) is 1001.
    assert_int_equal(dsi_metadata_edit_new(m, &e, NULL), DS_OK);
    const struct dsi_metadata *now = dsi_metadata_edit_state(e);
    const struct dsi_schema *schema = dsi_metadata_current_schema(now);
    assert_int_equal(
        dsi_partition_spec_parse("hour(ts), bucket(4, id)", schema, &arena, &spec, NULL),
        DS_OK);
    assert_int_equal(dsi_metadata_edit_set_spec(e, &spec, NULL), DS_OK);
    assert_int_equal(dsi_metadata_default_spec(now)->fields[0].field_id, 1002);
    assert_int_equal(dsi_metadata_default_spec(now)->fields[1].field_id, 1000);
    assert_int_equal(now->last_partition_id, 1002);
    assert_int_equal(dsi_metadata_edit_set_spec(e, &m->specs[0], NULL), DS_OK);
    assert_int_equal(now->default_spec_id, 0);
    assert_int_equal(now->spec_count, 2);
    dsi_metadata_edit_free(e);
    dsi_metadata_unref(m);
    dsi_arena_release(&arena);
}

// A file may have the last id there is: what comes after it is no id.
static void test_metadata_edit__does_not_count_past_the_last_id(void **state)
{
    struct dsi_metadata_edit *e = NULL;
    struct dsi_metadata *m = NULL;
    struct ds_error err = {0};
    struct dsi_field fields[3];
    (void)state;

    assert_int_equal(make(&m, NULL), DS_OK);
    ((struct dsi_schema *)(uintptr_t)m->schemas)->schema_id = INT32_MAX;
    ((struct dsi_partition_spec *)(uintptr_t)m->specs)->spec_id = INT32_MAX;
    ((struct dsi_sort_order *)(uintptr_t)m->sort_orders)->order_id = INT32_MAX;
    m->current_schema_id = m->default_spec_id = m->default_sort_order_id = INT32_MAX;
    assert_int_equal(dsi_metadata_edit_new(m, &e, NULL), DS_OK);
    struct dsi_schema s = m->schemas[0];
    memcpy(fields, s.root.fields, sizeof fields);
    s.root.fields = fields;
    fields[0].name = "renamed";
    assert_int_equal(dsi_metadata_edit_set_schema(e, &s, 0, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "no schema ids are left"));
    struct dsi_partition_spec spec = m->specs[0];
    spec.field_count--;
    assert_int_equal(dsi_metadata_edit_set_spec(e, &spec, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "no partition spec ids are left"));
    struct dsi_sort_order order = m->sort_orders[0];
    order.field_count--;
    assert_int_equal(dsi_metadata_edit_set_sort_order(e, &order, &err), DS_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "no sort order ids are left"));
    order.field_count = 0;
    assert_int_equal(dsi_metadata_edit_set_sort_order(e, &order, &err), DS_OK);
    dsi_metadata_edit_free(e);
    dsi_metadata_unref(m);
}

static void test_metadata_edit__refuses_schemas_that_lose_data(void **state)
{
    struct dsi_metadata_edit *e = NULL;
    struct dsi_metadata *m = NULL;
    struct ds_error err = {0};
    struct dsi_field fields[3];
    (void)state;

    assert_int_equal(make(&m, NULL), DS_OK);
    assert_int_equal(dsi_metadata_edit_new(m, &e, NULL), DS_OK);
    struct dsi_schema s = m->schemas[0];
    memcpy(fields, s.root.fields, sizeof fields);
    s.root.fields = fields;
    fields[0].type.kind = DSI_TYPE_INT;
    assert_int_equal(dsi_metadata_edit_set_schema(e, &s, 0, &err), DS_EINVALID);
    assert_string_equal(err.message, "column 'id' cannot change from long to int");
    memcpy(fields, m->schemas[0].root.fields, sizeof fields);
    fields[1].id = 77; // ts is gone, but the spec is made from it.
    assert_int_equal(dsi_metadata_edit_set_schema(e, &s, 0, &err), DS_EINVALID);
    assert_non_null(
        strstr(err.message, "partition field 'ts_day' is made from column 2"));
    dsi_metadata_edit_free(e);
    dsi_metadata_unref(m);
}

static void test_metadata_edit__logs_a_rollback_when_it_happens(void **state)
{
    struct dsi_ref main = {DSI_REF_MAIN, DSI_REF_BRANCH, 1, -1, -1, -1, {0}};
    struct dsi_metadata_edit *e = NULL;
    struct dsi_metadata *m = NULL;
    struct dsi_metadata *next = NULL;
    (void)state;

    assert_int_equal(make(&m, NULL), DS_OK);
    append_to(&m, 1, 2000);
    append_to(&m, 2, 3000);
    assert_int_equal(dsi_metadata_edit_new(m, &e, NULL), DS_OK);
    assert_int_equal(dsi_metadata_edit_set_ref(e, &main, NULL), DS_OK);
    assert_int_equal(dsi_metadata_edit_finish(e, 9000, NULL, &next, NULL, NULL), DS_OK);
    assert_true(dsi_metadata_snapshot_as_of(next, 8999)->snapshot_id == 2);
    assert_true(dsi_metadata_snapshot_as_of(next, 9000)->snapshot_id == 1);
    dsi_metadata_unref(m);
    dsi_metadata_unref(next);
}

static void test_metadata_edit__drops_statistics_of_what_is_gone(void **state)
{
    int64_t gone = 3051729675574597004;
    struct dsi_metadata *m = parse_golden("v2.json");
    struct dsi_metadata_edit *e = NULL;
    struct dsi_metadata *next = NULL;
    struct dsi_buf out = DSI_BUF_INIT;
    struct ds_error err = {0};
    (void)state;

    assert_int_equal(dsi_metadata_edit_new(m, &e, NULL), DS_OK);
    assert_int_equal(dsi_metadata_edit_remove_snapshots(e, &gone, 1, &err), DS_EINVALID);
    assert_int_equal(dsi_metadata_edit_remove_ref(e, "test", &err), DS_OK);
    assert_int_equal(dsi_metadata_edit_remove_snapshots(e, &gone, 1, &err), DS_OK);
    assert_int_equal(dsi_metadata_edit_finish(e, 1, NULL, &next, NULL, &err), DS_OK);
    assert_int_equal(dsi_metadata_to_json(next, &out, &err), DS_OK);
    assert_non_null(strstr(dsi_buf_text(&out), "\"statistics\":[]"));
    assert_non_null(strstr(dsi_buf_text(&out), "made-up-member"));
    assert_round_trip(next);
    dsi_buf_release(&out);
    dsi_metadata_unref(m);
    dsi_metadata_unref(next);
}

static void test_metadata_edit__keeps_members_of_others(void **state)
{
    static const char *const kept[] = {
        "\"another-member\":null", "\"protected\":{\"by\": [\"somebody\", 2.50]}",
        "\"set-by\":\"a newer engine\"", "\"bytes\":1.20e3"};
    struct dsi_metadata *m = parse_golden("v2.json");
    struct dsi_metadata *next = NULL;
    struct dsi_buf out = DSI_BUF_INIT;
    struct ds_error err = {0};
    (void)state;

    // As a commit does: main as it was, but for the snapshot.
    struct dsi_ref main = *dsi_metadata_find_ref(m, DSI_REF_MAIN);
    main.snapshot_id = m->snapshots[0]->snapshot_id;
    struct dsi_metadata_edit *e = NULL;
    assert_int_equal(dsi_metadata_edit_new(m, &e, &err), DS_OK);
    assert_int_equal(dsi_metadata_edit_set_ref(e, &main, &err), DS_OK);
    assert_int_equal(dsi_metadata_edit_finish(e, m->last_updated_ms + 1, "file:///m",
                                              &next, NULL, &err),
                     DS_OK);
    dsi_metadata_unref(m);
    assert_int_equal(next->snapshot_log_count, 3);
    assert_int_equal(next->metadata_log_count, 2);
    assert_int_equal(dsi_metadata_to_json(next, &out, NULL), DS_OK);
    for (size_t i = 0; i < sizeof kept / sizeof kept[0]; i++) {
        if (!strstr(dsi_buf_text(&out), kept[i])) {
            fail_msg("%s is lost", kept[i]);
        }
    }
    dsi_buf_release(&out);
    dsi_metadata_unref(next);
}

static void test_metadata_edit__refuses_properties_that_are_not_stored(void **state)
{
    struct dsi_metadata_edit *e = NULL;
    struct dsi_metadata *m = NULL;
    (void)state;

    assert_int_equal(make(&m, NULL), DS_OK);
    assert_int_equal(dsi_metadata_edit_new(m, &e, NULL), DS_OK);
    assert_int_equal(dsi_metadata_edit_set_property(e, "format-version", "3", NULL),
                     DS_EINVALID);
    assert_int_equal(dsi_metadata_edit_set_property(e, "", "3", NULL), DS_EINVALID);
    assert_int_equal(dsi_metadata_edit_set_location(e, "/elsewhere/", NULL), DS_OK);
    assert_string_equal(dsi_metadata_edit_state(e)->location, "file:///elsewhere");
    assert_int_equal(dsi_metadata_edit_set_location(e, "/a/../b", NULL), DS_EINVALID);
    dsi_metadata_edit_free(e);
    dsi_metadata_unref(m);
}

static int stop_faults(void **state)
{
    (void)state;
    dsi_fault_stop();
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata_edit__makes_a_table_with_fresh_ids),
        cmocka_unit_test(test_metadata_edit__appends_snapshots_in_order),
        cmocka_unit_test(test_metadata_edit__keeps_a_bounded_metadata_log),
        cmocka_unit_test(test_metadata_edit__drops_old_metadata_files_in_batches),
        cmocka_unit_test(test_metadata_edit__forgets_expired_snapshots_and_their_log),
        cmocka_unit_test(test_metadata_edit__refuses_snapshots_that_do_not_follow),
        cmocka_unit_test(test_metadata_edit__keeps_its_promises_over_random_edits),
        cmocka_unit_test(test_metadata_edit__gives_partition_fields_their_ids_again),
        cmocka_unit_test(test_metadata_edit__does_not_count_past_the_last_id),
        cmocka_unit_test(test_metadata_edit__refuses_schemas_that_lose_data),
        cmocka_unit_test(test_metadata_edit__logs_a_rollback_when_it_happens),
        cmocka_unit_test(test_metadata_edit__drops_statistics_of_what_is_gone),
        cmocka_unit_test(test_metadata_edit__keeps_members_of_others),
        cmocka_unit_test(test_metadata_edit__refuses_properties_that_are_not_stored),
        cmocka_unit_test_teardown(test_metadata_edit__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("metadata_edit", tests, NULL, NULL);
}
