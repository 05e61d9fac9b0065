#include "cli/grid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/text_width.h"

enum { ROWS_AT_ONCE = 2000 }; // A table is aligned over so many rows.

struct grid {
    enum grid_format format;
    const struct grid_column *columns;
    size_t count;
    char **cells; // Of the rows that wait for their widths.
    size_t rows;
    size_t rows_all;
};

struct grid *grid_new(enum grid_format format, const struct grid_column *columns,
                      size_t count)
{
    struct grid *g = cli_alloc(sizeof *g);
    *g = (struct grid){.format = format, .columns = columns, .count = count};
    g->cells = cli_alloc(ROWS_AT_ONCE * count * sizeof *g->cells);
    return g;
}

bool grid_choose(enum grid_format *out)
{
    static const struct {
        const char *name;
        enum grid_format format;
    } names[] = {{"table", GRID_TABLE},
                 {"csv", GRID_CSV},
                 {"jsonl", GRID_JSONL},
                 {"json", GRID_JSON}};

    *out = common.json ? GRID_JSON : GRID_TABLE;
    for (size_t i = 0; common.format && i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(common.format, names[i].name) == 0) {
            *out = names[i].format;
            return true;
        }
    }
    if (common.format) {
        cli_complain("--format is one of table, csv, jsonl, json; not '%s'",
                     common.format);
        return false;
    }
    return true;
}

static void put_padded(const char *s, size_t to, bool right, bool last)
{
    size_t width = text_width(s);
    size_t pad = to > width ? to - width : 0;
    printf("%*s%s%*s%s", right ? (int)pad : 0, "", s, right || last ? 0 : (int)pad, "",
           last ? "\n" : "  ");
}

// Newlines and tabs would break the lines of a table.
static void flatten(char *s)
{
    for (; *s; s++) {
        if (*s == '\n' || *s == '\t' || *s == '\r') {
            *s = ' ';
        }
    }
}

static void print_table(const struct grid *g, bool header)
{
    size_t *widths = cli_alloc(g->count * sizeof *widths);

    for (size_t c = 0; c < g->count; c++) {
        widths[c] = text_width(g->columns[c].name);
        for (size_t r = 0; r < g->rows; r++) {
            char *cell = g->cells[r * g->count + c];
            if (cell) {
                flatten(cell);
            }
            size_t w = cell ? text_width(cell) : 4;
            widths[c] = w > widths[c] ? w : widths[c];
        }
    }
    for (size_t c = 0; header && c < g->count; c++) {
        put_padded(g->columns[c].name, widths[c], g->columns[c].number,
                   c + 1 == g->count);
    }
    for (size_t r = 0; r < g->rows; r++) {
        for (size_t c = 0; c < g->count; c++) {
            const char *cell = g->cells[r * g->count + c];
            put_padded(cell ? cell : "null", widths[c], g->columns[c].number,
                       c + 1 == g->count);
        }
    }
    free(widths);
}

static void put_csv(const char *s)
{
    if (*s && !strpbrk(s, ",\"\r\n")) {
        fputs(s, stdout);
        return;
    }
    putchar('"');
    for (; *s; s++) {
        if (*s == '"') {
            putchar('"');
        }
        putchar(*s);
    }
    putchar('"');
}

static void put_json(const char *s)
{
    putchar('"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\') {
            printf("\\%c", c);
        } else if (c < 0x20) {
            printf("\\u%04x", c);
        } else {
            putchar(c);
        }
    }
    putchar('"');
}

static void print_csv_line(const struct grid *g, size_t row)
{
    for (size_t c = 0; c < g->count; c++) {
        const char *cell = g->cells[row * g->count + c];
        if (c > 0) {
            putchar(',');
        }
        if (cell) {
            put_csv(cell);
        }
    }
    putchar('\n');
}

static void print_csv(const struct grid *g, bool header)
{
    for (size_t c = 0; header && c < g->count; c++) {
        if (c > 0) {
            putchar(',');
        }
        put_csv(g->columns[c].name);
    }
    if (header) {
        putchar('\n');
    }
    for (size_t r = 0; r < g->rows; r++) {
        print_csv_line(g, r);
    }
}

static void print_object(const struct grid *g, size_t row)
{
    putchar('{');
    for (size_t c = 0; c < g->count; c++) {
        const char *cell = g->cells[row * g->count + c];
        fputs(c > 0 ? ", " : "", stdout);
        put_json(g->columns[c].name);
        fputs(": ", stdout);
        if (!cell) {
            fputs("null", stdout);
        } else if (g->columns[c].number) {
            fputs(cell, stdout);
        } else {
            put_json(cell);
        }
    }
    putchar('}');
}

static void print_json(const struct grid *g, bool first)
{
    for (size_t r = 0; r < g->rows; r++) {
        if (g->format == GRID_JSON) {
            fputs(first && r == 0 ? "[\n " : ",\n ", stdout);
        }
        print_object(g, r);
        if (g->format == GRID_JSONL) {
            putchar('\n');
        }
    }
}

static void flush_rows(struct grid *g)
{
    bool first = g->rows_all == g->rows;
    switch (g->format) {
    case GRID_TABLE:
        print_table(g, first);
        break;
    case GRID_CSV:
        print_csv(g, first);
        break;
    default:
        print_json(g, first);
    }
    for (size_t i = 0; i < g->rows * g->count; i++) {
        free(g->cells[i]);
    }
    g->rows = 0;
}

void grid_row(struct grid *g, const char *const *cells)
{
    if (g->rows == ROWS_AT_ONCE) {
        flush_rows(g);
    }
    for (size_t c = 0; c < g->count; c++) {
        g->cells[g->rows * g->count + c] = cells[c] ? cli_strdup(cells[c]) : NULL;
    }
    g->rows++;
    g->rows_all++;
}

bool grid_finish(struct grid *g)
{
    if (g->rows > 0 || g->rows_all == 0) {
        flush_rows(g);
    }
    if (g->format == GRID_JSON) {
        fputs(g->rows_all > 0 ? "\n]\n" : "[]\n", stdout);
    }
    free(g->cells);
    free(g);
    return cli_told();
}

bool grid_print_object(const struct grid_column *columns, const char *const *cells,
                       size_t count)
{
    struct grid *g = grid_new(GRID_JSONL, columns, count);
    grid_row(g, cells);
    return grid_finish(g);
}
