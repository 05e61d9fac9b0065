// What the parts of the kill -9 check share: the ledger, in which writers note what they
// intend and what was acknowledged, and the roles that processes play.
//
// (1) The ledger is memory that the parent maps and every process inherits: a kill -9
//     loses nothing of what was noted.
// (2) An intent is noted before its append is called, its acknowledgement after the call
//     returned; one lane (a thread of a writer) has one intent open at a time.
// (3) Everything about an append follows from the run's seed and its number: how many
//     rows, their texts, its identity. So a row can be checked by whoever meets it.
#ifndef DSI_TESTS_KILL9_K9_H
#define DSI_TESTS_KILL9_K9_H

#include <datashard/datashard.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    K9_WRITERS_MAX = 64,
    K9_LANES_MAX = 128,
    K9_TOKENS_MAX = 8192,
    K9_PATH_SIZE = 1024,
    K9_ROWS_MAX = 1400,     // Of one append.
    K9_TEXT_MAX = 40000,    // Bytes of one row's text.
    K9_PYICEBERG = 1000,    // The "lane" of PyIceberg's rows.
    K9_PYICEBERG_HEAD = 16, // Bytes before its states: stop, percent of progress.
    K9_EXAMPLES = 20,       // Findings told in words, for each process.
};

enum k9_state {
    K9_NONE = 0,    // Not intended yet.
    K9_OPEN = 1,    // Intended; the append may be running.
    K9_ACKED = 2,   // Acknowledged.
    K9_UNKNOWN = 3, // The writer was killed, or the outcome was unknown.
    K9_REFUSED = 4, // Said not to be committed: never right here.
};

// What resolving an unknown outcome said.
enum k9_answer { K9_ANSWER_NONE = 0, K9_ANSWER_THERE = 1, K9_ANSWER_ABSENT = 2 };

enum k9_plant {
    K9_PLANT_NONE,
    K9_PLANT_ACK_EARLY, // Acknowledged before the append has returned.
    K9_PLANT_DOUBLE,    // Some rows appended twice.
    K9_PLANT_ALIEN,     // Rows nobody intended.
    K9_PLANT_AGAIN,     // After a kill: committed again under another identity.
    K9_PLANT_LITTER,    // A file that no crash explains.
    K9_PLANT_HANG,      // A writer that never goes on.
};

struct k9_intent {
    _Atomic uint8_t state; // enum k9_state.
    uint8_t answer;        // enum k9_answer.
    uint8_t again;         // Its commit was repeated with the same identity.
    uint8_t reserved;
    uint32_t token; // 1 + its place among the tokens; 0: none.
};

// One thread of a writer: the appends [first, first + count), `done` of which are over.
struct k9_lane {
    int64_t first;
    int64_t count;
    _Atomic int64_t done;
    _Atomic int64_t since_ms; // When it last began or ended an append.
};

// What one look at the whole table found. Appends are counted, but rows in `rows`,
// `duplicate` and `alien`.
struct k9_found {
    int64_t rows;
    int64_t lost;      // Acknowledged before the look began, and not there in whole.
    int64_t torn;      // There in part.
    int64_t gone;      // Seen by an earlier look of the same process.
    int64_t duplicate; // Rows that came again.
    int64_t alien;     // Rows nobody intended.
};

struct k9_shared {
    _Atomic int64_t started; // Appends begun, in all.
    _Atomic int64_t acked;
    _Atomic int64_t settled; // Unknown ones that were settled by their writer.
    _Atomic int64_t limit;   // No append begins beyond this many.
    _Atomic int give_way;    // No append begins: another engine wants its turn.
    _Atomic int stop;        // All but the writers are to end.
    _Atomic int leader;      // Process that leads, where it is known; else 0.
    _Atomic int64_t beat_sent;
    _Atomic int64_t beat_acked; // What the expirer set a property to.
    _Atomic int64_t scans;
    _Atomic int64_t scans_missed; // Overtaken by expiry: named errors.
    _Atomic int64_t group_max;    // The largest group seen.
    _Atomic int64_t doubts;       // Of expirer and deleter: nobody could say.
    _Atomic int64_t replaced;     // Data files, by the deleter.
    _Atomic int64_t outrun;       // Replacements whose files were merged meanwhile.
    _Atomic int64_t given_up; // Tries that were given little time, and did not commit.
    int64_t takeovers;        // From leaders that did not move.
    struct k9_found reader;   // The worst of its scans.
    struct k9_found final[3]; // Before settling, after, after the clean-up.
    int64_t snapshots;
    int64_t leftovers; // Unreferenced files found by the clean-up,
    int64_t orphans;   // and those that it left.
    int64_t missing;   // Referenced files that are not there.
    int64_t errors;    // Disagreements between answers and rows.
    _Atomic uint32_t token_count;
    char tokens[K9_TOKENS_MAX][512];
    struct k9_lane lanes[K9_LANES_MAX];
    struct k9_intent intents[]; // `appends` of them.
};

