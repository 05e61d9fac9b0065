#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "powerloss/disk_parts.h"

enum { SECTOR = 512, FILE_OPTIONS = 8, QUEUE_OPTIONS = 6, SCRAP_OPTIONS = 3 };

static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdULL;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ULL;
    return x ^ x >> 33;
}

// --- The units of one cut -------------------------------------------------------------

size_t disk_cuts(const struct disk *d)
{
    size_t count = 0;

    trace_events(d->trace, &count);
    return count + 1;
}

// What is there after a sync may be there before it as well; and opening leaves no trace.
bool disk_cut_differs(const struct disk *d, size_t prefix)
{
    size_t count = 0;
    const struct trace_event *e = &trace_events(d->trace, &count)[prefix - (prefix > 0)];

    return prefix == 0 || (e->kind != TRACE_FSYNC && e->kind != TRACE_SYNC_DIR &&
                           (e->kind != TRACE_OPEN || e->create));
}

// SQLite's files are written in place: each write is a unit, also in a new one.
static bool is_in_place(const struct node *n)
{
    return n->existed || strcmp(n->label, "journal") == 0 ||
           strcmp(n->label, "database") == 0;
}

static int add_unit(struct disk *d, enum unit_kind kind, int op, unsigned options)
{
    if (d->unit_count == DISK_UNITS_MAX) {
        disk_die("too many units", "");
    }
    d->units[d->unit_count] = (struct unit){kind, op, options};
    return (int)d->unit_count++;
}

static void add_entry_units(struct disk *d)
{
    for (size_t i = 0; i < d->entry_count; i++) {
        struct entry_op *o = &d->entries[i];
        const struct slot *s = &d->slots[o->slot];
        o->unit = NEVER;
        if (o->at >= d->prefix) {
            continue;
        }
        if (s->is_queue && d->queue_unit == NEVER) {
            d->queue_unit = add_unit(d, UNIT_QUEUE, NEVER, QUEUE_OPTIONS);
        }
        if (o->durable < d->prefix) {
            continue;
        }
        if (s->scrap && d->scrap_unit == NEVER) {
            d->scrap_unit = add_unit(d, UNIT_SCRAP, NEVER, SCRAP_OPTIONS);
        }
        o->unit = s->scrap ? d->scrap_unit : add_unit(d, UNIT_ENTRY, (int)i, 2);
    }
}

static void add_data_units(struct disk *d)
{
    for (size_t i = 0; i < d->data_count; i++) {
        struct data_op *o = &d->data[i];
        struct node *n = &d->nodes[o->node];
        o->unit = NEVER;
        if (o->at >= d->prefix || o->durable < d->prefix || n->is_queue) {
            continue;
        }
        if (is_in_place(n)) {
            o->unit = o->truncates
                          ? add_unit(d, UNIT_TRUNCATE, (int)i, 2)
                          : add_unit(d, UNIT_WRITE, (int)i, o->size > SECTOR ? 4 : 2);
        } else if (n->unit == NEVER) {
            n->unit = add_unit(d, UNIT_FILE, o->node, FILE_OPTIONS);
        }
    }
}

void disk_cut(struct disk *d, size_t prefix, struct disk_cut *out)
{
    size_t count = 0;
    const struct trace_event *events = trace_events(d->trace, &count);

    d->prefix = prefix;
    d->chosen++;
    d->unit_count = 0;
    d->scrap_unit = NEVER;
    d->queue_unit = NEVER;
    memset(d->acked, 0, sizeof d->acked);
    memset(d->choice, 0, sizeof d->choice);
    for (size_t i = 0; i < prefix; i++) {
        if (events[i].kind == TRACE_ACK) {
            d->acked[events[i].id % DISK_ACKS] = true;
        }
    }
    for (int i = 0; i < d->node_count; i++) {
        d->nodes[i].unit = NEVER;
    }
    add_unit(d, UNIT_MODE, NEVER, 2);
    for (int i = 0; i < d->slot_count; i++) {
        if (d->slots[i].is_queue && d->slots[i].base != NEVER && d->queue_unit == NEVER) {
            d->queue_unit = add_unit(d, UNIT_QUEUE, NEVER, QUEUE_OPTIONS);
        }
    }
    add_entry_units(d);
    add_data_units(d);
    out->unit_count = d->unit_count;
    for (size_t u = 0; u < d->unit_count; u++) {
        out->options[u] = d->units[u].options;
    }
}

void disk_choose(struct disk *d, const uint8_t *choice)
{
    memcpy(d->choice, choice, d->unit_count);
    d->chosen++;
}

const bool *disk_acked(const struct disk *d)
{
    return d->acked;
}

// --- Contents -------------------------------------------------------------------------

static unsigned choice_of(const struct disk *d, int unit)
{
    return unit == NEVER ? 0 : d->choice[unit];
}

