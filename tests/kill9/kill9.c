// Many writers under kill -9: every row is accounted for. See README.md.
//
//   kill9 DIR --reach PROGRAM [options]
#include "k9.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] =
    "usage: kill9 DIR --reach PROGRAM [options]\n"
    "\n"
    "DIR is for the tables; its folders sqlite and path are removed first.\n"
    "  --reach PROGRAM     lists the files that a table reaches: kill9_reach\n"
    "  --catalog WHICH     sqlite, path or both (both: half of the work each)\n"
    "  --appends N         in all (2000)\n"
    "  --writers N         processes (6)\n"
    "  --kills N           kill -9 in all (60)\n"
    "  --stops N           SIGSTOP with SIGCONT in all (6)\n"
    "  --stop-ms N         the longest stop (3000)\n"
    "  --vandals N         times that the writers' queue or a lock is damaged (0)\n"
    "  --keep N            snapshots that expiry keeps (100)\n"
    "  --late 0|1          whether commits are repeated long after, too (1)\n"
    "  --pyiceberg N       appends of PyIceberg (0), with\n"
    "  --python PROGRAM    its Python and\n"
    "  --script FILE       pyiceberg_appends.py\n"
    "  --watchdog SECONDS  without progress before the run fails (60)\n"
    "  --plant FAULT       ack-early, double, alien, again, litter, hang: must be "
    "caught\n"
    "  --seed N            of a run to repeat (drawn)\n";

struct totals {
    int64_t intents;
    int64_t acked;
    int64_t unknown;
    int64_t resolved;
    int64_t refused;
    int64_t rows;
    int64_t kills;
    int64_t stops;
    int64_t snapshots;
    int64_t lost;
    int64_t duplicate;
    int64_t alien;
    int64_t orphans;
    int64_t errors;
    bool failed; // Something ended as it must not.
};

static int64_t max3(int64_t a, int64_t b, int64_t c)
{
    int64_t m = a > b ? a : b;
    return m > c ? m : c;
}

static void count_intents(const struct k9_run *run, struct totals *t)
{
    for (int64_t i = 0; i < k9_total(run); i++) {
        enum k9_state state = k9_state_of(run, i);
        bool foreign = i >= run->appends;
        bool unknown = state == K9_UNKNOWN || state == K9_OPEN;
        t->intents += state != K9_NONE;
        t->acked += state == K9_ACKED;
        t->refused += state == K9_REFUSED;
        t->unknown += unknown;
        // What PyIceberg leaves in doubt, looking at the rows settles.
        t->resolved += unknown && (foreign || run->shared->intents[i].answer != 0);
    }
}

static void count_found(const struct k9_run *run, struct totals *t)
{
    const struct k9_shared *s = run->shared;
    const struct k9_found *f = s->final;

    t->rows += f[1].rows;
    t->snapshots += s->snapshots;
    t->lost += max3(f[0].lost, f[1].lost, f[2].lost);
    t->duplicate += max3(f[0].duplicate, f[1].duplicate, f[2].duplicate);
    t->alien += max3(f[0].alien, f[1].alien, f[2].alien);
    // What the reader saw while others wrote counts as much.
    t->lost += s->reader.lost + s->reader.gone + s->reader.torn;
    t->duplicate += s->reader.duplicate;
    t->alien += s->reader.alien;
    t->lost += f[0].torn + f[1].torn + f[2].torn + s->missing;
    t->orphans += s->orphans;
    t->errors += s->errors;
    if (f[1].rows != f[2].rows) {
        fprintf(stderr,
                "kill9: %" PRId64 " rows before the clean-up, %" PRId64 " after\n",
                f[1].rows, f[2].rows);
        t->errors++;
    }
}

