// What every catalog must do. A new one is one row in the table below.
#include "catalog/catalog.h"
#include "harness.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/random.h"
#include "base/thread.h"
#include "storage_root.h"

// Every catalog runs this file unchanged. What one cannot do is data.
struct catalog_case {
    const char *name;
    const char *uri;    // "%s" is the directory of the test.
    const char *scheme; // Of the warehouse.
    bool is_path;       // Tables are places: no names to change, no namespaces.
    bool is_shared;     // Between processes.
};

static const struct catalog_case catalog_cases[] = {
    {"memory", "memory:", "memory", false, false},
    {"path in memory", "memory:///root", "memory", true, false},
    {"path", "%s", "file", true, true},
    {"sqlite", "sqlite:%s/catalog.db", "file", false, true},
    {"sqlite in another form", "sqlite:///%s/catalog.db", "file", false, true},
};

static const struct catalog_case *kind; // The row under test.
static struct storage_root root;
static struct dsi_catalog *catalog; // A new, empty one for each test.
static struct dsi_arena arena;
static struct dsi_metadata metadata;
static struct dsi_table_name table;
static struct ds_error err;

static const char identity[] = "0192f0c1-0000-7000-8000-000000000001";

static struct ds_slice text(const char *s)
{
    return (struct ds_slice){(const uint8_t *)s, strlen(s)};
}

static int open_catalog(struct dsi_catalog **out)
{
    char uri[512];
    char warehouse[512];
    struct ds_property items[] = {{"warehouse", warehouse}, {"busy-timeout-ms", "60000"}};

    snprintf(uri, sizeof uri, kind->uri, root.dir ? root.dir : "");
    snprintf(warehouse, sizeof warehouse, "%s/warehouse", root.prefix);
    return dsi_catalog_open(uri, (struct ds_properties){items, 2}, out, &err);
}

static int make_catalog(void **state)
{
    (void)state;
    memset(&metadata, 0, sizeof metadata);
    if (!storage_root_make(&root, kind->scheme) || open_catalog(&catalog) != DS_OK) {
        print_error("%s\n", err.message);
        return -1;
    }
    char *location = dsi_arena_printf(&arena, "%s/t", root.prefix);
    metadata.location = location;
    table = kind->is_path ? (struct dsi_table_name){"", location}
                          : (struct dsi_table_name){"ns", "t"};
    return 0;
}

static int free_catalog(void **state)
{
    (void)state;
    dsi_fault_stop();
    dsi_catalog_free(catalog);
    catalog = NULL;
    dsi_arena_release(&arena);
    storage_root_remove(&root);
    return 0;
}

// One swap through any catalog; `arena_` is of the calling thread.
static int swap_in(struct dsi_catalog *c, const struct dsi_head *base, uint32_t attempt,
                   struct dsi_arena *arena_, struct dsi_head *out, struct ds_error *e)
{
    const struct dsi_swap swap = {.base = base,
                                  .metadata = &metadata,
                                  .json = text("{}"),
                                  .identity = identity,
                                  .attempt = attempt};
    return dsi_catalog_swap(c, &table, &swap, arena_, out, e);
}

static int swap_now(const struct dsi_head *base, struct dsi_head *out)
{
    static uint32_t attempt;
    return swap_in(catalog, base, attempt++, &arena, out, &err);
}

static int load(struct dsi_head *out)
{
    return dsi_catalog_load(catalog, &table, &arena, out, &err);
}

static int count_file(void *arg, const char *path, const struct ds_file_info *info)
{
    size_t *count = arg;
    (void)info;
    *count += strstr(path, ".metadata.json") != NULL;
    return DS_OK;
}

static size_t metadata_files(void)
{
    size_t count = 0;
    assert_int_equal(dsi_storage_list(dsi_catalog_storage(catalog), metadata.location,
                                      count_file, &count, NULL),
                     DS_OK);
    return count;
}

static void assert_head(const struct dsi_head *head)
{
    struct dsi_buf bytes = DSI_BUF_INIT;
    struct dsi_head now;

    assert_int_equal(load(&now), DS_OK);
    assert_string_equal(now.metadata_location, head->metadata_location);
    assert_int_equal(now.version, head->version);
    assert_int_equal(dsi_storage_read(dsi_catalog_storage(catalog), now.metadata_location,
                                      &bytes, NULL),
                     DS_OK);
    assert_int_equal(bytes.size, 2);
    dsi_buf_release(&bytes);
}

