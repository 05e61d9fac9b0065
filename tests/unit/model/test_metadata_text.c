#include "base/error.h"
#include "base/fault.h"
#include "base/random.h"
#include "metadata_case.h"
#include "model/metadata_edit.h"

#include <pthread.h>
#include <stdlib.h>

struct draw {
    uint64_t state;
    int64_t next_id;
    int64_t now_ms;
};

static uint64_t below(struct draw *d, uint64_t n)
{
    d->state = d->state * 6364136223846793005u + 1442695040888963407u;
    return (d->state >> 33) % n;
}

// --- what a text is compared with

// Written entry by entry: by one that has the same fields and no text.
static void write_plainly(const struct dsi_metadata *m, struct dsi_buf *out)
{
    struct dsi_metadata bare = *m;
    struct ds_error err = {0};

    bare.text = NULL;
    bare.snapshots_run = bare.snapshot_log_run = bare.metadata_log_run =
        (struct dsi_text_run){0};
    if (dsi_metadata_to_json(&bare, out, &err) < 0) {
        fail_msg("%s", err.message);
    }
}

static void assert_text(struct dsi_buf *plain, struct ds_slice json)
{
    if (!dsi_slice_equal(dsi_buf_slice(plain), json)) {
        fail_msg("entry by entry:\n%s\nfrom the text:\n%.*s", dsi_buf_text(plain),
                 (int)json.size, (const char *)json.data);
    }
}

// Writes and keeps it, and looks whether that is what it says; gives it as read back.
static struct dsi_metadata *write_and_look(struct dsi_metadata *m)
{
    struct dsi_buf plain = DSI_BUF_INIT;
    struct dsi_buf spliced = DSI_BUF_INIT;
    struct ds_slice json = {NULL, 0};
    struct dsi_metadata *back = NULL;
    struct ds_error err = {0};

    write_plainly(m, &plain);
    assert_int_equal(dsi_metadata_to_json(m, &spliced, &err), DS_OK);
    assert_text(&plain, dsi_buf_slice(&spliced));
    assert_int_equal(dsi_metadata_write(m, &json, &err), DS_OK);
    assert_text(&plain, json);
    if (dsi_metadata_parse(json, &back, &err) < 0) {
        fail_msg("%s\n%.*s", err.message, (int)json.size, (const char *)json.data);
    }
    assert_same_metadata(m, back);
    assert_int_equal(m->snapshots_run.count, m->snapshot_count);
    assert_int_equal(m->snapshot_log_run.count, m->snapshot_log_count);
    assert_int_equal(m->metadata_log_run.count, m->metadata_log_count);
    dsi_buf_release(&plain);
    dsi_buf_release(&spliced);
    return back;
}

// --- steps of an edit

static int add_snapshot(struct dsi_metadata_edit *e, struct draw *d)
{
    const struct dsi_metadata *m = dsi_metadata_edit_state(e);
    const bool v1 = m->format_version == 1;
    const bool v3 = m->format_version == 3;
    struct ds_property summary[] = {{"operation", "append"}, {"note", "\"],[{\\\n"}};
    char list[64];
    struct dsi_snapshot_new n = {.snapshot_id = d->next_id,
                                 .parent_id = m->current_snapshot_id,
                                 .sequence_number = v1 ? 0 : m->last_sequence_number + 1,
                                 .timestamp_ms = d->now_ms,
                                 .manifest_list = list,
                                 .schema_id = m->current_schema_id,
                                 .summary = summary,
                                 .summary_count = 1 + below(d, 2),
                                 .first_row_id = v3 ? m->next_row_id : -1,
                                 .added_rows = v3 ? (int64_t)below(d, 5) : -1};
    struct dsi_ref ref = {DSI_REF_MAIN, DSI_REF_BRANCH, d->next_id++, -1, -1, -1, {0}};
    const struct dsi_snapshot *s = NULL;

    snprintf(list, sizeof list, "file:///t/%.*s.avro", (int)below(d, 20),
             "abcdefghijklmnopqrstuvwxyz");
    int rc = dsi_snapshot_new(&n, &s, NULL);
    rc = rc == DS_OK ? dsi_metadata_edit_add_snapshot(e, s, NULL) : rc;
    dsi_snapshot_unref(s);
    return rc == DS_OK && below(d, 8) ? dsi_metadata_edit_set_ref(e, &ref, NULL) : rc;
}

