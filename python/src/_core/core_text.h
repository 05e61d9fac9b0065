// Arrow schemas as text, for the prompt.
#ifndef DATASHARD_CORE_TEXT_H
#define DATASHARD_CORE_TEXT_H

#include "core_python.h"

#include "datashard/arrow.h"

/// Each column on a line, as pyarrow spells types: "id: int64 not null". A type that has
/// no place in Python is its Arrow format.
PyObject *core_schema_text(const struct ArrowSchema *schema);

/// The columns' names with commas between; of many, the first ones.
PyObject *core_names_text(const struct ArrowSchema *schema);

#endif
