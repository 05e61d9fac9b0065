// In which order dicts have their members: rows mostly are made in one place, one like
// the other, and then nothing needs to be looked up in them.
#ifndef DATASHARD_PYTHON_ROWS_LAYOUT_H
#define DATASHARD_PYTHON_ROWS_LAYOUT_H

#include "core_python.h"

#include <stdbool.h>
#include <stdint.h>

/// All zero before rows_layout_begin.
struct rows_layout {
    PyObject *index; ///< From a member's name to its column.
    int64_t columns;
    int64_t count;     ///< Members of a dict like the one that was learned,
    PyObject **keys;   ///< which have these keys, in this order,
    int64_t *places;   ///< and belong to these columns.
    PyObject **values; ///< Room for the values of one dict.
    int64_t learned;
};

/// For columns of these names: `index` maps each to its number, and is taken over (also
/// on failure). -1: MemoryError.
int rows_layout_begin(struct rows_layout *l, PyObject *index, int64_t columns);
void rows_layout_end(struct rows_layout *l);

/// Whether a dict (exactly a dict) is like the one that was learned last; that of column
/// i then is in values[i * step], borrowed; NULL: not there. Runs no foreign code, and
/// raises nothing. Never, in an interpreter that runs threads side by side.
bool rows_layout_match(struct rows_layout *l, PyObject *dict, PyObject **values,
                       int64_t step);

/// Learns from a dict (exactly a dict) that did not match. Does nothing when it has keys
/// that are not columns, or not exactly str, and after many others. Raises nothing.
void rows_layout_learn(struct rows_layout *l, PyObject *dict);

#endif