static void test_catalog__loads_what_was_created(void **state)
{
    struct dsi_head head;
    (void)state;

    assert_int_equal(load(&head), DS_ENOTFOUND);
    assert_int_equal(swap_now(NULL, &head), DS_OK);
    assert_head(&head);
    assert_int_equal(metadata_files(), 1);
}

static void test_catalog__creates_only_once(void **state)
{
    struct dsi_head head;
    struct dsi_head other;
    (void)state;

    assert_int_equal(swap_now(NULL, &head), DS_OK);
    assert_int_equal(swap_now(NULL, &other), DS_EEXISTS);
    assert_null(other.metadata_location);
    assert_head(&head);
    assert_int_equal(metadata_files(), 1);
}

static void test_catalog__moves_from_the_head_only(void **state)
{
    struct dsi_head first;
    struct dsi_head second;
    struct dsi_head third;
    (void)state;

    assert_int_equal(swap_now(NULL, &first), DS_OK);
    assert_int_equal(swap_now(&first, &second), DS_OK);
    assert_int_equal(second.version, first.version + 1);
    assert_head(&second);
    assert_int_equal(swap_now(&first, &third), DS_ECONFLICT);
    assert_true(err.message[0] != '\0');
    assert_head(&second);
    assert_int_equal(metadata_files(), 2);
    assert_int_equal(swap_now(&second, &third), DS_OK);
    assert_head(&third);
}

static void test_catalog__confirms_its_head_without_moving_it(void **state)
{
    struct dsi_head head;
    (void)state;

    assert_int_equal(dsi_catalog_confirm(catalog, &table, &err), DS_OK); // Not there.
    assert_int_equal(swap_now(NULL, &head), DS_OK);
    assert_int_equal(dsi_catalog_confirm(catalog, &table, &err), DS_OK);
    assert_head(&head);
    assert_int_equal(swap_now(&head, &head), DS_OK);
}

static void test_catalog__shows_its_swaps_to_another_that_is_open(void **state)
{
    struct dsi_catalog *other = NULL;
    struct dsi_head head;
    struct dsi_head seen;
    (void)state;

    if (!kind->is_shared) {
        skip();
    }
    assert_int_equal(open_catalog(&other), DS_OK);
    assert_int_equal(swap_now(NULL, &head), DS_OK);
    assert_int_equal(dsi_catalog_load(other, &table, &arena, &seen, NULL), DS_OK);
    assert_string_equal(seen.metadata_location, head.metadata_location);
    assert_int_equal(swap_in(other, &seen, 0, &arena, &head, NULL), DS_OK);
    dsi_catalog_free(other);
    assert_head(&head);
}

static void test_catalog__forgets_what_was_dropped(void **state)
{
    struct dsi_head head;
    struct dsi_head next;
    (void)state;

    assert_int_equal(dsi_catalog_drop(catalog, &table, &err), DS_ENOTFOUND);
    assert_int_equal(swap_now(NULL, &head), DS_OK);
    assert_int_equal(swap_now(&head, &head), DS_OK);
    assert_int_equal(dsi_catalog_drop(catalog, &table, &err), DS_OK);
    assert_int_equal(load(&next), DS_ENOTFOUND);
    assert_int_equal(dsi_catalog_drop(catalog, &table, &err), DS_ENOTFOUND);
    assert_int_equal(swap_now(&head, &next), DS_ENOTFOUND);
    assert_int_equal(load(&next), DS_ENOTFOUND);
    assert_int_equal(swap_now(NULL, &head), DS_OK);
    assert_head(&head);
}

