// What disk.c (the trace, read) and disk_cut.c (what a power cut may leave) share.
#ifndef DSI_TEST_DISK_PARTS_H
#define DSI_TEST_DISK_PARTS_H

#include "crash/table_kit.h"
#include "powerloss/disk.h"

enum {
    NODES_MAX = 4000,
    OPS_MAX = TRACE_EVENTS_MAX,
    SLOT_HASHES = 16384, // A power of two, more than twice NODES_MAX.
    KNOWN_HASHES = 1 << 15,
    QUEUE_KEPT = 128 << 10, // Of its 32 MiB.
    NEVER = -1,
};

struct content {
    uint8_t *bytes;
    size_t size;
};

struct node {
    bool is_dir;
    bool existed;      // Before the trace.
    bool is_queue;     // (4)
    const char *label; // What sort of file it is, for sites.
    uint8_t *base;     // Its content before the trace.
    size_t base_size;
    int last_op; // The last change of its content; NEVER: none.

    // While a state is put together.
    struct content now; // As `now_key` says.
    uint64_t now_key;   // 0: not made yet.
    uint64_t made_for;  // The choice for which the key was worked out.
    int unit;           // Of its content as a whole; NEVER: none.
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
    int before;     // The change of the same file before it; NEVER: none.
    int unit;       // Of the cut that is looked at; NEVER: none.
};

// A place in a directory: a path that some file had at some time.
struct slot {
    char path[KIT_PATH_MAX];
    int parent; // The slot of its directory; NEVER: the root.
    int base;   // The node that was there before the trace; NEVER: none.
    int now;    // While the trace is read.
    bool scrap; // A temporary name or a lock (1).
    bool is_queue;
    int last_op; // The last change of the entry; NEVER: none.
};

struct entry_op {
    int slot;
    int dir;  // The node of its directory.
    int node; // NEVER: removed.
    size_t at;
    size_t durable;
    int before;
    int unit;
};

struct sync {
    int node;
    size_t at;
    size_t began;
    char site[DISK_SITE_MAX];
};

enum unit_kind {
    UNIT_MODE,
    UNIT_QUEUE,
    UNIT_SCRAP,
    UNIT_ENTRY,
    UNIT_FILE,
    UNIT_WRITE,
    UNIT_TRUNCATE
};

// A choice of one state.
struct unit {
    enum unit_kind kind;
    int op; // Or, of a file, its node.
    unsigned options;
};

// A part of a content whose hash is known.
struct known_hash {
    uint64_t key; // The content's `now_key`.
    int node;
    uint64_t from;
    uint64_t to;
    uint64_t hash;
};

struct disk {
    const struct trace *trace;
    char root[KIT_PATH_MAX];
    struct node nodes[NODES_MAX];
    int node_count;
    struct slot slots[NODES_MAX];
    int slot_count;
    int slot_of_hash[SLOT_HASHES]; // Slot + 1 by the hash of its path; 0: free.
    struct data_op data[OPS_MAX];
    size_t data_count;
    struct entry_op entries[OPS_MAX];
    size_t entry_count;
    struct sync syncs[OPS_MAX];
    size_t sync_count;
    size_t acks;
    char left_out[DISK_SITE_MAX];

    // Of the cut that is looked at.
    size_t prefix;
    bool acked[DISK_ACKS];
    struct unit units[DISK_UNITS_MAX];
    size_t unit_count;
    int scrap_unit;
    int queue_unit;
    uint8_t choice[DISK_UNITS_MAX];
    struct known_hash known[KNOWN_HASHES];
    uint64_t chosen; // How many choices there have been.

    struct disk_file files[NODES_MAX]; // Of the state that is told.
};

/// Ends the process.
void disk_die(const char *what, const char *path);

const char *disk_name_of(const char *path);

/// At least `size` bytes, with zeros where there were none.
void disk_grow(struct content *c, size_t size);

/// Applies bytes [from, to) of a write.
void disk_apply(struct content *c, const struct data_op *o, uint64_t from, uint64_t to);

struct content disk_base_of(const struct node *n);

#endif
