// Processes that append single rows to a table for ingest, without any appender: few
// files remain, and whoever reads meanwhile finds every row once.
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/api_handle.h"
#include "base/text.h"
#include "scan/scan.h"
#include "storage_root.h"
#include "txn/housekeeper.h"
#include "unit/api/fixture.h"

enum { WRITERS = 6, APPENDS = 50, MORE = 64, ROWS_MAX = WRITERS * APPENDS + MORE };

// Processes that append one row each and end; a turn of the table is an eighth of that.
enum { ONCE = 128 };

static struct storage_root root;
static char uri[300];

// How many rows of each writer are in the table, as it was told; shared with them.
static atomic_int *acked;

static int make_place(void **state)
{
    (void)state;
    bool made = storage_root_make(&root, "file");
    snprintf(uri, sizeof uri, "sqlite:%s/catalog.db", root.dir ? root.dir : "");
    FILE *shared = tmpfile();
    if (!made || !shared || ftruncate(fileno(shared), WRITERS * sizeof *acked) != 0) {
        return -1;
    }
    acked = mmap(NULL, WRITERS * sizeof *acked, PROT_READ | PROT_WRITE, MAP_SHARED,
                 fileno(shared), 0);
    fclose(shared);
    return acked != MAP_FAILED ? 0 : -1;
}

static int remove_place(void **state)
{
    (void)state;
    munmap(acked, WRITERS * sizeof *acked);
    storage_root_remove(&root);
    return 0;
}

static void create(void)
{
    static const struct ds_property ingest[] = {
        {"datashard.expire-on-commit", "true"},
        {"datashard.merge-small-files.every", "16"},
        {"history.expire.max-snapshot-age-ms", "1"},
        {"history.expire.min-snapshots-to-keep", "1000"},
        {"write.metadata.delete-after-commit.enabled", "true"},
    };
    struct ds_table_spec spec = {.struct_size = sizeof(spec),
                                 .schema_json = FIXTURE_SCHEMA,
                                 .properties = {ingest, 5}};
    struct fixture f = {0};
    assert_int_equal(ds_catalog_open(uri, NULL, &f.catalog, &f.err), DS_OK);
    assert_int_equal(ds_catalog_create_table(f.catalog, "a.t", &spec, &f.table, &f.err),
                     DS_OK);
    fixture_release(&f);
}

static void open_afresh(struct fixture *f)
{
    *f = (struct fixture){0};
    if (ds_catalog_open(uri, NULL, &f->catalog, &f->err) != DS_OK ||
        ds_catalog_open_table(f->catalog, "a.t", &f->table, &f->err) != DS_OK) {
        fail_msg("%s", f->err.message);
    }
}

static int append_row(ds_table *table, int id, enum ds_group_mode group,
                      struct ds_error *err)
{
    struct ds_commit_options options = {.struct_size = sizeof options,
                                        .group = group,
                                        .attempts_max = -1,
                                        .timeout_ms = 60000};
    ds_txn *txn = NULL;
    char csv[32];
    snprintf(csv, sizeof csv, "id,s\n%d,x\n", id);
    int rc = ds_txn_begin(table, &options, &txn, err);
    rc = rc < 0 ? rc : fixture_add(txn, table, csv, err);
    rc = rc < 0 ? rc : ds_txn_commit(txn, NULL, err);
    ds_txn_free(txn);
    return rc;
}

// A process: half of them commit in groups, half alone.
static int write_rows(int me)
{
    struct fixture f;
    int rc = DS_OK;
    open_afresh(&f);
    for (int i = 0; rc == DS_OK && i < APPENDS; i++) {
        rc = append_row(f.table, me * APPENDS + i, me % 2 ? DS_GROUP_OFF : DS_GROUP_AUTO,
                        &f.err);
        if (rc == DS_OK) {
            atomic_store(&acked[me], i + 1);
        } else {
            fprintf(stderr, "writer %d: %s\n", me, f.err.message);
        }
    }
    fixture_release(&f);
    return rc == DS_OK ? 0 : 1;
}

// How often each id is in the table, as a handle opened now shows it.
static void count_ids(uint8_t seen[ROWS_MAX])
{
    struct fixture f;
    struct dsi_scan *scan = NULL;
    struct dsi_batch b = {0};
    open_afresh(&f);
    const struct dsi_metadata *m = dsi_table_metadata(f.table->table);
    struct dsi_scan_options o = {.storage = dsi_table_storage(f.table->table),
                                 .metadata = m,
                                 .user = {.struct_size = sizeof o.user}};
    int rc = dsi_scan_open(&o, &scan, &f.err);
    memset(seen, 0, ROWS_MAX);
    while (rc >= 0 && (rc = dsi_scan_next(scan, &b, &f.err)) == DS_ROW) {
        for (int64_t i = 0; i < b.rows; i++) {
            struct dsi_value v;
            dsi_column_value(&b.columns[0], i, &v);
            assert_in_range(v.as.i64, 0, ROWS_MAX - 1);
            seen[v.as.i64]++;
        }
        dsi_batch_release(&b);
    }
    if (rc < 0) {
        fail_msg("%s", f.err.message);
    }
    dsi_scan_free(scan);
    dsi_metadata_unref(m);
    fixture_release(&f);
}

