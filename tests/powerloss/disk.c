#include "powerloss/disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "crash/table_kit.h"

enum {
    NODES_MAX = 4000,
    OPS_MAX = TRACE_EVENTS_MAX,
    UNITS_MAX = 256,
    SECTOR = 512,
    QUEUE_KEPT = 128 << 10, // Of its 32 MiB.
    NEVER = -1,
};

struct node {
    bool is_dir;
    bool existed;      // Before the trace.
    bool is_queue;     // (4)
    const char *label; // What sort of file it is, for sites.
    uint8_t *full;     // Its content at the prefix that is looked at.
    size_t size;
    uint64_t hash;
    uint8_t *base; // Its content before the trace.
    size_t base_size;
};

// A change of a file's content.
struct data_op {
    int node;
    bool truncates;
    uint64_t offset;
    uint64_t size;
    const uint8_t *bytes;
    size_t at;      // Its place in the trace.
    size_t durable; // The sync that made it so; SIZE_MAX: none.
};

// A place in a directory: a path that some file had at some time.
struct slot {
    char path[KIT_PATH_MAX];
    int parent; // The slot of its directory; NEVER: the root.
    int base;   // The node that was there before the trace; NEVER: none.
    int now;    // While a state is put together, or the trace read.
    bool scrap; // A temporary name or a lock (1).
};

struct entry_op {
    int slot;
    int dir;  // The node of its directory.
    int node; // NEVER: removed.
    size_t at;
    size_t durable;
};

struct sync {
    int node;
    size_t at;
    size_t began;
    char site[DISK_SITE_MAX];
};

enum unit_kind { UNIT_ENTRY, UNIT_FILE, UNIT_WRITE, UNIT_TRUNCATE };

// A choice of one state.
struct unit {
    enum unit_kind kind;
    size_t op; // Or, of a file, its node.
    unsigned options;
};

struct disk {
    const struct trace *trace;
    char root[KIT_PATH_MAX];
    struct node nodes[NODES_MAX];
    int node_count;
    struct slot slots[NODES_MAX];
    int slot_count;
    struct data_op data[OPS_MAX];
    size_t data_count;
    struct entry_op entries[OPS_MAX];
    size_t entry_count;
    struct sync syncs[OPS_MAX];
    size_t sync_count;
    size_t acks;
    char left_out[DISK_SITE_MAX];

    // Of the prefix that is looked at.
    size_t prefix;
    bool acked[DISK_ACKS];
    struct unit units[UNITS_MAX];
    size_t unit_count;
    unsigned choice[UNITS_MAX];

    // Of the state that is told.
    struct disk_state state;
    struct disk_file files[NODES_MAX];
    uint8_t *made[NODES_MAX]; // Contents made for it.
    size_t made_count;
};

static void die(const char *what, const char *path)
{
    fprintf(stderr, "disk: %s %s\n", what, path);
    abort();
}

// --- Reading the trace ----------------------------------------------------------------

static bool ends_in(const char *path, const char *suffix)
{
    size_t size = strlen(path);
    size_t tail = strlen(suffix);
    return size >= tail && strcmp(path + size - tail, suffix) == 0;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// Hidden, but read again.
static bool is_ledger(const char *path)
{
    return strncmp(name_of(path), ".datashard-ledger-", 18) == 0 &&
           !ends_in(path, ".tmp");
}

static bool is_scrap(const char *path)
{
    return strncmp(name_of(path), ".datashard-", 11) == 0 && !is_ledger(path);
}

static const char *label_of(const char *path)
{
    const char *name = name_of(path);

    return is_ledger(path)                   ? "ledger"
           : ends_in(name, ".parquet")       ? "data file"
           : strncmp(name, "snap-", 5) == 0  ? "manifest list"
           : ends_in(name, ".avro")          ? "manifest"
           : ends_in(name, ".metadata.json") ? "metadata file"
           : ends_in(name, "-journal")       ? "journal"
           : ends_in(name, ".db")            ? "database"
                                             : "other file";
}

static int new_node(struct disk *d, bool is_dir, bool existed)
{
    if (d->node_count == NODES_MAX) {
        die("too many files", "");
    }
    d->nodes[d->node_count] =
        (struct node){.is_dir = is_dir, .existed = existed, .label = "temporary"};
    return d->node_count++;
}

// The slot of a path, made when it is new; NEVER for the root itself.
static int slot_of(struct disk *d, const char *path)
{
    char parent[KIT_PATH_MAX];

    if (strcmp(path, d->root) == 0) {
        return NEVER;
    }
    for (int i = 0; i < d->slot_count; i++) {
        if (strcmp(d->slots[i].path, path) == 0) {
            return i;
        }
    }
    snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(path, '/') - path), path);
    int up = slot_of(d, parent);
    if (d->slot_count == NODES_MAX) {
        die("too many names", path);
    }
    struct slot *s = &d->slots[d->slot_count];
    *s =
        (struct slot){.parent = up, .base = NEVER, .now = NEVER, .scrap = is_scrap(path)};
    snprintf(s->path, sizeof s->path, "%s", path);
    return d->slot_count++;
}