// Forgets so many snapshots, or fewer, from that place on: those that no ref names.
static int remove_some(struct dsi_metadata_edit *e, size_t from, size_t most)
{
    const struct dsi_metadata *m = dsi_metadata_edit_state(e);
    int64_t ids[64];
    size_t count = 0;

    for (size_t i = from; i < m->snapshot_count && count < most; i++) {
        bool named = false;
        for (size_t k = 0; k < m->ref_count; k++) {
            named = named || m->refs[k].snapshot_id == m->snapshots[i]->snapshot_id;
        }
        ids[count] = m->snapshots[i]->snapshot_id;
        count += !named;
    }
    return dsi_metadata_edit_remove_snapshots(e, ids, count, NULL);
}

static int set_ref(struct dsi_metadata_edit *e, struct draw *d)
{
    static const char *const names[] = {"main", "b", "tag"};
    const struct dsi_metadata *m = dsi_metadata_edit_state(e);
    const uint64_t which = below(d, 3);
    struct dsi_ref ref = {.name = names[which],
                          .kind = which == 2 ? DSI_REF_TAG : DSI_REF_BRANCH,
                          .max_ref_age_ms = -1,
                          .max_snapshot_age_ms = -1,
                          .min_snapshots_to_keep = -1};

    if (m->snapshot_count == 0 || below(d, 3) == 0) {
        int rc = dsi_metadata_edit_remove_ref(e, ref.name, NULL);
        return rc == DS_ENOTFOUND ? DS_OK : rc;
    }
    ref.snapshot_id = m->snapshots[below(d, m->snapshot_count)]->snapshot_id;
    return dsi_metadata_edit_set_ref(e, &ref, NULL);
}

static int set_property(struct dsi_metadata_edit *e, struct draw *d)
{
    static const char *const values[] = {"1", "3", "9", "20"};

    return below(d, 2)
               ? dsi_metadata_edit_set_property(e, "note", values[below(d, 4)], NULL)
               : dsi_metadata_edit_set_property(e, "write.metadata.previous-versions-max",
                                                values[below(d, 4)], NULL);
}

static int draw_step(struct dsi_metadata_edit *e, struct draw *d)
{
    const size_t count = dsi_metadata_edit_state(e)->snapshot_count;

    switch (below(d, 12)) {
    case 0:
    case 1:
        return remove_some(e, 0, 1 + below(d, 4));
    case 2:
        return remove_some(e, count > 0 ? below(d, count) : 0, 1 + below(d, 3));
    case 3:
        return set_ref(e, d);
    case 4:
        return set_property(e, d);
    default:
        return add_snapshot(e, d);
    }
}

static struct dsi_metadata *draw_next(const struct dsi_metadata *m, struct draw *d)
{
    struct dsi_metadata_edit *e = NULL;
    struct dsi_metadata *next = NULL;
    struct ds_error err = {0};
    char file[64];

    d->now_ms += (int64_t)below(d, 3000);
    assert_int_equal(dsi_metadata_edit_new(m, &e, &err), DS_OK);
    for (uint64_t n = below(d, 5); n > 0; n--) {
        assert_int_equal(draw_step(e, d), DS_OK);
    }
    dsi_metadata_edit_log_batch(e, below(d, 4));
    snprintf(file, sizeof file, "file:///t/%.*s.json", (int)below(d, 12),
             "a\"\\cdefghijkl");
    assert_int_equal(dsi_metadata_edit_finish(e, d->now_ms, below(d, 5) ? file : NULL,
                                              &next, NULL, &err),
                     DS_OK);
    return next;
}

