// Results as text: a few columns, any number of rows, in the form that --format names.
#ifndef DATASHARD_CLI_GRID_H
#define DATASHARD_CLI_GRID_H

#include "cli/cli.h"

enum grid_format { GRID_TABLE, GRID_CSV, GRID_JSONL, GRID_JSON };

struct grid_column {
    const char *name;
    bool number; // Right-aligned in tables, bare in JSON.
};

struct grid;

/// `columns` is borrowed. Ends by grid_finish.
struct grid *grid_new(enum grid_format format, const struct grid_column *columns,
                      size_t count);

/// Adds a row: one cell a column, copied; NULL is null.
void grid_row(struct grid *g, const char *const *cells);

/// Prints what is left, and frees it. False (and said so) when standard output failed.
bool grid_finish(struct grid *g);

/// Prints one object of JSON in a line of its own; cells as in grid_row. False (and said
/// so) when standard output failed.
bool grid_print_object(const struct grid_column *columns, const char *const *cells,
                       size_t count);

/// The format for a listing, by --format and --json; false (and said so) if it is none.
bool grid_choose(enum grid_format *out);

#endif
