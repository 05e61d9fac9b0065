// The clean-up: which files a table does not reach, and whether crashes explain them.
//
// The rule is a collector's: a file goes when nothing reaches it, it is older than the
// start of the clean-up by the store's own clock, and its name is one that datashard
// gives. Whatever else lies there unreferenced stays, and is an orphan that nobody can
// explain.
#include "k9.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    DEPTH_MAX = 4,     // data/, metadata/: nothing is deeper than a partition.
    FURNITURE_MAX = 8, // Locks and queues of one table.
    EACH_KILL = 40,    // Files that one death explains: a leader's, with what it retired.
    LEFT_ANYWAY = 1000, // Beside those.
};

struct names {
    char **items;
    size_t count;
    size_t capacity;
};

struct clean {
    const struct k9_run *run;
    struct names reached; // Sorted.
    bool *met;            // Of those: it is there.
    struct timespec start;
    bool removing;
    int64_t unreferenced;
    int64_t furniture;
    int told;
};

static void names_add(struct names *n, const char *text)
{
    if (n->count == n->capacity) {
        n->capacity = n->capacity ? n->capacity * 2 : 1024;
        n->items = realloc(n->items, n->capacity * sizeof(*n->items));
    }
    char *copy = strdup(text);
    if (!n->items || !copy) {
        k9_die("memory");
    }
    n->items[n->count++] = copy;
}

static void names_free(struct names *n)
{
    for (size_t i = 0; i < n->count; i++) {
        free(n->items[i]);
    }
    free(n->items);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char *local(const char *location)
{
    return strncmp(location, "file://", 7) == 0 ? location + 7 : location;
}

// Sorts, and keeps one of each: merged manifests name a file again.
static void names_settle(struct names *n)
{
    size_t kept = 0;

    qsort(n->items, n->count, sizeof(char *), by_text);
    for (size_t i = 0; i < n->count; i++) {
        if (kept > 0 && strcmp(n->items[kept - 1], n->items[i]) == 0) {
            free(n->items[i]);
        } else {
            n->items[kept++] = n->items[i];
        }
    }
    n->count = kept;
}

// Runs the program that lists what a metadata file reaches.
static void list_reached(struct clean *c, const char *metadata)
{
    char line[4096];
    int pipes[2];
    int status = 0;

    if (pipe(pipes) != 0) {
        k9_die("a pipe");
    }
    pid_t pid = fork();
    if (pid < 0) {
        k9_die("fork");
    }
    if (pid == 0) {
        dup2(pipes[1], 1);
        close(pipes[0]);
        close(pipes[1]);
        execl(c->run->reach, c->run->reach, metadata, (char *)NULL);
        k9_die(c->run->reach);
    }
    close(pipes[1]);
    FILE *f = fdopen(pipes[0], "r");
    while (f && fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        names_add(&c->reached, local(line));
    }
    if (f) {
        fclose(f);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        fprintf(stderr, "kill9: %s failed\n", c->run->reach);
        _exit(4);
    }
    names_settle(&c->reached);
    c->met = calloc(c->reached.count + 1, sizeof(bool));
    if (!c->met) {
        k9_die("memory");
    }
}

static bool is_reached(struct clean *c, const char *path)
{
    char **at =
        bsearch(&path, c->reached.items, c->reached.count, sizeof(char *), by_text);
    if (at) {
        c->met[at - c->reached.items] = true;
    }
    return at != NULL;
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name);
    size_t m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

static bool has_uuid(const char *name)
{
    size_t run = 0; // Characters of a UUID's shape up to here.
    for (; *name; name++) {
        bool dash = run == 8 || run == 13 || run == 18 || run == 23;
        bool fits = dash ? *name == '-' : isxdigit((unsigned char)*name) != 0;
        run = fits ? run + 1 : isxdigit((unsigned char)*name) ? 1 : 0;
        if (run == 36) {
            return true;
        }
    }
    return false;
}

// Names that datashard gives to what a crash may leave.
static bool is_explained(const char *name)
{
    bool version = name[0] == 'v' && isdigit((unsigned char)name[1]) &&
                   ends_with(name, ".metadata.json");
    bool temporary = strncmp(name, ".datashard-", 11) == 0 && ends_with(name, ".tmp");
    bool ledger = strncmp(name, ".datashard-ledger-", 18) == 0;
    bool ours = ends_with(name, ".parquet") || ends_with(name, ".avro") ||
                ends_with(name, ".metadata.json");
    return version || temporary || ledger || (ours && has_uuid(name));
}

// Locks, queues and hints: there for as long as the table is.
static bool is_furniture(const char *name)
{
    return strcmp(name, "version-hint.text") == 0 ||
           (strncmp(name, ".datashard-", 11) == 0 && !ends_with(name, ".tmp") &&
            strncmp(name, ".datashard-ledger-", 18) != 0);
}

static bool is_older(const struct stat *st, const struct timespec *start)
{
    return st->st_mtim.tv_sec < start->tv_sec ||
           (st->st_mtim.tv_sec == start->tv_sec && st->st_mtim.tv_nsec < start->tv_nsec);
}

static void visit_file(struct clean *c, const char *path, const char *name,
                       const struct stat *st)
{
    if (is_furniture(name)) {
        c->furniture++;
        return;
    }
    if (is_reached(c, path)) {
        return;
    }
    c->unreferenced++;
    if (c->removing && is_explained(name) && is_older(st, &c->start)) {
        if (unlink(path) != 0) {
            k9_die(path);
        }
    } else if (!c->removing && c->told++ < K9_EXAMPLES) {
        fprintf(stderr, "kill9: nothing refers to %s, and no crash explains it\n", path);
    }
}

static void visit(struct clean *c, const char *directory, int depth)
{
    char path[K9_PATH_SIZE + 512];
    DIR *d = opendir(directory);

    if (!d || depth > DEPTH_MAX) {
        k9_die(directory);
    }
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s", directory, e->d_name);
        if (lstat(path, &st) != 0) {
            k9_die(path);
        }
        if (S_ISDIR(st.st_mode)) {
            visit(c, path, depth + 1);
        } else {
            visit_file(c, path, e->d_name, &st);
        }
    }
    closedir(d);
}