static void test_catalog__renames(void **state)
{
    const struct dsi_table_name to = {"other.ns", "t2"};
    struct dsi_head head;
    struct dsi_head seen;
    (void)state;

    if (kind->is_path) {
        assert_int_equal(dsi_catalog_rename(catalog, &table, &to, &err), DS_EUNSUPPORTED);
        return;
    }
    assert_int_equal(dsi_catalog_rename(catalog, &table, &to, &err), DS_ENOTFOUND);
    assert_int_equal(swap_now(NULL, &head), DS_OK);
    assert_int_equal(dsi_catalog_rename(catalog, &table, &to, &err), DS_OK);
    assert_int_equal(load(&seen), DS_ENOTFOUND);
    assert_int_equal(dsi_catalog_load(catalog, &to, &arena, &seen, &err), DS_OK);
    assert_string_equal(seen.metadata_location, head.metadata_location);
    assert_int_equal(swap_now(&head, &seen), DS_ENOTFOUND);

    assert_int_equal(swap_now(NULL, &head), DS_OK);
    assert_int_equal(dsi_catalog_rename(catalog, &table, &to, &err), DS_EEXISTS);
    assert_head(&head);
}

static void test_catalog__registers_what_is_there(void **state)
{
    const struct dsi_table_name again = {"ns", "again"};
    struct dsi_head head;
    struct dsi_head seen;
    (void)state;

    if (kind->is_path) {
        skip();
    }
    assert_int_equal(swap_now(NULL, &head), DS_OK);
    assert_int_equal(dsi_catalog_register(catalog, &table, head.metadata_location, &err),
                     DS_EEXISTS);
    assert_int_equal(dsi_catalog_register(catalog, &again, head.metadata_location, &err),
                     DS_OK);
    assert_int_equal(dsi_catalog_load(catalog, &again, &arena, &seen, &err), DS_OK);
    assert_string_equal(seen.metadata_location, head.metadata_location);
    char *gone = dsi_arena_printf(&arena, "%s/gone.metadata.json", root.prefix);
    const struct dsi_table_name third = {"ns", "third"};
    assert_int_equal(dsi_catalog_register(catalog, &third, gone, &err), DS_ENOTFOUND);
}

static void test_catalog__lists_tables_in_order(void **state)
{
    struct dsi_table_name *names = NULL;
    struct dsi_head head;
    size_t count = 0;
    const char *ns[] = {"b", "a.x", "a"};
    const char *name[] = {"t", "t", "z"};
    (void)state;

    assert_int_equal(dsi_catalog_list_tables(catalog, NULL, &arena, &names, &count, &err),
                     DS_OK);
    assert_int_equal(count, 0);
    for (int i = 0; i < 3; i++) {
        metadata.location =
            dsi_arena_printf(&arena, "%s/w/%s-%s", root.prefix, ns[i], name[i]);
        table = kind->is_path ? (struct dsi_table_name){"", metadata.location}
                              : (struct dsi_table_name){ns[i], name[i]};
        assert_int_equal(swap_now(NULL, &head), DS_OK);
        assert_int_equal(swap_now(&head, &head), DS_OK);
    }
    assert_int_equal(dsi_catalog_list_tables(catalog, NULL, &arena, &names, &count, &err),
                     DS_OK);
    assert_int_equal(count, 3);
    for (size_t i = 1; i < count; i++) {
        int order = strcmp(names[i - 1].ns, names[i].ns);
        assert_true(order < 0 ||
                    (order == 0 && strcmp(names[i - 1].name, names[i].name) < 0));
        struct dsi_head seen;
        assert_int_equal(dsi_catalog_load(catalog, &names[i], &arena, &seen, &err),
                         DS_OK);
    }
    if (!kind->is_path) {
        assert_int_equal(
            dsi_catalog_list_tables(catalog, "a", &arena, &names, &count, &err), DS_OK);
        assert_int_equal(count, 1);
        assert_string_equal(names[0].name, "z");
        assert_int_equal(
            dsi_catalog_list_tables(catalog, "no", &arena, &names, &count, &err),
            DS_ENOTFOUND);
    }
}

static size_t namespaces(const char *parent, const char *first)
{
    char **names = NULL;
    size_t count = 0;

    assert_int_equal(
        dsi_catalog_list_namespaces(catalog, parent, &arena, &names, &count, &err),
        DS_OK);
    if (first) {
        assert_true(count > 0);
        assert_string_equal(names[0], first);
    }
    return count;
}

