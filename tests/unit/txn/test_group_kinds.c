// Changes of every kind in one group: what each owner is told, and what is there then.
#include "group_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/fault.h"
#include "txn/group.h"

enum { OWNERS_MAX = 8 };

// One who commits a change through a handle of its own, in a thread.
struct owner {
    struct dsi_table *table;
    struct dsi_change *change;
    pthread_t thread;
    int rc;
    struct ds_commit_result result;
    struct ds_error err;
};

struct scene {
    struct place place;
    struct owner owners[OWNERS_MAX];
    size_t count;
    unsigned swaps; // Of the group, and of those who went on alone.
};

static void set_up(struct scene *s)
{
    *s = (struct scene){.count = 0};
    place_init(&s->place, NULL, 0);
}

static void tear_down(struct scene *s)
{
    for (size_t i = 0; i < s->count; i++) {
        dsi_change_free(s->owners[i].change);
        dsi_table_free(s->owners[i].table);
    }
    place_release(&s->place);
}

// The next owner, with a change of nothing yet, planned on what the table is now.
static struct dsi_change *plan(struct scene *s, const struct ds_commit_options *options)
{
    struct owner *o = &s->owners[s->count++];
    o->table = test_open(&s->place.catalog);
    const struct dsi_state *state = dsi_table_state(o->table);
    assert_int_equal(dsi_change_new(state, options, &o->change, NULL), DS_OK);
    dsi_state_unref(state);
    return o->change;
}

static void plan_row(struct scene *s, int64_t id)
{
    struct owner *o = &s->owners[s->count++];
    o->table = test_open(&s->place.catalog);
    o->change = row_change(o->table, NULL, id);
}

static void plan_property(struct scene *s, const struct ds_commit_options *options,
                          const char *key)
{
    struct dsi_change *c = plan(s, options);
    assert_int_equal(dsi_change_set_property(c, key, "yes", NULL), DS_OK);
}

static void plan_addition(struct scene *s, const char *path)
{
    struct dsi_change *c = plan(s, NULL);
    struct dsi_data_file f = test_file(s->place.catalog.storage, path, 10);
    const struct dsi_metadata *m = dsi_table_metadata(s->owners[s->count - 1].table);
    assert_int_equal(dsi_change_add(c, &f, 1, m, NULL, NULL), DS_OK);
    dsi_metadata_unref(m);
}

// Takes out the files whose paths begin so.
static struct dsi_change *plan_deletion(struct scene *s, const char *path)
{
    struct dsi_change *c = plan(s, NULL);
    const struct dsi_metadata *m = dsi_table_metadata(s->owners[s->count - 1].table);
    change_delete(&s->place, c, m, path);
    dsi_metadata_unref(m);
    return c;
}

static void plan_column(struct scene *s, const char *name)
{
    struct dsi_change *c = plan(s, NULL);
    const struct dsi_metadata *m = dsi_table_metadata(s->owners[s->count - 1].table);
    change_add_column(c, m, name);
    dsi_metadata_unref(m);
}

static void *commit(void *arg)
{
    struct owner *o = arg;
    o->result.struct_size = sizeof o->result;
    o->rc = dsi_commit(o->table, o->change, NULL, &o->result, &o->err);
    return NULL;
}

// All commit, having published in their order before anybody leads.
static void commit_together(struct scene *s)
{
    struct dsi_queue *q = s->place.queue;
    unsigned before = s->place.catalog.swaps;
    assert_true(dsi_queue_try_lead(q));
    for (size_t i = 0; i < s->count; i++) {
        struct owner *o = &s->owners[i];
        assert_int_equal(pthread_create(&o->thread, NULL, commit, o), 0);
        dsi_queue_await(q, i + 1, INT64_C(5000000000));
        assert_true(dsi_queue_beat(q));
    }
    dsi_queue_resign(q);
    for (size_t i = 0; i < s->count; i++) {
        pthread_join(s->owners[i].thread, NULL);
    }
    s->swaps = s->place.catalog.swaps - before;
}