// The node that has the path now, while the trace is read; the root is node 0.
static int node_at(struct disk *d, const char *path)
{
    int slot = slot_of(d, path);
    return slot == NEVER ? 0 : d->slots[slot].now;
}

static void enter(struct disk *d, const char *path, int node, size_t at)
{
    int slot = slot_of(d, path);

    d->slots[slot].now = node;
    int up = d->slots[slot].parent;
    d->entries[d->entry_count++] =
        (struct entry_op){.slot = slot,
                          .dir = up == NEVER ? 0 : d->slots[up].now,
                          .node = node,
                          .at = at,
                          .durable = SIZE_MAX};
    if (node != NEVER && !is_scrap(path)) {
        d->nodes[node].label = label_of(path);
    }
    if (node != NEVER && kit_is_queue(path)) {
        d->nodes[node].is_queue = true;
    }
}

static void load(struct disk *d, const char *dir)
{
    DIR *stream = opendir(dir);

    for (struct dirent *e = stream ? readdir(stream) : NULL; e; e = readdir(stream)) {
        char path[KIT_PATH_MAX];
        struct stat st;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) {
            continue;
        }
        snprintf(path, sizeof path, "%.255s/%.255s", dir, e->d_name);
        if (lstat(path, &st) < 0) {
            die("no", path);
        }
        int node = new_node(d, S_ISDIR(st.st_mode), true);
        int slot = slot_of(d, path);
        struct node *n = &d->nodes[node];
        d->slots[slot].base = node;
        d->slots[slot].now = node;
        n->label = label_of(path);
        if (n->is_dir) {
            load(d, path);
            continue;
        }
        n->is_queue = kit_is_queue(path);
        n->base_size = n->is_queue ? QUEUE_KEPT : (size_t)st.st_size;
        n->base = calloc(1, n->base_size + 1);
        int fd = open(path, O_RDONLY);
        if (!n->base || fd < 0 ||
            (read(fd, n->base, n->base_size) != st.st_size && !n->is_queue)) {
            die("cannot read", path);
        }
        close(fd);
    }
    if (stream) {
        closedir(stream);
    }
}

// What ids of the trace mean while it is read.
struct open_file {
    int node;
    uint64_t position;
};

static struct open_file *open_of(struct open_file *all, const struct trace_event *e)
{
    return &all[e->id % TRACE_EVENTS_MAX];
}

static int node_of(struct disk *d, struct open_file *all, const struct trace_event *e)
{
    return e->id ? open_of(all, e)->node : node_at(d, e->path);
}

static void note_data(struct disk *d, struct open_file *all, const struct trace_event *e,
                      size_t at)
{
    int node = node_of(d, all, e);
    struct data_op op = {.node = node,
                         .truncates = e->kind == TRACE_TRUNCATE,
                         .offset = e->offset,
                         .size = e->size,
                         .bytes = e->bytes,
                         .at = at,
                         .durable = SIZE_MAX};

    if (node == NEVER) {
        die("written without being open:", e->path ? e->path : "");
    }
    if (!op.truncates && op.offset == UINT64_MAX) {
        op.offset = open_of(all, e)->position;
        open_of(all, e)->position += op.size;
    }
    d->data[d->data_count++] = op;
}

