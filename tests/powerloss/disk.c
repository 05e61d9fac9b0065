#include "powerloss/disk_parts.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "crash/table_kit.h"

void disk_die(const char *what, const char *path)
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

const char *disk_name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// Hidden, but read again.
static bool is_ledger(const char *path)
{
    return strncmp(disk_name_of(path), ".datashard-ledger-", 18) == 0 &&
           !ends_in(path, ".tmp");
}

static bool is_scrap(const char *path)
{
    return strncmp(disk_name_of(path), ".datashard-", 11) == 0 && !is_ledger(path);
}

static const char *label_of(const char *path)
{
    const char *name = disk_name_of(path);

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
        disk_die("too many files", "");
    }
    d->nodes[d->node_count] = (struct node){.is_dir = is_dir,
                                            .existed = existed,
                                            .label = "temporary",
                                            .last_op = NEVER,
                                            .unit = NEVER};
    return d->node_count++;
}

// Where the path's slot is, or would be.
static size_t place_of(const struct disk *d, const char *path)
{
    size_t at = dsi_hash(path, strlen(path)) % SLOT_HASHES;

    while (d->slot_of_hash[at] > 0 &&
           strcmp(d->slots[d->slot_of_hash[at] - 1].path, path) != 0) {
        at = (at + 1) % SLOT_HASHES;
    }
    return at;
}

int disk_slot(const struct disk *d, const char *path)
{
    if (strcmp(path, d->root) == 0) {
        return NEVER;
    }
    int slot = d->slot_of_hash[place_of(d, path)];
    return slot > 0 ? slot - 1 : NEVER - 1;
}

// The slot of a path, made when it is new; NEVER for the root itself.
static int slot_of(struct disk *d, const char *path)
{
    char parent[KIT_PATH_MAX];

    if (strcmp(path, d->root) == 0) {
        return NEVER;
    }
    int known = disk_slot(d, path);
    if (known >= 0) {
        return known;
    }
    snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(path, '/') - path), path);
    int up = slot_of(d, parent);
    if (d->slot_count == NODES_MAX) {
        disk_die("too many names", path);
    }
    struct slot *s = &d->slots[d->slot_count];
    *s = (struct slot){.parent = up,
                       .base = NEVER,
                       .now = NEVER,
                       .scrap = is_scrap(path),
                       .is_queue = kit_is_queue(path),
                       .last_op = NEVER};
    snprintf(s->path, sizeof s->path, "%s", path);
    d->slot_of_hash[place_of(d, path)] = d->slot_count + 1;
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
    int before = d->slots[slot].last_op;
    d->slots[slot].last_op = (int)d->entry_count;
    d->entries[d->entry_count++] =
        (struct entry_op){.slot = slot,
                          .dir = up == NEVER ? 0 : d->slots[up].now,
                          .node = node,
                          .at = at,
                          .durable = SIZE_MAX,
                          .before = before,
                          .unit = NEVER};
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
            disk_die("no", path);
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
            disk_die("cannot read", path);
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
                         .durable = SIZE_MAX,
                         .unit = NEVER};

    if (node == NEVER) {
        disk_die("written without being open:", e->path ? e->path : "");
    }
    if (!op.truncates && op.offset == UINT64_MAX) {
        op.offset = open_of(all, e)->position;
        open_of(all, e)->position += op.size;
    }
    op.before = d->nodes[node].last_op;
    d->nodes[node].last_op = (int)d->data_count;
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
    case TRACE_NEW:
        *open_of(all, e) = (struct open_file){new_node(d, false, false), 0};
        break;
    case TRACE_NAME:
        enter(d, e->path, node_of(d, all, e), at);
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
    case TRACE_EXCHANGE:
        node = node_at(d, e->path);
        enter(d, e->path, node_at(d, e->other), at);
        enter(d, e->other, node, at);
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
            return disk_name_of(d->slots[i].path);
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
        disk_die("no memory", root);
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

void disk_free(struct disk *d)
{
    for (int i = 0; i < d->node_count; i++) {
        free(d->nodes[i].now.bytes);
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

void disk_grow(struct content *c, size_t size)
{
    if (size > c->size || !c->bytes) {
        uint8_t *more = realloc(c->bytes, size + 1);
        if (!more) {
            disk_die("no memory", "");
        }
        memset(more + c->size, 0, size > c->size ? size - c->size : 0);
        c->bytes = more;
        c->size = size > c->size ? size : c->size;
    }
}

// Applies bytes [from, to) of a write.
void disk_apply(struct content *c, const struct data_op *o, uint64_t from, uint64_t to)
{
    if (o->truncates) {
        disk_grow(c, o->size);
        c->size = o->size;
    } else if (from < to) {
        disk_grow(c, o->offset + to);
        memcpy(c->bytes + o->offset + from, o->bytes + from, to - from);
    }
}

struct content disk_base_of(const struct node *n)
{
    struct content c = {NULL, 0};

    disk_grow(&c, n->base_size);
    if (n->base_size > 0) {
        memcpy(c.bytes, n->base, n->base_size);
    }
    return c;
}

// The whole content of a node after the first `prefix` events.
static struct content content_at(const struct disk *d, int node, size_t prefix)
{
    struct content c = disk_base_of(&d->nodes[node]);
    bool is_queue = d->nodes[node].is_queue;

    for (size_t i = 0; i < d->data_count && d->data[i].at < prefix; i++) {
        const struct data_op *o = &d->data[i];
        bool beyond = is_queue && (o->truncates || o->offset + o->size > QUEUE_KEPT);
        if (o->node == node && !beyond) {
            disk_apply(&c, o, 0, o->size);
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