static void assert_committed(const struct scene *s, size_t i, uint32_t group_size)
{
    const struct owner *o = &s->owners[i];
    if (o->rc != DS_OK) {
        fail_msg("owner %zu: %s", i, o->err.message);
    }
    assert_int_equal(o->result.outcome, DS_COMMITTED);
    assert_int_equal(o->result.group_size, group_size);
}

static void assert_refused(const struct scene *s, size_t i, const char *rule)
{
    const struct owner *o = &s->owners[i];
    assert_int_equal(o->rc, DS_ECONFLICT);
    assert_int_equal(o->result.outcome, DS_NOT_COMMITTED);
    if (!strstr(o->err.detail, rule)) {
        fail_msg("\"%s\" is not in: %s", rule, o->err.detail);
    }
}

// What is live, read anew; and nothing is wrong with the table.
struct found {
    size_t files;
    const char *path;
    size_t times;
};

static int tell(void *arg, const struct dsi_data_file *f, const char *manifest,
                struct ds_error *err)
{
    struct found *found = arg;
    (void)manifest;
    (void)err;
    found->files++;
    found->times += found->path && strcmp(f->path, found->path) == 0;
    return DS_OK;
}

static struct found find(struct scene *s, const char *path)
{
    struct found found = {.path = path};
    struct seen seen;
    const char *why = test_look(s->place.catalog.storage, s->place.catalog.head, &seen);
    if (why) {
        fail_msg("%s", why);
    }
    struct dsi_table *t = test_open(&s->place.catalog);
    const struct dsi_state *state = dsi_table_state(t);
    struct dsi_change *c = NULL;
    assert_int_equal(dsi_change_new(state, NULL, &c, NULL), DS_OK);
    assert_int_equal(
        dsi_live_files(s->place.catalog.storage, state->metadata, c, tell, &found, NULL),
        DS_OK);
    dsi_change_free(c);
    dsi_state_unref(state);
    dsi_table_free(t);
    return found;
}

// A version with files a0, a1, … in one manifest, before anybody plans.
static void put_files(struct scene *s, size_t count, const char *suffix)
{
    struct dsi_change *c = NULL;
    const struct dsi_state *state = dsi_table_state(s->place.table);
    assert_int_equal(dsi_change_new(state, NULL, &c, NULL), DS_OK);
    struct dsi_data_file *files = calloc(count, sizeof *files);
    char(*paths)[200] = calloc(count, sizeof *paths);
    assert_true(files && paths);
    for (size_t i = 0; i < count; i++) {
        snprintf(paths[i], sizeof paths[i], "memory:///t/data/a%zu%s", i, suffix);
        files[i] = test_file(s->place.catalog.storage, paths[i], 10);
    }
    assert_int_equal(dsi_change_append(c, files, count, true, NULL), DS_OK);
    free(files);
    free(paths);
    assert_int_equal(dsi_commit(s->place.table, c, NULL, NULL, NULL), DS_OK);
    dsi_change_free(c);
    dsi_state_unref(state);
}

static void test_group_kinds__files_that_join_share_the_swap(void **state)
{
    struct scene s;
    (void)state;

    set_up(&s);
    plan_addition(&s, "memory:///t/in/x");
    plan_row(&s, 1);
    plan_addition(&s, "memory:///u/y");
    commit_together(&s);
    for (size_t i = 0; i < 3; i++) {
        assert_committed(&s, i, 3);
    }
    assert_int_equal(s.swaps, 1);
    assert_int_equal(find(&s, "memory:///t/in/x").files, 3);
    assert_int_equal(find(&s, "memory:///u/y").times, 1);
    assert_true(s.owners[0].result.snapshot_id != s.owners[2].result.snapshot_id);
    tear_down(&s);
}