static void note_sync(struct disk *d, int node, size_t at, size_t began)
{
    if (node != NEVER) { // Of a file that has been removed meanwhile.
        d->syncs[d->sync_count++] = (struct sync){.node = node, .at = at, .began = began};
    }
}

static void read_event(struct disk *d, struct open_file *all, const struct trace_event *e,
                       size_t at)
{
    char dir[KIT_PATH_MAX];
    int node = NEVER;

    switch (e->kind) {
    case TRACE_OPEN:
        node = node_at(d, e->path);
        if (node == NEVER && e->create) {
            node = new_node(d, false, false);
            enter(d, e->path, node, at);
        }
        if (e->id) {
            *open_of(all, e) = (struct open_file){node, 0};
        }
        break;
    case TRACE_WRITE:
    case TRACE_TRUNCATE:
        note_data(d, all, e, at);
        break;
    case TRACE_FSYNC:
        note_sync(d, node_of(d, all, e), at, e->began);
        break;
    case TRACE_SYNC_DIR:
        snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(e->path, '/') - e->path),
                 e->path);
        note_sync(d, node_at(d, dir), at, e->began);
        break;
    case TRACE_LINK:
        enter(d, e->other, node_at(d, e->path), at);
        break;
    case TRACE_RENAME:
        enter(d, e->other, node_at(d, e->path), at);
        enter(d, e->path, NEVER, at);
        break;
    case TRACE_UNLINK:
        enter(d, e->path, NEVER, at);
        break;
    case TRACE_MKDIR:
        enter(d, e->path, new_node(d, true, false), at);
        break;
    case TRACE_ACK:
        d->acks++;
        break;
    }
}

// The path of a directory's node, for its sites.
static const char *dir_name(const struct disk *d, int node)
{
    for (int i = 0; i < d->slot_count && node != 0; i++) {
        if (d->slots[i].now == node) {
            return name_of(d->slots[i].path);
        }
    }
    return "above";
}

// Files are named after they are synced, so labels are only known now. Syncs of one sort
// are numbered from one acknowledgement of a process to the next.
static void name_sites(struct disk *d, const struct trace_event *events)
{
    for (size_t i = 0; i < d->sync_count; i++) {
        struct sync *s = &d->syncs[i];
        const struct node *n = &d->nodes[s->node];
        char label[DISK_SITE_MAX - 12];
        unsigned nth = 1;
        if (n->is_dir) {
            snprintf(label, sizeof label, "directory %.30s",
                     events[s->at].kind == TRACE_SYNC_DIR ? "of the database"
                                                          : dir_name(d, s->node));
        } else {
            snprintf(label, sizeof label, "%s", n->label);
        }
        for (size_t k = i; k > 0; k--) {
            const struct sync *before = &d->syncs[k - 1];
            bool same_append = events[before->at].writer == events[s->at].writer;
            for (size_t e = before->at; e < s->at; e++) {
                same_append = same_append && events[e].kind != TRACE_ACK;
            }
            if (!same_append) {
                break;
            }
            nth += strncmp(before->site, label, strlen(label)) == 0 &&
                   before->site[strlen(label)] == ' ' &&
                   before->site[strlen(label) + 1] == '#';
        }
        snprintf(s->site, sizeof s->site, "%s #%u", label, nth);
    }
}

// Which sync made each change durable, with those that are not left out.
static void settle(struct disk *d)
{
    for (size_t i = 0; i < d->data_count; i++) {
        d->data[i].durable = SIZE_MAX;
    }
    for (size_t i = 0; i < d->entry_count; i++) {
        d->entries[i].durable = SIZE_MAX;
    }
    for (size_t s = 0; s < d->sync_count; s++) {
        const struct sync *y = &d->syncs[s];
        if (strcmp(y->site, d->left_out) == 0) {
            continue;
        }
        for (size_t i = 0; i < d->data_count; i++) {
            struct data_op *o = &d->data[i];
            if (o->node == y->node && o->at < y->began && o->durable == SIZE_MAX) {
                o->durable = y->at;
            }
        }
        for (size_t i = 0; i < d->entry_count; i++) {
            struct entry_op *o = &d->entries[i];
            if (o->dir == y->node && o->at < y->began && o->durable == SIZE_MAX) {
                o->durable = y->at;
            }
        }
    }
}

