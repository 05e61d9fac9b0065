// Random filters and random values to try them on, from pools so small that they meet.
#ifndef DSI_TEST_RANDOM_FILTER_H
#define DSI_TEST_RANDOM_FILTER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/error.h"
#include "base/text.h"
#include "scan/expr_match.h"

struct rng {
    uint64_t state;
    uint64_t seed;
};

// DATASHARD_TEST_SEED repeats a run; every run says what it used.
static inline void rng_init(struct rng *r)
{
    const char *seed = getenv("DATASHARD_TEST_SEED");
    r->seed = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);
    r->state = r->seed * 2 + 1;
    print_message("  DATASHARD_TEST_SEED=%llu\n", (unsigned long long)r->seed);
}

static inline uint64_t rng_below(struct rng *r, uint64_t n)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return (r->state >> 11) % n;
}

#define PICK(r, array) ((array)[rng_below(r, sizeof(array) / sizeof *(array))])

enum { RANDOM_COLUMNS = 11 };

static const char random_schema[] =
    "{\"type\":\"struct\",\"schema-id\":0,\"fields\":["
    "{\"id\":1,\"name\":\"i\",\"required\":false,\"type\":\"int\"},"
    "{\"id\":2,\"name\":\"l\",\"required\":false,\"type\":\"long\"},"
    "{\"id\":3,\"name\":\"f\",\"required\":false,\"type\":\"float\"},"
    "{\"id\":4,\"name\":\"d\",\"required\":false,\"type\":\"double\"},"
    "{\"id\":5,\"name\":\"dec\",\"required\":false,\"type\":\"decimal(9, 2)\"},"
    "{\"id\":6,\"name\":\"date\",\"required\":false,\"type\":\"date\"},"
    "{\"id\":7,\"name\":\"ts\",\"required\":false,\"type\":\"timestamp\"},"
    "{\"id\":8,\"name\":\"s\",\"required\":false,\"type\":\"string\"},"
    "{\"id\":9,\"name\":\"ok\",\"required\":false,\"type\":\"boolean\"},"
    "{\"id\":10,\"name\":\"u\",\"required\":false,\"type\":\"uuid\"},"
    "{\"id\":11,\"name\":\"b\",\"required\":false,\"type\":\"binary\"},"
    "{\"id\":12,\"name\":\"n\",\"required\":false,\"type\":\"long\"}]}";

// What a column's values, and literals beside them, are taken from.
static const char *const random_texts[RANDOM_COLUMNS][10] = {
    {"0", "1", "-1", "7", "10", "-10", "2147483647", "-2147483648", "-2147483645", "3"},
    {"0", "1", "-1", "7", "10", "-10", "9223372036854775807", "-9223372036854775808",
     "5000000000", "-9223372036854775800"},
    {"0", "-0.0", "1.5", "-1.5", "7", "inf", "-inf", "3.4028235e38", "1e-45", "-7"},
    {"0", "-0.0", "1.5", "-1.5", "7", "inf", "-inf", "1.7976931348623157e308", "5e-324",
     "-7"},
    {"0", "1.5", "-1.5", "0.01", "-0.01", "10", "-10.25", "9999999.99", "-9999999.99",
     "3"},
    {"1970-01-01", "1969-12-31", "1970-01-02", "1969-01-01", "1968-12-31", "2020-02-29",
     "2020-03-01", "1970-02-01", "1900-01-01", "2017-11-16"},
    {"1970-01-01 00:00:00", "1969-12-31 23:59:59.999999", "1970-01-01 01:00:00",
     "1969-12-31 22:59:59", "1969-12-31 23:00:00", "2020-02-29 12:34:56.789",
     "2020-03-01 00:00:00", "1968-06-01 00:00:00", "1900-01-01 00:00:00.000001",
     "2017-11-16 22:31:08"},
    {"", "a", "ab", "abc", "abcd", "abd", "b", "größe", "größer", "\xf4\x8f\xbf\xbfz"},
    {"true", "false", "true", "false", "true", "false", "true", "false", "true", "false"},
    {"00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff",
     "7fffffff-0000-0000-0000-000000000000", "80000000-0000-0000-0000-000000000000",
     "f79c3e09-677c-4bbd-a479-3f349cb785e7", "f79c3e09-677c-4bbd-a479-3f349cb785e8",
     "00000000-0000-0000-0000-000000000001", "11111111-1111-1111-1111-111111111111",
     "22222222-1111-1111-1111-111111111111", "33333333-1111-1111-1111-111111111111"},
    {"", "00", "ff", "ffff", "ffff00", "00ff", "7f", "80", "0102030405", "01"},
};

// Literals that are no value of the column, where it has such.
static const char *const odd_texts[RANDOM_COLUMNS][4] = {
    {"2.5", "-0.5", "5000000000", "-1e40"},
    {"2.5", "-0.5", "1e30", "-1e30"},
    {"1e300", "-1e300", "0.1", "2"},
    {"1e400", "-1e400", "0.1", "2"},
    {"0.005", "-0.005", "1e20", "-1e20"},
    {"2020-02-29 12:00:00", "1969-12-31 12:00:00", "2000-01-01", "1960-01-01"},
    {"1969-12-31 23:59:59.9999999", "2000-01-01", "1960-01-01", "2020-02-29"},
    {"abcde", "zz", "gr", "A"},
    {"true", "false", "true", "false"},
    {"00000000-0000-0000-0000-000000000002", "00000000-0000-0000-0000-000000000003",
     "00000000-0000-0000-0000-000000000004", "00000000-0000-0000-0000-000000000005"},
    {"02", "03", "0102", "fe"},
};

