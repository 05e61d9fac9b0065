#include "txn/ledger.h"

#include "fixture.h"
#include "txn/paths.h"

static const char table_uuid[] = "11111111-2222-4333-8444-555555555555";
static const char a[] = "01890000-0000-7000-8000-00000000000a";
static const char b[] = "01890000-0000-7000-8000-00000000000b";

// A snapshot of commit `a` with a member `b`, and one of somebody who has no identities.
static const struct dsi_snapshot *
snapshot(int64_t number, const struct ds_property *summary, size_t count)
{
    struct dsi_snapshot_new spec = {.snapshot_id = 100 + number,
                                    .parent_id = DSI_SNAPSHOT_NONE,
                                    .sequence_number = number,
                                    .timestamp_ms = 1,
                                    .manifest_list = "memory:///t/metadata/x.avro",
                                    .summary = summary,
                                    .summary_count = count,
                                    .first_row_id = -1,
                                    .added_rows = -1};
    const struct dsi_snapshot *s = NULL;
    assert_int_equal(dsi_snapshot_new(&spec, &s, NULL), DS_OK);
    return s;
}

static void build(const struct dsi_metadata *m, const struct ds_slice *old,
                  size_t old_count, int64_t first, struct dsi_buf *out)
{
    struct dsi_identity id;
    char members[100];
    assert_true(dsi_identity_of(b, &id));
    snprintf(members, sizeof members, "%s%.21s!%s", id.brief, id.brief, "short");
    struct ds_property summary[] = {
        {"operation", "append"}, {DSI_KEY_COMMIT_ID, a}, {DSI_KEY_COMMIT_IDS, members}};
    const struct dsi_snapshot *s[2] = {snapshot(first, summary, 3),
                                       snapshot(first + 1, summary, 1)};
    assert_int_equal(dsi_ledger_build(m, old, old_count, s, 2, out, NULL), DS_OK);
    dsi_snapshot_unref(s[0]);
    dsi_snapshot_unref(s[1]);
}

static void test_ledger__records_are_read_back(void **state)
{
    struct dsi_metadata m = {.table_uuid = table_uuid};
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct dsi_ledger_record r;
    struct dsi_uuid uuid;
    size_t at = 0;
    (void)state;

    build(&m, NULL, 0, 7, &bytes);
    struct ds_slice file = dsi_buf_slice(&bytes);
    assert_int_equal(dsi_ledger_next(file, table_uuid, &at, &r, NULL), DS_ROW);
    assert_int_equal(r.sequence_number, 7);
    assert_int_equal(r.snapshot_id, 107);
    assert_int_equal(r.count, 2); // What is no identity is left out.
    assert_true(dsi_uuid_parse(a, strlen(a), &uuid));
    assert_memory_equal(r.identities, uuid.bytes, 16);
    assert_true(dsi_uuid_parse(b, strlen(b), &uuid));
    assert_memory_equal(r.identities + 16, uuid.bytes, 16);
    assert_int_equal(dsi_ledger_next(file, table_uuid, &at, &r, NULL), DS_ROW);
    assert_int_equal(r.sequence_number, 8);
    assert_int_equal(r.count, 0);
    assert_int_equal(dsi_ledger_next(file, table_uuid, &at, &r, NULL), DS_OK);
    at = 0;
    assert_int_equal(dsi_ledger_next(file, b, &at, &r, NULL), DS_ECORRUPT); // Another's.
    dsi_buf_release(&bytes);
}

static void test_ledger__what_was_touched_is_refused_whole(void **state)
{
    struct dsi_metadata m = {.table_uuid = table_uuid};
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct dsi_ledger_record r;
    (void)state;

    build(&m, NULL, 0, 7, &bytes);
    for (size_t i = 0; i < bytes.size; i++) {
        size_t at = 0;
        bytes.data[i] ^= 1;
        assert_int_equal(
            dsi_ledger_next(dsi_buf_slice(&bytes), table_uuid, &at, &r, NULL),
            DS_ECORRUPT);
        bytes.data[i] ^= 1;
        at = 0;
        struct ds_slice cut = {bytes.data, i};
        assert_int_equal(dsi_ledger_next(cut, table_uuid, &at, &r, NULL), DS_ECORRUPT);
    }
    dsi_buf_release(&bytes);
}