struct disk *disk_new(const char *root, const struct trace *t)
{
    static struct open_file open[TRACE_EVENTS_MAX];
    struct disk *d = calloc(1, sizeof *d);
    size_t count = 0;
    const struct trace_event *events = trace_events(t, &count);

    if (!d) {
        die("no memory", root);
    }
    d->trace = t;
    snprintf(d->root, sizeof d->root, "%s", root);
    new_node(d, true, true);
    load(d, root);
    memset(open, 0, sizeof open);
    for (size_t i = 0; i < count; i++) {
        read_event(d, open, &events[i], i);
    }
    name_sites(d, events);
    settle(d);
    return d;
}

static void forget_made(struct disk *d)
{
    for (size_t i = 0; i < d->made_count; i++) {
        free(d->made[i]);
    }
    d->made_count = 0;
}

void disk_free(struct disk *d)
{
    forget_made(d);
    for (int i = 0; i < d->node_count; i++) {
        free(d->nodes[i].full);
        free(d->nodes[i].base);
    }
    free(d);
}

size_t disk_sites(const struct disk *d, char out[DISK_SITES_MAX][DISK_SITE_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < d->sync_count; i++) {
        bool known = false;
        for (size_t k = 0; k < count; k++) {
            known = known || strcmp(out[k], d->syncs[i].site) == 0;
        }
        if (!known && count < DISK_SITES_MAX) {
            snprintf(out[count++], DISK_SITE_MAX, "%s", d->syncs[i].site);
        }
    }
    return count;
}

void disk_leave_out(struct disk *d, const char *site)
{
    snprintf(d->left_out, sizeof d->left_out, "%s", site ? site : "");
    settle(d);
}

void disk_count(const struct disk *d, size_t *syncs, size_t *acks, size_t *warm)
{
    size_t count = 0;
    const struct trace_event *events = trace_events(d->trace, &count);
    size_t seen = 0;

    *syncs = d->sync_count;
    *acks = d->acks;
    *warm = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_sync = events[i].kind == TRACE_FSYNC || events[i].kind == TRACE_SYNC_DIR;
        seen += events[i].kind == TRACE_ACK;
        *warm += is_sync && seen > 0 && seen < d->acks;
    }
}

// --- Contents -------------------------------------------------------------------------

struct content {
    uint8_t *bytes;
    size_t size;
};

static void grow(struct content *c, size_t size)
{
    if (size > c->size || !c->bytes) {
        uint8_t *more = realloc(c->bytes, size + 1);
        if (!more) {
            die("no memory", "");
        }
        memset(more + c->size, 0, size > c->size ? size - c->size : 0);
        c->bytes = more;
        c->size = size > c->size ? size : c->size;
    }
}

// Applies bytes [from, to) of a write.
static void apply(struct content *c, const struct data_op *o, uint64_t from, uint64_t to)
{
    if (o->truncates) {
        grow(c, o->size);
        c->size = o->size;
    } else if (from < to) {
        grow(c, o->offset + to);
        memcpy(c->bytes + o->offset + from, o->bytes + from, to - from);
    }
}

static struct content base_of(const struct node *n)
{
    struct content c = {NULL, 0};

    grow(&c, n->base_size);
    if (n->base_size > 0) {
        memcpy(c.bytes, n->base, n->base_size);
    }
    return c;
}

// The whole content of a node after the first `prefix` events.
static struct content content_at(const struct disk *d, int node, size_t prefix)
{
    struct content c = base_of(&d->nodes[node]);
    bool is_queue = d->nodes[node].is_queue;

    for (size_t i = 0; i < d->data_count && d->data[i].at < prefix; i++) {
        const struct data_op *o = &d->data[i];
        bool beyond = is_queue && (o->truncates || o->offset + o->size > QUEUE_KEPT);
        if (o->node == node && !beyond) {
            apply(&c, o, 0, o->size);
        }
    }
    return c;
}

