#include "powerloss/explore.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// What was asked and answered, as a tree. A node is one question; its answers lead on.
struct answer;

struct asked {
    struct disk_question question;
    struct answer *answers;
    struct asked *other; // Where looks with the same answers asked another thing.
};

struct answer {
    uint64_t is;
    struct answer *next;
    struct asked *then; // NULL: nothing more was asked.
    char *why;          // Of the verdict; NULL: all is well.
    bool ends;
};

// States that are left: all with these choices where they are fixed.
struct rest {
    uint8_t choice[DISK_UNITS_MAX];
    bool fixed[DISK_UNITS_MAX];
    struct rest *next;
};

struct explore {
    struct disk *disk;
    explore_look_fn look;
    void *arg;
    struct explore_look *seen; // Of the last look.
    struct asked *root;
    struct disk_question path[EXPLORE_ASKED_MAX]; // Of the class that was found.
    size_t path_count;
    struct disk_cut cut;
    uint64_t seed;

    // Units that were read in the class that is looked at, in their order.
    bool is_read[DISK_UNITS_MAX];
    size_t reads[DISK_UNITS_MAX];
    size_t read_count;
};

static void *claim(size_t size)
{
    void *p = calloc(1, size);

    if (!p) {
        perror("explore");
        abort();
    }
    return p;
}

struct explore *explore_new(struct disk *d, explore_look_fn look, void *arg)
{
    struct explore *e = claim(sizeof *e);

    *e = (struct explore){.disk = d, .look = look, .arg = arg, .seed = 1};
    e->seen = kit_shared(sizeof *e->seen);
    return e;
}

static void free_asked(struct asked *a)
{
    while (a) {
        struct asked *other = a->other;
        while (a->answers) {
            struct answer *next = a->answers->next;
            free_asked(a->answers->then);
            free(a->answers->why);
            free(a->answers);
            a->answers = next;
        }
        free(a);
        a = other;
    }
}

void explore_free(struct explore *e)
{
    free_asked(e->root);
    munmap(e->seen, sizeof *e->seen);
    free(e);
}

// --- The tree -------------------------------------------------------------------------

static bool same_question(const struct disk_question *a, const struct disk_question *b)
{
    return a->asks == b->asks && a->slot == b->slot && a->offset == b->offset &&
           a->size == b->size;
}

static struct answer *answer_to(struct explore *e, const struct asked *a)
{
    uint64_t is = disk_answer(e->disk, &a->question, NULL, NULL);
    struct answer *x = a->answers;

    while (x && x->is != is) {
        x = x->next;
    }
    return x;
}

// The end of a path whose questions have the answers of the chosen state; NULL: none.
static const struct answer *find(struct explore *e, const struct asked *a, size_t depth)
{
    for (; a; a = a->other) {
        const struct answer *x = answer_to(e, a);
        e->path[depth] = a->question;
        if (x && x->ends) {
            e->path_count = depth + 1;
            return x;
        }
        const struct answer *end = x ? find(e, x->then, depth + 1) : NULL;
        if (end) {
            return end;
        }
    }
    return NULL;
}

// Adds what was just seen of the chosen state.
static const struct answer *add(struct explore *e)
{
    const struct explore_look *l = e->seen;
    struct asked **at = &e->root;
    struct answer *x = NULL;

    for (uint32_t i = 0; i < l->count; i++) {
        while (*at && !same_question(&(*at)->question, &l->asked[i])) {
            at = &(*at)->other;
        }
        if (!*at) {
            *at = claim(sizeof **at);
            (*at)->question = l->asked[i];
        }
        x = answer_to(e, *at);
        if (!x) {
            x = claim(sizeof *x);
            x->is = disk_answer(e->disk, &l->asked[i], NULL, NULL);
            x->next = (*at)->answers;
            (*at)->answers = x;
        }
        at = &x->then;
        e->path[i] = l->asked[i];
    }
    e->path_count = l->count;
    x->ends = true;
    x->why = l->why[0] ? strdup(l->why) : NULL;
    return x;
}

static void look(struct explore *e)
{
    e->seen->count = 0;
    e->seen->why[0] = '\0';
    e->look(e->arg, e->seen);
    if (e->seen->count == 0) { // Each asks something.
        fprintf(stderr, "explore: a look that asked nothing: %s\n", e->seen->why);
        abort();
    }
}

// --- Classes --------------------------------------------------------------------------

static void note_read(void *arg, size_t unit)
{
    struct explore *e = arg;

    if (!e->is_read[unit]) {
        e->is_read[unit] = true;
        e->reads[e->read_count++] = unit;
    }
}