static void tell_run(const struct k9_run *run, const struct k9_storm *storm)
{
    const struct k9_shared *s = run->shared;

    printf("kill9: %s: %.1f s, %.0f appends/s, longest pause %.1f s; %" PRId64
           " kills (%" PRId64 " of kills and stops hit who led), %" PRId64
           " takeovers, %" PRId64 " stops, %" PRId64 " times vandalised; %" PRId64
           " scans beside it, %" PRId64 " overtaken by expiry; largest group %" PRId64
           "; %" PRId64 " hurried and given up, %" PRId64 " files replaced, %" PRId64
           " times outrun by merging, %" PRId64 " changes in doubt; %" PRId64
           " snapshots; %" PRId64 " files left by crashes\n",
           run->path_table ? "path" : "sqlite", (double)storm->ms / 1000,
           (double)atomic_load(&s->acked) * 1000 / (double)(storm->ms + 1),
           (double)storm->longest_ms / 1000, storm->kills, storm->leaders, s->takeovers,
           storm->stops, storm->vandals, atomic_load(&s->scans),
           atomic_load(&s->scans_missed), atomic_load(&s->group_max),
           atomic_load(&s->given_up), atomic_load(&s->replaced), atomic_load(&s->outrun),
           atomic_load(&s->doubts), s->snapshots, s->leftovers);
    fflush(stdout);
}

// The plan tells PyIceberg its rows; the state is what it tells us.
static void prepare_pyiceberg(struct k9_run *run)
{
    char path[K9_PATH_SIZE + 32];
    char text[K9_TEXT_MAX];
    size_t size = K9_PYICEBERG_HEAD + (size_t)run->pyiceberg;

    snprintf(path, sizeof(path), "%s/pyiceberg.plan", run->dir);
    FILE *f = fopen(path, "w");
    for (int64_t i = run->appends; f && i < k9_total(run); i++) {
        for (int32_t part = 0; part < k9_rows(run, i); part++) {
            int n = (int)k9_text(run, i, part, text);
            fprintf(f,
                    "%s{\"lane\": %d, \"number\": %" PRId64 ", \"part\": %" PRId32
                    ", \"nonce\": %" PRId64 ", \"text\": \"%.*s\"}",
                    part == 0 ? "[" : ", ", K9_PYICEBERG, i, part,
                    (int64_t)k9_nonce(run, i), n, text);
        }
        fputs("]\n", f);
    }
    if (!f || fclose(f) != 0) {
        k9_die(path);
    }
    snprintf(path, sizeof(path), "%s/pyiceberg.state", run->dir);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0666);
    if (fd < 0 || ftruncate(fd, (off_t)size) != 0) {
        k9_die(path);
    }
    run->pyiceberg_state = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (run->pyiceberg_state == MAP_FAILED) {
        k9_die(path);
    }
    close(fd);
}

static void remove_tree(const char *path)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        execlp("rm", "rm", "-rf", "--", path, (char *)NULL);
        k9_die("rm");
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        k9_die(path);
    }
}

// One catalog, from an empty folder to the balance.
static void run_one(struct k9_run *run, struct totals *t)
{
    struct k9_storm storm = {0};

    remove_tree(run->dir);
    if (mkdir(run->dir, 0777) != 0) {
        k9_die(run->dir);
    }
    k9_ledger_make(run);
    if (run->pyiceberg > 0) {
        prepare_pyiceberg(run);
    }
    bool good = k9_do(run, K9_ROLE_CREATE, 0) && k9_storm_run(run, &storm) &&
                k9_do(run, K9_ROLE_SCAN, 0) && k9_do(run, K9_ROLE_SETTLE, 0) &&
                k9_do(run, K9_ROLE_SCAN, 1) && k9_do(run, K9_ROLE_CLEAN, 0) &&
                k9_do(run, K9_ROLE_SCAN, 2);
    tell_run(run, &storm);
    count_intents(run, t);
    count_found(run, t);
    t->kills += storm.kills;
    t->stops += storm.stops;
    if (good && atomic_load(&run->shared->scans) == 0) {
        fprintf(stderr, "kill9: the reader never ended a scan\n");
        good = false;
    }
    if (good && run->plant == K9_PLANT_NONE && atomic_load(&run->shared->replaced) == 0) {
        fprintf(stderr, "kill9: no file was ever replaced\n");
        good = false;
    }
    t->failed = t->failed || !good;
    if (run->pyiceberg_state) {
        munmap(run->pyiceberg_state, K9_PYICEBERG_HEAD + (size_t)run->pyiceberg);
        run->pyiceberg_state = NULL;
    }
    k9_ledger_free(run);
}