// A new file that was not synced (2); `c` is all of it, `first` its first write.
static void tear_file(struct content *c, unsigned option, const struct data_op *first)
{
    size_t sectors = (c->size + SECTOR - 1) / SECTOR;
    size_t from = 0;
    size_t to = c->size;

    if (option == 1 || option == 7) {
        c->size = 0;
        if (option == 7) {
            disk_apply(c, first, 0, first->size);
        }
        return;
    }
    to = option == 2   ? 0
         : option == 3 ? c->size / 2
         : option == 4 ? (c->size < SECTOR ? c->size / 2 : SECTOR)
         : option == 6 ? (sectors > 1 ? (sectors - 1) * SECTOR : c->size - (c->size > 0))
                       : to;
    from = option == 5 ? (c->size > SECTOR ? SECTOR : 1) : 0;
    from = from < c->size ? from : c->size;
    memset(c->bytes, 0, from);
    if (option == 3) {
        c->size = to;
    } else {
        memset(c->bytes + to, 0, c->size - to);
    }
}

// One write or truncation, as far as it is there (3).
static void do_op(const struct disk *d, struct content *c, const struct data_op *o)
{
    unsigned option = choice_of(d, o->unit);
    uint64_t middle = o->size / 2 / SECTOR * SECTOR;

    middle = middle ? middle : SECTOR;
    if (option != 1) {
        disk_apply(c, o, option == 3 ? middle : 0, option == 2 ? middle : o->size);
    }
}

// Those before the cut, the last first; how many.
static size_t ops_of(const struct disk *d, const struct node *n, int *ops)
{
    size_t count = 0;

    for (int i = n->last_op; i != NEVER; i = d->data[i].before) {
        const struct data_op *o = &d->data[i];
        bool beyond = n->is_queue && (o->truncates || o->offset + o->size > QUEUE_KEPT);
        if (o->at < d->prefix && !beyond) {
            ops[count++] = i;
        }
    }
    return count;
}

static const struct content *content_of(struct disk *d, struct node *n)
{
    static int ops[OPS_MAX];

    if (n->made_for == d->chosen) {
        return &n->now;
    }
    n->made_for = d->chosen;
    size_t count = ops_of(d, n, ops);
    uint64_t key = mix(choice_of(d, n->unit) + 1);

    for (size_t i = 0; i < count; i++) {
        key = mix(key + (uint64_t)ops[i] * 8 + choice_of(d, d->data[ops[i]].unit) + 1);
    }
    key += key == 0;
    if (n->now_key != key) {
        free(n->now.bytes);
        n->now = disk_base_of(n);
        for (size_t i = count; i > 0; i--) {
            do_op(d, &n->now, &d->data[ops[i - 1]]);
        }
        if (choice_of(d, n->unit) > 0) {
            tear_file(&n->now, choice_of(d, n->unit), &d->data[ops[count - 1]]);
        }
        n->now_key = key;
    }
    return &n->now;
}

// The hash of a part of it. The same part is asked for in thousands of states.
static uint64_t hash_of(struct disk *d, int node, uint64_t from, uint64_t to)
{
    const struct content *c = content_of(d, &d->nodes[node]);
    uint64_t key = d->nodes[node].now_key;
    struct known_hash *k =
        &d->known[mix(key + mix(from * 31 + to) + (uint64_t)node) % KNOWN_HASHES];

    if (k->key != key || k->node != node || k->from != from || k->to != to) {
        *k = (struct known_hash){key, node, from, to,
                                 dsi_hash(c->bytes + from, to - from)};
    }
    return k->hash;
}

// --- What is there --------------------------------------------------------------------

struct reader {
    disk_reads_fn fn;
    void *arg;
};

static void read_unit(const struct reader *r, int unit)
{
    if (unit != NEVER && r->fn) {
        r->fn(r->arg, (size_t)unit);
    }
}

// The node that the slot's directory has under its name. The last change that is done
// says it; what was before that does not matter.
static int entry_of(const struct disk *d, int slot, const struct reader *r)
{
    for (int i = d->slots[slot].last_op; i != NEVER; i = d->entries[i].before) {
        const struct entry_op *o = &d->entries[i];
        if (o->at >= d->prefix) {
            continue;
        }
        unsigned option = choice_of(d, o->unit);
        read_unit(r, o->unit);
        if (option == 0 || (option == 2 && o->node != NEVER)) { // 2: of scrap alone.
            return o->node;
        }
    }
    return d->slots[slot].base;
}

// The same, NEVER also where a directory above is not there. `slot` is not the root.
static int node_of(const struct disk *d, int slot, const struct reader *r)
{
    int node = entry_of(d, slot, r);

    for (int up = d->slots[slot].parent; up != NEVER && node != NEVER;
         up = d->slots[up].parent) {
        node = entry_of(d, up, r) == NEVER ? NEVER : node;
    }
    if (node != NEVER && d->slots[slot].is_queue) {
        read_unit(r, d->queue_unit);
        node = choice_of(d, d->queue_unit) == 1 ? NEVER : node;
    }
    return node;
}