static inline bool is_quoted(size_t column)
{
    return column >= 5 && column != 8;
}

static inline void random_literal(struct rng *r, size_t column, char *out, size_t size)
{
    const char *text = rng_below(r, 4) ? random_texts[column][rng_below(r, 10)]
                                       : odd_texts[column][rng_below(r, 4)];
    bool quote = is_quoted(column) || strstr(text, "inf");
    snprintf(out, size, quote ? "'%s'" : "%s", text);
}

/// One predicate on one column (0 … 10).
static inline void random_predicate(struct rng *r, size_t column, char *out, size_t size)
{
    static const char *const columns[] = {"i",  "l", "f",  "d", "dec", "date",
                                          "ts", "s", "ok", "u", "b"};
    static const char *const ops[] = {"=", "<>", "<", "<=", ">", ">="};
    const char *name = columns[column];
    char a[80];
    char b[80];
    char c[80];

    random_literal(r, column, a, sizeof a);
    random_literal(r, column, b, sizeof b);
    random_literal(r, column, c, sizeof c);
    switch (rng_below(r, 12)) {
    case 0:
        snprintf(out, size, "%s is null", name);
        break;
    case 1:
        snprintf(out, size, "%s is not null", name);
        break;
    case 2:
        // Seven values are a large set (see expr_eval.c), where the pool has so many.
        if (rng_below(r, 3) == 0) {
            size_t used = (size_t)snprintf(out, size, "%s in (%s", name, a);
            for (size_t i = 0; i < 9; i++) {
                random_literal(r, column, c, sizeof c);
                used += (size_t)snprintf(out + used, size - used, ", %s", c);
            }
            snprintf(out + used, size - used, ")");
            break;
        }
        snprintf(out, size, "%s in (%s, %s, %s)", name, a, b, c);
        break;
    case 3:
        snprintf(out, size, "%s not in (%s, %s%s)", name, a, b,
                 rng_below(r, 4) ? "" : ", null");
        break;
    case 4:
        snprintf(out, size, "%s between %s and %s", name, a, b);
        break;
    case 5:
        if (column == 2 || column == 3) {
            snprintf(out, size, "%s is %snan", name, rng_below(r, 2) ? "not " : "");
            break;
        }
        // fall through
    case 6:
        if (column == 7) {
            snprintf(out, size, "s %slike '%s%%'", rng_below(r, 2) ? "not " : "",
                     random_texts[7][rng_below(r, 10)]);
            break;
        }
        // fall through
    default:
        snprintf(out, size, "%s %s %s", name, PICK(r, ops), a);
        break;
    }
}

/// A whole filter, with AND, OR, NOT and parentheses.
static inline void random_filter(struct rng *r, int depth, char *out, size_t size)
{
    char a[2000];
    char b[2000];

    if (depth == 0 || rng_below(r, 4) == 0) {
        random_predicate(r, rng_below(r, RANDOM_COLUMNS), out, size);
        return;
    }
    random_filter(r, depth - 1, a, sizeof a);
    random_filter(r, depth - 1, b, sizeof b);
    int written = 0;
    switch (rng_below(r, 3)) {
    case 0:
        written = snprintf(out, size, "not (%s)", a);
        break;
    case 1:
        written = snprintf(out, size, "(%s and %s)", a, b);
        break;
    default:
        written = snprintf(out, size, "(%s or %s)", a, b);
        break;
    }
    assert_true(written > 0 && (size_t)written < size);
}

/// A value of a column: null, NaN, or one of its pool.
static inline void random_value(struct rng *r, const struct dsi_schema *schema,
                                size_t column, struct dsi_arena *arena,
                                struct dsi_value *out)
{
    const struct dsi_type *type = &schema->root.fields[column].type;
    const char *text = random_texts[column][rng_below(r, 10)];
    uint64_t kind = rng_below(r, 8);

    if (kind == 0) {
        *out = DSI_VALUE_NULL;
        return;
    }
    if (kind == 1 && (column == 2 || column == 3)) {
        text = "nan";
    }
    assert_int_equal(dsi_value_parse(type, text, strlen(text), arena, out, NULL), DS_OK);
}

/// Whether a row passes, value by value.
static inline bool row_passes(const struct dsi_bound *e, const struct dsi_schema *schema,
                              const struct dsi_value *row)
{
    bool known = true;
    size_t column = 0;

    if (e->op == DSI_EXPR_AND || e->op == DSI_EXPR_OR) {
        for (size_t i = 0; i < e->child_count; i++) {
            if (row_passes(e->children[i], schema, row) == (e->op == DSI_EXPR_OR)) {
                return e->op == DSI_EXPR_OR;
            }
        }
        return e->op == DSI_EXPR_AND;
    }
    while (e->field && schema->root.fields[column].id != e->field->id) {
        column++;
    }
    bool passes = dsi_bound_value(e, &row[column], &known);
    assert_true(known);
    return passes;
}

static inline void bind_text(const char *text, const struct dsi_schema *schema,
                             struct dsi_arena *arena, const struct dsi_bound **out)
{
    const struct dsi_expr *e = NULL;
    struct ds_error err = {0};

    if (dsi_expr_parse(text, arena, &e, &err) < 0 ||
        dsi_expr_bind(e, schema, arena, out, &err) < 0) {
        fail_msg("%s: %s", text, err.message);
    }
}

#endif