static void test_group_kinds__of_two_that_add_one_file_the_first_does(void **state)
{
    struct scene s;
    (void)state;

    set_up(&s);
    plan_addition(&s, "memory:///t/in/x");
    plan_addition(&s, "memory:///t/in/x");
    plan_row(&s, 1);
    plan_addition(&s, "memory:///t/in/x");
    commit_together(&s);
    assert_committed(&s, 0, 2);
    assert_refused(&s, 1, "file-added");
    assert_refused(&s, 3, "file-added");
    assert_non_null(strstr(s.owners[1].err.detail, s.owners[0].change->identity));
    assert_committed(&s, 2, 2);
    assert_int_equal(find(&s, "memory:///t/in/x").times, 1);
    assert_true(test_exists(s.place.catalog.storage, "memory:///t/in/x"));
    tear_down(&s);
}

static void test_group_kinds__of_two_that_take_out_one_file_the_first_does(void **state)
{
    struct scene s;
    (void)state;

    set_up(&s);
    put_files(&s, 3, "");
    plan_row(&s, 1);
    plan_deletion(&s, "memory:///t/data/a1");
    plan_deletion(&s, "memory:///t/data/a1");
    commit_together(&s);
    assert_committed(&s, 0, 2);
    assert_committed(&s, 1, 2);
    assert_refused(&s, 2, "file-removed");
    assert_int_equal(find(&s, "memory:///t/data/a1").times, 0);
    assert_int_equal(find(&s, NULL).files, 3);
    tear_down(&s);
}

// The second looks into a manifest that the first has just made, and that is not stored.
static void test_group_kinds__files_of_one_manifest_go_in_one_swap(void **state)
{
    struct scene s;
    (void)state;

    set_up(&s);
    put_files(&s, 4, "");
    for (size_t i = 0; i < 3; i++) {
        char path[] = "memory:///t/data/a0";
        path[sizeof path - 2] = (char)('0' + i);
        plan_deletion(&s, path);
    }
    commit_together(&s);
    for (size_t i = 0; i < 3; i++) {
        assert_committed(&s, i, 3);
    }
    assert_int_equal(s.swaps, 1);
    assert_int_equal(find(&s, "memory:///t/data/a3").times, 1);
    assert_int_equal(find(&s, NULL).files, 1);
    tear_down(&s);
}

// It has read what was there; that others add rows in the same moment is after that.
static void test_group_kinds__an_overwrite_goes_before_appends_of_its_group(void **state)
{
    struct scene s;
    (void)state;

    set_up(&s);
    put_files(&s, 2, "");
    plan_row(&s, 1);
    struct dsi_change *c = plan_deletion(&s, "memory:///t/data/a0");
    struct dsi_data_file f = test_file(s.place.catalog.storage, "memory:///t/data/b", 10);
    assert_int_equal(c->isolation, DS_ISOLATION_SERIALIZABLE);
    assert_int_equal(dsi_change_append(c, &f, 1, true, NULL), DS_OK);
    commit_together(&s);
    assert_committed(&s, 0, 2);
    assert_committed(&s, 1, 2);
    assert_int_equal(s.swaps, 1);
    assert_true(s.owners[1].result.sequence_number < s.owners[0].result.sequence_number);
    assert_int_equal(find(&s, "memory:///t/data/b").times, 1);
    assert_int_equal(find(&s, "memory:///t/data/a0").times, 0);
    tear_down(&s);
}

