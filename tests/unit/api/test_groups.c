// Processes that add, and take out, the same files at the same time, beside others that
// append: of each file one does, the others are told, and nothing is there twice. And one
// that brings large files to those that append row by row.
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage_root.h"
#include "unit/api/fixture.h"

enum { QUICK = 4, LARGE_ROUNDS = 15, LARGE_ROWS = 20000, VERSIONS_MAX = 6 };
enum { RIVALS = 4, APPENDERS = 2, PEOPLE = RIVALS + APPENDERS, ROUNDS = 24 };

// What became of a round, for one of them.
struct told {
    int status;
    enum ds_outcome outcome;
    uint32_t group_size;
};

static struct shared {
    atomic_int ready[ROUNDS];
    struct told told[PEOPLE][ROUNDS];
    atomic_int rows[QUICK]; // Acknowledged ones of each that is quick.
    atomic_bool over;
} * shared;

static struct storage_root root;
static char uri[300];

static int make_place(void **state)
{
    (void)state;
    bool made = storage_root_make(&root, "file");
    snprintf(uri, sizeof uri, "sqlite:%s/catalog.db", root.dir ? root.dir : "");
    FILE *file = tmpfile();
    if (!made || !file || ftruncate(fileno(file), sizeof *shared) != 0) {
        return -1;
    }
    shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(file), 0);
    fclose(file);
    return shared != MAP_FAILED ? 0 : -1;
}

static int remove_place(void **state)
{
    (void)state;
    munmap(shared, sizeof *shared);
    storage_root_remove(&root);
    return 0;
}

static void prize(int round, char path[400])
{
    snprintf(path, 400, "%s/prize%d.parquet", root.dir, round);
}

// A table with a row, and that row in files of nobody's: one for every two rounds.
static void create(void)
{
    struct ds_table_spec spec = {.struct_size = sizeof(spec),
                                 .schema_json = FIXTURE_SCHEMA};
    struct fixture f = {0};
    char path[400];

    assert_int_equal(ds_catalog_open(uri, NULL, &f.catalog, &f.err), DS_OK);
    assert_int_equal(ds_catalog_create_table(f.catalog, "a.t", &spec, &f.table, &f.err),
                     DS_OK);
    fixture_append(&f, "id,s\n1,x\n");
    for (int round = 0; round < ROUNDS; round += 2) {
        struct ArrowArrayStream rows;
        assert_int_equal(ds_table_scan(f.table, NULL, &rows, &f.err), DS_OK);
        prize(round, path);
        assert_int_equal(ds_file_write(path, &rows, NULL, &f.err), DS_OK);
    }
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

// A process for each, told which it is.
static void start_all(int count, int (*act)(int me))
{
    for (int i = 0; i < count; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            alarm(120); // One that hangs is not to stay.
            _exit(act(i));
        }
        assert_true(pid > 0);
    }
}