// --- tests

// One version after another: some written, some not, some read back in between.
static void follow(const char *golden, struct draw *d, int versions)
{
    struct dsi_metadata *m = parse_golden(golden);

    d->next_id = 1000;
    d->now_ms = m->last_updated_ms;
    for (int i = 0; i < versions; i++) {
        struct dsi_metadata *next = draw_next(m, d);
        if (below(d, 2)) { // Who made it may be gone before it is written.
            dsi_metadata_unref(m);
            m = NULL;
        }
        if (below(d, 6)) {
            struct dsi_metadata *back = write_and_look(next);
            bool take = below(d, 8) == 0;
            dsi_metadata_unref(take ? next : back);
            next = take ? back : next;
        }
        dsi_metadata_unref(m);
        m = next;
    }
    dsi_metadata_unref(m);
}

static void test_metadata_text__is_what_is_written_entry_by_entry(void **state)
{
    static const char *const names[] = {
        "v1_both_forms.json", "v1_manifests.json", "v1_oldest.json", "v2.json",
        "v2_minimal.json",    "v3.json",           "v3_empty.json"};
    const char *given = getenv("DATASHARD_TEST_SEED");
    const uint64_t seed = given ? strtoull(given, NULL, 10) : dsi_random_u64();
    struct draw d = {.state = seed};
    (void)state;

    print_message("DATASHARD_TEST_SEED=%llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        follow(names[i], &d, 120);
    }
}

// A version without snapshots of which so many are then added, each in its own version.
static struct dsi_metadata *grown(struct draw *d, size_t snapshots)
{
    struct dsi_metadata *m = parse_golden("v2_minimal.json");
    struct ds_slice json = {NULL, 0};

    *d = (struct draw){.state = 1, .next_id = 1000, .now_ms = m->last_updated_ms};
    for (size_t i = 0; i < snapshots; i++) {
        struct dsi_metadata_edit *e = NULL;
        struct dsi_metadata *next = NULL;
        struct dsi_ref main = {DSI_REF_MAIN, DSI_REF_BRANCH, d->next_id, -1, -1, -1, {0}};
        assert_int_equal(dsi_metadata_edit_new(m, &e, NULL), DS_OK);
        assert_int_equal(add_snapshot(e, d), DS_OK);
        assert_int_equal(dsi_metadata_edit_set_ref(e, &main, NULL), DS_OK);
        assert_int_equal(dsi_metadata_edit_finish(e, ++d->now_ms, "file:///t/a.json",
                                                  &next, NULL, NULL),
                         DS_OK);
        assert_int_equal(dsi_metadata_write(next, &json, NULL), DS_OK);
        dsi_metadata_unref(m);
        m = next;
    }
    return m;
}

// That it is copied at all: what the text says is what is written, be it wrong.
static void test_metadata_text__is_copied(void **state)
{
    struct draw d;
    struct dsi_metadata *m = grown(&d, 9);
    struct dsi_metadata_edit *e = NULL;
    struct dsi_metadata *next = NULL;
    struct ds_slice json = {NULL, 0};
    (void)state;

    memcpy(m->text->json.data + m->snapshots_run.at + 2, "SEQUENCE", 8);
    memcpy(m->text->json.data + m->snapshot_log_run.at + 2, "TIMESTAMP", 9);
    memcpy(m->text->json.data + m->metadata_log_run.at + 2, "TIMESTAMP", 9);
    assert_int_equal(dsi_metadata_edit_new(m, &e, NULL), DS_OK);
    assert_int_equal(add_snapshot(e, &d), DS_OK);
    assert_int_equal(
        dsi_metadata_edit_finish(e, ++d.now_ms, "file:///t/b.json", &next, NULL, NULL),
        DS_OK);
    assert_int_equal(dsi_metadata_write(next, &json, NULL), DS_OK);
    const char *text = dsi_buf_text(&next->text->json);
    assert_non_null(strstr(text, "\"snapshots\":[{\"SEQUENCE"));
    assert_non_null(strstr(text, "\"snapshot-log\":[{\"TIMESTAMP"));
    assert_non_null(strstr(text, "\"metadata-log\":[{\"TIMESTAMP"));
    dsi_metadata_unref(m);
    dsi_metadata_unref(next);
}