// All that was acknowledged by the time of asking is there, and nothing twice.
static void read_once(void)
{
    static uint8_t seen[ROWS_MAX];
    int before[WRITERS];
    for (int w = 0; w < WRITERS; w++) {
        before[w] = atomic_load(&acked[w]);
    }
    count_ids(seen);
    for (int i = 0; i < WRITERS * APPENDS; i++) {
        assert_in_range(seen[i], i % APPENDS < before[i / APPENDS], 1);
    }
}

struct size {
    int64_t versions;
    int64_t files;  // Of the table.
    size_t on_disk; // Data files, whoever names them.
};

static int count_data(void *arg, const char *path, const struct ds_file_info *info)
{
    (void)info;
    *(size_t *)arg += strstr(path, ".parquet") != NULL;
    return DS_OK;
}

static struct size size_now(void)
{
    struct size size = {0};
    struct fixture f;
    open_afresh(&f);
    const struct dsi_metadata *m = dsi_table_metadata(f.table->table);
    const char *files =
        dsi_snapshot_summary(dsi_metadata_current_snapshot(m), "total-data-files");
    size.versions = m->last_sequence_number;
    assert_true(dsi_text_to_i64(files, strlen(files), &size.files));
    assert_int_equal(dsi_storage_list(dsi_table_storage(f.table->table), m->location,
                                      count_data, &size.on_disk, NULL),
                     DS_OK);
    dsi_metadata_unref(m);
    fixture_release(&f);
    return size;
}

// More rows from here, which let go of all old snapshots; until a merge has passed.
static void append_more(void)
{
    struct ds_property keep[] = {{"history.expire.min-snapshots-to-keep", "1"}};
    struct fixture f;
    ds_txn *txn = NULL;
    open_afresh(&f);
    assert_int_equal(ds_txn_begin(f.table, NULL, &txn, &f.err), DS_OK);
    assert_int_equal(ds_txn_set_property(txn, keep[0].key, keep[0].value, &f.err), DS_OK);
    assert_int_equal(ds_txn_commit(txn, NULL, &f.err), DS_OK);
    ds_txn_free(txn);
    for (int i = 0; i < MORE; i++) {
        assert_int_equal(
            append_row(f.table, WRITERS * APPENDS + i, DS_GROUP_AUTO, &f.err), DS_OK);
        while (dsi_housekeeper_is_busy(f.table->table)) {
            sched_yield();
        }
    }
    fixture_release(&f);
}

static void test_merging__leaves_few_files_and_every_row_once(void **state)
{
    static uint8_t seen[ROWS_MAX];
    pid_t writers[WRITERS];
    int running = WRITERS;
    int reads = 0;
    (void)state;

    create();
    for (int w = 0; w < WRITERS; w++) {
        writers[w] = fork();
        if (writers[w] == 0) {
            alarm(120); // One that hangs is not to stay.
            _exit(write_rows(w));
        }
        assert_true(writers[w] > 0);
    }
    while (running > 0) {
        int status = 0;
        read_once();
        reads++;
        while (running > 0 && waitpid(-1, &status, WNOHANG) > 0) {
            assert_int_equal(status, 0);
            running--;
        }
    }
    struct size ended = size_now();
    append_more();
    struct size after = size_now();
    print_message("  %d reads; %lld versions left %lld files, then %lld, %zu on disk\n",
                  reads, (long long)ended.versions, (long long)ended.files,
                  (long long)after.files, after.on_disk);
    assert_true(ended.files < ended.versions / 2);
    assert_true(after.files < 48);
    assert_true(after.on_disk < (size_t)after.files + 48); // The last merge's are left.
    count_ids(seen);
    for (int i = 0; i < ROWS_MAX; i++) {
        assert_int_equal(seen[i], 1);
    }
}

// A process that appends one row, and ends.
static void append_once(int id)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct fixture f;
        alarm(60);
        open_afresh(&f);
        int rc = append_row(f.table, id, DS_GROUP_AUTO, &f.err);
        fixture_release(&f);
        _exit(rc == DS_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_merging__is_done_by_programs_that_append_once(void **state)
{
    static uint8_t seen[ROWS_MAX];
    int64_t most = 0;
    (void)state;

    create();
    for (int i = 0; i < ONCE; i++) {
        append_once(i);
        int64_t files = size_now().files;
        most = files > most ? files : most;
    }
    struct size ended = size_now();
    print_message("  %d programs left %lld files, %lld at most\n", ONCE,
                  (long long)ended.files, (long long)most);
    // Two turns, were one dropped, and what was merged and is not due again.
    assert_true(most < 64);
    assert_true(ended.versions > ONCE); // Some of them are merges.
    count_ids(seen);
    for (int i = 0; i < ONCE; i++) {
        assert_int_equal(seen[i], 1);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_merging__leaves_few_files_and_every_row_once,
                                        make_place, remove_place),
        cmocka_unit_test_setup_teardown(
            test_merging__is_done_by_programs_that_append_once, make_place, remove_place),
    };
    return cmocka_run_group_tests_name("merging", tests, NULL, NULL);
}