static void test_group_kinds__of_two_that_add_columns_the_first_does(void **state)
{
    struct scene s;
    (void)state;

    set_up(&s);
    plan_column(&s, "first");
    plan_row(&s, 1);
    plan_column(&s, "second");
    commit_together(&s);
    assert_committed(&s, 0, 2);
    assert_committed(&s, 1, 2);
    assert_refused(&s, 2, "schema-changed");
    assert_int_equal(find(&s, NULL).files, 1);
    assert_int_equal(dsi_table_refresh(s.place.table, NULL), DS_OK);
    const struct dsi_metadata *m = dsi_table_metadata(s.place.table);
    const struct dsi_type *root = &dsi_metadata_current_schema(m)->root;
    assert_int_equal(root->field_count, 3);
    assert_string_equal(root->fields[2].name, "first");
    assert_int_equal(root->fields[2].id, 3);
    dsi_metadata_unref(m);
    tear_down(&s);
}

static size_t intent_files(struct scene *s)
{
    return count_files(&s->place, "-intent.bin");
}

static size_t intents_seen;

static void look_for_intents(void *arg, const char *where)
{
    (void)where;
    intents_seen += intent_files(arg) > 0;
}

static void test_group_kinds__what_no_slot_has_room_for_travels_by_a_file(void **state)
{
    struct scene s;
    (void)state;

    set_up(&s);
    char suffix[120];
    memset(suffix, 'x', sizeof suffix);
    suffix[sizeof suffix - 1] = '\0';
    put_files(&s, 3000, suffix);
    plan_deletion(&s, "memory:///t/data/a1"); // 1, 10 to 19, 100 to 199, 1000 to 1999
    plan_row(&s, 1);
    plan_deletion(&s, "memory:///t/data/a1");
    intents_seen = 0;
    s.place.catalog.step = look_for_intents;
    s.place.catalog.arg = &s;
    commit_together(&s);
    s.place.catalog.step = NULL;
    assert_true(intents_seen > 0);
    assert_committed(&s, 0, 2);
    assert_committed(&s, 1, 2);
    assert_refused(&s, 2, "file-removed");
    assert_int_equal(find(&s, NULL).files, 3000 - 1111 + 1);
    assert_int_equal(intent_files(&s), 0);
    tear_down(&s);
}

static enum fate lose_first_answer(void *arg)
{
    struct scene *s = arg;
    return s->place.catalog.swaps == 1 + s->swaps ? FATE_ANSWER_LOST : FATE_FAIR;
}

// Nothing but parts, none of which makes a snapshot: the group is found all the same.
static void test_group_kinds__a_group_without_a_snapshot_is_found_again(void **state)
{
    static const struct ds_property mark = {"why", "because"};
    struct ds_commit_options with = {.struct_size = sizeof with, .summary = {&mark, 1}};
    struct scene s;
    (void)state;

    set_up(&s);
    plan_property(&s, &with, "colour");
    plan_property(&s, &with, "taste");
    s.swaps = s.place.catalog.swaps;
    s.place.catalog.fate = lose_first_answer;
    s.place.catalog.arg = &s;
    commit_together(&s);
    s.place.catalog.fate = NULL;
    assert_committed(&s, 0, 2);
    assert_committed(&s, 1, 2);
    assert_int_equal(s.swaps, 1);
    assert_int_equal(dsi_table_refresh(s.place.table, NULL), DS_OK);
    const struct dsi_metadata *m = dsi_table_metadata(s.place.table);
    assert_string_equal(dsi_metadata_property(m, "colour"), "yes");
    assert_string_equal(dsi_metadata_property(m, "taste"), "yes");
    dsi_metadata_unref(m);
    tear_down(&s);
}

// Sends away whatever is published, as a leader does that cannot read it, until told that
// it is enough.
static atomic_bool enough;
static atomic_bool leads;

static void *take_the_lead(void *arg)
{
    struct place *p = arg;
    if (!dsi_queue_try_lead(p->queue)) {
        abort();
    }
    atomic_store(&leads, true);
    while (!atomic_load(&enough)) {
        struct dsi_arena arena = DSI_ARENA_INIT;
        struct dsi_claim *claims = NULL;
        size_t count = 0;
        dsi_queue_beat(p->queue);
        dsi_queue_await(p->queue, 1, INT64_C(1000000));
        if (dsi_queue_claim(p->queue, 1 << 20, &arena, &claims, &count, NULL) < 0) {
            count = 0;
        }
        for (size_t i = 0; i < count; i++) {
            dsi_queue_answer(p->queue, &claims[i],
                             &(struct dsi_receipt){.kind = DSI_RECEIPT_ALONE});
        }
        dsi_arena_release(&arena);
    }
    dsi_queue_resign(p->queue);
    return NULL;
}