// Tells the units that say what is in [offset, end) of a file, and, where the file may
// end before that, how large it is.
static void read_content(const struct disk *d, int node, uint64_t offset, uint64_t end,
                         const struct reader *r)
{
    const struct node *n = &d->nodes[node];
    uint64_t sure = n->base_size; // It is no smaller.
    bool cut = false;

    for (int i = n->last_op; i != NEVER; i = d->data[i].before) {
        const struct data_op *o = &d->data[i];
        if (o->at < d->prefix && o->truncates) {
            cut = true;
        } else if (o->at < d->prefix && o->unit == NEVER && o->offset + o->size > sure) {
            sure = o->offset + o->size;
        }
    }
    read_unit(r, n->unit);
    for (int i = n->last_op; i != NEVER; i = d->data[i].before) {
        const struct data_op *o = &d->data[i];
        bool there = o->offset < end && offset < o->offset + o->size;
        bool makes_larger = end > sure && o->offset + o->size > sure;
        if (o->at < d->prefix && (cut || there || makes_larger)) {
            read_unit(r, o->unit);
        }
    }
}

static uint64_t names_in(const struct disk *d, int dir, const struct reader *r)
{
    uint64_t names = 1;

    for (int i = 0; i < d->slot_count; i++) {
        if (d->slots[i].parent == dir) {
            int node = node_of(d, i, r);
            names += node == NEVER ? 0 : mix((uint64_t)i * 2 + d->nodes[node].is_dir + 1);
        }
    }
    return names;
}

static uint64_t answer_of_file(struct disk *d, int node, const struct disk_question *q,
                               const struct reader *r)
{
    if (d->nodes[node].is_queue) { // As a whole.
        const struct content *c = content_of(d, &d->nodes[node]);
        read_unit(r, d->queue_unit);
        return mix(hash_of(d, node, 0, c->size) + choice_of(d, d->queue_unit));
    }
    if (q->asks == DISK_SIZE) {
        read_content(d, node, UINT64_MAX, UINT64_MAX, r);
        return mix(content_of(d, &d->nodes[node])->size + 2);
    }
    uint64_t end = q->size > UINT64_MAX - q->offset ? UINT64_MAX : q->offset + q->size;
    read_content(d, node, q->offset, end, r);
    const struct content *c = content_of(d, &d->nodes[node]);
    uint64_t from = q->offset < c->size ? q->offset : c->size;
    uint64_t to = end < c->size ? end : c->size;
    return mix(hash_of(d, node, from, to) + (to - from) + 2);
}

uint64_t disk_answer(struct disk *d, const struct disk_question *q, disk_reads_fn reads,
                     void *arg)
{
    struct reader r = {reads, arg};

    if (q->asks == DISK_MODE) {
        read_unit(&r, 0);
        return d->choice[0];
    }
    if (q->asks == DISK_ACKED) {
        return d->acked[q->slot % DISK_ACKS];
    }
    int node = q->slot == NEVER ? 0 : q->slot < NEVER ? NEVER : node_of(d, q->slot, &r);
    if (node == NEVER) {
        return 0;
    }
    if (d->nodes[node].is_dir) {
        return q->asks == DISK_NAMES ? names_in(d, q->slot, &r) : 1;
    }
    return q->asks == DISK_THERE || q->asks == DISK_NAMES
               ? 2
               : answer_of_file(d, node, q, &r);
}

void disk_put(struct disk *d, struct disk_state *out)
{
    struct reader nobody = {NULL, NULL};

    *out = (struct disk_state){.files = d->files,
                               .queue = choice_of(d, d->queue_unit),
                               .asks = d->choice[0] == 1};
    for (int i = 0; i < d->slot_count; i++) {
        int node = node_of(d, i, &nobody);
        if (node == NEVER) {
            continue;
        }
        struct disk_file *f = &d->files[out->count++];
        *f = (struct disk_file){.path = d->slots[i].path};
        if (!d->nodes[node].is_dir) {
            const struct content *c = content_of(d, &d->nodes[node]);
            f->bytes = c->bytes;
            f->size = c->size;
        }
    }
}

void disk_about(const struct disk *d, char *out, size_t size)
{
    static const char *const kinds[] = {
        [UNIT_MODE] = "asked for", [UNIT_QUEUE] = "queue", [UNIT_SCRAP] = "temporaries",
        [UNIT_ENTRY] = "no name",  [UNIT_FILE] = "torn",   [UNIT_WRITE] = "torn",
        [UNIT_TRUNCATE] = "torn",
    };
    size_t used = (size_t)snprintf(out, size, "after event %zu", d->prefix);

    for (size_t u = 0; u < d->unit_count && used < size; u++) {
        const struct unit *x = &d->units[u];
        const char *what = x->kind == UNIT_ENTRY
                               ? disk_name_of(d->slots[d->entries[x->op].slot].path)
                           : x->kind == UNIT_FILE ? d->nodes[x->op].label
                           : x->op == NEVER       ? ""
                                                  : d->nodes[d->data[x->op].node].label;
        if (d->choice[u] > 0) {
            used += (size_t)snprintf(out + used, size - used, ", %s %.60s %u",
                                     kinds[x->kind], what, d->choice[u]);
        }
    }
}