// Beside the catalog's database lie locks, queues and, of dead processes, temporaries.
static void visit_catalog(struct clean *c)
{
    char path[K9_PATH_SIZE + 512];
    DIR *d = opendir(c->run->dir);

    if (!d) {
        k9_die(c->run->dir);
    }
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        struct stat st;
        if (strncmp(e->d_name, ".datashard-", 11) != 0) {
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s", c->run->dir, e->d_name);
        if (lstat(path, &st) != 0) {
            k9_die(path);
        }
        visit_file(c, path, e->d_name, &st);
    }
    closedir(d);
}

// The store's clock: what it writes to a file made now.
static struct timespec store_clock(const struct k9_run *run)
{
    char path[K9_PATH_SIZE + 32];
    struct stat st;

    snprintf(path, sizeof(path), "%s/clock", run->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, "x", 1) != 1 || fstat(fd, &st) != 0 || close(fd) != 0) {
        k9_die(path);
    }
    unlink(path);
    return st.st_mtim;
}

static void plant_litter(const char *location)
{
    char path[K9_PATH_SIZE + 64];

    snprintf(path, sizeof(path), "%s/metadata/litter.avro", local(location));
    FILE *f = fopen(path, "w");
    if (!f || fclose(f) != 0) {
        k9_die(path);
    }
}

static void pass(struct clean *c, const char *location, bool removing)
{
    c->removing = removing;
    c->unreferenced = c->furniture = 0;
    visit(c, local(location), 0);
    visit_catalog(c);
}

static void report(struct clean *c, int64_t leftovers)
{
    struct k9_shared *s = c->run->shared;

    s->leftovers = leftovers;
    s->orphans = c->unreferenced;
    for (size_t i = 0; i < c->reached.count; i++) {
        if (!c->met[i]) {
            s->missing++;
            fprintf(stderr, "kill9: the table refers to %s, and it is not there\n",
                    c->reached.items[i]);
        }
    }
    if (c->furniture > FURNITURE_MAX) {
        s->orphans += c->furniture - FURNITURE_MAX;
        fprintf(stderr, "kill9: %" PRId64 " locks and queues, expected at most %d\n",
                c->furniture, FURNITURE_MAX);
    }
    int64_t explained = (c->run->kills + c->run->stops) * EACH_KILL + LEFT_ANYWAY;
    if (leftovers > explained) {
        s->errors++;
        fprintf(stderr,
                "kill9: %" PRId64 " files are left that nothing refers to; so many kills "
                "explain at most %" PRId64 "\n",
                leftovers, explained);
    }
}

void k9_clean(const struct k9_run *run)
{
    struct ds_table_info info = {.struct_size = sizeof(info)};
    struct ds_error err = {0};
    struct clean c = {.run = run};
    ds_table *table = k9_open(run);

    if (ds_table_info(table, &info, &err) < 0) {
        k9_fail("looking at the table", &err);
    }
    if (run->plant == K9_PLANT_LITTER) {
        plant_litter(info.location);
    }
    list_reached(&c, info.metadata_location);
    c.start = store_clock(run);
    pass(&c, info.location, true);
    int64_t leftovers = c.unreferenced;
    pass(&c, info.location, false);
    report(&c, leftovers);
    names_free(&c.reached);
    free(c.met);
    ds_table_free(table);
    _exit(0);
}