static void test_group_kinds__under_an_older_leader_each_commits_alone(void **state)
{
    struct scene s;
    pthread_t leader = 0;
    (void)state;

    set_up(&s);
    put_files(&s, 2, "");
    plan_addition(&s, "memory:///t/in/x");
    plan_deletion(&s, "memory:///t/data/a0");
    plan_column(&s, "more");
    atomic_store(&enough, false);
    atomic_store(&leads, false);
    assert_int_equal(pthread_create(&leader, NULL, take_the_lead, &s.place), 0);
    while (!atomic_load(&leads)) {
        sched_yield();
    }
    for (size_t i = 0; i < 3; i++) {
        commit(&s.owners[i]);
    }
    atomic_store(&enough, true);
    pthread_join(leader, NULL);
    for (size_t i = 0; i < 3; i++) {
        assert_committed(&s, i, 0);
    }
    assert_int_equal(find(&s, "memory:///t/in/x").times, 1);
    assert_int_equal(find(&s, NULL).files, 2);
    tear_down(&s);
}

// Of files of others, whatever fails, there is each once or not at all, as it was said.
static void check_faulty(struct scene *s)
{
    const struct owner *o = &s->owners[0];
    bool committed = o->result.outcome == DS_COMMITTED;
    size_t times = find(s, "memory:///t/in/x").times;

    assert_true(o->rc == DS_OK || o->err.message[0] != '\0');
    assert_int_equal(o->rc == DS_OK, committed);
    assert_true(times == committed || (times <= 1 && o->result.outcome == DS_UNKNOWN));
    assert_true(test_exists(s->place.catalog.storage, "memory:///t/in/x"));
}

static void test_group_kinds__files_that_join_survive_every_fault(void **state)
{
    struct dsi_fault_plan plan = {0};
    unsigned count = 0;
    (void)state;

    for (bool more = true; more; count++) {
        struct scene s;
        set_up(&s);
        plan_addition(&s, "memory:///t/in/x");
        more = dsi_fault_next(&plan);
        if (more) {
            commit(&s.owners[0]);
            dsi_fault_stop();
            check_faulty(&s);
        }
        tear_down(&s);
    }
    assert_true(count > 100);
}

// --- Many who want the same files, and a catalog that answers as it likes
// ---------------

enum { RIVALS = 6, PRIZES = 25 };

struct rival {
    struct scene *scene;
    int rc[PRIZES];
    enum ds_outcome outcomes[PRIZES];
};

static void prize(int i, char path[64])
{
    snprintf(path, 64, "memory:///t/in/prize%d", i);
}

// Adds the file, unless it is seen to be there.
static int reach_for(struct dsi_table *t, const char *path, enum ds_outcome *outcome)
{
    const struct dsi_state *s = dsi_table_state(t);
    struct ds_commit_result result = {.struct_size = sizeof result};
    struct dsi_change *c = NULL;
    struct found found = {.path = path};
    struct dsi_data_file f = {.path = path,
                              .format = DSI_FORMAT_PARQUET,
                              .record_count = 10,
                              .file_size = (int64_t)strlen(path),
                              .sort_order_id = -1,
                              .first_row_id = -1,
                              .content_offset = -1,
                              .content_size = -1};
    int rc = dsi_change_new(s, NULL, &c, NULL);
    rc = rc < 0
             ? rc
             : dsi_live_files(dsi_table_storage(t), s->metadata, c, tell, &found, NULL);
    rc = rc < 0 ? rc : found.times > 0 ? DS_EEXISTS : DS_OK;
    rc = rc < 0 ? rc : dsi_change_add(c, &f, 1, s->metadata, NULL, NULL);
    rc = rc < 0 ? rc : dsi_commit(t, c, NULL, &result, NULL);
    *outcome = result.outcome;
    dsi_change_free(c);
    dsi_state_unref(s);
    return rc;
}