static void test_catalog__keeps_namespaces(void **state)
{
    const struct ds_property given[] = {{"owner", "x"}, {"note", "y"}};
    const struct ds_property changes[] = {{"owner", "z"}, {"note", NULL}, {"new", "n"}};
    const struct ds_property reserved[] = {{"exists", "false"}};
    struct ds_properties found;
    struct ds_properties none = {NULL, 0};
    struct dsi_head head;
    (void)state;

    if (kind->is_path) {
        assert_int_equal(dsi_catalog_create_namespace(catalog, "a", none, &err),
                         DS_EUNSUPPORTED);
        return;
    }
    assert_int_equal(dsi_catalog_load_namespace(catalog, "a", &arena, &found, &err),
                     DS_ENOTFOUND);
    assert_int_equal(dsi_catalog_drop_namespace(catalog, "a", &err), DS_ENOTFOUND);
    assert_int_equal(dsi_catalog_set_namespace(catalog, "a", none, &err), DS_ENOTFOUND);
    assert_int_equal(dsi_catalog_create_namespace(catalog, "a",
                                                  (struct ds_properties){given, 2}, &err),
                     DS_OK);
    assert_int_equal(dsi_catalog_create_namespace(catalog, "a", none, &err), DS_EEXISTS);
    assert_int_equal(dsi_catalog_create_namespace(
                         catalog, "r", (struct ds_properties){reserved, 1}, &err),
                     DS_EINVALID);
    assert_int_equal(dsi_catalog_create_namespace(catalog, "b.c.d", none, &err), DS_OK);
    assert_int_equal(namespaces(NULL, "a"), 2);
    assert_int_equal(namespaces("b", "b.c"), 1);
    assert_int_equal(namespaces("b.c", "b.c.d"), 1);
    assert_int_equal(namespaces("a", NULL), 0);

    assert_int_equal(
        dsi_catalog_set_namespace(catalog, "a", (struct ds_properties){changes, 3}, &err),
        DS_OK);
    assert_int_equal(dsi_catalog_load_namespace(catalog, "a", &arena, &found, &err),
                     DS_OK);
    assert_int_equal(found.count, 2);
    for (size_t i = 0; i < found.count; i++) {
        assert_string_equal(found.items[i].value,
                            strcmp(found.items[i].key, "owner") == 0 ? "z" : "n");
    }
    assert_int_equal(dsi_catalog_drop_namespace(catalog, "b", &err), DS_ECONFLICT);
    assert_int_equal(dsi_catalog_drop_namespace(catalog, "b.c.d", &err), DS_OK);
    assert_int_equal(dsi_catalog_drop_namespace(catalog, "b", &err), DS_ENOTFOUND);

    assert_int_equal(swap_now(NULL, &head), DS_OK); // It makes the namespace exist.
    assert_int_equal(namespaces(NULL, "a"), 2);
    assert_int_equal(dsi_catalog_drop_namespace(catalog, "ns", &err), DS_ECONFLICT);
    assert_int_equal(dsi_catalog_drop_namespace(catalog, "a", &err), DS_OK);
}

static void test_catalog__refuses_names_that_are_none(void **state)
{
    const struct dsi_table_name bad[] = {
        {"ns", ""}, {"a..b", "t"}, {".a", "t"},   {"a.", "t"},    {"ns", "t\n"},
        {"", "t"},  {"", "/a/.."}, {"ns", "a.b"}, {"ns", "\xff"},
    };
    struct dsi_head head;
    struct dsi_table_name name;
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(dsi_catalog_load(catalog, &bad[i], &arena, &head, &err),
                         DS_EINVALID);
    }
    assert_int_equal(dsi_table_name_parse("t", &arena, &name, &err), DS_EINVALID);
    assert_int_equal(dsi_table_name_parse(".t", &arena, &name, &err), DS_EINVALID);
    assert_int_equal(dsi_table_name_parse("a..t", &arena, &name, &err), DS_EINVALID);
    assert_int_equal(dsi_table_name_parse("a.b.t", &arena, &name, &err), DS_OK);
    assert_string_equal(name.ns, "a.b");
    assert_string_equal(name.name, "t");
}