static int64_t number(const char *option, const char *text, int64_t min, int64_t max)
{
    char *end = NULL;
    errno = 0;
    long long v = strtoll(text, &end, 0);
    if (errno || end == text || *end || v < min || v > max) {
        fprintf(stderr, "kill9: %s is '%s', expected %" PRId64 " to %" PRId64 "\n",
                option, text, min, max);
        exit(2);
    }
    return v;
}

static enum k9_plant plant_of(const char *text)
{
    static const char *const names[] = {"none",  "ack-early", "double", "alien",
                                        "again", "litter",    "hang"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            return (enum k9_plant)i;
        }
    }
    fprintf(stderr, "kill9: no fault is called '%s'\n\n%s", text, usage);
    exit(2);
}

struct options {
    const char *dir;
    const char *catalog;
    struct k9_run run; // The whole work.
};

// Numbers first; false when `name` is none of them.
static bool set_number(struct k9_run *r, const char *name, const char *text)
{
    struct {
        const char *name;
        int64_t *out;
        int64_t min;
        int64_t max;
    } all[] = {
        {"--appends", &r->appends, 400, 10000000},
        {"--kills", &r->kills, 1, 1000000},
        {"--stops", &r->stops, 1, 100000},
        {"--stop-ms", &r->stop_ms_max, 100, 100000},
        {"--vandals", &r->vandals, 0, 1000000},
        {"--keep", &r->keep, 1, 1000000},
        {"--pyiceberg", &r->pyiceberg, 0, 100000},
        {"--watchdog", &r->watchdog_ms, 1, 86400},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (strcmp(name, all[i].name) == 0) {
            *all[i].out = number(name, text, all[i].min, all[i].max);
            return true;
        }
    }
    return false;
}

static void set_option(struct options *o, const char *name, const char *text)
{
    struct k9_run *r = &o->run;

    if (set_number(r, name, text)) {
        return;
    }
    if (strcmp(name, "--writers") == 0) {
        r->writers = (int)number(name, text, 1, K9_WRITERS_MAX / 2);
    } else if (strcmp(name, "--late") == 0) {
        r->late = number(name, text, 0, 1) == 1;
    } else if (strcmp(name, "--seed") == 0) {
        r->seed = (uint64_t)number(name, text, 0, INT64_MAX);
    } else if (strcmp(name, "--plant") == 0) {
        r->plant = plant_of(text);
    } else if (strcmp(name, "--catalog") == 0) {
        o->catalog = text;
    } else if (strcmp(name, "--reach") == 0) {
        r->reach = text;
    } else if (strcmp(name, "--python") == 0) {
        r->python = text;
    } else if (strcmp(name, "--script") == 0) {
        r->script = text;
    } else {
        fprintf(stderr, "kill9: no option is called '%s'\n\n%s", name, usage);
        exit(2);
    }
}

static uint64_t draw_seed(void)
{
    uint64_t seed = 0;
    FILE *f = fopen("/dev/urandom", "r");
    if (!f || fread(&seed, sizeof(seed), 1, f) != 1) {
        k9_die("/dev/urandom");
    }
    fclose(f);
    return seed >> 1;
}

