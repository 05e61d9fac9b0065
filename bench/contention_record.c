#include "contention_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "contention_run.h"

enum { MESSAGE_SIZE = 96 };

int64_t record_ts(int64_t append, int64_t row)
{
    static const int64_t first = INT64_C(1226262975000000); // 2008-11-09 20:36:15 UTC.
    return first + (append % RECORD_APPENDS_EACH) * 1000 + row;
}

// splitmix64: a number that looks random for each that comes in.
static int64_t mixed(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (int64_t)(x ^ (x >> 31));
}

void record_messages_init(struct record_messages out[RECORD_VARIANTS], int writer,
                          int rows)
{
    for (int v = 0; v < RECORD_VARIANTS; v++) {
        struct record_messages *m = &out[v];
        m->bytes = calloc((size_t)rows, MESSAGE_SIZE);
        m->ends = calloc((size_t)rows + 1, sizeof *m->ends);
        if (!m->bytes || !m->ends) {
            run_die("memory", NULL);
        }
        for (int i = 0; i < rows; i++) {
            int64_t number = record_block(writer * RECORD_VARIANTS + v, i);
            int size = snprintf(m->bytes + m->ends[i], MESSAGE_SIZE,
                                "PacketResponder 1 for block blk_%" PRId64 " terminating",
                                mixed((uint64_t)number));
            m->ends[i + 1] = m->ends[i] + size;
        }
    }
}

void record_messages_release(struct record_messages m[RECORD_VARIANTS])
{
    for (int v = 0; v < RECORD_VARIANTS; v++) {
        free(m[v].bytes);
        free(m[v].ends);
    }
}