static void test_catalog__gives_a_lock_to_one_at_a_time(void **state)
{
    void *first = NULL;
    void *second = NULL;
    (void)state;

    assert_int_equal(dsi_catalog_lock(catalog, &table, 0, &first, &err), DS_OK);
    assert_non_null(first);
    assert_int_equal(dsi_catalog_lock(catalog, &table, 1000000, &second, &err),
                     DS_ECONFLICT);
    dsi_catalog_unlock(catalog, first);
    assert_int_equal(dsi_catalog_lock(catalog, &table, 0, &second, &err), DS_OK);
    dsi_catalog_unlock(catalog, second);
}

static void test_catalog__puts_new_tables_into_the_warehouse(void **state)
{
    const struct dsi_table_name slash = {"ns", "a/b"};
    char *location = NULL;
    (void)state;

    assert_int_equal(
        dsi_catalog_default_location(catalog, &table, &arena, &location, &err), DS_OK);
    if (kind->is_path) {
        assert_string_equal(location, table.name);
        return;
    }
    char *want = dsi_arena_printf(&arena, "%s/warehouse/ns/t", root.prefix);
    assert_string_equal(location, want);
    assert_int_equal(
        dsi_catalog_default_location(catalog, &slash, &arena, &location, &err),
        DS_EINVALID);
}

enum { RACERS = 4, VERSIONS = 60 };

struct race {
    _Atomic int winners[VERSIONS + 8];
    _Atomic int creators;
    _Atomic int failures;
};

// Moves the table on until it has VERSIONS; counts what it was told it had won.
static void race_on(struct dsi_catalog *c, struct race *r)
{
    struct dsi_arena mine = DSI_ARENA_INIT;
    int64_t version = 0;

    for (uint32_t i = 0; version < VERSIONS && r->failures == 0; i++) {
        struct dsi_head head;
        struct dsi_head next;
        struct ds_error e = {0};
        int rc = dsi_catalog_load(c, &table, &mine, &head, &e);
        if (rc == DS_ENOTFOUND) {
            rc = swap_in(c, NULL, i, &mine, &next, &e);
            // A path table whose first version others built on at once cannot tell that
            // it was not somebody else's; here nobody removes versions, so it was ours.
            r->creators += rc == DS_OK || rc == DS_EUNKNOWN;
            rc = rc == DS_EEXISTS || rc == DS_EUNKNOWN ? DS_OK : rc;
        } else if (rc == DS_OK) {
            version = head.version;
            rc = swap_in(c, &head, i, &mine, &next, &e);
            if (rc == DS_OK && next.version < VERSIONS + 8) {
                r->winners[next.version]++;
            }
            rc = rc == DS_ECONFLICT ? DS_OK : rc;
        }
        if (rc < 0) {
            fprintf(stderr, "racer: %s\n", e.message);
            r->failures++;
        }
        dsi_arena_release(&mine);
    }
}

static void assert_one_winner_each(const struct race *r)
{
    struct dsi_head head;

    assert_int_equal(r->failures, 0);
    assert_int_equal(r->creators, 1);
    assert_int_equal(load(&head), DS_OK);
    assert_true(head.version >= VERSIONS);
    int64_t first = kind->is_path ? 2 : 1;
    for (int64_t v = first; v < VERSIONS + 8; v++) {
        assert_int_equal(r->winners[v], v <= head.version ? 1 : 0);
    }
    assert_int_equal(metadata_files(), head.version - first + 2);
}

struct racer {
    struct dsi_thread *thread;
    struct dsi_catalog *catalog;
    struct race *race;
};

static void run_racer(void *arg)
{
    struct racer *r = arg;
    race_on(r->catalog, r->race);
}

static void race_threads(struct dsi_catalog *const catalogs[RACERS])
{
    static struct race race;
    struct racer racers[RACERS];

    memset(&race, 0, sizeof race);
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){NULL, catalogs[i], &race};
        assert_int_equal(dsi_thread_start(&racers[i].thread, run_racer, &racers[i], NULL),
                         DS_OK);
    }
    for (int i = 0; i < RACERS; i++) {
        dsi_thread_join(racers[i].thread);
    }
    assert_one_winner_each(&race);
}

static void test_catalog__has_one_winner_for_each_version_among_threads(void **state)
{
    struct dsi_catalog *const same[RACERS] = {catalog, catalog, catalog, catalog};
    (void)state;
    race_threads(same);
}