const uint8_t *disk_content(const struct disk *d, const char *path, size_t *size)
{
    static struct content c; // Until the next call.
    int node = NEVER;

    for (int i = 0; i < d->slot_count; i++) {
        if (strcmp(d->slots[i].path, path) == 0) {
            node = d->slots[i].base;
            for (size_t k = 0; k < d->entry_count; k++) {
                node = d->entries[k].slot == i && d->entries[k].node != NEVER
                           ? d->entries[k].node
                           : node;
            }
        }
    }
    if (node == NEVER) {
        return NULL;
    }
    free(c.bytes);
    c = content_at(d, node, SIZE_MAX);
    *size = c.size;
    return c.bytes;
}

// --- Units of one prefix --------------------------------------------------------------

static bool happened(size_t at, size_t durable, size_t prefix, bool *pending)
{
    *pending = durable >= prefix;
    return at < prefix;
}

// SQLite's files are written in place: each write is a unit, also in a new one.
static bool is_in_place(const struct node *n)
{
    return n->existed || strcmp(n->label, "journal") == 0 ||
           strcmp(n->label, "database") == 0;
}

static void add_unit(struct disk *d, enum unit_kind kind, size_t op, unsigned options)
{
    if (d->unit_count == UNITS_MAX) {
        die("too many units", "");
    }
    d->units[d->unit_count++] = (struct unit){kind, op, options};
}

static bool has_unit_of_file(const struct disk *d, int node)
{
    for (size_t i = 0; i < d->unit_count; i++) {
        if (d->units[i].kind == UNIT_FILE && d->units[i].op == (size_t)node) {
            return true;
        }
    }
    return false;
}

enum { FILE_OPTIONS = 8 };

static void add_data_units(struct disk *d)
{
    bool pending = false;

    for (size_t i = 0; i < d->data_count; i++) {
        const struct data_op *o = &d->data[i];
        if (!happened(o->at, o->durable, d->prefix, &pending) || !pending ||
            d->nodes[o->node].is_queue) {
            continue;
        }
        if (!is_in_place(&d->nodes[o->node])) {
            if (!has_unit_of_file(d, o->node)) {
                add_unit(d, UNIT_FILE, (size_t)o->node, FILE_OPTIONS);
            }
        } else if (o->truncates) {
            add_unit(d, UNIT_TRUNCATE, i, 2);
        } else {
            add_unit(d, UNIT_WRITE, i, o->size > SECTOR ? 4 : 2);
        }
    }
}

static void look_at_prefix(struct disk *d, size_t prefix)
{
    size_t count = 0;
    const struct trace_event *events = trace_events(d->trace, &count);
    bool pending = false;

    d->prefix = prefix;
    d->unit_count = 0;
    memset(d->acked, 0, sizeof d->acked);
    for (size_t i = 0; i < prefix; i++) {
        if (events[i].kind == TRACE_ACK) {
            d->acked[events[i].id % DISK_ACKS] = true;
        }
    }
    for (size_t i = 0; i < d->entry_count; i++) {
        const struct entry_op *o = &d->entries[i];
        if (happened(o->at, o->durable, prefix, &pending) && pending &&
            !d->slots[o->slot].scrap) {
            add_unit(d, UNIT_ENTRY, i, 2);
        }
    }
    add_data_units(d);
    for (int i = 0; i < d->node_count; i++) {
        struct node *n = &d->nodes[i];
        free(n->full);
        n->full = NULL;
        if (!n->is_dir) {
            struct content c = content_at(d, i, prefix);
            n->full = c.bytes;
            n->size = c.size;
            n->hash = dsi_hash(c.bytes, c.size);
        }
    }
}

// --- One state ------------------------------------------------------------------------

// A new file that was not synced (2).
static struct content torn_file(const struct disk *d, int node, unsigned option)
{
    const struct node *n = &d->nodes[node];
    struct content c = {NULL, 0};
    size_t sectors = (n->size + SECTOR - 1) / SECTOR;
    size_t from = 0;
    size_t to = n->size;

    if (option == 1 || option == 7) {
        grow(&c, 0);
        for (size_t i = 0; i < d->data_count && option == 7; i++) {
            if (d->data[i].node == node) {
                apply(&c, &d->data[i], 0, d->data[i].size);
                option = 0; // Only the first write.
            }
        }
        return c;
    }
    to = option == 2   ? 0
         : option == 3 ? n->size / 2
         : option == 4 ? (n->size < SECTOR ? n->size / 2 : SECTOR)
         : option == 6 ? (sectors > 1 ? (sectors - 1) * SECTOR : n->size - (n->size > 0))
                       : to;
    from = option == 5 ? (n->size > SECTOR ? SECTOR : 1) : 0;
    grow(&c, option == 3 ? to : n->size);
    if (from < to) {
        memcpy(c.bytes + from, n->full + from, to - from);
    }
    return c;
}