// A checksum is no proof: a count that goes past the end is found all the same.
static void test_ledger__believes_no_count(void **state)
{
    struct dsi_metadata m = {.table_uuid = table_uuid};
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct dsi_ledger_record r;
    size_t at = 32;
    (void)state;

    build(&m, NULL, 0, 7, &bytes);
    memset(bytes.data + 32 + 16, 0xff, 4);
    assert_int_equal(dsi_ledger_next(dsi_buf_slice(&bytes), table_uuid, &at, &r, NULL),
                     DS_ECORRUPT);
    at = bytes.size - 1;
    assert_int_equal(dsi_ledger_next(dsi_buf_slice(&bytes), table_uuid, &at, &r, NULL),
                     DS_ECORRUPT);
    dsi_buf_release(&bytes);
}

static void test_ledger__merges_files_and_leaves_out_what_is_none(void **state)
{
    struct dsi_metadata m = {.table_uuid = table_uuid};
    struct dsi_metadata other = {.table_uuid = a};
    struct dsi_buf files[3] = {DSI_BUF_INIT, DSI_BUF_INIT, DSI_BUF_INIT};
    struct dsi_buf all = DSI_BUF_INIT;
    struct dsi_ledger_record r;
    size_t at = 0;
    int64_t number = 0;
    (void)state;

    build(&m, NULL, 0, 1, &files[0]);
    build(&other, NULL, 0, 50, &files[1]);
    build(&m, NULL, 0, 3, &files[2]);
    struct ds_slice old[4] = {dsi_buf_slice(&files[0]),
                              dsi_buf_slice(&files[1]),
                              {NULL, 0},
                              dsi_buf_slice(&files[2])};
    build(&m, old, 4, 5, &all);
    while (dsi_ledger_next(dsi_buf_slice(&all), table_uuid, &at, &r, NULL) == DS_ROW) {
        assert_int_equal(r.sequence_number, ++number);
    }
    assert_int_equal(number, 6);
    for (size_t i = 0; i < 3; i++) {
        dsi_buf_release(&files[i]);
    }
    dsi_buf_release(&all);
}

static size_t named(const char *value, struct dsi_ledger *out)
{
    struct ds_property p[] = {{DSI_KEY_LEDGER, value}};
    struct dsi_metadata m = {.properties = p, .property_count = 1};
    dsi_ledger_of(&m, out);
    return out->count;
}

static void test_ledger__of_a_table_is_what_its_property_names_or_nothing(void **state)
{
    static const char *const bad[] = {
        "8-0badcafe-1", "8-0badcafe-1:", "8-0badcafe-1:32", "8-0badcafe-1:9999999",
        "../x:100",     "x:100 8:100",   "8:100  9:100",    ":100",
        "8:-1",         "8/9:100",       " 8:100",          "8:100 9",
    };
    struct dsi_ledger l;
    struct dsi_buf text = DSI_BUF_INIT;
    (void)state;

    assert_int_equal(named("80-0badcafe-1:4096 16-0badcafe-2:100", &l), 2);
    assert_string_equal(l.files[1].name, "16-0badcafe-2");
    assert_int_equal(l.files[1].size, 100);
    assert_int_equal(dsi_ledger_format(&l, &text, NULL), DS_OK);
    assert_string_equal((const char *)text.data, "80-0badcafe-1:4096 16-0badcafe-2:100");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(named(bad[i], &l), 0);
    }
    text.size = 0;
    for (int i = 0; i <= DSI_LEDGER_FILES_MAX; i++) {
        assert_int_equal(dsi_buf_append_text(&text, i ? " 8:100" : "8:100", NULL), DS_OK);
    }
    assert_int_equal(dsi_buf_append_byte(&text, 0, NULL), DS_OK);
    assert_int_equal(named((const char *)text.data, &l), 0); // One too many.
    dsi_buf_release(&text);
}