static void *compete(void *arg)
{
    struct rival *r = arg;
    struct dsi_table *t = test_open(&r->scene->place.catalog);
    for (int i = 0; i < PRIZES; i++) {
        char path[64];
        prize(i, path);
        r->rc[i] = reach_for(t, path, &r->outcomes[i]);
    }
    dsi_table_free(t);
    return NULL;
}

static enum fate any_fate(void *arg)
{
    static const enum fate fates[] = {FATE_FAIR,        FATE_FAIR, FATE_FAIR,
                                      FATE_ANSWER_LOST, FATE_LIE,  FATE_LOST};
    return fates[(unsigned)rand_r(arg) % 6];
}

static void test_group_kinds__each_file_joins_once_whatever_the_catalog_says(void **state)
{
    static struct rival rivals[RIVALS];
    pthread_t threads[RIVALS];
    unsigned seed = (unsigned)getpid();
    struct scene s;
    char path[64];
    (void)state;

    print_message("seed %u\n", seed);
    set_up(&s);
    for (int i = 0; i < PRIZES; i++) {
        prize(i, path);
        test_file(s.place.catalog.storage, path, 10);
    }
    s.place.catalog.fate = any_fate;
    s.place.catalog.arg = &seed;
    for (int i = 0; i < RIVALS; i++) {
        rivals[i] = (struct rival){.scene = &s};
        assert_int_equal(pthread_create(&threads[i], NULL, compete, &rivals[i]), 0);
    }
    for (int i = 0; i < RIVALS; i++) {
        pthread_join(threads[i], NULL);
    }
    s.place.catalog.fate = NULL;
    for (int i = 0; i < PRIZES; i++) {
        size_t won = 0;
        size_t open = 0;
        prize(i, path);
        for (int k = 0; k < RIVALS; k++) {
            const int rc = rivals[k].rc[i];
            assert_true(rc == DS_OK || rc == DS_EEXISTS || rc == DS_ECONFLICT ||
                        rc == DS_EUNKNOWN || rc == DS_EIO);
            won += rivals[k].outcomes[i] == DS_COMMITTED;
            open += rivals[k].outcomes[i] == DS_UNKNOWN;
            assert_int_equal(rc == DS_OK, rivals[k].outcomes[i] == DS_COMMITTED);
        }
        size_t times = find(&s, path).times;
        assert_true(times <= 1 && won <= times && times <= won + open);
    }
    tear_down(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_kinds__files_that_join_share_the_swap),
        cmocka_unit_test(test_group_kinds__of_two_that_add_one_file_the_first_does),
        cmocka_unit_test(test_group_kinds__of_two_that_take_out_one_file_the_first_does),
        cmocka_unit_test(test_group_kinds__files_of_one_manifest_go_in_one_swap),
        cmocka_unit_test(test_group_kinds__an_overwrite_goes_before_appends_of_its_group),
        cmocka_unit_test(test_group_kinds__of_two_that_add_columns_the_first_does),
        cmocka_unit_test(test_group_kinds__what_no_slot_has_room_for_travels_by_a_file),
        cmocka_unit_test(test_group_kinds__a_group_without_a_snapshot_is_found_again),
        cmocka_unit_test(test_group_kinds__under_an_older_leader_each_commits_alone),
        cmocka_unit_test(test_group_kinds__files_that_join_survive_every_fault),
        cmocka_unit_test(
            test_group_kinds__each_file_joins_once_whatever_the_catalog_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