// A file that is written in place (3).
static struct content torn_writes(const struct disk *d, int node)
{
    struct content c = base_of(&d->nodes[node]);

    for (size_t i = 0; i < d->data_count && d->data[i].at < d->prefix; i++) {
        const struct data_op *o = &d->data[i];
        unsigned option = 0;
        if (o->node != node) {
            continue;
        }
        for (size_t u = 0; u < d->unit_count; u++) {
            if (d->units[u].op == i &&
                (d->units[u].kind == UNIT_WRITE || d->units[u].kind == UNIT_TRUNCATE)) {
                option = d->choice[u];
            }
        }
        uint64_t middle = o->size / 2 / SECTOR * SECTOR;
        middle = middle ? middle : SECTOR;
        if (option != 1) {
            apply(&c, o, option == 3 ? middle : 0, option == 2 ? middle : o->size);
        }
    }
    return c;
}

static void fill_content(struct disk *d, int node, struct disk_file *f)
{
    struct content c = {NULL, 0};
    bool torn = false;

    for (size_t u = 0; u < d->unit_count; u++) {
        const struct unit *x = &d->units[u];
        if (d->choice[u] == 0 || x->kind == UNIT_ENTRY) {
            continue;
        }
        if (x->kind == UNIT_FILE && x->op == (size_t)node) {
            c = torn_file(d, node, d->choice[u]);
            torn = true;
        } else if (x->kind != UNIT_FILE && d->data[x->op].node == node && !torn) {
            c = torn_writes(d, node);
            torn = true;
        }
    }
    f->bytes = torn ? c.bytes : d->nodes[node].full;
    f->size = torn ? c.size : d->nodes[node].size;
    f->hash = torn ? dsi_hash(c.bytes, c.size) : d->nodes[node].hash;
    if (torn) {
        d->made[d->made_count++] = c.bytes;
    }
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ULL;
    return x ^ x >> 33;
}

// Puts the directories together: what is durable, and what is chosen. `scrap` is the
// choice for names that nobody opens again: 0 all, 1 none, 2 no removals.
static void choose_names(struct disk *d, unsigned scrap)
{
    bool pending = false;

    for (int i = 0; i < d->slot_count; i++) {
        d->slots[i].now = d->slots[i].base;
    }
    for (size_t i = 0; i < d->entry_count; i++) {
        const struct entry_op *o = &d->entries[i];
        if (!happened(o->at, o->durable, d->prefix, &pending)) {
            continue;
        }
        bool done = true;
        if (pending && d->slots[o->slot].scrap) {
            done = scrap == 0 || (scrap == 2 && o->node != NEVER);
        } else if (pending) {
            for (size_t u = 0; u < d->unit_count; u++) {
                done = d->units[u].kind == UNIT_ENTRY && d->units[u].op == i
                           ? d->choice[u] == 0
                           : done;
            }
        }
        if (done) {
            d->slots[o->slot].now = o->node;
        }
    }
}

// A directory that is not there has nothing in it. Slots come after their directory's.
static bool is_reached(const struct disk *d, int slot)
{
    for (; slot != NEVER; slot = d->slots[slot].parent) {
        if (d->slots[slot].now == NEVER) {
            return false;
        }
    }
    return true;
}

static void say_choice(struct disk *d, char *out, size_t size)
{
    size_t used = (size_t)snprintf(out, size, "after event %zu", d->prefix);

    for (size_t u = 0; u < d->unit_count && used < size; u++) {
        const struct unit *x = &d->units[u];
        const char *what = x->kind == UNIT_ENTRY
                               ? name_of(d->slots[d->entries[x->op].slot].path)
                           : x->kind == UNIT_FILE ? d->nodes[x->op].label
                                                  : d->nodes[d->data[x->op].node].label;
        if (d->choice[u] > 0) {
            used += (size_t)snprintf(out + used, size - used, ", %s %.60s %u",
                                     x->kind == UNIT_ENTRY ? "no name" : "torn", what,
                                     d->choice[u]);
        }
    }
}