static void note_reads(struct explore *e)
{
    memset(e->is_read, 0, sizeof e->is_read);
    e->read_count = 0;
    for (size_t i = 0; i < e->path_count; i++) {
        disk_answer(e->disk, &e->path[i], note_read, e);
    }
}

// One of the class of `r`, taken by chance, is looked at, whatever is known of it.
static void audit(struct explore *e, const struct rest *r, bool wrong,
                  struct explore_tally *t)
{
    uint8_t choice[DISK_UNITS_MAX] = {0};
    char about[EXPLORE_ABOUT_MAX];

    for (size_t u = 0; u < e->cut.unit_count; u++) {
        e->seed = e->seed * 6364136223846793005ULL + 1442695040888963407ULL;
        choice[u] = r->fixed[u] || e->is_read[u]
                        ? r->choice[u]
                        : (uint8_t)((e->seed >> 33) % e->cut.options[u]);
    }
    disk_choose(e->disk, choice);
    look(e);
    t->audited++;
    if ((e->seen->why[0] != '\0') != wrong) {
        t->audited_otherwise++;
        disk_about(e->disk, about, sizeof about);
        printf("audit: %s: %s, and known as %s\n", about,
               e->seen->why[0] ? e->seen->why : "all is well", wrong ? "wrong" : "well");
    }
    disk_choose(e->disk, r->choice);
}

static void judge(struct explore *e, const char *why, struct explore_tally *t)
{
    if (why && t->wrong++ == 0) {
        char about[EXPLORE_ABOUT_MAX];
        disk_about(e->disk, about, sizeof about);
        snprintf(t->first_wrong, sizeof t->first_wrong, "%s: %s", about, why);
    }
}

// The class that has the first state of `r`; *t counts its states.
static void take_class(struct explore *e, const struct rest *r,
                       const struct explore_limits *l, struct explore_tally *t)
{
    long double states = 1;

    disk_choose(e->disk, r->choice);
    const struct answer *known = find(e, e->root, 0);
    if (!known) {
        look(e);
        t->looked++;
        known = add(e);
    }
    note_reads(e);
    for (size_t u = 0; u < e->cut.unit_count; u++) {
        states *= r->fixed[u] || e->is_read[u] ? 1 : e->cut.options[u];
    }
    t->states += states;
    t->classes++;
    judge(e, known->why, t);
    if (l->audit > 0 && t->classes % l->audit == 0) {
        audit(e, r, known->why != NULL, t);
    }
}

// What is left of `r` without that class: those that differ in the first unit that was
// read, those that do not and differ in the second, and so on.
static void split(const struct explore *e, const struct rest *r, struct rest **rests)
{
    struct rest next = *r;

    for (size_t i = 0; i < e->read_count; i++) {
        size_t u = e->reads[i];
        if (r->fixed[u]) {
            continue;
        }
        next.fixed[u] = true;
        for (unsigned k = 1; k < e->cut.options[u]; k++) {
            struct rest *other = claim(sizeof *other);
            *other = next;
            other->choice[u] = (uint8_t)k;
            other->next = *rests;
            *rests = other;
        }
        next.choice[u] = 0;
    }
}

static bool take_cut(struct explore *e, size_t prefix, const struct explore_limits *l,
                     struct explore_tally *t)
{
    struct rest *rests = claim(sizeof *rests);
    uint64_t classes = t->classes;
    long double before = t->states;
    long double all = 1;
    bool more = true;

    disk_cut(e->disk, prefix, &e->cut);
    t->cuts++;
    while (rests && more) {
        struct rest *r = rests;
        rests = r->next;
        take_class(e, r, l, t);
        split(e, r, &rests);
        free(r);
        more = !(l->until_wrong && t->wrong > 0) &&
               (l->most == 0 || t->classes - classes < l->most);
    }
    for (size_t u = 0; u < e->cut.unit_count; u++) {
        all *= e->cut.options[u];
    }
    if (!rests && fabsl(t->states - before - all) > t->states * 1e-12L) {
        fprintf(stderr, "explore: %Lg states of %Lg\n", t->states - before, all);
        abort();
    }
    t->cut_short += rests && !(l->until_wrong && t->wrong > 0);
    while (rests) {
        struct rest *next = rests->next;
        free(rests);
        rests = next;
    }
    return !(l->until_wrong && t->wrong > 0);
}

void explore_all(struct explore *e, const struct explore_limits *l,
                 struct explore_tally *t)
{
    bool more = true;

    for (size_t prefix = disk_cuts(e->disk); prefix > 0 && more; prefix--) {
        if (disk_cut_differs(e->disk, prefix - 1)) {
            more = take_cut(e, prefix - 1, l, t);
        }
    }
}