static void test_catalog__has_one_winner_among_threads_with_their_own(void **state)
{
    struct dsi_catalog *own[RACERS] = {NULL};
    (void)state;

    if (!kind->is_shared) {
        skip();
    }
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(open_catalog(&own[i]), DS_OK);
    }
    race_threads(own);
    for (int i = 0; i < RACERS; i++) {
        dsi_catalog_free(own[i]);
    }
}

// In a child process: what it won goes through the pipe. `inherited` uses the catalog
// that the parent opened.
static void race_in_child(int out, bool inherited)
{
    static struct race race;
    struct dsi_catalog *c = catalog;

    if (!inherited && open_catalog(&c) != DS_OK) {
        _exit(1);
    }
    race_on(c, &race);
    int wins[VERSIONS + 10];
    for (int v = 0; v < VERSIONS + 8; v++) {
        wins[v] = race.winners[v];
    }
    wins[VERSIONS + 8] = race.creators;
    wins[VERSIONS + 9] = race.failures;
    _exit(write(out, wins, sizeof wins) == (ssize_t)sizeof wins ? 0 : 1);
}

static void race_processes(bool inherited)
{
    static struct race race;
    pid_t children[RACERS];
    int fds[2];

    memset(&race, 0, sizeof race);
    assert_int_equal(pipe(fds), 0);
    for (int i = 0; i < RACERS; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            race_in_child(fds[1], inherited);
        }
        assert_true(children[i] > 0);
    }
    for (int i = 0; i < RACERS; i++) {
        int status = 0;
        int wins[VERSIONS + 10];
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
        assert_int_equal(read(fds[0], wins, sizeof wins), sizeof wins);
        for (int v = 0; v < VERSIONS + 8; v++) {
            race.winners[v] += wins[v];
        }
        race.creators += wins[VERSIONS + 8];
        race.failures += wins[VERSIONS + 9];
    }
    close(fds[0]);
    close(fds[1]);
    assert_one_winner_each(&race);
}

static void test_catalog__has_one_winner_for_each_version_among_processes(void **state)
{
    (void)state;
    if (!kind->is_shared) {
        skip();
    }
    race_processes(false);
}

static void test_catalog__works_in_a_child_that_inherits_it(void **state)
{
    struct dsi_head head;
    (void)state;

    if (!kind->is_shared) {
        skip();
    }
    assert_int_equal(load(&head), DS_ENOTFOUND); // The connection is in use.
    race_processes(true);
}

// What must hold after a swap, whatever failed in it.
static void look_after(int rc, const struct dsi_head *base, const struct dsi_head *next,
                       const char *point)
{
    struct dsi_head head = {NULL, -1, 0};

    print_message("  %-28s -> %s\n", point ? point : "(nothing)",
                  rc < 0 ? err.message : "ok");
    int loaded = load(&head);
    assert_true(loaded == DS_OK || (!base && loaded == DS_ENOTFOUND));
    bool moved = loaded == DS_OK &&
                 (!base || strcmp(head.metadata_location, base->metadata_location) != 0);
    if (rc == DS_OK || rc == DS_EUNKNOWN) {
        assert_non_null(next->metadata_location);
        assert_true(rc == DS_EUNKNOWN || moved);
        assert_true(!moved ||
                    strcmp(head.metadata_location, next->metadata_location) == 0);
    } else {
        assert_false(moved);
        assert_int_equal(metadata_files(), base ? 1 : 0);
    }
    if (moved) {
        assert_head(&head);
    }
}

static void survive_every_fault(bool create, bool lasting)
{
    struct dsi_fault_plan plan = {.lasting = lasting};
    uint32_t points = 0;

    for (;;) {
        struct dsi_head base;
        struct dsi_head next;
        if (!create) {
            assert_int_equal(swap_now(NULL, &base), DS_OK);
        }
        if (!dsi_fault_next(&plan)) {
            break;
        }
        memset(&err, 0, sizeof err);
        int rc = swap_now(create ? NULL : &base, &next);
        int status = err.status;
        dsi_fault_stop();
        points++;
        assert_true(rc == DS_OK || (status == rc && err.message[0] != '\0'));
        if (!lasting) { // Otherwise what is left cannot be cleaned up either.
            look_after(rc, create ? NULL : &base, &next, plan.name);
        }
        free_catalog(NULL);
        assert_int_equal(make_catalog(NULL), 0);
    }
    assert_true(points > 5);
}