struct k9_run {
    char dir[K9_PATH_SIZE]; // Absolute: of this catalog.
    bool path_table;
    uint64_t seed;
    int writers;
    int lanes;
    int64_t appends;
    int64_t pyiceberg; // Appends of PyIceberg.
    int64_t kills;
    int64_t stops;
    int64_t stop_ms_max;
    int64_t vandals; // Times that queue or locks are damaged.
    int64_t keep;    // Snapshots kept by expiry.
    int64_t watchdog_ms;
    bool late; // Commits are repeated at the end, too, when their snapshots are gone.
    enum k9_plant plant;
    const char *reach;  // The program that lists the files a table reaches.
    const char *python; // NULL: no PyIceberg.
    const char *script;
    struct k9_shared *shared;
    /// Shared with PyIceberg's process: K9_PYICEBERG_HEAD bytes, then one letter an
    /// append: 'I' intended, 'A' acknowledged.
    uint8_t *pyiceberg_state;
};

// ledger.c

uint64_t k9_mix(uint64_t x);
int64_t k9_now_ms(void);
void k9_sleep_ms(int64_t ms);
void k9_die(const char *what); // errno, exit status 3.
void k9_fail(const char *what, const struct ds_error *err);

/// Maps the ledger and divides the appends among lanes.
void k9_ledger_make(struct k9_run *run);
void k9_ledger_free(struct k9_run *run);

/// Which writer a lane belongs to; a few writers have three lanes.
int k9_lanes_of(const struct k9_run *run, int writer);
int k9_first_lane(const struct k9_run *run, int writer);

/// Everything that follows from a number. PyIceberg's appends come after ours.
int64_t k9_total(const struct k9_run *run);
enum k9_state k9_state_of(const struct k9_run *run, int64_t number);
int32_t k9_lane_of(const struct k9_run *run, int64_t number);
uint64_t k9_nonce(const struct k9_run *run, int64_t number);
int32_t k9_rows(const struct k9_run *run, int64_t number);
bool k9_identity_given(const struct k9_run *run, int64_t number);
void k9_identity(const struct k9_run *run, int64_t number, char out[37]);
int64_t k9_hurry_ms(const struct k9_run *run, int64_t number); // 0: in no hurry.
size_t k9_text(const struct k9_run *run, int64_t number, int32_t part,
               char out[K9_TEXT_MAX]);

// rows.c

/// An append's rows as an Arrow stream. It stays the caller's until k9_batch_free.
struct k9_batch;
struct k9_batch *k9_batch_make(const struct k9_run *run, int64_t number);
struct ArrowArrayStream k9_batch_stream(struct k9_batch *batch);
void k9_batch_free(struct k9_batch *batch);

/// Which rows a scan met: identity of rows, not counts.
struct k9_tally {
    const struct k9_run *run;
    int64_t *base;   // Of each number: its first bit.
    uint8_t *bits;   // One for each row that can be.
    uint32_t *seen;  // Distinct rows of each number.
    uint8_t *before; // Each number's state when the scan began.
    uint8_t *ever;   // Numbers met by an earlier scan.
    char *text;
    struct k9_found found;
    int told;
};
void k9_tally_make(struct k9_tally *t, const struct k9_run *run);
void k9_tally_free(struct k9_tally *t);

/// Scans the whole table as it is now and fills t->found. On failure the found means
/// nothing.
int k9_tally_scan(struct k9_tally *t, ds_table *table, struct ds_error *err);

// roles.c: what processes do; none returns.

ds_table *k9_open(const struct k9_run *run);
void k9_create(const struct k9_run *run);
void k9_writer(const struct k9_run *run, int writer);
void k9_expirer(const struct k9_run *run);
void k9_reader(const struct k9_run *run);
void k9_watcher(const struct k9_run *run);
void k9_final_scan(const struct k9_run *run, int which);
void k9_settle(const struct k9_run *run);

// deleter.c: likewise.

void k9_deleter(const struct k9_run *run);

// clean.c: likewise.

void k9_clean(const struct k9_run *run);

// vandal.c

/// Damages the queue of the table's writers, or one of their locks.
void k9_vandal(const struct k9_run *run, uint64_t *random);

// storm.c: processes.

enum k9_role {
    K9_ROLE_CREATE,
    K9_ROLE_WRITER, // The index says which.
    K9_ROLE_EXPIRER,
    K9_ROLE_DELETER,
    K9_ROLE_READER,
    K9_ROLE_WATCHER, // Tells who leads.
    K9_ROLE_PYICEBERG,
    K9_ROLE_SCAN, // The index says into which k9_shared.final.
    K9_ROLE_SETTLE,
    K9_ROLE_CLEAN,
};

/// What the storm did.
struct k9_storm {
    int64_t kills;
    int64_t stops;
    int64_t vandals;
    int64_t leaders;    // Of the kills and stops: of who led then.
    int64_t ms;         // It took.
    int64_t longest_ms; // Without any acknowledgement.
};

/// Runs one role to its end, in a process of its own. False when it failed or hung.
bool k9_do(const struct k9_run *run, enum k9_role role, int index);

/// Runs writers, reader, expirer, deleter and PyIceberg, killing and stopping at random,
/// until every writer is done. False when something failed or hung; it was told in words.
bool k9_storm_run(const struct k9_run *run, struct k9_storm *out);

#endif