static bool tell_state(struct disk *d, disk_state_fn fn, void *arg)
{
    struct disk_state *s = &d->state;
    uint64_t choices = d->prefix;

    for (size_t u = 0; u < d->unit_count; u++) {
        choices = mix(choices + d->choice[u] + 1);
    }
    choose_names(d, (unsigned)(choices % 3));
    forget_made(d);
    *s = (struct disk_state){.files = d->files, .acked = d->acked, .prefix = d->prefix};
    for (int i = 0; i < d->slot_count; i++) {
        struct disk_file *f = &d->files[s->count];
        if (!is_reached(d, i)) {
            continue;
        }
        *f = (struct disk_file){.path = d->slots[i].path};
        if (!d->nodes[d->slots[i].now].is_dir) {
            fill_content(d, d->slots[i].now, f);
        }
        s->count++;
        if (!d->slots[i].scrap) {
            s->hash += mix(dsi_hash(f->path, strlen(f->path)) ^ mix(f->hash + 1));
        }
    }
    for (size_t i = 0; i < DISK_ACKS; i++) {
        s->hash += d->acked[i] ? mix(i + 77) : 0;
    }
    say_choice(d, s->about, sizeof s->about);
    return fn(arg, s);
}

// --- All states -----------------------------------------------------------------------

// The next choice in the order of counting; false after the last.
static bool next_choice(struct disk *d)
{
    for (size_t u = 0; u < d->unit_count; u++) {
        if (++d->choice[u] < d->units[u].options) {
            return true;
        }
        d->choice[u] = 0;
    }
    return false;
}

static void set_all(struct disk *d, unsigned choice)
{
    for (size_t u = 0; u < d->unit_count; u++) {
        d->choice[u] = choice;
    }
}

// Everything and nothing, and what differs from them in one or two units.
static bool near_states(struct disk *d, size_t *left, disk_state_fn fn, void *arg)
{
    bool more = true;

    for (unsigned from = 0; from < 2; from++) {
        set_all(d, from);
        more = more && tell_state(d, fn, arg);
        for (size_t a = 0; a < d->unit_count; a++) {
            for (size_t b = a; b < d->unit_count && more && *left > 0; b++) {
                for (unsigned k = 0; k < d->units[a].options && more && *left > 0; k++) {
                    for (unsigned m = 0; m < (a == b ? 1 : d->units[b].options); m++) {
                        set_all(d, from);
                        d->choice[a] = k;
                        d->choice[b] = a == b ? k : m;
                        more = more && tell_state(d, fn, arg);
                        *left -= *left > 0;
                    }
                }
            }
        }
    }
    return more;
}

static bool prefix_states(struct disk *d, size_t most, uint64_t *seed, disk_state_fn fn,
                          void *arg, size_t *cut)
{
    size_t product = 1;
    bool more = true;

    for (size_t u = 0; u < d->unit_count && product <= most; u++) {
        product *= d->units[u].options;
    }
    set_all(d, 0);
    if (product <= most) {
        do {
            more = tell_state(d, fn, arg);
        } while (more && next_choice(d));
        return more;
    }
    ++*cut;
    size_t left = most / 2;
    more = near_states(d, &left, fn, arg);
    for (size_t i = 0; i < most / 2 + left && more; i++) {
        for (size_t u = 0; u < d->unit_count; u++) {
            *seed = mix(*seed + 0x9e3779b97f4a7c15ULL);
            d->choice[u] = (unsigned)(*seed % d->units[u].options);
        }
        more = tell_state(d, fn, arg);
    }
    return more;
}

void disk_each_state(struct disk *d, size_t most, uint64_t seed, disk_state_fn fn,
                     void *arg, size_t *cut)
{
    size_t count = 0;
    bool more = true;

    trace_events(d->trace, &count);
    for (size_t prefix = count + 1; prefix > 0 && more; prefix--) {
        look_at_prefix(d, prefix - 1);
        more = prefix_states(d, most, &seed, fn, arg, cut);
    }
}