static void test_catalog__survives_every_fault_of_a_swap(void **state)
{
    (void)state;
    survive_every_fault(false, false);
}

static void test_catalog__survives_every_fault_of_a_create(void **state)
{
    (void)state;
    survive_every_fault(true, false);
}

static void test_catalog__survives_faults_that_last(void **state)
{
    (void)state;
    survive_every_fault(false, true);
    survive_every_fault(true, true);
}

static void test_catalog__fails_in_words_wherever_memory_ends(void **state)
{
    struct dsi_fault_plan plan = {0};
    (void)state;

    while (dsi_fault_next(&plan)) {
        struct dsi_table_name *names = NULL;
        char **spaces = NULL;
        size_t count = 0;
        struct ds_properties none = {NULL, 0};
        struct ds_properties found;
        void *lock = NULL;
        struct dsi_catalog *c = NULL;
        memset(&err, 0, sizeof err);
        int rc = open_catalog(&c);
        rc = rc ? rc : dsi_catalog_list_tables(c, NULL, &arena, &names, &count, &err);
        rc = rc ? rc : dsi_catalog_lock(c, &table, 0, &lock, &err);
        if (lock) {
            dsi_catalog_unlock(c, lock);
        }
        if (rc == DS_OK && !kind->is_path) {
            rc = dsi_catalog_create_namespace(c, "x", none, &err);
            rc = rc == DS_EEXISTS ? DS_OK : rc; // A lost answer, earlier.
            rc = rc ? rc : dsi_catalog_load_namespace(c, "x", &arena, &found, &err);
            rc = rc ? rc
                    : dsi_catalog_list_namespaces(c, NULL, &arena, &spaces, &count, &err);
            rc = rc ? rc : dsi_catalog_drop_namespace(c, "x", &err);
        }
        dsi_fault_stop();
        dsi_catalog_free(c);
        assert_true(rc == DS_OK || err.message[0] != '\0');
        assert_true(rc != DS_OK || !plan.name ||
                    strcmp(plan.name, "alloc") != 0); // Not hidden.
    }
}

#define CATALOG_TEST(f) cmocka_unit_test_setup_teardown(f, make_catalog, free_catalog)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CATALOG_TEST(test_catalog__loads_what_was_created),
        CATALOG_TEST(test_catalog__creates_only_once),
        CATALOG_TEST(test_catalog__moves_from_the_head_only),
        CATALOG_TEST(test_catalog__confirms_its_head_without_moving_it),
        CATALOG_TEST(test_catalog__shows_its_swaps_to_another_that_is_open),
        CATALOG_TEST(test_catalog__forgets_what_was_dropped),
        CATALOG_TEST(test_catalog__renames),
        CATALOG_TEST(test_catalog__registers_what_is_there),
        CATALOG_TEST(test_catalog__lists_tables_in_order),
        CATALOG_TEST(test_catalog__keeps_namespaces),
        CATALOG_TEST(test_catalog__refuses_names_that_are_none),
        CATALOG_TEST(test_catalog__gives_a_lock_to_one_at_a_time),
        CATALOG_TEST(test_catalog__puts_new_tables_into_the_warehouse),
        CATALOG_TEST(test_catalog__has_one_winner_for_each_version_among_threads),
        CATALOG_TEST(test_catalog__has_one_winner_among_threads_with_their_own),
        CATALOG_TEST(test_catalog__has_one_winner_for_each_version_among_processes),
        CATALOG_TEST(test_catalog__works_in_a_child_that_inherits_it),
        CATALOG_TEST(test_catalog__survives_every_fault_of_a_swap),
        CATALOG_TEST(test_catalog__survives_every_fault_of_a_create),
        CATALOG_TEST(test_catalog__survives_faults_that_last),
        CATALOG_TEST(test_catalog__fails_in_words_wherever_memory_ends),
    };
    int failed = 0;

    for (size_t i = 0; i < sizeof catalog_cases / sizeof catalog_cases[0]; i++) {
        kind = &catalog_cases[i];
        failed += cmocka_run_group_tests_name(kind->name, tests, NULL, NULL);
    }
    return failed;
}