// Of the version before at most: once written, it has its own alone; and where nobody
// has an older one any more, its memory is what the next but one is written to.
static void test_metadata_text__is_one_for_each_version(void **state)
{
    struct draw d;
    struct dsi_metadata *m = grown(&d, 3);
    struct dsi_metadata_text *first = m->text;
    const uint8_t *memory = first->json.data;
    struct dsi_metadata *back = NULL;
    (void)state;

    struct dsi_metadata *next = draw_next(m, &d);
    assert_ptr_equal(next->text, first); // That which it can be copied from.
    struct dsi_metadata *third = draw_next(next, &d);
    assert_ptr_equal(third->text, first); // Nobody else has been written since.
    back = write_and_look(third);
    assert_ptr_not_equal(third->text, first);
    assert_ptr_not_equal(third->text->json.data, memory);
    dsi_metadata_unref(back);
    dsi_metadata_unref(next);
    dsi_metadata_unref(m); // The last one that has the first text.
    m = draw_next(third, &d);
    back = write_and_look(m);
    assert_ptr_equal(m->text->json.data, memory);
    dsi_metadata_unref(third);
    dsi_metadata_unref(back);
    dsi_metadata_unref(m);
}

enum { THREADS = 4, EDITS = 80 };

// The newest version of a table, which some threads move on.
static struct {
    pthread_mutex_t mutex;
    struct dsi_metadata *m;
} head = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static struct dsi_metadata *read_head(void)
{
    pthread_mutex_lock(&head.mutex);
    struct dsi_metadata *m = dsi_metadata_ref(head.m);
    pthread_mutex_unlock(&head.mutex);
    return m;
}

static void move_head(struct dsi_metadata *m)
{
    pthread_mutex_lock(&head.mutex);
    struct dsi_metadata *old = head.m;
    head.m = m;
    pthread_mutex_unlock(&head.mutex);
    dsi_metadata_unref(old);
}

// Edits the head again and again: some edits are given up, some lose to another thread's.
static void *edit_head(void *arg)
{
    struct draw d = {.state = (uint64_t)(uintptr_t)arg,
                     .next_id = 100000 * (int64_t)(uintptr_t)arg};

    for (int i = 0; i < EDITS; i++) {
        struct dsi_metadata *base = read_head();
        d.now_ms = base->last_updated_ms;
        struct dsi_metadata *next = draw_next(base, &d);
        struct dsi_buf again = DSI_BUF_INIT;
        struct dsi_buf plain = DSI_BUF_INIT;
        struct ds_slice json = {NULL, 0};
        write_plainly(next, &plain);
        if (dsi_metadata_to_json(base, &again, NULL) < 0) { // Of the others, too.
            abort();
        }
        if (below(&d, 2)) {
            dsi_metadata_unref(base);
            base = NULL;
        }
        if (below(&d, 5) == 0) {
            dsi_metadata_unref(next);
        } else if (dsi_metadata_write(next, &json, NULL) < 0 ||
                   !dsi_slice_equal(dsi_buf_slice(&plain), json)) {
            abort();
        } else {
            move_head(next);
        }
        dsi_metadata_unref(base);
        dsi_buf_release(&again);
        dsi_buf_release(&plain);
    }
    return NULL;
}