static void await_all(int count)
{
    for (int i = 0; i < count; i++) {
        int status = 0;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
}

// Even rounds add a file, odd ones take it out again; appenders append a row in each.
static int plan(struct fixture *f, int me, int round, ds_txn *txn)
{
    struct ds_new_file file = {.struct_size = sizeof file};
    const char *paths[1];
    char path[400];
    char csv[32];
    size_t found = 0;

    if (me >= RIVALS) {
        snprintf(csv, sizeof csv, "id,s\n%d,y\n", 1000 * me + round);
        return fixture_add(txn, f->table, csv, &f->err);
    }
    prize(round / 2 * 2, path);
    file.path = paths[0] = path;
    if (round % 2 == 0) {
        return ds_txn_add_files(txn, &file, 1, &f->err);
    }
    int rc = ds_txn_delete_files(txn, paths, 1, &found, &f->err);
    return rc == DS_OK && found == 0 ? DS_ENOTFOUND : rc;
}

// All have planned before anybody commits.
static int take_part(int me)
{
    struct fixture f;
    open_afresh(&f);
    for (int round = 0; round < ROUNDS; round++) {
        struct ds_commit_result r = {.struct_size = sizeof r};
        struct told *told = &shared->told[me][round];
        ds_txn *txn = NULL;
        int rc = ds_table_refresh(f.table, &f.err);
        rc = rc < 0 ? rc : ds_txn_begin(f.table, NULL, &txn, &f.err);
        rc = rc < 0 ? rc : plan(&f, me, round, txn);
        if (rc < 0) {
            fprintf(stderr, "%d in round %d: %s\n", me, round, f.err.message);
            return 1;
        }
        atomic_fetch_add(&shared->ready[round], 1);
        while (atomic_load(&shared->ready[round]) < PEOPLE) {
            sched_yield();
        }
        *told = (struct told){.status = ds_txn_commit(txn, &r, &f.err)};
        told->outcome = r.outcome;
        told->group_size = r.group_size;
        ds_txn_free(txn);
        atomic_fetch_add(&shared->ready[round], 1);
        while (atomic_load(&shared->ready[round]) < 2 * PEOPLE) {
            sched_yield();
        }
    }
    fixture_release(&f);
    return 0;
}

static int64_t live_prizes;

static int count_prizes(void *arg, const struct ds_file_entry *f)
{
    (void)arg;
    live_prizes += strstr(f->path, "prize") != NULL;
    return DS_OK;
}

// One has won, the others were told why not, appenders lost nothing.
static void check_round(int round)
{
    int won = 0;
    for (int i = 0; i < PEOPLE; i++) {
        const struct told *t = &shared->told[i][round];
        if (i >= RIVALS) {
            assert_int_equal(t->status, DS_OK);
        } else if (t->status == DS_OK) {
            won++;
        } else {
            assert_int_equal(t->status, DS_ECONFLICT);
            assert_int_equal(t->outcome, DS_NOT_COMMITTED);
        }
    }
    assert_int_equal(won, 1);
}

static void test_groups__of_each_file_one_process_is_the_first(void **state)
{
    uint32_t largest = 0;
    int shares = 0;
    struct fixture f;
    (void)state;

    create();
    start_all(PEOPLE, take_part);
    await_all(PEOPLE);
    for (int round = 0; round < ROUNDS; round++) {
        check_round(round);
        for (int i = 0; i < RIVALS; i++) { // Winners that shared their swap.
            uint32_t size = shared->told[i][round].group_size;
            shares += shared->told[i][round].status == DS_OK && size > 1;
            largest = size > largest ? size : largest;
        }
    }
    print_message("  %d of %d shared a swap, of at most %u\n", shares, ROUNDS, largest);
    assert_true(shares > 0);
    open_afresh(&f);
    assert_int_equal(ds_table_files(f.table, NULL, count_prizes, NULL, &f.err), DS_OK);
    assert_int_equal(live_prizes, 0); // What was added last was taken out last.
    assert_int_equal(fixture_count(&f, NULL), 1 + APPENDERS * ROUNDS);
    fixture_release(&f);
}

// --- one that is slow

static int append_row_by_row(int me)
{
    struct fixture f;
    char csv[32];

    open_afresh(&f);
    while (!atomic_load(&shared->over)) {
        snprintf(csv, sizeof csv, "id,s\n%d,z\n", me);
        fixture_append(&f, csv);
        atomic_fetch_add(&shared->rows[me], 1);
    }
    fixture_release(&f);
    return 0;
}

static char *large_csv(void)
{
    char *csv = malloc(LARGE_ROWS * 16 + 16);
    char *end = csv;

    assert_non_null(csv);
    end += sprintf(end, "id,s\n");
    for (int i = 0; i < LARGE_ROWS; i++) {
        end += sprintf(end, "%d,large\n", i);
    }
    return csv;
}

// Commits a file of its own. How many versions were made since it asked to, its own one
// included.
static int64_t versions_for(struct fixture *f, const char *csv)
{
    struct ds_commit_result r = {.struct_size = sizeof r};
    struct ds_table_info now = {.struct_size = sizeof now};
    ds_txn *txn = NULL;

    assert_int_equal(ds_txn_begin(f->table, NULL, &txn, &f->err), DS_OK);
    assert_int_equal(fixture_add(txn, f->table, csv, &f->err), DS_OK);
    assert_int_equal(ds_table_refresh(f->table, &f->err), DS_OK);
    assert_int_equal(ds_table_info(f->table, &now, &f->err), DS_OK);
    assert_int_equal(ds_txn_commit(txn, &r, &f->err), DS_OK);
    assert_int_equal(r.files, 1);
    ds_txn_free(txn);
    return r.sequence_number - now.last_sequence_number;
}

static int by_size(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void test_groups__who_brings_large_files_has_its_turn(void **state)
{
    int64_t versions[LARGE_ROUNDS];
    int64_t rows = 1 + (int64_t)LARGE_ROUNDS * LARGE_ROWS;
    struct fixture f;
    (void)state;

    create();
    start_all(QUICK, append_row_by_row);
    for (int i = 0; i < QUICK; i++) {
        while (atomic_load(&shared->rows[i]) == 0) {
            sched_yield();
        }
    }
    open_afresh(&f);
    char *csv = large_csv();
    for (int i = 0; i < LARGE_ROUNDS; i++) {
        versions[i] = versions_for(&f, csv);
    }
    atomic_store(&shared->over, true);
    await_all(QUICK);
    for (int i = 0; i < QUICK; i++) {
        rows += atomic_load(&shared->rows[i]);
    }
    qsort(versions, LARGE_ROUNDS, sizeof versions[0], by_size);
    print_message("  after %lld versions (median), %lld at most; %lld rows\n",
                  (long long)versions[LARGE_ROUNDS / 2],
                  (long long)versions[LARGE_ROUNDS - 1], (long long)rows);
    assert_true(versions[LARGE_ROUNDS / 2] <= VERSIONS_MAX);
    assert_int_equal(ds_table_refresh(f.table, &f.err), DS_OK);
    assert_int_equal(fixture_count(&f, NULL), rows);
    free(csv);
    fixture_release(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_groups__of_each_file_one_process_is_the_first, make_place, remove_place),
        cmocka_unit_test_setup_teardown(test_groups__who_brings_large_files_has_its_turn,
                                        make_place, remove_place),
    };
    return cmocka_run_group_tests_name("groups", tests, NULL, NULL);
}