static void read_options(int argc, char **argv, struct options *o)
{
    *o = (struct options){.catalog = "both",
                          .run = {.appends = 2000,
                                  .writers = 6,
                                  .kills = 60,
                                  .stops = 6,
                                  .stop_ms_max = 3000,
                                  .keep = 100,
                                  .late = true,
                                  .seed = draw_seed(),
                                  .watchdog_ms = 60}};
    for (int i = 2; i < argc; i += 2) {
        if (i + 1 == argc) {
            fprintf(stderr, "kill9: %s needs a value\n\n%s", argv[i], usage);
            exit(2);
        }
        set_option(o, argv[i], argv[i + 1]);
    }
    bool known = strcmp(o->catalog, "both") == 0 || strcmp(o->catalog, "sqlite") == 0 ||
                 strcmp(o->catalog, "path") == 0;
    if (argc < 2 || argv[1][0] == '-' || !o->run.reach || !known ||
        (o->run.pyiceberg > 0 && (!o->run.python || !o->run.script))) {
        fputs(usage, stderr);
        exit(2);
    }
    o->dir = argv[1];
    o->run.watchdog_ms *= 1000;
}

// Gives one catalog its share of the work.
static void run_share(const struct options *o, const char *kind, const char *root,
                      struct totals *t)
{
    static struct k9_run run;
    int share = strcmp(o->catalog, "both") == 0 ? 2 : 1;

    if (share == 1 && strcmp(o->catalog, kind) != 0) {
        return;
    }
    run = o->run;
    run.path_table = strcmp(kind, "path") == 0;
    run.appends = (run.appends + share - 1) / share;
    run.kills = (run.kills + share - 1) / share;
    run.stops = (run.stops + share - 1) / share;
    run.vandals = (run.vandals + share - 1) / share;
    if (run.path_table) {
        run.pyiceberg = 0; // It knows no path tables.
    }
    if (strlen(root) + 32 > sizeof(run.dir)) {
        errno = ENAMETOOLONG;
        k9_die(root);
    }
    snprintf(run.dir, sizeof(run.dir), "%s/%s", root, kind);
    run_one(&run, t);
}

static void absolute(const char *dir, char out[K9_PATH_SIZE])
{
    int here = open(".", O_RDONLY | O_DIRECTORY);

    if (here < 0 || chdir(dir) != 0 || !getcwd(out, K9_PATH_SIZE) || fchdir(here) != 0) {
        k9_die(dir);
    }
    close(here);
}

int main(int argc, char **argv)
{
    struct options o;
    struct totals t = {0};
    char root[K9_PATH_SIZE];

    read_options(argc, argv, &o);
    if (mkdir(o.dir, 0777) != 0 && errno != EEXIST) {
        k9_die(o.dir);
    }
    absolute(o.dir, root);
    run_share(&o, "sqlite", root, &t);
    run_share(&o, "path", root, &t);
    bool exact = !t.failed && t.refused == 0 && t.unknown == t.resolved && t.lost == 0 &&
                 t.duplicate == 0 && t.alien == 0 && t.orphans == 0 && t.errors == 0 &&
                 t.kills >= o.run.kills && t.stops >= o.run.stops;
    if (!exact) {
        printf("kill9: WRONG: %" PRId64 " refused, %" PRId64
               " disagreements, failed: %s; the tables are in %s; again with --seed "
               "%" PRIu64 "\n",
               t.refused, t.errors, t.failed ? "yes" : "no", root, o.run.seed);
    } else {
        char path[K9_PATH_SIZE + 32];
        snprintf(path, sizeof(path), "%s/sqlite", root);
        remove_tree(path);
        snprintf(path, sizeof(path), "%s/path", root);
        remove_tree(path);
    }
    printf("kill9: catalog=%s intents=%" PRId64 " acked=%" PRId64 " unknown=%" PRId64
           " resolved=%" PRId64 " rows=%" PRId64 " kills=%" PRId64 " stops=%" PRId64
           " snapshots=%" PRId64 " lost=%" PRId64 " duplicate=%" PRId64 " alien=%" PRId64
           " orphans_after_cleanup=%" PRId64 "\n",
           o.catalog, t.intents, t.acked, t.unknown, t.resolved, t.rows, t.kills, t.stops,
           t.snapshots, t.lost, t.duplicate, t.alien, t.orphans);
    return exact ? 0 : 1;
}