static void test_metadata_text__is_shared_by_threads(void **state)
{
    pthread_t threads[THREADS];
    struct draw d;
    (void)state;

    head.m = grown(&d, 9);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, edit_head, (void *)(uintptr_t)(i + 1)), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    move_head(NULL);
}

// A version after `m`, of an edit that forgets some snapshots and adds one; written.
static int make_next(const struct dsi_metadata *m, struct draw *d,
                     struct dsi_metadata **next, struct ds_error *err)
{
    struct dsi_metadata_edit *e = NULL;
    struct ds_slice json = {NULL, 0};
    int rc = dsi_metadata_edit_new(m, &e, err);

    *next = NULL;
    if (rc == DS_OK) {
        rc = remove_some(e, 0, 2);
        rc = rc < 0 ? rc : add_snapshot(e, d);
        if (rc < 0) {
            dsi_metadata_edit_free(e);
            return dsi_no_memory(err, "a step of an edit");
        }
        rc = dsi_metadata_edit_finish(e, d->now_ms, "file:///t/c.json", next, NULL, err);
    }
    return rc == DS_OK ? dsi_metadata_write(*next, &json, err) : rc;
}

// A failure leaves both as they were, and able to be written.
static void survive_faults(size_t versions)
{
    struct draw d;
    struct dsi_metadata *m = grown(&d, versions);
    struct dsi_fault_plan plan = {0};

    while (dsi_fault_next(&plan)) {
        struct dsi_metadata *next = NULL;
        struct ds_error err = {0};
        int rc = make_next(m, &d, &next, &err);
        dsi_fault_stop();
        assert_true(rc == DS_OK ? !plan.name : rc == DS_ENOMEM && err.message[0]);
        if (next) {
            dsi_metadata_unref(write_and_look(next));
        }
        dsi_metadata_unref(next);
        next = draw_next(m, &d);
        dsi_metadata_unref(write_and_look(next));
        dsi_metadata_unref(next);
    }
    assert_true(plan.target > 3);
    dsi_metadata_unref(m);
}

static void test_metadata_text__survives_every_fault(void **state)
{
    (void)state;
    survive_faults(5);
    survive_faults(DSI_LOG_APART_MAX + 1); // What is shared is copied once more.
}

static void test_metadata_text__loses_its_first_entries(void **state)
{
    struct dsi_metadata_text *t = dsi_metadata_text_new(NULL);
    struct dsi_text_run run = {2, 12, 3};
    (void)state;

    assert_non_null(t);
    assert_int_equal(dsi_buf_append_text(&t->json, "x[{1},{22},{3}]y", NULL), DS_OK);
    struct ds_slice all = dsi_text_run_slice(t, &run);
    assert_true(dsi_slice_equal(all, dsi_slice_text("{1},{22},{3}")));
    dsi_text_run_drop_first(&run, 3);
    assert_true(dsi_slice_equal(dsi_text_run_slice(t, &run), dsi_slice_text("{22},{3}")));
    dsi_text_run_drop_first(&run, 4);
    assert_true(dsi_slice_equal(dsi_text_run_slice(t, &run), dsi_slice_text("{3}")));
    dsi_text_run_drop_first(&run, 3);
    assert_int_equal(run.count, 0);
    dsi_text_run_drop_first(&run, 3); // Of none, none.
    assert_int_equal(run.count, 0);
    dsi_metadata_text_unref(t);
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
        cmocka_unit_test(test_metadata_text__loses_its_first_entries),
        cmocka_unit_test(test_metadata_text__is_what_is_written_entry_by_entry),
        cmocka_unit_test(test_metadata_text__is_copied),
        cmocka_unit_test(test_metadata_text__is_one_for_each_version),
        cmocka_unit_test(test_metadata_text__is_shared_by_threads),
        cmocka_unit_test_teardown(test_metadata_text__survives_every_fault, stop_faults),
    };
    return cmocka_run_group_tests_name("metadata_text", tests, NULL, NULL);
}
