// The ledger, and what follows from a number.
#include "k9.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    THREADED_LANES = 3, // In each fourth writer.
};

uint64_t k9_mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

int64_t k9_now_ms(void)
{
    struct timespec t = {0};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void k9_sleep_ms(int64_t ms)
{
    struct timespec t = {ms / 1000, (ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

void k9_die(const char *what)
{
    fprintf(stderr, "kill9: %s: %s\n", what, strerror(errno));
    _exit(3);
}

void k9_fail(const char *what, const struct ds_error *err)
{
    fprintf(stderr, "kill9: [%d] %s: %s: %s\n", (int)getpid(), what,
            ds_status_text(err->status), err->message);
    _exit(4);
}

int k9_lanes_of(const struct k9_run *run, int writer)
{
    (void)run;
    return writer % 4 == 3 ? THREADED_LANES : 1;
}

int k9_first_lane(const struct k9_run *run, int writer)
{
    int lane = 0;
    for (int w = 0; w < writer; w++) {
        lane += k9_lanes_of(run, w);
    }
    return lane;
}

static size_t ledger_size(const struct k9_run *run)
{
    return sizeof(struct k9_shared) + (size_t)run->appends * sizeof(struct k9_intent);
}

void k9_ledger_make(struct k9_run *run)
{
    const int access = PROT_READ | PROT_WRITE;

    // MAP_ANONYMOUS is not in POSIX 2008: a file without a name does the same.
    FILE *f = tmpfile();
    if (!f || ftruncate(fileno(f), (off_t)ledger_size(run)) != 0) {
        k9_die("the ledger");
    }
    run->shared = mmap(NULL, ledger_size(run), access, MAP_SHARED, fileno(f), 0);
    if (run->shared == MAP_FAILED) {
        k9_die("the ledger");
    }
    fclose(f);
    run->lanes = k9_first_lane(run, run->writers);
    int64_t first = 0;
    for (int w = 0; w < run->writers; w++) {
        int64_t end = run->appends * (w + 1) / run->writers;
        int lanes = k9_lanes_of(run, w);
        int64_t start = first;
        for (int i = 0; i < lanes; i++) {
            struct k9_lane *lane = &run->shared->lanes[k9_first_lane(run, w) + i];
            lane->first = first;
            lane->count = start + (end - start) * (i + 1) / lanes - first;
            first += lane->count;
        }
    }
}

void k9_ledger_free(struct k9_run *run)
{
    munmap(run->shared, ledger_size(run));
    run->shared = NULL;
}

int64_t k9_total(const struct k9_run *run)
{
    return run->appends + run->pyiceberg;
}

enum k9_state k9_state_of(const struct k9_run *run, int64_t number)
{
    if (number < run->appends) {
        return (enum k9_state)atomic_load(&run->shared->intents[number].state);
    }
    uint8_t letter = run->pyiceberg_state[K9_PYICEBERG_HEAD + number - run->appends];
    return letter == 'A' ? K9_ACKED : letter == 'I' ? K9_OPEN : K9_NONE;
}

int32_t k9_lane_of(const struct k9_run *run, int64_t number)
{
    if (number >= run->appends) {
        return K9_PYICEBERG;
    }
    for (int i = 0; i < run->lanes; i++) {
        const struct k9_lane *lane = &run->shared->lanes[i];
        if (number >= lane->first && number < lane->first + lane->count) {
            return i;
        }
    }
    return -1;
}

uint64_t k9_nonce(const struct k9_run *run, int64_t number)
{
    uint64_t which = run->path_table ? UINT64_C(0x70617468) : UINT64_C(0x73716c);
    return k9_mix(k9_mix(run->seed ^ which) ^ (uint64_t)number);
}

// 900 of 1,000 appends are one row; two are longer, and two wider, than what travels
// within an intent by default (1,000 rows, 64 KiB).
static bool is_wide(uint64_t nonce)
{
    return nonce % 1000 >= 998;
}

int32_t k9_rows(const struct k9_run *run, int64_t number)
{
    uint64_t nonce = k9_nonce(run, number);
    uint64_t more = nonce >> 32;
    uint64_t kind = nonce % 1000;

    if (number >= run->appends) {
        return (int32_t)(1 + more % 3);
    }
    if (kind < 900) {
        return 1;
    }
    if (kind < 996) {
        return (int32_t)(2 + more % 49);
    }
    if (!is_wide(nonce)) {
        return (int32_t)(1001 + more % (K9_ROWS_MAX - 1000));
    }
    return (int32_t)(2 + more % 19);
}

bool k9_identity_given(const struct k9_run *run, int64_t number)
{
    return run->plant == K9_PLANT_AGAIN || k9_mix(k9_nonce(run, number)) % 2 == 0;
}

void k9_identity(const struct k9_run *run, int64_t number, char out[37])
{
    uint64_t a = k9_mix(k9_nonce(run, number) ^ 1);
    uint64_t b = k9_mix(a);

    snprintf(out, 37, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
             (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
             (unsigned)(0x8000 | (b >> 48 & 0x3fff)),
             (unsigned long long)(b & UINT64_C(0xffffffffffff)));
}

int64_t k9_hurry_ms(const struct k9_run *run, int64_t number)
{
    uint64_t x = k9_mix(k9_nonce(run, number) ^ 2);
    bool hurry = !k9_identity_given(run, number) && x % 8 == 0;
    return hurry ? (int64_t)(1 + (x >> 32) % 20) : 0;
}

size_t k9_text(const struct k9_run *run, int64_t number, int32_t part,
               char out[K9_TEXT_MAX])
{
    uint64_t nonce = k9_nonce(run, number);
    uint64_t x = k9_mix(nonce ^ (uint64_t)part << 1);
    size_t size = 16 + x % 80;

    if (number < run->appends && is_wide(nonce)) {
        size = 70000 / (size_t)k9_rows(run, number) + x % 100;
    }
    for (size_t i = 0; i < size; i++) {
        if (i % 16 == 0) {
            x = k9_mix(x);
        }
        out[i] = "0123456789abcdef"[x >> (i % 16 * 4) & 15];
    }
    return size;
}