// Batches of one size come in, for ever: what is kept, and what it costs.
static void test_ledger__stays_bounded_and_is_rewritten_seldom(void **state)
{
    enum { BATCHES = 20000, BATCH = 6000 };
    struct dsi_ledger l = {.count = 0};
    int64_t written = 0;
    int64_t least = INT64_MAX;
    size_t most = 0;
    (void)state;

    for (int i = 0; i < BATCHES; i++) {
        struct dsi_ledger_file gone[DSI_LEDGER_FILES_MAX];
        struct dsi_ledger_file added = {"1", BATCH};
        size_t dropped = 0;
        int64_t total = 0;
        size_t before = l.count;
        size_t merged = 0;
        for (int64_t sum = BATCH; merged < l.count && l.files[merged].size <= sum &&
                                  l.files[merged].size <= DSI_LEDGER_FILE_MAX - sum;) {
            sum += l.files[merged].size;
            added.size = sum;
            merged++;
        }
        dsi_ledger_replace(&l, merged, &added, gone, &dropped);
        assert_true(dropped >= merged && l.count + dropped == before + 1);
        written += added.size;
        for (size_t k = 0; k < l.count; k++) {
            total += l.files[k].size;
        }
        assert_true(total <= DSI_LEDGER_BYTES_MAX);
        most = l.count > most ? l.count : most;
        least = i > BATCHES / 2 && total < least ? total : least;
    }
    print_message("  %d batches: at most %zu files, %.1f rewrites, at least %lld bytes\n",
                  BATCHES, most, (double)written / BATCHES / BATCH, (long long)least);
    assert_true(most < DSI_LEDGER_FILES_MAX);
    assert_true(least > DSI_LEDGER_BYTES_MAX / 2);
    assert_true(written < INT64_C(16) * BATCHES * BATCH);
}

// Sizes may be anybody's: there is room for one more all the same, and what goes is the
// oldest, not what is largest.
static void test_ledger__drops_from_the_end_and_always_has_room(void **state)
{
    struct dsi_ledger l = {.count = DSI_LEDGER_FILES_MAX};
    struct dsi_ledger_file added = {"1", DSI_LEDGER_FILE_MAX};
    struct dsi_ledger_file gone[DSI_LEDGER_FILES_MAX];
    const struct dsi_snapshot *s = snapshot(1, NULL, 0);
    size_t dropped = 0;
    (void)state;

    for (size_t i = 0; i < l.count; i++) {
        l.files[i] = (struct dsi_ledger_file){"2", 100000};
    }
    assert_int_equal(dsi_ledger_to_merge(&l, &s, 1), 1);
    l.count--;
    assert_int_equal(dsi_ledger_to_merge(&l, &s, 1), 0);
    dsi_snapshot_unref(s);

    l.count = 5;
    for (size_t i = 0; i < 4; i++) {
        l.files[i].size = DSI_LEDGER_FILE_MAX - 1000;
    }
    l.files[4].size = 100; // For which there would be room.
    dsi_ledger_replace(&l, 0, &added, gone, &dropped);
    assert_int_equal(l.count, 4);
    assert_int_equal(dropped, 2);
    assert_int_equal(gone[1].size, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ledger__records_are_read_back),
        cmocka_unit_test(test_ledger__what_was_touched_is_refused_whole),
        cmocka_unit_test(test_ledger__believes_no_count),
        cmocka_unit_test(test_ledger__merges_files_and_leaves_out_what_is_none),
        cmocka_unit_test(test_ledger__of_a_table_is_what_its_property_names_or_nothing),
        cmocka_unit_test(test_ledger__stays_bounded_and_is_rewritten_seldom),
        cmocka_unit_test(test_ledger__drops_from_the_end_and_always_has_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
