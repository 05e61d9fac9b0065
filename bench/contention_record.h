// The record that every writer appends: a line of a real distributed system's log, of
// about 100 bytes in five columns. contention_record.py makes the same.
//
// `block` tells which row it is: ROW_OF(append, row), and an append's number tells whose
// it is. So an independent reader can say of every append whether all of its rows are
// there, once.
#ifndef DATASHARD_BENCH_CONTENTION_RECORD_H
#define DATASHARD_BENCH_CONTENTION_RECORD_H

#include <stdint.h>

enum {
    RECORD_APPENDS_EACH = 1000000000, // Appends of one writer: numbers do not meet.
    RECORD_ROWS_MAX = 100000,         // Rows of one append.
    RECORD_VARIANTS = 8, // A writer's messages come again after so many appends.
};

#define RECORD_LEVEL "INFO"
#define RECORD_COMPONENT "dfs.DataNode$PacketResponder"

static inline int64_t record_append(int writer, int64_t nth)
{
    return (int64_t)writer * RECORD_APPENDS_EACH + nth;
}

static inline int64_t record_block(int64_t append, int64_t row)
{
    return append * RECORD_ROWS_MAX + row;
}

// Microseconds since 1970, a microsecond apart from row to row.
int64_t record_ts(int64_t append, int64_t row);

// The messages of an append's rows one after another, and where each ends; ends[0] is 0.
struct record_messages {
    char *bytes;
    int32_t *ends;
};

// Made beforehand, so that no writer's time goes into making text. They name a block as
// the real lines do, by a random number, so they compress as badly.
void record_messages_init(struct record_messages out[RECORD_VARIANTS], int writer,
                          int rows);
void record_messages_release(struct record_messages m[RECORD_VARIANTS]);

#endif
